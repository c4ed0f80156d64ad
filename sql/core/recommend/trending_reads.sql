-- Reading trends: from trending_cache, or among the member's friends from the log.
create or replace function medley.check_trend_arguments(
  p_kind text,
  p_time_window text,
  p_trend_type text,
  p_segment text
)
returns void
language plpgsql stable parallel safe security definer set search_path = ''
as $$
begin
  if p_kind is not null then
    perform medley.check_kind(p_kind);
  end if;
  if not exists (select from medley.trend_windows as w where w.time_window = p_time_window) then
    perform medley.fail('invalid_argument', format('there is no window %s', coalesce(left(p_time_window, 100), 'null')),
      'p_window', 'Pass hour, day, week or month.');
  end if;
  if coalesce(p_trend_type, '') not in ('global', 'genre', 'platform', 'friend_network', 'cluster') then
    perform medley.fail('invalid_argument', format('there is no trend type %s', coalesce(left(p_trend_type, 100), 'null')),
      'p_trend_type', 'Pass global, genre, platform, friend_network or cluster.');
  end if;
  if (p_trend_type in ('genre', 'platform')) <> (coalesce(p_segment, '') <> '') then
    perform medley.fail('invalid_argument', 'p_segment goes with the types genre and platform', 'p_segment',
      'Pass the slug of a genre or the name of a platform with these, and nothing with the others.');
  end if;
  if p_trend_type = 'genre' and not exists (select from public.genres as g where g.slug = p_segment) then
    perform medley.fail('not_found', format('there is no genre %s', left(p_segment, 100)), 'p_segment',
      'Pass the slug of a genre, indie-rock say.');
  end if;
end;
$$;

comment on function medley.check_trend_arguments(text, text, text, text) is
  'Refuses what get_trending cannot mean. Errors: invalid_argument, not_found (the genre).';
revoke all on function medley.check_trend_arguments(text, text, text, text)
from public, anon, authenticated, service_role;

create or replace function medley.friend_trends(p_user_id uuid, p_window medley.trend_windows, p_as_of timestamptz)
returns table (item_no int, trend_score real)
language plpgsql stable parallel safe security definer
set search_path = '' set plan_cache_mode = force_generic_plan set enable_seqscan = off
as $$
begin
  return query
  with friend as materialized (
    select m.user_no
    from medley.friends(p_user_id) as f
    inner join medley.members as m on m.user_id = f.friend_id
    where not exists (
        select from public.user_mutes as u where u.user_id = p_user_id and u.muted_id = f.friend_id
      )
      and not medley.is_blocked(p_user_id, f.friend_id)
    order by m.user_no
    limit medley.setting('trending.max_friends')
  ),

  event as (
    select e.*
    from friend as f
    cross join lateral (
      select n.user_no, n.item_no, n.occurred_at, k.weight * case when k.value_rule = 'rating' then n.value else 1 end as points
      from medley.engagements as n
      inner join medley.engagement_kinds as k on k.kind_no = n.kind_no
      where n.user_no = f.user_no
        and n.occurred_at > p_as_of - p_window.span
        and n.occurred_at <= p_as_of
        and k.social_signal is not null
        and medley.engagement_polarity(k.polarity, k.value_rule, n.value) = 1
      order by n.occurred_at desc, n.item_no, n.kind_no
      limit medley.setting('trending.max_friend_events')
    ) as e
  ),

  act as (
    select e.item_no, max(e.points)::double precision as points, max(e.occurred_at) as newest_at
    from event as e
    group by e.user_no, e.item_no, date_bin(p_window.once_per, e.occurred_at, p_as_of - p_window.span)
  )

  select
    a.item_no,
    medley.trend_score(
      sum(a.points), prior.expected,
      sum(a.points * date_part('epoch', p_as_of - a.newest_at)) / sum(a.points),
      p_window, weight.hot, weight.surprise
    )
  from act as a
  cross join (select medley.setting('trending.prior')::double precision as expected) as prior
  cross join (select medley.trend_weight('hot') as hot, medley.trend_weight('surprise') as surprise) as weight
  where a.points > 0
  group by a.item_no, prior.expected, weight.hot, weight.surprise;
end;
$$;

comment on function medley.friend_trends(uuid, medley.trend_windows, timestamptz) is
  'Scores of what the member''s friends did in the window that ends at p_as_of, muted and blocked ones left out: positive '
  'events of the kinds that tell friends something (engagement_kinds.social_signal), at most trending.max_friend_events '
  'of each of trending.max_friends.';
revoke all on function medley.friend_trends(uuid, medley.trend_windows, timestamptz)
from public, anon, authenticated, service_role;

create type medley.trend_position as (as_of timestamptz, score real, item_no int);
comment on type medley.trend_position is 'Where a page begins: the moment that all pages share, and the last row before it.';

create or replace function medley.trend_position(p_cursor text, p_query text, p_as_of timestamptz)
returns medley.trend_position
language plpgsql stable parallel safe security definer set search_path = ''
as $$
declare
  v_cursor jsonb := medley.decode_cursor(p_cursor, p_query);
  v medley.trend_position := (p_as_of, null, null);
begin
  if v_cursor is not null then
    v := jsonb_populate_record(v, v_cursor);
    if (v.as_of between p_as_of - interval '1 day' and p_as_of and v.score is not null and v.item_no is not null)
      is not true
    then
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

comment on function medley.trend_position(text, text, timestamptz) is
  'The position in a cursor of get_trending, or the beginning at p_as_of. Errors: invalid_cursor.';
revoke all on function medley.trend_position(text, text, timestamptz) from public, anon, authenticated, service_role;

-- Plans are kept for the session; those made while tables were small must hold when they have grown.
create or replace function medley.get_trending(
  p_kind text,
  p_window text,
  p_trend_type text,
  p_segment text,
  p_limit int,
  p_cursor text,
  p_user_id uuid,
  p_as_of timestamptz
)
returns table (
  item_id uuid, kind text, title text, score real, time_window text, trend_type text, segment text, next_cursor text
)
language plpgsql stable parallel safe security definer
set search_path = '' set plan_cache_mode = force_generic_plan set enable_seqscan = off
as $$
declare
  v_limit int := medley.check_limit(p_limit);
  v_user_id uuid;
  v_query text;
  v_after medley.trend_position;
  v_window medley.trend_windows;
  v_trend_type text := p_trend_type;
  v_segment text := coalesce(p_segment, '');
begin
  perform medley.check_trend_arguments(p_kind, p_window, p_trend_type, p_segment);
  -- What trends everywhere is for everybody: a visitor reads it, and the service may leave the member out.
  if p_trend_type in ('friend_network', 'cluster') or p_user_id is not null or auth.uid() is not null then
    v_user_id := medley.acting_user(p_user_id);
  end if;
  v_query := 'trending:' || md5(row(p_kind, p_window, p_trend_type, v_segment, v_user_id)::text);
  v_after := medley.trend_position(p_cursor, v_query, p_as_of);

  if p_trend_type = 'friend_network' then
    select w.* into strict v_window
    from medley.trend_windows as w
    where w.time_window = p_window;
  elsif p_trend_type = 'cluster' then
    select 'cluster', n.segment into v_trend_type, v_segment
    from medley.members as m
    inner join medley.user_clusters as c on c.user_no = m.user_no and c.cluster_type = 'taste_based'
    cross join lateral (select medley.cluster_generation() || '.' || c.cluster_no as segment) as n
    where m.user_id = v_user_id
      and exists (
        select from medley.trending_cache as t
        where t.time_window = p_window and t.trend_type = 'cluster' and t.segment = n.segment
          and (p_kind is null or t.kind = p_kind)
          and t.expires_at > p_as_of
      );
    -- Whose taste is not known yet, or whose cluster has done nothing, gets what trends everywhere.
    if not found then
      v_trend_type := 'global';
      v_segment := '';
    end if;
  end if;

  return query
  with found as (
    select c.item_no, c.trend_score
    from medley.item_kinds as k
    cross join lateral (
      select t.item_no, t.trend_score
      from medley.trending_cache as t
      inner join medley.items as i on i.item_no = t.item_no
      where t.time_window = p_window and t.trend_type = v_trend_type and t.segment = v_segment and t.kind = k.kind
        and (v_after.item_no is null or (t.trend_score, t.item_no) < (v_after.score, v_after.item_no))
        and t.expires_at > p_as_of
        and coalesce(i.expires_at > p_as_of, true)
        -- Most items are the catalogue's and everybody's.
        and (i.owner_id is null and i.visibility = 'public' or medley.may_list(v_user_id, i.id, i.owner_id))
      order by t.trend_score desc, t.item_no desc
      limit v_limit + 1
    ) as c
    where p_trend_type <> 'friend_network' and (p_kind is null or k.kind = p_kind)
    union all
    select f.item_no, f.trend_score
    from medley.friend_trends(v_user_id, v_window, v_after.as_of) as f
    inner join medley.items as i on i.item_no = f.item_no
    where p_trend_type = 'friend_network' and (p_kind is null or i.kind = p_kind)
      and (v_after.item_no is null or (f.trend_score, f.item_no) < (v_after.score, v_after.item_no))
      and coalesce(i.expires_at > p_as_of, true)
      and (i.owner_id is null and i.visibility = 'public' or medley.may_list(v_user_id, i.id, i.owner_id))
  ),

  best as materialized (
    select f.item_no, f.trend_score
    from found as f
    order by f.trend_score desc, f.item_no desc
    limit v_limit + 1
  ),

  page as materialized (
    select b.item_no, b.trend_score
    from best as b
    order by b.trend_score desc, b.item_no desc
    limit v_limit
  )

  select
    i.id, i.kind, i.title, p.trend_score, p_window, v_trend_type, p_segment,
    (
      select medley.encode_cursor(v_query,
        jsonb_build_object('as_of', v_after.as_of, 'score', l.trend_score, 'item_no', l.item_no))
      from page as l
      where (select count(*) from best) > v_limit
      order by l.trend_score, l.item_no
      limit 1
    )
  from page as p
  inner join medley.items as i on i.item_no = p.item_no
  order by p.trend_score desc, p.item_no desc;
end;
$$;

comment on function medley.get_trending(text, text, text, text, int, text, uuid, timestamptz) is
  'public.get_trending at the moment p_as_of.';
revoke all on function medley.get_trending(text, text, text, text, int, text, uuid, timestamptz)
from public, anon, authenticated, service_role;
grant execute on function medley.get_trending(text, text, text, text, int, text, uuid, timestamptz)
to anon, authenticated, service_role;
