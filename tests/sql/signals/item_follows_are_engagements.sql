-- Following and unfollowing an item reach the log in the same transaction, whoever writes the rows.
select no_plan();
-- What other tests left, committed.
delete from medley.removed_items where item_no is not null;

select make_kind('thing');
select make_item('thing', 'a'), make_item('thing', 'b'), make_item('thing', 'c');
create temp table people as select make_member('ada') as ada, make_member('bob') as bob;
grant select on people to authenticated, service_role;

create function tests.logged() returns table (kind text, title text) language sql security definer as $$
  select k.kind, i.title
  from medley.engagements as e
  inner join medley.engagement_kinds as k on e.kind_no = k.kind_no
  inner join medley.items as i on e.item_no = i.item_no
$$;

select act_as((select ada from people));
insert into item_follows (item_id) values (item_named('a')), (item_named('b'));
select set_eq('select * from logged()', $$ values ('follow', 'a'), ('follow', 'b') $$, 'following is logged');
insert into item_follows (item_id) values (item_named('a')) on conflict do nothing;
select is((select count(*) from logged()), 2::bigint, 'following twice is following once');
delete from item_follows where item_id = item_named('a');
select is((select round(a.score::numeric, 4) from medley.affinities as a where a.score < 1), 0.0, 'unfollowing takes it back');
insert into item_follows (item_id) values (item_named('a'));
select is((select count(*) from medley.affinities as a where round(a.score::numeric, 3) = 4), 2::bigint, 'and again');
select act_as_owner();
select set_eq(
  'select kind, title, count(*) from logged() group by 1, 2',
  $$ values ('follow', 'a', 2), ('unfollow', 'a', 1), ('follow', 'b', 1) $$,
  'each of it is in the log, within one transaction'
);

-- A follow from an import keeps its time.
select act_as_service();
insert into item_follows (user_id, item_id, created_at) select bob, item_named('c'), '2010-01-01Z' from people;
select act_as_owner();
select is(
  (select e.occurred_at from medley.engagements as e order by e.occurred_at limit 1), '2010-01-01Z'::timestamptz,
  'imported follows are of their own time'
);

-- What goes with its account or its item is no unfollow.
delete from medley.items where title = 'c';
delete from auth.users where id = (select ada from people);
select is((select count(*) from logged() where kind = 'unfollow'), 0::bigint, 'nobody unfollowed');
select is((select count(*) from medley.engagements), 1::bigint, 'only the other member''s event is left');
select set_eq('select r.item_no from medley.removed_items as r', 'select e.item_no from medley.engagements as e', 'of an item that is gone');
select is((select count(*) from medley.affinities), 1::bigint, 'whose affinity');
select is(medley.prune_removed_items(100), 1::bigint, 'the job finds');
select is((select count(*) from medley.affinities), 0::bigint, 'and deletes');
select is(medley.prune_removed_items(100), 0::bigint, 'once');
select medley.rebuild_affinities();
select is((select count(*) from medley.affinities), 0::bigint, 'a rebuild does not bring it back');

select * from finish();
