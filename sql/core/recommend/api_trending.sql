-- The API of trends and feedback.
create or replace function public.get_trending(
  p_kind text default null,
  p_window text default 'day',
  p_trend_type text default 'global',
  p_segment text default null,
  p_limit int default 20,
  p_cursor text default null,
  p_user_id uuid default null
)
returns table (
  item_id uuid, kind text, title text, score real, time_window text, trend_type text, segment text, next_cursor text
)
language sql stable parallel safe security invoker set search_path = ''
as $$
  select t.*
  from medley.get_trending(p_kind, p_window, p_trend_type, p_segment, p_limit, p_cursor, p_user_id, now()) as t
$$;

comment on function public.get_trending(text, text, text, text, int, text, uuid) is
  'What trends, highest score first: much activity of late, and more of it than is usual for the item. p_kind: a kind of '
  'item, or null for all. p_window: hour, day, week or month. p_trend_type: global; genre (p_segment is its slug, and all '
  'genres below it count); platform (p_segment is its name as events give it); friend_network (what friends did) or '
  'cluster (what members of the same taste did; global, and the rows say so, while there is none), both for a signed-in '
  'member. The caller sees what select would show, and nothing of blocked or muted members. p_limit: 1 to 200. '
  'p_cursor: next_cursor of the previous page with the same arguments. p_user_id: for the secret key only. '
  'Errors: invalid_argument, invalid_cursor, not_found (the genre or member), unauthenticated, forbidden.';
revoke all on function public.get_trending(text, text, text, text, int, text, uuid)
from public, anon, authenticated, service_role;
grant execute on function public.get_trending(text, text, text, text, int, text, uuid)
to anon, authenticated, service_role;

create or replace function public.record_feedback(
  p_item_id uuid,
  p_feedback_type text,
  p_value real default null,
  p_context jsonb default '{}',
  p_user_id uuid default null
)
returns text
language sql volatile parallel unsafe security invoker set search_path = ''
as $$ select medley.record_feedback(p_item_id, p_feedback_type, p_value, p_context, p_user_id, now()) $$;

comment on function public.record_feedback(uuid, text, real, jsonb, uuid) is
  'Says what a member did with a recommendation; it counts at once. p_feedback_type: impression, click, like, dislike, '
  'not_interested, watch_started, watch_completed (medley.feedback_types). p_value: a number, if there is one. p_context: '
  'a JSON object; its keys occurred_at, session_id, platform, device, position, dwell_ms, progress, predicted_score, '
  'algorithm and variant mean what they mean in log_engagement, the rest is kept. Name occurred_at and repeating is safe. '
  'p_user_id: for the secret key only. Returns accepted or duplicate. '
  'Errors: invalid_argument, not_found (the item or member), forbidden, unauthenticated.';
revoke all on function public.record_feedback(uuid, text, real, jsonb, uuid)
from public, anon, authenticated, service_role;
grant execute on function public.record_feedback(uuid, text, real, jsonb, uuid) to authenticated, service_role;
