-- Plays from elsewhere become engagements on recordings, once, whatever is sent again.
select plan(40);

select make_member('ada'), make_member('bob');
create function tests.play(p_id text, p_title text, p_artist text, p_at text, p_count int default 1) returns jsonb language sql as $$
  select jsonb_build_object('track_id', p_id, 'track_name', p_title, 'artist', p_artist, 'played_at', p_at, 'play_count', p_count)
$$;
create function tests.imported(p_member text, p_provider text, variadic p_plays jsonb[]) returns text language sql as $$
  select concat_ws(' ', i.imported, i.duplicates, i.refused, i.new_recordings) from public.import_history(member(p_member), p_provider, to_jsonb(p_plays)) as i
$$;

select act_as_service();
select is(imported('ada', 'spotify', play('s1', 'Song', 'Singer', '2025-01-01T10:00Z'), play('s2', 'Other', 'Singer', '2025-01-01T11:00Z'),
  play('s1', 'Song', 'Singer', '2025-01-02T10:00Z', 3)), '3 0 0 2', 'three plays of two recordings');
select is(imported('ada', 'spotify', play('s1', 'Song', 'Singer', '2025-01-01T10:00Z'), play('s1', 'Song', 'Singer', '2025-01-03T10:00Z')), '1 1 0 0', 'again is once');
select is(imported('ada', 'apple', play('999', ' SONG ', 'singer', '2025-01-04T10:00Z')), '1 0 0 0', 'another platform, the same recording');
select is(imported('bob', 'spotify', play('s2', null, null, '2025-01-04T10:00Z')), '1 0 0 0', 'a known id needs no name');
select is((select count(*) from public.recordings), 2::bigint, 'two recordings in all');
select is(imported('bob', 'youtube', play(null, 'Song', 'Singer', '2025-01-04T10:00Z'), play('y1', null, null, '2025-01-04T10:00Z'),
  play('y2', 'T', 'A', 'yesterday-ish'), play('y3', 'T', 'A', null), '7', play('y4', 'T', 'A', '2999-01-01Z'), play('y5', 'T', 'A', '2025-01-05Z', -1)),
  '1 0 6 1', 'what is malformed is refused, the rest is not');
select is((select jsonb_path_query_array(i.refusals, '$[*].index') from public.import_history(member('bob'), 'youtube',
  jsonb_build_array(play('y1', null, null, '2025-01-04T10:00Z'), play('y9', 'New', 'A', '2025-01-05T10:00Z'), '7')) as i), '[1, 3]', 'each with its place');

-- Cursors.
select is((select row(h.history_cursor, h.imported)::text from public.get_history_cursor('spotify', member('ada')) as h), '(,4)', 'no cursor yet');
select lives_ok($$ select public.import_history(member('ada'), 'spotify', '[]', 'c1') $$, 'a first one');
select lives_ok($$ select public.import_history(member('ada'), 'spotify', '[]', 'c2', 'c1') $$, 'goes on');
select throws_code($$ select public.import_history(member('ada'), 'spotify', '[]', 'c3', 'c1') $$, 'conflict', 'unless another import has');
select throws_code($$ select public.import_history(member('ada'), 'spotify', '[]', 'c3', '') $$, 'conflict', 'a first import finds that another was first');
select is((select h.history_cursor from public.get_history_cursor('spotify', member('ada')) as h), 'c2', 'as it stands');
select throws_code($$ select public.import_history(member('ada'), 'napster', '[]') $$, 'invalid_argument', 'an unknown provider');
select throws_code($$ select public.import_history(member('ada'), 'replicate', '[]') $$, 'invalid_argument', 'one without histories');
select throws_code($$ select public.import_history(gen_random_uuid(), 'spotify', '[]') $$, 'not_found', 'nobody''s history');
select throws_code($$ select public.import_history(member('ada'), 'spotify', '{}') $$, 'invalid_argument', 'no array');
select throws_code($$ select public.import_history(member('ada'), 'spotify', (select jsonb_agg(n) from generate_series(1, 1001) as n)) $$, 'too_large', 'too many');
select act_as(member('ada'));
select throws_permission($$ select public.import_history(member('ada'), 'spotify', '[]') $$, 'members import nothing');
select is((select h.imported from public.get_history_cursor('spotify') as h), 4::bigint, 'but see how far it is');
select throws_code($$ select public.get_history_cursor('spotify', member('bob')) $$, 'forbidden', 'their own');
select act_as_owner();
select is((select string_agg(concat_ws(' ', e.platform, i.title, e.value, e.occurred_at::date), ', ' order by e.occurred_at)
  from medley.engagements as e inner join medley.items as i on i.item_no = e.item_no where e.user_no = medley.member_no(member('ada'))),
  'spotify Song 1 2025-01-01, spotify Other 1 2025-01-01, spotify Song 3 2025-01-02, spotify Song 1 2025-01-03, apple Song 1 2025-01-04', 'the log has it');

-- Vectors and genres come from the cache, whichever was there first.
select act_as_service();
select is(public.set_music_embeddings(jsonb_build_array(
  jsonb_build_object('track_id', 'mb:1', 'track_name', 'song', 'artist', 'SINGER', 'embedding', sound(3), 'genre', '["Ambient"]'::jsonb, 'source', 'musicbrainz'),
  jsonb_build_object('track_id', 'mb:2', 'track_name', 'Later', 'artist', 'Band', 'embedding', sound(0, 1), 'source', 'fma'))), 2::bigint, 'two vectors');
select is(imported('ada', 'spotify', play('s3', 'Later', 'band', '2025-01-06T10:00Z')), '1 0 0 1', 'a recording that comes later');
select is((select string_agg(round(e.x::numeric, 2)::text, ' ' order by e.n) from public.get_taste_vector(member('ada')) as t, unnest(t.embedding) with ordinality as e (x, n)
  where e.n <= 2), '0.71 0.71', 'histories make taste');
select is((select r.genres from public.recordings as r where r.title = 'Song'), '{Ambient}', 'and genres');
select throws_code($$ select public.set_music_embeddings('[{"track_id": "x", "track_name": "a", "artist": "b", "source": "s", "embedding": [1, 2]}]') $$, 'invalid_argument', 'a short vector');
select throws_code($$ select public.set_music_embeddings(jsonb_build_array(jsonb_build_object('track_id', 'x', 'artist', 'b', 'source', 's', 'embedding', sound(1)))) $$, 'invalid_argument', 'no title');
select throws_code($$ select public.set_music_embeddings('7') $$, 'invalid_argument', 'no rows');
select act_as_anon();
select is((select string_agg(m.track_name, ' ') from public.match_music_embeddings(sound(1, 0.1)) as m), 'song Later', 'the cache is for all to search');
select is((select string_agg(m.track_name, ' ') from public.match_music_embeddings(sound(0, 1), 'AMBIENT') as m), 'song', 'by genre');
select throws_permission($$ select public.set_music_embeddings('[]') $$, 'and for the service to write');

-- Whoever writes it, a vector has unit length, here and where it is copied.
select act_as_service();
insert into public.music_embeddings (track_id, track_name, artist, vector, source)
values ('mb:3', 'Other', 'Singer', sound(0, 0, 30, 40)::extensions.vector, 'musicbrainz');
select is((select extensions.vector_norm(m.vector)::numeric(9, 6) from public.music_embeddings as m where m.track_id = 'mb:3'), 1.000000, 'a row written straight');
update public.music_embeddings as m set vector = sound(0, 0, 0, 5)::extensions.vector where m.track_id = 'mb:3';
select is((select extensions.vector_norm(m.vector)::numeric(9, 6) from public.music_embeddings as m where m.track_id = 'mb:3'), 1.000000, 'and changed straight');
select throws_ok($$ update public.music_embeddings as m set vector = sound(0)::extensions.vector where m.track_id = 'mb:3' $$, '23514', null, 'nothing has no direction');
select act_as_owner();
select is((select max(abs(extensions.vector_norm(e.embedding_768) - 1))::numeric(9, 6) from medley.content_embeddings as e), 0.000000, 'as its copies are');
select is((select (e.embedding_768::real[])[4] from medley.content_embeddings as e inner join public.recordings as r on r.title = 'Other'
  inner join medley.items as i on i.id = r.id and i.item_no = e.item_no), 1::real, 'which follow');

-- Vectors of another model are kept for the day when it is in use, and compared with nothing until then.
select act_as_service();
select is(public.set_music_embeddings(jsonb_build_array(
  jsonb_build_object('track_id', 'mb:4', 'track_name', 'Foreign', 'artist', 'Singer', 'embedding', sound(1), 'source', 'musicbrainz', 'model_version', 'other-1'))), 1::bigint, 'another model''s');
select act_as_anon();
select is((select string_agg(m.track_name, ' ') from public.match_music_embeddings(sound(1, 0.1)) as m), 'song Later Other', 'it resembles nothing');
select act_as_owner();
update medley.embedding_types as t set model_version = 'other-1' where t.embedding_type = 'audio';
select act_as_anon();
select is((select string_agg(m.track_name, ' ') from public.match_music_embeddings(sound(1, 0.1)) as m), 'Foreign', 'but its own');

select * from finish();
