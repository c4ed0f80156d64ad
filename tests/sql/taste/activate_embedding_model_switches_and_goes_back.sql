-- Models of a type lie side by side, one is in use; a worker is told what lacks a vector of either.
select plan(13);

select make_kind('thing'), make_kind('other');
create temp table i as select make_item('thing', 'one') as one, make_item('thing', 'two') as two, make_item('other', 'three') as three;
grant select on i to service_role;
create function tests.vectors(p_items uuid[], p_dims int) returns jsonb language sql as $$
  select jsonb_agg(jsonb_build_object('item_id', u.id, 'embedding', (select jsonb_agg(n) from generate_series(1, p_dims) as n)))
  from unnest(p_items) as u (id)
$$;
create function tests.lacking(p_model text, p_kind text default null) returns text[] language sql as $$
  select coalesce(array_agg(l.title), '{}') from public.get_items_without_embedding('text', p_model, p_kind) as l
$$;
create function tests.in_use() returns text language sql security definer as
'select model_version || '' '' || dims from medley.embedding_types where embedding_type = ''text''';

select act_as_service();
select is(lacking(null), array['three', 'two', 'one'], 'of a type that is not there, everything lacks a vector, newest first');
select public.set_item_embeddings('text', 'old', vectors(array[one, two], 384)) from i;
select is(lacking(null), array['three'], 'what has none of the model in use');
select is(lacking('new'), array['three', 'two', 'one'], 'or of one to come');
select is(lacking('new', 'thing'), array['two', 'one'], 'of one kind');
select public.set_item_embeddings('text', 'new', vectors(array[one], 768)) from i;
select is(in_use(), 'old 384', 'the first model stays in use');
select is(public.activate_embedding_model('text', 'new'), 1::bigint, 'until another is put in its place');
select is(in_use(), 'new 768', 'with its size');
select is(lacking(null), array['three', 'two'], 'then that is what lacks');
select is(public.activate_embedding_model('text', 'old'), 2::bigint, 'and back');
select throws_code($$ select public.activate_embedding_model('text', 'none') $$, 'not_found', 'a model without vectors');
select results_eq(
  $$ select n.title from public.get_items_without_embedding('text', 'new', null, 1) as p,
       public.get_items_without_embedding('text', 'new', null, 10, p.next_cursor) as n $$,
  $$ values ('two') $$, 'pages go on where they ended'
);
select throws_code($$ select public.get_items_without_embedding('text', null, null, 1001) $$, 'invalid_argument', 'in pages of 1,000');
select throws_code($$ select public.get_items_without_embedding('text', null, null, 10, 'x') $$, 'invalid_cursor', 'with a cursor of its own');

select * from finish();
