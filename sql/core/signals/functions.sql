-- What an engagement is worth, and how that fades.
-- No SET: these inline into every query that reads or writes affinities.
create or replace function medley.affinity_at(
  p_score real,
  p_last_at timestamptz,
  p_half_life_days smallint,
  p_as_of timestamptz
)
returns double precision
language sql immutable parallel safe security invoker
-- ln(2) / 86400 = 8.022536812036404e-06. Below exp(-600) it stays put, for float8 would rather fail than underflow.
return p_score * exp(
  least(0, greatest(-600, date_part('epoch', p_last_at - p_as_of) * 8.022536812036404e-06 / p_half_life_days))
);

comment on function medley.affinity_at(real, timestamptz, smallint, timestamptz) is
  'The affinity p_score of p_last_at as it is worth at p_as_of: p_score * 2^(-days / p_half_life_days). '
  'Before p_last_at it is p_score.';
revoke all on function medley.affinity_at(real, timestamptz, smallint, timestamptz)
from public, anon, authenticated, service_role;

create or replace function medley.to_score(p_value double precision)
returns real
language sql immutable parallel safe security invoker
-- An argument that is used twice would keep the planner from inlining this.
return ((p_value + 1e-20) - 1e-20)::real;

comment on function medley.to_score(double precision) is
  'The value as affinities store it: what is too small for a real, which would fail, is 0.';
revoke all on function medley.to_score(double precision) from public, anon, authenticated, service_role;

create or replace function medley.engagement_weight(p_weight real, p_value_rule text, p_value real)
returns double precision
language sql immutable parallel safe security invoker
return p_weight * case p_value_rule
  when 'none' then 1
  when 'count' then ln(1 + coalesce(p_value, 1)::float8) * 1.4426950408889634
  else p_value::float8
end;

comment on function medley.engagement_weight(real, text, real) is
  'What an event adds to its affinity, from its kind''s weight and value_rule: the weight; '
  'for a count weight * log2(1 + value), 1 by default; for a rating weight * value.';
revoke all on function medley.engagement_weight(real, text, real) from public, anon, authenticated, service_role;

create or replace function medley.engagement_polarity(p_polarity smallint, p_value_rule text, p_value real)
returns smallint
language sql immutable parallel safe security invoker
return case when p_value_rule = 'rating' and p_value < 0.3 then -1::smallint else p_polarity end;

comment on function medley.engagement_polarity(smallint, text, real) is
  'Whether an event wants (1) or rejects (-1) its item: what its kind says, but a rating below 0.3 rejects.';
revoke all on function medley.engagement_polarity(smallint, text, real) from public, anon, authenticated, service_role;

create or replace function medley.engagement_score(
  p_engagement real,
  p_polarity smallint,
  p_progress real,
  p_dwell_ms int
)
returns real
language sql immutable parallel safe security invoker
return case
  when p_polarity < 0 or p_progress is null and p_dwell_ms is null then p_engagement
  else 1 - (1 - p_engagement)
    * (1 - 0.5 * coalesce(p_progress, 0))
    * (1 - 0.3 * least(coalesce(p_dwell_ms, 0), 60000) / 60000.0::float8)
end::real;

comment on function medley.engagement_score(real, smallint, real, int) is
  'How engaged the member was, 0 to 1: 1 - (1 - engagement of the kind) * (1 - 0.5 * progress) * '
  '(1 - 0.3 * dwell / 60 s), dwell being cut at 60 s. Each is evidence that cannot take the others'' away. '
  'For a rejection it is the kind''s engagement alone.';
revoke all on function medley.engagement_score(real, smallint, real, int)
from public, anon, authenticated, service_role;
