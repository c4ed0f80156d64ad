-- The social pack: posts and what members do with them.
-- Words: a reply has a parent; the conversation is named by the post that began it; a quote passes a post on with words
-- of one's own, a repost without; a view is a post that was in front of a member's eyes, once a member.
-- Members write posts, likes, reposts, views and muted words under RLS; counters and the registry follow by trigger.
-- Writing a post touches what is its own, its parent and what it quotes: nobody's timeline is written to.
insert into medley.item_kinds (kind, in_genre_statistics, description)
values ('post', false, 'A post of a member: words, media, a reply or a quote.');

create table public.posts (
  id uuid primary key default gen_random_uuid()
  references medley.items (id) on delete cascade deferrable initially deferred,
  author_id uuid not null default auth.uid() references auth.users (id) on delete cascade,
  content text not null default '' check (length(content) <= 10000),
  parent_id uuid references public.posts (id) on delete set null,
  conversation_id uuid not null,
  quoted_id uuid references public.posts (id) on delete set null,
  media jsonb not null default '[]' check (jsonb_typeof(media) = 'array'),
  language text check (language ~ '^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$' and length(language) <= 35),
  visibility text not null default 'public' check (visibility in ('public', 'followers', 'private')),
  hashtags text[] not null default '{}' check (cardinality(hashtags) <= 30),
  like_count int not null default 0 check (like_count >= 0),
  reply_count int not null default 0 check (reply_count >= 0),
  repost_count int not null default 0 check (repost_count >= 0),
  quote_count int not null default 0 check (quote_count >= 0),
  view_count int not null default 0 check (view_count >= 0),
  computed_at timestamptz,
  created_at timestamptz not null default now() check (isfinite(created_at)),
  -- The text search itself lowers letters by the cluster's libc, which may know ASCII only.
  search tsvector not null generated always as (to_tsvector('simple', lower(content))) stored
) with (fillfactor = 90);
create index posts_author_idx on public.posts (author_id, created_at desc, id desc);
create index posts_parent_idx on public.posts (parent_id, created_at, id) include (author_id)
where parent_id is not null;
create index posts_quoted_idx on public.posts (quoted_id) include (author_id) where quoted_id is not null;
create index posts_created_at_idx on public.posts (created_at desc, id desc);
create index posts_search_idx on public.posts using gin (search);
create index idx_posts_needs_embedding on public.posts (created_at desc, id desc) where computed_at is null;
create index idx_posts_computed_at on public.posts (computed_at desc) where computed_at is not null;

comment on table public.posts is
  'Posts: words, media, replies and quotes. What a post says never changes; its author may change who sees it, or delete it.';
comment on column public.posts.id is 'The post, an item of kind post.';
comment on column public.posts.author_id is 'The member who wrote it.';
comment on column public.posts.content is 'What it says, up to 10,000 characters; empty only beside media or a quote.';
comment on column public.posts.parent_id is 'The post that it replies to; null for none, and after that one was deleted.';
comment on column public.posts.conversation_id is
  'The post that began the conversation, its own id where it is that one; it stays when that post is deleted, so a reply is '
  'a post of a conversation with another id. Set by trigger.';
comment on column public.posts.quoted_id is 'The post that it quotes; null for none, and after that one was deleted.';
comment on column public.posts.media is
  'Up to 10 of {"type": "image|video|audio|link", "url": "https://...", ...}, at most 16 kB of JSON.';
comment on column public.posts.language is 'Language of the words as a BCP 47 tag, such as en or pt-BR.';
comment on column public.posts.visibility is 'public, followers (of the author) or private (to the author).';
comment on column public.posts.hashtags is
  'The first 30 hashtags of content, in lower case and without the sign, each once. Set by trigger.';
comment on column public.posts.like_count is 'How many members like it. Kept by trigger.';
comment on column public.posts.reply_count is 'How many posts reply to it. Kept by trigger.';
comment on column public.posts.repost_count is 'How many members reposted it. Kept by trigger.';
comment on column public.posts.quote_count is 'How many posts quote it. Kept by trigger.';
comment on column public.posts.view_count is 'How many members viewed it. Kept by trigger.';
comment on column public.posts.computed_at is 'When the vector of its text was last written; null while it has none. Kept by trigger.';
comment on column public.posts.created_at is 'When it was written.';
comment on column public.posts.search is 'Its words, for search and muted words: as they are, in lower case, of whatever language.';

create table public.likes (
  user_id uuid not null default auth.uid() references auth.users (id) on delete cascade,
  post_id uuid not null references public.posts (id) on delete cascade,
  created_at timestamptz not null default now(),
  primary key (post_id, user_id)
);
create index likes_user_idx on public.likes (user_id, created_at desc);

comment on table public.likes is 'Who likes which post. Adding one is a like, removing it takes the like back.';
comment on column public.likes.user_id is 'The member.';
comment on column public.likes.post_id is 'The post.';
comment on column public.likes.created_at is 'Since when.';

create table public.reposts (
  user_id uuid not null default auth.uid() references auth.users (id) on delete cascade,
  post_id uuid not null references public.posts (id) on delete cascade,
  created_at timestamptz not null default now(),
  primary key (post_id, user_id)
);
create index reposts_user_idx on public.reposts (user_id, created_at desc, post_id desc);

comment on table public.reposts is
  'Who passed which post on unchanged. It names the post itself, so a repost cannot be reposted; who sees the post sees it.';
comment on column public.reposts.user_id is 'The member.';
comment on column public.reposts.post_id is 'The post.';
comment on column public.reposts.created_at is 'Since when.';

create table public.post_views (
  user_id uuid not null default auth.uid() references auth.users (id) on delete cascade,
  post_id uuid not null references public.posts (id) on delete cascade,
  created_at timestamptz not null default now(),
  primary key (post_id, user_id)
);
create index post_views_user_idx on public.post_views (user_id, created_at desc);

comment on table public.post_views is 'Who viewed which post, once a member; view_posts writes many.';
comment on column public.post_views.user_id is 'The member.';
comment on column public.post_views.post_id is 'The post.';
comment on column public.post_views.created_at is 'When first.';

create table public.muted_words (
  user_id uuid not null default auth.uid() references auth.users (id) on delete cascade,
  word text not null check (length(word) between 1 and 100),
  query tsquery not null generated always as (phraseto_tsquery('simple', lower(word))) stored,
  created_at timestamptz not null default now(),
  primary key (user_id, word),
  -- Signs alone would mute nothing.
  constraint muted_words_has_a_word check (numnode(phraseto_tsquery('simple', lower(word))) > 0)
);

comment on table public.muted_words is
  'Words and phrases that keep posts from a member''s lists: whole words, in any case; a hashtag is the word without its sign.';
comment on column public.muted_words.user_id is 'The member.';
comment on column public.muted_words.word is 'The word, or several in a row.';
comment on column public.muted_words.query is 'What is asked of posts.search.';
comment on column public.muted_words.created_at is 'Since when.';

create table medley.report_reasons (
  reason text primary key check (reason ~ '^[a-z][a-z0-9_]{1,39}$'),
  description text not null
);

comment on table medley.report_reasons is 'What a post can be reported for: data, so an app may add its own.';
comment on column medley.report_reasons.reason is 'Name of the reason.';
comment on column medley.report_reasons.description is 'What it means.';

insert into medley.report_reasons (reason, description)
values
  ('spam', 'Advertising, or the same thing again and again.'),
  ('abuse', 'Insults, threats or harassment.'),
  ('hate', 'Hatred of a group of people.'),
  ('violence', 'Violence, or a call for it.'),
  ('sexual', 'Sexual content that does not belong there.'),
  ('misinformation', 'Untrue, and meant to mislead.'),
  ('self_harm', 'Somebody may hurt themselves.'),
  ('illegal', 'Against the law.'),
  ('other', 'Something else; the note says what.');

create table public.post_reports (
  user_id uuid not null default auth.uid() references auth.users (id) on delete cascade,
  post_id uuid not null references public.posts (id) on delete cascade,
  reason text not null references medley.report_reasons (reason),
  note text check (length(note) <= 2000),
  created_at timestamptz not null default now(),
  primary key (post_id, user_id)
);
create index post_reports_user_idx on public.post_reports (user_id, created_at desc);
create index post_reports_reason_idx on public.post_reports (reason);

comment on table public.post_reports is 'Posts that members reported; whoever reported a post does not meet it again. Written by report_post.';
comment on column public.post_reports.user_id is 'The member.';
comment on column public.post_reports.post_id is 'The post.';
comment on column public.post_reports.reason is 'Why, one of medley.report_reasons.';
comment on column public.post_reports.note is 'In the member''s own words.';
comment on column public.post_reports.created_at is 'When.';

insert into medley.settings (key, value, description)
values
  ('social.max_muted_words', 500, 'How many words a member may mute, 1 to 5000.'),
  ('social.max_ancestors', 100, 'How many posts above the one that is asked for a thread shows, 1 to 1000.'),
  ('social.search_candidates', 1000, 'How many of the newest posts that match a search are ranked, 100 to 100000.');
