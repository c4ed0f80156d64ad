-- Recommendations as one would write them by hand: one query, the same terms and filters, every item scored. Without
-- diversity, reasons and breakdown.
create function tests.plain_recommend(p_user_id uuid, p_limit int, p_as_of timestamptz)
returns table (item_no int, score double precision)
language sql stable as $$
  with member as (
    select m.user_no from medley.members as m where m.user_id = p_user_id
  ),

  weight as (
    select
      max(w.weight) filter (where w.term = 'behavior') as behavior,
      max(w.weight) filter (where w.term = 'content') as content,
      max(w.weight) filter (where w.term = 'social') as social,
      max(w.cap) filter (where w.term = 'social') as social_cap,
      max(w.scale) filter (where w.term = 'social') as social_discount,
      max(w.weight) filter (where w.term = 'followed') as followed,
      max(w.weight) filter (where w.term = 'popularity') as popularity,
      max(w.weight) filter (where w.term = 'trend') as trend,
      max(w.weight) filter (where w.term = 'recency') as recency,
      max(w.scale) filter (where w.term = 'recency') as recency_days,
      max(w.weight) filter (where w.term = 'availability') as availability,
      max(w.weight) filter (where w.term = 'exploration') as exploration
    from medley.ranker_weights as w
    where w.ranker = 'recommendations'
  ),

  affinity as (
    select
      a.item_no,
      sum(a.score * power(0.5, extract(epoch from p_as_of - a.last_at)::float8 / 86400 / a.half_life_days)) as value,
      max(a.last_at) as last_at
    from medley.affinities as a
    where a.user_no = (select m.user_no from member as m)
    group by a.item_no
    order by abs(sum(a.score * power(0.5, extract(epoch from p_as_of - a.last_at)::float8 / 86400 / a.half_life_days))) desc
    limit (select s.value::int from medley.settings as s where s.key = 'recommend.history')
  ),

  history as (
    select
      a.item_no,
      power(abs(a.value) / max(abs(a.value)) over (), e.value::float8)
      * power(cume_dist() over (order by a.last_at desc), -r.value::float8)
      * case when a.value > 0 then 1 else -d.value::float8 end as weight,
      sqrt(count(*) over ()) as breadth
    from affinity as a
    inner join medley.settings as e on e.key = 'recommend.history_exponent'
    inner join medley.settings as r on r.key = 'recommend.history_recency'
    inner join medley.settings as d on d.key = 'recommend.dislike_share'
    where a.value <> 0
  ),

  near as (
    select
      n.neighbor_no as item_no,
      sum(h.weight * n.weight) filter (where l.method = 'behavior') as behavior,
      sum(h.weight * n.weight / h.breadth) filter (where l.method = 'content') as content
    from history as h
    inner join medley.item_neighbors as n on h.item_no = n.item_no
    inner join medley.neighbor_lists as l
      on n.list_no = l.list_no and l.state = 'current' and l.method in ('behavior', 'content')
    group by n.neighbor_no
  ),

  friends as (
    select m.user_no
    from public.follows as f
    inner join public.follows as r on f.followed_id = r.follower_id and f.follower_id = r.followed_id
    inner join medley.members as m on f.followed_id = m.user_id
    where f.follower_id = p_user_id
      and not exists (
        select from public.user_mutes as u
        where u.user_id = p_user_id and u.muted_id = f.followed_id
      )
  ),

  liked_by_friends as (
    select a.item_no, count(distinct a.user_no) as friends
    from medley.affinities as a
    inner join friends as f on a.user_no = f.user_no
    where a.positive_at > coalesce(a.negative_at, '-infinity')
    group by a.item_no
  ),

  platform as (
    select
      a.item_no,
      max(case when p.has_subscription then 1 else p.usage_frequency * p.preference_score end) as available
    from medley.item_availability as a
    inner join medley.platform_user_preferences as p on a.platform = p.platform_name
    inner join member as m on p.user_no = m.user_no
    where a.available_from <= p_as_of and a.available_until > p_as_of
    group by a.item_no
  )

  select
    i.item_no,
    coalesce(w.behavior * n.behavior, 0)
    + coalesce(w.content * n.content, 0)
    + least(w.social * coalesce(f.friends * (1 - w.social_discount * coalesce(s.popularity, 0)), 0), w.social_cap)
    + case when o.follower_id is null then 0 else w.followed end
    + coalesce(w.popularity * s.popularity, 0)
    + coalesce(w.trend * s.trend, 0)
    + w.recency * power(0.5, least(extract(epoch from p_as_of - i.published_at)::float8 / 86400 / w.recency_days, 70))
    + coalesce(w.availability * p.available, 0)
    + case
      when i.published_at > p_as_of - (
        select d.value::float8 from medley.settings as d where d.key = 'recommend.new_days'
      ) * interval '1 day' then w.exploration * (1 - coalesce(s.popularity, 0))
      else 0
    end as score
  from medley.items as i
  cross join weight as w
  left join near as n on i.item_no = n.item_no
  left join liked_by_friends as f on i.item_no = f.item_no
  left join public.follows as o on i.owner_id = o.followed_id and o.follower_id = p_user_id
  left join medley.item_statistics as s on i.item_no = s.item_no
  left join platform as p on i.item_no = p.item_no
  where i.published_at <= p_as_of
    and (i.expires_at is null or i.expires_at > p_as_of)
    and i.visibility = 'public'
    and i.owner_id is distinct from p_user_id
    and not exists (
      select from medley.affinities as a
      inner join member as m on a.user_no = m.user_no
      where a.item_no = i.item_no
        and (a.seen or a.negative_at >= coalesce(a.positive_at, '-infinity'))
    )
    and not exists (
      select from medley.engagements as e
      inner join member as m on e.user_no = m.user_no
      inner join medley.engagement_kinds as k on e.kind_no = k.kind_no and k.kind = 'impression'
      where e.item_no = i.item_no
        and e.occurred_at between p_as_of - (
          select d.value::float8 from medley.settings as d where d.key = 'recommend.shown_hours'
        ) * interval '1 hour' and p_as_of
    )
    and not exists (
      select from public.user_mutes as u
      where u.user_id = p_user_id and u.muted_id = i.owner_id
    )
  order by score desc, i.item_no
  limit p_limit
$$;
