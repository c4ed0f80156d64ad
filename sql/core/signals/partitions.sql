-- Months of the log are made ahead. Nothing is ever written to the last ones by accident: an event lies at most five
-- minutes in the future.
create or replace function medley.make_engagement_partition(p_name text, p_from timestamptz, p_until timestamptz)
returns void
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
begin
  execute format(
    'create table medley.%I partition of medley.engagements for values from (%s) to (%L)',
    p_name, coalesce(quote_literal(p_from), 'minvalue'), p_until
  );
  execute format('alter table medley.%I enable row level security', p_name);
  execute format('revoke all on medley.%I from public, anon, authenticated, service_role', p_name);
end;
$$;

comment on function medley.make_engagement_partition(text, timestamptz, timestamptz) is
  'Makes the partition p_name of the log for p_from (null: the beginning of time) until p_until, closed to the API.';
revoke all on function medley.make_engagement_partition(text, timestamptz, timestamptz)
from public, anon, authenticated, service_role;

create or replace function medley.ensure_engagement_partitions(p_as_of timestamptz default now())
returns bigint
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_this_month timestamptz := date_trunc('month', p_as_of, 'UTC');
  v_month timestamptz;
  v_made bigint := 0;
begin
  -- Whoever waited here finds the partitions made.
  perform pg_advisory_xact_lock(hashtextextended('medley.engagement_partitions', 0));

  select p.covered_until into v_month
  from medley.partitions_ahead(p_as_of) as p
  where p.table_name = 'engagements';

  if v_month is null then
    perform medley.make_engagement_partition('engagements_history', null, v_this_month);
    v_month := v_this_month;
    v_made := 1;
  end if;

  while v_month <= v_this_month + make_interval(months => medley.setting('signals.partitions_ahead')::int) loop
    perform medley.make_engagement_partition(
      'engagements_' || to_char(v_month at time zone 'UTC', 'YYYY_MM'),
      v_month,
      (v_month at time zone 'UTC' + interval '1 month') at time zone 'UTC'
    );
    v_month := (v_month at time zone 'UTC' + interval '1 month') at time zone 'UTC';
    v_made := v_made + 1;
  end loop;
  return v_made;
end;
$$;

comment on function medley.ensure_engagement_partitions(timestamptz) is
  'Job: makes the partitions of the log that are missing, up to signals.partitions_ahead months (UTC) after p_as_of. '
  'Returns how many.';
revoke all on function medley.ensure_engagement_partitions(timestamptz) from public, anon, authenticated, service_role;

select medley.ensure_engagement_partitions();
