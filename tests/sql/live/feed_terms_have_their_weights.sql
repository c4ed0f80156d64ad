-- Each term of the feed gives its documented points, no more than its cap, and nothing where it does not apply.
select plan(44);

select make_small_taxonomy();
select make_member(name), prefer(name) from unnest(array['ada', 'bob', 'cy', 'dee', 'eve', 'fay', 'gus']) as m (name);
select make_venue('Here', 0, 0, 'A'), make_venue('Elsewhere', 0, 0, 'B'), make_venue('Nowhere');

-- Artists.
select make_artist(name) from unnest(array['Head', 'Support', 'Other']) as a (name);
select make_event('headlined', p_headliner => 'Head'), make_event('supported'), make_event('both', p_headliner => 'Head');
select plays('Support', 'supported'), plays('Head', 'both'), plays('Other', 'headlined');
select follow_item('ada', artist('Head')), follow_item('ada', artist('Support'));
select is(term('ada', 'headlined', 'artist_follow'), 30.0, 'a followed headliner');
select is(term('ada', 'supported', 'artist_follow'), 30.0, 'a followed artist further down the bill');
select is(term('ada', 'both', 'artist_follow'), 30.0, 'counts once, however often on the bill');
select follow_item('bob', artist('Other')), follow_item('bob', venue('Here'));
select is(term('bob', 'supported', 'artist_follow'), null, 'nothing without');
select is(
  (select reasons[1] from feed('ada') where title = 'headlined'), 'You follow Head', 'in words'
);

-- Friends.
select befriend(member('ada'), member(name)) from unnest(array['bob', 'cy', 'dee', 'eve', 'fay']) as m (name);
select follow(member('ada'), member('gus'));
select make_event('one friend'), make_event('a crowd'), make_event('no friend'), make_event('mine');
select rsvp('bob', 'one friend', 'maybe'), rsvp('gus', 'one friend'), rsvp('gus', 'no friend'), rsvp('ada', 'mine');
select rsvp(name, 'a crowd') from unnest(array['bob', 'cy', 'dee', 'eve', 'fay']) as m (name);
select is(term('ada', 'one friend', 'friend_interest'), 5.0, 'a friend who may go');
select is(term('ada', 'a crowd', 'friend_interest'), 20.0, 'five friends reach the cap');
select is(term('ada', 'no friend', 'friend_interest'), null, 'a follow that nobody returned is no friendship');
select is(term('ada', 'mine', 'friend_interest'), null, 'nor is one a friend of oneself');
select ok(
  (select '1 friend is interested' = any(reasons) from feed('ada') where title = 'one friend')
  and (select '5 friends are interested' = any(reasons) from feed('ada') where title = 'a crowd'),
  'in words'
);
select mute(member('ada'), member('cy'));
delete from public.event_rsvps where user_id = member('dee');
select is(term('ada', 'a crowd', 'friend_interest'), 15.0, 'a muted friend does not count');
select block(member('bob'), member('ada'));
select is(term('ada', 'one friend', 'friend_interest'), null, 'a block ends it');

-- Genres and umbrellas.
select prefer('cy', array['Indie-Rock', 'GRUNGE', ' shoe gaze ', 'shoegaze', 'unheard of']);
select make_event('indie', p_genres => array['indie rock']), make_event('two', p_genres => array['grunge', 'indie_rock']);
select make_event('three', p_genres => array['grunge', 'indie_rock', 'shoegaze']);
select make_event('rock', p_genres => array['rock']), make_event('jazz', p_genres => array['bebop', 'polka']);
select is(term('cy', 'indie', 'genre_preference'), 8.0, 'a genre that the member named in another spelling');
select is(term('cy', 'two', 'genre_preference'), 16.0, 'two');
select is(term('cy', 'three', 'genre_preference'), 16.0, 'three reach the cap');
select is(term('cy', 'rock', 'genre_preference'), null, 'none');
select is(term('cy', 'indie', 'umbrella_genre'), 15.0, 'the umbrella of a genre that was named');
select is(term('cy', 'rock', 'umbrella_genre'), 15.0, 'or of one that was not');
select is(term('cy', 'jazz', 'umbrella_genre'), null, 'another umbrella');
select is(term('ada', 'indie', 'umbrella_genre'), null, 'and none for who named nothing');
select ok(
  (select reasons @> array['You like indie rock', 'Close to your genres: rock'] from feed('cy') where title = 'indie'),
  'in words'
);

-- Clusters: what dee went to.
select make_event('been ' || n, -n, array['shoegaze'], 'Here') from generate_series(1, 11) as n;
select make_event('like it', 10, array['indie rock'], 'Here'), make_event('abroad', 10, array['indie rock'], 'Elsewhere');
select make_event('of no cluster', 10, array['polka'], 'Here'), make_event('without a venue', 10, array['indie rock']);
select is(term('dee', 'like it', 'cluster'), null, 'nobody''s history');
select rsvp('dee', 'been 1', 'maybe');
select is(term('dee', 'like it', 'cluster'), 1.0, 'half a point of affinity');
select rsvp('dee', 'been 2'), rsvp('dee', 'been 3');
select is(term('dee', 'like it', 'cluster'), 5.0, 'two and a half');
select is(term('dee', 'abroad', 'cluster'), null, 'in that country only');
select is(term('dee', 'of no cluster', 'cluster'), null, 'an event outside every cluster gets nothing, and not the cap');
select is(term('dee', 'without a venue', 'cluster'), null, 'nor does one of no known country');
select rsvp('dee', 'been ' || n) from generate_series(4, 10) as n;
select is(term('dee', 'like it', 'cluster'), 19.0, 'nine and a half points');
update public.event_rsvps set status = 'going' where user_id = member('dee');
select is(term('dee', 'like it', 'cluster'), 20.0, 'and the cap');
select ok((select 'Like events you went to' = any(reasons) from feed('dee') where title = 'like it'), 'in words');

-- The event itself.
select make_event('plain', 30), make_event('promoted', p_promoted => true), make_event('tickets', p_tickets => true);
select make_event('now', 0), make_event('far', 40000), make_event('in two months', 60);
select is(term('eve', 'promoted', 'promoted'), 5.0, 'promoted');
select is(term('eve', 'tickets', 'tickets'), 3.0, 'tickets');
select is(
  (select array_agg(term('eve', title, 'recency') order by n)
   from unnest(array['now', 'plain', 'in two months', 'far']) with ordinality as e (title, n)),
  array[10, 5, 2.5, null], 'recency halves every thirty days, down to nothing'
);
select is((select breakdown from feed('eve') where title = 'plain'), '{"recency": 5.0}', 'a term of 0 is left out');
select is((select score from feed('eve') where title = 'far'), 0.0, 'and the rest may be nothing at all');

-- Distance, over a radius of 100 km.
select prefer('fay', '{}', 0, 179.9, 100), prefer('gus', '{}', 90, 12, 100);
select make_venue('Home', 0, 179.9), make_venue('Half way', degrees(50 / 6371.0088), 179.9), make_venue('Beyond', 1, 179.9);
select make_venue('Across', 0, -179.9), make_venue('Pole', 90, -150), make_venue('Near the pole', 89.9, 100);
select make_event('at ' || name, 10, '{}', name)
from unnest(array['Home', 'Half way', 'Beyond', 'Across', 'Pole', 'Near the pole', 'Nowhere']) as v (name);
select is(
  (select array_agg(term('fay', 'at ' || name, 'distance') order by n)
   from unnest(array['Home', 'Half way', 'Beyond', 'Nowhere', 'Pole']) with ordinality as v (name, n)),
  array[15, 7.5, null, null, null], 'distance falls from home to the radius, and nothing comes from beyond or from nowhere'
);
select is(term('fay', 'at Across', 'distance'), 11.6641, 'across the antimeridian');
select is(term('gus', 'at Pole', 'distance'), 15.0, 'at the pole');
select is(term('gus', 'at Near the pole', 'distance'), 13.3321, 'and beside it, whatever the longitude');
select is(term('eve', 'at Home', 'distance'), null, 'without a home nothing is near');
select is(
  (select array[distance_km::text, reasons::text] from feed('fay') where title = 'at Half way'), array['50', '{"50 km from home"}'],
  'in words'
);
select is((select distance_km from feed('fay') where title = 'at Nowhere'), null, 'a distance that nobody knows');

-- All together.
select is_empty(
  $$ select m.name, f.title from unnest(array['ada', 'bob', 'cy', 'dee', 'eve', 'fay', 'gus']) as m (name)
     cross join lateral feed(m.name) as f
     where f.score <> (select coalesce(sum(b.value::numeric), 0) from jsonb_each_text(f.breakdown) as b)
       or exists (select from jsonb_each_text(f.breakdown) as b where b.value::numeric = 0)
       or array_position(f.reasons, null) is not null $$,
  'a breakdown sums to its score'
);
delete from medley.ranker_weights where ranker = 'event_feed';
select is(
  (select array_agg(distinct f.breakdown)::text from feed('ada') as f), '{"{}"}', 'without weights there are no terms, and all events'
);

select * from finish();
