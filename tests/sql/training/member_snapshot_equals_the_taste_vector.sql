-- The taste in a pair is the one that the engine itself had at that time: from the log what it keeps running.
select no_plan();

select make_kind('thing');
create temp table who as select make_member('ada') as ada, make_member('new') as new;
select make_item('thing', 'i' || n) from generate_series(1, 9) as n;
select embed_text(item_named('i' || n), n) from generate_series(1, 8) as n;
select happened(ada, item_named('i' || n), k.kind, now() - make_interval(days => k.days))
from who, (values
  (1, 'like', 40), (2, 'click', 30), (2, 'like', 3), (3, 'not_interested', 9), (4, 'like', 20), (4, 'report', 10),
  (5, 'report', 8), (5, 'like', 7), (6, 'impression', 6), (7, 'follow', 200), (7, 'unfollow', 5), (9, 'like', 2)
) as k (n, kind, days);
create temp table m as select user_no from medley.members, who where user_id = ada;
create temp table s as select s.* from m, medley.member_snapshot(m.user_no, now(), 0) as s;

select cmp_ok(
  (select t.embedding_384 operator(extensions.<=>) s.embedding from m, s, medley.taste_vectors_at(array[m.user_no], now()) as t where t.embedding_type = 'text'),
  '<', 1e-5::float8, 'the same direction as taste_vectors_at'
);
select cmp_ok((select abs(vector_norm(s.embedding) - 1) from s), '<', 1e-5::float8, 'of unit length');
select is(
  (select array_agg(i.title order by r.place) from s, jsonb_array_elements_text(s.history -> 'recent_items') with ordinality as r (id, place)
   inner join medley.items as i on r.id::uuid = i.id),
  array['i9', 'i2', 'i5', 'i4', 'i1', 'i7'], 'recent_items: what the member engaged with, newest first'
);
select is(
  (select array_agg(i.title order by r.place) from s, jsonb_array_elements_text(s.history -> 'recent_likes') with ordinality as r (id, place)
   inner join medley.items as i on r.id::uuid = i.id),
  array['i9', 'i2', 'i5', 'i4', 'i1'], 'recent_likes: what the member liked'
);
update medley.settings as t set value = 2 where t.key = 'training.recent_items';
select is((select jsonb_array_length(s.history -> 'recent_items') from m, medley.member_snapshot(m.user_no, now(), 0) as s), 2, 'so many');
update medley.settings as t set value = 1 where t.key = 'training.history_events';
select ok((select s.embedding is null from m, medley.member_snapshot(m.user_no, now(), 0) as s), 'of the newest events: i9 has no vector');
select medley.member_numbers(array[new]) from who;
select results_eq(
  $$ select s.history, s.embedding is null from who, medley.members as n, medley.member_snapshot(n.user_no, now(), 0) as s where n.user_id = new $$,
  $$ values ('{"recent_items": [], "recent_likes": []}'::jsonb, true) $$, 'a member without events has neither'
);

select * from finish();
