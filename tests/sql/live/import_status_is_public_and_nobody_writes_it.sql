-- Everybody sees where an import is. Members start none by themselves and touch nothing; the edge functions do.
select plan(16);

select make_member('ada');
create temporary table job as select make_import('Low', 'songs') as id;
grant select on job to public;

select act_as_anon();
select is(stage || ' ' || progress, 'songs 10', 'anybody may look') from public.import_status;
select throws_permission($$ select * from public.get_import_updates('{}') $$, 'streams are the function''s');
select throws_permission($$ select public.start_import('{"name": "x"}') $$, 'nobody starts an import here');

select act_as(member('ada'));
select is(count(*), 1::bigint, 'a member may look') from public.import_status;
select throws_permission($$ select public.start_import('{"name": "x"}') $$, 'a member starts one by the edge function');
select throws_permission($$ select public.claim_import('x') $$, 'and works on none');
select throws_permission($$ select public.import_songs('x', null, '[]') $$, 'writes none');
select throws_permission($$ select public.fail_import('x', null, 'a', 'b') $$, 'ends none');
select throws_permission($$ update public.import_status set progress = 0 where true $$, 'changes no status');
select throws_permission($$ insert into public.import_status (stage) values ('songs') $$, 'makes none');
select throws_permission($$ delete from public.import_status where true $$, 'deletes none');
select throws_permission($$ select lease from medley.import_jobs $$, 'sees no lease');

select act_as_service();
select throws_permission($$ update public.import_status set progress = 0 where true $$, 'the service has its functions');
select results_eq(
  format($$ select update_no from public.get_import_updates('{%s: 1}') $$, to_json(id)),
  $$ values (2), (3) $$,
  'what is new since an update'
) from job;
select results_eq(
  format($$ select update_no, stage from public.get_import_updates('{%s: null, "nothing": null}') $$, to_json(id)),
  $$ values (3, 'songs') $$,
  'the current state, and nothing of what is not there'
) from job;
select throws_code($$ select public.get_import_updates('{"x": "y"}') $$, 'invalid_argument', 'numbers are numbers');

select * from finish();
