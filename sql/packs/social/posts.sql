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
