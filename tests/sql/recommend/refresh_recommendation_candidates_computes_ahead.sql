-- The job computes the pages of active members, whose time of day comes first, and they equal what the call would say.
select plan(26);

select make_kind('film'), make_members(8);
select make_items('film', 'f', 60);
select engage('m' || m, 'f' || 1 + (m * 7 + n * 5) % 60, 'like', make_interval(days => m))
from generate_series(1, 6) as m, generate_series(1, 6) as n;
select engage('m8', 'f1', 'like', '30 days');
select befriend(md5('member m1')::uuid, md5('member m2')::uuid);
select medley.refresh_item_statistics(), medley.rebuild_behavior_neighbors(1000);
create function tests.has_page() returns text[] language sql as $$
  select coalesce(array_agg(p.username order by p.username), '{}')
  from public.profiles as p inner join medley.members as m on p.id = m.user_id
  where exists (select from medley.recommendation_candidates as c where c.user_no = m.user_no)
$$;
create function tests.written_ago(p_members text[], p_ago interval) returns void language sql as $$
  update medley.member_activity as a set last_written_at = now() - p_ago
  from medley.members as m
  where a.user_no = m.user_no and m.user_id in (select md5('member ' || n)::uuid from unnest(p_members) as n)
$$;

select is(medley.refresh_recommendation_candidates(100), 0::bigint, 'who is active right now is not computed ahead');
select written_ago(array['m1', 'm2', 'm3', 'm4', 'm5', 'm6', 'm8'], '1 hour');
-- Half past the hour before midday, UTC: the next part of the day is the afternoon.
select set_config('tests.noon', (date_trunc('day', now(), 'UTC') + interval '11 hours 30 minutes')::text, true);
insert into medley.user_context (user_no, context_type, context_value, frequency, last_seen)
select m.user_no, 'time_of_day', c.part, c.frequency, now()
from (values ('m5', 'afternoon', 9), ('m4', 'afternoon', 3), ('m1', 'morning', 20)) as c (member, part, frequency)
inner join medley.members as m on m.user_id = md5('member ' || c.member)::uuid;
savepoint clock;
select written_ago(array['m1', 'm2', 'm3', 'm4', 'm5', 'm6'], '2 days');
select is(medley.refresh_recommendation_candidates_at(1, current_setting('tests.noon')::timestamptz), 1::bigint, 'one at a time');
select is(has_page(), array['m5'], 'first who comes most often at this time of the day');
select medley.refresh_recommendation_candidates_at(1, current_setting('tests.noon')::timestamptz);
select is(has_page(), array['m4', 'm5'], 'then who comes then at all');
rollback to clock;
select is(medley.refresh_recommendation_candidates(100), 6::bigint, 'in the end every active member');
select is(has_page(), array['m1', 'm2', 'm3', 'm4', 'm5', 'm6'], 'and nobody who has not been there for long, or ever');
select is(medley.refresh_recommendation_candidates(100), 0::bigint, 'a page that is true is not computed again');
select is_empty($$ select 1 from medley.recommendation_candidates where expires_at > generated_at + interval '24 hours' $$,
  'no page lasts longer than a day');
select is((select count(*) from medley.recommendation_candidates), 6 * 40::bigint, 'of so many items');

-- The page is what the call would say.
create function tests.page_of(p_member text, p_limit int) returns setof text language plpgsql as $$
begin
  perform act_as(md5('member ' || p_member)::uuid);
  return query select (r.item_id, r.kind, r.title, r.score, r.algorithm, r.position, r.reason, r.breakdown)::text
  from public.get_recommendations(p_limit => p_limit) as r;
  perform act_as_owner();
end;
$$;
create temp table pages as
select m.n, l.size, array(select page_of('m' || m.n, l.size)) as ahead
from generate_series(1, 6) as m (n), unnest(array[1, 5, 40]) as l (size);
select is_empty($$
  select c.rank from medley.recommendation_candidates as c
  where abs(c.base_score + c.popularity_boost + c.recency_boost + c.diversity_penalty + c.availability_boost + c.social_boost
    - c.final_score) > 0.00001
$$, 'the parts sum to the score');
select is_empty($$ select c.rank from medley.recommendation_candidates as c where c.diversity_penalty > 0 $$, 'likeness only costs');
update medley.recommendation_candidates as c set explanation = jsonb_set(c.explanation, '{reason}', '"Ahead"') where true;
select is((select page_of('m1', 5) limit 1) ~ 'Ahead', true, 'pages ahead are what is read');
delete from medley.recommendation_candidates as c where true;
select is_empty($$
  select p.n, p.size from pages as p
  where p.size = 40 and p.ahead <> array(select page_of('m' || p.n, p.size))
$$, 'a page of all that was computed equals the pipeline''s');
select is_empty($$
  select p.n, p.size from pages as p where cardinality(p.ahead) <> p.size
$$, 'pages ahead are full');

-- What makes a page due again.
select medley.refresh_recommendation_candidates(100);
select engage('m1', 'f60', 'like');
select written_ago(array['m1'], '-1 second');
select is(medley.refresh_recommendation_candidates(100), 0::bigint, 'not while the member goes on');
select is(medley.refresh_recommendation_candidates_at(100, now() + interval '10 minutes'), 1::bigint, 'but soon after');
select cmp_ok(medley.refresh_recommendation_candidates_at(100, now() + interval '23 hours 5 minutes'), '>=', 5::bigint,
  'and before it is too old');

-- A setting out of its range is the nearest in it.
savepoint hours;
update medley.settings as s set value = 48 where s.key = 'recommend.candidate_hours';
select medley.write_recommendation_candidates(array(select m.user_no from medley.members as m), '2026-03-01 12:00Z');
select is((select max(c.expires_at) from medley.recommendation_candidates as c), '2026-03-02 12:00Z', 'a page lasts a day at most');
update medley.settings as s set value = 0 where s.key = 'recommend.candidate_hours';
select medley.write_recommendation_candidates(array(select m.user_no from medley.members as m), '2026-03-01 12:00Z');
select is((select max(c.expires_at) from medley.recommendation_candidates as c), '2026-03-01 13:00Z', 'and an hour at least');
rollback to hours;

-- Pruning.
update medley.recommendation_candidates as c set expires_at = now() - interval '1 second'
from medley.members as m where c.user_no = m.user_no and m.user_id = md5('member m2')::uuid;
select is(medley.prune_recommendation_candidates(30), 30::bigint, 'what is too old goes in batches');
select is(medley.prune_recommendation_candidates(30), 10::bigint, 'to the end');
select is(medley.prune_recommendation_candidates(30), 0::bigint, 'and no more');
select ok(not has_page() @> array['m2'] and has_page() @> array['m3'], 'of whom it was');
delete from auth.users as u where u.id = md5('member m3')::uuid;
select ok(not exists (select from rows_about(md5('member m3')::uuid)), 'a deleted member''s page goes at once');

select act_as(md5('member m1')::uuid);
select throws_permission('select * from medley.recommendation_candidates', 'members do not read pages ahead');
select act_as_service();
select throws_permission('select medley.refresh_recommendation_candidates(1)', 'nor does the service run the job by hand');

select * from finish();
