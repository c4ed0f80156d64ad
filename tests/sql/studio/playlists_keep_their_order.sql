-- Tracks of a playlist stand where they were put; what goes leaves no trace.
select plan(37);

select make_member('ada'), make_member('bob');
select make_track('ada', t) from unnest(array['a', 'b', 'c', 'd', 'e']) as u (t);
select make_track('bob', 'open'), make_track('bob', 'hidden', false);
select make_playlist('ada', 'List'), make_playlist('bob', 'Open', true), make_playlist('bob', 'Hidden');
create function tests.tracks(variadic p text[]) returns uuid[] language sql as $$ select array_agg(track(t) order by n) from unnest(p) with ordinality as u (t, n) $$;
create function tests.list_version() returns bigint language sql as $$ select p.version from public.user_playlists as p where p.id = playlist('List') $$;

select act_as(member('ada'));
select is(public.add_playlist_tracks(playlist('List'), tracks('a', 'b', 'c', 'b')), 3, 'three tracks');
select is(playlist_order('List'), 'a b c', 'in their order');
select is(public.add_playlist_tracks(playlist('List'), tracks('c', 'd', 'open'), track('b')), 2, 'two more before the second');
select is(playlist_order('List'), 'a d open b c', 'what was there stays');
select is(public.add_playlist_tracks(playlist('List'), tracks('e'), track('a')), 1, 'one at the top');
select is(playlist_order('List'), 'e a d open b c', 'is first');
select is(public.add_playlist_tracks(playlist('List'), '{}'), 0, 'nothing is nothing');
select lives_ok($$ select public.move_playlist_track(playlist('List'), track('c'), track('a')) $$, 'up');
select is(playlist_order('List'), 'e c a d open b', 'before the named one');
select lives_ok($$ select public.move_playlist_track(playlist('List'), track('e')) $$, 'to the end');
select is(playlist_order('List'), 'c a d open b e', 'without a name');
select lives_ok($$ select public.move_playlist_track(playlist('List'), track('b'), track('c')) $$, 'to the top');
select lives_ok($$ select public.move_playlist_track(playlist('List'), track('b'), track('c')) $$, 'twice is once');
select is(playlist_order('List'), 'b c a d open e', 'as it says');
select is(public.remove_playlist_tracks(playlist('List'), tracks('d', 'hidden')), 1, 'what is there goes');
select is((select row(p.track_count, p.version)::text from public.user_playlists as p where p.id = playlist('List')), '(5,8)', 'tracks and changes are counted');
select is(public.reorder_playlist(playlist('List'), tracks('e', 'd', 'a', 'e'), list_version()), 9::bigint, 'another order');
select is(playlist_order('List'), 'e a b c open', 'what it does not name follows, what is not there does not matter');
select throws_code($$ select public.reorder_playlist(playlist('List'), tracks('a'), 8) $$, 'conflict', 'a change in between is told');
select is(p.tracks, (select jsonb_agg(jsonb_build_object('id', l.track_id, 'added_at', l.added_at) order by l.place) from public.playlist_tracks as l), 'the array')
from public.playlists_with_tracks as p where p.id = playlist('List');
select is((select string_agg(t.title, ' ') from public.get_playlist_tracks(playlist('List'), 3) as t), 'e a b', 'a page');
select is((select string_agg(t.title, ' ') from public.get_playlist_tracks(playlist('List'), 3, (
  select max(t.next_cursor) from public.get_playlist_tracks(playlist('List'), 3) as t)) as t), 'c open', 'and the next');
select ok((select bool_and(t.next_cursor is null) from public.get_playlist_tracks(playlist('List'), 5) as t), 'the last has no cursor');

-- A track that goes, or becomes private, is no longer there.
select act_as(member('bob'));
update public.generated_tracks set is_public = false where id = track('open');
select act_as(member('ada'));
select is((select string_agg(t.title, ' ') from public.get_playlist_tracks(playlist('List')) as t), 'e a b c', 'what its member hides is hidden');
select act_as(member('bob'));
delete from public.generated_tracks where id = track('open');
select is(playlist_order('List'), 'e a b c', 'a deleted track is in no playlist');
select is((select p.track_count from public.user_playlists as p where p.id = playlist('List')), null, 'bob does not see it');
select throws_code($$ select public.get_playlist_tracks(playlist('List')) $$, 'not_found', 'nor its tracks');
select throws_code($$ select public.add_playlist_tracks(playlist('List'), '{}') $$, 'not_found', 'nor may he touch it');
select act_as(member('ada'));
select throws_code($$ select public.move_playlist_track(playlist('Open'), track('a')) $$, 'forbidden', 'what is bob''s is bob''s');
select throws_code($$ select public.add_playlist_tracks(playlist('List'), tracks('a', 'hidden')) $$, 'not_found', 'what one does not see one does not add');
select throws_code($$ select public.add_playlist_tracks(playlist('List'), array[null::uuid]) $$, 'invalid_argument', 'nothing neither');
select throws_code($$ select public.add_playlist_tracks(playlist('List'), tracks('d'), track('open')) $$, 'conflict', 'nor before what is gone');
select throws_code($$ select public.move_playlist_track(playlist('List'), track('d')) $$, 'conflict', 'what is gone does not move');
select throws_code($$ select public.move_playlist_track(playlist('List'), track('a'), track('a')) $$, 'invalid_argument', 'nothing stands before itself');
select throws_code($$ select public.add_playlist_tracks(playlist('List'), array(select gen_random_uuid() from generate_series(1, 1000000))) $$,
  'too_large', 'a million tracks are too many');
select act_as_owner();
update medley.settings set value = 5 where key = 'studio.max_playlist_tracks';
select make_track('ada', t) from unnest(array['f', 'g']) as u (t);
select act_as(member('ada'));
select throws_code($$ select public.add_playlist_tracks(playlist('List'), tracks('f', 'g')) $$, 'too_large', 'a playlist has a limit');
select is((select row(p.track_count, playlist_order('List'))::text from public.user_playlists as p where p.id = playlist('List')), '(4,"e a b c")', 'nothing was added');

select * from finish();
