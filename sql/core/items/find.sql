-- Items by name: where an app or a person has a name and needs the id.
-- The index leaves out what belongs to members (posts, say): writing those costs nothing here.
create extension if not exists pg_trgm with schema extensions;

create index items_title_idx on medley.items using gin (title extensions.gin_trgm_ops) where owner_id is null;

create or replace function medley.find_items(p_query text, p_kind text, p_limit int, p_user_id uuid)
returns table (item_id uuid, kind text, title text, score real)
language plpgsql stable parallel safe security definer
-- What it costs to compare names is more than the planner knows.
set search_path = '' set plan_cache_mode = force_custom_plan set enable_seqscan = off
as $$
declare
  -- What is in the catalogue is for everybody.
  v_user_id uuid := case when p_user_id is null then auth.uid() else medley.acting_user(p_user_id) end;
  v_limit int := medley.check_limit(p_limit);
  v_name text := regexp_replace(btrim(p_query), '\s+', ' ', 'g');
  -- Letters of the pattern that would mean something else in it lose their meaning.
  v_within text := '%' || regexp_replace(v_name, '([\\%_])', '\\\1', 'g') || '%';
begin
  perform medley.check_kind(p_kind);
  if coalesce(length(v_name), 0) not between 1 and 200 then
    perform medley.fail('invalid_argument', 'p_query must have 1 to 200 characters', 'p_query', 'Pass a name, or a part of it.');
  end if;

  return query
  -- An arm for each way of being alike: together they would look dearer to the planner than reading every name.
  with named as materialized (
    (
      select i.id, i.item_no, i.kind, i.title
      from medley.items as i
      where i.title ilike v_within
        -- Parts shorter than three letters are in no index.
        and length(v_name) > 2
        and i.owner_id is null and i.visibility = 'public' and (p_kind is null or i.kind = p_kind)
      limit 10000
    )
    union
    (
      select i.id, i.item_no, i.kind, i.title
      from medley.items as i
      where i.title operator(extensions.%>) v_name
        and i.owner_id is null and i.visibility = 'public' and (p_kind is null or i.kind = p_kind)
      limit 10000
    )
    union
    (
      select i.id, i.item_no, i.kind, i.title
      from medley.items as i
      where i.title operator(extensions.%) v_name
        and i.owner_id is null and i.visibility = 'public' and (p_kind is null or i.kind = p_kind)
      limit 10000
    )
    union
    select i.id, i.item_no, i.kind, i.title
    from medley.items as i
    where i.owner_id = v_user_id
      and (
        i.title ilike v_within or i.title operator(extensions.%>) v_name or i.title operator(extensions.%) v_name
      )
      and (p_kind is null or i.kind = p_kind)
  )

  select n.id, n.kind, n.title, s.similarity
  from named as n
  cross join lateral (select extensions.similarity(n.title, v_name) as similarity) as s
  order by s.similarity desc, n.item_no
  limit v_limit;
end;
$$;

comment on function medley.find_items(text, text, int, uuid) is
  'Items by name; see public.find_items. Errors: those of acting_user, invalid_argument.';
revoke all on function medley.find_items(text, text, int, uuid) from public, anon, authenticated, service_role;
grant execute on function medley.find_items(text, text, int, uuid) to anon, authenticated, service_role;
