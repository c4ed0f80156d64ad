-- Who is calling, and the checks that every API function shares.
create or replace function medley.version()
returns text
language sql immutable parallel safe security invoker set search_path = ''
as $$ select '0.1.0' $$;

comment on function medley.version() is 'The version of the engine in this database.';
revoke all on function medley.version() from public, anon, authenticated, service_role;
grant execute on function medley.version() to service_role;

-- No SET: it inlines. Its names were resolved when it was created.
create or replace function medley.is_service()
returns boolean
language sql stable parallel safe security invoker
return coalesce(auth.role(), current_setting('role', true)) = 'service_role';

comment on function medley.is_service() is
  'True for a call made with the secret key: by the token''s claims, or by the session''s role where there are none.';
revoke all on function medley.is_service() from public, anon, authenticated, service_role;
grant execute on function medley.is_service() to anon, authenticated, service_role;

create or replace function medley.acting_user(p_user_id uuid default null)
returns uuid
language plpgsql stable parallel safe security definer set search_path = ''
as $$
declare
  v_caller uuid := auth.uid();
begin
  if medley.is_service() then
    if p_user_id is null then
      perform medley.fail('invalid_argument', 'the service must name a member', 'p_user_id',
        'Pass p_user_id with the secret key.');
    end if;
    -- Whoever has an account is a member, with or without anything done.
    if not exists (select from auth.users as u where u.id = p_user_id) then
      perform medley.fail('not_found', format('there is no member %s', p_user_id), 'p_user_id',
        'Pass the id of an account: auth.users has them, and profiles by name.');
    end if;
    return p_user_id;
  end if;
  if v_caller is null then
    perform medley.fail('unauthenticated', 'no member is signed in', null, 'Sign in, or call with the secret key.');
  end if;
  if p_user_id <> v_caller then
    perform medley.fail('forbidden', format('cannot act for member %s', p_user_id), 'p_user_id',
      'Leave p_user_id out: it defaults to the signed-in member.');
  end if;
  return v_caller;
end;
$$;

comment on function medley.acting_user(uuid) is
  'The member a call acts for: the signed-in one, or for the service the one that p_user_id names. '
  'Errors: unauthenticated, forbidden (someone else''s id), invalid_argument (service without an id), not_found (service with '
  'an id that no account has).';
revoke all on function medley.acting_user(uuid) from public, anon, authenticated, service_role;
grant execute on function medley.acting_user(uuid) to anon, authenticated, service_role;

create or replace function medley.reading_user(p_user_id uuid)
returns uuid
language plpgsql stable parallel safe security invoker set search_path = ''
as $$
begin
  return case when p_user_id is null then auth.uid() else medley.acting_user(p_user_id) end;
end;
$$;

comment on function medley.reading_user(uuid) is
  'Whose eyes a call that is open to everybody reads with: acting_user where p_user_id names one, else whoever is signed in; '
  'null for nobody. Errors: those of acting_user.';
revoke all on function medley.reading_user(uuid) from public, anon, authenticated, service_role;
grant execute on function medley.reading_user(uuid) to anon, authenticated, service_role;

create or replace function medley.check_limit(p_limit int, p_max int default 200)
returns int
language plpgsql immutable parallel safe security invoker set search_path = ''
as $$
begin
  if p_limit is null or p_limit not between 1 and p_max then
    perform medley.fail('invalid_argument', format('p_limit must be between 1 and %s, got %s', p_max, p_limit),
      'p_limit', format('Ask for 1 to %s.', p_max));
  end if;
  return p_limit;
end;
$$;

comment on function medley.check_limit(int, int) is
  'Returns p_limit when it lies between 1 and p_max. Errors: invalid_argument.';
revoke all on function medley.check_limit(int, int) from public, anon, authenticated, service_role;

-- No SET: it inlines. After seventy half-lives it stays put, for float8 would rather fail than underflow.
create or replace function medley.recency(p_since timestamptz, p_as_of timestamptz, p_days double precision)
returns double precision
language sql immutable parallel safe security invoker
return power(0.5::float8, least(greatest(date_part('epoch', p_as_of - p_since) / 86400 / p_days, 0), 70));

comment on function medley.recency(timestamptz, timestamptz, double precision) is
  'What is left at p_as_of of one at p_since: 1 at once (and before), a half after p_days days, a quarter after twice those.';
revoke all on function medley.recency(timestamptz, timestamptz, double precision)
from public, anon, authenticated, service_role;

-- plpgsql keeps its plan for the session; an SQL function would be planned in every query that pages.
create or replace function medley.encode_cursor(p_query text, p_position jsonb)
returns text
language plpgsql immutable parallel safe security invoker set search_path = ''
as $$
begin
  return translate(
    encode(convert_to(jsonb_build_object('q', p_query, 'p', p_position)::text, 'UTF8'), 'base64'), E'\n', ''
  );
end;
$$;

comment on function medley.encode_cursor(text, jsonb) is
  'An opaque keyset cursor for the query p_query (its name and a digest of its arguments) after p_position.';
revoke all on function medley.encode_cursor(text, jsonb) from public, anon, authenticated, service_role;

create or replace function medley.decode_cursor(p_cursor text, p_query text)
returns jsonb
language plpgsql immutable parallel safe security invoker set search_path = ''
as $$
declare
  v_cursor jsonb;
begin
  if p_cursor is null then
    return null;
  end if;
  begin
    v_cursor := convert_from(decode(left(p_cursor, 8000), 'base64'), 'UTF8')::jsonb;
  exception when data_exception or syntax_error then
    v_cursor := null;
  end;
  if v_cursor ->> 'q' is distinct from p_query or jsonb_typeof(v_cursor -> 'p') is distinct from 'object' then
    perform medley.fail('invalid_cursor', 'the cursor does not belong to this query', 'p_cursor',
      'Pass next_cursor of the previous page with the same arguments, or start again without a cursor.');
  end if;
  return v_cursor -> 'p';
end;
$$;

comment on function medley.decode_cursor(text, text) is
  'The position in a cursor made by encode_cursor for the same p_query; null for a null cursor. Errors: invalid_cursor.';
revoke all on function medley.decode_cursor(text, text) from public, anon, authenticated, service_role;

create or replace function medley.set_updated_at()
returns trigger
language plpgsql volatile parallel unsafe security invoker set search_path = ''
as $$
begin
  new.updated_at := now();
  return new;
end;
$$;

comment on function medley.set_updated_at() is 'Row trigger: stamps updated_at with the transaction''s time.';
revoke all on function medley.set_updated_at() from public, anon, authenticated, service_role;
