-- retain_engagements: months that are too old leave the log, and the affinities are what they were.
select no_plan();

select make_kind('thing');
select make_item('thing', 'a'), make_item('thing', 'b');
create temp table people as select make_member('ada') as ada;
grant select on people to service_role;

select act_as_service();
create temp table answers as
select e.status
from people as p
cross join lateral medley.log_engagement(p.ada, jsonb_build_array(
  jsonb_build_object('item_id', item_named('a'), 'kind', 'like', 'occurred_at', '1998-05-01T00:00:00Z'),
  jsonb_build_object('item_id', item_named('a'), 'kind', 'like', 'occurred_at', now() - interval '500 days'),
  jsonb_build_object('item_id', item_named('a'), 'kind', 'dislike', 'occurred_at', now() - interval '499 days'),
  jsonb_build_object('item_id', item_named('a'), 'kind', 'rate', 'value', 0.9, 'occurred_at', now() - interval '400 days'),
  jsonb_build_object('item_id', item_named('b'), 'kind', 'play', 'occurred_at', now() - interval '20 days'),
  jsonb_build_object('item_id', item_named('b'), 'kind', 'impression', 'occurred_at', now() - interval '600 days')
), now()) as e;
select act_as_owner();
update medley.settings set value = 400 where key = 'signals.keep_days';
select is((select count(*) from answers where status = 'accepted'), 6::bigint, 'history is logged');
create temp table before as select * from affinity_rows();

create function tests.partitions() returns table (name text, upper text) language sql as $$
  select c.relname::text, substring(pg_get_expr(c.relpartbound, c.oid) from 'TO \((.*)\)')
  from pg_inherits as i inner join pg_class as c on i.inhrelid = c.oid
  where i.inhparent = 'medley.engagements'::regclass
$$;
create temp table partitions_before as select * from partitions();

select is(medley.retain_engagements(12), 0::bigint, 'no month is old enough');
select is((select count(*) from medley.engagements where occurred_at < now() - interval '490 days'), 0::bigint, 'old imports left');
select is((select count(*) from medley.affinity_checkpoints), 1::bigint, 'into a checkpoint');
select set_eq('select * from partitions()', 'select * from partitions_before', 'the partitions are as they were');
select set_eq('select * from affinity_rows()', 'select * from before', 'the affinities as well');
select medley.rebuild_affinities();
select set_eq('select * from affinity_rows()', 'select * from before', 'also when they are rebuilt');
select is(medley.retain_engagements(12), 0::bigint, 'doing it again does nothing');
select medley.rebuild_affinities();
select set_eq('select * from affinity_rows()', 'select * from before', 'nothing is folded twice');

-- Two years later, month by month.
create temp table later as select now() + interval '24 months' as at;
grant select on later to service_role;
select is(medley.retain_engagements(1, at), 1::bigint, 'one month at a time') from later;
select is(
  (select count(*) from partitions()), (select count(*) - 1 from partitions_before), 'the month''s partition is dropped'
);
select is(
  (select upper from partitions() where name = 'engagements_history'),
  (select min(upper) from partitions_before where name <> 'engagements_history'),
  'engagements_history reaches to the next one'
);
select ok(medley.retain_engagements(100, at) > 0, 'then all others') from later;
select is((select count(*) from medley.engagements), 0::bigint, 'the log is empty');
select set_eq('select * from affinity_rows()', 'select * from before', 'the affinities still are what they were');
select medley.rebuild_affinities(null, at) from later;
select set_eq('select * from affinity_rows()', 'select * from before', 'checkpoints alone give the affinities');

-- What arrives late still has a place, and the months that are missing are made when they are needed.
select act_as_service();
select is(e.status, 'accepted', 'late events find a partition')
from people as p
cross join lateral medley.log_engagement(p.ada, jsonb_build_array(
  jsonb_build_object('item_id', item_named('a'), 'kind', 'click', 'occurred_at', now() - interval '3 days')
), now()) as e;
select is(e.status, 'accepted', 'so do events of months that the job has not made')
from later as l
cross join people as p
cross join lateral medley.log_engagement(p.ada, jsonb_build_array(
  jsonb_build_object('item_id', item_named('a'), 'kind', 'click', 'occurred_at', l.at)
), l.at) as e;
select act_as_owner();
select is(relrowsecurity, true, format('%s has row-level security', relname))
from pg_class where relname ~ '^engagements_' and relkind = 'r';

-- Partitions ahead.
select ok(
  p.partitions_ahead >= 3 and p.covered_until > l.at + interval '3 months', 'the months ahead are there again'
)
from later as l
cross join lateral medley.partitions_ahead(l.at) as p
where p.table_name = 'engagements';
select is(medley.ensure_engagement_partitions(at), 0::bigint, 'nothing to make twice') from later;

select * from finish();
