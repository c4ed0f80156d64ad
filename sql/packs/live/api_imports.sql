-- The API of imports: for the edge functions import-artist and import-progress, with the secret key only.
create or replace function public.start_import(p_artist jsonb, p_user_id uuid default null)
returns table (job_id text, stage text, started boolean)
language sql volatile parallel unsafe security invoker set search_path = ''
as $$
  select j.job_id, j.stage, j.started
  from medley.start_import(p_artist, p_user_id, now()) as j
$$;

comment on function public.start_import(jsonb, uuid) is
  'Starts the import of an artist or joins the one that runs (secret key only; members call the edge function '
  'import-artist). p_artist: one of {"name"}, {"spotify_id"}, {"ticketmaster_id"}, {"artist_id"}. A failed import '
  'goes on at its stage; one that just succeeded is left as it is. started: whether there is work that nobody does '
  'yet. p_user_id: the member who asks, for the daily limit. Errors: invalid_argument, not_found, quota_exceeded.';
revoke all on function public.start_import(jsonb, uuid) from public, anon, authenticated, service_role;
grant execute on function public.start_import(jsonb, uuid) to service_role;

create or replace function public.claim_import(p_job_id text)
returns table (lease uuid, lease_seconds int, stage text, request jsonb, attempt int, wait_seconds int)
language sql volatile parallel unsafe security invoker set search_path = ''
as $$
  select j.lease, j.lease_seconds, j.stage, j.request, j.attempt, j.wait_seconds
  from medley.claim_import(p_job_id, now()) as j
$$;

comment on function public.claim_import(text) is
  'Gives an import to a worker (secret key only): the lease that its other calls name, good for lease_seconds, the '
  'stage to do next and what is known of the artist. lease is null where the import is over, or another worker '
  'holds it for wait_seconds yet. Errors: not_found.';
revoke all on function public.claim_import(text) from public, anon, authenticated, service_role;
grant execute on function public.claim_import(text) to service_role;

create or replace function public.report_import_progress(
  p_job_id text,
  p_lease uuid,
  p_done real default null,
  p_message text default null
)
returns void
language sql volatile parallel unsafe security invoker set search_path = ''
as $$
  select medley.report_import_progress(p_job_id, p_lease, p_done, p_message, now())
$$;

comment on function public.report_import_progress(text, uuid, real, text) is
  'Says how far the worker of an import is (secret key only): p_done of its stage, 0 to 1, and what it does. '
  'Without both it only prolongs the lease. Errors: not_found, conflict (no longer the holder), invalid_argument.';
revoke all on function public.report_import_progress(text, uuid, real, text)
from public, anon, authenticated, service_role;
grant execute on function public.report_import_progress(text, uuid, real, text) to service_role;

create or replace function public.identify_import(p_job_id text, p_lease uuid, p_ids jsonb)
returns text
language sql volatile parallel unsafe security invoker set search_path = ''
as $$
  select medley.identify_import(p_job_id, p_lease, p_ids, now())
$$;

comment on function public.identify_import(text, uuid, jsonb) is
  'Stage identify of an import (secret key only): notes the artist''s ids, {"name", "spotify_id", '
  '"ticketmaster_id", "musicbrainz_id"} as far as known. Returns the next stage; failed where another import has '
  'the same artist. Errors: not_found, conflict, invalid_argument.';
revoke all on function public.identify_import(text, uuid, jsonb) from public, anon, authenticated, service_role;
grant execute on function public.identify_import(text, uuid, jsonb) to service_role;

create or replace function public.import_artist(p_job_id text, p_lease uuid, p_artist jsonb)
returns text
language sql volatile parallel unsafe security invoker set search_path = ''
as $$
  select medley.import_artist(p_job_id, p_lease, p_artist, now())
$$;

comment on function public.import_artist(text, uuid, jsonb) is
  'Stage artist of an import (secret key only): writes the artist; p_artist: {"name", "genres", "image_url", '
  '"small_image_url", "popularity", "followers", "external_urls"}, or null. Returns the next stage; failed where '
  'the ids belong to two artists. Errors: not_found, conflict, invalid_argument.';
revoke all on function public.import_artist(text, uuid, jsonb) from public, anon, authenticated, service_role;
grant execute on function public.import_artist(text, uuid, jsonb) to service_role;

create or replace function public.import_songs(p_job_id text, p_lease uuid, p_songs jsonb)
returns table (stage text, written int, refused int, reasons text[])
language sql volatile parallel unsafe security invoker set search_path = '' set statement_timeout = '1min'
as $$
  select j.stage, j.written, j.refused, j.reasons
  from medley.import_songs(p_job_id, p_lease, p_songs, now()) as j
$$;

comment on function public.import_songs(text, uuid, jsonb) is
  'Stage songs of an import (secret key only): writes up to 10,000 songs in one transaction. p_songs: '
  '[{"spotify_id", "title", "artist", "album", "album_art_url", "release_date", "duration_ms", "popularity", '
  '"preview_url", "is_explicit", "is_playable", "track_number", "disc_number", "is_primary_artist"}], or null where '
  'no source was asked. Malformed rows are refused one by one. Returns the next stage, how many rows were written '
  'and refused, and why. Errors: not_found, conflict, invalid_argument, too_large.';
revoke all on function public.import_songs(text, uuid, jsonb) from public, anon, authenticated, service_role;
grant execute on function public.import_songs(text, uuid, jsonb) to service_role;

create or replace function public.import_events(p_job_id text, p_lease uuid, p_events jsonb)
returns table (stage text, written int, refused int, reasons text[])
language sql volatile parallel unsafe security invoker set search_path = '' set statement_timeout = '1min'
as $$
  select j.stage, j.written, j.refused, j.reasons
  from medley.import_events(p_job_id, p_lease, p_events, now()) as j
$$;

comment on function public.import_events(text, uuid, jsonb) is
  'Stage events of an import (secret key only): writes up to 10,000 shows and their venues in one transaction. '
  'p_events: [{"ticketmaster_id", "title", "starts_at", "status", "description", "ticket_url", "ticket_available", '
  '"min_price", "max_price", "currency", "image_url", "age_restrictions", "genres", "is_headliner", "venue"}], or '
  'null where no source was asked. Malformed rows are refused one by one. Returns the next stage, how many rows '
  'were written and refused, and why. Errors: not_found, conflict, invalid_argument, too_large.';
revoke all on function public.import_events(text, uuid, jsonb) from public, anon, authenticated, service_role;
grant execute on function public.import_events(text, uuid, jsonb) to service_role;

create or replace function public.import_setlists(p_job_id text, p_lease uuid, p_setlists jsonb)
returns table (stage text, written int, refused int, reasons text[])
language sql volatile parallel unsafe security invoker set search_path = '' set statement_timeout = '1min'
as $$
  select j.stage, j.written, j.refused, j.reasons
  from medley.import_setlists(p_job_id, p_lease, p_setlists, now()) as j
$$;

comment on function public.import_setlists(text, uuid, jsonb) is
  'Stage setlists of an import (secret key only): writes up to 10,000 setlists of past shows in one transaction. '
  'p_setlists: [{"setlistfm_id", "event_date", "venue", "songs": [{"title", "cover_of"}]}], or null where no source '
  'was asked. Malformed rows are refused one by one. Returns the next stage, how many rows were written and '
  'refused, and why. Errors: not_found, conflict, invalid_argument, too_large.';
revoke all on function public.import_setlists(text, uuid, jsonb) from public, anon, authenticated, service_role;
grant execute on function public.import_setlists(text, uuid, jsonb) to service_role;

create or replace function public.finish_import(p_job_id text, p_lease uuid)
returns void
language sql volatile parallel unsafe security invoker set search_path = ''
as $$
  select medley.finish_import(p_job_id, p_lease, now())
$$;

comment on function public.finish_import(text, uuid) is
  'Ends an import whose stages are all done (secret key only). Errors: not_found, conflict.';
revoke all on function public.finish_import(text, uuid) from public, anon, authenticated, service_role;
grant execute on function public.finish_import(text, uuid) to service_role;

create or replace function public.fail_import(p_job_id text, p_lease uuid, p_code text, p_reason text)
returns void
language sql volatile parallel unsafe security invoker set search_path = ''
as $$
  select medley.fail_import(p_job_id, p_lease, p_code, p_reason, now())
$$;

comment on function public.fail_import(text, uuid, text, text) is
  'Ends an import that cannot go on, with a code and the reason (secret key only); started again, it goes on at its '
  'stage. Errors: not_found, conflict, invalid_argument.';
revoke all on function public.fail_import(text, uuid, text, text) from public, anon, authenticated, service_role;
grant execute on function public.fail_import(text, uuid, text, text) to service_role;

create or replace function public.get_import_updates(p_after jsonb)
returns table (
  job_id text, update_no int, stage text, progress int, message text, error text, estimated_time_remaining int,
  updated_at timestamptz, artist_id uuid
)
language sql stable parallel safe security invoker set search_path = ''
as $$
  select u.*
  from medley.get_import_updates(p_after) as u
$$;

comment on function public.get_import_updates(jsonb) is
  'What happened in several imports since one last looked (secret key only; everybody may read the current state in '
  'import_status). p_after: {"<job_id>": number of the last known update, or null for the current state alone}. '
  'Returns up to 1,000 updates by job and number; a job that does not exist has none. Errors: invalid_argument.';
revoke all on function public.get_import_updates(jsonb) from public, anon, authenticated, service_role;
grant execute on function public.get_import_updates(jsonb) to service_role;
