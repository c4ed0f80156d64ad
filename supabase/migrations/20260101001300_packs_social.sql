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
create index idx_posts_needs_embedding on public.posts (created_at) where computed_at is null;
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
    from regexp_matches(p_content, '(?:^|[^\w&/#])#(?=\d*[^\W\d])(\w{1,100})(?!\w)', 'g') with ordinality as m (match, place)
    group by lower(m.match[1])
    order by place
    limit 30
  ) as f
$$;

comment on function medley.extract_hashtags(text) is
  'The first 30 hashtags in a text, each once, in lower case and without the sign: letters, digits and underscores, not '
  'digits alone, up to 100 of them, after anything but a word, a slash or an ampersand.';
revoke all on function medley.extract_hashtags(text) from public, anon, authenticated, service_role;

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
  if new.content !~ '\S' and new.media = '[]' and new.quoted_id is null then
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
    case when n.content ~ '\S' then left(n.content, 1000) when n.quoted_id is null then '(media)' else '(quote)' end,
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

-- The number goes before the posts: its table refers to accounts for longer. Triggers after the fact would run at the end.
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
  v_events jsonb;
begin
  for v_events in
    -- The clock and not the transaction's time: a like, its end and another like are three events. What a loader brings
    -- in happened when its row says.
    select jsonb_agg(jsonb_build_object(
      'user_id', a.user_id,
      'item_id', a.post_id,
      'kind', v_kind,
      'occurred_at', case when tg_op = 'INSERT' and a.created_at < now() then a.created_at else clock_timestamp() end
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
  v.hidden := array(
    select b.blocked_id from public.user_blocks as b where b.user_id = p_user_id
    union
    select b.user_id from public.user_blocks as b where b.blocked_id = p_user_id
  );
  v.avoided := v.hidden || array(select m.muted_id from public.user_mutes as m where m.user_id = p_user_id);
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
    case when p.parent_id is not null and medley.visible_to(v_user_id, p.parent_id) then p.parent_id end,
    p.conversation_id,
    case when p.quoted_id is not null and medley.visible_to(v_user_id, p.quoted_id) then p.quoted_id end,
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
  left join medley.hidden_counts(p_post_ids, p_reader.hidden) as h on h.post_id = p.id;
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
  v_user_id uuid := case when p_user_id is null then auth.uid() else medley.acting_user(p_user_id) end;
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
  v_user_id uuid := case when p_user_id is null then auth.uid() else medley.acting_user(p_user_id) end;
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
  v_user_id uuid := case when p_user_id is null then auth.uid() else medley.acting_user(p_user_id) end;
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
  'secret key only. Errors: invalid_argument, invalid_cursor, unauthenticated, forbidden.';
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
  'for the secret key only. Errors: invalid_argument, too_large (500 characters), invalid_cursor, unauthenticated, '
  'forbidden.';
revoke all on function public.search_posts(text, int, text, uuid) from public, anon, authenticated, service_role;
grant execute on function public.search_posts(text, int, text, uuid) to anon, authenticated, service_role;

create or replace function public.view_posts(p_post_ids uuid[], p_user_id uuid default null)
returns int
language sql volatile parallel unsafe security invoker set search_path = ''
as $$ select medley.view_posts(p_post_ids, p_user_id, now()) $$;

comment on function public.view_posts(uuid[], uuid) is
  'Says that posts were in front of the member''s eyes: one view a member and post, whatever is said again. '
  'p_post_ids: up to 1,000; those that the member does not see are passed over. p_user_id: for the secret key only. '
  'Returns how many views are new. Errors: invalid_argument, too_large, unauthenticated, forbidden.';
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

notify pgrst, 'reload schema';
