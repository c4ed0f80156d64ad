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
