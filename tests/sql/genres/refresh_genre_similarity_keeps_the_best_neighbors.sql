-- Neighbours rank by normalized PMI shrunk by support; chance, thin pairs and the drop list stay out.
select plan(13);

select clear_taxonomy();
select medley.refresh_genre_cooccurrence();
select is(medley.refresh_genre_similarity(), 0::bigint, 'without pairs there are no edges');

select make_genre_items(8, array['aa', 'bb']);
select make_genre_items(2, array['aa', 'cc']);
select make_genre_items(6, array['cc', 'dd']);
select make_genre_items(1, array['dd', 'ee']);
select make_genre_items(4, array['aa', 'bb', 'seen live']);
select medley.refresh_genre_cooccurrence();
select is(medley.refresh_genre_similarity(), 4::bigint, 'two pairs attract, each in both directions');

select results_eq(
  $$ select slug, pair_count from get_similar_genres('aa') $$, $$ values ('bb', 12::bigint) $$,
  'cc meets aa less often than by chance, and what is on the drop list is no genre'
);
select is_empty($$ select 1 from get_similar_genres('ee') $$, 'one item in common is no evidence');
-- N 21, aa 14, bb 12, both 12: PMI = ln(12 * 21 / (14 * 12)), over -ln(12 / 21), times 12 / (12 + 5).
select is(
  (select round(weight::numeric, 9) from get_similar_genres('aa')),
  round(ln(1.5::numeric) / -ln(12 / 21::numeric) * 12 / 17, 9),
  'the weight is NPMI * c / (c + shrinkage)'
);
select is(
  (select round(e.weight::numeric, 9) from medley.genre_similarity_edges as e where e.genre_id = genre('aa')),
  round(ln(1.5::numeric), 9),
  'the edge keeps PMI itself'
);

select medley.refresh_genre_similarity();
select is_empty(
  $$
    select 1 from medley.genre_similarity_edges as e, medley.generations as n
    where n.name = 'genre_similarity_edges' and e.generation = n.generation
  $$,
  'an unchanged edge is not written again'
);

select make_genre_items(6, array['cc', 'ff']);
select make_genre_items(3, array['cc', 'gg']);
select medley.refresh_genre_cooccurrence();
select medley.refresh_genre_similarity();
select results_eq(
  $$ select slug from get_similar_genres('cc') $$, array['ff', 'dd', 'gg'], 'the best supported come first'
);
select results_eq($$ select slug from get_similar_genres('cc', 1) $$, array['ff'], 'p_limit cuts the list');
update medley.settings set value = 2 where key = 'genres.max_neighbors';
select medley.refresh_genre_similarity();
select results_eq($$ select slug from get_similar_genres('cc', 2) $$, array['ff', 'dd'], 'the setting cuts the edges');

select throws_code($$ select get_similar_genres('no such genre') $$, 'not_found', 'an unknown slug is an error');
select throws_code($$ select get_similar_genres('aa', 0) $$, 'invalid_argument', 'a limit of 0 is an error');
select throws_code($$ select get_similar_genres('aa', 1000000000) $$, 'invalid_argument', 'a huge limit is an error');

select * from finish();
