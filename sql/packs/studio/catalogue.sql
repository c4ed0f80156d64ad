-- What keeps the catalogue of the studio true: registration, the moves of a track, lineage, and counters.
create or replace function medley.check_track_move()
returns trigger
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
begin
  if pg_column_size(new.parameters) > 8192 then
    perform medley.fail('too_large', 'parameters hold more than 8 kB', 'parameters', 'Keep the prompt short.');
  end if;
  if tg_op = 'INSERT' then
    if new.status not in ('queued', 'completed') then
      perform medley.fail('conflict', format('a track cannot begin as %s', new.status), 'status',
        'Insert it as queued, or a finished one as completed.');
    end if;
  elsif new.status <> old.status
    and (old.status, new.status) not in (
      ('queued', 'generating'), ('generating', 'completed'), ('generating', 'failed')
    )
  then
    perform medley.fail('conflict', format('a track that is %s cannot become %s', old.status, new.status), 'status',
      'queued goes to generating, that to completed or failed; ask for a new track instead.');
  end if;
  if new.status = 'completed' then
    new.completed_at := coalesce(new.completed_at, now());
    new.progress := 100;
  end if;
  if new.status in ('completed', 'failed') then
    new.claimable_at := null;
    new.worker := null;
  end if;
  new.updated_at := now();
  return new;
end;
$$;

comment on function medley.check_track_move() is
  'Row trigger on generated_tracks: the moves of status, and what a final state implies. Errors: conflict, too_large.';
revoke all on function medley.check_track_move() from public, anon, authenticated, service_role;

create or replace function medley.check_lineage()
returns trigger
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
begin
  -- A new row has no descendants but those of its own statement; a change takes turns with all others.
  if tg_op = 'UPDATE' then
    perform pg_advisory_xact_lock(hashtextextended('medley.generated_tracks.source_id', 0));
  end if;
  if exists (
    with recursive line as (
      select new.source_id as id
      union
      select t.source_id
      from line as l
      inner join public.generated_tracks as t on t.id = l.id
      where t.source_id is not null and l.id <> new.id
    )

    select from line as l
    where l.id = new.id
  ) then
    perform medley.fail('cycle', format('track %s would come from itself', new.id), 'source_id',
      'Choose a source that does not come from the track.');
  end if;
  return null;
end;
$$;

comment on function medley.check_lineage() is 'Row trigger on generated_tracks: lineage has no cycles. Errors: cycle.';
revoke all on function medley.check_lineage() from public, anon, authenticated, service_role;

create or replace function medley.refresh_bands(p_band_ids uuid[])
returns void
language plpgsql volatile parallel unsafe security definer set search_path = '' set plan_cache_mode = force_custom_plan
as $$
begin
  -- Two sessions take turns here, in one order; the second counts in a statement that sees what the first wrote.
  perform
  from public.bands as b
  where b.id = any(p_band_ids)
  order by b.id
  for no key update;

  update public.bands as b
  set track_count = n.track_count, style_vector = n.style_vector
  from (
    select
      o.id,
      count(l.track_id)::int as track_count,
      extensions.avg(e.embedding_768)::extensions.vector(768) as style_vector
    from public.bands as o
    left join public.band_tracks as l on l.band_id = o.id
    left join medley.items as i on i.id = l.track_id
    left join medley.embedding_types as m on m.embedding_type = 'audio'
    left join medley.content_embeddings as e
      on e.item_no = i.item_no and e.embedding_type = 'audio' and e.model_version = m.model_version
    where o.id = any(p_band_ids)
    group by o.id
  ) as n
  where b.id = n.id
    and (
      b.track_count <> n.track_count
      or (b.style_vector is null) <> (n.style_vector is null)
      or b.style_vector operator(extensions.<>) n.style_vector
    );
end;
$$;

comment on function medley.refresh_bands(uuid[]) is
  'Counts the tracks of these bands and takes the mean of their audio vectors.';
revoke all on function medley.refresh_bands(uuid[]) from public, anon, authenticated, service_role;

create or replace function medley.increment_band_track_count()
returns trigger
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
begin
  perform medley.refresh_bands(array(select distinct c.band_id from changed_rows as c));
  return null;
end;
$$;

comment on function medley.increment_band_track_count() is
  'Statement trigger on band_tracks with transition table changed_rows: track_count and style_vector follow what was added '
  'and what was taken away.';
revoke all on function medley.increment_band_track_count() from public, anon, authenticated, service_role;

create or replace function medley.join_band()
returns trigger
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
begin
  insert into public.band_tracks (band_id, track_id)
  values (new.band_id, new.id)
  on conflict do nothing;
  return null;
end;
$$;

comment on function medley.join_band() is 'Row trigger on generated_tracks: a completed track is one of its band''s.';
revoke all on function medley.join_band() from public, anon, authenticated, service_role;

create or replace function medley.count_band_followers()
returns trigger
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_sign int := case tg_op when 'INSERT' then 1 else -1 end;
begin
  perform
  from public.bands as b
  where b.id in (select c.item_id from changed_rows as c)
  order by b.id
  for no key update;

  update public.bands as b
  set follower_count = b.follower_count + v_sign * n.follows
  from (select c.item_id, count(*)::int as follows from changed_rows as c group by c.item_id) as n
  where b.id = n.item_id;
  return null;
end;
$$;

comment on function medley.count_band_followers() is
  'Statement trigger on item_follows with transition table changed_rows: follower_count of bands follows.';
revoke all on function medley.count_band_followers() from public, anon, authenticated, service_role;

create or replace function medley.count_playlist_tracks()
returns trigger
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_sign int := case tg_op when 'INSERT' then 1 else -1 end;
  v_limit int := medley.setting('studio.max_playlist_tracks');
begin
  perform
  from public.user_playlists as p
  where p.id in (select c.playlist_id from changed_rows as c)
  order by p.id
  for no key update;

  update public.user_playlists as p
  set track_count = p.track_count + v_sign * n.tracks, version = p.version + 1, updated_at = now()
  from (select c.playlist_id, count(*)::int as tracks from changed_rows as c group by c.playlist_id) as n
  where p.id = n.playlist_id;

  if v_sign = 1 and exists (
    select from public.user_playlists as p
    where p.id in (select c.playlist_id from changed_rows as c) and p.track_count > v_limit
  ) then
    perform medley.fail('too_large', format('a playlist holds at most %s tracks', v_limit), 'p_track_ids',
      'Begin another playlist; nothing was added.');
  end if;
  return null;
end;
$$;

comment on function medley.count_playlist_tracks() is
  'Statement trigger on playlist_tracks with transition table changed_rows: track_count and version follow, and a playlist '
  'keeps to studio.max_playlist_tracks. Errors: too_large.';
revoke all on function medley.count_playlist_tracks() from public, anon, authenticated, service_role;

create or replace function medley.follow_owned_row()
returns trigger
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_row jsonb := to_jsonb(new);
begin
  update medley.items as i
  set
    title = v_row ->> tg_argv[0],
    owner_id = new.user_id,
    visibility = new.visibility,
    published_at = coalesce((v_row ->> tg_argv[1])::timestamptz, i.published_at)
  where i.id = new.id;
  return null;
end;
$$;

comment on function medley.follow_owned_row() is
  'Row trigger on what belongs to a member: the registry follows. Arguments: the columns for title and published_at. By row '
  'and with a condition, because most writes are of counters and leases, which the registry does not know.';
revoke all on function medley.follow_owned_row() from public, anon, authenticated, service_role;

create or replace function medley.link_track_genres()
returns trigger
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
begin
  perform medley.sync_item_genres(array_agg(n.id), array_agg(g.genre))
  from new_rows as n
  cross join lateral unnest(n.genres) as g (genre)
  having count(*) > 0;
  return null;
end;
$$;

comment on function medley.link_track_genres() is
  'Statement trigger on generated_tracks with transition table new_rows: the genre links of new rows.';
revoke all on function medley.link_track_genres() from public, anon, authenticated, service_role;

create or replace function medley.follow_track_genres()
returns trigger
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
begin
  perform medley.sync_item_genres(
    array_fill(new.id, array[greatest(cardinality(new.genres), 1)]),
    case when cardinality(new.genres) > 0 then new.genres else array[null::text] end
  );
  return null;
end;
$$;

comment on function medley.follow_track_genres() is 'Row trigger on generated_tracks: the genre links follow the raw array.';
revoke all on function medley.follow_track_genres() from public, anon, authenticated, service_role;

create trigger generated_tracks_move
before insert or update on public.generated_tracks
for each row execute function medley.check_track_move();
create trigger generated_tracks_lineage_insert
after insert on public.generated_tracks
for each row when (new.source_id is not null) execute function medley.check_lineage();
create trigger generated_tracks_lineage_update
after update of source_id on public.generated_tracks
for each row when (new.source_id is not null) execute function medley.check_lineage();
create trigger generated_tracks_1_register_insert
after insert on public.generated_tracks referencing new table as new_rows
for each statement execute function medley.register_catalogue_rows(
  'track', 'title', 'user_id', 'completed_at', '', 'visibility'
);
create trigger generated_tracks_1_register_update
after update on public.generated_tracks
for each row
when (
  (old.title, old.user_id, old.completed_at, old.visibility)
  is distinct from (new.title, new.user_id, new.completed_at, new.visibility)
)
execute function medley.follow_owned_row('title', 'completed_at');
create trigger generated_tracks_1_unregister
after delete on public.generated_tracks referencing old table as old_rows
for each statement execute function medley.unregister_catalogue_rows();
create trigger generated_tracks_2_genres_insert
after insert on public.generated_tracks referencing new table as new_rows
for each statement execute function medley.link_track_genres();
create trigger generated_tracks_2_genres_update
after update on public.generated_tracks
for each row when (old.genres is distinct from new.genres) execute function medley.follow_track_genres();

-- After features and registration, which the band's counters do not need but its lists do.
create trigger generated_tracks_5_band_insert
after insert on public.generated_tracks
for each row when (new.status = 'completed' and new.band_id is not null) execute function medley.join_band();
create trigger generated_tracks_5_band_update
after update on public.generated_tracks
for each row
when (
  new.status = 'completed' and new.band_id is not null
  and (old.status, old.band_id) is distinct from (new.status, new.band_id)
)
execute function medley.join_band();

create trigger bands_1_register_insert
after insert on public.bands referencing new table as new_rows
for each statement execute function medley.register_catalogue_rows(
  'band', 'name', 'user_id', 'created_at', '', 'visibility'
);
create trigger bands_1_register_update
after update on public.bands
for each row when ((old.name, old.user_id, old.visibility) is distinct from (new.name, new.user_id, new.visibility))
execute function medley.follow_owned_row('name', 'created_at');
create trigger bands_1_unregister
after delete on public.bands referencing old table as old_rows
for each statement execute function medley.unregister_catalogue_rows();
create trigger bands_updated_at
before update on public.bands
for each row execute function medley.set_updated_at();

create trigger band_tracks_count_insert
after insert on public.band_tracks referencing new table as changed_rows
for each statement execute function medley.increment_band_track_count();
create trigger band_tracks_count_delete
after delete on public.band_tracks referencing old table as changed_rows
for each statement execute function medley.increment_band_track_count();

create trigger item_follows_count_bands_insert
after insert on public.item_follows referencing new table as changed_rows
for each statement execute function medley.count_band_followers();
create trigger item_follows_count_bands_delete
after delete on public.item_follows referencing old table as changed_rows
for each statement execute function medley.count_band_followers();

create trigger user_playlists_1_register_insert
after insert on public.user_playlists referencing new table as new_rows
for each statement execute function medley.register_catalogue_rows(
  'playlist', 'name', 'user_id', 'created_at', '', 'visibility'
);
create trigger user_playlists_1_register_update
after update on public.user_playlists
for each row when ((old.name, old.user_id, old.visibility) is distinct from (new.name, new.user_id, new.visibility))
execute function medley.follow_owned_row('name', 'created_at');
create trigger user_playlists_1_unregister
after delete on public.user_playlists referencing old table as old_rows
for each statement execute function medley.unregister_catalogue_rows();
create trigger user_playlists_updated_at
before update on public.user_playlists
for each row execute function medley.set_updated_at();

create trigger playlist_tracks_count_insert
after insert on public.playlist_tracks referencing new table as changed_rows
for each statement execute function medley.count_playlist_tracks();
create trigger playlist_tracks_count_delete
after delete on public.playlist_tracks referencing old table as changed_rows
for each statement execute function medley.count_playlist_tracks();

create trigger recordings_1_register_insert
after insert on public.recordings referencing new table as new_rows
for each statement execute function medley.register_catalogue_rows('recording', 'title', '', 'created_at', '');
create trigger recordings_1_register_update
after update on public.recordings referencing new table as new_rows
for each statement execute function medley.register_catalogue_rows('recording', 'title', '', 'created_at', '');
create trigger recordings_1_unregister
after delete on public.recordings referencing old table as old_rows
for each statement execute function medley.unregister_catalogue_rows();
create trigger recordings_2_genres_insert
after insert on public.recordings referencing new table as new_rows
for each statement execute function medley.sync_genres_of_rows();
create trigger recordings_2_genres_update
after update on public.recordings referencing old table as old_rows new table as new_rows
for each statement execute function medley.sync_genres_of_rows();
create trigger recordings_updated_at
before update on public.recordings
for each row execute function medley.set_updated_at();

create trigger oauth_connections_updated_at
before update on public.oauth_connections
for each row execute function medley.set_updated_at();
