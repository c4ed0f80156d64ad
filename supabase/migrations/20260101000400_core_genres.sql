-- Made from sql/core/genres by `make migrations`; edit that, not this.

-- sql/core/genres/tables.sql
-- Genres: one row each, linked to any item; a similarity graph from co-occurrence; a taxonomy with
-- several parents and materialized paths.
-- Words: a key is the normalized name; an umbrella is a root; a path is the slugs from an umbrella down,
-- joined by dots; a cluster is the first two segments of a genre's primary path.
-- Curated tables (roots, exclude, aliases, curated parents) are edited by the owner of the database;
-- derived ones (pairs, marginals, edges, induced parents, paths) are rebuilt by medley.rebuild_genre_taxonomy().
create table public.genres (
  id uuid primary key default gen_random_uuid(),
  genre_no int not null generated always as identity unique,
  name text not null check (length(name) between 1 and 100),
  normalized_key text not null check (length(normalized_key) between 1 and 100),
  slug text not null check (slug ~ '^[^[:space:][:cntrl:]._]{1,120}$'),
  created_at timestamptz not null default now()
);
create unique index idx_genres_normalized_key on public.genres (normalized_key);
create unique index idx_genres_slug on public.genres (slug);
create index idx_genres_name on public.genres (name);

comment on table public.genres is 'One row for each distinct genre.';
comment on column public.genres.id is 'The genre.';
comment on column public.genres.genre_no is 'Dense number; what the engine joins by.';
comment on column public.genres.name is 'Name for people: the first spelling that was met, "Hip Hop" say.';
comment on column public.genres.normalized_key is
  'normalize_genre_key of the name, "hip hop" say: equal keys are one genre.';
comment on column public.genres.slug is 'Name for addresses and paths, "hip-hop" say: no dots, no spaces.';
comment on column public.genres.created_at is 'When the row was made.';

create table public.item_genres (
  item_id uuid not null references medley.items (id) on delete cascade,
  genre_id uuid not null references public.genres (id) on delete cascade,
  created_at timestamptz not null default now(),
  primary key (item_id, genre_id)
);
create index item_genres_genre_idx on public.item_genres (genre_id, item_id);

comment on table public.item_genres is 'Which genres an item has.';
comment on column public.item_genres.item_id is 'The item: an artist, an event, anything registered.';
comment on column public.item_genres.genre_id is 'The genre.';
comment on column public.item_genres.created_at is 'When the link was made.';

create table medley.genre_aliases (
  alias_key text primary key check (length(alias_key) between 1 and 100),
  genre_key text not null check (length(genre_key) between 1 and 100),
  constraint genre_aliases_not_self check (alias_key <> genre_key)
);

comment on table medley.genre_aliases is
  'Other spellings: a raw name with the key alias_key means the genre genre_key. One step only, never a chain.';
comment on column medley.genre_aliases.alias_key is 'Key of the other spelling, "hiphop" say.';
comment on column medley.genre_aliases.genre_key is 'Key of the genre that it means, "hip hop" say.';

create table public.genre_taxonomy_roots (
  genre_id uuid primary key references public.genres (id) on delete cascade
);

comment on table public.genre_taxonomy_roots is 'The umbrellas: curated roots of the taxonomy.';
comment on column public.genre_taxonomy_roots.genre_id is 'The umbrella.';

create table public.genre_taxonomy_exclude (
  normalized_key text primary key,
  reason text not null default 'curated'
);

comment on table public.genre_taxonomy_exclude is
  'Drop list: keys that are not genres. They may be linked to items but have no place in the graph or the taxonomy.';
comment on column public.genre_taxonomy_exclude.normalized_key is 'The key, as normalize_genre_key gives it.';
comment on column public.genre_taxonomy_exclude.reason is 'Why it is no genre: a group of the list, or a remark.';

create table public.genre_parent (
  child_id uuid not null references public.genres (id) on delete cascade,
  parent_id uuid not null references public.genres (id) on delete cascade,
  confidence double precision not null default 1.0 check (confidence between 0 and 1),
  source text not null default 'curated' check (source in ('curated', 'induced')),
  generation int,
  primary key (child_id, parent_id),
  constraint genre_parent_not_self check (child_id <> parent_id)
);
create index idx_genre_parent_parent on public.genre_parent (parent_id);

comment on table public.genre_parent is
  'Edges of the taxonomy, an acyclic graph: a genre may have several parents. A trigger refuses what closes a cycle.';
comment on column public.genre_parent.child_id is 'The narrower genre.';
comment on column public.genre_parent.parent_id is 'The broader genre.';
comment on column public.genre_parent.confidence is 'How sure the edge is, 0 to 1.';
comment on column public.genre_parent.source is
  'curated: written by people, never touched by the engine; induced: derived from the data, replaced by rebuilds.';
comment on column public.genre_parent.generation is 'For an induced edge: the rebuild that last changed it; null for curated.';

create table public.genre_paths (
  path_no int not null generated always as identity unique,
  genre_id uuid not null references public.genres (id) on delete cascade,
  path_slug text not null,
  depth int not null check (depth >= 0),
  is_primary boolean not null default false,
  ancestor_nos int[] not null default '{}',
  generation int not null,
  primary key (genre_id, path_slug)
);
-- Pattern operators: a subtree is a range of this index whatever the collation of the database is.
create unique index idx_genre_paths_path_slug on public.genre_paths (path_slug text_pattern_ops);
create index idx_genre_paths_depth on public.genre_paths (depth);
create unique index genre_paths_primary_idx on public.genre_paths (genre_id) where is_primary;

comment on table public.genre_paths is
  'Every way from an umbrella down to a genre, up to a depth and a number of paths a genre (settings). Derived.';
comment on column public.genre_paths.path_no is 'Number of the path; a path that survives a rebuild keeps it.';
comment on column public.genre_paths.genre_id is 'The genre at the end of the path.';
comment on column public.genre_paths.path_slug is 'Slugs from the umbrella down, joined by dots: "rock.indie-rock".';
comment on column public.genre_paths.depth is 'Steps below the umbrella; 0 is the umbrella itself.';
comment on column public.genre_paths.is_primary is
  'The one path that stands for the genre: least depth, then highest confidence, then slug.';
comment on column public.genre_paths.ancestor_nos is
  'path_no of each prefix, from the umbrella down to this path itself.';
comment on column public.genre_paths.generation is 'The rebuild that last changed the row.';

create table medley.genre_cooccurrence_pairs (
  genre_a uuid not null,
  genre_b uuid not null,
  pair_count bigint not null,
  generation int not null,
  primary key (genre_a, genre_b),
  constraint genre_cooccurrence_pairs_ordered check (genre_a < genre_b)
);

comment on table medley.genre_cooccurrence_pairs is
  'How many items have both genres. Counts items of the kinds with in_genre_statistics. Derived; no foreign keys, '
  'because checking them would double the time of a rebuild.';
comment on column medley.genre_cooccurrence_pairs.genre_a is 'The genre with the smaller id.';
comment on column medley.genre_cooccurrence_pairs.genre_b is 'The genre with the larger id.';
comment on column medley.genre_cooccurrence_pairs.pair_count is 'Items that have both.';
comment on column medley.genre_cooccurrence_pairs.generation is 'The rebuild that last changed the row.';

create table medley.genre_statistics (
  singleton boolean primary key default true check (singleton),
  item_count bigint not null,
  generation int not null
);

comment on table medley.genre_statistics is 'One row: how many items the co-occurrence counts are over. Derived.';
comment on column medley.genre_statistics.singleton is 'Always true: there is one row.';
comment on column medley.genre_statistics.item_count is
  'N of the formulas: items with a genre, of the kinds with in_genre_statistics.';
comment on column medley.genre_statistics.generation is 'The rebuild that last changed the row.';

create table medley.genre_marginals (
  genre_id uuid primary key,
  artist_count bigint not null,
  generation int not null
);

comment on table medley.genre_marginals is
  'How many items have the genre, of the kinds with in_genre_statistics (artists, in a music catalogue). Derived.';
comment on column medley.genre_marginals.genre_id is 'The genre.';
comment on column medley.genre_marginals.artist_count is 'Items that have it.';
comment on column medley.genre_marginals.generation is 'The rebuild that last changed the row.';

create table medley.genre_similarity_edges (
  genre_id uuid not null references public.genres (id) on delete cascade,
  neighbor_id uuid not null references public.genres (id) on delete cascade,
  weight double precision not null,
  relatedness double precision not null,
  pair_count bigint not null,
  generation int not null,
  primary key (genre_id, neighbor_id),
  constraint genre_similarity_edges_not_self check (genre_id <> neighbor_id)
);
create index idx_genre_similarity_edges_neighbor on medley.genre_similarity_edges (neighbor_id);

comment on table medley.genre_similarity_edges is 'The most related genres of each genre (25 by default). Derived.';
comment on column medley.genre_similarity_edges.genre_id is 'The genre.';
comment on column medley.genre_similarity_edges.neighbor_id is 'A genre that goes with it.';
comment on column medley.genre_similarity_edges.weight is
  'Pointwise mutual information, ln(pair_count * N / (count_a * count_b)).';
comment on column medley.genre_similarity_edges.relatedness is
  'What ranks the neighbours: normalized PMI shrunk by support, 0 to 1. PMI alone favours genres that met by chance.';
comment on column medley.genre_similarity_edges.pair_count is 'Items that have both.';
comment on column medley.genre_similarity_edges.generation is 'The rebuild that last changed the row.';

insert into medley.settings (key, value, description)
values
  ('genres.max_neighbors', 25, 'Similar genres kept for each genre; 1 to 100.'),
  ('genres.min_pair_count', 2, 'Items that two genres must share before that counts as evidence; 1 or more.'),
  (
    'genres.similarity_shrinkage', 5,
    'Shared items at which relatedness is half of what boundless support gives; 0 or more.'
  ),
  ('genres.parent_threshold', 0.3, 'Share of a genre''s items that must have the parent too; 0 to 1.'),
  ('genres.parent_shrinkage', 2, 'Items added to a genre''s count before that share is taken; 0 or more.'),
  ('genres.parent_tolerance', 0.9, 'A further parent must score this share of the best one; 0 to 1.'),
  ('genres.max_parents', 2, 'Parents that the engine gives to a genre; 1 or more. Curated ones are not limited.'),
  (
    'genres.name_ending_weight', 0.5,
    'What a name adds to a parent''s score: "death metal" ends "melodic death metal".'
  ),
  ('genres.name_part_weight', 0.3, 'The same for a name that stands elsewhere: "folk" in "folk punk".'),
  ('genres.umbrella_threshold', 0.1, 'The share at which a genre without a parent goes to its best umbrella; 0 to 1.'),
  ('genres.max_depth', 5, 'Deepest path below an umbrella; 1 to 20.'),
  ('genres.max_paths', 8, 'Paths kept for each genre; 1 or more.'),
  ('genres.cluster_min_artists', 5, 'Artists that a genre needs before it counts towards a cluster; 0 or more.');

-- sql/core/genres/views.sql
-- Views over the derived tables. Their columns are those of the published description of the engine.
create view medley.genre_similarity_pmi as
select
  p.genre_a,
  p.genre_b,
  p.pair_count,
  ln(p.pair_count::double precision * s.item_count / (a.artist_count::double precision * b.artist_count)) as pmi
from medley.genre_cooccurrence_pairs as p
inner join medley.genre_marginals as a on a.genre_id = p.genre_a
inner join medley.genre_marginals as b on b.genre_id = p.genre_b
cross join medley.genre_statistics as s;

comment on view medley.genre_similarity_pmi is
  'Pointwise mutual information of two genres, ln(pair_count * N / (count_a * count_b)) (Church and Hanks 1990).';
comment on column medley.genre_similarity_pmi.genre_a is 'The genre with the smaller id.';
comment on column medley.genre_similarity_pmi.genre_b is 'The genre with the larger id.';
comment on column medley.genre_similarity_pmi.pair_count is 'Items that have both.';
comment on column medley.genre_similarity_pmi.pmi is 'Above 0: together more often than by chance.';
revoke all on medley.genre_similarity_pmi from public, anon, authenticated, service_role;

-- Plain joins, so that a condition on genre_id reaches the index of genre_paths.
create view medley.genre_cluster_keys as
select
  p.genre_id,
  split_part(p.path_slug, '.', 1) as umbrella_slug,
  case
    when p.depth = 0 then p.path_slug
    else split_part(p.path_slug, '.', 1) || '.' || split_part(p.path_slug, '.', 2)
  end as cluster_path_slug
from public.genre_paths as p
inner join public.genres as g on g.id = p.genre_id
inner join medley.genre_marginals as m on m.genre_id = p.genre_id
where p.is_primary
  -- The table rather than medley.setting(): a view reads tables as its owner, but calls functions as its reader.
  and m.artist_count >= (select s.value from medley.settings as s where s.key = 'genres.cluster_min_artists')
  and not exists (select from public.genre_taxonomy_exclude as x where x.normalized_key = g.normalized_key);

comment on view medley.genre_cluster_keys is
  'The cluster of each genre: the first two segments of its primary path. Only genres of at least '
  'genres.cluster_min_artists artists that are not on the drop list. Public knowledge: no row is about a member.';
comment on column medley.genre_cluster_keys.genre_id is 'The genre.';
comment on column medley.genre_cluster_keys.umbrella_slug is 'First segment of the path.';
comment on column medley.genre_cluster_keys.cluster_path_slug is 'First two segments, or the umbrella alone.';
revoke all on medley.genre_cluster_keys from public, anon, authenticated, service_role;
grant select on medley.genre_cluster_keys to anon, authenticated, service_role;

-- sql/core/genres/functions.sql
-- Names to genres, and genres to items. Everything is set-based: one genre or one item is a set of one.
create or replace function public.normalize_genre_key(raw text)
returns text
language sql immutable parallel safe security invoker set search_path = ''
as $$
  -- NFKC first, so that composed, decomposed and full-width spellings agree. The class holds white space, control
  -- characters, underscores, every dash, and the invisible marks that text copied from web pages carries.
  select btrim(regexp_replace(
    lower(normalize(raw, nfkc)),
    '[[:space:][:cntrl:]_\u00ad\u200b\u200e\u200f\u2010-\u2015\u202a-\u202e\u2060\u2066-\u2069\u2212\ufeff-]+',
    ' ',
    'g'
  ))
$$;

comment on function public.normalize_genre_key(text) is
  'The key of a genre name: lower case, with runs of white space, control characters, dashes and underscores as one '
  'space and none at the ends; "Hip-Hop", "hip_hop" and " HIP  hop" give "hip hop". Null for null, empty for nothing.';
revoke all on function public.normalize_genre_key(text) from public, anon, authenticated, service_role;
grant execute on function public.normalize_genre_key(text) to anon, authenticated, service_role;

create or replace function medley.genre_hashed_slug(p_slug text, p_key text)
returns text
language sql immutable parallel safe security invoker set search_path = ''
as $$ select p_slug || '-' || left(md5(p_key), 10) $$;

comment on function medley.genre_hashed_slug(text, text) is
  'A slug that is p_key''s own: p_slug with a digest of the key behind it.';
revoke all on function medley.genre_hashed_slug(text, text) from public, anon, authenticated, service_role;

create or replace function medley.genre_slug(p_key text)
returns text
language sql immutable parallel safe security invoker set search_path = ''
as $$
  with spelled as (
    select replace(replace(translate(p_key, '''’`´', ''), '&', ' and '), '+', ' plus ') as words
  ),

  -- Accents go from Latin letters only: in other scripts the mark is part of the letter.
  plain as (
    select normalize(regexp_replace(normalize(s.words, nfd), '([a-z])[\u0300-\u036f]+', '\1', 'g'), nfc) as words
    from spelled as s
  ),

  dashed as (
    select btrim(left(btrim(regexp_replace(p.words, '[[:space:][:cntrl:][:punct:]$<=>^|~]+', '-', 'g'), '-'), 100), '-')
      as slug
    from plain as p
  )

  select coalesce(nullif(d.slug, ''), medley.genre_hashed_slug('genre', p_key))
  from dashed as d
$$;

comment on function medley.genre_slug(text) is
  'The slug that the key p_key would like: "r&b" gives "r-and-b". Letters of every script stay; never empty. '
  'Two keys may want the same one: upsert_genres gives it to the first.';
revoke all on function medley.genre_slug(text) from public, anon, authenticated, service_role;

create or replace function medley.genre_keys(p_raw text[])
returns table (raw text, genre_key text, is_alias boolean, first_seen bigint)
-- This stands behind every single upsert: plpgsql for its cached plan, and few rows, so that genres are looked up by
-- index rather than hashed whole; ten thousand names at once are still looked up in no time.
language plpgsql stable parallel safe security definer set search_path = ''
rows 10
as $$
begin
  return query
  with spelling as (
    select
      u.raw,
      min(u.seen) as seen
    from unnest(p_raw) with ordinality as u (raw, seen)
    group by u.raw
  ),

  keyed as (
    select
      s.raw,
      s.seen,
      public.normalize_genre_key(s.raw) as key
    from spelling as s
  )

  select
    k.raw,
    coalesce(a.genre_key, k.key),
    a.genre_key is not null,
    k.seen
  from keyed as k
  left join medley.genre_aliases as a on a.alias_key = k.key
  where k.key <> '';
end;
$$;

comment on function medley.genre_keys(text[]) is
  'The distinct names of p_raw with the keys of the genres they mean, other spellings resolved, and where each first '
  'stood. Null and names that normalize to nothing are left out.';
revoke all on function medley.genre_keys(text[]) from public, anon, authenticated, service_role;

create or replace function medley.check_genre_names(p_raw text[])
returns void
language plpgsql stable parallel safe security definer set search_path = ''
as $$
declare
  v_raw text;
begin
  -- The length of the raw text is looked at first: nobody waits for ten megabytes to be normalized.
  select u.raw into v_raw
  from unnest(p_raw) as u (raw)
  where case when length(u.raw) > 1000 then true else length(public.normalize_genre_key(u.raw)) > 100 end
  limit 1;

  if found then
    perform medley.fail('invalid_argument', format('genre name too long: "%s…"', left(v_raw, 60)), 'genres',
      'A genre name has at most 100 characters.');
  end if;
end;
$$;

comment on function medley.check_genre_names(text[]) is
  'Refuses names of more than 100 characters. Errors: invalid_argument.';
revoke all on function medley.check_genre_names(text[]) from public, anon, authenticated, service_role;

create or replace function medley.insert_missing_genres(p_raw text[])
returns bigint
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_inserted bigint;
begin
  with missing as (
    -- A genre is named after its own spelling rather than after an alias that happened to come first.
    select distinct on (k.genre_key)
      k.genre_key,
      case
        when k.is_alias then k.genre_key
        else left(btrim(regexp_replace(k.raw, '[[:space:][:cntrl:]]+', ' ', 'g')), 100)
      end as name,
      medley.genre_slug(k.genre_key) as slug
    from medley.genre_keys(p_raw) as k
    where not exists (select from public.genres as g where g.normalized_key = k.genre_key)
    order by k.genre_key, k.is_alias, k.first_seen
  ),

  ranked as (
    select
      m.*,
      row_number() over (partition by m.slug order by m.genre_key) = 1
      and not exists (select from public.genres as g where g.slug = m.slug) as slug_is_free
    from missing as m
  )

  insert into public.genres (name, normalized_key, slug)
  select
    coalesce(nullif(r.name, ''), r.genre_key),
    r.genre_key,
    case when r.slug_is_free then r.slug else medley.genre_hashed_slug(r.slug, r.genre_key) end
  from ranked as r
  order by r.genre_key
  on conflict do nothing;

  get diagnostics v_inserted = row_count;
  return v_inserted;
end;
$$;

comment on function medley.insert_missing_genres(text[]) is
  'Makes the genres that p_raw names and nobody made yet; returns how many. Callers hold the lock of upsert_genres.';
revoke all on function medley.insert_missing_genres(text[]) from public, anon, authenticated, service_role;

create or replace function medley.upsert_genres(p_raw text[])
returns table (raw text, genre_id uuid)
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
begin
  perform medley.check_genre_names(p_raw);

  if exists (
    select from medley.genre_keys(p_raw) as k
    where not exists (select from public.genres as g where g.normalized_key = k.genre_key)
  ) then
    -- One session at a time makes genres. Waiting for each other's rows instead would deadlock two transactions
    -- that meet the same new names in different order. Known names never come here.
    perform pg_advisory_xact_lock(hashtextextended('medley.genres', 0));
    perform medley.insert_missing_genres(p_raw);
  end if;

  return query
  select k.raw, g.id
  from medley.genre_keys(p_raw) as k
  inner join public.genres as g on g.normalized_key = k.genre_key;
end;
$$;

comment on function medley.upsert_genres(text[]) is
  'The genres of these raw names, made where they are new: one row for each distinct name that has a key. '
  'Safe under concurrency. Errors: invalid_argument (a name of more than 100 characters).';
revoke all on function medley.upsert_genres(text[]) from public, anon, authenticated, service_role;

create or replace function medley.upsert_genre(p_raw text)
returns uuid
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_genre_id uuid;
begin
  select u.genre_id into v_genre_id
  from medley.upsert_genres(array[p_raw]) as u;

  if v_genre_id is null then
    perform medley.fail('invalid_argument', 'the genre name is empty', 'raw_genre',
      'Pass a name with at least one letter, digit or sign besides dashes and spaces.');
  end if;
  return v_genre_id;
end;
$$;

comment on function medley.upsert_genre(text) is
  'The genre of this raw name, made if it is new. Errors: invalid_argument (empty, or more than 100 characters).';
revoke all on function medley.upsert_genre(text) from public, anon, authenticated, service_role;
grant execute on function medley.upsert_genre(text) to service_role;

create or replace function medley.lock_items(p_items uuid[])
returns void
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_locked bigint;
begin
  -- In the order of the ids, so that two overlapping calls wait for each other instead of deadlocking.
  select count(*) into v_locked
  from (
    select i.id
    from medley.items as i
    where i.id = any(p_items)
    order by i.id
    for no key update
  ) as locked;

  if v_locked < cardinality(p_items) then
    perform medley.fail('not_found', 'an item is not registered', 'p_items',
      'Write the item first: its catalogue row, or register_items.');
  end if;
end;
$$;

comment on function medley.lock_items(uuid[]) is
  'Locks these distinct items until the transaction ends. Errors: not_found when one does not exist.';
revoke all on function medley.lock_items(uuid[]) from public, anon, authenticated, service_role;

create or replace function medley.sync_item_genres(p_items uuid[], p_genres text[])
returns bigint
-- The arrays hold one pair or a hundred thousand: each call deserves a plan of its own.
language plpgsql volatile parallel unsafe security definer set search_path = '' set plan_cache_mode = force_custom_plan
as $$
declare
  v_items uuid[] := array(select distinct i.id from unnest(p_items) as i (id) where i.id is not null);
  v_raw text[];
  v_genre_ids uuid[];
  v_changed bigint;
begin
  if cardinality(p_items) is distinct from cardinality(p_genres) or array_position(p_items, null) is not null then
    perform medley.fail('invalid_argument', 'p_items and p_genres must pair up, and no item may be null', 'p_items',
      'Pass one item with one raw genre at each place; an item without genres once, with a null genre.');
  end if;
  if exists (select from unnest(p_items) as i (id) group by i.id having count(*) > 100) then
    perform medley.fail('too_large', 'an item names more than 100 genres', 'p_genres', 'Keep the most telling ones.');
  end if;

  select coalesce(array_agg(u.raw), '{}'), coalesce(array_agg(u.genre_id), '{}') into v_raw, v_genre_ids
  from medley.upsert_genres(array(select distinct g.raw from unnest(p_genres) as g (raw))) as u;

  perform medley.lock_items(v_items);

  with wanted as materialized (
    select distinct
      p.item_id,
      g.genre_id
    from unnest(p_items, p_genres) as p (item_id, raw)
    inner join unnest(v_raw, v_genre_ids) as g (raw, genre_id) on g.raw = p.raw
  ),

  removed as (
    delete from public.item_genres as l
    where l.item_id = any(v_items)
      and not exists (select from wanted as w where w.item_id = l.item_id and w.genre_id = l.genre_id)
    returning 1
  ),

  added as (
    insert into public.item_genres (item_id, genre_id)
    select w.item_id, w.genre_id
    from wanted as w
    where not exists (
      select from public.item_genres as l
      where l.item_id = w.item_id and l.genre_id = w.genre_id
    )
    order by w.item_id, w.genre_id
    on conflict do nothing
    returning 1
  )

  select (select count(*) from removed) + (select count(*) from added) into v_changed;
  return v_changed;
end;
$$;

comment on function medley.sync_item_genres(uuid[], text[]) is
  'Replaces the genres of the items in p_items by the raw names at the same places of p_genres; an item that '
  'should have none stands once with a null. Names that normalize to nothing are skipped. Only differences are '
  'written; returns how many links changed. Errors: invalid_argument, not_found (unknown item), too_large (over 100 names an item).';
revoke all on function medley.sync_item_genres(uuid[], text[]) from public, anon, authenticated, service_role;

create or replace function medley.sync_genres_of_rows()
returns trigger
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_items uuid[];
  v_genres text[];
begin
  if tg_op = 'INSERT' then
    select array_agg(n.id), array_agg(g.genre) into v_items, v_genres
    from new_rows as n
    cross join lateral unnest(n.genres) as g (genre);
  else
    select array_agg(n.id), array_agg(g.genre) into v_items, v_genres
    from new_rows as n
    join old_rows as o on o.id = n.id and o.genres is distinct from n.genres
    left join lateral unnest(n.genres) as g (genre) on true;
  end if;
  if v_items is not null then
    perform medley.sync_item_genres(v_items, v_genres);
  end if;
  return null;
end;
$$;

comment on function medley.sync_genres_of_rows() is
  'Statement trigger with transition tables, for catalogue tables with a column genres: the genre links of new or changed '
  'rows follow their raw array.';
revoke all on function medley.sync_genres_of_rows() from public, anon, authenticated, service_role;

-- sql/core/genres/similarity.sql
-- The similarity graph: who occurs with whom, and which of that is more than chance.
-- Rebuilt in one transaction a stage: readers see the former generation until it commits. Only differences are
-- written, so a rebuild over unchanged data writes nothing.
create or replace function medley.genre_statistics_links()
returns table (item_no int, genre_no int)
language sql stable parallel safe security definer set search_path = ''
as $$
  select
    i.item_no,
    g.genre_no
  from public.item_genres as l
  inner join medley.items as i on i.id = l.item_id
  inner join medley.item_kinds as k on k.kind = i.kind
  inner join public.genres as g on g.id = l.genre_id
  where k.in_genre_statistics
$$;

comment on function medley.genre_statistics_links() is
  'The links that the statistics count, by number: those of items whose kind has in_genre_statistics.';
revoke all on function medley.genre_statistics_links() from public, anon, authenticated, service_role;

create or replace function medley.count_genre_pairs()
returns table (genre_a uuid, genre_b uuid, pair_count bigint)
language sql stable parallel safe security definer set search_path = '' set work_mem = '256MB'
as $$
  -- Bags instead of a self-join: one pass over the links, and the hash table holds two int4 a pair.
  with bag as (
    select array_agg(l.genre_no) as genre_nos
    from medley.genre_statistics_links() as l
    group by l.item_no
    having count(*) > 1
  ),

  pair as (
    select
      a.genre_no as no_a,
      b.genre_no as no_b,
      count(*) as pair_count
    from bag
    cross join lateral unnest(bag.genre_nos) as a (genre_no)
    inner join lateral unnest(bag.genre_nos) as b (genre_no) on a.genre_no < b.genre_no
    group by a.genre_no, b.genre_no
  )

  select
    least(a.id, b.id),
    greatest(a.id, b.id),
    p.pair_count
  from pair as p
  inner join public.genres as a on a.genre_no = p.no_a
  inner join public.genres as b on b.genre_no = p.no_b
$$;

comment on function medley.count_genre_pairs() is
  'Counts afresh how many items have both genres, for every pair that meets.';
revoke all on function medley.count_genre_pairs() from public, anon, authenticated, service_role;

create or replace function medley.refresh_genre_marginals(p_generation int)
returns bigint
language plpgsql volatile parallel unsafe security definer set search_path = '' set work_mem = '256MB'
as $$
begin
  insert into medley.genre_statistics as s (item_count, generation)
  select count(distinct l.item_no), p_generation
  from medley.genre_statistics_links() as l
  on conflict (singleton) do update
  set item_count = excluded.item_count, generation = excluded.generation
  where s.item_count <> excluded.item_count;

  with fresh as materialized (
    select
      g.id as genre_id,
      count(*) as artist_count
    from medley.genre_statistics_links() as l
    inner join public.genres as g on g.genre_no = l.genre_no
    group by g.id
  ),

  removed as (
    delete from medley.genre_marginals as m
    where not exists (select from fresh as f where f.genre_id = m.genre_id)
  )

  insert into medley.genre_marginals as m (genre_id, artist_count, generation)
  select f.genre_id, f.artist_count, p_generation
  from fresh as f
  on conflict (genre_id) do update
  set artist_count = excluded.artist_count, generation = excluded.generation
  where m.artist_count <> excluded.artist_count;

  return (select count(*) from medley.genre_marginals);
end;
$$;

comment on function medley.refresh_genre_marginals(int) is
  'Brings genre_marginals and genre_statistics up to date; returns how many genres have items.';
revoke all on function medley.refresh_genre_marginals(int) from public, anon, authenticated, service_role;

create or replace function medley.refresh_genre_cooccurrence()
returns bigint
language plpgsql volatile parallel unsafe security definer set search_path = '' set work_mem = '256MB'
as $$
declare
  v_generation int := medley.begin_generation('genre_cooccurrence_pairs');
  v_rows bigint;
begin
  -- A bulk load just before would leave the planner with the sizes of an empty table; the same holds for the stages
  -- after this one, so each analyzes what it wrote.
  analyze public.genres, public.item_genres;
  perform medley.refresh_genre_marginals(v_generation);

  with fresh as materialized (
    select c.genre_a, c.genre_b, c.pair_count
    from medley.count_genre_pairs() as c
  ),

  removed as (
    delete from medley.genre_cooccurrence_pairs as p
    where not exists (select from fresh as f where f.genre_a = p.genre_a and f.genre_b = p.genre_b)
  ),

  written as (
    insert into medley.genre_cooccurrence_pairs as p (genre_a, genre_b, pair_count, generation)
    select f.genre_a, f.genre_b, f.pair_count, v_generation
    from fresh as f
    left join medley.genre_cooccurrence_pairs as o on o.genre_a = f.genre_a and o.genre_b = f.genre_b
    where o.pair_count is distinct from f.pair_count
    order by f.genre_a, f.genre_b
    on conflict (genre_a, genre_b) do update
    set pair_count = excluded.pair_count, generation = excluded.generation
  )

  select count(*) into v_rows from fresh;

  analyze medley.genre_cooccurrence_pairs, medley.genre_marginals;
  perform medley.finish_generation('genre_cooccurrence_pairs', v_generation, v_rows);
  return v_rows;
end;
$$;

comment on function medley.refresh_genre_cooccurrence() is
  'Stage 1 of the taxonomy: counts genres and pairs of genres over the catalogue. Returns how many pairs there are.';
revoke all on function medley.refresh_genre_cooccurrence() from public, anon, authenticated, service_role;

create or replace function medley.rank_genre_neighbors()
returns table (
  genre_id uuid,
  neighbor_id uuid,
  weight double precision,
  relatedness double precision,
  pair_count bigint
)
language sql stable parallel safe security definer set search_path = '' set work_mem = '256MB'
as $$
  with parameter as materialized (
    select
      medley.setting('genres.max_neighbors') as max_neighbors,
      medley.setting('genres.min_pair_count') as min_pair_count,
      medley.setting('genres.similarity_shrinkage')::double precision as shrinkage,
      (select s.item_count from medley.genre_statistics as s)::double precision as item_count
  ),

  dropped as (
    select g.id
    from public.genre_taxonomy_exclude as x
    inner join public.genres as g on g.normalized_key = x.normalized_key
  ),

  related as (
    -- Normalized PMI (Bouma 2009) lies in 0..1 for pairs that attract; c / (c + shrinkage) discounts thin support.
    -- A pair that every item has would divide 0 by 0: it tells nothing, hence null.
    select
      p.genre_a,
      p.genre_b,
      p.pmi,
      p.pair_count,
      p.pmi / nullif(-ln(p.pair_count / v.item_count), 0) * p.pair_count / (p.pair_count + v.shrinkage) as relatedness
    from medley.genre_similarity_pmi as p
    cross join parameter as v
    where p.pair_count >= v.min_pair_count
      and p.pmi > 0
      and not exists (select from dropped as d where d.id in (p.genre_a, p.genre_b))
  ),

  directed as (
    select r.genre_a as genre_id, r.genre_b as neighbor_id, r.pmi, r.relatedness, r.pair_count from related as r
    union all
    select r.genre_b, r.genre_a, r.pmi, r.relatedness, r.pair_count from related as r
  ),

  ranked as (
    select
      d.*,
      row_number() over (
        partition by d.genre_id
        order by d.relatedness desc, d.pair_count desc, d.neighbor_id
      ) as place
    from directed as d
    where d.relatedness is not null
  )

  select r.genre_id, r.neighbor_id, r.pmi, r.relatedness, r.pair_count
  from ranked as r
  cross join parameter as v
  where r.place <= v.max_neighbors
$$;

comment on function medley.rank_genre_neighbors() is
  'The genres most related to each genre, from the pairs: relatedness = NPMI * c / (c + genres.similarity_shrinkage), '
  'weight = PMI. Genres on the drop list and pairs below genres.min_pair_count are left out.';
revoke all on function medley.rank_genre_neighbors() from public, anon, authenticated, service_role;

create or replace function medley.refresh_genre_similarity()
returns bigint
language plpgsql volatile parallel unsafe security definer set search_path = '' set work_mem = '256MB'
as $$
declare
  v_generation int := medley.begin_generation('genre_similarity_edges');
  v_rows bigint;
begin
  with fresh as materialized (
    select n.genre_id, n.neighbor_id, n.weight, n.relatedness, n.pair_count
    from medley.rank_genre_neighbors() as n
  ),

  removed as (
    delete from medley.genre_similarity_edges as e
    where not exists (select from fresh as f where f.genre_id = e.genre_id and f.neighbor_id = e.neighbor_id)
  ),

  written as (
    insert into medley.genre_similarity_edges as e
      (genre_id, neighbor_id, weight, relatedness, pair_count, generation)
    select f.genre_id, f.neighbor_id, f.weight, f.relatedness, f.pair_count, v_generation
    from fresh as f
    on conflict (genre_id, neighbor_id) do update
    set
      weight = excluded.weight,
      relatedness = excluded.relatedness,
      pair_count = excluded.pair_count,
      generation = excluded.generation
    where (e.weight, e.relatedness, e.pair_count) is distinct from
      (excluded.weight, excluded.relatedness, excluded.pair_count)
  )

  select count(*) into v_rows from fresh;

  analyze medley.genre_similarity_edges;
  perform medley.finish_generation('genre_similarity_edges', v_generation, v_rows);
  return v_rows;
end;
$$;

comment on function medley.refresh_genre_similarity() is
  'Stage 2 of the taxonomy: the similarity edges from the pairs of stage 1. Returns how many edges there are.';
revoke all on function medley.refresh_genre_similarity() from public, anon, authenticated, service_role;

-- sql/core/genres/taxonomy.sql
-- The graph of parents and what keeps it acyclic, whoever writes to it.
create or replace function medley.genre_ancestors(p_genre_id uuid)
returns setof uuid
language sql stable parallel safe security definer set search_path = ''
as $$
  with recursive above as (
    select p.parent_id as genre_id
    from public.genre_parent as p
    where p.child_id = p_genre_id
    union
    select p.parent_id
    from above as a
    inner join public.genre_parent as p on p.child_id = a.genre_id
  )

  select a.genre_id
  from above as a
$$;

comment on function medley.genre_ancestors(uuid) is 'Every genre above the genre, without itself.';
revoke all on function medley.genre_ancestors(uuid) from public, anon, authenticated, service_role;

create or replace function medley.fail_cycle(p_child_id uuid, p_parent_id uuid)
returns void
language plpgsql stable parallel safe security definer set search_path = ''
as $$
begin
  perform medley.fail(
    'cycle',
    format(
      '"%s" is already above "%s" or is the same genre',
      (select g.name from public.genres as g where g.id = p_child_id),
      (select g.name from public.genres as g where g.id = p_parent_id)
    ),
    'p_parent_id',
    'Choose another parent, or remove the opposite edge from genre_parent first.'
  );
end;
$$;

comment on function medley.fail_cycle(uuid, uuid) is 'Raises the error cycle for the edge from p_child_id to p_parent_id.';
revoke all on function medley.fail_cycle(uuid, uuid) from public, anon, authenticated, service_role;

create or replace function medley.genre_taxonomy_assert_dag(p_child_id uuid, p_parent_id uuid)
returns boolean
language plpgsql stable parallel safe security definer set search_path = ''
as $$
begin
  if not exists (select from public.genres as g where g.id = p_child_id)
    or not exists (select from public.genres as g where g.id = p_parent_id)
  then
    perform medley.fail('not_found', 'one of the two is no genre', 'p_child_id', 'Pass ids of public.genres.');
  end if;
  if p_child_id = p_parent_id or p_child_id in (select medley.genre_ancestors(p_parent_id)) then
    perform medley.fail_cycle(p_child_id, p_parent_id);
  end if;
  return true;
end;
$$;

comment on function medley.genre_taxonomy_assert_dag(uuid, uuid) is
  'True when p_parent_id may become a parent of p_child_id. Errors: cycle (it is the child or below it), not_found.';
revoke all on function medley.genre_taxonomy_assert_dag(uuid, uuid) from public, anon, authenticated, service_role;
grant execute on function medley.genre_taxonomy_assert_dag(uuid, uuid) to service_role;

create or replace function medley.lock_genre_parents()
returns void
language sql volatile parallel unsafe security definer set search_path = ''
as $$
  -- Writing the row, not only locking it: a repeatable-read transaction that cannot see the edges committed
  -- meanwhile then fails with a serialization error instead of closing a cycle with them.
  insert into medley.generations as g (name, generation, built_at, row_count)
  values ('genre_parent', 1, now(), 0)
  on conflict (name) do update set built_at = g.built_at
$$;

comment on function medley.lock_genre_parents() is
  'Makes the transaction the only writer of genre_parent until it ends: two edges that close a cycle together '
  'cannot pass each other.';
revoke all on function medley.lock_genre_parents() from public, anon, authenticated, service_role;

create or replace function medley.genre_parent_before_write()
returns trigger
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
begin
  perform medley.lock_genre_parents();
  return null;
end;
$$;

comment on function medley.genre_parent_before_write() is 'Statement trigger: one writer of genre_parent at a time.';
revoke all on function medley.genre_parent_before_write() from public, anon, authenticated, service_role;

create or replace function medley.genre_parent_after_write()
returns trigger
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_child_id uuid;
  v_parent_id uuid;
begin
  with recursive above as (
    select n.child_id, n.parent_id, n.parent_id as genre_id
    from new_rows as n
    union
    select a.child_id, a.parent_id, p.parent_id
    from above as a
    inner join public.genre_parent as p on p.child_id = a.genre_id
  )

  select a.child_id, a.parent_id into v_child_id, v_parent_id
  from above as a
  where a.genre_id = a.child_id
  limit 1;

  if found then
    perform medley.fail_cycle(v_child_id, v_parent_id);
  end if;
  return null;
end;
$$;

comment on function medley.genre_parent_after_write() is
  'Statement trigger with transition table new_rows: refuses edges that close a cycle. Errors: cycle.';
revoke all on function medley.genre_parent_after_write() from public, anon, authenticated, service_role;

create trigger genre_parent_one_writer
before insert or update on public.genre_parent
for each statement execute function medley.genre_parent_before_write();

create trigger genre_parent_acyclic_insert
after insert on public.genre_parent
referencing new table as new_rows
for each statement execute function medley.genre_parent_after_write();

create trigger genre_parent_acyclic_update
after update on public.genre_parent
referencing new table as new_rows
for each statement execute function medley.genre_parent_after_write();

-- sql/core/genres/induction.sql
-- Induction: parents for the genres that nobody curated, from co-occurrence and from names.
-- Curated genres (umbrellas, and those with a curated parent) are never moved. An induced parent is always the
-- more general of the two in one total order that curated edges obey as well, so no cycle can arise.
-- Each step is a function of its own, to be read and tested alone; docs/taxonomy.md has the measurements.
create or replace function medley.taxonomy_genres()
returns table (genre_id uuid, normalized_key text, artist_count bigint, is_umbrella boolean, is_curated boolean)
language sql stable parallel safe security definer set search_path = ''
as $$
  select
    g.id,
    g.normalized_key,
    coalesce(m.artist_count, 0),
    r.genre_id is not null,
    r.genre_id is not null
    or exists (select from public.genre_parent as p where p.child_id = g.id and p.source = 'curated')
  from public.genres as g
  left join medley.genre_marginals as m on m.genre_id = g.id
  left join public.genre_taxonomy_roots as r on r.genre_id = g.id
  where not exists (select from public.genre_taxonomy_exclude as x where x.normalized_key = g.normalized_key)
    and not exists (select from medley.genre_aliases as a where a.alias_key = g.normalized_key)
$$;

comment on function medley.taxonomy_genres() is
  'The genres that may stand in the taxonomy: all but the drop list and leftovers of other spellings.';
revoke all on function medley.taxonomy_genres() from public, anon, authenticated, service_role;

create or replace function medley.rank_genre_generality()
returns table (genre_id uuid, place bigint)
language sql stable parallel safe security definer set search_path = ''
as $$
  with recursive below as (
    select p.parent_id as genre_id, p.child_id as below_id, 1 as steps
    from public.genre_parent as p
    where p.source = 'curated'
    union
    select b.genre_id, p.child_id, b.steps + 1
    from below as b
    inner join public.genre_parent as p on p.parent_id = b.below_id
    where p.source = 'curated'
  ),

  carried as (
    select
      b.genre_id,
      max(b.steps) as height,
      max(m.artist_count) as artist_count
    from below as b
    left join medley.genre_marginals as m on m.genre_id = b.below_id
    group by b.genre_id
  )

  select
    t.genre_id,
    row_number() over (
      order by
        greatest(t.artist_count, c.artist_count) desc,
        coalesce(c.height, 0) desc,
        cardinality(string_to_array(t.normalized_key, ' ')),
        t.normalized_key collate "C"
    )
  from medley.taxonomy_genres() as t
  left join carried as c on c.genre_id = t.genre_id
$$;

comment on function medley.rank_genre_generality() is
  'Every genre of the taxonomy from the most general (1) on: by items, where a curated parent counts at least as many as '
  'what stands below it, then by curated height, then the shorter name. A curated parent always comes before its child.';
revoke all on function medley.rank_genre_generality() from public, anon, authenticated, service_role;

create or replace function medley.match_genre_names()
returns table (child_id uuid, parent_id uuid, weight double precision)
language sql stable parallel safe security definer set search_path = ''
as $$
  with word as (
    select
      t.genre_id,
      string_to_array(t.normalized_key, ' ') as words,
      cardinality(string_to_array(t.normalized_key, ' ')) as last_word
    from medley.taxonomy_genres() as t
    where not t.is_curated
  ),

  -- Names of more than eight words are sentences; leaving them out bounds the phrases of a name to 35.
  phrase as (
    select
      w.genre_id,
      array_to_string(w.words[s.first : e.last], ' ') as phrase_key,
      e.last - s.first + 1 as length,
      e.last = w.last_word as is_ending
    from word as w
    cross join lateral generate_series(1, w.last_word) as s (first)
    cross join lateral generate_series(s.first, w.last_word) as e (last)
    where w.last_word between 2 and 8
      and e.last - s.first + 1 < w.last_word
  ),

  named as (
    select t.normalized_key as phrase_key, t.genre_id
    from medley.taxonomy_genres() as t
    union all
    select a.alias_key, t.genre_id
    from medley.genre_aliases as a
    inner join medley.taxonomy_genres() as t on t.normalized_key = a.genre_key
  )

  select
    p.genre_id,
    n.genre_id,
    max(
      case
        when p.is_ending then medley.setting('genres.name_ending_weight')
        else medley.setting('genres.name_part_weight')
      end
      * (1 + 0.2 * p.length)
    )::double precision
  from phrase as p
  inner join named as n on n.phrase_key = p.phrase_key
  where n.genre_id <> p.genre_id
  group by p.genre_id, n.genre_id
$$;

comment on function medley.match_genre_names() is
  'Genres whose name stands inside another''s: "death metal" ends "melodic death metal", and English compounds say what a '
  'thing is at their end. weight = setting * (1 + 0.2 * words), so the longest name wins.';
revoke all on function medley.match_genre_names() from public, anon, authenticated, service_role;

create or replace function medley.share_genre_items()
returns table (child_id uuid, parent_id uuid, share double precision)
language sql stable parallel safe security definer set search_path = ''
as $$
  with pair as (
    select p.genre_a as child_id, p.genre_b as parent_id, p.pair_count
    from medley.genre_cooccurrence_pairs as p
    where p.pair_count >= (select medley.setting('genres.min_pair_count'))
    union all
    select p.genre_b, p.genre_a, p.pair_count
    from medley.genre_cooccurrence_pairs as p
    where p.pair_count >= (select medley.setting('genres.min_pair_count'))
  )

  select
    p.child_id,
    p.parent_id,
    p.pair_count / (m.artist_count + (select medley.setting('genres.parent_shrinkage'))::double precision)
  from pair as p
  inner join medley.genre_marginals as m on m.genre_id = p.child_id
$$;

comment on function medley.share_genre_items() is
  'P(parent | child) of subsumption (Sanderson and Croft 1999), shrunk: pair_count / (count of the child + '
  'genres.parent_shrinkage), for pairs of at least genres.min_pair_count.';
revoke all on function medley.share_genre_items() from public, anon, authenticated, service_role;

create or replace function medley.score_genre_parents()
returns table (child_id uuid, parent_id uuid, score double precision, parent_place bigint, is_fallback boolean)
language sql stable parallel safe security definer set search_path = '' set work_mem = '256MB'
as $$
  with parameter as materialized (
    select
      medley.setting('genres.parent_threshold')::double precision as threshold,
      medley.setting('genres.umbrella_threshold')::double precision as umbrella_threshold
  ),

  genre as materialized (
    select t.genre_id, t.is_umbrella, t.is_curated, r.place
    from medley.taxonomy_genres() as t
    inner join medley.rank_genre_generality() as r on r.genre_id = t.genre_id
  ),

  evidence as (
    select s.child_id, s.parent_id, s.share, 0::double precision as name_weight
    from medley.share_genre_items() as s
    union all
    select n.child_id, n.parent_id, 0, n.weight
    from medley.match_genre_names() as n
  ),

  candidate as (
    select
      e.child_id,
      e.parent_id,
      sum(e.share) as share,
      sum(e.name_weight) as name_weight
    from evidence as e
    group by e.child_id, e.parent_id
  )

  select
    c.child_id,
    c.parent_id,
    c.share + c.name_weight,
    parent.place,
    c.share < v.threshold and c.name_weight = 0
  from candidate as c
  inner join genre as child on child.genre_id = c.child_id
  inner join genre as parent on parent.genre_id = c.parent_id
  cross join parameter as v
  where not child.is_curated
    and parent.place < child.place
    and (c.share >= v.threshold or c.name_weight > 0 or parent.is_umbrella and c.share >= v.umbrella_threshold)
$$;

comment on function medley.score_genre_parents() is
  'The possible parents of each genre that is not curated: score = share of its items that have the parent + what the '
  'names say. is_fallback marks umbrellas that only reach genres.umbrella_threshold: taken where there is nothing else.';
revoke all on function medley.score_genre_parents() from public, anon, authenticated, service_role;

create or replace function medley.choose_genre_parents()
returns table (child_id uuid, parent_id uuid, confidence double precision)
language sql stable parallel safe security definer set search_path = '' set work_mem = '256MB'
as $$
  with recursive ranked as (
    select
      s.child_id,
      s.parent_id,
      s.score,
      s.is_fallback,
      first_value(s.score) over best as best_score,
      row_number() over best as place
    from medley.score_genre_parents() as s
    window best as (partition by s.child_id order by s.is_fallback, s.score desc, s.parent_place)
  ),

  contender as materialized (
    select r.child_id, r.parent_id, r.score, r.place
    from ranked as r
    where r.place = 1
      or not r.is_fallback and r.score >= r.best_score * medley.setting('genres.parent_tolerance')::double precision
  ),

  backbone as materialized (
    select p.child_id, p.parent_id
    from public.genre_parent as p
    where p.source = 'curated'
    union all
    select c.child_id, c.parent_id
    from contender as c
    where c.place = 1
  ),

  above as (
    select b.child_id as genre_id, b.parent_id as above_id
    from backbone as b
    union
    select a.genre_id, b.parent_id
    from above as a
    inner join backbone as b on b.child_id = a.above_id
  ),

  related as (
    select a.genre_id, a.above_id as other_id from above as a
    union all
    select a.above_id, a.genre_id from above as a
  ),

  -- A second parent above or below a better one says nothing new and would only add detours to the paths.
  redundant as (
    select distinct
      c.child_id,
      c.parent_id
    from contender as c
    inner join contender as better on better.child_id = c.child_id and better.place < c.place
    inner join related as r on r.genre_id = better.parent_id and r.other_id = c.parent_id
  ),

  kept as (
    select
      c.child_id,
      c.parent_id,
      c.score,
      row_number() over (partition by c.child_id order by c.place) as place
    from contender as c
    where not exists (select from redundant as r where r.child_id = c.child_id and r.parent_id = c.parent_id)
  )

  -- Grows with the score and stays below the certainty of a curated edge.
  select
    k.child_id,
    k.parent_id,
    k.score / (1 + k.score)
  from kept as k
  where k.place <= medley.setting('genres.max_parents')
$$;

comment on function medley.choose_genre_parents() is
  'The induced parents: the best scored one of each genre, and further ones within genres.parent_tolerance of it that '
  'are not above or below a better one; at most genres.max_parents. confidence = score / (1 + score).';
revoke all on function medley.choose_genre_parents() from public, anon, authenticated, service_role;

create or replace function medley.assign_genre_parents()
returns bigint
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_generation int := medley.begin_generation('genre_parent');
  v_rows bigint;
begin
  -- Before the edges are chosen, so that nobody curates a contradicting one in between.
  perform medley.lock_genre_parents();

  with fresh as materialized (
    select c.child_id, c.parent_id, c.confidence
    from medley.choose_genre_parents() as c
  ),

  removed as (
    delete from public.genre_parent as p
    where p.source = 'induced'
      and not exists (select from fresh as f where f.child_id = p.child_id and f.parent_id = p.parent_id)
  ),

  written as (
    insert into public.genre_parent as p (child_id, parent_id, confidence, source, generation)
    select f.child_id, f.parent_id, f.confidence, 'induced', v_generation
    from fresh as f
    on conflict (child_id, parent_id) do update
    set confidence = excluded.confidence, generation = excluded.generation
    where p.source = 'induced' and p.confidence <> excluded.confidence
  )

  select count(*) into v_rows from fresh;

  analyze public.genre_parent;
  perform medley.finish_generation('genre_parent', v_generation, v_rows);
  return v_rows;
end;
$$;

comment on function medley.assign_genre_parents() is
  'Stage 3 of the taxonomy: replaces the induced parents by those that the statistics of stage 1 and the names give. '
  'Curated edges are never touched. Returns how many induced edges there are.';
revoke all on function medley.assign_genre_parents() from public, anon, authenticated, service_role;

-- sql/core/genres/paths.sql
-- Paths: every way from an umbrella down to a genre, so that "everything under rock" is a range of an index.
-- medley.rebuild_genre_taxonomy() at the end runs the whole pipeline.
create or replace function medley.walk_genre_paths()
returns table (genre_id uuid, path_slug text, depth int, confidence double precision, prefixes text[])
language sql stable parallel safe security definer set search_path = '' set work_mem = '256MB'
rows 20000
as $$
  with recursive genre as materialized (
    select t.genre_id, t.is_umbrella, g.slug
    from medley.taxonomy_genres() as t
    inner join public.genres as g on g.id = t.genre_id
  ),

  step as materialized (
    select p.parent_id, p.child_id, p.confidence, c.slug
    from public.genre_parent as p
    inner join genre as c on c.genre_id = p.child_id
  ),

  walk as (
    select
      g.genre_id,
      g.slug as path_slug,
      0 as depth,
      1::double precision as confidence,
      array[]::text[] as prefixes,
      1::bigint as place
    from genre as g
    where g.is_umbrella
    union all
    -- One level at a time. Only the best genres.max_paths of each genre go on, so the walk cannot explode.
    select
      s.child_id,
      w.path_slug || '.' || s.slug,
      w.depth + 1,
      w.confidence * s.confidence,
      w.prefixes || w.path_slug,
      row_number() over (
        partition by s.child_id
        order by w.confidence * s.confidence desc, w.path_slug collate "C"
      )
    from walk as w
    inner join step as s on s.parent_id = w.genre_id
    where w.place <= (select medley.setting('genres.max_paths'))
      and w.depth < (select medley.setting('genres.max_depth'))
  )

  select w.genre_id, w.path_slug, w.depth, w.confidence, w.prefixes
  from walk as w
  where w.place <= (select medley.setting('genres.max_paths'))
$$;

comment on function medley.walk_genre_paths() is
  'Every path from an umbrella over curated and induced parents down to genres.max_depth, at most genres.max_paths of a '
  'genre on each level. confidence is the product over the edges; prefixes are the paths above, from the umbrella on.';
revoke all on function medley.walk_genre_paths() from public, anon, authenticated, service_role;

create or replace function medley.build_genre_paths()
returns table (genre_id uuid, path_slug text, depth int, is_primary boolean)
language sql stable parallel safe security definer set search_path = '' set work_mem = '256MB'
rows 20000
as $$
  with ranked as (
    select
      w.*,
      row_number() over (
        partition by w.genre_id
        order by w.depth, w.confidence desc, w.path_slug collate "C"
      ) as place
    from medley.walk_genre_paths() as w
  ),

  kept as materialized (
    select r.*
    from ranked as r
    where r.place <= (select medley.setting('genres.max_paths'))
  ),

  -- A path stays only with all its prefixes, each of which may have been cut for a genre with many paths.
  broken as (
    select distinct k.path_slug
    from kept as k
    cross join lateral unnest(k.prefixes) as p (path_slug)
    left join kept as o on o.path_slug = p.path_slug
    where o.path_slug is null
  )

  select
    k.genre_id,
    k.path_slug,
    k.depth,
    k.place = min(k.place) over (partition by k.genre_id)
  from kept as k
  where not exists (select from broken as b where b.path_slug = k.path_slug)
$$;

comment on function medley.build_genre_paths() is
  'The paths to keep: at most genres.max_paths a genre, the shallowest and surest first, each with all its prefixes. '
  'is_primary marks the first of a genre.';
revoke all on function medley.build_genre_paths() from public, anon, authenticated, service_role;

create or replace function medley.number_genre_paths(p_generation int)
returns void
language sql volatile parallel unsafe security definer set search_path = ''
as $$
  with recursive numbered as (
    select p.path_no, p.path_slug, array[p.path_no] as ancestor_nos
    from public.genre_paths as p
    where p.depth = 0
    union all
    select p.path_no, p.path_slug, n.ancestor_nos || p.path_no
    from numbered as n
    inner join public.genre_paths as p
      on p.depth = cardinality(n.ancestor_nos)
      and n.path_slug = regexp_replace(p.path_slug, '\.[^.]+$', '')
  )

  update public.genre_paths as p
  set ancestor_nos = n.ancestor_nos, generation = p_generation
  from numbered as n
  where n.path_no = p.path_no and p.ancestor_nos <> n.ancestor_nos
$$;

comment on function medley.number_genre_paths(int) is 'Brings ancestor_nos of the paths up to date, shallow to deep.';
revoke all on function medley.number_genre_paths(int) from public, anon, authenticated, service_role;

create or replace function medley.rebuild_genre_paths()
returns bigint
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_generation int := medley.begin_generation('genre_paths');
  v_rows bigint;
begin
  -- Three statements, because slugs and primary flags are unique: what leaves goes before what comes.
  delete from public.genre_paths as p
  where not exists (
    select from medley.build_genre_paths() as b
    where b.genre_id = p.genre_id and b.path_slug = p.path_slug
  );

  update public.genre_paths as p
  set is_primary = false, generation = v_generation
  from medley.build_genre_paths() as b
  where b.genre_id = p.genre_id and b.path_slug = p.path_slug and p.is_primary and not b.is_primary;

  insert into public.genre_paths as p (genre_id, path_slug, depth, is_primary, generation)
  select b.genre_id, b.path_slug, b.depth, b.is_primary, v_generation
  from medley.build_genre_paths() as b
  order by b.depth, b.path_slug collate "C"
  on conflict (genre_id, path_slug) do update
  set depth = excluded.depth, is_primary = excluded.is_primary, generation = excluded.generation
  where (p.depth, p.is_primary) is distinct from (excluded.depth, excluded.is_primary);

  perform medley.number_genre_paths(v_generation);

  select count(*) into v_rows from public.genre_paths;
  analyze public.genre_paths;
  perform medley.finish_generation('genre_paths', v_generation, v_rows);
  return v_rows;
end;
$$;

comment on function medley.rebuild_genre_paths() is
  'Stage 4 of the taxonomy: paths over the parents as they are. Unchanged paths are not written and keep their path_no. '
  'Returns how many paths there are.';
revoke all on function medley.rebuild_genre_paths() from public, anon, authenticated, service_role;

create or replace function medley.rebuild_genre_taxonomy()
returns bigint
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
begin
  perform medley.refresh_genre_cooccurrence();
  perform medley.refresh_genre_similarity();
  perform medley.assign_genre_parents();
  return medley.rebuild_genre_paths();
end;
$$;

comment on function medley.rebuild_genre_taxonomy() is
  'Runs the stages of the taxonomy in order: co-occurrence, similarity, parents, paths. Safe to repeat and to kill: it is '
  'one transaction. Returns how many paths there are.';
revoke all on function medley.rebuild_genre_taxonomy() from public, anon, authenticated, service_role;

-- sql/core/genres/reads.sql
-- What apps ask the taxonomy.
create or replace function medley.check_max_depth(p_max_depth int)
returns void
language plpgsql immutable parallel safe security invoker set search_path = ''
as $$
begin
  if p_max_depth is null or p_max_depth not between 0 and 20 then
    perform medley.fail('invalid_argument', format('p_max_depth must be between 0 and 20, got %s', p_max_depth),
      'p_max_depth', '0 is the umbrellas alone; 5 reaches every path with the default settings.');
  end if;
end;
$$;

comment on function medley.check_max_depth(int) is 'Errors: invalid_argument, when the depth is null or not in 0 to 20.';
revoke all on function medley.check_max_depth(int) from public, anon, authenticated, service_role;

create or replace function medley.genre_path_no(p_slug text)
returns int
language plpgsql stable parallel safe security definer set search_path = ''
as $$
declare
  v_path_no int := (select p.path_no from public.genre_paths as p where p.path_slug = p_slug);
begin
  if v_path_no is null then
    perform medley.fail('not_found', format('no genre path "%s"', left(coalesce(p_slug, ''), 100)), 'p_slug',
      'Pass a path_slug of get_genre_tree(), "rock" or "rock.indie-rock" say.');
  end if;
  return v_path_no;
end;
$$;

comment on function medley.genre_path_no(text) is 'The number of the path with that slug. Errors: not_found.';
revoke all on function medley.genre_path_no(text) from public, anon, authenticated, service_role;

create or replace function medley.get_genres_under_umbrella(p_slug text, p_max_depth int default 5)
returns setof uuid
language plpgsql stable parallel safe security definer set search_path = ''
as $$
begin
  perform medley.check_max_depth(p_max_depth);
  perform medley.genre_path_no(p_slug);

  -- All that starts with the path and a dot: "/" is the character after "." in the order of bytes, which is the
  -- order of the pattern operators. So "rock" finds "rock.indie-rock" and never "rockabilly".
  return query
  select distinct p.genre_id
  from public.genre_paths as p
  where (p.path_slug = p_slug or p.path_slug ~>~ (p_slug || '.') and p.path_slug ~<~ (p_slug || '/'))
    and p.depth <= p_max_depth;
end;
$$;

comment on function medley.get_genres_under_umbrella(text, int) is
  'The genres at or below the path p_slug, whole segments only, down to depth p_max_depth (0 is an umbrella). '
  'Errors: not_found, invalid_argument.';
revoke all on function medley.get_genres_under_umbrella(text, int) from public, anon, authenticated, service_role;
grant execute on function medley.get_genres_under_umbrella(text, int) to anon, authenticated, service_role;

create or replace function medley.get_genre_tree(p_root_slug text default null, p_max_depth int default 2)
returns table (
  genre_id uuid,
  name text,
  slug text,
  path_slug text,
  depth int,
  artist_count bigint,
  parent_path_slug text
)
language plpgsql stable parallel safe security definer set search_path = ''
as $$
begin
  perform medley.check_max_depth(p_max_depth);
  if p_root_slug is not null then
    perform medley.genre_path_no(p_root_slug);
  end if;

  return query
  select
    p.genre_id,
    g.name,
    g.slug,
    p.path_slug,
    p.depth,
    coalesce(m.artist_count, 0),
    case when p.depth > 0 then regexp_replace(p.path_slug, '\.[^.]+$', '') end
  from public.genre_paths as p
  inner join public.genres as g on g.id = p.genre_id
  left join medley.genre_marginals as m on m.genre_id = p.genre_id
  where p.depth <= p_max_depth
    and (
      p_root_slug is null
      or p.path_slug = p_root_slug
      or p.path_slug ~>~ (p_root_slug || '.') and p.path_slug ~<~ (p_root_slug || '/')
    )
  order by p.path_slug collate "C";
end;
$$;

comment on function medley.get_genre_tree(text, int) is
  'The paths at or below p_root_slug (null: all) down to depth p_max_depth, parents right before their children. '
  'Errors: not_found, invalid_argument.';
revoke all on function medley.get_genre_tree(text, int) from public, anon, authenticated, service_role;
grant execute on function medley.get_genre_tree(text, int) to anon, authenticated, service_role;

create or replace function medley.get_similar_genres(p_slug text, p_limit int default 10)
returns table (genre_id uuid, name text, slug text, weight double precision, pair_count bigint)
language plpgsql stable parallel safe security definer set search_path = ''
as $$
declare
  v_genre_id uuid := (select g.id from public.genres as g where g.slug = p_slug);
begin
  perform medley.check_limit(p_limit, 100);
  if v_genre_id is null then
    perform medley.fail('not_found', format('no genre "%s"', left(coalesce(p_slug, ''), 100)), 'p_slug',
      'Pass a slug of public.genres, "indie-rock" say.');
  end if;

  return query
  select e.neighbor_id, g.name, g.slug, e.relatedness, e.pair_count
  from medley.genre_similarity_edges as e
  inner join public.genres as g on g.id = e.neighbor_id
  where e.genre_id = v_genre_id
  order by e.relatedness desc, e.pair_count desc, g.slug collate "C"
  limit p_limit;
end;
$$;

comment on function medley.get_similar_genres(text, int) is
  'The genres most related to the genre with slug p_slug, best first. weight is the relatedness, 0 to 1. '
  'Errors: not_found, invalid_argument (p_limit below 1 or over 100).';
revoke all on function medley.get_similar_genres(text, int) from public, anon, authenticated, service_role;
grant execute on function medley.get_similar_genres(text, int) to anon, authenticated, service_role;

-- sql/core/genres/api.sql
-- The API of genres: thin functions over those of the same name in medley.
create or replace function public.upsert_genre(raw_genre text)
returns uuid
language sql volatile parallel unsafe security invoker set search_path = ''
as $$ select medley.upsert_genre(raw_genre) $$;

comment on function public.upsert_genre(text) is
  'The genre of a raw name, made if it is new (secret key only). Safe under concurrency. '
  'Errors: invalid_argument (empty after normalizing, or more than 100 characters).';
revoke all on function public.upsert_genre(text) from public, anon, authenticated, service_role;
grant execute on function public.upsert_genre(text) to service_role;

create or replace function public.genre_taxonomy_assert_dag(p_child_id uuid, p_parent_id uuid)
returns boolean
language sql stable parallel safe security invoker set search_path = ''
as $$ select medley.genre_taxonomy_assert_dag(p_child_id, p_parent_id) $$;

comment on function public.genre_taxonomy_assert_dag(uuid, uuid) is
  'True when p_parent_id may become a parent of p_child_id in genre_parent (secret key only). Writing the edge is '
  'checked by itself; this asks beforehand. Errors: cycle, not_found.';
revoke all on function public.genre_taxonomy_assert_dag(uuid, uuid) from public, anon, authenticated, service_role;
grant execute on function public.genre_taxonomy_assert_dag(uuid, uuid) to service_role;

create or replace function public.get_genres_under_umbrella(p_slug text, p_max_depth int default 5)
returns setof uuid
language sql stable parallel safe security invoker set search_path = ''
as $$ select medley.get_genres_under_umbrella(p_slug, p_max_depth) $$;

comment on function public.get_genres_under_umbrella(text, int) is
  'Ids of the genres at or below the path p_slug ("rock", "rock.indie-rock"), down to depth p_max_depth, 0 to 20, where '
  '0 is an umbrella. Whole segments match: "rock" never finds "rockabilly". Errors: not_found, invalid_argument.';
revoke all on function public.get_genres_under_umbrella(text, int) from public, anon, authenticated, service_role;
grant execute on function public.get_genres_under_umbrella(text, int) to anon, authenticated, service_role;

create or replace function public.get_genre_tree(p_root_slug text default null, p_max_depth int default 2)
returns table (
  genre_id uuid,
  name text,
  slug text,
  path_slug text,
  depth int,
  artist_count bigint,
  parent_path_slug text
)
language sql stable parallel safe security invoker set search_path = ''
as $$
  select t.genre_id, t.name, t.slug, t.path_slug, t.depth, t.artist_count, t.parent_path_slug
  from medley.get_genre_tree(p_root_slug, p_max_depth) as t
$$;

comment on function public.get_genre_tree(text, int) is
  'The taxonomy at or below the path p_root_slug (null: all umbrellas), down to depth p_max_depth, 0 to 20: one row a path, '
  'parents right before their children. artist_count is how many artists have the genre itself. A genre with several '
  'parents has several rows. Ask for deeper levels root by root: the API answers at most 1,000 rows. '
  'Errors: not_found, invalid_argument.';
revoke all on function public.get_genre_tree(text, int) from public, anon, authenticated, service_role;
grant execute on function public.get_genre_tree(text, int) to anon, authenticated, service_role;

create or replace function public.get_similar_genres(p_slug text, p_limit int default 10)
returns table (genre_id uuid, name text, slug text, weight double precision, pair_count bigint)
language sql stable parallel safe security invoker set search_path = ''
as $$
  select s.genre_id, s.name, s.slug, s.weight, s.pair_count
  from medley.get_similar_genres(p_slug, p_limit) as s
$$;

comment on function public.get_similar_genres(text, int) is
  'The genres that go with the genre of slug p_slug, best first, at most p_limit (1 to 100) of those that are kept (25 '
  'by default). weight, 0 to 1, is normalized mutual information shrunk by support; pair_count is how many artists have '
  'both. Errors: not_found, invalid_argument.';
revoke all on function public.get_similar_genres(text, int) from public, anon, authenticated, service_role;
grant execute on function public.get_similar_genres(text, int) to anon, authenticated, service_role;

-- sql/core/genres/policies.sql
-- The taxonomy is public knowledge: everyone reads it. The owner of a project edits the curated tables with the
-- secret key; derived tables are written by the engine alone.
alter table public.genres enable row level security;
revoke all on public.genres from public, anon, authenticated, service_role;
grant select on public.genres to anon, authenticated;
grant select, insert, update, delete on public.genres to service_role;
-- Identity columns need no right on their sequence; a project's defaults may have granted some.
revoke all on sequence public.genres_genre_no_seq from public, anon, authenticated, service_role;

create policy genres_select on public.genres
for select to anon, authenticated using (true);

-- An item's genres are seen by whoever may see the item.
alter table public.item_genres enable row level security;
revoke all on public.item_genres from public, anon, authenticated, service_role;
grant select on public.item_genres to anon, authenticated;
grant select, insert, update, delete on public.item_genres to service_role;

create policy item_genres_select on public.item_genres
for select to anon, authenticated using (medley.visible_to((select auth.uid()), item_id));

alter table public.genre_taxonomy_roots enable row level security;
revoke all on public.genre_taxonomy_roots from public, anon, authenticated, service_role;
grant select on public.genre_taxonomy_roots to anon, authenticated;
grant select, insert, update, delete on public.genre_taxonomy_roots to service_role;

create policy genre_taxonomy_roots_select on public.genre_taxonomy_roots
for select to anon, authenticated using (true);

alter table public.genre_taxonomy_exclude enable row level security;
revoke all on public.genre_taxonomy_exclude from public, anon, authenticated, service_role;
grant select on public.genre_taxonomy_exclude to anon, authenticated;
grant select, insert, update, delete on public.genre_taxonomy_exclude to service_role;

create policy genre_taxonomy_exclude_select on public.genre_taxonomy_exclude
for select to anon, authenticated using (true);

alter table public.genre_parent enable row level security;
revoke all on public.genre_parent from public, anon, authenticated, service_role;
grant select on public.genre_parent to anon, authenticated;
grant select, insert, update, delete on public.genre_parent to service_role;

create policy genre_parent_select on public.genre_parent
for select to anon, authenticated using (true);

alter table public.genre_paths enable row level security;
revoke all on public.genre_paths from public, anon, authenticated, service_role;
revoke all on sequence public.genre_paths_path_no_seq from public, anon, authenticated, service_role;
grant select on public.genre_paths to anon, authenticated, service_role;

create policy genre_paths_select on public.genre_paths
for select to anon, authenticated using (true);

-- The engine reads these through its own functions only.
alter table medley.genre_aliases enable row level security;
revoke all on medley.genre_aliases from public, anon, authenticated, service_role;
alter table medley.genre_cooccurrence_pairs enable row level security;
revoke all on medley.genre_cooccurrence_pairs from public, anon, authenticated, service_role;
alter table medley.genre_marginals enable row level security;
revoke all on medley.genre_marginals from public, anon, authenticated, service_role;
alter table medley.genre_statistics enable row level security;
revoke all on medley.genre_statistics from public, anon, authenticated, service_role;
alter table medley.genre_similarity_edges enable row level security;
revoke all on medley.genre_similarity_edges from public, anon, authenticated, service_role;

-- sql/core/genres/seed_tree.sql
-- Curated genre data: the umbrellas that an app shows as its top filters, and the genres right below them.
-- Written by hand; edit the rows and keep each group sorted. The owner of a database may change them there too:
-- nothing here overwrites a row that exists. Read by the taxonomy pipeline, which never moves a curated genre and hangs
-- the long tail below. seed_aliases.sql and seed_exclude.sql hold other spellings, and tags that are not genres.

-- Umbrellas: path_slug depth 0.
with umbrella (name) as (
  values
    ('Blues'),
    ('Classical'),
    ('Country'),
    ('Electronic'),
    ('Experimental'),
    ('Folk'),
    ('Hip Hop'),
    ('Jazz'),
    ('Latin'),
    ('Metal'),
    ('Pop'),
    ('R&B'),
    ('Reggae'),
    ('Rock'),
    ('World')
)

insert into public.genre_taxonomy_roots (genre_id)
select medley.upsert_genre(u.name) as genre_id
from umbrella as u
on conflict do nothing;

-- Mid-level genres, grouped by main umbrella. A genre has one parent at 1.0, where most listeners
-- would look for it; further parents are below 1.0: 0.8 shares the parent's sound, 0.6 often
-- filed there, 0.4 a root of the style more than its home. The source of a row is 'curated' by default.
with seed (child, parent, confidence) as (
  values
    -- blues
    ('Blues Rock', 'Blues', 1.0),
    ('Blues Rock', 'Rock', 0.8),
    ('Delta Blues', 'Blues', 1.0),
    ('Electric Blues', 'Blues', 1.0),
    -- classical
    ('Baroque', 'Classical', 1.0),
    ('Contemporary Classical', 'Classical', 1.0),
    ('Contemporary Classical', 'Experimental', 0.4),
    ('Opera', 'Classical', 1.0),
    ('Orchestral', 'Classical', 1.0),
    ('Soundtrack', 'Classical', 1.0),
    ('Soundtrack', 'Pop', 0.4),
    -- country
    ('Alternative Country', 'Country', 1.0),
    ('Alternative Country', 'Rock', 0.6),
    ('Americana', 'Country', 1.0),
    ('Americana', 'Folk', 0.8),
    ('Bluegrass', 'Country', 1.0),
    ('Bluegrass', 'Folk', 0.8),
    -- electronic
    ('Ambient', 'Electronic', 1.0),
    ('Ambient', 'Experimental', 0.6),
    ('Chillout', 'Electronic', 1.0),
    ('Dance', 'Electronic', 1.0),
    ('Dance', 'Pop', 0.6),
    ('Disco', 'Electronic', 1.0),
    ('Disco', 'Pop', 0.6),
    ('Disco', 'R&B', 0.6),
    ('Downtempo', 'Electronic', 1.0),
    ('Drum and Bass', 'Electronic', 1.0),
    ('Dubstep', 'Electronic', 1.0),
    ('Electro', 'Electronic', 1.0),
    ('Electronica', 'Electronic', 1.0),
    ('House', 'Dance', 0.6),
    ('House', 'Electronic', 1.0),
    ('IDM', 'Electronic', 1.0),
    ('IDM', 'Experimental', 0.6),
    ('Industrial', 'Electronic', 1.0),
    ('Industrial', 'Experimental', 0.6),
    ('Techno', 'Electronic', 1.0),
    ('Trance', 'Dance', 0.6),
    ('Trance', 'Electronic', 1.0),
    ('Trip Hop', 'Downtempo', 0.8),
    ('Trip Hop', 'Electronic', 1.0),
    ('Trip Hop', 'Hip Hop', 0.4),
    -- experimental
    ('Avant-Garde', 'Experimental', 1.0),
    ('Noise', 'Experimental', 1.0),
    -- folk
    ('Celtic', 'Folk', 1.0),
    ('Celtic', 'World', 0.6),
    ('Indie Folk', 'Folk', 1.0),
    ('Indie Folk', 'Indie', 0.8),
    ('Singer-Songwriter', 'Folk', 1.0),
    ('Singer-Songwriter', 'Pop', 0.6),
    -- hip hop
    ('Alternative Hip Hop', 'Hip Hop', 1.0),
    ('East Coast Hip Hop', 'Hip Hop', 1.0),
    ('Southern Hip Hop', 'Hip Hop', 1.0),
    ('Trap', 'Electronic', 0.4),
    ('Trap', 'Hip Hop', 0.6),
    ('Trap', 'Southern Hip Hop', 1.0),
    ('West Coast Hip Hop', 'Hip Hop', 1.0),
    -- jazz
    ('Bebop', 'Jazz', 1.0),
    ('Free Jazz', 'Experimental', 0.6),
    ('Free Jazz', 'Jazz', 1.0),
    ('Jazz Fusion', 'Jazz', 1.0),
    ('Jazz Fusion', 'Rock', 0.4),
    ('Smooth Jazz', 'Jazz', 1.0),
    ('Swing', 'Jazz', 1.0),
    -- latin
    ('Bossa Nova', 'Jazz', 0.6),
    ('Bossa Nova', 'Latin', 1.0),
    ('Cumbia', 'Latin', 1.0),
    ('Latin Pop', 'Latin', 1.0),
    ('Latin Pop', 'Pop', 0.8),
    ('MPB', 'Latin', 1.0),
    ('Reggaeton', 'Hip Hop', 0.6),
    ('Reggaeton', 'Latin', 1.0),
    ('Reggaeton', 'Reggae', 0.4),
    ('Rock en Español', 'Latin', 1.0),
    ('Rock en Español', 'Rock', 0.8),
    ('Salsa', 'Latin', 1.0),
    ('Samba', 'Latin', 1.0),
    -- metal
    ('Black Metal', 'Metal', 1.0),
    ('Death Metal', 'Metal', 1.0),
    ('Doom Metal', 'Metal', 1.0),
    ('Folk Metal', 'Folk', 0.4),
    ('Folk Metal', 'Metal', 1.0),
    ('Heavy Metal', 'Metal', 1.0),
    ('Heavy Metal', 'Rock', 0.6),
    ('Metalcore', 'Hardcore Punk', 0.6),
    ('Metalcore', 'Metal', 1.0),
    ('Nu Metal', 'Alternative Rock', 0.6),
    ('Nu Metal', 'Metal', 1.0),
    ('Power Metal', 'Metal', 1.0),
    ('Progressive Metal', 'Metal', 1.0),
    ('Progressive Metal', 'Progressive Rock', 0.6),
    ('Symphonic Metal', 'Metal', 1.0),
    ('Thrash Metal', 'Metal', 1.0),
    -- pop
    ('Dance-Pop', 'Dance', 0.8),
    ('Dance-Pop', 'Pop', 1.0),
    ('Dream Pop', 'Alternative Rock', 0.8),
    ('Dream Pop', 'Pop', 1.0),
    ('Electropop', 'Electronic', 0.8),
    ('Electropop', 'Pop', 1.0),
    ('Indie Pop', 'Indie', 0.8),
    ('Indie Pop', 'Pop', 1.0),
    ('J-Pop', 'Pop', 1.0),
    ('K-Pop', 'Pop', 1.0),
    ('Synth-Pop', 'Electronic', 0.8),
    ('Synth-Pop', 'New Wave', 0.6),
    ('Synth-Pop', 'Pop', 1.0),
    -- r&b
    ('Contemporary R&B', 'Pop', 0.6),
    ('Contemporary R&B', 'R&B', 1.0),
    ('Funk', 'R&B', 1.0),
    ('Gospel', 'R&B', 1.0),
    ('Neo-Soul', 'Soul', 1.0),
    ('Soul', 'R&B', 1.0),
    -- reggae
    ('Dancehall', 'Reggae', 1.0),
    ('Dub', 'Electronic', 0.6),
    ('Dub', 'Reggae', 1.0),
    ('Roots Reggae', 'Reggae', 1.0),
    ('Ska', 'Reggae', 1.0),
    -- rock
    ('Alternative Rock', 'Rock', 1.0),
    ('Classic Rock', 'Rock', 1.0),
    ('Emo', 'Alternative Rock', 0.6),
    ('Emo', 'Punk Rock', 1.0),
    ('Folk Rock', 'Folk', 0.8),
    ('Folk Rock', 'Rock', 1.0),
    ('Grunge', 'Alternative Rock', 1.0),
    ('Hard Rock', 'Metal', 0.4),
    ('Hard Rock', 'Rock', 1.0),
    ('Hardcore Punk', 'Punk Rock', 1.0),
    ('Indie', 'Pop', 0.6),
    ('Indie', 'Rock', 1.0),
    ('Indie Rock', 'Alternative Rock', 1.0),
    ('Indie Rock', 'Indie', 0.8),
    ('Jam Band', 'Rock', 1.0),
    ('New Wave', 'Pop', 0.6),
    ('New Wave', 'Rock', 1.0),
    ('Pop Punk', 'Punk Rock', 1.0),
    ('Pop Rock', 'Pop', 0.8),
    ('Pop Rock', 'Rock', 1.0),
    ('Post-Punk', 'Punk Rock', 0.6),
    ('Post-Punk', 'Rock', 1.0),
    ('Post-Rock', 'Alternative Rock', 0.6),
    ('Post-Rock', 'Experimental', 0.4),
    ('Post-Rock', 'Rock', 1.0),
    ('Progressive Rock', 'Rock', 1.0),
    ('Psychedelic Rock', 'Rock', 1.0),
    ('Punk Rock', 'Rock', 1.0),
    ('Rock and Roll', 'Rock', 1.0),
    ('Shoegaze', 'Alternative Rock', 1.0),
    -- world
    ('African', 'World', 1.0),
    ('Afrobeat', 'African', 1.0),
    ('Afrobeat', 'Funk', 0.4),
    ('Flamenco', 'Latin', 0.4),
    ('Flamenco', 'World', 1.0),
    ('Indian Classical', 'Classical', 0.4),
    ('Indian Classical', 'World', 1.0)
)

insert into public.genre_parent (child_id, parent_id, confidence)
select
  medley.upsert_genre(s.child) as child_id,
  medley.upsert_genre(s.parent) as parent_id,
  s.confidence
from seed as s
on conflict do nothing;

-- sql/core/genres/seed_aliases.sql
-- Other spellings and names of one genre; keys as normalize_genre_key gives them, so case, dashes
-- and underscores need no row. Only what is the same genre to a listener, never a narrower one.
with spelling (genre_key, alias_keys) as (
  values
    ('african', array['african music']),
    ('alternative country', array['alt country', 'altcountry']),
    ('alternative hip hop', array['alternative hiphop', 'alternative rap']),
    ('alternative rock', array['alt rock', 'alternative']),
    ('avant garde', array['avantgarde']),
    ('bebop', array['be bop', 'bop']),
    ('bossa nova', array['bossanova']),
    ('britpop', array['brit pop']),
    ('celtic', array['celtic music']),
    ('chillout', array['chill out']),
    ('chiptune', array['8 bit', '8bit', 'chip tune']),
    ('classical', array['clasica', 'classical music', 'klassik']),
    ('contemporary r&b', array['contemporary r and b', 'contemporary rnb']),
    ('country', array['country music']),
    ('dance', array['dance music', 'edm', 'electronic dance music']),
    ('dark wave', array['darkwave']),
    ('death metal', array['deathmetal']),
    ('downtempo', array['down tempo']),
    ('dream pop', array['dreampop']),
    ('drum and bass', array[
      'd&b', 'd''n''b', 'dnb', 'drum & bass', 'drum ''n'' bass', 'drum n bass',
      'drum''n''bass'
    ]),
    ('dub', array['dub music']),
    ('dubstep', array['dub step']),
    ('east coast hip hop', array['east coast rap']),
    ('electronic', array['electronic music', 'eletronic']),
    ('electropop', array['electro pop', 'eletropop']),
    ('experimental', array['experimental music']),
    ('folk', array['folk music']),
    ('folk rock', array['folkrock']),
    ('funk', array['funk music']),
    ('glam metal', array['hair metal']),
    ('goa trance', array['goa']),
    ('gospel', array['gospel music']),
    ('gothic rock', array['goth rock']),
    ('hip hop', array[
      'hip hop & rap', 'hip hop and rap', 'hip hop music', 'hip hop/rap', 'hiphop', 'rap',
      'rap & hip hop', 'rap/hip hop'
    ]),
    ('house', array['house music']),
    ('idm', array['intelligent dance music']),
    ('indie pop', array['indiepop']),
    ('indie rock', array['indierock']),
    ('j pop', array['japanese pop', 'jpop']),
    ('j rock', array['japanese rock', 'jrock']),
    ('jam band', array['jam bands', 'jamband', 'jambands']),
    ('jazz', array['jazz music']),
    ('k pop', array['korean pop', 'kpop']),
    ('latin', array['latin music', 'latino']),
    ('metal', array['metal music']),
    ('metalcore', array['metal core']),
    ('mpb', array['musica popular brasileira', 'música popular brasileira']),
    ('neo soul', array['neosoul']),
    ('nu metal', array['numetal', 'nü metal']),
    ('opera', array['opera music']),
    ('orchestral', array['orchestra', 'orchestral music', 'symphonic']),
    ('pop', array['pop music']),
    ('pop punk', array['poppunk', 'punk pop']),
    ('pop rock', array['pop/rock', 'poprock', 'rock pop', 'rock/pop']),
    ('post punk', array['postpunk']),
    ('post rock', array['postrock']),
    ('power pop', array['powerpop']),
    ('progressive metal', array['prog metal']),
    ('progressive rock', array['prog', 'prog rock']),
    ('psytrance', array['psy trance', 'psychedelic trance']),
    ('punk rock', array['punk']),
    ('r&b', array[
      'r and b', 'r n b', 'r&b/soul', 'r''n''b', 'rhythm & blues', 'rhythm and blues', 'rnb'
    ]),
    ('reggae', array['reggae music']),
    ('reggaeton', array['reggaetón']),
    ('rock', array['rock music']),
    ('rock and roll', array[
      'rock & roll', 'rock ''n'' roll', 'rock n roll', 'rock''n''roll', 'rocknroll'
    ]),
    ('rock en español', array['rock en espanol', 'rock latino']),
    ('shoegaze', array['shoegazer', 'shoegazing']),
    ('singer songwriter', array[
      'singer songwriters', 'singer/songwriter', 'singersongwriter', 'songwriter',
      'songwriters'
    ]),
    ('sludge metal', array['sludge']),
    ('soul', array['soul music']),
    ('soundtrack', array[
      'film music', 'film score', 'film scores', 'film soundtrack', 'movie soundtrack',
      'original soundtrack', 'ost', 'score', 'soundtracks'
    ]),
    ('southern hip hop', array['dirty south', 'southern rap']),
    ('synth pop', array['synthpop']),
    ('techno', array['techno music']),
    ('thrash metal', array['thrash', 'trash metal']),
    ('trance', array['trance music']),
    ('trip hop', array['triphop']),
    ('twee pop', array['twee']),
    ('west coast hip hop', array['west coast rap']),
    ('world', array['world music', 'worldmusic'])
)

insert into medley.genre_aliases (alias_key, genre_key)
select
  a.alias_key,
  s.genre_key
from spelling as s
cross join lateral unnest(s.alias_keys) as a (alias_key)
on conflict do nothing;

-- sql/core/genres/seed_exclude.sql
-- Drop list: what people write into tags that is no genre. Keys as normalize_genre_key gives them.
-- Words that are also a style stay out of it ("chillout", "celtic", "latin", "african", "new age").
with dropped (reason, normalized_keys) as (
  values
    ('collection', array[
      'albums i own', 'all time faves', 'artists', 'band', 'bands', 'best bands', 'best of',
      'best song ever', 'best songs ever', 'buy this', 'check', 'check out', 'fav',
      'fav artists', 'fav songs', 'fav tracks', 'fave', 'faves', 'favorite',
      'favorite albums', 'favorite artist', 'favorite artists', 'favorite band',
      'favorite bands', 'favorite music', 'favorite song', 'favorite songs',
      'favorite tracks', 'favorites', 'favourite', 'favourite albums', 'favourite artist',
      'favourite artists', 'favourite band', 'favourite bands', 'favourite music',
      'favourite song', 'favourite songs', 'favourite tracks', 'favourites', 'favs',
      'for work', 'good bands', 'guilty pleasure', 'guilty pleasures', 'i like', 'i love',
      'i love this song', 'love at first listen', 'love it', 'loved', 'loved tracks',
      'my fav songs', 'my favorite', 'my favorites', 'my favourite', 'my favourites',
      'my music', 'my playlist', 'new', 'new discovery', 'playlist', 'recommended',
      'songs i love', 'tags', 'to listen', 'under 2000 listeners', 'unknown', 'wish list',
      'wishlist'
    ]),
    ('era', array[
      'eighties', 'fifties', 'nineties', 'old', 'old school', 'oldies', 'retro',
      'seventies', 'sixties', 'vintage'
    ]),
    ('format', array[
      'album', 'albums', 'b side', 'b sides', 'charts', 'cover', 'cover songs', 'covers',
      'demo', 'duet', 'duets', 'great covers', 'hit', 'hits', 'mix', 'mixtape', 'music',
      'originals', 'radio', 'remix', 'remixes', 'single', 'singles', 'song', 'top',
      'top 100', 'top 20', 'top 40', 'top100', 'various artists', 'vinyl'
    ]),
    ('instrument', array[
      'acoustic', 'acoustic guitar', 'bass', 'cello', 'drums', 'guitar', 'guitar solo',
      'guitar virtuoso', 'hand claps', 'handclaps', 'harmonica', 'instrumental',
      'percussion', 'piano', 'saxophone', 'strings', 'synth', 'trumpet', 'violin'
    ]),
    ('judgement', array[
      '<3', 'addictive', 'amazing', 'amazing voice', 'awesome', 'bad', 'beautiful', 'best',
      'boring', 'breathtaking', 'brilliant', 'catchy', 'classic', 'cool', 'crap', 'crazy',
      'cute', 'dope', 'excellent', 'fantastic', 'fucking amazing', 'fucking awesome',
      'genius', 'good', 'good music', 'good stuff', 'great', 'great lyrics', 'great song',
      'great songs', 'great voice', 'hot', 'interesting', 'kick ass', 'kickass', 'legend',
      'legendary', 'legends', 'lol', 'lovely', 'masterpiece', 'nice', 'overrated',
      'perfect', 'perfection', 'popular', 'pretty', 'sick', 'special', 'sucks', 'superb',
      'talented', 'the best', 'underrated', 'weird', 'wtf'
    ]),
    ('live', array[
      'concert', 'concerts', 'festival', 'i saw them live', 'live', 'live music',
      'seen in concert', 'seen live', 'want to see live', 'watched live'
    ]),
    ('media', array[
      'american idol', 'anime', 'cartoon', 'disney', 'eurovision', 'games', 'glee',
      'james bond', 'last.fm', 'lastfm', 'movies', 'soundcloud', 'spotify', 'tv',
      'twilight', 'youtube'
    ]),
    ('mood', array[
      'aggressive', 'angry', 'atmospheric', 'bittersweet', 'bliss', 'bouncy', 'calm',
      'calming', 'chill', 'danceable', 'dark', 'deep', 'depressing', 'dream', 'dreamy',
      'eclectic', 'emotional', 'energetic', 'epic', 'erotic', 'ethereal', 'feel good',
      'feelgood', 'fun', 'funny', 'groovy', 'happy', 'hard', 'haunting', 'heavy',
      'hypnotic', 'inspirational', 'intense', 'let''s dance', 'love', 'love song',
      'love songs', 'makes me cry', 'makes me wanna dance', 'melancholic', 'melancholy',
      'mellow', 'melodic', 'miserable', 'nostalgia', 'nostalgic', 'obscure', 'peaceful',
      'poignant', 'powerful', 'quirky', 'raw', 'relax', 'relaxed', 'relaxing', 'romance',
      'romantic', 'sad', 'sad songs', 'sensual', 'sex', 'sexy', 'slow', 'smooth', 'soft',
      'spiritual', 'sweet', 'upbeat', 'uplifting', 'witty'
    ]),
    ('nationality', array[
      'american', 'american artists', 'arabic', 'argentinian', 'asian', 'aussie',
      'australian', 'austrian', 'belgian', 'brazilian', 'brazilian music', 'british',
      'british artists', 'canadian', 'chilean', 'chinese', 'colombian', 'croatian', 'cuban',
      'czech', 'danish', 'deutsch', 'dutch', 'english', 'european', 'finnish', 'french',
      'german', 'greek', 'hebrew', 'hindi', 'hungarian', 'icelandic', 'indian',
      'indonesian', 'iranian', 'irish', 'israeli', 'italian', 'jamaican', 'japanese',
      'japanese music', 'korean', 'mexican', 'nigerian', 'nordic', 'norwegian', 'persian',
      'polish', 'portuguese', 'romanian', 'russian', 'scandinavian', 'scottish', 'serbian',
      'south african', 'spanish', 'swedish', 'swiss', 'taiwanese', 'thai', 'turkish',
      'ukrainian', 'venezuelan', 'welsh'
    ]),
    ('occasion', array[
      'autumn', 'childhood', 'christmas', 'drinking', 'drive', 'driving', 'driving music',
      'friends', 'halloween', 'holiday', 'memories', 'morning', 'night', 'party', 'rain',
      'rainy day', 'road trip', 'sleep', 'spring', 'study', 'summer', 'summer song',
      'summer time', 'travel', 'wake up', 'winter', 'workout', 'xmas'
    ]),
    ('place', array[
      'africa', 'argentina', 'australia', 'austria', 'belgium', 'berlin', 'brasil',
      'brazil', 'california', 'canada', 'chicago', 'chile', 'china', 'cuba', 'denmark',
      'detroit', 'deutschland', 'england', 'europe', 'finland', 'france', 'germany',
      'greece', 'iceland', 'india', 'ireland', 'israel', 'italy', 'jamaica', 'japan',
      'korea', 'liverpool', 'london', 'los angeles', 'manchester', 'mexico', 'nashville',
      'netherlands', 'new jersey', 'new york', 'new york city', 'new zealand', 'norway',
      'nyc', 'paris', 'poland', 'portugal', 'russia', 'scandinavia', 'scotland', 'seattle',
      'south africa', 'spain', 'sweden', 'switzerland', 'texas', 'turkey', 'uk',
      'united kingdom', 'united states', 'us', 'usa', 'wales'
    ]),
    ('theme', array[
      'animals', 'cars', 'crime', 'drugs', 'gay', 'girl power', 'independent', 'jesus',
      'not emo', 'poetry', 'political', 'politics', 'queer', 'religion', 'religious',
      'straight edge', 'underground', 'women'
    ]),
    ('voice', array[
      'boyband', 'boybands', 'composer', 'composers', 'diva', 'divas', 'female',
      'female artist', 'female artists', 'female singer', 'female singers', 'female vocal',
      'female vocalist', 'female vocalists', 'female vocals', 'female voice',
      'female voices', 'harmonies', 'idol', 'male', 'male artist', 'male singer',
      'male vocalist', 'male vocalists', 'male vocals', 'male voice', 'sing along',
      'singalong', 'singer', 'vocal', 'vocalist', 'vocalists', 'vocals', 'voice'
    ])
)

insert into public.genre_taxonomy_exclude (normalized_key, reason)
select
  k.normalized_key,
  d.reason
from dropped as d
cross join lateral unnest(d.normalized_keys) as k (normalized_key)
on conflict do nothing;

-- Decades as people write them: 1980s, 1980's, 80s, 80's.
insert into public.genre_taxonomy_exclude (normalized_key, reason)
select
  p.prefix || s.suffix as normalized_key,
  'decade' as reason
from generate_series(1920, 2020, 10) as d (decade)
cross join lateral (values (d.decade::text), (right(d.decade::text, 2))) as p (prefix)
cross join (values ('s'), ('''s')) as s (suffix)
on conflict do nothing;

-- Years, alone and as in "1981 songs".
insert into public.genre_taxonomy_exclude (normalized_key, reason)
select
  y.year::text || s.suffix as normalized_key,
  'year' as reason
from generate_series(1940, 2035) as y (year)
cross join (values (''), (' songs')) as s (suffix)
on conflict do nothing;

-- sql/core/genres/jobs.sql
-- The nightly rebuild, and a first one, so that the curated tree is there from the start.
insert into medley.jobs (name, schedule, function_name, batch_size, timeout_seconds, enabled, description)
values (
  'rebuild_genre_taxonomy', '15 3 * * *', 'rebuild_genre_taxonomy', null, 600, true,
  'Counts genres over the catalogue again and rebuilds similarity, induced parents and paths.'
);

select medley.rebuild_genre_taxonomy();
