-- The stage of an import that brings shows, with their venues.
create or replace function medley.import_venues(p_venues jsonb)
returns table (place bigint, venue_id uuid)
language plpgsql volatile parallel unsafe security definer
set search_path = '' set plan_cache_mode = force_custom_plan
as $$
begin
  -- Imports share venues: one at a time, so that none is written twice.
  perform pg_advisory_xact_lock(hashtextextended('medley.import_venues', 0));

  return query
  with given as materialized (
    select
      v.place,
      coalesce(
        'ticketmaster:' || r.ticketmaster_id, 'setlistfm:' || r.setlistfm_id,
        'name:' || lower(r.name) || '|' || lower(coalesce(r.city, ''))
      ) as key,
      r.ticketmaster_id,
      r.setlistfm_id,
      left(btrim(r.name), 500) as name,
      left(r.city, 200) as city,
      left(r.region, 200) as region,
      left(r.country, 100) as country,
      r.address,
      left(r.postal_code, 40) as postal_code,
      left(r.timezone, 60) as timezone,
      -- Sources write 0, 0 for what they do not know.
      case when r.usable then r.latitude end as latitude,
      case when r.usable then r.longitude end as longitude
    from jsonb_array_elements(p_venues) with ordinality as v (venue, place)
    cross join lateral (
      select
        j.*,
        j.latitude between -90 and 90 and j.longitude between -180 and 180
        and (j.latitude <> 0 or j.longitude <> 0) as usable
      from jsonb_to_record(v.venue) as j (
        ticketmaster_id text, setlistfm_id text, name text, city text, region text, country text, address text,
        postal_code text, timezone text, latitude double precision, longitude double precision
      )
    ) as r
    where jsonb_typeof(v.venue) = 'object'
  ),

  single as materialized (
    select distinct on (g.key) g.*
    from given as g
    order by g.key, g.place
  ),

  known as materialized (
    select
      s.key,
      coalesce(
        (select v.id from public.venues as v where v.ticketmaster_id = s.ticketmaster_id),
        (select v.id from public.venues as v where v.source = 'setlistfm' and v.external_id = s.setlistfm_id),
        (
          -- The other source, or a loader, may have written it.
          select v.id
          from public.venues as v
          where lower(v.name) = lower(s.name) and lower(v.city) = lower(s.city)
            and (s.ticketmaster_id is null or v.ticketmaster_id is null)
          order by v.created_at, v.id
          limit 1
        )
      ) as id
    from single as s
  ),

  resolved as materialized (
    select k.key, coalesce(k.id, gen_random_uuid()) as id, k.id is null as is_new
    from known as k
  ),

  filled as (
    update public.venues as v
    set
      ticketmaster_id = coalesce(v.ticketmaster_id, n.ticketmaster_id),
      region = coalesce(v.region, n.region),
      country = coalesce(v.country, n.country),
      address = coalesce(v.address, n.address),
      postal_code = coalesce(v.postal_code, n.postal_code),
      timezone = coalesce(v.timezone, n.timezone),
      latitude = coalesce(v.latitude, n.latitude),
      longitude = coalesce(v.longitude, n.longitude)
    from (
      select distinct on (r.id) r.id, s.*
      from resolved as r
      inner join single as s on s.key = r.key
      where not r.is_new
      order by r.id, s.ticketmaster_id nulls last
    ) as n (id, place, key, ticketmaster_id, setlistfm_id, name, city, region, country, address, postal_code, timezone,
      latitude, longitude)
    where v.id = n.id
      and (
        v.ticketmaster_id is null and n.ticketmaster_id is not null or v.region is null and n.region is not null
        or v.country is null and n.country is not null or v.address is null and n.address is not null
        or v.postal_code is null and n.postal_code is not null or v.timezone is null and n.timezone is not null
        or v.latitude is null and n.latitude is not null
      )
    returning v.id
  ),

  added as (
    insert into public.venues (
      id, ticketmaster_id, name, city, region, country, address, postal_code, timezone, latitude, longitude, source,
      external_id
    )
    select
      r.id, s.ticketmaster_id, s.name, s.city, s.region, s.country, s.address, s.postal_code, s.timezone, s.latitude,
      s.longitude, case when s.setlistfm_id is null then 'import' else 'setlistfm' end, s.setlistfm_id
    from resolved as r
    inner join single as s on s.key = r.key
    where r.is_new
    returning id
  )

  select g.place, r.id
  from given as g
  inner join resolved as r on r.key = g.key;
end;
$$;

comment on function medley.import_venues(jsonb) is
  'Writes the venues of a list in which null stands for none, and says which row each place of the list has. A venue '
  'is known by its id at the source, else by name and city; what the catalogue has of it stays, what it lacks is '
  'filled in.';
revoke all on function medley.import_venues(jsonb) from public, anon, authenticated, service_role;

create or replace function medley.import_events(p_job_id text, p_lease uuid, p_events jsonb, p_as_of timestamptz)
returns table (stage text, written int, refused int, reasons text[])
language plpgsql volatile parallel unsafe security definer
set search_path = '' set plan_cache_mode = force_custom_plan
as $$
declare
  v_job medley.import_jobs := medley.open_import_stage(p_job_id, p_lease, 'events', p_events, p_as_of);
  v_artist_id uuid := (v_job.request ->> 'artist_id')::uuid;
  v_events jsonb;
  v_refused int;
  v_reasons text[];
begin
  if v_job.stage <> 'events' then
    return query select v_job.stage, 0, 0, array[]::text[];
    return;
  end if;
  if p_events is null then
    return query select medley.close_import_stage(p_job_id, 'No source of shows.', p_as_of), 0, 0, array[]::text[];
    return;
  end if;
  select s.accepted, s.refused, s.reasons into v_events, v_refused, v_reasons
  from medley.sift_import_rows('event', p_events) as s;

  with venue as materialized (
    select v.place, v.venue_id
    from medley.import_venues(
      (
        select jsonb_agg(e.event -> 'venue' order by e.place)
        from jsonb_array_elements(v_events) with ordinality as e (event, place)
      )
    ) as v
  )

  insert into public.events as e (
    ticketmaster_id, title, description, starts_at, venue_id, headliner_artist_id, genres, status, ticket_available,
    ticket_url, image_url, min_price, max_price, currency, age_restrictions, source
  )
  select distinct on (r.ticketmaster_id)
    r.ticketmaster_id, r.title, r.description, r.starts_at, v.venue_id,
    case when coalesce(r.is_headliner, true) then v_artist_id end, coalesce(r.genres, '{}'),
    coalesce(r.status, 'scheduled'), coalesce(r.ticket_available, false), r.ticket_url, r.image_url, r.min_price,
    r.max_price, coalesce(r.currency, 'USD'), r.age_restrictions, 'import'
  from jsonb_array_elements(v_events) with ordinality as g (event, place)
  cross join lateral jsonb_to_record(g.event) as r (
    ticketmaster_id text, title text, description text, starts_at timestamptz, genres text[], status text,
    ticket_available boolean, ticket_url text, image_url text, min_price numeric, max_price numeric, currency text,
    age_restrictions text, is_headliner boolean
  )
  left join venue as v on v.place = g.place
  order by r.ticketmaster_id, g.place
  on conflict (ticketmaster_id) do update
  set
    title = excluded.title,
    description = coalesce(excluded.description, e.description),
    starts_at = excluded.starts_at,
    ends_at = case when e.ends_at >= excluded.starts_at then e.ends_at end,
    venue_id = coalesce(excluded.venue_id, e.venue_id),
    headliner_artist_id = coalesce(excluded.headliner_artist_id, e.headliner_artist_id),
    genres = case when excluded.genres = '{}' then e.genres else excluded.genres end,
    status = excluded.status,
    ticket_available = excluded.ticket_available,
    ticket_url = coalesce(excluded.ticket_url, e.ticket_url),
    image_url = coalesce(excluded.image_url, e.image_url),
    min_price = excluded.min_price,
    max_price = excluded.max_price,
    currency = excluded.currency,
    age_restrictions = coalesce(excluded.age_restrictions, e.age_restrictions);

  insert into public.event_artists (event_id, artist_id, billing_order)
  select distinct e.id, v_artist_id, 2
  from jsonb_to_recordset(v_events) as r (ticketmaster_id text, is_headliner boolean)
  inner join public.events as e on e.ticketmaster_id = r.ticketmaster_id
  where not coalesce(r.is_headliner, true) and e.headliner_artist_id is distinct from v_artist_id
  on conflict (event_id, artist_id) do nothing;

  return query select
    medley.close_import_stage(
      p_job_id, medley.import_message('show', jsonb_array_length(v_events), v_refused), p_as_of
    ),
    jsonb_array_length(v_events), v_refused, v_reasons;
end;
$$;

comment on function medley.import_events(text, uuid, jsonb, timestamptz) is
  'Stage events: writes up to 10,000 shows of the artist and their venues. p_events: [{"ticketmaster_id", "title", '
  '"starts_at", "status", "description", "ticket_url", "ticket_available", "min_price", "max_price", "currency", '
  '"image_url", "age_restrictions", "genres", "is_headliner", "venue": {"ticketmaster_id", "name", "city", "region", '
  '"country", "address", "postal_code", "timezone", "latitude", "longitude"}}]. A known ticketmaster_id updates its '
  'event. Returns the next stage, how many rows were written and refused, and why. Errors: not_found, conflict, '
  'invalid_argument, too_large.';
revoke all on function medley.import_events(text, uuid, jsonb, timestamptz)
from public, anon, authenticated, service_role;
grant execute on function medley.import_events(text, uuid, jsonb, timestamptz) to service_role;
