-- Simulated experiments: members arrive over days, one part of them had done something before (the covariate), and what they
-- do afterwards depends on the same propensity. Two metrics: converted (0 or 1, at some time within seven days) and spent
-- (skewed: log-normal). Each day the sums so far go through the functions of sql/core/experiments. All randomness is a hash
-- of the seed, so a run can be repeated anywhere.
create schema simulation;

create function simulation.uniform(p_seed int, p_experiment int, p_member int, p_draw int)
returns double precision
language sql immutable parallel safe
return (
  (hashint8extended(p_experiment::bigint << 32 | p_member, p_seed::bigint << 8 | p_draw) & 4503599627370495) + 0.5
) / 4503599627370496.0::double precision;

-- What each day adds to the sums of each arm: n, x, xx, y, yy, xy.
create table simulation.days (
  metric text, experiment int, variant text, day int,
  n bigint, x double precision, xx double precision, y double precision, yy double precision, xy double precision
);

create procedure simulation.fill(
  p_seed int, p_from int, p_until int, p_members int, p_days int, p_effect double precision, p_lost double precision
)
language sql
as $$
  with member as materialized (
    select
      e.experiment,
      v.variant,
      (floor(simulation.uniform(p_seed, e.experiment, m.member, 1) * p_days))::int as day,
      p.propensity,
      (simulation.uniform(p_seed, e.experiment, m.member, 2) < p.propensity)::int as x,
      simulation.uniform(p_seed, e.experiment, m.member, 3)
      < p.propensity * case v.variant when 'bold' then 1 + p_effect else 1 end as y,
      (floor(simulation.uniform(p_seed, e.experiment, m.member, 4) * 7))::int as after,
      exp(
        1.5 * p.propensity
        + sqrt(-2 * ln(simulation.uniform(p_seed, e.experiment, m.member, 5)))
        * cos(2 * pi() * simulation.uniform(p_seed, e.experiment, m.member, 6))
      ) * case v.variant when 'bold' then 1 + p_effect else 1 end as spent
    from generate_series(p_from, p_until) as e (experiment)
    cross join generate_series(1, p_members) as m (member)
    cross join lateral (
      select 0.02 + 0.96 * simulation.uniform(p_seed, e.experiment, m.member, 7) ^ 3 as propensity
      offset 0
    ) as p
    cross join lateral (
      select
        case
          when medley.experiment_bucket('simulation:' || p_seed || ':' || e.experiment, md5(m.member::text)::uuid) < 5000
            then 'control'
          else 'bold'
        end as variant
      offset 0
    ) as v
    where v.variant = 'control' or simulation.uniform(p_seed, e.experiment, m.member, 8) >= p_lost
  )

  insert into simulation.days
  select 'converted', s.experiment, s.variant, s.day, sum(s.n), sum(s.x), sum(s.x), sum(s.y), sum(s.y), sum(s.xy)
  from (
    select m.experiment, m.variant, m.day, 1 as n, m.x, 0 as y, 0 as xy from member as m
    union all
    select m.experiment, m.variant, m.day + m.after, 0, 0, 1, m.x from member as m where m.y
  ) as s
  where s.day < p_days
  group by s.experiment, s.variant, s.day
  union all
  select
    'spent', m.experiment, m.variant, m.day, count(*), sum(m.propensity), sum(m.propensity ^ 2), sum(m.spent),
    sum(m.spent ^ 2), sum(m.propensity * m.spent)
  from member as m
  group by m.experiment, m.variant, m.day
$$;

create view simulation.arms as
select
  s.metric,
  s.experiment,
  s.variant,
  s.day,
  (
    s.n,
    s.y / s.n,
    greatest(s.yy - s.y ^ 2 / s.n, 0) / (s.n - 1),
    s.x / s.n,
    greatest(s.xx - s.x ^ 2 / s.n, 0) / (s.n - 1),
    (s.xy - s.x * s.y / s.n) / (s.n - 1)
  )::medley.arm_moments as arm
from (
  select
    d.metric,
    d.experiment,
    d.variant,
    d.day,
    (sum(d.n) over w)::bigint as n,
    sum(d.x) over w as x,
    sum(d.xx) over w as xx,
    sum(d.y) over w as y,
    sum(d.yy) over w as yy,
    sum(d.xy) over w as xy
  from simulation.days as d
  window w as (partition by d.metric, d.experiment, d.variant order by d.day)
) as s
where s.n > 1;

-- Every look at every experiment. once: what a test that is made for one look would say.
create view simulation.looks as
select
  a.metric,
  a.experiment,
  a.day,
  c.lift,
  c.adjusted_lift,
  c.variance_ratio,
  c.lower > 0 or c.upper < 0 as found,
  c.adjusted_lower > 0 or c.adjusted_upper < 0 as adjusted_found,
  abs(c.lift) > 1.959964 * sqrt((a.arm).var_outcome / (a.arm).n + (b.arm).var_outcome / (b.arm).n) as once_found,
  r.alarm as ratio_alarm,
  r.p_value < 0.001 as once_ratio_alarm
from simulation.arms as a
inner join simulation.arms as b
  on b.metric = a.metric and b.experiment = a.experiment and b.day = a.day and b.variant = 'control'
cross join lateral medley.compare_arms(a.arm, b.arm, 0.05, 5000) as c
cross join lateral medley.sample_ratio(array[(a.arm).n, (b.arm).n], '{0.5, 0.5}', 0.001, 5000) as r
where a.variant = 'bold' and least((a.arm).n, (b.arm).n) >= 100;

-- What whoever looks every day would have concluded by the last one.
create view simulation.conclusions as
select
  l.metric,
  l.experiment,
  bool_or(l.found) as found,
  bool_or(l.adjusted_found) as adjusted_found,
  bool_or(l.once_found) as once_found,
  bool_or(l.ratio_alarm) as ratio_alarm,
  bool_or(l.once_ratio_alarm) as once_ratio_alarm,
  (array_agg(l.lift order by l.day desc))[1] as lift,
  (array_agg(l.adjusted_lift order by l.day desc))[1] as adjusted_lift,
  (array_agg(l.variance_ratio order by l.day desc))[1] as variance_ratio
from simulation.looks as l
group by l.metric, l.experiment;
