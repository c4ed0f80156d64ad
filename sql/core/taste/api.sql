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

create or replace function public.get_taste_profile(p_limit int default 50, p_user_id uuid default null)
returns table (
  feature_type text,
  feature_value text,
  label text,
  affinity_score real,
  confidence real,
  last_updated timestamptz
)
language sql stable parallel safe security invoker set search_path = ''
as $$
  select t.feature_type, t.feature_value, t.label, t.affinity_score, t.confidence, t.last_updated
  from medley.get_taste_profile(p_user_id, p_limit, now()) as t
$$;

comment on function public.get_taste_profile(int, uuid) is
  'What the signed-in member likes and dislikes: up to p_limit (1 to 200) features, the strongest first. label is '
  'feature_value for people: where that is the id of an item, its title (null: not public). affinity_score is '
  '-1 to 1, relative to the strongest, and fades from last_updated on; confidence is 0 to 1, 0.5 at three items'' worth of '
  'evidence. A job keeps it up to date. p_user_id is for the secret key only. '
  'Errors: unauthenticated, forbidden, not_found (the member), invalid_argument.';
revoke all on function public.get_taste_profile(int, uuid) from public, anon, authenticated, service_role;
grant execute on function public.get_taste_profile(int, uuid) to authenticated, service_role;

create or replace function public.set_item_embeddings(p_type text, p_model text, p_rows jsonb)
returns bigint
language sql volatile parallel unsafe security invoker set search_path = ''
as $$ select medley.set_item_embeddings(p_type, p_model, p_rows) $$;

comment on function public.set_item_embeddings(text, text, jsonb) is
  'Writes vectors of items (secret key only). p_rows: [{"item_id": uuid, "embedding": [numbers]}], at most 500, each item '
  'once; all of the size that the model p_model of type p_type has: 64, 256, 384, 768 or 1,536 numbers. Vectors are kept at '
  'unit length. A new type is added with its first model in use; vectors of another model lie beside until '
  'activate_embedding_model. Safe to repeat; returns how many vectors changed. '
  'Errors: invalid_argument (wrong size, NaN, a zero vector, an item twice), not_found, too_large.';
revoke all on function public.set_item_embeddings(text, text, jsonb) from public, anon, authenticated, service_role;
grant execute on function public.set_item_embeddings(text, text, jsonb) to service_role;

create or replace function public.activate_embedding_model(p_type text, p_model text)
returns bigint
language sql volatile parallel unsafe security invoker set search_path = ''
as $$ select medley.activate_embedding_model(p_type, p_model) $$;

comment on function public.activate_embedding_model(text, text) is
  'Puts the model p_model of embeddings of type p_type in use, or an earlier one back (secret key only): from then on only '
  'its vectors are compared. Returns how many items have one. Errors: not_found (no vectors of that model).';
revoke all on function public.activate_embedding_model(text, text) from public, anon, authenticated, service_role;
grant execute on function public.activate_embedding_model(text, text) to service_role;

create or replace function public.get_items_without_embedding(
  p_type text,
  p_model text default null,
  p_kind text default null,
  p_limit int default 500,
  p_cursor text default null
)
returns table (item_id uuid, kind text, title text, next_cursor text)
language sql stable parallel safe security invoker set search_path = ''
as $$
  select i.item_id, i.kind, i.title, i.next_cursor
  from medley.get_items_without_embedding(p_type, p_model, p_kind, p_limit, p_cursor) as i
$$;

comment on function public.get_items_without_embedding(text, text, text, int, text) is
  'What a worker has still to embed (secret key only): items of kind p_kind (null: all) without a vector of type p_type and '
  'model p_model (null: the one in use), newest first, at most p_limit (1 to 1,000). '
  'Errors: invalid_argument, invalid_cursor.';
revoke all on function public.get_items_without_embedding(text, text, text, int, text)
from public, anon, authenticated, service_role;
grant execute on function public.get_items_without_embedding(text, text, text, int, text) to service_role;
