-- Popularity counts each member once, and only while the member wants the item.
select plan(11);

select make_kind('film');
select make_members(6);
select make_item('film', t) from unnest(array['Hit', 'Loved and followed', 'Disliked', 'Shown', 'Untouched']) as t;

create function pg_temp.statistics(p_title text)
returns text
language sql stable
as $$
  select format('%s members, %s shown, %s engaged', s.member_count, s.impressions, s.engagements)
  from medley.item_statistics as s
  inner join medley.items as i on i.item_no = s.item_no
  where i.title = p_title
$$;

select crowd(5, 'Hit', 'play', '2 hours');
select engage('m1', 'Hit', 'play', '1 hour');
select engage('m1', 'Loved and followed', 'like', '2 hours');
select engage('m1', 'Loved and followed', 'follow', '1 hour');
select engage('m1', 'Disliked', 'like', '2 hours');
select engage('m1', 'Disliked', 'dislike', '1 hour');
select engage('m2', 'Disliked', 'dislike', '2 hours');
select engage('m2', 'Disliked', 'like', '1 hour');
select engage('m3', 'Disliked', 'rate', '1 hour', p_value => 0.1);
select crowd(3, 'Shown', 'impression', '1 hour');

select is(medley.refresh_item_statistics(), 4::bigint, 'one row for each item that anybody touched');
select is(pg_temp.statistics('Hit'), '5 members, 0 shown, 6 engaged', 'a member who plays twice is one member');
select is(pg_temp.statistics('Loved and followed'), '1 members, 0 shown, 2 engaged',
  'a pair with several half-lives is one member');
select is(pg_temp.statistics('Disliked'), '1 members, 0 shown, 2 engaged',
  'a rejection ends wanting, a newer like begins it again, a low rating is no engagement');
select is(pg_temp.statistics('Shown'), '0 members, 3 shown, 0 engaged', 'impressions count apart');
select is(
  (select array_agg(i.title order by s.popularity desc) from medley.item_statistics as s
    inner join medley.items as i on i.item_no = s.item_no where s.popularity = 1),
  array['Hit'], 'the most popular item of the kind has popularity 1'
);
select is(
  (select s.popularity from medley.item_statistics as s inner join medley.items as i on i.item_no = s.item_no
    where i.title = 'Disliked'),
  (ln(2.0::float8) / ln(6.0::float8))::real, 'popularity is logarithmic'
);

select is(medley.refresh_item_statistics(), 0::bigint, 'a second run changes nothing');
select is(medley.rebuild_item_statistics(), 0::bigint, 'nor does a rebuild from the log');

select engage('m6', 'Hit', 'dislike', '1 minute');
select engage('m1', 'Hit', 'dislike', '1 minute');
select medley.refresh_item_statistics();
select is(pg_temp.statistics('Hit'), '4 members, 0 shown, 6 engaged', 'a rejection alone makes the item count again');

delete from medley.items as i where i.title = 'Hit';
select is(
  (select s.popularity from medley.item_statistics as s inner join medley.items as i on i.item_no = s.item_no
    where i.title = 'Loved and followed' and medley.rebuild_item_statistics() > -1),
  (select max(s.popularity) from medley.item_statistics as s), 'a deleted item is no measure for others'
);

select * from finish();
