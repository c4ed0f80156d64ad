-- What apps may watch live: tables in the publication that Supabase Realtime reads.
create or replace function medley.publish_live_tables()
returns int
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_table text;
  v_added int := 0;
begin
  for v_table in
    select t.name
    from (values ('setlist_songs'), ('import_status')) as t (name)
    where to_regclass('public.' || t.name) is not null
      and exists (
        select from pg_catalog.pg_publication as p
        where p.pubname = 'supabase_realtime' and not p.puballtables
      )
      and not exists (
        select from pg_catalog.pg_publication_tables as p
        where p.pubname = 'supabase_realtime' and p.schemaname = 'public' and p.tablename = t.name
      )
  loop
    execute format('alter publication supabase_realtime add table public.%I', v_table);
    v_added := v_added + 1;
  end loop;
  return v_added;
end;
$$;

comment on function medley.publish_live_tables() is
  'Adds setlist_songs and import_status to the publication supabase_realtime where both exist. Safe to repeat: call it once '
  'after creating the publication later. Returns how many tables it added.';
revoke all on function medley.publish_live_tables() from public, anon, authenticated, service_role;

select medley.publish_live_tables();
