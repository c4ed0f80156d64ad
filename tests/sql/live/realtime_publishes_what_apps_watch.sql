-- Songs of setlists and the progress of imports are in the publication that Supabase Realtime reads, votes are not.
select plan(4);

create function tests.published() returns text[] language sql as $$
  select array_agg(tablename::text) from pg_publication_tables where pubname = 'supabase_realtime' and schemaname = 'public'
$$;
select ok(published() @> '{setlist_songs,import_status}', 'the migration published them');
select ok(not published() && '{setlist_votes,profiles,user_activity}', 'not with who voted');
drop publication supabase_realtime;
create publication supabase_realtime;
select medley.publish_live_tables();
select ok(published() @> '{setlist_songs,import_status}', 'a publication that comes later has them');
select ok(not published() && '{setlist_votes,profiles,user_activity}', 'and no more');

select * from finish();
