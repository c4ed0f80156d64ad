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
