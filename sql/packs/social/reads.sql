-- Reading posts: whom a reader meets, what a page shows, threads, profiles and search.
-- Every list is read through a reader: who asks, and what that member does not want to meet, gathered once a call.
create type medley.post_reader as (user_id uuid, hidden uuid[], avoided uuid[], reported uuid[], muted tsquery);
comment on type medley.post_reader is
  'Who reads posts (user_id null: nobody is signed in). hidden: members blocked in either direction; avoided: those and muted '
  'ones; reported: posts that the reader reported; muted: one query for all muted words, null for none.';

create or replace function medley.post_reader(p_user_id uuid)
returns medley.post_reader
language plpgsql stable parallel safe security definer
set search_path = '' set plan_cache_mode = force_generic_plan
as $$
declare
  v medley.post_reader := (p_user_id, '{}', '{}', '{}', null);
begin
  if p_user_id is null then
    return v;
  end if;
  select a.blocked, a.blocked || a.muted into v.hidden, v.avoided
  from medley.avoided_members(p_user_id) as a;
  v.reported := array(select r.post_id from public.post_reports as r where r.user_id = p_user_id);
  -- There is no aggregate of queries; their text reads back as the same query.
  v.muted := (
    select string_agg('(' || w.query::text || ')', ' | ') from public.muted_words as w where w.user_id = p_user_id
  )::tsquery;
  return v;
end;
$$;

comment on function medley.post_reader(uuid) is 'What a member (null: nobody is signed in) does not want to meet among posts.';
revoke all on function medley.post_reader(uuid) from public, anon, authenticated, service_role;

-- No SET: it inlines into the queries of definer functions, which alone may run it.
create or replace function medley.lists_post(
  p_reader medley.post_reader,
  p_post_id uuid,
  p_author_id uuid,
  p_visibility text,
  p_search tsvector
)
returns boolean
language sql stable parallel safe security invoker
return p_author_id = (p_reader).user_id
  or p_author_id <> all((p_reader).avoided)
  and p_post_id <> all((p_reader).reported)
  and (p_search @@ (p_reader).muted) is not true
  and (p_visibility = 'public' or medley.may_list((p_reader).user_id, p_post_id, p_author_id));

comment on function medley.lists_post(medley.post_reader, uuid, uuid, text, tsvector) is
  'Whether a list for the reader may hold the post: one''s own always, others where may_list says so (asked where the post '
  'is not plainly public) and they are neither reported nor hold a muted word.';
revoke all on function medley.lists_post(medley.post_reader, uuid, uuid, text, tsvector)
from public, anon, authenticated, service_role;

-- Most readers block nobody and are blocked by nobody: then nothing is looked up. For others each call is planned for
-- its own arrays, whose sizes decide what is cheaper, the members' rows or the posts'.
create or replace function medley.hidden_counts(p_post_ids uuid[], p_hidden uuid[])
returns table (post_id uuid, likes int, replies int, reposts int, quotes int)
language plpgsql stable parallel safe security definer
set search_path = '' set plan_cache_mode = force_custom_plan
as $$
begin
  if cardinality(p_hidden) = 0 then
    return;
  end if;
  return query
  select
    d.post_id,
    (count(*) filter (where d.deed = 'like'))::int,
    (count(*) filter (where d.deed = 'reply'))::int,
    (count(*) filter (where d.deed = 'repost'))::int,
    (count(*) filter (where d.deed = 'quote'))::int
  from (
    select m.post_id, m.user_id, 'like' as deed
    from unnest(p_post_ids) as w (id)
    inner join public.likes as m on m.post_id = w.id
    union all
    select m.parent_id, m.author_id, 'reply'
    from unnest(p_post_ids) as w (id)
    inner join public.posts as m on m.parent_id = w.id
    union all
    select m.post_id, m.user_id, 'repost'
    from unnest(p_post_ids) as w (id)
    inner join public.reposts as m on m.post_id = w.id
    union all
    select m.quoted_id, m.author_id, 'quote'
    from unnest(p_post_ids) as w (id)
    inner join public.posts as m on m.quoted_id = w.id
  ) as d
  inner join unnest(p_hidden) as h (id) on h.id = d.user_id
  group by d.post_id;
end;
$$;

comment on function medley.hidden_counts(uuid[], uuid[]) is
  'What the members p_hidden did with these posts; no row for a post with which they did nothing.';
revoke all on function medley.hidden_counts(uuid[], uuid[]) from public, anon, authenticated, service_role;

create or replace function medley.show_posts(p_post_ids uuid[], p_reader medley.post_reader)
returns table (
  post_id uuid,
  author_id uuid,
  author_name text,
  content text,
  media jsonb,
  hashtags text[],
  language text,
  visibility text,
  parent_id uuid,
  conversation_id uuid,
  quoted_id uuid,
  like_count int,
  reply_count int,
  repost_count int,
  quote_count int,
  view_count int,
  liked boolean,
  reposted boolean,
  created_at timestamptz
)
language plpgsql stable parallel safe security definer
set search_path = '' set plan_cache_mode = force_generic_plan set enable_seqscan = off
as $$
declare
  v_user_id uuid := p_reader.user_id;
  v_hidden uuid[] := p_reader.hidden;
begin
  return query
  select
    p.id,
    p.author_id,
    case when f.public_profile or f.id = v_user_id then coalesce(f.display_name, f.username) end,
    p.content,
    p.media,
    p.hashtags,
    p.language,
    p.visibility,
    case
      when a.visibility = 'public' and a.owner_id <> all(v_hidden) then p.parent_id
      when p.parent_id is not null and medley.visible_to(v_user_id, p.parent_id) then p.parent_id
    end,
    p.conversation_id,
    case
      when q.visibility = 'public' and q.owner_id <> all(v_hidden) then p.quoted_id
      when p.quoted_id is not null and medley.visible_to(v_user_id, p.quoted_id) then p.quoted_id
    end,
    p.like_count - coalesce(h.likes, 0),
    p.reply_count - coalesce(h.replies, 0),
    p.repost_count - coalesce(h.reposts, 0),
    p.quote_count - coalesce(h.quotes, 0),
    p.view_count,
    exists (select from public.likes as m where m.post_id = p.id and m.user_id = v_user_id),
    exists (select from public.reposts as m where m.post_id = p.id and m.user_id = v_user_id),
    p.created_at
  from unnest(p_post_ids) as w (id)
  inner join public.posts as p on p.id = w.id
  left join public.profiles as f on f.id = p.author_id
  -- What is plainly public need not be asked about: visible_to is planned anew each time.
  left join medley.items as a on a.id = p.parent_id
  left join medley.items as q on q.id = p.quoted_id
  left join medley.hidden_counts(p_post_ids, v_hidden) as h on h.post_id = p.id;
end;
$$;

comment on function medley.show_posts(uuid[], medley.post_reader) is
  'What a page shows of these posts, in no order; callers have asked whether the reader may see them. Counts leave out what '
  'members did who are blocked in either direction; the parent and the quoted post are named where the reader sees them.';
revoke all on function medley.show_posts(uuid[], medley.post_reader) from public, anon, authenticated, service_role;

create type medley.post_position as (at timestamptz, id uuid);
comment on type medley.post_position is 'Where a page of posts begins: after the row of this time and id.';

create or replace function medley.post_position(p_cursor text, p_query text)
returns medley.post_position
language plpgsql stable parallel safe security definer set search_path = ''
as $$
declare
  v medley.post_position;
begin
  v := jsonb_populate_record(v, medley.decode_cursor(p_cursor, p_query));
  if p_cursor is not null and num_nulls(v.at, v.id) > 0 then
    perform medley.fail('invalid_cursor', 'the cursor is damaged', 'p_cursor', 'Start again without a cursor.');
  end if;
  return v;
exception
  when data_exception then
    perform medley.fail('invalid_cursor', 'the cursor is damaged', 'p_cursor', 'Start again without a cursor.');
    return null;
end;
$$;

comment on function medley.post_position(text, text) is
  'The position in a cursor of the query p_query; nulls for no cursor. Errors: invalid_cursor.';
revoke all on function medley.post_position(text, text) from public, anon, authenticated, service_role;

create or replace function medley.post_ancestors(p_post_id uuid, p_reader medley.post_reader)
returns table (post_id uuid, depth int)
language plpgsql stable parallel safe security definer
set search_path = '' set plan_cache_mode = force_generic_plan
as $$
begin
  return query
  with recursive line as (
    select p.parent_id as id, -1 as depth
    from public.posts as p
    where p.id = p_post_id
    union all
    select p.parent_id, l.depth - 1
    from line as l
    inner join public.posts as p on p.id = l.id
    where l.depth > -medley.setting('social.max_ancestors')
  )

  select p.id, l.depth
  from line as l
  inner join public.posts as p on p.id = l.id
  where medley.lists_post(p_reader, p.id, p.author_id, p.visibility, p.search);
end;
$$;

comment on function medley.post_ancestors(uuid, medley.post_reader) is
  'The posts above a post, -1 for its parent and so on up to social.max_ancestors. What the reader does not meet is left out; '
  'what lies above it is not.';
revoke all on function medley.post_ancestors(uuid, medley.post_reader) from public, anon, authenticated, service_role;

create or replace function medley.get_thread(p_post_id uuid, p_limit int, p_cursor text, p_user_id uuid)
returns table (
  depth int,
  post_id uuid,
  author_id uuid,
  author_name text,
  content text,
  media jsonb,
  hashtags text[],
  language text,
  visibility text,
  parent_id uuid,
  conversation_id uuid,
  quoted_id uuid,
  like_count int,
  reply_count int,
  repost_count int,
  quote_count int,
  view_count int,
  liked boolean,
  reposted boolean,
  created_at timestamptz,
  next_cursor text
)
language plpgsql stable parallel safe security definer
set search_path = '' set plan_cache_mode = force_generic_plan set enable_seqscan = off
as $$
declare
  -- Anybody may read what is public.
  v_user_id uuid := medley.reading_user(p_user_id);
  v_limit int := medley.check_limit(p_limit);
  v_query text := 'thread:' || p_post_id;
  v_after medley.post_position := medley.post_position(p_cursor, v_query);
  v_reader medley.post_reader := medley.post_reader(v_user_id);
  v_ids uuid[];
  v_depths int[];
  v_next text;
begin
  perform medley.open_post(p_post_id, v_user_id);

  select array_agg(r.id), array_agg(1)
  into v_ids, v_depths
  from (
    select p.id
    from public.posts as p
    where p.parent_id = p_post_id
      and (p.created_at, p.id) > (
        coalesce(v_after.at, '-infinity'), coalesce(v_after.id, '00000000-0000-0000-0000-000000000000')
      )
      and medley.lists_post(v_reader, p.id, p.author_id, p.visibility, p.search)
    order by p.created_at, p.id
    limit v_limit + 1
  ) as r;

  if cardinality(v_ids) > v_limit then
    v_ids := v_ids[:v_limit];
    v_depths := v_depths[:v_limit];
    select medley.encode_cursor(v_query, jsonb_build_object('at', p.created_at, 'id', p.id)) into v_next
    from public.posts as p
    where p.id = v_ids[v_limit];
  end if;
  -- The first page begins with what leads to the post, and the post.
  if p_cursor is null then
    select array_agg(a.post_id order by a.depth) || p_post_id || v_ids, array_agg(a.depth order by a.depth) || 0 || v_depths
    into v_ids, v_depths
    from medley.post_ancestors(p_post_id, v_reader) as a;
  end if;

  return query
  select
    t.depth,
    s.post_id,
    s.author_id,
    s.author_name,
    s.content,
    s.media,
    s.hashtags,
    s.language,
    s.visibility,
    s.parent_id,
    s.conversation_id,
    s.quoted_id,
    s.like_count,
    s.reply_count,
    s.repost_count,
    s.quote_count,
    s.view_count,
    s.liked,
    s.reposted,
    s.created_at,
    v_next
  from unnest(v_ids, v_depths) with ordinality as t (id, depth, place)
  inner join medley.show_posts(v_ids, v_reader) as s on s.post_id = t.id
  order by t.place;
end;
$$;

comment on function medley.get_thread(uuid, int, text, uuid) is
  'A post, what it answers, and its replies; see public.get_thread. '
  'Errors: those of acting_user, not_found, invalid_argument, invalid_cursor.';
revoke all on function medley.get_thread(uuid, int, text, uuid) from public, anon, authenticated, service_role;
grant execute on function medley.get_thread(uuid, int, text, uuid) to anon, authenticated, service_role;

create or replace function medley.get_profile_posts(
  p_author_id uuid,
  p_limit int,
  p_cursor text,
  p_include_replies boolean,
  p_user_id uuid
)
returns table (
  shown_at timestamptz,
  reposted_by uuid,
  post_id uuid,
  author_id uuid,
  author_name text,
  content text,
  media jsonb,
  hashtags text[],
  language text,
  visibility text,
  parent_id uuid,
  conversation_id uuid,
  quoted_id uuid,
  like_count int,
  reply_count int,
  repost_count int,
  quote_count int,
  view_count int,
  liked boolean,
  reposted boolean,
  created_at timestamptz,
  next_cursor text
)
language plpgsql stable parallel safe security definer
set search_path = '' set plan_cache_mode = force_generic_plan set enable_seqscan = off
as $$
declare
  -- Anybody may read what is public.
  v_user_id uuid := medley.reading_user(p_user_id);
  v_limit int := medley.check_limit(p_limit);
  v_query text := format('profile_posts:%s:%s', p_author_id, coalesce(p_include_replies, false));
  v_before medley.post_position := medley.post_position(p_cursor, v_query);
  v_at timestamptz := coalesce(v_before.at, 'infinity');
  v_id uuid := coalesce(v_before.id, 'ffffffff-ffff-ffff-ffff-ffffffffffff');
  v_reader medley.post_reader := medley.post_reader(v_user_id);
  v_ids uuid[];
  v_times timestamptz[];
  v_reposted boolean[];
  v_next text;
begin
  if p_author_id = any(v_reader.hidden) then
    return;
  end if;
  -- Who opens a profile wants to see it, muted or not; of others it shows what lists show.
  v_reader.avoided := array_remove(v_reader.avoided, p_author_id);

  select array_agg(e.id), array_agg(e.at), array_agg(e.reposted)
  into v_ids, v_times, v_reposted
  from (
    (
      select p.id, p.created_at as at, false as reposted
      from public.posts as p
      where p.author_id = p_author_id
        and (p.created_at, p.id) < (v_at, v_id)
        and (p_include_replies or p.conversation_id = p.id)
        and (
          p.author_id = v_user_id
          or medley.visible_to(v_user_id, p.id)
          and p.id <> all(v_reader.reported)
          and (p.search @@ v_reader.muted) is not true
        )
      order by p.created_at desc, p.id desc
      limit v_limit + 1
    )
    union all
    (
      select p.id, r.created_at, true
      from public.reposts as r
      inner join public.posts as p on p.id = r.post_id
      where r.user_id = p_author_id
        and (r.created_at, r.post_id) < (v_at, v_id)
        and p.author_id <> p_author_id
        and medley.lists_post(v_reader, p.id, p.author_id, p.visibility, p.search)
      order by r.created_at desc, r.post_id desc
      limit v_limit + 1
    )
    order by at desc, id desc
    limit v_limit + 1
  ) as e;

  if cardinality(v_ids) > v_limit then
    v_ids := v_ids[:v_limit];
    v_next := medley.encode_cursor(v_query, jsonb_build_object('at', v_times[v_limit], 'id', v_ids[v_limit]));
  end if;

  return query
  select
    v_times[t.place],
    case when v_reposted[t.place] then p_author_id end,
    s.post_id,
    s.author_id,
    s.author_name,
    s.content,
    s.media,
    s.hashtags,
    s.language,
    s.visibility,
    s.parent_id,
    s.conversation_id,
    s.quoted_id,
    s.like_count,
    s.reply_count,
    s.repost_count,
    s.quote_count,
    s.view_count,
    s.liked,
    s.reposted,
    s.created_at,
    v_next
  from unnest(v_ids) with ordinality as t (id, place)
  inner join medley.show_posts(v_ids, v_reader) as s on s.post_id = t.id
  order by t.place;
end;
$$;

comment on function medley.get_profile_posts(uuid, int, text, boolean, uuid) is
  'What a member wrote and passed on; see public.get_profile_posts. '
  'Errors: those of acting_user, invalid_argument, invalid_cursor.';
revoke all on function medley.get_profile_posts(uuid, int, text, boolean, uuid)
from public, anon, authenticated, service_role;
grant execute on function medley.get_profile_posts(uuid, int, text, boolean, uuid)
to anon, authenticated, service_role;
