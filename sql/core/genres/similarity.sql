-- The similarity graph: who occurs with whom, and which of that is more than chance.
-- Rebuilt in one transaction a stage: readers see the former generation until it commits. Only differences are
-- written, so a rebuild over unchanged data writes nothing.
create or replace function medley.genre_statistics_links()
returns table (item_no int, genre_no int)
language sql stable parallel safe security definer set search_path = ''
as $$
  select
    i.item_no,
    g.genre_no
  from public.item_genres as l
  inner join medley.items as i on i.id = l.item_id
  inner join medley.item_kinds as k on k.kind = i.kind
  inner join public.genres as g on g.id = l.genre_id
  where k.in_genre_statistics
$$;

comment on function medley.genre_statistics_links() is
  'The links that the statistics count, by number: those of items whose kind has in_genre_statistics.';
revoke all on function medley.genre_statistics_links() from public, anon, authenticated, service_role;

create or replace function medley.count_genre_pairs()
returns table (genre_a uuid, genre_b uuid, pair_count bigint)
language sql stable parallel safe security definer set search_path = '' set work_mem = '256MB'
as $$
  -- Bags instead of a self-join: one pass over the links, and the hash table holds two int4 a pair.
  with bag as (
    select array_agg(l.genre_no) as genre_nos
    from medley.genre_statistics_links() as l
    group by l.item_no
    having count(*) > 1
  ),

  pair as (
    select
      a.genre_no as no_a,
      b.genre_no as no_b,
      count(*) as pair_count
    from bag
    cross join lateral unnest(bag.genre_nos) as a (genre_no)
    inner join lateral unnest(bag.genre_nos) as b (genre_no) on a.genre_no < b.genre_no
    group by a.genre_no, b.genre_no
  )

  select
    least(a.id, b.id),
    greatest(a.id, b.id),
    p.pair_count
  from pair as p
  inner join public.genres as a on a.genre_no = p.no_a
  inner join public.genres as b on b.genre_no = p.no_b
$$;

comment on function medley.count_genre_pairs() is
  'Counts afresh how many items have both genres, for every pair that meets.';
revoke all on function medley.count_genre_pairs() from public, anon, authenticated, service_role;

create or replace function medley.refresh_genre_marginals(p_generation int)
returns bigint
language plpgsql volatile parallel unsafe security definer set search_path = '' set work_mem = '256MB'
as $$
begin
  insert into medley.genre_statistics as s (item_count, generation)
  select count(distinct l.item_no), p_generation
  from medley.genre_statistics_links() as l
  on conflict (singleton) do update
  set item_count = excluded.item_count, generation = excluded.generation
  where s.item_count <> excluded.item_count;

  with fresh as materialized (
    select
      g.id as genre_id,
      count(*) as artist_count
    from medley.genre_statistics_links() as l
    inner join public.genres as g on g.genre_no = l.genre_no
    group by g.id
  ),

  removed as (
    delete from medley.genre_marginals as m
    where not exists (select from fresh as f where f.genre_id = m.genre_id)
  )

  insert into medley.genre_marginals as m (genre_id, artist_count, generation)
  select f.genre_id, f.artist_count, p_generation
  from fresh as f
  on conflict (genre_id) do update
  set artist_count = excluded.artist_count, generation = excluded.generation
  where m.artist_count <> excluded.artist_count;

  return (select count(*) from medley.genre_marginals);
end;
$$;

comment on function medley.refresh_genre_marginals(int) is
  'Brings genre_marginals and genre_statistics up to date; returns how many genres have items.';
revoke all on function medley.refresh_genre_marginals(int) from public, anon, authenticated, service_role;

create or replace function medley.refresh_genre_cooccurrence()
returns bigint
language plpgsql volatile parallel unsafe security definer set search_path = '' set work_mem = '256MB'
as $$
declare
  v_generation int := medley.begin_generation('genre_cooccurrence_pairs');
  v_rows bigint;
begin
  -- A bulk load just before would leave the planner with the sizes of an empty table; the same holds for the stages
  -- after this one, so each analyzes what it wrote.
  analyze public.genres, public.item_genres;
  perform medley.refresh_genre_marginals(v_generation);

  with fresh as materialized (
    select c.genre_a, c.genre_b, c.pair_count
    from medley.count_genre_pairs() as c
  ),

  removed as (
    delete from medley.genre_cooccurrence_pairs as p
    where not exists (select from fresh as f where f.genre_a = p.genre_a and f.genre_b = p.genre_b)
  ),

  written as (
    insert into medley.genre_cooccurrence_pairs as p (genre_a, genre_b, pair_count, generation)
    select f.genre_a, f.genre_b, f.pair_count, v_generation
    from fresh as f
    left join medley.genre_cooccurrence_pairs as o on o.genre_a = f.genre_a and o.genre_b = f.genre_b
    where o.pair_count is distinct from f.pair_count
    order by f.genre_a, f.genre_b
    on conflict (genre_a, genre_b) do update
    set pair_count = excluded.pair_count, generation = excluded.generation
  )

  select count(*) into v_rows from fresh;

  analyze medley.genre_cooccurrence_pairs, medley.genre_marginals;
  perform medley.finish_generation('genre_cooccurrence_pairs', v_generation, v_rows);
  return v_rows;
end;
$$;

comment on function medley.refresh_genre_cooccurrence() is
  'Stage 1 of the taxonomy: counts genres and pairs of genres over the catalogue. Returns how many pairs there are.';
revoke all on function medley.refresh_genre_cooccurrence() from public, anon, authenticated, service_role;

create or replace function medley.rank_genre_neighbors()
returns table (
  genre_id uuid,
  neighbor_id uuid,
  weight double precision,
  relatedness double precision,
  pair_count bigint
)
language sql stable parallel safe security definer set search_path = '' set work_mem = '256MB'
as $$
  with parameter as materialized (
    select
      medley.setting('genres.max_neighbors') as max_neighbors,
      medley.setting('genres.min_pair_count') as min_pair_count,
      medley.setting('genres.similarity_shrinkage')::double precision as shrinkage,
      (select s.item_count from medley.genre_statistics as s)::double precision as item_count
  ),

  dropped as (
    select g.id
    from public.genre_taxonomy_exclude as x
    inner join public.genres as g on g.normalized_key = x.normalized_key
  ),

  related as (
    -- Normalized PMI (Bouma 2009) lies in 0..1 for pairs that attract; c / (c + shrinkage) discounts thin support.
    -- A pair that every item has would divide 0 by 0: it tells nothing, hence null.
    select
      p.genre_a,
      p.genre_b,
      p.pmi,
      p.pair_count,
      p.pmi / nullif(-ln(p.pair_count / v.item_count), 0) * p.pair_count / (p.pair_count + v.shrinkage) as relatedness
    from medley.genre_similarity_pmi as p
    cross join parameter as v
    where p.pair_count >= v.min_pair_count
      and p.pmi > 0
      and not exists (select from dropped as d where d.id in (p.genre_a, p.genre_b))
  ),

  directed as (
    select r.genre_a as genre_id, r.genre_b as neighbor_id, r.pmi, r.relatedness, r.pair_count from related as r
    union all
    select r.genre_b, r.genre_a, r.pmi, r.relatedness, r.pair_count from related as r
  ),

  ranked as (
    select
      d.*,
      row_number() over (
        partition by d.genre_id
        order by d.relatedness desc, d.pair_count desc, d.neighbor_id
      ) as place
    from directed as d
    where d.relatedness is not null
  )

  select r.genre_id, r.neighbor_id, r.pmi, r.relatedness, r.pair_count
  from ranked as r
  cross join parameter as v
  where r.place <= v.max_neighbors
$$;

comment on function medley.rank_genre_neighbors() is
  'The genres most related to each genre, from the pairs: relatedness = NPMI * c / (c + genres.similarity_shrinkage), '
  'weight = PMI. Genres on the drop list and pairs below genres.min_pair_count are left out.';
revoke all on function medley.rank_genre_neighbors() from public, anon, authenticated, service_role;

create or replace function medley.refresh_genre_similarity()
returns bigint
language plpgsql volatile parallel unsafe security definer set search_path = '' set work_mem = '256MB'
as $$
declare
  v_generation int := medley.begin_generation('genre_similarity_edges');
  v_rows bigint;
begin
  with fresh as materialized (
    select n.genre_id, n.neighbor_id, n.weight, n.relatedness, n.pair_count
    from medley.rank_genre_neighbors() as n
  ),

  removed as (
    delete from medley.genre_similarity_edges as e
    where not exists (select from fresh as f where f.genre_id = e.genre_id and f.neighbor_id = e.neighbor_id)
  ),

  written as (
    insert into medley.genre_similarity_edges as e
      (genre_id, neighbor_id, weight, relatedness, pair_count, generation)
    select f.genre_id, f.neighbor_id, f.weight, f.relatedness, f.pair_count, v_generation
    from fresh as f
    on conflict (genre_id, neighbor_id) do update
    set
      weight = excluded.weight,
      relatedness = excluded.relatedness,
      pair_count = excluded.pair_count,
      generation = excluded.generation
    where (e.weight, e.relatedness, e.pair_count) is distinct from
      (excluded.weight, excluded.relatedness, excluded.pair_count)
  )

  select count(*) into v_rows from fresh;

  analyze medley.genre_similarity_edges;
  perform medley.finish_generation('genre_similarity_edges', v_generation, v_rows);
  return v_rows;
end;
$$;

comment on function medley.refresh_genre_similarity() is
  'Stage 2 of the taxonomy: the similarity edges from the pairs of stage 1. Returns how many edges there are.';
revoke all on function medley.refresh_genre_similarity() from public, anon, authenticated, service_role;
