-- What members do with posts is in the log at once, and what they take back takes back.
select plan(21);

select make_member('ada'), make_member('bob'), make_member('cleo');
select make_post('ada', 'a'), make_post('ada', 'b'), make_post('ada', 'c');
create function tests.liking(p_member text, p_post text) returns numeric language sql security definer set search_path = '' as $$
  select round(sum(a.score)::numeric, 2) from medley.affinities as a inner join medley.items as i on i.item_no = a.item_no
  where a.user_no = medley.member_no(md5('member ' || p_member)::uuid) and i.id = tests.post(p_post)
$$;

select act_as(member('bob'));
insert into public.likes (post_id) values (post('a'));
select is(log_of('bob') || ': ' || liking('bob', 'a'), 'like a: 2.00', 'a like');
delete from public.likes where post_id = post('a');
insert into public.likes (post_id) values (post('a'));
select is(log_of('bob') || ': ' || liking('bob', 'a'), 'like a, unlike a, like a: 2.00', 'taken back, and another');
insert into public.reposts (post_id) values (post('b'));
delete from public.reposts where post_id = post('b');
insert into public.posts (content, parent_id) values ('reply', post('b'));
insert into public.posts (content, quoted_id) values ('quote', post('b'));
select is(public.view_posts(array[post('b'), post('c'), post('c'), post('nowhere'), null]), 2, 'views of what is there, each once');
select is(public.view_posts(array[post('b')]), 0, 'whatever is said again');
select is(
  log_of('bob'), 'like a, unlike a, like a, repost b, unrepost b, reply b, quote b, view b, view c', 'all is there, in order'
);
select is(counts('b'), '0 1 0 1 1', 'and counted');
insert into public.posts (id, content) values (post('mine'), 'mine');
insert into public.likes (post_id) values (post('mine'));
insert into public.posts (content, parent_id) values ('to myself', post('mine'));
select ok(log_of('bob') not like '%mine%', 'what one does with one''s own posts is no engagement');
select is(counts('mine'), '1 1 0 0 0', 'though it counts');

select act_as(member('cleo'));
select is(public.follow_author(post('a')), member('ada'), 'who is met is followed');
select is(public.follow_author(post('a')), member('ada'), 'again is safe');
select is(public.mute_author(post('b')), member('ada'), 'or muted');
select is(public.report_post(post('c'), 'spam'), 'accepted', 'posts are reported');
select is(public.report_post(post('c'), 'abuse', 'changed my mind'), 'duplicate', 'once');
select is((select r.reason from public.post_reports as r), 'spam', 'for the first reason');
select is(public.block_author(post('a')), member('ada'), 'authors are blocked');
select is(log_of('cleo'), 'block_author a, follow_author a, mute_author b, report c', 'all of it is engagement');
select is((select count(*) from public.follows), 0::bigint, 'a block ends the follow');
select throws_code(format('select public.block_author(%L)', post('a')), 'not_found', 'and what is blocked is not there');

select act_as_owner();
insert into public.likes (user_id, post_id, created_at) values (member('ada'), post('mine'), '2024-05-06 07:08:09+00');
select is(
  (select e.occurred_at from medley.engagements as e where e.user_no = medley.member_no(member('ada'))),
  '2024-05-06 07:08:09+00'::timestamptz, 'what is brought in happened when its row says'
);
delete from public.posts where id = post('mine');
select is(log_of('ada'), null, 'what goes with a post is not taken back');
select is((select count(*) from medley.engagements as e where e.user_no = medley.member_no(member('ada'))), 1::bigint, 'nor logged');

select * from finish();
