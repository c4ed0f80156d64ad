-- A simulated world for measuring: cities, genres, venues, artists and members with tastes of their own.
-- Sizes come from the settings bench.members and bench.artists. Pseudo-random but the same in every run: everything is
-- drawn from hashes. Run as a superuser with session_replication_role = replica: no trigger fires; what triggers would
-- have derived is rebuilt by the engine's own functions afterwards.
create schema bench;
grant usage on schema bench to postgres, authenticated;

-- Uniform in [0, 1), a function of a number and a salt.
create function bench.u(p_no bigint, p_salt text) returns double precision
language sql immutable parallel safe as $$
  select (hashint8extended(p_no, hashtext(p_salt)) & 1048575) / 1048576.0
$$;

create function bench.uuid(p_kind text, p_no bigint) returns uuid
language sql immutable parallel safe as $$ select (p_kind || '00000-0000-4000-8000-' || lpad(to_hex(p_no), 12, '0'))::uuid $$;

-- 400 cities in 25 countries; the n-th is as large as 1 / n ^ 0.8.
create table bench.city as
with raw as (
  select
    n as city_no,
    'Country ' || chr(65 + (n * 7) % 25) as country,
    -45 + 100 * bench.u((n * 7) % 25, 'lat') + 12 * (bench.u(n, 'dlat') - 0.5) as latitude,
    -120 + 260 * bench.u((n * 7) % 25, 'lon') + 16 * (bench.u(n, 'dlon') - 0.5) as longitude,
    n ^ -0.8 as weight
  from generate_series(1, 400) as n
)
select *, sum(weight) over (order by city_no) / sum(weight) over () as cumulative from raw;

-- The city at a point of the cumulative weight, as an array of a thousand slots.
create table bench.slot as
select array_agg((select c.city_no from bench.city as c where c.cumulative >= (s - 0.5) / 1000 order by c.city_no limit 1) order by s)
  as city_nos
from generate_series(1, 1000) as s;

-- Long-tail genres below every curated one that is not an umbrella, about 1,500 in all.
insert into public.genres (name, normalized_key, slug)
select m.name || ' style ' || k, m.normalized_key || ' style ' || k, m.slug || '-style-' || k
from (
  select distinct g.* from public.genres as g inner join public.genre_parent as p on p.child_id = g.id
) as m
cross join generate_series(1, 14) as k;

insert into public.genre_parent (child_id, parent_id)
select c.id, m.id
from public.genres as m
inner join public.genres as c on c.normalized_key like m.normalized_key || ' style %';

-- Genres by umbrella: what artists and members draw from. A scene is a mid-level genre with its styles.
create table bench.scene as
with mid as (
  select p.child_id as id, row_number() over (order by g.slug) as scene_no
  from public.genre_parent as p
  inner join public.genres as g on g.id = p.child_id
  inner join public.genre_taxonomy_roots as r on r.genre_id = p.parent_id
  where p.confidence = 1
)
select
  m.scene_no,
  g.id as mid_id,
  g.name as mid_name,
  (select array_agg(c.id order by c.slug) from public.genres as c where c.normalized_key like g.normalized_key || ' style %')
    as style_ids,
  (select array_agg(c.name order by c.slug) from public.genres as c where c.normalized_key like g.normalized_key || ' style %')
    as style_names
from mid as m inner join public.genres as g on g.id = m.id;

create table bench.scenes as select count(*)::int as n from bench.scene;

insert into public.venues (id, name, slug, city, country, latitude, longitude, source, external_id)
select
  bench.uuid('b00', v), 'Venue ' || v, 'venue-' || v, 'City ' || c.city_no, c.country,
  c.latitude + 0.2 * (bench.u(v, 'vlat') - 0.5), c.longitude + 0.2 * (bench.u(v, 'vlon') - 0.5), 'bench', v::text
from generate_series(1, 8000) as v
cross join bench.slot as s
inner join bench.city as c on c.city_no = s.city_nos[1 + floor(1000 * bench.u(v, 'vcity'))::int];

-- An artist plays one to three styles of a scene and is tagged with the scene's own genre most of the time.
create table bench.artist as
select
  a as artist_no,
  sc.scene_no,
  array(
    select distinct x from unnest(array[
      sc.style_names[1 + floor(14 * bench.u(a, 'style1') ^ 2)::int],
      case when bench.u(a, 'two') < 0.6 then sc.style_names[1 + floor(14 * bench.u(a, 'style2') ^ 2)::int] end,
      case when bench.u(a, 'mid') < 0.8 then sc.mid_name end
    ]) as x where x is not null
  ) as genres
from generate_series(1, current_setting('bench.artists')::int) as a
cross join bench.scenes as n
inner join bench.scene as sc on sc.scene_no = 1 + floor(n.n * bench.u(a, 'scene') ^ 1.5)::int;

insert into public.artists (id, name, slug, genres, source, external_id)
select bench.uuid('a00', a.artist_no), 'Artist ' || a.artist_no, 'artist-' || a.artist_no, a.genres, 'bench', a.artist_no::text
from bench.artist as a;

insert into medley.items (id, kind, title)
select v.id, 'venue', v.name from public.venues as v order by v.id;
insert into medley.items (id, kind, title)
select a.id, 'artist', a.name from public.artists as a order by a.id;
insert into public.item_genres (item_id, genre_id)
select a.id, g.id
from public.artists as a cross join unnest(a.genres) as n (name) inner join public.genres as g on g.name = n.name
on conflict do nothing;

-- Artists of a scene, most popular first.
create table bench.roster as
select scene_no, array_agg(artist_no order by artist_no) as artist_nos from bench.artist group by scene_no;
create unique index on bench.roster (scene_no);
analyze;

-- One member in ten has no signal at all (half of those not even a home); the others love one or two scenes.
create table bench.member as
select
  m as member_no,
  bench.uuid('c00', m) as user_id,
  m % 10 = 0 as is_silent,
  c.city_no,
  1 + floor(n.n * bench.u(m, 'scene1') ^ 1.5)::int as scene1,
  1 + floor(n.n * bench.u(m, 'scene2') ^ 1.5)::int as scene2
from generate_series(1, current_setting('bench.members')::int) as m
cross join bench.scenes as n
cross join bench.slot as s
inner join bench.city as c on c.city_no = s.city_nos[1 + floor(1000 * bench.u(m, 'home'))::int]
order by m;

insert into auth.users (id) select user_id from bench.member;
insert into medley.members (user_id) select user_id from bench.member;
insert into public.profiles (id, display_name) select user_id, 'Member ' || member_no from bench.member;

insert into public.user_preferences (user_id, genre_preferences, home_latitude, home_longitude, radius_km)
select
  m.user_id,
  case when m.is_silent or bench.u(m.member_no, 'prefs') < 0.2 then '{}' else array(
    select distinct x from unnest(array[
      a.mid_name,
      a.style_names[1 + floor(14 * bench.u(m.member_no, 'p1') ^ 2)::int],
      case when bench.u(m.member_no, 'more') < 0.5 then b.style_names[1 + floor(14 * bench.u(m.member_no, 'p2') ^ 2)::int] end
    ]) as x where x is not null
  ) end,
  c.latitude + 0.3 * (bench.u(m.member_no, 'hlat') - 0.5), c.longitude + 0.3 * (bench.u(m.member_no, 'hlon') - 0.5),
  (array[30, 50, 80, 80, 80, 150])[1 + floor(6 * bench.u(m.member_no, 'radius'))::int]
from bench.member as m
inner join bench.city as c on c.city_no = m.city_no
inner join bench.scene as a on a.scene_no = m.scene1
inner join bench.scene as b on b.scene_no = m.scene2
where m.member_no % 20 <> 0
order by m.user_id;

-- Follows of artists: 0 to 20, five on average, in the member's scenes, popular ones first.
insert into public.item_follows (user_id, item_id)
select distinct
  m.user_id,
  bench.uuid('a00', r.artist_nos[1 + floor(cardinality(r.artist_nos) * bench.u(m.member_no * 32 + f, 'artist') ^ 2)::int])
from bench.member as m
cross join lateral generate_series(1, floor(20 * bench.u(m.member_no, 'follows') ^ 3)::int) as f
inner join bench.roster as r on r.scene_no = case when f % 3 = 0 then m.scene2 else m.scene1 end
where not m.is_silent
order by 1, 2;

-- Friendships: rings of strides within the whole, ten friends on average, each both ways.
with pair as (
  select m.member_no as a, 1 + (m.member_no + s.stride) % current_setting('bench.members')::int as b
  from bench.member as m
  cross join (values (10, 0.9), (20, 0.8), (70, 0.9), (310, 0.8), (990, 0.7), (4010, 0.9), (9970, 0.6)) as s (stride, share)
  where not m.is_silent and bench.u(m.member_no * 16 + s.stride, 'friend') < s.share
)
insert into public.follows (follower_id, followed_id)
select distinct bench.uuid('c00', e.a), bench.uuid('c00', e.b)
from (select a, b from pair union all select b, a from pair) as e
where e.a <> e.b and e.a % 10 <> 0 and e.b % 10 <> 0
order by 1, 2;

-- Signs the session in as a member; returns null, so that a call can depend on it.
create function bench.as_member(p_member int) returns text
language plpgsql volatile as $$
begin
  perform set_config(
    'request.jwt.claims',
    '{"role": "authenticated", "sub": "' || bench.uuid('c00', p_member) || '"}',
    false
  );
  return null;
end $$;
grant select on bench.city to authenticated;
grant execute on all functions in schema bench to authenticated;
