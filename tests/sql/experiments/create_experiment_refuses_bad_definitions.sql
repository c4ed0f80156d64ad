-- create_experiment: shares that sum to one, weights that the ranker has, names that are free; else nothing is written.
select plan(45);

select make_ranker('shelf'), make_ranker('other');
insert into medley.ranker_weights (ranker, term, weight, description) values ('other', 'far', 1, 'For tests.');
create function tests.experiments() returns bigint language sql security definer as 'select count(*) from medley.experiments';

select act_as_service();
select lives_ok(
  $$ select public.create_experiment('thirds', 'shelf', '[{"variant": "control", "share": 0.333333},
       {"variant": "near", "share": 0.333333, "weights": {"near": 2.5}},
       {"variant": "both", "share": 0.333334, "weights": {"near": 0, "new": -1}}]', p_salt => 'salt') $$,
  'three variants'
);
select results_eq(
  $$ select experiment, ranker, metric, status, traffic, variants, started_at from public.get_experiments('thirds') $$,
  $$ values ('thirds', 'shelf', 'engagement', 'draft', 1::numeric, '[{"variant": "control", "share": 0.3333, "weights": {}},
       {"variant": "near", "share": 0.3334, "weights": {"near": 2.5}},
       {"variant": "both", "share": 0.3333, "weights": {"new": -1, "near": 0}}]'::jsonb, null::timestamptz) $$,
  'are kept as given, their shares in ten-thousandths'
);
select act_as_owner();
select results_eq(
  $$ select variant, bucket_from, bucket_until from medley.experiment_variants order by bucket_from $$,
  $$ values ('control', 0, 3333), ('near', 3333, 6667), ('both', 6667, 10000) $$,
  'and divide all buckets'
);

select act_as_service();
select throws_code(
  format('select public.create_experiment(%L, ''shelf'', %L)', 'bad', bad.variants), 'invalid_argument', bad.why
)
from (
  values
    (null, 'no variants'),
    ('null', 'JSON null'),
    ('{}', 'an object'),
    ('"control"', 'a string'),
    ('[]', 'none'),
    ('[1, 2]', 'numbers'),
    ('[{"variant": "control", "share": 1}]', 'one alone'),
    ('[{"variant": "control", "share": 0.5}, {"variant": "a", "share": 0.4}]', 'shares below one'),
    ('[{"variant": "control", "share": 0.5}, {"variant": "a", "share": 0.6}]', 'shares above one'),
    ('[{"variant": "control", "share": 1.5}, {"variant": "a", "share": -0.5}]', 'a negative share'),
    ('[{"variant": "control", "share": 1}, {"variant": "a", "share": 0}]', 'a share of nothing'),
    ('[{"variant": "control", "share": 0.99999}, {"variant": "a", "share": 0.00001}]', 'less than a bucket'),
    ('[{"variant": "control", "share": "0.5"}, {"variant": "a", "share": 0.5}]', 'a share that is text'),
    ('[{"variant": "control", "share": 0.5}, {"variant": "a"}]', 'no share'),
    ('[{"variant": "control", "share": 1e400}, {"variant": "a", "share": 0.5}]', 'a huge share'),
    ('[{"variant": "a", "share": 0.5}, {"variant": "b", "share": 0.5}]', 'no control'),
    ('[{"variant": "control", "share": 0.5}, {"variant": "control", "share": 0.5}]', 'a name twice'),
    ('[{"variant": "control", "share": 0.5}, {"variant": "a:b", "share": 0.5}]', 'a colon in a name'),
    ('[{"variant": "control", "share": 0.5}, {"variant": "", "share": 0.5}]', 'an empty name'),
    ('[{"variant": "control", "share": 0.5}, {"share": 0.5}]', 'no name'),
    ('[{"variant": "control", "share": 0.5}, {"variant": 7, "share": 0.5}]', 'a number for a name'),
    ('[{"variant": "control", "share": 0.5}, {"variant": "a", "share": 0.5, "weight": {}}]', 'a key that nobody reads'),
    ('[{"variant": "control", "share": 0.5}, {"variant": "a", "share": 0.5, "weights": []}]', 'weights in an array'),
    ('[{"variant": "control", "share": 0.5}, {"variant": "a", "share": 0.5, "weights": null}]', 'weights of null'),
    (
      '[{"variant": "control", "share": 0.5}, {"variant": "a", "share": 0.5, "weights": {"far": 1}}]',
      'a term of another ranker'
    ),
    (
      '[{"variant": "control", "share": 0.5}, {"variant": "a", "share": 0.5, "weights": {"near": "2"}}]',
      'a weight that is text'
    ),
    (
      '[{"variant": "control", "share": 0.5}, {"variant": "a", "share": 0.5, "weights": {"near": 10001}}]',
      'a weight out of range'
    ),
    (
      (
        select jsonb_agg(jsonb_build_object('variant', case n when 1 then 'control' else 'v' || n end, 'share', 1 / 21.0))
        from generate_series(1, 21) as n
      )::text,
      'too many'
    )
) as bad (variants, why);

prepare halves as
select public.create_experiment(
  $1, $2, '[{"variant": "control", "share": 0.5}, {"variant": "a", "share": 0.5}]', p_metric => $3, p_traffic => $4,
  p_ends_at => $5, p_salt => $6
);
select throws_code(format('execute halves(%s)', bad.arguments), bad.code, bad.why)
from (
  values
    ($$ null, 'shelf', 'engagement', 1, null, null $$, 'invalid_argument', 'no name'),
    ($$ 'Bold', 'shelf', 'engagement', 1, null, null $$, 'invalid_argument', 'a capital letter'),
    ($$ 'a:b', 'shelf', 'engagement', 1, null, null $$, 'invalid_argument', 'a colon'),
    ($$ 'thirds', 'shelf', 'engagement', 1, null, null $$, 'conflict', 'a name that is taken'),
    ($$ 'bad', 'nonesuch', 'engagement', 1, null, null $$, 'invalid_argument', 'an unknown ranker'),
    ($$ 'bad', null, 'engagement', 1, null, null $$, 'invalid_argument', 'no ranker'),
    ($$ 'bad', 'shelf', 'nonesuch', 1, null, null $$, 'invalid_argument', 'an unknown metric'),
    ($$ 'bad', 'shelf', 'engagement', 0, null, null $$, 'invalid_argument', 'no traffic'),
    ($$ 'bad', 'shelf', 'engagement', 'NaN', null, null $$, 'invalid_argument', 'traffic that is no number'),
    ($$ 'bad', 'shelf', 'engagement', 1, now() - interval '1 s', null $$, 'invalid_argument', 'an end in the past'),
    ($$ 'bad', 'shelf', 'engagement', 1, 'infinity', null $$, 'invalid_argument', 'an end that never comes'),
    ($$ 'bad', 'shelf', 'engagement', 1, null, '' $$, 'invalid_argument', 'an empty salt')
) as bad (arguments, code, why);
select is(tests.experiments(), 1::bigint, 'nothing of all that was written');

select act_as_owner();
select is_empty(
  $$ select from medley.experiment_metrics as m cross join unnest(m.kinds) as w (kind)
     where not exists (select from medley.engagement_kinds as k where k.kind = w.kind) $$,
  'the metrics look at kinds that exist'
);

select * from finish();
