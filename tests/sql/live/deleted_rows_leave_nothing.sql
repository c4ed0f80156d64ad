-- Deleting a catalogue row, an item or a member takes along everything that was about it, and nothing else.
select plan(11);

select make_small_taxonomy(), make_member('ada'), make_member('bob');
create function tests.mentions(p_id uuid) returns text language plpgsql security definer as $$
declare v_no int := current_setting('tests.no_' || left(md5(p_id::text), 8), true)::int; v text; v_table record; v_found text := '';
begin
  for v_table in
    select c.oid::regclass as name, (select string_agg(format('t.%I', a.attname), ', ') from pg_attribute as a
      where a.attrelid = c.oid and a.attname in ('item_no', 'event_no') and a.attnum > 0) as numbers
    from pg_class as c where c.relkind = 'r' and c.relnamespace in ('public'::regnamespace, 'medley'::regnamespace)
      -- A job takes what lies in tables without foreign keys; the dictionary of features never forgets a word.
      and exists (select from pg_constraint as k where k.conrelid = c.oid and k.contype = 'f') and c.relname <> 'features'
  loop
    execute format('select count(*) from %s as t where position(%L in t::text) > 0 or %L::int in (%s)',
      v_table.name, p_id, v_no, coalesce(v_table.numbers, 'null')) into v;
    if v <> '0' then v_found := v_found || v_table.name || ' ' || v || E'\n'; end if;
  end loop;
  return v_found;
end $$;
create function tests.remember(p_id uuid) returns text language sql security definer as
$$ select set_config('tests.no_' || left(md5(p_id::text), 8), i.item_no::text, true) from medley.items as i where i.id = p_id $$;

select make_venue('Here', 0, 0, 'A'), make_artist('Head', '{grunge}'), make_artist('Support', '{grunge}');
create function tests.build() returns void language sql as $$
  select make_event('show', 5, '{grunge}', 'Here', 'Head', true), plays('Support', 'show'), plays('Head', 'show');
  select rsvp('ada', 'show'), rsvp('bob', 'show', 'maybe'), follow_item('ada', event('show'));
  select remember(event('show'));
$$;
select build();
select alike(mentions(event('show')), '%medley.event_postings%', 'an event is in many places');
delete from public.events where title = 'show';
select is(mentions(event('show')), '', 'and in none when it is deleted');
select is_empty('select from medley.user_cluster_affinity', 'affinities to it neither');
select build();
delete from medley.items where id = event('show');
select is(mentions(event('show')), '', 'nor when its item is');

select build(), follow_item('ada', artist('Head')), follow_item('bob', artist('Support')), follow_item('bob', venue('Here'));
select remember(artist('Head')), remember(artist('Support')), remember(venue('Here'));
delete from public.artists where name in ('Head', 'Support');
select is(mentions(artist('Head')) || mentions(artist('Support')), '', 'artists go with their links and follows');
select is_empty($$ select from medley.event_postings where list = 'artist' $$, 'and their lists');
select isnt_empty($$ select from public.events where title = 'show' and headliner_artist_id is null $$, 'the event stays');
delete from medley.items where id = venue('Here');
select is(mentions(venue('Here')), '', 'so do venues');
select is((select location from medley.upcoming_events), null, 'and the event is nowhere');

delete from auth.users where id = member('ada');
select is_empty($$ select * from rows_about(member('ada')) $$, 'a member leaves nothing behind');
select is((select count(*) from public.event_rsvps), 1::bigint, 'while others'' answers stay');

select * from finish();
