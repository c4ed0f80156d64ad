-- The daily allowance: one row a member, written once a request. A day is a day in UTC, and time is an argument.
create or replace function medley.utc_day(p_as_of timestamptz)
returns date
language sql immutable parallel safe security invoker
return (p_as_of at time zone 'UTC')::date;

comment on function medley.utc_day(timestamptz) is 'The day in UTC.';
revoke all on function medley.utc_day(timestamptz) from public, anon, authenticated, service_role;

create or replace function medley.consume_generation(p_user_id uuid, p_as_of timestamptz)
returns date
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_user_no int := (select m.user_no from medley.member_numbers(array[p_user_id]) as m);
  v_today date := medley.utc_day(p_as_of);
  v_quota medley.generation_quotas;
  v_limit int;
begin
  insert into medley.generation_quotas (user_no, quota_day)
  values (v_user_no, v_today)
  on conflict do nothing;

  -- Requests of one member take turns at this row, so that each counts what the others took.
  select q.* into strict v_quota
  from medley.generation_quotas as q
  where q.user_no = v_user_no
  for no key update;

  select p.daily_limit into strict v_limit
  from medley.generation_plans as p
  where p.plan = case when v_quota.plan_until <= p_as_of then 'free' else v_quota.plan end;

  -- Whoever waited across midnight is in the new day, as the row is.
  v_today := greatest(v_today, v_quota.quota_day);
  if v_quota.quota_day < v_today then
    v_quota.daily_count := 0;
  end if;
  if v_quota.daily_count >= v_limit then
    perform medley.fail('quota_exceeded', format('the %s tracks of today are used up', v_limit), null,
      format('Ask again after %s.', to_char(v_today + 1, 'YYYY-MM-DD"T00:00:00Z"')));
  end if;

  update medley.generation_quotas as q
  set quota_day = v_today, daily_count = v_quota.daily_count + 1
  where q.user_no = v_user_no;
  return v_today;
end;
$$;

comment on function medley.consume_generation(uuid, timestamptz) is
  'Takes one of the member''s allowance of the day of p_as_of; returns that day. Errors: quota_exceeded.';
revoke all on function medley.consume_generation(uuid, timestamptz) from public, anon, authenticated, service_role;

create or replace function medley.give_back_generations(p_user_ids uuid[], p_days date[])
returns void
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
begin
  perform
  from medley.generation_quotas as q
  inner join medley.members as m on m.user_no = q.user_no
  where m.user_id = any(p_user_ids)
  order by q.user_no
  for no key update of q;

  update medley.generation_quotas as q
  set daily_count = greatest(0, q.daily_count - n.requests)
  from (
    select m.user_no, g.quota_day, count(*)::int as requests
    from unnest(p_user_ids, p_days) as g (user_id, quota_day)
    inner join medley.members as m on m.user_id = g.user_id
    group by m.user_no, g.quota_day
  ) as n
  where q.user_no = n.user_no and q.quota_day = n.quota_day;
end;
$$;

comment on function medley.give_back_generations(uuid[], date[]) is
  'Gives members back what requests took, each on its day: an allowance of an earlier day is over anyway.';
revoke all on function medley.give_back_generations(uuid[], date[]) from public, anon, authenticated, service_role;

create or replace function medley.give_back_deleted_requests()
returns trigger
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
begin
  perform medley.give_back_generations(array_agg(o.user_id), array_agg(o.quota_day))
  from old_rows as o
  where o.status = 'queued' and o.quota_day is not null
  having count(*) > 0;
  return null;
end;
$$;

comment on function medley.give_back_deleted_requests() is
  'Statement trigger on generated_tracks with transition table old_rows: a request that nobody has begun costs nothing.';
revoke all on function medley.give_back_deleted_requests() from public, anon, authenticated, service_role;

create trigger generated_tracks_4_give_back
after delete on public.generated_tracks referencing old table as old_rows
for each statement execute function medley.give_back_deleted_requests();

create or replace function medley.get_generation_quota(p_user_id uuid, p_as_of timestamptz)
returns table (plan text, daily_limit int, daily_count int, remaining int, resets_at timestamptz)
language plpgsql stable parallel safe security definer set search_path = ''
as $$
declare
  v_user_no int := medley.member_no(medley.acting_user(p_user_id));
begin
  return query
  select
    p.plan,
    p.daily_limit,
    u.daily_count,
    greatest(0, p.daily_limit - u.daily_count),
    (medley.utc_day(p_as_of) + 1)::timestamp at time zone 'UTC'
  from (select 1) as one
  left join medley.generation_quotas as q on q.user_no = v_user_no
  cross join lateral (
    select case when q.quota_day >= medley.utc_day(p_as_of) then q.daily_count else 0 end as daily_count
  ) as u
  inner join medley.generation_plans as p
    on p.plan = case when q.plan_until <= p_as_of then 'free' else coalesce(q.plan, 'free') end;
end;
$$;

comment on function medley.get_generation_quota(uuid, timestamptz) is
  'The member''s allowance at p_as_of; see public.get_generation_quota. Errors: those of acting_user.';
revoke all on function medley.get_generation_quota(uuid, timestamptz) from public, anon, authenticated, service_role;
grant execute on function medley.get_generation_quota(uuid, timestamptz) to authenticated, service_role;

create or replace function medley.set_generation_plan(
  p_user_id uuid,
  p_plan text,
  p_until timestamptz,
  p_as_of timestamptz
)
returns void
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
begin
  if not exists (select from medley.generation_plans as p where p.plan = p_plan) then
    perform medley.fail('invalid_argument', format('there is no plan %s', coalesce(left(p_plan, 100), 'null')), 'p_plan',
      'Pass a plan of medley.generation_plans.');
  end if;
  if not exists (select from auth.users as u where u.id = p_user_id) then
    perform medley.fail('not_found', format('there is no member %s', p_user_id), 'p_user_id', 'Pass the id of an account.');
  end if;
  insert into medley.generation_quotas as q (user_no, plan, plan_until, quota_day)
  select m.user_no, p_plan, p_until, medley.utc_day(p_as_of)
  from medley.member_numbers(array[p_user_id]) as m
  on conflict (user_no) do update
  set plan = excluded.plan, plan_until = excluded.plan_until;
end;
$$;

comment on function medley.set_generation_plan(uuid, text, timestamptz, timestamptz) is
  'Puts a member on a plan; see public.set_generation_plan. Errors: invalid_argument, not_found.';
revoke all on function medley.set_generation_plan(uuid, text, timestamptz, timestamptz)
from public, anon, authenticated, service_role;
grant execute on function medley.set_generation_plan(uuid, text, timestamptz, timestamptz) to service_role;

create or replace function medley.reset_daily_counts(p_limit int, p_as_of timestamptz)
returns bigint
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_rows bigint;
begin
  with due as (
    select q.user_no
    from medley.generation_quotas as q
    where q.quota_day < medley.utc_day(p_as_of) and q.daily_count > 0
    order by q.user_no
    limit p_limit
    for no key update skip locked
  )

  update medley.generation_quotas as q
  set quota_day = medley.utc_day(p_as_of), daily_count = 0
  from due as d
  where q.user_no = d.user_no;
  get diagnostics v_rows = row_count;
  return v_rows;
end;
$$;

comment on function medley.reset_daily_counts(int, timestamptz) is
  'Writes down that the counts of up to p_limit members are of an earlier day. Nothing depends on it: such counts count as 0. '
  'Returns how many.';
revoke all on function medley.reset_daily_counts(int, timestamptz) from public, anon, authenticated, service_role;
grant execute on function medley.reset_daily_counts(int, timestamptz) to service_role;

create or replace function medley.reset_daily_count(p_limit int)
returns bigint
language sql volatile parallel unsafe security definer set search_path = ''
as $$ select medley.reset_daily_counts(p_limit, now()) $$;

comment on function medley.reset_daily_count(int) is 'Job: reset_daily_counts as of now.';
revoke all on function medley.reset_daily_count(int) from public, anon, authenticated, service_role;
