-- The rows that a rebuild would have written for the items after the last one that it did. Clusters are alike by
-- construction, so an item takes the neighbours of one that was done and has its place in another cluster, each shifted
-- by the distance of the clusters. For measuring reads at full size without waiting for the whole rebuild.
with building as (
  select l.list_no, l.done_item_no from medley.neighbor_lists as l where l.method = 'behavior' and l.state = 'building'
),

scale as (
  select max(i.cluster) + 1 as clusters, count(*) as items from bench.item as i
),

donor as (
  select
    i.place_in_cluster,
    array_agg(i.item_no order by i.item_no) as item_nos,
    array_agg(i.cluster order by i.item_no) as clusters
  from bench.item as i
  where i.item_no <= (select b.done_item_no from building as b)
  group by i.place_in_cluster
),

missing as (
  select
    i.item_no,
    d.item_nos[1 + i.item_no % cardinality(d.item_nos)] as donor_no,
    i.cluster - d.clusters[1 + i.item_no % cardinality(d.item_nos)] as shift
  from bench.item as i
  inner join donor as d on i.place_in_cluster = d.place_in_cluster
  where i.item_no > (select b.done_item_no from building as b)
)

insert into medley.item_neighbors (list_no, item_no, neighbor_no, weight)
select
  b.list_no,
  bench.scattered(
    k.place_in_cluster * s.clusters::bigint + (k.cluster + m.shift + s.clusters) % s.clusters, s.items::int
  ),
  m.item_no,
  n.weight
from missing as m
cross join building as b
cross join scale as s
inner join medley.item_neighbors as n on n.list_no = b.list_no and n.neighbor_no = m.donor_no
inner join bench.item as k on n.item_no = k.item_no
-- The last place is not in every cluster.
where k.place_in_cluster * s.clusters::bigint + (k.cluster + m.shift + s.clusters) % s.clusters < s.items;

update medley.neighbor_lists as l
set done_item_no = (select max(i.item_no) from bench.item as i)
where l.method in ('behavior', 'cosine') and l.state = 'building';
