-- Deleting a title, an item or a person takes along everything that was about it, and nothing else.
select plan(8);

select make_member('ada');
create function tests.mentions(p_id uuid, p_no int) returns text language plpgsql security definer as $$
declare v text; v_table record; v_found text := '';
begin
  for v_table in
    select c.oid::regclass as name, (select string_agg(format('t.%I', a.attname), ', ') from pg_attribute as a
      where a.attrelid = c.oid and a.attname = 'item_no' and a.attnum > 0) as numbers
    from pg_class as c where c.relkind = 'r' and c.relnamespace in ('public'::regnamespace, 'medley'::regnamespace)
      -- A job takes what lies in tables without foreign keys; the dictionary of features never forgets a word.
      and exists (select from pg_constraint as k where k.conrelid = c.oid and k.contype = 'f') and c.relname <> 'features'
  loop
    execute format('select count(*) from %s as t where position(%L in t::text) > 0 or %L::int in (%s)',
      v_table.name, p_id, p_no, coalesce(v_table.numbers, 'null')) into v;
    if v <> '0' then v_found := v_found || v_table.name || ' ' || v || E'\n'; end if;
  end loop;
  return v_found;
end $$;
create function tests.build() returns int language sql as $$
  select make_title('Film', 'movie', '{drama}', '{word}'), make_title('Trailer', 'trailer', '{}', '{}', 'Film');
  select credit('Film', 'Somebody'), offer('Film', 'netflix'), follow_item('ada', title('Film'));
  select i.item_no from medley.items as i where i.id = title('Film');
$$;

select make_person('Somebody');
create temp table film as select build() as no;
select alike(mentions(title('Film'), (select no from film)), '%medley.item_availability%', 'a title is in many places');
delete from public.titles where id = title('Film');
select is(mentions(title('Film'), (select no from film)), '', 'and in none when it is deleted');
select is_empty($$ select from public.titles $$, 'its parts go with it');
update film set no = build() where true;
delete from medley.items where id = title('Film');
select is(mentions(title('Film'), (select no from film)), '', 'nor when its item is');
select is_empty($$ select from public.titles $$, 'its parts neither');
update film set no = build() where true;
delete from medley.items where id in (title('Film'), title('Trailer'));
select is(mentions(title('Film'), (select no from film)), '', 'nor when both are at once');
select is((select count(*) from public.people) + (select count(*) from public.platforms), 2::bigint, 'people and platforms stay');
delete from public.people where true;
select is_empty($$ select from public.people $$, 'until they go');

select * from finish();
