-- One event in the log, as the service writes it. The member is given by name, the item by title.
create function tests.engage(
  p_member text,
  p_item text,
  p_kind text,
  p_ago interval default '1 minute',
  p_platform text default null,
  p_value real default null
)
returns text
language sql security definer set search_path = ''
as $$
  select w.status
  from medley.items as i
  cross join lateral medley.write_engagements(
    md5('member ' || p_member)::uuid,
    jsonb_build_array(jsonb_build_object(
      'item_id', i.id, 'kind', p_kind, 'occurred_at', now() - p_ago, 'platform', p_platform, 'value', p_value
    )),
    '1970-01-01Z', now()
  ) as w
  where i.title = p_item
$$;

-- Members m1 to m<p_count>.
create function tests.make_members(p_count int)
returns void
language sql security definer set search_path = ''
as $$
  select tests.make_member('m' || n)
  from generate_series(1, p_count) as n
$$;

-- p_count of these members do the same, each p_step after the one before.
create function tests.crowd(p_count int, p_item text, p_kind text, p_ago interval, p_step interval default '1 second')
returns void
language sql security definer set search_path = ''
as $$
  select tests.engage('m' || n, p_item, p_kind, p_ago - (n - 1) * p_step)
  from generate_series(1, p_count) as n
$$;

-- Calculates every window now and writes all of it. Returns how many rows were written.
create function tests.refresh_trends(p_as_of timestamptz default now())
returns bigint
language plpgsql security definer set search_path = ''
as $$
begin
  update medley.trend_windows as w set calculated_at = null where true;
  return medley.refresh_trending_at(1000000, p_as_of);
end;
$$;

-- Titles of what trends, in order.
create function tests.trending(
  p_kind text default null,
  p_window text default 'day',
  p_type text default 'global',
  p_segment text default null,
  p_limit int default 20
)
returns text[]
language sql stable security invoker
as $$
  select coalesce(array_agg(t.title order by t.place), '{}')
  from public.get_trending(p_kind, p_window, p_type, p_segment, p_limit)
    with ordinality as t (id, kind, title, score, time_window, trend_type, segment, next_cursor, place)
$$;
