-- A member gets a number on first use, and keeps it.
select plan(6);

create temp table people as select make_member('ada') as ada, make_member('bob') as bob;
select is(medley.member_no((select ada from people)), null, 'reading makes none');
select is((select count(*) from people, medley.member_numbers(array[ada, bob, ada])), 2::bigint, 'one a member');
select set_eq(
  'select n.user_id, n.user_no from people, medley.member_numbers(array[bob, ada]) as n',
  'select user_id, user_no from medley.members', 'the same again'
);
select is(
  medley.member_no((select ada from people)), (select user_no from medley.members where user_id = (select ada from people)),
  'member_no reads it'
);
select is_empty('select medley.member_numbers(array[]::uuid[])', 'of nobody, nothing');
select throws_ok(
  'select medley.member_numbers(array[gen_random_uuid()])', '23503', null, 'who has no account has no number'
);

select * from finish();
