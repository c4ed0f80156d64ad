-- get_similar_items: the reason names what is shared, weightiest first, or who likes both.
select plan(9);

select make_kind('film');
create temp table i as
select
  make_item('film', 'Heist') as heist,
  make_item('film', 'Heist 2') as sequel,
  make_item('film', 'Robbery') as robbery,
  make_item('film', 'Noir') as noir,
  make_item('film', 'Odd') as odd;
grant select on i to public;
select describe_item(heist, array['director: Nolan', 'keyword: bank', 'keyword: mask', 'keyword: van', 'mood: tense']) from i;
update medley.feature_types set weight = 5 where feature_type = 'director';
select describe_item(sequel, array['director: Nolan', 'keyword: bank', 'keyword: mask', 'keyword: van']) from i;
select describe_item(sequel, array['director: Nolan'], 'another source') from i;
select describe_item(robbery, array['keyword: bank', 'mood: tense', 'keyword: cow']) from i;
select medley.sync_item_genres(array[heist, noir, robbery], array['noir', 'noir', 'noir']) from i;
select rebuild_neighbors();

create function tests.why(p_item uuid, p_method text)
returns table (title text, reason text)
language sql stable security invoker set search_path = ''
as $$ select s.title, s.reason from public.get_similar_items(p_item, null, p_method) as s order by s.title $$;

select act_as_anon();
select is(reason, 'shares director Nolan and 3 keywords', 'one by its name, several by their number')
from i, why(heist, 'content') where title = 'Heist 2';
select is(reason, 'shares mood tense, genre noir and keyword bank', 'three types of features at most, by weight')
from i, why(heist, 'content') where title = 'Robbery';
select is(reason, 'shares genre noir', 'genres are features too') from i, why(heist, 'genre') where title = 'Noir';
select is(titles, array['Heist 2', 'Noir', 'Odd', 'Robbery'], 'planted neighbours are found, and the rest of the kind')
from i, lateral (select array_agg(title order by title) as titles from why(heist, 'content')) as t;

select act_as_owner();
select plant_neighbors('behavior', heist, array[sequel, odd]) from i;
select plant_neighbors('blend', heist, array[sequel, robbery, odd]) from i;
select plant_neighbors('embedding', heist, array[odd]) from i;
select act_as_anon();
select is(reason, 'people who like Heist also like it', 'behaviour') from i, why(heist, 'behavior') where title = 'Odd';
select is(
  reason, 'people who like Heist also like it; shares director Nolan and 3 keywords', 'a blend of both'
) from i, why(heist, 'blend') where title = 'Heist 2';
select alike(reason, 'shares %', 'a blend of content alone') from i, why(heist, 'blend') where title = 'Robbery';
select is(reason, 'people who like Heist also like it', 'of behaviour alone') from i, why(heist, 'blend') where title = 'Odd';
select is(reason, 'much like Heist', 'nothing to name') from i, why(heist, 'embedding') where title = 'Odd';

select * from finish();
