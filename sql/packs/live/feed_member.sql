-- The feed's weights, and a member as the feed sees them.
insert into medley.ranker_weights (ranker, term, weight, cap, scale, description)
values
  ('event_feed', 'artist_follow', 30, null, null, 'The member follows an artist of the event.'),
  ('event_feed', 'friend_interest', 5, 20, null, 'For each friend who goes or may go.'),
  ('event_feed', 'genre_preference', 8, 16, null, 'For each genre of the event that the member named.'),
  (
    'event_feed', 'umbrella_genre', 15, null, null,
    'A genre of the event shares an umbrella with one that the member named.'
  ),
  ('event_feed', 'cluster', 2, 20, null, 'For each point of affinity to the event''s clusters in its country.'),
  ('event_feed', 'promoted', 5, null, null, 'The event is promoted.'),
  ('event_feed', 'recency', 10, null, 30, 'At the start of the event; halves with every scale days before it.'),
  ('event_feed', 'distance', 15, null, null, 'At home; falls linearly to nothing at the member''s radius.'),
  ('event_feed', 'tickets', 3, null, null, 'Tickets are available.');

create view medley.event_feed_weights as
select
  greatest(coalesce(max(w.weight) filter (where w.term = 'artist_follow'), 0), 0)::double precision as artist_follow,
  greatest(coalesce(max(w.weight) filter (where w.term = 'friend_interest'), 0), 0)::double precision
  as friend_interest,
  greatest(coalesce(max(w.cap) filter (where w.term = 'friend_interest'), 'infinity'), 0)::double precision
  as friend_interest_cap,
  greatest(coalesce(max(w.weight) filter (where w.term = 'genre_preference'), 0), 0)::double precision
  as genre_preference,
  greatest(coalesce(max(w.cap) filter (where w.term = 'genre_preference'), 'infinity'), 0)::double precision
  as genre_preference_cap,
  greatest(coalesce(max(w.weight) filter (where w.term = 'umbrella_genre'), 0), 0)::double precision as umbrella_genre,
  greatest(coalesce(max(w.weight) filter (where w.term = 'cluster'), 0), 0)::double precision as cluster,
  greatest(coalesce(max(w.cap) filter (where w.term = 'cluster'), 'infinity'), 0)::double precision as cluster_cap,
  greatest(coalesce(max(w.weight) filter (where w.term = 'promoted'), 0), 0)::double precision as promoted,
  greatest(coalesce(max(w.weight) filter (where w.term = 'recency'), 0), 0)::double precision as recency,
  greatest(coalesce(max(w.scale) filter (where w.term = 'recency'), 30), 0)::double precision as recency_days,
  greatest(coalesce(max(w.weight) filter (where w.term = 'distance'), 0), 0)::double precision as distance,
  greatest(coalesce(max(w.weight) filter (where w.term = 'tickets'), 0), 0)::double precision as tickets
from medley.ranker_weights as w
where w.ranker = 'event_feed';

comment on view medley.event_feed_weights is
  'The weights of the event feed as one row; bounds need them non-negative, so less than 0 counts as 0.';
revoke all on medley.event_feed_weights from public, anon, authenticated, service_role;

create type medley.event_feed_member as (
  user_id uuid,
  as_of timestamptz,
  home extensions.geometry,
  radius_km double precision,
  genre_nos int[],
  umbrella_nos int[],
  cluster_nos int[],
  cluster_scores double precision[],
  cluster_bounds double precision[],
  weights medley.event_feed_weights
);
comment on type medley.event_feed_member is
  'A member as the feed sees them: home and radius, the genres they named (rare ones first) with their umbrellas, cluster affinities '
  '(cluster_nos, cluster_scores and, in points, cluster_bounds in parallel), and the weights.';

create or replace function medley.event_feed_member(p_user_id uuid, p_as_of timestamptz)
returns medley.event_feed_member
language plpgsql stable parallel safe security definer
set search_path = '' set plan_cache_mode = force_generic_plan
as $$
declare
  v medley.event_feed_member;
  v_genres text[];
  v_genre_ids uuid[];
begin
  v.user_id := p_user_id;
  v.as_of := p_as_of;
  v.weights := (select w from medley.event_feed_weights as w);

  select
    extensions.st_setsrid(extensions.st_makepoint(u.home_longitude, u.home_latitude), 4326), u.radius_km,
    u.genre_preferences
  into v.home, v.radius_km, v_genres
  from public.user_preferences as u
  where u.user_id = p_user_id;

  if cardinality(v_genres) > 0 then
    select array_agg(g.id), array_agg(g.genre_no order by m.artist_count) into v_genre_ids, v.genre_nos
    from medley.genres_named(v_genres) as g
    left join medley.genre_marginals as m on m.genre_id = g.id;

    select array_agg(distinct p.ancestor_nos[1]) into v.umbrella_nos
    from public.genre_paths as p
    where p.genre_id = any(v_genre_ids);
  end if;

  -- All clusters of an event are in one country, so what the country's clusters sum to is the most that it can have.
  select
    array_agg(c.cluster_no), array_agg(c.score),
    array_agg(least(c.country_score * (v.weights).cluster, (v.weights).cluster_cap))
  into v.cluster_nos, v.cluster_scores, v.cluster_bounds
  from (
    select k.cluster_no, a.score::double precision as score, sum(a.score) over (partition by a.country) as country_score
    from medley.user_cluster_affinity as a
    inner join medley.event_cluster_keys as k
      on k.cluster_path_slug = a.cluster_path_slug and k.country = a.country
    where a.user_no = (select m.user_no from medley.members as m where m.user_id = p_user_id)
  ) as c;
  return v;
end;
$$;

comment on function medley.event_feed_member(uuid, timestamptz) is
  'What the feed knows of a member at p_as_of; empty parts for a member without history.';
revoke all on function medley.event_feed_member(uuid, timestamptz) from public, anon, authenticated, service_role;
