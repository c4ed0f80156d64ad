-- Case, runs of space, dashes, underscores, control and invisible characters make no difference to a genre's key.
select plan(20);

select is(normalize_genre_key(raw), 'hip hop', format('%L is hip hop', raw))
from unnest(array[
  'hip hop', 'Hip Hop', 'HIP-HOP', 'hip_hop', '  hip   hop ', 'hip--_ -hop', E'hip\t\nhop', E'hip\x01hop',
  E'hip\u00A0hop', E'hip\u2013hop', E'hip\u200Bhop', E'\uFEFFhip hop', 'ｈｉｐ ｈｏｐ'
]) as raw;

select is(normalize_genre_key(null), null, 'null gives null');
select is(normalize_genre_key(''), '', 'nothing gives nothing');
select is(normalize_genre_key(E' -_\t\u2014'), '', 'dashes and spaces alone give nothing');
select is(normalize_genre_key('R&B'), 'r&b', 'signs stay');
select is(normalize_genre_key('Хип-Хоп'), 'хип хоп', 'other scripts have cases too');
select is(normalize_genre_key(E'espan\u0303ol'), normalize_genre_key(E'espa\u00F1ol'), 'composed equals decomposed');
select volatility_is('public', 'normalize_genre_key', array['text'], 'immutable', 'an index may use it');

select * from finish();
