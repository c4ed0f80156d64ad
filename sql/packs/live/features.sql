-- What the engine knows of artists, events and songs besides their genres: who plays, where, and from where they come.
-- An artist has itself as a feature and its events and songs have the same one: who likes the one finds the other.
insert into medley.feature_types (feature_type, weight, is_creator, description)
values
  ('artist', 2, true, 'Who plays, by id; the artist has it too.'),
  ('venue', 0.5, false, 'Where it happens, by id; the venue has it too.'),
  ('city', 0.5, false, 'The city where it happens.'),
  ('country', 0.3, false, 'Where it comes from, or where it happens.'),
  ('decade', 0.3, false, 'The ten years of its first release, such as 1990s.')
on conflict (feature_type) do nothing;

-- No SET: it inlines into the queries of definer functions, which alone may run it.
create or replace function medley.live_feature_rows(p_item_ids uuid[])
returns table (item_id uuid, feature_type text, feature_value text, weight real)
language sql stable parallel safe security invoker
begin atomic
  with places as (
    -- A venue is where it is, an event where its venue is.
    select v.id as item_id, v.id as venue_id
    from unnest(p_item_ids) as w (id)
    inner join public.venues as v on v.id = w.id
    union all
    select e.id, e.venue_id
    from unnest(p_item_ids) as w (id)
    inner join public.events as e on e.id = w.id
  ),

  named as (
    select a.id as item_id, f.feature_type, f.feature_value, 1::real as weight
    from unnest(p_item_ids) as w (id)
    inner join public.artists as a on a.id = w.id
    cross join lateral (values ('artist', a.id::text), ('country', a.country)) as f (feature_type, feature_value)
    union all
    select e.id, 'artist', e.headliner_artist_id::text, 1
    from unnest(p_item_ids) as w (id)
    inner join public.events as e on e.id = w.id
    union all
    select b.event_id, 'artist', b.artist_id::text, 1 / sqrt(1 + b.billing_order)
    from unnest(p_item_ids) as w (id)
    inner join public.event_artists as b on b.event_id = w.id
    union all
    select l.song_id, 'artist', l.artist_id::text, case when l.is_primary_artist then 1 else 0.7 end
    from unnest(p_item_ids) as w (id)
    inner join public.artist_songs as l on l.song_id = w.id
    union all
    select s.id, 'decade', extract(year from s.release_date)::int / 10 * 10 || 's', 1
    from unnest(p_item_ids) as w (id)
    inner join public.songs as s on s.id = w.id
    union all
    select p.item_id, f.feature_type, f.feature_value, 1
    from places as p
    inner join public.venues as v on v.id = p.venue_id
    cross join lateral (
      values
        ('venue', v.id::text), ('country', v.country),
        ('city', case when v.city is not null then concat_ws(', ', v.city, v.region, v.country) end)
    ) as f (feature_type, feature_value)
  )

  select n.item_id, n.feature_type, left(btrim(n.feature_value), 200), max(n.weight)
  from named as n
  where btrim(n.feature_value) <> ''
  group by n.item_id, n.feature_type, left(btrim(n.feature_value), 200);
end;

comment on function medley.live_feature_rows(uuid[]) is
  'The features of these artists, venues, events and songs, genres left out: those follow item_genres.';
revoke all on function medley.live_feature_rows(uuid[]) from public, anon, authenticated, service_role;

-- One item or ten thousand: each call is planned for its own array.
create or replace function medley.refresh_live_features(p_item_ids uuid[])
returns bigint
language plpgsql volatile parallel unsafe security definer
set search_path = '' set plan_cache_mode = force_custom_plan
as $$
declare
  -- An item that is being deleted has no features to keep.
  v_item_ids uuid[] := array(
    select distinct i.id
    from unnest(p_item_ids) as w (id)
    inner join medley.items as i on i.id = w.id
  );
  v_items uuid[];
  v_types text[];
  v_values text[];
  v_weights real[];
begin
  if v_item_ids = '{}' then
    return 0;
  end if;
  -- The dictionary before the items: locks are taken in one order everywhere.
  perform medley.ensure_features(array_agg(r.feature_type), array_agg(r.feature_value))
  from medley.live_feature_rows(v_item_ids) as r;
  -- Two sessions that write the bill of one event: the second waits here and then sees what the first wrote.
  perform medley.lock_items(v_item_ids);
  select array_agg(r.item_id), array_agg(r.feature_type), array_agg(r.feature_value), array_agg(r.weight)
  into v_items, v_types, v_values, v_weights
  from medley.live_feature_rows(v_item_ids) as r;
  return medley.replace_item_features(
    'live', v_item_ids, coalesce(v_items, '{}'), coalesce(v_types, '{}'), coalesce(v_values, '{}'),
    coalesce(v_weights, '{}')
  );
end;
$$;

comment on function medley.refresh_live_features(uuid[]) is
  'Makes the features of these artists, venues, events and songs equal to what the catalogue says. '
  'Returns what replace_item_features returns.';
revoke all on function medley.refresh_live_features(uuid[]) from public, anon, authenticated, service_role;

create or replace function medley.backfill_live_features(p_batch int default 20000)
returns bigint
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_last int := 0;
  v_items uuid[];
  v_rows bigint := 0;
begin
  loop
    select max(b.item_no), array_agg(b.id) into v_last, v_items
    from (
      select i.item_no, i.id
      from medley.items as i
      where i.item_no > v_last and i.kind in ('artist', 'venue', 'event', 'song')
      order by i.item_no
      limit p_batch
    ) as b;
    exit when v_last is null;
    v_rows := v_rows + medley.refresh_live_features(v_items);
  end loop;
  return v_rows;
end;
$$;

comment on function medley.backfill_live_features(int) is
  'Brings the features of every artist, venue, event and song in line with the catalogue, p_batch items at a time: for rows that '
  'were loaded with triggers off. Returns the sum of what replace_item_features returns.';
revoke all on function medley.backfill_live_features(int) from public, anon, authenticated, service_role;
grant execute on function medley.backfill_live_features(int) to service_role;

create or replace function medley.follow_artists()
returns trigger
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
begin
  if tg_op = 'INSERT' then
    perform medley.refresh_live_features(array_agg(n.id)) from new_rows as n;
  else
    perform medley.refresh_live_features(array_agg(n.id))
    from new_rows as n
    inner join old_rows as o on o.id = n.id
    where n.country is distinct from o.country;
  end if;
  return null;
end;
$$;

comment on function medley.follow_artists() is
  'Statement trigger with transition tables: the features of artists follow at once.';
revoke all on function medley.follow_artists() from public, anon, authenticated, service_role;

create or replace function medley.follow_venues()
returns trigger
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_venue_ids uuid[];
begin
  if tg_op = 'INSERT' then
    select array_agg(n.id) into v_venue_ids from new_rows as n;
  else
    select array_agg(n.id) into v_venue_ids
    from new_rows as n
    inner join old_rows as o on o.id = n.id
    where (n.city, n.region, n.country) is distinct from (o.city, o.region, o.country);
  end if;
  perform medley.refresh_live_features(
    v_venue_ids || array(
      select e.id
      from unnest(v_venue_ids) as w (id)
      inner join public.events as e on e.venue_id = w.id
    )
  );
  return null;
end;
$$;

comment on function medley.follow_venues() is
  'Statement trigger with transition tables: the features of venues follow, and those of their events.';
revoke all on function medley.follow_venues() from public, anon, authenticated, service_role;

create or replace function medley.follow_events()
returns trigger
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
begin
  if tg_op = 'INSERT' then
    perform medley.refresh_live_features(array_agg(n.id)) from new_rows as n;
  else
    perform medley.refresh_live_features(array_agg(n.id))
    from new_rows as n
    inner join old_rows as o on o.id = n.id
    where (n.venue_id, n.headliner_artist_id) is distinct from (o.venue_id, o.headliner_artist_id);
  end if;
  return null;
end;
$$;

comment on function medley.follow_events() is
  'Statement trigger with transition tables: the features of events follow at once.';
revoke all on function medley.follow_events() from public, anon, authenticated, service_role;

create or replace function medley.follow_bills()
returns trigger
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_event_ids uuid[];
begin
  if tg_op = 'INSERT' then
    select array_agg(n.event_id) into v_event_ids from new_rows as n;
  elsif tg_op = 'DELETE' then
    select array_agg(o.event_id) into v_event_ids from old_rows as o;
  else
    select array_agg(c.event_id) into v_event_ids
    from (select n.event_id from new_rows as n union all select o.event_id from old_rows as o) as c;
  end if;
  perform medley.refresh_live_features(v_event_ids);
  return null;
end;
$$;

comment on function medley.follow_bills() is
  'Statement trigger with transition tables on event_artists: the features of events follow at once.';
revoke all on function medley.follow_bills() from public, anon, authenticated, service_role;

create trigger artists_3_features_insert
after insert on public.artists referencing new table as new_rows
for each statement execute function medley.follow_artists();
create trigger artists_3_features_update
after update on public.artists referencing old table as old_rows new table as new_rows
for each statement execute function medley.follow_artists();
create trigger venues_3_features_insert
after insert on public.venues referencing new table as new_rows
for each statement execute function medley.follow_venues();
create trigger venues_3_features_update
after update on public.venues referencing old table as old_rows new table as new_rows
for each statement execute function medley.follow_venues();
create trigger events_4_features_insert
after insert on public.events referencing new table as new_rows
for each statement execute function medley.follow_events();
create trigger events_4_features_update
after update on public.events referencing old table as old_rows new table as new_rows
for each statement execute function medley.follow_events();
create trigger event_artists_features_insert
after insert on public.event_artists referencing new table as new_rows
for each statement execute function medley.follow_bills();
create trigger event_artists_features_update
after update on public.event_artists referencing old table as old_rows new table as new_rows
for each statement execute function medley.follow_bills();
create trigger event_artists_features_delete
after delete on public.event_artists referencing old table as old_rows
for each statement execute function medley.follow_bills();
