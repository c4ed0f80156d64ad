-- Songs and what is played where. A song row is one recording; recordings of the same work find each other by work_key.
--   songs, artist_songs     the catalogue, written with the secret key (or by loaders and imports)
--   setlists, setlist_songs what was played, what is predicted, and what members put together
--   setlist_votes           one vote a member a song of a setlist; every counter is kept by triggers (votes.sql)
create table public.songs (
  id uuid primary key default gen_random_uuid()
  references medley.items (id) on delete cascade deferrable initially deferred,
  spotify_id text unique check (length(spotify_id) between 1 and 255),
  title text not null check (length(title) between 1 and 500),
  artist text not null check (length(artist) between 1 and 255),
  album text check (length(album) <= 500),
  album_art_url text check (length(album_art_url) <= 2000),
  release_date date,
  duration_ms int check (duration_ms >= 0),
  popularity int not null default 0 check (popularity between 0 and 100),
  preview_url text check (length(preview_url) <= 2000),
  is_explicit boolean not null default false,
  is_playable boolean not null default true,
  is_live boolean not null default false,
  is_demo boolean not null default false,
  track_number int check (track_number >= 0),
  disc_number int not null default 1 check (disc_number >= 0),
  work_key text not null,
  artist_key text not null,
  duplicate_of uuid references public.songs (id) on delete set null,
  source text not null default 'app',
  external_id text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (source, external_id),
  constraint songs_not_own_duplicate check (duplicate_of <> id)
);
create index songs_title_idx on public.songs (title);
create index songs_artist_idx on public.songs (artist);
create index songs_popularity_idx on public.songs (popularity desc);
create index songs_work_idx on public.songs (artist_key, work_key);
create index songs_duplicate_idx on public.songs (duplicate_of) where duplicate_of is not null;

comment on table public.songs is 'Recordings of songs.';
comment on column public.songs.id is 'The song, an item of kind song.';
comment on column public.songs.spotify_id is 'The id at Spotify.';
comment on column public.songs.title is 'Title as released.';
comment on column public.songs.artist is 'Artist as printed; artist_songs has the artists of the catalogue.';
comment on column public.songs.album is 'Album that it came out on.';
comment on column public.songs.album_art_url is 'Address of the album''s picture.';
comment on column public.songs.release_date is 'When it came out.';
comment on column public.songs.duration_ms is 'Length in milliseconds.';
comment on column public.songs.popularity is 'How popular the source says it is, 0 to 100; the engine measures its own.';
comment on column public.songs.preview_url is 'Address of a sample.';
comment on column public.songs.is_explicit is 'Whether the source marks it as explicit.';
comment on column public.songs.is_playable is 'Whether it can be played where the source was asked.';
comment on column public.songs.is_live is 'Whether it is a live recording; also set where the title says so.';
comment on column public.songs.is_demo is 'Whether it is a demo; also set where the title says so.';
comment on column public.songs.track_number is 'Number on the disc.';
comment on column public.songs.disc_number is 'Number of the disc.';
comment on column public.songs.work_key is 'What the title says without what says which recording it is; see medley.work_key. Kept by trigger.';
comment on column public.songs.artist_key is
  'Whose work it is: the id of the primary artist, or "name:" and the printed artist where none is linked. Kept by trigger.';
comment on column public.songs.duplicate_of is
  'The song that stands for this work of this artist; null for that one itself. Kept by trigger.';
comment on column public.songs.source is 'Where the row came from.';
comment on column public.songs.external_id is 'The id in that source.';
comment on column public.songs.created_at is 'When the row was made.';
comment on column public.songs.updated_at is 'When the row last changed.';

create table public.artist_songs (
  id uuid primary key default gen_random_uuid(),
  artist_id uuid not null references public.artists (id) on delete cascade,
  song_id uuid not null references public.songs (id) on delete cascade,
  is_primary_artist boolean not null default true,
  created_at timestamptz not null default now(),
  unique (artist_id, song_id)
);
create index artist_songs_song_idx on public.artist_songs (song_id);

comment on table public.artist_songs is
  'Who plays which songs: a song of one''s own (is_primary_artist), a guest part, or a cover that one plays.';
comment on column public.artist_songs.id is 'The link.';
comment on column public.artist_songs.artist_id is 'The artist.';
comment on column public.artist_songs.song_id is 'The song.';
comment on column public.artist_songs.is_primary_artist is
  'Whether the song is the artist''s own; of several such artists the one linked first counts.';
comment on column public.artist_songs.created_at is 'When the row was made.';

create table public.setlists (
  id uuid primary key default gen_random_uuid(),
  event_id uuid references public.events (id) on delete cascade,
  artist_id uuid not null references public.artists (id) on delete cascade,
  type text not null default 'predicted' check (type in ('predicted', 'actual', 'user_created')),
  name text not null check (length(btrim(name)) between 1 and 255),
  order_index int not null default 0,
  is_locked boolean not null default false,
  total_votes int not null default 0 check (total_votes >= 0),
  created_by uuid references auth.users (id) on delete cascade,
  setlistfm_id text unique check (length(setlistfm_id) between 1 and 255),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint setlists_members_create_their_own check (type <> 'user_created' or created_by is not null)
) with (fillfactor = 80);
create index setlists_event_idx on public.setlists (event_id, order_index);
create index setlists_artist_idx on public.setlists (artist_id, type);
create index setlists_created_by_idx on public.setlists (created_by) where created_by is not null;
create unique index setlists_predicted_idx on public.setlists (event_id, artist_id) where type = 'predicted';

comment on table public.setlists is 'Lists of songs of a show: what was played, what is predicted, what members wish for.';
comment on column public.setlists.id is 'The setlist.';
comment on column public.setlists.event_id is 'The show.';
comment on column public.setlists.artist_id is 'Who plays.';
comment on column public.setlists.type is 'predicted (by the job predict_setlists; one a show and artist), actual, or user_created.';
comment on column public.setlists.name is 'Name of the list.';
comment on column public.setlists.order_index is 'Place among the lists of the show.';
comment on column public.setlists.is_locked is 'Whether votes, changes and new predictions are refused.';
comment on column public.setlists.total_votes is 'How many votes its songs have, up and down; kept by triggers.';
comment on column public.setlists.created_by is 'The member who made it; null for predicted and actual ones.';
comment on column public.setlists.setlistfm_id is 'The id at setlist.fm.';
comment on column public.setlists.created_at is 'When the row was made.';
comment on column public.setlists.updated_at is 'When the row last changed; votes do not count as a change.';

create table public.setlist_songs (
  id uuid primary key default gen_random_uuid(),
  setlist_id uuid not null references public.setlists (id) on delete cascade,
  song_id uuid not null references public.songs (id) on delete cascade,
  position int not null check (position >= 1),
  upvotes int not null default 0 check (upvotes >= 0),
  downvotes int not null default 0 check (downvotes >= 0),
  created_at timestamptz not null default now(),
  unique (setlist_id, song_id),
  unique (setlist_id, position) deferrable initially immediate
) with (fillfactor = 80);
create index setlist_songs_song_idx on public.setlist_songs (song_id);

comment on table public.setlist_songs is 'The songs of setlists, in order, with their votes.';
comment on column public.setlist_songs.id is 'The song on this setlist.';
comment on column public.setlist_songs.setlist_id is 'The setlist.';
comment on column public.setlist_songs.song_id is 'The song.';
comment on column public.setlist_songs.position is 'Place, from 1. Checked at the end of each statement, so that one may reorder all.';
comment on column public.setlist_songs.upvotes is 'Votes for it; kept by triggers.';
comment on column public.setlist_songs.downvotes is 'Votes against it; kept by triggers.';
comment on column public.setlist_songs.created_at is 'When the row was made.';

create table public.setlist_votes (
  setlist_song_id uuid not null references public.setlist_songs (id) on delete cascade,
  user_id uuid not null references auth.users (id) on delete cascade,
  vote smallint not null check (vote in (-1, 1)),
  voted_at timestamptz not null default now(),
  primary key (setlist_song_id, user_id)
);
create index setlist_votes_user_idx on public.setlist_votes (user_id, setlist_song_id);

comment on table public.setlist_votes is 'One vote a member a song of a setlist; vote_setlist_song writes it.';
comment on column public.setlist_votes.setlist_song_id is 'The song on its setlist.';
comment on column public.setlist_votes.user_id is 'The member.';
comment on column public.setlist_votes.vote is '1 for it, -1 against it.';
comment on column public.setlist_votes.voted_at is 'When the vote was cast or last changed.';

alter table public.profiles
add column location text check (length(location) <= 100),
add column website text check (length(website) <= 2000),
add column total_votes int not null default 0 check (total_votes >= 0),
add column total_follows int not null default 0 check (total_follows >= 0);

comment on column public.profiles.location is 'Where the member says to be.';
comment on column public.profiles.website is 'The member''s web site.';
comment on column public.profiles.total_votes is 'How many votes the member has in setlist_votes; kept by triggers.';
comment on column public.profiles.total_follows is 'How many artists the member follows; kept by triggers.';
