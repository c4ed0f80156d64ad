-- Venues and shows that the catalogue has are found, not written twice; what it says of them stays.
select plan(10);

create temporary table job as select make_import('Low', 'events') as id;
insert into public.venues (name, city, capacity) values ('The Hall', 'Köln', 900);
insert into public.events (title, starts_at, headliner_artist_id, venue_id)
select 'Long ago', '2020-05-02 03:00Z', a.id, v.id from public.artists as a, public.venues as v;

select public.import_events(id, lease(id), $$[
  {"ticketmaster_id": "t1", "title": "One", "starts_at": "2031-01-01T20:00Z",
   "venue": {"ticketmaster_id": "v1", "name": "THE HALL", "city": "köln", "country": "DE", "latitude": 50.9, "longitude": 6.9}},
  {"ticketmaster_id": "t2", "title": "Two", "starts_at": "2031-01-02T20:00Z", "is_headliner": false,
   "venue": {"ticketmaster_id": "v1", "name": "The Hall", "city": "Köln"}},
  {"ticketmaster_id": "t3", "title": "Three", "starts_at": "2031-01-03T20:00Z",
   "venue": {"ticketmaster_id": "v2", "name": "The Hall", "city": "Wien"}},
  {"ticketmaster_id": "t4", "title": "Four", "starts_at": "2031-01-04T20:00Z"}
]$$) from job;
select is(count(*), 2::bigint, 'one venue was known, one is new') from public.venues;
select results_eq(
  $$ select name, capacity, country, ticketmaster_id, latitude from public.venues where city = 'Köln' $$,
  $$ values ('The Hall', 900, 'DE', 'v1', 50.9::double precision) $$,
  'what was missing is filled in, what was there stays'
);
select is(count(*), 3::bigint, 'three shows of one''s own, one of them long ago')
from public.events as e
where e.headliner_artist_id is not null and e.ticketmaster_id is distinct from 't4';
select is(billing_order, 2::smallint, 'and one as a guest') from public.event_artists;

-- A late evening in America is the next day in UTC.
select public.import_setlists(id, lease(id), $$[
  {"setlistfm_id": "l1", "event_date": "2020-05-01", "songs": [{"title": "Words"}],
   "venue": {"setlistfm_id": "p1", "name": "The Hall", "city": "Köln"}},
  {"setlistfm_id": "l2", "event_date": "2020-05-01", "songs": [{"title": "Lust", "cover_of": "Others"}],
   "venue": {"setlistfm_id": "p2", "name": "Elsewhere", "city": "Köln"}},
  {"setlistfm_id": "l3", "event_date": "2020-05-03", "songs": [{"title": "Words"}]}
]$$) from job;
select is(e.title, 'Long ago', 'the evening is found by day and venue')
from public.setlists as l inner join public.events as e on e.id = l.event_id
where l.setlistfm_id = 'l1';
select is(e.title, 'Low at Elsewhere', 'another venue is another show')
from public.setlists as l inner join public.events as e on e.id = l.event_id
where l.setlistfm_id = 'l2';
select is(e.title, 'Low', 'another day too')
from public.setlists as l inner join public.events as e on e.id = l.event_id
where l.setlistfm_id = 'l3';
select is(string_agg(l.type, ' '), 'actual actual actual', 'they were played') from public.setlists as l;
select is(s.artist || ' ' || a.is_primary_artist, 'Others false', 'a cover is another''s song')
from public.songs as s inner join public.artist_songs as a on a.song_id = s.id
where s.title = 'Lust';
select is(count(*), 2::bigint, 'a song is written once') from public.songs;

select * from finish();
