-- What sounds alike comes nearest first, page by page, filtered by what the caller may see.
select plan(33);

select make_member('ada'), make_member('bob'), make_member('eve');
select make_track('ada', 'Seed', true), make_track('ada', 'mute', true);
-- Angles grow with the number; every third is private, the even ones are of a genre.
select make_track('bob', 't' || n, n % 3 <> 0, case when n % 2 = 0 then '{ambient}'::text[] else '{}' end) from generate_series(1, 30) as n;
select give_sound(track('Seed'), 1);
select give_sound(track('t' || n), cos(n / 20.0)::real, sin(n / 20.0)::real) from generate_series(1, 30) as n;
insert into public.recordings (title, artist) values ('Song', 'Singer');
select give_sound((select r.id from public.recordings as r), cos(0.01)::real, sin(0.01)::real);
create function tests.near(p_limit int, p_genre text default null, p_kind text default 'track', p_cursor text default null) returns text language sql as $$
  select string_agg(s.title, ' ') from public.get_similar_tracks(track('Seed'), p_kind, p_genre, p_limit, p_cursor) as s
$$;
create function tests.cursor_of(p_limit int, p_genre text default null) returns text language sql as $$
  select max(s.next_cursor) from public.get_similar_tracks(track('Seed'), 'track', p_genre, p_limit) as s
$$;

select act_as_anon();
select is(near(5), 't1 t2 t4 t5 t7', 'nearest first, what is private left out');
select is(near(5, p_cursor => cursor_of(5)), 't8 t10 t11 t13 t14', 'the next page goes on');
select is(near(4, 'Ambient'), 't2 t4 t8 t10', 'of a genre, in any spelling');
select is(near(4, 'ambient', p_cursor => cursor_of(4, 'ambient')), 't14 t16 t20 t22', 'page by page');
select is((select count(*) from public.get_similar_tracks(track('Seed'), p_limit => 200)), 20::bigint, 'all there is');
select is((select count(s.next_cursor) from public.get_similar_tracks(track('Seed'), p_limit => 20) as s), 0::bigint, 'and no cursor at the end');
select is(near(2, p_kind => 'recording'), 'Song', 'recordings by themselves');
select is(near(2, p_kind => null), 'Song t1', 'or both');
select is((select round(s.similarity::numeric, 4) from public.get_similar_tracks(track('Seed'), p_limit => 1) as s), round(cos(0.05)::numeric, 4), 'similarity is the cosine');
select is((select string_agg(s.title, ' ') from public.match_tracks(sound(1), p_limit => 3) as s), 'Seed t1 t2', 'a vector matches all');
select is((select string_agg(s.title, ' ') from public.match_tracks(sound(5), p_limit => 3) as s), 'Seed t1 t2', 'of whatever length');
select is((select count(*) from public.get_similar_tracks(track('mute'))), 0::bigint, 'without a vector there is nothing to compare');
select throws_code($$ select near(5, 'no such genre') $$, 'not_found', 'an unknown genre');
select throws_code($$ select near(5, p_kind => 'band') $$, 'invalid_argument', 'a band is many sounds');
select throws_code($$ select near(0) $$, 'invalid_argument', 'a page has rows');
select throws_code($$ select near(5, 'ambient', p_cursor => cursor_of(4)) $$, 'invalid_cursor', 'a cursor of another query');
select throws_code($$ select near(5, p_cursor => 'x') $$, 'invalid_cursor', 'or of none');
select throws_code($$ select public.get_similar_tracks(track('t3')) $$, 'not_found', 'a private seed');
select throws_code($$ select public.get_similar_tracks(gen_random_uuid()) $$, 'not_found', 'or none');
select throws_code($$ select public.match_tracks('{1,2,3}') $$, 'invalid_argument', 'a short vector');
select throws_code($$ select public.match_tracks(sound('NaN')) $$, 'invalid_argument', 'NaN');
select throws_code($$ select public.match_tracks(sound('Infinity')) $$, 'invalid_argument', 'infinity');
select throws_code($$ select public.match_tracks(sound(0)) $$, 'invalid_argument', 'a zero vector');
select throws_code($$ select public.match_tracks(null) $$, 'invalid_argument', 'none');
select throws_code($$ select public.get_similar_tracks(track('Seed'), p_user_id => member('bob')) $$, 'unauthenticated', 'nobody is bob');

select act_as_service();
select is((select string_agg(s.title, ' ') from public.get_similar_tracks(track('Seed'), p_limit => 3, p_user_id => member('bob')) as s), 't1 t2 t3', 'the service asks for a member');
select act_as(member('bob'));
select is(near(5), 't1 t2 t3 t4 t5', 'the owner sees the own');
select act_as(member('ada'));
select is(near(5), 't1 t2 t4 t5 t7', 'others do not');
select throws_code($$ select public.get_similar_tracks(track('Seed'), p_user_id => member('bob')) $$, 'forbidden', 'nor for him');
select act_as_owner();
select mute(member('eve'), member('bob'));
select block(member('bob'), member('ada'));
select act_as(member('ada'));
select is(near(5), null, 'a block hides all');
select act_as(member('eve'));
select is(near(5), null, 'so does a mute');

-- By the index and by comparison the answer is the same.
select act_as_owner();
update medley.settings set value = 100 where key = 'studio.exact_vectors';
select is(
  (select array_agg(n.item_no) from medley.nearest_by_index(sound(1)::extensions.vector, '{track}', null, '{}', null, null, null, 10, now()) as n),
  (select array_agg(n.item_no) from medley.nearest_exactly(sound(1)::extensions.vector, '{track}', null, '{}', null, null, null, 10, now()) as n),
  'the index agrees');
select is(
  (select string_agg(i.title, ' ' order by n.distance) from medley.nearest_items(sound(1)::extensions.vector, '{track}',
    (select g.id from public.genres as g where g.slug = 'ambient'), array[item_no(track('t2'))], null, null, member('bob'), 3, now()) as n
    inner join medley.items as i on i.item_no = n.item_no), 't4 t6 t8', 'with every filter at once');

select * from finish();
