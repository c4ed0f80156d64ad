-- One call, and one job, rebuilds everything from the links; a second one finds nothing to do.
select plan(12);

select results_eq(
  $$ select function_name, batch_size, enabled from medley.jobs where name = 'rebuild_genre_taxonomy' $$,
  $$ values ('rebuild_genre_taxonomy', null::int, true) $$,
  'there is a job for it'
);
select isnt_empty($$ select 1 from genre_paths where path_slug = 'rock.indie' $$, 'the curated tree is there from the start');
select cmp_ok((select count(*) from genre_taxonomy_roots), '>=', 12::bigint, 'with a dozen umbrellas and more');
select cmp_ok(
  (select count(distinct child_id) from genre_parent where source = 'curated'), '>=', 50::bigint,
  'and half a hundred genres below them'
);
select is_empty(
  $$
    select g.name from genres as g
    where exists (select from genre_parent as p where p.child_id = g.id)
      and not exists (select from genre_paths as p where p.genre_id = g.id)
  $$,
  'every curated genre has a path'
);
select is_empty(
  $$
    select x.normalized_key from genre_taxonomy_exclude as x
    where x.normalized_key <> normalize_genre_key(x.normalized_key)
    union all
    select a.alias_key from medley.genre_aliases as a
    where (a.alias_key, a.genre_key) <> (normalize_genre_key(a.alias_key), normalize_genre_key(a.genre_key))
      or exists (select from medley.genre_aliases as c where c.alias_key = a.genre_key)
      or exists (select from genres as g where g.normalized_key = a.alias_key)
  $$,
  'keys of the lists are normalized, spellings need one step, and none is a genre itself'
);
select is_empty(
  $$
    select g.normalized_key from genre_taxonomy_exclude as x
    inner join genres as g on g.normalized_key = x.normalized_key
  $$,
  'no curated genre is on the drop list'
);

select make_genre_items(6, array['Rock', 'Swamp Thing']);
select make_genre_items(3, array['Hip Hop', 'Dusty Rap']);
select cmp_ok(medley.rebuild_genre_taxonomy(), '>', 100::bigint, 'it returns how many paths there are');
select is(paths_of('swamp thing'), array['rock.swamp-thing*'], 'shared items gave a path');
select is(paths_of('dusty rap'), array['hip-hop.dusty-rap*'], 'so did a name');

create temp table before on commit drop as
select g.name, g.generation from medley.generations as g;
select medley.rebuild_genre_taxonomy();
select is(
  (
    select count(*)
    from medley.generations as g inner join before as b using (name)
    where g.generation = b.generation + 1
      and name in ('genre_cooccurrence_pairs', 'genre_similarity_edges', 'genre_parent', 'genre_paths')
  ),
  4::bigint, 'a rebuild is a new generation of all four'
);
select is_empty(
  $$
    select 1 from medley.genre_cooccurrence_pairs as r, medley.generations as g
    where g.name = 'genre_cooccurrence_pairs' and r.generation = g.generation
    union all
    select 1 from medley.genre_similarity_edges as r, medley.generations as g
    where g.name = 'genre_similarity_edges' and r.generation = g.generation
    union all
    select 1 from genre_parent as r, medley.generations as g where g.name = 'genre_parent' and r.generation = g.generation
    union all
    select 1 from genre_paths as r, medley.generations as g where g.name = 'genre_paths' and r.generation = g.generation
  $$,
  'but not a row of it was written again'
);

select * from finish();
