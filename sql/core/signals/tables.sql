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
