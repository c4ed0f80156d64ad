-- The triggers that a catalogue table has: rows are registered, changes followed, deleted rows unregistered.
select plan(15);

select make_kind('book');
create temp table people as select make_member('ada') as ada;
create table public.test_books (
  id uuid primary key default gen_random_uuid() references medley.items (id) on delete cascade deferrable initially deferred,
  name text not null,
  "Author" uuid references auth.users (id),
  printed_at timestamptz,
  "out of print" timestamptz
);
create trigger test_books_register after insert on public.test_books referencing new table as new_rows
for each statement execute function medley.register_catalogue_rows('book', 'name', 'Author', 'printed_at', 'out of print');
create trigger test_books_follow after update on public.test_books referencing new table as new_rows
for each statement execute function medley.register_catalogue_rows('book', 'name', 'Author', 'printed_at', 'out of print');
create trigger test_books_unregister after delete on public.test_books referencing old table as old_rows
for each statement execute function medley.unregister_catalogue_rows();

insert into public.test_books (name, "Author", printed_at, "out of print")
select 'Book ' || n, case n when 1 then ada end, '2001-01-01', '2041-01-01' from people, generate_series(1, 1000) as n;
select lives_ok('set constraints all immediate', 'every row has its item');
set constraints all deferred;
select is((select count(*) from medley.items where kind = 'book'), 1000::bigint, 'one each');
select results_eq(
  $$ select i.title, i.owner_id, i.published_at, i.expires_at from medley.items as i where i.owner_id is not null $$,
  $$ select 'Book 1', ada, '2001-01-01'::timestamptz, '2041-01-01'::timestamptz from people $$, 'with what its columns say'
);
create temp table numbers as select id, item_no from medley.items;

update public.test_books set name = name || '!', printed_at = null where name like 'Book 1%';
select is((select count(*) from medley.items where title like '%!'), 112::bigint, 'a new title follows');
select set_eq('select id, item_no from medley.items', 'select id, item_no from numbers', 'numbers stay');
select is(
  (select count(*) from medley.items where published_at <> '2001-01-01'), 0::bigint, 'a date that is taken away was still true'
);
update public.test_books set printed_at = '2002-02-02' where name = 'Book 4';
select is((select published_at from medley.items where title = 'Book 4'), '2002-02-02', 'a new date follows');
create temp table highest as select max(item_no) as item_no from medley.items;
update public.test_books set name = name || '?' where true;

insert into public.test_books (name) values (repeat('x', 2000));
select is(
  (select i.item_no - h.item_no from medley.items as i, highest as h where i.title like 'xx%'), 1, 'updates use up no numbers'
);
update public.test_books set name = rtrim(name, '?') where true;
select is((select length(title) from medley.items where title like 'xx%'), 1000, 'a long title is cut');
select is((select published_at from medley.items where title like 'xx%'), now(), 'no date means now');

select make_kind('film');
create temp table other as select make_item('film', 'A film') as film, make_item('book', 'Registered before') as book;
select throws_code('insert into public.test_books (id, name) select film, ''x'' from other', 'conflict', 'an item keeps its kind');
insert into public.test_books (id, name) select book, 'Written later' from other;
select is((select title from medley.items where id = (select book from other)), 'Written later', 'an item may get its row later');
delete from public.test_books where name = 'Written later';
delete from medley.items where kind = 'film';

delete from public.test_books where name like 'Book 2%';
select is((select count(*) from medley.items), 890::bigint, 'deleted rows leave the registry');
delete from medley.items where title = 'Book 3';
select is((select count(*) from public.test_books where name = 'Book 3'), 0::bigint, 'an item takes its row along');
select is(
  (select count(*) from public.test_books as b full join medley.items as i on b.id = i.id where b.id is null or i.id is null),
  0::bigint, 'both hold the same ids'
);

select * from finish();
