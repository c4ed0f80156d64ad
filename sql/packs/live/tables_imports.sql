-- Imports of artists from outside sources. A job goes through the stages in order; the edge function import-artist
-- does the asking, the functions of imports.sql and the stages do the writing.
--   import_status      what everybody may see of a job: where it is, how far, what went wrong
--   import_jobs        what the workers need: what to import, the next stage, who works on it (the lease)
--   import_updates     every update of a job in order, for streams that miss none
--   import_requests    who started what was not running, for the daily limit
insert into medley.settings (key, value, description)
values
  ('imports.lease_seconds', 30, 'Seconds without a sign of life after which another worker takes over; 5 to 300.'),
  ('imports.fresh_minutes', 60, 'An artist imported so many minutes ago is not imported again; 0 to 10,000.'),
  ('imports.resume_hours', 24, 'A failed import goes on at its stage for so many hours, then begins anew; 0 to 168.'),
  ('imports.stalled_minutes', 10, 'Minutes without a sign of life after which an import counts as failed; 1 to 1,440.'),
  ('imports.member_daily', 20, 'Imports that one member may start in 24 hours; to join one is free; 0 to 10,000.'),
  ('imports.keep_days', 30, 'Finished imports are deleted after so many days; 1 to 3,650.');

create table medley.import_stages (
  stage text primary key,
  stage_no smallint not null unique check (stage_no > 0),
  starts_at smallint not null check (starts_at between 0 and 100),
  description text not null
);

comment on table medley.import_stages is 'The stages of an import in order, and at which percentage of the whole each begins.';
comment on column medley.import_stages.stage is 'Name of the stage; done is the last.';
comment on column medley.import_stages.stage_no is 'Its place, from 1.';
comment on column medley.import_stages.starts_at is 'Percent of a whole import that are done when it begins.';
comment on column medley.import_stages.description is 'What it does.';

alter table medley.import_stages enable row level security;
revoke all on medley.import_stages from public, anon, authenticated, service_role;

insert into medley.import_stages (stage, stage_no, starts_at, description)
values
  ('identify', 1, 0, 'Finds the artist''s ids at the sources.'),
  ('artist', 2, 5, 'Writes the artist.'),
  ('songs', 3, 10, 'Writes the songs.'),
  ('events', 4, 50, 'Writes the shows that are announced, and their venues.'),
  ('setlists', 5, 60, 'Writes what was played at past shows.'),
  ('done', 6, 100, 'Everything is written.');

create table public.import_status (
  id uuid primary key default gen_random_uuid(),
  job_id text not null unique default gen_random_uuid()::text check (length(job_id) between 1 and 255),
  artist_id uuid references public.artists (id) on delete set null,
  stage text not null default 'identify'
  check (stage in ('identify', 'artist', 'songs', 'events', 'setlists', 'done', 'failed')),
  progress int not null default 0 check (progress between 0 and 100),
  message text check (length(message) <= 500),
  error text check (length(error) <= 1000),
  estimated_time_remaining int check (estimated_time_remaining >= 0),
  update_no int not null default 0,
  started_at timestamptz not null default now(),
  completed_at timestamptz,
  updated_at timestamptz not null default now(),
  constraint import_status_failed_says_why check ((stage = 'failed') = (error is not null)),
  constraint import_status_completed check ((stage in ('done', 'failed')) = (completed_at is not null))
);
create index import_status_artist_idx on public.import_status (artist_id);
create index import_status_completed_idx on public.import_status (completed_at) where completed_at is not null;

comment on table public.import_status is 'Where each import of an artist is. Everybody may read it; import jobs alone write it.';
comment on column public.import_status.id is 'The row.';
comment on column public.import_status.job_id is 'The job, as start_import names it.';
comment on column public.import_status.artist_id is 'The artist, as soon as there is one.';
comment on column public.import_status.stage is
  'identify, artist, songs, events, setlists; done or failed at the end. A failed job that is started again goes on.';
comment on column public.import_status.progress is 'Percent of the whole that are done.';
comment on column public.import_status.message is 'What happens, in words.';
comment on column public.import_status.error is 'Why it failed: a code, a colon, the reason.';
comment on column public.import_status.estimated_time_remaining is 'Seconds, by the pace so far; null where that says nothing yet.';
comment on column public.import_status.update_no is 'Number of the last update; grows by one with each.';
comment on column public.import_status.started_at is 'When the job was made.';
comment on column public.import_status.completed_at is 'When it ended, well or not.';
comment on column public.import_status.updated_at is 'When the row last changed.';

alter table public.import_status enable row level security;
revoke all on public.import_status from public, anon, authenticated, service_role;
grant select on public.import_status to anon, authenticated, service_role;

create policy import_status_select on public.import_status
for select to anon, authenticated using (true);

create table medley.import_jobs (
  job_id text primary key references public.import_status (job_id) on delete cascade,
  asked_key text not null,
  request_key text not null,
  request jsonb not null,
  stage text not null default 'identify' check (stage in ('identify', 'artist', 'songs', 'events', 'setlists', 'done')),
  attempt int not null default 0,
  attempt_started_at timestamptz,
  attempt_progress int not null default 0,
  lease uuid,
  leased_until timestamptz,
  finished_at timestamptz
);
create unique index import_jobs_running_idx on medley.import_jobs (request_key) where finished_at is null;
create index import_jobs_request_key_idx on medley.import_jobs (request_key);
create index import_jobs_asked_key_idx on medley.import_jobs (asked_key);

comment on table medley.import_jobs is 'What workers need of an import; one running job an artist.';
comment on column medley.import_jobs.job_id is 'The job.';
comment on column medley.import_jobs.asked_key is
  'Which artist, as the first call named it: artist:<id>, spotify:<id>, ticketmaster:<id> or name:<name>.';
comment on column medley.import_jobs.request_key is
  'Which artist, by what is known now: artist:<id> where the catalogue has it, else as above.';
comment on column medley.import_jobs.request is 'What is known of the artist: name, artist_id, spotify_id, ticketmaster_id, musicbrainz_id.';
comment on column medley.import_jobs.stage is 'The stage to do next; it stays where a job fails, and goes on from there.';
comment on column medley.import_jobs.attempt is 'How many workers have taken it up.';
comment on column medley.import_jobs.attempt_started_at is 'When the last one did.';
comment on column medley.import_jobs.attempt_progress is 'Percent that were done by then.';
comment on column medley.import_jobs.lease is 'Secret of the worker that holds the job; the writes of any other are refused.';
comment on column medley.import_jobs.leased_until is 'Until when it holds it without a sign of life.';
comment on column medley.import_jobs.finished_at is 'When the job ended, well or not; null while it runs.';

alter table medley.import_jobs enable row level security;
revoke all on medley.import_jobs from public, anon, authenticated, service_role;

create table medley.import_updates (
  job_id text not null references public.import_status (job_id) on delete cascade,
  update_no int not null,
  stage text not null,
  progress int not null,
  message text,
  error text,
  estimated_time_remaining int,
  updated_at timestamptz not null,
  primary key (job_id, update_no)
);

comment on table medley.import_updates is
  'Every update of an import. The numbers of a job have no gaps and follow the order of commits, because each is given '
  'under the lock of the job''s row: who has read up to n misses nothing before it.';
comment on column medley.import_updates.job_id is 'The job.';
comment on column medley.import_updates.update_no is 'Place among the job''s updates, from 1.';
comment on column medley.import_updates.stage is 'As in import_status.';
comment on column medley.import_updates.progress is 'As in import_status.';
comment on column medley.import_updates.message is 'As in import_status.';
comment on column medley.import_updates.error is 'As in import_status.';
comment on column medley.import_updates.estimated_time_remaining is 'As in import_status.';
comment on column medley.import_updates.updated_at is 'When it happened.';

alter table medley.import_updates enable row level security;
revoke all on medley.import_updates from public, anon, authenticated, service_role;

create table medley.import_requests (
  request_no bigint primary key generated always as identity,
  user_id uuid not null references auth.users (id) on delete cascade,
  requested_at timestamptz not null
);
create index import_requests_user_idx on medley.import_requests (user_id, requested_at);
create index import_requests_time_idx on medley.import_requests (requested_at);

comment on table medley.import_requests is 'Imports that members started in the last 24 hours, for the daily limit.';
comment on column medley.import_requests.request_no is 'Number of the row.';
comment on column medley.import_requests.user_id is 'The member.';
comment on column medley.import_requests.requested_at is 'When.';

alter table medley.import_requests enable row level security;
revoke all on medley.import_requests from public, anon, authenticated, service_role;
create policy import_requests_own on medley.import_requests
for select to authenticated using (user_id = (select auth.uid()));

-- For look-ups by name, in any case.
create index artists_lower_name_idx on public.artists (lower(name));
create index venues_lower_name_idx on public.venues (lower(name));
