-- Genre neighbours: items of the same genres and of related ones, rare ones above all; among equals the popular items.
-- Many items have the very same genres, so what is compared are the distinct sets of genres; each item then takes its
-- neighbours from the sets that are closest to its own. That keeps "drama" from pairing everything with everything.
create or replace function medley.collect_genre_sets()
returns bigint
language plpgsql volatile parallel unsafe security definer set search_path = '' set work_mem = '256MB'
as $$
begin
  delete from medley.genre_set_items as i where i.item_no is not null;
  delete from medley.genre_set_members as m where m.set_no is not null;
  delete from medley.genre_set_spread as s where s.set_no is not null;

  insert into medley.genre_set_items (set_no, kind, place, item_no)
  with bag as materialized (
    select
      i.item_no,
      i.kind,
      array_agg(g.genre_no order by g.genre_no) as genre_nos
    from public.item_genres as l
    inner join medley.items as i on l.item_id = i.id
    inner join public.genres as g on l.genre_id = g.id
    group by i.item_no, i.kind
  ),

  liked as (
    select a.item_no, count(distinct a.user_no) as members
    from medley.affinities as a
    where a.positive_at is not null
    group by a.item_no
  )

  select
    dense_rank() over (order by b.genre_nos),
    b.kind,
    row_number() over (partition by b.genre_nos, b.kind order by coalesce(l.members, 0) desc, b.item_no),
    b.item_no
  from bag as b
  left join liked as l on b.item_no = l.item_no;

  with counted as (
    select
      l.genre_id,
      medley.feature_idf(count(*), (select count(*) from medley.genre_set_items as t)) as idf
    from public.item_genres as l
    group by l.genre_id
  ),

  member as materialized (
    select s.set_no, g.genre_no, c.idf as value
    -- Any item stands for its set.
    from (select t.set_no, min(t.item_no) as item_no from medley.genre_set_items as t group by t.set_no) as s
    inner join medley.items as i on s.item_no = i.item_no
    inner join public.item_genres as l on i.id = l.item_id
    inner join public.genres as g on l.genre_id = g.id
    inner join counted as c on l.genre_id = c.genre_id
    where c.idf > 0
  ),

  likeness as materialized (
    select g.genre_no, g.genre_no as other_no, 1::double precision as value
    from public.genres as g
    union all
    -- An edge is kept at the one end, the other, or both; it counts once, in both directions.
    select a.genre_no, b.genre_no, max(d.relatedness) * (select medley.setting('similarity.related_genres'))::double precision
    from (
      select e.genre_id as genre_a, e.neighbor_id as genre_b, e.relatedness
      from medley.genre_similarity_edges as e
      union all
      select e.neighbor_id, e.genre_id, e.relatedness
      from medley.genre_similarity_edges as e
    ) as d
    inner join public.genres as a on d.genre_a = a.id
    inner join public.genres as b on d.genre_b = b.id
    group by a.genre_no, b.genre_no
  ),

  spread as materialized (
    select m.set_no, l.other_no as genre_no, sum(m.value * l.value) as value
    from member as m
    inner join likeness as l on m.genre_no = l.genre_no
    group by m.set_no, l.other_no
  ),

  measured as materialized (
    select m.set_no, sqrt(sum(m.value * s.value)) as length
    from member as m
    inner join spread as s on m.set_no = s.set_no and m.genre_no = s.genre_no
    group by m.set_no
  ),

  members as (
    insert into medley.genre_set_members (genre_no, set_no, value)
    select m.genre_no, m.set_no, m.value / e.length
    from member as m
    inner join measured as e on m.set_no = e.set_no
    order by m.genre_no, m.set_no
  )

  insert into medley.genre_set_spread (set_no, genre_no, value)
  select s.set_no, s.genre_no, s.value / e.length
  from spread as s
  inner join measured as e on s.set_no = e.set_no
  order by s.set_no, s.genre_no;

  analyze medley.genre_set_items, medley.genre_set_members, medley.genre_set_spread;
  return (select max(i.set_no) from medley.genre_set_items as i);
end;
$$;

comment on function medley.collect_genre_sets() is
  'Fills genre_set_items, genre_set_members and genre_set_spread from public.item_genres. Returns how many sets there are.';
revoke all on function medley.collect_genre_sets() from public, anon, authenticated, service_role;

create or replace function medley.rank_genre_sets(p_from int, p_to int)
returns table (set_no int, kind text, item_nos int[], weights real[])
language sql stable parallel safe security definer set search_path = '' set work_mem = '256MB'
as $$
  with parameter as materialized (
    select greatest(medley.setting('similarity.neighbors'), medley.setting('similarity.neighbors_across')) + 1 as kept
  ),

  pair as (
    select
      a.set_no,
      b.set_no as other_no,
      least(sum(a.value * b.value::double precision), 1)::real as weight
    from medley.genre_set_spread as a
    inner join medley.genre_set_members as b on a.genre_no = b.genre_no
    where a.set_no between p_from and p_to
    group by a.set_no, b.set_no
  ),

  ranked as (
    select
      p.set_no,
      i.kind,
      i.item_no,
      p.weight,
      row_number() over (partition by p.set_no, i.kind order by p.weight desc, i.place, i.item_no) as place
    from pair as p
    inner join medley.genre_set_items as i on p.other_no = i.set_no
    cross join parameter as v
    where i.place <= v.kept
  )

  select
    r.set_no,
    r.kind,
    array_agg(r.item_no order by r.place),
    array_agg(r.weight order by r.place)
  from ranked as r
  cross join parameter as v
  where r.place <= v.kept
  group by r.set_no, r.kind
$$;

comment on function medley.rank_genre_sets(int, int) is
  'For the sets p_from to p_to: the items of each kind whose genres are closest, best first, one more than an item keeps. '
  'The weight is the soft cosine (Sidorov et al. 2014) of idf vectors: a related genre counts as the same one does, times '
  'relatedness times similarity.related_genres.';
revoke all on function medley.rank_genre_sets(int, int) from public, anon, authenticated, service_role;

create or replace function medley.rebuild_genre_neighbors(p_limit int)
returns bigint
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_list_no smallint := medley.lock_list('genre');
  v_done int;
  v_sets int;
begin
  if v_list_no is null then
    v_list_no := medley.begin_list('genre');
    perform medley.collect_genre_sets();
  end if;
  v_done := (select l.done_item_no from medley.neighbor_lists as l where l.list_no = v_list_no);
  v_sets := (
    select count(*)
    from (
      select distinct i.set_no
      from medley.genre_set_items as i
      where i.set_no > v_done and i.set_no <= v_done + p_limit
    ) as s
  );

  insert into medley.item_neighbors (list_no, item_no, neighbor_no, weight)
  with kept as materialized (
    select
      medley.setting('similarity.neighbors') as same_kind,
      medley.setting('similarity.neighbors_across') as across
  )

  select v_list_no, i.item_no, n.item_no, n.weight
  from medley.rank_genre_sets(v_done + 1, v_done + p_limit) as r
  inner join medley.genre_set_items as i on r.set_no = i.set_no
  cross join kept as k
  cross join lateral unnest(r.item_nos, r.weights) with ordinality as n (item_no, weight, place)
  where n.item_no <> i.item_no
    -- Whoever stands behind the item itself moves up by one.
    and n.place - coalesce((n.place > array_position(r.item_nos, i.item_no))::int, 0) <= case when r.kind = i.kind then k.same_kind else k.across end;

  if v_sets < p_limit then
    perform medley.finish_list(v_list_no);
  else
    update medley.neighbor_lists as l
    set done_item_no = v_done + p_limit
    where l.list_no = v_list_no;
  end if;
  return v_sets;
end;
$$;

comment on function medley.rebuild_genre_neighbors(int) is
  'Job: genre neighbours of the items with the next p_limit sets of genres into a list of their own; after the last set it '
  'becomes current. Returns how many sets.';
revoke all on function medley.rebuild_genre_neighbors(int) from public, anon, authenticated, service_role;
