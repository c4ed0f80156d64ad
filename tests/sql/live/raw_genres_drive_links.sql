-- The raw genre arrays of artists and events drive item_genres, however they are written.
select plan(22);

select make_small_taxonomy();
select act_as_service();
insert into public.artists (id, name, genres) values (artist('A'), 'A', array['Shoe_Gaze', 'shoegaze', ' SHOEGAZE ', 'Dream Pop', '--', '', null]);
insert into public.artists (id, name) values (artist('B'), 'B');
select act_as_owner();
select is(genre_keys_of(artist('A')), '{dream pop,shoe gaze,shoegaze}', 'an insert links what normalizes to something, once');
select is(genre_keys_of(artist('B')), null, 'none is none');
select act_as_service();
update public.artists set genres = array['grunge'] where id = artist('A');
select act_as_owner();
select is(genre_keys_of(artist('A')), '{grunge}', 'an update replaces');
update public.artists set name = 'A!' where id = artist('A');
select sync_artist_genres(artist('A'), '{jazz, bebop}');
update public.artists set country = 'X' where id = artist('A');
select is(genre_keys_of(artist('A')), '{bebop,jazz}', 'an update of something else leaves links alone');
insert into public.artists (id, name, genres)
values (artist('A'), 'A', '{rock}'), (artist('C'), 'C', '{grunge,rock}')
on conflict (id) do update set genres = excluded.genres;
select is(genre_keys_of(artist('A')) || genre_keys_of(artist('C')), '{rock,grunge,rock}', 'an upsert does both');
update public.artists set genres = '{}' where id = artist('A');
select is(genre_keys_of(artist('A')), null, 'an empty array takes all away');
select throws_code(
  $$ update public.artists set genres = array[repeat('x', 101)] where id = artist('C') $$, 'invalid_argument', 'a name that is too long'
);
select throws_ok(
  $$ update public.artists set genres = array_fill('x'::text, array[101]) where id = artist('C') $$, '23514', null, 'too many names'
);
select throws_ok($$ update public.artists set genres = null where id = artist('C') $$, '23502', null, 'and no array at all are refused');

select make_event('E', 5, '{Indie-Rock}');
select is(genre_keys_of(event('E')), '{indie rock}', 'events as well');
update public.events set genres = '{grunge,jazz}' where title = 'E';
select is(genre_keys_of(event('E')), '{grunge,jazz}', 'when they change too');
insert into public.events (title, starts_at, genres) select 'bulk ' || n, now(), array['rock', 'new ' || n % 7] from generate_series(1, 500) as n;
select is(
  (select count(*) from public.events_genres as g inner join public.events as e on e.id = g.event_id where e.title like 'bulk%'),
  1000::bigint, 'and in bulk'
);

select act_as_service();
select throws_code($$ select public.sync_artist_genres(gen_random_uuid(), '{rock}') $$, 'not_found', 'no such artist');
select throws_code($$ select public.sync_artist_genres(event('E'), '{rock}') $$, 'not_found', 'an event is no artist');
select throws_code($$ select public.sync_event_genres(artist('A'), '{rock}') $$, 'not_found', 'nor an artist an event');
select lives_ok($$ select public.sync_event_genres(event('E'), null) $$, 'null genres are none');
select act_as_owner();
select is(genre_keys_of(event('E')), null, 'none are left');

-- Links that went astray, as after a load with triggers off.
delete from public.item_genres where item_id = artist('C');
insert into public.item_genres (item_id, genre_id) values (artist('B'), genre('jazz'));
select act_as_service();
select is(public.backfill_genres(), 5::bigint, 'backfill writes what is missing and removes what is too much');
select is(public.backfill_genres(), 0::bigint, 'and then has nothing to do');
select act_as_owner();
select is(genre_keys_of(artist('C')), '{grunge,rock}', 'missing links are back');
select is(genre_keys_of(event('E')), '{grunge,jazz}', 'as the arrays say');
select is((select medley.backfill_genres(3)), 0::bigint, 'in batches of any size');

select * from finish();
