-- The API of what sounds alike.
create or replace function public.get_taste_vector(p_user_id uuid default null)
returns table (model_version text, embedding real[])
language sql stable parallel safe security invoker set search_path = ''
as $$
  select r.model_version, r.embedding
  from medley.get_taste_vector(p_user_id, now()) as r
$$;

comment on function public.get_taste_vector(uuid) is
  'What the signed-in member''s taste sounds like: a vector of 768 numbers of unit length, the mean of what the '
  'member likes less a share of what the member rejects, with the last engagement counted; no row where there is '
  'none. p_user_id is for the secret key only. Errors: unauthenticated, forbidden, not_found (the member).';
revoke all on function public.get_taste_vector(uuid) from public, anon, authenticated, service_role;
grant execute on function public.get_taste_vector(uuid) to authenticated, service_role;

create or replace function public.get_similar_tracks(
  p_track_id uuid,
  p_kind text default 'track',
  p_genre text default null,
  p_limit int default 20,
  p_cursor text default null,
  p_user_id uuid default null
)
returns table (item_id uuid, kind text, title text, similarity real, next_cursor text)
language sql stable parallel safe security invoker set search_path = ''
as $$
  select r.item_id, r.kind, r.title, r.similarity, r.next_cursor
  from medley.get_similar_tracks(p_track_id, p_kind, p_genre, p_limit, p_cursor, p_user_id, now()) as r
$$;

comment on function public.get_similar_tracks(uuid, text, text, int, text, uuid) is
  'What sounds like the track (or recording) p_track_id, nearest first: items of kind track or recording (null: '
  'both), of the genre p_genre in any spelling, that the caller may see; at most p_limit (1 to 200). similarity is '
  'the cosine, -1 to 1. No rows where the track has no vector yet. p_user_id is for the secret key only. Errors: '
  'not_found (track or genre), invalid_argument, invalid_cursor.';
revoke all on function public.get_similar_tracks(
  uuid, text, text, int, text, uuid
)
from public, anon, authenticated, service_role;
grant execute on function public.get_similar_tracks(
  uuid, text, text, int, text, uuid
) to anon, authenticated, service_role;

create or replace function public.match_tracks(
  p_embedding real[],
  p_kind text default 'track',
  p_genre text default null,
  p_limit int default 20,
  p_cursor text default null,
  p_user_id uuid default null
)
returns table (item_id uuid, kind text, title text, similarity real, next_cursor text)
language sql stable parallel safe security invoker set search_path = ''
as $$
  select r.item_id, r.kind, r.title, r.similarity, r.next_cursor
  from medley.match_tracks(p_embedding, p_kind, p_genre, p_limit, p_cursor, p_user_id, now()) as r
$$;

comment on function public.match_tracks(real[], text, text, int, text, uuid) is
  'What sounds like the vector p_embedding (768 numbers); as get_similar_tracks. Errors: invalid_argument (wrong '
  'size, NaN, a zero vector), not_found (genre), invalid_cursor.';
revoke all on function public.match_tracks(
  real[], text, text, int, text, uuid
)
from public, anon, authenticated, service_role;
grant execute on function public.match_tracks(
  real[], text, text, int, text, uuid
) to anon, authenticated, service_role;

create or replace function public.get_radio(
  p_track_id uuid,
  p_kind text default 'track',
  p_limit int default 20,
  p_cursor text default null,
  p_user_id uuid default null
)
returns table (item_id uuid, kind text, title text, similarity real, next_cursor text)
language sql stable parallel safe security invoker set search_path = ''
as $$
  select r.item_id, r.kind, r.title, r.similarity, r.next_cursor
  from medley.get_radio(p_track_id, p_kind, p_limit, p_cursor, p_user_id, now()) as r
$$;

comment on function public.get_radio(uuid, text, int, text, uuid) is
  'A radio that begins with the track (or recording) p_track_id: page by page what sounds most like it, each item '
  'once, without what the member rejected; within a page what is nearest to the member''s taste comes first. '
  'p_kind: track or recording (null: both). p_user_id is for the secret key only. Errors: not_found, '
  'invalid_argument, invalid_cursor.';
revoke all on function public.get_radio(uuid, text, int, text, uuid) from public, anon, authenticated, service_role;
grant execute on function public.get_radio(uuid, text, int, text, uuid) to anon, authenticated, service_role;

create or replace function public.get_similar_bands(
  p_band_id uuid,
  p_limit int default 20,
  p_user_id uuid default null
)
returns table (band_id uuid, name text, similarity real)
language sql stable parallel safe security invoker set search_path = ''
as $$
  select r.band_id, r.name, r.similarity
  from medley.get_similar_bands(p_band_id, p_limit, p_user_id) as r
$$;

comment on function public.get_similar_bands(uuid, int, uuid) is
  'Bands whose style is nearest to that of p_band_id and that the caller may see, at most p_limit (1 to 200). '
  'similarity is the cosine. p_user_id is for the secret key only. Errors: not_found, invalid_argument.';
revoke all on function public.get_similar_bands(uuid, int, uuid) from public, anon, authenticated, service_role;
grant execute on function public.get_similar_bands(uuid, int, uuid) to anon, authenticated, service_role;

create or replace function public.set_music_embeddings(p_rows jsonb)
returns bigint
language sql volatile parallel unsafe security invoker set search_path = ''
as $$ select medley.set_music_embeddings(p_rows) $$;

comment on function public.set_music_embeddings(jsonb) is
  'Writes up to 500 rows of the cache music_embeddings (secret key only). p_rows: [{"track_id", "track_name", '
  '"artist", "embedding": [768 numbers], "genre": [names], "source", "model_version" (default: the one in use)}]; a '
  'known track_id is replaced. Recordings of that artist and title get the vector. Returns how many rows were '
  'written. Errors: invalid_argument, too_large.';
revoke all on function public.set_music_embeddings(jsonb) from public, anon, authenticated, service_role;
grant execute on function public.set_music_embeddings(jsonb) to service_role;

create or replace function public.match_music_embeddings(
  p_embedding real[],
  p_genre text default null,
  p_source text default null,
  p_limit int default 20
)
returns table (
  id uuid,
  track_id text,
  track_name text,
  artist text,
  genre text[],
  source text,
  similarity real
)
language sql stable parallel safe security invoker set search_path = ''
as $$
  select r.id, r.track_id, r.track_name, r.artist, r.genre, r.source, r.similarity
  from medley.match_music_embeddings(p_embedding, p_genre, p_source, p_limit) as r
$$;

comment on function public.match_music_embeddings(real[], text, text, int) is
  'What the cache music_embeddings knows that sounds like the vector p_embedding (768 numbers), of the genre and '
  'the source, nearest first, at most p_limit (1 to 200). similarity is the cosine. Errors: invalid_argument.';
revoke all on function public.match_music_embeddings(
  real[], text, text, int
)
from public, anon, authenticated, service_role;
grant execute on function public.match_music_embeddings(real[], text, text, int) to anon, authenticated, service_role;
