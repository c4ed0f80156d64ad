-- One running import an artist, however the artist is named; a failed one goes on, a fresh one is left alone.
select plan(24);

create temporary table job (name text primary key, id text);
grant all on job to public;
create function tests.started(p_artist jsonb, p_hours double precision default 0)
returns table (job_id text, stage text, started boolean)
language sql
as $$ select s.* from medley.start_import(p_artist, null, now() + make_interval(secs => 3600 * p_hours)) as s $$;

insert into job select 'first', s.job_id from started('{"name": "Low"}') as s;
select is(stage, 'identify', 'a new import begins with the first stage') from public.import_status;
select is(s.started, false, 'a second call does not start') from started('{"name": " low "}') as s;
select is(s.job_id, (select id from job), 'it joins, in any spelling') from started('{"name": "LOW"}') as s;
select is(count(*), 1::bigint, 'one job') from public.import_status;

select public.claim_import(id) from job;
select public.identify_import(id, lease(id), '{"name": "Low", "spotify_id": "sp", "ticketmaster_id": "tm"}') from job;
select is(s.job_id, (select id from job), 'by what was found out since') from started('{"spotify_id": "sp"}') as s;
select is(s.job_id, (select id from job), 'and still as it was asked for') from started('{"name": "low"}') as s;
select public.import_artist(id, lease(id), '{"name": "Low"}') from job;
select is(s.job_id, (select id from job), 'by the other id') from started('{"ticketmaster_id": "tm"}') as s;
select is(s.job_id, (select id from job), 'by the artist')
from started((select jsonb_build_object('artist_id', a.id) from public.artists as a)) as s;
select is(artist_id, (select id from public.artists), 'the status names the artist') from public.import_status;

select public.fail_import(id, lease(id), 'source_unavailable', 'Spotify: no answer') from job;
select is(error, 'source_unavailable: Spotify: no answer', 'a failed import says why') from public.import_status;
select is(stage, 'failed', 'it is failed') from public.import_status;
select results_eq(
  $$ select s.job_id, s.stage, s.started from started('{"name": "Low"}') as s $$,
  $$ select id, 'songs', true from job $$,
  'started again, it goes on where it was'
);
select is(error, null, 'the error is gone') from public.import_status;
select is(completed_at, null, 'it has not ended') from public.import_status;
select public.claim_import(id) from job;
select public.fail_import(id, lease(id), 'source_unavailable', 'again') from job;
select isnt(s.job_id, (select id from job), 'a failure of long ago is not gone on with')
from started('{"name": "Low"}', 25) as s;

delete from public.import_status;
update job set id = make_import('Low', 'done');
select public.finish_import(id, lease(id)) from job;
select results_eq(
  $$ select s.job_id, s.stage, s.started from started('{"name": "Low"}') as s $$,
  $$ select id, 'done', false from job $$,
  'what was just imported is not imported again'
);
select isnt(s.job_id, (select id from job), 'but later it is') from started('{"name": "Low"}', 2) as s;

select throws_code($$ select public.start_import('{}') $$, 'invalid_argument', 'somebody must be meant');
select throws_code($$ select public.start_import(null) $$, 'invalid_argument', 'an object must be given');
select throws_code($$ select public.start_import('{"name": 1}') $$, 'invalid_argument', 'names are texts');
select throws_code($$ select public.start_import('{"name": " "}') $$, 'invalid_argument', 'names are not empty');
select throws_code(
  $$ select public.start_import('{"name": "a", "spotify_id": "b"}') $$, 'invalid_argument', 'in one way only'
);
select throws_code(
  $$ select public.start_import('{"artist_id": "00000000-0000-0000-0000-000000000000"}') $$, 'not_found', 'no such artist'
);
select throws_code($$ select public.start_import('{"artist_id": "x"}') $$, 'not_found', 'no id at all');

select * from finish();
