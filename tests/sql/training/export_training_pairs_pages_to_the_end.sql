-- The worker reads every pair once, or those of a kind, a set or a time.
select no_plan();

select make_kind('thing'), make_kind('other');
create temp table w as select make_member('ada') as ada, '2026-03-10T12:00:00Z'::timestamptz as t;
select happened(ada, make_item('thing', 'i' || n), 'like', t + make_interval(hours => n)) from w, generate_series(1, 5) as n;
select happened(ada, make_item('other', 'o'), 'like', t) from w;
select embed_text(item_named('i1'), 5);
select generate('a', '2026-03-20T00:00:00Z'), generate('b', '2026-03-20T00:00:00Z');

select act_as_service();
create temp table pages as
select array_agg(e.pair_id) as ids, count(*) as rows from public.export_training_pairs(4) as e;
select is((select rows from pages), 4::bigint, 'a page');
select is(
  (
    select array_agg(n.pair_id order by n.pair_id)
    from (select e.next_cursor from public.export_training_pairs(4) as e order by e.pair_id desc limit 1) as l,
      public.export_training_pairs(1000, l.next_cursor) as n
  ),
  (select array_agg(e.pair_id order by e.pair_id) from public.export_training_pairs(1000) as e where e.pair_id <> all (select unnest(ids) from pages)),
  'the next goes on where it ended'
);
select is((select count(*) from public.export_training_pairs()), 12::bigint, 'all');
select is((select count(*) from public.export_training_pairs(p_algorithm_version => 'a')), 6::bigint, 'of a set');
select is((select count(*) from public.export_training_pairs(p_kind => 'other')), 2::bigint, 'of a kind');
select is((select count(*) from public.export_training_pairs(p_since => '2026-03-10T16:00:00Z')), 4::bigint, 'since a time');
select is(
  (select format('%s %s', e.kind, cardinality(string_to_array(e.item_embedding, ','))) from public.export_training_pairs(p_algorithm_version => 'a') as e
   where e.item_title = 'i1'),
  'thing 384', 'with its vector'
);
select is((select count(*) from public.export_training_pairs(p_algorithm_version => 'a') where item_embedding is null), 5::bigint, 'or none');
select throws_code(
  $$ select public.export_training_pairs(4, (select e.next_cursor from public.export_training_pairs(1) as e), 'thing') $$,
  'invalid_cursor', 'a cursor belongs to its query'
);

select * from finish();
