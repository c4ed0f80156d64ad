-- Row-level security of the people tables: own rows, and of others only what is public.
select plan(37);

create temp table people as
select make_member('ada') as ada, make_member('bob') as bob, make_member('eve') as eve;
grant select on people to anon, authenticated, service_role;
insert into public.user_preferences (user_id, home_city) select ada, 'Turin' from people union all select bob, 'Graz' from people;
select follow(ada, bob), follow(bob, ada), follow(bob, eve) from people;
select mute(bob, ada), block(bob, eve) from people;

select act_as((select ada from people));
select is((select count(*) from public.profiles), 3::bigint, 'profiles are public');
select results_eq('select home_city from public.user_preferences', $$ values ('Turin') $$, 'preferences are not');
select set_eq(
  'select follower_id, followed_id from public.follows',
  'select ada, bob from people union all select bob, ada from people',
  'follows: those that one is part of'
);
select is_empty('select from public.user_mutes', 'a mute is its owner''s secret');
select is_empty('select from public.user_blocks', 'so is a block');

-- Writing for oneself.
select lives_ok('update public.profiles set public_profile = false where id = (select ada from people)', 'a profile can be private');
select is((select count(*) from public.profiles), 3::bigint, 'the member sees it still');
select lives_ok('update public.user_preferences set email_notifications = false where user_id = (select ada from people)', 'no mail');
select act_as((select bob from people));
select is((select count(*) from public.profiles), 2::bigint, 'others do not');
select act_as((select ada from people));
update public.profiles set public_profile = true where id = (select ada from people);
select lives_ok('update public.profiles set bio = ''x'' where id = (select ada from people)', 'own profile');
select lives_ok(
  'update public.user_preferences set radius_km = 10 where user_id = (select ada from people)', 'own preferences'
);
select lives_ok('delete from public.follows where followed_id = (select bob from people)', 'own follow');
select lives_ok('insert into public.follows (followed_id) select bob from people', 'the id defaults to the member');
select lives_ok('insert into public.user_mutes (muted_id) select eve from people', 'mutes');
select lives_ok('insert into public.user_blocks (blocked_id) select eve from people', 'blocks');

-- Writing for others.
update public.profiles set bio = 'hacked' where id = (select bob from people);
update public.user_preferences set home_city = 'hacked' where user_id = (select bob from people);
delete from public.follows where follower_id = (select bob from people);
delete from public.user_mutes where user_id = (select bob from people);
delete from public.user_blocks where user_id = (select bob from people);
select throws_permission(
  'insert into public.follows (follower_id, followed_id) select bob, ada from people', 'no follow in another''s name'
);
select throws_permission(
  'insert into public.user_blocks (user_id, blocked_id) select bob, ada from people', 'no block'
);
select throws_permission('insert into public.user_mutes (user_id, muted_id) select bob, ada from people', 'no mute');
select throws_permission(
  'insert into public.user_preferences (user_id) select eve from people', 'no preferences for another'
);
select throws_permission('update public.profiles set id = (select eve from people)', 'the id is not a member''s to change');
select throws_permission('update public.profiles set created_at = now()', 'nor are the times');
select throws_permission('insert into public.follows (followed_id, created_at) select eve, now() from people', 'in no table');
select throws_permission('delete from public.profiles where true', 'a profile goes with its account only');
select throws_permission('truncate public.follows', 'nobody truncates');
select throws_permission('select from medley.members', 'the numbers of members are the engine''s');
select throws_permission('select medley.member_numbers(array[]::uuid[])', 'nor can members make them');
select throws_permission('select medley.friends((select bob from people))', 'or ask for others'' friends');

select act_as_owner();
select is((select count(*) from public.profiles where bio = 'hacked'), 0::bigint, 'another''s profile did not change');
select is((select count(*) from public.user_preferences where home_city = 'hacked'), 0::bigint, 'nor their preferences');
select is((select count(*) from public.follows where follower_id = (select bob from people)), 1::bigint, 'nor their follows');
select is(
  (select count(*) from public.user_mutes where user_id = (select bob from people))
  + (select count(*) from public.user_blocks where user_id = (select bob from people)), 2::bigint, 'nor what they hide'
);

select act_as_anon();
select is((select count(*) from public.profiles), 3::bigint, 'who is not signed in sees profiles');
select throws_permission('select from public.user_preferences', 'and no preferences');
select throws_permission('select from public.follows', 'no follows');
select throws_permission('insert into public.profiles (id) select ada from people', 'and writes nothing');

select act_as_owner();
select act_as_service();
select is((select count(*) from public.user_preferences), 2::bigint, 'the service sees all');
select throws_permission('select from medley.members', 'but not the engine''s tables');

select * from finish();
