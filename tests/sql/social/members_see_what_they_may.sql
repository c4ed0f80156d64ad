-- What is public is for all, what is for followers for them, what is private for its author; one writes what is one's own.
select plan(53);

select make_member('ada'), make_member('bob'), make_member('eve'), make_member('fan');
select follow(member('fan'), member('ada'));
select make_post('ada', 'open'), make_post('ada', 'fans', p_visibility => 'followers'), make_post('ada', 'own', p_visibility => 'private'),
  make_post('bob', 'bobs');
select give_likes('bob', 'open'), give_likes('fan', 'open', 'fans'), repost('fan', 'open', 'bobs'), mute_words('ada', 'cat');
insert into public.post_views (user_id, post_id) values (member('bob'), post('open'));
insert into public.post_reports (user_id, post_id, reason) values (member('fan'), post('bobs'), 'spam');
select block(member('ada'), member('eve'));
create function tests.seen() returns text language sql as $$ select string_agg(p.content, ' ' order by p.content) from public.posts as p $$;
create function tests.deeds() returns text language sql as $$
  select concat_ws(
    ' ', (select count(*) from public.likes), (select count(*) from public.reposts), (select count(*) from public.post_views),
    (select count(*) from public.muted_words), (select count(*) from public.post_reports)
  )
$$;

select act_as_anon();
select is(seen(), 'bobs open', 'anybody sees what is public');
select throws_permission(format('select * from public.%I', t.name), 'who did what is not for all: ' || t.name)
from unnest(array['likes', 'reposts', 'post_views', 'muted_words', 'post_reports']) as t (name);
select throws_permission($$ insert into public.posts (author_id, content) values (member('ada'), 'x') $$, 'nobody writes nothing');
select act_as(member('bob'));
select is(seen(), 'bobs open', 'a member sees no more');
select is(deeds(), '1 2 1 0 0', 'own likes and views, and what was passed on aloud');
select act_as(member('fan'));
select is(seen(), 'bobs fans open', 'a follower does');
select is(deeds(), '2 2 0 0 1', 'and own reports');
select act_as(member('eve'));
select is(seen(), 'bobs', 'a block hides all of an author');
select is(deeds(), '0 1 0 0 0', 'and who passed it on');
select act_as(member('ada'));
select is(seen(), 'bobs fans open own', 'the author sees all');
select is(deeds(), '3 2 0 1 0', 'with who likes it, and own words');
select act_as_owner();
select block(member('fan'), member('ada'));
select act_as(member('ada'));
select is(deeds(), '1 0 0 1 0', 'but nothing of who blocks whom');
select act_as_owner();
delete from public.user_blocks where user_id = member('fan');
select act_as_service();
select is(seen() || ' ' || deeds(), 'bobs fans open own 3 2 1 1 1', 'the service sees everything');

select act_as(member('bob'));
update public.posts set visibility = 'private' where id = post('open');
delete from public.posts where id = post('open');
select is(seen(), 'bobs open', 'what is ada''s stays as it is');
select throws_permission($$ insert into public.posts (author_id, content) values (member('ada'), 'x') $$, 'posts are one''s own');
select throws_permission(format('insert into public.%I (user_id, post_id) values (%L, %L)', t.name, member('ada'), post('open')), 'so are ' || t.name)
from unnest(array['likes', 'reposts', 'post_views', 'post_reports']) as t (name);
select throws_permission(format('insert into public.%I (post_id) values (%L)', t.name, post(p)), format('%s: not what one does not see: %s', t.name, p))
from unnest(array['likes', 'reposts', 'post_views']) as t (name), unnest(array['fans', 'own', 'nowhere']) as u (p);
select throws_permission(format('insert into public.posts (content, %I) values (%L, default)', c.name, 'x'), 'nobody sets ' || c.name)
from unnest(array['conversation_id', 'like_count', 'view_count', 'computed_at', 'created_at', 'hashtags']) as c (name);
select throws_permission(format('update public.posts set %I = %I where id = %L', c.name, c.name, post('bobs')), 'nobody changes ' || c.name)
from unnest(array['content', 'author_id', 'parent_id', 'conversation_id', 'quoted_id', 'media', 'like_count', 'reply_count', 'computed_at', 'created_at']) as c (name);
select throws_permission($$ delete from public.post_views where true $$, 'what was viewed stays viewed');
select throws_permission($$ delete from public.post_reports where true $$, 'what was reported stays reported');
update public.posts set visibility = 'private' where id = post('bobs');
delete from public.likes where true;
select act_as(member('ada'));
select is(seen(), 'fans open own', 'the author hides a post at once');
select is(deeds(), '2 1 0 1 0', 'and takes back own likes only');
select act_as_service();
select throws_permission($$ update public.posts set like_count = 7 where true $$, 'counters are nobody''s');

select * from finish();
