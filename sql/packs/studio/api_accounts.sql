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
