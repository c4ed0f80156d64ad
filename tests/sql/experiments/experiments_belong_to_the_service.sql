-- Experiments are defined and read with the secret key only.
select plan(13);

select make_ranker('shelf'), run_experiment('shelf_test', 'shelf', now()), make_member('ada');
create temp table calls (call text);
insert into calls
values
  ('select public.create_experiment(''x'', ''shelf'', ''[]'')'),
  ('select public.start_experiment(''shelf_test'')'),
  ('select public.stop_experiment(''shelf_test'')'),
  ('select public.set_experiment_traffic(''shelf_test'', 1)'),
  ('select public.get_experiments()'),
  ('select public.get_experiment_results(''shelf_test'')');
grant select on calls to anon, authenticated, service_role;

select act_as(md5('member ada')::uuid);
select throws_permission(c.call, 'a member may not ' || c.call) from calls as c;
select act_as_owner();
select act_as_anon();
select throws_permission(c.call, 'nor may anybody ' || c.call) from calls as c;
select act_as_owner();
select act_as_service();
select lives_ok('select public.stop_experiment(''shelf_test'')', 'the service may');

select * from finish();
