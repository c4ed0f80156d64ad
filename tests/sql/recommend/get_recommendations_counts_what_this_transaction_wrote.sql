-- What a transaction wrote counts in its next call, also where a page was computed ahead; what it takes back does not.
select plan(31);

select make_kind('film'), make_members(4);
select make_items('film', 'f', 12);
select make_item('film', 'Of m2', md5('member m2')::uuid), make_item('film', 'Of m3', md5('member m3')::uuid);
select plant_list('behavior', array['f1 > f9 0.9', 'f2 > f8 0.8', 'f2 > f7 0.5']);
select crowd(3, 'f' || n, 'like', '2 days') from generate_series(3, 12) as n where n not in (7, 8, 9);
select engage('m4', 'Of m2', 'like', '2 days');
select medley.refresh_item_statistics();

-- m4 is the reader.
select act_as(md5('member m4')::uuid);
select ok(not recommended() @> array['f7'] or (recommended())[1] <> 'f7', 'nothing speaks for f7 yet');
savepoint before;
select is(fate(jsonb_build_object('item_id', item_named('f2'), 'kind', 'like')), 'accepted', 'a like');
select is((recommended())[:2], array['f8', 'f7'], 'changes the next page');
select ok(not recommended(p_limit => 200) @> array['f2'], 'and what is liked leaves');
rollback to before;
select ok((recommended())[:2] <> array['f8', 'f7'], 'rolled back it never was');
select ok(recommended(p_limit => 200) @> array['f2'], 'and the item is back');

-- Pages computed ahead.
select act_as_owner();
select compute_ahead('m4');
select act_as(md5('member m4')::uuid);
select ok(is_ahead(), 'a page ahead is used');
select ok(not is_ahead(200), 'not where it is too short');
select is((select count(*) from public.get_recommendations('film', 5) as r where r.reason = 'Ahead'), 0::bigint,
  'nor for one kind');
select is((select count(*) from public.get_recommendations(p_limit => 5, p_context => '{"country": "DE"}') as r
  where r.reason = 'Ahead'), 0::bigint, 'nor with a context');

savepoint ahead;
select public.log_engagement(jsonb_build_array(jsonb_build_object('item_id', item_named('f2'), 'kind', 'like')));
select ok(not is_ahead(), 'not after a like');
select is((recommended())[:2], array['f8', 'f7'], 'which counts');
rollback to ahead;
select ok(is_ahead(), 'rolled back, it is true again');

select set_config('tests.first', (recommended(p_limit => 5))[1], true);
select public.log_engagement(jsonb_build_array(jsonb_build_object(
  'item_id', item_named(current_setting('tests.first')), 'kind', 'impression')));
select ok(is_ahead(), 'an impression leaves it true');
select ok(not recommended(p_limit => 5) @> array[current_setting('tests.first')], 'but the item that was shown is out');
rollback to ahead;

insert into public.follows (follower_id, followed_id) values (md5('member m4')::uuid, md5('member m2')::uuid);
select ok(not is_ahead(), 'not after a follow');
rollback to ahead;
select public.set_platform_subscription('Netflix');
select ok(not is_ahead(), 'nor after a subscription');
rollback to ahead;
insert into public.user_mutes (user_id, muted_id) values (md5('member m4')::uuid, md5('member m2')::uuid);
select ok(not is_ahead(), 'nor after a mute: what muted friends like counts no more');
rollback to ahead;
select act_as_owner();
update medley.ranker_weights as w set weight = 2 where w.ranker = 'recommendations' and w.term = 'behavior';
select act_as(md5('member m4')::uuid);
select ok(not is_ahead(), 'nor after a change of weights');
rollback to ahead;
select act_as_owner();
update medley.recommendation_candidates as c set expires_at = now() where true;
select act_as(md5('member m4')::uuid);
select ok(not is_ahead(), 'nor when it is too old');
rollback to ahead;

-- What its owner takes away is out at once.
select act_as_owner();
select engage('m' || n, 'Of m3', 'like') from generate_series(1, 2) as n;
select medley.refresh_item_statistics();
select compute_ahead('m4');
select act_as(md5('member m4')::uuid);
select ok(recommended(p_limit => 5) @> array['Of m3'] and is_ahead(), 'an item of a member, computed ahead');
savepoint others;
insert into public.user_blocks (user_id, blocked_id) values (md5('member m4')::uuid, md5('member m3')::uuid);
select ok(not recommended(p_limit => 5) @> array['Of m3'], 'gone with a block');
rollback to others;
insert into public.user_mutes (user_id, muted_id) values (md5('member m4')::uuid, md5('member m3')::uuid);
select ok(not recommended(p_limit => 5) @> array['Of m3'], 'with a mute');
rollback to others;
select act_as_owner();
update medley.items as i set visibility = 'private' where i.title = 'Of m3';
select act_as(md5('member m4')::uuid);
select ok(not recommended(p_limit => 5) @> array['Of m3'], 'when it becomes private');
rollback to others;
select act_as_owner();
update medley.items as i set expires_at = now() where i.title = 'Of m3';
select act_as(md5('member m4')::uuid);
select ok(not recommended(p_limit => 5) @> array['Of m3'], 'when it expires');
rollback to others;
select act_as_owner();
update medley.items as i set published_at = now() + interval '1 hour' where i.title = 'Of m3';
select act_as(md5('member m4')::uuid);
select ok(not recommended(p_limit => 5) @> array['Of m3'], 'when it is put off');
rollback to others;
select act_as_owner();
delete from medley.items as i where i.title = 'Of m3';
select act_as(md5('member m4')::uuid);
select ok(not recommended(p_limit => 5) @> array['Of m3'], 'when it is deleted');
select is(cardinality(recommended(p_limit => 5)), 5, 'and the page is still full');
rollback to others;

-- An experiment never serves pages that were computed without it.
select act_as_owner();
select medley.create_experiment('bold', 'recommendations', '[{"variant": "control", "share": 0.5},
  {"variant": "bold", "share": 0.5, "weights": {"popularity": 1}}]', 'engagement', 1, null, 'salt', null, now());
select medley.start_experiment('bold', now());
select act_as(md5('member m4')::uuid);
select ok(not is_ahead(), 'members in an experiment get no page computed ahead');
select matches(min(r.variant), '^bold:(control|bold)$', 'but are told their variant') from public.get_recommendations() as r;
select is(count(distinct r.variant), 1::bigint, 'the same on each row') from public.get_recommendations() as r;

select * from finish();
