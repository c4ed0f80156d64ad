-- Whatever changes what a feed should say changes its next answer, in the same transaction, and a rollback takes it back.
select plan(21);

select make_small_taxonomy();
select make_member('ada'), make_member('bob');
select befriend(member('ada'), member('bob'));
select prefer('ada', array['grunge'], 0, 0, 100), make_venue('Here', 0, 0, 'A'), make_venue('There', 45, 45, 'B'), make_artist('Band');
select make_event('show', 10, array['indie rock'], 'There'), make_event('other', 9), make_event('been', -3, array['grunge'], 'Here');
create function tests.answer() returns text language sql as
$$ select string_agg(f.title || ' ' || f.breakdown, ', ') from feed('ada') as f $$;
create function tests.changes(p_write text, p_like text) returns text language sql as
$$ select case when a like p_like then ok(true, p_write) else ok(false, p_write) || E'\n' || diag(a) end from after(p_write, 'select answer()') as a $$;
create temp table first_answer as select answer();

select changes($$ select follow_item('ada', artist('Band')), plays('Band', 'show') $$, 'show {%"artist_follow": 30%');
select changes($$ select follow_item('ada', artist('Band')); update events set headliner_artist_id = artist('Band') where title = 'other' $$,
  'other {%"artist_follow": 30%');
select changes(
  $$ select follow_item('ada', artist('Band')), plays('Every genre', 'show');
     update event_artists set artist_id = artist('Band') where event_id = event('show') $$, 'show {%"artist_follow": 30%'
);
select changes(
  $$ select follow_item('ada', artist('Band')), plays('Band', 'other');
     update event_artists set event_id = event('show') where artist_id = artist('Band') $$, 'show {%"artist_follow": 30%}, other {"recency": 8.1225}'
);
select changes(
  $$ select follow_item('ada', artist('Band')), plays('Band', 'show'); delete from artists where id = artist('Band') $$,
  'show {"recency": 7.9370, "umbrella_genre": 15.0000}%'
);
select changes($$ select rsvp('bob', 'other') $$, '%other {%"friend_interest": 5%');
select changes($$ select rsvp('bob', 'other'); delete from follows where follower_id = member('bob') $$, 'show %, other {"recency": 8.1225}');
select changes($$ select rsvp('ada', 'been'); update events set genres = '{grunge}', venue_id = venue('Here') where title = 'other' $$,
  'other {%"cluster": 2%');
select changes($$ select make_event('new', 1, '{grunge}') $$, 'new {%"genre_preference": 8%');
select changes($$ update events set genres = '{grunge}' where title = 'other' $$, 'other {%"genre_preference": 8%');
select changes($$ select sync_event_genres(event('other'), '{grunge}') $$, 'other {%"genre_preference": 8%');
select changes(
  $$ update item_genres set item_id = event('other') where item_id = event('show') $$, 'other {%"umbrella_genre": 15.0000}, show {"recency": 7.9370}'
);
select changes($$ update venues set latitude = 0, longitude = 0 where name = 'There' $$, 'show {%"distance": 15%');
select changes($$ update events set venue_id = venue('Here') where title = 'other' $$, 'other {%"distance": 15%');
select changes($$ delete from venues where name = 'There' $$, 'show {%');
select changes($$ update events set status = 'cancelled' where title = 'show' $$, 'other {"recency": 8.1225}');
select changes($$ update medley.items set visibility = 'private' where title = 'show' $$, 'other {"recency": 8.1225}');
select changes($$ delete from events where title = 'show' $$, 'other {"recency": 8.1225}');
select changes($$ update events set starts_at = now() + interval '1 second', promoted = true where title = 'other' $$, '%other {"recency": 10.0000, "promoted": 5.0000}');
select changes($$ update medley.ranker_weights set weight = 40 where ranker = 'event_feed' and term = 'recency' $$, '%other {"recency": 32%');

select is(answer(), answer, 'and after a rollback the feed is as it was') from first_answer as f (answer);

select * from finish();
