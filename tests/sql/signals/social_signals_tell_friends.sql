-- social_signals: what friends did, by kind of signal; nobody else's, and nothing of muted friends.
select no_plan();

select make_kind('thing');
select make_item('thing', 'a');
create temp table people as
select make_member('ada') as ada, make_member('bob') as bob, make_member('eve') as eve, make_member('tim') as tim;
grant select on people to service_role, authenticated;
select befriend(ada, bob), befriend(ada, tim), follow(ada, eve), mute(ada, tim) from people;
select act_as_service();
select count(*)
from people as p
cross join lateral unnest(array[p.bob, p.eve, p.tim]) as u (id)
cross join lateral public.log_engagement((
  select jsonb_agg(jsonb_build_object('user_id', u.id, 'item_id', item_named('a'), 'kind', k.kind, 'value', 0.75))
  from unnest(array['like', 'rate', 'watch_completed', 'share', 'recommend', 'view', 'dislike', 'impression']) as k (kind)
));
select act_as_owner();
select member_numbers from people, medley.member_numbers(array[ada]);
select set_eq(
  $$
  select s.friend_no, s.signal_type, s.signal_strength
  from medley.social_signals as s
  inner join medley.members as m on m.user_no = s.user_no
  where m.user_id = (select ada from people)
  $$,
  $$
  select medley.member_no(bob), v.signal, v.strength
  from people, (values
    ('liked', 0.8::real), ('rated', 0.75), ('watched', 1), ('shared', 0.9), ('recommended', 0.9)
  ) as v (signal, strength)
  $$,
  'a friend''s likes, ratings, views, shares and recommendations'
);
select is((select count(*) from medley.social_signals as s where s.user_no <> medley.member_no((select ada from people))), 0::bigint,
  'who did nothing tells friends nothing');
select act_as((select ada from people));
select throws_permission('select * from medley.social_signals', 'members do not read it');

select * from finish();
