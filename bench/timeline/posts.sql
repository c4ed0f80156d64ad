-- Five posts a member over ten days, one in five a reply; who is followed more writes more. Ids and numbers go with time,
-- as they would in an app. bench.post says what is needed again.
create unlogged table bench.post as
select
  p as post_no,
  bench.scattered(floor(n.members * bench.u(p, 'author') ^ 1.5)::bigint, n.members) as author_no,
  n.as_of - (n.posts - p) * (interval '10 days' / n.posts) as created_at,
  -- A reply to a post that is none, written up to an hour before.
  case when p % 5 = 0 and p > 2000 then p - 1 - 5 * floor(n.posts / 2400 * bench.u(p, 'parent'))::int end as parent_no,
  case when bench.u(p, 'visibility') < 0.97 then 'public' when bench.u(p, 'visibility') < 0.99 then 'followers' else 'private' end
    as visibility
from (
  select
    current_setting('bench.members')::int as members,
    5 * current_setting('bench.members')::int as posts,
    now() as as_of
) as n
cross join lateral generate_series(1, n.posts) as p;

insert into medley.items (id, item_no, kind, title, owner_id, visibility, published_at) overriding system value
select
  bench.uuid('e00', p.post_no), p.post_no, 'post', 'Post ' || p.post_no, bench.uuid('c00', p.author_no), p.visibility, p.created_at
from bench.post as p;
select setval(pg_get_serial_sequence('medley.items', 'item_no'), 5 * current_setting('bench.members')::int);

insert into public.posts (
  id, author_id, content, parent_id, conversation_id, language, visibility, like_count, created_at
)
select
  bench.uuid('e00', p.post_no),
  bench.uuid('c00', p.author_no),
  'word' || p.post_no % 5000 || ' and word' || p.post_no % 777 || ' in post ' || p.post_no % 100,
  bench.uuid('e00', p.parent_no),
  bench.uuid('e00', coalesce(p.parent_no, p.post_no)),
  'en',
  p.visibility,
  p.post_no % 20,
  p.created_at
from bench.post as p;

insert into medley.timeline_posts (
  item_no, is_repost, poster_id, posted_at, conversation_no, parent_no, visibility, is_newcomer, created_at, post_id, author_id
)
select
  p.post_no,
  false,
  bench.uuid('c00', p.author_no),
  p.created_at,
  coalesce(p.parent_no, p.post_no),
  p.parent_no,
  p.visibility,
  bench.u(p.author_no, 'exposures') < 0.03,
  p.created_at,
  bench.uuid('e00', p.post_no),
  bench.uuid('c00', p.author_no)
from bench.post as p;
