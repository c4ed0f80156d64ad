-- Nobody reads another member's timeline, and arguments are checked.
select plan(10);

select make_member('ada'), make_member('bob');
select make_post('bob', 'b1');

select throws_code('select * from public.get_home_timeline()', 'unauthenticated', 'the owner of the database is no member') from act_as_owner();
select act_as_anon();
select throws_permission('select * from public.get_home_timeline()', 'visitors have no timeline');
select act_as(member('ada'));
select throws_code('select * from public.get_home_timeline(0)', 'invalid_argument', 'no rows');
select throws_code('select * from public.get_home_timeline(201)', 'invalid_argument', 'too many rows');
select throws_code('select * from public.get_home_timeline(null)', 'invalid_argument', 'no number of rows');
select throws_code('select * from public.get_home_timeline(5, ''nonsense'')', 'invalid_cursor', 'a cursor that is none');
select throws_code(format('select * from public.get_home_timeline(5, null, %L)', member('bob')), 'forbidden', 'another member');
select act_as_service();
select throws_code('select * from public.get_home_timeline()', 'invalid_argument', 'the service names the member');
select is((select count(*) from public.get_home_timeline(p_user_id => member('ada'))), 1::bigint, 'and reads for any');
select throws_code('select * from public.get_home_timeline(p_user_id => gen_random_uuid())', 'not_found', 'who has an account');

select * from finish();
