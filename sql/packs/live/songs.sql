-- Songs: what a title says, which recordings are of one work, and what songs have from their artists.
create or replace function medley.normalize_title(p_title text)
returns text
language sql immutable parallel safe security invoker set search_path = ''
as $$
  with plain as (
    -- Accents go from Latin letters only.
    select normalize(
      regexp_replace(normalize(lower(normalize(p_title, nfkc)), nfd), '([a-z])[\u0300-\u036f]+', '\1', 'g'), nfc
    ) as title
  ),

  -- One spelling: "don't" is "dont", "T.N.T." is "tnt", "Pt. 2" is "part 2".
  spelled as (
    select regexp_replace(
      regexp_replace(replace(translate(p.title, '''’‘`´', ''), '&', ' and '), '\m(\w)\.(?=\w(?:\.|\M))', '\1', 'g'),
      '\mpt\.?\s+(?=(?:\d+|[ivx]+)\M)', 'part ', 'g'
    ) as title
    from plain as p
  ),

  worded as (
    select btrim(regexp_replace(s.title, '[^[:alnum:]]+', ' ', 'g')) as words
    from spelled as s
  )

  -- A title without a letter or digit ("!!!") is what it is.
  select coalesce(nullif(w.words, ''), btrim(p.title))
  from worded as w
  cross join plain as p
$$;

comment on function medley.normalize_title(text) is
  'A title or name for comparing: lower case, without accents, apostrophes and punctuation, words one space apart. '
  'What has neither letter nor digit stays.';
revoke all on function medley.normalize_title(text) from public, anon, authenticated, service_role;

create or replace function medley.recording_pattern()
returns text
language sql immutable parallel safe security invoker set search_path = ''
as $$
  with note as (
    -- What a note in brackets or behind a dash may say. [^()\[\]] keeps it within its brackets.
    select '(?:' || array_to_string(array[
      '(?:19|20)\d\d',
      '(?:(?:recorded|acoustic|unplugged|solo|in concert)[ ,]+)?live(?:[ ,:/-]+(?:(?:19|20)\d\d|(?:at|from|in|on|@) \w+|acoustic'
      || '|versions?|sessions?|recording|take|mix|edit|demo|remaster(?:ed)?|bonus|bbc|unplugged)(?!\w)[^()\[\]]*)?',
      '(?:recorded at|unplugged|mtv unplugged|in concert)(?!\w)[^()\[\]]*',
      '(?:(?:original|home|early|rough|first|studio|acoustic|unreleased|(?:4|four)[ -]track|(?:19|20)\d\d)[ ,]+)*'
      || 'demo(?:[ ,-]+(?:version|recording|take|mix|\d+)(?!\w)[^()\[\]]*)?',
      '(?:(?:the|new|digital|digitally|\d+th anniversary|(?:19|20)\d\d)[ ,]+)*re-?master(?:ed)?'
      || '(?:[ ,/-]+(?:version|edition|mono|stereo|in|for|from|at|by|on|(?:19|20)\d\d)(?!\w)[^()\[\]]*)?',
      '(?:[^()\[\]]+[ ])?version(?: \d+)?',
      '(?:(?:single|album|radio|video|lp|ep|full|long|short|extended|clean|original|mono|stereo|alternat(?:e|ive)|early|rough'
      || '|(?:19|20)\d\d|\d+"|\d+ inch)[ ,]+)+(?:edit|mix|cut|take|remix)',
      '(?:alternat(?:e|ive) )?(?:out)?take(?: \d+)?',
      'mono|stereo|acoustic|explicit|clean|(?:hidden |bonus )?(?:bonus|hidden) track|album edit|radio edit|edit',
      '(?:(?:live|bbc|peel|kexp|radio \d*|acoustic|studio|spotify|john peel)[ ]+)+sessions?(?:[ ,-]+[^()\[\]]*)?',
      '(?:feat|ft|featuring)(?:\.|(?!\w))[^()\[\]]*'
    ], '|') || ')' as pattern
  )

  select
    '(?:\s*[(\[]\s*' || n.pattern || '\s*[)\]]'
    || '|\s+[-\u2010-\u2015]\s+' || n.pattern
    || '|\s+(?:feat\.|ft\.|featuring)\s[^()\[\]]+'
    || ')+\s*$'
  from note as n
$$;

comment on function medley.recording_pattern() is
  'The regular expression for what stands behind a title and says which recording it is, not which work: notes in '
  'brackets or behind a dash with spaces (live, demo, remaster, version, edit, take, session, mono, acoustic, a year, '
  'feat.), any number of them, and "feat. somebody" without either.';
revoke all on function medley.recording_pattern() from public, anon, authenticated, service_role;

create or replace function medley.recording_note(p_title text)
returns text
language plpgsql immutable parallel safe security invoker set search_path = ''
as $$
declare
  v_title text := lower(btrim(normalize(p_title, nfkc)));
  v_note text := substring(v_title from medley.recording_pattern());
begin
  -- A title that is nothing but a note is a title: "(Live)".
  return case when length(v_note) < length(v_title) then v_note else '' end;
end;
$$;

comment on function medley.recording_note(text) is
  'What the title says about the recording, in lower case: "Help! (Live at Shea) - 2009 Remaster" has '
  '" (live at shea) - 2009 remaster". Empty for nothing, null for null or no note.';
revoke all on function medley.recording_note(text) from public, anon, authenticated, service_role;

create or replace function medley.work_key(p_title text)
returns text
language plpgsql immutable parallel safe security invoker set search_path = ''
as $$
declare
  v_title text := btrim(normalize(p_title, nfkc));
begin
  return medley.normalize_title(
    left(v_title, length(v_title) - length(coalesce(medley.recording_note(v_title), '')))
  );
end;
$$;

comment on function medley.work_key(text) is
  'The work that a title names: the title without its recording_note, normalized. Parts ("Pt. 2"), reprises, remixes and '
  'brackets that belong to the title stay: they are other works, or no note. "Hey Jude - Remastered 2015" gives "hey jude".';
revoke all on function medley.work_key(text) from public, anon, authenticated, service_role;

create or replace function medley.describe_song()
returns trigger
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_note text;
begin
  -- Reading a title is dear; a song whose primary artist changes keeps what it says.
  if tg_op = 'INSERT'
    or (new.title, new.is_live, new.is_demo, new.work_key)
    is distinct from (old.title, old.is_live, old.is_demo, old.work_key) then
    v_note := medley.recording_note(new.title);
    new.is_live := new.is_live or v_note ~ '\m(live|unplugged|in concert)\M';
    new.is_demo := new.is_demo or v_note ~ '\mdemo\M';
    new.work_key := medley.work_key(new.title);
  end if;
  new.artist_key := coalesce(
    (
      select a.artist_id::text
      from public.artist_songs as a
      where a.song_id = new.id and a.is_primary_artist
      order by a.created_at, a.artist_id
      limit 1
    ),
    'name:' || medley.normalize_title(new.artist)
  );
  return new;
end;
$$;

comment on function medley.describe_song() is 'Row trigger on songs: work_key, artist_key, is_live and is_demo follow title, artist and links.';
revoke all on function medley.describe_song() from public, anon, authenticated, service_role;

create or replace function medley.mark_duplicate_songs(p_artist_keys text[], p_work_keys text[])
returns bigint
language plpgsql volatile parallel unsafe security definer
set search_path = '' set plan_cache_mode = force_custom_plan
as $$
declare
  v_changed bigint;
begin
  -- One session at a time for an artist: the second sees what the first wrote. In the order of the locks' numbers.
  perform pg_advisory_xact_lock(hashtext('medley.songs'), b.bucket)
  from (
    select distinct hashtext(k.artist_key) & 255 as bucket
    from unnest(p_artist_keys) as k (artist_key)
    order by bucket
  ) as b;

  with touched as (
    select distinct k.artist_key, k.work_key
    from unnest(p_artist_keys, p_work_keys) as k (artist_key, work_key)
  ),

  ranked as (
    select
      s.id,
      nullif(
        first_value(s.id) over (
          partition by s.artist_key, s.work_key
          order by s.is_live, s.is_demo, medley.recording_note(s.title) <> '' nulls first, s.release_date, s.created_at, s.id
        ),
        s.id
      ) as duplicate_of
    from touched as t
    inner join public.songs as s on s.artist_key = t.artist_key and s.work_key = t.work_key
  )

  update public.songs as s
  set duplicate_of = r.duplicate_of
  from ranked as r
  where s.id = r.id and s.duplicate_of is distinct from r.duplicate_of;
  get diagnostics v_changed = row_count;
  return v_changed;
end;
$$;

comment on function medley.mark_duplicate_songs(text[], text[]) is
  'Songs of one artist_key and work_key are one work. The one that stands for it: studio before live, finished before demo, '
  'a plain title before one with a note, then the earliest release, row and id. Returns how many songs changed.';
revoke all on function medley.mark_duplicate_songs(text[], text[]) from public, anon, authenticated, service_role;

create or replace function medley.follow_works()
returns trigger
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_artist_keys text[];
  v_work_keys text[];
begin
  if tg_op = 'INSERT' then
    select array_agg(n.artist_key), array_agg(n.work_key) into v_artist_keys, v_work_keys from new_rows as n;
  elsif tg_op = 'DELETE' then
    select array_agg(o.artist_key), array_agg(o.work_key) into v_artist_keys, v_work_keys from old_rows as o;
  else
    select array_agg(k.artist_key), array_agg(k.work_key) into v_artist_keys, v_work_keys
    from new_rows as n
    -- Full, which gives the same rows, because it is never a nested loop: the plan is kept from a call with few rows.
    full join old_rows as o on o.id = n.id
    cross join lateral (values (n.artist_key, n.work_key), (o.artist_key, o.work_key)) as k (artist_key, work_key)
    where (n.artist_key, n.work_key, n.title, n.is_live, n.is_demo, n.release_date)
      is distinct from (o.artist_key, o.work_key, o.title, o.is_live, o.is_demo, o.release_date)
      -- Set to null because the song that it stood for was deleted, or by hand.
      or n.duplicate_of is null and o.duplicate_of is not null
      and not exists (select from public.songs as s where s.id = o.duplicate_of);
  end if;
  if v_artist_keys is not null then
    perform medley.mark_duplicate_songs(v_artist_keys, v_work_keys);
  end if;
  return null;
end;
$$;

comment on function medley.follow_works() is
  'Statement trigger with transition tables on songs: duplicate_of follows titles, artists and deletions.';
revoke all on function medley.follow_works() from public, anon, authenticated, service_role;

create or replace function medley.recount_artist_songs(p_artist_ids uuid[])
returns void
language plpgsql volatile parallel unsafe security definer
set search_path = '' set plan_cache_mode = force_custom_plan
as $$
begin
  -- Two sessions that write songs of one artist: the second waits here and then counts what the first wrote.
  perform from public.artists as a
  where a.id = any(p_artist_ids)
  order by a.id
  for no key update;

  with counted as (
    select
      u.artist_id,
      count(s.id) as total_songs,
      count(distinct s.album) as total_albums
    from (select distinct w.artist_id from unnest(p_artist_ids) as w (artist_id)) as u
    left join public.artist_songs as l on l.artist_id = u.artist_id
    left join public.songs as s on s.id = l.song_id
    group by u.artist_id
  )

  update public.artists as a
  set total_songs = c.total_songs, total_albums = c.total_albums
  from counted as c
  where a.id = c.artist_id and (a.total_songs, a.total_albums) is distinct from (c.total_songs, c.total_albums);
end;
$$;

comment on function medley.recount_artist_songs(uuid[]) is 'Makes total_songs and total_albums of these artists equal to a count.';
revoke all on function medley.recount_artist_songs(uuid[]) from public, anon, authenticated, service_role;

-- One song or ten thousand: each call is planned for its own array.
create or replace function medley.inherit_song_genres(p_song_ids uuid[])
returns bigint
language plpgsql volatile parallel unsafe security definer
set search_path = '' set plan_cache_mode = force_custom_plan
as $$
declare
  v_song_ids uuid[] := array(
    select distinct i.id
    from unnest(p_song_ids) as w (id)
    inner join medley.items as i on i.id = w.id
  );
  v_changed bigint;
begin
  if v_song_ids = '{}' then
    return 0;
  end if;
  -- Artists before songs, as when an artist's genres change: who comes second sees what the first wrote.
  perform medley.lock_items(array(
    select distinct l.artist_id
    from unnest(v_song_ids) as w (id)
    inner join public.artist_songs as l on l.song_id = w.id
    inner join medley.items as i on i.id = l.artist_id
  ));
  perform medley.lock_items(v_song_ids);

  with link as (
    select
      l.song_id,
      l.artist_id,
      l.is_primary_artist,
      bool_or(l.is_primary_artist) over (partition by l.song_id) as has_primary
    from unnest(v_song_ids) as w (id)
    inner join public.artist_songs as l on l.song_id = w.id
  ),

  wanted as materialized (
    select distinct l.song_id as item_id, g.genre_id
    from link as l
    inner join public.item_genres as g on g.item_id = l.artist_id
    where l.is_primary_artist or not l.has_primary
  ),

  removed as (
    delete from public.item_genres as g
    using unnest(v_song_ids) as w (id)
    where g.item_id = w.id
      and not exists (select from wanted as n where n.item_id = g.item_id and n.genre_id = g.genre_id)
    returning 1
  ),

  added as (
    insert into public.item_genres (item_id, genre_id)
    select n.item_id, n.genre_id
    from wanted as n
    where not exists (select from public.item_genres as g where g.item_id = n.item_id and g.genre_id = n.genre_id)
    order by n.item_id, n.genre_id
    on conflict do nothing
    returning 1
  )

  select (select count(*) from removed) + (select count(*) from added) into v_changed;
  return v_changed;
end;
$$;

comment on function medley.inherit_song_genres(uuid[]) is
  'Makes the genres of these songs those of their primary artists, or where there is none of all who play them. '
  'Returns how many links changed.';
revoke all on function medley.inherit_song_genres(uuid[]) from public, anon, authenticated, service_role;

create or replace function medley.follow_songs()
returns trigger
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_moved uuid[];
begin
  if tg_op = 'INSERT' then
    perform medley.refresh_live_features(array_agg(n.id)) from new_rows as n;
  else
    -- Full joins: see follow_works.
    perform medley.refresh_live_features(array_agg(n.id))
    from new_rows as n
    full join old_rows as o on o.id = n.id
    where n.release_date is distinct from o.release_date;

    with moved as materialized (
      select n.id
      from new_rows as n
      full join old_rows as o on o.id = n.id
      where n.album is distinct from o.album
    )

    select array_agg(l.artist_id) into v_moved
    from moved as m
    inner join public.artist_songs as l on l.song_id = m.id;
    if v_moved is not null then
      perform medley.recount_artist_songs(v_moved);
    end if;
  end if;
  return null;
end;
$$;

comment on function medley.follow_songs() is
  'Statement trigger with transition tables on songs: features and the artists'' counts follow at once.';
revoke all on function medley.follow_songs() from public, anon, authenticated, service_role;

create or replace function medley.follow_artist_songs()
returns trigger
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_artist_ids uuid[];
  v_song_ids uuid[];
begin
  if tg_op = 'INSERT' then
    select array_agg(distinct n.artist_id), array_agg(distinct n.song_id) into v_artist_ids, v_song_ids
    from new_rows as n;
  elsif tg_op = 'DELETE' then
    select array_agg(distinct o.artist_id), array_agg(distinct o.song_id) into v_artist_ids, v_song_ids
    from old_rows as o;
  else
    select array_agg(distinct c.artist_id), array_agg(distinct c.song_id) into v_artist_ids, v_song_ids
    from (
      select n.artist_id, n.song_id from new_rows as n
      union all
      select o.artist_id, o.song_id from old_rows as o
    ) as c;
  end if;
  if v_song_ids is null then
    return null;
  end if;

  -- The row trigger finds the key; only songs whose primary artist changed are touched.
  update public.songs as s
  set artist_key = s.artist_key
  from unnest(v_song_ids) as w (id)
  left join lateral (
    select l.artist_id::text as artist_key
    from public.artist_songs as l
    where l.song_id = w.id and l.is_primary_artist
    order by l.created_at, l.artist_id
    limit 1
  ) as k on true
  where s.id = w.id
    and case when k.artist_key is null then s.artist_key not like 'name:%' else s.artist_key <> k.artist_key end;

  perform medley.recount_artist_songs(v_artist_ids);
  -- The dictionary before the items: locks are taken in one order everywhere.
  perform medley.ensure_features(array_agg(r.feature_type), array_agg(r.feature_value))
  from medley.live_feature_rows(v_song_ids) as r;
  perform medley.inherit_song_genres(v_song_ids);
  perform medley.refresh_live_features(v_song_ids);
  return null;
end;
$$;

comment on function medley.follow_artist_songs() is
  'Statement trigger with transition tables on artist_songs: the keys, genres and features of songs and the counts of '
  'artists follow at once.';
revoke all on function medley.follow_artist_songs() from public, anon, authenticated, service_role;

create or replace function medley.follow_artist_genres()
returns trigger
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_song_ids uuid[];
begin
  -- The argument, written in a migration: the transition table.
  execute format(
    'select array_agg(distinct l.song_id) from %I as c inner join public.artist_songs as l on l.artist_id = c.item_id',
    tg_argv[0]
  ) into v_song_ids;
  if v_song_ids is not null then
    perform medley.inherit_song_genres(v_song_ids);
  end if;
  return null;
end;
$$;

comment on function medley.follow_artist_genres() is
  'Statement trigger on item_genres: songs follow the genres of their artists. Argument: the transition table to read.';
revoke all on function medley.follow_artist_genres() from public, anon, authenticated, service_role;

create trigger songs_describe
before insert or update of title, artist, is_live, is_demo, work_key, artist_key on public.songs
for each row execute function medley.describe_song();
create trigger songs_updated_at
before update of
spotify_id, title, artist, album, album_art_url, release_date, duration_ms, popularity, preview_url,
is_explicit, is_playable, is_live, is_demo, track_number, disc_number
on public.songs
for each row execute function medley.set_updated_at();
create trigger songs_1_register_insert
after insert on public.songs referencing new table as new_rows
for each statement execute function medley.register_catalogue_rows('song', 'title', '', 'created_at', '');
create trigger songs_1_register_update
after update on public.songs referencing new table as new_rows
for each statement execute function medley.register_catalogue_rows('song', 'title', '', 'created_at', '');
create trigger songs_1_unregister
after delete on public.songs referencing old table as old_rows
for each statement execute function medley.unregister_catalogue_rows();
create trigger songs_2_works_insert
after insert on public.songs referencing new table as new_rows
for each statement execute function medley.follow_works();
create trigger songs_2_works_update
after update on public.songs referencing old table as old_rows new table as new_rows
for each statement execute function medley.follow_works();
create trigger songs_2_works_delete
after delete on public.songs referencing old table as old_rows
for each statement execute function medley.follow_works();
create trigger songs_3_features_insert
after insert on public.songs referencing new table as new_rows
for each statement execute function medley.follow_songs();
create trigger songs_3_features_update
after update on public.songs referencing old table as old_rows new table as new_rows
for each statement execute function medley.follow_songs();
create trigger artist_songs_follow_insert
after insert on public.artist_songs referencing new table as new_rows
for each statement execute function medley.follow_artist_songs();
create trigger artist_songs_follow_update
after update on public.artist_songs referencing old table as old_rows new table as new_rows
for each statement execute function medley.follow_artist_songs();
create trigger artist_songs_follow_delete
after delete on public.artist_songs referencing old table as old_rows
for each statement execute function medley.follow_artist_songs();
create trigger item_genres_songs_insert
after insert on public.item_genres referencing new table as new_rows
for each statement execute function medley.follow_artist_genres('new_rows');
create trigger item_genres_songs_delete
after delete on public.item_genres referencing old table as old_rows
for each statement execute function medley.follow_artist_genres('old_rows');
create trigger item_genres_songs_update_from
after update on public.item_genres referencing old table as old_rows
for each statement execute function medley.follow_artist_genres('old_rows');
create trigger item_genres_songs_update_to
after update on public.item_genres referencing new table as new_rows
for each statement execute function medley.follow_artist_genres('new_rows');
