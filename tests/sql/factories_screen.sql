-- Ids depend on names only, so that failures are easy to read.
create function tests.title(p_title text) returns uuid language sql immutable as $$ select md5('title ' || p_title)::uuid $$;
create function tests.person(p_name text) returns uuid language sql immutable as $$ select md5('person ' || p_name)::uuid $$;

create function tests.make_title(
  p_title text,
  p_kind text default 'movie',
  p_genres text[] default '{}',
  p_keywords text[] default '{}',
  p_parent text default null
)
returns uuid
language sql security definer set search_path = ''
as $$
  insert into public.titles (id, kind, title, genres, keywords, parent_id)
  values (tests.title(p_title), p_kind, p_title, p_genres, p_keywords, tests.title(p_parent))
  returning id
$$;

create function tests.make_person(p_name text)
returns uuid
language sql security definer set search_path = ''
as $$
  insert into public.people (id, name)
  values (tests.person(p_name), p_name)
  returning id
$$;

create function tests.credit(p_title text, p_person text, p_role text default 'cast', p_position int default 1)
returns void
language sql security definer set search_path = ''
as $$
  insert into public.title_credits (title_id, person_id, role, position)
  values (tests.title(p_title), tests.person(p_person), p_role, p_position)
$$;

-- A window of so many days around now; null is open.
create function tests.offer(
  p_title text,
  p_platform text,
  p_from_days double precision default null,
  p_until_days double precision default null,
  p_country text default ''
)
returns void
language sql security definer set search_path = ''
as $$
  insert into public.platforms (id, name)
  values (p_platform, initcap(p_platform))
  on conflict do nothing;
  insert into public.title_platforms (title_id, platform_id, country, available_from, available_until)
  values (
    tests.title(p_title), p_platform, p_country, now() + make_interval(secs => 86400 * p_from_days),
    now() + make_interval(secs => 86400 * p_until_days)
  );
$$;

-- The features of an item as sorted lines "type:value", those of one source or of all.
create function tests.feature_names(p_item uuid, p_source text default null)
returns text[]
language sql stable security definer set search_path = ''
as $$
  select array_agg(f.feature_type || ':' || f.feature_value order by f.feature_type collate "C", f.feature_value collate "C")
  from medley.content_features as c
  inner join medley.features as f on f.feature_no = c.feature_no
  inner join medley.items as i on i.item_no = c.item_no
  where i.id = p_item and (p_source is null or c.source = p_source)
$$;
