-- Bands of a style, nearest first: those that the caller may see, and never the band itself.
select plan(17);

select make_member(m) from unnest(array['ada', 'bob', 'eve', 'kim']) as m;
select make_track('ada', t) from unnest(array['a', 'near', 'far', 'away', 'own']) as t;
select make_track('bob', t) from unnest(array['bobs', 'hidden']) as t;
select give_sound(track('a'), 1), give_sound(track('near'), 1, 0.1), give_sound(track('far'), 1, 1), give_sound(track('away'), -1);
select give_sound(track('bobs'), 1, 0.5), give_sound(track('hidden'), 1), give_sound(track('own'), 1, 0.2);
select make_band('ada', 'A'), make_band('ada', 'Near'), make_band('ada', 'Far'), make_band('ada', 'Away'), make_band('ada', 'Own', false);
select make_band('bob', 'Bobs'), make_band('bob', 'Hidden', false), make_band('ada', 'Silent');
insert into public.band_tracks (band_id, track_id)
select band(initcap(t)), track(t) from unnest(array['a', 'near', 'far', 'away', 'own', 'bobs', 'hidden']) as t;
create function tests.similar(p_band text, p_limit int default 20) returns text language sql as $$
  select string_agg(b.name, ' ' order by b.place)
  from public.get_similar_bands(band(p_band), p_limit) with ordinality as b (band_id, name, similarity, place)
$$;

select act_as_anon();
select is(similar('A'), 'Near Bobs Far Away', 'anybody sees the public ones, nearest first');
select results_eq($$ select b.band_id, b.similarity::numeric(4, 3) from public.get_similar_bands(band('A'), 3) as b $$,
  $$ values (band('Near'), 0.995), (band('Bobs'), 0.894), (band('Far'), 0.707) $$, 'with the cosine of their styles');
select is(similar('A', 1), 'Near', 'so many');
select is(similar('Silent'), null, 'a band without a style is like none');
select throws_code($$ select public.get_similar_bands(band('Hidden')) $$, 'not_found', 'nobody asks about a private one');
select throws_code($$ select public.get_similar_bands(gen_random_uuid()) $$, 'not_found', 'nor about none');
select throws_code($$ select public.get_similar_bands(null) $$, 'not_found', 'or nothing');
select throws_code($$ select public.get_similar_bands(band('A'), 0) $$, 'invalid_argument', 'a page holds one at least');
select throws_code($$ select public.get_similar_bands(band('A'), 201) $$, 'invalid_argument', 'and 200 at most');
select act_as(member('ada'));
select is(similar('A'), 'Near Own Bobs Far Away', 'a member sees private ones of their own as well');
select throws_code($$ select public.get_similar_bands(band('A'), 20, member('bob')) $$, 'forbidden', 'but not what another sees');
select act_as(member('bob'));
select is(similar('A'), 'Hidden Near Bobs Far Away', 'each their own');
select act_as(member('eve'));
insert into public.user_mutes (user_id, muted_id) values (member('eve'), member('bob'));
select is(similar('A'), 'Near Far Away', 'muted members'' bands are not listed');
select is(similar('Bobs'), 'Far Near A Away', 'though one may ask about them');
select act_as_service();
select is((select string_agg(b.name, ' ' order by b.place) from public.get_similar_bands(band('A'), 20, member('bob')) with ordinality as b (band_id, name, similarity, place)),
  'Hidden Near Bobs Far Away', 'the service sees what its member sees');
select act_as_owner();
insert into public.user_blocks (user_id, blocked_id) values (member('ada'), member('kim'));
select act_as(member('kim'));
select throws_code($$ select public.get_similar_bands(band('A')) $$, 'not_found', 'who is blocked sees none of it');
select is(similar('Bobs'), null, 'nor near other bands');

select * from finish();
