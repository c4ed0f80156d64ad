-- The registry of models: a worker creates a version, writes its towers and heads, and activates it.

-- No SET: it inlines.
create or replace function medley.active_tower_model()
returns uuid
language sql stable parallel safe security invoker
begin atomic
  select m.model_version_id
  from medley.model_versions as m
  where m.model_type = 'two_tower' and m.is_active;
end;

comment on function medley.active_tower_model() is
  'The version of two towers that is in use; null: none is, and rankers fall back to smoothed rates.';
revoke all on function medley.active_tower_model() from public, anon, authenticated, service_role;

create or replace function medley.model_version_of(p_version text)
returns medley.model_versions
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_model medley.model_versions;
begin
  select m.* into v_model
  from medley.model_versions as m
  where m.version = p_version
  for no key update;
  if not found then
    perform medley.fail('not_found', format('there is no model version %s', coalesce(left(p_version, 100), '(null)')),
      'p_version', 'See get_model_versions(), or make it with create_model_version.');
  end if;
  return v_model;
end;
$$;

comment on function medley.model_version_of(text) is
  'The version of that name, locked until the transaction ends. Errors: not_found.';
revoke all on function medley.model_version_of(text) from public, anon, authenticated, service_role;

create or replace function medley.create_model_version(
  p_version text,
  p_model_type text,
  p_metadata jsonb,
  p_as_of timestamptz
)
returns uuid
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_id uuid;
begin
  if p_version is null or length(p_version) not between 1 and 100 then
    perform medley.fail('invalid_argument', 'a version has a name of 1 to 100 characters', 'p_version', 'Name the version.');
  end if;
  if p_model_type is null or p_model_type !~ '^[a-z][a-z0-9_]{1,39}$' then
    perform medley.fail('invalid_argument', format('bad type of model: %s', coalesce(left(p_model_type, 60), '(null)')),
      'p_model_type', 'A type is 2 to 40 lower case letters, digits and underscores: two_tower.');
  end if;
  if p_metadata is null or jsonb_typeof(p_metadata) <> 'object' then
    perform medley.fail('invalid_argument', 'p_metadata must be an object', 'p_metadata',
      'Pass {"text_model", "training_start_at", "num_training_samples", "metrics": {}, ...} or {}.');
  end if;

  insert into medley.model_versions (
    version, model_type, text_model, training_start_at, training_end_at, num_training_samples, validation_loss,
    accuracy, metrics, model_weights_url, created_at
  )
  select
    p_version,
    p_model_type,
    coalesce(
      g.text_model,
      (select t.model_version from medley.embedding_types as t where t.embedding_type = 'text'),
      'all-MiniLM-L6-v2'
    ),
    g.training_start_at,
    g.training_end_at,
    g.num_training_samples,
    g.validation_loss,
    g.accuracy,
    coalesce(g.metrics, '{}'),
    g.model_weights_url,
    p_as_of
  from jsonb_to_record(p_metadata) as g (
    text_model text, training_start_at timestamptz, training_end_at timestamptz, num_training_samples int,
    validation_loss real, accuracy real, metrics jsonb, model_weights_url text
  )
  on conflict (version) do nothing
  returning model_version_id into v_id;
  if v_id is null then
    perform medley.fail('conflict', format('there is a model version %s already', p_version), 'p_version',
      'Choose another name: a version is made once.');
  end if;
  return v_id;
exception
  when data_exception or check_violation then
    perform medley.fail('invalid_argument', sqlerrm, 'p_metadata', 'Correct the field; nothing was written.');
    return null;
end;
$$;

comment on function medley.create_model_version(text, text, jsonb, timestamptz) is
  'Registers what a training made, without its weights; see public.create_model_version. Errors: invalid_argument, conflict.';
revoke all on function medley.create_model_version(text, text, jsonb, timestamptz)
from public, anon, authenticated, service_role;
grant execute on function medley.create_model_version(text, text, jsonb, timestamptz) to service_role;

create or replace function medley.version_to_write(p_version text, p_rows jsonb, p_argument text)
returns uuid
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_model medley.model_versions := medley.model_version_of(p_version);
begin
  if v_model.activated_at is not null then
    perform medley.fail('conflict', format('version %s was in use: its weights stay what they were', p_version), 'p_version',
      'Write them to a version of another name.');
  end if;
  if p_rows is null or jsonb_typeof(p_rows) <> 'array' then
    perform medley.fail('invalid_argument', format('%s must be an array of objects', p_argument), p_argument,
      'Pass an array of objects; nothing was written.');
  end if;
  return v_model.model_version_id;
end;
$$;

comment on function medley.version_to_write(text, jsonb, text) is
  'The id of a version whose weights may be written, locked. Errors: not_found, conflict (it was active once), '
  'invalid_argument (p_rows, which the error calls p_argument, is no array).';
revoke all on function medley.version_to_write(text, jsonb, text) from public, anon, authenticated, service_role;

create or replace function medley.set_model_weights(p_version text, p_tower text, p_rows jsonb)
returns bigint
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_id uuid := medley.version_to_write(p_version, p_rows, 'p_rows');
  v_written bigint;
begin
  if p_tower is null or p_tower not in ('item', 'user') then
    perform medley.fail('invalid_argument', format('there is no tower %s', coalesce(left(p_tower, 60), '(null)')), 'p_tower',
      'A tower is item or user.');
  end if;
  if jsonb_array_length(p_rows) > 256 then
    perform medley.fail('too_large', format('p_rows holds %s rows', jsonb_array_length(p_rows)), 'p_rows',
      'A tower has 256 rows; nothing was written.');
  end if;

  insert into medley.model_weights (model_version_id, tower, row_no, weights, bias)
  select
    v_id,
    p_tower,
    (r.entry ->> 'row_no')::smallint,
    (r.entry ->> 'weights')::extensions.vector(384),
    coalesce((r.entry ->> 'bias')::real, 0)
  from jsonb_array_elements(p_rows) as r (entry)
  on conflict (model_version_id, tower, row_no) do update
  set weights = excluded.weights, bias = excluded.bias;
  get diagnostics v_written = row_count;
  return v_written;
exception
  -- Another size than 384, NaN, a row outside 0 to 255, one that lacks or comes twice.
  when data_exception or check_violation or not_null_violation or cardinality_violation then
    perform medley.fail('invalid_argument', sqlerrm, 'p_rows',
      'A row is {"row_no": 0 to 255, "weights": [384 numbers], "bias": number}; nothing was written.');
    return 0;
end;
$$;

comment on function medley.set_model_weights(text, text, jsonb) is
  'Writes rows of one tower of a version; see public.set_model_weights. Errors: not_found, conflict, invalid_argument, '
  'too_large.';
revoke all on function medley.set_model_weights(text, text, jsonb) from public, anon, authenticated, service_role;
grant execute on function medley.set_model_weights(text, text, jsonb) to service_role;

create or replace function medley.set_model_heads(p_version text, p_heads jsonb)
returns bigint
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_id uuid := medley.version_to_write(p_version, p_heads, 'p_heads');
  v_unknown text;
  v_written bigint;
begin
  select coalesce(left(h.entry ->> 'kind', 60), '(no kind)') into v_unknown
  from jsonb_array_elements(p_heads) as h (entry)
  where not exists (select from medley.engagement_kinds as k where k.kind = h.entry ->> 'kind')
  limit 1;
  if found then
    perform medley.fail('invalid_argument', format('there is no kind of engagement %s', v_unknown), 'p_heads',
      'medley.engagement_kinds has them; nothing was written.');
  end if;

  delete from medley.model_heads as h
  where h.model_version_id = v_id;

  insert into medley.model_heads (model_version_id, kind_no, intercept, similarity, rate)
  select
    v_id,
    k.kind_no,
    (h.entry ->> 'intercept')::real,
    (h.entry ->> 'similarity')::real,
    (h.entry ->> 'rate')::real
  from jsonb_array_elements(p_heads) as h (entry)
  inner join medley.engagement_kinds as k on h.entry ->> 'kind' = k.kind;
  get diagnostics v_written = row_count;
  return v_written;
exception
  -- NaN is outside every range.
  when data_exception or check_violation or not_null_violation or unique_violation then
    perform medley.fail('invalid_argument', sqlerrm, 'p_heads',
      'A head is {"kind", "intercept", "similarity", "rate"}, each kind once, numbers within 1,000; nothing was written.');
    return 0;
end;
$$;

comment on function medley.set_model_heads(text, jsonb) is
  'Replaces the heads of a version; see public.set_model_heads. Errors: not_found, conflict, invalid_argument.';
revoke all on function medley.set_model_heads(text, jsonb) from public, anon, authenticated, service_role;
grant execute on function medley.set_model_heads(text, jsonb) to service_role;

create or replace function medley.set_model_pairs(p_version text, p_pairs jsonb)
returns bigint
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_model medley.model_versions := medley.model_version_of(p_version);
  v_written bigint;
begin
  if p_pairs is null or jsonb_typeof(p_pairs) <> 'array' then
    perform medley.fail('invalid_argument', 'p_pairs must be an array of objects', 'p_pairs',
      'Pass [{"pair_id", "loss"}, ...].');
  end if;
  if jsonb_array_length(p_pairs) > 10000 then
    perform medley.fail('too_large', format('p_pairs holds %s pairs', jsonb_array_length(p_pairs)), 'p_pairs',
      'Pass at most 10,000 a call.');
  end if;

  -- A pair may have been cleaned up, or have gone with its account, while the model was in training.
  insert into medley.training_pair_models as m (pair_id, model_version_id, loss)
  select p.pair_id, v_model.model_version_id, g.loss
  from jsonb_to_recordset(p_pairs) as g (pair_id bigint, loss real)
  inner join medley.training_pairs as p on g.pair_id = p.pair_id
  order by p.pair_id
  on conflict (pair_id, model_version_id) do update
  set loss = excluded.loss;
  get diagnostics v_written = row_count;
  return v_written;
exception
  when data_exception or cardinality_violation then
    perform medley.fail('invalid_argument', sqlerrm, 'p_pairs',
      'A row is {"pair_id": number, "loss": number}, each pair once; nothing was written.');
    return 0;
end;
$$;

comment on function medley.set_model_pairs(text, jsonb) is
  'Notes which pairs a version was trained on; see public.set_model_pairs. Errors: not_found, invalid_argument, too_large.';
revoke all on function medley.set_model_pairs(text, jsonb) from public, anon, authenticated, service_role;
grant execute on function medley.set_model_pairs(text, jsonb) to service_role;

create or replace function medley.get_model_versions()
returns table (
  version text, model_type text, is_active boolean, text_model text, training_start_at timestamptz,
  training_end_at timestamptz, num_training_samples int, validation_loss real, accuracy real, metrics jsonb,
  model_weights_url text, heads jsonb, activated_at timestamptz, created_at timestamptz
)
language sql stable parallel safe security definer set search_path = ''
as $$
  select
    m.version,
    m.model_type,
    m.is_active,
    m.text_model,
    m.training_start_at,
    m.training_end_at,
    m.num_training_samples,
    m.validation_loss,
    m.accuracy,
    m.metrics,
    m.model_weights_url,
    (
      select coalesce(
        jsonb_object_agg(
          k.kind, jsonb_build_object('intercept', h.intercept, 'similarity', h.similarity, 'rate', h.rate)
        ),
        '{}'
      )
      from medley.model_heads as h
      inner join medley.engagement_kinds as k on h.kind_no = k.kind_no
      where h.model_version_id = m.model_version_id
    ),
    m.activated_at,
    m.created_at
  from medley.model_versions as m
  order by m.created_at desc, m.version
$$;

comment on function medley.get_model_versions() is 'The registry, newest first; see public.get_model_versions.';
revoke all on function medley.get_model_versions() from public, anon, authenticated, service_role;
grant execute on function medley.get_model_versions() to service_role;
