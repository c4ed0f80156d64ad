-- A cursor that was tampered with is refused, whatever is wrong inside.
select plan(9);

create function tests.read(p_position jsonb) returns text language sql as $$
  select format('select * from medley.read_recommendation_cursor(%L, ''q'', %L)',
    medley.encode_cursor('q', p_position), '2026-01-02T00:00:00Z')
$$;
select results_eq(read('{"as_of": "2026-01-01T12:00:00Z", "shown": [7, 3]}'),
  $$ values ('2026-01-01T12:00:00Z'::timestamptz, array[7, 3]) $$, 'a good one');
select throws_code(read('{"as_of": "2026-01-02T00:00:01Z", "shown": [7]}'), 'invalid_cursor', 'of the future');
select throws_code(read('{"as_of": "2025-12-31T23:59:59Z", "shown": [7]}'), 'invalid_cursor', 'older than a day');
select throws_code(read('{"as_of": "yesterday, about", "shown": [7]}'), 'invalid_cursor', 'no time');
select throws_code(read('{"shown": [7]}'), 'invalid_cursor', 'without a time');
select throws_code(read('{"as_of": "2026-01-01T12:00:00Z"}'), 'invalid_cursor', 'without items');
select throws_code(read('{"as_of": "2026-01-01T12:00:00Z", "shown": 7}'), 'invalid_cursor', 'items that are none');
select throws_code(read('{"as_of": "2026-01-01T12:00:00Z", "shown": ["x"]}'), 'invalid_cursor', 'items that are no numbers');
select throws_code(read('{"as_of": "2026-01-01T12:00:00Z", "shown": [99999999999]}'), 'invalid_cursor', 'or too large');

select * from finish();
