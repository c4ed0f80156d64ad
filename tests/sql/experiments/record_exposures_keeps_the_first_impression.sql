-- record_exposures: a member's first impression of a variant, and the first of another, in whatever order they come in.
select plan(9);

select make_ranker('shelf');
select run_experiment('shelf_test', 'shelf', now() - interval '10 days');
create temp table who as
select make_member('ada') as ada, make_member('bob') as bob, make_member('cas') as cas, make_member('dan') as dan;

create function tests.day(p_day int) returns timestamptz language sql as
'select now() - interval ''10 days'' + make_interval(days => p_day)';
select log_event(ada, 'impression', day(2), 'shelf_test:bold'), log_event(ada, 'impression', day(3), 'shelf_test:bold'),
  log_event(bob, 'impression', day(5), 'shelf_test:control'), log_event(bob, 'impression', day(4), 'shelf_test:bold')
from who;
-- None of these is an exposure.
select log_event(cas, 'click', day(2), 'shelf_test:bold'), log_event(cas, 'impression', day(-1), 'shelf_test:bold'),
  log_event(cas, 'impression', day(2), 'shelf_test:nonesuch'), log_event(cas, 'impression', day(3), 'other:bold'),
  log_event(cas, 'impression', day(4))
from who;

create view pg_temp.exposed as
select p.username, r.variant, date_part('day', r.exposed_at - day(0)) as exposed, date_part('day', r.crossed_at - day(0)) as crossed
from medley.recommendation_experiments as r
inner join medley.members as m on r.user_no = m.user_no
inner join public.profiles as p on p.id = m.user_id;

select is(medley.record_exposures(), 2::bigint, 'two members were exposed');
select results_eq(
  'select * from pg_temp.exposed order by username',
  $$ values ('ada', 'bold', 2.0::double precision, null::double precision), ('bob', 'bold', 4, 5) $$,
  'to the first variant that they saw; the second is on record'
);
select is(medley.record_exposures(), 0::bigint, 'doing it again changes nothing');

select log_event(ada, 'impression', day(1), 'shelf_test:control'), log_event(bob, 'impression', day(3), 'shelf_test:control'),
  log_event(dan, 'impression', day(6), 'shelf_test:control')
from who;
select is(medley.record_exposures(), 3::bigint, 'impressions that come in late count');
select results_eq(
  'select * from pg_temp.exposed order by username',
  $$ values ('ada', 'control', 1.0::double precision, 2.0::double precision), ('bob', 'control', 3, 4), ('dan', 'control', 6, null) $$,
  'as if they had been in time'
);

select medley.stop_experiment('shelf_test', day(7));
select log_event(cas, 'impression', day(8), 'shelf_test:bold') from who;
select is(medley.record_exposures(), 0::bigint, 'after the end nobody is exposed');
select log_event(cas, 'impression', day(6), 'shelf_test:bold') from who;
select is(medley.record_exposures(), 1::bigint, 'but what was before it is still taken in');
select results_eq(
  $$ select variant, members, excluded from medley.experiment_members('shelf_test', now()) order by variant $$,
  $$ values ('bold', 1::bigint, 0::bigint), ('control', 1, 2) $$,
  'members of two variants are left out'
);
select results_eq(
  $$ select variant, members, excluded from medley.experiment_members('shelf_test', day(3)) order by variant $$,
  $$ values ('bold', 0::bigint, 0::bigint), ('control', 1, 1) $$,
  'from when they were'
);

select * from finish();
