-- Trends among members of similar taste: those of the reader's own cluster, of its present generation.
select plan(14);

select make_kind('film'), make_kind('song');
select make_members(9);
select make_item('film', t) from unnest(array['Of cluster one', 'Of cluster two', 'Of both', 'Rejected', 'Of one member']) as t;
select make_item('song', 'Sung');
-- m1 to m4 are one cluster, m5 to m7 another, m8 and m9 are in none.
select engage('m' || n, 'Of cluster one', 'play', '2 hours') from generate_series(1, 3) as n;
select engage('m' || n, 'Of cluster two', 'play', '2 hours') from generate_series(5, 7) as n;
select engage('m' || n, 'Of cluster two', 'play', '2 hours') from generate_series(8, 9) as n;
select engage('m' || n, 'Of both', 'play', '2 hours', 'web') from unnest(array[3, 4, 5, 6]) as n;
select engage('m1', 'Rejected', 'play', '2 hours'), engage('m2', 'Rejected', 'dislike'), engage('m3', 'Rejected', 'dislike');
select engage('m' || n, 'Sung', 'play', '3 hours') from unnest(array[5, 6]) as n;
select engage('m1', 'Of one member', k, '2 hours') from unnest(array['play', 'like', 'share']) as k;
select plant_cluster(1, array['m1', 'm2', 'm3', 'm4']), plant_cluster(2, array['m5', 'm6', 'm7']);
select refresh_trends();

select act_as(md5('member m1')::uuid);
select is(trending(p_type => 'cluster'), array['Of cluster one', 'Of both'], 'what members like the reader did, several of them');
select is(
  (select array_agg(distinct concat_ws(' ', t.trend_type, t.segment)) from public.get_trending(p_trend_type => 'cluster') as t),
  array['cluster'], 'rows say what they are of'
);
select is(trending('song', p_type => 'cluster'), array['Sung'], 'a kind of which the cluster did nothing: what trends everywhere');
select is(
  (select array_agg(n.title)
    from (select max(t.next_cursor) as c from public.get_trending(p_trend_type => 'cluster', p_limit => 1) as t) as p
    cross join lateral public.get_trending(p_trend_type => 'cluster', p_limit => 1, p_cursor => p.c) as n),
  array['Of both'], 'pages go on'
);
select act_as(md5('member m6')::uuid);
select is(trending(p_type => 'cluster'), array['Of cluster two', 'Of both', 'Sung'], 'each cluster has its own');
select act_as(md5('member m8')::uuid);
select is(trending(p_type => 'cluster'), trending(), 'who is in no cluster gets what trends everywhere');
select is(
  (select array_agg(distinct t.trend_type) from public.get_trending(p_trend_type => 'cluster') as t),
  array['global'], 'and the rows say so'
);
select act_as_service();
select is(
  (select array_agg(t.title) from public.get_trending(p_trend_type => 'cluster', p_user_id => md5('member m4')::uuid) as t),
  array['Of cluster one', 'Of both'], 'the service asks for a member'
);

select act_as_owner();
select mute(md5('member m1')::uuid, md5('member m9')::uuid);
update medley.items as i set owner_id = md5('member m9')::uuid where i.title = 'Of both';
select act_as(md5('member m1')::uuid);
select is(trending(p_type => 'cluster'), array['Of cluster one'], 'items of muted owners stay away');

-- Another rebuild gives the numbers to other members.
select act_as_owner();
select plant_cluster(1, array['m5', 'm6', 'm7']), plant_cluster(2, array['m1', 'm2', 'm3', 'm4']);
select act_as(md5('member m1')::uuid);
select is(trending(p_type => 'cluster'), trending(), 'a new generation does not read the trends of the old one');
select act_as_owner();
select cmp_ok(medley.refresh_trending_at(1000000, now()), '>', 0::bigint, 'it makes every window due');
select act_as(md5('member m1')::uuid);
select is(trending(p_type => 'cluster'), array['Of cluster one'], 'and then has its own');
select act_as_owner();
select is(medley.refresh_trending_at(1000000, now()), 0::bigint, 'once');

update medley.settings as s set value = 1 where s.key = 'trending.max_cluster_items';
select refresh_trends();
select is(
  (select max(c.items) from (
    select count(*) as items
    from medley.trending_cache as t
    where t.trend_type = 'cluster'
    group by t.time_window, t.segment, t.kind
  ) as c),
  1::bigint, 'the best of a cluster are kept'
);

select * from finish();
