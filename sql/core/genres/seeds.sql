-- Curated genre data: the umbrellas that an app shows as its top filters, the genres right below
-- them, other spellings of the same genre, and tags that are not genres.
-- Written by hand; edit the rows and keep each group sorted. The owner of a database may change
-- them there too: nothing here overwrites a row that exists.
-- Read by the taxonomy pipeline, which never moves a curated genre and hangs the long tail below.

-- Umbrellas: path_slug depth 0.
with umbrella (name) as (
  values
    ('Blues'),
    ('Classical'),
    ('Country'),
    ('Electronic'),
    ('Experimental'),
    ('Folk'),
    ('Hip Hop'),
    ('Jazz'),
    ('Latin'),
    ('Metal'),
    ('Pop'),
    ('R&B'),
    ('Reggae'),
    ('Rock'),
    ('World')
)

insert into public.genre_taxonomy_roots (genre_id)
select medley.upsert_genre(u.name) as genre_id
from umbrella as u
on conflict do nothing;

-- Mid-level genres, grouped by main umbrella. A genre has one parent at 1.0, where most listeners
-- would look for it; further parents are below 1.0: 0.8 shares the parent's sound, 0.6 often
-- filed there, 0.4 a root of the style more than its home. The source of a row is 'curated' by default.
with seed (child, parent, confidence) as (
  values
    -- blues
    ('Blues Rock', 'Blues', 1.0),
    ('Blues Rock', 'Rock', 0.8),
    ('Delta Blues', 'Blues', 1.0),
    ('Electric Blues', 'Blues', 1.0),
    -- classical
    ('Baroque', 'Classical', 1.0),
    ('Contemporary Classical', 'Classical', 1.0),
    ('Contemporary Classical', 'Experimental', 0.4),
    ('Opera', 'Classical', 1.0),
    ('Orchestral', 'Classical', 1.0),
    ('Soundtrack', 'Classical', 1.0),
    ('Soundtrack', 'Pop', 0.4),
    -- country
    ('Alternative Country', 'Country', 1.0),
    ('Alternative Country', 'Rock', 0.6),
    ('Americana', 'Country', 1.0),
    ('Americana', 'Folk', 0.8),
    ('Bluegrass', 'Country', 1.0),
    ('Bluegrass', 'Folk', 0.8),
    -- electronic
    ('Ambient', 'Electronic', 1.0),
    ('Ambient', 'Experimental', 0.6),
    ('Chillout', 'Electronic', 1.0),
    ('Dance', 'Electronic', 1.0),
    ('Dance', 'Pop', 0.6),
    ('Disco', 'Electronic', 1.0),
    ('Disco', 'Pop', 0.6),
    ('Disco', 'R&B', 0.6),
    ('Downtempo', 'Electronic', 1.0),
    ('Drum and Bass', 'Electronic', 1.0),
    ('Dubstep', 'Electronic', 1.0),
    ('Electro', 'Electronic', 1.0),
    ('Electronica', 'Electronic', 1.0),
    ('House', 'Dance', 0.6),
    ('House', 'Electronic', 1.0),
    ('IDM', 'Electronic', 1.0),
    ('IDM', 'Experimental', 0.6),
    ('Industrial', 'Electronic', 1.0),
    ('Industrial', 'Experimental', 0.6),
    ('Techno', 'Electronic', 1.0),
    ('Trance', 'Dance', 0.6),
    ('Trance', 'Electronic', 1.0),
    ('Trip Hop', 'Downtempo', 0.8),
    ('Trip Hop', 'Electronic', 1.0),
    ('Trip Hop', 'Hip Hop', 0.4),
    -- experimental
    ('Avant-Garde', 'Experimental', 1.0),
    ('Noise', 'Experimental', 1.0),
    -- folk
    ('Celtic', 'Folk', 1.0),
    ('Celtic', 'World', 0.6),
    ('Indie Folk', 'Folk', 1.0),
    ('Indie Folk', 'Indie', 0.8),
    ('Singer-Songwriter', 'Folk', 1.0),
    ('Singer-Songwriter', 'Pop', 0.6),
    -- hip hop
    ('Alternative Hip Hop', 'Hip Hop', 1.0),
    ('East Coast Hip Hop', 'Hip Hop', 1.0),
    ('Southern Hip Hop', 'Hip Hop', 1.0),
    ('Trap', 'Electronic', 0.4),
    ('Trap', 'Hip Hop', 0.6),
    ('Trap', 'Southern Hip Hop', 1.0),
    ('West Coast Hip Hop', 'Hip Hop', 1.0),
    -- jazz
    ('Bebop', 'Jazz', 1.0),
    ('Free Jazz', 'Experimental', 0.6),
    ('Free Jazz', 'Jazz', 1.0),
    ('Jazz Fusion', 'Jazz', 1.0),
    ('Jazz Fusion', 'Rock', 0.4),
    ('Smooth Jazz', 'Jazz', 1.0),
    ('Swing', 'Jazz', 1.0),
    -- latin
    ('Bossa Nova', 'Jazz', 0.6),
    ('Bossa Nova', 'Latin', 1.0),
    ('Cumbia', 'Latin', 1.0),
    ('Latin Pop', 'Latin', 1.0),
    ('Latin Pop', 'Pop', 0.8),
    ('MPB', 'Latin', 1.0),
    ('Reggaeton', 'Hip Hop', 0.6),
    ('Reggaeton', 'Latin', 1.0),
    ('Reggaeton', 'Reggae', 0.4),
    ('Rock en Español', 'Latin', 1.0),
    ('Rock en Español', 'Rock', 0.8),
    ('Salsa', 'Latin', 1.0),
    ('Samba', 'Latin', 1.0),
    -- metal
    ('Black Metal', 'Metal', 1.0),
    ('Death Metal', 'Metal', 1.0),
    ('Doom Metal', 'Metal', 1.0),
    ('Folk Metal', 'Folk', 0.4),
    ('Folk Metal', 'Metal', 1.0),
    ('Heavy Metal', 'Metal', 1.0),
    ('Heavy Metal', 'Rock', 0.6),
    ('Metalcore', 'Hardcore Punk', 0.6),
    ('Metalcore', 'Metal', 1.0),
    ('Nu Metal', 'Alternative Rock', 0.6),
    ('Nu Metal', 'Metal', 1.0),
    ('Power Metal', 'Metal', 1.0),
    ('Progressive Metal', 'Metal', 1.0),
    ('Progressive Metal', 'Progressive Rock', 0.6),
    ('Symphonic Metal', 'Metal', 1.0),
    ('Thrash Metal', 'Metal', 1.0),
    -- pop
    ('Dance-Pop', 'Dance', 0.8),
    ('Dance-Pop', 'Pop', 1.0),
    ('Dream Pop', 'Alternative Rock', 0.8),
    ('Dream Pop', 'Pop', 1.0),
    ('Electropop', 'Electronic', 0.8),
    ('Electropop', 'Pop', 1.0),
    ('Indie Pop', 'Indie', 0.8),
    ('Indie Pop', 'Pop', 1.0),
    ('J-Pop', 'Pop', 1.0),
    ('K-Pop', 'Pop', 1.0),
    ('Synth-Pop', 'Electronic', 0.8),
    ('Synth-Pop', 'New Wave', 0.6),
    ('Synth-Pop', 'Pop', 1.0),
    -- r&b
    ('Contemporary R&B', 'Pop', 0.6),
    ('Contemporary R&B', 'R&B', 1.0),
    ('Funk', 'R&B', 1.0),
    ('Gospel', 'R&B', 1.0),
    ('Neo-Soul', 'Soul', 1.0),
    ('Soul', 'R&B', 1.0),
    -- reggae
    ('Dancehall', 'Reggae', 1.0),
    ('Dub', 'Electronic', 0.6),
    ('Dub', 'Reggae', 1.0),
    ('Roots Reggae', 'Reggae', 1.0),
    ('Ska', 'Reggae', 1.0),
    -- rock
    ('Alternative Rock', 'Rock', 1.0),
    ('Classic Rock', 'Rock', 1.0),
    ('Emo', 'Alternative Rock', 0.6),
    ('Emo', 'Punk Rock', 1.0),
    ('Folk Rock', 'Folk', 0.8),
    ('Folk Rock', 'Rock', 1.0),
    ('Grunge', 'Alternative Rock', 1.0),
    ('Hard Rock', 'Metal', 0.4),
    ('Hard Rock', 'Rock', 1.0),
    ('Hardcore Punk', 'Punk Rock', 1.0),
    ('Indie', 'Pop', 0.6),
    ('Indie', 'Rock', 1.0),
    ('Indie Rock', 'Alternative Rock', 1.0),
    ('Indie Rock', 'Indie', 0.8),
    ('Jam Band', 'Rock', 1.0),
    ('New Wave', 'Pop', 0.6),
    ('New Wave', 'Rock', 1.0),
    ('Pop Punk', 'Punk Rock', 1.0),
    ('Pop Rock', 'Pop', 0.8),
    ('Pop Rock', 'Rock', 1.0),
    ('Post-Punk', 'Punk Rock', 0.6),
    ('Post-Punk', 'Rock', 1.0),
    ('Post-Rock', 'Alternative Rock', 0.6),
    ('Post-Rock', 'Experimental', 0.4),
    ('Post-Rock', 'Rock', 1.0),
    ('Progressive Rock', 'Rock', 1.0),
    ('Psychedelic Rock', 'Rock', 1.0),
    ('Punk Rock', 'Rock', 1.0),
    ('Rock and Roll', 'Rock', 1.0),
    ('Shoegaze', 'Alternative Rock', 1.0),
    -- world
    ('African', 'World', 1.0),
    ('Afrobeat', 'African', 1.0),
    ('Afrobeat', 'Funk', 0.4),
    ('Flamenco', 'Latin', 0.4),
    ('Flamenco', 'World', 1.0),
    ('Indian Classical', 'Classical', 0.4),
    ('Indian Classical', 'World', 1.0)
)

insert into public.genre_parent (child_id, parent_id, confidence)
select
  medley.upsert_genre(s.child) as child_id,
  medley.upsert_genre(s.parent) as parent_id,
  s.confidence
from seed as s
on conflict do nothing;

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

-- Drop list: what people write into tags that is no genre. Keys as normalize_genre_key gives them.
-- Words that are also a style stay out of it ("chillout", "celtic", "latin", "african", "new age").
with dropped (reason, normalized_keys) as (
  values
    ('collection', array[
      'albums i own', 'all time faves', 'artists', 'band', 'bands', 'best bands', 'best of',
      'best song ever', 'best songs ever', 'buy this', 'check', 'check out', 'fav',
      'fav artists', 'fav songs', 'fav tracks', 'fave', 'faves', 'favorite',
      'favorite albums', 'favorite artist', 'favorite artists', 'favorite band',
      'favorite bands', 'favorite music', 'favorite song', 'favorite songs',
      'favorite tracks', 'favorites', 'favourite', 'favourite albums', 'favourite artist',
      'favourite artists', 'favourite band', 'favourite bands', 'favourite music',
      'favourite song', 'favourite songs', 'favourite tracks', 'favourites', 'favs',
      'for work', 'good bands', 'guilty pleasure', 'guilty pleasures', 'i like', 'i love',
      'i love this song', 'love at first listen', 'love it', 'loved', 'loved tracks',
      'my fav songs', 'my favorite', 'my favorites', 'my favourite', 'my favourites',
      'my music', 'my playlist', 'new', 'new discovery', 'playlist', 'recommended',
      'songs i love', 'tags', 'to listen', 'under 2000 listeners', 'unknown', 'wish list',
      'wishlist'
    ]),
    ('era', array[
      'eighties', 'fifties', 'nineties', 'old', 'old school', 'oldies', 'retro',
      'seventies', 'sixties', 'vintage'
    ]),
    ('format', array[
      'album', 'albums', 'b side', 'b sides', 'charts', 'cover', 'cover songs', 'covers',
      'demo', 'duet', 'duets', 'great covers', 'hit', 'hits', 'mix', 'mixtape', 'music',
      'originals', 'radio', 'remix', 'remixes', 'single', 'singles', 'song', 'top',
      'top 100', 'top 20', 'top 40', 'top100', 'various artists', 'vinyl'
    ]),
    ('instrument', array[
      'acoustic', 'acoustic guitar', 'bass', 'cello', 'drums', 'guitar', 'guitar solo',
      'guitar virtuoso', 'hand claps', 'handclaps', 'harmonica', 'instrumental',
      'percussion', 'piano', 'saxophone', 'strings', 'synth', 'trumpet', 'violin'
    ]),
    ('judgement', array[
      '<3', 'addictive', 'amazing', 'amazing voice', 'awesome', 'bad', 'beautiful', 'best',
      'boring', 'breathtaking', 'brilliant', 'catchy', 'classic', 'cool', 'crap', 'crazy',
      'cute', 'dope', 'excellent', 'fantastic', 'fucking amazing', 'fucking awesome',
      'genius', 'good', 'good music', 'good stuff', 'great', 'great lyrics', 'great song',
      'great songs', 'great voice', 'hot', 'interesting', 'kick ass', 'kickass', 'legend',
      'legendary', 'legends', 'lol', 'lovely', 'masterpiece', 'nice', 'overrated',
      'perfect', 'perfection', 'popular', 'pretty', 'sick', 'special', 'sucks', 'superb',
      'talented', 'the best', 'underrated', 'weird', 'wtf'
    ]),
    ('live', array[
      'concert', 'concerts', 'festival', 'i saw them live', 'live', 'live music',
      'seen in concert', 'seen live', 'want to see live', 'watched live'
    ]),
    ('media', array[
      'american idol', 'anime', 'cartoon', 'disney', 'eurovision', 'games', 'glee',
      'james bond', 'last.fm', 'lastfm', 'movies', 'soundcloud', 'spotify', 'tv',
      'twilight', 'youtube'
    ]),
    ('mood', array[
      'aggressive', 'angry', 'atmospheric', 'bittersweet', 'bliss', 'bouncy', 'calm',
      'calming', 'chill', 'danceable', 'dark', 'deep', 'depressing', 'dream', 'dreamy',
      'eclectic', 'emotional', 'energetic', 'epic', 'erotic', 'ethereal', 'feel good',
      'feelgood', 'fun', 'funny', 'groovy', 'happy', 'hard', 'haunting', 'heavy',
      'hypnotic', 'inspirational', 'intense', 'let''s dance', 'love', 'love song',
      'love songs', 'makes me cry', 'makes me wanna dance', 'melancholic', 'melancholy',
      'mellow', 'melodic', 'miserable', 'nostalgia', 'nostalgic', 'obscure', 'peaceful',
      'poignant', 'powerful', 'quirky', 'raw', 'relax', 'relaxed', 'relaxing', 'romance',
      'romantic', 'sad', 'sad songs', 'sensual', 'sex', 'sexy', 'slow', 'smooth', 'soft',
      'spiritual', 'sweet', 'upbeat', 'uplifting', 'witty'
    ]),
    ('nationality', array[
      'american', 'american artists', 'arabic', 'argentinian', 'asian', 'aussie',
      'australian', 'austrian', 'belgian', 'brazilian', 'brazilian music', 'british',
      'british artists', 'canadian', 'chilean', 'chinese', 'colombian', 'croatian', 'cuban',
      'czech', 'danish', 'deutsch', 'dutch', 'english', 'european', 'finnish', 'french',
      'german', 'greek', 'hebrew', 'hindi', 'hungarian', 'icelandic', 'indian',
      'indonesian', 'iranian', 'irish', 'israeli', 'italian', 'jamaican', 'japanese',
      'japanese music', 'korean', 'mexican', 'nigerian', 'nordic', 'norwegian', 'persian',
      'polish', 'portuguese', 'romanian', 'russian', 'scandinavian', 'scottish', 'serbian',
      'south african', 'spanish', 'swedish', 'swiss', 'taiwanese', 'thai', 'turkish',
      'ukrainian', 'venezuelan', 'welsh'
    ]),
    ('occasion', array[
      'autumn', 'childhood', 'christmas', 'drinking', 'drive', 'driving', 'driving music',
      'friends', 'halloween', 'holiday', 'memories', 'morning', 'night', 'party', 'rain',
      'rainy day', 'road trip', 'sleep', 'spring', 'study', 'summer', 'summer song',
      'summer time', 'travel', 'wake up', 'winter', 'workout', 'xmas'
    ]),
    ('place', array[
      'africa', 'argentina', 'australia', 'austria', 'belgium', 'berlin', 'brasil',
      'brazil', 'california', 'canada', 'chicago', 'chile', 'china', 'cuba', 'denmark',
      'detroit', 'deutschland', 'england', 'europe', 'finland', 'france', 'germany',
      'greece', 'iceland', 'india', 'ireland', 'israel', 'italy', 'jamaica', 'japan',
      'korea', 'liverpool', 'london', 'los angeles', 'manchester', 'mexico', 'nashville',
      'netherlands', 'new jersey', 'new york', 'new york city', 'new zealand', 'norway',
      'nyc', 'paris', 'poland', 'portugal', 'russia', 'scandinavia', 'scotland', 'seattle',
      'south africa', 'spain', 'sweden', 'switzerland', 'texas', 'turkey', 'uk',
      'united kingdom', 'united states', 'us', 'usa', 'wales'
    ]),
    ('theme', array[
      'animals', 'cars', 'crime', 'drugs', 'gay', 'girl power', 'independent', 'jesus',
      'not emo', 'poetry', 'political', 'politics', 'queer', 'religion', 'religious',
      'straight edge', 'underground', 'women'
    ]),
    ('voice', array[
      'boyband', 'boybands', 'composer', 'composers', 'diva', 'divas', 'female',
      'female artist', 'female artists', 'female singer', 'female singers', 'female vocal',
      'female vocalist', 'female vocalists', 'female vocals', 'female voice',
      'female voices', 'harmonies', 'idol', 'male', 'male artist', 'male singer',
      'male vocalist', 'male vocalists', 'male vocals', 'male voice', 'sing along',
      'singalong', 'singer', 'vocal', 'vocalist', 'vocalists', 'vocals', 'voice'
    ])
)

insert into public.genre_taxonomy_exclude (normalized_key, reason)
select
  k.normalized_key,
  d.reason
from dropped as d
cross join lateral unnest(d.normalized_keys) as k (normalized_key)
on conflict do nothing;

-- Decades as people write them: 1980s, 1980's, 80s, 80's.
insert into public.genre_taxonomy_exclude (normalized_key, reason)
select
  p.prefix || s.suffix as normalized_key,
  'decade' as reason
from generate_series(1920, 2020, 10) as d (decade)
cross join lateral (values (d.decade::text), (right(d.decade::text, 2))) as p (prefix)
cross join (values ('s'), ('''s')) as s (suffix)
on conflict do nothing;

-- Years, alone and as in "1981 songs".
insert into public.genre_taxonomy_exclude (normalized_key, reason)
select
  y.year::text || s.suffix as normalized_key,
  'year' as reason
from generate_series(1940, 2035) as y (year)
cross join (values (''), (' songs')) as s (suffix)
on conflict do nothing;
