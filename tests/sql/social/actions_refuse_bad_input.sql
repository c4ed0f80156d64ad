-- Reports, blocks, mutes and views: whatever is wrong has a code, and nothing is half done.
select plan(28);

select make_member('ada'), make_member('bob');
select make_post('ada', 'open'), make_post('ada', 'own', p_visibility => 'private'), make_post('bob', 'mine');

select act_as_anon();
select throws_permission(format('select public.%s(%L)', f.name, post('open')), f.name || ' needs a member')
from unnest(array['block_author', 'mute_author', 'follow_author']) as f (name);
select throws_permission(format('select public.report_post(%L, %L)', post('open'), 'spam'), 'report_post needs a member');
select throws_permission(format('select public.view_posts(array[%L::uuid])', post('open')), 'view_posts needs a member');

select act_as(member('bob'));
select throws_code(format('select public.%s(%L)', f.name, post('mine')), 'invalid_argument', f.name || ': not oneself')
from unnest(array['block_author', 'mute_author', 'follow_author']) as f (name);
select throws_code(format('select public.%s(%L)', f.name, post('own')), 'not_found', f.name || ': not what one does not see')
from unnest(array['block_author', 'mute_author', 'follow_author']) as f (name);
select throws_code(format('select public.follow_author(%L, %L)', post('open'), member('ada')), 'forbidden', 'nor for others');
select throws_code(format('select public.report_post(%L, %L)', post('mine'), 'spam'), 'invalid_argument', 'nobody reports oneself');
select throws_code(format('select public.report_post(%L, %L)', post('own'), 'spam'), 'not_found', 'nor what one does not see');
select throws_code(format('select public.report_post(%L, %L)', post('open'), 'boring'), 'invalid_argument', 'reasons are known');
select throws_code(format('select public.report_post(%L, null)', post('open')), 'invalid_argument', 'and given');
select throws_code(format('select public.report_post(%L, %L, %L)', post('open'), 'spam', repeat('x', 2001)), 'too_large', 'notes are short');
select throws_code('select public.view_posts(null)', 'invalid_argument', 'views are of something');
select throws_code('select public.view_posts(array(select gen_random_uuid() from generate_series(1, 1001)))', 'too_large', 'a thousand at most');
select is(public.view_posts(array[post('own')]), 0, 'what one does not see one does not view');
select is(public.view_posts('{}'), 0, 'nothing is nothing');
select throws_ok($$ insert into public.follows (followed_id) values (member('bob')) $$, '23514', null, 'nobody follows oneself');
select act_as_service();
select throws_code(format('select public.block_author(%L)', post('open')), 'invalid_argument', 'the service names a member');
select act_as_owner();
select is(log_of('bob'), null, 'nothing was logged');

-- What was done to a post stays with it.
select make_post('ada', 'another'), give_likes('bob', 'open'), repost('bob', 'open');
select act_as(member('bob'));
select throws_code(format('update public.likes set post_id = %L where true', post('another')), 'conflict', 'a like does not move');
select throws_code(format('update public.reposts set post_id = %L where true', post('another')), 'conflict', 'nor does a repost');
select lives_ok(
  format(
    'insert into public.reposts (user_id, post_id) values (%L, %L) on conflict (user_id, post_id) do update set post_id = excluded.post_id',
    member('bob'), post('open')
  ),
  'said again it is what it was'
);
select act_as_owner();
select is_empty('select * from miscounted_posts()', 'and counters are right');

select * from finish();
