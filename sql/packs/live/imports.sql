-- Import jobs: starting or joining one, the lease of its worker, its updates, its end.
create or replace function medley.write_import_update(
  p_job_id text,
  p_stage text,
  p_progress int,
  p_message text,
  p_error text,
  p_as_of timestamptz
)
returns void
language sql volatile parallel unsafe security definer set search_path = ''
as $$
  with written as (
    update public.import_status as s
    set
      stage = p_stage,
      -- A stage that is done again after a failure does not run backwards.
      progress = greatest(s.progress, coalesce(p_progress, 0)),
      message = left(coalesce(p_message, s.message), 500),
      error = left(p_error, 1000),
      estimated_time_remaining = e.seconds,
      update_no = s.update_no + 1,
      completed_at = case when p_stage in ('done', 'failed') then p_as_of end,
      updated_at = p_as_of
    from medley.import_jobs as j
    cross join lateral (
      select
        greatest(extract(epoch from p_as_of - j.attempt_started_at), 0) as elapsed,
        p_progress - j.attempt_progress as gained
    ) as p
    cross join lateral (
      select case
        when p_stage = 'done' then 0
        when p_stage = 'failed' then null
        -- Before that the pace says nothing.
        when p.gained >= 5 then least(ceil(p.elapsed * (100 - p_progress) / p.gained), 86400)::int
      end as seconds
    ) as e
    where s.job_id = p_job_id and j.job_id = s.job_id
    returning s.*
  )

  insert into medley.import_updates (
    job_id, update_no, stage, progress, message, error, estimated_time_remaining, updated_at
  )
  select
    w.job_id, w.update_no, w.stage, w.progress, w.message, w.error, w.estimated_time_remaining, w.updated_at
  from written as w
$$;

comment on function medley.write_import_update(text, text, int, text, text, timestamptz) is
  'Writes an update of an import: the row of import_status and its copy in import_updates. A null p_message keeps '
  'the last. The estimate: as much time for each percent that is left as this attempt took for each of its own.';
revoke all on function medley.write_import_update(text, text, int, text, text, timestamptz)
from public, anon, authenticated, service_role;

create or replace function medley.import_request(p_artist jsonb)
returns jsonb
language plpgsql stable parallel safe security definer set search_path = ''
as $$
declare
  v_request jsonb;
  v_fields text[];
  v_found public.artists;
begin
  if p_artist is null or jsonb_typeof(p_artist) <> 'object' then
    perform medley.fail('invalid_argument', 'p_artist must be an object', 'p_artist',
      'Pass one of {"name"}, {"spotify_id"}, {"ticketmaster_id"}, {"artist_id"}.');
  end if;
  select
    jsonb_object_agg(f.key, btrim(f.value #>> '{}')),
    array_agg(f.key) filter (
      where f.key not in ('artist_id', 'spotify_id', 'ticketmaster_id', 'name') or jsonb_typeof(f.value) <> 'string'
      or length(btrim(f.value #>> '{}')) not between 1 and 255
    )
    into v_request, v_fields
  from jsonb_each(p_artist) as f
  where jsonb_typeof(f.value) <> 'null';
  if v_fields is not null then
    perform medley.fail('invalid_argument', format('p_artist has no usable %s', left(v_fields[1], 50)), 'p_artist',
      'Its fields are texts of 1 to 255 characters: name, spotify_id, ticketmaster_id or artist_id.');
  end if;
  if v_request is null or (select count(*) from jsonb_object_keys(v_request)) <> 1 then
    perform medley.fail('invalid_argument', 'p_artist must say in one way which artist is meant', 'p_artist',
      'Pass one of {"name"}, {"spotify_id"}, {"ticketmaster_id"}, {"artist_id"}.');
  end if;

  if v_request ? 'artist_id' then
    if v_request ->> 'artist_id' ~* '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' then
      select a.* into v_found from public.artists as a where a.id = (v_request ->> 'artist_id')::uuid;
    end if;
    if v_found.id is null then
      perform medley.fail('not_found', format('no artist %s', left(v_request ->> 'artist_id', 50)), 'p_artist',
        'Pass the id of an artist in the catalogue, or a name to look for.');
    end if;
  elsif v_request ? 'name' then
    -- Of namesakes none is chosen here: the sources know more.
    select a.* into v_found
    from public.artists as a
    where lower(a.name) = lower(v_request ->> 'name')
      and 1 = (select count(*) from public.artists as n where lower(n.name) = lower(v_request ->> 'name'));
  else
    select a.* into v_found
    from public.artists as a
    where a.spotify_id = v_request ->> 'spotify_id' or a.ticketmaster_id = v_request ->> 'ticketmaster_id';
  end if;

  return v_request || jsonb_strip_nulls(jsonb_build_object(
    'artist_id', v_found.id, 'name', v_found.name, 'spotify_id', v_found.spotify_id,
    'ticketmaster_id', v_found.ticketmaster_id
  ));
end;
$$;

comment on function medley.import_request(jsonb) is
  'What to import, checked, with what the catalogue knows of that artist. p_artist has one of name, spotify_id, '
  'ticketmaster_id and artist_id. Errors: invalid_argument, not_found (an artist_id that does not exist).';
revoke all on function medley.import_request(jsonb) from public, anon, authenticated, service_role;

create or replace function medley.import_key(p_request jsonb)
returns text
language sql immutable parallel safe security invoker set search_path = ''
as $$
  select coalesce(
    'artist:' || (p_request ->> 'artist_id'),
    'spotify:' || (p_request ->> 'spotify_id'),
    'ticketmaster:' || (p_request ->> 'ticketmaster_id'),
    'name:' || medley.normalize_title(p_request ->> 'name')
  )
$$;

comment on function medley.import_key(jsonb) is 'Which artist a request means, as one text: its most certain id.';
revoke all on function medley.import_key(jsonb) from public, anon, authenticated, service_role;

create or replace function medley.count_import_request(p_user_id uuid, p_as_of timestamptz)
returns void
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_most int := medley.setting('imports.member_daily')::int;
begin
  -- Two calls of one member: the second sees the first one's row.
  perform pg_advisory_xact_lock(hashtextextended('medley.import_requests:' || p_user_id, 0));
  if v_most <= (
    select count(*)
    from medley.import_requests as r
    where r.user_id = p_user_id and r.requested_at > p_as_of - interval '1 day'
  ) then
    perform medley.fail('quota_exceeded', format('a member may start %s imports a day', v_most), null,
      'Wait until tomorrow, or join an import that runs.');
  end if;
  insert into medley.import_requests (user_id, requested_at)
  values (p_user_id, p_as_of);
end;
$$;

comment on function medley.count_import_request(uuid, timestamptz) is
  'Notes that a member starts an import. Errors: quota_exceeded (imports.member_daily in 24 hours).';
revoke all on function medley.count_import_request(uuid, timestamptz) from public, anon, authenticated, service_role;

create or replace function medley.start_import(p_artist jsonb, p_user_id uuid, p_as_of timestamptz)
returns table (job_id text, stage text, started boolean)
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_request jsonb := medley.import_request(p_artist);
  v_key text := medley.import_key(v_request);
  v_last medley.import_jobs;
  v_stage text;
begin
  -- Two calls for one artist: the second sees the first one's job.
  perform pg_advisory_xact_lock(hashtextextended('medley.import:' || v_key, 0));

  select j.* into v_last
  from medley.import_jobs as j
  where j.request_key = v_key or j.asked_key = v_key
    -- Another call may have named the same artist in another way since.
    or j.request_key in (select k.request_key from medley.import_jobs as k where k.asked_key = v_key)
  order by j.finished_at desc nulls first
  limit 1
  for update;

  if v_last.job_id is not null then
    select s.stage into v_stage from public.import_status as s where s.job_id = v_last.job_id;
    if v_last.finished_at is null
      or v_stage = 'done'
      and v_last.finished_at > p_as_of - make_interval(mins => medley.setting('imports.fresh_minutes')::int) then
      return query select v_last.job_id, v_stage, false;
      return;
    end if;
  end if;

  if p_user_id is not null then
    perform medley.count_import_request(p_user_id, p_as_of);
  end if;
  if v_stage = 'failed'
    and v_last.finished_at > p_as_of - make_interval(hours => medley.setting('imports.resume_hours')::int) then
    update medley.import_jobs as j
    set finished_at = null, lease = null, leased_until = null
    where j.job_id = v_last.job_id;
    perform medley.write_import_update(v_last.job_id, v_last.stage, null, 'Goes on.', null, p_as_of);
    return query select v_last.job_id, v_last.stage, true;
    return;
  end if;

  insert into public.import_status (artist_id, message, started_at, updated_at)
  values ((v_request ->> 'artist_id')::uuid, 'Waits for a worker.', p_as_of, p_as_of)
  returning import_status.job_id into v_last.job_id;
  insert into medley.import_jobs (job_id, asked_key, request_key, request)
  values (v_last.job_id, v_key, v_key, v_request);
  perform medley.write_import_update(v_last.job_id, 'identify', 0, null, null, p_as_of);
  return query select v_last.job_id, 'identify', true;
end;
$$;

comment on function medley.start_import(jsonb, uuid, timestamptz) is
  'Starts the import of an artist, or joins the one that runs; a failed one goes on at its stage '
  '(imports.resume_hours), and one that just succeeded is left as it is (imports.fresh_minutes). started: whether '
  'there is work to do that nobody did. p_user_id: the member who asks, for the daily limit; null for the service. '
  'Errors: invalid_argument, not_found, quota_exceeded.';
revoke all on function medley.start_import(jsonb, uuid, timestamptz) from public, anon, authenticated, service_role;
grant execute on function medley.start_import(jsonb, uuid, timestamptz) to service_role;

create or replace function medley.claim_import(p_job_id text, p_as_of timestamptz)
returns table (lease uuid, lease_seconds int, stage text, request jsonb, attempt int, wait_seconds int)
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_seconds int := medley.setting('imports.lease_seconds')::int;
  v_job medley.import_jobs;
  v_status public.import_status;
begin
  select j.* into v_job from medley.import_jobs as j where j.job_id = p_job_id for update;
  if not found then
    perform medley.fail('not_found', format('no import %s', left(p_job_id, 100)), 'p_job_id',
      'start_import gives the id.');
  end if;
  select s.* into v_status from public.import_status as s where s.job_id = p_job_id;

  if v_job.finished_at is not null or v_job.leased_until > p_as_of then
    return query select
      null::uuid, v_seconds, v_status.stage, v_job.request, v_job.attempt,
      case when v_job.finished_at is null then ceil(extract(epoch from v_job.leased_until - p_as_of))::int end;
    return;
  end if;
  return query
  update medley.import_jobs as j
  set
    lease = gen_random_uuid(),
    leased_until = p_as_of + make_interval(secs => v_seconds),
    attempt = j.attempt + 1,
    attempt_started_at = p_as_of,
    attempt_progress = v_status.progress
  where j.job_id = p_job_id
  returning j.lease, v_seconds, j.stage, j.request, j.attempt, null::int;
end;
$$;

comment on function medley.claim_import(text, timestamptz) is
  'Gives a job to a worker that asks: its lease, good for lease_seconds, the stage to do next and what is known of '
  'the artist. lease is null where the job is over (wait_seconds null too) or another worker holds it, for '
  'wait_seconds yet. Errors: not_found.';
revoke all on function medley.claim_import(text, timestamptz) from public, anon, authenticated, service_role;
grant execute on function medley.claim_import(text, timestamptz) to service_role;

create or replace function medley.hold_import(p_job_id text, p_lease uuid, p_as_of timestamptz)
returns medley.import_jobs
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_job medley.import_jobs;
begin
  select j.* into v_job from medley.import_jobs as j where j.job_id = p_job_id for update;
  if not found then
    perform medley.fail('not_found', format('no import %s', left(p_job_id, 100)), 'p_job_id',
      'start_import gives the id.');
  end if;
  if v_job.lease is distinct from p_lease or v_job.finished_at is not null then
    perform medley.fail('conflict', format('this worker no longer holds the import %s', p_job_id), 'p_lease',
      'Stop: the job is over, or another worker has taken it up.');
  end if;
  update medley.import_jobs as j
  set leased_until = p_as_of + make_interval(secs => medley.setting('imports.lease_seconds')::int)
  where j.job_id = p_job_id;
  return v_job;
end;
$$;

comment on function medley.hold_import(text, uuid, timestamptz) is
  'Locks a job for the worker that holds its lease, which it prolongs, until the transaction ends; returns the job. '
  'Errors: not_found, conflict (the lease is another''s, or the job is over).';
revoke all on function medley.hold_import(text, uuid, timestamptz) from public, anon, authenticated, service_role;

create or replace function medley.report_import_progress(
  p_job_id text,
  p_lease uuid,
  p_done real,
  p_message text,
  p_as_of timestamptz
)
returns void
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_job medley.import_jobs := medley.hold_import(p_job_id, p_lease, p_as_of);
  v_progress int;
begin
  if p_done is null and p_message is null then
    return;
  end if;
  if p_done not between 0 and 1 then
    perform medley.fail('invalid_argument', format('p_done must be between 0 and 1, got %s', p_done), 'p_done',
      'Pass the share of the stage that is done.');
  end if;
  select s.starts_at + floor(coalesce(p_done, 0) * (coalesce(n.starts_at, 100) - s.starts_at)) into v_progress
  from medley.import_stages as s
  left join medley.import_stages as n on n.stage_no = s.stage_no + 1
  where s.stage = v_job.stage;
  perform medley.write_import_update(p_job_id, v_job.stage, v_progress, p_message, null, p_as_of);
end;
$$;

comment on function medley.report_import_progress(text, uuid, real, text, timestamptz) is
  'Says that a worker lives, and how far it is: p_done of the stage, 0 to 1, and a message. Without both it only '
  'prolongs the lease. Errors: not_found, conflict, invalid_argument.';
revoke all on function medley.report_import_progress(text, uuid, real, text, timestamptz)
from public, anon, authenticated, service_role;
grant execute on function medley.report_import_progress(text, uuid, real, text, timestamptz) to service_role;

create or replace function medley.end_import(p_job_id text, p_code text, p_reason text, p_as_of timestamptz)
returns void
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_error text := p_code || ': ' || coalesce(p_reason, 'no reason was given');
begin
  update medley.import_jobs as j
  set finished_at = p_as_of, lease = null, leased_until = null
  where j.job_id = p_job_id;
  perform medley.write_import_update(
    p_job_id,
    case when p_code is null then 'done' else 'failed' end,
    case when p_code is null then 100 end,
    case when p_code is null then 'Imported.' else 'Failed; start it again to go on.' end,
    v_error,
    p_as_of
  );
end;
$$;

comment on function medley.end_import(text, text, text, timestamptz) is
  'Ends a job: well without p_code, else failed for that reason.';
revoke all on function medley.end_import(text, text, text, timestamptz) from public, anon, authenticated, service_role;

create or replace function medley.fail_import(
  p_job_id text,
  p_lease uuid,
  p_code text,
  p_reason text,
  p_as_of timestamptz
)
returns void
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
begin
  perform medley.hold_import(p_job_id, p_lease, p_as_of);
  if p_code is null or p_code !~ '^[a-z_]{1,50}$' then
    perform medley.fail('invalid_argument', 'p_code must be a word such as source_unavailable', 'p_code',
      'Pass lower-case letters and underscores.');
  end if;
  perform medley.end_import(p_job_id, p_code, p_reason, p_as_of);
end;
$$;

comment on function medley.fail_import(text, uuid, text, text, timestamptz) is
  'Ends a job that cannot go on, with a code and the reason; start_import lets it go on at the same stage. '
  'Errors: not_found, conflict, invalid_argument.';
revoke all on function medley.fail_import(text, uuid, text, text, timestamptz)
from public, anon, authenticated, service_role;
grant execute on function medley.fail_import(text, uuid, text, text, timestamptz) to service_role;

create or replace function medley.get_import_updates(p_after jsonb)
returns table (
  job_id text, update_no int, stage text, progress int, message text, error text, estimated_time_remaining int,
  updated_at timestamptz, artist_id uuid
)
language plpgsql stable parallel safe security definer set search_path = ''
as $$
begin
  if p_after is null or jsonb_typeof(p_after) <> 'object'
    or exists (select from jsonb_each(p_after) as a where a.value::text !~ '^(null|\d{1,9})$') then
    perform medley.fail('invalid_argument', 'p_after must be an object of job ids and numbers', 'p_after',
      'Pass {"<job_id>": number of the last update that is known, or null for the current state}.');
  end if;
  return query
  with watched as materialized (
    select w.key as job_id, nullif(w.value, 'null'::jsonb)::int as known
    from jsonb_each(p_after) as w
  )

  select
    u.job_id, u.update_no, u.stage, u.progress, u.message, u.error, u.estimated_time_remaining, u.updated_at,
    s.artist_id
  from watched as w
  inner join medley.import_updates as u on u.job_id = w.job_id and u.update_no > w.known
  inner join public.import_status as s on s.job_id = u.job_id
  union all
  select
    s.job_id, s.update_no, s.stage, s.progress, s.message, s.error, s.estimated_time_remaining, s.updated_at,
    s.artist_id
  from watched as w
  inner join public.import_status as s on s.job_id = w.job_id
  where w.known is null
  order by 1, 2
  limit 1000;
end;
$$;

comment on function medley.get_import_updates(jsonb) is
  'What happened in several imports since one last looked. p_after: {"<job_id>": number of the last known update, or '
  'null for the current state alone}. Returns up to 1,000 updates by job and number; jobs that do not exist have '
  'none. Errors: invalid_argument.';
revoke all on function medley.get_import_updates(jsonb) from public, anon, authenticated, service_role;
grant execute on function medley.get_import_updates(jsonb) to service_role;

create or replace function medley.fail_stalled_imports()
returns bigint
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_now timestamptz := now();
  v_before timestamptz := v_now - make_interval(mins => medley.setting('imports.stalled_minutes')::int);
  v_ended bigint;
begin
  with stalled as materialized (
    select j.job_id
    from medley.import_jobs as j
    inner join public.import_status as s on s.job_id = j.job_id
    where j.finished_at is null and coalesce(j.leased_until, s.updated_at) < v_before
    order by j.job_id
    for update of j skip locked
  )

  select count(medley.end_import(s.job_id, 'stalled', 'its worker is gone', v_now)) into v_ended
  from stalled as s;
  return v_ended;
end;
$$;

comment on function medley.fail_stalled_imports() is
  'Job: imports whose worker gave no sign of life for imports.stalled_minutes count as failed; started again, they '
  'go on. Returns how many.';
revoke all on function medley.fail_stalled_imports() from public, anon, authenticated, service_role;

create or replace function medley.delete_old_imports(p_limit int)
returns bigint
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_deleted bigint;
begin
  delete from public.import_status as s
  where s.id in (
    select o.id
    from public.import_status as o
    where o.completed_at < now() - make_interval(days => medley.setting('imports.keep_days')::int)
    order by o.completed_at
    limit p_limit
  );
  get diagnostics v_deleted = row_count;

  delete from medley.import_requests as r
  where r.requested_at < now() - interval '1 day';
  return v_deleted;
end;
$$;

comment on function medley.delete_old_imports(int) is
  'Job: deletes up to p_limit imports that ended more than imports.keep_days ago, with their updates. Returns how '
  'many.';
revoke all on function medley.delete_old_imports(int) from public, anon, authenticated, service_role;
