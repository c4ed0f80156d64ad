-- calculate_trending_score and trending_artists: votes, follows and views of the last days, by weight.
select plan(27);

select make_members(5), make_artist('Band'), make_artist('Quiet'), make_artist('Unverified');
update public.artists set verified = true where name <> 'Unverified';
select make_event('show', 5, '{}', null, 'Band'), make_event('gone', -90, '{}', null, 'Band');
select make_song('One'), make_song('Two'), make_setlist('list', 'show', '{One,Two}');
insert into public.setlist_votes (setlist_song_id, user_id, vote, voted_at)
select on_setlist('list', 'One'), member('m' || n), 1, now() - n * interval '2 days' from generate_series(1, 5) as n;
insert into public.setlist_votes (setlist_song_id, user_id, vote) values (on_setlist('list', 'Two'), member('m1'), -1);
insert into public.item_follows (user_id, item_id, created_at)
select member('m' || n), artist('Band'), now() - n * interval '3 days' from generate_series(1, 4) as n;
select engage('m' || n, 'Band', 'view', n * interval '1 day') from generate_series(1, 5) as n;
select engage('m1', 'Band', 'view', interval '3 hours'), engage('m1', 'Band', 'view', interval '8 days');
select engage('m2', 'Band', 'click', interval '1 hour'), engage('m2', 'Unverified', 'view', interval '1 hour');

-- Seven days: 3 votes on One and 1 on Two, 2 follows, 6 views. One day: 1 vote, no follow, 2 views.
select act_as_anon();
select is(public.calculate_trending_score(artist('Band')), 4 * 0.5 + 2 * 0.3 + 6 * 0.2, 'a week by default');
select is(public.calculate_trending_score(artist('Band'), 1), 1 * 0.5 + 2 * 0.2, 'a day');
select is(public.calculate_trending_score(artist('Band'), 30), 6 * 0.5 + 4 * 0.3 + 7 * 0.2, 'a month');
select is(public.calculate_trending_score(artist('Quiet')), 0::numeric, 'nothing is 0');
select is(public.calculate_trending_score(artist_id_param => artist('Band'), days_back => 30), 5.6, 'by name');
select throws_code($$ select public.calculate_trending_score(gen_random_uuid()) $$, 'not_found', 'an unknown artist');
select throws_code($$ select public.calculate_trending_score(artist('Band'), 0) $$, 'invalid_argument', 'no time at all');
select throws_code($$ select public.calculate_trending_score(artist('Band'), 2147483647) $$, 'invalid_argument', 'all time');
select is_empty('select * from public.trending_artists', 'before the first refresh the list is empty');
select is_empty('select * from public.get_trending_artists()', 'also through the function');

select act_as_owner();
select is(medley.refresh_trending_artists(), 2::bigint, 'the job fills it');
select is(medley.refresh_trending_artists(), 0::bigint, 'and changes nothing twice');
select results_eq(
  'select name, trending_score, show_count, follower_count from public.trending_artists order by trending_score desc',
  $$ values ('Band', 3.8, 2, 4), ('Quiet', 0.0, 0, 0) $$, 'verified artists with what they have'
);
select is((select count(*) from public.trending_artists as t where t.trending_score <> public.calculate_trending_score(t.id)),
  0::bigint, 'list and function agree');
update medley.ranker_weights set weight = 10 where ranker = 'trending_artists' and term = 'views';
select is(public.calculate_trending_score(artist('Band')), 4 * 0.5 + 2 * 0.3 + 60, 'weights are rows');
update medley.settings set value = 0 where key = 'live.trending_verified_only';
select medley.refresh_trending_artists();
select is((select array_agg(name order by trending_score desc) from public.trending_artists), '{Band,Unverified,Quiet}', 'all artists, if wanted');

select act_as(member('m1'));
select is((select array_agg(name) from public.get_trending_artists()), '{Band,Unverified,Quiet}', 'best first');
select is((select name from public.get_trending_artists(1)), 'Band', 'page by page');
select is((select name from public.get_trending_artists(1, (select next_cursor from public.get_trending_artists(1)))), 'Unverified', 'to the next');
select is((select next_cursor from public.get_trending_artists(3) limit 1), null, 'and to the end');
select throws_code($$ select public.get_trending_artists(0) $$, 'invalid_argument', 'no page is empty');
select throws_code($$ select public.get_trending_artists(1, 'x') $$, 'invalid_cursor', 'a damaged cursor');
select throws_code(
  format('select public.get_trending_artists(1, %L)', translate(encode('{"q": "trending_artists", "p": {"score": "x"}}', 'base64'), E'\n', '')),
  'invalid_cursor', 'a forged one'
);
select throws_permission('delete from public.trending_artists where true', 'members read');
select throws_permission('select medley.refresh_trending_artists()', 'and do not refresh');
select act_as_owner();
update medley.items set visibility = 'private' where title = 'Band';
select act_as(member('m1'));
select ok(not 'Band' in (select name from public.get_trending_artists()), 'what is hidden is not listed');
select act_as_owner();
delete from public.artists where name = 'Band';
select is((select count(*) from public.trending_artists where name = 'Band'), 0::bigint, 'an artist goes at once');

select * from finish();
