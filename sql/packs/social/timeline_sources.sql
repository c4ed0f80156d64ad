-- Where the timeline's posts come from, and what keeps them out. The parts without SET inline into rank_timeline, which
-- has one kept plan.
create or replace function medley.timeline_hidden(
  p_user_no int,
  p_since timestamptz,
  p_shown_since timestamptz,
  p_shown_rows int,
  p_impression_no smallint,
  p_seen_nos smallint[],
  p_as_of timestamptz
)
returns table (item_no int)
language sql stable parallel safe security invoker
begin atomic
  -- No post is older than p_since, so nobody saw one before then.
  select l.item_no
  from (
    select
      e.item_no,
      e.kind_no = p_impression_no as is_shown,
      e.occurred_at,
      row_number() over (partition by e.kind_no = p_impression_no order by e.occurred_at desc) as nth
    from medley.engagements as e
    where e.user_no = p_user_no
      and e.occurred_at > p_since
      and e.occurred_at <= p_as_of
      and (e.kind_no = p_impression_no or e.kind_no = any(p_seen_nos))
  ) as l
  where not l.is_shown or l.nth <= p_shown_rows or l.occurred_at > p_shown_since;
end;

comment on function medley.timeline_hidden(int, timestamptz, timestamptz, int, smallint, smallint[], timestamptz) is
  'Posts that the member has seen or rejected since p_since (p_seen_nos: numbers of the kinds that say so), was shown after '
  'p_shown_since, or among the p_shown_rows rows shown last.';
revoke all on function medley.timeline_hidden(int, timestamptz, timestamptz, int, smallint, smallint[], timestamptz)
from public, anon, authenticated, service_role;

create or replace function medley.timeline_followed(p_user_id uuid, p_limit int, p_avoided uuid[])
returns table (user_no int, user_id uuid, is_mutual boolean)
language sql stable parallel safe security invoker
begin atomic
  select
    m.user_no,
    f.followed_id,
    exists (
      select from public.follows as b
      where b.follower_id = f.followed_id and b.followed_id = p_user_id
    )
  from (
    select w.followed_id
    from public.follows as w
    where w.follower_id = p_user_id and w.followed_id <> all(p_avoided)
    limit p_limit
  ) as f
  inner join medley.members as m on m.user_id = f.followed_id;
end;

comment on function medley.timeline_followed(uuid, int, uuid[]) is
  'Whom the member follows, p_limit of them, those of p_avoided aside, and who follows back.';
revoke all on function medley.timeline_followed(uuid, int, uuid[]) from public, anon, authenticated, service_role;

-- Sources outside the network: few posts each, by an index.
create or replace function medley.timeline_elsewhere(
  p_user_no int,
  p_depth int,
  p_since timestamptz,
  p_as_of timestamptz
)
returns table (item_no int, source_no int)
language sql stable parallel safe security invoker
begin atomic
  select t.item_no, 5
  from (
    select c.item_no
    from medley.trending_cache as c
    where c.time_window = 'day' and c.trend_type = 'global' and c.segment = '' and c.kind = 'post'
      and c.expires_at > p_as_of
    order by c.trend_score desc, c.item_no desc
    limit p_depth
  ) as t
  union all
  select t.item_no, 4
  from medley.user_clusters as u
  cross join lateral (
    select c.item_no
    from medley.trending_cache as c
    where c.time_window = 'day' and c.trend_type = 'cluster'
      and c.segment = (select g.generation from medley.generations as g where g.name = 'user_clusters') || '.' || u.cluster_no
      and c.kind = 'post'
      and c.expires_at > p_as_of
    order by c.trend_score desc, c.item_no desc
    limit p_depth
  ) as t
  where u.user_no = p_user_no and u.cluster_type = 'taste_based'
  union all
  select t.item_no, 6
  from (
    select p.item_no
    from medley.timeline_posts as p
    where p.is_newcomer and p.created_at > p_since and p.created_at <= p_as_of
    order by p.created_at desc
    limit p_depth / 2
  ) as t;
end;

comment on function medley.timeline_elsewhere(int, int, timestamptz, timestamptz) is
  'Posts of whomever: what trends everywhere and among members of the same taste, p_depth of each, and half as many of '
  'authors whom hardly anybody has seen.';
revoke all on function medley.timeline_elsewhere(int, int, timestamptz, timestamptz)
from public, anon, authenticated, service_role;
