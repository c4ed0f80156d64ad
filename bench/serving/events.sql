-- The events of the simulated world, bench.events of them in the coming 180 days, and RSVPs of the members: three on
-- average, mostly in the own city and scene. Run again, it replaces what an earlier run made.
truncate public.event_rsvps, medley.user_cluster_affinity, medley.event_postings, medley.upcoming_events,
public.event_artists, public.events;
delete from public.item_genres as g using medley.items as i where i.id = g.item_id and i.kind = 'event';
delete from medley.items where kind = 'event';

create table if not exists bench.event (event_no int primary key, city_no int, scene_no int, venue_no int, artist_no int);
truncate bench.event;

create temp table city_venues as
select c.city_no, array_agg(v.external_id::int order by v.external_id::int) as venue_nos
from bench.city as c inner join public.venues as v on v.city = 'City ' || c.city_no group by c.city_no;

insert into bench.event
select
  e, c.city_no, a.scene_no,
  c.venue_nos[1 + floor(cardinality(c.venue_nos) * bench.u(e, 'venue'))::int],
  a.artist_no
from generate_series(1, current_setting('bench.events')::int) as e
cross join bench.slot as s
inner join city_venues as c on c.city_no = s.city_nos[1 + floor(1000 * bench.u(e, 'ecity'))::int]
inner join bench.artist as a on a.artist_no = 1 + floor(current_setting('bench.artists')::int * bench.u(e, 'eartist') ^ 1.3)::int;

insert into public.events (
  id, title, slug, starts_at, venue_id, headliner_artist_id, genres, promoted, ticket_available, source, external_id
)
select
  bench.uuid('e00', e.event_no), 'Artist ' || e.artist_no || ' live', 'event-' || e.event_no,
  date_trunc('hour', now()) + interval '1 hour' * (1 + floor(180 * 24 * bench.u(e.event_no, 'start') ^ 1.3)),
  bench.uuid('b00', e.venue_no), bench.uuid('a00', e.artist_no), a.genres,
  bench.u(e.event_no, 'promoted') < 0.02, bench.u(e.event_no, 'tickets') < 0.7, 'bench', e.event_no::text
from bench.event as e inner join bench.artist as a on a.artist_no = e.artist_no
order by e.event_no;

insert into medley.items (id, kind, title, expires_at)
select e.id, 'event', e.title, e.starts_at from public.events as e order by e.id;
insert into public.item_genres (item_id, genre_id)
select e.id, g.genre_id
from public.events as e inner join public.item_genres as g on g.item_id = e.headliner_artist_id;
insert into public.event_artists (event_id, artist_id, billing_order)
select e.id, bench.uuid('a00', r.artist_nos[1 + floor(cardinality(r.artist_nos) * bench.u(b.event_no, 'support'))::int]), 2
from public.events as e
inner join bench.event as b on b.event_no = e.external_id::int
inner join bench.roster as r on r.scene_no = b.scene_no
where bench.u(b.event_no, 'has support') < 0.5
on conflict do nothing;

create temp table local_events as
select city_no, scene_no, array_agg(event_no) as event_nos from bench.event group by city_no, scene_no;
create temp table city_events as select city_no, array_agg(event_no) as event_nos from bench.event group by city_no;
create unique index on local_events (city_no, scene_no);
create unique index on city_events (city_no);
analyze local_events;
analyze city_events;

insert into public.event_rsvps (user_id, event_id, status)
select distinct on (1, 2)
  m.user_id,
  bench.uuid('e00', x.event_nos[1 + floor(cardinality(x.event_nos) * bench.u(m.member_no * 16 + r, 'rsvp'))::int]),
  case when bench.u(m.member_no * 16 + r, 'maybe') < 0.3 then 'maybe' else 'going' end
from bench.member as m
cross join lateral generate_series(1, floor(12 * bench.u(m.member_no, 'rsvps') ^ 3)::int) as r
left join local_events as l on l.city_no = m.city_no and l.scene_no = m.scene1
inner join city_events as c on c.city_no = m.city_no
cross join lateral (select case when r % 3 > 0 then coalesce(l.event_nos, c.event_nos) else c.event_nos end as event_nos) as x
where not m.is_silent
order by 1, 2;
