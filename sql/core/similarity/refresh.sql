-- Keeping the neighbours by behaviour fresh: all of them in blocks, or those of the items whose members moved.
insert into medley.settings (key, value, description)
values (
  'behavior.moved_share', 0.1,
  'Share of an item''s members that must have come or gone before its neighbours are computed again; 0 to 1.'
);

-- Items are solved side by side where the server has workers to spare: nothing else costs anything here.
create or replace function medley.write_behavior_neighbors(p_item_nos int[], p_behavior smallint, p_cosine smallint)
returns bigint
language plpgsql volatile parallel unsafe security definer
set search_path = ''
set parallel_setup_cost = 0 set parallel_tuple_cost = 0
set min_parallel_table_scan_size = 0 set min_parallel_index_scan_size = 0
as $$
declare
  v_items int[];
  v_neighbors int[];
  v_weights real[];
  v_cosines real[];
begin
  -- Dynamic, because plpgsql runs a query into variables with workers only so.
  execute
    'select array_agg(b.item_no), array_agg(n.neighbor_no), array_agg(n.weight), array_agg(n.cosine) '
    'from medley.behavior_items as b cross join lateral medley.behavior_neighbors_of(b.item_no) as n '
    'where b.item_no = any($1)'
  into v_items, v_neighbors, v_weights, v_cosines
  using p_item_nos;

  insert into medley.item_neighbors (list_no, item_no, neighbor_no, weight)
  select p_behavior, n.neighbor_no, n.item_no, n.weight
  from unnest(v_items, v_neighbors, v_weights) as n (item_no, neighbor_no, weight)
  where abs(n.weight) > 0.0005
  union all
  select p_cosine, n.item_no, n.neighbor_no, n.cosine
  from unnest(v_items, v_neighbors, v_cosines) as n (item_no, neighbor_no, cosine);
  return coalesce(cardinality(v_items), 0);
end;
$$;

comment on function medley.write_behavior_neighbors(int[], smallint, smallint) is
  'Computes the neighbours of these items and writes them to two lists. In behavior a row says that who likes item_no '
  'should be shown neighbor_no, so the items given are the neighbor_no. Returns how many pairs.';
revoke all on function medley.write_behavior_neighbors(int[], smallint, smallint)
from public, anon, authenticated, service_role;

create or replace function medley.trim_behavior_list(p_list_no smallint)
returns bigint
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_targets int := medley.setting('behavior.targets');
  v_rows bigint;
begin
  -- By place on disk: a list that was just written has no statistics yet, and a join with itself would be planned as if
  -- it were empty.
  delete from medley.item_neighbors as d
  where d.ctid = any (array(
    select r.ctid
    from (
      select n.ctid, row_number() over (partition by n.item_no order by abs(n.weight) desc, n.neighbor_no) as place
      from medley.item_neighbors as n
      where n.list_no = p_list_no
    ) as r
    where r.place > v_targets
  ));
  get diagnostics v_rows = row_count;
  return v_rows;
end;
$$;

comment on function medley.trim_behavior_list(smallint) is
  'Leaves the strongest behavior.targets neighbours to each item of a list. Returns how many rows went.';
revoke all on function medley.trim_behavior_list(smallint) from public, anon, authenticated, service_role;

-- A generic plan, because to one for a list that the statistics do not know the index without the items looks as good:
-- it would read the whole list for each item.
create or replace function medley.trim_behavior_neighbors(p_list_no smallint, p_item_nos int[])
returns bigint
language plpgsql volatile parallel unsafe security definer
set search_path = '' set plan_cache_mode = force_generic_plan
as $$
declare
  v_targets int := medley.setting('behavior.targets');
  v_rows bigint;
begin
  delete from medley.item_neighbors as d
  where d.ctid = any (array(
    select r.ctid
    from unnest(p_item_nos) as i (item_no)
    cross join lateral (
      select n.ctid
      from medley.item_neighbors as n
      where n.list_no = p_list_no and n.item_no = i.item_no
      order by abs(n.weight) desc, n.neighbor_no
      offset v_targets
    ) as r
  ));
  get diagnostics v_rows = row_count;
  return v_rows;
end;
$$;

comment on function medley.trim_behavior_neighbors(smallint, int[]) is
  'The same for these items of the list, each read by the index.';
revoke all on function medley.trim_behavior_neighbors(smallint, int[]) from public, anon, authenticated, service_role;

create or replace function medley.rebuild_behavior_neighbors(p_limit int)
returns bigint
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_behavior smallint := medley.lock_list('behavior');
  v_cosine smallint := medley.lock_list('cosine');
  v_done int;
  v_item_nos int[];
begin
  -- A crash empties the working copies; then the rebuild starts again.
  if v_behavior is null or v_cosine is null or not exists (select from medley.behavior_items) then
    v_behavior := medley.begin_list('behavior');
    v_cosine := medley.begin_list('cosine');
    perform medley.load_behavior();
  end if;

  select l.done_item_no into v_done from medley.neighbor_lists as l where l.list_no = v_behavior;
  select array_agg(b.item_no order by b.item_no) into v_item_nos
  from (
    select i.item_no
    from medley.behavior_items as i
    where i.item_no > v_done
    order by i.item_no
    limit p_limit
  ) as b;

  if v_item_nos is not null then
    perform medley.write_behavior_neighbors(v_item_nos, v_behavior, v_cosine);
    update medley.neighbor_lists as l
    set done_item_no = v_item_nos[cardinality(v_item_nos)]
    where l.list_no in (v_behavior, v_cosine);
  end if;
  if coalesce(cardinality(v_item_nos), 0) < p_limit then
    perform medley.trim_behavior_list(v_behavior);
    perform medley.finish_list(v_behavior);
    perform medley.finish_list(v_cosine);
  end if;
  return coalesce(cardinality(v_item_nos), 0);
end;
$$;

comment on function medley.rebuild_behavior_neighbors(int) is
  'Job: computes the neighbours of the next p_limit items; the last call makes the new lists the current ones. '
  'A rebuild that was killed goes on where it stopped. Returns how many items it did.';
revoke all on function medley.rebuild_behavior_neighbors(int) from public, anon, authenticated, service_role;

create or replace function medley.moved_items(p_since timestamptz)
returns bigint
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_user_nos int[];
  v_rows bigint;
begin
  -- In the order of the keys they are looked up by: neighbours in an index share its pages.
  select array_agg(m.user_no order by m.user_no) into v_user_nos
  from medley.member_activity as m
  where m.last_written_at >= p_since;

  -- What the members of news like now against what they liked: each difference moves an item.
  with fresh as materialized (
    select r.* from medley.behavior_history_rows(coalesce(v_user_nos, '{}')) as r
  ),

  difference as (
    select coalesce(n.user_no, o.user_no) as user_no, coalesce(n.item_no, o.item_no) as item_no
    from (select f.user_no, unnest(f.item_nos) as item_no from fresh as f) as n
    full join (
      select u.user_no, k.item_no
      from unnest(v_user_nos) as u (user_no)
      cross join lateral (
        select unnest(h.item_nos) as item_no from medley.behavior_histories as h where h.user_no = u.user_no
      ) as k
    ) as o on n.user_no = o.user_no and n.item_no = o.item_no
    where n.user_no is null or o.user_no is null
  ),

  gone as (
    delete from medley.behavior_histories as h
    where h.user_no in (
      select u.user_no from unnest(v_user_nos) as u (user_no)
      except
      select f.user_no from fresh as f
    )
  ),

  written as (
    insert into medley.behavior_histories as h (user_no, item_nos, weights)
    select f.user_no, f.item_nos, f.weights
    from fresh as f
    where f.user_no in (select d.user_no from difference as d)
    on conflict (user_no) do update
    set item_nos = excluded.item_nos, weights = excluded.weights
  )

  insert into medley.behavior_items as b (item_no, member_count, members, sampled, moved, sketch)
  select d.item_no, 0, '{}', 1, count(*), repeat('0', 8192)::bit(8192)
  from difference as d
  group by d.item_no
  on conflict (item_no) do update
  set moved = b.moved + excluded.moved;
  get diagnostics v_rows = row_count;
  return v_rows;
end;
$$;

comment on function medley.moved_items(timestamptz) is
  'Reads the histories of the members who engaged since p_since again, and counts in behavior_items.moved how many members '
  'each item gained or lost. Returns how many items moved at all.';
revoke all on function medley.moved_items(timestamptz) from public, anon, authenticated, service_role;

create or replace function medley.read_moved_items()
returns int[]
language sql volatile parallel unsafe security definer set search_path = ''
as $$
  with moved as materialized (
    select
      i.item_no,
      array(
        select a.user_no
        from medley.affinities as a
        where a.item_no = i.item_no and a.score > 0
        group by a.user_no
      ) as members
    from medley.behavior_items as i
    where i.moved > (select medley.setting('behavior.moved_share')::float8) * i.member_count
  ),

  written as (
    update medley.behavior_items as b
    set
      member_count = cardinality(m.members),
      members = coalesce(s.members, '{}'),
      sampled = s.sampled,
      sketch = coalesce(s.sketch, repeat('0', 8192)::bit(8192)),
      moved = 0
    from moved as m
    cross join lateral medley.behavior_sample(m.members, medley.setting('behavior.max_members')::int) as s
    where b.item_no = m.item_no
    returning b.item_no
  )

  select coalesce(array_agg(w.item_no order by w.item_no), '{}')
  from written as w
$$;

comment on function medley.read_moved_items() is
  'Reads the members again of each item that moved by more than behavior.moved_share. Returns those items.';
revoke all on function medley.read_moved_items() from public, anon, authenticated, service_role;

create or replace function medley.refresh_behavior_neighbors()
returns bigint
language plpgsql volatile parallel unsafe security definer set search_path = '' set work_mem = '64MB'
as $$
declare
  v_building smallint := medley.lock_list('behavior');
  v_behavior smallint := medley.current_list('behavior');
  v_cosine smallint := medley.current_list('cosine');
  v_read_at timestamptz := (select g.built_at from medley.generations as g where g.name = 'behavior_items');
  v_item_nos int[];
  v_left_nos int[];
  v_spoke_nos int[];
  v_long_nos int[];
begin
  -- The first lists do not wait for the night.
  if v_behavior is null and v_building is null then
    return case
      when exists (select from medley.affinities as a where a.score > 0) then medley.rebuild_behavior_neighbors(2000)
      else 0
    end;
  end if;
  -- A rebuild that is under way reads everything itself; after a crash there is nothing to compare with.
  if v_building is not null or not exists (select from medley.behavior_items) then
    return 0;
  end if;

  -- Ten minutes more, for transactions that wrote before the last run and committed after it.
  perform medley.moved_items(v_read_at - interval '10 minutes');
  v_item_nos := medley.read_moved_items();

  with gone as (
    delete from medley.item_neighbors as n
    using unnest(v_item_nos) as i (item_no)
    where n.list_no = v_behavior and n.neighbor_no = i.item_no
    returning n.item_no
  )

  select array_agg(distinct g.item_no) into v_left_nos
  from gone as g;

  delete from medley.item_neighbors as n
  using unnest(v_item_nos) as i (item_no)
  where n.list_no = v_cosine and n.item_no = i.item_no;

  perform medley.write_behavior_neighbors(v_item_nos, v_behavior, v_cosine);
  select array_agg(distinct n.item_no) into v_spoke_nos
  from unnest(v_item_nos) as i (item_no)
  inner join medley.item_neighbors as n on n.list_no = v_behavior and i.item_no = n.neighbor_no;
  perform medley.pack_neighbors(
    v_behavior, array(select distinct c.item_no from unnest(v_left_nos || v_spoke_nos) as c (item_no) order by c.item_no)
  );
  -- Packed they are easily counted: most are short enough.
  v_long_nos := array(
    select p.item_no
    from unnest(v_spoke_nos) as s (item_no)
    inner join medley.packed_neighbors as p on p.list_no = v_behavior and s.item_no = p.item_no
    where cardinality(p.neighbor_nos) > (select medley.setting('behavior.targets'))
  );
  perform medley.trim_behavior_neighbors(v_behavior, v_long_nos);
  perform medley.pack_neighbors(v_behavior, v_long_nos);

  perform medley.finish_generation(
    'behavior_items', medley.begin_generation('behavior_items'), (select count(*) from medley.behavior_items)
  );
  return cardinality(v_item_nos);
end;
$$;

comment on function medley.refresh_behavior_neighbors() is
  'Job: computes the neighbours of the items again whose members moved since the last run, in the lists that are current. '
  'The nightly rebuild follows the rest. Where there are no lists yet it begins the first ones. '
  'Returns how many items it did.';
revoke all on function medley.refresh_behavior_neighbors() from public, anon, authenticated, service_role;

insert into medley.jobs (name, schedule, function_name, batch_size, timeout_seconds, description)
values
  (
    'rebuild_behavior_neighbors', '30 3 * * *', 'rebuild_behavior_neighbors', 2000, 7200,
    'Computes the neighbours by behaviour of all items into new lists, in blocks of items.'
  ),
  (
    'refresh_behavior_neighbors', '*/5 * * * *', 'refresh_behavior_neighbors', null, 1800,
    'Computes the neighbours by behaviour again of the items whose members moved.'
  );
