-- Scores are sums of their terms; the weights are rows, or a variant's; availability lifts, dislikes push down.
select plan(27);

select make_kind('film'), make_members(6);
-- So that points can be told from weights alone.
update medley.settings as s set value = 0 where s.key = 'recommend.history_recency';
select make_items('film', 'f', 12);
select plant_list('behavior', array['f1 > f3 0.9', 'f1 > f4 0.6', 'f2 > f4 0.6', 'f2 > f5 0.4', 'f1 > f5 0.4']);
select plant_list('content', array['f1 > f4 0.5', 'f1 > f6 0.5']);
select crowd(5, 'f' || n, 'like', '100 days') from generate_series(7, 9) as n;
select describe_item(item_named('f' || n), array['keyword: heist', 'keyword: bank']) from generate_series(3, 12) as n;
select befriend(md5('member m1')::uuid, md5('member m2')::uuid);
select engage('m2', 'f10', 'like', '1 day'), engage('m1', 'f1', 'like', '3 days');
select medley.refresh_item_statistics();

select act_as(md5('member m1')::uuid);
select is_empty($$
  select r.title from public.get_recommendations(p_limit => 200) as r
  where abs(r.score - (select sum(b.value::numeric) from jsonb_each_text(r.breakdown) as b)) > 0.00001
$$, 'breakdown sums to the score');
select results_eq(
  $$ select distinct k from public.get_recommendations() as r, jsonb_object_keys(r.breakdown) as k order by k $$,
  $$ values ('availability'), ('behavior'), ('content'), ('diversity'), ('exploration'), ('followed'), ('popularity'),
    ('recency'), ('social'), ('trend') $$,
  'of these terms'
);
select is(points('f3', 'behavior'), 0.9, 'by behaviour');
select is(points('f6', 'content'), 0.0125, 'by content, over the root of a history of four');
select is(points('f10', 'social'), round((0.02 * (1 - 0.75 * ln(2.0) / ln(6.0)))::numeric, 4), 'by friends');
select cmp_ok(points('f4', 'diversity'), '<', 0::numeric, 'likeness to the best costs');
select is(points('f3', 'diversity'), 0::numeric, 'the best itself nothing');
select is_empty($$ select 1 from public.get_recommendations() as r where r.variant is not null $$, 'no experiment, no variant');
select results_eq($$ select r."position" from public.get_recommendations(p_limit => 7) as r $$,
  $$ select generate_series(0, 6) $$, 'positions count from 0');

-- Dislikes.
select is((recommended())[1:2], array['f3', 'f4'], 'the order by what is liked');
select act_as_owner();
select engage('m1', 'f2', 'dislike');
select act_as(md5('member m1')::uuid);
select ok(abs(points('f4', 'behavior') - 0.6 * (points('f3', 'behavior') / 0.9 - 0.5)) < 0.0002,
  'what is disliked takes from its neighbours half of what it would give');

select ok(
  (select abs(sum((c ->> 'points')::numeric) - (e.breakdown ->> 'content')::numeric) < 0.0001
    from public.explain_recommendation(item_named('f6')) as e, jsonb_array_elements(e.causes) as c
    group by e.breakdown),
  'in the causes likewise'
);

-- Weights.
select act_as_owner();
savepoint plain;
update medley.ranker_weights as w set weight = 0 where w.ranker = 'recommendations' and w.term in ('behavior', 'diversity');
update medley.ranker_weights as w set weight = 0.5, cap = 0.3 where w.ranker = 'recommendations' and w.term = 'social';
select act_as(md5('member m1')::uuid);
select is((recommended())[1], 'f10', 'edited weights count in the next call');
select is(points('f10', 'social'), 0.3, 'with their cap');
select is((select sum((r.breakdown ->> 'diversity')::numeric) from public.get_recommendations(p_limit => 200) as r), 0::numeric,
  'without its weight likeness costs nothing');
select ok((select array_agg(r.score order by r."position") = array_agg(r.score order by r.score desc)
  from public.get_recommendations(p_limit => 200) as r), 'and the page is in order of score');
rollback to plain;

-- An experiment.
select medley.create_experiment('friendly', 'recommendations', '[{"variant": "control", "share": 0.5},
  {"variant": "warm", "share": 0.5, "weights": {"social": 9, "behavior": 0, "content": 0}}]', 'engagement', 1, null, 'salt', null, now());
select medley.start_experiment('friendly', now());
update medley.ranker_weights as w set cap = 9, scale = 0.001 where w.ranker = 'recommendations' and w.term = 'social';
select make_member('x' || n), befriend(md5('member x' || n)::uuid, md5('member m2')::uuid) from generate_series(1, 24) as n;
select engage('x' || n, 'f1', 'like', '1 hour') from generate_series(1, 24) as n;
select act_as_service();
create temp table answers on commit drop as
select g.n, r.variant, r.title, r.score
from generate_series(1, 24) as g (n)
cross join lateral public.get_recommendations(p_limit => 1, p_user_id => md5('member x' || g.n)::uuid) as r;
select results_eq('select distinct variant from answers order by variant', $$ values ('friendly:control'), ('friendly:warm') $$,
  'each member is told the variant, control too');
select is_empty($$ select * from answers where (variant = 'friendly:warm') <> (score > 8) $$, 'whose weights count');
select is(min(a.score)::int, 9, 'with its score') from answers as a where a.variant = 'friendly:warm';
select is(count(distinct e.variant), 1::bigint, 'explanations name it too') from answers as a
cross join lateral public.explain_recommendation(item_named('f10'), md5('member x' || a.n)::uuid) as e
where a.variant = 'friendly:warm' and e.variant = a.variant and e.score > 8;
select act_as_owner();
select medley.stop_experiment('friendly', now());
select act_as(md5('member x1')::uuid);
select is_empty($$ select 1 from public.get_recommendations() as r where r.variant is not null $$, 'stopped, it is over');

-- Availability.
select act_as_owner();
select medley.replace_item_availability(
  array[item_named('f11'), item_named('f12'), item_named('f9')],
  array[item_named('f11'), item_named('f12'), item_named('f9')], array['Netflix', 'netflix', 'mubi'], array['DE', '', ''],
  array[null, now() - interval '1 day', null], array[null, now() + interval '1 day', null]
);
select act_as(md5('member x1')::uuid);
select public.set_platform_subscription('Netflix'), public.set_platform_subscription('mubi', false);
create function pg_temp.available(p_context jsonb) returns text[] language sql as $$
  select coalesce(array_agg(r.title order by r.title collate "C"), '{}')
  from public.get_recommendations(p_limit => 200, p_context => p_context) as r
  where (r.breakdown ->> 'availability')::real >= 0.05
$$;
select is(pg_temp.available('{}'), array['f11', 'f12'], 'what is on a platform that one has');
select is(pg_temp.available('{"country": "de"}'), array['f11', 'f12'], 'in one''s country');
select is(pg_temp.available('{"country": "US"}'), array['f12'], 'not in another');
select act_as_service();
select is(
  (select array_agg(r.title) from medley.get_recommendations(md5('member x1')::uuid, null, 200, null, '{}', now() + interval '2 days')
    as r where (r.breakdown ->> 'availability')::real > 0),
  array['f11'], 'while it is there'
);
select act_as(md5('member x1')::uuid);
select public.set_platform_subscription('Netflix', false);
select is(pg_temp.available('{}'), '{}', 'a subscription that ended lifts nothing');
select act_as(md5('member x2')::uuid);
select is(pg_temp.available('{}'), '{}', 'nor do the subscriptions of others');

select * from finish();
