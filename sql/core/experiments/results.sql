-- What an experiment shows so far: outcomes a member, their moments a variant, comparisons with control.
create or replace function medley.experiment_outcomes(p_name text, p_metrics text[], p_as_of timestamptz)
returns table (metric text, variant text, user_no int, outcome double precision, covariate double precision)
language plpgsql stable parallel safe security definer
set search_path = '' set plan_cache_mode = force_custom_plan
as $$
declare
  v_before interval := make_interval(days => medley.setting('experiments.covariate_days')::int);
  v_from timestamptz;
  v_until timestamptz;
begin
  select e.started_at - v_before, least(p_as_of, e.ends_at, e.stopped_at) into v_from, v_until
  from medley.experiments as e
  where e.name = p_name;

  return query
  with subject as materialized (
    select r.user_no, r.variant, r.exposed_at
    from medley.recommendation_experiments as r
    where r.experiment_name = p_name
      and r.exposed_at <= v_until
      and (r.crossed_at is null or r.crossed_at > v_until)
  ),

  measure as materialized (
    select m.metric, m.aggregation, make_interval(days => m.window_days::int) as after, m.kinds
    from unnest(p_metrics) as w (metric)
    inner join medley.experiment_metrics as m on m.metric = w.metric
  ),

  done as (
    select
      m.metric,
      s.user_no,
      count(*) filter (where g.occurred_at >= s.exposed_at) as events,
      avg(g.score) filter (where g.occurred_at >= s.exposed_at) as score,
      count(*) filter (where g.occurred_at < s.exposed_at) as events_before,
      avg(g.score) filter (where g.occurred_at < s.exposed_at) as score_before
    from subject as s
    inner join medley.engagements as g
      on g.user_no = s.user_no
      and g.occurred_at >= s.exposed_at - v_before
    inner join (
      select k.kind_no, m.metric, m.after
      from measure as m
      cross join unnest(m.kinds) as w (kind)
      inner join medley.engagement_kinds as k on k.kind = w.kind
    ) as m on m.kind_no = g.kind_no and g.occurred_at < s.exposed_at + m.after
    where g.occurred_at between v_from and v_until
    group by m.metric, s.user_no
  )

  select
    m.metric,
    s.variant,
    s.user_no,
    case m.aggregation
      when 'rate' then least(coalesce(d.events, 0), 1)
      when 'count' then coalesce(d.events, 0)
      else coalesce(d.score, 0)
    end::double precision,
    case m.aggregation
      when 'rate' then least(coalesce(d.events_before, 0), 1)
      when 'count' then coalesce(d.events_before, 0)
      else coalesce(d.score_before, 0)
    end::double precision
  from subject as s
  cross join measure as m
  left join done as d on d.metric = m.metric and d.user_no = s.user_no;
end;
$$;

comment on function medley.experiment_outcomes(text, text[], timestamptz) is
  'For each metric and each member who was exposed to one variant only: what the member did from the exposure on, within '
  'the metric''s window and while the experiment ran, and the same of experiments.covariate_days before it.';
revoke all on function medley.experiment_outcomes(text, text[], timestamptz)
from public, anon, authenticated, service_role;

create or replace function medley.experiment_moments(p_name text, p_metrics text[], p_as_of timestamptz)
returns table (metric text, variant text, arm medley.arm_moments)
language sql stable parallel safe security definer set search_path = ''
as $$
  select
    o.metric,
    o.variant,
    (
      count(*),
      avg(o.outcome),
      coalesce(var_samp(o.outcome), 0),
      avg(o.covariate),
      coalesce(var_samp(o.covariate), 0),
      coalesce(covar_samp(o.outcome, o.covariate), 0)
    )::medley.arm_moments
  from medley.experiment_outcomes(p_name, p_metrics, p_as_of) as o
  group by o.metric, o.variant
$$;

comment on function medley.experiment_moments(text, text[], timestamptz) is
  'The moments of experiment_outcomes, a row for each metric and variant with members.';
revoke all on function medley.experiment_moments(text, text[], timestamptz)
from public, anon, authenticated, service_role;

create or replace function medley.experiment_members(p_name text, p_as_of timestamptz)
returns table (variant text, share double precision, members bigint, excluded bigint)
language sql stable parallel safe security definer set search_path = ''
as $$
  select
    v.variant,
    (v.bucket_until - v.bucket_from) / 10000.0::double precision,
    count(r.user_no) filter (where r.crossed_at is null or r.crossed_at > u.until),
    count(r.user_no) filter (where r.crossed_at <= u.until)
  from medley.experiments as e
  cross join lateral (select least(p_as_of, e.ends_at, e.stopped_at) as until) as u
  inner join medley.experiment_variants as v on v.experiment_name = e.name
  left join medley.recommendation_experiments as r
    on r.experiment_name = e.name and r.variant = v.variant and r.exposed_at <= u.until
  where e.name = p_name
  group by v.variant, v.bucket_from, v.bucket_until
$$;

comment on function medley.experiment_members(text, timestamptz) is
  'How many members were exposed to each variant, and how many of them are left out because they saw another one too.';
revoke all on function medley.experiment_members(text, timestamptz) from public, anon, authenticated, service_role;

create or replace function medley.get_experiment_results(p_name text, p_metric text, p_as_of timestamptz)
returns table (
  metric text, is_guardrail boolean, variant text, share double precision, members bigint, excluded bigint,
  value double precision, lift double precision, lift_lower double precision, lift_upper double precision,
  relative_lift double precision, adjusted_lift double precision, adjusted_lower double precision,
  adjusted_upper double precision, variance_ratio double precision, verdict text, alarm boolean,
  ratio_p_value double precision, ratio_alarm boolean, recorded_until timestamptz
)
language plpgsql stable parallel safe security definer set search_path = ''
as $$
declare
  v_experiment medley.experiments;
  v_metrics text[];
  v_tuned_for double precision := medley.setting('experiments.tuned_for');
  v_min_members bigint := medley.setting('experiments.min_members');
  v_alpha double precision := medley.setting('experiments.alpha');
  v_ratio_alpha double precision := medley.setting('experiments.ratio_alpha');
begin
  select e.* into v_experiment
  from medley.experiments as e
  where e.name = p_name;
  if not found then
    perform medley.fail('not_found', format('there is no experiment %s', coalesce(left(p_name, 100), 'null')), 'p_name',
      'get_experiments() lists them.');
  end if;
  if p_metric is not null and not exists (select from medley.experiment_metrics as m where m.metric = p_metric) then
    perform medley.fail('invalid_argument', format('there is no metric %s', left(p_metric, 100)), 'p_metric',
      'medley.experiment_metrics has the metrics; leave it out for the one that decides.');
  end if;

  select array_agg(m.metric) into v_metrics
  from medley.experiment_metrics as m
  where m.metric = coalesce(p_metric, v_experiment.metric) or m.is_guardrail;

  -- All comparisons of a metric together are wrong no more often than alpha (Bonferroni).
  select v_alpha / (count(*) - 1) into v_alpha
  from medley.experiment_variants as v
  where v.experiment_name = p_name;

  return query
  with arm as materialized (
    select * from medley.experiment_moments(p_name, v_metrics, p_as_of)
  ),

  shown as materialized (
    select * from medley.experiment_members(p_name, p_as_of)
  )

  select
    m.metric,
    m.is_guardrail,
    s.variant,
    s.share,
    s.members,
    s.excluded,
    (a.arm).mean_outcome,
    c.lift,
    c.lower,
    c.upper,
    c.lift / nullif((b.arm).mean_outcome, 0),
    c.adjusted_lift,
    c.adjusted_lower,
    c.adjusted_upper,
    c.variance_ratio,
    case
      when s.variant = 'control' then null
      when c.adjusted_lower * m.polarity > 0 and c.adjusted_upper * m.polarity > 0 then 'better'
      when c.adjusted_lower * m.polarity < 0 and c.adjusted_upper * m.polarity < 0 then 'worse'
      else 'undecided'
    end,
    m.is_guardrail and coalesce(c.adjusted_lower * m.polarity < 0 and c.adjusted_upper * m.polarity < 0, false),
    t.p_value,
    coalesce(t.alarm, false),
    v_experiment.recorded_until
  from medley.experiment_metrics as m
  cross join shown as s
  cross join (
    select
      array_agg(i.members order by i.variant) as members,
      array_agg(i.share order by i.variant) as shares
    from shown as i
  ) as i
  cross join lateral medley.sample_ratio(i.members, i.shares, v_ratio_alpha, v_tuned_for) as t
  left join arm as a on a.metric = m.metric and a.variant = s.variant
  left join arm as b on b.metric = m.metric and b.variant = 'control'
  -- Intervals hold for large numbers: a few members have a lift but none.
  cross join lateral (
    select case when least((a.arm).n, (b.arm).n) >= v_min_members then v_alpha end as alpha
  ) as l
  left join lateral medley.compare_arms(a.arm, b.arm, l.alpha, v_tuned_for) as c on s.variant <> 'control'
  where m.metric in (select w.metric from unnest(v_metrics) as w (metric))
  order by m.is_guardrail, m.metric, s.variant <> 'control', s.variant;
end;
$$;

comment on function medley.get_experiment_results(text, text, timestamptz) is
  'What the experiment shows at p_as_of. See public.get_experiment_results. Errors: not_found, invalid_argument.';
revoke all on function medley.get_experiment_results(text, text, timestamptz)
from public, anon, authenticated, service_role;
grant execute on function medley.get_experiment_results(text, text, timestamptz) to service_role;
