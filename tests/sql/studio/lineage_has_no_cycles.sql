-- A track never comes from itself, at once or by way of others.
select plan(8);

select make_member('ada');
select make_track('ada', t) from unnest(array['a', 'b', 'c', 'd']) as u (t);
update public.generated_tracks set mode = 'similar', source_id = track('a') where id = track('b');
update public.generated_tracks set mode = 'similar', source_id = track('b') where id = track('c');

select throws_code($$ update public.generated_tracks set source_id = id where id = track('d') $$, 'cycle', 'not from itself');
select throws_code($$ update public.generated_tracks set source_id = track('b') where id = track('a') $$, 'cycle', 'not from its child');
select throws_code($$ update public.generated_tracks set source_id = track('c') where id = track('a') $$, 'cycle', 'not from a grandchild');
select lives_ok($$ update public.generated_tracks set source_id = track('c') where id = track('d') $$, 'a longer line is fine');
select throws_code($$
  insert into public.generated_tracks (id, user_id, mode, source_id)
  values (track('x'), member('ada'), 'similar', track('y')), (track('y'), member('ada'), 'similar', track('x'))
$$, 'cycle', 'nor two that come from each other at once');
select throws_code($$ insert into public.generated_tracks (id, user_id, mode, source_id)
  values (track('x'), member('ada'), 'similar', track('x')) $$, 'cycle', 'nor a new one from itself');
select throws_ok($$ insert into public.generated_tracks (user_id, mode, source_id)
  values (member('ada'), 'similar', gen_random_uuid()) $$, '23503', null, 'a source exists');
delete from public.generated_tracks where id = track('b');
select is((select t.source_id from public.generated_tracks as t where t.id = track('c')), null, 'a source that goes leaves the rest');

select * from finish();
