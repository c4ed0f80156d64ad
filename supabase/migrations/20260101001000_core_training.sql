-- Made from sql/core/training by `make migrations`; edit that, not this.

-- sql/core/training/tables.sql
-- What models are trained on, and the models themselves.
-- Words: a pair is a member and an item that the member was shown or engaged with, with the state of both just before
-- (a snapshot) and what came of it (the label). A model version is what one training made: two linear towers, which
-- place items and members in one space of 256 numbers, and for each kind of engagement a head that makes a probability
-- of it. generate_training_pairs writes pairs from the log; a worker reads them, trains and writes versions; one of
-- each type is active. Everything about serving is SQL: see towers.sql.
create table medley.model_versions (
  model_version_id uuid primary key default gen_random_uuid(),
  version text not null unique check (length(version) between 1 and 100),
  model_type text not null check (model_type ~ '^[a-z][a-z0-9_]{1,39}$'),
  text_model text not null check (length(text_model) between 1 and 100),
  training_start_at timestamptz,
  training_end_at timestamptz,
  num_training_samples int check (num_training_samples >= 0),
  validation_loss real,
  accuracy real,
  metrics jsonb not null default '{}' check (jsonb_typeof(metrics) = 'object'),
  model_weights_url text check (length(model_weights_url) between 1 and 2000),
  is_active boolean not null default false,
  activated_at timestamptz,
  items_below int default 2147483647,
  members_below int default 2147483647,
  created_at timestamptz not null default now(),
  constraint model_versions_trained_in_order check (training_start_at <= training_end_at),
  constraint model_versions_active_since check (activated_at is not null or not is_active)
);
create unique index model_versions_active_idx on medley.model_versions (model_type) where is_active;

comment on table medley.model_versions is 'What trainings made; one version of each type may be active.';
comment on column medley.model_versions.model_version_id is 'Its id.';
comment on column medley.model_versions.version is 'Its name; also the model_version of the vectors it makes.';
comment on column medley.model_versions.model_type is 'two_tower is served by the engine; others by whoever reads the row.';
comment on column medley.model_versions.text_model is
  'The model of the embeddings of type text that it was trained on: it can place no others.';
comment on column medley.model_versions.training_start_at is 'When its training began.';
comment on column medley.model_versions.training_end_at is 'When its training ended.';
comment on column medley.model_versions.num_training_samples is 'How many pairs it was trained on.';
comment on column medley.model_versions.validation_loss is 'Loss on pairs held out.';
comment on column medley.model_versions.accuracy is 'Accuracy on pairs held out, 0 to 1.';
comment on column medley.model_versions.metrics is 'What else was measured: {"auc", "recall_at_10", ...}.';
comment on column medley.model_versions.model_weights_url is 'Where its file lies; null for a version that is rows of model_weights only.';
comment on column medley.model_versions.is_active is 'Whether it is in use.';
comment on column medley.model_versions.activated_at is 'When it last came into use; null for never.';
comment on column medley.model_versions.items_below is
  'Items with a smaller item_no are still to be placed by refresh_tower_vectors; null: none are.';
comment on column medley.model_versions.members_below is 'The same for members, by user_no.';
comment on column medley.model_versions.created_at is 'When the row was made.';

create table medley.model_weights (
  model_version_id uuid not null references medley.model_versions (model_version_id) on delete cascade,
  tower text not null check (tower in ('item', 'user')),
  row_no smallint not null check (row_no between 0 and 255),
  weights extensions.vector(384) not null check (extensions.vector_norm(weights) <= 1e6),
  bias real not null default 0 check (abs(bias) <= 1e6),
  primary key (model_version_id, tower, row_no)
);

comment on table medley.model_weights is
  'The towers of a two_tower version: 256 rows each. An item is placed at normalize(W_item x + b_item), x being its '
  'embedding of type text; a member at normalize(W_user x + b_user), x being the taste vector of that type.';
comment on column medley.model_weights.model_version_id is 'The version.';
comment on column medley.model_weights.tower is 'item or user.';
comment on column medley.model_weights.row_no is 'Which of the 256 numbers this row makes, from 0.';
comment on column medley.model_weights.weights is 'The row of W.';
comment on column medley.model_weights.bias is 'The number of b.';

create table medley.model_heads (
  model_version_id uuid not null references medley.model_versions (model_version_id) on delete cascade,
  kind_no smallint not null references medley.engagement_kinds (kind_no) on delete cascade,
  intercept real not null check (abs(intercept) <= 1000),
  similarity real not null check (abs(similarity) <= 1000),
  rate real not null check (abs(rate) <= 1000),
  primary key (model_version_id, kind_no)
);
create index model_heads_kind_idx on medley.model_heads (kind_no);

comment on table medley.model_heads is
  'What makes probabilities of a version''s places, one row a kind of engagement: '
  '1 / (1 + exp(-(intercept + similarity * cosine + rate * logit(smoothed rate of the kind)))).';
comment on column medley.model_heads.model_version_id is 'The version.';
comment on column medley.model_heads.kind_no is 'The kind of engagement.';
comment on column medley.model_heads.intercept is 'The constant.';
comment on column medley.model_heads.similarity is 'What the cosine of member and item is multiplied by.';
comment on column medley.model_heads.rate is 'What the log odds of the kind''s smoothed rate are multiplied by.';

create table medley.training_pairs (
  pair_id bigint primary key generated always as identity,
  interaction_at timestamptz not null,
  created_at timestamptz not null,
  user_no int not null references medley.members (user_no) on delete cascade,
  item_no int not null references medley.items (item_no) on delete cascade,
  dwell_ms int,
  position smallint,
  label boolean not null,
  algorithm_version text not null check (length(algorithm_version) between 1 and 100),
  engagement text,
  engagements text[] not null,
  user_history_snapshot jsonb not null,
  user_embedding_snapshot extensions.vector(384),
  item_title_snapshot text not null,
  item_embedding_snapshot extensions.vector(384),
  item_metadata_snapshot jsonb not null,
  unique (user_no, item_no, algorithm_version),
  constraint training_pairs_positive_has_engagement check (label = (engagement is not null))
);
create index training_pairs_item_idx on medley.training_pairs (item_no);
create index training_pairs_interaction_idx on medley.training_pairs (interaction_at);
create index training_pairs_created_idx on medley.training_pairs (created_at);

comment on table medley.training_pairs is
  'What models are trained on: members and items with the state of both strictly before interaction_at, and what came of it. '
  'Written by generate_training_pairs.';
comment on column medley.training_pairs.pair_id is 'Its number.';
comment on column medley.training_pairs.interaction_at is 'When the item was shown, or where nobody told, when the member engaged.';
comment on column medley.training_pairs.created_at is 'When the row was written.';
comment on column medley.training_pairs.user_no is 'The member.';
comment on column medley.training_pairs.item_no is 'The item.';
comment on column medley.training_pairs.dwell_ms is 'How long the item was in view at most, in milliseconds; null: nobody told.';
comment on column medley.training_pairs.position is 'Place in the list in which it was shown, from 0; null: nobody told.';
comment on column medley.training_pairs.label is 'true: the member engaged; false: shown, and the member did not.';
comment on column medley.training_pairs.algorithm_version is
  'The set the pair belongs to: the name that generate_training_pairs was given, else the active model''s version.';
comment on column medley.training_pairs.engagement is 'The kind of the strongest engagement; null for a negative.';
comment on column medley.training_pairs.engagements is
  'All kinds that happened within training.outcome_hours of interaction_at, for heads; sorted.';
comment on column medley.training_pairs.user_history_snapshot is
  '{"recent_items": [uuid], "recent_likes": [uuid]}: what the member had engaged with and liked, newest first.';
comment on column medley.training_pairs.user_embedding_snapshot is
  'The member''s taste vector of type text then; null: nothing the member had liked has a vector.';
comment on column medley.training_pairs.item_title_snapshot is 'The item''s title when the pair was written.';
comment on column medley.training_pairs.item_embedding_snapshot is 'The item''s embedding of type text; null: it has none.';
comment on column medley.training_pairs.item_metadata_snapshot is
  '{"counts": {kind: events of all members before then}, "published_at": time, "age_hours": number}.';

-- For the length of one generation: nobody else ever sees a row. Unlogged, because a crash may forget them.
create unlogged table medley.training_candidates (
  candidate_no int primary key,
  reader int not null,
  item_no int not null,
  at timestamptz not null,
  dwell_ms int,
  position smallint,
  label boolean not null,
  engagement text,
  engagements text[] not null,
  left_out int not null,
  counts jsonb not null default '{}'
);

comment on table medley.training_candidates is
  'What generate_training_pairs works on: the pairs that it will write. Empty otherwise.';
comment on column medley.training_candidates.candidate_no is 'Numbers them.';
comment on column medley.training_candidates.reader is 'The user_no of the pair.';
comment on column medley.training_candidates.item_no is 'The item.';
comment on column medley.training_candidates.at is 'interaction_at of the pair.';
comment on column medley.training_candidates.dwell_ms is 'As of the pair.';
comment on column medley.training_candidates.position is 'As of the pair.';
comment on column medley.training_candidates.label is 'As of the pair.';
comment on column medley.training_candidates.engagement is 'As of the pair.';
comment on column medley.training_candidates.engagements is 'As of the pair.';
comment on column medley.training_candidates.left_out is
  'The item again where the member had met it before, for the history is to leave it out; else 0.';
comment on column medley.training_candidates.counts is 'Events of the item before then, by kind.';

create table medley.training_pair_models (
  pair_id bigint not null references medley.training_pairs (pair_id) on delete cascade,
  model_version_id uuid not null references medley.model_versions (model_version_id) on delete cascade,
  loss real,
  primary key (pair_id, model_version_id)
);
create index training_pair_models_version_idx on medley.training_pair_models (model_version_id);

comment on table medley.training_pair_models is 'Which pairs a version was trained on; what was trained on may be cleaned up.';
comment on column medley.training_pair_models.pair_id is 'The pair.';
comment on column medley.training_pair_models.model_version_id is 'The version.';
comment on column medley.training_pair_models.loss is 'The loss of this pair at the end; null: nobody told.';

alter table medley.model_versions enable row level security;
revoke all on medley.model_versions from public, anon, authenticated, service_role;
alter table medley.model_weights enable row level security;
revoke all on medley.model_weights from public, anon, authenticated, service_role;
alter table medley.model_heads enable row level security;
revoke all on medley.model_heads from public, anon, authenticated, service_role;
alter table medley.training_pairs enable row level security;
revoke all on medley.training_pairs from public, anon, authenticated, service_role;
alter table medley.training_candidates enable row level security;
revoke all on medley.training_candidates from public, anon, authenticated, service_role;
alter table medley.training_pair_models enable row level security;
revoke all on medley.training_pair_models from public, anon, authenticated, service_role;

create policy training_pairs_own on medley.training_pairs
for select to authenticated using (user_no = (select medley.acting_user_no()));

-- Speaks for taste after text, of which it is made.
insert into medley.embedding_types (
  embedding_type, model_version, dims, taste_rank, is_derived, is_learned, description
)
values ('two_tower', 'none', 256, 150, true, true, 'Where the active two_tower model places items and members.');

insert into medley.settings (key, value, description)
values
  (
    'training.outcome_hours', 24,
    'For how many hours after an item was shown what the member does with it is the outcome, 1 to 720; pairs that are '
    'younger wait.'
  ),
  ('training.recent_items', 50, 'Items in each list of a history snapshot, newest first; 1 to 500.'),
  (
    'training.history_events', 500,
    'How many of a member''s events before an interaction its taste vector is made from, the newest; 1 to 5000.'
  ),
  (
    'training.activation_rows', 1000,
    'Items, and members, that activate_model places at once, the newest; 1 to 100000. The job places the rest.'
  ),
  ('training.keep_pairs_days', 30, 'How many days pairs that were trained on are kept, 1 to 36500.'),
  (
    'training.keep_models', 2,
    'Versions beside the active one whose places are kept for going back; 0 to 100. The last to be active stay.'
  );

-- sql/core/training/models.sql
-- The registry of models: a worker creates a version, writes its towers and heads, and activates it.

-- No SET: it inlines.
create or replace function medley.active_tower_model()
returns uuid
language sql stable parallel safe security invoker
begin atomic
  select m.model_version_id
  from medley.model_versions as m
  where m.model_type = 'two_tower' and m.is_active;
end;

comment on function medley.active_tower_model() is
  'The version of two towers that is in use; null: none is, and rankers fall back to smoothed rates.';
revoke all on function medley.active_tower_model() from public, anon, authenticated, service_role;

create or replace function medley.model_version_of(p_version text)
returns medley.model_versions
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_model medley.model_versions;
begin
  select m.* into v_model
  from medley.model_versions as m
  where m.version = p_version
  for no key update;
  if not found then
    perform medley.fail('not_found', format('there is no model version %s', coalesce(left(p_version, 100), '(null)')),
      'p_version', 'See get_model_versions(), or make it with create_model_version.');
  end if;
  return v_model;
end;
$$;

comment on function medley.model_version_of(text) is
  'The version of that name, locked until the transaction ends. Errors: not_found.';
revoke all on function medley.model_version_of(text) from public, anon, authenticated, service_role;

create or replace function medley.create_model_version(
  p_version text,
  p_model_type text,
  p_metadata jsonb,
  p_as_of timestamptz
)
returns uuid
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_id uuid;
begin
  if p_version is null or length(p_version) not between 1 and 100 then
    perform medley.fail('invalid_argument', 'a version has a name of 1 to 100 characters', 'p_version', 'Name the version.');
  end if;
  if p_model_type is null or p_model_type !~ '^[a-z][a-z0-9_]{1,39}$' then
    perform medley.fail('invalid_argument', format('bad type of model: %s', coalesce(left(p_model_type, 60), '(null)')),
      'p_model_type', 'A type is 2 to 40 lower case letters, digits and underscores: two_tower.');
  end if;
  if p_metadata is null or jsonb_typeof(p_metadata) <> 'object' then
    perform medley.fail('invalid_argument', 'p_metadata must be an object', 'p_metadata',
      'Pass {"text_model", "training_start_at", "num_training_samples", "metrics": {}, ...} or {}.');
  end if;

  insert into medley.model_versions (
    version, model_type, text_model, training_start_at, training_end_at, num_training_samples, validation_loss,
    accuracy, metrics, model_weights_url, created_at
  )
  select
    p_version,
    p_model_type,
    coalesce(
      g.text_model,
      (select t.model_version from medley.embedding_types as t where t.embedding_type = 'text'),
      'all-MiniLM-L6-v2'
    ),
    g.training_start_at,
    g.training_end_at,
    g.num_training_samples,
    g.validation_loss,
    g.accuracy,
    coalesce(g.metrics, '{}'),
    g.model_weights_url,
    p_as_of
  from jsonb_to_record(p_metadata) as g (
    text_model text, training_start_at timestamptz, training_end_at timestamptz, num_training_samples int,
    validation_loss real, accuracy real, metrics jsonb, model_weights_url text
  )
  on conflict (version) do nothing
  returning model_version_id into v_id;
  if v_id is null then
    perform medley.fail('conflict', format('there is a model version %s already', p_version), 'p_version',
      'Choose another name: a version is made once.');
  end if;
  return v_id;
exception
  when data_exception or check_violation then
    perform medley.fail('invalid_argument', sqlerrm, 'p_metadata', 'Correct the field; nothing was written.');
    return null;
end;
$$;

comment on function medley.create_model_version(text, text, jsonb, timestamptz) is
  'Registers what a training made, without its weights; see public.create_model_version. Errors: invalid_argument, conflict.';
revoke all on function medley.create_model_version(text, text, jsonb, timestamptz)
from public, anon, authenticated, service_role;
grant execute on function medley.create_model_version(text, text, jsonb, timestamptz) to service_role;

create or replace function medley.version_to_write(p_version text, p_rows jsonb, p_argument text)
returns uuid
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_model medley.model_versions := medley.model_version_of(p_version);
begin
  if v_model.activated_at is not null then
    perform medley.fail('conflict', format('version %s was in use: its weights stay what they were', p_version), 'p_version',
      'Write them to a version of another name.');
  end if;
  if p_rows is null or jsonb_typeof(p_rows) <> 'array' then
    perform medley.fail('invalid_argument', format('%s must be an array of objects', p_argument), p_argument,
      'Pass an array of objects; nothing was written.');
  end if;
  return v_model.model_version_id;
end;
$$;

comment on function medley.version_to_write(text, jsonb, text) is
  'The id of a version whose weights may be written, locked. Errors: not_found, conflict (it was active once), '
  'invalid_argument (p_rows, which the error calls p_argument, is no array).';
revoke all on function medley.version_to_write(text, jsonb, text) from public, anon, authenticated, service_role;

create or replace function medley.set_model_weights(p_version text, p_tower text, p_rows jsonb)
returns bigint
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_id uuid := medley.version_to_write(p_version, p_rows, 'p_rows');
  v_written bigint;
begin
  if p_tower is null or p_tower not in ('item', 'user') then
    perform medley.fail('invalid_argument', format('there is no tower %s', coalesce(left(p_tower, 60), '(null)')), 'p_tower',
      'A tower is item or user.');
  end if;
  if jsonb_array_length(p_rows) > 256 then
    perform medley.fail('too_large', format('p_rows holds %s rows', jsonb_array_length(p_rows)), 'p_rows',
      'A tower has 256 rows; nothing was written.');
  end if;

  insert into medley.model_weights (model_version_id, tower, row_no, weights, bias)
  select
    v_id,
    p_tower,
    (r.entry ->> 'row_no')::smallint,
    (r.entry ->> 'weights')::extensions.vector(384),
    coalesce((r.entry ->> 'bias')::real, 0)
  from jsonb_array_elements(p_rows) as r (entry)
  on conflict (model_version_id, tower, row_no) do update
  set weights = excluded.weights, bias = excluded.bias;
  get diagnostics v_written = row_count;
  return v_written;
exception
  -- Another size than 384, NaN, a row outside 0 to 255, one that lacks or comes twice.
  when data_exception or check_violation or not_null_violation or cardinality_violation then
    perform medley.fail('invalid_argument', sqlerrm, 'p_rows',
      'A row is {"row_no": 0 to 255, "weights": [384 numbers], "bias": number}; nothing was written.');
    return 0;
end;
$$;

comment on function medley.set_model_weights(text, text, jsonb) is
  'Writes rows of one tower of a version; see public.set_model_weights. Errors: not_found, conflict, invalid_argument, '
  'too_large.';
revoke all on function medley.set_model_weights(text, text, jsonb) from public, anon, authenticated, service_role;
grant execute on function medley.set_model_weights(text, text, jsonb) to service_role;

create or replace function medley.set_model_heads(p_version text, p_heads jsonb)
returns bigint
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_id uuid := medley.version_to_write(p_version, p_heads, 'p_heads');
  v_unknown text;
  v_written bigint;
begin
  select coalesce(left(h.entry ->> 'kind', 60), '(no kind)') into v_unknown
  from jsonb_array_elements(p_heads) as h (entry)
  where not exists (select from medley.engagement_kinds as k where k.kind = h.entry ->> 'kind')
  limit 1;
  if found then
    perform medley.fail('invalid_argument', format('there is no kind of engagement %s', v_unknown), 'p_heads',
      'medley.engagement_kinds has them; nothing was written.');
  end if;

  delete from medley.model_heads as h
  where h.model_version_id = v_id;

  insert into medley.model_heads (model_version_id, kind_no, intercept, similarity, rate)
  select
    v_id,
    k.kind_no,
    (h.entry ->> 'intercept')::real,
    (h.entry ->> 'similarity')::real,
    (h.entry ->> 'rate')::real
  from jsonb_array_elements(p_heads) as h (entry)
  inner join medley.engagement_kinds as k on h.entry ->> 'kind' = k.kind;
  get diagnostics v_written = row_count;
  return v_written;
exception
  -- NaN is outside every range.
  when data_exception or check_violation or not_null_violation or unique_violation then
    perform medley.fail('invalid_argument', sqlerrm, 'p_heads',
      'A head is {"kind", "intercept", "similarity", "rate"}, each kind once, numbers within 1,000; nothing was written.');
    return 0;
end;
$$;

comment on function medley.set_model_heads(text, jsonb) is
  'Replaces the heads of a version; see public.set_model_heads. Errors: not_found, conflict, invalid_argument.';
revoke all on function medley.set_model_heads(text, jsonb) from public, anon, authenticated, service_role;
grant execute on function medley.set_model_heads(text, jsonb) to service_role;

create or replace function medley.set_model_pairs(p_version text, p_pairs jsonb)
returns bigint
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_model medley.model_versions := medley.model_version_of(p_version);
  v_written bigint;
begin
  if p_pairs is null or jsonb_typeof(p_pairs) <> 'array' then
    perform medley.fail('invalid_argument', 'p_pairs must be an array of objects', 'p_pairs',
      'Pass [{"pair_id", "loss"}, ...].');
  end if;
  if jsonb_array_length(p_pairs) > 10000 then
    perform medley.fail('too_large', format('p_pairs holds %s pairs', jsonb_array_length(p_pairs)), 'p_pairs',
      'Pass at most 10,000 a call.');
  end if;

  -- A pair may have been cleaned up, or have gone with its account, while the model was in training.
  insert into medley.training_pair_models as m (pair_id, model_version_id, loss)
  select p.pair_id, v_model.model_version_id, g.loss
  from jsonb_to_recordset(p_pairs) as g (pair_id bigint, loss real)
  inner join medley.training_pairs as p on g.pair_id = p.pair_id
  order by p.pair_id
  on conflict (pair_id, model_version_id) do update
  set loss = excluded.loss;
  get diagnostics v_written = row_count;
  return v_written;
exception
  when data_exception or cardinality_violation then
    perform medley.fail('invalid_argument', sqlerrm, 'p_pairs',
      'A row is {"pair_id": number, "loss": number}, each pair once; nothing was written.');
    return 0;
end;
$$;

comment on function medley.set_model_pairs(text, jsonb) is
  'Notes which pairs a version was trained on; see public.set_model_pairs. Errors: not_found, invalid_argument, too_large.';
revoke all on function medley.set_model_pairs(text, jsonb) from public, anon, authenticated, service_role;
grant execute on function medley.set_model_pairs(text, jsonb) to service_role;

create or replace function medley.get_model_versions()
returns table (
  version text, model_type text, is_active boolean, text_model text, training_start_at timestamptz,
  training_end_at timestamptz, num_training_samples int, validation_loss real, accuracy real, metrics jsonb,
  model_weights_url text, heads jsonb, activated_at timestamptz, created_at timestamptz
)
language sql stable parallel safe security definer set search_path = ''
as $$
  select
    m.version,
    m.model_type,
    m.is_active,
    m.text_model,
    m.training_start_at,
    m.training_end_at,
    m.num_training_samples,
    m.validation_loss,
    m.accuracy,
    m.metrics,
    m.model_weights_url,
    (
      select coalesce(
        jsonb_object_agg(
          k.kind, jsonb_build_object('intercept', h.intercept, 'similarity', h.similarity, 'rate', h.rate)
        ),
        '{}'
      )
      from medley.model_heads as h
      inner join medley.engagement_kinds as k on h.kind_no = k.kind_no
      where h.model_version_id = m.model_version_id
    ),
    m.activated_at,
    m.created_at
  from medley.model_versions as m
  order by m.created_at desc, m.version
$$;

comment on function medley.get_model_versions() is 'The registry, newest first; see public.get_model_versions.';
revoke all on function medley.get_model_versions() from public, anon, authenticated, service_role;
grant execute on function medley.get_model_versions() to service_role;

-- sql/core/training/towers.sql
-- Serving two towers without leaving SQL. A version's places of items are rows of content_embeddings, those of members
-- rows of user_taste_vectors, both of type two_tower. While a version is active, triggers place what is new in the same
-- transaction; after an activation the job refresh_tower_vectors places the rest, newest first. A ranker takes what
-- has no place yet for unknown. Places of several versions of items lie side by side, so going back finds them there.

-- No SET: it inlines.
create or replace function medley.tower_rows(p_model_version_id uuid, p_tower text)
returns table (row_no smallint, weights extensions.vector, bias real)
language sql stable parallel safe security invoker
begin atomic
  select w.row_no, w.weights, w.bias
  from medley.model_weights as w
  where w.model_version_id = p_model_version_id and w.tower = p_tower;
end;

comment on function medley.tower_rows(uuid, text) is 'The rows of a tower.';
revoke all on function medley.tower_rows(uuid, text) from public, anon, authenticated, service_role;

create or replace function medley.place_items(p_model medley.model_versions, p_item_nos int[], p_anew boolean)
returns bigint
language plpgsql volatile parallel unsafe security definer set search_path = '' set plan_cache_mode = force_custom_plan
as $$
declare
  v_placed bigint;
begin
  with tower as materialized (
    select w.row_no, w.weights, w.bias from medley.tower_rows(p_model.model_version_id, 'item') as w
  ),

  known as materialized (
    select i.item_no
    from medley.items as i
    inner join unnest(p_item_nos) as u (item_no) on i.item_no = u.item_no
    order by i.item_no
    for key share of i
  ),

  placed as (
    select
      k.item_no,
      e.created_at,
      -- <#> is minus the inner product.
      (
        select array_agg(w.bias - (w.weights operator(extensions.<#>) e.embedding_384) order by w.row_no)
        from tower as w
      )::real[]::extensions.vector(256) as place
    from known as k
    inner join medley.content_embeddings as e
      on k.item_no = e.item_no and e.embedding_type = 'text' and e.model_version = p_model.text_model
    where p_anew or not exists (
      select from medley.content_embeddings as o
      where o.item_no = k.item_no and o.embedding_type = 'two_tower' and o.model_version = p_model.version
        and o.created_at >= e.created_at
    )
    -- Computed once a row.
    offset 0
  )

  -- Dated as the text is: one that was written while this ran has its place already, and keeps it.
  insert into medley.content_embeddings as e (
    item_no, embedding_type, model_version, dims, embedding_256, created_at
  )
  select p.item_no, 'two_tower', p_model.version, 256, extensions.l2_normalize(p.place), p.created_at
  from placed as p
  where extensions.vector_norm(p.place) > 1e-6
  order by p.item_no
  on conflict (item_no, embedding_type, model_version) do update
  set embedding_256 = excluded.embedding_256, created_at = excluded.created_at
  where e.created_at <= excluded.created_at;
  get diagnostics v_placed = row_count;
  return v_placed;
end;
$$;

comment on function medley.place_items(medley.model_versions, int[], boolean) is
  'Places those of the items that have an embedding of type text by that version: all with p_anew, else those whose text is '
  'newer than their place. Returns how many.';
revoke all on function medley.place_items(medley.model_versions, int[], boolean)
from public, anon, authenticated, service_role;

create or replace function medley.place_members(p_model medley.model_versions, p_user_nos int[])
returns bigint
language plpgsql volatile parallel unsafe security definer set search_path = '' set plan_cache_mode = force_custom_plan
as $$
declare
  v_placed bigint;
begin
  with tower as materialized (
    select w.row_no, w.weights, w.bias from medley.tower_rows(p_model.model_version_id, 'user') as w
  ),

  -- Not lock_members: whoever holds that lock may be waiting for the activation that is calling.
  known as materialized (
    select m.user_no
    from medley.members as m
    inner join unnest(p_user_nos) as u (user_no) on m.user_no = u.user_no
    order by m.user_no
    for key share of m
  ),

  placed as (
    select
      t.user_no,
      t.computed_at,
      (
        select array_agg(w.bias - (w.weights operator(extensions.<#>) t.embedding_384) order by w.row_no)
        from tower as w
      )::real[]::extensions.vector(256) as place
    from known as k
    inner join medley.user_taste_vectors as t
      on k.user_no = t.user_no and t.embedding_type = 'text' and t.model_version = p_model.text_model
    offset 0
  )

  insert into medley.user_taste_vectors as v (user_no, embedding_type, model_version, embedding_256, computed_at)
  select p.user_no, 'two_tower', p_model.version, extensions.l2_normalize(p.place), p.computed_at
  from placed as p
  where extensions.vector_norm(p.place) > 1e-6
  order by p.user_no
  on conflict (user_no, embedding_type) do update
  set
    model_version = excluded.model_version,
    embedding_256 = excluded.embedding_256,
    computed_at = excluded.computed_at
  where v.model_version <> excluded.model_version or v.computed_at <= excluded.computed_at;
  get diagnostics v_placed = row_count;
  return v_placed;
end;
$$;

comment on function medley.place_members(medley.model_versions, int[]) is
  'Places those of the members who have a taste vector of type text. Returns how many.';
revoke all on function medley.place_members(medley.model_versions, int[])
from public, anon, authenticated, service_role;

create or replace function medley.tower_model_in_use()
returns medley.model_versions
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_model medley.model_versions;
begin
  -- Held until the writer commits: an activation waits for it, and so finds all that writers did not place for it.
  perform pg_advisory_xact_lock_shared(hashtextextended('medley.tower_model', 0));
  select m.* into v_model
  from medley.model_versions as m
  where m.model_version_id = medley.active_tower_model();
  return v_model;
end;
$$;

comment on function medley.tower_model_in_use() is
  'The active version of two towers, which stays so until the transaction ends; all null: there is none.';
revoke all on function medley.tower_model_in_use() from public, anon, authenticated, service_role;

create or replace function medley.place_new_items()
returns trigger
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_model medley.model_versions;
begin
  if exists (select from new_rows as n where n.embedding_type = 'text') then
    v_model := medley.tower_model_in_use();
    if v_model.version is not null then
      perform medley.place_items(
        v_model, array(select n.item_no from new_rows as n where n.embedding_type = 'text' order by n.item_no), true
      );
    end if;
  end if;
  return null;
end;
$$;

comment on function medley.place_new_items() is
  'Statement trigger with transition table new_rows: items whose text was embedded have a place by the active version.';
revoke all on function medley.place_new_items() from public, anon, authenticated, service_role;

create trigger content_embeddings_place_inserted
after insert on medley.content_embeddings
referencing new table as new_rows
for each statement execute function medley.place_new_items();

create trigger content_embeddings_place_updated
after update on medley.content_embeddings
referencing new table as new_rows
for each statement execute function medley.place_new_items();

create or replace function medley.place_new_members()
returns trigger
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_model medley.model_versions;
begin
  if exists (select from new_rows as n where n.embedding_type = 'text') then
    v_model := medley.tower_model_in_use();
    if v_model.version is not null then
      perform medley.place_members(
        v_model, array(select n.user_no from new_rows as n where n.embedding_type = 'text' order by n.user_no)
      );
    end if;
  end if;
  return null;
end;
$$;

comment on function medley.place_new_members() is
  'Statement trigger with transition table new_rows: a member whose taste moved moves in the active version''s space.';
revoke all on function medley.place_new_members() from public, anon, authenticated, service_role;

create trigger user_taste_vectors_place_inserted
after insert on medley.user_taste_vectors
referencing new table as new_rows
for each statement execute function medley.place_new_members();

create trigger user_taste_vectors_place_updated
after update on medley.user_taste_vectors
referencing new table as new_rows
for each statement execute function medley.place_new_members();

create or replace function medley.unplace_members()
returns trigger
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
begin
  if exists (select from old_rows as o where o.embedding_type = 'text') then
    delete from medley.user_taste_vectors as v
    using old_rows as o
    where v.user_no = o.user_no and o.embedding_type = 'text' and v.embedding_type = 'two_tower';
  end if;
  return null;
end;
$$;

comment on function medley.unplace_members() is
  'Statement trigger with transition table old_rows: a member without a taste vector of type text has no place either.';
revoke all on function medley.unplace_members() from public, anon, authenticated, service_role;

create trigger user_taste_vectors_unplace
after delete on medley.user_taste_vectors
referencing old table as old_rows
for each statement execute function medley.unplace_members();

create or replace function medley.place_next_items(p_model medley.model_versions, p_limit int)
returns bigint
language plpgsql volatile parallel unsafe security definer set search_path = '' set plan_cache_mode = force_custom_plan
as $$
declare
  v_item_nos int[] := array(
    select e.item_no
    from medley.content_embeddings as e
    where e.embedding_type = 'text' and e.model_version = p_model.text_model and e.item_no < p_model.items_below
    order by e.item_no desc
    limit p_limit
  );
begin
  perform medley.place_items(p_model, v_item_nos, false);
  update medley.model_versions as m
  set items_below = case when cardinality(v_item_nos) = p_limit then v_item_nos[p_limit] end
  where m.model_version_id = p_model.model_version_id and m.items_below is not null;
  return cardinality(v_item_nos);
end;
$$;

comment on function medley.place_next_items(medley.model_versions, int) is
  'Places the next p_limit items, from the newest on; see model_versions.items_below. Returns how many it looked at.';
revoke all on function medley.place_next_items(medley.model_versions, int)
from public, anon, authenticated, service_role;

create or replace function medley.place_next_members(p_model medley.model_versions, p_limit int)
returns bigint
language plpgsql volatile parallel unsafe security definer set search_path = '' set plan_cache_mode = force_custom_plan
as $$
declare
  v_user_nos int[] := array(
    select t.user_no
    from medley.user_taste_vectors as t
    where t.embedding_type = 'text' and t.model_version = p_model.text_model and t.user_no < p_model.members_below
    order by t.user_no desc
    limit p_limit
  );
begin
  perform medley.place_members(p_model, v_user_nos);
  update medley.model_versions as m
  set members_below = case when cardinality(v_user_nos) = p_limit then v_user_nos[p_limit] end
  where m.model_version_id = p_model.model_version_id and m.members_below is not null;
  return cardinality(v_user_nos);
end;
$$;

comment on function medley.place_next_members(medley.model_versions, int) is
  'Places the next p_limit members, from the newest on; see model_versions.members_below. Returns how many.';
revoke all on function medley.place_next_members(medley.model_versions, int)
from public, anon, authenticated, service_role;

create or replace function medley.refresh_tower_vectors(p_limit int)
returns bigint
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_model medley.model_versions := medley.tower_model_in_use();
begin
  if v_model.version is null then
    return 0;
  end if;
  return medley.place_next_items(v_model, p_limit) + medley.place_next_members(v_model, p_limit);
end;
$$;

comment on function medley.refresh_tower_vectors(int) is
  'Job: after an activation, places the next p_limit items and p_limit members by the active version. '
  'Returns how many it looked at.';
revoke all on function medley.refresh_tower_vectors(int) from public, anon, authenticated, service_role;

create or replace function medley.check_towers(p_model medley.model_versions)
returns void
language plpgsql stable parallel safe security definer set search_path = ''
as $$
declare
  v_rows jsonb;
  v_text medley.embedding_types;
begin
  select jsonb_build_object('item', count(*) filter (where w.tower = 'item'), 'user', count(*) filter (where w.tower = 'user'))
  into v_rows
  from medley.model_weights as w
  where w.model_version_id = p_model.model_version_id;
  if v_rows <> '{"item": 256, "user": 256}' then
    perform medley.fail('conflict', format('version %s has not all weights: %s', p_model.version, v_rows), 'p_version',
      'Write 256 rows of each tower with set_model_weights.');
  end if;
  if not exists (select from medley.model_heads as h where h.model_version_id = p_model.model_version_id) then
    perform medley.fail('conflict', format('version %s has no heads', p_model.version), 'p_version',
      'Write them with set_model_heads.');
  end if;

  select t.* into v_text
  from medley.embedding_types as t
  where t.embedding_type = 'text';
  if v_text.model_version is distinct from p_model.text_model or v_text.dims is distinct from 384::smallint then
    perform medley.fail('conflict',
      format('version %s places text embeddings of %s, in use are those of %s', p_model.version, p_model.text_model,
        coalesce(format('%s (%s numbers)', v_text.model_version, v_text.dims), 'no model')),
      'p_version', 'Embed with that model and activate_embedding_model(''text'', ...), or train again.');
  end if;
end;
$$;

comment on function medley.check_towers(medley.model_versions) is
  'Refuses to serve a version of two towers that lacks weights or heads, or was trained on other text embeddings. '
  'Errors: conflict.';
revoke all on function medley.check_towers(medley.model_versions) from public, anon, authenticated, service_role;

create or replace function medley.prepare_model(p_version text, p_limit int)
returns bigint
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_model medley.model_versions := medley.model_version_of(p_version);
begin
  perform medley.check_limit(p_limit, 10000);
  -- Of one that is active the job places the rest.
  if v_model.model_type <> 'two_tower' or v_model.is_active then
    return 0;
  end if;
  perform medley.check_towers(v_model);
  return medley.place_next_items(v_model, p_limit);
end;
$$;

comment on function medley.prepare_model(text, int) is
  'Places items before the version is active; see public.prepare_model. Errors: not_found, conflict, invalid_argument.';
revoke all on function medley.prepare_model(text, int) from public, anon, authenticated, service_role;
grant execute on function medley.prepare_model(text, int) to service_role;

create or replace function medley.activate_model(p_version text, p_as_of timestamptz)
returns table (items bigint, members bigint, is_complete boolean)
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_model medley.model_versions;
  v_rows int := medley.setting('training.activation_rows');
begin
  -- One activation at a time, and none while vectors are being written: see tower_model_in_use.
  perform pg_advisory_xact_lock(hashtextextended('medley.tower_model', 0));
  v_model := medley.model_version_of(p_version);

  if v_model.model_type = 'two_tower' then
    perform medley.check_towers(v_model);
  elsif v_model.model_weights_url is null then
    perform medley.fail('conflict', format('version %s has no weights', p_version), 'p_version',
      'Only two_tower is served from rows: name a model_weights_url when the version is made.');
  end if;

  if not v_model.is_active then
    update medley.model_versions as m
    set is_active = false
    where m.model_type = v_model.model_type and m.is_active;
    update medley.model_versions as m
    set is_active = true, activated_at = p_as_of, items_below = 2147483647, members_below = 2147483647
    where m.model_version_id = v_model.model_version_id
    returning m.* into v_model;
  end if;
  if v_model.model_type <> 'two_tower' then
    return query select 0::bigint, 0::bigint, true;
    return;
  end if;

  update medley.embedding_types as t
  set model_version = v_model.version
  where t.embedding_type = 'two_tower';
  items := medley.place_next_items(v_model, v_rows);
  members := medley.place_next_members(v_model, v_rows);
  select m.items_below is null and m.members_below is null into strict is_complete
  from medley.model_versions as m
  where m.model_version_id = v_model.model_version_id;
  return next;
end;
$$;

comment on function medley.activate_model(text, timestamptz) is
  'Puts a version in use; see public.activate_model. Errors: not_found, conflict.';
revoke all on function medley.activate_model(text, timestamptz) from public, anon, authenticated, service_role;
grant execute on function medley.activate_model(text, timestamptz) to service_role;

create or replace function medley.deactivate_model(p_model_type text)
returns text
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_version text;
begin
  perform pg_advisory_xact_lock(hashtextextended('medley.tower_model', 0));
  update medley.model_versions as m
  set is_active = false
  where m.model_type = p_model_type and m.is_active
  returning m.version into v_version;
  if not found then
    perform medley.fail('not_found', format('no model of type %s is active', coalesce(left(p_model_type, 60), '(null)')),
      'p_model_type', 'See get_model_versions().');
  end if;
  return v_version;
end;
$$;

comment on function medley.deactivate_model(text) is
  'Takes the active version of a type out of use; see public.deactivate_model. Errors: not_found.';
revoke all on function medley.deactivate_model(text) from public, anon, authenticated, service_role;
grant execute on function medley.deactivate_model(text) to service_role;

create or replace function medley.delete_model_version(p_version text)
returns void
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_model medley.model_versions := medley.model_version_of(p_version);
begin
  if v_model.is_active then
    perform medley.fail('conflict', format('version %s is active', p_version), 'p_version',
      'Activate another one, or deactivate_model(), first.');
  end if;
  delete from medley.model_versions as m
  where m.model_version_id = v_model.model_version_id;
end;
$$;

comment on function medley.delete_model_version(text) is
  'Deletes a version that is not active; see public.delete_model_version. Errors: not_found, conflict.';
revoke all on function medley.delete_model_version(text) from public, anon, authenticated, service_role;
grant execute on function medley.delete_model_version(text) to service_role;

create or replace function medley.prune_tower_vectors(p_limit int)
returns bigint
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_rows bigint;
begin
  with kept as materialized (
    select m.version
    from (
      select
        v.*,
        row_number() over (order by v.is_active desc, v.activated_at desc nulls last) as place
      from medley.model_versions as v
      where v.model_type = 'two_tower'
    ) as m
    -- One that was never in use may be in preparation.
    where m.activated_at is null or m.is_active
      or m.place <= (select medley.setting('training.keep_models'))
        + (select count(*) from medley.model_versions as a where a.model_type = 'two_tower' and a.is_active)
  )

  delete from medley.content_embeddings as e
  where e.embedding_type = 'two_tower' and (e.item_no, e.model_version) in (
    select o.item_no, o.model_version
    from medley.content_embeddings as o
    where o.embedding_type = 'two_tower'
      and o.model_version not in (select k.version from kept as k)
    limit p_limit
  );
  get diagnostics v_rows = row_count;
  return v_rows;
end;
$$;

comment on function medley.prune_tower_vectors(int) is
  'Job: deletes up to p_limit places of items by versions that are neither active, nor among the training.keep_models that '
  'last were, nor still to come. Returns how many.';
revoke all on function medley.prune_tower_vectors(int) from public, anon, authenticated, service_role;

-- sql/core/training/pairs.sql
-- Pairs from the log, in three steps: which member and item, when, and what came of it (collect_training_candidates);
-- how many events the item had had by then (count_training_candidates); what the member had done by then
-- (member_snapshot). The last two see events strictly before the moment, and no others: nothing of the future reaches a
-- snapshot.
create or replace function medley.collect_training_candidates(
  p_user_no int,
  p_since timestamptz,
  p_as_of timestamptz,
  p_negative_ratio numeric,
  p_kind text,
  p_algorithm_version text
)
returns bigint
language plpgsql volatile parallel unsafe security definer set search_path = '' set plan_cache_mode = force_custom_plan
set work_mem = '256MB'
as $$
declare
  v_outcome interval := make_interval(hours => medley.setting('training.outcome_hours')::int);
  v_rows bigint;
begin
  with event as (
    select
      e.user_no,
      e.item_no,
      e.occurred_at,
      e.dwell_ms,
      e.position,
      k.kind,
      k.weight,
      k.engagement,
      p.polarity,
      coalesce(e.context ->> 'request_id', e.session_id::text) as list,
      min(e.occurred_at) filter (where p.polarity > 0) over (partition by e.user_no, e.item_no) as engaged_at
    from medley.engagements as e
    inner join medley.engagement_kinds as k on e.kind_no = k.kind_no
    cross join lateral (select medley.engagement_polarity(k.polarity, k.value_rule, e.value) as polarity) as p
    where e.occurred_at >= p_since
      and e.occurred_at <= p_as_of
      and (p_user_no is null or e.user_no = p_user_no)
      -- Taking back a like or a follow shows nothing and engages with nothing.
      and (p.polarity <> 0 or k.weight >= 0)
  ),

  -- The moment before the member decided: the first sight of the item, within what an outcome may take.
  episode as (
    select
      e.*,
      min(e.occurred_at) over (partition by e.user_no, e.item_no) as at
    from event as e
    where e.engaged_at is null
      or e.occurred_at between e.engaged_at - v_outcome and e.engaged_at + v_outcome
  ),

  pair as (
    select
      e.user_no,
      e.item_no,
      e.at,
      -- The last word counts: a click and then a report is a rejection.
      coalesce(
        max(e.occurred_at) filter (where e.polarity > 0)
        > coalesce(max(e.occurred_at) filter (where e.polarity < 0), '-infinity'),
        false
      ) as label,
      max(e.dwell_ms) as dwell_ms,
      array_agg(distinct e.kind collate "C") as engagements,
      (array_agg(e.kind order by e.weight desc, e.kind collate "C") filter (where e.polarity > 0))[1] as strongest,
      (array_agg(e.position order by e.occurred_at, e.position) filter (where e.position is not null))[1] as position,
      (array_agg(e.list order by e.occurred_at, e.position) filter (where e.position is not null))[1] as list,
      case
        when bool_or(e.polarity < 0) then 3
        when bool_or(e.engagement > 0 or e.dwell_ms > 0) then 2
        else 0
      end as confidence
    from episode as e
    where e.occurred_at <= e.at + v_outcome
      -- Whose outcome is still open waits.
      and e.at <= p_as_of - v_outcome
    group by e.user_no, e.item_no, e.at, e.engaged_at
  ),

  ranked as (
    select
      p.*,
      count(*) filter (where p.label) over (partition by p.user_no) as positives,
      row_number() over (
        partition by p.user_no, p.label
        order by
          greatest(
            p.confidence,
            -- Shown above what the member took from the same list: seen, then, and passed over.
            case when p.position < p.deepest then 1 else 0 end
          ) desc,
          p.position,
          p.at desc,
          p.item_no
      ) as place
    from (
      select
        q.*,
        max(q.position) filter (where q.label and q.list is not null) over (partition by q.user_no, q.list) as deepest
      from pair as q
      inner join medley.items as i on q.item_no = i.item_no
      where p_kind is null or i.kind = p_kind
    ) as p
  )

  insert into medley.training_candidates (
    candidate_no, reader, item_no, at, dwell_ms, position, label, engagement, engagements, left_out
  )
  select
    row_number() over (order by r.user_no, r.at, r.item_no),
    r.user_no,
    r.item_no,
    r.at,
    r.dwell_ms,
    r.position,
    r.label,
    case when r.label then r.strongest end,
    r.engagements,
    case
      when exists (
        select from medley.engagements as o
        where o.user_no = r.user_no and o.occurred_at < r.at and o.item_no = r.item_no
      ) then r.item_no
      else 0
    end
  from ranked as r
  inner join medley.members as m on r.user_no = m.user_no
  where (r.label or r.place <= p_negative_ratio * r.positives)
    and not exists (
      select from medley.training_pairs as t
      where t.user_no = r.user_no and t.item_no = r.item_no and t.algorithm_version = p_algorithm_version
        and (t.label or not r.label)
    );
  get diagnostics v_rows = row_count;
  return v_rows;
end;
$$;

comment on function medley.collect_training_candidates(int, timestamptz, timestamptz, numeric, text, text) is
  'Writes training_candidates from the events between p_since and p_as_of, of one member or, with null, of all. A pair is '
  'positive where the member engaged, and the last word was no rejection; its moment is the first sight of the item in the '
  'training.outcome_hours before. A pair without engagement is negative; its moment is the first sight. Of negatives the most certain are kept, '
  'p_negative_ratio times the member''s positives: rejected, then looked at, then shown above an item of the same list '
  '(context.request_id, else the session) that the member took, then by position. Pairs whose outcome is still open, and '
  'those that the set p_algorithm_version has, are left out. Returns how many.';
revoke all on function medley.collect_training_candidates(int, timestamptz, timestamptz, numeric, text, text)
from public, anon, authenticated, service_role;

create or replace function medley.count_training_candidates()
returns bigint
language plpgsql volatile parallel unsafe security definer set search_path = '' set plan_cache_mode = force_custom_plan
set work_mem = '256MB'
as $$
declare
  v_rows bigint;
begin
  with event as materialized (
    select
      e.item_no,
      e.kind_no,
      e.occurred_at
    from medley.engagements as e
    where e.item_no in (select c.item_no from medley.training_candidates as c)
      and e.occurred_at < (select max(c.at) from medley.training_candidates as c)
  ),

  -- Events and moments in one order, a moment before the events of its own time: what lies above it is what was.
  line as (
    select
      e.item_no,
      e.kind_no,
      e.occurred_at as at,
      1 as events,
      null::int as candidate_no
    from event as e
    union all
    select
      c.item_no,
      k.kind_no,
      c.at,
      0,
      c.candidate_no
    from medley.training_candidates as c
    inner join (select distinct e.item_no, e.kind_no from event as e) as k on c.item_no = k.item_no
  ),

  counted as (
    select b.candidate_no, jsonb_object_agg(k.kind, b.events) as counts
    from (
      select
        l.candidate_no,
        l.kind_no,
        sum(l.events) over (
          partition by l.item_no, l.kind_no
          order by l.at, l.events
          rows unbounded preceding
        ) as events
      from line as l
    ) as b
    inner join medley.engagement_kinds as k on b.kind_no = k.kind_no
    where b.candidate_no is not null and b.events > 0
    group by b.candidate_no
  )

  update medley.training_candidates as c
  set counts = n.counts
  from counted as n
  where c.candidate_no = n.candidate_no;
  get diagnostics v_rows = row_count;
  return v_rows;
end;
$$;

comment on function medley.count_training_candidates() is
  'Fills in training_candidates.counts: how many events of each kind all members had had with the item strictly before its '
  'moment, as far as the log reaches back. Returns for how many there were any.';
revoke all on function medley.count_training_candidates() from public, anon, authenticated, service_role;

create or replace function medley.member_snapshot(
  p_user_no int,
  p_before timestamptz,
  p_left_out int,
  out history jsonb,
  out embedding extensions.vector
)
language plpgsql stable parallel safe security definer
set search_path = '' set plan_cache_mode = force_generic_plan
as $$
begin
  with setting as materialized (
    select
      max(s.value) filter (where s.key = 'training.history_events') as events,
      max(s.value) filter (where s.key = 'training.recent_items') as recent,
      max(s.value) filter (where s.key = 'taste.history') as items,
      max(s.value) filter (where s.key = 'taste.rejected_share')::real as rejected_share
    from medley.settings as s
    where s.key in ('training.history_events', 'training.recent_items', 'taste.history', 'taste.rejected_share')
  ),

  event as (
    select
      e.item_no,
      e.occurred_at,
      k.half_life_days,
      medley.engagement_weight(k.weight, k.value_rule, e.value)::real as weight,
      medley.engagement_polarity(k.polarity, k.value_rule, e.value) as polarity,
      k.kind = 'like' as is_like
    from medley.engagements as e
    inner join medley.engagement_kinds as k on e.kind_no = k.kind_no
    where e.user_no = p_user_no
      and e.occurred_at < p_before
      and e.item_no <> p_left_out
      and k.weight <> 0
    order by e.occurred_at desc, e.item_no desc, e.kind_no desc
    limit (select s.events from setting as s)
  ),

  item as materialized (
    select
      e.item_no,
      sum(medley.affinity_at(e.weight, e.occurred_at, e.half_life_days, p_before)) as affinity,
      coalesce(
        max(e.occurred_at) filter (where e.polarity < 0)
        >= coalesce(max(e.occurred_at) filter (where e.polarity > 0), '-infinity'),
        false
      ) as rejected,
      max(e.occurred_at) filter (where e.polarity > 0) as positive_at,
      max(e.occurred_at) filter (where e.is_like) as liked_at
    from event as e
    group by e.item_no
  ),

  -- As taste_vectors_at has it, in a fixed order: the same numbers to the last bit each time.
  taste as (
    select
      extensions.avg(v.embedding_384 order by t.item_no) filter (where not t.rejected) as liked,
      extensions.avg(v.embedding_384 order by t.item_no) filter (where t.rejected) as rejected
    from (
      select i.item_no, i.affinity, i.rejected
      from item as i
      where i.affinity <> 0
      order by abs(i.affinity) desc, i.item_no
      limit (select s.items from setting as s)
    ) as t
    inner join medley.embedding_types as m on m.embedding_type = 'text'
    inner join medley.content_embeddings as v
      on t.item_no = v.item_no and v.embedding_type = 'text' and m.model_version = v.model_version
    where t.rejected or t.affinity > 0
  )

  select
    jsonb_build_object(
      'recent_items', array(
        select n.id
        from item as i
        inner join medley.items as n on i.item_no = n.item_no
        where i.positive_at is not null
        order by i.positive_at desc, i.item_no
        limit (select s.recent from setting as s)
      ),
      'recent_likes', array(
        select n.id
        from item as i
        inner join medley.items as n on i.item_no = n.item_no
        where i.liked_at is not null
        order by i.liked_at desc, i.item_no
        limit (select s.recent from setting as s)
      )
    ),
    case when extensions.vector_norm(f.felt) > 1e-6 then extensions.l2_normalize(f.felt) end
  into history, embedding
  from taste as t
  cross join lateral (
    select medley.turned_from(t.liked, t.rejected, (select s.rejected_share from setting as s)) as felt
    offset 0
  ) as f;
end;
$$;

comment on function medley.member_snapshot(int, timestamptz, int) is
  'What a member had done strictly before p_before, from the newest training.history_events events that are worth anything, '
  'without the item p_left_out (0: none): history is {"recent_items", "recent_likes"}, newest first; embedding is the taste '
  'vector of type text as taste_vectors_at makes it, null where there is none.';
revoke all on function medley.member_snapshot(int, timestamptz, int) from public, anon, authenticated, service_role;

create or replace function medley.write_training_pairs(p_algorithm_version text, p_as_of timestamptz)
returns table (positives bigint, negatives bigint)
language plpgsql volatile parallel unsafe security definer
-- Times in snapshots read the same whoever generates them.
set search_path = '' set plan_cache_mode = force_custom_plan set work_mem = '256MB' set timezone = 'UTC'
as $$
begin
  return query
  with moment as materialized (
    select c.reader, c.at, c.left_out, array_agg(c.candidate_no) as candidate_nos
    from medley.training_candidates as c
    group by c.reader, c.at, c.left_out
    -- A member's moments one after another: they read the same pages.
    order by c.reader, c.at
  ),

  written as (
    insert into medley.training_pairs as t (
      interaction_at, created_at, user_no, item_no, dwell_ms, position, label, algorithm_version, engagement, engagements,
      user_history_snapshot, user_embedding_snapshot, item_title_snapshot, item_embedding_snapshot,
      item_metadata_snapshot
    )
    select
      c.at,
      p_as_of,
      c.reader,
      c.item_no,
      c.dwell_ms,
      c.position,
      c.label,
      p_algorithm_version,
      c.engagement,
      c.engagements,
      s.history,
      s.embedding,
      i.title,
      v.embedding_384,
      jsonb_build_object(
        'counts', c.counts,
        'published_at', i.published_at,
        'age_hours', round(extract(epoch from greatest(c.at - i.published_at, interval '0')) / 3600, 2)
      )
    from moment as m
    cross join lateral medley.member_snapshot(m.reader, m.at, m.left_out) as s
    cross join unnest(m.candidate_nos) as n (candidate_no)
    inner join medley.training_candidates as c on n.candidate_no = c.candidate_no
    inner join medley.items as i on c.item_no = i.item_no
    left join medley.embedding_types as e on e.embedding_type = 'text'
    left join medley.content_embeddings as v
      on c.item_no = v.item_no and e.embedding_type = v.embedding_type and e.model_version = v.model_version
    -- A negative that the member has engaged with since.
    on conflict (user_no, item_no, algorithm_version) do update
    set
      interaction_at = excluded.interaction_at,
      created_at = excluded.created_at,
      dwell_ms = excluded.dwell_ms,
      position = excluded.position,
      label = excluded.label,
      engagement = excluded.engagement,
      engagements = excluded.engagements,
      user_history_snapshot = excluded.user_history_snapshot,
      user_embedding_snapshot = excluded.user_embedding_snapshot,
      item_title_snapshot = excluded.item_title_snapshot,
      item_embedding_snapshot = excluded.item_embedding_snapshot,
      item_metadata_snapshot = excluded.item_metadata_snapshot
    where not t.label and excluded.label
    returning t.label
  )

  select count(*) filter (where w.label), count(*) filter (where not w.label)
  from written as w;
end;
$$;

comment on function medley.write_training_pairs(text, timestamptz) is
  'Writes the training_candidates as pairs of the set p_algorithm_version. Returns how many.';
revoke all on function medley.write_training_pairs(text, timestamptz) from public, anon, authenticated, service_role;

create or replace function medley.generate_training_pairs(
  p_lookback_days int,
  p_negative_ratio numeric,
  p_kind text,
  p_algorithm_version text,
  p_user_id uuid,
  p_as_of timestamptz
)
returns table (positives bigint, negatives bigint)
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_version text := coalesce(
    p_algorithm_version,
    (select m.version from medley.model_versions as m where m.model_version_id = medley.active_tower_model()),
    'rates'
  );
  v_user_no int := medley.member_no(p_user_id);
begin
  if p_lookback_days is null or p_lookback_days not between 1 and 3650 then
    perform medley.fail('invalid_argument',
      format('p_lookback_days must be between 1 and 3650, got %s', coalesce(p_lookback_days::text, 'null')),
      'p_lookback_days', 'Look back 1 to 3,650 days; the log holds signals.keep_days.');
  end if;
  -- NaN is greater than every number.
  if p_negative_ratio is null or p_negative_ratio not between 0.01 and 1000 then
    perform medley.fail('invalid_argument',
      format('p_negative_ratio must be between 0.01 and 1000, got %s', coalesce(p_negative_ratio::text, 'null')),
      'p_negative_ratio', 'Ask for 0.01 to 1,000 negatives for each positive; 5 is usual.');
  end if;
  if p_kind is not null and not exists (select from medley.item_kinds as k where k.kind = p_kind) then
    perform medley.fail('invalid_argument', format('there is no kind of items %s', left(p_kind, 60)), 'p_kind',
      'medley.item_kinds has them; null means all.');
  end if;
  if length(v_version) not between 1 and 100 then
    perform medley.fail('invalid_argument', 'a set of pairs has a name of 1 to 100 characters', 'p_algorithm_version',
      'Name the set, or leave it out.');
  end if;
  if p_user_id is not null and v_user_no is null then
    perform medley.fail('not_found', format('member %s has no events', p_user_id), 'p_user_id',
      'Leave it out for all members.');
  end if;

  -- Whoever waits here finds the candidates of the other gone.
  perform pg_advisory_xact_lock(hashtextextended('medley.training_candidates', 0));
  perform medley.collect_training_candidates(
    v_user_no, p_as_of - make_interval(days => p_lookback_days), p_as_of, p_negative_ratio, p_kind, v_version
  );
  analyze medley.training_candidates;
  perform medley.count_training_candidates();
  return query
  select w.positives, w.negatives
  from medley.write_training_pairs(v_version, p_as_of) as w;
  truncate medley.training_candidates;
end;
$$;

comment on function medley.generate_training_pairs(int, numeric, text, text, uuid, timestamptz) is
  'Writes training pairs from the log as it was at p_as_of; see public.generate_training_pairs. '
  'Errors: invalid_argument, not_found.';
revoke all on function medley.generate_training_pairs(int, numeric, text, text, uuid, timestamptz)
from public, anon, authenticated, service_role;
grant execute on function medley.generate_training_pairs(int, numeric, text, text, uuid, timestamptz) to service_role;

create or replace function medley.export_training_pairs(
  p_limit int,
  p_cursor text,
  p_kind text,
  p_since timestamptz,
  p_algorithm_version text
)
returns table (
  pair_id bigint, user_id uuid, item_id uuid, kind text, label boolean, engagement text, engagements text[],
  dwell_ms int,
  "position" int, -- noqa: RF06
  algorithm_version text, interaction_at timestamptz, user_history jsonb,
  user_embedding text, item_title text, item_embedding text, item_metadata jsonb, next_cursor text
)
language plpgsql stable parallel safe security definer set search_path = '' set plan_cache_mode = force_custom_plan
as $$
declare
  v_query text := 'training_pairs:' || md5(concat_ws('|', p_kind, p_since, p_algorithm_version));
  v_after bigint := (medley.decode_cursor(p_cursor, v_query) ->> 'pair_id')::bigint;
begin
  perform medley.check_limit(p_limit, 1000);

  return query
  select
    t.pair_id,
    m.user_id,
    i.id,
    i.kind,
    t.label,
    t.engagement,
    t.engagements,
    t.dwell_ms,
    t.position::int,
    t.algorithm_version,
    t.interaction_at,
    t.user_history_snapshot,
    t.user_embedding_snapshot::text,
    t.item_title_snapshot,
    t.item_embedding_snapshot::text,
    t.item_metadata_snapshot,
    medley.encode_cursor(v_query, jsonb_build_object('pair_id', t.pair_id))
  from medley.training_pairs as t
  inner join medley.members as m on t.user_no = m.user_no
  inner join medley.items as i on t.item_no = i.item_no
  where t.pair_id > coalesce(v_after, 0)
    and (p_kind is null or i.kind = p_kind)
    and (p_since is null or t.interaction_at >= p_since)
    and (p_algorithm_version is null or t.algorithm_version = p_algorithm_version)
  order by t.pair_id
  limit p_limit;
end;
$$;

comment on function medley.export_training_pairs(int, text, text, timestamptz, text) is
  'Pages through the pairs; see public.export_training_pairs. Errors: invalid_argument, invalid_cursor.';
revoke all on function medley.export_training_pairs(int, text, text, timestamptz, text)
from public, anon, authenticated, service_role;
grant execute on function medley.export_training_pairs(int, text, text, timestamptz, text) to service_role;

-- sql/core/training/retention.sql
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

-- sql/core/training/replay.sql
-- Replay: what other weights would have made of requests that were answered, told from the log.
-- An impression's context says what its ranker expected, and apps send it back as it came:
--   {"request_id": text, "p": {kind of engagement: probability}, "m": multiplier, "mutual": boolean}
-- The rows of a request stay what they were; other weights put them in another order, by
-- m * sum of weight * p, where a term mutual_KIND is added to the weight of KIND between members who follow each other.
-- How far a row's engagements carry over depends on attention alone: at a place where rows are looked at twice as often
-- they happen twice as often (the position-based model). Attention is estimated from the log: engagements as a share of
-- those expected, place by place. That holds where expectations are right on average; a ranker that expects too much of
-- what it puts first makes attention there look smaller than it is.
insert into medley.settings (key, value, description)
values
  (
    'training.replay_max_weight', 10,
    'What an engagement counts at most in a replay, when its row moves to where more is looked at; 1 to 1000.'
  ),
  (
    'training.replay_groups', 20,
    'Groups of members, each left out once, from which a replay''s standard errors come; 2 to 200.'
  );

-- No SET: these two inline.
create or replace function medley.position_bin(p_position bigint)
returns int
language sql immutable parallel safe security invoker
return case
  when p_position < 8 then p_position
  else 8 + floor(4 * ln(p_position / 8.0::float8) / ln(2.0::float8))
end::int;

comment on function medley.position_bin(bigint) is
  'Places (from 0) whose attention is estimated together: each of the first eight alone, then four bins an octave.';
revoke all on function medley.position_bin(bigint) from public, anon, authenticated, service_role;

create or replace function medley.context_number(p_value jsonb, p_least numeric, p_most numeric)
returns double precision
language sql immutable parallel safe security invoker
return case
  when jsonb_typeof(p_value) = 'number' then least(greatest((p_value #>> '{}')::numeric, p_least), p_most)::float8
end;

comment on function medley.context_number(jsonb, numeric, numeric) is
  'A number that an app sent, drawn into a range; null for anything else. What members send may be anything.';
revoke all on function medley.context_number(jsonb, numeric, numeric) from public, anon, authenticated, service_role;

create or replace function medley.replay_terms(p_ranker text, p_weights jsonb)
returns table (kind text, kind_no smallint, stored double precision, weight double precision, mutual double precision)
language plpgsql stable parallel safe security definer set search_path = ''
as $$
declare
  v_bad text;
begin
  if not exists (select from medley.ranker_weights as w where w.ranker = p_ranker) then
    perform medley.fail('invalid_argument', format('there is no ranker %s', coalesce(left(p_ranker, 100), 'null')), 'p_ranker',
      'medley.ranker_weights has them: home_timeline.');
  end if;
  if p_weights is null or jsonb_typeof(p_weights) <> 'object' then
    perform medley.fail('invalid_argument', 'p_weights must be an object', 'p_weights', 'Pass {"like": 1, "reply": 5, ...}.');
  end if;

  select g.key into v_bad
  from jsonb_each(p_weights) as g (key, value)
  where coalesce(abs(medley.context_number(g.value, -1e6, 1e6)), 1e6) > 10000
    or not exists (select from medley.engagement_kinds as k where g.key in (k.kind, 'mutual_' || k.kind))
  limit 1;
  if found then
    perform medley.fail('invalid_argument', format('%s is no weight that can be replayed', left(v_bad, 100)), 'p_weights',
      'Weights of kinds of engagement, and of mutual_KIND, are numbers of at most 10,000; other factors are part of what '
      'the log has as the multiplier.');
  end if;

  return query
  select
    k.kind,
    k.kind_no,
    coalesce(w.weight, 0)::float8,
    coalesce((p_weights ->> k.kind)::float8, w.weight, 0)::float8,
    coalesce((p_weights ->> ('mutual_' || k.kind))::float8, m.weight, 0)::float8
  from medley.engagement_kinds as k
  left join medley.ranker_weights as w on w.ranker = p_ranker and w.term = k.kind
  left join medley.ranker_weights as m on m.ranker = p_ranker and m.term = 'mutual_' || k.kind;
end;
$$;

comment on function medley.replay_terms(text, jsonb) is
  'Each kind of engagement with its stored weight in the ranker, and with that of p_weights where it names one; mutual is '
  'what is added between members who follow each other. Errors: invalid_argument.';
revoke all on function medley.replay_terms(text, jsonb) from public, anon, authenticated, service_role;

create or replace function medley.replay_ranks(
  p_ranker text,
  p_weights jsonb,
  p_since timestamptz,
  p_until timestamptz,
  p_kind text
)
returns table (
  user_no int,
  request_id text,
  item_no int,
  shown_at timestamptz,
  rank bigint,
  replayed_rank bigint,
  place smallint,
  replayed_place smallint,
  expected jsonb
)
language sql stable parallel safe security definer set search_path = '' set work_mem = '128MB'
as $$
  with term as materialized (
    select t.kind, t.weight, t.mutual from medley.replay_terms(p_ranker, p_weights) as t where t.weight <> 0 or t.mutual <> 0
  ),

  shown as (
    select
      e.user_no,
      e.item_no,
      e.occurred_at,
      e.position,
      e.context ->> 'request_id' as request_id,
      e.context -> 'p' as expected,
      e.context -> 'mutual' = 'true' as is_mutual,
      medley.context_number(e.context -> 'm', 1e-6, 1e6) as multiplier
    from medley.engagements as e
    inner join medley.engagement_kinds as k on e.kind_no = k.kind_no and k.kind = 'impression'
    inner join medley.items as i on e.item_no = i.item_no
    where e.occurred_at >= p_since
      and e.occurred_at < p_until
      and e.position is not null
      and jsonb_typeof(e.context -> 'p') = 'object'
      and jsonb_typeof(e.context -> 'm') = 'number'
      and e.context ? 'request_id'
      and (p_kind is null or i.kind = p_kind)
  ),

  scored as (
    select s.*, case when o.points >= 0 then o.points * s.multiplier else o.points / s.multiplier end as score
    from shown as s
    cross join lateral (
      select
        coalesce(sum(
          (t.weight + case when s.is_mutual then t.mutual else 0 end) * medley.context_number(p.value, 0, 1)
        ), 0) as points
      from jsonb_each(s.expected) as p (kind, value)
      inner join term as t on p.kind = t.kind
    ) as o
  ),

  ranked as materialized (
    select
      s.*,
      row_number() over (request order by s.position, s.item_no) as rank,
      row_number() over (request order by s.score desc, s.position, s.item_no) as replayed_rank
    from scored as s
    window request as (partition by s.user_no, s.request_id)
  )

  -- An app may tell of a part of the rows: the places that they had are those that there are.
  select r.user_no, r.request_id, r.item_no, r.occurred_at, r.rank, r.replayed_rank, r.position, o.position, r.expected
  from ranked as r
  inner join ranked as o
    on r.user_no = o.user_no and r.request_id = o.request_id and r.replayed_rank = o.rank
$$;

comment on function medley.replay_ranks(text, jsonb, timestamptz, timestamptz, text) is
  'Each row that was shown from p_since until before p_until (of items of p_kind, null: all) with what its ranker expected '
  'of it, its rank in its request and its place as the app told it, and those that the weights give it; equal scores keep '
  'their order. '
  'Bad points are divided by the multiplier, as rankers do. Errors: invalid_argument.';
revoke all on function medley.replay_ranks(text, jsonb, timestamptz, timestamptz, text)
from public, anon, authenticated, service_role;

create or replace function medley.replay_rank_changes(
  p_ranker text,
  p_weights jsonb,
  p_since timestamptz,
  p_until timestamptz,
  p_kind text
)
returns table (user_no int, request_id text, shown bigint, kendall_tau double precision, overlap_10 double precision)
language sql stable parallel safe security definer set search_path = '' set work_mem = '128MB'
as $$
  with ranked as materialized (
    select r.user_no, r.request_id, r.rank, r.replayed_rank
    from medley.replay_ranks(p_ranker, p_weights, p_since, p_until, p_kind) as r
  ),

  request as (
    select
      r.user_no,
      r.request_id,
      count(*) as shown,
      count(*) filter (where r.rank <= 10 and r.replayed_rank <= 10) as kept
    from ranked as r
    group by r.user_no, r.request_id
  ),

  swapped as (
    select a.user_no, a.request_id, count(*) as pairs
    from ranked as a
    inner join ranked as b
      on a.user_no = b.user_no and a.request_id = b.request_id and a.rank < b.rank and a.replayed_rank > b.replayed_rank
    group by a.user_no, a.request_id
  )

  select
    q.user_no,
    q.request_id,
    q.shown,
    1 - 4 * coalesce(s.pairs, 0) / nullif(q.shown * (q.shown - 1), 0)::float8,
    q.kept / least(q.shown, 10)::float8
  from request as q
  left join swapped as s on q.user_no = s.user_no and q.request_id = s.request_id
$$;

comment on function medley.replay_rank_changes(text, jsonb, timestamptz, timestamptz, text) is
  'How the order of each request changes with the weights: Kendall''s tau (1: not at all; -1: reversed; null: one row) and '
  'the share of the first ten that stays among them. Errors: invalid_argument.';
revoke all on function medley.replay_rank_changes(text, jsonb, timestamptz, timestamptz, text)
from public, anon, authenticated, service_role;

create or replace function medley.replay_moves(
  p_ranker text,
  p_weights jsonb,
  p_since timestamptz,
  p_until timestamptz,
  p_kind text
)
returns table (
  member_group int,
  bin int,
  replayed_bin int,
  shown bigint,
  requests bigint,
  engaged bigint,
  expected double precision,
  happened jsonb
)
language sql stable parallel safe security definer set search_path = '' set work_mem = '128MB'
as $$
  with ranked as materialized (
    select
      r.user_no,
      r.item_no,
      r.shown_at,
      mod(r.user_no, (select medley.setting('training.replay_groups'))::int) as member_group,
      medley.position_bin(r.place) as bin,
      medley.position_bin(r.replayed_place) as replayed_bin,
      r.expected,
      (r.rank = 1)::int as begins
    from medley.replay_ranks(p_ranker, p_weights, p_since, p_until, p_kind) as r
  ),

  -- What came of a row: what the member did with the item within the time of an outcome, and before it was shown again.
  outcome as (
    select distinct o.user_no, o.item_no, o.shown_at, o.kind_no
    from (
      select e.user_no, e.item_no, e.kind_no, e.occurred_at, max(r.shown_at) as shown_at
      from ranked as r
      inner join medley.engagements as e on r.user_no = e.user_no and r.item_no = e.item_no
      where e.occurred_at >= p_since
        and e.occurred_at < p_until + make_interval(hours => (select medley.setting('training.outcome_hours'))::int)
        and e.occurred_at >= r.shown_at
        and e.occurred_at < r.shown_at + make_interval(hours => (select medley.setting('training.outcome_hours'))::int)
      group by e.user_no, e.item_no, e.kind_no, e.occurred_at
    ) as o
  ),

  move as (
    select r.member_group, r.bin, r.replayed_bin, count(*) as shown, sum(r.begins) as requests
    from ranked as r
    group by r.member_group, r.bin, r.replayed_bin
  ),

  -- Attention is told by kinds that only happen to what was looked at.
  expectation as (
    select r.member_group, r.bin, r.replayed_bin, sum(medley.context_number(p.value, 0, 1)) as expected
    from ranked as r
    cross join lateral jsonb_each(r.expected) as p (kind, value)
    inner join medley.engagement_kinds as k on p.kind = k.kind and k.engagement > 0
    group by r.member_group, r.bin, r.replayed_bin
  ),

  happening as (
    select
      h.member_group,
      h.bin,
      h.replayed_bin,
      sum(h.events) filter (where h.tells_attention)::bigint as engaged,
      jsonb_object_agg(h.kind, h.events) as happened
    from (
      select
        r.member_group,
        r.bin,
        r.replayed_bin,
        k.kind,
        bool_or(k.engagement > 0) as tells_attention,
        count(*) as events
      from ranked as r
      inner join outcome as o on r.user_no = o.user_no and r.item_no = o.item_no and r.shown_at = o.shown_at
      inner join medley.engagement_kinds as k on o.kind_no = k.kind_no and r.expected ? k.kind
      group by r.member_group, r.bin, r.replayed_bin, k.kind
    ) as h
    group by h.member_group, h.bin, h.replayed_bin
  )

  select
    m.member_group,
    m.bin,
    m.replayed_bin,
    m.shown,
    m.requests,
    coalesce(h.engaged, 0),
    coalesce(x.expected, 0),
    coalesce(h.happened, '{}')
  from move as m
  left join expectation as x using (member_group, bin, replayed_bin)
  left join happening as h using (member_group, bin, replayed_bin)
$$;

comment on function medley.replay_moves(text, jsonb, timestamptz, timestamptz, text) is
  'All that the estimates need, added up: for each group of members, bin of places and bin that the weights move rows to, '
  'how many rows were shown, how many requests begin there, how many engagements that tell of attention there were and were '
  'expected, and what happened, by kind ({kind: rows}). Errors: invalid_argument.';
revoke all on function medley.replay_moves(text, jsonb, timestamptz, timestamptz, text)
from public, anon, authenticated, service_role;

create or replace function medley.replay_weights(
  p_ranker text,
  p_weights jsonb,
  p_since timestamptz,
  p_until timestamptz,
  p_kind text default null
)
returns table (
  measure text,
  logged double precision,
  replayed double precision,
  standard_error double precision,
  change_error double precision,
  requests bigint,
  shown bigint
)
language plpgsql stable parallel safe security definer
set search_path = '' set plan_cache_mode = force_custom_plan set work_mem = '128MB'
as $$
begin
  perform medley.check_kind(p_kind);
  if p_since is null or p_until is null or p_since >= p_until then
    perform medley.fail('invalid_argument', 'p_since must lie before p_until', 'p_since', 'Pass a period of the log.');
  end if;

  return query
  with term as materialized (
    select t.kind, t.stored from medley.replay_terms(p_ranker, p_weights) as t
  ),

  move as materialized (
    select m.* from medley.replay_moves(p_ranker, p_weights, p_since, p_until, p_kind) as m
  ),

  -- All members (0), and all but one group each: what their estimates differ by is the error.
  sample as materialized (
    select 0 as sample_no, null::int as left_out
    union all
    select row_number() over (order by g.member_group)::int, g.member_group
    from (select distinct m.member_group from move as m) as g
  ),

  -- One engagement as expected on the average is added to each bin, so that a place where nothing happened has some.
  attention as materialized (
    select a.sample_no, a.bin, (a.engaged + a.usual) / (a.expected + 1) as attention
    from (
      select
        s.sample_no,
        m.bin,
        sum(m.engaged) as engaged,
        sum(m.expected) as expected,
        sum(sum(m.engaged)) over (partition by s.sample_no)
        / nullif(sum(sum(m.expected)) over (partition by s.sample_no), 0) as usual
      from sample as s
      inner join move as m on s.left_out is distinct from m.member_group
      group by s.sample_no, m.bin
    ) as a
  ),

  moved as materialized (
    select
      s.sample_no,
      m.shown,
      m.requests,
      m.happened,
      f.attention as attention,
      t.attention as replayed_attention,
      least(t.attention / nullif(f.attention, 0), medley.setting('training.replay_max_weight')::float8) as weight
    from sample as s
    inner join move as m on s.left_out is distinct from m.member_group
    inner join attention as f on s.sample_no = f.sample_no and m.bin = f.bin
    inner join attention as t on s.sample_no = t.sample_no and m.replayed_bin = t.bin
  ),

  -- Where weights were cut, less attention is accounted for than there is: estimates are per attention accounted for.
  total as (
    select
      m.sample_no,
      sum(m.requests) as requests,
      sum(m.shown) as shown,
      sum(m.shown * m.replayed_attention) / nullif(sum(m.shown * m.weight * m.attention), 0) as correction
    from moved as m
    group by m.sample_no
  ),

  estimate as (
    select
      m.sample_no,
      h.kind,
      sum(h.events::bigint) / t.requests as logged,
      sum(h.events::bigint * m.weight) * t.correction / t.requests as replayed
    from moved as m
    inner join total as t on m.sample_no = t.sample_no
    cross join lateral jsonb_each_text(m.happened) as h (kind, events)
    group by m.sample_no, h.kind, t.requests, t.correction
  ),

  -- A kind that only the group left out did has an estimate of 0 without it.
  known as (
    select s.sample_no, k.kind, coalesce(e.logged, 0) as logged, coalesce(e.replayed, 0) as replayed
    from sample as s
    cross join (select distinct e.kind from estimate as e) as k
    left join estimate as e on s.sample_no = e.sample_no and k.kind = e.kind
    union all
    select e.sample_no, 'value', sum(e.logged * t.stored), sum(e.replayed * t.stored)
    from estimate as e
    inner join term as t on e.kind = t.kind
    group by e.sample_no
  ),

  measured as (
    select
      1 as part,
      k.kind as measure,
      max(k.logged) filter (where k.sample_no = 0) as logged,
      max(k.replayed) filter (where k.sample_no = 0) as replayed,
      -- Jackknife: (g - 1) / g times the sum of squares about the mean of g estimates.
      sqrt((count(*) - 2) * var_pop(k.replayed) filter (where k.sample_no > 0)) as standard_error,
      sqrt((count(*) - 2) * var_pop(k.replayed - k.logged) filter (where k.sample_no > 0)) as change_error
    from known as k
    group by k.kind
    union all
    select
      0,
      v.measure,
      1,
      avg(v.value),
      stddev_samp(v.value) / sqrt(count(v.value)),
      stddev_samp(v.value) / sqrt(count(v.value))
    from medley.replay_rank_changes(p_ranker, p_weights, p_since, p_until, p_kind) as c
    cross join lateral (values ('kendall_tau', c.kendall_tau), ('overlap_10', c.overlap_10)) as v (measure, value)
    group by v.measure
  )

  select
    d.measure,
    d.logged::float8,
    d.replayed::float8,
    (case when d.part = 0 or g.groups > 1 then d.standard_error end)::float8,
    (case when d.part = 0 or g.groups > 1 then d.change_error end)::float8,
    t.requests::bigint,
    t.shown::bigint
  from measured as d
  inner join total as t on t.sample_no = 0
  cross join (select count(*) - 1 as groups from sample) as g
  order by d.part, d.measure <> 'value', d.logged desc, d.measure;
end;
$$;

comment on function medley.replay_weights(text, jsonb, timestamptz, timestamptz, text) is
  'What the weights p_weights ({"term": weight}, for the others those stored) would have changed in the requests from p_since '
  'until before p_until, for items of p_kind (null: all). One row a measure: kendall_tau and overlap_10 (means over requests of '
  'what replay_rank_changes tells), value (engagements a request, each worth the weight stored for its kind), and each kind '
  '(engagements a request). logged is what happened, replayed the estimate for the new order by inverse propensity of attention, '
  'with its standard error and that of replayed - logged, which is smaller (jackknife over groups of members, attention '
  'estimated anew each time; null for one group). '
  'Source: Joachims, Swaminathan and Schnabel, Unbiased Learning-to-Rank with Biased Feedback, 2017. '
  'Errors: invalid_argument.';
revoke all on function medley.replay_weights(text, jsonb, timestamptz, timestamptz, text)
from public, anon, authenticated, service_role;

-- sql/core/training/api.sql
-- The API of training: for the secret key only. A worker reads pairs, trains, and registers what it made.
create or replace function public.create_model_version(
  p_version text,
  p_model_type text default 'two_tower',
  p_metadata jsonb default '{}'
)
returns uuid
language sql volatile parallel unsafe security invoker set search_path = ''
as $$ select medley.create_model_version(p_version, p_model_type, p_metadata, now()) $$;

comment on function public.create_model_version(text, text, jsonb) is
  'Registers a model that was trained (secret key only); set_model_weights and set_model_heads write what it learnt. '
  'p_version: its name. p_metadata: {"text_model": the model of the text embeddings that it was trained on, by default the '
  'one in use, "training_start_at": time, "training_end_at": time, "num_training_samples": number, "validation_loss": '
  'number, "accuracy": 0 to 1, "metrics": object, "model_weights_url": text}. Returns its id. '
  'Errors: invalid_argument, conflict (the name is taken).';
revoke all on function public.create_model_version(text, text, jsonb) from public, anon, authenticated, service_role;
grant execute on function public.create_model_version(text, text, jsonb) to service_role;

create or replace function public.set_model_weights(p_version text, p_tower text, p_rows jsonb)
returns bigint
language sql volatile parallel unsafe security invoker set search_path = ''
as $$ select medley.set_model_weights(p_version, p_tower, p_rows) $$;

comment on function public.set_model_weights(text, text, jsonb) is
  'Writes rows of a tower of a version that was never active (secret key only). p_tower: item or user. p_rows: '
  '[{"row_no": 0 to 255, "weights": [384 numbers], "bias": number, 0 by default}], in one call or several. '
  'Returns how many rows. Errors: not_found, conflict, invalid_argument, too_large.';
revoke all on function public.set_model_weights(text, text, jsonb) from public, anon, authenticated, service_role;
grant execute on function public.set_model_weights(text, text, jsonb) to service_role;

create or replace function public.set_model_heads(p_version text, p_heads jsonb)
returns bigint
language sql volatile parallel unsafe security invoker set search_path = ''
as $$ select medley.set_model_heads(p_version, p_heads) $$;

comment on function public.set_model_heads(text, jsonb) is
  'Replaces the heads of a version that was never active (secret key only). p_heads: [{"kind": a kind of engagement, '
  '"intercept": number, "similarity": number, "rate": number}]: the probability of the kind is '
  '1 / (1 + exp(-(intercept + similarity * cosine of member and item + rate * log odds of its smoothed rate))). '
  'Returns how many. Errors: not_found, conflict, invalid_argument.';
revoke all on function public.set_model_heads(text, jsonb) from public, anon, authenticated, service_role;
grant execute on function public.set_model_heads(text, jsonb) to service_role;

create or replace function public.set_model_pairs(p_version text, p_pairs jsonb)
returns bigint
language sql volatile parallel unsafe security invoker set search_path = ''
as $$ select medley.set_model_pairs(p_version, p_pairs) $$;

comment on function public.set_model_pairs(text, jsonb) is
  'Notes which pairs a version was trained on (secret key only): [{"pair_id": number, "loss": number or null}], at most '
  '10,000 a call. cleanup_old_training_pairs deletes none but those. Pairs that are gone are left out. '
  'Returns how many. Errors: not_found, invalid_argument, too_large.';
revoke all on function public.set_model_pairs(text, jsonb) from public, anon, authenticated, service_role;
grant execute on function public.set_model_pairs(text, jsonb) to service_role;

create or replace function public.get_model_versions()
returns table (
  version text, model_type text, is_active boolean, text_model text, training_start_at timestamptz,
  training_end_at timestamptz, num_training_samples int, validation_loss real, accuracy real, metrics jsonb,
  model_weights_url text, heads jsonb, activated_at timestamptz, created_at timestamptz
)
language sql stable parallel safe security invoker set search_path = ''
as $$
  select m.*
  from medley.get_model_versions() as m
$$;

comment on function public.get_model_versions() is
  'The models that were trained, newest first (secret key only). heads: {kind: {"intercept", "similarity", "rate"}}. '
  'activated_at: when it last came into use; null for never.';
revoke all on function public.get_model_versions() from public, anon, authenticated, service_role;
grant execute on function public.get_model_versions() to service_role;

create or replace function public.prepare_model(p_version text, p_limit int default 1000)
returns bigint
language sql volatile parallel unsafe security invoker set search_path = '' set statement_timeout = '5min'
as $$ select medley.prepare_model(p_version, p_limit) $$;

comment on function public.prepare_model(text, int) is
  'Places the next p_limit items (1 to 10,000), the newest first, by a version that is not yet active (secret key only), so '
  'that its activation finds them in place. Returns how many it looked at: call it until that is less than p_limit. '
  'Errors: not_found, conflict (no weights or heads, or trained on other text embeddings), invalid_argument.';
revoke all on function public.prepare_model(text, int) from public, anon, authenticated, service_role;
grant execute on function public.prepare_model(text, int) to service_role;

create or replace function public.activate_model(p_version text)
returns table (items bigint, members bigint, is_complete boolean)
language sql volatile parallel unsafe security invoker set search_path = '' set statement_timeout = '5min'
as $$
  select a.items, a.members, a.is_complete
  from medley.activate_model(p_version, now()) as a
$$;

comment on function public.activate_model(text) is
  'Puts a version in use, or an earlier one back (secret key only), in one transaction: the version before it is no longer '
  'active, and the newest items and members have their places by this one. items and members: how many of them it looked '
  'at; is_complete: whether that was all; otherwise the job refresh_tower_vectors places the rest within minutes, and '
  'until then rankers use smoothed rates for those without a place. Of two activations at once the second waits and wins. '
  'Errors: not_found, conflict (no weights or heads, or trained on other text embeddings).';
revoke all on function public.activate_model(text) from public, anon, authenticated, service_role;
grant execute on function public.activate_model(text) to service_role;

create or replace function public.deactivate_model(p_model_type text default 'two_tower')
returns text
language sql volatile parallel unsafe security invoker set search_path = ''
as $$ select medley.deactivate_model(p_model_type) $$;

comment on function public.deactivate_model(text) is
  'Takes the active version of a type out of use (secret key only): rankers go back to smoothed rates. Returns which it '
  'was. Errors: not_found (none is active).';
revoke all on function public.deactivate_model(text) from public, anon, authenticated, service_role;
grant execute on function public.deactivate_model(text) to service_role;

create or replace function public.delete_model_version(p_version text)
returns void
language sql volatile parallel unsafe security invoker set search_path = ''
as $$ select medley.delete_model_version(p_version) $$;

comment on function public.delete_model_version(text) is
  'Deletes a version that is not active, with its weights and heads (secret key only); a job deletes its places. '
  'Errors: not_found, conflict (it is active).';
revoke all on function public.delete_model_version(text) from public, anon, authenticated, service_role;
grant execute on function public.delete_model_version(text) to service_role;

create or replace function public.generate_training_pairs(
  p_lookback_days int default 30,
  p_negative_ratio numeric default 5,
  p_kind text default null,
  p_algorithm_version text default null,
  p_user_id uuid default null
)
returns table (positives bigint, negatives bigint)
language sql volatile parallel unsafe security invoker set search_path = '' set statement_timeout = '30min'
as $$
  select g.positives, g.negatives
  from medley.generate_training_pairs(
    p_lookback_days, p_negative_ratio, p_kind, p_algorithm_version, p_user_id, now()
  ) as g
$$;

comment on function public.generate_training_pairs(int, numeric, text, text, uuid) is
  'Writes training pairs from the last p_lookback_days (1 to 3,650) of the log (secret key only). A pair is a member and an '
  'item with the state of both strictly before the moment the item was shown: positive where the member engaged with it '
  '(a kind of polarity 1), negative where it was shown and the member did not; at most p_negative_ratio (0.01 to 1,000) '
  'negatives for each positive of a member, the most certain first. Moments of the last training.outcome_hours wait: '
  'their outcome is open. p_kind: one kind of items; p_algorithm_version: a name for the set, by default the active '
  'model''s version or rates; p_user_id: one member. Safe to repeat: a set has each member and item once. Returns how many '
  'were written. Errors: invalid_argument, not_found (no such member).';
revoke all on function public.generate_training_pairs(int, numeric, text, text, uuid)
from public, anon, authenticated, service_role;
grant execute on function public.generate_training_pairs(int, numeric, text, text, uuid) to service_role;

create or replace function public.export_training_pairs(
  p_limit int default 200,
  p_cursor text default null,
  p_kind text default null,
  p_since timestamptz default null,
  p_algorithm_version text default null
)
returns table (
  pair_id bigint, user_id uuid, item_id uuid, kind text, label boolean, engagement text, engagements text[],
  dwell_ms int,
  "position" int, -- noqa: RF06
  algorithm_version text, interaction_at timestamptz, user_history jsonb,
  user_embedding text, item_title text, item_embedding text, item_metadata jsonb, next_cursor text
)
language sql stable parallel safe security invoker set search_path = ''
as $$
  select e.*
  from medley.export_training_pairs(p_limit, p_cursor, p_kind, p_since, p_algorithm_version) as e
$$;

comment on function public.export_training_pairs(int, text, text, timestamptz, text) is
  'Pages through training pairs by number (secret key only), p_limit (1 to 1,000) at a time: of items of kind p_kind, with '
  'moments since p_since, of the set p_algorithm_version; null: all. label: whether the member engaged; engagement: the '
  'kind of the strongest; engagements: all kinds that happened. user_history: {"recent_items", "recent_likes"}; '
  'user_embedding and item_embedding: 384 numbers as text "[1,2,...]", null for none; item_metadata: {"counts": {kind: '
  'number}, "published_at", "age_hours"}; all as of interaction_at. Errors: invalid_argument, invalid_cursor.';
revoke all on function public.export_training_pairs(int, text, text, timestamptz, text)
from public, anon, authenticated, service_role;
grant execute on function public.export_training_pairs(int, text, text, timestamptz, text) to service_role;

create or replace function public.cleanup_old_engagement_events(p_days int default 90, p_dry_run boolean default true)
returns table (partition_name text, events bigint, oldest timestamptz, newest timestamptz)
language sql volatile parallel unsafe security invoker set search_path = '' set statement_timeout = '30min'
as $$
  select c.partition_name, c.events, c.oldest, c.newest
  from medley.cleanup_old_engagement_events(p_days, p_dry_run, now()) as c
$$;

comment on function public.cleanup_old_engagement_events(int, boolean) is
  'What the log holds of the months that ended p_days (31 to 36,500) ago (secret key only), a row a partition; with '
  'p_dry_run false it is gone afterwards: what it was worth stays in the affinities, and partitions are dropped. '
  'The job retain_engagements does the same each night with signals.keep_days. Errors: invalid_argument.';
revoke all on function public.cleanup_old_engagement_events(int, boolean)
from public, anon, authenticated, service_role;
grant execute on function public.cleanup_old_engagement_events(int, boolean) to service_role;

create or replace function public.cleanup_old_training_pairs(p_days int default 30, p_dry_run boolean default true)
returns table (algorithm_version text, pairs bigint, oldest timestamptz, newest timestamptz)
language sql volatile parallel unsafe security invoker set search_path = '' set statement_timeout = '30min'
as $$
  select c.algorithm_version, c.pairs, c.oldest, c.newest
  from medley.cleanup_old_training_pairs(p_days, p_dry_run, now()) as c
$$;

comment on function public.cleanup_old_training_pairs(int, boolean) is
  'The training pairs written more than p_days (0 to 36,500) ago that a model was trained on (secret key only), a row a set; '
  'with p_dry_run false they are gone afterwards. oldest and newest: their moments. Pairs that no model was trained on '
  'stay. The job retain_training_pairs does the same each night with training.keep_pairs_days. Errors: invalid_argument.';
revoke all on function public.cleanup_old_training_pairs(int, boolean) from public, anon, authenticated, service_role;
grant execute on function public.cleanup_old_training_pairs(int, boolean) to service_role;

-- sql/core/training/jobs.sql
-- The jobs of this module.
insert into medley.jobs (name, schedule, function_name, batch_size, timeout_seconds, description)
values
  (
    'refresh_tower_vectors', '*/5 * * * *', 'refresh_tower_vectors', 2000, 280,
    'After another model came into use, places items and members by it.'
  ),
  (
    'prune_tower_vectors', '35 2 * * *', 'prune_tower_vectors', 5000, 1800,
    'Deletes places of items by models that nobody goes back to.'
  ),
  (
    'retain_training_pairs', '15 2 * * *', 'retain_training_pairs', 5000, 1800,
    'Deletes training pairs older than training.keep_pairs_days that a model was trained on.'
  );
