-- recency: 1 at once, a half after each half-life, and never an error however long ago.
select plan(6);

create function tests.left_after(p_age interval, p_days float8) returns float8 language sql as $$
  select medley.recency('2026-01-01 00:00+00'::timestamptz - p_age, '2026-01-01 00:00+00', p_days)
$$;

select is(left_after('0', 3), 1::float8, 'one at once');
select is(left_after('3 days', 3), 0.5::float8, 'a half after a half-life');
select is(left_after('6 days', 3), 0.25::float8, 'a quarter after two');
select is(left_after('-5 days', 3), 1::float8, 'no more than one, also before its time');
select ok(left_after('2000 years', 0.001) between 1e-30 and 1e-20, 'next to nothing after ages, and no underflow');
select ok(left_after('2000 years', 0.001)::real > 0, 'not even as a float of four bytes');

select * from finish();
