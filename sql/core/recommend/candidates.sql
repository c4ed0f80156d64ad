-- Pages computed ahead. A page is used while it is true: nothing that the member did, and no weight, is newer.
create or replace function medley.page_ahead(p_user_no int, p_user_id uuid, p_limit int, p_as_of timestamptz)
returns table (
  item_id uuid, kind text, title text, score real, algorithm text, place int, reason text, breakdown jsonb,
  page_nos int[]
)
language plpgsql stable parallel safe security definer
set search_path = '' set plan_cache_mode = force_generic_plan set enable_seqscan = off
as $$
declare
  v_impression smallint;
  v_shown_since timestamptz;
begin
  -- Still true: nothing that the member did, and no weight, is newer.
  select k.kind_no, p_as_of - s.value::float8 * interval '1 hour'
  into v_impression, v_shown_since
  from medley.recommendation_candidates as c
  inner join medley.engagement_kinds as k on k.kind = 'impression'
  inner join medley.settings as s on s.key = 'recommend.shown_hours'
  left join medley.member_activity as a on c.user_no = a.user_no
  where c.user_no = p_user_no
    and c.rank = 1
    and c.generated_at <= p_as_of
    and c.expires_at > p_as_of
    and (a.last_written_at is null or a.last_written_at < c.generated_at)
    and not exists (
      select from medley.ranker_weights as w
      where w.ranker = 'recommendations' and w.updated_at >= c.generated_at
    );
  if not found then
    return;
  end if;

  return query
  with page as materialized (
    select c.item_no, i.id, i.kind, i.title, c.final_score, c.algorithm_type, c.explanation,
      row_number() over (order by c.rank)::int as place
    from medley.recommendation_candidates as c
    inner join medley.items as i on c.item_no = i.item_no
    where c.user_no = p_user_no
      and i.published_at <= p_as_of
      and (i.expires_at is null or i.expires_at > p_as_of)
      and (i.owner_id is null and i.visibility = 'public' or medley.may_recommend(p_user_id, i.id, i.owner_id))
      and c.item_no not in (
        select w.item_no
        from medley.shown_items(p_user_no, v_shown_since, v_impression, p_as_of) as w
      )
    order by c.rank
    limit p_limit
  )

  select
    p.id,
    p.kind,
    p.title,
    p.final_score,
    p.algorithm_type,
    p.place,
    p.explanation ->> 'reason',
    p.explanation -> 'breakdown',
    case when p.place = p_limit then array(select s.item_no from page as s) end
  from page as p
  where exists (select from page as l where l.place = p_limit)
  order by p.place;
end;
$$;

comment on function medley.page_ahead(int, uuid, int, timestamptz) is
  'The page that was computed ahead for the member; no row where there is none that is still true and full.';
revoke all on function medley.page_ahead(int, uuid, int, timestamptz) from public, anon, authenticated, service_role;

create or replace function medley.write_recommendation_candidates(p_user_nos int[], p_as_of timestamptz)
returns bigint
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  -- Never older than a day, whatever the setting says.
  v_expires_at timestamptz := p_as_of
    + least(greatest(medley.setting('recommend.candidate_hours'), 1), 24)::float8 * interval '1 hour';
  v_candidates int := medley.setting('recommend.candidates');
begin
  delete from medley.recommendation_candidates as c
  using unnest(p_user_nos) as u (user_no)
  where c.user_no = u.user_no;

  insert into medley.recommendation_candidates (
    user_no, rank, item_no, algorithm_type, base_score, popularity_boost, recency_boost, diversity_penalty,
    availability_boost, social_boost, final_score, explanation, generated_at, expires_at
  )
  select
    m.user_no,
    r.place,
    r.item_no,
    r.algorithm,
    r.points[1] + r.points[2] + r.points[3],
    r.points[4] + r.points[5],
    r.points[6],
    r.points[7],
    r.points[8],
    r.points[9] + r.points[10],
    r.score,
    jsonb_build_object(
      'reason', medley.recommendation_reason(
        r.algorithm, r.friends, (select i.title from medley.items as i where i.item_no = r.cause_no), r.published_at,
        p_as_of
      ),
      'breakdown', r.breakdown
    ),
    p_as_of,
    v_expires_at
  from unnest(p_user_nos) as u (user_no)
  inner join medley.members as m on u.user_no = m.user_no
  cross join lateral (
    select
      t.*,
      row_number() over () as place,
      array(
        select (t.breakdown ->> k.term)::real
        from unnest(array[
          'behavior', 'content', 'exploration', 'popularity', 'trend', 'recency', 'diversity', 'availability', 'social',
          'followed'
        ]) with ordinality as k (term, place)
        order by k.place
      ) as points
    from medley.recommend(
      m.user_no, m.user_id, null, v_candidates, '{}', null, medley.recommendation_parameters(null), p_as_of
    ) as t
  ) as r;
  return (
    select count(*)
    from unnest(p_user_nos) as u (user_no)
    inner join medley.recommendation_candidates as c on u.user_no = c.user_no and c.rank = 1
  );
end;
$$;

comment on function medley.write_recommendation_candidates(int[], timestamptz) is
  'Computes the pages of these members ahead, as of p_as_of. Returns how many members got one.';
revoke all on function medley.write_recommendation_candidates(int[], timestamptz)
from public, anon, authenticated, service_role;

create or replace function medley.refresh_recommendation_candidates_at(p_limit int, p_as_of timestamptz)
returns bigint
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_user_nos int[];
  v_next_part text := (array['night', 'morning', 'afternoon', 'evening'])
    [1 + (date_part('hour', (p_as_of + interval '1 hour') at time zone 'UTC')::int / 6)];
begin
  -- Who usually comes at this time of day is first. Who is active right now is served by the pipeline anyway.
  select array_agg(d.user_no) into v_user_nos
  from (
    select a.user_no
    from medley.member_activity as a
    left join medley.recommendation_candidates as c on a.user_no = c.user_no and c.rank = 1
    left join medley.user_context as x
      on a.user_no = x.user_no and x.context_type = 'time_of_day' and x.context_value = v_next_part
    where a.last_engaged_at > p_as_of - medley.setting('recommend.active_days')::float8 * interval '1 day'
      and coalesce(a.last_written_at, '-infinity') < p_as_of - interval '5 minutes'
      and (
        c.generated_at is null
        or c.generated_at <= a.last_written_at
        or c.expires_at < p_as_of + interval '1 hour'
      )
    order by x.frequency desc nulls last, a.last_engaged_at desc
    limit p_limit
    -- Whoever is logging at this moment, or computed by another run, has the row locked: their page would miss what is
    -- not committed yet.
    for no key update of a skip locked
  ) as d;
  if v_user_nos is null then
    return 0;
  end if;
  return medley.write_recommendation_candidates(v_user_nos, p_as_of);
end;
$$;

comment on function medley.refresh_recommendation_candidates_at(int, timestamptz) is
  'Computes ahead, as of p_as_of, the pages of up to p_limit active members that have none, an old or an outdated one: '
  'those first who usually engage in the coming part of the day (user_context).';
revoke all on function medley.refresh_recommendation_candidates_at(int, timestamptz)
from public, anon, authenticated, service_role;

create or replace function medley.refresh_recommendation_candidates(p_limit int)
returns bigint
language sql volatile parallel unsafe security definer set search_path = ''
as $$ select medley.refresh_recommendation_candidates_at(p_limit, now()) $$;

comment on function medley.refresh_recommendation_candidates(int) is
  'Job: see refresh_recommendation_candidates_at. Returns how many members it did.';
revoke all on function medley.refresh_recommendation_candidates(int) from public, anon, authenticated, service_role;

create or replace function medley.prune_recommendation_candidates(p_limit int)
returns bigint
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_rows bigint;
begin
  delete from medley.recommendation_candidates as c
  where (c.user_no, c.rank) in (
    select o.user_no, o.rank
    from medley.recommendation_candidates as o
    where o.expires_at < now()
    limit p_limit
  );
  get diagnostics v_rows = row_count;
  return v_rows;
end;
$$;

comment on function medley.prune_recommendation_candidates(int) is
  'Job: deletes up to p_limit rows of pages that are too old. Returns how many.';
revoke all on function medley.prune_recommendation_candidates(int) from public, anon, authenticated, service_role;

-- What a member follows, mutes, blocks or subscribes to counts in the same transaction too.
create or replace function medley.forget_candidates()
returns trigger
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
begin
  -- The argument names the column that holds the member; it is written in a migration.
  execute format(
    'delete from medley.recommendation_candidates as c using changed_rows as n, medley.members as m '
    'where n.%I = m.user_id and c.user_no = m.user_no',
    tg_argv[0]
  );
  return null;
end;
$$;

comment on function medley.forget_candidates() is
  'Statement trigger with transition table changed_rows: drops the pages of the members in the column that its argument names.';
revoke all on function medley.forget_candidates() from public, anon, authenticated, service_role;

create trigger follows_forget_candidates_insert
after insert on public.follows referencing new table as changed_rows
for each statement execute function medley.forget_candidates('follower_id');
create trigger follows_forget_candidates_delete
after delete on public.follows referencing old table as changed_rows
for each statement execute function medley.forget_candidates('follower_id');

-- What muted friends like counts no more.
create trigger user_mutes_forget_candidates_insert
after insert on public.user_mutes referencing new table as changed_rows
for each statement execute function medley.forget_candidates('user_id');
create trigger user_mutes_forget_candidates_delete
after delete on public.user_mutes referencing old table as changed_rows
for each statement execute function medley.forget_candidates('user_id');

create or replace function medley.forget_candidates_of_platforms()
returns trigger
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
begin
  delete from medley.recommendation_candidates as c
  using changed_rows as n
  where c.user_no = n.user_no;
  return null;
end;
$$;

comment on function medley.forget_candidates_of_platforms() is
  'Statement trigger with transition table changed_rows: a member''s platforms changed, so the page ahead is not true any more.';
revoke all on function medley.forget_candidates_of_platforms() from public, anon, authenticated, service_role;

create trigger platform_preferences_forget_candidates_insert
after insert on medley.platform_user_preferences referencing new table as changed_rows
for each statement execute function medley.forget_candidates_of_platforms();
create trigger platform_preferences_forget_candidates_update
after update on medley.platform_user_preferences referencing new table as changed_rows
for each statement execute function medley.forget_candidates_of_platforms();
