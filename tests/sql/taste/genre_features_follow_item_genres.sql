-- Features of source genres are public.item_genres, whatever way that changes.
select plan(9);

select clear_taxonomy();
create temp table i as select make_genre_item('one', array['Rock', 'Indie Rock']) as one, make_genre_item('two', '{}') as two;

select is(features_of(one), array['genres/genre: indie-rock', 'genres/genre: rock'], 'the slugs of its genres') from i;
select is(features_of(two), '{}', 'none, none') from i;
insert into public.item_genres select two, genre('rock') from i;
select is(features_of(two), array['genres/genre: rock'], 'a link is followed') from i;
update public.item_genres set genre_id = genre('indie rock') where item_id = (select two from i);
select is(features_of(two), array['genres/genre: indie-rock'], 'and where it moves to') from i;
delete from public.item_genres where item_id = (select one from i) and genre_id = genre('rock');
select is(features_of(one), array['genres/genre: indie-rock'], 'and its end') from i;
update public.genres set slug = 'indie' where id = genre('indie rock');
select is(features_of(one), array['genres/genre: indie'], 'a new slug is a new feature') from i;
delete from public.genres where id = genre('indie rock');
select is(features_of(one) || features_of(two), '{}', 'a genre that goes takes its features along') from i;

-- The rebuild finds what triggers wrote.
insert into public.item_genres select one, genre('rock') from i;
select is(medley.refresh_genre_features(), 0::bigint, 'a rebuild changes nothing');
delete from medley.content_features where true;
select is(medley.refresh_genre_features(), 1::bigint, 'and brings back what was lost');

select * from finish();
