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
