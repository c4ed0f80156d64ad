-- The log is kept for signals.keep_days. What leaves it stays in the affinities: it is folded into checkpoints first,
-- in the same transaction, so a run that is killed has done nothing.
create or replace function medley.fold_engagements(p_until timestamptz)
returns bigint
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_rows bigint;
begin
  insert into medley.affinity_checkpoints as c (
    user_no, item_no, half_life_days, score, last_at, positive_at, negative_at, seen
  )
  select
    e.user_no,
    e.item_no,
    k.half_life_days,
    medley.to_score(
      sum(medley.affinity_at(
        medley.engagement_weight(k.weight, k.value_rule, e.value)::real, e.occurred_at, k.half_life_days, p_until
      ))
      / medley.affinity_at(1, max(e.occurred_at), k.half_life_days, p_until)
    ),
    max(e.occurred_at),
    max(e.occurred_at) filter (where medley.engagement_polarity(k.polarity, k.value_rule, e.value) > 0),
    max(e.occurred_at) filter (where medley.engagement_polarity(k.polarity, k.value_rule, e.value) < 0),
    bool_or(k.marks_seen)
  from medley.engagements as e
  inner join medley.engagement_kinds as k on e.kind_no = k.kind_no
  where e.occurred_at < p_until
    and k.weight <> 0
    and exists (select from medley.items as i where i.item_no = e.item_no)
  group by e.user_no, e.item_no, k.half_life_days
  on conflict (user_no, item_no, half_life_days) do update
  set
    score = medley.to_score(
      medley.affinity_at(c.score, c.last_at, c.half_life_days, greatest(c.last_at, excluded.last_at))
      + medley.affinity_at(excluded.score, excluded.last_at, c.half_life_days, greatest(c.last_at, excluded.last_at))
    ),
    last_at = greatest(c.last_at, excluded.last_at),
    positive_at = greatest(c.positive_at, excluded.positive_at),
    negative_at = greatest(c.negative_at, excluded.negative_at),
    seen = c.seen or excluded.seen;
  get diagnostics v_rows = row_count;
  return v_rows;
end;
$$;

comment on function medley.fold_engagements(timestamptz) is
  'Adds the events before p_until to the checkpoints; the caller removes them from the log in the same transaction. '
  'Returns how many checkpoints it touched.';
revoke all on function medley.fold_engagements(timestamptz) from public, anon, authenticated, service_role;

create or replace function medley.drop_engagements(p_limit int, p_keep_since timestamptz)
returns bigint
language plpgsql volatile parallel unsafe security definer
-- Dropping a partition stops whoever uses the log: rather fail, and try again tomorrow, than make them wait.
set search_path = '' set lock_timeout = '3s'
as $$
declare
  v_month text;
  v_until timestamptz;
  v_months bigint := 0;
begin
  perform pg_advisory_xact_lock(hashtextextended('medley.engagement_partitions', 0));
  while p_limit is null or v_months < p_limit loop
    -- The oldest month, if nothing in it is to be kept.
    select b.name, b.until into v_month, v_until
    from (
      select
        format('medley.%I', c.relname) as name,
        substring(pg_get_expr(c.relpartbound, c.oid) from 'TO \(''([^'']+)''')::timestamptz as until
      from pg_catalog.pg_inherits as i
      inner join pg_catalog.pg_class as c on i.inhrelid = c.oid
      where i.inhparent = 'medley.engagements'::regclass and c.relname <> 'engagements_history'
    ) as b
    where b.until <= p_keep_since
    order by b.until
    limit 1;
    exit when not found;

    -- What was imported from before that month goes with it.
    execute format('lock table medley.engagements_history, %s in share row exclusive mode', v_month);
    perform medley.fold_engagements(v_until);
    execute format('drop table medley.engagements_history, %s', v_month);
    perform medley.make_engagement_partition('engagements_history', null, v_until);
    v_months := v_months + 1;
  end loop;

  if p_limit is null or v_months < p_limit then
    lock table medley.engagements_history in share row exclusive mode;
    perform medley.fold_engagements(p_keep_since);
    delete from medley.engagements as e
    where e.occurred_at < p_keep_since;
  end if;
  return v_months;
end;
$$;

comment on function medley.drop_engagements(int, timestamptz) is
  'Folds up to p_limit (null: all) months that end by p_keep_since into the checkpoints and drops their partitions; then does '
  'the same to older events of engagements_history. Returns how many months.';
revoke all on function medley.drop_engagements(int, timestamptz) from public, anon, authenticated, service_role;

create or replace function medley.retain_engagements(p_limit int, p_as_of timestamptz default now())
returns bigint
language sql volatile parallel unsafe security definer set search_path = ''
as $$
  select medley.drop_engagements(
    p_limit,
    date_trunc('month', p_as_of - make_interval(days => medley.setting('signals.keep_days')::int), 'UTC')
  )
$$;

comment on function medley.retain_engagements(int, timestamptz) is
  'Job: takes up to p_limit months that are older than signals.keep_days at p_as_of out of the log; see drop_engagements. '
  'Returns how many months.';
revoke all on function medley.retain_engagements(int, timestamptz) from public, anon, authenticated, service_role;

create or replace function medley.prune_removed_items(p_limit int)
returns bigint
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_item_nos int[];
begin
  select array_agg(r.item_no) into v_item_nos
  from (
    select q.item_no
    from medley.removed_items as q
    order by q.item_no
    limit p_limit
    for update skip locked
  ) as r;

  delete from medley.affinities as a
  using unnest(v_item_nos) as r (item_no)
  where a.item_no = r.item_no;
  delete from medley.affinity_checkpoints as c
  using unnest(v_item_nos) as r (item_no)
  where c.item_no = r.item_no;
  delete from medley.removed_items as q
  where q.item_no = any(v_item_nos);
  return coalesce(cardinality(v_item_nos), 0);
end;
$$;

comment on function medley.prune_removed_items(int) is
  'Job: deletes the affinities of up to p_limit items that are no longer registered. Their events stay in the log until '
  'their month leaves it. Returns how many items.';
revoke all on function medley.prune_removed_items(int) from public, anon, authenticated, service_role;
