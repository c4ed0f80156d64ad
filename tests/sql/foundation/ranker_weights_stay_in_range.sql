-- Weights, caps and scales are numbers that scores can be summed from without overflow.
select plan(6);

prepare write as
insert into medley.ranker_weights (ranker, term, weight, cap, scale, description)
values ('test', $1, $2, $3, $4, 'A term of a test.');

select lives_ok($$ execute write('a', -10000, 10000, 36500) $$, 'the rims are in');
select throws_ok($$ execute write('b', 10000.1, null, null) $$, '23514', null, 'a weight beyond is not');
select throws_ok($$ execute write('c', 'NaN', null, null) $$, '23514', null, 'nor one that is no number');
select throws_ok($$ execute write('d', 1, -1, null) $$, '23514', null, 'nor a negative cap');
select throws_ok($$ execute write('e', 1, 'Infinity', null) $$, '23514', null, 'nor an endless one');
select throws_ok($$ execute write('f', 1, null, 0) $$, '23514', null, 'nor a scale of nothing');

select * from finish();
