-- The tree comes as paths, parents before children, with the number of artists of each genre.
select plan(8);

select clear_taxonomy();
select is_empty($$ select 1 from get_genre_tree() $$, 'without paths the tree is empty');

select make_umbrella('Rock');
select make_umbrella('Folk');
select make_parent('Folk Rock', 'Rock');
select make_parent('Folk Rock', 'Folk', 0.5);
select make_parent('Celtic Rock', 'Folk Rock');
select make_parent('Gaelic Rock', 'Celtic Rock');
select make_genre_items(3, array['Folk Rock']);
select medley.rebuild_genre_taxonomy();

select act_as_anon();
select results_eq(
  $$ select path_slug, name, slug, depth, artist_count, parent_path_slug from get_genre_tree() $$,
  $$
    values
      ('folk', 'Folk', 'folk', 0, 0::bigint, null),
      ('folk.folk-rock', 'Folk Rock', 'folk-rock', 1, 3, 'folk'),
      ('folk.folk-rock.celtic-rock', 'Celtic Rock', 'celtic-rock', 2, 0, 'folk.folk-rock'),
      ('rock', 'Rock', 'rock', 0, 0, null),
      ('rock.folk-rock', 'Folk Rock', 'folk-rock', 1, 3, 'rock'),
      ('rock.folk-rock.celtic-rock', 'Celtic Rock', 'celtic-rock', 2, 0, 'rock.folk-rock')
  $$,
  'two levels below every umbrella'
);
select results_eq(
  $$ select path_slug from get_genre_tree('rock.folk-rock', 5) $$,
  array['rock.folk-rock', 'rock.folk-rock.celtic-rock', 'rock.folk-rock.celtic-rock.gaelic-rock'], 'a subtree'
);
select results_eq($$ select path_slug from get_genre_tree(null, 0) $$, array['folk', 'rock'], 'depth 0 is the umbrellas');
select results_eq(
  $$ select count(*) from get_genre_tree('rock', 0) where genre_id = genre('rock') $$, array[1::bigint], 'ids are genres'
);
select throws_code($$ select get_genre_tree('no.such') $$, 'not_found', 'an unknown root is an error');
select throws_code($$ select get_genre_tree(null, -1) $$, 'invalid_argument', 'a negative depth is an error');
select throws_code($$ select get_genre_tree('rock', null) $$, 'invalid_argument', 'a null depth is an error');

select * from finish();
