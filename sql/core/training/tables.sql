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
