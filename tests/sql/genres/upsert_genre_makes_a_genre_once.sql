-- However a genre is spelt, it is one row; a name that says nothing is refused.
select plan(17);

select act_as_service();
select is(
  upsert_genre('Test  Core'), upsert_genre('test-core'), 'two spellings are one genre'
);
select is(upsert_genre('TEST_CORE'), genre('test core'), 'found again by its key');
select results_eq(
  $$ select name, slug from genres where normalized_key = 'test core' $$,
  $$ values ('Test Core', 'test-core') $$,
  'named as it was first spelt, in one line'
);
select is(upsert_genre('hiphop'), genre('hip hop'), 'another spelling finds the genre it means');

select isnt(upsert_genre('te.st'), upsert_genre('te st'), 'other keys are other genres');
select is((select count(distinct slug) from genres where normalized_key in ('te.st', 'te st')), 2::bigint,
  'which have different slugs even where both want the same');

select act_as_owner();
insert into medley.genre_aliases (alias_key, genre_key)
values ('testkore', 'testcore proper');
select upsert_genre('Testkore');
select is(
  (select name from genres where normalized_key = 'testcore proper'), 'testcore proper',
  'a genre that is met by another spelling first is not named after that'
);

select results_eq(
  $$ select k.raw, k.genre_key from medley.genre_keys(array['b', 'a', null, '-', 'b', 'rap']) as k order by k.raw $$,
  $$ values ('a', 'a'), ('b', 'b'), ('rap', 'hip hop') $$,
  'names are taken once, empty ones left out, spellings resolved'
);
select is_empty($$ select * from medley.upsert_genres('{}') $$, 'no names, no genres');
select is_empty($$ select * from medley.upsert_genres(null) $$, 'null is no names');

select act_as_service();
select throws_code($$ select upsert_genre('') $$, 'invalid_argument', 'nothing is refused');
select throws_code($$ select upsert_genre(null) $$, 'invalid_argument', 'null is refused');
select throws_code($$ select upsert_genre(E' -\t_') $$, 'invalid_argument', 'a name that normalizes to nothing is refused');
select throws_code(
  $$ select upsert_genre(repeat('x', 101)) $$, 'invalid_argument', 'a name of more than 100 characters is refused'
);
select lives_ok($$ select upsert_genre(repeat('x', 100)) $$, 'a name of 100 characters is not');
select throws_code(
  $$ select upsert_genre(repeat('x', 10000000)) $$, 'invalid_argument', 'ten megabytes are refused'
);
select throws_code(
  $$ select upsert_genre(repeat('-', 10000000)) $$, 'invalid_argument', 'ten megabytes of nothing too'
);

select * from finish();
