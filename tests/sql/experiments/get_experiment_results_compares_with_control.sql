-- get_experiment_results: values, lift and guardrails a variant; what counts is what exposed members did in the window.
select plan(17);

select make_ranker('shelf');
insert into medley.settings (key, value, description) values ('experiments.min_members', 40, 'For tests.')
on conflict (key) do update set value = excluded.value;
select run_experiment('shelf_test', 'shelf', now() - interval '30 days');

select throws_code($$ select medley.get_experiment_results('nonesuch', null, now()) $$, 'not_found', 'an unknown experiment');
select throws_code($$ select medley.get_experiment_results(null, null, now()) $$, 'not_found', 'or none');
select throws_code(
  $$ select medley.get_experiment_results('shelf_test', 'nonesuch', now()) $$, 'invalid_argument', 'an unknown metric'
);
select results_eq(
  $$ select metric, is_guardrail, variant, members, value, lift, verdict, alarm, ratio_p_value, ratio_alarm
     from medley.get_experiment_results('shelf_test', null, now()) where metric in ('engagement', 'rejection') $$,
  $$ values
       ('engagement', false, 'control', 0::bigint, null::double precision, null::double precision, null, false,
         null::double precision, false),
       ('engagement', false, 'bold', 0, null, null, 'undecided', false, null, false),
       ('rejection', true, 'control', 0, null, null, null, false, null, false),
       ('rejection', true, 'bold', 0, null, null, 'undecided', false, null, false) $$,
  'before anybody was exposed there is nothing to say'
);

-- Sixty members a variant, exposed ten days ago. All who saw bold reject something, none of the others.
create temp table who as
select n, make_member('member' || n) as id, case when n % 2 = 0 then 'control' else 'bold' end as variant
from generate_series(1, 120) as n;
select log_event(id, 'impression', now() - interval '10 days', 'shelf_test:' || variant) from who;
select log_event(id, 'dislike', now() - interval '9 days') from who where variant = 'bold';
-- Every fourth of control and every second of bold clicks, some of them twice.
select log_event(id, 'click', now() - interval '9 days', null, 0.3::real) from who where n % 8 = 0 or n % 4 = 1;
select log_event(id, 'click', now() - interval '8 days', null, 0.5::real) from who where n % 8 = 0;
-- None of these counts: before the exposure, after the window, of the future, of a member who was not exposed.
select log_event(id, 'click', now() - interval '11 days') from who where n = 2;
select log_event(id, 'click', now() - interval '2 days') from who where n in (2, 3);
select log_event(make_member('stranger'), 'click', now() - interval '9 days');
select medley.record_exposures();

create function tests.results(p_metric text, p_as_of timestamptz default now()) returns table (
  variant text, members bigint, value numeric, lift numeric, relative numeric, verdict text, alarm boolean)
language sql as $$
  select variant, members, round(value::numeric, 4), round(lift::numeric, 4), round(relative_lift::numeric, 4), verdict, alarm
  from medley.get_experiment_results('shelf_test', p_metric, p_as_of) where metric = p_metric $$;
select results_eq(
  $$ select * from tests.results('engagement') $$,
  $$ values ('control', 60::bigint, 0.25, null::numeric, null::numeric, null, false),
       ('bold', 60, 0.5, 0.25, 1.0, 'undecided', false) $$,
  'a rate is of members'
);
select results_eq(
  $$ select value from tests.results('clicks') $$, $$ values (0.5), (0.5) $$, 'a count of events'
);
select results_eq(
  $$ select value from tests.results('satisfaction') $$, $$ values (0.1), (0.075) $$,
  'a mean of the scores of what each member did'
);
select results_eq(
  $$ select * from tests.results('rejection') $$,
  $$ values ('control', 60::bigint, 0.0, null::numeric, null::numeric, null, false),
       ('bold', 60, 1.0, 1.0, null::numeric, 'worse', true) $$,
  'a guardrail that got worse raises an alarm'
);
select results_eq(
  $$ select metric from medley.get_experiment_results('shelf_test', null, now()) where variant = 'bold' $$,
  $$ values ('engagement'), ('abandonment'), ('rejection') $$,
  'by default: what decides, then the guardrails'
);
select results_eq(
  $$ select value from tests.results('engagement', now() - interval '9 days 12 hours') $$,
  $$ values (0.0), (0.0) $$,
  'at an earlier time, what was known then'
);
select ok(
  (select bool_and(ratio_p_value = 1 and not ratio_alarm) from medley.get_experiment_results('shelf_test', null, now())),
  'the members are divided as promised'
);
select ok(
  (select bool_and(recorded_until = now()) from medley.get_experiment_results('shelf_test', null, now())),
  'it says how far exposures are known'
);

select log_event(id, 'impression', now() - interval '5 days', 'shelf_test:control') from who where n in (1, 3);
select medley.record_exposures();
select results_eq(
  $$ select members, excluded from medley.get_experiment_results('shelf_test', 'clicks', now()) where metric = 'clicks' $$,
  $$ values (60::bigint, 0::bigint), (58, 2) $$,
  'who saw two variants is left out'
);
select is((select value from tests.results('engagement') where variant = 'bold'), 0.5, 'of the values too: 29 of 58');
update medley.settings set value = 59 where key = 'experiments.min_members';
select results_eq(
  $$ select lift is null, lift_lower is null, adjusted_upper is null, verdict
     from medley.get_experiment_results('shelf_test', 'rejection', now()) where metric = 'rejection' and variant = 'bold' $$,
  $$ values (false, true, true, 'undecided') $$,
  'few members have a lift but no interval'
);
select medley.stop_experiment('shelf_test', now() - interval '9 days 12 hours');
select is(
  (select value from tests.results('engagement') where variant = 'bold'), 0.0, 'what comes after the end does not count'
);
delete from auth.users where id = (select id from who where n = 2);
select is(
  (select members from medley.experiment_members('shelf_test', now()) where variant = 'control'), 59::bigint,
  'a deleted account leaves nothing'
);

select * from finish();
