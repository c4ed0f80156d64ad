-- Films and series: titles, who made them, and where they can be seen.
-- The catalogue is written with the secret key (or by loaders); everybody reads it.
insert into medley.item_kinds (kind, in_genre_statistics, description)
values
  ('movie', true, 'A film.'),
  ('tv', true, 'A series.'),
  ('episode', false, 'An episode of a series.'),
  ('trailer', false, 'A trailer of a film or series.');

create table public.titles (
  id uuid primary key default gen_random_uuid()
  references medley.items (id) on delete cascade deferrable initially deferred,
  kind text not null check (kind in ('movie', 'tv', 'episode', 'trailer')),
  title text not null check (length(title) between 1 and 500),
  original_title text check (length(original_title) between 1 and 500),
  overview text check (length(overview) <= 20000),
  year smallint check (year between 1850 and 2200),
  released_on date check (extract(year from released_on) between 1850 and 2200),
  released_at timestamptz generated always as (
    (coalesce(released_on, make_date(year, 1, 1))::timestamp) at time zone 'UTC'
  ) stored,
  runtime_minutes int check (runtime_minutes between 0 and 100000),
  genres text[] not null default '{}' check (cardinality(genres) <= 100),
  keywords text[] not null default '{}' check (cardinality(keywords) <= 500),
  parent_id uuid references public.titles (id) on delete cascade,
  season smallint check (season >= 0),
  episode smallint check (episode >= 0),
  language text check (length(language) <= 100),
  country text check (length(country) <= 100),
  imdb_id text unique check (imdb_id ~ '^tt[0-9]{7,10}$'),
  tmdb_id int check (tmdb_id > 0),
  poster_url text check (length(poster_url) <= 2000),
  vote_average real check (vote_average between 0 and 10),
  vote_count int check (vote_count >= 0),
  source text not null default 'app',
  external_id text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (source, external_id),
  unique (tmdb_id, kind),
  constraint titles_parts_have_a_parent check (kind in ('episode', 'trailer') or parent_id is null),
  constraint titles_no_own_parent check (parent_id <> id)
);
create index titles_parent_idx on public.titles (parent_id, season, episode) where parent_id is not null;

comment on table public.titles is 'Films, series, their episodes and trailers.';
comment on column public.titles.id is 'The title, an item of its kind.';
comment on column public.titles.kind is 'movie, tv, episode or trailer; it never changes.';
comment on column public.titles.title is 'Title as shown.';
comment on column public.titles.original_title is 'Title in the original language, where it differs.';
comment on column public.titles.overview is 'What it is about.';
comment on column public.titles.year is 'Year of the first release, as the source gave it.';
comment on column public.titles.released_on is 'Day of the first release, where known.';
comment on column public.titles.released_at is 'That day, or the first of the year, in UTC: when the item counts as published.';
comment on column public.titles.runtime_minutes is 'How long it takes.';
comment on column public.titles.genres is 'Raw genre names as the source gave them; item_genres follows by trigger.';
comment on column public.titles.keywords is 'What it deals with, in words; features of the engine.';
comment on column public.titles.parent_id is 'The series of an episode; the film or series of a trailer.';
comment on column public.titles.season is 'Season of an episode; 0 for specials.';
comment on column public.titles.episode is 'Number within the season.';
comment on column public.titles.language is 'Original language, in one spelling per project (an ISO code, say).';
comment on column public.titles.country is 'Where it was made, in one spelling per project.';
comment on column public.titles.imdb_id is 'Id at IMDb, such as tt0114709.';
comment on column public.titles.tmdb_id is 'Id at TMDB, which numbers each kind on its own.';
comment on column public.titles.poster_url is 'Address of a picture.';
comment on column public.titles.vote_average is 'What voters elsewhere give it, 0 to 10.';
comment on column public.titles.vote_count is 'How many voted.';
comment on column public.titles.source is 'Where the row came from.';
comment on column public.titles.external_id is 'The id in that source.';
comment on column public.titles.created_at is 'When the row was made.';
comment on column public.titles.updated_at is 'When the row last changed.';

create table public.people (
  id uuid primary key default gen_random_uuid(),
  name text not null check (length(name) between 1 and 300),
  image_url text check (length(image_url) <= 2000),
  source text not null default 'app',
  external_id text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (source, external_id)
);

comment on table public.people is 'Who acts in titles, and who makes them.';
comment on column public.people.id is 'The person.';
comment on column public.people.name is 'Name as credited.';
comment on column public.people.image_url is 'Address of a picture.';
comment on column public.people.source is 'Where the row came from.';
comment on column public.people.external_id is 'The id in that source.';
comment on column public.people.created_at is 'When the row was made.';
comment on column public.people.updated_at is 'When the row last changed.';

create table public.title_credits (
  title_id uuid not null references public.titles (id) on delete cascade,
  person_id uuid not null references public.people (id) on delete cascade,
  role text not null check (role in ('cast', 'director', 'writer', 'creator', 'producer', 'composer')),
  position smallint not null default 1 check (position >= 1),
  character text check (length(character) <= 500),
  primary key (title_id, person_id, role)
);
create index title_credits_person_idx on public.title_credits (person_id);

comment on table public.title_credits is 'Who did what for a title.';
comment on column public.title_credits.title_id is 'The title.';
comment on column public.title_credits.person_id is 'The person.';
comment on column public.title_credits.role is 'cast, director, writer, creator, producer or composer.';
comment on column public.title_credits.position is '1 is the first name of that role.';
comment on column public.title_credits.character is 'Who the person plays.';

create table public.platforms (
  id text primary key check (id ~ '^[a-z0-9][a-z0-9_-]{0,49}$'),
  name text not null check (length(name) between 1 and 200),
  home_url text check (length(home_url) <= 2000),
  created_at timestamptz not null default now()
);

comment on table public.platforms is 'Where titles can be seen: streaming services, channels, cinemas.';
comment on column public.platforms.id is
  'Short name, such as netflix: what engagements, subscriptions and availability carry.';
comment on column public.platforms.name is 'Name as people know it.';
comment on column public.platforms.home_url is 'Address of the platform.';
comment on column public.platforms.created_at is 'When the row was made.';

create table public.title_platforms (
  offer_no bigint primary key generated always as identity,
  title_id uuid not null references public.titles (id) on delete cascade,
  platform_id text not null references public.platforms (id) on delete cascade,
  country text not null default '' check (country ~ '^([A-Z]{2})?$'),
  available_from timestamptz check (isfinite(available_from)),
  available_until timestamptz check (isfinite(available_until)),
  url text check (length(url) <= 2000),
  changes_at timestamptz,
  constraint title_platforms_once unique nulls not distinct (title_id, platform_id, country, available_from),
  constraint title_platforms_ends_after_start check (available_until > available_from)
);
create index title_platforms_platform_idx on public.title_platforms (platform_id);
create index title_platforms_changes_idx on public.title_platforms (changes_at) where changes_at is not null;

comment on table public.title_platforms is 'Where a title can be seen, by country and time; each window is a row.';
comment on column public.title_platforms.offer_no is 'The offer.';
comment on column public.title_platforms.title_id is 'The title.';
comment on column public.title_platforms.platform_id is 'The platform.';
comment on column public.title_platforms.country is 'The country as two capital letters (ISO 3166); empty for everywhere.';
comment on column public.title_platforms.available_from is 'From when; null for ever since.';
comment on column public.title_platforms.available_until is 'Until when, that moment excluded; null for good.';
comment on column public.title_platforms.url is 'Where to watch it.';
comment on column public.title_platforms.changes_at is
  'When the offer next begins or ends: kept by trigger, so that the job follow_title_platforms need not look at the others.';
