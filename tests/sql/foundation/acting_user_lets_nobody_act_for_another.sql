-- acting_user: a member is that member, the service is whom it names, everyone else is refused.
select plan(14);

create temp table people as select make_member('ada') as ada, make_member('bob') as bob;
grant select on people to anon, authenticated, service_role;

select act_as((select ada from people));
select is(medley.acting_user(), (select ada from people), 'a member acts as that member');
select is(medley.acting_user((select ada from people)), (select ada from people), 'also under the own id');
select throws_code(
  $$ select medley.acting_user((select bob from people)) $$, 'forbidden', 'but not under another member''s'
);
select is(medley.is_service(), false, 'a member is not the service');

select act_as_owner();
select act_as_anon();
select throws_code('select medley.acting_user()', 'unauthenticated', 'nobody is nobody');
select throws_code(
  $$ select medley.acting_user((select ada from people)) $$, 'unauthenticated', 'whatever id they claim'
);

select act_as_owner();
select act_as_service();
select is(medley.acting_user((select bob from people)), (select bob from people), 'the service acts for whom it names');
select throws_code('select medley.acting_user()', 'invalid_argument', 'and has to name somebody');
select throws_code('select medley.acting_user(gen_random_uuid())', 'not_found', 'who is there');
select is(medley.is_service(), true, 'the service is the service');

-- A direct connection has no token: the role decides.
select act_as_owner();
select set_config('role', 'service_role', true);
select is(medley.acting_user((select bob from people)), (select bob from people), 'the role alone makes the service');
select set_config('role', 'authenticated', true);
select throws_code(
  $$ select medley.acting_user((select ada from people)) $$, 'unauthenticated', 'but no role alone makes a member'
);
select act_as_owner();
select throws_code(
  $$ select medley.acting_user((select ada from people)) $$, 'unauthenticated', 'not even the owner acts for others'
);

-- A member's token stays a member's in functions that run as their owner.
create function tests.as_owner() returns uuid language sql security definer
as $$ select medley.acting_user((select bob from people)) $$;
select act_as((select ada from people));
select throws_code('select tests.as_owner()', 'forbidden', 'a definer function does not make a member somebody else');

select * from finish();
