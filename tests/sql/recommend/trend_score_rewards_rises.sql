-- The formula of trends: more than usual beats much, recent beats old.
select plan(9);

create function pg_temp.score(
  p_points float8, p_expected float8, p_age_hours float8, p_hot float8 default 1, p_surprise float8 default 1
)
returns real
language sql
as $$
  select medley.trend_score(p_points, p_expected, 3600 * p_age_hours, w, p_hot, p_surprise)
  from medley.trend_windows as w where w.time_window = 'day'
$$;

select is(pg_temp.score(98, 1000, 8), (2 / power(10, 1.8))::real, 'hot is log10(s + 2) / (h + 2)^1.8');
select is(pg_temp.score(8, 2, 12, 0, 1), ln(1 + 18 * 0.5)::real, 'surprise is (s - e)^2 / e, halved with each half-life');
select is(pg_temp.score(2, 2, 1, 0, 1), 0::real, 'what was due is no surprise');
select is(pg_temp.score(1, 100, 1, 0, 1), 0::real, 'less than that is none either');
select cmp_ok(pg_temp.score(20, 1, 6), '>', pg_temp.score(1000, 1000, 6), 'a rising item beats a steady popular one');
select cmp_ok(pg_temp.score(20, 1, 2), '>', pg_temp.score(20, 1, 20), 'the newer of two equals leads');
select cmp_ok(pg_temp.score(1000, 1000, 6), '>', pg_temp.score(10, 10, 6), 'of steady items the larger leads');
select is(pg_temp.score(-5, 1, 6, 1, 1), (log(2.0::float8) / power(8, 1.8))::real, 'rejected items do not fail');
select ok(pg_temp.score(1e9, 1, 1e9) >= 0, 'nor do ancient ones');

select * from finish();
