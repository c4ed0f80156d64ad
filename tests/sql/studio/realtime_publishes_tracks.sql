-- Tracks are in the publication that Supabase Realtime reads: members watch their requests advance.
select plan(3);

create function tests.published() returns text[] language sql as $$
  select array_agg(tablename::text) from pg_publication_tables where pubname = 'supabase_realtime' and schemaname = 'public'
$$;
select ok(published() @> '{generated_tracks}', 'the migration published them');
drop publication supabase_realtime;
create publication supabase_realtime;
select medley.publish_live_tables();
select ok(published() @> '{generated_tracks}', 'a publication that comes later has them');
select ok(not published() && '{oauth_connections,user_library,user_playlists}', 'but nothing else of a member');

select * from finish();
