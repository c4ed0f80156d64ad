-- Made from sql/core/similarity by `make migrations`; edit that, not this.

-- sql/core/similarity/tables.sql
-- Which items are like which: lists of neighbours, one list for each method and generation.
-- A rebuild writes a new list, in as many transactions as it likes, and finish_list makes it the current one: readers
-- never wait and never see half. What it replaces is retired and deleted by a job, in batches.
-- Words: item_no -> neighbor_no means that who likes item_no should be shown neighbor_no.
create table medley.neighbor_lists (
  list_no smallint primary key generated always as identity,
  method text not null check (method in ('behavior', 'cosine', 'content', 'genre', 'embedding', 'blend')),
  generation int not null check (generation > 0),
  state text not null default 'building' check (state in ('building', 'current', 'retired')),
  done_item_no int not null default 0,
  started_at timestamptz not null default now(),
  built_at timestamptz,
  row_count bigint,
  constraint neighbor_lists_built check (state = 'building' or built_at is not null)
);
create unique index neighbor_lists_current_idx on medley.neighbor_lists (method) where state = 'current';
create unique index neighbor_lists_building_idx on medley.neighbor_lists (method) where state = 'building';

comment on table medley.neighbor_lists is
  'The lists of neighbours: at most one current and one building for each method.';
comment on column medley.neighbor_lists.list_no is 'Number of the list; what item_neighbors carries.';
comment on column medley.neighbor_lists.method is
  'How the weights came about: behavior, cosine (both from what members do), content, genre, embedding, blend (of them).';
comment on column medley.neighbor_lists.generation is 'Grows by one with each complete rebuild of the method.';
comment on column medley.neighbor_lists.state is
  'building (nobody reads it), current (the one that is read) or retired (drop_retired_neighbors deletes it).';
comment on column medley.neighbor_lists.done_item_no is
  'How far a rebuild in blocks has come: the items (genre: the sets) up to this number are written. A killed one goes on '
  'from here.';
comment on column medley.neighbor_lists.started_at is 'When the rebuild began.';
comment on column medley.neighbor_lists.built_at is 'When the list became current; for a rebuild given up, when it was.';
comment on column medley.neighbor_lists.row_count is 'Rows when it became current.';

alter table medley.neighbor_lists enable row level security;
revoke all on medley.neighbor_lists from public, anon, authenticated, service_role;

-- No foreign keys: the checks would cost as much as the rows. Reads join medley.items; rebuilds leave out what is gone.
create table medley.item_neighbors (
  list_no smallint not null,
  item_no int not null,
  neighbor_no int not null,
  weight real not null,
  primary key (list_no, item_no, neighbor_no)
);
create index item_neighbors_read_idx on medley.item_neighbors (list_no, item_no, weight desc, neighbor_no);
create index item_neighbors_neighbor_idx on medley.item_neighbors (list_no, neighbor_no);

comment on table medley.item_neighbors is 'The neighbours of each item in each list, best first by weight.';
comment on column medley.item_neighbors.list_no is 'The list: a row of neighbor_lists.';
comment on column medley.item_neighbors.item_no is 'The item whose neighbours these are.';
comment on column medley.item_neighbors.neighbor_no is 'The neighbour: shown to who likes item_no.';
comment on column medley.item_neighbors.weight is 'How much; comparable within one list only.';

alter table medley.item_neighbors enable row level security;
revoke all on medley.item_neighbors from public, anon, authenticated, service_role;

-- The same once more, a row for each item and list: who recommends reads hundreds of lists whole, at once.
create table medley.packed_neighbors (
  list_no smallint not null,
  item_no int not null,
  neighbor_nos int[] not null,
  weights real[] not null,
  primary key (list_no, item_no)
);
-- In the row, as long as it fits: a look into another table would cost more than all the neighbours.
alter table medley.packed_neighbors alter column neighbor_nos set storage main;
alter table medley.packed_neighbors alter column weights set storage main;
-- Nobody searches by them; counting the elements would take longer than packing them.
alter table medley.packed_neighbors alter column neighbor_nos set statistics 0;
alter table medley.packed_neighbors alter column weights set statistics 0;

comment on table medley.packed_neighbors is
  'The rows of item_neighbors as two arrays an item, for the lists that recommendations read and that are current. Derived.';
comment on column medley.packed_neighbors.list_no is 'The list: a row of neighbor_lists.';
comment on column medley.packed_neighbors.item_no is 'The item whose neighbours these are.';
comment on column medley.packed_neighbors.neighbor_nos is 'The neighbours, best first.';
comment on column medley.packed_neighbors.weights is 'Their weights.';

alter table medley.packed_neighbors enable row level security;
revoke all on medley.packed_neighbors from public, anon, authenticated, service_role;

create or replace function medley.pack_neighbors(p_list_no smallint, p_item_nos int[])
returns void
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
begin
  -- A list at once needs neither a look for each item nor its arrays kept aside, which would fill disks.
  if p_item_nos is null then
    insert into medley.packed_neighbors (list_no, item_no, neighbor_nos, weights)
    select
      p_list_no,
      n.item_no,
      array_agg(n.neighbor_no order by n.weight desc, n.neighbor_no),
      array_agg(n.weight order by n.weight desc, n.neighbor_no)
    from medley.item_neighbors as n
    where n.list_no = p_list_no
    group by n.item_no;
    return;
  end if;

  with packed as materialized (
    select i.item_no, n.neighbor_nos, n.weights
    from unnest(p_item_nos) as i (item_no)
    cross join lateral (
      select
        array_agg(r.neighbor_no order by r.weight desc, r.neighbor_no) as neighbor_nos,
        array_agg(r.weight order by r.weight desc, r.neighbor_no) as weights
      from medley.item_neighbors as r
      where r.list_no = p_list_no and r.item_no = i.item_no
    ) as n
  ),

  gone as (
    delete from medley.packed_neighbors as n
    using packed as p
    where n.list_no = p_list_no and p.item_no = n.item_no and p.neighbor_nos is null
  )

  insert into medley.packed_neighbors (list_no, item_no, neighbor_nos, weights)
  select p_list_no, p.item_no, p.neighbor_nos, p.weights
  from packed as p
  where p.neighbor_nos is not null
  on conflict (list_no, item_no) do update
  set neighbor_nos = excluded.neighbor_nos, weights = excluded.weights;
end;
$$;

comment on function medley.pack_neighbors(smallint, int[]) is
  'Packs the neighbours of these items in a list anew: each item once; null: of all, for a list that is not packed yet.';
revoke all on function medley.pack_neighbors(smallint, int[]) from public, anon, authenticated, service_role;

-- plpgsql keeps its plan for the session; an SQL function with a subselect would not inline.
create or replace function medley.current_list(p_method text)
returns smallint
language plpgsql stable parallel safe security definer set search_path = ''
as $$
begin
  return (
    select l.list_no
    from medley.neighbor_lists as l
    where l.method = p_method and l.state = 'current'
  );
end;
$$;

comment on function medley.current_list(text) is
  'The list of the method p_method that is read now; null before the first rebuild.';
revoke all on function medley.current_list(text) from public, anon, authenticated, service_role;

create or replace function medley.lock_list(p_method text)
returns smallint
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
begin
  perform medley.begin_generation('item_neighbors.' || p_method);
  return (
    select l.list_no
    from medley.neighbor_lists as l
    where l.method = p_method and l.state = 'building'
  );
end;
$$;

comment on function medley.lock_list(text) is
  'Keeps other rebuilds and refreshes of the method p_method out until the transaction ends; returns the list that a '
  'rebuild in blocks has begun and not finished, or null.';
revoke all on function medley.lock_list(text) from public, anon, authenticated, service_role;

create or replace function medley.give_up_lists(p_method text)
returns bigint
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_rows bigint;
begin
  update medley.neighbor_lists as l
  set state = 'retired', built_at = now()
  where l.state = 'building' and (p_method is null or l.method = p_method);
  get diagnostics v_rows = row_count;
  return v_rows;
end;
$$;

comment on function medley.give_up_lists(text) is
  'Gives up the lists of the method p_method (null: of all) that were begun and not finished, so that the next rebuild begins '
  'anew: after a load, for they know only what was there when they began. Returns how many.';
revoke all on function medley.give_up_lists(text) from public, anon, authenticated, service_role;

create or replace function medley.begin_list(p_method text)
returns smallint
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_generation int := medley.begin_generation('item_neighbors.' || p_method);
  v_list_no smallint;
begin
  perform medley.give_up_lists(p_method);

  insert into medley.neighbor_lists (method, generation)
  values (p_method, v_generation)
  returning list_no into v_list_no;
  return v_list_no;
end;
$$;

comment on function medley.begin_list(text) is
  'Begins a new list of the method p_method and returns its number; one that was begun and not finished is given up. '
  'Other rebuilds of the method wait until the transaction ends.';
revoke all on function medley.begin_list(text) from public, anon, authenticated, service_role;

create or replace function medley.finish_list(p_list_no smallint)
returns bigint
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_list medley.neighbor_lists;
  v_rows bigint;
begin
  select l.* into strict v_list
  from medley.neighbor_lists as l
  where l.list_no = p_list_no and l.state = 'building';

  select count(*) into v_rows
  from medley.item_neighbors as n
  where n.list_no = p_list_no;

  if v_list.method in ('behavior', 'content', 'embedding') then
    perform medley.pack_neighbors(p_list_no, null);
  end if;

  update medley.neighbor_lists as l
  set state = 'retired'
  where l.method = v_list.method and l.state = 'current';

  update medley.neighbor_lists as l
  set state = 'current', built_at = now(), row_count = v_rows
  where l.list_no = p_list_no;

  analyze medley.item_neighbors;
  analyze medley.packed_neighbors;
  perform medley.finish_generation('item_neighbors.' || v_list.method, v_list.generation, v_rows);
  return v_rows;
end;
$$;

comment on function medley.finish_list(smallint) is
  'Makes a list that was building the current one of its method and retires the former. Returns its rows.';
revoke all on function medley.finish_list(smallint) from public, anon, authenticated, service_role;

create or replace function medley.drop_retired_neighbors(p_limit int)
returns bigint
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_rows bigint;
begin
  delete from medley.item_neighbors as n
  where n.ctid = any (array(
    select r.ctid
    from medley.neighbor_lists as l
    inner join medley.item_neighbors as r on l.list_no = r.list_no
    where l.state = 'retired'
    limit p_limit
  ));
  get diagnostics v_rows = row_count;

  if v_rows < p_limit then
    delete from medley.packed_neighbors as p
    using medley.neighbor_lists as l
    where l.state = 'retired' and p.list_no = l.list_no;

    delete from medley.neighbor_lists as l
    where l.state = 'retired'
      and not exists (select from medley.item_neighbors as n where n.list_no = l.list_no);
  end if;
  return v_rows;
end;
$$;

comment on function medley.drop_retired_neighbors(int) is
  'Job: deletes up to p_limit rows of retired lists, and the lists that are empty. Returns how many rows.';
revoke all on function medley.drop_retired_neighbors(int) from public, anon, authenticated, service_role;

-- What the content method works on, so that a block of items needs no second look at the features.
create table medley.content_vectors (
  feature_no int not null,
  kind text not null,
  item_no int not null,
  value real not null,
  primary key (feature_no, kind, item_no)
);
create index content_vectors_item_idx on medley.content_vectors (item_no);

comment on table medley.content_vectors is
  'The features of each item as a vector of length 1: weight * confidence * idf * the weight of the feature''s type, over '
  'the length. Features on more than similarity.max_feature_items items are left out, as if no item had them. Derived.';
comment on column medley.content_vectors.feature_no is 'The feature.';
comment on column medley.content_vectors.kind is 'Kind of the item: each item has neighbours of each kind.';
comment on column medley.content_vectors.item_no is 'The item.';
comment on column medley.content_vectors.value is 'The share of the feature in the item, 0 to 1.';

alter table medley.content_vectors enable row level security;
revoke all on medley.content_vectors from public, anon, authenticated, service_role;

-- Only ever appended to: writers of features never wait for each other, nor for the job.
create table medley.content_changes (
  change_no bigint primary key generated always as identity,
  item_no int not null
);

comment on table medley.content_changes is
  'Items whose features changed and whose content neighbours do not know it yet; a trigger writes, a job takes away.';
comment on column medley.content_changes.change_no is 'Order of the changes.';
comment on column medley.content_changes.item_no is 'The item.';

alter table medley.content_changes enable row level security;
revoke all on medley.content_changes from public, anon, authenticated, service_role;

-- What the genre method works on: the distinct sets of genres that items have.
create table medley.genre_set_items (
  item_no int primary key,
  set_no int not null,
  kind text not null,
  place int not null
);
create index genre_set_items_set_idx on medley.genre_set_items (set_no, kind, place);

comment on table medley.genre_set_items is 'Which items have the very same genres. Derived.';
comment on column medley.genre_set_items.item_no is 'The item.';
comment on column medley.genre_set_items.set_no is 'Number of its set of genres; means something within one rebuild only.';
comment on column medley.genre_set_items.kind is 'Kind of the item.';
comment on column medley.genre_set_items.place is 'Place among the items of the set and kind, by how many members like them.';

alter table medley.genre_set_items enable row level security;
revoke all on medley.genre_set_items from public, anon, authenticated, service_role;

create table medley.genre_set_members (
  genre_no int not null,
  set_no int not null,
  value real not null,
  primary key (genre_no, set_no)
);

comment on table medley.genre_set_members is 'The genres of each set, as a vector of length 1. Derived.';
comment on column medley.genre_set_members.genre_no is 'The genre.';
comment on column medley.genre_set_members.set_no is 'The set.';
comment on column medley.genre_set_members.value is 'idf of the genre over the length of the set.';

alter table medley.genre_set_members enable row level security;
revoke all on medley.genre_set_members from public, anon, authenticated, service_role;

create table medley.genre_set_spread (
  set_no int not null,
  genre_no int not null,
  value real not null,
  primary key (set_no, genre_no)
);

comment on table medley.genre_set_spread is
  'The same vectors spread over related genres: multiplied with the vector of another set they give the likeness of both. '
  'Derived.';
comment on column medley.genre_set_spread.set_no is 'The set.';
comment on column medley.genre_set_spread.genre_no is 'One of its genres, or one related to them.';
comment on column medley.genre_set_spread.value is 'How much of it the set has.';

alter table medley.genre_set_spread enable row level security;
revoke all on medley.genre_set_spread from public, anon, authenticated, service_role;

insert into medley.settings (key, value, description)
values
  (
    'similarity.neighbors', 50,
    'Neighbours of its own kind kept for each item by content, genre and embedding; 1 to 500.'
  ),
  ('similarity.neighbors_across', 20, 'The same for each other kind of neighbour; 0 to 500.'),
  (
    'similarity.max_feature_items', 1000,
    'A feature on more items than that tells content neighbours nothing: it would pair everything with everything; '
    '2 or more.'
  ),
  ('similarity.related_genres', 0.5, 'What a related genre counts, times its relatedness; 0 to 1.'),
  (
    'similarity.exact_embeddings', 20000,
    'Up to so many vectors of a type each is compared with each; above, the index finds candidates. 0 or more.'
  );

-- sql/core/similarity/behavior.sql
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

-- sql/core/similarity/refresh.sql
-- Keeping the neighbours by behaviour fresh: all of them in blocks, or those of the items whose members moved.
insert into medley.settings (key, value, description)
values (
  'behavior.moved_share', 0.1,
  'Share of an item''s members that must have come or gone before its neighbours are computed again; 0 to 1.'
);

-- Items are solved side by side where the server has workers to spare: nothing else costs anything here.
create or replace function medley.write_behavior_neighbors(p_item_nos int[], p_behavior smallint, p_cosine smallint)
returns bigint
language plpgsql volatile parallel unsafe security definer
set search_path = ''
set parallel_setup_cost = 0 set parallel_tuple_cost = 0
set min_parallel_table_scan_size = 0 set min_parallel_index_scan_size = 0
as $$
declare
  v_items int[];
  v_neighbors int[];
  v_weights real[];
  v_cosines real[];
begin
  -- Dynamic, because plpgsql runs a query into variables with workers only so.
  execute
    'select array_agg(b.item_no), array_agg(n.neighbor_no), array_agg(n.weight), array_agg(n.cosine) '
    'from medley.behavior_items as b cross join lateral medley.behavior_neighbors_of(b.item_no) as n '
    'where b.item_no = any($1)'
  into v_items, v_neighbors, v_weights, v_cosines
  using p_item_nos;

  insert into medley.item_neighbors (list_no, item_no, neighbor_no, weight)
  select p_behavior, n.neighbor_no, n.item_no, n.weight
  from unnest(v_items, v_neighbors, v_weights) as n (item_no, neighbor_no, weight)
  where abs(n.weight) > 0.0005
  union all
  select p_cosine, n.item_no, n.neighbor_no, n.cosine
  from unnest(v_items, v_neighbors, v_cosines) as n (item_no, neighbor_no, cosine);
  return coalesce(cardinality(v_items), 0);
end;
$$;

comment on function medley.write_behavior_neighbors(int[], smallint, smallint) is
  'Computes the neighbours of these items and writes them to two lists. In behavior a row says that who likes item_no '
  'should be shown neighbor_no, so the items given are the neighbor_no. Returns how many pairs.';
revoke all on function medley.write_behavior_neighbors(int[], smallint, smallint)
from public, anon, authenticated, service_role;

create or replace function medley.trim_behavior_list(p_list_no smallint)
returns bigint
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_targets int := medley.setting('behavior.targets');
  v_rows bigint;
begin
  -- By place on disk: a list that was just written has no statistics yet, and a join with itself would be planned as if
  -- it were empty.
  delete from medley.item_neighbors as d
  where d.ctid = any (array(
    select r.ctid
    from (
      select n.ctid, row_number() over (partition by n.item_no order by abs(n.weight) desc, n.neighbor_no) as place
      from medley.item_neighbors as n
      where n.list_no = p_list_no
    ) as r
    where r.place > v_targets
  ));
  get diagnostics v_rows = row_count;
  return v_rows;
end;
$$;

comment on function medley.trim_behavior_list(smallint) is
  'Leaves the strongest behavior.targets neighbours to each item of a list. Returns how many rows went.';
revoke all on function medley.trim_behavior_list(smallint) from public, anon, authenticated, service_role;

-- A generic plan, because to one for a list that the statistics do not know the index without the items looks as good:
-- it would read the whole list for each item.
create or replace function medley.trim_behavior_neighbors(p_list_no smallint, p_item_nos int[])
returns bigint
language plpgsql volatile parallel unsafe security definer
set search_path = '' set plan_cache_mode = force_generic_plan
as $$
declare
  v_targets int := medley.setting('behavior.targets');
  v_rows bigint;
begin
  delete from medley.item_neighbors as d
  where d.ctid = any (array(
    select r.ctid
    from unnest(p_item_nos) as i (item_no)
    cross join lateral (
      select n.ctid
      from medley.item_neighbors as n
      where n.list_no = p_list_no and n.item_no = i.item_no
      order by abs(n.weight) desc, n.neighbor_no
      offset v_targets
    ) as r
  ));
  get diagnostics v_rows = row_count;
  return v_rows;
end;
$$;

comment on function medley.trim_behavior_neighbors(smallint, int[]) is
  'The same for these items of the list, each read by the index.';
revoke all on function medley.trim_behavior_neighbors(smallint, int[]) from public, anon, authenticated, service_role;

create or replace function medley.rebuild_behavior_neighbors(p_limit int)
returns bigint
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_behavior smallint := medley.lock_list('behavior');
  v_cosine smallint := medley.lock_list('cosine');
  v_done int;
  v_item_nos int[];
begin
  -- A crash empties the working copies; then the rebuild starts again.
  if v_behavior is null or v_cosine is null or not exists (select from medley.behavior_items) then
    v_behavior := medley.begin_list('behavior');
    v_cosine := medley.begin_list('cosine');
    perform medley.load_behavior();
  end if;

  select l.done_item_no into v_done from medley.neighbor_lists as l where l.list_no = v_behavior;
  select array_agg(b.item_no order by b.item_no) into v_item_nos
  from (
    select i.item_no
    from medley.behavior_items as i
    where i.item_no > v_done
    order by i.item_no
    limit p_limit
  ) as b;

  if v_item_nos is not null then
    perform medley.write_behavior_neighbors(v_item_nos, v_behavior, v_cosine);
    update medley.neighbor_lists as l
    set done_item_no = v_item_nos[cardinality(v_item_nos)]
    where l.list_no in (v_behavior, v_cosine);
  end if;
  if coalesce(cardinality(v_item_nos), 0) < p_limit then
    perform medley.trim_behavior_list(v_behavior);
    perform medley.finish_list(v_behavior);
    perform medley.finish_list(v_cosine);
  end if;
  return coalesce(cardinality(v_item_nos), 0);
end;
$$;

comment on function medley.rebuild_behavior_neighbors(int) is
  'Job: computes the neighbours of the next p_limit items; the last call makes the new lists the current ones. '
  'A rebuild that was killed goes on where it stopped. Returns how many items it did.';
revoke all on function medley.rebuild_behavior_neighbors(int) from public, anon, authenticated, service_role;

create or replace function medley.moved_items(p_since timestamptz)
returns bigint
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_user_nos int[];
  v_rows bigint;
begin
  -- In the order of the keys they are looked up by: neighbours in an index share its pages.
  select array_agg(m.user_no order by m.user_no) into v_user_nos
  from medley.member_activity as m
  where m.last_written_at >= p_since;

  -- What the members of news like now against what they liked: each difference moves an item.
  with fresh as materialized (
    select r.* from medley.behavior_history_rows(coalesce(v_user_nos, '{}')) as r
  ),

  difference as (
    select coalesce(n.user_no, o.user_no) as user_no, coalesce(n.item_no, o.item_no) as item_no
    from (select f.user_no, unnest(f.item_nos) as item_no from fresh as f) as n
    full join (
      select u.user_no, k.item_no
      from unnest(v_user_nos) as u (user_no)
      cross join lateral (
        select unnest(h.item_nos) as item_no from medley.behavior_histories as h where h.user_no = u.user_no
      ) as k
    ) as o on n.user_no = o.user_no and n.item_no = o.item_no
    where n.user_no is null or o.user_no is null
  ),

  gone as (
    delete from medley.behavior_histories as h
    where h.user_no in (
      select u.user_no from unnest(v_user_nos) as u (user_no)
      except
      select f.user_no from fresh as f
    )
  ),

  written as (
    insert into medley.behavior_histories as h (user_no, item_nos, weights)
    select f.user_no, f.item_nos, f.weights
    from fresh as f
    where f.user_no in (select d.user_no from difference as d)
    on conflict (user_no) do update
    set item_nos = excluded.item_nos, weights = excluded.weights
  )

  insert into medley.behavior_items as b (item_no, member_count, members, sampled, moved, sketch)
  select d.item_no, 0, '{}', 1, count(*), repeat('0', 8192)::bit(8192)
  from difference as d
  group by d.item_no
  on conflict (item_no) do update
  set moved = b.moved + excluded.moved;
  get diagnostics v_rows = row_count;
  return v_rows;
end;
$$;

comment on function medley.moved_items(timestamptz) is
  'Reads the histories of the members who engaged since p_since again, and counts in behavior_items.moved how many members '
  'each item gained or lost. Returns how many items moved at all.';
revoke all on function medley.moved_items(timestamptz) from public, anon, authenticated, service_role;

create or replace function medley.read_moved_items()
returns int[]
language sql volatile parallel unsafe security definer set search_path = ''
as $$
  with moved as materialized (
    select
      i.item_no,
      array(
        select a.user_no
        from medley.affinities as a
        where a.item_no = i.item_no and a.score > 0
        group by a.user_no
      ) as members
    from medley.behavior_items as i
    where i.moved > (select medley.setting('behavior.moved_share')::float8) * i.member_count
  ),

  written as (
    update medley.behavior_items as b
    set
      member_count = cardinality(m.members),
      members = coalesce(s.members, '{}'),
      sampled = s.sampled,
      sketch = coalesce(s.sketch, repeat('0', 8192)::bit(8192)),
      moved = 0
    from moved as m
    cross join lateral medley.behavior_sample(m.members, medley.setting('behavior.max_members')::int) as s
    where b.item_no = m.item_no
    returning b.item_no
  )

  select coalesce(array_agg(w.item_no order by w.item_no), '{}')
  from written as w
$$;

comment on function medley.read_moved_items() is
  'Reads the members again of each item that moved by more than behavior.moved_share. Returns those items.';
revoke all on function medley.read_moved_items() from public, anon, authenticated, service_role;

create or replace function medley.refresh_behavior_neighbors()
returns bigint
language plpgsql volatile parallel unsafe security definer set search_path = '' set work_mem = '64MB'
as $$
declare
  v_building smallint := medley.lock_list('behavior');
  v_behavior smallint := medley.current_list('behavior');
  v_cosine smallint := medley.current_list('cosine');
  v_read_at timestamptz := (select g.built_at from medley.generations as g where g.name = 'behavior_items');
  v_item_nos int[];
  v_left_nos int[];
  v_spoke_nos int[];
  v_long_nos int[];
begin
  -- The first lists do not wait for the night.
  if v_behavior is null and v_building is null then
    return case
      when exists (select from medley.affinities as a where a.score > 0) then medley.rebuild_behavior_neighbors(2000)
      else 0
    end;
  end if;
  -- A rebuild that is under way reads everything itself; after a crash there is nothing to compare with.
  if v_building is not null or not exists (select from medley.behavior_items) then
    return 0;
  end if;

  -- Ten minutes more, for transactions that wrote before the last run and committed after it.
  perform medley.moved_items(v_read_at - interval '10 minutes');
  v_item_nos := medley.read_moved_items();

  with gone as (
    delete from medley.item_neighbors as n
    using unnest(v_item_nos) as i (item_no)
    where n.list_no = v_behavior and n.neighbor_no = i.item_no
    returning n.item_no
  )

  select array_agg(distinct g.item_no) into v_left_nos
  from gone as g;

  delete from medley.item_neighbors as n
  using unnest(v_item_nos) as i (item_no)
  where n.list_no = v_cosine and n.item_no = i.item_no;

  perform medley.write_behavior_neighbors(v_item_nos, v_behavior, v_cosine);
  select array_agg(distinct n.item_no) into v_spoke_nos
  from unnest(v_item_nos) as i (item_no)
  inner join medley.item_neighbors as n on n.list_no = v_behavior and i.item_no = n.neighbor_no;
  perform medley.pack_neighbors(
    v_behavior, array(select distinct c.item_no from unnest(v_left_nos || v_spoke_nos) as c (item_no) order by c.item_no)
  );
  -- Packed they are easily counted: most are short enough.
  v_long_nos := array(
    select p.item_no
    from unnest(v_spoke_nos) as s (item_no)
    inner join medley.packed_neighbors as p on p.list_no = v_behavior and s.item_no = p.item_no
    where cardinality(p.neighbor_nos) > (select medley.setting('behavior.targets'))
  );
  perform medley.trim_behavior_neighbors(v_behavior, v_long_nos);
  perform medley.pack_neighbors(v_behavior, v_long_nos);

  perform medley.finish_generation(
    'behavior_items', medley.begin_generation('behavior_items'), (select count(*) from medley.behavior_items)
  );
  return cardinality(v_item_nos);
end;
$$;

comment on function medley.refresh_behavior_neighbors() is
  'Job: computes the neighbours of the items again whose members moved since the last run, in the lists that are current. '
  'The nightly rebuild follows the rest. Where there are no lists yet it begins the first ones. '
  'Returns how many items it did.';
revoke all on function medley.refresh_behavior_neighbors() from public, anon, authenticated, service_role;

insert into medley.jobs (name, schedule, function_name, batch_size, timeout_seconds, description)
values
  (
    'rebuild_behavior_neighbors', '30 3 * * *', 'rebuild_behavior_neighbors', 2000, 7200,
    'Computes the neighbours by behaviour of all items into new lists, in blocks of items.'
  ),
  (
    'refresh_behavior_neighbors', '*/5 * * * *', 'refresh_behavior_neighbors', null, 1800,
    'Computes the neighbours by behaviour again of the items whose members moved.'
  );

-- sql/core/similarity/content.sql
-- Content neighbours: items that share features, rare ones above all. Cosine of idf-weighted features (Salton and
-- Buckley 1988), with a limit on how common a feature may be, as search engines have for "more like this". The
-- nightly rebuild goes through the items in blocks; between rebuilds a job brings in items whose features changed,
-- by the idf of the last night, and leaves the lists of all others as they are but for those that the changed items
-- name.
create or replace function medley.queue_content_changes()
returns trigger
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
begin
  insert into medley.content_changes (item_no)
  select distinct c.item_no
  from changed_rows as c;
  return null;
end;
$$;

comment on function medley.queue_content_changes() is
  'Statement trigger with transition table changed_rows: the items whose features changed wait for new neighbours.';
revoke all on function medley.queue_content_changes() from public, anon, authenticated, service_role;

create trigger content_features_inserted
after insert on medley.content_features
referencing new table as changed_rows
for each statement execute function medley.queue_content_changes();

create trigger content_features_updated
after update on medley.content_features
referencing new table as changed_rows
for each statement execute function medley.queue_content_changes();

create trigger content_features_deleted
after delete on medley.content_features
referencing old table as changed_rows
for each statement execute function medley.queue_content_changes();

create or replace function medley.weigh_features(p_item_nos int[])
returns table (feature_no int, kind text, item_no int, value real)
language sql stable parallel safe security definer set search_path = '' set work_mem = '256MB'
as $$
  with weighed as (
    select w.item_no, w.feature_no, w.value::double precision as value
    from unnest(p_item_nos) as i (item_no)
    -- Offset 0 keeps the planner from computing the whole view: item by item it reads an index.
    cross join lateral (
      select f.item_no, f.feature_no, f.value
      from medley.item_feature_weights as f
      where f.item_no = i.item_no
      offset 0
    ) as w
    inner join medley.features as f on w.feature_no = f.feature_no
    where f.item_count <= (select medley.setting('similarity.max_feature_items'))
  ),

  measured as (
    select
      w.*,
      sqrt(sum(w.value * w.value) over (partition by w.item_no)) as length
    from weighed as w
    where w.value > 0
  )

  select m.feature_no, i.kind, m.item_no, (m.value / m.length)::real
  from measured as m
  inner join medley.items as i on m.item_no = i.item_no
  order by m.feature_no, i.kind collate "C", m.item_no
$$;

comment on function medley.weigh_features(int[]) is
  'The rows of content_vectors of these items, computed afresh from their features.';
revoke all on function medley.weigh_features(int[]) from public, anon, authenticated, service_role;

create or replace function medley.rank_content_neighbors(p_item_nos int[])
returns table (item_no int, neighbor_no int, weight real)
language sql stable parallel safe security definer set search_path = ''
as $$
  with kept as materialized (
    select
      medley.setting('similarity.neighbors') as same_kind,
      medley.setting('similarity.neighbors_across') as across
  ),

  kind as materialized (
    select k.kind
    from medley.item_kinds as k
    where exists (select from medley.items as i where i.kind = k.kind)
  )

  -- Item by item: what one item pairs with fits the processor's cache, whatever the size of the catalogue.
  select a.item_no, b.neighbor_no, b.weight
  from unnest(p_item_nos) as p (item_no)
  inner join medley.items as a on p.item_no = a.item_no
  cross join kind as k
  cross join kept as n
  cross join lateral (
    select
      o.item_no as neighbor_no,
      sum(v.value * o.value::double precision)::real as weight
    from medley.content_vectors as v
    inner join medley.content_vectors as o on v.feature_no = o.feature_no and o.kind = k.kind
    where v.item_no = a.item_no and o.item_no <> a.item_no
    group by o.item_no
    order by weight desc, o.item_no
    limit case when k.kind = a.kind then n.same_kind else n.across end
  ) as b
$$;

comment on function medley.rank_content_neighbors(int[]) is
  'The best content neighbours of these items: similarity.neighbors of their own kind and similarity.neighbors_across of '
  'each other kind. weight is the cosine.';
revoke all on function medley.rank_content_neighbors(int[]) from public, anon, authenticated, service_role;

create or replace function medley.rebuild_content_neighbors(p_limit int)
returns bigint
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_list_no smallint := medley.lock_list('content');
  v_item_nos int[];
begin
  if v_list_no is null then
    v_list_no := medley.begin_list('content');
    -- The changes go before the features are read: one that commits in between stays for the next refresh.
    delete from medley.content_changes as c where c.change_no is not null;
    perform medley.refresh_feature_statistics();
    delete from medley.content_vectors as v where v.item_no is not null;
    insert into medley.content_vectors (feature_no, kind, item_no, value)
    select w.feature_no, w.kind, w.item_no, w.value
    from medley.weigh_features(array(select i.item_no from medley.items as i)) as w;
    analyze medley.content_vectors;
  end if;

  v_item_nos := array(
    select i.item_no
    from medley.items as i
    where i.item_no > (select l.done_item_no from medley.neighbor_lists as l where l.list_no = v_list_no)
    order by i.item_no
    limit p_limit
  );
  insert into medley.item_neighbors (list_no, item_no, neighbor_no, weight)
  select v_list_no, r.item_no, r.neighbor_no, r.weight
  from medley.rank_content_neighbors(v_item_nos) as r;

  if cardinality(v_item_nos) < p_limit then
    perform medley.finish_list(v_list_no);
  else
    update medley.neighbor_lists as l
    set done_item_no = v_item_nos[p_limit]
    where l.list_no = v_list_no;
  end if;
  return cardinality(v_item_nos);
end;
$$;

comment on function medley.rebuild_content_neighbors(int) is
  'Job: content neighbours of the next p_limit items into a list of their own; after the last item it becomes current. '
  'Returns how many items.';
revoke all on function medley.rebuild_content_neighbors(int) from public, anon, authenticated, service_role;

create or replace function medley.refresh_content_neighbors(p_limit int)
returns bigint
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_building smallint := medley.lock_list('content');
  v_list_no smallint := medley.current_list('content');
  v_changes bigint;
  v_item_nos int[];
  v_moved_nos int[];
begin
  -- The first list does not wait for the night.
  if v_list_no is null and v_building is null then
    return case
      when exists (select from medley.content_features) then medley.rebuild_content_neighbors(2000)
      else 0
    end;
  end if;
  -- The list that is being built has not seen these changes: they wait until it is current.
  if v_building is not null then
    return 0;
  end if;

  with taken as (
    delete from medley.content_changes as c
    where c.change_no in (select o.change_no from medley.content_changes as o order by o.change_no limit p_limit)
    returning c.item_no
  )

  select count(*), coalesce(array_agg(distinct t.item_no), '{}') into v_changes, v_item_nos
  from taken as t;

  delete from medley.content_vectors as v
  using unnest(v_item_nos) as c (item_no)
  where v.item_no = c.item_no;
  insert into medley.content_vectors (feature_no, kind, item_no, value)
  select w.feature_no, w.kind, w.item_no, w.value
  from medley.weigh_features(v_item_nos) as w;

  delete from medley.item_neighbors as n
  using unnest(v_item_nos) as c (item_no)
  where n.list_no = v_list_no and n.item_no = c.item_no;
  with gone as (
    delete from medley.item_neighbors as n
    using unnest(v_item_nos) as c (item_no)
    where n.list_no = v_list_no and n.neighbor_no = c.item_no
    returning n.item_no
  )

  select v_item_nos || coalesce(array_agg(g.item_no), '{}') into v_moved_nos
  from gone as g;

  with written as (
    insert into medley.item_neighbors (list_no, item_no, neighbor_no, weight)
    select v_list_no, d.item_no, d.neighbor_no, r.weight
    from medley.rank_content_neighbors(v_item_nos) as r
    cross join lateral (values (r.item_no, r.neighbor_no), (r.neighbor_no, r.item_no)) as d (item_no, neighbor_no)
    -- Two changed items may each rank the other.
    on conflict do nothing
    returning item_no
  )

  select v_moved_nos || coalesce(array_agg(w.item_no), '{}') into v_moved_nos
  from written as w;
  perform medley.pack_neighbors(v_list_no, array(select distinct m.item_no from unnest(v_moved_nos) as m (item_no)));
  return v_changes;
end;
$$;

comment on function medley.refresh_content_neighbors(int) is
  'Job: works up to p_limit changes of features into the current list. A changed item gets the neighbours that a rebuild '
  'would give it, and enters their lists; it leaves all other lists. What it pushes down there, and who would take its '
  'place where it left, the next rebuild decides. Waits while a rebuild is under way; where there is no list yet it begins '
  'the first one. Returns how many changes.';
revoke all on function medley.refresh_content_neighbors(int) from public, anon, authenticated, service_role;

-- sql/core/similarity/genre.sql
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

-- sql/core/similarity/embedding.sql
-- Embedding neighbours: items whose vectors point the same way. An item is compared within one type of vectors and the
-- model in use: of the types that it has, the one with the lowest taste_rank.
create or replace function medley.place_embedding_neighbors(p_list_no smallint, p_item_nos int[])
returns void
language plpgsql volatile parallel unsafe security definer set search_path = '' set work_mem = '256MB'
as $$
declare
  v_type medley.embedding_types;
  v_exact bigint := medley.setting('similarity.exact_embeddings');
  v_count bigint;
begin
  -- A setting of the extension can only be set once its library is loaded.
  perform '[1]'::extensions.vector;
  perform set_config('hnsw.iterative_scan', 'relaxed_order', true);
  perform set_config('hnsw.ef_search', '200', true);

  -- A handful of types; the items of each are ranked as a whole. The one thing put together as text is which column
  -- holds vectors of that size.
  for v_type in select t.* from medley.embedding_types as t order by t.embedding_type loop
    select count(*) into v_count
    from medley.content_embeddings as e
    where e.embedding_type = v_type.embedding_type and e.model_version = v_type.model_version;

    execute format(
      $query$
        insert into medley.item_neighbors (list_no, item_no, neighbor_no, weight)
        with wanted as materialized (
          select e.item_no, i.kind, e.embedding_%1$s as place
          from unnest($1) as p (item_no)
          inner join medley.items as i on p.item_no = i.item_no
          inner join medley.content_embeddings as e on p.item_no = e.item_no
          where e.embedding_type = $2 and e.model_version = $3
            and not exists (
              select from medley.content_embeddings as o
              inner join medley.embedding_types as t
                on o.embedding_type = t.embedding_type and o.model_version = t.model_version
              where o.item_no = e.item_no and (t.taste_rank, t.embedding_type) < ($4, $2)
            )
        ),

        kind as materialized (
          select k.kind
          from medley.item_kinds as k
          where exists (
            select from medley.items as i
            inner join medley.content_embeddings as e on i.item_no = e.item_no
            where i.kind = k.kind and e.embedding_type = $2 and e.model_version = $3
          )
        )

        select $7, w.item_no, n.item_no, n.weight
        from wanted as w
        cross join kind as k
        cross join lateral (
          -- The index gives candidates about in order; they are sorted by what is returned.
          select c.item_no, c.weight
          from (
            select e.item_no, (1 - (e.embedding_%1$s operator(extensions.<=>) w.place))::real as weight
            from medley.content_embeddings as e
            inner join medley.items as i on e.item_no = i.item_no
            where e.embedding_%1$s is not null
              and e.embedding_type = $2 and e.model_version = $3
              and e.item_no <> w.item_no and i.kind = k.kind
            order by (e.embedding_%1$s operator(extensions.<=>) w.place) %2$s
            limit 2 * case when k.kind = w.kind then $5 else $6 end
          ) as c
          where c.weight > 0
          order by c.weight desc, c.item_no
          limit case when k.kind = w.kind then $5 else $6 end
        ) as n
      $query$,
      v_type.dims,
      -- Not the expression of an index any more: every vector is looked at.
      case when v_count <= v_exact then '+ 0' else '' end
    ) using
      p_item_nos, v_type.embedding_type, v_type.model_version, v_type.taste_rank,
      medley.setting('similarity.neighbors'), medley.setting('similarity.neighbors_across'), p_list_no;
  end loop;
end;
$$;

comment on function medley.place_embedding_neighbors(smallint, int[]) is
  'Writes into a list the items of each kind whose vectors are closest to those of these items. weight is the cosine, '
  'above 0. Exact up to similarity.exact_embeddings vectors of a type; above, by the HNSW index (Malkov and Yashunin 2018), scanned on until '
  'enough rows pass.';
revoke all on function medley.place_embedding_neighbors(smallint, int[]) from public, anon, authenticated, service_role;

create or replace function medley.rebuild_embedding_neighbors(p_limit int)
returns bigint
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_list_no smallint := coalesce(medley.lock_list('embedding'), medley.begin_list('embedding'));
  v_item_nos int[];
begin
  v_item_nos := array(
    select distinct e.item_no
    from medley.content_embeddings as e
    where e.item_no > (select l.done_item_no from medley.neighbor_lists as l where l.list_no = v_list_no)
    order by e.item_no
    limit p_limit
  );
  perform medley.place_embedding_neighbors(v_list_no, v_item_nos);

  if cardinality(v_item_nos) < p_limit then
    perform medley.finish_list(v_list_no);
  else
    update medley.neighbor_lists as l
    set done_item_no = v_item_nos[p_limit]
    where l.list_no = v_list_no;
  end if;
  return cardinality(v_item_nos);
end;
$$;

comment on function medley.rebuild_embedding_neighbors(int) is
  'Job: embedding neighbours of the next p_limit items with vectors into a list of their own; after the last item it '
  'becomes current. Returns how many items.';
revoke all on function medley.rebuild_embedding_neighbors(int) from public, anon, authenticated, service_role;

-- sql/core/similarity/resume.sql
-- Rebuilds that several methods share.
create or replace function medley.resume_neighbor_rebuilds(p_limit int)
returns bigint
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_method text := (
    select l.method
    from medley.neighbor_lists as l
    where l.state = 'building' and l.method in ('behavior', 'content', 'genre', 'embedding')
    order by l.list_no
    limit 1
  );
begin
  -- Not while the job itself runs: the slower of both would begin the next rebuild.
  if v_method is null
    or not pg_try_advisory_xact_lock(medley.job_lock(format('rebuild_%s_neighbors', v_method)))
    or medley.lock_list(v_method) is null
  then
    return 0;
  end if;
  return case v_method
    when 'behavior' then medley.rebuild_behavior_neighbors(p_limit)
    when 'content' then medley.rebuild_content_neighbors(p_limit)
    when 'genre' then medley.rebuild_genre_neighbors(p_limit)
    when 'embedding' then medley.rebuild_embedding_neighbors(p_limit)
  end;
end;
$$;

comment on function medley.resume_neighbor_rebuilds(int) is
  'Job: goes on with a rebuild of neighbours whose run ended before it did. '
  'Returns how many items or sets.';
revoke all on function medley.resume_neighbor_rebuilds(int) from public, anon, authenticated, service_role;

-- sql/core/similarity/reads.sql
-- What apps ask for: the items like an item, page by page, each with a reason.
create view medley.content_similarity
with (security_invoker = true)
as
select
  a.id as content_id_a,
  b.id as content_id_b,
  l.method as similarity_type,
  n.weight as similarity_score,
  l.built_at as updated_at
from medley.neighbor_lists as l
inner join medley.item_neighbors as n on l.list_no = n.list_no
inner join medley.items as a on n.item_no = a.item_no
inner join medley.items as b on n.neighbor_no = b.item_no
where l.state = 'current';

comment on view medley.content_similarity is 'The neighbours of items in all current lists, by id.';
comment on column medley.content_similarity.content_id_a is 'The item.';
comment on column medley.content_similarity.content_id_b is 'Its neighbour.';
comment on column medley.content_similarity.similarity_type is 'The method: behavior, cosine, content, genre, embedding, blend.';
comment on column medley.content_similarity.similarity_score is 'The weight; comparable within one type.';
comment on column medley.content_similarity.updated_at is 'When the list was built.';
revoke all on medley.content_similarity from public, anon, authenticated, service_role;

create or replace function medley.shared_features(p_item_no int, p_neighbor_nos int[])
returns table (neighbor_no int, shared text)
language plpgsql stable parallel safe security definer
set search_path = '' set plan_cache_mode = force_generic_plan
as $$
begin
  return query
  with own as materialized (
    select c.feature_no
    from medley.content_features as c
    where c.item_no = p_item_no
  ),

  common as (
    -- Distinct, because several sources may say the same.
    select distinct n.neighbor_no, c.feature_no
    from unnest(p_neighbor_nos) as n (neighbor_no)
    inner join medley.content_features as c on n.neighbor_no = c.item_no
    inner join own as o on c.feature_no = o.feature_no
  ),

  phrase as (
    select
      c.neighbor_no,
      sum(f.idf * t.weight) as value,
      case
        when count(*) = 1
          then concat_ws(' ', replace(t.feature_type, '_', ' '), medley.feature_label(min(f.feature_value collate "C")))
        else count(*) || ' ' || replace(t.feature_type, '_', ' ') || 's'
      end as words
    from common as c
    inner join medley.features as f on c.feature_no = f.feature_no
    inner join medley.feature_types as t on f.feature_type = t.feature_type
    group by c.neighbor_no, t.feature_type
  ),

  best as (
    select
      p.neighbor_no,
      (array_agg(p.words order by p.value desc, p.words collate "C"))[1:3] as words
    from phrase as p
    group by p.neighbor_no
  )

  select
    b.neighbor_no,
    'shares ' || concat_ws(
      ' and ',
      nullif(array_to_string(b.words[:cardinality(b.words) - 1], ', '), ''),
      b.words[cardinality(b.words)]
    )
  from best as b;
end;
$$;

comment on function medley.shared_features(int, int[]) is
  'What the item has in common with each of these, in words: its three weightiest types of features, "shares director '
  'Nolan and 3 keywords" say. Items that share nothing are left out.';
revoke all on function medley.shared_features(int, int[]) from public, anon, authenticated, service_role;

create or replace function medley.check_similarity_method(p_method text)
returns text[]
language plpgsql immutable parallel safe security invoker set search_path = ''
as $$
begin
  if p_method is null or p_method not in ('blend', 'behavior', 'cosine', 'content', 'genre', 'embedding') then
    perform medley.fail('invalid_argument', format('there is no method %s', left(coalesce(p_method, 'null'), 100)),
      'p_method', 'Pass blend, behavior, cosine, content, genre or embedding.');
  end if;
  return p_method
    || case when p_method = 'blend' then array['behavior'] else array[]::text[] end
    || array_remove(array['content', 'genre', 'popular'], p_method);
end;
$$;

comment on function medley.check_similarity_method(text) is
  'The methods that answer for p_method, in turn: itself, and what fills the page when it has no more. '
  'Errors: invalid_argument.';
revoke all on function medley.check_similarity_method(text) from public, anon, authenticated, service_role;

-- No SET: it inlines.
create or replace function medley.similarity_reason(p_method text, p_title text, p_shared text, p_together boolean)
returns text
language sql immutable parallel safe security invoker
return case p_method
  when 'popular' then 'popular'
  when 'behavior' then 'people who like ' || p_title || ' also like it'
  when 'cosine' then 'people who like ' || p_title || ' also like it'
  when 'blend' then coalesce(
    nullif(
      concat_ws('; ', case when p_together then 'people who like ' || p_title || ' also like it' end, p_shared),
      ''
    ),
    'much like ' || p_title
  )
  when 'genre' then coalesce(p_shared, 'related genres')
  else coalesce(p_shared, 'much like ' || p_title)
end;

comment on function medley.similarity_reason(text, text, text, boolean) is
  'Why an item is on the page, in words: from the method, the title of the item that was asked about, what both share '
  '(null: nothing), and whether who likes one likes the other.';
revoke all on function medley.similarity_reason(text, text, text, boolean)
from public, anon, authenticated, service_role;

-- No SET: it inlines.
create or replace function medley.may_list_neighbor(
  p_item medley.items,
  p_earlier smallint[],
  p_item_no int,
  p_user_id uuid,
  p_as_of timestamptz
)
returns boolean
language sql stable parallel safe security invoker
return (p_item).published_at <= p_as_of
and ((p_item).expires_at is null or (p_item).expires_at > p_as_of)
and (
  (p_item).owner_id is null and (p_item).visibility = 'public'
  or medley.may_list(p_user_id, (p_item).id, (p_item).owner_id)
)
-- A scalar subquery rather than EXISTS: it is looked up row by row, never hashed as a whole.
and (
  select true
  from unnest(p_earlier) as l (list_no)
  inner join medley.item_neighbors as e on l.list_no = e.list_no
  where e.item_no = p_item_no and e.neighbor_no = (p_item).item_no
  limit 1
) is null;

comment on function medley.may_list_neighbor(medley.items, smallint[], int, uuid, timestamptz) is
  'Whether an item may stand on a page of similar items: published, not expired, visible to the member and of no '
  'muted owner, and in none of the earlier lists of p_item_no.';
revoke all on function medley.may_list_neighbor(medley.items, smallint[], int, uuid, timestamptz)
from public, anon, authenticated, service_role;

-- The kept plan walks item_neighbors_read_idx from the cursor on and stops when the page is full.
create or replace function medley.similar_page(
  p_list_no smallint,
  p_earlier smallint[],
  p_item_no int,
  p_kind text,
  p_user_id uuid,
  p_after_score real,
  p_after_no int,
  p_limit int,
  p_as_of timestamptz
)
returns table (item_no int, score real)
language plpgsql stable parallel safe security definer
set search_path = '' set plan_cache_mode = force_generic_plan
as $$
begin
  return query
  select n.neighbor_no, n.weight
  from medley.item_neighbors as n
  inner join medley.items as i on n.neighbor_no = i.item_no
  where n.list_no = p_list_no
    and n.item_no = p_item_no
    and n.weight <= p_after_score
    and (n.weight < p_after_score or n.neighbor_no > p_after_no)
    and (p_kind is null or i.kind = p_kind)
    and medley.may_list_neighbor(i, p_earlier, p_item_no, p_user_id, p_as_of)
  order by n.weight desc, n.neighbor_no
  limit p_limit;
end;
$$;

comment on function medley.similar_page(smallint, smallint[], int, text, uuid, real, int, int, timestamptz) is
  'Up to p_limit neighbours of an item in one list, best first, after a score and number: of the kind p_kind (null: any), '
  'for which may_list_neighbor says yes.';
revoke all on function medley.similar_page(smallint, smallint[], int, text, uuid, real, int, int, timestamptz)
from public, anon, authenticated, service_role;

create or replace function medley.popular_page(
  p_earlier smallint[],
  p_item_no int,
  p_kind text,
  p_user_id uuid,
  p_after_score real,
  p_after_no int,
  p_limit int,
  p_as_of timestamptz
)
returns table (item_no int, score real)
language plpgsql stable parallel safe security definer
set search_path = '' set plan_cache_mode = force_generic_plan
as $$
begin
  return query
  with listed as (
    (
      select s.item_no, s.popularity as score
      from medley.item_statistics as s
      inner join medley.items as i on s.item_no = i.item_no
      where s.kind = p_kind
        and s.popularity <= p_after_score
        and (s.popularity < p_after_score or s.item_no > p_after_no)
        and s.item_no <> p_item_no
        and medley.may_list_neighbor(i, p_earlier, p_item_no, p_user_id, p_as_of)
      order by s.popularity desc, s.item_no
      limit p_limit
    )
    union all
    -- Nobody has touched these yet.
    (
      select i.item_no, 0::real
      from medley.items as i
      where i.kind = p_kind
        and p_after_score >= 0
        and (p_after_score > 0 or i.item_no > p_after_no)
        and i.item_no <> p_item_no
        and (select s.item_no from medley.item_statistics as s where s.item_no = i.item_no) is null
        and medley.may_list_neighbor(i, p_earlier, p_item_no, p_user_id, p_as_of)
      order by i.item_no
      limit p_limit
    )
  )

  select l.item_no, l.score
  from listed as l
  order by l.score desc, l.item_no
  limit p_limit;
end;
$$;

comment on function medley.popular_page(smallint[], int, text, uuid, real, int, int, timestamptz) is
  'The same for the popular items of a kind, where an item has no neighbours left.';
revoke all on function medley.popular_page(smallint[], int, text, uuid, real, int, int, timestamptz)
from public, anon, authenticated, service_role;

create or replace function medley.get_similar_items(
  p_item_id uuid,
  p_kind text,
  p_method text,
  p_limit int,
  p_cursor text,
  p_as_of timestamptz
)
returns table (item_id uuid, kind text, title text, score real, method text, reason text, next_cursor text)
language plpgsql stable parallel safe security definer
set search_path = '' set plan_cache_mode = force_generic_plan
as $$
declare
  v_user_id uuid := auth.uid();
  v_limit int := medley.check_limit(p_limit);
  v_methods text[] := medley.check_similarity_method(p_method);
  v_query text := 'similar:' || md5(row(p_item_id, p_kind, p_method)::text);
  v_item medley.items;
  v_lists smallint[] := array[]::smallint[];
  v_list smallint;
  v_stage int;
  v_score real;
  v_no int;
  v_nos int[] := array[]::int[];
  v_scores real[] := array[]::real[];
  v_stages int[] := array[]::int[];
  v_page_nos int[];
  v_page_scores real[];
  v_cursor text;
  v_behavior smallint;
begin
  select i.* into v_item
  from medley.items as i
  where i.id = p_item_id
    and (i.owner_id is null and i.visibility = 'public' or medley.visible_to(v_user_id, i.id));
  if not found then
    perform medley.fail('not_found', format('no item %s', p_item_id), 'p_item_id', 'Pass the id of an item that you see.');
  end if;
  if p_kind is not null then
    perform medley.check_kind(p_kind);
  end if;

  if p_cursor is not null then
    begin
      select (c.p ->> 'stage')::int, (c.p ->> 'score')::real, (c.p ->> 'item_no')::int into v_stage, v_score, v_no
      from medley.decode_cursor(p_cursor, v_query) as c (p);
    exception
      when data_exception then
        v_stage := null;
    end;
    if num_nulls(v_stage, v_score, v_no) > 0 or v_stage not between 1 and cardinality(v_methods) then
      perform medley.fail('invalid_cursor', 'the cursor is damaged', 'p_cursor', 'Start again without a cursor.');
    end if;
  end if;

  -- One method after the other, each from where the last page ended or from its beginning, until the page is full.
  for v_at in 1 .. cardinality(v_methods) loop
    v_list := medley.current_list(v_methods[v_at]);
    if v_at >= coalesce(v_stage, 1) then
      v_page_nos := null;
      if v_methods[v_at] = 'popular' then
        select array_agg(s.item_no), array_agg(s.score) into v_page_nos, v_page_scores
        from medley.popular_page(
          v_lists, v_item.item_no, coalesce(p_kind, v_item.kind), v_user_id,
          coalesce(v_score, 'infinity'), coalesce(v_no, 0), v_limit + 1 - cardinality(v_nos), p_as_of
        ) as s;
      elsif v_list is not null then
        select array_agg(s.item_no), array_agg(s.score) into v_page_nos, v_page_scores
        from medley.similar_page(
          v_list, v_lists, v_item.item_no, p_kind, v_user_id,
          coalesce(v_score, 'infinity'), coalesce(v_no, 0), v_limit + 1 - cardinality(v_nos), p_as_of
        ) as s;
      end if;
      if v_page_nos is not null then
        v_nos := v_nos || v_page_nos;
        v_scores := v_scores || v_page_scores;
        v_stages := v_stages || array_fill(v_at, array[cardinality(v_page_nos)]);
      end if;
      exit when cardinality(v_nos) > v_limit;
      v_score := null;
      v_no := null;
    end if;
    v_lists := v_lists || v_list;
  end loop;

  if cardinality(v_nos) > v_limit then
    v_cursor := medley.encode_cursor(v_query, jsonb_build_object(
      'stage', v_stages[v_limit], 'score', v_scores[v_limit], 'item_no', v_nos[v_limit]
    ));
    v_nos := v_nos[:v_limit];
  end if;
  if p_method = 'blend' then
    v_behavior := medley.current_list('behavior');
  end if;

  return query
  select
    i.id,
    i.kind,
    i.title,
    p.score,
    v_methods[p.stage],
    medley.similarity_reason(v_methods[p.stage], v_item.title, s.shared, b.item_no is not null),
    v_cursor
  from unnest(v_nos, v_scores, v_stages) with ordinality as p (item_no, score, stage, place)
  inner join medley.items as i on p.item_no = i.item_no
  left join medley.shared_features(v_item.item_no, v_nos) as s on p.item_no = s.neighbor_no
  left join medley.item_neighbors as b
    on b.list_no = v_behavior and b.item_no = v_item.item_no and p.item_no = b.neighbor_no
  order by p.place;
end;
$$;

comment on function medley.get_similar_items(uuid, text, text, int, text, timestamptz) is
  'The items like p_item_id at p_as_of; see public.get_similar_items. '
  'Errors: not_found, invalid_argument, invalid_cursor.';
revoke all on function medley.get_similar_items(uuid, text, text, int, text, timestamptz)
from public, anon, authenticated, service_role;
grant execute on function medley.get_similar_items(uuid, text, text, int, text, timestamptz)
to anon, authenticated, service_role;

-- sql/core/similarity/api.sql
-- The API of similar items.
create or replace function public.get_similar_items(
  p_item_id uuid,
  p_kind text default null,
  p_method text default 'blend',
  p_limit int default 20,
  p_cursor text default null
)
returns table (item_id uuid, kind text, title text, score real, method text, reason text, next_cursor text)
language plpgsql stable parallel safe security invoker set search_path = ''
as $$
begin
  -- Not language sql, which would plan the call each time.
  return query
  select s.item_id, s.kind, s.title, s.score, s.method, s.reason, s.next_cursor
  from medley.get_similar_items(p_item_id, p_kind, p_method, p_limit, p_cursor, now()) as s;
end;
$$;

comment on function public.get_similar_items(uuid, text, text, int, text) is
  'The items like p_item_id, best first: of p_kind (an artist''s similar events, say) or of any kind. p_method: blend (what '
  'members do and what items are made of), behavior, cosine, content, genre or embedding. Where it has no more, behavior '
  '(after blend), content, genre and then the popular items of the kind fill the page; method says which one a row is '
  'from, and score compares within one method. reason tells why in words. p_limit is 1 to 200; pass next_cursor as p_cursor for '
  'the next page. Only what the caller may see, published, not expired and of nobody whom the caller mutes. '
  'Errors: not_found, invalid_argument, invalid_cursor.';
revoke all on function public.get_similar_items(uuid, text, text, int, text)
from public, anon, authenticated, service_role;
grant execute on function public.get_similar_items(uuid, text, text, int, text)
to anon, authenticated, service_role;

-- sql/core/similarity/jobs.sql
-- The jobs of this module.
insert into medley.jobs (name, schedule, function_name, batch_size, timeout_seconds, description)
values
  (
    'rebuild_content_neighbors', '30 4 * * *', 'rebuild_content_neighbors', 2000, 3600,
    'Ranks the content neighbours of all items into a new list, in blocks of items.'
  ),
  (
    'rebuild_genre_neighbors', '10 4 * * *', 'rebuild_genre_neighbors', 1000, 3600,
    'Ranks the genre neighbours of all items into a new list, in blocks of sets of genres.'
  ),
  (
    'rebuild_embedding_neighbors', '50 4 * * *', 'rebuild_embedding_neighbors', 500, 3600,
    'Ranks the embedding neighbours of all items with vectors into a new list, in blocks of items.'
  ),
  (
    'resume_neighbor_rebuilds', '5-59/10 * * * *', 'resume_neighbor_rebuilds', 500, 540,
    'Goes on with a rebuild whose run was cut short, by the limit of its session say.'
  ),
  (
    'refresh_content_neighbors', '*/5 * * * *', 'refresh_content_neighbors', 200, 240,
    'Brings items whose features changed into the current content list.'
  ),
  (
    'drop_retired_neighbors', '*/10 * * * *', 'drop_retired_neighbors', 100000, 300,
    'Deletes lists of neighbours that newer ones have replaced.'
  );
