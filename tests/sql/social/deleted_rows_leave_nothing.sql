-- An account that goes takes everything of its member along; what others answered stays.
select plan(8);

select make_member('ada'), make_member('bob');
select make_post('ada', 'root', p_content => 'root #tag'), make_post('bob', 'answer', 'root'), make_post('ada', 'again', 'answer'), make_post('bob', 'quote', p_quoted => 'root'),
  make_post('bob', 'other');
select give_likes('ada', 'answer', 'other'), give_likes('bob', 'root'), repost('ada', 'other'), repost('bob', 'root'), mute_words('ada', 'cat');
select act_as(member('ada'));
select is(public.view_posts(array[post('answer'), post('other')]), 2, 'ada looks');
select is(public.report_post(post('quote'), 'other', 'hm'), 'accepted', 'reports');
select is(public.mute_author(post('quote')), member('bob'), 'mutes');
select act_as_owner();
create temp table numbers as select i.item_no from medley.items as i where i.owner_id = member('ada');
delete from auth.users where id = member('ada');
select is_empty($$ select * from rows_about(member('ada')) where table_name <> 'medley.removed_items' $$, 'nothing is left of ada');
select is_empty($$ select from medley.content_features as f inner join numbers as n on n.item_no = f.item_no $$, 'nor of what she wrote');
select is(
  (select string_agg(concat_ws(' ', p.content, p.parent_id, p.quoted_id, counts(p.content)), ', ' order by p.content) from public.posts as p),
  'answer 0 0 0 0 0, other 0 0 0 0 0, quote 0 0 0 0 0', 'bob''s posts stay and know'
);
select is((select p.conversation_id from public.posts as p where p.content = 'answer'), post('root'), 'in the conversation that she began');
select is((select count(*) from public.likes) + (select count(*) from public.reposts), 0::bigint, 'what he did with hers is gone');

select * from finish();
