-- The stages of an import. Each is one transaction: it checks that the caller holds the job and that this stage is due,
-- refuses malformed rows one by one, writes the others in a few statements, and moves the job on. A call that is
-- repeated after its stage is done (its answer got lost) changes nothing. Null rows: no source was asked.
-- Here is what every stage begins and ends with, and the last one; import_artists.sql, import_shows.sql and
-- import_setlists.sql have the others.
create or replace function medley.open_import_stage(
  p_job_id text,
  p_lease uuid,
  p_stage text,
  p_rows jsonb,
  p_as_of timestamptz
)
returns medley.import_jobs
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_job medley.import_jobs := medley.hold_import(p_job_id, p_lease, p_as_of);
begin
  if (
    select due.stage_no < asked.stage_no
    from medley.import_stages as due
    cross join medley.import_stages as asked
    where due.stage = v_job.stage and asked.stage = p_stage
  ) then
    perform medley.fail('conflict', format('the import is at the stage %s, not yet at %s', v_job.stage, p_stage), null,
      'Do the stages in order; claim_import says which is due.');
  end if;
  if jsonb_typeof(p_rows) <> 'array' then
    perform medley.fail('invalid_argument', 'the rows must be an array of objects', null, 'Pass [{...}, ...] or null.');
  end if;
  if jsonb_array_length(p_rows) > 10000 then
    perform medley.fail('too_large', format('the stage got %s rows', jsonb_array_length(p_rows)), null,
      'Import at most 10,000 rows a stage.');
  end if;
  return v_job;
end;
$$;

comment on function medley.open_import_stage(text, uuid, text, jsonb, timestamptz) is
  'Begins a stage for the worker that holds the job; returns the job, whose stage is past p_stage where that is done '
  'already. Errors: not_found, conflict (not the holder, or not yet that stage), invalid_argument, too_large.';
revoke all on function medley.open_import_stage(text, uuid, text, jsonb, timestamptz)
from public, anon, authenticated, service_role;

create or replace function medley.close_import_stage(p_job_id text, p_message text, p_as_of timestamptz)
returns text
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_next medley.import_stages;
begin
  select n.* into strict v_next
  from medley.import_jobs as j
  inner join medley.import_stages as s on s.stage = j.stage
  inner join medley.import_stages as n on n.stage_no = s.stage_no + 1
  where j.job_id = p_job_id;

  update medley.import_jobs as j set stage = v_next.stage where j.job_id = p_job_id;
  -- Done is what finish_import says.
  perform medley.write_import_update(
    p_job_id, case when v_next.stage = 'done' then 'setlists' else v_next.stage end, least(v_next.starts_at, 99),
    p_message, null, p_as_of
  );
  return v_next.stage;
end;
$$;

comment on function medley.close_import_stage(text, text, timestamptz) is
  'Moves a job to its next stage, which it returns, and says so.';
revoke all on function medley.close_import_stage(text, text, timestamptz)
from public, anon, authenticated, service_role;

create or replace function medley.import_message(p_noun text, p_written int, p_refused int)
returns text
language sql immutable parallel safe security invoker set search_path = ''
as $$
  select format('%s %s', to_char(p_written, 'FM999,999'), p_noun || case when p_written = 1 then '' else 's' end)
    || case when p_refused > 0 then format('; %s refused', p_refused) else '' end || '.'
$$;

comment on function medley.import_message(text, int, int) is 'How a stage ended, in words: "1,987 songs; 13 refused."';
revoke all on function medley.import_message(text, int, int) from public, anon, authenticated, service_role;

create or replace function medley.finish_import(p_job_id text, p_lease uuid, p_as_of timestamptz)
returns void
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_job medley.import_jobs := medley.open_import_stage(p_job_id, p_lease, 'done', null, p_as_of);
begin
  update public.artists as a
  set last_full_sync_at = p_as_of
  where a.id = (v_job.request ->> 'artist_id')::uuid;
  perform medley.end_import(p_job_id, null, null, p_as_of);
end;
$$;

comment on function medley.finish_import(text, uuid, timestamptz) is
  'Ends a job whose stages are all done. Errors: not_found, conflict.';
revoke all on function medley.finish_import(text, uuid, timestamptz) from public, anon, authenticated, service_role;
grant execute on function medley.finish_import(text, uuid, timestamptz) to service_role;
