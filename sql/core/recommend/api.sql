-- The API of recommendations.
create or replace function public.get_recommendations(
  p_kind text default null,
  p_limit int default 20,
  p_cursor text default null,
  p_context jsonb default '{}',
  p_user_id uuid default null
)
returns table (
  item_id uuid, kind text, title text, score real, algorithm text, variant text,
  "position" int, -- noqa: RF06
  reason text, breakdown jsonb, next_cursor text
)
language plpgsql stable parallel safe security invoker set search_path = ''
as $$
begin
  -- Not language sql, which would plan the call each time.
  return query
  select r.*
  from medley.get_recommendations(p_user_id, p_kind, p_limit, p_cursor, p_context, now()) as r;
end;
$$;

comment on function public.get_recommendations(text, int, text, jsonb, uuid) is
  'What suits the member best, of the kind p_kind or of all kinds (null). score is the sum of the terms in breakdown '
  '(behavior, content, social, followed, popularity, trend, recency, availability, exploration, diversity), weighted by '
  'medley.ranker_weights or by the variant of a running experiment (variant, null for none). algorithm: collaborative, '
  'content_based, hybrid, social, followed, trending or exploration. reason says why in words; position counts from 0. '
  'Send algorithm, variant, position and score back with the impressions. What the member knows, rejected or was shown '
  'lately is left out; where nothing else is left, the first page has what was shown lately, else what is known. What '
  'this transaction wrote counts. p_limit: 1 to 200. p_cursor: next_cursor of the previous page; all pages are of the '
  'moment of the first, good for a day, 500 items deep. p_context: {"country": "DE", "exclude": [item ids]}. '
  'p_user_id: for the secret key only. Errors: unauthenticated, forbidden, not_found (the member), invalid_argument, '
  'invalid_cursor.';
revoke all on function public.get_recommendations(text, int, text, jsonb, uuid)
from public, anon, authenticated, service_role;
grant execute on function public.get_recommendations(text, int, text, jsonb, uuid) to authenticated, service_role;

create or replace function public.explain_recommendation(p_item_id uuid, p_user_id uuid default null)
returns table (
  item_id uuid, kind text, title text, score real, algorithm text, reason text, breakdown jsonb, causes jsonb,
  hidden_by text[], variant text
)
language sql stable parallel safe security invoker set search_path = ''
as $$
  select e.*
  from medley.explain_recommendation(p_user_id, p_item_id, now()) as e
$$;

comment on function public.explain_recommendation(uuid, uuid) is
  'How an item stands with the member: score, breakdown, algorithm and reason as get_recommendations gives them, diversity '
  'apart (null where no source leads to it); causes, the items of the history that speak for it most [{item_id, title, '
  'points}]; hidden_by, the filters that keep it out (expired, not_published, own, muted, seen, rejected, shown_lately). '
  'p_user_id: for the secret key only. Errors: unauthenticated, forbidden, invalid_argument, not_found.';
revoke all on function public.explain_recommendation(uuid, uuid) from public, anon, authenticated, service_role;
grant execute on function public.explain_recommendation(uuid, uuid) to authenticated, service_role;
