-- Which tracks are a band's.
create or replace function medley.add_band_tracks(
  p_user_id uuid,
  p_band_id uuid,
  p_track_ids uuid[],
  p_as_of timestamptz
)
returns int
language plpgsql volatile parallel unsafe security definer
set search_path = '' set plan_cache_mode = force_custom_plan
as $$
declare
  v_user_id uuid := medley.acting_user(p_user_id);
  v_track record;
  v_added int;
begin
  if p_track_ids is null or array_position(p_track_ids, null) is not null then
    perform medley.fail('invalid_argument', 'p_track_ids must be an array of ids', 'p_track_ids', 'Pass the ids of tracks.');
  end if;
  if cardinality(p_track_ids) > 1000 then
    perform medley.fail('too_large', format('p_track_ids holds %s ids', cardinality(p_track_ids)), 'p_track_ids',
      'Add at most 1,000 tracks a call.');
  end if;
  perform medley.check_own_band(v_user_id, p_band_id);

  select w.id, t.user_id, t.status, coalesce(medley.visible_to(v_user_id, w.id), false) as is_visible into v_track
  from unnest(p_track_ids) as w (id)
  left join public.generated_tracks as t on t.id = w.id
  where t.id is null or t.user_id <> v_user_id or t.status <> 'completed'
  limit 1;
  if found then
    if not v_track.is_visible then
      perform medley.fail('not_found', format('nothing visible has the id %s', v_track.id), 'p_track_ids',
        'Leave it out; nothing was added.');
    elsif v_track.user_id <> v_user_id then
      perform medley.fail('forbidden', format('track %s is another member''s', v_track.id), 'p_track_ids',
        'A band has tracks of its own member; nothing was added.');
    end if;
    perform medley.fail('conflict', format('track %s is %s', v_track.id, v_track.status), 'p_track_ids',
      'Wait until it is completed; nothing was added.');
  end if;

  insert into public.band_tracks (band_id, track_id, added_at)
  select distinct p_band_id, w.id, p_as_of
  from unnest(p_track_ids) as w (id)
  order by w.id
  on conflict do nothing;
  get diagnostics v_added = row_count;
  return v_added;
end;
$$;

comment on function medley.add_band_tracks(uuid, uuid, uuid[], timestamptz) is
  'Adds tracks of the member to a band of the member; see public.add_band_tracks. '
  'Errors: those of acting_user and check_own_band, invalid_argument, not_found, forbidden, conflict, too_large.';
revoke all on function medley.add_band_tracks(uuid, uuid, uuid[], timestamptz)
from public, anon, authenticated, service_role;
grant execute on function medley.add_band_tracks(uuid, uuid, uuid[], timestamptz) to authenticated, service_role;
