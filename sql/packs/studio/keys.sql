-- What makes two spellings of a recording the same.
create or replace function medley.recording_key(p_artist text, p_title text)
returns text
language sql immutable parallel safe security invoker set search_path = ''
as $$ select md5(public.normalize_genre_key(p_artist) || E'\n' || public.normalize_genre_key(p_title)) $$;

comment on function medley.recording_key(text, text) is
  'The same for every spelling of an artist and a title: case, runs of spaces, dashes and underscores do not count.';
revoke all on function medley.recording_key(text, text) from public, anon, authenticated, service_role;
-- Generated columns run as whoever writes the row.
grant execute on function medley.recording_key(text, text) to service_role;
