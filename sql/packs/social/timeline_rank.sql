-- Scores: the weighted sum of what the member will probably do with a post, then factors.
create type medley.timeline_parameters as (
  kinds text[],
  weights double precision[],
  rates double precision[],
  reply_place int,
  mutual_reply double precision,
  out_of_network double precision,
  diversity_floor double precision,
  diversity_decay double precision,
  cold_lift double precision,
  cold_exposures double precision,
  max_age_hours double precision,
  shown_rows int,
  shown_minutes double precision,
  diversity_seconds double precision,
  followed int,
  author_posts int,
  depth int,
  likers int,
  pool int,
  rate_days double precision,
  prior_exposures double precision,
  impression_no smallint,
  seen_nos smallint[]
);
comment on type medley.timeline_parameters is
  'The weights of the ranker home_timeline, an experiment''s included, the rates of all authors, both by place, and the settings.';

create or replace function medley.timeline_parameters(p_overrides jsonb)
returns medley.timeline_parameters
language plpgsql stable parallel safe security definer
set search_path = '' set plan_cache_mode = force_generic_plan
as $$
declare
  v medley.timeline_parameters;
begin
  select
    array_agg(k.kind order by p.place),
    array_agg(coalesce((p_overrides ->> k.kind)::float8, w.weight::float8, 0) order by p.place),
    array_agg(coalesce(k.rate, 0) order by p.place),
    max(k.place) filter (where k.kind = 'reply')
  into v.kinds, v.weights, v.rates, v.reply_place
  from generate_series(1, 32) as p (place)
  left join medley.timeline_kinds as k on k.place = p.place and k.sign = 1
  left join medley.ranker_weights as w on w.ranker = 'home_timeline' and w.term = k.kind;

  select
    coalesce((p_overrides ->> 'mutual_reply')::float8, max(w.weight) filter (where w.term = 'mutual_reply'), 0),
    coalesce((p_overrides ->> 'out_of_network')::float8, max(w.weight) filter (where w.term = 'out_of_network'), 1),
    coalesce((p_overrides ->> 'author_diversity')::float8, max(w.weight) filter (where w.term = 'author_diversity'), 1),
    coalesce(max(w.scale) filter (where w.term = 'author_diversity'), 1),
    coalesce((p_overrides ->> 'cold_start')::float8, max(w.weight) filter (where w.term = 'cold_start'), 0),
    coalesce(max(w.scale) filter (where w.term = 'cold_start'), 1)
  into v.mutual_reply, v.out_of_network, v.diversity_floor, v.diversity_decay, v.cold_lift, v.cold_exposures
  from medley.ranker_weights as w
  where w.ranker = 'home_timeline'
    and w.term in ('mutual_reply', 'out_of_network', 'author_diversity', 'cold_start');

  select
    max(s.value) filter (where s.key = 'timeline.max_age_hours'),
    max(s.value) filter (where s.key = 'timeline.shown_rows'),
    max(s.value) filter (where s.key = 'timeline.shown_minutes'),
    max(s.value) filter (where s.key = 'timeline.diversity_seconds'),
    max(s.value) filter (where s.key = 'timeline.followed'),
    max(s.value) filter (where s.key = 'timeline.author_posts'),
    max(s.value) filter (where s.key = 'timeline.depth'),
    max(s.value) filter (where s.key = 'timeline.likers'),
    max(s.value) filter (where s.key = 'timeline.pool'),
    max(s.value) filter (where s.key = 'timeline.rate_days'),
    max(s.value) filter (where s.key = 'timeline.prior_exposures')
  into
    v.max_age_hours, v.shown_rows, v.shown_minutes, v.diversity_seconds, v.followed, v.author_posts, v.depth, v.likers,
    v.pool, v.rate_days, v.prior_exposures
  from medley.settings as s
  where s.key like 'timeline.%';

  select
    max(k.kind_no) filter (where k.kind = 'impression'),
    array_agg(k.kind_no) filter (where k.marks_seen or k.polarity < 0 or k.kind = 'view')
  into v.impression_no, v.seen_nos
  from medley.engagement_kinds as k;
  return v;
end;
$$;

comment on function medley.timeline_parameters(jsonb) is
  'Weights, rates and settings in force, with the weights of p_overrides ({"term": weight}) instead of the stored ones.';
revoke all on function medley.timeline_parameters(jsonb) from public, anon, authenticated, service_role;

create type medley.timeline_row as (
  item_no int,
  author_no int,
  created_at timestamptz,
  source text,
  reposter_no int,
  is_mutual boolean,
  points double precision,
  factor double precision,
  multiplier double precision,
  score double precision,
  probabilities double precision[]
);
comment on type medley.timeline_row is
  'A row of the timeline before it is put in words: where it came from, the points that the probabilities (by place) are '
  'worth, and what they are multiplied with.';

-- No SET: these inline.
create or replace function medley.multiplied(p_points double precision, p_factor double precision)
returns double precision
language sql immutable parallel safe security invoker
return case when p_points >= 0 then p_points * p_factor else p_points / greatest(p_factor, 1e-6::float8) end;

comment on function medley.multiplied(double precision, double precision) is
  'Points times a factor; bad points are divided by it, so that a discount never makes anything better.';
revoke all on function medley.multiplied(double precision, double precision)
from public, anon, authenticated, service_role;

create or replace function medley.timeline_probabilities(
  p_weights double precision[],
  p_rates double precision[],
  p_counts real[],
  p_exposures double precision,
  p_fading double precision,
  p_prior double precision
)
returns table (probabilities double precision[], points double precision)
language sql stable parallel safe security invoker
begin atomic
  select array_agg(k.p order by k.place), sum(k.weight * k.p)
  from (
    select u.place, u.weight, (coalesce(u.count * p_fading, 0) + p_prior * u.rate) / (p_exposures + p_prior) as p
    from unnest(p_weights, p_rates, p_counts) with ordinality as u (weight, rate, count, place)
  ) as k;
end;

create or replace function medley.rank_timeline(
  p_user_no int,
  p_reader medley.post_reader,
  p_limit int,
  p_skip int[],
  p_deeper int,
  p_parameters medley.timeline_parameters,
  p_as_of timestamptz
)
returns setof medley.timeline_row
language plpgsql stable parallel safe security definer
set search_path = '' set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_mergejoin = off
as $$
declare
  v_user_id uuid := p_reader.user_id;
  v_avoided uuid[] := p_reader.avoided;
  v_muted tsquery := p_reader.muted;
  -- Scalars: a field of a row costs the query as much as all the arithmetic on it.
  v_weights double precision[] := (p_parameters).weights;
  v_rates double precision[] := (p_parameters).rates;
  v_mutual_weights double precision[] := (p_parameters).weights;
  v_prior double precision := (p_parameters).prior_exposures;
  v_prior_points double precision;
  v_mutual_prior_points double precision;
  v_by_kind extensions.vector(32) := (p_parameters).weights::extensions.vector(32);
  v_mutual_by_kind extensions.vector(32);
  v_out_of_network double precision := (p_parameters).out_of_network;
  v_floor double precision := (p_parameters).diversity_floor;
  v_decay double precision := (p_parameters).diversity_decay;
  v_cold_lift double precision := (p_parameters).cold_lift;
  v_cold_exposures double precision := (p_parameters).cold_exposures;
  v_days double precision := (p_parameters).rate_days;
  v_followed int := (p_parameters).followed;
  v_author_posts int := (p_parameters).author_posts * p_deeper;
  v_depth int := (p_parameters).depth * p_deeper;
  v_likers int := (p_parameters).likers;
  v_pool int := greatest((p_parameters).pool, coalesce(cardinality(p_skip), 0) + 3 * p_limit) * p_deeper;
  v_since timestamptz := p_as_of - (p_parameters).max_age_hours * interval '1 hour';
  v_shown_since timestamptz := p_as_of - (p_parameters).shown_minutes * interval '1 minute';
  v_shown_rows int := (p_parameters).shown_rows;
  v_impression smallint := (p_parameters).impression_no;
  v_seen smallint[] := (p_parameters).seen_nos;
  v_half_life double precision := (p_parameters).diversity_seconds;
  v_hour bigint := date_part('epoch', p_as_of)::bigint / 3600;
begin
  v_mutual_weights[(p_parameters).reply_place] :=
    v_mutual_weights[(p_parameters).reply_place] + (p_parameters).mutual_reply;
  v_mutual_by_kind := v_mutual_weights::extensions.vector(32);
  v_prior_points := -v_prior * (v_by_kind operator(extensions.<#>) v_rates::extensions.vector(32));
  v_mutual_prior_points := -v_prior * (v_mutual_by_kind operator(extensions.<#>) v_rates::extensions.vector(32));

  return query
  with followed as materialized (
    select f.user_no, f.user_id, f.is_mutual
    from medley.timeline_followed(v_user_id, v_followed, v_avoided) as f
  ),

  avoided as materialized (
    select m.user_no
    from unnest(v_avoided) as a (id)
    inner join medley.members as m on m.user_id = a.id
  ),

  hidden as materialized (
    select h.item_no
    from medley.timeline_hidden(p_user_no, v_since, v_shown_since, v_shown_rows, v_impression, v_seen, p_as_of) as h
  ),

  liked as (
    select l.post_id
    from (
      select f.user_id
      from followed as f
      order by hashint8extended(f.user_no, v_hour)
      limit v_likers
    ) as f
    cross join lateral (
      select k.post_id
      from public.likes as k
      where k.user_id = f.user_id and k.created_at > v_since and k.created_at <= p_as_of
      order by k.created_at desc
      limit 3
    ) as l
  ),

  found as (
    select p.item_no, p.author_no, p.created_at, p.conversation_no, p.parent_author_no, p.visibility,
      1 as source_no, null::int as reposter_no
    from followed as f
    cross join lateral (
      select t.item_no, t.author_no, t.created_at, t.conversation_no, t.parent_author_no, t.visibility
      from medley.timeline_posts as t
      where t.author_no = f.user_no and t.created_at > v_since and t.created_at <= p_as_of
      order by t.created_at desc
      limit v_author_posts
    ) as p
    union all
    select p.item_no, p.author_no, p.created_at, p.conversation_no, p.parent_author_no, p.visibility, 2, f.user_no
    from followed as f
    cross join lateral (
      select r.post_id
      from public.reposts as r
      where r.user_id = f.user_id and r.created_at > v_since and r.created_at <= p_as_of
      order by r.created_at desc
      limit v_author_posts
    ) as r
    inner join medley.items as i on i.id = r.post_id
    inner join medley.timeline_posts as p on p.item_no = i.item_no
    union all
    select p.item_no, p.author_no, p.created_at, p.conversation_no, p.parent_author_no, p.visibility, e.source_no, null
    from (
      select i.item_no, 3 as source_no
      from liked as l
      inner join medley.items as i on i.id = l.post_id
      union all
      select e.item_no, e.source_no
      from medley.timeline_elsewhere(p_user_no, v_depth, v_since, p_as_of) as e
    ) as e
    inner join medley.timeline_posts as p on p.item_no = e.item_no
  ),

  -- A post counts once, by the nearest of its sources.
  candidate as materialized (
    select distinct on (f.item_no)
      f.item_no, f.author_no, f.created_at, f.conversation_no, f.parent_author_no, f.source_no, f.reposter_no
    from found as f
    where f.item_no not in (select h.item_no from hidden as h)
      and f.created_at > v_since
      and f.created_at <= p_as_of
      and f.author_no is distinct from p_user_no
      and f.author_no not in (select a.user_no from avoided as a)
      and (f.parent_author_no is null or f.parent_author_no not in (select a.user_no from avoided as a))
      and (f.visibility = 'u' or f.visibility = 'f' and f.author_no in (select w.user_no from followed as w))
    order by f.item_no, f.source_no, f.reposter_no
  ),

  author as materialized (
    select
      a.author_no,
      coalesce(f.is_mutual, false) as is_mutual,
      r.counts,
      r.fading,
      coalesce(r.exposures * r.fading, 0) as exposures,
      case when f.is_mutual
        then (v_mutual_prior_points - coalesce((r.counts operator(extensions.<#>) v_mutual_by_kind) * r.fading, 0))
        else (v_prior_points - coalesce((r.counts operator(extensions.<#>) v_by_kind) * r.fading, 0))
      end / (coalesce(r.exposures * r.fading, 0) + v_prior) as points
    from (select distinct c.author_no from candidate as c) as a
    left join followed as f on f.user_no = a.author_no
    left join lateral (
      select t.counts, t.exposures, medley.fading(t.counted_at, p_as_of, v_days) as fading
      from medley.author_rates as t
      where t.user_no = a.author_no
      offset 0
    ) as r on true
  ),

  pool as (
    select
      c.*,
      a.is_mutual,
      a.points,
      case when c.source_no > 2 then v_out_of_network else 1 end
      * (1 + v_cold_lift * greatest(1 - a.exposures / v_cold_exposures, 0)) as factor
    from candidate as c
    inner join author as a on a.author_no = c.author_no
    order by
      medley.multiplied(
        a.points,
        case when c.source_no > 2 then v_out_of_network else 1 end
        * (1 + v_cold_lift * greatest(1 - a.exposures / v_cold_exposures, 0))
      ) desc,
      c.created_at desc, c.item_no desc
    limit v_pool
  ),

  single as (
    select distinct on (p.conversation_no) p.*, p.item_no = any(p_skip) as is_delivered
    from pool as p
    where case when v_muted is not null then not exists (
      select
      from medley.items as i
      inner join public.posts as s on s.id = i.id
      where i.item_no = p.item_no and s.search @@ v_muted
    ) else true end
    order by
      p.conversation_no, p.item_no = any(p_skip) desc, medley.multiplied(p.points, p.factor) desc, p.created_at desc,
      p.item_no desc
  ),

  carried as (
    select p.author_no, sum(power(0.5::float8, date_part('epoch', p_as_of - e.occurred_at) / v_half_life)) as k
    from medley.engagements as e
    inner join medley.timeline_posts as p on p.item_no = e.item_no
    where e.user_no = p_user_no
      and e.occurred_at > p_as_of - 10 * v_half_life * interval '1 second'
      and e.occurred_at <= p_as_of
      and e.kind_no = v_impression
    group by p.author_no
  ),

  final as (
    select
      s.*,
      s.factor * (v_floor + (1 - v_floor) * power(v_decay, coalesce(c.k, 0) + row_number() over (
        partition by s.author_no
        order by medley.multiplied(s.points, s.factor) desc, s.created_at desc, s.item_no desc
      ) - 1)) as multiplier
    from single as s
    left join carried as c on c.author_no = s.author_no
    offset 0
  ),

  page as (
    select f.*, medley.multiplied(f.points, f.multiplier) as score
    from final as f
    where not f.is_delivered
    order by score desc, f.created_at desc, f.item_no desc
    limit p_limit
  )

  select
    p.item_no, p.author_no, p.created_at,
    (array['following', 'repost', 'liked', 'cluster', 'trending', 'newcomer'])[p.source_no],
    p.reposter_no, p.is_mutual, p.points, p.factor, p.multiplier, p.score, b.probabilities
  from page as p
  inner join author as a on a.author_no = p.author_no
  cross join lateral medley.timeline_probabilities(
    v_weights, v_rates, a.counts::real[], a.exposures, a.fading, v_prior
  ) as b
  order by p.score desc, p.created_at desc, p.item_no desc;
end;
$$;
