-- A band's counters and style follow what is added and what goes, by whatever way.
select plan(36);

select make_member('ada'), make_member('bob'), make_member('eve');
select make_track('ada', t) from unnest(array['a', 'b', 'c']) as u (t);
select make_track('bob', 'his'), make_track('bob', 'hidden', false);
insert into public.generated_tracks (id, user_id, mode) values (track('queued'), member('ada'), 'new');
select make_band('ada', 'Band'), make_band('ada', 'Other'), make_band('bob', 'Bobs'), make_band('bob', 'Hidden', false);
select give_sound(track('a'), 1), give_sound(track('b'), 0, 1);
create function tests.state(p_band text) returns text language sql as $$
  select b.track_count || ' ' || b.follower_count || ' ' || coalesce((
    select string_agg(round(e.x::numeric, 3)::text, ',' order by e.n) from unnest(b.style_vector::real[]) with ordinality as e (x, n) where e.n <= 2
  ), '-')
  from public.bands as b where b.id = band(p_band)
$$;

select is(state('Band'), '0 0 -', 'an empty band');
select act_as(member('ada'));
select is(public.add_band_tracks(band('Band'), array[track('a'), track('c'), track('a')]), 2, 'two tracks');
select is(state('Band'), '2 0 1.000,0.000', 'are counted, the style is of those that have a vector');
select is(public.add_band_tracks(band('Band'), array[track('a'), track('b')]), 1, 'one is new');
select is(state('Band'), '3 0 0.500,0.500', 'the style is the mean');
select lives_ok($$ insert into public.band_tracks (band_id, track_id) values (band('Other'), track('a')) $$, 'a plain insert');
select is(state('Other'), '1 0 1.000,0.000', 'counts too');
select lives_ok($$ delete from public.band_tracks where track_id = track('b') $$, 'so does a delete');
select is(state('Band'), '2 0 1.000,0.000', 'of the junction');
select lives_ok($$ delete from public.generated_tracks where id = track('a') $$, 'or of the track');
select is(state('Band') || '; ' || state('Other'), '1 0 -; 0 0 -', 'in every band');
select act_as_owner();
select give_sound(track('c'), 0, 2);
select is(state('Band'), '1 0 0.000,1.000', 'a vector that comes later counts');
select give_sound(track('c'), 3);
select is(state('Band'), '1 0 1.000,0.000', 'and one that changes');

select act_as(member('ada'));
select throws_code($$ select public.add_band_tracks(band('Band'), array[track('his')]) $$, 'forbidden', 'a track of somebody else');
select throws_code($$ select public.add_band_tracks(band('Band'), array[track('hidden')]) $$, 'not_found', 'a private one');
select throws_code($$ select public.add_band_tracks(band('Band'), array[track('queued')]) $$, 'conflict', 'one that is not there yet');
select throws_code($$ select public.add_band_tracks(band('Bobs'), array[track('c')]) $$, 'forbidden', 'somebody else''s band');
select throws_code($$ select public.add_band_tracks(band('Hidden'), array[track('c')]) $$, 'not_found', 'a private band');
select throws_code($$ select public.add_band_tracks(band('Band'), null) $$, 'invalid_argument', 'no tracks');
select throws_code($$ select public.add_band_tracks(band('Band'), array_fill(track('c'), array[1001])) $$, 'too_large', 'too many');
select throws_permission($$ insert into public.band_tracks (band_id, track_id) values (band('Band'), track('his')) $$, 'nor by a plain insert');
select throws_permission($$ insert into public.band_tracks (band_id, track_id) values (band('Bobs'), track('c')) $$, 'into nobody else''s band');
select throws_permission($$ update public.bands set track_count = 9 where true $$, 'counters are nobody''s to write');

-- A band that is named on the track.
select lives_ok($$ update public.generated_tracks set band_id = band('Other') where id = track('c') $$, 'a completed track is filed');
select is(state('Other'), '1 0 1.000,0.000', 'and joins');

-- Another model comes into use: styles are of its vectors once the job ran.
select act_as_owner();
savepoint model;
insert into medley.content_embeddings (item_no, embedding_type, model_version, dims, embedding_768)
select i.item_no, 'audio', 'other-1', 768, sound(0, 1)::extensions.vector from medley.items as i where i.id = track('c');
update medley.embedding_types as t set model_version = 'other-1' where t.embedding_type = 'audio';
select is(state('Other'), '1 0 1.000,0.000', 'a style is of the model that was in use');
select is(medley.refresh_band_styles(), 4::bigint, 'the job does every band');
select is(state('Other'), '1 0 0.000,1.000', 'and takes the vectors of the model in use');
update medley.embedding_types as t set model_version = 'other-2' where t.embedding_type = 'audio';
select medley.refresh_band_styles();
select is(state('Other'), '1 0 -', 'without any there is no style');
rollback to model;
select act_as(member('ada'));

-- Followers.
select lives_ok($$ insert into public.user_follows (user_id, band_id) values (member('ada'), band('Bobs')) $$, 'ada follows');
select act_as(member('eve'));
select lives_ok($$ insert into public.item_follows (item_id) values (band('Bobs')), (band('Band')) $$, 'eve too, and another');
select throws_permission($$ insert into public.user_follows (user_id, band_id) values (member('eve'), band('Hidden')) $$, 'what one does not see one does not follow');
select is(state('Bobs') || '; ' || state('Band'), '0 2 -; 1 1 1.000,0.000', 'they are counted');
delete from public.user_follows where band_id = band('Band');
select is(state('Band'), '1 0 1.000,0.000', 'and no longer');
select act_as_owner();
delete from auth.users where id = member('ada');
select is(state('Bobs'), '0 1 -', 'an account that goes follows nothing');
select is((select count(*) from medley.items as i where i.id in (band('Band'), track('c'))), 0::bigint, 'and leaves nothing');

select * from finish();
