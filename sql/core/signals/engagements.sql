-- Writing the log. One statement takes a batch from JSON to log, affinities, sessions and activity.
-- Every call takes its locks in the same order, table by table and within each by key, so calls never deadlock.
create or replace function medley.malformed_event(p_event jsonb)
returns text
language plpgsql stable parallel unsafe security invoker set search_path = ''
as $$
begin
  if jsonb_typeof(p_event) <> 'object' then
    return format('an event is an object, got %s', left(p_event::text, 100));
  end if;
  perform e.*
  from jsonb_to_record(p_event) as e (
    item_id uuid, kind text, occurred_at timestamptz, value real, session_id uuid, platform text, device text,
    "position" smallint, dwell_ms int, progress real, predicted_score real, algorithm text, variant text,
    context jsonb, user_id uuid
  );
  return null;
exception
  when data_exception then
    return sqlerrm;
end;
$$;

comment on function medley.malformed_event(jsonb) is
  'What is wrong with the types of an event''s fields; null when they are right. Its list of fields is judged_events''.';
revoke all on function medley.malformed_event(jsonb) from public, anon, authenticated, service_role;

create or replace function medley.mark_malformed_events(p_events jsonb)
returns jsonb
language sql stable parallel unsafe security invoker set search_path = ''
as $$
  select jsonb_agg(
    case when m.message is null then e.event else jsonb_build_object('malformed', m.message) end
    order by e.place
  )
  from jsonb_array_elements(p_events) with ordinality as e (event, place)
  cross join lateral (select medley.malformed_event(e.event) as message offset 0) as m
$$;

comment on function medley.mark_malformed_events(jsonb) is
  'The events, those with a field of the wrong type replaced by {"malformed": what is wrong}. '
  'Asked only when a batch cannot be read as a whole.';
revoke all on function medley.mark_malformed_events(jsonb) from public, anon, authenticated, service_role;

create or replace function medley.number_members_of(p_events jsonb)
returns void
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_new uuid[];
begin
  select array_agg(u.id order by u.id) into v_new
  from (
    select distinct (e.event ->> 'user_id')::uuid as id
    from jsonb_array_elements(p_events) as e (event)
    where case
      when jsonb_typeof(e.event) = 'object'
        then e.event ->> 'user_id' ~* '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$'
    end
    offset 0
  ) as g
  inner join auth.users as u on g.id = u.id
  where not exists (select from medley.members as m where m.user_id = u.id);

  if v_new is not null then
    perform from medley.member_numbers(v_new);
  end if;
end;
$$;

comment on function medley.number_members_of(jsonb) is 'Gives a number to each account that an event names and that has none yet.';
revoke all on function medley.number_members_of(jsonb) from public, anon, authenticated, service_role;

create or replace function medley.refusal_message(
  p_problem text,
  p_event jsonb,
  p_oldest timestamptz,
  p_newest timestamptz
)
returns text
language plpgsql stable parallel safe security invoker set search_path = ''
as $$
declare
  v_kind text := left(p_event ->> 'kind', 100);
  v_key text := case
    when p_problem in ('not_self', 'member') then 'user_id'
    when p_problem = 'item' then 'item_id'
    when p_problem = 'rating' then 'value'
    else p_problem
  end;
  v_got text := left(p_event ->> v_key, 300);
begin
  return case p_problem
    when 'malformed' then v_got
    when 'not_self' then format('cannot act for member %s', v_got)
    when 'member' then format('there is no member %s', coalesce(v_got, '(no user_id)'))
    when 'kind' then format('there is no kind of engagement %s', coalesce(v_kind, '(no kind)'))
    when 'item' then format('nothing visible has the id %s', coalesce(v_got, '(no item_id)'))
    when 'occurred_at' then format('occurred_at must lie between %s and %s, got %s', p_oldest, p_newest, v_got)
    when 'value' then format('value is out of range for %s, got %s', v_kind, v_got)
    when 'rating' then format('value must be between 0 and 1 for %s, got %s', v_kind, coalesce(v_got, 'null'))
    when 'session_id' then format('session %s is another member''s', v_got)
    when 'position' then format('position must not be negative, got %s', v_got)
    when 'dwell_ms' then format('dwell_ms must not be negative, got %s', v_got)
    when 'progress' then format('progress must be between 0 and 1, got %s', v_got)
    when 'predicted_score' then format('predicted_score must be a number, got %s', v_got)
    when 'context' then 'context must be an object of at most 4096 bytes'
    else p_problem || ' is longer than 200 bytes'
  end;
end;
$$;

comment on function medley.refusal_message(text, jsonb, timestamptz, timestamptz) is
  'What the member reads about an event that is refused for p_problem.';
revoke all on function medley.refusal_message(text, jsonb, timestamptz, timestamptz)
from public, anon, authenticated, service_role;

-- What is known of each event. NaN is greater than every number, so a range refuses it. No SET: it inlines.
create or replace function medley.judged_events(
  p_user_id uuid,
  p_user_no int,
  p_events jsonb,
  p_oldest timestamptz,
  p_newest timestamptz,
  p_as_of timestamptz,
  p_session_users jsonb,
  p_repeated bigint[]
)
returns table (
  place bigint, user_no int, at timestamptz, item_no int, kind_no smallint, weight real, half_life_days smallint,
  polarity smallint, marks_seen boolean, value_rule text, value real, session_id uuid, platform text, device text,
  score real, progress real, predicted_score real, dwell_ms int, list_position smallint, algorithm text, variant text,
  context jsonb, problem text
)
language sql stable parallel unsafe security invoker
as $$
  select
    g.place,
    g.user_no,
    g.at,
    i.item_no,
    k.kind_no,
    k.weight,
    k.half_life_days,
    k.polarity,
    k.marks_seen,
    k.value_rule,
    g.value,
    g.session_id,
    g.platform,
    g.device,
    medley.engagement_score(k.engagement, k.polarity, g.progress, g.dwell_ms) as score,
    g.progress,
    g.predicted_score,
    g.dwell_ms,
    g.position,
    g.algorithm,
    g.variant,
    g.context,
    case
      when g.malformed is not null then 'malformed'
      when g.user_id <> p_user_id then 'not_self'
      when g.user_no is null then 'member'
      when k.kind_no is null then 'kind'
      when i.item_no is null then 'item'
      when (i.owner_id is not null or i.visibility <> 'public')
        and not medley.visible_to(coalesce(p_user_id, g.user_id), g.item_id) then 'item'
      when g.at not between p_oldest and p_newest then 'occurred_at'
      when g.value not between -1e9::real and 1e9::real then 'value'
      when k.value_rule = 'count' and g.value < 0 then 'value'
      when k.value_rule = 'rating' and not coalesce(g.value between 0 and 1, false) then 'rating'
      when (p_session_users ->> g.session_id::text)::int <> g.user_no then 'session_id'
      when g.position < 0 then 'position'
      when g.dwell_ms < 0 then 'dwell_ms'
      when g.progress not between 0 and 1 then 'progress'
      when g.predicted_score not between -1e9::real and 1e9::real then 'predicted_score'
      when octet_length(g.platform) > 200 then 'platform'
      when octet_length(g.device) > 200 then 'device'
      when octet_length(g.algorithm) > 200 then 'algorithm'
      when octet_length(g.variant) > 200 then 'variant'
      when jsonb_typeof(g.context) <> 'object' or pg_column_size(g.context) > 4096 then 'context'
      when g.place = any(p_repeated) then 'repeated'
    end as problem
  from (
    select
      e.*,
      coalesce(e.occurred_at, p_as_of) as at,
      -- Members by number: the one who calls, or for the service the one that the event names.
      case
        when p_user_id is not null then p_user_no
        else (select m.user_no from medley.members as m where m.user_id = e.user_id)
      end as user_no
    from rows from (
      jsonb_to_recordset(p_events) as (
        item_id uuid, kind text, occurred_at timestamptz, value real, session_id uuid, platform text, device text,
        "position" smallint, dwell_ms int, progress real, predicted_score real, algorithm text, variant text,
        context jsonb, user_id uuid, malformed text
      )
    ) with ordinality as e (
      item_id, kind, occurred_at, value, session_id, platform, device, position, dwell_ms, progress,
      predicted_score, algorithm, variant, context, user_id, malformed, place
    )
    -- Computed once a row.
    offset 0
  ) as g
  left join medley.items as i on g.item_id = i.id
  left join medley.engagement_kinds as k on g.kind = k.kind
$$;

comment on function medley.judged_events(
  uuid, int, jsonb, timestamptz, timestamptz, timestamptz, jsonb, bigint[]
) is
  'The events, given as write_engagements has them, by number, with what their kinds say and the first thing that is wrong '
  'with each; null for nothing. p_session_users: whose the sessions are that two members claim; p_repeated: the places of events '
  'that count already.';
revoke all on function medley.judged_events(
  uuid, int, jsonb, timestamptz, timestamptz, timestamptz, jsonb, bigint[]
) from public, anon, authenticated, service_role;

create or replace function medley.write_engagements(
  p_user_id uuid,
  p_events jsonb,
  p_oldest timestamptz,
  p_as_of timestamptz
)
returns table (event_index int, status text, code text, message text)
language plpgsql volatile parallel unsafe security definer
set search_path = '' set plan_cache_mode = force_generic_plan
as $$
declare
  v_events jsonb := p_events;
  v_user_no int;
  v_newest timestamptz := p_as_of + interval '5 minutes';
  v_session_users jsonb;
  -- Other calls may write the same events, or meet in a session, a few times in a row.
  c_attempts constant int := 20;
  v_attempt int := 0;
  v_repeated bigint[];
  v_known bigint[];
begin
  if p_user_id is null then
    perform medley.number_members_of(p_events);
  else
    select m.user_no into v_user_no from medley.members as m where m.user_id = p_user_id;
    if not found then
      select m.user_no into v_user_no from medley.member_numbers(array[p_user_id]) as m;
    end if;
  end if;

  loop
    v_attempt := v_attempt + 1;
    begin
      return query
      with judged as materialized (
        select e.*
        from medley.judged_events(
          p_user_id, v_user_no, v_events, p_oldest, v_newest, p_as_of, v_session_users, v_repeated
        ) as e
      ),

      -- Most batches are all new, and asking of each row costs as much again as writing it. One that is not fails here,
      -- on its first row for one sent twice, and the next attempt knows what is repeated.
      inserted as (
        insert into medley.engagements (
          occurred_at, user_no, item_no, value, score, progress, predicted_score, dwell_ms, kind_no, position,
          session_id, platform, device, algorithm, variant, context
        )
        select
          j.at, j.user_no, j.item_no, j.value, j.score, j.progress, j.predicted_score, j.dwell_ms, j.kind_no,
          j.list_position, j.session_id, j.platform, j.device, j.algorithm, j.variant, j.context
        from judged as j
        where j.problem is null
        order by j.user_no, j.at, j.item_no, j.kind_no
        returning 1
      ),

      felt as (
        insert into medley.affinities as a (
          user_no, item_no, half_life_days, score, last_at, positive_at, negative_at, seen
        )
        select
          j.user_no,
          j.item_no,
          j.half_life_days,
          -- Summed as of one time for all, then taken back to the newest event.
          medley.to_score(
            sum(medley.affinity_at(
              medley.engagement_weight(j.weight, j.value_rule, j.value)::real, j.at, j.half_life_days, v_newest
            ))
            / medley.affinity_at(1, max(j.at), j.half_life_days, v_newest)
          ),
          max(j.at),
          max(j.at) filter (where medley.engagement_polarity(j.polarity, j.value_rule, j.value) > 0),
          max(j.at) filter (where medley.engagement_polarity(j.polarity, j.value_rule, j.value) < 0),
          bool_or(j.marks_seen)
        -- Once the log is written: all calls take their locks table by table.
        from (select count(*) as row_count from inserted) as n
        inner join judged as j on n.row_count >= 0
        where j.problem is null and j.weight <> 0
        group by j.user_no, j.item_no, j.half_life_days
        order by j.user_no, j.item_no, j.half_life_days
        on conflict (user_no, item_no, half_life_days) do update
        set
          score = medley.to_score(
            medley.affinity_at(a.score, a.last_at, a.half_life_days, greatest(a.last_at, excluded.last_at))
            + medley.affinity_at(
              excluded.score, excluded.last_at, a.half_life_days, greatest(a.last_at, excluded.last_at)
            )
          ),
          last_at = greatest(a.last_at, excluded.last_at),
          positive_at = greatest(a.positive_at, excluded.positive_at),
          negative_at = greatest(a.negative_at, excluded.negative_at),
          seen = a.seen or excluded.seen
        returning 1
      ),

      -- Few, and mostly one.
      visits as materialized (
        select
          j.session_id,
          j.user_no,
          min(j.at) as started_at,
          max(j.at) as last_at,
          count(*) as events,
          bool_or(j.weight <> 0) as counts,
          max(j.device collate "C") as device,
          max(j.platform collate "C") as platform
        from judged as j
        where j.problem is null
        group by j.session_id, j.user_no
      ),

      used as (
        insert into medley.sessions as s (session_id, user_no, started_at, last_at, events, device, platform)
        select v.session_id, v.user_no, v.started_at, v.last_at, v.events, v.device, v.platform
        from visits as v
        where v.session_id is not null
        order by v.session_id, v.user_no
        on conflict (session_id) do update
        set
          -- Null fails: the session is another member's, and the next attempt refuses its events.
          user_no = case when s.user_no = excluded.user_no then s.user_no end,
          started_at = least(s.started_at, excluded.started_at),
          last_at = greatest(s.last_at, excluded.last_at),
          events = s.events + excluded.events,
          device = coalesce(excluded.device, s.device),
          platform = coalesce(excluded.platform, s.platform)
        returning 1
      ),

      active as (
        insert into medley.member_activity as m (user_no, last_engaged_at, last_written_at, engagements)
        select
          v.user_no,
          max(v.last_at),
          case when bool_or(v.counts) then clock_timestamp() end,
          sum(v.events)
        from visits as v
        group by v.user_no
        order by v.user_no
        on conflict (user_no) do update
        set
          last_engaged_at = greatest(m.last_engaged_at, excluded.last_engaged_at),
          last_written_at = greatest(m.last_written_at, excluded.last_written_at),
          engagements = m.engagements + excluded.engagements
        returning 1
      ),

      -- Nothing is answered before everything is written, table by table from left to right.
      written as materialized (
        select (select count(*) from felt) + (select count(*) from used) + (select count(*) from active) as row_count
      )

      select
        j.place::int,
        case
          when j.problem is null then 'accepted'
          when j.problem = 'repeated' then 'duplicate'
          else 'refused'
        end,
        case
          when j.problem in ('item', 'member') then 'not_found'
          when j.problem in ('session_id', 'not_self') then 'forbidden'
          when j.problem <> 'repeated' then 'invalid_argument'
        end,
        case
          when j.problem <> 'repeated'
            then medley.refusal_message(j.problem, v_events -> (j.place - 1)::int, p_oldest, v_newest)
        end
      from written as w
      inner join judged as j on w.row_count >= 0
      order by j.place;
      return;
    exception
      when data_exception then
        if v_attempt >= c_attempts then
          raise;
        end if;
        v_events := medley.mark_malformed_events(p_events);
      when unique_violation then
        if v_attempt >= c_attempts then
          raise;
        end if;
        -- Once, and again only while other calls write the same events.
        v_known := v_repeated;
        -- Of equal events in one batch the first that is right counts.
        select array_agg(j.place order by j.place) into v_repeated
        from (
          select
            e.*,
            row_number() over (partition by e.user_no, e.at, e.item_no, e.kind_no order by e.place) as nth
          from medley.judged_events(
            p_user_id, v_user_no, v_events, p_oldest, v_newest, p_as_of, v_session_users, null
          ) as e
          where e.problem is null
        ) as j
        where j.nth > 1 or exists (
          select from medley.engagements as l
          where l.user_no = j.user_no and l.occurred_at = j.at and l.item_no = j.item_no and l.kind_no = j.kind_no
        );
        -- A transaction that does not see what others wrote since it began would fail again and again. PostgreSQL's own
        -- code for that, which those who choose such transactions know to retry.
        if v_repeated is not distinct from v_known and current_setting('transaction_isolation') <> 'read committed' then
          raise serialization_failure using
            message = 'events of this call were logged since the transaction began',
            hint = 'Begin the transaction again.';
        end if;
      when check_violation then
        if v_attempt >= c_attempts then
          raise;
        end if;
        -- The job that makes partitions ahead has not run for months.
        perform medley.ensure_engagement_partitions(p_as_of);
      when not_null_violation or cardinality_violation then
        if v_attempt >= c_attempts then
          raise;
        end if;
        -- A session of two members. One that none of them has used belongs to the one who comes first.
        select jsonb_object_agg(f.session_id, f.user_no) into v_session_users
        from (
          select distinct on (e.session_id)
            e.session_id,
            coalesce(s.user_no, v_user_no, m.user_no) as user_no
          from rows from (jsonb_to_recordset(v_events) as (session_id uuid, user_id uuid))
          with ordinality as e (session_id, user_id, place)
          left join medley.sessions as s on e.session_id = s.session_id
          left join medley.members as m on e.user_id = m.user_id
          where e.session_id is not null and coalesce(s.user_no, v_user_no, m.user_no) is not null
          order by e.session_id, e.place
        ) as f;
        -- An event may be refused now whose like, later in the batch, was to be left out.
        v_repeated := null;
    end;
  end loop;
end;
$$;

comment on function medley.write_engagements(uuid, jsonb, timestamptz, timestamptz) is
  'Writes events, given as log_engagement describes them, for the member p_user_id, or where that is null for the member '
  'that each event names. Accepts events from p_oldest until five minutes after p_as_of. '
  'Returns each event''s fate in their order. Whose a session is, is asked of events that the log does not have yet: one that '
  'it has is a duplicate. For the API''s function and for triggers; asks nobody who is calling.';
revoke all on function medley.write_engagements(uuid, jsonb, timestamptz, timestamptz)
from public, anon, authenticated, service_role;

create or replace function medley.log_engagement(p_user_id uuid, p_events jsonb, p_as_of timestamptz)
returns table (event_index int, status text, code text, message text)
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_service boolean := medley.is_service();
  v_user_id uuid;
  v_oldest timestamptz := to_timestamp(0);
  v_count int;
begin
  -- The service may leave the member to each event.
  if p_user_id is not null or not v_service then
    v_user_id := medley.acting_user(p_user_id);
  end if;
  if p_events is null or jsonb_typeof(p_events) <> 'array' then
    perform medley.fail('invalid_argument', 'p_events must be an array of objects', 'p_events',
      'Pass [{"item_id", "kind", ...}, ...].');
  end if;
  v_count := jsonb_array_length(p_events);
  if v_count > 1000 then
    perform medley.fail('too_large', format('p_events holds %s events', v_count), 'p_events',
      'Log at most 1,000 events a call.');
  end if;
  if not v_service then
    select p_as_of - make_interval(days => s.value::int) into v_oldest
    from medley.settings as s
    where s.key = 'signals.max_age_days';
  end if;

  return query
  select w.event_index, w.status, w.code, w.message
  from medley.write_engagements(v_user_id, p_events, v_oldest, p_as_of) as w;
end;
$$;

comment on function medley.log_engagement(uuid, jsonb, timestamptz) is
  'Logs up to 1,000 events of the member p_user_id (the service may leave it null and name one in each event) at the '
  'time p_as_of; see public.log_engagement. Errors: unauthenticated, forbidden, not_found (the member), invalid_argument, '
  'too_large.';
revoke all on function medley.log_engagement(uuid, jsonb, timestamptz) from public, anon, authenticated, service_role;
grant execute on function medley.log_engagement(uuid, jsonb, timestamptz) to authenticated, service_role;
