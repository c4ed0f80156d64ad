-- Pairs from the log, in three steps: which member and item, when, and what came of it (collect_training_candidates);
-- how many events the item had had by then (count_training_candidates); what the member had done by then
-- (member_snapshot). The last two see events strictly before the moment, and no others: nothing of the future reaches a
-- snapshot.
create or replace function medley.collect_training_candidates(
  p_user_no int,
  p_since timestamptz,
  p_as_of timestamptz,
  p_negative_ratio numeric,
  p_kind text,
  p_algorithm_version text
)
returns bigint
language plpgsql volatile parallel unsafe security definer set search_path = '' set plan_cache_mode = force_custom_plan
set work_mem = '256MB'
as $$
declare
  v_outcome interval := make_interval(hours => medley.setting('training.outcome_hours')::int);
  v_rows bigint;
begin
  with event as (
    select
      e.user_no,
      e.item_no,
      e.occurred_at,
      e.dwell_ms,
      e.position,
      k.kind,
      k.weight,
      k.engagement,
      p.polarity,
      coalesce(e.context ->> 'request_id', e.session_id::text) as list,
      min(e.occurred_at) filter (where p.polarity > 0) over (partition by e.user_no, e.item_no) as engaged_at
    from medley.engagements as e
    inner join medley.engagement_kinds as k on e.kind_no = k.kind_no
    cross join lateral (select medley.engagement_polarity(k.polarity, k.value_rule, e.value) as polarity) as p
    where e.occurred_at >= p_since
      and e.occurred_at <= p_as_of
      and (p_user_no is null or e.user_no = p_user_no)
      -- Taking back a like or a follow shows nothing and engages with nothing.
      and (p.polarity <> 0 or k.weight >= 0)
  ),

  -- The moment before the member decided: the first sight of the item, within what an outcome may take.
  episode as (
    select
      e.*,
      min(e.occurred_at) over (partition by e.user_no, e.item_no) as at
    from event as e
    where e.engaged_at is null
      or e.occurred_at between e.engaged_at - v_outcome and e.engaged_at + v_outcome
  ),

  pair as (
    select
      e.user_no,
      e.item_no,
      e.at,
      -- The last word counts: a click and then a report is a rejection.
      coalesce(
        max(e.occurred_at) filter (where e.polarity > 0)
        > coalesce(max(e.occurred_at) filter (where e.polarity < 0), '-infinity'),
        false
      ) as label,
      max(e.dwell_ms) as dwell_ms,
      array_agg(distinct e.kind collate "C") as engagements,
      (array_agg(e.kind order by e.weight desc, e.kind collate "C") filter (where e.polarity > 0))[1] as strongest,
      (array_agg(e.position order by e.occurred_at, e.position) filter (where e.position is not null))[1] as position,
      (array_agg(e.list order by e.occurred_at, e.position) filter (where e.position is not null))[1] as list,
      case
        when bool_or(e.polarity < 0) then 3
        when bool_or(e.engagement > 0 or e.dwell_ms > 0) then 2
        else 0
      end as confidence
    from episode as e
    where e.occurred_at <= e.at + v_outcome
      -- Whose outcome is still open waits.
      and e.at <= p_as_of - v_outcome
    group by e.user_no, e.item_no, e.at, e.engaged_at
  ),

  ranked as (
    select
      p.*,
      count(*) filter (where p.label) over (partition by p.user_no) as positives,
      row_number() over (
        partition by p.user_no, p.label
        order by
          greatest(
            p.confidence,
            -- Shown above what the member took from the same list: seen, then, and passed over.
            case when p.position < p.deepest then 1 else 0 end
          ) desc,
          p.position,
          p.at desc,
          p.item_no
      ) as place
    from (
      select
        q.*,
        max(q.position) filter (where q.label and q.list is not null) over (partition by q.user_no, q.list) as deepest
      from pair as q
      inner join medley.items as i on q.item_no = i.item_no
      where p_kind is null or i.kind = p_kind
    ) as p
  )

  insert into medley.training_candidates (
    candidate_no, reader, item_no, at, dwell_ms, position, label, engagement, engagements, left_out
  )
  select
    row_number() over (order by r.user_no, r.at, r.item_no),
    r.user_no,
    r.item_no,
    r.at,
    r.dwell_ms,
    r.position,
    r.label,
    case when r.label then r.strongest end,
    r.engagements,
    case
      when exists (
        select from medley.engagements as o
        where o.user_no = r.user_no and o.occurred_at < r.at and o.item_no = r.item_no
      ) then r.item_no
      else 0
    end
  from ranked as r
  inner join medley.members as m on r.user_no = m.user_no
  where (r.label or r.place <= p_negative_ratio * r.positives)
    and not exists (
      select from medley.training_pairs as t
      where t.user_no = r.user_no and t.item_no = r.item_no and t.algorithm_version = p_algorithm_version
        and (t.label or not r.label)
    );
  get diagnostics v_rows = row_count;
  return v_rows;
end;
$$;

comment on function medley.collect_training_candidates(int, timestamptz, timestamptz, numeric, text, text) is
  'Writes training_candidates from the events between p_since and p_as_of, of one member or, with null, of all. A pair is '
  'positive where the member engaged, and the last word was no rejection; its moment is the first sight of the item in the '
  'training.outcome_hours before. A pair without engagement is negative; its moment is the first sight. Of negatives the most certain are kept, '
  'p_negative_ratio times the member''s positives: rejected, then looked at, then shown above an item of the same list '
  '(context.request_id, else the session) that the member took, then by position. Pairs whose outcome is still open, and '
  'those that the set p_algorithm_version has, are left out. Returns how many.';
revoke all on function medley.collect_training_candidates(int, timestamptz, timestamptz, numeric, text, text)
from public, anon, authenticated, service_role;

create or replace function medley.count_training_candidates()
returns bigint
language plpgsql volatile parallel unsafe security definer set search_path = '' set plan_cache_mode = force_custom_plan
set work_mem = '256MB'
as $$
declare
  v_rows bigint;
begin
  with event as materialized (
    select
      e.item_no,
      e.kind_no,
      e.occurred_at
    from medley.engagements as e
    where e.item_no in (select c.item_no from medley.training_candidates as c)
      and e.occurred_at < (select max(c.at) from medley.training_candidates as c)
  ),

  -- Events and moments in one order, a moment before the events of its own time: what lies above it is what was.
  line as (
    select
      e.item_no,
      e.kind_no,
      e.occurred_at as at,
      1 as events,
      null::int as candidate_no
    from event as e
    union all
    select
      c.item_no,
      k.kind_no,
      c.at,
      0,
      c.candidate_no
    from medley.training_candidates as c
    inner join (select distinct e.item_no, e.kind_no from event as e) as k on c.item_no = k.item_no
  ),

  counted as (
    select b.candidate_no, jsonb_object_agg(k.kind, b.events) as counts
    from (
      select
        l.candidate_no,
        l.kind_no,
        sum(l.events) over (
          partition by l.item_no, l.kind_no
          order by l.at, l.events
          rows unbounded preceding
        ) as events
      from line as l
    ) as b
    inner join medley.engagement_kinds as k on b.kind_no = k.kind_no
    where b.candidate_no is not null and b.events > 0
    group by b.candidate_no
  )

  update medley.training_candidates as c
  set counts = n.counts
  from counted as n
  where c.candidate_no = n.candidate_no;
  get diagnostics v_rows = row_count;
  return v_rows;
end;
$$;

comment on function medley.count_training_candidates() is
  'Fills in training_candidates.counts: how many events of each kind all members had had with the item strictly before its '
  'moment, as far as the log reaches back. Returns for how many there were any.';
revoke all on function medley.count_training_candidates() from public, anon, authenticated, service_role;

create or replace function medley.member_snapshot(
  p_user_no int,
  p_before timestamptz,
  p_left_out int,
  out history jsonb,
  out embedding extensions.vector
)
language plpgsql stable parallel safe security definer
set search_path = '' set plan_cache_mode = force_generic_plan
as $$
begin
  with setting as materialized (
    select
      max(s.value) filter (where s.key = 'training.history_events') as events,
      max(s.value) filter (where s.key = 'training.recent_items') as recent,
      max(s.value) filter (where s.key = 'taste.history') as items,
      max(s.value) filter (where s.key = 'taste.rejected_share')::real as rejected_share
    from medley.settings as s
    where s.key in ('training.history_events', 'training.recent_items', 'taste.history', 'taste.rejected_share')
  ),

  event as (
    select
      e.item_no,
      e.occurred_at,
      k.half_life_days,
      medley.engagement_weight(k.weight, k.value_rule, e.value)::real as weight,
      medley.engagement_polarity(k.polarity, k.value_rule, e.value) as polarity,
      k.kind = 'like' as is_like
    from medley.engagements as e
    inner join medley.engagement_kinds as k on e.kind_no = k.kind_no
    where e.user_no = p_user_no
      and e.occurred_at < p_before
      and e.item_no <> p_left_out
      and k.weight <> 0
    order by e.occurred_at desc, e.item_no desc, e.kind_no desc
    limit (select s.events from setting as s)
  ),

  item as materialized (
    select
      e.item_no,
      sum(medley.affinity_at(e.weight, e.occurred_at, e.half_life_days, p_before)) as affinity,
      coalesce(
        max(e.occurred_at) filter (where e.polarity < 0)
        >= coalesce(max(e.occurred_at) filter (where e.polarity > 0), '-infinity'),
        false
      ) as rejected,
      max(e.occurred_at) filter (where e.polarity > 0) as positive_at,
      max(e.occurred_at) filter (where e.is_like) as liked_at
    from event as e
    group by e.item_no
  ),

  -- As taste_vectors_at has it, in a fixed order: the same numbers to the last bit each time.
  taste as (
    select
      extensions.avg(v.embedding_384 order by t.item_no) filter (where not t.rejected) as liked,
      extensions.avg(v.embedding_384 order by t.item_no) filter (where t.rejected) as rejected
    from (
      select i.item_no, i.affinity, i.rejected
      from item as i
      where i.affinity <> 0
      order by abs(i.affinity) desc, i.item_no
      limit (select s.items from setting as s)
    ) as t
    inner join medley.embedding_types as m on m.embedding_type = 'text'
    inner join medley.content_embeddings as v
      on t.item_no = v.item_no and v.embedding_type = 'text' and m.model_version = v.model_version
    where t.rejected or t.affinity > 0
  )

  select
    jsonb_build_object(
      'recent_items', array(
        select n.id
        from item as i
        inner join medley.items as n on i.item_no = n.item_no
        where i.positive_at is not null
        order by i.positive_at desc, i.item_no
        limit (select s.recent from setting as s)
      ),
      'recent_likes', array(
        select n.id
        from item as i
        inner join medley.items as n on i.item_no = n.item_no
        where i.liked_at is not null
        order by i.liked_at desc, i.item_no
        limit (select s.recent from setting as s)
      )
    ),
    case when extensions.vector_norm(f.felt) > 1e-6 then extensions.l2_normalize(f.felt) end
  into history, embedding
  from taste as t
  cross join lateral (
    select medley.turned_from(t.liked, t.rejected, (select s.rejected_share from setting as s)) as felt
    offset 0
  ) as f;
end;
$$;

comment on function medley.member_snapshot(int, timestamptz, int) is
  'What a member had done strictly before p_before, from the newest training.history_events events that are worth anything, '
  'without the item p_left_out (0: none): history is {"recent_items", "recent_likes"}, newest first; embedding is the taste '
  'vector of type text as taste_vectors_at makes it, null where there is none.';
revoke all on function medley.member_snapshot(int, timestamptz, int) from public, anon, authenticated, service_role;

create or replace function medley.write_training_pairs(p_algorithm_version text, p_as_of timestamptz)
returns table (positives bigint, negatives bigint)
language plpgsql volatile parallel unsafe security definer
-- Times in snapshots read the same whoever generates them.
set search_path = '' set plan_cache_mode = force_custom_plan set work_mem = '256MB' set timezone = 'UTC'
as $$
begin
  return query
  with moment as materialized (
    select c.reader, c.at, c.left_out, array_agg(c.candidate_no) as candidate_nos
    from medley.training_candidates as c
    group by c.reader, c.at, c.left_out
    -- A member's moments one after another: they read the same pages.
    order by c.reader, c.at
  ),

  written as (
    insert into medley.training_pairs as t (
      interaction_at, created_at, user_no, item_no, dwell_ms, position, label, algorithm_version, engagement, engagements,
      user_history_snapshot, user_embedding_snapshot, item_title_snapshot, item_embedding_snapshot,
      item_metadata_snapshot
    )
    select
      c.at,
      p_as_of,
      c.reader,
      c.item_no,
      c.dwell_ms,
      c.position,
      c.label,
      p_algorithm_version,
      c.engagement,
      c.engagements,
      s.history,
      s.embedding,
      i.title,
      v.embedding_384,
      jsonb_build_object(
        'counts', c.counts,
        'published_at', i.published_at,
        'age_hours', round(extract(epoch from greatest(c.at - i.published_at, interval '0')) / 3600, 2)
      )
    from moment as m
    cross join lateral medley.member_snapshot(m.reader, m.at, m.left_out) as s
    cross join unnest(m.candidate_nos) as n (candidate_no)
    inner join medley.training_candidates as c on n.candidate_no = c.candidate_no
    inner join medley.items as i on c.item_no = i.item_no
    left join medley.embedding_types as e on e.embedding_type = 'text'
    left join medley.content_embeddings as v
      on c.item_no = v.item_no and e.embedding_type = v.embedding_type and e.model_version = v.model_version
    -- A negative that the member has engaged with since.
    on conflict (user_no, item_no, algorithm_version) do update
    set
      interaction_at = excluded.interaction_at,
      created_at = excluded.created_at,
      dwell_ms = excluded.dwell_ms,
      position = excluded.position,
      label = excluded.label,
      engagement = excluded.engagement,
      engagements = excluded.engagements,
      user_history_snapshot = excluded.user_history_snapshot,
      user_embedding_snapshot = excluded.user_embedding_snapshot,
      item_title_snapshot = excluded.item_title_snapshot,
      item_embedding_snapshot = excluded.item_embedding_snapshot,
      item_metadata_snapshot = excluded.item_metadata_snapshot
    where not t.label and excluded.label
    returning t.label
  )

  select count(*) filter (where w.label), count(*) filter (where not w.label)
  from written as w;
end;
$$;

comment on function medley.write_training_pairs(text, timestamptz) is
  'Writes the training_candidates as pairs of the set p_algorithm_version. Returns how many.';
revoke all on function medley.write_training_pairs(text, timestamptz) from public, anon, authenticated, service_role;

create or replace function medley.generate_training_pairs(
  p_lookback_days int,
  p_negative_ratio numeric,
  p_kind text,
  p_algorithm_version text,
  p_user_id uuid,
  p_as_of timestamptz
)
returns table (positives bigint, negatives bigint)
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_version text := coalesce(
    p_algorithm_version,
    (select m.version from medley.model_versions as m where m.model_version_id = medley.active_tower_model()),
    'rates'
  );
  v_user_no int := medley.member_no(p_user_id);
begin
  if p_lookback_days is null or p_lookback_days not between 1 and 3650 then
    perform medley.fail('invalid_argument',
      format('p_lookback_days must be between 1 and 3650, got %s', coalesce(p_lookback_days::text, 'null')),
      'p_lookback_days', 'Look back 1 to 3,650 days; the log holds signals.keep_days.');
  end if;
  -- NaN is greater than every number.
  if p_negative_ratio is null or p_negative_ratio not between 0.01 and 1000 then
    perform medley.fail('invalid_argument',
      format('p_negative_ratio must be between 0.01 and 1000, got %s', coalesce(p_negative_ratio::text, 'null')),
      'p_negative_ratio', 'Ask for 0.01 to 1,000 negatives for each positive; 5 is usual.');
  end if;
  if p_kind is not null and not exists (select from medley.item_kinds as k where k.kind = p_kind) then
    perform medley.fail('invalid_argument', format('there is no kind of items %s', left(p_kind, 60)), 'p_kind',
      'medley.item_kinds has them; null means all.');
  end if;
  if length(v_version) not between 1 and 100 then
    perform medley.fail('invalid_argument', 'a set of pairs has a name of 1 to 100 characters', 'p_algorithm_version',
      'Name the set, or leave it out.');
  end if;
  if p_user_id is not null and v_user_no is null then
    perform medley.fail('not_found', format('member %s has no events', p_user_id), 'p_user_id',
      'Leave it out for all members.');
  end if;

  -- Whoever waits here finds the candidates of the other gone.
  perform pg_advisory_xact_lock(hashtextextended('medley.training_candidates', 0));
  perform medley.collect_training_candidates(
    v_user_no, p_as_of - make_interval(days => p_lookback_days), p_as_of, p_negative_ratio, p_kind, v_version
  );
  analyze medley.training_candidates;
  perform medley.count_training_candidates();
  return query
  select w.positives, w.negatives
  from medley.write_training_pairs(v_version, p_as_of) as w;
  truncate medley.training_candidates;
end;
$$;

comment on function medley.generate_training_pairs(int, numeric, text, text, uuid, timestamptz) is
  'Writes training pairs from the log as it was at p_as_of; see public.generate_training_pairs. '
  'Errors: invalid_argument, not_found.';
revoke all on function medley.generate_training_pairs(int, numeric, text, text, uuid, timestamptz)
from public, anon, authenticated, service_role;
grant execute on function medley.generate_training_pairs(int, numeric, text, text, uuid, timestamptz) to service_role;

create or replace function medley.export_training_pairs(
  p_limit int,
  p_cursor text,
  p_kind text,
  p_since timestamptz,
  p_algorithm_version text
)
returns table (
  pair_id bigint, user_id uuid, item_id uuid, kind text, label boolean, engagement text, engagements text[],
  dwell_ms int,
  "position" int, -- noqa: RF06
  algorithm_version text, interaction_at timestamptz, user_history jsonb,
  user_embedding text, item_title text, item_embedding text, item_metadata jsonb, next_cursor text
)
language plpgsql stable parallel safe security definer set search_path = '' set plan_cache_mode = force_custom_plan
as $$
declare
  v_query text := 'training_pairs:' || md5(concat_ws('|', p_kind, p_since, p_algorithm_version));
  v_after bigint := (medley.decode_cursor(p_cursor, v_query) ->> 'pair_id')::bigint;
begin
  perform medley.check_limit(p_limit, 1000);

  return query
  select
    t.pair_id,
    m.user_id,
    i.id,
    i.kind,
    t.label,
    t.engagement,
    t.engagements,
    t.dwell_ms,
    t.position::int,
    t.algorithm_version,
    t.interaction_at,
    t.user_history_snapshot,
    t.user_embedding_snapshot::text,
    t.item_title_snapshot,
    t.item_embedding_snapshot::text,
    t.item_metadata_snapshot,
    medley.encode_cursor(v_query, jsonb_build_object('pair_id', t.pair_id))
  from medley.training_pairs as t
  inner join medley.members as m on t.user_no = m.user_no
  inner join medley.items as i on t.item_no = i.item_no
  where t.pair_id > coalesce(v_after, 0)
    and (p_kind is null or i.kind = p_kind)
    and (p_since is null or t.interaction_at >= p_since)
    and (p_algorithm_version is null or t.algorithm_version = p_algorithm_version)
  order by t.pair_id
  limit p_limit;
end;
$$;

comment on function medley.export_training_pairs(int, text, text, timestamptz, text) is
  'Pages through the pairs; see public.export_training_pairs. Errors: invalid_argument, invalid_cursor.';
revoke all on function medley.export_training_pairs(int, text, text, timestamptz, text)
from public, anon, authenticated, service_role;
grant execute on function medley.export_training_pairs(int, text, text, timestamptz, text) to service_role;
