-- Made from sql/core/taste by `make migrations`; edit that, not this.

-- sql/core/taste/tables.sql
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

-- sql/core/taste/views.sql
-- Features by name, and what each is worth.
create view medley.item_feature_weights
with (security_invoker = true)
as
select
  c.item_no,
  c.feature_no,
  (max(c.weight * c.confidence) * max(t.weight) * max(f.idf))::real as value
from medley.content_features as c
inner join medley.features as f on c.feature_no = f.feature_no
inner join medley.feature_types as t on f.feature_type = t.feature_type
where t.weight > 0
group by c.item_no, c.feature_no;

comment on view medley.item_feature_weights is
  'The features of items with what each is worth: the best of its sources'' weight * confidence, times the weight of its '
  'type, times idf. The entries of the vector that content similarity compares.';
revoke all on medley.item_feature_weights from public, anon, authenticated, service_role;

create view medley.content_feature_details
with (security_invoker = true)
as
select
  i.id as content_id,
  i.kind as content_type,
  f.feature_type,
  f.feature_value,
  c.weight,
  c.source,
  c.confidence
from medley.content_features as c
inner join medley.features as f on c.feature_no = f.feature_no
inner join medley.items as i on c.item_no = i.item_no;

comment on view medley.content_feature_details is 'The features of items by id and name.';
revoke all on medley.content_feature_details from public, anon, authenticated, service_role;

-- sql/core/taste/features.sql
-- Features of items: the dictionary, the bulk write, those that follow from genres, and the narrow row for diversity.
-- Locks are taken in one order everywhere: genres, then the dictionary, then items.

-- No SET: it inlines.
create or replace function medley.feature_label(p_value text)
returns text
language plpgsql stable parallel safe security definer set search_path = ''
as $$
begin
  if p_value ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' then
    return (select i.title from medley.items as i where i.id = p_value::uuid and i.visibility = 'public');
  end if;
  return p_value;
end;
$$;

comment on function medley.feature_label(text) is
  'The value of a feature for people: where it is the id of an item, its title (null: not there, or not public).';
revoke all on function medley.feature_label(text) from public, anon, authenticated, service_role;

create or replace function medley.feature_idf(p_item_count bigint, p_total bigint)
returns real
language sql immutable parallel safe security invoker
return round(ln(
  1 + (greatest(p_total, p_item_count) - p_item_count + 0.5) / (p_item_count + 0.5)
), 2)::real;

comment on function medley.feature_idf(bigint, bigint) is
  'How much a feature tells that p_item_count of p_total items have: ln(1 + (N - n + 0.5) / (n + 0.5)), as in BM25 '
  '(Robertson and Zaragoza 2009). Two decimals, so that a growing catalogue does not rewrite the whole dictionary.';
revoke all on function medley.feature_idf(bigint, bigint) from public, anon, authenticated, service_role;

create or replace function medley.check_features(
  p_types text[],
  p_values text[],
  p_weights real[],
  p_confidences real[]
)
returns void
language plpgsql stable parallel safe security definer set search_path = ''
as $$
declare
  v_type text;
  v_value text;
  v_wrong text;
begin
  select
    left(u.feature_type, 60),
    left(u.feature_value, 60),
    case
      when u.feature_type is null or u.feature_type !~ '^[a-z][a-z0-9_]{1,39}$'
        then 'a type is 2 to 40 lower case letters, digits and underscores'
      when u.feature_value is null or length(btrim(u.feature_value)) not between 1 and 200
        then 'a value has 1 to 200 characters'
      -- NaN is greater than every number.
      when not (u.weight > 0 and u.weight <= 100) then 'a weight is more than 0 and at most 100'
      else 'a confidence is more than 0 and at most 1'
    end
  into v_type, v_value, v_wrong
  from unnest(p_types, p_values, p_weights, p_confidences) as u (feature_type, feature_value, weight, confidence)
  where u.feature_type is null
    -- A known type is well-formed, and cheaper to find than to match.
    or u.feature_type not in (select t.feature_type from medley.feature_types as t)
    and u.feature_type !~ '^[a-z][a-z0-9_]{1,39}$'
    or u.feature_value is null
    or length(btrim(u.feature_value)) not between 1 and 200
    or not (u.weight > 0 and u.weight <= 100)
    or not (u.confidence > 0 and u.confidence <= 1)
  limit 1;

  if found then
    perform medley.fail('invalid_argument', format('bad feature %s: %s', v_type, v_value), 'p_features',
      v_wrong || '; nothing was written.');
  end if;
end;
$$;

comment on function medley.check_features(text[], text[], real[], real[]) is
  'Refuses features with a malformed type or value, or a weight or confidence out of range; null weights and '
  'confidences pass, they mean 1. Errors: invalid_argument.';
revoke all on function medley.check_features(text[], text[], real[], real[])
from public, anon, authenticated, service_role;

create or replace function medley.ensure_features(p_types text[], p_values text[])
returns void
language plpgsql volatile parallel unsafe security definer set search_path = '' set plan_cache_mode = force_custom_plan
as $$
declare
  -- Until a job has counted, a new feature is taken for one item's own.
  v_idf real := (select medley.feature_idf(1, s.item_count) from medley.feature_statistics as s);
begin
  if not exists (
    select from unnest(p_types, p_values) as u (feature_type, feature_value)
    where not exists (
      select from medley.features as f
      where f.feature_type = u.feature_type and f.feature_value = u.feature_value
    )
  ) then
    return;
  end if;

  -- One session at a time adds to the dictionary; waiting for each other's rows instead could deadlock.
  perform pg_advisory_xact_lock(hashtextextended('medley.features', 0));

  insert into medley.feature_types (feature_type)
  select distinct u.feature_type
  from unnest(p_types) as u (feature_type)
  on conflict do nothing;

  insert into medley.features (feature_type, feature_value, idf)
  select distinct u.feature_type, u.feature_value, v_idf
  from unnest(p_types, p_values) as u (feature_type, feature_value)
  where not exists (
    select from medley.features as f
    where f.feature_type = u.feature_type and f.feature_value = u.feature_value
  )
  on conflict do nothing;
end;
$$;

comment on function medley.ensure_features(text[], text[]) is
  'Adds the features and feature types that nobody had yet. Safe under concurrency; known ones are found without waiting.';
revoke all on function medley.ensure_features(text[], text[]) from public, anon, authenticated, service_role;

create or replace function medley.write_item_features(
  p_source text,
  p_item_nos int[],
  p_feature_item_nos int[],
  p_feature_nos int[],
  p_weights real[],
  p_confidences real[]
)
returns bigint
language plpgsql volatile parallel unsafe security definer set search_path = '' set plan_cache_mode = force_custom_plan
as $$
declare
  v_changed bigint;
begin
  with wanted as materialized (
    select
      u.item_no,
      u.feature_no,
      max(coalesce(u.weight, 1)) as weight,
      max(coalesce(u.confidence, 1)) as confidence
    from unnest(p_feature_item_nos, p_feature_nos, p_weights, p_confidences)
      as u (item_no, feature_no, weight, confidence)
    group by u.item_no, u.feature_no
  ),

  removed as (
    delete from medley.content_features as c
    using unnest(p_item_nos) as u (item_no)
    where c.item_no = u.item_no
      and c.source = p_source
      and not exists (select from wanted as w where w.item_no = c.item_no and w.feature_no = c.feature_no)
    returning 1
  ),

  written as (
    insert into medley.content_features as c (item_no, feature_no, source, weight, confidence)
    select
      w.item_no,
      w.feature_no,
      p_source,
      w.weight,
      w.confidence
    from wanted as w
    order by w.item_no, w.feature_no
    on conflict (item_no, feature_no, source) do update
    set weight = excluded.weight, confidence = excluded.confidence
    where (c.weight, c.confidence) is distinct from (excluded.weight, excluded.confidence)
    returning 1
  )

  select (select count(*) from removed) + (select count(*) from written) into v_changed;

  if v_changed > 0 then
    perform medley.refresh_item_content(p_item_nos);
  end if;
  return v_changed;
end;
$$;

comment on function medley.write_item_features(text, int[], int[], int[], real[], real[]) is
  'Makes p_source''s features of the items p_item_nos equal to the four arrays, by number. Only differences are written, '
  'item_content follows. Returns how many rows changed. Callers hold the locks of the items.';
revoke all on function medley.write_item_features(text, int[], int[], int[], real[], real[])
from public, anon, authenticated, service_role;

create or replace function medley.replace_item_features(
  p_source text,
  p_item_ids uuid[],
  p_feature_items uuid[],
  p_feature_types text[],
  p_feature_values text[],
  p_feature_weights real[] default null,
  p_feature_confidences real[] default null
)
returns bigint
language plpgsql volatile parallel unsafe security definer set search_path = '' set plan_cache_mode = force_custom_plan
as $$
declare
  v_items uuid[] := array(select distinct i.id from unnest(p_item_ids) as i (id) where i.id is not null);
  v_values text[] := array(
    select btrim(u.feature_value) from unnest(p_feature_values) with ordinality as u (feature_value, place) order by u.place
  );
  v_count int := coalesce(cardinality(p_feature_items), 0);
begin
  if p_source is null or length(p_source) not between 1 and 60 then
    perform medley.fail('invalid_argument', 'a source has 1 to 60 characters', 'p_source', 'Name who says so.');
  end if;
  if coalesce(cardinality(p_feature_types), 0) <> v_count
    or coalesce(cardinality(p_feature_values), 0) <> v_count
    or coalesce(cardinality(p_feature_weights), v_count) <> v_count
    or coalesce(cardinality(p_feature_confidences), v_count) <> v_count
  then
    perform medley.fail('invalid_argument', 'the arrays of features differ in length', 'p_feature_items',
      'Pass one item, type and value at each place, and weights and confidences for all or none.');
  end if;
  if exists (
    select from unnest(p_feature_items) as f (id)
    where f.id is null or not exists (select from unnest(v_items) as i (id) where i.id = f.id)
  ) then
    perform medley.fail('invalid_argument', 'a feature belongs to no item of p_item_ids', 'p_feature_items',
      'List every item in p_item_ids once.');
  end if;
  perform medley.check_features(p_feature_types, p_feature_values, p_feature_weights, p_feature_confidences);

  perform medley.ensure_features(p_feature_types, v_values);
  perform medley.lock_items(v_items);

  return (
    with given as (
      select
        i.item_no,
        f.feature_no,
        u.weight,
        u.confidence
      from unnest(p_feature_items, p_feature_types, v_values, p_feature_weights, p_feature_confidences)
        as u (item_id, feature_type, feature_value, weight, confidence)
      inner join medley.items as i on u.item_id = i.id
      inner join medley.features as f on u.feature_type = f.feature_type and u.feature_value = f.feature_value
    )

    select medley.write_item_features(
      p_source,
      array(select i.item_no from medley.items as i inner join unnest(v_items) as u (id) on i.id = u.id),
      coalesce(array_agg(g.item_no), '{}'),
      array_agg(g.feature_no),
      array_agg(g.weight),
      array_agg(g.confidence)
    )
    from given as g
  );
end;
$$;

comment on function medley.replace_item_features(text, uuid[], uuid[], text[], text[], real[], real[]) is
  'Replaces all features that p_source gave to the items p_item_ids by those of the arrays: at each place an item, a type, a '
  'value, a weight (null: 1) and a confidence (null: 1). Other sources keep theirs; an item that stands in p_item_ids only '
  'has none afterwards. The bulk path of packs: a hundred or a hundred thousand at once. Only differences are written; '
  'returns how many rows changed. Errors: invalid_argument, not_found (unknown item).';
revoke all on function medley.replace_item_features(text, uuid[], uuid[], text[], text[], real[], real[])
from public, anon, authenticated, service_role;

create or replace function medley.register_item_features(p_features jsonb)
returns table (item_id uuid, feature_count int)
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_source text;
begin
  if p_features is null or jsonb_typeof(p_features) <> 'array' then
    perform medley.fail('invalid_argument', 'p_features must be an array of objects', 'p_features',
      'Pass [{"item_id", "source", "features": [{"type", "value", "weight", "confidence"}]}, ...].');
  end if;
  if jsonb_array_length(p_features) > 1000 then
    perform medley.fail('too_large', format('p_features holds %s items', jsonb_array_length(p_features)), 'p_features',
      'Pass at most 1,000 items a call.');
  end if;
  if exists (
    select from jsonb_array_elements(p_features) as e (entry)
    where jsonb_typeof(e.entry -> 'features') is distinct from 'array' or e.entry ->> 'item_id' is null
  ) then
    perform medley.fail('invalid_argument', 'an entry lacks its item_id or its array of features', 'p_features',
      'Pass "features": [] to take all features away.');
  end if;
  if exists (
    select from jsonb_array_elements(p_features) as e (entry)
    where jsonb_array_length(e.entry -> 'features') > 200
  ) then
    perform medley.fail('too_large', 'an item has more than 200 features', 'p_features', 'Keep the most telling ones.');
  end if;

  -- One pass for each source; a call has one or a few of them.
  for v_source in
    select distinct coalesce(e.entry ->> 'source', 'app') from jsonb_array_elements(p_features) as e (entry)
  loop
    perform (
      with entry as (
        select (e.entry ->> 'item_id')::uuid as item_id, e.entry -> 'features' as features
        from jsonb_array_elements(p_features) as e (entry)
        where coalesce(e.entry ->> 'source', 'app') = v_source
      ),

      feature as (
        select t.item_id, r.type, r.value, r.weight, r.confidence
        from entry as t
        cross join lateral jsonb_to_recordset(t.features) as r (type text, value text, weight real, confidence real)
      )

      select medley.replace_item_features(
        v_source,
        (select array_agg(t.item_id) from entry as t),
        coalesce(array_agg(f.item_id), '{}'),
        array_agg(f.type),
        array_agg(f.value),
        array_agg(f.weight),
        array_agg(f.confidence)
      )
      from feature as f
    );
  end loop;

  return query
  select (e.entry ->> 'item_id')::uuid, jsonb_array_length(e.entry -> 'features')
  from jsonb_array_elements(p_features) with ordinality as e (entry, place)
  order by e.place;
exception
  -- Bad ids and numbers: the caller's data, not our fault.
  when data_exception then
    perform medley.fail('invalid_argument', sqlerrm, 'p_features', 'Correct the entry; nothing was written.');
end;
$$;

comment on function medley.register_item_features(jsonb) is
  'replace_item_features for up to 1,000 items and 200 features each as JSON; see public.register_item_features. '
  'Errors: invalid_argument, not_found (unknown item), too_large.';
revoke all on function medley.register_item_features(jsonb) from public, anon, authenticated, service_role;
grant execute on function medley.register_item_features(jsonb) to service_role;

create or replace function medley.refresh_item_content(p_item_nos int[] default null)
returns bigint
language plpgsql volatile parallel unsafe security definer set search_path = '' set work_mem = '256MB'
set plan_cache_mode = force_custom_plan
as $$
declare
  v_item_nos int[] := coalesce(p_item_nos, array(select i.item_no from medley.items as i));
  v_changed bigint;
begin
  perform medley.member_numbers(array(
    select distinct i.owner_id
    from unnest(v_item_nos) as u (item_no)
    inner join medley.items as i on u.item_no = i.item_no
    where i.owner_id is not null
  ));

  with weighed as (
    select
      c.item_no,
      c.feature_no,
      bool_or(t.is_creator) as is_creator,
      row_number() over (
        partition by c.item_no order by max(c.weight * c.confidence) * max(t.weight) desc, c.feature_no
      ) as place
    from unnest(v_item_nos) as u (item_no)
    inner join medley.content_features as c on u.item_no = c.item_no
    inner join medley.features as f on c.feature_no = f.feature_no
    inner join medley.feature_types as t on f.feature_type = t.feature_type
    where t.weight > 0
    group by c.item_no, c.feature_no
  ),

  content as (
    select
      w.item_no,
      -- Wider signatures would be full for everything with a long list of people.
      bit_or(set_bit(0::bit(128), w.feature_no % 128, 1)) filter (where w.place <= 24) as signature,
      (array_agg(w.feature_no order by w.place) filter (where w.is_creator))[1] as creator_feature_no
    from weighed as w
    group by w.item_no
  ),

  genre as (
    select
      i.item_no,
      (array_agg(g.genre_no order by p.depth desc nulls last, g.genre_no))[1] as genre_no
    from unnest(v_item_nos) as u (item_no)
    inner join medley.items as i on u.item_no = i.item_no
    inner join public.item_genres as l on i.id = l.item_id
    inner join public.genres as g on l.genre_id = g.id
    left join public.genre_paths as p on g.id = p.genre_id and p.is_primary
    group by i.item_no
  ),

  fresh as (
    select
      i.item_no,
      coalesce(c.signature, 0::bit(128)) as signature,
      g.genre_no,
      coalesce(m.user_no, -c.creator_feature_no) as creator_no
    from unnest(v_item_nos) as u (item_no)
    inner join medley.items as i on u.item_no = i.item_no
    left join content as c on i.item_no = c.item_no
    left join genre as g on i.item_no = g.item_no
    left join medley.members as m on i.owner_id = m.user_id
  ),

  written as (
    insert into medley.item_content as o (item_no, signature, genre_no, creator_no)
    select f.item_no, f.signature, f.genre_no, f.creator_no
    from fresh as f
    left join medley.item_content as e on f.item_no = e.item_no
    where e.item_no is null
      or (e.signature, e.genre_no, e.creator_no) is distinct from (f.signature, f.genre_no, f.creator_no)
    order by f.item_no
    on conflict (item_no) do update
    set signature = excluded.signature, genre_no = excluded.genre_no, creator_no = excluded.creator_no
    returning 1
  )

  select count(*) into v_changed from written;
  return v_changed;
end;
$$;

comment on function medley.refresh_item_content(int[]) is
  'Brings item_content of these items up to date, of all when null. Also a job: genres move in the taxonomy, and feature '
  'types change their weights. Returns how many rows changed.';
revoke all on function medley.refresh_item_content(int[]) from public, anon, authenticated, service_role;

create or replace function medley.refresh_genre_features(p_item_nos int[] default null)
returns bigint
language plpgsql volatile parallel unsafe security definer set search_path = '' set work_mem = '256MB'
set plan_cache_mode = force_custom_plan
as $$
declare
  v_item_nos int[] := coalesce(p_item_nos, array(select i.item_no from medley.items as i));
begin
  return (
    with feature as (
      select i.item_no, f.feature_no
      from unnest(v_item_nos) as u (item_no)
      inner join medley.items as i on u.item_no = i.item_no
      inner join public.item_genres as l on i.id = l.item_id
      inner join public.genres as g on l.genre_id = g.id
      inner join medley.features as f on f.feature_type = 'genre' and g.slug = f.feature_value
    )

    select medley.write_item_features(
      'genres', v_item_nos, coalesce(array_agg(f.item_no), '{}'), array_agg(f.feature_no), null, null
    )
    from feature as f
  );
end;
$$;

comment on function medley.refresh_genre_features(int[]) is
  'Makes the features of source genres equal to public.item_genres for these items, for all when null; triggers call it. '
  'Returns how many rows changed.';
revoke all on function medley.refresh_genre_features(int[]) from public, anon, authenticated, service_role;

create or replace function medley.item_genres_changed()
returns trigger
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_item_nos int[];
begin
  if tg_op = 'INSERT' then
    v_item_nos := array(
      select distinct i.item_no from new_rows as n inner join medley.items as i on n.item_id = i.id
    );
  elsif tg_op = 'DELETE' then
    v_item_nos := array(
      select distinct i.item_no from old_rows as o inner join medley.items as i on o.item_id = i.id
    );
  else
    v_item_nos := array(
      select distinct i.item_no
      from (select n.item_id from new_rows as n union select o.item_id from old_rows as o) as c
      inner join medley.items as i on c.item_id = i.id
    );
  end if;

  if cardinality(v_item_nos) > 0 then
    perform medley.refresh_genre_features(v_item_nos);
  end if;
  return null;
end;
$$;

comment on function medley.item_genres_changed() is 'Statement trigger: the features of source genres follow public.item_genres.';
revoke all on function medley.item_genres_changed() from public, anon, authenticated, service_role;

create trigger item_genres_features_insert
after insert on public.item_genres
referencing new table as new_rows
for each statement execute function medley.item_genres_changed();

create trigger item_genres_features_update
after update on public.item_genres
referencing old table as old_rows new table as new_rows
for each statement execute function medley.item_genres_changed();

create trigger item_genres_features_delete
after delete on public.item_genres
referencing old table as old_rows
for each statement execute function medley.item_genres_changed();

create or replace function medley.genres_changed()
returns trigger
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_slugs text[] := array(select n.slug from new_rows as n);
  v_item_nos int[];
begin
  perform medley.ensure_features(array_fill('genre'::text, array[cardinality(v_slugs)]), v_slugs);

  if tg_op = 'UPDATE' then
    v_item_nos := array(
      select distinct i.item_no
      from new_rows as n
      inner join public.item_genres as l on n.id = l.genre_id
      inner join medley.items as i on l.item_id = i.id
    );
    perform medley.refresh_genre_features(v_item_nos);
  end if;
  return null;
end;
$$;

comment on function medley.genres_changed() is
  'Statement trigger: every genre is in the dictionary from its first moment, so that linking it needs no lock; a genre '
  'with a new slug is another feature.';
revoke all on function medley.genres_changed() from public, anon, authenticated, service_role;

create trigger genres_features_insert
after insert on public.genres
referencing new table as new_rows
for each statement execute function medley.genres_changed();

create trigger genres_features_update
after update on public.genres
referencing new table as new_rows
for each statement execute function medley.genres_changed();

create or replace function medley.item_owners_changed()
returns trigger
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_item_nos int[];
begin
  if tg_op = 'INSERT' then
    v_item_nos := array(select n.item_no from new_rows as n where n.owner_id is not null);
  else
    v_item_nos := array(
      select n.item_no
      from new_rows as n
      inner join old_rows as o on n.id = o.id
      where n.owner_id is distinct from o.owner_id
    );
  end if;

  if cardinality(v_item_nos) > 0 then
    perform medley.refresh_item_content(v_item_nos);
  end if;
  return null;
end;
$$;

comment on function medley.item_owners_changed() is
  'Statement trigger: an item that belongs to a member is that member''s in item_content from the start.';
revoke all on function medley.item_owners_changed() from public, anon, authenticated, service_role;

create or replace function medley.items_deleted_with_features()
returns trigger
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
begin
  delete from medley.content_features as c
  using old_rows as o
  where c.item_no = o.item_no;
  return null;
end;
$$;

comment on function medley.items_deleted_with_features() is 'Statement trigger: items take their features along.';
revoke all on function medley.items_deleted_with_features() from public, anon, authenticated, service_role;

create trigger items_features_delete
after delete on medley.items
referencing old table as old_rows
for each statement execute function medley.items_deleted_with_features();

create trigger items_content_insert
after insert on medley.items
referencing new table as new_rows
for each statement execute function medley.item_owners_changed();

create trigger items_content_update
after update on medley.items
referencing old table as old_rows new table as new_rows
for each statement execute function medley.item_owners_changed();

create or replace function medley.refresh_feature_statistics()
returns bigint
language plpgsql volatile parallel unsafe security definer set search_path = '' set work_mem = '256MB'
as $$
declare
  v_generation int := medley.begin_generation('features');
  v_total bigint := (select count(distinct c.item_no) from medley.content_features as c);
begin
  update medley.feature_statistics as s
  set item_count = v_total
  where s.item_count <> v_total;

  with counted as (
    select c.feature_no, count(distinct c.item_no) as item_count
    from medley.content_features as c
    group by c.feature_no
  ),

  fresh as (
    select
      f.feature_no,
      coalesce(c.item_count, 0) as item_count,
      medley.feature_idf(greatest(coalesce(c.item_count, 0), 1), v_total) as idf
    from medley.features as f
    left join counted as c on f.feature_no = c.feature_no
  )

  update medley.features as f
  set item_count = n.item_count, idf = n.idf
  from fresh as n
  where f.feature_no = n.feature_no and (f.item_count, f.idf) is distinct from (n.item_count, n.idf);

  analyze medley.features, medley.content_features;
  perform medley.finish_generation('features', v_generation, (select count(*) from medley.features));
  return v_total;
end;
$$;

comment on function medley.refresh_feature_statistics() is
  'Job: counts again how many items have each feature, and from that its idf. Loaders call it too. Returns how many items '
  'have features.';
revoke all on function medley.refresh_feature_statistics() from public, anon, authenticated, service_role;

-- What was there before this module.
select medley.ensure_features(array_agg('genre'::text), array_agg(g.slug))
from public.genres as g;
select medley.refresh_genre_features();

-- sql/core/taste/availability.sql
-- Where items can be had, and which platforms members have.
create or replace function medley.replace_item_availability(
  p_item_ids uuid[],
  p_items uuid[],
  p_platforms text[],
  p_countries text[],
  p_from timestamptz[],
  p_until timestamptz[]
)
returns bigint
language plpgsql volatile parallel unsafe security definer set search_path = '' set plan_cache_mode = force_custom_plan
as $$
declare
  v_items uuid[] := array(select distinct i.id from unnest(p_item_ids) as i (id) where i.id is not null);
  v_count int := coalesce(cardinality(p_items), 0);
  v_changed bigint;
begin
  if coalesce(cardinality(p_platforms), 0) <> v_count
    or coalesce(cardinality(p_countries), v_count) <> v_count
    or coalesce(cardinality(p_from), v_count) <> v_count
    or coalesce(cardinality(p_until), v_count) <> v_count
  then
    perform medley.fail('invalid_argument', 'the arrays differ in length', 'p_items',
      'Pass one item and platform at each place, and countries and times for all or none.');
  end if;
  if exists (
    select from unnest(p_items, p_platforms, p_countries, p_from, p_until)
      as u (id, platform, country, available_from, available_until)
    where u.id is null
      or not exists (select from unnest(v_items) as i (id) where i.id = u.id)
      or u.platform is null
      or length(btrim(u.platform)) not between 1 and 100
      or coalesce(u.country, '') !~ '^([A-Za-z]{2})?$'
      or coalesce(u.available_from, '-infinity') >= coalesce(u.available_until, 'infinity')
  ) then
    perform medley.fail('invalid_argument',
      'an entry names no item of p_item_ids, a bad platform or country, or ends before it begins', 'p_items',
      'A platform has 1 to 100 characters, a country two letters or none.');
  end if;
  perform medley.lock_items(v_items);

  with wanted as materialized (
    select
      i.item_no,
      lower(btrim(u.platform)) as platform,
      upper(coalesce(u.country, '')) as country,
      coalesce(u.available_from, '-infinity') as available_from,
      max(coalesce(u.available_until, 'infinity')) as available_until
    from unnest(p_items, p_platforms, p_countries, p_from, p_until)
      as u (id, platform, country, available_from, available_until)
    inner join medley.items as i on u.id = i.id
    group by 1, 2, 3, 4
  ),

  removed as (
    delete from medley.item_availability as a
    using unnest(v_items) as u (id), medley.items as i
    where u.id = i.id
      and a.item_no = i.item_no
      and not exists (
        select from wanted as w
        where (w.item_no, w.platform, w.country, w.available_from) = (a.item_no, a.platform, a.country, a.available_from)
      )
    returning 1
  ),

  written as (
    insert into medley.item_availability as a (item_no, platform, country, available_from, available_until)
    select w.item_no, w.platform, w.country, w.available_from, w.available_until
    from wanted as w
    order by w.item_no, w.platform, w.country, w.available_from
    on conflict (item_no, platform, country, available_from) do update
    set available_until = excluded.available_until
    where a.available_until <> excluded.available_until
    returning 1
  )

  select (select count(*) from removed) + (select count(*) from written) into v_changed;
  return v_changed;
end;
$$;

comment on function medley.replace_item_availability(uuid[], uuid[], text[], text[], timestamptz[], timestamptz[]) is
  'Replaces the availability of the items p_item_ids by the rows of the arrays: item, platform, country (empty or null: '
  'everywhere), from (null: always) and until (null: no end). An item that stands in p_item_ids only has none afterwards. '
  'Only differences are written; returns how many rows changed. Errors: invalid_argument, not_found (unknown item).';
revoke all on function medley.replace_item_availability(uuid[], uuid[], text[], text[], timestamptz[], timestamptz[])
from public, anon, authenticated, service_role;

create or replace function medley.set_platform_subscription(p_user_id uuid, p_platform text, p_has_subscription boolean)
returns void
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_user_id uuid := medley.acting_user(p_user_id);
  v_user_no int;
begin
  if p_platform is null or length(btrim(p_platform)) not between 1 and 100 or p_has_subscription is null then
    perform medley.fail('invalid_argument', 'a platform has 1 to 100 characters, and one has it or not', 'p_platform',
      'Pass the name of the platform and true or false.');
  end if;
  if not exists (select from auth.users as u where u.id = v_user_id) then
    perform medley.fail('not_found', format('there is no member %s', v_user_id), 'p_user_id', 'Name an account.');
  end if;
  select m.user_no into strict v_user_no
  from medley.member_numbers(array[v_user_id]) as m;

  if p_has_subscription and (
    select count(*) from medley.platform_user_preferences as p where p.user_no = v_user_no and p.has_subscription
  ) >= 100 then
    perform medley.fail('too_large', 'the member has 100 subscriptions', 'p_platform', 'End one first.');
  end if;

  insert into medley.platform_user_preferences as p (user_no, platform_name, has_subscription)
  values (v_user_no, lower(btrim(p_platform)), p_has_subscription)
  on conflict (user_no, platform_name) do update
  set has_subscription = excluded.has_subscription, last_updated = now()
  where p.has_subscription <> excluded.has_subscription;
end;
$$;

comment on function medley.set_platform_subscription(uuid, text, boolean) is
  'Notes that the member has, or no longer has, a subscription; see public.set_platform_subscription. '
  'Errors: those of acting_user, invalid_argument, not_found, too_large (over 100 of them).';
revoke all on function medley.set_platform_subscription(uuid, text, boolean)
from public, anon, authenticated, service_role;
grant execute on function medley.set_platform_subscription(uuid, text, boolean) to authenticated, service_role;

-- sql/core/taste/embeddings.sql
-- Vectors of items: written by workers with the secret key, compared by cosine, all of unit length.
create or replace function medley.check_embeddings(p_type text, p_model text, p_rows jsonb)
returns void
language plpgsql stable parallel safe security definer set search_path = ''
as $$
begin
  if p_type is null or p_type !~ '^[a-z][a-z0-9_]{1,39}$' then
    perform medley.fail('invalid_argument', format('bad type of embedding: %s', left(p_type, 60)), 'p_type',
      'A type is 2 to 40 lower case letters, digits and underscores.');
  end if;
  if exists (select from medley.embedding_types as t where t.embedding_type = p_type and t.is_derived) then
    perform medley.fail('invalid_argument', format('embeddings of type %s are made by the engine', p_type), 'p_type',
      'Choose a type of your own.');
  end if;
  if p_model is null or length(p_model) not between 1 and 100 then
    perform medley.fail('invalid_argument', 'a model has a name of 1 to 100 characters', 'p_model', 'Name the model.');
  end if;
  if p_rows is null or jsonb_typeof(p_rows) <> 'array' then
    perform medley.fail('invalid_argument', 'p_rows must be an array of objects', 'p_rows',
      'Pass [{"item_id", "embedding": [numbers]}, ...].');
  end if;
  if jsonb_array_length(p_rows) > 500 then
    perform medley.fail('too_large', format('p_rows holds %s vectors', jsonb_array_length(p_rows)), 'p_rows',
      'Pass at most 500 vectors a call.');
  end if;
  if exists (
    select from jsonb_array_elements(p_rows) as r (entry)
    where r.entry ->> 'item_id' is null
      or coalesce(jsonb_typeof(r.entry -> 'embedding'), '') not in ('array', 'string')
  ) then
    perform medley.fail('invalid_argument', 'an entry lacks its item_id or its embedding', 'p_rows',
      'Pass [{"item_id", "embedding": [numbers]}, ...]; nothing was written.');
  end if;
end;
$$;

comment on function medley.check_embeddings(text, text, jsonb) is
  'Refuses what set_item_embeddings cannot read. Errors: invalid_argument, too_large.';
revoke all on function medley.check_embeddings(text, text, jsonb) from public, anon, authenticated, service_role;

create or replace function medley.embedding_model_dims(p_type text, p_model text, p_dims int)
returns int
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
begin
  if p_dims not in (64, 256, 384, 768, 1536) then
    perform medley.fail('invalid_argument', format('there is no place for vectors of %s numbers', p_dims), 'p_rows',
      'Vectors have 64, 256, 384, 768 or 1,536 numbers.');
  end if;
  insert into medley.embedding_types (embedding_type, model_version, dims)
  values (p_type, p_model, p_dims)
  on conflict do nothing;

  -- The active model's size is on record; that of another one is its vectors'.
  return coalesce(
    (
      select t.dims
      from medley.embedding_types as t
      where t.embedding_type = p_type and t.model_version = p_model
    ),
    (
      select e.dims
      from medley.content_embeddings as e
      where e.embedding_type = p_type and e.model_version = p_model
      limit 1
    ),
    p_dims
  );
end;
$$;

comment on function medley.embedding_model_dims(text, text, int) is
  'How many numbers vectors of the type and model have; the first vector decides. A new type is added with the model as '
  'its active one. Errors: invalid_argument (a size that has no column).';
revoke all on function medley.embedding_model_dims(text, text, int) from public, anon, authenticated, service_role;

create or replace function medley.set_item_embeddings(p_type text, p_model text, p_rows jsonb)
returns bigint
language plpgsql volatile parallel unsafe security definer set search_path = '' set plan_cache_mode = force_custom_plan
as $$
declare
  v_ids uuid[];
  v_vectors extensions.vector[];
  v_dims int;
  v_written bigint;
begin
  perform medley.check_embeddings(p_type, p_model, p_rows);
  if jsonb_array_length(p_rows) = 0 then
    return 0;
  end if;

  select
    array_agg((r.entry ->> 'item_id')::uuid order by r.place),
    array_agg((r.entry ->> 'embedding')::extensions.vector order by r.place)
  into v_ids, v_vectors
  from jsonb_array_elements(p_rows) with ordinality as r (entry, place);

  v_dims := medley.embedding_model_dims(p_type, p_model, extensions.vector_dims(v_vectors[1]));
  if exists (select from unnest(v_vectors) as v (embedding) where extensions.vector_dims(v.embedding) <> v_dims) then
    perform medley.fail('invalid_argument', format('a vector has another size than %s', v_dims), 'p_rows',
      format('Vectors of model %s have %s numbers; nothing was written.', p_model, v_dims));
  end if;
  if exists (select from unnest(v_vectors) as v (embedding) where extensions.vector_norm(v.embedding) = 0) then
    perform medley.fail('invalid_argument', 'a vector is zero', 'p_rows',
      'A vector without a direction resembles nothing: leave the item out; nothing was written.');
  end if;
  if exists (select from unnest(v_ids) as i (id) group by i.id having count(*) > 1) then
    perform medley.fail('invalid_argument', 'an item stands twice', 'p_rows', 'Pass each item once; nothing was written.');
  end if;
  perform medley.lock_items(v_ids);

  insert into medley.content_embeddings as e (
    item_no, embedding_type, model_version, dims,
    embedding_64, embedding_256, embedding_384, embedding_768, embedding_1536
  )
  select
    i.item_no,
    p_type,
    p_model,
    v_dims,
    case when v_dims = 64 then n.embedding end,
    case when v_dims = 256 then n.embedding end,
    case when v_dims = 384 then n.embedding end,
    case when v_dims = 768 then n.embedding end,
    case when v_dims = 1536 then n.embedding end
  from unnest(v_ids, v_vectors) as g (id, embedding)
  cross join lateral extensions.l2_normalize(g.embedding) as n (embedding)
  inner join medley.items as i on g.id = i.id
  order by i.item_no
  on conflict (item_no, embedding_type, model_version) do update
  set
    embedding_64 = excluded.embedding_64,
    embedding_256 = excluded.embedding_256,
    embedding_384 = excluded.embedding_384,
    embedding_768 = excluded.embedding_768,
    embedding_1536 = excluded.embedding_1536,
    created_at = excluded.created_at
  -- A repeat is not written: every write costs a search of the graph.
  where coalesce(
    e.embedding_64::extensions.vector, e.embedding_256::extensions.vector, e.embedding_384::extensions.vector,
    e.embedding_768::extensions.vector, e.embedding_1536::extensions.vector
  ) operator(extensions.<>) coalesce(
    excluded.embedding_64::extensions.vector, excluded.embedding_256::extensions.vector,
    excluded.embedding_384::extensions.vector, excluded.embedding_768::extensions.vector,
    excluded.embedding_1536::extensions.vector
  );
  get diagnostics v_written = row_count;
  return v_written;
exception
  -- Bad ids, NaN, infinities, nulls among the numbers, too many of them: the caller's data, not our fault.
  when data_exception or program_limit_exceeded then
    perform medley.fail('invalid_argument', sqlerrm, 'p_rows', 'Correct the vector; nothing was written.');
    return 0;
end;
$$;

comment on function medley.set_item_embeddings(text, text, jsonb) is
  'Writes up to 500 vectors of one type and model; see public.set_item_embeddings. Returns how many changed. '
  'Errors: invalid_argument, not_found (unknown item), too_large.';
revoke all on function medley.set_item_embeddings(text, text, jsonb) from public, anon, authenticated, service_role;
grant execute on function medley.set_item_embeddings(text, text, jsonb) to service_role;

create or replace function medley.activate_embedding_model(p_type text, p_model text)
returns bigint
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_items bigint;
  v_dims smallint;
begin
  select count(*), max(e.dims) into v_items, v_dims
  from medley.content_embeddings as e
  where e.embedding_type = p_type and e.model_version = p_model;
  if v_items = 0 then
    perform medley.fail('not_found', format('no item has a vector of type %s and model %s', p_type, p_model), 'p_model',
      'Write its vectors with set_item_embeddings first.');
  end if;

  update medley.embedding_types as t
  set model_version = p_model, dims = v_dims
  where t.embedding_type = p_type and t.model_version <> p_model;
  return v_items;
end;
$$;

comment on function medley.activate_embedding_model(text, text) is
  'Puts another model of a type in use, or an earlier one back; see public.activate_embedding_model. '
  'Errors: not_found (no vectors of that model).';
revoke all on function medley.activate_embedding_model(text, text) from public, anon, authenticated, service_role;
grant execute on function medley.activate_embedding_model(text, text) to service_role;

create or replace function medley.get_items_without_embedding(
  p_type text,
  p_model text,
  p_kind text,
  p_limit int,
  p_cursor text
)
returns table (item_id uuid, kind text, title text, next_cursor text)
language plpgsql stable parallel safe security definer set search_path = '' set plan_cache_mode = force_custom_plan
as $$
declare
  v_query text := 'items_without_embedding:' || md5(concat_ws('|', p_type, p_model, p_kind));
  v_before int := (medley.decode_cursor(p_cursor, v_query) ->> 'item_no')::int;
  v_model text := coalesce(
    p_model, (select t.model_version from medley.embedding_types as t where t.embedding_type = p_type)
  );
begin
  perform medley.check_limit(p_limit, 1000);

  return query
  select i.id, i.kind, i.title, medley.encode_cursor(v_query, jsonb_build_object('item_no', i.item_no))
  from medley.items as i
  where i.item_no < coalesce(v_before, 2147483647)
    and (p_kind is null or i.kind = p_kind)
    and not exists (
      select from medley.content_embeddings as e
      where e.item_no = i.item_no and e.embedding_type = p_type and e.model_version = v_model
    )
  order by i.item_no desc
  limit p_limit;
end;
$$;

comment on function medley.get_items_without_embedding(text, text, text, int, text) is
  'What a worker has still to embed; see public.get_items_without_embedding. Errors: invalid_argument, invalid_cursor.';
revoke all on function medley.get_items_without_embedding(text, text, text, int, text)
from public, anon, authenticated, service_role;
grant execute on function medley.get_items_without_embedding(text, text, text, int, text) to service_role;

create or replace function medley.embedding_digest()
returns int
language sql stable parallel safe security definer set search_path = ''
as $$
  -- By powers of two: a catalogue that is being embedded makes taste vectors follow now and then, not at every row.
  select coalesce(hashtext(string_agg(
    format('%s=%s/%s', t.embedding_type, t.model_version, floor(log(2, n.row_count))), ',' order by t.embedding_type
  )), 0)
  from medley.embedding_types as t
  cross join lateral (
    select count(*) as row_count
    from medley.content_embeddings as e
    where e.embedding_type = t.embedding_type and e.model_version = t.model_version
  ) as n
  where n.row_count > 0
    and not t.is_learned
$$;

comment on function medley.embedding_digest() is
  'A number that changes when another model is in use, or the vectors of one have doubled: taste vectors are then stale.';
revoke all on function medley.embedding_digest() from public, anon, authenticated, service_role;

-- sql/core/taste/profiles.sql
-- What members like: profiles over features, taste vectors, use of platforms. All from affinities and the log, for
-- members with news, in batches.

-- No SET: it inlines.
create or replace function medley.member_history(p_user_nos int[], p_as_of timestamptz)
returns table (user_no int, item_no int, affinity double precision, decay_rate double precision, rejected boolean)
language sql stable parallel safe security invoker
begin atomic
  select r.user_no, r.item_no, r.affinity, r.decay_rate, r.rejected
  from (
    select
      p.*,
      row_number() over (partition by p.user_no order by abs(p.affinity) desc, p.item_no) as place
    from (
      select
        a.user_no,
        a.item_no,
        sum(medley.affinity_at(a.score, a.last_at, a.half_life_days, p_as_of)) as affinity,
        ln(2) / max(a.half_life_days) as decay_rate,
        coalesce(max(a.negative_at) >= coalesce(max(a.positive_at), '-infinity'), false) as rejected
      from unnest(p_user_nos) as u (user_no)
      inner join medley.affinities as a on u.user_no = a.user_no
      group by a.user_no, a.item_no
    ) as p
    where p.affinity <> 0
  ) as r
  where r.place <= (select s.value from medley.settings as s where s.key = 'taste.history');
end;

comment on function medley.member_history(int[], timestamptz) is
  'What taste is derived from: the members'' strongest affinities at p_as_of (taste.history of each), liked or not. '
  'decay_rate is the decay a day; rejected, whether the last word was a negative one.';
revoke all on function medley.member_history(int[], timestamptz) from public, anon, authenticated, service_role;

create or replace function medley.weigh_taste(p_user_nos int[], p_as_of timestamptz)
returns table (user_no int, feature_no int, affinity_score real, confidence real, decay_rate real)
language sql stable parallel safe security definer set search_path = '' set work_mem = '256MB'
as $$
  -- One item says at most 1, however often it was played.
  with opinion as materialized (
    select h.user_no, h.item_no, h.affinity / (1 + abs(h.affinity)) as says, h.decay_rate
    from medley.member_history(p_user_nos, p_as_of) as h
  ),

  evidence as (
    select
      o.user_no,
      c.feature_no,
      o.says,
      o.decay_rate,
      max(c.weight * c.confidence) as weight
    from opinion as o
    inner join medley.content_features as c on o.item_no = c.item_no
    group by o.user_no, o.item_no, c.feature_no, o.says, o.decay_rate
  ),

  felt as (
    select
      e.user_no,
      e.feature_no,
      sum(e.says * e.weight) as liking,
      sum(abs(e.says) * least(e.weight, 1)) as support,
      sum(abs(e.says) * e.decay_rate) / sum(abs(e.says)) as decay_rate
    from evidence as e
    group by e.user_no, e.feature_no
  ),

  ranked as (
    select
      f.user_no,
      f.feature_no,
      f.support,
      f.decay_rate,
      s.strength,
      max(abs(s.strength)) over (partition by f.user_no) as strongest,
      row_number() over (partition by f.user_no order by abs(s.strength) desc, f.feature_no) as place
    from felt as f
    inner join medley.features as d on f.feature_no = d.feature_no
    inner join medley.feature_types as t on d.feature_type = t.feature_type
    cross join lateral (select f.liking * d.idf * t.weight as strength) as s
    where s.strength <> 0
  )

  select
    r.user_no,
    r.feature_no,
    (r.strength / r.strongest)::real,
    (r.support / (r.support + (select medley.setting('taste.confidence_items'))::float8))::real,
    r.decay_rate::real
  from ranked as r
  where r.place <= (select medley.setting('taste.max_features'))
$$;

comment on function medley.weigh_taste(int[], timestamptz) is
  'The profiles of these members from their affinities at p_as_of. The strength of a feature is the sum over items of '
  'a / (1 + |a|) * weight * confidence, times idf and the weight of its type; affinity_score is the strength relative to the '
  'member''s strongest; confidence is s / (s + taste.confidence_items), s being the items'' worth of evidence.';
revoke all on function medley.weigh_taste(int[], timestamptz) from public, anon, authenticated, service_role;

create or replace function medley.lock_members(p_user_nos int[])
returns int[]
language sql volatile parallel unsafe security definer set search_path = ''
as $$
  select coalesce(array_agg(l.user_no), '{}')
  from (
    select m.user_no
    from medley.members as m
    inner join unnest(p_user_nos) as u (user_no) on m.user_no = u.user_no
    order by m.user_no
    for no key update of m
  ) as l
$$;

comment on function medley.lock_members(int[]) is
  'Locks these members until the transaction ends, in order; returns those that exist. Two refreshes of one member take turns.';
revoke all on function medley.lock_members(int[]) from public, anon, authenticated, service_role;

create or replace function medley.refresh_taste_profiles_of(p_user_nos int[], p_as_of timestamptz)
returns bigint
language plpgsql volatile parallel unsafe security definer set search_path = '' set plan_cache_mode = force_custom_plan
as $$
declare
  v_user_nos int[] := medley.lock_members(p_user_nos);
  v_rows bigint;
begin
  -- The count first: what is logged from here on makes the member due again.
  insert into medley.taste_states as s (user_no, profile_engagements)
  select u.user_no, coalesce(m.engagements, 0)
  from unnest(v_user_nos) as u (user_no)
  left join medley.member_activity as m on u.user_no = m.user_no
  on conflict (user_no) do update
  set profile_engagements = excluded.profile_engagements;

  with fresh as materialized (
    select w.* from medley.weigh_taste(v_user_nos, p_as_of) as w
  ),

  removed as (
    delete from medley.user_taste_profiles as p
    using unnest(v_user_nos) as u (user_no)
    where p.user_no = u.user_no
      and not exists (select from fresh as f where f.user_no = p.user_no and f.feature_no = p.feature_no)
  ),

  written as (
    insert into medley.user_taste_profiles as p
      (user_no, feature_no, affinity_score, confidence, last_updated, decay_rate)
    select f.user_no, f.feature_no, f.affinity_score, f.confidence, p_as_of, f.decay_rate
    from fresh as f
    order by f.user_no, f.feature_no
    on conflict (user_no, feature_no) do update
    set
      affinity_score = excluded.affinity_score,
      confidence = excluded.confidence,
      last_updated = excluded.last_updated,
      decay_rate = excluded.decay_rate
  )

  select count(*) into v_rows from fresh;

  perform medley.learn_platforms(v_user_nos, p_as_of);
  return v_rows;
end;
$$;

comment on function medley.refresh_taste_profiles_of(int[], timestamptz) is
  'Derives the profiles of these members, and their use of platforms, as of p_as_of. Returns how many features they have.';
revoke all on function medley.refresh_taste_profiles_of(int[], timestamptz)
from public, anon, authenticated, service_role;

create or replace function medley.learn_platforms(p_user_nos int[], p_as_of timestamptz)
returns bigint
language plpgsql volatile parallel unsafe security definer set search_path = '' set plan_cache_mode = force_custom_plan
as $$
declare
  v_changed bigint;
begin
  with used as (
    select
      e.user_no,
      lower(btrim(e.platform)) as platform_name,
      count(*) as engagements,
      count(*) filter (where k.polarity > 0) as positive,
      count(*) filter (where k.polarity < 0) as negative
    from unnest(p_user_nos) as u (user_no)
    inner join medley.engagements as e on u.user_no = e.user_no
    inner join medley.engagement_kinds as k on e.kind_no = k.kind_no
    where e.occurred_at > p_as_of - make_interval(days => (select medley.setting('taste.platform_days'))::int)
      and e.occurred_at <= p_as_of
      and length(btrim(e.platform)) between 1 and 100
    group by e.user_no, lower(btrim(e.platform))
  ),

  fresh as (
    select
      coalesce(s.user_no, p.user_no) as user_no,
      coalesce(s.platform_name, p.platform_name) as platform_name,
      coalesce(s.engagements / sum(s.engagements) over (partition by s.user_no), 0)::real as usage_frequency,
      ((coalesce(s.positive, 0) + 1.0) / (coalesce(s.positive, 0) + coalesce(s.negative, 0) + 2))::real
        as preference_score
    from used as s
    full join (
      select k.user_no, k.platform_name
      from medley.platform_user_preferences as k
      inner join unnest(p_user_nos) as u (user_no) on k.user_no = u.user_no
    ) as p on s.user_no = p.user_no and s.platform_name = p.platform_name
  ),

  written as (
    insert into medley.platform_user_preferences as p
      (user_no, platform_name, usage_frequency, preference_score, last_updated)
    select f.user_no, f.platform_name, f.usage_frequency, f.preference_score, p_as_of
    from fresh as f
    order by f.user_no, f.platform_name
    on conflict (user_no, platform_name) do update
    set
      usage_frequency = excluded.usage_frequency,
      preference_score = excluded.preference_score,
      last_updated = excluded.last_updated
    where (p.usage_frequency, p.preference_score) is distinct from (excluded.usage_frequency, excluded.preference_score)
    returning 1
  )

  select count(*) into v_changed from written;
  return v_changed;
end;
$$;

comment on function medley.learn_platforms(int[], timestamptz) is
  'Learns these members'' use of platforms from their engagements of the taste.platform_days before p_as_of. What they said '
  'of subscriptions stays. Returns how many rows changed.';
revoke all on function medley.learn_platforms(int[], timestamptz) from public, anon, authenticated, service_role;

-- No SET: it inlines. Vectors have no product with a number, so the share becomes a vector of its own.
create or replace function medley.turned_from(p_liked extensions.vector, p_rejected extensions.vector, p_share real)
returns extensions.vector
language sql immutable parallel safe security invoker
return case
  when p_rejected is null or p_share = 0 then p_liked
  else extensions.vector_sub(
    p_liked,
    extensions.vector_mul(
      p_rejected, array_fill(p_share, array[extensions.vector_dims(p_rejected)])::extensions.vector
    )
  )
end;

comment on function medley.turned_from(extensions.vector, extensions.vector, real) is
  'p_liked less p_share of p_rejected (Rocchio 1971); p_liked where nothing is rejected.';
revoke all on function medley.turned_from(extensions.vector, extensions.vector, real)
from public, anon, authenticated, service_role;

create or replace function medley.taste_vectors_at(p_user_nos int[], p_as_of timestamptz)
returns table (
  user_no int,
  embedding_type text,
  model_version text,
  embedding_64 extensions.vector,
  embedding_256 extensions.vector,
  embedding_384 extensions.vector,
  embedding_768 extensions.vector,
  embedding_1536 extensions.vector
)
language plpgsql stable parallel safe security definer set search_path = '' set plan_cache_mode = force_custom_plan
set work_mem = '256MB'
as $$
declare
  v_share real := medley.setting('taste.rejected_share');
begin
  return query
  with summed as (
    select
      h.user_no,
      h.rejected,
      t.embedding_type,
      t.model_version,
      extensions.avg(e.embedding_64) as embedding_64,
      extensions.avg(e.embedding_256) as embedding_256,
      extensions.avg(e.embedding_384) as embedding_384,
      extensions.avg(e.embedding_768) as embedding_768,
      extensions.avg(e.embedding_1536) as embedding_1536
    from medley.member_history(p_user_nos, p_as_of) as h
    inner join medley.content_embeddings as e on h.item_no = e.item_no
    inner join medley.embedding_types as t
      on e.embedding_type = t.embedding_type and e.model_version = t.model_version
    where (h.rejected or h.affinity > 0)
      and not t.is_learned
    group by h.user_no, h.rejected, t.embedding_type, t.model_version
  ),

  felt as materialized (
    select
      l.user_no,
      l.embedding_type,
      l.model_version,
      medley.turned_from(l.embedding_64, r.embedding_64, v_share) as embedding_64,
      medley.turned_from(l.embedding_256, r.embedding_256, v_share) as embedding_256,
      medley.turned_from(l.embedding_384, r.embedding_384, v_share) as embedding_384,
      medley.turned_from(l.embedding_768, r.embedding_768, v_share) as embedding_768,
      medley.turned_from(l.embedding_1536, r.embedding_1536, v_share) as embedding_1536
    from summed as l
    left join summed as r on r.user_no = l.user_no and r.embedding_type = l.embedding_type and r.rejected
    where not l.rejected
  )

  select
    f.user_no,
    f.embedding_type,
    f.model_version,
    extensions.l2_normalize(f.embedding_64),
    extensions.l2_normalize(f.embedding_256),
    extensions.l2_normalize(f.embedding_384),
    extensions.l2_normalize(f.embedding_768),
    extensions.l2_normalize(f.embedding_1536)
  from felt as f
  -- Likes that point in opposite ways may cancel out, and then there is no direction to speak of.
  where greatest(
    extensions.vector_norm(f.embedding_64), extensions.vector_norm(f.embedding_256),
    extensions.vector_norm(f.embedding_384), extensions.vector_norm(f.embedding_768),
    extensions.vector_norm(f.embedding_1536)
  ) > 1e-6;
end;
$$;

comment on function medley.taste_vectors_at(int[], timestamptz) is
  'The taste vectors of these members as of p_as_of, one for each type of embedding that is not learned: the mean over the items they like, less '
  'taste.rejected_share of the mean over those they reject, of unit length.';
revoke all on function medley.taste_vectors_at(int[], timestamptz) from public, anon, authenticated, service_role;

create or replace function medley.refresh_taste_vectors_of(p_user_nos int[], p_as_of timestamptz)
returns bigint
language plpgsql volatile parallel unsafe security definer set search_path = '' set plan_cache_mode = force_custom_plan
as $$
declare
  v_user_nos int[] := medley.lock_members(p_user_nos);
  v_rows bigint;
begin
  insert into medley.taste_states as s (user_no, vector_engagements, models)
  select u.user_no, coalesce(m.engagements, 0), d.models
  from unnest(v_user_nos) as u (user_no)
  left join medley.member_activity as m on u.user_no = m.user_no
  cross join (select medley.embedding_digest() as models) as d
  on conflict (user_no) do update
  set vector_engagements = excluded.vector_engagements, models = excluded.models;

  with fresh as materialized (
    select t.* from medley.taste_vectors_at(v_user_nos, p_as_of) as t
  ),

  removed as (
    delete from medley.user_taste_vectors as v
    using unnest(v_user_nos) as u (user_no)
    where v.user_no = u.user_no
      and not exists (select from fresh as f where f.user_no = v.user_no and f.embedding_type = v.embedding_type)
      and v.embedding_type not in (select t.embedding_type from medley.embedding_types as t where t.is_learned)
  ),

  written as (
    insert into medley.user_taste_vectors as v (
      user_no, embedding_type, model_version,
      embedding_64, embedding_256, embedding_384, embedding_768, embedding_1536, computed_at
    )
    select
      f.user_no,
      f.embedding_type,
      f.model_version,
      f.embedding_64,
      f.embedding_256,
      f.embedding_384,
      f.embedding_768,
      f.embedding_1536,
      p_as_of
    from fresh as f
    order by f.user_no, f.embedding_type
    on conflict (user_no, embedding_type) do update
    set
      model_version = excluded.model_version,
      embedding_64 = excluded.embedding_64,
      embedding_256 = excluded.embedding_256,
      embedding_384 = excluded.embedding_384,
      embedding_768 = excluded.embedding_768,
      embedding_1536 = excluded.embedding_1536,
      computed_at = excluded.computed_at
  )

  select count(*) into v_rows from fresh;
  return v_rows;
end;
$$;

comment on function medley.refresh_taste_vectors_of(int[], timestamptz) is
  'Stores the taste vectors of these members as of p_as_of; see taste_vectors_at. Returns how many there are.';
revoke all on function medley.refresh_taste_vectors_of(int[], timestamptz)
from public, anon, authenticated, service_role;

create or replace function medley.refresh_taste(p_user_nos int[], p_as_of timestamptz)
returns bigint
language sql volatile parallel unsafe security definer set search_path = ''
as $$
  select medley.refresh_taste_profiles_of(p_user_nos, p_as_of) + medley.refresh_taste_vectors_of(p_user_nos, p_as_of)
$$;

comment on function medley.refresh_taste(int[], timestamptz) is
  'Derives everything about the taste of these members anew, as of p_as_of. Returns how many rows they have.';
revoke all on function medley.refresh_taste(int[], timestamptz) from public, anon, authenticated, service_role;

create or replace function medley.refresh_taste_profiles(p_limit int)
returns bigint
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_due int[] := array(
    select m.user_no
    from medley.member_activity as m
    left join medley.taste_states as s on m.user_no = s.user_no
    where s.profile_engagements is distinct from m.engagements
    order by m.user_no
    limit p_limit
  );
begin
  perform medley.refresh_taste_profiles_of(v_due, now());
  return cardinality(v_due);
end;
$$;

comment on function medley.refresh_taste_profiles(int) is
  'Job: refreshes the profiles of up to p_limit members with new engagements. Returns how many members.';
revoke all on function medley.refresh_taste_profiles(int) from public, anon, authenticated, service_role;

create or replace function medley.refresh_taste_vectors(p_limit int)
returns bigint
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_models int := medley.embedding_digest();
  v_due int[] := array(
    select m.user_no
    from medley.member_activity as m
    left join medley.taste_states as s on m.user_no = s.user_no
    where s.vector_engagements is distinct from m.engagements or s.models is distinct from v_models
    order by m.user_no
    limit p_limit
  );
begin
  perform medley.refresh_taste_vectors_of(v_due, now());
  return cardinality(v_due);
end;
$$;

comment on function medley.refresh_taste_vectors(int) is
  'Job: refreshes the taste vectors of up to p_limit members with new engagements, or whose vectors are of another model. '
  'Returns how many members.';
revoke all on function medley.refresh_taste_vectors(int) from public, anon, authenticated, service_role;

create or replace function medley.get_taste_profile(p_user_id uuid, p_limit int, p_as_of timestamptz)
returns table (
  feature_type text,
  feature_value text,
  label text,
  affinity_score real,
  confidence real,
  last_updated timestamptz
)
language plpgsql stable parallel safe security definer set search_path = ''
as $$
declare
  v_user_no int := medley.member_no(medley.acting_user(p_user_id));
begin
  perform medley.check_limit(p_limit);

  return query
  select
    f.feature_type,
    f.feature_value,
    medley.feature_label(f.feature_value),
    d.affinity_score,
    p.confidence,
    p.last_updated
  from medley.user_taste_profiles as p
  inner join medley.features as f on p.feature_no = f.feature_no
  -- As affinities do: not more before its time, and no underflow.
  cross join lateral (
    select (p.affinity_score * exp(least(0, greatest(-20,
      -p.decay_rate * date_part('epoch', p_as_of - p.last_updated) / 86400
    ))))::real as affinity_score
  ) as d
  where p.user_no = v_user_no
  order by abs(d.affinity_score) desc, p.feature_no
  limit p_limit;
end;
$$;

comment on function medley.get_taste_profile(uuid, int, timestamptz) is
  'The member''s profile at p_as_of; see public.get_taste_profile. Errors: those of acting_user, invalid_argument.';
revoke all on function medley.get_taste_profile(uuid, int, timestamptz) from public, anon, authenticated, service_role;
grant execute on function medley.get_taste_profile(uuid, int, timestamptz) to authenticated, service_role;

-- sql/core/taste/spectral.sql
-- Vectors of items from behaviour alone: a truncated spectral embedding of the graph of members and items, by block
-- power iteration inside the database. One step takes every item to the mean of its members, each the mean of its
-- items; the vectors that this keeps are the leading ones of the normalized graph, in which groups of items lie in
-- directions of their own (Ng, Jordan and Weiss 2001). Counts are shrunk (Amini et al. 2013), so tiny islands of the
-- catalogue do not take a dimension each.
-- Linear in the number of affinities; members go block by block, so memory does not grow with them.
create or replace function medley.inverse_cholesky(p_gram double precision[])
returns double precision[]
language plpgsql immutable parallel safe security invoker set search_path = ''
as $$
declare
  -- Square, row by row, flat: place (i - 1) * n + j.
  v_n constant int := sqrt(cardinality(p_gram))::int;
  v_lower double precision[] := array_fill(0::float8, array[cardinality(p_gram)]);
  v_inverse double precision[] := array_fill(0::float8, array[cardinality(p_gram)]);
  v_sum double precision;
  v_row int;
  v_other int;
begin
  for i in 1..v_n loop
    v_row := (i - 1) * v_n;
    for j in 1..i loop
      v_other := (j - 1) * v_n;
      v_sum := p_gram[v_row + j];
      for k in 1..(j - 1) loop
        v_sum := v_sum - v_lower[v_row + k] * v_lower[v_other + k];
      end loop;
      if j < i then
        v_lower[v_row + j] := case when v_lower[v_other + j] > 0 then v_sum / v_lower[v_other + j] else 0 end;
      else
        -- What earlier columns explain already leaves a zero, and is dropped.
        v_lower[v_row + i] := case when v_sum > 1e-9 * p_gram[v_row + i] then sqrt(v_sum) else 0 end;
      end if;
    end loop;

    -- Row i of the inverse, by forward substitution.
    continue when v_lower[v_row + i] = 0;
    v_inverse[v_row + i] := 1 / v_lower[v_row + i];
    for j in 1..(i - 1) loop
      v_sum := 0;
      for k in j..(i - 1) loop
        v_sum := v_sum - v_lower[v_row + k] * v_inverse[(k - 1) * v_n + j];
      end loop;
      v_inverse[v_row + j] := v_sum / v_lower[v_row + i];
    end loop;
  end loop;
  return v_inverse;
end;
$$;

comment on function medley.inverse_cholesky(double precision[]) is
  'The inverse of the lower Cholesky factor of a symmetric matrix, both flat, row by row: it makes columns with that Gram '
  'matrix orthonormal. Columns that depend on earlier ones get a row of zeros.';
revoke all on function medley.inverse_cholesky(double precision[]) from public, anon, authenticated, service_role;

create or replace function medley.fill_spectral_bags()
returns bigint
language plpgsql volatile parallel unsafe security definer set search_path = '' set work_mem = '256MB'
as $$
declare
  v_min int := medley.setting('taste.spectral_min_members');
  v_history int := medley.setting('taste.history');
begin
  truncate medley.spectral_bags, medley.spectral_items;

  -- Every dimension starts from a hash of the item: a rebuild from the same log gives the same vectors.
  insert into medley.spectral_items (item_no, degree, place)
  select
    d.item_no,
    d.degree,
    array(
      select hashint4extended(d.item_no, k)::float8 / 9223372036854775808 from generate_series(1, 64) as k
    )::extensions.vector(64)
  from (
    select a.item_no, count(distinct a.user_no)::int as degree
    from medley.affinities as a
    where a.score > 0 and (a.negative_at is null or a.positive_at > a.negative_at)
    group by a.item_no
    having count(distinct a.user_no) >= v_min
  ) as d
  inner join medley.items as i on d.item_no = i.item_no
  order by d.item_no;
  analyze medley.spectral_items;

  insert into medley.spectral_bags (block, bag_no, item_nos)
  select b.bag_no / 20000, b.bag_no, b.item_nos
  from (
    select
      row_number() over () as bag_no,
      (array_agg(a.item_no order by a.last_at desc, a.item_no))[1:v_history] as item_nos
    from medley.affinities as a
    inner join medley.spectral_items as s on a.item_no = s.item_no
    where a.score > 0 and (a.negative_at is null or a.positive_at > a.negative_at)
    group by a.user_no
  ) as b
  -- Who likes one item only says nothing about which go together.
  where cardinality(b.item_nos) > 1;
  analyze medley.spectral_bags;
  return (select count(*) from medley.spectral_items);
end;
$$;

comment on function medley.fill_spectral_bags() is
  'Lays out what the iteration works on: items with enough members, at a start that looks random, and members'' liked items '
  'in blocks of 20,000 members. Returns how many items there are.';
revoke all on function medley.fill_spectral_bags() from public, anon, authenticated, service_role;

create or replace function medley.propagate_block(p_block int, p_shrinkage double precision)
returns table (item_no int, total extensions.vector)
language sql stable parallel safe security definer set search_path = '' set work_mem = '256MB'
as $$
  with bag as materialized (
    select b.bag_no, b.item_nos
    from medley.spectral_bags as b
    where b.block = p_block
  ),

  member as (
    select g.bag_no, extensions.sum(s.place) as total, count(*) as items
    from bag as g
    cross join lateral unnest(g.item_nos) as u (item_no)
    inner join medley.spectral_items as s on u.item_no = s.item_no
    group by g.bag_no
  ),

  -- There are few distinct counts, so the vectors to multiply by are made once each.
  scale as materialized (
    select c.items, array_fill((1 / (c.items + p_shrinkage))::real, array[64])::extensions.vector as factor
    from (select distinct m.items from member as m) as c
  ),

  standing as materialized (
    select m.bag_no, m.total operator(extensions.*) c.factor as place
    from member as m
    inner join scale as c on m.items = c.items
  )

  select u.item_no, extensions.sum(p.place)
  from bag as g
  cross join lateral unnest(g.item_nos) as u (item_no)
  inner join standing as p on g.bag_no = p.bag_no
  group by u.item_no
$$;

comment on function medley.propagate_block(int, double precision) is
  'One block''s share of a step: where its members stand, and per item the sum over those who like it.';
revoke all on function medley.propagate_block(int, double precision) from public, anon, authenticated, service_role;

create or replace function medley.propagate_items()
returns bigint
language plpgsql volatile parallel unsafe security definer set search_path = '' set work_mem = '256MB'
set plan_cache_mode = force_custom_plan
as $$
declare
  v_shrinkage double precision := medley.setting('taste.spectral_shrinkage');
  v_rows bigint;
begin
  with moved as materialized (
    select b.item_no, extensions.sum(b.total) as total
    from generate_series(0, (select max(b.block) from medley.spectral_bags as b)) as n (block)
    cross join lateral medley.propagate_block(n.block, v_shrinkage) as b
    group by b.item_no
  ),

  scale as materialized (
    select c.degree, array_fill((1 / (c.degree + v_shrinkage))::real, array[64])::extensions.vector as factor
    from (select distinct s.degree from medley.spectral_items as s) as c
  )

  update medley.spectral_items as s
  set place = m.total operator(extensions.*) c.factor
  from moved as m, scale as c
  where s.item_no = m.item_no and s.degree = c.degree;
  get diagnostics v_rows = row_count;
  return v_rows;
end;
$$;

comment on function medley.propagate_items() is
  'One step of the iteration: every item moves to the shrunk mean of its members, each at the shrunk mean of its items.';
revoke all on function medley.propagate_items() from public, anon, authenticated, service_role;

create or replace function medley.spectral_gram()
returns double precision[]
language sql stable parallel safe security definer set search_path = '' set work_mem = '256MB'
as $$
  with drawn as (
    -- Systematic sampling: 8,000 draws with odds in proportion to the shrunk degrees, which are the weights of the inner
    -- product in which the steps are symmetric. An item that is drawn n times counts n times.
    select
      s.item_no,
      s.place,
      floor(8000 * sum(w.weight) over running / sum(w.weight) over ())
        - floor(8000 * (sum(w.weight) over running - w.weight) / sum(w.weight) over ()) as draws
    from medley.spectral_items as s
    cross join lateral (select (s.degree + medley.setting('taste.spectral_shrinkage'))::float8 as weight) as w
    window running as (order by s.item_no)
  ),

  -- Turned over, a dimension is one long vector, and the Gram matrix 64 * 64 inner products.
  dimension as materialized (
    select
      u.k,
      array_agg(u.value * sqrt(d.draws) order by d.item_no)::real[]::extensions.vector as entries
    from drawn as d
    cross join lateral unnest(d.place::real[]) with ordinality as u (value, k)
    where d.draws > 0
    group by u.k
  )

  select array_agg(-(a.entries operator(extensions.<#>) b.entries) order by a.k, b.k)
  from dimension as a
  cross join dimension as b
$$;

comment on function medley.spectral_gram() is
  'The Gram matrix of the 64 dimensions of spectral_items, weighted by degree, on a sample of at most 8,000 items; flat.';
revoke all on function medley.spectral_gram() from public, anon, authenticated, service_role;

create or replace function medley.orthonormalize_items()
returns void
language plpgsql volatile parallel unsafe security definer set search_path = '' set work_mem = '256MB'
as $$
declare
  v_inverse double precision[] := medley.inverse_cholesky(medley.spectral_gram());
  v_rows extensions.vector[] := array(
    select v_inverse[k * 64 + 1:k * 64 + 64]::extensions.vector from generate_series(0, 63) as k
  );
begin
  update medley.spectral_items as s
  set place = array(
    select -(s.place operator(extensions.<#>) r.entries)
    from unnest(v_rows) with ordinality as r (entries, k)
    order by r.k
  )::extensions.vector(64)
  where true;
end;
$$;

comment on function medley.orthonormalize_items() is
  'Makes the dimensions of spectral_items orthonormal, so that they do not all turn into the strongest one.';
revoke all on function medley.orthonormalize_items() from public, anon, authenticated, service_role;

create or replace function medley.rebuild_spectral_embeddings()
returns bigint
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_generation int := medley.begin_generation('spectral_embeddings');
  v_model text := format('spectral-%s', v_generation);
  v_rows bigint := medley.fill_spectral_bags();
begin
  for v_step in 1..(medley.setting('taste.spectral_iterations')::int * (v_rows > 0)::int) loop
    perform medley.propagate_items();
    perform medley.orthonormalize_items();
  end loop;
  -- A last step without it weighs each dimension by what it explains.
  perform medley.propagate_items();

  delete from medley.content_embeddings as e
  where e.embedding_type = 'behavior';
  insert into medley.content_embeddings (item_no, embedding_type, model_version, dims, embedding_64)
  select s.item_no, 'behavior', v_model, 64, extensions.l2_normalize(s.place)
  from medley.spectral_items as s
  inner join medley.items as i on s.item_no = i.item_no
  where extensions.vector_norm(s.place) > 0;
  get diagnostics v_rows = row_count;

  update medley.embedding_types as t
  set model_version = v_model
  where t.embedding_type = 'behavior';
  truncate medley.spectral_bags, medley.spectral_items;
  analyze medley.content_embeddings;
  perform medley.finish_generation('spectral_embeddings', v_generation, v_rows);
  return v_rows;
end;
$$;

comment on function medley.rebuild_spectral_embeddings() is
  'Job: the vectors of type behavior anew, under a new model version; taste vectors follow by their own job. One '
  'transaction: killed at any moment it leaves the former ones. Returns how many items have one.';
revoke all on function medley.rebuild_spectral_embeddings() from public, anon, authenticated, service_role;

-- sql/core/taste/clusters.sql
-- Groups of members with similar taste vectors: spherical k-means, centres from a sample, then every member to the
-- nearest one.

-- No SET: it inlines.
create or replace function medley.taste_vectors(p_type text)
returns table (user_no int, place extensions.vector)
language sql stable parallel safe security invoker
begin atomic
  select
    v.user_no,
    coalesce(
      v.embedding_64::extensions.vector, v.embedding_256::extensions.vector, v.embedding_384::extensions.vector,
      v.embedding_768::extensions.vector, v.embedding_1536::extensions.vector
    )
  from medley.user_taste_vectors as v
  inner join medley.embedding_types as t
    on v.embedding_type = t.embedding_type and v.model_version = t.model_version
  where v.embedding_type = p_type;
end;

comment on function medley.taste_vectors(text) is 'The members'' vectors of one type, those of the active model.';
revoke all on function medley.taste_vectors(text) from public, anon, authenticated, service_role;

create or replace function medley.nearest_centers(p_places extensions.vector[], p_centers extensions.vector[])
returns table (place extensions.vector, center_no int, similarity double precision)
language sql stable parallel safe security invoker
as $$
  select p.place, c.center_no, c.similarity
  from unnest(p_places) as p (place)
  cross join lateral (
    select
      n.center_no::int as center_no,
      -(p.place operator(extensions.<#>) n.center) as similarity
    from unnest(p_centers) with ordinality as n (center, center_no)
    order by p.place operator(extensions.<#>) n.center, n.center_no
    limit 1
  ) as c
$$;

comment on function medley.nearest_centers(extensions.vector[], extensions.vector[]) is
  'For each vector the nearest of the centres, by cosine; all have unit length.';
revoke all on function medley.nearest_centers(extensions.vector[], extensions.vector[])
from public, anon, authenticated, service_role;

create or replace function medley.seed_centers(p_places extensions.vector[], p_count int)
returns extensions.vector[]
language plpgsql stable parallel safe security definer set search_path = '' set plan_cache_mode = force_custom_plan
as $$
declare
  v_places extensions.vector[] := p_places[1:least(cardinality(p_places), 2000)];
  v_centers extensions.vector[] := p_places[1:1];
  v_next extensions.vector;
begin
  -- k-means++ (Arthur and Vassilvitskii 2007): the next centre is drawn with odds in proportion to its squared distance
  -- from the chosen ones. ln(random) / odds makes such a draw the smallest of all; the hash stands for chance.
  while cardinality(v_centers) < p_count loop
    select n.place into v_next
    from (
      select
        c.place,
        1 - c.similarity as odds,
        (hashtextextended(c.place::text, cardinality(v_centers)) & 1048575 | 1)::float8 / 1048577 as chance
      from medley.nearest_centers(v_places, v_centers) as c
    ) as n
    where n.odds > 1e-6
    order by ln(n.chance) / n.odds desc
    limit 1;
    exit when not found;
    v_centers := v_centers || v_next;
  end loop;
  return v_centers;
end;
$$;

comment on function medley.seed_centers(extensions.vector[], int) is
  'Up to p_count well spread vectors among the first 2,000 of p_places, for k-means to start from. Fewer where all the '
  'others coincide with them.';
revoke all on function medley.seed_centers(extensions.vector[], int) from public, anon, authenticated, service_role;

create or replace function medley.find_centers(p_type text, p_count int)
returns extensions.vector[]
language plpgsql stable parallel safe security definer set search_path = '' set plan_cache_mode = force_custom_plan
set work_mem = '256MB'
as $$
declare
  v_places extensions.vector[] := array(
    select v.place
    from medley.taste_vectors(p_type) as v
    -- The same members each time, and no favoured ones.
    order by hashint4extended(v.user_no, 1), v.user_no
    limit (select medley.setting('taste.cluster_sample'))
  );
  v_centers extensions.vector[] := medley.seed_centers(v_places, p_count);
  v_former extensions.vector[];
begin
  for v_round in 1..medley.setting('taste.cluster_iterations')::int loop
    v_former := v_centers;
    v_centers := array(
      select extensions.l2_normalize(extensions.avg(n.place))
      from medley.nearest_centers(v_places, v_centers) as n
      group by n.center_no
      having extensions.vector_norm(extensions.avg(n.place)) > 0
      order by count(*) desc, n.center_no
    );
    exit when v_centers = v_former;
  end loop;
  return v_centers;
end;
$$;

comment on function medley.find_centers(text, int) is
  'Centres of up to p_count clusters of the members'' vectors of a type: k-means on a sample, the largest cluster first.';
revoke all on function medley.find_centers(text, int) from public, anon, authenticated, service_role;

create or replace function medley.rebuild_clusters_of(p_cluster_type text, p_type text)
returns bigint
language plpgsql volatile parallel unsafe security definer set search_path = '' set plan_cache_mode = force_custom_plan
set work_mem = '256MB'
as $$
declare
  v_members bigint := (select count(*) from medley.taste_vectors(p_type) as v);
  v_centers extensions.vector[];
  v_rows bigint;
begin
  -- Few members make few clusters: about the square root of half their number.
  v_centers := medley.find_centers(
    p_type, least(medley.setting('taste.clusters'), greatest(1, ceil(sqrt(v_members / 2.0))))::int
  );

  with fresh as materialized (
    select v.user_no, c.center_no, c.similarity
    from medley.taste_vectors(p_type) as v
    cross join lateral (
      select
        n.center_no::int as center_no,
        least(1, greatest(-1, -(v.place operator(extensions.<#>) n.center)))::real as similarity
      from unnest(v_centers) with ordinality as n (center, center_no)
      order by v.place operator(extensions.<#>) n.center, n.center_no
      limit 1
    ) as c
  ),

  removed as (
    delete from medley.user_clusters as u
    where u.cluster_type = p_cluster_type
      and not exists (select from fresh as f where f.user_no = u.user_no)
  ),

  written as (
    insert into medley.user_clusters as u (user_no, cluster_type, cluster_no, similarity)
    select f.user_no, p_cluster_type, f.center_no, f.similarity
    from fresh as f
    order by f.user_no
    on conflict (user_no, cluster_type) do update
    set cluster_no = excluded.cluster_no, similarity = excluded.similarity, updated_at = excluded.updated_at
    where (u.cluster_no, u.similarity) is distinct from (excluded.cluster_no, excluded.similarity)
  )

  select count(*) into v_rows from fresh;
  return v_rows;
end;
$$;

comment on function medley.rebuild_clusters_of(text, text) is
  'Clusters of one kind over the vectors of one type of embedding. Returns how many members are in one.';
revoke all on function medley.rebuild_clusters_of(text, text) from public, anon, authenticated, service_role;

create or replace function medley.rebuild_user_clusters()
returns bigint
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_generation int := medley.begin_generation('user_clusters');
  -- A type that few members have would leave the others without a cluster.
  v_type text := (
    select k.embedding_type
    from (
      select
        t.embedding_type,
        t.taste_rank,
        count(*) < 0.5 * max(count(*)) over () as is_rare
      from medley.user_taste_vectors as v
      inner join medley.embedding_types as t
        on v.embedding_type = t.embedding_type and v.model_version = t.model_version
      group by t.embedding_type, t.taste_rank
    ) as k
    where not k.is_rare
    order by k.taste_rank, k.embedding_type
    limit 1
  );
  v_rows bigint;
begin
  v_rows := medley.rebuild_clusters_of('behavior_based', 'behavior') + medley.rebuild_clusters_of('taste_based', v_type);
  analyze medley.user_clusters;
  perform medley.finish_generation('user_clusters', v_generation, v_rows);
  return v_rows;
end;
$$;

comment on function medley.rebuild_user_clusters() is
  'Job: both kinds of clusters anew, in one transaction. Returns how many rows there are.';
revoke all on function medley.rebuild_user_clusters() from public, anon, authenticated, service_role;

-- sql/core/taste/api.sql
-- The API of taste: thin functions over those of the same name in medley.
create or replace function public.register_item_features(p_features jsonb)
returns table (item_id uuid, feature_count int)
language sql volatile parallel unsafe security invoker set search_path = ''
as $$
  select r.item_id, r.feature_count
  from medley.register_item_features(p_features) as r
$$;

comment on function public.register_item_features(jsonb) is
  'Says what items are made of (secret key only): for an app''s own kinds, or beside what a pack says. p_features: '
  '[{"item_id": uuid, "source": text, "features": [{"type": text, "value": text, "weight": number, '
  '"confidence": number}]}], up to 1,000 items with 200 features each. The features that the source (default app) gave to '
  'the item before are replaced. weight (default 1) is more than 0 and at most 100, confidence (default 1) at most 1. '
  'Returns item_id and how many features were given, in their order. Errors: invalid_argument, not_found, too_large.';
revoke all on function public.register_item_features(jsonb) from public, anon, authenticated, service_role;
grant execute on function public.register_item_features(jsonb) to service_role;

create or replace function public.set_platform_subscription(
  p_platform text,
  p_has_subscription boolean default true,
  p_user_id uuid default null
)
returns void
language sql volatile parallel unsafe security invoker set search_path = ''
as $$ select medley.set_platform_subscription(p_user_id, p_platform, p_has_subscription) $$;

comment on function public.set_platform_subscription(text, boolean, uuid) is
  'Notes that the signed-in member has (or, with false, no longer has) the platform p_platform, in any spelling of case. '
  'p_user_id is for the secret key only. Errors: unauthenticated, forbidden, invalid_argument, not_found, too_large.';
revoke all on function public.set_platform_subscription(text, boolean, uuid)
from public, anon, authenticated, service_role;
grant execute on function public.set_platform_subscription(text, boolean, uuid) to authenticated, service_role;

create or replace function public.get_taste_profile(p_limit int default 50, p_user_id uuid default null)
returns table (
  feature_type text,
  feature_value text,
  label text,
  affinity_score real,
  confidence real,
  last_updated timestamptz
)
language sql stable parallel safe security invoker set search_path = ''
as $$
  select t.feature_type, t.feature_value, t.label, t.affinity_score, t.confidence, t.last_updated
  from medley.get_taste_profile(p_user_id, p_limit, now()) as t
$$;

comment on function public.get_taste_profile(int, uuid) is
  'What the signed-in member likes and dislikes: up to p_limit (1 to 200) features, the strongest first. label is '
  'feature_value for people: where that is the id of an item, its title (null: not public). affinity_score is '
  '-1 to 1, relative to the strongest, and fades from last_updated on; confidence is 0 to 1, 0.5 at three items'' worth of '
  'evidence. A job keeps it up to date. p_user_id is for the secret key only. '
  'Errors: unauthenticated, forbidden, not_found (the member), invalid_argument.';
revoke all on function public.get_taste_profile(int, uuid) from public, anon, authenticated, service_role;
grant execute on function public.get_taste_profile(int, uuid) to authenticated, service_role;

create or replace function public.set_item_embeddings(p_type text, p_model text, p_rows jsonb)
returns bigint
language sql volatile parallel unsafe security invoker set search_path = ''
as $$ select medley.set_item_embeddings(p_type, p_model, p_rows) $$;

comment on function public.set_item_embeddings(text, text, jsonb) is
  'Writes vectors of items (secret key only). p_rows: [{"item_id": uuid, "embedding": [numbers]}], at most 500, each item '
  'once; all of the size that the model p_model of type p_type has: 64, 256, 384, 768 or 1,536 numbers. Vectors are kept at '
  'unit length. A new type is added with its first model in use; vectors of another model lie beside until '
  'activate_embedding_model. Safe to repeat; returns how many vectors changed. '
  'Errors: invalid_argument (wrong size, NaN, a zero vector, an item twice), not_found, too_large.';
revoke all on function public.set_item_embeddings(text, text, jsonb) from public, anon, authenticated, service_role;
grant execute on function public.set_item_embeddings(text, text, jsonb) to service_role;

create or replace function public.activate_embedding_model(p_type text, p_model text)
returns bigint
language sql volatile parallel unsafe security invoker set search_path = ''
as $$ select medley.activate_embedding_model(p_type, p_model) $$;

comment on function public.activate_embedding_model(text, text) is
  'Puts the model p_model of embeddings of type p_type in use, or an earlier one back (secret key only): from then on only '
  'its vectors are compared. Returns how many items have one. Errors: not_found (no vectors of that model).';
revoke all on function public.activate_embedding_model(text, text) from public, anon, authenticated, service_role;
grant execute on function public.activate_embedding_model(text, text) to service_role;

create or replace function public.get_items_without_embedding(
  p_type text,
  p_model text default null,
  p_kind text default null,
  p_limit int default 500,
  p_cursor text default null
)
returns table (item_id uuid, kind text, title text, next_cursor text)
language sql stable parallel safe security invoker set search_path = ''
as $$
  select i.item_id, i.kind, i.title, i.next_cursor
  from medley.get_items_without_embedding(p_type, p_model, p_kind, p_limit, p_cursor) as i
$$;

comment on function public.get_items_without_embedding(text, text, text, int, text) is
  'What a worker has still to embed (secret key only): items of kind p_kind (null: all) without a vector of type p_type and '
  'model p_model (null: the one in use), newest first, at most p_limit (1 to 1,000). '
  'Errors: invalid_argument, invalid_cursor.';
revoke all on function public.get_items_without_embedding(text, text, text, int, text)
from public, anon, authenticated, service_role;
grant execute on function public.get_items_without_embedding(text, text, text, int, text) to service_role;

-- sql/core/taste/policies.sql
-- The engine's own tables. A member may read the rows about itself; everything is written by the engine alone.
alter table medley.feature_types enable row level security;
revoke all on medley.feature_types from public, anon, authenticated, service_role;
alter table medley.feature_statistics enable row level security;
revoke all on medley.feature_statistics from public, anon, authenticated, service_role;
alter table medley.features enable row level security;
revoke all on medley.features from public, anon, authenticated, service_role;
alter table medley.content_features enable row level security;
revoke all on medley.content_features from public, anon, authenticated, service_role;
alter table medley.item_content enable row level security;
revoke all on medley.item_content from public, anon, authenticated, service_role;
alter table medley.item_availability enable row level security;
revoke all on medley.item_availability from public, anon, authenticated, service_role;
alter table medley.embedding_types enable row level security;
revoke all on medley.embedding_types from public, anon, authenticated, service_role;
alter table medley.content_embeddings enable row level security;
revoke all on medley.content_embeddings from public, anon, authenticated, service_role;
alter table medley.taste_states enable row level security;
revoke all on medley.taste_states from public, anon, authenticated, service_role;

create policy taste_states_own on medley.taste_states
for select to authenticated using (user_no = (select medley.acting_user_no()));

alter table medley.spectral_bags enable row level security;
revoke all on medley.spectral_bags from public, anon, authenticated, service_role;
alter table medley.spectral_items enable row level security;
revoke all on medley.spectral_items from public, anon, authenticated, service_role;

alter table medley.user_taste_profiles enable row level security;
revoke all on medley.user_taste_profiles from public, anon, authenticated, service_role;
grant select on medley.user_taste_profiles to authenticated, service_role;

create policy user_taste_profiles_own on medley.user_taste_profiles
for select to authenticated using (user_no = (select medley.acting_user_no()));

alter table medley.user_taste_vectors enable row level security;
revoke all on medley.user_taste_vectors from public, anon, authenticated, service_role;
grant select on medley.user_taste_vectors to authenticated, service_role;

create policy user_taste_vectors_own on medley.user_taste_vectors
for select to authenticated using (user_no = (select medley.acting_user_no()));

alter table medley.user_clusters enable row level security;
revoke all on medley.user_clusters from public, anon, authenticated, service_role;
grant select on medley.user_clusters to authenticated, service_role;

create policy user_clusters_own on medley.user_clusters
for select to authenticated using (user_no = (select medley.acting_user_no()));

alter table medley.platform_user_preferences enable row level security;
revoke all on medley.platform_user_preferences from public, anon, authenticated, service_role;
grant select on medley.platform_user_preferences to authenticated, service_role;

create policy platform_user_preferences_own on medley.platform_user_preferences
for select to authenticated using (user_no = (select medley.acting_user_no()));

-- sql/core/taste/jobs.sql
-- The jobs of this module.
insert into medley.jobs (name, schedule, function_name, batch_size, timeout_seconds, description)
values
  (
    'refresh_feature_statistics', '25 * * * *', 'refresh_feature_statistics', null, 600,
    'Counts how many items have each feature, and from that how much it tells.'
  ),
  (
    'refresh_item_content', '45 3 * * *', 'refresh_item_content', null, 600,
    'Brings signatures, main genres and creators of items up to date with the taxonomy.'
  ),
  (
    'refresh_taste_profiles', '*/10 * * * *', 'refresh_taste_profiles', 5000, 540,
    'Profiles and platforms of members with new engagements.'
  ),
  (
    'refresh_taste_vectors', '5-59/10 * * * *', 'refresh_taste_vectors', 20000, 540,
    'Taste vectors of members with new engagements, or of all after another model came into use.'
  ),
  (
    'rebuild_spectral_embeddings', '30 4 * * 0', 'rebuild_spectral_embeddings', null, 3600,
    'Vectors of items from behaviour, anew.'
  ),
  (
    'rebuild_user_clusters', '30 5 * * *', 'rebuild_user_clusters', null, 1800,
    'Groups of members with similar taste vectors, anew.'
  );
