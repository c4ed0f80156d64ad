-- Tracks, bands and recordings have genres and features, are recommended to those who may see them, and trend.
select plan(14);

select make_member('ada'), make_member('bob'), make_member('eve');
select make_track('ada', 'a', true, '{ambient}', '{Calm,Sea}'), make_track('ada', 'b', true, '{ambient}', '{calm}');
select make_track('ada', 'hidden', false, '{ambient}', '{calm}');
select make_band('ada', 'Band');
insert into public.band_tracks (band_id, track_id) values (band('Band'), track('a')), (band('Band'), track('b'));
update public.generated_tracks set source_id = track('a'), mode = 'similar' where id = track('b');
insert into public.recordings (title, artist, album, genres) values ('Song', 'The Singer', 'First', '{ambient}');

select is(features_of(track('a')), array['genres/genre: ambient', 'studio/band: ' || band('Band'), 'studio/keyword: calm', 'studio/keyword: sea', 'studio/lineage: ' || track('a')], 'a track');
select is(features_of(track('b')), array['genres/genre: ambient', 'studio/band: ' || band('Band'), 'studio/keyword: calm', 'studio/lineage: ' || track('a')], 'what comes from it');
select is(features_of(band('Band')), array['studio/band: ' || band('Band')], 'their band');
select is(features_of((select r.id from public.recordings as r)), array['genres/genre: ambient', 'studio/album: the singer: first', 'studio/performer: the singer'], 'a recording');
update public.generated_tracks set genres = '{techno}', tags = '{}' where id = track('b');
delete from public.band_tracks where track_id = track('b');
select is(features_of(track('b')), array['genres/genre: techno', 'studio/lineage: ' || track('a')], 'features follow changes');
delete from public.generated_tracks where id = track('b');
select is(features_of(track('a')), array['genres/genre: ambient', 'studio/band: ' || band('Band'), 'studio/keyword: calm', 'studio/keyword: sea'], 'and deletions');

select act_as(member('bob'));
select set_has($$ select r.title from public.get_recommendations('track') as r $$, $$ values ('a') $$, 'a track is recommended');
select set_hasnt($$ select r.title from public.get_recommendations() as r $$, $$ values ('hidden') $$, 'a private one never');
select set_has($$ select r.kind from public.get_recommendations() as r $$, $$ values ('band'), ('recording') $$, 'so are bands and recordings');
select act_as(member('ada'));
select set_hasnt($$ select r.title from public.get_recommendations('track') as r $$, $$ values ('a') $$, 'not to who made it');
select act_as_owner();
select engage('bob', 'a', 'play'), engage('eve', 'a', 'like'), engage('ada', 'hidden', 'play'), engage('ada', 'hidden', 'like');
select medley.refresh_trending(1000) from generate_series(1, 12);
select act_as(member('eve'));
select set_has($$ select t.title from public.get_trending('track') as t $$, $$ values ('a') $$, 'what is played trends');
select set_hasnt($$ select t.title from public.get_trending('track') as t $$, $$ values ('hidden') $$, 'what is private does not');
select rebuild_neighbors();
select act_as(member('bob'));
select results_eq($$ select s.kind || ' ' || s.title, s.reason from public.get_similar_items(track('a')) as s $$, $$ values ('band Band', 'shares band Band'), ('recording Song', 'shares genre ambient') $$, 'similar items share what it has');
select throws_code($$ select public.get_similar_items(track('hidden')) $$, 'not_found', 'not of what is hidden');

select * from finish();
