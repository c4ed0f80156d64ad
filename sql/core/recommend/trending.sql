-- Trends. The score of an item in a window comes from what members did:
--   act        one for each member, item, platform and stretch of trend_windows.once_per: the strongest positive event,
--              less the strongest negative one. So nobody lifts an item by repeating.
--   s          sum of the acts in the window, in the points of engagement_kinds.weight
--   expected   sum of the acts in the baseline before it, scaled to the window's length (for an item that was published
--              since: from the time that it has been there), plus trending.prior
--   age        mean age of the window's positive acts
--   hot        log10(max(2, s + 2)) / (h + 2)^1.8, h being age in twenty-fourths of the window
--   surprise   (s - expected)^2 / expected * 0.5^(age / half_life); 0 unless s exceeds what is expected
--   score      hot * weight + ln(1 + surprise) * weight, weights of the ranker trending in ranker_weights
-- The log is read itself: what happened in a window was written after the window began, so BRIN on logged_at finds it,
-- and events that come late are right at the next calculation.
create or replace function medley.trend_score(
  p_points double precision,
  p_expected double precision,
  p_age_seconds double precision,
  p_window medley.trend_windows,
  p_hot double precision,
  p_surprise double precision
)
returns real
language plpgsql immutable parallel safe security invoker set search_path = ''
as $$
declare
  v_span double precision := date_part('epoch', p_window.span);
  v_half_life double precision := date_part('epoch', p_window.half_life);
  v_surprise double precision := 0;
begin
  if p_points > p_expected then
    -- Beyond a thousand half-lives nothing is left, and power would raise an underflow.
    v_surprise := power(p_points - p_expected, 2) / p_expected * power(0.5, least(p_age_seconds / v_half_life, 1000));
  end if;
  return p_hot * log(greatest(2, p_points + 2)) / power(24 * p_age_seconds / v_span + 2, 1.8)
    + p_surprise * ln(1 + v_surprise);
end;
$$;

comment on function medley.trend_score(
  double precision, double precision, double precision, medley.trend_windows, double precision, double precision
) is
  'The score of p_points of activity where p_expected (over 0) were due, of mean age p_age_seconds, in a window; p_hot and '
  'p_surprise are the weights of the two terms. The formula is at the head of this file. Sources: hot as link aggregators '
  'rank; surprise as the chi-square statistic of a count, halved with age since its activity.';
revoke all on function medley.trend_score(
  double precision, double precision, double precision, medley.trend_windows, double precision, double precision
) from public, anon, authenticated, service_role;

create or replace function medley.trend_weight(p_term text)
returns double precision
language sql stable parallel safe security definer set search_path = ''
as $$
  select coalesce(max(w.weight), 0)::double precision
  from medley.ranker_weights as w
  where w.ranker = 'trending' and w.term = p_term
$$;

comment on function medley.trend_weight(text) is 'The weight of a term of trend scores, hot or surprise; 0 where there is none.';
revoke all on function medley.trend_weight(text) from public, anon, authenticated, service_role;

create or replace function medley.cluster_generation()
returns int
language sql stable parallel safe security definer set search_path = ''
as $$ select g.generation from medley.generations as g where g.name = 'user_clusters' $$;

comment on function medley.cluster_generation() is
  'The generation of user_clusters; null before the first. Each numbers its clusters anew, so trends name both.';
revoke all on function medley.cluster_generation() from public, anon, authenticated, service_role;

-- An hour or two months: each call is planned for its own times, with the partitions that they need.
create or replace function medley.trend_activity(p_window medley.trend_windows, p_as_of timestamptz)
returns table (
  trend_type text,
  segment text,
  item_no int,
  points double precision,
  usual_points double precision,
  positive_points double precision,
  age_points double precision,
  newest_at timestamptz
)
language plpgsql stable parallel safe security definer
set search_path = '' set plan_cache_mode = force_custom_plan set work_mem = '256MB' rows 100000
as $$
declare
  v_start timestamptz := p_as_of - p_window.span;
  v_usual timestamptz := v_start - p_window.baseline;
  v_generation int := medley.cluster_generation();
begin
  return query
  with kind as materialized (
    select k.kind_no, k.weight::double precision as weight, k.value_rule = 'rating' as is_rating
    from medley.engagement_kinds as k
    where k.weight <> 0
  ),

  act as (
    select
      e.user_no,
      e.item_no,
      coalesce(e.platform, '') as platform,
      date_bin(p_window.once_per, e.occurred_at, v_start) >= v_start as is_now,
      max(k.weight * case when k.is_rating then e.value else 1 end) as highest,
      min(k.weight * case when k.is_rating then e.value else 1 end) as lowest,
      max(e.occurred_at) as newest_at
    from medley.engagements as e
    inner join kind as k on k.kind_no = e.kind_no
    where e.occurred_at >= v_usual
      and e.occurred_at <= p_as_of
      -- Clocks of apps run ahead by minutes at most.
      and e.logged_at >= v_usual - interval '1 hour'
    group by e.user_no, e.item_no, coalesce(e.platform, ''), date_bin(p_window.once_per, e.occurred_at, v_start)
  )

  -- One pass over the acts sums up both.
  select
    case grouping(a.platform) when 0 then 'platform' else 'cluster' end,
    case grouping(a.platform) when 0 then a.platform else v_generation || '.' || c.cluster_no end,
    a.item_no,
    coalesce(sum(greatest(a.highest, 0) + least(a.lowest, 0)) filter (where a.is_now), 0),
    coalesce(sum(greatest(a.highest, 0) + least(a.lowest, 0)) filter (where not a.is_now), 0),
    coalesce(sum(greatest(a.highest, 0)) filter (where a.is_now), 0),
    coalesce(sum(greatest(a.highest, 0) * date_part('epoch', p_as_of - a.newest_at)) filter (where a.is_now), 0),
    max(a.newest_at) filter (where a.is_now and a.highest > 0)
  from act as a
  left join medley.user_clusters as c on c.user_no = a.user_no and c.cluster_type = 'taste_based'
  group by grouping sets ((a.item_no, a.platform), (a.item_no, c.cluster_no))
  having grouping(a.platform) = 0
    or c.cluster_no is not null
    -- One member alone is no trend, and what they did is not for strangers.
    and min(a.user_no) filter (where a.is_now and a.highest > 0) < max(a.user_no) filter (where a.is_now and a.highest > 0);
end;
$$;

comment on function medley.trend_activity(medley.trend_windows, timestamptz) is
  'What members did with each item on each platform (empty: none named), and what those of each cluster did with it '
  '(generation.cluster_no), where two of them at least did something positive: points in the window that ends at p_as_of and in the baseline before '
  'it, the positive points in the window, the same times their age in seconds, and the newest positive event in the '
  'window. The rows of the type platform are all that was done.';
revoke all on function medley.trend_activity(medley.trend_windows, timestamptz)
from public, anon, authenticated, service_role;

create or replace function medley.trend_scores(p_window medley.trend_windows, p_as_of timestamptz)
returns table (
  trend_type text, segment text, item_no int, kind text, trend_score real, expires_at timestamptz
)
language plpgsql stable parallel safe security definer
set search_path = '' set plan_cache_mode = force_custom_plan set work_mem = '256MB' rows 100000
as $$
declare
  v_start timestamptz := p_as_of - p_window.span;
  v_hot double precision := medley.trend_weight('hot');
  v_surprise double precision := medley.trend_weight('surprise');
  v_prior double precision := medley.setting('trending.prior');
  v_max_items bigint := medley.setting('trending.max_items');
  v_max_genre_items bigint := medley.setting('trending.max_genre_items');
  v_max_cluster_items bigint := medley.setting('trending.max_cluster_items');
begin
  return query
  with activity as materialized (
    select a.*
    from medley.trend_activity(p_window, p_as_of) as a
  ),

  busy as (
    select a.segment
    from activity as a
    where a.trend_type = 'platform' and a.segment <> ''
    group by a.segment
    having sum(a.positive_points) > 0
    order by sum(a.positive_points) desc, a.segment collate "C"
    limit medley.setting('trending.max_platforms')
  ),

  measured as (
    select
      'global' as trend_type,
      '' as segment,
      a.item_no,
      sum(a.points) as points,
      sum(a.usual_points) as usual_points,
      sum(a.positive_points) as positive_points,
      sum(a.age_points) as age_points,
      max(a.newest_at) as newest_at
    from activity as a
    where a.trend_type = 'platform'
    group by a.item_no
    union all
    select a.*
    from activity as a
    where a.trend_type = 'cluster' or a.segment in (select b.segment from busy as b)
  ),

  scored as materialized (
    select
      m.trend_type,
      m.segment,
      m.item_no,
      i.id as item_id,
      i.kind,
      medley.trend_score(
        m.points,
        -- A fresh item's usual rate is the one since it was published.
        v_prior + greatest(m.usual_points, 0) * date_part('epoch', p_window.span) / date_part('epoch', greatest(
          least(p_window.baseline, v_start - i.published_at), p_window.span
        )),
        m.age_points / m.positive_points,
        p_window, v_hot, v_surprise
      ) as trend_score,
      least(m.newest_at + p_window.span, i.expires_at) as expires_at
    from measured as m
    inner join medley.items as i on i.item_no = m.item_no
    where m.points > 0
      and m.positive_points > 0
      and i.visibility <> 'private'
      and coalesce(i.expires_at > p_as_of, true)
  ),

  -- A genre's trend is that of the items at or below it.
  genre as materialized (
    select g.id as genre_id, g.slug as segment
    from public.genres as g
    union
    select p.genre_id, g.slug
    from public.genre_paths as p
    cross join lateral unnest(p.ancestor_nos) as a (path_no)
    inner join public.genre_paths as u on u.path_no = a.path_no
    inner join public.genres as g on g.id = u.genre_id
  ),

  candidate as (
    select s.trend_type, s.segment, s.item_no, s.kind, s.trend_score, s.expires_at
    from scored as s
    union all
    select distinct 'genre', g.segment, s.item_no, s.kind, s.trend_score, s.expires_at
    from scored as s
    inner join public.item_genres as l on l.item_id = s.item_id
    inner join genre as g on g.genre_id = l.genre_id
    where s.trend_type = 'global'
  ),

  ranked as (
    select
      c.*,
      row_number() over (
        -- Bytes sort several times faster than words.
        partition by c.trend_type collate "C", c.segment collate "C", c.kind collate "C"
        order by c.trend_score desc, c.item_no desc
      ) as place
    from candidate as c
    where c.trend_score > 0
  )

  select r.trend_type, r.segment, r.item_no, r.kind, r.trend_score, r.expires_at
  from ranked as r
  where r.place <= case r.trend_type
    when 'genre' then v_max_genre_items
    when 'cluster' then v_max_cluster_items
    else v_max_items
  end;
end;
$$;

comment on function medley.trend_scores(medley.trend_windows, timestamptz) is
  'The rows that trending_cache should have for a window that ends at p_as_of.';
revoke all on function medley.trend_scores(medley.trend_windows, timestamptz)
from public, anon, authenticated, service_role;

create or replace function medley.calculate_trends(p_time_window text, p_as_of timestamptz)
returns bigint
language plpgsql volatile parallel unsafe security definer
set search_path = '' set plan_cache_mode = force_custom_plan set work_mem = '256MB'
as $$
declare
  v_window medley.trend_windows;
  v_tolerance double precision := medley.setting('trending.tolerance');
  v_rows bigint;
begin
  update medley.trend_windows as w
  set calculated_at = p_as_of, cluster_generation = medley.cluster_generation()
  where w.time_window = p_time_window
  returning w.* into strict v_window;

  delete from medley.trending_changes as d
  where d.time_window = p_time_window;

  insert into medley.trending_changes
  (time_window, trend_type, segment, item_no, kind, trend_score, calculated_at, expires_at)
  select
    p_time_window,
    coalesce(f.trend_type, c.trend_type),
    coalesce(f.segment, c.segment),
    coalesce(f.item_no, c.item_no),
    coalesce(f.kind, c.kind),
    f.trend_score,
    p_as_of,
    coalesce(f.expires_at, c.expires_at)
  from medley.trend_scores(v_window, p_as_of) as f
  full join (
    select o.*
    from medley.trending_cache as o
    where o.time_window = p_time_window
  ) as c on c.trend_type = f.trend_type and c.segment = f.segment and c.item_no = f.item_no
  where f.item_no is null
    or c.item_no is null
    or abs(f.trend_score - c.trend_score) > v_tolerance * c.trend_score
    -- Expiry is put off when it comes near, not with every event.
    or c.expires_at < least(f.expires_at, p_as_of + 3 * v_window.refresh_every);
  get diagnostics v_rows = row_count;
  return v_rows;
end;
$$;

comment on function medley.calculate_trends(text, timestamptz) is
  'Calculates a window that ends at p_as_of and notes in trending_changes what is to be written. Returns how many rows.';
revoke all on function medley.calculate_trends(text, timestamptz) from public, anon, authenticated, service_role;

create or replace function medley.write_trends(p_limit int)
returns bigint
language plpgsql volatile parallel unsafe security definer
set search_path = '' set plan_cache_mode = force_custom_plan
as $$
declare
  v_rows bigint;
begin
  with batch as materialized (
    delete from medley.trending_changes as d
    using (
      select c.time_window, c.trend_type, c.segment, c.item_no
      from medley.trending_changes as c
      order by c.time_window, c.trend_type, c.segment, c.item_no
      limit p_limit
    ) as b
    where d.time_window = b.time_window and d.trend_type = b.trend_type
      and d.segment = b.segment and d.item_no = b.item_no
    returning d.*
  ),

  gone as (
    delete from medley.trending_cache as c
    using batch as b
    where b.trend_score is null and c.time_window = b.time_window and c.trend_type = b.trend_type
      and c.segment = b.segment and c.item_no = b.item_no
  ),

  written as (
    insert into medley.trending_cache as c
    (time_window, trend_type, segment, item_no, kind, trend_score, calculated_at, expires_at)
    select b.time_window, b.trend_type, b.segment, b.item_no, b.kind, b.trend_score, b.calculated_at, b.expires_at
    from batch as b
    where b.trend_score is not null
    on conflict (time_window, trend_type, segment, item_no) do update
    set
      trend_score = excluded.trend_score, calculated_at = excluded.calculated_at, expires_at = excluded.expires_at
  )

  select count(*) into v_rows
  from batch as b;
  return v_rows;
end;
$$;

comment on function medley.write_trends(int) is
  'Brings up to p_limit rows of trending_changes into trending_cache. Returns how many.';
revoke all on function medley.write_trends(int) from public, anon, authenticated, service_role;

create or replace function medley.refresh_trending_at(p_limit int, p_as_of timestamptz)
returns bigint
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_window text;
  v_rows bigint := 0;
begin
  -- One run at a time, whoever calls.
  perform pg_advisory_xact_lock(hashtextextended('medley.refresh_trending', 0));
  loop
    v_rows := v_rows + medley.write_trends((p_limit - v_rows)::int);
    exit when v_rows >= p_limit;

    -- Nothing is left to write: the shortest window that is due.
    select w.time_window into v_window
    from medley.trend_windows as w
    -- A job that starts every ten minutes starts now and then a moment early. A window that was empty is tried each time,
    -- and new clusters want their trends soon.
    where coalesce(w.calculated_at + w.refresh_every <= p_as_of + interval '30 seconds', true)
      or w.cluster_generation is distinct from medley.cluster_generation()
      or w.calculated_at < p_as_of
      and not exists (select from medley.trending_cache as t where t.time_window = w.time_window)
    order by w.span
    limit 1;
    exit when not found;
    perform medley.calculate_trends(v_window, p_as_of);
  end loop;

  if v_rows < p_limit then
    perform medley.set_item_trends();
  end if;
  return v_rows;
end;
$$;

comment on function medley.refresh_trending_at(int, timestamptz) is
  'Writes up to p_limit rows of trending_cache: what earlier calculations left, then the windows that are due at p_as_of. '
  'Returns how many; fewer than p_limit means that all is done.';
revoke all on function medley.refresh_trending_at(int, timestamptz) from public, anon, authenticated, service_role;

create or replace function medley.refresh_trending(p_limit int)
returns bigint
language sql volatile parallel unsafe security definer set search_path = ''
as $$ select medley.refresh_trending_at(p_limit, now()) $$;

comment on function medley.refresh_trending(int) is
  'Job: brings trending_cache up to date, at most p_limit rows a call; see refresh_trending_at.';
revoke all on function medley.refresh_trending(int) from public, anon, authenticated, service_role;
