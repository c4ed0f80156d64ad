-- The taste vector counts the last engagement, turns from what is rejected, and new tracks are measured by it.
select plan(16);

select make_member('ada'), make_member('bob'), make_member('eve');
select make_track('bob', 'x'), make_track('bob', 'y'), make_track('bob', 'z');
select give_sound(track('x'), 1), give_sound(track('y'), 0, 1), give_sound(track('z'), 0, 0, 1);
create function tests.taste() returns text language sql as $$
  select string_agg(round(e.x::numeric, 2)::text, ' ' order by e.n)
  from public.get_taste_vector() as t, unnest(t.embedding) with ordinality as e (x, n) where e.n <= 3
$$;

select act_as(member('ada'));
select is(taste(), null, 'no taste yet');
insert into public.user_library (track_id) values (track('x'));
select is(taste(), '1.00 0.00 0.00', 'a like counts at once');
select lives_ok($$ select public.log_engagement(jsonb_build_array(jsonb_build_object('item_id', track('y'), 'kind', 'play'))) $$, 'so does a play');
select is(taste(), '0.71 0.71 0.00', 'as the mean');
select act_as_owner();
select medley.refresh_taste_vectors(100);
select act_as(member('ada'));
select is(taste(), '0.71 0.71 0.00', 'the stored vector is the same');
select lives_ok($$ select public.log_engagement(jsonb_build_array(jsonb_build_object('item_id', track('z'), 'kind', 'skip'))) $$, 'a skip');
select is(taste(), '0.67 0.67 -0.33', 'turns away');
select act_as_anon();
select throws_permission($$ select public.get_taste_vector() $$, 'nobody has no taste');

-- Match percentages: to the source, else to the taste.
select act_as_owner();
insert into public.generated_tracks (id, user_id, mode, status, url, duration, claimable_at, source_id)
values
  (track('like x'), member('ada'), 'similar', 'completed', 'u', 9, null, track('x')),
  (track('new'), member('ada'), 'new', 'completed', 'u', 9, null, null),
  (track('away'), member('ada'), 'new', 'completed', 'u', 9, null, null);
select is((select t.match_percentage from public.generated_tracks as t where t.id = track('like x')), null, 'no vector, no percentage');
select give_sound(track('like x'), 1, 1), give_sound(track('new'), 1), give_sound(track('away'), -1);
select is((select t.match_percentage::int from public.generated_tracks as t where t.id = track('like x')), 71, 'with the source');
select is((select t.match_percentage::int from public.generated_tracks as t where t.id = track('new')), 67, 'or the taste');
select is((select t.match_percentage::int from public.generated_tracks as t where t.id = track('away')), 0, 'never below 0');
select is((select t.match_percentage from public.generated_tracks as t where t.id = track('x')), null, 'nothing where there is neither');

-- A source elsewhere is known by the cache, by the model in use alone.
insert into public.music_embeddings (track_id, track_name, artist, vector, source, model_version)
values
  ('spotify:1', 'Elsewhere', 'Singer', sound(0, 1)::extensions.vector, 'spotify', medley.audio_model()),
  ('spotify:2', 'Other model', 'Singer', sound(0, 1)::extensions.vector, 'spotify', 'other-1');
insert into public.generated_tracks (id, user_id, mode, status, url, duration, claimable_at, source_external_id)
values
  (track('like that'), member('ada'), 'similar', 'completed', 'u', 9, null, 'spotify:1'),
  (track('like none'), member('ada'), 'similar', 'completed', 'u', 9, null, 'spotify:2'),
  (track('like what'), member('eve'), 'similar', 'completed', 'u', 9, null, 'spotify:3');
select give_sound(track(t), 3, 4) from unnest(array['like that', 'like none', 'like what']) as t;
select is((select t.match_percentage::int from public.generated_tracks as t where t.id = track('like that')), 80, 'with what the cache has of it');
select is((select t.match_percentage::int from public.generated_tracks as t where t.id = track('like none')), 93, 'else with the taste');
select is((select t.match_percentage from public.generated_tracks as t where t.id = track('like what')), null, 'or with nothing');

select * from finish();
