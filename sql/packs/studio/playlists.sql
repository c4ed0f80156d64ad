-- Editing playlists. Every edit first locks the playlist's row, so two devices take turns; it names tracks, not numbers
-- of rows, so it means the same whatever the other device did meanwhile.
-- Places have gaps of 2^32. A track goes into the middle of a gap; when one is used up, the neighbourhood is spread
-- again, the whole playlist only when it is full.
create or replace function medley.open_playlist(p_user_id uuid, p_playlist_id uuid, p_version bigint default null)
returns void
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_owner uuid;
  v_version bigint;
begin
  select p.user_id, p.version into v_owner, v_version
  from public.user_playlists as p
  where p.id = p_playlist_id
  for no key update;

  if v_owner is null or v_owner <> p_user_id and not medley.visible_to(p_user_id, p_playlist_id) then
    perform medley.fail('not_found', format('no playlist %s', p_playlist_id), 'p_playlist_id',
      'Pass the id of a playlist of yours.');
  end if;
  if v_owner <> p_user_id then
    perform medley.fail('forbidden', 'the playlist is another member''s', 'p_playlist_id', 'Make one of your own.');
  end if;
  if v_version <> p_version then
    perform medley.fail('conflict', format('the playlist is at version %s, not %s', v_version, p_version), 'p_version',
      'Somebody changed it meanwhile: read it again.');
  end if;
end;
$$;

comment on function medley.open_playlist(uuid, uuid, bigint) is
  'Locks a playlist of the member for the rest of the transaction. p_version (null: any): the version that the caller saw. '
  'Errors: not_found, forbidden, conflict.';
revoke all on function medley.open_playlist(uuid, uuid, bigint) from public, anon, authenticated, service_role;

create or replace function medley.spread_playlist(p_playlist_id uuid, p_place bigint, p_room int)
returns void
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_step constant bigint := 4294967296;
  v_width int := 32;
  v_tracks uuid[];
  v_low bigint;
  v_high bigint;
begin
  loop
    with near as (
      (
        select t.track_id, t.place
        from public.playlist_tracks as t
        where t.playlist_id = p_playlist_id and t.place < p_place
        order by t.place desc
        limit v_width
      )
      union all
      (
        select t.track_id, t.place
        from public.playlist_tracks as t
        where t.playlist_id = p_playlist_id and t.place >= p_place
        order by t.place
        limit v_width
      )
    )

    select
      array_agg(n.track_id order by n.place),
      coalesce(
        (select max(t.place) from public.playlist_tracks as t where t.playlist_id = p_playlist_id and t.place < min(n.place)),
        min(n.place) - v_step * (count(*) + p_room)
      ),
      coalesce(
        (select min(t.place) from public.playlist_tracks as t where t.playlist_id = p_playlist_id and t.place > max(n.place)),
        max(n.place) + v_step * (count(*) + p_room)
      )
    into v_tracks, v_low, v_high
    from near as n;
    -- Beyond an end there is room for everything, so the search ends there at the latest.
    exit when (v_high - v_low) / (cardinality(v_tracks) + 1) >= 65536::bigint * (p_room + 1);
    v_width := v_width * 4;
  end loop;

  update public.playlist_tracks as t
  set place = v_low + (v_high - v_low) / (cardinality(v_tracks) + 1) * n.rank
  from unnest(v_tracks) with ordinality as n (track_id, rank)
  where t.playlist_id = p_playlist_id and t.track_id = n.track_id;
end;
$$;

comment on function medley.spread_playlist(uuid, bigint, int) is
  'Makes room for p_room tracks in every gap around the place p_place: spreads the least neighbourhood that has enough of it.';
revoke all on function medley.spread_playlist(uuid, bigint, int) from public, anon, authenticated, service_role;

create or replace function medley.free_places(p_playlist_id uuid, p_before uuid, p_moved uuid, p_room int)
returns table (first_place bigint, step bigint)
language plpgsql volatile parallel unsafe security definer
set search_path = '' set plan_cache_mode = force_generic_plan
as $$
declare
  v_step constant bigint := 4294967296;
  v_low bigint;
  v_high bigint;
begin
  for v_attempt in 1 .. 2 loop
    v_high := null;
    if p_before is not null then
      select t.place into v_high
      from public.playlist_tracks as t
      where t.playlist_id = p_playlist_id and t.track_id = p_before;
      if not found then
        perform medley.fail('conflict', format('track %s is not in the playlist', p_before), 'p_before',
          'It was removed meanwhile: read the playlist again.');
      end if;
    end if;

    select t.place into v_low
    from public.playlist_tracks as t
    where t.playlist_id = p_playlist_id
      and t.place < coalesce(v_high, 9223372036854775807)
      and t.track_id is distinct from p_moved
    order by t.place desc
    limit 1;

    if v_high is null then
      return query select coalesce(v_low, 0) + v_step, v_step;
      return;
    elsif v_low is null then
      return query select v_high - v_step * p_room, v_step;
      return;
    elsif v_high - v_low > p_room then
      return query select v_low + (v_high - v_low) / (p_room + 1), (v_high - v_low) / (p_room + 1);
      return;
    end if;
    perform medley.spread_playlist(p_playlist_id, v_high, p_room);
  end loop;
end;
$$;

comment on function medley.free_places(uuid, uuid, uuid, int) is
  'Where p_room tracks go that shall stand right before the track p_before (null: at the end): the first place and the step '
  'to the next. p_moved: the track that moves, which is in nobody''s way. Errors: conflict (p_before is not there).';
revoke all on function medley.free_places(uuid, uuid, uuid, int) from public, anon, authenticated, service_role;

create or replace function medley.check_track_ids(p_track_ids uuid[])
returns void
language plpgsql stable parallel safe security definer set search_path = ''
as $$
begin
  if p_track_ids is null or array_position(p_track_ids, null) is not null then
    perform medley.fail('invalid_argument', 'p_track_ids must be an array of ids', 'p_track_ids', 'Pass the ids of tracks.');
  end if;
  if cardinality(p_track_ids) > medley.setting('studio.max_playlist_tracks') then
    perform medley.fail('too_large', format('p_track_ids holds %s ids', cardinality(p_track_ids)), 'p_track_ids',
      format('A playlist holds at most %s tracks.', medley.setting('studio.max_playlist_tracks')));
  end if;
end;
$$;

comment on function medley.check_track_ids(uuid[]) is 'Refuses no array, a null in it, and too many. Errors: invalid_argument, too_large.';
revoke all on function medley.check_track_ids(uuid[]) from public, anon, authenticated, service_role;

create or replace function medley.add_playlist_tracks(
  p_user_id uuid,
  p_playlist_id uuid,
  p_track_ids uuid[],
  p_before uuid,
  p_as_of timestamptz
)
returns int
language plpgsql volatile parallel unsafe security definer
set search_path = '' set plan_cache_mode = force_custom_plan
as $$
declare
  v_user_id uuid := medley.acting_user(p_user_id);
  v_missing uuid;
  v_new uuid[];
  v_added int;
begin
  perform medley.check_track_ids(p_track_ids);
  perform medley.open_playlist(v_user_id, p_playlist_id);

  select w.id into v_missing
  from unnest(p_track_ids) as w (id)
  left join public.generated_tracks as t on t.id = w.id
  where t.id is null
    or t.user_id <> v_user_id and (t.visibility <> 'public' or not medley.visible_to(v_user_id, t.id))
  limit 1;
  if found then
    perform medley.fail('not_found', format('nothing visible has the id %s', v_missing), 'p_track_ids',
      'Leave it out; nothing was added.');
  end if;

  -- What is there already stays where it is: a repeated call adds nothing.
  v_new := array(
    select w.id
    from unnest(p_track_ids) with ordinality as w (id, rank)
    where not exists (
      select from public.playlist_tracks as t
      where t.playlist_id = p_playlist_id and t.track_id = w.id
    )
    group by w.id
    order by min(w.rank)
  );
  if v_new = '{}' then
    return 0;
  end if;

  insert into public.playlist_tracks (playlist_id, track_id, place, added_at)
  select p_playlist_id, n.track_id, f.first_place + f.step * (n.rank - 1), p_as_of
  from medley.free_places(p_playlist_id, p_before, null, cardinality(v_new)) as f
  cross join unnest(v_new) with ordinality as n (track_id, rank);
  get diagnostics v_added = row_count;
  return v_added;
end;
$$;

comment on function medley.add_playlist_tracks(uuid, uuid, uuid[], uuid, timestamptz) is
  'Adds tracks to a playlist of the member; see public.add_playlist_tracks. '
  'Errors: those of acting_user and open_playlist, invalid_argument, not_found, conflict, too_large.';
revoke all on function medley.add_playlist_tracks(uuid, uuid, uuid[], uuid, timestamptz)
from public, anon, authenticated, service_role;
grant execute on function medley.add_playlist_tracks(uuid, uuid, uuid[], uuid, timestamptz)
to authenticated, service_role;

create or replace function medley.touch_playlist(p_playlist_id uuid)
returns bigint
language sql volatile parallel unsafe security definer set search_path = ''
as $$
  update public.user_playlists as p
  set version = p.version + 1
  where p.id = p_playlist_id
  returning p.version
$$;

comment on function medley.touch_playlist(uuid) is 'Counts a change of the order of a playlist; returns its version.';
revoke all on function medley.touch_playlist(uuid) from public, anon, authenticated, service_role;

create or replace function medley.move_playlist_track(
  p_user_id uuid,
  p_playlist_id uuid,
  p_track_id uuid,
  p_before uuid
)
returns bigint
language plpgsql volatile parallel unsafe security definer
set search_path = '' set plan_cache_mode = force_generic_plan
as $$
declare
  v_place bigint;
begin
  perform medley.open_playlist(medley.acting_user(p_user_id), p_playlist_id);
  if p_track_id is null or p_track_id = p_before then
    perform medley.fail('invalid_argument', 'a track cannot stand before itself', 'p_before',
      'Name the track that shall follow it, or none for the end.');
  end if;

  -- Before the update, because making room may itself move the track.
  select f.first_place into v_place
  from medley.free_places(p_playlist_id, p_before, p_track_id, 1) as f;
  update public.playlist_tracks as t
  set place = v_place
  where t.playlist_id = p_playlist_id and t.track_id = p_track_id;
  if not found then
    perform medley.fail('conflict', format('track %s is not in the playlist', p_track_id), 'p_track_id',
      'It was removed meanwhile: read the playlist again.');
  end if;
  return medley.touch_playlist(p_playlist_id);
end;
$$;

comment on function medley.move_playlist_track(uuid, uuid, uuid, uuid) is
  'Moves a track within a playlist of the member; see public.move_playlist_track. '
  'Errors: those of acting_user and open_playlist, invalid_argument, conflict.';
revoke all on function medley.move_playlist_track(uuid, uuid, uuid, uuid)
from public, anon, authenticated, service_role;
grant execute on function medley.move_playlist_track(uuid, uuid, uuid, uuid) to authenticated, service_role;

create or replace function medley.remove_playlist_tracks(p_user_id uuid, p_playlist_id uuid, p_track_ids uuid[])
returns int
language plpgsql volatile parallel unsafe security definer
set search_path = '' set plan_cache_mode = force_custom_plan
as $$
declare
  v_removed int;
begin
  perform medley.check_track_ids(p_track_ids);
  perform medley.open_playlist(medley.acting_user(p_user_id), p_playlist_id);
  delete from public.playlist_tracks as t
  using unnest(p_track_ids) as w (id)
  where t.playlist_id = p_playlist_id and t.track_id = w.id;
  get diagnostics v_removed = row_count;
  return v_removed;
end;
$$;

comment on function medley.remove_playlist_tracks(uuid, uuid, uuid[]) is
  'Removes tracks from a playlist of the member; see public.remove_playlist_tracks. '
  'Errors: those of acting_user and open_playlist, invalid_argument, too_large.';
revoke all on function medley.remove_playlist_tracks(uuid, uuid, uuid[]) from public, anon, authenticated, service_role;
grant execute on function medley.remove_playlist_tracks(uuid, uuid, uuid[]) to authenticated, service_role;

create or replace function medley.reorder_playlist(
  p_user_id uuid,
  p_playlist_id uuid,
  p_track_ids uuid[],
  p_version bigint
)
returns bigint
language plpgsql volatile parallel unsafe security definer
set search_path = '' set plan_cache_mode = force_custom_plan
as $$
begin
  perform medley.check_track_ids(p_track_ids);
  perform medley.open_playlist(medley.acting_user(p_user_id), p_playlist_id, p_version);

  update public.playlist_tracks as t
  set place = 4294967296 * n.rank
  from (
    select o.track_id, row_number() over (order by w.rank nulls last, o.place) as rank
    from public.playlist_tracks as o
    left join (
      select u.id, min(u.rank) as rank
      from unnest(p_track_ids) with ordinality as u (id, rank)
      group by u.id
    ) as w on w.id = o.track_id
    where o.playlist_id = p_playlist_id
  ) as n
  where t.playlist_id = p_playlist_id and t.track_id = n.track_id;
  return medley.touch_playlist(p_playlist_id);
end;
$$;

comment on function medley.reorder_playlist(uuid, uuid, uuid[], bigint) is
  'Puts a playlist of the member in another order; see public.reorder_playlist. '
  'Errors: those of acting_user and open_playlist, invalid_argument, too_large.';
revoke all on function medley.reorder_playlist(uuid, uuid, uuid[], bigint)
from public, anon, authenticated, service_role;
grant execute on function medley.reorder_playlist(uuid, uuid, uuid[], bigint) to authenticated, service_role;

create or replace function medley.get_playlist_tracks(
  p_playlist_id uuid,
  p_limit int,
  p_cursor text,
  p_user_id uuid
)
returns table (
  track_id uuid,
  title text,
  url text,
  duration int,
  user_id uuid,
  added_at timestamptz,
  next_cursor text
)
language plpgsql stable parallel safe security definer
set search_path = '' set plan_cache_mode = force_generic_plan
as $$
declare
  -- Anybody may read what is public.
  v_user_id uuid := medley.reading_user(p_user_id);
  v_limit int := medley.check_limit(p_limit);
  v_query text := 'playlist:' || p_playlist_id;
  v_after bigint;
begin
  if p_playlist_id is null or not medley.visible_to(v_user_id, p_playlist_id)
    or not exists (select from public.user_playlists as p where p.id = p_playlist_id)
  then
    perform medley.fail('not_found', format('no playlist %s', p_playlist_id), 'p_playlist_id',
      'Pass the id of a playlist that you see.');
  end if;
  begin
    v_after := (medley.decode_cursor(p_cursor, v_query) ->> 'place')::bigint;
  exception
    when data_exception then
      perform medley.fail('invalid_cursor', 'the cursor is damaged', 'p_cursor', 'Start again without a cursor.');
  end;

  return query
  with page as (
    select l.track_id, l.place, l.added_at, t.title, t.url, t.duration, t.user_id
    from public.playlist_tracks as l
    inner join public.generated_tracks as t on t.id = l.track_id
    where l.playlist_id = p_playlist_id
      and l.place > coalesce(v_after, -9223372036854775807)
      and (t.user_id = v_user_id or t.visibility = 'public' and medley.visible_to(v_user_id, t.id))
    order by l.place
    limit v_limit + 1
  )

  select
    p.track_id,
    p.title,
    p.url,
    p.duration,
    p.user_id,
    p.added_at,
    case
      when count(*) over () > v_limit
        then medley.encode_cursor(v_query, jsonb_build_object('place', max(p.place) filter (where p.rank = v_limit) over ()))
    end
  from (select g.*, row_number() over (order by g.place) as rank from page as g) as p
  order by p.place
  limit v_limit;
end;
$$;

comment on function medley.get_playlist_tracks(uuid, int, text, uuid) is
  'A page of a playlist; see public.get_playlist_tracks. Errors: not_found, invalid_argument, invalid_cursor.';
revoke all on function medley.get_playlist_tracks(uuid, int, text, uuid) from public, anon, authenticated, service_role;
grant execute on function medley.get_playlist_tracks(uuid, int, text, uuid) to anon, authenticated, service_role;
