-- Search: the newest posts that match, and of these the best first.
create type medley.search_position as (as_of timestamptz, score real, id uuid, at timestamptz);
comment on type medley.search_position is
  'Where a page of a search begins: the moment that all pages share, and the last row before it.';

create or replace function medley.search_position(p_cursor text, p_query text, p_as_of timestamptz)
returns medley.search_position
language plpgsql stable parallel safe security definer set search_path = ''
as $$
declare
  v medley.search_position := (p_as_of, null, null, null);
begin
  if p_cursor is not null then
    v := jsonb_populate_record(v, medley.decode_cursor(p_cursor, p_query));
    if (v.as_of <= p_as_of and num_nulls(v.score, v.id, v.at) = 0) is not true then
      perform medley.fail('invalid_cursor', 'the cursor is damaged', 'p_cursor', 'Start again without a cursor.');
    end if;
  end if;
  return v;
exception
  when data_exception then
    perform medley.fail('invalid_cursor', 'the cursor is damaged', 'p_cursor', 'Start again without a cursor.');
    return null;
end;
$$;

comment on function medley.search_position(text, text, timestamptz) is
  'The position in a cursor of search_posts, or the beginning at p_as_of. Errors: invalid_cursor.';
revoke all on function medley.search_position(text, text, timestamptz) from public, anon, authenticated, service_role;

create or replace function medley.search_query(p_query text)
returns tsquery
language plpgsql stable parallel safe security definer set search_path = ''
as $$
declare
  v_query tsquery;
begin
  if length(p_query) > 500 then
    perform medley.fail('too_large', format('p_query has %s characters', length(p_query)), 'p_query',
      'Search for at most 500 characters.');
  end if;
  v_query := websearch_to_tsquery('simple', lower(p_query));
  if coalesce(numnode(v_query), 0) = 0 then
    perform medley.fail('invalid_argument', 'p_query names no word', 'p_query', 'Pass at least one word.');
  end if;
  -- Nothing that an index could find: every post would be read.
  if querytree(v_query) in ('', 'T') then
    perform medley.fail('invalid_argument', 'p_query only says what to leave out', 'p_query', 'Add a word to look for.');
  end if;
  return v_query;
end;
$$;

comment on function medley.search_query(text) is
  'What people type as a query: words, "a phrase", or, -without. Errors: invalid_argument, too_large.';
revoke all on function medley.search_query(text) from public, anon, authenticated, service_role;

-- A plan for each query: a rare word is looked up in the index of words, a common one met while going back in time.
create or replace function medley.search_posts(
  p_query text,
  p_limit int,
  p_cursor text,
  p_user_id uuid,
  p_as_of timestamptz
)
returns table (
  score real,
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
set search_path = '' set plan_cache_mode = force_custom_plan
as $$
declare
  -- Anybody may read what is public.
  v_user_id uuid := medley.reading_user(p_user_id);
  v_limit int := medley.check_limit(p_limit);
  v_words tsquery := medley.search_query(p_query);
  -- Hashtags alone are looked for as hashtags.
  v_hashtags text[] := case when p_query ~ '^\s*(#\w+\s*)+$' then medley.extract_hashtags(p_query) else '{}' end;
  v_query text := 'search_posts:' || md5(p_query);
  v_after medley.search_position := medley.search_position(p_cursor, v_query, p_as_of);
  v_reader medley.post_reader := medley.post_reader(v_user_id);
  v_candidates int := medley.setting('social.search_candidates');
  v_ids uuid[];
  v_scores real[];
  v_next text;
begin
  select array_agg(f.id), array_agg(f.score)
  into v_ids, v_scores
  from (
    select m.id, m.created_at, m.score
    from (
      select p.id, p.created_at, ts_rank_cd(p.search, v_words, 1) as score
      from public.posts as p
      where p.search @@ v_words
        and p.hashtags @> v_hashtags
        and p.created_at <= v_after.as_of
        and medley.lists_post(v_reader, p.id, p.author_id, p.visibility, p.search)
      order by p.created_at desc, p.id desc
      limit v_candidates
    ) as m
    where v_after.id is null or (m.score, m.created_at, m.id) < (v_after.score, v_after.at, v_after.id)
    order by m.score desc, m.created_at desc, m.id desc
    limit v_limit + 1
  ) as f;

  if cardinality(v_ids) > v_limit then
    v_ids := v_ids[:v_limit];
    select
      medley.encode_cursor(v_query, jsonb_build_object(
        'as_of', v_after.as_of, 'score', v_scores[v_limit], 'id', p.id, 'at', p.created_at
      ))
    into v_next
    from public.posts as p
    where p.id = v_ids[v_limit];
  end if;

  return query
  select
    v_scores[t.place],
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

comment on function medley.search_posts(text, int, text, uuid, timestamptz) is
  'Posts with the words of a query, of the newest social.search_candidates that match; see public.search_posts. '
  'Errors: those of acting_user, invalid_argument, too_large, invalid_cursor.';
revoke all on function medley.search_posts(text, int, text, uuid, timestamptz)
from public, anon, authenticated, service_role;
grant execute on function medley.search_posts(text, int, text, uuid, timestamptz) to anon, authenticated, service_role;

create or replace function medley.get_posts_without_embedding(p_limit int, p_cursor text)
returns table (item_id uuid, kind text, title text, next_cursor text)
language plpgsql stable parallel safe security definer
set search_path = '' set plan_cache_mode = force_generic_plan set enable_seqscan = off
as $$
declare
  c_query constant text := 'posts_without_embedding';
  v_after medley.post_position := medley.post_position(p_cursor, c_query);
begin
  perform medley.check_limit(p_limit, 1000);
  return query
  select
    p.id,
    'post',
    left(p.content, 1000),
    medley.encode_cursor(c_query, jsonb_build_object('at', p.created_at, 'id', p.id))
  from public.posts as p
  where p.computed_at is null
    and p.content ~ '\S'
    and (p.created_at, p.id) < (coalesce(v_after.at, 'infinity'), coalesce(v_after.id, 'ffffffff-ffff-ffff-ffff-ffffffffffff'))
  order by p.created_at desc, p.id desc
  limit p_limit;
end;
$$;

comment on function medley.get_posts_without_embedding(int, text) is
  'Posts that have no vector of their text; see public.get_posts_without_embedding. Errors: invalid_argument, invalid_cursor.';
revoke all on function medley.get_posts_without_embedding(int, text) from public, anon, authenticated, service_role;
grant execute on function medley.get_posts_without_embedding(int, text) to service_role;
