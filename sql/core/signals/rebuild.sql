-- The log and the checkpoints say all that affinities hold: here they are made from nothing else.
create or replace function medley.rebuild_affinities(p_user_nos int[] default null, p_as_of timestamptz default now())
returns bigint
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  -- No event is newer; sums are made as of this time and then taken back to their newest event.
  v_newest timestamptz := p_as_of + interval '5 minutes';
  v_rows bigint;
begin
  -- Who logs waits, who reads does not. What was logged before is in the snapshot of the statements below.
  lock table medley.affinities in exclusive mode;

  delete from medley.affinities as a
  where p_user_nos is null or a.user_no = any(p_user_nos);

  insert into medley.affinities (user_no, item_no, half_life_days, score, last_at, positive_at, negative_at, seen)
  select
    s.user_no,
    s.item_no,
    s.half_life_days,
    medley.to_score(sum(s.score) / medley.affinity_at(1, max(s.last_at), s.half_life_days, v_newest)),
    max(s.last_at),
    max(s.positive_at),
    max(s.negative_at),
    bool_or(s.seen)
  from (
    select
      e.user_no,
      e.item_no,
      k.half_life_days,
      medley.affinity_at(
        medley.engagement_weight(k.weight, k.value_rule, e.value)::real, e.occurred_at, k.half_life_days, v_newest
      ) as score,
      e.occurred_at as last_at,
      case when medley.engagement_polarity(k.polarity, k.value_rule, e.value) > 0 then e.occurred_at end as positive_at,
      case when medley.engagement_polarity(k.polarity, k.value_rule, e.value) < 0 then e.occurred_at end as negative_at,
      k.marks_seen as seen
    from medley.engagements as e
    inner join medley.engagement_kinds as k on e.kind_no = k.kind_no
    where k.weight <> 0
    union all
    select
      c.user_no,
      c.item_no,
      c.half_life_days,
      medley.affinity_at(c.score, c.last_at, c.half_life_days, v_newest),
      c.last_at,
      c.positive_at,
      c.negative_at,
      c.seen
    from medley.affinity_checkpoints as c
  ) as s
  where (p_user_nos is null or s.user_no = any(p_user_nos))
    and exists (select from medley.items as i where i.item_no = s.item_no)
  group by s.user_no, s.item_no, s.half_life_days;
  get diagnostics v_rows = row_count;
  return v_rows;
end;
$$;

comment on function medley.rebuild_affinities(int[], timestamptz) is
  'Makes the affinities of these members (null: of all) again from the checkpoints and the log, which gives what ingest '
  'keeps running, with the kinds as they are now. For after a change of engagement_kinds; logging waits while it runs. '
  'p_as_of must not lie before the newest event. Returns how many rows there are.';
revoke all on function medley.rebuild_affinities(int[], timestamptz) from public, anon, authenticated, service_role;
