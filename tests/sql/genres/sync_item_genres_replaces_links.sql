-- An item's links become what the call says: only differences are written, and nothing at all when it is refused.
select plan(20);

select make_kind('track');
create temp table item on commit drop as
select make_item('track', 'one') as one, make_item('track', 'two') as two;

select is(
  (select medley.sync_item_genres(array[one, one, two], array['Rock', 'Hip-Hop', 'Rock']) from item), 3::bigint,
  'links are made'
);
select is((select genre_keys_of(one) from item), array['hip hop', 'rock'], 'the first item has both');
select is((select genre_keys_of(two) from item), array['rock'], 'the second item has its own');

select is(
  (select medley.sync_item_genres(array[one, one, two], array['rock', 'hip hop', 'ROCK']) from item), 0::bigint,
  'the same again changes nothing'
);
select is(
  (select medley.sync_item_genres(array[one, one], array['rock', 'Polka']) from item), 2::bigint,
  'one link goes, one comes'
);
select is((select genre_keys_of(one) from item), array['polka', 'rock'], 'the item has what was asked');
select is((select genre_keys_of(two) from item), array['rock'], 'other items are left alone');

select is(
  (select medley.sync_item_genres(array[one, one, one], array['rap', 'Hip Hop', 'hip_hop']) from item), 3::bigint,
  'spellings of one genre are one link'
);
select is((select genre_keys_of(one) from item), array['hip hop'], 'as it should be');
select is(
  (select medley.sync_item_genres(array[one, one, one], array['', ' - ', 'polka']) from item), 2::bigint,
  'names that normalize to nothing are skipped'
);
select is((select genre_keys_of(one) from item), array['polka'], 'and the others stand');
select is((select medley.sync_item_genres(array[one], array[null::text]) from item), 1::bigint, 'null means none');
select is((select genre_keys_of(one) from item), null, 'no link is left');
select is((select medley.sync_item_genres('{}', '{}')), 0::bigint, 'no items, nothing to do');

select throws_code(
  $$ select medley.sync_item_genres(array[one, '00000000-0000-4000-8000-000000000000'::uuid], array['zz a', 'zz b'])
  from item $$,
  'not_found', 'an unknown item is refused'
);
select throws_code(
  $$ select medley.sync_item_genres(array[one], array['zz a', 'zz b']) from item $$, 'invalid_argument',
  'arrays that do not pair up are refused'
);
select throws_code(
  $$ select medley.sync_item_genres(array[null::uuid], array['zz a']) $$, 'invalid_argument', 'a null item is refused'
);
select throws_code(
  $$ select medley.sync_item_genres(array_fill(one, array[101]), array(select 'zz ' || n from generate_series(1, 101) as n))
  from item $$,
  'too_large', 'more than 100 genres of one item are refused'
);
select throws_code(
  $$ select medley.sync_item_genres(array[one, one], array['zz a', repeat('x', 10000000)]) from item $$,
  'invalid_argument', 'a name of ten megabytes is refused'
);
select is_empty($$ select 1 from genres where normalized_key like 'zz %' $$, 'and nothing was written by any of them');

select * from finish();
