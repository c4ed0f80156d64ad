-- A block severs the follows between both members, keeps new ones from being made, and stays invisible.
select plan(9);

create temp table people as
select make_member('ada') as ada, make_member('bob') as bob, make_member('eve') as eve;
grant select on people to authenticated;
select befriend(ada, bob) from people;
select befriend(bob, eve) from people;

select set_eq(
  'select medley.friends((select bob from people))', 'select ada from people union all select eve from people',
  'friends follow each other'
);
select act_as((select ada from people));
select lives_ok('insert into public.user_blocks (blocked_id) select bob from people', 'a member blocks another');
select act_as_owner();
select is_empty(
  'select from public.follows, people where ada in (follower_id, followed_id)', 'no follow is left between them'
);
select set_eq('select medley.friends((select bob from people))', 'select eve from people', 'others stay friends');
select ok(
  medley.is_blocked((select ada from people), (select bob from people))
  and medley.is_blocked((select bob from people), (select ada from people)), 'it holds in both directions'
);
select act_as((select bob from people));
select throws_permission(
  'insert into public.follows (followed_id) select ada from people', 'the blocked one cannot follow again'
);
select is_empty('select from public.user_blocks', 'nor see the block');
select act_as_owner();
select act_as((select ada from people));
select throws_permission(
  'insert into public.follows (followed_id) select bob from people', 'nor can the one who blocked'
);
delete from public.user_blocks where blocked_id = (select bob from people);
select lives_ok('insert into public.follows (followed_id) select bob from people', 'until the block is gone');

select * from finish();
