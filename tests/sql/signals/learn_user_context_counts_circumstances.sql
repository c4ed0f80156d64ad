-- user_context: time of day, weekday, device, session length and mood, learnt again when a member has engaged.
select no_plan();

select make_kind('thing');
select make_item('thing', 'a');
create temp table people as select make_member('ada') as ada, make_member('bob') as bob;
grant select on people to service_role, authenticated;

create function tests.log_at(p_user uuid, p_events jsonb) returns bigint language sql as $$
  select count(*) filter (where e.status = 'accepted')
  from medley.log_engagement(p_user, (
    select jsonb_agg(jsonb_build_object('item_id', item_named('a'), 'kind', 'view') || v) from jsonb_array_elements(p_events) as v
  ), '2026-01-15T12:00:00Z') as e
$$;

select act_as_service();
select is(log_at(ada, '[
  {"occurred_at": "2026-01-12T05:59:00Z", "device": "mobile", "session_id": "11111111-1111-4111-8111-111111111111"},
  {"occurred_at": "2026-01-12T06:00:00Z", "device": "mobile", "session_id": "11111111-1111-4111-8111-111111111111"},
  {"occurred_at": "2026-01-13T12:00:00Z", "device": "tv", "context": {"mood": "calm"},
    "session_id": "22222222-2222-4222-8222-222222222222"},
  {"occurred_at": "2026-01-13T23:59:00Z", "device": "", "context": {"mood": ""},
    "session_id": "22222222-2222-4222-8222-222222222222"},
  {"occurred_at": "2026-01-13T23:59:30Z", "device": "fridge", "kind": "impression"},
  {"occurred_at": "2025-01-13T23:59:00Z", "device": "pager"}
]'), 6::bigint, 'a member engages') from people;
select is(log_at(bob, '[{"occurred_at": "2026-01-14T08:00:00Z"}]'), 1::bigint, 'another too') from people;

select act_as_owner();
select is(medley.learn_user_context(1, '2026-01-15T12:00:00Z'), 1::bigint, 'one member at a time');
select is(medley.learn_user_context(10, '2026-01-15T12:00:00Z'), 1::bigint, 'then the other');
select is(medley.learn_user_context(10, '2026-01-15T12:00:00Z'), 0::bigint, 'then nobody');

create temp table expected as
select * from (values
  ('time_of_day', 'night', 1, '2026-01-12T05:59:00Z'::timestamptz),
  ('time_of_day', 'morning', 1, '2026-01-12T06:00:00Z'),
  ('time_of_day', 'afternoon', 1, '2026-01-13T12:00:00Z'),
  ('time_of_day', 'evening', 1, '2026-01-13T23:59:00Z'),
  ('day_of_week', 'monday', 2, '2026-01-12T06:00:00Z'),
  ('day_of_week', 'tuesday', 2, '2026-01-13T23:59:00Z'),
  ('device', 'mobile', 2, '2026-01-12T06:00:00Z'),
  ('device', 'tv', 1, '2026-01-13T12:00:00Z'),
  ('mood', 'calm', 1, '2026-01-13T12:00:00Z'),
  ('session_length', 'short', 1, '2026-01-12T06:00:00Z'),
  ('session_length', 'long', 1, '2026-01-13T23:59:00Z')
) as e;
grant select on expected to authenticated;
select act_as((select ada from people));
select set_eq(
  'select c.context_type, c.context_value, c.frequency, c.last_seen from medley.user_context as c',
  'select * from expected',
  'circumstances are counted, impressions and old events left out; a member sees the own ones'
);
select act_as_owner();
select act_as_service();
select is(log_at(ada, '[{"occurred_at": "2026-01-14T08:00:00Z", "device": "tv"}]'), 1::bigint, 'the member engages again')
from people;
select act_as_owner();
select is(medley.learn_user_context(10, '2026-01-15T12:00:00Z'), 1::bigint, 'and is learnt again');
select is(
  (select c.frequency from medley.user_context as c where c.context_value = 'tv'), 2, 'with what is new'
);

select * from finish();
