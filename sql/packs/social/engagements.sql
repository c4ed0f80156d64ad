-- What members do with posts speaks to the log of engagements, in the same transaction. Nobody engages with posts of
-- their own: that would teach the engine nothing but that they are there.
insert into medley.engagement_kinds
  (kind, weight, half_life_days, polarity, engagement, marks_seen, value_rule, social_signal, description)
values
  ('unlike', -2, 30, 0, 0.2, false, 'none', null, 'No longer liked: takes back what the like was worth.'),
  ('unrepost', -2, 30, 0, 0.2, false, 'none', null, 'No longer passed on: takes back what the repost was worth.'),
  ('copy_link', 2.5, 30, 1, 0.9, true, 'none', 'shared', 'Its address was copied, to be passed on.'),
  ('send', 2.5, 30, 1, 0.9, true, 'none', null, 'Sent to somebody by message.'),
  ('follow_author', 3, 365, 1, 0.9, true, 'none', null, 'Its author was followed because of it.'),
  ('open_link', 0.4, 30, 1, 0.3, false, 'none', null, 'A link in it was opened.'),
  ('open_media', 0.4, 30, 1, 0.3, false, 'none', null, 'A picture, video or sound in it was opened.')
on conflict (kind) do nothing;

create or replace function medley.log_post_actions()
returns trigger
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_kind text := case tg_op when 'INSERT' then tg_argv[0] else tg_argv[1] end;
  -- The clock and not the transaction's time: a like, its end and another like are three events. Read once: what one
  -- statement does happens at one moment, in whatever order its rows are read.
  v_now timestamptz := clock_timestamp();
  v_events jsonb;
begin
  for v_events in
    -- What a loader brings in happened when its row says.
    select jsonb_agg(jsonb_build_object(
      'user_id', a.user_id,
      'item_id', a.post_id,
      'kind', v_kind,
      'occurred_at', case when tg_op = 'INSERT' and a.created_at < now() then a.created_at else v_now end
    ))
    from (
      select c.user_id, c.post_id, c.created_at, (row_number() over () - 1) / 10000 as chunk
      from changed_rows as c
      -- What goes with an account or a post was not taken back.
      inner join auth.users as u on u.id = c.user_id
      inner join public.posts as p on p.id = c.post_id
      where p.author_id <> c.user_id
    ) as a
    group by a.chunk
    order by a.chunk
  loop
    perform from medley.write_engagements(null, v_events, '-infinity', clock_timestamp());
  end loop;
  return null;
end;
$$;

comment on function medley.log_post_actions() is
  'Statement trigger on likes, reposts and post_views with transition table changed_rows. Arguments: the kinds of engagement '
  'that adding a row and taking it away are.';
revoke all on function medley.log_post_actions() from public, anon, authenticated, service_role;

create or replace function medley.log_answers()
returns trigger
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_events jsonb;
begin
  for v_events in
    select jsonb_agg(jsonb_build_object(
      'user_id', a.author_id,
      'item_id', a.post_id,
      'kind', a.kind,
      'occurred_at', case when a.created_at < now() then a.created_at else clock_timestamp() end
    ))
    from (
      select n.author_id, n.created_at, r.post_id, r.kind, (row_number() over () - 1) / 10000 as chunk
      from new_rows as n
      cross join lateral (values (n.parent_id, 'reply'), (n.quoted_id, 'quote')) as r (post_id, kind)
      inner join public.posts as p on p.id = r.post_id
      where p.author_id <> n.author_id
    ) as a
    group by a.chunk
    order by a.chunk
  loop
    perform from medley.write_engagements(null, v_events, '-infinity', clock_timestamp());
  end loop;
  return null;
end;
$$;

comment on function medley.log_answers() is
  'Statement trigger on posts with transition table new_rows: a reply and a quote are engagements with the other post.';
revoke all on function medley.log_answers() from public, anon, authenticated, service_role;

create trigger posts_5_engagements_insert
after insert on public.posts referencing new table as new_rows
for each statement execute function medley.log_answers();
create trigger likes_5_engagements_insert
after insert on public.likes referencing new table as changed_rows
for each statement execute function medley.log_post_actions('like', 'unlike');
create trigger likes_5_engagements_delete
after delete on public.likes referencing old table as changed_rows
for each statement execute function medley.log_post_actions('like', 'unlike');
create trigger reposts_5_engagements_insert
after insert on public.reposts referencing new table as changed_rows
for each statement execute function medley.log_post_actions('repost', 'unrepost');
create trigger reposts_5_engagements_delete
after delete on public.reposts referencing old table as changed_rows
for each statement execute function medley.log_post_actions('repost', 'unrepost');
create trigger post_views_5_engagements_insert
after insert on public.post_views referencing new table as changed_rows
for each statement execute function medley.log_post_actions('view', '');

create or replace function medley.open_post(p_post_id uuid, p_user_id uuid)
returns uuid
language plpgsql stable parallel safe security definer set search_path = ''
as $$
declare
  v_author_id uuid := (
    select p.author_id
    from public.posts as p
    where p.id = p_post_id and medley.visible_to(p_user_id, p.id)
  );
begin
  if v_author_id is null then
    perform medley.fail_unseen_post(p_post_id, 'p_post_id');
  end if;
  return v_author_id;
end;
$$;

comment on function medley.open_post(uuid, uuid) is 'The author of a post that the member sees. Errors: not_found.';
revoke all on function medley.open_post(uuid, uuid) from public, anon, authenticated, service_role;

create or replace function medley.open_others_post(p_post_id uuid, p_user_id uuid)
returns uuid
language plpgsql stable parallel safe security definer set search_path = ''
as $$
declare
  v_author_id uuid := medley.open_post(p_post_id, p_user_id);
begin
  if v_author_id = p_user_id then
    perform medley.fail('invalid_argument', format('post %s is the member''s own', p_post_id), 'p_post_id',
      'Pass the id of somebody else''s post.');
  end if;
  return v_author_id;
end;
$$;

comment on function medley.open_others_post(uuid, uuid) is
  'The author of a post that the member sees and did not write. Errors: not_found, invalid_argument.';
revoke all on function medley.open_others_post(uuid, uuid) from public, anon, authenticated, service_role;

create or replace function medley.log_post_event(p_user_id uuid, p_post_id uuid, p_kind text, p_as_of timestamptz)
returns void
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
begin
  perform
  from medley.write_engagements(
    p_user_id,
    jsonb_build_array(jsonb_build_object('item_id', p_post_id, 'kind', p_kind, 'occurred_at', p_as_of)),
    '-infinity',
    p_as_of
  );
end;
$$;

comment on function medley.log_post_event(uuid, uuid, text, timestamptz) is 'Logs one engagement of a member with a post.';
revoke all on function medley.log_post_event(uuid, uuid, text, timestamptz)
from public, anon, authenticated, service_role;

create or replace function medley.act_on_author(p_post_id uuid, p_kind text, p_user_id uuid, p_as_of timestamptz)
returns uuid
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_user_id uuid := medley.acting_user(p_user_id);
  v_author_id uuid := medley.open_others_post(p_post_id, v_user_id);
begin
  -- Before the block, after which the member does not see the post.
  perform medley.log_post_event(v_user_id, p_post_id, p_kind, p_as_of);
  if p_kind = 'block_author' then
    insert into public.user_blocks (user_id, blocked_id) values (v_user_id, v_author_id) on conflict do nothing;
  elsif p_kind = 'mute_author' then
    insert into public.user_mutes (user_id, muted_id) values (v_user_id, v_author_id) on conflict do nothing;
  else
    insert into public.follows (follower_id, followed_id) values (v_user_id, v_author_id) on conflict do nothing;
  end if;
  return v_author_id;
end;
$$;

comment on function medley.act_on_author(uuid, text, uuid, timestamptz) is
  'Blocks, mutes or follows the author of a post and logs it as an engagement of p_kind (block_author, mute_author, '
  'follow_author) with the post. Returns the author. Errors: those of acting_user, not_found, invalid_argument.';
revoke all on function medley.act_on_author(uuid, text, uuid, timestamptz)
from public, anon, authenticated, service_role;
grant execute on function medley.act_on_author(uuid, text, uuid, timestamptz) to authenticated, service_role;

create or replace function medley.report_post(
  p_post_id uuid,
  p_reason text,
  p_note text,
  p_user_id uuid,
  p_as_of timestamptz
)
returns text
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_user_id uuid := medley.acting_user(p_user_id);
begin
  perform medley.open_others_post(p_post_id, v_user_id);
  if not exists (select from medley.report_reasons as r where r.reason = p_reason) then
    perform medley.fail('invalid_argument', format('there is no reason %s', coalesce(left(p_reason, 100), 'null')),
      'p_reason',
      format('Pass %s.', (select string_agg(r.reason, ', ' order by r.reason) from medley.report_reasons as r)));
  end if;
  if length(p_note) > 2000 then
    perform medley.fail('too_large', format('p_note has %s characters', length(p_note)), 'p_note',
      'Say it in at most 2,000 characters.');
  end if;

  insert into public.post_reports (user_id, post_id, reason, note, created_at)
  values (v_user_id, p_post_id, p_reason, p_note, p_as_of)
  on conflict do nothing;
  if not found then
    return 'duplicate';
  end if;
  perform medley.log_post_event(v_user_id, p_post_id, 'report', p_as_of);
  return 'accepted';
end;
$$;

comment on function medley.report_post(uuid, text, text, uuid, timestamptz) is
  'public.report_post at the moment p_as_of. Errors: those of acting_user, not_found, invalid_argument, too_large.';
revoke all on function medley.report_post(uuid, text, text, uuid, timestamptz)
from public, anon, authenticated, service_role;
grant execute on function medley.report_post(uuid, text, text, uuid, timestamptz) to authenticated, service_role;

create or replace function medley.view_posts(p_post_ids uuid[], p_user_id uuid, p_as_of timestamptz)
returns int
language plpgsql volatile parallel unsafe security definer set search_path = '' set plan_cache_mode = force_custom_plan
as $$
declare
  v_user_id uuid := medley.acting_user(p_user_id);
  v_post_ids uuid[];
  v_viewed int;
begin
  if p_post_ids is null then
    perform medley.fail('invalid_argument', 'p_post_ids is missing', 'p_post_ids', 'Pass the ids of the posts in view.');
  end if;
  if cardinality(p_post_ids) > 1000 then
    perform medley.fail('too_large', format('p_post_ids holds %s ids', cardinality(p_post_ids)), 'p_post_ids',
      'Pass at most 1,000 ids a call.');
  end if;

  -- A post that goes meanwhile is passed over; the others stay until this is done.
  v_post_ids := array(
    select p.id
    from public.posts as p
    where p.id in (select v.id from unnest(p_post_ids) as v (id)) and medley.visible_to(v_user_id, p.id)
    order by p.id
    for no key update
  );
  insert into public.post_views (user_id, post_id, created_at)
  select v_user_id, v.id, p_as_of
  from unnest(v_post_ids) as v (id)
  on conflict do nothing;
  get diagnostics v_viewed = row_count;
  return v_viewed;
end;
$$;

comment on function medley.view_posts(uuid[], uuid, timestamptz) is
  'public.view_posts at the moment p_as_of. Errors: those of acting_user, invalid_argument, too_large.';
revoke all on function medley.view_posts(uuid[], uuid, timestamptz) from public, anon, authenticated, service_role;
grant execute on function medley.view_posts(uuid[], uuid, timestamptz) to authenticated, service_role;
