-- Made from sql/packs/live by `make migrations`; edit that, not this.

-- sql/packs/live/tables.sql
-- Live music: artists, venues, events, who plays and who goes.
-- The catalogue is written with the secret key (or by loaders); members write their own RSVPs.
create extension if not exists postgis with schema extensions;

insert into medley.item_kinds (kind, in_genre_statistics, description)
values
  ('artist', true, 'A musician or band.'),
  ('song', false, 'A recording of a song.'),
  ('venue', false, 'A place where events happen.'),
  ('event', false, 'A concert, festival day or other dated show.');

create table public.artists (
  id uuid primary key default gen_random_uuid()
  references medley.items (id) on delete cascade deferrable initially deferred,
  name text not null check (length(name) between 1 and 500),
  genres text[] not null default '{}' check (cardinality(genres) <= 100),
  country text check (length(country) <= 100),
  image_url text check (length(image_url) <= 2000),
  small_image_url text check (length(small_image_url) <= 2000),
  slug text not null unique check (length(slug) between 1 and 250),
  spotify_id text unique check (length(spotify_id) between 1 and 255),
  ticketmaster_id text unique check (length(ticketmaster_id) between 1 and 255),
  popularity int not null default 0 check (popularity between 0 and 100),
  followers int not null default 0 check (followers >= 0),
  external_urls jsonb not null default '{}' check (jsonb_typeof(external_urls) = 'object'),
  verified boolean not null default false,
  last_synced_at timestamptz,
  song_catalog_synced_at timestamptz,
  last_full_sync_at timestamptz,
  total_songs int not null default 0 check (total_songs >= 0),
  total_albums int not null default 0 check (total_albums >= 0),
  source text not null default 'app',
  external_id text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (source, external_id)
);
create index artists_last_synced_idx on public.artists (last_synced_at);

comment on table public.artists is 'Musicians and bands.';
comment on column public.artists.id is 'The artist, an item of kind artist.';
comment on column public.artists.name is 'Name as printed on a bill.';
comment on column public.artists.genres is 'Raw genre names as the source gave them; item_genres follows by trigger.';
comment on column public.artists.country is 'Where the artist comes from.';
comment on column public.artists.image_url is 'Address of a picture.';
comment on column public.artists.small_image_url is 'Address of a small one.';
comment on column public.artists.slug is 'For addresses; made of the name and the id where the app gives none.';
comment on column public.artists.spotify_id is 'The id at Spotify.';
comment on column public.artists.ticketmaster_id is 'The id at Ticketmaster.';
comment on column public.artists.popularity is 'How popular the source says the artist is, 0 to 100; the engine measures its own.';
comment on column public.artists.followers is 'How many followers the source counts; those here are in item_follows.';
comment on column public.artists.external_urls is 'Addresses elsewhere, by name: a JSON object.';
comment on column public.artists.verified is 'Whether the artist is known to be genuine; trending_artists lists these.';
comment on column public.artists.last_synced_at is 'When the artist''s own data last came from the sources.';
comment on column public.artists.song_catalog_synced_at is 'When the songs did.';
comment on column public.artists.last_full_sync_at is 'When everything did.';
comment on column public.artists.total_songs is 'How many songs artist_songs has; kept by triggers.';
comment on column public.artists.total_albums is 'How many different albums those songs name; kept by triggers.';
comment on column public.artists.source is 'Where the row came from.';
comment on column public.artists.external_id is 'The id in that source.';
comment on column public.artists.created_at is 'When the row was made.';
comment on column public.artists.updated_at is 'When the row last changed.';

create table public.venues (
  id uuid primary key default gen_random_uuid()
  references medley.items (id) on delete cascade deferrable initially deferred,
  name text not null check (length(name) between 1 and 500),
  city text check (length(city) <= 200),
  region text check (length(region) <= 200),
  country text check (length(country) <= 100),
  latitude double precision check (latitude between -90 and 90),
  longitude double precision check (longitude between -180 and 180),
  location extensions.geometry (point, 4326) generated always as (
    extensions.st_setsrid(extensions.st_makepoint(longitude, latitude), 4326)
  ) stored,
  capacity int check (capacity >= 0),
  slug text not null unique check (length(slug) between 1 and 250),
  ticketmaster_id text unique check (length(ticketmaster_id) between 1 and 255),
  address text check (length(address) <= 500),
  postal_code text check (length(postal_code) <= 40),
  timezone text check (length(timezone) <= 60),
  website text check (length(website) <= 2000),
  source text not null default 'app',
  external_id text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (source, external_id),
  constraint venues_coordinates_complete check ((latitude is null) = (longitude is null))
);
create index venues_location_idx on public.venues using gist (location);

comment on table public.venues is 'Places where events happen.';
comment on column public.venues.id is 'The venue, an item of kind venue.';
comment on column public.venues.name is 'Name of the place.';
comment on column public.venues.city is 'City.';
comment on column public.venues.region is 'State, province or region.';
comment on column public.venues.country is 'Country, in one spelling per project (an ISO code, say).';
comment on column public.venues.latitude is 'Degrees north (WGS 84).';
comment on column public.venues.longitude is 'Degrees east (WGS 84).';
comment on column public.venues.location is 'The same as a point, for spatial queries; always in step with latitude and longitude.';
comment on column public.venues.capacity is 'How many people fit in.';
comment on column public.venues.slug is 'For addresses; made of the name and the id where the app gives none.';
comment on column public.venues.ticketmaster_id is 'The id at Ticketmaster.';
comment on column public.venues.address is 'Street and number.';
comment on column public.venues.postal_code is 'Postal code.';
comment on column public.venues.timezone is 'Name of the time zone, such as Europe/Berlin.';
comment on column public.venues.website is 'Address of the web site.';
comment on column public.venues.source is 'Where the row came from.';
comment on column public.venues.external_id is 'The id in that source.';
comment on column public.venues.created_at is 'When the row was made.';
comment on column public.venues.updated_at is 'When the row last changed.';

create table public.events (
  id uuid primary key default gen_random_uuid()
  references medley.items (id) on delete cascade deferrable initially deferred,
  title text not null check (length(title) between 1 and 500),
  description text check (length(description) <= 20000),
  starts_at timestamptz not null check (isfinite(starts_at)),
  ends_at timestamptz,
  venue_id uuid references public.venues (id) on delete set null,
  headliner_artist_id uuid references public.artists (id) on delete set null,
  genres text[] not null default '{}' check (cardinality(genres) <= 100),
  status text not null default 'scheduled' check (status in ('scheduled', 'cancelled', 'postponed')),
  promoted boolean not null default false,
  ticket_available boolean not null default false,
  ticket_url text check (length(ticket_url) <= 2000),
  image_url text check (length(image_url) <= 2000),
  slug text not null unique check (length(slug) between 1 and 250),
  ticketmaster_id text unique check (length(ticketmaster_id) between 1 and 255),
  min_price numeric(10, 2) check (min_price >= 0),
  max_price numeric(10, 2) check (max_price >= min_price),
  currency text not null default 'USD' check (currency ~ '^[A-Z]{3}$'),
  age_restrictions text check (length(age_restrictions) <= 100),
  source text not null default 'app',
  external_id text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (source, external_id),
  constraint events_ends_after_start check (ends_at >= starts_at)
);
create index events_starts_idx on public.events (starts_at);
create index events_venue_idx on public.events (venue_id);
create index events_headliner_idx on public.events (headliner_artist_id);

comment on table public.events is 'Dated shows.';
comment on column public.events.id is 'The event, an item of kind event.';
comment on column public.events.title is 'Title as announced.';
comment on column public.events.description is 'Longer text.';
comment on column public.events.starts_at is 'When it begins.';
comment on column public.events.ends_at is 'When it ends.';
comment on column public.events.venue_id is 'Where.';
comment on column public.events.headliner_artist_id is 'Who tops the bill; others are in event_artists.';
comment on column public.events.genres is 'Raw genre names as the source gave them; item_genres follows by trigger.';
comment on column public.events.status is 'scheduled, cancelled or postponed; only scheduled events are shown.';
comment on column public.events.promoted is 'Whether it is promoted: a term of the feed''s score.';
comment on column public.events.ticket_available is 'Whether tickets can be had: a term of the feed''s score.';
comment on column public.events.ticket_url is 'Where to buy.';
comment on column public.events.image_url is 'Address of a picture.';
comment on column public.events.slug is 'For addresses; made of the title and the id where the app gives none.';
comment on column public.events.ticketmaster_id is 'The id at Ticketmaster.';
comment on column public.events.min_price is 'The cheapest ticket.';
comment on column public.events.max_price is 'The dearest ticket.';
comment on column public.events.currency is 'Of both prices: three letters of ISO 4217.';
comment on column public.events.age_restrictions is 'Who is let in, in words.';
comment on column public.events.source is 'Where the row came from.';
comment on column public.events.external_id is 'The id in that source.';
comment on column public.events.created_at is 'When the row was made.';
comment on column public.events.updated_at is 'When the row last changed.';

create table public.event_artists (
  event_id uuid not null references public.events (id) on delete cascade,
  artist_id uuid not null references public.artists (id) on delete cascade,
  billing_order smallint not null default 1 check (billing_order >= 1),
  primary key (event_id, artist_id)
);
create index event_artists_artist_idx on public.event_artists (artist_id);

comment on table public.event_artists is 'Who plays besides the headliner.';
comment on column public.event_artists.event_id is 'The event.';
comment on column public.event_artists.artist_id is 'The artist.';
comment on column public.event_artists.billing_order is '1 is the top of the bill.';

create table public.event_rsvps (
  user_id uuid not null default auth.uid() references auth.users (id) on delete cascade,
  event_id uuid not null references public.events (id) on delete cascade,
  status text not null default 'going' check (status in ('going', 'maybe')),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (user_id, event_id)
);
create index event_rsvps_event_idx on public.event_rsvps (event_id);

comment on table public.event_rsvps is 'Who goes, or may go, to an event.';
comment on column public.event_rsvps.user_id is 'The member.';
comment on column public.event_rsvps.event_id is 'The event.';
comment on column public.event_rsvps.status is 'going or maybe.';
comment on column public.event_rsvps.created_at is 'When the member answered first.';
comment on column public.event_rsvps.updated_at is 'When the answer last changed.';

create table medley.user_cluster_affinity (
  user_no int not null references medley.members (user_no) on delete cascade,
  cluster_path_slug text not null,
  country text not null default '',
  score numeric not null default 0,
  updated_at timestamptz not null default now(),
  primary key (user_no, cluster_path_slug, country)
);
create index idx_user_cluster_affinity_cluster_country
on medley.user_cluster_affinity (cluster_path_slug, country);

comment on table medley.user_cluster_affinity is
  'How much a member goes to events of a genre cluster in a country: the weights of the RSVPs, summed.';
comment on column medley.user_cluster_affinity.user_no is 'The member.';
comment on column medley.user_cluster_affinity.cluster_path_slug is 'First two segments of a genre path.';
comment on column medley.user_cluster_affinity.country is 'Country of the venues; empty where unknown.';
comment on column medley.user_cluster_affinity.score is 'Sum over RSVPs: the weight of going or maybe (ranker_weights, cluster_affinity).';
comment on column medley.user_cluster_affinity.updated_at is 'When the row last changed.';

create table medley.event_cluster_keys (
  cluster_no int primary key generated always as identity,
  cluster_path_slug text not null,
  country text not null,
  unique (cluster_path_slug, country)
);

comment on table medley.event_cluster_keys is 'Numbers for the pairs of genre cluster and country in which events take place.';
comment on column medley.event_cluster_keys.cluster_no is 'The number that upcoming_events and event_postings carry.';
comment on column medley.event_cluster_keys.cluster_path_slug is 'First two segments of a genre path.';
comment on column medley.event_cluster_keys.country is 'Country of the venue; empty where unknown.';

create table medley.upcoming_events (
  event_no int primary key references medley.items (item_no) on delete cascade,
  event_id uuid not null unique references public.events (id) on delete cascade,
  starts_at timestamptz not null,
  promoted boolean not null,
  ticket_available boolean not null,
  location extensions.geometry (point, 4326),
  genre_nos int[] not null,
  umbrella_nos int[] not null,
  cluster_nos int[] not null,
  taxonomy_generation int not null
);
create index upcoming_events_starts_idx on medley.upcoming_events (starts_at);

comment on table medley.upcoming_events is
  'One row per event that may be shown, with everything that scores need: the forward index of the feed and the calendar. '
  'Kept in step by triggers; the job refresh_upcoming_events drops what is past and follows the taxonomy.';
comment on column medley.upcoming_events.event_no is 'Number of the item.';
comment on column medley.upcoming_events.event_id is 'The event.';
comment on column medley.upcoming_events.starts_at is 'When it begins.';
comment on column medley.upcoming_events.promoted is 'Copy of events.promoted.';
comment on column medley.upcoming_events.ticket_available is 'Copy of events.ticket_available.';
comment on column medley.upcoming_events.location is 'Where the venue is.';
comment on column medley.upcoming_events.genre_nos is 'Its genres.';
comment on column medley.upcoming_events.umbrella_nos is 'path_no of every taxonomy root that one of its genres lies under.';
comment on column medley.upcoming_events.cluster_nos is 'Its clusters and country, as in event_clusters.';
comment on column medley.upcoming_events.taxonomy_generation is 'Generation of genre_paths that the row reflects.';

create type medley.event_list as enum ('all', 'artist', 'genre', 'umbrella', 'cluster', 'path');
comment on type medley.event_list is 'What a posting list of events collects.';

create table medley.event_postings (
  list medley.event_list not null,
  list_no int not null,
  cell_no int not null,
  promoted boolean not null,
  starts_at timestamptz not null,
  event_no int not null references medley.upcoming_events (event_no) on delete cascade,
  ticket_available boolean not null,
  depth smallint not null,
  primary key (list, list_no, cell_no, promoted, starts_at, event_no)
  include (ticket_available, depth)
);
create index event_postings_event_idx on medley.event_postings (event_no);

comment on table medley.event_postings is
  'The inverted index of the upcoming events: for each artist, genre, umbrella, cluster and taxonomy path the events that '
  'it matches, soonest first, world-wide (cell 0) and by geographic cell.';
comment on column medley.event_postings.list is 'What the list collects.';
comment on column medley.event_postings.list_no is
  'Which: item_no of the artist, genre_no, path_no of the umbrella or path, cluster_no; 0 for all.';
comment on column medley.event_postings.cell_no is 'Geographic cell (see cells_of); 0 for the whole world.';
comment on column medley.event_postings.promoted is 'Promoted events have lists of their own, so that bounds stay tight.';
comment on column medley.event_postings.starts_at is 'When the event begins: lists are read soonest first.';
comment on column medley.event_postings.event_no is 'The event.';
comment on column medley.event_postings.ticket_available is 'Whether tickets can be had.';
comment on column medley.event_postings.depth is
  'In lists of paths: the least depth of the event''s genres on that path, counted from the root; else 0.';

-- sql/packs/live/tables_songs.sql
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

-- sql/packs/live/slugs.sql
-- Slugs of artists, venues and events, for addresses.
create or replace function medley.fill_slug()
returns trigger
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
begin
  -- The id behind the name: two bands of one name never meet, and a load needs no look-up.
  new.slug := left(medley.genre_slug(lower(to_jsonb(new) ->> tg_argv[0])), 100) || '-' || left(new.id::text, 8);
  return new;
end;
$$;

comment on function medley.fill_slug() is
  'Row trigger: a row that comes without a slug gets one of its name and its id. Argument: the column of the name.';
revoke all on function medley.fill_slug() from public, anon, authenticated, service_role;

create trigger artists_slug
before insert on public.artists
for each row when (new.slug is null) execute function medley.fill_slug('name');
create trigger venues_slug
before insert on public.venues
for each row when (new.slug is null) execute function medley.fill_slug('name');
create trigger events_slug
before insert on public.events
for each row when (new.slug is null) execute function medley.fill_slug('title');

-- sql/packs/live/genres.sql
-- The raw genre arrays of artists and events drive their links in item_genres.
create or replace function medley.sync_genres_of_item(p_item_id uuid, p_raw_genres text[])
returns void
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
begin
  perform medley.sync_item_genres(
    array_fill(p_item_id, array[greatest(cardinality(p_raw_genres), 1)]),
    case when cardinality(p_raw_genres) > 0 then p_raw_genres else array[null::text] end
  );
end;
$$;

comment on function medley.sync_genres_of_item(uuid, text[]) is
  'Replaces the genre links of one item by those of a raw array; an empty or null array removes them.';
revoke all on function medley.sync_genres_of_item(uuid, text[]) from public, anon, authenticated, service_role;

create or replace function medley.sync_artist_genres(p_artist_id uuid, p_raw_genres text[])
returns void
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
begin
  if not exists (select from public.artists as a where a.id = p_artist_id) then
    perform medley.fail('not_found', format('no artist %s', p_artist_id), 'p_artist_id', 'Insert the artist first.');
  end if;
  perform medley.sync_genres_of_item(p_artist_id, p_raw_genres);
end;
$$;

comment on function medley.sync_artist_genres(uuid, text[]) is
  'Replaces the genre links of an artist. Errors: not_found.';
revoke all on function medley.sync_artist_genres(uuid, text[]) from public, anon, authenticated, service_role;
grant execute on function medley.sync_artist_genres(uuid, text[]) to service_role;

create or replace function medley.sync_event_genres(p_event_id uuid, p_raw_genres text[])
returns void
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
begin
  if not exists (select from public.events as e where e.id = p_event_id) then
    perform medley.fail('not_found', format('no event %s', p_event_id), 'p_event_id', 'Insert the event first.');
  end if;
  perform medley.sync_genres_of_item(p_event_id, p_raw_genres);
end;
$$;

comment on function medley.sync_event_genres(uuid, text[]) is
  'Replaces the genre links of an event. Errors: not_found.';
revoke all on function medley.sync_event_genres(uuid, text[]) from public, anon, authenticated, service_role;
grant execute on function medley.sync_event_genres(uuid, text[]) to service_role;

create or replace function medley.backfill_genres(p_batch int default 50000)
returns bigint
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_last int := 0;
  v_items uuid[];
  v_genres text[];
  v_rows bigint := 0;
begin
  loop
    with batch as (
      select i.item_no, i.id, coalesce(a.genres, e.genres) as genres
      from medley.items as i
      left join public.artists as a on a.id = i.id
      left join public.events as e on e.id = i.id
      where i.item_no > v_last and i.kind in ('artist', 'event')
      order by i.item_no
      limit p_batch
    )
    select max(b.item_no), array_agg(b.id), array_agg(g.genre) into v_last, v_items, v_genres
    from batch as b
    left join lateral unnest(b.genres) as g (genre) on true;
    exit when v_last is null;
    v_rows := v_rows + medley.sync_item_genres(v_items, v_genres);
  end loop;
  return v_rows;
end;
$$;

comment on function medley.backfill_genres(int) is
  'Brings the genre links of every artist and event in line with their raw arrays, p_batch items at a time: for rows that '
  'were loaded with triggers off. Returns how many links it wrote or removed.';
revoke all on function medley.backfill_genres(int) from public, anon, authenticated, service_role;
grant execute on function medley.backfill_genres(int) to service_role;

-- No SET: it inlines into the queries of definer functions, which alone may run it.
create or replace function medley.genres_named(p_raw text[])
returns table (id uuid, genre_no int)
language sql stable parallel safe security invoker
begin atomic
  -- Each name is normalized once, and the keys come as an array: the planner then looks them up in the index.
  with key as materialized (
    select public.normalize_genre_key(r.raw) as key
    from unnest(p_raw) as r (raw)
  )

  select g.id, g.genre_no
  from public.genres as g
  where g.normalized_key = any(array(
    select coalesce(a.genre_key, k.key)
    from key as k
    left join medley.genre_aliases as a on a.alias_key = k.key
  ));
end;

comment on function medley.genres_named(text[]) is 'The genres of these names in any spelling; unknown names are left out.';
revoke all on function medley.genres_named(text[]) from public, anon, authenticated, service_role;

create trigger artists_1_register_insert
after insert on public.artists referencing new table as new_rows
for each statement execute function medley.register_catalogue_rows('artist', 'name', '', 'created_at', '');
create trigger artists_1_register_update
after update on public.artists referencing new table as new_rows
for each statement execute function medley.register_catalogue_rows('artist', 'name', '', 'created_at', '');
create trigger artists_1_unregister
after delete on public.artists referencing old table as old_rows
for each statement execute function medley.unregister_catalogue_rows();
create trigger artists_2_genres_insert
after insert on public.artists referencing new table as new_rows
for each statement execute function medley.sync_genres_of_rows();
create trigger artists_2_genres_update
after update on public.artists referencing old table as old_rows new table as new_rows
for each statement execute function medley.sync_genres_of_rows();
create trigger artists_updated_at
before update on public.artists
for each row execute function medley.set_updated_at();

create trigger venues_1_register_insert
after insert on public.venues referencing new table as new_rows
for each statement execute function medley.register_catalogue_rows('venue', 'name', '', 'created_at', '');
create trigger venues_1_register_update
after update on public.venues referencing new table as new_rows
for each statement execute function medley.register_catalogue_rows('venue', 'name', '', 'created_at', '');
create trigger venues_1_unregister
after delete on public.venues referencing old table as old_rows
for each statement execute function medley.unregister_catalogue_rows();
create trigger venues_updated_at
before update on public.venues
for each row execute function medley.set_updated_at();

create trigger events_1_register_insert
after insert on public.events referencing new table as new_rows
for each statement execute function medley.register_catalogue_rows('event', 'title', '', 'created_at', 'starts_at');
create trigger events_1_register_update
after update on public.events referencing new table as new_rows
for each statement execute function medley.register_catalogue_rows('event', 'title', '', 'created_at', 'starts_at');
create trigger events_1_unregister
after delete on public.events referencing old table as old_rows
for each statement execute function medley.unregister_catalogue_rows();
create trigger events_2_genres_insert
after insert on public.events referencing new table as new_rows
for each statement execute function medley.sync_genres_of_rows();
create trigger events_2_genres_update
after update on public.events referencing old table as old_rows new table as new_rows
for each statement execute function medley.sync_genres_of_rows();
create trigger events_updated_at
before update on public.events
for each row execute function medley.set_updated_at();

-- sql/packs/live/features.sql
-- What the engine knows of artists, events and songs besides their genres: who plays, where, and from where they come.
-- An artist has itself as a feature and its events and songs have the same one: who likes the one finds the other.
insert into medley.feature_types (feature_type, weight, is_creator, description)
values
  ('artist', 2, true, 'Who plays, by id; the artist has it too.'),
  ('venue', 0.5, false, 'Where it happens, by id; the venue has it too.'),
  ('city', 0.5, false, 'The city where it happens.'),
  ('country', 0.3, false, 'Where it comes from, or where it happens.'),
  ('decade', 0.3, false, 'The ten years of its first release, such as 1990s.')
on conflict (feature_type) do nothing;

-- No SET: it inlines into the queries of definer functions, which alone may run it.
create or replace function medley.live_feature_rows(p_item_ids uuid[])
returns table (item_id uuid, feature_type text, feature_value text, weight real)
language sql stable parallel safe security invoker
begin atomic
  with places as (
    -- A venue is where it is, an event where its venue is.
    select v.id as item_id, v.id as venue_id
    from unnest(p_item_ids) as w (id)
    inner join public.venues as v on v.id = w.id
    union all
    select e.id, e.venue_id
    from unnest(p_item_ids) as w (id)
    inner join public.events as e on e.id = w.id
  ),

  named as (
    select a.id as item_id, f.feature_type, f.feature_value, 1::real as weight
    from unnest(p_item_ids) as w (id)
    inner join public.artists as a on a.id = w.id
    cross join lateral (values ('artist', a.id::text), ('country', a.country)) as f (feature_type, feature_value)
    union all
    select e.id, 'artist', e.headliner_artist_id::text, 1
    from unnest(p_item_ids) as w (id)
    inner join public.events as e on e.id = w.id
    union all
    select b.event_id, 'artist', b.artist_id::text, 1 / sqrt(1 + b.billing_order)
    from unnest(p_item_ids) as w (id)
    inner join public.event_artists as b on b.event_id = w.id
    union all
    select l.song_id, 'artist', l.artist_id::text, case when l.is_primary_artist then 1 else 0.7 end
    from unnest(p_item_ids) as w (id)
    inner join public.artist_songs as l on l.song_id = w.id
    union all
    select s.id, 'decade', extract(year from s.release_date)::int / 10 * 10 || 's', 1
    from unnest(p_item_ids) as w (id)
    inner join public.songs as s on s.id = w.id
    union all
    select p.item_id, f.feature_type, f.feature_value, 1
    from places as p
    inner join public.venues as v on v.id = p.venue_id
    cross join lateral (
      values
        ('venue', v.id::text), ('country', v.country),
        ('city', case when v.city is not null then concat_ws(', ', v.city, v.region, v.country) end)
    ) as f (feature_type, feature_value)
  )

  select n.item_id, n.feature_type, left(btrim(n.feature_value), 200), max(n.weight)
  from named as n
  where btrim(n.feature_value) <> ''
  group by n.item_id, n.feature_type, left(btrim(n.feature_value), 200);
end;

comment on function medley.live_feature_rows(uuid[]) is
  'The features of these artists, venues, events and songs, genres left out: those follow item_genres.';
revoke all on function medley.live_feature_rows(uuid[]) from public, anon, authenticated, service_role;

-- One item or ten thousand: each call is planned for its own array.
create or replace function medley.refresh_live_features(p_item_ids uuid[])
returns bigint
language plpgsql volatile parallel unsafe security definer
set search_path = '' set plan_cache_mode = force_custom_plan
as $$
declare
  -- An item that is being deleted has no features to keep.
  v_item_ids uuid[] := array(
    select distinct i.id
    from unnest(p_item_ids) as w (id)
    inner join medley.items as i on i.id = w.id
  );
  v_items uuid[];
  v_types text[];
  v_values text[];
  v_weights real[];
begin
  if v_item_ids = '{}' then
    return 0;
  end if;
  -- The dictionary before the items: locks are taken in one order everywhere.
  perform medley.ensure_features(array_agg(r.feature_type), array_agg(r.feature_value))
  from medley.live_feature_rows(v_item_ids) as r;
  -- Two sessions that write the bill of one event: the second waits here and then sees what the first wrote.
  perform medley.lock_items(v_item_ids);
  select array_agg(r.item_id), array_agg(r.feature_type), array_agg(r.feature_value), array_agg(r.weight)
  into v_items, v_types, v_values, v_weights
  from medley.live_feature_rows(v_item_ids) as r;
  return medley.replace_item_features(
    'live', v_item_ids, coalesce(v_items, '{}'), coalesce(v_types, '{}'), coalesce(v_values, '{}'),
    coalesce(v_weights, '{}')
  );
end;
$$;

comment on function medley.refresh_live_features(uuid[]) is
  'Makes the features of these artists, venues, events and songs equal to what the catalogue says. '
  'Returns what replace_item_features returns.';
revoke all on function medley.refresh_live_features(uuid[]) from public, anon, authenticated, service_role;

create or replace function medley.backfill_live_features(p_batch int default 20000)
returns bigint
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_last int := 0;
  v_items uuid[];
  v_rows bigint := 0;
begin
  loop
    select max(b.item_no), array_agg(b.id) into v_last, v_items
    from (
      select i.item_no, i.id
      from medley.items as i
      where i.item_no > v_last and i.kind in ('artist', 'venue', 'event', 'song')
      order by i.item_no
      limit p_batch
    ) as b;
    exit when v_last is null;
    v_rows := v_rows + medley.refresh_live_features(v_items);
  end loop;
  return v_rows;
end;
$$;

comment on function medley.backfill_live_features(int) is
  'Brings the features of every artist, venue, event and song in line with the catalogue, p_batch items at a time: for rows that '
  'were loaded with triggers off. Returns the sum of what replace_item_features returns.';
revoke all on function medley.backfill_live_features(int) from public, anon, authenticated, service_role;
grant execute on function medley.backfill_live_features(int) to service_role;

create or replace function medley.follow_artists()
returns trigger
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
begin
  if tg_op = 'INSERT' then
    perform medley.refresh_live_features(array_agg(n.id)) from new_rows as n;
  else
    perform medley.refresh_live_features(array_agg(n.id))
    from new_rows as n
    inner join old_rows as o on o.id = n.id
    where n.country is distinct from o.country;
  end if;
  return null;
end;
$$;

comment on function medley.follow_artists() is
  'Statement trigger with transition tables: the features of artists follow at once.';
revoke all on function medley.follow_artists() from public, anon, authenticated, service_role;

create or replace function medley.follow_venues()
returns trigger
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_venue_ids uuid[];
begin
  if tg_op = 'INSERT' then
    select array_agg(n.id) into v_venue_ids from new_rows as n;
  else
    select array_agg(n.id) into v_venue_ids
    from new_rows as n
    inner join old_rows as o on o.id = n.id
    where (n.city, n.region, n.country) is distinct from (o.city, o.region, o.country);
  end if;
  perform medley.refresh_live_features(
    v_venue_ids || array(
      select e.id
      from unnest(v_venue_ids) as w (id)
      inner join public.events as e on e.venue_id = w.id
    )
  );
  return null;
end;
$$;

comment on function medley.follow_venues() is
  'Statement trigger with transition tables: the features of venues follow, and those of their events.';
revoke all on function medley.follow_venues() from public, anon, authenticated, service_role;

create or replace function medley.follow_events()
returns trigger
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
begin
  if tg_op = 'INSERT' then
    perform medley.refresh_live_features(array_agg(n.id)) from new_rows as n;
  else
    perform medley.refresh_live_features(array_agg(n.id))
    from new_rows as n
    inner join old_rows as o on o.id = n.id
    where (n.venue_id, n.headliner_artist_id) is distinct from (o.venue_id, o.headliner_artist_id);
  end if;
  return null;
end;
$$;

comment on function medley.follow_events() is
  'Statement trigger with transition tables: the features of events follow at once.';
revoke all on function medley.follow_events() from public, anon, authenticated, service_role;

create or replace function medley.follow_bills()
returns trigger
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_event_ids uuid[];
begin
  if tg_op = 'INSERT' then
    select array_agg(n.event_id) into v_event_ids from new_rows as n;
  elsif tg_op = 'DELETE' then
    select array_agg(o.event_id) into v_event_ids from old_rows as o;
  else
    select array_agg(c.event_id) into v_event_ids
    from (select n.event_id from new_rows as n union all select o.event_id from old_rows as o) as c;
  end if;
  perform medley.refresh_live_features(v_event_ids);
  return null;
end;
$$;

comment on function medley.follow_bills() is
  'Statement trigger with transition tables on event_artists: the features of events follow at once.';
revoke all on function medley.follow_bills() from public, anon, authenticated, service_role;

create trigger artists_3_features_insert
after insert on public.artists referencing new table as new_rows
for each statement execute function medley.follow_artists();
create trigger artists_3_features_update
after update on public.artists referencing old table as old_rows new table as new_rows
for each statement execute function medley.follow_artists();
create trigger venues_3_features_insert
after insert on public.venues referencing new table as new_rows
for each statement execute function medley.follow_venues();
create trigger venues_3_features_update
after update on public.venues referencing old table as old_rows new table as new_rows
for each statement execute function medley.follow_venues();
create trigger events_4_features_insert
after insert on public.events referencing new table as new_rows
for each statement execute function medley.follow_events();
create trigger events_4_features_update
after update on public.events referencing old table as old_rows new table as new_rows
for each statement execute function medley.follow_events();
create trigger event_artists_features_insert
after insert on public.event_artists referencing new table as new_rows
for each statement execute function medley.follow_bills();
create trigger event_artists_features_update
after update on public.event_artists referencing old table as old_rows new table as new_rows
for each statement execute function medley.follow_bills();
create trigger event_artists_features_delete
after delete on public.event_artists referencing old table as old_rows
for each statement execute function medley.follow_bills();

-- sql/packs/live/songs.sql
-- Songs: what a title says, which recordings are of one work, and what songs have from their artists.
create or replace function medley.normalize_title(p_title text)
returns text
language sql immutable parallel safe security invoker set search_path = ''
as $$
  with plain as (
    -- Accents go from Latin letters only.
    select normalize(
      regexp_replace(normalize(lower(normalize(p_title, nfkc)), nfd), '([a-z])[\u0300-\u036f]+', '\1', 'g'), nfc
    ) as title
  ),

  -- One spelling: "don't" is "dont", "T.N.T." is "tnt", "Pt. 2" is "part 2".
  spelled as (
    select regexp_replace(
      regexp_replace(replace(translate(p.title, '''’‘`´', ''), '&', ' and '), '\m(\w)\.(?=\w(?:\.|\M))', '\1', 'g'),
      '\mpt\.?\s+(?=(?:\d+|[ivx]+)\M)', 'part ', 'g'
    ) as title
    from plain as p
  ),

  worded as (
    select btrim(regexp_replace(s.title, '[^[:alnum:]]+', ' ', 'g')) as words
    from spelled as s
  )

  -- A title without a letter or digit ("!!!") is what it is.
  select coalesce(nullif(w.words, ''), btrim(p.title))
  from worded as w
  cross join plain as p
$$;

comment on function medley.normalize_title(text) is
  'A title or name for comparing: lower case, without accents, apostrophes and punctuation, words one space apart. '
  'What has neither letter nor digit stays.';
revoke all on function medley.normalize_title(text) from public, anon, authenticated, service_role;

create or replace function medley.recording_pattern()
returns text
language sql immutable parallel safe security invoker set search_path = ''
as $$
  with note as (
    -- What a note in brackets or behind a dash may say. [^()\[\]] keeps it within its brackets.
    select '(?:' || array_to_string(array[
      '(?:19|20)\d\d',
      '(?:(?:recorded|acoustic|unplugged|solo|in concert)[ ,]+)?live(?:[ ,:/-]+(?:(?:19|20)\d\d|(?:at|from|in|on|@) \w+|acoustic'
      || '|versions?|sessions?|recording|take|mix|edit|demo|remaster(?:ed)?|bonus|bbc|unplugged)(?!\w)[^()\[\]]*)?',
      '(?:recorded at|unplugged|mtv unplugged|in concert)(?!\w)[^()\[\]]*',
      '(?:(?:original|home|early|rough|first|studio|acoustic|unreleased|(?:4|four)[ -]track|(?:19|20)\d\d)[ ,]+)*'
      || 'demo(?:[ ,-]+(?:version|recording|take|mix|\d+)(?!\w)[^()\[\]]*)?',
      '(?:(?:the|new|digital|digitally|\d+th anniversary|(?:19|20)\d\d)[ ,]+)*re-?master(?:ed)?'
      || '(?:[ ,/-]+(?:version|edition|mono|stereo|in|for|from|at|by|on|(?:19|20)\d\d)(?!\w)[^()\[\]]*)?',
      '(?:[^()\[\]]+[ ])?version(?: \d+)?',
      '(?:(?:single|album|radio|video|lp|ep|full|long|short|extended|clean|original|mono|stereo|alternat(?:e|ive)|early|rough'
      || '|(?:19|20)\d\d|\d+"|\d+ inch)[ ,]+)+(?:edit|mix|cut|take|remix)',
      '(?:alternat(?:e|ive) )?(?:out)?take(?: \d+)?',
      'mono|stereo|acoustic|explicit|clean|(?:hidden |bonus )?(?:bonus|hidden) track|album edit|radio edit|edit',
      '(?:(?:live|bbc|peel|kexp|radio \d*|acoustic|studio|spotify|john peel)[ ]+)+sessions?(?:[ ,-]+[^()\[\]]*)?',
      '(?:feat|ft|featuring)(?:\.|(?!\w))[^()\[\]]*'
    ], '|') || ')' as pattern
  )

  select
    '(?:\s*[(\[]\s*' || n.pattern || '\s*[)\]]'
    || '|\s+[-\u2010-\u2015]\s+' || n.pattern
    || '|\s+(?:feat\.|ft\.|featuring)\s[^()\[\]]+'
    || ')+\s*$'
  from note as n
$$;

comment on function medley.recording_pattern() is
  'The regular expression for what stands behind a title and says which recording it is, not which work: notes in '
  'brackets or behind a dash with spaces (live, demo, remaster, version, edit, take, session, mono, acoustic, a year, '
  'feat.), any number of them, and "feat. somebody" without either.';
revoke all on function medley.recording_pattern() from public, anon, authenticated, service_role;

create or replace function medley.recording_note(p_title text)
returns text
language plpgsql immutable parallel safe security invoker set search_path = ''
as $$
declare
  v_title text := lower(btrim(normalize(p_title, nfkc)));
  v_note text := substring(v_title from medley.recording_pattern());
begin
  -- A title that is nothing but a note is a title: "(Live)".
  return case when length(v_note) < length(v_title) then v_note else '' end;
end;
$$;

comment on function medley.recording_note(text) is
  'What the title says about the recording, in lower case: "Help! (Live at Shea) - 2009 Remaster" has '
  '" (live at shea) - 2009 remaster". Empty for nothing, null for null or no note.';
revoke all on function medley.recording_note(text) from public, anon, authenticated, service_role;

create or replace function medley.work_key(p_title text)
returns text
language plpgsql immutable parallel safe security invoker set search_path = ''
as $$
declare
  v_title text := btrim(normalize(p_title, nfkc));
begin
  return medley.normalize_title(
    left(v_title, length(v_title) - length(coalesce(medley.recording_note(v_title), '')))
  );
end;
$$;

comment on function medley.work_key(text) is
  'The work that a title names: the title without its recording_note, normalized. Parts ("Pt. 2"), reprises, remixes and '
  'brackets that belong to the title stay: they are other works, or no note. "Hey Jude - Remastered 2015" gives "hey jude".';
revoke all on function medley.work_key(text) from public, anon, authenticated, service_role;

create or replace function medley.describe_song()
returns trigger
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_note text;
begin
  -- Reading a title is dear; a song whose primary artist changes keeps what it says.
  if tg_op = 'INSERT'
    or (new.title, new.is_live, new.is_demo, new.work_key)
    is distinct from (old.title, old.is_live, old.is_demo, old.work_key) then
    v_note := medley.recording_note(new.title);
    new.is_live := new.is_live or v_note ~ '\m(live|unplugged|in concert)\M';
    new.is_demo := new.is_demo or v_note ~ '\mdemo\M';
    new.work_key := medley.work_key(new.title);
  end if;
  new.artist_key := coalesce(
    (
      select a.artist_id::text
      from public.artist_songs as a
      where a.song_id = new.id and a.is_primary_artist
      order by a.created_at, a.artist_id
      limit 1
    ),
    'name:' || medley.normalize_title(new.artist)
  );
  return new;
end;
$$;

comment on function medley.describe_song() is 'Row trigger on songs: work_key, artist_key, is_live and is_demo follow title, artist and links.';
revoke all on function medley.describe_song() from public, anon, authenticated, service_role;

create or replace function medley.mark_duplicate_songs(p_artist_keys text[], p_work_keys text[])
returns bigint
language plpgsql volatile parallel unsafe security definer
set search_path = '' set plan_cache_mode = force_custom_plan
as $$
declare
  v_changed bigint;
begin
  -- One session at a time for an artist: the second sees what the first wrote. In the order of the locks' numbers.
  perform pg_advisory_xact_lock(hashtext('medley.songs'), b.bucket)
  from (
    select distinct hashtext(k.artist_key) & 255 as bucket
    from unnest(p_artist_keys) as k (artist_key)
    order by bucket
  ) as b;

  with touched as (
    select distinct k.artist_key, k.work_key
    from unnest(p_artist_keys, p_work_keys) as k (artist_key, work_key)
  ),

  ranked as (
    select
      s.id,
      nullif(
        first_value(s.id) over (
          partition by s.artist_key, s.work_key
          order by s.is_live, s.is_demo, medley.recording_note(s.title) <> '' nulls first, s.release_date, s.created_at, s.id
        ),
        s.id
      ) as duplicate_of
    from touched as t
    inner join public.songs as s on s.artist_key = t.artist_key and s.work_key = t.work_key
  )

  update public.songs as s
  set duplicate_of = r.duplicate_of
  from ranked as r
  where s.id = r.id and s.duplicate_of is distinct from r.duplicate_of;
  get diagnostics v_changed = row_count;
  return v_changed;
end;
$$;

comment on function medley.mark_duplicate_songs(text[], text[]) is
  'Songs of one artist_key and work_key are one work. The one that stands for it: studio before live, finished before demo, '
  'a plain title before one with a note, then the earliest release, row and id. Returns how many songs changed.';
revoke all on function medley.mark_duplicate_songs(text[], text[]) from public, anon, authenticated, service_role;

create or replace function medley.follow_works()
returns trigger
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_artist_keys text[];
  v_work_keys text[];
begin
  if tg_op = 'INSERT' then
    select array_agg(n.artist_key), array_agg(n.work_key) into v_artist_keys, v_work_keys from new_rows as n;
  elsif tg_op = 'DELETE' then
    select array_agg(o.artist_key), array_agg(o.work_key) into v_artist_keys, v_work_keys from old_rows as o;
  else
    select array_agg(k.artist_key), array_agg(k.work_key) into v_artist_keys, v_work_keys
    from new_rows as n
    -- Full, which gives the same rows, because it is never a nested loop: the plan is kept from a call with few rows.
    full join old_rows as o on o.id = n.id
    cross join lateral (values (n.artist_key, n.work_key), (o.artist_key, o.work_key)) as k (artist_key, work_key)
    where (n.artist_key, n.work_key, n.title, n.is_live, n.is_demo, n.release_date)
      is distinct from (o.artist_key, o.work_key, o.title, o.is_live, o.is_demo, o.release_date)
      -- Set to null because the song that it stood for was deleted, or by hand.
      or n.duplicate_of is null and o.duplicate_of is not null
      and not exists (select from public.songs as s where s.id = o.duplicate_of);
  end if;
  if v_artist_keys is not null then
    perform medley.mark_duplicate_songs(v_artist_keys, v_work_keys);
  end if;
  return null;
end;
$$;

comment on function medley.follow_works() is
  'Statement trigger with transition tables on songs: duplicate_of follows titles, artists and deletions.';
revoke all on function medley.follow_works() from public, anon, authenticated, service_role;

create or replace function medley.recount_artist_songs(p_artist_ids uuid[])
returns void
language plpgsql volatile parallel unsafe security definer
set search_path = '' set plan_cache_mode = force_custom_plan
as $$
begin
  -- Two sessions that write songs of one artist: the second waits here and then counts what the first wrote.
  perform from public.artists as a
  where a.id = any(p_artist_ids)
  order by a.id
  for no key update;

  with counted as (
    select
      u.artist_id,
      count(s.id) as total_songs,
      count(distinct s.album) as total_albums
    from (select distinct w.artist_id from unnest(p_artist_ids) as w (artist_id)) as u
    left join public.artist_songs as l on l.artist_id = u.artist_id
    left join public.songs as s on s.id = l.song_id
    group by u.artist_id
  )

  update public.artists as a
  set total_songs = c.total_songs, total_albums = c.total_albums
  from counted as c
  where a.id = c.artist_id and (a.total_songs, a.total_albums) is distinct from (c.total_songs, c.total_albums);
end;
$$;

comment on function medley.recount_artist_songs(uuid[]) is 'Makes total_songs and total_albums of these artists equal to a count.';
revoke all on function medley.recount_artist_songs(uuid[]) from public, anon, authenticated, service_role;

-- One song or ten thousand: each call is planned for its own array.
create or replace function medley.inherit_song_genres(p_song_ids uuid[])
returns bigint
language plpgsql volatile parallel unsafe security definer
set search_path = '' set plan_cache_mode = force_custom_plan
as $$
declare
  v_song_ids uuid[] := array(
    select distinct i.id
    from unnest(p_song_ids) as w (id)
    inner join medley.items as i on i.id = w.id
  );
  v_changed bigint;
begin
  if v_song_ids = '{}' then
    return 0;
  end if;
  -- Artists before songs, as when an artist's genres change: who comes second sees what the first wrote.
  perform medley.lock_items(array(
    select distinct l.artist_id
    from unnest(v_song_ids) as w (id)
    inner join public.artist_songs as l on l.song_id = w.id
    inner join medley.items as i on i.id = l.artist_id
  ));
  perform medley.lock_items(v_song_ids);

  with link as (
    select
      l.song_id,
      l.artist_id,
      l.is_primary_artist,
      bool_or(l.is_primary_artist) over (partition by l.song_id) as has_primary
    from unnest(v_song_ids) as w (id)
    inner join public.artist_songs as l on l.song_id = w.id
  ),

  wanted as materialized (
    select distinct l.song_id as item_id, g.genre_id
    from link as l
    inner join public.item_genres as g on g.item_id = l.artist_id
    where l.is_primary_artist or not l.has_primary
  ),

  removed as (
    delete from public.item_genres as g
    using unnest(v_song_ids) as w (id)
    where g.item_id = w.id
      and not exists (select from wanted as n where n.item_id = g.item_id and n.genre_id = g.genre_id)
    returning 1
  ),

  added as (
    insert into public.item_genres (item_id, genre_id)
    select n.item_id, n.genre_id
    from wanted as n
    where not exists (select from public.item_genres as g where g.item_id = n.item_id and g.genre_id = n.genre_id)
    order by n.item_id, n.genre_id
    on conflict do nothing
    returning 1
  )

  select (select count(*) from removed) + (select count(*) from added) into v_changed;
  return v_changed;
end;
$$;

comment on function medley.inherit_song_genres(uuid[]) is
  'Makes the genres of these songs those of their primary artists, or where there is none of all who play them. '
  'Returns how many links changed.';
revoke all on function medley.inherit_song_genres(uuid[]) from public, anon, authenticated, service_role;

create or replace function medley.follow_songs()
returns trigger
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_moved uuid[];
begin
  if tg_op = 'INSERT' then
    perform medley.refresh_live_features(array_agg(n.id)) from new_rows as n;
  else
    -- Full joins: see follow_works.
    perform medley.refresh_live_features(array_agg(n.id))
    from new_rows as n
    full join old_rows as o on o.id = n.id
    where n.release_date is distinct from o.release_date;

    with moved as materialized (
      select n.id
      from new_rows as n
      full join old_rows as o on o.id = n.id
      where n.album is distinct from o.album
    )

    select array_agg(l.artist_id) into v_moved
    from moved as m
    inner join public.artist_songs as l on l.song_id = m.id;
    if v_moved is not null then
      perform medley.recount_artist_songs(v_moved);
    end if;
  end if;
  return null;
end;
$$;

comment on function medley.follow_songs() is
  'Statement trigger with transition tables on songs: features and the artists'' counts follow at once.';
revoke all on function medley.follow_songs() from public, anon, authenticated, service_role;

create or replace function medley.follow_artist_songs()
returns trigger
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_artist_ids uuid[];
  v_song_ids uuid[];
begin
  if tg_op = 'INSERT' then
    select array_agg(distinct n.artist_id), array_agg(distinct n.song_id) into v_artist_ids, v_song_ids
    from new_rows as n;
  elsif tg_op = 'DELETE' then
    select array_agg(distinct o.artist_id), array_agg(distinct o.song_id) into v_artist_ids, v_song_ids
    from old_rows as o;
  else
    select array_agg(distinct c.artist_id), array_agg(distinct c.song_id) into v_artist_ids, v_song_ids
    from (
      select n.artist_id, n.song_id from new_rows as n
      union all
      select o.artist_id, o.song_id from old_rows as o
    ) as c;
  end if;
  if v_song_ids is null then
    return null;
  end if;

  -- The row trigger finds the key; only songs whose primary artist changed are touched.
  update public.songs as s
  set artist_key = s.artist_key
  from unnest(v_song_ids) as w (id)
  left join lateral (
    select l.artist_id::text as artist_key
    from public.artist_songs as l
    where l.song_id = w.id and l.is_primary_artist
    order by l.created_at, l.artist_id
    limit 1
  ) as k on true
  where s.id = w.id
    and case when k.artist_key is null then s.artist_key not like 'name:%' else s.artist_key <> k.artist_key end;

  perform medley.recount_artist_songs(v_artist_ids);
  -- The dictionary before the items: locks are taken in one order everywhere.
  perform medley.ensure_features(array_agg(r.feature_type), array_agg(r.feature_value))
  from medley.live_feature_rows(v_song_ids) as r;
  perform medley.inherit_song_genres(v_song_ids);
  perform medley.refresh_live_features(v_song_ids);
  return null;
end;
$$;

comment on function medley.follow_artist_songs() is
  'Statement trigger with transition tables on artist_songs: the keys, genres and features of songs and the counts of '
  'artists follow at once.';
revoke all on function medley.follow_artist_songs() from public, anon, authenticated, service_role;

create or replace function medley.follow_artist_genres()
returns trigger
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_song_ids uuid[];
begin
  -- The argument, written in a migration: the transition table.
  execute format(
    'select array_agg(distinct l.song_id) from %I as c inner join public.artist_songs as l on l.artist_id = c.item_id',
    tg_argv[0]
  ) into v_song_ids;
  if v_song_ids is not null then
    perform medley.inherit_song_genres(v_song_ids);
  end if;
  return null;
end;
$$;

comment on function medley.follow_artist_genres() is
  'Statement trigger on item_genres: songs follow the genres of their artists. Argument: the transition table to read.';
revoke all on function medley.follow_artist_genres() from public, anon, authenticated, service_role;

create trigger songs_describe
before insert or update of title, artist, is_live, is_demo, work_key, artist_key on public.songs
for each row execute function medley.describe_song();
create trigger songs_updated_at
before update of
spotify_id, title, artist, album, album_art_url, release_date, duration_ms, popularity, preview_url,
is_explicit, is_playable, is_live, is_demo, track_number, disc_number
on public.songs
for each row execute function medley.set_updated_at();
create trigger songs_1_register_insert
after insert on public.songs referencing new table as new_rows
for each statement execute function medley.register_catalogue_rows('song', 'title', '', 'created_at', '');
create trigger songs_1_register_update
after update on public.songs referencing new table as new_rows
for each statement execute function medley.register_catalogue_rows('song', 'title', '', 'created_at', '');
create trigger songs_1_unregister
after delete on public.songs referencing old table as old_rows
for each statement execute function medley.unregister_catalogue_rows();
create trigger songs_2_works_insert
after insert on public.songs referencing new table as new_rows
for each statement execute function medley.follow_works();
create trigger songs_2_works_update
after update on public.songs referencing old table as old_rows new table as new_rows
for each statement execute function medley.follow_works();
create trigger songs_2_works_delete
after delete on public.songs referencing old table as old_rows
for each statement execute function medley.follow_works();
create trigger songs_3_features_insert
after insert on public.songs referencing new table as new_rows
for each statement execute function medley.follow_songs();
create trigger songs_3_features_update
after update on public.songs referencing old table as old_rows new table as new_rows
for each statement execute function medley.follow_songs();
create trigger artist_songs_follow_insert
after insert on public.artist_songs referencing new table as new_rows
for each statement execute function medley.follow_artist_songs();
create trigger artist_songs_follow_update
after update on public.artist_songs referencing old table as old_rows new table as new_rows
for each statement execute function medley.follow_artist_songs();
create trigger artist_songs_follow_delete
after delete on public.artist_songs referencing old table as old_rows
for each statement execute function medley.follow_artist_songs();
create trigger item_genres_songs_insert
after insert on public.item_genres referencing new table as new_rows
for each statement execute function medley.follow_artist_genres('new_rows');
create trigger item_genres_songs_delete
after delete on public.item_genres referencing old table as old_rows
for each statement execute function medley.follow_artist_genres('old_rows');
create trigger item_genres_songs_update_from
after update on public.item_genres referencing old table as old_rows
for each statement execute function medley.follow_artist_genres('old_rows');
create trigger item_genres_songs_update_to
after update on public.item_genres referencing new table as new_rows
for each statement execute function medley.follow_artist_genres('new_rows');

-- sql/packs/live/setlists.sql
-- Setlists that members make, and how setlists are read.
create or replace function medley.lock_open_setlist(
  p_user_id uuid,
  p_setlist_id uuid,
  p_argument text,
  p_as_of timestamptz
)
returns void
language plpgsql volatile parallel unsafe security definer
set search_path = '' set plan_cache_mode = force_generic_plan
as $$
declare
  v_locked boolean;
  v_ended_at timestamptz;
  v_public boolean;
begin
  -- Almost every setlist is everybody's; the predicate is asked about the others only.
  select
    s.is_locked,
    coalesce(e.ends_at, e.starts_at),
    s.created_by is null
    and a.visibility = 'public' and a.owner_id is null
    and (e.id is null or i.visibility = 'public' and i.owner_id is null)
  into v_locked, v_ended_at, v_public
  from public.setlists as s
  inner join medley.items as a on a.id = s.artist_id
  left join public.events as e on e.id = s.event_id
  left join medley.items as i on i.id = e.id
  where s.id = p_setlist_id
  for no key update of s;
  if not coalesce(v_public, false) and not medley.setlist_visible(p_user_id, p_setlist_id) then
    perform medley.fail('not_found', 'nothing visible has that id', p_argument,
      'Pass an id of get_event_setlists or get_setlist.');
  end if;
  if v_locked then
    perform medley.fail('conflict', format('the setlist %s is locked', p_setlist_id), p_argument,
      'A locked setlist stays as it is.');
  end if;
  if v_ended_at <= p_as_of then
    perform medley.fail('conflict', format('the show of the setlist %s is in the past', p_setlist_id), p_argument,
      'Choose a setlist of an upcoming show.');
  end if;
end;
$$;

comment on function medley.lock_open_setlist(uuid, uuid, text, timestamptz) is
  'Locks the row of a setlist that p_user_id sees and that is open at p_as_of. Errors, naming p_argument: not_found, '
  'conflict (locked, or its show is in the past).';
revoke all on function medley.lock_open_setlist(uuid, uuid, text, timestamptz)
from public, anon, authenticated, service_role;

create or replace function medley.begin_setlist_edit(
  p_user_id uuid,
  p_setlist_id uuid,
  p_argument text,
  p_as_of timestamptz
)
returns uuid
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_user_id uuid;
begin
  -- The service edits every setlist, whatever its state, when it names no member.
  if p_user_id is null and medley.is_service() then
    perform from public.setlists as s
    where s.id = p_setlist_id
    for no key update;
    if not found then
      perform medley.fail('not_found', 'there is no such setlist', p_argument, 'Pass an id of setlists.');
    end if;
    return null;
  end if;
  v_user_id := medley.acting_user(p_user_id);
  perform medley.lock_open_setlist(v_user_id, p_setlist_id, p_argument, p_as_of);
  if not exists (
    select from public.setlists as s
    where s.id = p_setlist_id and s.type = 'user_created' and s.created_by = v_user_id
  ) then
    perform medley.fail('forbidden', 'the setlist belongs to somebody else', p_argument, 'Make one of your own with create_setlist.');
  end if;
  return v_user_id;
end;
$$;

comment on function medley.begin_setlist_edit(uuid, uuid, text, timestamptz) is
  'Who edits a setlist now, whose row is locked: the acting member an open one of their own, the service that names nobody '
  '(null) any. Errors: those of acting_user; naming p_argument: not_found, conflict (locked, or its show is in the past), '
  'forbidden (somebody else''s).';
revoke all on function medley.begin_setlist_edit(uuid, uuid, text, timestamptz)
from public, anon, authenticated, service_role;

create or replace function medley.check_songs_of_artist(
  p_user_id uuid,
  p_artist_id uuid,
  p_song_ids uuid[],
  p_argument text
)
returns void
language plpgsql stable parallel safe security definer set search_path = ''
as $$
declare
  v_song_id uuid;
begin
  select w.id into v_song_id
  from unnest(p_song_ids) as w (id)
  where w.id is null
    or not exists (select from public.songs as s where s.id = w.id)
    or not medley.visible_to(p_user_id, w.id)
  limit 1;
  if found then
    perform medley.fail('not_found', format('no song %s', coalesce(v_song_id::text, 'null')), p_argument, 'Pass ids of songs.');
  end if;

  select w.id into v_song_id
  from unnest(p_song_ids) as w (id)
  where not exists (select from public.artist_songs as l where l.song_id = w.id and l.artist_id = p_artist_id)
  limit 1;
  if found then
    perform medley.fail('invalid_argument', format('the song %s is not one that the artist plays', v_song_id), p_argument,
      'Pass songs that artist_songs links with the artist; covers are linked too.');
  end if;
end;
$$;

comment on function medley.check_songs_of_artist(uuid, uuid, uuid[], text) is
  'Refuses songs that do not exist or are not visible (not_found), or that artist_songs does not link with the artist '
  '(invalid_argument), naming p_argument.';
revoke all on function medley.check_songs_of_artist(uuid, uuid, uuid[], text)
from public, anon, authenticated, service_role;

create or replace function medley.create_setlist(
  p_user_id uuid,
  p_event_id uuid,
  p_artist_id uuid,
  p_name text,
  p_song_ids uuid[],
  p_as_of timestamptz
)
returns uuid
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_user_id uuid := medley.acting_user(p_user_id);
  v_event public.events;
  v_setlist_id uuid;
begin
  select e.* into v_event from public.events as e where e.id = p_event_id and medley.visible_to(v_user_id, e.id);
  if v_event.id is null then
    perform medley.fail('not_found', 'no such show', 'p_event_id', 'Pass the id of an event.');
  end if;
  if coalesce(v_event.ends_at, v_event.starts_at) <= p_as_of then
    perform medley.fail('conflict', 'the show is in the past', 'p_event_id', 'Choose an upcoming show.');
  end if;
  if p_artist_id is distinct from v_event.headliner_artist_id
    and not exists (
      select from public.event_artists as b where b.event_id = p_event_id and b.artist_id = p_artist_id
    )
  then
    perform medley.fail('invalid_argument', 'the artist does not play at that show', 'p_artist_id',
      'Pass the headliner of the show or an artist of event_artists.');
  end if;
  if p_name is null or length(btrim(p_name)) not between 1 and 255 then
    perform medley.fail('invalid_argument', 'a name has 1 to 255 characters', 'p_name', 'Name the setlist.');
  end if;
  if cardinality(p_song_ids) > 100 then
    perform medley.fail('too_large', format('p_song_ids holds %s songs', cardinality(p_song_ids)), 'p_song_ids',
      'A setlist has at most 100 songs.');
  end if;
  if exists (select from unnest(p_song_ids) as w (id) group by w.id having count(*) > 1) then
    perform medley.fail('conflict', 'a song stands twice in p_song_ids', 'p_song_ids', 'Name each song once.');
  end if;
  perform medley.check_songs_of_artist(v_user_id, p_artist_id, p_song_ids, 'p_song_ids');

  insert into public.setlists (event_id, artist_id, type, name, created_by)
  values (p_event_id, p_artist_id, 'user_created', btrim(p_name), v_user_id)
  returning id into v_setlist_id;
  insert into public.setlist_songs (setlist_id, song_id, position)
  select v_setlist_id, w.id, w.place
  from unnest(p_song_ids) with ordinality as w (id, place);
  return v_setlist_id;
end;
$$;

comment on function medley.create_setlist(uuid, uuid, uuid, text, uuid[], timestamptz) is
  'Makes a setlist of the member; see public.create_setlist. '
  'Errors: unauthenticated, forbidden, not_found, conflict, invalid_argument, too_large.';
revoke all on function medley.create_setlist(uuid, uuid, uuid, text, uuid[], timestamptz)
from public, anon, authenticated, service_role;
grant execute on function medley.create_setlist(uuid, uuid, uuid, text, uuid[], timestamptz)
to authenticated, service_role;

create or replace function medley.check_position(p_position int, p_last int)
returns void
language plpgsql immutable parallel safe security invoker set search_path = ''
as $$
begin
  if p_position not between 1 and p_last then
    perform medley.fail('invalid_argument', format('p_position must be between 1 and %s, got %s', p_last, p_position),
      'p_position', 'Positions count from 1 without gaps.');
  end if;
end;
$$;

comment on function medley.check_position(int, int) is 'Refuses a position that is not from 1 to p_last; null passes. Errors: invalid_argument.';
revoke all on function medley.check_position(int, int) from public, anon, authenticated, service_role;

create or replace function medley.add_setlist_song(
  p_user_id uuid,
  p_setlist_id uuid,
  p_song_id uuid,
  p_position int,
  p_as_of timestamptz
)
returns uuid
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_user_id uuid;
  v_count int;
  v_position int;
  v_setlist_song_id uuid;
begin
  v_user_id := medley.begin_setlist_edit(p_user_id, p_setlist_id, 'p_setlist_id', p_as_of);
  perform medley.check_songs_of_artist(v_user_id, s.artist_id, array[p_song_id], 'p_song_id')
  from public.setlists as s
  where s.id = p_setlist_id;

  select coalesce(max(g.position), 0) into v_count from public.setlist_songs as g where g.setlist_id = p_setlist_id;
  perform medley.check_position(p_position, v_count + 1);
  if v_count >= 100 then
    perform medley.fail('too_large', 'the setlist is full', 'p_setlist_id', 'A setlist has at most 100 songs.');
  end if;
  if exists (select from public.setlist_songs as g where g.setlist_id = p_setlist_id and g.song_id = p_song_id) then
    perform medley.fail('conflict', 'the song is on the setlist already', 'p_song_id', 'Move it with move_setlist_song.');
  end if;

  v_position := coalesce(p_position, v_count + 1);
  update public.setlist_songs as g
  set position = g.position + 1
  where g.setlist_id = p_setlist_id and g.position >= v_position;
  insert into public.setlist_songs (setlist_id, song_id, position)
  values (p_setlist_id, p_song_id, v_position)
  returning id into v_setlist_song_id;
  return v_setlist_song_id;
end;
$$;

comment on function medley.add_setlist_song(uuid, uuid, uuid, int, timestamptz) is
  'Puts a song on a setlist; see public.add_setlist_song. '
  'Errors: unauthenticated, forbidden, not_found, conflict, invalid_argument, too_large.';
revoke all on function medley.add_setlist_song(uuid, uuid, uuid, int, timestamptz)
from public, anon, authenticated, service_role;
grant execute on function medley.add_setlist_song(uuid, uuid, uuid, int, timestamptz) to authenticated, service_role;

create or replace function medley.setlist_of_song(p_setlist_song_id uuid)
returns uuid
language sql stable parallel safe security definer set search_path = ''
as $$ select g.setlist_id from public.setlist_songs as g where g.id = p_setlist_song_id $$;

comment on function medley.setlist_of_song(uuid) is 'The setlist that this row of setlist_songs belongs to.';
revoke all on function medley.setlist_of_song(uuid) from public, anon, authenticated, service_role;

create or replace function medley.move_setlist_song(
  p_user_id uuid,
  p_setlist_song_id uuid,
  p_position int,
  p_as_of timestamptz
)
returns void
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_setlist_id uuid := medley.setlist_of_song(p_setlist_song_id);
  v_from int;
begin
  perform medley.begin_setlist_edit(p_user_id, v_setlist_id, 'p_setlist_song_id', p_as_of);
  if p_position is null then
    perform medley.fail('invalid_argument', 'p_position is missing', 'p_position', 'Say where the song goes.');
  end if;
  perform medley.check_position(p_position, max(g.position))
  from public.setlist_songs as g
  where g.setlist_id = v_setlist_id;
  select g.position into v_from from public.setlist_songs as g where g.id = p_setlist_song_id;

  -- One statement: positions are unique again when it ends.
  update public.setlist_songs as g
  set position = case
    when g.id = p_setlist_song_id then p_position
    when p_position < v_from then g.position + 1
    else g.position - 1
  end
  where g.setlist_id = v_setlist_id
    and g.position between least(v_from, p_position) and greatest(v_from, p_position);
end;
$$;

comment on function medley.move_setlist_song(uuid, uuid, int, timestamptz) is
  'Moves a song of a setlist to another position; see public.move_setlist_song. '
  'Errors: unauthenticated, forbidden, not_found, conflict, invalid_argument.';
revoke all on function medley.move_setlist_song(uuid, uuid, int, timestamptz)
from public, anon, authenticated, service_role;
grant execute on function medley.move_setlist_song(uuid, uuid, int, timestamptz) to authenticated, service_role;

create or replace function medley.remove_setlist_song(p_user_id uuid, p_setlist_song_id uuid, p_as_of timestamptz)
returns void
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_setlist_id uuid := medley.setlist_of_song(p_setlist_song_id);
  v_position int;
begin
  perform medley.begin_setlist_edit(p_user_id, v_setlist_id, 'p_setlist_song_id', p_as_of);
  delete from public.setlist_songs as g
  where g.id = p_setlist_song_id
  returning g.position into v_position;
  update public.setlist_songs as g
  set position = g.position - 1
  where g.setlist_id = v_setlist_id and g.position > v_position;
end;
$$;

comment on function medley.remove_setlist_song(uuid, uuid, timestamptz) is
  'Takes a song off a setlist, with its votes; see public.remove_setlist_song. '
  'Errors: unauthenticated, forbidden, not_found, conflict.';
revoke all on function medley.remove_setlist_song(uuid, uuid, timestamptz)
from public, anon, authenticated, service_role;
grant execute on function medley.remove_setlist_song(uuid, uuid, timestamptz) to authenticated, service_role;

create or replace function medley.lock_setlist(p_setlist_id uuid, p_locked boolean)
returns void
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
begin
  update public.setlists as s
  set is_locked = coalesce(p_locked, true)
  where s.id = p_setlist_id;
  if not found then
    perform medley.fail('not_found', format('no setlist %s', p_setlist_id), 'p_setlist_id', 'Pass an id of setlists.');
  end if;
end;
$$;

comment on function medley.lock_setlist(uuid, boolean) is 'Locks a setlist, or unlocks it. Errors: not_found.';
revoke all on function medley.lock_setlist(uuid, boolean) from public, anon, authenticated, service_role;
grant execute on function medley.lock_setlist(uuid, boolean) to service_role;

-- No SET: it inlines into the queries of definer functions, which alone may run it.
create or replace function medley.setlist_rows(p_user_id uuid, p_setlist_id uuid)
returns table (
  setlist_song_id uuid, song_id uuid,
  "position" int, -- noqa: RF06
  title text, artist text, duration_ms int, upvotes int, downvotes int, my_vote int
)
language sql stable parallel safe security invoker
begin atomic
  select
    g.id,
    g.song_id,
    g.position,
    s.title,
    s.artist,
    s.duration_ms,
    g.upvotes,
    g.downvotes,
    case
      when p_user_id is not null then coalesce(
        (select v.vote::int from public.setlist_votes as v where v.setlist_song_id = g.id and v.user_id = p_user_id), 0
      )
    end
  from public.setlist_songs as g
  inner join public.songs as s on s.id = g.song_id
  where g.setlist_id = p_setlist_id;
end;

comment on function medley.setlist_rows(uuid, uuid) is 'The songs of a setlist with their counters and the member''s votes, in no order.';
revoke all on function medley.setlist_rows(uuid, uuid) from public, anon, authenticated, service_role;

create or replace function medley.get_setlist(p_setlist_id uuid)
returns table (
  setlist_song_id uuid, song_id uuid,
  "position" int, -- noqa: RF06
  title text, artist text, duration_ms int, upvotes int, downvotes int, my_vote int
)
language plpgsql stable parallel safe security definer
set search_path = '' set plan_cache_mode = force_generic_plan
as $$
begin
  if not medley.setlist_visible(auth.uid(), p_setlist_id) then
    perform medley.fail('not_found', 'no such setlist', 'p_setlist_id', 'Pass an id of get_event_setlists.');
  end if;
  return query
  select r.*
  from medley.setlist_rows(auth.uid(), p_setlist_id) as r
  order by r.position;
end;
$$;

comment on function medley.get_setlist(uuid) is 'The songs of a setlist in order; see public.get_setlist. Errors: not_found.';
revoke all on function medley.get_setlist(uuid) from public, anon, authenticated, service_role;
grant execute on function medley.get_setlist(uuid) to anon, authenticated, service_role;

create or replace function medley.get_event_setlists(p_event_id uuid)
returns table (
  setlist_id uuid, type text, name text, artist_id uuid, artist text, created_by uuid, is_locked boolean,
  total_votes int, songs jsonb
)
language plpgsql stable parallel safe security definer
set search_path = '' set plan_cache_mode = force_generic_plan
as $$
begin
  if p_event_id is null
    or not exists (select from public.events as e where e.id = p_event_id)
    or not medley.visible_to(auth.uid(), p_event_id)
  then
    perform medley.fail('not_found', 'no such show', 'p_event_id', 'Pass the id of an event.');
  end if;
  return query
  select
    s.id,
    s.type,
    s.name,
    s.artist_id,
    a.name,
    s.created_by,
    s.is_locked,
    s.total_votes,
    (
      select coalesce(jsonb_agg(to_jsonb(r) order by r.position), '[]')
      from medley.setlist_rows(auth.uid(), s.id) as r
    )
  from public.setlists as s
  inner join public.artists as a on a.id = s.artist_id
  where s.event_id = p_event_id and medley.setlist_visible(auth.uid(), s.id)
  order by array_position(array['actual', 'predicted', 'user_created'], s.type), s.order_index, s.total_votes desc, s.id
  limit 200;
end;
$$;

comment on function medley.get_event_setlists(uuid) is 'The setlists of a show with their songs; see public.get_event_setlists. Errors: not_found.';
revoke all on function medley.get_event_setlists(uuid) from public, anon, authenticated, service_role;
grant execute on function medley.get_event_setlists(uuid) to anon, authenticated, service_role;

create trigger setlists_updated_at
before update of name, is_locked, order_index, type, event_id, artist_id, setlistfm_id on public.setlists
for each row execute function medley.set_updated_at();

-- sql/packs/live/votes.sql
-- Votes on songs of setlists. Every counter equals a recount at any moment: triggers keep them, whoever writes.
-- Locks are taken in one order: the setlist, its songs, the votes, profiles by id, the engine's rows.
-- One thing cannot keep it: an account goes with its profile first. Deleted in the moment in which a song that it voted
-- for is taken off, one of both may have to be tried again.
insert into medley.engagement_kinds
  (kind, weight, half_life_days, polarity, engagement, marks_seen, value_rule, social_signal, description)
values
  ('unvote', -1, 30, 0, 0.2, false, 'none', null, 'No longer votes for it: takes back what a vote was worth.'),
  -- Not wanting to hear a song at a show is no rejection of the song.
  ('downvote', -1, 30, 0, 0.3, true, 'none', null, 'A vote against the item.'),
  ('undownvote', 1, 30, 0, 0.2, false, 'none', null, 'No longer votes against it: takes back what that was worth.')
on conflict (kind) do nothing;

create or replace function medley.count_setlist_votes()
returns trigger
language plpgsql volatile parallel unsafe security definer
set search_path = '' set plan_cache_mode = force_generic_plan
as $$
declare
  v_songs uuid[];
  v_users uuid[];
  v_votes int[];
  v_signs int[];
begin
  if tg_op = 'INSERT' then
    select array_agg(n.setlist_song_id), array_agg(n.user_id), array_agg(n.vote), array_agg(1)
    into v_songs, v_users, v_votes, v_signs
    from new_rows as n;
  elsif tg_op = 'DELETE' then
    select array_agg(o.setlist_song_id), array_agg(o.user_id), array_agg(o.vote), array_agg(-1)
    into v_songs, v_users, v_votes, v_signs
    from old_rows as o;
  else
    select array_agg(c.setlist_song_id), array_agg(c.user_id), array_agg(c.vote), array_agg(c.sign)
    into v_songs, v_users, v_votes, v_signs
    from (
      select n.setlist_song_id, n.user_id, n.vote, 1 as sign from new_rows as n
      union all
      select o.setlist_song_id, o.user_id, o.vote, -1 from old_rows as o
    ) as c;
  end if;
  if v_songs is null then
    return null;
  end if;

  perform from public.setlists as s
  where s.id in (
    select g.setlist_id
    from unnest(v_songs) as c (id)
    inner join public.setlist_songs as g on g.id = c.id
  )
  order by s.id
  for no key update;

  -- Votes that go with their song are taken off by the song's own trigger.
  with change as (
    select
      c.id,
      sum(c.sign) filter (where c.vote = 1) as upvotes,
      sum(c.sign) filter (where c.vote = -1) as downvotes
    from unnest(v_songs, v_votes, v_signs) as c (id, vote, sign)
    group by c.id
  ),

  counted as (
    update public.setlist_songs as g
    set upvotes = g.upvotes + coalesce(c.upvotes, 0), downvotes = g.downvotes + coalesce(c.downvotes, 0)
    from change as c
    where g.id = c.id
    returning g.setlist_id, coalesce(c.upvotes, 0) + coalesce(c.downvotes, 0) as votes
  )

  update public.setlists as s
  set total_votes = s.total_votes + c.votes
  from (select d.setlist_id, sum(d.votes) as votes from counted as d group by d.setlist_id) as c
  where s.id = c.setlist_id and c.votes <> 0;

  if tg_op <> 'UPDATE' then
    perform from public.profiles as p
    where p.id = any(v_users)
    order by p.id
    for no key update;

    update public.profiles as p
    set total_votes = p.total_votes + c.votes
    from (
      select u.id, sum(u.sign) as votes from unnest(v_users, v_signs) as u (id, sign) group by u.id
    ) as c
    where p.id = c.id;
  end if;
  return null;
end;
$$;

comment on function medley.count_setlist_votes() is
  'Statement trigger with transition tables on setlist_votes: the counters of songs, setlists and profiles follow.';
revoke all on function medley.count_setlist_votes() from public, anon, authenticated, service_role;

create or replace function medley.uncount_setlist_songs()
returns trigger
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
begin
  update public.setlists as s
  set total_votes = s.total_votes - c.votes
  from (select o.setlist_id, sum(o.upvotes + o.downvotes) as votes from old_rows as o group by o.setlist_id) as c
  where s.id = c.setlist_id and c.votes <> 0;
  return null;
end;
$$;

comment on function medley.uncount_setlist_songs() is
  'Statement trigger with transition table old_rows on setlist_songs: a song that leaves a setlist takes its votes off the total.';
revoke all on function medley.uncount_setlist_songs() from public, anon, authenticated, service_role;

create or replace function medley.lock_setlists_of_song()
returns trigger
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
begin
  perform from public.setlists as s
  where s.id in (select g.setlist_id from public.setlist_songs as g where g.song_id = old.id)
  order by s.id
  for no key update;
  return old;
end;
$$;

comment on function medley.lock_setlists_of_song() is
  'Row trigger on songs that are deleted: locks the setlists first, as votes do, so that neither waits for the other forever.';
revoke all on function medley.lock_setlists_of_song() from public, anon, authenticated, service_role;

create or replace function medley.count_artist_follows()
returns trigger
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_users uuid[];
  v_signs int[];
begin
  if tg_op = 'INSERT' then
    select array_agg(n.user_id), array_agg(1) into v_users, v_signs
    from new_rows as n
    inner join medley.items as i on i.id = n.item_id and i.kind = 'artist';
  elsif tg_op = 'DELETE' then
    select array_agg(o.user_id), array_agg(-1) into v_users, v_signs
    from old_rows as o
    inner join medley.items as i on i.id = o.item_id and i.kind = 'artist';
  else
    select array_agg(c.user_id), array_agg(c.sign) into v_users, v_signs
    from (
      select n.user_id, n.item_id, 1 as sign from new_rows as n
      union all
      select o.user_id, o.item_id, -1 from old_rows as o
    ) as c
    inner join medley.items as i on i.id = c.item_id and i.kind = 'artist';
  end if;

  perform from public.profiles as p
  where p.id = any(v_users)
  order by p.id
  for no key update;

  update public.profiles as p
  set total_follows = p.total_follows + c.follows
  from (select u.id, sum(u.sign) as follows from unnest(v_users, v_signs) as u (id, sign) group by u.id) as c
  where p.id = c.id and c.follows <> 0;
  return null;
end;
$$;

comment on function medley.count_artist_follows() is
  'Statement trigger with transition tables on item_follows: total_follows of profiles follows.';
revoke all on function medley.count_artist_follows() from public, anon, authenticated, service_role;

create or replace function medley.uncount_artist_follows()
returns trigger
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
begin
  -- While the follows are still there: when the artist's item is gone they no longer say that they were an artist's.
  perform from public.profiles as p
  inner join public.item_follows as f on f.user_id = p.id
  where f.item_id = old.id
  order by p.id
  for no key update of p;

  update public.profiles as p
  set total_follows = p.total_follows - 1
  from public.item_follows as f
  where f.item_id = old.id and p.id = f.user_id;
  return old;
end;
$$;

comment on function medley.uncount_artist_follows() is 'Row trigger on items: an artist that is deleted is taken off its followers'' counts.';
revoke all on function medley.uncount_artist_follows() from public, anon, authenticated, service_role;

create or replace function medley.count_new_profile()
returns trigger
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
begin
  new.total_votes := (select count(*) from public.setlist_votes as v where v.user_id = new.id);
  new.total_follows := (
    select count(*)
    from public.item_follows as f
    inner join medley.items as i on i.id = f.item_id and i.kind = 'artist'
    where f.user_id = new.id
  );
  return new;
end;
$$;

comment on function medley.count_new_profile() is 'Row trigger on profiles: one that comes late begins with what the member did before.';
revoke all on function medley.count_new_profile() from public, anon, authenticated, service_role;

create or replace function medley.log_setlist_votes()
returns trigger
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_songs uuid[];
  v_users uuid[];
  v_kinds text[];
  v_times timestamptz[];
  v_events jsonb;
begin
  if tg_op = 'INSERT' then
    select array_agg(n.setlist_song_id), array_agg(n.user_id), array_agg(n.voted_at),
      array_agg(case n.vote when 1 then 'vote' else 'downvote' end)
    into v_songs, v_users, v_times, v_kinds
    from new_rows as n;
  elsif tg_op = 'DELETE' then
    select array_agg(o.setlist_song_id), array_agg(o.user_id), array_agg(null::timestamptz),
      array_agg(case o.vote when 1 then 'unvote' else 'undownvote' end)
    into v_songs, v_users, v_times, v_kinds
    from old_rows as o;
  else
    -- What was said is taken back first.
    select
      array_agg(c.setlist_song_id order by c.said), array_agg(c.user_id order by c.said),
      array_agg(c.voted_at order by c.said), array_agg(k.kind order by c.said)
    into v_songs, v_users, v_times, v_kinds
    from (
      (
        select true as said, n.setlist_song_id, n.user_id, n.vote, n.voted_at from new_rows as n
        inner join old_rows as o on o.setlist_song_id = n.setlist_song_id and o.user_id = n.user_id and o.vote <> n.vote
      )
      union all
      (
        select false, o.setlist_song_id, o.user_id, o.vote, null from new_rows as n
        inner join old_rows as o on o.setlist_song_id = n.setlist_song_id and o.user_id = n.user_id and o.vote <> n.vote
      )
    ) as c
    inner join (
      values (true, 1, 'vote'), (true, -1, 'downvote'), (false, 1, 'unvote'), (false, -1, 'undownvote')
    ) as k (said, vote, kind) on k.said = c.said and k.vote = c.vote;
  end if;
  if v_songs is null then
    return null;
  end if;

  -- What goes with its song or setlist is no withdrawal. A load writes many: twenty thousand at a time.
  for v_events in
    select jsonb_agg(
      jsonb_build_object(
        'user_id', c.user_id,
        'item_id', g.song_id,
        'kind', c.kind,
        -- The clock and not the transaction's time: one may vote, take it back and vote again within a transaction.
        'occurred_at', case when c.voted_at < now() then c.voted_at else clock_timestamp() end
      )
      order by c.place
    )
    from unnest(v_songs, v_users, v_kinds, v_times) with ordinality as c (setlist_song_id, user_id, kind, voted_at, place)
    inner join public.setlist_songs as g on g.id = c.setlist_song_id
    group by (c.place - 1) / 20000
  loop
    -- Named outside the events, the member is looked up once. An account that is being deleted is none.
    perform from medley.write_engagements(
      case when tg_op <> 'DELETE' and v_users[1] = all(v_users) then v_users[1] end, v_events, '-infinity', now()
    );
  end loop;
  return null;
end;
$$;

comment on function medley.log_setlist_votes() is
  'Statement trigger with transition tables on setlist_votes: votes are engagements with the song, vote or downvote; one '
  'that ends or changes is taken back by unvote or undownvote.';
revoke all on function medley.log_setlist_votes() from public, anon, authenticated, service_role;

create or replace function medley.vote_setlist_song(
  p_user_id uuid,
  p_setlist_song_id uuid,
  p_vote int,
  p_as_of timestamptz
)
returns table (setlist_song_id uuid, upvotes int, downvotes int, my_vote int, total_votes int)
language plpgsql volatile parallel unsafe security definer
set search_path = '' set plan_cache_mode = force_generic_plan
as $$
declare
  v_user_id uuid := medley.acting_user(p_user_id);
  v_setlist_id uuid := (select g.setlist_id from public.setlist_songs as g where g.id = p_setlist_song_id);
  v_vote int;
begin
  if p_vote is null or p_vote not in (-1, 0, 1) then
    perform medley.fail('invalid_argument', format('p_vote must be 1, -1 or 0, got %s', p_vote), 'p_vote',
      'Pass 1 for the song, -1 against it, 0 to withdraw the vote.');
  end if;
  -- One voter of a setlist at a time from here on.
  perform medley.lock_open_setlist(v_user_id, v_setlist_id, 'p_setlist_song_id', p_as_of);

  select v.vote into v_vote
  from public.setlist_songs as g
  left join public.setlist_votes as v on v.setlist_song_id = g.id and v.user_id = v_user_id
  where g.id = p_setlist_song_id;
  if not found then
    perform medley.fail('not_found', format('the song %s has left its setlist', p_setlist_song_id), 'p_setlist_song_id',
      'Read the setlist again.');
  end if;

  if p_vote = 0 then
    if v_vote is not null then
      delete from public.setlist_votes as v
      where v.setlist_song_id = p_setlist_song_id and v.user_id = v_user_id;
    end if;
  elsif v_vote is null then
    insert into public.setlist_votes (setlist_song_id, user_id, vote, voted_at)
    values (p_setlist_song_id, v_user_id, p_vote, p_as_of);
  elsif v_vote <> p_vote then
    update public.setlist_votes as v
    set vote = p_vote, voted_at = p_as_of
    where v.setlist_song_id = p_setlist_song_id and v.user_id = v_user_id;
  end if;

  return query
  select g.id, g.upvotes, g.downvotes, p_vote, s.total_votes
  from public.setlist_songs as g
  inner join public.setlists as s on s.id = g.setlist_id
  where g.id = p_setlist_song_id;
end;
$$;

comment on function medley.vote_setlist_song(uuid, uuid, int, timestamptz) is
  'Casts, changes or withdraws the member''s vote at the time p_as_of; see public.vote_setlist_song. '
  'Errors: unauthenticated, forbidden, invalid_argument, not_found, conflict.';
revoke all on function medley.vote_setlist_song(uuid, uuid, int, timestamptz)
from public, anon, authenticated, service_role;
grant execute on function medley.vote_setlist_song(uuid, uuid, int, timestamptz) to authenticated, service_role;

create trigger setlist_votes_1_count_insert
after insert on public.setlist_votes referencing new table as new_rows
for each statement execute function medley.count_setlist_votes();
create trigger setlist_votes_1_count_update
after update on public.setlist_votes referencing old table as old_rows new table as new_rows
for each statement execute function medley.count_setlist_votes();
create trigger setlist_votes_1_count_delete
after delete on public.setlist_votes referencing old table as old_rows
for each statement execute function medley.count_setlist_votes();
create trigger setlist_votes_2_engagements_insert
after insert on public.setlist_votes referencing new table as new_rows
for each statement execute function medley.log_setlist_votes();
create trigger setlist_votes_2_engagements_update
after update on public.setlist_votes referencing old table as old_rows new table as new_rows
for each statement execute function medley.log_setlist_votes();
create trigger setlist_votes_2_engagements_delete
after delete on public.setlist_votes referencing old table as old_rows
for each statement execute function medley.log_setlist_votes();
create trigger setlist_songs_uncount
after delete on public.setlist_songs referencing old table as old_rows
for each statement execute function medley.uncount_setlist_songs();
create trigger songs_lock_setlists
before delete on public.songs
for each row execute function medley.lock_setlists_of_song();
create trigger item_follows_count_insert
after insert on public.item_follows referencing new table as new_rows
for each statement execute function medley.count_artist_follows();
create trigger item_follows_count_update
after update on public.item_follows referencing old table as old_rows new table as new_rows
for each statement execute function medley.count_artist_follows();
create trigger item_follows_count_delete
after delete on public.item_follows referencing old table as old_rows
for each statement execute function medley.count_artist_follows();
create trigger items_uncount_follows
before delete on medley.items
for each row when (old.kind = 'artist') execute function medley.uncount_artist_follows();
create trigger profiles_count
before insert on public.profiles
for each row execute function medley.count_new_profile();

-- sql/packs/live/predictions.sql
-- Predicted setlists: what an artist may play at a show, from what the artist played before.
-- A song's chance is its rate, decayed by shows, times what the time since it was last played has meant for this
-- artist: who never repeats a song on the next night and who plays one list all year are both learnt from their shows.
insert into medley.settings (key, value, description)
values
  ('setlists.shows', 100, 'How many of an artist''s last shows predictions look at, 5 to 500.'),
  ('setlists.half_life_shows', 20, 'Shows after which a performance counts half in the rate of a song, 1 to 500.'),
  ('setlists.longest_gap', 6, 'Songs not played for so many shows or more are taken alike, 2 to 50.'),
  ('setlists.gap_prior', 20, 'Performances that speak for the time since the last one not mattering, 1 to 1000.'),
  ('setlists.days_ahead', 365, 'Shows up to so many days ahead are predicted, 1 to 3650.');

create table medley.setlist_predictions (
  setlist_id uuid primary key references public.setlists (id) on delete cascade,
  predicted_at timestamptz not null,
  plays bigint not null
);

comment on table medley.setlist_predictions is 'When and from what each predicted setlist was predicted last.';
comment on column medley.setlist_predictions.setlist_id is 'The setlist.';
comment on column medley.setlist_predictions.predicted_at is 'When it was predicted.';
comment on column medley.setlist_predictions.plays is 'How many songs on actual setlists of the artist were known; another number means that it is outdated.';

alter table medley.setlist_predictions enable row level security;
revoke all on medley.setlist_predictions from public, anon, authenticated, service_role;

create or replace function medley.past_plays(p_artist_id uuid, p_before timestamptz, p_shows int)
returns table (show_no int, song_id uuid, place double precision, songs int)
language sql stable parallel safe security invoker
begin atomic
  with show as (
    select s.id, row_number() over (order by e.starts_at desc, s.order_index desc, s.id desc)::int as shows_ago
    from public.setlists as s
    inner join public.events as e on e.id = s.event_id
    where s.artist_id = p_artist_id
      and s.type = 'actual'
      and e.starts_at < p_before
      and exists (select from public.setlist_songs as g where g.setlist_id = s.id)
    order by e.starts_at desc, s.order_index desc, s.id desc
    limit p_shows
  )

  select
    (max(w.shows_ago) over () - w.shows_ago + 1)::int,
    -- Recordings of one work are one song; played twice, the first time counts.
    coalesce(r.duplicate_of, r.id),
    min((g.position - 0.5) / w.songs),
    w.songs::int
  from (
    select h.id, h.shows_ago, max(l.position) as songs
    from show as h
    inner join public.setlist_songs as l on l.setlist_id = h.id
    group by h.id, h.shows_ago
  ) as w
  inner join public.setlist_songs as g on g.setlist_id = w.id
  inner join public.songs as r on r.id = g.song_id
  group by w.shows_ago, w.songs, coalesce(r.duplicate_of, r.id);
end;

comment on function medley.past_plays(uuid, timestamptz, int) is
  'What the artist played at the last p_shows shows before p_before that have an actual setlist: the show, numbered from 1 '
  'for the oldest, the song, its place (0 opens, 1 closes) and how many songs the show had.';
revoke all on function medley.past_plays(uuid, timestamptz, int) from public, anon, authenticated, service_role;

create or replace function medley.predict_songs(p_artist_id uuid, p_before timestamptz, p_shows_ahead int default 0)
returns table (
  song_id uuid,
  "position" int, -- noqa: RF06
  probability double precision
)
language plpgsql stable parallel safe security definer
set search_path = '' set plan_cache_mode = force_generic_plan
as $$
declare
  v_half_life double precision := medley.setting('setlists.half_life_shows');
  v_longest int := medley.setting('setlists.longest_gap');
  v_prior double precision := medley.setting('setlists.gap_prior');
begin
  return query
  with play as materialized (
    select p.*
    from medley.past_plays(p_artist_id, p_before, medley.setting('setlists.shows')::int) as p
  ),

  show as (
    -- Show weights double every half-life; the last row is the show to predict.
    select
      n.show_no,
      power(2, n.show_no / v_half_life) as weight,
      sum(power(2, n.show_no / v_half_life)) over (order by n.show_no rows between unbounded preceding and 1 preceding) as before
    from generate_series(1, (select max(p.show_no) + 1 from play as p)) as n (show_no)
  ),

  history as (
    select
      w.show_no,
      s.song_id,
      p.song_id is not null as played,
      sum(w.weight) filter (where p.song_id is not null) over past / w.before as rate,
      w.show_no - max(w.show_no) filter (where p.song_id is not null) over past as gap
    from show as w
    cross join (select distinct d.song_id from play as d) as s
    left join play as p on p.show_no = w.show_no and p.song_id = s.song_id
    window past as (partition by s.song_id order by w.show_no rows between unbounded preceding and 1 preceding)
  ),

  -- How often songs came back after so many shows, against their rates alone. The first fifth of the shows only warms up.
  factor as (
    select
      least(h.gap, v_longest) as gap,
      (count(*) filter (where h.played) + v_prior) / (sum(h.rate) + v_prior) as factor
    from history as h
    where h.gap is not null
      and h.show_no > (select max(w.show_no) / 5 from show as w)
      and h.show_no < (select max(w.show_no) from show as w)
    group by least(h.gap, v_longest)
  ),

  chance as (
    select h.song_id, least(1, h.rate * coalesce(f.factor, 1)) as probability
    from history as h
    left join factor as f on f.gap = least(h.gap + p_shows_ahead, v_longest)
    where h.show_no = (select max(w.show_no) from show as w)
  ),

  length as (
    select percentile_disc(0.5) within group (order by l.songs) as songs
    from (
      select p.show_no, max(p.songs) as songs
      from play as p
      where p.show_no > (select max(w.show_no) - 11 from show as w)
      group by p.show_no
    ) as l
  ),

  chosen as (
    select c.song_id, c.probability
    from chance as c
    order by c.probability desc, c.song_id
    limit (select l.songs from length as l)
  ),

  placed as (
    select
      c.song_id,
      c.probability,
      sum(w.weight * p.place) / sum(w.weight) as place
    from chosen as c
    inner join play as p on p.song_id = c.song_id
    inner join show as w on w.show_no = p.show_no
    group by c.song_id, c.probability
  )

  select p.song_id, row_number() over (order by p.place, p.song_id)::int, p.probability
  from placed as p
  order by 2;
end;
$$;

comment on function medley.predict_songs(uuid, timestamptz, int) is
  'The songs that the artist may play at a show, from the shows before p_before, with p_shows_ahead shows still to come '
  'before it: as many as the median of the last ten shows, the most probable ones, each at its usual place. '
  'Nothing where no actual setlist is known. Reads only, so the past can be predicted as well.';
revoke all on function medley.predict_songs(uuid, timestamptz, int) from public, anon, authenticated, service_role;

create or replace function medley.known_plays(p_artist_id uuid)
returns bigint
language sql stable parallel safe security definer set search_path = ''
as $$
  select count(*)
  from public.setlists as s
  inner join public.setlist_songs as g on g.setlist_id = s.id
  where s.artist_id = p_artist_id and s.type = 'actual' and s.event_id is not null
$$;

comment on function medley.known_plays(uuid) is 'How many songs the actual setlists of the artist have.';
revoke all on function medley.known_plays(uuid) from public, anon, authenticated, service_role;

create or replace function medley.write_predictions(p_event_ids uuid[], p_artist_ids uuid[], p_as_of timestamptz)
returns bigint
language plpgsql volatile parallel unsafe security definer
set search_path = '' set plan_cache_mode = force_custom_plan
as $$
declare
  v_setlist_ids uuid[];
  v_of uuid[];
  v_songs uuid[];
  v_positions int[];
begin
  insert into public.setlists (event_id, artist_id, type, name)
  select w.event_id, w.artist_id, 'predicted', left('Predicted: ' || a.name, 255)
  from unnest(p_event_ids, p_artist_ids) as w (event_id, artist_id)
  inner join public.artists as a on a.id = w.artist_id
  order by w.event_id, w.artist_id
  on conflict (event_id, artist_id) where type = 'predicted' do nothing;

  -- Nobody votes while the songs change.
  select array_agg(l.id) into v_setlist_ids
  from (
    select s.id
    from unnest(p_event_ids, p_artist_ids) as w (event_id, artist_id)
    inner join public.setlists as s on s.event_id = w.event_id and s.artist_id = w.artist_id
    where s.type = 'predicted' and not s.is_locked
    order by s.id
    for no key update of s
  ) as l;
  if v_setlist_ids is null then
    return 0;
  end if;

  select
    coalesce(array_agg(s.id), '{}'), coalesce(array_agg(p.song_id), '{}'), coalesce(array_agg(p.position), '{}')
  into v_of, v_songs, v_positions
  from unnest(v_setlist_ids) as w (id)
  inner join public.setlists as s on s.id = w.id
  inner join public.events as e on e.id = s.event_id
  cross join lateral medley.predict_songs(
    s.artist_id,
    least(e.starts_at, p_as_of),
    (
      select count(*)::int
      from public.events as o
      where o.headliner_artist_id = s.artist_id
        and o.starts_at >= p_as_of and o.starts_at < e.starts_at and o.status = 'scheduled'
    )
  ) as p;

  -- Songs that are no longer predicted go, those with votes to the end.
  delete from public.setlist_songs as g
  using unnest(v_setlist_ids) as w (id)
  where g.setlist_id = w.id
    and g.upvotes + g.downvotes = 0
    and not exists (
      select from unnest(v_of, v_songs) as p (setlist_id, song_id)
      where p.setlist_id = g.setlist_id and p.song_id = g.song_id
    );

  with kept as (
    select
      g.id,
      coalesce(
        p.position,
        (select count(*) from unnest(v_of) as o (setlist_id) where o.setlist_id = g.setlist_id)
        + row_number() over (
          partition by g.setlist_id, p.position is null order by g.upvotes - g.downvotes desc, g.position
        )
      ) as position
    from unnest(v_setlist_ids) as w (id)
    inner join public.setlist_songs as g on g.setlist_id = w.id
    left join unnest(v_of, v_songs, v_positions) as p (setlist_id, song_id, position)
      on p.setlist_id = g.setlist_id and p.song_id = g.song_id
  )

  update public.setlist_songs as g
  set position = k.position
  from kept as k
  where g.id = k.id and g.position <> k.position;

  insert into public.setlist_songs (setlist_id, song_id, position)
  select p.setlist_id, p.song_id, p.position
  from unnest(v_of, v_songs, v_positions) as p (setlist_id, song_id, position)
  where not exists (
    select from public.setlist_songs as g where g.setlist_id = p.setlist_id and g.song_id = p.song_id
  );

  insert into medley.setlist_predictions as p (setlist_id, predicted_at, plays)
  select s.id, p_as_of, medley.known_plays(s.artist_id)
  from unnest(v_setlist_ids) as w (id)
  inner join public.setlists as s on s.id = w.id
  on conflict (setlist_id) do update
  set predicted_at = excluded.predicted_at, plays = excluded.plays;
  return cardinality(v_setlist_ids);
end;
$$;

comment on function medley.write_predictions(uuid[], uuid[], timestamptz) is
  'Predicts the setlists of these shows and artists, pair by pair, as of p_as_of. A song that stays keeps its votes; one that '
  'is no longer predicted stays at the end while it has votes; locked setlists stay as they are. Returns how many it wrote.';
revoke all on function medley.write_predictions(uuid[], uuid[], timestamptz)
from public, anon, authenticated, service_role;

create or replace function medley.predict_setlists(p_limit int, p_as_of timestamptz default now())
returns bigint
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_until timestamptz := p_as_of + make_interval(days => medley.setting('setlists.days_ahead')::int);
  v_event_ids uuid[];
  v_artist_ids uuid[];
begin
  with upcoming as (
    select e.id as event_id, e.starts_at, e.headliner_artist_id as artist_id
    from public.events as e
    where e.starts_at > p_as_of and e.starts_at <= v_until and e.status = 'scheduled'
      and e.headliner_artist_id is not null
    union
    select e.id, e.starts_at, b.artist_id
    from public.events as e
    inner join public.event_artists as b on b.event_id = e.id
    where e.starts_at > p_as_of and e.starts_at <= v_until and e.status = 'scheduled'
  ),

  known as materialized (
    select a.artist_id, medley.known_plays(a.artist_id) as plays
    from (select distinct u.artist_id from upcoming as u) as a
    -- Past shows speak, not those to come.
    where exists (
      select from public.setlists as s
      inner join public.events as e on e.id = s.event_id and e.starts_at < p_as_of
      where s.artist_id = a.artist_id and s.type = 'actual'
        and exists (select from public.setlist_songs as g where g.setlist_id = s.id)
    )
  ),

  due as (
    select u.event_id, u.artist_id, u.starts_at
    from known as k
    inner join upcoming as u on u.artist_id = k.artist_id
    left join public.setlists as s on s.event_id = u.event_id and s.artist_id = k.artist_id and s.type = 'predicted'
    left join medley.setlist_predictions as p on p.setlist_id = s.id
    where not coalesce(s.is_locked, false)
      and p.plays is distinct from k.plays
    order by u.starts_at, u.event_id, u.artist_id
    limit p_limit
  )

  select array_agg(d.event_id), array_agg(d.artist_id) into v_event_ids, v_artist_ids
  from due as d;
  if v_event_ids is null then
    return 0;
  end if;
  perform medley.write_predictions(v_event_ids, v_artist_ids, p_as_of);
  return cardinality(v_event_ids);
end;
$$;

comment on function medley.predict_setlists(int, timestamptz) is
  'Job: predicts up to p_limit setlists of upcoming shows, soonest first, that have no prediction or were predicted before '
  'setlists of the artist became known. Returns how many; call until that is less than p_limit.';
revoke all on function medley.predict_setlists(int, timestamptz) from public, anon, authenticated, service_role;

create or replace function medley.predict_setlist(p_event_id uuid, p_artist_id uuid, p_as_of timestamptz)
returns uuid
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_event public.events;
  v_artist_id uuid;
  v_setlist public.setlists;
begin
  select e.* into v_event from public.events as e where e.id = p_event_id;
  v_artist_id := coalesce(p_artist_id, v_event.headliner_artist_id);
  if v_event.id is null then
    perform medley.fail('not_found', format('no event %s', p_event_id), 'p_event_id', 'Pass the id of an event.');
  end if;
  if v_event.starts_at <= p_as_of then
    perform medley.fail('conflict', 'the show is in the past', 'p_event_id', 'Choose an upcoming show.');
  end if;
  if v_artist_id is null or medley.known_plays(v_artist_id) = 0 then
    perform medley.fail('not_found', 'no actual setlist of the artist is known', 'p_artist_id', 'Load or import setlists first.');
  end if;
  if medley.write_predictions(array[p_event_id], array[v_artist_id], p_as_of) = 0 then
    perform medley.fail('conflict', 'the predicted setlist is locked', 'p_event_id', 'Unlock it with lock_setlist.');
  end if;
  select s.* into v_setlist
  from public.setlists as s
  where s.event_id = p_event_id and s.artist_id = v_artist_id and s.type = 'predicted';
  return v_setlist.id;
end;
$$;

comment on function medley.predict_setlist(uuid, uuid, timestamptz) is
  'Predicts the setlist of a show now; see public.predict_setlist. Errors: not_found, conflict.';
revoke all on function medley.predict_setlist(uuid, uuid, timestamptz) from public, anon, authenticated, service_role;
grant execute on function medley.predict_setlist(uuid, uuid, timestamptz) to service_role;

-- sql/packs/live/trending_artists.sql
-- Trending artists: what members did with an artist lately, and the table that serves it.
insert into medley.ranker_weights (ranker, term, weight, description)
values
  ('trending_artists', 'votes', 0.5, 'Points for each vote on a song of a setlist of the artist.'),
  ('trending_artists', 'follows', 0.3, 'Points for each new follower.'),
  ('trending_artists', 'views', 0.2, 'Points for each view of the artist''s page.');

insert into medley.settings (key, value, description)
values
  ('live.trending_days', 7, 'How many days trending_artists looks back, 1 to 365.'),
  ('live.trending_verified_only', 1, '1: trending_artists has verified artists only; 0: all.');

create table public.trending_artists (
  id uuid primary key references public.artists (id) on delete cascade,
  name text not null,
  slug text not null,
  image_url text,
  trending_score numeric not null check (trending_score >= 0),
  show_count int not null check (show_count >= 0),
  follower_count int not null check (follower_count >= 0),
  refreshed_at timestamptz not null default now()
);
create index trending_artists_score_idx on public.trending_artists (trending_score desc, id desc);

comment on table public.trending_artists is
  'Artists with what members did with them lately. Derived: the job refresh_trending_artists fills it; '
  'setting live.trending_verified_only decides whom it lists.';
comment on column public.trending_artists.id is 'The artist.';
comment on column public.trending_artists.name is 'Name.';
comment on column public.trending_artists.slug is 'For addresses.';
comment on column public.trending_artists.image_url is 'Address of a picture.';
comment on column public.trending_artists.trending_score is 'calculate_trending_score over live.trending_days days when it was refreshed.';
comment on column public.trending_artists.show_count is 'Events that the artist headlines, past ones included.';
comment on column public.trending_artists.follower_count is 'Members who follow the artist.';
comment on column public.trending_artists.refreshed_at is 'When the row last changed.';

alter table public.trending_artists enable row level security;
revoke all on public.trending_artists from public, anon, authenticated, service_role;
grant select on public.trending_artists to anon, authenticated, service_role;

create policy trending_artists_select on public.trending_artists
for select to anon, authenticated using (medley.visible_to((select auth.uid()), id));

-- No SET: it inlines into the queries of definer functions, which alone may run it.
create or replace function medley.trending_points(p_votes bigint, p_follows bigint, p_views bigint)
returns numeric
language sql stable parallel safe security invoker
return (
  select coalesce(
    sum(w.weight * case w.term when 'votes' then p_votes when 'follows' then p_follows else p_views end), 0
  )
  from medley.ranker_weights as w
  where w.ranker = 'trending_artists' and w.term in ('votes', 'follows', 'views')
);

comment on function medley.trending_points(bigint, bigint, bigint) is 'The weighted sum of votes, follows and views (ranker_weights, trending_artists).';
revoke all on function medley.trending_points(bigint, bigint, bigint) from public, anon, authenticated, service_role;

create or replace function medley.calculate_trending_score(p_artist_id uuid, p_days int, p_as_of timestamptz)
returns numeric
language plpgsql stable parallel safe security definer set search_path = ''
as $$
declare
  v_since timestamptz;
begin
  if p_days is null or p_days not between 1 and 3650 then
    perform medley.fail('invalid_argument', format('days_back must be between 1 and 3650, got %s', p_days), 'days_back',
      'Pass a number of days.');
  end if;
  if p_artist_id is null
    or not exists (select from public.artists as a where a.id = p_artist_id)
    or not medley.visible_to(auth.uid(), p_artist_id)
  then
    perform medley.fail('not_found', format('no artist %s', p_artist_id), 'artist_id_param', 'Pass the id of an artist.');
  end if;
  v_since := p_as_of - make_interval(days => p_days);
  return medley.trending_points(
    (
      select count(*)
      from public.setlists as s
      inner join public.setlist_songs as g on g.setlist_id = s.id
      inner join public.setlist_votes as v on v.setlist_song_id = g.id
      where s.artist_id = p_artist_id and v.voted_at >= v_since and v.voted_at <= p_as_of
    ),
    (
      select count(*)
      from public.item_follows as f
      where f.item_id = p_artist_id and f.created_at >= v_since and f.created_at <= p_as_of
    ),
    (
      -- The log has no index by item; whoever viewed the artist has an affinity with it, and one's own log is indexed.
      select count(*)
      from medley.items as i
      inner join (select distinct a.item_no, a.user_no from medley.affinities as a) as u on u.item_no = i.item_no
      inner join medley.engagements as e
        on e.user_no = u.user_no and e.item_no = i.item_no and e.occurred_at >= v_since and e.occurred_at <= p_as_of
      inner join medley.engagement_kinds as k on k.kind_no = e.kind_no and k.kind = 'view'
      where i.id = p_artist_id
    )
  );
end;
$$;

comment on function medley.calculate_trending_score(uuid, int, timestamptz) is
  'The points of an artist for the p_days days before p_as_of; see public.calculate_trending_score. '
  'Errors: not_found, invalid_argument.';
revoke all on function medley.calculate_trending_score(uuid, int, timestamptz)
from public, anon, authenticated, service_role;
grant execute on function medley.calculate_trending_score(uuid, int, timestamptz) to anon, authenticated, service_role;

create or replace function medley.refresh_trending_artists()
returns bigint
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_generation int := medley.begin_generation('trending_artists');
  v_since timestamptz := now() - make_interval(days => medley.setting('live.trending_days')::int);
  v_verified_only boolean := medley.setting('live.trending_verified_only') <> 0;
  v_rows bigint;
begin
  with vote as (
    select s.artist_id, count(*) as votes
    from public.setlist_votes as v
    inner join public.setlist_songs as g on g.id = v.setlist_song_id
    inner join public.setlists as s on s.id = g.setlist_id
    where v.voted_at >= v_since and v.voted_at <= now()
    group by s.artist_id
  ),

  follow as (
    select f.item_id as artist_id, count(*) as followers, count(*) filter (where f.created_at >= v_since) as follows
    from public.item_follows as f
    group by f.item_id
  ),

  seen as (
    select i.id as artist_id, count(*) as views
    from medley.engagements as e
    inner join medley.engagement_kinds as k on k.kind_no = e.kind_no and k.kind = 'view'
    inner join medley.items as i on i.item_no = e.item_no and i.kind = 'artist'
    where e.occurred_at >= v_since and e.occurred_at <= now()
    group by i.id
  ),

  show as (
    select e.headliner_artist_id as artist_id, count(*) as shows
    from public.events as e
    group by e.headliner_artist_id
  ),

  fresh as (
    select
      a.id, a.name, a.slug, a.image_url,
      medley.trending_points(coalesce(v.votes, 0), coalesce(f.follows, 0), coalesce(n.views, 0)) as trending_score,
      coalesce(s.shows, 0) as show_count,
      coalesce(f.followers, 0) as follower_count
    from public.artists as a
    left join vote as v on v.artist_id = a.id
    left join follow as f on f.artist_id = a.id
    left join seen as n on n.artist_id = a.id
    left join show as s on s.artist_id = a.id
    where a.verified or not v_verified_only
  ),

  gone as (
    delete from public.trending_artists as t
    where not exists (select from fresh as f where f.id = t.id)
    returning 1
  ),

  written as (
    insert into public.trending_artists as t (id, name, slug, image_url, trending_score, show_count, follower_count)
    select f.id, f.name, f.slug, f.image_url, f.trending_score, f.show_count, f.follower_count
    from fresh as f
    on conflict (id) do update
    set
      name = excluded.name, slug = excluded.slug, image_url = excluded.image_url,
      trending_score = excluded.trending_score, show_count = excluded.show_count,
      follower_count = excluded.follower_count, refreshed_at = now()
    where (t.name, t.slug, t.image_url, t.trending_score, t.show_count, t.follower_count)
      is distinct from (
        excluded.name, excluded.slug, excluded.image_url, excluded.trending_score, excluded.show_count, excluded.follower_count
      )
    returning 1
  )

  select (select count(*) from gone) + (select count(*) from written) into v_rows;
  perform medley.finish_generation('trending_artists', v_generation, (select count(*) from public.trending_artists));
  return v_rows;
end;
$$;

comment on function medley.refresh_trending_artists() is
  'Job: makes trending_artists equal to what happened in the last live.trending_days days. Returns how many rows changed.';
revoke all on function medley.refresh_trending_artists() from public, anon, authenticated, service_role;

create or replace function medley.get_trending_artists(p_limit int, p_cursor text)
returns table (
  artist_id uuid, name text, slug text, image_url text, trending_score numeric, show_count int, follower_count int,
  next_cursor text
)
language plpgsql stable parallel safe security definer
set search_path = '' set plan_cache_mode = force_custom_plan
as $$
declare
  v_limit int := medley.check_limit(p_limit);
  v_after jsonb := medley.decode_cursor(p_cursor, 'trending_artists');
  v_score numeric;
  v_id uuid;
begin
  begin
    v_score := (v_after ->> 'score')::numeric;
    v_id := (v_after ->> 'id')::uuid;
  exception when data_exception then
    v_score := null;
  end;
  if v_after is not null and num_nulls(v_score, v_id) > 0 then
    perform medley.fail('invalid_cursor', 'the cursor is damaged', 'p_cursor', 'Start again without a cursor.');
  end if;

  return query
  with page as (
    select t.*, row_number() over (order by t.trending_score desc, t.id desc) as place
    from public.trending_artists as t
    where (v_after is null or (t.trending_score, t.id) < (v_score, v_id))
      and medley.visible_to(auth.uid(), t.id)
    order by t.trending_score desc, t.id desc
    limit v_limit + 1
  )

  select
    p.id, p.name, p.slug, p.image_url, p.trending_score, p.show_count, p.follower_count,
    case
      when (select count(*) from page) > v_limit then medley.encode_cursor(
        'trending_artists',
        (
          select jsonb_build_object('score', l.trending_score::text, 'id', l.id)
          from page as l
          where l.place = v_limit
        )
      )
    end
  from page as p
  where p.place <= v_limit
  order by p.place;
end;
$$;

comment on function medley.get_trending_artists(int, text) is
  'A page of trending_artists; see public.get_trending_artists. Errors: invalid_argument, invalid_cursor.';
revoke all on function medley.get_trending_artists(int, text) from public, anon, authenticated, service_role;
grant execute on function medley.get_trending_artists(int, text) to anon, authenticated, service_role;

-- sql/packs/live/views.sql
-- The names that the outside knows: genre links, clusters, relationships and analytics as views over the tables.
create view public.artists_genres with (security_invoker = true, check_option = 'local') as
select
  g.item_id as artist_id,
  g.genre_id,
  g.created_at
from public.item_genres as g
where exists (select from public.artists as a where a.id = g.item_id);

comment on view public.artists_genres is 'The genre links of artists: item_genres under the name of the field. Updatable.';
comment on column public.artists_genres.artist_id is 'The artist.';
comment on column public.artists_genres.genre_id is 'The genre.';
comment on column public.artists_genres.created_at is 'Since when.';

create view public.events_genres with (security_invoker = true, check_option = 'local') as
select
  g.item_id as event_id,
  g.genre_id,
  g.created_at
from public.item_genres as g
where exists (select from public.events as e where e.id = g.item_id);

comment on view public.events_genres is 'The genre links of events: item_genres under the name of the field. Updatable.';
comment on column public.events_genres.event_id is 'The event.';
comment on column public.events_genres.genre_id is 'The genre.';
comment on column public.events_genres.created_at is 'Since when.';

create view public.user_follows_artists with (security_invoker = true, check_option = 'local') as
select
  f.user_id,
  f.item_id as artist_id,
  f.notifications_enabled,
  f.created_at as followed_at
from public.item_follows as f
where exists (select from public.artists as a where a.id = f.item_id);

comment on view public.user_follows_artists is 'The artists that members follow: item_follows of artists. Updatable.';
comment on column public.user_follows_artists.user_id is 'The member.';
comment on column public.user_follows_artists.artist_id is 'The artist.';
comment on column public.user_follows_artists.notifications_enabled is 'Whether the app may notify the member of news about the artist.';
comment on column public.user_follows_artists.followed_at is 'Since when.';

create view public.shows with (security_invoker = true) as
select
  e.id,
  e.ticketmaster_id,
  e.headliner_artist_id,
  e.venue_id,
  e.title as name,
  e.slug,
  e.starts_at,
  e.starts_at at time zone coalesce(
    (select v.timezone from public.venues as v where v.id = e.venue_id), 'UTC'
  ) as starts_local,
  e.status,
  e.ticket_url,
  e.min_price,
  e.max_price,
  e.currency,
  e.description,
  e.age_restrictions,
  e.created_at,
  e.updated_at
from public.events as e;

comment on view public.shows is 'Events under the names that a concert app knows. Updatable, but for starts_local.';
comment on column public.shows.id is 'The event.';
comment on column public.shows.ticketmaster_id is 'The id at Ticketmaster.';
comment on column public.shows.headliner_artist_id is 'Who tops the bill.';
comment on column public.shows.venue_id is 'Where.';
comment on column public.shows.name is 'Title as announced.';
comment on column public.shows.slug is 'For addresses.';
comment on column public.shows.starts_at is 'When it begins.';
comment on column public.shows.starts_local is 'The same in the time of the venue (UTC where that is unknown): its date and start time.';
comment on column public.shows.status is 'scheduled, cancelled or postponed.';
comment on column public.shows.ticket_url is 'Where to buy.';
comment on column public.shows.min_price is 'The cheapest ticket.';
comment on column public.shows.max_price is 'The dearest ticket.';
comment on column public.shows.currency is 'Of both prices.';
comment on column public.shows.description is 'Longer text.';
comment on column public.shows.age_restrictions is 'Who is let in, in words.';
comment on column public.shows.created_at is 'When the row was made.';
comment on column public.shows.updated_at is 'When the row last changed.';

create view public.user_profiles with (security_invoker = true) as
select
  p.id,
  p.username,
  p.display_name,
  p.bio,
  p.avatar_url,
  p.location,
  p.website,
  p.public_profile,
  p.total_votes,
  p.total_follows,
  p.created_at,
  p.updated_at
from public.profiles as p;

comment on view public.user_profiles is 'profiles under its other name. Updatable. What only the member may see, email_notifications too, is in user_preferences.';
comment on column public.user_profiles.id is 'The member.';
comment on column public.user_profiles.username is 'Unique handle.';
comment on column public.user_profiles.display_name is 'Name shown to people.';
comment on column public.user_profiles.bio is 'A few words about the member.';
comment on column public.user_profiles.avatar_url is 'Address of the picture.';
comment on column public.user_profiles.location is 'Where the member says to be.';
comment on column public.user_profiles.website is 'The member''s web site.';
comment on column public.user_profiles.public_profile is 'Whether others see the row.';
comment on column public.user_profiles.total_votes is 'How many votes the member has in setlist_votes.';
comment on column public.user_profiles.total_follows is 'How many artists the member follows.';
comment on column public.user_profiles.created_at is 'When the row was made.';
comment on column public.user_profiles.updated_at is 'When the row last changed.';

create view public.user_event_relationships with (security_invoker = true) as
select
  r.user_id,
  r.event_id,
  r.status as relationship_type,
  r.created_at,
  r.updated_at
from public.event_rsvps as r;

comment on view public.user_event_relationships is 'event_rsvps under its older name. Updatable.';
comment on column public.user_event_relationships.user_id is 'The member.';
comment on column public.user_event_relationships.event_id is 'The event.';
comment on column public.user_event_relationships.relationship_type is 'going or maybe.';
comment on column public.user_event_relationships.created_at is 'When the member answered first.';
comment on column public.user_event_relationships.updated_at is 'When the answer last changed.';

create view public.event_clusters with (security_invoker = true) as
select distinct
  e.id as event_id,
  k.cluster_path_slug,
  coalesce(v.country, '') as country
from public.events as e
inner join public.item_genres as g on g.item_id = e.id
inner join medley.genre_cluster_keys as k on k.genre_id = g.genre_id
left join public.venues as v on v.id = e.venue_id;

comment on view public.event_clusters is 'The genre clusters of each event with the country of its venue.';
comment on column public.event_clusters.event_id is 'The event.';
comment on column public.event_clusters.cluster_path_slug is 'First two segments of a genre path.';
comment on column public.event_clusters.country is 'Country of the venue; empty where unknown.';

create view public.artist_clusters with (security_invoker = true) as
select distinct
  a.id as artist_id,
  k.cluster_path_slug
from public.artists as a
inner join public.item_genres as g on g.item_id = a.id
inner join medley.genre_cluster_keys as k on k.genre_id = g.genre_id;

comment on view public.artist_clusters is 'The genre clusters of each artist.';
comment on column public.artist_clusters.artist_id is 'The artist.';
comment on column public.artist_clusters.cluster_path_slug is 'First two segments of a genre path.';

create view public.analytics_events_by_cluster with (security_invoker = true) as
select
  c.cluster_path_slug,
  c.country,
  count(*) as event_count
from public.event_clusters as c
group by c.cluster_path_slug, c.country;

comment on view public.analytics_events_by_cluster is 'How many events each genre cluster has in each country.';
comment on column public.analytics_events_by_cluster.cluster_path_slug is 'First two segments of a genre path.';
comment on column public.analytics_events_by_cluster.country is 'Country; empty where unknown.';
comment on column public.analytics_events_by_cluster.event_count is 'Events, past ones included.';

create view public.analytics_events_by_umbrella with (security_invoker = true) as
select
  k.umbrella_slug,
  count(distinct g.event_id) as event_count
from public.events_genres as g
inner join medley.genre_cluster_keys as k on k.genre_id = g.genre_id
group by k.umbrella_slug;

comment on view public.analytics_events_by_umbrella is 'How many events each umbrella genre has.';
comment on column public.analytics_events_by_umbrella.umbrella_slug is 'The umbrella.';
comment on column public.analytics_events_by_umbrella.event_count is 'Events, past ones included.';

create view public.analytics_artists_by_cluster with (security_invoker = true) as
select
  c.cluster_path_slug,
  count(*) as artist_count
from public.artist_clusters as c
group by c.cluster_path_slug;

comment on view public.analytics_artists_by_cluster is 'How many artists each genre cluster has.';
comment on column public.analytics_artists_by_cluster.cluster_path_slug is 'First two segments of a genre path.';
comment on column public.analytics_artists_by_cluster.artist_count is 'Artists.';

-- sql/packs/live/affinity.sql
-- What a member's RSVPs say about genre clusters and countries. Derived: the trigger keeps a member's rows in the
-- transaction of the RSVP, the job rebuilds everyone's, and both run the same function.
insert into medley.ranker_weights (ranker, term, weight, description)
values
  ('cluster_affinity', 'going', 1.0, 'Points that an event one goes to adds to each of its clusters.'),
  ('cluster_affinity', 'maybe', 0.5, 'Points that an event one may go to adds to each of its clusters.');

-- event_clusters for some events. An array in a condition would be compared element by element, and the view's DISTINCT
-- keeps a join out; unnest and index look-ups cost the same for each event. No SET: it inlines.
create or replace function medley.clusters_of_events(p_event_ids uuid[])
returns table (event_id uuid, cluster_path_slug text, country text)
language sql stable parallel safe security invoker
begin atomic
  select distinct e.id, k.cluster_path_slug, coalesce(v.country, '')
  from unnest(p_event_ids) as w (event_id)
  inner join public.events as e on e.id = w.event_id
  inner join public.item_genres as g on g.item_id = e.id
  inner join medley.genre_cluster_keys as k on k.genre_id = g.genre_id
  left join public.venues as v on v.id = e.venue_id;
end;

comment on function medley.clusters_of_events(uuid[]) is 'The rows of event_clusters of these events.';
revoke all on function medley.clusters_of_events(uuid[]) from public, anon, authenticated, service_role;

-- One member or 20,000: the best plans differ, so each call is planned for its own arrays.
create or replace function medley.rebuild_cluster_affinity(p_user_ids uuid[])
returns bigint
language plpgsql volatile parallel unsafe security definer
set search_path = '' set plan_cache_mode = force_custom_plan
as $$
declare
  v_event_ids uuid[];
  v_user_nos int[];
  v_rows bigint;
begin
  -- Two RSVPs of one member at once: the second waits here and then sees what the first wrote.
  select array_agg(m.user_no order by m.user_no) into v_user_nos
  from medley.member_numbers(p_user_ids) as m;
  perform from medley.members as m
  where m.user_no = any(v_user_nos)
  order by m.user_no
  for no key update;

  select array_agg(distinct r.event_id) into v_event_ids
  from public.event_rsvps as r
  where r.user_id = any(p_user_ids);

  with fresh as (
    select m.user_no, c.cluster_path_slug, c.country, sum(w.weight) as score
    from public.event_rsvps as r
    inner join medley.members as m on m.user_id = r.user_id
    inner join medley.clusters_of_events(v_event_ids) as c on c.event_id = r.event_id
    inner join medley.ranker_weights as w on w.ranker = 'cluster_affinity' and w.term = r.status
    where r.user_id = any(p_user_ids)
    group by m.user_no, c.cluster_path_slug, c.country
  ),

  gone as (
    delete from medley.user_cluster_affinity as a
    where a.user_no = any(v_user_nos)
      and not exists (
        select from fresh as f
        where f.user_no = a.user_no and f.cluster_path_slug = a.cluster_path_slug and f.country = a.country
      )
    returning 1
  ),

  written as (
    insert into medley.user_cluster_affinity as a (user_no, cluster_path_slug, country, score)
    select f.user_no, f.cluster_path_slug, f.country, f.score
    from fresh as f
    on conflict (user_no, cluster_path_slug, country) do update
    set score = excluded.score, updated_at = now()
    where a.score <> excluded.score
    returning 1
  )

  select (select count(*) from gone) + (select count(*) from written) into v_rows;
  return v_rows;
end;
$$;

comment on function medley.rebuild_cluster_affinity(uuid[]) is
  'Makes the cluster affinities of these members equal to what their RSVPs say. Returns how many rows changed.';
revoke all on function medley.rebuild_cluster_affinity(uuid[]) from public, anon, authenticated, service_role;

create or replace function medley.refresh_user_cluster_affinity()
returns bigint
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_last uuid := '00000000-0000-0000-0000-000000000000'::uuid;
  v_users uuid[];
  v_rows bigint := 0;
begin
  loop
    select array_agg(b.user_id) into v_users
    from (
      select u.user_id
      from (
        select distinct r.user_id from public.event_rsvps as r where r.user_id > v_last
        union
        select m.user_id
        from medley.members as m
        where m.user_id > v_last
          and exists (select from medley.user_cluster_affinity as a where a.user_no = m.user_no)
      ) as u
      order by u.user_id
      limit 20000
    ) as b;
    exit when v_users is null;
    v_rows := v_rows + medley.rebuild_cluster_affinity(v_users);
    v_last := v_users[cardinality(v_users)];
  end loop;
  return v_rows;
end;
$$;

comment on function medley.refresh_user_cluster_affinity() is
  'Rebuilds the cluster affinities of every member from RSVPs and event_clusters, 20,000 members at a time. '
  'Returns how many rows changed.';
revoke all on function medley.refresh_user_cluster_affinity() from public, anon, authenticated, service_role;
grant execute on function medley.refresh_user_cluster_affinity() to service_role;

create or replace function medley.follow_rsvps()
returns trigger
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_users uuid[];
begin
  if tg_op = 'INSERT' then
    select array_agg(distinct n.user_id) into v_users from new_rows as n;
  elsif tg_op = 'DELETE' then
    -- A member that is being deleted has no affinities to keep.
    select array_agg(distinct o.user_id) into v_users
    from old_rows as o
    where exists (select from auth.users as u where u.id = o.user_id);
  else
    select array_agg(distinct c.user_id) into v_users
    from (select n.user_id from new_rows as n union select o.user_id from old_rows as o) as c;
  end if;
  if v_users is not null then
    perform medley.rebuild_cluster_affinity(v_users);
  end if;
  return null;
end;
$$;

comment on function medley.follow_rsvps() is
  'Statement trigger with transition tables: the cluster affinities of members follow their RSVPs at once.';
revoke all on function medley.follow_rsvps() from public, anon, authenticated, service_role;

create trigger event_rsvps_affinity_insert
after insert on public.event_rsvps referencing new table as new_rows
for each statement execute function medley.follow_rsvps();
create trigger event_rsvps_affinity_update
after update on public.event_rsvps referencing old table as old_rows new table as new_rows
for each statement execute function medley.follow_rsvps();
create trigger event_rsvps_affinity_delete
after delete on public.event_rsvps referencing old table as old_rows
for each statement execute function medley.follow_rsvps();
create trigger event_rsvps_updated_at
before update on public.event_rsvps
for each row execute function medley.set_updated_at();

-- sql/packs/live/upcoming.sql
-- The index of upcoming events: one row an event (upcoming_events) and its posting lists (event_postings).
-- Written in the transaction that changes an event, its genres, artists or venue; read by the feed and the calendar.

-- Geographic cells are three grids: of 5 degrees (level 1), 1 degree (level 2) and a quarter of a degree (level 3).
-- A cell's number is (level * 1000 + row) * 10000 + column, rows counted from the south pole, columns from the
-- antimeridian. No SET here and in cells_around: they inline into the queries that use them.
create view medley.cell_grids as
select
  g.level,
  g.per_degree
from (values (1, 0.2::double precision), (2, 1), (3, 4)) as g (level, per_degree);

comment on view medley.cell_grids is 'The grids of geographic cells: level, and cells a degree.';
revoke all on medley.cell_grids from public, anon, authenticated, service_role;

create or replace function medley.cells_of(p_location extensions.geometry)
returns table (cell_no int, level int)
language sql immutable parallel safe security invoker
begin atomic
  select
    (
      (g.level * 1000 + floor((extensions.st_y(p_location) + 90) * g.per_degree)::int) * 10000
      + floor((extensions.st_x(p_location) + 180) * g.per_degree)::int % (360 * g.per_degree)::int
    ),
    g.level
  from medley.cell_grids as g
  where p_location is not null;
end;

comment on function medley.cells_of(extensions.geometry) is
  'The cell of each grid in which a point (WGS 84) lies; none for null.';
revoke all on function medley.cells_of(extensions.geometry) from public, anon, authenticated, service_role;

create or replace function medley.cells_around(p_home extensions.geometry, p_radius_km double precision)
returns table (cell_no int, is_fine boolean, least_km double precision)
language sql immutable parallel safe security invoker
begin atomic
  with home as (
    -- 6371.0088 km is the earth's mean radius, the one of PostGIS' sphere. Short radii take the two finer grids.
    select
      extensions.st_y(p_home) as lat,
      extensions.st_x(p_home) as lon,
      cosd(extensions.st_y(p_home)) as shrink,
      degrees(p_radius_km / 6371.0088) as reach,
      case when p_radius_km <= 120 then 2 else 1 end as coarse
  ),

  -- A circle of angular radius r around latitude φ spans asin(sin r / cos φ) degrees of longitude to each side.
  span as (
    select
      h.*,
      case when h.reach < 90 and sind(h.reach) < h.shrink then asind(sind(h.reach) / h.shrink) else 180.0 end
      as reach_lon
    from home as h
  ),

  cell as (
    select
      g.level,
      g.level > s.coarse as is_fine,
      s.shrink,
      r.row_no,
      c.col_no + (720 * g.per_degree)::int as col_no,
      (360 * g.per_degree)::int as cols,
      greatest(r.row_no / g.per_degree - 90 - s.lat, s.lat - (r.row_no + 1) / g.per_degree + 90, 0) as lat_gap,
      greatest(c.col_no / g.per_degree - 180 - s.lon, s.lon - (c.col_no + 1) / g.per_degree + 180, 0) as lon_gap
    from span as s
    inner join medley.cell_grids as g on g.level in (s.coarse, s.coarse + 1)
    cross join lateral generate_series(
      floor((greatest(s.lat - s.reach, -90) + 90) * g.per_degree)::int,
      floor((least(s.lat + s.reach, 90) + 90) * g.per_degree)::int
    ) as r (row_no)
    cross join lateral generate_series(
      floor((s.lon - s.reach_lon + 180) * g.per_degree)::int,
      least(
        floor((s.lon + s.reach_lon + 180) * g.per_degree)::int,
        floor((s.lon - s.reach_lon + 180) * g.per_degree)::int + (360 * g.per_degree)::int
      )
    ) as c (col_no)
    where p_home is not null
  )

  -- A point of the cell is at least lat_gap away, and at least as far as the meridian lon_gap away.
  select
    (c.level * 1000 + c.row_no) * 10000 + c.col_no % c.cols,
    c.is_fine,
    radians(greatest(c.lat_gap, asind(least(c.shrink * sind(least(c.lon_gap, 90)), 1)))) * 6371.0088
  from cell as c;
end;

comment on function medley.cells_around(extensions.geometry, double precision) is
  'The cells of two grids, a coarse one and the next finer one, that a circle of p_radius_km around a point touches, each '
  'with a lower bound of the distance in kilometres from the point to anything in it. A circle that goes around the earth '
  'may name a cell twice.';
revoke all on function medley.cells_around(extensions.geometry, double precision)
from public, anon, authenticated, service_role;

insert into medley.settings (key, value, description)
values ('live.past_days', 35, 'Days for which an event stays in the calendar after it began, 0 to 400.');

create or replace function medley.oldest_indexed_start()
returns timestamptz
language sql stable parallel safe security definer set search_path = ''
as $$ select now() - interval '1 day' * medley.setting('live.past_days')::double precision $$;

comment on function medley.oldest_indexed_start() is 'Events that began before this moment are not indexed.';
revoke all on function medley.oldest_indexed_start() from public, anon, authenticated, service_role;

create or replace function medley.upcoming_event_rows(p_event_ids uuid[])
returns setof medley.upcoming_events
language sql stable parallel safe security definer set search_path = ''
as $$
  select
    i.item_no,
    e.id,
    e.starts_at,
    e.promoted,
    e.ticket_available,
    v.location,
    array(
      select g.genre_no
      from public.item_genres as l
      inner join public.genres as g on g.id = l.genre_id
      where l.item_id = e.id
      order by g.genre_no
    ),
    array(
      select distinct p.ancestor_nos[1]
      from public.item_genres as l
      inner join public.genres as g on g.id = l.genre_id
      inner join public.genre_paths as p on p.genre_id = l.genre_id and p.depth <= 5
      where l.item_id = e.id
        and not exists (
          select from public.genre_taxonomy_exclude as x where x.normalized_key = g.normalized_key
        )
    ),
    array(
      select c.cluster_no
      from medley.clusters_of_events(array[e.id]) as k
      inner join medley.event_cluster_keys as c
        on c.cluster_path_slug = k.cluster_path_slug and c.country = k.country
    ),
    coalesce((select n.generation from medley.generations as n where n.name = 'genre_paths'), 0)
  from unnest(p_event_ids) as w (event_id)
  inner join public.events as e on e.id = w.event_id
  inner join medley.items as i on i.id = e.id
  left join public.venues as v on v.id = e.venue_id
  where e.status = 'scheduled'
    and i.visibility = 'public'
    -- What belongs to a member may be hidden from others by a block; the index is for everyone.
    and i.owner_id is null
    and e.starts_at > medley.oldest_indexed_start()
$$;

comment on function medley.upcoming_event_rows(uuid[]) is
  'The rows of upcoming_events that these events should have: scheduled, public, and not long past.';
revoke all on function medley.upcoming_event_rows(uuid[]) from public, anon, authenticated, service_role;

create or replace function medley.event_posting_rows(p_event_nos int[])
returns table (list medley.event_list, list_no int, cell_no int, event_no int, depth int)
language sql stable parallel safe security definer set search_path = ''
as $$
  with event as materialized (
    select u.*
    from unnest(p_event_nos) as n (event_no)
    inner join medley.upcoming_events as u on u.event_no = n.event_no
  ),

  list as (
    select 'all'::medley.event_list as list, 0 as list_no, e.event_no, e.location from event as e
    union all
    select 'genre', g.no, e.event_no, e.location from event as e cross join lateral unnest(e.genre_nos) as g (no)
    union all
    select 'umbrella', u.no, e.event_no, e.location from event as e cross join lateral unnest(e.umbrella_nos) as u (no)
    union all
    select 'cluster', c.no, e.event_no, e.location from event as e cross join lateral unnest(e.cluster_nos) as c (no)
  ),

  artist as (
    select e.event_no, a.headliner_artist_id as artist_id
    from event as e inner join public.events as a on a.id = e.event_id
    where a.headliner_artist_id is not null
    union
    select e.event_no, a.artist_id
    from event as e inner join public.event_artists as a on a.event_id = e.event_id
  )

  select l.list, l.list_no, c.cell_no, l.event_no, 0
  from list as l
  cross join lateral (
    select 0 as cell_no
    union all
    -- The finest cells are for the list of all events, where distance is the only bound.
    select o.cell_no from medley.cells_of(l.location) as o where o.level < 3 or l.list = 'all'
  ) as c
  union all
  select 'artist', i.item_no, 0, a.event_no, 0
  from artist as a inner join medley.items as i on i.id = a.artist_id
  union all
  select 'path', n.no, 0, e.event_no, min(p.depth)
  from event as e
  inner join public.item_genres as g on g.item_id = e.event_id
  inner join public.genre_paths as p on p.genre_id = g.genre_id
  cross join lateral unnest(p.ancestor_nos) as n (no)
  group by n.no, e.event_no
$$;

comment on function medley.event_posting_rows(int[]) is 'Every posting list that these upcoming events belong to.';
revoke all on function medley.event_posting_rows(int[]) from public, anon, authenticated, service_role;

create or replace function medley.lock_indexed_items(p_event_ids uuid[])
returns void
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
begin
  -- In the order of lock_items, which the same transaction may have called before.
  perform
  from unnest(p_event_ids) as w (event_id)
  inner join medley.items as i on i.id = w.event_id
  order by i.id
  for no key update of i;
end;
$$;

comment on function medley.lock_indexed_items(uuid[]) is
  'Makes the transaction the only one that indexes these events: another waits until it ends, and then sees what it wrote.';
revoke all on function medley.lock_indexed_items(uuid[]) from public, anon, authenticated, service_role;

create or replace function medley.unnumbered_clusters(p_event_ids uuid[])
returns table (cluster_path_slug text, country text)
language sql stable parallel safe security definer set search_path = ''
as $$
  select distinct c.cluster_path_slug, c.country
  from medley.clusters_of_events(p_event_ids) as c
  where not exists (
    select from medley.event_cluster_keys as k
    where k.cluster_path_slug = c.cluster_path_slug and k.country = c.country
  )
$$;

comment on function medley.unnumbered_clusters(uuid[]) is 'The clusters of these events that event_cluster_keys does not hold yet.';
revoke all on function medley.unnumbered_clusters(uuid[]) from public, anon, authenticated, service_role;

create or replace function medley.index_events(p_event_ids uuid[])
returns bigint
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_event_nos int[];
begin
  if p_event_ids is null then
    return 0;
  end if;
  perform medley.lock_indexed_items(p_event_ids);

  if exists (select from medley.unnumbered_clusters(p_event_ids)) then
    -- One session at a time numbers clusters: two that met the same new ones in different order would deadlock.
    perform pg_advisory_xact_lock(hashtextextended('medley.event_cluster_keys', 0));
    insert into medley.event_cluster_keys (cluster_path_slug, country)
    select c.cluster_path_slug, c.country
    from medley.unnumbered_clusters(p_event_ids) as c;
  end if;

  delete from medley.upcoming_events as u
  where u.event_id = any(p_event_ids);

  with written as (
    insert into medley.upcoming_events
    select r.* from medley.upcoming_event_rows(p_event_ids) as r
    returning event_no
  )

  select coalesce(array_agg(w.event_no), '{}') into v_event_nos
  from written as w;

  insert into medley.event_postings (list, list_no, cell_no, promoted, starts_at, event_no, ticket_available, depth)
  select r.list, r.list_no, r.cell_no, u.promoted, u.starts_at, r.event_no, u.ticket_available, r.depth
  from medley.event_posting_rows(v_event_nos) as r
  inner join medley.upcoming_events as u on u.event_no = r.event_no
  order by r.list, r.list_no, r.cell_no, u.promoted, u.starts_at, r.event_no;

  return cardinality(v_event_nos);
end;
$$;

comment on function medley.index_events(uuid[]) is
  'Makes the index of upcoming events right for these events: added, changed, or no longer to be shown. '
  'Returns how many of them are in it.';
revoke all on function medley.index_events(uuid[]) from public, anon, authenticated, service_role;

create or replace function medley.refresh_upcoming_events(p_limit int)
returns bigint
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_generation int := coalesce((select g.generation from medley.generations as g where g.name = 'genre_paths'), 0);
  v_event_ids uuid[];
begin
  select array_agg(s.event_id) into v_event_ids
  from (
    (
      select u.event_id
      from medley.upcoming_events as u
      where u.starts_at <= medley.oldest_indexed_start() or u.taxonomy_generation <> v_generation
    )
    union all
    (
      select e.id
      from public.events as e
      inner join medley.items as i on i.id = e.id and i.visibility = 'public' and i.owner_id is null
      where e.starts_at > medley.oldest_indexed_start()
        and e.status = 'scheduled'
        and not exists (select from medley.upcoming_events as u where u.event_id = e.id)
    )
    limit p_limit
  ) as s;
  perform medley.index_events(v_event_ids);
  return coalesce(cardinality(v_event_ids), 0);
end;
$$;

comment on function medley.refresh_upcoming_events(int) is
  'Indexes anew up to p_limit events that are past, were indexed under an older taxonomy, or are missing. '
  'Returns how many it took; call until that is less than p_limit.';
revoke all on function medley.refresh_upcoming_events(int) from public, anon, authenticated, service_role;

create or replace function medley.index_written_events()
returns trigger
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
begin
  perform medley.index_events(array_agg(n.id))
  from new_rows as n;
  return null;
end;
$$;

comment on function medley.index_written_events() is 'Statement trigger on events: the index follows.';
revoke all on function medley.index_written_events() from public, anon, authenticated, service_role;

create or replace function medley.index_events_of_venues()
returns trigger
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
begin
  perform medley.index_events(array_agg(e.id))
  from new_rows as n
  inner join old_rows as o on o.id = n.id
  inner join public.events as e on e.venue_id = n.id
  where (n.latitude, n.longitude, n.country) is distinct from (o.latitude, o.longitude, o.country)
    and e.starts_at > medley.oldest_indexed_start();
  return null;
end;
$$;

comment on function medley.index_events_of_venues() is 'Statement trigger on venues: events follow when a venue moves.';
revoke all on function medley.index_events_of_venues() from public, anon, authenticated, service_role;

create or replace function medley.index_events_of_links()
returns trigger
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_event_ids uuid[];
begin
  -- The arguments, written in a migration: the column of the event, the transition table.
  execute format(
    'select array_agg(distinct e.id) from %I as c inner join public.events as e on e.id = c.%I', tg_argv[1], tg_argv[0]
  ) into v_event_ids;
  if v_event_ids is not null then
    -- An event that another session puts into the index: wait, then it is there.
    perform medley.lock_indexed_items(v_event_ids);
    -- One that is not in it yet is about to be, by its own trigger.
    perform medley.index_events(array_agg(u.event_id))
    from unnest(v_event_ids) as w (event_id)
    inner join medley.upcoming_events as u on u.event_id = w.event_id;
  end if;
  return null;
end;
$$;

comment on function medley.index_events_of_links() is
  'Statement trigger on event_artists and item_genres: the events whose links changed are indexed anew. '
  'Arguments: the column with the event, and the transition table to read.';
revoke all on function medley.index_events_of_links() from public, anon, authenticated, service_role;

create or replace function medley.index_shown_event()
returns trigger
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
begin
  perform medley.index_events(array[new.id]);
  return null;
end;
$$;

comment on function medley.index_shown_event() is 'Row trigger on items: an event whose visibility or owner changes enters or leaves the index.';
revoke all on function medley.index_shown_event() from public, anon, authenticated, service_role;

create trigger events_3_index_insert
after insert on public.events referencing new table as new_rows
for each statement execute function medley.index_written_events();
create trigger events_3_index_update
after update on public.events referencing new table as new_rows
for each statement execute function medley.index_written_events();
create trigger venues_2_index_update
after update on public.venues referencing old table as old_rows new table as new_rows
for each statement execute function medley.index_events_of_venues();
create trigger event_artists_index_insert
after insert on public.event_artists referencing new table as new_rows
for each statement execute function medley.index_events_of_links('event_id', 'new_rows');
create trigger event_artists_index_update_from
after update on public.event_artists referencing old table as old_rows
for each statement execute function medley.index_events_of_links('event_id', 'old_rows');
create trigger event_artists_index_update_to
after update on public.event_artists referencing new table as new_rows
for each statement execute function medley.index_events_of_links('event_id', 'new_rows');
create trigger event_artists_index_delete
after delete on public.event_artists referencing old table as old_rows
for each statement execute function medley.index_events_of_links('event_id', 'old_rows');
create trigger item_genres_index_insert
after insert on public.item_genres referencing new table as new_rows
for each statement execute function medley.index_events_of_links('item_id', 'new_rows');
create trigger item_genres_index_delete
after delete on public.item_genres referencing old table as old_rows
for each statement execute function medley.index_events_of_links('item_id', 'old_rows');
create trigger item_genres_index_update_from
after update on public.item_genres referencing old table as old_rows
for each statement execute function medley.index_events_of_links('item_id', 'old_rows');
create trigger item_genres_index_update_to
after update on public.item_genres referencing new table as new_rows
for each statement execute function medley.index_events_of_links('item_id', 'new_rows');
create trigger items_visibility_index
after update of visibility, owner_id on medley.items
for each row
when (new.kind = 'event' and (new.visibility, new.owner_id) is distinct from (old.visibility, old.owner_id))
execute function medley.index_shown_event();

-- sql/packs/live/feed_member.sql
-- The feed's weights, and a member as the feed sees them.
insert into medley.ranker_weights (ranker, term, weight, cap, scale, description)
values
  ('event_feed', 'artist_follow', 30, null, null, 'The member follows an artist of the event.'),
  ('event_feed', 'friend_interest', 5, 20, null, 'For each friend who goes or may go.'),
  ('event_feed', 'genre_preference', 8, 16, null, 'For each genre of the event that the member named.'),
  (
    'event_feed', 'umbrella_genre', 15, null, null,
    'A genre of the event shares an umbrella with one that the member named.'
  ),
  ('event_feed', 'cluster', 2, 20, null, 'For each point of affinity to the event''s clusters in its country.'),
  ('event_feed', 'promoted', 5, null, null, 'The event is promoted.'),
  ('event_feed', 'recency', 10, null, 30, 'At the start of the event; halves with every scale days before it.'),
  ('event_feed', 'distance', 15, null, null, 'At home; falls linearly to nothing at the member''s radius.'),
  ('event_feed', 'tickets', 3, null, null, 'Tickets are available.');

create view medley.event_feed_weights as
select
  greatest(coalesce(max(w.weight) filter (where w.term = 'artist_follow'), 0), 0)::double precision as artist_follow,
  greatest(coalesce(max(w.weight) filter (where w.term = 'friend_interest'), 0), 0)::double precision
  as friend_interest,
  greatest(coalesce(max(w.cap) filter (where w.term = 'friend_interest'), 'infinity'), 0)::double precision
  as friend_interest_cap,
  greatest(coalesce(max(w.weight) filter (where w.term = 'genre_preference'), 0), 0)::double precision
  as genre_preference,
  greatest(coalesce(max(w.cap) filter (where w.term = 'genre_preference'), 'infinity'), 0)::double precision
  as genre_preference_cap,
  greatest(coalesce(max(w.weight) filter (where w.term = 'umbrella_genre'), 0), 0)::double precision as umbrella_genre,
  greatest(coalesce(max(w.weight) filter (where w.term = 'cluster'), 0), 0)::double precision as cluster,
  greatest(coalesce(max(w.cap) filter (where w.term = 'cluster'), 'infinity'), 0)::double precision as cluster_cap,
  greatest(coalesce(max(w.weight) filter (where w.term = 'promoted'), 0), 0)::double precision as promoted,
  greatest(coalesce(max(w.weight) filter (where w.term = 'recency'), 0), 0)::double precision as recency,
  greatest(coalesce(max(w.scale) filter (where w.term = 'recency'), 30), 0)::double precision as recency_days,
  greatest(coalesce(max(w.weight) filter (where w.term = 'distance'), 0), 0)::double precision as distance,
  greatest(coalesce(max(w.weight) filter (where w.term = 'tickets'), 0), 0)::double precision as tickets
from medley.ranker_weights as w
where w.ranker = 'event_feed';

comment on view medley.event_feed_weights is
  'The weights of the event feed as one row; bounds need them non-negative, so less than 0 counts as 0.';
revoke all on medley.event_feed_weights from public, anon, authenticated, service_role;

create type medley.event_feed_member as (
  user_id uuid,
  as_of timestamptz,
  home extensions.geometry,
  radius_km double precision,
  genre_nos int[],
  umbrella_nos int[],
  cluster_nos int[],
  cluster_scores double precision[],
  cluster_bounds double precision[],
  weights medley.event_feed_weights
);
comment on type medley.event_feed_member is
  'A member as the feed sees them: home and radius, the genres they named (rare ones first) with their umbrellas, cluster affinities '
  '(cluster_nos, cluster_scores and, in points, cluster_bounds in parallel), and the weights.';

create or replace function medley.event_feed_member(p_user_id uuid, p_as_of timestamptz)
returns medley.event_feed_member
language plpgsql stable parallel safe security definer
set search_path = '' set plan_cache_mode = force_generic_plan
as $$
declare
  v medley.event_feed_member;
  v_genres text[];
  v_genre_ids uuid[];
begin
  v.user_id := p_user_id;
  v.as_of := p_as_of;
  v.weights := (select w from medley.event_feed_weights as w);

  select
    extensions.st_setsrid(extensions.st_makepoint(u.home_longitude, u.home_latitude), 4326), u.radius_km,
    u.genre_preferences
  into v.home, v.radius_km, v_genres
  from public.user_preferences as u
  where u.user_id = p_user_id;

  if cardinality(v_genres) > 0 then
    select array_agg(g.id), array_agg(g.genre_no order by m.artist_count) into v_genre_ids, v.genre_nos
    from medley.genres_named(v_genres) as g
    left join medley.genre_marginals as m on m.genre_id = g.id;

    select array_agg(distinct p.ancestor_nos[1]) into v.umbrella_nos
    from public.genre_paths as p
    where p.genre_id = any(v_genre_ids);
  end if;

  -- All clusters of an event are in one country, so what the country's clusters sum to is the most that it can have.
  select
    array_agg(c.cluster_no), array_agg(c.score),
    array_agg(least(c.country_score * (v.weights).cluster, (v.weights).cluster_cap))
  into v.cluster_nos, v.cluster_scores, v.cluster_bounds
  from (
    select k.cluster_no, a.score::double precision as score, sum(a.score) over (partition by a.country) as country_score
    from medley.user_cluster_affinity as a
    inner join medley.event_cluster_keys as k
      on k.cluster_path_slug = a.cluster_path_slug and k.country = a.country
    where a.user_no = (select m.user_no from medley.members as m where m.user_id = p_user_id)
  ) as c;
  return v;
end;
$$;

comment on function medley.event_feed_member(uuid, timestamptz) is
  'What the feed knows of a member at p_as_of; empty parts for a member without history.';
revoke all on function medley.event_feed_member(uuid, timestamptz) from public, anon, authenticated, service_role;

-- sql/packs/live/feed_candidates.sql
-- Which events can be among the best for a member: the sure ones, and those of the posting lists whose bounds reach.
-- Lists are ordered cluster, genre, umbrella, all, and near before far: an event counts for the first that holds it, so
-- a list's bound leaves out the terms of those before it (MaxScore, of inverted indexes: Turtle and Flood 1995).
create type medley.event_feed_sure_event as (event_no int, artist_no int, friends int);
comment on type medley.event_feed_sure_event is
  'An event of an artist that the member follows (item_no of one of them; null for none), or that this many friends go or '
  'may go to.';

create type medley.event_feed_list as (list medley.event_list, list_no int, cell_no int, bound double precision);
comment on type medley.event_feed_list is
  'A posting list, and the most points that the terms of taste and distance can give to an event that no list before it '
  'holds.';

create or replace function medley.event_feed_sure(p_user_id uuid, p_as_of timestamptz)
returns table (event_no int, artist_no int, friends int)
language sql stable parallel safe security invoker
begin atomic
  select s.event_no, min(s.artist_no), sum(s.friend)::int
  from (
    select p.event_no, p.list_no as artist_no, 0 as friend
    from public.item_follows as f
    inner join medley.items as i on i.id = f.item_id
    inner join medley.event_postings as p on p.list = 'artist' and p.list_no = i.item_no and p.cell_no = 0
    where f.user_id = p_user_id and p.starts_at >= p_as_of
    union all
    select u.event_no, null, 1
    from medley.friends(p_user_id) as f
    inner join public.event_rsvps as r on r.user_id = f.friend_id
    inner join medley.upcoming_events as u on u.event_id = r.event_id
    where u.starts_at >= p_as_of
      and f.friend_id not in (select m.muted_id from public.user_mutes as m where m.user_id = p_user_id)
  ) as s
  group by s.event_no;
end;

comment on function medley.event_feed_sure(uuid, timestamptz) is
  'Every upcoming event of an artist that the member follows, or that friends of theirs, muted ones aside, go or '
  'may go to.';
revoke all on function medley.event_feed_sure(uuid, timestamptz) from public, anon, authenticated, service_role;

create or replace function medley.event_feed_lists(p_member medley.event_feed_member)
returns setof medley.event_feed_list
language sql stable parallel safe security invoker
begin atomic
  with member as materialized (
    select
      (p_member).*,
      ((p_member).weights).umbrella_genre as umbrella,
      ((p_member).weights).distance as distance,
      ((p_member).weights).genre_preference as genre,
      ((p_member).weights).genre_preference_cap as genre_cap
  ),

  list as (
    select
      'cluster'::medley.event_list as list,
      c.no as list_no,
      c.bound + coalesce(least(m.genre * cardinality(m.genre_nos), m.genre_cap), 0) + m.umbrella as bound
    from member as m cross join lateral unnest(m.cluster_nos, m.cluster_bounds) as c (no, bound)
    union all
    -- Of n genres the i-th list leaves at most n - i + 1 to an event that is in none before it: rare genres come first,
    -- so the longest list has the lowest bound.
    select 'genre', g.no, least(m.genre * (cardinality(m.genre_nos) - g.position + 1), m.genre_cap) + m.umbrella
    from member as m cross join lateral unnest(m.genre_nos) with ordinality as g (no, position)
    union all
    select 'umbrella', u.no, m.umbrella
    from member as m cross join lateral unnest(m.umbrella_nos) as u (no)
  ),

  cell as materialized (
    select c.cell_no, c.is_fine, m.distance * (1 - c.least_km / m.radius_km) as bound
    from member as m cross join lateral medley.cells_around(m.home, m.radius_km) as c
    where c.least_km < m.radius_km
  )

  select l.list, l.list_no, 0, l.bound
  from list as l
  union all
  select l.list, l.list_no, c.cell_no, l.bound + c.bound
  from list as l
  inner join cell as c on not c.is_fine
  union all
  select 'all', 0, 0, 0
  union all
  select 'all', 0, c.cell_no, c.bound
  from cell as c
  where c.is_fine;
end;

comment on function medley.event_feed_lists(medley.event_feed_member) is
  'The posting lists that together hold every upcoming event, with their bounds (artists and friends aside, which '
  'event_feed_sure covers).';
revoke all on function medley.event_feed_lists(medley.event_feed_member) from public, anon, authenticated, service_role;

create or replace function medley.event_feed_seeds(
  p_lists medley.event_feed_list[], p_as_of timestamptz, p_count int
)
returns table (event_no int)
language sql stable parallel safe security invoker
begin atomic
  -- Were the lists read in another order, the threshold would only be lower and more events scored.
  select p.event_no
  from (
    select l.list, l.list_no, l.cell_no
    from unnest(p_lists) as l
    order by l.bound desc
    offset 0
  ) as l
  cross join (values (true), (false)) as c (promoted)
  cross join lateral (
    select q.event_no
    from medley.event_postings as q
    where q.list = l.list and q.list_no = l.list_no and q.cell_no = l.cell_no and q.promoted = c.promoted
      and q.starts_at >= p_as_of
    order by q.starts_at
    limit 8
  ) as p
  limit p_count;
end;

comment on function medley.event_feed_seeds(medley.event_feed_list[], timestamptz, int) is
  'Some p_count events that are likely to score high, not all distinct: the soonest of the lists that promise most. '
  'The first threshold comes from them.';
revoke all on function medley.event_feed_seeds(medley.event_feed_list[], timestamptz, int)
from public, anon, authenticated, service_role;

create or replace function medley.soonest_events(p_as_of timestamptz, p_count int)
returns table (event_no int)
language sql stable parallel safe security invoker
begin atomic
  select u.event_no
  from medley.upcoming_events as u
  where u.starts_at >= p_as_of
  order by u.starts_at
  limit p_count;
end;

comment on function medley.soonest_events(timestamptz, int) is 'The p_count events that begin soonest.';
revoke all on function medley.soonest_events(timestamptz, int) from public, anon, authenticated, service_role;

create or replace function medley.event_feed_reaching(
  p_member medley.event_feed_member,
  p_lists medley.event_feed_list[],
  p_threshold int,
  p_except int[],
  p_count int
)
returns table (event_no int)
language sql stable parallel safe security invoker
begin atomic
  with member as materialized (
    select
      (p_member).as_of,
      ((p_member).weights).promoted,
      ((p_member).weights).tickets,
      ((p_member).weights).recency,
      ((p_member).weights).recency_days / ln(2.0::double precision) as days_per_e
  ),

  -- What recency must still give an event of the list without tickets; five ten-thousandths for the rounding of terms.
  need as materialized (
    select
      m.*, l.list, l.list_no, l.cell_no, l.bound, c.is_promoted,
      (p_threshold - 5) / 10000.0::double precision - l.bound - case when c.is_promoted then m.promoted else 0 end
      as points
    from unnest(p_lists) as l
    cross join member as m
    cross join (values (false), (true)) as c (is_promoted)
  ),

  -- Recency falls with the start, so that is the same as a last start. In hours: days differ where clocks are changed.
  reach as materialized (
    select
      n.*,
      case when n.points - n.tickets <= 0 then 'infinity'
        else n.as_of + interval '24 hours' * (n.days_per_e * ln(n.recency / (n.points - n.tickets)))
      end as last_start,
      case
        when n.points <= 0 then 'infinity'
        when n.points > n.recency then '-infinity'
        else n.as_of + interval '24 hours' * (n.days_per_e * ln(n.recency / n.points))
      end as last_start_without_tickets
    from need as n
    where n.points - n.tickets <= n.recency
    order by n.bound desc
  )

  select p.event_no
  from reach as r
  cross join lateral (
    select q.event_no
    from medley.event_postings as q
    where q.list = r.list and q.list_no = r.list_no and q.cell_no = r.cell_no and q.promoted = r.is_promoted
      and q.starts_at >= r.as_of
      and q.starts_at <= r.last_start
      and (q.ticket_available or q.starts_at <= r.last_start_without_tickets)
    order by q.starts_at
    offset 0
  ) as p
  where p.event_no not in (select e.no from unnest(p_except) as e (no))
  limit p_count;
end;

comment on function medley.event_feed_reaching(medley.event_feed_member, medley.event_feed_list[], int, int[], int) is
  'Upcoming events whose score can reach p_threshold (ten-thousandths), those of p_except and event_feed_sure aside: at '
  'most p_count, not all distinct, promising lists first. Fewer than p_count are all that there are.';
revoke all on function medley.event_feed_reaching(medley.event_feed_member, medley.event_feed_list[], int, int[], int)
from public, anon, authenticated, service_role;

-- sql/packs/live/feed.sql
-- The personalized feed: exact top rows without scoring every event.
--
--   member    what is known of the member, with the weights           event_feed_member
--   sure      events of followed artists and of friends               event_feed_sure
--   lists     posting lists that can hold other events, with bounds   event_feed_lists
--   seeds     the soonest events of the most promising lists          event_feed_seeds
--   scores    exact scores of candidates; the k-th is the threshold   event_feed_scores
--   rounds    what can still reach the threshold, until nothing can   event_feed_reaching
--   page      the rows after the cursor, with breakdown and reasons   event_feed_page
create type medley.event_feed_score as (
  event_no int, artist_follow int, friend_interest int, genre_preference int, umbrella_genre int, cluster int,
  promoted int, recency int, distance int, tickets int, score int
);
comment on type medley.event_feed_score is
  'The score of an event and its terms, in whole ten-thousandths of a point: sums are exact and the same in any order.';

create type medley.event_feed_position as (as_of timestamptz, served int, score int, event_no int);
comment on type medley.event_feed_position is
  'Where a page begins: the moment that all pages share, how many rows came before, and the last of them.';

create or replace function medley.event_feed_scores(
  p_member medley.event_feed_member,
  p_event_nos int[],
  p_sure medley.event_feed_sure_event[]
)
returns setof medley.event_feed_score
language sql stable parallel safe security invoker
begin atomic
  with member as materialized (
    select (p_member).*
  ),

  weight as materialized (
    select ((p_member).weights).*
  ),

  term as materialized (
    select
      e.event_no,
      round(10000 * case when s.artist_no is not null then w.artist_follow else 0 end)::int as artist_follow,
      round(10000 * least(w.friend_interest * coalesce(s.friends, 0), w.friend_interest_cap))::int as friend_interest,
      case when e.genre_nos && m.genre_nos then round(10000 * least(
        w.genre_preference * (select count(*) from unnest(e.genre_nos) as g (no) where g.no = any(m.genre_nos)),
        w.genre_preference_cap
      ))::int else 0 end as genre_preference,
      round(10000 * case when e.umbrella_nos && m.umbrella_nos then w.umbrella_genre else 0 end)::int as umbrella_genre,
      -- LEAST ignores NULL: outside the member's clusters the sum is NULL, and LEAST would give the cap.
      case when e.cluster_nos && m.cluster_nos then round(10000 * least(
        w.cluster * (
          select sum(m.cluster_scores[array_position(m.cluster_nos, c.no)])
          from unnest(e.cluster_nos) as c (no)
        ),
        w.cluster_cap
      ))::int else 0 end as cluster,
      round(10000 * case when e.promoted then w.promoted else 0 end)::int as promoted,
      -- Beyond a thousand half-lives exp would raise an underflow; the term has been 0 for long.
      round(10000 * w.recency * exp(greatest(
        ln(0.5::double precision) * date_part('epoch', e.starts_at - m.as_of) / (86400 * w.recency_days), -700
      )))::int as recency,
      round(10000 * w.distance * coalesce(
        greatest(0, 1 - extensions.st_distancesphere(e.location, m.home) / (1000 * m.radius_km)), 0
      ))::int as distance,
      round(10000 * case when e.ticket_available then w.tickets else 0 end)::int as tickets
    from unnest(p_event_nos) as c (event_no)
    inner join medley.upcoming_events as e on e.event_no = c.event_no
    cross join member as m
    cross join weight as w
    left join unnest(p_sure) as s on s.event_no = e.event_no
  )

  select
    t.*,
    t.artist_follow + t.friend_interest + t.genre_preference + t.umbrella_genre + t.cluster
    + t.promoted + t.recency + t.distance + t.tickets
  from term as t;
end;

comment on function medley.event_feed_scores(medley.event_feed_member, int[], medley.event_feed_sure_event[]) is
  'The exact score of these events for the member, term by term. p_sure: all of event_feed_sure.';
revoke all on function medley.event_feed_scores(medley.event_feed_member, int[], medley.event_feed_sure_event[])
from public, anon, authenticated, service_role;

create or replace function medley.event_feed_position(p_cursor text, p_user_id uuid, p_as_of timestamptz)
returns medley.event_feed_position
language plpgsql stable parallel safe security definer set search_path = ''
as $$
declare
  v_cursor jsonb := medley.decode_cursor(p_cursor, 'event_feed:' || p_user_id);
  v medley.event_feed_position := (p_as_of, 0, null, null);
begin
  if v_cursor is not null then
    v := jsonb_populate_record(v, v_cursor);
    -- A day is enough for reading on; other moments are not ours, and dates far from now would overflow.
    if (v.as_of between p_as_of - interval '1 day' and p_as_of and v.served between 1 and 1000000
      and v.score is not null and v.event_no is not null) is not true then
      perform medley.fail('invalid_cursor', 'the cursor is damaged', 'p_cursor', 'Start again without a cursor.');
    end if;
  end if;
  return v;
exception
  when data_exception then
    perform medley.fail('invalid_cursor', 'the cursor is damaged', 'p_cursor', 'Start again without a cursor.');
    return null;
end;
$$;

comment on function medley.event_feed_position(text, uuid, timestamptz) is
  'The position in a cursor of this member''s feed, or the beginning at p_as_of. Errors: invalid_cursor.';
revoke all on function medley.event_feed_position(text, uuid, timestamptz)
from public, anon, authenticated, service_role;

create or replace function medley.event_feed_page(
  p_member medley.event_feed_member,
  p_after medley.event_feed_position,
  p_limit int,
  p_scores medley.event_feed_score[],
  p_sure medley.event_feed_sure_event[]
)
returns table (
  event_id uuid, title text, starts_at timestamptz, venue_name text, city text, country text, headliner text,
  genres text[], distance_km double precision, score numeric, breakdown jsonb, reasons text[], next_cursor text
)
language sql stable parallel safe security invoker
begin atomic
  with best as materialized (
    select s.*
    from unnest(p_scores) as s
    where (p_after).score is null or (s.score, -s.event_no) < ((p_after).score, -(p_after).event_no)
    order by s.score desc, s.event_no
    limit p_limit + 1
  ),

  page as materialized (
    select b.*
    from best as b
    order by b.score desc, b.event_no
    limit p_limit
  ),

  -- The cursor of the last row, and only if a row follows.
  following as materialized (
    select medley.encode_cursor(
      'event_feed:' || (p_member).user_id,
      jsonb_build_object(
        'as_of', (p_member).as_of, 'served', (p_after).served + p_limit, 'score', l.score, 'event_no', l.event_no
      )
    ) as next_cursor
    from page as l
    where (select count(*) from best) > p_limit
    order by l.score, l.event_no desc
    limit 1
  ),

  member as materialized (
    select (p_member).*
  ),

  genre as materialized (
    select g.genre_no, g.name
    from member as m
    inner join public.genres as g on g.genre_no = any(m.genre_nos)
  ),

  umbrella as materialized (
    select n.path_no, g.name
    from member as m
    inner join public.genre_paths as n on n.path_no = any(m.umbrella_nos)
    inner join public.genres as g on g.id = n.genre_id
  )

  select
    e.id, e.title, e.starts_at, v.name, v.city, v.country, a.name, e.genres, d.km, p.score * 0.0001,
    jsonb_strip_nulls(jsonb_build_object(
      'artist_follow', nullif(p.artist_follow, 0) * 0.0001,
      'friend_interest', nullif(p.friend_interest, 0) * 0.0001,
      'genre_preference', nullif(p.genre_preference, 0) * 0.0001,
      'umbrella_genre', nullif(p.umbrella_genre, 0) * 0.0001,
      'cluster', nullif(p.cluster, 0) * 0.0001,
      'promoted', nullif(p.promoted, 0) * 0.0001,
      'recency', nullif(p.recency, 0) * 0.0001,
      'distance', nullif(p.distance, 0) * 0.0001,
      'tickets', nullif(p.tickets, 0) * 0.0001
    )),
    array_remove(array[
      case when p.artist_follow > 0 then
        'You follow ' || (
          select i.title from medley.items as i where i.item_no = s.artist_no and i.visibility = 'public'
        )
      end,
      case when p.friend_interest > 0 then
        case s.friends when 1 then '1 friend is' else s.friends || ' friends are' end || ' interested'
      end,
      case when p.genre_preference > 0 then
        'You like '
        || (select string_agg(g.name, ', ' order by g.name) from genre as g where g.genre_no = any(u.genre_nos))
      end,
      case when p.umbrella_genre > 0 then
        'Close to your genres: '
        || (select string_agg(n.name, ', ' order by n.name) from umbrella as n where n.path_no = any(u.umbrella_nos))
      end,
      case when p.cluster > 0 then 'Like events you went to' end,
      case when p.distance > 0 then d.km || ' km from home' end,
      case when p.recency > 0 and e.starts_at < m.as_of + interval '7 days' then 'Within a week' end,
      case when p.promoted > 0 then 'Promoted' end,
      case when p.tickets > 0 then 'Tickets available' end
    ], null),
    (select f.next_cursor from following as f)
  from page as p
  cross join member as m
  inner join medley.upcoming_events as u on u.event_no = p.event_no
  inner join public.events as e on e.id = u.event_id
  -- A public event may have a venue or a headliner that is not.
  left join public.venues as v on v.id = e.venue_id
    and exists (select from medley.items as i where i.id = v.id and i.visibility = 'public')
  left join public.artists as a on a.id = e.headliner_artist_id
    and exists (select from medley.items as i where i.id = a.id and i.visibility = 'public')
  left join unnest(p_sure) as s on s.event_no = p.event_no
  cross join lateral (
    select round(extensions.st_distancesphere(u.location, m.home) / 100) / 10 as km
  ) as d
  order by p.score desc, p.event_no;
end;

comment on function medley.event_feed_page(
  medley.event_feed_member, medley.event_feed_position, int, medley.event_feed_score[], medley.event_feed_sure_event[]
) is 'The page of the feed after a position, from the scores of the candidates, with breakdown, reasons and cursor.';
revoke all on function medley.event_feed_page(
  medley.event_feed_member, medley.event_feed_position, int, medley.event_feed_score[], medley.event_feed_sure_event[]
) from public, anon, authenticated, service_role;

-- Plans are kept for the session. Those made while tables were small must still hold when they have grown: no
-- sequential scans.
create or replace function medley.get_personalized_feed_v3(
  p_user_id uuid,
  p_limit int,
  p_cursor text,
  p_as_of timestamptz
)
returns table (
  event_id uuid, title text, starts_at timestamptz, venue_name text, city text, country text, headliner text,
  genres text[], distance_km double precision, score numeric, breakdown jsonb, reasons text[], next_cursor text
)
language plpgsql stable parallel safe security definer
set search_path = '' set plan_cache_mode = force_generic_plan set enable_seqscan = off
as $$
declare
  v_user_id uuid := medley.acting_user(p_user_id);
  v_limit int := medley.check_limit(p_limit);
  v_after medley.event_feed_position := medley.event_feed_position(p_cursor, v_user_id, p_as_of);
  v_member medley.event_feed_member := medley.event_feed_member(v_user_id, v_after.as_of);
  v_wanted int := v_after.served + v_limit + 1;
  v_sure medley.event_feed_sure_event[];
  v_lists medley.event_feed_list[];
  v_events int[];
  v_scored int[];
  v_threshold int;
  v_scores medley.event_feed_score[];
  c_round constant int := 200;
  v_found int := c_round;
begin
  select array_agg((s.event_no, s.artist_no, s.friends)::medley.event_feed_sure_event) into v_sure
  from medley.event_feed_sure(v_user_id, v_after.as_of) as s;

  select array_agg(l) into v_lists
  from medley.event_feed_lists(v_member) as l;

  select array_agg(distinct c.event_no) into v_events
  from (
    select s.event_no from unnest(v_sure) as s
    union all
    select s.event_no from medley.event_feed_seeds(v_lists, v_after.as_of, 2 * v_wanted) as s
  ) as c;

  if coalesce(cardinality(v_events), 0) < v_wanted then
    select array_agg(c.event_no) into v_events
    from (
      select e.event_no from unnest(v_events) as e (event_no)
      union
      select s.event_no from medley.soonest_events(v_after.as_of, v_wanted) as s
    ) as c;
  end if;

  -- Each round scores more of what can still reach the threshold, and so lifts it, until nothing is left. Without a
  -- threshold there are fewer events than wanted, and every one of them counts.
  loop
    select v_scores || array_agg(s) into v_scores
    from medley.event_feed_scores(v_member, v_events, v_sure) as s;
    exit when v_found < c_round;

    v_scored := v_scored || v_events;
    select s.score into v_threshold
    from unnest(v_scores) as s
    order by s.score desc
    offset v_wanted - 1
    limit 1;

    select array_agg(distinct r.event_no), count(*) into v_events, v_found
    from medley.event_feed_reaching(v_member, v_lists, coalesce(v_threshold, 0), v_scored, c_round) as r;
  end loop;

  return query
  select p.*
  from medley.event_feed_page(v_member, v_after, v_limit, v_scores, v_sure) as p;
end;
$$;

comment on function medley.get_personalized_feed_v3(uuid, int, text, timestamptz) is
  'public.get_personalized_feed_v3 at the moment p_as_of.';
revoke all on function medley.get_personalized_feed_v3(uuid, int, text, timestamptz)
from public, anon, authenticated, service_role;
grant execute on function medley.get_personalized_feed_v3(uuid, int, text, timestamptz) to authenticated, service_role;

-- sql/packs/live/calendar.sql
-- The calendar: events in order of time, by dates, genres, place and umbrella, from the same posting lists as the feed.
create or replace function medley.check_calendar_arguments(
  p_start timestamptz,
  p_end timestamptz,
  p_genres text[],
  p_latitude double precision,
  p_longitude double precision,
  p_radius_km double precision,
  p_max_depth int
)
returns void
language plpgsql immutable parallel safe security invoker set search_path = ''
as $$
begin
  if p_end < p_start then
    perform medley.fail('invalid_argument', format('p_end_date %s is before p_start_date %s', p_end, p_start),
      'p_end_date', 'Swap the dates.');
  end if;
  if cardinality(p_genres) not between 1 and 50 then
    perform medley.fail('invalid_argument', format('p_genres holds %s names', cardinality(p_genres)), 'p_genres',
      'Name 1 to 50 genres, or leave p_genres out.');
  end if;
  -- Nobody waits for ten megabytes to be normalized.
  if exists (select from unnest(p_genres) as g (raw) where length(g.raw) > 1000) then
    perform medley.fail('invalid_argument', 'p_genres holds a name of more than 1,000 characters', 'p_genres',
      'A genre name has at most 100 characters.');
  end if;
  if num_nonnulls(p_latitude, p_longitude, p_radius_km) not in (0, 3) then
    perform medley.fail('invalid_argument', 'a place needs p_latitude, p_longitude and p_radius_km', 'p_radius_km',
      'Pass all three, or none.');
  end if;
  if p_latitude not between -90 and 90 or p_longitude not between -180 and 180 then
    perform medley.fail('invalid_argument', format('no place on earth: %s, %s', p_latitude, p_longitude), 'p_latitude',
      'Latitudes are -90 to 90 degrees, longitudes -180 to 180.');
  end if;
  if p_radius_km not between 0.1 and 20000 then
    perform medley.fail('invalid_argument', format('p_radius_km must be between 0.1 and 20000, got %s', p_radius_km),
      'p_radius_km', 'Pass a radius in kilometres.');
  end if;
  if p_max_depth is null or p_max_depth not between 0 and 20 then
    perform medley.fail('invalid_argument', format('p_max_depth must be between 0 and 20, got %s', p_max_depth),
      'p_max_depth', '0 is the umbrella alone; the default is 5.');
  end if;
end;
$$;

comment on function medley.check_calendar_arguments(
  timestamptz, timestamptz, text[], double precision, double precision, double precision, int
) is 'Refuses what get_calendar_events cannot mean. Errors: invalid_argument.';
revoke all on function medley.check_calendar_arguments(
  timestamptz, timestamptz, text[], double precision, double precision, double precision, int
) from public, anon, authenticated, service_role;

create or replace function medley.calendar_lists(
  p_genres text[],
  p_place extensions.geometry,
  p_radius_km double precision,
  p_path_no int
)
returns table (list medley.event_list, list_no int, cell_no int)
language sql stable parallel safe security invoker
begin atomic
  with cell as (
    select 0 as cell_no where p_place is null
    union all
    select c.cell_no from medley.cells_around(p_place, p_radius_km) as c where not c.is_fine
  )

  select 'genre'::medley.event_list, g.genre_no, c.cell_no
  from cell as c
  cross join medley.genres_named(p_genres) as g
  union all
  select 'path', p_path_no, 0
  where p_genres is null and p_place is null and p_path_no is not null
  union all
  select 'all', 0, c.cell_no
  from cell as c
  where p_genres is null and (p_place is not null or p_path_no is null);
end;

comment on function medley.calendar_lists(text[], extensions.geometry, double precision, int) is
  'The shortest set of posting lists that holds every event of these genres, around this place, under this path.';
revoke all on function medley.calendar_lists(text[], extensions.geometry, double precision, int)
from public, anon, authenticated, service_role;

create or replace function medley.get_calendar_events(
  p_start timestamptz,
  p_end timestamptz,
  p_genres text[],
  p_latitude double precision,
  p_longitude double precision,
  p_radius_km double precision,
  p_umbrella_slug text,
  p_max_depth int,
  p_limit int,
  p_cursor text
)
returns table (
  event_id uuid, title text, starts_at timestamptz, venue_id uuid, venue_name text, city text, country text,
  latitude double precision, longitude double precision, headliner_artist_id uuid, headliner text, genres text[],
  promoted boolean, ticket_available boolean, distance_km double precision, next_cursor text
)
language plpgsql stable parallel safe security definer
set search_path = '' set plan_cache_mode = force_generic_plan
as $$
declare
  v_limit int := medley.check_limit(p_limit);
  v_query text := 'calendar:' || md5(
    row(p_start, p_end, p_genres, p_latitude, p_longitude, p_radius_km, p_umbrella_slug, p_max_depth)::text
  );
  v_place extensions.geometry := extensions.st_setsrid(extensions.st_makepoint(p_longitude, p_latitude), 4326);
  v_after record;
  v_path_no int;
begin
  perform medley.check_calendar_arguments(p_start, p_end, p_genres, p_latitude, p_longitude, p_radius_km, p_max_depth);

  if p_umbrella_slug is not null then
    select p.path_no into v_path_no
    from public.genre_paths as p
    where p.path_slug = p_umbrella_slug;
    if not found then
      perform medley.fail('not_found', format('no genre path %s', left(p_umbrella_slug, 100)), 'p_umbrella_slug',
        'get_genre_tree lists the paths.');
    end if;
  end if;

  begin
    select (c.p ->> 'starts_at')::timestamptz as starts_at, (c.p ->> 'event_no')::int as event_no into v_after
    from medley.decode_cursor(p_cursor, v_query) as c (p);
    if p_cursor is not null and num_nulls(v_after.starts_at, v_after.event_no) > 0 then
      perform medley.fail('invalid_cursor', 'the cursor is damaged', 'p_cursor', 'Start again without a cursor.');
    end if;
  exception
    when data_exception then
      perform medley.fail('invalid_cursor', 'the cursor is damaged', 'p_cursor', 'Start again without a cursor.');
  end;

  return query
  with found as (
    select distinct c.event_no, c.starts_at
    from medley.calendar_lists(p_genres, v_place, p_radius_km, v_path_no) as l
    cross join (values (false), (true)) as k (promoted)
    cross join lateral (
      select q.event_no, q.starts_at
      from medley.event_postings as q
      where q.list = l.list and q.list_no = l.list_no and q.cell_no = l.cell_no and q.promoted = k.promoted
        and q.starts_at >= greatest(coalesce(p_start, now()), v_after.starts_at)
        and q.starts_at <= coalesce(p_end, 'infinity')
        and (v_after.event_no is null or (q.starts_at, q.event_no) > (v_after.starts_at, v_after.event_no))
        -- Scalar subqueries rather than EXISTS: those are looked up row by row, never hashed as a whole.
        and case
          when v_path_no is null then true
          when q.list = 'path' then q.depth <= p_max_depth
          else (
            select u.depth <= p_max_depth
            from medley.event_postings as u
            where u.list = 'path' and u.list_no = v_path_no and u.cell_no = 0 and u.promoted = q.promoted
              and u.starts_at = q.starts_at and u.event_no = q.event_no
          )
        end
        and case
          when v_place is null then true
          else (
            select extensions.st_distancesphere(e.location, v_place) <= 1000 * p_radius_km
            from medley.upcoming_events as e
            where e.event_no = q.event_no
          )
        end
      order by q.starts_at, q.event_no
      limit v_limit + 1
    ) as c
    order by c.starts_at, c.event_no
    limit v_limit + 1
  ),

  page as materialized (
    select f.event_no, f.starts_at, count(*) over () > v_limit as is_cut
    from found as f
    order by f.starts_at, f.event_no
    limit v_limit
  )

  select
    e.id, e.title, e.starts_at, v.id, v.name, v.city, v.country, v.latitude, v.longitude,
    a.id, a.name, e.genres, e.promoted, e.ticket_available,
    round((extensions.st_distancesphere(v.location, v_place) / 1000)::numeric, 1)::double precision,
    (
      select medley.encode_cursor(v_query, jsonb_build_object('starts_at', l.starts_at, 'event_no', l.event_no))
      from page as l
      where l.is_cut
      order by l.starts_at desc, l.event_no desc
      limit 1
    )
  from page as p
  inner join medley.upcoming_events as u on u.event_no = p.event_no
  inner join public.events as e on e.id = u.event_id
  -- A public event may have a venue or a headliner that is not.
  left join public.venues as v on v.id = e.venue_id
    and exists (select from medley.items as i where i.id = v.id and i.visibility = 'public')
  left join public.artists as a on a.id = e.headliner_artist_id
    and exists (select from medley.items as i where i.id = a.id and i.visibility = 'public')
  order by p.starts_at, p.event_no;
end;
$$;

comment on function medley.get_calendar_events(
  timestamptz, timestamptz, text[], double precision, double precision, double precision, text, int, int, text
) is 'The work of public.get_calendar_events.';
revoke all on function medley.get_calendar_events(
  timestamptz, timestamptz, text[], double precision, double precision, double precision, text, int, int, text
) from public, anon, authenticated, service_role;
grant execute on function medley.get_calendar_events(
  timestamptz, timestamptz, text[], double precision, double precision, double precision, text, int, int, text
) to anon, authenticated, service_role;

-- sql/packs/live/api.sql
-- The API of the live pack.
create or replace function public.get_personalized_feed_v3(
  p_limit int default 20,
  p_cursor text default null,
  p_user_id uuid default null
)
returns table (
  event_id uuid, title text, starts_at timestamptz, venue_name text, city text, country text, headliner text,
  genres text[], distance_km double precision, score numeric, breakdown jsonb, reasons text[], next_cursor text
)
language sql stable parallel safe security invoker set search_path = ''
as $$
  select f.*
  from medley.get_personalized_feed_v3(p_user_id, p_limit, p_cursor, now()) as f
$$;

comment on function public.get_personalized_feed_v3(int, text, uuid) is
  'The upcoming events that suit the member best. score is the sum of the terms in breakdown (artist_follow, '
  'friend_interest, genre_preference, umbrella_genre, cluster, promoted, recency, distance, tickets; those that are not 0), '
  'weighted by medley.ranker_weights; reasons says the same in words. distance_km is from the member''s '
  'home. p_limit: 1 to 200. p_cursor: next_cursor of the previous page; all pages are of the moment of the first, and good for a day. '
  'p_user_id: for the secret key only. Errors: unauthenticated, forbidden, not_found (the member), invalid_argument, '
  'invalid_cursor.';
revoke all on function public.get_personalized_feed_v3(int, text, uuid) from public, anon, authenticated, service_role;
grant execute on function public.get_personalized_feed_v3(int, text, uuid) to authenticated, service_role;

create or replace function public.get_calendar_events(
  p_start_date timestamptz default null,
  p_end_date timestamptz default null,
  p_genres text[] default null,
  p_latitude double precision default null,
  p_longitude double precision default null,
  p_radius_km double precision default null,
  p_umbrella_slug text default null,
  p_max_depth int default 5,
  p_limit int default 50,
  p_cursor text default null
)
returns table (
  event_id uuid, title text, starts_at timestamptz, venue_id uuid, venue_name text, city text, country text,
  latitude double precision, longitude double precision, headliner_artist_id uuid, headliner text, genres text[],
  promoted boolean, ticket_available boolean, distance_km double precision, next_cursor text
)
language sql stable parallel safe security invoker set search_path = ''
as $$
  select c.*
  from medley.get_calendar_events(
    p_start_date, p_end_date, p_genres, p_latitude, p_longitude, p_radius_km, p_umbrella_slug, p_max_depth, p_limit, p_cursor
  ) as c
$$;

comment on function public.get_calendar_events(
  timestamptz, timestamptz, text[], double precision, double precision, double precision, text, int, int, text
) is
  'Scheduled events in order of time. p_start_date: from then on, now by default; events stay listed for '
  'live.past_days (medley.settings) after they began. p_end_date: until then. p_genres: 1 to 50 names in any spelling, any of '
  'them. p_latitude, p_longitude (degrees) and p_radius_km (0.1 to 20,000): around a place. p_umbrella_slug: a path of the '
  'genre tree such as rock or rock.indie-rock, and all below it down to p_max_depth (0 is the root). p_limit: 1 to 200. '
  'p_cursor: next_cursor of the previous page with the same arguments. Errors: invalid_argument, invalid_cursor, not_found.';
revoke all on function public.get_calendar_events(
  timestamptz, timestamptz, text[], double precision, double precision, double precision, text, int, int, text
) from public, anon, authenticated, service_role;
grant execute on function public.get_calendar_events(
  timestamptz, timestamptz, text[], double precision, double precision, double precision, text, int, int, text
) to anon, authenticated, service_role;

create or replace function public.sync_artist_genres(p_artist_id uuid, p_raw_genres text[])
returns void
language sql volatile parallel unsafe security invoker set search_path = ''
as $$ select medley.sync_artist_genres(p_artist_id, p_raw_genres) $$;

comment on function public.sync_artist_genres(uuid, text[]) is
  'Replaces the genre links of an artist by those of raw names (secret key only). artists.genres does so by itself. '
  'Errors: not_found.';
revoke all on function public.sync_artist_genres(uuid, text[]) from public, anon, authenticated, service_role;
grant execute on function public.sync_artist_genres(uuid, text[]) to service_role;

create or replace function public.sync_event_genres(p_event_id uuid, p_raw_genres text[])
returns void
language sql volatile parallel unsafe security invoker set search_path = ''
as $$ select medley.sync_event_genres(p_event_id, p_raw_genres) $$;

comment on function public.sync_event_genres(uuid, text[]) is
  'Replaces the genre links of an event by those of raw names (secret key only). events.genres does so by itself. '
  'Errors: not_found.';
revoke all on function public.sync_event_genres(uuid, text[]) from public, anon, authenticated, service_role;
grant execute on function public.sync_event_genres(uuid, text[]) to service_role;

create or replace function public.backfill_genres()
returns bigint
language sql volatile parallel unsafe security invoker set search_path = '' set statement_timeout = '15min'
as $$ select medley.backfill_genres() $$;

comment on function public.backfill_genres() is
  'Brings the genre links of every artist and event in line with their raw arrays (secret key only): for catalogues that '
  'were loaded with triggers off. Returns how many links changed.';
revoke all on function public.backfill_genres() from public, anon, authenticated, service_role;
grant execute on function public.backfill_genres() to service_role;

create or replace function public.refresh_user_cluster_affinity()
returns bigint
language sql volatile parallel unsafe security invoker set search_path = '' set statement_timeout = '15min'
as $$ select medley.refresh_user_cluster_affinity() $$;

comment on function public.refresh_user_cluster_affinity() is
  'Rebuilds every member''s cluster affinities from their RSVPs (secret key only). Returns how many rows changed.';
revoke all on function public.refresh_user_cluster_affinity() from public, anon, authenticated, service_role;
grant execute on function public.refresh_user_cluster_affinity() to service_role;

-- sql/packs/live/api_setlists.sql
-- The API of setlists, votes and trending artists.
create or replace function public.vote_setlist_song(p_setlist_song_id uuid, p_vote int, p_user_id uuid default null)
returns table (setlist_song_id uuid, upvotes int, downvotes int, my_vote int, total_votes int)
language sql volatile parallel unsafe security invoker set search_path = ''
as $$
  select v.*
  from medley.vote_setlist_song(p_user_id, p_setlist_song_id, p_vote, now()) as v
$$;

comment on function public.vote_setlist_song(uuid, int, uuid) is
  'The member''s vote on a song of a setlist: p_vote 1 for it, -1 against it, 0 withdraws; one vote a member a song, the last '
  'one counts. Returns the song''s counters, the vote and the setlist''s total_votes. It is an engagement with the song as '
  'well, so the next recommendation sees it. p_user_id: for the secret key only. '
  'Errors: unauthenticated, forbidden, invalid_argument, not_found, conflict (locked, or the show is in the past).';
revoke all on function public.vote_setlist_song(uuid, int, uuid) from public, anon, authenticated, service_role;
grant execute on function public.vote_setlist_song(uuid, int, uuid) to authenticated, service_role;

create or replace function public.create_setlist(
  p_event_id uuid,
  p_artist_id uuid,
  p_name text,
  p_song_ids uuid[] default '{}',
  p_user_id uuid default null
)
returns uuid
language sql volatile parallel unsafe security invoker set search_path = ''
as $$ select medley.create_setlist(p_user_id, p_event_id, p_artist_id, p_name, p_song_ids, now()) $$;

comment on function public.create_setlist(uuid, uuid, text, uuid[], uuid) is
  'Makes a setlist of one''s own for an upcoming show: up to 100 different songs that artist_songs links with the artist, in '
  'their order. Returns its id. p_user_id: for the secret key only. Errors: unauthenticated, forbidden, not_found, '
  'conflict (a song twice, or the show is in the past), invalid_argument (a song of another artist), too_large.';
revoke all on function public.create_setlist(uuid, uuid, text, uuid[], uuid)
from public, anon, authenticated, service_role;
grant execute on function public.create_setlist(uuid, uuid, text, uuid[], uuid) to authenticated, service_role;

create or replace function public.add_setlist_song(
  p_setlist_id uuid,
  p_song_id uuid,
  p_position int default null,
  p_user_id uuid default null
)
returns uuid
language sql volatile parallel unsafe security invoker set search_path = ''
as $$ select medley.add_setlist_song(p_user_id, p_setlist_id, p_song_id, p_position, now()) $$;

comment on function public.add_setlist_song(uuid, uuid, int, uuid) is
  'Puts a song on a setlist of one''s own (the secret key: on any) at p_position, from 1; what stands there and behind moves '
  'down; at the end by default. Returns the setlist_song_id. p_user_id: for the secret key only. Errors: unauthenticated, '
  'forbidden, not_found, conflict (on it already, locked, or the show is in the past), invalid_argument, too_large.';
revoke all on function public.add_setlist_song(uuid, uuid, int, uuid) from public, anon, authenticated, service_role;
grant execute on function public.add_setlist_song(uuid, uuid, int, uuid) to authenticated, service_role;

create or replace function public.move_setlist_song(p_setlist_song_id uuid, p_position int, p_user_id uuid default null)
returns void
language sql volatile parallel unsafe security invoker set search_path = ''
as $$ select medley.move_setlist_song(p_user_id, p_setlist_song_id, p_position, now()) $$;

comment on function public.move_setlist_song(uuid, int, uuid) is
  'Moves a song of a setlist of one''s own (the secret key: of any) to p_position, from 1; those between move by one. '
  'p_user_id: for the secret key only. Errors: unauthenticated, forbidden, not_found, conflict, invalid_argument.';
revoke all on function public.move_setlist_song(uuid, int, uuid) from public, anon, authenticated, service_role;
grant execute on function public.move_setlist_song(uuid, int, uuid) to authenticated, service_role;

create or replace function public.remove_setlist_song(p_setlist_song_id uuid, p_user_id uuid default null)
returns void
language sql volatile parallel unsafe security invoker set search_path = ''
as $$ select medley.remove_setlist_song(p_user_id, p_setlist_song_id, now()) $$;

comment on function public.remove_setlist_song(uuid, uuid) is
  'Takes a song off a setlist of one''s own (the secret key: off any), with its votes; those behind move up. '
  'p_user_id: for the secret key only. Errors: unauthenticated, forbidden, not_found, conflict.';
revoke all on function public.remove_setlist_song(uuid, uuid) from public, anon, authenticated, service_role;
grant execute on function public.remove_setlist_song(uuid, uuid) to authenticated, service_role;

create or replace function public.lock_setlist(p_setlist_id uuid, p_locked boolean default true)
returns void
language sql volatile parallel unsafe security invoker set search_path = ''
as $$ select medley.lock_setlist(p_setlist_id, p_locked) $$;

comment on function public.lock_setlist(uuid, boolean) is
  'Locks a setlist, or unlocks it (secret key only): a locked one takes no votes and no changes, and is not predicted again. '
  'Errors: not_found.';
revoke all on function public.lock_setlist(uuid, boolean) from public, anon, authenticated, service_role;
grant execute on function public.lock_setlist(uuid, boolean) to service_role;

create or replace function public.get_setlist(p_setlist_id uuid)
returns table (
  setlist_song_id uuid, song_id uuid,
  "position" int, -- noqa: RF06
  title text, artist text, duration_ms int, upvotes int, downvotes int, my_vote int
)
language sql stable parallel safe security invoker set search_path = ''
as $$
  select s.*
  from medley.get_setlist(p_setlist_id) as s
$$;

comment on function public.get_setlist(uuid) is
  'The songs of a setlist in order, with their votes. my_vote: 1, -1 or 0 (none); null for who is not signed in. '
  'Errors: not_found.';
revoke all on function public.get_setlist(uuid) from public, anon, authenticated, service_role;
grant execute on function public.get_setlist(uuid) to anon, authenticated, service_role;

create or replace function public.get_event_setlists(p_event_id uuid)
returns table (
  setlist_id uuid, type text, name text, artist_id uuid, artist text, created_by uuid, is_locked boolean,
  total_votes int, songs jsonb
)
language sql stable parallel safe security invoker set search_path = ''
as $$
  select s.*
  from medley.get_event_setlists(p_event_id) as s
$$;

comment on function public.get_event_setlists(uuid) is
  'The setlists of a show: actual ones, predicted ones, those of members by their votes, at most 200. songs is an array of '
  'what get_setlist returns. Errors: not_found.';
revoke all on function public.get_event_setlists(uuid) from public, anon, authenticated, service_role;
grant execute on function public.get_event_setlists(uuid) to anon, authenticated, service_role;

create or replace function public.predict_setlist(p_event_id uuid, p_artist_id uuid default null)
returns uuid
language sql volatile parallel unsafe security invoker set search_path = ''
as $$ select medley.predict_setlist(p_event_id, p_artist_id, now()) $$;

comment on function public.predict_setlist(uuid, uuid) is
  'Predicts the setlist of an upcoming show now (secret key only), of its headliner by default; the job predict_setlists '
  'does so by itself. Songs that stay keep their votes. Returns the setlist''s id. '
  'Errors: not_found (the show, or nothing is known of the artist), conflict (locked, or the show is in the past).';
revoke all on function public.predict_setlist(uuid, uuid) from public, anon, authenticated, service_role;
grant execute on function public.predict_setlist(uuid, uuid) to service_role;

-- The arguments are called as apps of before know them.
create or replace function public.calculate_trending_score(artist_id_param uuid, days_back int default 7)
returns numeric
language sql stable parallel safe security invoker set search_path = ''
as $$ select medley.calculate_trending_score(artist_id_param, days_back, now()) $$;

comment on function public.calculate_trending_score(uuid, int) is
  'What members did with an artist in the last days_back days: votes on its setlists, new follows and views of its page, '
  'weighted by medley.ranker_weights (trending_artists: 0.5, 0.3, 0.2). Errors: not_found, invalid_argument.';
revoke all on function public.calculate_trending_score(uuid, int) from public, anon, authenticated, service_role;
grant execute on function public.calculate_trending_score(uuid, int) to anon, authenticated, service_role;

create or replace function public.get_trending_artists(p_limit int default 20, p_cursor text default null)
returns table (
  artist_id uuid, name text, slug text, image_url text, trending_score numeric, show_count int, follower_count int,
  next_cursor text
)
language sql stable parallel safe security invoker set search_path = ''
as $$
  select t.*
  from medley.get_trending_artists(p_limit, p_cursor) as t
$$;

comment on function public.get_trending_artists(int, text) is
  'The trending artists as the job refresh_trending_artists found them, best first. p_limit: 1 to 200. p_cursor: '
  'next_cursor of the previous page. Errors: invalid_argument, invalid_cursor.';
revoke all on function public.get_trending_artists(int, text) from public, anon, authenticated, service_role;
grant execute on function public.get_trending_artists(int, text) to anon, authenticated, service_role;

-- sql/packs/live/policies.sql
-- Row-level security and grants of the live pack: a public catalogue that the service writes, and RSVPs of one's own.
alter table public.artists enable row level security;
revoke all on public.artists from public, anon, authenticated, service_role;
grant select on public.artists to anon, authenticated;
grant select, insert, update, delete on public.artists to service_role;

create policy artists_select on public.artists
for select to anon, authenticated using (medley.visible_to((select auth.uid()), id));

alter table public.venues enable row level security;
revoke all on public.venues from public, anon, authenticated, service_role;
grant select on public.venues to anon, authenticated;
grant select, insert, update, delete on public.venues to service_role;

create policy venues_select on public.venues
for select to anon, authenticated using (medley.visible_to((select auth.uid()), id));

alter table public.events enable row level security;
revoke all on public.events from public, anon, authenticated, service_role;
grant select on public.events to anon, authenticated;
grant select, insert, update, delete on public.events to service_role;

create policy events_select on public.events
for select to anon, authenticated using (medley.visible_to((select auth.uid()), id));

alter table public.event_artists enable row level security;
revoke all on public.event_artists from public, anon, authenticated, service_role;
grant select on public.event_artists to anon, authenticated;
grant select, insert, update, delete on public.event_artists to service_role;

create policy event_artists_select on public.event_artists
for select to anon, authenticated using (medley.visible_to((select auth.uid()), event_id));

alter table public.event_rsvps enable row level security;
revoke all on public.event_rsvps from public, anon, authenticated, service_role;
grant select, delete on public.event_rsvps to authenticated;
grant insert (user_id, event_id, status), update (user_id, event_id, status) on public.event_rsvps to authenticated;
grant select, insert, update, delete on public.event_rsvps to service_role;

create policy event_rsvps_select on public.event_rsvps
for select to authenticated using (user_id = (select auth.uid()));

create policy event_rsvps_insert on public.event_rsvps
for insert to authenticated
with check (user_id = (select auth.uid()) and medley.visible_to((select auth.uid()), event_id));

create policy event_rsvps_update on public.event_rsvps
for update to authenticated
using (user_id = (select auth.uid()))
with check (user_id = (select auth.uid()) and medley.visible_to((select auth.uid()), event_id));

create policy event_rsvps_delete on public.event_rsvps
for delete to authenticated using (user_id = (select auth.uid()));

alter table medley.user_cluster_affinity enable row level security;
revoke all on medley.user_cluster_affinity from public, anon, authenticated, service_role;
grant select on medley.user_cluster_affinity to authenticated, service_role;

create policy user_cluster_affinity_own on medley.user_cluster_affinity
for select to authenticated using (user_no = (select medley.acting_user_no()));

alter table medley.event_cluster_keys enable row level security;
revoke all on medley.event_cluster_keys from public, anon, authenticated, service_role;

alter table medley.upcoming_events enable row level security;
revoke all on medley.upcoming_events from public, anon, authenticated, service_role;

alter table medley.event_postings enable row level security;
revoke all on medley.event_postings from public, anon, authenticated, service_role;

revoke all on
public.artists_genres, public.events_genres, public.user_follows_artists, public.user_event_relationships,
public.shows, public.user_profiles, public.event_clusters, public.artist_clusters,
public.analytics_events_by_cluster, public.analytics_events_by_umbrella, public.analytics_artists_by_cluster
from public, anon, authenticated, service_role;

grant select on public.artists_genres, public.events_genres to anon, authenticated;
grant select, insert, update, delete on public.artists_genres, public.events_genres to service_role;

grant select, delete on public.user_follows_artists to authenticated;
grant insert (user_id, artist_id, notifications_enabled), update (notifications_enabled)
on public.user_follows_artists to authenticated;
grant select, insert, update, delete on public.user_follows_artists to service_role;

grant select on public.shows to anon, authenticated;
grant select, insert, update, delete on public.shows to service_role;

grant select on public.user_profiles to anon, authenticated;
grant insert (id, username, display_name, avatar_url, bio, location, website, public_profile),
update (username, display_name, avatar_url, bio, location, website, public_profile)
on public.user_profiles to authenticated;
grant insert (location, website), update (location, website) on public.profiles to authenticated;
grant select, insert, update, delete on public.user_profiles to service_role;

grant select, delete on public.user_event_relationships to authenticated;
grant insert (user_id, event_id, relationship_type), update (relationship_type)
on public.user_event_relationships to authenticated;
grant select, insert, update, delete on public.user_event_relationships to service_role;

-- Clusters and analytics speak of the public catalogue only.
grant select on
public.event_clusters, public.artist_clusters,
public.analytics_events_by_cluster, public.analytics_events_by_umbrella, public.analytics_artists_by_cluster
to authenticated, service_role;
grant select on medley.genre_cluster_keys to authenticated, service_role;

-- sql/packs/live/policies_songs.sql
-- Row-level security and grants of songs and setlists: all may read, the service writes, members write through the API.
-- plpgsql keeps its plan; a policy asks for each row.
create or replace function medley.setlist_visible(p_user_id uuid, p_setlist_id uuid)
returns boolean
language plpgsql stable parallel safe security definer
set search_path = '' set plan_cache_mode = force_generic_plan
as $$
begin
  return coalesce(
    (
      select case
        -- Almost every setlist is everybody's.
        when s.created_by is null
          and a.visibility = 'public' and a.owner_id is null
          and (s.event_id is null or i.visibility = 'public' and i.owner_id is null)
          then true
        else
          medley.visible_to(p_user_id, s.artist_id)
          and (s.event_id is null or medley.visible_to(p_user_id, s.event_id))
          and (s.created_by is null or not medley.is_blocked(p_user_id, s.created_by))
      end
      from public.setlists as s
      inner join medley.items as a on a.id = s.artist_id
      left join medley.items as i on i.id = s.event_id
      where s.id = p_setlist_id
    ),
    false
  );
end;
$$;

comment on function medley.setlist_visible(uuid, uuid) is
  'Whether the member p_user_id (null: not signed in) may see the setlist: its artist and show, and no block between both members.';
revoke all on function medley.setlist_visible(uuid, uuid) from public, anon, authenticated, service_role;
grant execute on function medley.setlist_visible(uuid, uuid) to anon, authenticated, service_role;

alter table public.songs enable row level security;
revoke all on public.songs from public, anon, authenticated, service_role;
grant select on public.songs to anon, authenticated;
grant select, insert, update, delete on public.songs to service_role;

create policy songs_select on public.songs
for select to anon, authenticated using (medley.visible_to((select auth.uid()), id));

alter table public.artist_songs enable row level security;
revoke all on public.artist_songs from public, anon, authenticated, service_role;
grant select on public.artist_songs to anon, authenticated;
grant select, insert, update, delete on public.artist_songs to service_role;

create policy artist_songs_select on public.artist_songs
for select to anon, authenticated using (medley.visible_to((select auth.uid()), song_id));

alter table public.setlists enable row level security;
revoke all on public.setlists from public, anon, authenticated, service_role;
grant select on public.setlists to anon, authenticated;
grant delete, update (name) on public.setlists to authenticated;
-- Counters are written by triggers alone.
grant
select,
insert (id, event_id, artist_id, type, name, order_index, is_locked, created_by, setlistfm_id, created_at, updated_at),
update (event_id, type, name, order_index, is_locked, setlistfm_id),
delete
on public.setlists to service_role;

create policy setlists_select on public.setlists
for select to anon, authenticated using (medley.setlist_visible((select auth.uid()), id));

create policy setlists_update on public.setlists
for update to authenticated
using (created_by = (select auth.uid()) and type = 'user_created' and not is_locked)
with check (created_by = (select auth.uid()));

create policy setlists_delete on public.setlists
for delete to authenticated
using (created_by = (select auth.uid()) and type = 'user_created' and not is_locked);

alter table public.setlist_songs enable row level security;
revoke all on public.setlist_songs from public, anon, authenticated, service_role;
grant select on public.setlist_songs to anon, authenticated;
grant select, insert (id, setlist_id, song_id, position, created_at), update (position), delete
on public.setlist_songs to service_role;

create policy setlist_songs_select on public.setlist_songs
for select to anon, authenticated using (medley.setlist_visible((select auth.uid()), setlist_id));

-- Nobody sees how another voted; the counters are public. Votes are cast by vote_setlist_song.
alter table public.setlist_votes enable row level security;
revoke all on public.setlist_votes from public, anon, authenticated, service_role;
grant select on public.setlist_votes to authenticated;
grant select, insert, update (vote, voted_at), delete on public.setlist_votes to service_role;

create policy setlist_votes_select on public.setlist_votes
for select to authenticated using (user_id = (select auth.uid()));

-- sql/packs/live/engagements.sql
-- RSVPs are engagements: the log has every answer, and what a member takes back is taken back there too.
insert into medley.engagement_kinds
  (kind, weight, half_life_days, polarity, engagement, marks_seen, value_rule, social_signal, description)
values
  ('rsvp_maybe', 1.5, 365, 1, 0.6, true, 'none', null, 'Said maybe to an event.'),
  ('unrsvp', -3, 365, 0, 0.2, false, 'none', null, 'No longer goes: takes back what an RSVP was worth.'),
  ('unrsvp_maybe', -1.5, 365, 0, 0.2, false, 'none', null, 'No longer may go: takes back what a maybe was worth.')
on conflict (kind) do nothing;

create or replace function medley.log_rsvps()
returns trigger
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_users uuid[];
  v_items uuid[];
  v_kinds text[];
  v_events jsonb;
begin
  if tg_op = 'INSERT' then
    select array_agg(n.user_id), array_agg(n.event_id), array_agg(k.kind) into v_users, v_items, v_kinds
    from new_rows as n
    inner join (values ('going', 'rsvp'), ('maybe', 'rsvp_maybe')) as k (status, kind) on k.status = n.status;
  elsif tg_op = 'DELETE' then
    -- What is said of an event that is being deleted goes with it.
    select array_agg(o.user_id), array_agg(o.event_id), array_agg(k.kind) into v_users, v_items, v_kinds
    from old_rows as o
    inner join public.events as e on e.id = o.event_id
    inner join (values ('going', 'unrsvp'), ('maybe', 'unrsvp_maybe')) as k (status, kind) on k.status = o.status;
  else
    select array_agg(a.user_id), array_agg(a.event_id), array_agg(k.kind) into v_users, v_items, v_kinds
    from (
      (
        select true as said, n.user_id, n.event_id, n.status from new_rows as n
        except
        select true, o.user_id, o.event_id, o.status from old_rows as o
      )
      union all
      (
        select false, o.user_id, o.event_id, o.status from old_rows as o
        except
        select false, n.user_id, n.event_id, n.status from new_rows as n
      )
    ) as a
    inner join (
      values (true, 'going', 'rsvp'), (true, 'maybe', 'rsvp_maybe'), (false, 'going', 'unrsvp'), (false, 'maybe', 'unrsvp_maybe')
    ) as k (said, status, kind) on k.said = a.said and k.status = a.status;
  end if;

  -- A load writes many: twenty thousand at a time fit into memory in any case.
  for v_events in
    select jsonb_agg(
      -- The clock and not the transaction's time: an answer that is given, taken back and given again is three events.
      jsonb_build_object('user_id', a.user_id, 'item_id', a.item_id, 'kind', a.kind, 'occurred_at', clock_timestamp())
    )
    from unnest(v_users, v_items, v_kinds) with ordinality as a (user_id, item_id, kind, place)
    group by a.place / 20000
  loop
    perform from medley.write_engagements(null, v_events, now(), now());
  end loop;
  return null;
end;
$$;

comment on function medley.log_rsvps() is
  'Statement trigger with transition tables: RSVPs go into the log of engagements, as rsvp or rsvp_maybe; an RSVP that '
  'ends or changes is taken back by unrsvp or unrsvp_maybe.';
revoke all on function medley.log_rsvps() from public, anon, authenticated, service_role;

create trigger event_rsvps_engagements_insert
after insert on public.event_rsvps referencing new table as new_rows
for each statement execute function medley.log_rsvps();
create trigger event_rsvps_engagements_update
after update on public.event_rsvps referencing old table as old_rows new table as new_rows
for each statement execute function medley.log_rsvps();
create trigger event_rsvps_engagements_delete
after delete on public.event_rsvps referencing old table as old_rows
for each statement execute function medley.log_rsvps();

-- sql/packs/live/jobs.sql
-- What keeps the live pack fresh besides its triggers.
insert into medley.jobs (name, schedule, function_name, batch_size, timeout_seconds, description)
values
  (
    'refresh_upcoming_events', '*/10 * * * *', 'refresh_upcoming_events', 2000, 900,
    'Drops past events from the index of upcoming events and follows a rebuilt taxonomy.'
  ),
  (
    'refresh_user_cluster_affinity', '40 4 * * *', 'refresh_user_cluster_affinity', null, 3600,
    'Rebuilds the cluster affinities of all members after the taxonomy.'
  ),
  (
    'predict_setlists', '25 * * * *', 'predict_setlists', 200, 900,
    'Predicts the setlists of upcoming shows that have no prediction or an outdated one.'
  ),
  (
    'refresh_trending_artists', '5 * * * *', 'refresh_trending_artists', null, 600,
    'Fills trending_artists with what happened in the last days.'
  );

-- sql/packs/live/tables_imports.sql
-- Imports of artists from outside sources. A job goes through the stages in order; the edge function import-artist
-- does the asking, the functions of imports.sql and the stages do the writing.
--   import_status      what everybody may see of a job: where it is, how far, what went wrong
--   import_jobs        what the workers need: what to import, the next stage, who works on it (the lease)
--   import_updates     every update of a job in order, for streams that miss none
--   import_requests    who started what was not running, for the daily limit
insert into medley.settings (key, value, description)
values
  ('imports.lease_seconds', 30, 'Seconds without a sign of life after which another worker takes over; 5 to 300.'),
  ('imports.fresh_minutes', 60, 'An artist imported so many minutes ago is not imported again; 0 to 10,000.'),
  ('imports.resume_hours', 24, 'A failed import goes on at its stage for so many hours, then begins anew; 0 to 168.'),
  ('imports.stalled_minutes', 10, 'Minutes without a sign of life after which an import counts as failed; 1 to 1,440.'),
  ('imports.member_daily', 20, 'Imports that one member may start in 24 hours; to join one is free; 0 to 10,000.'),
  ('imports.keep_days', 30, 'Finished imports are deleted after so many days; 1 to 3,650.');

create table medley.import_stages (
  stage text primary key,
  stage_no smallint not null unique check (stage_no > 0),
  starts_at smallint not null check (starts_at between 0 and 100),
  description text not null
);

comment on table medley.import_stages is 'The stages of an import in order, and at which percentage of the whole each begins.';
comment on column medley.import_stages.stage is 'Name of the stage; done is the last.';
comment on column medley.import_stages.stage_no is 'Its place, from 1.';
comment on column medley.import_stages.starts_at is 'Percent of a whole import that are done when it begins.';
comment on column medley.import_stages.description is 'What it does.';

alter table medley.import_stages enable row level security;
revoke all on medley.import_stages from public, anon, authenticated, service_role;

insert into medley.import_stages (stage, stage_no, starts_at, description)
values
  ('identify', 1, 0, 'Finds the artist''s ids at the sources.'),
  ('artist', 2, 5, 'Writes the artist.'),
  ('songs', 3, 10, 'Writes the songs.'),
  ('events', 4, 50, 'Writes the shows that are announced, and their venues.'),
  ('setlists', 5, 60, 'Writes what was played at past shows.'),
  ('done', 6, 100, 'Everything is written.');

create table public.import_status (
  id uuid primary key default gen_random_uuid(),
  job_id text not null unique default gen_random_uuid()::text check (length(job_id) between 1 and 255),
  artist_id uuid references public.artists (id) on delete set null,
  stage text not null default 'identify'
  check (stage in ('identify', 'artist', 'songs', 'events', 'setlists', 'done', 'failed')),
  progress int not null default 0 check (progress between 0 and 100),
  message text check (length(message) <= 500),
  error text check (length(error) <= 1000),
  estimated_time_remaining int check (estimated_time_remaining >= 0),
  update_no int not null default 0,
  started_at timestamptz not null default now(),
  completed_at timestamptz,
  updated_at timestamptz not null default now(),
  constraint import_status_failed_says_why check ((stage = 'failed') = (error is not null)),
  constraint import_status_completed check ((stage in ('done', 'failed')) = (completed_at is not null))
);
create index import_status_artist_idx on public.import_status (artist_id);
create index import_status_completed_idx on public.import_status (completed_at) where completed_at is not null;

comment on table public.import_status is 'Where each import of an artist is. Everybody may read it; import jobs alone write it.';
comment on column public.import_status.id is 'The row.';
comment on column public.import_status.job_id is 'The job, as start_import names it.';
comment on column public.import_status.artist_id is 'The artist, as soon as there is one.';
comment on column public.import_status.stage is
  'identify, artist, songs, events, setlists; done or failed at the end. A failed job that is started again goes on.';
comment on column public.import_status.progress is 'Percent of the whole that are done.';
comment on column public.import_status.message is 'What happens, in words.';
comment on column public.import_status.error is 'Why it failed: a code, a colon, the reason.';
comment on column public.import_status.estimated_time_remaining is 'Seconds, by the pace so far; null where that says nothing yet.';
comment on column public.import_status.update_no is 'Number of the last update; grows by one with each.';
comment on column public.import_status.started_at is 'When the job was made.';
comment on column public.import_status.completed_at is 'When it ended, well or not.';
comment on column public.import_status.updated_at is 'When the row last changed.';

alter table public.import_status enable row level security;
revoke all on public.import_status from public, anon, authenticated, service_role;
grant select on public.import_status to anon, authenticated, service_role;

create policy import_status_select on public.import_status
for select to anon, authenticated using (true);

create table medley.import_jobs (
  job_id text primary key references public.import_status (job_id) on delete cascade,
  asked_key text not null,
  request_key text not null,
  request jsonb not null,
  stage text not null default 'identify' check (stage in ('identify', 'artist', 'songs', 'events', 'setlists', 'done')),
  attempt int not null default 0,
  attempt_started_at timestamptz,
  attempt_progress int not null default 0,
  lease uuid,
  leased_until timestamptz,
  finished_at timestamptz
);
create unique index import_jobs_running_idx on medley.import_jobs (request_key) where finished_at is null;
create index import_jobs_request_key_idx on medley.import_jobs (request_key);
create index import_jobs_asked_key_idx on medley.import_jobs (asked_key);

comment on table medley.import_jobs is 'What workers need of an import; one running job an artist.';
comment on column medley.import_jobs.job_id is 'The job.';
comment on column medley.import_jobs.asked_key is
  'Which artist, as the first call named it: artist:<id>, spotify:<id>, ticketmaster:<id> or name:<name>.';
comment on column medley.import_jobs.request_key is
  'Which artist, by what is known now: artist:<id> where the catalogue has it, else as above.';
comment on column medley.import_jobs.request is 'What is known of the artist: name, artist_id, spotify_id, ticketmaster_id, musicbrainz_id.';
comment on column medley.import_jobs.stage is 'The stage to do next; it stays where a job fails, and goes on from there.';
comment on column medley.import_jobs.attempt is 'How many workers have taken it up.';
comment on column medley.import_jobs.attempt_started_at is 'When the last one did.';
comment on column medley.import_jobs.attempt_progress is 'Percent that were done by then.';
comment on column medley.import_jobs.lease is 'Secret of the worker that holds the job; the writes of any other are refused.';
comment on column medley.import_jobs.leased_until is 'Until when it holds it without a sign of life.';
comment on column medley.import_jobs.finished_at is 'When the job ended, well or not; null while it runs.';

alter table medley.import_jobs enable row level security;
revoke all on medley.import_jobs from public, anon, authenticated, service_role;

create table medley.import_updates (
  job_id text not null references public.import_status (job_id) on delete cascade,
  update_no int not null,
  stage text not null,
  progress int not null,
  message text,
  error text,
  estimated_time_remaining int,
  updated_at timestamptz not null,
  primary key (job_id, update_no)
);

comment on table medley.import_updates is
  'Every update of an import. The numbers of a job have no gaps and follow the order of commits, because each is given '
  'under the lock of the job''s row: who has read up to n misses nothing before it.';
comment on column medley.import_updates.job_id is 'The job.';
comment on column medley.import_updates.update_no is 'Place among the job''s updates, from 1.';
comment on column medley.import_updates.stage is 'As in import_status.';
comment on column medley.import_updates.progress is 'As in import_status.';
comment on column medley.import_updates.message is 'As in import_status.';
comment on column medley.import_updates.error is 'As in import_status.';
comment on column medley.import_updates.estimated_time_remaining is 'As in import_status.';
comment on column medley.import_updates.updated_at is 'When it happened.';

alter table medley.import_updates enable row level security;
revoke all on medley.import_updates from public, anon, authenticated, service_role;

create table medley.import_requests (
  request_no bigint primary key generated always as identity,
  user_id uuid not null references auth.users (id) on delete cascade,
  requested_at timestamptz not null
);
create index import_requests_user_idx on medley.import_requests (user_id, requested_at);
create index import_requests_time_idx on medley.import_requests (requested_at);

comment on table medley.import_requests is 'Imports that members started in the last 24 hours, for the daily limit.';
comment on column medley.import_requests.request_no is 'Number of the row.';
comment on column medley.import_requests.user_id is 'The member.';
comment on column medley.import_requests.requested_at is 'When.';

alter table medley.import_requests enable row level security;
revoke all on medley.import_requests from public, anon, authenticated, service_role;
create policy import_requests_own on medley.import_requests
for select to authenticated using (user_id = (select auth.uid()));

-- For look-ups by name, in any case.
create index artists_lower_name_idx on public.artists (lower(name));
create index venues_lower_name_idx on public.venues (lower(name));

-- sql/packs/live/imports.sql
-- Import jobs: starting or joining one, the lease of its worker, its updates, its end.
create or replace function medley.write_import_update(
  p_job_id text,
  p_stage text,
  p_progress int,
  p_message text,
  p_error text,
  p_as_of timestamptz
)
returns void
language sql volatile parallel unsafe security definer set search_path = ''
as $$
  with written as (
    update public.import_status as s
    set
      stage = p_stage,
      -- A stage that is done again after a failure does not run backwards.
      progress = greatest(s.progress, coalesce(p_progress, 0)),
      message = left(coalesce(p_message, s.message), 500),
      error = left(p_error, 1000),
      estimated_time_remaining = e.seconds,
      update_no = s.update_no + 1,
      completed_at = case when p_stage in ('done', 'failed') then p_as_of end,
      updated_at = p_as_of
    from medley.import_jobs as j
    cross join lateral (
      select
        greatest(extract(epoch from p_as_of - j.attempt_started_at), 0) as elapsed,
        p_progress - j.attempt_progress as gained
    ) as p
    cross join lateral (
      select case
        when p_stage = 'done' then 0
        when p_stage = 'failed' then null
        -- Before that the pace says nothing.
        when p.gained >= 5 then least(ceil(p.elapsed * (100 - p_progress) / p.gained), 86400)::int
      end as seconds
    ) as e
    where s.job_id = p_job_id and j.job_id = s.job_id
    returning s.*
  )

  insert into medley.import_updates (
    job_id, update_no, stage, progress, message, error, estimated_time_remaining, updated_at
  )
  select
    w.job_id, w.update_no, w.stage, w.progress, w.message, w.error, w.estimated_time_remaining, w.updated_at
  from written as w
$$;

comment on function medley.write_import_update(text, text, int, text, text, timestamptz) is
  'Writes an update of an import: the row of import_status and its copy in import_updates. A null p_message keeps '
  'the last. The estimate: as much time for each percent that is left as this attempt took for each of its own.';
revoke all on function medley.write_import_update(text, text, int, text, text, timestamptz)
from public, anon, authenticated, service_role;

create or replace function medley.import_request(p_artist jsonb)
returns jsonb
language plpgsql stable parallel safe security definer set search_path = ''
as $$
declare
  v_request jsonb;
  v_fields text[];
  v_found public.artists;
begin
  if p_artist is null or jsonb_typeof(p_artist) <> 'object' then
    perform medley.fail('invalid_argument', 'p_artist must be an object', 'p_artist',
      'Pass one of {"name"}, {"spotify_id"}, {"ticketmaster_id"}, {"artist_id"}.');
  end if;
  select
    jsonb_object_agg(f.key, btrim(f.value #>> '{}')),
    array_agg(f.key) filter (
      where f.key not in ('artist_id', 'spotify_id', 'ticketmaster_id', 'name') or jsonb_typeof(f.value) <> 'string'
      or length(btrim(f.value #>> '{}')) not between 1 and 255
    )
    into v_request, v_fields
  from jsonb_each(p_artist) as f
  where jsonb_typeof(f.value) <> 'null';
  if v_fields is not null then
    perform medley.fail('invalid_argument', format('p_artist has no usable %s', left(v_fields[1], 50)), 'p_artist',
      'Its fields are texts of 1 to 255 characters: name, spotify_id, ticketmaster_id or artist_id.');
  end if;
  if v_request is null or (select count(*) from jsonb_object_keys(v_request)) <> 1 then
    perform medley.fail('invalid_argument', 'p_artist must say in one way which artist is meant', 'p_artist',
      'Pass one of {"name"}, {"spotify_id"}, {"ticketmaster_id"}, {"artist_id"}.');
  end if;

  if v_request ? 'artist_id' then
    if v_request ->> 'artist_id' ~* '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' then
      select a.* into v_found from public.artists as a where a.id = (v_request ->> 'artist_id')::uuid;
    end if;
    if v_found.id is null then
      perform medley.fail('not_found', format('no artist %s', left(v_request ->> 'artist_id', 50)), 'p_artist',
        'Pass the id of an artist in the catalogue, or a name to look for.');
    end if;
  elsif v_request ? 'name' then
    -- Of namesakes none is chosen here: the sources know more.
    select a.* into v_found
    from public.artists as a
    where lower(a.name) = lower(v_request ->> 'name')
      and 1 = (select count(*) from public.artists as n where lower(n.name) = lower(v_request ->> 'name'));
  else
    select a.* into v_found
    from public.artists as a
    where a.spotify_id = v_request ->> 'spotify_id' or a.ticketmaster_id = v_request ->> 'ticketmaster_id';
  end if;

  return v_request || jsonb_strip_nulls(jsonb_build_object(
    'artist_id', v_found.id, 'name', v_found.name, 'spotify_id', v_found.spotify_id,
    'ticketmaster_id', v_found.ticketmaster_id
  ));
end;
$$;

comment on function medley.import_request(jsonb) is
  'What to import, checked, with what the catalogue knows of that artist. p_artist has one of name, spotify_id, '
  'ticketmaster_id and artist_id. Errors: invalid_argument, not_found (an artist_id that does not exist).';
revoke all on function medley.import_request(jsonb) from public, anon, authenticated, service_role;

create or replace function medley.import_key(p_request jsonb)
returns text
language sql immutable parallel safe security invoker set search_path = ''
as $$
  select coalesce(
    'artist:' || (p_request ->> 'artist_id'),
    'spotify:' || (p_request ->> 'spotify_id'),
    'ticketmaster:' || (p_request ->> 'ticketmaster_id'),
    'name:' || medley.normalize_title(p_request ->> 'name')
  )
$$;

comment on function medley.import_key(jsonb) is 'Which artist a request means, as one text: its most certain id.';
revoke all on function medley.import_key(jsonb) from public, anon, authenticated, service_role;

create or replace function medley.count_import_request(p_user_id uuid, p_as_of timestamptz)
returns void
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_most int := medley.setting('imports.member_daily')::int;
begin
  -- Two calls of one member: the second sees the first one's row.
  perform pg_advisory_xact_lock(hashtextextended('medley.import_requests:' || p_user_id, 0));
  if v_most <= (
    select count(*)
    from medley.import_requests as r
    where r.user_id = p_user_id and r.requested_at > p_as_of - interval '1 day'
  ) then
    perform medley.fail('quota_exceeded', format('a member may start %s imports a day', v_most), null,
      'Wait until tomorrow, or join an import that runs.');
  end if;
  insert into medley.import_requests (user_id, requested_at)
  values (p_user_id, p_as_of);
end;
$$;

comment on function medley.count_import_request(uuid, timestamptz) is
  'Notes that a member starts an import. Errors: quota_exceeded (imports.member_daily in 24 hours).';
revoke all on function medley.count_import_request(uuid, timestamptz) from public, anon, authenticated, service_role;

create or replace function medley.start_import(p_artist jsonb, p_user_id uuid, p_as_of timestamptz)
returns table (job_id text, stage text, started boolean)
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_request jsonb := medley.import_request(p_artist);
  v_key text := medley.import_key(v_request);
  v_last medley.import_jobs;
  v_stage text;
begin
  -- Two calls for one artist: the second sees the first one's job.
  perform pg_advisory_xact_lock(hashtextextended('medley.import:' || v_key, 0));

  select j.* into v_last
  from medley.import_jobs as j
  where j.request_key = v_key or j.asked_key = v_key
    -- Another call may have named the same artist in another way since.
    or j.request_key in (select k.request_key from medley.import_jobs as k where k.asked_key = v_key)
  order by j.finished_at desc nulls first
  limit 1
  for update;

  if v_last.job_id is not null then
    select s.stage into v_stage from public.import_status as s where s.job_id = v_last.job_id;
    if v_last.finished_at is null
      or v_stage = 'done'
      and v_last.finished_at > p_as_of - make_interval(mins => medley.setting('imports.fresh_minutes')::int) then
      return query select v_last.job_id, v_stage, false;
      return;
    end if;
  end if;

  if p_user_id is not null then
    perform medley.count_import_request(p_user_id, p_as_of);
  end if;
  if v_stage = 'failed'
    and v_last.finished_at > p_as_of - make_interval(hours => medley.setting('imports.resume_hours')::int) then
    update medley.import_jobs as j
    set finished_at = null, lease = null, leased_until = null
    where j.job_id = v_last.job_id;
    perform medley.write_import_update(v_last.job_id, v_last.stage, null, 'Goes on.', null, p_as_of);
    return query select v_last.job_id, v_last.stage, true;
    return;
  end if;

  insert into public.import_status (artist_id, message, started_at, updated_at)
  values ((v_request ->> 'artist_id')::uuid, 'Waits for a worker.', p_as_of, p_as_of)
  returning import_status.job_id into v_last.job_id;
  insert into medley.import_jobs (job_id, asked_key, request_key, request)
  values (v_last.job_id, v_key, v_key, v_request);
  perform medley.write_import_update(v_last.job_id, 'identify', 0, null, null, p_as_of);
  return query select v_last.job_id, 'identify', true;
end;
$$;

comment on function medley.start_import(jsonb, uuid, timestamptz) is
  'Starts the import of an artist, or joins the one that runs; a failed one goes on at its stage '
  '(imports.resume_hours), and one that just succeeded is left as it is (imports.fresh_minutes). started: whether '
  'there is work to do that nobody did. p_user_id: the member who asks, for the daily limit; null for the service. '
  'Errors: invalid_argument, not_found, quota_exceeded.';
revoke all on function medley.start_import(jsonb, uuid, timestamptz) from public, anon, authenticated, service_role;
grant execute on function medley.start_import(jsonb, uuid, timestamptz) to service_role;

create or replace function medley.claim_import(p_job_id text, p_as_of timestamptz)
returns table (lease uuid, lease_seconds int, stage text, request jsonb, attempt int, wait_seconds int)
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_seconds int := medley.setting('imports.lease_seconds')::int;
  v_job medley.import_jobs;
  v_status public.import_status;
begin
  select j.* into v_job from medley.import_jobs as j where j.job_id = p_job_id for update;
  if not found then
    perform medley.fail('not_found', format('no import %s', left(p_job_id, 100)), 'p_job_id',
      'start_import gives the id.');
  end if;
  select s.* into v_status from public.import_status as s where s.job_id = p_job_id;

  if v_job.finished_at is not null or v_job.leased_until > p_as_of then
    return query select
      null::uuid, v_seconds, v_status.stage, v_job.request, v_job.attempt,
      case when v_job.finished_at is null then ceil(extract(epoch from v_job.leased_until - p_as_of))::int end;
    return;
  end if;
  return query
  update medley.import_jobs as j
  set
    lease = gen_random_uuid(),
    leased_until = p_as_of + make_interval(secs => v_seconds),
    attempt = j.attempt + 1,
    attempt_started_at = p_as_of,
    attempt_progress = v_status.progress
  where j.job_id = p_job_id
  returning j.lease, v_seconds, j.stage, j.request, j.attempt, null::int;
end;
$$;

comment on function medley.claim_import(text, timestamptz) is
  'Gives a job to a worker that asks: its lease, good for lease_seconds, the stage to do next and what is known of '
  'the artist. lease is null where the job is over (wait_seconds null too) or another worker holds it, for '
  'wait_seconds yet. Errors: not_found.';
revoke all on function medley.claim_import(text, timestamptz) from public, anon, authenticated, service_role;
grant execute on function medley.claim_import(text, timestamptz) to service_role;

create or replace function medley.hold_import(p_job_id text, p_lease uuid, p_as_of timestamptz)
returns medley.import_jobs
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_job medley.import_jobs;
begin
  select j.* into v_job from medley.import_jobs as j where j.job_id = p_job_id for update;
  if not found then
    perform medley.fail('not_found', format('no import %s', left(p_job_id, 100)), 'p_job_id',
      'start_import gives the id.');
  end if;
  if v_job.lease is distinct from p_lease or v_job.finished_at is not null then
    perform medley.fail('conflict', format('this worker no longer holds the import %s', p_job_id), 'p_lease',
      'Stop: the job is over, or another worker has taken it up.');
  end if;
  update medley.import_jobs as j
  set leased_until = p_as_of + make_interval(secs => medley.setting('imports.lease_seconds')::int)
  where j.job_id = p_job_id;
  return v_job;
end;
$$;

comment on function medley.hold_import(text, uuid, timestamptz) is
  'Locks a job for the worker that holds its lease, which it prolongs, until the transaction ends; returns the job. '
  'Errors: not_found, conflict (the lease is another''s, or the job is over).';
revoke all on function medley.hold_import(text, uuid, timestamptz) from public, anon, authenticated, service_role;

create or replace function medley.report_import_progress(
  p_job_id text,
  p_lease uuid,
  p_done real,
  p_message text,
  p_as_of timestamptz
)
returns void
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_job medley.import_jobs := medley.hold_import(p_job_id, p_lease, p_as_of);
  v_progress int;
begin
  if p_done is null and p_message is null then
    return;
  end if;
  if p_done not between 0 and 1 then
    perform medley.fail('invalid_argument', format('p_done must be between 0 and 1, got %s', p_done), 'p_done',
      'Pass the share of the stage that is done.');
  end if;
  select s.starts_at + floor(coalesce(p_done, 0) * (coalesce(n.starts_at, 100) - s.starts_at)) into v_progress
  from medley.import_stages as s
  left join medley.import_stages as n on n.stage_no = s.stage_no + 1
  where s.stage = v_job.stage;
  perform medley.write_import_update(p_job_id, v_job.stage, v_progress, p_message, null, p_as_of);
end;
$$;

comment on function medley.report_import_progress(text, uuid, real, text, timestamptz) is
  'Says that a worker lives, and how far it is: p_done of the stage, 0 to 1, and a message. Without both it only '
  'prolongs the lease. Errors: not_found, conflict, invalid_argument.';
revoke all on function medley.report_import_progress(text, uuid, real, text, timestamptz)
from public, anon, authenticated, service_role;
grant execute on function medley.report_import_progress(text, uuid, real, text, timestamptz) to service_role;

create or replace function medley.end_import(p_job_id text, p_code text, p_reason text, p_as_of timestamptz)
returns void
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_error text := p_code || ': ' || coalesce(p_reason, 'no reason was given');
begin
  update medley.import_jobs as j
  set finished_at = p_as_of, lease = null, leased_until = null
  where j.job_id = p_job_id;
  perform medley.write_import_update(
    p_job_id,
    case when p_code is null then 'done' else 'failed' end,
    case when p_code is null then 100 end,
    case when p_code is null then 'Imported.' else 'Failed; start it again to go on.' end,
    v_error,
    p_as_of
  );
end;
$$;

comment on function medley.end_import(text, text, text, timestamptz) is
  'Ends a job: well without p_code, else failed for that reason.';
revoke all on function medley.end_import(text, text, text, timestamptz) from public, anon, authenticated, service_role;

create or replace function medley.fail_import(
  p_job_id text,
  p_lease uuid,
  p_code text,
  p_reason text,
  p_as_of timestamptz
)
returns void
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
begin
  perform medley.hold_import(p_job_id, p_lease, p_as_of);
  if p_code is null or p_code !~ '^[a-z_]{1,50}$' then
    perform medley.fail('invalid_argument', 'p_code must be a word such as source_unavailable', 'p_code',
      'Pass lower-case letters and underscores.');
  end if;
  perform medley.end_import(p_job_id, p_code, p_reason, p_as_of);
end;
$$;

comment on function medley.fail_import(text, uuid, text, text, timestamptz) is
  'Ends a job that cannot go on, with a code and the reason; start_import lets it go on at the same stage. '
  'Errors: not_found, conflict, invalid_argument.';
revoke all on function medley.fail_import(text, uuid, text, text, timestamptz)
from public, anon, authenticated, service_role;
grant execute on function medley.fail_import(text, uuid, text, text, timestamptz) to service_role;

create or replace function medley.get_import_updates(p_after jsonb)
returns table (
  job_id text, update_no int, stage text, progress int, message text, error text, estimated_time_remaining int,
  updated_at timestamptz, artist_id uuid
)
language plpgsql stable parallel safe security definer set search_path = ''
as $$
begin
  if p_after is null or jsonb_typeof(p_after) <> 'object'
    or exists (select from jsonb_each(p_after) as a where a.value::text !~ '^(null|\d{1,9})$') then
    perform medley.fail('invalid_argument', 'p_after must be an object of job ids and numbers', 'p_after',
      'Pass {"<job_id>": number of the last update that is known, or null for the current state}.');
  end if;
  return query
  with watched as materialized (
    select w.key as job_id, nullif(w.value, 'null'::jsonb)::int as known
    from jsonb_each(p_after) as w
  )

  select
    u.job_id, u.update_no, u.stage, u.progress, u.message, u.error, u.estimated_time_remaining, u.updated_at,
    s.artist_id
  from watched as w
  inner join medley.import_updates as u on u.job_id = w.job_id and u.update_no > w.known
  inner join public.import_status as s on s.job_id = u.job_id
  union all
  select
    s.job_id, s.update_no, s.stage, s.progress, s.message, s.error, s.estimated_time_remaining, s.updated_at,
    s.artist_id
  from watched as w
  inner join public.import_status as s on s.job_id = w.job_id
  where w.known is null
  order by 1, 2
  limit 1000;
end;
$$;

comment on function medley.get_import_updates(jsonb) is
  'What happened in several imports since one last looked. p_after: {"<job_id>": number of the last known update, or '
  'null for the current state alone}. Returns up to 1,000 updates by job and number; jobs that do not exist have '
  'none. Errors: invalid_argument.';
revoke all on function medley.get_import_updates(jsonb) from public, anon, authenticated, service_role;
grant execute on function medley.get_import_updates(jsonb) to service_role;

create or replace function medley.fail_stalled_imports()
returns bigint
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_now timestamptz := now();
  v_before timestamptz := v_now - make_interval(mins => medley.setting('imports.stalled_minutes')::int);
  v_ended bigint;
begin
  with stalled as materialized (
    select j.job_id
    from medley.import_jobs as j
    inner join public.import_status as s on s.job_id = j.job_id
    where j.finished_at is null and coalesce(j.leased_until, s.updated_at) < v_before
    order by j.job_id
    for update of j skip locked
  )

  select count(medley.end_import(s.job_id, 'stalled', 'its worker is gone', v_now)) into v_ended
  from stalled as s;
  return v_ended;
end;
$$;

comment on function medley.fail_stalled_imports() is
  'Job: imports whose worker gave no sign of life for imports.stalled_minutes count as failed; started again, they '
  'go on. Returns how many.';
revoke all on function medley.fail_stalled_imports() from public, anon, authenticated, service_role;

create or replace function medley.delete_old_imports(p_limit int)
returns bigint
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_deleted bigint;
begin
  delete from public.import_status as s
  where s.id in (
    select o.id
    from public.import_status as o
    where o.completed_at < now() - make_interval(days => medley.setting('imports.keep_days')::int)
    order by o.completed_at
    limit p_limit
  );
  get diagnostics v_deleted = row_count;

  delete from medley.import_requests as r
  where r.requested_at < now() - interval '1 day';
  return v_deleted;
end;
$$;

comment on function medley.delete_old_imports(int) is
  'Job: deletes up to p_limit imports that ended more than imports.keep_days ago, with their updates. Returns how '
  'many.';
revoke all on function medley.delete_old_imports(int) from public, anon, authenticated, service_role;

-- sql/packs/live/import_stages.sql
-- The stages of an import. Each is one transaction: it checks that the caller holds the job and that this stage is due,
-- refuses malformed rows one by one, writes the others in a few statements, and moves the job on. A call that is
-- repeated after its stage is done (its answer got lost) changes nothing. Null rows: no source was asked.
-- Here is what every stage begins and ends with, and the last one; import_artists.sql, import_shows.sql and
-- import_setlists.sql have the others.
create or replace function medley.open_import_stage(
  p_job_id text,
  p_lease uuid,
  p_stage text,
  p_rows jsonb,
  p_as_of timestamptz
)
returns medley.import_jobs
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_job medley.import_jobs := medley.hold_import(p_job_id, p_lease, p_as_of);
begin
  if (
    select due.stage_no < asked.stage_no
    from medley.import_stages as due
    cross join medley.import_stages as asked
    where due.stage = v_job.stage and asked.stage = p_stage
  ) then
    perform medley.fail('conflict', format('the import is at the stage %s, not yet at %s', v_job.stage, p_stage), null,
      'Do the stages in order; claim_import says which is due.');
  end if;
  if jsonb_typeof(p_rows) <> 'array' then
    perform medley.fail('invalid_argument', 'the rows must be an array of objects', null, 'Pass [{...}, ...] or null.');
  end if;
  if jsonb_array_length(p_rows) > 10000 then
    perform medley.fail('too_large', format('the stage got %s rows', jsonb_array_length(p_rows)), null,
      'Import at most 10,000 rows a stage.');
  end if;
  return v_job;
end;
$$;

comment on function medley.open_import_stage(text, uuid, text, jsonb, timestamptz) is
  'Begins a stage for the worker that holds the job; returns the job, whose stage is past p_stage where that is done '
  'already. Errors: not_found, conflict (not the holder, or not yet that stage), invalid_argument, too_large.';
revoke all on function medley.open_import_stage(text, uuid, text, jsonb, timestamptz)
from public, anon, authenticated, service_role;

create or replace function medley.close_import_stage(p_job_id text, p_message text, p_as_of timestamptz)
returns text
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_next medley.import_stages;
begin
  select n.* into strict v_next
  from medley.import_jobs as j
  inner join medley.import_stages as s on s.stage = j.stage
  inner join medley.import_stages as n on n.stage_no = s.stage_no + 1
  where j.job_id = p_job_id;

  update medley.import_jobs as j set stage = v_next.stage where j.job_id = p_job_id;
  -- Done is what finish_import says.
  perform medley.write_import_update(
    p_job_id, case when v_next.stage = 'done' then 'setlists' else v_next.stage end, least(v_next.starts_at, 99),
    p_message, null, p_as_of
  );
  return v_next.stage;
end;
$$;

comment on function medley.close_import_stage(text, text, timestamptz) is
  'Moves a job to its next stage, which it returns, and says so.';
revoke all on function medley.close_import_stage(text, text, timestamptz)
from public, anon, authenticated, service_role;

create or replace function medley.import_message(p_noun text, p_written int, p_refused int)
returns text
language sql immutable parallel safe security invoker set search_path = ''
as $$
  select format('%s %s', to_char(p_written, 'FM999,999'), p_noun || case when p_written = 1 then '' else 's' end)
    || case when p_refused > 0 then format('; %s refused', p_refused) else '' end || '.'
$$;

comment on function medley.import_message(text, int, int) is 'How a stage ended, in words: "1,987 songs; 13 refused."';
revoke all on function medley.import_message(text, int, int) from public, anon, authenticated, service_role;

create or replace function medley.finish_import(p_job_id text, p_lease uuid, p_as_of timestamptz)
returns void
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_job medley.import_jobs := medley.open_import_stage(p_job_id, p_lease, 'done', null, p_as_of);
begin
  update public.artists as a
  set last_full_sync_at = p_as_of
  where a.id = (v_job.request ->> 'artist_id')::uuid;
  perform medley.end_import(p_job_id, null, null, p_as_of);
end;
$$;

comment on function medley.finish_import(text, uuid, timestamptz) is
  'Ends a job whose stages are all done. Errors: not_found, conflict.';
revoke all on function medley.finish_import(text, uuid, timestamptz) from public, anon, authenticated, service_role;
grant execute on function medley.finish_import(text, uuid, timestamptz) to service_role;

-- sql/packs/live/import_rows.sql
-- What sources send, looked at row by row: what is malformed is refused, the rest is written.
create or replace function medley.malformed_import(p_kind text, p_row jsonb)
returns text
language plpgsql stable parallel unsafe security invoker set search_path = ''
as $$
declare
  v_long text;
begin
  if jsonb_typeof(p_row) is distinct from 'object' then
    return 'it is not an object';
  end if;
  select f.key into v_long
  from jsonb_each(p_row) as f
  where jsonb_typeof(f.value) = 'string'
    and length(f.value #>> '{}') > case
      when f.key in ('spotify_id', 'ticketmaster_id', 'setlistfm_id', 'musicbrainz_id', 'artist', 'cover_of') then 255
      when f.key like '%url' then 2000
      when f.key = 'description' then 20000
      when f.key = 'age_restrictions' then 100
      else 500
    end
  limit 1;
  if v_long is not null then
    return format('%s is too long', v_long);
  end if;
  return case p_kind
    when 'artist' then medley.malformed_artist(p_row)
    when 'song' then medley.malformed_song(p_row)
    when 'event' then medley.malformed_show(p_row)
    when 'setlist' then medley.malformed_setlist(p_row)
  end;
exception
  when data_exception then
    return sqlerrm;
end;
$$;

comment on function medley.malformed_import(text, jsonb) is
  'What is wrong with a row of a source; null when it can be written. p_kind: artist, song, event or setlist.';

create or replace function medley.malformed_artist(p_artist jsonb)
returns text
language sql stable parallel unsafe security invoker set search_path = ''
as $$
  select case
    when coalesce(btrim(r.name), '') = '' then 'it has no name'
    when r.popularity not between 0 and 100 then 'its popularity is not between 0 and 100'
    when r.followers < 0 then 'it has less than no followers'
    when cardinality(r.genres) > 100 then 'it has more than 100 genres'
    when jsonb_typeof(r.external_urls) <> 'object' then 'its external_urls are not an object'
  end
  from jsonb_to_record(p_artist) as r (name text, popularity int, followers int, genres text[], external_urls jsonb)
$$;

comment on function medley.malformed_artist(jsonb) is 'What is wrong with an artist of a source; null for nothing.';

create or replace function medley.malformed_song(p_song jsonb)
returns text
language sql stable parallel unsafe security invoker set search_path = ''
as $$
  select case
    when coalesce(btrim(r.title), '') = '' then 'it has no title'
    when r.spotify_id = '' then 'its spotify_id is empty'
    when r.popularity not between 0 and 100 then 'its popularity is not between 0 and 100'
    when least(r.duration_ms, r.track_number, r.disc_number) < 0 then 'a length or number is negative'
    when not isfinite(r.release_date) then 'its release_date is not a day'
  end
  from jsonb_to_record(p_song) as r (
    title text, spotify_id text, popularity int, duration_ms int, track_number int, disc_number int, release_date date,
    is_explicit boolean, is_playable boolean, is_primary_artist boolean
  )
$$;

comment on function medley.malformed_song(jsonb) is 'What is wrong with a song of a source; null for nothing.';

create or replace function medley.malformed_show(p_event jsonb)
returns text
language sql stable parallel unsafe security invoker set search_path = ''
as $$
  select case
    when coalesce(r.ticketmaster_id, '') = '' then 'it has no ticketmaster_id'
    when coalesce(btrim(r.title), '') = '' then 'it has no title'
    when r.starts_at is null or not isfinite(r.starts_at) then 'it has no starts_at'
    when r.status not in ('scheduled', 'cancelled', 'postponed') then 'its status is not known'
    when r.min_price < 0 or r.max_price < r.min_price then 'its prices are out of order'
    when greatest(r.min_price, r.max_price) >= 1e8 then 'its prices are out of range'
    when r.currency !~ '^[A-Z]{3}$' then 'its currency is not a code of three letters'
    when cardinality(r.genres) > 100 then 'it has more than 100 genres'
    when jsonb_typeof(r.venue) not in ('object', 'null') then 'its venue is not an object'
    when coalesce(btrim(r.venue ->> 'name'), '') = '' and r.venue <> 'null' then 'its venue has no name'
  end
  from jsonb_to_record(p_event) as r (
    ticketmaster_id text, title text, starts_at timestamptz, status text, min_price numeric, max_price numeric,
    currency text, genres text[], ticket_available boolean, is_headliner boolean, venue jsonb
  )
$$;

comment on function medley.malformed_show(jsonb) is 'What is wrong with an event of a source; null for nothing.';

create or replace function medley.malformed_setlist(p_setlist jsonb)
returns text
language sql stable parallel unsafe security invoker set search_path = ''
as $$
  select case
    when coalesce(r.setlistfm_id, '') = '' then 'it has no setlistfm_id'
    when r.event_date is null or not isfinite(r.event_date) then 'it has no event_date'
    when jsonb_typeof(r.songs) is distinct from 'array' then 'its songs are not an array'
    when jsonb_array_length(r.songs) not between 1 and 500 then 'it has no song, or more than 500'
    when exists (
      select from jsonb_array_elements(r.songs) as s (song)
      where length(btrim(coalesce(s.song ->> 'title', ''))) not between 1 and 500
        or length(s.song ->> 'cover_of') not between 1 and 255
    ) then 'a song has no usable title'
    when jsonb_typeof(r.venue) not in ('object', 'null') then 'its venue is not an object'
    when coalesce(btrim(r.venue ->> 'name'), '') = '' and r.venue <> 'null' then 'its venue has no name'
  end
  from jsonb_to_record(p_setlist) as r (setlistfm_id text, event_date date, songs jsonb, venue jsonb)
$$;

comment on function medley.malformed_setlist(jsonb) is 'What is wrong with a setlist of a source; null for nothing.';

revoke all on function
medley.malformed_import(text, jsonb), medley.malformed_artist(jsonb), medley.malformed_song(jsonb),
medley.malformed_show(jsonb), medley.malformed_setlist(jsonb)
from public, anon, authenticated, service_role;

create or replace function medley.sift_import_rows(p_kind text, p_rows jsonb)
returns table (accepted jsonb, refused int, reasons text[])
language sql stable parallel unsafe security invoker set search_path = ''
as $$
  with sifted as (
    select r.place, r.row, m.problem
    from jsonb_array_elements(p_rows) with ordinality as r (row, place)
    cross join lateral (select medley.malformed_import(p_kind, r.row) as problem offset 0) as m
  )

  select
    coalesce(jsonb_agg(s.row order by s.place) filter (where s.problem is null), '[]'),
    (count(*) filter (where s.problem is not null))::int,
    coalesce(
      (
        array_agg(format('%s %s: %s', p_kind, s.place, s.problem) order by s.place) filter (where s.problem is not null)
      )[:20],
      '{}'
    )
  from sifted as s
$$;

comment on function medley.sift_import_rows(text, jsonb) is
  'The rows of a source that can be written, how many cannot, and why the first twenty of those cannot.';
revoke all on function medley.sift_import_rows(text, jsonb) from public, anon, authenticated, service_role;

-- sql/packs/live/import_artists.sql
-- The first stages of an import: who is meant, the artist, and the songs.
create or replace function medley.take_import_key(p_job_id text, p_request jsonb, p_as_of timestamptz)
returns boolean
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_key text := medley.import_key(p_request);
begin
  update medley.import_jobs as j
  set request = p_request, request_key = v_key
  where j.job_id = p_job_id;
  return true;
exception
  -- Two calls named one artist in two ways, and now it shows.
  when unique_violation then
    perform medley.end_import(
      p_job_id, 'conflict',
      format('the import %s has this artist already', (
        select j.job_id from medley.import_jobs as j where j.request_key = v_key and j.finished_at is null
      )),
      p_as_of
    );
    return false;
end;
$$;

comment on function medley.take_import_key(text, jsonb, timestamptz) is
  'Notes what became known of the artist. False where another running job has the same one: this job has then failed, '
  'with the other''s id in its error.';
revoke all on function medley.take_import_key(text, jsonb, timestamptz) from public, anon, authenticated, service_role;

create or replace function medley.identify_import(p_job_id text, p_lease uuid, p_ids jsonb, p_as_of timestamptz)
returns text
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_job medley.import_jobs := medley.open_import_stage(p_job_id, p_lease, 'identify', null, p_as_of);
  v_request jsonb;
begin
  if v_job.stage <> 'identify' then
    return v_job.stage;
  end if;
  if jsonb_typeof(p_ids) is distinct from 'object' or exists (
    select from jsonb_each(p_ids) as f
    where f.key not in ('name', 'spotify_id', 'ticketmaster_id', 'musicbrainz_id')
      or jsonb_typeof(f.value) <> 'string' or length(f.value #>> '{}') not between 1 and 255
  ) then
    perform medley.fail('invalid_argument', 'p_ids must be an object of texts', 'p_ids',
      'Pass those of name, spotify_id, ticketmaster_id and musicbrainz_id that are known.');
  end if;

  -- What the caller or the catalogue said stands; the sources add to it.
  v_request := p_ids || v_job.request;
  v_request := v_request || jsonb_strip_nulls(jsonb_build_object('artist_id', coalesce(
    v_job.request ->> 'artist_id',
    (select a.id::text from public.artists as a where a.spotify_id = v_request ->> 'spotify_id'),
    (select a.id::text from public.artists as a where a.ticketmaster_id = v_request ->> 'ticketmaster_id')
  )));
  -- The name as the sources write it, where a member typed it.
  if not v_request ? 'artist_id' and p_ids ? 'name' then
    v_request := v_request || jsonb_build_object('name', p_ids -> 'name');
  end if;
  if not medley.take_import_key(p_job_id, v_request, p_as_of) then
    return 'failed';
  end if;
  return medley.close_import_stage(p_job_id, format('Found %s.', v_request ->> 'name'), p_as_of);
end;
$$;

comment on function medley.identify_import(text, uuid, jsonb, timestamptz) is
  'Stage identify: notes the ids that the sources gave. Returns the next stage; failed where another running import '
  'has the same artist. Errors: not_found, conflict, invalid_argument.';
revoke all on function medley.identify_import(text, uuid, jsonb, timestamptz)
from public, anon, authenticated, service_role;
grant execute on function medley.identify_import(text, uuid, jsonb, timestamptz) to service_role;

create or replace function medley.import_artist(p_job_id text, p_lease uuid, p_artist jsonb, p_as_of timestamptz)
returns text
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_job medley.import_jobs := medley.open_import_stage(p_job_id, p_lease, 'artist', null, p_as_of);
  v_given jsonb := coalesce(p_artist, '{}') || jsonb_strip_nulls(v_job.request);
  v_problem text;
  v_known uuid[];
  v_artist_id uuid;
begin
  if v_job.stage <> 'artist' then
    return v_job.stage;
  end if;
  v_problem := medley.malformed_import('artist', v_given);
  if v_problem is not null then
    perform medley.fail('invalid_argument', format('the artist cannot be written: %s', v_problem), 'p_artist',
      'Correct it; nothing was written.');
  end if;

  v_known := array(
    select a.id
    from public.artists as a
    where a.id::text = v_given ->> 'artist_id' or a.spotify_id = v_given ->> 'spotify_id'
      or a.ticketmaster_id = v_given ->> 'ticketmaster_id'
    order by a.id
  );
  if cardinality(v_known) > 1 then
    perform medley.end_import(
      p_job_id, 'conflict', format('it is two artists of the catalogue: %s and %s', v_known[1], v_known[2]), p_as_of
    );
    return 'failed';
  end if;

  insert into public.artists as a (
    id, name, genres, image_url, small_image_url, spotify_id, ticketmaster_id, popularity, followers, external_urls,
    verified, last_synced_at, source
  )
  select
    coalesce(v_known[1], gen_random_uuid()), left(r.name, 255), coalesce(r.genres, '{}'), r.image_url,
    r.small_image_url, r.spotify_id, r.ticketmaster_id, coalesce(r.popularity, 0), coalesce(r.followers, 0),
    coalesce(r.external_urls, '{}'),
    -- A source knows the artist.
    true, p_as_of, 'import'
  from jsonb_to_record(v_given) as r (
    name text, genres text[], image_url text, small_image_url text, spotify_id text, ticketmaster_id text,
    popularity int, followers int, external_urls jsonb
  )
  on conflict (id) do update
  set
    -- What the sources do not say stays as it is.
    genres = case when excluded.genres = '{}' then a.genres else excluded.genres end,
    image_url = coalesce(excluded.image_url, a.image_url),
    small_image_url = coalesce(excluded.small_image_url, a.small_image_url),
    spotify_id = coalesce(excluded.spotify_id, a.spotify_id),
    ticketmaster_id = coalesce(excluded.ticketmaster_id, a.ticketmaster_id),
    popularity = case when v_given ? 'popularity' then excluded.popularity else a.popularity end,
    followers = case when v_given ? 'followers' then excluded.followers else a.followers end,
    external_urls = a.external_urls || excluded.external_urls,
    verified = true,
    last_synced_at = excluded.last_synced_at
  returning a.id into v_artist_id;

  if not medley.take_import_key(p_job_id, v_job.request || jsonb_build_object('artist_id', v_artist_id), p_as_of) then
    return 'failed';
  end if;
  update public.import_status as s set artist_id = v_artist_id where s.job_id = p_job_id;
  return medley.close_import_stage(p_job_id, format('%s is in the catalogue.', v_given ->> 'name'), p_as_of);
end;
$$;

comment on function medley.import_artist(text, uuid, jsonb, timestamptz) is
  'Stage artist: writes the artist under the id that the catalogue has for one of its ids, or a new one. p_artist: '
  'name, genres, image_url, small_image_url, popularity, followers, external_urls; null where no source said more. '
  'Returns the next stage; failed where the ids are those of two artists or another running import has the same one. '
  'Errors: not_found, conflict, invalid_argument.';
revoke all on function medley.import_artist(text, uuid, jsonb, timestamptz)
from public, anon, authenticated, service_role;
grant execute on function medley.import_artist(text, uuid, jsonb, timestamptz) to service_role;

create or replace function medley.add_titles(p_artist_id uuid, p_songs jsonb)
returns bigint
language plpgsql volatile parallel unsafe security definer
set search_path = '' set plan_cache_mode = force_custom_plan
as $$
declare
  v_new jsonb;
begin
  -- A title's key is dear: once for each, however often it was played.
  with titled as materialized (
    select distinct on (s.song ->> 'title') s.song, s.place
    from jsonb_array_elements(p_songs) with ordinality as s (song, place)
    order by s.song ->> 'title', s.place
  ),

  keyed as materialized (
    select t.song, t.place, medley.work_key(t.song ->> 'title') as work_key
    from titled as t
  ),

  new as (
    select distinct on (k.work_key) k.song
    from keyed as k
    where k.work_key not in (
      select s.work_key
      from public.artist_songs as l
      inner join public.songs as s on s.id = l.song_id
      where l.artist_id = p_artist_id
    )
    order by k.work_key, k.place
  )

  select jsonb_agg(n.song || jsonb_build_object('id', gen_random_uuid())) into v_new
  from new as n;
  if v_new is null then
    return 0;
  end if;

  insert into public.songs (
    id, title, artist, album, album_art_url, release_date, duration_ms, popularity, preview_url, is_explicit,
    is_playable, track_number, disc_number, source
  )
  select
    r.id, r.title, coalesce(r.cover_of, r.artist, left(a.name, 255)), r.album, r.album_art_url, r.release_date,
    r.duration_ms, coalesce(r.popularity, 0), r.preview_url, coalesce(r.is_explicit, false),
    coalesce(r.is_playable, true), r.track_number, coalesce(r.disc_number, 1), 'import'
  from jsonb_to_recordset(v_new) as r (
    id uuid, title text, cover_of text, artist text, album text, album_art_url text, release_date date, duration_ms int,
    popularity int, preview_url text, is_explicit boolean, is_playable boolean, track_number int, disc_number int
  )
  inner join public.artists as a on a.id = p_artist_id;

  insert into public.artist_songs (artist_id, song_id, is_primary_artist)
  select p_artist_id, r.id, coalesce(r.is_primary_artist, r.cover_of is null)
  from jsonb_to_recordset(v_new) as r (id uuid, cover_of text, is_primary_artist boolean);
  return jsonb_array_length(v_new);
end;
$$;

comment on function medley.add_titles(uuid, jsonb) is
  'Writes songs that no source has an id for, of works (medley.work_key) that the artist has no song of yet. '
  'Returns how many are new.';
revoke all on function medley.add_titles(uuid, jsonb) from public, anon, authenticated, service_role;

create or replace function medley.import_songs(p_job_id text, p_lease uuid, p_songs jsonb, p_as_of timestamptz)
returns table (stage text, written int, refused int, reasons text[])
language plpgsql volatile parallel unsafe security definer
set search_path = '' set plan_cache_mode = force_custom_plan
as $$
declare
  v_job medley.import_jobs := medley.open_import_stage(p_job_id, p_lease, 'songs', p_songs, p_as_of);
  v_artist_id uuid := (v_job.request ->> 'artist_id')::uuid;
  v_songs jsonb;
  v_refused int;
  v_reasons text[];
begin
  if v_job.stage <> 'songs' then
    return query select v_job.stage, 0, 0, array[]::text[];
    return;
  end if;
  if p_songs is null then
    return query select medley.close_import_stage(p_job_id, 'No source of songs.', p_as_of), 0, 0, array[]::text[];
    return;
  end if;
  select s.accepted, s.refused, s.reasons into v_songs, v_refused, v_reasons
  from medley.sift_import_rows('song', p_songs) as s;

  insert into public.songs as s (
    spotify_id, title, artist, album, album_art_url, release_date, duration_ms, popularity, preview_url, is_explicit,
    is_playable, track_number, disc_number, source
  )
  select distinct on (r.spotify_id)
    r.spotify_id, r.title, coalesce(r.artist, left(a.name, 255)), r.album, r.album_art_url, r.release_date,
    r.duration_ms, coalesce(r.popularity, 0), r.preview_url, coalesce(r.is_explicit, false),
    coalesce(r.is_playable, true), r.track_number, coalesce(r.disc_number, 1), 'import'
  from rows from (
    jsonb_to_recordset(v_songs) as (
      spotify_id text, title text, artist text, album text, album_art_url text, release_date date, duration_ms int,
      popularity int, preview_url text, is_explicit boolean, is_playable boolean, track_number int, disc_number int
    )
  ) with ordinality as r (
    spotify_id, title, artist, album, album_art_url, release_date, duration_ms, popularity, preview_url, is_explicit,
    is_playable, track_number, disc_number, place
  )
  inner join public.artists as a on a.id = v_artist_id
  where r.spotify_id is not null
  -- In one order everywhere, so that two imports with a song in common do not wait for each other.
  order by r.spotify_id, r.place
  on conflict (spotify_id) do update
  set
    title = excluded.title,
    artist = excluded.artist,
    album = excluded.album,
    album_art_url = excluded.album_art_url,
    release_date = excluded.release_date,
    duration_ms = excluded.duration_ms,
    popularity = excluded.popularity,
    preview_url = excluded.preview_url,
    is_explicit = excluded.is_explicit,
    is_playable = excluded.is_playable,
    track_number = excluded.track_number,
    disc_number = excluded.disc_number
  where
    (
      s.title, s.artist, s.album, s.album_art_url, s.release_date, s.duration_ms, s.popularity, s.preview_url,
      s.is_explicit, s.is_playable, s.track_number, s.disc_number
    ) is distinct from (
      excluded.title, excluded.artist, excluded.album, excluded.album_art_url, excluded.release_date,
      excluded.duration_ms, excluded.popularity, excluded.preview_url, excluded.is_explicit, excluded.is_playable,
      excluded.track_number, excluded.disc_number
    );

  insert into public.artist_songs (artist_id, song_id, is_primary_artist)
  select v_artist_id, s.id, bool_or(coalesce(r.is_primary_artist, true))
  from jsonb_to_recordset(v_songs) as r (spotify_id text, is_primary_artist boolean)
  inner join public.songs as s on s.spotify_id = r.spotify_id
  group by s.id
  on conflict (artist_id, song_id) do nothing;

  perform medley.add_titles(
    v_artist_id, jsonb_path_query_array(v_songs, '$[*] ? (!exists(@.spotify_id) || @.spotify_id == null)')
  );

  update public.artists as a set song_catalog_synced_at = p_as_of where a.id = v_artist_id;
  return query select
    medley.close_import_stage(
      p_job_id, medley.import_message('song', jsonb_array_length(v_songs), v_refused), p_as_of
    ),
    jsonb_array_length(v_songs), v_refused, v_reasons;
end;
$$;

comment on function medley.import_songs(text, uuid, jsonb, timestamptz) is
  'Stage songs: writes up to 10,000 songs of the artist. p_songs: [{"spotify_id", "title", "artist", "album", '
  '"album_art_url", "release_date", "duration_ms", "popularity", "preview_url", "is_explicit", "is_playable", '
  '"track_number", "disc_number", "is_primary_artist"}]. A known spotify_id updates its song; a song without one is '
  'written where the artist has none of that work. Returns the next stage, how many rows were written and refused, '
  'and why. Errors: not_found, conflict, invalid_argument, too_large.';
revoke all on function medley.import_songs(text, uuid, jsonb, timestamptz)
from public, anon, authenticated, service_role;
grant execute on function medley.import_songs(text, uuid, jsonb, timestamptz) to service_role;

-- sql/packs/live/import_shows.sql
-- The stage of an import that brings shows, with their venues.
create or replace function medley.import_venues(p_venues jsonb)
returns table (place bigint, venue_id uuid)
language plpgsql volatile parallel unsafe security definer
set search_path = '' set plan_cache_mode = force_custom_plan
as $$
begin
  -- Imports share venues: one at a time, so that none is written twice.
  perform pg_advisory_xact_lock(hashtextextended('medley.import_venues', 0));

  return query
  with given as materialized (
    select
      v.place,
      coalesce(
        'ticketmaster:' || r.ticketmaster_id, 'setlistfm:' || r.setlistfm_id,
        'name:' || lower(r.name) || '|' || lower(coalesce(r.city, ''))
      ) as key,
      r.ticketmaster_id,
      r.setlistfm_id,
      left(btrim(r.name), 500) as name,
      left(r.city, 200) as city,
      left(r.region, 200) as region,
      left(r.country, 100) as country,
      r.address,
      left(r.postal_code, 40) as postal_code,
      left(r.timezone, 60) as timezone,
      -- Sources write 0, 0 for what they do not know.
      case when r.usable then r.latitude end as latitude,
      case when r.usable then r.longitude end as longitude
    from jsonb_array_elements(p_venues) with ordinality as v (venue, place)
    cross join lateral (
      select
        j.*,
        j.latitude between -90 and 90 and j.longitude between -180 and 180
        and (j.latitude <> 0 or j.longitude <> 0) as usable
      from jsonb_to_record(v.venue) as j (
        ticketmaster_id text, setlistfm_id text, name text, city text, region text, country text, address text,
        postal_code text, timezone text, latitude double precision, longitude double precision
      )
    ) as r
    where jsonb_typeof(v.venue) = 'object'
  ),

  single as materialized (
    select distinct on (g.key) g.*
    from given as g
    order by g.key, g.place
  ),

  known as materialized (
    select
      s.key,
      coalesce(
        (select v.id from public.venues as v where v.ticketmaster_id = s.ticketmaster_id),
        (select v.id from public.venues as v where v.source = 'setlistfm' and v.external_id = s.setlistfm_id),
        (
          -- The other source, or a loader, may have written it.
          select v.id
          from public.venues as v
          where lower(v.name) = lower(s.name) and lower(v.city) = lower(s.city)
            and (s.ticketmaster_id is null or v.ticketmaster_id is null)
          order by v.created_at, v.id
          limit 1
        )
      ) as id
    from single as s
  ),

  resolved as materialized (
    select k.key, coalesce(k.id, gen_random_uuid()) as id, k.id is null as is_new
    from known as k
  ),

  filled as (
    update public.venues as v
    set
      ticketmaster_id = coalesce(v.ticketmaster_id, n.ticketmaster_id),
      region = coalesce(v.region, n.region),
      country = coalesce(v.country, n.country),
      address = coalesce(v.address, n.address),
      postal_code = coalesce(v.postal_code, n.postal_code),
      timezone = coalesce(v.timezone, n.timezone),
      latitude = coalesce(v.latitude, n.latitude),
      longitude = coalesce(v.longitude, n.longitude)
    from (
      select distinct on (r.id) r.id, s.*
      from resolved as r
      inner join single as s on s.key = r.key
      where not r.is_new
      order by r.id, s.ticketmaster_id nulls last
    ) as n (id, place, key, ticketmaster_id, setlistfm_id, name, city, region, country, address, postal_code, timezone,
      latitude, longitude)
    where v.id = n.id
      and (
        v.ticketmaster_id is null and n.ticketmaster_id is not null or v.region is null and n.region is not null
        or v.country is null and n.country is not null or v.address is null and n.address is not null
        or v.postal_code is null and n.postal_code is not null or v.timezone is null and n.timezone is not null
        or v.latitude is null and n.latitude is not null
      )
    returning v.id
  ),

  added as (
    insert into public.venues (
      id, ticketmaster_id, name, city, region, country, address, postal_code, timezone, latitude, longitude, source,
      external_id
    )
    select
      r.id, s.ticketmaster_id, s.name, s.city, s.region, s.country, s.address, s.postal_code, s.timezone, s.latitude,
      s.longitude, case when s.setlistfm_id is null then 'import' else 'setlistfm' end, s.setlistfm_id
    from resolved as r
    inner join single as s on s.key = r.key
    where r.is_new
    returning id
  )

  select g.place, r.id
  from given as g
  inner join resolved as r on r.key = g.key;
end;
$$;

comment on function medley.import_venues(jsonb) is
  'Writes the venues of a list in which null stands for none, and says which row each place of the list has. A venue '
  'is known by its id at the source, else by name and city; what the catalogue has of it stays, what it lacks is '
  'filled in.';
revoke all on function medley.import_venues(jsonb) from public, anon, authenticated, service_role;

create or replace function medley.import_events(p_job_id text, p_lease uuid, p_events jsonb, p_as_of timestamptz)
returns table (stage text, written int, refused int, reasons text[])
language plpgsql volatile parallel unsafe security definer
set search_path = '' set plan_cache_mode = force_custom_plan
as $$
declare
  v_job medley.import_jobs := medley.open_import_stage(p_job_id, p_lease, 'events', p_events, p_as_of);
  v_artist_id uuid := (v_job.request ->> 'artist_id')::uuid;
  v_events jsonb;
  v_refused int;
  v_reasons text[];
begin
  if v_job.stage <> 'events' then
    return query select v_job.stage, 0, 0, array[]::text[];
    return;
  end if;
  if p_events is null then
    return query select medley.close_import_stage(p_job_id, 'No source of shows.', p_as_of), 0, 0, array[]::text[];
    return;
  end if;
  select s.accepted, s.refused, s.reasons into v_events, v_refused, v_reasons
  from medley.sift_import_rows('event', p_events) as s;

  with venue as materialized (
    select v.place, v.venue_id
    from medley.import_venues(
      (
        select jsonb_agg(e.event -> 'venue' order by e.place)
        from jsonb_array_elements(v_events) with ordinality as e (event, place)
      )
    ) as v
  )

  insert into public.events as e (
    ticketmaster_id, title, description, starts_at, venue_id, headliner_artist_id, genres, status, ticket_available,
    ticket_url, image_url, min_price, max_price, currency, age_restrictions, source
  )
  select distinct on (r.ticketmaster_id)
    r.ticketmaster_id, r.title, r.description, r.starts_at, v.venue_id,
    case when coalesce(r.is_headliner, true) then v_artist_id end, coalesce(r.genres, '{}'),
    coalesce(r.status, 'scheduled'), coalesce(r.ticket_available, false), r.ticket_url, r.image_url, r.min_price,
    r.max_price, coalesce(r.currency, 'USD'), r.age_restrictions, 'import'
  from jsonb_array_elements(v_events) with ordinality as g (event, place)
  cross join lateral jsonb_to_record(g.event) as r (
    ticketmaster_id text, title text, description text, starts_at timestamptz, genres text[], status text,
    ticket_available boolean, ticket_url text, image_url text, min_price numeric, max_price numeric, currency text,
    age_restrictions text, is_headliner boolean
  )
  left join venue as v on v.place = g.place
  order by r.ticketmaster_id, g.place
  on conflict (ticketmaster_id) do update
  set
    title = excluded.title,
    description = coalesce(excluded.description, e.description),
    starts_at = excluded.starts_at,
    ends_at = case when e.ends_at >= excluded.starts_at then e.ends_at end,
    venue_id = coalesce(excluded.venue_id, e.venue_id),
    headliner_artist_id = coalesce(excluded.headliner_artist_id, e.headliner_artist_id),
    genres = case when excluded.genres = '{}' then e.genres else excluded.genres end,
    status = excluded.status,
    ticket_available = excluded.ticket_available,
    ticket_url = coalesce(excluded.ticket_url, e.ticket_url),
    image_url = coalesce(excluded.image_url, e.image_url),
    min_price = excluded.min_price,
    max_price = excluded.max_price,
    currency = excluded.currency,
    age_restrictions = coalesce(excluded.age_restrictions, e.age_restrictions);

  insert into public.event_artists (event_id, artist_id, billing_order)
  select distinct e.id, v_artist_id, 2
  from jsonb_to_recordset(v_events) as r (ticketmaster_id text, is_headliner boolean)
  inner join public.events as e on e.ticketmaster_id = r.ticketmaster_id
  where not coalesce(r.is_headliner, true) and e.headliner_artist_id is distinct from v_artist_id
  on conflict (event_id, artist_id) do nothing;

  return query select
    medley.close_import_stage(
      p_job_id, medley.import_message('show', jsonb_array_length(v_events), v_refused), p_as_of
    ),
    jsonb_array_length(v_events), v_refused, v_reasons;
end;
$$;

comment on function medley.import_events(text, uuid, jsonb, timestamptz) is
  'Stage events: writes up to 10,000 shows of the artist and their venues. p_events: [{"ticketmaster_id", "title", '
  '"starts_at", "status", "description", "ticket_url", "ticket_available", "min_price", "max_price", "currency", '
  '"image_url", "age_restrictions", "genres", "is_headliner", "venue": {"ticketmaster_id", "name", "city", "region", '
  '"country", "address", "postal_code", "timezone", "latitude", "longitude"}}]. A known ticketmaster_id updates its '
  'event. Returns the next stage, how many rows were written and refused, and why. Errors: not_found, conflict, '
  'invalid_argument, too_large.';
revoke all on function medley.import_events(text, uuid, jsonb, timestamptz)
from public, anon, authenticated, service_role;
grant execute on function medley.import_events(text, uuid, jsonb, timestamptz) to service_role;

-- sql/packs/live/import_setlists.sql
-- The stage of an import that brings setlists, with the past shows at which they were played.
create or replace function medley.import_past_shows(p_artist_id uuid, p_setlists jsonb)
returns table (place bigint, event_id uuid)
language plpgsql volatile parallel unsafe security definer
set search_path = '' set plan_cache_mode = force_custom_plan
as $$
begin
  return query
  with venue as materialized (
    select v.place, v.venue_id
    from medley.import_venues(
      (
        select jsonb_agg(s.setlist -> 'venue' order by s.place)
        from jsonb_array_elements(p_setlists) with ordinality as s (setlist, place)
      )
    ) as v
  ),

  given as materialized (
    select
      g.place,
      r.setlistfm_id,
      r.event_date,
      v.venue_id,
      -- A venue that is new in this statement cannot be read in it.
      g.setlist -> 'venue' ->> 'name' as venue_name,
      -- Late enough in the evening to be nearer to that day's show than to the day before's, wherever it was.
      (r.event_date + time '22:00') at time zone 'UTC' as evening
    from jsonb_array_elements(p_setlists) with ordinality as g (setlist, place)
    cross join lateral jsonb_to_record(g.setlist) as r (setlistfm_id text, event_date date)
    left join venue as v on v.place = g.place
  ),

  played as materialized (
    select e.id, e.starts_at, e.venue_id
    from public.events as e
    where e.headliner_artist_id = p_artist_id
    union
    select e.id, e.starts_at, e.venue_id
    from public.event_artists as l
    inner join public.events as e on e.id = l.event_id
    where l.artist_id = p_artist_id
  ),

  resolved as materialized (
    select
      g.place,
      coalesce(
        (select s.event_id from public.setlists as s where s.setlistfm_id = g.setlistfm_id),
        (
          select p.id
          from played as p
          where p.starts_at between g.evening - interval '16 hours' and g.evening + interval '16 hours'
            and (p.venue_id = g.venue_id or p.venue_id is null or g.venue_id is null)
          order by abs(extract(epoch from p.starts_at - g.evening)), p.id
          limit 1
        )
      ) as id
    from given as g
  ),

  numbered as materialized (
    select r.place, coalesce(r.id, gen_random_uuid()) as id, r.id is null as is_new
    from resolved as r
  ),

  added as (
    insert into public.events (id, title, starts_at, venue_id, headliner_artist_id, source, external_id)
    select
      n.id, left(a.name || coalesce(' at ' || g.venue_name, ''), 500), (g.event_date + time '20:00') at time zone 'UTC',
      g.venue_id, p_artist_id, 'setlistfm', g.setlistfm_id
    from numbered as n
    inner join given as g on g.place = n.place
    inner join public.artists as a on a.id = p_artist_id
    where n.is_new
    returning id
  )

  select n.place, n.id
  from numbered as n;
end;
$$;

comment on function medley.import_past_shows(uuid, jsonb) is
  'The event of each setlist: the one that it had before, else the artist''s show of that evening at that venue, '
  'else a new one at 20:00 UTC, for setlist.fm knows days only.';
revoke all on function medley.import_past_shows(uuid, jsonb) from public, anon, authenticated, service_role;

create or replace function medley.import_setlists(p_job_id text, p_lease uuid, p_setlists jsonb, p_as_of timestamptz)
returns table (stage text, written int, refused int, reasons text[])
language plpgsql volatile parallel unsafe security definer
set search_path = '' set plan_cache_mode = force_custom_plan
as $$
declare
  v_job medley.import_jobs := medley.open_import_stage(p_job_id, p_lease, 'setlists', p_setlists, p_as_of);
  v_artist_id uuid := (v_job.request ->> 'artist_id')::uuid;
  v_setlists jsonb;
  v_refused int;
  v_reasons text[];
begin
  if v_job.stage <> 'setlists' then
    return query select v_job.stage, 0, 0, array[]::text[];
    return;
  end if;
  if p_setlists is null then
    return query select medley.close_import_stage(p_job_id, 'No source of setlists.', p_as_of), 0, 0, array[]::text[];
    return;
  end if;
  -- The same setlist on two pages: the list moved while it was read.
  select s.accepted, s.refused, s.reasons into v_setlists, v_refused, v_reasons
  from medley.sift_import_rows('setlist', (
    select coalesce(jsonb_agg(d.setlist order by d.place), '[]')
    from (
      select distinct on (g.setlist ->> 'setlistfm_id', case when g.setlist ->> 'setlistfm_id' is null then g.place end)
        g.setlist, g.place
      from jsonb_array_elements(p_setlists) with ordinality as g (setlist, place)
      order by g.setlist ->> 'setlistfm_id', case when g.setlist ->> 'setlistfm_id' is null then g.place end, g.place
    ) as d
  )) as s;

  perform medley.add_titles(v_artist_id, jsonb_path_query_array(v_setlists, '$[*].songs[*]'));

  insert into public.setlists as l (setlistfm_id, event_id, artist_id, type, name)
  select
    g.setlist ->> 'setlistfm_id', s.event_id, v_artist_id, 'actual',
    left(a.name || coalesce(' at ' || (g.setlist -> 'venue' ->> 'name'), ''), 255)
  from jsonb_array_elements(v_setlists) with ordinality as g (setlist, place)
  inner join medley.import_past_shows(v_artist_id, v_setlists) as s on s.place = g.place
  inner join public.artists as a on a.id = v_artist_id
  order by g.setlist ->> 'setlistfm_id'
  on conflict (setlistfm_id) do update
  set name = excluded.name
  where l.name <> excluded.name;

  perform medley.import_setlist_songs(v_artist_id, v_setlists);

  return query select
    medley.close_import_stage(
      p_job_id, medley.import_message('setlist', jsonb_array_length(v_setlists), v_refused), p_as_of
    ),
    jsonb_array_length(v_setlists), v_refused, v_reasons;
end;
$$;

comment on function medley.import_setlists(text, uuid, jsonb, timestamptz) is
  'Stage setlists: writes up to 10,000 setlists that the artist played, with the shows and songs that the catalogue '
  'lacks. p_setlists: [{"setlistfm_id", "event_date", "venue": {"setlistfm_id", "name", "city", "region", "country", '
  '"latitude", "longitude"}, "songs": [{"title", "cover_of": artist}]}]. A known setlistfm_id gets the new list of '
  'songs. Returns the next stage, how many rows were written and refused, and why. Errors: not_found, conflict, '
  'invalid_argument, too_large.';
revoke all on function medley.import_setlists(text, uuid, jsonb, timestamptz)
from public, anon, authenticated, service_role;
grant execute on function medley.import_setlists(text, uuid, jsonb, timestamptz) to service_role;

create or replace function medley.import_setlist_songs(p_artist_id uuid, p_setlists jsonb)
returns void
language plpgsql volatile parallel unsafe security definer
set search_path = '' set plan_cache_mode = force_custom_plan
as $$
declare
  v_setlist_ids uuid[];
  v_song_ids uuid[];
  v_positions int[];
begin
  with played as materialized (
    select l.id as setlist_id, s.song ->> 'title' as title, s.place
    from jsonb_array_elements(p_setlists) as g (setlist)
    inner join public.setlists as l on l.setlistfm_id = g.setlist ->> 'setlistfm_id'
    cross join lateral jsonb_array_elements(g.setlist -> 'songs') with ordinality as s (song, place)
  ),

  keyed as materialized (
    select t.title, medley.work_key(t.title) as work_key
    from (select distinct p.title from played as p) as t
  ),

  work as materialized (
    -- Of several recordings of a work the one that stands for it.
    select distinct on (s.work_key) s.work_key, s.id
    from public.artist_songs as l
    inner join public.songs as s on s.id = l.song_id
    where l.artist_id = p_artist_id
    order by s.work_key, s.duplicate_of nulls first, l.is_primary_artist desc, s.id
  ),

  recorded as (
    -- A song that was played twice stands where it was played first.
    select p.setlist_id, w.id as song_id, min(p.place) as place
    from played as p
    inner join keyed as k on k.title = p.title
    inner join work as w on w.work_key = k.work_key
    group by p.setlist_id, w.id
  ),

  placed as (
    select p.setlist_id, p.song_id, row_number() over (partition by p.setlist_id order by p.place)::int as position
    from recorded as p
  )

  select
    array_agg(p.setlist_id order by p.setlist_id, p.position),
    array_agg(p.song_id order by p.setlist_id, p.position),
    array_agg(p.position order by p.setlist_id, p.position)
    into v_setlist_ids, v_song_ids, v_positions
  from placed as p;

  delete from public.setlist_songs as s
  using (select distinct n.setlist_id from unnest(v_setlist_ids) as n (setlist_id)) as n
  where s.setlist_id = n.setlist_id
    and not exists (
      select from unnest(v_setlist_ids, v_song_ids) as w (setlist_id, song_id)
      where w.setlist_id = s.setlist_id and w.song_id = s.song_id
    );

  insert into public.setlist_songs as s (setlist_id, song_id, position)
  select n.setlist_id, n.song_id, n.position
  from unnest(v_setlist_ids, v_song_ids, v_positions) as n (setlist_id, song_id, position)
  on conflict (setlist_id, song_id) do update
  set position = excluded.position
  where s.position <> excluded.position;
end;
$$;

comment on function medley.import_setlist_songs(uuid, jsonb) is
  'Makes the songs of these setlists, which are there, those of the list: what left it goes, votes on the others stay.';
revoke all on function medley.import_setlist_songs(uuid, jsonb) from public, anon, authenticated, service_role;

-- sql/packs/live/api_imports.sql
-- The API of imports: for the edge functions import-artist and import-progress, with the secret key only.
create or replace function public.start_import(p_artist jsonb, p_user_id uuid default null)
returns table (job_id text, stage text, started boolean)
language sql volatile parallel unsafe security invoker set search_path = ''
as $$
  select j.job_id, j.stage, j.started
  from medley.start_import(p_artist, p_user_id, now()) as j
$$;

comment on function public.start_import(jsonb, uuid) is
  'Starts the import of an artist or joins the one that runs (secret key only; members call the edge function '
  'import-artist). p_artist: one of {"name"}, {"spotify_id"}, {"ticketmaster_id"}, {"artist_id"}. A failed import '
  'goes on at its stage; one that just succeeded is left as it is. started: whether there is work that nobody does '
  'yet. p_user_id: the member who asks, for the daily limit. Errors: invalid_argument, not_found, quota_exceeded.';
revoke all on function public.start_import(jsonb, uuid) from public, anon, authenticated, service_role;
grant execute on function public.start_import(jsonb, uuid) to service_role;

create or replace function public.claim_import(p_job_id text)
returns table (lease uuid, lease_seconds int, stage text, request jsonb, attempt int, wait_seconds int)
language sql volatile parallel unsafe security invoker set search_path = ''
as $$
  select j.lease, j.lease_seconds, j.stage, j.request, j.attempt, j.wait_seconds
  from medley.claim_import(p_job_id, now()) as j
$$;

comment on function public.claim_import(text) is
  'Gives an import to a worker (secret key only): the lease that its other calls name, good for lease_seconds, the '
  'stage to do next and what is known of the artist. lease is null where the import is over, or another worker '
  'holds it for wait_seconds yet. Errors: not_found.';
revoke all on function public.claim_import(text) from public, anon, authenticated, service_role;
grant execute on function public.claim_import(text) to service_role;

create or replace function public.report_import_progress(
  p_job_id text,
  p_lease uuid,
  p_done real default null,
  p_message text default null
)
returns void
language sql volatile parallel unsafe security invoker set search_path = ''
as $$
  select medley.report_import_progress(p_job_id, p_lease, p_done, p_message, now())
$$;

comment on function public.report_import_progress(text, uuid, real, text) is
  'Says how far the worker of an import is (secret key only): p_done of its stage, 0 to 1, and what it does. '
  'Without both it only prolongs the lease. Errors: not_found, conflict (no longer the holder), invalid_argument.';
revoke all on function public.report_import_progress(text, uuid, real, text)
from public, anon, authenticated, service_role;
grant execute on function public.report_import_progress(text, uuid, real, text) to service_role;

create or replace function public.identify_import(p_job_id text, p_lease uuid, p_ids jsonb)
returns text
language sql volatile parallel unsafe security invoker set search_path = ''
as $$
  select medley.identify_import(p_job_id, p_lease, p_ids, now())
$$;

comment on function public.identify_import(text, uuid, jsonb) is
  'Stage identify of an import (secret key only): notes the artist''s ids, {"name", "spotify_id", '
  '"ticketmaster_id", "musicbrainz_id"} as far as known. Returns the next stage; failed where another import has '
  'the same artist. Errors: not_found, conflict, invalid_argument.';
revoke all on function public.identify_import(text, uuid, jsonb) from public, anon, authenticated, service_role;
grant execute on function public.identify_import(text, uuid, jsonb) to service_role;

create or replace function public.import_artist(p_job_id text, p_lease uuid, p_artist jsonb)
returns text
language sql volatile parallel unsafe security invoker set search_path = ''
as $$
  select medley.import_artist(p_job_id, p_lease, p_artist, now())
$$;

comment on function public.import_artist(text, uuid, jsonb) is
  'Stage artist of an import (secret key only): writes the artist; p_artist: {"name", "genres", "image_url", '
  '"small_image_url", "popularity", "followers", "external_urls"}, or null. Returns the next stage; failed where '
  'the ids belong to two artists. Errors: not_found, conflict, invalid_argument.';
revoke all on function public.import_artist(text, uuid, jsonb) from public, anon, authenticated, service_role;
grant execute on function public.import_artist(text, uuid, jsonb) to service_role;

create or replace function public.import_songs(p_job_id text, p_lease uuid, p_songs jsonb)
returns table (stage text, written int, refused int, reasons text[])
language sql volatile parallel unsafe security invoker set search_path = '' set statement_timeout = '1min'
as $$
  select j.stage, j.written, j.refused, j.reasons
  from medley.import_songs(p_job_id, p_lease, p_songs, now()) as j
$$;

comment on function public.import_songs(text, uuid, jsonb) is
  'Stage songs of an import (secret key only): writes up to 10,000 songs in one transaction. p_songs: '
  '[{"spotify_id", "title", "artist", "album", "album_art_url", "release_date", "duration_ms", "popularity", '
  '"preview_url", "is_explicit", "is_playable", "track_number", "disc_number", "is_primary_artist"}], or null where '
  'no source was asked. Malformed rows are refused one by one. Returns the next stage, how many rows were written '
  'and refused, and why. Errors: not_found, conflict, invalid_argument, too_large.';
revoke all on function public.import_songs(text, uuid, jsonb) from public, anon, authenticated, service_role;
grant execute on function public.import_songs(text, uuid, jsonb) to service_role;

create or replace function public.import_events(p_job_id text, p_lease uuid, p_events jsonb)
returns table (stage text, written int, refused int, reasons text[])
language sql volatile parallel unsafe security invoker set search_path = '' set statement_timeout = '1min'
as $$
  select j.stage, j.written, j.refused, j.reasons
  from medley.import_events(p_job_id, p_lease, p_events, now()) as j
$$;

comment on function public.import_events(text, uuid, jsonb) is
  'Stage events of an import (secret key only): writes up to 10,000 shows and their venues in one transaction. '
  'p_events: [{"ticketmaster_id", "title", "starts_at", "status", "description", "ticket_url", "ticket_available", '
  '"min_price", "max_price", "currency", "image_url", "age_restrictions", "genres", "is_headliner", "venue"}], or '
  'null where no source was asked. Malformed rows are refused one by one. Returns the next stage, how many rows '
  'were written and refused, and why. Errors: not_found, conflict, invalid_argument, too_large.';
revoke all on function public.import_events(text, uuid, jsonb) from public, anon, authenticated, service_role;
grant execute on function public.import_events(text, uuid, jsonb) to service_role;

create or replace function public.import_setlists(p_job_id text, p_lease uuid, p_setlists jsonb)
returns table (stage text, written int, refused int, reasons text[])
language sql volatile parallel unsafe security invoker set search_path = '' set statement_timeout = '1min'
as $$
  select j.stage, j.written, j.refused, j.reasons
  from medley.import_setlists(p_job_id, p_lease, p_setlists, now()) as j
$$;

comment on function public.import_setlists(text, uuid, jsonb) is
  'Stage setlists of an import (secret key only): writes up to 10,000 setlists of past shows in one transaction. '
  'p_setlists: [{"setlistfm_id", "event_date", "venue", "songs": [{"title", "cover_of"}]}], or null where no source '
  'was asked. Malformed rows are refused one by one. Returns the next stage, how many rows were written and '
  'refused, and why. Errors: not_found, conflict, invalid_argument, too_large.';
revoke all on function public.import_setlists(text, uuid, jsonb) from public, anon, authenticated, service_role;
grant execute on function public.import_setlists(text, uuid, jsonb) to service_role;

create or replace function public.finish_import(p_job_id text, p_lease uuid)
returns void
language sql volatile parallel unsafe security invoker set search_path = ''
as $$
  select medley.finish_import(p_job_id, p_lease, now())
$$;

comment on function public.finish_import(text, uuid) is
  'Ends an import whose stages are all done (secret key only). Errors: not_found, conflict.';
revoke all on function public.finish_import(text, uuid) from public, anon, authenticated, service_role;
grant execute on function public.finish_import(text, uuid) to service_role;

create or replace function public.fail_import(p_job_id text, p_lease uuid, p_code text, p_reason text)
returns void
language sql volatile parallel unsafe security invoker set search_path = ''
as $$
  select medley.fail_import(p_job_id, p_lease, p_code, p_reason, now())
$$;

comment on function public.fail_import(text, uuid, text, text) is
  'Ends an import that cannot go on, with a code and the reason (secret key only); started again, it goes on at its '
  'stage. Errors: not_found, conflict, invalid_argument.';
revoke all on function public.fail_import(text, uuid, text, text) from public, anon, authenticated, service_role;
grant execute on function public.fail_import(text, uuid, text, text) to service_role;

create or replace function public.get_import_updates(p_after jsonb)
returns table (
  job_id text, update_no int, stage text, progress int, message text, error text, estimated_time_remaining int,
  updated_at timestamptz, artist_id uuid
)
language sql stable parallel safe security invoker set search_path = ''
as $$
  select u.*
  from medley.get_import_updates(p_after) as u
$$;

comment on function public.get_import_updates(jsonb) is
  'What happened in several imports since one last looked (secret key only; everybody may read the current state in '
  'import_status). p_after: {"<job_id>": number of the last known update, or null for the current state alone}. '
  'Returns up to 1,000 updates by job and number; a job that does not exist has none. Errors: invalid_argument.';
revoke all on function public.get_import_updates(jsonb) from public, anon, authenticated, service_role;
grant execute on function public.get_import_updates(jsonb) to service_role;

-- sql/packs/live/jobs_imports.sql
-- What looks after imports.
insert into medley.jobs (name, schedule, function_name, batch_size, timeout_seconds, description)
values
  (
    'fail_stalled_imports', '*/5 * * * *', 'fail_stalled_imports', null, 60,
    'Ends imports whose worker is gone, so that whoever waits for them learns of it.'
  ),
  (
    'delete_old_imports', '50 4 * * *', 'delete_old_imports', 1000, 600,
    'Deletes imports that ended long ago, with their updates.'
  );

-- sql/packs/live/realtime.sql
-- What apps may watch live.
insert into medley.live_tables (table_name, description)
values
  ('setlist_songs', 'Songs of setlists, with their counters of votes.'),
  ('import_status', 'How far the import of an artist is.');
