-- The stage of an import that brings setlists, with the past shows at which they were played.
create or replace function medley.import_past_shows(p_artist_id uuid, p_setlists jsonb)
returns table (place bigint, event_id uuid)
language plpgsql volatile parallel unsafe security definer
set search_path = '' set plan_cache_mode = force_custom_plan
as $$
begin
  return query
  with venue as materialized (
    select v.place, v.venue_id
    from medley.import_venues(
      (
        select jsonb_agg(s.setlist -> 'venue' order by s.place)
        from jsonb_array_elements(p_setlists) with ordinality as s (setlist, place)
      )
    ) as v
  ),

  given as materialized (
    select
      g.place,
      r.setlistfm_id,
      r.event_date,
      v.venue_id,
      -- A venue that is new in this statement cannot be read in it.
      g.setlist -> 'venue' ->> 'name' as venue_name,
      -- Late enough in the evening to be nearer to that day's show than to the day before's, wherever it was.
      (r.event_date + time '22:00') at time zone 'UTC' as evening
    from jsonb_array_elements(p_setlists) with ordinality as g (setlist, place)
    cross join lateral jsonb_to_record(g.setlist) as r (setlistfm_id text, event_date date)
    left join venue as v on v.place = g.place
  ),

  played as materialized (
    select e.id, e.starts_at, e.venue_id
    from public.events as e
    where e.headliner_artist_id = p_artist_id
    union
    select e.id, e.starts_at, e.venue_id
    from public.event_artists as l
    inner join public.events as e on e.id = l.event_id
    where l.artist_id = p_artist_id
  ),

  resolved as materialized (
    select
      g.place,
      coalesce(
        (select s.event_id from public.setlists as s where s.setlistfm_id = g.setlistfm_id),
        (
          select p.id
          from played as p
          where p.starts_at between g.evening - interval '16 hours' and g.evening + interval '16 hours'
            and (p.venue_id = g.venue_id or p.venue_id is null or g.venue_id is null)
          order by abs(extract(epoch from p.starts_at - g.evening)), p.id
          limit 1
        )
      ) as id
    from given as g
  ),

  numbered as materialized (
    select r.place, coalesce(r.id, gen_random_uuid()) as id, r.id is null as is_new
    from resolved as r
  ),

  added as (
    insert into public.events (id, title, starts_at, venue_id, headliner_artist_id, source, external_id)
    select
      n.id, left(a.name || coalesce(' at ' || g.venue_name, ''), 500), (g.event_date + time '20:00') at time zone 'UTC',
      g.venue_id, p_artist_id, 'setlistfm', g.setlistfm_id
    from numbered as n
    inner join given as g on g.place = n.place
    inner join public.artists as a on a.id = p_artist_id
    where n.is_new
    returning id
  )

  select n.place, n.id
  from numbered as n;
end;
$$;

comment on function medley.import_past_shows(uuid, jsonb) is
  'The event of each setlist: the one that it had before, else the artist''s show of that evening at that venue, '
  'else a new one at 20:00 UTC, for setlist.fm knows days only.';
revoke all on function medley.import_past_shows(uuid, jsonb) from public, anon, authenticated, service_role;

create or replace function medley.import_setlists(p_job_id text, p_lease uuid, p_setlists jsonb, p_as_of timestamptz)
returns table (stage text, written int, refused int, reasons text[])
language plpgsql volatile parallel unsafe security definer
set search_path = '' set plan_cache_mode = force_custom_plan
as $$
declare
  v_job medley.import_jobs := medley.open_import_stage(p_job_id, p_lease, 'setlists', p_setlists, p_as_of);
  v_artist_id uuid := (v_job.request ->> 'artist_id')::uuid;
  v_setlists jsonb;
  v_refused int;
  v_reasons text[];
begin
  if v_job.stage <> 'setlists' then
    return query select v_job.stage, 0, 0, array[]::text[];
    return;
  end if;
  if p_setlists is null then
    return query select medley.close_import_stage(p_job_id, 'No source of setlists.', p_as_of), 0, 0, array[]::text[];
    return;
  end if;
  -- The same setlist on two pages: the list moved while it was read.
  select s.accepted, s.refused, s.reasons into v_setlists, v_refused, v_reasons
  from medley.sift_import_rows('setlist', (
    select coalesce(jsonb_agg(d.setlist order by d.place), '[]')
    from (
      select distinct on (g.setlist ->> 'setlistfm_id', case when g.setlist ->> 'setlistfm_id' is null then g.place end)
        g.setlist, g.place
      from jsonb_array_elements(p_setlists) with ordinality as g (setlist, place)
      order by g.setlist ->> 'setlistfm_id', case when g.setlist ->> 'setlistfm_id' is null then g.place end, g.place
    ) as d
  )) as s;

  perform medley.add_titles(v_artist_id, jsonb_path_query_array(v_setlists, '$[*].songs[*]'));

  insert into public.setlists as l (setlistfm_id, event_id, artist_id, type, name)
  select
    g.setlist ->> 'setlistfm_id', s.event_id, v_artist_id, 'actual',
    left(a.name || coalesce(' at ' || (g.setlist -> 'venue' ->> 'name'), ''), 255)
  from jsonb_array_elements(v_setlists) with ordinality as g (setlist, place)
  inner join medley.import_past_shows(v_artist_id, v_setlists) as s on s.place = g.place
  inner join public.artists as a on a.id = v_artist_id
  order by g.setlist ->> 'setlistfm_id'
  on conflict (setlistfm_id) do update
  set name = excluded.name
  where l.name <> excluded.name;

  perform medley.import_setlist_songs(v_artist_id, v_setlists);

  return query select
    medley.close_import_stage(
      p_job_id, medley.import_message('setlist', jsonb_array_length(v_setlists), v_refused), p_as_of
    ),
    jsonb_array_length(v_setlists), v_refused, v_reasons;
end;
$$;

comment on function medley.import_setlists(text, uuid, jsonb, timestamptz) is
  'Stage setlists: writes up to 10,000 setlists that the artist played, with the shows and songs that the catalogue '
  'lacks. p_setlists: [{"setlistfm_id", "event_date", "venue": {"setlistfm_id", "name", "city", "region", "country", '
  '"latitude", "longitude"}, "songs": [{"title", "cover_of": artist}]}]. A known setlistfm_id gets the new list of '
  'songs. Returns the next stage, how many rows were written and refused, and why. Errors: not_found, conflict, '
  'invalid_argument, too_large.';
revoke all on function medley.import_setlists(text, uuid, jsonb, timestamptz)
from public, anon, authenticated, service_role;
grant execute on function medley.import_setlists(text, uuid, jsonb, timestamptz) to service_role;

create or replace function medley.import_setlist_songs(p_artist_id uuid, p_setlists jsonb)
returns void
language plpgsql volatile parallel unsafe security definer
set search_path = '' set plan_cache_mode = force_custom_plan
as $$
declare
  v_setlist_ids uuid[];
  v_song_ids uuid[];
  v_positions int[];
begin
  with played as materialized (
    select l.id as setlist_id, s.song ->> 'title' as title, s.place
    from jsonb_array_elements(p_setlists) as g (setlist)
    inner join public.setlists as l on l.setlistfm_id = g.setlist ->> 'setlistfm_id'
    cross join lateral jsonb_array_elements(g.setlist -> 'songs') with ordinality as s (song, place)
  ),

  keyed as materialized (
    select t.title, medley.work_key(t.title) as work_key
    from (select distinct p.title from played as p) as t
  ),

  work as materialized (
    -- Of several recordings of a work the one that stands for it.
    select distinct on (s.work_key) s.work_key, s.id
    from public.artist_songs as l
    inner join public.songs as s on s.id = l.song_id
    where l.artist_id = p_artist_id
    order by s.work_key, s.duplicate_of nulls first, l.is_primary_artist desc, s.id
  ),

  recorded as (
    -- A song that was played twice stands where it was played first.
    select p.setlist_id, w.id as song_id, min(p.place) as place
    from played as p
    inner join keyed as k on k.title = p.title
    inner join work as w on w.work_key = k.work_key
    group by p.setlist_id, w.id
  ),

  placed as (
    select p.setlist_id, p.song_id, row_number() over (partition by p.setlist_id order by p.place)::int as position
    from recorded as p
  )

  select
    array_agg(p.setlist_id order by p.setlist_id, p.position),
    array_agg(p.song_id order by p.setlist_id, p.position),
    array_agg(p.position order by p.setlist_id, p.position)
    into v_setlist_ids, v_song_ids, v_positions
  from placed as p;

  delete from public.setlist_songs as s
  using (select distinct n.setlist_id from unnest(v_setlist_ids) as n (setlist_id)) as n
  where s.setlist_id = n.setlist_id
    and not exists (
      select from unnest(v_setlist_ids, v_song_ids) as w (setlist_id, song_id)
      where w.setlist_id = s.setlist_id and w.song_id = s.song_id
    );

  insert into public.setlist_songs as s (setlist_id, song_id, position)
  select n.setlist_id, n.song_id, n.position
  from unnest(v_setlist_ids, v_song_ids, v_positions) as n (setlist_id, song_id, position)
  on conflict (setlist_id, song_id) do update
  set position = excluded.position
  where s.position <> excluded.position;
end;
$$;

comment on function medley.import_setlist_songs(uuid, jsonb) is
  'Makes the songs of these setlists, which are there, those of the list: what left it goes, votes on the others stay.';
revoke all on function medley.import_setlist_songs(uuid, jsonb) from public, anon, authenticated, service_role;
