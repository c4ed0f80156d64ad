-- Predicted setlists: the most probable songs at their usual places, from past shows only; votes stay, locked ones too.
select plan(28);

select make_small_taxonomy(), make_member('ada'), make_artist('Band'), make_artist('New');
select make_song(t) from unnest(array['A', 'B', 'C', 'D', 'E', 'Old']) as t;
select make_song('B (Live)');
-- A band that always plays A, B and C, with D in every second show, and Old only long ago.
create function tests.make_show(p_name text, p_days int, p_songs text[]) returns void language sql as $$
  select make_event(p_name, p_days, '{}', null, 'Band'), make_setlist(p_name, p_name, p_songs, 'Band', 'actual')
$$;
select make_show('s' || n, -n * 7, case
  when n > 25 then array['A', 'Old', 'C'] when n % 2 = 1 then array['A', 'B', 'D', 'C'] else array['A', 'B (Live)', 'C']
end) from generate_series(1, 30) as n;
select make_event('next', 5, '{}', null, 'Band'), make_event('debut', 5, '{}', null, 'New');
create function tests.predicted(p_before timestamptz) returns text[] language sql as $$
  select coalesce(array_agg(s.title order by p.position), '{}')
  from medley.predict_songs(artist('Band'), p_before) as p
  inner join public.songs as s on s.id = p.song_id
$$;
select is(predicted(now()), '{A,B,C}', 'the most probable songs at their places');
select ok(p.probability between 0.9 and 1, 'what is always played is certain, whatever the recording')
from medley.predict_songs(artist('Band'), now()) as p where p.song_id = song('B');
select is(predicted(now() - interval '26 weeks 1 day'), '{A,Old,C}', 'the past is predicted from what lay before it');
select is(predicted(now() - interval '40 weeks'), '{}', 'from nothing comes nothing');
select is((select count(*) from medley.predict_songs(artist('New'), now())), 0::bigint, 'who never played has no prediction');

-- D is played every second show and was played at the last: it waits.
select make_show('s0', -1, array['A', 'D', 'C', 'E']);
create function tests.chance_of_d(p_shows_ahead int) returns double precision language sql as $$
  select p.probability from medley.predict_songs(artist('Band'), now(), p_shows_ahead) as p where p.song_id = song('D')
$$;
select cmp_ok(chance_of_d(0), '<', chance_of_d(1), 'what pauses for a show is less likely at the next than at the one after');

select is(medley.predict_setlists(50), 1::bigint, 'the job predicts one show');
select is(medley.predict_setlists(50), 0::bigint, 'once');
create function tests.predicted_setlist() returns uuid language sql stable security definer as $$
  select id from public.setlists where type = 'predicted'
$$;
select is((select event_id from public.setlists where type = 'predicted'), event('next'), 'the coming one');
select ok(played(predicted_setlist()) @> '{A,B,C}', 'with the songs');
update public.setlists set setlistfm_id = 'x' where id = predicted_setlist();

-- A new setlist makes it outdated; votes stay.
select act_as(member('ada'));
select public.vote_setlist_song(g.setlist_song_id, -1) from public.get_setlist(predicted_setlist()) as g where g.title = 'B';
select public.vote_setlist_song(g.setlist_song_id, 1) from public.get_setlist(predicted_setlist()) as g where g.title = 'A';
select act_as_owner();
select make_show('t' || n, -1, array['E', 'A', 'C']) from generate_series(1, 30) as n;
select is(medley.predict_setlists(50), 1::bigint, 'new setlists outdate it');
select is((select count(*) from public.setlists where type = 'predicted'), 1::bigint, 'it is the same setlist');
select is((played(predicted_setlist()))[:3], '{E,A,C}', 'with other songs');
select is((played(predicted_setlist()))[4:], '{B}', 'and what somebody voted for at the end');
select results_eq(
  $$ select title, upvotes, downvotes from public.get_setlist(predicted_setlist()) where upvotes + downvotes > 0 order by title $$,
  $$ values ('A', 1, 0), ('B', 0, 1) $$, 'votes stay'
);
select is((select array_agg(position order by position) from public.setlist_songs where setlist_id = predicted_setlist()), '{1,2,3,4}',
  'positions have no gaps');
select is_empty('select * from miscounts()', 'counters are right');

-- Locked.
select public.lock_setlist(predicted_setlist());
select make_show('u' || n, -0.5::int, array['D', 'E']) from generate_series(1, 5) as n;
select is(medley.predict_setlists(50), 0::bigint, 'a locked prediction is left alone');
select act_as_service();
select throws_code($$ select public.predict_setlist(event('next')) $$, 'conflict', 'also when asked');
select public.lock_setlist(predicted_setlist(), false);
select is(public.predict_setlist(event('next')), predicted_setlist(), 'unlocked, it is predicted anew');
select throws_code($$ select public.predict_setlist(event('debut')) $$, 'not_found', 'nothing is known of a debut');
select throws_code($$ select public.predict_setlist(event('s1')) $$, 'conflict', 'what is past is not predicted');
select throws_code($$ select public.predict_setlist(gen_random_uuid()) $$, 'not_found', 'an unknown show');

select act_as_owner();
select plays('Band', 'debut');
select is(medley.predict_setlists(1), 1::bigint, 'who opens a show is predicted too');
select is(medley.predict_setlists(1), 0::bigint, 'batch by batch');
update public.events set status = 'cancelled' where title = 'next';
delete from public.setlists where type = 'predicted';
select is(medley.predict_setlists(50), 1::bigint, 'cancelled shows are not predicted');
select make_event('far', 400, '{}', null, 'Band');
select is(medley.predict_setlists(50), 0::bigint, 'nor those too far ahead');
select throws_ok($$ insert into public.setlists (event_id, artist_id, name) select event_id, artist_id, 'x' from public.setlists where type = 'predicted' $$,
  '23505', null, 'one prediction a show and artist');

select * from finish();
