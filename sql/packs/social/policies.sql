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
