-- The library and the playlists speak to the log; giving up takes back.
select plan(10);

select make_member('ada'), make_member('bob');
select make_track('ada', 'a'), make_track('ada', 'b'), make_track('bob', 'hidden', false);
select make_playlist('bob', 'List');
create function tests.liking(p_name text, p_item text) returns numeric language sql security definer set search_path = '' as $$
  select round(sum(a.score)::numeric, 2) from medley.affinities as a inner join medley.items as i on i.item_no = a.item_no
  where a.user_no = medley.member_no(md5('member ' || p_name)::uuid) and i.title = p_item
$$;

select act_as(member('bob'));
insert into public.user_library (track_id) values (track('a'));
select is(log_of('bob'), 'like a', 'what is kept is liked');
select throws_ok($$ insert into public.user_library (track_id) values (track('a')) $$, '23505', null, 'once');
select lives_ok($$ insert into public.user_library (user_id, track_id) values (member('bob'), track('a'))
  on conflict (user_id, track_id) do update set track_id = excluded.track_id $$, 'an upsert is fine');
select act_as(member('ada'));
select throws_permission($$ insert into public.user_library (track_id) values (track('hidden')) $$, 'what one does not see one does not keep');
select throws_permission($$ insert into public.user_library (user_id, track_id) values (member('bob'), track('b')) $$, 'nor for others');
select is((select count(*) from public.user_library), 0::bigint, 'whose libraries are theirs');
select act_as(member('bob'));
delete from public.user_library where track_id = track('a');
select is(log_of('bob') || ': ' || liking('bob', 'a'), 'like a, unlike a: 0.00', 'what is given up is no longer liked');
select lives_ok($$ select public.add_playlist_tracks(playlist('List'), array[track('b')]) $$, 'bob makes a list');
select lives_ok($$ select public.remove_playlist_tracks(playlist('List'), array[track('b')]) $$, 'and empties it');
select is(log_of('bob') || ': ' || liking('bob', 'b'), 'like a, unlike a, add_to_list b, remove_from_list b: 0.00', 'that too is in the log');

select * from finish();
