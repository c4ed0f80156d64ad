-- content_changes: items whose features change wait there, each statement once, until the refresh takes them.
select plan(13);

select make_kind('film');
create temp table i as select make_item('film', 'a') as a, make_item('film', 'b') as b, make_item('film', 'c') as c;
create function tests.queued() returns text[] language sql as $$
  select coalesce(array_agg(m.title order by q.change_no), '{}')
  from medley.content_changes as q
  inner join medley.items as m on m.item_no = q.item_no
$$;
create function tests.vector_of(p_title text) returns text[] language sql as $$
  select coalesce(array_agg(f.feature_value order by f.feature_value), '{}')
  from medley.content_vectors as v
  inner join medley.items as m on m.item_no = v.item_no
  inner join medley.features as f on f.feature_no = v.feature_no
  where m.title = p_title
$$;

select describe_item(a, array['keyword: x', 'keyword: y']), describe_item(b, array['keyword: x']) from i;
select is(queued(), array['a', 'b'], 'an item waits once, however many of its features are new');
select medley.rebuild_content_neighbors(100);
select is(queued(), '{}', 'a rebuild has read all of them');
select isnt_empty('select 1 from medley.packed_neighbors', 'and packed what it found');

select describe_item(b, array['keyword: y']), describe_item(c, array['keyword: y']), describe_item(a, array['keyword: x']) from i;
select set_eq('select unnest(queued())', array['a', 'b', 'c'], 'changed, new and lost features count alike');
select is(vector_of('b'), array['x'], 'the vectors are still the old ones');

-- A rebuild in blocks is under way: its list may have passed the item, so the change waits for the list.
savepoint building;
select medley.rebuild_content_neighbors(1);
select describe_item(a, array['keyword: z']) from i;
select is(medley.refresh_content_neighbors(100), 0::bigint, 'while a list is being built nothing is taken');
select set_eq('select unnest(queued())', array['a'], 'and what changed since it began waits');
rollback to building;

select ok(medley.refresh_content_neighbors(1) = 1 and cardinality(queued()) >= 2, 'a refresh takes as many as it is asked for');
select is_empty('select * from packed_otherwise()', 'and packs anew what it moved');
select medley.refresh_content_neighbors(100);
select is(queued(), '{}', 'and then the rest');
select is_empty('select * from packed_otherwise()', 'packed too');
select is(array[vector_of('a'), vector_of('b'), vector_of('c')], array[array['x'], array['y'], array['y']],
  'the vectors are those of the features');

select describe_item(a, array['keyword: own']) from i;
select medley.refresh_content_neighbors(100);
select is_empty('select * from packed_otherwise()', 'who lost all neighbours has no packed row');

select * from finish();
