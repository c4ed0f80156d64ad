-- What apps may watch live: tables in the publication that Supabase Realtime reads.
-- A module adds a row to medley.live_tables and nothing else: a trigger publishes it, where there is a publication.
create table medley.live_tables (
  table_name text primary key,
  description text not null
);

comment on table medley.live_tables is
  'Tables of public that apps may watch with Supabase Realtime. What each reader sees of them, their policies say.';
comment on column medley.live_tables.table_name is 'Name of the table, without its schema.';
comment on column medley.live_tables.description is 'What there is to watch.';

alter table medley.live_tables enable row level security;
revoke all on medley.live_tables from public, anon, authenticated, service_role;

create or replace function medley.publish_live_tables()
returns int
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_table text;
  v_added int := 0;
begin
  for v_table in
    select t.table_name
    from medley.live_tables as t
    where to_regclass(format('public.%I', t.table_name)) is not null
      and exists (
        select from pg_catalog.pg_publication as p
        where p.pubname = 'supabase_realtime' and not p.puballtables
      )
      and not exists (
        select from pg_catalog.pg_publication_tables as p
        where p.pubname = 'supabase_realtime' and p.schemaname = 'public' and p.tablename = t.table_name
      )
    order by t.table_name
  loop
    execute format('alter publication supabase_realtime add table public.%I', v_table);
    v_added := v_added + 1;
  end loop;
  return v_added;
end;
$$;

comment on function medley.publish_live_tables() is
  'Adds what live_tables names to the publication supabase_realtime, where both exist; what else is in it stays. '
  'Safe to repeat: call it once after creating the publication later. Returns how many tables it added.';
revoke all on function medley.publish_live_tables() from public, anon, authenticated, service_role;

create or replace function medley.live_tables_changed()
returns trigger
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
begin
  perform medley.publish_live_tables();
  return null;
end;
$$;

comment on function medley.live_tables_changed() is
  'Statement trigger: the publication follows live_tables in the same transaction.';
revoke all on function medley.live_tables_changed() from public, anon, authenticated, service_role;

create trigger live_tables_publish
after insert or update on medley.live_tables
for each statement execute function medley.live_tables_changed();
