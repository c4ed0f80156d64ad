-- Made from sql/packs/social by `make migrations`; edit that, not this.

-- sql/packs/social/tables.sql
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

-- sql/packs/social/posts.sql
-- What keeps posts true: what a new one may say and reply to, registration, and counters.
-- Every statement counts what it changed, post by post in the order of ids, so counts are exact and nobody deadlocks.
-- No trigger runs before an update: counters would then compute the generated column anew with every like.
create or replace function medley.extract_hashtags(p_content text)
returns text[]
language sql immutable parallel safe security invoker set search_path = ''
as $$
  select coalesce(array_agg(f.tag order by f.place), '{}')
  from (
    select lower(m.match[1]) as tag, min(m.place) as place
    -- Signs that are written above, below or between letters are no letters to \w: those of Latin, Arabic, India and
    -- Thailand, and the joiners.
    from regexp_matches(
      p_content,
      '(?:^|[^\w&/#])#(?=\d*[^\W\d])([\w\u0300-\u036f\u064b-\u0652\u0900-\u0963\u0966-\u0dff\u0e31-\u0e4e\u200c\u200d]{1,100})'
      '(?![\w\u0300-\u036f])',
      'g'
    ) with ordinality as m (match, place)
    group by lower(m.match[1])
    order by place
    limit 30
  ) as f
$$;

comment on function medley.extract_hashtags(text) is
  'The first 30 hashtags in a text, each once, in lower case and without the sign: letters, digits and underscores, not '
  'digits alone, up to 100 of them, after anything but a word, a slash or an ampersand.';
revoke all on function medley.extract_hashtags(text) from public, anon, authenticated, service_role;

create or replace function medley.is_blank(p_text text)
returns boolean
language sql immutable parallel safe security invoker
-- A soft hyphen, joiners, marks of direction and the byte order mark show nothing.
return p_text !~ '[^\s\u00ad\u200b-\u200f\u2060-\u2064\ufeff]';

comment on function medley.is_blank(text) is 'Whether a text shows nothing: spaces and characters without width.';
revoke all on function medley.is_blank(text) from public, anon, authenticated, service_role;

create or replace function medley.check_post_media(p_media jsonb)
returns void
language plpgsql stable parallel safe security invoker set search_path = ''
as $$
begin
  if p_media is null or jsonb_typeof(p_media) <> 'array' then
    perform medley.fail('invalid_argument', 'media must be an array of objects', 'media', 'Pass [{"type", "url"}, ...].');
  end if;
  if jsonb_array_length(p_media) > 10 or octet_length(p_media::text) > 16384 then
    perform medley.fail('too_large', 'media hold more than 10 entries or 16 kB', 'media', 'Attach less, or several posts.');
  end if;
  if exists (
    select from jsonb_array_elements(p_media) as m (entry)
    where (
        jsonb_typeof(m.entry) = 'object'
        and m.entry ->> 'type' in ('image', 'video', 'audio', 'link')
        and jsonb_typeof(m.entry -> 'url') = 'string'
        and m.entry ->> 'url' ~ '^https?://\S+$'
        and length(m.entry ->> 'url') <= 2000
      ) is not true
  ) then
    perform medley.fail('invalid_argument', 'an entry of media is malformed', 'media',
      'Each is {"type": "image|video|audio|link", "url": "https://..."} with an address of up to 2,000 characters.');
  end if;
end;
$$;

comment on function medley.check_post_media(jsonb) is
  'Refuses media that are not up to 10 objects with a type and an address. Errors: invalid_argument, too_large.';
revoke all on function medley.check_post_media(jsonb) from public, anon, authenticated, service_role;

create or replace function medley.prepare_post()
returns trigger
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
begin
  if length(new.content) > 10000 then
    perform medley.fail('too_large', format('a post has up to 10,000 characters, this one %s', length(new.content)),
      'content', 'Say it in several posts.');
  end if;
  perform medley.check_post_media(new.media);
  if medley.is_blank(new.content) and new.media = '[]' and new.quoted_id is null then
    perform medley.fail('invalid_argument', 'the post says nothing', 'content', 'Write something, attach media or quote a post.');
  end if;

  -- Whether the author may see the other posts is asked after the statement, when all its rows are there.
  if new.quoted_id is not null and not exists (select from public.posts as p where p.id = new.quoted_id) then
    perform medley.fail_unseen_post(new.quoted_id, 'quoted_id');
  end if;
  new.conversation_id := new.id;
  if new.parent_id is not null then
    select p.conversation_id into new.conversation_id
    from public.posts as p
    where p.id = new.parent_id;
    if not found then
      perform medley.fail_unseen_post(new.parent_id, 'parent_id');
    end if;
  end if;
  new.hashtags := medley.extract_hashtags(new.content);
  new.like_count := 0;
  new.reply_count := 0;
  new.repost_count := 0;
  new.quote_count := 0;
  new.view_count := 0;
  new.computed_at := null;
  return new;
end;
$$;

comment on function medley.prepare_post() is
  'Row trigger on posts: what a new post may say, and the columns that follow from it. '
  'Errors: invalid_argument, too_large, not_found (the parent, the quoted post).';
revoke all on function medley.prepare_post() from public, anon, authenticated, service_role;

create or replace function medley.fail_unseen_post(p_post_id uuid, p_argument text)
returns void
language plpgsql stable parallel safe security definer set search_path = ''
as $$
begin
  perform medley.fail('not_found', format('no post %s', p_post_id), p_argument, 'Pass the id of a post that you see.');
end;
$$;

comment on function medley.fail_unseen_post(uuid, text) is
  'Says that there is no such post: the same whether it does not exist or may not be seen. Errors: not_found.';
revoke all on function medley.fail_unseen_post(uuid, text) from public, anon, authenticated, service_role;

create or replace function medley.register_posts()
returns trigger
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_registered bigint;
  v_post_id uuid;
  v_argument text;
begin
  insert into medley.items (id, kind, title, owner_id, visibility, published_at)
  select
    n.id,
    'post',
    case
      when not medley.is_blank(n.content) then left(n.content, 1000)
      when n.quoted_id is null then '(media)'
      else '(quote)'
    end,
    n.author_id,
    n.visibility,
    n.created_at
  from new_rows as n
  on conflict (id) do nothing;
  get diagnostics v_registered = row_count;
  if v_registered < (select count(*) from new_rows) then
    perform medley.fail('conflict', 'an id is already registered', 'id', 'Choose a new id, or leave it out.');
  end if;

  select r.post_id, r.argument into v_post_id, v_argument
  from new_rows as n
  cross join lateral (values (n.parent_id, 'parent_id'), (n.quoted_id, 'quoted_id')) as r (post_id, argument)
  where r.post_id is not null and not medley.visible_to(n.author_id, r.post_id)
  limit 1;
  if found then
    perform medley.fail_unseen_post(v_post_id, v_argument);
  end if;
  return null;
end;
$$;

comment on function medley.register_posts() is
  'Statement trigger on posts with transition table new_rows: registers new posts, and refuses a reply to or a quote of what '
  'its author may not see. Errors: conflict (the id is taken), not_found.';
revoke all on function medley.register_posts() from public, anon, authenticated, service_role;

create or replace function medley.follow_post_visibility()
returns trigger
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
begin
  update medley.items as i
  set visibility = new.visibility
  where i.id = new.id;
  return null;
end;
$$;

comment on function medley.follow_post_visibility() is 'Row trigger on posts: the registry follows who may see a post.';
revoke all on function medley.follow_post_visibility() from public, anon, authenticated, service_role;

create or replace function medley.refuse_post_change()
returns trigger
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
begin
  perform medley.fail('conflict', format('post %s cannot be changed', new.id), null,
    'Only who sees it and its language may change; delete it and write another.');
  return null;
end;
$$;

comment on function medley.refuse_post_change() is
  'Row trigger on posts: what a post says, and what it belongs to, never changes. Errors: conflict.';
revoke all on function medley.refuse_post_change() from public, anon, authenticated, service_role;

create or replace function medley.refuse_post_action_change()
returns trigger
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
begin
  perform medley.fail('conflict', 'a like, repost or view stays with its member and post', null,
    'Delete it and insert another.');
  return null;
end;
$$;

comment on function medley.refuse_post_action_change() is
  'Row trigger on likes, reposts and post_views: counters, the log and timelines follow inserts and deletes only. An upsert of '
  'what exists changes nothing, and passes. Errors: conflict.';
revoke all on function medley.refuse_post_action_change() from public, anon, authenticated, service_role;

create or replace function medley.count_replies()
returns trigger
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_sign int := case tg_op when 'INSERT' then 1 else -1 end;
begin
  if not exists (select from changed_rows as c where c.parent_id is not null or c.quoted_id is not null) then
    return null;
  end if;
  perform
  from public.posts as p
  where p.id in (
    select c.parent_id from changed_rows as c where c.parent_id is not null
    union all
    select c.quoted_id from changed_rows as c where c.quoted_id is not null
  )
  order by p.id
  for no key update;

  update public.posts as p
  set reply_count = p.reply_count + v_sign * n.replies, quote_count = p.quote_count + v_sign * n.quotes
  from (
    select r.post_id, sum(r.replies)::int as replies, sum(r.quotes)::int as quotes
    from changed_rows as c
    cross join lateral (values (c.parent_id, 1, 0), (c.quoted_id, 0, 1)) as r (post_id, replies, quotes)
    where r.post_id is not null
    group by r.post_id
  ) as n
  where p.id = n.post_id;
  return null;
end;
$$;

comment on function medley.count_replies() is
  'Statement trigger on posts with transition table changed_rows: reply_count and quote_count of other posts follow.';
revoke all on function medley.count_replies() from public, anon, authenticated, service_role;

create or replace function medley.count_post_actions()
returns trigger
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_sign int := case tg_op when 'INSERT' then 1 else -1 end;
begin
  perform
  from public.posts as p
  where p.id in (select c.post_id from changed_rows as c)
  order by p.id
  for no key update;

  update public.posts as p
  set
    like_count = p.like_count + case tg_table_name when 'likes' then n.actions else 0 end,
    repost_count = p.repost_count + case tg_table_name when 'reposts' then n.actions else 0 end,
    view_count = p.view_count + case tg_table_name when 'post_views' then n.actions else 0 end
  from (select c.post_id, v_sign * count(*)::int as actions from changed_rows as c group by c.post_id) as n
  where p.id = n.post_id;
  return null;
end;
$$;

comment on function medley.count_post_actions() is
  'Statement trigger on likes, reposts and post_views with transition table changed_rows: the counter of the table follows.';
revoke all on function medley.count_post_actions() from public, anon, authenticated, service_role;

create or replace function medley.lock_posts_of_member()
returns trigger
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
begin
  perform
  from public.posts as p
  where p.id in (
    select w.id from public.posts as w where w.author_id = old.user_id
    union
    select w.parent_id from public.posts as w where w.author_id = old.user_id
    union
    select w.quoted_id from public.posts as w where w.author_id = old.user_id
    union
    select l.post_id from public.likes as l where l.user_id = old.user_id
    union
    select r.post_id from public.reposts as r where r.user_id = old.user_id
    union
    select v.post_id from public.post_views as v where v.user_id = old.user_id
  )
  order by p.id
  for update;
  return old;
end;
$$;

comment on function medley.lock_posts_of_member() is
  'Row trigger on members: an account that goes first locks every post that its going deletes or counts anew, in the order '
  'in which everybody locks posts; one table after the other it would meet others who come the other way.';
revoke all on function medley.lock_posts_of_member() from public, anon, authenticated, service_role;

create or replace function medley.limit_muted_words()
returns trigger
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_limit int := medley.setting('social.max_muted_words');
begin
  if exists (
    select from public.muted_words as w
    where w.user_id in (select n.user_id from new_rows as n)
    group by w.user_id
    having count(*) > v_limit
  ) then
    perform medley.fail('too_large', format('a member mutes at most %s words', v_limit), 'word',
      'Take words off the list first; nothing was added.');
  end if;
  return null;
end;
$$;

comment on function medley.limit_muted_words() is
  'Statement trigger on muted_words with transition table new_rows: a list keeps to social.max_muted_words. Errors: too_large.';
revoke all on function medley.limit_muted_words() from public, anon, authenticated, service_role;

create trigger posts_prepare
before insert on public.posts
for each row execute function medley.prepare_post();
create trigger posts_1_register_insert
after insert on public.posts referencing new table as new_rows
for each statement execute function medley.register_posts();
create trigger posts_1_register_update
after update of visibility on public.posts
for each row when (old.visibility <> new.visibility) execute function medley.follow_post_visibility();
create trigger posts_1_unregister
after delete on public.posts referencing old table as old_rows
for each statement execute function medley.unregister_catalogue_rows();
-- A parent or a quoted post that is deleted leaves null behind; nothing else moves.
create trigger posts_1_unchanged
after update on public.posts
for each row when (
  (old.id, old.author_id, old.content, old.conversation_id, old.media, old.hashtags, old.created_at)
  is distinct from (new.id, new.author_id, new.content, new.conversation_id, new.media, new.hashtags, new.created_at)
  or new.parent_id is not null and old.parent_id is distinct from new.parent_id
  or new.quoted_id is not null and old.quoted_id is distinct from new.quoted_id
)
execute function medley.refuse_post_change();

create trigger posts_3_count_insert
after insert on public.posts referencing new table as changed_rows
for each statement execute function medley.count_replies();
create trigger posts_3_count_delete
after delete on public.posts referencing old table as changed_rows
for each statement execute function medley.count_replies();

create trigger likes_0_stay
before update on public.likes
for each row when (old.user_id <> new.user_id or old.post_id <> new.post_id)
execute function medley.refuse_post_action_change();
create trigger reposts_0_stay
before update on public.reposts
for each row when (old.user_id <> new.user_id or old.post_id <> new.post_id)
execute function medley.refuse_post_action_change();
create trigger post_views_0_stay
before update on public.post_views
for each row when (old.user_id <> new.user_id or old.post_id <> new.post_id)
execute function medley.refuse_post_action_change();

create trigger likes_1_count_insert
after insert on public.likes referencing new table as changed_rows
for each statement execute function medley.count_post_actions();
create trigger likes_1_count_delete
after delete on public.likes referencing old table as changed_rows
for each statement execute function medley.count_post_actions();
create trigger reposts_1_count_insert
after insert on public.reposts referencing new table as changed_rows
for each statement execute function medley.count_post_actions();
create trigger reposts_1_count_delete
after delete on public.reposts referencing old table as changed_rows
for each statement execute function medley.count_post_actions();
create trigger post_views_1_count_insert
after insert on public.post_views referencing new table as changed_rows
for each statement execute function medley.count_post_actions();
create trigger post_views_1_count_delete
after delete on public.post_views referencing old table as changed_rows
for each statement execute function medley.count_post_actions();

-- The number goes before the posts: its table refers to accounts for longer. A trigger after the fact runs at the end.
create trigger members_lock_posts
before delete on medley.members
for each row execute function medley.lock_posts_of_member();

create trigger muted_words_limit
after insert on public.muted_words referencing new table as new_rows
for each statement execute function medley.limit_muted_words();

-- sql/packs/social/features.sql
-- What the engine knows of posts: who wrote them, their hashtags and their language; and whose text has a vector.
insert into medley.feature_types (feature_type, weight, is_creator, description)
values
  -- The dictionary never forgets: an account that goes must not live on in it.
  ('author', 2, true, 'The member who wrote it, by a digest of the id.'),
  ('hashtag', 1, false, 'A hashtag of the post, in lower case and without the sign.'),
  ('language', 0.3, false, 'Original language.')
on conflict (feature_type) do nothing;

-- No SET: it inlines into the queries of definer functions, which alone may run it.
create or replace function medley.post_feature_rows(p_post_ids uuid[])
returns table (post_id uuid, feature_type text, feature_value text)
language sql stable parallel safe security invoker
begin atomic
  select p.id, f.feature_type, f.feature_value
  from unnest(p_post_ids) as w (id)
  inner join public.posts as p on p.id = w.id
  cross join lateral (
    select 'author' as feature_type, md5(p.author_id::text)::uuid::text as feature_value
    union all
    select 'language', lower(split_part(p.language, '-', 1))
    union all
    select 'hashtag', h.tag
    from unnest(p.hashtags) as h (tag)
  ) as f
  where f.feature_value is not null;
end;

comment on function medley.post_feature_rows(uuid[]) is 'The features of these posts: author, language and hashtags.';
revoke all on function medley.post_feature_rows(uuid[]) from public, anon, authenticated, service_role;

-- One post or ten thousand: each call is planned for its own array.
create or replace function medley.refresh_post_features(p_post_ids uuid[])
returns bigint
language plpgsql volatile parallel unsafe security definer
set search_path = '' set plan_cache_mode = force_custom_plan
as $$
declare
  v_posts uuid[];
  v_types text[];
  v_values text[];
begin
  select array_agg(r.post_id), array_agg(r.feature_type), array_agg(r.feature_value)
  into v_posts, v_types, v_values
  from medley.post_feature_rows(p_post_ids) as r;
  return medley.replace_item_features(
    'social', p_post_ids, coalesce(v_posts, '{}'), coalesce(v_types, '{}'), coalesce(v_values, '{}')
  );
end;
$$;

comment on function medley.refresh_post_features(uuid[]) is
  'Makes the features of these posts equal to what the posts say. Returns what replace_item_features returns.';
revoke all on function medley.refresh_post_features(uuid[]) from public, anon, authenticated, service_role;

create or replace function medley.follow_posts()
returns trigger
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
begin
  perform medley.refresh_post_features(array(select n.id from new_rows as n));
  return null;
end;
$$;

comment on function medley.follow_posts() is
  'Statement trigger on posts with transition table new_rows: the features of new posts follow.';
revoke all on function medley.follow_posts() from public, anon, authenticated, service_role;

create or replace function medley.follow_post_language()
returns trigger
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
begin
  perform medley.refresh_post_features(array[new.id]);
  return null;
end;
$$;

comment on function medley.follow_post_language() is 'Row trigger on posts: the features of a post follow its language.';
revoke all on function medley.follow_post_language() from public, anon, authenticated, service_role;

create or replace function medley.follow_text_vectors()
returns trigger
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
begin
  if not exists (select from new_rows as n where n.embedding_type = 'text') then
    return null;
  end if;
  perform
  from public.posts as p
  where p.id in (
    select i.id
    from new_rows as n
    inner join medley.items as i on i.item_no = n.item_no
    where n.embedding_type = 'text' and i.kind = 'post'
  )
  order by p.id
  for no key update;

  update public.posts as p
  set computed_at = e.created_at
  from (
    select i.id, max(n.created_at) as created_at
    from new_rows as n
    inner join medley.items as i on i.item_no = n.item_no
    where n.embedding_type = 'text' and i.kind = 'post'
    group by i.id
  ) as e
  where p.id = e.id;
  return null;
end;
$$;

comment on function medley.follow_text_vectors() is
  'Statement trigger on content_embeddings with transition table new_rows: computed_at of posts follows vectors of type text.';
revoke all on function medley.follow_text_vectors() from public, anon, authenticated, service_role;

-- Before the counters: the dictionary of features is locked before the rows of other posts.
create trigger posts_2_features_insert
after insert on public.posts referencing new table as new_rows
for each statement execute function medley.follow_posts();
create trigger posts_2_features_update
after update of language on public.posts
for each row when (old.language is distinct from new.language) execute function medley.follow_post_language();
create trigger content_embeddings_social_insert
after insert on medley.content_embeddings referencing new table as new_rows
for each statement execute function medley.follow_text_vectors();
create trigger content_embeddings_social_update
after update on medley.content_embeddings referencing new table as new_rows
for each statement execute function medley.follow_text_vectors();

-- sql/packs/social/engagements.sql
-- What members do with posts speaks to the log of engagements, in the same transaction. Nobody engages with posts of
-- their own: that would teach the engine nothing but that they are there.
insert into medley.engagement_kinds
  (kind, weight, half_life_days, polarity, engagement, marks_seen, value_rule, social_signal, description)
values
  ('unlike', -2, 30, 0, 0.2, false, 'none', null, 'No longer liked: takes back what the like was worth.'),
  ('unrepost', -2, 30, 0, 0.2, false, 'none', null, 'No longer passed on: takes back what the repost was worth.'),
  ('copy_link', 2.5, 30, 1, 0.9, true, 'none', 'shared', 'Its address was copied, to be passed on.'),
  ('send', 2.5, 30, 1, 0.9, true, 'none', null, 'Sent to somebody by message.'),
  ('follow_author', 3, 365, 1, 0.9, true, 'none', null, 'Its author was followed because of it.'),
  ('open_link', 0.4, 30, 1, 0.3, false, 'none', null, 'A link in it was opened.'),
  ('open_media', 0.4, 30, 1, 0.3, false, 'none', null, 'A picture, video or sound in it was opened.')
on conflict (kind) do nothing;

create or replace function medley.log_post_actions()
returns trigger
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_kind text := case tg_op when 'INSERT' then tg_argv[0] else tg_argv[1] end;
  -- The clock and not the transaction's time: a like, its end and another like are three events. Read once: what one
  -- statement does happens at one moment, in whatever order its rows are read.
  v_now timestamptz := clock_timestamp();
  v_events jsonb;
begin
  for v_events in
    -- What a loader brings in happened when its row says.
    select jsonb_agg(jsonb_build_object(
      'user_id', a.user_id,
      'item_id', a.post_id,
      'kind', v_kind,
      'occurred_at', case when tg_op = 'INSERT' and a.created_at < now() then a.created_at else v_now end
    ))
    from (
      select c.user_id, c.post_id, c.created_at, (row_number() over () - 1) / 10000 as chunk
      from changed_rows as c
      -- What goes with an account or a post was not taken back.
      inner join auth.users as u on u.id = c.user_id
      inner join public.posts as p on p.id = c.post_id
      where p.author_id <> c.user_id
    ) as a
    group by a.chunk
    order by a.chunk
  loop
    perform from medley.write_engagements(null, v_events, '-infinity', clock_timestamp());
  end loop;
  return null;
end;
$$;

comment on function medley.log_post_actions() is
  'Statement trigger on likes, reposts and post_views with transition table changed_rows. Arguments: the kinds of engagement '
  'that adding a row and taking it away are.';
revoke all on function medley.log_post_actions() from public, anon, authenticated, service_role;

create or replace function medley.log_answers()
returns trigger
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_events jsonb;
begin
  for v_events in
    select jsonb_agg(jsonb_build_object(
      'user_id', a.author_id,
      'item_id', a.post_id,
      'kind', a.kind,
      'occurred_at', case when a.created_at < now() then a.created_at else clock_timestamp() end
    ))
    from (
      select n.author_id, n.created_at, r.post_id, r.kind, (row_number() over () - 1) / 10000 as chunk
      from new_rows as n
      cross join lateral (values (n.parent_id, 'reply'), (n.quoted_id, 'quote')) as r (post_id, kind)
      inner join public.posts as p on p.id = r.post_id
      where p.author_id <> n.author_id
    ) as a
    group by a.chunk
    order by a.chunk
  loop
    perform from medley.write_engagements(null, v_events, '-infinity', clock_timestamp());
  end loop;
  return null;
end;
$$;

comment on function medley.log_answers() is
  'Statement trigger on posts with transition table new_rows: a reply and a quote are engagements with the other post.';
revoke all on function medley.log_answers() from public, anon, authenticated, service_role;

create trigger posts_5_engagements_insert
after insert on public.posts referencing new table as new_rows
for each statement execute function medley.log_answers();
create trigger likes_5_engagements_insert
after insert on public.likes referencing new table as changed_rows
for each statement execute function medley.log_post_actions('like', 'unlike');
create trigger likes_5_engagements_delete
after delete on public.likes referencing old table as changed_rows
for each statement execute function medley.log_post_actions('like', 'unlike');
create trigger reposts_5_engagements_insert
after insert on public.reposts referencing new table as changed_rows
for each statement execute function medley.log_post_actions('repost', 'unrepost');
create trigger reposts_5_engagements_delete
after delete on public.reposts referencing old table as changed_rows
for each statement execute function medley.log_post_actions('repost', 'unrepost');
create trigger post_views_5_engagements_insert
after insert on public.post_views referencing new table as changed_rows
for each statement execute function medley.log_post_actions('view', '');

create or replace function medley.open_post(p_post_id uuid, p_user_id uuid)
returns uuid
language plpgsql stable parallel safe security definer set search_path = ''
as $$
declare
  v_author_id uuid := (
    select p.author_id
    from public.posts as p
    where p.id = p_post_id and medley.visible_to(p_user_id, p.id)
  );
begin
  if v_author_id is null then
    perform medley.fail_unseen_post(p_post_id, 'p_post_id');
  end if;
  return v_author_id;
end;
$$;

comment on function medley.open_post(uuid, uuid) is 'The author of a post that the member sees. Errors: not_found.';
revoke all on function medley.open_post(uuid, uuid) from public, anon, authenticated, service_role;

create or replace function medley.open_others_post(p_post_id uuid, p_user_id uuid)
returns uuid
language plpgsql stable parallel safe security definer set search_path = ''
as $$
declare
  v_author_id uuid := medley.open_post(p_post_id, p_user_id);
begin
  if v_author_id = p_user_id then
    perform medley.fail('invalid_argument', format('post %s is the member''s own', p_post_id), 'p_post_id',
      'Pass the id of somebody else''s post.');
  end if;
  return v_author_id;
end;
$$;

comment on function medley.open_others_post(uuid, uuid) is
  'The author of a post that the member sees and did not write. Errors: not_found, invalid_argument.';
revoke all on function medley.open_others_post(uuid, uuid) from public, anon, authenticated, service_role;

create or replace function medley.log_post_event(p_user_id uuid, p_post_id uuid, p_kind text, p_as_of timestamptz)
returns void
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
begin
  perform
  from medley.write_engagements(
    p_user_id,
    jsonb_build_array(jsonb_build_object('item_id', p_post_id, 'kind', p_kind, 'occurred_at', p_as_of)),
    '-infinity',
    p_as_of
  );
end;
$$;

comment on function medley.log_post_event(uuid, uuid, text, timestamptz) is 'Logs one engagement of a member with a post.';
revoke all on function medley.log_post_event(uuid, uuid, text, timestamptz)
from public, anon, authenticated, service_role;

create or replace function medley.act_on_author(p_post_id uuid, p_kind text, p_user_id uuid, p_as_of timestamptz)
returns uuid
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_user_id uuid := medley.acting_user(p_user_id);
  v_author_id uuid := medley.open_others_post(p_post_id, v_user_id);
begin
  -- Before the block, after which the member does not see the post.
  perform medley.log_post_event(v_user_id, p_post_id, p_kind, p_as_of);
  if p_kind = 'block_author' then
    insert into public.user_blocks (user_id, blocked_id) values (v_user_id, v_author_id) on conflict do nothing;
  elsif p_kind = 'mute_author' then
    insert into public.user_mutes (user_id, muted_id) values (v_user_id, v_author_id) on conflict do nothing;
  else
    insert into public.follows (follower_id, followed_id) values (v_user_id, v_author_id) on conflict do nothing;
  end if;
  return v_author_id;
end;
$$;

comment on function medley.act_on_author(uuid, text, uuid, timestamptz) is
  'Blocks, mutes or follows the author of a post and logs it as an engagement of p_kind (block_author, mute_author, '
  'follow_author) with the post. Returns the author. Errors: those of acting_user, not_found, invalid_argument.';
revoke all on function medley.act_on_author(uuid, text, uuid, timestamptz)
from public, anon, authenticated, service_role;
grant execute on function medley.act_on_author(uuid, text, uuid, timestamptz) to authenticated, service_role;

create or replace function medley.report_post(
  p_post_id uuid,
  p_reason text,
  p_note text,
  p_user_id uuid,
  p_as_of timestamptz
)
returns text
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_user_id uuid := medley.acting_user(p_user_id);
begin
  perform medley.open_others_post(p_post_id, v_user_id);
  if not exists (select from medley.report_reasons as r where r.reason = p_reason) then
    perform medley.fail('invalid_argument', format('there is no reason %s', coalesce(left(p_reason, 100), 'null')),
      'p_reason',
      format('Pass %s.', (select string_agg(r.reason, ', ' order by r.reason) from medley.report_reasons as r)));
  end if;
  if length(p_note) > 2000 then
    perform medley.fail('too_large', format('p_note has %s characters', length(p_note)), 'p_note',
      'Say it in at most 2,000 characters.');
  end if;

  insert into public.post_reports (user_id, post_id, reason, note, created_at)
  values (v_user_id, p_post_id, p_reason, p_note, p_as_of)
  on conflict do nothing;
  if not found then
    return 'duplicate';
  end if;
  perform medley.log_post_event(v_user_id, p_post_id, 'report', p_as_of);
  return 'accepted';
end;
$$;

comment on function medley.report_post(uuid, text, text, uuid, timestamptz) is
  'public.report_post at the moment p_as_of. Errors: those of acting_user, not_found, invalid_argument, too_large.';
revoke all on function medley.report_post(uuid, text, text, uuid, timestamptz)
from public, anon, authenticated, service_role;
grant execute on function medley.report_post(uuid, text, text, uuid, timestamptz) to authenticated, service_role;

create or replace function medley.view_posts(p_post_ids uuid[], p_user_id uuid, p_as_of timestamptz)
returns int
language plpgsql volatile parallel unsafe security definer set search_path = '' set plan_cache_mode = force_custom_plan
as $$
declare
  v_user_id uuid := medley.acting_user(p_user_id);
  v_post_ids uuid[];
  v_viewed int;
begin
  if p_post_ids is null then
    perform medley.fail('invalid_argument', 'p_post_ids is missing', 'p_post_ids', 'Pass the ids of the posts in view.');
  end if;
  if cardinality(p_post_ids) > 1000 then
    perform medley.fail('too_large', format('p_post_ids holds %s ids', cardinality(p_post_ids)), 'p_post_ids',
      'Pass at most 1,000 ids a call.');
  end if;

  -- A post that goes meanwhile is passed over; the others stay until this is done.
  v_post_ids := array(
    select p.id
    from public.posts as p
    where p.id in (select v.id from unnest(p_post_ids) as v (id)) and medley.visible_to(v_user_id, p.id)
    order by p.id
    for no key update
  );
  insert into public.post_views (user_id, post_id, created_at)
  select v_user_id, v.id, p_as_of
  from unnest(v_post_ids) as v (id)
  on conflict do nothing;
  get diagnostics v_viewed = row_count;
  return v_viewed;
end;
$$;

comment on function medley.view_posts(uuid[], uuid, timestamptz) is
  'public.view_posts at the moment p_as_of. Errors: those of acting_user, invalid_argument, too_large.';
revoke all on function medley.view_posts(uuid[], uuid, timestamptz) from public, anon, authenticated, service_role;
grant execute on function medley.view_posts(uuid[], uuid, timestamptz) to authenticated, service_role;

-- sql/packs/social/reads.sql
-- Reading posts: whom a reader meets, what a page shows, threads, profiles and search.
-- Every list is read through a reader: who asks, and what that member does not want to meet, gathered once a call.
create type medley.post_reader as (user_id uuid, hidden uuid[], avoided uuid[], reported uuid[], muted tsquery);
comment on type medley.post_reader is
  'Who reads posts (user_id null: nobody is signed in). hidden: members blocked in either direction; avoided: those and muted '
  'ones; reported: posts that the reader reported; muted: one query for all muted words, null for none.';

create or replace function medley.post_reader(p_user_id uuid)
returns medley.post_reader
language plpgsql stable parallel safe security definer
set search_path = '' set plan_cache_mode = force_generic_plan
as $$
declare
  v medley.post_reader := (p_user_id, '{}', '{}', '{}', null);
begin
  if p_user_id is null then
    return v;
  end if;
  select a.blocked, a.blocked || a.muted into v.hidden, v.avoided
  from medley.avoided_members(p_user_id) as a;
  v.reported := array(select r.post_id from public.post_reports as r where r.user_id = p_user_id);
  -- There is no aggregate of queries; their text reads back as the same query.
  v.muted := (
    select string_agg('(' || w.query::text || ')', ' | ') from public.muted_words as w where w.user_id = p_user_id
  )::tsquery;
  return v;
end;
$$;

comment on function medley.post_reader(uuid) is 'What a member (null: nobody is signed in) does not want to meet among posts.';
revoke all on function medley.post_reader(uuid) from public, anon, authenticated, service_role;

-- No SET: it inlines into the queries of definer functions, which alone may run it.
create or replace function medley.lists_post(
  p_reader medley.post_reader,
  p_post_id uuid,
  p_author_id uuid,
  p_visibility text,
  p_search tsvector
)
returns boolean
language sql stable parallel safe security invoker
return p_author_id = (p_reader).user_id
  or p_author_id <> all((p_reader).avoided)
  and p_post_id <> all((p_reader).reported)
  and (p_search @@ (p_reader).muted) is not true
  and (p_visibility = 'public' or medley.may_list((p_reader).user_id, p_post_id, p_author_id));

comment on function medley.lists_post(medley.post_reader, uuid, uuid, text, tsvector) is
  'Whether a list for the reader may hold the post: one''s own always, others where may_list says so (asked where the post '
  'is not plainly public) and they are neither reported nor hold a muted word.';
revoke all on function medley.lists_post(medley.post_reader, uuid, uuid, text, tsvector)
from public, anon, authenticated, service_role;

-- Most readers block nobody and are blocked by nobody: then nothing is looked up. For others each call is planned for
-- its own arrays, whose sizes decide what is cheaper, the members' rows or the posts'.
create or replace function medley.hidden_counts(p_post_ids uuid[], p_hidden uuid[])
returns table (post_id uuid, likes int, replies int, reposts int, quotes int)
language plpgsql stable parallel safe security definer
set search_path = '' set plan_cache_mode = force_custom_plan
as $$
begin
  if cardinality(p_hidden) = 0 then
    return;
  end if;
  return query
  select
    d.post_id,
    (count(*) filter (where d.deed = 'like'))::int,
    (count(*) filter (where d.deed = 'reply'))::int,
    (count(*) filter (where d.deed = 'repost'))::int,
    (count(*) filter (where d.deed = 'quote'))::int
  from (
    select m.post_id, m.user_id, 'like' as deed
    from unnest(p_post_ids) as w (id)
    inner join public.likes as m on m.post_id = w.id
    union all
    select m.parent_id, m.author_id, 'reply'
    from unnest(p_post_ids) as w (id)
    inner join public.posts as m on m.parent_id = w.id
    union all
    select m.post_id, m.user_id, 'repost'
    from unnest(p_post_ids) as w (id)
    inner join public.reposts as m on m.post_id = w.id
    union all
    select m.quoted_id, m.author_id, 'quote'
    from unnest(p_post_ids) as w (id)
    inner join public.posts as m on m.quoted_id = w.id
  ) as d
  inner join unnest(p_hidden) as h (id) on h.id = d.user_id
  group by d.post_id;
end;
$$;

comment on function medley.hidden_counts(uuid[], uuid[]) is
  'What the members p_hidden did with these posts; no row for a post with which they did nothing.';
revoke all on function medley.hidden_counts(uuid[], uuid[]) from public, anon, authenticated, service_role;

create or replace function medley.show_posts(p_post_ids uuid[], p_reader medley.post_reader)
returns table (
  post_id uuid,
  author_id uuid,
  author_name text,
  content text,
  media jsonb,
  hashtags text[],
  language text,
  visibility text,
  parent_id uuid,
  conversation_id uuid,
  quoted_id uuid,
  like_count int,
  reply_count int,
  repost_count int,
  quote_count int,
  view_count int,
  liked boolean,
  reposted boolean,
  created_at timestamptz
)
language plpgsql stable parallel safe security definer
set search_path = '' set plan_cache_mode = force_generic_plan set enable_seqscan = off
as $$
declare
  v_user_id uuid := p_reader.user_id;
  v_hidden uuid[] := p_reader.hidden;
begin
  return query
  select
    p.id,
    p.author_id,
    case when f.public_profile or f.id = v_user_id then coalesce(f.display_name, f.username) end,
    p.content,
    p.media,
    p.hashtags,
    p.language,
    p.visibility,
    case
      when a.visibility = 'public' and a.owner_id <> all(v_hidden) then p.parent_id
      when p.parent_id is not null and medley.visible_to(v_user_id, p.parent_id) then p.parent_id
    end,
    p.conversation_id,
    case
      when q.visibility = 'public' and q.owner_id <> all(v_hidden) then p.quoted_id
      when p.quoted_id is not null and medley.visible_to(v_user_id, p.quoted_id) then p.quoted_id
    end,
    p.like_count - coalesce(h.likes, 0),
    p.reply_count - coalesce(h.replies, 0),
    p.repost_count - coalesce(h.reposts, 0),
    p.quote_count - coalesce(h.quotes, 0),
    p.view_count,
    exists (select from public.likes as m where m.post_id = p.id and m.user_id = v_user_id),
    exists (select from public.reposts as m where m.post_id = p.id and m.user_id = v_user_id),
    p.created_at
  from unnest(p_post_ids) as w (id)
  inner join public.posts as p on p.id = w.id
  left join public.profiles as f on f.id = p.author_id
  -- What is plainly public need not be asked about: visible_to is planned anew each time.
  left join medley.items as a on a.id = p.parent_id
  left join medley.items as q on q.id = p.quoted_id
  left join medley.hidden_counts(p_post_ids, v_hidden) as h on h.post_id = p.id;
end;
$$;

comment on function medley.show_posts(uuid[], medley.post_reader) is
  'What a page shows of these posts, in no order; callers have asked whether the reader may see them. Counts leave out what '
  'members did who are blocked in either direction; the parent and the quoted post are named where the reader sees them.';
revoke all on function medley.show_posts(uuid[], medley.post_reader) from public, anon, authenticated, service_role;

create type medley.post_position as (at timestamptz, id uuid);
comment on type medley.post_position is 'Where a page of posts begins: after the row of this time and id.';

create or replace function medley.post_position(p_cursor text, p_query text)
returns medley.post_position
language plpgsql stable parallel safe security definer set search_path = ''
as $$
declare
  v medley.post_position;
begin
  v := jsonb_populate_record(v, medley.decode_cursor(p_cursor, p_query));
  if p_cursor is not null and num_nulls(v.at, v.id) > 0 then
    perform medley.fail('invalid_cursor', 'the cursor is damaged', 'p_cursor', 'Start again without a cursor.');
  end if;
  return v;
exception
  when data_exception then
    perform medley.fail('invalid_cursor', 'the cursor is damaged', 'p_cursor', 'Start again without a cursor.');
    return null;
end;
$$;

comment on function medley.post_position(text, text) is
  'The position in a cursor of the query p_query; nulls for no cursor. Errors: invalid_cursor.';
revoke all on function medley.post_position(text, text) from public, anon, authenticated, service_role;

create or replace function medley.post_ancestors(p_post_id uuid, p_reader medley.post_reader)
returns table (post_id uuid, depth int)
language plpgsql stable parallel safe security definer
set search_path = '' set plan_cache_mode = force_generic_plan
as $$
begin
  return query
  with recursive line as (
    select p.parent_id as id, -1 as depth
    from public.posts as p
    where p.id = p_post_id
    union all
    select p.parent_id, l.depth - 1
    from line as l
    inner join public.posts as p on p.id = l.id
    where l.depth > -medley.setting('social.max_ancestors')
  )

  select p.id, l.depth
  from line as l
  inner join public.posts as p on p.id = l.id
  where medley.lists_post(p_reader, p.id, p.author_id, p.visibility, p.search);
end;
$$;

comment on function medley.post_ancestors(uuid, medley.post_reader) is
  'The posts above a post, -1 for its parent and so on up to social.max_ancestors. What the reader does not meet is left out; '
  'what lies above it is not.';
revoke all on function medley.post_ancestors(uuid, medley.post_reader) from public, anon, authenticated, service_role;

create or replace function medley.get_thread(p_post_id uuid, p_limit int, p_cursor text, p_user_id uuid)
returns table (
  depth int,
  post_id uuid,
  author_id uuid,
  author_name text,
  content text,
  media jsonb,
  hashtags text[],
  language text,
  visibility text,
  parent_id uuid,
  conversation_id uuid,
  quoted_id uuid,
  like_count int,
  reply_count int,
  repost_count int,
  quote_count int,
  view_count int,
  liked boolean,
  reposted boolean,
  created_at timestamptz,
  next_cursor text
)
language plpgsql stable parallel safe security definer
set search_path = '' set plan_cache_mode = force_generic_plan set enable_seqscan = off
as $$
declare
  -- Anybody may read what is public.
  v_user_id uuid := medley.reading_user(p_user_id);
  v_limit int := medley.check_limit(p_limit);
  v_query text := 'thread:' || p_post_id;
  v_after medley.post_position := medley.post_position(p_cursor, v_query);
  v_reader medley.post_reader := medley.post_reader(v_user_id);
  v_ids uuid[];
  v_depths int[];
  v_next text;
begin
  perform medley.open_post(p_post_id, v_user_id);

  select array_agg(r.id), array_agg(1)
  into v_ids, v_depths
  from (
    select p.id
    from public.posts as p
    where p.parent_id = p_post_id
      and (p.created_at, p.id) > (
        coalesce(v_after.at, '-infinity'), coalesce(v_after.id, '00000000-0000-0000-0000-000000000000')
      )
      and medley.lists_post(v_reader, p.id, p.author_id, p.visibility, p.search)
    order by p.created_at, p.id
    limit v_limit + 1
  ) as r;

  if cardinality(v_ids) > v_limit then
    v_ids := v_ids[:v_limit];
    v_depths := v_depths[:v_limit];
    select medley.encode_cursor(v_query, jsonb_build_object('at', p.created_at, 'id', p.id)) into v_next
    from public.posts as p
    where p.id = v_ids[v_limit];
  end if;
  -- The first page begins with what leads to the post, and the post.
  if p_cursor is null then
    select array_agg(a.post_id order by a.depth) || p_post_id || v_ids, array_agg(a.depth order by a.depth) || 0 || v_depths
    into v_ids, v_depths
    from medley.post_ancestors(p_post_id, v_reader) as a;
  end if;

  return query
  select
    t.depth,
    s.post_id,
    s.author_id,
    s.author_name,
    s.content,
    s.media,
    s.hashtags,
    s.language,
    s.visibility,
    s.parent_id,
    s.conversation_id,
    s.quoted_id,
    s.like_count,
    s.reply_count,
    s.repost_count,
    s.quote_count,
    s.view_count,
    s.liked,
    s.reposted,
    s.created_at,
    v_next
  from unnest(v_ids, v_depths) with ordinality as t (id, depth, place)
  inner join medley.show_posts(v_ids, v_reader) as s on s.post_id = t.id
  order by t.place;
end;
$$;

comment on function medley.get_thread(uuid, int, text, uuid) is
  'A post, what it answers, and its replies; see public.get_thread. '
  'Errors: those of acting_user, not_found, invalid_argument, invalid_cursor.';
revoke all on function medley.get_thread(uuid, int, text, uuid) from public, anon, authenticated, service_role;
grant execute on function medley.get_thread(uuid, int, text, uuid) to anon, authenticated, service_role;

create or replace function medley.get_profile_posts(
  p_author_id uuid,
  p_limit int,
  p_cursor text,
  p_include_replies boolean,
  p_user_id uuid
)
returns table (
  shown_at timestamptz,
  reposted_by uuid,
  post_id uuid,
  author_id uuid,
  author_name text,
  content text,
  media jsonb,
  hashtags text[],
  language text,
  visibility text,
  parent_id uuid,
  conversation_id uuid,
  quoted_id uuid,
  like_count int,
  reply_count int,
  repost_count int,
  quote_count int,
  view_count int,
  liked boolean,
  reposted boolean,
  created_at timestamptz,
  next_cursor text
)
language plpgsql stable parallel safe security definer
set search_path = '' set plan_cache_mode = force_generic_plan set enable_seqscan = off
as $$
declare
  -- Anybody may read what is public.
  v_user_id uuid := medley.reading_user(p_user_id);
  v_limit int := medley.check_limit(p_limit);
  v_query text := format('profile_posts:%s:%s', p_author_id, coalesce(p_include_replies, false));
  v_before medley.post_position := medley.post_position(p_cursor, v_query);
  v_at timestamptz := coalesce(v_before.at, 'infinity');
  v_id uuid := coalesce(v_before.id, 'ffffffff-ffff-ffff-ffff-ffffffffffff');
  v_reader medley.post_reader := medley.post_reader(v_user_id);
  v_ids uuid[];
  v_times timestamptz[];
  v_reposted boolean[];
  v_next text;
begin
  if p_author_id = any(v_reader.hidden) then
    return;
  end if;
  -- Who opens a profile wants to see it, muted or not; of others it shows what lists show.
  v_reader.avoided := array_remove(v_reader.avoided, p_author_id);

  select array_agg(e.id), array_agg(e.at), array_agg(e.reposted)
  into v_ids, v_times, v_reposted
  from (
    (
      select p.id, p.created_at as at, false as reposted
      from public.posts as p
      where p.author_id = p_author_id
        and (p.created_at, p.id) < (v_at, v_id)
        and (p_include_replies or p.conversation_id = p.id)
        and (
          p.author_id = v_user_id
          or medley.visible_to(v_user_id, p.id)
          and p.id <> all(v_reader.reported)
          and (p.search @@ v_reader.muted) is not true
        )
      order by p.created_at desc, p.id desc
      limit v_limit + 1
    )
    union all
    (
      select p.id, r.created_at, true
      from public.reposts as r
      inner join public.posts as p on p.id = r.post_id
      where r.user_id = p_author_id
        and (r.created_at, r.post_id) < (v_at, v_id)
        and p.author_id <> p_author_id
        and medley.lists_post(v_reader, p.id, p.author_id, p.visibility, p.search)
      order by r.created_at desc, r.post_id desc
      limit v_limit + 1
    )
    order by at desc, id desc
    limit v_limit + 1
  ) as e;

  if cardinality(v_ids) > v_limit then
    v_ids := v_ids[:v_limit];
    v_next := medley.encode_cursor(v_query, jsonb_build_object('at', v_times[v_limit], 'id', v_ids[v_limit]));
  end if;

  return query
  select
    v_times[t.place],
    case when v_reposted[t.place] then p_author_id end,
    s.post_id,
    s.author_id,
    s.author_name,
    s.content,
    s.media,
    s.hashtags,
    s.language,
    s.visibility,
    s.parent_id,
    s.conversation_id,
    s.quoted_id,
    s.like_count,
    s.reply_count,
    s.repost_count,
    s.quote_count,
    s.view_count,
    s.liked,
    s.reposted,
    s.created_at,
    v_next
  from unnest(v_ids) with ordinality as t (id, place)
  inner join medley.show_posts(v_ids, v_reader) as s on s.post_id = t.id
  order by t.place;
end;
$$;

comment on function medley.get_profile_posts(uuid, int, text, boolean, uuid) is
  'What a member wrote and passed on; see public.get_profile_posts. '
  'Errors: those of acting_user, invalid_argument, invalid_cursor.';
revoke all on function medley.get_profile_posts(uuid, int, text, boolean, uuid)
from public, anon, authenticated, service_role;
grant execute on function medley.get_profile_posts(uuid, int, text, boolean, uuid)
to anon, authenticated, service_role;

-- sql/packs/social/search.sql
-- Search: the newest posts that match, and of these the best first.
create type medley.search_position as (as_of timestamptz, score real, id uuid, at timestamptz);
comment on type medley.search_position is
  'Where a page of a search begins: the moment that all pages share, and the last row before it.';

create or replace function medley.search_position(p_cursor text, p_query text, p_as_of timestamptz)
returns medley.search_position
language plpgsql stable parallel safe security definer set search_path = ''
as $$
declare
  v medley.search_position := (p_as_of, null, null, null);
begin
  if p_cursor is not null then
    v := jsonb_populate_record(v, medley.decode_cursor(p_cursor, p_query));
    if (v.as_of <= p_as_of and num_nulls(v.score, v.id, v.at) = 0) is not true then
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

comment on function medley.search_position(text, text, timestamptz) is
  'The position in a cursor of search_posts, or the beginning at p_as_of. Errors: invalid_cursor.';
revoke all on function medley.search_position(text, text, timestamptz) from public, anon, authenticated, service_role;

create or replace function medley.search_query(p_query text)
returns tsquery
language plpgsql stable parallel safe security definer set search_path = ''
as $$
declare
  v_query tsquery;
begin
  if length(p_query) > 500 then
    perform medley.fail('too_large', format('p_query has %s characters', length(p_query)), 'p_query',
      'Search for at most 500 characters.');
  end if;
  v_query := websearch_to_tsquery('simple', lower(p_query));
  if coalesce(numnode(v_query), 0) = 0 then
    perform medley.fail('invalid_argument', 'p_query names no word', 'p_query', 'Pass at least one word.');
  end if;
  -- Nothing that an index could find: every post would be read.
  if querytree(v_query) in ('', 'T') then
    perform medley.fail('invalid_argument', 'p_query only says what to leave out', 'p_query', 'Add a word to look for.');
  end if;
  return v_query;
end;
$$;

comment on function medley.search_query(text) is
  'What people type as a query: words, "a phrase", or, -without. Errors: invalid_argument, too_large.';
revoke all on function medley.search_query(text) from public, anon, authenticated, service_role;

-- A plan for each query: a rare word is looked up in the index of words, a common one met while going back in time.
create or replace function medley.search_posts(
  p_query text,
  p_limit int,
  p_cursor text,
  p_user_id uuid,
  p_as_of timestamptz
)
returns table (
  score real,
  post_id uuid,
  author_id uuid,
  author_name text,
  content text,
  media jsonb,
  hashtags text[],
  language text,
  visibility text,
  parent_id uuid,
  conversation_id uuid,
  quoted_id uuid,
  like_count int,
  reply_count int,
  repost_count int,
  quote_count int,
  view_count int,
  liked boolean,
  reposted boolean,
  created_at timestamptz,
  next_cursor text
)
language plpgsql stable parallel safe security definer
set search_path = '' set plan_cache_mode = force_custom_plan
as $$
declare
  -- Anybody may read what is public.
  v_user_id uuid := medley.reading_user(p_user_id);
  v_limit int := medley.check_limit(p_limit);
  v_words tsquery := medley.search_query(p_query);
  -- Hashtags alone are looked for as hashtags.
  v_hashtags text[] := case when p_query ~ '^\s*(#\w+\s*)+$' then medley.extract_hashtags(p_query) else '{}' end;
  v_query text := 'search_posts:' || md5(p_query);
  v_after medley.search_position := medley.search_position(p_cursor, v_query, p_as_of);
  v_reader medley.post_reader := medley.post_reader(v_user_id);
  v_candidates int := medley.setting('social.search_candidates');
  v_ids uuid[];
  v_scores real[];
  v_next text;
begin
  select array_agg(f.id), array_agg(f.score)
  into v_ids, v_scores
  from (
    select m.id, m.created_at, m.score
    from (
      select p.id, p.created_at, ts_rank_cd(p.search, v_words, 1) as score
      from public.posts as p
      where p.search @@ v_words
        and p.hashtags @> v_hashtags
        and p.created_at <= v_after.as_of
        and medley.lists_post(v_reader, p.id, p.author_id, p.visibility, p.search)
      order by p.created_at desc, p.id desc
      limit v_candidates
    ) as m
    where v_after.id is null or (m.score, m.created_at, m.id) < (v_after.score, v_after.at, v_after.id)
    order by m.score desc, m.created_at desc, m.id desc
    limit v_limit + 1
  ) as f;

  if cardinality(v_ids) > v_limit then
    v_ids := v_ids[:v_limit];
    select
      medley.encode_cursor(v_query, jsonb_build_object(
        'as_of', v_after.as_of, 'score', v_scores[v_limit], 'id', p.id, 'at', p.created_at
      ))
    into v_next
    from public.posts as p
    where p.id = v_ids[v_limit];
  end if;

  return query
  select
    v_scores[t.place],
    s.post_id,
    s.author_id,
    s.author_name,
    s.content,
    s.media,
    s.hashtags,
    s.language,
    s.visibility,
    s.parent_id,
    s.conversation_id,
    s.quoted_id,
    s.like_count,
    s.reply_count,
    s.repost_count,
    s.quote_count,
    s.view_count,
    s.liked,
    s.reposted,
    s.created_at,
    v_next
  from unnest(v_ids) with ordinality as t (id, place)
  inner join medley.show_posts(v_ids, v_reader) as s on s.post_id = t.id
  order by t.place;
end;
$$;

comment on function medley.search_posts(text, int, text, uuid, timestamptz) is
  'Posts with the words of a query, of the newest social.search_candidates that match; see public.search_posts. '
  'Errors: those of acting_user, invalid_argument, too_large, invalid_cursor.';
revoke all on function medley.search_posts(text, int, text, uuid, timestamptz)
from public, anon, authenticated, service_role;
grant execute on function medley.search_posts(text, int, text, uuid, timestamptz) to anon, authenticated, service_role;

create or replace function medley.get_posts_without_embedding(p_limit int, p_cursor text)
returns table (item_id uuid, kind text, title text, next_cursor text)
language plpgsql stable parallel safe security definer
set search_path = '' set plan_cache_mode = force_generic_plan set enable_seqscan = off
as $$
declare
  c_query constant text := 'posts_without_embedding';
  v_after medley.post_position := medley.post_position(p_cursor, c_query);
begin
  perform medley.check_limit(p_limit, 1000);
  return query
  select
    p.id,
    'post',
    left(p.content, 1000),
    medley.encode_cursor(c_query, jsonb_build_object('at', p.created_at, 'id', p.id))
  from public.posts as p
  where p.computed_at is null
    and p.content ~ '\S'
    and (p.created_at, p.id) < (coalesce(v_after.at, 'infinity'), coalesce(v_after.id, 'ffffffff-ffff-ffff-ffff-ffffffffffff'))
  order by p.created_at desc, p.id desc
  limit p_limit;
end;
$$;

comment on function medley.get_posts_without_embedding(int, text) is
  'Posts that have no vector of their text; see public.get_posts_without_embedding. Errors: invalid_argument, invalid_cursor.';
revoke all on function medley.get_posts_without_embedding(int, text) from public, anon, authenticated, service_role;
grant execute on function medley.get_posts_without_embedding(int, text) to service_role;

-- sql/packs/social/api.sql
-- The API of the social pack: thin functions over those of the same name in medley.

create or replace function public.get_thread(
  p_post_id uuid,
  p_limit int default 20,
  p_cursor text default null,
  p_user_id uuid default null
)
returns table (
  depth int,
  post_id uuid,
  author_id uuid,
  author_name text,
  content text,
  media jsonb,
  hashtags text[],
  language text,
  visibility text,
  parent_id uuid,
  conversation_id uuid,
  quoted_id uuid,
  like_count int,
  reply_count int,
  repost_count int,
  quote_count int,
  view_count int,
  liked boolean,
  reposted boolean,
  created_at timestamptz,
  next_cursor text
)
language sql stable parallel safe security invoker set search_path = ''
as $$
  select t.*
  from medley.get_thread(p_post_id, p_limit, p_cursor, p_user_id) as t
$$;

comment on function public.get_thread(uuid, int, text, uuid) is
  'A post in its conversation: what it answers (depth below 0, the beginning first), the post (0) and its direct '
  'replies (1), oldest first, so that a conversation reads as it happened and pages stay as they are while people '
  'answer and like. p_limit: how many replies, 1 to 200; the first page has the post and up to social.max_ancestors '
  'above it besides. p_cursor: next_cursor of the page before. The reader meets what select shows, without muted '
  'members, muted words and what the reader reported; the post itself is shown to whoever may see it. A row has '
  'depth, post_id, author_id, author_name (null where the profile is private), content, media, hashtags, language, '
  'visibility, parent_id and quoted_id (null where the reader does not see them), conversation_id (its own id where '
  'it began the conversation), the counts, liked and reposted (by the reader), created_at. Counts leave out members '
  'blocked in either direction. p_user_id: for the secret key only. Errors: not_found, invalid_argument, '
  'invalid_cursor, unauthenticated, forbidden.';
revoke all on function public.get_thread(uuid, int, text, uuid) from public, anon, authenticated, service_role;
grant execute on function public.get_thread(uuid, int, text, uuid) to anon, authenticated, service_role;

create or replace function public.get_profile_posts(
  p_author_id uuid,
  p_limit int default 20,
  p_cursor text default null,
  p_include_replies boolean default false,
  p_user_id uuid default null
)
returns table (
  shown_at timestamptz,
  reposted_by uuid,
  post_id uuid,
  author_id uuid,
  author_name text,
  content text,
  media jsonb,
  hashtags text[],
  language text,
  visibility text,
  parent_id uuid,
  conversation_id uuid,
  quoted_id uuid,
  like_count int,
  reply_count int,
  repost_count int,
  quote_count int,
  view_count int,
  liked boolean,
  reposted boolean,
  created_at timestamptz,
  next_cursor text
)
language sql stable parallel safe security invoker set search_path = ''
as $$
  select t.*
  from medley.get_profile_posts(p_author_id, p_limit, p_cursor, p_include_replies, p_user_id) as t
$$;

comment on function public.get_profile_posts(uuid, int, text, boolean, uuid) is
  'What a member wrote and passed on, newest first: shown_at says when, and reposted_by is the member where the '
  'post is somebody else''s. p_include_replies: replies too. p_limit: 1 to 200. p_cursor: next_cursor of the page '
  'before. The reader meets what select shows, without muted words, what the reader reported, and reposts of muted '
  'members; nothing where one blocks the other. A row has both, post_id, author_id, author_name (null where the '
  'profile is private), content, media, hashtags, language, visibility, parent_id and quoted_id (null where the '
  'reader does not see them), conversation_id (its own id where it began the conversation), the counts, liked and '
  'reposted (by the reader), created_at. Counts leave out members blocked in either direction. p_user_id: for the '
  'secret key only. Errors: not_found (the member), invalid_argument, invalid_cursor, unauthenticated, forbidden.';
revoke all on function public.get_profile_posts(uuid, int, text, boolean, uuid)
from public, anon, authenticated, service_role;
grant execute on function public.get_profile_posts(uuid, int, text, boolean, uuid) to anon, authenticated, service_role;

create or replace function public.search_posts(
  p_query text,
  p_limit int default 20,
  p_cursor text default null,
  p_user_id uuid default null
)
returns table (
  score real,
  post_id uuid,
  author_id uuid,
  author_name text,
  content text,
  media jsonb,
  hashtags text[],
  language text,
  visibility text,
  parent_id uuid,
  conversation_id uuid,
  quoted_id uuid,
  like_count int,
  reply_count int,
  repost_count int,
  quote_count int,
  view_count int,
  liked boolean,
  reposted boolean,
  created_at timestamptz,
  next_cursor text
)
language sql stable parallel safe security invoker set search_path = ''
as $$
  select t.*
  from medley.search_posts(p_query, p_limit, p_cursor, p_user_id, now()) as t
$$;

comment on function public.search_posts(text, int, text, uuid) is
  'Posts with the words of p_query, best first: words, "a phrase", or, -without; hashtags alone find posts that '
  'have them all. Words match as they are, in any case and language. Of the newest social.search_candidates posts '
  'that match, those come first in which the words are near each other and make up more of the post (score: '
  'ts_rank_cd, normalised by length), then newer ones. All pages show the search as of the first. p_limit: 1 to '
  '200. p_cursor: next_cursor of the page before with the same query. The reader meets what select shows, without '
  'muted members, muted words and what the reader reported. A row has score, post_id, author_id, author_name (null '
  'where the profile is private), content, media, hashtags, language, visibility, parent_id and quoted_id (null '
  'where the reader does not see them), conversation_id (its own id where it began the conversation), the counts, '
  'liked and reposted (by the reader), created_at. Counts leave out members blocked in either direction. p_user_id: '
  'for the secret key only. Errors: not_found (the member), invalid_argument, too_large (500 characters), '
  'invalid_cursor, unauthenticated, forbidden.';
revoke all on function public.search_posts(text, int, text, uuid) from public, anon, authenticated, service_role;
grant execute on function public.search_posts(text, int, text, uuid) to anon, authenticated, service_role;

create or replace function public.view_posts(p_post_ids uuid[], p_user_id uuid default null)
returns int
language sql volatile parallel unsafe security invoker set search_path = ''
as $$ select medley.view_posts(p_post_ids, p_user_id, now()) $$;

comment on function public.view_posts(uuid[], uuid) is
  'Says that posts were in front of the member''s eyes: one view a member and post, whatever is said again. '
  'p_post_ids: up to 1,000; those that the member does not see are passed over. p_user_id: for the secret key only. '
  'Returns how many views are new. Errors: not_found (the member), invalid_argument, too_large, unauthenticated, forbidden.';
revoke all on function public.view_posts(uuid[], uuid) from public, anon, authenticated, service_role;
grant execute on function public.view_posts(uuid[], uuid) to authenticated, service_role;

create or replace function public.report_post(
  p_post_id uuid,
  p_reason text,
  p_note text default null,
  p_user_id uuid default null
)
returns text
language sql volatile parallel unsafe security invoker set search_path = ''
as $$ select medley.report_post(p_post_id, p_reason, p_note, p_user_id, now()) $$;

comment on function public.report_post(uuid, text, text, uuid) is
  'Reports a post, which the member then does not meet again. p_reason: spam, abuse, hate, violence, sexual, '
  'misinformation, self_harm, illegal or other (medley.report_reasons). p_note: up to 2,000 characters. p_user_id: '
  'for the secret key only. Returns accepted or duplicate. Errors: not_found, invalid_argument (the reason; a post '
  'of one''s own), too_large, unauthenticated, forbidden.';
revoke all on function public.report_post(uuid, text, text, uuid) from public, anon, authenticated, service_role;
grant execute on function public.report_post(uuid, text, text, uuid) to authenticated, service_role;

create or replace function public.block_author(p_post_id uuid, p_user_id uuid default null)
returns uuid
language sql volatile parallel unsafe security invoker set search_path = ''
as $$ select medley.act_on_author(p_post_id, 'block_author', p_user_id, now()) $$;

comment on function public.block_author(uuid, uuid) is
  'Blocks the author of a post: both members no longer meet, and their follows end, and counts that as engagement '
  'with the post. p_user_id: for the secret key only. Returns the author. Errors: not_found, invalid_argument (a '
  'post of one''s own), unauthenticated, forbidden.';
revoke all on function public.block_author(uuid, uuid) from public, anon, authenticated, service_role;
grant execute on function public.block_author(uuid, uuid) to authenticated, service_role;

create or replace function public.mute_author(p_post_id uuid, p_user_id uuid default null)
returns uuid
language sql volatile parallel unsafe security invoker set search_path = ''
as $$ select medley.act_on_author(p_post_id, 'mute_author', p_user_id, now()) $$;

comment on function public.mute_author(uuid, uuid) is
  'Mutes the author of a post, who is not told, and counts that as engagement with the post. p_user_id: for the '
  'secret key only. Returns the author. Errors: not_found, invalid_argument (a post of one''s own), unauthenticated, '
  'forbidden.';
revoke all on function public.mute_author(uuid, uuid) from public, anon, authenticated, service_role;
grant execute on function public.mute_author(uuid, uuid) to authenticated, service_role;

create or replace function public.follow_author(p_post_id uuid, p_user_id uuid default null)
returns uuid
language sql volatile parallel unsafe security invoker set search_path = ''
as $$ select medley.act_on_author(p_post_id, 'follow_author', p_user_id, now()) $$;

comment on function public.follow_author(uuid, uuid) is
  'Follows the author of a post, and counts that as engagement with the post. p_user_id: for the secret key only. '
  'Returns the author. Errors: not_found, invalid_argument (a post of one''s own), unauthenticated, forbidden.';
revoke all on function public.follow_author(uuid, uuid) from public, anon, authenticated, service_role;
grant execute on function public.follow_author(uuid, uuid) to authenticated, service_role;

create or replace function public.get_posts_without_embedding(p_limit int default 500, p_cursor text default null)
returns table (item_id uuid, kind text, title text, next_cursor text)
language sql stable parallel safe security invoker set search_path = ''
as $$
  select p.item_id, p.kind, p.title, p.next_cursor
  from medley.get_posts_without_embedding(p_limit, p_cursor) as p
$$;

comment on function public.get_posts_without_embedding(int, text) is
  'What a worker has still to embed among posts, newest first (secret key only): those with words and without a vector of any '
  'model, by an index of just these, however many there are besides. title: the first 1,000 characters. p_limit: 1 to 1,000. '
  'p_cursor: next_cursor of the last row. After a change of model, get_items_without_embedding finds what lacks that one. '
  'Errors: invalid_argument, invalid_cursor.';
revoke all on function public.get_posts_without_embedding(int, text) from public, anon, authenticated, service_role;
grant execute on function public.get_posts_without_embedding(int, text) to service_role;

-- sql/packs/social/policies.sql
-- Row-level security and grants of the social pack. Members write what is theirs; what a post counts, nobody writes.
alter table public.posts enable row level security;
revoke all on public.posts from public, anon, authenticated, service_role;
grant select on public.posts to anon, authenticated;
grant
insert (id, author_id, content, parent_id, quoted_id, media, language, visibility),
update (language, visibility),
delete
on public.posts to authenticated;
grant
select,
insert (id, author_id, content, parent_id, quoted_id, media, language, visibility, created_at),
update (language, visibility),
delete
on public.posts to service_role;

create policy posts_select on public.posts
for select to anon, authenticated
using (
  author_id = (select auth.uid())
  or visibility <> 'private' and medley.visible_to((select auth.uid()), id)
);

create policy posts_insert on public.posts
for insert to authenticated with check (author_id = (select auth.uid()));

create policy posts_update on public.posts
for update to authenticated
using (author_id = (select auth.uid()))
with check (author_id = (select auth.uid()));

create policy posts_delete on public.posts
for delete to authenticated using (author_id = (select auth.uid()));

alter table public.likes enable row level security;
revoke all on public.likes from public, anon, authenticated, service_role;
grant select, delete on public.likes to authenticated;
grant insert (user_id, post_id), update (user_id, post_id) on public.likes to authenticated;
grant select, insert, update, delete on public.likes to service_role;

-- One's own, and who likes one's own posts.
create policy likes_select on public.likes
for select to authenticated
using (
  user_id = (select auth.uid())
  or exists (select from public.posts as p where p.id = post_id and p.author_id = (select auth.uid()))
  and not medley.is_blocked((select auth.uid()), user_id)
);

create policy likes_insert on public.likes
for insert to authenticated
with check (user_id = (select auth.uid()) and medley.visible_to((select auth.uid()), post_id));

-- An upsert of a like that exists is an update to the same.
create policy likes_update on public.likes
for update to authenticated
using (user_id = (select auth.uid()))
with check (user_id = (select auth.uid()) and medley.visible_to((select auth.uid()), post_id));

create policy likes_delete on public.likes
for delete to authenticated using (user_id = (select auth.uid()));

alter table public.reposts enable row level security;
revoke all on public.reposts from public, anon, authenticated, service_role;
grant select, delete on public.reposts to authenticated;
grant insert (user_id, post_id), update (user_id, post_id) on public.reposts to authenticated;
grant select, insert, update, delete on public.reposts to service_role;

-- A repost is said aloud: whoever sees the post, and is not blocked, sees who passed it on.
create policy reposts_select on public.reposts
for select to authenticated
using (
  user_id = (select auth.uid())
  or medley.visible_to((select auth.uid()), post_id)
  and not medley.is_blocked((select auth.uid()), user_id)
);

create policy reposts_insert on public.reposts
for insert to authenticated
with check (user_id = (select auth.uid()) and medley.visible_to((select auth.uid()), post_id));

-- An upsert of a repost that exists is an update to the same.
create policy reposts_update on public.reposts
for update to authenticated
using (user_id = (select auth.uid()))
with check (user_id = (select auth.uid()) and medley.visible_to((select auth.uid()), post_id));

create policy reposts_delete on public.reposts
for delete to authenticated using (user_id = (select auth.uid()));

-- What was viewed stays viewed.
alter table public.post_views enable row level security;
revoke all on public.post_views from public, anon, authenticated, service_role;
grant select on public.post_views to authenticated;
grant insert (user_id, post_id) on public.post_views to authenticated;
grant select, insert, update, delete on public.post_views to service_role;

create policy post_views_select on public.post_views
for select to authenticated using (user_id = (select auth.uid()));

create policy post_views_insert on public.post_views
for insert to authenticated
with check (user_id = (select auth.uid()) and medley.visible_to((select auth.uid()), post_id));

alter table public.muted_words enable row level security;
revoke all on public.muted_words from public, anon, authenticated, service_role;
grant select, delete on public.muted_words to authenticated;
grant insert (user_id, word), update (user_id, word) on public.muted_words to authenticated;
grant select, insert, update, delete on public.muted_words to service_role;

create policy muted_words_own on public.muted_words
for all to authenticated using (user_id = (select auth.uid())) with check (user_id = (select auth.uid()));

-- Reports are for good: they are written by report_post, and moderators read them with the secret key.
alter table public.post_reports enable row level security;
revoke all on public.post_reports from public, anon, authenticated, service_role;
grant select on public.post_reports to authenticated;
grant select, insert, update, delete on public.post_reports to service_role;

create policy post_reports_select on public.post_reports
for select to authenticated using (user_id = (select auth.uid()));

alter table medley.report_reasons enable row level security;
revoke all on medley.report_reasons from public, anon, authenticated, service_role;

-- sql/packs/social/timeline_tables.sql
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

-- sql/packs/social/timeline_posts.sql
-- The timeline's copy of posts and reposts follows them: one narrow row each, written once, whoever follows the member.
create or replace function medley.add_timeline_posts()
returns trigger
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
begin
  insert into medley.timeline_posts (
    item_no, is_repost, poster_id, posted_at, conversation_no, parent_no, visibility, is_newcomer, created_at, post_id,
    author_id
  )
  select
    i.item_no,
    false,
    n.author_id,
    n.created_at,
    -- The root may be gone, and then its number too; every reply after that has its parent's.
    coalesce(r.item_no, p.conversation_no, i.item_no),
    pi.item_no,
    n.visibility,
    coalesce(t.exposures, 0) < c.scale,
    n.created_at,
    n.id,
    n.author_id
  from new_rows as n
  inner join medley.items as i on i.id = n.id
  inner join medley.ranker_weights as c on c.ranker = 'home_timeline' and c.term = 'cold_start'
  left join medley.author_rates as t on t.user_id = n.author_id
  left join medley.items as r on r.id = n.conversation_id
  left join medley.items as pi on pi.id = n.parent_id
  left join medley.timeline_posts as p on p.item_no = pi.item_no and not p.is_repost;
  return null;
end;
$$;

comment on function medley.add_timeline_posts() is
  'Statement trigger on posts with transition table new_rows: new posts get their rows in timeline_posts.';
revoke all on function medley.add_timeline_posts() from public, anon, authenticated, service_role;

create or replace function medley.follow_timeline_visibility()
returns trigger
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
begin
  update medley.timeline_posts as p
  set visibility = new.visibility
  from medley.items as i
  where i.id = new.id and p.item_no = i.item_no and not p.is_repost;
  return null;
end;
$$;

comment on function medley.follow_timeline_visibility() is 'Row trigger on posts: timeline_posts follows who may see a post.';
revoke all on function medley.follow_timeline_visibility() from public, anon, authenticated, service_role;

create or replace function medley.add_timeline_reposts()
returns trigger
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
begin
  -- One's own post comes to one's followers as it is.
  insert into medley.timeline_posts (
    item_no, is_repost, poster_id, posted_at, conversation_no, parent_no, is_newcomer, created_at, post_id, author_id
  )
  select p.item_no, true, n.user_id, n.created_at, p.conversation_no, p.parent_no, false, p.created_at, p.post_id, p.author_id
  from new_rows as n
  inner join medley.items as i on i.id = n.post_id
  inner join medley.timeline_posts as p on p.item_no = i.item_no and not p.is_repost
  where n.user_id <> p.author_id;
  return null;
end;
$$;

comment on function medley.add_timeline_reposts() is
  'Statement trigger on reposts with transition table new_rows: new reposts get their rows in timeline_posts.';
revoke all on function medley.add_timeline_reposts() from public, anon, authenticated, service_role;

create or replace function medley.remove_timeline_reposts()
returns trigger
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
begin
  delete from medley.timeline_posts as p
  using old_rows as o
  inner join medley.items as i on i.id = o.post_id
  where p.item_no = i.item_no and p.is_repost and p.poster_id = o.user_id;
  return null;
end;
$$;

comment on function medley.remove_timeline_reposts() is
  'Statement trigger on reposts with transition table old_rows: what is taken back leaves timeline_posts. What goes with a '
  'post or an account goes from there by itself.';
revoke all on function medley.remove_timeline_reposts() from public, anon, authenticated, service_role;

-- After registration, which gives a post its number.
create trigger posts_3_timeline_insert
after insert on public.posts referencing new table as new_rows
for each statement execute function medley.add_timeline_posts();
create trigger posts_3_timeline_update
after update of visibility on public.posts
for each row when (old.visibility <> new.visibility) execute function medley.follow_timeline_visibility();
create trigger reposts_3_timeline_insert
after insert on public.reposts referencing new table as new_rows
for each statement execute function medley.add_timeline_reposts();
create trigger reposts_3_timeline_delete
after delete on public.reposts referencing old table as old_rows
for each statement execute function medley.remove_timeline_reposts();

-- sql/packs/social/rates.sql
-- How often members engage with an author's posts: counted from the log, each event once, in steps of ten minutes.
create or replace function medley.added_counts(
  p_counts extensions.vector,
  p_earlier extensions.vector,
  p_fading double precision
)
returns extensions.vector
language sql immutable parallel safe security invoker set search_path = ''
as $$
  -- What counts less than a millionth is nothing: floats that small would raise an underflow one day.
  select array_agg(case when s.n > 1e-6 then s.n else 0 end order by s.place)::extensions.vector
  from (
    select c.n + coalesce(c.earlier * p_fading, 0) as n, c.place
    from unnest(p_counts::real[], p_earlier::real[]) with ordinality as c (n, earlier, place)
  ) as s
$$;

comment on function medley.added_counts(extensions.vector, extensions.vector, double precision) is
  'p_counts plus p_fading times p_earlier (null for none), element by element and never below 0.';
revoke all on function medley.added_counts(extensions.vector, extensions.vector, double precision)
from public, anon, authenticated, service_role;

create or replace function medley.roll_up_author_rates_at(p_as_of timestamptz)
returns bigint
language plpgsql volatile parallel unsafe security definer
set search_path = '' set plan_cache_mode = force_custom_plan set work_mem = '128MB'
as $$
declare
  c_origin constant timestamptz := timestamptz '2000-01-01 00:00:00+00';
  v_days double precision := medley.setting('timeline.rate_days');
  -- A transaction that began before has long committed its events.
  v_until timestamptz := date_bin('10 minutes', p_as_of - interval '10 minutes', c_origin);
  v_from timestamptz;
  v_rows bigint;
begin
  select s.counted_until into v_from
  from medley.timeline_state as s
  for update;
  if v_from >= v_until then
    return 0;
  end if;

  -- What happens between a member and a post in ten minutes counts once: a hundred clicks say no more than one.
  with met as materialized (
    select
      p.author_id,
      k.place,
      least(greatest(sum(t.sign), -1), 1)
      * medley.recency(date_bin('10 minutes', e.logged_at, c_origin), v_until, v_days) as n,
      row_number() over (
        partition by e.item_no, e.user_no, date_bin('10 minutes', e.logged_at, c_origin)
        order by least(greatest(sum(t.sign), -1), 1) desc
      ) as nth
    from medley.engagements as e
    inner join medley.engagement_kinds as ek on ek.kind_no = e.kind_no
    inner join medley.timeline_kinds as t on t.kind = ek.kind
    inner join medley.timeline_kinds as k on k.place = t.place and k.sign = 1
    inner join medley.timeline_posts as p on p.item_no = e.item_no and not p.is_repost
    left join medley.members as a on a.user_id = p.author_id
    where e.logged_at >= v_from
      and e.logged_at < v_until
      and e.user_no is distinct from a.user_no
    group by p.author_id, e.item_no, e.user_no, date_bin('10 minutes', e.logged_at, c_origin), k.place
  ),

  -- Of an unlike alone nobody was exposed to anything.
  happened as (
    select m.author_id, m.place, sum(m.n) as n
    from met as m
    where m.place > 0
    group by m.author_id, m.place
    union all
    select m.author_id, 0, sum(m.n)
    from met as m
    where m.nth = 1 and m.n > 0
    group by m.author_id
  ),

  -- A sum of unit vectors is a vector of sums.
  unit as (
    select t.place, array(select (p = t.place)::int::real from generate_series(1, 32) as p order by p) as places
    from medley.timeline_kinds as t
    where t.sign = 1
  ),

  author as (
    select
      h.author_id,
      sum(h.n) filter (where h.place = 0) as exposures,
      extensions.sum(
        u.places::extensions.vector(32) operator(extensions.*) array_fill(h.n::real, array[32])::extensions.vector(32)
      ) as counts
    from happened as h
    inner join unit as u on u.place = h.place
    group by h.author_id
  ),

  written as (
    insert into medley.author_rates as r (user_id, exposures, counted_at, counts)
    select
      a.author_id,
      coalesce(a.exposures, 0) + coalesce(o.exposures * medley.recency(o.counted_at, v_until, v_days), 0),
      v_until,
      medley.added_counts(a.counts, o.counts, medley.recency(o.counted_at, v_until, v_days))
    from author as a
    left join medley.author_rates as o on o.user_id = a.author_id
    order by a.author_id
    on conflict (user_id) do update
    set exposures = excluded.exposures, counted_at = excluded.counted_at, counts = excluded.counts
    returning 1
  ),

  total as (
    select
      s.kind,
      s.place,
      -- As in added_counts.
      case when s.count > 1e-6 then s.count else 0 end as count
    from (
      select
        t.kind,
        t.place,
        t.count * case when v_from = '-infinity' then 0 else medley.recency(v_from, v_until, v_days) end
        + coalesce((select sum(h.n) from happened as h where h.place = t.place), 0) as count
      from medley.timeline_kinds as t
      where t.sign = 1
    ) as s
  ),

  summed as (
    update medley.timeline_kinds as k
    set
      count = t.count,
      rate = least((t.count + 1000 * k.usual_rate) / (e.count + 1000), 1)
    from total as t
    cross join (select x.count from total as x where x.place = 0) as e
    where t.kind = k.kind
    returning 1
  )

  select count(*) into v_rows from written where (select count(*) from summed) > 0;

  update medley.timeline_state as s
  set counted_until = v_until
  where s.singleton;
  return v_rows;
end;
$$;

comment on function medley.roll_up_author_rates_at(timestamptz) is
  'Adds what the log has from timeline_state.counted_until to ten minutes before p_as_of to the rates, all of it in one '
  'transaction: each event counts once, whenever a run is killed. Returns how many authors it touched.';
revoke all on function medley.roll_up_author_rates_at(timestamptz) from public, anon, authenticated, service_role;

create or replace function medley.roll_up_author_rates()
returns bigint
language sql volatile parallel unsafe security definer set search_path = ''
as $$ select medley.roll_up_author_rates_at(now()) $$;

comment on function medley.roll_up_author_rates() is 'Job: see roll_up_author_rates_at.';
revoke all on function medley.roll_up_author_rates() from public, anon, authenticated, service_role;

create or replace function medley.rebuild_author_rates()
returns bigint
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
begin
  update medley.timeline_state as s
  set counted_until = '-infinity'
  where s.singleton;
  delete from medley.author_rates as r where r.user_id is not null;
  return medley.roll_up_author_rates_at(now());
end;
$$;

comment on function medley.rebuild_author_rates() is
  'Job: counts the whole log anew, without what was deleted since and with events of transactions that took longer than '
  'ten minutes. Returns how many authors it wrote.';
revoke all on function medley.rebuild_author_rates() from public, anon, authenticated, service_role;

-- sql/packs/social/timeline_sources.sql
-- Where the timeline's posts come from, and what keeps them out. The parts without SET inline into rank_timeline, which
-- has one kept plan.
create or replace function medley.timeline_log(
  p_user_no int,
  p_since timestamptz,
  p_impression_no smallint,
  p_seen_nos smallint[]
)
returns table (item_no int, occurred_at timestamptz, is_shown boolean, nth bigint)
language sql stable parallel safe security invoker
begin atomic
  -- No post is older than p_since, so nobody saw one before then. Until this very moment, on later pages too: what was
  -- rejected a second ago must not come.
  select
    e.item_no,
    e.occurred_at,
    e.kind_no = p_impression_no,
    row_number() over (partition by e.kind_no = p_impression_no order by e.occurred_at desc)
  from medley.engagements as e
  where e.user_no = p_user_no
    and e.occurred_at > p_since
    and (e.kind_no = p_impression_no or e.kind_no = any(p_seen_nos));
end;

comment on function medley.timeline_log(int, timestamptz, smallint, smallint[]) is
  'What the member was shown since p_since (is_shown, nth: how many rows ago), and what else there is no point in showing: '
  'p_seen_nos are the numbers of the kinds that say so.';
revoke all on function medley.timeline_log(int, timestamptz, smallint, smallint[])
from public, anon, authenticated, service_role;

-- Sources outside the network: few posts each, by an index.
create or replace function medley.timeline_trending(p_user_no int, p_depth int, p_as_of timestamptz)
returns table (item_no int, source_no int)
language sql stable parallel safe security invoker
begin atomic
  select t.item_no, 5
  from (
    select c.item_no
    from medley.trending_cache as c
    where c.time_window = 'day' and c.trend_type = 'global' and c.segment = '' and c.kind = 'post'
      and c.expires_at > p_as_of
    order by c.trend_score desc, c.item_no desc
    limit p_depth
  ) as t
  union all
  select t.item_no, 4
  from medley.user_clusters as u
  cross join lateral (
    select c.item_no
    from medley.trending_cache as c
    where c.time_window = 'day' and c.trend_type = 'cluster'
      and c.segment = (
        select g.generation || '.' || u.cluster_no from medley.generations as g where g.name = 'user_clusters'
      )
      and c.kind = 'post' and c.expires_at > p_as_of
    order by c.trend_score desc, c.item_no desc
    limit p_depth
  ) as t
  where u.user_no = p_user_no and u.cluster_type = 'taste_based';
end;

comment on function medley.timeline_trending(int, int, timestamptz) is
  'What trends today among all members (source 5) and among those of the same taste (4), p_depth of each.';
revoke all on function medley.timeline_trending(int, int, timestamptz) from public, anon, authenticated, service_role;

-- sql/packs/social/timeline_rank.sql
-- Scores: the weighted sum of what the member will probably do with a post, then factors.
create type medley.timeline_parameters as (
  probabilities_format text,
  points_format text,
  weights double precision[],
  rates double precision[],
  reply_place int,
  mutual_reply double precision,
  out_of_network double precision,
  diversity_floor double precision,
  diversity_decay double precision,
  cold_lift double precision,
  cold_exposures double precision,
  max_age_hours double precision,
  shown_rows int,
  shown_minutes double precision,
  diversity_seconds double precision,
  followed int,
  author_posts int,
  depth int,
  likers int,
  pool int,
  rate_days double precision,
  prior_exposures double precision,
  impression_no smallint,
  seen_nos smallint[],
  version text,
  intercepts double precision[],
  similarities double precision[],
  rate_factors double precision[]
);
comment on type medley.timeline_parameters is
  'The weights of the ranker home_timeline, an experiment''s included, the rates of all authors and the heads of the active '
  'model (null where there is none), all by place, and the settings. The two formats make of a vector by place, as format() '
  'reads them, the members of a JSON object by kind: of all kinds, and of those that weigh something.';

create or replace function medley.timeline_parameters(p_overrides jsonb)
returns medley.timeline_parameters
language plpgsql stable parallel safe security definer
set search_path = '' set plan_cache_mode = force_generic_plan
as $$
declare
  v medley.timeline_parameters;
  v_model_version_id uuid;
begin
  -- A gap between places has no kind and no weight.
  select
    array_agg(t.weight order by t.place),
    array_agg(t.rate order by t.place),
    max(t.place) filter (where t.kind = 'reply'),
    string_agg(t.format, ','),
    string_agg(t.format, ',') filter (where t.weight <> 0)
  into v.weights, v.rates, v.reply_place, v.probabilities_format, v.points_format
  from (
    select
      p.place,
      k.kind,
      coalesce(k.rate, 0) as rate,
      coalesce((p_overrides ->> k.kind)::float8, w.weight::float8, 0) as weight,
      '"' || k.kind || '":%' || p.place || '$s' as format
    from generate_series(1, (select max(m.place) from medley.timeline_kinds as m)) as p (place)
    left join medley.timeline_kinds as k on k.place = p.place and k.sign = 1
    left join medley.ranker_weights as w on w.ranker = 'home_timeline' and w.term = k.kind
  ) as t;

  select
    coalesce((p_overrides ->> 'mutual_reply')::float8, max(w.weight) filter (where w.term = 'mutual_reply'), 0),
    coalesce((p_overrides ->> 'out_of_network')::float8, max(w.weight) filter (where w.term = 'out_of_network'), 1),
    coalesce((p_overrides ->> 'author_diversity')::float8, max(w.weight) filter (where w.term = 'author_diversity'), 1),
    coalesce(max(w.scale) filter (where w.term = 'author_diversity'), 1),
    coalesce((p_overrides ->> 'cold_start')::float8, max(w.weight) filter (where w.term = 'cold_start'), 0),
    coalesce(max(w.scale) filter (where w.term = 'cold_start'), 1)
  into v.mutual_reply, v.out_of_network, v.diversity_floor, v.diversity_decay, v.cold_lift, v.cold_exposures
  from medley.ranker_weights as w
  where w.ranker = 'home_timeline'
    and w.term in ('mutual_reply', 'out_of_network', 'author_diversity', 'cold_start');

  select
    max(s.value) filter (where s.key = 'timeline.max_age_hours'),
    max(s.value) filter (where s.key = 'timeline.shown_rows'),
    max(s.value) filter (where s.key = 'timeline.shown_minutes'),
    max(s.value) filter (where s.key = 'timeline.diversity_seconds'),
    max(s.value) filter (where s.key = 'timeline.followed'),
    max(s.value) filter (where s.key = 'timeline.author_posts'),
    max(s.value) filter (where s.key = 'timeline.depth'),
    max(s.value) filter (where s.key = 'timeline.likers'),
    max(s.value) filter (where s.key = 'timeline.pool'),
    max(s.value) filter (where s.key = 'timeline.rate_days'),
    max(s.value) filter (where s.key = 'timeline.prior_exposures')
  into
    v.max_age_hours, v.shown_rows, v.shown_minutes, v.diversity_seconds, v.followed, v.author_posts, v.depth, v.likers,
    v.pool, v.rate_days, v.prior_exposures
  from medley.settings as s
  where s.key like 'timeline.%';

  select
    max(k.kind_no) filter (where k.kind = 'impression'),
    array_agg(k.kind_no) filter (where k.marks_seen or k.polarity < 0 or k.kind = 'view')
  into v.impression_no, v.seen_nos
  from medley.engagement_kinds as k;

  select m.model_version_id, m.version into v_model_version_id, v.version
  from medley.model_versions as m
  where m.model_version_id = medley.active_tower_model();
  if found then
    select
      array_agg(d.intercept::float8 order by p.place),
      array_agg(d.similarity::float8 order by p.place),
      array_agg(d.rate::float8 order by p.place)
    into v.intercepts, v.similarities, v.rate_factors
    from generate_series(1, cardinality(v.weights)) as p (place)
    left join medley.timeline_kinds as t on t.place = p.place and t.sign = 1
    left join medley.engagement_kinds as k on k.kind = t.kind
    left join medley.model_heads as d on d.model_version_id = v_model_version_id and d.kind_no = k.kind_no;
  end if;
  return v;
end;
$$;

comment on function medley.timeline_parameters(jsonb) is
  'Weights, rates and settings in force, with the weights of p_overrides ({"term": weight}) instead of the stored ones.';
revoke all on function medley.timeline_parameters(jsonb) from public, anon, authenticated, service_role;

create type medley.timeline_row as (
  item_no int,
  post_id uuid,
  created_at timestamptz,
  source_no int,
  reposter_id uuid,
  is_mutual boolean,
  points double precision,
  factor double precision,
  multiplier double precision,
  score double precision,
  cosine double precision,
  probabilities real[]
);
comment on type medley.timeline_row is
  'A row of the timeline before it is put in words: where it came from, the points that the probabilities (by place) are '
  'worth, and what they are multiplied with, without (factor) and with author diversity (multiplier).';

-- No SET: these inline.
create or replace function medley.multiplied(p_points double precision, p_factor double precision)
returns double precision
language sql immutable parallel safe security invoker
return case when p_points >= 0 then p_points * p_factor else p_points / greatest(p_factor, 1e-6::float8) end;

comment on function medley.multiplied(double precision, double precision) is
  'Points times a factor; bad points are divided by it, so that a discount never makes anything better.';
revoke all on function medley.multiplied(double precision, double precision)
from public, anon, authenticated, service_role;

create or replace function medley.timeline_probabilities(
  p_weights double precision[],
  p_rates double precision[],
  p_counts real[],
  p_exposures double precision,
  p_fading double precision,
  p_prior double precision,
  p_cosine double precision,
  p_intercepts double precision[],
  p_similarities double precision[],
  p_rate_factors double precision[]
)
returns table (probabilities double precision[], points double precision)
language sql stable parallel safe security invoker
begin atomic
  select array_agg(k.p), sum(k.weight * k.p)
  from (
    select
      r.weight,
      case
        when p_cosine is null or r.intercept is null then r.p
        -- Beyond 50 a probability is 0 or 1, and exp would overflow one day.
        else 1 / (1 + exp(least(greatest(
          -r.intercept - r.similarity * p_cosine - r.rate_factor * ln((r.p + 1e-9) / (1 - r.p + 1e-9)), -50
        ), 50)))
      end as p
    from (
      select
        u.weight, u.intercept, u.similarity, u.rate_factor,
        (coalesce(u.count * p_fading, 0) + p_prior * u.rate) / (p_exposures + p_prior) as p
      from unnest(
        p_weights, p_rates, p_counts[1:cardinality(p_weights)], p_intercepts, p_similarities, p_rate_factors
      ) as u (weight, rate, count, intercept, similarity, rate_factor)
    ) as r
  ) as k;
end;

comment on function medley.timeline_probabilities(
  double precision[], double precision[], real[], double precision, double precision, double precision, double precision,
  double precision[], double precision[], double precision[]
) is
  'The probability of each kind, by place, and the points that all are worth, where the model knows both member and post: '
  'by its heads 1 / (1 + exp(-(intercept + similarity * cosine + rate_factor * logit(smoothed rate)))), of a kind without '
  'one the smoothed rate of the author, (count + prior * rate) / (exposures + prior).';
revoke all on function medley.timeline_probabilities(
  double precision[], double precision[], real[], double precision, double precision, double precision,
  double precision, double precision[], double precision[], double precision[]
) from public, anon, authenticated, service_role;

create or replace function medley.rank_timeline(
  p_user_no int,
  p_reader medley.post_reader,
  p_limit int,
  p_skip int[],
  p_deeper int,
  p_parameters medley.timeline_parameters,
  p_as_of timestamptz
)
returns setof medley.timeline_row
language plpgsql stable parallel safe security definer
set search_path = '' set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_mergejoin = off
as $$
declare
  v_user_id uuid := p_reader.user_id;
  v_avoided uuid[] := p_reader.avoided;
  v_muted tsquery := p_reader.muted;
  -- Scalars: a field of a row costs the query as much as all the arithmetic on it.
  v_weights double precision[] := (p_parameters).weights;
  v_rates double precision[] := (p_parameters).rates;
  v_mutual_weights double precision[] := (p_parameters).weights;
  v_prior double precision := (p_parameters).prior_exposures;
  v_prior_points double precision;
  v_mutual_prior_points double precision;
  v_zeros double precision[] := array_fill(0::float8, array[32 - cardinality((p_parameters).weights)]);
  v_none extensions.vector(32) := array_fill(0::real, array[32])::extensions.vector(32);
  v_rates_by_kind extensions.vector(32) := ((p_parameters).rates || v_zeros)::extensions.vector(32);
  v_prior_by_kind extensions.vector(32) := v_rates_by_kind
    operator(extensions.*) array_fill((p_parameters).prior_exposures::real, array[32])::extensions.vector(32);
  v_by_kind extensions.vector(32) := ((p_parameters).weights || v_zeros)::extensions.vector(32);
  v_mutual_by_kind extensions.vector(32);
  v_out_of_network double precision := (p_parameters).out_of_network;
  v_floor double precision := (p_parameters).diversity_floor;
  v_decay double precision := (p_parameters).diversity_decay;
  v_cold_lift double precision := (p_parameters).cold_lift;
  v_cold_exposures double precision := (p_parameters).cold_exposures;
  v_days double precision := (p_parameters).rate_days;
  v_followed int := (p_parameters).followed;
  v_author_posts int := (p_parameters).author_posts * p_deeper;
  v_depth int := (p_parameters).depth * p_deeper;
  v_likers int := (p_parameters).likers;
  v_pool int := greatest((p_parameters).pool, coalesce(cardinality(p_skip), 0) + 3 * p_limit) * p_deeper;
  v_since timestamptz := p_as_of - (p_parameters).max_age_hours * interval '1 hour';
  v_shown_since timestamptz := p_as_of - (p_parameters).shown_minutes * interval '1 minute';
  v_shown_rows int := (p_parameters).shown_rows;
  v_impression smallint := (p_parameters).impression_no;
  v_seen smallint[] := (p_parameters).seen_nos;
  v_half_life double precision := (p_parameters).diversity_seconds;
  v_hour bigint := date_part('epoch', p_as_of)::bigint / 3600;
  v_version text := (p_parameters).version;
  v_intercepts double precision[] := (p_parameters).intercepts;
  v_similarities double precision[] := (p_parameters).similarities;
  v_rate_factors double precision[] := (p_parameters).rate_factors;
  v_reply int := (p_parameters).reply_place;
  v_mutual_reply double precision := (p_parameters).mutual_reply;
  v_taste extensions.vector(256);
begin
  if v_version is not null then
    select t.embedding_256 into v_taste
    from medley.user_taste_vectors as t
    where t.user_no = p_user_no and t.embedding_type = 'two_tower' and t.model_version = v_version;
  end if;
  v_mutual_weights[v_reply] := v_mutual_weights[v_reply] + v_mutual_reply;
  v_mutual_by_kind := (v_mutual_weights || v_zeros)::extensions.vector(32);
  v_prior_points := -v_prior * (v_by_kind operator(extensions.<#>) v_rates_by_kind);
  v_mutual_prior_points := -v_prior * (v_mutual_by_kind operator(extensions.<#>) v_rates_by_kind);

  return query
  with followed as materialized (
    select w.followed_id as id
    from public.follows as w
    where w.follower_id = v_user_id and w.followed_id <> all(v_avoided)
    limit v_followed
  ),

  log as materialized (
    select l.item_no, l.occurred_at, l.is_shown, l.nth
    from medley.timeline_log(p_user_no, v_since, v_impression, v_seen) as l
  ),

  hidden as materialized (
    select l.item_no
    from log as l
    where not l.is_shown or l.nth <= v_shown_rows or l.occurred_at > v_shown_since
  ),

  found as (
    -- What a followed member wrote, and what they passed on: of that, who may see it is asked later.
    select p.item_no, p.post_id, p.author_id, p.created_at, p.visibility, p.conversation_no, p.parent_no,
      case when p.visibility is null then 2 else 1 end as source_no,
      case when p.visibility is null then f.id end as reposter_id
    from followed as f
    cross join lateral (
      select t.item_no, t.post_id, t.author_id, t.created_at, t.visibility, t.conversation_no, t.parent_no
      from medley.timeline_posts as t
      where t.poster_id = f.id and t.posted_at > v_since and t.posted_at <= p_as_of and t.created_at > v_since
      order by t.posted_at desc
      limit v_author_posts
    ) as p
    union all
    select p.item_no, p.post_id, p.author_id, p.created_at, p.visibility, p.conversation_no, p.parent_no, 3, null
    from (
      select f.id
      from followed as f
      order by uuid_hash_extended(f.id, v_hour)
      limit v_likers
    ) as f
    cross join lateral (
      select k.post_id
      from public.likes as k
      where k.user_id = f.id and k.created_at > v_since and k.created_at <= p_as_of
      order by k.created_at desc
      limit 2
    ) as l
    inner join medley.items as i on i.id = l.post_id
    inner join medley.timeline_posts as p on p.item_no = i.item_no and not p.is_repost
    union all
    select p.item_no, p.post_id, p.author_id, p.created_at, p.visibility, p.conversation_no, p.parent_no, t.source_no, null
    from medley.timeline_trending(p_user_no, v_depth, p_as_of) as t
    inner join medley.timeline_posts as p on p.item_no = t.item_no and not p.is_repost
    union all
    select p.item_no, p.post_id, p.author_id, p.created_at, p.visibility, p.conversation_no, p.parent_no, 6, null
    from (
      select t.item_no, t.post_id, t.author_id, t.created_at, t.visibility, t.conversation_no, t.parent_no
      from medley.timeline_posts as t
      where t.is_newcomer and t.created_at > v_since and t.created_at <= p_as_of
      order by t.created_at desc
      limit v_depth / 2
    ) as p
  ),

  -- A post counts once, by the nearest of its sources.
  candidate as materialized (
    select distinct on (f.item_no)
      f.item_no, f.post_id, f.author_id, f.created_at, f.visibility, f.conversation_no, f.parent_no, f.source_no, f.reposter_id
    from found as f
    where f.created_at > v_since
      and f.created_at <= p_as_of
      and (f.item_no not in (select h.item_no from hidden as h) or f.item_no = any(p_skip))
      and f.author_id <> v_user_id
      and f.author_id <> all(v_avoided)
      and (
        f.visibility = 'public'
        or f.visibility is null
        or f.visibility = 'followers' and f.author_id in (select w.id from followed as w)
      )
    order by f.item_no, f.source_no, f.reposter_id
  ),

  author as materialized (
    select
      a.author_id,
      a.is_followed,
      a.is_mutual,
      coalesce(r.counts, v_none) as counts,
      coalesce(r.fading, 0) as fading,
      coalesce(r.exposures * r.fading, 0) as exposures,
      case when a.is_mutual
        then v_mutual_prior_points - coalesce((r.counts operator(extensions.<#>) v_mutual_by_kind) * r.fading, 0)
        else v_prior_points - coalesce((r.counts operator(extensions.<#>) v_by_kind) * r.fading, 0)
      end / (coalesce(r.exposures * r.fading, 0) + v_prior) as points
    from (
      select
        c.author_id,
        c.is_followed,
        -- Followed, and follows back. One probe each: hashing would read all who follow the member.
        c.is_followed and coalesce(
          (select true from public.follows as b where b.follower_id = c.author_id and b.followed_id = v_user_id), false
        ) as is_mutual
      from (
        select d.author_id, d.author_id in (select w.id from followed as w) as is_followed
        from candidate as d
        group by d.author_id
      ) as c
      offset 0
    ) as a
    left join lateral (
      select t.counts, t.exposures, medley.recency(t.counted_at, p_as_of, v_days) as fading
      from medley.author_rates as t
      where t.user_id = a.author_id
      offset 0
    ) as r on true
  ),

  pool as (
    select b.*
    from (
      select
        c.item_no, c.post_id, c.author_id, c.created_at, c.visibility, c.conversation_no, c.parent_no,
        a.counts, a.fading, a.exposures,
        -- Of an author's posts beyond the newest, one may have come another way.
        case when a.is_followed then 1 else c.source_no end as source_no,
        case when not a.is_followed then c.reposter_id end as reposter_id,
        a.is_mutual,
        a.points,
        case when c.source_no > 2 and not a.is_followed then v_out_of_network else 1 end
        * (1 + v_cold_lift * greatest(1 - a.exposures / v_cold_exposures, 0)) as factor
      from candidate as c
      inner join author as a on a.author_id = c.author_id
      offset 0
    ) as b
    order by medley.multiplied(b.points, b.factor) desc, b.created_at desc, b.item_no desc
    limit v_pool
  ),

  -- What only the best need to be asked.
  close as (
    select
      p.item_no, p.post_id, p.author_id, p.created_at, p.source_no, p.reposter_id, p.is_mutual, p.points as rated,
      p.factor, p.counts, p.fading, p.exposures, p.conversation_no, p.item_no = any(p_skip) as is_delivered
    from pool as p
    where case when p.visibility is not null then true else (
        select t.visibility = 'public' or t.visibility = 'followers' and p.source_no = 1
        from medley.timeline_posts as t
        where t.item_no = p.item_no and not t.is_repost
      ) end
      and case when v_muted is null then true else not exists (
        select from public.posts as s where s.id = p.post_id and s.search @@ v_muted
      ) end
      and case when v_avoided = '{}' then true else not exists (
        select from medley.items as i
        where i.item_no = p.parent_no and i.owner_id = any(v_avoided)
      ) end
  ),

  -- By the model where it knows the post: too dear for all that might be shown.
  judged as (
    select
      c.*,
      m.cosine,
      m.probabilities,
      coalesce(m.points, c.rated) as points,
      medley.multiplied(coalesce(m.points, c.rated), c.factor) as base
    from close as c
    left join lateral (
      select
        e.cosine,
        (b.probabilities || v_zeros)::real[] as probabilities,
        b.points + case when c.is_mutual then v_mutual_reply * b.probabilities[v_reply] else 0 end as points
      from (
        select 1 - (t.embedding_256 operator(extensions.<=>) v_taste) as cosine
        from medley.content_embeddings as t
        where v_taste is not null
          and t.item_no = c.item_no and t.embedding_type = 'two_tower' and t.model_version = v_version
        offset 0
      ) as e
      cross join lateral medley.timeline_probabilities(
        v_weights, v_rates, c.counts::real[], c.exposures, c.fading, v_prior, e.cosine, v_intercepts, v_similarities,
        v_rate_factors
      ) as b
    ) as m on true
  ),

  single as (
    select distinct on (j.conversation_no) j.*
    from judged as j
    order by j.conversation_no, j.is_delivered desc, j.base desc, j.created_at desc, j.item_no desc
  ),

  carried as (
    select i.owner_id as author_id, sum(power(0.5::float8, date_part('epoch', p_as_of - l.occurred_at) / v_half_life)) as k
    from log as l
    inner join medley.items as i on i.item_no = l.item_no and i.kind = 'post'
    where l.is_shown
      and l.occurred_at > p_as_of - 10 * v_half_life * interval '1 second'
      and l.occurred_at <= p_as_of
    group by i.owner_id
  ),

  spread as (
    select
      s.*,
      -- Beyond a hundred it stays put, for float8 would rather fail than underflow.
      s.factor * (v_floor + (1 - v_floor) * power(v_decay, least(coalesce(c.k, 0) + row_number() over (
        partition by s.author_id
        order by s.base desc, s.created_at desc, s.item_no desc
      ) - 1, 100))) as multiplier
    from single as s
    left join carried as c on c.author_id = s.author_id
    offset 0
  ),

  page as (
    select f.*, medley.multiplied(f.points, f.multiplier) as score
    from spread as f
    where not f.is_delivered
    order by score desc, f.created_at desc, f.item_no desc
    limit p_limit
  )

  select
    p.item_no, p.post_id, p.created_at, p.source_no, p.reposter_id, p.is_mutual, p.points, p.factor, p.multiplier, p.score, p.cosine,
    -- Smoothed rates of all kinds at once: (count * fading + prior * rate) / (exposures + prior).
    coalesce(p.probabilities, (
      (
        p.counts operator(extensions.*) array_fill(p.fading::real, array[32])::extensions.vector(32)
        operator(extensions.+) v_prior_by_kind
      ) operator(extensions.*) array_fill((1 / (p.exposures + v_prior))::real, array[32])::extensions.vector(32)
    )::real[])
  from page as p
  order by p.score desc, p.created_at desc, p.item_no desc;
end;
$$;

comment on function medley.rank_timeline(
  int, medley.post_reader, int, int[], int, medley.timeline_parameters, timestamptz
) is
  'The best p_limit posts of the member''s timeline, best first: gathered from all sources, filtered, the best of them looked '
  'at closely (muted words, answers to whom the reader avoids, the model''s probabilities), one of each conversation, '
  'authors spread. p_skip: posts of earlier pages, which count but do not come again. p_deeper: times as much from each source.';
revoke all on function medley.rank_timeline(
  int, medley.post_reader, int, int[], int, medley.timeline_parameters, timestamptz
) from public, anon, authenticated, service_role;

-- sql/packs/social/timeline.sql
-- The call: checks, the page, words and cursor.
create or replace function medley.timeline_reason(p_source text, p_author text, p_reposter text)
returns text
language sql immutable parallel safe security invoker
return case p_source
  when 'following' then 'You follow ' || coalesce(p_author, 'the author')
  when 'repost' then 'Reposted by ' || coalesce(p_reposter, 'somebody whom you follow')
  when 'liked' then 'Liked by somebody whom you follow'
  when 'cluster' then 'Popular with people of your taste'
  when 'trending' then 'Popular at the moment'
  else 'A new voice'
end;

comment on function medley.timeline_reason(text, text, text) is
  'Why a post is in the timeline, in words. Names are null where a profile is private. Who likes what is not told.';
revoke all on function medley.timeline_reason(text, text, text) from public, anon, authenticated, service_role;

create or replace function medley.get_home_timeline(p_user_id uuid, p_limit int, p_cursor text, p_now timestamptz)
returns table (
  post_id uuid,
  author_id uuid,
  author_name text,
  content text,
  media jsonb,
  hashtags text[],
  language text,
  visibility text,
  parent_id uuid,
  conversation_id uuid,
  quoted_id uuid,
  like_count int,
  reply_count int,
  repost_count int,
  quote_count int,
  view_count int,
  liked boolean,
  reposted boolean,
  created_at timestamptz,
  reposted_by uuid,
  in_network boolean,
  source text,
  score real,
  breakdown jsonb,
  reason text,
  "position" int, -- noqa: RF06
  request_id uuid,
  algorithm text,
  variant text,
  context jsonb,
  next_cursor text
)
language plpgsql stable parallel safe security definer
set search_path = '' set plan_cache_mode = force_generic_plan set enable_seqscan = off
as $$
declare
  v_user_id uuid := medley.acting_user(p_user_id);
  v_limit int := medley.check_limit(p_limit);
  v_query text := 'home_timeline:' || v_user_id;
  v_as_of timestamptz := p_now;
  v_shown int[] := array[]::int[];
  v_user_no int := (select m.user_no from medley.members as m where m.user_id = v_user_id);
  v_reader medley.post_reader := medley.post_reader(v_user_id);
  v_request_id uuid;
  v_variant text;
  v_overrides jsonb;
  v_parameters medley.timeline_parameters;
  v_probabilities text;
  v_points text;
  v_weights extensions.vector(32);
  v_mutual_reply double precision;
  v_reply int;
  v_network double precision;
  v_version text;
  v_rows medley.timeline_row[];
begin
  if p_cursor is not null then
    select c.as_of, c.shown into v_as_of, v_shown
    from medley.read_recommendation_cursor(p_cursor, v_query, p_now) as c;
  end if;
  -- One request is all its pages.
  v_request_id := md5(row(v_user_id, date_part('epoch', v_as_of))::text)::uuid;
  select e.experiment || ':' || e.variant, e.weights into v_variant, v_overrides
  from medley.active_experiment(v_user_id, 'home_timeline', v_as_of) as e;
  v_parameters := medley.timeline_parameters(v_overrides);
  v_probabilities := v_parameters.probabilities_format;
  v_points := v_parameters.points_format;
  v_weights := v_parameters.weights || array_fill(0::float8, array[32 - cardinality(v_parameters.weights)]);
  v_reply := v_parameters.reply_place;
  v_mutual_reply := v_parameters.mutual_reply;
  v_network := v_parameters.out_of_network;
  v_version := v_parameters.version;

  for v_attempt in 1..2 loop
    v_rows := array(
      select r
      from medley.rank_timeline(
        v_user_no, v_reader, v_limit, v_shown, case v_attempt when 1 then 1 else 10 end, v_parameters, v_as_of
      ) as r
    );
    -- Where the sources end, deeper ones.
    exit when cardinality(v_rows) = v_limit;
  end loop;

  return query
  with page as materialized (
    select
      r.*,
      r.source_no <= 2 as in_network,
      (array['following', 'repost', 'liked', 'cluster', 'trending', 'newcomer'])[r.source_no] as source,
      medley.multiplied(r.points, case when r.source_no <= 2 then 1 else v_network end) as network_points,
      medley.multiplied(r.points, r.factor) as base
    from unnest(v_rows) with ordinality as r (
      item_no, post_id, created_at, source_no, reposter_id, is_mutual, points, factor, multiplier, score, cosine, probabilities, place
    )
  )

  select
    s.post_id, s.author_id, s.author_name, s.content, s.media, s.hashtags, s.language, s.visibility, s.parent_id,
    s.conversation_id, s.quoted_id, s.like_count, s.reply_count, s.repost_count, s.quote_count, s.view_count, s.liked,
    s.reposted, s.created_at,
    p.reposter_id,
    p.in_network,
    p.source,
    p.score::real,
    -- The kinds with their points, and what factors change in points.
    ('{' || concat_ws(
      ',',
      format(v_points, variadic (p.probabilities::extensions.vector(32) operator(extensions.*) v_weights)::real[]),
      '"mutual_reply":' || nullif(case when p.is_mutual then v_mutual_reply * p.probabilities[v_reply] end::real, 0),
      '"out_of_network":' || nullif((p.network_points - p.points)::real, 0),
      '"cold_start":' || nullif((p.base - p.network_points)::real, 0),
      '"author_diversity":' || nullif((p.score - p.base)::real, 0)
    ) || '}')::jsonb,
    medley.timeline_reason(
      p.source, s.author_name, case when f.public_profile then coalesce(f.display_name, f.username) end
    ),
    (cardinality(v_shown) + p.place - 1)::int,
    v_request_id,
    case when p.cosine is null then 'rates' else v_version end,
    v_variant,
    -- By text: half the time that an aggregate of keys and values takes.
    (
      '{"request_id":"' || v_request_id || '","m":' || p.multiplier::real || ',"mutual":' || p.is_mutual
      || ',"p":{' || format(v_probabilities, variadic p.probabilities) || '}}'
    )::jsonb,
    case
      when p.place = v_limit
        then medley.recommendation_cursor(v_query, v_as_of, v_shown || array(select o.item_no from page as o order by o.place))
    end
  from page as p
  inner join medley.show_posts(array(select o.post_id from page as o), v_reader) as s on s.post_id = p.post_id
  left join public.profiles as f on f.id = p.reposter_id
  order by p.place;
end;
$$;

comment on function medley.get_home_timeline(uuid, int, text, timestamptz) is
  'The home timeline of the member p_user_id at p_now; see public.get_home_timeline.';
revoke all on function medley.get_home_timeline(uuid, int, text, timestamptz)
from public, anon, authenticated, service_role;
grant execute on function medley.get_home_timeline(uuid, int, text, timestamptz) to authenticated, service_role;

-- sql/packs/social/timeline_api.sql
-- The API of the home timeline.
create or replace function public.get_home_timeline(
  p_limit int default 20,
  p_cursor text default null,
  p_user_id uuid default null
)
returns table (
  post_id uuid,
  author_id uuid,
  author_name text,
  content text,
  media jsonb,
  hashtags text[],
  language text,
  visibility text,
  parent_id uuid,
  conversation_id uuid,
  quoted_id uuid,
  like_count int,
  reply_count int,
  repost_count int,
  quote_count int,
  view_count int,
  liked boolean,
  reposted boolean,
  created_at timestamptz,
  reposted_by uuid,
  in_network boolean,
  source text,
  score real,
  breakdown jsonb,
  reason text,
  "position" int, -- noqa: RF06
  request_id uuid,
  algorithm text,
  variant text,
  context jsonb,
  next_cursor text
)
language plpgsql stable parallel safe security invoker set search_path = ''
as $$
begin
  -- Not language sql, which would plan the call each time.
  return query
  select t.*
  from medley.get_home_timeline(p_user_id, p_limit, p_cursor, now()) as t;
end;
$$;

comment on function public.get_home_timeline(int, text, uuid) is
  'The posts that the member probably wants most: of members whom the member follows (source following), reposted by them '
  '(repost, reposted_by), and out of the network (liked by them, popular with a cluster of taste, trending, newcomer). '
  'score is a weighted sum of the probabilities that the member likes, answers, hides ... the post, times factors; '
  'breakdown says how many points each term of medley.ranker_weights gives, and sums to it. Left out: own posts, those '
  'older than timeline.max_age_hours, those that the member has seen, rejected or was shown lately, posts of or in answer '
  'to muted and blocked members, muted words, all but one post of a conversation. reason says why in words; position '
  'counts from 0. Log an impression for each row that is shown, with position, score, algorithm, variant and context '
  'sent back unchanged. request_id is the same on all pages of a request. p_limit: 1 to 200. p_cursor: next_cursor of the '
  'previous page; pages are of the moment of the first, so that new posts wait for the next request, good for a day, 500 '
  'posts deep. p_user_id: for the secret key only. Errors: unauthenticated, forbidden, not_found (the member), invalid_argument, '
  'invalid_cursor.';
revoke all on function public.get_home_timeline(int, text, uuid) from public, anon, authenticated, service_role;
grant execute on function public.get_home_timeline(int, text, uuid) to authenticated, service_role;

-- sql/packs/social/timeline_jobs.sql
-- What keeps the rates of the timeline current.
insert into medley.jobs (name, schedule, function_name, batch_size, timeout_seconds, description)
values
  (
    'roll_up_author_rates', '*/10 * * * *', 'roll_up_author_rates', null, 600,
    'Counts what members did with posts since the last run, by author.'
  ),
  (
    'rebuild_author_rates', '35 4 * * 0', 'rebuild_author_rates', null, 7200,
    'Counts the whole log anew, by author.'
  );

notify pgrst, 'reload schema';
