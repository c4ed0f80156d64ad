-- Dry runs tell and change nothing; then exactly that goes. Pairs that nothing was trained on stay.
select no_plan();

select make_kind('thing');
create temp table w as select make_member('ada') as ada;
select happened(ada, make_item('thing', 'i' || n), 'like', now() - make_interval(days => d))
from w, (values (1, 2), (2, 3), (3, 200), (4, 4000)) as v (n, d);
select is(generate('old', now() - interval '1 second'), '2 + 0', 'pairs');
select make_model('m');
select medley.set_model_pairs('m', (select jsonb_build_array(jsonb_build_object('pair_id', min(pair_id), 'loss', 1)) from medley.training_pairs));
update medley.training_pairs as t set created_at = now() - interval '40 days' where t.algorithm_version = 'old';

select act_as_service();
select results_eq($$ select algorithm_version, pairs from public.cleanup_old_training_pairs() $$, $$ values ('old', 1::bigint) $$, 'a dry run counts');
select is((select count(*) from public.export_training_pairs()), 2::bigint, 'and deletes nothing');
select is((select count(*) from public.cleanup_old_training_pairs(41)), 0::bigint, 'younger ones stay');
select results_eq($$ select pairs from public.cleanup_old_training_pairs(30, false) $$, $$ values (1::bigint) $$, 'then it goes');
select is((select count(*) from public.export_training_pairs()), 1::bigint, 'what nothing was trained on stays');
select is((select count(*) from public.cleanup_old_training_pairs(30, false)), 0::bigint, 'again: nothing');

select results_eq($$ select sum(events)::int from public.cleanup_old_engagement_events() $$, array[2], 'events of 90 days ago, dry');
select results_eq($$ select sum(events)::int from public.cleanup_old_engagement_events(365, null) $$, array[1], 'null is dry');
select act_as_owner();
create temp table before as select * from affinity_rows();
select is((select count(*) from medley.engagements), 4::bigint, 'nothing went');
select act_as_service();
select results_eq($$ select sum(events)::int from public.cleanup_old_engagement_events(90, false) $$, array[2], 'then they go');
select is((select count(*) from public.cleanup_old_engagement_events(90, false)), 0::bigint, 'once');
select act_as_owner();
select is((select count(*) from medley.engagements), 2::bigint, 'the others stay');
select medley.rebuild_affinities();
select set_eq('select * from affinity_rows()', 'select * from before', 'and what they were worth');

-- The job deletes by its setting, in batches.
select medley.set_model_pairs('m', (select jsonb_agg(jsonb_build_object('pair_id', pair_id)) from medley.training_pairs));
select is(medley.retain_training_pairs(10), 1::bigint, 'old and trained on');
select is(medley.retain_training_pairs(10), 0::bigint, 'once');

select * from finish();
