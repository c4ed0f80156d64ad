-- A member reads the own rows and writes none; the kinds and what is derived belong to the engine.
select no_plan();

select make_kind('thing');
select make_item('thing', 'a');
create temp table people as select make_member('ada') as ada, make_member('bob') as bob;
grant select on people to authenticated, service_role;
create temp table tables as select unnest(array['engagements', 'affinities', 'sessions', 'member_activity', 'user_context']) as name;

select act_as_service();
select count(*)
from people as p
cross join lateral public.log_engagement(jsonb_build_array(
  jsonb_build_object('user_id', p.ada, 'item_id', item_named('a'), 'kind', 'like', 'session_id', gen_random_uuid()),
  jsonb_build_object('user_id', p.bob, 'item_id', item_named('a'), 'kind', 'like', 'session_id', gen_random_uuid())
));
select act_as_owner();
select medley.learn_user_context(10);
insert into medley.affinity_checkpoints select * from medley.affinities;
create function tests.seen() returns table (name text, mine bigint, others bigint) language plpgsql as $$
begin
  for name in select unnest(array['engagements', 'affinities', 'sessions', 'member_activity', 'user_context']) loop
    execute format(
      'select count(*) filter (where r.user_no = medley.acting_user_no()), '
      'count(*) filter (where r.user_no <> medley.acting_user_no()) from medley.%I as r', name
    ) into mine, others;
    return next;
  end loop;
end;
$$;
select act_as((select ada from people));
select ok(s.mine > 0 and s.others = 0, format('of %s a member sees the own rows', s.name)) from tests.seen() as s;
select throws_permission(statement, format('a member may not: %s', statement))
from unnest(array[
  $$ insert into medley.engagements (occurred_at, user_no, item_no, score, kind_no) values (now(), 1, 1, 1, 1) $$,
  $$ update medley.affinities set score = 100 where true $$,
  $$ delete from medley.sessions where true $$,
  $$ select from medley.engagement_kinds $$,
  $$ select from medley.affinity_checkpoints $$,
  $$ select from medley.removed_items $$,
  $$ select from medley.engagements_history $$,
  $$ select medley.write_engagements(null, '[]', now(), now()) $$,
  $$ select medley.rebuild_affinities() $$,
  $$ select medley.retain_engagements(1) $$
]) as statement;
select act_as_service();
select throws_permission($$ delete from medley.engagements where true $$, 'the log is not even the service''s to change');

select act_as_owner();
select set_eq(
  $$ select t.table_name from people as p, rows_about(p.ada) as t where t.table_name not like 'public.%' $$,
  $$
  values ('medley.members'), ('medley.engagements'), ('medley.affinities'), ('medley.affinity_checkpoints'),
    ('medley.sessions'), ('medley.member_activity'), ('medley.user_context')
  $$,
  'much is known about a member'
);
delete from auth.users where id = (select ada from people);
select is_empty('select t.* from people as p, rows_about(p.ada) as t', 'none is left when the account goes');
select is((select count(*) from medley.affinities), 1::bigint, 'of others everything');

select * from finish();
