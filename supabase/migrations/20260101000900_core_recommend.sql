-- Made from sql/core/recommend by `make migrations`; edit that, not this.

-- sql/core/recommend/tables_trending.sql
-- What is popular and what is trending, for every kind of item.
--   item_activity     the log counted by item and hour of writing    } rolled up by refresh_item_statistics
--   item_statistics   popularity of every item that anybody touched  }
--   trend_windows     the windows that a trend is measured over
--   trending_changes  what a refresh has found and not yet written   } refresh_trending
--   trending_cache    the trending items of each window and segment  }
-- All of it is derived from engagements and affinities and can be rebuilt at any time.
create table medley.item_activity (
  bucket timestamptz not null,
  item_no int not null,
  events int not null,
  impressions int not null,
  engagements int not null,
  primary key (item_no, bucket)
);

comment on table medley.item_activity is
  'The log counted by item and by the hour in which it was written. An hour that may still grow is counted again as a '
  'whole, so counting twice changes nothing; settled hours are summed up in one row an item.';
comment on column medley.item_activity.bucket is 'The hour of logged_at; -infinity: the sum of all settled hours.';
comment on column medley.item_activity.item_no is 'The item.';
comment on column medley.item_activity.events is 'Events of any kind.';
comment on column medley.item_activity.impressions is 'Events of the kind impression.';
comment on column medley.item_activity.engagements is 'Events of polarity 1; of ratings, those of at least 0.3.';

alter table medley.item_activity enable row level security;
revoke all on medley.item_activity from public, anon, authenticated, service_role;

create table medley.item_statistics (
  item_no int primary key references medley.items (item_no) on delete cascade,
  kind text not null,
  member_count int not null check (member_count >= 0),
  popularity real not null default 0 check (popularity between 0 and 1),
  trend real not null default 0 check (trend between 0 and 1),
  impressions int not null check (impressions >= 0),
  engagements int not null check (engagements >= 0),
  updated_at timestamptz not null default now()
);
create index item_statistics_kind_idx on medley.item_statistics (kind, popularity desc, item_no);
create index item_statistics_wanted_idx on medley.item_statistics (kind, (popularity + trend) desc, item_no);

comment on table medley.item_statistics is
  'How popular each item is: one row for each item with an affinity or an event in the log. Derived.';
comment on column medley.item_statistics.item_no is 'The item.';
comment on column medley.item_statistics.kind is 'Its kind.';
comment on column medley.item_statistics.member_count is 'Members who want it: with a positive event that no rejection follows.';
comment on column medley.item_statistics.popularity is
  'ln(1 + member_count) / ln(1 + M), M being the largest count of the kind rounded up to two digits: 0 to 1.';
comment on column medley.item_statistics.trend is
  'Its score in the trend of the day, as a share of the best one of the kind: 0 to 1.';
comment on column medley.item_statistics.impressions is 'How often it was shown, by the log.';
comment on column medley.item_statistics.engagements is 'Positive events about it, by the log.';
comment on column medley.item_statistics.updated_at is 'When the row last changed.';

alter table medley.item_statistics enable row level security;
revoke all on medley.item_statistics from public, anon, authenticated, service_role;

create table medley.trend_windows (
  time_window text primary key check (time_window in ('hour', 'day', 'week', 'month')),
  span interval not null check (span >= interval '1 minute'),
  baseline interval not null check (baseline >= span),
  once_per interval not null check (once_per between interval '1 minute' and interval '1 day'),
  half_life interval not null check (half_life >= interval '1 minute'),
  refresh_every interval not null check (refresh_every >= interval '1 minute'),
  calculated_at timestamptz,
  cluster_generation int
);

comment on table medley.trend_windows is 'The windows that trends are measured over.';
comment on column medley.trend_windows.time_window is 'hour, day, week or month.';
comment on column medley.trend_windows.span is 'How far back it reaches.';
comment on column medley.trend_windows.baseline is 'The time before it that says what is usual for an item.';
comment on column medley.trend_windows.once_per is 'A member counts once for an item in each such stretch of time.';
comment on column medley.trend_windows.half_life is 'Age of an item''s activity at which its surprise has halved.';
comment on column medley.trend_windows.refresh_every is 'How often it is calculated.';
comment on column medley.trend_windows.calculated_at is 'The moment of the last calculation; null before the first.';
comment on column medley.trend_windows.cluster_generation is
  'The generation of user_clusters that it counted by: when another is there, the window is due.';

alter table medley.trend_windows enable row level security;
revoke all on medley.trend_windows from public, anon, authenticated, service_role;

insert into medley.trend_windows (time_window, span, baseline, once_per, half_life, refresh_every)
values
  ('hour', '1 hour', '1 day', '1 hour', '30 minutes', '10 minutes'),
  ('day', '24 hours', '7 days', '1 hour', '12 hours', '30 minutes'),
  ('week', '7 days', '28 days', '1 day', '84 hours', '3 hours'),
  ('month', '30 days', '30 days', '1 day', '15 days', '12 hours');

create table medley.trending_cache (
  item_no int not null,
  trend_score real not null check (trend_score > 0),
  kind text not null,
  time_window text not null references medley.trend_windows (time_window),
  trend_type text not null check (trend_type in ('global', 'genre', 'platform', 'cluster')),
  segment text not null check ((segment = '') = (trend_type = 'global')),
  calculated_at timestamptz not null,
  expires_at timestamptz not null,
  primary key (time_window, trend_type, segment, item_no)
);
create index trending_cache_read_idx on medley.trending_cache
(time_window, trend_type, segment, kind, trend_score desc, item_no desc);

comment on table medley.trending_cache is
  'The trending items of each window, segment and kind, at most trending.max_items of them. Derived; what trends among a '
  'member''s friends is computed when it is read.';
comment on column medley.trending_cache.item_no is 'The item.';
comment on column medley.trending_cache.trend_score is 'How much it trends; see trend_score().';
comment on column medley.trending_cache.kind is 'Its kind.';
comment on column medley.trending_cache.time_window is 'The window.';
comment on column medley.trending_cache.trend_type is
  'global; genre: among the items at or below a genre; platform: by what happened on a platform; cluster: by what members '
  'of one taste_based cluster did.';
comment on column medley.trending_cache.segment is
  'Slug of the genre, name of the platform, or generation.cluster_no of the cluster; empty for global.';
comment on column medley.trending_cache.calculated_at is 'When the row was last written: only rows that changed are.';
comment on column medley.trending_cache.expires_at is
  'When its last activity leaves the window, or earlier; it is put off in time while there is more.';

alter table medley.trending_cache enable row level security;
revoke all on medley.trending_cache from public, anon, authenticated, service_role;

-- Unlogged: after a crash the window is simply calculated again.
create unlogged table medley.trending_changes (
  item_no int not null,
  trend_score real,
  kind text not null,
  time_window text not null references medley.trend_windows (time_window),
  trend_type text not null,
  segment text not null,
  calculated_at timestamptz not null,
  expires_at timestamptz not null,
  primary key (time_window, trend_type, segment, item_no)
);

comment on table medley.trending_changes is
  'Differences between trending_cache and the last calculation that are still to be written, a batch at a time.';
comment on column medley.trending_changes.item_no is 'The item.';
comment on column medley.trending_changes.trend_score is 'Its new score; null: the row goes.';
comment on column medley.trending_changes.kind is 'Its kind.';
comment on column medley.trending_changes.time_window is 'The window.';
comment on column medley.trending_changes.trend_type is 'global, genre, platform or cluster.';
comment on column medley.trending_changes.segment is 'As in trending_cache.';
comment on column medley.trending_changes.calculated_at is 'The moment of the calculation.';
comment on column medley.trending_changes.expires_at is 'When the row expires.';

alter table medley.trending_changes enable row level security;
revoke all on medley.trending_changes from public, anon, authenticated, service_role;

insert into medley.settings (key, value, description)
values
  (
    'statistics.overlap_hours', 2,
    'Hours of the log that each run counts again, 1 to 48; transactions that take longer count with the next rebuild.'
  ),
  ('trending.max_items', 1000, 'Items kept for each window and kind, and for each of its platforms, 1 to 10000.'),
  ('trending.max_genre_items', 200, 'Items kept for each window, kind and genre, 1 to 10000.'),
  ('trending.max_cluster_items', 200, 'Items kept for each window, kind and cluster of members, 1 to 10000.'),
  ('trending.max_platforms', 50, 'Platforms with a trend of their own, the busiest ones, 0 to 1000.'),
  (
    'trending.prior', 1,
    'Points that are expected of any item in a window; above 0, or a first event would be a boundless surprise.'
  ),
  ('trending.tolerance', 0.01, 'A score that moved by less than this share is not written again, 0 to 0.5.'),
  ('trending.max_friends', 1000, 'Friends whose activity makes up the trend among friends, 1 to 10000.'),
  ('trending.max_friend_events', 200, 'Newest events of each of them that are looked at, 1 to 10000.');

insert into medley.ranker_weights (ranker, term, weight, description)
values
  ('trending', 'hot', 10, 'Points for each unit of log10(max(2, s + 2)) / (h + 2)^1.8; see trend_score().'),
  ('trending', 'surprise', 1, 'Points for each unit of ln(1 + surprise); see trend_score().');

-- sql/core/recommend/statistics.sql
-- Popularity: how many members want an item, how often it was shown and engaged with.
create or replace function medley.roll_up_activity(p_from timestamptz)
returns int[]
language plpgsql volatile parallel unsafe security definer
set search_path = '' set plan_cache_mode = force_custom_plan set work_mem = '256MB'
as $$
declare
  c_origin constant timestamptz := timestamptz '2000-01-01 00:00:00+00';
  v_overlap interval := make_interval(hours => medley.setting('statistics.overlap_hours')::int);
  v_settled timestamptz := timestamptz '-infinity';
  v_item_nos int[];
begin
  -- From the beginning: what is settled by now is counted into one row an item at once.
  if p_from = '-infinity' then
    select coalesce(date_bin('1 hour', max(e.logged_at), c_origin) - v_overlap, '-infinity') into v_settled
    from medley.engagements as e;
  end if;

  with fresh as materialized (
    select
      case when e.logged_at >= v_settled then date_bin('1 hour', e.logged_at, c_origin) else '-infinity' end as bucket,
      e.item_no,
      count(*) as events,
      count(*) filter (where k.kind = 'impression') as impressions,
      count(*) filter (where medley.engagement_polarity(k.polarity, k.value_rule, e.value) = 1) as engagements
    from medley.engagements as e
    inner join medley.engagement_kinds as k on k.kind_no = e.kind_no
    where e.logged_at >= p_from
    group by 1, e.item_no
  ),

  gone as (
    delete from medley.item_activity as a
    where a.bucket >= p_from
      and not exists (select from fresh as f where f.item_no = a.item_no and f.bucket = a.bucket)
    returning a.item_no
  ),

  written as (
    insert into medley.item_activity as a (bucket, item_no, events, impressions, engagements)
    select f.bucket, f.item_no, f.events, f.impressions, f.engagements
    from fresh as f
    on conflict (item_no, bucket) do update
    set events = excluded.events, impressions = excluded.impressions, engagements = excluded.engagements
    where (a.events, a.impressions, a.engagements) <> (excluded.events, excluded.impressions, excluded.engagements)
    returning a.item_no
  )

  select array_agg(distinct c.item_no) into v_item_nos
  from (select g.item_no from gone as g union all select w.item_no from written as w) as c;

  -- Hours before p_from are settled.
  with settled as (
    delete from medley.item_activity as a
    where a.bucket < p_from and a.bucket > '-infinity'
    returning a.item_no, a.events, a.impressions, a.engagements
  )

  insert into medley.item_activity as a (bucket, item_no, events, impressions, engagements)
  select '-infinity', s.item_no, sum(s.events), sum(s.impressions), sum(s.engagements)
  from settled as s
  group by s.item_no
  on conflict (item_no, bucket) do update
  set
    events = a.events + excluded.events,
    impressions = a.impressions + excluded.impressions,
    engagements = a.engagements + excluded.engagements;

  return v_item_nos;
end;
$$;

comment on function medley.roll_up_activity(timestamptz) is
  'Counts what was written to the log from p_from on (a full hour; -infinity: all of it) and settles the hours before. '
  'Returns the items with more or fewer events than were known.';
revoke all on function medley.roll_up_activity(timestamptz) from public, anon, authenticated, service_role;

-- Both read all items, and their rows may be new: without statistics a nested loop would look cheap and be quadratic.
create or replace function medley.set_item_popularity()
returns bigint
language plpgsql volatile parallel unsafe security definer
set search_path = '' set enable_nestloop = off
as $$
declare
  v_rows bigint;
begin
  -- M with two digits moves rarely, so an item that gains a member seldom changes the rows of all others.
  with kind as (
    select s.kind, max(s.member_count)::numeric as largest
    from medley.item_statistics as s
    group by s.kind
  ),

  scale as (
    select
      k.kind,
      ln(1 + ceil(k.largest / d.unit) * d.unit)::double precision as ln_most
    from kind as k
    cross join lateral (select power(10::numeric, greatest(length(k.largest::text) - 2, 0)) as unit) as d
    where k.largest > 0
  )

  update medley.item_statistics as s
  set popularity = n.popularity, updated_at = now()
  from (
    select o.item_no, coalesce(ln(1 + o.member_count::double precision) / c.ln_most, 0)::real as popularity
    from medley.item_statistics as o
    left join scale as c on c.kind = o.kind
  ) as n
  where n.item_no = s.item_no and n.popularity <> s.popularity;
  get diagnostics v_rows = row_count;
  return v_rows;
end;
$$;

comment on function medley.set_item_popularity() is
  'Makes popularity follow the counts. Returns how many rows changed.';
revoke all on function medley.set_item_popularity() from public, anon, authenticated, service_role;

create or replace function medley.set_item_trends()
returns bigint
language plpgsql volatile parallel unsafe security definer
set search_path = '' set enable_nestloop = off
as $$
declare
  v_rows bigint;
begin
  update medley.item_statistics as s
  set trend = n.trend, updated_at = now()
  from (
    select
      o.item_no,
      coalesce(c.trend_score / max(c.trend_score) over (partition by o.kind), 0)::real as trend
    from medley.item_statistics as o
    left join medley.trending_cache as c
      on c.item_no = o.item_no and c.time_window = 'day' and c.trend_type = 'global' and c.segment = ''
  ) as n
  where n.item_no = s.item_no and n.trend <> s.trend;
  get diagnostics v_rows = row_count;
  return v_rows;
end;
$$;

comment on function medley.set_item_trends() is 'Makes trend follow trending_cache. Returns how many rows changed.';
revoke all on function medley.set_item_trends() from public, anon, authenticated, service_role;

create or replace function medley.count_item_members(p_item_nos int[])
returns table (item_no int, member_count bigint)
language plpgsql stable parallel safe security definer
set search_path = '' set plan_cache_mode = force_custom_plan set work_mem = '256MB' rows 10000
as $$
begin
  -- A pair has a row for each half-life that its kinds have.
  if p_item_nos is null then
    return query
    select p.item_no, count(*)
    from (
      select a.item_no
      from medley.affinities as a
      group by a.item_no, a.user_no
      having max(a.positive_at) > coalesce(max(a.negative_at), '-infinity')
    ) as p
    group by p.item_no;
  else
    return query
    select p.item_no, count(*)
    from (
      select a.item_no
      from unnest(p_item_nos) as w (item_no)
      inner join medley.affinities as a on a.item_no = w.item_no
      group by a.item_no, a.user_no
      having max(a.positive_at) > coalesce(max(a.negative_at), '-infinity')
    ) as p
    group by p.item_no;
  end if;
end;
$$;

comment on function medley.count_item_members(int[]) is
  'How many members want each of these items (null: of all), by the newest positive and the newest negative event of member '
  'and item. Items that nobody wants are left out.';
revoke all on function medley.count_item_members(int[]) from public, anon, authenticated, service_role;

-- Ten items or all of them: the best plans differ, so each call is planned for its own array.
create or replace function medley.count_items(p_item_nos int[])
returns bigint
language plpgsql volatile parallel unsafe security definer
set search_path = '' set plan_cache_mode = force_custom_plan set work_mem = '256MB'
as $$
declare
  v_rows bigint;
begin
  with asked as materialized (
    select w.item_no
    from unnest(coalesce(p_item_nos, array(select i.item_no from medley.items as i))) as w (item_no)
  ),

  activity as (
    select a.item_no, sum(a.impressions) as impressions, sum(a.engagements) as engagements
    from asked as w
    inner join medley.item_activity as a on a.item_no = w.item_no
    group by a.item_no
  ),

  fresh as materialized (
    select
      i.item_no,
      i.kind,
      coalesce(m.member_count, 0) as member_count,
      coalesce(c.impressions, 0) as impressions,
      coalesce(c.engagements, 0) as engagements
    from medley.count_item_members(p_item_nos) as m
    full join activity as c on c.item_no = m.item_no
    inner join medley.items as i on i.item_no = coalesce(m.item_no, c.item_no)
  ),

  gone as (
    delete from medley.item_statistics as s
    using asked as w
    where s.item_no = w.item_no and s.item_no not in (select f.item_no from fresh as f)
    returning 1
  ),

  written as (
    insert into medley.item_statistics as s (item_no, kind, member_count, impressions, engagements)
    select f.item_no, f.kind, f.member_count, f.impressions, f.engagements
    from fresh as f
    on conflict (item_no) do update
    set
      member_count = excluded.member_count,
      impressions = excluded.impressions,
      engagements = excluded.engagements,
      updated_at = now()
    where (s.member_count, s.impressions, s.engagements)
      <> (excluded.member_count, excluded.impressions, excluded.engagements)
    returning 1
  )

  select (select count(*) from gone) + (select count(*) from written) into v_rows;
  return v_rows;
end;
$$;

comment on function medley.count_items(int[]) is
  'Counts members, impressions and engagements of these items (null: of all) afresh. Returns how many rows of item_statistics changed.';
revoke all on function medley.count_items(int[]) from public, anon, authenticated, service_role;

create or replace function medley.refresh_item_statistics()
returns bigint
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_from timestamptz;
  v_rows bigint;
begin
  -- One run at a time.
  perform medley.begin_generation('item_statistics');
  select coalesce(
    max(a.bucket) - make_interval(hours => medley.setting('statistics.overlap_hours')::int), '-infinity'
  ) into v_from
  from medley.item_activity as a
  where a.bucket > '-infinity';

  v_rows := medley.count_items(coalesce(medley.roll_up_activity(v_from), '{}'));
  if v_rows > 0 then
    perform medley.set_item_popularity();
    perform medley.set_item_trends();
  end if;
  return v_rows;
end;
$$;

comment on function medley.refresh_item_statistics() is
  'Job: counts what was written to the log since the last run, with an overlap of statistics.overlap_hours, and counts '
  'the items afresh that it is about. Running it again changes nothing. Accounts that were deleted count until the next '
  'rebuild_item_statistics(). Returns how many items changed.';
revoke all on function medley.refresh_item_statistics() from public, anon, authenticated, service_role;

create or replace function medley.rebuild_item_statistics()
returns bigint
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_generation int := medley.begin_generation('item_statistics');
  v_rows bigint;
begin
  perform medley.roll_up_activity('-infinity');
  v_rows := medley.count_items(null);
  perform medley.set_item_popularity();
  perform medley.set_item_trends();
  perform medley.finish_generation(
    'item_statistics', v_generation, (select count(*) from medley.item_statistics)
  );
  return v_rows;
end;
$$;

comment on function medley.rebuild_item_statistics() is
  'Job: counts every item afresh from the affinities and the whole log. Returns how many rows of item_statistics changed.';
revoke all on function medley.rebuild_item_statistics() from public, anon, authenticated, service_role;

-- sql/core/recommend/trending.sql
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

-- sql/core/recommend/trending_reads.sql
-- Reading trends: from trending_cache, or among the member's friends from the log.
create or replace function medley.check_trend_arguments(
  p_kind text,
  p_time_window text,
  p_trend_type text,
  p_segment text
)
returns void
language plpgsql stable parallel safe security definer set search_path = ''
as $$
begin
  if p_kind is not null then
    perform medley.check_kind(p_kind);
  end if;
  if not exists (select from medley.trend_windows as w where w.time_window = p_time_window) then
    perform medley.fail('invalid_argument', format('there is no window %s', coalesce(left(p_time_window, 100), 'null')),
      'p_window', 'Pass hour, day, week or month.');
  end if;
  if coalesce(p_trend_type, '') not in ('global', 'genre', 'platform', 'friend_network', 'cluster') then
    perform medley.fail('invalid_argument', format('there is no trend type %s', coalesce(left(p_trend_type, 100), 'null')),
      'p_trend_type', 'Pass global, genre, platform, friend_network or cluster.');
  end if;
  if (p_trend_type in ('genre', 'platform')) <> (coalesce(p_segment, '') <> '') then
    perform medley.fail('invalid_argument', 'p_segment goes with the types genre and platform', 'p_segment',
      'Pass the slug of a genre or the name of a platform with these, and nothing with the others.');
  end if;
  if p_trend_type = 'genre' and not exists (select from public.genres as g where g.slug = p_segment) then
    perform medley.fail('not_found', format('there is no genre %s', left(p_segment, 100)), 'p_segment',
      'Pass the slug of a genre, indie-rock say.');
  end if;
end;
$$;

comment on function medley.check_trend_arguments(text, text, text, text) is
  'Refuses what get_trending cannot mean. Errors: invalid_argument, not_found (the genre).';
revoke all on function medley.check_trend_arguments(text, text, text, text)
from public, anon, authenticated, service_role;

create or replace function medley.friend_trends(p_user_id uuid, p_window medley.trend_windows, p_as_of timestamptz)
returns table (item_no int, trend_score real)
language plpgsql stable parallel safe security definer
set search_path = '' set plan_cache_mode = force_generic_plan set enable_seqscan = off
as $$
begin
  return query
  with friend as materialized (
    select m.user_no
    from medley.friends(p_user_id) as f
    inner join medley.members as m on m.user_id = f.friend_id
    where not exists (
        select from public.user_mutes as u where u.user_id = p_user_id and u.muted_id = f.friend_id
      )
      and not medley.is_blocked(p_user_id, f.friend_id)
    order by m.user_no
    limit medley.setting('trending.max_friends')
  ),

  event as (
    select e.*
    from friend as f
    cross join lateral (
      select n.user_no, n.item_no, n.occurred_at, k.weight * case when k.value_rule = 'rating' then n.value else 1 end as points
      from medley.engagements as n
      inner join medley.engagement_kinds as k on k.kind_no = n.kind_no
      where n.user_no = f.user_no
        and n.occurred_at > p_as_of - p_window.span
        and n.occurred_at <= p_as_of
        and k.social_signal is not null
        and medley.engagement_polarity(k.polarity, k.value_rule, n.value) = 1
      order by n.occurred_at desc, n.item_no, n.kind_no
      limit medley.setting('trending.max_friend_events')
    ) as e
  ),

  act as (
    select e.item_no, max(e.points)::double precision as points, max(e.occurred_at) as newest_at
    from event as e
    group by e.user_no, e.item_no, date_bin(p_window.once_per, e.occurred_at, p_as_of - p_window.span)
  )

  select
    a.item_no,
    medley.trend_score(
      sum(a.points), prior.expected,
      sum(a.points * date_part('epoch', p_as_of - a.newest_at)) / sum(a.points),
      p_window, weight.hot, weight.surprise
    )
  from act as a
  cross join (select medley.setting('trending.prior')::double precision as expected) as prior
  cross join (select medley.trend_weight('hot') as hot, medley.trend_weight('surprise') as surprise) as weight
  where a.points > 0
  group by a.item_no, prior.expected, weight.hot, weight.surprise;
end;
$$;

comment on function medley.friend_trends(uuid, medley.trend_windows, timestamptz) is
  'Scores of what the member''s friends did in the window that ends at p_as_of, muted and blocked ones left out: positive '
  'events of the kinds that tell friends something (engagement_kinds.social_signal), at most trending.max_friend_events '
  'of each of trending.max_friends.';
revoke all on function medley.friend_trends(uuid, medley.trend_windows, timestamptz)
from public, anon, authenticated, service_role;

create type medley.trend_position as (as_of timestamptz, score real, item_no int);
comment on type medley.trend_position is 'Where a page begins: the moment that all pages share, and the last row before it.';

create or replace function medley.trend_position(p_cursor text, p_query text, p_as_of timestamptz)
returns medley.trend_position
language plpgsql stable parallel safe security definer set search_path = ''
as $$
declare
  v_cursor jsonb := medley.decode_cursor(p_cursor, p_query);
  v medley.trend_position := (p_as_of, null, null);
begin
  if v_cursor is not null then
    v := jsonb_populate_record(v, v_cursor);
    if (v.as_of between p_as_of - interval '1 day' and p_as_of and v.score is not null and v.item_no is not null)
      is not true
    then
      perform medley.fail('invalid_cursor', 'the cursor is damaged', 'p_cursor', 'Start again without a cursor.');
    end if;
  end if;
  return v;
exception
  when data_exception then
    perform medley.fail('invalid_cursor', 'the cursor is damaged', 'p_cursor', 'Start again without a cursor.');
    return null;
end;
$$;

comment on function medley.trend_position(text, text, timestamptz) is
  'The position in a cursor of get_trending, or the beginning at p_as_of. Errors: invalid_cursor.';
revoke all on function medley.trend_position(text, text, timestamptz) from public, anon, authenticated, service_role;

-- Plans are kept for the session; those made while tables were small must hold when they have grown.
create or replace function medley.get_trending(
  p_kind text,
  p_window text,
  p_trend_type text,
  p_segment text,
  p_limit int,
  p_cursor text,
  p_user_id uuid,
  p_as_of timestamptz
)
returns table (
  item_id uuid, kind text, title text, score real, time_window text, trend_type text, segment text, next_cursor text
)
language plpgsql stable parallel safe security definer
set search_path = '' set plan_cache_mode = force_generic_plan set enable_seqscan = off
as $$
declare
  v_limit int := medley.check_limit(p_limit);
  v_user_id uuid;
  v_query text;
  v_after medley.trend_position;
  v_window medley.trend_windows;
  v_trend_type text := p_trend_type;
  v_segment text := coalesce(p_segment, '');
begin
  perform medley.check_trend_arguments(p_kind, p_window, p_trend_type, p_segment);
  -- What trends everywhere is for everybody: a visitor reads it, and the service may leave the member out.
  if p_trend_type in ('friend_network', 'cluster') or p_user_id is not null or auth.uid() is not null then
    v_user_id := medley.acting_user(p_user_id);
  end if;
  v_query := 'trending:' || md5(row(p_kind, p_window, p_trend_type, v_segment, v_user_id)::text);
  v_after := medley.trend_position(p_cursor, v_query, p_as_of);

  if p_trend_type = 'friend_network' then
    select w.* into strict v_window
    from medley.trend_windows as w
    where w.time_window = p_window;
  elsif p_trend_type = 'cluster' then
    select 'cluster', n.segment into v_trend_type, v_segment
    from medley.members as m
    inner join medley.user_clusters as c on c.user_no = m.user_no and c.cluster_type = 'taste_based'
    cross join lateral (select medley.cluster_generation() || '.' || c.cluster_no as segment) as n
    where m.user_id = v_user_id
      and exists (
        select from medley.trending_cache as t
        where t.time_window = p_window and t.trend_type = 'cluster' and t.segment = n.segment
          and (p_kind is null or t.kind = p_kind)
          and t.expires_at > p_as_of
      );
    -- Whose taste is not known yet, or whose cluster has done nothing, gets what trends everywhere.
    if not found then
      v_trend_type := 'global';
      v_segment := '';
    end if;
  end if;

  return query
  with found as (
    select c.item_no, c.trend_score
    from medley.item_kinds as k
    cross join lateral (
      select t.item_no, t.trend_score
      from medley.trending_cache as t
      inner join medley.items as i on i.item_no = t.item_no
      where t.time_window = p_window and t.trend_type = v_trend_type and t.segment = v_segment and t.kind = k.kind
        and (v_after.item_no is null or (t.trend_score, t.item_no) < (v_after.score, v_after.item_no))
        and t.expires_at > p_as_of
        and coalesce(i.expires_at > p_as_of, true)
        -- Most items are the catalogue's and everybody's.
        and (i.owner_id is null and i.visibility = 'public' or medley.may_list(v_user_id, i.id, i.owner_id))
      order by t.trend_score desc, t.item_no desc
      limit v_limit + 1
    ) as c
    where p_trend_type <> 'friend_network' and (p_kind is null or k.kind = p_kind)
    union all
    select f.item_no, f.trend_score
    from medley.friend_trends(v_user_id, v_window, v_after.as_of) as f
    inner join medley.items as i on i.item_no = f.item_no
    where p_trend_type = 'friend_network' and (p_kind is null or i.kind = p_kind)
      and (v_after.item_no is null or (f.trend_score, f.item_no) < (v_after.score, v_after.item_no))
      and coalesce(i.expires_at > p_as_of, true)
      and (i.owner_id is null and i.visibility = 'public' or medley.may_list(v_user_id, i.id, i.owner_id))
  ),

  best as materialized (
    select f.item_no, f.trend_score
    from found as f
    order by f.trend_score desc, f.item_no desc
    limit v_limit + 1
  ),

  page as materialized (
    select b.item_no, b.trend_score
    from best as b
    order by b.trend_score desc, b.item_no desc
    limit v_limit
  )

  select
    i.id, i.kind, i.title, p.trend_score, p_window, v_trend_type, p_segment,
    (
      select medley.encode_cursor(v_query,
        jsonb_build_object('as_of', v_after.as_of, 'score', l.trend_score, 'item_no', l.item_no))
      from page as l
      where (select count(*) from best) > v_limit
      order by l.trend_score, l.item_no
      limit 1
    )
  from page as p
  inner join medley.items as i on i.item_no = p.item_no
  order by p.trend_score desc, p.item_no desc;
end;
$$;

comment on function medley.get_trending(text, text, text, text, int, text, uuid, timestamptz) is
  'public.get_trending at the moment p_as_of.';
revoke all on function medley.get_trending(text, text, text, text, int, text, uuid, timestamptz)
from public, anon, authenticated, service_role;
grant execute on function medley.get_trending(text, text, text, text, int, text, uuid, timestamptz)
to anon, authenticated, service_role;

-- sql/core/recommend/feedback.sql
-- Feedback on recommendations, in the words of apps: it is engagement, in the same log.
create table medley.feedback_types (
  feedback_type text primary key,
  kind text not null unique references medley.engagement_kinds (kind),
  description text not null
);

comment on table medley.feedback_types is 'What record_feedback accepts, and the kind of engagement that each is.';
comment on column medley.feedback_types.feedback_type is 'The word that apps use.';
comment on column medley.feedback_types.kind is 'The kind of engagement that is logged.';
comment on column medley.feedback_types.description is 'What the member did.';

alter table medley.feedback_types enable row level security;
revoke all on medley.feedback_types from public, anon, authenticated, service_role;

insert into medley.feedback_types (feedback_type, kind, description)
values
  ('impression', 'impression', 'The recommendation was shown.'),
  ('click', 'click', 'It was clicked.'),
  ('like', 'like', 'It was liked.'),
  ('dislike', 'dislike', 'It was disliked.'),
  ('not_interested', 'not_interested', 'The member wants no more of it.'),
  ('watch_started', 'watch_started', 'Watching began.'),
  ('watch_completed', 'watch_completed', 'It was watched to the end.');

create view medley.recommendation_feedback as
select
  e.user_no,
  e.item_no,
  t.feedback_type,
  e.value as feedback_value,
  e.algorithm,
  e.variant,
  e.position,
  e.predicted_score,
  e.context,
  e.occurred_at as created_at
from medley.engagements as e
inner join medley.engagement_kinds as k on k.kind_no = e.kind_no
inner join medley.feedback_types as t on t.kind = k.kind;

comment on view medley.recommendation_feedback is
  'The engagements that are feedback on recommendations, under the names of apps.';
revoke all on medley.recommendation_feedback from public, anon, authenticated, service_role;

create or replace function medley.record_feedback(
  p_item_id uuid,
  p_feedback_type text,
  p_value real,
  p_context jsonb,
  p_user_id uuid,
  p_as_of timestamptz
)
returns text
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_user_id uuid := medley.acting_user(p_user_id);
  c_fields constant text[] := array[
    'occurred_at', 'session_id', 'platform', 'device', 'position', 'dwell_ms', 'progress', 'predicted_score', 'algorithm',
    'variant'
  ];
  v_kind text;
  v_context jsonb := coalesce(p_context, '{}');
  v_result record;
begin
  if jsonb_typeof(v_context) <> 'object' then
    perform medley.fail('invalid_argument', 'p_context must be an object', 'p_context', 'Pass {} or {"platform": "web"}.');
  end if;
  select t.kind into v_kind
  from medley.feedback_types as t
  where t.feedback_type = p_feedback_type;
  if not found then
    perform medley.fail('invalid_argument',
      format('there is no feedback type %s', coalesce(left(p_feedback_type, 100), 'null')),
      'p_feedback_type', 'Pass impression, click, like, dislike, not_interested, watch_started or watch_completed.');
  end if;

  select l.status, l.code, l.message into strict v_result
  from medley.log_engagement(
    v_user_id,
    jsonb_build_array(
      (select coalesce(jsonb_object_agg(c.key, c.value), '{}') from jsonb_each(v_context) as c where c.key = any(c_fields))
      || jsonb_build_object('item_id', p_item_id, 'kind', v_kind, 'value', p_value)
      || case when v_context - c_fields = '{}' then '{}' else jsonb_build_object('context', v_context - c_fields) end
    ),
    p_as_of
  ) as l;
  if v_result.status = 'refused' then
    perform medley.fail(v_result.code, v_result.message, null, 'Correct the feedback; nothing was written.');
  end if;
  return v_result.status;
end;
$$;

comment on function medley.record_feedback(uuid, text, real, jsonb, uuid, timestamptz) is
  'public.record_feedback at the moment p_as_of.';
revoke all on function medley.record_feedback(uuid, text, real, jsonb, uuid, timestamptz)
from public, anon, authenticated, service_role;
grant execute on function medley.record_feedback(uuid, text, real, jsonb, uuid, timestamptz)
to authenticated, service_role;

-- sql/core/recommend/api_trending.sql
-- The API of trends and feedback.
create or replace function public.get_trending(
  p_kind text default null,
  p_window text default 'day',
  p_trend_type text default 'global',
  p_segment text default null,
  p_limit int default 20,
  p_cursor text default null,
  p_user_id uuid default null
)
returns table (
  item_id uuid, kind text, title text, score real, time_window text, trend_type text, segment text, next_cursor text
)
language sql stable parallel safe security invoker set search_path = ''
as $$
  select t.*
  from medley.get_trending(p_kind, p_window, p_trend_type, p_segment, p_limit, p_cursor, p_user_id, now()) as t
$$;

comment on function public.get_trending(text, text, text, text, int, text, uuid) is
  'What trends, highest score first: much activity of late, and more of it than is usual for the item. p_kind: a kind of '
  'item, or null for all. p_window: hour, day, week or month. p_trend_type: global; genre (p_segment is its slug, and all '
  'genres below it count); platform (p_segment is its name as events give it); friend_network (what friends did) or '
  'cluster (what members of the same taste did; global, and the rows say so, while there is none), both for a signed-in '
  'member. The caller sees what select would show, and nothing of blocked or muted members. p_limit: 1 to 200. '
  'p_cursor: next_cursor of the previous page with the same arguments. p_user_id: for the secret key only. '
  'Errors: invalid_argument, invalid_cursor, not_found (the genre or member), unauthenticated, forbidden.';
revoke all on function public.get_trending(text, text, text, text, int, text, uuid)
from public, anon, authenticated, service_role;
grant execute on function public.get_trending(text, text, text, text, int, text, uuid)
to anon, authenticated, service_role;

create or replace function public.record_feedback(
  p_item_id uuid,
  p_feedback_type text,
  p_value real default null,
  p_context jsonb default '{}',
  p_user_id uuid default null
)
returns text
language sql volatile parallel unsafe security invoker set search_path = ''
as $$ select medley.record_feedback(p_item_id, p_feedback_type, p_value, p_context, p_user_id, now()) $$;

comment on function public.record_feedback(uuid, text, real, jsonb, uuid) is
  'Says what a member did with a recommendation; it counts at once. p_feedback_type: impression, click, like, dislike, '
  'not_interested, watch_started, watch_completed (medley.feedback_types). p_value: a number, if there is one. p_context: '
  'a JSON object; its keys occurred_at, session_id, platform, device, position, dwell_ms, progress, predicted_score, '
  'algorithm and variant mean what they mean in log_engagement, the rest is kept. Name occurred_at and repeating is safe. '
  'p_user_id: for the secret key only. Returns accepted or duplicate. '
  'Errors: invalid_argument, not_found (the item or member), forbidden, unauthenticated.';
revoke all on function public.record_feedback(uuid, text, real, jsonb, uuid)
from public, anon, authenticated, service_role;
grant execute on function public.record_feedback(uuid, text, real, jsonb, uuid) to authenticated, service_role;

-- sql/core/recommend/jobs_trending.sql
-- What keeps popularity and trends up to date.
insert into medley.jobs (name, schedule, function_name, batch_size, timeout_seconds, description)
values
  (
    'refresh_item_statistics', '*/10 * * * *', 'refresh_item_statistics', null, 600,
    'Counts members, impressions and engagements of the items that the log has news about.'
  ),
  (
    'rebuild_item_statistics', '20 4 * * *', 'rebuild_item_statistics', null, 3600,
    'Counts all items afresh, so that deleted accounts and dropped partitions no longer count.'
  ),
  (
    'refresh_trending', '*/10 * * * *', 'refresh_trending', 5000, 900,
    'Calculates the windows of medley.trend_windows that are due and writes what changed.'
  );

-- sql/core/recommend/tables.sql
-- Recommendations: one pipeline from sources over filters and scores to diversity, page and explanation.
-- pipeline.sql ranks what a member has not seen, diversity.sql chooses the page, recommend.sql answers the call,
-- candidates.sql computes pages ahead for active members, explain.sql says why, or why not.
-- Reads only: what was shown comes back as impressions through log_engagement.
create index items_newest_idx on medley.items (kind, published_at desc) where visibility = 'public';

create table medley.recommendation_candidates (
  user_no int not null references medley.members (user_no) on delete cascade,
  rank smallint not null check (rank > 0),
  item_no int not null,
  algorithm_type text not null check (
    algorithm_type in ('collaborative', 'content_based', 'hybrid', 'trending', 'social', 'followed', 'exploration')
  ),
  base_score real not null,
  popularity_boost real not null,
  recency_boost real not null,
  diversity_penalty real not null,
  availability_boost real not null,
  social_boost real not null,
  final_score real not null,
  explanation jsonb not null,
  generated_at timestamptz not null,
  expires_at timestamptz not null,
  primary key (user_no, rank)
);
create index recommendation_candidates_expires_idx on medley.recommendation_candidates (expires_at);

comment on table medley.recommendation_candidates is
  'Pages computed ahead for active members. Used only while nothing that the member did is newer, and never after '
  'expires_at.';
comment on column medley.recommendation_candidates.user_no is 'The member.';
comment on column medley.recommendation_candidates.rank is 'Place, from 1.';
comment on column medley.recommendation_candidates.item_no is 'The item.';
comment on column medley.recommendation_candidates.algorithm_type is
  'Where it came from: see algorithm of get_recommendations.';
comment on column medley.recommendation_candidates.base_score is 'Points of the terms behavior, content and exploration.';
comment on column medley.recommendation_candidates.popularity_boost is 'Points for popularity and trend.';
comment on column medley.recommendation_candidates.recency_boost is 'Points for being new.';
comment on column medley.recommendation_candidates.diversity_penalty is
  'Points lost for likeness to what stands above it; 0 or less.';
comment on column medley.recommendation_candidates.availability_boost is 'Points for being on a platform of the member''s.';
comment on column medley.recommendation_candidates.social_boost is 'Points for friends and followed members.';
comment on column medley.recommendation_candidates.final_score is 'The sum of the above.';
comment on column medley.recommendation_candidates.explanation is '{"reason": in words, "breakdown": {term: points}}.';
comment on column medley.recommendation_candidates.generated_at is 'When the page was computed.';
comment on column medley.recommendation_candidates.expires_at is 'When it is too old: at most 24 hours later.';

alter table medley.recommendation_candidates enable row level security;
revoke all on medley.recommendation_candidates from public, anon, authenticated, service_role;

create policy recommendation_candidates_own on medley.recommendation_candidates
for select to authenticated using (user_no = (select medley.acting_user_no()));

insert into medley.settings (key, value, description)
values
  ('recommend.history', 500, 'Items of a member, strongest first, that speak for others; 5 to 500.'),
  (
    'recommend.history_exponent', 0.2,
    'Affinities enter as (affinity / the member''s strongest) to this power; 0 counts items alike, 1 is proportional.'
  ),
  (
    'recommend.history_recency', 0.2,
    'Newer items count more: (share of the items that are no older) to minus this power; 0 (alike) to 2.'
  ),
  (
    'recommend.dislike_share', 0.5,
    'What a disliked item takes from its neighbours, as a share of what a liked one gives; 0 to 1.'
  ),
  (
    'recommend.neighbors', 10000,
    'Neighbours of each method that are read for a member, at most: of each item of the history the nearest, as many '
    'for each; 500 to 100000.'
  ),
  ('recommend.pool', 40, 'Items that are scored in full before the page is chosen, at least; 20 to 200.'),
  ('recommend.shown_hours', 6, 'Hours for which an item that was shown is left out; 0 to 720.'),
  ('recommend.new_days', 30, 'Days for which an item counts as new; 1 to 365.'),
  ('recommend.max_per_creator', 3, 'Items of one creator on a page of 20; 1 to 200.'),
  ('recommend.max_per_genre', 10, 'Items of one genre on a page of 20; 1 to 200.'),
  ('recommend.candidates', 40, 'Items of a page computed ahead; 10 to 200.'),
  ('recommend.candidate_hours', 24, 'Hours for which a page computed ahead may be used; 1 to 24.'),
  ('recommend.active_days', 14, 'Members who engaged in this many days get pages computed ahead; 1 to 90.');

insert into medley.ranker_weights (ranker, term, weight, cap, scale, description)
values
  ('recommendations', 'behavior', 1, null, null, 'A unit of what the member''s history says through behaviour.'),
  (
    'recommendations', 'content', 0.05, null, null,
    'A unit of likeness in features to an item of the member''s history, over the root of how many items that has.'
  ),
  (
    'recommendations', 'embedding', 0.05, null, null,
    'A unit of likeness of vectors, likewise; its points are part of the term content.'
  ),
  (
    'recommendations', 'social', 0.02, 0.1, 0.75,
    'Each friend who likes the item; the scale is what less it is for the most popular item of its kind, as a share.'
  ),
  ('recommendations', 'followed', 0.1, null, null, 'An item of somebody whom the member follows.'),
  ('recommendations', 'popularity', 0.02, null, null, 'The most popular item of its kind.'),
  ('recommendations', 'trend', 0.02, null, null, 'The strongest trend of the day of its kind.'),
  ('recommendations', 'recency', 0.02, null, 14, 'An item published now; the scale is its half-life in days.'),
  ('recommendations', 'availability', 0.05, null, null, 'An item on a platform that the member has.'),
  ('recommendations', 'exploration', 0.02, null, null, 'A new item that hardly anybody has seen.'),
  (
    'recommendations', 'diversity', 0.1, null, null,
    'Likeness to what is already on the page: the share that it costs an item of the best relevance.'
  );

-- sql/core/recommend/pipeline.sql
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

-- sql/core/recommend/diversity.sql
-- Which of the relevant items make a page: maximal marginal relevance (Carbonell and Goldstein 1998), greedily.
create or replace function medley.choose_page(
  p_relevance double precision[],
  p_signatures bit[],
  p_creators int[],
  p_genres int[],
  p_limit int,
  p_weight double precision,
  p_max_per_creator int,
  p_max_per_genre int
)
returns table (place int, penalty double precision)
language plpgsql immutable parallel safe security invoker set search_path = ''
as $$
declare
  -- Scores below it are over a cap, and further below.
  c_capped constant double precision := -500000;
  v_count int := coalesce(cardinality(p_relevance), 0);
  -- What likeness 1 costs: the weight as a share of the best relevance.
  v_cost double precision := p_weight * greatest(p_relevance[1], 0);
  v_bits int[];
  v_likeness double precision[] := array_fill(0::float8, array[v_count]);
  -- The last of the chosen that made each likelier: those up to it need no second look.
  v_compared int[] := array_fill(0, array[v_count]);
  -- The score at most, for likeness only grows; -infinity once chosen.
  v_bound double precision[] := p_relevance;
  -- Of the chosen.
  v_signatures bit varying[];
  v_features bit varying := b'0'::bit(128);
  v_sizes int[];
  v_creators int[] := array[]::int[];
  v_genres int[] := array[]::int[];
  v_first int := 1;
  v_same int;
  v_best int;
  v_best_score double precision;
  -- Of the one that is looked at.
  v_score double precision;
  v_signature bit varying;
  v_size int;
  v_likest double precision;
  v_alike double precision;
begin
  select array_agg(greatest(bit_count(s.signature), 1)::int) into v_bits
  from unnest(p_signatures) as s (signature);

  for v_place in 1 .. least(p_limit, v_count) loop
    while v_bound[v_first] = '-infinity' loop
      v_first := v_first + 1;
    end loop;
    v_best_score := '-infinity';
    for i in v_first .. v_count loop
      v_score := v_bound[i];
      if v_score > v_best_score then
        -- Compared with what was chosen since, as long as it can still be the best; most share nothing with any of them.
        if v_compared[i] < v_place - 1 and bit_count(p_signatures[i] & v_features) > 0 then
          v_signature := p_signatures[i];
          v_size := v_bits[i];
          v_likest := v_likeness[i];
          for k in v_compared[i] + 1 .. v_place - 1 loop
            v_alike := bit_count(v_signature & v_signatures[k])::float8 / least(v_size, v_sizes[k]);
            if v_alike > v_likest then
              v_score := v_score - v_cost * (v_alike - v_likest);
              v_likest := v_alike;
              v_compared[i] := k;
              exit when v_score <= v_best_score;
            end if;
          end loop;
          v_likeness[i] := v_likest;
          v_bound[i] := v_score;
        end if;
        if v_score > v_best_score then
          v_best := i;
          v_best_score := v_score;
        end if;
      elsif p_relevance[i] <= v_best_score then
        exit;
      end if;
    end loop;

    v_bound[v_best] := '-infinity';
    if v_cost > 0 and p_signatures[v_best] is not null then
      v_features := v_features | p_signatures[v_best];
    end if;
    v_signatures[v_place] := p_signatures[v_best];
    v_sizes[v_place] := v_bits[v_best];
    -- Over the cap: only after everything else.
    if p_creators[v_best] is not null then
      v_creators := v_creators || p_creators[v_best];
      if cardinality(array_positions(v_creators, p_creators[v_best])) = p_max_per_creator then
        foreach v_same in array array_positions(p_creators, p_creators[v_best]) loop
          if v_bound[v_same] > c_capped then
            v_bound[v_same] := v_bound[v_same] + 2 * c_capped;
          end if;
        end loop;
      end if;
    end if;
    if p_genres[v_best] is not null then
      v_genres := v_genres || p_genres[v_best];
      if cardinality(array_positions(v_genres, p_genres[v_best])) = p_max_per_genre then
        foreach v_same in array array_positions(p_genres, p_genres[v_best]) loop
          if v_bound[v_same] > c_capped then
            v_bound[v_same] := v_bound[v_same] + 2 * c_capped;
          end if;
        end loop;
      end if;
    end if;
    place := v_best;
    penalty := v_cost * v_likeness[v_best];
    return next;
  end loop;
end;
$$;

comment on function medley.choose_page(
  double precision[], bit[], int[], int[], int, double precision, int, int
) is
  'Chooses p_limit of the items given best first, and says in which order: each time the one with the highest '
  'relevance - p_weight * best relevance * likeness to the likest item chosen before it. Likeness is the share of '
  'common features, 0 to 1. At most p_max_per_creator items of a creator and p_max_per_genre of a genre, unless there '
  'is nothing else. Returns positions in the arrays, and what likeness cost.';
revoke all on function medley.choose_page(
  double precision[], bit[], int[], int[], int, double precision, int, int
) from public, anon, authenticated, service_role;

-- sql/core/recommend/recommend.sql
-- The call: checks, the page computed ahead where it is still true, else the pipeline; reasons and cursor.
create type medley.recommendation as (
  item_no int,
  item_id uuid,
  kind text,
  title text,
  score double precision,
  algorithm text,
  friends int,
  cause_no int,
  published_at timestamptz,
  breakdown jsonb
);
comment on type medley.recommendation is 'A row of a page before it is put in words.';

-- No SET: these two inline; stable, as jsonb_build_object is.
create or replace function medley.algorithm_of(
  p_behavior double precision,
  p_content double precision,
  p_social double precision,
  p_followed double precision,
  p_popular double precision,
  p_exploration double precision
)
returns text
language sql immutable parallel safe security invoker
return case
  when p_behavior + p_content < greatest(p_social, p_followed, p_exploration, p_popular)
    then case greatest(p_social, p_followed, p_exploration, p_popular)
      -- First, for all may be 0.
      when p_popular then 'trending'
      when p_social then 'social'
      when p_followed then 'followed'
      else 'exploration'
    end
  when p_behavior > 0 and p_content > 0 then 'hybrid'
  when p_behavior > 0 then 'collaborative'
  when p_content > 0 then 'content_based'
  else 'trending'
end;

comment on function medley.algorithm_of(
  double precision, double precision, double precision, double precision, double precision, double precision
) is
  'Where most of an item''s points come from: collaborative (behaviour), content_based, hybrid (both), social, followed, '
  'exploration (new) or trending (popularity and trend).';
revoke all on function medley.algorithm_of(
  double precision, double precision, double precision, double precision, double precision, double precision
) from public, anon, authenticated, service_role;

create or replace function medley.breakdown_of(
  p_behavior double precision,
  p_content double precision,
  p_social double precision,
  p_followed double precision,
  p_popularity double precision,
  p_trend double precision,
  p_recency double precision,
  p_availability double precision,
  p_exploration double precision,
  p_penalty double precision
)
returns jsonb
language sql stable parallel safe security invoker
return jsonb_build_object(
  'behavior', p_behavior::real, 'content', p_content::real, 'social', p_social::real, 'followed', p_followed::real,
  'popularity', p_popularity::real, 'trend', p_trend::real, 'recency', p_recency::real,
  'availability', p_availability::real, 'exploration', p_exploration::real, 'diversity', -p_penalty::real
);

comment on function medley.breakdown_of(
  double precision, double precision, double precision, double precision, double precision, double precision,
  double precision, double precision, double precision, double precision
) is
  'The points of an item by term, which sum to its score; p_penalty is what likeness to other items on the page cost.';
revoke all on function medley.breakdown_of(
  double precision, double precision, double precision, double precision, double precision, double precision,
  double precision, double precision, double precision, double precision
) from public, anon, authenticated, service_role;

-- The best page: relevance first, then diversity. Where the sources end, deeper ones: more of the popular and the new,
-- then all there is. Instead of an empty first page comes what was shown lately, else what the member knows; never what
-- the member rejects.
create or replace function medley.recommend(
  p_user_no int,
  p_user_id uuid,
  p_kind text,
  p_limit int,
  p_skip int[],
  p_country text,
  p_parameters medley.recommendation_parameters,
  p_as_of timestamptz
)
returns setof medley.recommendation
language plpgsql stable parallel safe security definer
set search_path = '' set plan_cache_mode = force_generic_plan
as $$
declare
  v_pool int := greatest((p_parameters).pool, 2 * p_limit);
  v_depth int := 10;
  v_hide text := 'known';
  v_shown_since timestamptz := p_as_of - (p_parameters).shown_hours * interval '1 hour';
begin
  for v_attempt in 1..5 loop
    return query
    with ranked as materialized (
      select r.*
      from medley.rank_items(
        p_user_no, p_user_id, p_kind, v_pool, v_depth, v_attempt > 2, v_hide, v_shown_since, p_skip, p_country,
        p_parameters, p_as_of
      ) with ordinality as r
    ),

    chosen as (
      select c.place, c.penalty, c.rank
      from (
        select
          array_agg(r.relevance order by r.ordinality) as relevance,
          array_agg(r.signature order by r.ordinality) as signatures,
          array_agg(r.creator_no order by r.ordinality) as creators,
          array_agg(r.genre_no order by r.ordinality) as genres
        from ranked as r
        -- At first few are looked at closely: a short page of what is left of them need not be the best one.
        having count(*) >= case v_attempt when 1 then greatest(p_limit, (p_parameters).pool / 2) else p_limit end
          or v_attempt > 2 and count(*) > 0
      ) as a
      cross join lateral medley.choose_page(
        a.relevance, a.signatures, a.creators, a.genres, p_limit, (p_parameters).diversity,
        ceil((p_parameters).max_per_creator * p_limit / 20)::int, ceil((p_parameters).max_per_genre * p_limit / 20)::int
      ) with ordinality as c (place, penalty, rank)
    )

    select
      r.item_no,
      r.item_id,
      r.kind,
      r.title,
      r.relevance - c.penalty,
      medley.algorithm_of(r.behavior, r.content, r.social, r.followed, r.popularity + r.trend, r.exploration),
      r.friends,
      r.cause_no,
      r.published_at,
      medley.breakdown_of(
        r.behavior, r.content, r.social, r.followed, r.popularity, r.trend, r.recency, r.availability, r.exploration,
        c.penalty
      )
    from chosen as c
    inner join ranked as r on c.place = r.ordinality
    order by c.rank;
    -- A later page ends where the sources do; a first page has something to show.
    exit when found or v_attempt > 2 and p_skip <> '{}';

    v_pool := 5000;
    v_depth := greatest(v_depth, 100, 2 * p_limit + coalesce(cardinality(p_skip), 0));
    if v_attempt = 2 then
      v_depth := 5000;
    elsif v_attempt = 3 then
      v_shown_since := p_as_of;
    elsif v_attempt = 4 then
      v_hide := 'rejected';
    end if;
  end loop;
end;
$$;

comment on function medley.recommend(
  int, uuid, text, int, int[], text, medley.recommendation_parameters, timestamptz
) is
  'The best p_limit recommendations for the member, with their score and breakdown, in order. Full as long as the catalogue '
  'has that many items that the member does not know.';
revoke all on function medley.recommend(
  int, uuid, text, int, int[], text, medley.recommendation_parameters, timestamptz
) from public, anon, authenticated, service_role;

create or replace function medley.recommendation_reason(
  p_algorithm text,
  p_friends int,
  p_cause text,
  p_published_at timestamptz,
  p_as_of timestamptz
)
returns text
language plpgsql immutable parallel safe security invoker set search_path = ''
as $$
declare
  v_friends text := case
    when p_friends = 1 then '1 friend likes it'
    when p_friends > 1 then p_friends || ' friends like it'
  end;
begin
  return case
    when p_algorithm = 'social' then v_friends
    when p_algorithm = 'followed' then 'From somebody whom you follow'
    when p_algorithm = 'exploration' then
      case
        when p_as_of - p_published_at < interval '1 day' then 'New today'
        when p_as_of - p_published_at < interval '2 days' then 'New since yesterday'
        else 'New: ' || (date_part('epoch', p_as_of - p_published_at) / 86400)::int || ' days old'
      end
    when p_algorithm = 'trending' then 'Popular at the moment'
    when p_algorithm = 'content_based' and p_cause is not null then 'Like ' || p_cause
    when p_cause is not null then 'Because you liked ' || p_cause
    else 'Chosen for you'
  end || case when p_algorithm <> 'social' and v_friends is not null then ' · ' || v_friends else '' end;
end;
$$;

comment on function medley.recommendation_reason(text, int, text, timestamptz, timestamptz) is
  'A recommendation in words. p_cause: title of the item of the history that speaks for it most.';
revoke all on function medley.recommendation_reason(text, int, text, timestamptz, timestamptz)
from public, anon, authenticated, service_role;

create or replace function medley.recommendation_context(p_context jsonb)
returns table (country text, skip int[])
language plpgsql stable parallel safe security definer set search_path = ''
as $$
declare
  v_unknown text;
begin
  if p_context is null or p_context = '{}' then
    return next;
    return;
  end if;
  if jsonb_typeof(p_context) <> 'object' then
    perform medley.fail('invalid_argument', 'p_context must be an object', 'p_context', 'Pass {} or leave it out.');
  end if;
  select k.key into v_unknown
  from jsonb_object_keys(p_context) as k (key)
  where k.key not in ('country', 'exclude')
  limit 1;
  if found then
    perform medley.fail('invalid_argument', format('p_context has no key %s', left(v_unknown, 100)), 'p_context',
      'Its keys are country and exclude.');
  end if;
  country := upper(p_context ->> 'country');
  if country !~ '^[A-Z]{2}$' then
    perform medley.fail('invalid_argument', format('%s is no country', left(country, 100)), 'p_context',
      'Two letters as in ISO 3166: DE, US.');
  end if;
  if p_context ? 'exclude' then
    if jsonb_typeof(p_context -> 'exclude') <> 'array' or jsonb_array_length(p_context -> 'exclude') > 1000 then
      perform medley.fail('invalid_argument', 'exclude must be an array of at most 1,000 ids', 'p_context',
        'Pass {"exclude": ["id", ...]}.');
    end if;
    begin
      select array_agg(i.item_no) into skip
      from jsonb_array_elements_text(p_context -> 'exclude') as e (id)
      inner join medley.items as i on e.id::uuid = i.id;
    exception
      when invalid_text_representation then
        perform medley.fail('invalid_argument', 'exclude holds something that is no id', 'p_context',
          'Ids are uuids, as item_id of the rows.');
    end;
  end if;
  return next;
end;
$$;

comment on function medley.recommendation_context(jsonb) is
  'The arguments in p_context: {"country": "DE", "exclude": [item ids]}. Errors: invalid_argument.';
revoke all on function medley.recommendation_context(jsonb) from public, anon, authenticated, service_role;

create or replace function medley.recommendation_cursor(p_query text, p_as_of timestamptz, p_shown int[])
returns text
language plpgsql immutable parallel safe security invoker set search_path = ''
as $$
begin
  -- A cursor holds what was shown; beyond 500 items there is no next page.
  return case
    when cardinality(p_shown) < 500
      then medley.encode_cursor(p_query, jsonb_build_object('as_of', p_as_of, 'shown', to_jsonb(p_shown)))
  end;
end;
$$;

comment on function medley.recommendation_cursor(text, timestamptz, int[]) is
  'The cursor after a page: the moment that all pages are of, and the items on the pages so far.';
revoke all on function medley.recommendation_cursor(text, timestamptz, int[])
from public, anon, authenticated, service_role;

create or replace function medley.read_recommendation_cursor(p_cursor text, p_query text, p_now timestamptz)
returns table (as_of timestamptz, shown int[])
language plpgsql stable parallel safe security definer set search_path = ''
as $$
declare
  v_position jsonb := medley.decode_cursor(p_cursor, p_query);
begin
  begin
    as_of := (v_position ->> 'as_of')::timestamptz;
    select array_agg(s.no::int order by s.place) into shown
    from jsonb_array_elements_text(v_position -> 'shown') with ordinality as s (no, place);
  exception
    when data_exception then
      as_of := null;
  end;
  if as_of is null or as_of > p_now or as_of < p_now - interval '1 day' or shown is null then
    perform medley.fail('invalid_cursor', 'the cursor is damaged or older than a day', 'p_cursor',
      'Start again without a cursor.');
  end if;
  return next;
end;
$$;

comment on function medley.read_recommendation_cursor(text, text, timestamptz) is
  'What recommendation_cursor put into a cursor. Errors: invalid_cursor.';
revoke all on function medley.read_recommendation_cursor(text, text, timestamptz)
from public, anon, authenticated, service_role;

create or replace function medley.get_recommendations(
  p_user_id uuid,
  p_kind text,
  p_limit int,
  p_cursor text,
  p_context jsonb,
  p_now timestamptz
)
returns table (
  item_id uuid, kind text, title text, score real, algorithm text, variant text,
  "position" int, -- noqa: RF06
  reason text, breakdown jsonb, next_cursor text
)
language plpgsql stable parallel safe security definer
set search_path = '' set plan_cache_mode = force_generic_plan
as $$
declare
  v_user_id uuid := medley.acting_user(p_user_id);
  v_limit int := medley.check_limit(p_limit);
  v_user_no int := (select m.user_no from medley.members as m where m.user_id = v_user_id);
  v_query text := 'recommendations:' || md5(row(v_user_id, p_kind, p_context)::text);
  v_as_of timestamptz := p_now;
  v_shown int[] := array[]::int[];
  v_country text;
  v_excluded int[];
  v_variant text;
  v_weights jsonb;
begin
  if p_kind is not null then
    perform medley.check_kind(p_kind);
  end if;
  if p_context <> '{}' then
    select c.country, c.skip into v_country, v_excluded
    from medley.recommendation_context(p_context) as c;
  end if;
  if p_cursor is not null then
    select c.as_of, c.shown into v_as_of, v_shown
    from medley.read_recommendation_cursor(p_cursor, v_query, p_now) as c;
  end if;
  select e.experiment || ':' || e.variant, e.weights into v_variant, v_weights
  from medley.active_experiment(v_user_id, 'recommendations', v_as_of) as e;

  if num_nulls(p_kind, p_cursor, v_variant) = 3 and coalesce(p_context, '{}') = '{}' then
    return query
    select
      f.item_id, f.kind, f.title, f.score, f.algorithm, null::text, f.place - 1, f.reason, f.breakdown,
      case when f.place = v_limit then medley.recommendation_cursor(v_query, p_now, f.page_nos) end
    from medley.page_ahead(v_user_no, v_user_id, v_limit, p_now) as f;
    if found then
      return;
    end if;
  end if;

  return query
  with page as materialized (
    select r.*, row_number() over () as place
    from medley.recommend(
      v_user_no, v_user_id, p_kind, v_limit, v_shown || v_excluded, v_country,
      medley.recommendation_parameters(v_weights), v_as_of
    ) as r
  )

  select
    g.item_id,
    g.kind,
    g.title,
    g.score::real,
    g.algorithm,
    v_variant,
    (cardinality(v_shown) + g.place - 1)::int,
    medley.recommendation_reason(
      g.algorithm, g.friends, (select i.title from medley.items as i where i.item_no = g.cause_no), g.published_at,
      v_as_of
    ),
    g.breakdown,
    case
      when g.place = v_limit
        then medley.recommendation_cursor(v_query, v_as_of, v_shown || array(select s.item_no from page as s))
    end
  from page as g;
end;
$$;

comment on function medley.get_recommendations(uuid, text, int, text, jsonb, timestamptz) is
  'The recommendations of the member p_user_id at p_now; see public.get_recommendations.';
revoke all on function medley.get_recommendations(uuid, text, int, text, jsonb, timestamptz)
from public, anon, authenticated, service_role;
grant execute on function medley.get_recommendations(uuid, text, int, text, jsonb, timestamptz)
to authenticated, service_role;

create or replace function medley.recommend_batch(p_user_nos int[], p_kind text, p_limit int, p_as_of timestamptz)
returns table (user_no int, item_no int, rank int, score real)
language sql stable parallel safe security definer set search_path = ''
as $$
  select
    m.user_no,
    r.item_no,
    r.place::int,
    r.score::real
  from unnest(p_user_nos) as u (user_no)
  inner join medley.members as m on u.user_no = m.user_no
  cross join lateral (
    select t.item_no, t.score, row_number() over () as place
    from medley.recommend(
      m.user_no, m.user_id, p_kind, p_limit, '{}', null, medley.recommendation_parameters(null), p_as_of
    ) as t
  ) as r
$$;

comment on function medley.recommend_batch(int[], text, int, timestamptz) is
  'The best p_limit recommendations for each of these members, as get_recommendations computes them: for evaluation.';
revoke all on function medley.recommend_batch(int[], text, int, timestamptz)
from public, anon, authenticated, service_role;

-- sql/core/recommend/candidates.sql
-- Pages computed ahead. A page is used while it is true: nothing that the member did, and no weight, is newer.
create or replace function medley.page_ahead(p_user_no int, p_user_id uuid, p_limit int, p_as_of timestamptz)
returns table (
  item_id uuid, kind text, title text, score real, algorithm text, place int, reason text, breakdown jsonb,
  page_nos int[]
)
language plpgsql stable parallel safe security definer
set search_path = '' set plan_cache_mode = force_generic_plan set enable_seqscan = off
as $$
declare
  v_impression smallint;
  v_shown_since timestamptz;
begin
  -- Still true: nothing that the member did, and no weight, is newer.
  select k.kind_no, p_as_of - s.value::float8 * interval '1 hour'
  into v_impression, v_shown_since
  from medley.recommendation_candidates as c
  inner join medley.engagement_kinds as k on k.kind = 'impression'
  inner join medley.settings as s on s.key = 'recommend.shown_hours'
  left join medley.member_activity as a on c.user_no = a.user_no
  where c.user_no = p_user_no
    and c.rank = 1
    and c.generated_at <= p_as_of
    and c.expires_at > p_as_of
    and (a.last_written_at is null or a.last_written_at < c.generated_at)
    and not exists (
      select from medley.ranker_weights as w
      where w.ranker = 'recommendations' and w.updated_at >= c.generated_at
    );
  if not found then
    return;
  end if;

  return query
  with page as materialized (
    select c.item_no, i.id, i.kind, i.title, c.final_score, c.algorithm_type, c.explanation,
      row_number() over (order by c.rank)::int as place
    from medley.recommendation_candidates as c
    inner join medley.items as i on c.item_no = i.item_no
    where c.user_no = p_user_no
      and i.published_at <= p_as_of
      and (i.expires_at is null or i.expires_at > p_as_of)
      and (i.owner_id is null and i.visibility = 'public' or medley.may_recommend(p_user_id, i.id, i.owner_id))
      and c.item_no not in (
        select w.item_no
        from medley.shown_items(p_user_no, v_shown_since, v_impression, p_as_of) as w
      )
    order by c.rank
    limit p_limit
  )

  select
    p.id,
    p.kind,
    p.title,
    p.final_score,
    p.algorithm_type,
    p.place,
    p.explanation ->> 'reason',
    p.explanation -> 'breakdown',
    case when p.place = p_limit then array(select s.item_no from page as s) end
  from page as p
  where exists (select from page as l where l.place = p_limit)
  order by p.place;
end;
$$;

comment on function medley.page_ahead(int, uuid, int, timestamptz) is
  'The page that was computed ahead for the member; no row where there is none that is still true and full.';
revoke all on function medley.page_ahead(int, uuid, int, timestamptz) from public, anon, authenticated, service_role;

create or replace function medley.write_recommendation_candidates(p_user_nos int[], p_as_of timestamptz)
returns bigint
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  -- Never older than a day, whatever the setting says.
  v_expires_at timestamptz := p_as_of
    + least(greatest(medley.setting('recommend.candidate_hours'), 1), 24)::float8 * interval '1 hour';
  v_candidates int := medley.setting('recommend.candidates');
begin
  delete from medley.recommendation_candidates as c
  using unnest(p_user_nos) as u (user_no)
  where c.user_no = u.user_no;

  insert into medley.recommendation_candidates (
    user_no, rank, item_no, algorithm_type, base_score, popularity_boost, recency_boost, diversity_penalty,
    availability_boost, social_boost, final_score, explanation, generated_at, expires_at
  )
  select
    m.user_no,
    r.place,
    r.item_no,
    r.algorithm,
    r.points[1] + r.points[2] + r.points[3],
    r.points[4] + r.points[5],
    r.points[6],
    r.points[7],
    r.points[8],
    r.points[9] + r.points[10],
    r.score,
    jsonb_build_object(
      'reason', medley.recommendation_reason(
        r.algorithm, r.friends, (select i.title from medley.items as i where i.item_no = r.cause_no), r.published_at,
        p_as_of
      ),
      'breakdown', r.breakdown
    ),
    p_as_of,
    v_expires_at
  from unnest(p_user_nos) as u (user_no)
  inner join medley.members as m on u.user_no = m.user_no
  cross join lateral (
    select
      t.*,
      row_number() over () as place,
      array(
        select (t.breakdown ->> k.term)::real
        from unnest(array[
          'behavior', 'content', 'exploration', 'popularity', 'trend', 'recency', 'diversity', 'availability', 'social',
          'followed'
        ]) with ordinality as k (term, place)
        order by k.place
      ) as points
    from medley.recommend(
      m.user_no, m.user_id, null, v_candidates, '{}', null, medley.recommendation_parameters(null), p_as_of
    ) as t
  ) as r;
  return (
    select count(*)
    from unnest(p_user_nos) as u (user_no)
    inner join medley.recommendation_candidates as c on u.user_no = c.user_no and c.rank = 1
  );
end;
$$;

comment on function medley.write_recommendation_candidates(int[], timestamptz) is
  'Computes the pages of these members ahead, as of p_as_of. Returns how many members got one.';
revoke all on function medley.write_recommendation_candidates(int[], timestamptz)
from public, anon, authenticated, service_role;

create or replace function medley.refresh_recommendation_candidates_at(p_limit int, p_as_of timestamptz)
returns bigint
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_user_nos int[];
  v_next_part text := (array['night', 'morning', 'afternoon', 'evening'])
    [1 + (date_part('hour', (p_as_of + interval '1 hour') at time zone 'UTC')::int / 6)];
begin
  -- Who usually comes at this time of day is first. Who is active right now is served by the pipeline anyway.
  select array_agg(d.user_no) into v_user_nos
  from (
    select a.user_no
    from medley.member_activity as a
    left join medley.recommendation_candidates as c on a.user_no = c.user_no and c.rank = 1
    left join medley.user_context as x
      on a.user_no = x.user_no and x.context_type = 'time_of_day' and x.context_value = v_next_part
    where a.last_engaged_at > p_as_of - medley.setting('recommend.active_days')::float8 * interval '1 day'
      and coalesce(a.last_written_at, '-infinity') < p_as_of - interval '5 minutes'
      and (
        c.generated_at is null
        or c.generated_at <= a.last_written_at
        or c.expires_at < p_as_of + interval '1 hour'
      )
    order by x.frequency desc nulls last, a.last_engaged_at desc
    limit p_limit
    -- Whoever is logging at this moment, or computed by another run, has the row locked: their page would miss what is
    -- not committed yet.
    for no key update of a skip locked
  ) as d;
  if v_user_nos is null then
    return 0;
  end if;
  return medley.write_recommendation_candidates(v_user_nos, p_as_of);
end;
$$;

comment on function medley.refresh_recommendation_candidates_at(int, timestamptz) is
  'Computes ahead, as of p_as_of, the pages of up to p_limit active members that have none, an old or an outdated one: '
  'those first who usually engage in the coming part of the day (user_context).';
revoke all on function medley.refresh_recommendation_candidates_at(int, timestamptz)
from public, anon, authenticated, service_role;

create or replace function medley.refresh_recommendation_candidates(p_limit int)
returns bigint
language sql volatile parallel unsafe security definer set search_path = ''
as $$ select medley.refresh_recommendation_candidates_at(p_limit, now()) $$;

comment on function medley.refresh_recommendation_candidates(int) is
  'Job: see refresh_recommendation_candidates_at. Returns how many members it did.';
revoke all on function medley.refresh_recommendation_candidates(int) from public, anon, authenticated, service_role;

create or replace function medley.prune_recommendation_candidates(p_limit int)
returns bigint
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_rows bigint;
begin
  delete from medley.recommendation_candidates as c
  where (c.user_no, c.rank) in (
    select o.user_no, o.rank
    from medley.recommendation_candidates as o
    where o.expires_at < now()
    limit p_limit
  );
  get diagnostics v_rows = row_count;
  return v_rows;
end;
$$;

comment on function medley.prune_recommendation_candidates(int) is
  'Job: deletes up to p_limit rows of pages that are too old. Returns how many.';
revoke all on function medley.prune_recommendation_candidates(int) from public, anon, authenticated, service_role;

-- What a member follows, mutes, blocks or subscribes to counts in the same transaction too.
create or replace function medley.forget_candidates()
returns trigger
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
begin
  -- The argument names the column that holds the member; it is written in a migration.
  execute format(
    'delete from medley.recommendation_candidates as c using changed_rows as n, medley.members as m '
    'where n.%I = m.user_id and c.user_no = m.user_no',
    tg_argv[0]
  );
  return null;
end;
$$;

comment on function medley.forget_candidates() is
  'Statement trigger with transition table changed_rows: drops the pages of the members in the column that its argument names.';
revoke all on function medley.forget_candidates() from public, anon, authenticated, service_role;

create trigger follows_forget_candidates_insert
after insert on public.follows referencing new table as changed_rows
for each statement execute function medley.forget_candidates('follower_id');
create trigger follows_forget_candidates_delete
after delete on public.follows referencing old table as changed_rows
for each statement execute function medley.forget_candidates('follower_id');

-- What muted friends like counts no more.
create trigger user_mutes_forget_candidates_insert
after insert on public.user_mutes referencing new table as changed_rows
for each statement execute function medley.forget_candidates('user_id');
create trigger user_mutes_forget_candidates_delete
after delete on public.user_mutes referencing old table as changed_rows
for each statement execute function medley.forget_candidates('user_id');

create or replace function medley.forget_candidates_of_platforms()
returns trigger
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
begin
  delete from medley.recommendation_candidates as c
  using changed_rows as n
  where c.user_no = n.user_no;
  return null;
end;
$$;

comment on function medley.forget_candidates_of_platforms() is
  'Statement trigger with transition table changed_rows: a member''s platforms changed, so the page ahead is not true any more.';
revoke all on function medley.forget_candidates_of_platforms() from public, anon, authenticated, service_role;

create trigger platform_preferences_forget_candidates_insert
after insert on medley.platform_user_preferences referencing new table as changed_rows
for each statement execute function medley.forget_candidates_of_platforms();
create trigger platform_preferences_forget_candidates_update
after update on medley.platform_user_preferences referencing new table as changed_rows
for each statement execute function medley.forget_candidates_of_platforms();

-- sql/core/recommend/explain.sql
-- Why an item is recommended to a member, or why it is not.
create or replace function medley.recommendation_causes(
  p_user_no int,
  p_item_no int,
  p_parameters medley.recommendation_parameters,
  p_as_of timestamptz
)
returns jsonb
language sql stable parallel safe security definer set search_path = ''
as $$
  select coalesce(
    jsonb_agg(jsonb_build_object('item_id', c.id, 'title', c.title, 'points', c.points) order by c.points desc), '[]'
  )
  from (
    select i.id, i.title, sum(w.points)::real as points
    from medley.member_history(
      p_user_no,
      (p_parameters).history,
      (p_parameters).history_exponent,
      (p_parameters).history_recency,
      (p_parameters).dislike_share,
      p_as_of
    ) as h
    inner join (
      select n.item_no, (p_parameters).behavior * n.weight as behavior, 0 as content
      from medley.item_neighbors as n
      where n.list_no = medley.current_list('behavior') and n.neighbor_no = p_item_no
      union all
      select n.item_no, 0, (p_parameters).content * n.weight
      from medley.item_neighbors as n
      where n.list_no = medley.current_list('content') and n.neighbor_no = p_item_no
      union all
      select n.item_no, 0, (p_parameters).embedding * n.weight
      from medley.item_neighbors as n
      where n.list_no = medley.current_list('embedding') and n.neighbor_no = p_item_no
    ) as c on h.item_no = c.item_no
    inner join medley.items as i on h.item_no = i.item_no
    cross join lateral (select h.weight * (c.behavior + c.content / h.breadth) as points) as w
    group by i.id, i.title
    order by sum(w.points) desc
    limit 5
  ) as c
$$;

comment on function medley.recommendation_causes(int, int, medley.recommendation_parameters, timestamptz) is
  'The five items of the member''s history that speak for an item most: [{item_id, title, points}].';
revoke all on function medley.recommendation_causes(int, int, medley.recommendation_parameters, timestamptz)
from public, anon, authenticated, service_role;

create or replace function medley.recommendation_filters(
  p_user_no int,
  p_user_id uuid,
  p_item medley.items,
  p_as_of timestamptz
)
returns text[]
language sql stable parallel safe security definer set search_path = ''
as $$
  select array_remove(
    array[
      case when p_item.expires_at <= p_as_of then 'expired' end,
      case when p_item.published_at > p_as_of then 'not_published' end,
      case when p_item.owner_id = p_user_id then 'own' end,
      case when exists (
        select from public.user_mutes as m where m.user_id = p_user_id and m.muted_id = p_item.owner_id
      ) then 'muted' end,
      case when exists (
        select from medley.affinities as a where a.user_no = p_user_no and a.item_no = p_item.item_no and a.seen
      ) then 'seen' end,
      case when exists (
        select from medley.affinities as a
        where a.user_no = p_user_no
          and a.item_no = p_item.item_no
          and a.negative_at >= coalesce(a.positive_at, '-infinity')
      ) then 'rejected' end,
      case when exists (
        select from medley.engagement_kinds as k
        cross join lateral medley.shown_items(
          p_user_no, p_as_of - medley.setting('recommend.shown_hours')::float8 * interval '1 hour', k.kind_no, p_as_of
        ) as w
        where k.kind = 'impression' and w.item_no = p_item.item_no
      ) then 'shown_lately' end
    ],
    null
  )
$$;

comment on function medley.recommendation_filters(int, uuid, medley.items, timestamptz) is
  'Why an item that the member may see is not recommended: expired, not_published, own, muted, seen, rejected, shown_lately.';
revoke all on function medley.recommendation_filters(int, uuid, medley.items, timestamptz)
from public, anon, authenticated, service_role;

create or replace function medley.explain_recommendation(p_user_id uuid, p_item_id uuid, p_as_of timestamptz)
returns table (
  item_id uuid, kind text, title text, score real, algorithm text, reason text, breakdown jsonb, causes jsonb,
  hidden_by text[], variant text
)
language plpgsql stable parallel safe security definer set search_path = ''
as $$
declare
  v_user_id uuid := medley.acting_user(p_user_id);
  v_user_no int := (select m.user_no from medley.members as m where m.user_id = v_user_id);
  v_parameters medley.recommendation_parameters;
  v_override jsonb;
  v_item medley.items;
begin
  select i.* into v_item
  from medley.items as i
  where i.id = p_item_id and medley.visible_to(v_user_id, i.id);
  if not found then
    perform medley.fail('not_found', format('no item %s', p_item_id), 'p_item_id', 'Pass the id of an item that you see.');
  end if;
  select e.weights, e.experiment || ':' || e.variant into v_override, variant
  from medley.active_experiment(v_user_id, 'recommendations', p_as_of) as e;
  v_parameters := medley.recommendation_parameters(v_override);

  return query
  select
    v_item.id,
    v_item.kind,
    v_item.title,
    r.relevance::real,
    r.algorithm,
    case
      when r.algorithm is not null then medley.recommendation_reason(
        r.algorithm, r.friends, (select i.title from medley.items as i where i.item_no = r.cause_no),
        v_item.published_at, p_as_of
      )
    end,
    r.breakdown,
    medley.recommendation_causes(v_user_no, v_item.item_no, v_parameters, p_as_of),
    medley.recommendation_filters(v_user_no, v_user_id, v_item, p_as_of),
    explain_recommendation.variant
  from (values (1)) as one (row)
  left join lateral (
    select
      t.relevance,
      t.friends,
      t.cause_no,
      medley.algorithm_of(t.behavior, t.content, t.social, t.followed, t.popularity + t.trend, t.exploration) as algorithm,
      medley.breakdown_of(
        t.behavior, t.content, t.social, t.followed, t.popularity, t.trend, t.recency, t.availability, t.exploration, 0
      ) as breakdown
    from medley.rank_items(
      v_user_no, v_user_id, v_item.kind, 1000000, 100, false, 'nothing', p_as_of, '{}', null, v_parameters, p_as_of
    ) as t
    where t.item_no = v_item.item_no
  ) as r on true;
end;
$$;

comment on function medley.explain_recommendation(uuid, uuid, timestamptz) is
  'How an item stands with the member p_user_id at p_as_of; see public.explain_recommendation.';
revoke all on function medley.explain_recommendation(uuid, uuid, timestamptz)
from public, anon, authenticated, service_role;
grant execute on function medley.explain_recommendation(uuid, uuid, timestamptz) to authenticated, service_role;

-- sql/core/recommend/api.sql
-- The API of recommendations.
create or replace function public.get_recommendations(
  p_kind text default null,
  p_limit int default 20,
  p_cursor text default null,
  p_context jsonb default '{}',
  p_user_id uuid default null
)
returns table (
  item_id uuid, kind text, title text, score real, algorithm text, variant text,
  "position" int, -- noqa: RF06
  reason text, breakdown jsonb, next_cursor text
)
language plpgsql stable parallel safe security invoker set search_path = ''
as $$
begin
  -- Not language sql, which would plan the call each time.
  return query
  select r.*
  from medley.get_recommendations(p_user_id, p_kind, p_limit, p_cursor, p_context, now()) as r;
end;
$$;

comment on function public.get_recommendations(text, int, text, jsonb, uuid) is
  'What suits the member best, of the kind p_kind or of all kinds (null). score is the sum of the terms in breakdown '
  '(behavior, content, social, followed, popularity, trend, recency, availability, exploration, diversity), weighted by '
  'medley.ranker_weights or by the variant of a running experiment (variant, null for none). algorithm: collaborative, '
  'content_based, hybrid, social, followed, trending or exploration. reason says why in words; position counts from 0. '
  'Send algorithm, variant, position and score back with the impressions. What the member knows, rejected or was shown '
  'lately is left out; where nothing else is left, the first page has what was shown lately, else what is known. What '
  'this transaction wrote counts. p_limit: 1 to 200. p_cursor: next_cursor of the previous page; all pages are of the '
  'moment of the first, good for a day, 500 items deep. p_context: {"country": "DE", "exclude": [item ids]}. '
  'p_user_id: for the secret key only. Errors: unauthenticated, forbidden, not_found (the member), invalid_argument, '
  'invalid_cursor.';
revoke all on function public.get_recommendations(text, int, text, jsonb, uuid)
from public, anon, authenticated, service_role;
grant execute on function public.get_recommendations(text, int, text, jsonb, uuid) to authenticated, service_role;

create or replace function public.explain_recommendation(p_item_id uuid, p_user_id uuid default null)
returns table (
  item_id uuid, kind text, title text, score real, algorithm text, reason text, breakdown jsonb, causes jsonb,
  hidden_by text[], variant text
)
language sql stable parallel safe security invoker set search_path = ''
as $$
  select e.*
  from medley.explain_recommendation(p_user_id, p_item_id, now()) as e
$$;

comment on function public.explain_recommendation(uuid, uuid) is
  'How an item stands with the member: score, breakdown, algorithm and reason as get_recommendations gives them, diversity '
  'apart (null where no source leads to it); causes, the items of the history that speak for it most [{item_id, title, '
  'points}]; hidden_by, the filters that keep it out (expired, not_published, own, muted, seen, rejected, shown_lately). '
  'p_user_id: for the secret key only. Errors: unauthenticated, forbidden, invalid_argument, not_found.';
revoke all on function public.explain_recommendation(uuid, uuid) from public, anon, authenticated, service_role;
grant execute on function public.explain_recommendation(uuid, uuid) to authenticated, service_role;

-- sql/core/recommend/jobs.sql
-- The jobs of pages computed ahead.
insert into medley.jobs (name, schedule, function_name, batch_size, timeout_seconds, description)
values
  (
    'refresh_recommendation_candidates', '*/15 * * * *', 'refresh_recommendation_candidates', 50, 600,
    'Computes pages of recommendations ahead for active members.'
  ),
  (
    'prune_recommendation_candidates', '40 4 * * *', 'prune_recommendation_candidates', 10000, 600,
    'Deletes pages that are too old.'
  );
