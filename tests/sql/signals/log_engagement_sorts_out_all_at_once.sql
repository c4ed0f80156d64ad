-- log_engagement: what makes a batch be tried again, all in one batch: each event still meets its own fate, once.
select no_plan();

select make_kind('thing');
select make_item('thing', 'open');
create temp table people as select make_member('ada') as ada, make_member('bob') as bob;
grant select on people to authenticated;
create temp table batch as
select
  jsonb_agg(
    jsonb_build_object('item_id', item_named('open'), 'kind', 'like', 'occurred_at', '2026-01-10T10:00:00Z') || e.event
    order by e.place
  ) as events
from (
  values
    (1, '{"session_id": "00000000-0000-4000-8000-00000000000b"}'::jsonb),
    (2, '{"occurred_at": "2026-01-10T10:00:01Z"}'),
    (3, '{"occurred_at": "2026-01-10T10:00:02Z", "progress": "half"}'),
    (4, '{"occurred_at": "2026-01-10T10:00:03Z", "session_id": "00000000-0000-4000-8000-00000000000a"}'),
    (5, '{"occurred_at": "2026-01-10T10:00:03Z", "session_id": "00000000-0000-4000-8000-00000000000a"}'),
    (6, '{"kind": "adore"}'),
    -- The same event as the first, which is refused.
    (7, '{}')
) as e (place, event);
grant select on batch to authenticated;

-- Before: a session of bob's, and an event of ada's that the batch repeats.
select act_as((select bob from people));
select from medley.log_engagement(
  null, (select jsonb_build_array(b.events -> 0) from batch as b), '2026-01-15T10:00:00Z'
);
select act_as((select ada from people));
select from medley.log_engagement(
  null, (select jsonb_build_array(b.events -> 1) from batch as b), '2026-01-15T10:00:00Z'
);

select results_eq(
  $$ select l.status, l.code from medley.log_engagement(null, (select events from batch), '2026-01-15T10:00:00Z') as l $$,
  $$
  values
    ('refused', 'forbidden'), ('duplicate', null), ('refused', 'invalid_argument'), ('accepted', null),
    ('duplicate', null), ('refused', 'invalid_argument'), ('accepted', null)
  $$,
  'each event meets its own fate'
);
select results_eq(
  $$ select l.status from medley.log_engagement(null, (select events from batch), '2026-01-15T10:00:00Z') as l $$,
  $$ values ('duplicate'), ('duplicate'), ('refused'), ('duplicate'), ('duplicate'), ('refused'), ('duplicate') $$,
  'sent again, it adds nothing'
);

select act_as_owner();
select results_eq(
  $$
  select a.engagements, (select sum(s.events) from medley.sessions as s where s.user_no = a.user_no)
  from medley.member_activity as a
  inner join medley.members as m on m.user_no = a.user_no
  where m.user_id = (select ada from people)
  $$,
  $$ values (3::bigint, 1::bigint) $$,
  'activity and sessions count what was accepted'
);
select results_eq(
  $$
  select round(a.score::numeric, 3)
  from medley.affinities as a
  inner join medley.members as m on m.user_no = a.user_no
  where m.user_id = (select ada from people)
  $$,
  $$ values (6.000) $$,
  'and so does the affinity'
);

select * from finish();
