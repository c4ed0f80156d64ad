-- Bad requests are refused with a code, and nothing is counted.
select plan(17);

select make_member('ada'), make_member('bob');
select make_track('ada', 'own', false), make_track('bob', 'open'), make_track('bob', 'hidden', false);
select make_band('ada', 'Own'), make_band('bob', 'Open'), make_band('bob', 'Hidden', false);
insert into public.generated_tracks (id, user_id, mode) values (track('queued'), member('ada'), 'new');

select act_as(member('ada'));
select throws_code($$ select public.request_generation('remix') $$, 'invalid_argument', 'an unknown mode');
select throws_code($$ select public.request_generation(null) $$, 'invalid_argument', 'no mode');
select throws_code($$ select public.request_generation('similar') $$, 'invalid_argument', 'no source');
select throws_code($$ select public.request_generation('new', p_source_id => track('own')) $$, 'invalid_argument', 'a source too many');
select throws_code($$ select public.request_generation('similar', p_source_id => gen_random_uuid()) $$, 'not_found', 'no such source');
select throws_code($$ select public.request_generation('similar', p_source_id => track('hidden')) $$, 'not_found', 'somebody''s private track');
select throws_code($$ select public.request_generation('extend', p_source_id => track('open')) $$, 'forbidden', 'somebody''s track to extend');
select throws_code($$ select public.request_generation('extend', p_source_id => track('queued')) $$, 'conflict', 'a source that is not there yet');
select throws_code($$ select public.request_generation('new', p_band_id => band('Open')) $$, 'forbidden', 'somebody''s band');
select throws_code($$ select public.request_generation('new', p_band_id => band('Hidden')) $$, 'not_found', 'somebody''s private band');
select throws_code($$ select public.request_generation('new', p_title => '') $$, 'invalid_argument', 'an empty title');
select throws_code($$ select public.request_generation('new', p_parameters => '[]') $$, 'invalid_argument', 'parameters that are no object');
select throws_code($$ select public.request_generation('new', p_user_id => member('bob')) $$, 'forbidden', 'for somebody else');
select is((select q.daily_count from public.get_generation_quota() as q), 0, 'nothing was counted');
select lives_ok($$ select public.request_generation('similar', p_source_id => track('open')) $$, 'similar to what is public');
select lives_ok($$ select public.request_generation('extend', p_source_id => track('own'), p_band_id => band('Own')) $$, 'one''s own on');
select lives_ok($$ select public.request_generation('radio', p_source_external_id => 'spotify:track:1') $$, 'and from elsewhere');

select * from finish();
