-- "rock" finds what is below rock, never rockabilly; depth is counted from the umbrella; an unknown path is an error.
select plan(15);

select clear_taxonomy();
select make_umbrella('Rock');
select make_umbrella('Rockabilly');
select make_parent('Rock Steady', 'Rockabilly');
select make_parent('Indie Rock', 'Rock');
select make_parent('Noise Rock', 'Rock');
select make_parent('Noise Rock', 'Indie Rock');
select make_parent('Math Rock', 'Indie Rock');
select upsert_genre('Unplaced');
select medley.rebuild_genre_paths();

prepare under (text, int) as
select g.normalized_key from get_genres_under_umbrella($1, $2) as u (id) inner join genres as g on g.id = u.id order by 1;

select act_as_anon();
select results_eq(
  $$ execute under('rock', 5) $$, array['indie rock', 'math rock', 'noise rock', 'rock'],
  'all below, each once, and not what only begins alike'
);
select results_eq($$ execute under('rockabilly', 5) $$, array['rock steady', 'rockabilly'], 'the other umbrella is whole too');
select results_eq($$ execute under('rock.indie-rock', 5) $$, array['indie rock', 'math rock', 'noise rock'], 'a path has a subtree');
select results_eq($$ execute under('rock.indie-rock.math-rock', 5) $$, array['math rock'], 'a leaf is its own subtree');
select results_eq($$ execute under('rock', 1) $$, array['indie rock', 'noise rock', 'rock'], 'depth 1 is one step below');
select results_eq($$ execute under('rock', 0) $$, array['rock'], 'depth 0 is the umbrella');
select is_empty($$ execute under('rock.indie-rock', 0) $$, 'depth counts from the umbrella');
select is(
  (select count(*) from get_genres_under_umbrella('rock')), 4::bigint, 'the depth may be left out'
);

select throws_code($$ select get_genres_under_umbrella('no-such') $$, 'not_found', 'an unknown umbrella is an error');
select throws_code($$ select get_genres_under_umbrella('unplaced') $$, 'not_found', 'so is a genre without a path');
select throws_code($$ select get_genres_under_umbrella(null) $$, 'not_found', 'so is null');
select throws_code($$ select get_genres_under_umbrella('%') $$, 'not_found', 'a pattern is no path');
select throws_code(
  $$ select get_genres_under_umbrella('rock', -1) $$, 'invalid_argument', 'a negative depth is an error'
);
select throws_code(
  $$ select get_genres_under_umbrella('rock', 1000000000) $$, 'invalid_argument', 'so is one beyond all paths'
);

-- The query as the function runs it, with a plan made for no value in particular.
select act_as_owner();
insert into genre_parent (child_id, parent_id)
select u.genre_id, genre('rock')
from medley.upsert_genres(array(select 'Filler ' || n from generate_series(1, 3000) as n)) as u;
select medley.rebuild_genre_paths();
set local plan_cache_mode = force_generic_plan;
prepare subtree (text, int) as
select distinct p.genre_id
from genre_paths as p
where (p.path_slug = $1 or p.path_slug ~>~ ($1 || '.') and p.path_slug ~<~ ($1 || '/'))
  and p.depth <= $2;
select ok(
  not exists (select from plan_of($$ execute subtree('rockabilly', 5) $$) as line where line like '%Seq Scan%'),
  'a subtree is a range of an index'
);

select * from finish();
