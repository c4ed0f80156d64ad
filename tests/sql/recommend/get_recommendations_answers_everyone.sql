-- Who is new, what is new, a tiny catalogue, a catalogue that is known by heart: a sensible answer each.
select plan(23);

select make_kind('film'), make_kind('song'), make_members(3);
select act_as(md5('member m1')::uuid);
select is(recommended(), '{}', 'an empty catalogue gives an empty page');
select act_as_owner();
select make_item('film', 'Only');
select act_as(md5('member m1')::uuid);
select is(recommended(), array['Only'], 'a single item is the page');
select is((select max(r.next_cursor) from public.get_recommendations() as r), null, 'which ends there');

-- Known by heart.
select act_as_owner();
select engage('m1', 'Only', 'complete');
select act_as(md5('member m1')::uuid);
select is(recommended(), array['Only'], 'where everything is known, the known comes again');
select public.log_engagement(jsonb_build_array(jsonb_build_object('item_id', item_named('Only'), 'kind', 'impression')));
select is(recommended(), array['Only'], 'also if it was just shown');
select act_as_owner();
select engage('m1', 'Only', 'not_interested', '1 second');
select act_as(md5('member m1')::uuid);
select is(recommended(), '{}', 'but never what was rejected');
select act_as(md5('member m2')::uuid);
select public.log_engagement(jsonb_build_array(jsonb_build_object('item_id', item_named('Only'), 'kind', 'impression')));
select is(recommended(), array['Only'], 'where all was shown lately, it is shown again');
select is((select count(*) from public.get_recommendations(p_context => jsonb_build_object('exclude',
  jsonb_build_array(item_named('Only'))))), 0::bigint, 'but not what the app excludes');
select act_as_owner();
select make_item('film', 'Second');
select engage('m3', 'Only', 'like');
select act_as(md5('member m3')::uuid);
select is(recommended(), array['Second'], 'while anything is unknown, the known stays out of short pages too');

-- A new member, and an account without a number yet.
select act_as_owner();
delete from medley.items as i where i.title in ('Only', 'Second');
select make_items('film', 'f', 30), make_items('song', 's', 30);
select engage('m' || 1 + n % 3, 'f' || 1 + n, 'like', '3 days') from generate_series(0, 29) as n;
select crowd(3, 'f30', 'like', '3 days');
select medley.refresh_item_statistics(), medley.rebuild_behavior_neighbors(1000);
select make_member('newcomer');
select act_as(md5('member newcomer')::uuid);
select is(cardinality(recommended()), 20, 'a new member gets a full page');
select is((recommended('film'))[1], 'f30', 'the popular first');
select ok(
  (select bool_and(r.algorithm in ('trending', 'exploration')) from public.get_recommendations() as r), 'and is told so'
);
select is((select array_agg(distinct r.kind order by r.kind) from public.get_recommendations(p_limit => 60) as r),
  array['film', 'song'], 'of all kinds');
select is((select array_agg(distinct r.kind) from public.get_recommendations('song') as r), array['song'], 'or of one');
select is(cardinality(recommended('song', 30)), 30, 'as many as there are');
select act_as(gen_random_uuid());
select is(cardinality(recommended()), 20, 'so does an account that has no profile');

-- A new item.
select act_as_owner();
select make_item('song', 'Brand new');
select act_as(md5('member newcomer')::uuid);
select ok(recommended() @> array['Brand new'], 'a new item is shown');
select is(why('Brand new'), 'exploration: New today', 'for being new');

-- An app's own kinds.
select act_as_owner();
insert into medley.item_kinds (kind, description) values ('recipe', 'For tests.');
select act_as_service();
select count(*) from public.register_items(
  (select jsonb_agg(jsonb_build_object('kind', 'recipe', 'title', 'Recipe ' || n)) from generate_series(1, 25) as n)
);
select act_as(md5('member newcomer')::uuid);
select is(cardinality(recommended('recipe')), 20, 'an app''s own kind by name');
select ok(recommended() && array(select 'Recipe ' || n from generate_series(1, 25) as n), 'and among all');
select act_as_owner();
select plant_list('behavior', array['Recipe 1 > Recipe 2 0.9', 'f1 > Recipe 3 0.5']);
select engage('newcomer', 'Recipe 1', 'like'), engage('newcomer', 'f1', 'like');
select act_as(md5('member newcomer')::uuid);
select is((recommended('recipe'))[1:2], array['Recipe 2', 'Recipe 3'], 'with neighbours in its own kind and across');
select is(why('Recipe 3'), 'collaborative: Because you liked f1', 'and the reason');
select is(cardinality(recommended('recipe', 200)), 24, 'all but what is known');

select * from finish();
