-- A job has one worker. Another may take it up when that one falls silent, whose late writes are then refused.
select plan(13);

create temporary table job as select make_import('Low', 'songs') as id;
create temporary table old as select lease(id) as lease from job;

select is(c.lease, null, 'a held job is not given away') from job, public.claim_import(job.id) as c;
select cmp_ok(c.wait_seconds, '>', 0, 'the other is told how long to wait') from job, public.claim_import(job.id) as c;
select isnt(c.lease, null, 'a job whose worker is silent is')
from job, medley.claim_import(job.id, now() + interval '1 minute') as c;
select is(j.attempt, 2, 'that is the second attempt') from medley.import_jobs as j;
select is(j.stage, 'songs', 'at the stage that was due') from medley.import_jobs as j;

select throws_code(
  format('select public.import_songs(%L, %L, ''[{"title": "a"}]'')', job.id, old.lease), 'conflict', 'the first may write no more'
) from job, old;
select throws_code(
  format('select public.report_import_progress(%L, %L)', job.id, old.lease), 'conflict', 'nor say that it lives'
) from job, old;
select throws_code(
  format('select public.fail_import(%L, %L, ''x'', ''y'')', job.id, old.lease), 'conflict', 'nor fail the job'
) from job, old;
select is(count(*), 0::bigint, 'nothing was written') from public.songs;
select lives_ok(format('select public.import_songs(%L, %L, ''[{"title": "a"}]'')', id, lease(id)), 'the second may') from job;

select public.fail_import(id, lease(id), 'source_refused', 'no') from job;
select results_eq(
  $$ select c.lease, c.stage, c.wait_seconds from job, public.claim_import(job.id) as c $$,
  $$ values (null::uuid, 'failed', null::int) $$,
  'a job that is over is nobody''s'
);
select throws_code($$ select public.claim_import('nothing') $$, 'not_found', 'there must be a job');
select throws_code(
  format('select public.report_import_progress(%L, %L)', 'nothing', gen_random_uuid()), 'not_found', 'for its worker too'
);

select * from finish();
