-- A day of 23 hours between now and an event does not hide it: sessions may have any time zone.
select plan(2);

set local timezone = 'America/New_York';
create temp table clock as
select make_timestamptz(extract(year from now())::int + 1, 3, 5, 12, 0, 0, 'UTC') as as_of;
select make_member('ada');
update medley.ranker_weights set weight = 0 where ranker = 'event_feed' and term not in ('recency', 'tickets');

-- 10 points soon without tickets, or 3 and what is left of 10 after more than half a half-life: just as good 15.44 days on.
insert into public.events (id, title, starts_at, ticket_available)
select event('soon ' || n), 'soon ' || n, as_of + make_interval(mins => n), false from clock, generate_series(1, 30) as n
union all
select event('later'), 'later', as_of + make_interval(secs => 15.41 * 86400), true from clock;

select set_config('request.jwt.claims', '{"role": "service_role"}', true);
select results_eq(
  $$ select f.title from clock, medley.get_personalized_feed_v3(member('ada'), 1, null, as_of) as f $$,
  $$ values ('later') $$,
  'the best event comes first'
);
set local timezone = 'UTC';
select results_eq(
  $$ select f.title from clock, medley.get_personalized_feed_v3(member('ada'), 1, null, as_of) as f $$,
  $$ values ('later') $$,
  'wherever one is'
);

select * from finish();
