-- chi_square_survival: the values of printed tables and of closed forms. always_valid_half_width and sample_ratio: by hand.
select plan(13);

-- NIST/SEMATECH e-Handbook of Statistical Methods, 1.3.6.7.4: upper critical values of the chi-square distribution.
select ok(abs(medley.chi_square_survival(t.value, t.df) / t.p - 1) < 0.001, format('%s at %s', t.value, t.df))
from (
  values (3.841, 1, 0.05), (10.828, 1, 0.001), (5.991, 2, 0.05), (11.345, 3, 0.01), (18.307, 10, 0.05), (43.820, 19, 0.001)
) as t (value, df, p);

select ok(abs(medley.chi_square_survival(x, 2) / exp(-x / 2) - 1) < 1e-12, format('two degrees are exponential at %s', x))
from unnest('{0.001, 1, 30, 1000}'::double precision[]) as x;
select results_eq(
  $$ select medley.chi_square_survival(0, 1), medley.chi_square_survival(1e300, 3), medley.chi_square_survival(null, 1) $$,
  $$ values (1.0::double precision, 0.0::double precision, null::double precision) $$,
  'the ends, and nothing for nothing'
);
select results_eq(
  $$ select chi_square, round(p_value::numeric, 4), alarm from medley.sample_ratio('{530, 470}', '{0.5, 0.5}', 0.001, 5000)
     union all select chi_square, round(p_value::numeric, 4), alarm
     from medley.sample_ratio('{5300, 4700}', '{0.5, 0.5}', 0.001, 5000)
     union all select chi_square, round(p_value::numeric, 4), alarm from medley.sample_ratio('{0, 0}', '{0.5, 0.5}', 0.001, 5000) $$,
  $$ values (3.6::double precision, 0.0578::numeric, false), (36, 0.0000, true), (null, null, null) $$,
  'a ratio that may be chance, one that is not, and none'
);
-- rho^2 = (2 ln 20 + ln(1 + 2 ln 20)) / 5000 = 0.0015867; sqrt(2 (7.9336 + 1) / 7.9336 * (ln(8.9336) / 2 + ln 20)) = 3.0346
select is(round(medley.always_valid_half_width(1, 5000, 0.05, 5000)::numeric, 3), 3.035, 'standard errors at 5,000 members');

select * from finish();
