-- The calendar: scheduled public events by date, genre, place and umbrella, for everyone, in order of time.
select plan(20);

select make_small_taxonomy();
select make_venue('Here', 52.5, 13.4, 'DE'), make_venue('Near', 52.6, 13.4, 'DE'), make_venue('Far', -33.9, 151.2, 'AU'), make_venue('Nowhere');
select make_artist('Band');
select make_event('yesterday', -1, '{grunge}', 'Here'), make_event('long ago', -36, '{grunge}');
select make_event('first', 1, '{"Indie-Rock"}', 'Here', 'Band', true, true), make_event('second', 2, '{shoegaze}', 'Near');
select make_event('third', 3, '{bebop}', 'Far'), make_event('fourth', 4, '{polka, rock}', 'Nowhere'), make_event('fifth', 5);
select make_event('off', 1, '{grunge}', p_status => 'cancelled'), make_event('hidden', 1, '{grunge}');
update medley.items set visibility = 'private' where title = 'hidden';
insert into medley.genre_aliases values ('noise wall', 'shoegaze');
create function tests.titles(p_arguments text) returns text language plpgsql as $$
declare v text; begin execute 'select string_agg(c.title, '','' order by n) from (select *, row_number() over () as n from public.get_calendar_events('
  || p_arguments || ')) as c' into v; return v; end $$;

select act_as_anon();
select is(titles(''), 'first,second,third,fourth,fifth', 'from now on by default');
select is(titles($$now() - interval '100 days'$$), 'yesterday,first,second,third,fourth,fifth', 'what began long ago is gone');
select is(titles($$now() + interval '2 days', now() + interval '4 days'$$), 'second,third,fourth', 'both dates count');
select is(titles($$p_end_date => now() - interval '1 hour'$$), null, 'an end before now leaves nothing');
select is(titles($$'infinity'$$), null, 'nor does anything begin after the end of time');
select is(titles($$p_genres => '{INDIE_ROCK, "noise-wall"}'$$), 'first,second', 'genres in any spelling, by any name');
select is(titles($$p_genres => array['unheard of', null, '', '--']$$), null, 'genres that nobody plays have no events');
select is(titles($$p_genres => '{polka, rock}'$$), 'fourth', 'an event of two of them is listed once');
select is(titles($$p_latitude => 52.5, p_longitude => 13.4, p_radius_km => 5$$), 'first', 'around a place');
select is(titles($$p_latitude => 52.5, p_longitude => 13.4, p_radius_km => 12$$), 'first,second', 'and further');
select is(titles($$p_latitude => 52.5, p_longitude => 13.4, p_radius_km => 20000$$), 'first,second,third', 'as far as it goes');
select is(titles($$p_umbrella_slug => 'rock'$$), 'first,second,fourth', 'an umbrella with all below it');
select is(titles($$p_umbrella_slug => 'rock', p_max_depth => 1$$), 'first,fourth', 'down to a depth');
select is(titles($$p_umbrella_slug => 'rock', p_max_depth => 0$$), 'fourth', 'the umbrella alone');
select is(titles($$p_umbrella_slug => 'rock.indie-rock'$$), 'first,second', 'a path');
select is(
  titles($$p_genres => '{shoegaze, bebop}', p_latitude => 52.5, p_longitude => 13.4, p_radius_km => 50, p_umbrella_slug => 'rock',
    p_end_date => now() + interval '9 days'$$), 'second', 'all conditions together'
);
select results_eq(
  $$ select event_id, venue_id, venue_name, country, latitude, longitude, headliner_artist_id, headliner, genres, promoted,
       ticket_available, distance_km, next_cursor
     from public.get_calendar_events(p_latitude => 52.6, p_longitude => 13.4, p_radius_km => 30, p_limit => 2) limit 1 $$,
  $$ select event('first'), venue('Here'), 'Here', 'DE', 52.5::float8, 13.4::float8, artist('Band'), 'Band', '{Indie-Rock}'::text[], true,
       true, 11.1::float8, null::text $$,
  'with everything about an event'
);
select act_as_owner();
update medley.settings set value = 60 where key = 'live.past_days';
select is(medley.refresh_upcoming_events(100), 1::bigint, 'a longer memory is filled by the job');
select is(titles($$'-infinity'$$), 'long ago,yesterday,first,second,third,fourth,fifth', 'and then listed');
update medley.settings set value = 0 where key = 'live.past_days';
select is((select medley.refresh_upcoming_events(100) || titles($$'-infinity'$$)), '2first,second,third,fourth,fifth', 'a shorter one forgets');

select * from finish();
