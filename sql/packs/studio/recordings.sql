-- Music from elsewhere: the cache of vectors, and the listening histories that members let an app import.
create or replace function medley.apply_cached_embeddings(p_recording_ids uuid[])
returns bigint
language plpgsql volatile parallel unsafe security definer
set search_path = '' set plan_cache_mode = force_custom_plan
as $$
declare
  v_rows bigint;
begin
  with found as materialized (
    select distinct on (r.id) r.id, m.vector, m.genre
    from unnest(p_recording_ids) as w (id)
    inner join public.recordings as r on r.id = w.id
    inner join public.music_embeddings as m
      on m.recording_key = r.recording_key and m.model_version = medley.audio_model()
    order by r.id, m.created_at, m.id
  ),

  named as (
    update public.recordings as r
    set genres = f.genre
    from found as f
    where r.id = f.id and r.genres = '{}' and f.genre <> '{}'
  )

  insert into medley.content_embeddings as e (item_no, embedding_type, model_version, dims, embedding_768)
  select i.item_no, 'audio', medley.audio_model(), 768, f.vector
  from found as f
  inner join medley.items as i on i.id = f.id
  order by i.item_no
  on conflict (item_no, embedding_type, model_version) do update
  set embedding_768 = excluded.embedding_768, created_at = excluded.created_at
  where e.embedding_768 operator(extensions.<>) excluded.embedding_768;
  get diagnostics v_rows = row_count;
  return v_rows;
end;
$$;

comment on function medley.apply_cached_embeddings(uuid[]) is
  'Gives these recordings the vectors, and where they have none the genres, that the cache knows for artist and title. '
  'Returns how many vectors changed.';
revoke all on function medley.apply_cached_embeddings(uuid[]) from public, anon, authenticated, service_role;

create or replace function medley.normalize_music_embedding()
returns trigger
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
begin
  -- The zero vector stays as it is: the table's check refuses it.
  new.vector := extensions.l2_normalize(new.vector);
  return new;
end;
$$;

comment on function medley.normalize_music_embedding() is
  'Row trigger on music_embeddings: vectors have unit length, whoever writes them.';
revoke all on function medley.normalize_music_embedding() from public, anon, authenticated, service_role;

create trigger music_embeddings_unit_length
before insert or update of vector on public.music_embeddings
for each row execute function medley.normalize_music_embedding();

create or replace function medley.follow_music_embeddings()
returns trigger
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
begin
  perform medley.apply_cached_embeddings(array(
    select distinct r.id
    from new_rows as n
    inner join public.recordings as r on r.recording_key = n.recording_key
  ));
  return null;
end;
$$;

comment on function medley.follow_music_embeddings() is
  'Statement trigger on music_embeddings with transition table new_rows: recordings that are known already get their vectors.';
revoke all on function medley.follow_music_embeddings() from public, anon, authenticated, service_role;

create trigger music_embeddings_recordings_insert
after insert on public.music_embeddings referencing new table as new_rows
for each statement execute function medley.follow_music_embeddings();
create trigger music_embeddings_recordings_update
after update on public.music_embeddings referencing new table as new_rows
for each statement execute function medley.follow_music_embeddings();

create or replace function medley.set_music_embeddings(p_rows jsonb)
returns bigint
language plpgsql volatile parallel unsafe security definer
set search_path = '' set plan_cache_mode = force_custom_plan
as $$
declare
  v_written bigint;
begin
  if p_rows is null or jsonb_typeof(p_rows) <> 'array' then
    perform medley.fail('invalid_argument', 'p_rows must be an array of objects', 'p_rows',
      'Pass [{"track_id", "track_name", "artist", "embedding", "genre", "source"}, ...].');
  end if;
  if jsonb_array_length(p_rows) > 500 then
    perform medley.fail('too_large', format('p_rows holds %s rows', jsonb_array_length(p_rows)), 'p_rows',
      'Pass at most 500 rows a call.');
  end if;

  insert into public.music_embeddings as m (track_id, track_name, artist, vector, genre, source, model_version)
  select
    r.track_id,
    r.track_name,
    r.artist,
    medley.to_audio_vector(r.embedding),
    coalesce(r.genre, '{}'),
    r.source,
    coalesce(r.model_version, medley.audio_model())
  from jsonb_to_recordset(p_rows) as r (
    track_id text, track_name text, artist text, embedding real[], genre text[], source text, model_version text
  )
  order by r.track_id
  on conflict (track_id) do update
  set
    track_name = excluded.track_name,
    artist = excluded.artist,
    vector = excluded.vector,
    genre = excluded.genre,
    source = excluded.source,
    model_version = excluded.model_version;
  get diagnostics v_written = row_count;
  return v_written;
exception
  when data_exception or integrity_constraint_violation or cardinality_violation then
    perform medley.fail('invalid_argument', sqlerrm, 'p_rows', 'Correct the row; nothing was written.');
    return 0;
end;
$$;

comment on function medley.set_music_embeddings(jsonb) is
  'Writes rows of the cache; see public.set_music_embeddings. Errors: invalid_argument, too_large.';
revoke all on function medley.set_music_embeddings(jsonb) from public, anon, authenticated, service_role;
grant execute on function medley.set_music_embeddings(jsonb) to service_role;

create or replace function medley.match_music_embeddings(p_embedding real[], p_genre text, p_source text, p_limit int)
returns table (
  id uuid,
  track_id text,
  track_name text,
  artist text,
  genre text[],
  source text,
  similarity real
)
language plpgsql stable parallel safe security definer
set search_path = '' set plan_cache_mode = force_custom_plan
set hnsw.iterative_scan = strict_order set hnsw.ef_search = 100 -- noqa: PRS
as $$
declare
  v_limit int := medley.check_limit(p_limit);
  v_vector extensions.vector := medley.to_audio_vector(p_embedding);
  v_genre text := public.normalize_genre_key(p_genre);
begin
  return query
  select
    m.id, m.track_id, m.track_name, m.artist, m.genre, m.source,
    (1 - (m.vector operator(extensions.<=>) v_vector))::real
  from public.music_embeddings as m
  -- Vectors of two models lie in two spaces: their cosine says nothing.
  where m.model_version = medley.audio_model()
    and (p_source is null or m.source = p_source)
    and (
      v_genre is null
      or exists (select from unnest(m.genre) as g (name) where public.normalize_genre_key(g.name) = v_genre)
    )
  order by m.vector operator(extensions.<=>) v_vector
  limit v_limit;
end;
$$;

comment on function medley.match_music_embeddings(real[], text, text, int) is
  'What the cache knows that sounds like a vector; see public.match_music_embeddings. Errors: invalid_argument.';
revoke all on function medley.match_music_embeddings(real[], text, text, int)
from public, anon, authenticated, service_role;
grant execute on function medley.match_music_embeddings(real[], text, text, int) to anon, authenticated, service_role;

create or replace function medley.register_recordings(p_provider text, p_plays jsonb)
returns table (place bigint, item_id uuid, is_new boolean)
language plpgsql volatile parallel unsafe security definer
set search_path = '' set plan_cache_mode = force_custom_plan
as $$
declare
  v_new uuid[];
begin
  -- By artist and title first, so that two platforms mean one recording; rows are locked in one order everywhere.
  with given as (
    select distinct on (k.key) k.key, g.artist, g.title, g.album, g.genres
    from jsonb_to_recordset(p_plays) as g (
      place bigint, external_id text, artist text, title text, album text, genres text[]
    )
    cross join lateral (select medley.recording_key(g.artist, g.title) as key) as k
    where g.artist is not null
      and g.title is not null
      and not exists (
        select from medley.provider_recordings as p
        where p.provider = p_provider and p.external_id = g.external_id
      )
    order by k.key, g.place
  ),

  made as (
    insert into public.recordings (artist, title, album, genres)
    select g.artist, g.title, g.album, coalesce(g.genres, '{}')
    from given as g
    where not exists (select from public.recordings as r where r.recording_key = g.key)
    order by g.key
    on conflict (recording_key) do nothing
    returning recordings.id
  )

  select coalesce(array_agg(m.id), '{}') into v_new from made as m;

  insert into medley.provider_recordings (provider, external_id, item_id)
  select distinct on (g.external_id) p_provider, g.external_id, r.id
  from jsonb_to_recordset(p_plays) as g (place bigint, external_id text, artist text, title text)
  inner join public.recordings as r on r.recording_key = medley.recording_key(g.artist, g.title)
  where g.external_id is not null
  order by g.external_id, g.place
  on conflict (provider, external_id) do nothing;

  perform medley.apply_cached_embeddings(v_new);

  return query
  select g.place, i.id, i.id = any(v_new)
  from jsonb_to_recordset(p_plays) as g (place bigint, external_id text, artist text, title text)
  left join medley.provider_recordings as p on p.provider = p_provider and p.external_id = g.external_id
  left join public.recordings as r on p.item_id is null and r.recording_key = medley.recording_key(g.artist, g.title)
  inner join medley.items as i on i.id = coalesce(p.item_id, r.id);
end;
$$;

comment on function medley.register_recordings(text, jsonb) is
  'The items of plays, given as [{"place", "external_id", "artist", "title", "album", "genres"}]: by the provider''s id where '
  'it is known, else by artist and title, made where there is none. Plays without both are left out.';
revoke all on function medley.register_recordings(text, jsonb) from public, anon, authenticated, service_role;

create or replace function medley.open_history(p_user_id uuid, p_provider text, p_expected_cursor text)
returns int
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_user_no int;
  v_cursor text;
begin
  perform medley.check_provider(p_provider, false);
  if p_user_id is null or not exists (select from auth.users as u where u.id = p_user_id) then
    perform medley.fail('not_found', format('there is no member %s', p_user_id), 'p_user_id', 'Pass the id of an account.');
  end if;
  select m.user_no into v_user_no from medley.member_numbers(array[p_user_id]) as m;

  insert into medley.history_imports (user_no, provider)
  values (v_user_no, p_provider)
  on conflict do nothing;
  -- Imports of one history take turns.
  select h.cursor into v_cursor
  from medley.history_imports as h
  where h.user_no = v_user_no and h.provider = p_provider
  for no key update;
  if p_expected_cursor is not null and coalesce(v_cursor, '') <> p_expected_cursor then
    perform medley.fail('conflict', 'another import has gone on from there', 'p_expected_cursor',
      'Ask get_history_cursor where the history stands, and go on from there.');
  end if;
  return v_user_no;
end;
$$;

comment on function medley.open_history(uuid, text, text) is
  'Locks the import of a member''s history at a provider; returns the member''s number. '
  'Errors: invalid_argument (unknown provider), not_found (unknown member), conflict (the cursor moved).';
revoke all on function medley.open_history(uuid, text, text) from public, anon, authenticated, service_role;

create or replace function medley.import_history(
  p_user_id uuid,
  p_provider text,
  p_plays jsonb,
  p_cursor text,
  p_expected_cursor text,
  p_done boolean,
  p_as_of timestamptz
)
returns table (
  imported int,
  duplicates int,
  refused int,
  new_recordings int,
  refusals jsonb
)
language plpgsql volatile parallel unsafe security definer
set search_path = '' set plan_cache_mode = force_custom_plan
as $$
declare
  v_user_no int;
  v_plays jsonb;
  v_events jsonb;
  v_places bigint[];
  v_newest timestamptz;
begin
  if p_plays is null or jsonb_typeof(p_plays) <> 'array' then
    perform medley.fail('invalid_argument', 'p_plays must be an array of objects', 'p_plays',
      'Pass [{"track_id", "track_name", "artist", "played_at", ...}, ...].');
  end if;
  if jsonb_array_length(p_plays) > 1000 then
    perform medley.fail('too_large', format('p_plays holds %s plays', jsonb_array_length(p_plays)), 'p_plays',
      'Import at most 1,000 plays a call.');
  end if;
  if length(p_cursor) > 4000 then
    perform medley.fail('too_large', 'the cursor has more than 4,000 characters', 'p_cursor', 'Keep a shorter one.');
  end if;
  v_user_no := medley.open_history(p_user_id, p_provider, p_expected_cursor);

  select jsonb_agg(jsonb_build_object(
    'place', e.place,
    'external_id', nullif(left(btrim(e.play ->> 'track_id'), 500), ''),
    'artist', nullif(left(btrim(e.play ->> 'artist'), 500), ''),
    'title', nullif(left(btrim(e.play ->> 'track_name'), 500), ''),
    'album', nullif(left(btrim(e.play ->> 'album'), 500), ''),
    'genres', case when jsonb_typeof(e.play -> 'genres') = 'array' then jsonb_path_query_array(e.play, '$.genres[0 to 99] ? (@.type() == "string")') end
  )) into v_plays
  from jsonb_array_elements(p_plays) with ordinality as e (play, place)
  where jsonb_typeof(e.play) = 'object';

  select
    jsonb_agg(jsonb_build_object(
      'item_id', r.item_id, 'kind', 'play', 'occurred_at', coalesce(nullif(e.play -> 'played_at', 'null'), '""'),
      'value', coalesce(e.play -> 'play_count', '1'), 'progress', e.play -> 'progress', 'platform', p_provider
    ) order by e.place),
    array_agg(e.place order by e.place),
    count(distinct r.item_id) filter (where r.is_new)
  into v_events, v_places, new_recordings
  from jsonb_array_elements(p_plays) with ordinality as e (play, place)
  inner join medley.register_recordings(p_provider, coalesce(v_plays, '[]')) as r on r.place = e.place;

  with fate as (
    select v_places[w.event_index] as place, w.status, w.message
    from medley.write_engagements(p_user_id, coalesce(v_events, '[]'), to_timestamp(0), p_as_of) as w
    union all
    select e.place, 'refused', 'a play names its track_id, or its artist and track_name'
    from generate_series(1, jsonb_array_length(p_plays)) as e (place)
    where e.place <> all(coalesce(v_places, '{}'))
  )

  select
    count(*) filter (where f.status = 'accepted'),
    count(*) filter (where f.status = 'duplicate'),
    count(*) filter (where f.status = 'refused'),
    coalesce(
      jsonb_agg(jsonb_build_object('index', f.place, 'message', f.message) order by f.place)
      filter (where f.status = 'refused'),
      '[]'
    ),
    max((p_plays -> (f.place - 1)::int ->> 'played_at')::timestamptz) filter (where f.status = 'accepted')
  into imported, duplicates, refused, refusals, v_newest
  from fate as f;

  update medley.history_imports as h
  set
    cursor = coalesce(p_cursor, h.cursor),
    imported = h.imported + import_history.imported,
    last_played_at = greatest(h.last_played_at, v_newest),
    updated_at = p_as_of
  where h.user_no = v_user_no and h.provider = p_provider;
  if p_done then
    update public.oauth_connections as c
    set last_synced_at = p_as_of
    where c.user_id = p_user_id and c.platform = p_provider;
  end if;
  return next;
end;
$$;

comment on function medley.import_history(uuid, text, jsonb, text, text, boolean, timestamptz) is
  'Imports plays of a member at a provider; see public.import_history. '
  'Errors: invalid_argument, not_found, conflict, too_large.';
revoke all on function medley.import_history(uuid, text, jsonb, text, text, boolean, timestamptz)
from public, anon, authenticated, service_role;
grant execute on function medley.import_history(uuid, text, jsonb, text, text, boolean, timestamptz) to service_role;

create or replace function medley.get_history_cursor(p_user_id uuid, p_provider text)
returns table (history_cursor text, imported bigint, last_played_at timestamptz, updated_at timestamptz)
language plpgsql stable parallel safe security definer set search_path = ''
as $$
declare
  v_user_no int := medley.member_no(medley.acting_user(p_user_id));
begin
  perform medley.check_provider(p_provider, false);
  return query
  select h.cursor, h.imported, h.last_played_at, h.updated_at
  from medley.history_imports as h
  where h.user_no = v_user_no and h.provider = p_provider;
end;
$$;

comment on function medley.get_history_cursor(uuid, text) is
  'Where the import of a history stands; see public.get_history_cursor. Errors: those of acting_user, invalid_argument.';
revoke all on function medley.get_history_cursor(uuid, text) from public, anon, authenticated, service_role;
grant execute on function medley.get_history_cursor(uuid, text) to authenticated, service_role;
