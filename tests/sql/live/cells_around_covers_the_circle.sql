-- Whatever lies within a radius lies in a cell that cells_around lists, no nearer than its bound says.
select plan(3);

select setseed(0.42);
create temp table homes as
select
  n,
  case n % 6 when 0 then 90 when 1 then -89.9 when 2 then 180 * random() - 90 else 140 * random() - 70 end as lat,
  case n % 5 when 0 then 180 when 1 then -180 when 2 then 179.99 else 360 * random() - 180 end as lon,
  case when n % 10 = 0 then 120 + 380 * random() else 1 + 150 * random() end as km
from generate_series(1, 120) as n;
-- Places at all distances up to the radius, in all directions, on the sphere.
create temp table places as
select
  h.n,
  st_setsrid(st_makepoint(h.lon, h.lat), 4326) as home,
  h.km,
  st_setsrid(st_makepoint(
    case when h.lat = 90 then 360 * random() - 180 else wrapped.lon end, p.lat
  ), 4326) as place
from homes as h
cross join generate_series(1, 40) as k
cross join lateral (
  select radians(360 * random() + k) as course, h.km / 6371.0088 * (case k % 3 when 0 then 0.9999 else random() end) as angle
) as c
cross join lateral (
  select degrees(asin(greatest(-1, least(1,
    sin(radians(h.lat)) * cos(c.angle) + cos(radians(h.lat)) * sin(c.angle) * cos(c.course)
  )))) as lat
) as p
cross join lateral (
  select h.lon + degrees(atan2(
    sin(c.course) * sin(c.angle) * cos(radians(h.lat)), cos(c.angle) - sin(radians(h.lat)) * sin(radians(p.lat))
  )) as lon
) as turned
cross join lateral (
  select case when turned.lon > 180 then turned.lon - 360 when turned.lon < -180 then turned.lon + 360 else turned.lon end as lon
) as wrapped;
insert into places
select distinct n, home, km, st_setsrid(st_makepoint(x.lon, st_y(home)), 4326)
from places cross join (values (180), (-180)) as x (lon) where abs(st_x(home)) > 179;

create temp table around as
select h.n, c.* from (select distinct n, home, km from places) as h cross join lateral medley.cells_around(h.home, h.km) as c;
create index on around (n, cell_no);
create temp table found as
select
  p.n, st_astext(p.home) as home, p.km, st_astext(p.place) as place, a.is_fine, min(a.least_km) as least_km,
  st_distancesphere(p.home, p.place) / 1000 as away
from places as p
cross join lateral medley.cells_of(p.place) as c
inner join around as a on a.n = p.n and a.cell_no = c.cell_no
where st_distancesphere(p.home, p.place) / 1000 <= p.km
group by p.n, p.home, p.km, p.place, a.is_fine;

select cmp_ok((select count(*) from places), '>', 4500::bigint, 'places at all distances up to the radius');
select is_empty(
  $$ select n, st_astext(home), km, st_astext(place) from places
     where st_distancesphere(home, place) / 1000 <= km
       and (select count(*) from found as f where f.n = places.n and f.place = st_astext(places.place)) <> 2 $$,
  'each lies in a coarse and in a fine cell of those listed'
);
select is_empty(
  'select * from found where least_km > away + 1e-6',
  'no nearer than the bound of the cell'
);

select * from finish();
