-- How tracks sound: vectors of type audio, what follows from them, and what lies near a vector.
-- Close ones come from the HNSW index (Malkov and Yashunin 2018), scanned on until the page is full. Where candidates
-- are few, or the page stays short, each is compared. Both ways apply the same filter and give the same order.

-- The parameters of the extension can be set below only once its library is loaded.
do $$ begin perform '[1]'::extensions.vector; end $$;

create or replace function medley.to_audio_vector(p_embedding real[])
returns extensions.vector
language plpgsql stable parallel safe security definer set search_path = ''
as $$
declare
  v_vector extensions.vector;
begin
  if coalesce(cardinality(p_embedding), 0) <> 768 then
    perform medley.fail('invalid_argument',
      format('an audio vector has 768 numbers, got %s', coalesce(cardinality(p_embedding), 0)), 'p_embedding',
      'Pass the vector of the model in use (MERT).');
  end if;
  begin
    v_vector := p_embedding::extensions.vector;
  exception
    -- NaN, infinities, nulls among the numbers.
    when data_exception or null_value_not_allowed then
      perform medley.fail('invalid_argument', sqlerrm, 'p_embedding', 'Pass 768 finite numbers.');
  end;
  if extensions.vector_norm(v_vector) = 0 then
    perform medley.fail('invalid_argument', 'the vector is zero', 'p_embedding',
      'A vector without a direction resembles nothing: leave it out.');
  end if;
  return extensions.l2_normalize(v_vector);
end;
$$;

comment on function medley.to_audio_vector(real[]) is
  'An audio vector of unit length. Errors: invalid_argument (wrong size, NaN, infinity, null, zero).';
revoke all on function medley.to_audio_vector(real[]) from public, anon, authenticated, service_role;

create or replace function medley.audio_model()
returns text
language sql stable parallel safe security definer set search_path = ''
as $$ select t.model_version from medley.embedding_types as t where t.embedding_type = 'audio' $$;

comment on function medley.audio_model() is 'The model of audio vectors in use.';
revoke all on function medley.audio_model() from public, anon, authenticated, service_role;

create or replace function medley.write_audio_vector(p_item_id uuid, p_embedding real[])
returns void
language sql volatile parallel unsafe security definer set search_path = ''
as $$
  insert into medley.content_embeddings as e (item_no, embedding_type, model_version, dims, embedding_768)
  select i.item_no, 'audio', medley.audio_model(), 768, medley.to_audio_vector(p_embedding)
  from medley.items as i
  where i.id = p_item_id
  on conflict (item_no, embedding_type, model_version) do update
  set embedding_768 = excluded.embedding_768, created_at = excluded.created_at
$$;

comment on function medley.write_audio_vector(uuid, real[]) is
  'Gives an item its audio vector, of the model in use. Errors: those of to_audio_vector.';
revoke all on function medley.write_audio_vector(uuid, real[]) from public, anon, authenticated, service_role;

create or replace function medley.audio_vector(p_item_id uuid)
returns extensions.vector
language sql stable parallel safe security definer set search_path = ''
as $$
  select e.embedding_768
  from medley.items as i
  inner join medley.content_embeddings as e on e.item_no = i.item_no
  inner join medley.embedding_types as t
    on t.embedding_type = e.embedding_type and t.model_version = e.model_version
  where i.id = p_item_id and e.embedding_type = 'audio'
$$;

comment on function medley.audio_vector(uuid) is 'The audio vector of an item, of the model in use; null for none.';
revoke all on function medley.audio_vector(uuid) from public, anon, authenticated, service_role;

create or replace function medley.audio_taste(p_user_no int, p_as_of timestamptz)
returns extensions.vector
language plpgsql stable parallel safe security definer set search_path = ''
as $$
declare
  v_stored extensions.vector := (
    select v.embedding_768
    from medley.user_taste_vectors as v
    inner join medley.taste_states as s on s.user_no = v.user_no
    inner join medley.member_activity as a on a.user_no = v.user_no and a.engagements = s.vector_engagements
    where v.user_no = p_user_no and v.embedding_type = 'audio' and v.model_version = medley.audio_model()
  );
begin
  if v_stored is null and not exists (select from medley.affinities as a where a.user_no = p_user_no) then
    return null;
  end if;
  -- The job is up to ten minutes behind; what the member did a moment ago counts at once.
  return coalesce(v_stored, (
    select t.embedding_768
    from medley.taste_vectors_at(array[p_user_no], p_as_of) as t
    where t.embedding_type = 'audio'
  ));
end;
$$;

comment on function medley.audio_taste(int, timestamptz) is
  'The member''s taste vector of type audio as of p_as_of: the stored one while it is current, else derived anew. Null where '
  'the member likes nothing that has a vector.';
revoke all on function medley.audio_taste(int, timestamptz) from public, anon, authenticated, service_role;

create or replace function medley.get_taste_vector(p_user_id uuid, p_as_of timestamptz)
returns table (model_version text, embedding real[])
language plpgsql stable parallel safe security definer set search_path = ''
as $$
declare
  v_vector extensions.vector := medley.audio_taste(medley.member_no(medley.acting_user(p_user_id)), p_as_of);
begin
  return query
  select medley.audio_model(), v_vector::real[]
  where v_vector is not null;
end;
$$;

comment on function medley.get_taste_vector(uuid, timestamptz) is
  'The member''s taste in sound at p_as_of; see public.get_taste_vector. Errors: those of acting_user.';
revoke all on function medley.get_taste_vector(uuid, timestamptz) from public, anon, authenticated, service_role;
grant execute on function medley.get_taste_vector(uuid, timestamptz) to authenticated, service_role;

create or replace function medley.refresh_match_percentages(p_track_ids uuid[], p_as_of timestamptz)
returns bigint
language plpgsql volatile parallel unsafe security definer set search_path = '' set plan_cache_mode = force_custom_plan
as $$
declare
  v_rows bigint;
begin
  with track as (
    select t.id, t.user_id, medley.audio_vector(t.id) as own, coalesce(
      medley.audio_vector(t.source_id),
      (select c.vector from public.music_embeddings as c
        where c.track_id = t.source_external_id and c.model_version = medley.audio_model())
    ) as source
    from public.generated_tracks as t
    where t.id = any(p_track_ids)
  ),

  -- A member's taste once, however many tracks there are.
  taste as materialized (
    select o.user_id, medley.audio_taste(medley.member_no(o.user_id), p_as_of) as place
    from (select distinct t.user_id from track as t where t.source is null) as o
  )

  update public.generated_tracks as t
  set match_percentage = round(100 * greatest(0, 1 - (n.own operator(extensions.<=>) coalesce(n.source, o.place))))
  from track as n
  left join taste as o on o.user_id = n.user_id
  where t.id = n.id and coalesce(n.source, o.place) is not null;
  get diagnostics v_rows = row_count;
  return v_rows;
end;
$$;

comment on function medley.refresh_match_percentages(uuid[], timestamptz) is
  'Compares tracks with what they were to be like: 100 times the cosine, 0 below a right angle. Returns how many.';
revoke all on function medley.refresh_match_percentages(uuid[], timestamptz)
from public, anon, authenticated, service_role;

create or replace function medley.follow_audio_vectors()
returns trigger
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_tracks uuid[] := array(
    select i.id
    from new_rows as n
    inner join medley.items as i on i.item_no = n.item_no
    where n.embedding_type = 'audio' and n.model_version = medley.audio_model() and i.kind = 'track'
  );
begin
  if v_tracks <> '{}' then
    perform medley.refresh_match_percentages(v_tracks, now());
    perform medley.refresh_bands(array(
      select distinct l.band_id from public.band_tracks as l where l.track_id = any(v_tracks)
    ));
  end if;
  return null;
end;
$$;

comment on function medley.follow_audio_vectors() is
  'Statement trigger on content_embeddings with transition table new_rows: match percentages and styles of bands follow.';
revoke all on function medley.follow_audio_vectors() from public, anon, authenticated, service_role;

create trigger content_embeddings_studio_insert
after insert on medley.content_embeddings referencing new table as new_rows
for each statement execute function medley.follow_audio_vectors();
create trigger content_embeddings_studio_update
after update on medley.content_embeddings referencing new table as new_rows
for each statement execute function medley.follow_audio_vectors();

create or replace function medley.refresh_band_styles()
returns bigint
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_band_ids uuid[] := array(select b.id from public.bands as b);
begin
  perform medley.refresh_bands(v_band_ids);
  return cardinality(v_band_ids);
end;
$$;

comment on function medley.refresh_band_styles() is
  'Job: styles of all bands, after another model of audio vectors came into use. Returns how many bands.';
revoke all on function medley.refresh_band_styles() from public, anon, authenticated, service_role;

-- No SET: it inlines. One filter for both ways of searching; a test compares it with may_list.
create or replace function medley.may_play(
  p_item medley.items,
  p_kinds text[],
  p_genre_id uuid,
  p_skip int[],
  p_user_id uuid,
  p_hidden uuid[],
  p_as_of timestamptz
)
returns boolean
language sql stable parallel safe security invoker
return (p_item).kind = any(p_kinds)
and (p_item).published_at <= p_as_of
and ((p_item).expires_at is null or (p_item).expires_at > p_as_of)
and (p_item).item_no <> all(p_skip)
and (
  p_genre_id is null
  or (select true from public.item_genres as g where g.item_id = (p_item).id and g.genre_id = p_genre_id) is not null
)
and (
  (p_item).visibility = 'public' and ((p_item).owner_id is null or (p_item).owner_id <> all(p_hidden))
  or (p_item).owner_id = p_user_id
  or (p_item).visibility = 'followers' and medley.may_list(p_user_id, (p_item).id, (p_item).owner_id)
);

comment on function medley.may_play(medley.items, text[], uuid, int[], uuid, uuid[], timestamptz) is
  'Whether an item may stand on a page of what sounds alike: of these kinds, of the genre (null: any), not among p_skip, '
  'published, visible to the member (null: nobody is signed in), and not of p_hidden, whom avoided_members of the member names.';
revoke all on function medley.may_play(medley.items, text[], uuid, int[], uuid, uuid[], timestamptz)
from public, anon, authenticated, service_role;

create or replace function medley.nearest_by_index(
  p_vector extensions.vector,
  p_kinds text[],
  p_genre_id uuid,
  p_skip int[],
  p_after double precision,
  p_after_no int,
  p_user_id uuid,
  p_limit int,
  p_as_of timestamptz
)
returns table (item_no int, distance double precision)
language plpgsql stable parallel safe security definer rows 20
set search_path = '' set plan_cache_mode = force_custom_plan
-- The index alone gives this order without reading every vector; costs do not know that vectors lie out of line.
set enable_sort = off set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off
set hnsw.iterative_scan = relaxed_order set hnsw.ef_search = 200 set hnsw.max_scan_tuples = 20000 -- noqa: PRS
as $$
declare
  v_model text := medley.audio_model();
  v_hidden uuid[] := (select a.blocked || a.muted from medley.avoided_members(p_user_id) as a);
begin
  return query
  select e.item_no, e.embedding_768 operator(extensions.<=>) p_vector
  from medley.content_embeddings as e
  inner join medley.items as i on i.item_no = e.item_no
  where e.embedding_768 is not null
    and e.embedding_type = 'audio'
    and e.model_version = v_model
    and (
      p_after is null
      or ((e.embedding_768 operator(extensions.<=>) p_vector), e.item_no) > (p_after, p_after_no)
    )
    and medley.may_play(i, p_kinds, p_genre_id, p_skip, p_user_id, v_hidden, p_as_of)
  order by e.embedding_768 operator(extensions.<=>) p_vector
  limit p_limit;
end;
$$;

comment on function medley.nearest_by_index(
  extensions.vector, text[], uuid, int[], double precision, int, uuid, int, timestamptz
) is 'Up to p_limit items about nearest to a vector, by the index; see nearest_items.';
revoke all on function medley.nearest_by_index(
  extensions.vector, text[], uuid, int[], double precision, int, uuid, int, timestamptz
) from public, anon, authenticated, service_role;

create or replace function medley.nearest_exactly(
  p_vector extensions.vector,
  p_kinds text[],
  p_genre_id uuid,
  p_skip int[],
  p_after double precision,
  p_after_no int,
  p_user_id uuid,
  p_limit int,
  p_as_of timestamptz
)
returns table (item_no int, distance double precision)
language plpgsql stable parallel safe security definer rows 20
set search_path = '' set plan_cache_mode = force_custom_plan
as $$
declare
  v_model text := medley.audio_model();
  v_hidden uuid[] := (select a.blocked || a.muted from medley.avoided_members(p_user_id) as a);
begin
  return query
  with candidate as (
    select i.*
    from medley.items as i
    where p_genre_id is null
      and i.kind = any(p_kinds)
      and i.visibility <> 'private'
      and medley.may_play(i, p_kinds, null, p_skip, p_user_id, v_hidden, p_as_of)
    union all
    select i.*
    from medley.items as i
    where p_genre_id is null
      and i.owner_id = p_user_id
      and i.visibility = 'private'
      and medley.may_play(i, p_kinds, null, p_skip, p_user_id, v_hidden, p_as_of)
    union all
    select i.*
    from public.item_genres as g
    inner join medley.items as i on i.id = g.item_id
    where g.genre_id = p_genre_id and medley.may_play(i, p_kinds, null, p_skip, p_user_id, v_hidden, p_as_of)
  )

  select n.item_no, n.distance
  from (
    select c.item_no, e.embedding_768 operator(extensions.<=>) p_vector as distance
    from candidate as c
    inner join medley.content_embeddings as e
      on e.item_no = c.item_no and e.embedding_type = 'audio' and e.model_version = v_model
    offset 0
  ) as n
  where p_after is null or (n.distance, n.item_no) > (p_after, p_after_no)
  order by n.distance, n.item_no
  limit p_limit;
end;
$$;

comment on function medley.nearest_exactly(
  extensions.vector, text[], uuid, int[], double precision, int, uuid, int, timestamptz
) is 'The p_limit items nearest to a vector, each compared; see nearest_items.';
revoke all on function medley.nearest_exactly(
  extensions.vector, text[], uuid, int[], double precision, int, uuid, int, timestamptz
) from public, anon, authenticated, service_role;

create or replace function medley.nearest_items(
  p_vector extensions.vector,
  p_kinds text[],
  p_genre_id uuid,
  p_skip int[],
  p_after double precision,
  p_after_no int,
  p_user_id uuid,
  p_limit int,
  p_as_of timestamptz
)
returns table (item_no int, distance double precision)
language plpgsql stable parallel safe security definer rows 20
set search_path = '' set plan_cache_mode = force_custom_plan set enable_seqscan = off
as $$
declare
  v_exact int := medley.setting('studio.exact_vectors');
  v_few boolean := case
    when p_genre_id is null then (
      select count(*)
      from (
        select from medley.items as i where i.kind = any(p_kinds) and i.visibility <> 'private' limit v_exact + 1
      ) as f
    )
    else (
      select count(*) from (select from public.item_genres as g where g.genre_id = p_genre_id limit v_exact + 1) as f
    )
  end <= v_exact;
  v_nos int[];
  v_distances double precision[];
begin
  if not v_few then
    select array_agg(n.item_no), array_agg(n.distance) into v_nos, v_distances
    from medley.nearest_by_index(
      -- The first that come are not quite the nearest: the best half of twice as many is nearer to it.
      p_vector, p_kinds, p_genre_id, p_skip, p_after, p_after_no, p_user_id, 2 * p_limit, p_as_of
    ) as n;
    if cardinality(v_nos) >= p_limit then
      return query
      select n.item_no, n.distance
      from unnest(v_nos, v_distances) as n (item_no, distance)
      order by n.distance, n.item_no
      limit p_limit;
      return;
    end if;
  end if;
  return query
  select n.item_no, n.distance
  from medley.nearest_exactly(
    p_vector, p_kinds, p_genre_id, p_skip, p_after, p_after_no, p_user_id, p_limit, p_as_of
  ) as n;
end;
$$;

comment on function medley.nearest_items(
  extensions.vector, text[], uuid, int[], double precision, int, uuid, int, timestamptz
) is
  'The p_limit items whose audio vectors are nearest to p_vector by cosine, nearest first, after a distance and number: of '
  'these kinds, of the genre p_genre_id (null: any), without p_skip, visible to the member. The page is full whenever there '
  'is enough to fill it: where the index gives less, or no more than studio.exact_vectors items are listed or have the '
  'genre, each candidate is compared.';
revoke all on function medley.nearest_items(
  extensions.vector, text[], uuid, int[], double precision, int, uuid, int, timestamptz
) from public, anon, authenticated, service_role;

create or replace function medley.audio_page(
  p_query text,
  p_vector extensions.vector,
  p_kind text,
  p_genre text,
  p_skip int[],
  p_user_id uuid,
  p_limit int,
  p_cursor text,
  p_as_of timestamptz
)
returns table (item_id uuid, kind text, title text, similarity real, next_cursor text)
language plpgsql stable parallel safe security definer set search_path = ''
as $$
declare
  v_limit int := medley.check_limit(p_limit);
  v_query text := p_query || ':' || md5(row(p_kind, p_genre)::text);
  v_after double precision;
  v_after_no int;
  v_genre_id uuid;
begin
  if p_kind is not null and p_kind not in ('track', 'recording') then
    perform medley.fail('invalid_argument', format('kind %s has no sound', left(p_kind, 100)), 'p_kind',
      'Pass track or recording, or leave it out for both.');
  end if;
  begin
    select (c.p ->> 'distance')::double precision, (c.p ->> 'item_no')::int into v_after, v_after_no
    from medley.decode_cursor(p_cursor, v_query) as c (p);
    if p_cursor is not null and num_nulls(v_after, v_after_no) > 0 then
      perform medley.fail('invalid_cursor', 'the cursor is damaged', 'p_cursor', 'Start again without a cursor.');
    end if;
  exception
    when data_exception then
      perform medley.fail('invalid_cursor', 'the cursor is damaged', 'p_cursor', 'Start again without a cursor.');
  end;
  if p_genre is not null then
    select g.id into v_genre_id
    from public.genres as g
    where g.normalized_key = (
      select coalesce(max(a.genre_key), max(k.key))
      from (select public.normalize_genre_key(p_genre) as key) as k
      left join medley.genre_aliases as a on a.alias_key = k.key
    );
    if not found then
      perform medley.fail('not_found', format('there is no genre %s', left(p_genre, 100)), 'p_genre', 'See get_genre_tree.');
    end if;
  end if;

  return query
  select
    i.id,
    i.kind,
    i.title,
    (1 - n.distance)::real,
    case
      when n.places > v_limit
        then medley.encode_cursor(v_query, jsonb_build_object('distance', n.last_distance, 'item_no', n.last_no))
    end
  from (
    select
      a.item_no,
      a.distance,
      a.place,
      count(*) over () as places,
      max(a.distance) filter (where a.place = v_limit) over () as last_distance,
      max(a.item_no) filter (where a.place = v_limit) over () as last_no
    from medley.nearest_items(
      p_vector, case when p_kind is null then array['track', 'recording'] else array[p_kind] end, v_genre_id, p_skip,
      v_after, v_after_no, p_user_id, v_limit + 1, p_as_of
    ) with ordinality as a (item_no, distance, place)
  ) as n
  inner join medley.items as i on i.item_no = n.item_no
  where n.place <= v_limit
  order by n.place;
end;
$$;

comment on function medley.audio_page(
  text, extensions.vector, text, text, int[], uuid, int, text, timestamptz
) is
  'A page of what sounds like p_vector, with the cursor of the query p_query. '
  'Errors: invalid_argument, invalid_cursor, not_found (genre).';
revoke all on function medley.audio_page(
  text, extensions.vector, text, text, int[], uuid, int, text, timestamptz
) from public, anon, authenticated, service_role;

create or replace function medley.open_audio_item(p_item_id uuid, p_user_id uuid)
returns int
language plpgsql stable parallel safe security definer set search_path = ''
as $$
declare
  v_item_no int := (
    select i.item_no
    from medley.items as i
    where i.id = p_item_id and i.kind in ('track', 'recording') and medley.visible_to(p_user_id, i.id)
  );
begin
  if v_item_no is null then
    perform medley.fail('not_found', format('nothing visible has the id %s', p_item_id), 'p_track_id',
      'Pass the id of a track or recording that you see.');
  end if;
  return v_item_no;
end;
$$;

comment on function medley.open_audio_item(uuid, uuid) is
  'The number of a track or recording that the member sees. Errors: not_found.';
revoke all on function medley.open_audio_item(uuid, uuid) from public, anon, authenticated, service_role;

create or replace function medley.get_similar_tracks(
  p_track_id uuid,
  p_kind text,
  p_genre text,
  p_limit int,
  p_cursor text,
  p_user_id uuid,
  p_as_of timestamptz
)
returns table (item_id uuid, kind text, title text, similarity real, next_cursor text)
language plpgsql stable parallel safe security definer set search_path = ''
as $$
declare
  -- Anybody may listen to what is public.
  v_user_id uuid := medley.reading_user(p_user_id);
  v_item_no int := medley.open_audio_item(p_track_id, v_user_id);
  v_vector extensions.vector := medley.audio_vector(p_track_id);
begin
  if v_vector is null then
    perform medley.check_limit(p_limit);
    return;
  end if;
  return query
  select a.item_id, a.kind, a.title, a.similarity, a.next_cursor
  from medley.audio_page(
    'similar_tracks:' || p_track_id, v_vector, p_kind, p_genre, array[v_item_no], v_user_id, p_limit, p_cursor, p_as_of
  ) as a;
end;
$$;

comment on function medley.get_similar_tracks(uuid, text, text, int, text, uuid, timestamptz) is
  'What sounds like a track at p_as_of; see public.get_similar_tracks. '
  'Errors: those of acting_user, not_found, invalid_argument, invalid_cursor.';
revoke all on function medley.get_similar_tracks(uuid, text, text, int, text, uuid, timestamptz)
from public, anon, authenticated, service_role;
grant execute on function medley.get_similar_tracks(uuid, text, text, int, text, uuid, timestamptz)
to anon, authenticated, service_role;

create or replace function medley.match_tracks(
  p_embedding real[],
  p_kind text,
  p_genre text,
  p_limit int,
  p_cursor text,
  p_user_id uuid,
  p_as_of timestamptz
)
returns table (item_id uuid, kind text, title text, similarity real, next_cursor text)
language plpgsql stable parallel safe security definer set search_path = ''
as $$
declare
  -- Anybody may listen to what is public.
  v_user_id uuid := medley.reading_user(p_user_id);
  v_vector extensions.vector := medley.to_audio_vector(p_embedding);
begin
  return query
  select a.item_id, a.kind, a.title, a.similarity, a.next_cursor
  from medley.audio_page(
    'match_tracks:' || md5(p_embedding::text), v_vector, p_kind, p_genre, '{}', v_user_id, p_limit, p_cursor, p_as_of
  ) as a;
end;
$$;

comment on function medley.match_tracks(real[], text, text, int, text, uuid, timestamptz) is
  'What sounds like a vector at p_as_of; see public.match_tracks. '
  'Errors: those of acting_user and to_audio_vector, not_found, invalid_argument, invalid_cursor.';
revoke all on function medley.match_tracks(real[], text, text, int, text, uuid, timestamptz)
from public, anon, authenticated, service_role;
grant execute on function medley.match_tracks(real[], text, text, int, text, uuid, timestamptz)
to anon, authenticated, service_role;

create or replace function medley.get_radio(
  p_track_id uuid,
  p_kind text,
  p_limit int,
  p_cursor text,
  p_user_id uuid,
  p_as_of timestamptz
)
returns table (item_id uuid, kind text, title text, similarity real, next_cursor text)
language plpgsql stable parallel safe security definer set search_path = ''
as $$
declare
  -- Anybody may listen to what is public.
  v_user_id uuid := medley.reading_user(p_user_id);
  v_user_no int := medley.member_no(v_user_id);
  v_item_no int := medley.open_audio_item(p_track_id, v_user_id);
  v_vector extensions.vector := medley.audio_vector(p_track_id);
  v_taste extensions.vector := medley.audio_taste(v_user_no, p_as_of);
  v_rejected int[] := array(
    select a.item_no
    from medley.affinities as a
    where a.user_no = v_user_no
    group by a.item_no
    having max(a.negative_at) >= coalesce(max(a.positive_at), '-infinity')
    order by max(a.negative_at) desc
    limit 500
  );
begin
  if v_vector is null then
    perform medley.check_limit(p_limit);
    return;
  end if;
  -- The distance to the seed decides what is on the page, and so nothing ever comes twice; within the page what is more to
  -- the member's taste comes first.
  return query
  select a.item_id, a.kind, a.title, a.similarity, a.next_cursor
  from medley.audio_page(
    'radio:' || p_track_id, v_vector, p_kind, null, v_item_no || v_rejected, v_user_id, p_limit, p_cursor, p_as_of
  ) with ordinality as a (item_id, kind, title, similarity, next_cursor, place)
  order by
    case when v_taste is null then 0 else medley.audio_vector(a.item_id) operator(extensions.<=>) v_taste end,
    a.place;
end;
$$;

comment on function medley.get_radio(uuid, text, int, text, uuid, timestamptz) is
  'A radio that begins with a track; see public.get_radio. '
  'Errors: those of acting_user, not_found, invalid_argument, invalid_cursor.';
revoke all on function medley.get_radio(uuid, text, int, text, uuid, timestamptz)
from public, anon, authenticated, service_role;
grant execute on function medley.get_radio(uuid, text, int, text, uuid, timestamptz) to anon, authenticated, service_role;

create or replace function medley.get_similar_bands(p_band_id uuid, p_limit int, p_user_id uuid)
returns table (band_id uuid, name text, similarity real)
language plpgsql stable parallel safe security definer
set search_path = '' set plan_cache_mode = force_custom_plan
set hnsw.iterative_scan = strict_order -- noqa: PRS
as $$
declare
  -- Anybody may listen to what is public.
  v_user_id uuid := medley.reading_user(p_user_id);
  v_limit int := medley.check_limit(p_limit);
  v_style extensions.vector;
begin
  select b.style_vector into v_style
  from public.bands as b
  where b.id = p_band_id and medley.visible_to(v_user_id, b.id);
  if not found then
    perform medley.fail('not_found', format('no band %s', p_band_id), 'p_band_id', 'Pass the id of a band that you see.');
  end if;

  return query
  select b.id, b.name, (1 - (b.style_vector operator(extensions.<=>) v_style))::real
  from public.bands as b
  where b.style_vector is not null
    and v_style is not null
    and b.id <> p_band_id
    and (b.user_id = v_user_id or b.is_public and medley.may_list(v_user_id, b.id, b.user_id))
  order by b.style_vector operator(extensions.<=>) v_style
  limit v_limit;
end;
$$;

comment on function medley.get_similar_bands(uuid, int, uuid) is
  'Bands whose style is nearest; see public.get_similar_bands. Errors: those of acting_user, not_found, invalid_argument.';
revoke all on function medley.get_similar_bands(uuid, int, uuid) from public, anon, authenticated, service_role;
grant execute on function medley.get_similar_bands(uuid, int, uuid) to anon, authenticated, service_role;
