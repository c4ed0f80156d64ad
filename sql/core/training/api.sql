-- The API of training: for the secret key only. A worker reads pairs, trains, and registers what it made.
create or replace function public.create_model_version(
  p_version text,
  p_model_type text default 'two_tower',
  p_metadata jsonb default '{}'
)
returns uuid
language sql volatile parallel unsafe security invoker set search_path = ''
as $$ select medley.create_model_version(p_version, p_model_type, p_metadata, now()) $$;

comment on function public.create_model_version(text, text, jsonb) is
  'Registers a model that was trained (secret key only); set_model_weights and set_model_heads write what it learnt. '
  'p_version: its name. p_metadata: {"text_model": the model of the text embeddings that it was trained on, by default the '
  'one in use, "training_start_at": time, "training_end_at": time, "num_training_samples": number, "validation_loss": '
  'number, "accuracy": 0 to 1, "metrics": object, "model_weights_url": text}. Returns its id. '
  'Errors: invalid_argument, conflict (the name is taken).';
revoke all on function public.create_model_version(text, text, jsonb) from public, anon, authenticated, service_role;
grant execute on function public.create_model_version(text, text, jsonb) to service_role;

create or replace function public.set_model_weights(p_version text, p_tower text, p_rows jsonb)
returns bigint
language sql volatile parallel unsafe security invoker set search_path = ''
as $$ select medley.set_model_weights(p_version, p_tower, p_rows) $$;

comment on function public.set_model_weights(text, text, jsonb) is
  'Writes rows of a tower of a version that was never active (secret key only). p_tower: item or user. p_rows: '
  '[{"row_no": 0 to 255, "weights": [384 numbers], "bias": number, 0 by default}], in one call or several. '
  'Returns how many rows. Errors: not_found, conflict, invalid_argument, too_large.';
revoke all on function public.set_model_weights(text, text, jsonb) from public, anon, authenticated, service_role;
grant execute on function public.set_model_weights(text, text, jsonb) to service_role;

create or replace function public.set_model_heads(p_version text, p_heads jsonb)
returns bigint
language sql volatile parallel unsafe security invoker set search_path = ''
as $$ select medley.set_model_heads(p_version, p_heads) $$;

comment on function public.set_model_heads(text, jsonb) is
  'Replaces the heads of a version that was never active (secret key only). p_heads: [{"kind": a kind of engagement, '
  '"intercept": number, "similarity": number, "rate": number}]: the probability of the kind is '
  '1 / (1 + exp(-(intercept + similarity * cosine of member and item + rate * log odds of its smoothed rate))). '
  'Returns how many. Errors: not_found, conflict, invalid_argument.';
revoke all on function public.set_model_heads(text, jsonb) from public, anon, authenticated, service_role;
grant execute on function public.set_model_heads(text, jsonb) to service_role;

create or replace function public.set_model_pairs(p_version text, p_pairs jsonb)
returns bigint
language sql volatile parallel unsafe security invoker set search_path = ''
as $$ select medley.set_model_pairs(p_version, p_pairs) $$;

comment on function public.set_model_pairs(text, jsonb) is
  'Notes which pairs a version was trained on (secret key only): [{"pair_id": number, "loss": number or null}], at most '
  '10,000 a call. cleanup_old_training_pairs deletes none but those. Pairs that are gone are left out. '
  'Returns how many. Errors: not_found, invalid_argument, too_large.';
revoke all on function public.set_model_pairs(text, jsonb) from public, anon, authenticated, service_role;
grant execute on function public.set_model_pairs(text, jsonb) to service_role;

create or replace function public.get_model_versions()
returns table (
  version text, model_type text, is_active boolean, text_model text, training_start_at timestamptz,
  training_end_at timestamptz, num_training_samples int, validation_loss real, accuracy real, metrics jsonb,
  model_weights_url text, heads jsonb, activated_at timestamptz, created_at timestamptz
)
language sql stable parallel safe security invoker set search_path = ''
as $$
  select m.*
  from medley.get_model_versions() as m
$$;

comment on function public.get_model_versions() is
  'The models that were trained, newest first (secret key only). heads: {kind: {"intercept", "similarity", "rate"}}. '
  'activated_at: when it last came into use; null for never.';
revoke all on function public.get_model_versions() from public, anon, authenticated, service_role;
grant execute on function public.get_model_versions() to service_role;
