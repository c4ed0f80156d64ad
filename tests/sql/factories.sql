-- What tests build their world with. Applied once, committed, in a schema that no project ever sees.
create schema tests;
grant usage on schema tests to anon, authenticated, service_role;
alter default privileges in schema tests grant execute on functions to anon, authenticated, service_role;

-- A member: an account and a profile. The id depends on the name only, so failures are easy to read.
create function tests.make_member(p_name text)
returns uuid
language plpgsql security definer set search_path = ''
as $$
declare
  v_id uuid := md5('member ' || p_name)::uuid;
begin
  insert into auth.users (id, aud, role, email)
  values (v_id, 'authenticated', 'authenticated', p_name || '@example.com');
  insert into public.profiles (id, username, display_name)
  values (v_id, p_name, p_name);
  return v_id;
end;
$$;

-- From here to the end of the transaction, or to the next act_as, calls come from that member, as the API makes them.
create function tests.act_as(p_user uuid)
returns void
language plpgsql security invoker
as $$
begin
  perform set_config('request.jwt.claims', json_build_object('sub', p_user, 'role', 'authenticated')::text, true);
  perform set_config('role', 'authenticated', true);
end;
$$;

create function tests.act_as_anon()
returns void
language plpgsql security invoker
as $$
begin
  perform set_config('request.jwt.claims', '{"role": "anon"}', true);
  perform set_config('role', 'anon', true);
end;
$$;

create function tests.act_as_service()
returns void
language plpgsql security invoker
as $$
begin
  perform set_config('request.jwt.claims', '{"role": "service_role"}', true);
  perform set_config('role', 'service_role', true);
end;
$$;

create function tests.act_as_owner()
returns void
language plpgsql security invoker
as $$
begin
  perform set_config('request.jwt.claims', '', true);
  perform set_config('role', 'postgres', true);
end;
$$;

create function tests.http_status(p_code text)
returns smallint
language sql stable security definer set search_path = ''
as $$
  select e.http_status from medley.error_codes as e where e.code = p_code
$$;

-- Passes when the statement fails with the stable code p_code: in the detail, with its SQLSTATE, and with a hint.
create function tests.throws_code(p_sql text, p_code text, p_description text)
returns text
language plpgsql security invoker
as $$
declare
  v_state text;
  v_message text;
  v_detail text;
  v_hint text;
  v_ok boolean;
begin
  begin
    execute p_sql;
    return extensions.ok(false, p_description) || E'\n' || extensions.diag('nothing was raised');
  exception when others then
    get stacked diagnostics
      v_state = returned_sqlstate, v_message = message_text, v_detail = pg_exception_detail, v_hint = pg_exception_hint;
  end;
  v_ok := v_state = 'PT' || tests.http_status(p_code)
    and case when v_detail like '{"%' then v_detail::jsonb ->> 'code' end = p_code
    and v_hint <> '';
  return extensions.ok(coalesce(v_ok, false), p_description) || case
    when v_ok then ''
    else E'\n' || extensions.diag(format('raised %s: %s, detail %s, hint %s', v_state, v_message, v_detail, v_hint))
  end;
end;
$$;

-- Passes when the role in force may not do that at all.
create function tests.throws_permission(p_sql text, p_description text)
returns text
language plpgsql security invoker
as $$
begin
  return extensions.throws_ok(p_sql, '42501', null, p_description);
end;
$$;

-- An item of a kind that exists, without a catalogue row.
create function tests.make_item(
  p_kind text,
  p_title text,
  p_owner uuid default null,
  p_visibility text default 'public'
)
returns uuid
language sql security definer set search_path = ''
as $$
  insert into medley.items (kind, title, owner_id, visibility)
  values (p_kind, p_title, p_owner, p_visibility)
  returning id
$$;

create function tests.make_kind(p_kind text)
returns void
language sql security definer set search_path = ''
as $$
  insert into medley.item_kinds (kind, description)
  values (p_kind, 'For tests.')
  -- A pack may have it already.
  on conflict do nothing
$$;

create function tests.follow(p_follower uuid, p_followed uuid)
returns void
language sql security definer set search_path = ''
as $$
  insert into public.follows (follower_id, followed_id)
  values (p_follower, p_followed)
$$;

create function tests.befriend(p_a uuid, p_b uuid)
returns void
language sql security definer set search_path = ''
as $$
  insert into public.follows (follower_id, followed_id)
  values (p_a, p_b), (p_b, p_a)
$$;

create function tests.block(p_user uuid, p_blocked uuid)
returns void
language sql security definer set search_path = ''
as $$
  insert into public.user_blocks (user_id, blocked_id)
  values (p_user, p_blocked)
$$;

create function tests.mute(p_user uuid, p_muted uuid)
returns void
language sql security definer set search_path = ''
as $$
  insert into public.user_mutes (user_id, muted_id)
  values (p_user, p_muted)
$$;

-- Everything that is stored about a member: each table of public and medley with rows that hold the id in any
-- column, or the member's number in a column that is called so.
create function tests.rows_about(p_user uuid)
returns table (table_name text, row_count bigint)
language plpgsql security definer set search_path = ''
as $$
declare
  v_user_no int := (select m.user_no from medley.members as m where m.user_id = p_user);
  v_table record;
begin
  for v_table in
    select
      format('%I.%I', c.relnamespace::regnamespace, c.relname) as name,
      (
        select string_agg(format('t.%I', a.attname), ', ')
        from pg_catalog.pg_attribute as a
        where a.attrelid = c.oid
          and a.attnum > 0
          and not a.attisdropped
          and a.attname ~ '(^|_)(user|member|owner|friend)_no$'
      ) as numbers
    from pg_catalog.pg_class as c
    where c.relkind in ('r', 'p')
      and not c.relispartition
      and c.relnamespace in ('public'::regnamespace, 'medley'::regnamespace)
      and not exists (select from pg_catalog.pg_depend as d where d.objid = c.oid and d.deptype = 'e')
  loop
    table_name := v_table.name;
    execute format(
      'select count(*) from %s as t where position(%L in t::text) > 0 or %L::int in (%s)',
      v_table.name, p_user, v_user_no, coalesce(v_table.numbers, 'null')
    ) into row_count;
    if row_count > 0 then
      return next;
    end if;
  end loop;
end;
$$;
