-- Popularity: how many members want an item, how often it was shown and engaged with.
create or replace function medley.roll_up_activity(p_from timestamptz)
returns int[]
language plpgsql volatile parallel unsafe security definer
set search_path = '' set plan_cache_mode = force_custom_plan set work_mem = '256MB'
as $$
declare
  c_origin constant timestamptz := timestamptz '2000-01-01 00:00:00+00';
  v_overlap interval := make_interval(hours => medley.setting('statistics.overlap_hours')::int);
  v_settled timestamptz := timestamptz '-infinity';
  v_item_nos int[];
begin
  -- From the beginning: what is settled by now is counted into one row an item at once.
  if p_from = '-infinity' then
    select coalesce(date_bin('1 hour', max(e.logged_at), c_origin) - v_overlap, '-infinity') into v_settled
    from medley.engagements as e;
  end if;

  with fresh as materialized (
    select
      case when e.logged_at >= v_settled then date_bin('1 hour', e.logged_at, c_origin) else '-infinity' end as bucket,
      e.item_no,
      count(*) as events,
      count(*) filter (where k.kind = 'impression') as impressions,
      count(*) filter (where medley.engagement_polarity(k.polarity, k.value_rule, e.value) = 1) as engagements
    from medley.engagements as e
    inner join medley.engagement_kinds as k on k.kind_no = e.kind_no
    where e.logged_at >= p_from
    group by 1, e.item_no
  ),

  gone as (
    delete from medley.item_activity as a
    where a.bucket >= p_from
      and not exists (select from fresh as f where f.item_no = a.item_no and f.bucket = a.bucket)
    returning a.item_no
  ),

  written as (
    insert into medley.item_activity as a (bucket, item_no, events, impressions, engagements)
    select f.bucket, f.item_no, f.events, f.impressions, f.engagements
    from fresh as f
    on conflict (item_no, bucket) do update
    set events = excluded.events, impressions = excluded.impressions, engagements = excluded.engagements
    where (a.events, a.impressions, a.engagements) <> (excluded.events, excluded.impressions, excluded.engagements)
    returning a.item_no
  )

  select array_agg(distinct c.item_no) into v_item_nos
  from (select g.item_no from gone as g union all select w.item_no from written as w) as c;

  -- Hours before p_from are settled.
  with settled as (
    delete from medley.item_activity as a
    where a.bucket < p_from and a.bucket > '-infinity'
    returning a.item_no, a.events, a.impressions, a.engagements
  )

  insert into medley.item_activity as a (bucket, item_no, events, impressions, engagements)
  select '-infinity', s.item_no, sum(s.events), sum(s.impressions), sum(s.engagements)
  from settled as s
  group by s.item_no
  on conflict (item_no, bucket) do update
  set
    events = a.events + excluded.events,
    impressions = a.impressions + excluded.impressions,
    engagements = a.engagements + excluded.engagements;

  return v_item_nos;
end;
$$;

comment on function medley.roll_up_activity(timestamptz) is
  'Counts what was written to the log from p_from on (a full hour; -infinity: all of it) and settles the hours before. '
  'Returns the items with more or fewer events than were known.';
revoke all on function medley.roll_up_activity(timestamptz) from public, anon, authenticated, service_role;

-- Both read all items, and their rows may be new: without statistics a nested loop would look cheap and be quadratic.
create or replace function medley.set_item_popularity()
returns bigint
language plpgsql volatile parallel unsafe security definer
set search_path = '' set enable_nestloop = off
as $$
declare
  v_rows bigint;
begin
  -- M with two digits moves rarely, so an item that gains a member seldom changes the rows of all others.
  with kind as (
    select s.kind, max(s.member_count)::numeric as largest
    from medley.item_statistics as s
    group by s.kind
  ),

  scale as (
    select
      k.kind,
      ln(1 + ceil(k.largest / d.unit) * d.unit)::double precision as ln_most
    from kind as k
    cross join lateral (select power(10::numeric, greatest(length(k.largest::text) - 2, 0)) as unit) as d
    where k.largest > 0
  )

  update medley.item_statistics as s
  set popularity = n.popularity, updated_at = now()
  from (
    select o.item_no, coalesce(ln(1 + o.member_count::double precision) / c.ln_most, 0)::real as popularity
    from medley.item_statistics as o
    left join scale as c on c.kind = o.kind
  ) as n
  where n.item_no = s.item_no and n.popularity <> s.popularity;
  get diagnostics v_rows = row_count;
  return v_rows;
end;
$$;

comment on function medley.set_item_popularity() is
  'Makes popularity follow the counts. Returns how many rows changed.';
revoke all on function medley.set_item_popularity() from public, anon, authenticated, service_role;

create or replace function medley.set_item_trends()
returns bigint
language plpgsql volatile parallel unsafe security definer
set search_path = '' set enable_nestloop = off
as $$
declare
  v_rows bigint;
begin
  update medley.item_statistics as s
  set trend = n.trend, updated_at = now()
  from (
    select
      o.item_no,
      coalesce(c.trend_score / max(c.trend_score) over (partition by o.kind), 0)::real as trend
    from medley.item_statistics as o
    left join medley.trending_cache as c
      on c.item_no = o.item_no and c.time_window = 'day' and c.trend_type = 'global' and c.segment = ''
  ) as n
  where n.item_no = s.item_no and n.trend <> s.trend;
  get diagnostics v_rows = row_count;
  return v_rows;
end;
$$;

comment on function medley.set_item_trends() is 'Makes trend follow trending_cache. Returns how many rows changed.';
revoke all on function medley.set_item_trends() from public, anon, authenticated, service_role;

create or replace function medley.count_item_members(p_item_nos int[])
returns table (item_no int, member_count bigint)
language plpgsql stable parallel safe security definer
set search_path = '' set plan_cache_mode = force_custom_plan set work_mem = '256MB' rows 10000
as $$
begin
  -- A pair has a row for each half-life that its kinds have.
  if p_item_nos is null then
    return query
    select p.item_no, count(*)
    from (
      select a.item_no
      from medley.affinities as a
      group by a.item_no, a.user_no
      having max(a.positive_at) > coalesce(max(a.negative_at), '-infinity')
    ) as p
    group by p.item_no;
  else
    return query
    select p.item_no, count(*)
    from (
      select a.item_no
      from unnest(p_item_nos) as w (item_no)
      inner join medley.affinities as a on a.item_no = w.item_no
      group by a.item_no, a.user_no
      having max(a.positive_at) > coalesce(max(a.negative_at), '-infinity')
    ) as p
    group by p.item_no;
  end if;
end;
$$;

comment on function medley.count_item_members(int[]) is
  'How many members want each of these items (null: of all), by the newest positive and the newest negative event of member '
  'and item. Items that nobody wants are left out.';
revoke all on function medley.count_item_members(int[]) from public, anon, authenticated, service_role;

-- Ten items or all of them: the best plans differ, so each call is planned for its own array.
create or replace function medley.count_items(p_item_nos int[])
returns bigint
language plpgsql volatile parallel unsafe security definer
set search_path = '' set plan_cache_mode = force_custom_plan set work_mem = '256MB'
as $$
declare
  v_rows bigint;
begin
  with asked as materialized (
    select w.item_no
    from unnest(coalesce(p_item_nos, array(select i.item_no from medley.items as i))) as w (item_no)
  ),

  activity as (
    select a.item_no, sum(a.impressions) as impressions, sum(a.engagements) as engagements
    from asked as w
    inner join medley.item_activity as a on a.item_no = w.item_no
    group by a.item_no
  ),

  fresh as materialized (
    select
      i.item_no,
      i.kind,
      coalesce(m.member_count, 0) as member_count,
      coalesce(c.impressions, 0) as impressions,
      coalesce(c.engagements, 0) as engagements
    from medley.count_item_members(p_item_nos) as m
    full join activity as c on c.item_no = m.item_no
    inner join medley.items as i on i.item_no = coalesce(m.item_no, c.item_no)
  ),

  gone as (
    delete from medley.item_statistics as s
    using asked as w
    where s.item_no = w.item_no and s.item_no not in (select f.item_no from fresh as f)
    returning 1
  ),

  written as (
    insert into medley.item_statistics as s (item_no, kind, member_count, impressions, engagements)
    select f.item_no, f.kind, f.member_count, f.impressions, f.engagements
    from fresh as f
    on conflict (item_no) do update
    set
      member_count = excluded.member_count,
      impressions = excluded.impressions,
      engagements = excluded.engagements,
      updated_at = now()
    where (s.member_count, s.impressions, s.engagements)
      <> (excluded.member_count, excluded.impressions, excluded.engagements)
    returning 1
  )

  select (select count(*) from gone) + (select count(*) from written) into v_rows;
  return v_rows;
end;
$$;

comment on function medley.count_items(int[]) is
  'Counts members, impressions and engagements of these items (null: of all) afresh. Returns how many rows of item_statistics changed.';
revoke all on function medley.count_items(int[]) from public, anon, authenticated, service_role;

create or replace function medley.refresh_item_statistics()
returns bigint
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_from timestamptz;
  v_rows bigint;
begin
  -- One run at a time.
  perform medley.begin_generation('item_statistics');
  select coalesce(
    max(a.bucket) - make_interval(hours => medley.setting('statistics.overlap_hours')::int), '-infinity'
  ) into v_from
  from medley.item_activity as a
  where a.bucket > '-infinity';

  v_rows := medley.count_items(coalesce(medley.roll_up_activity(v_from), '{}'));
  if v_rows > 0 then
    perform medley.set_item_popularity();
    perform medley.set_item_trends();
  end if;
  return v_rows;
end;
$$;

comment on function medley.refresh_item_statistics() is
  'Job: counts what was written to the log since the last run, with an overlap of statistics.overlap_hours, and counts '
  'the items afresh that it is about. Running it again changes nothing. Accounts that were deleted count until the next '
  'rebuild_item_statistics(). Returns how many items changed.';
revoke all on function medley.refresh_item_statistics() from public, anon, authenticated, service_role;

create or replace function medley.rebuild_item_statistics()
returns bigint
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_generation int := medley.begin_generation('item_statistics');
  v_rows bigint;
begin
  perform medley.roll_up_activity('-infinity');
  v_rows := medley.count_items(null);
  perform medley.set_item_popularity();
  perform medley.set_item_trends();
  perform medley.finish_generation(
    'item_statistics', v_generation, (select count(*) from medley.item_statistics)
  );
  return v_rows;
end;
$$;

comment on function medley.rebuild_item_statistics() is
  'Job: counts every item afresh from the affinities and the whole log. Returns how many rows of item_statistics changed.';
revoke all on function medley.rebuild_item_statistics() from public, anon, authenticated, service_role;
