-- A version is written whole or not at all, by the service, and never again once it was in use.
select no_plan();

create temp table w as select make_member('ada') as ada;
grant select on w to service_role;
select act_as_service();
select isnt(public.create_model_version('v1', p_metadata => '{"num_training_samples": 7, "metrics": {"auc": 0.7}, "accuracy": 0.9}'), null, 'a version has an id');
select results_eq(
  $$ select version, model_type, is_active, text_model, num_training_samples, metrics, accuracy, heads from public.get_model_versions() $$,
  $$ values ('v1', 'two_tower', false, 'all-MiniLM-L6-v2', 7, '{"auc": 0.7}'::jsonb, 0.9::real, '{}'::jsonb) $$, 'and is on record'
);
select throws_code($$ select public.create_model_version('v1') $$, 'conflict', 'a name is taken once');
select throws_code($$ select public.create_model_version('') $$, 'invalid_argument', 'no name');
select throws_code($$ select public.create_model_version(null) $$, 'invalid_argument', 'nothing for a name');
select throws_code($$ select public.create_model_version('v2', 'Two Tower') $$, 'invalid_argument', 'a bad type');
select throws_code($$ select public.create_model_version('v2', p_metadata => '[]') $$, 'invalid_argument', 'metadata that is no object');
select throws_code($$ select public.create_model_version('v2', p_metadata => '{"num_training_samples": "many"}') $$, 'invalid_argument', 'a field of the wrong type');
select throws_code($$ select public.create_model_version('v2', p_metadata => '{"num_training_samples": -1}') $$, 'invalid_argument', 'or out of range');
select throws_code($$ select public.create_model_version('v2', p_metadata => '{"metrics": 3}') $$, 'invalid_argument', 'metrics that are no object');

select is(public.set_model_weights('v1', 'item', tower_rows()), 256::bigint, 'weights are written');
select is(public.set_model_weights('v1', 'item', tower_rows(2, 0.5, 3)), 3::bigint, 'and written over');
select throws_code($$ select public.set_model_weights('v0', 'item', tower_rows()) $$, 'not_found', 'an unknown version');
select throws_code($$ select public.set_model_weights('v1', 'both', tower_rows()) $$, 'invalid_argument', 'an unknown tower');
select throws_code($$ select public.set_model_weights('v1', null, tower_rows()) $$, 'invalid_argument', 'no tower');
select throws_code($$ select public.set_model_weights('v1', 'item', tower_rows() || tower_rows(p_rows => 1)) $$, 'too_large', '257 rows');
select throws_code($$ select public.set_model_weights('v1', 'item', '[{"row_no": 0, "weights": [1, 2]}]') $$, 'invalid_argument', 'a row of two numbers');
select throws_code($$ select public.set_model_weights('v1', 'item', '[{"row_no": 0}]') $$, 'invalid_argument', 'of none');
select throws_code($$ select public.set_model_weights('v1', 'item', jsonb_set(tower_rows(p_rows => 1), '{0,row_no}', '256')) $$, 'invalid_argument', 'row 256');
select throws_code($$ select public.set_model_weights('v1', 'item', jsonb_set(tower_rows(p_rows => 1), '{0,bias}', '"NaN"')) $$, 'invalid_argument', 'a bias that is no number');
select throws_code($$ select public.set_model_weights('v1', 'item', jsonb_set(tower_rows(p_rows => 1), '{0,weights,0}', '1e30')) $$, 'invalid_argument', 'a weight beyond bounds');
select throws_code($$ select public.set_model_weights('v1', 'item', tower_rows(p_rows => 1) || tower_rows(p_rows => 1)) $$, 'invalid_argument', 'a row twice');
select throws_code($$ select public.set_model_weights('v1', 'item', '{}') $$, 'invalid_argument', 'no array');
select throws_code($$ select public.set_model_weights('v1', 'item', null) $$, 'invalid_argument', 'nothing');
select throws_code($$ select public.set_model_weights('v1', 'item', '[3]') $$, 'invalid_argument', 'no objects');

select is(public.set_model_heads('v1', '[{"kind": "like", "intercept": 1, "similarity": 2, "rate": 3}, {"kind": "click", "intercept": 1, "similarity": 2, "rate": 3}]'), 2::bigint, 'heads are written');
select is(public.set_model_heads('v1', '[{"kind": "like", "intercept": 1, "similarity": 2, "rate": 3}]'), 1::bigint, 'and replaced');
select throws_code($$ select public.set_model_heads('v0', '[]') $$, 'not_found', 'an unknown version');
select throws_code($$ select public.set_model_heads('v1', '[{"kind": "levitate", "intercept": 1, "similarity": 2, "rate": 3}]') $$, 'invalid_argument', 'an unknown kind');
select throws_code($$ select public.set_model_heads('v1', '[{"kind": "like", "intercept": 1, "similarity": 2}]') $$, 'invalid_argument', 'a number that lacks');
select throws_code($$ select public.set_model_heads('v1', '[{"kind": "like", "intercept": "NaN", "similarity": 2, "rate": 1}]') $$, 'invalid_argument', 'that is none');
select throws_code(
  $$ select public.set_model_heads('v1', '[{"kind": "like", "intercept": 1, "similarity": 2, "rate": 3}, {"kind": "like", "intercept": 1, "similarity": 2, "rate": 3}]') $$,
  'invalid_argument', 'a kind twice'
);
select is((select heads from public.get_model_versions()), '{"like": {"intercept": 1, "similarity": 2, "rate": 3}}', 'nothing of what was refused was written');
select act_as_owner();
select is((select count(*) from medley.model_weights where weights operator(extensions.<#>) weights < -3.9 and bias = 0.5), 3::bigint, 'nor of the weights');

-- Pairs that a version was trained on.
select make_kind('thing');
select happened(ada, make_item('thing', 'a'), 'like', now() - interval '3 days') from w;
select generate('s', now());
create temp table p as select pair_id from medley.training_pairs;
grant select on p to service_role;
select act_as_service();
select is(public.set_model_pairs('v1', (select jsonb_build_array(jsonb_build_object('pair_id', pair_id, 'loss', 0.5), '{"pair_id": 0}'::jsonb) from p)), 1::bigint, 'what is gone is left out');
select throws_code($$ select public.set_model_pairs('v0', '[]') $$, 'not_found', 'an unknown version');
select throws_code($$ select public.set_model_pairs('v1', '{}') $$, 'invalid_argument', 'no array');
select throws_code($$ select public.set_model_pairs('v1', '[{"pair_id": "x"}]') $$, 'invalid_argument', 'no number');
select throws_code($$ select public.set_model_pairs('v1', (select jsonb_agg('{}'::jsonb) from generate_series(1, 10001))) $$, 'too_large', 'too many');
select public.delete_model_version('v1');
select is((select count(*) from public.get_model_versions()), 0::bigint, 'a version that is not in use may go');
select throws_code($$ select public.delete_model_version('v1') $$, 'not_found', 'once');

select act_as(ada) from w;
select throws_permission($$ select public.create_model_version('mine') $$, 'members make none');
select throws_permission($$ select public.set_model_weights('v1', 'item', '[]') $$, 'write none');
select throws_permission($$ select public.set_model_heads('v1', '[]') $$, 'of nothing');
select throws_permission($$ select public.activate_model('v1') $$, 'activate none');
select throws_permission($$ select public.deactivate_model() $$, 'end none');
select throws_permission($$ select public.get_model_versions() $$, 'and see none');

select * from finish();
