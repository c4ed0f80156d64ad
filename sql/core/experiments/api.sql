-- The API of experiments: for the secret key only.
create or replace function public.create_experiment(
  p_name text,
  p_ranker text,
  p_variants jsonb,
  p_metric text default 'engagement',
  p_traffic numeric default 1,
  p_ends_at timestamptz default null,
  p_salt text default null,
  p_description text default null
)
returns void
language sql volatile parallel unsafe security invoker set search_path = ''
as $$
  select medley.create_experiment(
    p_name, p_ranker, p_variants, p_metric, p_traffic, p_ends_at, p_salt, p_description, now()
  )
$$;

comment on function public.create_experiment(text, text, jsonb, text, numeric, timestamptz, text, text) is
  'Defines an experiment that start_experiment starts (secret key only). p_ranker: whose weights it varies. p_variants: '
  '[{"variant": "control", "share": 0.5}, {"variant": name, "share": 0.5, "weights": {"term": weight}}], 2 to 20, one of them '
  'control; the shares sum to 1 and are kept in ten-thousandths; weights replace those of medley.ranker_weights. '
  'p_metric: what decides, of medley.experiment_metrics. p_traffic: which share of all members takes part, 0.0001 to 1. '
  'p_ends_at: when it ends by itself. p_salt: repeats the assignment of an earlier experiment. '
  'Errors: invalid_argument, conflict (the name is taken).';
revoke all on function public.create_experiment(text, text, jsonb, text, numeric, timestamptz, text, text)
from public, anon, authenticated, service_role;
grant execute on function public.create_experiment(text, text, jsonb, text, numeric, timestamptz, text, text)
to service_role;

create or replace function public.start_experiment(p_name text)
returns void
language sql volatile parallel unsafe security invoker set search_path = ''
as $$ select medley.start_experiment(p_name, now()) $$;

comment on function public.start_experiment(text) is
  'Starts an experiment (secret key only): from now on its variants rank. They can no longer be changed. '
  'Errors: not_found, conflict (started before, over, or another experiment runs on the same ranker).';
revoke all on function public.start_experiment(text) from public, anon, authenticated, service_role;
grant execute on function public.start_experiment(text) to service_role;

create or replace function public.stop_experiment(p_name text)
returns void
language sql volatile parallel unsafe security invoker set search_path = ''
as $$ select medley.stop_experiment(p_name, now()) $$;

comment on function public.stop_experiment(text) is
  'Ends a running experiment for good (secret key only): everyone gets the ranker''s own weights again, results stay. '
  'Errors: not_found, conflict (it does not run).';
revoke all on function public.stop_experiment(text) from public, anon, authenticated, service_role;
grant execute on function public.stop_experiment(text) to service_role;

create or replace function public.set_experiment_traffic(p_name text, p_traffic numeric)
returns void
language sql volatile parallel unsafe security invoker set search_path = ''
as $$ select medley.set_experiment_traffic(p_name, p_traffic) $$;

comment on function public.set_experiment_traffic(text, numeric) is
  'Lets a larger share of all members take part, p_traffic from 0.0001 to 1 (secret key only). Who takes part already keeps '
  'the variant. Errors: not_found, invalid_argument, conflict (it would shrink while it runs, or the experiment is over).';
revoke all on function public.set_experiment_traffic(text, numeric) from public, anon, authenticated, service_role;
grant execute on function public.set_experiment_traffic(text, numeric) to service_role;

create or replace function public.get_experiments(p_name text default null)
returns table (
  experiment text, ranker text, metric text, status text, traffic numeric, variants jsonb, description text,
  created_at timestamptz, started_at timestamptz, ends_at timestamptz, stopped_at timestamptz
)
language sql stable parallel safe security invoker set search_path = ''
as $$
  select e.*
  from medley.get_experiments(p_name, now()) as e
$$;

comment on function public.get_experiments(text) is
  'Experiments, newest first, or the one that p_name names (secret key only). status: draft, running or stopped; '
  'variants: [{"variant", "share", "weights"}].';
revoke all on function public.get_experiments(text) from public, anon, authenticated, service_role;
grant execute on function public.get_experiments(text) to service_role;

create or replace function public.get_experiment_results(
  p_name text,
  p_metric text default null,
  p_as_of timestamptz default now()
)
returns table (
  metric text, is_guardrail boolean, variant text, share double precision, members bigint, excluded bigint,
  value double precision, lift double precision, lift_lower double precision, lift_upper double precision,
  relative_lift double precision, adjusted_lift double precision, adjusted_lower double precision,
  adjusted_upper double precision, variance_ratio double precision, verdict text, alarm boolean,
  ratio_p_value double precision, ratio_alarm boolean, recorded_until timestamptz
)
language sql stable parallel safe security invoker set search_path = '' set statement_timeout = '5min'
as $$
  select r.*
  from medley.get_experiment_results(p_name, p_metric, p_as_of) as r
$$;

comment on function public.get_experiment_results(text, text, timestamptz) is
  'What an experiment shows at p_as_of (secret key only): a row for each variant and metric, p_metric (the one that decides '
  'by default) and every guardrail. members: exposed to this variant alone; excluded: who saw another one too. value: mean '
  'of the metric. lift: difference to control, from lift_lower to lift_upper; adjusted_lift: the same, corrected for what the '
  'members did before (CUPED), from adjusted_lower to adjusted_upper; variance_ratio: the variance that this leaves. '
  'The intervals hold however often one looks; null below experiments.min_members. verdict: better, worse or undecided, by '
  'the adjusted interval. alarm: a guardrail got worse. ratio_p_value and ratio_alarm: whether members are divided as '
  'promised; after an alarm believe nothing else. recorded_until: exposures up to then are counted. '
  'Errors: not_found, invalid_argument.';
revoke all on function public.get_experiment_results(text, text, timestamptz)
from public, anon, authenticated, service_role;
grant execute on function public.get_experiment_results(text, text, timestamptz) to service_role;
