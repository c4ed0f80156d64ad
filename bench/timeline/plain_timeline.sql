-- The home timeline as one would write it by hand, straight from the tables: every post of the last two days is scored,
-- then sorted. The reference for the benchmark (time), and an independent formulation of the score: base is the score
-- before author diversity. p_in_network: only posts that followed members wrote or reposted; p_of: only these posts.
create function tests.plain_timeline(p_user_id uuid, p_limit int, p_as_of timestamptz, p_in_network boolean default false, p_of uuid[] default null)
returns table (post_id uuid, in_network boolean, base double precision, score double precision)
language sql stable
as $$
  with me as (
    select m.user_no from medley.members as m where m.user_id = p_user_id
  ),

  setting as (
    select
      (select s.value from medley.settings as s where s.key = 'timeline.prior_exposures')::float8 as prior,
      (select s.value from medley.settings as s where s.key = 'timeline.rate_days')::float8 as days,
      (select w.weight from medley.ranker_weights as w where w.ranker = 'home_timeline' and w.term = 'mutual_reply')::float8
        as mutual_reply,
      (select w.weight from medley.ranker_weights as w where w.ranker = 'home_timeline' and w.term = 'out_of_network')::float8
        as out_of_network
  ),

  avoided as (
    select b.blocked_id as id from public.user_blocks as b where b.user_id = p_user_id
    union
    select b.user_id from public.user_blocks as b where b.blocked_id = p_user_id
    union
    select m.muted_id from public.user_mutes as m where m.user_id = p_user_id
  ),

  followed as (
    select
      f.followed_id as id,
      exists (
        select from public.follows as b where b.follower_id = f.followed_id and b.followed_id = p_user_id
      ) as is_mutual
    from public.follows as f
    where f.follower_id = p_user_id and f.followed_id not in (select a.id from avoided as a)
  ),

  event as (
    select e.item_no, e.occurred_at, k.kind, k.marks_seen, k.polarity,
      row_number() over (partition by k.kind order by e.occurred_at desc) as nth
    from medley.engagements as e
    inner join me on me.user_no = e.user_no
    inner join medley.engagement_kinds as k on k.kind_no = e.kind_no
    where e.occurred_at > p_as_of - interval '48 hours' and e.occurred_at <= p_as_of
  ),

  seen as (
    select i.id
    from event as e
    inner join medley.items as i on i.item_no = e.item_no
    where e.kind = 'view' or e.marks_seen or e.polarity < 0
      or e.kind = 'impression' and (e.nth <= 100 or e.occurred_at > p_as_of - interval '10 minutes')
  ),

  candidate as (
    select
      p.id,
      p.author_id,
      p.conversation_id,
      p.created_at,
      exists (select from followed as f where f.id = p.author_id)
      or exists (select from public.reposts as r inner join followed as f on f.id = r.user_id where r.post_id = p.id) as in_network
    from public.posts as p
    where p.created_at > p_as_of - interval '48 hours' and p.created_at <= p_as_of
      and (p_of is null or p.id = any(p_of))
      and p.author_id <> p_user_id
      and p.author_id not in (select a.id from avoided as a)
      and (p.visibility = 'public' or p.visibility = 'followers' and p.author_id in (select f.id from followed as f))
      and p.id not in (select s.id from seen as s)
      and not exists (
        select from public.posts as q inner join avoided as a on a.id = q.author_id where q.id = p.parent_id
      )
      and not exists (
        select from public.muted_words as w where w.user_id = p_user_id and p.search @@ w.query
      )
  ),

  probability as (
    select
      a.author_id,
      coalesce(r.exposures * d.fading, 0) as exposures,
      k.kind,
      (coalesce(c.n * d.fading, 0) + s.prior * k.rate) / (coalesce(r.exposures * d.fading, 0) + s.prior) as p
    from (select distinct c.author_id from candidate as c) as a
    cross join setting as s
    left join medley.author_rates as r on r.user_id = a.author_id
    left join lateral (select 0.5 ^ (extract(epoch from p_as_of - r.counted_at)::float8 / 86400 / s.days) as fading) as d on true
    cross join lateral unnest(coalesce(r.counts::real[], array_fill(0::real, array[32]))) with ordinality as c (n, place)
    inner join medley.timeline_kinds as k on k.place = c.place and k.sign = 1
  ),

  author as (
    select
      b.author_id,
      max(b.exposures) as exposures,
      sum(w.weight::float8 * b.p) as points,
      max(b.p) filter (where b.kind = 'reply') as reply
    from probability as b
    inner join medley.ranker_weights as w on w.ranker = 'home_timeline' and w.term = b.kind
    group by b.author_id
  ),

  factored as (
    select
      c.*,
      a.points + case when f.is_mutual then s.mutual_reply * a.reply else 0 end as points,
      case when c.in_network then 1 else s.out_of_network end
      * (1 + w.weight::float8 * greatest(1 - a.exposures / w.scale::float8, 0)) as factor
    from candidate as c
    cross join setting as s
    inner join author as a on a.author_id = c.author_id
    inner join medley.ranker_weights as w on w.ranker = 'home_timeline' and w.term = 'cold_start'
    left join followed as f on f.id = c.author_id
    where c.in_network or not p_in_network
  ),

  scored as (
    select f.*, case when f.points < 0 then f.points / f.factor else f.points * f.factor end as base
    from factored as f
  ),

  single as (
    select s.*, row_number() over (partition by s.conversation_id order by s.base desc, s.created_at desc, s.id desc) as nth
    from scored as s
  ),

  ranked as (
    select s.*, row_number() over (partition by s.author_id order by s.base desc, s.created_at desc, s.id desc) - 1 as before
    from single as s
    where s.nth = 1
  )

  select
    r.id,
    r.in_network,
    r.base,
    case when r.base < 0 then r.base / d.factor else r.base * d.factor end as score
  from ranked as r
  inner join medley.ranker_weights as w on w.ranker = 'home_timeline' and w.term = 'author_diversity'
  cross join lateral (select w.weight::float8 + (1 - w.weight::float8) * w.scale::float8 ^ least(r.before, 100) as factor) as d
  order by score desc, r.created_at desc, r.id desc
  limit p_limit
$$;
