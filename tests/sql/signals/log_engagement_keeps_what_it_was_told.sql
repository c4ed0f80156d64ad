-- log_engagement keeps every field of an event, scores it, and keeps sessions, activity and affinities in step.
select no_plan();

select make_kind('thing');
select make_item('thing', 'a'), make_item('thing', 'b');
create temp table people as select make_member('ada') as ada, make_member('bob') as bob;
grant select on people to authenticated, service_role;

select act_as((select ada from people));
select medley.log_engagement(null, jsonb_build_array(jsonb_build_object(
  'item_id', item_named('a'), 'kind', 'play', 'occurred_at', '2026-01-10T10:00:00Z', 'value', 3,
  'session_id', '11111111-1111-4111-8111-111111111111', 'platform', 'netflix', 'device', 'tv', 'position', 4,
  'dwell_ms', 30000, 'progress', 0.5, 'predicted_score', 0.75, 'algorithm', 'hybrid', 'variant', 'bold:b',
  'context', '{"mood": "calm"}'::jsonb
)), '2026-01-10T10:01:00Z');
select results_eq(
  $$
  select
    e.occurred_at, e.value, e.session_id, e.platform, e.device, e.position, e.dwell_ms, e.progress, e.predicted_score,
    e.algorithm, e.variant, e.context, e.logged_at = now()
  from medley.engagements as e
  $$,
  $$
  values (
    '2026-01-10T10:00:00Z'::timestamptz, 3::real, '11111111-1111-4111-8111-111111111111'::uuid, 'netflix', 'tv',
    4::smallint, 30000, 0.5::real, 0.75::real, 'hybrid', 'bold:b', '{"mood": "calm"}'::jsonb, true
  )
  $$,
  'every field is in the log, and its member may read it'
);
select act_as_owner();
select results_eq(
  $$ select a.score, a.seen, a.last_at, a.positive_at, a.negative_at from medley.affinities as a $$,
  $$ values (2::real, true, '2026-01-10T10:00:00Z'::timestamptz, '2026-01-10T10:00:00Z'::timestamptz, null::timestamptz) $$,
  'three plays are worth log2(1 + 3)'
);

select act_as((select ada from people));
select medley.log_engagement(null, jsonb_build_array(
  jsonb_build_object(
    'item_id', item_named('b'), 'kind', 'impression', 'occurred_at', '2026-01-10T10:20:00Z',
    'session_id', '11111111-1111-4111-8111-111111111111'
  )
), '2026-01-10T10:30:00Z');
select act_as_owner();
select is((select count(*) from medley.affinities), 1::bigint, 'a kind without weight makes no affinity');
select results_eq(
  $$ select s.started_at, s.last_at, s.events, s.device, s.platform from medley.sessions as s $$,
  $$ values ('2026-01-10T10:00:00Z'::timestamptz, '2026-01-10T10:20:00Z'::timestamptz, 2, 'tv', 'netflix') $$,
  'the session spans its events and remembers its device'
);
create temp table before as select * from medley.member_activity;
select act_as((select ada from people));
select is(
  fate(jsonb_build_object('item_id', item_named('b'), 'kind', 'impression')), 'accepted', 'time is now by default'
);
select act_as_owner();
select is(
  (select m.last_written_at from medley.member_activity as m), (select b.last_written_at from before as b),
  'an impression leaves what was derived from affinities fresh'
);
select act_as((select ada from people));
select is(fate(jsonb_build_object('item_id', item_named('b'), 'kind', 'skip')), 'accepted', 'a skip is logged');
select act_as_owner();
select ok(
  (select m.last_written_at > b.last_written_at from medley.member_activity as m, before as b), 'a skip makes it stale'
);

-- Another member's session.
select act_as((select bob from people));
select results_eq(
  $$
  select e.status, e.code
  from public.log_engagement(jsonb_build_array(
    jsonb_build_object('item_id', item_named('a'), 'kind', 'like', 'session_id', '11111111-1111-4111-8111-111111111111'),
    jsonb_build_object('item_id', item_named('b'), 'kind', 'like', 'session_id', '22222222-2222-4222-8222-222222222222'),
    jsonb_build_object('item_id', item_named('b'), 'kind', 'share')
  )) as e
  $$,
  $$ values ('refused', 'forbidden'), ('accepted', null), ('accepted', null) $$,
  'another member''s session is refused, and only that'
);
select is((select count(*) from medley.engagements), 2::bigint, 'and nothing of it is written; others'' events are hidden');
select act_as_owner();
select is(
  (select s.events from medley.sessions as s where s.session_id = '11111111-1111-4111-8111-111111111111'), 2,
  'the session is as it was'
);
select act_as_service();
select results_eq(
  $$
  select e.status, e.code
  from people as p
  cross join lateral public.log_engagement(jsonb_build_array(
    jsonb_build_object(
      'user_id', p.ada, 'item_id', item_named('a'), 'kind', 'reply', 'session_id', '33333333-3333-4333-8333-333333333333'
    ),
    jsonb_build_object(
      'user_id', p.bob, 'item_id', item_named('a'), 'kind', 'reply', 'session_id', '33333333-3333-4333-8333-333333333333'
    )
  )) as e
  $$,
  $$ values ('accepted', null), ('refused', 'forbidden') $$,
  'two members in one batch do not share a new session either'
);

select * from finish();
