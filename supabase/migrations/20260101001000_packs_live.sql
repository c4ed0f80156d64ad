-- Made from sql/packs/live by `make migrations`; edit that, not this.

-- sql/packs/live/tables.sql
-- Live music: artists, venues, events, who plays and who goes.
-- The catalogue is written with the secret key (or by loaders); members write their own RSVPs.
create extension if not exists postgis with schema extensions;

insert into medley.item_kinds (kind, in_genre_statistics, description)
values
  ('artist', true, 'A musician or band.'),
  ('venue', false, 'A place where events happen.'),
  ('event', false, 'A concert, festival day or other dated show.');

create table public.artists (
  id uuid primary key default gen_random_uuid()
  references medley.items (id) on delete cascade deferrable initially deferred,
  name text not null check (length(name) between 1 and 500),
  genres text[] not null default '{}' check (cardinality(genres) <= 100),
  country text check (length(country) <= 100),
  image_url text check (length(image_url) <= 2000),
  source text not null default 'app',
  external_id text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (source, external_id)
);

comment on table public.artists is 'Musicians and bands.';
comment on column public.artists.id is 'The artist, an item of kind artist.';
comment on column public.artists.name is 'Name as printed on a bill.';
comment on column public.artists.genres is 'Raw genre names as the source gave them; item_genres follows by trigger.';
comment on column public.artists.country is 'Where the artist comes from.';
comment on column public.artists.image_url is 'Address of a picture.';
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
-- What the engine knows of artists and events besides their genres: who plays, where, and from where they come.
-- An artist has itself as a feature and its events have the same one, so that who likes the one finds the other.
insert into medley.feature_types (feature_type, weight, is_creator, description)
values
  ('artist', 2, true, 'Who plays, by id; the artist has it too.'),
  ('venue', 0.5, false, 'Where it happens, by id; the venue has it too.'),
  ('city', 0.5, false, 'The city where it happens.'),
  ('country', 0.3, false, 'Where it comes from, or where it happens.')
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
  'The features of these artists, venues and events, genres left out: those follow item_genres.';
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
  'Makes the features of these artists, venues and events equal to what the catalogue says. '
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
      where i.item_no > v_last and i.kind in ('artist', 'venue', 'event')
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
  'Brings the features of every artist, venue and event in line with the catalogue, p_batch items at a time: for rows that '
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
  f.created_at
from public.item_follows as f
where exists (select from public.artists as a where a.id = f.item_id);

comment on view public.user_follows_artists is 'The artists that members follow: item_follows of artists. Updatable.';
comment on column public.user_follows_artists.user_id is 'The member.';
comment on column public.user_follows_artists.artist_id is 'The artist.';
comment on column public.user_follows_artists.created_at is 'Since when.';

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
  'p_user_id: for the secret key only. Errors: unauthenticated, forbidden, invalid_argument, invalid_cursor.';
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
public.event_clusters, public.artist_clusters,
public.analytics_events_by_cluster, public.analytics_events_by_umbrella, public.analytics_artists_by_cluster
from public, anon, authenticated, service_role;

grant select on public.artists_genres, public.events_genres to anon, authenticated;
grant select, insert, update, delete on public.artists_genres, public.events_genres to service_role;

grant select, delete on public.user_follows_artists to authenticated;
grant insert (user_id, artist_id) on public.user_follows_artists to authenticated;
grant select, insert, delete on public.user_follows_artists to service_role;

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
  );
