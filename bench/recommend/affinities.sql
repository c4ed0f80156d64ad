-- What members like: three in ten items from the popular ones of all, the others from the member's two clusters. Rows lie
-- in the order of time, as events come in, so that a member's are scattered over the table.
insert into medley.affinities (
  user_no, item_no, score, half_life_days, seen, last_at, positive_at, negative_at
)
select
  a.user_no,
  a.item_no,
  case when a.rejected then -1 else 0.5 + 3 * bench.u(a.no, 'score') end,
  30,
  true,
  a.last_at,
  case when not a.rejected then a.last_at end,
  case when a.rejected then a.last_at end
from (
  select
    m.member_no as user_no,
    bench.scattered(d.place, n.items) as item_no,
    r.no,
    bench.u(r.no, 'rejected') < 0.02 as rejected,
    n.newest - 60 * bench.u(r.no, 'age') * interval '1 day' as last_at
  from bench.member as m
  cross join (
    select
      current_setting('bench.items')::int as items,
      greatest(1, current_setting('bench.items')::int / 400) as clusters,
      now() - interval '1 hour' as newest
  ) as n
  cross join lateral (
    -- More draws than needed, for some repeat.
    select distinct
      case
        when bench.u(k.no, 'source') < 0.3 then k.place
        else least(
          k.place / n.clusters * n.clusters + case when bench.u(k.no, 'source') < 0.7 then m.cluster1 else m.cluster2 end,
          n.items - 1
        )
      end as place
    from (
      select
        m.member_no * 2048::bigint + g as no,
        floor(bench.popular_place(bench.u(m.member_no * 2048::bigint + g, 'item'), n.items))::bigint as place
      from generate_series(1, (1.25 * m.draws)::int + 2) as g
    ) as k
    limit m.draws
  ) as d
  cross join lateral (select m.member_no * 1048576::bigint + d.place as no) as r
) as a
order by a.last_at;
