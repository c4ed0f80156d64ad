-- Songs of setlists are in the publication that Supabase Realtime reads, wherever there is one.
select plan(8);

create function tests.published() returns text[] language sql as $$
  select array_agg(tablename::text order by tablename) from pg_publication_tables where pubname = 'supabase_realtime'
$$;
select ok(published() @> '{setlist_songs}', 'the migration published it');
select is(medley.publish_live_tables(), 0, 'again changes nothing');
drop publication supabase_realtime;
select is(medley.publish_live_tables(), 0, 'without a publication there is nothing to do');
create publication supabase_realtime;
select cmp_ok(medley.publish_live_tables(), '>=', 1, 'a publication that comes later is filled');
select ok(published() @> '{setlist_songs}', 'with the songs of setlists');
select ok(not published() @> '{setlist_votes}', 'not with who voted');
drop publication supabase_realtime;
create publication supabase_realtime for table public.artists;
select medley.publish_live_tables();
select ok(published() @> '{artists,setlist_songs}', 'what is in it stays');
select act_as_service();
select throws_permission('select medley.publish_live_tables()', 'the owner does so');

select * from finish();
