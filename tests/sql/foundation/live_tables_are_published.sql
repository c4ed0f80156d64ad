-- What live_tables names is in the publication that Supabase Realtime reads, wherever there is one.
select plan(9);

create table public.watched (id int primary key);
create table public."Odd name" (id int primary key);
create table public.unwatched (id int primary key);
create function tests.published() returns text language sql as $$
  select string_agg(tablename::text, ', ' order by tablename collate "C") from pg_publication_tables
  where pubname = 'supabase_realtime' and tablename in ('watched', 'Odd name', 'unwatched')
$$;
drop publication supabase_realtime;
insert into medley.live_tables (table_name, description) values ('watched', 'A test.'), ('Odd name', 'A test.'), ('nowhere', 'A test.');
select is(published(), null, 'without a publication there is nothing to do');
create publication supabase_realtime for table public.unwatched;
select cmp_ok(medley.publish_live_tables(), '>=', 2, 'a publication that comes later is filled');
select is(published(), 'Odd name, unwatched, watched', 'and keeps what was in it; a table that is not there is passed over');
select is(medley.publish_live_tables(), 0, 'again changes nothing');
create table public.later (id int primary key);
insert into medley.live_tables (table_name, description) values ('later', 'A test.');
select ok(exists (select from pg_publication_tables where tablename = 'later'), 'a row that comes later is enough');
drop publication supabase_realtime;
create publication supabase_realtime;
alter publication supabase_realtime set (publish = 'insert');
select cmp_ok(medley.publish_live_tables(), '>=', 3, 'how it publishes is the project''s business');
select is((select p.pubupdate from pg_publication as p where p.pubname = 'supabase_realtime'), false, 'and stays so');
select act_as_service();
select throws_permission('select medley.publish_live_tables()', 'the owner does so');
select throws_permission($$ insert into medley.live_tables values ('watched', 'x') $$, 'and says what');

select * from finish();
