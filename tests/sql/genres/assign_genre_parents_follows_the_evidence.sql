-- Parents come from shared items and from names, the more general genre first; curated genres stay where they are.
select plan(19);

select clear_taxonomy();
select is(medley.assign_genre_parents(), 0::bigint, 'without umbrellas and data there is nothing to say');

select make_umbrella('uu');
select make_umbrella('vv');
select make_parent('mm', 'uu');
-- mm has fewer items than what stands below it, but it is curated.
select make_genre_items(6, array['uu', 'mm', 'kk']);
select make_genre_items(6, array['uu', 'kk']);
select make_genre_items(20, array['vv']);
select make_genre_items(1, array['vv', 'loner']);
-- Three of ten items: above the umbrella's threshold, below the parent's.
select make_genre_items(3, array['vv', 'wide']);
select make_genre_items(7, array['wide']);
select make_genre_items(1, array['deep mm']);
select medley.refresh_genre_cooccurrence();
select medley.assign_genre_parents();

select is(
  induced_edges(), array['deep mm > mm', 'kk > uu', 'wide > vv'],
  'shared items, a name, and an umbrella where there is nothing else; one item in common is no evidence'
);
select results_eq(
  $$ select parent_id from genre_parent where child_id = genre('mm') $$, $$ select genre('uu') $$,
  'a curated genre keeps its parent and gets no other'
);
select is_empty(
  $$ select 1 from genre_parent where child_id in (genre('uu'), genre('vv')) $$, 'an umbrella gets no parent'
);
select cmp_ok(
  (select confidence from genre_parent where child_id = genre('kk')), '<', 1::double precision,
  'what the engine infers is less sure than what people say'
);
select cmp_ok(
  (select confidence from genre_parent where child_id = genre('wide')), '<', 0.3::double precision,
  'a last resort is hardly sure'
);

select medley.assign_genre_parents();
select is_empty(
  $$
    select 1 from genre_parent as e, medley.generations as n
    where n.name = 'genre_parent' and e.generation = n.generation
  $$,
  'the same evidence writes nothing'
);

-- A parent that several genres share: the second one is kept only where it says something new.
select make_genre_items(10, array['uu', 'vv', 'both']);
select medley.refresh_genre_cooccurrence();
select medley.assign_genre_parents();
select is(
  (select array_agg(e order by e) from unnest(induced_edges()) as e where e like 'both%'), array['both > uu', 'both > vv'],
  'a genre of two umbrellas hangs below both'
);
select make_parent('vv', 'uu');
select medley.assign_genre_parents();
select is(
  (select count(*) from unnest(induced_edges()) as e where e like 'both%'), 1::bigint,
  'but not below a genre and its own parent'
);
delete from genre_parent where child_id = genre('vv');
update medley.settings set value = 1 where key = 'genres.max_parents';
select medley.assign_genre_parents();
select is(
  (select count(*) from unnest(induced_edges()) as e where e like 'both%'), 1::bigint, 'a setting limits the parents'
);

-- Names.
select make_genre_items(2, array['mm']);
select upsert_genre('old mm');
select upsert_genre('very old mm');
select upsert_genre('mm von gestern');
select upsert_genre('hammm');
select upsert_genre('a b c d e f g h mm');
select medley.assign_genre_parents();
select is(
  (select array_agg(e) from unnest(induced_edges()) as e where e like '%old mm >%'),
  array['old mm > mm', 'very old mm > old mm'], 'the longest name inside the name wins'
);
select ok('mm von gestern > mm' = any(induced_edges()), 'a name may stand anywhere in it');
select ok(not exists (select from unnest(induced_edges()) as e where e like 'hammm%'), 'but only whole words count');
select ok(not exists (select from unnest(induced_edges()) as e where e like 'a b c%'), 'and a sentence is no name');
insert into medley.genre_aliases values ('emm', 'mm');
select upsert_genre('hard emm');
select medley.assign_genre_parents();
select ok('hard emm > mm' = any(induced_edges()), 'other spellings count as the name');

-- People change their minds.
insert into genre_taxonomy_exclude (normalized_key) values ('kk');
select make_parent('wide', 'uu');
select medley.assign_genre_parents();
select ok(not exists (select from unnest(induced_edges()) as e where e like 'kk%'), 'a dropped genre has no parents');
select ok(
  not exists (select from unnest(induced_edges()) as e where e like 'wide%'),
  'a genre that was curated since loses its induced parents'
);
select results_eq(
  $$ select source from genre_parent where child_id = genre('wide') $$, array['curated'], 'and keeps the curated one'
);

update genre_parent set source = 'curated', confidence = 0.4 where child_id = genre('old mm');
select medley.assign_genre_parents();
select is(
  (select confidence from genre_parent where child_id = genre('old mm')), 0.4::double precision,
  'an induced edge that somebody made curated is not touched any more'
);

select * from finish();
