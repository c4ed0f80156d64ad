-- A request takes one of the day's allowance, whatever has run at midnight; a failure gives it back.
select plan(39);

select make_member('ada'), make_member('bob'), make_member('eve');
update medley.generation_plans set daily_limit = 2 where plan = 'free';
update medley.generation_plans set daily_limit = 4 where plan = 'premium';
create function tests.ask(p_at timestamptz, p_id uuid default null) returns text language sql as $$
  select r.remaining || ' until ' || to_char(r.resets_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI')
  from medley.request_generation(null, 'new', 'T', '{"prompt": "x"}', '{}', '{}', null, null, null, false, p_id, p_at) as r
$$;
create function tests.count_of(p_name text) returns text language sql security definer as $$
  select q.quota_day || ': ' || q.daily_count from medley.generation_quotas as q
  where q.user_no = medley.member_no(md5('member ' || p_name)::uuid)
$$;

select act_as(member('ada'));
select is(ask('2026-03-01 22:00Z'), '1 until 2026-03-02 00:00', 'one is left');
select is(ask('2026-03-01 23:59:59.9Z'), '0 until 2026-03-02 00:00', 'none is left');
select throws_code($$ select ask('2026-03-01 23:59:59.99Z') $$, 'quota_exceeded', 'then it is enough');
select is(ask('2026-03-02 00:00Z'), '1 until 2026-03-03 00:00', 'midnight in UTC begins anew');
select is(ask('2026-03-01 23:59:59.999Z'), '0 until 2026-03-02 00:00', 'who waited across midnight takes from the new day');
select throws_code($$ select ask('2026-03-02 10:00Z') $$, 'quota_exceeded', 'which is then used up');
select is((select q.remaining from medley.get_generation_quota(null, '2026-03-02 10:00Z') as q), 0, 'as the quota says');
select is((select q.remaining from medley.get_generation_quota(null, '2026-03-03 00:00Z') as q), 2, 'the next day it is whole');
select is((select row(q.plan, q.daily_limit, q.daily_count)::text from medley.get_generation_quota(null, '2026-03-02 10:00Z') as q),
  '(free,2,2)', 'with its plan');
set local time zone 'Pacific/Auckland';
select act_as(member('ada'));
select is(ask('2026-03-03 00:30Z'), '1 until 2026-03-04 00:00', 'the session''s time zone does not matter');

-- Plans are data and may end.
select act_as_service();
select lives_ok($$ select public.set_generation_plan(member('bob'), 'premium', '2026-03-05 12:00Z') $$, 'bob pays');
select throws_code($$ select public.set_generation_plan(member('bob'), 'gold') $$, 'invalid_argument', 'there are no other plans');
select throws_code($$ select public.set_generation_plan(gen_random_uuid(), 'free') $$, 'not_found', 'nor members');
select act_as(member('bob'));
select is(ask('2026-03-05 09:00Z'), '3 until 2026-03-06 00:00', 'four a day');
select is(ask('2026-03-05 09:00Z'), '2 until 2026-03-06 00:00', 'and on');
select is(ask('2026-03-05 09:00Z'), '1 until 2026-03-06 00:00', 'and on');
select throws_code($$ select ask('2026-03-05 12:00Z') $$, 'quota_exceeded', 'when the plan ends, free holds');
select throws_permission($$ select public.set_generation_plan(member('bob'), 'premium') $$, 'members choose no plans');
select throws_permission($$ update medley.generation_quotas set daily_count = 0 where true $$, 'nor change their counts');
select is((select count(*) from medley.generation_quotas), 1::bigint, 'of which they see their own');

-- The same id twice is one request.
select act_as(member('eve'));
select is(ask('2026-03-05 09:00Z', track('mine')), '1 until 2026-03-06 00:00', 'eve asks');
select is(ask('2026-03-05 09:00Z', track('mine')), '1 until 2026-03-06 00:00', 'and again, for nothing');
select act_as(member('ada'));
select throws_code($$ select ask('2026-03-05 09:00Z', track('mine')) $$, 'conflict', 'ids of others are taken');
select is((select q.daily_count from medley.get_generation_quota(null, '2026-03-05 09:00Z') as q), 0, 'and cost nothing');

-- What fails, or is given up before it began, costs nothing.
select act_as_owner();
select is(count_of('eve'), '2026-03-05: 1', 'eve has used one');
update public.generated_tracks set status = 'generating', attempts = 3 where id = track('mine');
select lives_ok($$ select medley.fail_tracks(array[track('mine')], 'broken') $$, 'her track fails');
select is(count_of('eve'), '2026-03-05: 0', 'and she has it back');
select is(medley.fail_tracks(array[track('mine')], 'broken'), 0::bigint, 'once');
select is(count_of('eve'), '2026-03-05: 0', 'and no more');
select act_as(member('eve'));
select is(ask('2026-03-05 09:00Z', track('other')), '1 until 2026-03-06 00:00', 'she asks again');
delete from public.generated_tracks where id = track('other');
select act_as_owner();
select is(count_of('eve'), '2026-03-05: 0', 'a queued request that is deleted is given back');
select act_as(member('eve'));
select is(ask('2026-03-05 09:00Z', track('late')), '1 until 2026-03-06 00:00', 'once more');
select is(ask('2026-03-06 09:00Z'), '1 until 2026-03-07 00:00', 'and the next day');
delete from public.generated_tracks where id = track('late');
select act_as_owner();
select is(count_of('eve'), '2026-03-06: 1', 'yesterday''s is not given back today');

-- The reset is a matter of tidiness.
select is(medley.reset_daily_counts(100, '2026-03-06 00:00:01Z'), 1::bigint, 'counts of earlier days go');
select is(count_of('eve'), '2026-03-06: 1', 'those of the day stay');
select is(medley.reset_daily_counts(100, '2026-03-06 00:00:02Z'), 0::bigint, 'a second time there are none');
select act_as_service();
select lives_ok($$ select public.reset_daily_count() $$, 'the function may call it');
select act_as_anon();
select throws_permission($$ select public.request_generation('new') $$, 'nobody asks for nothing');

select * from finish();
