-- Row-level security and grants of the studio pack: what is public, one's own, and nothing of the queue or of tokens.
-- Tracks begin with request_generation, which knows the allowance; there is no policy to insert them.
alter table public.generated_tracks enable row level security;
revoke all on public.generated_tracks from public, anon, authenticated, service_role;
grant select on public.generated_tracks to anon, authenticated;
grant update (title, is_public, band_id), delete on public.generated_tracks to authenticated;
grant select, insert, update, delete on public.generated_tracks to service_role;

create policy generated_tracks_select on public.generated_tracks
for select to anon, authenticated
using (
  user_id = (select auth.uid())
  or visibility = 'public' and medley.visible_to((select auth.uid()), id)
);

create policy generated_tracks_update on public.generated_tracks
for update to authenticated
using (user_id = (select auth.uid()))
with check (
  user_id = (select auth.uid())
  and (
    band_id is null
    or exists (select from public.bands as b where b.id = band_id and b.user_id = (select auth.uid()))
  )
);

-- A worker may be at it: what is generating stays until it is final.
create policy generated_tracks_delete on public.generated_tracks
for delete to authenticated using (user_id = (select auth.uid()) and status <> 'generating');

alter table public.bands enable row level security;
revoke all on public.bands from public, anon, authenticated, service_role;
grant select on public.bands to anon, authenticated;
grant
insert (id, user_id, name, bio, cover_url, is_public),
update (name, bio, cover_url, is_public),
delete
on public.bands to authenticated;
grant select, insert, update, delete on public.bands to service_role;

create policy bands_select on public.bands
for select to anon, authenticated
using (
  user_id = (select auth.uid())
  or is_public and medley.visible_to((select auth.uid()), id)
);

create policy bands_insert on public.bands
for insert to authenticated with check (user_id = (select auth.uid()));

create policy bands_update on public.bands
for update to authenticated
using (user_id = (select auth.uid()))
with check (user_id = (select auth.uid()));

create policy bands_delete on public.bands
for delete to authenticated using (user_id = (select auth.uid()));

alter table public.band_tracks enable row level security;
revoke all on public.band_tracks from public, anon, authenticated, service_role;
grant select on public.band_tracks to anon, authenticated;
grant insert (band_id, track_id), delete on public.band_tracks to authenticated;
grant select, insert, update, delete on public.band_tracks to service_role;

-- The policies of both tables say who sees which.
create policy band_tracks_select on public.band_tracks
for select to anon, authenticated
using (
  exists (select from public.bands as b where b.id = band_id)
  and exists (select from public.generated_tracks as t where t.id = track_id)
);

create policy band_tracks_insert on public.band_tracks
for insert to authenticated
with check (
  exists (select from public.bands as b where b.id = band_id and b.user_id = (select auth.uid()))
  and exists (
    select from public.generated_tracks as t
    where t.id = track_id and t.user_id = (select auth.uid()) and t.status = 'completed'
  )
);

create policy band_tracks_delete on public.band_tracks
for delete to authenticated
using (exists (select from public.bands as b where b.id = band_id and b.user_id = (select auth.uid())));

alter table public.user_playlists enable row level security;
revoke all on public.user_playlists from public, anon, authenticated, service_role;
grant select on public.user_playlists to anon, authenticated;
grant
insert (id, user_id, name, description, is_public),
update (name, description, is_public),
delete
on public.user_playlists to authenticated;
grant select, insert, update, delete on public.user_playlists to service_role;

create policy user_playlists_select on public.user_playlists
for select to anon, authenticated
using (
  user_id = (select auth.uid())
  or is_public and medley.visible_to((select auth.uid()), id)
);

create policy user_playlists_insert on public.user_playlists
for insert to authenticated with check (user_id = (select auth.uid()));

create policy user_playlists_update on public.user_playlists
for update to authenticated
using (user_id = (select auth.uid()))
with check (user_id = (select auth.uid()));

create policy user_playlists_delete on public.user_playlists
for delete to authenticated using (user_id = (select auth.uid()));

-- Written by functions, which take turns for each playlist.
alter table public.playlist_tracks enable row level security;
revoke all on public.playlist_tracks from public, anon, authenticated, service_role;
grant select on public.playlist_tracks to anon, authenticated;
grant select, insert, update, delete on public.playlist_tracks to service_role;

create policy playlist_tracks_select on public.playlist_tracks
for select to anon, authenticated
using (
  exists (select from public.user_playlists as p where p.id = playlist_id)
  and exists (select from public.generated_tracks as t where t.id = track_id)
);

alter table public.user_library enable row level security;
revoke all on public.user_library from public, anon, authenticated, service_role;
grant select, delete on public.user_library to authenticated;
grant insert (user_id, track_id), update (user_id, track_id) on public.user_library to authenticated;
grant select, insert, update, delete on public.user_library to service_role;

create policy user_library_select on public.user_library
for select to authenticated using (user_id = (select auth.uid()));

create policy user_library_insert on public.user_library
for insert to authenticated
with check (user_id = (select auth.uid()) and medley.visible_to((select auth.uid()), track_id));

-- An upsert of an entry that exists is an update to the same.
create policy user_library_update on public.user_library
for update to authenticated
using (user_id = (select auth.uid()))
with check (user_id = (select auth.uid()) and medley.visible_to((select auth.uid()), track_id));

create policy user_library_delete on public.user_library
for delete to authenticated using (user_id = (select auth.uid()));

alter table public.recordings enable row level security;
revoke all on public.recordings from public, anon, authenticated, service_role;
grant select on public.recordings to anon, authenticated;
grant select, insert, update, delete on public.recordings to service_role;

create policy recordings_select on public.recordings
for select to anon, authenticated using (medley.visible_to((select auth.uid()), id));

alter table public.music_embeddings enable row level security;
revoke all on public.music_embeddings from public, anon, authenticated, service_role;
grant select on public.music_embeddings to anon, authenticated;
grant select, insert, update, delete on public.music_embeddings to service_role;

create policy music_embeddings_select on public.music_embeddings
for select to anon, authenticated using (true);

alter table public.oauth_connections enable row level security;
revoke all on public.oauth_connections from public, anon, authenticated, service_role;
grant select, delete on public.oauth_connections to authenticated;
grant update (sync_enabled) on public.oauth_connections to authenticated;
grant select, insert, update, delete on public.oauth_connections to service_role;

create policy oauth_connections_select on public.oauth_connections
for select to authenticated using (user_id = (select auth.uid()));

create policy oauth_connections_update on public.oauth_connections
for update to authenticated
using (user_id = (select auth.uid()))
with check (user_id = (select auth.uid()));

create policy oauth_connections_delete on public.oauth_connections
for delete to authenticated using (user_id = (select auth.uid()));

-- The engine's own.
alter table medley.oauth_tokens enable row level security;
revoke all on medley.oauth_tokens from public, anon, authenticated, service_role;
alter table medley.music_providers enable row level security;
revoke all on medley.music_providers from public, anon, authenticated, service_role;
alter table medley.provider_recordings enable row level security;
revoke all on medley.provider_recordings from public, anon, authenticated, service_role;
alter table medley.generation_plans enable row level security;
revoke all on medley.generation_plans from public, anon, authenticated, service_role;
alter table medley.provider_jobs enable row level security;
revoke all on medley.provider_jobs from public, anon, authenticated, service_role;
alter table medley.provider_events enable row level security;
revoke all on medley.provider_events from public, anon, authenticated, service_role;

alter table medley.history_imports enable row level security;
revoke all on medley.history_imports from public, anon, authenticated, service_role;
grant select on medley.history_imports to authenticated, service_role;

create policy history_imports_own on medley.history_imports
for select to authenticated using (user_no = (select medley.acting_user_no()));

alter table medley.generation_quotas enable row level security;
revoke all on medley.generation_quotas from public, anon, authenticated, service_role;
grant select on medley.generation_quotas to authenticated, service_role;

create policy generation_quotas_own on medley.generation_quotas
for select to authenticated using (user_no = (select medley.acting_user_no()));

-- Views.
revoke all on public.user_follows, public.playlists_with_tracks from public, anon, authenticated, service_role;
grant select, delete on public.user_follows to authenticated;
grant insert (user_id, band_id) on public.user_follows to authenticated;
grant select, insert, delete on public.user_follows to service_role;
grant select on public.playlists_with_tracks to anon, authenticated, service_role;

-- Members watch their requests advance; the table's policies hold in Realtime too.
insert into medley.live_tables (table_name, description)
values ('generated_tracks', 'Requests of tracks: their status and progress.');
