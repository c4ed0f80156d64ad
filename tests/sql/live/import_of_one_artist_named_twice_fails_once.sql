-- Two jobs that turn out to import one artist: the later one fails and names the other. Ids of two artists fail too.
select plan(7);

create temporary table job (name text, id text);
insert into job select 'by id', s.job_id from public.start_import('{"spotify_id": "sp"}') as s;
insert into job select 'by name', s.job_id from public.start_import('{"name": "Low"}') as s;
select isnt(min(id), max(id), 'nobody can know yet') from job;
select public.claim_import(id) from job;
select is(
  public.identify_import(id, lease(id), '{"name": "Low", "spotify_id": "sp"}'), 'failed', 'the second to find out fails'
) from job where name = 'by name';
select is(s.error, 'conflict: the import ' || o.id || ' has this artist already', 'and names the other')
from public.import_status as s, job as o
where s.stage = 'failed' and o.name = 'by id';
select is(
  public.identify_import(id, lease(id), '{"name": "Low"}'), 'artist', 'the first goes on'
) from job where name = 'by id';
select is(
  (select s.job_id from public.start_import('{"name": "low"}') as s), id, 'and is what is joined now'
) from job where name = 'by name';

insert into public.artists (name, spotify_id) values ('One', 'sp1');
insert into public.artists (name, ticketmaster_id) values ('Two', 'tm2');
insert into job select 'both', s.job_id from public.start_import('{"spotify_id": "sp1"}') as s;
select public.claim_import(id) from job where name = 'both';
select public.identify_import(id, lease(id), '{"ticketmaster_id": "tm2"}') from job where name = 'both';
select is(public.import_artist(id, lease(id), null), 'failed', 'ids of two artists are one too many')
from job where name = 'both';
select matches(s.error, '^conflict: it is two artists', 'it says so')
from public.import_status as s inner join job as j on j.id = s.job_id and j.name = 'both';

select * from finish();
