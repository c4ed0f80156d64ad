-- Made from sql/core/experiments by `make migrations`; edit that, not this.

-- sql/core/experiments/tables.sql
-- Experiments: members see a ranker with the weights of one variant or another, and the log tells which is better.
-- An experiment is a row of experiments and its experiment_variants, fixed once it runs. Who is in which variant is
-- computed from the salt (assignment.sql), never stored, so reads write nothing. recommendation_experiments keeps
-- who was shown what: the job record_exposures writes it from impressions, results.sql reads it.
create table medley.experiment_metrics (
  metric text primary key check (metric ~ '^[a-z][a-z0-9_]{0,49}$'),
  kinds text[] not null check (cardinality(kinds) > 0 and array_position(kinds, null) is null),
  aggregation text not null check (aggregation in ('rate', 'count', 'mean')),
  polarity smallint not null check (polarity in (-1, 1)),
  window_days smallint not null check (window_days between 1 and 90),
  is_guardrail boolean not null default false,
  description text not null
);

comment on table medley.experiment_metrics is
  'What experiments measure, one number a member: data, so an owner may add to it. '
  'Every member who was exposed counts, also one without any event, as 0: that keeps the variants comparable.';
comment on column medley.experiment_metrics.metric is 'Name of the metric.';
comment on column medley.experiment_metrics.kinds is 'The kinds of engagement that it looks at (medley.engagement_kinds).';
comment on column medley.experiment_metrics.aggregation is
  'rate: 1 for a member with such an event; count: how many; mean: their mean engagement score, 0 to 1.';
comment on column medley.experiment_metrics.polarity is '1: more is better; -1: less is better.';
comment on column medley.experiment_metrics.window_days is 'How many days from the exposure on count.';
comment on column medley.experiment_metrics.is_guardrail is
  'Whether every experiment reports it and raises an alarm when it gets worse.';
comment on column medley.experiment_metrics.description is 'What it tells.';

create table medley.experiments (
  name text primary key check (name ~ '^[a-z][a-z0-9_]{0,49}$'),
  ranker text not null,
  metric text not null references medley.experiment_metrics (metric),
  traffic numeric(5, 4) not null check (traffic between 0.0001 and 1),
  salt text not null check (length(salt) between 1 and 100),
  description text not null default '' check (length(description) <= 2000),
  created_at timestamptz not null,
  started_at timestamptz,
  ends_at timestamptz check (isfinite(ends_at)),
  stopped_at timestamptz,
  recorded_until timestamptz,
  constraint experiments_in_order check (started_at < ends_at and started_at <= stopped_at and stopped_at <= ends_at),
  constraint experiments_stopped_after_start check (stopped_at is null or started_at is not null)
);
create index experiments_metric_idx on medley.experiments (metric);
create index experiments_ranker_idx on medley.experiments (ranker, started_at) where started_at is not null;
create unique index experiments_running_idx on medley.experiments (ranker)
where started_at is not null and stopped_at is null;

comment on table medley.experiments is
  'Definitions of experiments. One at most runs on a ranker; what one was is fixed when it starts, but for its traffic, '
  'which may grow.';
comment on column medley.experiments.name is 'Name of the experiment.';
comment on column medley.experiments.ranker is 'Whose weights it varies: a ranker of medley.ranker_weights.';
comment on column medley.experiments.metric is 'The metric that decides, chosen before it starts.';
comment on column medley.experiments.traffic is 'Which share of all members takes part, in ten-thousandths.';
comment on column medley.experiments.salt is 'Makes the assignment independent of other experiments; the same salt repeats it.';
comment on column medley.experiments.description is 'What it is to find out.';
comment on column medley.experiments.created_at is 'When it was defined.';
comment on column medley.experiments.started_at is 'When it started; null: not yet.';
comment on column medley.experiments.ends_at is 'When it ends by itself; null: when it is stopped.';
comment on column medley.experiments.stopped_at is 'When it ended; null: it has not, or nobody has noticed yet (see ends_at).';
comment on column medley.experiments.recorded_until is 'Up to which logged_at the log was read for exposures.';

create table medley.experiment_variants (
  experiment_name text not null references medley.experiments (name) on delete cascade,
  variant text not null check (variant ~ '^[a-z][a-z0-9_]{0,39}$'),
  bucket_from int not null check (bucket_from >= 0),
  bucket_until int not null check (bucket_until <= 10000),
  weights jsonb not null default '{}' check (jsonb_typeof(weights) = 'object'),
  primary key (experiment_name, variant),
  constraint experiment_variants_range check (bucket_from < bucket_until),
  constraint experiment_variants_apart unique (experiment_name, bucket_from)
);

comment on table medley.experiment_variants is
  'The variants of an experiment: consecutive ranges of the 10,000 buckets, and the weights that each overrides.';
comment on column medley.experiment_variants.experiment_name is 'The experiment.';
comment on column medley.experiment_variants.variant is 'Name of the variant; control is what the others are compared with.';
comment on column medley.experiment_variants.bucket_from is 'Its first bucket.';
comment on column medley.experiment_variants.bucket_until is 'The bucket after its last; their number / 10,000 is its share.';
comment on column medley.experiment_variants.weights is
  '{"term": weight}: what replaces medley.ranker_weights of that ranker; other terms keep theirs.';

create table medley.recommendation_experiments (
  experiment_name text not null references medley.experiments (name) on delete cascade,
  user_no int not null references medley.members (user_no) on delete cascade,
  variant text not null,
  exposed_at timestamptz not null,
  crossed_at timestamptz check (crossed_at >= exposed_at),
  primary key (experiment_name, user_no)
);
create index recommendation_experiments_user_idx on medley.recommendation_experiments (user_no);

comment on table medley.recommendation_experiments is
  'Who was exposed to which variant. Derived from impressions by the job record_exposures; the configuration, dates and '
  'state are those of experiments and experiment_variants.';
comment on column medley.recommendation_experiments.experiment_name is 'The experiment.';
comment on column medley.recommendation_experiments.user_no is 'The member.';
comment on column medley.recommendation_experiments.variant is 'The variant of the member''s first impression.';
comment on column medley.recommendation_experiments.exposed_at is 'When that impression was.';
comment on column medley.recommendation_experiments.crossed_at is
  'First impression of another variant, which leaves the member out of the results from then on; null: there was none.';

alter table medley.experiment_metrics enable row level security;
revoke all on medley.experiment_metrics from public, anon, authenticated, service_role;
alter table medley.experiments enable row level security;
revoke all on medley.experiments from public, anon, authenticated, service_role;
alter table medley.experiment_variants enable row level security;
revoke all on medley.experiment_variants from public, anon, authenticated, service_role;
alter table medley.recommendation_experiments enable row level security;
revoke all on medley.recommendation_experiments from public, anon, authenticated, service_role;

create policy recommendation_experiments_own on medley.recommendation_experiments
for select to authenticated using (user_no = (select medley.acting_user_no()));

insert into medley.settings (key, value, description)
values
  ('experiments.alpha', 0.05, 'How often an experiment without effect may ever call one, 0.001 to 0.5.'),
  (
    'experiments.tuned_for', 5000,
    'At how many members the always-valid intervals are narrowest, 100 to 100000000; they hold at any number.'
  ),
  (
    'experiments.min_members', 100,
    'From how many members a variant has intervals, 2 to 1000000: they hold for large numbers.'
  ),
  ('experiments.covariate_days', 14, 'How many days before the exposure the adjusted lift looks at, 1 to 90.'),
  ('experiments.ratio_alpha', 0.001, 'How often the sample-ratio alarm may go off without reason, 0.000001 to 0.1.');

insert into medley.experiment_metrics (metric, kinds, aggregation, polarity, window_days, is_guardrail, description)
values
  (
    'engagement',
    '{click,play,watch_started,like,share,add_to_list,bookmark,follow,rsvp,complete,watch_completed}',
    'rate', 1, 7, false,
    'Members who did anything with an item.'
  ),
  ('clicks', '{click}', 'count', 1, 7, false, 'Clicks a member.'),
  ('likes', '{like}', 'count', 1, 7, false, 'Likes a member.'),
  ('plays', '{play,watch_started}', 'count', 1, 7, false, 'Plays a member.'),
  ('completions', '{complete,watch_completed}', 'count', 1, 7, false, 'Items a member played or read to the end.'),
  ('conversion', '{add_to_list,bookmark,follow,rsvp}', 'rate', 1, 7, false, 'Members who made a lasting choice.'),
  (
    'satisfaction',
    '{click,play,watch_started,like,share,add_to_list,complete,watch_completed,skip,abandon,dislike,not_interested}',
    'mean', 1, 7, false,
    'How engaged a member was, on average of what the member did.'
  ),
  (
    'rejection',
    '{dislike,not_interested,mute_author,block_author,report}',
    'rate', -1, 7, true,
    'Members who rejected an item.'
  ),
  ('abandonment', '{skip,abandon}', 'count', -1, 7, true, 'Items a member skipped or gave up.');

-- sql/core/experiments/assignment.sql
-- Which variant a member gets: pure functions of salt and member, so an assignment never changes and needs no row.
-- Taking part and the variant are separate draws. More traffic therefore adds members and moves none.
-- The account's id is hashed, not the engine's number: who has done nothing yet has no number, and keeps the variant.
-- No SET: it inlines. md5, unlike the server's hash functions, is the same in every version.
create or replace function medley.experiment_bucket(p_salt text, p_user_id uuid)
returns int
language sql immutable parallel safe security invoker
return (('x' || left(md5(p_salt || ':' || p_user_id::text), 15))::bit(60)::bigint % 10000)::int;

comment on function medley.experiment_bucket(text, uuid) is
  'The bucket of a member, 0 to 9,999: 60 bits of md5(salt:user_id), so all buckets are equally likely to within 10^-14.';
revoke all on function medley.experiment_bucket(text, uuid) from public, anon, authenticated, service_role;

-- Every recommendation asks this. Where nothing runs, it is one look-up in an index of a few rows.
create or replace function medley.active_experiment(p_user_id uuid, p_ranker text, p_as_of timestamptz)
returns table (experiment text, variant text, weights jsonb)
language plpgsql stable parallel safe security definer
set search_path = ''
as $$
declare
  v_experiment medley.experiments;
  v_bucket int;
begin
  -- Experiments on a ranker follow one another, so the newest start is the only candidate.
  select e.* into v_experiment
  from medley.experiments as e
  where e.ranker = p_ranker and e.started_at <= p_as_of
  order by e.started_at desc
  limit 1;

  if not found
    or v_experiment.stopped_at <= p_as_of
    or v_experiment.ends_at <= p_as_of
    or p_user_id is null
    or medley.experiment_bucket(v_experiment.salt || ':traffic', p_user_id) >= v_experiment.traffic * 10000
  then
    return;
  end if;

  v_bucket := medley.experiment_bucket(v_experiment.salt, p_user_id);
  return query
  select v.experiment_name, v.variant, v.weights
  from medley.experiment_variants as v
  where v.experiment_name = v_experiment.name and v.bucket_from <= v_bucket and v.bucket_until > v_bucket;
end;
$$;

comment on function medley.active_experiment(uuid, text, timestamptz) is
  'The variant that the member has in the experiment that runs on p_ranker at p_as_of; no row for who does not take part. '
  'weights is {"term": weight} to use instead of medley.ranker_weights. A row that this variant ranked says so to the app '
  'as experiment:variant, and the impression that repeats it is the exposure.';
revoke all on function medley.active_experiment(uuid, text, timestamptz) from public, anon, authenticated, service_role;

-- sql/core/experiments/definitions.sql
-- Making, starting and stopping experiments. Nothing can move a member who was assigned: see the triggers below.
create or replace function medley.parse_variants(p_ranker text, p_variants jsonb)
returns table (variant text, bucket_from int, bucket_until int, weights jsonb)
language plpgsql stable parallel safe security definer set search_path = ''
as $$
declare
  v_wrong text;
begin
  if coalesce(jsonb_typeof(p_variants), 'null') <> 'array' then
    perform medley.fail('invalid_argument', 'p_variants must be an array of objects', 'p_variants',
      'Pass [{"variant": "control", "share": 0.5}, {"variant": "bold", "share": 0.5, "weights": {"term": 2}}].');
  end if;
  if jsonb_array_length(p_variants) not between 2 and 20 then
    perform medley.fail('invalid_argument', format('an experiment has 2 to 20 variants, got %s', jsonb_array_length(p_variants)),
      'p_variants', 'Compare at least one variant with control.');
  end if;

  select format('variant %s %s', w.place, w.wrong) into v_wrong
  from (
    select
      v.place,
      case
        when jsonb_typeof(v.entry) <> 'object' then 'is no object'
        when jsonb_typeof(v.entry -> 'variant') is distinct from 'string'
          or v.entry ->> 'variant' !~ '^[a-z][a-z0-9_]{0,39}$'
          then 'needs a name of up to 40 lower case letters, digits and underscores'
        when jsonb_typeof(v.entry -> 'share') is distinct from 'number' then 'needs a share that is a number'
        when (v.entry ->> 'share')::numeric not between 0.0001 and 0.9999 then 'needs a share from 0.0001 to 0.9999'
        when jsonb_typeof(coalesce(v.entry -> 'weights', '{}')) <> 'object' then 'has weights that are no object'
        when v.entry - '{variant,share,weights}'::text[] <> '{}' then 'has keys other than variant, share and weights'
      end as wrong
    from jsonb_array_elements(p_variants) with ordinality as v (entry, place)
  ) as w
  where w.wrong is not null
  order by w.place
  limit 1;
  if found then
    perform medley.fail('invalid_argument', v_wrong, 'p_variants', 'Correct it; nothing was written.');
  end if;

  select format('weights.%s of variant %s', left(w.term, 100), v.entry ->> 'variant') into v_wrong
  from jsonb_array_elements(p_variants) as v (entry)
  cross join jsonb_each(coalesce(v.entry -> 'weights', '{}')) as w (term, weight)
  where not exists (select from medley.ranker_weights as r where r.ranker = p_ranker and r.term = w.term)
    or jsonb_typeof(w.weight) <> 'number'
    or case when jsonb_typeof(w.weight) = 'number' then abs(w.weight::numeric) > 10000 end
  limit 1;
  if found then
    perform medley.fail('invalid_argument',
      format('%s is no weight of the ranker %s between -10000 and 10000', v_wrong, p_ranker), 'p_variants',
      'medley.ranker_weights has the terms of each ranker.');
  end if;

  if (
    select count(distinct v.entry ->> 'variant') < count(*) or bool_and(v.entry ->> 'variant' <> 'control')
    from jsonb_array_elements(p_variants) as v (entry)
  ) then
    perform medley.fail('invalid_argument', 'variants need different names, one of them control', 'p_variants',
      'Name the variant that the others are compared with control.');
  end if;

  if (
    select abs(sum((v.entry ->> 'share')::numeric) - 1) > 0.000001
    from jsonb_array_elements(p_variants) as v (entry)
  ) then
    perform medley.fail('invalid_argument', 'the shares of the variants must sum to 1', 'p_variants',
      'Shares divide those who take part; p_traffic says how many do.');
  end if;

  return query
  select
    s.variant,
    coalesce(lag(s.until) over (order by s.place), 0),
    s.until,
    s.weights
  from (
    select
      v.place,
      v.entry ->> 'variant' as variant,
      round(sum((v.entry ->> 'share')::numeric) over (order by v.place) * 10000)::int as until,
      coalesce(v.entry -> 'weights', '{}') as weights
    from jsonb_array_elements(p_variants) with ordinality as v (entry, place)
  ) as s;
end;
$$;

comment on function medley.parse_variants(text, jsonb) is
  'The variants that create_experiment was given, checked, with the ranges of buckets of their shares. '
  'Errors: invalid_argument.';
revoke all on function medley.parse_variants(text, jsonb) from public, anon, authenticated, service_role;

create or replace function medley.get_experiments(p_name text, p_as_of timestamptz)
returns table (
  experiment text, ranker text, metric text, status text, traffic numeric, variants jsonb, description text,
  created_at timestamptz, started_at timestamptz, ends_at timestamptz, stopped_at timestamptz
)
language sql stable parallel safe security definer set search_path = ''
as $$
  select
    e.name,
    e.ranker,
    e.metric,
    case
      when e.started_at is null then 'draft'
      when least(e.stopped_at, e.ends_at) <= p_as_of then 'stopped'
      else 'running'
    end,
    e.traffic,
    (
      select jsonb_agg(
        jsonb_build_object(
          'variant', v.variant, 'share', ((v.bucket_until - v.bucket_from) / 10000.0)::numeric(5, 4), 'weights', v.weights
        )
        order by v.bucket_from
      )
      from medley.experiment_variants as v
      where v.experiment_name = e.name
    ),
    e.description,
    e.created_at,
    e.started_at,
    e.ends_at,
    e.stopped_at
  from medley.experiments as e
  where p_name is null or e.name = p_name
  order by e.created_at desc, e.name
$$;

comment on function medley.get_experiments(text, timestamptz) is
  'The experiment p_name, or all of them, newest first, with their state at p_as_of.';
revoke all on function medley.get_experiments(text, timestamptz) from public, anon, authenticated, service_role;
grant execute on function medley.get_experiments(text, timestamptz) to service_role;

create or replace function medley.create_experiment(
  p_name text,
  p_ranker text,
  p_variants jsonb,
  p_metric text,
  p_traffic numeric,
  p_ends_at timestamptz,
  p_salt text,
  p_description text,
  p_as_of timestamptz
)
returns void
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
begin
  if p_name is null or p_name !~ '^[a-z][a-z0-9_]{0,49}$' then
    perform medley.fail('invalid_argument', format('%s is no name for an experiment', coalesce(left(p_name, 100), 'null')),
      'p_name', 'Up to 50 lower case letters, digits and underscores, a letter first.');
  end if;
  if not exists (select from medley.ranker_weights as r where r.ranker = p_ranker) then
    perform medley.fail('invalid_argument', format('there is no ranker %s', coalesce(left(p_ranker, 100), 'null')), 'p_ranker',
      'medley.ranker_weights has the rankers.');
  end if;
  if not exists (select from medley.experiment_metrics as m where m.metric = p_metric) then
    perform medley.fail('invalid_argument', format('there is no metric %s', coalesce(left(p_metric, 100), 'null')), 'p_metric',
      'medley.experiment_metrics has the metrics.');
  end if;
  if p_traffic is null or p_traffic not between 0.0001 and 1 then
    perform medley.fail('invalid_argument', format('p_traffic must be from 0.0001 to 1, got %s', p_traffic), 'p_traffic',
      '0.1 lets a tenth of all members take part.');
  end if;
  if p_ends_at <= p_as_of or not isfinite(p_ends_at) then
    perform medley.fail('invalid_argument', format('p_ends_at %s is not in the future', p_ends_at), 'p_ends_at',
      'Leave it out for an experiment that runs until it is stopped.');
  end if;
  if length(p_salt) not between 1 and 100 or length(p_description) > 2000 then
    perform medley.fail('invalid_argument', 'p_salt has 1 to 100 characters, p_description up to 2,000', 'p_salt',
      'Leave p_salt out for one that is made up.');
  end if;

  insert into medley.experiments (name, ranker, metric, traffic, salt, description, created_at, ends_at)
  values (
    p_name, p_ranker, p_metric, p_traffic, coalesce(p_salt, gen_random_uuid()::text), coalesce(p_description, ''), p_as_of,
    p_ends_at
  )
  on conflict (name) do nothing;
  if not found then
    perform medley.fail('conflict', format('there is an experiment %s already', p_name), 'p_name',
      'Choose another name: results are kept under it.');
  end if;

  insert into medley.experiment_variants (experiment_name, variant, bucket_from, bucket_until, weights)
  select p_name, v.variant, v.bucket_from, v.bucket_until, v.weights
  from medley.parse_variants(p_ranker, p_variants) as v;
end;
$$;

comment on function medley.create_experiment(text, text, jsonb, text, numeric, timestamptz, text, text, timestamptz) is
  'Defines an experiment, which does not run yet. See public.create_experiment. Errors: invalid_argument, conflict.';
revoke all on function medley.create_experiment(text, text, jsonb, text, numeric, timestamptz, text, text, timestamptz)
from public, anon, authenticated, service_role;
grant execute on function medley.create_experiment(
  text, text, jsonb, text, numeric, timestamptz, text, text, timestamptz
) to service_role;

create or replace function medley.close_ended_experiments(p_as_of timestamptz)
returns void
language sql volatile parallel unsafe security definer set search_path = ''
as $$
  update medley.experiments as e
  set stopped_at = e.ends_at
  where e.started_at is not null and e.stopped_at is null and e.ends_at <= p_as_of
$$;

comment on function medley.close_ended_experiments(timestamptz) is
  'Notes the end of experiments whose ends_at has passed. They had ended by themselves; this frees their ranker.';
revoke all on function medley.close_ended_experiments(timestamptz) from public, anon, authenticated, service_role;

create or replace function medley.lock_experiment(p_name text)
returns medley.experiments
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_experiment medley.experiments;
begin
  select e.* into v_experiment
  from medley.experiments as e
  where e.name = p_name
  for update;
  if not found then
    perform medley.fail('not_found', format('there is no experiment %s', coalesce(left(p_name, 100), 'null')), 'p_name',
      'get_experiments() lists them.');
  end if;
  return v_experiment;
end;
$$;

comment on function medley.lock_experiment(text) is
  'The experiment, locked until the transaction ends. Errors: not_found.';
revoke all on function medley.lock_experiment(text) from public, anon, authenticated, service_role;

create or replace function medley.start_experiment(p_name text, p_as_of timestamptz)
returns void
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_experiment medley.experiments;
begin
  perform medley.close_ended_experiments(p_as_of);
  v_experiment := medley.lock_experiment(p_name);
  if v_experiment.started_at is not null then
    perform medley.fail('conflict', format('the experiment %s was started before', p_name), 'p_name',
      'An experiment runs once; define a new one to repeat it.');
  end if;
  if v_experiment.ends_at <= p_as_of then
    perform medley.fail('conflict', format('the experiment %s was to end at %s', p_name, v_experiment.ends_at), 'p_name',
      'Define a new one that ends later.');
  end if;

  update medley.experiments as e
  set started_at = p_as_of
  where e.name = p_name;
exception
  when unique_violation then
    perform medley.fail('conflict', format('another experiment runs on the ranker %s', v_experiment.ranker), 'p_name',
      'Stop it first: two at a time could not be told apart.');
end;
$$;

comment on function medley.start_experiment(text, timestamptz) is
  'Starts an experiment that was never started. Errors: not_found, conflict (started before, over, or another one runs).';
revoke all on function medley.start_experiment(text, timestamptz) from public, anon, authenticated, service_role;
grant execute on function medley.start_experiment(text, timestamptz) to service_role;

create or replace function medley.stop_experiment(p_name text, p_as_of timestamptz)
returns void
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_experiment medley.experiments := medley.lock_experiment(p_name);
begin
  if v_experiment.started_at is null or least(v_experiment.stopped_at, v_experiment.ends_at) <= p_as_of then
    perform medley.fail('conflict', format('the experiment %s does not run', p_name), 'p_name',
      'Only what was started and has not ended can be stopped.');
  end if;

  update medley.experiments as e
  set stopped_at = p_as_of
  where e.name = p_name;
end;
$$;

comment on function medley.stop_experiment(text, timestamptz) is
  'Ends a running experiment: everyone gets the ranker''s own weights again. Errors: not_found, conflict (it does not run).';
revoke all on function medley.stop_experiment(text, timestamptz) from public, anon, authenticated, service_role;
grant execute on function medley.stop_experiment(text, timestamptz) to service_role;

create or replace function medley.set_experiment_traffic(p_name text, p_traffic numeric)
returns void
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_experiment medley.experiments := medley.lock_experiment(p_name);
begin
  if p_traffic is null or p_traffic not between 0.0001 and 1 then
    perform medley.fail('invalid_argument', format('p_traffic must be from 0.0001 to 1, got %s', p_traffic), 'p_traffic',
      '0.1 lets a tenth of all members take part.');
  end if;
  if v_experiment.stopped_at is not null or v_experiment.started_at is not null and p_traffic < v_experiment.traffic then
    perform medley.fail('conflict', format('the traffic of the experiment %s can only grow while it runs', p_name),
      'p_traffic', 'Stop it and define a new one.');
  end if;

  update medley.experiments as e
  set traffic = p_traffic
  where e.name = p_name;
end;
$$;

comment on function medley.set_experiment_traffic(text, numeric) is
  'Lets a larger share of all members take part; those who do keep their variant. '
  'Errors: not_found, invalid_argument, conflict (it would shrink, or the experiment is over).';
revoke all on function medley.set_experiment_traffic(text, numeric) from public, anon, authenticated, service_role;
grant execute on function medley.set_experiment_traffic(text, numeric) to service_role;

create or replace function medley.keep_started_experiments()
returns trigger
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
begin
  -- A variant that goes with its whole experiment finds no experiment here.
  if exists (
    select from medley.experiments as e
    where e.started_at is not null and e.name in (
      select r.experiment_name from changed_rows as r
    )
  ) then
    perform medley.fail('conflict', 'the variants of an experiment stay as they are once it was started', 'variants',
      'Stop it and define a new one: other shares would move members from one variant to another.');
  end if;
  return null;
end;
$$;

comment on function medley.keep_started_experiments() is
  'Statement trigger with transition table changed_rows: variants are fixed once their experiment was started. '
  'Errors: conflict.';
revoke all on function medley.keep_started_experiments() from public, anon, authenticated, service_role;

create trigger experiment_variants_keep_insert
after insert on medley.experiment_variants referencing new table as changed_rows
for each statement execute function medley.keep_started_experiments();
create trigger experiment_variants_keep_update
after update on medley.experiment_variants referencing old table as changed_rows
for each statement execute function medley.keep_started_experiments();
create trigger experiment_variants_keep_delete
after delete on medley.experiment_variants referencing old table as changed_rows
for each statement execute function medley.keep_started_experiments();

create or replace function medley.keep_experiment_assignment()
returns trigger
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
begin
  perform medley.fail('conflict', 'an experiment that was started keeps its name, ranker, salt, metric and traffic', 'p_name',
    'Stop it and define a new one; set_experiment_traffic lets more members take part.');
  return null;
end;
$$;

comment on function medley.keep_experiment_assignment() is
  'Row trigger: refuses what would move members or choose the metric after the fact. Errors: conflict.';
revoke all on function medley.keep_experiment_assignment() from public, anon, authenticated, service_role;

create trigger experiments_keep_assignment
before update on medley.experiments
for each row
when (
  old.started_at is not null
  and (
    (old.name, old.ranker, old.salt, old.metric, old.started_at)
    is distinct from (new.name, new.ranker, new.salt, new.metric, new.started_at)
    or new.traffic < old.traffic
  )
)
execute function medley.keep_experiment_assignment();

-- sql/core/experiments/exposures.sql
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

-- sql/core/experiments/statistics.sql
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

-- sql/core/experiments/results.sql
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

-- sql/core/experiments/api.sql
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

-- sql/core/experiments/jobs.sql
-- The job of this module.
insert into medley.jobs (name, schedule, function_name, batch_size, timeout_seconds, description)
values (
  'record_exposures', '*/10 * * * *', 'record_exposures', null, 600,
  'Notes who was shown which variant of an experiment, and experiments that have ended.'
);
