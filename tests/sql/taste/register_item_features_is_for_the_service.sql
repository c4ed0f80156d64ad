-- register_item_features: the JSON way in, for the secret key, all or nothing.
select plan(21);

select make_kind('thing');
create temp table i as
select make_item('thing', 'one') as one, make_item('thing', 'two') as two, make_member('ada') as ada;
grant select on i to anon, authenticated, service_role;

select act_as_service();
select results_eq(
  $$ select r.* from i, public.register_item_features(jsonb_build_array(
       jsonb_build_object('item_id', two, 'features', '[{"type": "mood", "value": "calm", "weight": 2}]'::jsonb),
       jsonb_build_object('item_id', one, 'source', 'crew', 'features',
         '[{"type": "mood", "value": "calm"}, {"type": "maker", "value": "bob", "confidence": 0.5}]'::jsonb))) as r $$,
  $$ select two, 1 from i union all select one, 2 from i $$,
  'one row an item, in their order'
);
select is(features_of(one) || features_of(two), array['crew/maker: bob', 'crew/mood: calm', 'app/mood: calm'], 'are stored') from i;
select lives_ok(
  $$ select public.register_item_features(jsonb_build_array(jsonb_build_object('item_id', two, 'features', '[]'::jsonb))) from i $$,
  'an empty list is a list'
);
select is(features_of(two), '{}', 'that takes all away') from i;
select is_empty($$ select from public.register_item_features('[]') $$, 'of nothing, nothing');

select throws_code(format('select public.register_item_features(%s) from i', bad.features), bad.code, bad.why)
from (
  values
    ('null', 'invalid_argument', 'no array'),
    ($$'{}'$$, 'invalid_argument', 'an object'),
    ($$'[1]'$$, 'invalid_argument', 'a number for an entry'),
    ($$'[{}]'$$, 'invalid_argument', 'an empty entry'),
    ($$'[{"features": []}]'$$, 'invalid_argument', 'no item'),
    ($$'[{"item_id": "x", "features": []}]'$$, 'invalid_argument', 'a bad id'),
    ($$jsonb_build_array(jsonb_build_object('item_id', one, 'features', 7))$$, 'invalid_argument', 'a number for features'),
    ($$jsonb_build_array(jsonb_build_object('item_id', one, 'features', '[7]'::jsonb))$$, 'invalid_argument', 'a number for a feature'),
    (
      $$jsonb_build_array(jsonb_build_object('item_id', one, 'features', '[{"type": "mood"}]'::jsonb))$$,
      'invalid_argument', 'no value'
    ),
    (
      $$jsonb_build_array(jsonb_build_object('item_id', one, 'features',
        '[{"type": "mood", "value": "x", "weight": 1e400}]'::jsonb))$$, 'invalid_argument', 'a weight beyond all bounds'
    ),
    (
      $$jsonb_build_array(jsonb_build_object('item_id', one, 'features',
        (select jsonb_agg(jsonb_build_object('type', 'mood', 'value', n)) from generate_series(1, 201) as n)))$$,
      'too_large', 'too many features'
    ),
    (
      $$(select jsonb_agg(jsonb_build_object('item_id', md5(n::text), 'features', '[]'::jsonb)) from generate_series(1, 1001) as n)$$,
      'too_large', 'too many items'
    ),
    (
      $$jsonb_build_array(jsonb_build_object('item_id', one, 'features', '[]'::jsonb),
        jsonb_build_object('item_id', md5('nowhere'), 'features', '[]'::jsonb))$$, 'not_found', 'an item that does not exist'
    )
) as bad (features, code, why);
select is(features_of(one), array['crew/maker: bob', 'crew/mood: calm'], 'refusals write nothing') from i;

select act_as_owner();
select act_as((select ada from i));
select throws_permission($$ select public.register_item_features('[]') $$, 'a member may not');
select act_as_owner();
select act_as_anon();
select throws_permission($$ select public.register_item_features('[]') $$, 'nor may anybody else');

select * from finish();
