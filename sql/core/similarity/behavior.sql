-- Neighbours by behaviour: ridge regression inside the neighbourhood. For each item the members' other items are
-- counted, cosine picks the candidates, and one small linear system says how much each candidate tells about the item.
-- On full matrices this is EASE (Steck 2019); inside the neighbourhood it has the same quality at linear cost, and one
-- item can be refreshed alone. Source of the conjugate gradients: Hestenes and Stiefel 1952.
-- Words: a history is what one member likes, newest state of the affinities; a sketch is the set of an item's members
-- as bits, exact up to 8,192 members and corrected for coincidences beyond.

-- Working copies, narrow and in C's reach: arrays to unnest, bits to count. Unlogged, because a crash may forget them:
-- the next rebuild makes them again.
create unlogged table medley.behavior_histories (
  user_no int primary key,
  item_nos int[] not null,
  weights real[] not null
);

comment on table medley.behavior_histories is
  'What each member likes, as the rebuild of neighbours last read it: at most behavior.history items. Derived.';
comment on column medley.behavior_histories.user_no is 'The member.';
comment on column medley.behavior_histories.item_nos is 'The items.';
comment on column medley.behavior_histories.weights is
  'For each item 1 / sqrt(members + behavior.shrinkage): summed over members it gives the shrunk cosine.';

create unlogged table medley.behavior_items (
  item_no int primary key,
  member_count int not null,
  members int[] not null,
  sampled real not null,
  moved int not null default 0,
  -- Plain: reading bits back from another table would cost more than counting them.
  sketch bit(8192) not null
);
alter table medley.behavior_items alter column sketch set storage plain;

comment on table medley.behavior_items is 'Who likes each item, as the rebuild of neighbours last read it. Derived.';
comment on column medley.behavior_items.item_no is 'The item.';
comment on column medley.behavior_items.member_count is 'Members who like it.';
comment on column medley.behavior_items.members is 'Those members; of many, a sample of behavior.max_members.';
comment on column medley.behavior_items.sampled is 'Which share of the members that is, 0 to 1.';
comment on column medley.behavior_items.moved is 'Members who came or went since the row was written.';
comment on column medley.behavior_items.sketch is 'The same members as bits: bit user_no modulo 8192.';

alter table medley.behavior_histories enable row level security;
revoke all on medley.behavior_histories from public, anon, authenticated, service_role;

create policy behavior_histories_own on medley.behavior_histories
for select to authenticated using (user_no = (select medley.acting_user_no()));
alter table medley.behavior_items enable row level security;
revoke all on medley.behavior_items from public, anon, authenticated, service_role;

insert into medley.settings (key, value, description)
values
  (
    'behavior.history', 200,
    'Items of a member, strongest first, that co-occurrence counts; 10 to 1000. Pairs grow with its square.'
  ),
  ('behavior.max_members', 2000, 'Members of an item that co-occurrence looks at, a fixed sample; 100 to 8000.'),
  ('behavior.shrinkage', 10, 'Members added to each item before the cosine is taken; 0 or more.'),
  ('behavior.targets', 200, 'Items that one item speaks for at most, strongest first; 20 to 1000.'),
  (
    'behavior.candidates', 100,
    'Candidates of each item in the regression; 10 to 200. Twice as many take four times as long.'
  ),
  (
    'behavior.ridge', 20,
    'Ridge penalty of the regression, times the root of the members of the candidate; above 0. Where items have many '
    'members each, 40 with 200 candidates foretells better.'
  ),
  ('behavior.ridge_steps', 5, 'Steps of conjugate gradients; 1 to 50. Four reach what an exact solution does.'),
  (
    'behavior.popularity_damping', 0.1,
    'Weights are divided by the members of the recommended item to this power; 0 to 0.5.'
  );

create or replace function medley.liked_pairs()
returns table (user_no int, item_no int, score real)
language plpgsql stable parallel safe security definer set search_path = ''
as $$
begin
  return query
  select a.user_no, a.item_no, max(a.score)
  from medley.affinities as a
  where a.score > 0
  group by a.user_no, a.item_no;
end;
$$;

comment on function medley.liked_pairs() is
  'Members and the items they like: affinity above 0, at its own time, since how long ago it was says nothing about which '
  'items go together.';
revoke all on function medley.liked_pairs() from public, anon, authenticated, service_role;

create or replace function medley.behavior_history_rows(p_user_nos int[])
returns setof medley.behavior_histories
language plpgsql stable parallel safe security definer set search_path = ''
as $$
declare
  v_history int := medley.setting('behavior.history');
  v_shrinkage double precision := medley.setting('behavior.shrinkage');
begin
  if p_user_nos is null then
    return query
    with liked as materialized (
      select l.* from medley.liked_pairs() as l
    ),

    counted as (
      select l.item_no, count(*) as members
      from liked as l
      group by l.item_no
    ),

    history as (
      select
        l.user_no,
        array_agg(l.item_no order by l.score desc, l.item_no) as item_nos,
        array_agg((1 / sqrt(c.members + v_shrinkage))::real order by l.score desc, l.item_no) as weights
      from liked as l
      inner join counted as c on l.item_no = c.item_no
      group by l.user_no
    )

    select h.user_no, h.item_nos[1:v_history], h.weights[1:v_history]
    from history as h;
  else
    -- Member by member, by the key: only what a history keeps is sorted together. The items are counted already.
    return query
    select
      l.user_no,
      array_agg(l.item_no order by l.score desc, l.item_no),
      array_agg((1 / sqrt(coalesce(b.member_count, 1) + v_shrinkage))::real order by l.score desc, l.item_no)
    from unnest(p_user_nos) as u (user_no)
    cross join lateral (
      select a.user_no, a.item_no, max(a.score) as score
      from medley.affinities as a
      where a.user_no = u.user_no and a.score > 0
      group by a.user_no, a.item_no
      order by score desc, a.item_no
      limit v_history
    ) as l
    left join medley.behavior_items as b on l.item_no = b.item_no
    group by l.user_no;
  end if;
end;
$$;

comment on function medley.behavior_history_rows(int[]) is
  'The rows of behavior_histories that these members (each named once), or all (null), should have.';
revoke all on function medley.behavior_history_rows(int[]) from public, anon, authenticated, service_role;

create or replace function medley.behavior_sample(p_members int[], p_limit int)
returns table (members int[], sampled real, sketch bit)
language sql stable parallel safe security definer set search_path = ''
as $$
  -- The same members are in every item's sample: those with the lowest hash. So samples can be intersected.
  select
    array_agg(k.user_no),
    case when cardinality(p_members) > count(*) then (max(k.hash) + 1) / 536870912.0 else 1 end::real,
    bit_or(set_bit(repeat('0', 8192)::bit(8192), k.user_no % 8192, 1))
  from (
    select
      u.user_no,
      (u.user_no::int8 * 387420489) & 536870911 as hash
    from unnest(p_members) as u (user_no)
    order by hash
    limit p_limit
  ) as k
$$;

comment on function medley.behavior_sample(int[], int) is
  'Of an item''s members a sample of at most p_limit, its share of them, and its sketch.';
revoke all on function medley.behavior_sample(int[], int) from public, anon, authenticated, service_role;

create or replace function medley.load_behavior()
returns bigint
language plpgsql volatile parallel unsafe security definer set search_path = '' set work_mem = '128MB'
as $$
declare
  v_max_members int := medley.setting('behavior.max_members');
  v_rows bigint;
begin
  truncate medley.behavior_histories, medley.behavior_items;

  insert into medley.behavior_histories (user_no, item_nos, weights)
  select r.user_no, r.item_nos, r.weights
  from medley.behavior_history_rows(null) as r;
  analyze medley.behavior_histories;

  insert into medley.behavior_items (item_no, member_count, members, sampled, sketch)
  select m.item_no, cardinality(m.members), s.members, s.sampled, s.sketch
  from (
    select l.item_no, array_agg(l.user_no) as members
    from (
      select unnest(h.item_nos) as item_no, h.user_no
      from medley.behavior_histories as h
    ) as l
    group by l.item_no
  ) as m
  cross join lateral medley.behavior_sample(m.members, v_max_members) as s;
  get diagnostics v_rows = row_count;
  analyze medley.behavior_items;
  perform medley.finish_generation('behavior_items', medley.begin_generation('behavior_items'), v_rows);
  return v_rows;
end;
$$;

comment on function medley.load_behavior() is
  'Fills behavior_histories and behavior_items anew from the affinities. Returns how many items are liked by anybody.';
revoke all on function medley.load_behavior() from public, anon, authenticated, service_role;

-- Conjugate gradients on (H) x = b, H symmetric with unit diagonal and given by its rows. All arithmetic over the
-- length of a vector is one call into pgvector, so a step costs microseconds.
create or replace function medley.solve_ridge(p_rows extensions.vector[], p_b extensions.vector, p_steps int)
returns extensions.vector
language plpgsql immutable parallel safe security invoker
set search_path = '' set plan_cache_mode = force_generic_plan
as $$
declare
  v_size int[] := array[extensions.vector_dims(p_b)];
  v_x extensions.vector := array_fill(0::real, v_size)::extensions.vector;
  v_residual extensions.vector := p_b;
  v_direction extensions.vector := p_b;
  v_product extensions.vector;
  v_norm double precision := -(p_b operator(extensions.<#>) p_b);
  v_last double precision;
  v_step double precision;
begin
  for i in 1..p_steps loop
    exit when v_norm < 1e-12;
    select array_agg(-(r.row operator(extensions.<#>) v_direction))::extensions.vector into v_product
    from unnest(p_rows) as r (row);
    v_step := v_norm / -(v_direction operator(extensions.<#>) v_product);
    -- Sketches estimate: where that made the matrix indefinite, the step before is the answer.
    exit when v_step is null or v_step <= 0;
    v_x := v_x operator(extensions.+)
      (array_fill(v_step::real, v_size)::extensions.vector operator(extensions.*) v_direction);
    v_residual := v_residual operator(extensions.-)
      (array_fill(v_step::real, v_size)::extensions.vector operator(extensions.*) v_product);
    v_last := v_norm;
    v_norm := -(v_residual operator(extensions.<#>) v_residual);
    v_direction := v_residual operator(extensions.+)
      (array_fill((v_norm / v_last)::real, v_size)::extensions.vector operator(extensions.*) v_direction);
  end loop;
  return v_x;
end;
$$;

comment on function medley.solve_ridge(extensions.vector[], extensions.vector, int) is
  'p_steps steps of conjugate gradients towards H x = b. p_rows: the rows of H, symmetric with ones on its diagonal.';
revoke all on function medley.solve_ridge(extensions.vector[], extensions.vector, int)
from public, anon, authenticated, service_role;

create or replace function medley.behavior_candidates(p_item_no int, p_limit int, p_shrinkage double precision)
returns table (neighbor_no int, pairs double precision, cosine double precision)
language plpgsql stable parallel safe security definer
set search_path = '' set plan_cache_mode = force_generic_plan
as $$
declare
  v_item medley.behavior_items;
begin
  select b.* into v_item from medley.behavior_items as b where b.item_no = p_item_no;
  return query
  select
    k.item_no,
    count(*) / v_item.sampled::float8,
    sum(k.weight) / (v_item.sampled * sqrt(v_item.member_count + p_shrinkage))
  from (
    select unnest(h.item_nos) as item_no, unnest(h.weights) as weight
    from unnest(v_item.members) as u (user_no)
    inner join medley.behavior_histories as h on u.user_no = h.user_no
  ) as k
  where k.item_no <> p_item_no
  group by k.item_no
  order by 3 desc, 1
  limit p_limit;
end;
$$;

comment on function medley.behavior_candidates(int, int, double precision) is
  'The items that go with an item best by shrunk cosine, pairs / sqrt((members + s) * (members of the other + s)); '
  'pairs: how many members like both.';
revoke all on function medley.behavior_candidates(int, int, double precision)
from public, anon, authenticated, service_role;

create or replace function medley.behavior_neighbors_of(p_item_no int)
returns table (neighbor_no int, weight real, cosine real)
language plpgsql stable parallel safe security definer cost 100000
set search_path = '' set plan_cache_mode = force_generic_plan
as $$
declare
  v_members int := (select b.member_count from medley.behavior_items as b where b.item_no = p_item_no);
  v_candidates int := medley.setting('behavior.candidates');
  v_shrinkage double precision := medley.setting('behavior.shrinkage');
  v_ridge double precision := medley.setting('behavior.ridge');
  v_damping double precision := greatest(v_members, 1) ^ -medley.setting('behavior.popularity_damping')::float8;
  -- Two members share a bit by chance only where there are more members than bits.
  v_coincidence double precision := case
    when (select max(m.user_no) from medley.members as m) > 8192 then 1 / 8192.0
    else 0
  end;
  v_neighbors int[];
  v_cosines real[];
  v_scales real[];
  v_rows extensions.vector[];
  v_b extensions.vector;
begin
  -- G + diag(ridge * sqrt(members)), scaled to a unit diagonal. Few members support few candidates. factor holds the
  -- scale, and that several members may share a bit; the bits that differ tell how many are in common.
  with candidate as materialized (
    select
      row_number() over (order by c.cosine desc, c.neighbor_no) as place,
      c.neighbor_no,
      c.pairs,
      c.cosine,
      b.sketch,
      k.bits,
      k.scale,
      k.scale * sqrt(cardinality(b.members) / k.bits) as factor,
      1 / b.sampled::float8 as expansion
    from medley.behavior_candidates(p_item_no, least(greatest(2 * v_members, 25), v_candidates), v_shrinkage) as c
    inner join medley.behavior_items as b on c.neighbor_no = b.item_no
    cross join lateral (
      select
        bit_count(b.sketch)::float8 as bits,
        1 / sqrt(b.member_count + v_ridge * sqrt(b.member_count)) as scale
    ) as k
  ),

  pair as (
    select
      x.place,
      y.place as other,
      x.bits,
      y.bits as other_bits,
      (x.bits + y.bits - (x.sketch operator(extensions.<~>) y.sketch)) / 2 as common,
      x.factor * y.factor * greatest(x.expansion, y.expansion) as factor
    from candidate as x
    cross join candidate as y
    -- Once: the outer query uses "common" three times.
    offset 0
  ),

  matrix as (
    select
      p.place,
      array_agg(
        case
          when p.place = p.other then 1
          else p.factor * greatest(p.common - (p.bits - p.common) * (p.other_bits - p.common) * v_coincidence, 0)
        end
        order by p.other
      )::extensions.vector as row
    from pair as p
    group by p.place
  )

  select
    array_agg(c.neighbor_no order by c.place),
    array_agg(c.cosine order by c.place),
    array_agg(c.scale order by c.place),
    array_agg(m.row order by c.place),
    array_agg(c.pairs * c.scale order by c.place)::extensions.vector
  into v_neighbors, v_cosines, v_scales, v_rows, v_b
  from candidate as c
  inner join matrix as m on c.place = m.place;

  if v_neighbors is not null then
    return query
    select n.neighbor_no, (n.solved * n.scale * v_damping)::real, n.cosine
    from unnest(
      v_neighbors,
      medley.solve_ridge(v_rows, v_b, medley.setting('behavior.ridge_steps')::int)::real[],
      v_scales,
      v_cosines
    ) as n (neighbor_no, solved, scale, cosine);
  end if;
end;
$$;

comment on function medley.behavior_neighbors_of(int) is
  'Which items tell about an item, and how much: weight is the ridge weight of neighbor_no in predicting who likes '
  'p_item_no, damped by the members of p_item_no; cosine is their shrunk cosine. Source of the method: EASE (Steck 2019), '
  'with a penalty of behavior.ridge * sqrt(members) for each neighbour.';
revoke all on function medley.behavior_neighbors_of(int) from public, anon, authenticated, service_role;

create or replace function medley.forget_behavior_histories()
returns trigger
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
begin
  delete from medley.behavior_histories as h
  using old_rows as o
  where h.user_no = o.user_no;
  return null;
end;
$$;

comment on function medley.forget_behavior_histories() is
  'Statement trigger with transition table old_rows: what was read of a member goes with the member.';
revoke all on function medley.forget_behavior_histories() from public, anon, authenticated, service_role;

create trigger members_forget_behavior
after delete on medley.members referencing old table as old_rows
for each statement execute function medley.forget_behavior_histories();
