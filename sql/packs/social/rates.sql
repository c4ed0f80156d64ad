-- How often members engage with an author's posts: counted from the log, each event once, in steps of ten minutes.
create or replace function medley.added_counts(
  p_counts extensions.vector,
  p_earlier extensions.vector,
  p_fading double precision
)
returns extensions.vector
language sql immutable parallel safe security invoker set search_path = ''
as $$
  -- What counts less than a millionth is nothing: floats that small would raise an underflow one day.
  select array_agg(case when s.n > 1e-6 then s.n else 0 end order by s.place)::extensions.vector
  from (
    select c.n + coalesce(c.earlier * p_fading, 0) as n, c.place
    from unnest(p_counts::real[], p_earlier::real[]) with ordinality as c (n, earlier, place)
  ) as s
$$;

comment on function medley.added_counts(extensions.vector, extensions.vector, double precision) is
  'p_counts plus p_fading times p_earlier (null for none), element by element and never below 0.';
revoke all on function medley.added_counts(extensions.vector, extensions.vector, double precision)
from public, anon, authenticated, service_role;

create or replace function medley.roll_up_author_rates_at(p_as_of timestamptz)
returns bigint
language plpgsql volatile parallel unsafe security definer
set search_path = '' set plan_cache_mode = force_custom_plan set work_mem = '128MB'
as $$
declare
  c_origin constant timestamptz := timestamptz '2000-01-01 00:00:00+00';
  v_days double precision := medley.setting('timeline.rate_days');
  -- A transaction that began before has long committed its events.
  v_until timestamptz := date_bin('10 minutes', p_as_of - interval '10 minutes', c_origin);
  v_from timestamptz;
  v_rows bigint;
begin
  select s.counted_until into v_from
  from medley.timeline_state as s
  for update;
  if v_from >= v_until then
    return 0;
  end if;

  -- What happens between a member and a post in ten minutes counts once: a hundred clicks say no more than one.
  with met as materialized (
    select
      p.author_id,
      k.place,
      least(greatest(sum(t.sign), -1), 1)
      * medley.recency(date_bin('10 minutes', e.logged_at, c_origin), v_until, v_days) as n,
      row_number() over (
        partition by e.item_no, e.user_no, date_bin('10 minutes', e.logged_at, c_origin)
        order by least(greatest(sum(t.sign), -1), 1) desc
      ) as nth
    from medley.engagements as e
    inner join medley.engagement_kinds as ek on ek.kind_no = e.kind_no
    inner join medley.timeline_kinds as t on t.kind = ek.kind
    inner join medley.timeline_kinds as k on k.place = t.place and k.sign = 1
    inner join medley.timeline_posts as p on p.item_no = e.item_no and not p.is_repost
    left join medley.members as a on a.user_id = p.author_id
    where e.logged_at >= v_from
      and e.logged_at < v_until
      and e.user_no is distinct from a.user_no
    group by p.author_id, e.item_no, e.user_no, date_bin('10 minutes', e.logged_at, c_origin), k.place
  ),

  -- Of an unlike alone nobody was exposed to anything.
  happened as (
    select m.author_id, m.place, sum(m.n) as n
    from met as m
    where m.place > 0
    group by m.author_id, m.place
    union all
    select m.author_id, 0, sum(m.n)
    from met as m
    where m.nth = 1 and m.n > 0
    group by m.author_id
  ),

  -- A sum of unit vectors is a vector of sums.
  unit as (
    select t.place, array(select (p = t.place)::int::real from generate_series(1, 32) as p order by p) as places
    from medley.timeline_kinds as t
    where t.sign = 1
  ),

  author as (
    select
      h.author_id,
      sum(h.n) filter (where h.place = 0) as exposures,
      extensions.sum(
        u.places::extensions.vector(32) operator(extensions.*) array_fill(h.n::real, array[32])::extensions.vector(32)
      ) as counts
    from happened as h
    inner join unit as u on u.place = h.place
    group by h.author_id
  ),

  written as (
    insert into medley.author_rates as r (user_id, exposures, counted_at, counts)
    select
      a.author_id,
      coalesce(a.exposures, 0) + coalesce(o.exposures * medley.recency(o.counted_at, v_until, v_days), 0),
      v_until,
      medley.added_counts(a.counts, o.counts, medley.recency(o.counted_at, v_until, v_days))
    from author as a
    left join medley.author_rates as o on o.user_id = a.author_id
    order by a.author_id
    on conflict (user_id) do update
    set exposures = excluded.exposures, counted_at = excluded.counted_at, counts = excluded.counts
    returning 1
  ),

  total as (
    select
      s.kind,
      s.place,
      -- As in added_counts.
      case when s.count > 1e-6 then s.count else 0 end as count
    from (
      select
        t.kind,
        t.place,
        t.count * case when v_from = '-infinity' then 0 else medley.recency(v_from, v_until, v_days) end
        + coalesce((select sum(h.n) from happened as h where h.place = t.place), 0) as count
      from medley.timeline_kinds as t
      where t.sign = 1
    ) as s
  ),

  summed as (
    update medley.timeline_kinds as k
    set
      count = t.count,
      rate = least((t.count + 1000 * k.usual_rate) / (e.count + 1000), 1)
    from total as t
    cross join (select x.count from total as x where x.place = 0) as e
    where t.kind = k.kind
    returning 1
  )

  select count(*) into v_rows from written where (select count(*) from summed) > 0;

  update medley.timeline_state as s
  set counted_until = v_until
  where s.singleton;
  return v_rows;
end;
$$;

comment on function medley.roll_up_author_rates_at(timestamptz) is
  'Adds what the log has from timeline_state.counted_until to ten minutes before p_as_of to the rates, all of it in one '
  'transaction: each event counts once, whenever a run is killed. Returns how many authors it touched.';
revoke all on function medley.roll_up_author_rates_at(timestamptz) from public, anon, authenticated, service_role;

create or replace function medley.roll_up_author_rates()
returns bigint
language sql volatile parallel unsafe security definer set search_path = ''
as $$ select medley.roll_up_author_rates_at(now()) $$;

comment on function medley.roll_up_author_rates() is 'Job: see roll_up_author_rates_at.';
revoke all on function medley.roll_up_author_rates() from public, anon, authenticated, service_role;

create or replace function medley.rebuild_author_rates()
returns bigint
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
begin
  update medley.timeline_state as s
  set counted_until = '-infinity'
  where s.singleton;
  delete from medley.author_rates as r where r.user_id is not null;
  return medley.roll_up_author_rates_at(now());
end;
$$;

comment on function medley.rebuild_author_rates() is
  'Job: counts the whole log anew, without what was deleted since and with events of transactions that took longer than '
  'ten minutes. Returns how many authors it wrote.';
revoke all on function medley.rebuild_author_rates() from public, anon, authenticated, service_role;
