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
