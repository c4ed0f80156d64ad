-- Paths lead from the umbrellas over all parents; they are capped, numbered, and written only where they change.
select plan(24);

select clear_taxonomy();
select is(medley.rebuild_genre_paths(), 0::bigint, 'without umbrellas there are no paths');

select make_umbrella('Rock');
select make_umbrella('Folk');
select make_parent('Indie Rock', 'Rock');
select make_parent('Rockabilly', 'Folk');
select make_parent('Folk Rock', 'Folk', 0.8);
select make_parent('Folk Rock', 'Rock', 0.9);
select make_parent('Celtic Rock', 'Folk Rock');
select make_parent('Orphan Child', 'Orphan');

select is(medley.rebuild_genre_paths(), 8::bigint, 'every way down is a path');
select is(paths_of('rock'), array['rock*'], 'an umbrella is its own path');
select is(
  paths_of('folk rock'), array['folk.folk-rock', 'rock.folk-rock*'], 'equal depth: the surer parent makes the primary path'
);
select is(
  paths_of('celtic rock'), array['folk.folk-rock.celtic-rock', 'rock.folk-rock.celtic-rock*'],
  'both ways go on below'
);
select is(paths_of('orphan child'), '{}', 'what hangs below no umbrella has no path');
select is_empty(
  $$
    select 1 from genre_paths as p
    where p.ancestor_nos <> (
      select array_agg(a.path_no order by a.depth)
      from genre_paths as a
      where a.path_slug = p.path_slug or starts_with(p.path_slug, a.path_slug || '.')
    )
  $$,
  'ancestor_nos are the numbers of the prefixes and its own'
);
select is_empty(
  $$ select 1 from genre_paths where depth <> cardinality(ancestor_nos) - 1 $$, 'as many as the path is deep'
);

create temp table before on commit drop as
select p.path_slug, p.path_no, p.generation from genre_paths as p;
select medley.rebuild_genre_paths();
select set_eq(
  $$ select path_slug, path_no, generation from genre_paths $$, $$ select * from before $$,
  'a rebuild over the same parents writes nothing'
);

select make_parent('Rockabilly', 'Rock', 0.5);
select medley.rebuild_genre_paths();
select is(paths_of('rockabilly'), array['folk.rockabilly*', 'rock.rockabilly'], 'a new parent is a new path');
select is_empty(
  $$ select 1 from before as b left join genre_paths as p using (path_slug) where p.path_no is distinct from b.path_no $$,
  'the paths that were there keep their numbers'
);
update genre_parent set confidence = 0.4 where child_id = genre('rockabilly') and parent_id = genre('folk');
select medley.rebuild_genre_paths();
select is(paths_of('rockabilly'), array['folk.rockabilly', 'rock.rockabilly*'], 'the primary path moves over');

insert into genre_taxonomy_exclude (normalized_key) values ('folk rock');
select medley.rebuild_genre_paths();
select is(paths_of('folk rock'), '{}', 'a genre on the drop list loses its paths');
select is(paths_of('celtic rock'), '{}', 'and nothing goes through it');
delete from genre_taxonomy_exclude where normalized_key = 'folk rock';
select medley.rebuild_genre_paths();
select is(cardinality(paths_of('celtic rock')), 2, 'taken off the list they are back');

update genres set slug = 'other' where slug = 'rock';
update genres set slug = 'rock' where slug = 'folk';
update genres set slug = 'folk' where slug = 'other';
select lives_ok($$ select medley.rebuild_genre_paths() $$, 'two genres may swap their slugs');
select is(paths_of('rock'), array['folk*'], 'and the paths follow');

-- Caps. Eleven umbrellas reach one genre; a chain goes deeper than the limit.
select make_umbrella('u' || n), make_parent('hub', 'u' || n, n / 100.0) from generate_series(10, 20) as n;
select make_parent('below hub', 'hub');
select make_parent('c1', 'Rock');
select make_parent('c' || n + 1, 'c' || n) from generate_series(1, 6) as n;
select medley.rebuild_genre_paths();
select is(cardinality(paths_of('hub')), 8, 'a genre has at most genres.max_paths paths');
select ok('u20.hub*' = any(paths_of('hub')), 'the surest stay');
select is(cardinality(paths_of('below hub')), 8, 'below as well');
select isnt(paths_of('c5'), '{}', 'paths reach the depth limit');
select is(paths_of('c6'), '{}', 'and no further');
update medley.settings set value = 1 where key = 'genres.max_depth';
update medley.settings set value = 2 where key = 'genres.max_paths';
select medley.rebuild_genre_paths();
select is(paths_of('hub'), array['u19.hub', 'u20.hub*'], 'both are settings');
select is(paths_of('below hub'), '{}', 'that a rebuild follows');

select * from finish();
