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
