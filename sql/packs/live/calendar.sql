-- The calendar: events in order of time, by dates, genres, place and umbrella, from the same posting lists as the feed.
create or replace function medley.check_calendar_arguments(
  p_start timestamptz,
  p_end timestamptz,
  p_genres text[],
  p_latitude double precision,
  p_longitude double precision,
  p_radius_km double precision,
  p_max_depth int
)
returns void
language plpgsql immutable parallel safe security invoker set search_path = ''
as $$
begin
  if p_end < p_start then
    perform medley.fail('invalid_argument', format('p_end_date %s is before p_start_date %s', p_end, p_start),
      'p_end_date', 'Swap the dates.');
  end if;
  if cardinality(p_genres) not between 1 and 50 then
    perform medley.fail('invalid_argument', format('p_genres holds %s names', cardinality(p_genres)), 'p_genres',
      'Name 1 to 50 genres, or leave p_genres out.');
  end if;
  -- Nobody waits for ten megabytes to be normalized.
  if exists (select from unnest(p_genres) as g (raw) where length(g.raw) > 1000) then
    perform medley.fail('invalid_argument', 'p_genres holds a name of more than 1,000 characters', 'p_genres',
      'A genre name has at most 100 characters.');
  end if;
  if num_nonnulls(p_latitude, p_longitude, p_radius_km) not in (0, 3) then
    perform medley.fail('invalid_argument', 'a place needs p_latitude, p_longitude and p_radius_km', 'p_radius_km',
      'Pass all three, or none.');
  end if;
  if p_latitude not between -90 and 90 or p_longitude not between -180 and 180 then
    perform medley.fail('invalid_argument', format('no place on earth: %s, %s', p_latitude, p_longitude), 'p_latitude',
      'Latitudes are -90 to 90 degrees, longitudes -180 to 180.');
  end if;
  if p_radius_km not between 0.1 and 20000 then
    perform medley.fail('invalid_argument', format('p_radius_km must be between 0.1 and 20000, got %s', p_radius_km),
      'p_radius_km', 'Pass a radius in kilometres.');
  end if;
  if p_max_depth is null or p_max_depth not between 0 and 20 then
    perform medley.fail('invalid_argument', format('p_max_depth must be between 0 and 20, got %s', p_max_depth),
      'p_max_depth', '0 is the umbrella alone; the default is 5.');
  end if;
end;
$$;

comment on function medley.check_calendar_arguments(
  timestamptz, timestamptz, text[], double precision, double precision, double precision, int
) is 'Refuses what get_calendar_events cannot mean. Errors: invalid_argument.';
revoke all on function medley.check_calendar_arguments(
  timestamptz, timestamptz, text[], double precision, double precision, double precision, int
) from public, anon, authenticated, service_role;

create or replace function medley.calendar_lists(
  p_genres text[],
  p_place extensions.geometry,
  p_radius_km double precision,
  p_path_no int
)
returns table (list medley.event_list, list_no int, cell_no int)
language sql stable parallel safe security invoker
begin atomic
  with cell as (
    select 0 as cell_no where p_place is null
    union all
    select c.cell_no from medley.cells_around(p_place, p_radius_km) as c where not c.is_fine
  )

  select 'genre'::medley.event_list, g.genre_no, c.cell_no
  from cell as c
  cross join medley.genres_named(p_genres) as g
  union all
  select 'path', p_path_no, 0
  where p_genres is null and p_place is null and p_path_no is not null
  union all
  select 'all', 0, c.cell_no
  from cell as c
  where p_genres is null and (p_place is not null or p_path_no is null);
end;

comment on function medley.calendar_lists(text[], extensions.geometry, double precision, int) is
  'The shortest set of posting lists that holds every event of these genres, around this place, under this path.';
revoke all on function medley.calendar_lists(text[], extensions.geometry, double precision, int)
from public, anon, authenticated, service_role;

create or replace function medley.get_calendar_events(
  p_start timestamptz,
  p_end timestamptz,
  p_genres text[],
  p_latitude double precision,
  p_longitude double precision,
  p_radius_km double precision,
  p_umbrella_slug text,
  p_max_depth int,
  p_limit int,
  p_cursor text
)
returns table (
  event_id uuid, title text, starts_at timestamptz, venue_id uuid, venue_name text, city text, country text,
  latitude double precision, longitude double precision, headliner_artist_id uuid, headliner text, genres text[],
  promoted boolean, ticket_available boolean, distance_km double precision, next_cursor text
)
language plpgsql stable parallel safe security definer
set search_path = '' set plan_cache_mode = force_generic_plan
as $$
declare
  v_limit int := medley.check_limit(p_limit);
  v_query text := 'calendar:' || md5(
    row(p_start, p_end, p_genres, p_latitude, p_longitude, p_radius_km, p_umbrella_slug, p_max_depth)::text
  );
  v_place extensions.geometry := extensions.st_setsrid(extensions.st_makepoint(p_longitude, p_latitude), 4326);
  v_after record;
  v_path_no int;
begin
  perform medley.check_calendar_arguments(p_start, p_end, p_genres, p_latitude, p_longitude, p_radius_km, p_max_depth);

  if p_umbrella_slug is not null then
    select p.path_no into v_path_no
    from public.genre_paths as p
    where p.path_slug = p_umbrella_slug;
    if not found then
      perform medley.fail('not_found', format('no genre path %s', left(p_umbrella_slug, 100)), 'p_umbrella_slug',
        'get_genre_tree lists the paths.');
    end if;
  end if;

  begin
    select (c.p ->> 'starts_at')::timestamptz as starts_at, (c.p ->> 'event_no')::int as event_no into v_after
    from medley.decode_cursor(p_cursor, v_query) as c (p);
    if p_cursor is not null and num_nulls(v_after.starts_at, v_after.event_no) > 0 then
      perform medley.fail('invalid_cursor', 'the cursor is damaged', 'p_cursor', 'Start again without a cursor.');
    end if;
  exception
    when data_exception then
      perform medley.fail('invalid_cursor', 'the cursor is damaged', 'p_cursor', 'Start again without a cursor.');
  end;

  return query
  with found as (
    select distinct c.event_no, c.starts_at
    from medley.calendar_lists(p_genres, v_place, p_radius_km, v_path_no) as l
    cross join (values (false), (true)) as k (promoted)
    cross join lateral (
      select q.event_no, q.starts_at
      from medley.event_postings as q
      where q.list = l.list and q.list_no = l.list_no and q.cell_no = l.cell_no and q.promoted = k.promoted
        and q.starts_at >= greatest(coalesce(p_start, now()), v_after.starts_at)
        and q.starts_at <= coalesce(p_end, 'infinity')
        and (v_after.event_no is null or (q.starts_at, q.event_no) > (v_after.starts_at, v_after.event_no))
        -- Scalar subqueries rather than EXISTS: those are looked up row by row, never hashed as a whole.
        and case
          when v_path_no is null then true
          when q.list = 'path' then q.depth <= p_max_depth
          else (
            select u.depth <= p_max_depth
            from medley.event_postings as u
            where u.list = 'path' and u.list_no = v_path_no and u.cell_no = 0 and u.promoted = q.promoted
              and u.starts_at = q.starts_at and u.event_no = q.event_no
          )
        end
        and case
          when v_place is null then true
          else (
            select extensions.st_distancesphere(e.location, v_place) <= 1000 * p_radius_km
            from medley.upcoming_events as e
            where e.event_no = q.event_no
          )
        end
      order by q.starts_at, q.event_no
      limit v_limit + 1
    ) as c
    order by c.starts_at, c.event_no
    limit v_limit + 1
  ),

  page as materialized (
    select f.event_no, f.starts_at, count(*) over () > v_limit as is_cut
    from found as f
    order by f.starts_at, f.event_no
    limit v_limit
  )

  select
    e.id, e.title, e.starts_at, v.id, v.name, v.city, v.country, v.latitude, v.longitude,
    a.id, a.name, e.genres, e.promoted, e.ticket_available,
    round((extensions.st_distancesphere(v.location, v_place) / 1000)::numeric, 1)::double precision,
    (
      select medley.encode_cursor(v_query, jsonb_build_object('starts_at', l.starts_at, 'event_no', l.event_no))
      from page as l
      where l.is_cut
      order by l.starts_at desc, l.event_no desc
      limit 1
    )
  from page as p
  inner join medley.upcoming_events as u on u.event_no = p.event_no
  inner join public.events as e on e.id = u.event_id
  -- A public event may have a venue or a headliner that is not.
  left join public.venues as v on v.id = e.venue_id
    and exists (select from medley.items as i where i.id = v.id and i.visibility = 'public')
  left join public.artists as a on a.id = e.headliner_artist_id
    and exists (select from medley.items as i where i.id = a.id and i.visibility = 'public')
  order by p.starts_at, p.event_no;
end;
$$;

comment on function medley.get_calendar_events(
  timestamptz, timestamptz, text[], double precision, double precision, double precision, text, int, int, text
) is 'The work of public.get_calendar_events.';
revoke all on function medley.get_calendar_events(
  timestamptz, timestamptz, text[], double precision, double precision, double precision, text, int, int, text
) from public, anon, authenticated, service_role;
grant execute on function medley.get_calendar_events(
  timestamptz, timestamptz, text[], double precision, double precision, double precision, text, int, int, text
) to anon, authenticated, service_role;
