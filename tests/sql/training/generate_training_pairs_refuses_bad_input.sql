-- Out of range, unknown or foreign: a code and a hint, nothing written.
select no_plan();

select make_kind('thing');
create temp table w as select make_member('ada') as ada, make_item('thing', 'a') as a;
grant select on w to service_role, authenticated;
select happened(ada, a, 'like', now() - interval '3 days') from w;

select act_as_service();
select throws_code($$ select public.generate_training_pairs(p_lookback_days => -1) $$, 'invalid_argument', 'a lookback of -1');
select throws_code($$ select public.generate_training_pairs(p_lookback_days => 0) $$, 'invalid_argument', 'of 0');
select throws_code($$ select public.generate_training_pairs(p_lookback_days => null) $$, 'invalid_argument', 'of nothing');
select throws_code($$ select public.generate_training_pairs(p_lookback_days => 3651) $$, 'invalid_argument', 'of too long');
select throws_code($$ select public.generate_training_pairs(p_negative_ratio => 0) $$, 'invalid_argument', 'a ratio of 0');
select throws_code($$ select public.generate_training_pairs(p_negative_ratio => -1) $$, 'invalid_argument', 'below 0');
select throws_code($$ select public.generate_training_pairs(p_negative_ratio => 'NaN') $$, 'invalid_argument', 'that is no number');
select throws_code($$ select public.generate_training_pairs(p_negative_ratio => 'Infinity') $$, 'invalid_argument', 'without end');
select throws_code($$ select public.generate_training_pairs(p_negative_ratio => null) $$, 'invalid_argument', 'that is missing');
select throws_code($$ select public.generate_training_pairs(p_kind => 'nothing') $$, 'invalid_argument', 'a kind that is not there');
select throws_code($$ select public.generate_training_pairs(p_algorithm_version => '') $$, 'invalid_argument', 'a set without a name');
select throws_code($$ select public.generate_training_pairs(p_algorithm_version => repeat('x', 101)) $$, 'invalid_argument', 'or with a long one');
select throws_code($$ select public.generate_training_pairs(p_user_id => gen_random_uuid()) $$, 'not_found', 'a member who is not there');
select throws_code($$ select public.export_training_pairs(0) $$, 'invalid_argument', 'a page of none');
select throws_code($$ select public.export_training_pairs(1001) $$, 'invalid_argument', 'or too many');
select throws_code($$ select public.export_training_pairs(10, 'x') $$, 'invalid_cursor', 'a cursor of no query');
select throws_code($$ select public.cleanup_old_engagement_events(30) $$, 'invalid_argument', 'events that members may still log');
select throws_code($$ select public.cleanup_old_engagement_events(null) $$, 'invalid_argument', 'events of no age');
select throws_code($$ select public.cleanup_old_training_pairs(-1) $$, 'invalid_argument', 'pairs of the future');
select results_eq('select * from public.generate_training_pairs()', $$ values (1::bigint, 0::bigint) $$, 'and what is right is done');
select results_eq('select algorithm_version from public.export_training_pairs()', array['rates'], 'under a name of its own');

select act_as(ada) from w;
select throws_permission('select public.generate_training_pairs()', 'members generate none');
select throws_permission('select public.export_training_pairs()', 'members read none');
select throws_permission('select public.cleanup_old_engagement_events()', 'members clean nothing up');
select throws_permission('select public.cleanup_old_training_pairs()', 'of either');
select throws_permission('select * from medley.training_pairs', 'not even their own');
select act_as_owner();
select is((select count(*) from rows_about(ada) where table_name = 'medley.training_pairs'), 1::bigint, 'there is a pair') from w;
delete from auth.users as u using w where u.id = w.ada;
select is((select count(*) from rows_about(ada)), 0::bigint, 'it goes with the account') from w;

select * from finish();
