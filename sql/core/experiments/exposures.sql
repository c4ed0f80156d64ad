-- Who was shown which variant. An impression names the variant that ranked the row, as experiment:variant.
create or replace function medley.record_exposures(p_as_of timestamptz)
returns bigint
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_rows bigint;
begin
  perform medley.close_ended_experiments(p_as_of);

  with open as (
    -- Transactions that were open when the log was last read committed rows behind that time: an hour is read again.
    -- Late impressions of an experiment that was stopped may come in for as long as members may log them.
    select
      e.name,
      e.started_at,
      coalesce(least(e.ends_at, e.stopped_at), p_as_of) as until,
      coalesce(e.recorded_until, e.started_at) - interval '1 hour' as since
    from medley.experiments as e
    where e.started_at <= p_as_of
      and (
        e.stopped_at is null
        or e.recorded_until is null
        or e.recorded_until < e.stopped_at + make_interval(days => medley.setting('signals.max_age_days')::int)
      )
  ),

  shown as (
    select o.name, v.variant, g.user_no, min(g.occurred_at) as at
    from open as o
    inner join medley.experiment_variants as v on v.experiment_name = o.name
    inner join medley.engagements as g
      on g.variant = o.name || ':' || v.variant
      and g.occurred_at between o.started_at and o.until
      and g.logged_at >= o.since
    inner join medley.engagement_kinds as k on k.kind_no = g.kind_no and k.kind = 'impression'
    where g.logged_at >= (select min(i.since) from open as i)
      and g.occurred_at >= (select min(i.started_at) from open as i)
      and g.occurred_at <= p_as_of
      and exists (select from medley.members as m where m.user_no = g.user_no)
    group by o.name, v.variant, g.user_no
  ),

  first_shown as (
    select
      s.name,
      s.user_no,
      s.variant,
      s.at,
      lead(s.at) over (partition by s.name, s.user_no order by s.at, s.variant) as crossed_at,
      row_number() over (partition by s.name, s.user_no order by s.at, s.variant) as place
    from shown as s
  ),

  written as (
    insert into medley.recommendation_experiments as r (experiment_name, user_no, variant, exposed_at, crossed_at)
    select f.name, f.user_no, f.variant, f.at, f.crossed_at
    from first_shown as f
    where f.place = 1
    order by f.name, f.user_no
    on conflict (experiment_name, user_no) do update
    set
      -- The same row in whatever order impressions come in: the first of all, and the first of any other variant.
      -- least() leaves nulls out.
      variant = case
        when (excluded.exposed_at, excluded.variant) < (r.exposed_at, r.variant) then excluded.variant
        else r.variant
      end,
      exposed_at = least(r.exposed_at, excluded.exposed_at),
      crossed_at = case
        when excluded.variant = r.variant then least(r.crossed_at, excluded.crossed_at)
        when (excluded.exposed_at, excluded.variant) < (r.exposed_at, r.variant)
          then least(excluded.crossed_at, r.exposed_at)
        else least(r.crossed_at, excluded.exposed_at)
      end
    where excluded.exposed_at < r.exposed_at
      or (excluded.variant <> r.variant and excluded.exposed_at <= coalesce(r.crossed_at, 'infinity'))
      or excluded.crossed_at < coalesce(r.crossed_at, 'infinity')
    returning 1
  )

  select count(*) into v_rows from written;

  update medley.experiments as e
  set recorded_until = p_as_of
  where e.started_at <= p_as_of
    and (
      e.stopped_at is null
      or e.recorded_until is null
      or e.recorded_until < e.stopped_at + make_interval(days => medley.setting('signals.max_age_days')::int)
    );
  return v_rows;
end;
$$;

comment on function medley.record_exposures(timestamptz) is
  'Writes recommendation_experiments from what the log says since the last time, by the clock p_as_of: a member''s first '
  'impression of a variant while the experiment ran, and the first of another. Returns how many rows changed.';
revoke all on function medley.record_exposures(timestamptz) from public, anon, authenticated, service_role;

create or replace function medley.record_exposures()
returns bigint
language sql volatile parallel unsafe security definer set search_path = ''
as $$ select medley.record_exposures(now()) $$;

comment on function medley.record_exposures() is 'Job: see record_exposures(timestamptz).';
revoke all on function medley.record_exposures() from public, anon, authenticated, service_role;
