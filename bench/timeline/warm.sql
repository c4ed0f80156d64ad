-- Into shared buffers: every table and index of the engine and its API but follows, of which calls read the indexes only.
create extension pg_prewarm with schema extensions;
select sum(extensions.pg_prewarm(c.oid::regclass))
from pg_class as c
where c.relnamespace in ('public'::regnamespace, 'medley'::regnamespace)
  and c.relkind in ('r', 'i')
  and c.oid <> 'public.follows'::regclass;
