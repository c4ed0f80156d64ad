-- Jobs over nothing, over one of everything, and over members without a direction.
select plan(11);

select is(medley.rebuild_spectral_embeddings(), 0::bigint, 'no affinities, no vectors');
select is(medley.refresh_taste_vectors(10), 0::bigint, 'no members, no taste vectors');
select is(medley.rebuild_user_clusters(), 0::bigint, 'and no clusters');

select make_kind('thing');
create temp table i as select make_item('thing', 'one') as one, make_item('thing', 'two') as two, make_member('ada') as ada;
select medley.member_numbers(array[ada]) from i;
insert into medley.affinities (user_no, item_no, score, half_life_days, last_at, positive_at)
select m.user_no, item_no(t.item), 3, 30, now(), now() from i, medley.members as m, unnest(array[one, two]) as t (item);
insert into medley.member_activity (user_no, last_engaged_at, engagements) select user_no, now(), 2 from medley.members;
select is(medley.rebuild_spectral_embeddings(), 0::bigint, 'one member is too few for an item');
update medley.settings set value = 1 where key = 'taste.spectral_min_members';
select is(medley.rebuild_spectral_embeddings(), 2::bigint, 'unless the owner says otherwise');
select is((select count(*) from medley.spectral_items) + (select count(*) from medley.spectral_bags), 0::bigint, 'nothing is left behind');
select is(medley.refresh_taste_vectors(10), 1::bigint, 'the member is due');
select is(medley.rebuild_user_clusters(), 2::bigint, 'and a cluster by itself, of either type');
select medley.rebuild_spectral_embeddings();
select is(medley.refresh_taste_vectors(10), 1::bigint, 'new vectors make members due again');

-- Opposite likes have no direction.
select public.set_item_embeddings('text', 'm', jsonb_build_array(
  jsonb_build_object('item_id', one, 'embedding', (select jsonb_agg(1) from generate_series(1, 64))),
  jsonb_build_object('item_id', two, 'embedding', (select jsonb_agg(-1) from generate_series(1, 64))))) from i;
select medley.refresh_taste_vectors(10);
select is_empty($$ select from medley.user_taste_vectors where embedding_type = 'text' $$, 'likes that cancel out give no vector');
update medley.affinities set negative_at = now() where item_no = (select item_no(two) from i);
select medley.refresh_taste(array(select user_no from medley.members), now());
select is((select count(*) from medley.user_taste_vectors where embedding_type = 'text'), 1::bigint, 'a rejected item does not count');

select * from finish();
