-- Who waits for an import learns of its worker's death; what ended long ago is deleted.
select plan(6);

create temporary table job as select make_import('Low', 'songs') as id;
select is(medley.fail_stalled_imports(), 0::bigint, 'a live worker is left alone');
update medley.import_jobs set leased_until = now() - interval '9 minutes';
select is(medley.fail_stalled_imports(), 0::bigint, 'so is one that is silent for a while');
update medley.import_jobs set leased_until = now() - interval '11 minutes';
select is(medley.fail_stalled_imports(), 1::bigint, 'a dead one is not');
select is(stage || ' ' || error, 'failed stalled: its worker is gone', 'its job has failed') from public.import_status;

select is(medley.delete_old_imports(10), 0::bigint, 'that is kept for a while');
update public.import_status set completed_at = now() - interval '31 days';
select is(medley.delete_old_imports(10), 1::bigint, 'and then deleted');

select * from finish();
