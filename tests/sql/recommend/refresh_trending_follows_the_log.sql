-- What trends is what members did of late beyond the usual; what nobody touches any more is gone.
select plan(21);

select make_kind('film'), make_kind('song');
select make_members(40);
select make_item('film', t) from unnest(array['Steady', 'Rising', 'Old', 'Spammed', 'Hated', 'Expired', 'Private']) as t;
select make_item('song', 'Song');
update medley.items as i set published_at = now() - interval '1 year' where true;
update medley.items as i set expires_at = now() - interval '1 second' where i.title = 'Expired';
update medley.items as i set owner_id = md5('member m1')::uuid, visibility = 'private' where i.title = 'Private';

-- The same crowd each day, and a new one.
select crowd(30, 'Steady', 'play', n * interval '1 day' - interval '12 hours', '10 minutes')
from generate_series(1, 8) as n;
select crowd(12, 'Rising', 'play', '13 hours', '1 hour');
select crowd(3, 'Expired', 'play', '1 hour'), engage('m1', 'Private', 'play');
select crowd(5, 'Old', 'play', '40 hours');
select engage('m1', 'Spammed', 'play', '30 minutes' - n * interval '1 second') from generate_series(1, 100) as n;
select crowd(5, 'Hated', 'click', '1 hour'), crowd(9, 'Hated', 'dislike', '50 minutes');
select crowd(3, 'Song', 'like', '3 hours');

select cmp_ok(refresh_trends(), '>', 0::bigint, 'the first run writes');
select is(trending('film'), array['Rising', 'Spammed', 'Steady'],
  'a rising item leads a steady popular one; old, hated, expired and private ones are not there');
select is(trending('song'), array['Song'], 'each kind has its own trends');
select is(trending(), array['Rising', 'Song', 'Spammed', 'Steady'], 'without a kind all are listed');
select ok('Old' = any(trending('film', 'week')), 'a week has what the day has lost');
select is(trending('film', 'hour'), array['Spammed'], 'an hour has only what is of the last hour');

select engage('m2', 'Rising', 'play', '1 minute');
select is(
  (select count(*) from medley.trend_activity((select w from medley.trend_windows as w where w.time_window = 'day'), now())
    as a inner join medley.items as i on i.item_no = a.item_no where i.title = 'Spammed' and a.points = 1),
  1::bigint, 'a member counts once an hour, however often'
);

-- Nothing happens, nothing is written.
select refresh_trends();
select is(refresh_trends(), 0::bigint, 'a second calculation of the same moment writes nothing');
select is(medley.refresh_trending_at(1000, now()), 0::bigint, 'a window that is not due is left alone');
select is(
  (select count(*) from medley.trending_changes), 0::bigint, 'nothing is left to write'
);
select ok(
  (select bool_and(s.trend between 0 and 1) and max(s.trend) = 1 from medley.item_statistics as s) is null,
  'without statistics there is no share of a trend'
);
select medley.refresh_item_statistics();
select is(
  (select array_agg(i.title order by i.title) from medley.item_statistics as s
    inner join medley.items as i on i.item_no = s.item_no where s.trend = 1),
  array['Rising', 'Song'], 'the best of the day of each kind has trend 1'
);

-- Batches.
select set_config('tests.changes', medley.calculate_trends('day', now() + interval '6 hours')::text, true);
select cmp_ok(current_setting('tests.changes')::int, '>', 2, 'scores age');
select is(medley.write_trends(2), 2::bigint, 'a batch is as long as asked');
select is(
  (select count(*) from medley.trending_changes), current_setting('tests.changes')::bigint - 2, 'the rest waits'
);
select is(
  medley.refresh_trending_at(1, now() + interval '6 hours'), 1::bigint, 'and goes first when the job comes again'
);

-- Decay.
select refresh_trends(now() + interval '20 hours');
select is(
  (select array_agg(i.title order by c.trend_score desc) from medley.trending_cache as c
    inner join medley.items as i on i.item_no = c.item_no
    where c.time_window = 'day' and c.trend_type = 'global' and c.kind = 'film'),
  array['Rising', 'Spammed'], 'what is older than the window leaves'
);
select refresh_trends(now() + interval '30 hours');
select is(
  (select count(*) from medley.trending_cache as c where c.time_window in ('hour', 'day')), 0::bigint,
  'trends that nobody feeds vanish'
);
select is(
  (select array_agg(distinct c.time_window order by c.time_window) from medley.trending_cache as c),
  array['month', 'week'], 'first those of short windows'
);
select refresh_trends(now() + interval '32 days');
select is_empty('select 1 from medley.trending_cache', 'then all');
select is(
  (select max(s.trend) from medley.item_statistics as s), 0::real, 'and the statistics know'
);

select * from finish();
