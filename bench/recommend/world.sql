-- Members, items, friends and platforms of the simulated world; sizes come from bench.members and bench.items. Run as a
-- superuser with session_replication_role = replica: no trigger fires; what triggers would have derived is rebuilt by the
-- engine's own functions afterwards. Numbers are given, not drawn, so that a member's number says its id.

-- Draws from a log-normal: half of the members have 5 items or fewer, 4 in 1,000 have 100 or more. The normal's quantile
-- is approximated by Tukey's lambda. Each member loves two clusters of items.
create table bench.member as
select
  bench.scattered(q, n.members) as member_no,
  q as place,
  least(1000, greatest(1, exp(
    ln(5.0::float8) + 1.18 * 4.91 * (((q + 0.5) / n.members) ^ 0.14::float8 - (1 - (q + 0.5) / n.members) ^ 0.14::float8)
  )::int)) as draws,
  floor(n.clusters * bench.u(q, 'cluster 1'))::int as cluster1,
  floor(n.clusters * bench.u(q, 'cluster 2'))::int as cluster2
from (
  select
    current_setting('bench.members')::int as members,
    greatest(1, current_setting('bench.items')::int / 400) as clusters
) as n
cross join lateral generate_series(0::bigint, n.members - 1) as q;

insert into auth.users (id)
select bench.uuid('c00', m) from generate_series(1, current_setting('bench.members')::int) as m;
insert into medley.members (user_id, user_no) overriding system value
select bench.uuid('c00', m), m from generate_series(1, current_setting('bench.members')::int) as m;
insert into public.profiles (id, display_name)
select bench.uuid('c00', m), 'Member ' || m from generate_series(1, current_setting('bench.members')::int) as m;
select setval(pg_get_serial_sequence('medley.members', 'user_no'), current_setting('bench.members')::int);

-- Items lie in clusters of 400; a cluster has all degrees of popularity. 2 % were published in the last 30 days.
insert into medley.item_kinds (kind, description) values ('bench_film', 'A film of the benchmark.');
insert into medley.items (id, item_no, kind, title, published_at) overriding system value
select bench.uuid('e00', i), i, 'bench_film', 'Film ' || i, now() - 1500 * bench.u(i, 'published') * interval '1 day'
from generate_series(1, current_setting('bench.items')::int) as i;
select setval(pg_get_serial_sequence('medley.items', 'item_no'), current_setting('bench.items')::int);

create table bench.item as
select
  bench.scattered(r, n.items) as item_no,
  r as place,
  (r % n.clusters)::int as cluster,
  (r / n.clusters)::int as place_in_cluster
from (
  select
    current_setting('bench.items')::int as items,
    greatest(1, current_setting('bench.items')::int / 400) as clusters
) as n
cross join lateral generate_series(0::bigint, n.items - 1) as r;

-- Half of the items are on one of four platforms, a fifth of the members have one.
insert into medley.item_availability (item_no, platform)
select i, 'platform ' || floor(4 * bench.u(i, 'platform'))
from generate_series(1, current_setting('bench.items')::int) as i
where bench.u(i, 'on a platform') < 0.5;
insert into medley.platform_user_preferences (user_no, platform_name, has_subscription)
select m, 'platform ' || floor(4 * bench.u(m, 'subscription')), true
from generate_series(1, current_setting('bench.members')::int) as m
where bench.u(m, 'subscribes') < 0.2;
