-- What items are made of, and what members like about them.
-- Words: a feature is a type and a value, "genre: indie-rock" say; its idf tells how rare it is among items. A profile
-- holds a member's liking of features, -1 to 1. An embedding is a vector of an item; a taste vector is one of a member.
-- A cluster is a group of members with similar taste vectors.
-- Packs and apps write features, availability and embeddings through the functions of this module; everything about
-- members is derived from their affinities and can be rebuilt.
create extension if not exists vector with schema extensions;

create table medley.feature_types (
  feature_type text primary key check (feature_type ~ '^[a-z][a-z0-9_]{1,39}$'),
  weight real not null default 1 check (weight between 0 and 100),
  is_creator boolean not null default false,
  description text not null default ''
);

comment on table medley.feature_types is
  'The types of features and what each is worth: data, tuned by the owner. An unknown type is added on first use.';
comment on column medley.feature_types.feature_type is 'Name: lower case letters, digits and underscores.';
comment on column medley.feature_types.weight is
  'Factor on every feature of the type, in content similarity and in profiles; 0 leaves the type out.';
comment on column medley.feature_types.is_creator is
  'Whether a feature of the type names who made the item: lists then spread over its values.';
comment on column medley.feature_types.description is 'What its values are.';

insert into medley.feature_types (feature_type, weight, description)
values ('genre', 1, 'A genre of the item, by its slug; follows public.item_genres.');

create table medley.feature_statistics (
  singleton boolean primary key default true check (singleton),
  item_count bigint not null
);

comment on table medley.feature_statistics is 'One row: how many items have features. Derived.';
comment on column medley.feature_statistics.singleton is 'Always true: there is one row.';
comment on column medley.feature_statistics.item_count is 'N of the idf.';

insert into medley.feature_statistics (item_count)
values (0);

create table medley.features (
  feature_no int primary key generated always as identity,
  feature_type text not null references medley.feature_types (feature_type) on update cascade,
  feature_value text not null check (length(feature_value) between 1 and 200),
  item_count int not null default 0 check (item_count >= 0),
  idf real not null check (idf >= 0),
  unique (feature_type, feature_value)
);

comment on table medley.features is 'The dictionary of features: one row for each that was ever used, and for every genre. Rows are never deleted.';
comment on column medley.features.feature_no is 'Dense number; what the engine joins by.';
comment on column medley.features.feature_type is 'Type of the feature, genre say.';
comment on column medley.features.feature_value is 'Its value, indie-rock say, as the source spells it.';
comment on column medley.features.item_count is 'Items that have it, as of the last job.';
comment on column medley.features.idf is 'How much it tells: ln(1 + (N - n + 0.5) / (n + 0.5)), two decimals; 0 for what every item has.';

-- No foreign keys, which would double the time of bulk loads: features are never deleted, writers lock the items, and a
-- trigger on medley.items takes the rows of deleted ones away.
create table medley.content_features (
  item_no int not null,
  feature_no int not null,
  source text not null check (length(source) between 1 and 60),
  weight real not null default 1 check (weight > 0 and weight <= 100),
  confidence real not null default 1 check (confidence > 0 and confidence <= 1),
  primary key (item_no, feature_no, source)
);
create index content_features_feature_idx on medley.content_features (feature_no, item_no);

comment on table medley.content_features is 'Which features an item has, by source: each source replaces only its own.';
comment on column medley.content_features.item_no is 'The item.';
comment on column medley.content_features.feature_no is 'The feature.';
comment on column medley.content_features.source is 'Who says so: genres (public.item_genres), a pack, an app.';
comment on column medley.content_features.weight is 'How much of it the item has; 1 for a plain yes.';
comment on column medley.content_features.confidence is 'How sure the source is, 0 to 1.';

create table medley.item_content (
  item_no int primary key references medley.items (item_no) on delete cascade,
  signature bit(128) not null,
  genre_no int,
  creator_no int
);

comment on table medley.item_content is
  'What diversity needs of an item, in one narrow row, written in the same statement as its features.';
comment on column medley.item_content.item_no is 'The item.';
comment on column medley.item_content.signature is
  'One bit for each of its 24 weightiest features, feature_no modulo 128. Two items are alike to the degree '
  'bit_count(a & b) / least(bit_count(a), bit_count(b)).';
comment on column medley.item_content.genre_no is 'Its most specific genre: the deepest in the taxonomy.';
comment on column medley.item_content.creator_no is
  'Who made it: the owner''s user_no, else minus the feature_no of its first feature of a type with is_creator.';

create table medley.item_availability (
  item_no int not null references medley.items (item_no) on delete cascade,
  platform text not null check (platform = lower(platform) and length(platform) between 1 and 100),
  country text not null default '' check (country = upper(country) and length(country) <= 2),
  available_from timestamptz not null default '-infinity',
  available_until timestamptz not null default 'infinity',
  primary key (item_no, platform, country, available_from),
  constraint item_availability_ordered check (available_from < available_until)
);

comment on table medley.item_availability is 'Where and when an item can be had. An item without a row is available anywhere.';
comment on column medley.item_availability.item_no is 'The item.';
comment on column medley.item_availability.platform is 'The platform, in lower case: netflix, say.';
comment on column medley.item_availability.country is 'Country as two capital letters (ISO 3166); empty for everywhere.';
comment on column medley.item_availability.available_from is 'First moment; -infinity for always.';
comment on column medley.item_availability.available_until is 'End, exclusive; infinity for no end.';

create table medley.platform_user_preferences (
  user_no int not null references medley.members (user_no) on delete cascade,
  platform_name text not null check (platform_name = lower(platform_name) and length(platform_name) between 1 and 100),
  has_subscription boolean not null default false,
  usage_frequency real not null default 0 check (usage_frequency between 0 and 1),
  preference_score real not null default 0.5 check (preference_score between 0 and 1),
  last_updated timestamptz not null default now(),
  primary key (user_no, platform_name)
);

comment on table medley.platform_user_preferences is
  'A member''s platforms: the subscription is what the member says, the rest is learnt from engagements.';
comment on column medley.platform_user_preferences.user_no is 'The member.';
comment on column medley.platform_user_preferences.platform_name is 'The platform, in lower case.';
comment on column medley.platform_user_preferences.has_subscription is 'Whether the member has it.';
comment on column medley.platform_user_preferences.usage_frequency is
  'Share of the member''s engagements of the last 90 days that came from it, 0 to 1.';
comment on column medley.platform_user_preferences.preference_score is
  'Share of those that were positive, smoothed: (positive + 1) / (positive + negative + 2); 0.5 for unknown.';
comment on column medley.platform_user_preferences.last_updated is 'When the row last changed.';

create table medley.user_taste_profiles (
  user_no int not null references medley.members (user_no) on delete cascade,
  feature_no int not null,
  affinity_score real not null check (affinity_score between -1 and 1),
  confidence real not null check (confidence between 0 and 1),
  last_updated timestamptz not null,
  decay_rate real not null check (decay_rate >= 0),
  primary key (user_no, feature_no)
);

comment on table medley.user_taste_profiles is
  'How much a member likes a feature, from the affinities to items that have it. The strongest features only. Derived.';
comment on column medley.user_taste_profiles.user_no is 'The member.';
comment on column medley.user_taste_profiles.feature_no is 'The feature.';
comment on column medley.user_taste_profiles.affinity_score is
  'Liking as of last_updated, relative to the member''s strongest feature: -1 (dislike) to 1.';
comment on column medley.user_taste_profiles.confidence is 'How much evidence stands behind it, 0 to 1: 0.5 at three items'' worth.';
comment on column medley.user_taste_profiles.last_updated is 'The moment that affinity_score is for.';
comment on column medley.user_taste_profiles.decay_rate is
  'Decay a day: at time t the liking is affinity_score * exp(-decay_rate * days since last_updated).';

create table medley.taste_states (
  user_no int primary key references medley.members (user_no) on delete cascade,
  profile_engagements bigint,
  vector_engagements bigint,
  models int
) with (fillfactor = 90);

comment on table medley.taste_states is
  'Up to which of a member''s engagements the member''s taste is derived. Where the numbers differ from those of today, or '
  'there is no row, the member is due.';
comment on column medley.taste_states.user_no is 'The member.';
comment on column medley.taste_states.profile_engagements is
  'member_activity.engagements as the last refresh of the profile saw it; null for never.';
comment on column medley.taste_states.vector_engagements is 'The same for the taste vectors.';
comment on column medley.taste_states.models is 'medley.embedding_digest() as the last refresh of the taste vectors saw it.';

create table medley.embedding_types (
  embedding_type text primary key check (embedding_type ~ '^[a-z][a-z0-9_]{1,39}$'),
  model_version text not null check (length(model_version) between 1 and 100),
  dims smallint not null check (dims in (64, 256, 384, 768, 1536)),
  taste_rank smallint not null default 100,
  is_derived boolean not null default false,
  is_learned boolean not null default false,
  description text not null default ''
);

comment on table medley.embedding_types is
  'The types of embeddings, and which model of each is in use. A new type is added on first use, with its first model.';
comment on column medley.embedding_types.embedding_type is 'Name: description, audio, behavior ...';
comment on column medley.embedding_types.model_version is 'The active model: only its vectors are compared.';
comment on column medley.embedding_types.dims is 'Numbers in a vector of the active model.';
comment on column medley.embedding_types.taste_rank is
  'Which type speaks for a member''s taste where there are several: the lowest rank with vectors.';
comment on column medley.embedding_types.is_derived is 'Whether the engine makes the vectors itself; nobody else may write them.';
comment on column medley.embedding_types.is_learned is
  'Whether a trained model places members among the vectors; a member''s is then no mean of items'', and not made here.';
comment on column medley.embedding_types.description is 'What the vectors stand for.';

insert into medley.embedding_types (embedding_type, model_version, dims, taste_rank, is_derived, description)
values (
  'behavior', 'spectral-0', 64, 200, true, 'Who engages with the item: made by medley.rebuild_spectral_embeddings().'
);

create table medley.content_embeddings (
  item_no int not null references medley.items (item_no) on delete cascade,
  embedding_type text not null references medley.embedding_types (embedding_type) on update cascade,
  model_version text not null check (length(model_version) between 1 and 100),
  dims smallint not null,
  embedding_64 extensions.vector(64),
  embedding_256 extensions.vector(256),
  embedding_384 extensions.vector(384),
  embedding_768 extensions.vector(768),
  embedding_1536 extensions.vector(1536),
  created_at timestamptz not null default now(),
  primary key (item_no, embedding_type, model_version),
  constraint content_embeddings_one_size check (
    num_nonnulls(embedding_64, embedding_256, embedding_384, embedding_768, embedding_1536) = 1
    and case dims
      when 64 then embedding_64 is not null
      when 256 then embedding_256 is not null
      when 384 then embedding_384 is not null
      when 768 then embedding_768 is not null
      when 1536 then embedding_1536 is not null
      else false
    end
  )
);
create index content_embeddings_type_idx on medley.content_embeddings (embedding_type, model_version, item_no);
create index content_embeddings_64_idx on medley.content_embeddings
using hnsw (embedding_64 extensions.vector_cosine_ops) where embedding_64 is not null;
create index content_embeddings_256_idx on medley.content_embeddings
using hnsw (embedding_256 extensions.vector_cosine_ops) where embedding_256 is not null;
create index content_embeddings_384_idx on medley.content_embeddings
using hnsw (embedding_384 extensions.vector_cosine_ops) where embedding_384 is not null;
create index content_embeddings_768_idx on medley.content_embeddings
using hnsw (embedding_768 extensions.vector_cosine_ops) where embedding_768 is not null;
create index content_embeddings_1536_idx on medley.content_embeddings
using hnsw (embedding_1536 extensions.vector_cosine_ops) where embedding_1536 is not null;

comment on table medley.content_embeddings is
  'Vectors of items, of several types and sizes; unit length. Several models of a type may lie side by side: '
  'embedding_types says which is in use.';
comment on column medley.content_embeddings.item_no is 'The item.';
comment on column medley.content_embeddings.embedding_type is 'What the vector stands for.';
comment on column medley.content_embeddings.model_version is 'The model that made it.';
comment on column medley.content_embeddings.dims is 'Its size; the column of that size holds it, the others are null.';
comment on column medley.content_embeddings.embedding_64 is 'The vector, where it has 64 numbers (behavior).';
comment on column medley.content_embeddings.embedding_256 is 'The vector, where it has 256 numbers (learned projection).';
comment on column medley.content_embeddings.embedding_384 is 'The vector, where it has 384 numbers (MiniLM text).';
comment on column medley.content_embeddings.embedding_768 is 'The vector, where it has 768 numbers (MERT audio).';
comment on column medley.content_embeddings.embedding_1536 is 'The vector, where it has 1,536 numbers (OpenAI text).';
comment on column medley.content_embeddings.created_at is 'When it was computed.';

create table medley.user_taste_vectors (
  user_no int not null references medley.members (user_no) on delete cascade,
  embedding_type text not null references medley.embedding_types (embedding_type) on update cascade,
  model_version text not null,
  embedding_64 extensions.vector(64),
  embedding_256 extensions.vector(256),
  embedding_384 extensions.vector(384),
  embedding_768 extensions.vector(768),
  embedding_1536 extensions.vector(1536),
  computed_at timestamptz not null,
  primary key (user_no, embedding_type),
  constraint user_taste_vectors_one_size check (
    num_nonnulls(embedding_64, embedding_256, embedding_384, embedding_768, embedding_1536) = 1
  )
);
create index user_taste_vectors_type_idx on medley.user_taste_vectors (embedding_type, model_version, user_no);

comment on table medley.user_taste_vectors is
  'Where a member stands among the vectors of items: the mean of those that the member likes, less a share of those that '
  'the member rejects, unit length. Derived.';
comment on column medley.user_taste_vectors.user_no is 'The member.';
comment on column medley.user_taste_vectors.embedding_type is 'The type of the vectors.';
comment on column medley.user_taste_vectors.model_version is 'The model of the vectors.';
comment on column medley.user_taste_vectors.embedding_64 is 'The vector, where the model''s have 64 numbers.';
comment on column medley.user_taste_vectors.embedding_256 is 'The vector, where the model''s have 256 numbers.';
comment on column medley.user_taste_vectors.embedding_384 is 'The vector, where the model''s have 384 numbers.';
comment on column medley.user_taste_vectors.embedding_768 is 'The vector, where the model''s have 768 numbers.';
comment on column medley.user_taste_vectors.embedding_1536 is 'The vector, where the model''s have 1,536 numbers.';
comment on column medley.user_taste_vectors.computed_at is 'When it was computed.';

create table medley.user_clusters (
  user_no int not null references medley.members (user_no) on delete cascade,
  cluster_type text not null check (cluster_type in ('taste_based', 'behavior_based')),
  cluster_no int not null check (cluster_no > 0),
  similarity real not null check (similarity between -1 and 1),
  updated_at timestamptz not null default now(),
  primary key (user_no, cluster_type)
);
create index user_clusters_cluster_idx on medley.user_clusters (cluster_type, cluster_no, user_no);

comment on table medley.user_clusters is
  'Groups of members with similar taste vectors: k-means. Numbers mean something within one generation only. Derived.';
comment on column medley.user_clusters.user_no is 'The member.';
comment on column medley.user_clusters.cluster_type is
  'behavior_based: over vectors of the type behavior; taste_based: of the types that at least half as many members have as '
  'have the most common one, over that with the lowest taste_rank.';
comment on column medley.user_clusters.cluster_no is 'The group; the largest has number 1.';
comment on column medley.user_clusters.similarity is 'Cosine of the member''s vector and the group''s centre.';
comment on column medley.user_clusters.updated_at is 'When the row last changed.';

-- The members' items in blocks, for the length of a rebuild: nobody else ever sees a row of these two.
-- Unlogged, because a crash may forget them.
create unlogged table medley.spectral_bags (
  block int not null,
  bag_no int not null,
  item_nos int[] not null,
  primary key (block, bag_no)
);

comment on table medley.spectral_bags is
  'What rebuild_spectral_embeddings works on: one row a member with the items that the member likes. Empty otherwise.';
comment on column medley.spectral_bags.block is 'Members of one block are propagated together: that bounds the memory.';
comment on column medley.spectral_bags.bag_no is 'The member, numbered anew.';
comment on column medley.spectral_bags.item_nos is 'The items.';

create unlogged table medley.spectral_items (
  item_no int primary key,
  degree int not null,
  place extensions.vector(64) not null
);

comment on table medley.spectral_items is 'What rebuild_spectral_embeddings works on: the vectors so far. Empty otherwise.';
comment on column medley.spectral_items.item_no is 'The item.';
comment on column medley.spectral_items.degree is 'Members who like it.';
comment on column medley.spectral_items.place is 'Its vector so far.';

insert into medley.settings (key, value, description)
values
  ('taste.max_features', 100, 'Features kept in a member''s profile; 1 to 200.'),
  ('taste.history', 200, 'Items of a member, strongest first, that taste is derived from; 1 to 2000.'),
  (
    'taste.rejected_share', 0.25,
    'How far a taste vector turns away from what the member rejects, as a share of how far it turns to what the member '
    'likes; 0 to 1.'
  ),
  ('taste.confidence_items', 3, 'Items'' worth of evidence at which a profile''s confidence is one half; more than 0.'),
  ('taste.platform_days', 90, 'Days of engagements that a member''s use of platforms is learnt from; 1 to 3650.'),
  ('taste.spectral_iterations', 6, 'Propagations of the spectral embeddings; 2 to 50. More separates finer groups.'),
  (
    'taste.spectral_shrinkage', 5,
    'Added to every count of neighbours: keeps tiny islands of the catalogue from taking a dimension each; 0 or more.'
  ),
  (
    'taste.spectral_min_members', 2,
    'Members who must like an item before it gets a vector of type behavior; 1 or more.'
  ),
  ('taste.clusters', 32, 'Clusters of members at most; 2 to 500. Few members make fewer.'),
  ('taste.cluster_sample', 20000, 'Members whose vectors the centres are computed from; 100 to 100000.'),
  ('taste.cluster_iterations', 15, 'Rounds of k-means; 1 to 100.');
