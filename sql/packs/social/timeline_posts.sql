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
