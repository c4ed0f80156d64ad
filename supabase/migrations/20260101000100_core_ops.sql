-- Made from sql/core/ops by `make migrations`; edit that, not this.

-- sql/core/ops/tables.sql
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

-- sql/core/ops/functions.sql
-- Running jobs: one run of a job at a time, each run on record before its work begins, safe to kill at any moment.
create or replace function medley.sync_cron()
returns void
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
begin
  if not exists (select from pg_catalog.pg_extension as e where e.extname = 'pg_cron') then
    return;
  end if;

  perform cron.unschedule(c.jobname)
  from cron.job as c
  where c.jobname like 'medley:%'
    and c.username = current_user
    and (
      -- schedule() below does not wake an entry up that somebody switched off.
      not c.active
      or not exists (select from medley.jobs as j where j.enabled and c.jobname = 'medley:' || j.name)
    );

  perform cron.schedule('medley:' || j.name, j.schedule, format('call medley.run_job(%L)', j.name))
  from medley.jobs as j
  where j.enabled
    and not exists (
      select from cron.job as c
      where c.jobname = 'medley:' || j.name
        and c.username = current_user
        and (c.schedule, c.command) = (j.schedule, format('call medley.run_job(%L)', j.name))
    )
  order by j.name;
end;
$$;

comment on function medley.sync_cron() is
  'Makes the schedule of pg_cron equal to medley.jobs, under the names medley:<name>. Does nothing without pg_cron; '
  'call it once after creating that extension later.';
revoke all on function medley.sync_cron() from public, anon, authenticated, service_role;

create or replace function medley.jobs_changed()
returns trigger
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
begin
  perform medley.sync_cron();
  return null;
end;
$$;

comment on function medley.jobs_changed() is 'Statement trigger: pg_cron follows medley.jobs in the same transaction.';
revoke all on function medley.jobs_changed() from public, anon, authenticated, service_role;

create trigger jobs_sync_cron
after insert or update or delete or truncate on medley.jobs
for each statement execute function medley.jobs_changed();

create or replace function medley.job_lock(p_name text)
returns bigint
language sql immutable parallel safe security invoker set search_path = ''
as $$ select hashtextextended('medley.job:' || p_name, 0) $$;

comment on function medley.job_lock(text) is 'Key of the advisory lock that the session of a running job holds.';
revoke all on function medley.job_lock(text) from public, anon, authenticated, service_role;

create or replace function medley.cancel_overdue_runs()
returns int
language sql volatile parallel unsafe security definer set search_path = ''
as $$
  select count(pg_cancel_backend(r.pid))::int
  from medley.job_runs as r
  inner join medley.jobs as j on r.name = j.name
  inner join pg_catalog.pg_locks as l
    -- The lock proves that this process still is that run.
    on r.pid = l.pid
      and l.locktype = 'advisory'
      and l.granted
      and l.objsubid = 1
      and (l.classid::bigint << 32 | l.objid::bigint) = medley.job_lock(r.name)
      and l.database = (select d.oid from pg_catalog.pg_database as d where d.datname = current_database())
  where r.status = 'running'
    and r.pid <> pg_backend_pid()
    and r.started_at + make_interval(secs => j.timeout_seconds) < clock_timestamp()
$$;

comment on function medley.cancel_overdue_runs() is
  'Cancels the runs that have outlived their timeout_seconds; they record themselves as failed. '
  'Returns how many. Each run of any job begins with it.';
revoke all on function medley.cancel_overdue_runs() from public, anon, authenticated, service_role;

create or replace function medley.start_run(p_name text)
returns bigint
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_run_id bigint;
begin
  if not exists (select from medley.jobs as j where j.name = p_name) then
    perform medley.fail('not_found', format('there is no job %s', p_name), 'p_name', 'See medley.jobs.');
  end if;
  perform medley.cancel_overdue_runs();

  if not pg_try_advisory_lock(medley.job_lock(p_name)) then
    insert into medley.job_runs (name, status, ended_at)
    values (p_name, 'skipped', clock_timestamp());
    raise notice 'job % is running already: skipped', p_name;
    return null;
  end if;

  -- Whoever holds the lock is the only run: a row that says otherwise lost its session.
  update medley.job_runs as r
  set
    status = 'killed',
    ended_at = clock_timestamp(),
    error = 'the session ended during the run'
  where r.name = p_name and r.status = 'running';

  insert into medley.job_runs (name)
  values (p_name)
  returning run_id into v_run_id;
  return v_run_id;
end;
$$;

comment on function medley.start_run(text) is
  'Takes the job''s lock for this session and records the run; returns its run_id, or null when another session is '
  'running the job, which is recorded as skipped. Errors: not_found.';
revoke all on function medley.start_run(text) from public, anon, authenticated, service_role;

create or replace function medley.continue_run(p_run_id bigint)
returns boolean
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_job medley.jobs;
  v_deadline timestamptz;
  v_session_ms numeric := (select s.setting::numeric from pg_catalog.pg_settings as s where s.name = 'statement_timeout');
  v_rows bigint;
  v_more boolean := false;
begin
  select j.* into strict v_job
  from medley.jobs as j
  inner join medley.job_runs as r on j.name = r.name
  where r.run_id = p_run_id;

  -- A batch job stops before the session's own limit would cut its last batch.
  select r.started_at + make_interval(secs => least(v_job.timeout_seconds, nullif(v_session_ms, 0) * 0.0008)::float8)
  into strict v_deadline
  from medley.job_runs as r
  where r.run_id = p_run_id;

  begin
    if v_job.batch_size is null then
      execute format('select medley.%I()', v_job.function_name) into v_rows;
    else
      execute format('select medley.%I($1)', v_job.function_name) into v_rows using v_job.batch_size;
      v_more := v_rows >= v_job.batch_size and clock_timestamp() < v_deadline;
    end if;
    -- A deferred constraint that fails must fail here, where it can be recorded.
    set constraints all immediate;

    update medley.job_runs as r
    set
      rows = r.rows + coalesce(v_rows, 0),
      status = case when v_more then 'running' else 'succeeded' end,
      ended_at = case when not v_more then clock_timestamp() end
    where r.run_id = p_run_id;
  exception
    -- "others" leaves out a cancelled statement, which is how timeouts arrive.
    when query_canceled or others then
      v_more := false;
      raise warning 'job % failed: %', v_job.name, sqlerrm;
      update medley.job_runs as r
      set
        status = 'failed',
        ended_at = clock_timestamp(),
        error = left(format('%s (%s)', sqlerrm, sqlstate), 2000) || case
          when sqlstate = '57014' and nullif(v_session_ms, 0) < v_job.timeout_seconds * 1000 then format(
            ' The session allows %s s, the job %s s: raise statement_timeout of the role that runs jobs.',
            v_session_ms / 1000, v_job.timeout_seconds)
          when sqlstate = '57014' then format(' The job may take %s s.', v_job.timeout_seconds)
          else ''
        end
      where r.run_id = p_run_id;
  end;
  return v_more;
end;
$$;

comment on function medley.continue_run(bigint) is
  'Does the work of a run, or its next batch, and records the outcome; an error is recorded, not raised. '
  'Returns whether there is more to do.';
revoke all on function medley.continue_run(bigint) from public, anon, authenticated, service_role;

-- A procedure that commits cannot pin its search_path or run as its owner: every name is written in full,
-- and only the owner may call it.
create or replace procedure medley.run_job(p_name text)
language plpgsql security invoker
as $$
declare
  v_run_id bigint;
  v_more boolean;
begin
  -- Inside somebody's transaction this fails at once, before there is a lock to leave behind.
  commit;
  v_run_id := medley.start_run(p_name);
  commit;
  if v_run_id is null then
    return;
  end if;
  loop
    v_more := medley.continue_run(v_run_id);
    commit;
    exit when not v_more;
  end loop;
  perform pg_catalog.pg_advisory_unlock(medley.job_lock(p_name));
end;
$$;

comment on procedure medley.run_job is
  'Runs the job p_name now: what pg_cron calls. The run is on record before it begins; its outcome, errors included, '
  'is in medley.job_runs (a failure is also a warning). A second call while one runs records skipped. '
  'Call it outside a transaction, in a session of your own (not through a transaction pooler). Errors: not_found.';
revoke all on procedure medley.run_job(text) from public, anon, authenticated, service_role;

create or replace function medley.prune_job_runs(p_limit int)
returns bigint
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_keep interval := make_interval(days => medley.setting('ops.keep_job_runs_days')::int);
  v_rows bigint;
begin
  delete from medley.job_runs as r
  where r.run_id in (
    select o.run_id
    from medley.job_runs as o
    where o.started_at < now() - v_keep
      and o.status <> 'running'
      and exists (select from medley.job_runs as n where n.name = o.name and n.started_at > o.started_at)
    order by o.run_id
    limit p_limit
  );
  get diagnostics v_rows = row_count;
  return v_rows;
end;
$$;

comment on function medley.prune_job_runs(int) is
  'Job: deletes up to p_limit runs older than the setting ops.keep_job_runs_days, never the last one of a job. Returns how many.';
revoke all on function medley.prune_job_runs(int) from public, anon, authenticated, service_role;

create or replace function medley.partitions_ahead(p_as_of timestamptz)
returns table (table_name text, partitions_ahead int, covered_until timestamptz)
language sql stable parallel safe security definer set search_path = ''
as $$
  select
    t.relname::text,
    count(*) filter (where b.lower_bound > p_as_of)::int,
    max(b.upper_bound)
  from pg_catalog.pg_class as t
  inner join pg_catalog.pg_partitioned_table as p on t.oid = p.partrelid
  inner join pg_catalog.pg_attribute as a on p.partrelid = a.attrelid and p.partattrs[0] = a.attnum
  left join lateral (
    -- The default partition, and unbounded ends, have no date to read.
    select
      substring(pg_get_expr(c.relpartbound, c.oid) from 'FROM \(''([^'']+)''')::timestamptz as lower_bound,
      substring(pg_get_expr(c.relpartbound, c.oid) from 'TO \(''([^'']+)''')::timestamptz as upper_bound
    from pg_catalog.pg_inherits as i
    inner join pg_catalog.pg_class as c on i.inhrelid = c.oid
    where i.inhparent = t.oid
  ) as b on true
  where t.relnamespace = 'medley'::regnamespace
    and p.partstrat = 'r'
    and a.atttypid = 'timestamptz'::regtype
  group by t.oid, t.relname
  order by t.relname
$$;

comment on function medley.partitions_ahead(timestamptz) is
  'Tables of the engine that are partitioned by time: how many partitions begin after p_as_of, and until when rows have one.';
revoke all on function medley.partitions_ahead(timestamptz) from public, anon, authenticated, service_role;

create or replace function medley.job_states(p_as_of timestamptz)
returns table (
  name text,
  schedule text,
  enabled boolean,
  last_status text,
  last_started_at timestamptz,
  last_succeeded_at timestamptz,
  lag_seconds bigint
)
language sql stable parallel safe security definer set search_path = ''
as $$
  select
    j.name,
    j.schedule,
    j.enabled,
    l.status,
    l.started_at,
    s.ended_at,
    extract(epoch from p_as_of - s.ended_at)::bigint
  from medley.jobs as j
  left join lateral (
    select
      r.status,
      r.started_at
    from medley.job_runs as r
    where r.name = j.name and r.status <> 'skipped'
    order by r.started_at desc
    limit 1
  ) as l on true
  left join lateral (
    select r.ended_at
    from medley.job_runs as r
    where r.name = j.name and r.status = 'succeeded'
    order by r.started_at desc
    limit 1
  ) as s on true
  order by j.name
$$;

comment on function medley.job_states(timestamptz) is
  'Each job with its last run (skipped ones left out), its last success, and the seconds from that until p_as_of.';
revoke all on function medley.job_states(timestamptz) from public, anon, authenticated, service_role;

create or replace function medley.get_engine_status(p_as_of timestamptz)
returns table (
  version text,
  checked_at timestamptz,
  scheduler boolean,
  generations jsonb,
  jobs jsonb,
  errors jsonb,
  partitions jsonb
)
language sql stable parallel safe security definer set search_path = ''
as $$
  select
    medley.version(),
    p_as_of,
    exists (select from pg_catalog.pg_extension as e where e.extname = 'pg_cron'),
    (
      select coalesce(jsonb_agg(
        to_jsonb(g) || jsonb_build_object('age_seconds', extract(epoch from p_as_of - g.built_at)::bigint)
        order by g.name
      ), '[]')
      from medley.generations as g
    ),
    (select coalesce(jsonb_agg(to_jsonb(s) order by s.name), '[]') from medley.job_states(p_as_of) as s),
    (
      select coalesce(jsonb_agg(to_jsonb(f) order by f.started_at desc), '[]')
      from (
        select
          r.name,
          r.status,
          r.started_at,
          r.error
        from medley.job_runs as r
        where r.status in ('failed', 'killed')
        order by r.started_at desc
        limit 10
      ) as f
    ),
    (select coalesce(jsonb_agg(to_jsonb(p) order by p.table_name), '[]') from medley.partitions_ahead(p_as_of) as p)
$$;

comment on function medley.get_engine_status(timestamptz) is 'The state of the engine at p_as_of; see public.get_engine_status.';
revoke all on function medley.get_engine_status(timestamptz) from public, anon, authenticated, service_role;
grant execute on function medley.get_engine_status(timestamptz) to service_role;

-- sql/core/ops/api.sql
-- What monitoring asks for.
create or replace function public.get_engine_status()
returns table (
  version text,
  checked_at timestamptz,
  scheduler boolean,
  generations jsonb,
  jobs jsonb,
  errors jsonb,
  partitions jsonb
)
language sql stable parallel safe security invoker set search_path = ''
as $$
  select
    s.version,
    s.checked_at,
    s.scheduler,
    s.generations,
    s.jobs,
    s.errors,
    s.partitions
  from medley.get_engine_status(now()) as s
$$;

comment on function public.get_engine_status() is
  'One row on the state of the engine (secret key only): version; scheduler, whether pg_cron is there; '
  'generations [{name, generation, built_at, age_seconds, row_count}] of the derived tables; '
  'jobs [{name, schedule, enabled, last_status, last_started_at, last_succeeded_at, lag_seconds}], lag being the time '
  'since the last success; errors, the last ten runs that failed or were killed [{name, status, started_at, error}]; '
  'partitions [{table_name, partitions_ahead, covered_until}].';
revoke all on function public.get_engine_status() from public, anon, authenticated, service_role;
grant execute on function public.get_engine_status() to service_role;

-- sql/core/ops/jobs.sql
-- The jobs of this module.
insert into medley.jobs (name, schedule, function_name, batch_size, timeout_seconds, description)
values
  ('prune_job_runs', '17 3 * * *', 'prune_job_runs', 10000, 60, 'Removes old rows of medley.job_runs.');
