-- The feed as one would write it by hand, straight from the tables: every upcoming event is scored, then sorted.
-- The reference for the benchmark (time) and for the property test (the same rows, the same scores).
create function tests.plain_feed(p_user_id uuid, p_limit int, p_as_of timestamptz)
returns table (event_id uuid, score numeric, breakdown jsonb)
language sql stable
as $$
  with points as (
    select jsonb_object_agg(w.term, to_jsonb(w)) as term
    from medley.ranker_weights as w where w.ranker = 'event_feed'
  ),

  weight as materialized (
    select
      (term -> 'artist_follow' ->> 'weight')::float8 as artist_follow,
      (term -> 'friend_interest' ->> 'weight')::float8 as friend_interest,
      (term -> 'friend_interest' ->> 'cap')::float8 as friend_interest_cap,
      (term -> 'genre_preference' ->> 'weight')::float8 as genre_preference,
      (term -> 'genre_preference' ->> 'cap')::float8 as genre_preference_cap,
      (term -> 'umbrella_genre' ->> 'weight')::float8 as umbrella_genre,
      (term -> 'cluster' ->> 'weight')::float8 as cluster,
      (term -> 'cluster' ->> 'cap')::float8 as cluster_cap,
      (term -> 'promoted' ->> 'weight')::float8 as promoted,
      (term -> 'recency' ->> 'weight')::float8 as recency,
      (term -> 'recency' ->> 'scale')::float8 as recency_days,
      (term -> 'distance' ->> 'weight')::float8 as distance,
      (term -> 'tickets' ->> 'weight')::float8 as tickets
    from points
  ),

  user_genres as (
    select distinct g.id
    from public.user_preferences as p
    cross join unnest(p.genre_preferences) as r (raw)
    left join medley.genre_aliases as a on a.alias_key = public.normalize_genre_key(r.raw)
    inner join public.genres as g on g.normalized_key = coalesce(a.genre_key, public.normalize_genre_key(r.raw))
    where p.user_id = p_user_id
  ),

  user_umbrella_genre_ids as (
    select distinct u.genre_id
    from (
      select distinct split_part(p.path_slug, '.', 1) as slug
      from user_genres as g inner join public.genre_paths as p on p.genre_id = g.id
    ) as s
    cross join lateral public.get_genres_under_umbrella(s.slug, 5) as u (genre_id)
  ),

  friends as (
    select f.followed_id as id
    from public.follows as f
    inner join public.follows as b on b.follower_id = f.followed_id and b.followed_id = f.follower_id
    where f.follower_id = p_user_id
      and not exists (
        select from public.user_mutes as m where m.user_id = p_user_id and m.muted_id = f.followed_id
      )
  ),

  event_candidates as (
    select
      e.*,
      i.item_no,
      v.latitude,
      v.longitude
    from public.events as e
    inner join medley.items as i on i.id = e.id
    left join public.venues as v on v.id = e.venue_id
    where e.starts_at >= p_as_of and e.status = 'scheduled' and i.visibility = 'public'
  ),

  event_cluster_scores as (
    select c.event_id, sum(a.score)::float8 as cluster_score
    from public.event_clusters as c
    inner join medley.user_cluster_affinity as a
      on a.cluster_path_slug = c.cluster_path_slug and a.country = c.country
    inner join medley.members as m on m.user_no = a.user_no and m.user_id = p_user_id
    group by c.event_id
  ),

  event_friends as (
    select r.event_id, count(*) as friends
    from public.event_rsvps as r inner join friends as f on f.id = r.user_id
    group by r.event_id
  ),

  followed_events as (
    select e.id as event_id
    from event_candidates as e
    inner join public.item_follows as f on f.item_id = e.headliner_artist_id and f.user_id = p_user_id
    union
    select a.event_id
    from public.event_artists as a
    inner join public.item_follows as f on f.item_id = a.artist_id and f.user_id = p_user_id
  ),

  genre_matches as (
    select eg.item_id as event_id, count(*) as matches
    from public.item_genres as eg inner join user_genres as g on g.id = eg.genre_id
    group by eg.item_id
  ),

  umbrella_events as (
    select distinct eg.item_id as event_id
    from public.item_genres as eg inner join user_umbrella_genre_ids as u on u.genre_id = eg.genre_id
  ),

  scored_events as (
    select
      e.id,
      e.item_no,
      case when fe.event_id is null then 0 else w.artist_follow end as artist_follow,
      least(coalesce(ef.friends, 0) * w.friend_interest, w.friend_interest_cap) as friend_interest,
      least(coalesce(gm.matches, 0) * w.genre_preference, w.genre_preference_cap) as genre_preference,
      case when ue.event_id is null then 0 else w.umbrella_genre end as umbrella_genre,
      least(coalesce(ecs.cluster_score, 0) * w.cluster, w.cluster_cap) as cluster,
      case when e.promoted then w.promoted else 0 end as promoted,
      w.recency * power(
        0.5::float8, least((extract(epoch from e.starts_at - p_as_of) / 86400)::float8 / w.recency_days, 1000)
      ) as recency,
      coalesce(w.distance * greatest(0, 1 - extensions.st_distancesphere(
        extensions.st_setsrid(extensions.st_makepoint(e.longitude, e.latitude), 4326),
        extensions.st_setsrid(extensions.st_makepoint(p.home_longitude, p.home_latitude), 4326)
      ) / 1000 / p.radius_km), 0) as distance,
      case when e.ticket_available then w.tickets else 0 end as tickets
    from event_candidates as e
    cross join weight as w
    left join public.user_preferences as p on p.user_id = p_user_id
    left join event_cluster_scores as ecs on ecs.event_id = e.id
    left join event_friends as ef on ef.event_id = e.id
    left join followed_events as fe on fe.event_id = e.id
    left join genre_matches as gm on gm.event_id = e.id
    left join umbrella_events as ue on ue.event_id = e.id
  ),

  best as (
    select
      s.*,
      round(10000 * s.artist_follow) + round(10000 * s.friend_interest) + round(10000 * s.genre_preference)
      + round(10000 * s.umbrella_genre) + round(10000 * s.cluster) + round(10000 * s.promoted)
      + round(10000 * s.recency) + round(10000 * s.distance) + round(10000 * s.tickets) as score
    from scored_events as s
    order by score desc, s.item_no
    limit p_limit
  )

  select
    b.id,
    (b.score / 10000)::numeric(12, 4),
    (
      select jsonb_object_agg(t.key, round(t.value::float8::numeric, 4))
      from jsonb_each_text(to_jsonb(b) - 'id' - 'item_no' - 'score') as t
      where round(10000 * t.value::float8) <> 0
    )
  from best as b
  order by b.score desc, b.item_no
$$;
