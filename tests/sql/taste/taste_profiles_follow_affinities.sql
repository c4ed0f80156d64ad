-- Profiles: -1 to 1, surer with more evidence, fading; derived for members with news, and the member's own to read.
select plan(24);

select make_kind('thing');
create temp table i as
select make_item('thing', 'sea one') as a, make_item('thing', 'sea two') as b, make_item('thing', 'war') as c,
  make_item('thing', 'bare') as d, make_member('ada') as ada, make_member('bob') as bob;
grant select on i to anon, authenticated, service_role;
select describe_item(a, array['mood: sea', 'maker: bob']), describe_item(b, array['mood: sea']), describe_item(c, array['mood: war'])
from i;
select make_item('thing', 'filler ' || n) from generate_series(1, 20) as n;
select describe_item(id, array['mood: filler']) from medley.items where title like 'filler%';
select medley.refresh_feature_statistics();
select medley.member_numbers(array[ada, bob]) from i;

create function tests.like_item(p_user uuid, p_item uuid, p_score real, p_at timestamptz) returns void
language sql security definer as $$
  insert into medley.affinities (user_no, item_no, score, half_life_days, last_at, positive_at, negative_at)
  select m.user_no, tests.item_no(p_item), p_score, 30, p_at,
    case when p_score > 0 then p_at end, case when p_score < 0 then p_at end
  from medley.members as m where m.user_id = p_user;
  insert into medley.member_activity as a (user_no, last_engaged_at, last_written_at, engagements)
  select m.user_no, p_at, p_at, 1 from medley.members as m where m.user_id = p_user
  on conflict (user_no) do update set engagements = a.engagements + 1;
$$;
create function tests.taste(p_user uuid, p_as_of timestamptz default now()) returns table (name text, score real, sure real)
language sql as $$
  select t.feature_type || ': ' || t.feature_value, t.affinity_score, t.confidence
  from medley.get_taste_profile(p_user, 50, p_as_of) as t
$$;

select act_as((select ada from i));
select is_empty('select from public.get_taste_profile()', 'a new member has no taste yet');
select act_as_owner();
select like_item(ada, a, 3, now()), like_item(ada, b, 3, now()), like_item(ada, c, -3, now()), like_item(ada, d, 3, now()) from i;
select like_item(bob, b, 1, now()) from i;
select is(medley.refresh_taste_profiles(10), 2::bigint, 'members with news are refreshed');
select is(medley.refresh_taste_profiles(10), 0::bigint, 'once');
select is((select count(*) from medley.user_taste_profiles), 4::bigint, 'a feature a row');

select act_as((select ada from i));
select is((select name from taste((select ada from i)) limit 1), 'mood: sea', 'the strongest first');
select is((select score from taste((select ada from i)) where name = 'mood: sea'), 1::real, 'it is 1');
select ok((select score from taste((select ada from i)) where name = 'mood: war') between -1 and -0.2, 'a dislike is below zero');
-- Two items at 3 / (1 + 3) each are 1.5 items' worth: 1.5 / (1.5 + 3).
select is((select round(sure::numeric, 4) from taste((select ada from i)) where name = 'mood: sea'), 0.3333, 'two items are surer');
select is((select round(sure::numeric, 4) from taste((select ada from i)) where name = 'maker: bob'), 0.2, 'than one');
select is(
  (select round(n.score::numeric, 3) from i, taste(ada, now() + interval '30 days') as n where n.name = 'mood: sea'), 0.5,
  'a half-life later it is half'
);
select is((select score from i, taste(ada, now() + interval '900 years') where name = 'mood: sea'),
  exp(-20)::real, 'and never fails');
select is((select score from i, taste(ada, now() - interval '1 day') where name = 'mood: sea'), 1::real, 'nor grows before its time');
select is((select count(*) from public.get_taste_profile(1)), 1::bigint, 'as many as asked for');
select throws_code('select public.get_taste_profile(201)', 'invalid_argument', 'of 200 at most');
select throws_code('select public.get_taste_profile(5, (select bob from i))', 'forbidden', 'not of others');
select is((select count(*) from medley.user_taste_profiles), 3::bigint, 'the table shows a member its own rows');
select act_as_owner();
select act_as_service();
select is((select count(*) from public.get_taste_profile(5, (select bob from i))), 1::bigint, 'the service may ask for anyone');
select act_as_owner();
select act_as_anon();
select throws_permission('select public.get_taste_profile()', 'nobody in particular has no taste');
select act_as_owner();

-- Idempotent, and equal to what a rebuild from nothing gives.
create temp table before as select user_no, feature_no, affinity_score, confidence, decay_rate from medley.user_taste_profiles;
select medley.refresh_taste(array(select user_no from medley.members), now());
select set_eq('select user_no, feature_no, affinity_score, confidence, decay_rate from medley.user_taste_profiles',
  'select * from before', 'a repeat changes nothing');
delete from medley.user_taste_profiles where true;
delete from medley.taste_states where true;
select medley.refresh_taste_profiles(10);
select set_eq('select user_no, feature_no, affinity_score, confidence, decay_rate from medley.user_taste_profiles',
  'select * from before', 'a rebuild finds the same');
delete from medley.affinities where item_no = (select item_no(c) from i);
select medley.refresh_taste(array(select user_no from medley.members), now());
select act_as_service();
select is_empty($$ select from i, taste(ada) where name = 'mood: war' $$, 'what no affinity backs any more goes');
select act_as_owner();
update medley.settings set value = 1 where key = 'taste.max_features';
select medley.refresh_taste(array(select user_no from medley.members), now());
select act_as_service();
select results_eq('select name from i, taste(ada)', $$ values ('mood: sea') $$, 'the strongest only are kept');
select act_as_owner();
select is(medley.refresh_taste(array[-1, null], now()), 0::bigint, 'members who do not exist have none');

delete from auth.users where id = (select ada from i);
select is_empty('select r.* from i, rows_about(ada) as r', 'an account takes its taste along');

select * from finish();
