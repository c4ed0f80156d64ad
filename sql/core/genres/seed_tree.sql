-- Curated genre data: the umbrellas that an app shows as its top filters, and the genres right below them.
-- Written by hand; edit the rows and keep each group sorted. The owner of a database may change them there too:
-- nothing here overwrites a row that exists. Read by the taxonomy pipeline, which never moves a curated genre and hangs
-- the long tail below. seed_aliases.sql and seed_exclude.sql hold other spellings, and tags that are not genres.

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
