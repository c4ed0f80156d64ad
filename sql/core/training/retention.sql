-- What may go: months of the log, by dropping partitions (see core/signals), and pairs that a model was trained on.
create or replace function medley.cleanup_old_engagement_events(p_days int, p_dry_run boolean, p_as_of timestamptz)
returns table (partition_name text, events bigint, oldest timestamptz, newest timestamptz)
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_keep_since timestamptz;
begin
  if p_days is null or p_days not between 31 and 36500 then
    perform medley.fail('invalid_argument',
      format('p_days must be between 31 and 36500, got %s', coalesce(p_days::text, 'null')), 'p_days',
      'Members log events of up to a month ago: keep at least 31 days.');
  end if;
  v_keep_since := date_trunc('month', p_as_of - make_interval(days => p_days), 'UTC');

  return query
  select
    c.relname::text,
    count(*),
    min(e.occurred_at),
    max(e.occurred_at)
  from medley.engagements as e
  inner join pg_catalog.pg_class as c on e.tableoid = c.oid
  where e.occurred_at < v_keep_since
  group by c.relname
  order by c.relname collate "C";

  if not coalesce(p_dry_run, true) then
    perform medley.drop_engagements(null, v_keep_since);
  end if;
end;
$$;

comment on function medley.cleanup_old_engagement_events(int, boolean, timestamptz) is
  'Takes events out of the log, or says which it would; see public.cleanup_old_engagement_events. '
  'Errors: invalid_argument.';
revoke all on function medley.cleanup_old_engagement_events(int, boolean, timestamptz)
from public, anon, authenticated, service_role;
grant execute on function medley.cleanup_old_engagement_events(int, boolean, timestamptz) to service_role;

create or replace function medley.drop_training_pairs(p_limit int, p_created_before timestamptz)
returns bigint
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_rows bigint;
begin
  delete from medley.training_pairs as t
  where t.pair_id in (
    select o.pair_id
    from medley.training_pairs as o
    where o.created_at < p_created_before
      and exists (select from medley.training_pair_models as m where m.pair_id = o.pair_id)
    order by o.created_at, o.pair_id
    limit p_limit
    for update skip locked
  );
  get diagnostics v_rows = row_count;
  return v_rows;
end;
$$;

comment on function medley.drop_training_pairs(int, timestamptz) is
  'Deletes the oldest p_limit (null: all) pairs written before p_created_before that a model was trained on. '
  'Returns how many.';
revoke all on function medley.drop_training_pairs(int, timestamptz) from public, anon, authenticated, service_role;

create or replace function medley.retain_training_pairs(p_limit int)
returns bigint
language sql volatile parallel unsafe security definer set search_path = ''
as $$
  select medley.drop_training_pairs(
    p_limit, now() - make_interval(days => medley.setting('training.keep_pairs_days')::int)
  )
$$;

comment on function medley.retain_training_pairs(int) is
  'Job: deletes up to p_limit pairs older than training.keep_pairs_days that a model was trained on. Returns how many.';
revoke all on function medley.retain_training_pairs(int) from public, anon, authenticated, service_role;

create or replace function medley.cleanup_old_training_pairs(p_days int, p_dry_run boolean, p_as_of timestamptz)
returns table (algorithm_version text, pairs bigint, oldest timestamptz, newest timestamptz)
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_created_before timestamptz;
begin
  if p_days is null or p_days not between 0 and 36500 then
    perform medley.fail('invalid_argument',
      format('p_days must be between 0 and 36500, got %s', coalesce(p_days::text, 'null')), 'p_days',
      'Keep pairs for 0 to 36,500 days after they were trained on; 30 is usual.');
  end if;
  v_created_before := p_as_of - make_interval(days => p_days);

  return query
  select
    t.algorithm_version,
    count(*),
    min(t.interaction_at),
    max(t.interaction_at)
  from medley.training_pairs as t
  where t.created_at < v_created_before
    and exists (select from medley.training_pair_models as m where m.pair_id = t.pair_id)
  group by t.algorithm_version
  order by t.algorithm_version collate "C";

  if not coalesce(p_dry_run, true) then
    perform medley.drop_training_pairs(null, v_created_before);
  end if;
end;
$$;

comment on function medley.cleanup_old_training_pairs(int, boolean, timestamptz) is
  'Deletes pairs that were trained on, or says which it would; see public.cleanup_old_training_pairs. '
  'Errors: invalid_argument.';
revoke all on function medley.cleanup_old_training_pairs(int, boolean, timestamptz)
from public, anon, authenticated, service_role;
grant execute on function medley.cleanup_old_training_pairs(int, boolean, timestamptz) to service_role;
