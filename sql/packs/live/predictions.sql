-- Predicted setlists: what an artist may play at a show, from what the artist played before.
-- A song's chance is its rate, decayed by shows, times what the time since it was last played has meant for this
-- artist: who never repeats a song on the next night and who plays one list all year are both learnt from their shows.
insert into medley.settings (key, value, description)
values
  ('setlists.shows', 100, 'How many of an artist''s last shows predictions look at, 5 to 500.'),
  ('setlists.half_life_shows', 20, 'Shows after which a performance counts half in the rate of a song, 1 to 500.'),
  ('setlists.longest_gap', 6, 'Songs not played for so many shows or more are taken alike, 2 to 50.'),
  ('setlists.gap_prior', 20, 'Performances that speak for the time since the last one not mattering, 1 to 1000.'),
  ('setlists.days_ahead', 365, 'Shows up to so many days ahead are predicted, 1 to 3650.');

create table medley.setlist_predictions (
  setlist_id uuid primary key references public.setlists (id) on delete cascade,
  predicted_at timestamptz not null,
  plays bigint not null
);

comment on table medley.setlist_predictions is 'When and from what each predicted setlist was predicted last.';
comment on column medley.setlist_predictions.setlist_id is 'The setlist.';
comment on column medley.setlist_predictions.predicted_at is 'When it was predicted.';
comment on column medley.setlist_predictions.plays is 'How many songs on actual setlists of the artist were known; another number means that it is outdated.';

alter table medley.setlist_predictions enable row level security;
revoke all on medley.setlist_predictions from public, anon, authenticated, service_role;

create or replace function medley.past_plays(p_artist_id uuid, p_before timestamptz, p_shows int)
returns table (show_no int, song_id uuid, place double precision, songs int)
language sql stable parallel safe security invoker
begin atomic
  with show as (
    select s.id, row_number() over (order by e.starts_at desc, s.order_index desc, s.id desc)::int as shows_ago
    from public.setlists as s
    inner join public.events as e on e.id = s.event_id
    where s.artist_id = p_artist_id
      and s.type = 'actual'
      and e.starts_at < p_before
      and exists (select from public.setlist_songs as g where g.setlist_id = s.id)
    order by e.starts_at desc, s.order_index desc, s.id desc
    limit p_shows
  )

  select
    (max(w.shows_ago) over () - w.shows_ago + 1)::int,
    -- Recordings of one work are one song; played twice, the first time counts.
    coalesce(r.duplicate_of, r.id),
    min((g.position - 0.5) / w.songs),
    w.songs::int
  from (
    select h.id, h.shows_ago, max(l.position) as songs
    from show as h
    inner join public.setlist_songs as l on l.setlist_id = h.id
    group by h.id, h.shows_ago
  ) as w
  inner join public.setlist_songs as g on g.setlist_id = w.id
  inner join public.songs as r on r.id = g.song_id
  group by w.shows_ago, w.songs, coalesce(r.duplicate_of, r.id);
end;

comment on function medley.past_plays(uuid, timestamptz, int) is
  'What the artist played at the last p_shows shows before p_before that have an actual setlist: the show, numbered from 1 '
  'for the oldest, the song, its place (0 opens, 1 closes) and how many songs the show had.';
revoke all on function medley.past_plays(uuid, timestamptz, int) from public, anon, authenticated, service_role;

create or replace function medley.predict_songs(p_artist_id uuid, p_before timestamptz, p_shows_ahead int default 0)
returns table (
  song_id uuid,
  "position" int, -- noqa: RF06
  probability double precision
)
language plpgsql stable parallel safe security definer
set search_path = '' set plan_cache_mode = force_generic_plan
as $$
declare
  v_half_life double precision := medley.setting('setlists.half_life_shows');
  v_longest int := medley.setting('setlists.longest_gap');
  v_prior double precision := medley.setting('setlists.gap_prior');
begin
  return query
  with play as materialized (
    select p.*
    from medley.past_plays(p_artist_id, p_before, medley.setting('setlists.shows')::int) as p
  ),

  show as (
    -- Show weights double every half-life; the last row is the show to predict.
    select
      n.show_no,
      power(2, n.show_no / v_half_life) as weight,
      sum(power(2, n.show_no / v_half_life)) over (order by n.show_no rows between unbounded preceding and 1 preceding) as before
    from generate_series(1, (select max(p.show_no) + 1 from play as p)) as n (show_no)
  ),

  history as (
    select
      w.show_no,
      s.song_id,
      p.song_id is not null as played,
      sum(w.weight) filter (where p.song_id is not null) over past / w.before as rate,
      w.show_no - max(w.show_no) filter (where p.song_id is not null) over past as gap
    from show as w
    cross join (select distinct d.song_id from play as d) as s
    left join play as p on p.show_no = w.show_no and p.song_id = s.song_id
    window past as (partition by s.song_id order by w.show_no rows between unbounded preceding and 1 preceding)
  ),

  -- How often songs came back after so many shows, against their rates alone. The first fifth of the shows only warms up.
  factor as (
    select
      least(h.gap, v_longest) as gap,
      (count(*) filter (where h.played) + v_prior) / (sum(h.rate) + v_prior) as factor
    from history as h
    where h.gap is not null
      and h.show_no > (select max(w.show_no) / 5 from show as w)
      and h.show_no < (select max(w.show_no) from show as w)
    group by least(h.gap, v_longest)
  ),

  chance as (
    select h.song_id, least(1, h.rate * coalesce(f.factor, 1)) as probability
    from history as h
    left join factor as f on f.gap = least(h.gap + p_shows_ahead, v_longest)
    where h.show_no = (select max(w.show_no) from show as w)
  ),

  length as (
    select percentile_disc(0.5) within group (order by l.songs) as songs
    from (
      select p.show_no, max(p.songs) as songs
      from play as p
      where p.show_no > (select max(w.show_no) - 11 from show as w)
      group by p.show_no
    ) as l
  ),

  chosen as (
    select c.song_id, c.probability
    from chance as c
    order by c.probability desc, c.song_id
    limit (select l.songs from length as l)
  ),

  placed as (
    select
      c.song_id,
      c.probability,
      sum(w.weight * p.place) / sum(w.weight) as place
    from chosen as c
    inner join play as p on p.song_id = c.song_id
    inner join show as w on w.show_no = p.show_no
    group by c.song_id, c.probability
  )

  select p.song_id, row_number() over (order by p.place, p.song_id)::int, p.probability
  from placed as p
  order by 2;
end;
$$;

comment on function medley.predict_songs(uuid, timestamptz, int) is
  'The songs that the artist may play at a show, from the shows before p_before, with p_shows_ahead shows still to come '
  'before it: as many as the median of the last ten shows, the most probable ones, each at its usual place. '
  'Nothing where no actual setlist is known. Reads only, so the past can be predicted as well.';
revoke all on function medley.predict_songs(uuid, timestamptz, int) from public, anon, authenticated, service_role;

create or replace function medley.known_plays(p_artist_id uuid)
returns bigint
language sql stable parallel safe security definer set search_path = ''
as $$
  select count(*)
  from public.setlists as s
  inner join public.setlist_songs as g on g.setlist_id = s.id
  where s.artist_id = p_artist_id and s.type = 'actual' and s.event_id is not null
$$;

comment on function medley.known_plays(uuid) is 'How many songs the actual setlists of the artist have.';
revoke all on function medley.known_plays(uuid) from public, anon, authenticated, service_role;

create or replace function medley.write_predictions(p_event_ids uuid[], p_artist_ids uuid[], p_as_of timestamptz)
returns bigint
language plpgsql volatile parallel unsafe security definer
set search_path = '' set plan_cache_mode = force_custom_plan
as $$
declare
  v_setlist_ids uuid[];
  v_of uuid[];
  v_songs uuid[];
  v_positions int[];
begin
  insert into public.setlists (event_id, artist_id, type, name)
  select w.event_id, w.artist_id, 'predicted', left('Predicted: ' || a.name, 255)
  from unnest(p_event_ids, p_artist_ids) as w (event_id, artist_id)
  inner join public.artists as a on a.id = w.artist_id
  order by w.event_id, w.artist_id
  on conflict (event_id, artist_id) where type = 'predicted' do nothing;

  -- Nobody votes while the songs change.
  select array_agg(l.id) into v_setlist_ids
  from (
    select s.id
    from unnest(p_event_ids, p_artist_ids) as w (event_id, artist_id)
    inner join public.setlists as s on s.event_id = w.event_id and s.artist_id = w.artist_id
    where s.type = 'predicted' and not s.is_locked
    order by s.id
    for no key update of s
  ) as l;
  if v_setlist_ids is null then
    return 0;
  end if;

  select
    coalesce(array_agg(s.id), '{}'), coalesce(array_agg(p.song_id), '{}'), coalesce(array_agg(p.position), '{}')
  into v_of, v_songs, v_positions
  from unnest(v_setlist_ids) as w (id)
  inner join public.setlists as s on s.id = w.id
  inner join public.events as e on e.id = s.event_id
  cross join lateral medley.predict_songs(
    s.artist_id,
    least(e.starts_at, p_as_of),
    (
      select count(*)::int
      from public.events as o
      where o.headliner_artist_id = s.artist_id
        and o.starts_at >= p_as_of and o.starts_at < e.starts_at and o.status = 'scheduled'
    )
  ) as p;

  -- Songs that are no longer predicted go, those with votes to the end.
  delete from public.setlist_songs as g
  using unnest(v_setlist_ids) as w (id)
  where g.setlist_id = w.id
    and g.upvotes + g.downvotes = 0
    and not exists (
      select from unnest(v_of, v_songs) as p (setlist_id, song_id)
      where p.setlist_id = g.setlist_id and p.song_id = g.song_id
    );

  with kept as (
    select
      g.id,
      coalesce(
        p.position,
        (select count(*) from unnest(v_of) as o (setlist_id) where o.setlist_id = g.setlist_id)
        + row_number() over (
          partition by g.setlist_id, p.position is null order by g.upvotes - g.downvotes desc, g.position
        )
      ) as position
    from unnest(v_setlist_ids) as w (id)
    inner join public.setlist_songs as g on g.setlist_id = w.id
    left join unnest(v_of, v_songs, v_positions) as p (setlist_id, song_id, position)
      on p.setlist_id = g.setlist_id and p.song_id = g.song_id
  )

  update public.setlist_songs as g
  set position = k.position
  from kept as k
  where g.id = k.id and g.position <> k.position;

  insert into public.setlist_songs (setlist_id, song_id, position)
  select p.setlist_id, p.song_id, p.position
  from unnest(v_of, v_songs, v_positions) as p (setlist_id, song_id, position)
  where not exists (
    select from public.setlist_songs as g where g.setlist_id = p.setlist_id and g.song_id = p.song_id
  );

  insert into medley.setlist_predictions as p (setlist_id, predicted_at, plays)
  select s.id, p_as_of, medley.known_plays(s.artist_id)
  from unnest(v_setlist_ids) as w (id)
  inner join public.setlists as s on s.id = w.id
  on conflict (setlist_id) do update
  set predicted_at = excluded.predicted_at, plays = excluded.plays;
  return cardinality(v_setlist_ids);
end;
$$;

comment on function medley.write_predictions(uuid[], uuid[], timestamptz) is
  'Predicts the setlists of these shows and artists, pair by pair, as of p_as_of. A song that stays keeps its votes; one that '
  'is no longer predicted stays at the end while it has votes; locked setlists stay as they are. Returns how many it wrote.';
revoke all on function medley.write_predictions(uuid[], uuid[], timestamptz)
from public, anon, authenticated, service_role;

create or replace function medley.predict_setlists(p_limit int, p_as_of timestamptz default now())
returns bigint
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_until timestamptz := p_as_of + make_interval(days => medley.setting('setlists.days_ahead')::int);
  v_event_ids uuid[];
  v_artist_ids uuid[];
begin
  with upcoming as (
    select e.id as event_id, e.starts_at, e.headliner_artist_id as artist_id
    from public.events as e
    where e.starts_at > p_as_of and e.starts_at <= v_until and e.status = 'scheduled'
      and e.headliner_artist_id is not null
    union
    select e.id, e.starts_at, b.artist_id
    from public.events as e
    inner join public.event_artists as b on b.event_id = e.id
    where e.starts_at > p_as_of and e.starts_at <= v_until and e.status = 'scheduled'
  ),

  known as materialized (
    select a.artist_id, medley.known_plays(a.artist_id) as plays
    from (select distinct u.artist_id from upcoming as u) as a
    -- Past shows speak, not those to come.
    where exists (
      select from public.setlists as s
      inner join public.events as e on e.id = s.event_id and e.starts_at < p_as_of
      where s.artist_id = a.artist_id and s.type = 'actual'
        and exists (select from public.setlist_songs as g where g.setlist_id = s.id)
    )
  ),

  due as (
    select u.event_id, u.artist_id, u.starts_at
    from known as k
    inner join upcoming as u on u.artist_id = k.artist_id
    left join public.setlists as s on s.event_id = u.event_id and s.artist_id = k.artist_id and s.type = 'predicted'
    left join medley.setlist_predictions as p on p.setlist_id = s.id
    where not coalesce(s.is_locked, false)
      and p.plays is distinct from k.plays
    order by u.starts_at, u.event_id, u.artist_id
    limit p_limit
  )

  select array_agg(d.event_id), array_agg(d.artist_id) into v_event_ids, v_artist_ids
  from due as d;
  if v_event_ids is null then
    return 0;
  end if;
  perform medley.write_predictions(v_event_ids, v_artist_ids, p_as_of);
  return cardinality(v_event_ids);
end;
$$;

comment on function medley.predict_setlists(int, timestamptz) is
  'Job: predicts up to p_limit setlists of upcoming shows, soonest first, that have no prediction or were predicted before '
  'setlists of the artist became known. Returns how many; call until that is less than p_limit.';
revoke all on function medley.predict_setlists(int, timestamptz) from public, anon, authenticated, service_role;

create or replace function medley.predict_setlist(p_event_id uuid, p_artist_id uuid, p_as_of timestamptz)
returns uuid
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_event public.events;
  v_artist_id uuid;
  v_setlist public.setlists;
begin
  select e.* into v_event from public.events as e where e.id = p_event_id;
  v_artist_id := coalesce(p_artist_id, v_event.headliner_artist_id);
  if v_event.id is null then
    perform medley.fail('not_found', format('no event %s', p_event_id), 'p_event_id', 'Pass the id of an event.');
  end if;
  if v_event.starts_at <= p_as_of then
    perform medley.fail('conflict', 'the show is in the past', 'p_event_id', 'Choose an upcoming show.');
  end if;
  if v_artist_id is null or medley.known_plays(v_artist_id) = 0 then
    perform medley.fail('not_found', 'no actual setlist of the artist is known', 'p_artist_id', 'Load or import setlists first.');
  end if;
  if medley.write_predictions(array[p_event_id], array[v_artist_id], p_as_of) = 0 then
    perform medley.fail('conflict', 'the predicted setlist is locked', 'p_event_id', 'Unlock it with lock_setlist.');
  end if;
  select s.* into v_setlist
  from public.setlists as s
  where s.event_id = p_event_id and s.artist_id = v_artist_id and s.type = 'predicted';
  return v_setlist.id;
end;
$$;

comment on function medley.predict_setlist(uuid, uuid, timestamptz) is
  'Predicts the setlist of a show now; see public.predict_setlist. Errors: not_found, conflict.';
revoke all on function medley.predict_setlist(uuid, uuid, timestamptz) from public, anon, authenticated, service_role;
grant execute on function medley.predict_setlist(uuid, uuid, timestamptz) to service_role;
