-- A cursor works for the member and the query that it came from, and forged ones are refused.
select plan(27);

select make_member('ada'), make_member('bob'), make_event('e' || n, n) from generate_series(1, 5) as n limit 1;
select make_event('e' || n, n) from generate_series(2, 5) as n;
create temp table cursors as
select (select next_cursor from feed('ada', 2) limit 1) as ada, (select next_cursor from feed('bob', 2) limit 1) as bob;
grant select on cursors to authenticated;
create function tests.forged(p_position jsonb) returns text language sql as
$$ select medley.encode_cursor('event_feed:' || member('ada'), p_position) $$;
create temp table positions as
select jsonb_build_object('as_of', now(), 'served', 2, 'score', 1000, 'event_no', 7) as good;

select act_as(member('ada'));
select is((select count(*) from public.get_personalized_feed_v3(2, (select ada from cursors))), 2::bigint, 'the next page');
select throws_code(
  'select * from public.get_personalized_feed_v3(2, (select bob from cursors))', 'invalid_cursor', 'not of another member'
);
select throws_code(format('select * from public.get_personalized_feed_v3(2, %L)', c.cursor), 'invalid_cursor', 'not "' || left(c.cursor, 20) || '"')
from (values (''), ('x'), ('not base64!'), ('e30='), ('bnVsbA=='), (repeat('A', 10000000)), (repeat('é', 3000)), ('W1tbW1tbW1tbW1tbW10=')) as c (cursor);
select throws_code(
  $$ select * from public.get_personalized_feed_v3(2, medley.encode_cursor('calendar:x', '{"event_no": 1}')) $$, 'invalid_cursor',
  'not of another query'
) from act_as_owner(), set_config('request.jwt.claims', json_build_object('sub', member('ada'), 'role', 'authenticated')::text, true);
select lives_ok(
  format('select * from public.get_personalized_feed_v3(2, %L)', forged(good)), 'a position that might be'
) from positions;
select throws_code(
  format('select * from public.get_personalized_feed_v3(2, %L)', forged(good || patch)), 'invalid_cursor', 'no position with ' || patch::text
)
from positions,
  unnest(array[
    '{"served": null}', '{"served": 0}', '{"served": -5}', '{"served": 1000000000}', '{"served": 1e30}', '{"served": "x"}',
    '{"score": null}', '{"score": 1e12}', '{"event_no": null}', '{"event_no": [1]}', '{"as_of": null}', '{"as_of": "tomorrow?"}',
    '{"as_of": "infinity"}', '{"as_of": "4000-01-01 BC"}', '{"as_of": "290000-01-01"}'
  ]::jsonb[]) as p (patch);

select * from finish();
