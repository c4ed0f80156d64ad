-- What the engine knows of tracks, bands and recordings besides their genres: band, performer, words and lineage.
insert into medley.feature_types (feature_type, weight, is_creator, description)
values
  ('band', 2, true, 'The band that it belongs to, by id; the band has it too.'),
  ('performer', 2, true, 'Who performs the recording, by name in lower case.'),
  ('album', 0.5, false, 'The album of a recording, by artist and name in lower case.'),
  ('lineage', 1, false, 'The track that it comes from, by id; that track has it too.'),
  ('keyword', 1, false, 'What it deals with, or what members call it; lower case.')
on conflict (feature_type) do nothing;

-- No SET: it inlines into the queries of definer functions, which alone may run it.
create or replace function medley.studio_feature_rows(p_item_ids uuid[])
returns table (item_id uuid, feature_type text, feature_value text, weight real)
language sql stable parallel safe security invoker
begin atomic
  with named as (
    select t.id as item_id, f.feature_type, f.feature_value
    from unnest(p_item_ids) as w (id)
    inner join public.generated_tracks as t on t.id = w.id
    cross join lateral (
      select 'lineage' as feature_type, coalesce(
        t.source_id,
        case when exists (select from public.generated_tracks as c where c.source_id = t.id) then t.id end
      )::text as feature_value
      union all
      select 'keyword', lower(k.tag)
      from unnest(t.tags) as k (tag)
      union all
      select 'band', b.band_id::text
      from public.band_tracks as b
      where b.track_id = t.id
    ) as f
    union all
    select b.id, 'band', b.id::text
    from unnest(p_item_ids) as w (id)
    inner join public.bands as b on b.id = w.id
    union all
    select r.id, f.feature_type, f.feature_value
    from unnest(p_item_ids) as w (id)
    inner join public.recordings as r on r.id = w.id
    cross join lateral (
      values ('performer', lower(r.artist)), ('album', lower(r.artist || ': ' || r.album))
    ) as f (feature_type, feature_value)
  )

  select n.item_id, n.feature_type, left(btrim(n.feature_value), 200), 1::real
  from named as n
  where btrim(n.feature_value) <> ''
  group by n.item_id, n.feature_type, left(btrim(n.feature_value), 200);
end;

comment on function medley.studio_feature_rows(uuid[]) is
  'The features of these tracks, bands and recordings, genres left out: those follow item_genres.';
revoke all on function medley.studio_feature_rows(uuid[]) from public, anon, authenticated, service_role;

-- One item or ten thousand: each call is planned for its own array.
create or replace function medley.refresh_studio_features(p_item_ids uuid[])
returns bigint
language plpgsql volatile parallel unsafe security definer
set search_path = '' set plan_cache_mode = force_custom_plan
as $$
declare
  -- An item that is being deleted has no features to keep.
  v_item_ids uuid[] := array(
    select distinct i.id
    from unnest(p_item_ids) as w (id)
    inner join medley.items as i on i.id = w.id
  );
  v_items uuid[];
  v_types text[];
  v_values text[];
  v_weights real[];
begin
  if v_item_ids = '{}' then
    return 0;
  end if;
  -- The dictionary before the items: locks are taken in one order everywhere.
  perform medley.ensure_features(array_agg(r.feature_type), array_agg(r.feature_value))
  from medley.studio_feature_rows(v_item_ids) as r;
  -- Two sessions that write about one item: the second waits here and then sees what the first wrote.
  perform medley.lock_items(v_item_ids);
  select array_agg(r.item_id), array_agg(r.feature_type), array_agg(r.feature_value), array_agg(r.weight)
  into v_items, v_types, v_values, v_weights
  from medley.studio_feature_rows(v_item_ids) as r;
  return medley.replace_item_features(
    'studio', v_item_ids, coalesce(v_items, '{}'), coalesce(v_types, '{}'), coalesce(v_values, '{}'),
    coalesce(v_weights, '{}')
  );
end;
$$;

comment on function medley.refresh_studio_features(uuid[]) is
  'Makes the features of these tracks, bands and recordings equal to what the catalogue says. '
  'Returns what replace_item_features returns.';
revoke all on function medley.refresh_studio_features(uuid[]) from public, anon, authenticated, service_role;

create or replace function medley.follow_tracks()
returns trigger
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
begin
  -- A track gives the feature lineage to its source.
  if tg_op = 'INSERT' then
    perform medley.refresh_studio_features(
      array(select n.id from new_rows as n union select n.source_id from new_rows as n where n.source_id is not null)
    );
  else
    perform medley.refresh_studio_features(array(select o.source_id from old_rows as o where o.source_id is not null));
  end if;
  return null;
end;
$$;

comment on function medley.follow_tracks() is
  'Statement trigger with transition tables on generated_tracks: the features of new tracks, and of sources, follow at once.';
revoke all on function medley.follow_tracks() from public, anon, authenticated, service_role;

create or replace function medley.follow_track_changes()
returns trigger
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
begin
  perform medley.refresh_studio_features(array[new.id, new.source_id, old.source_id]);
  return null;
end;
$$;

comment on function medley.follow_track_changes() is
  'Row trigger on generated_tracks: the features of a track, and of its source, follow a change.';
revoke all on function medley.follow_track_changes() from public, anon, authenticated, service_role;

create or replace function medley.follow_band_tracks()
returns trigger
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
begin
  perform medley.refresh_studio_features(array(select distinct c.track_id from changed_rows as c));
  return null;
end;
$$;

comment on function medley.follow_band_tracks() is
  'Statement trigger on band_tracks with transition table changed_rows: the features of tracks follow their bands.';
revoke all on function medley.follow_band_tracks() from public, anon, authenticated, service_role;

create or replace function medley.follow_named_items()
returns trigger
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
begin
  perform medley.refresh_studio_features(array(select n.id from new_rows as n));
  return null;
end;
$$;

comment on function medley.follow_named_items() is
  'Statement trigger on bands and recordings with transition table new_rows: their features follow.';
revoke all on function medley.follow_named_items() from public, anon, authenticated, service_role;

create trigger generated_tracks_3_features_insert
after insert on public.generated_tracks referencing new table as new_rows
for each statement execute function medley.follow_tracks();
create trigger generated_tracks_3_features_update
after update on public.generated_tracks
for each row when ((old.tags, old.source_id) is distinct from (new.tags, new.source_id))
execute function medley.follow_track_changes();
create trigger generated_tracks_3_features_delete
after delete on public.generated_tracks referencing old table as old_rows
for each statement execute function medley.follow_tracks();
create trigger band_tracks_features_insert
after insert on public.band_tracks referencing new table as changed_rows
for each statement execute function medley.follow_band_tracks();
create trigger band_tracks_features_delete
after delete on public.band_tracks referencing old table as changed_rows
for each statement execute function medley.follow_band_tracks();
create trigger bands_3_features_insert
after insert on public.bands referencing new table as new_rows
for each statement execute function medley.follow_named_items();
create trigger recordings_3_features_insert
after insert on public.recordings referencing new table as new_rows
for each statement execute function medley.follow_named_items();
create trigger recordings_3_features_update
after update on public.recordings referencing new table as new_rows
for each statement execute function medley.follow_named_items();
