-- The stages of an import. Each is one transaction: it checks that the caller holds the job and that this stage is due,
-- refuses malformed rows one by one, writes the others in a few statements, and moves the job on. A call that is
-- repeated after its stage is done (its answer got lost) changes nothing. Null rows: no source was asked.
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

create or replace function medley.import_message(p_noun text, p_written int, p_refused int)
returns text
language sql immutable parallel safe security invoker set search_path = ''
as $$
  select format('%s %s', to_char(p_written, 'FM999,999'), p_noun || case when p_written = 1 then '' else 's' end)
    || case when p_refused > 0 then format('; %s refused', p_refused) else '' end || '.'
$$;

comment on function medley.import_message(text, int, int) is 'How a stage ended, in words: "1,987 songs; 13 refused."';
revoke all on function medley.import_message(text, int, int) from public, anon, authenticated, service_role;

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
