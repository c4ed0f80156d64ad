-- get_similar_items: pages join without a gap or a repeat, also across methods; bad input has a code.
select plan(14);

select make_kind('film');
create temp table i as select make_item('film', 'Heist') as heist;
grant select on i to public;
create temp table n as select g, make_item('film', 'film ' || g) as id from generate_series(1, 12) as g;

-- Four of equal weight in the middle.
select plant_neighbors('content', heist, (select array_agg(id order by g) from n where g <= 8)) from i;
update medley.item_neighbors as u set weight = 0.1
from n where u.neighbor_no = item_no(n.id) and n.g between 4 and 7;
select plant_neighbors('genre', heist, (select array_agg(id order by g) from n where g in (2, 9, 10))) from i;
insert into medley.item_statistics (item_no, kind, member_count, popularity, impressions, engagements)
select item_no(id), 'film', 1, 0.5, 0, 0 from n where g in (1, 9, 11, 12);

select act_as_anon();
create temp table p as select shown(heist, null, 'content') as titles from i;
select is(cardinality(titles), 12, 'all there is: eight, two more, and two that are popular') from p;
select is((shown_in_pages(heist, 'content', 1)).titles, titles, 'pages of one give the same') from i, p;
select is((shown_in_pages(heist, 'content', 5)).titles, titles, 'pages of five too') from i, p;
select is((shown_in_pages(heist, 'content', 5)).sizes, array[5, 5, 2], 'full pages, then the rest') from i;
select is((shown_in_pages(heist, 'content', 6)).sizes, array[6, 6], 'no empty page at the end') from i;
select is((shown_in_pages(heist, 'genre', 2)).titles, shown(heist, null, 'genre'), 'for each method') from i;

create temp table c as select max(next_cursor) as cursor from i, get_similar_items(heist, null, 'content', 3);
select throws_code(
  format('select get_similar_items(%L, null, ''genre'', 3, %L)', heist, cursor), 'invalid_cursor', 'a cursor of another method'
) from i, c;
select throws_code(
  format('select get_similar_items(%L, p_cursor => ''rubbish'')', heist), 'invalid_cursor', 'no cursor at all'
) from i;
select throws_code(
  format('select get_similar_items(%L, null, ''content'', 3, %L)', heist, c),
  'invalid_cursor', 'a cursor without its position: ' || position
)
from i
cross join (values ('{}'), ('{"stage": 1, "score": 1}'), ('{"stage": 9, "score": 1, "item_no": 1}')) as v (position)
cross join lateral (
  select translate(encode(convert_to(jsonb_set(
    convert_from(decode(cursor, 'base64'), 'UTF8')::jsonb, '{p}', position::jsonb
  )::text, 'UTF8'), 'base64'), E'\n', '') as c
  from c
) as made;

select throws_code('select get_similar_items(gen_random_uuid())', 'not_found', 'an item that is not there');
select throws_code(
  format('select get_similar_items(%L, p_method => ''magic'')', heist), 'invalid_argument', 'a method that is not there'
) from i;
select throws_code(
  format('select get_similar_items(%L, p_kind => ''opera'')', heist), 'invalid_argument', 'a kind that is not there'
) from i;

select * from finish();
