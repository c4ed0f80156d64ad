-- All pages are of the moment of the first: no row comes twice, and what is new waits for the next request.
select plan(17);

select make_member(name) from unnest(array['ada', 'bob', 'cy', 'dee']) as m (name);
select follow(member('ada'), member('bob')), follow(member('ada'), member('cy'));
select make_post('bob', 'b' || n), make_post('cy', 'c' || n), make_post('dee', 'd' || n) from generate_series(1, 20) as n;
select set_timeline('author_posts', 5), set_timeline('depth', 12), set_timeline('pool', 20);
create temporary table page (content text, "position" int, request_id uuid, next_cursor text, no int);
grant all on page to authenticated;
create function tests.read_on() returns int language plpgsql as $$
declare
  v_no int := (select max(p.no) from page as p);
  v_cursor text := (select max(p.next_cursor) from page as p where p.no = v_no);
begin
  if v_cursor is null then
    return 0;
  end if;
  insert into page select t.content, t."position", t.request_id, t.next_cursor, v_no + 1 from public.get_home_timeline(7, v_cursor) as t;
  return (select count(*) from page as p where p.no = v_no + 1);
end;
$$;

select act_as(member('ada'));
insert into page select t.content, t."position", t.request_id, t.next_cursor, 1 from public.get_home_timeline(7) as t;
select is((select count(*) from page), 7::bigint, 'a page is full');
select is((select count(distinct p.next_cursor) from page as p), 1::bigint, 'and has one cursor');
select is((select p."position" from page as p where p.next_cursor is not null), 6, 'in its last row');

-- New posts, events of the rows shown, and other rates.
select act_as_owner();
select make_post('bob', 'new ' || n) from generate_series(1, 5) as n;
update medley.timeline_posts set created_at = now() + interval '1 second', posted_at = now() + interval '1 second' where item_no in (select i.item_no from medley.items as i where i.title like 'new %');
select engage('ada', p.content, 'impression', '-1 second'), engage('ada', p.content, 'view', '-2 seconds') from page as p;
select plant_rates('cy', 100, '{"like": 90}');
select act_as(member('ada'));
select is(tests.read_on(), 7, 'the second page is full');
select is(tests.read_on(), 7, 'and the third');
select is((select count(distinct p.content) from page as p), 21::bigint, 'no post came twice');
select is((select array_agg(p."position" order by p."position") from page as p), array(select generate_series(0, 20)), 'positions go on');
select is((select count(distinct p.request_id) from page as p), 1::bigint, 'it is one request');
select is((select count(*) from page as p where p.content like 'new %'), 0::bigint, 'new posts wait');
select is(
  (select sum(n)::int from (select tests.read_on() as n from generate_series(1, 10)) as r), 39,
  'the last pages have what is left, however deep'
);
select is((select count(distinct p.content) from page as p), 60::bigint, 'sixty posts, each once');
select is((select count(*) from page as p where p.content like 'new %'), 0::bigint, 'none of them new');

-- What was rejected, or blocked, between two pages does not come.
create temporary table next_page as
select t.next_cursor from public.get_home_timeline(5) as t where t.next_cursor is not null;
select is((select count(*) from next_page), 1::bigint, 'another request');
select act_as_owner();
grant select on next_page to authenticated;
select block(member('ada'), member('dee'));
select engage('ada', 'b1', 'not_interested', '-1 second');
select act_as(member('ada'));
select is(
  (select count(*) from public.get_home_timeline(200, (select n.next_cursor from next_page as n)) as t where t.content like 'd%' or t.content = 'b1'),
  0::bigint, 'a block and a rejection count at once'
);

-- Whose cursor it is, and what is in it.
select act_as(member('bob'));
select throws_code(format('select * from public.get_home_timeline(5, %L)', n.next_cursor), 'invalid_cursor', 'another member''s cursor is none')
from next_page as n;
select act_as(member('ada'));
select throws_code(
  format('select * from public.get_home_timeline(5, %L)', forged_cursor('home_timeline:' || member('ada'), '{"as_of": "2000-01-01", "shown": []}')),
  'invalid_cursor', 'nor is one of long ago'
);
select throws_code(
  format('select * from public.get_home_timeline(5, %L)', forged_cursor('home_timeline:' || member('ada'), '{"as_of": "x", "shown": {"a": 1}}')),
  'invalid_cursor', 'nor one that somebody made up'
);

select * from finish();
