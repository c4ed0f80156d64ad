-- A provider's events count once, late results are used while they can be, and forged replays are refused.
select plan(34);

select make_member('ada');
create temp table given (n int, id uuid);
grant all on given to service_role, authenticated;
create function tests.t(p_n int) returns uuid language sql as $$ select g.id from pg_temp.given as g where g.n = p_n $$;
create function tests.hook(p_event text, p_job text, p_status text, p_result jsonb default '{}') returns text language sql as $$
  select e.outcome || ' ' || e.status from public.record_generation_event('recorded', p_event, p_job, p_status, p_result) as e
$$;
select act_as(member('ada'));
insert into given select n, r.track_id from generate_series(1, 4) as n, public.request_generation('new', 'T' || n) as r;
select act_as_service();
select lives_ok($$ select public.claim_generation_jobs('w', 4) $$, 'all are claimed');
select lives_ok($$ select public.start_provider_job(g.id, 1, 'recorded', 'job-' || g.n) from given as g $$, 'and given to a provider');
select lives_ok($$ select public.start_provider_job(t(1), 1, 'recorded', 'job-1') $$, 'twice is once');
select throws_code($$ select public.start_provider_job(t(1), 1, 'recorded', 'job-2') $$, 'conflict', 'a job is one track''s');
select throws_code($$ select public.start_provider_job(t(1), 1, 'spotify', 'job-9') $$, 'invalid_argument', 'Spotify makes no tracks');
select throws_code($$ select public.start_provider_job(t(1), 2, 'recorded', 'job-9') $$, 'conflict', 'without a lease there is no job');

select is(hook('e1', 'job-1', 'progress', '{"progress": 55}'), 'applied generating', 'progress');
select is((select g.progress::int from public.generated_tracks as g where g.id = t(1)), 55, 'is noted');
select is(hook('e0', 'job-1', 'progress', '{"progress": 30}'), 'applied generating', 'events that overtake each other');
select is((select g.progress::int from public.generated_tracks as g where g.id = t(1)), 55, 'do not turn it back');
select is(hook('e2', 'job-1', 'completed', '{"url": "https://x/1", "duration": 200, "genres": ["ambient"], "tags": ["calm"]}'), 'applied completed', 'the result');
select is((select row(g.url, g.duration, g.genres, g.tags)::text from public.generated_tracks as g where g.id = t(1)), '(https://x/1,200,{ambient},{calm})', 'is there');
select is(hook('e2', 'job-1', 'completed', '{"url": "https://x/1", "duration": 200, "genres": ["ambient"], "tags": ["calm"]}'), 'duplicate completed', 'twice is once');
select throws_code($$ select hook('e2', 'job-1', 'completed', '{"url": "https://evil/1", "duration": 200}') $$, 'conflict', 'other words under an old id are forged');
select is(hook('e3', 'job-1', 'completed', '{"url": "https://x/2", "duration": 9}'), 'late completed', 'what is final stays');
select is((select g.url from public.generated_tracks as g where g.id = t(1)), 'https://x/1', 'as it is');
select throws_code($$ select hook('e4', 'job-77', 'completed', '{"url": "u", "duration": 9}') $$, 'not_found', 'an unknown job');
select act_as_owner();
select is((select count(*) from medley.provider_events as e where e.event_id = 'e4'), 0::bigint, 'may come again');
select act_as_service();
select throws_code($$ select public.record_generation_event('nobody', 'e', 'job-1', 'completed') $$, 'invalid_argument', 'an unknown provider');
select throws_code($$ select hook(null, 'job-1', 'completed') $$, 'invalid_argument', 'an event without an id');
select throws_code($$ select hook('e5', 'job-2', 'dancing') $$, 'invalid_argument', 'an unknown status');
select throws_code($$ select hook('e5', 'job-2', 'completed', '{"url": "u", "duration": "long"}') $$, 'invalid_argument', 'a length that is no number');
select throws_code($$ select hook('e5', 'job-2', 'completed', '{"url": "u"}') $$, 'invalid_argument', 'no length');

-- The lease ran out, another worker has taken over with a job of its own.
select act_as_owner();
update public.generated_tracks set claimable_at = now() where status = 'generating';
select act_as_service();
select is((select count(*) from public.claim_generation_jobs('second', 9) as c where c.provider_job_id is not null), 3::bigint, 'the next worker sees the running jobs');
select is(hook('e6', 'job-2', 'failed', '{"error": "boom"}'), 'stale generating', 'the first attempt''s failure says nothing of the second');
select is(hook('e7', 'job-2', 'completed', '{"url": "https://x/2", "duration": 100}'), 'applied completed', 'its result is used all the same');
select throws_code($$ select public.complete_generation(t(2), 2, 'https://x/later', 100) $$, 'conflict', 'and the second is told');
select is(hook('e8', 'job-3', 'progress', '{"progress": 99}'), 'stale generating', 'progress of the first attempt is none');
select lives_ok($$ select public.start_provider_job(t(4), 2, 'recorded', 'job-4') $$, 'a running job is taken over');

-- Old events are forgotten, in batches, and could count again from then on.
select act_as_owner();
delete from medley.provider_events where true;
insert into medley.provider_events (provider, event_id, digest, outcome, received_at)
select 'recorded', 'event ' || n, '', 'applied', now() - make_interval(days => n) from generate_series(28, 33) as n;
select is(medley.prune_provider_events(2), 2::bigint, 'the job forgets so many');
select is(medley.prune_provider_events(2), 1::bigint, 'to the last');
select is(medley.prune_provider_events(2), 0::bigint, 'and no more');
select is((select string_agg(e.event_id, ', ' order by e.event_id) from medley.provider_events as e), 'event 28, event 29, event 30', 'what is younger stays');
update medley.settings as s set value = 28 where s.key = 'studio.keep_event_days';
select is(medley.prune_provider_events(9), 2::bigint, 'the setting says how old');

select * from finish();
