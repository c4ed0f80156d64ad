-- start_experiment, stop_experiment: once each, one experiment at a time on a ranker.
select plan(20);

select make_ranker('shelf'), make_ranker('other');
create function tests.define(p_name text, p_ranker text default 'shelf', p_days int default null)
returns void language sql security definer as $$
  select medley.create_experiment(p_name, p_ranker,
    '[{"variant": "control", "share": 0.5}, {"variant": "a", "share": 0.5}]', 'engagement', 1,
    '2026-01-01 00:00+00'::timestamptz + make_interval(days => p_days), null, null, '2026-01-01 00:00+00') $$;
select tests.define('one'), tests.define('two'), tests.define('elsewhere', 'other'), tests.define('short', 'other', 10);

prepare start as select medley.start_experiment($1, $2);
prepare stop as select medley.stop_experiment($1, $2);
select throws_code($$ execute start('none', '2026-01-02') $$, 'not_found', 'an unknown experiment');
select throws_code($$ execute start(null, '2026-01-02') $$, 'not_found', 'or none at all');
select throws_code($$ execute stop('one', '2026-01-02') $$, 'conflict', 'what was never started cannot be stopped');
select lives_ok($$ execute start('one', '2026-01-02') $$, 'the first starts');
select throws_code($$ execute start('one', '2026-01-02') $$, 'conflict', 'once');
select throws_code($$ execute start('two', '2026-01-02') $$, 'conflict', 'another on the same ranker has to wait');
select lives_ok($$ execute start('elsewhere', '2026-01-02') $$, 'one on another ranker does not');
select lives_ok($$ execute stop('one', '2026-01-05') $$, 'the first is stopped');
select throws_code($$ execute stop('one', '2026-01-05') $$, 'conflict', 'once');
select throws_code($$ execute start('one', '2026-01-06') $$, 'conflict', 'and for good');
select lives_ok($$ execute start('two', '2026-01-05') $$, 'then the other starts');
select results_eq(
  $$ select experiment, status from medley.get_experiments(null, '2026-01-06') order by experiment $$,
  $$ values ('elsewhere', 'running'), ('one', 'stopped'), ('short', 'draft'), ('two', 'running') $$,
  'each has its state'
);

select lives_ok($$ execute stop('elsewhere', '2026-01-07') $$, 'the other ranker is free');
select lives_ok($$ execute start('short', '2026-01-07') $$, 'for one with an end');
select is((select status from medley.get_experiments('short', '2026-01-10')), 'running', 'it runs up to it');
select is((select status from medley.get_experiments('short', '2026-01-11')), 'stopped', 'and ends by itself');
select throws_code($$ execute stop('short', '2026-01-11') $$, 'conflict', 'so that there is nothing to stop');
select tests.define('next', 'other');
select lives_ok($$ execute start('next', '2026-01-12') $$, 'and its ranker is free');
select is((select stopped_at from medley.experiments where name = 'short'), '2026-01-11 00:00+00'::timestamptz,
  'its end is on record');
select tests.define('late', 'shelf', 3);
select throws_code($$ execute start('late', '2026-01-05') $$, 'conflict', 'whose end has passed does not start');

select * from finish();
