-- Scores: the weighted sum of what the member will probably do with a post, then factors.
create type medley.timeline_parameters as (
  probabilities_format text,
  points_format text,
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
  seen_nos smallint[],
  version text,
  intercepts double precision[],
  similarities double precision[],
  rate_factors double precision[]
);
comment on type medley.timeline_parameters is
  'The weights of the ranker home_timeline, an experiment''s included, the rates of all authors and the heads of the active '
  'model (null where there is none), all by place, and the settings. The two formats make of a vector by place, as format() '
  'reads them, the members of a JSON object by kind: of all kinds, and of those that weigh something.';

create or replace function medley.timeline_parameters(p_overrides jsonb)
returns medley.timeline_parameters
language plpgsql stable parallel safe security definer
set search_path = '' set plan_cache_mode = force_generic_plan
as $$
declare
  v medley.timeline_parameters;
  v_model_version_id uuid;
begin
  -- A gap between places has no kind and no weight.
  select
    array_agg(t.weight order by t.place),
    array_agg(t.rate order by t.place),
    max(t.place) filter (where t.kind = 'reply'),
    string_agg(t.format, ','),
    string_agg(t.format, ',') filter (where t.weight <> 0)
  into v.weights, v.rates, v.reply_place, v.probabilities_format, v.points_format
  from (
    select
      p.place,
      k.kind,
      coalesce(k.rate, 0) as rate,
      coalesce((p_overrides ->> k.kind)::float8, w.weight::float8, 0) as weight,
      '"' || k.kind || '":%' || p.place || '$s' as format
    from generate_series(1, (select max(m.place) from medley.timeline_kinds as m)) as p (place)
    left join medley.timeline_kinds as k on k.place = p.place and k.sign = 1
    left join medley.ranker_weights as w on w.ranker = 'home_timeline' and w.term = k.kind
  ) as t;

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

  select m.model_version_id, m.version into v_model_version_id, v.version
  from medley.model_versions as m
  where m.model_version_id = medley.active_tower_model();
  if found then
    select
      array_agg(d.intercept::float8 order by p.place),
      array_agg(d.similarity::float8 order by p.place),
      array_agg(d.rate::float8 order by p.place)
    into v.intercepts, v.similarities, v.rate_factors
    from generate_series(1, cardinality(v.weights)) as p (place)
    left join medley.timeline_kinds as t on t.place = p.place and t.sign = 1
    left join medley.engagement_kinds as k on k.kind = t.kind
    left join medley.model_heads as d on d.model_version_id = v_model_version_id and d.kind_no = k.kind_no;
  end if;
  return v;
end;
$$;

comment on function medley.timeline_parameters(jsonb) is
  'Weights, rates and settings in force, with the weights of p_overrides ({"term": weight}) instead of the stored ones.';
revoke all on function medley.timeline_parameters(jsonb) from public, anon, authenticated, service_role;

create type medley.timeline_row as (
  item_no int,
  post_id uuid,
  created_at timestamptz,
  source_no int,
  reposter_id uuid,
  is_mutual boolean,
  points double precision,
  factor double precision,
  multiplier double precision,
  score double precision,
  cosine double precision,
  probabilities real[]
);
comment on type medley.timeline_row is
  'A row of the timeline before it is put in words: where it came from, the points that the probabilities (by place) are '
  'worth, and what they are multiplied with, without (factor) and with author diversity (multiplier).';

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
  p_prior double precision,
  p_cosine double precision,
  p_intercepts double precision[],
  p_similarities double precision[],
  p_rate_factors double precision[]
)
returns table (probabilities double precision[], points double precision)
language sql stable parallel safe security invoker
begin atomic
  select array_agg(k.p), sum(k.weight * k.p)
  from (
    select
      r.weight,
      case
        when p_cosine is null or r.intercept is null then r.p
        -- Beyond 50 a probability is 0 or 1, and exp would overflow one day.
        else 1 / (1 + exp(least(greatest(
          -r.intercept - r.similarity * p_cosine - r.rate_factor * ln((r.p + 1e-9) / (1 - r.p + 1e-9)), -50
        ), 50)))
      end as p
    from (
      select
        u.weight, u.intercept, u.similarity, u.rate_factor,
        (coalesce(u.count * p_fading, 0) + p_prior * u.rate) / (p_exposures + p_prior) as p
      from unnest(
        p_weights, p_rates, p_counts[1:cardinality(p_weights)], p_intercepts, p_similarities, p_rate_factors
      ) as u (weight, rate, count, intercept, similarity, rate_factor)
    ) as r
  ) as k;
end;

comment on function medley.timeline_probabilities(
  double precision[], double precision[], real[], double precision, double precision, double precision, double precision,
  double precision[], double precision[], double precision[]
) is
  'The probability of each kind, by place, and the points that all are worth, where the model knows both member and post: '
  'by its heads 1 / (1 + exp(-(intercept + similarity * cosine + rate_factor * logit(smoothed rate)))), of a kind without '
  'one the smoothed rate of the author, (count + prior * rate) / (exposures + prior).';
revoke all on function medley.timeline_probabilities(
  double precision[], double precision[], real[], double precision, double precision, double precision,
  double precision, double precision[], double precision[], double precision[]
) from public, anon, authenticated, service_role;

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
  v_zeros double precision[] := array_fill(0::float8, array[32 - cardinality((p_parameters).weights)]);
  v_none extensions.vector(32) := array_fill(0::real, array[32])::extensions.vector(32);
  v_rates_by_kind extensions.vector(32) := ((p_parameters).rates || v_zeros)::extensions.vector(32);
  v_prior_by_kind extensions.vector(32) := v_rates_by_kind
    operator(extensions.*) array_fill((p_parameters).prior_exposures::real, array[32])::extensions.vector(32);
  v_by_kind extensions.vector(32) := ((p_parameters).weights || v_zeros)::extensions.vector(32);
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
  v_version text := (p_parameters).version;
  v_intercepts double precision[] := (p_parameters).intercepts;
  v_similarities double precision[] := (p_parameters).similarities;
  v_rate_factors double precision[] := (p_parameters).rate_factors;
  v_reply int := (p_parameters).reply_place;
  v_mutual_reply double precision := (p_parameters).mutual_reply;
  v_taste extensions.vector(256);
begin
  if v_version is not null then
    select t.embedding_256 into v_taste
    from medley.user_taste_vectors as t
    where t.user_no = p_user_no and t.embedding_type = 'two_tower' and t.model_version = v_version;
  end if;
  v_mutual_weights[v_reply] := v_mutual_weights[v_reply] + v_mutual_reply;
  v_mutual_by_kind := (v_mutual_weights || v_zeros)::extensions.vector(32);
  v_prior_points := -v_prior * (v_by_kind operator(extensions.<#>) v_rates_by_kind);
  v_mutual_prior_points := -v_prior * (v_mutual_by_kind operator(extensions.<#>) v_rates_by_kind);

  return query
  with followed as materialized (
    select w.followed_id as id
    from public.follows as w
    where w.follower_id = v_user_id and w.followed_id <> all(v_avoided)
    limit v_followed
  ),

  log as materialized (
    select l.item_no, l.occurred_at, l.is_shown, l.nth
    from medley.timeline_log(p_user_no, v_since, v_impression, v_seen) as l
  ),

  hidden as materialized (
    select l.item_no
    from log as l
    where not l.is_shown or l.nth <= v_shown_rows or l.occurred_at > v_shown_since
  ),

  found as (
    -- What a followed member wrote, and what they passed on: of that, who may see it is asked later.
    select p.item_no, p.post_id, p.author_id, p.created_at, p.visibility, p.conversation_no, p.parent_no,
      case when p.visibility is null then 2 else 1 end as source_no,
      case when p.visibility is null then f.id end as reposter_id
    from followed as f
    cross join lateral (
      select t.item_no, t.post_id, t.author_id, t.created_at, t.visibility, t.conversation_no, t.parent_no
      from medley.timeline_posts as t
      where t.poster_id = f.id and t.posted_at > v_since and t.posted_at <= p_as_of and t.created_at > v_since
      order by t.posted_at desc
      limit v_author_posts
    ) as p
    union all
    select p.item_no, p.post_id, p.author_id, p.created_at, p.visibility, p.conversation_no, p.parent_no, 3, null
    from (
      select f.id
      from followed as f
      order by uuid_hash_extended(f.id, v_hour)
      limit v_likers
    ) as f
    cross join lateral (
      select k.post_id
      from public.likes as k
      where k.user_id = f.id and k.created_at > v_since and k.created_at <= p_as_of
      order by k.created_at desc
      limit 2
    ) as l
    inner join medley.items as i on i.id = l.post_id
    inner join medley.timeline_posts as p on p.item_no = i.item_no and not p.is_repost
    union all
    select p.item_no, p.post_id, p.author_id, p.created_at, p.visibility, p.conversation_no, p.parent_no, t.source_no, null
    from medley.timeline_trending(p_user_no, v_depth, p_as_of) as t
    inner join medley.timeline_posts as p on p.item_no = t.item_no and not p.is_repost
    union all
    select p.item_no, p.post_id, p.author_id, p.created_at, p.visibility, p.conversation_no, p.parent_no, 6, null
    from (
      select t.item_no, t.post_id, t.author_id, t.created_at, t.visibility, t.conversation_no, t.parent_no
      from medley.timeline_posts as t
      where t.is_newcomer and t.created_at > v_since and t.created_at <= p_as_of
      order by t.created_at desc
      limit v_depth / 2
    ) as p
  ),

  -- A post counts once, by the nearest of its sources.
  candidate as materialized (
    select distinct on (f.item_no)
      f.item_no, f.post_id, f.author_id, f.created_at, f.visibility, f.conversation_no, f.parent_no, f.source_no, f.reposter_id
    from found as f
    where f.created_at > v_since
      and f.created_at <= p_as_of
      and (f.item_no not in (select h.item_no from hidden as h) or f.item_no = any(p_skip))
      and f.author_id <> v_user_id
      and f.author_id <> all(v_avoided)
      and (
        f.visibility = 'public'
        or f.visibility is null
        or f.visibility = 'followers' and f.author_id in (select w.id from followed as w)
      )
    order by f.item_no, f.source_no, f.reposter_id
  ),

  author as materialized (
    select
      a.author_id,
      a.is_followed,
      a.is_mutual,
      coalesce(r.counts, v_none) as counts,
      coalesce(r.fading, 0) as fading,
      coalesce(r.exposures * r.fading, 0) as exposures,
      case when a.is_mutual
        then v_mutual_prior_points - coalesce((r.counts operator(extensions.<#>) v_mutual_by_kind) * r.fading, 0)
        else v_prior_points - coalesce((r.counts operator(extensions.<#>) v_by_kind) * r.fading, 0)
      end / (coalesce(r.exposures * r.fading, 0) + v_prior) as points
    from (
      select
        c.author_id,
        c.is_followed,
        -- Followed, and follows back. One probe each: hashing would read all who follow the member.
        c.is_followed and coalesce(
          (select true from public.follows as b where b.follower_id = c.author_id and b.followed_id = v_user_id), false
        ) as is_mutual
      from (
        select d.author_id, d.author_id in (select w.id from followed as w) as is_followed
        from candidate as d
        group by d.author_id
      ) as c
      offset 0
    ) as a
    left join lateral (
      select t.counts, t.exposures, medley.recency(t.counted_at, p_as_of, v_days) as fading
      from medley.author_rates as t
      where t.user_id = a.author_id
      offset 0
    ) as r on true
  ),

  pool as (
    select b.*
    from (
      select
        c.item_no, c.post_id, c.author_id, c.created_at, c.visibility, c.conversation_no, c.parent_no,
        a.counts, a.fading, a.exposures,
        -- Of an author's posts beyond the newest, one may have come another way.
        case when a.is_followed then 1 else c.source_no end as source_no,
        case when not a.is_followed then c.reposter_id end as reposter_id,
        a.is_mutual,
        a.points,
        case when c.source_no > 2 and not a.is_followed then v_out_of_network else 1 end
        * (1 + v_cold_lift * greatest(1 - a.exposures / v_cold_exposures, 0)) as factor
      from candidate as c
      inner join author as a on a.author_id = c.author_id
      offset 0
    ) as b
    order by medley.multiplied(b.points, b.factor) desc, b.created_at desc, b.item_no desc
    limit v_pool
  ),

  -- What only the best need to be asked.
  close as (
    select
      p.item_no, p.post_id, p.author_id, p.created_at, p.source_no, p.reposter_id, p.is_mutual, p.points as rated,
      p.factor, p.counts, p.fading, p.exposures, p.conversation_no, p.item_no = any(p_skip) as is_delivered
    from pool as p
    where case when p.visibility is not null then true else (
        select t.visibility = 'public' or t.visibility = 'followers' and p.source_no = 1
        from medley.timeline_posts as t
        where t.item_no = p.item_no and not t.is_repost
      ) end
      and case when v_muted is null then true else not exists (
        select from public.posts as s where s.id = p.post_id and s.search @@ v_muted
      ) end
      and case when v_avoided = '{}' then true else not exists (
        select from medley.items as i
        where i.item_no = p.parent_no and i.owner_id = any(v_avoided)
      ) end
  ),

  -- By the model where it knows the post: too dear for all that might be shown.
  judged as (
    select
      c.*,
      m.cosine,
      m.probabilities,
      coalesce(m.points, c.rated) as points,
      medley.multiplied(coalesce(m.points, c.rated), c.factor) as base
    from close as c
    left join lateral (
      select
        e.cosine,
        (b.probabilities || v_zeros)::real[] as probabilities,
        b.points + case when c.is_mutual then v_mutual_reply * b.probabilities[v_reply] else 0 end as points
      from (
        select 1 - (t.embedding_256 operator(extensions.<=>) v_taste) as cosine
        from medley.content_embeddings as t
        where v_taste is not null
          and t.item_no = c.item_no and t.embedding_type = 'two_tower' and t.model_version = v_version
        offset 0
      ) as e
      cross join lateral medley.timeline_probabilities(
        v_weights, v_rates, c.counts::real[], c.exposures, c.fading, v_prior, e.cosine, v_intercepts, v_similarities,
        v_rate_factors
      ) as b
    ) as m on true
  ),

  single as (
    select distinct on (j.conversation_no) j.*
    from judged as j
    order by j.conversation_no, j.is_delivered desc, j.base desc, j.created_at desc, j.item_no desc
  ),

  carried as (
    select i.owner_id as author_id, sum(power(0.5::float8, date_part('epoch', p_as_of - l.occurred_at) / v_half_life)) as k
    from log as l
    inner join medley.items as i on i.item_no = l.item_no and i.kind = 'post'
    where l.is_shown
      and l.occurred_at > p_as_of - 10 * v_half_life * interval '1 second'
      and l.occurred_at <= p_as_of
    group by i.owner_id
  ),

  spread as (
    select
      s.*,
      -- Beyond a hundred it stays put, for float8 would rather fail than underflow.
      s.factor * (v_floor + (1 - v_floor) * power(v_decay, least(coalesce(c.k, 0) + row_number() over (
        partition by s.author_id
        order by s.base desc, s.created_at desc, s.item_no desc
      ) - 1, 100))) as multiplier
    from single as s
    left join carried as c on c.author_id = s.author_id
    offset 0
  ),

  page as (
    select f.*, medley.multiplied(f.points, f.multiplier) as score
    from spread as f
    where not f.is_delivered
    order by score desc, f.created_at desc, f.item_no desc
    limit p_limit
  )

  select
    p.item_no, p.post_id, p.created_at, p.source_no, p.reposter_id, p.is_mutual, p.points, p.factor, p.multiplier, p.score, p.cosine,
    -- Smoothed rates of all kinds at once: (count * fading + prior * rate) / (exposures + prior).
    coalesce(p.probabilities, (
      (
        p.counts operator(extensions.*) array_fill(p.fading::real, array[32])::extensions.vector(32)
        operator(extensions.+) v_prior_by_kind
      ) operator(extensions.*) array_fill((1 / (p.exposures + v_prior))::real, array[32])::extensions.vector(32)
    )::real[])
  from page as p
  order by p.score desc, p.created_at desc, p.item_no desc;
end;
$$;

comment on function medley.rank_timeline(
  int, medley.post_reader, int, int[], int, medley.timeline_parameters, timestamptz
) is
  'The best p_limit posts of the member''s timeline, best first: gathered from all sources, filtered, the best of them looked '
  'at closely (muted words, answers to whom the reader avoids, the model''s probabilities), one of each conversation, '
  'authors spread. p_skip: posts of earlier pages, which count but do not come again. p_deeper: times as much from each source.';
revoke all on function medley.rank_timeline(
  int, medley.post_reader, int, int[], int, medley.timeline_parameters, timestamptz
) from public, anon, authenticated, service_role;
