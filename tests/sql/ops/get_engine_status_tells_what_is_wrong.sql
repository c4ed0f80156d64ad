-- One row: version, generations and their age, jobs and their lag, last errors, partitions ahead.
select plan(16);

delete from medley.job_runs where true;
insert into medley.jobs (name, schedule, function_name, description)
values ('good', '1 2 3 4 5', 'nothing', 'For tests.'), ('bad', '1 2 3 4 5', 'nothing', 'For tests.');
insert into medley.job_runs (name, started_at, ended_at, status, error)
values
  ('good', now() - interval '2 hours', now() - interval '1 hour', 'succeeded', null),
  ('good', now() - interval '1 minute', now(), 'skipped', null),
  ('bad', now() - interval '3 days', now() - interval '2 days', 'succeeded', null),
  ('bad', now() - interval '1 day', now(), 'failed', 'out of cheese (P0001)'),
  ('bad', now() - interval '1 hour', now(), 'killed', 'the session ended during the run');
insert into medley.generations (name, generation, built_at, row_count)
values ('test_table', 3, now() - interval '90 seconds', 12);

create table medley.test_log (at timestamptz not null) partition by range (at);
create table medley.test_log_past partition of medley.test_log for values from (minvalue) to (now() - interval '1 day');
create table medley.test_log_now partition of medley.test_log
for values from (now() - interval '1 day') to (now() + interval '1 day');
create table medley.test_log_1 partition of medley.test_log
for values from (now() + interval '1 day') to (now() + interval '2 days');
create table medley.test_log_2 partition of medley.test_log
for values from (now() + interval '2 days') to (now() + interval '3 days');
create table medley.test_log_rest partition of medley.test_log default;
create table medley.test_list (kind text not null) partition by list (kind);
create table medley.test_names (name text not null) partition by range (name);
create table medley.test_names_a partition of medley.test_names for values from ('a') to ('b');

create temp table status as select * from medley.get_engine_status(now());
create temp view jobs as select j.* from status, jsonb_array_elements(status.jobs) as j (entry);

select is((select count(*) from status), 1::bigint, 'one row');
select is((select version from status), medley.version(), 'the version');
select ok((select scheduler from status), 'pg_cron is there');
select is(
  (select entry ->> 'age_seconds' from status, jsonb_array_elements(generations) as g (entry)
  where entry ->> 'name' = 'test_table'),
  '90', 'the age of a generation'
);
select is((select entry ->> 'lag_seconds' from jobs where entry ->> 'name' = 'good'), '3600', 'lag counts from the success');
select is((select entry ->> 'last_status' from jobs where entry ->> 'name' = 'good'), 'succeeded', 'a skipped run is no run');
select is((select entry ->> 'last_status' from jobs where entry ->> 'name' = 'bad'), 'killed', 'the last status');
select is((select entry ->> 'lag_seconds' from jobs where entry ->> 'name' = 'bad'), '172800', 'a failure is no success');
select is(
  (select entry -> 'lag_seconds' from jobs where entry ->> 'name' = 'prune_job_runs'), 'null'::jsonb,
  'a job that never ran has no lag'
);
select is((select jsonb_array_length(errors) from status), 2, 'failed and killed runs are errors');
select is((select errors -> 1 ->> 'error' from status), 'out of cheese (P0001)', 'with their message, newest first');
select is(
  (select entry from status, jsonb_array_elements(partitions) as p (entry) where entry ->> 'table_name' = 'test_log'),
  jsonb_build_object('table_name', 'test_log', 'partitions_ahead', 2, 'covered_until', now() + interval '3 days'),
  'partitions ahead, those without a date left out'
);
select is_empty(
  $$ select from status, jsonb_array_elements(partitions) as p (entry)
     where entry ->> 'table_name' in ('test_list', 'test_names') $$,
  'only tables partitioned by time are counted'
);

select act_as_service();
select lives_ok('select * from public.get_engine_status()', 'the service may ask');
select act_as_anon();
select throws_permission('select * from public.get_engine_status()', 'nobody else may');
select act_as_owner();
select act_as(make_member('ada'));
select throws_permission('select * from public.get_engine_status()', 'nor a member');

select * from finish();
