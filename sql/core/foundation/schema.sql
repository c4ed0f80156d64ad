-- The schema `medley` holds the engine; it is never exposed through the API.
-- API roles may enter it because the thin functions of `public` call into it as
-- the caller: what they may run there is granted function by function.
create schema medley;
comment on schema medley is
  'The Medley engine: tables, logic and jobs. Not exposed through the API; apps call the functions in public.';

revoke all on schema medley from public, anon, authenticated, service_role;
grant usage on schema medley to anon, authenticated, service_role;
