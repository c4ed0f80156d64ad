-- platform_user_preferences: use and preference from the log; the subscription is what the member says.
select plan(6);

select make_kind('thing');
create temp table i as select make_item('thing', 'one') as one, make_member('ada') as ada;
grant select on i to authenticated;
select act_as((select ada from i));
select public.set_platform_subscription('hulu');
select public.log_engagement((
  select jsonb_agg(jsonb_build_object('item_id', one, 'kind', k.kind, 'platform', k.platform,
    'occurred_at', now() - make_interval(hours => k.hours)))
  from i, (values ('like', 'Netflix', 1), ('like', ' netflix', 2), ('dislike', 'netflix', 3), ('like', 'prime', 4), ('like', null, 5))
    as k (kind, platform, hours)
));
select act_as_owner();
select is(medley.refresh_taste_profiles(10), 1::bigint, 'a member with news is learnt');
create function tests.platforms() returns table (name text, has boolean, used numeric, liked numeric) language sql as $$
  select platform_name, has_subscription, round(usage_frequency::numeric, 3), round(preference_score::numeric, 3)
  from medley.platform_user_preferences order by 1
$$;
select results_eq('select * from platforms()',
  $$ values ('hulu', true, 0::numeric, 0.5), ('netflix', false, 0.75, 0.6), ('prime', false, 0.25, 0.667) $$,
  'shares of use, smoothed shares of liking, and the subscription as it was');
select is(medley.learn_platforms(array(select user_no from medley.members), now()), 0::bigint, 'a repeat writes nothing');
select is(medley.learn_platforms(array(select user_no from medley.members), now() + interval '200 days'), 2::bigint, 'old use');
select results_eq('select * from platforms()',
  $$ values ('hulu', true, 0::numeric, 0.5), ('netflix', false, 0::numeric, 0.5), ('prime', false, 0::numeric, 0.5) $$, 'is forgotten');
select is(medley.learn_platforms('{}', now()), 0::bigint, 'of nobody, nothing');

select * from finish();
