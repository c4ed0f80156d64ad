-- Row-level security and grants of the people tables: own rows, and what is public about others.
alter table public.profiles enable row level security;
revoke all on public.profiles from public, anon, authenticated, service_role;
grant select on public.profiles to anon, authenticated;
grant insert (id, username, display_name, avatar_url, bio, public_profile) on public.profiles to authenticated;
grant update (username, display_name, avatar_url, bio, public_profile) on public.profiles to authenticated;
grant select, insert, update, delete on public.profiles to service_role;

create policy profiles_select on public.profiles
for select to anon, authenticated using (public_profile or id = (select auth.uid()));

create policy profiles_insert on public.profiles
for insert to authenticated with check (id = (select auth.uid()));

create policy profiles_update on public.profiles
for update to authenticated using (id = (select auth.uid())) with check (id = (select auth.uid()));

alter table public.user_preferences enable row level security;
revoke all on public.user_preferences from public, anon, authenticated, service_role;
grant select, delete on public.user_preferences to authenticated;
grant
insert (
  user_id, genre_preferences, home_latitude, home_longitude, home_city, home_country, radius_km, email_notifications,
  preferences_profile, onboarding_completed
),
update (
  user_id, genre_preferences, home_latitude, home_longitude, home_city, home_country, radius_km, email_notifications,
  preferences_profile, onboarding_completed
)
on public.user_preferences to authenticated;
grant select, insert, update, delete on public.user_preferences to service_role;

create policy user_preferences_own on public.user_preferences
for all to authenticated using (user_id = (select auth.uid())) with check (user_id = (select auth.uid()));

alter table public.follows enable row level security;
revoke all on public.follows from public, anon, authenticated, service_role;
grant select, delete on public.follows to authenticated;
grant insert (follower_id, followed_id), update (follower_id, followed_id) on public.follows to authenticated;
grant select, insert, update, delete on public.follows to service_role;

create policy follows_select on public.follows
for select to authenticated
using (follower_id = (select auth.uid()) or followed_id = (select auth.uid()));

create policy follows_insert on public.follows
for insert to authenticated
with check (
  follower_id = (select auth.uid())
  and not medley.is_blocked((select auth.uid()), followed_id)
);

-- An upsert of a follow that exists is an update to the same.
create policy follows_update on public.follows
for update to authenticated
using (follower_id = (select auth.uid()))
with check (
  follower_id = (select auth.uid())
  and not medley.is_blocked((select auth.uid()), followed_id)
);

create policy follows_delete on public.follows
for delete to authenticated using (follower_id = (select auth.uid()));

alter table public.user_blocks enable row level security;
revoke all on public.user_blocks from public, anon, authenticated, service_role;
grant select, delete on public.user_blocks to authenticated;
grant insert (user_id, blocked_id) on public.user_blocks to authenticated;
grant select, insert, update, delete on public.user_blocks to service_role;

create policy user_blocks_own on public.user_blocks
for all to authenticated using (user_id = (select auth.uid())) with check (user_id = (select auth.uid()));

alter table public.user_mutes enable row level security;
revoke all on public.user_mutes from public, anon, authenticated, service_role;
grant select, delete on public.user_mutes to authenticated;
grant insert (user_id, muted_id) on public.user_mutes to authenticated;
grant select, insert, update, delete on public.user_mutes to service_role;

create policy user_mutes_own on public.user_mutes
for all to authenticated using (user_id = (select auth.uid())) with check (user_id = (select auth.uid()));

-- The engine reads members through its own functions only.
alter table medley.members enable row level security;
revoke all on medley.members from public, anon, authenticated, service_role;

create policy members_own on medley.members
for select to authenticated using (user_id = (select auth.uid()));
