-- RSVPs are engagements: the log has every answer, and what a member takes back is taken back there too.
insert into medley.engagement_kinds
  (kind, weight, half_life_days, polarity, engagement, marks_seen, value_rule, social_signal, description)
values
  ('rsvp_maybe', 1.5, 365, 1, 0.6, true, 'none', null, 'Said maybe to an event.'),
  ('unrsvp', -3, 365, 0, 0.2, false, 'none', null, 'No longer goes: takes back what an RSVP was worth.'),
  ('unrsvp_maybe', -1.5, 365, 0, 0.2, false, 'none', null, 'No longer may go: takes back what a maybe was worth.')
on conflict (kind) do nothing;

create or replace function medley.log_rsvps()
returns trigger
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_users uuid[];
  v_items uuid[];
  v_kinds text[];
  v_events jsonb;
begin
  if tg_op = 'INSERT' then
    select array_agg(n.user_id), array_agg(n.event_id), array_agg(k.kind) into v_users, v_items, v_kinds
    from new_rows as n
    inner join (values ('going', 'rsvp'), ('maybe', 'rsvp_maybe')) as k (status, kind) on k.status = n.status;
  elsif tg_op = 'DELETE' then
    -- What is said of an event that is being deleted goes with it.
    select array_agg(o.user_id), array_agg(o.event_id), array_agg(k.kind) into v_users, v_items, v_kinds
    from old_rows as o
    inner join public.events as e on e.id = o.event_id
    inner join (values ('going', 'unrsvp'), ('maybe', 'unrsvp_maybe')) as k (status, kind) on k.status = o.status;
  else
    select array_agg(a.user_id), array_agg(a.event_id), array_agg(k.kind) into v_users, v_items, v_kinds
    from (
      (
        select true as said, n.user_id, n.event_id, n.status from new_rows as n
        except
        select true, o.user_id, o.event_id, o.status from old_rows as o
      )
      union all
      (
        select false, o.user_id, o.event_id, o.status from old_rows as o
        except
        select false, n.user_id, n.event_id, n.status from new_rows as n
      )
    ) as a
    inner join (
      values (true, 'going', 'rsvp'), (true, 'maybe', 'rsvp_maybe'), (false, 'going', 'unrsvp'), (false, 'maybe', 'unrsvp_maybe')
    ) as k (said, status, kind) on k.said = a.said and k.status = a.status;
  end if;

  -- A load writes many: twenty thousand at a time fit into memory in any case.
  for v_events in
    select jsonb_agg(
      -- The clock and not the transaction's time: an answer that is given, taken back and given again is three events.
      jsonb_build_object('user_id', a.user_id, 'item_id', a.item_id, 'kind', a.kind, 'occurred_at', clock_timestamp())
    )
    from unnest(v_users, v_items, v_kinds) with ordinality as a (user_id, item_id, kind, place)
    group by a.place / 20000
  loop
    perform from medley.write_engagements(null, v_events, now(), now());
  end loop;
  return null;
end;
$$;

comment on function medley.log_rsvps() is
  'Statement trigger with transition tables: RSVPs go into the log of engagements, as rsvp or rsvp_maybe; an RSVP that '
  'ends or changes is taken back by unrsvp or unrsvp_maybe.';
revoke all on function medley.log_rsvps() from public, anon, authenticated, service_role;

create trigger event_rsvps_engagements_insert
after insert on public.event_rsvps referencing new table as new_rows
for each statement execute function medley.log_rsvps();
create trigger event_rsvps_engagements_update
after update on public.event_rsvps referencing old table as old_rows new table as new_rows
for each statement execute function medley.log_rsvps();
create trigger event_rsvps_engagements_delete
after delete on public.event_rsvps referencing old table as old_rows
for each statement execute function medley.log_rsvps();
