-- What members keep is what they like: the library and the playlists speak to the log of engagements.
insert into medley.engagement_kinds
  (kind, weight, half_life_days, polarity, engagement, marks_seen, value_rule, social_signal, description)
values ('unlike', -2, 30, 0, 0.2, false, 'none', null, 'No longer liked: takes back what the like was worth.')
on conflict (kind) do nothing;

create or replace function medley.log_kept_tracks()
returns trigger
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_kind text := case tg_op when 'INSERT' then tg_argv[0] else tg_argv[1] end;
  v_events jsonb;
begin
  for v_events in
    -- The clock and not the transaction's time: what is kept, given up and kept again is three events.
    select jsonb_agg(jsonb_build_object(
      'user_id', k.user_id, 'item_id', k.track_id, 'kind', v_kind, 'occurred_at', clock_timestamp()
    ))
    from (
      select m.user_id, m.track_id, row_number() over () / 10000 as chunk
      from (
        select distinct coalesce(p.user_id, (to_jsonb(c) ->> 'user_id')::uuid) as user_id, c.track_id
        from changed_rows as c
        left join public.user_playlists as p on p.id = (to_jsonb(c) ->> 'playlist_id')::uuid
      ) as m
      -- What goes with an account, a playlist or a track was not given up.
      inner join auth.users as u on u.id = m.user_id
      inner join medley.items as i on i.id = m.track_id
    ) as k
    group by k.chunk
  loop
    perform from medley.write_engagements(null, v_events, now() - interval '1 day', clock_timestamp());
  end loop;
  return null;
end;
$$;

comment on function medley.log_kept_tracks() is
  'Statement trigger on user_library and playlist_tracks with transition table changed_rows. Arguments: the kinds of '
  'engagement that keeping a track and giving it up are.';
revoke all on function medley.log_kept_tracks() from public, anon, authenticated, service_role;

create trigger user_library_engagements_insert
after insert on public.user_library referencing new table as changed_rows
for each statement execute function medley.log_kept_tracks('like', 'unlike');
create trigger user_library_engagements_delete
after delete on public.user_library referencing old table as changed_rows
for each statement execute function medley.log_kept_tracks('like', 'unlike');
create trigger playlist_tracks_engagements_insert
after insert on public.playlist_tracks referencing new table as changed_rows
for each statement execute function medley.log_kept_tracks('add_to_list', 'remove_from_list');
create trigger playlist_tracks_engagements_delete
after delete on public.playlist_tracks referencing old table as changed_rows
for each statement execute function medley.log_kept_tracks('add_to_list', 'remove_from_list');
