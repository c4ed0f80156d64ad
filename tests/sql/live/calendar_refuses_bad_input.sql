-- What the calendar cannot mean is refused with a code; nothing is read or clamped in silence.
select plan(38);

select make_small_taxonomy(), make_event('one', 1, '{grunge}'), make_event('two', 2, '{grunge}');
select act_as_anon();
select throws_code('select * from public.get_calendar_events(' || arguments || ')', code, left(arguments, 80) || ' is ' || code)
from (values
  ($$p_start_date => '2030-01-02', p_end_date => '2030-01-01'$$, 'invalid_argument'),
  ($$p_genres => '{}'$$, 'invalid_argument'),
  ($$p_genres => array_fill('x'::text, array[51])$$, 'invalid_argument'),
  ($$p_genres => array_fill('x'::text, array[10, 10])$$, 'invalid_argument'),
  ($$p_genres => array[repeat('x', 10000000)]$$, 'invalid_argument'),
  ($$p_latitude => 0$$, 'invalid_argument'),
  ($$p_latitude => 0, p_longitude => 0$$, 'invalid_argument'),
  ($$p_radius_km => 10$$, 'invalid_argument'),
  ($$p_latitude => 90.01, p_longitude => 0, p_radius_km => 1$$, 'invalid_argument'),
  ($$p_latitude => 0, p_longitude => -180.5, p_radius_km => 1$$, 'invalid_argument'),
  ($$p_latitude => 'NaN', p_longitude => 0, p_radius_km => 1$$, 'invalid_argument'),
  ($$p_latitude => 0, p_longitude => 'NaN', p_radius_km => 1$$, 'invalid_argument'),
  ($$p_latitude => 0, p_longitude => 'infinity', p_radius_km => 1$$, 'invalid_argument'),
  ($$p_latitude => 0, p_longitude => 0, p_radius_km => -1$$, 'invalid_argument'),
  ($$p_latitude => 0, p_longitude => 0, p_radius_km => 0$$, 'invalid_argument'),
  ($$p_latitude => 0, p_longitude => 0, p_radius_km => 'NaN'$$, 'invalid_argument'),
  ($$p_latitude => 0, p_longitude => 0, p_radius_km => 'infinity'$$, 'invalid_argument'),
  ($$p_latitude => 0, p_longitude => 0, p_radius_km => 20001$$, 'invalid_argument'),
  ($$p_max_depth => -1$$, 'invalid_argument'),
  ($$p_max_depth => 21$$, 'invalid_argument'),
  ($$p_max_depth => null$$, 'invalid_argument'),
  ($$p_limit => 0$$, 'invalid_argument'),
  ($$p_limit => 201$$, 'invalid_argument'),
  ($$p_limit => 1000000000$$, 'invalid_argument'),
  ($$p_limit => null$$, 'invalid_argument'),
  ($$p_umbrella_slug => 'no such'$$, 'not_found'),
  ($$p_umbrella_slug => ''$$, 'not_found'),
  ($$p_umbrella_slug => 'rock%'$$, 'not_found'),
  ($$p_umbrella_slug => repeat('x', 10000000)$$, 'not_found'),
  ($$p_cursor => ''$$, 'invalid_cursor'),
  ($$p_cursor => repeat('x', 10000000)$$, 'invalid_cursor'),
  ($$p_limit => 1, p_genres => '{rock}', p_cursor => (select next_cursor from public.get_calendar_events(p_limit => 1))$$, 'invalid_cursor')
) as c (arguments, code);

-- A cursor with the right name and a position that cannot be.
select act_as_owner();
create temp table forged as
select medley.encode_cursor(convert_from(decode(c.next_cursor, 'base64'), 'UTF8')::jsonb ->> 'q', p.position::jsonb) as cursor, p.position
from (select next_cursor from public.get_calendar_events(p_limit => 1) limit 1) as c
cross join (values
  ('{}'), ('{"starts_at": "2030-01-01"}'), ('{"starts_at": "2030-01-01", "event_no": "x"}'), ('{"starts_at": "when?", "event_no": 1}'),
  ('{"starts_at": "2030-01-01", "event_no": 1e20}')
) as p (position);
select throws_code(
  format('select * from public.get_calendar_events(p_limit => 1, p_cursor => %L)', cursor), 'invalid_cursor', 'no position is ' || position
)
from forged;
select is(
  (select string_agg(title, ',') from public.get_calendar_events(
    p_limit => 1, p_cursor => (select next_cursor from public.get_calendar_events(p_limit => 1)))),
  'two', 'while its own cursor goes on'
);

select * from finish();
