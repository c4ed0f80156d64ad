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
