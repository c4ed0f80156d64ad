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
