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
  calculated_at timestamptz
);

comment on table medley.trend_windows is 'The windows that trends are measured over.';
comment on column medley.trend_windows.time_window is 'hour, day, week or month.';
comment on column medley.trend_windows.span is 'How far back it reaches.';
comment on column medley.trend_windows.baseline is 'The time before it that says what is usual for an item.';
comment on column medley.trend_windows.once_per is 'A member counts once for an item in each such stretch of time.';
comment on column medley.trend_windows.half_life is 'Age of an item''s activity at which its surprise has halved.';
comment on column medley.trend_windows.refresh_every is 'How often it is calculated.';
comment on column medley.trend_windows.calculated_at is 'The moment of the last calculation; null before the first.';

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
  trend_type text not null check (trend_type in ('global', 'genre', 'platform')),
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
  'global; genre: among the items at or below a genre; platform: by what happened on a platform.';
comment on column medley.trending_cache.segment is 'Slug of the genre, or name of the platform; empty for global.';
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
comment on column medley.trending_changes.trend_type is 'global, genre or platform.';
comment on column medley.trending_changes.segment is 'Slug of the genre, or name of the platform; empty for global.';
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
  c_origin constant timestamptz := '2000-01-01 00:00:00+00';
  v_overlap interval := make_interval(hours => medley.setting('statistics.overlap_hours')::int);
  v_settled timestamptz := '-infinity';
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

create or replace function medley.set_item_popularity()
returns bigint
language plpgsql volatile parallel unsafe security definer set search_path = ''
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
language plpgsql volatile parallel unsafe security definer set search_path = ''
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

-- Ten items or all of them: the best plans differ, so each call is planned for its own array.
create or replace function medley.count_items(p_item_nos int[])
returns bigint
language plpgsql volatile parallel unsafe security definer
set search_path = '' set plan_cache_mode = force_custom_plan set work_mem = '256MB'
as $$
declare
  v_rows bigint;
begin
  with pair as (
    -- A pair has a row for each half-life that its kinds have.
    select a.user_no, a.item_no
    from unnest(p_item_nos) as w (item_no)
    inner join medley.affinities as a on a.item_no = w.item_no
    group by a.user_no, a.item_no
    having max(a.positive_at) > coalesce(max(a.negative_at), '-infinity')
  ),

  wanted as (
    select p.item_no, count(*) as member_count
    from pair as p
    group by p.item_no
  ),

  activity as (
    select a.item_no, sum(a.impressions) as impressions, sum(a.engagements) as engagements
    from unnest(p_item_nos) as w (item_no)
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
    from wanted as m
    full join activity as c on c.item_no = m.item_no
    inner join medley.items as i on i.item_no = coalesce(m.item_no, c.item_no)
  ),

  gone as (
    delete from medley.item_statistics as s
    using unnest(p_item_nos) as w (item_no)
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
  'Counts members, impressions and engagements of these items afresh. Returns how many rows of item_statistics changed.';
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

  v_rows := medley.count_items(medley.roll_up_activity(v_from));
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
  v_rows := medley.count_items(array(select i.item_no from medley.items as i));
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

-- An hour or two months: each call is planned for its own times, with the partitions that they need.
create or replace function medley.trend_activity(p_window medley.trend_windows, p_as_of timestamptz)
returns table (
  item_no int,
  platform text,
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
begin
  return query
  with kind as materialized (
    select k.kind_no, k.weight::double precision as weight, k.value_rule = 'rating' as is_rating
    from medley.engagement_kinds as k
    where k.weight <> 0
  ),

  act as (
    select
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

  select
    a.item_no,
    a.platform,
    coalesce(sum(greatest(a.highest, 0) + least(a.lowest, 0)) filter (where a.is_now), 0),
    coalesce(sum(greatest(a.highest, 0) + least(a.lowest, 0)) filter (where not a.is_now), 0),
    coalesce(sum(greatest(a.highest, 0)) filter (where a.is_now), 0),
    coalesce(sum(greatest(a.highest, 0) * date_part('epoch', p_as_of - a.newest_at)) filter (where a.is_now), 0),
    max(a.newest_at) filter (where a.is_now and a.highest > 0)
  from act as a
  group by a.item_no, a.platform;
end;
$$;

comment on function medley.trend_activity(medley.trend_windows, timestamptz) is
  'What members did with each item on each platform (empty: none named): points in the window that ends at p_as_of and in '
  'the baseline before it, the positive points in the window, the same times their age in seconds, and the newest '
  'positive event in the window.';
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
begin
  return query
  with activity as materialized (
    select a.*
    from medley.trend_activity(p_window, p_as_of) as a
  ),

  busy as materialized (
    select a.platform
    from activity as a
    where a.platform <> ''
    group by a.platform
    having sum(a.positive_points) > 0
    order by sum(a.positive_points) desc, a.platform collate "C"
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
    group by a.item_no
    union all
    select
      'platform', b.platform, a.item_no, a.points, a.usual_points, a.positive_points, a.age_points, a.newest_at
    from activity as a
    inner join busy as b on b.platform = a.platform
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
        partition by c.trend_type, c.segment, c.kind
        order by c.trend_score desc, c.item_no desc
      ) as place
    from candidate as c
    where c.trend_score > 0
  )

  select r.trend_type, r.segment, r.item_no, r.kind, r.trend_score, r.expires_at
  from ranked as r
  where r.place <= case r.trend_type when 'genre' then v_max_genre_items else v_max_items end;
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
  set calculated_at = p_as_of
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
    where coalesce(w.calculated_at + w.refresh_every <= p_as_of, true)
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
  if p_kind is not null and not exists (select from medley.item_kinds as k where k.kind = p_kind) then
    perform medley.fail('invalid_argument', format('there is no kind %s', left(p_kind, 100)), 'p_kind',
      'Pass a kind of item, or null for all.');
  end if;
  if not exists (select from medley.trend_windows as w where w.time_window = p_time_window) then
    perform medley.fail('invalid_argument', format('there is no window %s', coalesce(left(p_time_window, 100), 'null')),
      'p_window', 'Pass hour, day, week or month.');
  end if;
  if coalesce(p_trend_type, '') not in ('global', 'genre', 'platform', 'friend_network') then
    perform medley.fail('invalid_argument', format('there is no trend type %s', coalesce(left(p_trend_type, 100), 'null')),
      'p_trend_type', 'Pass global, genre, platform or friend_network.');
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

create or replace function medley.may_list(p_user_id uuid, p_item_id uuid, p_owner_id uuid)
returns boolean
language sql stable parallel safe security definer set search_path = ''
as $$
  select medley.visible_to(p_user_id, p_item_id) and not exists (
    select from public.user_mutes as m
    where m.user_id = p_user_id and m.muted_id = p_owner_id
  )
$$;

comment on function medley.may_list(uuid, uuid, uuid) is
  'Whether a list for the member (null: nobody is signed in) may hold the item: visible, and its owner is not muted.';
revoke all on function medley.may_list(uuid, uuid, uuid) from public, anon, authenticated, service_role;

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
  v_segment text := coalesce(p_segment, '');
begin
  perform medley.check_trend_arguments(p_kind, p_window, p_trend_type, p_segment);
  -- What trends everywhere is for everybody: a visitor reads it, and the service may leave the member out.
  if p_trend_type = 'friend_network' or p_user_id is not null or auth.uid() is not null then
    v_user_id := medley.acting_user(p_user_id);
  end if;
  v_query := 'trending:' || md5(row(p_kind, p_window, p_trend_type, v_segment, v_user_id)::text);
  v_after := medley.trend_position(p_cursor, v_query, p_as_of);

  if p_trend_type = 'friend_network' then
    select w.* into strict v_window
    from medley.trend_windows as w
    where w.time_window = p_window;
  end if;

  return query
  with found as (
    select c.item_no, c.trend_score
    from medley.item_kinds as k
    cross join lateral (
      select t.item_no, t.trend_score
      from medley.trending_cache as t
      inner join medley.items as i on i.item_no = t.item_no
      where t.time_window = p_window and t.trend_type = p_trend_type and t.segment = v_segment and t.kind = k.kind
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
    i.id, i.kind, i.title, p.trend_score, p_window, p_trend_type, p_segment,
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
  c_fields constant text[] := '{occurred_at, session_id, platform, device, position, dwell_ms, progress, predicted_score, '
    'algorithm, variant}';
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
  'genres below it count); platform (p_segment is its name as events give it); friend_network (what friends did, for a '
  'signed-in member). The caller sees what select would show, and nothing of blocked or muted members. p_limit: 1 to 200. '
  'p_cursor: next_cursor of the previous page with the same arguments. p_user_id: for the secret key only. '
  'Errors: invalid_argument, invalid_cursor, not_found (the genre), unauthenticated, forbidden.';
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
  'Errors: invalid_argument, not_found (the item), forbidden, unauthenticated.';
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
