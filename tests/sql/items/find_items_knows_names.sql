-- find_items: by a part of a name, by words with a letter wrong; the catalogue for all, what a member owns for its owner.
select plan(25);

select make_kind('film'), make_kind('song'), make_member('ada'), make_member('bob');
select make_item('film', 'The Silence of the Lambs'), make_item('film', 'Silence'), make_item('song', 'The Sound of Silence');
select make_item('song', '100% Pure_Love'), make_item('song', '1000 Pure Loves'), make_item('song', 'U2'), make_item('song', 'Blur');
select make_item('song', 'Ada''s silence', md5('member ada')::uuid, 'private');
select make_item('song', 'Bob''s silence', md5('member bob')::uuid);
select make_item('film', 'Silence kept', null, 'private');
select make_item('song', '!!!'), make_item('song', 'Сплин'), make_item('song', '東京事変');
select make_item('film', 'Amour ' || n || ' fou') from generate_series(1, 30) as n;
select make_item('film', 'Amour');

create function tests.found(p_query text, p_kind text default null, p_limit int default 20)
returns text[] language sql security invoker
as $$ select coalesce(array_agg(f.title), '{}') from public.find_items(p_query, p_kind, p_limit) as f $$;

select act_as_anon();
select is(
  found('silence'), array['Silence', 'The Sound of Silence', 'The Silence of the Lambs'], 'the most alike first, in any case'
);
select is(found('  SILENCE '), found('silence'), 'without spaces around it');
select is(found('silence', 'song'), array['The Sound of Silence'], 'of one kind');
select is(found('silence', null, 1), array['Silence'], 'no more than asked for');
select is(found('ilenc'), found('silence'), 'a part is enough');
select is(found('Silense Lambs'), array['The Silence of the Lambs'], 'a letter may be wrong');
select is(found('u2'), array['U2'], 'short names are found whole');
select is(found('%'), array[]::text[], 'a sign of patterns is a sign');
select is(found('00% pur'), array['100% Pure_Love'], 'also within');
select is(found('!!!'), array['!!!'], 'a name may have no letters');
select is(found('СПЛИН'), array['Сплин'], 'or others than Latin ones');
select is(found('東京'), array['東京事変'], 'or signs for words');
select is((found('amour', null, 3))[1], 'Amour', 'the name itself comes first, however many have it as a part');
select is(found('pure_l'), array['100% Pure_Love', '1000 Pure Loves'], 'signs that are no letters part words');
select is(found('no such thing'), array[]::text[], 'what is not there is not found');
select is((select f.score from public.find_items('Silence') as f limit 1), 1::real, 'the name itself has all');
select throws_code($$ select found('') $$, 'invalid_argument', 'nothing to look for');
select throws_code($$ select found(E' \n') $$, 'invalid_argument', 'nor here');
select throws_code($$ select found(repeat('x', 201)) $$, 'invalid_argument', 'far too much');
select throws_code($$ select found('x', 'no-such') $$, 'invalid_argument', 'an unknown kind');
select throws_code($$ select found('x', null, 201) $$, 'invalid_argument', 'too many rows');

select act_as(md5('member ada')::uuid);
select ok('Ada''s silence' = any(found('silence')), 'members find their own');
select ok(not 'Bob''s silence' = any(found('silence')), 'and nobody else''s');
select act_as_service();
select is(
  (select count(*) from public.find_items('silence', p_user_id => md5('member bob')::uuid) as f where f.title like 'Bob%'),
  1::bigint, 'the service finds a member''s'
);
select throws_code(
  $$ select * from public.find_items('silence', p_user_id => gen_random_uuid()) $$, 'not_found', 'who is there'
);

select * from finish();
