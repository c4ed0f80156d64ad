-- Ids depend on names only, so that failures are easy to read.
create function tests.post(p_name text) returns uuid language sql immutable as $$ select md5('post ' || p_name)::uuid $$;

-- Moments of the last hour, one after the other: a transaction has one time, and posts need an order.
create sequence tests.moments;
grant usage on sequence tests.moments to anon, authenticated, service_role;
create function tests.next_moment() returns timestamptz language sql volatile as $$
  select now() - interval '1 hour' + interval '1 second' * (nextval('tests.moments') % 3000)
$$;

-- A post that says its name, unless it is to say something else. Later posts are later.
create function tests.make_post(
  p_author text,
  p_name text,
  p_parent text default null,
  p_visibility text default 'public',
  p_content text default null,
  p_quoted text default null,
  p_language text default null
)
returns uuid
language sql security definer set search_path = ''
as $$
  insert into public.posts (id, author_id, content, parent_id, quoted_id, visibility, language, created_at)
  values (
    tests.post(p_name), md5('member ' || p_author)::uuid, coalesce(p_content, p_name), tests.post(p_parent),
    tests.post(p_quoted), p_visibility, p_language, tests.next_moment()
  )
  returning id
$$;

create function tests.give_likes(p_member text, variadic p_posts text[])
returns void
language sql security definer set search_path = ''
as $$
  insert into public.likes (user_id, post_id)
  select md5('member ' || p_member)::uuid, tests.post(u.name)
  from unnest(p_posts) as u (name)
$$;

create function tests.repost(p_member text, variadic p_posts text[])
returns void
language sql security definer set search_path = ''
as $$
  insert into public.reposts (user_id, post_id, created_at)
  select md5('member ' || p_member)::uuid, tests.post(u.name), tests.next_moment()
  from unnest(p_posts) as u (name)
$$;

create function tests.mute_words(p_member text, variadic p_words text[])
returns void
language sql security definer set search_path = ''
as $$
  insert into public.muted_words (user_id, word)
  select md5('member ' || p_member)::uuid, u.word
  from unnest(p_words) as u (word)
$$;

-- The five counters of a post, and the same counted anew.
create function tests.counts(p_post text)
returns text
language sql stable security definer set search_path = ''
as $$
  select concat_ws(' ', p.like_count, p.reply_count, p.repost_count, p.quote_count, p.view_count)
  from public.posts as p
  where p.id = tests.post(p_post)
$$;

create function tests.miscounted_posts()
returns table (post_id uuid, counted text, kept text)
language sql stable security definer set search_path = ''
as $$
  select c.id, c.counted, c.kept
  from (
    select
      p.id,
      concat_ws(
        ' ',
        (select count(*) from public.likes as l where l.post_id = p.id),
        (select count(*) from public.posts as c where c.parent_id = p.id),
        (select count(*) from public.reposts as r where r.post_id = p.id),
        (select count(*) from public.posts as q where q.quoted_id = p.id),
        (select count(*) from public.post_views as v where v.post_id = p.id)
      ) as counted,
      concat_ws(' ', p.like_count, p.reply_count, p.repost_count, p.quote_count, p.view_count) as kept
    from public.posts as p
  ) as c
  where c.counted <> c.kept
$$;

-- Short forms of what the API answers, for whoever is acting: the contents of the rows, in order.
create function tests.thread_of(p_post text)
returns text
language sql stable security invoker
as $$
  select string_agg(t.depth || ' ' || t.content, ', ' order by t.place)
  from public.get_thread(tests.post(p_post)) with ordinality as t (
    depth, post_id, author_id, author_name, content, media, hashtags, language, visibility, parent_id, conversation_id,
    quoted_id, like_count, reply_count, repost_count, quote_count, view_count, liked, reposted, created_at,
    next_cursor, place
  )
$$;

create function tests.profile_of(p_member text, p_include_replies boolean default false)
returns text
language sql stable security invoker
as $$
  select string_agg(case when t.reposted_by is not null then 'repost ' else '' end || t.content, ', ' order by t.shown_at desc)
  from public.get_profile_posts(tests.member(p_member), p_include_replies => p_include_replies) as t
$$;

create function tests.found(p_query text)
returns text
language sql stable security invoker
as $$ select string_agg(t.content, ', ' order by t.content collate "C") from public.search_posts(p_query) as t $$;

-- A cursor as somebody would forge it.
create function tests.forged_cursor(p_query text, p_position jsonb)
returns text
language sql stable security definer set search_path = ''
as $$ select medley.encode_cursor(p_query, p_position) $$;

-- The home timeline of whoever is acting: contents in order, or the source of each.
create function tests.home(p_limit int default 200)
returns text
language sql stable security invoker
as $$ select string_agg(t.content, ', ' order by t."position") from public.get_home_timeline(p_limit) as t $$;

create function tests.home_sources()
returns text
language sql stable security invoker
as $$
  select string_agg(t.content || ' ' || t.source, ', ' order by t.content collate "C") from public.get_home_timeline(200) as t
$$;

-- The points of one post by one term, or all of them (null). A term that says nothing is null.
create function tests.home_points(p_content text, p_term text default null)
returns numeric
language sql stable security invoker
as $$
  select round(case when p_term is null then t.score::numeric else (t.breakdown ->> p_term)::numeric end, 5)
  from public.get_home_timeline(200) as t
  where t.content = p_content
$$;

-- What the log is to have said of an author: so many exposures, and of these so many of each kind, {"like": 10}.
create function tests.plant_rates(p_author text, p_exposures real, p_counts jsonb default '{}')
returns void
language sql security definer set search_path = ''
as $$
  insert into medley.author_rates as r (user_id, exposures, counted_at, counts)
  select md5('member ' || p_author)::uuid, p_exposures, now(), array_agg(coalesce((p_counts ->> k.kind)::real, 0) order by p.place)::real[]::extensions.vector
  from generate_series(1, 32) as p (place)
  left join medley.timeline_kinds as k on k.place = p.place and k.sign = 1
  on conflict (user_id) do update set exposures = excluded.exposures, counts = excluded.counts
$$;

-- A setting or a weight of the timeline, until the test ends.
create function tests.set_timeline(p_key text, p_value numeric)
returns void
language sql security definer set search_path = ''
as $$
  update medley.settings set value = p_value where key = 'timeline.' || p_key;
  update medley.ranker_weights set weight = p_value where ranker = 'home_timeline' and term = p_key;
$$;

-- How old a post is, from now on.
create function tests.age_post(p_post text, p_age interval)
returns void
language sql security definer set search_path = ''
as $$
  update medley.timeline_posts
  set created_at = now() - p_age, posted_at = case when is_repost then posted_at else now() - p_age end
  where post_id = tests.post(p_post);
  update medley.items set published_at = now() - p_age where id = tests.post(p_post);
$$;
