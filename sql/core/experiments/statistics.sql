-- The statistics of experiments, from moments alone: nothing here reads a table, so simulations can run it in bulk.
create type medley.arm_moments as (
  n bigint,
  mean_outcome double precision,
  var_outcome double precision,
  mean_covariate double precision,
  var_covariate double precision,
  covariance double precision
);

comment on type medley.arm_moments is
  'What the comparison of variants needs to know of one: members, means and sample variances of outcome and covariate, and '
  'their sample covariance.';

-- Gamma(p_df / 2) by its recurrence, P by its series, Q by a continued fraction: PostgreSQL 15 has no erfc or lgamma.
create or replace function medley.chi_square_survival(p_statistic double precision, p_df int)
returns double precision
language plpgsql immutable parallel safe security invoker set search_path = ''
as $$
declare
  v_a double precision := p_df / 2.0;
  v_x double precision := p_statistic / 2.0;
  v_log_gamma double precision := case when p_df % 2 = 0 then 0 else ln(pi()) / 2 end;
  v_log_head double precision;
  v_term double precision;
  v_sum double precision;
  v_b double precision;
  v_c double precision;
  v_d double precision;
begin
  if p_statistic is null or p_df is null or p_df < 1 then
    return null;
  elsif v_x <= 0 then
    return 1;
  elsif v_x > 600 + v_a then
    -- Below 10^-200: exp() would underflow, which is an error here.
    return 0;
  end if;

  for v_i in 0 .. (p_df + 1) / 2 - 2 loop
    v_log_gamma := v_log_gamma + ln(v_a - 1 - v_i);
  end loop;
  v_log_head := v_a * ln(v_x) - v_x - v_log_gamma;

  if v_x < v_a + 1 then
    v_term := 1 / v_a;
    v_sum := v_term;
    for v_i in 1 .. 1000 loop
      v_term := v_term * v_x / (v_a + v_i);
      v_sum := v_sum + v_term;
      exit when v_term < v_sum * 1e-16;
    end loop;
    return 1 - v_sum * exp(v_log_head);
  end if;

  v_b := v_x + 1 - v_a;
  v_c := 1e300;
  v_d := 1 / v_b;
  v_sum := v_d;
  for v_i in 1 .. 1000 loop
    v_term := v_i * (v_a - v_i);
    v_b := v_b + 2;
    v_d := 1 / (v_term * v_d + v_b);
    v_c := v_b + v_term / v_c;
    v_sum := v_sum * v_d * v_c;
    exit when abs(v_d * v_c - 1) < 1e-15;
  end loop;
  return v_sum * exp(v_log_head);
end;
$$;

comment on function medley.chi_square_survival(double precision, int) is
  'The chance that a chi-square of p_df degrees of freedom exceeds p_statistic: the regularised incomplete gamma function '
  'Q(df/2, x/2), by series and Lentz''s continued fraction (Press et al., Numerical Recipes, 6.2). Good to 12 digits.';
revoke all on function medley.chi_square_survival(double precision, int) from public, anon, authenticated, service_role;

-- No SET on the helpers below: they inline.
create or replace function medley.mixture_precision(p_alpha double precision, p_tuned_for double precision)
returns double precision
language sql immutable parallel safe security invoker
return (-2 * ln(p_alpha) + ln(1 - 2 * ln(p_alpha))) / p_tuned_for;

comment on function medley.mixture_precision(double precision, double precision) is
  'rho squared, the one number to choose in an always-valid interval: the value at which it is narrowest at p_tuned_for '
  'members (Waudby-Smith et al., Time-uniform central limit theory and asymptotic confidence sequences, 2021).';
revoke all on function medley.mixture_precision(double precision, double precision)
from public, anon, authenticated, service_role;

create or replace function medley.always_valid_half_width(
  p_standard_error double precision,
  p_n double precision,
  p_alpha double precision,
  p_tuned_for double precision
)
returns double precision
language sql immutable parallel safe security invoker
begin atomic
  select
    p_standard_error * sqrt(2 * (m.n_rho + 1) / m.n_rho * (ln(m.n_rho + 1) / 2 - ln(p_alpha)))
  from (select p_n * medley.mixture_precision(p_alpha, p_tuned_for) as n_rho) as m
  where m.n_rho > 0;
end;

comment on function medley.always_valid_half_width(double precision, double precision, double precision, double precision) is
  'Half the width of an interval that holds at all times at once with probability 1 - p_alpha, so that looking at it every '
  'day costs nothing: sigma sqrt(2 (N rho^2 + 1) / (N^2 rho^2) log(sqrt(N rho^2 + 1) / alpha)) with '
  'sigma = p_standard_error sqrt(N), N = p_n (asymptotic confidence sequence, Waudby-Smith et al. 2021). '
  'Null for no members.';
revoke all on function medley.always_valid_half_width(
  double precision, double precision, double precision, double precision
) from public, anon, authenticated, service_role;

create or replace function medley.compare_arms(
  p_arm medley.arm_moments,
  p_control medley.arm_moments,
  p_alpha double precision,
  p_tuned_for double precision
)
returns table (
  lift double precision, lower double precision, upper double precision,
  adjusted_lift double precision, adjusted_lower double precision, adjusted_upper double precision,
  variance_ratio double precision
)
language sql immutable parallel safe security invoker
begin atomic
  select
    r.lift,
    r.lift - r.half,
    r.lift + r.half,
    r.adjusted,
    r.adjusted - r.adjusted_half,
    r.adjusted + r.adjusted_half,
    r.adjusted_variance / nullif(r.variance, 0)
  from (
    select
      v.*,
      medley.always_valid_half_width(sqrt(v.variance), v.n, p_alpha, p_tuned_for) as half,
      medley.always_valid_half_width(sqrt(v.adjusted_variance), v.n, p_alpha, p_tuned_for) as adjusted_half
    from (
      select
        (p_arm).n + (p_control).n as n,
        (p_arm).mean_outcome - (p_control).mean_outcome as lift,
        (p_arm).mean_outcome - (p_control).mean_outcome
        - t.theta * ((p_arm).mean_covariate - (p_control).mean_covariate) as adjusted,
        (p_arm).var_outcome / (p_arm).n + (p_control).var_outcome / (p_control).n as variance,
        greatest(
          0,
          ((p_arm).var_outcome - 2 * t.theta * (p_arm).covariance + t.theta ^ 2 * (p_arm).var_covariate) / (p_arm).n
          + (
            (p_control).var_outcome - 2 * t.theta * (p_control).covariance + t.theta ^ 2 * (p_control).var_covariate
          ) / (p_control).n
        ) as adjusted_variance
      from (
        select
          coalesce(
            (((p_arm).n - 1) * (p_arm).covariance + ((p_control).n - 1) * (p_control).covariance)
            / nullif(((p_arm).n - 1) * (p_arm).var_covariate + ((p_control).n - 1) * (p_control).var_covariate, 0),
            0
          ) as theta
      ) as t
    ) as v
  ) as r;
end;

comment on function medley.compare_arms(medley.arm_moments, medley.arm_moments, double precision, double precision) is
  'The lift of a variant over control, a difference of means, with an always-valid interval; the same adjusted by the '
  'covariate, theta = cov / var pooled within the arms (CUPED, Deng et al. 2013), which changes nothing on average and '
  'narrows the interval; and variance_ratio, the adjusted variance over the plain one.';
revoke all on function medley.compare_arms(medley.arm_moments, medley.arm_moments, double precision, double precision)
from public, anon, authenticated, service_role;

create or replace function medley.sample_ratio(
  p_counts bigint[],
  p_shares double precision[],
  p_alpha double precision,
  p_tuned_for double precision
)
returns table (chi_square double precision, p_value double precision, alarm boolean)
language plpgsql immutable parallel safe security invoker set search_path = ''
as $$
declare
  v_n double precision := (select sum(c.members) from unnest(p_counts) as c (members));
  v_df int := cardinality(p_counts) - 1;
  v_n_rho double precision := v_n * medley.mixture_precision(p_alpha, p_tuned_for);
begin
  if v_n > 0 then
    chi_square := (
      select sum((c.members - v_n * c.share) ^ 2 / (v_n * c.share))
      from unnest(p_counts, p_shares) as c (members, share)
    );
    p_value := medley.chi_square_survival(chi_square, v_df);
    alarm := chi_square * v_n_rho / (v_n_rho + 1) >= v_df * ln(v_n_rho + 1) - 2 * ln(p_alpha);
  end if;
  return next;
end;
$$;

comment on function medley.sample_ratio(bigint[], double precision[], double precision, double precision) is
  'Whether the members of the variants are as many as their shares promise. p_value is that of one look (chi-square). '
  'alarm may be looked at every day: without reason it goes off with probability p_alpha over the whole experiment, because '
  'it asks the normal mixture of the same chi-square for evidence of 1 / p_alpha '
  '((n rho^2 + 1)^(-df/2) exp(chi^2/2 * n rho^2 / (n rho^2 + 1)), Ville''s inequality). Nulls without members.';
revoke all on function medley.sample_ratio(bigint[], double precision[], double precision, double precision)
from public, anon, authenticated, service_role;
