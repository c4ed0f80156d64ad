-- The API of the social pack: thin functions over those of the same name in medley.

create or replace function public.get_thread(
  p_post_id uuid,
  p_limit int default 20,
  p_cursor text default null,
  p_user_id uuid default null
)
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
language sql stable parallel safe security invoker set search_path = ''
as $$
  select t.*
  from medley.get_thread(p_post_id, p_limit, p_cursor, p_user_id) as t
$$;

comment on function public.get_thread(uuid, int, text, uuid) is
  'A post in its conversation: what it answers (depth below 0, the beginning first), the post (0) and its direct '
  'replies (1), oldest first, so that a conversation reads as it happened and pages stay as they are while people '
  'answer and like. p_limit: how many replies, 1 to 200; the first page has the post and up to social.max_ancestors '
  'above it besides. p_cursor: next_cursor of the page before. The reader meets what select shows, without muted '
  'members, muted words and what the reader reported; the post itself is shown to whoever may see it. A row has '
  'depth, post_id, author_id, author_name (null where the profile is private), content, media, hashtags, language, '
  'visibility, parent_id and quoted_id (null where the reader does not see them), conversation_id (its own id where '
  'it began the conversation), the counts, liked and reposted (by the reader), created_at. Counts leave out members '
  'blocked in either direction. p_user_id: for the secret key only. Errors: not_found, invalid_argument, '
  'invalid_cursor, unauthenticated, forbidden.';
revoke all on function public.get_thread(uuid, int, text, uuid) from public, anon, authenticated, service_role;
grant execute on function public.get_thread(uuid, int, text, uuid) to anon, authenticated, service_role;

create or replace function public.get_profile_posts(
  p_author_id uuid,
  p_limit int default 20,
  p_cursor text default null,
  p_include_replies boolean default false,
  p_user_id uuid default null
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
language sql stable parallel safe security invoker set search_path = ''
as $$
  select t.*
  from medley.get_profile_posts(p_author_id, p_limit, p_cursor, p_include_replies, p_user_id) as t
$$;

comment on function public.get_profile_posts(uuid, int, text, boolean, uuid) is
  'What a member wrote and passed on, newest first: shown_at says when, and reposted_by is the member where the '
  'post is somebody else''s. p_include_replies: replies too. p_limit: 1 to 200. p_cursor: next_cursor of the page '
  'before. The reader meets what select shows, without muted words, what the reader reported, and reposts of muted '
  'members; nothing where one blocks the other. A row has both, post_id, author_id, author_name (null where the '
  'profile is private), content, media, hashtags, language, visibility, parent_id and quoted_id (null where the '
  'reader does not see them), conversation_id (its own id where it began the conversation), the counts, liked and '
  'reposted (by the reader), created_at. Counts leave out members blocked in either direction. p_user_id: for the '
  'secret key only. Errors: not_found (the member), invalid_argument, invalid_cursor, unauthenticated, forbidden.';
revoke all on function public.get_profile_posts(uuid, int, text, boolean, uuid)
from public, anon, authenticated, service_role;
grant execute on function public.get_profile_posts(uuid, int, text, boolean, uuid) to anon, authenticated, service_role;

create or replace function public.search_posts(
  p_query text,
  p_limit int default 20,
  p_cursor text default null,
  p_user_id uuid default null
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
language sql stable parallel safe security invoker set search_path = ''
as $$
  select t.*
  from medley.search_posts(p_query, p_limit, p_cursor, p_user_id, now()) as t
$$;

comment on function public.search_posts(text, int, text, uuid) is
  'Posts with the words of p_query, best first: words, "a phrase", or, -without; hashtags alone find posts that '
  'have them all. Words match as they are, in any case and language. Of the newest social.search_candidates posts '
  'that match, those come first in which the words are near each other and make up more of the post (score: '
  'ts_rank_cd, normalised by length), then newer ones. All pages show the search as of the first. p_limit: 1 to '
  '200. p_cursor: next_cursor of the page before with the same query. The reader meets what select shows, without '
  'muted members, muted words and what the reader reported. A row has score, post_id, author_id, author_name (null '
  'where the profile is private), content, media, hashtags, language, visibility, parent_id and quoted_id (null '
  'where the reader does not see them), conversation_id (its own id where it began the conversation), the counts, '
  'liked and reposted (by the reader), created_at. Counts leave out members blocked in either direction. p_user_id: '
  'for the secret key only. Errors: not_found (the member), invalid_argument, too_large (500 characters), '
  'invalid_cursor, unauthenticated, forbidden.';
revoke all on function public.search_posts(text, int, text, uuid) from public, anon, authenticated, service_role;
grant execute on function public.search_posts(text, int, text, uuid) to anon, authenticated, service_role;

create or replace function public.view_posts(p_post_ids uuid[], p_user_id uuid default null)
returns int
language sql volatile parallel unsafe security invoker set search_path = ''
as $$ select medley.view_posts(p_post_ids, p_user_id, now()) $$;

comment on function public.view_posts(uuid[], uuid) is
  'Says that posts were in front of the member''s eyes: one view a member and post, whatever is said again. '
  'p_post_ids: up to 1,000; those that the member does not see are passed over. p_user_id: for the secret key only. '
  'Returns how many views are new. Errors: not_found (the member), invalid_argument, too_large, unauthenticated, forbidden.';
revoke all on function public.view_posts(uuid[], uuid) from public, anon, authenticated, service_role;
grant execute on function public.view_posts(uuid[], uuid) to authenticated, service_role;

create or replace function public.report_post(
  p_post_id uuid,
  p_reason text,
  p_note text default null,
  p_user_id uuid default null
)
returns text
language sql volatile parallel unsafe security invoker set search_path = ''
as $$ select medley.report_post(p_post_id, p_reason, p_note, p_user_id, now()) $$;

comment on function public.report_post(uuid, text, text, uuid) is
  'Reports a post, which the member then does not meet again. p_reason: spam, abuse, hate, violence, sexual, '
  'misinformation, self_harm, illegal or other (medley.report_reasons). p_note: up to 2,000 characters. p_user_id: '
  'for the secret key only. Returns accepted or duplicate. Errors: not_found, invalid_argument (the reason; a post '
  'of one''s own), too_large, unauthenticated, forbidden.';
revoke all on function public.report_post(uuid, text, text, uuid) from public, anon, authenticated, service_role;
grant execute on function public.report_post(uuid, text, text, uuid) to authenticated, service_role;

create or replace function public.block_author(p_post_id uuid, p_user_id uuid default null)
returns uuid
language sql volatile parallel unsafe security invoker set search_path = ''
as $$ select medley.act_on_author(p_post_id, 'block_author', p_user_id, now()) $$;

comment on function public.block_author(uuid, uuid) is
  'Blocks the author of a post: both members no longer meet, and their follows end, and counts that as engagement '
  'with the post. p_user_id: for the secret key only. Returns the author. Errors: not_found, invalid_argument (a '
  'post of one''s own), unauthenticated, forbidden.';
revoke all on function public.block_author(uuid, uuid) from public, anon, authenticated, service_role;
grant execute on function public.block_author(uuid, uuid) to authenticated, service_role;

create or replace function public.mute_author(p_post_id uuid, p_user_id uuid default null)
returns uuid
language sql volatile parallel unsafe security invoker set search_path = ''
as $$ select medley.act_on_author(p_post_id, 'mute_author', p_user_id, now()) $$;

comment on function public.mute_author(uuid, uuid) is
  'Mutes the author of a post, who is not told, and counts that as engagement with the post. p_user_id: for the '
  'secret key only. Returns the author. Errors: not_found, invalid_argument (a post of one''s own), unauthenticated, '
  'forbidden.';
revoke all on function public.mute_author(uuid, uuid) from public, anon, authenticated, service_role;
grant execute on function public.mute_author(uuid, uuid) to authenticated, service_role;

create or replace function public.follow_author(p_post_id uuid, p_user_id uuid default null)
returns uuid
language sql volatile parallel unsafe security invoker set search_path = ''
as $$ select medley.act_on_author(p_post_id, 'follow_author', p_user_id, now()) $$;

comment on function public.follow_author(uuid, uuid) is
  'Follows the author of a post, and counts that as engagement with the post. p_user_id: for the secret key only. '
  'Returns the author. Errors: not_found, invalid_argument (a post of one''s own), unauthenticated, forbidden.';
revoke all on function public.follow_author(uuid, uuid) from public, anon, authenticated, service_role;
grant execute on function public.follow_author(uuid, uuid) to authenticated, service_role;

create or replace function public.get_posts_without_embedding(p_limit int default 500, p_cursor text default null)
returns table (item_id uuid, kind text, title text, next_cursor text)
language sql stable parallel safe security invoker set search_path = ''
as $$
  select p.item_id, p.kind, p.title, p.next_cursor
  from medley.get_posts_without_embedding(p_limit, p_cursor) as p
$$;

comment on function public.get_posts_without_embedding(int, text) is
  'What a worker has still to embed among posts, newest first (secret key only): those with words and without a vector of any '
  'model, by an index of just these, however many there are besides. title: the first 1,000 characters. p_limit: 1 to 1,000. '
  'p_cursor: next_cursor of the last row. After a change of model, get_items_without_embedding finds what lacks that one. '
  'Errors: invalid_argument, invalid_cursor.';
revoke all on function public.get_posts_without_embedding(int, text) from public, anon, authenticated, service_role;
grant execute on function public.get_posts_without_embedding(int, text) to service_role;
