-- Every error an app can meet has one stable code. `medley.fail` is the only place that raises.
create table medley.error_codes (
  code text primary key,
  http_status smallint not null check (http_status between 400 and 499),
  meaning text not null
);

comment on table medley.error_codes is
  'The stable error codes: what an app may match on. docs/errors.md and the client mirror these rows.';
comment on column medley.error_codes.code is 'Stable name, sent as "code" in the JSON of an error''s detail.';
comment on column medley.error_codes.http_status is 'HTTP status of the answer; the SQLSTATE is PT followed by it.';
comment on column medley.error_codes.meaning is 'What went wrong, in one sentence.';

alter table medley.error_codes enable row level security;
revoke all on medley.error_codes from public, anon, authenticated, service_role;

insert into medley.error_codes (code, http_status, meaning)
values
  ('invalid_argument', 400, 'An argument is missing, malformed or out of range.'),
  ('invalid_cursor', 400, 'The cursor is damaged or belongs to another query.'),
  ('unauthenticated', 401, 'The call needs a signed-in member.'),
  ('forbidden', 403, 'The caller may not act for that member or on that row.'),
  ('not_found', 404, 'Nothing visible has that id or slug.'),
  ('conflict', 409, 'The change contradicts what is stored.'),
  ('cycle', 409, 'The parent or source would close a cycle.'),
  ('too_large', 413, 'The input holds more than one call accepts.'),
  ('quota_exceeded', 429, 'The allowance of the day is used up.');

create or replace function medley.fail(
  p_code text,
  p_message text,
  p_argument text default null,
  p_hint text default null
)
returns void
language plpgsql volatile parallel safe security definer set search_path = ''
as $$
declare
  v_status smallint;
begin
  select e.http_status into strict v_status
  from medley.error_codes as e
  where e.code = p_code;

  raise exception using
    errcode = 'PT' || v_status,
    message = left(p_message, 500),
    detail = jsonb_strip_nulls(jsonb_build_object('code', p_code, 'argument', p_argument))::text,
    hint = coalesce(p_hint, '');
end;
$$;

comment on function medley.fail(text, text, text, text) is
  'Raises the error p_code of medley.error_codes: SQLSTATE PT + HTTP status, the message, a hint with the next step '
  'and JSON detail {"code", "argument"}. Returns never.';
revoke all on function medley.fail(text, text, text, text) from public, anon, authenticated, service_role;
grant execute on function medley.fail(text, text, text, text) to anon, authenticated, service_role;
