-- The API of the home timeline.
create or replace function public.get_home_timeline(
  p_limit int default 20,
  p_cursor text default null,
  p_user_id uuid default null
)
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
  created_at timestamptz,
  reposted_by uuid,
  in_network boolean,
  source text,
  score real,
  breakdown jsonb,
  reason text,
  "position" int, -- noqa: RF06
  request_id uuid,
  algorithm text,
  variant text,
  context jsonb,
  next_cursor text
)
language plpgsql stable parallel safe security invoker set search_path = ''
as $$
begin
  -- Not language sql, which would plan the call each time.
  return query
  select t.*
  from medley.get_home_timeline(p_user_id, p_limit, p_cursor, now()) as t;
end;
$$;

comment on function public.get_home_timeline(int, text, uuid) is
  'The posts that the member probably wants most: of members whom the member follows (source following), reposted by them '
  '(repost, reposted_by), and out of the network (liked by them, popular with a cluster of taste, trending, newcomer). '
  'score is a weighted sum of the probabilities that the member likes, answers, hides ... the post, times factors; '
  'breakdown says how many points each term of medley.ranker_weights gives, and sums to it. Left out: own posts, those '
  'older than timeline.max_age_hours, those that the member has seen, rejected or was shown lately, posts of or in answer '
  'to muted and blocked members, muted words, all but one post of a conversation. reason says why in words; position '
  'counts from 0. Log an impression for each row that is shown, with position, score, algorithm, variant and context '
  'sent back unchanged. request_id is the same on all pages of a request. p_limit: 1 to 200. p_cursor: next_cursor of the '
  'previous page; pages are of the moment of the first, so that new posts wait for the next request, good for a day, 500 '
  'posts deep. p_user_id: for the secret key only. Errors: unauthenticated, forbidden, not_found (the member), invalid_argument, '
  'invalid_cursor.';
revoke all on function public.get_home_timeline(int, text, uuid) from public, anon, authenticated, service_role;
grant execute on function public.get_home_timeline(int, text, uuid) to authenticated, service_role;
