-- Slugs of artists, venues and events, for addresses.
create or replace function medley.fill_slug()
returns trigger
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
begin
  -- The id behind the name: two bands of one name never meet, and a load needs no look-up.
  new.slug := left(medley.genre_slug(lower(to_jsonb(new) ->> tg_argv[0])), 100) || '-' || left(new.id::text, 8);
  return new;
end;
$$;

comment on function medley.fill_slug() is
  'Row trigger: a row that comes without a slug gets one of its name and its id. Argument: the column of the name.';
revoke all on function medley.fill_slug() from public, anon, authenticated, service_role;

create trigger artists_slug
before insert on public.artists
for each row when (new.slug is null) execute function medley.fill_slug('name');
create trigger venues_slug
before insert on public.venues
for each row when (new.slug is null) execute function medley.fill_slug('name');
create trigger events_slug
before insert on public.events
for each row when (new.slug is null) execute function medley.fill_slug('title');
