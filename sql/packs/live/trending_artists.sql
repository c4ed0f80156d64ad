-- Trending artists: what members did with an artist lately, and the table that serves it.
insert into medley.ranker_weights (ranker, term, weight, description)
values
  ('trending_artists', 'votes', 0.5, 'Points for each vote on a song of a setlist of the artist.'),
  ('trending_artists', 'follows', 0.3, 'Points for each new follower.'),
  ('trending_artists', 'views', 0.2, 'Points for each view of the artist''s page.');

insert into medley.settings (key, value, description)
values
  ('live.trending_days', 7, 'How many days trending_artists looks back, 1 to 365.'),
  ('live.trending_verified_only', 1, '1: trending_artists has verified artists only; 0: all.');

create table public.trending_artists (
  id uuid primary key references public.artists (id) on delete cascade,
  name text not null,
  slug text not null,
  image_url text,
  trending_score numeric not null check (trending_score >= 0),
  show_count int not null check (show_count >= 0),
  follower_count int not null check (follower_count >= 0),
  refreshed_at timestamptz not null default now()
);
create index trending_artists_score_idx on public.trending_artists (trending_score desc, id desc);

comment on table public.trending_artists is
  'Artists with what members did with them lately. Derived: the job refresh_trending_artists fills it; '
  'setting live.trending_verified_only decides whom it lists.';
comment on column public.trending_artists.id is 'The artist.';
comment on column public.trending_artists.name is 'Name.';
comment on column public.trending_artists.slug is 'For addresses.';
comment on column public.trending_artists.image_url is 'Address of a picture.';
comment on column public.trending_artists.trending_score is 'calculate_trending_score over live.trending_days days when it was refreshed.';
comment on column public.trending_artists.show_count is 'Events that the artist headlines, past ones included.';
comment on column public.trending_artists.follower_count is 'Members who follow the artist.';
comment on column public.trending_artists.refreshed_at is 'When the row last changed.';

alter table public.trending_artists enable row level security;
revoke all on public.trending_artists from public, anon, authenticated, service_role;
grant select on public.trending_artists to anon, authenticated, service_role;

create policy trending_artists_select on public.trending_artists
for select to anon, authenticated using (medley.visible_to((select auth.uid()), id));

-- No SET: it inlines into the queries of definer functions, which alone may run it.
create or replace function medley.trending_points(p_votes bigint, p_follows bigint, p_views bigint)
returns numeric
language sql stable parallel safe security invoker
return (
  select coalesce(
    sum(w.weight * case w.term when 'votes' then p_votes when 'follows' then p_follows else p_views end), 0
  )
  from medley.ranker_weights as w
  where w.ranker = 'trending_artists' and w.term in ('votes', 'follows', 'views')
);

comment on function medley.trending_points(bigint, bigint, bigint) is 'The weighted sum of votes, follows and views (ranker_weights, trending_artists).';
revoke all on function medley.trending_points(bigint, bigint, bigint) from public, anon, authenticated, service_role;

create or replace function medley.calculate_trending_score(p_artist_id uuid, p_days int, p_as_of timestamptz)
returns numeric
language plpgsql stable parallel safe security definer set search_path = ''
as $$
declare
  v_since timestamptz;
begin
  if p_days is null or p_days not between 1 and 3650 then
    perform medley.fail('invalid_argument', format('days_back must be between 1 and 3650, got %s', p_days), 'days_back',
      'Pass a number of days.');
  end if;
  if p_artist_id is null
    or not exists (select from public.artists as a where a.id = p_artist_id)
    or not medley.visible_to(auth.uid(), p_artist_id)
  then
    perform medley.fail('not_found', format('no artist %s', p_artist_id), 'artist_id_param', 'Pass the id of an artist.');
  end if;
  v_since := p_as_of - make_interval(days => p_days);
  return medley.trending_points(
    (
      select count(*)
      from public.setlists as s
      inner join public.setlist_songs as g on g.setlist_id = s.id
      inner join public.setlist_votes as v on v.setlist_song_id = g.id
      where s.artist_id = p_artist_id and v.voted_at >= v_since and v.voted_at <= p_as_of
    ),
    (
      select count(*)
      from public.item_follows as f
      where f.item_id = p_artist_id and f.created_at >= v_since and f.created_at <= p_as_of
    ),
    (
      -- The log has no index by item; whoever viewed the artist has an affinity with it, and one's own log is indexed.
      select count(*)
      from medley.items as i
      inner join (select distinct a.item_no, a.user_no from medley.affinities as a) as u on u.item_no = i.item_no
      inner join medley.engagements as e
        on e.user_no = u.user_no and e.item_no = i.item_no and e.occurred_at >= v_since and e.occurred_at <= p_as_of
      inner join medley.engagement_kinds as k on k.kind_no = e.kind_no and k.kind = 'view'
      where i.id = p_artist_id
    )
  );
end;
$$;

comment on function medley.calculate_trending_score(uuid, int, timestamptz) is
  'The points of an artist for the p_days days before p_as_of; see public.calculate_trending_score. '
  'Errors: not_found, invalid_argument.';
revoke all on function medley.calculate_trending_score(uuid, int, timestamptz)
from public, anon, authenticated, service_role;
grant execute on function medley.calculate_trending_score(uuid, int, timestamptz) to anon, authenticated, service_role;

create or replace function medley.refresh_trending_artists()
returns bigint
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_generation int := medley.begin_generation('trending_artists');
  v_since timestamptz := now() - make_interval(days => medley.setting('live.trending_days')::int);
  v_verified_only boolean := medley.setting('live.trending_verified_only') <> 0;
  v_rows bigint;
begin
  with vote as (
    select s.artist_id, count(*) as votes
    from public.setlist_votes as v
    inner join public.setlist_songs as g on g.id = v.setlist_song_id
    inner join public.setlists as s on s.id = g.setlist_id
    where v.voted_at >= v_since and v.voted_at <= now()
    group by s.artist_id
  ),

  follow as (
    select f.item_id as artist_id, count(*) as followers, count(*) filter (where f.created_at >= v_since) as follows
    from public.item_follows as f
    group by f.item_id
  ),

  seen as (
    select i.id as artist_id, count(*) as views
    from medley.engagements as e
    inner join medley.engagement_kinds as k on k.kind_no = e.kind_no and k.kind = 'view'
    inner join medley.items as i on i.item_no = e.item_no and i.kind = 'artist'
    where e.occurred_at >= v_since and e.occurred_at <= now()
    group by i.id
  ),

  show as (
    select e.headliner_artist_id as artist_id, count(*) as shows
    from public.events as e
    group by e.headliner_artist_id
  ),

  fresh as (
    select
      a.id, a.name, a.slug, a.image_url,
      medley.trending_points(coalesce(v.votes, 0), coalesce(f.follows, 0), coalesce(n.views, 0)) as trending_score,
      coalesce(s.shows, 0) as show_count,
      coalesce(f.followers, 0) as follower_count
    from public.artists as a
    left join vote as v on v.artist_id = a.id
    left join follow as f on f.artist_id = a.id
    left join seen as n on n.artist_id = a.id
    left join show as s on s.artist_id = a.id
    where a.verified or not v_verified_only
  ),

  gone as (
    delete from public.trending_artists as t
    where not exists (select from fresh as f where f.id = t.id)
    returning 1
  ),

  written as (
    insert into public.trending_artists as t (id, name, slug, image_url, trending_score, show_count, follower_count)
    select f.id, f.name, f.slug, f.image_url, f.trending_score, f.show_count, f.follower_count
    from fresh as f
    on conflict (id) do update
    set
      name = excluded.name, slug = excluded.slug, image_url = excluded.image_url,
      trending_score = excluded.trending_score, show_count = excluded.show_count,
      follower_count = excluded.follower_count, refreshed_at = now()
    where (t.name, t.slug, t.image_url, t.trending_score, t.show_count, t.follower_count)
      is distinct from (
        excluded.name, excluded.slug, excluded.image_url, excluded.trending_score, excluded.show_count, excluded.follower_count
      )
    returning 1
  )

  select (select count(*) from gone) + (select count(*) from written) into v_rows;
  perform medley.finish_generation('trending_artists', v_generation, (select count(*) from public.trending_artists));
  return v_rows;
end;
$$;

comment on function medley.refresh_trending_artists() is
  'Job: makes trending_artists equal to what happened in the last live.trending_days days. Returns how many rows changed.';
revoke all on function medley.refresh_trending_artists() from public, anon, authenticated, service_role;

create or replace function medley.get_trending_artists(p_limit int, p_cursor text)
returns table (
  artist_id uuid, name text, slug text, image_url text, trending_score numeric, show_count int, follower_count int,
  next_cursor text
)
language plpgsql stable parallel safe security definer
set search_path = '' set plan_cache_mode = force_custom_plan
as $$
declare
  v_limit int := medley.check_limit(p_limit);
  v_after jsonb := medley.decode_cursor(p_cursor, 'trending_artists');
  v_score numeric;
  v_id uuid;
begin
  begin
    v_score := (v_after ->> 'score')::numeric;
    v_id := (v_after ->> 'id')::uuid;
  exception when data_exception then
    v_score := null;
  end;
  if v_after is not null and num_nulls(v_score, v_id) > 0 then
    perform medley.fail('invalid_cursor', 'the cursor is damaged', 'p_cursor', 'Start again without a cursor.');
  end if;

  return query
  with page as (
    select t.*, row_number() over (order by t.trending_score desc, t.id desc) as place
    from public.trending_artists as t
    where (v_after is null or (t.trending_score, t.id) < (v_score, v_id))
      and medley.visible_to(auth.uid(), t.id)
    order by t.trending_score desc, t.id desc
    limit v_limit + 1
  )

  select
    p.id, p.name, p.slug, p.image_url, p.trending_score, p.show_count, p.follower_count,
    case
      when (select count(*) from page) > v_limit then medley.encode_cursor(
        'trending_artists',
        (
          select jsonb_build_object('score', l.trending_score::text, 'id', l.id)
          from page as l
          where l.place = v_limit
        )
      )
    end
  from page as p
  where p.place <= v_limit
  order by p.place;
end;
$$;

comment on function medley.get_trending_artists(int, text) is
  'A page of trending_artists; see public.get_trending_artists. Errors: invalid_argument, invalid_cursor.';
revoke all on function medley.get_trending_artists(int, text) from public, anon, authenticated, service_role;
grant execute on function medley.get_trending_artists(int, text) to anon, authenticated, service_role;
