-- The names of the field are views that roles write through, each within the rights it has on the table below.
select plan(37);

select make_small_taxonomy(), make_member('ada'), make_member('bob'), make_artist('Band'), make_event('show', 5), make_venue('Here');

select act_as_service();
select lives_ok($$ insert into public.artists_genres (artist_id, genre_id) values (artist('Band'), genre('grunge')) $$, 'service links an artist');
select lives_ok($$ insert into public.events_genres (event_id, genre_id) values (event('show'), genre('grunge')) $$, 'and an event');
select lives_ok($$ update public.events_genres set genre_id = genre('jazz') where event_id = event('show') $$, 'changes a link');
select throws_ok(
  $$ insert into public.artists_genres (artist_id, genre_id) values (event('show'), genre('rock')) $$, '44000', null,
  'an event is no artist'
);
select throws_ok(
  $$ insert into public.events_genres (event_id, genre_id) values (artist('Band'), genre('rock')) $$, '44000', null, 'nor the reverse'
);
select act_as_owner();
select is(genre_keys_of(artist('Band')), '{grunge}', 'the artist''s link is there');
select is((select array_agg(p.list_no) from medley.event_postings as p where p.list = 'genre'),
  (select array[genre_no] from public.genres where slug = 'jazz'), 'and the index followed the event''s');
select act_as_service();
delete from public.artists_genres where artist_id = artist('Band');
select is_empty($$ select from public.artists_genres where artist_id = artist('Band') $$, 'and goes');

select act_as_anon();
select is((select count(*) from public.events_genres), 1::bigint, 'everyone reads');
select throws_permission($$ insert into public.events_genres (event_id, genre_id) values (event('show'), genre('rock')) $$, 'nobody else writes');
select throws_permission('select from public.user_follows_artists', 'follows are for members');
select throws_permission('select from public.user_event_relationships', 'answers too');

select act_as(member('ada'));
select throws_permission($$ delete from public.artists_genres where artist_id = artist('Band') $$, 'a member changes no genres');
select lives_ok($$ insert into public.user_follows_artists (artist_id) values (artist('Band')) $$, 'a member follows an artist');
select throws_ok(
  $$ insert into public.user_follows_artists (artist_id) values (venue('Here')) $$, '44000', null, 'a venue is followed elsewhere'
);
select throws_permission(
  $$ insert into public.user_follows_artists (user_id, artist_id) values (member('bob'), artist('Band')) $$, 'not for another'
);
select lives_ok(
  $$ insert into public.user_event_relationships (event_id, relationship_type) values (event('show'), 'maybe') $$, 'answers an event'
);
select lives_ok($$ update public.user_event_relationships set relationship_type = 'going' where event_id = event('show') $$, 'otherwise');
select results_eq(
  'select event_id, relationship_type from public.user_event_relationships', $$ select event('show'), 'going' $$, 'and sees it'
);
select throws_ok(
  $$ update public.user_event_relationships set relationship_type = 'asleep' where event_id = event('show') $$, '23514', null,
  'going or maybe'
);

select act_as(member('bob'));
select is_empty('select from public.user_follows_artists', 'nobody sees another''s follows');
delete from public.user_event_relationships where event_id = event('show');
select act_as(member('ada'));
delete from public.user_follows_artists where artist_id = artist('Band');
select is_empty('select from public.user_follows_artists', 'one unfollows');
select is((select count(*) from public.user_event_relationships), 1::bigint, 'nobody takes back another''s answer');

-- Follows may be silent.
select lives_ok($$ insert into public.user_follows_artists (artist_id, notifications_enabled) values (artist('Band'), false) $$, 'one follows silently');
select lives_ok($$ update public.user_follows_artists set notifications_enabled = true where artist_id = artist('Band') $$, 'or not');
select results_eq('select artist_id, notifications_enabled from public.user_follows_artists', $$ values (artist('Band'), true) $$, 'as one says');
select is((select total_follows from public.user_profiles where username = 'ada'), 1, 'follows are counted');

-- Profiles and shows under the names of a concert app.
select lives_ok($$ update public.user_profiles set location = 'Here', website = 'https://a.example' where id = member('ada') $$, 'a member writes a profile');
select is((select location from public.profiles where id = member('ada')), 'Here', 'the same one');
select throws_permission($$ update public.user_profiles set total_votes = 9 where id = member('ada') $$, 'but no counters');
update public.user_profiles set bio = 'mine' where id = member('bob');
select is((select bio from public.profiles where id = member('bob')), null, 'nor another''s');
select throws_permission($$ update public.shows set name = 'mine' where true $$, 'shows are the service''s');
select act_as_service();
select lives_ok(
  $$ insert into public.shows (name, starts_at, headliner_artist_id, venue_id, min_price, max_price)
     values ('Late', '2030-07-01 23:30Z', artist('Band'), venue('Here'), 10, 20) $$, 'which writes them'
);
update public.venues set timezone = 'Europe/Berlin' where name = 'Here';
select is((select starts_local from public.shows where name = 'Late'), '2030-07-02 01:30', 'and sees the local time');
select is((select status from public.shows where name = 'Late'), 'scheduled', 'and the status');
select ok(slug like 'late-%', 'and a slug') from public.shows where name = 'Late';
select act_as_anon();
select isnt_empty($$ select from public.shows where name = 'Late' $$, 'everybody reads shows');

select * from finish();
