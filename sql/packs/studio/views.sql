-- The names that the outside knows: follows of bands, and playlists with their tracks as one array.
create view public.user_follows with (security_invoker = true, check_option = 'local') as
select
  f.user_id,
  f.item_id as band_id,
  f.created_at
from public.item_follows as f
where exists (select from public.bands as b where b.id = f.item_id);

comment on view public.user_follows is 'The bands that members follow: item_follows of bands. Updatable.';
comment on column public.user_follows.user_id is 'The member.';
comment on column public.user_follows.band_id is 'The band.';
comment on column public.user_follows.created_at is 'Since when.';

create view public.playlists_with_tracks with (security_invoker = true) as
select
  p.id,
  p.user_id,
  p.name,
  p.description,
  (
    select coalesce(jsonb_agg(jsonb_build_object('id', t.track_id, 'added_at', t.added_at) order by t.place), '[]')
    from public.playlist_tracks as t
    where t.playlist_id = p.id
  ) as tracks,
  p.is_public,
  p.created_at,
  p.updated_at
from public.user_playlists as p;

comment on view public.playlists_with_tracks is 'Playlists, each with those of its tracks that the reader may see.';
comment on column public.playlists_with_tracks.id is 'The playlist.';
comment on column public.playlists_with_tracks.user_id is 'The member who made it.';
comment on column public.playlists_with_tracks.name is 'Name of the playlist.';
comment on column public.playlists_with_tracks.description is 'A few words about it.';
comment on column public.playlists_with_tracks.tracks is 'Its tracks in order: [{"id", "added_at"}].';
comment on column public.playlists_with_tracks.is_public is 'Whether others may see it.';
comment on column public.playlists_with_tracks.created_at is 'When the row was made.';
comment on column public.playlists_with_tracks.updated_at is 'When the row, or its tracks, last changed.';
