-- Row-level security and grants of songs and setlists: all may read, the service writes, members write through the API.
-- plpgsql keeps its plan; a policy asks for each row.
create or replace function medley.setlist_visible(p_user_id uuid, p_setlist_id uuid)
returns boolean
language plpgsql stable parallel safe security definer
set search_path = '' set plan_cache_mode = force_generic_plan
as $$
begin
  return coalesce(
    (
      select case
        -- Almost every setlist is everybody's.
        when s.created_by is null
          and a.visibility = 'public' and a.owner_id is null
          and (s.event_id is null or i.visibility = 'public' and i.owner_id is null)
          then true
        else
          medley.visible_to(p_user_id, s.artist_id)
          and (s.event_id is null or medley.visible_to(p_user_id, s.event_id))
          and (s.created_by is null or not medley.is_blocked(p_user_id, s.created_by))
      end
      from public.setlists as s
      inner join medley.items as a on a.id = s.artist_id
      left join medley.items as i on i.id = s.event_id
      where s.id = p_setlist_id
    ),
    false
  );
end;
$$;

comment on function medley.setlist_visible(uuid, uuid) is
  'Whether the member p_user_id (null: not signed in) may see the setlist: its artist and show, and no block between both members.';
revoke all on function medley.setlist_visible(uuid, uuid) from public, anon, authenticated, service_role;
grant execute on function medley.setlist_visible(uuid, uuid) to anon, authenticated, service_role;

alter table public.songs enable row level security;
revoke all on public.songs from public, anon, authenticated, service_role;
grant select on public.songs to anon, authenticated;
grant select, insert, update, delete on public.songs to service_role;

create policy songs_select on public.songs
for select to anon, authenticated using (medley.visible_to((select auth.uid()), id));

alter table public.artist_songs enable row level security;
revoke all on public.artist_songs from public, anon, authenticated, service_role;
grant select on public.artist_songs to anon, authenticated;
grant select, insert, update, delete on public.artist_songs to service_role;

create policy artist_songs_select on public.artist_songs
for select to anon, authenticated using (medley.visible_to((select auth.uid()), song_id));

alter table public.setlists enable row level security;
revoke all on public.setlists from public, anon, authenticated, service_role;
grant select on public.setlists to anon, authenticated;
grant delete, update (name) on public.setlists to authenticated;
-- Counters are written by triggers alone.
grant
select,
insert (id, event_id, artist_id, type, name, order_index, is_locked, created_by, setlistfm_id, created_at, updated_at),
update (event_id, type, name, order_index, is_locked, setlistfm_id),
delete
on public.setlists to service_role;

create policy setlists_select on public.setlists
for select to anon, authenticated using (medley.setlist_visible((select auth.uid()), id));

create policy setlists_update on public.setlists
for update to authenticated
using (created_by = (select auth.uid()) and type = 'user_created' and not is_locked)
with check (created_by = (select auth.uid()));

create policy setlists_delete on public.setlists
for delete to authenticated
using (created_by = (select auth.uid()) and type = 'user_created' and not is_locked);

alter table public.setlist_songs enable row level security;
revoke all on public.setlist_songs from public, anon, authenticated, service_role;
grant select on public.setlist_songs to anon, authenticated;
grant select, insert (id, setlist_id, song_id, position, created_at), update (position), delete
on public.setlist_songs to service_role;

create policy setlist_songs_select on public.setlist_songs
for select to anon, authenticated using (medley.setlist_visible((select auth.uid()), setlist_id));

-- Nobody sees how another voted; the counters are public. Votes are cast by vote_setlist_song.
alter table public.setlist_votes enable row level security;
revoke all on public.setlist_votes from public, anon, authenticated, service_role;
grant select on public.setlist_votes to authenticated;
grant select, insert, update (vote, voted_at), delete on public.setlist_votes to service_role;

create policy setlist_votes_select on public.setlist_votes
for select to authenticated using (user_id = (select auth.uid()));
