-- The personalized feed: exact top rows without scoring every event.
--
-- A score is a sum of terms, each with a maximum from ranker_weights. The pipeline:
--   profile   what is known of the member, with the weights           event_feed_profile
--   sure      events of followed artists and of friends               event_feed_sure
--   lists     posting lists that can hold other events, with bounds   event_feed_lists
--   seeds     the soonest events of the most promising lists
--   score     exact scores of candidates                              event_feed_scores
--   widen     every list, down to where its bound falls below the k-th best score so far
-- Lists are ordered cluster, genre, umbrella, all, and near before far: an event counts for the first that holds it, so
-- a list's bound leaves out the terms of those before it (the MaxScore rule of inverted indexes, Turtle and Flood
-- 1995).
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

create type medley.event_feed_sure_event as (event_no int, artist_no int, friends int);
comment on type medley.event_feed_sure_event is
  'An event of an artist that the member follows (item_no of one of them; null for none), or that this many friends go or '
  'may go to.';

create type medley.event_feed_list as (list medley.event_list, list_no int, cell_no int, bound double precision);
comment on type medley.event_feed_list is
  'A posting list, and the most points that the terms of taste and distance can give to an event that no list before it '
  'holds.';

create type medley.event_feed_position as (as_of timestamptz, served int, score int, event_no int);
comment on type medley.event_feed_position is
  'Where a page begins: the moment that all pages share, how many rows came before, and the last of them.';

create type medley.event_feed_score as (
  event_no int, artist_follow int, friend_interest int, genre_preference int, umbrella_genre int, cluster int,
  promoted int, recency int, distance int, tickets int, score int
);
comment on type medley.event_feed_score is
  'The score of an event and its terms, in whole ten-thousandths of a point: sums are exact and the same in any order.';

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

create or replace function medley.event_feed_sure(p_user_id uuid, p_as_of timestamptz)
returns table (event_no int, artist_no int, friends int)
language sql stable parallel safe security invoker
begin atomic
  select s.event_no, min(s.artist_no), sum(s.friend)::int
  from (
    select p.event_no, p.list_no as artist_no, 0 as friend
    from public.item_follows as f
    inner join medley.items as i on i.id = f.item_id
    inner join medley.event_postings as p on p.list = 'artist' and p.list_no = i.item_no and p.cell_no = 0
    where f.user_id = p_user_id and p.starts_at >= p_as_of
    union all
    select u.event_no, null, 1
    from medley.friends(p_user_id) as f
    inner join public.event_rsvps as r on r.user_id = f.friend_id
    inner join medley.upcoming_events as u on u.event_id = r.event_id
    where u.starts_at >= p_as_of
  ) as s
  group by s.event_no;
end;

comment on function medley.event_feed_sure(uuid, timestamptz) is
  'Every upcoming event of an artist that the member follows, or that friends of theirs go or may go to.';
revoke all on function medley.event_feed_sure(uuid, timestamptz) from public, anon, authenticated, service_role;

create or replace function medley.event_feed_lists(p_member medley.event_feed_member)
returns setof medley.event_feed_list
language sql stable parallel safe security invoker
begin atomic
  with member as materialized (
    select
      (p_member).*,
      ((p_member).weights).umbrella_genre as umbrella,
      ((p_member).weights).distance as distance,
      ((p_member).weights).genre_preference as genre,
      ((p_member).weights).genre_preference_cap as genre_cap
  ),

  list as (
    select
      'cluster'::medley.event_list as list,
      c.no as list_no,
      c.bound + coalesce(least(m.genre * cardinality(m.genre_nos), m.genre_cap), 0) + m.umbrella as bound
    from member as m cross join lateral unnest(m.cluster_nos, m.cluster_bounds) as c (no, bound)
    union all
    -- Of n genres the i-th list leaves at most n - i + 1 to an event that is in none before it: rare genres come first,
    -- so the longest list has the lowest bound.
    select 'genre', g.no, least(m.genre * (cardinality(m.genre_nos) - g.position + 1), m.genre_cap) + m.umbrella
    from member as m cross join lateral unnest(m.genre_nos) with ordinality as g (no, position)
    union all
    select 'umbrella', u.no, m.umbrella
    from member as m cross join lateral unnest(m.umbrella_nos) as u (no)
  ),

  cell as materialized (
    select c.cell_no, c.is_fine, m.distance * (1 - c.least_km / m.radius_km) as bound
    from member as m cross join lateral medley.cells_around(m.home, m.radius_km) as c
    where c.least_km < m.radius_km
  )

  select l.list, l.list_no, 0, l.bound
  from list as l
  union all
  select l.list, l.list_no, c.cell_no, l.bound + c.bound
  from list as l
  inner join cell as c on not c.is_fine
  union all
  select 'all', 0, 0, 0
  union all
  select 'all', 0, c.cell_no, c.bound
  from cell as c
  where c.is_fine;
end;

comment on function medley.event_feed_lists(medley.event_feed_member) is
  'The posting lists that together hold every upcoming event, with their bounds (artists and friends aside, which '
  'event_feed_sure covers).';
revoke all on function medley.event_feed_lists(medley.event_feed_member) from public, anon, authenticated, service_role;

create or replace function medley.event_feed_seeds(
  p_lists medley.event_feed_list[], p_as_of timestamptz, p_count int
)
returns table (event_no int)
language sql stable parallel safe security invoker
begin atomic
  -- Were the lists read in another order, the threshold would only be lower and more events scored.
  select p.event_no
  from (
    select l.list, l.list_no, l.cell_no
    from unnest(p_lists) as l
    order by l.bound desc
    offset 0
  ) as l
  cross join (values (true), (false)) as c (promoted)
  cross join lateral (
    select q.event_no
    from medley.event_postings as q
    where q.list = l.list and q.list_no = l.list_no and q.cell_no = l.cell_no and q.promoted = c.promoted
      and q.starts_at >= p_as_of
    order by q.starts_at
    limit 8
  ) as p
  limit p_count;
end;

comment on function medley.event_feed_seeds(medley.event_feed_list[], timestamptz, int) is
  'Some p_count events that are likely to score high, not all distinct: the soonest of the lists that promise most. '
  'The first threshold comes from them.';
revoke all on function medley.event_feed_seeds(medley.event_feed_list[], timestamptz, int)
from public, anon, authenticated, service_role;

create or replace function medley.soonest_events(p_as_of timestamptz, p_count int)
returns table (event_no int)
language sql stable parallel safe security invoker
begin atomic
  select u.event_no
  from medley.upcoming_events as u
  where u.starts_at >= p_as_of
  order by u.starts_at
  limit p_count;
end;

comment on function medley.soonest_events(timestamptz, int) is 'The p_count events that begin soonest.';
revoke all on function medley.soonest_events(timestamptz, int) from public, anon, authenticated, service_role;

create or replace function medley.event_feed_reaching(
  p_member medley.event_feed_member,
  p_lists medley.event_feed_list[],
  p_threshold int,
  p_except int[],
  p_count int
)
returns table (event_no int)
language sql stable parallel safe security invoker
begin atomic
  with member as materialized (
    select
      (p_member).as_of,
      ((p_member).weights).promoted,
      ((p_member).weights).tickets,
      ((p_member).weights).recency,
      ((p_member).weights).recency_days / ln(2.0::double precision) as days_per_e
  ),

  -- What recency must still give an event of the list without tickets; five ten-thousandths for the rounding of terms.
  need as materialized (
    select
      m.*, l.list, l.list_no, l.cell_no, l.bound, c.is_promoted,
      (p_threshold - 5) / 10000.0::double precision - l.bound - case when c.is_promoted then m.promoted else 0 end
      as points
    from unnest(p_lists) as l
    cross join member as m
    cross join (values (false), (true)) as c (is_promoted)
  ),

  -- Recency falls with the start, so that is the same as a last start.
  reach as materialized (
    select
      n.*,
      case when n.points - n.tickets <= 0 then 'infinity'
        else n.as_of + interval '1 day' * (n.days_per_e * ln(n.recency / (n.points - n.tickets)))
      end as last_start,
      case
        when n.points <= 0 then 'infinity'
        when n.points > n.recency then '-infinity'
        else n.as_of + interval '1 day' * (n.days_per_e * ln(n.recency / n.points))
      end as last_start_without_tickets
    from need as n
    where n.points - n.tickets <= n.recency
    order by n.bound desc
  )

  select p.event_no
  from reach as r
  cross join lateral (
    select q.event_no
    from medley.event_postings as q
    where q.list = r.list and q.list_no = r.list_no and q.cell_no = r.cell_no and q.promoted = r.is_promoted
      and q.starts_at >= r.as_of
      and q.starts_at <= r.last_start
      and (q.ticket_available or q.starts_at <= r.last_start_without_tickets)
    order by q.starts_at
    offset 0
  ) as p
  where p.event_no not in (select e.no from unnest(p_except) as e (no))
  limit p_count;
end;

comment on function medley.event_feed_reaching(medley.event_feed_member, medley.event_feed_list[], int, int[], int) is
  'Upcoming events whose score can reach p_threshold (ten-thousandths), those of p_except and event_feed_sure aside: at '
  'most p_count, not all distinct, promising lists first. Fewer than p_count are all that there are.';
revoke all on function medley.event_feed_reaching(medley.event_feed_member, medley.event_feed_list[], int, int[], int)
from public, anon, authenticated, service_role;

create or replace function medley.event_feed_scores(
  p_member medley.event_feed_member,
  p_event_nos int[],
  p_sure medley.event_feed_sure_event[]
)
returns setof medley.event_feed_score
language sql stable parallel safe security invoker
begin atomic
  with member as materialized (
    select (p_member).*
  ),

  weight as materialized (
    select ((p_member).weights).*
  ),

  term as materialized (
    select
      e.event_no,
      round(10000 * case when s.artist_no is not null then w.artist_follow else 0 end)::int as artist_follow,
      round(10000 * least(w.friend_interest * coalesce(s.friends, 0), w.friend_interest_cap))::int as friend_interest,
      case when e.genre_nos && m.genre_nos then round(10000 * least(
        w.genre_preference * (select count(*) from unnest(e.genre_nos) as g (no) where g.no = any(m.genre_nos)),
        w.genre_preference_cap
      ))::int else 0 end as genre_preference,
      round(10000 * case when e.umbrella_nos && m.umbrella_nos then w.umbrella_genre else 0 end)::int as umbrella_genre,
      -- LEAST ignores NULL: outside the member's clusters the sum is NULL, and LEAST would give the cap.
      case when e.cluster_nos && m.cluster_nos then round(10000 * least(
        w.cluster * (
          select sum(m.cluster_scores[array_position(m.cluster_nos, c.no)])
          from unnest(e.cluster_nos) as c (no)
        ),
        w.cluster_cap
      ))::int else 0 end as cluster,
      round(10000 * case when e.promoted then w.promoted else 0 end)::int as promoted,
      -- Beyond a thousand half-lives exp would raise an underflow; the term has been 0 for long.
      round(10000 * w.recency * exp(greatest(
        ln(0.5::double precision) * date_part('epoch', e.starts_at - m.as_of) / (86400 * w.recency_days), -700
      )))::int as recency,
      round(10000 * w.distance * coalesce(
        greatest(0, 1 - extensions.st_distancesphere(e.location, m.home) / (1000 * m.radius_km)), 0
      ))::int as distance,
      round(10000 * case when e.ticket_available then w.tickets else 0 end)::int as tickets
    from unnest(p_event_nos) as c (event_no)
    inner join medley.upcoming_events as e on e.event_no = c.event_no
    cross join member as m
    cross join weight as w
    left join unnest(p_sure) as s on s.event_no = e.event_no
  )

  select
    t.*,
    t.artist_follow + t.friend_interest + t.genre_preference + t.umbrella_genre + t.cluster
    + t.promoted + t.recency + t.distance + t.tickets
  from term as t;
end;

comment on function medley.event_feed_scores(medley.event_feed_member, int[], medley.event_feed_sure_event[]) is
  'The exact score of these events for the member, term by term. p_sure: all of event_feed_sure.';
revoke all on function medley.event_feed_scores(medley.event_feed_member, int[], medley.event_feed_sure_event[])
from public, anon, authenticated, service_role;

create or replace function medley.event_feed_position(p_cursor text, p_user_id uuid, p_as_of timestamptz)
returns medley.event_feed_position
language plpgsql stable parallel safe security definer set search_path = ''
as $$
declare
  v_cursor jsonb := medley.decode_cursor(p_cursor, 'event_feed:' || p_user_id);
  v medley.event_feed_position := (p_as_of, 0, null, null);
begin
  if v_cursor is not null then
    v := jsonb_populate_record(v, v_cursor);
    if v.as_of is null or not isfinite(v.as_of) or v.served not between 1 and 100000
      or v.score is null or v.event_no is null then
      perform medley.fail('invalid_cursor', 'the cursor is damaged', 'p_cursor', 'Start again without a cursor.');
    end if;
  end if;
  return v;
exception
  when data_exception then
    perform medley.fail('invalid_cursor', 'the cursor is damaged', 'p_cursor', 'Start again without a cursor.');
    return null;
end;
$$;

comment on function medley.event_feed_position(text, uuid, timestamptz) is
  'The position in a cursor of this member''s feed, or the beginning at p_as_of. Errors: invalid_cursor.';
revoke all on function medley.event_feed_position(text, uuid, timestamptz)
from public, anon, authenticated, service_role;

create or replace function medley.event_feed_page(
  p_member medley.event_feed_member,
  p_after medley.event_feed_position,
  p_limit int,
  p_scores medley.event_feed_score[],
  p_sure medley.event_feed_sure_event[]
)
returns table (
  event_id uuid, title text, starts_at timestamptz, venue_name text, city text, country text, headliner text,
  genres text[], distance_km double precision, score numeric, breakdown jsonb, reasons text[], next_cursor text
)
language sql stable parallel safe security invoker
begin atomic
  with best as materialized (
    select s.*
    from unnest(p_scores) as s
    where (p_after).score is null or (s.score, -s.event_no) < ((p_after).score, -(p_after).event_no)
    order by s.score desc, s.event_no
    limit p_limit + 1
  ),

  page as materialized (
    select b.*
    from best as b
    order by b.score desc, b.event_no
    limit p_limit
  ),

  -- The cursor of the last row, and only if a row follows.
  following as materialized (
    select medley.encode_cursor(
      'event_feed:' || (p_member).user_id,
      jsonb_build_object(
        'as_of', (p_member).as_of, 'served', (p_after).served + p_limit, 'score', l.score, 'event_no', l.event_no
      )
    ) as next_cursor
    from page as l
    where (select count(*) from best) > p_limit
    order by l.score, l.event_no desc
    limit 1
  ),

  member as materialized (
    select (p_member).*
  ),

  genre as materialized (
    select g.genre_no, g.name
    from member as m
    inner join public.genres as g on g.genre_no = any(m.genre_nos)
  ),

  umbrella as materialized (
    select n.path_no, g.name
    from member as m
    inner join public.genre_paths as n on n.path_no = any(m.umbrella_nos)
    inner join public.genres as g on g.id = n.genre_id
  )

  select
    e.id, e.title, e.starts_at, v.name, v.city, v.country, a.name, e.genres, d.km, p.score * 0.0001,
    jsonb_strip_nulls(jsonb_build_object(
      'artist_follow', nullif(p.artist_follow, 0) * 0.0001,
      'friend_interest', nullif(p.friend_interest, 0) * 0.0001,
      'genre_preference', nullif(p.genre_preference, 0) * 0.0001,
      'umbrella_genre', nullif(p.umbrella_genre, 0) * 0.0001,
      'cluster', nullif(p.cluster, 0) * 0.0001,
      'promoted', nullif(p.promoted, 0) * 0.0001,
      'recency', nullif(p.recency, 0) * 0.0001,
      'distance', nullif(p.distance, 0) * 0.0001,
      'tickets', nullif(p.tickets, 0) * 0.0001
    )),
    array_remove(array[
      case when p.artist_follow > 0 then
        'You follow ' || (select i.title from medley.items as i where i.item_no = s.artist_no)
      end,
      case when p.friend_interest > 0 then
        case s.friends when 1 then '1 friend is' else s.friends || ' friends are' end || ' interested'
      end,
      case when p.genre_preference > 0 then
        'You like '
        || (select string_agg(g.name, ', ' order by g.name) from genre as g where g.genre_no = any(u.genre_nos))
      end,
      case when p.umbrella_genre > 0 then
        'Close to your genres: '
        || (select string_agg(n.name, ', ' order by n.name) from umbrella as n where n.path_no = any(u.umbrella_nos))
      end,
      case when p.cluster > 0 then 'Like events you went to' end,
      case when p.distance > 0 then d.km || ' km from home' end,
      case when p.recency > 0 and e.starts_at < m.as_of + interval '7 days' then 'Within a week' end,
      case when p.promoted > 0 then 'Promoted' end,
      case when p.tickets > 0 then 'Tickets available' end
    ], null),
    (select f.next_cursor from following as f)
  from page as p
  cross join member as m
  inner join medley.upcoming_events as u on u.event_no = p.event_no
  inner join public.events as e on e.id = u.event_id
  left join public.venues as v on v.id = e.venue_id
  left join public.artists as a on a.id = e.headliner_artist_id
  left join unnest(p_sure) as s on s.event_no = p.event_no
  cross join lateral (
    select round(extensions.st_distancesphere(u.location, m.home) / 100) / 10 as km
  ) as d
  order by p.score desc, p.event_no;
end;

comment on function medley.event_feed_page(
  medley.event_feed_member, medley.event_feed_position, int, medley.event_feed_score[], medley.event_feed_sure_event[]
) is 'The page of the feed after a position, from the scores of the candidates, with breakdown, reasons and cursor.';
revoke all on function medley.event_feed_page(
  medley.event_feed_member, medley.event_feed_position, int, medley.event_feed_score[], medley.event_feed_sure_event[]
) from public, anon, authenticated, service_role;

create or replace function medley.get_personalized_feed_v3(
  p_user_id uuid,
  p_limit int,
  p_cursor text,
  p_as_of timestamptz
)
returns table (
  event_id uuid, title text, starts_at timestamptz, venue_name text, city text, country text, headliner text,
  genres text[], distance_km double precision, score numeric, breakdown jsonb, reasons text[], next_cursor text
)
language plpgsql stable parallel safe security definer
set search_path = '' set plan_cache_mode = force_generic_plan
as $$
declare
  v_user_id uuid := medley.acting_user(p_user_id);
  v_limit int := medley.check_limit(p_limit);
  v_after medley.event_feed_position := medley.event_feed_position(p_cursor, v_user_id, p_as_of);
  v_member medley.event_feed_member := medley.event_feed_member(v_user_id, v_after.as_of);
  v_wanted int := v_after.served + v_limit + 1;
  v_sure medley.event_feed_sure_event[];
  v_lists medley.event_feed_list[];
  v_events int[];
  v_scored int[];
  v_threshold int;
  v_scores medley.event_feed_score[];
  c_round constant int := 200;
  v_found int := c_round;
begin
  select array_agg((s.event_no, s.artist_no, s.friends)::medley.event_feed_sure_event) into v_sure
  from medley.event_feed_sure(v_user_id, v_after.as_of) as s;

  select array_agg(l) into v_lists
  from medley.event_feed_lists(v_member) as l;

  select array_agg(distinct c.event_no) into v_events
  from (
    select s.event_no from unnest(v_sure) as s
    union all
    select s.event_no from medley.event_feed_seeds(v_lists, v_after.as_of, 2 * v_wanted) as s
  ) as c;

  if coalesce(cardinality(v_events), 0) < v_wanted then
    select array_agg(c.event_no) into v_events
    from (
      select e.event_no from unnest(v_events) as e (event_no)
      union
      select s.event_no from medley.soonest_events(v_after.as_of, v_wanted) as s
    ) as c;
  end if;

  -- Each round scores more of what can still reach the threshold, and so lifts it, until nothing is left. Without a
  -- threshold there are fewer events than wanted, and every one of them counts.
  loop
    select v_scores || array_agg(s) into v_scores
    from medley.event_feed_scores(v_member, v_events, v_sure) as s;
    exit when v_found < c_round;

    v_scored := v_scored || v_events;
    select s.score into v_threshold
    from unnest(v_scores) as s
    order by s.score desc
    offset v_wanted - 1
    limit 1;

    select array_agg(distinct r.event_no), count(*) into v_events, v_found
    from medley.event_feed_reaching(v_member, v_lists, coalesce(v_threshold, 0), v_scored, c_round) as r;
  end loop;

  return query
  select p.*
  from medley.event_feed_page(v_member, v_after, v_limit, v_scores, v_sure) as p;
end;
$$;

comment on function medley.get_personalized_feed_v3(uuid, int, text, timestamptz) is
  'public.get_personalized_feed_v3 at the moment p_as_of.';
revoke all on function medley.get_personalized_feed_v3(uuid, int, text, timestamptz)
from public, anon, authenticated, service_role;
grant execute on function medley.get_personalized_feed_v3(uuid, int, text, timestamptz) to authenticated, service_role;
