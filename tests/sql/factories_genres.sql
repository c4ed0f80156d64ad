-- An item whose genres count in the statistics, as an artist's do. A title of its own makes an id of its own.
create function tests.make_genre_item(p_title text, p_genres text[])
returns uuid
language plpgsql security definer set search_path = ''
as $$
declare
  v_id uuid := md5('genre item ' || p_title)::uuid;
begin
  insert into medley.item_kinds (kind, in_genre_statistics, description)
  values ('counted', true, 'For tests.')
  on conflict do nothing;
  insert into medley.items (id, kind, title)
  values (v_id, 'counted', p_title);
  perform medley.sync_item_genres(array_fill(v_id, array[greatest(cardinality(p_genres), 1)]),
    case when cardinality(p_genres) > 0 then p_genres else array[null::text] end);
  return v_id;
end;
$$;

-- p_count items with the same genres.
create function tests.make_genre_items(p_count int, p_genres text[])
returns void
language sql security definer set search_path = ''
as $$
  select tests.make_genre_item(array_to_string(p_genres, '+') || ' ' || n, p_genres)
  from generate_series(1, p_count) as n
$$;

-- The id of the genre with that key.
create function tests.genre(p_key text)
returns uuid
language sql stable security definer set search_path = ''
as $$
  select g.id
  from public.genres as g
  where g.normalized_key = p_key
$$;

-- Takes all genres away, so that a test has the taxonomy to itself. Spellings and the drop list stay.
create function tests.clear_taxonomy()
returns void
language sql security definer set search_path = ''
as $$
  delete from public.genres where true;
$$;

-- An umbrella, and an edge, by name.
create function tests.make_umbrella(p_name text)
returns void
language sql security definer set search_path = ''
as $$
  insert into public.genre_taxonomy_roots (genre_id)
  values (public.upsert_genre(p_name))
$$;

create function tests.make_parent(p_child text, p_parent text, p_confidence double precision default 1)
returns void
language sql security definer set search_path = ''
as $$
  insert into public.genre_parent (child_id, parent_id, confidence)
  values (public.upsert_genre(p_child), public.upsert_genre(p_parent), p_confidence)
$$;

-- The links of an item as sorted keys.
create function tests.genre_keys_of(p_item uuid)
returns text[]
language sql stable security definer set search_path = ''
as $$
  select array_agg(g.normalized_key order by g.normalized_key)
  from public.item_genres as l
  inner join public.genres as g on g.id = l.genre_id
  where l.item_id = p_item
$$;

-- Induced edges as "child > parent", sorted.
create function tests.induced_edges()
returns text[]
language sql stable security definer set search_path = ''
as $$
  select coalesce(array_agg(c.normalized_key || ' > ' || p.normalized_key order by c.normalized_key, e.confidence desc), '{}')
  from public.genre_parent as e
  inner join public.genres as c on c.id = e.child_id
  inner join public.genres as p on p.id = e.parent_id
  where e.source = 'induced'
$$;

-- The paths of a genre, the primary one marked by a star.
create function tests.paths_of(p_key text)
returns text[]
language sql stable security definer set search_path = ''
as $$
  select coalesce(
    array_agg(p.path_slug || case when p.is_primary then '*' else '' end order by p.path_slug collate "C"), '{}'
  )
  from public.genre_paths as p
  where p.genre_id = tests.genre(p_key)
$$;

-- The plan of a query, line by line.
create function tests.plan_of(p_sql text)
returns setof text
language plpgsql security invoker
as $$
begin
  return query execute 'explain (costs off) ' || p_sql;
end;
$$;
