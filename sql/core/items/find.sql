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
