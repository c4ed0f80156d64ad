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
