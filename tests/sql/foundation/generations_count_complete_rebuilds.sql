-- begin_generation locks and numbers a rebuild; finish_generation makes it the one in force.
select plan(8);

select is(medley.begin_generation('test_table'), 1, 'the first');
select is(medley.begin_generation('test_table'), 1, 'a rebuild that did not finish used no number');
select lives_ok($$ select medley.finish_generation('test_table', 1, 10) $$, 'finished');
select results_eq(
  $$ select generation, row_count, built_at from medley.generations where name = 'test_table' $$,
  $$ values (1, 10::bigint, now()) $$, 'on record'
);
select is(medley.begin_generation('test_table'), 2, 'the next');
select lives_ok($$ select medley.finish_generation('test_table', 2, 0) $$, 'also with no rows');
select results_eq(
  $$ select generation, row_count from medley.generations where name = 'test_table' $$,
  $$ values (2, 0::bigint) $$, 'one row a table'
);
select is(medley.setting('no.such_setting'), null, 'a setting that nobody made is null');

select * from finish();
