-- Sources, filters and scores. The parts without SET inline into rank_items, which has one kept plan.
create type medley.recommendation_parameters as (
  behavior double precision,
  content double precision,
  embedding double precision,
  social double precision,
  social_cap double precision,
  social_discount double precision,
  followed double precision,
  popularity double precision,
  trend double precision,
  recency double precision,
  recency_days double precision,
  availability double precision,
  exploration double precision,
  diversity double precision,
  history int,
  history_exponent double precision,
  history_recency double precision,
  dislike_share double precision,
  neighbors int,
  pool int,
  shown_hours double precision,
  new_days double precision,
  max_per_creator double precision,
  max_per_genre double precision
);
comment on type medley.recommendation_parameters is
  'The weights of the ranker recommendations, an experiment''s included, and the settings of the pipeline, in one row.';

create or replace function medley.recommendation_parameters(p_overrides jsonb)
returns medley.recommendation_parameters
language plpgsql stable parallel safe security definer
set search_path = '' set plan_cache_mode = force_generic_plan
as $$
declare
  v_parameters medley.recommendation_parameters;
begin
  select w.*, s.*
  into v_parameters
  from (
    select
      max(w.weight) filter (where w.term = 'behavior'),
      max(w.weight) filter (where w.term = 'content'),
      max(w.weight) filter (where w.term = 'embedding'),
      max(w.weight) filter (where w.term = 'social'),
      max(w.cap) filter (where w.term = 'social'),
      max(w.scale) filter (where w.term = 'social'),
      max(w.weight) filter (where w.term = 'followed'),
      max(w.weight) filter (where w.term = 'popularity'),
      max(w.weight) filter (where w.term = 'trend'),
      max(w.weight) filter (where w.term = 'recency'),
      max(w.scale) filter (where w.term = 'recency'),
      max(w.weight) filter (where w.term = 'availability'),
      max(w.weight) filter (where w.term = 'exploration'),
      max(w.weight) filter (where w.term = 'diversity')
    from medley.ranker_weights as w
    where w.ranker = 'recommendations'
  ) as w
  cross join (
    select
      max(s.value) filter (where s.key = 'recommend.history'),
      max(s.value) filter (where s.key = 'recommend.history_exponent'),
      max(s.value) filter (where s.key = 'recommend.history_recency'),
      max(s.value) filter (where s.key = 'recommend.dislike_share'),
      max(s.value) filter (where s.key = 'recommend.neighbors'),
      max(s.value) filter (where s.key = 'recommend.pool'),
      max(s.value) filter (where s.key = 'recommend.shown_hours'),
      max(s.value) filter (where s.key = 'recommend.new_days'),
      max(s.value) filter (where s.key = 'recommend.max_per_creator'),
      max(s.value) filter (where s.key = 'recommend.max_per_genre')
    from medley.settings as s
    where s.key like 'recommend.%'
  ) as s;
  if p_overrides is not null then
    v_parameters := jsonb_populate_record(v_parameters, p_overrides);
  end if;
  return v_parameters;
end;
$$;

comment on function medley.recommendation_parameters(jsonb) is
  'Weights and settings in force, with the weights of p_overrides ({"term": weight}) instead of the stored ones.';
revoke all on function medley.recommendation_parameters(jsonb) from public, anon, authenticated, service_role;

create or replace function medley.member_history(
  p_user_no int,
  p_limit int,
  p_exponent double precision,
  p_recency double precision,
  p_dislike_share double precision,
  p_as_of timestamptz
)
returns table (item_no int, weight double precision, breadth double precision)
language sql stable parallel safe security invoker
begin atomic
  select
    h.item_no,
    (
      power(abs(h.value) / max(abs(h.value)) over (), p_exponent)
      * power(cume_dist() over (order by h.last_at desc), -p_recency)
      * case when h.value > 0 then 1 else -p_dislike_share end
    ),
    sqrt(count(*) over ())
  from (
    select
      a.item_no,
      sum(medley.affinity_at(a.score, a.last_at, a.half_life_days, p_as_of)) as value,
      max(a.last_at) as last_at
    from medley.affinities as a
    where a.user_no = p_user_no
    group by a.item_no
    order by abs(sum(medley.affinity_at(a.score, a.last_at, a.half_life_days, p_as_of))) desc, a.item_no
    limit p_limit
  ) as h
  where h.value <> 0;
end;

comment on function medley.member_history(
  int, int, double precision, double precision, double precision, timestamptz
) is
  'The p_limit strongest items that speak for a member, in any order. weight is (affinity / the strongest)^p_exponent, times '
  '(share of the items that are no older)^-p_recency, so the oldest counts once and the newest most; times '
  '-p_dislike_share where the member dislikes it. breadth is the root of how many they are: sums of likeness over them '
  'grow with it, and are divided by it.';
revoke all on function medley.member_history(
  int, int, double precision, double precision, double precision, timestamptz
)
from public, anon, authenticated, service_role;

create or replace function medley.shown_items(
  p_user_no int,
  p_since timestamptz,
  p_impression_no smallint,
  p_as_of timestamptz
)
returns table (item_no int)
language sql stable parallel safe security invoker
begin atomic
  select e.item_no
  from medley.engagements as e
  where e.user_no = p_user_no
    and e.occurred_at > p_since
    and e.occurred_at <= p_as_of
    and e.kind_no = p_impression_no;
end;

comment on function medley.shown_items(int, timestamptz, smallint, timestamptz) is
  'The items that the member was shown after p_since, until p_as_of; p_impression_no is the number of that kind.';
revoke all on function medley.shown_items(int, timestamptz, smallint, timestamptz)
from public, anon, authenticated, service_role;

-- Everything that may not be shown to the member again, whatever the source.
create or replace function medley.hidden_items(
  p_user_no int,
  p_hide text,
  p_skip int[],
  p_shown_since timestamptz,
  p_impression_no smallint,
  p_as_of timestamptz
)
returns table (item_no int)
language sql stable parallel safe security invoker
begin atomic
  -- A pair may have several rows, one for each half-life: the newest opinion counts.
  select a.item_no
  from medley.affinities as a
  where a.user_no = p_user_no
  group by a.item_no
  having p_hide = 'known' and bool_or(a.seen)
    or p_hide <> 'nothing' and max(a.negative_at) >= coalesce(max(a.positive_at), '-infinity')
  union all
  select w.item_no
  from medley.shown_items(p_user_no, p_shown_since, p_impression_no, p_as_of) as w
  union all
  select s.item_no
  from unnest(p_skip) as s (item_no);
end;

comment on function medley.hidden_items(int, text, int[], timestamptz, smallint, timestamptz) is
  'The items that p_skip names, that the member was shown between p_shown_since and p_as_of, and by p_hide those that the '
  'member rejects (rejected), also those the member knows (known), or neither (nothing).';
revoke all on function medley.hidden_items(int, text, int[], timestamptz, smallint, timestamptz)
from public, anon, authenticated, service_role;

-- From member to member by subqueries, which are planned for one of them: a join might begin with all who follow or
-- mute somebody famous.
create or replace function medley.social_items(
  p_user_id uuid,
  p_followed_since timestamptz,
  p_as_of timestamptz
)
returns table (item_no int, friends int, followed int)
language plpgsql stable parallel safe security definer
set search_path = '' set plan_cache_mode = force_generic_plan set enable_seqscan = off
as $$
begin
  -- Most follow nobody.
  if not exists (select from public.follows as w where w.follower_id = p_user_id) then
    return;
  end if;

  return query
  select o.item_no, sum(o.friends)::int, max(o.followed)
  from (
    select l.item_no, 1 as friends, 0 as followed
    from public.follows as w
    cross join lateral (
      -- Friends: mutual follows.
      select m.user_no
      from public.follows as r
      inner join medley.members as m on r.follower_id = m.user_id
      where r.follower_id = w.followed_id and r.followed_id = p_user_id
      limit 1
    ) as f
    cross join lateral (
      -- A pair may have several rows, one for each half-life: a friend counts once.
      select a.item_no
      from medley.affinities as a
      where a.user_no = f.user_no
      group by a.item_no
      having max(a.positive_at) > coalesce(max(a.negative_at), '-infinity')
      order by sum(medley.affinity_at(a.score, a.last_at, a.half_life_days, p_as_of)) desc
      limit 50
    ) as l
    where w.follower_id = p_user_id
      and (
        select true
        from public.user_mutes as u
        where u.user_id = p_user_id and u.muted_id = w.followed_id
      ) is null
    union all
    select l.item_no, 0, 1
    from public.follows as w
    cross join lateral (
      select i.item_no
      from medley.items as i
      where i.owner_id = w.followed_id and i.published_at between p_followed_since and p_as_of
      order by i.published_at desc
      limit 5
    ) as l
    where w.follower_id = p_user_id
  ) as o
  group by o.item_no;
end;
$$;

comment on function medley.social_items(uuid, timestamptz, timestamptz) is
  'Items that friends like (how many friends) and that followed members made since p_followed_since (followed: 1).';
revoke all on function medley.social_items(uuid, timestamptz, timestamptz)
from public, anon, authenticated, service_role;

-- The popular or on the rise, and the newest: few rows each, by an index.
create or replace function medley.common_items(
  p_kind text,
  p_depth int,
  p_new_since timestamptz,
  p_as_of timestamptz
)
returns table (item_no int, popularity real, trend real, published_at timestamptz)
language sql stable parallel safe security invoker
begin atomic
  select l.item_no, l.popularity, l.trend, l.published_at
  from medley.item_kinds as k
  cross join lateral (
    (
      select s.item_no, s.popularity, s.trend, null::timestamptz as published_at
      from medley.item_statistics as s
      where s.kind = k.kind
      order by s.popularity + s.trend desc, s.item_no
      limit p_depth
    )
    union all
    (
      select i.item_no, null, null, i.published_at
      from medley.items as i
      where i.kind = k.kind
        and i.visibility = 'public'
        and i.published_at between p_new_since and p_as_of
      order by i.published_at desc
      limit p_depth
    )
  ) as l
  where p_kind is null or k.kind = p_kind;
end;

comment on function medley.common_items(text, int, timestamptz, timestamptz) is
  'Items that are for everybody: p_depth of each kind from the popular or on the rise, and as many of the newest since '
  'p_new_since (with published_at).';
revoke all on function medley.common_items(text, int, timestamptz, timestamptz)
from public, anon, authenticated, service_role;

create or replace function medley.may_recommend(p_user_id uuid, p_item_id uuid, p_owner_id uuid)
returns boolean
language plpgsql stable parallel safe security definer set search_path = ''
as $$
begin
  -- One's own items are no recommendations.
  return p_owner_id is distinct from p_user_id and medley.may_list(p_user_id, p_item_id, p_owner_id);
end;
$$;

comment on function medley.may_recommend(uuid, uuid, uuid) is
  'Whether an item may be recommended to the member: visible, not the member''s own, and its owner not muted.';
revoke all on function medley.may_recommend(uuid, uuid, uuid) from public, anon, authenticated, service_role;

create type medley.ranked_item as (
  item_no int,
  item_id uuid,
  kind text,
  title text,
  published_at timestamptz,
  relevance double precision,
  behavior double precision,
  content double precision,
  social double precision,
  followed double precision,
  popularity double precision,
  trend double precision,
  recency double precision,
  availability double precision,
  exploration double precision,
  friends int,
  cause_no int,
  signature bit(128), -- noqa: LT01
  creator_no int,
  genre_no int
);
comment on type medley.ranked_item is
  'An item that may be shown to a member: its points by term, which sum to relevance; how many friends like it; the item of '
  'the history that speaks for it most; and what diversity looks at.';

create or replace function medley.rank_items(
  p_user_no int,
  p_user_id uuid,
  p_kind text,
  p_pool int,
  p_depth int,
  p_any_age boolean,
  p_hide text,
  p_shown_since timestamptz,
  p_skip int[],
  p_country text,
  p_parameters medley.recommendation_parameters,
  p_as_of timestamptz
)
returns setof medley.ranked_item
language plpgsql stable parallel safe security definer
set search_path = '' set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_mergejoin = off
as $$
declare
  v_behavior_list smallint;
  v_content_list smallint;
  v_embedding_list smallint;
  v_impression smallint := (select k.kind_no from medley.engagement_kinds as k where k.kind = 'impression');
  v_new_since timestamptz := p_as_of - (p_parameters).new_days * interval '1 day';
  v_platforms text[];
  v_platform_worths double precision[];
  -- Scalars: a field of a row costs the query as much as all the arithmetic on it.
  v_behavior double precision := (p_parameters).behavior;
  v_content double precision := (p_parameters).content;
  v_embedding double precision := (p_parameters).embedding;
  v_social double precision := (p_parameters).social;
  v_social_cap double precision := (p_parameters).social_cap;
  v_social_discount double precision := (p_parameters).social_discount;
  v_followed double precision := (p_parameters).followed;
  v_popularity double precision := (p_parameters).popularity;
  v_trend double precision := (p_parameters).trend;
  v_recency double precision := (p_parameters).recency;
  v_recency_days double precision := (p_parameters).recency_days;
  v_availability double precision := (p_parameters).availability;
  v_exploration double precision := (p_parameters).exploration;
  v_history int := (p_parameters).history;
  v_history_exponent double precision := (p_parameters).history_exponent;
  v_history_recency double precision := (p_parameters).history_recency;
  v_dislike_share double precision := (p_parameters).dislike_share;
  v_neighbors int := (p_parameters).neighbors;
begin
  select
    max(l.list_no) filter (where l.method = 'behavior'),
    max(l.list_no) filter (where l.method = 'content'),
    max(l.list_no) filter (where l.method = 'embedding')
  into v_behavior_list, v_content_list, v_embedding_list
  from medley.neighbor_lists as l
  where l.state = 'current';

  select
    array_agg(p.platform_name),
    array_agg(case when p.has_subscription then 1 else p.usage_frequency * p.preference_score end)
  into v_platforms, v_platform_worths
  from medley.platform_user_preferences as p
  where p.user_no = p_user_no;

  return query
  with history as materialized (
    select h.item_no, h.weight, h.breadth
    from medley.member_history(
      p_user_no, v_history, v_history_exponent, v_history_recency, v_dislike_share, p_as_of
    ) as h
  ),

  -- What an item of the history gives its neighbours: by behaviour, and in content, by features and by vectors.
  voice as (
    select
      h.item_no,
      h.item_no::bigint as cause_no,
      l.list_no,
      h.weight * l.behavior as behavior,
      h.weight / h.breadth * l.content as content,
      -- As large as leaves room for the weights below.
      greatest(
        least((h.weight * l.behavior + h.weight / h.breadth * l.content) * 1000000, 100000000), -100000000
      ) as points,
      (v_neighbors / (select count(*) from history))::int as neighbors
    from history as h
    cross join (
      values (v_behavior_list, v_behavior, 0), (v_content_list, 0, v_content), (v_embedding_list, 0, v_embedding)
    ) as l (list_no, behavior, content)
    where l.list_no is not null
    -- A fence: computed once a voice, not once a neighbour.
    offset 0
  ),

  -- What other sources say, as far as it is known before the item itself is read.
  other as materialized (
    select o.item_no, sum(o.points) as points, sum(o.friends)::int as friends, sum(o.followed) as followed
    from (
      select
        s.item_no,
        least(v_social * s.friends, v_social_cap) + v_followed * s.followed as points,
        s.friends,
        v_followed * s.followed as followed
      from medley.social_items(p_user_id, v_new_since, p_as_of) as s
      union all
      select
        c.item_no,
        coalesce(v_popularity * c.popularity + v_trend * c.trend, 0)
        + case
          when c.published_at is null then 0
          else v_exploration + v_recency * medley.recency(c.published_at, p_as_of, v_recency_days)
        end,
        0,
        0
      from medley.common_items(
        p_kind, p_depth, case when p_any_age then '-infinity' else v_new_since end, p_as_of
      ) as c
    ) as o
    group by o.item_no
  ),

  -- All in one stream. Hidden items fall out of the sums; a join that leaves them out could be planned badly.
  spread as (
    select
      unnest(n.neighbor_nos[:v.neighbors]) as item_no,
      v.behavior,
      v.content,
      v.points,
      v.cause_no,
      unnest(n.weights[:v.neighbors]) as weight
    from voice as v
    inner join medley.packed_neighbors as n on v.list_no = n.list_no and v.item_no = n.item_no
    union all
    select o.item_no, o.points, 0, 0, null, 1
    from other as o
    union all
    select h.item_no, '-infinity', 0, 0, null, 1
    from medley.hidden_items(p_user_no, p_hide, p_skip, p_shown_since, v_impression, p_as_of) as h
  ),

  -- The points that are known before the item itself is read say which items are worth reading. A contribution's
  -- points, as a whole number, and the item that they come from share a bigint: the greatest is the cause.
  near as (
    select
      s.item_no,
      sum(s.behavior * s.weight) as behavior,
      sum(s.content * s.weight) as content,
      max((s.points * s.weight)::bigint << 32 | s.cause_no) as cause
    from spread as s
    group by s.item_no
    having sum(s.behavior * s.weight) > '-infinity'
    order by sum(s.behavior * s.weight) + sum(s.content * s.weight) desc, s.item_no
    limit p_pool
  ),

  pool as (
    select
      n.item_no,
      n.behavior - coalesce(o.points, 0) as behavior,
      n.content,
      coalesce(o.followed, 0) as followed,
      coalesce(o.friends, 0) as friends,
      case when n.cause >= 4294967296 then (n.cause & 4294967295)::int end as cause_no
    from near as n
    left join other as o on n.item_no = o.item_no
  ),

  term as (
    select
      i.item_no,
      i.id,
      i.kind,
      i.title,
      i.published_at,
      p.behavior,
      p.content,
      -- What everybody likes says less about friends.
      least(v_social * p.friends * (1 - v_social_discount * coalesce(s.popularity, 0)), v_social_cap) as social,
      p.followed,
      coalesce(v_popularity * s.popularity, 0) as popularity,
      coalesce(v_trend * s.trend, 0) as trend,
      v_recency * medley.recency(i.published_at, p_as_of, v_recency_days) as recency,
      case
        when v_platforms is not null then coalesce(v_availability * (
          select max(v_platform_worths[array_position(v_platforms, a.platform)])
          from medley.item_availability as a
          where a.item_no = i.item_no
            and (a.country = '' or a.country = p_country or p_country is null)
            and a.available_from <= p_as_of
            and a.available_until > p_as_of
        ), 0)
        else 0
      end as availability,
      case
        when i.published_at > v_new_since
          then v_exploration * (1 - coalesce(s.popularity, 0))
        else 0
      end as exploration,
      p.friends,
      p.cause_no,
      c.signature,
      c.creator_no,
      c.genre_no
    from pool as p
    inner join medley.items as i on p.item_no = i.item_no
    left join medley.item_statistics as s on p.item_no = s.item_no
    left join medley.item_content as c on p.item_no = c.item_no
    where (p_kind is null or i.kind = p_kind)
      and i.published_at <= p_as_of
      and (i.expires_at is null or i.expires_at > p_as_of)
      and (i.owner_id is null and i.visibility = 'public' or medley.may_recommend(p_user_id, i.id, i.owner_id))
    -- A fence: the terms are computed once.
    offset 0
  )

  select
    t.item_no,
    t.id,
    t.kind,
    t.title,
    t.published_at,
    t.behavior + t.content + t.social + t.followed + t.popularity + t.trend + t.recency + t.availability + t.exploration
      as relevance,
    t.behavior,
    t.content,
    t.social,
    t.followed,
    t.popularity,
    t.trend,
    t.recency,
    t.availability,
    t.exploration,
    t.friends,
    t.cause_no,
    t.signature,
    t.creator_no,
    t.genre_no
  from term as t
  order by relevance desc, t.item_no;
end;
$$;

comment on function medley.rank_items(
  int, uuid, text, int, int, boolean, text, timestamptz, int[], text, medley.recommendation_parameters, timestamptz
) is
  'The p_pool most relevant items that the member may see and does not know yet, best first. p_depth: items of each kind '
  'from the trends, the popular and the new; with p_any_age from the newest, however old. p_hide and p_skip: see '
  'hidden_items. p_shown_since: impressions since then hide. p_country: where the member watches (null: anywhere).';
revoke all on function medley.rank_items(
  int, uuid, text, int, int, boolean, text, timestamptz, int[], text, medley.recommendation_parameters, timestamptz
) from public, anon, authenticated, service_role;
