-- The schedule of pg_cron changes with medley.jobs, in the same transaction, and leaves other people's entries alone.
select plan(13);

create temp view scheduled as
-- Older versions of pg_cron have names of type name.
select c.jobname::text collate "default" as jobname, c.schedule, c.command, c.active
from cron.job as c;

select set_eq(
  $$ select jobname, schedule, command from scheduled where jobname like 'medley:%' $$,
  $$ select 'medley:' || name, schedule, format('call medley.run_job(%L)', name) from medley.jobs where enabled $$,
  'the migrations scheduled every job'
);

select cron.schedule('app:mine', '5 5 * * *', 'select 1');

insert into medley.jobs (name, schedule, function_name, description)
values ('one', '1 2 3 4 5', 'nothing', 'For tests.'), ('two', '2 2 * * *', 'nothing', 'For tests.');
select results_eq(
  $$ select jobname, schedule, command, active from scheduled where jobname in ('medley:one', 'medley:two') order by 1 $$,
  $$ values ('medley:one', '1 2 3 4 5', 'call medley.run_job(''one'')', true),
            ('medley:two', '2 2 * * *', 'call medley.run_job(''two'')', true) $$,
  'new rows are scheduled'
);

update medley.jobs set schedule = '9 9 9 9 *' where name = 'one';
select results_eq(
  $$ select schedule from scheduled where jobname = 'medley:one' $$, $$ values ('9 9 9 9 *') $$,
  'a new schedule holds'
);

update medley.jobs set enabled = false where name = 'one';
select is_empty($$ select from scheduled where jobname = 'medley:one' $$, 'a disabled job is not scheduled');
update medley.jobs set enabled = true where name = 'one';
select isnt_empty($$ select from scheduled where jobname = 'medley:one' $$, 'and is again once enabled');

update medley.jobs set name = 'three' where name = 'one';
select set_eq(
  $$ select jobname from scheduled where jobname in ('medley:one', 'medley:two', 'medley:three') $$,
  $$ values ('medley:two'), ('medley:three') $$,
  'a new name replaces the old one'
);

select throws_ok(
  $$ update medley.jobs set schedule = 'every day' where name = 'two' $$, '22023', null,
  'a schedule that pg_cron cannot read is refused'
);
select results_eq(
  $$ select schedule from medley.jobs where name = 'two' $$, $$ values ('2 2 * * *') $$,
  'and the table keeps what it had'
);

select cron.alter_job((select jobid from cron.job where jobname = 'medley:two'), active => false);
select lives_ok('select medley.sync_cron()', 'an entry that somebody changed by hand is mended');
select results_eq(
  $$ select active from scheduled where jobname = 'medley:two' $$, $$ values (true) $$, 'it is active again'
);

delete from medley.jobs where name in ('two', 'three');
select is_empty(
  $$ select from scheduled where jobname in ('medley:two', 'medley:three') $$, 'a deleted job is not scheduled'
);
select throws_ok(
  $$ insert into medley.jobs (name, schedule, function_name, description) values ('x''; drop', '* * * * *', 'f', 'd') $$,
  '23514', null, 'a name cannot carry SQL into the command'
);
select results_eq(
  $$ select schedule, command from scheduled where jobname = 'app:mine' $$,
  $$ values ('5 5 * * *', 'select 1') $$,
  'the app''s own entry is untouched'
);

select * from finish();
