-- When an account goes, nothing about the member stays in any table, and nothing about others goes with it.
select plan(5);

select make_kind('thing');
create temp table people as
select make_member('ada') as ada, make_member('bob') as bob, make_item('thing', 'Someone''s', null) as item;
insert into public.user_preferences (user_id) select ada from people union all select bob from people;
select befriend(ada, bob) from people;
insert into public.user_mutes (user_id, muted_id) select ada, bob from people union all select bob, ada from people;
insert into public.item_follows (user_id, item_id) select ada, item from people union all select bob, item from people;
select make_item('thing', 'Her own', ada, 'private') from people;
insert into public.item_follows (user_id, item_id)
select p.bob, i.id from people as p inner join medley.items as i on p.ada = i.owner_id;
select medley.member_numbers(array[ada, bob]) from people;
create temp table carl as select make_member('carl') as id;
select block(ada, id) from people, carl;
select block(id, ada) from people, carl;

select set_eq(
  $$ select t.table_name from people as p, rows_about(p.ada) as t $$,
  $$
  values
    ('public.profiles'), ('public.user_preferences'), ('public.follows'), ('public.user_blocks'), ('public.user_mutes'),
    ('public.item_follows'), ('medley.items'), ('medley.members'), ('medley.engagements'), ('medley.affinities'),
    ('medley.member_activity')
  $$,
  'she has left traces everywhere'
);

delete from auth.users where id = (select ada from people);

select is_empty('select t.* from people as p, rows_about(p.ada) as t', 'none is left');
select set_eq(
  $$ select t.table_name from people as p, rows_about(p.bob) as t $$,
  $$
  values
    ('public.profiles'), ('public.user_preferences'), ('public.item_follows'), ('medley.members'),
    ('medley.engagements'), ('medley.affinities'), ('medley.member_activity')
  $$,
  'the other member keeps what is not about her'
);
select is((select count(*) from medley.items where title = 'Someone''s'), 1::bigint, 'items of nobody stay');
select is((select count(*) from public.profiles where id = (select id from carl)), 1::bigint, 'and so does everybody else');

select * from finish();
