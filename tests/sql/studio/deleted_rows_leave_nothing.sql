-- An account that goes takes everything of its member along; what others have of it goes too, and their counters know.
select plan(8);

select make_member('ada'), make_member('bob');
select make_track('ada', 'a'), make_track('bob', 'b');
select give_sound(track('a'), 1);
select make_band('ada', 'Band'), make_playlist('ada', 'List'), make_playlist('bob', 'Bobs', true);
update public.generated_tracks set band_id = band('Band') where id = track('a');
select act_as(member('ada'));
select lives_ok($$ select public.request_generation('similar', p_source_id => track('b')) $$, 'ada asks');
select lives_ok($$ select public.add_playlist_tracks(playlist('List'), array[track('a'), track('b')]) $$, 'keeps a list');
insert into public.user_library (track_id) values (track('b'));
select act_as(member('bob'));
select lives_ok($$ select public.add_playlist_tracks(playlist('Bobs'), array[track('a'), track('b')]) $$, 'so does bob');
insert into public.user_follows (user_id, band_id) values (member('bob'), band('Band'));
select act_as_service();
select lives_ok($$ select public.import_history(member('ada'), 'spotify', '[{"track_name": "s", "artist": "x", "played_at": "2025-01-01Z"}]') $$, 'histories');
select lives_ok($$ select public.store_oauth_tokens(member('ada'), 'spotify', repeat('x', 60), null, 'k') $$, 'and connections');
select act_as_owner();
create temp table numbers as select i.item_no from medley.items as i where i.owner_id = member('ada');
delete from auth.users where id = member('ada');
select is_empty($$ select * from rows_about(member('ada')) where table_name <> 'medley.removed_items' $$, 'nothing is left of ada');
select is_empty($$ select from medley.content_embeddings as e where e.item_no in (select n.item_no from numbers as n) $$, 'nor of her tracks');
select is((select row(p.track_count, playlist_order('Bobs'))::text from public.user_playlists as p), '(1,b)', 'bob''s list knows');

select * from finish();
