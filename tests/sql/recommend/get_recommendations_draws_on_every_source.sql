-- Behaviour, content, vectors, friends, followed members, trends, popularity and news each bring items, and each row says which.
select plan(29);

select make_kind('film'), make_members(9);
select make_items('film', 'f', 9);
select make_items('film', 'old', 3);
select make_items('film', 'new', 1, '2 hours'), make_items('film', 'fresh', 1, '30 hours'), make_items('film', 'recent', 1, '10 days');
select plant_list('behavior', array['f1 > f2 0.9', 'f3 > f2 0.1', 'f1 > f4 0.5']);
select plant_list('content', array['f1 > f4 0.8', 'f1 > f5 0.8']), plant_list('embedding', array['f1 > f6 0.8']);

select engage('m1', 'f1', 'like');
select act_as(md5('member m1')::uuid);
select is(why('f2'), 'collaborative: Because you liked f1', 'by behaviour');
select is(why('f5'), 'content_based: Like f1', 'by content');
select is(why('f6'), 'content_based: Like f1', 'by vectors');
select is(why('f4'), 'hybrid: Because you liked f1', 'by both');
select is(why('new1'), 'exploration: New today', 'new');
select is(why('fresh1'), 'exploration: New since yesterday', 'from yesterday');
select is(why('recent1'), 'exploration: New: 10 days old', 'older');
select is(why('f1'), null, 'not what speaks for them');
select act_as_owner();
select engage('m1', 'f3', 'like'), engage('m1', 'f1', 'dislike', '30 seconds');
select act_as(md5('member m1')::uuid);
select cmp_ok(points('f5', 'content'), '<', 0::numeric, 'what is disliked speaks against its neighbours');
select is(why('f5'), 'trending: Popular at the moment', 'which are in sight only because there is nothing else');

-- Friends.
select act_as_owner();
select befriend(md5('member m2')::uuid, md5('member m' || n)::uuid) from generate_series(3, 5) as n;
select follow(md5('member m2')::uuid, md5('member m6')::uuid);
select engage('m' || n, 'f6', 'like') from generate_series(3, 5) as n;
-- In two ways, with two half-lives, and still one friend.
select engage('m3', 'f6', 'follow');
select engage('m6', 'f7', 'like'), engage('m3', 'f8', 'dislike'), engage('m4', 'f9', 'like');
select act_as(md5('member m2')::uuid);
select is(why('f6'), 'social: 3 friends like it', 'what friends like');
select is(why('f9'), 'social: 1 friend likes it', 'also one of them');
select is(points('f6', 'social'), 0.06, 'each counts');
select ok(not coalesce(why('f7'), '') ~ 'friend', 'whom one only follows is no friend');
select ok(not coalesce(why('f8'), '') ~ 'friend', 'a dislike is no recommendation');
select act_as_owner();
select mute(md5('member m2')::uuid, md5('member m3')::uuid), block(md5('member m4')::uuid, md5('member m2')::uuid);
select act_as(md5('member m2')::uuid);
select is(why('f6'), 'social: 1 friend likes it', 'the muted and the blocked do not count');
select ok(not coalesce(why('f9'), '') ~ 'friend', 'nor what they alone like');
select act_as_owner();
select engage('m5', 'f6', 'not_interested', '10 seconds');
select act_as(md5('member m2')::uuid);
select ok(not coalesce(why('f6'), '') ~ 'friend', 'nor a friend who changed their mind');
select act_as_owner();
select befriend(md5('member m2')::uuid, make_member('pal' || n)) from generate_series(1, 6) as n;
select engage('pal' || n, 'old1', 'like') from generate_series(1, 6) as n;
select act_as(md5('member m2')::uuid);
select is(points('old1', 'social'), 0.1, 'but only up to the cap');
select is(why('old1'), 'social: 6 friends like it', 'and are all named');
select act_as_owner();
select plant_list('behavior', array['f1 > f2 0.9', 'f1 > old1 0.9']);
select engage('m2', 'f1', 'like');
select act_as(md5('member m2')::uuid);
select is(why('old1'), 'collaborative: Because you liked f1 · 6 friends like it', 'beside the stronger reason');

-- Followed members.
select act_as_owner();
select make_item('film', 'By m6', md5('member m6')::uuid), make_item('film', 'By m7', md5('member m7')::uuid);
select make_item('film', 'Old by m6', md5('member m6')::uuid), make_item('film', 'For followers', md5('member m6')::uuid, 'followers');
update medley.items as i set published_at = now() - interval '1 year' where i.title = 'Old by m6';
select act_as(md5('member m2')::uuid);
select is(why('By m6'), 'followed: From somebody whom you follow', 'what followed members made');
select is(why('For followers'), 'followed: From somebody whom you follow', 'also for followers only');
select is(why('By m7'), 'exploration: New today', 'what others made is new, no more');
select isnt(why('Old by m6'), 'followed: From somebody whom you follow', 'not what is old');

-- The popular and what is on the rise.
select act_as_owner();
select crowd(9, 'old2', 'like', '100 days'), crowd(5, 'old3', 'like', '2 hours');
select medley.refresh_item_statistics(), refresh_trends();
select make_member('nobody');
select act_as(md5('member nobody')::uuid);
select is(why('old2'), 'trending: Popular at the moment', 'the popular');
select is(why('old3'), 'trending: Popular at the moment', 'and what is on the rise');
select ok(points('old3', 'trend') > points('old2', 'trend'), 'for the trend');
select ok(points('old2', 'popularity') > points('old3', 'popularity'), 'and for how many like it');

select * from finish();
