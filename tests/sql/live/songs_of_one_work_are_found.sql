-- Recordings of one work find each other by title and artist; titles that only look alike do not.
select plan(78);

create function tests.same_work(p_title text, p_other text) returns text language sql as $$
  select extensions.is(medley.work_key(p_title), medley.work_key(p_other), p_title || ' is ' || p_other)
$$;
create function tests.own_work(p_title text, p_other text) returns text language sql as $$
  select extensions.isnt(medley.work_key(p_title), medley.work_key(p_other), p_title || ' is not ' || p_other)
$$;

select same_work(t.title, t.work) from (
  values
    ('Hey Jude - Remastered 2015', 'Hey Jude'), ('Help! (Live at Shea) - 2009 Remaster', 'Help'), ('Alive - Live', 'Alive'),
    ('Live (Live)', 'Live'), ('Wonderwall (Demo)', 'Wonderwall'), ('Home (Demo Version)', 'Home'),
    ('Polly (Home Demo)', 'Polly'), ('Creep (Acoustic Version)', 'Creep'), ('Love Story (Taylor’s Version)', 'Love Story'),
    ('Crazy in Love (feat. JAY-Z)', 'Crazy In Love'), ('Umbrella ft. Jay-Z', 'Umbrella'), ('Airplanes (ft. Hayley)', 'Airplanes'),
    ('Disco 2000 (7" Mix)', 'Disco 2000'), ('1979 - Remastered', '1979'), ('Blue Monday - 1988', 'Blue Monday'),
    ('(I Can''t Get No) Satisfaction - Mono Version', '(I Cant Get No) Satisfaction'), ('Café del Mar - Live', 'Cafe Del Mar'),
    ('Another Brick in the Wall, Pt. 2 - 2011 Remaster', 'Another Brick In The Wall (Part 2)'),
    ('House of the Rising Sun - Live in Paris', 'House of the Rising Sun'), ('Rock and Roll - Live 1975', 'Rock & Roll'),
    ('Song 2 (Live / 1999)', 'Song 2'), ('Heroes (Single Version) [2017 Remaster]', '"Heroes"'), ('T.N.T. (Live)', 'TNT'),
    ('Don’t Stop', 'Dont Stop'), ('Layla (Unplugged)', 'Layla'), ('Hurt [Live]', 'Hurt'), ('Take Five (Take 2)', 'Take Five'),
    ('The Edit - Radio Edit', 'The Edit'), ('月光 (Live)', '月光'), ('Song (BBC Session)', 'Song'), ('HELLO', 'hello'),
    ('Sunday Bloody Sunday - Live From Red Rocks / 1983', 'Sunday Bloody Sunday'), ('Song – Live', 'Song'),
    ('Angie (Digital Remaster)', 'Angie'), ('Runaway (Extended Mix)', 'Runaway'), ('Ｈｅｌｌｏ', 'Hello')
) as t (title, work);

select own_work(t.title, t.other) from (
  values
    ('Live and Let Die', 'Let Die'), ('Live Forever', 'Forever'), ('Demolition Man', 'Man'), ('Remasters', ''), ('Live', ''),
    ('(Live)', ''), ('Demo', ''), ('Born to Live', 'Born to'), ('The Way We Live', 'The Way We'), ('Stuck (With You)', 'Stuck'),
    ('Amazing Feat of Strength', 'Amazing'), ('Version of Me', 'of Me'), ('Alone (Live On)', 'Alone'), ('Inversion', 'In'),
    ('Another Brick in the Wall (Part 1)', 'Another Brick in the Wall (Part 2)'), ('Disco 2000', 'Disco'), ('1979', ''),
    ('Song (Reprise)', 'Song'), ('Mr. Brightside - Jacques Lu Cont Remix', 'Mr. Brightside'), ('Live Wire', 'Wire'),
    ('Runaway (The Live One)', 'Runaway'), ('Demons', 'Demo'), ('Clean', ''), ('!!!', '???'), ('Take 5', 'Take')
) as t (title, other);

select is(medley.work_key('!!!'), '!!!', 'what has no word stays');
select ok(medley.work_key(repeat('(live) ', 2000)) is not null, 'a hostile title has a key');

-- The one that stands for the work.
select make_artist('Band'), make_artist('Other');
select make_song('Help! (Live)', 'Band', true, '1965-01-01'), make_song('Help! - Demo', 'Band', true, '1964-01-01');
create function tests.stands_for(p_title text) returns text language sql as $$
  select coalesce(c.title, 'itself') from public.songs as s left join public.songs as c on c.id = s.duplicate_of where s.title = p_title
$$;
select is(stands_for('Help! (Live)'), 'Help! - Demo', 'a demo before a live recording');
select ok(is_live and not is_demo, 'a title says live') from public.songs where title = 'Help! (Live)';
select ok(is_demo and not is_live, 'or demo') from public.songs where title = 'Help! - Demo';
select make_song('Help!', 'Band', true, '1966-01-01');
select is(stands_for('Help! (Live)') || ', ' || stands_for('Help! - Demo'), 'Help!, Help!', 'the studio recording before both');
select is(stands_for('Help!'), 'itself', 'which stands for itself');
select make_song('Help', 'Other');
select is(stands_for('Help'), 'itself', 'another artist''s song of that name is another work');
update public.songs set title = 'Ticket to Ride' where title = 'Help!';
select is(stands_for('Help! (Live)'), 'Help! - Demo', 'a new title is a new work');
update public.songs set title = 'Help!' where title = 'Ticket to Ride';
select is(stands_for('Help! (Live)'), 'Help!', 'and back');
delete from public.songs where title = 'Help!';
select is(stands_for('Help! (Live)'), 'Help! - Demo', 'what is deleted stands for nothing');
update public.artist_songs set artist_id = artist('Other') where song_id = song('Help! - Demo');
select is(stands_for('Help! - Demo'), 'Help', 'a song that moves to another artist joins its works');
select is(stands_for('Help! (Live)'), 'itself', 'and leaves the others');
delete from public.artist_songs where song_id in (song('Help! (Live)'), song('Help'));
select is((select artist_key from public.songs where title = 'Help! (Live)'), 'name:band', 'without a link the printed name counts');
insert into public.songs (title, artist) select 'Nine', 'Zed' from generate_series(1, 3);
select is((select count(*) from public.songs where title = 'Nine' and duplicate_of is not null), 2::bigint, 'one statement marks many');
select throws_ok($$ update public.songs set duplicate_of = id where title = 'Help' $$, '23514', null, 'nothing is its own duplicate');
select is((select count(*) from public.songs as s where exists (
  select from public.songs as d where d.id = s.duplicate_of and d.duplicate_of is not null
)), 0::bigint, 'no chains');

select * from finish();
