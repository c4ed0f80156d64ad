-- The catalogue is for everyone but what is hidden, answers are one's own, and the engine shows no more than a select does.
select plan(36);

select make_small_taxonomy(), make_member('ada'), make_member('bob');
select make_artist('Open'), make_artist('Secret'), make_venue('Here', 0, 0, 'A'), make_venue('Hidden', 0, 0, 'A');
select make_event('open', 1, '{grunge}', 'Here', 'Open'), make_event('private', 1, '{grunge}', 'Here', 'Open');
select make_event('followers', 1, '{grunge}', 'Here', 'Open'), make_event('secret parts', 2, '{grunge}', 'Hidden', 'Secret');
select make_event('bob''s', 1, '{grunge}', 'Here'), plays('Open', 'private');
update medley.items set visibility = title where title in ('private', 'followers');
update medley.items set visibility = 'private' where title in ('Secret', 'Hidden');
update medley.items set owner_id = member('bob') where title = 'bob''s';
select follow_item('ada', artist('Open')), follow_item('ada', artist('Secret'));
select befriend(member('ada'), member('bob')), rsvp('bob', 'private'), rsvp('bob', 'open');
select block(member('bob'), member('ada'));

create function tests.shown() returns text language sql as
$$ select string_agg(c.title, ',' order by c.title) from public.get_calendar_events() as c $$;
select act_as_anon();
select is((select string_agg(title, ',' order by title) from public.events), 'bob''s,open,secret parts', 'anyone reads what is public');
select is(shown(), 'open,secret parts', 'the calendar shows no more');
select is((select count(*) from public.event_artists), 0::bigint, 'who plays at a hidden event is hidden');
select is_empty($$ select from public.events_genres where event_id = event('private') $$, 'its genres are');
select is_empty($$ select from public.artists where name = 'Secret' $$, 'a hidden artist is');
select is(
  (select array[venue_name, headliner, latitude::text, city] from public.get_calendar_events() where title = 'secret parts'),
  array[null, null, null, null]::text[], 'and hidden venues and artists stay so in the calendar'
);
select throws_permission(format('%s public.%I', s.verb, t.name), s.verb || ' ' || t.name)
from unnest(array['artists', 'venues', 'events', 'event_artists']) as t (name),
  (values ('delete from'), ('truncate')) as s (verb);
select throws_permission('select from public.event_rsvps', 'answers are nobody''s business');

select act_as(member('ada'));
select is((select string_agg(title, ',' order by title) from public.events), 'open,secret parts', 'a block hides what the other owns');
select set_eq(
  'select f.event_id from public.get_personalized_feed_v3() as f',
  $$ select event('open') union all select event('secret parts') $$, 'the feed shows no more'
);
select is_empty(
  $$ select f.title from public.get_personalized_feed_v3() as f where not exists (select from public.events as e where e.id = f.event_id) $$,
  'than the member may select'
);
select results_eq(
  $$ select f.venue_name, f.headliner, f.reasons::text like '%Secret%' from public.get_personalized_feed_v3() as f where f.title = 'secret parts' $$,
  $$ values (null::text, null::text, false) $$, 'of a hidden venue or artist neither'
);
select is_empty('select from public.event_rsvps', 'others'' answers are hidden');
select throws_permission($$ insert into public.event_rsvps (event_id) values (event('private')) $$, 'one answers only what one sees');
select throws_permission($$ insert into public.event_rsvps (event_id) values (gen_random_uuid()) $$, 'and what there is');
select throws_permission(
  $$ insert into public.event_rsvps (user_id, event_id) values (member('bob'), event('open')) $$, 'for oneself'
);
select throws_permission(
  $$ insert into public.event_rsvps (event_id, created_at) values (event('open'), '2000-01-01') $$, 'now'
);
select lives_ok($$ insert into public.event_rsvps (event_id) values (event('open')) $$, 'that one may');
select throws_permission($$ update public.event_rsvps set event_id = event('private') where event_id = event('open') $$, 'not moved to what is hidden');
select throws_permission($$ update public.event_rsvps set user_id = member('bob') where event_id = event('open') $$, 'nor to another');
select is((select count(*) from medley.user_cluster_affinity), 1::bigint, 'one sees the own affinities');
select throws_permission('delete from medley.user_cluster_affinity where true', 'and cannot write them');
select throws_permission('select from medley.upcoming_events', 'the index is the engine''s');
select throws_permission('select from medley.event_postings', 'all of it');
select throws_permission('select public.' || call, call)
from unnest(array['backfill_genres()', 'refresh_user_cluster_affinity()', 'sync_event_genres(null, null)', 'sync_artist_genres(null, null)']) as f (call);
select act_as(member('bob'));
select is(
  (select count(*) from public.event_rsvps) + (select count(*) from medley.user_cluster_affinity), 2::bigint + 1,
  'each the own'
);

select * from finish();
