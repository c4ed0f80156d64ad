-- The index of upcoming events: one row an event (upcoming_events) and its posting lists (event_postings).
-- Written in the transaction that changes an event, its genres, artists or venue; read by the feed and the calendar.

-- Geographic cells are three grids: of 5 degrees (level 1), 1 degree (level 2) and a quarter of a degree (level 3).
-- A cell's number is (level * 1000 + row) * 10000 + column, rows counted from the south pole, columns from the
-- antimeridian. No SET here and in cells_around: they inline into the queries that use them.
create view medley.cell_grids as
select
  g.level,
  g.per_degree
from (values (1, 0.2::double precision), (2, 1), (3, 4)) as g (level, per_degree);

comment on view medley.cell_grids is 'The grids of geographic cells: level, and cells a degree.';
revoke all on medley.cell_grids from public, anon, authenticated, service_role;

create or replace function medley.cells_of(p_location extensions.geometry)
returns table (cell_no int, level int)
language sql immutable parallel safe security invoker
begin atomic
  select
    (
      (g.level * 1000 + floor((extensions.st_y(p_location) + 90) * g.per_degree)::int) * 10000
      + floor((extensions.st_x(p_location) + 180) * g.per_degree)::int % (360 * g.per_degree)::int
    ),
    g.level
  from medley.cell_grids as g
  where p_location is not null;
end;

comment on function medley.cells_of(extensions.geometry) is
  'The cell of each grid in which a point (WGS 84) lies; none for null.';
revoke all on function medley.cells_of(extensions.geometry) from public, anon, authenticated, service_role;

create or replace function medley.cells_around(p_home extensions.geometry, p_radius_km double precision)
returns table (cell_no int, is_fine boolean, least_km double precision)
language sql immutable parallel safe security invoker
begin atomic
  with home as (
    -- 6371.0088 km is the earth's mean radius, the one of PostGIS' sphere. Short radii take the two finer grids.
    select
      extensions.st_y(p_home) as lat,
      extensions.st_x(p_home) as lon,
      cosd(extensions.st_y(p_home)) as shrink,
      degrees(p_radius_km / 6371.0088) as reach,
      case when p_radius_km <= 120 then 2 else 1 end as coarse
  ),

  -- A circle of angular radius r around latitude φ spans asin(sin r / cos φ) degrees of longitude to each side.
  span as (
    select
      h.*,
      case when h.reach < 90 and sind(h.reach) < h.shrink then asind(sind(h.reach) / h.shrink) else 180.0 end
      as reach_lon
    from home as h
  ),

  cell as (
    select
      g.level,
      g.level > s.coarse as is_fine,
      s.shrink,
      r.row_no,
      c.col_no + (720 * g.per_degree)::int as col_no,
      (360 * g.per_degree)::int as cols,
      greatest(r.row_no / g.per_degree - 90 - s.lat, s.lat - (r.row_no + 1) / g.per_degree + 90, 0) as lat_gap,
      greatest(c.col_no / g.per_degree - 180 - s.lon, s.lon - (c.col_no + 1) / g.per_degree + 180, 0) as lon_gap
    from span as s
    inner join medley.cell_grids as g on g.level in (s.coarse, s.coarse + 1)
    cross join lateral generate_series(
      floor((greatest(s.lat - s.reach, -90) + 90) * g.per_degree)::int,
      floor((least(s.lat + s.reach, 90) + 90) * g.per_degree)::int
    ) as r (row_no)
    cross join lateral generate_series(
      floor((s.lon - s.reach_lon + 180) * g.per_degree)::int,
      least(
        floor((s.lon + s.reach_lon + 180) * g.per_degree)::int,
        floor((s.lon - s.reach_lon + 180) * g.per_degree)::int + (360 * g.per_degree)::int
      )
    ) as c (col_no)
    where p_home is not null
  )

  -- A point of the cell is at least lat_gap away, and at least as far as the meridian lon_gap away.
  select
    (c.level * 1000 + c.row_no) * 10000 + c.col_no % c.cols,
    c.is_fine,
    radians(greatest(c.lat_gap, asind(least(c.shrink * sind(least(c.lon_gap, 90)), 1)))) * 6371.0088
  from cell as c;
end;

comment on function medley.cells_around(extensions.geometry, double precision) is
  'The cells of two grids, a coarse one and the next finer one, that a circle of p_radius_km around a point touches, each '
  'with a lower bound of the distance in kilometres from the point to anything in it. A circle that goes around the earth '
  'may name a cell twice.';
revoke all on function medley.cells_around(extensions.geometry, double precision)
from public, anon, authenticated, service_role;

insert into medley.settings (key, value, description)
values ('live.past_days', 35, 'Days for which an event stays in the calendar after it began, 0 to 400.');

create or replace function medley.oldest_indexed_start()
returns timestamptz
language sql stable parallel safe security definer set search_path = ''
as $$ select now() - interval '1 day' * medley.setting('live.past_days')::double precision $$;

comment on function medley.oldest_indexed_start() is 'Events that began before this moment are not indexed.';
revoke all on function medley.oldest_indexed_start() from public, anon, authenticated, service_role;

create or replace function medley.upcoming_event_rows(p_event_ids uuid[])
returns setof medley.upcoming_events
language sql stable parallel safe security definer set search_path = ''
as $$
  select
    i.item_no,
    e.id,
    e.starts_at,
    e.promoted,
    e.ticket_available,
    v.location,
    array(
      select g.genre_no
      from public.item_genres as l
      inner join public.genres as g on g.id = l.genre_id
      where l.item_id = e.id
      order by g.genre_no
    ),
    array(
      select distinct p.ancestor_nos[1]
      from public.item_genres as l
      inner join public.genres as g on g.id = l.genre_id
      inner join public.genre_paths as p on p.genre_id = l.genre_id and p.depth <= 5
      where l.item_id = e.id
        and not exists (
          select from public.genre_taxonomy_exclude as x where x.normalized_key = g.normalized_key
        )
    ),
    array(
      select c.cluster_no
      from medley.clusters_of_events(array[e.id]) as k
      inner join medley.event_cluster_keys as c
        on c.cluster_path_slug = k.cluster_path_slug and c.country = k.country
    ),
    coalesce((select n.generation from medley.generations as n where n.name = 'genre_paths'), 0)
  from unnest(p_event_ids) as w (event_id)
  inner join public.events as e on e.id = w.event_id
  inner join medley.items as i on i.id = e.id
  left join public.venues as v on v.id = e.venue_id
  where e.status = 'scheduled'
    and i.visibility = 'public'
    -- What belongs to a member may be hidden from others by a block; the index is for everyone.
    and i.owner_id is null
    and e.starts_at > medley.oldest_indexed_start()
$$;

comment on function medley.upcoming_event_rows(uuid[]) is
  'The rows of upcoming_events that these events should have: scheduled, public, and not long past.';
revoke all on function medley.upcoming_event_rows(uuid[]) from public, anon, authenticated, service_role;

create or replace function medley.event_posting_rows(p_event_nos int[])
returns table (list medley.event_list, list_no int, cell_no int, event_no int, depth int)
language sql stable parallel safe security definer set search_path = ''
as $$
  with event as materialized (
    select u.*
    from unnest(p_event_nos) as n (event_no)
    inner join medley.upcoming_events as u on u.event_no = n.event_no
  ),

  list as (
    select 'all'::medley.event_list as list, 0 as list_no, e.event_no, e.location from event as e
    union all
    select 'genre', g.no, e.event_no, e.location from event as e cross join lateral unnest(e.genre_nos) as g (no)
    union all
    select 'umbrella', u.no, e.event_no, e.location from event as e cross join lateral unnest(e.umbrella_nos) as u (no)
    union all
    select 'cluster', c.no, e.event_no, e.location from event as e cross join lateral unnest(e.cluster_nos) as c (no)
  ),

  artist as (
    select e.event_no, a.headliner_artist_id as artist_id
    from event as e inner join public.events as a on a.id = e.event_id
    where a.headliner_artist_id is not null
    union
    select e.event_no, a.artist_id
    from event as e inner join public.event_artists as a on a.event_id = e.event_id
  )

  select l.list, l.list_no, c.cell_no, l.event_no, 0
  from list as l
  cross join lateral (
    select 0 as cell_no
    union all
    -- The finest cells are for the list of all events, where distance is the only bound.
    select o.cell_no from medley.cells_of(l.location) as o where o.level < 3 or l.list = 'all'
  ) as c
  union all
  select 'artist', i.item_no, 0, a.event_no, 0
  from artist as a inner join medley.items as i on i.id = a.artist_id
  union all
  select 'path', n.no, 0, e.event_no, min(p.depth)
  from event as e
  inner join public.item_genres as g on g.item_id = e.event_id
  inner join public.genre_paths as p on p.genre_id = g.genre_id
  cross join lateral unnest(p.ancestor_nos) as n (no)
  group by n.no, e.event_no
$$;

comment on function medley.event_posting_rows(int[]) is 'Every posting list that these upcoming events belong to.';
revoke all on function medley.event_posting_rows(int[]) from public, anon, authenticated, service_role;

create or replace function medley.lock_indexed_items(p_event_ids uuid[])
returns void
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
begin
  -- In the order of lock_items, which the same transaction may have called before.
  perform
  from unnest(p_event_ids) as w (event_id)
  inner join medley.items as i on i.id = w.event_id
  order by i.id
  for no key update of i;
end;
$$;

comment on function medley.lock_indexed_items(uuid[]) is
  'Makes the transaction the only one that indexes these events: another waits until it ends, and then sees what it wrote.';
revoke all on function medley.lock_indexed_items(uuid[]) from public, anon, authenticated, service_role;

create or replace function medley.unnumbered_clusters(p_event_ids uuid[])
returns table (cluster_path_slug text, country text)
language sql stable parallel safe security definer set search_path = ''
as $$
  select distinct c.cluster_path_slug, c.country
  from medley.clusters_of_events(p_event_ids) as c
  where not exists (
    select from medley.event_cluster_keys as k
    where k.cluster_path_slug = c.cluster_path_slug and k.country = c.country
  )
$$;

comment on function medley.unnumbered_clusters(uuid[]) is 'The clusters of these events that event_cluster_keys does not hold yet.';
revoke all on function medley.unnumbered_clusters(uuid[]) from public, anon, authenticated, service_role;

create or replace function medley.index_events(p_event_ids uuid[])
returns bigint
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_event_nos int[];
begin
  if p_event_ids is null then
    return 0;
  end if;
  perform medley.lock_indexed_items(p_event_ids);

  if exists (select from medley.unnumbered_clusters(p_event_ids)) then
    -- One session at a time numbers clusters: two that met the same new ones in different order would deadlock.
    perform pg_advisory_xact_lock(hashtextextended('medley.event_cluster_keys', 0));
    insert into medley.event_cluster_keys (cluster_path_slug, country)
    select c.cluster_path_slug, c.country
    from medley.unnumbered_clusters(p_event_ids) as c;
  end if;

  delete from medley.upcoming_events as u
  where u.event_id = any(p_event_ids);

  with written as (
    insert into medley.upcoming_events
    select r.* from medley.upcoming_event_rows(p_event_ids) as r
    returning event_no
  )

  select coalesce(array_agg(w.event_no), '{}') into v_event_nos
  from written as w;

  insert into medley.event_postings (list, list_no, cell_no, promoted, starts_at, event_no, ticket_available, depth)
  select r.list, r.list_no, r.cell_no, u.promoted, u.starts_at, r.event_no, u.ticket_available, r.depth
  from medley.event_posting_rows(v_event_nos) as r
  inner join medley.upcoming_events as u on u.event_no = r.event_no
  order by r.list, r.list_no, r.cell_no, u.promoted, u.starts_at, r.event_no;

  return cardinality(v_event_nos);
end;
$$;

comment on function medley.index_events(uuid[]) is
  'Makes the index of upcoming events right for these events: added, changed, or no longer to be shown. '
  'Returns how many of them are in it.';
revoke all on function medley.index_events(uuid[]) from public, anon, authenticated, service_role;

create or replace function medley.refresh_upcoming_events(p_limit int)
returns bigint
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_generation int := coalesce((select g.generation from medley.generations as g where g.name = 'genre_paths'), 0);
  v_event_ids uuid[];
begin
  select array_agg(s.event_id) into v_event_ids
  from (
    (
      select u.event_id
      from medley.upcoming_events as u
      where u.starts_at <= medley.oldest_indexed_start() or u.taxonomy_generation <> v_generation
    )
    union all
    (
      select e.id
      from public.events as e
      inner join medley.items as i on i.id = e.id and i.visibility = 'public' and i.owner_id is null
      where e.starts_at > medley.oldest_indexed_start()
        and e.status = 'scheduled'
        and not exists (select from medley.upcoming_events as u where u.event_id = e.id)
    )
    limit p_limit
  ) as s;
  perform medley.index_events(v_event_ids);
  return coalesce(cardinality(v_event_ids), 0);
end;
$$;

comment on function medley.refresh_upcoming_events(int) is
  'Indexes anew up to p_limit events that are past, were indexed under an older taxonomy, or are missing. '
  'Returns how many it took; call until that is less than p_limit.';
revoke all on function medley.refresh_upcoming_events(int) from public, anon, authenticated, service_role;

create or replace function medley.index_written_events()
returns trigger
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
begin
  perform medley.index_events(array_agg(n.id))
  from new_rows as n;
  return null;
end;
$$;

comment on function medley.index_written_events() is 'Statement trigger on events: the index follows.';
revoke all on function medley.index_written_events() from public, anon, authenticated, service_role;

create or replace function medley.index_events_of_venues()
returns trigger
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
begin
  perform medley.index_events(array_agg(e.id))
  from new_rows as n
  inner join old_rows as o on o.id = n.id
  inner join public.events as e on e.venue_id = n.id
  where (n.latitude, n.longitude, n.country) is distinct from (o.latitude, o.longitude, o.country)
    and e.starts_at > medley.oldest_indexed_start();
  return null;
end;
$$;

comment on function medley.index_events_of_venues() is 'Statement trigger on venues: events follow when a venue moves.';
revoke all on function medley.index_events_of_venues() from public, anon, authenticated, service_role;

create or replace function medley.index_events_of_links()
returns trigger
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_event_ids uuid[];
begin
  -- The arguments, written in a migration: the column of the event, the transition table.
  execute format(
    'select array_agg(distinct e.id) from %I as c inner join public.events as e on e.id = c.%I', tg_argv[1], tg_argv[0]
  ) into v_event_ids;
  if v_event_ids is not null then
    -- An event that another session puts into the index: wait, then it is there.
    perform medley.lock_indexed_items(v_event_ids);
    -- One that is not in it yet is about to be, by its own trigger.
    perform medley.index_events(array_agg(u.event_id))
    from unnest(v_event_ids) as w (event_id)
    inner join medley.upcoming_events as u on u.event_id = w.event_id;
  end if;
  return null;
end;
$$;

comment on function medley.index_events_of_links() is
  'Statement trigger on event_artists and item_genres: the events whose links changed are indexed anew. '
  'Arguments: the column with the event, and the transition table to read.';
revoke all on function medley.index_events_of_links() from public, anon, authenticated, service_role;

create or replace function medley.index_shown_event()
returns trigger
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
begin
  perform medley.index_events(array[new.id]);
  return null;
end;
$$;

comment on function medley.index_shown_event() is 'Row trigger on items: an event whose visibility or owner changes enters or leaves the index.';
revoke all on function medley.index_shown_event() from public, anon, authenticated, service_role;

create trigger events_3_index_insert
after insert on public.events referencing new table as new_rows
for each statement execute function medley.index_written_events();
create trigger events_3_index_update
after update on public.events referencing new table as new_rows
for each statement execute function medley.index_written_events();
create trigger venues_2_index_update
after update on public.venues referencing old table as old_rows new table as new_rows
for each statement execute function medley.index_events_of_venues();
create trigger event_artists_index_insert
after insert on public.event_artists referencing new table as new_rows
for each statement execute function medley.index_events_of_links('event_id', 'new_rows');
create trigger event_artists_index_update_from
after update on public.event_artists referencing old table as old_rows
for each statement execute function medley.index_events_of_links('event_id', 'old_rows');
create trigger event_artists_index_update_to
after update on public.event_artists referencing new table as new_rows
for each statement execute function medley.index_events_of_links('event_id', 'new_rows');
create trigger event_artists_index_delete
after delete on public.event_artists referencing old table as old_rows
for each statement execute function medley.index_events_of_links('event_id', 'old_rows');
create trigger item_genres_index_insert
after insert on public.item_genres referencing new table as new_rows
for each statement execute function medley.index_events_of_links('item_id', 'new_rows');
create trigger item_genres_index_delete
after delete on public.item_genres referencing old table as old_rows
for each statement execute function medley.index_events_of_links('item_id', 'old_rows');
create trigger item_genres_index_update_from
after update on public.item_genres referencing old table as old_rows
for each statement execute function medley.index_events_of_links('item_id', 'old_rows');
create trigger item_genres_index_update_to
after update on public.item_genres referencing new table as new_rows
for each statement execute function medley.index_events_of_links('item_id', 'new_rows');
create trigger items_visibility_index
after update of visibility, owner_id on medley.items
for each row
when (new.kind = 'event' and (new.visibility, new.owner_id) is distinct from (old.visibility, old.owner_id))
execute function medley.index_shown_event();
