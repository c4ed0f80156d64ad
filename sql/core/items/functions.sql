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
