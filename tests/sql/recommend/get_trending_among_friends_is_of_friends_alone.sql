-- The friend network: what friends did in the window, without muted and blocked ones, at the moment of reading.
select plan(11);

select make_kind('film'), make_kind('song');
select make_members(9);
select make_item('film', t)
from unnest(array['By three', 'By one', 'By a muted one', 'By a blocked one', 'By a follower', 'Disliked', 'Clicked', 'Long ago']) as t;
select make_item('song', 'Sung');
-- m1 has the friends m2 to m6; m7 only follows m1.
select befriend(md5('member m1')::uuid, md5('member m' || n)::uuid) from generate_series(2, 6) as n;
select follow(md5('member m7')::uuid, md5('member m1')::uuid);
select engage('m' || n, 'By three', 'like', '2 hours') from generate_series(2, 4) as n;
select engage('m2', 'By one', 'like', '2 hours'), engage('m2', 'Disliked', 'dislike'), engage('m2', 'Clicked', 'click');
select engage('m2', 'Long ago', 'like', '3 days'), engage('m2', 'Sung', 'play', '5 hours');
select engage('m5', 'By a muted one', 'like'), engage('m6', 'By a blocked one', 'like'), engage('m7', 'By a follower', 'like');
select engage('m1', 'By a follower', 'like');
select mute(md5('member m1')::uuid, md5('member m5')::uuid);
-- The follows of a block end; even if they came back, the block holds.
select block(md5('member m6')::uuid, md5('member m1')::uuid), befriend(md5('member m1')::uuid, md5('member m6')::uuid);

select act_as(md5('member m1')::uuid);
select is(trending(p_type => 'friend_network'), array['By three', 'By one', 'Sung'],
  'what more friends did leads; strangers, muted and blocked ones do not count, nor do clicks and dislikes');
select is(trending('song', p_type => 'friend_network'), array['Sung'], 'of one kind');
select is(trending(p_window => 'hour', p_type => 'friend_network'), '{}'::text[], 'in the window only');
select ok('Long ago' = any(trending(p_window => 'week', p_type => 'friend_network')), 'a longer window has more');
select is(
  (select array_agg(t.next_cursor is null) from public.get_trending(p_trend_type => 'friend_network', p_limit => 2) as t),
  array[false, false], 'pages of friends go on'
);
select is(
  (select array_agg(n.title)
    from (select max(t.next_cursor) as c from public.get_trending(p_trend_type => 'friend_network', p_limit => 2) as t) as p
    cross join lateral public.get_trending(p_trend_type => 'friend_network', p_limit => 2, p_cursor => p.c) as n),
  array['Sung'], 'to the end'
);

select act_as_owner();
update medley.items as i set owner_id = md5('member m5')::uuid where i.title = 'By three';
update medley.items as i set owner_id = md5('member m2')::uuid, visibility = 'private' where i.title = 'By one';
select act_as(md5('member m1')::uuid);
select is(trending(p_type => 'friend_network'), array['Sung'], 'items of muted owners and hidden ones stay away');
select act_as_owner();
delete from public.follows as f where f.follower_id = md5('member m2')::uuid;
select act_as(md5('member m1')::uuid);
select is(trending(p_type => 'friend_network'), '{}'::text[], 'who is no friend any more tells nothing');
select act_as(md5('member m9')::uuid);
select is(trending(p_type => 'friend_network'), '{}'::text[], 'who has no friends sees none');
select act_as_service();
select is(
  (select array_agg(t.title) from public.get_trending(p_trend_type => 'friend_network', p_user_id => md5('member m3')::uuid) as t),
  array['By a follower'], 'the service asks for a member'
);
select act_as(md5('member m3')::uuid);
select is(trending(p_type => 'friend_network'), array['By a follower'], 'who sees the same');

select * from finish();
