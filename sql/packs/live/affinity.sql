-- What a member's RSVPs say about genre clusters and countries. Derived: the trigger keeps a member's rows in the
-- transaction of the RSVP, the job rebuilds everyone's, and both run the same function.
insert into medley.ranker_weights (ranker, term, weight, description)
values
  ('cluster_affinity', 'going', 1.0, 'Points that an event one goes to adds to each of its clusters.'),
  ('cluster_affinity', 'maybe', 0.5, 'Points that an event one may go to adds to each of its clusters.');

-- event_clusters for some events. An array in a condition would be compared element by element, and the view's DISTINCT
-- keeps a join out; unnest and index look-ups cost the same for each event. No SET: it inlines.
create or replace function medley.clusters_of_events(p_event_ids uuid[])
returns table (event_id uuid, cluster_path_slug text, country text)
language sql stable parallel safe security invoker
begin atomic
  select distinct e.id, k.cluster_path_slug, coalesce(v.country, '')
  from unnest(p_event_ids) as w (event_id)
  inner join public.events as e on e.id = w.event_id
  inner join public.item_genres as g on g.item_id = e.id
  inner join medley.genre_cluster_keys as k on k.genre_id = g.genre_id
  left join public.venues as v on v.id = e.venue_id;
end;

comment on function medley.clusters_of_events(uuid[]) is 'The rows of event_clusters of these events.';
revoke all on function medley.clusters_of_events(uuid[]) from public, anon, authenticated, service_role;

-- One member or 20,000: the best plans differ, so each call is planned for its own arrays.
create or replace function medley.rebuild_cluster_affinity(p_user_ids uuid[])
returns bigint
language plpgsql volatile parallel unsafe security definer
set search_path = '' set plan_cache_mode = force_custom_plan
as $$
declare
  v_event_ids uuid[];
  v_user_nos int[];
  v_rows bigint;
begin
  -- Two RSVPs of one member at once: the second waits here and then sees what the first wrote.
  select array_agg(m.user_no order by m.user_no) into v_user_nos
  from medley.member_numbers(p_user_ids) as m;
  perform from medley.members as m
  where m.user_no = any(v_user_nos)
  order by m.user_no
  for no key update;

  select array_agg(distinct r.event_id) into v_event_ids
  from public.event_rsvps as r
  where r.user_id = any(p_user_ids);

  with fresh as (
    select m.user_no, c.cluster_path_slug, c.country, sum(w.weight) as score
    from public.event_rsvps as r
    inner join medley.members as m on m.user_id = r.user_id
    inner join medley.clusters_of_events(v_event_ids) as c on c.event_id = r.event_id
    inner join medley.ranker_weights as w on w.ranker = 'cluster_affinity' and w.term = r.status
    where r.user_id = any(p_user_ids)
    group by m.user_no, c.cluster_path_slug, c.country
  ),

  gone as (
    delete from medley.user_cluster_affinity as a
    where a.user_no = any(v_user_nos)
      and not exists (
        select from fresh as f
        where f.user_no = a.user_no and f.cluster_path_slug = a.cluster_path_slug and f.country = a.country
      )
    returning 1
  ),

  written as (
    insert into medley.user_cluster_affinity as a (user_no, cluster_path_slug, country, score)
    select f.user_no, f.cluster_path_slug, f.country, f.score
    from fresh as f
    on conflict (user_no, cluster_path_slug, country) do update
    set score = excluded.score, updated_at = now()
    where a.score <> excluded.score
    returning 1
  )

  select (select count(*) from gone) + (select count(*) from written) into v_rows;
  return v_rows;
end;
$$;

comment on function medley.rebuild_cluster_affinity(uuid[]) is
  'Makes the cluster affinities of these members equal to what their RSVPs say. Returns how many rows changed.';
revoke all on function medley.rebuild_cluster_affinity(uuid[]) from public, anon, authenticated, service_role;

create or replace function medley.refresh_user_cluster_affinity()
returns bigint
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_last uuid := '00000000-0000-0000-0000-000000000000'::uuid;
  v_users uuid[];
  v_rows bigint := 0;
begin
  loop
    select array_agg(b.user_id) into v_users
    from (
      select u.user_id
      from (
        select distinct r.user_id from public.event_rsvps as r where r.user_id > v_last
        union
        select m.user_id
        from medley.members as m
        where m.user_id > v_last
          and exists (select from medley.user_cluster_affinity as a where a.user_no = m.user_no)
      ) as u
      order by u.user_id
      limit 20000
    ) as b;
    exit when v_users is null;
    v_rows := v_rows + medley.rebuild_cluster_affinity(v_users);
    v_last := v_users[cardinality(v_users)];
  end loop;
  return v_rows;
end;
$$;

comment on function medley.refresh_user_cluster_affinity() is
  'Rebuilds the cluster affinities of every member from RSVPs and event_clusters, 20,000 members at a time. '
  'Returns how many rows changed.';
revoke all on function medley.refresh_user_cluster_affinity() from public, anon, authenticated, service_role;
grant execute on function medley.refresh_user_cluster_affinity() to service_role;

create or replace function medley.follow_rsvps()
returns trigger
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_users uuid[];
begin
  if tg_op = 'INSERT' then
    select array_agg(distinct n.user_id) into v_users from new_rows as n;
  elsif tg_op = 'DELETE' then
    -- A member that is being deleted has no affinities to keep.
    select array_agg(distinct o.user_id) into v_users
    from old_rows as o
    where exists (select from auth.users as u where u.id = o.user_id);
  else
    select array_agg(distinct c.user_id) into v_users
    from (select n.user_id from new_rows as n union select o.user_id from old_rows as o) as c;
  end if;
  if v_users is not null then
    perform medley.rebuild_cluster_affinity(v_users);
  end if;
  return null;
end;
$$;

comment on function medley.follow_rsvps() is
  'Statement trigger with transition tables: the cluster affinities of members follow their RSVPs at once.';
revoke all on function medley.follow_rsvps() from public, anon, authenticated, service_role;

create trigger event_rsvps_affinity_insert
after insert on public.event_rsvps referencing new table as new_rows
for each statement execute function medley.follow_rsvps();
create trigger event_rsvps_affinity_update
after update on public.event_rsvps referencing old table as old_rows new table as new_rows
for each statement execute function medley.follow_rsvps();
create trigger event_rsvps_affinity_delete
after delete on public.event_rsvps referencing old table as old_rows
for each statement execute function medley.follow_rsvps();
create trigger event_rsvps_updated_at
before update on public.event_rsvps
for each row execute function medley.set_updated_at();
