-- Everything recommendable is a row of medley.items, whatever pack or app it comes from.
-- Catalogue tables reference it by id and register their rows by a bulk trigger (functions.sql);
-- apps with kinds of their own use register_items (api.sql).
create table medley.item_kinds (
  kind text primary key check (kind ~ '^[a-z][a-z0-9_]{1,39}$'),
  in_genre_statistics boolean not null default false,
  description text not null
);

comment on table medley.item_kinds is 'The kinds of items: data, so an app may add its own.';
comment on column medley.item_kinds.kind is 'Name of the kind: lower case letters, digits and underscores.';
comment on column medley.item_kinds.in_genre_statistics is
  'Whether the genres of items of this kind count in co-occurrence (true for artists, say; not for their events).';
comment on column medley.item_kinds.description is 'What an item of this kind is.';

create table medley.items (
  id uuid primary key default gen_random_uuid(),
  item_no int not null generated always as identity unique,
  kind text not null references medley.item_kinds (kind),
  title text not null check (length(title) between 1 and 1000),
  owner_id uuid references auth.users (id) on delete cascade,
  visibility text not null default 'public' check (visibility in ('public', 'followers', 'private')),
  published_at timestamptz not null default now(),
  expires_at timestamptz
);
create index items_kind_idx on medley.items (kind, item_no);
create index items_owner_idx on medley.items (owner_id) where owner_id is not null;

comment on table medley.items is 'The registry of everything that can be recommended.';
comment on column medley.items.id is 'The id that apps use; a catalogue row has the same.';
comment on column medley.items.item_no is 'Dense number; what the engine joins by.';
comment on column medley.items.kind is 'Kind of item.';
comment on column medley.items.title is 'What people call it.';
comment on column medley.items.owner_id is 'The member it belongs to; null for catalogue items.';
comment on column medley.items.visibility is 'public, followers (of the owner) or private (to the owner).';
comment on column medley.items.published_at is 'When it became available.';
comment on column medley.items.expires_at is 'When it stops being worth showing; null for never.';

create table public.item_follows (
  user_id uuid not null default auth.uid() references auth.users (id) on delete cascade,
  item_id uuid not null references medley.items (id) on delete cascade,
  notifications_enabled boolean not null default true,
  created_at timestamptz not null default now(),
  primary key (user_id, item_id)
);
create index item_follows_item_idx on public.item_follows (item_id);

comment on table public.item_follows is 'Items that members follow: artists, bands, venues, anything registered.';
comment on column public.item_follows.user_id is 'The member who follows.';
comment on column public.item_follows.item_id is 'The item that is followed.';
comment on column public.item_follows.notifications_enabled is 'Whether the app may notify the member of news about it.';
comment on column public.item_follows.created_at is 'Since when.';
