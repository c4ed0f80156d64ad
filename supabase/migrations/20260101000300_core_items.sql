-- Made from sql/core/items by `make migrations`; edit that, not this.

-- sql/core/items/tables.sql
-- Everything recommendable is a row of medley.items, whatever pack or app it comes from.
-- Catalogue tables reference it by id and register their rows by a bulk trigger (functions.sql);
-- apps with kinds of their own use register_items (api.sql).
create table medley.item_kinds (
  kind text primary key check (kind ~ '^[a-z][a-z0-9_]{1,39}$'),
  in_genre_statistics boolean not null default false,
  description text not null
);

comment on table medley.item_kinds is 'The kinds of items: data, so an app may add its own.';
comment on column medley.item_kinds.kind is 'Name of the kind: lower case letters, digits and underscores.';
comment on column medley.item_kinds.in_genre_statistics is
  'Whether the genres of items of this kind count in co-occurrence (true for artists, say; not for their events).';
comment on column medley.item_kinds.description is 'What an item of this kind is.';

create table medley.items (
  id uuid primary key default gen_random_uuid(),
  item_no int not null generated always as identity unique,
  kind text not null references medley.item_kinds (kind),
  title text not null check (length(title) between 1 and 1000),
  owner_id uuid references auth.users (id) on delete cascade,
  visibility text not null default 'public' check (visibility in ('public', 'followers', 'private')),
  published_at timestamptz not null default now(),
  expires_at timestamptz
);
create index items_kind_idx on medley.items (kind, item_no);
create index items_owner_idx on medley.items (owner_id) where owner_id is not null;

comment on table medley.items is 'The registry of everything that can be recommended.';
comment on column medley.items.id is 'The id that apps use; a catalogue row has the same.';
comment on column medley.items.item_no is 'Dense number; what the engine joins by.';
comment on column medley.items.kind is 'Kind of item.';
comment on column medley.items.title is 'What people call it.';
comment on column medley.items.owner_id is 'The member it belongs to; null for catalogue items.';
comment on column medley.items.visibility is 'public, followers (of the owner) or private (to the owner).';
comment on column medley.items.published_at is 'When it became available.';
comment on column medley.items.expires_at is 'When it stops being worth showing; null for never.';

create table public.item_follows (
  user_id uuid not null default auth.uid() references auth.users (id) on delete cascade,
  item_id uuid not null references medley.items (id) on delete cascade,
  notifications_enabled boolean not null default true,
  created_at timestamptz not null default now(),
  primary key (user_id, item_id)
);
create index item_follows_item_idx on public.item_follows (item_id);

comment on table public.item_follows is 'Items that members follow: artists, bands, venues, anything registered.';
comment on column public.item_follows.user_id is 'The member who follows.';
comment on column public.item_follows.item_id is 'The item that is followed.';
comment on column public.item_follows.notifications_enabled is 'Whether the app may notify the member of news about it.';
comment on column public.item_follows.created_at is 'Since when.';

-- sql/core/items/functions.sql
-- How items get into the registry, and who may see them.
create or replace function medley.visible_to(p_user_id uuid, p_item_id uuid)
returns boolean
language sql stable parallel safe security definer set search_path = ''
as $$
  select exists (
    select from medley.items as i
    where i.id = p_item_id
      and (
        i.owner_id is null and i.visibility = 'public'
        or i.owner_id = p_user_id
        or i.visibility <> 'private' and not medley.is_blocked(p_user_id, i.owner_id) and (
          i.visibility = 'public'
          or exists (
            select from public.follows as f
            where f.follower_id = p_user_id and f.followed_id = i.owner_id
          )
        )
      )
  )
$$;

comment on function medley.visible_to(uuid, uuid) is
  'Whether the member p_user_id (null: not signed in) may see the item: public, own, or of a followed owner, and no block '
  'between both. The one predicate behind the policies of the catalogue and the filters of the engine.';
revoke all on function medley.visible_to(uuid, uuid) from public, anon, authenticated, service_role;
grant execute on function medley.visible_to(uuid, uuid) to anon, authenticated, service_role;

create or replace function medley.may_list(p_user_id uuid, p_item_id uuid, p_owner_id uuid)
returns boolean
language sql stable parallel safe security definer set search_path = ''
as $$
  select medley.visible_to(p_user_id, p_item_id) and not exists (
    select from public.user_mutes as m
    where m.user_id = p_user_id and m.muted_id = p_owner_id
  )
$$;

comment on function medley.may_list(uuid, uuid, uuid) is
  'Whether a list for the member (null: nobody is signed in) may hold the item: visible, and its owner is not muted.';
revoke all on function medley.may_list(uuid, uuid, uuid) from public, anon, authenticated, service_role;

create or replace function medley.check_kind(p_kind text)
returns void
language plpgsql stable parallel safe security definer set search_path = ''
as $$
begin
  if p_kind is not null and not exists (select from medley.item_kinds as k where k.kind = p_kind) then
    perform medley.fail('invalid_argument', format('there is no kind %s', left(p_kind, 100)), 'p_kind',
      'Pass a kind of medley.item_kinds, or leave it out for all.');
  end if;
end;
$$;

comment on function medley.check_kind(text) is 'Refuses a kind that does not exist. Errors: invalid_argument.';
revoke all on function medley.check_kind(text) from public, anon, authenticated, service_role;

create or replace function medley.register_catalogue_rows()
returns trigger
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  -- The column names are the trigger's own arguments, written in a migration; values never enter the text.
  v_rows text := format(
    'select n.id, %s as kind, left(n.%I, 1000) as title, %s as owner_id, %s as published_at, %s as expires_at, '
    '%s as visibility from new_rows as n',
    coalesce(quote_literal(nullif(tg_argv[0], '')), 'n.kind'),
    tg_argv[1],
    coalesce('n.' || quote_ident(nullif(tg_argv[2], '')), 'null::uuid'),
    coalesce('n.' || quote_ident(nullif(tg_argv[3], '')), 'null::timestamptz'),
    coalesce('n.' || quote_ident(nullif(tg_argv[4], '')), 'null::timestamptz'),
    coalesce('n.' || quote_ident(nullif(tg_argv[5], '')), 'null::text')
  );
  v_registered bigint;
  v_kind text;
begin
  -- Two statements and no upsert, which would use up a number for every row that it updates.
  if tg_op = 'INSERT' then
    execute format(
      'insert into medley.items (id, kind, title, owner_id, published_at, expires_at, visibility) '
      'select r.id, r.kind, r.title, r.owner_id, coalesce(r.published_at, now()), r.expires_at, '
      'coalesce(r.visibility, ''public'') from (%s) as r '
      'on conflict (id) do nothing',
      v_rows
    );
    get diagnostics v_registered = row_count;
    if v_registered = (select count(*) from new_rows) then
      return null;
    end if;
  end if;
  if tg_op = 'INSERT' or tg_argv[0] = '' then
    execute format(
      'select i.kind from (%s) as r inner join medley.items as i on r.id = i.id where i.kind <> r.kind limit 1', v_rows
    ) into v_kind;
    if v_kind is not null then
      perform medley.fail('conflict', format('an id is already registered with the kind %s', v_kind), 'id',
        'An item keeps its kind; choose a new id.');
    end if;
  end if;

  execute format(
    'update medley.items as i set title = r.title, owner_id = r.owner_id, '
    'published_at = coalesce(r.published_at, i.published_at), expires_at = r.expires_at, '
    'visibility = coalesce(r.visibility, i.visibility) '
    'from (%s) as r where i.id = r.id '
    'and (i.title, i.owner_id, i.published_at, i.expires_at, i.visibility) is distinct from '
    '(r.title, r.owner_id, coalesce(r.published_at, i.published_at), r.expires_at, coalesce(r.visibility, i.visibility))',
    v_rows
  );
  return null;
end;
$$;

comment on function medley.register_catalogue_rows() is
  'Statement trigger with transition table new_rows: registers the rows of a catalogue table, or follows their changes. '
  'Arguments: kind ('''''' where the rows have a column kind), and the names of the columns for title, owner, published_at, '
  'expires_at and visibility ('''''' or left out where there is none: new items are then public, and it stays as it is). '
  'Errors: conflict (the id is registered with another kind).';
revoke all on function medley.register_catalogue_rows() from public, anon, authenticated, service_role;

create or replace function medley.unregister_catalogue_rows()
returns trigger
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
begin
  delete from medley.items as i
  using old_rows as o
  where i.id = o.id;
  return null;
end;
$$;

comment on function medley.unregister_catalogue_rows() is
  'Statement trigger with transition table old_rows: a deleted catalogue row leaves the registry too.';
revoke all on function medley.unregister_catalogue_rows() from public, anon, authenticated, service_role;

create or replace function medley.register_items(p_items jsonb)
returns table (item_id uuid, status text)
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_written bigint;
  v_kind text;
begin
  if p_items is null or jsonb_typeof(p_items) <> 'array' then
    perform medley.fail('invalid_argument', 'p_items must be an array of objects', 'p_items',
      'Pass [{"id", "kind", "title", ...}, ...].');
  end if;
  if jsonb_array_length(p_items) > 10000 then
    perform medley.fail('too_large', format('p_items holds %s items', jsonb_array_length(p_items)), 'p_items',
      'Register at most 10,000 items a call.');
  end if;

  select i.item ->> 'kind' into v_kind
  from jsonb_array_elements(p_items) as i (item)
  where not exists (select from medley.item_kinds as k where k.kind = i.item ->> 'kind')
  limit 1;
  if found then
    perform medley.fail('invalid_argument', format('there is no kind %s', left(v_kind, 100)), 'p_items',
      'Insert it into medley.item_kinds first; nothing was written.');
  end if;

  return query
  with given as materialized (
    select
      coalesce(r.id, gen_random_uuid()) as id,
      r.kind,
      r.title,
      r.owner_id,
      r.visibility,
      r.published_at,
      r.expires_at,
      r.place
    from rows from (
      jsonb_to_recordset(p_items) as (
        id uuid, kind text, title text, owner_id uuid, visibility text, published_at timestamptz, expires_at timestamptz
      )
    ) with ordinality as r (id, kind, title, owner_id, visibility, published_at, expires_at, place)
  ),

  written as (
    insert into medley.items as i (id, kind, title, owner_id, visibility, published_at, expires_at)
    select
      g.id, g.kind, g.title, g.owner_id, coalesce(g.visibility, 'public'), coalesce(g.published_at, now()), g.expires_at
    from given as g
    -- Every call takes its locks in this order, so two calls never wait for each other.
    order by g.id
    on conflict (id) do update
    set
      title = excluded.title,
      owner_id = excluded.owner_id,
      visibility = excluded.visibility,
      expires_at = excluded.expires_at
    where i.kind = excluded.kind
    returning i.id, case when i.xmax = 0 then 'registered' else 'updated' end as status
  )

  select w.id, w.status
  from given as g
  inner join written as w on g.id = w.id
  order by g.place;

  get diagnostics v_written = row_count;
  if v_written < jsonb_array_length(p_items) then
    perform medley.fail('conflict', 'an item is already registered with another kind', 'p_items',
      'An item keeps its kind; register a new id. Nothing was written.');
  end if;
exception
  -- Bad ids and times, unknown owners, empty titles, the same id twice: the caller's data, not our fault.
  when data_exception or integrity_constraint_violation or cardinality_violation then
    perform medley.fail('invalid_argument', sqlerrm, 'p_items', 'Correct the item; nothing was written.');
end;
$$;

comment on function medley.register_items(jsonb) is
  'Writes up to 10,000 items of an app''s own kinds into the registry; a known id updates its row, all but published_at. '
  'Returns one row an item, in their order. '
  'Errors: invalid_argument, conflict (another kind), too_large.';
revoke all on function medley.register_items(jsonb) from public, anon, authenticated, service_role;
grant execute on function medley.register_items(jsonb) to service_role;

-- sql/core/items/find.sql
-- Items by name: where an app or a person has a name and needs the id.
-- The index leaves out what belongs to members (posts, say): writing those costs nothing here.
create extension if not exists pg_trgm with schema extensions;

create index items_title_idx on medley.items using gin (title extensions.gin_trgm_ops) where owner_id is null;
-- The name itself, whatever else is like it, and if it has nothing to make a trigram of: "!!!" is a band. No query is
-- longer.
create index items_name_idx on medley.items (lower(left(title, 200))) where owner_id is null;

create or replace function medley.find_items(p_query text, p_kind text, p_limit int, p_user_id uuid)
returns table (item_id uuid, kind text, title text, score real)
language plpgsql stable parallel safe security definer
-- What it costs to compare names is more than the planner knows: it would read them all, in hope of an early end.
set search_path = '' set plan_cache_mode = force_custom_plan set enable_seqscan = off set enable_indexscan = off
as $$
declare
  -- So many names with the same part are compared: any of them, where there are more.
  c_compared constant int := 10000;
  -- What is in the catalogue is for everybody.
  v_user_id uuid := medley.reading_user(p_user_id);
  v_limit int := medley.check_limit(p_limit);
  v_name text := btrim(regexp_replace(p_query, '\s+', ' ', 'g'));
  -- Letters of the pattern that would mean something else in it lose their meaning.
  v_within text := '%' || regexp_replace(v_name, '([\\%_])', '\\\1', 'g') || '%';
  -- Without trigrams the index would be read from end to end; a part of a word has one from three letters on.
  v_has_trigrams boolean := cardinality(extensions.show_trgm(v_name)) > 0;
  v_has_part boolean := v_has_trigrams and v_name ~ '[[:alnum:]]{3}';
  v_found int[];
begin
  perform medley.check_kind(p_kind);
  if coalesce(length(v_name), 0) not between 1 and 200 then
    perform medley.fail('invalid_argument', 'p_query must have 1 to 200 characters', 'p_query', 'Pass a name, or a part of it.');
  end if;

  v_found := array(
    (
      select i.item_no
      from medley.items as i
      where lower(left(i.title, 200)) = lower(v_name)
        and i.owner_id is null and i.visibility = 'public' and (p_kind is null or i.kind = p_kind)
      limit v_limit
    )
    union all
    (
      select i.item_no
      from medley.items as i
      where v_has_part and i.title ilike v_within
        and i.owner_id is null and i.visibility = 'public' and (p_kind is null or i.kind = p_kind)
      limit c_compared
    )
    union all
    select i.item_no
    from medley.items as i
    where i.owner_id = v_user_id
      and (
        i.title ilike v_within or i.title operator(extensions.%>) v_name or i.title operator(extensions.%) v_name
      )
      and (p_kind is null or i.kind = p_kind)
  );
  -- Words of it, and names with a letter wrong, cost the most: only where those do not fill the page. One way of being
  -- alike after the other, for together they would look dearer to the planner than reading every name.
  if v_has_trigrams and cardinality(v_found) < v_limit then
    v_found := v_found || array(
      (
        select i.item_no
        from medley.items as i
        where i.title operator(extensions.%>) v_name
          and i.owner_id is null and i.visibility = 'public' and (p_kind is null or i.kind = p_kind)
        limit c_compared
      )
      union all
      (
        select i.item_no
        from medley.items as i
        where i.title operator(extensions.%) v_name
          and i.owner_id is null and i.visibility = 'public' and (p_kind is null or i.kind = p_kind)
        limit c_compared
      )
    );
  end if;

  return query
  select i.id, i.kind, i.title, s.likeness
  from (select distinct f.item_no from unnest(v_found) as f (item_no)) as n
  inner join medley.items as i on n.item_no = i.item_no
  cross join lateral (
    select case
      when lower(left(i.title, 200)) = lower(v_name) then 1
      else extensions.similarity(i.title, v_name)
    end as likeness
  ) as s
  order by s.likeness desc, i.item_no
  limit v_limit;
end;
$$;

comment on function medley.find_items(text, text, int, uuid) is
  'Items by name; see public.find_items. Errors: those of acting_user, invalid_argument.';
revoke all on function medley.find_items(text, text, int, uuid) from public, anon, authenticated, service_role;
grant execute on function medley.find_items(text, text, int, uuid) to anon, authenticated, service_role;

-- sql/core/items/api.sql
-- The API of the registry.
create or replace function public.register_items(p_items jsonb)
returns table (item_id uuid, status text)
language sql volatile parallel unsafe security invoker set search_path = ''
as $$
  select r.item_id, r.status
  from medley.register_items(p_items) as r
$$;

comment on function public.register_items(jsonb) is
  'Registers or updates up to 10,000 items of an app''s own kinds (secret key only). p_items: '
  '[{"id": uuid, "kind": text, "title": text, "owner_id": uuid, "visibility": "public|followers|private", '
  '"published_at": time, "expires_at": time}]; kind and title are required. '
  'A known id updates its row, all but published_at. '
  'Returns item_id and status (registered or updated) of each, in their order. Errors: invalid_argument, conflict, too_large.';
revoke all on function public.register_items(jsonb) from public, anon, authenticated, service_role;
grant execute on function public.register_items(jsonb) to service_role;

create or replace function public.find_items(
  p_query text,
  p_kind text default null,
  p_limit int default 20,
  p_user_id uuid default null
)
returns table (item_id uuid, kind text, title text, score real)
language sql stable parallel safe security invoker set search_path = ''
as $$
  select f.item_id, f.kind, f.title, f.score
  from medley.find_items(p_query, p_kind, p_limit, p_user_id) as f
$$;

comment on function public.find_items(text, text, int, uuid) is
  'Items by name, of p_kind or of all kinds: p_query is a part of the name (three characters or more) or words of it, '
  'also with a letter wrong; case does not matter. Best first, by score: how much of both names is the same, 0 to 1. '
  'Found are items of the catalogue, which belong to nobody, and the caller''s own. p_limit: 1 to 200. p_user_id: for the '
  'secret key only. Errors: invalid_argument, unauthenticated, forbidden, not_found (the member).';
revoke all on function public.find_items(text, text, int, uuid) from public, anon, authenticated, service_role;
grant execute on function public.find_items(text, text, int, uuid) to anon, authenticated, service_role;

-- sql/core/items/policies.sql
-- The registry is the engine's; members read it through the catalogue tables and write follows of their own.
alter table medley.item_kinds enable row level security;
revoke all on medley.item_kinds from public, anon, authenticated, service_role;

alter table medley.items enable row level security;
revoke all on medley.items from public, anon, authenticated, service_role;

alter table public.item_follows enable row level security;
revoke all on public.item_follows from public, anon, authenticated, service_role;
grant select, delete on public.item_follows to authenticated;
grant insert (user_id, item_id, notifications_enabled), update (user_id, item_id, notifications_enabled)
on public.item_follows to authenticated;
grant select, insert, update, delete on public.item_follows to service_role;

create policy item_follows_select on public.item_follows
for select to authenticated using (user_id = (select auth.uid()));

create policy item_follows_insert on public.item_follows
for insert to authenticated
with check (user_id = (select auth.uid()) and medley.visible_to((select auth.uid()), item_id));

-- An upsert of a follow that exists is an update to the same.
create policy item_follows_update on public.item_follows
for update to authenticated
using (user_id = (select auth.uid()))
with check (user_id = (select auth.uid()) and medley.visible_to((select auth.uid()), item_id));

create policy item_follows_delete on public.item_follows
for delete to authenticated using (user_id = (select auth.uid()));
