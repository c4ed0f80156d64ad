-- A page of similar items as "title method", in order; asked for by the role in force.
create function tests.shown(p_item uuid, p_kind text default null, p_method text default 'blend', p_limit int default 20)
returns text[]
language sql stable security invoker set search_path = ''
as $$
  select coalesce(array_agg(s.title || ' ' || s.method), '{}')
  from public.get_similar_items(p_item, p_kind, p_method, p_limit) as s
$$;

-- All pages of p_limit rows, one after the other, and how long each was.
create function tests.shown_in_pages(p_item uuid, p_method text, p_limit int, out titles text[], out sizes int[])
language plpgsql stable security invoker set search_path = ''
as $$
declare
  v_titles text[];
  v_cursor text;
begin
  loop
    select array_agg(s.title || ' ' || s.method), max(s.next_cursor) into v_titles, v_cursor
    from public.get_similar_items(p_item, null, p_method, p_limit, v_cursor) as s;
    titles := titles || v_titles;
    sizes := sizes || cardinality(v_titles);
    exit when v_cursor is null;
  end loop;
end;
$$;

-- Builds content and genre neighbours anew.
create function tests.rebuild_neighbors()
returns void
language plpgsql security definer set search_path = ''
as $$
begin
  perform medley.rebuild_content_neighbors(100000);
  perform medley.rebuild_genre_neighbors(100000);
end;
$$;

-- Makes these the neighbours of an item by p_method: the first has the weight 1, each next one half of that.
create function tests.plant_neighbors(p_method text, p_item uuid, p_neighbors uuid[])
returns void
language plpgsql security definer set search_path = ''
as $$
declare
  v_list_no smallint := medley.begin_list(p_method);
begin
  insert into medley.item_neighbors (list_no, item_no, neighbor_no, weight)
  select v_list_no, tests.item_no(p_item), tests.item_no(n.id), 2 ^ (1 - n.place)
  from unnest(p_neighbors) with ordinality as n (id, place);
  perform medley.finish_list(v_list_no);
end;
$$;

-- Rows in which packed_neighbors differs from the current lists that recommendations read: none, at any time.
create function tests.packed_otherwise()
returns table (list_no smallint, item_no int)
language sql security definer set search_path = ''
as $$
  select list_no, item_no
  from (
    select
      n.list_no,
      n.item_no,
      array_agg(n.neighbor_no order by n.weight desc, n.neighbor_no) as neighbor_nos,
      array_agg(n.weight order by n.weight desc, n.neighbor_no) as weights
    from medley.item_neighbors as n
    inner join medley.neighbor_lists as l on n.list_no = l.list_no
    where l.state = 'current' and l.method in ('behavior', 'content', 'embedding')
    group by n.list_no, n.item_no
  ) as r
  full join (
    select p.*
    from medley.packed_neighbors as p
    inner join medley.neighbor_lists as l on p.list_no = l.list_no
    where l.state = 'current'
  ) as p using (list_no, item_no)
  where (r.neighbor_nos, r.weights) is distinct from (p.neighbor_nos, p.weights)
$$;
