-- collect_genre_sets: items of the very same genres are one set; its vector has length 1, spread over related genres.
select plan(9);

select make_members(3);
select clear_taxonomy();
select make_genre_item('Rock 1', '{rock}'), make_genre_item('Rock 2', '{rock}'), make_genre_item('Both', '{rock,jazz}'),
  make_genre_item('Jazz', '{jazz}'), make_genre_item('Folk', '{folk}'), make_item('counted', 'None');
select engage('m' || n, 'Rock 2', 'like') from generate_series(1, 2) as n;
select engage('m3', 'Rock 1', 'like');
create view pg_temp.sets as
select i.title, s.set_no, s.place
from medley.genre_set_items as s
inner join medley.items as i on i.item_no = s.item_no;
create function tests.dot(p_a text, p_b text) returns numeric language sql as $$
  select round(coalesce(sum(m.value * s.value), 0)::numeric, 4)
  from pg_temp.sets as a
  cross join pg_temp.sets as b
  inner join medley.genre_set_members as m on m.set_no = a.set_no
  inner join medley.genre_set_spread as s on s.set_no = b.set_no and s.genre_no = m.genre_no
  where a.title = p_a and b.title = p_b
$$;

select is(medley.collect_genre_sets(), 4::bigint, 'four sets of genres');
select results_eq(
  $$ select array_agg(title order by place) from pg_temp.sets group by set_no order by 1 $$,
  $$ values ('{Both}'::text[]), ('{Folk}'), ('{Jazz}'), ('{"Rock 2","Rock 1"}') $$,
  'of five items, those that more members like first'
);
select is(array(select dot(t, t) from unnest(array['Rock 1', 'Both', 'Jazz', 'Folk']) as t), array[1.0000, 1, 1, 1], 'each has length 1');
select is(dot('Rock 1', 'Jazz'), 0.0000, 'unrelated genres are not alike');
select ok(dot('Rock 1', 'Both') between 0.1 and 0.9, 'a shared genre is, in part');

insert into medley.genre_similarity_edges (genre_id, neighbor_id, weight, relatedness, pair_count, generation)
select genre('rock'), genre('jazz'), 1, 1, 1, 1;
select medley.collect_genre_sets();
select ok(dot('Rock 1', 'Jazz') > 0, 'related genres are');
select is(dot('Rock 1', 'Jazz'), dot('Jazz', 'Rock 1'), 'whichever end has the edge');
select is(dot('Both', 'Both'), 1.0000, 'and the length is still 1');

delete from public.item_genres as l using medley.items as i where i.id = l.item_id and i.title in ('Folk', 'Both');
select medley.collect_genre_sets();
select is((select count(distinct s.set_no) from medley.genre_set_members as s), 2::bigint, 'sets that no item has are gone');

select * from finish();
