-- item_content: signature, most specific genre, creator; written with the features and found again by a rebuild.
select plan(15);

select clear_taxonomy();
select make_kind('thing');
select make_umbrella('rock');
select upsert_genre('Indie Rock'), upsert_genre('Loose');
insert into public.genre_parent (child_id, parent_id) values (genre('indie rock'), genre('rock'));
select medley.rebuild_genre_paths();
insert into medley.feature_types (feature_type, is_creator) values ('maker', true);
create temp table i as
select
  make_genre_item('one', array['Loose', 'Rock', 'Indie Rock']) as one, make_item('thing', 'two') as two,
  make_item('thing', 'owned', make_member('ada')) as owned, make_item('thing', 'bare') as bare;

create function tests.content(p_item uuid) returns medley.item_content language sql security definer as
'select c from medley.item_content as c where c.item_no = tests.item_no(p_item)';

select is((content(one)).genre_no, (select genre_no from public.genres where slug = 'indie-rock'), 'the deepest genre') from i;
select is(bit_count((content(one)).signature),
  (select count(distinct f.feature_no % 128) from medley.content_features as f where f.item_no = item_no(one)),
  'one bit a feature, of which features 128 apart share one') from i;
select is((select count(*) from medley.content_features as f where f.item_no = item_no(one)), 3::bigint, 'of three') from i;
select is(content(bare), null, 'nothing to say, no row') from i;
select is((content(owned)).creator_no, (select user_no from medley.members where user_id = md5('member ada')::uuid),
  'an owner makes it, from the start') from i;

select describe_item(two, array['maker: bob', 'mood: calm']) from i;
select is((content(two)).creator_no, (select -feature_no from medley.features where feature_value = 'bob'),
  'else the feature of a creator''s type') from i;
select describe_item(owned, array['maker: bob']) from i;
select ok((content(owned)).creator_no > 0, 'the owner comes first') from i;
update medley.items set owner_id = null where id = (select owned from i);
select is((content(owned)).creator_no, (content(two)).creator_no, 'until there is none') from i;
select is(bit_count((content(two)).signature & (content(owned)).signature), 1::bigint, 'one feature in common') from i;

select describe_item(two, array(select 'keyword: k' || n from generate_series(1, 60) as n)) from i;
select cmp_ok(bit_count((content(two)).signature), '<=', 24::bigint, 'a long list does not fill the signature') from i;

select is(medley.refresh_item_content(array[item_no(one), item_no(two), item_no(owned)]), 0::bigint,
  'a rebuild finds what was written') from i;
create temp table before as select c.* from i, medley.item_content as c where c.item_no in (item_no(one), item_no(two));
delete from medley.item_content where true;
select medley.refresh_item_content();
select set_eq('select * from before',
  'select c.* from i, medley.item_content as c where c.item_no in (item_no(one), item_no(two))', 'and makes it again');
select isnt(content(bare), null, 'for every item') from i;
update medley.feature_types set weight = 0 where feature_type = 'keyword';
select medley.refresh_item_content();
select is(bit_count((content(two)).signature), 0::bigint, 'a type without weight counts for nothing') from i;
delete from medley.items where id = (select one from i);
select is(content(one), null, 'an item takes its row along') from i;

select * from finish();
