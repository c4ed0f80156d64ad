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
