-- Made from sql/core/foundation by `make migrations`; edit that, not this.

-- sql/core/foundation/schema.sql
-- The schema `medley` holds the engine; it is never exposed through the API.
-- API roles may enter it because the thin functions of `public` call into it as
-- the caller: what they may run there is granted function by function.
create schema medley;
comment on schema medley is
  'The Medley engine: tables, logic and jobs. Not exposed through the API; apps call the functions in public.';

revoke all on schema medley from public, anon, authenticated, service_role;
grant usage on schema medley to anon, authenticated, service_role;

-- sql/core/foundation/errors.sql
-- Every error an app can meet has one stable code. `medley.fail` is the only place that raises.
create table medley.error_codes (
  code text primary key,
  http_status smallint not null check (http_status between 400 and 499),
  meaning text not null
);

comment on table medley.error_codes is
  'The stable error codes: what an app may match on. docs/errors.md and the client mirror these rows.';
comment on column medley.error_codes.code is 'Stable name, sent as "code" in the JSON of an error''s detail.';
comment on column medley.error_codes.http_status is 'HTTP status of the answer; the SQLSTATE is PT followed by it.';
comment on column medley.error_codes.meaning is 'What went wrong, in one sentence.';

alter table medley.error_codes enable row level security;
revoke all on medley.error_codes from public, anon, authenticated, service_role;

insert into medley.error_codes (code, http_status, meaning)
values
  ('invalid_argument', 400, 'An argument is missing, malformed or out of range.'),
  ('invalid_cursor', 400, 'The cursor is damaged or belongs to another query.'),
  ('unauthenticated', 401, 'The call needs a signed-in member.'),
  ('forbidden', 403, 'The caller may not act for that member or on that row.'),
  ('not_found', 404, 'Nothing visible has that id or slug.'),
  ('conflict', 409, 'The change contradicts what is stored.'),
  ('cycle', 409, 'The parent or source would close a cycle.'),
  ('too_large', 413, 'The input holds more than one call accepts.'),
  ('quota_exceeded', 429, 'The allowance of the day is used up.');

create or replace function medley.fail(
  p_code text,
  p_message text,
  p_argument text default null,
  p_hint text default null
)
returns void
language plpgsql volatile parallel safe security definer set search_path = ''
as $$
declare
  v_status smallint;
begin
  select e.http_status into strict v_status
  from medley.error_codes as e
  where e.code = p_code;

  raise exception using
    errcode = 'PT' || v_status,
    message = left(p_message, 500),
    detail = jsonb_strip_nulls(jsonb_build_object('code', p_code, 'argument', p_argument))::text,
    hint = coalesce(p_hint, '');
end;
$$;

comment on function medley.fail(text, text, text, text) is
  'Raises the error p_code of medley.error_codes: SQLSTATE PT + HTTP status, the message, a hint with the next step '
  'and JSON detail {"code", "argument"}. Returns never.';
revoke all on function medley.fail(text, text, text, text) from public, anon, authenticated, service_role;
grant execute on function medley.fail(text, text, text, text) to anon, authenticated, service_role;

-- sql/core/foundation/functions.sql
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

-- sql/core/foundation/settings.sql
-- Numbers that the owner of a project may tune without touching code, and the generation counters of derived tables.
create table medley.settings (
  key text primary key,
  value numeric not null,
  description text not null,
  updated_at timestamptz not null default now()
);

comment on table medley.settings is 'Tunable numbers of the engine; each module seeds its own with a documented default.';
comment on column medley.settings.key is 'module.name';
comment on column medley.settings.value is 'The value in force, in the unit that the description names.';
comment on column medley.settings.description is 'What it controls, its unit and its sensible range.';
comment on column medley.settings.updated_at is 'When the row last changed.';

alter table medley.settings enable row level security;
revoke all on medley.settings from public, anon, authenticated, service_role;

create or replace function medley.setting(p_key text)
returns numeric
language sql stable parallel safe security definer set search_path = ''
as $$
  select s.value
  from medley.settings as s
  where s.key = p_key
$$;

comment on function medley.setting(text) is 'The value of the setting p_key, or null when there is none.';
revoke all on function medley.setting(text) from public, anon, authenticated, service_role;

create table medley.generations (
  name text primary key,
  generation int not null check (generation > 0),
  built_at timestamptz not null,
  row_count bigint not null
);

comment on table medley.generations is
  'One row per derived table: which generation it holds, when it was built and how many rows it has.';
comment on column medley.generations.name is 'The derived table, without its schema.';
comment on column medley.generations.generation is 'Grows by one with each complete rebuild.';
comment on column medley.generations.built_at is 'When that rebuild committed.';
comment on column medley.generations.row_count is 'Rows that the rebuild left in the table.';

alter table medley.generations enable row level security;
revoke all on medley.generations from public, anon, authenticated, service_role;

create or replace function medley.begin_generation(p_name text)
returns int
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
begin
  perform pg_advisory_xact_lock(hashtextextended('medley.generation:' || p_name, 0));
  return coalesce(
    (select g.generation + 1 from medley.generations as g where g.name = p_name),
    1
  );
end;
$$;

comment on function medley.begin_generation(text) is
  'Locks the derived table p_name until the transaction ends and returns the number of its next generation.';
revoke all on function medley.begin_generation(text) from public, anon, authenticated, service_role;

create or replace function medley.finish_generation(p_name text, p_generation int, p_row_count bigint)
returns void
language sql volatile parallel unsafe security definer set search_path = ''
as $$
  insert into medley.generations as g (name, generation, built_at, row_count)
  values (p_name, p_generation, now(), p_row_count)
  on conflict (name) do update
  set
    generation = excluded.generation,
    built_at = excluded.built_at,
    row_count = excluded.row_count
$$;

comment on function medley.finish_generation(text, int, bigint) is
  'Records that generation p_generation of the derived table p_name is complete with p_row_count rows.';
revoke all on function medley.finish_generation(text, int, bigint) from public, anon, authenticated, service_role;

create table medley.ranker_weights (
  ranker text not null,
  term text not null,
  weight numeric not null check (abs(weight) <= 10000),
  cap numeric check (cap between 0 and 10000),
  scale numeric check (scale between 0.001 and 36500),
  description text not null,
  updated_at timestamptz not null default now(),
  primary key (ranker, term)
);

comment on table medley.ranker_weights is
  'What each term of a ranker''s score is worth. Owners edit the rows; the next call uses them.';
comment on column medley.ranker_weights.ranker is 'The ranker, event_feed for instance.';
comment on column medley.ranker_weights.term is 'The term, as the breakdown of a score names it.';
comment on column medley.ranker_weights.weight is 'Points: for a yes, for each unit, or at the maximum, as the description says.';
comment on column medley.ranker_weights.cap is 'Most points that the term can give; null where the weight is the maximum.';
comment on column medley.ranker_weights.scale is 'Scale of the term''s decay or of its discount, as the description says; null where it has none.';
comment on column medley.ranker_weights.description is 'What the term rewards and in which unit.';
comment on column medley.ranker_weights.updated_at is 'When the row last changed.';

alter table medley.ranker_weights enable row level security;
revoke all on medley.ranker_weights from public, anon, authenticated, service_role;

create trigger settings_updated_at
before update on medley.settings
for each row execute function medley.set_updated_at();

create trigger ranker_weights_updated_at
before update on medley.ranker_weights
for each row execute function medley.set_updated_at();

-- sql/core/foundation/realtime.sql
-- What apps may watch live: tables in the publication that Supabase Realtime reads.
-- A module adds a row to medley.live_tables and nothing else: a trigger publishes it, where there is a publication.
create table medley.live_tables (
  table_name text primary key,
  description text not null
);

comment on table medley.live_tables is
  'Tables of public that apps may watch with Supabase Realtime. What each reader sees of them, their policies say.';
comment on column medley.live_tables.table_name is 'Name of the table, without its schema.';
comment on column medley.live_tables.description is 'What there is to watch.';

alter table medley.live_tables enable row level security;
revoke all on medley.live_tables from public, anon, authenticated, service_role;

create or replace function medley.publish_live_tables()
returns int
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_table text;
  v_added int := 0;
begin
  for v_table in
    select t.table_name
    from medley.live_tables as t
    where to_regclass(format('public.%I', t.table_name)) is not null
      and exists (
        select from pg_catalog.pg_publication as p
        where p.pubname = 'supabase_realtime' and not p.puballtables
      )
      and not exists (
        select from pg_catalog.pg_publication_tables as p
        where p.pubname = 'supabase_realtime' and p.schemaname = 'public' and p.tablename = t.table_name
      )
    order by t.table_name
  loop
    execute format('alter publication supabase_realtime add table public.%I', v_table);
    v_added := v_added + 1;
  end loop;
  return v_added;
end;
$$;

comment on function medley.publish_live_tables() is
  'Adds what live_tables names to the publication supabase_realtime, where both exist; what else is in it stays. '
  'Safe to repeat: call it once after creating the publication later. Returns how many tables it added.';
revoke all on function medley.publish_live_tables() from public, anon, authenticated, service_role;

create or replace function medley.live_tables_changed()
returns trigger
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
begin
  perform medley.publish_live_tables();
  return null;
end;
$$;

comment on function medley.live_tables_changed() is
  'Statement trigger: the publication follows live_tables in the same transaction.';
revoke all on function medley.live_tables_changed() from public, anon, authenticated, service_role;

create trigger live_tables_publish
after insert or update on medley.live_tables
for each statement execute function medley.live_tables_changed();
