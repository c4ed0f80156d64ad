-- Made from sql/packs/screen by `make migrations`; edit that, not this.

-- sql/packs/screen/tables.sql
-- Films and series: titles, who made them, and where they can be seen.
-- The catalogue is written with the secret key (or by loaders); everybody reads it.
insert into medley.item_kinds (kind, in_genre_statistics, description)
values
  ('movie', true, 'A film.'),
  ('tv', true, 'A series.'),
  ('episode', false, 'An episode of a series.'),
  ('trailer', false, 'A trailer of a film or series.');

create table public.titles (
  id uuid primary key default gen_random_uuid()
  references medley.items (id) on delete cascade deferrable initially deferred,
  kind text not null check (kind in ('movie', 'tv', 'episode', 'trailer')),
  title text not null check (length(title) between 1 and 500),
  original_title text check (length(original_title) between 1 and 500),
  overview text check (length(overview) <= 20000),
  year smallint check (year between 1850 and 2200),
  released_on date check (extract(year from released_on) between 1850 and 2200),
  released_at timestamptz generated always as (
    (coalesce(released_on, make_date(year, 1, 1))::timestamp) at time zone 'UTC'
  ) stored,
  runtime_minutes int check (runtime_minutes between 0 and 100000),
  genres text[] not null default '{}' check (cardinality(genres) <= 100),
  keywords text[] not null default '{}' check (cardinality(keywords) <= 500),
  parent_id uuid references public.titles (id) on delete cascade,
  season smallint check (season >= 0),
  episode smallint check (episode >= 0),
  language text check (length(language) <= 100),
  country text check (length(country) <= 100),
  imdb_id text unique check (imdb_id ~ '^tt[0-9]{7,10}$'),
  tmdb_id int check (tmdb_id > 0),
  poster_url text check (length(poster_url) <= 2000),
  vote_average real check (vote_average between 0 and 10),
  vote_count int check (vote_count >= 0),
  source text not null default 'app',
  external_id text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (source, external_id),
  unique (tmdb_id, kind),
  constraint titles_parts_have_a_parent check (kind in ('episode', 'trailer') or parent_id is null),
  constraint titles_no_own_parent check (parent_id <> id)
);
create index titles_parent_idx on public.titles (parent_id, season, episode) where parent_id is not null;

comment on table public.titles is 'Films, series, their episodes and trailers.';
comment on column public.titles.id is 'The title, an item of its kind.';
comment on column public.titles.kind is 'movie, tv, episode or trailer; it never changes.';
comment on column public.titles.title is 'Title as shown.';
comment on column public.titles.original_title is 'Title in the original language, where it differs.';
comment on column public.titles.overview is 'What it is about.';
comment on column public.titles.year is 'Year of the first release, as the source gave it.';
comment on column public.titles.released_on is 'Day of the first release, where known.';
comment on column public.titles.released_at is 'That day, or the first of the year, in UTC: when the item counts as published.';
comment on column public.titles.runtime_minutes is 'How long it takes.';
comment on column public.titles.genres is 'Raw genre names as the source gave them; item_genres follows by trigger.';
comment on column public.titles.keywords is 'What it deals with, in words; features of the engine.';
comment on column public.titles.parent_id is 'The series of an episode; the film or series of a trailer.';
comment on column public.titles.season is 'Season of an episode; 0 for specials.';
comment on column public.titles.episode is 'Number within the season.';
comment on column public.titles.language is 'Original language, in one spelling per project (an ISO code, say).';
comment on column public.titles.country is 'Where it was made, in one spelling per project.';
comment on column public.titles.imdb_id is 'Id at IMDb, such as tt0114709.';
comment on column public.titles.tmdb_id is 'Id at TMDB, which numbers each kind on its own.';
comment on column public.titles.poster_url is 'Address of a picture.';
comment on column public.titles.vote_average is 'What voters elsewhere give it, 0 to 10.';
comment on column public.titles.vote_count is 'How many voted.';
comment on column public.titles.source is 'Where the row came from.';
comment on column public.titles.external_id is 'The id in that source.';
comment on column public.titles.created_at is 'When the row was made.';
comment on column public.titles.updated_at is 'When the row last changed.';

create table public.people (
  id uuid primary key default gen_random_uuid(),
  name text not null check (length(name) between 1 and 300),
  image_url text check (length(image_url) <= 2000),
  source text not null default 'app',
  external_id text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (source, external_id)
);

comment on table public.people is 'Who acts in titles, and who makes them.';
comment on column public.people.id is 'The person.';
comment on column public.people.name is 'Name as credited.';
comment on column public.people.image_url is 'Address of a picture.';
comment on column public.people.source is 'Where the row came from.';
comment on column public.people.external_id is 'The id in that source.';
comment on column public.people.created_at is 'When the row was made.';
comment on column public.people.updated_at is 'When the row last changed.';

create table public.title_credits (
  title_id uuid not null references public.titles (id) on delete cascade,
  person_id uuid not null references public.people (id) on delete cascade,
  role text not null check (role in ('cast', 'director', 'writer', 'creator', 'producer', 'composer')),
  position smallint not null default 1 check (position >= 1),
  character text check (length(character) <= 500),
  primary key (title_id, person_id, role)
);
create index title_credits_person_idx on public.title_credits (person_id);

comment on table public.title_credits is 'Who did what for a title.';
comment on column public.title_credits.title_id is 'The title.';
comment on column public.title_credits.person_id is 'The person.';
comment on column public.title_credits.role is 'cast, director, writer, creator, producer or composer.';
comment on column public.title_credits.position is '1 is the first name of that role.';
comment on column public.title_credits.character is 'Who the person plays.';

create table public.platforms (
  id text primary key check (id ~ '^[a-z0-9][a-z0-9_-]{0,49}$'),
  name text not null check (length(name) between 1 and 200),
  home_url text check (length(home_url) <= 2000),
  created_at timestamptz not null default now()
);

comment on table public.platforms is 'Where titles can be seen: streaming services, channels, cinemas.';
comment on column public.platforms.id is
  'Short name, such as netflix: what engagements, subscriptions and availability carry.';
comment on column public.platforms.name is 'Name as people know it.';
comment on column public.platforms.home_url is 'Address of the platform.';
comment on column public.platforms.created_at is 'When the row was made.';

create table public.title_platforms (
  offer_no bigint primary key generated always as identity,
  title_id uuid not null references public.titles (id) on delete cascade,
  platform_id text not null references public.platforms (id) on delete cascade,
  country text not null default '' check (country ~ '^([A-Z]{2})?$'),
  available_from timestamptz check (isfinite(available_from)),
  available_until timestamptz check (isfinite(available_until)),
  url text check (length(url) <= 2000),
  changes_at timestamptz,
  constraint title_platforms_once unique nulls not distinct (title_id, platform_id, country, available_from),
  constraint title_platforms_ends_after_start check (available_until > available_from)
);
create index title_platforms_platform_idx on public.title_platforms (platform_id);
create index title_platforms_changes_idx on public.title_platforms (changes_at) where changes_at is not null;

comment on table public.title_platforms is 'Where a title can be seen, by country and time; each window is a row.';
comment on column public.title_platforms.offer_no is 'The offer.';
comment on column public.title_platforms.title_id is 'The title.';
comment on column public.title_platforms.platform_id is 'The platform.';
comment on column public.title_platforms.country is 'The country as two capital letters (ISO 3166); empty for everywhere.';
comment on column public.title_platforms.available_from is 'From when; null for ever since.';
comment on column public.title_platforms.available_until is 'Until when, that moment excluded; null for good.';
comment on column public.title_platforms.url is 'Where to watch it.';
comment on column public.title_platforms.changes_at is
  'When the offer next begins or ends: kept by trigger, so that the job follow_title_platforms need not look at the others.';

-- sql/packs/screen/genres.sql
-- Titles are items, and their raw genre arrays drive their links in item_genres.
insert into medley.genre_aliases (alias_key, genre_key)
values ('sci fi', 'science fiction'), ('scifi', 'science fiction')
on conflict do nothing;

create trigger titles_1_register_insert
after insert on public.titles referencing new table as new_rows
for each statement execute function medley.register_catalogue_rows('', 'title', '', 'released_at', '');
create trigger titles_1_register_update
after update on public.titles referencing new table as new_rows
for each statement execute function medley.register_catalogue_rows('', 'title', '', 'released_at', '');
create trigger titles_1_unregister
after delete on public.titles referencing old table as old_rows
for each statement execute function medley.unregister_catalogue_rows();
create trigger titles_2_genres_insert
after insert on public.titles referencing new table as new_rows
for each statement execute function medley.sync_genres_of_rows();
create trigger titles_2_genres_update
after update on public.titles referencing old table as old_rows new table as new_rows
for each statement execute function medley.sync_genres_of_rows();
create trigger titles_updated_at
before update on public.titles
for each row execute function medley.set_updated_at();

create trigger people_updated_at
before update on public.people
for each row execute function medley.set_updated_at();

-- sql/packs/screen/features.sql
-- What the engine knows of titles besides their genres: who made them, what they deal with, where they can be seen.
insert into medley.feature_types (feature_type, weight, is_creator, description)
values
  ('director', 1.5, true, 'Who directed it, by name.'),
  ('creator', 1.5, true, 'Who created the series, by name.'),
  ('cast', 1, false, 'Who acts in it, by name; the first names weigh most.'),
  ('writer', 0.7, false, 'Who wrote it, by name.'),
  ('composer', 0.5, false, 'Who wrote the music, by name.'),
  ('producer', 0.3, false, 'Who produced it, by name.'),
  ('keyword', 1, false, 'What it deals with, or what members call it; lower case.'),
  ('series', 2, false, 'The film or series that it is a part of, by id; the series has it too.'),
  ('platform', 0.2, false, 'Where it can be seen now.'),
  ('language', 0.3, false, 'Original language.'),
  ('country', 0.3, false, 'Where it comes from, or where it happens.'),
  ('decade', 0.3, false, 'The ten years of its first release, such as 1990s.')
on conflict (feature_type) do nothing;

-- No SET: it inlines into the queries of definer functions, which alone may run it.
create or replace function medley.title_feature_rows(p_title_ids uuid[], p_as_of timestamptz)
returns table (title_id uuid, feature_type text, feature_value text, weight real)
language sql stable parallel safe security invoker
begin atomic
  with titles as (
    select
      t.id,
      t.keywords,
      t.language,
      t.country,
      coalesce(t.year, extract(year from t.released_on))::int / 10 * 10 as decade,
      case
        when t.parent_id is not null then t.parent_id
        when exists (select from public.titles as p where p.parent_id = t.id) then t.id
      end as series_id
    from unnest(p_title_ids) as w (id)
    inner join public.titles as t on t.id = w.id
  ),

  named as (
    select t.id, f.feature_type, f.feature_value, 1::real as weight
    from titles as t
    cross join lateral (
      values
        ('language', t.language), ('country', t.country), ('decade', t.decade || 's'), ('series', t.series_id::text)
    ) as f (feature_type, feature_value)
    union all
    select t.id, 'keyword', lower(k.keyword), 1
    from titles as t
    cross join lateral unnest(t.keywords) as k (keyword)
    union all
    select c.title_id, c.role, p.name, 1 / sqrt(c.position)
    from titles as t
    inner join public.title_credits as c on c.title_id = t.id
    inner join public.people as p on p.id = c.person_id
    union all
    select o.title_id, 'platform', o.platform_id, 1
    from titles as t
    inner join public.title_platforms as o on o.title_id = t.id
    where (o.available_from is null or o.available_from <= p_as_of)
      and (o.available_until is null or o.available_until > p_as_of)
  )

  select n.id, n.feature_type, left(btrim(n.feature_value), 200), max(n.weight)
  from named as n
  where btrim(n.feature_value) <> ''
  group by n.id, n.feature_type, left(btrim(n.feature_value), 200);
end;

comment on function medley.title_feature_rows(uuid[], timestamptz) is
  'The features that these titles have at p_as_of, genres left out: those follow item_genres.';
revoke all on function medley.title_feature_rows(uuid[], timestamptz) from public, anon, authenticated, service_role;

create or replace function medley.registered_titles(p_title_ids uuid[])
returns table (id uuid)
language sql stable parallel safe security invoker
begin atomic
  select distinct t.id
  from unnest(p_title_ids) as w (id)
  inner join public.titles as t on t.id = w.id
  inner join medley.items as i on i.id = t.id;
end;

comment on function medley.registered_titles(uuid[]) is
  'Those of these titles that are there, each once: one that is being deleted has nothing to keep.';
revoke all on function medley.registered_titles(uuid[]) from public, anon, authenticated, service_role;

-- One title or ten thousand: each call is planned for its own array.
create or replace function medley.refresh_title_features(p_title_ids uuid[], p_as_of timestamptz)
returns bigint
language plpgsql volatile parallel unsafe security definer
set search_path = '' set plan_cache_mode = force_custom_plan
as $$
declare
  v_title_ids uuid[] := array(select r.id from medley.registered_titles(p_title_ids) as r);
  v_items uuid[];
  v_types text[];
  v_values text[];
  v_weights real[];
begin
  if v_title_ids = '{}' then
    return 0;
  end if;
  -- The dictionary before the items: locks are taken in one order everywhere.
  perform medley.ensure_features(array_agg(r.feature_type), array_agg(r.feature_value))
  from medley.title_feature_rows(v_title_ids, p_as_of) as r;
  -- Two sessions that write credits of one title: the second waits here and then sees what the first wrote.
  perform medley.lock_items(v_title_ids);
  select array_agg(r.title_id), array_agg(r.feature_type), array_agg(r.feature_value), array_agg(r.weight)
  into v_items, v_types, v_values, v_weights
  from medley.title_feature_rows(v_title_ids, p_as_of) as r;
  return medley.replace_item_features(
    'screen', v_title_ids, coalesce(v_items, '{}'), coalesce(v_types, '{}'), coalesce(v_values, '{}'),
    coalesce(v_weights, '{}')
  );
end;
$$;

comment on function medley.refresh_title_features(uuid[], timestamptz) is
  'Makes the features of these titles equal to what the catalogue says at p_as_of. '
  'Returns what replace_item_features returns.';
revoke all on function medley.refresh_title_features(uuid[], timestamptz)
from public, anon, authenticated, service_role;

create or replace function medley.refresh_title_availability(p_title_ids uuid[])
returns bigint
language plpgsql volatile parallel unsafe security definer
set search_path = '' set plan_cache_mode = force_custom_plan
as $$
declare
  v_title_ids uuid[] := array(select r.id from medley.registered_titles(p_title_ids) as r);
  v_items uuid[];
  v_platforms text[];
  v_countries text[];
  v_from timestamptz[];
  v_until timestamptz[];
begin
  if v_title_ids = '{}' then
    return 0;
  end if;
  perform medley.lock_items(v_title_ids);
  select
    array_agg(o.title_id), array_agg(o.platform_id), array_agg(o.country),
    array_agg(coalesce(o.available_from, '-infinity')), array_agg(coalesce(o.available_until, 'infinity'))
  into v_items, v_platforms, v_countries, v_from, v_until
  from unnest(v_title_ids) as w (id)
  inner join public.title_platforms as o on o.title_id = w.id;
  return medley.replace_item_availability(
    v_title_ids, coalesce(v_items, '{}'), coalesce(v_platforms, '{}'), coalesce(v_countries, '{}'),
    coalesce(v_from, '{}'), coalesce(v_until, '{}')
  );
end;
$$;

comment on function medley.refresh_title_availability(uuid[]) is
  'Makes the availability of these titles equal to their offers. '
  'Returns what replace_item_availability returns.';
revoke all on function medley.refresh_title_availability(uuid[]) from public, anon, authenticated, service_role;

create or replace function medley.follow_titles()
returns trigger
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_title_ids uuid[];
begin
  -- A part gives the feature series to its parent.
  if tg_op = 'INSERT' then
    select array_agg(c.id) into v_title_ids
    from (select n.id from new_rows as n union select n.parent_id from new_rows as n) as c;
  elsif tg_op = 'DELETE' then
    select array_agg(distinct o.parent_id) into v_title_ids from old_rows as o;
  else
    select array_agg(distinct c.id) into v_title_ids
    from new_rows as n
    inner join old_rows as o on o.id = n.id
    cross join lateral (values (n.id), (n.parent_id), (o.parent_id)) as c (id)
    where (n.keywords, n.language, n.country, n.year, n.released_on, n.parent_id)
      is distinct from (o.keywords, o.language, o.country, o.year, o.released_on, o.parent_id);
  end if;
  perform medley.refresh_title_features(v_title_ids, now());
  return null;
end;
$$;

comment on function medley.follow_titles() is 'Statement trigger with transition tables: the features of titles follow at once.';
revoke all on function medley.follow_titles() from public, anon, authenticated, service_role;

create or replace function medley.follow_people()
returns trigger
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
begin
  perform medley.refresh_title_features(array_agg(c.title_id), now())
  from new_rows as n
  inner join old_rows as o on o.id = n.id
  inner join public.title_credits as c on c.person_id = n.id
  where n.name <> o.name;
  return null;
end;
$$;

comment on function medley.follow_people() is
  'Statement trigger with transition tables: the features of titles follow when somebody is renamed.';
revoke all on function medley.follow_people() from public, anon, authenticated, service_role;

create or replace function medley.follow_title_links()
returns trigger
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_title_ids uuid[];
begin
  if tg_op = 'INSERT' then
    select array_agg(distinct n.title_id) into v_title_ids from new_rows as n;
  elsif tg_op = 'DELETE' then
    select array_agg(distinct o.title_id) into v_title_ids from old_rows as o;
  else
    select array_agg(c.title_id) into v_title_ids
    from (select n.title_id from new_rows as n union select o.title_id from old_rows as o) as c;
  end if;
  perform medley.refresh_title_features(v_title_ids, now());
  if tg_table_name = 'title_platforms' then
    perform medley.refresh_title_availability(v_title_ids);
  end if;
  return null;
end;
$$;

comment on function medley.follow_title_links() is
  'Statement trigger with transition tables on title_credits and title_platforms: features, and availability, follow at once.';
revoke all on function medley.follow_title_links() from public, anon, authenticated, service_role;

create or replace function medley.set_offer_change()
returns trigger
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
begin
  new.changes_at := case
    when new.available_from > now() then new.available_from
    when new.available_until > now() then new.available_until
  end;
  return new;
end;
$$;

comment on function medley.set_offer_change() is 'Row trigger on title_platforms: changes_at follows the window and the clock.';
revoke all on function medley.set_offer_change() from public, anon, authenticated, service_role;

create or replace function medley.follow_title_platforms(p_limit int)
returns bigint
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_offers bigint;
begin
  -- The triggers do the work: what changes next is set anew, and the titles follow.
  with due as (
    select o.offer_no
    from public.title_platforms as o
    where o.changes_at <= now()
    order by o.changes_at
    limit p_limit
    for update skip locked
  )

  update public.title_platforms as o
  set changes_at = null
  from due as d
  where o.offer_no = d.offer_no;
  get diagnostics v_offers = row_count;
  return v_offers;
end;
$$;

comment on function medley.follow_title_platforms(int) is
  'Brings the features of titles in line with up to p_limit offers that began or ended since. '
  'Returns how many it took; call until that is less than p_limit.';
revoke all on function medley.follow_title_platforms(int) from public, anon, authenticated, service_role;

create trigger titles_3_features_insert
after insert on public.titles referencing new table as new_rows
for each statement execute function medley.follow_titles();
create trigger titles_3_features_update
after update on public.titles referencing old table as old_rows new table as new_rows
for each statement execute function medley.follow_titles();
create trigger titles_3_features_delete
after delete on public.titles referencing old table as old_rows
for each statement execute function medley.follow_titles();
create trigger people_features_update
after update on public.people referencing old table as old_rows new table as new_rows
for each statement execute function medley.follow_people();
create trigger title_credits_features_insert
after insert on public.title_credits referencing new table as new_rows
for each statement execute function medley.follow_title_links();
create trigger title_credits_features_update
after update on public.title_credits referencing old table as old_rows new table as new_rows
for each statement execute function medley.follow_title_links();
create trigger title_credits_features_delete
after delete on public.title_credits referencing old table as old_rows
for each statement execute function medley.follow_title_links();
create trigger title_platforms_changes
before insert or update on public.title_platforms
for each row execute function medley.set_offer_change();
create trigger title_platforms_features_insert
after insert on public.title_platforms referencing new table as new_rows
for each statement execute function medley.follow_title_links();
create trigger title_platforms_features_update
after update on public.title_platforms referencing old table as old_rows new table as new_rows
for each statement execute function medley.follow_title_links();
create trigger title_platforms_features_delete
after delete on public.title_platforms referencing old table as old_rows
for each statement execute function medley.follow_title_links();

-- sql/packs/screen/views.sql
-- What can be seen now, and the genre links of titles under the name of the field.
create view public.titles_genres with (security_invoker = true, check_option = 'local') as
select
  g.item_id as title_id,
  g.genre_id,
  g.created_at
from public.item_genres as g
where exists (select from public.titles as t where t.id = g.item_id);

comment on view public.titles_genres is 'The genre links of titles: item_genres under the name of the field. Updatable.';
comment on column public.titles_genres.title_id is 'The title.';
comment on column public.titles_genres.genre_id is 'The genre.';
comment on column public.titles_genres.created_at is 'Since when.';

create view public.available_titles with (security_invoker = true) as
select
  o.title_id,
  t.kind,
  t.title,
  o.platform_id,
  p.name as platform_name,
  o.country,
  o.available_from,
  o.available_until,
  o.url
from public.title_platforms as o
inner join public.titles as t on t.id = o.title_id
inner join public.platforms as p on p.id = o.platform_id
where (o.available_from is null or o.available_from <= now())
  and (o.available_until is null or o.available_until > now());

comment on view public.available_titles is 'What can be seen now, and where: the offers of title_platforms that are open.';
comment on column public.available_titles.title_id is 'The title.';
comment on column public.available_titles.kind is 'movie, tv, episode or trailer.';
comment on column public.available_titles.title is 'Title as shown.';
comment on column public.available_titles.platform_id is 'The platform.';
comment on column public.available_titles.platform_name is 'Its name.';
comment on column public.available_titles.country is 'The country; empty for everywhere.';
comment on column public.available_titles.available_from is 'Since when; null for ever since.';
comment on column public.available_titles.available_until is 'Until when; null for good.';
comment on column public.available_titles.url is 'Where to watch it.';

-- sql/packs/screen/policies.sql
-- Row-level security and grants of the screen pack: a public catalogue that the service writes.
alter table public.titles enable row level security;
revoke all on public.titles from public, anon, authenticated, service_role;
grant select on public.titles to anon, authenticated;
grant select, insert, update, delete on public.titles to service_role;

create policy titles_select on public.titles
for select to anon, authenticated using (medley.visible_to((select auth.uid()), id));

alter table public.people enable row level security;
revoke all on public.people from public, anon, authenticated, service_role;
grant select on public.people to anon, authenticated;
grant select, insert, update, delete on public.people to service_role;

create policy people_select on public.people
for select to anon, authenticated using (true);

alter table public.title_credits enable row level security;
revoke all on public.title_credits from public, anon, authenticated, service_role;
grant select on public.title_credits to anon, authenticated;
grant select, insert, update, delete on public.title_credits to service_role;

create policy title_credits_select on public.title_credits
for select to anon, authenticated using (medley.visible_to((select auth.uid()), title_id));

alter table public.platforms enable row level security;
revoke all on public.platforms from public, anon, authenticated, service_role;
grant select on public.platforms to anon, authenticated;
grant select, insert, update, delete on public.platforms to service_role;

create policy platforms_select on public.platforms
for select to anon, authenticated using (true);

alter table public.title_platforms enable row level security;
revoke all on public.title_platforms from public, anon, authenticated, service_role;
grant select on public.title_platforms to anon, authenticated;
grant select, insert, update, delete on public.title_platforms to service_role;
-- Identity columns need no right on their sequence; a project's defaults may have granted some.
revoke all on sequence public.title_platforms_offer_no_seq from public, anon, authenticated, service_role;

create policy title_platforms_select on public.title_platforms
for select to anon, authenticated using (medley.visible_to((select auth.uid()), title_id));

revoke all on public.titles_genres, public.available_titles from public, anon, authenticated, service_role;
grant select on public.titles_genres to anon, authenticated;
grant select, insert, update, delete on public.titles_genres to service_role;
grant select on public.available_titles to anon, authenticated, service_role;

-- sql/packs/screen/jobs.sql
-- What keeps the screen pack fresh besides its triggers.
insert into medley.jobs (name, schedule, function_name, batch_size, timeout_seconds, description)
values
  (
    'follow_title_platforms', '*/15 * * * *', 'follow_title_platforms', 2000, 900,
    'Lets the platforms of titles follow the clock: offers that began or ended.'
  );
