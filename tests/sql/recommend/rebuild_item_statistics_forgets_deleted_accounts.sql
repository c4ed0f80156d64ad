-- A rebuild is what the affinities and the log say now.
select plan(4);

select make_kind('film');
select make_members(3);
select make_item('film', 'Hit'), make_item('film', 'Niche');
select crowd(3, 'Hit', 'play', '2 hours');
select engage('m3', 'Niche', 'like');
select medley.refresh_item_statistics();

delete from medley.affinities as a
where a.user_no = (select m.user_no from medley.members as m where m.user_id = md5('member m3')::uuid);
delete from medley.engagements as e
where e.user_no = (select m.user_no from medley.members as m where m.user_id = md5('member m3')::uuid);

select is(medley.rebuild_item_statistics(), 2::bigint, 'both items of the member change');
select is(
  (select array_agg(i.title || ' ' || s.member_count) from medley.item_statistics as s
    inner join medley.items as i on i.item_no = s.item_no),
  array['Hit 2'], 'an item that nobody touches has no row'
);
select is((select count(*) from medley.item_activity), 1::bigint, 'the roll-up follows the log');
select is(
  (select g.row_count from medley.generations as g where g.name = 'item_statistics'), 1::bigint,
  'the rebuild is on record'
);

select * from finish();
