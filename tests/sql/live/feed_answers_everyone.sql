-- An empty catalogue, one event, a member without history or home, a caller who is nobody: an answer or a code.
select plan(19);

select make_member('ada'), make_member('bob');
select is_empty($$ select * from feed('ada') $$, 'an empty catalogue has an empty feed');
select make_event('past', -1), make_event('cancelled', p_status => 'cancelled'), make_event('postponed', p_status => 'postponed');
select is_empty($$ select * from feed('ada') $$, 'what is past or does not happen is not in it');
select make_event('only', 3);
select results_eq(
  $$ select title, reasons, next_cursor from feed('ada', 1) $$, $$ values ('only', array['Within a week'], null::text) $$,
  'one event is the whole feed'
);
select make_event('sooner', 2), make_event('later', 40, p_tickets => true), make_event('promoted', 200, p_promoted => true);
select results_eq(
  $$ select title from feed('ada') $$, $$ values ('sooner'), ('only'), ('later'), ('promoted') $$,
  'without history the soonest come first'
);
select prefer('ada', array['nothing that anyone plays', '', '--'], 90, 180, 1);
select results_eq(
  $$ select title from feed('ada', 2) $$, $$ values ('sooner'), ('only') $$, 'and with tastes and a home that match nothing'
);

select act_as(member('ada'));
select is((select count(*) from public.get_personalized_feed_v3()), 4::bigint, 'a member calls it');
select is((select count(*) from public.get_personalized_feed_v3(p_user_id => member('ada'))), 4::bigint, 'with the own id too');
select throws_code(
  $$ select * from public.get_personalized_feed_v3(p_user_id => member('bob')) $$, 'forbidden', 'never for another'
);
select throws_code(format('select * from public.get_personalized_feed_v3(%s)', n), 'invalid_argument', 'a limit of ' || n)
from unnest(array['0', '-1', '201', '1000000000', 'null']) as l (n);
select act_as_anon();
select throws_permission('select * from public.get_personalized_feed_v3()', 'who is not signed in has no feed');
select act_as_service();
select is((select count(*) from public.get_personalized_feed_v3(p_user_id => member('bob'))), 4::bigint, 'the service for anyone');
select throws_code('select * from public.get_personalized_feed_v3()', 'invalid_argument', 'but it says for whom');
select throws_code('select * from public.get_personalized_feed_v3(p_user_id => gen_random_uuid())', 'not_found', 'who is a member');
select act_as_owner();
select throws_code('select * from medley.get_personalized_feed_v3(null, 20, null, now())', 'unauthenticated', 'and nobody is nobody');
select make_event('after ten thousand years', 365 * 10000);
select is((select title from feed('ada') offset 4), 'after ten thousand years', 'a date that nobody will see is no error');

select * from finish();
