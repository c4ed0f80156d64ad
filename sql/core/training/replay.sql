-- Replay: what other weights would have made of requests that were answered, told from the log.
-- An impression's context says what its ranker expected, and apps send it back as it came:
--   {"request_id": text, "p": {kind of engagement: probability}, "m": multiplier, "mutual": boolean}
-- The rows of a request stay what they were; other weights put them in another order, by
-- m * sum of weight * p, where a term mutual_KIND is added to the weight of KIND between members who follow each other.
-- How far a row's engagements carry over depends on attention alone: at a place where rows are looked at twice as often
-- they happen twice as often (the position-based model). Attention is estimated from the log: engagements as a share of
-- those expected, place by place. That holds where expectations are right on average; a ranker that expects too much of
-- what it puts first makes attention there look smaller than it is.
insert into medley.settings (key, value, description)
values
  (
    'training.replay_max_weight', 10,
    'What an engagement counts at most in a replay, when its row moves to where more is looked at; 1 to 1000.'
  ),
  (
    'training.replay_groups', 20,
    'Groups of members, each left out once, from which a replay''s standard errors come; 2 to 200.'
  );

-- No SET: these two inline.
create or replace function medley.position_bin(p_position bigint)
returns int
language sql immutable parallel safe security invoker
return case
  when p_position < 8 then p_position
  else 8 + floor(4 * ln(p_position / 8.0::float8) / ln(2.0::float8))
end::int;

comment on function medley.position_bin(bigint) is
  'Places (from 0) whose attention is estimated together: each of the first eight alone, then four bins an octave.';
revoke all on function medley.position_bin(bigint) from public, anon, authenticated, service_role;

create or replace function medley.context_number(p_value jsonb, p_least numeric, p_most numeric)
returns double precision
language sql immutable parallel safe security invoker
return case
  when jsonb_typeof(p_value) = 'number' then least(greatest((p_value #>> '{}')::numeric, p_least), p_most)::float8
end;

comment on function medley.context_number(jsonb, numeric, numeric) is
  'A number that an app sent, drawn into a range; null for anything else. What members send may be anything.';
revoke all on function medley.context_number(jsonb, numeric, numeric) from public, anon, authenticated, service_role;

create or replace function medley.replay_terms(p_ranker text, p_weights jsonb)
returns table (kind text, kind_no smallint, stored double precision, weight double precision, mutual double precision)
language plpgsql stable parallel safe security definer set search_path = ''
as $$
declare
  v_bad text;
begin
  if not exists (select from medley.ranker_weights as w where w.ranker = p_ranker) then
    perform medley.fail('invalid_argument', format('there is no ranker %s', coalesce(left(p_ranker, 100), 'null')), 'p_ranker',
      'medley.ranker_weights has them: home_timeline.');
  end if;
  if p_weights is null or jsonb_typeof(p_weights) <> 'object' then
    perform medley.fail('invalid_argument', 'p_weights must be an object', 'p_weights', 'Pass {"like": 1, "reply": 5, ...}.');
  end if;

  select g.key into v_bad
  from jsonb_each(p_weights) as g (key, value)
  where coalesce(abs(medley.context_number(g.value, -1e6, 1e6)), 1e6) > 10000
    or not exists (select from medley.engagement_kinds as k where g.key in (k.kind, 'mutual_' || k.kind))
  limit 1;
  if found then
    perform medley.fail('invalid_argument', format('%s is no weight that can be replayed', left(v_bad, 100)), 'p_weights',
      'Weights of kinds of engagement, and of mutual_KIND, are numbers of at most 10,000; other factors are part of what '
      'the log has as the multiplier.');
  end if;

  return query
  select
    k.kind,
    k.kind_no,
    coalesce(w.weight, 0)::float8,
    coalesce((p_weights ->> k.kind)::float8, w.weight, 0)::float8,
    coalesce((p_weights ->> ('mutual_' || k.kind))::float8, m.weight, 0)::float8
  from medley.engagement_kinds as k
  left join medley.ranker_weights as w on w.ranker = p_ranker and w.term = k.kind
  left join medley.ranker_weights as m on m.ranker = p_ranker and m.term = 'mutual_' || k.kind;
end;
$$;

comment on function medley.replay_terms(text, jsonb) is
  'Each kind of engagement with its stored weight in the ranker, and with that of p_weights where it names one; mutual is '
  'what is added between members who follow each other. Errors: invalid_argument.';
revoke all on function medley.replay_terms(text, jsonb) from public, anon, authenticated, service_role;

create or replace function medley.replay_ranks(
  p_ranker text,
  p_weights jsonb,
  p_since timestamptz,
  p_until timestamptz,
  p_kind text
)
returns table (
  user_no int,
  request_id text,
  item_no int,
  shown_at timestamptz,
  rank bigint,
  replayed_rank bigint,
  place smallint,
  replayed_place smallint,
  expected jsonb
)
language sql stable parallel safe security definer set search_path = '' set work_mem = '128MB'
as $$
  with term as materialized (
    select t.kind, t.weight, t.mutual from medley.replay_terms(p_ranker, p_weights) as t where t.weight <> 0 or t.mutual <> 0
  ),

  shown as (
    select
      e.user_no,
      e.item_no,
      e.occurred_at,
      e.position,
      e.context ->> 'request_id' as request_id,
      e.context -> 'p' as expected,
      e.context -> 'mutual' = 'true' as is_mutual,
      medley.context_number(e.context -> 'm', 1e-6, 1e6) as multiplier
    from medley.engagements as e
    inner join medley.engagement_kinds as k on e.kind_no = k.kind_no and k.kind = 'impression'
    inner join medley.items as i on e.item_no = i.item_no
    where e.occurred_at >= p_since
      and e.occurred_at < p_until
      and e.position is not null
      and jsonb_typeof(e.context -> 'p') = 'object'
      and jsonb_typeof(e.context -> 'm') = 'number'
      and e.context ? 'request_id'
      and (p_kind is null or i.kind = p_kind)
  ),

  scored as (
    select s.*, case when o.points >= 0 then o.points * s.multiplier else o.points / s.multiplier end as score
    from shown as s
    cross join lateral (
      select
        coalesce(sum(
          (t.weight + case when s.is_mutual then t.mutual else 0 end) * medley.context_number(p.value, 0, 1)
        ), 0) as points
      from jsonb_each(s.expected) as p (kind, value)
      inner join term as t on p.kind = t.kind
    ) as o
  ),

  ranked as materialized (
    select
      s.*,
      row_number() over (request order by s.position, s.item_no) as rank,
      row_number() over (request order by s.score desc, s.position, s.item_no) as replayed_rank
    from scored as s
    window request as (partition by s.user_no, s.request_id)
  )

  -- An app may tell of a part of the rows: the places that they had are those that there are.
  select r.user_no, r.request_id, r.item_no, r.occurred_at, r.rank, r.replayed_rank, r.position, o.position, r.expected
  from ranked as r
  inner join ranked as o
    on r.user_no = o.user_no and r.request_id = o.request_id and r.replayed_rank = o.rank
$$;

comment on function medley.replay_ranks(text, jsonb, timestamptz, timestamptz, text) is
  'Each row that was shown from p_since until before p_until (of items of p_kind, null: all) with what its ranker expected '
  'of it, its rank in its request and its place as the app told it, and those that the weights give it; equal scores keep '
  'their order. '
  'Bad points are divided by the multiplier, as rankers do. Errors: invalid_argument.';
revoke all on function medley.replay_ranks(text, jsonb, timestamptz, timestamptz, text)
from public, anon, authenticated, service_role;

create or replace function medley.replay_rank_changes(
  p_ranker text,
  p_weights jsonb,
  p_since timestamptz,
  p_until timestamptz,
  p_kind text
)
returns table (user_no int, request_id text, shown bigint, kendall_tau double precision, overlap_10 double precision)
language sql stable parallel safe security definer set search_path = '' set work_mem = '128MB'
as $$
  with ranked as materialized (
    select r.user_no, r.request_id, r.rank, r.replayed_rank
    from medley.replay_ranks(p_ranker, p_weights, p_since, p_until, p_kind) as r
  ),

  request as (
    select
      r.user_no,
      r.request_id,
      count(*) as shown,
      count(*) filter (where r.rank <= 10 and r.replayed_rank <= 10) as kept
    from ranked as r
    group by r.user_no, r.request_id
  ),

  swapped as (
    select a.user_no, a.request_id, count(*) as pairs
    from ranked as a
    inner join ranked as b
      on a.user_no = b.user_no and a.request_id = b.request_id and a.rank < b.rank and a.replayed_rank > b.replayed_rank
    group by a.user_no, a.request_id
  )

  select
    q.user_no,
    q.request_id,
    q.shown,
    1 - 4 * coalesce(s.pairs, 0) / nullif(q.shown * (q.shown - 1), 0)::float8,
    q.kept / least(q.shown, 10)::float8
  from request as q
  left join swapped as s on q.user_no = s.user_no and q.request_id = s.request_id
$$;

comment on function medley.replay_rank_changes(text, jsonb, timestamptz, timestamptz, text) is
  'How the order of each request changes with the weights: Kendall''s tau (1: not at all; -1: reversed; null: one row) and '
  'the share of the first ten that stays among them. Errors: invalid_argument.';
revoke all on function medley.replay_rank_changes(text, jsonb, timestamptz, timestamptz, text)
from public, anon, authenticated, service_role;

create or replace function medley.replay_moves(
  p_ranker text,
  p_weights jsonb,
  p_since timestamptz,
  p_until timestamptz,
  p_kind text
)
returns table (
  member_group int,
  bin int,
  replayed_bin int,
  shown bigint,
  requests bigint,
  engaged bigint,
  expected double precision,
  happened jsonb
)
language sql stable parallel safe security definer set search_path = '' set work_mem = '128MB'
as $$
  with ranked as materialized (
    select
      r.user_no,
      r.item_no,
      r.shown_at,
      mod(r.user_no, (select medley.setting('training.replay_groups'))::int) as member_group,
      medley.position_bin(r.place) as bin,
      medley.position_bin(r.replayed_place) as replayed_bin,
      r.expected,
      (r.rank = 1)::int as begins
    from medley.replay_ranks(p_ranker, p_weights, p_since, p_until, p_kind) as r
  ),

  -- What came of a row: what the member did with the item within the time of an outcome, and before it was shown again.
  outcome as (
    select distinct o.user_no, o.item_no, o.shown_at, o.kind_no
    from (
      select e.user_no, e.item_no, e.kind_no, e.occurred_at, max(r.shown_at) as shown_at
      from ranked as r
      inner join medley.engagements as e on r.user_no = e.user_no and r.item_no = e.item_no
      where e.occurred_at >= p_since
        and e.occurred_at < p_until + make_interval(hours => (select medley.setting('training.outcome_hours'))::int)
        and e.occurred_at >= r.shown_at
        and e.occurred_at < r.shown_at + make_interval(hours => (select medley.setting('training.outcome_hours'))::int)
      group by e.user_no, e.item_no, e.kind_no, e.occurred_at
    ) as o
  ),

  move as (
    select r.member_group, r.bin, r.replayed_bin, count(*) as shown, sum(r.begins) as requests
    from ranked as r
    group by r.member_group, r.bin, r.replayed_bin
  ),

  -- Attention is told by kinds that only happen to what was looked at.
  expectation as (
    select r.member_group, r.bin, r.replayed_bin, sum(medley.context_number(p.value, 0, 1)) as expected
    from ranked as r
    cross join lateral jsonb_each(r.expected) as p (kind, value)
    inner join medley.engagement_kinds as k on p.kind = k.kind and k.engagement > 0
    group by r.member_group, r.bin, r.replayed_bin
  ),

  happening as (
    select
      h.member_group,
      h.bin,
      h.replayed_bin,
      sum(h.events) filter (where h.tells_attention)::bigint as engaged,
      jsonb_object_agg(h.kind, h.events) as happened
    from (
      select
        r.member_group,
        r.bin,
        r.replayed_bin,
        k.kind,
        bool_or(k.engagement > 0) as tells_attention,
        count(*) as events
      from ranked as r
      inner join outcome as o on r.user_no = o.user_no and r.item_no = o.item_no and r.shown_at = o.shown_at
      inner join medley.engagement_kinds as k on o.kind_no = k.kind_no and r.expected ? k.kind
      group by r.member_group, r.bin, r.replayed_bin, k.kind
    ) as h
    group by h.member_group, h.bin, h.replayed_bin
  )

  select
    m.member_group,
    m.bin,
    m.replayed_bin,
    m.shown,
    m.requests,
    coalesce(h.engaged, 0),
    coalesce(x.expected, 0),
    coalesce(h.happened, '{}')
  from move as m
  left join expectation as x using (member_group, bin, replayed_bin)
  left join happening as h using (member_group, bin, replayed_bin)
$$;

comment on function medley.replay_moves(text, jsonb, timestamptz, timestamptz, text) is
  'All that the estimates need, added up: for each group of members, bin of places and bin that the weights move rows to, '
  'how many rows were shown, how many requests begin there, how many engagements that tell of attention there were and were '
  'expected, and what happened, by kind ({kind: rows}). Errors: invalid_argument.';
revoke all on function medley.replay_moves(text, jsonb, timestamptz, timestamptz, text)
from public, anon, authenticated, service_role;

create or replace function medley.replay_weights(
  p_ranker text,
  p_weights jsonb,
  p_since timestamptz,
  p_until timestamptz,
  p_kind text default null
)
returns table (
  measure text,
  logged double precision,
  replayed double precision,
  standard_error double precision,
  change_error double precision,
  requests bigint,
  shown bigint
)
language plpgsql stable parallel safe security definer
set search_path = '' set plan_cache_mode = force_custom_plan set work_mem = '128MB'
as $$
begin
  perform medley.check_kind(p_kind);
  if p_since is null or p_until is null or p_since >= p_until then
    perform medley.fail('invalid_argument', 'p_since must lie before p_until', 'p_since', 'Pass a period of the log.');
  end if;

  return query
  with term as materialized (
    select t.kind, t.stored from medley.replay_terms(p_ranker, p_weights) as t
  ),

  move as materialized (
    select m.* from medley.replay_moves(p_ranker, p_weights, p_since, p_until, p_kind) as m
  ),

  -- All members (0), and all but one group each: what their estimates differ by is the error.
  sample as materialized (
    select 0 as sample_no, null::int as left_out
    union all
    select row_number() over (order by g.member_group)::int, g.member_group
    from (select distinct m.member_group from move as m) as g
  ),

  -- One engagement as expected on the average is added to each bin, so that a place where nothing happened has some.
  attention as materialized (
    select a.sample_no, a.bin, (a.engaged + a.usual) / (a.expected + 1) as attention
    from (
      select
        s.sample_no,
        m.bin,
        sum(m.engaged) as engaged,
        sum(m.expected) as expected,
        sum(sum(m.engaged)) over (partition by s.sample_no)
        / nullif(sum(sum(m.expected)) over (partition by s.sample_no), 0) as usual
      from sample as s
      inner join move as m on s.left_out is distinct from m.member_group
      group by s.sample_no, m.bin
    ) as a
  ),

  moved as materialized (
    select
      s.sample_no,
      m.shown,
      m.requests,
      m.happened,
      f.attention as attention,
      t.attention as replayed_attention,
      least(t.attention / nullif(f.attention, 0), medley.setting('training.replay_max_weight')::float8) as weight
    from sample as s
    inner join move as m on s.left_out is distinct from m.member_group
    inner join attention as f on s.sample_no = f.sample_no and m.bin = f.bin
    inner join attention as t on s.sample_no = t.sample_no and m.replayed_bin = t.bin
  ),

  -- Where weights were cut, less attention is accounted for than there is: estimates are per attention accounted for.
  total as (
    select
      m.sample_no,
      sum(m.requests) as requests,
      sum(m.shown) as shown,
      sum(m.shown * m.replayed_attention) / nullif(sum(m.shown * m.weight * m.attention), 0) as correction
    from moved as m
    group by m.sample_no
  ),

  estimate as (
    select
      m.sample_no,
      h.kind,
      sum(h.events::bigint) / t.requests as logged,
      sum(h.events::bigint * m.weight) * t.correction / t.requests as replayed
    from moved as m
    inner join total as t on m.sample_no = t.sample_no
    cross join lateral jsonb_each_text(m.happened) as h (kind, events)
    group by m.sample_no, h.kind, t.requests, t.correction
  ),

  -- A kind that only the group left out did has an estimate of 0 without it.
  known as (
    select s.sample_no, k.kind, coalesce(e.logged, 0) as logged, coalesce(e.replayed, 0) as replayed
    from sample as s
    cross join (select distinct e.kind from estimate as e) as k
    left join estimate as e on s.sample_no = e.sample_no and k.kind = e.kind
    union all
    select e.sample_no, 'value', sum(e.logged * t.stored), sum(e.replayed * t.stored)
    from estimate as e
    inner join term as t on e.kind = t.kind
    group by e.sample_no
  ),

  measured as (
    select
      1 as part,
      k.kind as measure,
      max(k.logged) filter (where k.sample_no = 0) as logged,
      max(k.replayed) filter (where k.sample_no = 0) as replayed,
      -- Jackknife: (g - 1) / g times the sum of squares about the mean of g estimates.
      sqrt((count(*) - 2) * var_pop(k.replayed) filter (where k.sample_no > 0)) as standard_error,
      sqrt((count(*) - 2) * var_pop(k.replayed - k.logged) filter (where k.sample_no > 0)) as change_error
    from known as k
    group by k.kind
    union all
    select
      0,
      v.measure,
      1,
      avg(v.value),
      stddev_samp(v.value) / sqrt(count(v.value)),
      stddev_samp(v.value) / sqrt(count(v.value))
    from medley.replay_rank_changes(p_ranker, p_weights, p_since, p_until, p_kind) as c
    cross join lateral (values ('kendall_tau', c.kendall_tau), ('overlap_10', c.overlap_10)) as v (measure, value)
    group by v.measure
  )

  select
    d.measure,
    d.logged::float8,
    d.replayed::float8,
    (case when d.part = 0 or g.groups > 1 then d.standard_error end)::float8,
    (case when d.part = 0 or g.groups > 1 then d.change_error end)::float8,
    t.requests::bigint,
    t.shown::bigint
  from measured as d
  inner join total as t on t.sample_no = 0
  cross join (select count(*) - 1 as groups from sample) as g
  order by d.part, d.measure <> 'value', d.logged desc, d.measure;
end;
$$;

comment on function medley.replay_weights(text, jsonb, timestamptz, timestamptz, text) is
  'What the weights p_weights ({"term": weight}, for the others those stored) would have changed in the requests from p_since '
  'until before p_until, for items of p_kind (null: all). One row a measure: kendall_tau and overlap_10 (means over requests of '
  'what replay_rank_changes tells), value (engagements a request, each worth the weight stored for its kind), and each kind '
  '(engagements a request). logged is what happened, replayed the estimate for the new order by inverse propensity of attention, '
  'with its standard error and that of replayed - logged, which is smaller (jackknife over groups of members, attention '
  'estimated anew each time; null for one group). '
  'Source: Joachims, Swaminathan and Schnabel, Unbiased Learning-to-Rank with Biased Feedback, 2017. '
  'Errors: invalid_argument.';
revoke all on function medley.replay_weights(text, jsonb, timestamptz, timestamptz, text)
from public, anon, authenticated, service_role;
