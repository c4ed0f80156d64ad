-- Who has done nothing yet takes part in experiments, and keeps the variant with the first engagement.
select plan(5);

select make_kind('film'), make_items('film', 'f', 3), make_members(24);
select medley.create_experiment('bold', 'recommendations', '[{"variant": "control", "share": 0.5},
  {"variant": "bold", "share": 0.5, "weights": {"popularity": 1}}]', 'engagement', 1, null, 'salt', null, now() - interval '1 day');
select medley.start_experiment('bold', now() - interval '1 day');
create view pg_temp.served as
select n, min(r.variant) as variant
from generate_series(1, 24) as n
cross join lateral public.get_recommendations(p_user_id => md5('member m' || n)::uuid) as r
group by n;
grant select on pg_temp.served to service_role;

select is((select count(*) from medley.members), 0::bigint, 'the engine knows nobody');
select act_as_service();
create temp table before as select * from pg_temp.served;
select results_eq('select distinct variant from before order by variant', $$ values ('bold:bold'), ('bold:control') $$,
  'but everybody is in one of the variants');
select results_eq(
  $$ select b.n, e.variant from before as b
    cross join lateral public.explain_recommendation(item_named('f1'), md5('member m' || b.n)::uuid) as e order by b.n $$,
  'select n, variant from before order by n', 'which explanations name'
);
select count(*)
from before as b
cross join lateral public.log_engagement(jsonb_build_array(jsonb_build_object(
  'user_id', md5('member m' || b.n)::uuid, 'item_id', item_named('f1'), 'kind', 'impression', 'variant', b.variant
))) as e;
select results_eq('select * from pg_temp.served order by n', 'select * from before order by n',
  'and is in the same after the first event');
select act_as_owner();
select medley.record_exposures(now());
select results_eq(
  $$ select m.user_id, 'bold:' || r.variant from medley.recommendation_experiments as r
    inner join medley.members as m on m.user_no = r.user_no where r.crossed_at is null order by 1 $$,
  $$ select md5('member m' || n)::uuid, variant from before order by 1 $$, 'under which the experiment counts them'
);

select * from finish();
