-- Serving two towers without leaving SQL. A version's places of items are rows of content_embeddings, those of members
-- rows of user_taste_vectors, both of type two_tower. While a version is active, triggers place what is new in the same
-- transaction; after an activation the job refresh_tower_vectors places the rest, newest first. A ranker takes what
-- has no place yet for unknown. Places of several versions of items lie side by side, so going back finds them there.

-- No SET: it inlines.
create or replace function medley.tower_rows(p_model_version_id uuid, p_tower text)
returns table (row_no smallint, weights extensions.vector, bias real)
language sql stable parallel safe security invoker
begin atomic
  select w.row_no, w.weights, w.bias
  from medley.model_weights as w
  where w.model_version_id = p_model_version_id and w.tower = p_tower;
end;

comment on function medley.tower_rows(uuid, text) is 'The rows of a tower.';
revoke all on function medley.tower_rows(uuid, text) from public, anon, authenticated, service_role;

create or replace function medley.place_items(p_model medley.model_versions, p_item_nos int[], p_anew boolean)
returns bigint
language plpgsql volatile parallel unsafe security definer set search_path = '' set plan_cache_mode = force_custom_plan
as $$
declare
  v_placed bigint;
begin
  with tower as materialized (
    select w.row_no, w.weights, w.bias from medley.tower_rows(p_model.model_version_id, 'item') as w
  ),

  known as materialized (
    select i.item_no
    from medley.items as i
    inner join unnest(p_item_nos) as u (item_no) on i.item_no = u.item_no
    order by i.item_no
    for key share of i
  ),

  placed as (
    select
      k.item_no,
      e.created_at,
      -- <#> is minus the inner product.
      (
        select array_agg(w.bias - (w.weights operator(extensions.<#>) e.embedding_384) order by w.row_no)
        from tower as w
      )::real[]::extensions.vector(256) as place
    from known as k
    inner join medley.content_embeddings as e
      on k.item_no = e.item_no and e.embedding_type = 'text' and e.model_version = p_model.text_model
    where p_anew or not exists (
      select from medley.content_embeddings as o
      where o.item_no = k.item_no and o.embedding_type = 'two_tower' and o.model_version = p_model.version
        and o.created_at >= e.created_at
    )
    -- Computed once a row.
    offset 0
  )

  -- Dated as the text is: one that was written while this ran has its place already, and keeps it.
  insert into medley.content_embeddings as e (
    item_no, embedding_type, model_version, dims, embedding_256, created_at
  )
  select p.item_no, 'two_tower', p_model.version, 256, extensions.l2_normalize(p.place), p.created_at
  from placed as p
  where extensions.vector_norm(p.place) > 1e-6
  order by p.item_no
  on conflict (item_no, embedding_type, model_version) do update
  set embedding_256 = excluded.embedding_256, created_at = excluded.created_at
  where e.created_at <= excluded.created_at;
  get diagnostics v_placed = row_count;
  return v_placed;
end;
$$;

comment on function medley.place_items(medley.model_versions, int[], boolean) is
  'Places those of the items that have an embedding of type text by that version: all with p_anew, else those whose text is '
  'newer than their place. Returns how many.';
revoke all on function medley.place_items(medley.model_versions, int[], boolean)
from public, anon, authenticated, service_role;

create or replace function medley.place_members(p_model medley.model_versions, p_user_nos int[])
returns bigint
language plpgsql volatile parallel unsafe security definer set search_path = '' set plan_cache_mode = force_custom_plan
as $$
declare
  v_placed bigint;
begin
  with tower as materialized (
    select w.row_no, w.weights, w.bias from medley.tower_rows(p_model.model_version_id, 'user') as w
  ),

  -- Not lock_members: whoever holds that lock may be waiting for the activation that is calling.
  known as materialized (
    select m.user_no
    from medley.members as m
    inner join unnest(p_user_nos) as u (user_no) on m.user_no = u.user_no
    order by m.user_no
    for key share of m
  ),

  placed as (
    select
      t.user_no,
      t.computed_at,
      (
        select array_agg(w.bias - (w.weights operator(extensions.<#>) t.embedding_384) order by w.row_no)
        from tower as w
      )::real[]::extensions.vector(256) as place
    from known as k
    inner join medley.user_taste_vectors as t
      on k.user_no = t.user_no and t.embedding_type = 'text' and t.model_version = p_model.text_model
    offset 0
  )

  insert into medley.user_taste_vectors as v (user_no, embedding_type, model_version, embedding_256, computed_at)
  select p.user_no, 'two_tower', p_model.version, extensions.l2_normalize(p.place), p.computed_at
  from placed as p
  where extensions.vector_norm(p.place) > 1e-6
  order by p.user_no
  on conflict (user_no, embedding_type) do update
  set
    model_version = excluded.model_version,
    embedding_256 = excluded.embedding_256,
    computed_at = excluded.computed_at
  where v.model_version <> excluded.model_version or v.computed_at <= excluded.computed_at;
  get diagnostics v_placed = row_count;
  return v_placed;
end;
$$;

comment on function medley.place_members(medley.model_versions, int[]) is
  'Places those of the members who have a taste vector of type text. Returns how many.';
revoke all on function medley.place_members(medley.model_versions, int[])
from public, anon, authenticated, service_role;

create or replace function medley.tower_model_in_use()
returns medley.model_versions
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_model medley.model_versions;
begin
  -- Held until the writer commits: an activation waits for it, and so finds all that writers did not place for it.
  perform pg_advisory_xact_lock_shared(hashtextextended('medley.tower_model', 0));
  select m.* into v_model
  from medley.model_versions as m
  where m.model_version_id = medley.active_tower_model();
  return v_model;
end;
$$;

comment on function medley.tower_model_in_use() is
  'The active version of two towers, which stays so until the transaction ends; all null: there is none.';
revoke all on function medley.tower_model_in_use() from public, anon, authenticated, service_role;

create or replace function medley.place_new_items()
returns trigger
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_model medley.model_versions;
begin
  if exists (select from new_rows as n where n.embedding_type = 'text') then
    v_model := medley.tower_model_in_use();
    if v_model.version is not null then
      perform medley.place_items(
        v_model, array(select n.item_no from new_rows as n where n.embedding_type = 'text' order by n.item_no), true
      );
    end if;
  end if;
  return null;
end;
$$;

comment on function medley.place_new_items() is
  'Statement trigger with transition table new_rows: items whose text was embedded have a place by the active version.';
revoke all on function medley.place_new_items() from public, anon, authenticated, service_role;

create trigger content_embeddings_place_inserted
after insert on medley.content_embeddings
referencing new table as new_rows
for each statement execute function medley.place_new_items();

create trigger content_embeddings_place_updated
after update on medley.content_embeddings
referencing new table as new_rows
for each statement execute function medley.place_new_items();

create or replace function medley.place_new_members()
returns trigger
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_model medley.model_versions;
begin
  if exists (select from new_rows as n where n.embedding_type = 'text') then
    v_model := medley.tower_model_in_use();
    if v_model.version is not null then
      perform medley.place_members(
        v_model, array(select n.user_no from new_rows as n where n.embedding_type = 'text' order by n.user_no)
      );
    end if;
  end if;
  return null;
end;
$$;

comment on function medley.place_new_members() is
  'Statement trigger with transition table new_rows: a member whose taste moved moves in the active version''s space.';
revoke all on function medley.place_new_members() from public, anon, authenticated, service_role;

create trigger user_taste_vectors_place_inserted
after insert on medley.user_taste_vectors
referencing new table as new_rows
for each statement execute function medley.place_new_members();

create trigger user_taste_vectors_place_updated
after update on medley.user_taste_vectors
referencing new table as new_rows
for each statement execute function medley.place_new_members();

create or replace function medley.unplace_members()
returns trigger
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
begin
  if exists (select from old_rows as o where o.embedding_type = 'text') then
    delete from medley.user_taste_vectors as v
    using old_rows as o
    where v.user_no = o.user_no and o.embedding_type = 'text' and v.embedding_type = 'two_tower';
  end if;
  return null;
end;
$$;

comment on function medley.unplace_members() is
  'Statement trigger with transition table old_rows: a member without a taste vector of type text has no place either.';
revoke all on function medley.unplace_members() from public, anon, authenticated, service_role;

create trigger user_taste_vectors_unplace
after delete on medley.user_taste_vectors
referencing old table as old_rows
for each statement execute function medley.unplace_members();

create or replace function medley.place_next_items(p_model medley.model_versions, p_limit int)
returns bigint
language plpgsql volatile parallel unsafe security definer set search_path = '' set plan_cache_mode = force_custom_plan
as $$
declare
  v_item_nos int[] := array(
    select e.item_no
    from medley.content_embeddings as e
    where e.embedding_type = 'text' and e.model_version = p_model.text_model and e.item_no < p_model.items_below
    order by e.item_no desc
    limit p_limit
  );
begin
  perform medley.place_items(p_model, v_item_nos, false);
  update medley.model_versions as m
  set items_below = case when cardinality(v_item_nos) = p_limit then v_item_nos[p_limit] end
  where m.model_version_id = p_model.model_version_id and m.items_below is not null;
  return cardinality(v_item_nos);
end;
$$;

comment on function medley.place_next_items(medley.model_versions, int) is
  'Places the next p_limit items, from the newest on; see model_versions.items_below. Returns how many it looked at.';
revoke all on function medley.place_next_items(medley.model_versions, int)
from public, anon, authenticated, service_role;

create or replace function medley.place_next_members(p_model medley.model_versions, p_limit int)
returns bigint
language plpgsql volatile parallel unsafe security definer set search_path = '' set plan_cache_mode = force_custom_plan
as $$
declare
  v_user_nos int[] := array(
    select t.user_no
    from medley.user_taste_vectors as t
    where t.embedding_type = 'text' and t.model_version = p_model.text_model and t.user_no < p_model.members_below
    order by t.user_no desc
    limit p_limit
  );
begin
  perform medley.place_members(p_model, v_user_nos);
  update medley.model_versions as m
  set members_below = case when cardinality(v_user_nos) = p_limit then v_user_nos[p_limit] end
  where m.model_version_id = p_model.model_version_id and m.members_below is not null;
  return cardinality(v_user_nos);
end;
$$;

comment on function medley.place_next_members(medley.model_versions, int) is
  'Places the next p_limit members, from the newest on; see model_versions.members_below. Returns how many.';
revoke all on function medley.place_next_members(medley.model_versions, int)
from public, anon, authenticated, service_role;

create or replace function medley.refresh_tower_vectors(p_limit int)
returns bigint
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_model medley.model_versions := medley.tower_model_in_use();
begin
  if v_model.version is null then
    return 0;
  end if;
  return medley.place_next_items(v_model, p_limit) + medley.place_next_members(v_model, p_limit);
end;
$$;

comment on function medley.refresh_tower_vectors(int) is
  'Job: after an activation, places the next p_limit items and p_limit members by the active version. '
  'Returns how many it looked at.';
revoke all on function medley.refresh_tower_vectors(int) from public, anon, authenticated, service_role;

create or replace function medley.check_towers(p_model medley.model_versions)
returns void
language plpgsql stable parallel safe security definer set search_path = ''
as $$
declare
  v_rows jsonb;
  v_text medley.embedding_types;
begin
  select jsonb_build_object('item', count(*) filter (where w.tower = 'item'), 'user', count(*) filter (where w.tower = 'user'))
  into v_rows
  from medley.model_weights as w
  where w.model_version_id = p_model.model_version_id;
  if v_rows <> '{"item": 256, "user": 256}' then
    perform medley.fail('conflict', format('version %s has not all weights: %s', p_model.version, v_rows), 'p_version',
      'Write 256 rows of each tower with set_model_weights.');
  end if;
  if not exists (select from medley.model_heads as h where h.model_version_id = p_model.model_version_id) then
    perform medley.fail('conflict', format('version %s has no heads', p_model.version), 'p_version',
      'Write them with set_model_heads.');
  end if;

  select t.* into v_text
  from medley.embedding_types as t
  where t.embedding_type = 'text';
  if v_text.model_version is distinct from p_model.text_model or v_text.dims is distinct from 384::smallint then
    perform medley.fail('conflict',
      format('version %s places text embeddings of %s, in use are those of %s', p_model.version, p_model.text_model,
        coalesce(format('%s (%s numbers)', v_text.model_version, v_text.dims), 'no model')),
      'p_version', 'Embed with that model and activate_embedding_model(''text'', ...), or train again.');
  end if;
end;
$$;

comment on function medley.check_towers(medley.model_versions) is
  'Refuses to serve a version of two towers that lacks weights or heads, or was trained on other text embeddings. '
  'Errors: conflict.';
revoke all on function medley.check_towers(medley.model_versions) from public, anon, authenticated, service_role;

create or replace function medley.prepare_model(p_version text, p_limit int)
returns bigint
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_model medley.model_versions := medley.model_version_of(p_version);
begin
  perform medley.check_limit(p_limit, 10000);
  -- Of one that is active the job places the rest.
  if v_model.model_type <> 'two_tower' or v_model.is_active then
    return 0;
  end if;
  perform medley.check_towers(v_model);
  return medley.place_next_items(v_model, p_limit);
end;
$$;

comment on function medley.prepare_model(text, int) is
  'Places items before the version is active; see public.prepare_model. Errors: not_found, conflict, invalid_argument.';
revoke all on function medley.prepare_model(text, int) from public, anon, authenticated, service_role;
grant execute on function medley.prepare_model(text, int) to service_role;

create or replace function medley.activate_model(p_version text, p_as_of timestamptz)
returns table (items bigint, members bigint, is_complete boolean)
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_model medley.model_versions;
  v_rows int := medley.setting('training.activation_rows');
begin
  -- One activation at a time, and none while vectors are being written: see tower_model_in_use.
  perform pg_advisory_xact_lock(hashtextextended('medley.tower_model', 0));
  v_model := medley.model_version_of(p_version);

  if v_model.model_type = 'two_tower' then
    perform medley.check_towers(v_model);
  elsif v_model.model_weights_url is null then
    perform medley.fail('conflict', format('version %s has no weights', p_version), 'p_version',
      'Only two_tower is served from rows: name a model_weights_url when the version is made.');
  end if;

  if not v_model.is_active then
    update medley.model_versions as m
    set is_active = false
    where m.model_type = v_model.model_type and m.is_active;
    update medley.model_versions as m
    set is_active = true, activated_at = p_as_of, items_below = 2147483647, members_below = 2147483647
    where m.model_version_id = v_model.model_version_id
    returning m.* into v_model;
  end if;
  if v_model.model_type <> 'two_tower' then
    return query select 0::bigint, 0::bigint, true;
    return;
  end if;

  update medley.embedding_types as t
  set model_version = v_model.version
  where t.embedding_type = 'two_tower';
  items := medley.place_next_items(v_model, v_rows);
  members := medley.place_next_members(v_model, v_rows);
  select m.items_below is null and m.members_below is null into strict is_complete
  from medley.model_versions as m
  where m.model_version_id = v_model.model_version_id;
  return next;
end;
$$;

comment on function medley.activate_model(text, timestamptz) is
  'Puts a version in use; see public.activate_model. Errors: not_found, conflict.';
revoke all on function medley.activate_model(text, timestamptz) from public, anon, authenticated, service_role;
grant execute on function medley.activate_model(text, timestamptz) to service_role;

create or replace function medley.deactivate_model(p_model_type text)
returns text
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_version text;
begin
  perform pg_advisory_xact_lock(hashtextextended('medley.tower_model', 0));
  update medley.model_versions as m
  set is_active = false
  where m.model_type = p_model_type and m.is_active
  returning m.version into v_version;
  if not found then
    perform medley.fail('not_found', format('no model of type %s is active', coalesce(left(p_model_type, 60), '(null)')),
      'p_model_type', 'See get_model_versions().');
  end if;
  return v_version;
end;
$$;

comment on function medley.deactivate_model(text) is
  'Takes the active version of a type out of use; see public.deactivate_model. Errors: not_found.';
revoke all on function medley.deactivate_model(text) from public, anon, authenticated, service_role;
grant execute on function medley.deactivate_model(text) to service_role;

create or replace function medley.delete_model_version(p_version text)
returns void
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_model medley.model_versions := medley.model_version_of(p_version);
begin
  if v_model.is_active then
    perform medley.fail('conflict', format('version %s is active', p_version), 'p_version',
      'Activate another one, or deactivate_model(), first.');
  end if;
  delete from medley.model_versions as m
  where m.model_version_id = v_model.model_version_id;
end;
$$;

comment on function medley.delete_model_version(text) is
  'Deletes a version that is not active; see public.delete_model_version. Errors: not_found, conflict.';
revoke all on function medley.delete_model_version(text) from public, anon, authenticated, service_role;
grant execute on function medley.delete_model_version(text) to service_role;

create or replace function medley.prune_tower_vectors(p_limit int)
returns bigint
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_rows bigint;
begin
  with kept as materialized (
    select m.version
    from (
      select
        v.*,
        row_number() over (order by v.is_active desc, v.activated_at desc nulls last) as place
      from medley.model_versions as v
      where v.model_type = 'two_tower'
    ) as m
    -- One that was never in use may be in preparation.
    where m.activated_at is null or m.is_active
      or m.place <= (select medley.setting('training.keep_models'))
        + (select count(*) from medley.model_versions as a where a.model_type = 'two_tower' and a.is_active)
  )

  delete from medley.content_embeddings as e
  where e.embedding_type = 'two_tower' and (e.item_no, e.model_version) in (
    select o.item_no, o.model_version
    from medley.content_embeddings as o
    where o.embedding_type = 'two_tower'
      and o.model_version not in (select k.version from kept as k)
    limit p_limit
  );
  get diagnostics v_rows = row_count;
  return v_rows;
end;
$$;

comment on function medley.prune_tower_vectors(int) is
  'Job: deletes up to p_limit places of items by versions that are neither active, nor among the training.keep_models that '
  'last were, nor still to come. Returns how many.';
revoke all on function medley.prune_tower_vectors(int) from public, anon, authenticated, service_role;
