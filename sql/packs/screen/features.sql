-- What the engine knows of titles besides their genres: who made them, what they deal with, where they can be seen.
insert into medley.feature_types (feature_type, weight, is_creator, description)
values
  ('director', 1.5, true, 'Who directed it, by name.'),
  ('creator', 1.5, true, 'Who created the series, by name.'),
  ('cast', 1, false, 'Who acts in it, by name; the first names weigh most.'),
  ('writer', 0.7, false, 'Who wrote it, by name.'),
  ('composer', 0.5, false, 'Who wrote the music, by name.'),
  ('producer', 0.3, false, 'Who produced it, by name.'),
  ('keyword', 1, false, 'What it deals with, or what members call it; lower case.'),
  ('series', 2, false, 'The film or series that it is a part of, by id; the series has it too.'),
  ('platform', 0.2, false, 'Where it can be seen now.'),
  ('language', 0.3, false, 'Original language.'),
  ('country', 0.3, false, 'Where it comes from, or where it happens.'),
  ('decade', 0.3, false, 'The ten years of its first release, such as 1990s.')
on conflict (feature_type) do nothing;

-- No SET: it inlines into the queries of definer functions, which alone may run it.
create or replace function medley.title_feature_rows(p_title_ids uuid[], p_as_of timestamptz)
returns table (title_id uuid, feature_type text, feature_value text, weight real)
language sql stable parallel safe security invoker
begin atomic
  with titles as (
    select
      t.id,
      t.keywords,
      t.language,
      t.country,
      coalesce(t.year, extract(year from t.released_on))::int / 10 * 10 as decade,
      case
        when t.parent_id is not null then t.parent_id
        when exists (select from public.titles as p where p.parent_id = t.id) then t.id
      end as series_id
    from unnest(p_title_ids) as w (id)
    inner join public.titles as t on t.id = w.id
  ),

  named as (
    select t.id, f.feature_type, f.feature_value, 1::real as weight
    from titles as t
    cross join lateral (
      values
        ('language', t.language), ('country', t.country), ('decade', t.decade || 's'), ('series', t.series_id::text)
    ) as f (feature_type, feature_value)
    union all
    select t.id, 'keyword', lower(k.keyword), 1
    from titles as t
    cross join lateral unnest(t.keywords) as k (keyword)
    union all
    select c.title_id, c.role, p.name, 1 / sqrt(c.position)
    from titles as t
    inner join public.title_credits as c on c.title_id = t.id
    inner join public.people as p on p.id = c.person_id
    union all
    select o.title_id, 'platform', o.platform_id, 1
    from titles as t
    inner join public.title_platforms as o on o.title_id = t.id
    where (o.available_from is null or o.available_from <= p_as_of)
      and (o.available_until is null or o.available_until > p_as_of)
  )

  select n.id, n.feature_type, left(btrim(n.feature_value), 200), max(n.weight)
  from named as n
  where btrim(n.feature_value) <> ''
  group by n.id, n.feature_type, left(btrim(n.feature_value), 200);
end;

comment on function medley.title_feature_rows(uuid[], timestamptz) is
  'The features that these titles have at p_as_of, genres left out: those follow item_genres.';
revoke all on function medley.title_feature_rows(uuid[], timestamptz) from public, anon, authenticated, service_role;

create or replace function medley.registered_titles(p_title_ids uuid[])
returns table (id uuid)
language sql stable parallel safe security invoker
begin atomic
  select distinct t.id
  from unnest(p_title_ids) as w (id)
  inner join public.titles as t on t.id = w.id
  inner join medley.items as i on i.id = t.id;
end;

comment on function medley.registered_titles(uuid[]) is
  'Those of these titles that are there, each once: one that is being deleted has nothing to keep.';
revoke all on function medley.registered_titles(uuid[]) from public, anon, authenticated, service_role;

-- One title or ten thousand: each call is planned for its own array.
create or replace function medley.refresh_title_features(p_title_ids uuid[], p_as_of timestamptz)
returns bigint
language plpgsql volatile parallel unsafe security definer
set search_path = '' set plan_cache_mode = force_custom_plan
as $$
declare
  v_title_ids uuid[] := array(select r.id from medley.registered_titles(p_title_ids) as r);
  v_items uuid[];
  v_types text[];
  v_values text[];
  v_weights real[];
begin
  if v_title_ids = '{}' then
    return 0;
  end if;
  -- The dictionary before the items: locks are taken in one order everywhere.
  perform medley.ensure_features(array_agg(r.feature_type), array_agg(r.feature_value))
  from medley.title_feature_rows(v_title_ids, p_as_of) as r;
  -- Two sessions that write credits of one title: the second waits here and then sees what the first wrote.
  perform medley.lock_items(v_title_ids);
  select array_agg(r.title_id), array_agg(r.feature_type), array_agg(r.feature_value), array_agg(r.weight)
  into v_items, v_types, v_values, v_weights
  from medley.title_feature_rows(v_title_ids, p_as_of) as r;
  return medley.replace_item_features(
    'screen', v_title_ids, coalesce(v_items, '{}'), coalesce(v_types, '{}'), coalesce(v_values, '{}'),
    coalesce(v_weights, '{}')
  );
end;
$$;

comment on function medley.refresh_title_features(uuid[], timestamptz) is
  'Makes the features of these titles equal to what the catalogue says at p_as_of. '
  'Returns what replace_item_features returns.';
revoke all on function medley.refresh_title_features(uuid[], timestamptz)
from public, anon, authenticated, service_role;

create or replace function medley.refresh_title_availability(p_title_ids uuid[])
returns bigint
language plpgsql volatile parallel unsafe security definer
set search_path = '' set plan_cache_mode = force_custom_plan
as $$
declare
  v_title_ids uuid[] := array(select r.id from medley.registered_titles(p_title_ids) as r);
  v_items uuid[];
  v_platforms text[];
  v_countries text[];
  v_from timestamptz[];
  v_until timestamptz[];
begin
  if v_title_ids = '{}' then
    return 0;
  end if;
  perform medley.lock_items(v_title_ids);
  select
    array_agg(o.title_id), array_agg(o.platform_id), array_agg(o.country),
    array_agg(coalesce(o.available_from, '-infinity')), array_agg(coalesce(o.available_until, 'infinity'))
  into v_items, v_platforms, v_countries, v_from, v_until
  from unnest(v_title_ids) as w (id)
  inner join public.title_platforms as o on o.title_id = w.id;
  return medley.replace_item_availability(
    v_title_ids, coalesce(v_items, '{}'), coalesce(v_platforms, '{}'), coalesce(v_countries, '{}'),
    coalesce(v_from, '{}'), coalesce(v_until, '{}')
  );
end;
$$;

comment on function medley.refresh_title_availability(uuid[]) is
  'Makes the availability of these titles equal to their offers. '
  'Returns what replace_item_availability returns.';
revoke all on function medley.refresh_title_availability(uuid[]) from public, anon, authenticated, service_role;

create or replace function medley.follow_titles()
returns trigger
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_title_ids uuid[];
begin
  -- A part gives the feature series to its parent.
  if tg_op = 'INSERT' then
    select array_agg(c.id) into v_title_ids
    from (select n.id from new_rows as n union select n.parent_id from new_rows as n) as c;
  elsif tg_op = 'DELETE' then
    select array_agg(distinct o.parent_id) into v_title_ids from old_rows as o;
  else
    select array_agg(distinct c.id) into v_title_ids
    from new_rows as n
    inner join old_rows as o on o.id = n.id
    cross join lateral (values (n.id), (n.parent_id), (o.parent_id)) as c (id)
    where (n.keywords, n.language, n.country, n.year, n.released_on, n.parent_id)
      is distinct from (o.keywords, o.language, o.country, o.year, o.released_on, o.parent_id);
  end if;
  perform medley.refresh_title_features(v_title_ids, now());
  return null;
end;
$$;

comment on function medley.follow_titles() is 'Statement trigger with transition tables: the features of titles follow at once.';
revoke all on function medley.follow_titles() from public, anon, authenticated, service_role;

create or replace function medley.follow_people()
returns trigger
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
begin
  perform medley.refresh_title_features(array_agg(c.title_id), now())
  from new_rows as n
  inner join old_rows as o on o.id = n.id
  inner join public.title_credits as c on c.person_id = n.id
  where n.name <> o.name;
  return null;
end;
$$;

comment on function medley.follow_people() is
  'Statement trigger with transition tables: the features of titles follow when somebody is renamed.';
revoke all on function medley.follow_people() from public, anon, authenticated, service_role;

create or replace function medley.follow_title_links()
returns trigger
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_title_ids uuid[];
begin
  if tg_op = 'INSERT' then
    select array_agg(distinct n.title_id) into v_title_ids from new_rows as n;
  elsif tg_op = 'DELETE' then
    select array_agg(distinct o.title_id) into v_title_ids from old_rows as o;
  else
    select array_agg(c.title_id) into v_title_ids
    from (select n.title_id from new_rows as n union select o.title_id from old_rows as o) as c;
  end if;
  perform medley.refresh_title_features(v_title_ids, now());
  if tg_table_name = 'title_platforms' then
    perform medley.refresh_title_availability(v_title_ids);
  end if;
  return null;
end;
$$;

comment on function medley.follow_title_links() is
  'Statement trigger with transition tables on title_credits and title_platforms: features, and availability, follow at once.';
revoke all on function medley.follow_title_links() from public, anon, authenticated, service_role;

create or replace function medley.set_offer_change()
returns trigger
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
begin
  new.changes_at := case
    when new.available_from > now() then new.available_from
    when new.available_until > now() then new.available_until
  end;
  return new;
end;
$$;

comment on function medley.set_offer_change() is 'Row trigger on title_platforms: changes_at follows the window and the clock.';
revoke all on function medley.set_offer_change() from public, anon, authenticated, service_role;

create or replace function medley.follow_title_platforms(p_limit int)
returns bigint
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_offers bigint;
begin
  -- The triggers do the work: what changes next is set anew, and the titles follow.
  with due as (
    select o.offer_no
    from public.title_platforms as o
    where o.changes_at <= now()
    order by o.changes_at
    limit p_limit
    for update skip locked
  )

  update public.title_platforms as o
  set changes_at = null
  from due as d
  where o.offer_no = d.offer_no;
  get diagnostics v_offers = row_count;
  return v_offers;
end;
$$;

comment on function medley.follow_title_platforms(int) is
  'Brings the features of titles in line with up to p_limit offers that began or ended since. '
  'Returns how many it took; call until that is less than p_limit.';
revoke all on function medley.follow_title_platforms(int) from public, anon, authenticated, service_role;

create trigger titles_3_features_insert
after insert on public.titles referencing new table as new_rows
for each statement execute function medley.follow_titles();
create trigger titles_3_features_update
after update on public.titles referencing old table as old_rows new table as new_rows
for each statement execute function medley.follow_titles();
create trigger titles_3_features_delete
after delete on public.titles referencing old table as old_rows
for each statement execute function medley.follow_titles();
create trigger people_features_update
after update on public.people referencing old table as old_rows new table as new_rows
for each statement execute function medley.follow_people();
create trigger title_credits_features_insert
after insert on public.title_credits referencing new table as new_rows
for each statement execute function medley.follow_title_links();
create trigger title_credits_features_update
after update on public.title_credits referencing old table as old_rows new table as new_rows
for each statement execute function medley.follow_title_links();
create trigger title_credits_features_delete
after delete on public.title_credits referencing old table as old_rows
for each statement execute function medley.follow_title_links();
create trigger title_platforms_changes
before insert or update on public.title_platforms
for each row execute function medley.set_offer_change();
create trigger title_platforms_features_insert
after insert on public.title_platforms referencing new table as new_rows
for each statement execute function medley.follow_title_links();
create trigger title_platforms_features_update
after update on public.title_platforms referencing old table as old_rows new table as new_rows
for each statement execute function medley.follow_title_links();
create trigger title_platforms_features_delete
after delete on public.title_platforms referencing old table as old_rows
for each statement execute function medley.follow_title_links();
