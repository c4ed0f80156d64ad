-- Each cluster has eight genres of 50 items, each genre ten creators of 5: what content neighbours are made of. By the
-- engine's own function, so with triggers.
insert into medley.feature_types (feature_type, is_creator, description)
values ('bench_creator', true, 'Who made it.');

with feature as (
  select
    i.item_no,
    f.feature_type,
    f.feature_value
  from bench.item as i
  cross join lateral (
    values
    ('genre', 'genre ' || i.cluster || '-' || i.place_in_cluster % 8),
    ('bench_creator', 'creator ' || i.cluster || '-' || i.place_in_cluster % 80)
  ) as f (feature_type, feature_value)
)

select medley.replace_item_features(
  'bench',
  (select array_agg(i.id order by i.item_no) from medley.items as i),
  array_agg(bench.uuid('e00', f.item_no) order by f.item_no, f.feature_type),
  array_agg(f.feature_type order by f.item_no, f.feature_type),
  array_agg(f.feature_value order by f.item_no, f.feature_type)
)
from feature as f;
