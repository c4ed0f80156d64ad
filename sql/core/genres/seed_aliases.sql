-- Other spellings and names of one genre; keys as normalize_genre_key gives them, so case, dashes
-- and underscores need no row. Only what is the same genre to a listener, never a narrower one.
with spelling (genre_key, alias_keys) as (
  values
    ('african', array['african music']),
    ('alternative country', array['alt country', 'altcountry']),
    ('alternative hip hop', array['alternative hiphop', 'alternative rap']),
    ('alternative rock', array['alt rock', 'alternative']),
    ('avant garde', array['avantgarde']),
    ('bebop', array['be bop', 'bop']),
    ('bossa nova', array['bossanova']),
    ('britpop', array['brit pop']),
    ('celtic', array['celtic music']),
    ('chillout', array['chill out']),
    ('chiptune', array['8 bit', '8bit', 'chip tune']),
    ('classical', array['clasica', 'classical music', 'klassik']),
    ('contemporary r&b', array['contemporary r and b', 'contemporary rnb']),
    ('country', array['country music']),
    ('dance', array['dance music', 'edm', 'electronic dance music']),
    ('dark wave', array['darkwave']),
    ('death metal', array['deathmetal']),
    ('downtempo', array['down tempo']),
    ('dream pop', array['dreampop']),
    ('drum and bass', array[
      'd&b', 'd''n''b', 'dnb', 'drum & bass', 'drum ''n'' bass', 'drum n bass',
      'drum''n''bass'
    ]),
    ('dub', array['dub music']),
    ('dubstep', array['dub step']),
    ('east coast hip hop', array['east coast rap']),
    ('electronic', array['electronic music', 'eletronic']),
    ('electropop', array['electro pop', 'eletropop']),
    ('experimental', array['experimental music']),
    ('folk', array['folk music']),
    ('folk rock', array['folkrock']),
    ('funk', array['funk music']),
    ('glam metal', array['hair metal']),
    ('goa trance', array['goa']),
    ('gospel', array['gospel music']),
    ('gothic rock', array['goth rock']),
    ('hip hop', array[
      'hip hop & rap', 'hip hop and rap', 'hip hop music', 'hip hop/rap', 'hiphop', 'rap',
      'rap & hip hop', 'rap/hip hop'
    ]),
    ('house', array['house music']),
    ('idm', array['intelligent dance music']),
    ('indie pop', array['indiepop']),
    ('indie rock', array['indierock']),
    ('j pop', array['japanese pop', 'jpop']),
    ('j rock', array['japanese rock', 'jrock']),
    ('jam band', array['jam bands', 'jamband', 'jambands']),
    ('jazz', array['jazz music']),
    ('k pop', array['korean pop', 'kpop']),
    ('latin', array['latin music', 'latino']),
    ('metal', array['metal music']),
    ('metalcore', array['metal core']),
    ('mpb', array['musica popular brasileira', 'música popular brasileira']),
    ('neo soul', array['neosoul']),
    ('nu metal', array['numetal', 'nü metal']),
    ('opera', array['opera music']),
    ('orchestral', array['orchestra', 'orchestral music', 'symphonic']),
    ('pop', array['pop music']),
    ('pop punk', array['poppunk', 'punk pop']),
    ('pop rock', array['pop/rock', 'poprock', 'rock pop', 'rock/pop']),
    ('post punk', array['postpunk']),
    ('post rock', array['postrock']),
    ('power pop', array['powerpop']),
    ('progressive metal', array['prog metal']),
    ('progressive rock', array['prog', 'prog rock']),
    ('psytrance', array['psy trance', 'psychedelic trance']),
    ('punk rock', array['punk']),
    ('r&b', array[
      'r and b', 'r n b', 'r&b/soul', 'r''n''b', 'rhythm & blues', 'rhythm and blues', 'rnb'
    ]),
    ('reggae', array['reggae music']),
    ('reggaeton', array['reggaetón']),
    ('rock', array['rock music']),
    ('rock and roll', array[
      'rock & roll', 'rock ''n'' roll', 'rock n roll', 'rock''n''roll', 'rocknroll'
    ]),
    ('rock en español', array['rock en espanol', 'rock latino']),
    ('shoegaze', array['shoegazer', 'shoegazing']),
    ('singer songwriter', array[
      'singer songwriters', 'singer/songwriter', 'singersongwriter', 'songwriter',
      'songwriters'
    ]),
    ('sludge metal', array['sludge']),
    ('soul', array['soul music']),
    ('soundtrack', array[
      'film music', 'film score', 'film scores', 'film soundtrack', 'movie soundtrack',
      'original soundtrack', 'ost', 'score', 'soundtracks'
    ]),
    ('southern hip hop', array['dirty south', 'southern rap']),
    ('synth pop', array['synthpop']),
    ('techno', array['techno music']),
    ('thrash metal', array['thrash', 'trash metal']),
    ('trance', array['trance music']),
    ('trip hop', array['triphop']),
    ('twee pop', array['twee']),
    ('west coast hip hop', array['west coast rap']),
    ('world', array['world music', 'worldmusic'])
)

insert into medley.genre_aliases (alias_key, genre_key)
select
  a.alias_key,
  s.genre_key
from spelling as s
cross join lateral unnest(s.alias_keys) as a (alias_key)
on conflict do nothing;
