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
