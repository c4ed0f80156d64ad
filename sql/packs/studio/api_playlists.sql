-- The API of bands and playlists.
create or replace function public.add_band_tracks(
  p_band_id uuid,
  p_track_ids uuid[],
  p_user_id uuid default null
)
returns int
language sql volatile parallel unsafe security invoker set search_path = ''
as $$ select medley.add_band_tracks(p_user_id, p_band_id, p_track_ids, now()) $$;

comment on function public.add_band_tracks(uuid, uuid[], uuid) is
  'Adds up to 1,000 completed tracks of the signed-in member to a band of the member; those that it has stay. '
  'Returns how many were added. p_user_id is for the secret key only. Errors: unauthenticated, invalid_argument, '
  'not_found, forbidden (the band or a track is another member''s), conflict (a track is not completed), too_large.';
revoke all on function public.add_band_tracks(uuid, uuid[], uuid) from public, anon, authenticated, service_role;
grant execute on function public.add_band_tracks(uuid, uuid[], uuid) to authenticated, service_role;

create or replace function public.add_playlist_tracks(
  p_playlist_id uuid,
  p_track_ids uuid[],
  p_before uuid default null,
  p_user_id uuid default null
)
returns int
language sql volatile parallel unsafe security invoker set search_path = ''
as $$ select medley.add_playlist_tracks(p_user_id, p_playlist_id, p_track_ids, p_before, now()) $$;

comment on function public.add_playlist_tracks(uuid, uuid[], uuid, uuid) is
  'Adds tracks that the signed-in member sees to a playlist of the member, in their order right before the track '
  'p_before (default: at the end). Tracks that are there already stay where they are, so a repeat is safe. A '
  'playlist holds studio.max_playlist_tracks (10,000). Returns how many were added. p_user_id is for the secret key '
  'only. Errors: unauthenticated, invalid_argument, not_found, forbidden, conflict (p_before is not there any '
  'more), too_large.';
revoke all on function public.add_playlist_tracks(
  uuid, uuid[], uuid, uuid
)
from public, anon, authenticated, service_role;
grant execute on function public.add_playlist_tracks(uuid, uuid[], uuid, uuid) to authenticated, service_role;

create or replace function public.move_playlist_track(
  p_playlist_id uuid,
  p_track_id uuid,
  p_before uuid default null,
  p_user_id uuid default null
)
returns bigint
language sql volatile parallel unsafe security invoker set search_path = ''
as $$ select medley.move_playlist_track(p_user_id, p_playlist_id, p_track_id, p_before) $$;

comment on function public.move_playlist_track(uuid, uuid, uuid, uuid) is
  'Moves a track of the signed-in member''s playlist right before the track p_before (default: to the end). Returns '
  'the playlist''s version. p_user_id is for the secret key only. Errors: unauthenticated, invalid_argument, '
  'not_found, forbidden, conflict (another device removed one of both).';
revoke all on function public.move_playlist_track(
  uuid, uuid, uuid, uuid
)
from public, anon, authenticated, service_role;
grant execute on function public.move_playlist_track(uuid, uuid, uuid, uuid) to authenticated, service_role;

create or replace function public.remove_playlist_tracks(
  p_playlist_id uuid,
  p_track_ids uuid[],
  p_user_id uuid default null
)
returns int
language sql volatile parallel unsafe security invoker set search_path = ''
as $$ select medley.remove_playlist_tracks(p_user_id, p_playlist_id, p_track_ids) $$;

comment on function public.remove_playlist_tracks(uuid, uuid[], uuid) is
  'Removes tracks from a playlist of the signed-in member; those that are not there do not matter. Returns how many '
  'were removed. p_user_id is for the secret key only. Errors: unauthenticated, invalid_argument, not_found, '
  'forbidden, too_large.';
revoke all on function public.remove_playlist_tracks(
  uuid, uuid[], uuid
)
from public, anon, authenticated, service_role;
grant execute on function public.remove_playlist_tracks(uuid, uuid[], uuid) to authenticated, service_role;

create or replace function public.reorder_playlist(
  p_playlist_id uuid,
  p_track_ids uuid[],
  p_version bigint default null,
  p_user_id uuid default null
)
returns bigint
language sql volatile parallel unsafe security invoker set search_path = ''
as $$ select medley.reorder_playlist(p_user_id, p_playlist_id, p_track_ids, p_version) $$;

comment on function public.reorder_playlist(uuid, uuid[], bigint, uuid) is
  'Puts a playlist of the signed-in member in the order of p_track_ids. Tracks that it does not name (another '
  'device has just added them) follow in their order; ids that are not there are ignored. p_version: the version '
  'that the caller saw, to be told of any change in between instead. Returns the new version. p_user_id is for the '
  'secret key only. Errors: unauthenticated, invalid_argument, not_found, forbidden, conflict (another version), '
  'too_large.';
revoke all on function public.reorder_playlist(
  uuid, uuid[], bigint, uuid
)
from public, anon, authenticated, service_role;
grant execute on function public.reorder_playlist(uuid, uuid[], bigint, uuid) to authenticated, service_role;

create or replace function public.get_playlist_tracks(
  p_playlist_id uuid,
  p_limit int default 100,
  p_cursor text default null,
  p_user_id uuid default null
)
returns table (
  track_id uuid,
  title text,
  url text,
  duration int,
  user_id uuid,
  added_at timestamptz,
  next_cursor text
)
language sql stable parallel safe security invoker set search_path = ''
as $$
  select r.track_id, r.title, r.url, r.duration, r.user_id, r.added_at, r.next_cursor
  from medley.get_playlist_tracks(p_playlist_id, p_limit, p_cursor, p_user_id) as r
$$;

comment on function public.get_playlist_tracks(uuid, int, text, uuid) is
  'The tracks of a playlist that the caller may see, in order, at most p_limit (1 to 200), after p_cursor. '
  'p_user_id is for the secret key only. Errors: not_found, invalid_argument, invalid_cursor.';
revoke all on function public.get_playlist_tracks(
  uuid, int, text, uuid
)
from public, anon, authenticated, service_role;
grant execute on function public.get_playlist_tracks(uuid, int, text, uuid) to anon, authenticated, service_role;
