-- What members did lately. Two likes and half a repost a member in the last two days, of recent posts; what trends; and
-- the log of every tenth member, who was shown 30 posts in the last hours, viewed some, and rejected one.
insert into public.likes (user_id, post_id, created_at)
select
  bench.uuid('c00', bench.scattered(floor(n.members * bench.u(l, 'liker') ^ 1.5)::bigint, n.members)),
  bench.uuid('e00', n.posts - floor(n.posts / 5 * bench.u(l, 'liked') ^ 1.5)::int),
  now() - 40 * bench.u(l, 'liked at') * interval '1 hour'
from (select current_setting('bench.members')::int as members, 5 * current_setting('bench.members')::int as posts) as n
cross join lateral generate_series(1, 2 * n.members) as l
on conflict do nothing;

insert into public.reposts (user_id, post_id, created_at)
select
  bench.uuid('c00', bench.scattered(floor(n.members * bench.u(l, 'reposter') ^ 1.5)::bigint, n.members)),
  bench.uuid('e00', n.posts - floor(n.posts / 5 * bench.u(l, 'reposted') ^ 1.5)::int),
  now() - 40 * bench.u(l, 'reposted at') * interval '1 hour'
from (select current_setting('bench.members')::int as members, 5 * current_setting('bench.members')::int as posts) as n
cross join lateral generate_series(1, n.members / 2) as l
on conflict do nothing;

insert into medley.timeline_posts (
  item_no, is_repost, poster_id, posted_at, conversation_no, parent_no, is_newcomer, created_at, post_id, author_id
)
select p.item_no, true, r.user_id, r.created_at, p.conversation_no, p.parent_no, false, p.created_at, p.post_id, p.author_id
from public.reposts as r
inner join medley.items as i on i.id = r.post_id
inner join medley.timeline_posts as p on p.item_no = i.item_no and not p.is_repost
where r.user_id <> p.author_id;

insert into medley.trending_cache (
  item_no, trend_score, kind, time_window, trend_type, segment, calculated_at, expires_at
)
select distinct on (s.segment, t.item_no)
  t.item_no, (10.0 / t.place)::real, 'post', 'day', case when s.segment = '' then 'global' else 'cluster' end, s.segment, now(),
  now() + interval '1 day'
from (select '' as segment, 0 as no union all select '1.' || c, c from generate_series(1, 32) as c) as s
cross join lateral (
  select
    k as place,
    5 * current_setting('bench.members')::int
    - floor(current_setting('bench.members')::int * bench.u(s.no * 4096 + k, 'trending'))::int as item_no
  from generate_series(1, 200) as k
) as t;

insert into medley.engagements (occurred_at, logged_at, user_no, item_no, score, kind_no)
select e.at, e.at, e.user_no, e.item_no, 0.1, k.kind_no
from (
  select
    m as user_no,
    n.posts - floor(n.posts / 5 * bench.u(m * 32::bigint + g, 'shown'))::int as item_no,
    now() - (0.2 + 5 * bench.u(m, 'shown at')) * interval '1 hour' + g * interval '1 second' as at,
    case when g % 10 = 0 then 'not_interested' when g % 3 = 0 then 'view' else 'impression' end as kind
  from (select current_setting('bench.members')::int as members, 5 * current_setting('bench.members')::int as posts) as n
  cross join lateral generate_series(5, n.members, 10) as m
  cross join generate_series(1, 30) as g
) as e
inner join medley.engagement_kinds as k on k.kind = e.kind
order by e.at;
