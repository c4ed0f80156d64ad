-- Counters equal a recount after every kind of write, many rows at a time, and nobody writes them.
select plan(13);

select make_member('ada'), make_member('bob'), make_member('cleo');
select make_post('ada', 'a'), make_post('ada', 'b');
select give_likes('bob', 'a', 'b'), give_likes('cleo', 'a'), repost('bob', 'a'), repost('cleo', 'a', 'b');
select make_post('bob', 'reply', 'a'), make_post('cleo', 'reply too', 'a'), make_post('cleo', 'quote', p_quoted => 'a');
select make_post('cleo', 'both', 'a', p_quoted => 'a'), make_post('bob', 'deeper', 'reply');
insert into public.post_views (user_id, post_id) select m, p from unnest(array[member('bob'), member('cleo')]) as u (m), unnest(array[post('a'), post('b')]) as v (p);
select is(counts('a'), '2 3 2 2 2', 'what was done is counted');
select is_empty('select * from miscounted_posts()', 'everywhere');

delete from public.likes where user_id = member('bob');
delete from public.reposts where true;
select is(counts('a'), '1 3 0 2 2', 'what is taken back is not');
delete from public.posts where id = post('reply');
select is(counts('a'), '1 2 0 2 2', 'a reply that goes is none');
select is((select p.parent_id is null and p.conversation_id = post('a') from public.posts as p where p.id = post('deeper')), true, 'what answered it stays, in its conversation');
select is_empty('select * from miscounted_posts()', 'all is right');
insert into public.likes (user_id, post_id) values (member('cleo'), post('a')) on conflict do nothing;
select is(counts('a'), '1 2 0 2 2', 'who likes twice counts once');
select throws_ok($$ insert into public.reposts (user_id, post_id) values (member('bob'), post('b')), (member('bob'), post('b')) $$, '23505', null, 'nothing is reposted twice');
select is(counts('b'), '0 0 0 0 2', 'and nothing is counted then');
delete from auth.users where id = member('cleo');
select is(counts('a'), '0 0 0 0 1', 'an account that goes takes what it did along');
select is_empty('select * from miscounted_posts()', 'in every counter');
delete from public.posts where id = post('a');
select is((select count(*) from public.likes) + (select count(*) from public.post_views as v where v.post_id = post('a')), 0::bigint, 'a post that goes too');
update public.posts set visibility = 'private' where true;
select is_empty('select * from miscounted_posts()', 'changes of visibility count nothing');

select * from finish();
