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
