-- Background work: what runs when (jobs, edited by the owner) and what happened (job_runs, written by run_job).
-- A module adds a row to medley.jobs and nothing else: a trigger keeps pg_cron's schedule equal to the table.
do $$
begin
  create extension if not exists pg_cron;
exception when others then
  -- A database without it still works: the owner runs jobs by hand or from elsewhere.
  raise notice 'pg_cron is not available (%): run jobs with call medley.run_job(name)', sqlerrm;
end;
$$;

create table medley.jobs (
  name text primary key check (name ~ '^[a-z][a-z0-9_]{1,50}$'),
  schedule text not null,
  function_name text not null check (function_name ~ '^[a-z][a-z0-9_]{1,62}$'),
  batch_size int check (batch_size between 1 and 1000000),
  timeout_seconds int not null default 600 check (timeout_seconds between 1 and 86400),
  enabled boolean not null default true,
  description text not null
);

comment on table medley.jobs is 'Background jobs. A change of a row changes the schedule of pg_cron in the same transaction.';
comment on column medley.jobs.name is 'Name of the job; pg_cron knows it as medley:<name>.';
comment on column medley.jobs.schedule is 'When it runs, as pg_cron writes it: minute hour day month weekday, in UTC.';
comment on column medley.jobs.function_name is
  'The function of schema medley that does the work and returns how many rows it did: without arguments, '
  'or with one limit where batch_size is set.';
comment on column medley.jobs.batch_size is
  'Rows a call; the function is called, and each call committed, until it does fewer. Null: one call does all.';
comment on column medley.jobs.timeout_seconds is
  'How long a run may take, in seconds. A batch job stops after the batch in which the time ends and goes on at its next '
  'run; any other run is cancelled. The statement_timeout of the session that calls run_job holds as well.';
comment on column medley.jobs.enabled is 'Whether pg_cron runs it; run_job runs it in any case.';
comment on column medley.jobs.description is 'What it does.';

create table medley.job_runs (
  run_id bigint primary key generated always as identity,
  name text not null references medley.jobs (name) on update cascade on delete cascade,
  started_at timestamptz not null default clock_timestamp(),
  ended_at timestamptz,
  status text not null default 'running' check (status in ('running', 'succeeded', 'failed', 'skipped', 'killed')),
  rows bigint not null default 0,
  error text,
  pid int not null default pg_backend_pid(),
  constraint job_runs_ended check ((status = 'running') = (ended_at is null))
);
create index job_runs_name_idx on medley.job_runs (name, started_at desc);
create unique index job_runs_running_idx on medley.job_runs (name) where status = 'running';

comment on table medley.job_runs is 'What each run of a job did; the job prune_job_runs removes old rows.';
comment on column medley.job_runs.run_id is 'Number of the run.';
comment on column medley.job_runs.name is 'The job.';
comment on column medley.job_runs.started_at is 'When the run began.';
comment on column medley.job_runs.ended_at is 'When it ended; null while it runs.';
comment on column medley.job_runs.status is
  'running; succeeded; failed (see error); skipped (another run was going on); '
  'killed (its session ended before it did; found out by the next run).';
comment on column medley.job_runs.rows is 'Rows done so far.';
comment on column medley.job_runs.error is 'What went wrong, with the SQLSTATE.';
comment on column medley.job_runs.pid is 'The server process that runs or ran it.';

alter table medley.jobs enable row level security;
revoke all on medley.jobs from public, anon, authenticated, service_role;

alter table medley.job_runs enable row level security;
revoke all on medley.job_runs from public, anon, authenticated, service_role;

insert into medley.settings (key, value, description)
values
  ('ops.keep_job_runs_days', 30, 'How many days job_runs are kept, 1 to 3650; the last run of a job stays.');
