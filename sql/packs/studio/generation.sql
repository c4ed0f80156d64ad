-- From request to track. The queue is generated_tracks itself: a claim is a lease with a number (attempts), and whoever
-- reports names that number, so a worker that was taken for dead cannot undo what its successor did.
create or replace function medley.check_generation_source(
  p_user_id uuid,
  p_mode text,
  p_source_id uuid,
  p_source_external_id text
)
returns void
language plpgsql stable parallel safe security definer set search_path = ''
as $$
declare
  v_source public.generated_tracks;
begin
  if p_mode is null or p_mode not in ('new', 'similar', 'extend', 'radio') then
    perform medley.fail('invalid_argument', format('there is no mode %s', coalesce(left(p_mode, 100), 'null')), 'p_mode',
      'Pass new, similar, extend or radio.');
  end if;
  if (p_mode = 'new') = (p_source_id is not null or p_source_external_id is not null) then
    perform medley.fail('invalid_argument',
      case when p_mode = 'new' then 'a new track has no source' else format('mode %s needs a source', p_mode) end,
      'p_source_id', 'Pass p_source_id or p_source_external_id for similar, extend and radio, neither for new.');
  end if;
  if p_source_id is null then
    return;
  end if;

  select t.* into v_source
  from public.generated_tracks as t
  where t.id = p_source_id;
  if not found or v_source.user_id <> p_user_id
    and (v_source.visibility <> 'public' or not medley.visible_to(p_user_id, p_source_id))
  then
    perform medley.fail('not_found', format('nothing visible has the id %s', p_source_id), 'p_source_id',
      'Pass the id of a track that you see.');
  end if;
  if p_mode = 'extend' and v_source.user_id <> p_user_id then
    perform medley.fail('forbidden', 'only one''s own tracks can be extended', 'p_source_id',
      'Ask for a similar track instead.');
  end if;
  if v_source.status <> 'completed' then
    perform medley.fail('conflict', format('the source is %s', v_source.status), 'p_source_id',
      'Wait until it is completed.');
  end if;
end;
$$;

comment on function medley.check_generation_source(uuid, text, uuid, text) is
  'Refuses a mode that does not exist and a source that does not fit it. '
  'Errors: invalid_argument, not_found, forbidden, conflict.';
revoke all on function medley.check_generation_source(uuid, text, uuid, text)
from public, anon, authenticated, service_role;

create or replace function medley.check_own_band(p_user_id uuid, p_band_id uuid)
returns void
language plpgsql stable parallel safe security definer set search_path = ''
as $$
declare
  v_owner uuid := (select b.user_id from public.bands as b where b.id = p_band_id);
begin
  if v_owner is null or v_owner <> p_user_id and not medley.visible_to(p_user_id, p_band_id) then
    perform medley.fail('not_found', format('no band %s', p_band_id), 'p_band_id', 'Pass the id of a band of yours.');
  end if;
  if v_owner <> p_user_id then
    perform medley.fail('forbidden', 'the band is another member''s', 'p_band_id', 'Pass the id of a band of yours.');
  end if;
end;
$$;

comment on function medley.check_own_band(uuid, uuid) is 'Refuses a band that is not the member''s. Errors: not_found, forbidden.';
revoke all on function medley.check_own_band(uuid, uuid) from public, anon, authenticated, service_role;

create or replace function medley.request_generation(
  p_user_id uuid,
  p_mode text,
  p_title text,
  p_parameters jsonb,
  p_genres text[],
  p_tags text[],
  p_source_id uuid,
  p_source_external_id text,
  p_band_id uuid,
  p_is_public boolean,
  p_track_id uuid,
  p_as_of timestamptz
)
returns table (track_id uuid, status text, remaining int, resets_at timestamptz)
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_user_id uuid := medley.acting_user(p_user_id);
  v_track_id uuid := coalesce(p_track_id, gen_random_uuid());
  v_owner uuid;
  v_day date;
begin
  select t.user_id into v_owner from public.generated_tracks as t where t.id = p_track_id;
  if v_owner is null then
    perform medley.check_generation_source(v_user_id, p_mode, p_source_id, p_source_external_id);
    if p_band_id is not null then
      perform medley.check_own_band(v_user_id, p_band_id);
    end if;
    v_day := medley.consume_generation(v_user_id, p_as_of);

    insert into public.generated_tracks as t (
      id, user_id, title, mode, source_id, source_external_id, parameters, genres, tags, band_id, is_public,
      claimable_at, quota_day, created_at
    )
    values (
      v_track_id, v_user_id, coalesce(p_title, 'Untitled'), p_mode, p_source_id, p_source_external_id,
      coalesce(p_parameters, '{}'), coalesce(p_genres, '{}'), coalesce(p_tags, '{}'), p_band_id,
      coalesce(p_is_public, false), p_as_of, v_day, p_as_of
    )
    on conflict (id) do nothing;
    if not found then
      perform medley.give_back_generations(array[v_user_id], array[v_day]);
      select t.user_id into v_owner from public.generated_tracks as t where t.id = p_track_id;
    end if;
  end if;
  if v_owner <> v_user_id then
    perform medley.fail('conflict', format('the id %s is taken', p_track_id), 'p_track_id',
      'Leave p_track_id out, or make a random one for each request.');
  end if;

  return query
  select t.id, t.status, q.remaining, q.resets_at
  from public.generated_tracks as t
  cross join medley.get_generation_quota(p_user_id, p_as_of) as q
  where t.id = v_track_id;
exception
  when check_violation or not_null_violation then
    perform medley.fail('invalid_argument', sqlerrm, null, 'Correct the request; nothing was written or counted.');
end;
$$;

comment on function medley.request_generation(
  uuid, text, text, jsonb, text[], text[], uuid, text, uuid, boolean, uuid, timestamptz
) is
  'Asks for a track; see public.request_generation. Errors: those of acting_user, check_generation_source and '
  'check_own_band, quota_exceeded, invalid_argument, conflict, too_large.';
revoke all on function medley.request_generation(
  uuid, text, text, jsonb, text[], text[], uuid, text, uuid, boolean, uuid, timestamptz
) from public, anon, authenticated, service_role;
grant execute on function medley.request_generation(
  uuid, text, text, jsonb, text[], text[], uuid, text, uuid, boolean, uuid, timestamptz
) to authenticated, service_role;

create or replace function medley.get_generation_status(p_user_id uuid, p_track_id uuid)
returns table (
  track_id uuid,
  status text,
  progress int,
  queue_position bigint,
  attempts int,
  error text,
  url text,
  duration int,
  match_percentage int,
  explanation text
)
language plpgsql stable parallel safe security definer set search_path = ''
as $$
declare
  v_user_id uuid := medley.acting_user(p_user_id);
begin
  return query
  select
    t.id,
    t.status,
    t.progress::int,
    case
      when t.status = 'queued' then (
        select 1 + count(*)
        from public.generated_tracks as o
        -- The first condition is the index's.
        where o.status in ('queued', 'generating')
          and o.status = 'queued'
          and (o.claimable_at, o.created_at) < (t.claimable_at, t.created_at)
      )
    end,
    t.attempts::int,
    t.error,
    t.url,
    t.duration,
    t.match_percentage::int,
    t.explanation
  from public.generated_tracks as t
  where t.id = p_track_id and t.user_id = v_user_id;
  if not found then
    perform medley.fail('not_found', format('no request %s', p_track_id), 'p_track_id', 'Pass the id of a track of yours.');
  end if;
end;
$$;

comment on function medley.get_generation_status(uuid, uuid) is
  'How a request of the member stands; see public.get_generation_status. Errors: those of acting_user, not_found.';
revoke all on function medley.get_generation_status(uuid, uuid) from public, anon, authenticated, service_role;
grant execute on function medley.get_generation_status(uuid, uuid) to authenticated, service_role;

create or replace function medley.check_lease_seconds(p_lease_seconds int)
returns interval
language plpgsql immutable parallel safe security invoker set search_path = ''
as $$
begin
  if p_lease_seconds is null or p_lease_seconds not between 1 and 86400 then
    perform medley.fail('invalid_argument', format('a lease lasts 1 to 86400 seconds, got %s', p_lease_seconds),
      'p_lease_seconds', 'Take as long as one report needs to follow the other.');
  end if;
  return make_interval(secs => p_lease_seconds);
end;
$$;

comment on function medley.check_lease_seconds(int) is 'The length of a lease. Errors: invalid_argument.';
revoke all on function medley.check_lease_seconds(int) from public, anon, authenticated, service_role;

create or replace function medley.claim_generation_jobs(
  p_worker text,
  p_limit int,
  p_lease_seconds int,
  p_as_of timestamptz
)
returns table (
  track_id uuid,
  user_id uuid,
  attempt int,
  leased_until timestamptz,
  mode text,
  title text,
  parameters jsonb,
  genres text[],
  tags text[],
  source_id uuid,
  source_url text,
  source_external_id text,
  band_id uuid,
  preferences jsonb,
  provider text,
  provider_job_id text
)
language plpgsql volatile parallel unsafe security definer
set search_path = '' set plan_cache_mode = force_generic_plan
as $$
declare
  v_lease interval := medley.check_lease_seconds(p_lease_seconds);
  v_limit int := medley.check_limit(p_limit, 100);
  v_attempts int := medley.setting('studio.max_attempts');
begin
  if p_worker is null or length(p_worker) not between 1 and 200 then
    perform medley.fail('invalid_argument', 'a worker has a name of 1 to 200 characters', 'p_worker', 'Name the worker.');
  end if;

  return query
  with due as materialized (
    select t.id
    from public.generated_tracks as t
    where t.status in ('queued', 'generating')
      and t.claimable_at <= p_as_of
      and t.attempts < v_attempts
    order by t.claimable_at, t.created_at
    limit v_limit
    for no key update skip locked
  ),

  claimed as (
    update public.generated_tracks as t
    set
      status = 'generating',
      attempts = t.attempts + 1,
      worker = p_worker,
      claimable_at = p_as_of + v_lease
    from due as d
    where t.id = d.id
    returning t.*
  )

  select
    c.id,
    c.user_id,
    c.attempts::int,
    c.claimable_at,
    c.mode,
    c.title,
    c.parameters,
    c.genres,
    c.tags,
    c.source_id,
    (select s.url from public.generated_tracks as s where s.id = c.source_id),
    c.source_external_id,
    c.band_id,
    (select u.preferences_profile from public.user_preferences as u where u.user_id = c.user_id),
    j.provider,
    j.provider_job_id
  from claimed as c
  left join lateral (
    select p.provider, p.provider_job_id
    from medley.provider_jobs as p
    where c.attempts > 1 and p.track_id = c.id
    order by p.attempt desc, p.created_at desc
    limit 1
  ) as j on true
  order by c.created_at;
end;
$$;

comment on function medley.claim_generation_jobs(text, int, int, timestamptz) is
  'Claims requests for a worker at p_as_of; see public.claim_generation_jobs. Errors: invalid_argument.';
revoke all on function medley.claim_generation_jobs(text, int, int, timestamptz)
from public, anon, authenticated, service_role;
grant execute on function medley.claim_generation_jobs(text, int, int, timestamptz) to service_role;

create or replace function medley.open_lease(p_track_id uuid, p_attempt int)
returns public.generated_tracks
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_track public.generated_tracks;
begin
  select t.* into v_track
  from public.generated_tracks as t
  where t.id = p_track_id
  for no key update;
  if not found then
    perform medley.fail('not_found', format('no track %s', p_track_id), 'p_track_id', 'Its member deleted it: drop the work.');
  end if;
  -- A lease that ran out is good until somebody takes over.
  if v_track.status <> 'generating' or v_track.attempts is distinct from p_attempt then
    perform medley.fail('conflict',
      format('lease %s of track %s is over: it is %s, at lease %s', p_attempt, p_track_id, v_track.status, v_track.attempts),
      'p_attempt', 'Another worker took over, or the track is final: drop the work.');
  end if;
  return v_track;
end;
$$;

comment on function medley.open_lease(uuid, int) is
  'Locks a track for the worker that holds its lease p_attempt. Errors: not_found, conflict (the lease is over).';
revoke all on function medley.open_lease(uuid, int) from public, anon, authenticated, service_role;

create or replace function medley.heartbeat_generation(
  p_track_id uuid,
  p_attempt int,
  p_progress int,
  p_lease_seconds int,
  p_as_of timestamptz
)
returns timestamptz
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_until timestamptz := p_as_of + medley.check_lease_seconds(p_lease_seconds);
begin
  if p_progress not between 0 and 100 then
    perform medley.fail('invalid_argument', format('p_progress must be between 0 and 100, got %s', p_progress), 'p_progress',
      'Give per cent.');
  end if;
  perform medley.open_lease(p_track_id, p_attempt);
  update public.generated_tracks as t
  set claimable_at = v_until, progress = coalesce(p_progress, t.progress)
  where t.id = p_track_id;
  return v_until;
end;
$$;

comment on function medley.heartbeat_generation(uuid, int, int, int, timestamptz) is
  'Extends a lease and notes progress; see public.heartbeat_generation. Errors: those of open_lease, invalid_argument.';
revoke all on function medley.heartbeat_generation(uuid, int, int, int, timestamptz)
from public, anon, authenticated, service_role;
grant execute on function medley.heartbeat_generation(uuid, int, int, int, timestamptz) to service_role;

create or replace function medley.finish_track(
  p_track_id uuid,
  p_url text,
  p_duration int,
  p_title text,
  p_explanation text,
  p_genres text[],
  p_tags text[],
  p_embedding real[],
  p_as_of timestamptz
)
returns void
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
begin
  if p_url is null or p_duration is null then
    perform medley.fail('invalid_argument', 'a completed track has an address and a duration',
      case when p_url is null then 'p_url' else 'p_duration' end, 'Store the audio first; nothing was written.');
  end if;
  -- The vector first: band and match percentage follow at once, and the band is counted with it.
  if p_embedding is not null then
    perform medley.write_audio_vector(p_track_id, p_embedding);
  end if;
  update public.generated_tracks as t
  set
    status = 'completed',
    url = p_url,
    duration = p_duration,
    title = coalesce(p_title, t.title),
    explanation = coalesce(p_explanation, t.explanation),
    genres = coalesce(p_genres, t.genres),
    tags = coalesce(p_tags, t.tags),
    completed_at = p_as_of,
    error = null
  where t.id = p_track_id;
exception
  when check_violation then
    perform medley.fail('invalid_argument', sqlerrm, null, 'Correct what is out of range; nothing was written.');
end;
$$;

comment on function medley.finish_track(uuid, text, int, text, text, text[], text[], real[], timestamptz) is
  'Completes a track that is generating: audio, words and vector. Errors: invalid_argument.';
revoke all on function medley.finish_track(uuid, text, int, text, text, text[], text[], real[], timestamptz)
from public, anon, authenticated, service_role;

create or replace function medley.complete_generation(
  p_track_id uuid,
  p_attempt int,
  p_url text,
  p_duration int,
  p_title text,
  p_explanation text,
  p_genres text[],
  p_tags text[],
  p_embedding real[],
  p_as_of timestamptz
)
returns table (track_id uuid, status text, match_percentage int)
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
begin
  -- A report that is repeated because its answer was lost changes nothing.
  if not exists (
    select from public.generated_tracks as t
    where t.id = p_track_id and t.status = 'completed' and t.attempts = p_attempt and t.url = p_url
  ) then
    perform medley.open_lease(p_track_id, p_attempt);
    perform medley.finish_track(
      p_track_id, p_url, p_duration, p_title, p_explanation, p_genres, p_tags, p_embedding, p_as_of
    );
  end if;
  return query
  select t.id, t.status, t.match_percentage::int
  from public.generated_tracks as t
  where t.id = p_track_id;
end;
$$;

comment on function medley.complete_generation(
  uuid, int, text, int, text, text, text[], text[], real[], timestamptz
) is 'A worker''s report of success; see public.complete_generation. Errors: those of open_lease, invalid_argument.';
revoke all on function medley.complete_generation(
  uuid, int, text, int, text, text, text[], text[], real[], timestamptz
) from public, anon, authenticated, service_role;
grant execute on function medley.complete_generation(
  uuid, int, text, int, text, text, text[], text[], real[], timestamptz
) to service_role;

create or replace function medley.fail_tracks(p_track_ids uuid[], p_error text)
returns bigint
language plpgsql volatile parallel unsafe security definer set search_path = '' set plan_cache_mode = force_custom_plan
as $$
declare
  v_user_ids uuid[];
  v_days date[];
  v_rows bigint;
begin
  select array_agg(t.user_id), array_agg(t.quota_day) into v_user_ids, v_days
  from public.generated_tracks as t
  where t.id = any(p_track_ids) and t.status = 'generating' and t.quota_day is not null;

  update public.generated_tracks as t
  set status = 'failed', error = coalesce(left(p_error, 2000), t.error), quota_day = null
  where t.id = any(p_track_ids) and t.status = 'generating';
  get diagnostics v_rows = row_count;

  if v_user_ids is not null then
    perform medley.give_back_generations(v_user_ids, v_days);
  end if;
  return v_rows;
end;
$$;

comment on function medley.fail_tracks(uuid[], text) is
  'Ends these tracks, which the caller has locked, as failed, and gives their members the allowance back. p_error: why '
  '(null: the error of the last attempt stays). Returns how many.';
revoke all on function medley.fail_tracks(uuid[], text) from public, anon, authenticated, service_role;

create or replace function medley.retry_or_fail(
  p_track public.generated_tracks,
  p_error text,
  p_retry boolean,
  p_retry_after_seconds int,
  p_as_of timestamptz
)
returns void
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
begin
  if not coalesce(p_retry, true) or p_track.attempts >= medley.setting('studio.max_attempts') then
    perform medley.fail_tracks(array[p_track.id], coalesce(p_error, 'unknown error'));
    return;
  end if;
  update public.generated_tracks as t
  set
    error = left(coalesce(p_error, 'unknown error'), 2000),
    worker = null,
    claimable_at = p_as_of + make_interval(secs => coalesce(
      p_retry_after_seconds,
      -- Twice as long each time, and not all at the same moment.
      least(
        medley.setting('studio.retry_max_seconds'),
        medley.setting('studio.retry_seconds') * 2 ^ least(t.attempts - 1, 30)
      ) * (0.75 + random() / 4)
    )::float8)
  where t.id = p_track.id;
end;
$$;

comment on function medley.retry_or_fail(public.generated_tracks, text, boolean, int, timestamptz) is
  'Lets a track that the caller has locked be tried again after a pause, or ends it when p_retry is false or the attempts are '
  'used up.';
revoke all on function medley.retry_or_fail(public.generated_tracks, text, boolean, int, timestamptz)
from public, anon, authenticated, service_role;

create or replace function medley.fail_generation(
  p_track_id uuid,
  p_attempt int,
  p_error text,
  p_retry boolean,
  p_retry_after_seconds int,
  p_as_of timestamptz
)
returns table (track_id uuid, status text, attempts int, retry_at timestamptz)
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
begin
  if p_retry_after_seconds not between 0 and 86400 then
    perform medley.fail('invalid_argument', format('a pause lasts 0 to 86400 seconds, got %s', p_retry_after_seconds),
      'p_retry_after_seconds', 'Leave it out for the usual pause.');
  end if;
  perform medley.retry_or_fail(medley.open_lease(p_track_id, p_attempt), p_error, p_retry, p_retry_after_seconds, p_as_of);
  return query
  select t.id, t.status, t.attempts::int, t.claimable_at
  from public.generated_tracks as t
  where t.id = p_track_id;
end;
$$;

comment on function medley.fail_generation(uuid, int, text, boolean, int, timestamptz) is
  'A worker''s report of failure; see public.fail_generation. Errors: those of open_lease, invalid_argument.';
revoke all on function medley.fail_generation(uuid, int, text, boolean, int, timestamptz)
from public, anon, authenticated, service_role;
grant execute on function medley.fail_generation(uuid, int, text, boolean, int, timestamptz) to service_role;

create or replace function medley.fail_abandoned_tracks(p_limit int, p_as_of timestamptz)
returns bigint
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_due uuid[] := array(
    select t.id
    from public.generated_tracks as t
    where t.status = 'generating'
      and t.claimable_at <= p_as_of
      and t.attempts >= medley.setting('studio.max_attempts')
    order by t.claimable_at, t.created_at
    limit p_limit
    for no key update skip locked
  );
begin
  return medley.fail_tracks(v_due, null);
end;
$$;

comment on function medley.fail_abandoned_tracks(int, timestamptz) is
  'Ends up to p_limit tracks whose last lease ran out by p_as_of. Returns how many.';
revoke all on function medley.fail_abandoned_tracks(int, timestamptz) from public, anon, authenticated, service_role;

create or replace function medley.fail_abandoned_generations(p_limit int)
returns bigint
language sql volatile parallel unsafe security definer set search_path = ''
as $$ select medley.fail_abandoned_tracks(p_limit, now()) $$;

comment on function medley.fail_abandoned_generations(int) is 'Job: fail_abandoned_tracks as of now.';
revoke all on function medley.fail_abandoned_generations(int) from public, anon, authenticated, service_role;

create or replace function medley.get_failed_generations(p_limit int, p_cursor text)
returns table (
  track_id uuid,
  user_id uuid,
  mode text,
  attempts int,
  error text,
  created_at timestamptz,
  failed_at timestamptz,
  next_cursor text
)
language plpgsql stable parallel safe security definer set search_path = ''
as $$
declare
  v_limit int := medley.check_limit(p_limit);
  v_created timestamptz;
  v_id uuid;
begin
  begin
    select (c.p ->> 'created_at')::timestamptz, (c.p ->> 'id')::uuid into v_created, v_id
    from medley.decode_cursor(p_cursor, 'failed_generations') as c (p);
  exception
    when data_exception then
      perform medley.fail('invalid_cursor', 'the cursor is damaged', 'p_cursor', 'Start again without a cursor.');
  end;

  return query
  with page as (
    select t.*, row_number() over (order by t.created_at desc, t.id desc) as place
    from public.generated_tracks as t
    where t.status = 'failed'
      and (v_id is null or (t.created_at, t.id) < (v_created, v_id))
    order by t.created_at desc, t.id desc
    limit v_limit + 1
  )

  select
    p.id,
    p.user_id,
    p.mode,
    p.attempts::int,
    p.error,
    p.created_at,
    p.updated_at,
    case
      when (select count(*) from page) > v_limit then medley.encode_cursor(
        'failed_generations',
        (
          select jsonb_build_object('created_at', l.created_at, 'id', l.id)
          from page as l
          where l.place = v_limit
        )
      )
    end
  from page as p
  where p.place <= v_limit
  order by p.place;
end;
$$;

comment on function medley.get_failed_generations(int, text) is
  'The dead letters; see public.get_failed_generations. Errors: invalid_argument, invalid_cursor.';
revoke all on function medley.get_failed_generations(int, text) from public, anon, authenticated, service_role;
grant execute on function medley.get_failed_generations(int, text) to service_role;
