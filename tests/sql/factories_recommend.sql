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

-- Items "<p_prefix>1" to "<p_prefix><p_count>", published p_age ago, each one second before the one before.
create function tests.make_items(p_kind text, p_prefix text, p_count int, p_age interval default '1 year')
returns void
language sql security definer set search_path = ''
as $$
  insert into medley.items (kind, title, published_at)
  select p_kind, p_prefix || n, now() - p_age - n * interval '1 second'
  from generate_series(1, p_count) as n
$$;

-- Makes a list of neighbours by p_method of lines "item > neighbour weight", all by title.
create function tests.plant_list(p_method text, p_lines text[])
returns void
language plpgsql security definer set search_path = ''
as $$
declare
  v_list_no smallint := medley.begin_list(p_method);
begin
  insert into medley.item_neighbors (list_no, item_no, neighbor_no, weight)
  select v_list_no, i.item_no, n.item_no, l.part[3]::real
  from unnest(p_lines) as u (line)
  cross join lateral regexp_match(u.line, '^(.+) > (.+) (\S+)$') as l (part)
  inner join medley.items as i on i.title = l.part[1]
  inner join medley.items as n on n.title = l.part[2];
  perform medley.finish_list(v_list_no);
end;
$$;

-- Titles of what is recommended to the role in force, in order.
create function tests.recommended(
  p_kind text default null,
  p_limit int default 20,
  p_context jsonb default '{}'
)
returns text[]
language sql stable security invoker
as $$
  select coalesce(array_agg(r.title order by r."position"), '{}')
  from public.get_recommendations(p_kind, p_limit, null, p_context) as r
$$;

-- The row of one item among the best 200, as "algorithm: reason"; null where it is not recommended.
create function tests.why(p_title text)
returns text
language sql stable security invoker
as $$
  select r.algorithm || ': ' || r.reason
  from public.get_recommendations(p_limit => 200, p_context => '{"exclude": []}') as r
  where r.title = p_title
$$;

-- The points of one item by one term, or all of them (null).
create function tests.points(p_title text, p_term text default null)
returns numeric
language sql stable security invoker
as $$
  select round(coalesce((r.breakdown ->> p_term)::numeric, r.score::numeric), 4)
  from public.get_recommendations(p_limit => 200, p_context => '{"exclude": []}') as r
  where r.title = p_title
$$;

-- Computes the member's page ahead, as if all that the member did lay an hour back.
create function tests.compute_ahead(p_member text)
returns void
language plpgsql security definer set search_path = ''
as $$
declare
  v_user_no int := (select m.user_no from medley.members as m where m.user_id = md5('member ' || p_member)::uuid);
begin
  update medley.member_activity as a
  set last_written_at = now() - interval '1 hour'
  where a.user_no = v_user_no;
  perform medley.write_recommendation_candidates(array[v_user_no], now());
  -- What tells that the page was used.
  update medley.recommendation_candidates as c
  set explanation = jsonb_set(c.explanation, '{reason}', '"Ahead"')
  where c.user_no = v_user_no;
end;
$$;

-- Whether the page that was computed ahead is what the role in force gets.
create function tests.is_ahead(p_limit int default 5)
returns boolean
language sql stable security invoker
as $$ select bool_and(r.reason = 'Ahead') from public.get_recommendations(p_limit => p_limit) as r $$;

-- These members are taste cluster p_no, in another generation of clusters.
create function tests.plant_cluster(p_no int, p_members text[])
returns void
language sql security definer set search_path = ''
as $$
  insert into medley.user_clusters as c (user_no, cluster_type, cluster_no, similarity)
  select m.user_no, 'taste_based', p_no, 1
  from unnest(p_members) as n (name)
  inner join medley.members as m on m.user_id = md5('member ' || n.name)::uuid
  on conflict (user_no, cluster_type) do update set cluster_no = excluded.cluster_no;
  select medley.finish_generation('user_clusters', medley.begin_generation('user_clusters'), cardinality(p_members));
$$;
