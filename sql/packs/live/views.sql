-- The names that the outside knows: genre links, clusters, relationships and analytics as views over the tables.
create view public.artists_genres with (security_invoker = true, check_option = 'local') as
select
  g.item_id as artist_id,
  g.genre_id,
  g.created_at
from public.item_genres as g
where exists (select from public.artists as a where a.id = g.item_id);

comment on view public.artists_genres is 'The genre links of artists: item_genres under the name of the field. Updatable.';
comment on column public.artists_genres.artist_id is 'The artist.';
comment on column public.artists_genres.genre_id is 'The genre.';
comment on column public.artists_genres.created_at is 'Since when.';

create view public.events_genres with (security_invoker = true, check_option = 'local') as
select
  g.item_id as event_id,
  g.genre_id,
  g.created_at
from public.item_genres as g
where exists (select from public.events as e where e.id = g.item_id);

comment on view public.events_genres is 'The genre links of events: item_genres under the name of the field. Updatable.';
comment on column public.events_genres.event_id is 'The event.';
comment on column public.events_genres.genre_id is 'The genre.';
comment on column public.events_genres.created_at is 'Since when.';

create view public.user_follows_artists with (security_invoker = true, check_option = 'local') as
select
  f.user_id,
  f.item_id as artist_id,
  f.notifications_enabled,
  f.created_at as followed_at
from public.item_follows as f
where exists (select from public.artists as a where a.id = f.item_id);

comment on view public.user_follows_artists is 'The artists that members follow: item_follows of artists. Updatable.';
comment on column public.user_follows_artists.user_id is 'The member.';
comment on column public.user_follows_artists.artist_id is 'The artist.';
comment on column public.user_follows_artists.notifications_enabled is 'Whether the app may notify the member of news about the artist.';
comment on column public.user_follows_artists.followed_at is 'Since when.';

create view public.shows with (security_invoker = true) as
select
  e.id,
  e.ticketmaster_id,
  e.headliner_artist_id,
  e.venue_id,
  e.title as name,
  e.slug,
  e.starts_at,
  e.starts_at at time zone coalesce(
    (select v.timezone from public.venues as v where v.id = e.venue_id), 'UTC'
  ) as starts_local,
  e.status,
  e.ticket_url,
  e.min_price,
  e.max_price,
  e.currency,
  e.description,
  e.age_restrictions,
  e.created_at,
  e.updated_at
from public.events as e;

comment on view public.shows is 'Events under the names that a concert app knows. Updatable, but for starts_local.';
comment on column public.shows.id is 'The event.';
comment on column public.shows.ticketmaster_id is 'The id at Ticketmaster.';
comment on column public.shows.headliner_artist_id is 'Who tops the bill.';
comment on column public.shows.venue_id is 'Where.';
comment on column public.shows.name is 'Title as announced.';
comment on column public.shows.slug is 'For addresses.';
comment on column public.shows.starts_at is 'When it begins.';
comment on column public.shows.starts_local is 'The same in the time of the venue (UTC where that is unknown): its date and start time.';
comment on column public.shows.status is 'scheduled, cancelled or postponed.';
comment on column public.shows.ticket_url is 'Where to buy.';
comment on column public.shows.min_price is 'The cheapest ticket.';
comment on column public.shows.max_price is 'The dearest ticket.';
comment on column public.shows.currency is 'Of both prices.';
comment on column public.shows.description is 'Longer text.';
comment on column public.shows.age_restrictions is 'Who is let in, in words.';
comment on column public.shows.created_at is 'When the row was made.';
comment on column public.shows.updated_at is 'When the row last changed.';

create view public.user_profiles with (security_invoker = true) as
select
  p.id,
  p.username,
  p.display_name,
  p.bio,
  p.avatar_url,
  p.location,
  p.website,
  p.total_votes,
  p.total_follows,
  p.created_at,
  p.updated_at
from public.profiles as p;

comment on view public.user_profiles is 'profiles under its other name. Updatable. What only the member may see is in user_preferences.';
comment on column public.user_profiles.id is 'The member.';
comment on column public.user_profiles.username is 'Unique handle.';
comment on column public.user_profiles.display_name is 'Name shown to people.';
comment on column public.user_profiles.bio is 'A few words about the member.';
comment on column public.user_profiles.avatar_url is 'Address of the picture.';
comment on column public.user_profiles.location is 'Where the member says to be.';
comment on column public.user_profiles.website is 'The member''s web site.';
comment on column public.user_profiles.total_votes is 'How many votes the member has in setlist_votes.';
comment on column public.user_profiles.total_follows is 'How many artists the member follows.';
comment on column public.user_profiles.created_at is 'When the row was made.';
comment on column public.user_profiles.updated_at is 'When the row last changed.';

create view public.user_event_relationships with (security_invoker = true) as
select
  r.user_id,
  r.event_id,
  r.status as relationship_type,
  r.created_at,
  r.updated_at
from public.event_rsvps as r;

comment on view public.user_event_relationships is 'event_rsvps under its older name. Updatable.';
comment on column public.user_event_relationships.user_id is 'The member.';
comment on column public.user_event_relationships.event_id is 'The event.';
comment on column public.user_event_relationships.relationship_type is 'going or maybe.';
comment on column public.user_event_relationships.created_at is 'When the member answered first.';
comment on column public.user_event_relationships.updated_at is 'When the answer last changed.';

create view public.event_clusters with (security_invoker = true) as
select distinct
  e.id as event_id,
  k.cluster_path_slug,
  coalesce(v.country, '') as country
from public.events as e
inner join public.item_genres as g on g.item_id = e.id
inner join medley.genre_cluster_keys as k on k.genre_id = g.genre_id
left join public.venues as v on v.id = e.venue_id;

comment on view public.event_clusters is 'The genre clusters of each event with the country of its venue.';
comment on column public.event_clusters.event_id is 'The event.';
comment on column public.event_clusters.cluster_path_slug is 'First two segments of a genre path.';
comment on column public.event_clusters.country is 'Country of the venue; empty where unknown.';

create view public.artist_clusters with (security_invoker = true) as
select distinct
  a.id as artist_id,
  k.cluster_path_slug
from public.artists as a
inner join public.item_genres as g on g.item_id = a.id
inner join medley.genre_cluster_keys as k on k.genre_id = g.genre_id;

comment on view public.artist_clusters is 'The genre clusters of each artist.';
comment on column public.artist_clusters.artist_id is 'The artist.';
comment on column public.artist_clusters.cluster_path_slug is 'First two segments of a genre path.';

create view public.analytics_events_by_cluster with (security_invoker = true) as
select
  c.cluster_path_slug,
  c.country,
  count(*) as event_count
from public.event_clusters as c
group by c.cluster_path_slug, c.country;

comment on view public.analytics_events_by_cluster is 'How many events each genre cluster has in each country.';
comment on column public.analytics_events_by_cluster.cluster_path_slug is 'First two segments of a genre path.';
comment on column public.analytics_events_by_cluster.country is 'Country; empty where unknown.';
comment on column public.analytics_events_by_cluster.event_count is 'Events, past ones included.';

create view public.analytics_events_by_umbrella with (security_invoker = true) as
select
  k.umbrella_slug,
  count(distinct g.event_id) as event_count
from public.events_genres as g
inner join medley.genre_cluster_keys as k on k.genre_id = g.genre_id
group by k.umbrella_slug;

comment on view public.analytics_events_by_umbrella is 'How many events each umbrella genre has.';
comment on column public.analytics_events_by_umbrella.umbrella_slug is 'The umbrella.';
comment on column public.analytics_events_by_umbrella.event_count is 'Events, past ones included.';

create view public.analytics_artists_by_cluster with (security_invoker = true) as
select
  c.cluster_path_slug,
  count(*) as artist_count
from public.artist_clusters as c
group by c.cluster_path_slug;

comment on view public.analytics_artists_by_cluster is 'How many artists each genre cluster has.';
comment on column public.analytics_artists_by_cluster.cluster_path_slug is 'First two segments of a genre path.';
comment on column public.analytics_artists_by_cluster.artist_count is 'Artists.';
