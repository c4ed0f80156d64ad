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
