-- A slug fits into an address and a path: no spaces, no dots; letters of every script stay.
select plan(13);

select is(medley.genre_slug(key), slug, format('%L', key))
from (
  values
    ('hip hop', 'hip-hop'),
    ('r&b', 'r-and-b'),
    ('a+b', 'a-plus-b'),
    ('lo.fi', 'lo-fi'),
    ('80''s', '80s'),
    ('rock en español', 'rock-en-espanol'),
    ('хип хоп', 'хип-хоп'),
    ('йога', 'йога'),
    ('हिन्दी पॉप', 'हिन्दी-पॉप'),
    ('日本 ロック', '日本-ロック'),
    ('(pop)', 'pop')
) as example (key, slug);

select matches(medley.genre_slug('!!!'), '^genre-[0-9a-f]{10}$', 'a key without letters gets a slug by digest');
select cmp_ok(length(medley.genre_slug(repeat('&', 100))), '<=', 100, 'a slug stays short whatever the key');

select * from finish();
