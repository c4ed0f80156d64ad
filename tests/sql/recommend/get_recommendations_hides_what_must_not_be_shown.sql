-- What is known, rejected, shown lately, over, not yet out or not for the reader is left out, each for its own reason.
select plan(22);

select make_kind('film'), make_members(3);
select make_items('film', 'f', 30);
select act_as(md5('member m1')::uuid);
select is(cardinality(recommended()), 20, 'a full page');
select set_eq('select unnest(recommended(p_limit => 200))', array(select 'f' || n from generate_series(1, 30) as n),
  'in the end everything');

select act_as_owner();
select engage('m1', 'f1', 'play'), engage('m1', 'f2', 'rsvp'), engage('m1', 'f3', 'dislike'), engage('m1', 'f4', 'skip'),
  engage('m1', 'f5', 'not_interested'), engage('m1', 'f6', 'click'), engage('m1', 'f7', 'view'),
  engage('m1', 'f8', 'skip', '2 hours'), engage('m1', 'f8', 'click', '1 hour'),
  engage('m1', 'f9', 'impression', '5 hours'), engage('m1', 'f10', 'impression', '7 hours'),
  engage('m2', 'f11', 'dislike');
select act_as(md5('member m1')::uuid);
select ok(not recommended(p_limit => 200) && array['f1', 'f2'], 'what is known is out');
select ok(not recommended(p_limit => 200) && array['f3', 'f4', 'f5'], 'and what is rejected');
select ok(recommended(p_limit => 200) @> array['f6', 'f7'], 'not what was looked at');
select ok(recommended(p_limit => 200) @> array['f8'], 'nor what was skipped and then wanted');
select ok(not recommended(p_limit => 200) @> array['f9'], 'what was shown lately is out');
select ok(recommended(p_limit => 200) @> array['f10'], 'until some hours later');
select ok(recommended(p_limit => 200) @> array['f11'], 'what others reject is not');
select is(cardinality(recommended()), 20, 'and the page is still full');
select is(cardinality(recommended(p_limit => 200)), 24, 'each of the rest is there once');
select act_as_owner();
update medley.settings as s set value = 8 where s.key = 'recommend.shown_hours';
select act_as(md5('member m1')::uuid);
select ok(not recommended(p_limit => 200) @> array['f10'], 'how long is a setting');

-- The reader's own exclusions.
select is(
  cardinality(recommended(p_limit => 200, p_context => jsonb_build_object('exclude', jsonb_build_array(
    item_named('f20'), item_named('f21'), item_named('f20'), gen_random_uuid())))),
  21, 'excluded items are out; unknown ids do no harm'
);

-- Not for everybody, or not now. Behaviour leads to all of them.
select act_as_owner();
select make_item('film', 'Own', md5('member m1')::uuid), make_item('film', 'Public of m2', md5('member m2')::uuid),
  make_item('film', 'Private of m2', md5('member m2')::uuid, 'private'),
  make_item('film', 'For followers of m2', md5('member m2')::uuid, 'followers'), make_item('film', 'Over'), make_item('film', 'Soon');
update medley.items as i set expires_at = now() where i.title = 'Over';
update medley.items as i set published_at = now() + interval '1 minute' where i.title = 'Soon';
select plant_list('behavior', array['f1 > Own 1', 'f1 > Public of m2 1', 'f1 > Private of m2 1', 'f1 > For followers of m2 1',
  'f1 > Over 1', 'f1 > Soon 1', 'f1 > f1 1', 'f1 > f3 1', 'f1 > f9 1', 'f2 > f1 1']);
create function tests.led_to() returns text[] language sql as $$
  select coalesce(array_agg(r.title order by r.title collate "C"), '{}') from public.get_recommendations(p_limit => 200) as r
  where (r.breakdown ->> 'behavior')::real > 0
$$;
select act_as(md5('member m1')::uuid);
select is(led_to(), array['Public of m2'], 'of others only what is public, out and not over');
select act_as_owner();
select follow(md5('member m1')::uuid, md5('member m2')::uuid);
select act_as(md5('member m1')::uuid);
select is(led_to(), array['For followers of m2', 'Public of m2'], 'followers see more');
select act_as_owner();
select mute(md5('member m1')::uuid, md5('member m2')::uuid);
select act_as(md5('member m1')::uuid);
select is(led_to(), '{}', 'a mute hides both');
select act_as_owner();
delete from public.user_mutes as u where u.user_id = md5('member m1')::uuid;
select block(md5('member m2')::uuid, md5('member m1')::uuid);
select act_as(md5('member m1')::uuid);
select is(led_to(), '{}', 'so does a block, whoever blocked');
select act_as_owner();
delete from public.user_blocks as b where b.user_id = md5('member m2')::uuid;
select act_as_service();
select is((select array_agg(r.title order by r.title collate "C") from medley.get_recommendations(md5('member m1')::uuid,
  null, 200, null, '{}', now() + interval '2 minutes') as r where (r.breakdown ->> 'behavior')::real > 0),
  array['Public of m2', 'Soon'], 'an item is there when its time has come');

-- What is deleted is gone before any job has run.
select act_as_owner();
delete from medley.items as i where i.title in ('Public of m2', 'f2');
select act_as(md5('member m1')::uuid);
select is(led_to(), '{}', 'deleted items are out');
select is(cardinality(recommended()), 20, 'and the page is full without them');

-- Impressions in the future of the call do not hide: pages of one moment stay together.
select act_as_owner();
select engage('m3', 'f' || n, 'impression', interval '-1 minute') from generate_series(1, 30) as n;
select act_as(md5('member m3')::uuid);
select is(cardinality(recommended(p_limit => 29)), 29, 'impressions after the moment of the page do not count');
select ok(recommended('film', 5) <@ recommended('film', 200), 'and one kind is a part of all');

select * from finish();
