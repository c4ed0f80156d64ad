-- A timeline has what followed members wrote and passed on, and from elsewhere what they like, what trends and new voices.
select plan(17);

select make_member(name) from unnest(array['ada', 'bob', 'cy', 'dee', 'eve', 'fay', 'gus', 'hal']) as m (name);
select act_as(member('hal'));
select is(home(), null, 'before anybody wrote anything it is empty');
select act_as_owner();

select follow(member('ada'), member('bob')), follow(member('ada'), member('cy'));
-- Strangers whom many have seen are no newcomers.
select plant_rates(name, 1000) from unnest(array['dee', 'eve', 'fay']) as m (name);
select make_post('bob', 'by bob'), make_post('dee', 'by dee'), make_post('dee', 'liked'), make_post('eve', 'trending'), make_post('fay', 'of taste'),
  make_post('gus', 'newcomer'), make_post('eve', 'unheard of');
select repost('cy', 'by dee'), give_likes('bob', 'liked');
insert into medley.trending_cache (item_no, trend_score, kind, time_window, trend_type, segment, calculated_at, expires_at)
select i.item_no, 1, 'post', 'day', 'global', '', now(), now() + interval '1 hour' from medley.items as i where i.title = 'trending';
select from medley.member_numbers(array[member('ada')]);
select plant_cluster(7, array['ada']);
insert into medley.trending_cache (item_no, trend_score, kind, time_window, trend_type, segment, calculated_at, expires_at)
select i.item_no, 1, 'post', 'day', 'cluster', medley.cluster_generation() || '.7', now(), now() + interval '1 hour'
from medley.items as i where i.title = 'of taste';

select act_as(member('ada'));
select is(
  home_sources(),
  'by bob following, by dee repost, liked liked, newcomer newcomer, of taste cluster, trending trending',
  'every source has its post, and nothing else is there'
);
select results_eq(
  'select t.content, t.reason from public.get_home_timeline() as t order by t.content collate "C"',
  $$ values ('by bob', 'You follow bob'), ('by dee', 'Reposted by cy'), ('liked', 'Liked by somebody whom you follow'),
    ('newcomer', 'A new voice'), ('of taste', 'Popular with people of your taste'), ('trending', 'Popular at the moment') $$,
  'in words'
);
select is(
  (select array_agg(t.content order by t.content collate "C") from public.get_home_timeline() as t where t.in_network),
  array['by bob', 'by dee'], 'the network is what followed members wrote or passed on'
);
select is((select t.reposted_by from public.get_home_timeline() as t where t.content = 'by dee'), member('cy'), 'and who passed it on');
select is((select count(distinct t.request_id) from public.get_home_timeline() as t), 1::bigint, 'a request has one id');
select is(
  (select array_agg(t."position" order by t."position") from public.get_home_timeline() as t), array[0, 1, 2, 3, 4, 5],
  'positions count from 0'
);
select ok(
  (select bool_and(t.context ->> 'request_id' = t.request_id::text and t.context ? 'm' and t.context -> 'p' ? 'like' and pg_column_size(t.context) < 4096)
    from public.get_home_timeline() as t),
  'the context tells what the score was made of'
);
select ok(
  (select bool_and(abs(t.score - (select sum(b.value::numeric) from jsonb_each_text(t.breakdown) as b)) < 0.00001) from public.get_home_timeline() as t),
  'the breakdown sums to the score'
);
select is((select array_agg(distinct t.algorithm) from public.get_home_timeline() as t), array['rates'], 'by rates, without a model');

-- A post counts once, by the nearest source.
select act_as_owner();
select repost('cy', 'by bob'), give_likes('cy', 'by bob');
select repost('bob', 'by dee');
select act_as(member('ada'));
select is((select count(*) from public.get_home_timeline() as t), 6::bigint, 'a post that came in several ways is there once');
select is((select t.source from public.get_home_timeline() as t where t.content = 'by bob'), 'following', 'as that of a followed member');
select is((select t.reposted_by from public.get_home_timeline() as t where t.content = 'by bob'), null, 'whom nobody need pass on');

-- Whoever wrote it says what is the network, not which way a post came.
select act_as_owner();
select set_timeline('author_posts', 0);
select act_as(member('ada'));
select is((select t.source from public.get_home_timeline() as t where t.content = 'by bob'), 'following', 'an older post of a followed member is of the network, however it came');
select act_as_owner();
select set_timeline('author_posts', 1);

-- Old posts that somebody passes on leave room for the new.
select make_member('ivy'), plant_rates('ivy', 1000), follow(member('ada'), member('ivy')), make_post('ivy', 'by ivy');
select make_post('dee', 'old ' || n), age_post('old ' || n, '60 hours'), repost('ivy', 'old ' || n) from generate_series(1, 13) as n;
select act_as(member('ada'));
select ok(home_sources() like '%by ivy following%', 'a post of who passes many old ones on is there');
select act_as_owner();
select set_timeline('author_posts', 12);

-- A name that is private is not told.
update public.profiles set public_profile = false where id = member('bob');
select act_as(member('ada'));
select is((select t.reason from public.get_home_timeline() as t where t.content = 'by bob'), 'You follow the author', 'a private name is kept');
select act_as(member('hal'));
select is(home_sources(), 'by bob newcomer, newcomer newcomer, trending trending', 'who follows nobody gets what is for everybody');

select * from finish();
