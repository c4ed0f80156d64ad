-- Rows that cannot be written are refused one by one and named; what is no list of rows refuses the stage.
select plan(17);

create temporary table job (id text);
insert into job values (make_import('Low', 'songs'));
create temporary table outcome as
select s.*
from job, public.import_songs(job.id, lease(job.id), $$[
  {"title": "Words", "spotify_id": "s1", "duration_ms": 1000, "release_date": "1994-02-01"},
  {"title": ""}, {"spotify_id": "s2"}, 7, null, "x",
  {"title": "a", "duration_ms": "long"}, {"title": "b", "duration_ms": -1}, {"title": "c", "duration_ms": 99999999999},
  {"title": "d", "release_date": "1994-02-31"}, {"title": "e", "release_date": "infinity"},
  {"title": "f", "popularity": 101}, {"title": "g", "is_explicit": "perhaps"}, {"title": "h", "spotify_id": ""},
  {"title": "Words again", "spotify_id": "s1", "duration_ms": 2000},
  {"title": "Lust", "unknown": [1, 2]}
]$$) as s;
select is(written, 3, 'the good ones are written') from outcome;
select is(refused, 13, 'the others are counted') from outcome;
select is(reasons[1], 'song 2: it has no title', 'and named') from outcome;
select is(cardinality(reasons), 13, 'each') from outcome;
select results_eq(
  $$ select title, spotify_id, duration_ms from public.songs order by title $$,
  $$ values ('Lust', null, null), ('Words', 's1', 1000) $$,
  'of two rows with one id the first counts'
);
select matches(message, '13 refused', 'the message says so') from public.import_status;

create temporary table shows as
select s.*
from job, public.import_events(job.id, lease(job.id), $$[
  {"ticketmaster_id": "t1", "title": "Night", "starts_at": "2031-01-01T20:00:00Z", "venue": {"name": "Hall"}},
  {"ticketmaster_id": "t2", "title": "No day"}, {"title": "No id", "starts_at": "2031-01-01"},
  {"ticketmaster_id": "t3", "title": "a", "starts_at": "soon"}, {"ticketmaster_id": "t4", "title": "b", "starts_at": "infinity"},
  {"ticketmaster_id": "t5", "title": "c", "starts_at": "2031-01-01", "min_price": 9, "max_price": 1},
  {"ticketmaster_id": "t6", "title": "d", "starts_at": "2031-01-01", "currency": "Euro"},
  {"ticketmaster_id": "t7", "title": "e", "starts_at": "2031-01-01", "status": "maybe"},
  {"ticketmaster_id": "t8", "title": "f", "starts_at": "2031-01-01", "venue": {"city": "Köln"}},
  {"ticketmaster_id": "t9", "title": "g", "starts_at": "2031-01-01", "venue": "Hall"},
  {"ticketmaster_id": "t0", "title": "h", "starts_at": "2031-01-01", "venue": {"name": "Hall", "latitude": 0, "longitude": 0}}
]$$) as s;
select is(written || ' ' || refused, '2 9', 'shows likewise') from shows;
select is(string_agg(ticketmaster_id, ' ' order by ticketmaster_id), 't0 t1', 'the good ones') from public.events;
select is(count(*), 1::bigint, 'a place that is nowhere is a place without coordinates') from public.venues;

create temporary table sets as
select s.*
from job, public.import_setlists(job.id, lease(job.id), $$[
  {"setlistfm_id": "l1", "event_date": "2020-01-01", "songs": [{"title": "Words"}, {"title": "Words (Live)"}, {"title": "New"}]},
  {"setlistfm_id": "l2", "event_date": "2020-01-01", "songs": []}, {"setlistfm_id": "l3", "songs": [{"title": "a"}]},
  {"setlistfm_id": "l4", "event_date": "31-12-2020", "songs": [{"title": "a"}]},
  {"setlistfm_id": "l5", "event_date": "2020-01-01", "songs": [{"title": ""}]},
  {"setlistfm_id": "l6", "event_date": "2020-01-01", "songs": {"title": "a"}},
  {"event_date": "2020-01-01", "songs": [{"title": "a"}]}
]$$) as s;
select is(written || ' ' || refused, '1 6', 'setlists likewise') from sets;
select results_eq(
  $$
    select p.position, s.title
    from public.setlist_songs as p
    inner join public.songs as s on s.id = p.song_id
    order by p.position
  $$,
  $$ values (1, 'Words'), (2, 'New') $$,
  'a work stands where it was played first; one that nobody knew is new'
);

select public.finish_import(id, lease(id)) from job;
update job set id = make_import('Other', 'songs');
select throws_code(format('select public.import_songs(%L, %L, ''{}'')', id, lease(id)), 'invalid_argument', 'no list') from job;
select throws_code(
  format('select public.import_songs(%L, %L, (select jsonb_agg(n) from generate_series(1, 10001) as n))', id, lease(id)),
  'too_large', 'too long a list'
) from job;
select is(import_stage(id), 'songs 10', 'the job is where it was') from job;

update job set id = make_import('Third', 'artist');
select throws_code(
  format('select public.import_artist(%L, %L, ''{"popularity": 101}'')', id, lease(id)), 'invalid_argument', 'a bad artist'
) from job;
select throws_code(
  format('select public.import_artist(%L, %L, ''{"genres": 7}'')', id, lease(id)), 'invalid_argument', 'of the wrong form'
) from job;
select is(count(*), 0::bigint, 'is not written') from public.artists where name = 'Third';

select * from finish();
