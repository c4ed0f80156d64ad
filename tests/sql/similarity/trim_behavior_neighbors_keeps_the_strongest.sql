-- Each item speaks for behavior.targets others at most: the strongest, for or against, of the items named or of all.
select plan(5);

select make_kind('film');
select make_items('film', 'f', 30);
select plant_list('behavior', array(
  select format('f%s > f%s %s', a, b, case when b % 2 = 0 then -b else b end)
  from generate_series(1, 2) as a, generate_series(3, 30) as b
));
update medley.settings as s set value = 20 where s.key = 'behavior.targets';

create function tests.left_to(p_title text) returns int[] language sql as $$
  select array_agg(substr(b.title, 2)::int order by substr(b.title, 2)::int)
  from medley.item_neighbors as n
  inner join medley.items as a on a.item_no = n.item_no
  inner join medley.items as b on b.item_no = n.neighbor_no
  where n.list_no = medley.current_list('behavior') and a.title = p_title
$$;
select is(medley.trim_behavior_neighbors(medley.current_list('behavior'), array[item_no(item_named('f1'))]), 8::bigint,
  'what is too much goes');
select is(left_to('f1'), array(select generate_series(11, 30)), 'the weakest first, whatever their sign');
select is(cardinality(left_to('f2')), 28, 'of the items named only');
select is(medley.trim_behavior_list(medley.current_list('behavior')), 8::bigint, 'or of all');
select is(left_to('f2'), array(select generate_series(11, 30)), 'by the same rule');

select * from finish();
