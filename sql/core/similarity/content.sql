-- Content neighbours: items that share features, rare ones above all. Cosine of idf-weighted features (Salton and
-- Buckley 1988), with a limit on how common a feature may be, as search engines have for "more like this". The
-- nightly rebuild goes through the items in blocks; between rebuilds a job brings in items whose features changed,
-- by the idf of the last night, and leaves the lists of all others as they are but for those that the changed items
-- name.
create or replace function medley.queue_content_changes()
returns trigger
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
begin
  insert into medley.content_changes (item_no)
  select distinct c.item_no
  from changed_rows as c;
  return null;
end;
$$;

comment on function medley.queue_content_changes() is
  'Statement trigger with transition table changed_rows: the items whose features changed wait for new neighbours.';
revoke all on function medley.queue_content_changes() from public, anon, authenticated, service_role;

create trigger content_features_inserted
after insert on medley.content_features
referencing new table as changed_rows
for each statement execute function medley.queue_content_changes();

create trigger content_features_updated
after update on medley.content_features
referencing new table as changed_rows
for each statement execute function medley.queue_content_changes();

create trigger content_features_deleted
after delete on medley.content_features
referencing old table as changed_rows
for each statement execute function medley.queue_content_changes();

create or replace function medley.weigh_features(p_item_nos int[])
returns table (feature_no int, kind text, item_no int, value real)
language sql stable parallel safe security definer set search_path = '' set work_mem = '256MB'
as $$
  with weighed as (
    select w.item_no, w.feature_no, w.value::double precision as value
    from unnest(p_item_nos) as i (item_no)
    -- Offset 0 keeps the planner from computing the whole view: item by item it reads an index.
    cross join lateral (
      select f.item_no, f.feature_no, f.value
      from medley.item_feature_weights as f
      where f.item_no = i.item_no
      offset 0
    ) as w
    inner join medley.features as f on w.feature_no = f.feature_no
    where f.item_count <= (select medley.setting('similarity.max_feature_items'))
  ),

  measured as (
    select
      w.*,
      sqrt(sum(w.value * w.value) over (partition by w.item_no)) as length
    from weighed as w
    where w.value > 0
  )

  select m.feature_no, i.kind, m.item_no, (m.value / m.length)::real
  from measured as m
  inner join medley.items as i on m.item_no = i.item_no
  order by m.feature_no, i.kind collate "C", m.item_no
$$;

comment on function medley.weigh_features(int[]) is
  'The rows of content_vectors of these items, computed afresh from their features.';
revoke all on function medley.weigh_features(int[]) from public, anon, authenticated, service_role;

create or replace function medley.rank_content_neighbors(p_item_nos int[])
returns table (item_no int, neighbor_no int, weight real)
language sql stable parallel safe security definer set search_path = ''
as $$
  with kept as materialized (
    select
      medley.setting('similarity.neighbors') as same_kind,
      medley.setting('similarity.neighbors_across') as across
  ),

  kind as materialized (
    select k.kind
    from medley.item_kinds as k
    where exists (select from medley.items as i where i.kind = k.kind)
  )

  -- Item by item: what one item pairs with fits the processor's cache, whatever the size of the catalogue.
  select a.item_no, b.neighbor_no, b.weight
  from unnest(p_item_nos) as p (item_no)
  inner join medley.items as a on p.item_no = a.item_no
  cross join kind as k
  cross join kept as n
  cross join lateral (
    select
      o.item_no as neighbor_no,
      sum(v.value * o.value::double precision)::real as weight
    from medley.content_vectors as v
    inner join medley.content_vectors as o on v.feature_no = o.feature_no and o.kind = k.kind
    where v.item_no = a.item_no and o.item_no <> a.item_no
    group by o.item_no
    order by weight desc, o.item_no
    limit case when k.kind = a.kind then n.same_kind else n.across end
  ) as b
$$;

comment on function medley.rank_content_neighbors(int[]) is
  'The best content neighbours of these items: similarity.neighbors of their own kind and similarity.neighbors_across of '
  'each other kind. weight is the cosine.';
revoke all on function medley.rank_content_neighbors(int[]) from public, anon, authenticated, service_role;

create or replace function medley.rebuild_content_neighbors(p_limit int)
returns bigint
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_list_no smallint := medley.lock_list('content');
  v_item_nos int[];
begin
  if v_list_no is null then
    v_list_no := medley.begin_list('content');
    -- The changes go before the features are read: one that commits in between stays for the next refresh.
    delete from medley.content_changes as c where c.change_no is not null;
    perform medley.refresh_feature_statistics();
    delete from medley.content_vectors as v where v.item_no is not null;
    insert into medley.content_vectors (feature_no, kind, item_no, value)
    select w.feature_no, w.kind, w.item_no, w.value
    from medley.weigh_features(array(select i.item_no from medley.items as i)) as w;
    analyze medley.content_vectors;
  end if;

  v_item_nos := array(
    select i.item_no
    from medley.items as i
    where i.item_no > (select l.done_item_no from medley.neighbor_lists as l where l.list_no = v_list_no)
    order by i.item_no
    limit p_limit
  );
  insert into medley.item_neighbors (list_no, item_no, neighbor_no, weight)
  select v_list_no, r.item_no, r.neighbor_no, r.weight
  from medley.rank_content_neighbors(v_item_nos) as r;

  if cardinality(v_item_nos) < p_limit then
    perform medley.finish_list(v_list_no);
  else
    update medley.neighbor_lists as l
    set done_item_no = v_item_nos[p_limit]
    where l.list_no = v_list_no;
  end if;
  return cardinality(v_item_nos);
end;
$$;

comment on function medley.rebuild_content_neighbors(int) is
  'Job: content neighbours of the next p_limit items into a list of their own; after the last item it becomes current. '
  'Returns how many items.';
revoke all on function medley.rebuild_content_neighbors(int) from public, anon, authenticated, service_role;

create or replace function medley.refresh_content_neighbors(p_limit int)
returns bigint
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_building smallint := medley.lock_list('content');
  v_list_no smallint := medley.current_list('content');
  v_changes bigint;
  v_item_nos int[];
  v_moved_nos int[];
begin
  -- The first list does not wait for the night.
  if v_list_no is null and v_building is null then
    return case
      when exists (select from medley.content_features) then medley.rebuild_content_neighbors(2000)
      else 0
    end;
  end if;
  -- The list that is being built has not seen these changes: they wait until it is current.
  if v_building is not null then
    return 0;
  end if;

  with taken as (
    delete from medley.content_changes as c
    where c.change_no in (select o.change_no from medley.content_changes as o order by o.change_no limit p_limit)
    returning c.item_no
  )

  select count(*), coalesce(array_agg(distinct t.item_no), '{}') into v_changes, v_item_nos
  from taken as t;

  delete from medley.content_vectors as v
  using unnest(v_item_nos) as c (item_no)
  where v.item_no = c.item_no;
  insert into medley.content_vectors (feature_no, kind, item_no, value)
  select w.feature_no, w.kind, w.item_no, w.value
  from medley.weigh_features(v_item_nos) as w;

  delete from medley.item_neighbors as n
  using unnest(v_item_nos) as c (item_no)
  where n.list_no = v_list_no and n.item_no = c.item_no;
  with gone as (
    delete from medley.item_neighbors as n
    using unnest(v_item_nos) as c (item_no)
    where n.list_no = v_list_no and n.neighbor_no = c.item_no
    returning n.item_no
  )

  select v_item_nos || coalesce(array_agg(g.item_no), '{}') into v_moved_nos
  from gone as g;

  with written as (
    insert into medley.item_neighbors (list_no, item_no, neighbor_no, weight)
    select v_list_no, d.item_no, d.neighbor_no, r.weight
    from medley.rank_content_neighbors(v_item_nos) as r
    cross join lateral (values (r.item_no, r.neighbor_no), (r.neighbor_no, r.item_no)) as d (item_no, neighbor_no)
    -- Two changed items may each rank the other.
    on conflict do nothing
    returning item_no
  )

  select v_moved_nos || coalesce(array_agg(w.item_no), '{}') into v_moved_nos
  from written as w;
  perform medley.pack_neighbors(v_list_no, array(select distinct m.item_no from unnest(v_moved_nos) as m (item_no)));
  return v_changes;
end;
$$;

comment on function medley.refresh_content_neighbors(int) is
  'Job: works up to p_limit changes of features into the current list. A changed item gets the neighbours that a rebuild '
  'would give it, and enters their lists; it leaves all other lists. What it pushes down there, and who would take its '
  'place where it left, the next rebuild decides. Waits while a rebuild is under way; where there is no list yet it begins '
  'the first one. Returns how many changes.';
revoke all on function medley.refresh_content_neighbors(int) from public, anon, authenticated, service_role;
