-- Each member follows 50 others, the popular ones rather (the first of all is followed by 5 % of the members); the last
-- of the 50 follows back. bench.half: which members' rows, for two sessions share the work.
insert into public.follows (follower_id, followed_id, created_at)
select bench.uuid('c00', t.m), bench.uuid('c00', t.followed_no), now() - interval '1 year'
from (
  select
    m,
    case when s.stratum = 50 then 1 + ((m - 1) # 1)
      -- One from each of 49 strata of popularity, so all are different.
      else bench.scattered(s.low + floor((s.high - s.low) * bench.u(m * 64::bigint + s.stratum, 'follow'))::bigint, n.members)
    end as followed_no,
    1 + ((m - 1) # 1) as friend_no,
    s.stratum
  from (
    select current_setting('bench.members')::int as members, current_setting('bench.half')::int as half
  ) as n
  cross join lateral generate_series(1 + n.half * (n.members / 2), (1 + n.half) * (n.members / 2)) as m
  cross join lateral (
    select f as stratum, floor(n.members * ((f - 1) / 49.0::float8) ^ 2)::bigint as low, floor(n.members * (f / 49.0::float8) ^ 2)::bigint as high
    from generate_series(1, 50) as f
  ) as s
) as t
where t.followed_no <> t.m and (t.stratum = 50 or t.followed_no <> t.friend_no);
