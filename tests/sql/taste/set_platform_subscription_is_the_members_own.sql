-- set_platform_subscription: a member says what it has, for itself only.
select plan(12);

create temp table m as select make_member('ada') as ada, make_member('bob') as bob;
grant select on m to anon, authenticated, service_role;

select act_as((select ada from m));
select lives_ok($$ select public.set_platform_subscription(' Netflix ') $$, 'a member has a platform');
select lives_ok($$ select public.set_platform_subscription('NETFLIX', true) $$, 'saying so again is fine');
select results_eq(
  $$ select platform_name, has_subscription, usage_frequency, preference_score from medley.platform_user_preferences $$,
  $$ values ('netflix', true, 0::real, 0.5::real) $$, 'one row, which the member may read'
);
select throws_code($$ select public.set_platform_subscription('hulu', true, (select bob from m)) $$, 'forbidden', 'not for others');
select throws_code($$ select public.set_platform_subscription(' ') $$, 'invalid_argument', 'no name');
select throws_code($$ select public.set_platform_subscription('x', null) $$, 'invalid_argument', 'neither yes nor no');
select throws_permission($$ insert into medley.platform_user_preferences (user_no, platform_name) values (1, 'x') $$, 'nor by the table');
select act_as_owner();
select act_as((select bob from m));
select is_empty('select from medley.platform_user_preferences', 'others do not see it');
select act_as_owner();
select act_as_service();
select lives_ok($$ select public.set_platform_subscription('netflix', false, (select ada from m)) $$, 'the service may, for a member');
select throws_code($$ select public.set_platform_subscription('netflix', true, md5('x')::uuid) $$, 'not_found', 'who exists');
select is((select has_subscription from medley.platform_user_preferences), false, 'and it ends');
select act_as_owner();
select act_as_anon();
select throws_permission($$ select public.set_platform_subscription('netflix') $$, 'nobody in particular has nothing');

select * from finish();
