-- In which circumstances members engage, learnt from the log.
create or replace function medley.learn_user_context(p_limit int, p_as_of timestamptz default now())
returns bigint
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_since timestamptz := p_as_of - make_interval(days => medley.setting('signals.context_days')::int);
  v_user_nos int[];
begin
  -- A member who is logging at this moment has the row locked, and a turn later.
  select array_agg(m.user_no) into v_user_nos
  from (
    select a.user_no
    from medley.member_activity as a
    where a.learnt_engagements <> a.engagements
    order by a.user_no
    limit p_limit
    for no key update skip locked
  ) as m;
  if v_user_nos is null then
    return 0;
  end if;

  delete from medley.user_context as c
  where c.user_no = any(v_user_nos);

  insert into medley.user_context (user_no, context_type, context_value, frequency, last_seen)
  select
    m.user_no,
    s.context_type,
    s.context_value,
    count(*),
    max(e.occurred_at)
  from unnest(v_user_nos) as m (user_no)
  inner join medley.engagements as e on m.user_no = e.user_no
  inner join medley.engagement_kinds as k on e.kind_no = k.kind_no
  cross join lateral (
    values
      (
        'time_of_day',
        (array['night', 'morning', 'afternoon', 'evening'])[
          1 + date_part('hour', e.occurred_at at time zone 'UTC')::int / 6
        ]
      ),
      ('day_of_week', to_char(e.occurred_at at time zone 'UTC', 'FMday')),
      ('device', nullif(e.device, '')),
      ('mood', nullif(left(e.context ->> 'mood', 100), ''))
  ) as s (context_type, context_value)
  where e.occurred_at >= v_since
    and k.engagement > 0
    and s.context_value is not null
  group by m.user_no, s.context_type, s.context_value
  union all
  select
    m.user_no,
    'session_length',
    l.length,
    count(*),
    max(s.last_at)
  from unnest(v_user_nos) as m (user_no)
  inner join medley.sessions as s on m.user_no = s.user_no
  cross join lateral (
    select
      case
        when s.last_at - s.started_at < interval '5 minutes' then 'short'
        when s.last_at - s.started_at < interval '30 minutes' then 'medium'
        else 'long'
      end as length
  ) as l
  where s.last_at >= v_since
  group by m.user_no, l.length;

  update medley.member_activity as a
  set learnt_engagements = a.engagements
  where a.user_no = any(v_user_nos);
  return cardinality(v_user_nos);
end;
$$;

comment on function medley.learn_user_context(int, timestamptz) is
  'Job: learns user_context again for up to p_limit members who have engaged since it was learnt, from the last '
  'signals.context_days days before p_as_of; kinds without engagement (impressions) say nothing. Returns how many members.';
revoke all on function medley.learn_user_context(int, timestamptz) from public, anon, authenticated, service_role;
