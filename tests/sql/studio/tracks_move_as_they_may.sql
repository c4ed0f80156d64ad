-- A track goes from queued to generating to completed or failed; every other move is refused.
select plan(22);

select make_member('ada');
create function tests.begin_as(p_status text) returns uuid language plpgsql as $$
declare v_id uuid;
begin
  insert into public.generated_tracks (user_id, mode) values (member('ada'), 'new') returning id into v_id;
  if p_status <> 'queued' then
    update public.generated_tracks set status = 'generating' where id = v_id;
    if p_status <> 'generating' then
      update public.generated_tracks set status = p_status, url = 'u', duration = 9 where id = v_id;
    end if;
  end if;
  return v_id;
end $$;

create function tests.turn(p_id uuid, p_status text) returns void language plpgsql as $$
begin
  update public.generated_tracks set status = p_status, url = 'u', duration = 9 where id = p_id;
end $$;

select throws_code(
  format('select turn(begin_as(%L), %L)', o.old, t.new),
  'conflict', o.old || ' does not become ' || t.new)
from unnest(array['queued', 'generating', 'completed', 'failed']) as o (old),
  unnest(array['queued', 'generating', 'completed', 'failed']) as t (new)
where o.old <> t.new
  and (o.old, t.new) not in (('queued', 'generating'), ('generating', 'completed'), ('generating', 'failed'));
select lives_ok(format('select begin_as(%L)', s), 'a track comes to be ' || s)
from unnest(array['queued', 'generating', 'completed', 'failed']) as t (s);

select ok(t.progress = 100 and t.completed_at is not null and t.claimable_at is null and t.worker is null, 'a completed track is whole and no longer in the queue')
from public.generated_tracks as t where t.status = 'completed';
select throws_code($$ insert into public.generated_tracks (user_id, mode, status) values (member('ada'), 'new', 'failed') $$,
  'conflict', 'no track begins as failed');
select throws_code($$ insert into public.generated_tracks (user_id, mode, status) values (member('ada'), 'new', 'generating') $$,
  'conflict', 'nor as generating');
select throws_ok($$ insert into public.generated_tracks (user_id, mode, status) values (member('ada'), 'new', 'completed') $$,
  '23514', null, 'a completed track has its audio');
select throws_ok($$ insert into public.generated_tracks (user_id, mode) values (member('ada'), 'remix') $$,
  '23514', null, 'there are four modes');
select throws_code($$ insert into public.generated_tracks (user_id, mode, parameters)
  select member('ada'), 'new', jsonb_build_object('p', string_agg(md5(n::text), '')) from generate_series(1, 400) as n $$,
  'too_large', 'a prompt is not a book');

-- What is public only counts once the track is there.
insert into public.generated_tracks (id, user_id, mode, is_public) values (track('T'), member('ada'), 'new', true);
select is((select i.visibility from medley.items as i where i.id = track('T')), 'private', 'a request is private');
update public.generated_tracks set status = 'generating' where id = track('T');
update public.generated_tracks set status = 'completed', url = 'u', duration = 9, title = 'Named' where id = track('T');
select is((select row(i.kind, i.visibility, i.title, i.owner_id)::text from medley.items as i where i.id = track('T')),
  row('track', 'public', 'Named', member('ada'))::text, 'the track is public, under its name');
update public.generated_tracks set is_public = false where id = track('T');
select is((select i.visibility from medley.items as i where i.id = track('T')), 'private', 'until it is not');

select * from finish();
