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
