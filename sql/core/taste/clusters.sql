-- Groups of members with similar taste vectors: spherical k-means, centres from a sample, then every member to the
-- nearest one.

-- No SET: it inlines.
create or replace function medley.taste_vectors(p_type text)
returns table (user_no int, place extensions.vector)
language sql stable parallel safe security invoker
begin atomic
  select
    v.user_no,
    coalesce(
      v.embedding_64::extensions.vector, v.embedding_256::extensions.vector, v.embedding_384::extensions.vector,
      v.embedding_768::extensions.vector, v.embedding_1536::extensions.vector
    )
  from medley.user_taste_vectors as v
  inner join medley.embedding_types as t
    on v.embedding_type = t.embedding_type and v.model_version = t.model_version
  where v.embedding_type = p_type;
end;

comment on function medley.taste_vectors(text) is 'The members'' vectors of one type, those of the active model.';
revoke all on function medley.taste_vectors(text) from public, anon, authenticated, service_role;

create or replace function medley.nearest_centers(p_places extensions.vector[], p_centers extensions.vector[])
returns table (place extensions.vector, center_no int, similarity double precision)
language sql stable parallel safe security invoker
as $$
  select p.place, c.center_no, c.similarity
  from unnest(p_places) as p (place)
  cross join lateral (
    select
      n.center_no::int as center_no,
      -(p.place operator(extensions.<#>) n.center) as similarity
    from unnest(p_centers) with ordinality as n (center, center_no)
    order by p.place operator(extensions.<#>) n.center, n.center_no
    limit 1
  ) as c
$$;

comment on function medley.nearest_centers(extensions.vector[], extensions.vector[]) is
  'For each vector the nearest of the centres, by cosine; all have unit length.';
revoke all on function medley.nearest_centers(extensions.vector[], extensions.vector[])
from public, anon, authenticated, service_role;

create or replace function medley.seed_centers(p_places extensions.vector[], p_count int)
returns extensions.vector[]
language plpgsql stable parallel safe security definer set search_path = '' set plan_cache_mode = force_custom_plan
as $$
declare
  v_places extensions.vector[] := p_places[1:least(cardinality(p_places), 2000)];
  v_centers extensions.vector[] := p_places[1:1];
  v_next extensions.vector;
begin
  -- k-means++ (Arthur and Vassilvitskii 2007): the next centre is drawn with odds in proportion to its squared distance
  -- from the chosen ones. ln(random) / odds makes such a draw the smallest of all; the hash stands for chance.
  while cardinality(v_centers) < p_count loop
    select n.place into v_next
    from (
      select
        c.place,
        1 - c.similarity as odds,
        (hashtextextended(c.place::text, cardinality(v_centers)) & 1048575 | 1)::float8 / 1048577 as chance
      from medley.nearest_centers(v_places, v_centers) as c
    ) as n
    where n.odds > 1e-6
    order by ln(n.chance) / n.odds desc
    limit 1;
    exit when not found;
    v_centers := v_centers || v_next;
  end loop;
  return v_centers;
end;
$$;

comment on function medley.seed_centers(extensions.vector[], int) is
  'Up to p_count well spread vectors among the first 2,000 of p_places, for k-means to start from. Fewer where all the '
  'others coincide with them.';
revoke all on function medley.seed_centers(extensions.vector[], int) from public, anon, authenticated, service_role;

create or replace function medley.find_centers(p_type text, p_count int)
returns extensions.vector[]
language plpgsql stable parallel safe security definer set search_path = '' set plan_cache_mode = force_custom_plan
set work_mem = '256MB'
as $$
declare
  v_places extensions.vector[] := array(
    select v.place
    from medley.taste_vectors(p_type) as v
    -- The same members each time, and no favoured ones.
    order by hashint4extended(v.user_no, 1), v.user_no
    limit (select medley.setting('taste.cluster_sample'))
  );
  v_centers extensions.vector[] := medley.seed_centers(v_places, p_count);
  v_former extensions.vector[];
begin
  for v_round in 1..medley.setting('taste.cluster_iterations')::int loop
    v_former := v_centers;
    v_centers := array(
      select extensions.l2_normalize(extensions.avg(n.place))
      from medley.nearest_centers(v_places, v_centers) as n
      group by n.center_no
      having extensions.vector_norm(extensions.avg(n.place)) > 0
      order by count(*) desc, n.center_no
    );
    exit when v_centers = v_former;
  end loop;
  return v_centers;
end;
$$;

comment on function medley.find_centers(text, int) is
  'Centres of up to p_count clusters of the members'' vectors of a type: k-means on a sample, the largest cluster first.';
revoke all on function medley.find_centers(text, int) from public, anon, authenticated, service_role;

create or replace function medley.rebuild_clusters_of(p_cluster_type text, p_type text)
returns bigint
language plpgsql volatile parallel unsafe security definer set search_path = '' set plan_cache_mode = force_custom_plan
set work_mem = '256MB'
as $$
declare
  v_members bigint := (select count(*) from medley.taste_vectors(p_type) as v);
  v_centers extensions.vector[];
  v_rows bigint;
begin
  -- Few members make few clusters: about the square root of half their number.
  v_centers := medley.find_centers(
    p_type, least(medley.setting('taste.clusters'), greatest(1, ceil(sqrt(v_members / 2.0))))::int
  );

  with fresh as materialized (
    select v.user_no, c.center_no, c.similarity
    from medley.taste_vectors(p_type) as v
    cross join lateral (
      select
        n.center_no::int as center_no,
        least(1, greatest(-1, -(v.place operator(extensions.<#>) n.center)))::real as similarity
      from unnest(v_centers) with ordinality as n (center, center_no)
      order by v.place operator(extensions.<#>) n.center, n.center_no
      limit 1
    ) as c
  ),

  removed as (
    delete from medley.user_clusters as u
    where u.cluster_type = p_cluster_type
      and not exists (select from fresh as f where f.user_no = u.user_no)
  ),

  written as (
    insert into medley.user_clusters as u (user_no, cluster_type, cluster_no, similarity)
    select f.user_no, p_cluster_type, f.center_no, f.similarity
    from fresh as f
    order by f.user_no
    on conflict (user_no, cluster_type) do update
    set cluster_no = excluded.cluster_no, similarity = excluded.similarity, updated_at = excluded.updated_at
    where (u.cluster_no, u.similarity) is distinct from (excluded.cluster_no, excluded.similarity)
  )

  select count(*) into v_rows from fresh;
  return v_rows;
end;
$$;

comment on function medley.rebuild_clusters_of(text, text) is
  'Clusters of one kind over the vectors of one type of embedding. Returns how many members are in one.';
revoke all on function medley.rebuild_clusters_of(text, text) from public, anon, authenticated, service_role;

create or replace function medley.rebuild_user_clusters()
returns bigint
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_generation int := medley.begin_generation('user_clusters');
  -- A type that few members have would leave the others without a cluster.
  v_type text := (
    select k.embedding_type
    from (
      select
        t.embedding_type,
        t.taste_rank,
        count(*) < 0.5 * max(count(*)) over () as is_rare
      from medley.user_taste_vectors as v
      inner join medley.embedding_types as t
        on v.embedding_type = t.embedding_type and v.model_version = t.model_version
      group by t.embedding_type, t.taste_rank
    ) as k
    where not k.is_rare
    order by k.taste_rank, k.embedding_type
    limit 1
  );
  v_rows bigint;
begin
  v_rows := medley.rebuild_clusters_of('behavior_based', 'behavior') + medley.rebuild_clusters_of('taste_based', v_type);
  analyze medley.user_clusters;
  perform medley.finish_generation('user_clusters', v_generation, v_rows);
  return v_rows;
end;
$$;

comment on function medley.rebuild_user_clusters() is
  'Job: both kinds of clusters anew, in one transaction. Returns how many rows there are.';
revoke all on function medley.rebuild_user_clusters() from public, anon, authenticated, service_role;
