-- Members make setlists of upcoming shows and change their own; the service changes any.
select plan(47);

select make_small_taxonomy(), make_member('ada'), make_member('bob'), make_artist('Band'), make_artist('Guest'), make_artist('Other');
select make_event('show', 5, '{}', null, 'Band'), make_event('past', -5, '{}', null, 'Band'), plays('Guest', 'show');
select make_song(t) from unnest(array['A', 'B', 'C', 'D']) as t;
select make_song('Cover', 'Band', false), make_song('Foreign', 'Other'), make_song('Hidden'), make_song('Solo', 'Guest');
update medley.items set visibility = 'private', owner_id = member('bob') where id = song('Hidden');
create table tests.made (id uuid);
grant all on tests.made to anon, authenticated, service_role;
create function tests.create_list(p_songs text[], p_event text default 'show', p_artist text default 'Band', p_name text default 'Mine')
returns uuid language sql as $$
  select public.create_setlist(event(p_event), artist(p_artist), p_name, array(select song(t) from unnest(p_songs) as t))
$$;
create function tests.made() returns uuid language sql stable as $$ select id from tests.made $$;
create function tests.at(p_song text) returns uuid language sql stable security definer set search_path = '' as $$
  select g.id from public.setlist_songs as g where g.setlist_id = tests.made() and g.song_id = tests.song(p_song)
$$;

select act_as(member('ada'));
insert into tests.made select create_list('{A,B,Cover}');
select is(played(made()), '{A,B,Cover}', 'a setlist of one''s own, covers too');
select results_eq($$ select type, created_by, artist_id from public.setlists $$,
  $$ values ('user_created', member('ada'), artist('Band')) $$, 'is marked as such');
select isnt(create_list('{Solo}', 'show', 'Guest'), null, 'who opens the show has setlists');
select isnt(create_list('{}'), null, 'one may begin empty');

select lives_ok($$ select public.add_setlist_song(made(), song('C')) $$, 'a song is added');
select is(played(made()), '{A,B,Cover,C}', 'at the end');
select public.add_setlist_song(made(), song('D'), 2);
select is(played(made()), '{A,D,B,Cover,C}', 'or where one says, and the others make room');
select public.move_setlist_song(at('C'), 1);
select is(played(made()), '{C,A,D,B,Cover}', 'a song moves up');
select public.move_setlist_song(at('C'), 4);
select is(played(made()), '{A,D,B,C,Cover}', 'and down');
select public.move_setlist_song(at('C'), 4);
select is(played(made()), '{A,D,B,C,Cover}', 'or stays');
select public.remove_setlist_song(at('D'));
select is(played(made()), '{A,B,C,Cover}', 'or goes');
select is((select array_agg(g.position order by g.position) from public.get_setlist(made()) as g), '{1,2,3,4}', 'without a gap');
select lives_ok($$ update public.setlists set name = 'Better' where id = made() $$, 'one names it anew');

select throws_code($$ select create_list('{A,A}') $$, 'conflict', 'a song twice');
select throws_code($$ select create_list('{A,Foreign}') $$, 'invalid_argument', 'another artist''s song');
select throws_code($$ select create_list('{A,Hidden}') $$, 'not_found', 'a song that one does not see');
select throws_code($$ select create_list('{Nothing}') $$, 'not_found', 'an unknown song');
select throws_code($$ select public.create_setlist(event('show'), artist('Band'), 'x', array[null::uuid]) $$, 'not_found', 'no song');
select throws_code($$ select create_list('{A}', 'past') $$, 'conflict', 'a show in the past');
select throws_code($$ select create_list('{A}', 'never') $$, 'not_found', 'an unknown show');
select throws_code($$ select create_list('{Foreign}', 'show', 'Other') $$, 'invalid_argument', 'who does not play there');
select throws_code($$ select create_list('{A}', p_name => '  ') $$, 'invalid_argument', 'no name');
select throws_code($$ select public.create_setlist(event('show'), artist('Band'), 'x', array_fill(song('A'), array[101])) $$,
  'too_large', 'a hundred songs at most');
select throws_code($$ select public.add_setlist_song(made(), song('A')) $$, 'conflict', 'a song that is on it');
select throws_code($$ select public.add_setlist_song(made(), song('D'), 6) $$, 'invalid_argument', 'a gap');
select throws_code($$ select public.add_setlist_song(made(), song('D'), 0) $$, 'invalid_argument', 'before the first');
select throws_code($$ select public.add_setlist_song(made(), song('Foreign')) $$, 'invalid_argument', 'a foreign song');
select throws_code($$ select public.move_setlist_song(at('A'), 5) $$, 'invalid_argument', 'behind the last');
select throws_code($$ select public.move_setlist_song(at('A'), null) $$, 'invalid_argument', 'nowhere');
select throws_code($$ select public.move_setlist_song(gen_random_uuid(), 1) $$, 'not_found', 'what is not there');

select act_as(member('bob'));
select throws_code($$ select public.add_setlist_song(made(), song('D')) $$, 'forbidden', 'nobody changes another''s');
select throws_code($$ select public.remove_setlist_song(at('A')) $$, 'forbidden', 'nor empties it');
delete from public.setlists where id = made();
update public.setlists set name = 'Mine now' where id = made();
select is((select name from public.setlists where id = made()), 'Better', 'nor deletes or renames it');
select throws_permission($$ insert into public.setlists (event_id, artist_id, name) values (event('show'), artist('Band'), 'x') $$,
  'nor makes one around the function');
select throws_permission($$ select public.lock_setlist(made()) $$, 'nor locks');
select throws_permission($$ select public.predict_setlist(event('show')) $$, 'nor predicts');
select block(member('bob'), member('ada'));
select is_empty($$ select from public.setlists where id = made() $$, 'blocked members do not see it');
select act_as_anon();
select isnt_empty($$ select from public.setlists where id = made() $$, 'everybody else does');
select throws_permission($$ select create_list('{A}') $$, 'but makes none');

select act_as_service();
select public.lock_setlist(made());
select act_as(member('ada'));
select throws_code($$ select public.add_setlist_song(made(), song('D')) $$, 'conflict', 'a locked one stays');
delete from public.setlists where id = made();
select isnt_empty($$ select from public.setlists where id = made() $$, 'also whole');
select act_as_service();
select lives_ok($$ select public.add_setlist_song(made(), song('D'), 1) $$, 'but for the service');
select lives_ok($$ select public.remove_setlist_song(at('A')) $$, 'that edits any');
select is(played(made()), '{D,B,C,Cover}', 'as it says');
select throws_ok($$ insert into public.setlist_songs (setlist_id, song_id, position) values (made(), song('A'), 2) $$, '23505', null,
  'positions never collide');
select throws_ok($$ insert into public.setlist_songs (setlist_id, song_id, position) values (made(), song('B'), 9) $$, '23505', null,
  'nor songs');
select lives_ok($$ update public.setlist_songs set position = 5 - position where setlist_id = made() $$, 'a statement may reorder all');

select * from finish();
