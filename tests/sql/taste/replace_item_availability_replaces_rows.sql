-- replace_item_availability: what the arrays say, and no more.
select plan(15);

select make_kind('thing');
create temp table i as select make_item('thing', 'one') as one, make_item('thing', 'two') as two;

select is(
  medley.replace_item_availability(array[one, two], array[one, one, two], array['Netflix', ' HULU', 'netflix'],
    array['us', null, 'DE'], array[null, '2020-01-01', null]::timestamptz[], array[null, '2021-01-01', null]::timestamptz[]),
  3::bigint, 'three rows') from i;
select results_eq(
  $$ select platform, country, available_from, available_until from i, medley.item_availability
     where item_no = item_no(one) order by platform $$,
  $$ values ('hulu', '', '2020-01-01'::timestamptz, '2021-01-01'::timestamptz), ('netflix', 'US', '-infinity', 'infinity') $$,
  'in one spelling, with open ends'
);
select is(
  medley.replace_item_availability(array[one], array[one, one], array['netflix', 'hulu'], array['US', ''],
    array[null, '2020-01-01']::timestamptz[], array[null, '2021-01-01']::timestamptz[]), 0::bigint, 'a repeat writes nothing') from i;
select is(
  medley.replace_item_availability(array[one], array[one], array['hulu'], null, array['2020-01-01']::timestamptz[],
    array['2022-01-01']::timestamptz[]), 2::bigint, 'one goes, one lasts longer') from i;
select is((select count(*) from medley.item_availability), 2::bigint, 'the other item keeps its own');
select is(medley.replace_item_availability(array[one], '{}', '{}', '{}', '{}', '{}'), 1::bigint, 'an item alone loses all') from i;

select throws_code(format('select medley.replace_item_availability(%s) from i', bad.arguments), bad.code, bad.why)
from (
  values
    ($$array[one], array[one], '{}', null, null, null$$, 'invalid_argument', 'arrays that differ'),
    ($$array[one], array[two], array['x'], null, null, null$$, 'invalid_argument', 'an item not listed'),
    ($$array[one], array[one], array[' '], null, null, null$$, 'invalid_argument', 'an empty platform'),
    ($$array[one], array[one], array[null]::text[], null, null, null$$, 'invalid_argument', 'no platform'),
    ($$array[one], array[one], array['x'], array['USA'], null, null$$, 'invalid_argument', 'a bad country'),
    (
      $$array[one], array[one], array['x'], null, array['2020-01-02']::timestamptz[], array['2020-01-02']::timestamptz[]$$,
      'invalid_argument', 'an end before the beginning'
    ),
    ($$array[md5('x')::uuid], '{}', '{}', null, null, null$$, 'not_found', 'an item that does not exist')
) as bad (arguments, code, why);
select is((select count(*) from medley.item_availability), 1::bigint, 'refusals write nothing');
delete from medley.items where true;
select is_empty('select from medley.item_availability', 'items take their rows along');

select * from finish();
