-- Ids depend on names only, so that failures are easy to read and a world can be written down by names.
create function tests.artist(p_name text) returns uuid language sql immutable as $$ select md5('artist ' || p_name)::uuid $$;
create function tests.venue(p_name text) returns uuid language sql immutable as $$ select md5('venue ' || p_name)::uuid $$;
create function tests.event(p_title text) returns uuid language sql immutable as $$ select md5('event ' || p_title)::uuid $$;
create function tests.member(p_name text) returns uuid language sql immutable as $$ select md5('member ' || p_name)::uuid $$;

create function tests.make_artist(p_name text, p_genres text[] default '{}')
returns uuid
language sql security definer set search_path = ''
as $$
  insert into public.artists (id, name, genres)
  values (tests.artist(p_name), p_name, p_genres)
  returning id
$$;

create function tests.make_venue(
  p_name text,
  p_latitude double precision default null,
  p_longitude double precision default null,
  p_country text default null
)
returns uuid
language sql security definer set search_path = ''
as $$
  insert into public.venues (id, name, latitude, longitude, country)
  values (tests.venue(p_name), p_name, p_latitude, p_longitude, p_country)
  returning id
$$;

-- A scheduled event so many days from now.
create function tests.make_event(
  p_title text,
  p_days double precision default 10,
  p_genres text[] default '{}',
  p_venue text default null,
  p_headliner text default null,
  p_promoted boolean default false,
  p_tickets boolean default false,
  p_status text default 'scheduled'
)
returns uuid
language sql security definer set search_path = ''
as $$
  insert into public.events (id, title, starts_at, genres, venue_id, headliner_artist_id, promoted, ticket_available, status)
  values (
    tests.event(p_title), p_title, now() + make_interval(secs => 86400 * p_days), p_genres, tests.venue(p_venue),
    tests.artist(p_headliner), p_promoted, p_tickets, p_status
  )
  returning id
$$;

create function tests.plays(p_artist text, p_event text)
returns void
language sql security definer set search_path = ''
as $$
  insert into public.event_artists (event_id, artist_id, billing_order)
  values (tests.event(p_event), tests.artist(p_artist), 2)
$$;

create function tests.follow_item(p_member text, p_item uuid)
returns void
language sql security definer set search_path = ''
as $$
  insert into public.item_follows (user_id, item_id)
  values (tests.member(p_member), p_item)
$$;

create function tests.rsvp(p_member text, p_event text, p_status text default 'going')
returns void
language sql security definer set search_path = ''
as $$
  insert into public.event_rsvps (user_id, event_id, status)
  values (tests.member(p_member), tests.event(p_event), p_status)
$$;

create function tests.prefer(
  p_member text,
  p_genres text[] default '{}',
  p_latitude double precision default null,
  p_longitude double precision default null,
  p_radius_km double precision default 80
)
returns void
language sql security definer set search_path = ''
as $$
  insert into public.user_preferences as p (user_id, genre_preferences, home_latitude, home_longitude, radius_km)
  values (tests.member(p_member), p_genres, p_latitude, p_longitude, p_radius_km)
  on conflict (user_id) do update
  set
    genre_preferences = excluded.genre_preferences, home_latitude = excluded.home_latitude,
    home_longitude = excluded.home_longitude, radius_km = excluded.radius_km
$$;

-- The taxonomy of rock > indie rock > shoegaze, rock > grunge, jazz > bebop, where one artist makes a cluster.
create function tests.make_small_taxonomy()
returns void
language plpgsql security definer set search_path = ''
as $$
begin
  perform tests.clear_taxonomy();
  perform tests.make_umbrella('rock'), tests.make_umbrella('jazz');
  perform
    tests.make_parent('indie rock', 'rock'), tests.make_parent('shoegaze', 'indie rock'),
    tests.make_parent('grunge', 'rock'), tests.make_parent('bebop', 'jazz');
  update medley.settings set value = 1 where key = 'genres.cluster_min_artists';
  perform tests.make_artist('Every genre', array['rock', 'indie rock', 'shoegaze', 'grunge', 'jazz', 'bebop']);
  perform medley.refresh_genre_cooccurrence();
  perform medley.rebuild_genre_paths();
end;
$$;

-- Leaves one term of the feed at its weight and takes the others away.
create function tests.only_term(p_term text)
returns void
language sql security definer set search_path = ''
as $$
  update medley.ranker_weights
  set weight = 0
  where ranker = 'event_feed' and term <> p_term
$$;

-- The member's feed, through the API function. The caller's claims stay those of the member.
create function tests.feed(p_member text, p_limit int default 200)
returns table (title text, score numeric, breakdown jsonb, reasons text[], distance_km double precision, next_cursor text)
language plpgsql security definer set search_path = ''
as $$
begin
  perform set_config('request.jwt.claims', json_build_object('sub', tests.member(p_member), 'role', 'authenticated')::text, true);
  return query
  select f.title, f.score, f.breakdown, f.reasons, f.distance_km, f.next_cursor
  from public.get_personalized_feed_v3(p_limit) as f;
end;
$$;

create function tests.term(p_member text, p_title text, p_term text)
returns numeric
language sql security definer set search_path = ''
as $$
  select (f.breakdown ->> p_term)::numeric
  from tests.feed(p_member) as f
  where f.title = p_title
$$;

-- The answer to a question after a write, which is rolled back before this returns.
create function tests.after(p_write text, p_question text)
returns text
language plpgsql security invoker
as $$
declare
  v_answer text;
begin
  execute p_write;
  execute p_question into v_answer;
  raise exception using errcode = 'ZZ001', message = coalesce(v_answer, 'null');
exception when sqlstate 'ZZ001' then
  return sqlerrm;
end;
$$;

-- A line a row of the index of upcoming events, by names, for comparing.
create function tests.upcoming_index()
returns table (line text)
language sql stable security definer set search_path = ''
as $$
  select to_jsonb(u)::text from medley.upcoming_events as u
  union all
  select to_jsonb(p)::text from medley.event_postings as p
$$;

-- What is wrong with the index of upcoming events: lines that a rebuild from nothing would add (+) or take away (-).
create function tests.upcoming_index_errors()
returns setof text
language plpgsql security definer set search_path = ''
as $$
begin
  create temp table index_before on commit drop as select i.line from tests.upcoming_index() as i;
  delete from medley.upcoming_events where true;
  perform medley.index_events(array(select e.id from public.events as e));
  return query
  select '+ ' || i.line from (select * from tests.upcoming_index() except all select * from pg_temp.index_before) as i
  union all
  select '- ' || i.line from (select * from pg_temp.index_before except all select * from tests.upcoming_index()) as i;
  drop table pg_temp.index_before;
end;
$$;

-- The moment at which the feeds of a world are read.
create function tests.clock()
returns timestamptz
language sql stable
as $$
  select now() + make_interval(secs => coalesce(current_setting('tests.clock', true)::double precision, 0))
$$;

-- Builds what a test wrote down as JSON: see World in tests/sql/live/worlds.py.
create function tests.build_world(p_world jsonb)
returns void
language plpgsql security definer set search_path = ''
as $$
begin
  perform set_config('tests.clock', p_world ->> 'clock', true);
  perform tests.clear_taxonomy();
  perform medley.upsert_genres(array(select jsonb_object_keys(p_world -> 'genres')));
  insert into public.genre_taxonomy_roots (genre_id)
  select tests.genre(g.name) from jsonb_each(p_world -> 'genres') as g (name, parents) where g.parents = '[]';
  insert into public.genre_parent (child_id, parent_id)
  select tests.genre(g.name), tests.genre(p.name)
  from jsonb_each(p_world -> 'genres') as g (name, parents)
  cross join lateral jsonb_array_elements_text(g.parents) as p (name);
  update medley.settings as s set value = w.value::numeric
  from jsonb_each_text(p_world -> 'settings') as w (key, value) where w.key = s.key;
  update medley.ranker_weights as r set weight = w.weight, cap = w.cap, scale = coalesce(w.scale, r.scale)
  from jsonb_to_recordset(p_world -> 'weights') as w (ranker text, term text, weight numeric, cap numeric, scale numeric)
  where w.ranker = r.ranker and w.term = r.term;

  insert into public.artists (id, name, genres)
  select tests.artist(a.name), a.name, a.genres
  from jsonb_to_recordset(p_world -> 'artists') as a (name text, genres text[]);
  perform medley.refresh_genre_cooccurrence();
  perform medley.rebuild_genre_paths();

  insert into public.venues (id, name, latitude, longitude, country)
  select tests.venue(v.name), v.name, v.latitude, v.longitude, v.country
  from jsonb_to_recordset(p_world -> 'venues') as v (name text, latitude float8, longitude float8, country text);
  insert into public.events (id, title, starts_at, venue_id, headliner_artist_id, genres, promoted, ticket_available, status)
  select
    tests.event(e.title), e.title, now() + make_interval(secs => e.seconds), tests.venue(e.venue), tests.artist(e.headliner),
    e.genres, e.promoted, e.tickets, e.status
  from jsonb_to_recordset(p_world -> 'events') as e (
    title text, seconds float8, venue text, headliner text, genres text[], promoted boolean, tickets boolean, status text
  );
  insert into public.event_artists (event_id, artist_id)
  select tests.event(e.title), tests.artist(a.name)
  from jsonb_to_recordset(p_world -> 'events') as e (title text, artists text[])
  cross join lateral unnest(e.artists) as a (name);
  update medley.items as i set visibility = e.visibility
  from jsonb_to_recordset(p_world -> 'events') as e (title text, visibility text)
  where i.id = tests.event(e.title) and i.visibility <> e.visibility;

  perform tests.make_member(m.name), tests.prefer(m.name, m.genres, m.latitude, m.longitude, m.radius_km)
  from jsonb_to_recordset(p_world -> 'members') as m (
    name text, genres text[], latitude float8, longitude float8, radius_km float8
  );
  insert into public.follows (follower_id, followed_id)
  select tests.member(f ->> 0), tests.member(f ->> 1) from jsonb_array_elements(p_world -> 'follows') as f;
  insert into public.user_mutes (user_id, muted_id)
  select tests.member(m ->> 0), tests.member(m ->> 1) from jsonb_array_elements(p_world -> 'mutes') as m;
  insert into public.item_follows (user_id, item_id)
  select tests.member(f ->> 0), tests.artist(f ->> 1) from jsonb_array_elements(p_world -> 'item_follows') as f;
  insert into public.event_rsvps (user_id, event_id, status)
  select tests.member(r ->> 0), tests.event(r ->> 1), r ->> 2 from jsonb_array_elements(p_world -> 'rsvps') as r;
end;
$$;

-- An import that this transaction works on, up to a stage; the id of the job.
create function tests.make_import(p_name text, p_stage text default 'identify')
returns text
language plpgsql security definer set search_path = ''
as $$
declare
  v_job text := (select s.job_id from public.start_import(jsonb_build_object('name', p_name)) as s);
  v_lease uuid := (select c.lease from public.claim_import(v_job) as c);
begin
  if p_stage <> 'identify' then
    perform public.identify_import(
      v_job, v_lease, jsonb_build_object('name', p_name, 'spotify_id', md5(p_name), 'ticketmaster_id', md5(p_name))
    );
  end if;
  if p_stage not in ('identify', 'artist') then
    perform public.import_artist(v_job, v_lease, jsonb_build_object('name', p_name));
  end if;
  if p_stage in ('events', 'setlists', 'done') then
    perform public.import_songs(v_job, v_lease, null);
  end if;
  if p_stage in ('setlists', 'done') then
    perform public.import_events(v_job, v_lease, null);
  end if;
  if p_stage = 'done' then
    perform public.import_setlists(v_job, v_lease, null);
  end if;
  return v_job;
end;
$$;

create function tests.lease(p_job_id text)
returns uuid
language sql stable security definer set search_path = ''
as $$ select j.lease from medley.import_jobs as j where j.job_id = p_job_id $$;

create function tests.import_stage(p_job_id text)
returns text
language sql stable security definer set search_path = ''
as $$ select s.stage || ' ' || s.progress from public.import_status as s where s.job_id = p_job_id $$;

create function tests.song(p_title text) returns uuid language sql immutable as $$ select md5('song ' || p_title)::uuid $$;
create function tests.setlist(p_name text) returns uuid language sql immutable as $$ select md5('setlist ' || p_name)::uuid $$;

-- A song, linked with an artist of that name if there is one.
create function tests.make_song(p_title text, p_artist text default 'Band', p_own boolean default true, p_released date default null)
returns uuid
language sql security definer set search_path = ''
as $$
  with made as (
    insert into public.songs (id, title, artist, release_date)
    values (tests.song(p_title), p_title, p_artist, p_released)
    returning id
  ),

  linked as (
    insert into public.artist_songs (artist_id, song_id, is_primary_artist)
    select tests.artist(p_artist), m.id, p_own from made as m where exists (select from public.artists as a where a.name = p_artist)
  )

  select id from made
$$;

-- A setlist with these songs, by title.
create function tests.make_setlist(
  p_name text,
  p_event text,
  p_songs text[],
  p_artist text default 'Band',
  p_type text default 'predicted',
  p_creator text default null
)
returns uuid
language sql security definer set search_path = ''
as $$
  with made as (
    insert into public.setlists (id, event_id, artist_id, type, name, created_by)
    values (tests.setlist(p_name), tests.event(p_event), tests.artist(p_artist), p_type, p_name, tests.member(p_creator))
    returning id
  ),

  songs as (
    insert into public.setlist_songs (setlist_id, song_id, position)
    select m.id, tests.song(s.title), s.place
    from made as m
    cross join unnest(p_songs) with ordinality as s (title, place)
  )

  select id from made
$$;

create function tests.on_setlist(p_setlist text, p_song text)
returns uuid
language sql stable security definer set search_path = ''
as $$
  select g.id from public.setlist_songs as g
  where g.setlist_id = tests.setlist(p_setlist) and g.song_id = tests.song(p_song)
$$;

-- The titles of a setlist in order.
create function tests.played(p_setlist uuid)
returns text[]
language sql stable security definer set search_path = ''
as $$
  select coalesce(array_agg(s.title order by g.position), '{}')
  from public.setlist_songs as g
  inner join public.songs as s on s.id = g.song_id
  where g.setlist_id = p_setlist
$$;

-- Every counter that a recount would change.
create function tests.miscounts()
returns table (line text)
language sql stable security definer set search_path = ''
as $$
  select format('song %s has %s up, %s down', g.id, g.upvotes, g.downvotes)
  from public.setlist_songs as g
  where array[g.upvotes, g.downvotes] <> (
    select array[count(*) filter (where v.vote = 1), count(*) filter (where v.vote = -1)]::int[]
    from public.setlist_votes as v where v.setlist_song_id = g.id
  )
  union all
  select format('setlist %s has %s', s.name, s.total_votes)
  from public.setlists as s
  where s.total_votes <> (
    select count(*) from public.setlist_votes as v
    inner join public.setlist_songs as g on g.id = v.setlist_song_id
    where g.setlist_id = s.id
  )
  union all
  select format('profile %s has %s votes, %s follows', p.username, p.total_votes, p.total_follows)
  from public.profiles as p
  where (p.total_votes, p.total_follows) is distinct from (
    (select count(*) from public.setlist_votes as v where v.user_id = p.id),
    (select count(*) from public.item_follows as f inner join public.artists as a on a.id = f.item_id where f.user_id = p.id)
  )
  union all
  select format('artist %s has %s songs, %s albums', a.name, a.total_songs, a.total_albums)
  from public.artists as a
  where array[a.total_songs, a.total_albums] <> (
    select array[count(*), count(distinct s.album)]::int[]
    from public.artist_songs as l
    inner join public.songs as s on s.id = l.song_id
    where l.artist_id = a.id
  )
$$;
