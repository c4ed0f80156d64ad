-- replace_item_features: each source replaces its own, in bulk, and a repeat writes nothing.
select plan(24);

select make_kind('thing');
create temp table i as
select make_item('thing', 'one') as one, make_item('thing', 'two') as two, md5('nowhere')::uuid as nowhere;

select is(describe_item(one, array['mood: calm', 'keyword: sea']), 2::bigint, 'two features are two rows') from i;
select is(features_of(one), array['tests/keyword: sea', 'tests/mood: calm'], 'stored by name') from i;
select is(describe_item(one, array['mood: calm', 'keyword: sea']), 0::bigint, 'a repeat writes nothing') from i;
select is(describe_item(one, array['mood: calm'], 'other'), 1::bigint, 'another source says the same') from i;
select is(describe_item(one, array['keyword: ship', 'keyword: sea']), 2::bigint, 'one goes, one comes, one stays') from i;
select is(
  features_of(one), array['other/mood: calm', 'tests/keyword: sea', 'tests/keyword: ship'], 'the other source kept its own'
) from i;
select is(medley.replace_item_features('tests', array[one], '{}', '{}', '{}'), 2::bigint, 'an item alone loses all') from i;
select is(features_of(one), array['other/mood: calm'], 'of that source') from i;
select is(
  medley.replace_item_features('tests', array[one, two, one], array[one, two, one, one],
    array['mood', 'mood', 'mood', 'mood'], array['sad', 'sad', ' sad ', 'sad'], array[1, 2, 3, null], array[0.5, 1, 0.2, 0.1]),
  2::bigint, 'what stands twice is one row'
) from i;
select results_eq(
  $$ select content_id, weight, confidence from i, medley.content_feature_details
     where feature_value = 'sad' order by content_id = one desc $$,
  $$ select one, 3::real, 0.5::real from i union all select two, 2::real, 1::real from i $$,
  'with the greatest weight and confidence given'
);
select is((select description from medley.feature_types where feature_type = 'mood'), '', 'an unknown type is added');
select is((select count(*) from medley.features where feature_value = 'sad'), 1::bigint, 'the dictionary has each once');

select throws_code(format('select medley.replace_item_features(%s) from i', bad.arguments), bad.code, bad.why)
from (
  values
    ($$null, array[one], '{}', '{}', '{}'$$, 'invalid_argument', 'no source'),
    ($$'s', array[one], array[one], '{}', '{}'$$, 'invalid_argument', 'arrays that differ'),
    ($$'s', array[one], array[one], array['a b'], array['x']$$, 'invalid_argument', 'a bad type'),
    ($$'s', array[one], array[one], array['mood'], array['  ']$$, 'invalid_argument', 'an empty value'),
    ($$'s', array[one], array[one], array['mood'], array['x'], array['NaN'::real]$$, 'invalid_argument', 'a weight that is no number'),
    ($$'s', array[one], array[one], array['mood'], array['x'], array[0::real]$$, 'invalid_argument', 'no weight'),
    ($$'s', array[one], array[one], array['mood'], array['x'], null, array[1.1]$$, 'invalid_argument', 'more than sure'),
    ($$'s', array[one], array[two], array['mood'], array['x']$$, 'invalid_argument', 'a feature of an item not listed'),
    ($$'s', array[one, null], array[null]::uuid[], array['mood'], array['x']$$, 'invalid_argument', 'a feature of nothing'),
    ($$'s', array[nowhere], array[nowhere], array['mood'], array['x']$$, 'not_found', 'an item that does not exist')
) as bad (arguments, code, why);
select is(features_of(one), array['other/mood: calm', 'tests/mood: sad'], 'refusals write nothing') from i;

delete from medley.items where id = (select one from i);
select is_empty($$ select from medley.content_feature_details, i where content_id = one $$, 'a deleted item takes its features along');

select * from finish();
