-- A list is read once it is finished; what it replaces is retired and deleted in batches; a rebuild goes on where it ended.
select plan(22);

select make_kind('film');
create temp table n as select g, make_item('film', 'film ' || g) as id from generate_series(1, 7) as g;
select describe_item(id, array['keyword: heist']) from n;

select ok(medley.current_list('content') is null, 'no list before the first rebuild');
select is(medley.rebuild_content_neighbors(3), 3::bigint, 'a block');
select ok(medley.current_list('content') is null, 'nobody reads what is being built');
select is((select count(*) from medley.item_neighbors), 18::bigint, 'which holds the block');
select is_empty('select 1 from medley.packed_neighbors', 'and which is not packed');
select is(medley.refresh_content_neighbors(10), 0::bigint, 'changes wait for it');
select is(medley.resume_neighbor_rebuilds(3), 3::bigint, 'another job goes on with it');
select is(medley.resume_neighbor_rebuilds(3), 1::bigint, 'to the end');
select is(medley.resume_neighbor_rebuilds(3), 0::bigint, 'and begins no other');
select results_eq(
  $$ select state, generation, row_count from medley.neighbor_lists where list_no = medley.current_list('content') $$,
  $$ values ('current', 1, 42::bigint) $$, 'then it is the current one'
);
select results_eq(
  'select list_no, sum(cardinality(neighbor_nos)) from medley.packed_neighbors group by list_no',
  $$ values (medley.current_list('content'), 42::bigint) $$, 'and packed'
);
select is_empty('select * from packed_otherwise()', 'as its rows say');

create temp table first as select medley.current_list('content') as list_no;
select describe_item(id, array['keyword: heist', 'keyword: bank']) from n where g < 3;
select medley.rebuild_content_neighbors(100);
select isnt(medley.current_list('content'), list_no, 'a rebuild makes a new one') from first;
select is(l.state, 'retired', 'and retires the former') from medley.neighbor_lists as l inner join first using (list_no);
select is(medley.refresh_content_neighbors(10), 0::bigint, 'which has seen all changes');
select is(medley.drop_retired_neighbors(40), 40::bigint, 'its rows go in batches');
select is(medley.drop_retired_neighbors(40), 2::bigint, 'until none is left');
select is_empty($$ select 1 from medley.neighbor_lists as l inner join first using (list_no) $$, 'nor the list');
select is_empty($$ select 1 from medley.packed_neighbors as l inner join first using (list_no) $$, 'nor the packed one');
select is_empty('select * from packed_otherwise()', 'the current one stays packed');
select is(
  (select count(*) from medley.item_neighbors as r where r.list_no = medley.current_list('content')), 42::bigint,
  'the current one is whole'
);
select is(
  (select count(*) from medley.content_similarity as s where s.similarity_type = 'content'), 42::bigint,
  'content_similarity shows it by id'
);

select * from finish();
