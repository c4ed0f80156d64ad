-- Old runs go in batches; recent ones, running ones and the last one of a job stay.
select plan(5);

insert into medley.jobs (name, schedule, function_name, description)
values ('busy', '1 2 3 4 5', 'nothing', 'For tests.'), ('rare', '1 2 3 4 5', 'nothing', 'For tests.');
insert into medley.job_runs (name, started_at, ended_at, status)
select 'busy', now() - make_interval(days => d), now() - make_interval(days => d), 'succeeded'
from generate_series(1, 60) as d;
insert into medley.job_runs (name, started_at, ended_at, status)
values ('rare', now() - interval '300 days', now(), 'succeeded'), ('rare', now() - interval '400 days', now(), 'failed');
insert into medley.job_runs (name, started_at)
values ('rare', now() - interval '500 days');

select is(medley.prune_job_runs(10), 10::bigint, 'a batch is a batch');
select is(medley.prune_job_runs(1000), 21::bigint, 'the next one takes what is left');
select is(medley.prune_job_runs(1000), 0::bigint, 'again does nothing');
select is(
  (select count(*) from medley.job_runs where name = 'busy'), 30::bigint,
  'what is younger than ops.keep_job_runs_days stays'
);
select results_eq(
  $$ select status from medley.job_runs where name = 'rare' order by started_at $$,
  $$ values ('running'), ('succeeded') $$,
  'so does the last run of a job, and one that is running'
);

select * from finish();
