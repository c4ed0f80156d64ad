-- Made from sql/core/identity by `make migrations`; edit that, not this.

-- sql/core/identity/tables.sql
-- People: what others may see of a member (profiles), what only the member may (user_preferences),
-- and the edges between members (follows, blocks, mutes). Written by apps under RLS.
-- Inside the engine a member is an int4 number of medley.members.
create table public.profiles (
  id uuid primary key references auth.users (id) on delete cascade,
  username text unique check (username ~ '^[A-Za-z0-9_.]{2,40}$'),
  display_name text check (length(display_name) <= 100),
  avatar_url text check (length(avatar_url) <= 2000),
  bio text check (length(bio) <= 2000),
  public_profile boolean not null default true,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);

comment on table public.profiles is 'What everyone may see of a member, unless the member keeps it private.';
comment on column public.profiles.id is 'The member: auth.users.id.';
comment on column public.profiles.username is 'Unique handle: 2 to 40 letters, digits, dots or underscores.';
comment on column public.profiles.display_name is 'Name shown to people.';
comment on column public.profiles.avatar_url is 'Address of the picture.';
comment on column public.profiles.bio is 'A few words about the member.';
comment on column public.profiles.public_profile is 'Whether others see the row; without it only the member does.';
comment on column public.profiles.created_at is 'When the row was made.';
comment on column public.profiles.updated_at is 'When the row last changed.';

create table public.user_preferences (
  user_id uuid primary key default auth.uid() references auth.users (id) on delete cascade,
  genre_preferences text[] not null default '{}' check (cardinality(genre_preferences) <= 50),
  home_latitude double precision check (home_latitude between -90 and 90),
  home_longitude double precision check (home_longitude between -180 and 180),
  home_city text check (length(home_city) <= 200),
  home_country text check (length(home_country) <= 100),
  radius_km double precision not null default 80 check (radius_km between 1 and 500),
  email_notifications boolean not null default true,
  preferences_profile jsonb not null default '{}' check (jsonb_typeof(preferences_profile) = 'object'),
  onboarding_completed boolean not null default false,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint user_preferences_home_complete check ((home_latitude is null) = (home_longitude is null))
);

comment on table public.user_preferences is 'What a member chose and only the member sees: genres, home, radius.';
comment on column public.user_preferences.user_id is 'The member.';
comment on column public.user_preferences.genre_preferences is
  'Genres the member likes, as names in any spelling; at most 50.';
comment on column public.user_preferences.home_latitude is 'Home, degrees north (WGS 84).';
comment on column public.user_preferences.home_longitude is 'Home, degrees east (WGS 84).';
comment on column public.user_preferences.home_city is 'Home city as the member writes it.';
comment on column public.user_preferences.home_country is 'Home country as the member writes it.';
comment on column public.user_preferences.radius_km is 'How far the member goes, in kilometres, 1 to 500.';
comment on column public.user_preferences.email_notifications is 'Whether the app may write to the member.';
comment on column public.user_preferences.preferences_profile is 'Anything else an app keeps for the member: a JSON object.';
comment on column public.user_preferences.onboarding_completed is 'Whether the member went through the app''s first steps.';
comment on column public.user_preferences.created_at is 'When the row was made.';
comment on column public.user_preferences.updated_at is 'When the row last changed.';

create table public.follows (
  follower_id uuid not null default auth.uid() references auth.users (id) on delete cascade,
  followed_id uuid not null references auth.users (id) on delete cascade,
  created_at timestamptz not null default now(),
  primary key (follower_id, followed_id),
  constraint follows_not_self check (follower_id <> followed_id)
);
create index follows_followed_idx on public.follows (followed_id, follower_id);

comment on table public.follows is 'Who follows whom. Two members who follow each other are friends.';
comment on column public.follows.follower_id is 'The member who follows.';
comment on column public.follows.followed_id is 'The member who is followed.';
comment on column public.follows.created_at is 'Since when.';

create table public.user_blocks (
  user_id uuid not null default auth.uid() references auth.users (id) on delete cascade,
  blocked_id uuid not null references auth.users (id) on delete cascade,
  created_at timestamptz not null default now(),
  primary key (user_id, blocked_id),
  constraint user_blocks_not_self check (user_id <> blocked_id)
);
create index user_blocks_blocked_idx on public.user_blocks (blocked_id, user_id);

comment on table public.user_blocks is 'A block hides both members from each other.';
comment on column public.user_blocks.user_id is 'The member who blocks.';
comment on column public.user_blocks.blocked_id is 'The member who is blocked.';
comment on column public.user_blocks.created_at is 'Since when.';

create table public.user_mutes (
  user_id uuid not null default auth.uid() references auth.users (id) on delete cascade,
  muted_id uuid not null references auth.users (id) on delete cascade,
  created_at timestamptz not null default now(),
  primary key (user_id, muted_id),
  constraint user_mutes_not_self check (user_id <> muted_id)
);
create index user_mutes_muted_idx on public.user_mutes (muted_id);

comment on table public.user_mutes is 'A mute keeps the muted member''s items and interests from the member who mutes, silently.';
comment on column public.user_mutes.user_id is 'The member who mutes.';
comment on column public.user_mutes.muted_id is 'The member who is muted.';
comment on column public.user_mutes.created_at is 'Since when.';

create table medley.members (
  user_id uuid primary key references auth.users (id) on delete cascade,
  user_no int not null generated always as identity unique
);

comment on table medley.members is 'The engine''s number of each member, given on first use.';
comment on column medley.members.user_id is 'The member: auth.users.id.';
comment on column medley.members.user_no is 'Dense number; half the size of a uuid twice over in every pair.';

-- sql/core/identity/functions.sql
-- Numbers for members, and who is whose friend.
create or replace function medley.member_numbers(p_user_ids uuid[])
returns table (user_id uuid, user_no int)
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
begin
  insert into medley.members (user_id)
  select distinct u.id
  from unnest(p_user_ids) as u (id)
  where not exists (select from medley.members as m where m.user_id = u.id)
  order by u.id
  on conflict do nothing;

  return query
  select m.user_id, m.user_no
  from medley.members as m
  where m.user_id = any(p_user_ids);
end;
$$;

comment on function medley.member_numbers(uuid[]) is
  'The numbers of these members, made where they have none yet.';
revoke all on function medley.member_numbers(uuid[]) from public, anon, authenticated, service_role;

create or replace function medley.member_no(p_user_id uuid)
returns int
language sql stable parallel safe security definer set search_path = ''
as $$
  select m.user_no
  from medley.members as m
  where m.user_id = p_user_id
$$;

comment on function medley.member_no(uuid) is
  'The number of the member, or null before first use. Reads never write, so it makes none.';
revoke all on function medley.member_no(uuid) from public, anon, authenticated, service_role;

create or replace function medley.acting_user_no()
returns int
language sql stable parallel safe security definer set search_path = ''
as $$
  select m.user_no
  from medley.members as m
  where m.user_id = (select auth.uid())
$$;

comment on function medley.acting_user_no() is 'The number of the signed-in member; null for anyone else.';
revoke all on function medley.acting_user_no() from public, anon, authenticated, service_role;
grant execute on function medley.acting_user_no() to authenticated;

create or replace function medley.is_blocked(p_a uuid, p_b uuid)
returns boolean
language sql stable parallel safe security definer set search_path = ''
as $$
  select exists (
    select from public.user_blocks as b
    where (b.user_id = p_a and b.blocked_id = p_b) or (b.user_id = p_b and b.blocked_id = p_a)
  )
$$;

comment on function medley.is_blocked(uuid, uuid) is 'Whether either of the two members blocks the other.';
revoke all on function medley.is_blocked(uuid, uuid) from public, anon, authenticated, service_role;
grant execute on function medley.is_blocked(uuid, uuid) to authenticated;

-- Asked once a call, where may_list would be asked for each of thousands of items.
create or replace function medley.avoided_members(p_user_id uuid, out blocked uuid[], out muted uuid[])
language plpgsql stable parallel safe security definer
set search_path = '' set plan_cache_mode = force_generic_plan
as $$
begin
  blocked := '{}';
  muted := '{}';
  if p_user_id is not null then
    blocked := array(
      select b.blocked_id from public.user_blocks as b where b.user_id = p_user_id
      union
      select b.user_id from public.user_blocks as b where b.blocked_id = p_user_id
    );
    muted := array(select m.muted_id from public.user_mutes as m where m.user_id = p_user_id);
  end if;
end;
$$;

comment on function medley.avoided_members(uuid) is
  'Whom lists for the member (null: nobody is signed in) leave out: those blocked in either direction, and those whom the '
  'member muted.';
revoke all on function medley.avoided_members(uuid) from public, anon, authenticated, service_role;

-- No SET: it inlines into the queries of definer functions, which alone may run it.
create or replace function medley.friends(p_user_id uuid)
returns table (friend_id uuid)
language sql stable parallel safe security invoker
begin atomic
  select f.followed_id
  from public.follows as f
  where f.follower_id = p_user_id
    and exists (
      select from public.follows as r
      where r.follower_id = f.followed_id and r.followed_id = p_user_id
    );
end;

comment on function medley.friends(uuid) is 'The member''s friends: mutual follows.';
revoke all on function medley.friends(uuid) from public, anon, authenticated, service_role;

create or replace function medley.sever_blocked_follows()
returns trigger
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
begin
  delete from public.follows as f
  using new_rows as n
  where (f.follower_id = n.user_id and f.followed_id = n.blocked_id)
    or (f.follower_id = n.blocked_id and f.followed_id = n.user_id);
  return null;
end;
$$;

comment on function medley.sever_blocked_follows() is 'Statement trigger: a block ends the follows between both members.';
revoke all on function medley.sever_blocked_follows() from public, anon, authenticated, service_role;

create trigger user_blocks_sever_follows
after insert on public.user_blocks
referencing new table as new_rows
for each statement execute function medley.sever_blocked_follows();

create trigger profiles_updated_at
before update on public.profiles
for each row execute function medley.set_updated_at();

create trigger user_preferences_updated_at
before update on public.user_preferences
for each row execute function medley.set_updated_at();

-- sql/core/identity/policies.sql
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
