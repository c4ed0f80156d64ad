-- A member follows what the member may see, sees the own follows only, and unfollows.
select plan(9);

select make_kind('thing');
create temp table world as
select
  make_member('ada') as ada, make_member('bob') as bob,
  make_item('thing', 'Open') as open_item;
alter table world add column private_item uuid;
update world set private_item = make_item('thing', 'Bob''s', bob, 'private') where true;
grant select on world to anon, authenticated;
insert into public.item_follows (user_id, item_id) select bob, open_item from world;

select act_as((select ada from world));
select lives_ok('insert into public.item_follows (item_id) select open_item from world', 'what is public');
select throws_permission('insert into public.item_follows (item_id) select private_item from world', 'not what is hidden');
select throws_permission('insert into public.item_follows (item_id) values (gen_random_uuid())', 'nor what does not exist');
select throws_permission(
  'insert into public.item_follows (user_id, item_id) select bob, open_item from world', 'nor for another'
);
select throws_ok('insert into public.item_follows (item_id) select open_item from world', '23505', null, 'and once only');
select is((select count(*) from public.item_follows), 1::bigint, 'one sees the own follows');
delete from public.item_follows where true;
select act_as_owner();
select results_eq(
  'select user_id from public.item_follows', 'select bob from world', 'and takes back the own, nobody else''s'
);
delete from medley.items where id = (select open_item from world);
select is_empty('select from public.item_follows', 'an item that goes takes its follows along');
select act_as_anon();
select throws_permission('select from public.item_follows', 'who is not signed in has none');

select * from finish();
