-- Made from sql/core/signals by `make migrations`; edit that, not this.

-- sql/core/signals/tables.sql
-- What members do with items. The log (engagements) is the truth; the running affinities are written in the same
-- transaction and can be rebuilt from the log and the checkpoints at any time.
-- The big tables hold numbers without foreign keys, which would double the cost of ingest: a trigger on medley.members
-- deletes a member's rows, a job those of deleted items, and readers join medley.items anyway.
create table medley.engagement_kinds (
  kind text primary key check (kind ~ '^[a-z][a-z0-9_]{1,39}$'),
  kind_no smallint not null generated always as identity unique,
  weight real not null check (abs(weight) <= 1000),
  half_life_days smallint not null default 30 check (half_life_days between 1 and 3650),
  polarity smallint not null check (polarity between -1 and 1),
  engagement real not null check (engagement between 0 and 1),
  marks_seen boolean not null default false,
  value_rule text not null default 'none' check (value_rule in ('none', 'count', 'rating')),
  social_signal text check (social_signal in ('watched', 'liked', 'recommended', 'shared', 'rated')),
  version int not null default 1,
  description text not null
);

comment on table medley.engagement_kinds is
  'What each kind of engagement is worth: data, so an owner may tune it and an app may add kinds of its own. '
  'The log keeps what happened; after a change rebuild_affinities() makes the stored affinities follow.';
comment on column medley.engagement_kinds.kind is 'Name of the kind: lower case letters, digits and underscores.';
comment on column medley.engagement_kinds.kind_no is 'Number of the kind; what the log stores.';
comment on column medley.engagement_kinds.weight is
  'What one such event adds to the affinity of member and item; 0: it never touches affinities.';
comment on column medley.engagement_kinds.half_life_days is 'After how many days the contribution has halved.';
comment on column medley.engagement_kinds.polarity is
  '1: the member wants this; -1: the member rejects it, and it is filtered until a newer positive event; 0: neither.';
comment on column medley.engagement_kinds.engagement is 'How engaged such an event is by itself, 0 to 1; see engagement_score.';
comment on column medley.engagement_kinds.marks_seen is 'Whether the item counts as known to the member from then on.';
comment on column medley.engagement_kinds.value_rule is
  'none: the value says nothing; count: how often, worth weight * log2(1 + value); '
  'rating: 0 to 1, worth weight * value, and a rejection below 0.3.';
comment on column medley.engagement_kinds.social_signal is 'What it tells the member''s friends; null: nothing.';
comment on column medley.engagement_kinds.version is 'Grows with every change of what the kind is worth.';
comment on column medley.engagement_kinds.description is 'What happened.';

-- Fixed-width columns first, so that a row has no padding.
create table medley.engagements (
  occurred_at timestamptz not null,
  logged_at timestamptz not null default now(),
  user_no int not null,
  item_no int not null,
  value real,
  score real not null,
  progress real,
  predicted_score real,
  dwell_ms int,
  kind_no smallint not null,
  position smallint,
  session_id uuid,
  platform text,
  device text,
  algorithm text,
  variant text,
  context jsonb,
  -- Idempotency, and a member's events by time. Every further index would cost each event.
  primary key (user_no, occurred_at, item_no, kind_no)
) partition by range (occurred_at);
create index engagements_logged_idx on medley.engagements using brin (logged_at) with (autosummarize = on);

comment on table medley.engagements is
  'The log of what members did, partitioned by month; engagements_history holds all before the first month. '
  'Written by log_engagement, shortened by the job retain_engagements.';
comment on column medley.engagements.occurred_at is 'When it happened, as the app says.';
comment on column medley.engagements.logged_at is 'When it was written: the time of that transaction.';
comment on column medley.engagements.user_no is 'The member.';
comment on column medley.engagements.item_no is 'The item.';
comment on column medley.engagements.value is 'What the kind''s value_rule says: a count, or a rating from 0 to 1.';
comment on column medley.engagements.score is 'How engaged the member was, 0 to 1; see engagement_score.';
comment on column medley.engagements.progress is 'How much of the item was played or read, 0 to 1.';
comment on column medley.engagements.predicted_score is 'The score with which the item was shown.';
comment on column medley.engagements.dwell_ms is 'How long the item was in view, in milliseconds.';
comment on column medley.engagements.kind_no is 'The kind of engagement.';
comment on column medley.engagements.position is 'Place in the list in which the item was shown, from 0.';
comment on column medley.engagements.session_id is 'The session of the app.';
comment on column medley.engagements.platform is 'The service it happened on.';
comment on column medley.engagements.device is 'The kind of device.';
comment on column medley.engagements.algorithm is 'The algorithm that the recommendation named.';
comment on column medley.engagements.variant is 'The variant of an experiment that the recommendation named.';
comment on column medley.engagements.context is 'Anything else the app knows: a JSON object; "mood" is learnt.';

create table medley.affinities (
  user_no int not null,
  item_no int not null,
  score real not null,
  half_life_days smallint not null,
  seen boolean not null default false,
  last_at timestamptz not null,
  positive_at timestamptz,
  negative_at timestamptz,
  primary key (user_no, item_no, half_life_days)
) with (fillfactor = 90);
-- No index holds what an update changes, so updates stay on the page (HOT).
create index affinities_item_idx on medley.affinities (item_no, user_no);

comment on table medley.affinities is
  'How much a member wants an item: decayed sums of what the member''s engagements are worth, one row for each half-life '
  'that the pair''s kinds have. affinity_at gives the value at a time; a pair''s affinity is the sum over its rows.';
comment on column medley.affinities.user_no is 'The member.';
comment on column medley.affinities.item_no is 'The item.';
comment on column medley.affinities.score is 'The sum at last_at.';
comment on column medley.affinities.half_life_days is 'The half-life of the kinds that this row sums up.';
comment on column medley.affinities.seen is 'Whether one of the events marks the item as known to the member.';
comment on column medley.affinities.last_at is 'The newest event in the sum.';
comment on column medley.affinities.positive_at is 'The newest event of polarity 1.';
comment on column medley.affinities.negative_at is
  'The newest event of polarity -1. The pair is rejected while it is not older than positive_at.';

create table medley.affinity_checkpoints (
  user_no int not null,
  item_no int not null,
  score real not null,
  half_life_days smallint not null,
  seen boolean not null default false,
  last_at timestamptz not null,
  positive_at timestamptz,
  negative_at timestamptz,
  primary key (user_no, item_no, half_life_days)
);
create index affinity_checkpoints_item_idx on medley.affinity_checkpoints (item_no);

comment on table medley.affinity_checkpoints is
  'What the events that retention has taken out of the log were worth. Checkpoints and log together give the affinities.';
comment on column medley.affinity_checkpoints.user_no is 'The member.';
comment on column medley.affinity_checkpoints.item_no is 'The item.';
comment on column medley.affinity_checkpoints.score is 'The sum at last_at.';
comment on column medley.affinity_checkpoints.half_life_days is 'The half-life of the kinds that this row sums up.';
comment on column medley.affinity_checkpoints.seen is 'Whether one of the events marks the item as known to the member.';
comment on column medley.affinity_checkpoints.last_at is 'The newest event in the sum.';
comment on column medley.affinity_checkpoints.positive_at is 'The newest event of polarity 1.';
comment on column medley.affinity_checkpoints.negative_at is 'The newest event of polarity -1.';

create table medley.sessions (
  session_id uuid primary key,
  user_no int not null references medley.members (user_no) on delete cascade,
  started_at timestamptz not null,
  last_at timestamptz not null,
  events int not null check (events > 0),
  device text,
  platform text
) with (fillfactor = 90);
create index sessions_user_idx on medley.sessions (user_no, started_at);

comment on table medley.sessions is 'Sessions of apps, as events name them. A session belongs to the member who used it first.';
comment on column medley.sessions.session_id is 'The id that the app chose.';
comment on column medley.sessions.user_no is 'The member.';
comment on column medley.sessions.started_at is 'Its oldest event.';
comment on column medley.sessions.last_at is 'Its newest event.';
comment on column medley.sessions.events is 'How many events it has.';
comment on column medley.sessions.device is 'The kind of device that an event named last.';
comment on column medley.sessions.platform is 'The service that an event named last.';

create table medley.member_activity (
  user_no int primary key references medley.members (user_no) on delete cascade,
  last_engaged_at timestamptz not null,
  last_written_at timestamptz,
  engagements bigint not null,
  learnt_engagements bigint not null default 0
) with (fillfactor = 80);
create index member_activity_unlearnt_idx on medley.member_activity (user_no) where learnt_engagements <> engagements;

comment on table medley.member_activity is 'One row for each member who ever engaged: what jobs and caches ask first.';
comment on column medley.member_activity.user_no is 'The member.';
comment on column medley.member_activity.last_engaged_at is 'The member''s newest event.';
comment on column medley.member_activity.last_written_at is
  'The clock when an event last changed affinities; null for never. What was derived for the member before then is stale.';
comment on column medley.member_activity.engagements is 'How many events were ever accepted.';
comment on column medley.member_activity.learnt_engagements is
  'How many of them user_context knew when it was last learnt; another number means that it is stale.';

create table medley.user_context (
  user_no int not null references medley.members (user_no) on delete cascade,
  context_type text not null check (context_type in ('time_of_day', 'day_of_week', 'device', 'session_length', 'mood')),
  context_value text not null,
  frequency int not null check (frequency > 0),
  last_seen timestamptz not null,
  primary key (user_no, context_type, context_value)
);

comment on table medley.user_context is
  'In which circumstances a member engages, counted over the last signals.context_days days of the log in UTC.';
comment on column medley.user_context.user_no is 'The member.';
comment on column medley.user_context.context_type is 'time_of_day, day_of_week, device, session_length or mood.';
comment on column medley.user_context.context_value is
  'night, morning, afternoon or evening (six hours each); monday to sunday; the device as events name it; '
  'short (under 5 minutes), medium (under 30) or long; the mood of the events'' context.';
comment on column medley.user_context.frequency is 'How many events; for session_length, how many sessions.';
comment on column medley.user_context.last_seen is 'The newest of them.';

create table medley.removed_items (
  item_no int primary key,
  removed_at timestamptz not null default now()
);

comment on table medley.removed_items is 'Numbers of deleted items whose affinities the job prune_removed_items has still to delete.';
comment on column medley.removed_items.item_no is 'The number that the item had.';
comment on column medley.removed_items.removed_at is 'When it was deleted.';

insert into medley.settings (key, value, description)
values
  ('signals.max_age_days', 30, 'Age in days up to which members log events, 1 to 365; the service since 1970.'),
  ('signals.keep_days', 90, 'How many days the log is kept, 31 to 36500; whole months then go into checkpoints.'),
  ('signals.context_days', 90, 'How many days of the log user_context counts, 1 to 400.'),
  ('signals.partitions_ahead', 3, 'How many months of partitions are made ahead, 1 to 24.');

-- sql/core/signals/seed_kinds.sql
-- The kinds of engagement that every app knows. Weights are relative: a like is worth 2, a rejection outweighs a like.
-- Long-lived choices (follow, rate, lists, RSVPs) fade over a year, everything else over a month.
insert into medley.engagement_kinds
  (kind, weight, half_life_days, polarity, engagement, marks_seen, value_rule, social_signal, description)
values
  -- What was shown, and how it was looked at: for training and experiments, no sign of taste by itself.
  ('impression', 0, 30, 0, 0, false, 'none', null, 'The item was shown in a list.'),
  ('not_dwelled', 0, 30, 0, 0, false, 'none', null, 'The item was scrolled past.'),
  ('dwell', 0, 30, 0, 0.1, false, 'none', null, 'The item stayed in view; dwell_ms says how long.'),
  ('pause', 0, 30, 0, 0.2, false, 'none', null, 'Playing was paused.'),
  -- Interest.
  ('view', 0.1, 30, 0, 0.1, false, 'none', null, 'The item''s own page was opened.'),
  ('click', 0.4, 30, 1, 0.3, false, 'none', null, 'The item was clicked.'),
  ('profile_click', 0.3, 30, 1, 0.3, false, 'none', null, 'The profile of the item''s author was opened.'),
  ('vote', 1, 30, 1, 0.6, true, 'none', null, 'A vote for the item.'),
  ('play', 1, 30, 1, 0.4, true, 'count', 'watched', 'The item was played; value says how many times, 1 by default.'),
  ('watch_started', 1, 30, 1, 0.4, true, 'none', 'watched', 'Watching began.'),
  ('complete', 2, 30, 1, 1, true, 'none', 'watched', 'Played or read to the end.'),
  ('watch_completed', 2, 30, 1, 1, true, 'none', 'watched', 'Watched to the end.'),
  ('like', 2, 30, 1, 0.8, true, 'none', 'liked', 'Liked.'),
  ('reply', 2.5, 30, 1, 0.9, true, 'none', null, 'Answered.'),
  ('repost', 2, 30, 1, 0.9, true, 'none', 'shared', 'Passed on unchanged.'),
  ('quote', 2.5, 30, 1, 0.9, true, 'none', 'shared', 'Passed on with a comment.'),
  ('share', 2.5, 30, 1, 0.9, true, 'none', 'shared', 'Shared outside the app or by message.'),
  ('recommend', 3, 30, 1, 0.9, true, 'none', 'recommended', 'Recommended to somebody.'),
  -- Choices that last.
  ('bookmark', 2, 365, 1, 0.7, true, 'none', null, 'Kept for later.'),
  ('add_to_list', 2, 365, 1, 0.7, true, 'none', null, 'Put on a list.'),
  ('remove_from_list', -2, 365, 0, 0.2, false, 'none', null, 'Taken off a list: takes back what adding it was worth.'),
  ('follow', 4, 365, 1, 0.8, true, 'none', 'liked', 'Followed.'),
  ('unfollow', -4, 365, 0, 0.2, false, 'none', null, 'No longer followed: takes back what following was worth.'),
  ('rsvp', 3, 365, 1, 0.9, true, 'none', null, 'Said yes to an event.'),
  ('rate', 4, 365, 1, 0.6, true, 'rating', 'rated', 'Rated; value is the rating from 0 to 1.'),
  -- Rejection.
  ('skip', -0.5, 30, -1, 0.05, false, 'none', null, 'Skipped.'),
  ('abandon', -0.5, 30, -1, 0.1, true, 'none', null, 'Given up before the end.'),
  ('dislike', -3, 30, -1, 0.1, true, 'none', null, 'Disliked.'),
  ('not_interested', -5, 30, -1, 0, true, 'none', null, 'Marked as not interesting.'),
  ('mute_author', -6, 30, -1, 0, true, 'none', null, 'Its author was muted.'),
  ('block_author', -8, 30, -1, 0, true, 'none', null, 'Its author was blocked.'),
  ('report', -10, 30, -1, 0, true, 'none', null, 'Reported.');

-- sql/core/signals/functions.sql
-- What an engagement is worth, and how that fades.
-- No SET: these inline into every query that reads or writes affinities.
create or replace function medley.affinity_at(
  p_score real,
  p_last_at timestamptz,
  p_half_life_days smallint,
  p_as_of timestamptz
)
returns double precision
language sql immutable parallel safe security invoker
-- ln(2) / 86400 = 8.022536812036404e-06. Below exp(-600) it stays put, for float8 would rather fail than underflow.
return p_score * exp(
  least(0, greatest(-600, date_part('epoch', p_last_at - p_as_of) * 8.022536812036404e-06 / p_half_life_days))
);

comment on function medley.affinity_at(real, timestamptz, smallint, timestamptz) is
  'The affinity p_score of p_last_at as it is worth at p_as_of: p_score * 2^(-days / p_half_life_days). '
  'Before p_last_at it is p_score.';
revoke all on function medley.affinity_at(real, timestamptz, smallint, timestamptz)
from public, anon, authenticated, service_role;

create or replace function medley.to_score(p_value double precision)
returns real
language sql immutable parallel safe security invoker
-- An argument that is used twice would keep the planner from inlining this.
return ((p_value + 1e-20) - 1e-20)::real;

comment on function medley.to_score(double precision) is
  'The value as affinities store it: what is too small for a real, which would fail, is 0.';
revoke all on function medley.to_score(double precision) from public, anon, authenticated, service_role;

create or replace function medley.engagement_weight(p_weight real, p_value_rule text, p_value real)
returns double precision
language sql immutable parallel safe security invoker
return p_weight * case p_value_rule
  when 'none' then 1
  when 'count' then ln(1 + coalesce(p_value, 1)::float8) * 1.4426950408889634
  else p_value::float8
end;

comment on function medley.engagement_weight(real, text, real) is
  'What an event adds to its affinity, from its kind''s weight and value_rule: the weight; '
  'for a count weight * log2(1 + value), 1 by default; for a rating weight * value.';
revoke all on function medley.engagement_weight(real, text, real) from public, anon, authenticated, service_role;

create or replace function medley.engagement_polarity(p_polarity smallint, p_value_rule text, p_value real)
returns smallint
language sql immutable parallel safe security invoker
return case when p_value_rule = 'rating' and p_value < 0.3 then -1::smallint else p_polarity end;

comment on function medley.engagement_polarity(smallint, text, real) is
  'Whether an event wants (1) or rejects (-1) its item: what its kind says, but a rating below 0.3 rejects.';
revoke all on function medley.engagement_polarity(smallint, text, real) from public, anon, authenticated, service_role;

create or replace function medley.engagement_score(
  p_engagement real,
  p_polarity smallint,
  p_progress real,
  p_dwell_ms int
)
returns real
language sql immutable parallel safe security invoker
return case
  when p_polarity < 0 or p_progress is null and p_dwell_ms is null then p_engagement
  else 1 - (1 - p_engagement)
    * (1 - 0.5 * coalesce(p_progress, 0))
    * (1 - 0.3 * least(coalesce(p_dwell_ms, 0), 60000) / 60000.0::float8)
end::real;

comment on function medley.engagement_score(real, smallint, real, int) is
  'How engaged the member was, 0 to 1: 1 - (1 - engagement of the kind) * (1 - 0.5 * progress) * '
  '(1 - 0.3 * dwell / 60 s), dwell being cut at 60 s. Each is evidence that cannot take the others'' away. '
  'For a rejection it is the kind''s engagement alone.';
revoke all on function medley.engagement_score(real, smallint, real, int)
from public, anon, authenticated, service_role;

-- sql/core/signals/partitions.sql
-- Months of the log are made ahead. Nothing is ever written to the last ones by accident: an event lies at most five
-- minutes in the future.
create or replace function medley.make_engagement_partition(p_name text, p_from timestamptz, p_until timestamptz)
returns void
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
begin
  execute format(
    'create table medley.%I partition of medley.engagements for values from (%s) to (%L)',
    p_name, coalesce(quote_literal(p_from), 'minvalue'), p_until
  );
  execute format('alter table medley.%I enable row level security', p_name);
  execute format('revoke all on medley.%I from public, anon, authenticated, service_role', p_name);
end;
$$;

comment on function medley.make_engagement_partition(text, timestamptz, timestamptz) is
  'Makes the partition p_name of the log for p_from (null: the beginning of time) until p_until, closed to the API.';
revoke all on function medley.make_engagement_partition(text, timestamptz, timestamptz)
from public, anon, authenticated, service_role;

create or replace function medley.ensure_engagement_partitions(p_as_of timestamptz default now())
returns bigint
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_this_month timestamptz := date_trunc('month', p_as_of, 'UTC');
  v_month timestamptz;
  v_made bigint := 0;
begin
  -- Whoever waited here finds the partitions made.
  perform pg_advisory_xact_lock(hashtextextended('medley.engagement_partitions', 0));

  select p.covered_until into v_month
  from medley.partitions_ahead(p_as_of) as p
  where p.table_name = 'engagements';

  if v_month is null then
    perform medley.make_engagement_partition('engagements_history', null, v_this_month);
    v_month := v_this_month;
    v_made := 1;
  end if;

  while v_month <= v_this_month + make_interval(months => medley.setting('signals.partitions_ahead')::int) loop
    perform medley.make_engagement_partition(
      'engagements_' || to_char(v_month at time zone 'UTC', 'YYYY_MM'),
      v_month,
      (v_month at time zone 'UTC' + interval '1 month') at time zone 'UTC'
    );
    v_month := (v_month at time zone 'UTC' + interval '1 month') at time zone 'UTC';
    v_made := v_made + 1;
  end loop;
  return v_made;
end;
$$;

comment on function medley.ensure_engagement_partitions(timestamptz) is
  'Job: makes the partitions of the log that are missing, up to signals.partitions_ahead months (UTC) after p_as_of. '
  'Returns how many.';
revoke all on function medley.ensure_engagement_partitions(timestamptz) from public, anon, authenticated, service_role;

select medley.ensure_engagement_partitions();

-- sql/core/signals/engagements.sql
-- Writing the log. One statement takes a batch from JSON to log, affinities, sessions and activity.
-- Every call takes its locks in the same order, table by table and within each by key, so calls never deadlock.
create or replace function medley.malformed_event(p_event jsonb)
returns text
language plpgsql stable parallel unsafe security invoker set search_path = ''
as $$
begin
  if jsonb_typeof(p_event) <> 'object' then
    return format('an event is an object, got %s', left(p_event::text, 100));
  end if;
  perform e.*
  from jsonb_to_record(p_event) as e (
    item_id uuid, kind text, occurred_at timestamptz, value real, session_id uuid, platform text, device text,
    "position" smallint, dwell_ms int, progress real, predicted_score real, algorithm text, variant text,
    context jsonb, user_id uuid
  );
  return null;
exception
  when data_exception then
    return sqlerrm;
end;
$$;

comment on function medley.malformed_event(jsonb) is
  'What is wrong with the types of an event''s fields; null when they are right. Its list of fields is judged_events''.';
revoke all on function medley.malformed_event(jsonb) from public, anon, authenticated, service_role;

create or replace function medley.mark_malformed_events(p_events jsonb)
returns jsonb
language sql stable parallel unsafe security invoker set search_path = ''
as $$
  select jsonb_agg(
    case when m.message is null then e.event else jsonb_build_object('malformed', m.message) end
    order by e.place
  )
  from jsonb_array_elements(p_events) with ordinality as e (event, place)
  cross join lateral (select medley.malformed_event(e.event) as message offset 0) as m
$$;

comment on function medley.mark_malformed_events(jsonb) is
  'The events, those with a field of the wrong type replaced by {"malformed": what is wrong}. '
  'Asked only when a batch cannot be read as a whole.';
revoke all on function medley.mark_malformed_events(jsonb) from public, anon, authenticated, service_role;

create or replace function medley.number_members_of(p_events jsonb)
returns void
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_new uuid[];
begin
  select array_agg(u.id order by u.id) into v_new
  from (
    select distinct (e.event ->> 'user_id')::uuid as id
    from jsonb_array_elements(p_events) as e (event)
    where case
      when jsonb_typeof(e.event) = 'object'
        then e.event ->> 'user_id' ~* '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$'
    end
    offset 0
  ) as g
  inner join auth.users as u on g.id = u.id
  where not exists (select from medley.members as m where m.user_id = u.id);

  if v_new is not null then
    perform from medley.member_numbers(v_new);
  end if;
end;
$$;

comment on function medley.number_members_of(jsonb) is 'Gives a number to each account that an event names and that has none yet.';
revoke all on function medley.number_members_of(jsonb) from public, anon, authenticated, service_role;

create or replace function medley.refusal_message(
  p_problem text,
  p_event jsonb,
  p_oldest timestamptz,
  p_newest timestamptz
)
returns text
language plpgsql stable parallel safe security invoker set search_path = ''
as $$
declare
  v_kind text := left(p_event ->> 'kind', 100);
  v_key text := case
    when p_problem in ('not_self', 'member') then 'user_id'
    when p_problem = 'item' then 'item_id'
    when p_problem = 'rating' then 'value'
    else p_problem
  end;
  v_got text := left(p_event ->> v_key, 300);
begin
  return case p_problem
    when 'malformed' then v_got
    when 'not_self' then format('cannot act for member %s', v_got)
    when 'member' then format('there is no member %s', coalesce(v_got, '(no user_id)'))
    when 'kind' then format('there is no kind of engagement %s', coalesce(v_kind, '(no kind)'))
    when 'item' then format('nothing visible has the id %s', coalesce(v_got, '(no item_id)'))
    when 'occurred_at' then format('occurred_at must lie between %s and %s, got %s', p_oldest, p_newest, v_got)
    when 'value' then format('value is out of range for %s, got %s', v_kind, v_got)
    when 'rating' then format('value must be between 0 and 1 for %s, got %s', v_kind, coalesce(v_got, 'null'))
    when 'session_id' then format('session %s is another member''s', v_got)
    when 'position' then format('position must not be negative, got %s', v_got)
    when 'dwell_ms' then format('dwell_ms must not be negative, got %s', v_got)
    when 'progress' then format('progress must be between 0 and 1, got %s', v_got)
    when 'predicted_score' then format('predicted_score must be a number, got %s', v_got)
    when 'context' then 'context must be an object of at most 4096 bytes'
    else p_problem || ' is longer than 200 bytes'
  end;
end;
$$;

comment on function medley.refusal_message(text, jsonb, timestamptz, timestamptz) is
  'What the member reads about an event that is refused for p_problem.';
revoke all on function medley.refusal_message(text, jsonb, timestamptz, timestamptz)
from public, anon, authenticated, service_role;

-- What is known of each event. NaN is greater than every number, so a range refuses it. No SET: it inlines.
create or replace function medley.judged_events(
  p_user_id uuid,
  p_user_no int,
  p_events jsonb,
  p_oldest timestamptz,
  p_newest timestamptz,
  p_as_of timestamptz,
  p_session_users jsonb,
  p_repeated bigint[]
)
returns table (
  place bigint, user_no int, at timestamptz, item_no int, kind_no smallint, weight real, half_life_days smallint,
  polarity smallint, marks_seen boolean, value_rule text, value real, session_id uuid, platform text, device text,
  score real, progress real, predicted_score real, dwell_ms int, list_position smallint, algorithm text, variant text,
  context jsonb, problem text
)
language sql stable parallel unsafe security invoker
as $$
  select
    g.place,
    g.user_no,
    g.at,
    i.item_no,
    k.kind_no,
    k.weight,
    k.half_life_days,
    k.polarity,
    k.marks_seen,
    k.value_rule,
    g.value,
    g.session_id,
    g.platform,
    g.device,
    medley.engagement_score(k.engagement, k.polarity, g.progress, g.dwell_ms) as score,
    g.progress,
    g.predicted_score,
    g.dwell_ms,
    g.position,
    g.algorithm,
    g.variant,
    g.context,
    case
      when g.malformed is not null then 'malformed'
      when g.user_id <> p_user_id then 'not_self'
      when g.user_no is null then 'member'
      when k.kind_no is null then 'kind'
      when i.item_no is null then 'item'
      when (i.owner_id is not null or i.visibility <> 'public')
        and not medley.visible_to(coalesce(p_user_id, g.user_id), g.item_id) then 'item'
      when g.at not between p_oldest and p_newest then 'occurred_at'
      when g.value not between -1e9::real and 1e9::real then 'value'
      when k.value_rule = 'count' and g.value < 0 then 'value'
      when k.value_rule = 'rating' and not coalesce(g.value between 0 and 1, false) then 'rating'
      when (p_session_users ->> g.session_id::text)::int <> g.user_no then 'session_id'
      when g.position < 0 then 'position'
      when g.dwell_ms < 0 then 'dwell_ms'
      when g.progress not between 0 and 1 then 'progress'
      when g.predicted_score not between -1e9::real and 1e9::real then 'predicted_score'
      when octet_length(g.platform) > 200 then 'platform'
      when octet_length(g.device) > 200 then 'device'
      when octet_length(g.algorithm) > 200 then 'algorithm'
      when octet_length(g.variant) > 200 then 'variant'
      when jsonb_typeof(g.context) <> 'object' or pg_column_size(g.context) > 4096 then 'context'
      when g.place = any(p_repeated) then 'repeated'
    end as problem
  from (
    select
      e.*,
      coalesce(e.occurred_at, p_as_of) as at,
      -- Members by number: the one who calls, or for the service the one that the event names.
      case
        when p_user_id is not null then p_user_no
        else (select m.user_no from medley.members as m where m.user_id = e.user_id)
      end as user_no
    from rows from (
      jsonb_to_recordset(p_events) as (
        item_id uuid, kind text, occurred_at timestamptz, value real, session_id uuid, platform text, device text,
        "position" smallint, dwell_ms int, progress real, predicted_score real, algorithm text, variant text,
        context jsonb, user_id uuid, malformed text
      )
    ) with ordinality as e (
      item_id, kind, occurred_at, value, session_id, platform, device, position, dwell_ms, progress,
      predicted_score, algorithm, variant, context, user_id, malformed, place
    )
    -- Computed once a row.
    offset 0
  ) as g
  left join medley.items as i on g.item_id = i.id
  left join medley.engagement_kinds as k on g.kind = k.kind
$$;

comment on function medley.judged_events(
  uuid, int, jsonb, timestamptz, timestamptz, timestamptz, jsonb, bigint[]
) is
  'The events, given as write_engagements has them, by number, with what their kinds say and the first thing that is wrong '
  'with each; null for nothing. p_session_users: whose the sessions are that two members claim; p_repeated: the places of events '
  'that count already.';
revoke all on function medley.judged_events(
  uuid, int, jsonb, timestamptz, timestamptz, timestamptz, jsonb, bigint[]
) from public, anon, authenticated, service_role;

create or replace function medley.write_engagements(
  p_user_id uuid,
  p_events jsonb,
  p_oldest timestamptz,
  p_as_of timestamptz
)
returns table (event_index int, status text, code text, message text)
language plpgsql volatile parallel unsafe security definer
set search_path = '' set plan_cache_mode = force_generic_plan
as $$
declare
  v_events jsonb := p_events;
  v_user_no int;
  v_newest timestamptz := p_as_of + interval '5 minutes';
  v_session_users jsonb;
  -- Other calls may write the same events, or meet in a session, a few times in a row.
  c_attempts constant int := 20;
  v_attempt int := 0;
  v_repeated bigint[];
  v_known bigint[];
begin
  if p_user_id is null then
    perform medley.number_members_of(p_events);
  else
    select m.user_no into v_user_no from medley.members as m where m.user_id = p_user_id;
    if not found then
      select m.user_no into v_user_no from medley.member_numbers(array[p_user_id]) as m;
    end if;
  end if;

  loop
    v_attempt := v_attempt + 1;
    begin
      return query
      with judged as materialized (
        select e.*
        from medley.judged_events(
          p_user_id, v_user_no, v_events, p_oldest, v_newest, p_as_of, v_session_users, v_repeated
        ) as e
      ),

      -- Most batches are all new, and asking of each row costs as much again as writing it. One that is not fails here,
      -- on its first row for one sent twice, and the next attempt knows what is repeated.
      inserted as (
        insert into medley.engagements (
          occurred_at, user_no, item_no, value, score, progress, predicted_score, dwell_ms, kind_no, position,
          session_id, platform, device, algorithm, variant, context
        )
        select
          j.at, j.user_no, j.item_no, j.value, j.score, j.progress, j.predicted_score, j.dwell_ms, j.kind_no,
          j.list_position, j.session_id, j.platform, j.device, j.algorithm, j.variant, j.context
        from judged as j
        where j.problem is null
        order by j.user_no, j.at, j.item_no, j.kind_no
        returning 1
      ),

      felt as (
        insert into medley.affinities as a (
          user_no, item_no, half_life_days, score, last_at, positive_at, negative_at, seen
        )
        select
          j.user_no,
          j.item_no,
          j.half_life_days,
          -- Summed as of one time for all, then taken back to the newest event.
          medley.to_score(
            sum(medley.affinity_at(
              medley.engagement_weight(j.weight, j.value_rule, j.value)::real, j.at, j.half_life_days, v_newest
            ))
            / medley.affinity_at(1, max(j.at), j.half_life_days, v_newest)
          ),
          max(j.at),
          max(j.at) filter (where medley.engagement_polarity(j.polarity, j.value_rule, j.value) > 0),
          max(j.at) filter (where medley.engagement_polarity(j.polarity, j.value_rule, j.value) < 0),
          bool_or(j.marks_seen)
        -- Once the log is written: all calls take their locks table by table.
        from (select count(*) as row_count from inserted) as n
        inner join judged as j on n.row_count >= 0
        where j.problem is null and j.weight <> 0
        group by j.user_no, j.item_no, j.half_life_days
        order by j.user_no, j.item_no, j.half_life_days
        on conflict (user_no, item_no, half_life_days) do update
        set
          score = medley.to_score(
            medley.affinity_at(a.score, a.last_at, a.half_life_days, greatest(a.last_at, excluded.last_at))
            + medley.affinity_at(
              excluded.score, excluded.last_at, a.half_life_days, greatest(a.last_at, excluded.last_at)
            )
          ),
          last_at = greatest(a.last_at, excluded.last_at),
          positive_at = greatest(a.positive_at, excluded.positive_at),
          negative_at = greatest(a.negative_at, excluded.negative_at),
          seen = a.seen or excluded.seen
        returning 1
      ),

      -- Few, and mostly one.
      visits as materialized (
        select
          j.session_id,
          j.user_no,
          min(j.at) as started_at,
          max(j.at) as last_at,
          count(*) as events,
          bool_or(j.weight <> 0) as counts,
          max(j.device collate "C") as device,
          max(j.platform collate "C") as platform
        from judged as j
        where j.problem is null
        group by j.session_id, j.user_no
      ),

      used as (
        insert into medley.sessions as s (session_id, user_no, started_at, last_at, events, device, platform)
        select v.session_id, v.user_no, v.started_at, v.last_at, v.events, v.device, v.platform
        from visits as v
        where v.session_id is not null
        order by v.session_id, v.user_no
        on conflict (session_id) do update
        set
          -- Null fails: the session is another member's, and the next attempt refuses its events.
          user_no = case when s.user_no = excluded.user_no then s.user_no end,
          started_at = least(s.started_at, excluded.started_at),
          last_at = greatest(s.last_at, excluded.last_at),
          events = s.events + excluded.events,
          device = coalesce(excluded.device, s.device),
          platform = coalesce(excluded.platform, s.platform)
        returning 1
      ),

      active as (
        insert into medley.member_activity as m (user_no, last_engaged_at, last_written_at, engagements)
        select
          v.user_no,
          max(v.last_at),
          case when bool_or(v.counts) then clock_timestamp() end,
          sum(v.events)
        from visits as v
        group by v.user_no
        order by v.user_no
        on conflict (user_no) do update
        set
          last_engaged_at = greatest(m.last_engaged_at, excluded.last_engaged_at),
          last_written_at = greatest(m.last_written_at, excluded.last_written_at),
          engagements = m.engagements + excluded.engagements
        returning 1
      ),

      -- Nothing is answered before everything is written, table by table from left to right.
      written as materialized (
        select (select count(*) from felt) + (select count(*) from used) + (select count(*) from active) as row_count
      )

      select
        j.place::int,
        case
          when j.problem is null then 'accepted'
          when j.problem = 'repeated' then 'duplicate'
          else 'refused'
        end,
        case
          when j.problem in ('item', 'member') then 'not_found'
          when j.problem in ('session_id', 'not_self') then 'forbidden'
          when j.problem <> 'repeated' then 'invalid_argument'
        end,
        case
          when j.problem <> 'repeated'
            then medley.refusal_message(j.problem, v_events -> (j.place - 1)::int, p_oldest, v_newest)
        end
      from written as w
      inner join judged as j on w.row_count >= 0
      order by j.place;
      return;
    exception
      when data_exception then
        if v_attempt >= c_attempts then
          raise;
        end if;
        v_events := medley.mark_malformed_events(p_events);
      when unique_violation then
        if v_attempt >= c_attempts then
          raise;
        end if;
        -- Once, and again only while other calls write the same events.
        v_known := v_repeated;
        -- Of equal events in one batch the first that is right counts.
        select array_agg(j.place order by j.place) into v_repeated
        from (
          select
            e.*,
            row_number() over (partition by e.user_no, e.at, e.item_no, e.kind_no order by e.place) as nth
          from medley.judged_events(
            p_user_id, v_user_no, v_events, p_oldest, v_newest, p_as_of, v_session_users, null
          ) as e
          where e.problem is null
        ) as j
        where j.nth > 1 or exists (
          select from medley.engagements as l
          where l.user_no = j.user_no and l.occurred_at = j.at and l.item_no = j.item_no and l.kind_no = j.kind_no
        );
        -- A transaction that does not see what others wrote since it began would fail again and again. PostgreSQL's own
        -- code for that, which those who choose such transactions know to retry.
        if v_repeated is not distinct from v_known and current_setting('transaction_isolation') <> 'read committed' then
          raise serialization_failure using
            message = 'events of this call were logged since the transaction began',
            hint = 'Begin the transaction again.';
        end if;
      when check_violation then
        if v_attempt >= c_attempts then
          raise;
        end if;
        -- The job that makes partitions ahead has not run for months.
        perform medley.ensure_engagement_partitions(p_as_of);
      when not_null_violation or cardinality_violation then
        if v_attempt >= c_attempts then
          raise;
        end if;
        -- A session of two members. One that none of them has used belongs to the one who comes first.
        select jsonb_object_agg(f.session_id, f.user_no) into v_session_users
        from (
          select distinct on (e.session_id)
            e.session_id,
            coalesce(s.user_no, v_user_no, m.user_no) as user_no
          from rows from (jsonb_to_recordset(v_events) as (session_id uuid, user_id uuid))
          with ordinality as e (session_id, user_id, place)
          left join medley.sessions as s on e.session_id = s.session_id
          left join medley.members as m on e.user_id = m.user_id
          where e.session_id is not null and coalesce(s.user_no, v_user_no, m.user_no) is not null
          order by e.session_id, e.place
        ) as f;
        -- An event may be refused now whose like, later in the batch, was to be left out.
        v_repeated := null;
    end;
  end loop;
end;
$$;

comment on function medley.write_engagements(uuid, jsonb, timestamptz, timestamptz) is
  'Writes events, given as log_engagement describes them, for the member p_user_id, or where that is null for the member '
  'that each event names. Accepts events from p_oldest until five minutes after p_as_of. '
  'Returns each event''s fate in their order. Whose a session is, is asked of events that the log does not have yet: one that '
  'it has is a duplicate. For the API''s function and for triggers; asks nobody who is calling.';
revoke all on function medley.write_engagements(uuid, jsonb, timestamptz, timestamptz)
from public, anon, authenticated, service_role;

create or replace function medley.log_engagement(p_user_id uuid, p_events jsonb, p_as_of timestamptz)
returns table (event_index int, status text, code text, message text)
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_service boolean := medley.is_service();
  v_user_id uuid;
  v_oldest timestamptz := to_timestamp(0);
  v_count int;
begin
  -- The service may leave the member to each event.
  if p_user_id is not null or not v_service then
    v_user_id := medley.acting_user(p_user_id);
  end if;
  if p_events is null or jsonb_typeof(p_events) <> 'array' then
    perform medley.fail('invalid_argument', 'p_events must be an array of objects', 'p_events',
      'Pass [{"item_id", "kind", ...}, ...].');
  end if;
  v_count := jsonb_array_length(p_events);
  if v_count > 1000 then
    perform medley.fail('too_large', format('p_events holds %s events', v_count), 'p_events',
      'Log at most 1,000 events a call.');
  end if;
  if not v_service then
    select p_as_of - make_interval(days => s.value::int) into v_oldest
    from medley.settings as s
    where s.key = 'signals.max_age_days';
  end if;

  return query
  select w.event_index, w.status, w.code, w.message
  from medley.write_engagements(v_user_id, p_events, v_oldest, p_as_of) as w;
end;
$$;

comment on function medley.log_engagement(uuid, jsonb, timestamptz) is
  'Logs up to 1,000 events of the member p_user_id (the service may leave it null and name one in each event) at the '
  'time p_as_of; see public.log_engagement. Errors: unauthenticated, forbidden, not_found (the member), invalid_argument, '
  'too_large.';
revoke all on function medley.log_engagement(uuid, jsonb, timestamptz) from public, anon, authenticated, service_role;
grant execute on function medley.log_engagement(uuid, jsonb, timestamptz) to authenticated, service_role;

-- sql/core/signals/rebuild.sql
-- The log and the checkpoints say all that affinities hold: here they are made from nothing else.
create or replace function medley.rebuild_affinities(p_user_nos int[] default null, p_as_of timestamptz default now())
returns bigint
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  -- No event is newer; sums are made as of this time and then taken back to their newest event.
  v_newest timestamptz := p_as_of + interval '5 minutes';
  v_rows bigint;
begin
  -- Who logs waits, who reads does not. What was logged before is in the snapshot of the statements below.
  lock table medley.affinities in exclusive mode;

  delete from medley.affinities as a
  where p_user_nos is null or a.user_no = any(p_user_nos);

  insert into medley.affinities (user_no, item_no, half_life_days, score, last_at, positive_at, negative_at, seen)
  select
    s.user_no,
    s.item_no,
    s.half_life_days,
    medley.to_score(sum(s.score) / medley.affinity_at(1, max(s.last_at), s.half_life_days, v_newest)),
    max(s.last_at),
    max(s.positive_at),
    max(s.negative_at),
    bool_or(s.seen)
  from (
    select
      e.user_no,
      e.item_no,
      k.half_life_days,
      medley.affinity_at(
        medley.engagement_weight(k.weight, k.value_rule, e.value)::real, e.occurred_at, k.half_life_days, v_newest
      ) as score,
      e.occurred_at as last_at,
      case when medley.engagement_polarity(k.polarity, k.value_rule, e.value) > 0 then e.occurred_at end as positive_at,
      case when medley.engagement_polarity(k.polarity, k.value_rule, e.value) < 0 then e.occurred_at end as negative_at,
      k.marks_seen as seen
    from medley.engagements as e
    inner join medley.engagement_kinds as k on e.kind_no = k.kind_no
    where k.weight <> 0
    union all
    select
      c.user_no,
      c.item_no,
      c.half_life_days,
      medley.affinity_at(c.score, c.last_at, c.half_life_days, v_newest),
      c.last_at,
      c.positive_at,
      c.negative_at,
      c.seen
    from medley.affinity_checkpoints as c
  ) as s
  where (p_user_nos is null or s.user_no = any(p_user_nos))
    and exists (select from medley.items as i where i.item_no = s.item_no)
  group by s.user_no, s.item_no, s.half_life_days;
  get diagnostics v_rows = row_count;
  return v_rows;
end;
$$;

comment on function medley.rebuild_affinities(int[], timestamptz) is
  'Makes the affinities of these members (null: of all) again from the checkpoints and the log, which gives what ingest '
  'keeps running, with the kinds as they are now. For after a change of engagement_kinds; logging waits while it runs. '
  'p_as_of must not lie before the newest event. Returns how many rows there are.';
revoke all on function medley.rebuild_affinities(int[], timestamptz) from public, anon, authenticated, service_role;

-- sql/core/signals/retention.sql
-- The log is kept for signals.keep_days. What leaves it stays in the affinities: it is folded into checkpoints first,
-- in the same transaction, so a run that is killed has done nothing.
create or replace function medley.fold_engagements(p_until timestamptz)
returns bigint
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_rows bigint;
begin
  insert into medley.affinity_checkpoints as c (
    user_no, item_no, half_life_days, score, last_at, positive_at, negative_at, seen
  )
  select
    e.user_no,
    e.item_no,
    k.half_life_days,
    medley.to_score(
      sum(medley.affinity_at(
        medley.engagement_weight(k.weight, k.value_rule, e.value)::real, e.occurred_at, k.half_life_days, p_until
      ))
      / medley.affinity_at(1, max(e.occurred_at), k.half_life_days, p_until)
    ),
    max(e.occurred_at),
    max(e.occurred_at) filter (where medley.engagement_polarity(k.polarity, k.value_rule, e.value) > 0),
    max(e.occurred_at) filter (where medley.engagement_polarity(k.polarity, k.value_rule, e.value) < 0),
    bool_or(k.marks_seen)
  from medley.engagements as e
  inner join medley.engagement_kinds as k on e.kind_no = k.kind_no
  where e.occurred_at < p_until
    and k.weight <> 0
    and exists (select from medley.items as i where i.item_no = e.item_no)
  group by e.user_no, e.item_no, k.half_life_days
  on conflict (user_no, item_no, half_life_days) do update
  set
    score = medley.to_score(
      medley.affinity_at(c.score, c.last_at, c.half_life_days, greatest(c.last_at, excluded.last_at))
      + medley.affinity_at(excluded.score, excluded.last_at, c.half_life_days, greatest(c.last_at, excluded.last_at))
    ),
    last_at = greatest(c.last_at, excluded.last_at),
    positive_at = greatest(c.positive_at, excluded.positive_at),
    negative_at = greatest(c.negative_at, excluded.negative_at),
    seen = c.seen or excluded.seen;
  get diagnostics v_rows = row_count;
  return v_rows;
end;
$$;

comment on function medley.fold_engagements(timestamptz) is
  'Adds the events before p_until to the checkpoints; the caller removes them from the log in the same transaction. '
  'Returns how many checkpoints it touched.';
revoke all on function medley.fold_engagements(timestamptz) from public, anon, authenticated, service_role;

create or replace function medley.drop_engagements(p_limit int, p_keep_since timestamptz)
returns bigint
language plpgsql volatile parallel unsafe security definer
-- Dropping a partition stops whoever uses the log: rather fail, and try again tomorrow, than make them wait.
set search_path = '' set lock_timeout = '3s'
as $$
declare
  v_month text;
  v_until timestamptz;
  v_months bigint := 0;
begin
  perform pg_advisory_xact_lock(hashtextextended('medley.engagement_partitions', 0));
  while p_limit is null or v_months < p_limit loop
    -- The oldest month, if nothing in it is to be kept.
    select b.name, b.until into v_month, v_until
    from (
      select
        format('medley.%I', c.relname) as name,
        substring(pg_get_expr(c.relpartbound, c.oid) from 'TO \(''([^'']+)''')::timestamptz as until
      from pg_catalog.pg_inherits as i
      inner join pg_catalog.pg_class as c on i.inhrelid = c.oid
      where i.inhparent = 'medley.engagements'::regclass and c.relname <> 'engagements_history'
    ) as b
    where b.until <= p_keep_since
    order by b.until
    limit 1;
    exit when not found;

    -- What was imported from before that month goes with it.
    execute format('lock table medley.engagements_history, %s in share row exclusive mode', v_month);
    perform medley.fold_engagements(v_until);
    execute format('drop table medley.engagements_history, %s', v_month);
    perform medley.make_engagement_partition('engagements_history', null, v_until);
    v_months := v_months + 1;
  end loop;

  if p_limit is null or v_months < p_limit then
    lock table medley.engagements_history in share row exclusive mode;
    perform medley.fold_engagements(p_keep_since);
    delete from medley.engagements as e
    where e.occurred_at < p_keep_since;
  end if;
  return v_months;
end;
$$;

comment on function medley.drop_engagements(int, timestamptz) is
  'Folds up to p_limit (null: all) months that end by p_keep_since into the checkpoints and drops their partitions; then does '
  'the same to older events of engagements_history. Returns how many months.';
revoke all on function medley.drop_engagements(int, timestamptz) from public, anon, authenticated, service_role;

create or replace function medley.retain_engagements(p_limit int, p_as_of timestamptz default now())
returns bigint
language sql volatile parallel unsafe security definer set search_path = ''
as $$
  select medley.drop_engagements(
    p_limit,
    date_trunc('month', p_as_of - make_interval(days => medley.setting('signals.keep_days')::int), 'UTC')
  )
$$;

comment on function medley.retain_engagements(int, timestamptz) is
  'Job: takes up to p_limit months that are older than signals.keep_days at p_as_of out of the log; see drop_engagements. '
  'Returns how many months.';
revoke all on function medley.retain_engagements(int, timestamptz) from public, anon, authenticated, service_role;

create or replace function medley.prune_removed_items(p_limit int)
returns bigint
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_item_nos int[];
begin
  select array_agg(r.item_no) into v_item_nos
  from (
    select q.item_no
    from medley.removed_items as q
    order by q.item_no
    limit p_limit
    for update skip locked
  ) as r;

  delete from medley.affinities as a
  using unnest(v_item_nos) as r (item_no)
  where a.item_no = r.item_no;
  delete from medley.affinity_checkpoints as c
  using unnest(v_item_nos) as r (item_no)
  where c.item_no = r.item_no;
  delete from medley.removed_items as q
  where q.item_no = any(v_item_nos);
  return coalesce(cardinality(v_item_nos), 0);
end;
$$;

comment on function medley.prune_removed_items(int) is
  'Job: deletes the affinities of up to p_limit items that are no longer registered. Their events stay in the log until '
  'their month leaves it. Returns how many items.';
revoke all on function medley.prune_removed_items(int) from public, anon, authenticated, service_role;

-- sql/core/signals/context.sql
-- In which circumstances members engage, learnt from the log.
create or replace function medley.learn_user_context(p_limit int, p_as_of timestamptz default now())
returns bigint
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_since timestamptz := p_as_of - make_interval(days => medley.setting('signals.context_days')::int);
  v_user_nos int[];
begin
  -- A member who is logging at this moment has the row locked, and a turn later.
  select array_agg(m.user_no) into v_user_nos
  from (
    select a.user_no
    from medley.member_activity as a
    where a.learnt_engagements <> a.engagements
    order by a.user_no
    limit p_limit
    for no key update skip locked
  ) as m;
  if v_user_nos is null then
    return 0;
  end if;

  delete from medley.user_context as c
  where c.user_no = any(v_user_nos);

  insert into medley.user_context (user_no, context_type, context_value, frequency, last_seen)
  select
    m.user_no,
    s.context_type,
    s.context_value,
    count(*),
    max(e.occurred_at)
  from unnest(v_user_nos) as m (user_no)
  inner join medley.engagements as e on m.user_no = e.user_no
  inner join medley.engagement_kinds as k on e.kind_no = k.kind_no
  cross join lateral (
    values
      (
        'time_of_day',
        (array['night', 'morning', 'afternoon', 'evening'])[
          1 + date_part('hour', e.occurred_at at time zone 'UTC')::int / 6
        ]
      ),
      ('day_of_week', to_char(e.occurred_at at time zone 'UTC', 'FMday')),
      ('device', nullif(e.device, '')),
      ('mood', nullif(left(e.context ->> 'mood', 100), ''))
  ) as s (context_type, context_value)
  where e.occurred_at >= v_since
    and k.engagement > 0
    and s.context_value is not null
  group by m.user_no, s.context_type, s.context_value
  union all
  select
    m.user_no,
    'session_length',
    l.length,
    count(*),
    max(s.last_at)
  from unnest(v_user_nos) as m (user_no)
  inner join medley.sessions as s on m.user_no = s.user_no
  cross join lateral (
    select
      case
        when s.last_at - s.started_at < interval '5 minutes' then 'short'
        when s.last_at - s.started_at < interval '30 minutes' then 'medium'
        else 'long'
      end as length
  ) as l
  where s.last_at >= v_since
  group by m.user_no, l.length;

  update medley.member_activity as a
  set learnt_engagements = a.engagements
  where a.user_no = any(v_user_nos);
  return cardinality(v_user_nos);
end;
$$;

comment on function medley.learn_user_context(int, timestamptz) is
  'Job: learns user_context again for up to p_limit members who have engaged since it was learnt, from the last '
  'signals.context_days days before p_as_of; kinds without engagement (impressions) say nothing. Returns how many members.';
revoke all on function medley.learn_user_context(int, timestamptz) from public, anon, authenticated, service_role;

-- sql/core/signals/views.sql
-- What a member's friends do, as signals. Derived from follows and the log; nothing is stored.
create view medley.social_signals as
select
  m.user_no,
  f.user_no as friend_no,
  e.item_no,
  k.social_signal as signal_type,
  case when k.value_rule = 'rating' then e.value else k.engagement end as signal_strength,
  e.occurred_at as created_at
from public.follows as o
inner join public.follows as r on o.followed_id = r.follower_id and o.follower_id = r.followed_id
inner join medley.members as m on o.follower_id = m.user_id
inner join medley.members as f on o.followed_id = f.user_id
inner join medley.engagements as e on f.user_no = e.user_no
inner join medley.engagement_kinds as k on e.kind_no = k.kind_no
where k.social_signal is not null
  and not exists (
    select from public.user_mutes as u
    where u.user_id = o.follower_id and u.muted_id = o.followed_id
  );

comment on view medley.social_signals is
  'What friends (mutual follows, mutes left out) watched, liked, recommended, shared or rated. '
  'Ask for one user_no and for created_at since some time: it reads the friends'' log by time.';
comment on column medley.social_signals.user_no is 'The member who is told.';
comment on column medley.social_signals.friend_no is 'The friend who did it.';
comment on column medley.social_signals.item_no is 'The item.';
comment on column medley.social_signals.signal_type is 'watched, liked, recommended, shared or rated.';
comment on column medley.social_signals.signal_strength is '0 to 1: the rating, else how engaged such an event is.';
comment on column medley.social_signals.created_at is 'When the friend did it.';

-- sql/core/signals/triggers.sql
-- What reaches the signals from other tables.
create or replace function medley.log_item_follows()
returns trigger
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_kind text := case tg_op when 'INSERT' then 'follow' else 'unfollow' end;
  -- Not the transaction's time: one may follow, take it back and follow again within a transaction.
  v_now timestamptz := clock_timestamp();
  v_events jsonb;
begin
  for v_events in
    select
      jsonb_agg(jsonb_build_object(
        'user_id', c.user_id,
        'item_id', c.item_id,
        'kind', v_kind,
        'occurred_at', case when tg_op = 'INSERT' and c.created_at < now() then c.created_at else v_now end
      ))
    from (
      select
        r.*,
        (row_number() over () - 1) / 10000 as chunk
      from changed_rows as r
      -- A follow that goes with its account or its item is no unfollow.
      where tg_op = 'INSERT'
        or exists (select from auth.users as u where u.id = r.user_id)
        and exists (select from medley.items as i where i.id = r.item_id)
    ) as c
    group by c.chunk
    order by c.chunk
  loop
    perform from medley.write_engagements(null, v_events, '-infinity', v_now);
  end loop;
  return null;
end;
$$;

comment on function medley.log_item_follows() is
  'Statement trigger with transition table changed_rows: following and unfollowing an item are engagements.';
revoke all on function medley.log_item_follows() from public, anon, authenticated, service_role;

create trigger item_follows_log_insert
after insert on public.item_follows
referencing new table as changed_rows
for each statement execute function medley.log_item_follows();

create trigger item_follows_log_delete
after delete on public.item_follows
referencing old table as changed_rows
for each statement execute function medley.log_item_follows();

create or replace function medley.sweep_member_signals()
returns trigger
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
begin
  delete from medley.engagements as e
  using old_rows as o
  where e.user_no = o.user_no;
  delete from medley.affinities as a
  using old_rows as o
  where a.user_no = o.user_no;
  delete from medley.affinity_checkpoints as c
  using old_rows as o
  where c.user_no = o.user_no;
  return null;
end;
$$;

comment on function medley.sweep_member_signals() is
  'Statement trigger with transition table old_rows: deletes the rows about a member in tables without foreign keys.';
revoke all on function medley.sweep_member_signals() from public, anon, authenticated, service_role;

create trigger members_sweep_signals
after delete on medley.members
referencing old table as old_rows
for each statement execute function medley.sweep_member_signals();

create or replace function medley.queue_removed_items()
returns trigger
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
begin
  insert into medley.removed_items (item_no)
  select o.item_no
  from old_rows as o;
  return null;
end;
$$;

comment on function medley.queue_removed_items() is
  'Statement trigger with transition table old_rows: leaves the affinities of deleted items to the job prune_removed_items.';
revoke all on function medley.queue_removed_items() from public, anon, authenticated, service_role;

create trigger items_queue_removed
after delete on medley.items
referencing old table as old_rows
for each statement execute function medley.queue_removed_items();

create or replace function medley.count_kind_versions()
returns trigger
language plpgsql volatile parallel unsafe security invoker set search_path = ''
as $$
begin
  new.version := old.version + 1;
  return new;
end;
$$;

comment on function medley.count_kind_versions() is 'Row trigger: a kind of another worth is a new version of it.';
revoke all on function medley.count_kind_versions() from public, anon, authenticated, service_role;

create trigger engagement_kinds_version
before update of weight, half_life_days, polarity, engagement, marks_seen, value_rule on medley.engagement_kinds
for each row execute function medley.count_kind_versions();

-- sql/core/signals/api.sql
-- The API of the signals.
create or replace function public.log_engagement(p_events jsonb)
returns table (event_index int, status text, code text, message text)
language plpgsql volatile parallel unsafe security invoker set search_path = ''
as $$
begin
  return query
  select
    e.event_index,
    e.status,
    e.code,
    e.message
  from medley.log_engagement(null, p_events, now()) as e;
end;
$$;

comment on function public.log_engagement(jsonb) is
  'Logs up to 1,000 events of the signed-in member. p_events: [{"item_id": uuid, "kind": text (a row of engagement_kinds), '
  '"occurred_at": time (now by default), "value": number, "session_id": uuid, "platform": text, "device": text, '
  '"position": from 0, "dwell_ms": milliseconds, "progress": 0 to 1, "predicted_score": number, "algorithm": text, '
  '"variant": text, "context": object}]; item_id and kind are required; with the secret key each event also names its '
  '"user_id". Safe to repeat: an event with the same member, time, item and kind counts once, so name the time. '
  'Members log the last signals.max_age_days days, the service any time since 1970. '
  'Returns one row an event, in their order: event_index (from 1), status (accepted, duplicate or refused), and for a '
  'refusal the code (invalid_argument, not_found, forbidden) and a message. '
  'Errors: unauthenticated, invalid_argument (not an array), too_large; then nothing is written.';
revoke all on function public.log_engagement(jsonb) from public, anon, authenticated, service_role;
grant execute on function public.log_engagement(jsonb) to authenticated, service_role;

-- sql/core/signals/policies.sql
-- Members read their own rows, if granted; the engine alone writes. Kinds are edited with the secret key.
alter table medley.engagement_kinds enable row level security;
revoke all on medley.engagement_kinds from public, anon, authenticated, service_role;

alter table medley.engagements enable row level security;
revoke all on medley.engagements from public, anon, authenticated, service_role;
grant select on medley.engagements to authenticated, service_role;

create policy engagements_own on medley.engagements
for select to authenticated using (user_no = (select medley.acting_user_no()));

alter table medley.affinities enable row level security;
revoke all on medley.affinities from public, anon, authenticated, service_role;
grant select on medley.affinities to authenticated, service_role;

create policy affinities_own on medley.affinities
for select to authenticated using (user_no = (select medley.acting_user_no()));

alter table medley.affinity_checkpoints enable row level security;
revoke all on medley.affinity_checkpoints from public, anon, authenticated, service_role;

create policy affinity_checkpoints_own on medley.affinity_checkpoints
for select to authenticated using (user_no = (select medley.acting_user_no()));

alter table medley.sessions enable row level security;
revoke all on medley.sessions from public, anon, authenticated, service_role;
grant select on medley.sessions to authenticated, service_role;

create policy sessions_own on medley.sessions
for select to authenticated using (user_no = (select medley.acting_user_no()));

alter table medley.member_activity enable row level security;
revoke all on medley.member_activity from public, anon, authenticated, service_role;
grant select on medley.member_activity to authenticated, service_role;

create policy member_activity_own on medley.member_activity
for select to authenticated using (user_no = (select medley.acting_user_no()));

alter table medley.user_context enable row level security;
revoke all on medley.user_context from public, anon, authenticated, service_role;
grant select on medley.user_context to authenticated, service_role;

create policy user_context_own on medley.user_context
for select to authenticated using (user_no = (select medley.acting_user_no()));

alter table medley.removed_items enable row level security;
revoke all on medley.removed_items from public, anon, authenticated, service_role;

-- social_signals speaks of others: the engine alone reads it.
revoke all on medley.social_signals from public, anon, authenticated, service_role;

-- sql/core/signals/jobs.sql
-- What keeps the log in shape and learns from it.
insert into medley.jobs (name, schedule, function_name, batch_size, timeout_seconds, description)
values
  (
    'ensure_engagement_partitions', '5 0 * * *', 'ensure_engagement_partitions', null, 60,
    'Makes the partitions of the log for the months ahead.'
  ),
  (
    'retain_engagements', '25 2 * * *', 'retain_engagements', 1, 7200,
    'Folds months older than signals.keep_days into the checkpoints and drops their partitions.'
  ),
  (
    'learn_user_context', '*/15 * * * *', 'learn_user_context', 2000, 600,
    'Learns in which circumstances members engage, of those who engaged since.'
  ),
  (
    'prune_removed_items', '45 2 * * *', 'prune_removed_items', 1000, 600,
    'Deletes the affinities of items that are no longer registered.'
  );
