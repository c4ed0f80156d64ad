-- The graph of parents and what keeps it acyclic, whoever writes to it.
create or replace function medley.genre_ancestors(p_genre_id uuid)
returns setof uuid
language sql stable parallel safe security definer set search_path = ''
as $$
  with recursive above as (
    select p.parent_id as genre_id
    from public.genre_parent as p
    where p.child_id = p_genre_id
    union
    select p.parent_id
    from above as a
    inner join public.genre_parent as p on p.child_id = a.genre_id
  )

  select a.genre_id
  from above as a
$$;

comment on function medley.genre_ancestors(uuid) is 'Every genre above the genre, without itself.';
revoke all on function medley.genre_ancestors(uuid) from public, anon, authenticated, service_role;

create or replace function medley.fail_cycle(p_child_id uuid, p_parent_id uuid)
returns void
language plpgsql stable parallel safe security definer set search_path = ''
as $$
begin
  perform medley.fail(
    'cycle',
    format(
      '"%s" is already above "%s" or is the same genre',
      (select g.name from public.genres as g where g.id = p_child_id),
      (select g.name from public.genres as g where g.id = p_parent_id)
    ),
    'p_parent_id',
    'Choose another parent, or remove the opposite edge from genre_parent first.'
  );
end;
$$;

comment on function medley.fail_cycle(uuid, uuid) is 'Raises the error cycle for the edge from p_child_id to p_parent_id.';
revoke all on function medley.fail_cycle(uuid, uuid) from public, anon, authenticated, service_role;

create or replace function medley.genre_taxonomy_assert_dag(p_child_id uuid, p_parent_id uuid)
returns boolean
language plpgsql stable parallel safe security definer set search_path = ''
as $$
begin
  if not exists (select from public.genres as g where g.id = p_child_id)
    or not exists (select from public.genres as g where g.id = p_parent_id)
  then
    perform medley.fail('not_found', 'one of the two is no genre', 'p_child_id', 'Pass ids of public.genres.');
  end if;
  if p_child_id = p_parent_id or p_child_id in (select medley.genre_ancestors(p_parent_id)) then
    perform medley.fail_cycle(p_child_id, p_parent_id);
  end if;
  return true;
end;
$$;

comment on function medley.genre_taxonomy_assert_dag(uuid, uuid) is
  'True when p_parent_id may become a parent of p_child_id. Errors: cycle (it is the child or below it), not_found.';
revoke all on function medley.genre_taxonomy_assert_dag(uuid, uuid) from public, anon, authenticated, service_role;
grant execute on function medley.genre_taxonomy_assert_dag(uuid, uuid) to service_role;

create or replace function medley.lock_genre_parents()
returns void
language sql volatile parallel unsafe security definer set search_path = ''
as $$
  -- Writing the row, not only locking it: a repeatable-read transaction that cannot see the edges committed
  -- meanwhile then fails with a serialization error instead of closing a cycle with them.
  insert into medley.generations as g (name, generation, built_at, row_count)
  values ('genre_parent', 1, now(), 0)
  on conflict (name) do update set built_at = g.built_at
$$;

comment on function medley.lock_genre_parents() is
  'Makes the transaction the only writer of genre_parent until it ends: two edges that close a cycle together '
  'cannot pass each other.';
revoke all on function medley.lock_genre_parents() from public, anon, authenticated, service_role;

create or replace function medley.genre_parent_before_write()
returns trigger
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
begin
  perform medley.lock_genre_parents();
  return null;
end;
$$;

comment on function medley.genre_parent_before_write() is 'Statement trigger: one writer of genre_parent at a time.';
revoke all on function medley.genre_parent_before_write() from public, anon, authenticated, service_role;

create or replace function medley.genre_parent_after_write()
returns trigger
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_child_id uuid;
  v_parent_id uuid;
begin
  with recursive above as (
    select n.child_id, n.parent_id, n.parent_id as genre_id
    from new_rows as n
    union
    select a.child_id, a.parent_id, p.parent_id
    from above as a
    inner join public.genre_parent as p on p.child_id = a.genre_id
  )

  select a.child_id, a.parent_id into v_child_id, v_parent_id
  from above as a
  where a.genre_id = a.child_id
  limit 1;

  if found then
    perform medley.fail_cycle(v_child_id, v_parent_id);
  end if;
  return null;
end;
$$;

comment on function medley.genre_parent_after_write() is
  'Statement trigger with transition table new_rows: refuses edges that close a cycle. Errors: cycle.';
revoke all on function medley.genre_parent_after_write() from public, anon, authenticated, service_role;

create trigger genre_parent_one_writer
before insert or update on public.genre_parent
for each statement execute function medley.genre_parent_before_write();

create trigger genre_parent_acyclic_insert
after insert on public.genre_parent
referencing new table as new_rows
for each statement execute function medley.genre_parent_after_write();

create trigger genre_parent_acyclic_update
after update on public.genre_parent
referencing new table as new_rows
for each statement execute function medley.genre_parent_after_write();
