-- Anybody reads genres and the taxonomy; only the secret key writes; links are seen by whoever may see the item.
select no_plan();

select make_genre_item('open', array['Rock']);
select make_member('owner');
select make_kind('track');
insert into item_genres (item_id, genre_id)
select make_item('track', 'hidden', md5('member owner')::uuid, 'private'), genre('rock');

select act_as_anon();
select isnt_empty($$ select 1 from genres $$, 'anon reads genres');
select isnt_empty($$ select 1 from genre_paths $$, 'anon reads paths');
select isnt_empty($$ select 1 from genre_parent $$, 'anon reads parents');
select isnt_empty($$ select 1 from genre_taxonomy_roots $$, 'anon reads umbrellas');
select isnt_empty($$ select 1 from genre_taxonomy_exclude $$, 'anon reads the drop list');
select isnt_empty($$ select 1 from get_genre_tree() $$, 'anon reads the tree');
select lives_ok($$ select get_genres_under_umbrella('rock') $$, 'anon asks what is under an umbrella');
select lives_ok($$ select get_similar_genres('rock') $$, 'anon asks for similar genres');
select is(normalize_genre_key('A'), 'a', 'anon normalizes');
select results_eq(
  $$ select count(*) from item_genres $$, array[1::bigint], 'anon sees the links of what anon may see'
);

select throws_permission(format('%s', statement), format('anon may not: %s', statement))
from unnest(array[
  $$ insert into genres (name, normalized_key, slug) values ('a', 'a', 'a') $$,
  $$ update genres set name = 'a' where true $$,
  $$ delete from genres where true $$,
  $$ delete from item_genres where true $$,
  $$ insert into genre_taxonomy_roots select id from genres $$,
  $$ insert into genre_taxonomy_exclude values ('a') $$,
  $$ delete from genre_parent where true $$,
  $$ update genre_paths set depth = 0 where true $$,
  $$ select upsert_genre('a') $$,
  $$ select genre_taxonomy_assert_dag(null, null) $$,
  $$ select * from medley.genre_aliases $$,
  $$ select * from medley.genre_similarity_edges $$,
  $$ select * from medley.genre_marginals $$,
  $$ select medley.rebuild_genre_taxonomy() $$,
  $$ select medley.sync_item_genres('{}', '{}') $$
]) as statement;

select act_as(md5('member owner')::uuid);
select results_eq(
  $$ select count(*) from item_genres $$, array[2::bigint], 'the owner sees the links of a private item too'
);
select throws_permission($$ select upsert_genre('a') $$, 'a member makes no genres');
select throws_permission($$ delete from genre_parent where true $$, 'a member curates nothing');

select act_as_service();
select lives_ok($$ select upsert_genre('made by service') $$, 'the service makes genres');
select lives_ok($$ delete from genre_taxonomy_exclude where normalized_key = 'seen live' $$, 'the service curates');
select throws_permission($$ delete from genre_paths where true $$, 'the service does not write derived paths');
select throws_permission($$ select medley.rebuild_genre_taxonomy() $$, 'nor calls stages by hand: that is the job');

select * from finish();
