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
