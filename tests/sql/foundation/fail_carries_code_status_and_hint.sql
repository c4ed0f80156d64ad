-- fail() raises the stable code with its HTTP status, the argument and the hint; an unknown code is a bug, not an answer.
select plan(5);

select throws_code(
  $$ select medley.fail('invalid_argument', 'p_x is bad', 'p_x', 'Mend p_x.') $$,
  'invalid_argument', 'code, status and hint arrive'
);
select throws_code($$ select medley.fail('cycle', 'no', null, 'Do not.') $$, 'cycle', '409 has more than one code');
select throws_ok(
  $$ select medley.fail('invalid_argument', 'p_x is bad', 'p_x', 'Mend p_x.') $$,
  'PT400', 'p_x is bad', 'the message arrives'
);
select throws_ok($$ select medley.fail('no_such_code', 'x') $$, 'P0002', null, 'only codes of the table exist');
select throws_ok(
  $$ select medley.fail('conflict', repeat('x', 1000000)) $$,
  'PT409', repeat('x', 500), 'a message that quotes its input stays short'
);

select * from finish();
