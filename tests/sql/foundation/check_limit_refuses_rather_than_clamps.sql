-- A limit out of range is refused; it is never made to fit silently.
select plan(8);

select is(medley.check_limit(1), 1, 'the least');
select is(medley.check_limit(200), 200, 'the most');
select is(medley.check_limit(1000, 1000), 1000, 'a maximum of its own');
select throws_code('select medley.check_limit(0)', 'invalid_argument', 'none');
select throws_code('select medley.check_limit(-1)', 'invalid_argument', 'less than none');
select throws_code('select medley.check_limit(201)', 'invalid_argument', 'too many');
select throws_code('select medley.check_limit(1000000000)', 'invalid_argument', 'absurdly many');
select throws_code('select medley.check_limit(null)', 'invalid_argument', 'not stated');

select * from finish();
