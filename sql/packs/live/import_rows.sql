-- What sources send, looked at row by row: what is malformed is refused, the rest is written.
create or replace function medley.malformed_import(p_kind text, p_row jsonb)
returns text
language plpgsql stable parallel unsafe security invoker set search_path = ''
as $$
declare
  v_long text;
begin
  if jsonb_typeof(p_row) is distinct from 'object' then
    return 'it is not an object';
  end if;
  select f.key into v_long
  from jsonb_each(p_row) as f
  where jsonb_typeof(f.value) = 'string'
    and length(f.value #>> '{}') > case
      when f.key in ('spotify_id', 'ticketmaster_id', 'setlistfm_id', 'musicbrainz_id', 'artist', 'cover_of') then 255
      when f.key like '%url' then 2000
      when f.key = 'description' then 20000
      when f.key = 'age_restrictions' then 100
      else 500
    end
  limit 1;
  if v_long is not null then
    return format('%s is too long', v_long);
  end if;
  return case p_kind
    when 'artist' then medley.malformed_artist(p_row)
    when 'song' then medley.malformed_song(p_row)
    when 'event' then medley.malformed_show(p_row)
    when 'setlist' then medley.malformed_setlist(p_row)
  end;
exception
  when data_exception then
    return sqlerrm;
end;
$$;

comment on function medley.malformed_import(text, jsonb) is
  'What is wrong with a row of a source; null when it can be written. p_kind: artist, song, event or setlist.';

create or replace function medley.malformed_artist(p_artist jsonb)
returns text
language sql stable parallel unsafe security invoker set search_path = ''
as $$
  select case
    when coalesce(btrim(r.name), '') = '' then 'it has no name'
    when r.popularity not between 0 and 100 then 'its popularity is not between 0 and 100'
    when r.followers < 0 then 'it has less than no followers'
    when cardinality(r.genres) > 100 then 'it has more than 100 genres'
    when jsonb_typeof(r.external_urls) <> 'object' then 'its external_urls are not an object'
  end
  from jsonb_to_record(p_artist) as r (name text, popularity int, followers int, genres text[], external_urls jsonb)
$$;

comment on function medley.malformed_artist(jsonb) is 'What is wrong with an artist of a source; null for nothing.';

create or replace function medley.malformed_song(p_song jsonb)
returns text
language sql stable parallel unsafe security invoker set search_path = ''
as $$
  select case
    when coalesce(btrim(r.title), '') = '' then 'it has no title'
    when r.spotify_id = '' then 'its spotify_id is empty'
    when r.popularity not between 0 and 100 then 'its popularity is not between 0 and 100'
    when least(r.duration_ms, r.track_number, r.disc_number) < 0 then 'a length or number is negative'
    when not isfinite(r.release_date) then 'its release_date is not a day'
  end
  from jsonb_to_record(p_song) as r (
    title text, spotify_id text, popularity int, duration_ms int, track_number int, disc_number int, release_date date,
    is_explicit boolean, is_playable boolean, is_primary_artist boolean
  )
$$;

comment on function medley.malformed_song(jsonb) is 'What is wrong with a song of a source; null for nothing.';

create or replace function medley.malformed_show(p_event jsonb)
returns text
language sql stable parallel unsafe security invoker set search_path = ''
as $$
  select case
    when coalesce(r.ticketmaster_id, '') = '' then 'it has no ticketmaster_id'
    when coalesce(btrim(r.title), '') = '' then 'it has no title'
    when r.starts_at is null or not isfinite(r.starts_at) then 'it has no starts_at'
    when r.status not in ('scheduled', 'cancelled', 'postponed') then 'its status is not known'
    when r.min_price < 0 or r.max_price < r.min_price then 'its prices are out of order'
    when greatest(r.min_price, r.max_price) >= 1e8 then 'its prices are out of range'
    when r.currency !~ '^[A-Z]{3}$' then 'its currency is not a code of three letters'
    when cardinality(r.genres) > 100 then 'it has more than 100 genres'
    when jsonb_typeof(r.venue) not in ('object', 'null') then 'its venue is not an object'
    when coalesce(btrim(r.venue ->> 'name'), '') = '' and r.venue <> 'null' then 'its venue has no name'
  end
  from jsonb_to_record(p_event) as r (
    ticketmaster_id text, title text, starts_at timestamptz, status text, min_price numeric, max_price numeric,
    currency text, genres text[], ticket_available boolean, is_headliner boolean, venue jsonb
  )
$$;

comment on function medley.malformed_show(jsonb) is 'What is wrong with an event of a source; null for nothing.';

create or replace function medley.malformed_setlist(p_setlist jsonb)
returns text
language sql stable parallel unsafe security invoker set search_path = ''
as $$
  select case
    when coalesce(r.setlistfm_id, '') = '' then 'it has no setlistfm_id'
    when r.event_date is null or not isfinite(r.event_date) then 'it has no event_date'
    when jsonb_typeof(r.songs) is distinct from 'array' then 'its songs are not an array'
    when jsonb_array_length(r.songs) not between 1 and 500 then 'it has no song, or more than 500'
    when exists (
      select from jsonb_array_elements(r.songs) as s (song)
      where length(btrim(coalesce(s.song ->> 'title', ''))) not between 1 and 500
        or length(s.song ->> 'cover_of') not between 1 and 255
    ) then 'a song has no usable title'
    when jsonb_typeof(r.venue) not in ('object', 'null') then 'its venue is not an object'
    when coalesce(btrim(r.venue ->> 'name'), '') = '' and r.venue <> 'null' then 'its venue has no name'
  end
  from jsonb_to_record(p_setlist) as r (setlistfm_id text, event_date date, songs jsonb, venue jsonb)
$$;

comment on function medley.malformed_setlist(jsonb) is 'What is wrong with a setlist of a source; null for nothing.';

revoke all on function
medley.malformed_import(text, jsonb), medley.malformed_artist(jsonb), medley.malformed_song(jsonb),
medley.malformed_show(jsonb), medley.malformed_setlist(jsonb)
from public, anon, authenticated, service_role;

create or replace function medley.sift_import_rows(p_kind text, p_rows jsonb)
returns table (accepted jsonb, refused int, reasons text[])
language sql stable parallel unsafe security invoker set search_path = ''
as $$
  with sifted as (
    select r.place, r.row, m.problem
    from jsonb_array_elements(p_rows) with ordinality as r (row, place)
    cross join lateral (select medley.malformed_import(p_kind, r.row) as problem offset 0) as m
  )

  select
    coalesce(jsonb_agg(s.row order by s.place) filter (where s.problem is null), '[]'),
    (count(*) filter (where s.problem is not null))::int,
    coalesce(
      (
        array_agg(format('%s %s: %s', p_kind, s.place, s.problem) order by s.place) filter (where s.problem is not null)
      )[:20],
      '{}'
    )
  from sifted as s
$$;

comment on function medley.sift_import_rows(text, jsonb) is
  'The rows of a source that can be written, how many cannot, and why the first twenty of those cannot.';
revoke all on function medley.sift_import_rows(text, jsonb) from public, anon, authenticated, service_role;
