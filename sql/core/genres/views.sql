-- Views over the derived tables. Their columns are those of the published description of the engine.
create view medley.genre_similarity_pmi as
select
  p.genre_a,
  p.genre_b,
  p.pair_count,
  ln(p.pair_count::double precision * s.item_count / (a.artist_count::double precision * b.artist_count)) as pmi
from medley.genre_cooccurrence_pairs as p
inner join medley.genre_marginals as a on a.genre_id = p.genre_a
inner join medley.genre_marginals as b on b.genre_id = p.genre_b
cross join medley.genre_statistics as s;

comment on view medley.genre_similarity_pmi is
  'Pointwise mutual information of two genres, ln(pair_count * N / (count_a * count_b)) (Church and Hanks 1990).';
comment on column medley.genre_similarity_pmi.genre_a is 'The genre with the smaller id.';
comment on column medley.genre_similarity_pmi.genre_b is 'The genre with the larger id.';
comment on column medley.genre_similarity_pmi.pair_count is 'Items that have both.';
comment on column medley.genre_similarity_pmi.pmi is 'Above 0: together more often than by chance.';
revoke all on medley.genre_similarity_pmi from public, anon, authenticated, service_role;

-- Plain joins, so that a condition on genre_id reaches the index of genre_paths.
create view medley.genre_cluster_keys as
select
  p.genre_id,
  split_part(p.path_slug, '.', 1) as umbrella_slug,
  case
    when p.depth = 0 then p.path_slug
    else split_part(p.path_slug, '.', 1) || '.' || split_part(p.path_slug, '.', 2)
  end as cluster_path_slug
from public.genre_paths as p
inner join public.genres as g on g.id = p.genre_id
inner join medley.genre_marginals as m on m.genre_id = p.genre_id
where p.is_primary
  -- The table rather than medley.setting(): a view reads tables as its owner, but calls functions as its reader.
  and m.artist_count >= (select s.value from medley.settings as s where s.key = 'genres.cluster_min_artists')
  and not exists (select from public.genre_taxonomy_exclude as x where x.normalized_key = g.normalized_key);

comment on view medley.genre_cluster_keys is
  'The cluster of each genre: the first two segments of its primary path. Only genres of at least '
  'genres.cluster_min_artists artists that are not on the drop list. Public knowledge: no row is about a member.';
comment on column medley.genre_cluster_keys.genre_id is 'The genre.';
comment on column medley.genre_cluster_keys.umbrella_slug is 'First segment of the path.';
comment on column medley.genre_cluster_keys.cluster_path_slug is 'First two segments, or the umbrella alone.';
revoke all on medley.genre_cluster_keys from public, anon, authenticated, service_role;
grant select on medley.genre_cluster_keys to anon, authenticated, service_role;
