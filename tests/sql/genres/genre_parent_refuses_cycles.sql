-- No write closes a cycle in genre_parent: not one edge, not several at once, not an update.
select plan(16);

select clear_taxonomy();
select make_parent('b', 'a');
select make_parent('c', 'b');
select make_parent('d', 'c');
select make_parent('d', 'a');

select act_as_service();
select throws_code($$ select make_parent('a', 'b') $$, 'cycle', 'an edge back is refused');
select throws_code($$ select make_parent('a', 'd') $$, 'cycle', 'an edge back over three generations is refused');
select throws_code(
  $$
    insert into genre_parent (child_id, parent_id)
    values (upsert_genre('x'), upsert_genre('y')), (upsert_genre('y'), upsert_genre('x'))
  $$,
  'cycle', 'two new edges that close one together are refused'
);
select throws_code(
  $$ update genre_parent set child_id = genre('a'), parent_id = genre('d') where child_id = genre('b') $$,
  'cycle', 'an update that closes one is refused'
);
select throws_ok(
  $$ insert into genre_parent (child_id, parent_id) values (genre('a'), genre('a')) $$, '23514', null,
  'a genre is not its own parent'
);
select throws_ok(
  $$ insert into genre_parent (child_id, parent_id, confidence) values (genre('c'), genre('a'), 2) $$, '23514', null,
  'a confidence lies between 0 and 1'
);
select results_eq($$ select count(*) from genre_parent $$, array[4::bigint], 'nothing of that was written');
select lives_ok($$ select make_parent('c', 'a') $$, 'a shortcut is no cycle');
select lives_ok(
  $$ update genre_parent set confidence = 0.5 where child_id = genre('c') $$, 'nor is another confidence'
);

select upsert_genre('x');
select ok(genre_taxonomy_assert_dag(genre('b'), genre('x')), 'a new parent may come');
select ok(genre_taxonomy_assert_dag(genre('d'), genre('b')), 'a grandparent may become a parent');
select throws_code(
  $$ select genre_taxonomy_assert_dag(genre('a'), genre('d')) $$, 'cycle', 'a descendant may not'
);
select throws_code(
  $$ select genre_taxonomy_assert_dag(genre('a'), genre('a')) $$, 'cycle', 'nor the genre itself'
);
select throws_code(
  $$ select genre_taxonomy_assert_dag(genre('a'), gen_random_uuid()) $$, 'not_found', 'nor what is no genre'
);
select throws_code($$ select genre_taxonomy_assert_dag(null, genre('a')) $$, 'not_found', 'null is no genre');

select act_as_owner();
delete from genres where normalized_key = 'b';
select act_as_service();
select lives_ok($$ select make_parent('a', 'x') $$, 'a deleted genre takes its edges along');

select * from finish();
