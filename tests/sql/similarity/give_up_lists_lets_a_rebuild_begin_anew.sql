-- A list that was begun before a load knows none of it: given up, the next rebuild reads everything.
select plan(5);

select make_kind('film'), make_members(4);
select make_items('film', 'f', 6);
select engage(m, f, 'like') from unnest(array['m1', 'm2']) as m, unnest(array['f1', 'f2']) as f;
select medley.rebuild_behavior_neighbors(1);
select engage(m, f, 'like') from unnest(array['m3', 'm4']) as m, unnest(array['f3', 'f4']) as f;
select is(
  (select count(*) from medley.neighbor_lists where state = 'building'), 2::bigint, 'a rebuild by blocks is under way'
);
select is(medley.give_up_lists('content'), 0::bigint, 'of another method there is nothing');
select is(medley.give_up_lists(null), 2::bigint, 'its lists are given up');
select medley.rebuild_behavior_neighbors(100);
select is(
  (select array_agg(distinct i.title order by i.title) from medley.item_neighbors as n
    inner join medley.items as i on n.item_no = i.item_no
    where n.list_no = medley.current_list('behavior')),
  array['f1', 'f2', 'f3', 'f4'], 'and the next rebuild knows what came meanwhile'
);
select is((select count(*) from medley.neighbor_lists where state = 'building'), 0::bigint, 'to its end');

select * from finish();
