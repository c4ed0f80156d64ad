-- timeline_posts holds every post and repost as it is, written with it and gone with it.
select plan(18);

select make_member(name) from unnest(array['ada', 'bob', 'cy']) as m (name);
create function tests.timeline_of(p_content text) returns text language sql stable security definer set search_path = '' as $$
  select concat_ws(' ', p.visibility, c.title, coalesce(a.title, '-'), case when p.is_newcomer then 'new' end)
  from medley.timeline_posts as p
  inner join medley.items as i on i.item_no = p.item_no and i.id = p.post_id and i.owner_id = p.author_id and i.published_at = p.created_at
  left join medley.items as c on c.item_no = p.conversation_no
  left join medley.items as a on a.item_no = p.parent_no
  where i.title = p_content and not p.is_repost
$$;
create function tests.passed_on(p_content text) returns text language sql stable security definer set search_path = '' as $$
  select string_agg(f.username, ', ' order by f.username)
  from medley.timeline_posts as p
  inner join medley.items as i on i.item_no = p.item_no and i.id = p.post_id and i.owner_id = p.author_id and i.published_at = p.created_at
  inner join public.reposts as r on r.post_id = i.id and r.user_id = p.poster_id and r.created_at = p.posted_at
  inner join public.profiles as f on f.id = p.poster_id
  where i.title = p_content and p.is_repost and p.visibility is null
$$;

select make_post('ada', 'root'), make_post('bob', 'answer', 'root'), make_post('cy', 'again', 'answer', 'followers'), make_post('cy', 'quote', p_quoted => 'root');
select is(timeline_of('root'), 'public root - new', 'a post is its own conversation');
select is(timeline_of('answer'), 'public root root new', 'a reply belongs to that of its parent');
select is(timeline_of('again'), 'followers root answer new', 'so does a reply to it, for followers');
select is(timeline_of('quote'), 'public quote - new', 'a quote begins its own');

select act_as(member('ada'));
insert into public.posts (content) values ('one'), ('two'), ('three');
update public.posts set visibility = 'private' where id = post('root');
select act_as_owner();
select is((select count(*) from medley.timeline_posts), 7::bigint, 'posts written by one statement all have their rows');
select is(timeline_of('root'), 'private root - new', 'visibility follows');

select plant_rates('ada', 99);
select make_post('ada', 'nearly known');
select plant_rates('ada', 100);
select make_post('ada', 'known');
select is(timeline_of('nearly known'), 'public nearly known - new', 'a newcomer has few exposures');
select is(timeline_of('known'), 'public known -', 'who has more is none');

select repost('ada', 'answer'), repost('cy', 'answer'), repost('cy', 'quote'), repost('ada', 'quote'), repost('bob', 'quote');
select is(passed_on('answer'), 'ada, cy', 'who passed a post on has a row');
select is(passed_on('quote'), 'ada, bob', 'but not for one''s own post');
select act_as(member('ada'));
delete from public.reposts where post_id = post('answer');
select act_as_owner();
select is(passed_on('answer'), 'cy', 'until it is taken back');
select is(timeline_of('answer'), 'public root root new', 'which leaves the post''s row');

select act_as(member('ada'));
update public.posts set visibility = 'public' where id = post('root');
delete from public.posts where id = post('root');
select act_as_owner();
select make_post('bob', 'late', 'answer');
select is(
  (select count(distinct p.conversation_no) from medley.timeline_posts as p where p.post_id in (post('answer'), post('again'), post('late'))),
  1::bigint, 'a conversation stays one when its first post is gone'
);
select is(timeline_of('root'), null, 'which has no row any more');
delete from auth.users where id = member('cy');
select is((select count(*) from medley.timeline_posts as p where member('cy') in (p.author_id, p.poster_id)), 0::bigint, 'nor have posts and reposts of a deleted account');
select is(passed_on('quote'), null, 'nor reposts of what is gone');
select is(
  (select count(*) from public.posts as p full join (select * from medley.timeline_posts where not is_repost) as t on t.post_id = p.id where p.id is null or t.post_id is null),
  0::bigint, 'every post has a row and every row a post'
);

select is(
  (select count(*) from medley.timeline_posts as t full join public.reposts as r on r.post_id = t.post_id and r.user_id = t.poster_id where t.is_repost and r.post_id is null),
  0::bigint, 'every row of a repost has its repost'
);

select * from finish();
