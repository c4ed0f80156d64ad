-- Workers claim requests for a while; reports name the lease, and what nobody finishes fails in the end.
select plan(51);

select make_member('ada'), make_member('bob');
select make_band('ada', 'Band');
create temp table given (n int, id uuid);
grant all on given to anon, service_role, authenticated;
create function tests.t(p_n int) returns uuid language sql as $$ select g.id from pg_temp.given as g where g.n = p_n $$;
select act_as(member('ada'));
insert into given select 1, r.track_id from public.request_generation('new', 'One', p_band_id => band('Band'), p_is_public => true) as r;
insert into given select 2, r.track_id from public.request_generation('new', 'Two') as r;
select is((select s.queue_position from public.get_generation_status(t(1)) as s), 1::bigint, 'the owner sees the place in the queue');
select throws_permission($$ select public.claim_generation_jobs('w') $$, 'members claim nothing');
select act_as(member('bob'));
select throws_code($$ select public.get_generation_status(t(1)) $$, 'not_found', 'others see nothing');

-- The clock is an argument inside.
select act_as_owner();
update public.generated_tracks set claimable_at = '2026-03-01 10:00Z', created_at = '2026-03-01 10:00Z' where id = t(1);
update public.generated_tracks set claimable_at = '2026-03-01 10:01Z', created_at = '2026-03-01 10:01Z' where id = t(2);
create function tests.claim(p_at timestamptz, p_limit int default 1) returns text language sql as $$
  select string_agg(c.title || ' ' || c.attempt, ', ') from medley.claim_generation_jobs('w', p_limit, 60, p_at) as c
$$;
select is(claim('2026-03-01 09:59Z'), null, 'nothing is due');
select is(claim('2026-03-01 10:02Z'), 'One 1', 'the longest due comes first');
select is(claim('2026-03-01 10:02Z', 9), 'Two 1', 'what is claimed is not claimed again');
select is(claim('2026-03-01 10:02:59Z', 9), null, 'while the lease lasts');
select is(medley.heartbeat_generation(t(1), 1, 40, 60, '2026-03-01 10:02:50Z'), '2026-03-01 10:03:50Z', 'a heartbeat extends it');
select is(claim('2026-03-01 10:03:00Z', 9), 'Two 2', 'a lease that ran out is another''s');
select throws_code($$ select medley.heartbeat_generation(t(2), 1, 1, 60, '2026-03-01 10:03Z') $$, 'conflict', 'the old worker is told');
select throws_code($$ select medley.complete_generation(t(2), 1, 'u', 9, null, null, null, null, null, '2026-03-01 10:03Z') $$,
  'conflict', 'and its report is refused');
select throws_code($$ select medley.fail_generation(t(2), 1, 'e', true, null, '2026-03-01 10:03Z') $$, 'conflict', 'both ways');
select act_as(member('ada'));
select is((select row(s.status, s.progress, s.queue_position)::text from public.get_generation_status(t(1)) as s), '(generating,40,)', 'progress is visible');
delete from public.generated_tracks where id = t(1);
select is((select count(*) from public.generated_tracks as g where g.id = t(1)), 1::bigint, 'what is generating is not deleted');

-- Success.
select act_as_service();
select throws_code($$ select public.complete_generation(t(1), 1, null, 9) $$, 'invalid_argument', 'no address');
select throws_code($$ select public.complete_generation(t(1), 1, 'u', 0) $$, 'invalid_argument', 'no length');
select throws_code($$ select public.complete_generation(t(1), 1, 'u', 9, p_embedding => '{1,2}') $$, 'invalid_argument', 'a short vector');
select throws_code($$ select public.complete_generation(t(1), 1, 'u', 9, p_embedding => sound('NaN')) $$, 'invalid_argument', 'a vector with NaN');
select throws_code($$ select public.complete_generation(t(1), 1, 'u', 9, p_embedding => sound(0)) $$, 'invalid_argument', 'a zero vector');
select is((select g.status from public.generated_tracks as g where g.id = t(1)), 'generating', 'the work is not lost');
select is((select row(c.status, c.match_percentage)::text from public.complete_generation(
  t(1), 1, 'https://x/1.mp3', 180, 'Named', 'Because.', '{ambient}', '{calm}', sound(1)) as c), '(completed,)', 'a lease that ran out, but is nobody else''s, is good');
select is((select c.status from public.complete_generation(t(1), 1, 'https://x/1.mp3', 180) as c), 'completed', 'a repeated report changes nothing');
select throws_code($$ select public.complete_generation(t(1), 1, 'https://x/other.mp3', 180) $$, 'conflict', 'another one is refused');
select throws_code($$ select public.fail_generation(t(1), 1, 'e') $$, 'conflict', 'what is complete does not fail');
select throws_code($$ select public.heartbeat_generation(gen_random_uuid(), 1) $$, 'not_found', 'what was deleted is gone');
select is((select b.track_count from public.bands as b where b.id = band('Band')), 1, 'the track joined its band');
select act_as_anon();
select is((select row(g.title, g.url, g.duration, g.explanation)::text from public.generated_tracks as g), '(Named,https://x/1.mp3,180,Because.)', 'and is there for all');

-- Failure: a pause that doubles, then the end.
select act_as_owner();
select is((select row(f.status, f.attempts, f.retry_at)::text from medley.fail_generation(t(2), 2, 'busy', true, 30, '2026-03-01 11:00Z') as f),
  row('generating', 2, '2026-03-01 11:00:30Z'::timestamptz)::text, 'the provider says when');
select is(claim('2026-03-01 11:00:29Z'), null, 'not before');
select is(claim('2026-03-01 11:00:30Z'), 'Two 3', 'then again');
select is((select row(f.status, f.retry_at)::text from medley.fail_generation(t(2), 3, 'broken', true, null, '2026-03-01 11:01Z') as f), '(failed,)', 'three times are enough');
select is((select q.daily_count from medley.get_generation_quota(member('ada'), now()) as q), 1, 'the allowance is back')
from set_config('role', 'service_role', true);
select act_as_service();
select is((select row(d.track_id, d.attempts, d.error)::text from public.get_failed_generations() as d), row(t(2), 3, 'broken')::text, 'it lies among the dead letters');
select throws_code($$ select public.claim_generation_jobs('', 1) $$, 'invalid_argument', 'a worker has a name');
select throws_code($$ select public.claim_generation_jobs('w', 0) $$, 'invalid_argument', 'and claims something');
select throws_code($$ select public.claim_generation_jobs('w', 1, 0) $$, 'invalid_argument', 'for a while');
select throws_code($$ select public.heartbeat_generation(t(2), 3, 101) $$, 'invalid_argument', 'there is no more than all');
select is((select d.next_cursor from public.get_failed_generations() as d), null, 'which end there');
select throws_code($$ select public.get_failed_generations(p_cursor => 'x') $$, 'invalid_cursor', 'a cursor is one of ours');

select act_as(member('ada'));
insert into given select 3, r.track_id from public.request_generation('new', 'Three') as r;
insert into given select 4, r.track_id from public.request_generation('new', 'Four') as r;
select act_as_service();
select lives_ok($$ select public.claim_generation_jobs('w', 2) $$, 'two more');
select is((select f.status from public.fail_generation(t(3), 1, 'forbidden words', p_retry => false) as f), 'failed', 'what cannot succeed is not tried again');
select ok((select f.retry_at between now() + interval '10 seconds' and now() + interval '16 seconds' from public.fail_generation(t(4), 1, 'x') as f), 'the first pause');
select act_as_owner();
select ok(claim(now() + interval '1 minute') = 'Four 2', 'the second attempt');
select ok((select f.retry_at between now() + interval '21 seconds' and now() + interval '31 seconds' from medley.fail_generation(t(4), 2, 'x', true, null, now()) as f), 'a longer pause');
select ok(claim(now() + interval '2 minutes') = 'Four 3', 'the third');
select is(medley.fail_abandoned_tracks(9, now() + interval '2 minutes'), 0::bigint, 'while it lasts');
select is(medley.fail_abandoned_tracks(9, now() + interval '4 minutes'), 1::bigint, 'a last lease that ran out ends the track');
select is((select row(g.status, g.error)::text from public.generated_tracks as g where g.id = t(4)), '(failed,x)', 'with its last error');

-- Pages of the dead letters.
update public.generated_tracks as g set created_at = '2026-03-01 12:00Z' where g.id = t(3);
update public.generated_tracks as g set created_at = '2026-03-01 13:00Z' where g.id = t(4);
create function tests.letters(p_limit int) returns text language plpgsql as $$
declare
  v_pages text[] := '{}';
  v_page text;
  v_cursor text;
begin
  loop
    select string_agg(g.title, ' ' order by d.created_at desc), max(d.next_cursor) into v_page, v_cursor
    from public.get_failed_generations(p_limit, v_cursor) as d inner join public.generated_tracks as g on g.id = d.track_id;
    v_pages := v_pages || coalesce(v_page, 'empty');
    exit when v_cursor is null;
  end loop;
  return array_to_string(v_pages, ', ');
end;
$$;
select is(letters(1), 'Four, Three, Two', 'one after the other');
select is(letters(2), 'Four Three, Two', 'a cursor goes on after its page');
select is(letters(3), 'Four Three Two', 'the last page has none, however full it is');

select * from finish();
