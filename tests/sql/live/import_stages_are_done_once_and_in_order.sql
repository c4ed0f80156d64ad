-- A stage whose answer got lost may be sent again; one that is not due is refused; progress never runs backwards.
select plan(18);

create temporary table job as select make_import('Low', 'songs') as id;
select is(import_stage(id), 'songs 10', 'the stage that is due') from job;

select throws_code(
  format('select public.import_setlists(%L, %L, ''[]'')', id, lease(id)), 'conflict', 'a later stage must wait'
) from job;
select throws_code(format('select public.finish_import(%L, %L)', id, lease(id)), 'conflict', 'so must the end') from job;

select results_eq(
  $$
    select s.stage, s.written, s.refused
    from job, public.import_songs(job.id, lease(job.id), '[{"spotify_id": "s1", "title": "Words"}]') as s
  $$,
  $$ values ('events', 1, 0) $$,
  'a stage names the next'
);
select results_eq(
  $$
    select s.stage, s.written, s.refused
    from job, public.import_songs(job.id, lease(job.id), '[{"spotify_id": "s2", "title": "Lust"}]') as s
  $$,
  $$ values ('events', 0, 0) $$,
  'done again, it does nothing'
);
select is(string_agg(title, ' '), 'Words', 'the songs of the first call') from public.songs;
select is(public.import_artist(id, lease(id), '{"name": "Not Low"}'), 'events', 'nor do those before') from job;
select is(name, 'Low', 'the artist is as it was') from public.artists;
select is(public.identify_import(id, lease(id), '{"spotify_id": "other"}'), 'events', 'the first neither') from job;

select public.report_import_progress(id, lease(id), 0.5, 'half') from job;
select is(import_stage(id), 'events 55', 'half of a stage is half of its share') from job;
select public.report_import_progress(id, lease(id), 0.1, 'less') from job;
select is(import_stage(id), 'events 55', 'less is not less') from job;
select throws_code(
  format('select public.report_import_progress(%L, %L, 1.5)', id, lease(id)), 'invalid_argument', 'more than all is refused'
) from job;

select is(s.stage, 'setlists', 'no source, no rows') from job, public.import_events(job.id, lease(job.id), null) as s;
select is(s.stage, 'done', 'an empty list is none') from job, public.import_setlists(job.id, lease(job.id), '[]') as s;
select is(import_stage(id), 'setlists 99', 'all is written, and not yet said') from job;
select public.finish_import(id, lease(id)) from job;
select is(import_stage(id), 'done 100', 'it is done') from job;
select isnt(last_full_sync_at, null, 'the artist knows') from public.artists;
select results_eq(
  $$ select u.update_no from medley.import_updates as u order by u.update_no $$,
  $$ select generate_series(1, s.update_no) from public.import_status as s $$,
  'the updates are numbered without gaps'
);

select * from finish();
