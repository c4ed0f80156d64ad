-- The raw genre arrays of artists and events drive their links in item_genres.
create or replace function medley.sync_genres_of_item(p_item_id uuid, p_raw_genres text[])
returns void
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
begin
  perform medley.sync_item_genres(
    array_fill(p_item_id, array[greatest(cardinality(p_raw_genres), 1)]),
    case when cardinality(p_raw_genres) > 0 then p_raw_genres else array[null::text] end
  );
end;
$$;

comment on function medley.sync_genres_of_item(uuid, text[]) is
  'Replaces the genre links of one item by those of a raw array; an empty or null array removes them.';
revoke all on function medley.sync_genres_of_item(uuid, text[]) from public, anon, authenticated, service_role;

create or replace function medley.sync_artist_genres(p_artist_id uuid, p_raw_genres text[])
returns void
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
begin
  if not exists (select from public.artists as a where a.id = p_artist_id) then
    perform medley.fail('not_found', format('no artist %s', p_artist_id), 'p_artist_id', 'Insert the artist first.');
  end if;
  perform medley.sync_genres_of_item(p_artist_id, p_raw_genres);
end;
$$;

comment on function medley.sync_artist_genres(uuid, text[]) is
  'Replaces the genre links of an artist. Errors: not_found.';
revoke all on function medley.sync_artist_genres(uuid, text[]) from public, anon, authenticated, service_role;
grant execute on function medley.sync_artist_genres(uuid, text[]) to service_role;

create or replace function medley.sync_event_genres(p_event_id uuid, p_raw_genres text[])
returns void
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
begin
  if not exists (select from public.events as e where e.id = p_event_id) then
    perform medley.fail('not_found', format('no event %s', p_event_id), 'p_event_id', 'Insert the event first.');
  end if;
  perform medley.sync_genres_of_item(p_event_id, p_raw_genres);
end;
$$;

comment on function medley.sync_event_genres(uuid, text[]) is
  'Replaces the genre links of an event. Errors: not_found.';
revoke all on function medley.sync_event_genres(uuid, text[]) from public, anon, authenticated, service_role;
grant execute on function medley.sync_event_genres(uuid, text[]) to service_role;

create or replace function medley.backfill_genres(p_batch int default 50000)
returns bigint
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_last int := 0;
  v_items uuid[];
  v_genres text[];
  v_rows bigint := 0;
begin
  loop
    with batch as (
      select i.item_no, i.id, coalesce(a.genres, e.genres) as genres
      from medley.items as i
      left join public.artists as a on a.id = i.id
      left join public.events as e on e.id = i.id
      where i.item_no > v_last and i.kind in ('artist', 'event')
      order by i.item_no
      limit p_batch
    )
    select max(b.item_no), array_agg(b.id), array_agg(g.genre) into v_last, v_items, v_genres
    from batch as b
    left join lateral unnest(b.genres) as g (genre) on true;
    exit when v_last is null;
    v_rows := v_rows + medley.sync_item_genres(v_items, v_genres);
  end loop;
  return v_rows;
end;
$$;

comment on function medley.backfill_genres(int) is
  'Brings the genre links of every artist and event in line with their raw arrays, p_batch items at a time: for rows that '
  'were loaded with triggers off. Returns how many links it wrote or removed.';
revoke all on function medley.backfill_genres(int) from public, anon, authenticated, service_role;
grant execute on function medley.backfill_genres(int) to service_role;

-- No SET: it inlines into the queries of definer functions, which alone may run it.
create or replace function medley.genres_named(p_raw text[])
returns table (id uuid, genre_no int)
language sql stable parallel safe security invoker
begin atomic
  -- Each name is normalized once, and the keys come as an array: the planner then looks them up in the index.
  with key as materialized (
    select public.normalize_genre_key(r.raw) as key
    from unnest(p_raw) as r (raw)
  )

  select g.id, g.genre_no
  from public.genres as g
  where g.normalized_key = any(array(
    select coalesce(a.genre_key, k.key)
    from key as k
    left join medley.genre_aliases as a on a.alias_key = k.key
  ));
end;

comment on function medley.genres_named(text[]) is 'The genres of these names in any spelling; unknown names are left out.';
revoke all on function medley.genres_named(text[]) from public, anon, authenticated, service_role;

create trigger artists_1_register_insert
after insert on public.artists referencing new table as new_rows
for each statement execute function medley.register_catalogue_rows('artist', 'name', '', 'created_at', '');
create trigger artists_1_register_update
after update on public.artists referencing new table as new_rows
for each statement execute function medley.register_catalogue_rows('artist', 'name', '', 'created_at', '');
create trigger artists_1_unregister
after delete on public.artists referencing old table as old_rows
for each statement execute function medley.unregister_catalogue_rows();
create trigger artists_2_genres_insert
after insert on public.artists referencing new table as new_rows
for each statement execute function medley.sync_genres_of_rows();
create trigger artists_2_genres_update
after update on public.artists referencing old table as old_rows new table as new_rows
for each statement execute function medley.sync_genres_of_rows();
create trigger artists_updated_at
before update on public.artists
for each row execute function medley.set_updated_at();

create trigger venues_1_register_insert
after insert on public.venues referencing new table as new_rows
for each statement execute function medley.register_catalogue_rows('venue', 'name', '', 'created_at', '');
create trigger venues_1_register_update
after update on public.venues referencing new table as new_rows
for each statement execute function medley.register_catalogue_rows('venue', 'name', '', 'created_at', '');
create trigger venues_1_unregister
after delete on public.venues referencing old table as old_rows
for each statement execute function medley.unregister_catalogue_rows();
create trigger venues_updated_at
before update on public.venues
for each row execute function medley.set_updated_at();

create trigger events_1_register_insert
after insert on public.events referencing new table as new_rows
for each statement execute function medley.register_catalogue_rows('event', 'title', '', 'created_at', 'starts_at');
create trigger events_1_register_update
after update on public.events referencing new table as new_rows
for each statement execute function medley.register_catalogue_rows('event', 'title', '', 'created_at', 'starts_at');
create trigger events_1_unregister
after delete on public.events referencing old table as old_rows
for each statement execute function medley.unregister_catalogue_rows();
create trigger events_2_genres_insert
after insert on public.events referencing new table as new_rows
for each statement execute function medley.sync_genres_of_rows();
create trigger events_2_genres_update
after update on public.events referencing old table as old_rows new table as new_rows
for each statement execute function medley.sync_genres_of_rows();
create trigger events_updated_at
before update on public.events
for each row execute function medley.set_updated_at();
