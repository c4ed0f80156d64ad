-- The personalized feed: exact top rows without scoring every event.
--
--   member    what is known of the member, with the weights           event_feed_member
--   sure      events of followed artists and of friends               event_feed_sure
--   lists     posting lists that can hold other events, with bounds   event_feed_lists
--   seeds     the soonest events of the most promising lists          event_feed_seeds
--   scores    exact scores of candidates; the k-th is the threshold   event_feed_scores
--   rounds    what can still reach the threshold, until nothing can   event_feed_reaching
--   page      the rows after the cursor, with breakdown and reasons   event_feed_page
create type medley.event_feed_score as (
  event_no int, artist_follow int, friend_interest int, genre_preference int, umbrella_genre int, cluster int,
  promoted int, recency int, distance int, tickets int, score int
);
comment on type medley.event_feed_score is
  'The score of an event and its terms, in whole ten-thousandths of a point: sums are exact and the same in any order.';

create type medley.event_feed_position as (as_of timestamptz, served int, score int, event_no int);
comment on type medley.event_feed_position is
  'Where a page begins: the moment that all pages share, how many rows came before, and the last of them.';

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
    -- A day is enough for reading on; other moments are not ours, and dates far from now would overflow.
    if (v.as_of between p_as_of - interval '1 day' and p_as_of and v.served between 1 and 1000000
      and v.score is not null and v.event_no is not null) is not true then
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
        'You follow ' || (
          select i.title from medley.items as i where i.item_no = s.artist_no and i.visibility = 'public'
        )
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
  -- A public event may have a venue or a headliner that is not.
  left join public.venues as v on v.id = e.venue_id
    and exists (select from medley.items as i where i.id = v.id and i.visibility = 'public')
  left join public.artists as a on a.id = e.headliner_artist_id
    and exists (select from medley.items as i where i.id = a.id and i.visibility = 'public')
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

-- Plans are kept for the session. Those made while tables were small must still hold when they have grown: no
-- sequential scans.
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
set search_path = '' set plan_cache_mode = force_generic_plan set enable_seqscan = off
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
