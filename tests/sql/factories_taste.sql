-- Features of an item as "type: value", under one source.
create function tests.describe_item(p_item uuid, p_features text[], p_source text default 'tests')
returns bigint
language sql security definer set search_path = ''
as $$
  select medley.replace_item_features(
    p_source,
    array[p_item],
    array_fill(p_item, array[cardinality(p_features)]),
    array(select split_part(f, ': ', 1) from unnest(p_features) with ordinality as u (f, place) order by place),
    array(select split_part(f, ': ', 2) from unnest(p_features) with ordinality as u (f, place) order by place)
  )
$$;

-- What the engine holds of an item's features, as "source/type: value", sorted.
create function tests.features_of(p_item uuid)
returns text[]
language sql security definer set search_path = ''
as $$
  select coalesce(array_agg(name order by name collate "C"), '{}')
  from (
    select d.source || '/' || d.feature_type || ': ' || d.feature_value as name
    from medley.content_feature_details as d
    where d.content_id = p_item
  ) as f
$$;

create function tests.item_no(p_item uuid)
returns int
language sql security definer set search_path = ''
as $$ select i.item_no from medley.items as i where i.id = p_item $$;
