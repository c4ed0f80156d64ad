-- The API of taste: thin functions over those of the same name in medley.
create or replace function public.register_item_features(p_features jsonb)
returns table (item_id uuid, feature_count int)
language sql volatile parallel unsafe security invoker set search_path = ''
as $$
  select r.item_id, r.feature_count
  from medley.register_item_features(p_features) as r
$$;

comment on function public.register_item_features(jsonb) is
  'Says what items are made of (secret key only): for an app''s own kinds, or beside what a pack says. p_features: '
  '[{"item_id": uuid, "source": text, "features": [{"type": text, "value": text, "weight": number, '
  '"confidence": number}]}], up to 1,000 items with 200 features each. The features that the source (default app) gave to '
  'the item before are replaced. weight (default 1) is more than 0 and at most 100, confidence (default 1) at most 1. '
  'Returns item_id and how many features were given, in their order. Errors: invalid_argument, not_found, too_large.';
revoke all on function public.register_item_features(jsonb) from public, anon, authenticated, service_role;
grant execute on function public.register_item_features(jsonb) to service_role;

create or replace function public.set_platform_subscription(
  p_platform text,
  p_has_subscription boolean default true,
  p_user_id uuid default null
)
returns void
language sql volatile parallel unsafe security invoker set search_path = ''
as $$ select medley.set_platform_subscription(p_user_id, p_platform, p_has_subscription) $$;

comment on function public.set_platform_subscription(text, boolean, uuid) is
  'Notes that the signed-in member has (or, with false, no longer has) the platform p_platform, in any spelling of case. '
  'p_user_id is for the secret key only. Errors: unauthenticated, forbidden, invalid_argument, not_found, too_large.';
revoke all on function public.set_platform_subscription(text, boolean, uuid)
from public, anon, authenticated, service_role;
grant execute on function public.set_platform_subscription(text, boolean, uuid) to authenticated, service_role;
