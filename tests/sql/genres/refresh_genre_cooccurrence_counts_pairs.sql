-- Pairs and marginals are plain counts over the kinds that count, and follow the catalogue.
select plan(14);

select clear_taxonomy();
select is(medley.refresh_genre_cooccurrence(), 0::bigint, 'an empty catalogue has no pairs');
select is_empty($$ select 1 from medley.genre_marginals $$, 'and no marginals');

select make_genre_items(3, array['aa', 'bb']);
select make_genre_items(2, array['aa', 'bb', 'cc']);
select make_genre_items(1, array['dd']);
select make_genre_item('bare', '{}');
select make_kind('uncounted');
insert into item_genres (item_id, genre_id)
select make_item('uncounted', 'not an artist'), g.id from genres as g where g.normalized_key in ('aa', 'dd');

select is(medley.refresh_genre_cooccurrence(), 3::bigint, 'three pairs meet');
prepare pairs as
select least(a.normalized_key, b.normalized_key), greatest(a.normalized_key, b.normalized_key), p.pair_count
from medley.genre_cooccurrence_pairs as p
inner join genres as a on a.id = p.genre_a
inner join genres as b on b.id = p.genre_b
order by 1, 2;
select results_eq('pairs', $$ values ('aa', 'bb', 5::bigint), ('aa', 'cc', 2), ('bb', 'cc', 2) $$, 'counted right');
prepare marginals as
select g.normalized_key, m.artist_count
from medley.genre_marginals as m inner join genres as g on g.id = m.genre_id
order by 1;
select results_eq(
  'marginals', $$ values ('aa', 5::bigint), ('bb', 5), ('cc', 2), ('dd', 1) $$,
  'marginals leave kinds out that do not count'
);
select is((select item_count from medley.genre_statistics), 6::bigint, 'N is the items with a genre');

-- ln(5 * 6 / (5 * 5)) and ln(2 * 6 / (5 * 2)), by hand.
select results_eq(
  $$
    select round(p.pmi::numeric, 10)
    from medley.genre_similarity_pmi as p
    where genre('aa') in (p.genre_a, p.genre_b)
    order by p.pair_count desc
  $$,
  array[round(ln(1.2::numeric), 10), round(ln(1.2::numeric), 10)],
  'PMI is ln(pair_count * N / (count_a * count_b))'
);

select is(medley.refresh_genre_cooccurrence(), 3::bigint, 'again the same');
select is_empty(
  $$
    select 1 from medley.genre_cooccurrence_pairs as p, medley.generations as n
    where n.name = 'genre_cooccurrence_pairs' and p.generation = n.generation
  $$,
  'an unchanged row is not written again'
);

select medley.sync_item_genres(array[md5('genre item aa+bb 1')::uuid], array['cc']);
select medley.sync_item_genres(
  array[md5('genre item aa+bb+cc 1')::uuid, md5('genre item aa+bb+cc 2')::uuid], array['bb', null]
);
select is(medley.refresh_genre_cooccurrence(), 1::bigint, 'pairs that no item has any more go');
select results_eq('pairs', $$ values ('aa', 'bb', 2::bigint) $$, 'counts follow');
select results_eq('marginals', $$ values ('aa', 2::bigint), ('bb', 3), ('cc', 1), ('dd', 1) $$, 'marginals follow');
select is((select item_count from medley.genre_statistics), 5::bigint, 'N follows');

delete from genres where normalized_key = 'aa';
select is(medley.refresh_genre_cooccurrence(), 0::bigint, 'a deleted genre takes its pairs along');

select * from finish();
