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
