-- Own, old, seen, shown, rejected, muted, blocked, reported, hidden: none of it is in the timeline.
select plan(39);

select make_member(name) from unnest(array['ada', 'bob', 'cy', 'dee', 'eve']) as m (name);
select follow(member('ada'), member('bob'));
select make_post('bob', name) from unnest(array['b1', 'b2', 'b3', 'b4']) as p (name);
select make_post('cy', 'c1');

create function tests.shows(p_post text) returns boolean language sql stable as $$
  select exists (select from public.get_home_timeline(200) as t where t.content = p_post)
$$;

select act_as(member('ada'));
select is(home_sources(), 'b1 following, b2 following, b3 following, b4 following, c1 newcomer', 'without a reason nothing is left out');

-- Oneself.
select act_as_owner();
select make_post('ada', 'mine'), repost('bob', 'mine');
select act_as(member('ada'));
select ok(not shows('mine'), 'one''s own post is not, even passed on by others');

-- Age.
select act_as_owner();
select age_post('b1', '47 hours 59 minutes'), age_post('b2', '48 hours 1 minute');
select act_as(member('ada'));
select ok(shows('b1'), 'a post of 48 hours still is');
select ok(not shows('b2'), 'an older one is not');
select act_as_owner();
select repost('bob', 'c1'), age_post('c1', '3 days');
select act_as(member('ada'));
select ok(not shows('c1'), 'nor an old one that was passed on today');
select act_as_owner();
select age_post('b2', '1 hour'), age_post('c1', '1 hour'), set_timeline('max_age_hours', 0.5);
select act_as(member('ada'));
select ok(not shows('b2'), 'the age is a setting');
select act_as_owner();
select set_timeline('max_age_hours', 48);
select age_post('b4', '-1 hour');
select act_as(member('ada'));
select ok(not shows('b4'), 'what is dated in the future waits');
select act_as_owner();
select age_post('b4', '10 minutes');

-- Seen, rejected, shown.
select engage('ada', 'b1', 'view', '40 hours');
select act_as(member('ada'));
select ok(not shows('b1'), 'what was viewed is not shown again');
select act_as_owner();
select engage('ada', 'b2', 'not_interested', '2 hours');
select act_as(member('ada'));
select ok(not shows('b2'), 'nor what the member wants no more of');
select act_as_owner();
select give_likes('ada', 'b3');
select act_as(member('ada'));
select ok(not shows('b3'), 'nor what the member likes');
select act_as_owner();
select engage('ada', 'b4', 'impression', '9 minutes');
select act_as(member('ada'));
select ok(not shows('b4'), 'nor what was shown nine minutes ago');
select act_as_owner();
select set_timeline('shown_rows', 0);
select act_as(member('ada'));
select ok(not shows('b4'), 'however few rows ago');
select act_as_owner();
select set_timeline('shown_minutes', 5);
select act_as(member('ada'));
select ok(shows('b4'), 'but after a while');
select act_as_owner();
select set_timeline('shown_rows', 2);
select act_as(member('ada'));
select ok(not shows('b4'), 'unless it is among the rows shown last');
select act_as_owner();
select engage('ada', 'mine', 'impression', '8 minutes'), engage('ada', 'c1', 'impression', '7 minutes');
select act_as(member('ada'));
select ok(shows('b4'), 'which others push out');
select ok(not shows('c1'), 'and then are themselves');
select act_as_owner();
select make_post('bob', 'b5'), make_post('bob', 'b6'), make_post('cy', 'c2'), make_post('dee', 'd1'), make_post('eve', 'e1');

-- Muted words and members.
select mute_words('ada', 'b5');
select act_as(member('ada'));
select ok(not shows('b5') and shows('b6'), 'a post with a muted word is not, others are');
select act_as_owner();
select mute(member('ada'), member('bob'));
select repost('bob', 'c2');
select act_as(member('ada'));
select ok(not shows('b6'), 'nor posts of a muted member');
select is((select t.source from public.get_home_timeline() as t where t.content = 'c2'), 'newcomer', 'whose reposts do not count either');
select act_as_owner();
select follow(member('ada'), member('eve')), repost('eve', 'b6');
select act_as(member('ada'));
select ok(not shows('b6'), 'nor do other members bring them back');
select act_as_owner();
select make_post('eve', 'to bob', 'b6'), make_post('eve', 'to cy', 'c2');
select act_as(member('ada'));
select ok(not shows('to bob'), 'nor what answers a muted member');
select act_as_owner();
delete from public.user_mutes where user_id = member('ada');
select act_as(member('ada'));
select ok(shows('to bob') <> shows('b6'), 'without the mute the conversation is there, once');
select act_as_owner();

-- Blocks.
select block(member('ada'), member('dee'));
select act_as(member('ada'));
select ok(not shows('d1'), 'nor posts of whom the member blocks');
select act_as(member('dee'));
select ok(not shows('mine') and shows('e1'), 'nor the other way round');
select act_as_owner();
select repost('eve', 'd1');
select act_as(member('ada'));
select ok(not shows('d1'), 'whoever passes them on');
select act_as_owner();
delete from public.user_blocks where user_id = member('ada');
select act_as(member('ada'));
select ok(shows('d1'), 'the end of the block brings them back');

-- Reports.
select lives_ok(format('select public.report_post(%L, ''spam'')', post('d1')), 'a report');
select ok(not shows('d1'), 'hides the post from who wrote it');
select act_as(member('cy'));
select ok(shows('d1'), 'and from nobody else');
select act_as_owner();

-- Who may see it.
select make_post('eve', 'for followers', p_visibility => 'followers'), make_post('eve', 'for eve', p_visibility => 'private');
select make_post('cy', 'for followers of cy', p_visibility => 'followers'), make_post('eve', 'open');
insert into public.reposts (user_id, post_id) values (member('eve'), post('for followers of cy'));
select act_as(member('ada'));
select ok(shows('for followers') and not shows('for eve'), 'followers see what is for them, nobody what is private');
select ok(not shows('for followers of cy'), 'and passing on opens nothing');
select act_as(member('eve'));
update public.posts set visibility = 'private' where id = post('open');
select act_as(member('ada'));
select ok(not shows('open'), 'a post that became private is gone');
select act_as(member('eve'));
update public.posts set visibility = 'public' where id = post('open');
select act_as(member('ada'));
select ok(shows('open'), 'and back when it is public again');
select act_as(member('eve'));
delete from public.posts where id = post('open');
select act_as(member('ada'));
select ok(not shows('open'), 'a deleted one is gone for good');
select act_as_owner();
select make_post('dee', 'd2'), repost('eve', 'd2');
select act_as(member('ada'));
select is((select t.source from public.get_home_timeline(200) as t where t.content = 'd2'), 'repost', 'what was passed on is there');
select act_as(member('dee'));
update public.posts set visibility = 'followers' where id = post('d2');
select act_as(member('ada'));
select ok(not shows('d2'), 'until its author hides it');
select act_as_owner();
select follow(member('ada'), member('dee'));
select act_as(member('ada'));
select ok(shows('d2'), 'from all but followers');

-- Conversations.
select act_as_owner();
select make_post('eve', 'root'), make_post('cy', 'answer 1', 'root'), make_post('eve', 'answer 2', 'answer 1');
select act_as(member('ada'));
select is(
  (select count(*) from public.get_home_timeline(200) as t where t.content in ('root', 'answer 1', 'answer 2')), 1::bigint,
  'a conversation has one row'
);
select act_as_owner();
delete from public.posts where id = post('root');
select make_post('cy', 'answer 3', 'answer 2');
select act_as(member('ada'));
select is(
  (select count(*) from public.get_home_timeline(200) as t where t.content like 'answer %'), 1::bigint,
  'also when the post that began it is gone'
);

select * from finish();
