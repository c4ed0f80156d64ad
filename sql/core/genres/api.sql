-- The API of genres: thin functions over those of the same name in medley.
create or replace function public.upsert_genre(raw_genre text)
returns uuid
language sql volatile parallel unsafe security invoker set search_path = ''
as $$ select medley.upsert_genre(raw_genre) $$;

comment on function public.upsert_genre(text) is
  'The genre of a raw name, made if it is new (secret key only). Safe under concurrency. '
  'Errors: invalid_argument (empty after normalizing, or more than 100 characters).';
revoke all on function public.upsert_genre(text) from public, anon, authenticated, service_role;
grant execute on function public.upsert_genre(text) to service_role;
