-- One version is in use: items and members have places by it, and going back brings the earlier ones.
select no_plan();

select make_kind('thing');
create temp table w as select make_member('ada') as ada, make_item('thing', 'a') as a, make_item('thing', 'b') as b, make_item('thing', 'bare') as bare;
grant select on w to service_role;
select make_model('up', 1), make_model('down', -1);
create function tests.place_of(p_item uuid) returns vector language sql security definer set search_path = tests, extensions as $$
  select e.embedding_256 from medley.content_embeddings as e
  inner join medley.embedding_types as t on e.embedding_type = t.embedding_type and e.model_version = t.model_version
  where e.item_no = tests.item_no(p_item) and e.embedding_type = 'two_tower'
$$;
create function tests.place_of_member(p_user uuid) returns vector language sql security definer set search_path = tests, extensions as $$
  select v.embedding_256 from medley.user_taste_vectors as v
  inner join medley.embedding_types as t on v.embedding_type = t.embedding_type and v.model_version = t.model_version
  where v.user_no = medley.member_no(p_user) and v.embedding_type = 'two_tower'
$$;
-- By hand: the first 256 numbers of the text, of unit length.
create function tests.place_by_hand(p_seed int, p_sign int default 1) returns vector language sql set search_path = tests, extensions as $$
  select l2_normalize(((subvector(text_vector(p_seed), 1, 256)::real[])::vector(256)) * array_fill(p_sign, array[256])::vector)
$$;
create function tests.active() returns text language sql security definer set search_path = '' as $$
  select m.version from medley.model_versions as m where m.model_version_id = medley.active_tower_model()
$$;
create function tests.taste(p_user uuid) returns void language sql security definer set search_path = '' as $$
  select medley.refresh_taste_vectors_of(array[medley.member_no(p_user)], now())
$$;

select act_as_service();
select throws_code($$ select public.activate_model('none') $$, 'not_found', 'an unknown version');
select throws_code($$ select public.activate_model(null) $$, 'not_found', 'no version');
select throws_code($$ select public.activate_model('up') $$, 'conflict', 'nothing has a text embedding yet');
select act_as_owner();
select embed_text(a, 1), happened(ada, a, 'like', now() - interval '1 hour') from w;
select taste(ada) from w;

select act_as_service();
select public.create_model_version('bare');
select throws_code($$ select public.activate_model('bare') $$, 'conflict', 'a version without weights');
select public.set_model_weights('bare', 'item', tower_rows());
select public.set_model_weights('bare', 'user', tower_rows(p_rows => 255));
select throws_code($$ select public.activate_model('bare') $$, 'conflict', 'with a row too few');
select public.set_model_weights('bare', 'user', tower_rows());
select throws_code($$ select public.activate_model('bare') $$, 'conflict', 'without heads');
select public.create_model_version('foreign', p_metadata => '{"text_model": "another"}');
select public.set_model_weights('foreign', 'item', tower_rows()), public.set_model_weights('foreign', 'user', tower_rows()),
  public.set_model_heads('foreign', '[{"kind": "like", "intercept": 1, "similarity": 1, "rate": 1}]');
select throws_code($$ select public.activate_model('foreign') $$, 'conflict', 'trained on other text embeddings');
select throws_code($$ select public.prepare_model('foreign') $$, 'conflict', 'and cannot be prepared');
select throws_code($$ select public.prepare_model('none') $$, 'not_found', 'no more than what is not there');
select throws_code($$ select public.prepare_model('up', 0) $$, 'invalid_argument', 'or by no rows');
select public.create_model_version('ranker', 'transformer_ranker');
select throws_code($$ select public.activate_model('ranker') $$, 'conflict', 'another type without weights anywhere');
select is(public.prepare_model('up'), 1::bigint, 'a version may be prepared before any is in use');
select is(active(), null, 'nothing is in use');
select throws_code($$ select public.deactivate_model() $$, 'not_found', 'so nothing can be ended');

select results_eq($$ select * from public.activate_model('up') $$, $$ values (1::bigint, 1::bigint, true) $$, 'items and members are placed at once');
select is(active(), 'up', 'it is in use');
select cmp_ok((select place_of(a) <=> place_by_hand(1) from w), '<', 1e-6::float8, 'the item is where the weights put it');
select cmp_ok((select place_of_member(ada) <=> place_by_hand(1) from w), '<', 1e-6::float8, 'so is the member');
select throws_code($$ select public.set_model_weights('up', 'item', '[]') $$, 'conflict', 'its weights stay');
select throws_code($$ select public.set_model_heads('up', '[]') $$, 'conflict', 'and its heads');
select throws_code($$ select public.delete_model_version('up') $$, 'conflict', 'and itself');
select throws_code($$ select public.set_item_embeddings('two_tower', 'up', (select jsonb_build_array(jsonb_build_object('item_id', a, 'embedding', '[1]')) from w)) $$,
  'invalid_argument', 'nobody else writes places');

-- What is new is placed with its text, in the same transaction.
select act_as_owner();
select is((select place_of(b) from w), null, 'without text no place');
select embed_text(b, 2) from w;
select cmp_ok((select place_of(b) <=> place_by_hand(2) from w), '<', 1e-6::float8, 'with it there is one');
select embed_text(b, 3) from w;
select cmp_ok((select place_of(b) <=> place_by_hand(3) from w), '<', 1e-6::float8, 'which follows the text');
select happened(ada, b, 'like', now() - interval '1 minute') from w;
select taste(ada) from w;
select cmp_ok(
  (select place_of_member(ada) <=> l2_normalize(subvector(t.embedding_384, 1, 256)::vector) from w, medley.user_taste_vectors as t
   where t.user_no = medley.member_no(ada) and t.embedding_type = 'text'),
  '<', 1e-6::float8, 'the member moves with the taste'
);

-- Another version, prepared, and back.
select act_as_service();
select is(public.prepare_model('down', 1), 1::bigint, 'prepared in steps');
select is(public.prepare_model('down', 10), 1::bigint, 'to the end');
select is(public.prepare_model('down', 10), 0::bigint, 'where nothing is left');
select is(active(), 'up', 'which changes nothing yet');
select results_eq($$ select * from public.activate_model('down') $$, $$ values (2::bigint, 1::bigint, true) $$, 'then it is put in use');
select cmp_ok((select place_of(b) <=> place_by_hand(3, -1) from w), '<', 1e-6::float8, 'its places hold');
select is((select count(*) from public.get_model_versions() where is_active), 1::bigint, 'one is active');
select results_eq($$ select * from public.activate_model('down') $$, $$ values (0::bigint, 0::bigint, true) $$, 'again: nothing to do');
select results_eq($$ select * from public.activate_model('up') $$, $$ values (2::bigint, 1::bigint, true) $$, 'going back is activating the earlier one');
select cmp_ok((select place_of(b) <=> place_by_hand(3) from w), '<', 1e-6::float8, 'whose places are there');

-- The newest at once, the job the rest.
select act_as_owner();
update medley.settings as s set value = 1 where s.key = 'training.activation_rows';
select act_as_service();
select results_eq($$ select * from public.activate_model('down') $$, $$ values (1::bigint, 1::bigint, false) $$, 'a part at once');
select act_as_owner();
select is(medley.refresh_tower_vectors(10), 1::bigint, 'the job goes on');
select is(medley.refresh_tower_vectors(10), 0::bigint, 'to the end');
select cmp_ok((select place_of(a) <=> place_by_hand(1, -1) from w), '<', 1e-6::float8, 'everything is placed');
select is((select count(*) from medley.model_versions where is_active and items_below is null and members_below is null), 1::bigint, 'as the row says');

-- A member without taste has no place; a type that nobody serves changes nothing.
delete from medley.engagements as e where e.user_no = (select medley.member_no(ada) from w);
delete from medley.affinities as a where a.user_no = (select medley.member_no(ada) from w);
select taste(ada) from w;
select is((select place_of_member(ada) from w), null, 'the place goes with the taste');
select is((select public.deactivate_model()), 'down', 'out of use');
select is(active(), null, 'no model: rankers fall back');
select embed_text(b, 4) from w;
select cmp_ok((select place_of(b) <=> place_by_hand(3, -1) from w), '<', 1e-6::float8, 'nothing is placed any more');
select is(medley.refresh_tower_vectors(10), 0::bigint, 'nor by the job');

-- Places of versions that nobody goes back to are pruned.
update medley.settings as s set value = 0 where s.key = 'training.keep_models';
select activate_model from public.activate_model('up') as activate_model;
select is(medley.prune_tower_vectors(1), 1::bigint, 'so many a call');
select is(medley.prune_tower_vectors(10), 1::bigint, 'until none is left');
select is((select array_agg(distinct model_version) from medley.content_embeddings where embedding_type = 'two_tower'), '{up}', 'those in use stay');

select * from finish();
