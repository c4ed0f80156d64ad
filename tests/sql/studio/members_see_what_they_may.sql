-- What is public is for all, what is private for its member, everything for the service.
select plan(46);

select make_member('ada'), make_member('bob'), make_member('eve');
select make_track('ada', 'open'), make_track('ada', 'hidden', false);
insert into public.generated_tracks (id, user_id, mode, is_public, title) values (track('queued'), member('ada'), 'new', true, 'queued');
select make_band('ada', 'Open'), make_band('ada', 'Hidden', false);
select make_playlist('ada', 'Shared', true), make_playlist('ada', 'Own');
insert into public.band_tracks (band_id, track_id) select band(b), track(t) from unnest(array['Open', 'Hidden']) as x (b), unnest(array['open', 'hidden']) as y (t);
select act_as_service();
select public.add_playlist_tracks(playlist(p), array[track('open'), track('hidden')], p_user_id => member('ada'))
from unnest(array['Shared', 'Own']) as u (p);
select act_as_owner();
insert into public.user_library (user_id, track_id) values (member('ada'), track('open'));
insert into public.recordings (title, artist) values ('R', 'A');
select block(member('ada'), member('eve'));
create function tests.seen() returns text language sql as $$
  select concat_ws('; ',
    (select string_agg(t.title, ' ' order by t.title) from public.generated_tracks as t),
    (select string_agg(b.name, ' ' order by b.name) from public.bands as b),
    (select count(*) from public.band_tracks), (select string_agg(p.name, ' ' order by p.name) from public.user_playlists as p),
    (select count(*) from public.playlist_tracks), (select coalesce(sum(jsonb_array_length(p.tracks)), 0) from public.playlists_with_tracks as p),
    (select count(*) from public.recordings))
$$;

select act_as_anon();
select is(seen(), 'open; Open; 1; Shared; 1; 1; 1', 'anybody sees what is public');
select act_as(member('bob'));
select is(seen(), 'open; Open; 1; Shared; 1; 1; 1', 'so does a member');
select is((select count(*) from public.user_library), 0::bigint, 'libraries are private');
select act_as(member('eve'));
select is(seen(), '0; 0; 0; 1', 'a block hides everything of the member');
select act_as(member('ada'));
select is(seen(), 'hidden open queued; Hidden Open; 4; Own Shared; 4; 4; 1', 'the owner sees all');
select is((select count(*) from public.user_library), 1::bigint, 'the library too');
select act_as_service();
select is(seen(), 'hidden open queued; Hidden Open; 4; Own Shared; 4; 4; 1', 'as the service does');

select act_as(member('bob'));
select throws_permission($$ insert into public.generated_tracks (user_id, mode) values (member('bob'), 'new') $$, 'tracks are asked for');
update public.generated_tracks set title = 'bob''s' where id = track('open');
update public.bands set name = 'bob''s' where id = band('Open');
update public.user_playlists set name = 'bob''s' where id = playlist('Shared');
delete from public.generated_tracks where id = track('open');
delete from public.bands where id = band('Open');
delete from public.band_tracks where band_id = band('Open');
delete from public.user_playlists where id = playlist('Shared');
select is(seen(), 'open; Open; 1; Shared; 1; 1; 1', 'what is ada''s stays as it is');
select throws_permission($$ insert into public.bands (user_id, name) values (member('ada'), 'X') $$, 'bands are one''s own');
select throws_permission($$ insert into public.user_playlists (user_id, name) values (member('ada'), 'X') $$, 'so are playlists');
select throws_permission($$ insert into public.playlist_tracks (playlist_id, track_id, place) values (playlist('Shared'), track('open'), 1) $$, 'whose tracks functions write');
select throws_permission($$ insert into public.recordings (title, artist) values ('X', 'Y') $$, 'recordings are the service''s');
select throws_permission($$ insert into public.music_embeddings (track_name, artist, vector, source) values ('X', 'Y', sound(1)::extensions.vector, 'z') $$, 'so is the cache');
select throws_permission($$ insert into public.oauth_connections (platform) values ('spotify') $$, 'and connections');
select lives_ok($$ insert into public.bands (name) values ('Bob''s band') $$, 'bob makes a band');
select lives_ok($$ insert into public.user_playlists (name) values ('Bob''s list') $$, 'and a list');
select lives_ok($$ update public.bands set bio = 'Loud.' where name = 'Bob''s band' $$, 'and changes them');
select throws_permission($$ update public.generated_tracks set status = 'completed' where true $$, 'the state of a track is the workers''');
select throws_permission($$ update public.generated_tracks set url = 'x' where true $$, 'so is its audio');
select throws_permission($$ update public.generated_tracks set quota_day = null where true $$, 'and what it cost');
select throws_permission($$ update public.user_playlists set track_count = 0 where true $$, 'counters are nobody''s');

select act_as(member('ada'));
select lives_ok($$ update public.generated_tracks set title = 'mine', is_public = false, band_id = band('Hidden') where id = track('open') $$, 'the owner names, hides and files a track');
select throws_permission($$ update public.generated_tracks set band_id = (select b.id from public.bands as b where b.name = 'Bob''s band') where id = track('open') $$, 'not into somebody''s band');
select act_as(member('bob'));
select is(seen(), 'Bob''s band Open; 0; Bob''s list Shared; 0; 0; 1', 'at once');

select act_as_anon();
select throws_permission(format('%s public.%I', s.verb, t.name), s.verb || ' ' || t.name)
from unnest(array['generated_tracks', 'bands', 'band_tracks', 'user_playlists', 'playlist_tracks', 'user_library', 'recordings', 'music_embeddings', 'oauth_connections']) as t (name),
  (values ('delete from'), ('truncate')) as s (verb);
select throws_permission($$ select * from public.user_library $$, 'libraries are not for all');
select throws_permission($$ select * from public.oauth_connections $$, 'nor connections');
select throws_permission($$ select public.claim_generation_jobs('w') $$, 'nor the queue');

select * from finish();
