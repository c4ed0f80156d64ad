-- Features of items: the dictionary, the bulk write, those that follow from genres, and the narrow row for diversity.
-- Locks are taken in one order everywhere: genres, then the dictionary, then items.

-- No SET: it inlines.
create or replace function medley.feature_label(p_value text)
returns text
language plpgsql stable parallel safe security definer set search_path = ''
as $$
begin
  if p_value ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' then
    return (select i.title from medley.items as i where i.id = p_value::uuid and i.visibility = 'public');
  end if;
  return p_value;
end;
$$;

comment on function medley.feature_label(text) is
  'The value of a feature for people: where it is the id of an item, its title (null: not there, or not public).';
revoke all on function medley.feature_label(text) from public, anon, authenticated, service_role;

create or replace function medley.feature_idf(p_item_count bigint, p_total bigint)
returns real
language sql immutable parallel safe security invoker
return round(ln(
  1 + (greatest(p_total, p_item_count) - p_item_count + 0.5) / (p_item_count + 0.5)
), 2)::real;

comment on function medley.feature_idf(bigint, bigint) is
  'How much a feature tells that p_item_count of p_total items have: ln(1 + (N - n + 0.5) / (n + 0.5)), as in BM25 '
  '(Robertson and Zaragoza 2009). Two decimals, so that a growing catalogue does not rewrite the whole dictionary.';
revoke all on function medley.feature_idf(bigint, bigint) from public, anon, authenticated, service_role;

create or replace function medley.check_features(
  p_types text[],
  p_values text[],
  p_weights real[],
  p_confidences real[]
)
returns void
language plpgsql stable parallel safe security definer set search_path = ''
as $$
declare
  v_type text;
  v_value text;
  v_wrong text;
begin
  select
    left(u.feature_type, 60),
    left(u.feature_value, 60),
    case
      when u.feature_type is null or u.feature_type !~ '^[a-z][a-z0-9_]{1,39}$'
        then 'a type is 2 to 40 lower case letters, digits and underscores'
      when u.feature_value is null or length(btrim(u.feature_value)) not between 1 and 200
        then 'a value has 1 to 200 characters'
      -- NaN is greater than every number.
      when not (u.weight > 0 and u.weight <= 100) then 'a weight is more than 0 and at most 100'
      else 'a confidence is more than 0 and at most 1'
    end
  into v_type, v_value, v_wrong
  from unnest(p_types, p_values, p_weights, p_confidences) as u (feature_type, feature_value, weight, confidence)
  where u.feature_type is null
    -- A known type is well-formed, and cheaper to find than to match.
    or u.feature_type not in (select t.feature_type from medley.feature_types as t)
    and u.feature_type !~ '^[a-z][a-z0-9_]{1,39}$'
    or u.feature_value is null
    or length(btrim(u.feature_value)) not between 1 and 200
    or not (u.weight > 0 and u.weight <= 100)
    or not (u.confidence > 0 and u.confidence <= 1)
  limit 1;

  if found then
    perform medley.fail('invalid_argument', format('bad feature %s: %s', v_type, v_value), 'p_features',
      v_wrong || '; nothing was written.');
  end if;
end;
$$;

comment on function medley.check_features(text[], text[], real[], real[]) is
  'Refuses features with a malformed type or value, or a weight or confidence out of range; null weights and '
  'confidences pass, they mean 1. Errors: invalid_argument.';
revoke all on function medley.check_features(text[], text[], real[], real[])
from public, anon, authenticated, service_role;

create or replace function medley.ensure_features(p_types text[], p_values text[])
returns void
language plpgsql volatile parallel unsafe security definer set search_path = '' set plan_cache_mode = force_custom_plan
as $$
declare
  -- Until a job has counted, a new feature is taken for one item's own.
  v_idf real := (select medley.feature_idf(1, s.item_count) from medley.feature_statistics as s);
begin
  if not exists (
    select from unnest(p_types, p_values) as u (feature_type, feature_value)
    where not exists (
      select from medley.features as f
      where f.feature_type = u.feature_type and f.feature_value = u.feature_value
    )
  ) then
    return;
  end if;

  -- One session at a time adds to the dictionary; waiting for each other's rows instead could deadlock.
  perform pg_advisory_xact_lock(hashtextextended('medley.features', 0));

  insert into medley.feature_types (feature_type)
  select distinct u.feature_type
  from unnest(p_types) as u (feature_type)
  on conflict do nothing;

  insert into medley.features (feature_type, feature_value, idf)
  select distinct u.feature_type, u.feature_value, v_idf
  from unnest(p_types, p_values) as u (feature_type, feature_value)
  where not exists (
    select from medley.features as f
    where f.feature_type = u.feature_type and f.feature_value = u.feature_value
  )
  on conflict do nothing;
end;
$$;

comment on function medley.ensure_features(text[], text[]) is
  'Adds the features and feature types that nobody had yet. Safe under concurrency; known ones are found without waiting.';
revoke all on function medley.ensure_features(text[], text[]) from public, anon, authenticated, service_role;

create or replace function medley.write_item_features(
  p_source text,
  p_item_nos int[],
  p_feature_item_nos int[],
  p_feature_nos int[],
  p_weights real[],
  p_confidences real[]
)
returns bigint
language plpgsql volatile parallel unsafe security definer set search_path = '' set plan_cache_mode = force_custom_plan
as $$
declare
  v_changed bigint;
begin
  with wanted as materialized (
    select
      u.item_no,
      u.feature_no,
      max(coalesce(u.weight, 1)) as weight,
      max(coalesce(u.confidence, 1)) as confidence
    from unnest(p_feature_item_nos, p_feature_nos, p_weights, p_confidences)
      as u (item_no, feature_no, weight, confidence)
    group by u.item_no, u.feature_no
  ),

  removed as (
    delete from medley.content_features as c
    using unnest(p_item_nos) as u (item_no)
    where c.item_no = u.item_no
      and c.source = p_source
      and not exists (select from wanted as w where w.item_no = c.item_no and w.feature_no = c.feature_no)
    returning 1
  ),

  written as (
    insert into medley.content_features as c (item_no, feature_no, source, weight, confidence)
    select
      w.item_no,
      w.feature_no,
      p_source,
      w.weight,
      w.confidence
    from wanted as w
    order by w.item_no, w.feature_no
    on conflict (item_no, feature_no, source) do update
    set weight = excluded.weight, confidence = excluded.confidence
    where (c.weight, c.confidence) is distinct from (excluded.weight, excluded.confidence)
    returning 1
  )

  select (select count(*) from removed) + (select count(*) from written) into v_changed;

  if v_changed > 0 then
    perform medley.refresh_item_content(p_item_nos);
  end if;
  return v_changed;
end;
$$;

comment on function medley.write_item_features(text, int[], int[], int[], real[], real[]) is
  'Makes p_source''s features of the items p_item_nos equal to the four arrays, by number. Only differences are written, '
  'item_content follows. Returns how many rows changed. Callers hold the locks of the items.';
revoke all on function medley.write_item_features(text, int[], int[], int[], real[], real[])
from public, anon, authenticated, service_role;

create or replace function medley.replace_item_features(
  p_source text,
  p_item_ids uuid[],
  p_feature_items uuid[],
  p_feature_types text[],
  p_feature_values text[],
  p_feature_weights real[] default null,
  p_feature_confidences real[] default null
)
returns bigint
language plpgsql volatile parallel unsafe security definer set search_path = '' set plan_cache_mode = force_custom_plan
as $$
declare
  v_items uuid[] := array(select distinct i.id from unnest(p_item_ids) as i (id) where i.id is not null);
  v_values text[] := array(
    select btrim(u.feature_value) from unnest(p_feature_values) with ordinality as u (feature_value, place) order by u.place
  );
  v_count int := coalesce(cardinality(p_feature_items), 0);
begin
  if p_source is null or length(p_source) not between 1 and 60 then
    perform medley.fail('invalid_argument', 'a source has 1 to 60 characters', 'p_source', 'Name who says so.');
  end if;
  if coalesce(cardinality(p_feature_types), 0) <> v_count
    or coalesce(cardinality(p_feature_values), 0) <> v_count
    or coalesce(cardinality(p_feature_weights), v_count) <> v_count
    or coalesce(cardinality(p_feature_confidences), v_count) <> v_count
  then
    perform medley.fail('invalid_argument', 'the arrays of features differ in length', 'p_feature_items',
      'Pass one item, type and value at each place, and weights and confidences for all or none.');
  end if;
  if exists (
    select from unnest(p_feature_items) as f (id)
    where f.id is null or not exists (select from unnest(v_items) as i (id) where i.id = f.id)
  ) then
    perform medley.fail('invalid_argument', 'a feature belongs to no item of p_item_ids', 'p_feature_items',
      'List every item in p_item_ids once.');
  end if;
  perform medley.check_features(p_feature_types, p_feature_values, p_feature_weights, p_feature_confidences);

  perform medley.ensure_features(p_feature_types, v_values);
  perform medley.lock_items(v_items);

  return (
    with given as (
      select
        i.item_no,
        f.feature_no,
        u.weight,
        u.confidence
      from unnest(p_feature_items, p_feature_types, v_values, p_feature_weights, p_feature_confidences)
        as u (item_id, feature_type, feature_value, weight, confidence)
      inner join medley.items as i on u.item_id = i.id
      inner join medley.features as f on u.feature_type = f.feature_type and u.feature_value = f.feature_value
    )

    select medley.write_item_features(
      p_source,
      array(select i.item_no from medley.items as i inner join unnest(v_items) as u (id) on i.id = u.id),
      coalesce(array_agg(g.item_no), '{}'),
      array_agg(g.feature_no),
      array_agg(g.weight),
      array_agg(g.confidence)
    )
    from given as g
  );
end;
$$;

comment on function medley.replace_item_features(text, uuid[], uuid[], text[], text[], real[], real[]) is
  'Replaces all features that p_source gave to the items p_item_ids by those of the arrays: at each place an item, a type, a '
  'value, a weight (null: 1) and a confidence (null: 1). Other sources keep theirs; an item that stands in p_item_ids only '
  'has none afterwards. The bulk path of packs: a hundred or a hundred thousand at once. Only differences are written; '
  'returns how many rows changed. Errors: invalid_argument, not_found (unknown item).';
revoke all on function medley.replace_item_features(text, uuid[], uuid[], text[], text[], real[], real[])
from public, anon, authenticated, service_role;

create or replace function medley.register_item_features(p_features jsonb)
returns table (item_id uuid, feature_count int)
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_source text;
begin
  if p_features is null or jsonb_typeof(p_features) <> 'array' then
    perform medley.fail('invalid_argument', 'p_features must be an array of objects', 'p_features',
      'Pass [{"item_id", "source", "features": [{"type", "value", "weight", "confidence"}]}, ...].');
  end if;
  if jsonb_array_length(p_features) > 1000 then
    perform medley.fail('too_large', format('p_features holds %s items', jsonb_array_length(p_features)), 'p_features',
      'Pass at most 1,000 items a call.');
  end if;
  if exists (
    select from jsonb_array_elements(p_features) as e (entry)
    where jsonb_typeof(e.entry -> 'features') is distinct from 'array' or e.entry ->> 'item_id' is null
  ) then
    perform medley.fail('invalid_argument', 'an entry lacks its item_id or its array of features', 'p_features',
      'Pass "features": [] to take all features away.');
  end if;
  if exists (
    select from jsonb_array_elements(p_features) as e (entry)
    where jsonb_array_length(e.entry -> 'features') > 200
  ) then
    perform medley.fail('too_large', 'an item has more than 200 features', 'p_features', 'Keep the most telling ones.');
  end if;

  -- One pass for each source; a call has one or a few of them.
  for v_source in
    select distinct coalesce(e.entry ->> 'source', 'app') from jsonb_array_elements(p_features) as e (entry)
  loop
    perform (
      with entry as (
        select (e.entry ->> 'item_id')::uuid as item_id, e.entry -> 'features' as features
        from jsonb_array_elements(p_features) as e (entry)
        where coalesce(e.entry ->> 'source', 'app') = v_source
      ),

      feature as (
        select t.item_id, r.type, r.value, r.weight, r.confidence
        from entry as t
        cross join lateral jsonb_to_recordset(t.features) as r (type text, value text, weight real, confidence real)
      )

      select medley.replace_item_features(
        v_source,
        (select array_agg(t.item_id) from entry as t),
        coalesce(array_agg(f.item_id), '{}'),
        array_agg(f.type),
        array_agg(f.value),
        array_agg(f.weight),
        array_agg(f.confidence)
      )
      from feature as f
    );
  end loop;

  return query
  select (e.entry ->> 'item_id')::uuid, jsonb_array_length(e.entry -> 'features')
  from jsonb_array_elements(p_features) with ordinality as e (entry, place)
  order by e.place;
exception
  -- Bad ids and numbers: the caller's data, not our fault.
  when data_exception then
    perform medley.fail('invalid_argument', sqlerrm, 'p_features', 'Correct the entry; nothing was written.');
end;
$$;

comment on function medley.register_item_features(jsonb) is
  'replace_item_features for up to 1,000 items and 200 features each as JSON; see public.register_item_features. '
  'Errors: invalid_argument, not_found (unknown item), too_large.';
revoke all on function medley.register_item_features(jsonb) from public, anon, authenticated, service_role;
grant execute on function medley.register_item_features(jsonb) to service_role;

create or replace function medley.refresh_item_content(p_item_nos int[] default null)
returns bigint
language plpgsql volatile parallel unsafe security definer set search_path = '' set work_mem = '256MB'
set plan_cache_mode = force_custom_plan
as $$
declare
  v_item_nos int[] := coalesce(p_item_nos, array(select i.item_no from medley.items as i));
  v_changed bigint;
begin
  perform medley.member_numbers(array(
    select distinct i.owner_id
    from unnest(v_item_nos) as u (item_no)
    inner join medley.items as i on u.item_no = i.item_no
    where i.owner_id is not null
  ));

  with weighed as (
    select
      c.item_no,
      c.feature_no,
      bool_or(t.is_creator) as is_creator,
      row_number() over (
        partition by c.item_no order by max(c.weight * c.confidence) * max(t.weight) desc, c.feature_no
      ) as place
    from unnest(v_item_nos) as u (item_no)
    inner join medley.content_features as c on u.item_no = c.item_no
    inner join medley.features as f on c.feature_no = f.feature_no
    inner join medley.feature_types as t on f.feature_type = t.feature_type
    where t.weight > 0
    group by c.item_no, c.feature_no
  ),

  content as (
    select
      w.item_no,
      -- Wider signatures would be full for everything with a long list of people.
      bit_or(set_bit(0::bit(128), w.feature_no % 128, 1)) filter (where w.place <= 24) as signature,
      (array_agg(w.feature_no order by w.place) filter (where w.is_creator))[1] as creator_feature_no
    from weighed as w
    group by w.item_no
  ),

  genre as (
    select
      i.item_no,
      (array_agg(g.genre_no order by p.depth desc nulls last, g.genre_no))[1] as genre_no
    from unnest(v_item_nos) as u (item_no)
    inner join medley.items as i on u.item_no = i.item_no
    inner join public.item_genres as l on i.id = l.item_id
    inner join public.genres as g on l.genre_id = g.id
    left join public.genre_paths as p on g.id = p.genre_id and p.is_primary
    group by i.item_no
  ),

  fresh as (
    select
      i.item_no,
      coalesce(c.signature, 0::bit(128)) as signature,
      g.genre_no,
      coalesce(m.user_no, -c.creator_feature_no) as creator_no
    from unnest(v_item_nos) as u (item_no)
    inner join medley.items as i on u.item_no = i.item_no
    left join content as c on i.item_no = c.item_no
    left join genre as g on i.item_no = g.item_no
    left join medley.members as m on i.owner_id = m.user_id
  ),

  written as (
    insert into medley.item_content as o (item_no, signature, genre_no, creator_no)
    select f.item_no, f.signature, f.genre_no, f.creator_no
    from fresh as f
    left join medley.item_content as e on f.item_no = e.item_no
    where e.item_no is null
      or (e.signature, e.genre_no, e.creator_no) is distinct from (f.signature, f.genre_no, f.creator_no)
    order by f.item_no
    on conflict (item_no) do update
    set signature = excluded.signature, genre_no = excluded.genre_no, creator_no = excluded.creator_no
    returning 1
  )

  select count(*) into v_changed from written;
  return v_changed;
end;
$$;

comment on function medley.refresh_item_content(int[]) is
  'Brings item_content of these items up to date, of all when null. Also a job: genres move in the taxonomy, and feature '
  'types change their weights. Returns how many rows changed.';
revoke all on function medley.refresh_item_content(int[]) from public, anon, authenticated, service_role;

create or replace function medley.refresh_genre_features(p_item_nos int[] default null)
returns bigint
language plpgsql volatile parallel unsafe security definer set search_path = '' set work_mem = '256MB'
set plan_cache_mode = force_custom_plan
as $$
declare
  v_item_nos int[] := coalesce(p_item_nos, array(select i.item_no from medley.items as i));
begin
  return (
    with feature as (
      select i.item_no, f.feature_no
      from unnest(v_item_nos) as u (item_no)
      inner join medley.items as i on u.item_no = i.item_no
      inner join public.item_genres as l on i.id = l.item_id
      inner join public.genres as g on l.genre_id = g.id
      inner join medley.features as f on f.feature_type = 'genre' and g.slug = f.feature_value
    )

    select medley.write_item_features(
      'genres', v_item_nos, coalesce(array_agg(f.item_no), '{}'), array_agg(f.feature_no), null, null
    )
    from feature as f
  );
end;
$$;

comment on function medley.refresh_genre_features(int[]) is
  'Makes the features of source genres equal to public.item_genres for these items, for all when null; triggers call it. '
  'Returns how many rows changed.';
revoke all on function medley.refresh_genre_features(int[]) from public, anon, authenticated, service_role;

create or replace function medley.item_genres_changed()
returns trigger
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_item_nos int[];
begin
  if tg_op = 'INSERT' then
    v_item_nos := array(
      select distinct i.item_no from new_rows as n inner join medley.items as i on n.item_id = i.id
    );
  elsif tg_op = 'DELETE' then
    v_item_nos := array(
      select distinct i.item_no from old_rows as o inner join medley.items as i on o.item_id = i.id
    );
  else
    v_item_nos := array(
      select distinct i.item_no
      from (select n.item_id from new_rows as n union select o.item_id from old_rows as o) as c
      inner join medley.items as i on c.item_id = i.id
    );
  end if;

  if cardinality(v_item_nos) > 0 then
    perform medley.refresh_genre_features(v_item_nos);
  end if;
  return null;
end;
$$;

comment on function medley.item_genres_changed() is 'Statement trigger: the features of source genres follow public.item_genres.';
revoke all on function medley.item_genres_changed() from public, anon, authenticated, service_role;

create trigger item_genres_features_insert
after insert on public.item_genres
referencing new table as new_rows
for each statement execute function medley.item_genres_changed();

create trigger item_genres_features_update
after update on public.item_genres
referencing old table as old_rows new table as new_rows
for each statement execute function medley.item_genres_changed();

create trigger item_genres_features_delete
after delete on public.item_genres
referencing old table as old_rows
for each statement execute function medley.item_genres_changed();

create or replace function medley.genres_changed()
returns trigger
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_slugs text[] := array(select n.slug from new_rows as n);
  v_item_nos int[];
begin
  perform medley.ensure_features(array_fill('genre'::text, array[cardinality(v_slugs)]), v_slugs);

  if tg_op = 'UPDATE' then
    v_item_nos := array(
      select distinct i.item_no
      from new_rows as n
      inner join public.item_genres as l on n.id = l.genre_id
      inner join medley.items as i on l.item_id = i.id
    );
    perform medley.refresh_genre_features(v_item_nos);
  end if;
  return null;
end;
$$;

comment on function medley.genres_changed() is
  'Statement trigger: every genre is in the dictionary from its first moment, so that linking it needs no lock; a genre '
  'with a new slug is another feature.';
revoke all on function medley.genres_changed() from public, anon, authenticated, service_role;

create trigger genres_features_insert
after insert on public.genres
referencing new table as new_rows
for each statement execute function medley.genres_changed();

create trigger genres_features_update
after update on public.genres
referencing new table as new_rows
for each statement execute function medley.genres_changed();

create or replace function medley.item_owners_changed()
returns trigger
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_item_nos int[];
begin
  if tg_op = 'INSERT' then
    v_item_nos := array(select n.item_no from new_rows as n where n.owner_id is not null);
  else
    v_item_nos := array(
      select n.item_no
      from new_rows as n
      inner join old_rows as o on n.id = o.id
      where n.owner_id is distinct from o.owner_id
    );
  end if;

  if cardinality(v_item_nos) > 0 then
    perform medley.refresh_item_content(v_item_nos);
  end if;
  return null;
end;
$$;

comment on function medley.item_owners_changed() is
  'Statement trigger: an item that belongs to a member is that member''s in item_content from the start.';
revoke all on function medley.item_owners_changed() from public, anon, authenticated, service_role;

create or replace function medley.items_deleted_with_features()
returns trigger
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
begin
  delete from medley.content_features as c
  using old_rows as o
  where c.item_no = o.item_no;
  return null;
end;
$$;

comment on function medley.items_deleted_with_features() is 'Statement trigger: items take their features along.';
revoke all on function medley.items_deleted_with_features() from public, anon, authenticated, service_role;

create trigger items_features_delete
after delete on medley.items
referencing old table as old_rows
for each statement execute function medley.items_deleted_with_features();

create trigger items_content_insert
after insert on medley.items
referencing new table as new_rows
for each statement execute function medley.item_owners_changed();

create trigger items_content_update
after update on medley.items
referencing old table as old_rows new table as new_rows
for each statement execute function medley.item_owners_changed();

create or replace function medley.refresh_feature_statistics()
returns bigint
language plpgsql volatile parallel unsafe security definer set search_path = '' set work_mem = '256MB'
as $$
declare
  v_generation int := medley.begin_generation('features');
  v_total bigint := (select count(distinct c.item_no) from medley.content_features as c);
begin
  update medley.feature_statistics as s
  set item_count = v_total
  where s.item_count <> v_total;

  with counted as (
    select c.feature_no, count(distinct c.item_no) as item_count
    from medley.content_features as c
    group by c.feature_no
  ),

  fresh as (
    select
      f.feature_no,
      coalesce(c.item_count, 0) as item_count,
      medley.feature_idf(greatest(coalesce(c.item_count, 0), 1), v_total) as idf
    from medley.features as f
    left join counted as c on f.feature_no = c.feature_no
  )

  update medley.features as f
  set item_count = n.item_count, idf = n.idf
  from fresh as n
  where f.feature_no = n.feature_no and (f.item_count, f.idf) is distinct from (n.item_count, n.idf);

  analyze medley.features, medley.content_features;
  perform medley.finish_generation('features', v_generation, (select count(*) from medley.features));
  return v_total;
end;
$$;

comment on function medley.refresh_feature_statistics() is
  'Job: counts again how many items have each feature, and from that its idf. Loaders call it too. Returns how many items '
  'have features.';
revoke all on function medley.refresh_feature_statistics() from public, anon, authenticated, service_role;

-- What was there before this module.
select medley.ensure_features(array_agg('genre'::text), array_agg(g.slug))
from public.genres as g;
select medley.refresh_genre_features();
