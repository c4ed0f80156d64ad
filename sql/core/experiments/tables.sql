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
