-- extract_hashtags: letters and digits after a sign that stands alone.
select plan(15);

select is(medley.extract_hashtags(t.content), t.tags::text[], coalesce(t.claim, t.content))
from (
  values
    ('#One and #two', '{one,two}', 'in the order of the text, in lower case'),
    ('#b #a #B', '{b,a}', 'each once'),
    ('(#one),#two.#three', '{one,two,three}', 'signs end them'),
    ('a#b c&#39; http://x/#frag ##x', '{}', 'a word, an entity, an address or another sign before it is none'),
    ('#2024 #1', '{}', 'nor are digits alone'),
    ('#2024goals #_x', '{2024goals,_x}', 'with letters they are'),
    ('#Ünïcode #日本語 #привет', '{ünïcode,日本語,привет}', 'in any script'),
    ('#हिन्दी #ภาษาไทย #كِتَاب #café। #कि।', '{हिन्दी,ภาษาไทย,كِتَاب,café,कि}', 'with the signs that belong to its letters'),
    ('#', '{}', 'a sign alone is none'),
    ('', '{}', 'nothing has none'),
    ('#a' || E'\n' || '#b', '{a,b}', 'lines count as spaces'),
    ('#' || repeat('x', 100), '{' || repeat('x', 100) || '}', 'up to a hundred letters'),
    ('#' || repeat('x', 101), '{}', 'and no more')
) as t (content, tags, claim);
select is(cardinality(medley.extract_hashtags((select string_agg('#t' || n, ' ') from generate_series(1, 1000) as n))), 30, 'thirty at most');
select is((medley.extract_hashtags((select string_agg('#t' || n, ' ' order by n) from generate_series(1, 1000) as n)))[30], 't30', 'the first ones');

select * from finish();
