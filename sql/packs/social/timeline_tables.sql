-- The home timeline: posts of whom a member follows and of the rest, scored by what members do with posts.
--   timeline_posts    what every member wrote and passed on, as the timeline    written by triggers on posts and
--                     reads it, by member and time                              reposts
--   timeline_kinds    which engagement stands where in the vectors, and how     } rolled up from the log
--                     often it follows an exposure                              } by roll_up_author_rates
--   author_rates      the same for each author                                  }
-- timeline_sources.sql finds candidates, timeline_rank.sql scores them, timeline.sql makes the page.
-- Nothing is copied to followers: writing a post costs the same however many there are.
-- Members go by their uuid, as follows has them: numbers would cost each timeline a lookup for each followed member.
create table medley.timeline_posts (
  item_no int not null references medley.items (item_no) on delete cascade,
  is_repost boolean not null,
  poster_id uuid not null references auth.users (id) on delete cascade,
  posted_at timestamptz not null,
  conversation_no int not null,
  parent_no int,
  visibility text check (visibility in ('public', 'followers', 'private')),
  is_newcomer boolean not null,
  created_at timestamptz not null,
  post_id uuid not null,
  author_id uuid not null,
  primary key (item_no, is_repost, poster_id),
  constraint timeline_posts_visibility_of_posts check (is_repost = (visibility is null))
)
-- What is read is new. The index alone answers where a vacuum has been: it does not wait for a fifth of all rows.
with (autovacuum_vacuum_insert_scale_factor = 0.01);
-- One range of it is all that a followed member brings.
create index timeline_posts_poster_idx on medley.timeline_posts (poster_id, posted_at desc)
include (item_no, post_id, author_id, created_at, conversation_no, parent_no, visibility);
create index timeline_posts_newcomers_idx on medley.timeline_posts (created_at desc)
include (item_no, post_id, author_id, conversation_no, parent_no, visibility) where is_newcomer;

comment on table medley.timeline_posts is
  'Every post as the timeline reads it, and every repost of another''s post: narrow, by who posted it and when. Follows '
  'public.posts and public.reposts.';
comment on column medley.timeline_posts.item_no is 'The post.';
comment on column medley.timeline_posts.is_repost is 'False for the row of the post itself, of which there is one.';
comment on column medley.timeline_posts.poster_id is 'To whose followers it comes: the author, or who passed it on.';
comment on column medley.timeline_posts.posted_at is 'When it came to them.';
comment on column medley.timeline_posts.conversation_no is
  'One number for all posts of a conversation: that of its first post, unless that was gone before the second came.';
comment on column medley.timeline_posts.parent_no is 'The post that it answers; null for none.';
comment on column medley.timeline_posts.visibility is
  'public, followers (of the author) or private (to the author). Null for a repost: the row of the post says it, so that it '
  'changes in one place however often the post was passed on.';
comment on column medley.timeline_posts.is_newcomer is
  'Whether hardly anybody had seen anything of the author when it was written: fewer exposures than the scale of the '
  'weight cold_start. False for a repost.';
comment on column medley.timeline_posts.created_at is 'When the post was written.';
comment on column medley.timeline_posts.post_id is 'The post, as apps know it.';
comment on column medley.timeline_posts.author_id is 'Who wrote it.';

alter table medley.timeline_posts enable row level security;
revoke all on medley.timeline_posts from public, anon, authenticated, service_role;

create table medley.timeline_kinds (
  kind text primary key references medley.engagement_kinds (kind) on update cascade,
  place smallint not null check (place between 0 and 32),
  sign smallint not null default 1 check (sign in (-1, 1)),
  usual_rate double precision not null check (usual_rate between 0 and 1),
  count double precision not null default 0 check (count >= 0),
  rate double precision not null check (rate between 0 and 1)
);
create unique index timeline_kinds_place_idx on medley.timeline_kinds (place) where sign = 1;

comment on table medley.timeline_kinds is
  'The engagements that the timeline predicts, and how often each follows an exposure. Derived, but for the first four columns.';
comment on column medley.timeline_kinds.kind is 'The kind of engagement.';
comment on column medley.timeline_kinds.place is
  'Where the vectors of author_rates have it, from 1; 0 for impression, whose row counts exposures.';
comment on column medley.timeline_kinds.sign is '1: it counts; -1: it takes back one of the kind with the same place.';
comment on column medley.timeline_kinds.usual_rate is 'How often it follows an exposure, where nothing is known: a guess worth 1,000 exposures.';
comment on column medley.timeline_kinds.count is 'How often it happened, old events counting less, at timeline_state.counted_until.';
comment on column medley.timeline_kinds.rate is 'How often it follows an exposure: (count + 1000 usual_rate) / (exposures + 1000).';

alter table medley.timeline_kinds enable row level security;
revoke all on medley.timeline_kinds from public, anon, authenticated, service_role;

create table medley.timeline_state (
  singleton boolean primary key default true check (singleton),
  counted_until timestamptz not null
);

comment on table medley.timeline_state is 'One row: up to where the log is in the rates.';
comment on column medley.timeline_state.singleton is 'True.';
comment on column medley.timeline_state.counted_until is 'Events with logged_at before it are counted, others not.';

alter table medley.timeline_state enable row level security;
revoke all on medley.timeline_state from public, anon, authenticated, service_role;

insert into medley.timeline_state (counted_until)
values ('-infinity');

create table medley.author_rates (
  user_id uuid primary key references auth.users (id) on delete cascade,
  exposures real not null check (exposures >= 0),
  counted_at timestamptz not null,
  counts extensions.vector(32) not null
) with (fillfactor = 90);

comment on table medley.author_rates is
  'What members do when they come across posts of an author, by the log. Old events count less: both columns halve every '
  'timeline.rate_days after counted_at. The probability of a kind is (count + s rate) / (exposures + s), where rate is '
  'that of timeline_kinds and s is timeline.prior_exposures.';
comment on column medley.author_rates.user_id is 'The author.';
comment on column medley.author_rates.exposures is
  'Pairs of a member and a post that the log brings together in ten minutes, the author''s own aside.';
comment on column medley.author_rates.counted_at is 'The moment that both columns are of.';
comment on column medley.author_rates.counts is 'In how many of these each kind happened, by timeline_kinds.place.';

alter table medley.author_rates enable row level security;
revoke all on medley.author_rates from public, anon, authenticated, service_role;

create policy author_rates_own on medley.author_rates
for select to authenticated using (user_id = (select auth.uid()));

insert into medley.settings (key, value, description)
values
  ('timeline.max_age_hours', 48, 'Hours after which a post leaves the timeline; 1 to 720.'),
  ('timeline.shown_rows', 100, 'So many rows that the member was shown last are left out; 0 to 1000.'),
  ('timeline.shown_minutes', 10, 'What was shown in so many minutes is left out; 0 to 1440.'),
  (
    'timeline.diversity_seconds', 60,
    'Half-life, in seconds, of what an author shown in an earlier request counts as already on the page; 1 to 86400.'
  ),
  ('timeline.followed', 2000, 'Followed members whose posts are looked at; 10 to 10000.'),
  ('timeline.author_posts', 12, 'Newest posts and reposts of each of them; 1 to 100.'),
  ('timeline.depth', 12, 'Posts taken from each source outside the network; 1 to 1000.'),
  ('timeline.likers', 6, 'Followed members, others every hour, whose two newest likes are looked at; 0 to 200.'),
  ('timeline.pool', 60, 'Posts that are looked at closely, at least; 20 to 2000.'),
  ('timeline.rate_days', 30, 'Half-life, in days, of an event in the rates; 1 to 3650.'),
  (
    'timeline.prior_exposures', 50,
    'Exposures'' worth of the rates of all authors that stand for an author''s own until there are more; 1 to 10000.'
  );

-- The weights multiply probabilities. Published for a large social network in 2026 but for view, profile_click and
-- cold_start, which are ours.
insert into medley.ranker_weights (ranker, term, weight, scale, description)
values
  ('home_timeline', 'copy_link', 20, null, 'The member copies the post''s link.'),
  ('home_timeline', 'reply', 5, null, 'The member answers.'),
  ('home_timeline', 'quote', 5, null, 'The member passes it on with a comment.'),
  ('home_timeline', 'send', 5, null, 'The member sends it in a message.'),
  ('home_timeline', 'follow_author', 4, null, 'The member follows the author.'),
  ('home_timeline', 'share', 2, null, 'The member shares it elsewhere.'),
  ('home_timeline', 'repost', 1, null, 'The member passes it on unchanged.'),
  ('home_timeline', 'like', 0.5, null, 'The member likes it.'),
  ('home_timeline', 'click', 0.4, null, 'The member opens it.'),
  ('home_timeline', 'profile_click', 0.4, null, 'The member opens the author''s profile.'),
  ('home_timeline', 'open_link', 0.2, null, 'The member follows a link in it.'),
  ('home_timeline', 'open_media', 0.05, null, 'The member opens a picture or a video.'),
  ('home_timeline', 'view', 0.02, null, 'The member views it.'),
  ('home_timeline', 'dwell', 0.004, null, 'The member stays with it.'),
  ('home_timeline', 'not_dwelled', -0.02, null, 'The member scrolls past.'),
  ('home_timeline', 'block_author', -31.2, null, 'The member blocks the author.'),
  ('home_timeline', 'not_interested', -43.2, null, 'The member wants no more of the kind.'),
  ('home_timeline', 'mute_author', -58.8, null, 'The member mutes the author.'),
  ('home_timeline', 'report', -234, null, 'The member reports it.'),
  ('home_timeline', 'mutual_reply', 15, null, 'Added to the weight of reply where both follow each other.'),
  ('home_timeline', 'out_of_network', 0.75, null, 'Factor on posts that no followed member wrote or reposted.'),
  (
    'home_timeline', 'author_diversity', 0.25, 0.5,
    'The k-th post of an author, from 0, counts weight + (1 - weight) * scale ^ k.'
  ),
  (
    'home_timeline', 'cold_start', 0.5, 100,
    'Authors with x exposures count 1 + weight * (1 - x / scale) times, those beyond the scale once.'
  );

-- Guesses for a young app; the log takes over.
insert into medley.timeline_kinds (kind, place, sign, usual_rate, rate)
select k.kind, k.place, k.sign, k.rate, k.rate
from (
  values
    ('impression', 0, 1, 1.0),
    ('like', 1, 1, 0.03),
    ('reply', 2, 1, 0.004),
    ('repost', 3, 1, 0.004),
    ('quote', 4, 1, 0.001),
    ('view', 5, 1, 0.3),
    ('click', 6, 1, 0.04),
    ('share', 7, 1, 0.002),
    ('profile_click', 8, 1, 0.01),
    ('dwell', 9, 1, 0.2),
    ('not_dwelled', 10, 1, 0.3),
    ('not_interested', 11, 1, 0.0005),
    ('block_author', 12, 1, 0.00005),
    ('mute_author', 13, 1, 0.0001),
    ('report', 14, 1, 0.00002),
    ('copy_link', 15, 1, 0.0005),
    ('send', 16, 1, 0.001),
    ('follow_author', 17, 1, 0.002),
    ('open_link', 18, 1, 0.01),
    ('open_media', 19, 1, 0.05),
    ('unlike', 1, -1, 0),
    ('unrepost', 3, -1, 0)
) as k (kind, place, sign, rate);
