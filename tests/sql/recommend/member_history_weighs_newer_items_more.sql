-- What a member did last says most, by the order of the items and not by the clock.
select plan(8);

select make_kind('film'), make_members(2);
select make_items('film', 'f', 5);
select plant_list('behavior', array['f1 > f4 0.5', 'f2 > f5 0.5']);

create function pg_temp.weights(p_member text, p_recency float8) returns jsonb language sql as $$
  select jsonb_object_agg(i.title, round(h.weight::numeric, 3))
  from medley.members as m
  cross join lateral medley.member_history(m.user_no, 10, 0, p_recency, 0.5, now()) as h
  inner join medley.items as i on h.item_no = i.item_no
  where m.user_id = md5('member ' || p_member)::uuid
$$;

select engage('m1', 'f1', 'like', '400 days'), engage('m1', 'f2', 'like', '2 minutes');
select is(pg_temp.weights('m1', 0.5), '{"f1": 1, "f2": 1.414}', 'of two the newer counts sqrt(2) times, the older once');
select is(pg_temp.weights('m1', 0), '{"f1": 1, "f2": 1}', 'without the power both count alike');
select act_as(md5('member m1')::uuid);
select is((recommended())[1:2], array['f5', 'f4'], 'so the neighbour of the newer comes first');
select cmp_ok(points('f5', 'behavior'), '>', points('f4', 'behavior'), 'with more points');
select ok(
  (select abs(sum((c ->> 'points')::numeric) - points('f5', 'behavior')) < 0.0001
    from public.explain_recommendation(item_named('f5')) as e, jsonb_array_elements(e.causes) as c),
  'in the causes likewise'
);

select act_as_owner();
select engage('m1', 'f1', 'like', '1 minute');
select is(pg_temp.weights('m1', 0.5), '{"f1": 1.414, "f2": 1}', 'an item met again is new again');
select engage('m1', 'f3', 'dislike', '0 minutes');
select is(pg_temp.weights('m1', 0.5), '{"f1": 1.225, "f2": 1, "f3": -0.866}', 'a dislike takes more while it is new');
select engage('m2', f.title, 'like', '1 day') from unnest(array['f1', 'f2', 'f3']) as f (title);
select is(pg_temp.weights('m2', 0.5), pg_temp.weights('m2', 0), 'where all have one time, none is newer');

select * from finish();
