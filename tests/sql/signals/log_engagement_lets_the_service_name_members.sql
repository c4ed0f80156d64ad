-- log_engagement for the service: each event names its member, history is welcome, and numbers are made on first use.
select no_plan();

select make_kind('thing');
select make_item('thing', 'open'), make_item('thing', 'another');
create temp table people as select make_member('ada') as ada, make_member('bob') as bob;
select make_item('thing', 'bob''s', (select bob from people), 'private');
grant select on people to service_role;

select act_as_service();
create temp table answers as
select e.*
from people as p
cross join lateral public.log_engagement(jsonb_build_array(
  jsonb_build_object('user_id', p.ada, 'item_id', item_named('open'), 'kind', 'like', 'occurred_at', '1970-01-01T00:00:00Z'),
  jsonb_build_object('user_id', p.bob, 'item_id', item_named('open'), 'kind', 'like', 'occurred_at', '1998-05-01T00:00:00Z'),
  jsonb_build_object('user_id', p.bob, 'item_id', item_named('bob''s'), 'kind', 'play'),
  jsonb_build_object('user_id', p.ada, 'item_id', item_named('bob''s'), 'kind', 'play'),
  jsonb_build_object('item_id', item_named('open'), 'kind', 'like'),
  jsonb_build_object('user_id', gen_random_uuid(), 'item_id', item_named('open'), 'kind', 'like'),
  jsonb_build_object('user_id', 'ada', 'item_id', item_named('open'), 'kind', 'like'),
  jsonb_build_object('user_id', p.ada, 'item_id', item_named('open'), 'kind', 'like', 'occurred_at', '1969-12-31T23:59:59Z')
)) as e;
select results_eq(
  $$ select a.status, a.code from answers as a order by a.event_index $$,
  $$
  values
    ('accepted', null), ('accepted', null), ('accepted', null), ('refused', 'not_found'), ('refused', 'not_found'),
    ('refused', 'not_found'), ('refused', 'invalid_argument'), ('refused', 'invalid_argument')
  $$,
  'each event counts for the member that it names, who must see the item'
);
select is(
  (select count(*) from public.log_engagement(jsonb_build_array(
    jsonb_build_object('user_id', (select ada from people), 'item_id', item_named('another'), 'kind', 'click')
  )) as e where e.status = 'accepted'),
  1::bigint, 'a single one too'
);
select act_as_owner();
select is((select count(*) from medley.members), 2::bigint, 'both members have numbers, nobody else has');
select results_eq(
  $$ select a.score, a.positive_at from medley.affinities as a where a.last_at < '1999-01-01' order by a.last_at $$,
  $$ values (2::real, '1970-01-01 00:00:00Z'::timestamptz), (2::real, '1998-05-01 00:00:00Z'::timestamptz) $$,
  'affinities are as of their newest event, however old'
);

select act_as_service();
select lives_ok(
  $$ select medley.log_engagement((select ada from people), '[]', now()) $$, 'the service may name one member for all'
);

-- A session that an account that is gone comes first with belongs to the first one who is there.
select is(
  (select array_agg(e.status order by e.event_index) from people as p
    cross join lateral public.log_engagement(jsonb_build_array(
      jsonb_build_object('user_id', gen_random_uuid(), 'item_id', item_named('open'), 'kind', 'click', 'session_id', p.ada),
      jsonb_build_object('user_id', p.ada, 'item_id', item_named('open'), 'kind', 'click', 'session_id', p.ada),
      jsonb_build_object('user_id', p.bob, 'item_id', item_named('open'), 'kind', 'click', 'session_id', p.ada)
    )) as e),
  array['refused', 'accepted', 'refused'], 'and the others are refused one by one'
);

select * from finish();
