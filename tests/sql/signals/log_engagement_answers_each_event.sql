-- log_engagement: each event is accepted, a duplicate, or refused with a reason, and bad ones harm no others.
select no_plan();

select make_kind('thing');
select make_item('thing', 'open');
create temp table people as select make_member('ada') as ada, make_member('bob') as bob;
select make_item('thing', 'secret', (select bob from people), 'private');
select make_item('thing', 'for followers', (select bob from people), 'followers');
grant select on people to anon, authenticated, service_role;

create temp table events (place int, given jsonb, expected text);
insert into events
select row_number() over (), jsonb_build_object('item_id', item_named('open'), 'kind', 'like') || e.given, e.expected
from (
  values
    ('{"occurred_at": "2026-01-10T10:00:00Z"}'::jsonb, 'accepted'),
    ('{"occurred_at": "2026-01-10T10:00:00Z"}', 'duplicate'),
    ('{"occurred_at": "2026-01-10T10:00:00Z", "kind": "click"}', 'accepted'),
    ('{"kind": "adore"}', 'refused invalid_argument'),
    ('{"kind": null}', 'refused invalid_argument'),
    ('{"item_id": null}', 'refused not_found'),
    ('{"item_id": "00000000-0000-4000-8000-000000000000"}', 'refused not_found'),
    (jsonb_build_object('item_id', item_named('secret')), 'refused not_found'),
    (jsonb_build_object('item_id', item_named('for followers')), 'refused not_found'),
    ('{"item_id": "no uuid"}', 'refused invalid_argument'),
    ('{"item_id": {"a": 1}}', 'refused invalid_argument'),
    ('{"occurred_at": "yesterday or so"}', 'refused invalid_argument'),
    ('{"occurred_at": "infinity"}', 'refused invalid_argument'),
    ('{"occurred_at": "-infinity"}', 'refused invalid_argument'),
    ('{"occurred_at": "2026-01-15T10:05:01Z"}', 'refused invalid_argument'),
    ('{"occurred_at": "2026-01-15T10:05:00Z"}', 'accepted'),
    ('{"occurred_at": "2025-12-16T09:59:59Z"}', 'refused invalid_argument'),
    ('{"occurred_at": "2025-12-16T10:00:00Z"}', 'accepted'),
    ('{"occurred_at": "0044-03-15T10:00:00Z BC"}', 'refused invalid_argument'),
    ('{"value": "NaN"}', 'refused invalid_argument'),
    ('{"value": "Infinity"}', 'refused invalid_argument'),
    ('{"value": "-Infinity"}', 'refused invalid_argument'),
    ('{"value": 1e400}', 'refused invalid_argument'),
    ('{"value": "much"}', 'refused invalid_argument'),
    ('{"kind": "play", "value": -1}', 'refused invalid_argument'),
    ('{"kind": "play", "value": 12}', 'accepted'),
    ('{"kind": "rate"}', 'refused invalid_argument'),
    ('{"kind": "rate", "value": 1.01}', 'refused invalid_argument'),
    ('{"kind": "rate", "value": 1}', 'accepted'),
    ('{"session_id": "mine"}', 'refused invalid_argument'),
    ('{"position": -1}', 'refused invalid_argument'),
    ('{"position": 40000}', 'refused invalid_argument'),
    ('{"position": 1.5}', 'refused invalid_argument'),
    ('{"dwell_ms": -1}', 'refused invalid_argument'),
    ('{"dwell_ms": 1e12}', 'refused invalid_argument'),
    ('{"progress": -0.01}', 'refused invalid_argument'),
    ('{"progress": 1.01}', 'refused invalid_argument'),
    ('{"progress": "NaN"}', 'refused invalid_argument'),
    ('{"predicted_score": "NaN"}', 'refused invalid_argument'),
    (jsonb_build_object('platform', repeat('x', 201)), 'refused invalid_argument'),
    (jsonb_build_object('device', repeat('x', 201)), 'refused invalid_argument'),
    (jsonb_build_object('algorithm', repeat('x', 201)), 'refused invalid_argument'),
    (jsonb_build_object('variant', repeat('x', 201)), 'refused invalid_argument'),
    ('{"context": "home"}', 'refused invalid_argument'),
    ('{"context": [1]}', 'refused invalid_argument'),
    (jsonb_build_object('context', jsonb_build_object('a', repeat('x', 5000))), 'refused invalid_argument'),
    ('{"kind": "view", "context": {"mood": "calm"}, "progress": 1, "dwell_ms": 0, "position": 0}', 'accepted'),
    (jsonb_build_object('user_id', (select bob from people)), 'refused forbidden'),
    (jsonb_build_object('kind', 'share', 'user_id', (select ada from people)), 'accepted'),
    ('{"kind": "quote", "context": null, "platform": null, "of my own": [1]}', 'accepted')
) as e (given, expected);
grant select on events to authenticated, service_role;

create temp table answers as select * from medley.log_engagement(null, '[]', now()) limit 0;
grant select, insert on answers to authenticated;

select act_as((select ada from people));
insert into answers
select l.*
from medley.log_engagement(
  null, (select jsonb_agg(e.given order by e.place) from events as e), '2026-01-15T10:00:00Z'
) as l;
select is(concat_ws(' ', a.status, a.code), e.expected, format('%s: %s', e.expected, left(e.given::text, 150)))
from events as e
left join answers as a on a.event_index = e.place
order by e.place;
select is((select count(*) from answers where (code is null) <> (status <> 'refused') or (message is null) <> (code is null)), 0::bigint,
  'a refusal has a code and a message, and nothing else has');
select results_eq(
  'select event_index from answers', 'select place from events order by place', 'answers come in the order of the events'
);

select act_as_owner();
select is(
  (select count(*) from medley.engagements), (select count(*) from events where expected = 'accepted'),
  'exactly what was accepted is in the log'
);
select is((select engagements from medley.member_activity), (select count(*) from medley.engagements), 'and counted');

-- An event alone meets the same fate as in a crowd.
delete from medley.engagements where true;
select act_as((select ada from people));
select is(
  (select concat_ws(' ', l.status, l.code) from medley.log_engagement(null, jsonb_build_array(e.given), '2026-01-15T10:00:00Z') as l),
  case e.place when 2 then 'duplicate' else e.expected end,
  format('alone: %s', left(e.given::text, 150))
)
from (select * from events order by place) as e;

-- What is no object, and no events at all.
select results_eq(
  $$ select e.status, e.code from public.log_engagement('[1, null, "a", [], {}]') as e $$,
  $$
  values
    ('refused', 'invalid_argument'), ('refused', 'invalid_argument'), ('refused', 'invalid_argument'),
    ('refused', 'invalid_argument'), ('refused', 'invalid_argument')
  $$,
  'an event is an object'
);
select is_empty($$ select public.log_engagement('[]') $$, 'no events, no answers');

-- Whole calls.
select throws_code($$ select public.log_engagement(null) $$, 'invalid_argument', 'null is no array');
select throws_code($$ select public.log_engagement('{}') $$, 'invalid_argument', 'an object is no array');
select throws_code($$ select public.log_engagement('3') $$, 'invalid_argument', 'a number is no array');
select lives_ok(
  $$ select public.log_engagement((select jsonb_agg('{}'::jsonb) from generate_series(1, 1000))) $$, '1,000 events are fine'
);
select throws_code(
  $$ select public.log_engagement((select jsonb_agg('{}'::jsonb) from generate_series(1, 1001))) $$,
  'too_large', '1,001 events are too many'
);
select throws_code(
  $$ select medley.log_engagement((select bob from people), '[]', now()) $$, 'forbidden', 'nobody logs for another member'
);

select act_as_owner();
select act_as_anon();
select throws_permission($$ select public.log_engagement('[]') $$, 'anon logs nothing');
select act_as_owner();
select throws_code($$ select public.log_engagement('[]') $$, 'unauthenticated', 'nor does a session without a member');

select * from finish();
