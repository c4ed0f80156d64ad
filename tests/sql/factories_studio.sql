-- Ids depend on names only, so that failures are easy to read.
create function tests.track(p_title text) returns uuid language sql immutable as $$ select md5('track ' || p_title)::uuid $$;
create function tests.band(p_name text) returns uuid language sql immutable as $$ select md5('band ' || p_name)::uuid $$;
create function tests.playlist(p_name text) returns uuid language sql immutable as $$ select md5('playlist ' || p_name)::uuid $$;

-- A completed track of a member.
create function tests.make_track(
  p_owner text,
  p_title text,
  p_is_public boolean default true,
  p_genres text[] default '{}',
  p_tags text[] default '{}'
)
returns uuid
language sql security definer set search_path = ''
as $$
  insert into public.generated_tracks (id, user_id, title, mode, status, url, duration, claimable_at, is_public, genres, tags)
  values (
    tests.track(p_title), md5('member ' || p_owner)::uuid, p_title, 'new', 'completed',
    'https://example.com/' || md5(p_title) || '.mp3', 180, null, p_is_public, p_genres, p_tags
  )
  returning id
$$;

create function tests.make_band(p_owner text, p_name text, p_is_public boolean default true)
returns uuid
language sql security definer set search_path = ''
as $$
  insert into public.bands (id, user_id, name, is_public)
  values (tests.band(p_name), md5('member ' || p_owner)::uuid, p_name, p_is_public)
  returning id
$$;

create function tests.make_playlist(p_owner text, p_name text, p_is_public boolean default false)
returns uuid
language sql security definer set search_path = ''
as $$
  insert into public.user_playlists (id, user_id, name, is_public)
  values (tests.playlist(p_name), md5('member ' || p_owner)::uuid, p_name, p_is_public)
  returning id
$$;

-- 768 numbers: weights of the first axes, zero elsewhere.
create function tests.sound(variadic p_axes real[])
returns real[]
language sql immutable
as $$ select p_axes || array_fill(0::real, array[768 - cardinality(p_axes)]) $$;

create function tests.give_sound(p_item uuid, variadic p_axes real[])
returns void
language sql security definer set search_path = ''
as $$ select medley.write_audio_vector(p_item, p_axes || array_fill(0::real, array[768 - cardinality(p_axes)])) $$;

-- The titles of a playlist in order.
create function tests.playlist_order(p_name text)
returns text
language sql stable security definer set search_path = ''
as $$
  select string_agg(t.title, ' ' order by l.place)
  from public.playlist_tracks as l
  inner join public.generated_tracks as t on t.id = l.track_id
  where l.playlist_id = tests.playlist(p_name)
$$;
