-- Each member follows 50 others, the popular ones rather (the first of all is followed by 5 % of the members); the last
-- of the 50 follows back. bench.half: which members' rows, for two sessions share the work.
insert into public.follows (follower_id, followed_id, created_at)
select bench.uuid('c00', t.m), bench.uuid('c00', t.followed_no), now() - interval '1 year'
from (
  select
    m,
    case when f = 50 then 1 + ((m - 1) # 1)
      else bench.scattered(floor(n.members * ((f - 1 + bench.u(m * 64::bigint + f, 'follow')) / 49) ^ 2)::bigint, n.members)
    end as followed_no,
    1 + ((m - 1) # 1) as friend_no,
    f
  from (
    select current_setting('bench.members')::int as members, current_setting('bench.half')::int as half
  ) as n
  cross join lateral generate_series(1 + n.half * (n.members / 2), (1 + n.half) * (n.members / 2)) as m
  cross join generate_series(1, 50) as f
) as t
where t.followed_no <> t.m and (t.f = 50 or t.followed_no <> t.friend_no);
