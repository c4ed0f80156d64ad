-- active_experiment: a member's variant and its weights while the experiment runs, and the same one to its end.
select plan(19);

select make_ranker('shelf'), make_ranker('other');
select is_empty($$ select medley.active_experiment(md5('7')::uuid, 'shelf', now()) $$, 'nothing where no experiment is');

select medley.create_experiment('first', 'shelf', '[{"variant": "control", "share": 0.5},
  {"variant": "bold", "share": 0.5, "weights": {"near": 3}}]', 'engagement', 0.2, '2026-03-01', 'salt', null, '2026-01-01');
select is_empty($$ select medley.active_experiment(md5(n::text)::uuid, 'shelf', '2026-01-02') from generate_series(1, 200) as n $$,
  'nor before it starts');
select medley.start_experiment('first', '2026-01-02');

create function tests.assigned(p_as_of timestamptz) returns table (member int, experiment text, variant text, weights jsonb)
language sql as $$ select n, a.* from generate_series(1, 1000) as n,
  lateral medley.active_experiment(md5(n::text)::uuid, 'shelf', p_as_of) as a $$;
create temp table before as select * from tests.assigned('2026-01-03');
select results_eq(
  $$ select distinct experiment, variant, weights from before order by variant $$,
  $$ values ('first', 'bold', '{"near": 3}'::jsonb), ('first', 'control', '{}') $$,
  'each variant has its weights'
);
select ok((select count(*) between 150 and 250 from before), 'a fifth of the members takes part');
select is(medley.experiment_bucket('salt', '6f1ed002-ab55-4e3b-9e0d-2f4b3b3d1a77'), 9065, 'by a hash that never changes');
select is(medley.experiment_bucket('other salt', '6f1ed002-ab55-4e3b-9e0d-2f4b3b3d1a77'), 7870, 'but with the salt');
select is_empty($$ select medley.active_experiment(null, 'shelf', '2026-01-03') $$, 'who is nobody does not');
select is_empty($$ select medley.active_experiment(md5(n::text)::uuid, 'other', '2026-01-03') from generate_series(1, 200) as n $$,
  'nor does another ranker');
select is_empty($$ select medley.active_experiment(md5(n::text)::uuid, 'shelf', '2026-01-01') from generate_series(1, 200) as n $$,
  'or the time before');
select is_empty($$ select medley.active_experiment(md5(n::text)::uuid, 'shelf', '2026-03-01') from generate_series(1, 200) as n $$,
  'or the time after');

select medley.set_experiment_traffic('first', 0.7);
select ok((select count(*) between 640 and 760 from tests.assigned('2026-01-03')), 'more traffic brings more members');
select is_empty($$ select * from before except select * from tests.assigned('2026-01-03') $$, 'and moves none');
select throws_code($$ select medley.set_experiment_traffic('first', 0.6) $$, 'conflict', 'it cannot shrink');
select throws_code($$ select medley.set_experiment_traffic('first', 'NaN') $$, 'invalid_argument', 'or be no number');
select throws_code(
  $$ update medley.experiment_variants set bucket_until = 6000 where variant = 'control' $$, 'conflict', 'shares are fixed'
);
select throws_code(
  $$ insert into medley.experiment_variants values ('first', 'late', 9000, 10000) $$, 'conflict', 'so are the variants'
);
select throws_code($$ update medley.experiments set salt = 'x' where name = 'first' $$, 'conflict', 'so is the salt');

select medley.stop_experiment('first', '2026-01-04');
select is_empty($$ select * from before except select * from tests.assigned('2026-01-03') $$,
  'what was assigned then can still be told');
select lives_ok($$ delete from medley.experiments where name = 'first' $$, 'an experiment goes with all that is its own');

select * from finish();
