-- Every second member has friends, ten on average: rings of strides within the whole, each friendship both ways.
insert into public.follows (follower_id, followed_id)
select distinct bench.uuid('c00', e.a), bench.uuid('c00', e.b)
from (
  select
    m as a,
    2 + (m - 2 + s.stride) % current_setting('bench.members')::int as b
  from generate_series(2, current_setting('bench.members')::int, 2) as m
  cross join (values (2, 0.9), (14, 0.8), (62, 0.9), (198, 0.8), (802, 0.7), (1994, 0.9)) as s (stride, share)
  where bench.u(m * 2048::bigint + s.stride, 'friend') < s.share
) as p
cross join lateral (values (p.a, p.b), (p.b, p.a)) as e (a, b)
where e.a <> e.b
order by 1, 2;
