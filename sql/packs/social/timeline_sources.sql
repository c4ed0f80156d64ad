-- Where the timeline's posts come from, and what keeps them out. The parts without SET inline into rank_timeline, which
-- has one kept plan.
create or replace function medley.timeline_log(
  p_user_no int,
  p_since timestamptz,
  p_impression_no smallint,
  p_seen_nos smallint[]
)
returns table (item_no int, occurred_at timestamptz, is_shown boolean, nth bigint)
language sql stable parallel safe security invoker
begin atomic
  -- No post is older than p_since, so nobody saw one before then. Until this very moment, on later pages too: what was
  -- rejected a second ago must not come.
  select
    e.item_no,
    e.occurred_at,
    e.kind_no = p_impression_no,
    row_number() over (partition by e.kind_no = p_impression_no order by e.occurred_at desc)
  from medley.engagements as e
  where e.user_no = p_user_no
    and e.occurred_at > p_since
    and (e.kind_no = p_impression_no or e.kind_no = any(p_seen_nos));
end;

comment on function medley.timeline_log(int, timestamptz, smallint, smallint[]) is
  'What the member was shown since p_since (is_shown, nth: how many rows ago), and what else there is no point in showing: '
  'p_seen_nos are the numbers of the kinds that say so.';
revoke all on function medley.timeline_log(int, timestamptz, smallint, smallint[])
from public, anon, authenticated, service_role;

-- Sources outside the network: few posts each, by an index.
create or replace function medley.timeline_trending(p_user_no int, p_depth int, p_as_of timestamptz)
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
      and c.segment = (
        select g.generation || '.' || u.cluster_no from medley.generations as g where g.name = 'user_clusters'
      )
      and c.kind = 'post' and c.expires_at > p_as_of
    order by c.trend_score desc, c.item_no desc
    limit p_depth
  ) as t
  where u.user_no = p_user_no and u.cluster_type = 'taste_based';
end;

comment on function medley.timeline_trending(int, int, timestamptz) is
  'What trends today among all members (source 5) and among those of the same taste (4), p_depth of each.';
revoke all on function medley.timeline_trending(int, int, timestamptz) from public, anon, authenticated, service_role;
