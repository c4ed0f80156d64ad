-- A cursor works for the query that made it and for no other; everything else is invalid_cursor.
select plan(16);

select is(
  medley.decode_cursor(medley.encode_cursor('feed', '{"s": 1.5, "i": 7}'), 'feed'),
  '{"s": 1.5, "i": 7}'::jsonb, 'what went in comes out'
);
select is(medley.decode_cursor(null, 'feed'), null, 'no cursor is the beginning');
select is(
  position(E'\n' in medley.encode_cursor('feed', jsonb_build_object('text', repeat('x', 300)))), 0, 'it is one line'
);
select is(
  medley.decode_cursor(medley.encode_cursor('feed', '{"name": "Björk 🎸"}'), 'feed'),
  '{"name": "Björk 🎸"}'::jsonb, 'in any script'
);

select throws_code(
  $$ select medley.decode_cursor(medley.encode_cursor('feed', '{"i": 7}'), 'calendar') $$,
  'invalid_cursor', 'of another query'
);
select throws_code(format('select medley.decode_cursor(%L, %L)', bad.cursor, 'feed'), 'invalid_cursor', bad.why)
from (
  values
    ('', 'empty'),
    ('nonsense', 'not base64'),
    ('%%%%', 'characters that base64 has not'),
    ('/////w==', 'not UTF-8'),
    ('eyJxIjog', 'cut off'),
    (encode('null', 'base64'), 'JSON null'),
    (encode('[1, 2]', 'base64'), 'a JSON array'),
    (encode('{"q": "feed"}', 'base64'), 'without a position'),
    (encode('{"q": "feed", "p": 3}', 'base64'), 'with a position that is no object'),
    (encode('{"q": ["feed"], "p": {}}', 'base64'), 'with a query that is no name'),
    (repeat('A', 10000000), 'ten megabytes')
) as bad (cursor, why);

select * from finish();
