-- Where items can be had, and which platforms members have.
create or replace function medley.replace_item_availability(
  p_item_ids uuid[],
  p_items uuid[],
  p_platforms text[],
  p_countries text[],
  p_from timestamptz[],
  p_until timestamptz[]
)
returns bigint
language plpgsql volatile parallel unsafe security definer set search_path = '' set plan_cache_mode = force_custom_plan
as $$
declare
  v_items uuid[] := array(select distinct i.id from unnest(p_item_ids) as i (id) where i.id is not null);
  v_count int := coalesce(cardinality(p_items), 0);
  v_changed bigint;
begin
  if coalesce(cardinality(p_platforms), 0) <> v_count
    or coalesce(cardinality(p_countries), v_count) <> v_count
    or coalesce(cardinality(p_from), v_count) <> v_count
    or coalesce(cardinality(p_until), v_count) <> v_count
  then
    perform medley.fail('invalid_argument', 'the arrays differ in length', 'p_items',
      'Pass one item and platform at each place, and countries and times for all or none.');
  end if;
  if exists (
    select from unnest(p_items, p_platforms, p_countries, p_from, p_until)
      as u (id, platform, country, available_from, available_until)
    where u.id is null
      or not exists (select from unnest(v_items) as i (id) where i.id = u.id)
      or u.platform is null
      or length(btrim(u.platform)) not between 1 and 100
      or coalesce(u.country, '') !~ '^([A-Za-z]{2})?$'
      or coalesce(u.available_from, '-infinity') >= coalesce(u.available_until, 'infinity')
  ) then
    perform medley.fail('invalid_argument',
      'an entry names no item of p_item_ids, a bad platform or country, or ends before it begins', 'p_items',
      'A platform has 1 to 100 characters, a country two letters or none.');
  end if;
  perform medley.lock_items(v_items);

  with wanted as materialized (
    select
      i.item_no,
      lower(btrim(u.platform)) as platform,
      upper(coalesce(u.country, '')) as country,
      coalesce(u.available_from, '-infinity') as available_from,
      max(coalesce(u.available_until, 'infinity')) as available_until
    from unnest(p_items, p_platforms, p_countries, p_from, p_until)
      as u (id, platform, country, available_from, available_until)
    inner join medley.items as i on u.id = i.id
    group by 1, 2, 3, 4
  ),

  removed as (
    delete from medley.item_availability as a
    using unnest(v_items) as u (id), medley.items as i
    where u.id = i.id
      and a.item_no = i.item_no
      and not exists (
        select from wanted as w
        where (w.item_no, w.platform, w.country, w.available_from) = (a.item_no, a.platform, a.country, a.available_from)
      )
    returning 1
  ),

  written as (
    insert into medley.item_availability as a (item_no, platform, country, available_from, available_until)
    select w.item_no, w.platform, w.country, w.available_from, w.available_until
    from wanted as w
    order by w.item_no, w.platform, w.country, w.available_from
    on conflict (item_no, platform, country, available_from) do update
    set available_until = excluded.available_until
    where a.available_until <> excluded.available_until
    returning 1
  )

  select (select count(*) from removed) + (select count(*) from written) into v_changed;
  return v_changed;
end;
$$;

comment on function medley.replace_item_availability(uuid[], uuid[], text[], text[], timestamptz[], timestamptz[]) is
  'Replaces the availability of the items p_item_ids by the rows of the arrays: item, platform, country (empty or null: '
  'everywhere), from (null: always) and until (null: no end). An item that stands in p_item_ids only has none afterwards. '
  'Only differences are written; returns how many rows changed. Errors: invalid_argument, not_found (unknown item).';
revoke all on function medley.replace_item_availability(uuid[], uuid[], text[], text[], timestamptz[], timestamptz[])
from public, anon, authenticated, service_role;

create or replace function medley.set_platform_subscription(p_user_id uuid, p_platform text, p_has_subscription boolean)
returns void
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_user_id uuid := medley.acting_user(p_user_id);
  v_user_no int;
begin
  if p_platform is null or length(btrim(p_platform)) not between 1 and 100 or p_has_subscription is null then
    perform medley.fail('invalid_argument', 'a platform has 1 to 100 characters, and one has it or not', 'p_platform',
      'Pass the name of the platform and true or false.');
  end if;
  if not exists (select from auth.users as u where u.id = v_user_id) then
    perform medley.fail('not_found', format('there is no member %s', v_user_id), 'p_user_id', 'Name an account.');
  end if;
  select m.user_no into strict v_user_no
  from medley.member_numbers(array[v_user_id]) as m;

  if p_has_subscription and (
    select count(*) from medley.platform_user_preferences as p where p.user_no = v_user_no and p.has_subscription
  ) >= 100 then
    perform medley.fail('too_large', 'the member has 100 subscriptions', 'p_platform', 'End one first.');
  end if;

  insert into medley.platform_user_preferences as p (user_no, platform_name, has_subscription)
  values (v_user_no, lower(btrim(p_platform)), p_has_subscription)
  on conflict (user_no, platform_name) do update
  set has_subscription = excluded.has_subscription, last_updated = now()
  where p.has_subscription <> excluded.has_subscription;
end;
$$;

comment on function medley.set_platform_subscription(uuid, text, boolean) is
  'Notes that the member has, or no longer has, a subscription; see public.set_platform_subscription. '
  'Errors: those of acting_user, invalid_argument, not_found, too_large (over 100 of them).';
revoke all on function medley.set_platform_subscription(uuid, text, boolean)
from public, anon, authenticated, service_role;
grant execute on function medley.set_platform_subscription(uuid, text, boolean) to authenticated, service_role;
