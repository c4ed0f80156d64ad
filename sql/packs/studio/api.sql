-- The API of the studio: thin functions over those of the same name in medley.
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
