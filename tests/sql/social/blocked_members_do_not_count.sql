-- Counts that a member is shown leave out what members did who are blocked in either direction.
select plan(9);

select make_member('ada'), make_member('bob'), make_member('eve'), make_member('dan'), make_member('cleo');
select make_post('ada', 'post');
select give_likes(m, 'post'), repost(m, 'post'), make_post(m, 'reply of ' || m, 'post'), make_post(m, 'quote of ' || m, p_quoted => 'post')
from unnest(array['bob', 'eve', 'dan']) as u (m);
insert into public.post_views (user_id, post_id) select member(m), post('post') from unnest(array['bob', 'eve', 'dan']) as u (m);
create function tests.shown(p_content text) returns text language sql as $$
  select concat_ws(' ', t.like_count, t.reply_count, t.repost_count, t.quote_count, t.view_count)
  from public.get_thread(tests.post('post')) as t where t.content = p_content
$$;

select act_as(member('cleo'));
select is(shown('post'), '3 3 3 3 3', 'who blocks nobody counts all');
insert into public.user_blocks (blocked_id) values (member('eve'));
select is(shown('post'), '2 2 2 2 3', 'whom one blocks does not count; views tell nobody');
select is(shown('reply of eve'), null, 'nor answer');
select act_as_owner();
select block(member('dan'), member('cleo'));
select act_as(member('cleo'));
select is(shown('post'), '1 1 1 1 3', 'nor who blocks one');
select is((select string_agg(concat_ws(' ', t.like_count, t.reply_count, t.repost_count, t.quote_count), '') from public.get_profile_posts(member('ada')) as t), '1 1 1 1', 'on profiles too');
select is((select string_agg(concat_ws(' ', t.like_count, t.reply_count, t.repost_count, t.quote_count), '') from public.search_posts('post') as t), '1 1 1 1', 'and in search');
select act_as(member('eve'));
select is(shown('post'), '3 3 3 3 3', 'other readers count all but what is between them');
select act_as_anon();
select is(shown('post'), '3 3 3 3 3', 'nobody blocks nobody');
select is((select bool_or(t.liked or t.reposted) from public.get_thread(post('post')) as t), false, 'nor likes anything');

select * from finish();
