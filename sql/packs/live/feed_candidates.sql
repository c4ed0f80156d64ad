-- Which events can be among the best for a member: the sure ones, and those of the posting lists whose bounds reach.
-- Lists are ordered cluster, genre, umbrella, all, and near before far: an event counts for the first that holds it, so
-- a list's bound leaves out the terms of those before it (MaxScore, of inverted indexes: Turtle and Flood 1995).
create type medley.event_feed_sure_event as (event_no int, artist_no int, friends int);
comment on type medley.event_feed_sure_event is
  'An event of an artist that the member follows (item_no of one of them; null for none), or that this many friends go or '
  'may go to.';

create type medley.event_feed_list as (list medley.event_list, list_no int, cell_no int, bound double precision);
comment on type medley.event_feed_list is
  'A posting list, and the most points that the terms of taste and distance can give to an event that no list before it '
  'holds.';

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
      and f.friend_id not in (select m.muted_id from public.user_mutes as m where m.user_id = p_user_id)
  ) as s
  group by s.event_no;
end;

comment on function medley.event_feed_sure(uuid, timestamptz) is
  'Every upcoming event of an artist that the member follows, or that friends of theirs, muted ones aside, go or '
  'may go to.';
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

  -- Recency falls with the start, so that is the same as a last start. In hours: days differ where clocks are changed.
  reach as materialized (
    select
      n.*,
      case when n.points - n.tickets <= 0 then 'infinity'
        else n.as_of + interval '24 hours' * (n.days_per_e * ln(n.recency / (n.points - n.tickets)))
      end as last_start,
      case
        when n.points <= 0 then 'infinity'
        when n.points > n.recency then '-infinity'
        else n.as_of + interval '24 hours' * (n.days_per_e * ln(n.recency / n.points))
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
