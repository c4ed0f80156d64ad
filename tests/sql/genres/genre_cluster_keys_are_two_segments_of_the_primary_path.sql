-- A cluster is the first two segments of a genre's primary path; small and dropped genres have none.
select plan(6);

select clear_taxonomy();
select is_empty($$ select 1 from medley.genre_cluster_keys $$, 'without paths there are no clusters');

select make_umbrella('Rock');
select make_parent('Indie Rock', 'Rock');
select make_parent('Math Rock', 'Indie Rock');
select make_parent('Tiny Rock', 'Rock');
select make_genre_items(5, array['Rock']);
select make_genre_items(5, array['Math Rock']);
select make_genre_items(6, array['Indie Rock']);
select make_genre_items(4, array['Tiny Rock']);
select medley.rebuild_genre_taxonomy();

prepare clusters as
select g.slug, k.umbrella_slug, k.cluster_path_slug
from medley.genre_cluster_keys as k inner join genres as g on g.id = k.genre_id
order by 1;
select act_as_anon();
select results_eq(
  'clusters',
  $$
    values
      ('indie-rock', 'rock', 'rock.indie-rock'),
      ('math-rock', 'rock', 'rock.indie-rock'),
      ('rock', 'rock', 'rock')
  $$,
  'one row a genre of five artists and more'
);

select act_as_owner();
insert into genre_taxonomy_exclude (normalized_key) values ('math rock');
select is_empty(
  $$ select 1 from medley.genre_cluster_keys where genre_id = genre('math rock') $$, 'dropped at once, before any rebuild'
);
update medley.settings set value = 4 where key = 'genres.cluster_min_artists';
select is(
  (select cluster_path_slug from medley.genre_cluster_keys where genre_id = genre('tiny rock')), 'rock.tiny-rock',
  'how many artists it takes is a setting'
);
select hasnt_column('medley', 'genre_cluster_keys', 'artist_count', 'the columns are those that were published');
set local enable_seqscan = off;
select make_genre_items(1, array['Filler ' || n]) from generate_series(1, 50) as n;
analyze genre_paths;
select unalike(
  (
    select string_agg(line, E'\n')
    from plan_of($$ select * from medley.genre_cluster_keys where genre_id = '00000000-0000-4000-8000-000000000000' $$) as line
  ),
  '%Seq Scan on genre_paths%', 'a condition on the genre reaches the index of the paths'
);

select * from finish();
