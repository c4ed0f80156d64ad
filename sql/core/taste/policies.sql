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
