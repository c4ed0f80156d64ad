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
