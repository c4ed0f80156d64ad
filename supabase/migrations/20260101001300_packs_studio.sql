-- Made from sql/packs/studio by `make migrations`; edit that, not this.

-- sql/packs/studio/keys.sql
-- What makes two spellings of a recording the same.
create or replace function medley.recording_key(p_artist text, p_title text)
returns text
language sql immutable parallel safe security invoker set search_path = ''
as $$ select md5(public.normalize_genre_key(p_artist) || E'\n' || public.normalize_genre_key(p_title)) $$;

comment on function medley.recording_key(text, text) is
  'The same for every spelling of an artist and a title: case, runs of spaces, dashes and underscores do not count.';
revoke all on function medley.recording_key(text, text) from public, anon, authenticated, service_role;
-- Generated columns run as whoever writes the row.
grant execute on function medley.recording_key(text, text) to service_role;

-- sql/packs/studio/tables.sql
-- Generated music: tracks and how they come to be, bands, playlists, the library, known recordings, connected accounts.
-- Words: a track is generated here; a recording is music from elsewhere that members listen to or that is known by its
-- vector; a request is a track that is queued or generating. Members write their bands, playlists and library; tracks
-- begin with request_generation and are finished by workers with the secret key.
insert into medley.item_kinds (kind, in_genre_statistics, description)
values
  ('track', false, 'A generated track.'),
  ('band', false, 'A band: generated tracks of one style.'),
  ('playlist', false, 'A playlist of a member.'),
  ('recording', true, 'A recording known from a listening history or from the cache of embeddings.');

create table public.bands (
  id uuid primary key default gen_random_uuid()
  references medley.items (id) on delete cascade deferrable initially deferred,
  user_id uuid not null default auth.uid() references auth.users (id) on delete cascade,
  name text not null check (length(name) between 1 and 200),
  bio text check (length(bio) <= 5000),
  cover_url text check (length(cover_url) <= 2000),
  style_vector extensions.vector(768),
  track_count int not null default 0 check (track_count >= 0),
  follower_count int not null default 0 check (follower_count >= 0),
  is_public boolean not null default true,
  visibility text not null generated always as (case when is_public then 'public' else 'private' end) stored,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create index idx_bands_user_id on public.bands (user_id);
create index idx_bands_style_vector on public.bands using hnsw (style_vector extensions.vector_cosine_ops);
create index idx_bands_created_at on public.bands (created_at desc);

comment on table public.bands is 'Bands: generated tracks of one member that belong together.';
comment on column public.bands.id is 'The band, an item of kind band.';
comment on column public.bands.user_id is 'The member who made it.';
comment on column public.bands.name is 'Name of the band.';
comment on column public.bands.bio is 'Who they pretend to be.';
comment on column public.bands.cover_url is 'Address of a picture.';
comment on column public.bands.style_vector is 'Mean of the vectors of its tracks; null while none has one. Kept by trigger.';
comment on column public.bands.track_count is 'How many tracks it has. Kept by trigger.';
comment on column public.bands.follower_count is 'How many members follow it. Kept by trigger.';
comment on column public.bands.is_public is 'Whether others may see it.';
comment on column public.bands.visibility is 'is_public in the registry''s words.';
comment on column public.bands.created_at is 'When the row was made.';
comment on column public.bands.updated_at is 'When the row last changed.';

create table public.generated_tracks (
  id uuid primary key default gen_random_uuid()
  references medley.items (id) on delete cascade deferrable initially deferred,
  user_id uuid not null default auth.uid() references auth.users (id) on delete cascade,
  title text not null default 'Untitled' check (length(title) between 1 and 500),
  url text check (length(url) between 1 and 2000),
  duration int check (duration between 1 and 86400),
  mode text not null check (mode in ('new', 'similar', 'extend', 'radio')),
  source_id uuid references public.generated_tracks (id) on delete set null,
  source_external_id text check (length(source_external_id) between 1 and 500),
  parameters jsonb not null default '{}' check (jsonb_typeof(parameters) = 'object'),
  genres text[] not null default '{}' check (cardinality(genres) <= 100),
  tags text[] not null default '{}' check (cardinality(tags) <= 100),
  explanation text check (length(explanation) <= 5000),
  match_percentage smallint check (match_percentage between 0 and 100),
  status text not null default 'queued' check (status in ('queued', 'generating', 'completed', 'failed')),
  progress smallint not null default 0 check (progress between 0 and 100),
  error text check (length(error) <= 2000),
  band_id uuid references public.bands (id) on delete set null,
  is_public boolean not null default false,
  visibility text not null generated always as (
    case when is_public and status = 'completed' then 'public' else 'private' end
  ) stored,
  attempts smallint not null default 0 check (attempts >= 0),
  worker text check (length(worker) <= 200),
  claimable_at timestamptz default now(),
  quota_day date,
  created_at timestamptz not null default now(),
  completed_at timestamptz,
  updated_at timestamptz not null default now(),
  constraint generated_tracks_complete check (
    status <> 'completed' or url is not null and duration is not null and completed_at is not null
  ),
  constraint generated_tracks_claimable check ((status in ('queued', 'generating')) = (claimable_at is not null))
);
create index idx_generated_tracks_user_id on public.generated_tracks (user_id, created_at desc);
create index idx_generated_tracks_created_at on public.generated_tracks (created_at desc);
create index idx_generated_tracks_band_id on public.generated_tracks (band_id) where band_id is not null;
create index idx_generated_tracks_source_id on public.generated_tracks (source_id) where source_id is not null;
create index idx_generated_tracks_status on public.generated_tracks (status, created_at desc)
where status in ('generating', 'failed');
-- What similar tracks are chosen from where hardly anything is shown to others.
create index items_listed_idx on medley.items (kind, item_no) where visibility <> 'private';
-- The queue: what may be claimed, the longest due first.
create index generated_tracks_queue_idx on public.generated_tracks (claimable_at, created_at)
where status in ('queued', 'generating');

comment on table public.generated_tracks is
  'Generated tracks, from the request on: the queue of the workers is this table. A row of status queued or generating may '
  'be claimed from claimable_at on; a claim moves that time to the end of its lease, a retry to the end of its pause.';
comment on column public.generated_tracks.id is 'The track, an item of kind track.';
comment on column public.generated_tracks.user_id is 'The member who asked for it.';
comment on column public.generated_tracks.title is 'Title as shown.';
comment on column public.generated_tracks.url is 'Where the audio lies; null until it is completed.';
comment on column public.generated_tracks.duration is 'Length in seconds; null until it is completed.';
comment on column public.generated_tracks.mode is
  'new: from words and taste; similar: like its source; extend: goes on where its source ends; radio: the next of a row.';
comment on column public.generated_tracks.source_id is 'The track that it comes from; lineage has no cycles.';
comment on column public.generated_tracks.source_external_id is 'What it comes from elsewhere: a Spotify URI, say.';
comment on column public.generated_tracks.parameters is
  'What the member asked for, prompt and all, up to 8 kB of JSON; whoever sees the track sees it.';
comment on column public.generated_tracks.genres is 'Raw genre names; item_genres follows by trigger.';
comment on column public.generated_tracks.tags is 'Moods and other words for it; features of the engine.';
comment on column public.generated_tracks.explanation is 'Why it was made so, in words.';
comment on column public.generated_tracks.match_percentage is
  'How near it came to what it was to be like, 0 to 100: 100 times the cosine with its source''s vector, or where there is '
  'none with the taste vector that its member had when it got its vector. Null where vectors are missing.';
comment on column public.generated_tracks.status is
  'queued, generating, completed or failed: queued goes to generating, that to one of the others, and nothing else moves.';
comment on column public.generated_tracks.progress is 'How far the work has come, 0 to 100.';
comment on column public.generated_tracks.error is 'What went wrong in the last attempt.';
comment on column public.generated_tracks.band_id is 'The band that it joins once it is completed.';
comment on column public.generated_tracks.is_public is 'Whether others may see it once it is completed.';
comment on column public.generated_tracks.visibility is 'What follows from is_public and status, in the registry''s words.';
comment on column public.generated_tracks.attempts is 'How many times it was claimed; the number of the lease in force.';
comment on column public.generated_tracks.worker is 'Who claimed it last.';
comment on column public.generated_tracks.claimable_at is 'From when a worker may claim it; null once it is final.';
comment on column public.generated_tracks.quota_day is
  'The day (UTC) whose allowance it took; null for none, or where the allowance was given back.';
comment on column public.generated_tracks.created_at is 'When it was asked for.';
comment on column public.generated_tracks.completed_at is 'When it was completed.';
comment on column public.generated_tracks.updated_at is 'When the row last changed.';

create table public.band_tracks (
  band_id uuid not null references public.bands (id) on delete cascade,
  track_id uuid not null references public.generated_tracks (id) on delete cascade,
  added_at timestamptz not null default now(),
  primary key (band_id, track_id)
);
create index idx_band_tracks_track_id on public.band_tracks (track_id);

comment on table public.band_tracks is 'Which tracks a band has.';
comment on column public.band_tracks.band_id is 'The band.';
comment on column public.band_tracks.track_id is 'The track, of the same member.';
comment on column public.band_tracks.added_at is 'Since when.';

create table public.user_playlists (
  id uuid primary key default gen_random_uuid()
  references medley.items (id) on delete cascade deferrable initially deferred,
  user_id uuid not null default auth.uid() references auth.users (id) on delete cascade,
  name text not null check (length(name) between 1 and 200),
  description text check (length(description) <= 5000),
  track_count int not null default 0 check (track_count >= 0),
  version bigint not null default 0,
  is_public boolean not null default false,
  visibility text not null generated always as (case when is_public then 'public' else 'private' end) stored,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create index idx_user_playlists_user_id on public.user_playlists (user_id);
create index idx_user_playlists_created_at on public.user_playlists (created_at desc);

comment on table public.user_playlists is 'Playlists of members; their tracks are in playlist_tracks.';
comment on column public.user_playlists.id is 'The playlist, an item of kind playlist.';
comment on column public.user_playlists.user_id is 'The member who made it.';
comment on column public.user_playlists.name is 'Name of the playlist.';
comment on column public.user_playlists.description is 'A few words about it.';
comment on column public.user_playlists.track_count is 'How many tracks it has. Kept by trigger.';
comment on column public.user_playlists.version is 'Grows with every change of its tracks.';
comment on column public.user_playlists.is_public is 'Whether others may see it.';
comment on column public.user_playlists.visibility is 'is_public in the registry''s words.';
comment on column public.user_playlists.created_at is 'When the row was made.';
comment on column public.user_playlists.updated_at is 'When the row, or its tracks, last changed.';

create table public.playlist_tracks (
  playlist_id uuid not null references public.user_playlists (id) on delete cascade,
  track_id uuid not null references public.generated_tracks (id) on delete cascade,
  place bigint not null,
  added_at timestamptz not null default now(),
  primary key (playlist_id, track_id),
  constraint playlist_tracks_place unique (playlist_id, place) deferrable
);
create index playlist_tracks_track_idx on public.playlist_tracks (track_id);

comment on table public.playlist_tracks is
  'The tracks of playlists, each once. Written by add_playlist_tracks, move_playlist_track, remove_playlist_tracks and '
  'reorder_playlist.';
comment on column public.playlist_tracks.playlist_id is 'The playlist.';
comment on column public.playlist_tracks.track_id is 'The track; when it goes, so does the row.';
comment on column public.playlist_tracks.place is
  'Order within the playlist. Neighbours have gaps between them, so that a move writes one row.';
comment on column public.playlist_tracks.added_at is 'When it was added.';

create table public.user_library (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null default auth.uid() references auth.users (id) on delete cascade,
  track_id uuid not null references public.generated_tracks (id) on delete cascade,
  added_at timestamptz not null default now(),
  constraint idx_user_library_user_track unique (user_id, track_id)
);
create index idx_user_library_user_id on public.user_library (user_id, added_at desc);
create index idx_user_library_track_id on public.user_library (track_id);

comment on table public.user_library is 'The tracks that members like. Adding one is a like, removing it takes the like back.';
comment on column public.user_library.id is 'The entry.';
comment on column public.user_library.user_id is 'The member.';
comment on column public.user_library.track_id is 'The track.';
comment on column public.user_library.added_at is 'Since when.';

create table public.recordings (
  id uuid primary key default gen_random_uuid()
  references medley.items (id) on delete cascade deferrable initially deferred,
  title text not null check (length(title) between 1 and 500),
  artist text not null check (length(artist) between 1 and 500),
  album text check (length(album) <= 500),
  genres text[] not null default '{}' check (cardinality(genres) <= 100),
  recording_key text not null unique generated always as (medley.recording_key(artist, title)) stored,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);

comment on table public.recordings is
  'Music from elsewhere: what members listened to on other platforms. One row for a title by an artist, whatever platform.';
comment on column public.recordings.id is 'The recording, an item of kind recording.';
comment on column public.recordings.title is 'Title, as the first platform that named it spells it.';
comment on column public.recordings.artist is 'Artist, likewise.';
comment on column public.recordings.album is 'Album, likewise.';
comment on column public.recordings.genres is 'Raw genre names; item_genres follows by trigger.';
comment on column public.recordings.recording_key is 'medley.recording_key(artist, title): one row for every spelling.';
comment on column public.recordings.created_at is 'When the row was made.';
comment on column public.recordings.updated_at is 'When the row last changed.';

create table public.music_embeddings (
  id uuid primary key default gen_random_uuid(),
  track_id text check (length(track_id) between 1 and 500),
  track_name text not null check (length(track_name) between 1 and 500),
  artist text not null check (length(artist) between 1 and 500),
  vector extensions.vector(768) not null check (extensions.vector_norm(vector) > 0),
  genre text[] not null default '{}' check (cardinality(genre) <= 100),
  source text not null check (length(source) between 1 and 100),
  model_version text not null default 'mert-v1-95m' check (length(model_version) between 1 and 100),
  recording_key text not null generated always as (medley.recording_key(artist, track_name)) stored,
  created_at timestamptz not null default now()
);
create unique index idx_embeddings_track_id on public.music_embeddings (track_id);
create index idx_embeddings_vector on public.music_embeddings using hnsw (vector extensions.vector_cosine_ops);
create index idx_embeddings_artist on public.music_embeddings (artist);
create index music_embeddings_recording_idx on public.music_embeddings (recording_key);

comment on table public.music_embeddings is
  'A shared cache of vectors of music from elsewhere. A recording that a member listens to takes its vector from here.';
comment on column public.music_embeddings.id is 'The entry.';
comment on column public.music_embeddings.track_id is 'Id at its source (a MusicBrainz id, a Spotify URI), unique.';
comment on column public.music_embeddings.track_name is 'Title.';
comment on column public.music_embeddings.artist is 'Artist.';
comment on column public.music_embeddings.vector is 'MERT audio embedding, unit length.';
comment on column public.music_embeddings.genre is 'Genre names, in any spelling.';
comment on column public.music_embeddings.source is 'Where it comes from: musicbrainz, spotify, fma, jamendo ...';
comment on column public.music_embeddings.model_version is 'The model that made the vector; only vectors of one model compare.';
comment on column public.music_embeddings.recording_key is 'medley.recording_key(artist, track_name).';
comment on column public.music_embeddings.created_at is 'When it was made.';

create table medley.music_providers (
  provider text primary key check (provider ~ '^[a-z][a-z0-9_]{1,39}$'),
  has_history boolean not null default false,
  generates boolean not null default false,
  description text not null
);

comment on table medley.music_providers is 'The services that the studio talks to: data, so an app may add its own.';
comment on column medley.music_providers.provider is 'Name: lower case letters, digits and underscores.';
comment on column medley.music_providers.has_history is 'Whether members connect it and histories come from it.';
comment on column medley.music_providers.generates is 'Whether it makes tracks and sends webhooks.';
comment on column medley.music_providers.description is 'What it is.';

insert into medley.music_providers (provider, has_history, generates, description)
values
  ('spotify', true, false, 'Spotify.'),
  ('apple', true, false, 'Apple Music.'),
  ('youtube', true, false, 'YouTube Music.'),
  ('replicate', false, true, 'Models hosted by Replicate.'),
  ('recorded', false, true, 'Recorded answers, for tests and demos.');

create table public.oauth_connections (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null default auth.uid() references auth.users (id) on delete cascade,
  platform text not null references medley.music_providers (provider) on update cascade,
  status text not null default 'active' check (status in ('active', 'expired', 'revoked')),
  sync_enabled boolean not null default true,
  scopes text[] not null default '{}' check (cardinality(scopes) <= 100),
  expires_at timestamptz,
  last_synced_at timestamptz,
  last_tried_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint idx_oauth_connections_user_platform unique (user_id, platform)
);
create index idx_oauth_connections_user_id on public.oauth_connections (user_id);
create index idx_oauth_connections_platform on public.oauth_connections (platform, last_tried_at nulls first);

comment on table public.oauth_connections is
  'Which accounts elsewhere a member has connected. What opens them is in medley.oauth_tokens, for the secret key only.';
comment on column public.oauth_connections.id is 'The connection.';
comment on column public.oauth_connections.user_id is 'The member.';
comment on column public.oauth_connections.platform is 'spotify, apple or youtube: a provider of histories.';
comment on column public.oauth_connections.status is 'active; expired (the member must connect again); revoked (by the member, over there).';
comment on column public.oauth_connections.sync_enabled is 'Whether the member wants histories imported; members may change it.';
comment on column public.oauth_connections.scopes is 'What the member allowed.';
comment on column public.oauth_connections.expires_at is 'When the access token ends.';
comment on column public.oauth_connections.last_synced_at is 'When a history was last imported to its end.';
comment on column public.oauth_connections.last_tried_at is 'When a worker last took the connection to import its history.';
comment on column public.oauth_connections.created_at is 'When the member connected first.';
comment on column public.oauth_connections.updated_at is 'When the row last changed.';

create table medley.oauth_tokens (
  connection_id uuid primary key references public.oauth_connections (id) on delete cascade,
  access_token text not null,
  refresh_token text,
  key_id text not null check (length(key_id) between 1 and 100),
  version int not null default 1,
  updated_at timestamptz not null default now()
);
create index oauth_tokens_key_idx on medley.oauth_tokens (key_id, connection_id);

comment on table medley.oauth_tokens is
  'Encrypted tokens of connections (AES-GCM, base64); edge functions encrypt, the database never sees a token or a key.';
comment on column medley.oauth_tokens.connection_id is 'The connection.';
comment on column medley.oauth_tokens.access_token is 'Ciphertext of the access token.';
comment on column medley.oauth_tokens.refresh_token is 'Ciphertext of the refresh token, where there is one.';
comment on column medley.oauth_tokens.key_id is 'Which key encrypted both.';
comment on column medley.oauth_tokens.version is 'Grows with every write: what compare-and-swap compares.';
comment on column medley.oauth_tokens.updated_at is 'When they were last written.';

create table medley.provider_recordings (
  provider text not null,
  external_id text not null check (length(external_id) between 1 and 500),
  item_id uuid not null references medley.items (id) on delete cascade,
  primary key (provider, external_id)
);
create index provider_recordings_item_idx on medley.provider_recordings (item_id);

comment on table medley.provider_recordings is 'Which item a provider''s id stands for.';
comment on column medley.provider_recordings.provider is 'The provider.';
comment on column medley.provider_recordings.external_id is 'Its id for the recording.';
comment on column medley.provider_recordings.item_id is 'The item: a recording, or whatever the app mapped it to.';

create table medley.history_imports (
  user_no int not null references medley.members (user_no) on delete cascade,
  provider text not null references medley.music_providers (provider) on update cascade on delete cascade,
  cursor text check (length(cursor) <= 4000),
  imported bigint not null default 0,
  last_played_at timestamptz,
  updated_at timestamptz not null default now(),
  primary key (user_no, provider)
);
create index history_imports_provider_idx on medley.history_imports (provider);

comment on table medley.history_imports is 'How far the listening history of a member at a provider is imported.';
comment on column medley.history_imports.user_no is 'The member.';
comment on column medley.history_imports.provider is 'The provider.';
comment on column medley.history_imports.cursor is 'Where the next import goes on; the provider''s own words.';
comment on column medley.history_imports.imported is 'How many plays were imported.';
comment on column medley.history_imports.last_played_at is 'The newest of them.';
comment on column medley.history_imports.updated_at is 'When the last import was.';

create table medley.generation_plans (
  plan text primary key check (plan ~ '^[a-z][a-z0-9_]{1,39}$'),
  daily_limit int not null check (daily_limit between 0 and 1000000),
  description text not null
);

comment on table medley.generation_plans is 'How many tracks a day members may ask for, by plan: data, edited by the owner.';
comment on column medley.generation_plans.plan is 'Name of the plan; free is the one of members without any.';
comment on column medley.generation_plans.daily_limit is 'Requests a day, from midnight to midnight UTC.';
comment on column medley.generation_plans.description is 'Who has it.';

insert into medley.generation_plans (plan, daily_limit, description)
values
  ('free', 5, 'Members without another plan.'),
  ('premium', 100, 'Members who pay.');

create table medley.generation_quotas (
  user_no int primary key references medley.members (user_no) on delete cascade,
  plan text not null default 'free' references medley.generation_plans (plan) on update cascade,
  plan_until timestamptz,
  quota_day date not null,
  daily_count int not null default 0 check (daily_count >= 0)
) with (fillfactor = 80);
create index generation_quotas_plan_idx on medley.generation_quotas (plan);
create index generation_quotas_day_idx on medley.generation_quotas (quota_day) where daily_count > 0;

comment on table medley.generation_quotas is
  'What members have used of their daily allowance. A count of an earlier day counts as 0: nothing depends on a reset.';
comment on column medley.generation_quotas.user_no is 'The member.';
comment on column medley.generation_quotas.plan is 'The member''s plan.';
comment on column medley.generation_quotas.plan_until is 'When the plan ends and free holds again; null for never.';
comment on column medley.generation_quotas.quota_day is 'The day (UTC) that daily_count is of.';
comment on column medley.generation_quotas.daily_count is 'Requests of that day, those given back left out.';

create table medley.provider_jobs (
  provider text not null references medley.music_providers (provider) on update cascade on delete cascade,
  provider_job_id text not null check (length(provider_job_id) between 1 and 200),
  track_id uuid not null references public.generated_tracks (id) on delete cascade,
  attempt smallint not null,
  created_at timestamptz not null default now(),
  primary key (provider, provider_job_id)
);
create index provider_jobs_track_idx on medley.provider_jobs (track_id);

comment on table medley.provider_jobs is 'Which track, and which attempt at it, a provider''s job is for: how webhooks find their track.';
comment on column medley.provider_jobs.provider is 'The provider.';
comment on column medley.provider_jobs.provider_job_id is 'Its id for the job.';
comment on column medley.provider_jobs.track_id is 'The track.';
comment on column medley.provider_jobs.attempt is 'The lease under which the job was begun.';
comment on column medley.provider_jobs.created_at is 'When it was begun.';

create table medley.provider_events (
  provider text not null references medley.music_providers (provider) on update cascade on delete cascade,
  event_id text not null check (length(event_id) between 1 and 200),
  digest bytea not null,
  outcome text not null,
  received_at timestamptz not null,
  primary key (provider, event_id)
);
create index provider_events_received_idx on medley.provider_events using brin (received_at);

comment on table medley.provider_events is 'The webhooks that came in, so that none counts twice. The job prune_provider_events forgets them.';
comment on column medley.provider_events.provider is 'Who sent it.';
comment on column medley.provider_events.event_id is 'The sender''s id of the event.';
comment on column medley.provider_events.digest is 'What it said: the same id with other words is refused.';
comment on column medley.provider_events.outcome is 'What became of it; see record_generation_event.';
comment on column medley.provider_events.received_at is 'When it came first.';

insert into medley.embedding_types (embedding_type, model_version, dims, taste_rank, description)
values ('audio', 'mert-v1-95m', 768, 100, 'How a track or recording sounds (MERT).')
on conflict (embedding_type) do nothing;

insert into medley.settings (key, value, description)
values
  ('studio.max_playlist_tracks', 10000, 'Tracks of a playlist at most, 1 to 100000.'),
  ('studio.max_attempts', 3, 'How many times a track is tried before it fails for good, 1 to 100.'),
  ('studio.retry_seconds', 15, 'Pause before the second attempt, in seconds, 1 to 3600; it doubles each time.'),
  ('studio.retry_max_seconds', 900, 'The longest pause between attempts, in seconds, 1 to 86400.'),
  (
    'studio.webhook_lease_seconds', 300,
    'How long a lease lasts after a webhook that reports progress, in seconds, 1 to 86400.'
  ),
  ('studio.keep_event_days', 30, 'How many days webhooks are remembered, 1 to 3650; an older one could count again.'),
  ('studio.exact_vectors', 4000, 'Up to how many candidates similar tracks are compared one by one, 100 to 100000.');

-- sql/packs/studio/views.sql
-- The names that the outside knows: follows of bands, and playlists with their tracks as one array.
create view public.user_follows with (security_invoker = true, check_option = 'local') as
select
  f.user_id,
  f.item_id as band_id,
  f.created_at
from public.item_follows as f
where exists (select from public.bands as b where b.id = f.item_id);

comment on view public.user_follows is 'The bands that members follow: item_follows of bands. Updatable.';
comment on column public.user_follows.user_id is 'The member.';
comment on column public.user_follows.band_id is 'The band.';
comment on column public.user_follows.created_at is 'Since when.';

create view public.playlists_with_tracks with (security_invoker = true) as
select
  p.id,
  p.user_id,
  p.name,
  p.description,
  (
    select coalesce(jsonb_agg(jsonb_build_object('id', t.track_id, 'added_at', t.added_at) order by t.place), '[]')
    from public.playlist_tracks as t
    where t.playlist_id = p.id
  ) as tracks,
  p.is_public,
  p.created_at,
  p.updated_at
from public.user_playlists as p;

comment on view public.playlists_with_tracks is 'Playlists, each with those of its tracks that the reader may see.';
comment on column public.playlists_with_tracks.id is 'The playlist.';
comment on column public.playlists_with_tracks.user_id is 'The member who made it.';
comment on column public.playlists_with_tracks.name is 'Name of the playlist.';
comment on column public.playlists_with_tracks.description is 'A few words about it.';
comment on column public.playlists_with_tracks.tracks is 'Its tracks in order: [{"id", "added_at"}].';
comment on column public.playlists_with_tracks.is_public is 'Whether others may see it.';
comment on column public.playlists_with_tracks.created_at is 'When the row was made.';
comment on column public.playlists_with_tracks.updated_at is 'When the row, or its tracks, last changed.';

-- sql/packs/studio/catalogue.sql
-- What keeps the catalogue of the studio true: registration, the moves of a track, lineage, and counters.
create or replace function medley.check_track_move()
returns trigger
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
begin
  if pg_column_size(new.parameters) > 8192 then
    perform medley.fail('too_large', 'parameters hold more than 8 kB', 'parameters', 'Keep the prompt short.');
  end if;
  if tg_op = 'INSERT' then
    if new.status not in ('queued', 'completed') then
      perform medley.fail('conflict', format('a track cannot begin as %s', new.status), 'status',
        'Insert it as queued, or a finished one as completed.');
    end if;
  elsif new.status <> old.status
    and (old.status, new.status) not in (
      ('queued', 'generating'), ('generating', 'completed'), ('generating', 'failed')
    )
  then
    perform medley.fail('conflict', format('a track that is %s cannot become %s', old.status, new.status), 'status',
      'queued goes to generating, that to completed or failed; ask for a new track instead.');
  end if;
  if new.status = 'completed' then
    new.completed_at := coalesce(new.completed_at, now());
    new.progress := 100;
  end if;
  if new.status in ('completed', 'failed') then
    new.claimable_at := null;
    new.worker := null;
  end if;
  new.updated_at := now();
  return new;
end;
$$;

comment on function medley.check_track_move() is
  'Row trigger on generated_tracks: the moves of status, and what a final state implies. Errors: conflict, too_large.';
revoke all on function medley.check_track_move() from public, anon, authenticated, service_role;

create or replace function medley.check_lineage()
returns trigger
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
begin
  -- A new row has no descendants but those of its own statement; a change takes turns with all others.
  if tg_op = 'UPDATE' then
    perform pg_advisory_xact_lock(hashtextextended('medley.generated_tracks.source_id', 0));
  end if;
  if exists (
    with recursive line as (
      select new.source_id as id
      union
      select t.source_id
      from line as l
      inner join public.generated_tracks as t on t.id = l.id
      where t.source_id is not null and l.id <> new.id
    )

    select from line as l
    where l.id = new.id
  ) then
    perform medley.fail('cycle', format('track %s would come from itself', new.id), 'source_id',
      'Choose a source that does not come from the track.');
  end if;
  return null;
end;
$$;

comment on function medley.check_lineage() is 'Row trigger on generated_tracks: lineage has no cycles. Errors: cycle.';
revoke all on function medley.check_lineage() from public, anon, authenticated, service_role;

create or replace function medley.refresh_bands(p_band_ids uuid[])
returns void
language plpgsql volatile parallel unsafe security definer set search_path = '' set plan_cache_mode = force_custom_plan
as $$
begin
  -- Two sessions take turns here, in one order; the second counts in a statement that sees what the first wrote.
  perform
  from public.bands as b
  where b.id = any(p_band_ids)
  order by b.id
  for no key update;

  update public.bands as b
  set track_count = n.track_count, style_vector = n.style_vector
  from (
    select
      o.id,
      count(l.track_id)::int as track_count,
      extensions.avg(e.embedding_768)::extensions.vector(768) as style_vector
    from public.bands as o
    left join public.band_tracks as l on l.band_id = o.id
    left join medley.items as i on i.id = l.track_id
    left join medley.embedding_types as m on m.embedding_type = 'audio'
    left join medley.content_embeddings as e
      on e.item_no = i.item_no and e.embedding_type = 'audio' and e.model_version = m.model_version
    where o.id = any(p_band_ids)
    group by o.id
  ) as n
  where b.id = n.id
    and (
      b.track_count <> n.track_count
      or (b.style_vector is null) <> (n.style_vector is null)
      or b.style_vector operator(extensions.<>) n.style_vector
    );
end;
$$;

comment on function medley.refresh_bands(uuid[]) is
  'Counts the tracks of these bands and takes the mean of their audio vectors.';
revoke all on function medley.refresh_bands(uuid[]) from public, anon, authenticated, service_role;

create or replace function medley.increment_band_track_count()
returns trigger
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
begin
  perform medley.refresh_bands(array(select distinct c.band_id from changed_rows as c));
  return null;
end;
$$;

comment on function medley.increment_band_track_count() is
  'Statement trigger on band_tracks with transition table changed_rows: track_count and style_vector follow what was added '
  'and what was taken away.';
revoke all on function medley.increment_band_track_count() from public, anon, authenticated, service_role;

create or replace function medley.join_band()
returns trigger
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
begin
  insert into public.band_tracks (band_id, track_id)
  values (new.band_id, new.id)
  on conflict do nothing;
  return null;
end;
$$;

comment on function medley.join_band() is 'Row trigger on generated_tracks: a completed track is one of its band''s.';
revoke all on function medley.join_band() from public, anon, authenticated, service_role;

create or replace function medley.count_band_followers()
returns trigger
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_sign int := case tg_op when 'INSERT' then 1 else -1 end;
begin
  perform
  from public.bands as b
  where b.id in (select c.item_id from changed_rows as c)
  order by b.id
  for no key update;

  update public.bands as b
  set follower_count = b.follower_count + v_sign * n.follows
  from (select c.item_id, count(*)::int as follows from changed_rows as c group by c.item_id) as n
  where b.id = n.item_id;
  return null;
end;
$$;

comment on function medley.count_band_followers() is
  'Statement trigger on item_follows with transition table changed_rows: follower_count of bands follows.';
revoke all on function medley.count_band_followers() from public, anon, authenticated, service_role;

create or replace function medley.count_playlist_tracks()
returns trigger
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_sign int := case tg_op when 'INSERT' then 1 else -1 end;
  v_limit int := medley.setting('studio.max_playlist_tracks');
begin
  perform
  from public.user_playlists as p
  where p.id in (select c.playlist_id from changed_rows as c)
  order by p.id
  for no key update;

  update public.user_playlists as p
  set track_count = p.track_count + v_sign * n.tracks, version = p.version + 1, updated_at = now()
  from (select c.playlist_id, count(*)::int as tracks from changed_rows as c group by c.playlist_id) as n
  where p.id = n.playlist_id;

  if v_sign = 1 and exists (
    select from public.user_playlists as p
    where p.id in (select c.playlist_id from changed_rows as c) and p.track_count > v_limit
  ) then
    perform medley.fail('too_large', format('a playlist holds at most %s tracks', v_limit), 'p_track_ids',
      'Begin another playlist; nothing was added.');
  end if;
  return null;
end;
$$;

comment on function medley.count_playlist_tracks() is
  'Statement trigger on playlist_tracks with transition table changed_rows: track_count and version follow, and a playlist '
  'keeps to studio.max_playlist_tracks. Errors: too_large.';
revoke all on function medley.count_playlist_tracks() from public, anon, authenticated, service_role;

create or replace function medley.follow_owned_row()
returns trigger
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_row jsonb := to_jsonb(new);
begin
  update medley.items as i
  set
    title = v_row ->> tg_argv[0],
    owner_id = new.user_id,
    visibility = new.visibility,
    published_at = coalesce((v_row ->> tg_argv[1])::timestamptz, i.published_at)
  where i.id = new.id;
  return null;
end;
$$;

comment on function medley.follow_owned_row() is
  'Row trigger on what belongs to a member: the registry follows. Arguments: the columns for title and published_at. By row '
  'and with a condition, because most writes are of counters and leases, which the registry does not know.';
revoke all on function medley.follow_owned_row() from public, anon, authenticated, service_role;

create or replace function medley.link_track_genres()
returns trigger
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
begin
  perform medley.sync_item_genres(array_agg(n.id), array_agg(g.genre))
  from new_rows as n
  cross join lateral unnest(n.genres) as g (genre)
  having count(*) > 0;
  return null;
end;
$$;

comment on function medley.link_track_genres() is
  'Statement trigger on generated_tracks with transition table new_rows: the genre links of new rows.';
revoke all on function medley.link_track_genres() from public, anon, authenticated, service_role;

create or replace function medley.follow_track_genres()
returns trigger
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
begin
  perform medley.sync_item_genres(
    array_fill(new.id, array[greatest(cardinality(new.genres), 1)]),
    case when cardinality(new.genres) > 0 then new.genres else array[null::text] end
  );
  return null;
end;
$$;

comment on function medley.follow_track_genres() is 'Row trigger on generated_tracks: the genre links follow the raw array.';
revoke all on function medley.follow_track_genres() from public, anon, authenticated, service_role;

create trigger generated_tracks_move
before insert or update on public.generated_tracks
for each row execute function medley.check_track_move();
create trigger generated_tracks_lineage_insert
after insert on public.generated_tracks
for each row when (new.source_id is not null) execute function medley.check_lineage();
create trigger generated_tracks_lineage_update
after update of source_id on public.generated_tracks
for each row when (new.source_id is not null) execute function medley.check_lineage();
create trigger generated_tracks_1_register_insert
after insert on public.generated_tracks referencing new table as new_rows
for each statement execute function medley.register_catalogue_rows(
  'track', 'title', 'user_id', 'completed_at', '', 'visibility'
);
create trigger generated_tracks_1_register_update
after update on public.generated_tracks
for each row
when (
  (old.title, old.user_id, old.completed_at, old.visibility)
  is distinct from (new.title, new.user_id, new.completed_at, new.visibility)
)
execute function medley.follow_owned_row('title', 'completed_at');
create trigger generated_tracks_1_unregister
after delete on public.generated_tracks referencing old table as old_rows
for each statement execute function medley.unregister_catalogue_rows();
create trigger generated_tracks_2_genres_insert
after insert on public.generated_tracks referencing new table as new_rows
for each statement execute function medley.link_track_genres();
create trigger generated_tracks_2_genres_update
after update on public.generated_tracks
for each row when (old.genres is distinct from new.genres) execute function medley.follow_track_genres();

-- After features and registration, which the band's counters do not need but its lists do.
create trigger generated_tracks_5_band_insert
after insert on public.generated_tracks
for each row when (new.status = 'completed' and new.band_id is not null) execute function medley.join_band();
create trigger generated_tracks_5_band_update
after update on public.generated_tracks
for each row
when (
  new.status = 'completed' and new.band_id is not null
  and (old.status, old.band_id) is distinct from (new.status, new.band_id)
)
execute function medley.join_band();

create trigger bands_1_register_insert
after insert on public.bands referencing new table as new_rows
for each statement execute function medley.register_catalogue_rows(
  'band', 'name', 'user_id', 'created_at', '', 'visibility'
);
create trigger bands_1_register_update
after update on public.bands
for each row when ((old.name, old.user_id, old.visibility) is distinct from (new.name, new.user_id, new.visibility))
execute function medley.follow_owned_row('name', 'created_at');
create trigger bands_1_unregister
after delete on public.bands referencing old table as old_rows
for each statement execute function medley.unregister_catalogue_rows();
create trigger bands_updated_at
before update on public.bands
for each row execute function medley.set_updated_at();

create trigger band_tracks_count_insert
after insert on public.band_tracks referencing new table as changed_rows
for each statement execute function medley.increment_band_track_count();
create trigger band_tracks_count_delete
after delete on public.band_tracks referencing old table as changed_rows
for each statement execute function medley.increment_band_track_count();

create trigger item_follows_count_bands_insert
after insert on public.item_follows referencing new table as changed_rows
for each statement execute function medley.count_band_followers();
create trigger item_follows_count_bands_delete
after delete on public.item_follows referencing old table as changed_rows
for each statement execute function medley.count_band_followers();

create trigger user_playlists_1_register_insert
after insert on public.user_playlists referencing new table as new_rows
for each statement execute function medley.register_catalogue_rows(
  'playlist', 'name', 'user_id', 'created_at', '', 'visibility'
);
create trigger user_playlists_1_register_update
after update on public.user_playlists
for each row when ((old.name, old.user_id, old.visibility) is distinct from (new.name, new.user_id, new.visibility))
execute function medley.follow_owned_row('name', 'created_at');
create trigger user_playlists_1_unregister
after delete on public.user_playlists referencing old table as old_rows
for each statement execute function medley.unregister_catalogue_rows();
create trigger user_playlists_updated_at
before update on public.user_playlists
for each row execute function medley.set_updated_at();

create trigger playlist_tracks_count_insert
after insert on public.playlist_tracks referencing new table as changed_rows
for each statement execute function medley.count_playlist_tracks();
create trigger playlist_tracks_count_delete
after delete on public.playlist_tracks referencing old table as changed_rows
for each statement execute function medley.count_playlist_tracks();

create trigger recordings_1_register_insert
after insert on public.recordings referencing new table as new_rows
for each statement execute function medley.register_catalogue_rows('recording', 'title', '', 'created_at', '');
create trigger recordings_1_register_update
after update on public.recordings referencing new table as new_rows
for each statement execute function medley.register_catalogue_rows('recording', 'title', '', 'created_at', '');
create trigger recordings_1_unregister
after delete on public.recordings referencing old table as old_rows
for each statement execute function medley.unregister_catalogue_rows();
create trigger recordings_2_genres_insert
after insert on public.recordings referencing new table as new_rows
for each statement execute function medley.sync_genres_of_rows();
create trigger recordings_2_genres_update
after update on public.recordings referencing old table as old_rows new table as new_rows
for each statement execute function medley.sync_genres_of_rows();
create trigger recordings_updated_at
before update on public.recordings
for each row execute function medley.set_updated_at();

create trigger oauth_connections_updated_at
before update on public.oauth_connections
for each row execute function medley.set_updated_at();

-- sql/packs/studio/features.sql
-- What the engine knows of tracks, bands and recordings besides their genres: band, performer, words and lineage.
insert into medley.feature_types (feature_type, weight, is_creator, description)
values
  ('band', 2, true, 'The band that it belongs to, by id; the band has it too.'),
  ('performer', 2, true, 'Who performs the recording, by name in lower case.'),
  ('album', 0.5, false, 'The album of a recording, by artist and name in lower case.'),
  ('lineage', 1, false, 'The track that it comes from, by id; that track has it too.'),
  ('keyword', 1, false, 'What it deals with, or what members call it; lower case.')
on conflict (feature_type) do nothing;

-- No SET: it inlines into the queries of definer functions, which alone may run it.
create or replace function medley.studio_feature_rows(p_item_ids uuid[])
returns table (item_id uuid, feature_type text, feature_value text, weight real)
language sql stable parallel safe security invoker
begin atomic
  with named as (
    select t.id as item_id, f.feature_type, f.feature_value
    from unnest(p_item_ids) as w (id)
    inner join public.generated_tracks as t on t.id = w.id
    cross join lateral (
      select 'lineage' as feature_type, coalesce(
        t.source_id,
        case when exists (select from public.generated_tracks as c where c.source_id = t.id) then t.id end
      )::text as feature_value
      union all
      select 'keyword', lower(k.tag)
      from unnest(t.tags) as k (tag)
      union all
      select 'band', b.band_id::text
      from public.band_tracks as b
      where b.track_id = t.id
    ) as f
    union all
    select b.id, 'band', b.id::text
    from unnest(p_item_ids) as w (id)
    inner join public.bands as b on b.id = w.id
    union all
    select r.id, f.feature_type, f.feature_value
    from unnest(p_item_ids) as w (id)
    inner join public.recordings as r on r.id = w.id
    cross join lateral (
      values ('performer', lower(r.artist)), ('album', lower(r.artist || ': ' || r.album))
    ) as f (feature_type, feature_value)
  )

  select n.item_id, n.feature_type, left(btrim(n.feature_value), 200), 1::real
  from named as n
  where btrim(n.feature_value) <> ''
  group by n.item_id, n.feature_type, left(btrim(n.feature_value), 200);
end;

comment on function medley.studio_feature_rows(uuid[]) is
  'The features of these tracks, bands and recordings, genres left out: those follow item_genres.';
revoke all on function medley.studio_feature_rows(uuid[]) from public, anon, authenticated, service_role;

-- One item or ten thousand: each call is planned for its own array.
create or replace function medley.refresh_studio_features(p_item_ids uuid[])
returns bigint
language plpgsql volatile parallel unsafe security definer
set search_path = '' set plan_cache_mode = force_custom_plan
as $$
declare
  -- An item that is being deleted has no features to keep.
  v_item_ids uuid[] := array(
    select distinct i.id
    from unnest(p_item_ids) as w (id)
    inner join medley.items as i on i.id = w.id
  );
  v_items uuid[];
  v_types text[];
  v_values text[];
  v_weights real[];
begin
  if v_item_ids = '{}' then
    return 0;
  end if;
  -- The dictionary before the items: locks are taken in one order everywhere.
  perform medley.ensure_features(array_agg(r.feature_type), array_agg(r.feature_value))
  from medley.studio_feature_rows(v_item_ids) as r;
  -- Two sessions that write about one item: the second waits here and then sees what the first wrote.
  perform medley.lock_items(v_item_ids);
  select array_agg(r.item_id), array_agg(r.feature_type), array_agg(r.feature_value), array_agg(r.weight)
  into v_items, v_types, v_values, v_weights
  from medley.studio_feature_rows(v_item_ids) as r;
  return medley.replace_item_features(
    'studio', v_item_ids, coalesce(v_items, '{}'), coalesce(v_types, '{}'), coalesce(v_values, '{}'),
    coalesce(v_weights, '{}')
  );
end;
$$;

comment on function medley.refresh_studio_features(uuid[]) is
  'Makes the features of these tracks, bands and recordings equal to what the catalogue says. '
  'Returns what replace_item_features returns.';
revoke all on function medley.refresh_studio_features(uuid[]) from public, anon, authenticated, service_role;

create or replace function medley.follow_tracks()
returns trigger
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
begin
  -- A track gives the feature lineage to its source.
  if tg_op = 'INSERT' then
    perform medley.refresh_studio_features(
      array(select n.id from new_rows as n union select n.source_id from new_rows as n where n.source_id is not null)
    );
  else
    perform medley.refresh_studio_features(array(select o.source_id from old_rows as o where o.source_id is not null));
  end if;
  return null;
end;
$$;

comment on function medley.follow_tracks() is
  'Statement trigger with transition tables on generated_tracks: the features of new tracks, and of sources, follow at once.';
revoke all on function medley.follow_tracks() from public, anon, authenticated, service_role;

create or replace function medley.follow_track_changes()
returns trigger
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
begin
  perform medley.refresh_studio_features(array[new.id, new.source_id, old.source_id]);
  return null;
end;
$$;

comment on function medley.follow_track_changes() is
  'Row trigger on generated_tracks: the features of a track, and of its source, follow a change.';
revoke all on function medley.follow_track_changes() from public, anon, authenticated, service_role;

create or replace function medley.follow_band_tracks()
returns trigger
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
begin
  perform medley.refresh_studio_features(array(select distinct c.track_id from changed_rows as c));
  return null;
end;
$$;

comment on function medley.follow_band_tracks() is
  'Statement trigger on band_tracks with transition table changed_rows: the features of tracks follow their bands.';
revoke all on function medley.follow_band_tracks() from public, anon, authenticated, service_role;

create or replace function medley.follow_named_items()
returns trigger
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
begin
  perform medley.refresh_studio_features(array(select n.id from new_rows as n));
  return null;
end;
$$;

comment on function medley.follow_named_items() is
  'Statement trigger on bands and recordings with transition table new_rows: their features follow.';
revoke all on function medley.follow_named_items() from public, anon, authenticated, service_role;

create trigger generated_tracks_3_features_insert
after insert on public.generated_tracks referencing new table as new_rows
for each statement execute function medley.follow_tracks();
create trigger generated_tracks_3_features_update
after update on public.generated_tracks
for each row when ((old.tags, old.source_id) is distinct from (new.tags, new.source_id))
execute function medley.follow_track_changes();
create trigger generated_tracks_3_features_delete
after delete on public.generated_tracks referencing old table as old_rows
for each statement execute function medley.follow_tracks();
create trigger band_tracks_features_insert
after insert on public.band_tracks referencing new table as changed_rows
for each statement execute function medley.follow_band_tracks();
create trigger band_tracks_features_delete
after delete on public.band_tracks referencing old table as changed_rows
for each statement execute function medley.follow_band_tracks();
create trigger bands_3_features_insert
after insert on public.bands referencing new table as new_rows
for each statement execute function medley.follow_named_items();
create trigger recordings_3_features_insert
after insert on public.recordings referencing new table as new_rows
for each statement execute function medley.follow_named_items();
create trigger recordings_3_features_update
after update on public.recordings referencing new table as new_rows
for each statement execute function medley.follow_named_items();

-- sql/packs/studio/engagements.sql
-- What members keep is what they like: the library and the playlists speak to the log of engagements.
insert into medley.engagement_kinds
  (kind, weight, half_life_days, polarity, engagement, marks_seen, value_rule, social_signal, description)
values ('unlike', -2, 30, 0, 0.2, false, 'none', null, 'No longer liked: takes back what the like was worth.')
on conflict (kind) do nothing;

create or replace function medley.log_kept_tracks()
returns trigger
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_kind text := case tg_op when 'INSERT' then tg_argv[0] else tg_argv[1] end;
  v_events jsonb;
begin
  for v_events in
    -- The clock and not the transaction's time: what is kept, given up and kept again is three events.
    select jsonb_agg(jsonb_build_object(
      'user_id', k.user_id, 'item_id', k.track_id, 'kind', v_kind, 'occurred_at', clock_timestamp()
    ))
    from (
      select m.user_id, m.track_id, row_number() over () / 10000 as chunk
      from (
        select distinct coalesce(p.user_id, (to_jsonb(c) ->> 'user_id')::uuid) as user_id, c.track_id
        from changed_rows as c
        left join public.user_playlists as p on p.id = (to_jsonb(c) ->> 'playlist_id')::uuid
      ) as m
      -- What goes with an account, a playlist or a track was not given up.
      inner join auth.users as u on u.id = m.user_id
      inner join medley.items as i on i.id = m.track_id
    ) as k
    group by k.chunk
  loop
    perform from medley.write_engagements(null, v_events, now() - interval '1 day', clock_timestamp());
  end loop;
  return null;
end;
$$;

comment on function medley.log_kept_tracks() is
  'Statement trigger on user_library and playlist_tracks with transition table changed_rows. Arguments: the kinds of '
  'engagement that keeping a track and giving it up are.';
revoke all on function medley.log_kept_tracks() from public, anon, authenticated, service_role;

create trigger user_library_engagements_insert
after insert on public.user_library referencing new table as changed_rows
for each statement execute function medley.log_kept_tracks('like', 'unlike');
create trigger user_library_engagements_delete
after delete on public.user_library referencing old table as changed_rows
for each statement execute function medley.log_kept_tracks('like', 'unlike');
create trigger playlist_tracks_engagements_insert
after insert on public.playlist_tracks referencing new table as changed_rows
for each statement execute function medley.log_kept_tracks('add_to_list', 'remove_from_list');
create trigger playlist_tracks_engagements_delete
after delete on public.playlist_tracks referencing old table as changed_rows
for each statement execute function medley.log_kept_tracks('add_to_list', 'remove_from_list');

-- sql/packs/studio/vectors.sql
-- How tracks sound: vectors of type audio, what follows from them, and what lies near a vector.
-- Close ones come from the HNSW index (Malkov and Yashunin 2018), scanned on until the page is full. Where candidates
-- are few, or the page stays short, each is compared. Both ways apply the same filter and give the same order.

-- The parameters of the extension can be set below only once its library is loaded.
do $$ begin perform '[1]'::extensions.vector; end $$;

create or replace function medley.to_audio_vector(p_embedding real[])
returns extensions.vector
language plpgsql stable parallel safe security definer set search_path = ''
as $$
declare
  v_vector extensions.vector;
begin
  if coalesce(cardinality(p_embedding), 0) <> 768 then
    perform medley.fail('invalid_argument',
      format('an audio vector has 768 numbers, got %s', coalesce(cardinality(p_embedding), 0)), 'p_embedding',
      'Pass the vector of the model in use (MERT).');
  end if;
  begin
    v_vector := p_embedding::extensions.vector;
  exception
    -- NaN, infinities, nulls among the numbers.
    when data_exception or null_value_not_allowed then
      perform medley.fail('invalid_argument', sqlerrm, 'p_embedding', 'Pass 768 finite numbers.');
  end;
  if extensions.vector_norm(v_vector) = 0 then
    perform medley.fail('invalid_argument', 'the vector is zero', 'p_embedding',
      'A vector without a direction resembles nothing: leave it out.');
  end if;
  return extensions.l2_normalize(v_vector);
end;
$$;

comment on function medley.to_audio_vector(real[]) is
  'An audio vector of unit length. Errors: invalid_argument (wrong size, NaN, infinity, null, zero).';
revoke all on function medley.to_audio_vector(real[]) from public, anon, authenticated, service_role;

create or replace function medley.audio_model()
returns text
language sql stable parallel safe security definer set search_path = ''
as $$ select t.model_version from medley.embedding_types as t where t.embedding_type = 'audio' $$;

comment on function medley.audio_model() is 'The model of audio vectors in use.';
revoke all on function medley.audio_model() from public, anon, authenticated, service_role;

create or replace function medley.write_audio_vector(p_item_id uuid, p_embedding real[])
returns void
language sql volatile parallel unsafe security definer set search_path = ''
as $$
  insert into medley.content_embeddings as e (item_no, embedding_type, model_version, dims, embedding_768)
  select i.item_no, 'audio', medley.audio_model(), 768, medley.to_audio_vector(p_embedding)
  from medley.items as i
  where i.id = p_item_id
  on conflict (item_no, embedding_type, model_version) do update
  set embedding_768 = excluded.embedding_768, created_at = excluded.created_at
$$;

comment on function medley.write_audio_vector(uuid, real[]) is
  'Gives an item its audio vector, of the model in use. Errors: those of to_audio_vector.';
revoke all on function medley.write_audio_vector(uuid, real[]) from public, anon, authenticated, service_role;

create or replace function medley.audio_vector(p_item_id uuid)
returns extensions.vector
language sql stable parallel safe security definer set search_path = ''
as $$
  select e.embedding_768
  from medley.items as i
  inner join medley.content_embeddings as e on e.item_no = i.item_no
  inner join medley.embedding_types as t
    on t.embedding_type = e.embedding_type and t.model_version = e.model_version
  where i.id = p_item_id and e.embedding_type = 'audio'
$$;

comment on function medley.audio_vector(uuid) is 'The audio vector of an item, of the model in use; null for none.';
revoke all on function medley.audio_vector(uuid) from public, anon, authenticated, service_role;

create or replace function medley.audio_taste(p_user_no int, p_as_of timestamptz)
returns extensions.vector
language plpgsql stable parallel safe security definer set search_path = ''
as $$
declare
  v_stored extensions.vector := (
    select v.embedding_768
    from medley.user_taste_vectors as v
    inner join medley.taste_states as s on s.user_no = v.user_no
    inner join medley.member_activity as a on a.user_no = v.user_no and a.engagements = s.vector_engagements
    where v.user_no = p_user_no and v.embedding_type = 'audio' and v.model_version = medley.audio_model()
  );
begin
  if v_stored is null and not exists (select from medley.affinities as a where a.user_no = p_user_no) then
    return null;
  end if;
  -- The job is up to ten minutes behind; what the member did a moment ago counts at once.
  return coalesce(v_stored, (
    select t.embedding_768
    from medley.taste_vectors_at(array[p_user_no], p_as_of) as t
    where t.embedding_type = 'audio'
  ));
end;
$$;

comment on function medley.audio_taste(int, timestamptz) is
  'The member''s taste vector of type audio as of p_as_of: the stored one while it is current, else derived anew. Null where '
  'the member likes nothing that has a vector.';
revoke all on function medley.audio_taste(int, timestamptz) from public, anon, authenticated, service_role;

create or replace function medley.get_taste_vector(p_user_id uuid, p_as_of timestamptz)
returns table (model_version text, embedding real[])
language plpgsql stable parallel safe security definer set search_path = ''
as $$
declare
  v_vector extensions.vector := medley.audio_taste(medley.member_no(medley.acting_user(p_user_id)), p_as_of);
begin
  return query
  select medley.audio_model(), v_vector::real[]
  where v_vector is not null;
end;
$$;

comment on function medley.get_taste_vector(uuid, timestamptz) is
  'The member''s taste in sound at p_as_of; see public.get_taste_vector. Errors: those of acting_user.';
revoke all on function medley.get_taste_vector(uuid, timestamptz) from public, anon, authenticated, service_role;
grant execute on function medley.get_taste_vector(uuid, timestamptz) to authenticated, service_role;

create or replace function medley.refresh_match_percentages(p_track_ids uuid[], p_as_of timestamptz)
returns bigint
language plpgsql volatile parallel unsafe security definer set search_path = '' set plan_cache_mode = force_custom_plan
as $$
declare
  v_rows bigint;
begin
  with track as (
    select t.id, t.user_id, medley.audio_vector(t.id) as own, coalesce(
      medley.audio_vector(t.source_id),
      (select c.vector from public.music_embeddings as c
        where c.track_id = t.source_external_id and c.model_version = medley.audio_model())
    ) as source
    from public.generated_tracks as t
    where t.id = any(p_track_ids)
  ),

  -- A member's taste once, however many tracks there are.
  taste as materialized (
    select o.user_id, medley.audio_taste(medley.member_no(o.user_id), p_as_of) as place
    from (select distinct t.user_id from track as t where t.source is null) as o
  )

  update public.generated_tracks as t
  set match_percentage = round(100 * greatest(0, 1 - (n.own operator(extensions.<=>) coalesce(n.source, o.place))))
  from track as n
  left join taste as o on o.user_id = n.user_id
  where t.id = n.id and coalesce(n.source, o.place) is not null;
  get diagnostics v_rows = row_count;
  return v_rows;
end;
$$;

comment on function medley.refresh_match_percentages(uuid[], timestamptz) is
  'Compares tracks with what they were to be like: 100 times the cosine, 0 below a right angle. Returns how many.';
revoke all on function medley.refresh_match_percentages(uuid[], timestamptz)
from public, anon, authenticated, service_role;

create or replace function medley.follow_audio_vectors()
returns trigger
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_tracks uuid[] := array(
    select i.id
    from new_rows as n
    inner join medley.items as i on i.item_no = n.item_no
    where n.embedding_type = 'audio' and n.model_version = medley.audio_model() and i.kind = 'track'
  );
begin
  if v_tracks <> '{}' then
    perform medley.refresh_match_percentages(v_tracks, now());
    perform medley.refresh_bands(array(
      select distinct l.band_id from public.band_tracks as l where l.track_id = any(v_tracks)
    ));
  end if;
  return null;
end;
$$;

comment on function medley.follow_audio_vectors() is
  'Statement trigger on content_embeddings with transition table new_rows: match percentages and styles of bands follow.';
revoke all on function medley.follow_audio_vectors() from public, anon, authenticated, service_role;

create trigger content_embeddings_studio_insert
after insert on medley.content_embeddings referencing new table as new_rows
for each statement execute function medley.follow_audio_vectors();
create trigger content_embeddings_studio_update
after update on medley.content_embeddings referencing new table as new_rows
for each statement execute function medley.follow_audio_vectors();

create or replace function medley.refresh_band_styles()
returns bigint
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_band_ids uuid[] := array(select b.id from public.bands as b);
begin
  perform medley.refresh_bands(v_band_ids);
  return cardinality(v_band_ids);
end;
$$;

comment on function medley.refresh_band_styles() is
  'Job: styles of all bands, after another model of audio vectors came into use. Returns how many bands.';
revoke all on function medley.refresh_band_styles() from public, anon, authenticated, service_role;

-- No SET: it inlines. One filter for both ways of searching; a test compares it with may_list.
create or replace function medley.may_play(
  p_item medley.items,
  p_kinds text[],
  p_genre_id uuid,
  p_skip int[],
  p_user_id uuid,
  p_hidden uuid[],
  p_as_of timestamptz
)
returns boolean
language sql stable parallel safe security invoker
return (p_item).kind = any(p_kinds)
and (p_item).published_at <= p_as_of
and ((p_item).expires_at is null or (p_item).expires_at > p_as_of)
and (p_item).item_no <> all(p_skip)
and (
  p_genre_id is null
  or (select true from public.item_genres as g where g.item_id = (p_item).id and g.genre_id = p_genre_id) is not null
)
and (
  (p_item).visibility = 'public' and ((p_item).owner_id is null or (p_item).owner_id <> all(p_hidden))
  or (p_item).owner_id = p_user_id
  or (p_item).visibility = 'followers' and medley.may_list(p_user_id, (p_item).id, (p_item).owner_id)
);

comment on function medley.may_play(medley.items, text[], uuid, int[], uuid, uuid[], timestamptz) is
  'Whether an item may stand on a page of what sounds alike: of these kinds, of the genre (null: any), not among p_skip, '
  'published, visible to the member (null: nobody is signed in), and not of p_hidden, whom avoided_members of the member names.';
revoke all on function medley.may_play(medley.items, text[], uuid, int[], uuid, uuid[], timestamptz)
from public, anon, authenticated, service_role;

create or replace function medley.nearest_by_index(
  p_vector extensions.vector,
  p_kinds text[],
  p_genre_id uuid,
  p_skip int[],
  p_after double precision,
  p_after_no int,
  p_user_id uuid,
  p_limit int,
  p_as_of timestamptz
)
returns table (item_no int, distance double precision)
language plpgsql stable parallel safe security definer rows 20
set search_path = '' set plan_cache_mode = force_custom_plan
-- The index alone gives this order without reading every vector; costs do not know that vectors lie out of line.
set enable_sort = off set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off
set hnsw.iterative_scan = relaxed_order set hnsw.ef_search = 200 set hnsw.max_scan_tuples = 20000 -- noqa: PRS
as $$
declare
  v_model text := medley.audio_model();
  v_hidden uuid[] := (select a.blocked || a.muted from medley.avoided_members(p_user_id) as a);
begin
  return query
  select e.item_no, e.embedding_768 operator(extensions.<=>) p_vector
  from medley.content_embeddings as e
  inner join medley.items as i on i.item_no = e.item_no
  where e.embedding_768 is not null
    and e.embedding_type = 'audio'
    and e.model_version = v_model
    and (
      p_after is null
      or ((e.embedding_768 operator(extensions.<=>) p_vector), e.item_no) > (p_after, p_after_no)
    )
    and medley.may_play(i, p_kinds, p_genre_id, p_skip, p_user_id, v_hidden, p_as_of)
  order by e.embedding_768 operator(extensions.<=>) p_vector
  limit p_limit;
end;
$$;

comment on function medley.nearest_by_index(
  extensions.vector, text[], uuid, int[], double precision, int, uuid, int, timestamptz
) is 'Up to p_limit items about nearest to a vector, by the index; see nearest_items.';
revoke all on function medley.nearest_by_index(
  extensions.vector, text[], uuid, int[], double precision, int, uuid, int, timestamptz
) from public, anon, authenticated, service_role;

create or replace function medley.nearest_exactly(
  p_vector extensions.vector,
  p_kinds text[],
  p_genre_id uuid,
  p_skip int[],
  p_after double precision,
  p_after_no int,
  p_user_id uuid,
  p_limit int,
  p_as_of timestamptz
)
returns table (item_no int, distance double precision)
language plpgsql stable parallel safe security definer rows 20
set search_path = '' set plan_cache_mode = force_custom_plan
as $$
declare
  v_model text := medley.audio_model();
  v_hidden uuid[] := (select a.blocked || a.muted from medley.avoided_members(p_user_id) as a);
begin
  return query
  with candidate as (
    select i.*
    from medley.items as i
    where p_genre_id is null
      and i.kind = any(p_kinds)
      and i.visibility <> 'private'
      and medley.may_play(i, p_kinds, null, p_skip, p_user_id, v_hidden, p_as_of)
    union all
    select i.*
    from medley.items as i
    where p_genre_id is null
      and i.owner_id = p_user_id
      and i.visibility = 'private'
      and medley.may_play(i, p_kinds, null, p_skip, p_user_id, v_hidden, p_as_of)
    union all
    select i.*
    from public.item_genres as g
    inner join medley.items as i on i.id = g.item_id
    where g.genre_id = p_genre_id and medley.may_play(i, p_kinds, null, p_skip, p_user_id, v_hidden, p_as_of)
  )

  select n.item_no, n.distance
  from (
    select c.item_no, e.embedding_768 operator(extensions.<=>) p_vector as distance
    from candidate as c
    inner join medley.content_embeddings as e
      on e.item_no = c.item_no and e.embedding_type = 'audio' and e.model_version = v_model
    offset 0
  ) as n
  where p_after is null or (n.distance, n.item_no) > (p_after, p_after_no)
  order by n.distance, n.item_no
  limit p_limit;
end;
$$;

comment on function medley.nearest_exactly(
  extensions.vector, text[], uuid, int[], double precision, int, uuid, int, timestamptz
) is 'The p_limit items nearest to a vector, each compared; see nearest_items.';
revoke all on function medley.nearest_exactly(
  extensions.vector, text[], uuid, int[], double precision, int, uuid, int, timestamptz
) from public, anon, authenticated, service_role;

create or replace function medley.nearest_items(
  p_vector extensions.vector,
  p_kinds text[],
  p_genre_id uuid,
  p_skip int[],
  p_after double precision,
  p_after_no int,
  p_user_id uuid,
  p_limit int,
  p_as_of timestamptz
)
returns table (item_no int, distance double precision)
language plpgsql stable parallel safe security definer rows 20
set search_path = '' set plan_cache_mode = force_custom_plan set enable_seqscan = off
as $$
declare
  v_exact int := medley.setting('studio.exact_vectors');
  v_few boolean := case
    when p_genre_id is null then (
      select count(*)
      from (
        select from medley.items as i where i.kind = any(p_kinds) and i.visibility <> 'private' limit v_exact + 1
      ) as f
    )
    else (
      select count(*) from (select from public.item_genres as g where g.genre_id = p_genre_id limit v_exact + 1) as f
    )
  end <= v_exact;
  v_nos int[];
  v_distances double precision[];
begin
  if not v_few then
    select array_agg(n.item_no), array_agg(n.distance) into v_nos, v_distances
    from medley.nearest_by_index(
      -- The first that come are not quite the nearest: the best half of twice as many is nearer to it.
      p_vector, p_kinds, p_genre_id, p_skip, p_after, p_after_no, p_user_id, 2 * p_limit, p_as_of
    ) as n;
    if cardinality(v_nos) >= p_limit then
      return query
      select n.item_no, n.distance
      from unnest(v_nos, v_distances) as n (item_no, distance)
      order by n.distance, n.item_no
      limit p_limit;
      return;
    end if;
  end if;
  return query
  select n.item_no, n.distance
  from medley.nearest_exactly(
    p_vector, p_kinds, p_genre_id, p_skip, p_after, p_after_no, p_user_id, p_limit, p_as_of
  ) as n;
end;
$$;

comment on function medley.nearest_items(
  extensions.vector, text[], uuid, int[], double precision, int, uuid, int, timestamptz
) is
  'The p_limit items whose audio vectors are nearest to p_vector by cosine, nearest first, after a distance and number: of '
  'these kinds, of the genre p_genre_id (null: any), without p_skip, visible to the member. The page is full whenever there '
  'is enough to fill it: where the index gives less, or no more than studio.exact_vectors items are listed or have the '
  'genre, each candidate is compared.';
revoke all on function medley.nearest_items(
  extensions.vector, text[], uuid, int[], double precision, int, uuid, int, timestamptz
) from public, anon, authenticated, service_role;

create or replace function medley.audio_page(
  p_query text,
  p_vector extensions.vector,
  p_kind text,
  p_genre text,
  p_skip int[],
  p_user_id uuid,
  p_limit int,
  p_cursor text,
  p_as_of timestamptz
)
returns table (item_id uuid, kind text, title text, similarity real, next_cursor text)
language plpgsql stable parallel safe security definer set search_path = ''
as $$
declare
  v_limit int := medley.check_limit(p_limit);
  v_query text := p_query || ':' || md5(row(p_kind, p_genre)::text);
  v_after double precision;
  v_after_no int;
  v_genre_id uuid;
begin
  if p_kind is not null and p_kind not in ('track', 'recording') then
    perform medley.fail('invalid_argument', format('kind %s has no sound', left(p_kind, 100)), 'p_kind',
      'Pass track or recording, or leave it out for both.');
  end if;
  begin
    select (c.p ->> 'distance')::double precision, (c.p ->> 'item_no')::int into v_after, v_after_no
    from medley.decode_cursor(p_cursor, v_query) as c (p);
    if p_cursor is not null and num_nulls(v_after, v_after_no) > 0 then
      perform medley.fail('invalid_cursor', 'the cursor is damaged', 'p_cursor', 'Start again without a cursor.');
    end if;
  exception
    when data_exception then
      perform medley.fail('invalid_cursor', 'the cursor is damaged', 'p_cursor', 'Start again without a cursor.');
  end;
  if p_genre is not null then
    select g.id into v_genre_id
    from public.genres as g
    where g.normalized_key = (
      select coalesce(max(a.genre_key), max(k.key))
      from (select public.normalize_genre_key(p_genre) as key) as k
      left join medley.genre_aliases as a on a.alias_key = k.key
    );
    if not found then
      perform medley.fail('not_found', format('there is no genre %s', left(p_genre, 100)), 'p_genre', 'See get_genre_tree.');
    end if;
  end if;

  return query
  select
    i.id,
    i.kind,
    i.title,
    (1 - n.distance)::real,
    case
      when n.places > v_limit
        then medley.encode_cursor(v_query, jsonb_build_object('distance', n.last_distance, 'item_no', n.last_no))
    end
  from (
    select
      a.item_no,
      a.distance,
      a.place,
      count(*) over () as places,
      max(a.distance) filter (where a.place = v_limit) over () as last_distance,
      max(a.item_no) filter (where a.place = v_limit) over () as last_no
    from medley.nearest_items(
      p_vector, case when p_kind is null then array['track', 'recording'] else array[p_kind] end, v_genre_id, p_skip,
      v_after, v_after_no, p_user_id, v_limit + 1, p_as_of
    ) with ordinality as a (item_no, distance, place)
  ) as n
  inner join medley.items as i on i.item_no = n.item_no
  where n.place <= v_limit
  order by n.place;
end;
$$;

comment on function medley.audio_page(
  text, extensions.vector, text, text, int[], uuid, int, text, timestamptz
) is
  'A page of what sounds like p_vector, with the cursor of the query p_query. '
  'Errors: invalid_argument, invalid_cursor, not_found (genre).';
revoke all on function medley.audio_page(
  text, extensions.vector, text, text, int[], uuid, int, text, timestamptz
) from public, anon, authenticated, service_role;

create or replace function medley.open_audio_item(p_item_id uuid, p_user_id uuid)
returns int
language plpgsql stable parallel safe security definer set search_path = ''
as $$
declare
  v_item_no int := (
    select i.item_no
    from medley.items as i
    where i.id = p_item_id and i.kind in ('track', 'recording') and medley.visible_to(p_user_id, i.id)
  );
begin
  if v_item_no is null then
    perform medley.fail('not_found', format('nothing visible has the id %s', p_item_id), 'p_track_id',
      'Pass the id of a track or recording that you see.');
  end if;
  return v_item_no;
end;
$$;

comment on function medley.open_audio_item(uuid, uuid) is
  'The number of a track or recording that the member sees. Errors: not_found.';
revoke all on function medley.open_audio_item(uuid, uuid) from public, anon, authenticated, service_role;

create or replace function medley.get_similar_tracks(
  p_track_id uuid,
  p_kind text,
  p_genre text,
  p_limit int,
  p_cursor text,
  p_user_id uuid,
  p_as_of timestamptz
)
returns table (item_id uuid, kind text, title text, similarity real, next_cursor text)
language plpgsql stable parallel safe security definer set search_path = ''
as $$
declare
  -- Anybody may listen to what is public.
  v_user_id uuid := medley.reading_user(p_user_id);
  v_item_no int := medley.open_audio_item(p_track_id, v_user_id);
  v_vector extensions.vector := medley.audio_vector(p_track_id);
begin
  if v_vector is null then
    perform medley.check_limit(p_limit);
    return;
  end if;
  return query
  select a.item_id, a.kind, a.title, a.similarity, a.next_cursor
  from medley.audio_page(
    'similar_tracks:' || p_track_id, v_vector, p_kind, p_genre, array[v_item_no], v_user_id, p_limit, p_cursor, p_as_of
  ) as a;
end;
$$;

comment on function medley.get_similar_tracks(uuid, text, text, int, text, uuid, timestamptz) is
  'What sounds like a track at p_as_of; see public.get_similar_tracks. '
  'Errors: those of acting_user, not_found, invalid_argument, invalid_cursor.';
revoke all on function medley.get_similar_tracks(uuid, text, text, int, text, uuid, timestamptz)
from public, anon, authenticated, service_role;
grant execute on function medley.get_similar_tracks(uuid, text, text, int, text, uuid, timestamptz)
to anon, authenticated, service_role;

create or replace function medley.match_tracks(
  p_embedding real[],
  p_kind text,
  p_genre text,
  p_limit int,
  p_cursor text,
  p_user_id uuid,
  p_as_of timestamptz
)
returns table (item_id uuid, kind text, title text, similarity real, next_cursor text)
language plpgsql stable parallel safe security definer set search_path = ''
as $$
declare
  -- Anybody may listen to what is public.
  v_user_id uuid := medley.reading_user(p_user_id);
  v_vector extensions.vector := medley.to_audio_vector(p_embedding);
begin
  return query
  select a.item_id, a.kind, a.title, a.similarity, a.next_cursor
  from medley.audio_page(
    'match_tracks:' || md5(p_embedding::text), v_vector, p_kind, p_genre, '{}', v_user_id, p_limit, p_cursor, p_as_of
  ) as a;
end;
$$;

comment on function medley.match_tracks(real[], text, text, int, text, uuid, timestamptz) is
  'What sounds like a vector at p_as_of; see public.match_tracks. '
  'Errors: those of acting_user and to_audio_vector, not_found, invalid_argument, invalid_cursor.';
revoke all on function medley.match_tracks(real[], text, text, int, text, uuid, timestamptz)
from public, anon, authenticated, service_role;
grant execute on function medley.match_tracks(real[], text, text, int, text, uuid, timestamptz)
to anon, authenticated, service_role;

create or replace function medley.get_radio(
  p_track_id uuid,
  p_kind text,
  p_limit int,
  p_cursor text,
  p_user_id uuid,
  p_as_of timestamptz
)
returns table (item_id uuid, kind text, title text, similarity real, next_cursor text)
language plpgsql stable parallel safe security definer set search_path = ''
as $$
declare
  -- Anybody may listen to what is public.
  v_user_id uuid := medley.reading_user(p_user_id);
  v_user_no int := medley.member_no(v_user_id);
  v_item_no int := medley.open_audio_item(p_track_id, v_user_id);
  v_vector extensions.vector := medley.audio_vector(p_track_id);
  v_taste extensions.vector := medley.audio_taste(v_user_no, p_as_of);
  v_rejected int[] := array(
    select a.item_no
    from medley.affinities as a
    where a.user_no = v_user_no
    group by a.item_no
    having max(a.negative_at) >= coalesce(max(a.positive_at), '-infinity')
    order by max(a.negative_at) desc
    limit 500
  );
begin
  if v_vector is null then
    perform medley.check_limit(p_limit);
    return;
  end if;
  -- The distance to the seed decides what is on the page, and so nothing ever comes twice; within the page what is more to
  -- the member's taste comes first.
  return query
  select a.item_id, a.kind, a.title, a.similarity, a.next_cursor
  from medley.audio_page(
    'radio:' || p_track_id, v_vector, p_kind, null, v_item_no || v_rejected, v_user_id, p_limit, p_cursor, p_as_of
  ) with ordinality as a (item_id, kind, title, similarity, next_cursor, place)
  order by
    case when v_taste is null then 0 else medley.audio_vector(a.item_id) operator(extensions.<=>) v_taste end,
    a.place;
end;
$$;

comment on function medley.get_radio(uuid, text, int, text, uuid, timestamptz) is
  'A radio that begins with a track; see public.get_radio. '
  'Errors: those of acting_user, not_found, invalid_argument, invalid_cursor.';
revoke all on function medley.get_radio(uuid, text, int, text, uuid, timestamptz)
from public, anon, authenticated, service_role;
grant execute on function medley.get_radio(uuid, text, int, text, uuid, timestamptz) to anon, authenticated, service_role;

create or replace function medley.get_similar_bands(p_band_id uuid, p_limit int, p_user_id uuid)
returns table (band_id uuid, name text, similarity real)
language plpgsql stable parallel safe security definer
set search_path = '' set plan_cache_mode = force_custom_plan
set hnsw.iterative_scan = strict_order -- noqa: PRS
as $$
declare
  -- Anybody may listen to what is public.
  v_user_id uuid := medley.reading_user(p_user_id);
  v_limit int := medley.check_limit(p_limit);
  v_style extensions.vector;
begin
  select b.style_vector into v_style
  from public.bands as b
  where b.id = p_band_id and medley.visible_to(v_user_id, b.id);
  if not found then
    perform medley.fail('not_found', format('no band %s', p_band_id), 'p_band_id', 'Pass the id of a band that you see.');
  end if;

  return query
  select b.id, b.name, (1 - (b.style_vector operator(extensions.<=>) v_style))::real
  from public.bands as b
  where b.style_vector is not null
    and v_style is not null
    and b.id <> p_band_id
    and (b.user_id = v_user_id or b.is_public and medley.may_list(v_user_id, b.id, b.user_id))
  order by b.style_vector operator(extensions.<=>) v_style
  limit v_limit;
end;
$$;

comment on function medley.get_similar_bands(uuid, int, uuid) is
  'Bands whose style is nearest; see public.get_similar_bands. Errors: those of acting_user, not_found, invalid_argument.';
revoke all on function medley.get_similar_bands(uuid, int, uuid) from public, anon, authenticated, service_role;
grant execute on function medley.get_similar_bands(uuid, int, uuid) to anon, authenticated, service_role;

-- sql/packs/studio/bands.sql
-- Which tracks are a band's.
create or replace function medley.add_band_tracks(
  p_user_id uuid,
  p_band_id uuid,
  p_track_ids uuid[],
  p_as_of timestamptz
)
returns int
language plpgsql volatile parallel unsafe security definer
set search_path = '' set plan_cache_mode = force_custom_plan
as $$
declare
  v_user_id uuid := medley.acting_user(p_user_id);
  v_track record;
  v_added int;
begin
  if p_track_ids is null or array_position(p_track_ids, null) is not null then
    perform medley.fail('invalid_argument', 'p_track_ids must be an array of ids', 'p_track_ids', 'Pass the ids of tracks.');
  end if;
  if cardinality(p_track_ids) > 1000 then
    perform medley.fail('too_large', format('p_track_ids holds %s ids', cardinality(p_track_ids)), 'p_track_ids',
      'Add at most 1,000 tracks a call.');
  end if;
  perform medley.check_own_band(v_user_id, p_band_id);

  select w.id, t.user_id, t.status, coalesce(medley.visible_to(v_user_id, w.id), false) as is_visible into v_track
  from unnest(p_track_ids) as w (id)
  left join public.generated_tracks as t on t.id = w.id
  where t.id is null or t.user_id <> v_user_id or t.status <> 'completed'
  limit 1;
  if found then
    if not v_track.is_visible then
      perform medley.fail('not_found', format('nothing visible has the id %s', v_track.id), 'p_track_ids',
        'Leave it out; nothing was added.');
    elsif v_track.user_id <> v_user_id then
      perform medley.fail('forbidden', format('track %s is another member''s', v_track.id), 'p_track_ids',
        'A band has tracks of its own member; nothing was added.');
    end if;
    perform medley.fail('conflict', format('track %s is %s', v_track.id, v_track.status), 'p_track_ids',
      'Wait until it is completed; nothing was added.');
  end if;

  insert into public.band_tracks (band_id, track_id, added_at)
  select distinct p_band_id, w.id, p_as_of
  from unnest(p_track_ids) as w (id)
  order by w.id
  on conflict do nothing;
  get diagnostics v_added = row_count;
  return v_added;
end;
$$;

comment on function medley.add_band_tracks(uuid, uuid, uuid[], timestamptz) is
  'Adds tracks of the member to a band of the member; see public.add_band_tracks. '
  'Errors: those of acting_user and check_own_band, invalid_argument, not_found, forbidden, conflict, too_large.';
revoke all on function medley.add_band_tracks(uuid, uuid, uuid[], timestamptz)
from public, anon, authenticated, service_role;
grant execute on function medley.add_band_tracks(uuid, uuid, uuid[], timestamptz) to authenticated, service_role;

-- sql/packs/studio/playlists.sql
-- Editing playlists. Every edit first locks the playlist's row, so two devices take turns; it names tracks, not numbers
-- of rows, so it means the same whatever the other device did meanwhile.
-- Places have gaps of 2^32. A track goes into the middle of a gap; when one is used up, the neighbourhood is spread
-- again, the whole playlist only when it is full.
create or replace function medley.open_playlist(p_user_id uuid, p_playlist_id uuid, p_version bigint default null)
returns void
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_owner uuid;
  v_version bigint;
begin
  select p.user_id, p.version into v_owner, v_version
  from public.user_playlists as p
  where p.id = p_playlist_id
  for no key update;

  if v_owner is null or v_owner <> p_user_id and not medley.visible_to(p_user_id, p_playlist_id) then
    perform medley.fail('not_found', format('no playlist %s', p_playlist_id), 'p_playlist_id',
      'Pass the id of a playlist of yours.');
  end if;
  if v_owner <> p_user_id then
    perform medley.fail('forbidden', 'the playlist is another member''s', 'p_playlist_id', 'Make one of your own.');
  end if;
  if v_version <> p_version then
    perform medley.fail('conflict', format('the playlist is at version %s, not %s', v_version, p_version), 'p_version',
      'Somebody changed it meanwhile: read it again.');
  end if;
end;
$$;

comment on function medley.open_playlist(uuid, uuid, bigint) is
  'Locks a playlist of the member for the rest of the transaction. p_version (null: any): the version that the caller saw. '
  'Errors: not_found, forbidden, conflict.';
revoke all on function medley.open_playlist(uuid, uuid, bigint) from public, anon, authenticated, service_role;

create or replace function medley.spread_playlist(p_playlist_id uuid, p_place bigint, p_room int)
returns void
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_step constant bigint := 4294967296;
  v_width int := 32;
  v_tracks uuid[];
  v_low bigint;
  v_high bigint;
begin
  loop
    with near as (
      (
        select t.track_id, t.place
        from public.playlist_tracks as t
        where t.playlist_id = p_playlist_id and t.place < p_place
        order by t.place desc
        limit v_width
      )
      union all
      (
        select t.track_id, t.place
        from public.playlist_tracks as t
        where t.playlist_id = p_playlist_id and t.place >= p_place
        order by t.place
        limit v_width
      )
    )

    select
      array_agg(n.track_id order by n.place),
      coalesce(
        (select max(t.place) from public.playlist_tracks as t where t.playlist_id = p_playlist_id and t.place < min(n.place)),
        min(n.place) - v_step * (count(*) + p_room)
      ),
      coalesce(
        (select min(t.place) from public.playlist_tracks as t where t.playlist_id = p_playlist_id and t.place > max(n.place)),
        max(n.place) + v_step * (count(*) + p_room)
      )
    into v_tracks, v_low, v_high
    from near as n;
    -- Beyond an end there is room for everything, so the search ends there at the latest.
    exit when (v_high - v_low) / (cardinality(v_tracks) + 1) >= 65536::bigint * (p_room + 1);
    v_width := v_width * 4;
  end loop;

  update public.playlist_tracks as t
  set place = v_low + (v_high - v_low) / (cardinality(v_tracks) + 1) * n.rank
  from unnest(v_tracks) with ordinality as n (track_id, rank)
  where t.playlist_id = p_playlist_id and t.track_id = n.track_id;
end;
$$;

comment on function medley.spread_playlist(uuid, bigint, int) is
  'Makes room for p_room tracks in every gap around the place p_place: spreads the least neighbourhood that has enough of it.';
revoke all on function medley.spread_playlist(uuid, bigint, int) from public, anon, authenticated, service_role;

create or replace function medley.free_places(p_playlist_id uuid, p_before uuid, p_moved uuid, p_room int)
returns table (first_place bigint, step bigint)
language plpgsql volatile parallel unsafe security definer
set search_path = '' set plan_cache_mode = force_generic_plan
as $$
declare
  v_step constant bigint := 4294967296;
  v_low bigint;
  v_high bigint;
begin
  for v_attempt in 1 .. 2 loop
    v_high := null;
    if p_before is not null then
      select t.place into v_high
      from public.playlist_tracks as t
      where t.playlist_id = p_playlist_id and t.track_id = p_before;
      if not found then
        perform medley.fail('conflict', format('track %s is not in the playlist', p_before), 'p_before',
          'It was removed meanwhile: read the playlist again.');
      end if;
    end if;

    select t.place into v_low
    from public.playlist_tracks as t
    where t.playlist_id = p_playlist_id
      and t.place < coalesce(v_high, 9223372036854775807)
      and t.track_id is distinct from p_moved
    order by t.place desc
    limit 1;

    if v_high is null then
      return query select coalesce(v_low, 0) + v_step, v_step;
      return;
    elsif v_low is null then
      return query select v_high - v_step * p_room, v_step;
      return;
    elsif v_high - v_low > p_room then
      return query select v_low + (v_high - v_low) / (p_room + 1), (v_high - v_low) / (p_room + 1);
      return;
    end if;
    perform medley.spread_playlist(p_playlist_id, v_high, p_room);
  end loop;
end;
$$;

comment on function medley.free_places(uuid, uuid, uuid, int) is
  'Where p_room tracks go that shall stand right before the track p_before (null: at the end): the first place and the step '
  'to the next. p_moved: the track that moves, which is in nobody''s way. Errors: conflict (p_before is not there).';
revoke all on function medley.free_places(uuid, uuid, uuid, int) from public, anon, authenticated, service_role;

create or replace function medley.check_track_ids(p_track_ids uuid[])
returns void
language plpgsql stable parallel safe security definer set search_path = ''
as $$
begin
  if p_track_ids is null or array_position(p_track_ids, null) is not null then
    perform medley.fail('invalid_argument', 'p_track_ids must be an array of ids', 'p_track_ids', 'Pass the ids of tracks.');
  end if;
  if cardinality(p_track_ids) > medley.setting('studio.max_playlist_tracks') then
    perform medley.fail('too_large', format('p_track_ids holds %s ids', cardinality(p_track_ids)), 'p_track_ids',
      format('A playlist holds at most %s tracks.', medley.setting('studio.max_playlist_tracks')));
  end if;
end;
$$;

comment on function medley.check_track_ids(uuid[]) is 'Refuses no array, a null in it, and too many. Errors: invalid_argument, too_large.';
revoke all on function medley.check_track_ids(uuid[]) from public, anon, authenticated, service_role;

create or replace function medley.add_playlist_tracks(
  p_user_id uuid,
  p_playlist_id uuid,
  p_track_ids uuid[],
  p_before uuid,
  p_as_of timestamptz
)
returns int
language plpgsql volatile parallel unsafe security definer
set search_path = '' set plan_cache_mode = force_custom_plan
as $$
declare
  v_user_id uuid := medley.acting_user(p_user_id);
  v_missing uuid;
  v_new uuid[];
  v_added int;
begin
  perform medley.check_track_ids(p_track_ids);
  perform medley.open_playlist(v_user_id, p_playlist_id);

  select w.id into v_missing
  from unnest(p_track_ids) as w (id)
  left join public.generated_tracks as t on t.id = w.id
  where t.id is null
    or t.user_id <> v_user_id and (t.visibility <> 'public' or not medley.visible_to(v_user_id, t.id))
  limit 1;
  if found then
    perform medley.fail('not_found', format('nothing visible has the id %s', v_missing), 'p_track_ids',
      'Leave it out; nothing was added.');
  end if;

  -- What is there already stays where it is: a repeated call adds nothing.
  v_new := array(
    select w.id
    from unnest(p_track_ids) with ordinality as w (id, rank)
    where not exists (
      select from public.playlist_tracks as t
      where t.playlist_id = p_playlist_id and t.track_id = w.id
    )
    group by w.id
    order by min(w.rank)
  );
  if v_new = '{}' then
    return 0;
  end if;

  insert into public.playlist_tracks (playlist_id, track_id, place, added_at)
  select p_playlist_id, n.track_id, f.first_place + f.step * (n.rank - 1), p_as_of
  from medley.free_places(p_playlist_id, p_before, null, cardinality(v_new)) as f
  cross join unnest(v_new) with ordinality as n (track_id, rank);
  get diagnostics v_added = row_count;
  return v_added;
end;
$$;

comment on function medley.add_playlist_tracks(uuid, uuid, uuid[], uuid, timestamptz) is
  'Adds tracks to a playlist of the member; see public.add_playlist_tracks. '
  'Errors: those of acting_user and open_playlist, invalid_argument, not_found, conflict, too_large.';
revoke all on function medley.add_playlist_tracks(uuid, uuid, uuid[], uuid, timestamptz)
from public, anon, authenticated, service_role;
grant execute on function medley.add_playlist_tracks(uuid, uuid, uuid[], uuid, timestamptz)
to authenticated, service_role;

create or replace function medley.touch_playlist(p_playlist_id uuid)
returns bigint
language sql volatile parallel unsafe security definer set search_path = ''
as $$
  update public.user_playlists as p
  set version = p.version + 1
  where p.id = p_playlist_id
  returning p.version
$$;

comment on function medley.touch_playlist(uuid) is 'Counts a change of the order of a playlist; returns its version.';
revoke all on function medley.touch_playlist(uuid) from public, anon, authenticated, service_role;

create or replace function medley.move_playlist_track(
  p_user_id uuid,
  p_playlist_id uuid,
  p_track_id uuid,
  p_before uuid
)
returns bigint
language plpgsql volatile parallel unsafe security definer
set search_path = '' set plan_cache_mode = force_generic_plan
as $$
declare
  v_place bigint;
begin
  perform medley.open_playlist(medley.acting_user(p_user_id), p_playlist_id);
  if p_track_id is null or p_track_id = p_before then
    perform medley.fail('invalid_argument', 'a track cannot stand before itself', 'p_before',
      'Name the track that shall follow it, or none for the end.');
  end if;

  -- Before the update, because making room may itself move the track.
  select f.first_place into v_place
  from medley.free_places(p_playlist_id, p_before, p_track_id, 1) as f;
  update public.playlist_tracks as t
  set place = v_place
  where t.playlist_id = p_playlist_id and t.track_id = p_track_id;
  if not found then
    perform medley.fail('conflict', format('track %s is not in the playlist', p_track_id), 'p_track_id',
      'It was removed meanwhile: read the playlist again.');
  end if;
  return medley.touch_playlist(p_playlist_id);
end;
$$;

comment on function medley.move_playlist_track(uuid, uuid, uuid, uuid) is
  'Moves a track within a playlist of the member; see public.move_playlist_track. '
  'Errors: those of acting_user and open_playlist, invalid_argument, conflict.';
revoke all on function medley.move_playlist_track(uuid, uuid, uuid, uuid)
from public, anon, authenticated, service_role;
grant execute on function medley.move_playlist_track(uuid, uuid, uuid, uuid) to authenticated, service_role;

create or replace function medley.remove_playlist_tracks(p_user_id uuid, p_playlist_id uuid, p_track_ids uuid[])
returns int
language plpgsql volatile parallel unsafe security definer
set search_path = '' set plan_cache_mode = force_custom_plan
as $$
declare
  v_removed int;
begin
  perform medley.check_track_ids(p_track_ids);
  perform medley.open_playlist(medley.acting_user(p_user_id), p_playlist_id);
  delete from public.playlist_tracks as t
  using unnest(p_track_ids) as w (id)
  where t.playlist_id = p_playlist_id and t.track_id = w.id;
  get diagnostics v_removed = row_count;
  return v_removed;
end;
$$;

comment on function medley.remove_playlist_tracks(uuid, uuid, uuid[]) is
  'Removes tracks from a playlist of the member; see public.remove_playlist_tracks. '
  'Errors: those of acting_user and open_playlist, invalid_argument, too_large.';
revoke all on function medley.remove_playlist_tracks(uuid, uuid, uuid[]) from public, anon, authenticated, service_role;
grant execute on function medley.remove_playlist_tracks(uuid, uuid, uuid[]) to authenticated, service_role;

create or replace function medley.reorder_playlist(
  p_user_id uuid,
  p_playlist_id uuid,
  p_track_ids uuid[],
  p_version bigint
)
returns bigint
language plpgsql volatile parallel unsafe security definer
set search_path = '' set plan_cache_mode = force_custom_plan
as $$
begin
  perform medley.check_track_ids(p_track_ids);
  perform medley.open_playlist(medley.acting_user(p_user_id), p_playlist_id, p_version);

  update public.playlist_tracks as t
  set place = 4294967296 * n.rank
  from (
    select o.track_id, row_number() over (order by w.rank nulls last, o.place) as rank
    from public.playlist_tracks as o
    left join (
      select u.id, min(u.rank) as rank
      from unnest(p_track_ids) with ordinality as u (id, rank)
      group by u.id
    ) as w on w.id = o.track_id
    where o.playlist_id = p_playlist_id
  ) as n
  where t.playlist_id = p_playlist_id and t.track_id = n.track_id;
  return medley.touch_playlist(p_playlist_id);
end;
$$;

comment on function medley.reorder_playlist(uuid, uuid, uuid[], bigint) is
  'Puts a playlist of the member in another order; see public.reorder_playlist. '
  'Errors: those of acting_user and open_playlist, invalid_argument, too_large.';
revoke all on function medley.reorder_playlist(uuid, uuid, uuid[], bigint)
from public, anon, authenticated, service_role;
grant execute on function medley.reorder_playlist(uuid, uuid, uuid[], bigint) to authenticated, service_role;

create or replace function medley.get_playlist_tracks(
  p_playlist_id uuid,
  p_limit int,
  p_cursor text,
  p_user_id uuid
)
returns table (
  track_id uuid,
  title text,
  url text,
  duration int,
  user_id uuid,
  added_at timestamptz,
  next_cursor text
)
language plpgsql stable parallel safe security definer
set search_path = '' set plan_cache_mode = force_generic_plan
as $$
declare
  -- Anybody may read what is public.
  v_user_id uuid := medley.reading_user(p_user_id);
  v_limit int := medley.check_limit(p_limit);
  v_query text := 'playlist:' || p_playlist_id;
  v_after bigint;
begin
  if p_playlist_id is null or not medley.visible_to(v_user_id, p_playlist_id)
    or not exists (select from public.user_playlists as p where p.id = p_playlist_id)
  then
    perform medley.fail('not_found', format('no playlist %s', p_playlist_id), 'p_playlist_id',
      'Pass the id of a playlist that you see.');
  end if;
  begin
    v_after := (medley.decode_cursor(p_cursor, v_query) ->> 'place')::bigint;
  exception
    when data_exception then
      perform medley.fail('invalid_cursor', 'the cursor is damaged', 'p_cursor', 'Start again without a cursor.');
  end;

  return query
  with page as (
    select l.track_id, l.place, l.added_at, t.title, t.url, t.duration, t.user_id
    from public.playlist_tracks as l
    inner join public.generated_tracks as t on t.id = l.track_id
    where l.playlist_id = p_playlist_id
      and l.place > coalesce(v_after, -9223372036854775807)
      and (t.user_id = v_user_id or t.visibility = 'public' and medley.visible_to(v_user_id, t.id))
    order by l.place
    limit v_limit + 1
  )

  select
    p.track_id,
    p.title,
    p.url,
    p.duration,
    p.user_id,
    p.added_at,
    case
      when count(*) over () > v_limit
        then medley.encode_cursor(v_query, jsonb_build_object('place', max(p.place) filter (where p.rank = v_limit) over ()))
    end
  from (select g.*, row_number() over (order by g.place) as rank from page as g) as p
  order by p.place
  limit v_limit;
end;
$$;

comment on function medley.get_playlist_tracks(uuid, int, text, uuid) is
  'A page of a playlist; see public.get_playlist_tracks. Errors: not_found, invalid_argument, invalid_cursor.';
revoke all on function medley.get_playlist_tracks(uuid, int, text, uuid) from public, anon, authenticated, service_role;
grant execute on function medley.get_playlist_tracks(uuid, int, text, uuid) to anon, authenticated, service_role;

-- sql/packs/studio/quotas.sql
-- The daily allowance: one row a member, written once a request. A day is a day in UTC, and time is an argument.
create or replace function medley.utc_day(p_as_of timestamptz)
returns date
language sql immutable parallel safe security invoker
return (p_as_of at time zone 'UTC')::date;

comment on function medley.utc_day(timestamptz) is 'The day in UTC.';
revoke all on function medley.utc_day(timestamptz) from public, anon, authenticated, service_role;

create or replace function medley.consume_generation(p_user_id uuid, p_as_of timestamptz)
returns date
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_user_no int := (select m.user_no from medley.member_numbers(array[p_user_id]) as m);
  v_today date := medley.utc_day(p_as_of);
  v_quota medley.generation_quotas;
  v_limit int;
begin
  insert into medley.generation_quotas (user_no, quota_day)
  values (v_user_no, v_today)
  on conflict do nothing;

  -- Requests of one member take turns at this row, so that each counts what the others took.
  select q.* into strict v_quota
  from medley.generation_quotas as q
  where q.user_no = v_user_no
  for no key update;

  select p.daily_limit into strict v_limit
  from medley.generation_plans as p
  where p.plan = case when v_quota.plan_until <= p_as_of then 'free' else v_quota.plan end;

  -- Whoever waited across midnight is in the new day, as the row is.
  v_today := greatest(v_today, v_quota.quota_day);
  if v_quota.quota_day < v_today then
    v_quota.daily_count := 0;
  end if;
  if v_quota.daily_count >= v_limit then
    perform medley.fail('quota_exceeded', format('the %s tracks of today are used up', v_limit), null,
      format('Ask again after %s.', to_char(v_today + 1, 'YYYY-MM-DD"T00:00:00Z"')));
  end if;

  update medley.generation_quotas as q
  set quota_day = v_today, daily_count = v_quota.daily_count + 1
  where q.user_no = v_user_no;
  return v_today;
end;
$$;

comment on function medley.consume_generation(uuid, timestamptz) is
  'Takes one of the member''s allowance of the day of p_as_of; returns that day. Errors: quota_exceeded.';
revoke all on function medley.consume_generation(uuid, timestamptz) from public, anon, authenticated, service_role;

create or replace function medley.give_back_generations(p_user_ids uuid[], p_days date[])
returns void
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
begin
  perform
  from medley.generation_quotas as q
  inner join medley.members as m on m.user_no = q.user_no
  where m.user_id = any(p_user_ids)
  order by q.user_no
  for no key update of q;

  update medley.generation_quotas as q
  set daily_count = greatest(0, q.daily_count - n.requests)
  from (
    select m.user_no, g.quota_day, count(*)::int as requests
    from unnest(p_user_ids, p_days) as g (user_id, quota_day)
    inner join medley.members as m on m.user_id = g.user_id
    group by m.user_no, g.quota_day
  ) as n
  where q.user_no = n.user_no and q.quota_day = n.quota_day;
end;
$$;

comment on function medley.give_back_generations(uuid[], date[]) is
  'Gives members back what requests took, each on its day: an allowance of an earlier day is over anyway.';
revoke all on function medley.give_back_generations(uuid[], date[]) from public, anon, authenticated, service_role;

create or replace function medley.give_back_deleted_requests()
returns trigger
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
begin
  perform medley.give_back_generations(array_agg(o.user_id), array_agg(o.quota_day))
  from old_rows as o
  where o.status = 'queued' and o.quota_day is not null
  having count(*) > 0;
  return null;
end;
$$;

comment on function medley.give_back_deleted_requests() is
  'Statement trigger on generated_tracks with transition table old_rows: a request that nobody has begun costs nothing.';
revoke all on function medley.give_back_deleted_requests() from public, anon, authenticated, service_role;

create trigger generated_tracks_4_give_back
after delete on public.generated_tracks referencing old table as old_rows
for each statement execute function medley.give_back_deleted_requests();

create or replace function medley.get_generation_quota(p_user_id uuid, p_as_of timestamptz)
returns table (plan text, daily_limit int, daily_count int, remaining int, resets_at timestamptz)
language plpgsql stable parallel safe security definer set search_path = ''
as $$
declare
  v_user_no int := medley.member_no(medley.acting_user(p_user_id));
begin
  return query
  select
    p.plan,
    p.daily_limit,
    u.daily_count,
    greatest(0, p.daily_limit - u.daily_count),
    (medley.utc_day(p_as_of) + 1)::timestamp at time zone 'UTC'
  from (select 1) as one
  left join medley.generation_quotas as q on q.user_no = v_user_no
  cross join lateral (
    select case when q.quota_day >= medley.utc_day(p_as_of) then q.daily_count else 0 end as daily_count
  ) as u
  inner join medley.generation_plans as p
    on p.plan = case when q.plan_until <= p_as_of then 'free' else coalesce(q.plan, 'free') end;
end;
$$;

comment on function medley.get_generation_quota(uuid, timestamptz) is
  'The member''s allowance at p_as_of; see public.get_generation_quota. Errors: those of acting_user.';
revoke all on function medley.get_generation_quota(uuid, timestamptz) from public, anon, authenticated, service_role;
grant execute on function medley.get_generation_quota(uuid, timestamptz) to authenticated, service_role;

create or replace function medley.set_generation_plan(
  p_user_id uuid,
  p_plan text,
  p_until timestamptz,
  p_as_of timestamptz
)
returns void
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
begin
  if not exists (select from medley.generation_plans as p where p.plan = p_plan) then
    perform medley.fail('invalid_argument', format('there is no plan %s', coalesce(left(p_plan, 100), 'null')), 'p_plan',
      'Pass a plan of medley.generation_plans.');
  end if;
  if not exists (select from auth.users as u where u.id = p_user_id) then
    perform medley.fail('not_found', format('there is no member %s', p_user_id), 'p_user_id', 'Pass the id of an account.');
  end if;
  insert into medley.generation_quotas as q (user_no, plan, plan_until, quota_day)
  select m.user_no, p_plan, p_until, medley.utc_day(p_as_of)
  from medley.member_numbers(array[p_user_id]) as m
  on conflict (user_no) do update
  set plan = excluded.plan, plan_until = excluded.plan_until;
end;
$$;

comment on function medley.set_generation_plan(uuid, text, timestamptz, timestamptz) is
  'Puts a member on a plan; see public.set_generation_plan. Errors: invalid_argument, not_found.';
revoke all on function medley.set_generation_plan(uuid, text, timestamptz, timestamptz)
from public, anon, authenticated, service_role;
grant execute on function medley.set_generation_plan(uuid, text, timestamptz, timestamptz) to service_role;

create or replace function medley.reset_daily_counts(p_limit int, p_as_of timestamptz)
returns bigint
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_rows bigint;
begin
  with due as (
    select q.user_no
    from medley.generation_quotas as q
    where q.quota_day < medley.utc_day(p_as_of) and q.daily_count > 0
    order by q.user_no
    limit p_limit
    for no key update skip locked
  )

  update medley.generation_quotas as q
  set quota_day = medley.utc_day(p_as_of), daily_count = 0
  from due as d
  where q.user_no = d.user_no;
  get diagnostics v_rows = row_count;
  return v_rows;
end;
$$;

comment on function medley.reset_daily_counts(int, timestamptz) is
  'Writes down that the counts of up to p_limit members are of an earlier day. Nothing depends on it: such counts count as 0. '
  'Returns how many.';
revoke all on function medley.reset_daily_counts(int, timestamptz) from public, anon, authenticated, service_role;
grant execute on function medley.reset_daily_counts(int, timestamptz) to service_role;

create or replace function medley.reset_daily_count(p_limit int)
returns bigint
language sql volatile parallel unsafe security definer set search_path = ''
as $$ select medley.reset_daily_counts(p_limit, now()) $$;

comment on function medley.reset_daily_count(int) is 'Job: reset_daily_counts as of now.';
revoke all on function medley.reset_daily_count(int) from public, anon, authenticated, service_role;

-- sql/packs/studio/generation.sql
-- From request to track. The queue is generated_tracks itself: a claim is a lease with a number (attempts), and whoever
-- reports names that number, so a worker that was taken for dead cannot undo what its successor did.
create or replace function medley.check_generation_source(
  p_user_id uuid,
  p_mode text,
  p_source_id uuid,
  p_source_external_id text
)
returns void
language plpgsql stable parallel safe security definer set search_path = ''
as $$
declare
  v_source public.generated_tracks;
begin
  if p_mode is null or p_mode not in ('new', 'similar', 'extend', 'radio') then
    perform medley.fail('invalid_argument', format('there is no mode %s', coalesce(left(p_mode, 100), 'null')), 'p_mode',
      'Pass new, similar, extend or radio.');
  end if;
  if (p_mode = 'new') = (p_source_id is not null or p_source_external_id is not null) then
    perform medley.fail('invalid_argument',
      case when p_mode = 'new' then 'a new track has no source' else format('mode %s needs a source', p_mode) end,
      'p_source_id', 'Pass p_source_id or p_source_external_id for similar, extend and radio, neither for new.');
  end if;
  if p_source_id is null then
    return;
  end if;

  select t.* into v_source
  from public.generated_tracks as t
  where t.id = p_source_id;
  if not found or v_source.user_id <> p_user_id
    and (v_source.visibility <> 'public' or not medley.visible_to(p_user_id, p_source_id))
  then
    perform medley.fail('not_found', format('nothing visible has the id %s', p_source_id), 'p_source_id',
      'Pass the id of a track that you see.');
  end if;
  if p_mode = 'extend' and v_source.user_id <> p_user_id then
    perform medley.fail('forbidden', 'only one''s own tracks can be extended', 'p_source_id',
      'Ask for a similar track instead.');
  end if;
  if v_source.status <> 'completed' then
    perform medley.fail('conflict', format('the source is %s', v_source.status), 'p_source_id',
      'Wait until it is completed.');
  end if;
end;
$$;

comment on function medley.check_generation_source(uuid, text, uuid, text) is
  'Refuses a mode that does not exist and a source that does not fit it. '
  'Errors: invalid_argument, not_found, forbidden, conflict.';
revoke all on function medley.check_generation_source(uuid, text, uuid, text)
from public, anon, authenticated, service_role;

create or replace function medley.check_own_band(p_user_id uuid, p_band_id uuid)
returns void
language plpgsql stable parallel safe security definer set search_path = ''
as $$
declare
  v_owner uuid := (select b.user_id from public.bands as b where b.id = p_band_id);
begin
  if v_owner is null or v_owner <> p_user_id and not medley.visible_to(p_user_id, p_band_id) then
    perform medley.fail('not_found', format('no band %s', p_band_id), 'p_band_id', 'Pass the id of a band of yours.');
  end if;
  if v_owner <> p_user_id then
    perform medley.fail('forbidden', 'the band is another member''s', 'p_band_id', 'Pass the id of a band of yours.');
  end if;
end;
$$;

comment on function medley.check_own_band(uuid, uuid) is 'Refuses a band that is not the member''s. Errors: not_found, forbidden.';
revoke all on function medley.check_own_band(uuid, uuid) from public, anon, authenticated, service_role;

create or replace function medley.request_generation(
  p_user_id uuid,
  p_mode text,
  p_title text,
  p_parameters jsonb,
  p_genres text[],
  p_tags text[],
  p_source_id uuid,
  p_source_external_id text,
  p_band_id uuid,
  p_is_public boolean,
  p_track_id uuid,
  p_as_of timestamptz
)
returns table (track_id uuid, status text, remaining int, resets_at timestamptz)
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_user_id uuid := medley.acting_user(p_user_id);
  v_track_id uuid := coalesce(p_track_id, gen_random_uuid());
  v_owner uuid;
  v_day date;
begin
  select t.user_id into v_owner from public.generated_tracks as t where t.id = p_track_id;
  if v_owner is null then
    perform medley.check_generation_source(v_user_id, p_mode, p_source_id, p_source_external_id);
    if p_band_id is not null then
      perform medley.check_own_band(v_user_id, p_band_id);
    end if;
    v_day := medley.consume_generation(v_user_id, p_as_of);

    insert into public.generated_tracks as t (
      id, user_id, title, mode, source_id, source_external_id, parameters, genres, tags, band_id, is_public,
      claimable_at, quota_day, created_at
    )
    values (
      v_track_id, v_user_id, coalesce(p_title, 'Untitled'), p_mode, p_source_id, p_source_external_id,
      coalesce(p_parameters, '{}'), coalesce(p_genres, '{}'), coalesce(p_tags, '{}'), p_band_id,
      coalesce(p_is_public, false), p_as_of, v_day, p_as_of
    )
    on conflict (id) do nothing;
    if not found then
      perform medley.give_back_generations(array[v_user_id], array[v_day]);
      select t.user_id into v_owner from public.generated_tracks as t where t.id = p_track_id;
    end if;
  end if;
  if v_owner <> v_user_id then
    perform medley.fail('conflict', format('the id %s is taken', p_track_id), 'p_track_id',
      'Leave p_track_id out, or make a random one for each request.');
  end if;

  return query
  select t.id, t.status, q.remaining, q.resets_at
  from public.generated_tracks as t
  cross join medley.get_generation_quota(p_user_id, p_as_of) as q
  where t.id = v_track_id;
exception
  when check_violation or not_null_violation then
    perform medley.fail('invalid_argument', sqlerrm, null, 'Correct the request; nothing was written or counted.');
end;
$$;

comment on function medley.request_generation(
  uuid, text, text, jsonb, text[], text[], uuid, text, uuid, boolean, uuid, timestamptz
) is
  'Asks for a track; see public.request_generation. Errors: those of acting_user, check_generation_source and '
  'check_own_band, quota_exceeded, invalid_argument, conflict, too_large.';
revoke all on function medley.request_generation(
  uuid, text, text, jsonb, text[], text[], uuid, text, uuid, boolean, uuid, timestamptz
) from public, anon, authenticated, service_role;
grant execute on function medley.request_generation(
  uuid, text, text, jsonb, text[], text[], uuid, text, uuid, boolean, uuid, timestamptz
) to authenticated, service_role;

create or replace function medley.get_generation_status(p_user_id uuid, p_track_id uuid)
returns table (
  track_id uuid,
  status text,
  progress int,
  queue_position bigint,
  attempts int,
  error text,
  url text,
  duration int,
  match_percentage int,
  explanation text
)
language plpgsql stable parallel safe security definer set search_path = ''
as $$
declare
  v_user_id uuid := medley.acting_user(p_user_id);
begin
  return query
  select
    t.id,
    t.status,
    t.progress::int,
    case
      when t.status = 'queued' then (
        select 1 + count(*)
        from public.generated_tracks as o
        -- The first condition is the index's.
        where o.status in ('queued', 'generating')
          and o.status = 'queued'
          and (o.claimable_at, o.created_at) < (t.claimable_at, t.created_at)
      )
    end,
    t.attempts::int,
    t.error,
    t.url,
    t.duration,
    t.match_percentage::int,
    t.explanation
  from public.generated_tracks as t
  where t.id = p_track_id and t.user_id = v_user_id;
  if not found then
    perform medley.fail('not_found', format('no request %s', p_track_id), 'p_track_id', 'Pass the id of a track of yours.');
  end if;
end;
$$;

comment on function medley.get_generation_status(uuid, uuid) is
  'How a request of the member stands; see public.get_generation_status. Errors: those of acting_user, not_found.';
revoke all on function medley.get_generation_status(uuid, uuid) from public, anon, authenticated, service_role;
grant execute on function medley.get_generation_status(uuid, uuid) to authenticated, service_role;

create or replace function medley.check_lease_seconds(p_lease_seconds int)
returns interval
language plpgsql immutable parallel safe security invoker set search_path = ''
as $$
begin
  if p_lease_seconds is null or p_lease_seconds not between 1 and 86400 then
    perform medley.fail('invalid_argument', format('a lease lasts 1 to 86400 seconds, got %s', p_lease_seconds),
      'p_lease_seconds', 'Take as long as one report needs to follow the other.');
  end if;
  return make_interval(secs => p_lease_seconds);
end;
$$;

comment on function medley.check_lease_seconds(int) is 'The length of a lease. Errors: invalid_argument.';
revoke all on function medley.check_lease_seconds(int) from public, anon, authenticated, service_role;

create or replace function medley.claim_generation_jobs(
  p_worker text,
  p_limit int,
  p_lease_seconds int,
  p_as_of timestamptz
)
returns table (
  track_id uuid,
  user_id uuid,
  attempt int,
  leased_until timestamptz,
  mode text,
  title text,
  parameters jsonb,
  genres text[],
  tags text[],
  source_id uuid,
  source_url text,
  source_external_id text,
  band_id uuid,
  preferences jsonb,
  provider text,
  provider_job_id text
)
language plpgsql volatile parallel unsafe security definer
set search_path = '' set plan_cache_mode = force_generic_plan
as $$
declare
  v_lease interval := medley.check_lease_seconds(p_lease_seconds);
  v_limit int := medley.check_limit(p_limit, 100);
  v_attempts int := medley.setting('studio.max_attempts');
begin
  if p_worker is null or length(p_worker) not between 1 and 200 then
    perform medley.fail('invalid_argument', 'a worker has a name of 1 to 200 characters', 'p_worker', 'Name the worker.');
  end if;

  return query
  with due as materialized (
    select t.id
    from public.generated_tracks as t
    where t.status in ('queued', 'generating')
      and t.claimable_at <= p_as_of
      and t.attempts < v_attempts
    order by t.claimable_at, t.created_at
    limit v_limit
    for no key update skip locked
  ),

  claimed as (
    update public.generated_tracks as t
    set
      status = 'generating',
      attempts = t.attempts + 1,
      worker = p_worker,
      claimable_at = p_as_of + v_lease
    from due as d
    where t.id = d.id
    returning t.*
  )

  select
    c.id,
    c.user_id,
    c.attempts::int,
    c.claimable_at,
    c.mode,
    c.title,
    c.parameters,
    c.genres,
    c.tags,
    c.source_id,
    (select s.url from public.generated_tracks as s where s.id = c.source_id),
    c.source_external_id,
    c.band_id,
    (select u.preferences_profile from public.user_preferences as u where u.user_id = c.user_id),
    j.provider,
    j.provider_job_id
  from claimed as c
  left join lateral (
    select p.provider, p.provider_job_id
    from medley.provider_jobs as p
    where c.attempts > 1 and p.track_id = c.id
    order by p.attempt desc, p.created_at desc
    limit 1
  ) as j on true
  order by c.created_at;
end;
$$;

comment on function medley.claim_generation_jobs(text, int, int, timestamptz) is
  'Claims requests for a worker at p_as_of; see public.claim_generation_jobs. Errors: invalid_argument.';
revoke all on function medley.claim_generation_jobs(text, int, int, timestamptz)
from public, anon, authenticated, service_role;
grant execute on function medley.claim_generation_jobs(text, int, int, timestamptz) to service_role;

create or replace function medley.open_lease(p_track_id uuid, p_attempt int)
returns public.generated_tracks
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_track public.generated_tracks;
begin
  select t.* into v_track
  from public.generated_tracks as t
  where t.id = p_track_id
  for no key update;
  if not found then
    perform medley.fail('not_found', format('no track %s', p_track_id), 'p_track_id', 'Its member deleted it: drop the work.');
  end if;
  -- A lease that ran out is good until somebody takes over.
  if v_track.status <> 'generating' or v_track.attempts is distinct from p_attempt then
    perform medley.fail('conflict',
      format('lease %s of track %s is over: it is %s, at lease %s', p_attempt, p_track_id, v_track.status, v_track.attempts),
      'p_attempt', 'Another worker took over, or the track is final: drop the work.');
  end if;
  return v_track;
end;
$$;

comment on function medley.open_lease(uuid, int) is
  'Locks a track for the worker that holds its lease p_attempt. Errors: not_found, conflict (the lease is over).';
revoke all on function medley.open_lease(uuid, int) from public, anon, authenticated, service_role;

create or replace function medley.heartbeat_generation(
  p_track_id uuid,
  p_attempt int,
  p_progress int,
  p_lease_seconds int,
  p_as_of timestamptz
)
returns timestamptz
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_until timestamptz := p_as_of + medley.check_lease_seconds(p_lease_seconds);
begin
  if p_progress not between 0 and 100 then
    perform medley.fail('invalid_argument', format('p_progress must be between 0 and 100, got %s', p_progress), 'p_progress',
      'Give per cent.');
  end if;
  perform medley.open_lease(p_track_id, p_attempt);
  update public.generated_tracks as t
  set claimable_at = v_until, progress = coalesce(p_progress, t.progress)
  where t.id = p_track_id;
  return v_until;
end;
$$;

comment on function medley.heartbeat_generation(uuid, int, int, int, timestamptz) is
  'Extends a lease and notes progress; see public.heartbeat_generation. Errors: those of open_lease, invalid_argument.';
revoke all on function medley.heartbeat_generation(uuid, int, int, int, timestamptz)
from public, anon, authenticated, service_role;
grant execute on function medley.heartbeat_generation(uuid, int, int, int, timestamptz) to service_role;

create or replace function medley.finish_track(
  p_track_id uuid,
  p_url text,
  p_duration int,
  p_title text,
  p_explanation text,
  p_genres text[],
  p_tags text[],
  p_embedding real[],
  p_as_of timestamptz
)
returns void
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
begin
  if p_url is null or p_duration is null then
    perform medley.fail('invalid_argument', 'a completed track has an address and a duration',
      case when p_url is null then 'p_url' else 'p_duration' end, 'Store the audio first; nothing was written.');
  end if;
  -- The vector first: band and match percentage follow at once, and the band is counted with it.
  if p_embedding is not null then
    perform medley.write_audio_vector(p_track_id, p_embedding);
  end if;
  update public.generated_tracks as t
  set
    status = 'completed',
    url = p_url,
    duration = p_duration,
    title = coalesce(p_title, t.title),
    explanation = coalesce(p_explanation, t.explanation),
    genres = coalesce(p_genres, t.genres),
    tags = coalesce(p_tags, t.tags),
    completed_at = p_as_of,
    error = null
  where t.id = p_track_id;
exception
  when check_violation then
    perform medley.fail('invalid_argument', sqlerrm, null, 'Correct what is out of range; nothing was written.');
end;
$$;

comment on function medley.finish_track(uuid, text, int, text, text, text[], text[], real[], timestamptz) is
  'Completes a track that is generating: audio, words and vector. Errors: invalid_argument.';
revoke all on function medley.finish_track(uuid, text, int, text, text, text[], text[], real[], timestamptz)
from public, anon, authenticated, service_role;

create or replace function medley.complete_generation(
  p_track_id uuid,
  p_attempt int,
  p_url text,
  p_duration int,
  p_title text,
  p_explanation text,
  p_genres text[],
  p_tags text[],
  p_embedding real[],
  p_as_of timestamptz
)
returns table (track_id uuid, status text, match_percentage int)
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
begin
  -- A report that is repeated because its answer was lost changes nothing.
  if not exists (
    select from public.generated_tracks as t
    where t.id = p_track_id and t.status = 'completed' and t.attempts = p_attempt and t.url = p_url
  ) then
    perform medley.open_lease(p_track_id, p_attempt);
    perform medley.finish_track(
      p_track_id, p_url, p_duration, p_title, p_explanation, p_genres, p_tags, p_embedding, p_as_of
    );
  end if;
  return query
  select t.id, t.status, t.match_percentage::int
  from public.generated_tracks as t
  where t.id = p_track_id;
end;
$$;

comment on function medley.complete_generation(
  uuid, int, text, int, text, text, text[], text[], real[], timestamptz
) is 'A worker''s report of success; see public.complete_generation. Errors: those of open_lease, invalid_argument.';
revoke all on function medley.complete_generation(
  uuid, int, text, int, text, text, text[], text[], real[], timestamptz
) from public, anon, authenticated, service_role;
grant execute on function medley.complete_generation(
  uuid, int, text, int, text, text, text[], text[], real[], timestamptz
) to service_role;

create or replace function medley.fail_tracks(p_track_ids uuid[], p_error text)
returns bigint
language plpgsql volatile parallel unsafe security definer set search_path = '' set plan_cache_mode = force_custom_plan
as $$
declare
  v_user_ids uuid[];
  v_days date[];
  v_rows bigint;
begin
  select array_agg(t.user_id), array_agg(t.quota_day) into v_user_ids, v_days
  from public.generated_tracks as t
  where t.id = any(p_track_ids) and t.status = 'generating' and t.quota_day is not null;

  update public.generated_tracks as t
  set status = 'failed', error = coalesce(left(p_error, 2000), t.error), quota_day = null
  where t.id = any(p_track_ids) and t.status = 'generating';
  get diagnostics v_rows = row_count;

  if v_user_ids is not null then
    perform medley.give_back_generations(v_user_ids, v_days);
  end if;
  return v_rows;
end;
$$;

comment on function medley.fail_tracks(uuid[], text) is
  'Ends these tracks, which the caller has locked, as failed, and gives their members the allowance back. p_error: why '
  '(null: the error of the last attempt stays). Returns how many.';
revoke all on function medley.fail_tracks(uuid[], text) from public, anon, authenticated, service_role;

create or replace function medley.retry_or_fail(
  p_track public.generated_tracks,
  p_error text,
  p_retry boolean,
  p_retry_after_seconds int,
  p_as_of timestamptz
)
returns void
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
begin
  if not coalesce(p_retry, true) or p_track.attempts >= medley.setting('studio.max_attempts') then
    perform medley.fail_tracks(array[p_track.id], coalesce(p_error, 'unknown error'));
    return;
  end if;
  update public.generated_tracks as t
  set
    error = left(coalesce(p_error, 'unknown error'), 2000),
    worker = null,
    claimable_at = p_as_of + make_interval(secs => coalesce(
      p_retry_after_seconds,
      -- Twice as long each time, and not all at the same moment.
      least(
        medley.setting('studio.retry_max_seconds'),
        medley.setting('studio.retry_seconds') * 2 ^ least(t.attempts - 1, 30)
      ) * (0.75 + random() / 4)
    )::float8)
  where t.id = p_track.id;
end;
$$;

comment on function medley.retry_or_fail(public.generated_tracks, text, boolean, int, timestamptz) is
  'Lets a track that the caller has locked be tried again after a pause, or ends it when p_retry is false or the attempts are '
  'used up.';
revoke all on function medley.retry_or_fail(public.generated_tracks, text, boolean, int, timestamptz)
from public, anon, authenticated, service_role;

create or replace function medley.fail_generation(
  p_track_id uuid,
  p_attempt int,
  p_error text,
  p_retry boolean,
  p_retry_after_seconds int,
  p_as_of timestamptz
)
returns table (track_id uuid, status text, attempts int, retry_at timestamptz)
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
begin
  if p_retry_after_seconds not between 0 and 86400 then
    perform medley.fail('invalid_argument', format('a pause lasts 0 to 86400 seconds, got %s', p_retry_after_seconds),
      'p_retry_after_seconds', 'Leave it out for the usual pause.');
  end if;
  perform medley.retry_or_fail(medley.open_lease(p_track_id, p_attempt), p_error, p_retry, p_retry_after_seconds, p_as_of);
  return query
  select t.id, t.status, t.attempts::int, t.claimable_at
  from public.generated_tracks as t
  where t.id = p_track_id;
end;
$$;

comment on function medley.fail_generation(uuid, int, text, boolean, int, timestamptz) is
  'A worker''s report of failure; see public.fail_generation. Errors: those of open_lease, invalid_argument.';
revoke all on function medley.fail_generation(uuid, int, text, boolean, int, timestamptz)
from public, anon, authenticated, service_role;
grant execute on function medley.fail_generation(uuid, int, text, boolean, int, timestamptz) to service_role;

create or replace function medley.fail_abandoned_tracks(p_limit int, p_as_of timestamptz)
returns bigint
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_due uuid[] := array(
    select t.id
    from public.generated_tracks as t
    where t.status = 'generating'
      and t.claimable_at <= p_as_of
      and t.attempts >= medley.setting('studio.max_attempts')
    order by t.claimable_at, t.created_at
    limit p_limit
    for no key update skip locked
  );
begin
  return medley.fail_tracks(v_due, null);
end;
$$;

comment on function medley.fail_abandoned_tracks(int, timestamptz) is
  'Ends up to p_limit tracks whose last lease ran out by p_as_of. Returns how many.';
revoke all on function medley.fail_abandoned_tracks(int, timestamptz) from public, anon, authenticated, service_role;

create or replace function medley.fail_abandoned_generations(p_limit int)
returns bigint
language sql volatile parallel unsafe security definer set search_path = ''
as $$ select medley.fail_abandoned_tracks(p_limit, now()) $$;

comment on function medley.fail_abandoned_generations(int) is 'Job: fail_abandoned_tracks as of now.';
revoke all on function medley.fail_abandoned_generations(int) from public, anon, authenticated, service_role;

create or replace function medley.get_failed_generations(p_limit int, p_cursor text)
returns table (
  track_id uuid,
  user_id uuid,
  mode text,
  attempts int,
  error text,
  created_at timestamptz,
  failed_at timestamptz,
  next_cursor text
)
language plpgsql stable parallel safe security definer set search_path = ''
as $$
declare
  v_limit int := medley.check_limit(p_limit);
  v_created timestamptz;
  v_id uuid;
begin
  begin
    select (c.p ->> 'created_at')::timestamptz, (c.p ->> 'id')::uuid into v_created, v_id
    from medley.decode_cursor(p_cursor, 'failed_generations') as c (p);
  exception
    when data_exception then
      perform medley.fail('invalid_cursor', 'the cursor is damaged', 'p_cursor', 'Start again without a cursor.');
  end;

  return query
  with page as (
    select t.*, row_number() over (order by t.created_at desc, t.id desc) as place
    from public.generated_tracks as t
    where t.status = 'failed'
      and (v_id is null or (t.created_at, t.id) < (v_created, v_id))
    order by t.created_at desc, t.id desc
    limit v_limit + 1
  )

  select
    p.id,
    p.user_id,
    p.mode,
    p.attempts::int,
    p.error,
    p.created_at,
    p.updated_at,
    case
      when (select count(*) from page) > v_limit then medley.encode_cursor(
        'failed_generations',
        (
          select jsonb_build_object('created_at', l.created_at, 'id', l.id)
          from page as l
          where l.place = v_limit
        )
      )
    end
  from page as p
  where p.place <= v_limit
  order by p.place;
end;
$$;

comment on function medley.get_failed_generations(int, text) is
  'The dead letters; see public.get_failed_generations. Errors: invalid_argument, invalid_cursor.';
revoke all on function medley.get_failed_generations(int, text) from public, anon, authenticated, service_role;
grant execute on function medley.get_failed_generations(int, text) to service_role;

-- sql/packs/studio/webhooks.sql
-- What providers report. An event counts once, whatever its sender repeats. A result that comes late is used while it
-- can be, because it is paid for.
create or replace function medley.check_provider(p_provider text, p_generates boolean)
returns void
language plpgsql stable parallel safe security definer set search_path = ''
as $$
begin
  if not exists (
    select from medley.music_providers as p
    where p.provider = p_provider and (p_generates and p.generates or not p_generates and p.has_history)
  ) then
    perform medley.fail('invalid_argument',
      format('there is no provider %s that %s', coalesce(left(p_provider, 100), 'null'),
        case when p_generates then 'makes tracks' else 'has histories' end),
      'p_provider', 'Pass one of medley.music_providers.');
  end if;
end;
$$;

comment on function medley.check_provider(text, boolean) is
  'Refuses what is no provider of tracks (p_generates) or of histories. Errors: invalid_argument.';
revoke all on function medley.check_provider(text, boolean) from public, anon, authenticated, service_role;

create or replace function medley.start_provider_job(
  p_track_id uuid,
  p_attempt int,
  p_provider text,
  p_provider_job_id text,
  p_lease_seconds int,
  p_as_of timestamptz
)
returns timestamptz
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_until timestamptz := p_as_of + medley.check_lease_seconds(p_lease_seconds);
begin
  perform medley.check_provider(p_provider, true);
  if p_provider_job_id is null or length(p_provider_job_id) not between 1 and 200 then
    perform medley.fail('invalid_argument', 'a provider''s job has an id of 1 to 200 characters', 'p_provider_job_id',
      'Pass the id that the provider gave.');
  end if;
  perform medley.open_lease(p_track_id, p_attempt);

  insert into medley.provider_jobs as j (provider, provider_job_id, track_id, attempt, created_at)
  values (p_provider, p_provider_job_id, p_track_id, p_attempt, p_as_of)
  on conflict (provider, provider_job_id) do update
  set attempt = excluded.attempt
  where j.track_id = excluded.track_id;
  if not found then
    perform medley.fail('conflict', format('job %s is another track''s', p_provider_job_id), 'p_provider_job_id',
      'Pass the id that the provider gave for this track.');
  end if;

  update public.generated_tracks as t
  set claimable_at = v_until
  where t.id = p_track_id;
  return v_until;
end;
$$;

comment on function medley.start_provider_job(uuid, int, text, text, int, timestamptz) is
  'Notes that a provider works on a track; see public.start_provider_job. '
  'Errors: those of open_lease, invalid_argument, conflict.';
revoke all on function medley.start_provider_job(uuid, int, text, text, int, timestamptz)
from public, anon, authenticated, service_role;
grant execute on function medley.start_provider_job(uuid, int, text, text, int, timestamptz) to service_role;

create or replace function medley.apply_provider_event(
  p_job medley.provider_jobs,
  p_status text,
  p_result jsonb,
  p_embedding real[],
  p_as_of timestamptz
)
returns text
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_track public.generated_tracks;
begin
  select t.* into strict v_track
  from public.generated_tracks as t
  where t.id = p_job.track_id
  for no key update;

  if v_track.status <> 'generating' then
    return 'late';
  end if;
  if p_status = 'completed' then
    -- Of whichever attempt: the audio is there, and the worker that tries again will find the track final.
    perform medley.finish_track(
      v_track.id, p_result ->> 'url', (p_result ->> 'duration')::int, p_result ->> 'title', p_result ->> 'explanation',
      case when p_result ? 'genres' then array(select jsonb_array_elements_text(p_result -> 'genres')) end,
      case when p_result ? 'tags' then array(select jsonb_array_elements_text(p_result -> 'tags')) end,
      p_embedding, p_as_of
    );
    return 'applied';
  end if;
  if p_job.attempt <> v_track.attempts then
    return 'stale';
  end if;
  if p_status = 'failed' then
    perform medley.retry_or_fail(
      v_track, p_result ->> 'error', (p_result ->> 'retry')::boolean, (p_result ->> 'retry_after_seconds')::int, p_as_of
    );
  else
    update public.generated_tracks as t
    set
      progress = greatest(t.progress, least(100, greatest(0, (p_result ->> 'progress')::int))),
      claimable_at = greatest(
        t.claimable_at, p_as_of + make_interval(secs => medley.setting('studio.webhook_lease_seconds')::float8)
      )
    where t.id = v_track.id;
  end if;
  return 'applied';
end;
$$;

comment on function medley.apply_provider_event(medley.provider_jobs, text, jsonb, real[], timestamptz) is
  'Does what an event says. Returns applied; late, when the track is final; stale, when another attempt is under way.';
revoke all on function medley.apply_provider_event(medley.provider_jobs, text, jsonb, real[], timestamptz)
from public, anon, authenticated, service_role;

create or replace function medley.record_generation_event(
  p_provider text,
  p_event_id text,
  p_provider_job_id text,
  p_status text,
  p_result jsonb,
  p_embedding real[],
  p_as_of timestamptz
)
returns table (track_id uuid, outcome text, status text)
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_result jsonb := coalesce(p_result, '{}');
  v_digest bytea := sha256(convert_to(
    jsonb_build_array(p_provider_job_id, p_status, v_result, to_jsonb(p_embedding))::text, 'UTF8'
  ));
  v_seen medley.provider_events;
  v_job medley.provider_jobs;
  v_outcome text;
begin
  perform medley.check_provider(p_provider, true);
  if p_event_id is null or length(p_event_id) not between 1 and 200 then
    perform medley.fail('invalid_argument', 'an event has an id of 1 to 200 characters', 'p_event_id',
      'Pass the id that the provider gave the event.');
  end if;
  if p_status is null or p_status not in ('progress', 'completed', 'failed') then
    perform medley.fail('invalid_argument', format('there is no status %s', coalesce(left(p_status, 100), 'null')), 'p_status',
      'Pass progress, completed or failed.');
  end if;
  if jsonb_typeof(v_result) <> 'object' then
    perform medley.fail('invalid_argument', 'p_result must be an object', 'p_result', 'Pass {"url", "duration", ...}.');
  end if;

  -- A second call with the same event waits here for the first.
  insert into medley.provider_events (provider, event_id, digest, outcome, received_at)
  values (p_provider, p_event_id, v_digest, 'applied', p_as_of)
  on conflict do nothing;
  if not found then
    select e.* into strict v_seen
    from medley.provider_events as e
    where e.provider = p_provider and e.event_id = p_event_id;
    if v_seen.digest <> v_digest then
      perform medley.fail('conflict', format('event %s came before and said something else', left(p_event_id, 100)),
        'p_event_id', 'An event keeps its words: this one is forged, or the provider''s ids are not unique.');
    end if;
    return query
    select j.track_id, 'duplicate', t.status
    from medley.provider_jobs as j
    inner join public.generated_tracks as t on t.id = j.track_id
    where j.provider = p_provider and j.provider_job_id = p_provider_job_id;
    return;
  end if;

  select j.* into v_job
  from medley.provider_jobs as j
  where j.provider = p_provider and j.provider_job_id = p_provider_job_id;
  if not found then
    perform medley.fail('not_found', format('no job %s', left(p_provider_job_id, 100)), 'p_provider_job_id',
      'It may not be noted yet: answer with an error, and the provider will send the event again.');
  end if;
  v_outcome := medley.apply_provider_event(v_job, p_status, v_result, p_embedding, p_as_of);
  if v_outcome <> 'applied' then
    update medley.provider_events as e
    set outcome = v_outcome
    where e.provider = p_provider and e.event_id = p_event_id;
  end if;

  return query
  select t.id, v_outcome, t.status
  from public.generated_tracks as t
  where t.id = v_job.track_id;
exception
  -- Numbers that are none, arrays that are none: the sender's data, not our fault.
  when data_exception then
    perform medley.fail('invalid_argument', sqlerrm, 'p_result', 'Correct the event; nothing was written.');
end;
$$;

comment on function medley.record_generation_event(text, text, text, text, jsonb, real[], timestamptz) is
  'Takes in an event of a provider; see public.record_generation_event. '
  'Errors: invalid_argument, not_found, conflict (a replay with other words).';
revoke all on function medley.record_generation_event(text, text, text, text, jsonb, real[], timestamptz)
from public, anon, authenticated, service_role;
grant execute on function medley.record_generation_event(text, text, text, text, jsonb, real[], timestamptz)
to service_role;

create or replace function medley.prune_provider_events(p_limit int)
returns bigint
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_keep interval := make_interval(days => medley.setting('studio.keep_event_days')::int);
  v_rows bigint;
begin
  delete from medley.provider_events as e
  using (
    select o.provider, o.event_id
    from medley.provider_events as o
    where o.received_at < now() - v_keep
    limit p_limit
  ) as d
  where e.provider = d.provider and e.event_id = d.event_id;
  get diagnostics v_rows = row_count;
  return v_rows;
end;
$$;

comment on function medley.prune_provider_events(int) is
  'Job: forgets up to p_limit events older than studio.keep_event_days. Returns how many.';
revoke all on function medley.prune_provider_events(int) from public, anon, authenticated, service_role;

-- sql/packs/studio/recordings.sql
-- Music from elsewhere: the cache of vectors, and the listening histories that members let an app import.
create or replace function medley.apply_cached_embeddings(p_recording_ids uuid[])
returns bigint
language plpgsql volatile parallel unsafe security definer
set search_path = '' set plan_cache_mode = force_custom_plan
as $$
declare
  v_rows bigint;
begin
  with found as materialized (
    select distinct on (r.id) r.id, m.vector, m.genre
    from unnest(p_recording_ids) as w (id)
    inner join public.recordings as r on r.id = w.id
    inner join public.music_embeddings as m
      on m.recording_key = r.recording_key and m.model_version = medley.audio_model()
    order by r.id, m.created_at, m.id
  ),

  named as (
    update public.recordings as r
    set genres = f.genre
    from found as f
    where r.id = f.id and r.genres = '{}' and f.genre <> '{}'
  )

  insert into medley.content_embeddings as e (item_no, embedding_type, model_version, dims, embedding_768)
  select i.item_no, 'audio', medley.audio_model(), 768, f.vector
  from found as f
  inner join medley.items as i on i.id = f.id
  order by i.item_no
  on conflict (item_no, embedding_type, model_version) do update
  set embedding_768 = excluded.embedding_768, created_at = excluded.created_at
  where e.embedding_768 operator(extensions.<>) excluded.embedding_768;
  get diagnostics v_rows = row_count;
  return v_rows;
end;
$$;

comment on function medley.apply_cached_embeddings(uuid[]) is
  'Gives these recordings the vectors, and where they have none the genres, that the cache knows for artist and title. '
  'Returns how many vectors changed.';
revoke all on function medley.apply_cached_embeddings(uuid[]) from public, anon, authenticated, service_role;

create or replace function medley.normalize_music_embedding()
returns trigger
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
begin
  -- The zero vector stays as it is: the table's check refuses it.
  new.vector := extensions.l2_normalize(new.vector);
  return new;
end;
$$;

comment on function medley.normalize_music_embedding() is
  'Row trigger on music_embeddings: vectors have unit length, whoever writes them.';
revoke all on function medley.normalize_music_embedding() from public, anon, authenticated, service_role;

create trigger music_embeddings_unit_length
before insert or update of vector on public.music_embeddings
for each row execute function medley.normalize_music_embedding();

create or replace function medley.follow_music_embeddings()
returns trigger
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
begin
  perform medley.apply_cached_embeddings(array(
    select distinct r.id
    from new_rows as n
    inner join public.recordings as r on r.recording_key = n.recording_key
  ));
  return null;
end;
$$;

comment on function medley.follow_music_embeddings() is
  'Statement trigger on music_embeddings with transition table new_rows: recordings that are known already get their vectors.';
revoke all on function medley.follow_music_embeddings() from public, anon, authenticated, service_role;

create trigger music_embeddings_recordings_insert
after insert on public.music_embeddings referencing new table as new_rows
for each statement execute function medley.follow_music_embeddings();
create trigger music_embeddings_recordings_update
after update on public.music_embeddings referencing new table as new_rows
for each statement execute function medley.follow_music_embeddings();

create or replace function medley.set_music_embeddings(p_rows jsonb)
returns bigint
language plpgsql volatile parallel unsafe security definer
set search_path = '' set plan_cache_mode = force_custom_plan
as $$
declare
  v_written bigint;
begin
  if p_rows is null or jsonb_typeof(p_rows) <> 'array' then
    perform medley.fail('invalid_argument', 'p_rows must be an array of objects', 'p_rows',
      'Pass [{"track_id", "track_name", "artist", "embedding", "genre", "source"}, ...].');
  end if;
  if jsonb_array_length(p_rows) > 500 then
    perform medley.fail('too_large', format('p_rows holds %s rows', jsonb_array_length(p_rows)), 'p_rows',
      'Pass at most 500 rows a call.');
  end if;

  insert into public.music_embeddings as m (track_id, track_name, artist, vector, genre, source, model_version)
  select
    r.track_id,
    r.track_name,
    r.artist,
    medley.to_audio_vector(r.embedding),
    coalesce(r.genre, '{}'),
    r.source,
    coalesce(r.model_version, medley.audio_model())
  from jsonb_to_recordset(p_rows) as r (
    track_id text, track_name text, artist text, embedding real[], genre text[], source text, model_version text
  )
  order by r.track_id
  on conflict (track_id) do update
  set
    track_name = excluded.track_name,
    artist = excluded.artist,
    vector = excluded.vector,
    genre = excluded.genre,
    source = excluded.source,
    model_version = excluded.model_version;
  get diagnostics v_written = row_count;
  return v_written;
exception
  when data_exception or integrity_constraint_violation or cardinality_violation then
    perform medley.fail('invalid_argument', sqlerrm, 'p_rows', 'Correct the row; nothing was written.');
    return 0;
end;
$$;

comment on function medley.set_music_embeddings(jsonb) is
  'Writes rows of the cache; see public.set_music_embeddings. Errors: invalid_argument, too_large.';
revoke all on function medley.set_music_embeddings(jsonb) from public, anon, authenticated, service_role;
grant execute on function medley.set_music_embeddings(jsonb) to service_role;

create or replace function medley.match_music_embeddings(p_embedding real[], p_genre text, p_source text, p_limit int)
returns table (
  id uuid,
  track_id text,
  track_name text,
  artist text,
  genre text[],
  source text,
  similarity real
)
language plpgsql stable parallel safe security definer
set search_path = '' set plan_cache_mode = force_custom_plan
set hnsw.iterative_scan = strict_order set hnsw.ef_search = 100 -- noqa: PRS
as $$
declare
  v_limit int := medley.check_limit(p_limit);
  v_vector extensions.vector := medley.to_audio_vector(p_embedding);
  v_genre text := public.normalize_genre_key(p_genre);
begin
  return query
  select
    m.id, m.track_id, m.track_name, m.artist, m.genre, m.source,
    (1 - (m.vector operator(extensions.<=>) v_vector))::real
  from public.music_embeddings as m
  -- Vectors of two models lie in two spaces: their cosine says nothing.
  where m.model_version = medley.audio_model()
    and (p_source is null or m.source = p_source)
    and (
      v_genre is null
      or exists (select from unnest(m.genre) as g (name) where public.normalize_genre_key(g.name) = v_genre)
    )
  order by m.vector operator(extensions.<=>) v_vector
  limit v_limit;
end;
$$;

comment on function medley.match_music_embeddings(real[], text, text, int) is
  'What the cache knows that sounds like a vector; see public.match_music_embeddings. Errors: invalid_argument.';
revoke all on function medley.match_music_embeddings(real[], text, text, int)
from public, anon, authenticated, service_role;
grant execute on function medley.match_music_embeddings(real[], text, text, int) to anon, authenticated, service_role;

create or replace function medley.register_recordings(p_provider text, p_plays jsonb)
returns table (place bigint, item_id uuid, is_new boolean)
language plpgsql volatile parallel unsafe security definer
set search_path = '' set plan_cache_mode = force_custom_plan
as $$
declare
  v_new uuid[];
begin
  -- By artist and title first, so that two platforms mean one recording; rows are locked in one order everywhere.
  with given as (
    select distinct on (k.key) k.key, g.artist, g.title, g.album, g.genres
    from jsonb_to_recordset(p_plays) as g (
      place bigint, external_id text, artist text, title text, album text, genres text[]
    )
    cross join lateral (select medley.recording_key(g.artist, g.title) as key) as k
    where g.artist is not null
      and g.title is not null
      and not exists (
        select from medley.provider_recordings as p
        where p.provider = p_provider and p.external_id = g.external_id
      )
    order by k.key, g.place
  ),

  made as (
    insert into public.recordings (artist, title, album, genres)
    select g.artist, g.title, g.album, coalesce(g.genres, '{}')
    from given as g
    where not exists (select from public.recordings as r where r.recording_key = g.key)
    order by g.key
    on conflict (recording_key) do nothing
    returning recordings.id
  )

  select coalesce(array_agg(m.id), '{}') into v_new from made as m;

  insert into medley.provider_recordings (provider, external_id, item_id)
  select distinct on (g.external_id) p_provider, g.external_id, r.id
  from jsonb_to_recordset(p_plays) as g (place bigint, external_id text, artist text, title text)
  inner join public.recordings as r on r.recording_key = medley.recording_key(g.artist, g.title)
  where g.external_id is not null
  order by g.external_id, g.place
  on conflict (provider, external_id) do nothing;

  perform medley.apply_cached_embeddings(v_new);

  return query
  select g.place, i.id, i.id = any(v_new)
  from jsonb_to_recordset(p_plays) as g (place bigint, external_id text, artist text, title text)
  left join medley.provider_recordings as p on p.provider = p_provider and p.external_id = g.external_id
  left join public.recordings as r on p.item_id is null and r.recording_key = medley.recording_key(g.artist, g.title)
  inner join medley.items as i on i.id = coalesce(p.item_id, r.id);
end;
$$;

comment on function medley.register_recordings(text, jsonb) is
  'The items of plays, given as [{"place", "external_id", "artist", "title", "album", "genres"}]: by the provider''s id where '
  'it is known, else by artist and title, made where there is none. Plays without both are left out.';
revoke all on function medley.register_recordings(text, jsonb) from public, anon, authenticated, service_role;

create or replace function medley.open_history(p_user_id uuid, p_provider text, p_expected_cursor text)
returns int
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_user_no int;
  v_cursor text;
begin
  perform medley.check_provider(p_provider, false);
  if p_user_id is null or not exists (select from auth.users as u where u.id = p_user_id) then
    perform medley.fail('not_found', format('there is no member %s', p_user_id), 'p_user_id', 'Pass the id of an account.');
  end if;
  select m.user_no into v_user_no from medley.member_numbers(array[p_user_id]) as m;

  insert into medley.history_imports (user_no, provider)
  values (v_user_no, p_provider)
  on conflict do nothing;
  -- Imports of one history take turns.
  select h.cursor into v_cursor
  from medley.history_imports as h
  where h.user_no = v_user_no and h.provider = p_provider
  for no key update;
  if p_expected_cursor is not null and coalesce(v_cursor, '') <> p_expected_cursor then
    perform medley.fail('conflict', 'another import has gone on from there', 'p_expected_cursor',
      'Ask get_history_cursor where the history stands, and go on from there.');
  end if;
  return v_user_no;
end;
$$;

comment on function medley.open_history(uuid, text, text) is
  'Locks the import of a member''s history at a provider; returns the member''s number. '
  'Errors: invalid_argument (unknown provider), not_found (unknown member), conflict (the cursor moved).';
revoke all on function medley.open_history(uuid, text, text) from public, anon, authenticated, service_role;

create or replace function medley.import_history(
  p_user_id uuid,
  p_provider text,
  p_plays jsonb,
  p_cursor text,
  p_expected_cursor text,
  p_done boolean,
  p_as_of timestamptz
)
returns table (
  imported int,
  duplicates int,
  refused int,
  new_recordings int,
  refusals jsonb
)
language plpgsql volatile parallel unsafe security definer
set search_path = '' set plan_cache_mode = force_custom_plan
as $$
declare
  v_user_no int;
  v_plays jsonb;
  v_events jsonb;
  v_places bigint[];
  v_newest timestamptz;
begin
  if p_plays is null or jsonb_typeof(p_plays) <> 'array' then
    perform medley.fail('invalid_argument', 'p_plays must be an array of objects', 'p_plays',
      'Pass [{"track_id", "track_name", "artist", "played_at", ...}, ...].');
  end if;
  if jsonb_array_length(p_plays) > 1000 then
    perform medley.fail('too_large', format('p_plays holds %s plays', jsonb_array_length(p_plays)), 'p_plays',
      'Import at most 1,000 plays a call.');
  end if;
  if length(p_cursor) > 4000 then
    perform medley.fail('too_large', 'the cursor has more than 4,000 characters', 'p_cursor', 'Keep a shorter one.');
  end if;
  v_user_no := medley.open_history(p_user_id, p_provider, p_expected_cursor);

  select jsonb_agg(jsonb_build_object(
    'place', e.place,
    'external_id', nullif(left(btrim(e.play ->> 'track_id'), 500), ''),
    'artist', nullif(left(btrim(e.play ->> 'artist'), 500), ''),
    'title', nullif(left(btrim(e.play ->> 'track_name'), 500), ''),
    'album', nullif(left(btrim(e.play ->> 'album'), 500), ''),
    'genres', case when jsonb_typeof(e.play -> 'genres') = 'array' then jsonb_path_query_array(e.play, '$.genres[0 to 99] ? (@.type() == "string")') end
  )) into v_plays
  from jsonb_array_elements(p_plays) with ordinality as e (play, place)
  where jsonb_typeof(e.play) = 'object';

  select
    jsonb_agg(jsonb_build_object(
      'item_id', r.item_id, 'kind', 'play', 'occurred_at', coalesce(nullif(e.play -> 'played_at', 'null'), '""'),
      'value', coalesce(e.play -> 'play_count', '1'), 'progress', e.play -> 'progress', 'platform', p_provider
    ) order by e.place),
    array_agg(e.place order by e.place),
    count(distinct r.item_id) filter (where r.is_new)
  into v_events, v_places, new_recordings
  from jsonb_array_elements(p_plays) with ordinality as e (play, place)
  inner join medley.register_recordings(p_provider, coalesce(v_plays, '[]')) as r on r.place = e.place;

  with fate as (
    select v_places[w.event_index] as place, w.status, w.message
    from medley.write_engagements(p_user_id, coalesce(v_events, '[]'), to_timestamp(0), p_as_of) as w
    union all
    select e.place, 'refused', 'a play names its track_id, or its artist and track_name'
    from generate_series(1, jsonb_array_length(p_plays)) as e (place)
    where e.place <> all(coalesce(v_places, '{}'))
  )

  select
    count(*) filter (where f.status = 'accepted'),
    count(*) filter (where f.status = 'duplicate'),
    count(*) filter (where f.status = 'refused'),
    coalesce(
      jsonb_agg(jsonb_build_object('index', f.place, 'message', f.message) order by f.place)
      filter (where f.status = 'refused'),
      '[]'
    ),
    max((p_plays -> (f.place - 1)::int ->> 'played_at')::timestamptz) filter (where f.status = 'accepted')
  into imported, duplicates, refused, refusals, v_newest
  from fate as f;

  update medley.history_imports as h
  set
    cursor = coalesce(p_cursor, h.cursor),
    imported = h.imported + import_history.imported,
    last_played_at = greatest(h.last_played_at, v_newest),
    updated_at = p_as_of
  where h.user_no = v_user_no and h.provider = p_provider;
  if p_done then
    update public.oauth_connections as c
    set last_synced_at = p_as_of
    where c.user_id = p_user_id and c.platform = p_provider;
  end if;
  return next;
end;
$$;

comment on function medley.import_history(uuid, text, jsonb, text, text, boolean, timestamptz) is
  'Imports plays of a member at a provider; see public.import_history. '
  'Errors: invalid_argument, not_found, conflict, too_large.';
revoke all on function medley.import_history(uuid, text, jsonb, text, text, boolean, timestamptz)
from public, anon, authenticated, service_role;
grant execute on function medley.import_history(uuid, text, jsonb, text, text, boolean, timestamptz) to service_role;

create or replace function medley.get_history_cursor(p_user_id uuid, p_provider text)
returns table (history_cursor text, imported bigint, last_played_at timestamptz, updated_at timestamptz)
language plpgsql stable parallel safe security definer set search_path = ''
as $$
declare
  v_user_no int := medley.member_no(medley.acting_user(p_user_id));
begin
  perform medley.check_provider(p_provider, false);
  return query
  select h.cursor, h.imported, h.last_played_at, h.updated_at
  from medley.history_imports as h
  where h.user_no = v_user_no and h.provider = p_provider;
end;
$$;

comment on function medley.get_history_cursor(uuid, text) is
  'Where the import of a history stands; see public.get_history_cursor. Errors: those of acting_user, invalid_argument.';
revoke all on function medley.get_history_cursor(uuid, text) from public, anon, authenticated, service_role;
grant execute on function medley.get_history_cursor(uuid, text) to authenticated, service_role;

-- sql/packs/studio/oauth.sql
-- Connected accounts. Edge functions encrypt and decrypt; here lies ciphertext with the name of its key. A write
-- compares what it replaces, so that a re-encryption never overwrites a token that was refreshed meanwhile.
create or replace function medley.check_ciphertext(p_value text, p_argument text)
returns void
language plpgsql stable parallel safe security definer set search_path = ''
as $$
begin
  -- 12 bytes of nonce and 16 of tag, at the least, in base64.
  if length(p_value) not between 38 and 8000 or p_value !~ '^[A-Za-z0-9+/_-]+={0,2}$' then
    perform medley.fail('invalid_argument', p_argument || ' is no ciphertext', p_argument,
      'Encrypt the token first (AES-GCM): base64 of nonce, ciphertext and tag. Tokens never come here.');
  end if;
end;
$$;

comment on function medley.check_ciphertext(text, text) is
  'Refuses what cannot be base64 of an AES-GCM ciphertext; null passes. Errors: invalid_argument.';
revoke all on function medley.check_ciphertext(text, text) from public, anon, authenticated, service_role;

create or replace function medley.check_token_set(p_access_token text, p_refresh_token text, p_key_id text)
returns void
language plpgsql stable parallel safe security definer set search_path = ''
as $$
begin
  if p_access_token is null then
    perform medley.fail('invalid_argument', 'there is no access token', 'p_access_token', 'Pass its ciphertext.');
  end if;
  perform medley.check_ciphertext(p_access_token, 'p_access_token');
  perform medley.check_ciphertext(p_refresh_token, 'p_refresh_token');
  if p_key_id is null or length(p_key_id) not between 1 and 100 then
    perform medley.fail('invalid_argument', 'a key has an id of 1 to 100 characters', 'p_key_id', 'Name the key.');
  end if;
end;
$$;

comment on function medley.check_token_set(text, text, text) is 'Refuses tokens that are none. Errors: invalid_argument.';
revoke all on function medley.check_token_set(text, text, text) from public, anon, authenticated, service_role;

create or replace function medley.store_oauth_tokens(
  p_user_id uuid,
  p_platform text,
  p_access_token text,
  p_refresh_token text,
  p_key_id text,
  p_expires_at timestamptz,
  p_scopes text[],
  p_expected_version int
)
returns table (connection_id uuid, version int)
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_connection_id uuid;
  v_old medley.oauth_tokens;
begin
  perform medley.check_provider(p_platform, false);
  perform medley.check_token_set(p_access_token, p_refresh_token, p_key_id);
  if p_user_id is null or not exists (select from auth.users as u where u.id = p_user_id) then
    perform medley.fail('not_found', format('there is no member %s', p_user_id), 'p_user_id', 'Pass the id of an account.');
  end if;

  -- Whoever stores for the same connection takes turns at this row.
  insert into public.oauth_connections as c (user_id, platform, status, scopes, expires_at)
  values (p_user_id, p_platform, 'active', coalesce(p_scopes, '{}'), p_expires_at)
  on conflict (user_id, platform) do update
  set status = 'active', scopes = coalesce(p_scopes, c.scopes), expires_at = excluded.expires_at
  returning c.id into v_connection_id;

  select t.* into v_old
  from medley.oauth_tokens as t
  where t.connection_id = v_connection_id
  for no key update;
  if p_expected_version is not null and p_expected_version is distinct from v_old.version then
    perform medley.fail('conflict', format('the tokens are no longer version %s', p_expected_version), 'p_expected_version',
      'Somebody stored newer ones: read them with get_oauth_tokens.');
  end if;
  if p_refresh_token is null and v_old.refresh_token is not null and v_old.key_id <> p_key_id then
    perform medley.fail('conflict', format('the refresh token is under key %s', v_old.key_id), 'p_refresh_token',
      'Pass the refresh token too, under the key that p_key_id names; nothing was written.');
  end if;

  return query
  insert into medley.oauth_tokens as t (connection_id, access_token, refresh_token, key_id)
  values (v_connection_id, p_access_token, p_refresh_token, p_key_id)
  on conflict on constraint oauth_tokens_pkey do update
  set
    access_token = excluded.access_token,
    -- A refresh often brings no new refresh token: the old one stays.
    refresh_token = coalesce(excluded.refresh_token, t.refresh_token),
    key_id = excluded.key_id,
    version = t.version + 1,
    updated_at = now()
  returning t.connection_id, t.version;
end;
$$;

comment on function medley.store_oauth_tokens(uuid, text, text, text, text, timestamptz, text[], int) is
  'Stores the encrypted tokens of a connection; see public.store_oauth_tokens. '
  'Errors: invalid_argument, not_found, conflict.';
revoke all on function medley.store_oauth_tokens(uuid, text, text, text, text, timestamptz, text[], int)
from public, anon, authenticated, service_role;
grant execute on function medley.store_oauth_tokens(uuid, text, text, text, text, timestamptz, text[], int)
to service_role;

create or replace function medley.get_oauth_tokens(p_user_id uuid, p_platform text)
returns table (
  connection_id uuid,
  status text,
  access_token text,
  refresh_token text,
  key_id text,
  expires_at timestamptz,
  version int
)
language plpgsql stable parallel safe security definer set search_path = ''
as $$
begin
  perform medley.check_provider(p_platform, false);
  return query
  select c.id, c.status, t.access_token, t.refresh_token, t.key_id, c.expires_at, t.version
  from public.oauth_connections as c
  inner join medley.oauth_tokens as t on t.connection_id = c.id
  where c.user_id = p_user_id and c.platform = p_platform;
  if not found then
    perform medley.fail('not_found', format('the member has not connected %s', p_platform), 'p_platform',
      'Let the member connect it first.');
  end if;
end;
$$;

comment on function medley.get_oauth_tokens(uuid, text) is
  'The encrypted tokens of a connection; see public.get_oauth_tokens. Errors: invalid_argument, not_found.';
revoke all on function medley.get_oauth_tokens(uuid, text) from public, anon, authenticated, service_role;
grant execute on function medley.get_oauth_tokens(uuid, text) to service_role;

create or replace function medley.list_oauth_tokens_to_rotate(p_key_id text, p_limit int, p_after uuid)
returns table (
  connection_id uuid,
  user_id uuid,
  platform text,
  access_token text,
  refresh_token text,
  key_id text,
  version int
)
language plpgsql stable parallel safe security definer set search_path = ''
as $$
begin
  perform medley.check_limit(p_limit, 1000);
  if p_key_id is null then
    perform medley.fail('invalid_argument', 'there is no key', 'p_key_id', 'Name the key in use.');
  end if;
  return query
  select t.connection_id, c.user_id, c.platform, t.access_token, t.refresh_token, t.key_id, t.version
  from medley.oauth_tokens as t
  inner join public.oauth_connections as c on c.id = t.connection_id
  where t.key_id <> p_key_id and (p_after is null or t.connection_id > p_after)
  order by t.connection_id
  limit p_limit;
end;
$$;

comment on function medley.list_oauth_tokens_to_rotate(text, int, uuid) is
  'Tokens that another key than the one in use encrypted; see public.list_oauth_tokens_to_rotate. Errors: invalid_argument.';
revoke all on function medley.list_oauth_tokens_to_rotate(text, int, uuid)
from public, anon, authenticated, service_role;
grant execute on function medley.list_oauth_tokens_to_rotate(text, int, uuid) to service_role;

create or replace function medley.reencrypt_oauth_tokens(
  p_connection_id uuid,
  p_old_key_id text,
  p_version int,
  p_new_key_id text,
  p_access_token text,
  p_refresh_token text
)
returns boolean
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
begin
  perform medley.check_token_set(p_access_token, p_refresh_token, p_new_key_id);
  update medley.oauth_tokens as t
  set
    access_token = p_access_token,
    refresh_token = p_refresh_token,
    key_id = p_new_key_id,
    version = t.version + 1,
    updated_at = now()
  where t.connection_id = p_connection_id
    and t.key_id = p_old_key_id
    and t.version = p_version
    and (t.refresh_token is null) = (p_refresh_token is null);
  return found;
end;
$$;

comment on function medley.reencrypt_oauth_tokens(uuid, text, int, text, text, text) is
  'Replaces tokens by themselves under another key; see public.reencrypt_oauth_tokens. Errors: invalid_argument.';
revoke all on function medley.reencrypt_oauth_tokens(uuid, text, int, text, text, text)
from public, anon, authenticated, service_role;
grant execute on function medley.reencrypt_oauth_tokens(uuid, text, int, text, text, text) to service_role;

create or replace function medley.set_oauth_status(p_user_id uuid, p_platform text, p_status text, p_version int)
returns void
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
begin
  perform medley.check_provider(p_platform, false);
  if p_status is null or p_status not in ('active', 'expired', 'revoked') then
    perform medley.fail('invalid_argument', format('there is no status %s', coalesce(left(p_status, 100), 'null')), 'p_status',
      'Pass active, expired or revoked.');
  end if;
  update public.oauth_connections as c
  set status = p_status
  where c.user_id = p_user_id
    and c.platform = p_platform
    and (
      p_version is null
      or exists (select from medley.oauth_tokens as t where t.connection_id = c.id and t.version = p_version)
    );
  if not found and not exists (
    select from public.oauth_connections as c where c.user_id = p_user_id and c.platform = p_platform
  ) then
    perform medley.fail('not_found', format('the member has not connected %s', p_platform), 'p_platform',
      'Let the member connect it first.');
  end if;
end;
$$;

comment on function medley.set_oauth_status(uuid, text, text, int) is
  'Notes how a connection stands; see public.set_oauth_status. Errors: invalid_argument, not_found.';
revoke all on function medley.set_oauth_status(uuid, text, text, int) from public, anon, authenticated, service_role;
grant execute on function medley.set_oauth_status(uuid, text, text, int) to service_role;

create or replace function medley.claim_connections_to_sync(
  p_platform text,
  p_limit int,
  p_older_than_seconds int,
  p_as_of timestamptz
)
returns table (
  connection_id uuid,
  user_id uuid,
  platform text,
  last_synced_at timestamptz,
  history_cursor text
)
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_before timestamptz := p_as_of - make_interval(secs => p_older_than_seconds);
begin
  perform medley.check_limit(p_limit, 1000);
  if p_platform is not null then
    perform medley.check_provider(p_platform, false);
  end if;
  return query
  with due as materialized (
    select o.id, o.last_tried_at
    from public.oauth_connections as o
    where (p_platform is null or o.platform = p_platform)
      and o.status = 'active'
      and o.sync_enabled
      and (o.last_synced_at is null or o.last_synced_at < v_before)
      and (o.last_tried_at is null or o.last_tried_at < v_before)
    order by o.last_tried_at nulls first, o.id
    limit p_limit
    for update skip locked
  ),

  claimed as (
    update public.oauth_connections as o
    set last_tried_at = p_as_of
    from due as d
    where o.id = d.id
    returning o.id, o.user_id, o.platform, o.last_synced_at, d.last_tried_at
  )

  select c.id, c.user_id, c.platform, c.last_synced_at, h.cursor
  from claimed as c
  left join medley.members as m on m.user_id = c.user_id
  left join medley.history_imports as h on h.user_no = m.user_no and h.provider = c.platform
  order by c.last_tried_at nulls first, c.id;
end;
$$;

comment on function medley.claim_connections_to_sync(text, int, int, timestamptz) is
  'Takes the connections whose history is due; see public.claim_connections_to_sync. Errors: invalid_argument.';
revoke all on function medley.claim_connections_to_sync(text, int, int, timestamptz)
from public, anon, authenticated, service_role;
grant execute on function medley.claim_connections_to_sync(text, int, int, timestamptz) to service_role;

-- sql/packs/studio/api_generation.sql
-- The API of generated tracks: thin functions over those of the same name in medley, as in the other files of the API.
create or replace function public.request_generation(
  p_mode text,
  p_title text default null,
  p_parameters jsonb default '{}',
  p_genres text[] default '{}',
  p_tags text[] default '{}',
  p_source_id uuid default null,
  p_source_external_id text default null,
  p_band_id uuid default null,
  p_is_public boolean default false,
  p_track_id uuid default null,
  p_user_id uuid default null
)
returns table (track_id uuid, status text, remaining int, resets_at timestamptz)
language sql volatile parallel unsafe security invoker set search_path = ''
as $$
  select r.track_id, r.status, r.remaining, r.resets_at
  from medley.request_generation(
    p_user_id, p_mode, p_title, p_parameters, p_genres, p_tags, p_source_id, p_source_external_id, p_band_id,
    p_is_public, p_track_id, now()
  ) as r
$$;

comment on function public.request_generation(
  text, text, jsonb, text[], text[], uuid, text, uuid, boolean, uuid, uuid
) is
  'Asks for a track of the signed-in member and takes one of the day''s allowance. p_mode: new; or similar, extend '
  '(own tracks only) or radio, with the source as p_source_id (a completed track that the member sees) or '
  'p_source_external_id. p_parameters: the prompt and all else, an object of up to 8 kB. p_band_id: an own band '
  'that it joins. p_is_public: whether others see it once it is completed. p_track_id: a random id of the caller''s '
  'makes a repeat safe: it returns the first request and takes nothing. p_user_id is for the secret key only. A '
  'request that fails for good, or is deleted while it is queued, gives the allowance back. Returns the track, its '
  'status, what is left today and when that begins anew. Errors: unauthenticated, forbidden, invalid_argument, '
  'not_found, conflict, too_large, quota_exceeded.';
revoke all on function public.request_generation(
  text, text, jsonb, text[], text[], uuid, text, uuid, boolean, uuid, uuid
)
from public, anon, authenticated, service_role;
grant execute on function public.request_generation(
  text, text, jsonb, text[], text[], uuid, text, uuid, boolean, uuid, uuid
) to authenticated, service_role;

create or replace function public.get_generation_status(p_track_id uuid, p_user_id uuid default null)
returns table (
  track_id uuid,
  status text,
  progress int,
  queue_position bigint,
  attempts int,
  error text,
  url text,
  duration int,
  match_percentage int,
  explanation text
)
language sql stable parallel safe security invoker set search_path = ''
as $$
  select
    r.track_id,
    r.status,
    r.progress,
    r.queue_position,
    r.attempts,
    r.error,
    r.url,
    r.duration,
    r.match_percentage,
    r.explanation
  from medley.get_generation_status(
    p_user_id, p_track_id
  ) as r
$$;

comment on function public.get_generation_status(uuid, uuid) is
  'How a request of the signed-in member stands: status (queued, generating, completed, failed), progress (0 to '
  '100), queue_position (from 1 while it is queued), attempts so far and the error of the last one; url, duration '
  'in seconds, match_percentage and explanation once they are there. p_user_id is for the secret key only. Errors: '
  'unauthenticated, forbidden, not_found.';
revoke all on function public.get_generation_status(uuid, uuid) from public, anon, authenticated, service_role;
grant execute on function public.get_generation_status(uuid, uuid) to authenticated, service_role;

create or replace function public.get_generation_quota(p_user_id uuid default null)
returns table (plan text, daily_limit int, daily_count int, remaining int, resets_at timestamptz)
language sql stable parallel safe security invoker set search_path = ''
as $$
  select r.plan, r.daily_limit, r.daily_count, r.remaining, r.resets_at
  from medley.get_generation_quota(p_user_id, now()) as r
$$;

comment on function public.get_generation_quota(uuid) is
  'The allowance of the signed-in member: the plan, requests a day, those of today (UTC), what is left, and when it '
  'begins anew. p_user_id is for the secret key only. Errors: unauthenticated, forbidden, not_found (the member).';
revoke all on function public.get_generation_quota(uuid) from public, anon, authenticated, service_role;
grant execute on function public.get_generation_quota(uuid) to authenticated, service_role;

create or replace function public.set_generation_plan(
  p_user_id uuid,
  p_plan text,
  p_until timestamptz default null
)
returns void
language sql volatile parallel unsafe security invoker set search_path = ''
as $$ select medley.set_generation_plan(p_user_id, p_plan, p_until, now()) $$;

comment on function public.set_generation_plan(uuid, text, timestamptz) is
  'Puts a member on a plan of medley.generation_plans (free, premium), until p_until or for good (secret key only). '
  'What was used today stays used. Errors: invalid_argument, not_found.';
revoke all on function public.set_generation_plan(
  uuid, text, timestamptz
)
from public, anon, authenticated, service_role;
grant execute on function public.set_generation_plan(uuid, text, timestamptz) to service_role;

create or replace function public.reset_daily_count(p_limit int default 10000)
returns bigint
language sql volatile parallel unsafe security invoker set search_path = ''
as $$ select medley.reset_daily_counts(p_limit, now()) $$;

comment on function public.reset_daily_count(int) is
  'Sets counts of earlier days to 0 (secret key only): for a function that runs at midnight. No result depends on '
  'it. Returns how many.';
revoke all on function public.reset_daily_count(int) from public, anon, authenticated, service_role;
grant execute on function public.reset_daily_count(int) to service_role;

create or replace function public.claim_generation_jobs(
  p_worker text,
  p_limit int default 1,
  p_lease_seconds int default 300
)
returns table (
  track_id uuid,
  user_id uuid,
  attempt int,
  leased_until timestamptz,
  mode text,
  title text,
  parameters jsonb,
  genres text[],
  tags text[],
  source_id uuid,
  source_url text,
  source_external_id text,
  band_id uuid,
  preferences jsonb,
  provider text,
  provider_job_id text
)
language sql volatile parallel unsafe security invoker set search_path = ''
as $$
  select
    r.track_id,
    r.user_id,
    r.attempt,
    r.leased_until,
    r.mode,
    r.title,
    r.parameters,
    r.genres,
    r.tags,
    r.source_id,
    r.source_url,
    r.source_external_id,
    r.band_id,
    r.preferences,
    r.provider,
    r.provider_job_id
  from medley.claim_generation_jobs(
    p_worker, p_limit, p_lease_seconds, now()
  ) as r
$$;

comment on function public.claim_generation_jobs(text, int, int) is
  'Claims up to p_limit (1 to 100) requests, the longest due first, for the worker p_worker and p_lease_seconds '
  '(secret key only). Each is claimed by one worker; one whose lease ran out is claimed again, up to '
  'studio.max_attempts times. Returns what generating needs: attempt is the number of the lease, which every report '
  'names; source_url is the audio of the source; preferences are the member''s preferences_profile; provider and '
  'provider_job_id name the provider''s job of an earlier attempt, which may be still running. Errors: '
  'invalid_argument.';
revoke all on function public.claim_generation_jobs(text, int, int) from public, anon, authenticated, service_role;
grant execute on function public.claim_generation_jobs(text, int, int) to service_role;

create or replace function public.heartbeat_generation(
  p_track_id uuid,
  p_attempt int,
  p_progress int default null,
  p_lease_seconds int default 300
)
returns timestamptz
language sql volatile parallel unsafe security invoker set search_path = ''
as $$ select medley.heartbeat_generation(p_track_id, p_attempt, p_progress, p_lease_seconds, now()) $$;

comment on function public.heartbeat_generation(uuid, int, int, int) is
  'Extends the lease p_attempt by p_lease_seconds from now and notes progress, 0 to 100 (secret key only). Returns '
  'when it ends. Errors: not_found (deleted), conflict (the lease is over: drop the work), invalid_argument.';
revoke all on function public.heartbeat_generation(
  uuid, int, int, int
)
from public, anon, authenticated, service_role;
grant execute on function public.heartbeat_generation(uuid, int, int, int) to service_role;

create or replace function public.start_provider_job(
  p_track_id uuid,
  p_attempt int,
  p_provider text,
  p_provider_job_id text,
  p_lease_seconds int default 900
)
returns timestamptz
language sql volatile parallel unsafe security invoker set search_path = ''
as $$
  select medley.start_provider_job(
    p_track_id, p_attempt, p_provider, p_provider_job_id, p_lease_seconds, now()
  )
$$;

comment on function public.start_provider_job(uuid, int, text, text, int) is
  'Notes that the provider works on the track under the id p_provider_job_id, so that its webhooks find the track, '
  'and extends the lease by p_lease_seconds from now (secret key only). Safe to repeat. Returns when the lease '
  'ends. Errors: not_found, conflict (the lease is over, or the id is another track''s), invalid_argument (unknown '
  'provider).';
revoke all on function public.start_provider_job(
  uuid, int, text, text, int
)
from public, anon, authenticated, service_role;
grant execute on function public.start_provider_job(uuid, int, text, text, int) to service_role;

create or replace function public.complete_generation(
  p_track_id uuid,
  p_attempt int,
  p_url text,
  p_duration int,
  p_title text default null,
  p_explanation text default null,
  p_genres text[] default null,
  p_tags text[] default null,
  p_embedding real[] default null
)
returns table (track_id uuid, status text, match_percentage int)
language sql volatile parallel unsafe security invoker set search_path = ''
as $$
  select r.track_id, r.status, r.match_percentage
  from medley.complete_generation(
    p_track_id, p_attempt, p_url, p_duration, p_title, p_explanation, p_genres, p_tags, p_embedding, now()
  ) as r
$$;

comment on function public.complete_generation(uuid, int, text, int, text, text, text[], text[], real[]) is
  'A worker''s report that the track is there (secret key only): the address of the audio, its duration in seconds, '
  'and what is known of title, explanation, genres, tags and the audio vector (768 numbers). Safe to repeat. A '
  'lease that ran out is good until somebody takes over. Errors: not_found (deleted), conflict (the lease is over), '
  'invalid_argument (wrong size, NaN, a zero vector ...; the track stays claimed).';
revoke all on function public.complete_generation(
  uuid, int, text, int, text, text, text[], text[], real[]
)
from public, anon, authenticated, service_role;
grant execute on function public.complete_generation(
  uuid, int, text, int, text, text, text[], text[], real[]
) to service_role;

create or replace function public.fail_generation(
  p_track_id uuid,
  p_attempt int,
  p_error text,
  p_retry boolean default true,
  p_retry_after_seconds int default null
)
returns table (track_id uuid, status text, attempts int, retry_at timestamptz)
language sql volatile parallel unsafe security invoker set search_path = ''
as $$
  select r.track_id, r.status, r.attempts, r.retry_at
  from medley.fail_generation(p_track_id, p_attempt, p_error, p_retry, p_retry_after_seconds, now()) as r
$$;

comment on function public.fail_generation(uuid, int, text, boolean, int) is
  'A worker''s report that the attempt failed (secret key only). It is tried again after a pause that doubles each '
  'time, or after p_retry_after_seconds; with p_retry false, or after studio.max_attempts, it has failed for good '
  'and the member''s allowance is given back. Errors: not_found, conflict (the lease is over), invalid_argument.';
revoke all on function public.fail_generation(
  uuid, int, text, boolean, int
)
from public, anon, authenticated, service_role;
grant execute on function public.fail_generation(uuid, int, text, boolean, int) to service_role;

create or replace function public.record_generation_event(
  p_provider text,
  p_event_id text,
  p_provider_job_id text,
  p_status text,
  p_result jsonb default '{}',
  p_embedding real[] default null
)
returns table (track_id uuid, outcome text, status text)
language sql volatile parallel unsafe security invoker set search_path = ''
as $$
  select r.track_id, r.outcome, r.status
  from medley.record_generation_event(p_provider, p_event_id, p_provider_job_id, p_status, p_result, p_embedding, now()) as r
$$;

comment on function public.record_generation_event(text, text, text, text, jsonb, real[]) is
  'Takes in a webhook whose signature the function has checked (secret key only). p_status: progress (p_result: '
  '{"progress"}), completed ({"url", "duration", "title", "explanation", "genres", "tags"}, and p_embedding) or '
  'failed ({"error", "retry", "retry_after_seconds"}). An event counts once. outcome: applied; duplicate (it came '
  'before); late (the track is final already); stale (another attempt is under way, and this one''s failure or '
  'progress says nothing about it). A result is used whatever became of its lease, as long as the track is not '
  'final. Errors: invalid_argument (unknown provider ...), not_found (no such job: answer with an error, so that it '
  'is sent again), conflict (the id came before with other words: a forged replay).';
revoke all on function public.record_generation_event(
  text, text, text, text, jsonb, real[]
)
from public, anon, authenticated, service_role;
grant execute on function public.record_generation_event(text, text, text, text, jsonb, real[]) to service_role;

create or replace function public.get_failed_generations(p_limit int default 50, p_cursor text default null)
returns table (
  track_id uuid,
  user_id uuid,
  mode text,
  attempts int,
  error text,
  created_at timestamptz,
  failed_at timestamptz,
  next_cursor text
)
language sql stable parallel safe security invoker set search_path = ''
as $$
  select r.track_id, r.user_id, r.mode, r.attempts, r.error, r.created_at, r.failed_at, r.next_cursor
  from medley.get_failed_generations(p_limit, p_cursor) as r
$$;

comment on function public.get_failed_generations(int, text) is
  'The dead letters: requests that failed for good, newest first, at most p_limit (1 to 200), after p_cursor '
  '(secret key only). Errors: invalid_argument, invalid_cursor.';
revoke all on function public.get_failed_generations(int, text) from public, anon, authenticated, service_role;
grant execute on function public.get_failed_generations(int, text) to service_role;

-- sql/packs/studio/api_sounds.sql
-- The API of what sounds alike.
create or replace function public.get_taste_vector(p_user_id uuid default null)
returns table (model_version text, embedding real[])
language sql stable parallel safe security invoker set search_path = ''
as $$
  select r.model_version, r.embedding
  from medley.get_taste_vector(p_user_id, now()) as r
$$;

comment on function public.get_taste_vector(uuid) is
  'What the signed-in member''s taste sounds like: a vector of 768 numbers of unit length, the mean of what the '
  'member likes less a share of what the member rejects, with the last engagement counted; no row where there is '
  'none. p_user_id is for the secret key only. Errors: unauthenticated, forbidden, not_found (the member).';
revoke all on function public.get_taste_vector(uuid) from public, anon, authenticated, service_role;
grant execute on function public.get_taste_vector(uuid) to authenticated, service_role;

create or replace function public.get_similar_tracks(
  p_track_id uuid,
  p_kind text default 'track',
  p_genre text default null,
  p_limit int default 20,
  p_cursor text default null,
  p_user_id uuid default null
)
returns table (item_id uuid, kind text, title text, similarity real, next_cursor text)
language sql stable parallel safe security invoker set search_path = ''
as $$
  select r.item_id, r.kind, r.title, r.similarity, r.next_cursor
  from medley.get_similar_tracks(p_track_id, p_kind, p_genre, p_limit, p_cursor, p_user_id, now()) as r
$$;

comment on function public.get_similar_tracks(uuid, text, text, int, text, uuid) is
  'What sounds like the track (or recording) p_track_id, nearest first: items of kind track or recording (null: '
  'both), of the genre p_genre in any spelling, that the caller may see; at most p_limit (1 to 200). similarity is '
  'the cosine, -1 to 1. No rows where the track has no vector yet. p_user_id is for the secret key only. Errors: '
  'not_found (track or genre), invalid_argument, invalid_cursor.';
revoke all on function public.get_similar_tracks(
  uuid, text, text, int, text, uuid
)
from public, anon, authenticated, service_role;
grant execute on function public.get_similar_tracks(
  uuid, text, text, int, text, uuid
) to anon, authenticated, service_role;

create or replace function public.match_tracks(
  p_embedding real[],
  p_kind text default 'track',
  p_genre text default null,
  p_limit int default 20,
  p_cursor text default null,
  p_user_id uuid default null
)
returns table (item_id uuid, kind text, title text, similarity real, next_cursor text)
language sql stable parallel safe security invoker set search_path = ''
as $$
  select r.item_id, r.kind, r.title, r.similarity, r.next_cursor
  from medley.match_tracks(p_embedding, p_kind, p_genre, p_limit, p_cursor, p_user_id, now()) as r
$$;

comment on function public.match_tracks(real[], text, text, int, text, uuid) is
  'What sounds like the vector p_embedding (768 numbers); as get_similar_tracks. Errors: invalid_argument (wrong '
  'size, NaN, a zero vector), not_found (genre), invalid_cursor.';
revoke all on function public.match_tracks(
  real[], text, text, int, text, uuid
)
from public, anon, authenticated, service_role;
grant execute on function public.match_tracks(
  real[], text, text, int, text, uuid
) to anon, authenticated, service_role;

create or replace function public.get_radio(
  p_track_id uuid,
  p_kind text default 'track',
  p_limit int default 20,
  p_cursor text default null,
  p_user_id uuid default null
)
returns table (item_id uuid, kind text, title text, similarity real, next_cursor text)
language sql stable parallel safe security invoker set search_path = ''
as $$
  select r.item_id, r.kind, r.title, r.similarity, r.next_cursor
  from medley.get_radio(p_track_id, p_kind, p_limit, p_cursor, p_user_id, now()) as r
$$;

comment on function public.get_radio(uuid, text, int, text, uuid) is
  'A radio that begins with the track (or recording) p_track_id: page by page what sounds most like it, each item '
  'once, without what the member rejected; within a page what is nearest to the member''s taste comes first. '
  'p_kind: track or recording (null: both). p_user_id is for the secret key only. Errors: not_found, '
  'invalid_argument, invalid_cursor.';
revoke all on function public.get_radio(uuid, text, int, text, uuid) from public, anon, authenticated, service_role;
grant execute on function public.get_radio(uuid, text, int, text, uuid) to anon, authenticated, service_role;

create or replace function public.get_similar_bands(
  p_band_id uuid,
  p_limit int default 20,
  p_user_id uuid default null
)
returns table (band_id uuid, name text, similarity real)
language sql stable parallel safe security invoker set search_path = ''
as $$
  select r.band_id, r.name, r.similarity
  from medley.get_similar_bands(p_band_id, p_limit, p_user_id) as r
$$;

comment on function public.get_similar_bands(uuid, int, uuid) is
  'Bands whose style is nearest to that of p_band_id and that the caller may see, at most p_limit (1 to 200). '
  'similarity is the cosine. p_user_id is for the secret key only. Errors: not_found, invalid_argument.';
revoke all on function public.get_similar_bands(uuid, int, uuid) from public, anon, authenticated, service_role;
grant execute on function public.get_similar_bands(uuid, int, uuid) to anon, authenticated, service_role;

create or replace function public.set_music_embeddings(p_rows jsonb)
returns bigint
language sql volatile parallel unsafe security invoker set search_path = ''
as $$ select medley.set_music_embeddings(p_rows) $$;

comment on function public.set_music_embeddings(jsonb) is
  'Writes up to 500 rows of the cache music_embeddings (secret key only). p_rows: [{"track_id", "track_name", '
  '"artist", "embedding": [768 numbers], "genre": [names], "source", "model_version" (default: the one in use)}]; a '
  'known track_id is replaced. Recordings of that artist and title get the vector. Returns how many rows were '
  'written. Errors: invalid_argument, too_large.';
revoke all on function public.set_music_embeddings(jsonb) from public, anon, authenticated, service_role;
grant execute on function public.set_music_embeddings(jsonb) to service_role;

create or replace function public.match_music_embeddings(
  p_embedding real[],
  p_genre text default null,
  p_source text default null,
  p_limit int default 20
)
returns table (
  id uuid,
  track_id text,
  track_name text,
  artist text,
  genre text[],
  source text,
  similarity real
)
language sql stable parallel safe security invoker set search_path = ''
as $$
  select r.id, r.track_id, r.track_name, r.artist, r.genre, r.source, r.similarity
  from medley.match_music_embeddings(p_embedding, p_genre, p_source, p_limit) as r
$$;

comment on function public.match_music_embeddings(real[], text, text, int) is
  'What the cache music_embeddings knows that sounds like the vector p_embedding (768 numbers), of the genre and '
  'the source, nearest first, at most p_limit (1 to 200). similarity is the cosine. Errors: invalid_argument.';
revoke all on function public.match_music_embeddings(
  real[], text, text, int
)
from public, anon, authenticated, service_role;
grant execute on function public.match_music_embeddings(real[], text, text, int) to anon, authenticated, service_role;

-- sql/packs/studio/api_playlists.sql
-- The API of bands and playlists.
create or replace function public.add_band_tracks(
  p_band_id uuid,
  p_track_ids uuid[],
  p_user_id uuid default null
)
returns int
language sql volatile parallel unsafe security invoker set search_path = ''
as $$ select medley.add_band_tracks(p_user_id, p_band_id, p_track_ids, now()) $$;

comment on function public.add_band_tracks(uuid, uuid[], uuid) is
  'Adds up to 1,000 completed tracks of the signed-in member to a band of the member; those that it has stay. '
  'Returns how many were added. p_user_id is for the secret key only. Errors: unauthenticated, invalid_argument, '
  'not_found, forbidden (the band or a track is another member''s), conflict (a track is not completed), too_large.';
revoke all on function public.add_band_tracks(uuid, uuid[], uuid) from public, anon, authenticated, service_role;
grant execute on function public.add_band_tracks(uuid, uuid[], uuid) to authenticated, service_role;

create or replace function public.add_playlist_tracks(
  p_playlist_id uuid,
  p_track_ids uuid[],
  p_before uuid default null,
  p_user_id uuid default null
)
returns int
language sql volatile parallel unsafe security invoker set search_path = ''
as $$ select medley.add_playlist_tracks(p_user_id, p_playlist_id, p_track_ids, p_before, now()) $$;

comment on function public.add_playlist_tracks(uuid, uuid[], uuid, uuid) is
  'Adds tracks that the signed-in member sees to a playlist of the member, in their order right before the track '
  'p_before (default: at the end). Tracks that are there already stay where they are, so a repeat is safe. A '
  'playlist holds studio.max_playlist_tracks (10,000). Returns how many were added. p_user_id is for the secret key '
  'only. Errors: unauthenticated, invalid_argument, not_found, forbidden, conflict (p_before is not there any '
  'more), too_large.';
revoke all on function public.add_playlist_tracks(
  uuid, uuid[], uuid, uuid
)
from public, anon, authenticated, service_role;
grant execute on function public.add_playlist_tracks(uuid, uuid[], uuid, uuid) to authenticated, service_role;

create or replace function public.move_playlist_track(
  p_playlist_id uuid,
  p_track_id uuid,
  p_before uuid default null,
  p_user_id uuid default null
)
returns bigint
language sql volatile parallel unsafe security invoker set search_path = ''
as $$ select medley.move_playlist_track(p_user_id, p_playlist_id, p_track_id, p_before) $$;

comment on function public.move_playlist_track(uuid, uuid, uuid, uuid) is
  'Moves a track of the signed-in member''s playlist right before the track p_before (default: to the end). Returns '
  'the playlist''s version. p_user_id is for the secret key only. Errors: unauthenticated, invalid_argument, '
  'not_found, forbidden, conflict (another device removed one of both).';
revoke all on function public.move_playlist_track(
  uuid, uuid, uuid, uuid
)
from public, anon, authenticated, service_role;
grant execute on function public.move_playlist_track(uuid, uuid, uuid, uuid) to authenticated, service_role;

create or replace function public.remove_playlist_tracks(
  p_playlist_id uuid,
  p_track_ids uuid[],
  p_user_id uuid default null
)
returns int
language sql volatile parallel unsafe security invoker set search_path = ''
as $$ select medley.remove_playlist_tracks(p_user_id, p_playlist_id, p_track_ids) $$;

comment on function public.remove_playlist_tracks(uuid, uuid[], uuid) is
  'Removes tracks from a playlist of the signed-in member; those that are not there do not matter. Returns how many '
  'were removed. p_user_id is for the secret key only. Errors: unauthenticated, invalid_argument, not_found, '
  'forbidden, too_large.';
revoke all on function public.remove_playlist_tracks(
  uuid, uuid[], uuid
)
from public, anon, authenticated, service_role;
grant execute on function public.remove_playlist_tracks(uuid, uuid[], uuid) to authenticated, service_role;

create or replace function public.reorder_playlist(
  p_playlist_id uuid,
  p_track_ids uuid[],
  p_version bigint default null,
  p_user_id uuid default null
)
returns bigint
language sql volatile parallel unsafe security invoker set search_path = ''
as $$ select medley.reorder_playlist(p_user_id, p_playlist_id, p_track_ids, p_version) $$;

comment on function public.reorder_playlist(uuid, uuid[], bigint, uuid) is
  'Puts a playlist of the signed-in member in the order of p_track_ids. Tracks that it does not name (another '
  'device has just added them) follow in their order; ids that are not there are ignored. p_version: the version '
  'that the caller saw, to be told of any change in between instead. Returns the new version. p_user_id is for the '
  'secret key only. Errors: unauthenticated, invalid_argument, not_found, forbidden, conflict (another version), '
  'too_large.';
revoke all on function public.reorder_playlist(
  uuid, uuid[], bigint, uuid
)
from public, anon, authenticated, service_role;
grant execute on function public.reorder_playlist(uuid, uuid[], bigint, uuid) to authenticated, service_role;

create or replace function public.get_playlist_tracks(
  p_playlist_id uuid,
  p_limit int default 100,
  p_cursor text default null,
  p_user_id uuid default null
)
returns table (
  track_id uuid,
  title text,
  url text,
  duration int,
  user_id uuid,
  added_at timestamptz,
  next_cursor text
)
language sql stable parallel safe security invoker set search_path = ''
as $$
  select r.track_id, r.title, r.url, r.duration, r.user_id, r.added_at, r.next_cursor
  from medley.get_playlist_tracks(p_playlist_id, p_limit, p_cursor, p_user_id) as r
$$;

comment on function public.get_playlist_tracks(uuid, int, text, uuid) is
  'The tracks of a playlist that the caller may see, in order, at most p_limit (1 to 200), after p_cursor. '
  'p_user_id is for the secret key only. Errors: not_found, invalid_argument, invalid_cursor.';
revoke all on function public.get_playlist_tracks(
  uuid, int, text, uuid
)
from public, anon, authenticated, service_role;
grant execute on function public.get_playlist_tracks(uuid, int, text, uuid) to anon, authenticated, service_role;

-- sql/packs/studio/api_accounts.sql
-- The API of connected accounts: their histories, and the tokens that read them.
create or replace function public.import_history(
  p_user_id uuid,
  p_provider text,
  p_plays jsonb,
  p_cursor text default null,
  p_expected_cursor text default null,
  p_done boolean default true
)
returns table (imported int, duplicates int, refused int, new_recordings int, refusals jsonb)
language sql volatile parallel unsafe security invoker set search_path = ''
as $$
  select r.imported, r.duplicates, r.refused, r.new_recordings, r.refusals
  from medley.import_history(p_user_id, p_provider, p_plays, p_cursor, p_expected_cursor, p_done, now()) as r
$$;

comment on function public.import_history(uuid, text, jsonb, text, text, boolean) is
  'Imports up to 1,000 plays of a member at a provider (secret key only). p_plays: [{"track_id", "track_name", '
  '"artist", "album", "genres", "played_at", "play_count", "progress"}]; track_id, or artist and track_name, and '
  'played_at are required. Each becomes an engagement play on its recording, once, however often it is imported. '
  'p_cursor: where the next import goes on. p_expected_cursor: where this one began ('''' before the first), to be '
  'told if another one has gone on from there. p_done: whether the history is imported to its end. Returns how many were imported, were '
  'there already and were refused, how many recordings are new, and refusals: [{"index" (from 1), "message"}]. '
  'Errors: invalid_argument (unknown provider, no array), not_found (member), conflict (the cursor moved), '
  'too_large; then nothing is written.';
revoke all on function public.import_history(
  uuid, text, jsonb, text, text, boolean
)
from public, anon, authenticated, service_role;
grant execute on function public.import_history(uuid, text, jsonb, text, text, boolean) to service_role;

create or replace function public.get_history_cursor(p_provider text, p_user_id uuid default null)
returns table (history_cursor text, imported bigint, last_played_at timestamptz, updated_at timestamptz)
language sql stable parallel safe security invoker set search_path = ''
as $$
  select r.history_cursor, r.imported, r.last_played_at, r.updated_at
  from medley.get_history_cursor(p_user_id, p_provider) as r
$$;

comment on function public.get_history_cursor(text, uuid) is
  'Where the import of the signed-in member''s history at a provider stands; no row before the first one. p_user_id '
  'is for the secret key only. Errors: unauthenticated, forbidden, not_found (the member), invalid_argument.';
revoke all on function public.get_history_cursor(text, uuid) from public, anon, authenticated, service_role;
grant execute on function public.get_history_cursor(text, uuid) to authenticated, service_role;

create or replace function public.store_oauth_tokens(
  p_user_id uuid,
  p_platform text,
  p_access_token text,
  p_refresh_token text,
  p_key_id text,
  p_expires_at timestamptz default null,
  p_scopes text[] default null,
  p_expected_version int default null
)
returns table (connection_id uuid, version int)
language sql volatile parallel unsafe security invoker set search_path = ''
as $$
  select r.connection_id, r.version
  from medley.store_oauth_tokens(
    p_user_id, p_platform, p_access_token, p_refresh_token, p_key_id, p_expires_at, p_scopes, p_expected_version
  ) as r
$$;

comment on function public.store_oauth_tokens(uuid, text, text, text, text, timestamptz, text[], int) is
  'Stores the tokens of a connection, encrypted by the caller with the key p_key_id (secret key only): base64 of '
  'nonce, AES-GCM ciphertext and tag. p_refresh_token null keeps the stored one. p_expected_version: the version '
  'that was read, so that of two refreshes one wins. Returns the connection and the new version. Errors: '
  'invalid_argument (unknown platform, no ciphertext), not_found (member), conflict (another version, or the stored '
  'refresh token is under another key).';
revoke all on function public.store_oauth_tokens(
  uuid, text, text, text, text, timestamptz, text[], int
)
from public, anon, authenticated, service_role;
grant execute on function public.store_oauth_tokens(
  uuid, text, text, text, text, timestamptz, text[], int
) to service_role;

create or replace function public.get_oauth_tokens(p_user_id uuid, p_platform text)
returns table (
  connection_id uuid,
  status text,
  access_token text,
  refresh_token text,
  key_id text,
  expires_at timestamptz,
  version int
)
language sql stable parallel safe security invoker set search_path = ''
as $$
  select r.connection_id, r.status, r.access_token, r.refresh_token, r.key_id, r.expires_at, r.version
  from medley.get_oauth_tokens(p_user_id, p_platform) as r
$$;

comment on function public.get_oauth_tokens(uuid, text) is
  'The encrypted tokens of a connection, and which key opens them (secret key only). Errors: invalid_argument '
  '(unknown platform), not_found (not connected).';
revoke all on function public.get_oauth_tokens(uuid, text) from public, anon, authenticated, service_role;
grant execute on function public.get_oauth_tokens(uuid, text) to service_role;

create or replace function public.list_oauth_tokens_to_rotate(
  p_key_id text,
  p_limit int default 100,
  p_after uuid default null
)
returns table (
  connection_id uuid,
  user_id uuid,
  platform text,
  access_token text,
  refresh_token text,
  key_id text,
  version int
)
language sql stable parallel safe security invoker set search_path = ''
as $$
  select r.connection_id, r.user_id, r.platform, r.access_token, r.refresh_token, r.key_id, r.version
  from medley.list_oauth_tokens_to_rotate(p_key_id, p_limit, p_after) as r
$$;

comment on function public.list_oauth_tokens_to_rotate(text, int, uuid) is
  'Tokens that are not under the key p_key_id, which is the one in use, with their member and platform, which the '
  'ciphertext may be bound to, by connection after p_after, at most '
  'p_limit (1 to 1,000) (secret key only). Errors: invalid_argument.';
revoke all on function public.list_oauth_tokens_to_rotate(
  text, int, uuid
)
from public, anon, authenticated, service_role;
grant execute on function public.list_oauth_tokens_to_rotate(text, int, uuid) to service_role;

create or replace function public.reencrypt_oauth_tokens(
  p_connection_id uuid,
  p_old_key_id text,
  p_version int,
  p_new_key_id text,
  p_access_token text,
  p_refresh_token text default null
)
returns boolean
language sql volatile parallel unsafe security invoker set search_path = ''
as $$
  select medley.reencrypt_oauth_tokens(
    p_connection_id, p_old_key_id, p_version, p_new_key_id, p_access_token, p_refresh_token
  )
$$;

comment on function public.reencrypt_oauth_tokens(uuid, text, int, text, text, text) is
  'Replaces tokens by the same under a new key (secret key only), if they are still under p_old_key_id at '
  'p_version: compare and swap. Returns false where somebody changed them meanwhile: read them again. Errors: '
  'invalid_argument (no ciphertext).';
revoke all on function public.reencrypt_oauth_tokens(
  uuid, text, int, text, text, text
)
from public, anon, authenticated, service_role;
grant execute on function public.reencrypt_oauth_tokens(uuid, text, int, text, text, text) to service_role;

create or replace function public.set_oauth_status(
  p_user_id uuid,
  p_platform text,
  p_status text,
  p_version int default null
)
returns void
language sql volatile parallel unsafe security invoker set search_path = ''
as $$ select medley.set_oauth_status(p_user_id, p_platform, p_status, p_version) $$;

comment on function public.set_oauth_status(uuid, text, text, int) is
  'Notes that a connection is active, expired (the provider refuses its refresh token, or it cannot be decrypted) '
  'or revoked (secret key only). p_version: the version of the tokens that this was found with; where newer ones are '
  'stored, nothing changes. Errors: invalid_argument, not_found (not connected).';
revoke all on function public.set_oauth_status(uuid, text, text, int) from public, anon, authenticated, service_role;
grant execute on function public.set_oauth_status(uuid, text, text, int) to service_role;

create or replace function public.claim_connections_to_sync(
  p_platform text default null,
  p_limit int default 100,
  p_older_than_seconds int default 3600
)
returns table (
  connection_id uuid,
  user_id uuid,
  platform text,
  last_synced_at timestamptz,
  history_cursor text
)
language sql volatile parallel unsafe security invoker set search_path = ''
as $$
  select r.connection_id, r.user_id, r.platform, r.last_synced_at, r.history_cursor
  from medley.claim_connections_to_sync(p_platform, p_limit, p_older_than_seconds, now()) as r
$$;

comment on function public.claim_connections_to_sync(text, int, int) is
  'Active connections that the member wants synchronized and whose history was neither imported nor tried within '
  'p_older_than_seconds, the longest untried first, at most p_limit (1 to 1,000), with the cursor of their history '
  '(secret key only). They count as tried from now on, so two workers never take the same one, and one that keeps failing '
  'waits behind the others. Errors: invalid_argument.';
revoke all on function public.claim_connections_to_sync(text, int, int) from public, anon, authenticated, service_role;
grant execute on function public.claim_connections_to_sync(text, int, int) to service_role;

-- sql/packs/studio/policies.sql
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

-- sql/packs/studio/jobs.sql
-- What keeps the studio in order besides its triggers.
insert into medley.jobs (name, schedule, function_name, batch_size, timeout_seconds, description)
values
  (
    'fail_abandoned_generations', '* * * * *', 'fail_abandoned_generations', 1000, 50,
    'Ends tracks whose last lease ran out, and gives their members the allowance back.'
  ),
  (
    'reset_daily_count', '0 0 * * *', 'reset_daily_count', 10000, 600,
    'Sets yesterday''s counts of requests to 0; nothing depends on it.'
  ),
  (
    'prune_provider_events', '35 3 * * *', 'prune_provider_events', 10000, 600,
    'Forgets old webhooks.'
  ),
  (
    'refresh_band_styles', '50 3 * * *', 'refresh_band_styles', null, 1800,
    'Styles of bands, after another model of audio vectors came into use.'
  );
