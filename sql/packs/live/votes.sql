-- Votes on songs of setlists. Every counter equals a recount at any moment: triggers keep them, whoever writes.
-- Locks are taken in one order: the setlist, its songs, the votes, profiles by id, the engine's rows.
-- One thing cannot keep it: an account goes with its profile first. Deleted in the moment in which a song that it voted
-- for is taken off, one of both may have to be tried again.
insert into medley.engagement_kinds
  (kind, weight, half_life_days, polarity, engagement, marks_seen, value_rule, social_signal, description)
values
  ('unvote', -1, 30, 0, 0.2, false, 'none', null, 'No longer votes for it: takes back what a vote was worth.'),
  -- Not wanting to hear a song at a show is no rejection of the song.
  ('downvote', -1, 30, 0, 0.3, true, 'none', null, 'A vote against the item.'),
  ('undownvote', 1, 30, 0, 0.2, false, 'none', null, 'No longer votes against it: takes back what that was worth.')
on conflict (kind) do nothing;

create or replace function medley.count_setlist_votes()
returns trigger
language plpgsql volatile parallel unsafe security definer
set search_path = '' set plan_cache_mode = force_generic_plan
as $$
declare
  v_songs uuid[];
  v_users uuid[];
  v_votes int[];
  v_signs int[];
begin
  if tg_op = 'INSERT' then
    select array_agg(n.setlist_song_id), array_agg(n.user_id), array_agg(n.vote), array_agg(1)
    into v_songs, v_users, v_votes, v_signs
    from new_rows as n;
  elsif tg_op = 'DELETE' then
    select array_agg(o.setlist_song_id), array_agg(o.user_id), array_agg(o.vote), array_agg(-1)
    into v_songs, v_users, v_votes, v_signs
    from old_rows as o;
  else
    select array_agg(c.setlist_song_id), array_agg(c.user_id), array_agg(c.vote), array_agg(c.sign)
    into v_songs, v_users, v_votes, v_signs
    from (
      select n.setlist_song_id, n.user_id, n.vote, 1 as sign from new_rows as n
      union all
      select o.setlist_song_id, o.user_id, o.vote, -1 from old_rows as o
    ) as c;
  end if;
  if v_songs is null then
    return null;
  end if;

  perform from public.setlists as s
  where s.id in (
    select g.setlist_id
    from unnest(v_songs) as c (id)
    inner join public.setlist_songs as g on g.id = c.id
  )
  order by s.id
  for no key update;

  -- Votes that go with their song are taken off by the song's own trigger.
  with change as (
    select
      c.id,
      sum(c.sign) filter (where c.vote = 1) as upvotes,
      sum(c.sign) filter (where c.vote = -1) as downvotes
    from unnest(v_songs, v_votes, v_signs) as c (id, vote, sign)
    group by c.id
  ),

  counted as (
    update public.setlist_songs as g
    set upvotes = g.upvotes + coalesce(c.upvotes, 0), downvotes = g.downvotes + coalesce(c.downvotes, 0)
    from change as c
    where g.id = c.id
    returning g.setlist_id, coalesce(c.upvotes, 0) + coalesce(c.downvotes, 0) as votes
  )

  update public.setlists as s
  set total_votes = s.total_votes + c.votes
  from (select d.setlist_id, sum(d.votes) as votes from counted as d group by d.setlist_id) as c
  where s.id = c.setlist_id and c.votes <> 0;

  if tg_op <> 'UPDATE' then
    perform from public.profiles as p
    where p.id = any(v_users)
    order by p.id
    for no key update;

    update public.profiles as p
    set total_votes = p.total_votes + c.votes
    from (
      select u.id, sum(u.sign) as votes from unnest(v_users, v_signs) as u (id, sign) group by u.id
    ) as c
    where p.id = c.id;
  end if;
  return null;
end;
$$;

comment on function medley.count_setlist_votes() is
  'Statement trigger with transition tables on setlist_votes: the counters of songs, setlists and profiles follow.';
revoke all on function medley.count_setlist_votes() from public, anon, authenticated, service_role;

create or replace function medley.uncount_setlist_songs()
returns trigger
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
begin
  update public.setlists as s
  set total_votes = s.total_votes - c.votes
  from (select o.setlist_id, sum(o.upvotes + o.downvotes) as votes from old_rows as o group by o.setlist_id) as c
  where s.id = c.setlist_id and c.votes <> 0;
  return null;
end;
$$;

comment on function medley.uncount_setlist_songs() is
  'Statement trigger with transition table old_rows on setlist_songs: a song that leaves a setlist takes its votes off the total.';
revoke all on function medley.uncount_setlist_songs() from public, anon, authenticated, service_role;

create or replace function medley.lock_setlists_of_song()
returns trigger
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
begin
  perform from public.setlists as s
  where s.id in (select g.setlist_id from public.setlist_songs as g where g.song_id = old.id)
  order by s.id
  for no key update;
  return old;
end;
$$;

comment on function medley.lock_setlists_of_song() is
  'Row trigger on songs that are deleted: locks the setlists first, as votes do, so that neither waits for the other forever.';
revoke all on function medley.lock_setlists_of_song() from public, anon, authenticated, service_role;

create or replace function medley.count_artist_follows()
returns trigger
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_users uuid[];
  v_signs int[];
begin
  if tg_op = 'INSERT' then
    select array_agg(n.user_id), array_agg(1) into v_users, v_signs
    from new_rows as n
    inner join medley.items as i on i.id = n.item_id and i.kind = 'artist';
  elsif tg_op = 'DELETE' then
    select array_agg(o.user_id), array_agg(-1) into v_users, v_signs
    from old_rows as o
    inner join medley.items as i on i.id = o.item_id and i.kind = 'artist';
  else
    select array_agg(c.user_id), array_agg(c.sign) into v_users, v_signs
    from (
      select n.user_id, n.item_id, 1 as sign from new_rows as n
      union all
      select o.user_id, o.item_id, -1 from old_rows as o
    ) as c
    inner join medley.items as i on i.id = c.item_id and i.kind = 'artist';
  end if;

  perform from public.profiles as p
  where p.id = any(v_users)
  order by p.id
  for no key update;

  update public.profiles as p
  set total_follows = p.total_follows + c.follows
  from (select u.id, sum(u.sign) as follows from unnest(v_users, v_signs) as u (id, sign) group by u.id) as c
  where p.id = c.id and c.follows <> 0;
  return null;
end;
$$;

comment on function medley.count_artist_follows() is
  'Statement trigger with transition tables on item_follows: total_follows of profiles follows.';
revoke all on function medley.count_artist_follows() from public, anon, authenticated, service_role;

create or replace function medley.uncount_artist_follows()
returns trigger
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
begin
  -- While the follows are still there: when the artist's item is gone they no longer say that they were an artist's.
  perform from public.profiles as p
  inner join public.item_follows as f on f.user_id = p.id
  where f.item_id = old.id
  order by p.id
  for no key update of p;

  update public.profiles as p
  set total_follows = p.total_follows - 1
  from public.item_follows as f
  where f.item_id = old.id and p.id = f.user_id;
  return old;
end;
$$;

comment on function medley.uncount_artist_follows() is 'Row trigger on items: an artist that is deleted is taken off its followers'' counts.';
revoke all on function medley.uncount_artist_follows() from public, anon, authenticated, service_role;

create or replace function medley.count_new_profile()
returns trigger
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
begin
  new.total_votes := (select count(*) from public.setlist_votes as v where v.user_id = new.id);
  new.total_follows := (
    select count(*)
    from public.item_follows as f
    inner join medley.items as i on i.id = f.item_id and i.kind = 'artist'
    where f.user_id = new.id
  );
  return new;
end;
$$;

comment on function medley.count_new_profile() is 'Row trigger on profiles: one that comes late begins with what the member did before.';
revoke all on function medley.count_new_profile() from public, anon, authenticated, service_role;

create or replace function medley.log_setlist_votes()
returns trigger
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_songs uuid[];
  v_users uuid[];
  v_kinds text[];
  v_times timestamptz[];
  v_events jsonb;
begin
  if tg_op = 'INSERT' then
    select array_agg(n.setlist_song_id), array_agg(n.user_id), array_agg(n.voted_at),
      array_agg(case n.vote when 1 then 'vote' else 'downvote' end)
    into v_songs, v_users, v_times, v_kinds
    from new_rows as n;
  elsif tg_op = 'DELETE' then
    select array_agg(o.setlist_song_id), array_agg(o.user_id), array_agg(null::timestamptz),
      array_agg(case o.vote when 1 then 'unvote' else 'undownvote' end)
    into v_songs, v_users, v_times, v_kinds
    from old_rows as o;
  else
    -- What was said is taken back first.
    select
      array_agg(c.setlist_song_id order by c.said), array_agg(c.user_id order by c.said),
      array_agg(c.voted_at order by c.said), array_agg(k.kind order by c.said)
    into v_songs, v_users, v_times, v_kinds
    from (
      (
        select true as said, n.setlist_song_id, n.user_id, n.vote, n.voted_at from new_rows as n
        inner join old_rows as o on o.setlist_song_id = n.setlist_song_id and o.user_id = n.user_id and o.vote <> n.vote
      )
      union all
      (
        select false, o.setlist_song_id, o.user_id, o.vote, null from new_rows as n
        inner join old_rows as o on o.setlist_song_id = n.setlist_song_id and o.user_id = n.user_id and o.vote <> n.vote
      )
    ) as c
    inner join (
      values (true, 1, 'vote'), (true, -1, 'downvote'), (false, 1, 'unvote'), (false, -1, 'undownvote')
    ) as k (said, vote, kind) on k.said = c.said and k.vote = c.vote;
  end if;
  if v_songs is null then
    return null;
  end if;

  -- What goes with its song or setlist is no withdrawal. A load writes many: twenty thousand at a time.
  for v_events in
    select jsonb_agg(
      jsonb_build_object(
        'user_id', c.user_id,
        'item_id', g.song_id,
        'kind', c.kind,
        -- The clock and not the transaction's time: one may vote, take it back and vote again within a transaction.
        'occurred_at', case when c.voted_at < now() then c.voted_at else clock_timestamp() end
      )
      order by c.place
    )
    from unnest(v_songs, v_users, v_kinds, v_times) with ordinality as c (setlist_song_id, user_id, kind, voted_at, place)
    inner join public.setlist_songs as g on g.id = c.setlist_song_id
    group by (c.place - 1) / 20000
  loop
    -- Named outside the events, the member is looked up once. An account that is being deleted is none.
    perform from medley.write_engagements(
      case when tg_op <> 'DELETE' and v_users[1] = all(v_users) then v_users[1] end, v_events, '-infinity', now()
    );
  end loop;
  return null;
end;
$$;

comment on function medley.log_setlist_votes() is
  'Statement trigger with transition tables on setlist_votes: votes are engagements with the song, vote or downvote; one '
  'that ends or changes is taken back by unvote or undownvote.';
revoke all on function medley.log_setlist_votes() from public, anon, authenticated, service_role;

create or replace function medley.vote_setlist_song(
  p_user_id uuid,
  p_setlist_song_id uuid,
  p_vote int,
  p_as_of timestamptz
)
returns table (setlist_song_id uuid, upvotes int, downvotes int, my_vote int, total_votes int)
language plpgsql volatile parallel unsafe security definer
set search_path = '' set plan_cache_mode = force_generic_plan
as $$
declare
  v_user_id uuid := medley.acting_user(p_user_id);
  v_setlist_id uuid := (select g.setlist_id from public.setlist_songs as g where g.id = p_setlist_song_id);
  v_vote int;
begin
  if p_vote is null or p_vote not in (-1, 0, 1) then
    perform medley.fail('invalid_argument', format('p_vote must be 1, -1 or 0, got %s', p_vote), 'p_vote',
      'Pass 1 for the song, -1 against it, 0 to withdraw the vote.');
  end if;
  -- One voter of a setlist at a time from here on.
  perform medley.lock_open_setlist(v_user_id, v_setlist_id, 'p_setlist_song_id', p_as_of);

  select v.vote into v_vote
  from public.setlist_songs as g
  left join public.setlist_votes as v on v.setlist_song_id = g.id and v.user_id = v_user_id
  where g.id = p_setlist_song_id;
  if not found then
    perform medley.fail('not_found', format('the song %s has left its setlist', p_setlist_song_id), 'p_setlist_song_id',
      'Read the setlist again.');
  end if;

  if p_vote = 0 then
    if v_vote is not null then
      delete from public.setlist_votes as v
      where v.setlist_song_id = p_setlist_song_id and v.user_id = v_user_id;
    end if;
  elsif v_vote is null then
    insert into public.setlist_votes (setlist_song_id, user_id, vote, voted_at)
    values (p_setlist_song_id, v_user_id, p_vote, p_as_of);
  elsif v_vote <> p_vote then
    update public.setlist_votes as v
    set vote = p_vote, voted_at = p_as_of
    where v.setlist_song_id = p_setlist_song_id and v.user_id = v_user_id;
  end if;

  return query
  select g.id, g.upvotes, g.downvotes, p_vote, s.total_votes
  from public.setlist_songs as g
  inner join public.setlists as s on s.id = g.setlist_id
  where g.id = p_setlist_song_id;
end;
$$;

comment on function medley.vote_setlist_song(uuid, uuid, int, timestamptz) is
  'Casts, changes or withdraws the member''s vote at the time p_as_of; see public.vote_setlist_song. '
  'Errors: unauthenticated, forbidden, invalid_argument, not_found, conflict.';
revoke all on function medley.vote_setlist_song(uuid, uuid, int, timestamptz)
from public, anon, authenticated, service_role;
grant execute on function medley.vote_setlist_song(uuid, uuid, int, timestamptz) to authenticated, service_role;

create trigger setlist_votes_1_count_insert
after insert on public.setlist_votes referencing new table as new_rows
for each statement execute function medley.count_setlist_votes();
create trigger setlist_votes_1_count_update
after update on public.setlist_votes referencing old table as old_rows new table as new_rows
for each statement execute function medley.count_setlist_votes();
create trigger setlist_votes_1_count_delete
after delete on public.setlist_votes referencing old table as old_rows
for each statement execute function medley.count_setlist_votes();
create trigger setlist_votes_2_engagements_insert
after insert on public.setlist_votes referencing new table as new_rows
for each statement execute function medley.log_setlist_votes();
create trigger setlist_votes_2_engagements_update
after update on public.setlist_votes referencing old table as old_rows new table as new_rows
for each statement execute function medley.log_setlist_votes();
create trigger setlist_votes_2_engagements_delete
after delete on public.setlist_votes referencing old table as old_rows
for each statement execute function medley.log_setlist_votes();
create trigger setlist_songs_uncount
after delete on public.setlist_songs referencing old table as old_rows
for each statement execute function medley.uncount_setlist_songs();
create trigger songs_lock_setlists
before delete on public.songs
for each row execute function medley.lock_setlists_of_song();
create trigger item_follows_count_insert
after insert on public.item_follows referencing new table as new_rows
for each statement execute function medley.count_artist_follows();
create trigger item_follows_count_update
after update on public.item_follows referencing old table as old_rows new table as new_rows
for each statement execute function medley.count_artist_follows();
create trigger item_follows_count_delete
after delete on public.item_follows referencing old table as old_rows
for each statement execute function medley.count_artist_follows();
create trigger items_uncount_follows
before delete on medley.items
for each row when (old.kind = 'artist') execute function medley.uncount_artist_follows();
create trigger profiles_count
before insert on public.profiles
for each row execute function medley.count_new_profile();
