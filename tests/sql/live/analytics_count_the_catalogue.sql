-- Clusters and analytics: one row an event, cluster and country, and counts as a plain count gives them.
select plan(12);

select make_small_taxonomy();
select setseed(0.1);
select make_venue('v' || n, 0, 0, (array['A', 'B', null])[n]) from generate_series(1, 3) as n;
insert into public.artists (name, genres)
select 'x' || n, array(select g from unnest(array['rock', 'indie rock', 'shoegaze', 'grunge', 'bebop', 'polka']) as g where random() < 0.3 and n > 0)
from generate_series(1, 100) as n;
insert into public.events (id, title, starts_at, venue_id, genres)
select event('x' || n), 'x' || n, now() + (n - 20) * interval '3 days', case when n % 4 > 0 then venue('v' || n % 4) end,
  array(select g from unnest(array['rock', 'indie rock', 'shoegaze', 'grunge', 'bebop', 'polka']) as g where random() < 0.4 and n > 0)
from generate_series(1, 60) as n;

-- The clusters of this taxonomy, written down.
create temp table cluster_of (genre text, umbrella text, cluster text);
insert into cluster_of values
  ('rock', 'rock', 'rock'), ('indie rock', 'rock', 'rock.indie-rock'), ('shoegaze', 'rock', 'rock.indie-rock'),
  ('grunge', 'rock', 'rock.grunge'), ('jazz', 'jazz', 'jazz'), ('bebop', 'jazz', 'jazz.bebop');
create temp table plain as
select e.id, coalesce(v.country, '') as country, c.umbrella, c.cluster
from public.events as e
left join public.venues as v on v.id = e.venue_id
cross join unnest(e.genres) as g (name)
inner join cluster_of as c on c.genre = g.name;

select cmp_ok((select count(*) from plain), '>', 60::bigint, 'there is something to count');
select set_eq('select event_id, cluster_path_slug, country from public.event_clusters', 'select id, cluster, country from plain', 'event_clusters');
select is((select count(*) from public.event_clusters), (select count(*) from (select distinct id, cluster from plain) as p), 'one row each');
select set_eq(
  'select artist_id, cluster_path_slug from public.artist_clusters',
  $$ select a.id, c.cluster from public.artists as a cross join unnest(a.genres) as g (name) inner join cluster_of as c on c.genre = g.name $$,
  'artist_clusters'
);
select is(
  (select count(*) from public.artist_clusters), (select count(*) from (select distinct * from public.artist_clusters) as a), 'one row each'
);
select set_eq(
  'select * from public.analytics_events_by_cluster', 'select cluster, country, count(distinct id) from plain group by 1, 2', 'events by cluster'
);
select set_eq(
  'select * from public.analytics_events_by_umbrella', 'select umbrella, count(distinct id) from plain group by 1', 'events by umbrella'
);
select set_eq(
  'select * from public.analytics_artists_by_cluster',
  $$ select c.cluster, count(distinct a.id) from public.artists as a cross join unnest(a.genres) as g (name)
     inner join cluster_of as c on c.genre = g.name group by 1 $$,
  'artists by cluster'
);

update medley.settings set value = 1000 where key = 'genres.cluster_min_artists';
select is_empty('select * from public.analytics_events_by_cluster', 'genres with few artists make no cluster');
update medley.settings set value = 1 where key = 'genres.cluster_min_artists';
insert into public.genre_taxonomy_exclude values ('grunge', 'test');
select is_empty(
  $$ select * from public.event_clusters where cluster_path_slug = 'rock.grunge' $$, 'nor do those of the drop list'
);
update medley.items set visibility = 'private' where title = 'x1' or id = (select event_id from public.event_clusters limit 1);
select make_member('ada'), act_as(member('ada'));
select set_eq(
  'select distinct event_id from public.event_clusters',
  $$ select c.event_id from public.event_clusters as c inner join public.events as e on e.id = c.event_id $$,
  'members count what they may see'
);
select act_as_anon();
select throws_permission('select from public.analytics_events_by_umbrella', 'and others do not ask');

select * from finish();
