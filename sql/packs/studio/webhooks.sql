-- What providers report. An event counts once, whatever its sender repeats. A result that comes late is used while it
-- can be, because it is paid for.
create or replace function medley.check_provider(p_provider text, p_generates boolean)
returns void
language plpgsql stable parallel safe security definer set search_path = ''
as $$
begin
  if not exists (
    select from medley.music_providers as p
    where p.provider = p_provider and (p_generates and p.generates or not p_generates and p.has_history)
  ) then
    perform medley.fail('invalid_argument',
      format('there is no provider %s that %s', coalesce(left(p_provider, 100), 'null'),
        case when p_generates then 'makes tracks' else 'has histories' end),
      'p_provider', 'Pass one of medley.music_providers.');
  end if;
end;
$$;

comment on function medley.check_provider(text, boolean) is
  'Refuses what is no provider of tracks (p_generates) or of histories. Errors: invalid_argument.';
revoke all on function medley.check_provider(text, boolean) from public, anon, authenticated, service_role;

create or replace function medley.start_provider_job(
  p_track_id uuid,
  p_attempt int,
  p_provider text,
  p_provider_job_id text,
  p_lease_seconds int,
  p_as_of timestamptz
)
returns timestamptz
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_until timestamptz := p_as_of + medley.check_lease_seconds(p_lease_seconds);
begin
  perform medley.check_provider(p_provider, true);
  if p_provider_job_id is null or length(p_provider_job_id) not between 1 and 200 then
    perform medley.fail('invalid_argument', 'a provider''s job has an id of 1 to 200 characters', 'p_provider_job_id',
      'Pass the id that the provider gave.');
  end if;
  perform medley.open_lease(p_track_id, p_attempt);

  insert into medley.provider_jobs as j (provider, provider_job_id, track_id, attempt, created_at)
  values (p_provider, p_provider_job_id, p_track_id, p_attempt, p_as_of)
  on conflict (provider, provider_job_id) do update
  set attempt = excluded.attempt
  where j.track_id = excluded.track_id;
  if not found then
    perform medley.fail('conflict', format('job %s is another track''s', p_provider_job_id), 'p_provider_job_id',
      'Pass the id that the provider gave for this track.');
  end if;

  update public.generated_tracks as t
  set claimable_at = v_until
  where t.id = p_track_id;
  return v_until;
end;
$$;

comment on function medley.start_provider_job(uuid, int, text, text, int, timestamptz) is
  'Notes that a provider works on a track; see public.start_provider_job. '
  'Errors: those of open_lease, invalid_argument, conflict.';
revoke all on function medley.start_provider_job(uuid, int, text, text, int, timestamptz)
from public, anon, authenticated, service_role;
grant execute on function medley.start_provider_job(uuid, int, text, text, int, timestamptz) to service_role;

create or replace function medley.apply_provider_event(
  p_job medley.provider_jobs,
  p_status text,
  p_result jsonb,
  p_embedding real[],
  p_as_of timestamptz
)
returns text
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_track public.generated_tracks;
begin
  select t.* into strict v_track
  from public.generated_tracks as t
  where t.id = p_job.track_id
  for no key update;

  if v_track.status <> 'generating' then
    return 'late';
  end if;
  if p_status = 'completed' then
    -- Of whichever attempt: the audio is there, and the worker that tries again will find the track final.
    perform medley.finish_track(
      v_track.id, p_result ->> 'url', (p_result ->> 'duration')::int, p_result ->> 'title', p_result ->> 'explanation',
      case when p_result ? 'genres' then array(select jsonb_array_elements_text(p_result -> 'genres')) end,
      case when p_result ? 'tags' then array(select jsonb_array_elements_text(p_result -> 'tags')) end,
      p_embedding, p_as_of
    );
    return 'applied';
  end if;
  if p_job.attempt <> v_track.attempts then
    return 'stale';
  end if;
  if p_status = 'failed' then
    perform medley.retry_or_fail(
      v_track, p_result ->> 'error', (p_result ->> 'retry')::boolean, (p_result ->> 'retry_after_seconds')::int, p_as_of
    );
  else
    update public.generated_tracks as t
    set
      progress = greatest(t.progress, least(100, greatest(0, (p_result ->> 'progress')::int))),
      claimable_at = greatest(
        t.claimable_at, p_as_of + make_interval(secs => medley.setting('studio.webhook_lease_seconds')::float8)
      )
    where t.id = v_track.id;
  end if;
  return 'applied';
end;
$$;

comment on function medley.apply_provider_event(medley.provider_jobs, text, jsonb, real[], timestamptz) is
  'Does what an event says. Returns applied; late, when the track is final; stale, when another attempt is under way.';
revoke all on function medley.apply_provider_event(medley.provider_jobs, text, jsonb, real[], timestamptz)
from public, anon, authenticated, service_role;

create or replace function medley.record_generation_event(
  p_provider text,
  p_event_id text,
  p_provider_job_id text,
  p_status text,
  p_result jsonb,
  p_embedding real[],
  p_as_of timestamptz
)
returns table (track_id uuid, outcome text, status text)
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_result jsonb := coalesce(p_result, '{}');
  v_digest bytea := sha256(convert_to(
    jsonb_build_array(p_provider_job_id, p_status, v_result, to_jsonb(p_embedding))::text, 'UTF8'
  ));
  v_seen medley.provider_events;
  v_job medley.provider_jobs;
  v_outcome text;
begin
  perform medley.check_provider(p_provider, true);
  if p_event_id is null or length(p_event_id) not between 1 and 200 then
    perform medley.fail('invalid_argument', 'an event has an id of 1 to 200 characters', 'p_event_id',
      'Pass the id that the provider gave the event.');
  end if;
  if p_status is null or p_status not in ('progress', 'completed', 'failed') then
    perform medley.fail('invalid_argument', format('there is no status %s', coalesce(left(p_status, 100), 'null')), 'p_status',
      'Pass progress, completed or failed.');
  end if;
  if jsonb_typeof(v_result) <> 'object' then
    perform medley.fail('invalid_argument', 'p_result must be an object', 'p_result', 'Pass {"url", "duration", ...}.');
  end if;

  -- A second call with the same event waits here for the first.
  insert into medley.provider_events (provider, event_id, digest, outcome, received_at)
  values (p_provider, p_event_id, v_digest, 'applied', p_as_of)
  on conflict do nothing;
  if not found then
    select e.* into strict v_seen
    from medley.provider_events as e
    where e.provider = p_provider and e.event_id = p_event_id;
    if v_seen.digest <> v_digest then
      perform medley.fail('conflict', format('event %s came before and said something else', left(p_event_id, 100)),
        'p_event_id', 'An event keeps its words: this one is forged, or the provider''s ids are not unique.');
    end if;
    return query
    select j.track_id, 'duplicate', t.status
    from medley.provider_jobs as j
    inner join public.generated_tracks as t on t.id = j.track_id
    where j.provider = p_provider and j.provider_job_id = p_provider_job_id;
    return;
  end if;

  select j.* into v_job
  from medley.provider_jobs as j
  where j.provider = p_provider and j.provider_job_id = p_provider_job_id;
  if not found then
    perform medley.fail('not_found', format('no job %s', left(p_provider_job_id, 100)), 'p_provider_job_id',
      'It may not be noted yet: answer with an error, and the provider will send the event again.');
  end if;
  v_outcome := medley.apply_provider_event(v_job, p_status, v_result, p_embedding, p_as_of);
  if v_outcome <> 'applied' then
    update medley.provider_events as e
    set outcome = v_outcome
    where e.provider = p_provider and e.event_id = p_event_id;
  end if;

  return query
  select t.id, v_outcome, t.status
  from public.generated_tracks as t
  where t.id = v_job.track_id;
exception
  -- Numbers that are none, arrays that are none: the sender's data, not our fault.
  when data_exception then
    perform medley.fail('invalid_argument', sqlerrm, 'p_result', 'Correct the event; nothing was written.');
end;
$$;

comment on function medley.record_generation_event(text, text, text, text, jsonb, real[], timestamptz) is
  'Takes in an event of a provider; see public.record_generation_event. '
  'Errors: invalid_argument, not_found, conflict (a replay with other words).';
revoke all on function medley.record_generation_event(text, text, text, text, jsonb, real[], timestamptz)
from public, anon, authenticated, service_role;
grant execute on function medley.record_generation_event(text, text, text, text, jsonb, real[], timestamptz)
to service_role;

create or replace function medley.prune_provider_events(p_limit int)
returns bigint
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_keep interval := make_interval(days => medley.setting('studio.keep_event_days')::int);
  v_rows bigint;
begin
  delete from medley.provider_events as e
  using (
    select o.provider, o.event_id
    from medley.provider_events as o
    where o.received_at < now() - v_keep
    limit p_limit
  ) as d
  where e.provider = d.provider and e.event_id = d.event_id;
  get diagnostics v_rows = row_count;
  return v_rows;
end;
$$;

comment on function medley.prune_provider_events(int) is
  'Job: forgets up to p_limit events older than studio.keep_event_days. Returns how many.';
revoke all on function medley.prune_provider_events(int) from public, anon, authenticated, service_role;
