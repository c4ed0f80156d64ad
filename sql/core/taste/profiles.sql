-- What members like: profiles over features, taste vectors, use of platforms. All from affinities and the log, for
-- members with news, in batches.

-- No SET: it inlines.
create or replace function medley.member_history(p_user_nos int[], p_as_of timestamptz)
returns table (user_no int, item_no int, affinity double precision, decay_rate double precision, rejected boolean)
language sql stable parallel safe security invoker
begin atomic
  select r.user_no, r.item_no, r.affinity, r.decay_rate, r.rejected
  from (
    select
      p.*,
      row_number() over (partition by p.user_no order by abs(p.affinity) desc, p.item_no) as place
    from (
      select
        a.user_no,
        a.item_no,
        sum(medley.affinity_at(a.score, a.last_at, a.half_life_days, p_as_of)) as affinity,
        ln(2) / max(a.half_life_days) as decay_rate,
        coalesce(max(a.negative_at) >= coalesce(max(a.positive_at), '-infinity'), false) as rejected
      from unnest(p_user_nos) as u (user_no)
      inner join medley.affinities as a on u.user_no = a.user_no
      group by a.user_no, a.item_no
    ) as p
    where p.affinity <> 0
  ) as r
  where r.place <= (select s.value from medley.settings as s where s.key = 'taste.history');
end;

comment on function medley.member_history(int[], timestamptz) is
  'What taste is derived from: the members'' strongest affinities at p_as_of (taste.history of each), liked or not. '
  'decay_rate is the decay a day; rejected, whether the last word was a negative one.';
revoke all on function medley.member_history(int[], timestamptz) from public, anon, authenticated, service_role;

create or replace function medley.weigh_taste(p_user_nos int[], p_as_of timestamptz)
returns table (user_no int, feature_no int, affinity_score real, confidence real, decay_rate real)
language sql stable parallel safe security definer set search_path = '' set work_mem = '256MB'
as $$
  -- One item says at most 1, however often it was played.
  with opinion as materialized (
    select h.user_no, h.item_no, h.affinity / (1 + abs(h.affinity)) as says, h.decay_rate
    from medley.member_history(p_user_nos, p_as_of) as h
  ),

  evidence as (
    select
      o.user_no,
      c.feature_no,
      o.says,
      o.decay_rate,
      max(c.weight * c.confidence) as weight
    from opinion as o
    inner join medley.content_features as c on o.item_no = c.item_no
    group by o.user_no, o.item_no, c.feature_no, o.says, o.decay_rate
  ),

  felt as (
    select
      e.user_no,
      e.feature_no,
      sum(e.says * e.weight) as liking,
      sum(abs(e.says) * least(e.weight, 1)) as support,
      sum(abs(e.says) * e.decay_rate) / sum(abs(e.says)) as decay_rate
    from evidence as e
    group by e.user_no, e.feature_no
  ),

  ranked as (
    select
      f.user_no,
      f.feature_no,
      f.support,
      f.decay_rate,
      s.strength,
      max(abs(s.strength)) over (partition by f.user_no) as strongest,
      row_number() over (partition by f.user_no order by abs(s.strength) desc, f.feature_no) as place
    from felt as f
    inner join medley.features as d on f.feature_no = d.feature_no
    inner join medley.feature_types as t on d.feature_type = t.feature_type
    cross join lateral (select f.liking * d.idf * t.weight as strength) as s
    where s.strength <> 0
  )

  select
    r.user_no,
    r.feature_no,
    (r.strength / r.strongest)::real,
    (r.support / (r.support + (select medley.setting('taste.confidence_items'))::float8))::real,
    r.decay_rate::real
  from ranked as r
  where r.place <= (select medley.setting('taste.max_features'))
$$;

comment on function medley.weigh_taste(int[], timestamptz) is
  'The profiles of these members from their affinities at p_as_of. The strength of a feature is the sum over items of '
  'a / (1 + |a|) * weight * confidence, times idf and the weight of its type; affinity_score is the strength relative to the '
  'member''s strongest; confidence is s / (s + taste.confidence_items), s being the items'' worth of evidence.';
revoke all on function medley.weigh_taste(int[], timestamptz) from public, anon, authenticated, service_role;

create or replace function medley.lock_members(p_user_nos int[])
returns int[]
language sql volatile parallel unsafe security definer set search_path = ''
as $$
  select coalesce(array_agg(l.user_no), '{}')
  from (
    select m.user_no
    from medley.members as m
    inner join unnest(p_user_nos) as u (user_no) on m.user_no = u.user_no
    order by m.user_no
    for no key update of m
  ) as l
$$;

comment on function medley.lock_members(int[]) is
  'Locks these members until the transaction ends, in order; returns those that exist. Two refreshes of one member take turns.';
revoke all on function medley.lock_members(int[]) from public, anon, authenticated, service_role;

create or replace function medley.refresh_taste_profiles_of(p_user_nos int[], p_as_of timestamptz)
returns bigint
language plpgsql volatile parallel unsafe security definer set search_path = '' set plan_cache_mode = force_custom_plan
as $$
declare
  v_user_nos int[] := medley.lock_members(p_user_nos);
  v_rows bigint;
begin
  -- The count first: what is logged from here on makes the member due again.
  insert into medley.taste_states as s (user_no, profile_engagements)
  select u.user_no, coalesce(m.engagements, 0)
  from unnest(v_user_nos) as u (user_no)
  left join medley.member_activity as m on u.user_no = m.user_no
  on conflict (user_no) do update
  set profile_engagements = excluded.profile_engagements;

  with fresh as materialized (
    select w.* from medley.weigh_taste(v_user_nos, p_as_of) as w
  ),

  removed as (
    delete from medley.user_taste_profiles as p
    using unnest(v_user_nos) as u (user_no)
    where p.user_no = u.user_no
      and not exists (select from fresh as f where f.user_no = p.user_no and f.feature_no = p.feature_no)
  ),

  written as (
    insert into medley.user_taste_profiles as p
      (user_no, feature_no, affinity_score, confidence, last_updated, decay_rate)
    select f.user_no, f.feature_no, f.affinity_score, f.confidence, p_as_of, f.decay_rate
    from fresh as f
    order by f.user_no, f.feature_no
    on conflict (user_no, feature_no) do update
    set
      affinity_score = excluded.affinity_score,
      confidence = excluded.confidence,
      last_updated = excluded.last_updated,
      decay_rate = excluded.decay_rate
  )

  select count(*) into v_rows from fresh;

  perform medley.learn_platforms(v_user_nos, p_as_of);
  return v_rows;
end;
$$;

comment on function medley.refresh_taste_profiles_of(int[], timestamptz) is
  'Derives the profiles of these members, and their use of platforms, as of p_as_of. Returns how many features they have.';
revoke all on function medley.refresh_taste_profiles_of(int[], timestamptz)
from public, anon, authenticated, service_role;

create or replace function medley.learn_platforms(p_user_nos int[], p_as_of timestamptz)
returns bigint
language plpgsql volatile parallel unsafe security definer set search_path = '' set plan_cache_mode = force_custom_plan
as $$
declare
  v_changed bigint;
begin
  with used as (
    select
      e.user_no,
      lower(btrim(e.platform)) as platform_name,
      count(*) as engagements,
      count(*) filter (where k.polarity > 0) as positive,
      count(*) filter (where k.polarity < 0) as negative
    from unnest(p_user_nos) as u (user_no)
    inner join medley.engagements as e on u.user_no = e.user_no
    inner join medley.engagement_kinds as k on e.kind_no = k.kind_no
    where e.occurred_at > p_as_of - make_interval(days => (select medley.setting('taste.platform_days'))::int)
      and e.occurred_at <= p_as_of
      and length(btrim(e.platform)) between 1 and 100
    group by e.user_no, lower(btrim(e.platform))
  ),

  fresh as (
    select
      coalesce(s.user_no, p.user_no) as user_no,
      coalesce(s.platform_name, p.platform_name) as platform_name,
      coalesce(s.engagements / sum(s.engagements) over (partition by s.user_no), 0)::real as usage_frequency,
      ((coalesce(s.positive, 0) + 1.0) / (coalesce(s.positive, 0) + coalesce(s.negative, 0) + 2))::real
        as preference_score
    from used as s
    full join (
      select k.user_no, k.platform_name
      from medley.platform_user_preferences as k
      inner join unnest(p_user_nos) as u (user_no) on k.user_no = u.user_no
    ) as p on s.user_no = p.user_no and s.platform_name = p.platform_name
  ),

  written as (
    insert into medley.platform_user_preferences as p
      (user_no, platform_name, usage_frequency, preference_score, last_updated)
    select f.user_no, f.platform_name, f.usage_frequency, f.preference_score, p_as_of
    from fresh as f
    order by f.user_no, f.platform_name
    on conflict (user_no, platform_name) do update
    set
      usage_frequency = excluded.usage_frequency,
      preference_score = excluded.preference_score,
      last_updated = excluded.last_updated
    where (p.usage_frequency, p.preference_score) is distinct from (excluded.usage_frequency, excluded.preference_score)
    returning 1
  )

  select count(*) into v_changed from written;
  return v_changed;
end;
$$;

comment on function medley.learn_platforms(int[], timestamptz) is
  'Learns these members'' use of platforms from their engagements of the taste.platform_days before p_as_of. What they said '
  'of subscriptions stays. Returns how many rows changed.';
revoke all on function medley.learn_platforms(int[], timestamptz) from public, anon, authenticated, service_role;

-- No SET: it inlines. Vectors have no product with a number, so the share becomes a vector of its own.
create or replace function medley.turned_from(p_liked extensions.vector, p_rejected extensions.vector, p_share real)
returns extensions.vector
language sql immutable parallel safe security invoker
return case
  when p_rejected is null or p_share = 0 then p_liked
  else extensions.vector_sub(
    p_liked,
    extensions.vector_mul(
      p_rejected, array_fill(p_share, array[extensions.vector_dims(p_rejected)])::extensions.vector
    )
  )
end;

comment on function medley.turned_from(extensions.vector, extensions.vector, real) is
  'p_liked less p_share of p_rejected (Rocchio 1971); p_liked where nothing is rejected.';
revoke all on function medley.turned_from(extensions.vector, extensions.vector, real)
from public, anon, authenticated, service_role;

create or replace function medley.taste_vectors_at(p_user_nos int[], p_as_of timestamptz)
returns table (
  user_no int,
  embedding_type text,
  model_version text,
  embedding_64 extensions.vector,
  embedding_256 extensions.vector,
  embedding_384 extensions.vector,
  embedding_768 extensions.vector,
  embedding_1536 extensions.vector
)
language plpgsql stable parallel safe security definer set search_path = '' set plan_cache_mode = force_custom_plan
set work_mem = '256MB'
as $$
declare
  v_share real := medley.setting('taste.rejected_share');
begin
  return query
  with summed as (
    select
      h.user_no,
      h.rejected,
      t.embedding_type,
      t.model_version,
      extensions.avg(e.embedding_64) as embedding_64,
      extensions.avg(e.embedding_256) as embedding_256,
      extensions.avg(e.embedding_384) as embedding_384,
      extensions.avg(e.embedding_768) as embedding_768,
      extensions.avg(e.embedding_1536) as embedding_1536
    from medley.member_history(p_user_nos, p_as_of) as h
    inner join medley.content_embeddings as e on h.item_no = e.item_no
    inner join medley.embedding_types as t
      on e.embedding_type = t.embedding_type and e.model_version = t.model_version
    where (h.rejected or h.affinity > 0)
      and not t.is_learned
    group by h.user_no, h.rejected, t.embedding_type, t.model_version
  ),

  felt as materialized (
    select
      l.user_no,
      l.embedding_type,
      l.model_version,
      medley.turned_from(l.embedding_64, r.embedding_64, v_share) as embedding_64,
      medley.turned_from(l.embedding_256, r.embedding_256, v_share) as embedding_256,
      medley.turned_from(l.embedding_384, r.embedding_384, v_share) as embedding_384,
      medley.turned_from(l.embedding_768, r.embedding_768, v_share) as embedding_768,
      medley.turned_from(l.embedding_1536, r.embedding_1536, v_share) as embedding_1536
    from summed as l
    left join summed as r on r.user_no = l.user_no and r.embedding_type = l.embedding_type and r.rejected
    where not l.rejected
  )

  select
    f.user_no,
    f.embedding_type,
    f.model_version,
    extensions.l2_normalize(f.embedding_64),
    extensions.l2_normalize(f.embedding_256),
    extensions.l2_normalize(f.embedding_384),
    extensions.l2_normalize(f.embedding_768),
    extensions.l2_normalize(f.embedding_1536)
  from felt as f
  -- Likes that point in opposite ways may cancel out, and then there is no direction to speak of.
  where greatest(
    extensions.vector_norm(f.embedding_64), extensions.vector_norm(f.embedding_256),
    extensions.vector_norm(f.embedding_384), extensions.vector_norm(f.embedding_768),
    extensions.vector_norm(f.embedding_1536)
  ) > 1e-6;
end;
$$;

comment on function medley.taste_vectors_at(int[], timestamptz) is
  'The taste vectors of these members as of p_as_of, one for each type of embedding that is not learned: the mean over the items they like, less '
  'taste.rejected_share of the mean over those they reject, of unit length.';
revoke all on function medley.taste_vectors_at(int[], timestamptz) from public, anon, authenticated, service_role;

create or replace function medley.refresh_taste_vectors_of(p_user_nos int[], p_as_of timestamptz)
returns bigint
language plpgsql volatile parallel unsafe security definer set search_path = '' set plan_cache_mode = force_custom_plan
as $$
declare
  v_user_nos int[] := medley.lock_members(p_user_nos);
  v_rows bigint;
begin
  insert into medley.taste_states as s (user_no, vector_engagements, models)
  select u.user_no, coalesce(m.engagements, 0), d.models
  from unnest(v_user_nos) as u (user_no)
  left join medley.member_activity as m on u.user_no = m.user_no
  cross join (select medley.embedding_digest() as models) as d
  on conflict (user_no) do update
  set vector_engagements = excluded.vector_engagements, models = excluded.models;

  with fresh as materialized (
    select t.* from medley.taste_vectors_at(v_user_nos, p_as_of) as t
  ),

  removed as (
    delete from medley.user_taste_vectors as v
    using unnest(v_user_nos) as u (user_no)
    where v.user_no = u.user_no
      and not exists (select from fresh as f where f.user_no = v.user_no and f.embedding_type = v.embedding_type)
      and v.embedding_type not in (select t.embedding_type from medley.embedding_types as t where t.is_learned)
  ),

  written as (
    insert into medley.user_taste_vectors as v (
      user_no, embedding_type, model_version,
      embedding_64, embedding_256, embedding_384, embedding_768, embedding_1536, computed_at
    )
    select
      f.user_no,
      f.embedding_type,
      f.model_version,
      f.embedding_64,
      f.embedding_256,
      f.embedding_384,
      f.embedding_768,
      f.embedding_1536,
      p_as_of
    from fresh as f
    order by f.user_no, f.embedding_type
    on conflict (user_no, embedding_type) do update
    set
      model_version = excluded.model_version,
      embedding_64 = excluded.embedding_64,
      embedding_256 = excluded.embedding_256,
      embedding_384 = excluded.embedding_384,
      embedding_768 = excluded.embedding_768,
      embedding_1536 = excluded.embedding_1536,
      computed_at = excluded.computed_at
  )

  select count(*) into v_rows from fresh;
  return v_rows;
end;
$$;

comment on function medley.refresh_taste_vectors_of(int[], timestamptz) is
  'Stores the taste vectors of these members as of p_as_of; see taste_vectors_at. Returns how many there are.';
revoke all on function medley.refresh_taste_vectors_of(int[], timestamptz)
from public, anon, authenticated, service_role;

create or replace function medley.refresh_taste(p_user_nos int[], p_as_of timestamptz)
returns bigint
language sql volatile parallel unsafe security definer set search_path = ''
as $$
  select medley.refresh_taste_profiles_of(p_user_nos, p_as_of) + medley.refresh_taste_vectors_of(p_user_nos, p_as_of)
$$;

comment on function medley.refresh_taste(int[], timestamptz) is
  'Derives everything about the taste of these members anew, as of p_as_of. Returns how many rows they have.';
revoke all on function medley.refresh_taste(int[], timestamptz) from public, anon, authenticated, service_role;

create or replace function medley.refresh_taste_profiles(p_limit int)
returns bigint
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_due int[] := array(
    select m.user_no
    from medley.member_activity as m
    left join medley.taste_states as s on m.user_no = s.user_no
    where s.profile_engagements is distinct from m.engagements
    order by m.user_no
    limit p_limit
  );
begin
  perform medley.refresh_taste_profiles_of(v_due, now());
  return cardinality(v_due);
end;
$$;

comment on function medley.refresh_taste_profiles(int) is
  'Job: refreshes the profiles of up to p_limit members with new engagements. Returns how many members.';
revoke all on function medley.refresh_taste_profiles(int) from public, anon, authenticated, service_role;

create or replace function medley.refresh_taste_vectors(p_limit int)
returns bigint
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_models int := medley.embedding_digest();
  v_due int[] := array(
    select m.user_no
    from medley.member_activity as m
    left join medley.taste_states as s on m.user_no = s.user_no
    where s.vector_engagements is distinct from m.engagements or s.models is distinct from v_models
    order by m.user_no
    limit p_limit
  );
begin
  perform medley.refresh_taste_vectors_of(v_due, now());
  return cardinality(v_due);
end;
$$;

comment on function medley.refresh_taste_vectors(int) is
  'Job: refreshes the taste vectors of up to p_limit members with new engagements, or whose vectors are of another model. '
  'Returns how many members.';
revoke all on function medley.refresh_taste_vectors(int) from public, anon, authenticated, service_role;

create or replace function medley.get_taste_profile(p_user_id uuid, p_limit int, p_as_of timestamptz)
returns table (
  feature_type text,
  feature_value text,
  label text,
  affinity_score real,
  confidence real,
  last_updated timestamptz
)
language plpgsql stable parallel safe security definer set search_path = ''
as $$
declare
  v_user_no int := medley.member_no(medley.acting_user(p_user_id));
begin
  perform medley.check_limit(p_limit);

  return query
  select
    f.feature_type,
    f.feature_value,
    medley.feature_label(f.feature_value),
    d.affinity_score,
    p.confidence,
    p.last_updated
  from medley.user_taste_profiles as p
  inner join medley.features as f on p.feature_no = f.feature_no
  -- As affinities do: not more before its time, and no underflow.
  cross join lateral (
    select (p.affinity_score * exp(least(0, greatest(-20,
      -p.decay_rate * date_part('epoch', p_as_of - p.last_updated) / 86400
    ))))::real as affinity_score
  ) as d
  where p.user_no = v_user_no
  order by abs(d.affinity_score) desc, p.feature_no
  limit p_limit;
end;
$$;

comment on function medley.get_taste_profile(uuid, int, timestamptz) is
  'The member''s profile at p_as_of; see public.get_taste_profile. Errors: those of acting_user, invalid_argument.';
revoke all on function medley.get_taste_profile(uuid, int, timestamptz) from public, anon, authenticated, service_role;
grant execute on function medley.get_taste_profile(uuid, int, timestamptz) to authenticated, service_role;
