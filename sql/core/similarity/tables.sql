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
