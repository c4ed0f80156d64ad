-- Members of the simulated network, and what is derived about them; their number comes from bench.members. Run as a
-- superuser with session_replication_role = replica: no trigger fires. Numbers are given, not drawn, so that a member's
-- number says its id. Of places in the order of popularity, scattered() makes numbers.
insert into auth.users (id)
select bench.uuid('c00', m) from generate_series(1, current_setting('bench.members')::int) as m;
insert into medley.members (user_id, user_no) overriding system value
select bench.uuid('c00', m), m from generate_series(1, current_setting('bench.members')::int) as m;
insert into public.profiles (id, display_name)
select bench.uuid('c00', m), 'Member ' || m from generate_series(1, current_setting('bench.members')::int) as m;
select setval(pg_get_serial_sequence('medley.members', 'user_no'), current_setting('bench.members')::int);

-- What the log said of each author: exposures are log-normal, and every author is better at some kinds than at others.
insert into medley.author_rates (user_id, exposures, counted_at, counts)
select bench.uuid('c00', a.user_no), a.exposures, now() - interval '20 minutes', c.counts
from (
  select m as user_no, exp(1.5 + 5 * bench.u(m, 'exposures'))::real as exposures
  from generate_series(1, current_setting('bench.members')::int) as m
) as a
cross join lateral (
  select array_agg(
    case when k.rate is null then 0 else a.exposures * least(k.rate * 3 * bench.u(a.user_no * 32::bigint + p.place, 'rate'), 1) end
    order by p.place
  )::real[]::extensions.vector(32) as counts
  from generate_series(1, 32) as p (place)
  left join medley.timeline_kinds as k on k.place = p.place and k.sign = 1
) as c;

insert into medley.user_clusters (user_no, cluster_type, cluster_no, similarity)
select m, 'taste_based', 1 + m % 32, 0.5 from generate_series(1, current_setting('bench.members')::int) as m;
insert into medley.generations (name, generation, built_at, row_count) values ('user_clusters', 1, now(), 1)
on conflict (name) do update set generation = 1;
