-- Row-level security and grants of the live pack: a public catalogue that the service writes, and RSVPs of one's own.
alter table public.artists enable row level security;
revoke all on public.artists from public, anon, authenticated, service_role;
grant select on public.artists to anon, authenticated;
grant select, insert, update, delete on public.artists to service_role;

create policy artists_select on public.artists
for select to anon, authenticated using (medley.visible_to((select auth.uid()), id));

alter table public.venues enable row level security;
revoke all on public.venues from public, anon, authenticated, service_role;
grant select on public.venues to anon, authenticated;
grant select, insert, update, delete on public.venues to service_role;

create policy venues_select on public.venues
for select to anon, authenticated using (medley.visible_to((select auth.uid()), id));

alter table public.events enable row level security;
revoke all on public.events from public, anon, authenticated, service_role;
grant select on public.events to anon, authenticated;
grant select, insert, update, delete on public.events to service_role;

create policy events_select on public.events
for select to anon, authenticated using (medley.visible_to((select auth.uid()), id));

alter table public.event_artists enable row level security;
revoke all on public.event_artists from public, anon, authenticated, service_role;
grant select on public.event_artists to anon, authenticated;
grant select, insert, update, delete on public.event_artists to service_role;

create policy event_artists_select on public.event_artists
for select to anon, authenticated using (medley.visible_to((select auth.uid()), event_id));

alter table public.event_rsvps enable row level security;
revoke all on public.event_rsvps from public, anon, authenticated, service_role;
grant select, delete on public.event_rsvps to authenticated;
grant insert (user_id, event_id, status), update (user_id, event_id, status) on public.event_rsvps to authenticated;
grant select, insert, update, delete on public.event_rsvps to service_role;

create policy event_rsvps_select on public.event_rsvps
for select to authenticated using (user_id = (select auth.uid()));

create policy event_rsvps_insert on public.event_rsvps
for insert to authenticated
with check (user_id = (select auth.uid()) and medley.visible_to((select auth.uid()), event_id));

create policy event_rsvps_update on public.event_rsvps
for update to authenticated
using (user_id = (select auth.uid()))
with check (user_id = (select auth.uid()) and medley.visible_to((select auth.uid()), event_id));

create policy event_rsvps_delete on public.event_rsvps
for delete to authenticated using (user_id = (select auth.uid()));

alter table medley.user_cluster_affinity enable row level security;
revoke all on medley.user_cluster_affinity from public, anon, authenticated, service_role;
grant select on medley.user_cluster_affinity to authenticated, service_role;

create policy user_cluster_affinity_own on medley.user_cluster_affinity
for select to authenticated using (user_no = (select medley.acting_user_no()));

alter table medley.event_cluster_keys enable row level security;
revoke all on medley.event_cluster_keys from public, anon, authenticated, service_role;

alter table medley.upcoming_events enable row level security;
revoke all on medley.upcoming_events from public, anon, authenticated, service_role;

alter table medley.event_postings enable row level security;
revoke all on medley.event_postings from public, anon, authenticated, service_role;

revoke all on
public.artists_genres, public.events_genres, public.user_follows_artists, public.user_event_relationships,
public.shows, public.user_profiles, public.event_clusters, public.artist_clusters,
public.analytics_events_by_cluster, public.analytics_events_by_umbrella, public.analytics_artists_by_cluster
from public, anon, authenticated, service_role;

grant select on public.artists_genres, public.events_genres to anon, authenticated;
grant select, insert, update, delete on public.artists_genres, public.events_genres to service_role;

grant select, delete on public.user_follows_artists to authenticated;
grant insert (user_id, artist_id, notifications_enabled), update (notifications_enabled)
on public.user_follows_artists to authenticated;
grant select, insert, update, delete on public.user_follows_artists to service_role;

grant select on public.shows to anon, authenticated;
grant select, insert, update, delete on public.shows to service_role;

grant select on public.user_profiles to anon, authenticated;
grant insert (id, username, display_name, avatar_url, bio, location, website, public_profile),
update (username, display_name, avatar_url, bio, location, website, public_profile)
on public.user_profiles to authenticated;
grant insert (location, website), update (location, website) on public.profiles to authenticated;
grant select, insert, update, delete on public.user_profiles to service_role;

grant select, delete on public.user_event_relationships to authenticated;
grant insert (user_id, event_id, relationship_type), update (relationship_type)
on public.user_event_relationships to authenticated;
grant select, insert, update, delete on public.user_event_relationships to service_role;

-- Clusters and analytics speak of the public catalogue only.
grant select on
public.event_clusters, public.artist_clusters,
public.analytics_events_by_cluster, public.analytics_events_by_umbrella, public.analytics_artists_by_cluster
to authenticated, service_role;
grant select on medley.genre_cluster_keys to authenticated, service_role;
