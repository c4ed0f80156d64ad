-- The API of the signals.
create or replace function public.log_engagement(p_events jsonb)
returns table (event_index int, status text, code text, message text)
language plpgsql volatile parallel unsafe security invoker set search_path = ''
as $$
begin
  return query
  select
    e.event_index,
    e.status,
    e.code,
    e.message
  from medley.log_engagement(null, p_events, now()) as e;
end;
$$;

comment on function public.log_engagement(jsonb) is
  'Logs up to 1,000 events of the signed-in member. p_events: [{"item_id": uuid, "kind": text (a row of engagement_kinds), '
  '"occurred_at": time (now by default), "value": number, "session_id": uuid, "platform": text, "device": text, '
  '"position": from 0, "dwell_ms": milliseconds, "progress": 0 to 1, "predicted_score": number, "algorithm": text, '
  '"variant": text, "context": object}]; item_id and kind are required; with the secret key each event also names its '
  '"user_id". Safe to repeat: an event with the same member, time, item and kind counts once, so name the time. '
  'Members log the last signals.max_age_days days, the service any time since 1970. '
  'Returns one row an event, in their order: event_index (from 1), status (accepted, duplicate or refused), and for a '
  'refusal the code (invalid_argument, not_found, forbidden) and a message. '
  'Errors: unauthenticated, invalid_argument (not an array), too_large; then nothing is written.';
revoke all on function public.log_engagement(jsonb) from public, anon, authenticated, service_role;
grant execute on function public.log_engagement(jsonb) to authenticated, service_role;
