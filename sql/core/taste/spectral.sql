-- Vectors of items from behaviour alone: a truncated spectral embedding of the graph of members and items, by block
-- power iteration inside the database. One step takes every item to the mean of its members, each the mean of its
-- items; the vectors that this keeps are the leading ones of the normalized graph, in which groups of items lie in
-- directions of their own (Ng, Jordan and Weiss 2001). Counts are shrunk (Amini et al. 2013), so tiny islands of the
-- catalogue do not take a dimension each.
-- Linear in the number of affinities; members go block by block, so memory does not grow with them.
create or replace function medley.inverse_cholesky(p_gram double precision[])
returns double precision[]
language plpgsql immutable parallel safe security invoker set search_path = ''
as $$
declare
  -- Square, row by row, flat: place (i - 1) * n + j.
  v_n constant int := sqrt(cardinality(p_gram))::int;
  v_lower double precision[] := array_fill(0::float8, array[cardinality(p_gram)]);
  v_inverse double precision[] := array_fill(0::float8, array[cardinality(p_gram)]);
  v_sum double precision;
  v_row int;
  v_other int;
begin
  for i in 1..v_n loop
    v_row := (i - 1) * v_n;
    for j in 1..i loop
      v_other := (j - 1) * v_n;
      v_sum := p_gram[v_row + j];
      for k in 1..(j - 1) loop
        v_sum := v_sum - v_lower[v_row + k] * v_lower[v_other + k];
      end loop;
      if j < i then
        v_lower[v_row + j] := case when v_lower[v_other + j] > 0 then v_sum / v_lower[v_other + j] else 0 end;
      else
        -- What earlier columns explain already leaves a zero, and is dropped.
        v_lower[v_row + i] := case when v_sum > 1e-9 * p_gram[v_row + i] then sqrt(v_sum) else 0 end;
      end if;
    end loop;

    -- Row i of the inverse, by forward substitution.
    continue when v_lower[v_row + i] = 0;
    v_inverse[v_row + i] := 1 / v_lower[v_row + i];
    for j in 1..(i - 1) loop
      v_sum := 0;
      for k in j..(i - 1) loop
        v_sum := v_sum - v_lower[v_row + k] * v_inverse[(k - 1) * v_n + j];
      end loop;
      v_inverse[v_row + j] := v_sum / v_lower[v_row + i];
    end loop;
  end loop;
  return v_inverse;
end;
$$;

comment on function medley.inverse_cholesky(double precision[]) is
  'The inverse of the lower Cholesky factor of a symmetric matrix, both flat, row by row: it makes columns with that Gram '
  'matrix orthonormal. Columns that depend on earlier ones get a row of zeros.';
revoke all on function medley.inverse_cholesky(double precision[]) from public, anon, authenticated, service_role;

create or replace function medley.fill_spectral_bags()
returns bigint
language plpgsql volatile parallel unsafe security definer set search_path = '' set work_mem = '256MB'
as $$
declare
  v_min int := medley.setting('taste.spectral_min_members');
  v_history int := medley.setting('taste.history');
begin
  truncate medley.spectral_bags, medley.spectral_items;

  -- Every dimension starts from a hash of the item: a rebuild from the same log gives the same vectors.
  insert into medley.spectral_items (item_no, degree, place)
  select
    d.item_no,
    d.degree,
    array(
      select hashint4extended(d.item_no, k)::float8 / 9223372036854775808 from generate_series(1, 64) as k
    )::extensions.vector(64)
  from (
    select a.item_no, count(distinct a.user_no)::int as degree
    from medley.affinities as a
    where a.score > 0 and (a.negative_at is null or a.positive_at > a.negative_at)
    group by a.item_no
    having count(distinct a.user_no) >= v_min
  ) as d
  inner join medley.items as i on d.item_no = i.item_no
  order by d.item_no;
  analyze medley.spectral_items;

  insert into medley.spectral_bags (block, bag_no, item_nos)
  select b.bag_no / 20000, b.bag_no, b.item_nos
  from (
    select
      row_number() over () as bag_no,
      (array_agg(a.item_no order by a.last_at desc, a.item_no))[1:v_history] as item_nos
    from medley.affinities as a
    inner join medley.spectral_items as s on a.item_no = s.item_no
    where a.score > 0 and (a.negative_at is null or a.positive_at > a.negative_at)
    group by a.user_no
  ) as b
  -- Who likes one item only says nothing about which go together.
  where cardinality(b.item_nos) > 1;
  analyze medley.spectral_bags;
  return (select count(*) from medley.spectral_items);
end;
$$;

comment on function medley.fill_spectral_bags() is
  'Lays out what the iteration works on: items with enough members, at a start that looks random, and members'' liked items '
  'in blocks of 20,000 members. Returns how many items there are.';
revoke all on function medley.fill_spectral_bags() from public, anon, authenticated, service_role;

create or replace function medley.propagate_block(p_block int, p_shrinkage double precision)
returns table (item_no int, total extensions.vector)
language sql stable parallel safe security definer set search_path = '' set work_mem = '256MB'
as $$
  with bag as materialized (
    select b.bag_no, b.item_nos
    from medley.spectral_bags as b
    where b.block = p_block
  ),

  member as (
    select g.bag_no, extensions.sum(s.place) as total, count(*) as items
    from bag as g
    cross join lateral unnest(g.item_nos) as u (item_no)
    inner join medley.spectral_items as s on u.item_no = s.item_no
    group by g.bag_no
  ),

  -- There are few distinct counts, so the vectors to multiply by are made once each.
  scale as materialized (
    select c.items, array_fill((1 / (c.items + p_shrinkage))::real, array[64])::extensions.vector as factor
    from (select distinct m.items from member as m) as c
  ),

  standing as materialized (
    select m.bag_no, m.total operator(extensions.*) c.factor as place
    from member as m
    inner join scale as c on m.items = c.items
  )

  select u.item_no, extensions.sum(p.place)
  from bag as g
  cross join lateral unnest(g.item_nos) as u (item_no)
  inner join standing as p on g.bag_no = p.bag_no
  group by u.item_no
$$;

comment on function medley.propagate_block(int, double precision) is
  'One block''s share of a step: where its members stand, and per item the sum over those who like it.';
revoke all on function medley.propagate_block(int, double precision) from public, anon, authenticated, service_role;

create or replace function medley.propagate_items()
returns bigint
language plpgsql volatile parallel unsafe security definer set search_path = '' set work_mem = '256MB'
set plan_cache_mode = force_custom_plan
as $$
declare
  v_shrinkage double precision := medley.setting('taste.spectral_shrinkage');
  v_rows bigint;
begin
  with moved as materialized (
    select b.item_no, extensions.sum(b.total) as total
    from generate_series(0, (select max(b.block) from medley.spectral_bags as b)) as n (block)
    cross join lateral medley.propagate_block(n.block, v_shrinkage) as b
    group by b.item_no
  ),

  scale as materialized (
    select c.degree, array_fill((1 / (c.degree + v_shrinkage))::real, array[64])::extensions.vector as factor
    from (select distinct s.degree from medley.spectral_items as s) as c
  )

  update medley.spectral_items as s
  set place = m.total operator(extensions.*) c.factor
  from moved as m, scale as c
  where s.item_no = m.item_no and s.degree = c.degree;
  get diagnostics v_rows = row_count;
  return v_rows;
end;
$$;

comment on function medley.propagate_items() is
  'One step of the iteration: every item moves to the shrunk mean of its members, each at the shrunk mean of its items.';
revoke all on function medley.propagate_items() from public, anon, authenticated, service_role;

create or replace function medley.spectral_gram()
returns double precision[]
language sql stable parallel safe security definer set search_path = '' set work_mem = '256MB'
as $$
  with drawn as (
    -- Systematic sampling: 8,000 draws with odds in proportion to the shrunk degrees, which are the weights of the inner
    -- product in which the steps are symmetric. An item that is drawn n times counts n times.
    select
      s.item_no,
      s.place,
      floor(8000 * sum(w.weight) over running / sum(w.weight) over ())
        - floor(8000 * (sum(w.weight) over running - w.weight) / sum(w.weight) over ()) as draws
    from medley.spectral_items as s
    cross join lateral (select (s.degree + medley.setting('taste.spectral_shrinkage'))::float8 as weight) as w
    window running as (order by s.item_no)
  ),

  -- Turned over, a dimension is one long vector, and the Gram matrix 64 * 64 inner products.
  dimension as materialized (
    select
      u.k,
      array_agg(u.value * sqrt(d.draws) order by d.item_no)::real[]::extensions.vector as entries
    from drawn as d
    cross join lateral unnest(d.place::real[]) with ordinality as u (value, k)
    where d.draws > 0
    group by u.k
  )

  select array_agg(-(a.entries operator(extensions.<#>) b.entries) order by a.k, b.k)
  from dimension as a
  cross join dimension as b
$$;

comment on function medley.spectral_gram() is
  'The Gram matrix of the 64 dimensions of spectral_items, weighted by degree, on a sample of at most 8,000 items; flat.';
revoke all on function medley.spectral_gram() from public, anon, authenticated, service_role;

create or replace function medley.orthonormalize_items()
returns void
language plpgsql volatile parallel unsafe security definer set search_path = '' set work_mem = '256MB'
as $$
declare
  v_inverse double precision[] := medley.inverse_cholesky(medley.spectral_gram());
  v_rows extensions.vector[] := array(
    select v_inverse[k * 64 + 1:k * 64 + 64]::extensions.vector from generate_series(0, 63) as k
  );
begin
  update medley.spectral_items as s
  set place = array(
    select -(s.place operator(extensions.<#>) r.entries)
    from unnest(v_rows) with ordinality as r (entries, k)
    order by r.k
  )::extensions.vector(64)
  where true;
end;
$$;

comment on function medley.orthonormalize_items() is
  'Makes the dimensions of spectral_items orthonormal, so that they do not all turn into the strongest one.';
revoke all on function medley.orthonormalize_items() from public, anon, authenticated, service_role;

create or replace function medley.rebuild_spectral_embeddings()
returns bigint
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_generation int := medley.begin_generation('spectral_embeddings');
  v_model text := format('spectral-%s', v_generation);
  v_rows bigint := medley.fill_spectral_bags();
begin
  for v_step in 1..(medley.setting('taste.spectral_iterations')::int * (v_rows > 0)::int) loop
    perform medley.propagate_items();
    perform medley.orthonormalize_items();
  end loop;
  -- A last step without it weighs each dimension by what it explains.
  perform medley.propagate_items();

  delete from medley.content_embeddings as e
  where e.embedding_type = 'behavior';
  insert into medley.content_embeddings (item_no, embedding_type, model_version, dims, embedding_64)
  select s.item_no, 'behavior', v_model, 64, extensions.l2_normalize(s.place)
  from medley.spectral_items as s
  inner join medley.items as i on s.item_no = i.item_no
  where extensions.vector_norm(s.place) > 0;
  get diagnostics v_rows = row_count;

  update medley.embedding_types as t
  set model_version = v_model
  where t.embedding_type = 'behavior';
  truncate medley.spectral_bags, medley.spectral_items;
  analyze medley.content_embeddings;
  perform medley.finish_generation('spectral_embeddings', v_generation, v_rows);
  return v_rows;
end;
$$;

comment on function medley.rebuild_spectral_embeddings() is
  'Job: the vectors of type behavior anew, under a new model version; taste vectors follow by their own job. One '
  'transaction: killed at any moment it leaves the former ones. Returns how many items have one.';
revoke all on function medley.rebuild_spectral_embeddings() from public, anon, authenticated, service_role;
