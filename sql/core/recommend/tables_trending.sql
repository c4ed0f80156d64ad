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
