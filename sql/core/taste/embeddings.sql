-- Vectors of items: written by workers with the secret key, compared by cosine, all of unit length.
create or replace function medley.check_embeddings(p_type text, p_model text, p_rows jsonb)
returns void
language plpgsql stable parallel safe security definer set search_path = ''
as $$
begin
  if p_type is null or p_type !~ '^[a-z][a-z0-9_]{1,39}$' then
    perform medley.fail('invalid_argument', format('bad type of embedding: %s', left(p_type, 60)), 'p_type',
      'A type is 2 to 40 lower case letters, digits and underscores.');
  end if;
  if exists (select from medley.embedding_types as t where t.embedding_type = p_type and t.is_derived) then
    perform medley.fail('invalid_argument', format('embeddings of type %s are made by the engine', p_type), 'p_type',
      'Choose a type of your own.');
  end if;
  if p_model is null or length(p_model) not between 1 and 100 then
    perform medley.fail('invalid_argument', 'a model has a name of 1 to 100 characters', 'p_model', 'Name the model.');
  end if;
  if p_rows is null or jsonb_typeof(p_rows) <> 'array' then
    perform medley.fail('invalid_argument', 'p_rows must be an array of objects', 'p_rows',
      'Pass [{"item_id", "embedding": [numbers]}, ...].');
  end if;
  if jsonb_array_length(p_rows) > 500 then
    perform medley.fail('too_large', format('p_rows holds %s vectors', jsonb_array_length(p_rows)), 'p_rows',
      'Pass at most 500 vectors a call.');
  end if;
  if exists (
    select from jsonb_array_elements(p_rows) as r (entry)
    where r.entry ->> 'item_id' is null
      or coalesce(jsonb_typeof(r.entry -> 'embedding'), '') not in ('array', 'string')
  ) then
    perform medley.fail('invalid_argument', 'an entry lacks its item_id or its embedding', 'p_rows',
      'Pass [{"item_id", "embedding": [numbers]}, ...]; nothing was written.');
  end if;
end;
$$;

comment on function medley.check_embeddings(text, text, jsonb) is
  'Refuses what set_item_embeddings cannot read. Errors: invalid_argument, too_large.';
revoke all on function medley.check_embeddings(text, text, jsonb) from public, anon, authenticated, service_role;

create or replace function medley.embedding_model_dims(p_type text, p_model text, p_dims int)
returns int
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
begin
  if p_dims not in (64, 256, 384, 768, 1536) then
    perform medley.fail('invalid_argument', format('there is no place for vectors of %s numbers', p_dims), 'p_rows',
      'Vectors have 64, 256, 384, 768 or 1,536 numbers.');
  end if;
  insert into medley.embedding_types (embedding_type, model_version, dims)
  values (p_type, p_model, p_dims)
  on conflict do nothing;

  -- The active model's size is on record; that of another one is its vectors'.
  return coalesce(
    (
      select t.dims
      from medley.embedding_types as t
      where t.embedding_type = p_type and t.model_version = p_model
    ),
    (
      select e.dims
      from medley.content_embeddings as e
      where e.embedding_type = p_type and e.model_version = p_model
      limit 1
    ),
    p_dims
  );
end;
$$;

comment on function medley.embedding_model_dims(text, text, int) is
  'How many numbers vectors of the type and model have; the first vector decides. A new type is added with the model as '
  'its active one. Errors: invalid_argument (a size that has no column).';
revoke all on function medley.embedding_model_dims(text, text, int) from public, anon, authenticated, service_role;

create or replace function medley.set_item_embeddings(p_type text, p_model text, p_rows jsonb)
returns bigint
language plpgsql volatile parallel unsafe security definer set search_path = '' set plan_cache_mode = force_custom_plan
as $$
declare
  v_ids uuid[];
  v_vectors extensions.vector[];
  v_dims int;
  v_written bigint;
begin
  perform medley.check_embeddings(p_type, p_model, p_rows);
  if jsonb_array_length(p_rows) = 0 then
    return 0;
  end if;

  select
    array_agg((r.entry ->> 'item_id')::uuid order by r.place),
    array_agg((r.entry ->> 'embedding')::extensions.vector order by r.place)
  into v_ids, v_vectors
  from jsonb_array_elements(p_rows) with ordinality as r (entry, place);

  v_dims := medley.embedding_model_dims(p_type, p_model, extensions.vector_dims(v_vectors[1]));
  if exists (select from unnest(v_vectors) as v (embedding) where extensions.vector_dims(v.embedding) <> v_dims) then
    perform medley.fail('invalid_argument', format('a vector has another size than %s', v_dims), 'p_rows',
      format('Vectors of model %s have %s numbers; nothing was written.', p_model, v_dims));
  end if;
  if exists (select from unnest(v_vectors) as v (embedding) where extensions.vector_norm(v.embedding) = 0) then
    perform medley.fail('invalid_argument', 'a vector is zero', 'p_rows',
      'A vector without a direction resembles nothing: leave the item out; nothing was written.');
  end if;
  if exists (select from unnest(v_ids) as i (id) group by i.id having count(*) > 1) then
    perform medley.fail('invalid_argument', 'an item stands twice', 'p_rows', 'Pass each item once; nothing was written.');
  end if;
  perform medley.lock_items(v_ids);

  insert into medley.content_embeddings as e (
    item_no, embedding_type, model_version, dims,
    embedding_64, embedding_256, embedding_384, embedding_768, embedding_1536
  )
  select
    i.item_no,
    p_type,
    p_model,
    v_dims,
    case when v_dims = 64 then n.embedding end,
    case when v_dims = 256 then n.embedding end,
    case when v_dims = 384 then n.embedding end,
    case when v_dims = 768 then n.embedding end,
    case when v_dims = 1536 then n.embedding end
  from unnest(v_ids, v_vectors) as g (id, embedding)
  cross join lateral extensions.l2_normalize(g.embedding) as n (embedding)
  inner join medley.items as i on g.id = i.id
  order by i.item_no
  on conflict (item_no, embedding_type, model_version) do update
  set
    embedding_64 = excluded.embedding_64,
    embedding_256 = excluded.embedding_256,
    embedding_384 = excluded.embedding_384,
    embedding_768 = excluded.embedding_768,
    embedding_1536 = excluded.embedding_1536,
    created_at = excluded.created_at
  -- A repeat is not written: every write costs a search of the graph.
  where coalesce(
    e.embedding_64::extensions.vector, e.embedding_256::extensions.vector, e.embedding_384::extensions.vector,
    e.embedding_768::extensions.vector, e.embedding_1536::extensions.vector
  ) operator(extensions.<>) coalesce(
    excluded.embedding_64::extensions.vector, excluded.embedding_256::extensions.vector,
    excluded.embedding_384::extensions.vector, excluded.embedding_768::extensions.vector,
    excluded.embedding_1536::extensions.vector
  );
  get diagnostics v_written = row_count;
  return v_written;
exception
  -- Bad ids, NaN, infinities, nulls among the numbers, too many of them: the caller's data, not our fault.
  when data_exception or program_limit_exceeded then
    perform medley.fail('invalid_argument', sqlerrm, 'p_rows', 'Correct the vector; nothing was written.');
    return 0;
end;
$$;

comment on function medley.set_item_embeddings(text, text, jsonb) is
  'Writes up to 500 vectors of one type and model; see public.set_item_embeddings. Returns how many changed. '
  'Errors: invalid_argument, not_found (unknown item), too_large.';
revoke all on function medley.set_item_embeddings(text, text, jsonb) from public, anon, authenticated, service_role;
grant execute on function medley.set_item_embeddings(text, text, jsonb) to service_role;

create or replace function medley.activate_embedding_model(p_type text, p_model text)
returns bigint
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_items bigint;
  v_dims smallint;
begin
  select count(*), max(e.dims) into v_items, v_dims
  from medley.content_embeddings as e
  where e.embedding_type = p_type and e.model_version = p_model;
  if v_items = 0 then
    perform medley.fail('not_found', format('no item has a vector of type %s and model %s', p_type, p_model), 'p_model',
      'Write its vectors with set_item_embeddings first.');
  end if;

  update medley.embedding_types as t
  set model_version = p_model, dims = v_dims
  where t.embedding_type = p_type and t.model_version <> p_model;
  return v_items;
end;
$$;

comment on function medley.activate_embedding_model(text, text) is
  'Puts another model of a type in use, or an earlier one back; see public.activate_embedding_model. '
  'Errors: not_found (no vectors of that model).';
revoke all on function medley.activate_embedding_model(text, text) from public, anon, authenticated, service_role;
grant execute on function medley.activate_embedding_model(text, text) to service_role;

create or replace function medley.get_items_without_embedding(
  p_type text,
  p_model text,
  p_kind text,
  p_limit int,
  p_cursor text
)
returns table (item_id uuid, kind text, title text, next_cursor text)
language plpgsql stable parallel safe security definer set search_path = '' set plan_cache_mode = force_custom_plan
as $$
declare
  v_query text := 'items_without_embedding:' || md5(concat_ws('|', p_type, p_model, p_kind));
  v_before int := (medley.decode_cursor(p_cursor, v_query) ->> 'item_no')::int;
  v_model text := coalesce(
    p_model, (select t.model_version from medley.embedding_types as t where t.embedding_type = p_type)
  );
begin
  perform medley.check_limit(p_limit, 1000);

  return query
  select i.id, i.kind, i.title, medley.encode_cursor(v_query, jsonb_build_object('item_no', i.item_no))
  from medley.items as i
  where i.item_no < coalesce(v_before, 2147483647)
    and (p_kind is null or i.kind = p_kind)
    and not exists (
      select from medley.content_embeddings as e
      where e.item_no = i.item_no and e.embedding_type = p_type and e.model_version = v_model
    )
  order by i.item_no desc
  limit p_limit;
end;
$$;

comment on function medley.get_items_without_embedding(text, text, text, int, text) is
  'What a worker has still to embed; see public.get_items_without_embedding. Errors: invalid_argument, invalid_cursor.';
revoke all on function medley.get_items_without_embedding(text, text, text, int, text)
from public, anon, authenticated, service_role;
grant execute on function medley.get_items_without_embedding(text, text, text, int, text) to service_role;

create or replace function medley.embedding_digest()
returns int
language sql stable parallel safe security definer set search_path = ''
as $$
  -- By powers of two: a catalogue that is being embedded makes taste vectors follow now and then, not at every row.
  select coalesce(hashtext(string_agg(
    format('%s=%s/%s', t.embedding_type, t.model_version, floor(log(2, n.row_count))), ',' order by t.embedding_type
  )), 0)
  from medley.embedding_types as t
  cross join lateral (
    select count(*) as row_count
    from medley.content_embeddings as e
    where e.embedding_type = t.embedding_type and e.model_version = t.model_version
  ) as n
  where n.row_count > 0
    and not t.is_learned
$$;

comment on function medley.embedding_digest() is
  'A number that changes when another model is in use, or the vectors of one have doubled: taste vectors are then stale.';
revoke all on function medley.embedding_digest() from public, anon, authenticated, service_role;
