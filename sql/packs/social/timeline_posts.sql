-- The timeline's copy of posts follows them: one narrow row a post, written once, whoever follows the author.
create or replace function medley.add_timeline_posts()
returns trigger
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
begin
  insert into medley.timeline_posts (
    item_no, conversation_no, parent_no, visibility, is_newcomer, created_at, post_id, author_id
  )
  select
    i.item_no,
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
  left join medley.timeline_posts as p on p.item_no = pi.item_no;
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
  where i.id = new.id and p.item_no = i.item_no;
  return null;
end;
$$;

comment on function medley.follow_timeline_visibility() is 'Row trigger on posts: timeline_posts follows who may see a post.';
revoke all on function medley.follow_timeline_visibility() from public, anon, authenticated, service_role;

-- After registration, which gives a post its number.
create trigger posts_3_timeline_insert
after insert on public.posts referencing new table as new_rows
for each statement execute function medley.add_timeline_posts();
create trigger posts_3_timeline_update
after update of visibility on public.posts
for each row when (old.visibility <> new.visibility) execute function medley.follow_timeline_visibility();
