-- Genres with all that is below them, platforms by what happened there, each with the best items only.
select plan(10);

select make_members(6);
select clear_taxonomy();
select make_umbrella('rock'), make_umbrella('jazz'), make_parent('indie rock', 'rock');
select medley.rebuild_genre_taxonomy();
select make_genre_item('Indie', '{indie rock}'), make_genre_item('Rock', '{rock}'), make_genre_item('Jazz', '{jazz}');
select make_item('counted', 'No genre');

select crowd(5, 'Indie', 'play', '2 hours'), crowd(2, 'Rock', 'play', '2 hours'), crowd(3, 'Jazz', 'play', '2 hours');
select engage('m1', 'No genre', 'like', '2 hours', 'web');
select engage('m' || n, 'Rock', 'like', '1 hour', 'web') from generate_series(1, 4) as n;
select engage('m1', 'Jazz', 'like', '1 hour', 'radio');
select engage('m1', 'Jazz', 'dislike', '1 hour', 'kiosk');
select refresh_trends();

select act_as_anon();
select is(trending(null, 'day', 'genre', 'rock'), array['Rock', 'Indie'], 'a genre holds those below it');
select is(trending(null, 'day', 'genre', 'indie-rock'), array['Indie'], 'and not those above');
select is(trending(null, 'day', 'genre', 'jazz'), array['Jazz'], 'each genre has its own');
select is(trending(null, 'day', 'platform', 'web'), array['Rock', 'No genre'], 'a platform has what happened there');
select is(trending(null, 'day', 'platform', 'kiosk'), '{}'::text[], 'rejections are no trend');
select is(trending(null, 'day', 'platform', 'never heard of'), '{}'::text[], 'an unknown platform has none');
select is(
  (select count(*) from public.get_trending(p_trend_type => 'genre', p_segment => 'rock') as t
    where (t.time_window, t.trend_type, t.segment) = ('day', 'genre', 'rock')),
  2::bigint, 'rows say what they are of'
);

select act_as_owner();
update medley.settings as s set value = 1 where s.key in ('trending.max_items', 'trending.max_genre_items', 'trending.max_platforms');
select refresh_trends();
select act_as_anon();
select is(trending(null, 'day', 'genre', 'rock'), array['Rock'], 'the best of a genre are kept');
select is(trending(), array['Rock'], 'and the best of all');
select is(trending(null, 'day', 'platform', 'radio'), '{}'::text[], 'and the busiest platforms');

select * from finish();
