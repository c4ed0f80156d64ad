-- What cannot be meant is refused with a code; nobody reads another member's page.
select plan(32);

select make_kind('film'), make_members(3);
select make_items('film', 'f', 12);
create function tests.with_context(p_context jsonb) returns text language sql as $$
  select format('select * from public.get_recommendations(p_context => %L)', p_context)
$$;
create function tests.go_on(p_cursor text, p_kind text default null) returns text language sql as $$
  select format('select * from public.get_recommendations(%L, 3, %L)', p_kind, p_cursor)
$$;

select act_as_anon();
select throws_permission($$ select * from public.get_recommendations() $$, 'visitors have no recommendations');
select throws_permission($$ select * from public.explain_recommendation(item_named('f1')) $$, 'nor explanations');

select act_as(md5('member m1')::uuid);
select throws_code(format('select * from public.get_recommendations(p_user_id => %L)', md5('member m2')::uuid), 'forbidden',
  'a member who names another');
select throws_code(format('select * from public.explain_recommendation(item_named(''f1''), %L)', md5('member m2')::uuid),
  'forbidden', 'also for an explanation');
select lives_ok(format('select * from public.get_recommendations(p_user_id => %L)', md5('member m1')::uuid), 'one''s own id is fine');
select throws_code($$ select * from public.get_recommendations('no-such') $$, 'invalid_argument', 'an unknown kind');
select throws_code($$ select * from public.get_recommendations('') $$, 'invalid_argument', 'an empty kind');
select throws_code($$ select * from public.get_recommendations(p_limit => 0) $$, 'invalid_argument', 'no rows');
select throws_code($$ select * from public.get_recommendations(p_limit => 201) $$, 'invalid_argument', 'too many rows');
select throws_code($$ select * from public.get_recommendations(p_limit => null) $$, 'invalid_argument', 'no limit');

select throws_code(with_context('[]'), 'invalid_argument', 'an array for a context');
select throws_code(with_context('"DE"'), 'invalid_argument', 'a text');
select throws_code(with_context('{"region": "DE"}'), 'invalid_argument', 'an unknown key');
select throws_code(with_context('{"country": "Germany"}'), 'invalid_argument', 'no country');
select throws_code(with_context('{"country": "D1"}'), 'invalid_argument', 'no letters');
select throws_code(with_context('{"country": 49}'), 'invalid_argument', 'a number for a country');
select throws_code(with_context('{"exclude": "f1"}'), 'invalid_argument', 'one id for a list');
select throws_code(with_context('{"exclude": null}'), 'invalid_argument', 'null for a list');
select throws_code(with_context('{"exclude": ["f1"]}'), 'invalid_argument', 'something that is no id');
select throws_code(with_context('{"exclude": [[]]}'), 'invalid_argument', 'a list in the list');
select throws_code(
  with_context(jsonb_build_object('exclude', (select jsonb_agg(gen_random_uuid()) from generate_series(1, 1001)))),
  'invalid_argument', '1,001 ids'
);
select lives_ok(
  with_context(jsonb_build_object('exclude', (select jsonb_agg(gen_random_uuid()) from generate_series(1, 1000)), 'country', 'de')),
  '1,000 ids and a country in small letters are fine'
);
select lives_ok($$ select * from public.get_recommendations(p_context => null) $$, 'so is no context');

-- Cursors.
select set_config('tests.cursor', (select max(r.next_cursor) from public.get_recommendations(p_limit => 3) as r), true);
select lives_ok(go_on(current_setting('tests.cursor')), 'a cursor leads on');
select throws_code(go_on(left(current_setting('tests.cursor'), 40)), 'invalid_cursor', 'a damaged one does not');
select throws_code(go_on('eHl6'), 'invalid_cursor', 'nor any text');
select throws_code(go_on(current_setting('tests.cursor'), 'film'), 'invalid_cursor', 'it belongs to its arguments');
select act_as(md5('member m3')::uuid);
select throws_code(go_on(current_setting('tests.cursor')), 'invalid_cursor', 'and to its member');
select act_as(md5('member m1')::uuid);
select throws_code(
  format('select * from medley.get_recommendations(%L, null, 3, %L, ''{}'', now() + interval ''25 hours'')',
    md5('member m1')::uuid, current_setting('tests.cursor')),
  'invalid_cursor', 'for a day'
);
select act_as_service();
select throws_code($$ select * from public.get_recommendations() $$, 'invalid_argument', 'the service names a member');
select throws_code($$ select * from public.get_recommendations(p_user_id => gen_random_uuid()) $$, 'not_found', 'who has an account');
select act_as_owner();
select make_member('newcomer');
select act_as_service();
select isnt_empty(
  $$ select * from public.get_recommendations(p_user_id => md5('member newcomer')::uuid) $$, 'and need not have done anything'
);

select * from finish();
