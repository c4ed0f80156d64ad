-- What reaches the signals from other tables.
create or replace function medley.log_item_follows()
returns trigger
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_kind text := case tg_op when 'INSERT' then 'follow' else 'unfollow' end;
  -- Not the transaction's time: one may follow, take it back and follow again within a transaction.
  v_now timestamptz := clock_timestamp();
  v_events jsonb;
begin
  for v_events in
    select
      jsonb_agg(jsonb_build_object(
        'user_id', c.user_id,
        'item_id', c.item_id,
        'kind', v_kind,
        'occurred_at', case when tg_op = 'INSERT' and c.created_at < now() then c.created_at else v_now end
      ))
    from (
      select
        r.*,
        (row_number() over () - 1) / 10000 as chunk
      from changed_rows as r
      -- A follow that goes with its account or its item is no unfollow.
      where tg_op = 'INSERT'
        or exists (select from auth.users as u where u.id = r.user_id)
        and exists (select from medley.items as i where i.id = r.item_id)
    ) as c
    group by c.chunk
    order by c.chunk
  loop
    perform from medley.write_engagements(null, v_events, '-infinity', v_now);
  end loop;
  return null;
end;
$$;

comment on function medley.log_item_follows() is
  'Statement trigger with transition table changed_rows: following and unfollowing an item are engagements.';
revoke all on function medley.log_item_follows() from public, anon, authenticated, service_role;

create trigger item_follows_log_insert
after insert on public.item_follows
referencing new table as changed_rows
for each statement execute function medley.log_item_follows();

create trigger item_follows_log_delete
after delete on public.item_follows
referencing old table as changed_rows
for each statement execute function medley.log_item_follows();

create or replace function medley.sweep_member_signals()
returns trigger
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
begin
  delete from medley.engagements as e
  using old_rows as o
  where e.user_no = o.user_no;
  delete from medley.affinities as a
  using old_rows as o
  where a.user_no = o.user_no;
  delete from medley.affinity_checkpoints as c
  using old_rows as o
  where c.user_no = o.user_no;
  return null;
end;
$$;

comment on function medley.sweep_member_signals() is
  'Statement trigger with transition table old_rows: deletes the rows about a member in tables without foreign keys.';
revoke all on function medley.sweep_member_signals() from public, anon, authenticated, service_role;

create trigger members_sweep_signals
after delete on medley.members
referencing old table as old_rows
for each statement execute function medley.sweep_member_signals();

create or replace function medley.queue_removed_items()
returns trigger
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
begin
  insert into medley.removed_items (item_no)
  select o.item_no
  from old_rows as o;
  return null;
end;
$$;

comment on function medley.queue_removed_items() is
  'Statement trigger with transition table old_rows: leaves the affinities of deleted items to the job prune_removed_items.';
revoke all on function medley.queue_removed_items() from public, anon, authenticated, service_role;

create trigger items_queue_removed
after delete on medley.items
referencing old table as old_rows
for each statement execute function medley.queue_removed_items();

create or replace function medley.count_kind_versions()
returns trigger
language plpgsql volatile parallel unsafe security invoker set search_path = ''
as $$
begin
  new.version := old.version + 1;
  return new;
end;
$$;

comment on function medley.count_kind_versions() is 'Row trigger: a kind of another worth is a new version of it.';
revoke all on function medley.count_kind_versions() from public, anon, authenticated, service_role;

create trigger engagement_kinds_version
before update of weight, half_life_days, polarity, engagement, marks_seen, value_rule on medley.engagement_kinds
for each row execute function medley.count_kind_versions();
