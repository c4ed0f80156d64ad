-- Made from sql/core/training by `make migrations`; edit that, not this.

-- sql/core/training/tables.sql
-- What models are trained on, and the models themselves.
-- Words: a pair is a member and an item that the member was shown or engaged with, with the state of both just before
-- (a snapshot) and what came of it (the label). A model version is what one training made: two linear towers, which place
-- items and members in one space of 256 numbers, and for each kind of engagement a head that makes a probability of it.
-- generate_training_pairs writes pairs from the log; a worker reads them, trains and writes versions; one version a
-- type is active. Everything about serving is SQL: see towers.sql.
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
  items_below int,
  members_below int,
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
  weights extensions.vector(384) not null,
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
alter table medley.training_pair_models enable row level security;
revoke all on medley.training_pair_models from public, anon, authenticated, service_role;

create policy training_pairs_own on medley.training_pairs
for select to authenticated using (user_no = (select medley.acting_user_no()));

insert into medley.settings (key, value, description)
values
  (
    'training.outcome_hours', 24,
    'For how many hours after an item was shown what the member does with it is the outcome, 1 to 720; younger pairs wait.'
  ),
  ('training.recent_items', 50, 'Items in each list of a history snapshot, newest first; 1 to 500.'),
  (
    'training.history_events', 500,
    'How many of a member''s events before an interaction its taste vector is made from, the newest; 1 to 5000.'
  ),
  ('training.activation_rows', 5000, 'Items, and members, that activate_model places at once, the newest; 0 to 100000.'),
  ('training.keep_pairs_days', 30, 'How many days pairs that were trained on are kept, 1 to 36500.'),
  (
    'training.keep_models', 2,
    'Versions of a type, beside the active one, whose vectors are kept for going back; 0 to 100. The last to be active stay.'
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
