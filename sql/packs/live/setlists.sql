-- Setlists that members make, and how setlists are read.
create or replace function medley.lock_open_setlist(
  p_user_id uuid,
  p_setlist_id uuid,
  p_argument text,
  p_as_of timestamptz
)
returns void
language plpgsql volatile parallel unsafe security definer
set search_path = '' set plan_cache_mode = force_generic_plan
as $$
declare
  v_locked boolean;
  v_ended_at timestamptz;
  v_public boolean;
begin
  -- Almost every setlist is everybody's; the predicate is asked about the others only.
  select
    s.is_locked,
    coalesce(e.ends_at, e.starts_at),
    s.created_by is null
    and a.visibility = 'public' and a.owner_id is null
    and (e.id is null or i.visibility = 'public' and i.owner_id is null)
  into v_locked, v_ended_at, v_public
  from public.setlists as s
  inner join medley.items as a on a.id = s.artist_id
  left join public.events as e on e.id = s.event_id
  left join medley.items as i on i.id = e.id
  where s.id = p_setlist_id
  for no key update of s;
  if not coalesce(v_public, false) and not medley.setlist_visible(p_user_id, p_setlist_id) then
    perform medley.fail('not_found', 'nothing visible has that id', p_argument,
      'Pass an id of get_event_setlists or get_setlist.');
  end if;
  if v_locked then
    perform medley.fail('conflict', format('the setlist %s is locked', p_setlist_id), p_argument,
      'A locked setlist stays as it is.');
  end if;
  if v_ended_at <= p_as_of then
    perform medley.fail('conflict', format('the show of the setlist %s is in the past', p_setlist_id), p_argument,
      'Choose a setlist of an upcoming show.');
  end if;
end;
$$;

comment on function medley.lock_open_setlist(uuid, uuid, text, timestamptz) is
  'Locks the row of a setlist that p_user_id sees and that is open at p_as_of. Errors, naming p_argument: not_found, '
  'conflict (locked, or its show is in the past).';
revoke all on function medley.lock_open_setlist(uuid, uuid, text, timestamptz)
from public, anon, authenticated, service_role;

create or replace function medley.begin_setlist_edit(
  p_user_id uuid,
  p_setlist_id uuid,
  p_argument text,
  p_as_of timestamptz
)
returns uuid
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_user_id uuid;
begin
  -- The service edits every setlist, whatever its state, when it names no member.
  if p_user_id is null and medley.is_service() then
    perform from public.setlists as s
    where s.id = p_setlist_id
    for no key update;
    if not found then
      perform medley.fail('not_found', 'there is no such setlist', p_argument, 'Pass an id of setlists.');
    end if;
    return null;
  end if;
  v_user_id := medley.acting_user(p_user_id);
  perform medley.lock_open_setlist(v_user_id, p_setlist_id, p_argument, p_as_of);
  if not exists (
    select from public.setlists as s
    where s.id = p_setlist_id and s.type = 'user_created' and s.created_by = v_user_id
  ) then
    perform medley.fail('forbidden', 'the setlist belongs to somebody else', p_argument, 'Make one of your own with create_setlist.');
  end if;
  return v_user_id;
end;
$$;

comment on function medley.begin_setlist_edit(uuid, uuid, text, timestamptz) is
  'Who edits a setlist now, whose row is locked: the acting member an open one of their own, the service that names nobody '
  '(null) any. Errors: those of acting_user; naming p_argument: not_found, conflict (locked, or its show is in the past), '
  'forbidden (somebody else''s).';
revoke all on function medley.begin_setlist_edit(uuid, uuid, text, timestamptz)
from public, anon, authenticated, service_role;

create or replace function medley.check_songs_of_artist(
  p_user_id uuid,
  p_artist_id uuid,
  p_song_ids uuid[],
  p_argument text
)
returns void
language plpgsql stable parallel safe security definer set search_path = ''
as $$
declare
  v_song_id uuid;
begin
  select w.id into v_song_id
  from unnest(p_song_ids) as w (id)
  where w.id is null
    or not exists (select from public.songs as s where s.id = w.id)
    or not medley.visible_to(p_user_id, w.id)
  limit 1;
  if found then
    perform medley.fail('not_found', format('no song %s', coalesce(v_song_id::text, 'null')), p_argument, 'Pass ids of songs.');
  end if;

  select w.id into v_song_id
  from unnest(p_song_ids) as w (id)
  where not exists (select from public.artist_songs as l where l.song_id = w.id and l.artist_id = p_artist_id)
  limit 1;
  if found then
    perform medley.fail('invalid_argument', format('the song %s is not one that the artist plays', v_song_id), p_argument,
      'Pass songs that artist_songs links with the artist; covers are linked too.');
  end if;
end;
$$;

comment on function medley.check_songs_of_artist(uuid, uuid, uuid[], text) is
  'Refuses songs that do not exist or are not visible (not_found), or that artist_songs does not link with the artist '
  '(invalid_argument), naming p_argument.';
revoke all on function medley.check_songs_of_artist(uuid, uuid, uuid[], text)
from public, anon, authenticated, service_role;

create or replace function medley.create_setlist(
  p_user_id uuid,
  p_event_id uuid,
  p_artist_id uuid,
  p_name text,
  p_song_ids uuid[],
  p_as_of timestamptz
)
returns uuid
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_user_id uuid := medley.acting_user(p_user_id);
  v_event public.events;
  v_setlist_id uuid;
begin
  select e.* into v_event from public.events as e where e.id = p_event_id and medley.visible_to(v_user_id, e.id);
  if v_event.id is null then
    perform medley.fail('not_found', 'no such show', 'p_event_id', 'Pass the id of an event.');
  end if;
  if coalesce(v_event.ends_at, v_event.starts_at) <= p_as_of then
    perform medley.fail('conflict', 'the show is in the past', 'p_event_id', 'Choose an upcoming show.');
  end if;
  if p_artist_id is distinct from v_event.headliner_artist_id
    and not exists (
      select from public.event_artists as b where b.event_id = p_event_id and b.artist_id = p_artist_id
    )
  then
    perform medley.fail('invalid_argument', 'the artist does not play at that show', 'p_artist_id',
      'Pass the headliner of the show or an artist of event_artists.');
  end if;
  if p_name is null or length(btrim(p_name)) not between 1 and 255 then
    perform medley.fail('invalid_argument', 'a name has 1 to 255 characters', 'p_name', 'Name the setlist.');
  end if;
  if cardinality(p_song_ids) > 100 then
    perform medley.fail('too_large', format('p_song_ids holds %s songs', cardinality(p_song_ids)), 'p_song_ids',
      'A setlist has at most 100 songs.');
  end if;
  if exists (select from unnest(p_song_ids) as w (id) group by w.id having count(*) > 1) then
    perform medley.fail('conflict', 'a song stands twice in p_song_ids', 'p_song_ids', 'Name each song once.');
  end if;
  perform medley.check_songs_of_artist(v_user_id, p_artist_id, p_song_ids, 'p_song_ids');

  insert into public.setlists (event_id, artist_id, type, name, created_by)
  values (p_event_id, p_artist_id, 'user_created', btrim(p_name), v_user_id)
  returning id into v_setlist_id;
  insert into public.setlist_songs (setlist_id, song_id, position)
  select v_setlist_id, w.id, w.place
  from unnest(p_song_ids) with ordinality as w (id, place);
  return v_setlist_id;
end;
$$;

comment on function medley.create_setlist(uuid, uuid, uuid, text, uuid[], timestamptz) is
  'Makes a setlist of the member; see public.create_setlist. '
  'Errors: unauthenticated, forbidden, not_found, conflict, invalid_argument, too_large.';
revoke all on function medley.create_setlist(uuid, uuid, uuid, text, uuid[], timestamptz)
from public, anon, authenticated, service_role;
grant execute on function medley.create_setlist(uuid, uuid, uuid, text, uuid[], timestamptz)
to authenticated, service_role;

create or replace function medley.check_position(p_position int, p_last int)
returns void
language plpgsql immutable parallel safe security invoker set search_path = ''
as $$
begin
  if p_position not between 1 and p_last then
    perform medley.fail('invalid_argument', format('p_position must be between 1 and %s, got %s', p_last, p_position),
      'p_position', 'Positions count from 1 without gaps.');
  end if;
end;
$$;

comment on function medley.check_position(int, int) is 'Refuses a position that is not from 1 to p_last; null passes. Errors: invalid_argument.';
revoke all on function medley.check_position(int, int) from public, anon, authenticated, service_role;

create or replace function medley.add_setlist_song(
  p_user_id uuid,
  p_setlist_id uuid,
  p_song_id uuid,
  p_position int,
  p_as_of timestamptz
)
returns uuid
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_user_id uuid;
  v_count int;
  v_position int;
  v_setlist_song_id uuid;
begin
  v_user_id := medley.begin_setlist_edit(p_user_id, p_setlist_id, 'p_setlist_id', p_as_of);
  perform medley.check_songs_of_artist(v_user_id, s.artist_id, array[p_song_id], 'p_song_id')
  from public.setlists as s
  where s.id = p_setlist_id;

  select coalesce(max(g.position), 0) into v_count from public.setlist_songs as g where g.setlist_id = p_setlist_id;
  perform medley.check_position(p_position, v_count + 1);
  if v_count >= 100 then
    perform medley.fail('too_large', 'the setlist is full', 'p_setlist_id', 'A setlist has at most 100 songs.');
  end if;
  if exists (select from public.setlist_songs as g where g.setlist_id = p_setlist_id and g.song_id = p_song_id) then
    perform medley.fail('conflict', 'the song is on the setlist already', 'p_song_id', 'Move it with move_setlist_song.');
  end if;

  v_position := coalesce(p_position, v_count + 1);
  update public.setlist_songs as g
  set position = g.position + 1
  where g.setlist_id = p_setlist_id and g.position >= v_position;
  insert into public.setlist_songs (setlist_id, song_id, position)
  values (p_setlist_id, p_song_id, v_position)
  returning id into v_setlist_song_id;
  return v_setlist_song_id;
end;
$$;

comment on function medley.add_setlist_song(uuid, uuid, uuid, int, timestamptz) is
  'Puts a song on a setlist; see public.add_setlist_song. '
  'Errors: unauthenticated, forbidden, not_found, conflict, invalid_argument, too_large.';
revoke all on function medley.add_setlist_song(uuid, uuid, uuid, int, timestamptz)
from public, anon, authenticated, service_role;
grant execute on function medley.add_setlist_song(uuid, uuid, uuid, int, timestamptz) to authenticated, service_role;

create or replace function medley.setlist_of_song(p_setlist_song_id uuid)
returns uuid
language sql stable parallel safe security definer set search_path = ''
as $$ select g.setlist_id from public.setlist_songs as g where g.id = p_setlist_song_id $$;

comment on function medley.setlist_of_song(uuid) is 'The setlist that this row of setlist_songs belongs to.';
revoke all on function medley.setlist_of_song(uuid) from public, anon, authenticated, service_role;

create or replace function medley.move_setlist_song(
  p_user_id uuid,
  p_setlist_song_id uuid,
  p_position int,
  p_as_of timestamptz
)
returns void
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_setlist_id uuid := medley.setlist_of_song(p_setlist_song_id);
  v_from int;
begin
  perform medley.begin_setlist_edit(p_user_id, v_setlist_id, 'p_setlist_song_id', p_as_of);
  if p_position is null then
    perform medley.fail('invalid_argument', 'p_position is missing', 'p_position', 'Say where the song goes.');
  end if;
  perform medley.check_position(p_position, max(g.position))
  from public.setlist_songs as g
  where g.setlist_id = v_setlist_id;
  select g.position into v_from from public.setlist_songs as g where g.id = p_setlist_song_id;

  -- One statement: positions are unique again when it ends.
  update public.setlist_songs as g
  set position = case
    when g.id = p_setlist_song_id then p_position
    when p_position < v_from then g.position + 1
    else g.position - 1
  end
  where g.setlist_id = v_setlist_id
    and g.position between least(v_from, p_position) and greatest(v_from, p_position);
end;
$$;

comment on function medley.move_setlist_song(uuid, uuid, int, timestamptz) is
  'Moves a song of a setlist to another position; see public.move_setlist_song. '
  'Errors: unauthenticated, forbidden, not_found, conflict, invalid_argument.';
revoke all on function medley.move_setlist_song(uuid, uuid, int, timestamptz)
from public, anon, authenticated, service_role;
grant execute on function medley.move_setlist_song(uuid, uuid, int, timestamptz) to authenticated, service_role;

create or replace function medley.remove_setlist_song(p_user_id uuid, p_setlist_song_id uuid, p_as_of timestamptz)
returns void
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_setlist_id uuid := medley.setlist_of_song(p_setlist_song_id);
  v_position int;
begin
  perform medley.begin_setlist_edit(p_user_id, v_setlist_id, 'p_setlist_song_id', p_as_of);
  delete from public.setlist_songs as g
  where g.id = p_setlist_song_id
  returning g.position into v_position;
  update public.setlist_songs as g
  set position = g.position - 1
  where g.setlist_id = v_setlist_id and g.position > v_position;
end;
$$;

comment on function medley.remove_setlist_song(uuid, uuid, timestamptz) is
  'Takes a song off a setlist, with its votes; see public.remove_setlist_song. '
  'Errors: unauthenticated, forbidden, not_found, conflict.';
revoke all on function medley.remove_setlist_song(uuid, uuid, timestamptz)
from public, anon, authenticated, service_role;
grant execute on function medley.remove_setlist_song(uuid, uuid, timestamptz) to authenticated, service_role;

create or replace function medley.lock_setlist(p_setlist_id uuid, p_locked boolean)
returns void
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
begin
  update public.setlists as s
  set is_locked = coalesce(p_locked, true)
  where s.id = p_setlist_id;
  if not found then
    perform medley.fail('not_found', format('no setlist %s', p_setlist_id), 'p_setlist_id', 'Pass an id of setlists.');
  end if;
end;
$$;

comment on function medley.lock_setlist(uuid, boolean) is 'Locks a setlist, or unlocks it. Errors: not_found.';
revoke all on function medley.lock_setlist(uuid, boolean) from public, anon, authenticated, service_role;
grant execute on function medley.lock_setlist(uuid, boolean) to service_role;

-- No SET: it inlines into the queries of definer functions, which alone may run it.
create or replace function medley.setlist_rows(p_user_id uuid, p_setlist_id uuid)
returns table (
  setlist_song_id uuid, song_id uuid,
  "position" int, -- noqa: RF06
  title text, artist text, duration_ms int, upvotes int, downvotes int, my_vote int
)
language sql stable parallel safe security invoker
begin atomic
  select
    g.id,
    g.song_id,
    g.position,
    s.title,
    s.artist,
    s.duration_ms,
    g.upvotes,
    g.downvotes,
    case
      when p_user_id is not null then coalesce(
        (select v.vote::int from public.setlist_votes as v where v.setlist_song_id = g.id and v.user_id = p_user_id), 0
      )
    end
  from public.setlist_songs as g
  inner join public.songs as s on s.id = g.song_id
  where g.setlist_id = p_setlist_id;
end;

comment on function medley.setlist_rows(uuid, uuid) is 'The songs of a setlist with their counters and the member''s votes, in no order.';
revoke all on function medley.setlist_rows(uuid, uuid) from public, anon, authenticated, service_role;

create or replace function medley.get_setlist(p_setlist_id uuid)
returns table (
  setlist_song_id uuid, song_id uuid,
  "position" int, -- noqa: RF06
  title text, artist text, duration_ms int, upvotes int, downvotes int, my_vote int
)
language plpgsql stable parallel safe security definer
set search_path = '' set plan_cache_mode = force_generic_plan
as $$
begin
  if not medley.setlist_visible(auth.uid(), p_setlist_id) then
    perform medley.fail('not_found', 'no such setlist', 'p_setlist_id', 'Pass an id of get_event_setlists.');
  end if;
  return query
  select r.*
  from medley.setlist_rows(auth.uid(), p_setlist_id) as r
  order by r.position;
end;
$$;

comment on function medley.get_setlist(uuid) is 'The songs of a setlist in order; see public.get_setlist. Errors: not_found.';
revoke all on function medley.get_setlist(uuid) from public, anon, authenticated, service_role;
grant execute on function medley.get_setlist(uuid) to anon, authenticated, service_role;

create or replace function medley.get_event_setlists(p_event_id uuid)
returns table (
  setlist_id uuid, type text, name text, artist_id uuid, artist text, created_by uuid, is_locked boolean,
  total_votes int, songs jsonb
)
language plpgsql stable parallel safe security definer
set search_path = '' set plan_cache_mode = force_generic_plan
as $$
begin
  if p_event_id is null
    or not exists (select from public.events as e where e.id = p_event_id)
    or not medley.visible_to(auth.uid(), p_event_id)
  then
    perform medley.fail('not_found', 'no such show', 'p_event_id', 'Pass the id of an event.');
  end if;
  return query
  select
    s.id,
    s.type,
    s.name,
    s.artist_id,
    a.name,
    s.created_by,
    s.is_locked,
    s.total_votes,
    (
      select coalesce(jsonb_agg(to_jsonb(r) order by r.position), '[]')
      from medley.setlist_rows(auth.uid(), s.id) as r
    )
  from public.setlists as s
  inner join public.artists as a on a.id = s.artist_id
  where s.event_id = p_event_id and medley.setlist_visible(auth.uid(), s.id)
  order by array_position(array['actual', 'predicted', 'user_created'], s.type), s.order_index, s.total_votes desc, s.id
  limit 200;
end;
$$;

comment on function medley.get_event_setlists(uuid) is 'The setlists of a show with their songs; see public.get_event_setlists. Errors: not_found.';
revoke all on function medley.get_event_setlists(uuid) from public, anon, authenticated, service_role;
grant execute on function medley.get_event_setlists(uuid) to anon, authenticated, service_role;

create trigger setlists_updated_at
before update of name, is_locked, order_index, type, event_id, artist_id, setlistfm_id on public.setlists
for each row execute function medley.set_updated_at();
