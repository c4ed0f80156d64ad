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

create or replace function public.prepare_model(p_version text, p_limit int default 1000)
returns bigint
language sql volatile parallel unsafe security invoker set search_path = '' set statement_timeout = '5min'
as $$ select medley.prepare_model(p_version, p_limit) $$;

comment on function public.prepare_model(text, int) is
  'Places the next p_limit items (1 to 10,000), the newest first, by a version that is not yet active (secret key only), so '
  'that its activation finds them in place. Returns how many it looked at: call it until that is less than p_limit. '
  'Errors: not_found, conflict (no weights or heads, or trained on other text embeddings), invalid_argument.';
revoke all on function public.prepare_model(text, int) from public, anon, authenticated, service_role;
grant execute on function public.prepare_model(text, int) to service_role;

create or replace function public.activate_model(p_version text)
returns table (items bigint, members bigint, is_complete boolean)
language sql volatile parallel unsafe security invoker set search_path = '' set statement_timeout = '5min'
as $$
  select a.items, a.members, a.is_complete
  from medley.activate_model(p_version, now()) as a
$$;

comment on function public.activate_model(text) is
  'Puts a version in use, or an earlier one back (secret key only), in one transaction: the version before it is no longer '
  'active, and the newest items and members have their places by this one. items and members: how many of them it looked '
  'at; is_complete: whether that was all; otherwise the job refresh_tower_vectors places the rest within minutes, and '
  'until then rankers use smoothed rates for those without a place. Of two activations at once the second waits and wins. '
  'Errors: not_found, conflict (no weights or heads, or trained on other text embeddings).';
revoke all on function public.activate_model(text) from public, anon, authenticated, service_role;
grant execute on function public.activate_model(text) to service_role;

create or replace function public.deactivate_model(p_model_type text default 'two_tower')
returns text
language sql volatile parallel unsafe security invoker set search_path = ''
as $$ select medley.deactivate_model(p_model_type) $$;

comment on function public.deactivate_model(text) is
  'Takes the active version of a type out of use (secret key only): rankers go back to smoothed rates. Returns which it '
  'was. Errors: not_found (none is active).';
revoke all on function public.deactivate_model(text) from public, anon, authenticated, service_role;
grant execute on function public.deactivate_model(text) to service_role;

create or replace function public.delete_model_version(p_version text)
returns void
language sql volatile parallel unsafe security invoker set search_path = ''
as $$ select medley.delete_model_version(p_version) $$;

comment on function public.delete_model_version(text) is
  'Deletes a version that is not active, with its weights and heads (secret key only); a job deletes its places. '
  'Errors: not_found, conflict (it is active).';
revoke all on function public.delete_model_version(text) from public, anon, authenticated, service_role;
grant execute on function public.delete_model_version(text) to service_role;

create or replace function public.generate_training_pairs(
  p_lookback_days int default 30,
  p_negative_ratio numeric default 5,
  p_kind text default null,
  p_algorithm_version text default null,
  p_user_id uuid default null
)
returns table (positives bigint, negatives bigint)
language sql volatile parallel unsafe security invoker set search_path = '' set statement_timeout = '30min'
as $$
  select g.positives, g.negatives
  from medley.generate_training_pairs(
    p_lookback_days, p_negative_ratio, p_kind, p_algorithm_version, p_user_id, now()
  ) as g
$$;

comment on function public.generate_training_pairs(int, numeric, text, text, uuid) is
  'Writes training pairs from the last p_lookback_days (1 to 3,650) of the log (secret key only). A pair is a member and an '
  'item with the state of both strictly before the moment the item was shown: positive where the member engaged with it '
  '(a kind of polarity 1), negative where it was shown and the member did not; at most p_negative_ratio (0.01 to 1,000) '
  'negatives for each positive of a member, the most certain first. Moments of the last training.outcome_hours wait: '
  'their outcome is open. p_kind: one kind of items; p_algorithm_version: a name for the set, by default the active '
  'model''s version or rates; p_user_id: one member. Safe to repeat: a set has each member and item once. Returns how many '
  'were written. Errors: invalid_argument, not_found (no such member).';
revoke all on function public.generate_training_pairs(int, numeric, text, text, uuid)
from public, anon, authenticated, service_role;
grant execute on function public.generate_training_pairs(int, numeric, text, text, uuid) to service_role;

create or replace function public.export_training_pairs(
  p_limit int default 200,
  p_cursor text default null,
  p_kind text default null,
  p_since timestamptz default null,
  p_algorithm_version text default null
)
returns table (
  pair_id bigint, user_id uuid, item_id uuid, kind text, label boolean, engagement text, engagements text[],
  dwell_ms int,
  "position" int, -- noqa: RF06
  algorithm_version text, interaction_at timestamptz, user_history jsonb,
  user_embedding text, item_title text, item_embedding text, item_metadata jsonb, next_cursor text
)
language sql stable parallel safe security invoker set search_path = ''
as $$
  select e.*
  from medley.export_training_pairs(p_limit, p_cursor, p_kind, p_since, p_algorithm_version) as e
$$;

comment on function public.export_training_pairs(int, text, text, timestamptz, text) is
  'Pages through training pairs by number (secret key only), p_limit (1 to 1,000) at a time: of items of kind p_kind, with '
  'moments since p_since, of the set p_algorithm_version; null: all. label: whether the member engaged; engagement: the '
  'kind of the strongest; engagements: all kinds that happened. user_history: {"recent_items", "recent_likes"}; '
  'user_embedding and item_embedding: 384 numbers as text "[1,2,...]", null for none; item_metadata: {"counts": {kind: '
  'number}, "published_at", "age_hours"}; all as of interaction_at. Errors: invalid_argument, invalid_cursor.';
revoke all on function public.export_training_pairs(int, text, text, timestamptz, text)
from public, anon, authenticated, service_role;
grant execute on function public.export_training_pairs(int, text, text, timestamptz, text) to service_role;

create or replace function public.cleanup_old_engagement_events(p_days int default 90, p_dry_run boolean default true)
returns table (partition_name text, events bigint, oldest timestamptz, newest timestamptz)
language sql volatile parallel unsafe security invoker set search_path = '' set statement_timeout = '30min'
as $$
  select c.partition_name, c.events, c.oldest, c.newest
  from medley.cleanup_old_engagement_events(p_days, p_dry_run, now()) as c
$$;

comment on function public.cleanup_old_engagement_events(int, boolean) is
  'What the log holds of the months that ended p_days (31 to 36,500) ago (secret key only), a row a partition; with '
  'p_dry_run false it is gone afterwards: what it was worth stays in the affinities, and partitions are dropped. '
  'The job retain_engagements does the same each night with signals.keep_days. Errors: invalid_argument.';
revoke all on function public.cleanup_old_engagement_events(int, boolean)
from public, anon, authenticated, service_role;
grant execute on function public.cleanup_old_engagement_events(int, boolean) to service_role;

create or replace function public.cleanup_old_training_pairs(p_days int default 30, p_dry_run boolean default true)
returns table (algorithm_version text, pairs bigint, oldest timestamptz, newest timestamptz)
language sql volatile parallel unsafe security invoker set search_path = '' set statement_timeout = '30min'
as $$
  select c.algorithm_version, c.pairs, c.oldest, c.newest
  from medley.cleanup_old_training_pairs(p_days, p_dry_run, now()) as c
$$;

comment on function public.cleanup_old_training_pairs(int, boolean) is
  'The training pairs written more than p_days (0 to 36,500) ago that a model was trained on (secret key only), a row a set; '
  'with p_dry_run false they are gone afterwards. oldest and newest: their moments. Pairs that no model was trained on '
  'stay. The job retain_training_pairs does the same each night with training.keep_pairs_days. Errors: invalid_argument.';
revoke all on function public.cleanup_old_training_pairs(int, boolean) from public, anon, authenticated, service_role;
grant execute on function public.cleanup_old_training_pairs(int, boolean) to service_role;
