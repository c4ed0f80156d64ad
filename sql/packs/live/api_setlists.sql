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
