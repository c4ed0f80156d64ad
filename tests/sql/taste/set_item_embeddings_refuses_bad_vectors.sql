-- set_item_embeddings: vectors of several types and sizes, all or nothing, for the service.
select plan(40);

select make_kind('thing');
create temp table i as
select make_item('thing', 'one') as one, make_item('thing', 'two') as two, make_item('thing', 'three') as three,
  make_member('ada') as ada;
grant select on i to anon, authenticated, service_role;
create function tests.ones(p_dims int, p_first numeric default 1) returns jsonb language sql as
'select jsonb_agg(case when n = 1 then p_first else 1 end order by n) from generate_series(1, p_dims) as n';
create function tests.row_of(p_item uuid, p_embedding jsonb) returns jsonb language sql as
'select jsonb_build_array(jsonb_build_object(''item_id'', p_item, ''embedding'', p_embedding))';
create function tests.held() returns setof medley.content_embeddings language sql security definer as
'select e from medley.content_embeddings as e order by e.embedding_type, e.model_version, e.item_no';

select act_as_service();
select is(public.set_item_embeddings('text', 'm1', row_of(one, ones(384)) || row_of(two, ones(384, 9))), 2::bigint,
  'two vectors') from i;
select is(public.set_item_embeddings('text', 'm1', row_of(one, ones(384)) || row_of(two, ones(384, 9))), 0::bigint,
  'a repeat writes nothing') from i;
select is(public.set_item_embeddings('text', 'm1', row_of(two, ones(384, 5))), 1::bigint, 'a change does') from i;
select is(public.set_item_embeddings('size' || dims, 'm', row_of(one, ones(dims))), 1::bigint, dims || ' numbers')
from i, (values (64), (256), (384), (768), (1536)) as s (dims);
select is(public.set_item_embeddings('written', 'm', row_of(one, to_jsonb(ones(256)::text))), 1::bigint, 'a vector as text') from i;
select is(public.set_item_embeddings('text', 'm1', '[]'), 0::bigint, 'of nothing, nothing');
select act_as_owner();
select is((select count(*) from held() as h where h.dims = 1536 and h.embedding_1536 is not null), 1::bigint, 'in its own column');
select ok((select bool_and(abs(extensions.vector_norm(h.embedding_384) - 1) < 1e-5) from held() as h
  where h.embedding_type = 'text'), 'at unit length');

create temp table before as select * from held();
select act_as_service();
select throws_code(format('select public.set_item_embeddings(%s) from i', bad.arguments), bad.code, bad.why)
from (
  values
    ($$'text', 'm1', row_of(one, ones(385))$$, 'invalid_argument', 'another size than the model''s'),
    ($$'text', 'm1', row_of(one, ones(768))$$, 'invalid_argument', 'another of the sizes'),
    ($$'new', 'm', row_of(one, ones(100))$$, 'invalid_argument', 'a size without a column'),
    ($$'new', 'm', row_of(one, ones(256)) || row_of(two, ones(384))$$, 'invalid_argument', 'two sizes at once'),
    ($$'text', 'm1', row_of(one, ones(384) - 0 || '"NaN"')$$, 'invalid_argument', 'NaN'),
    ($$'text', 'm1', row_of(one, to_jsonb(replace(ones(384, 7)::text, '7', 'NaN')))$$, 'invalid_argument', 'NaN in a text'),
    ($$'text', 'm1', row_of(one, ones(384, 1e400))$$, 'invalid_argument', 'a number beyond all bounds'),
    ($$'text', 'm1', row_of(one, ones(384) - 0 || 'null')$$, 'invalid_argument', 'null among the numbers'),
    (
      $$'text', 'm1', row_of(one, (select jsonb_agg(0) from generate_series(1, 384)))$$,
      'invalid_argument', 'a zero vector'
    ),
    ($$'text', 'm1', row_of(one, '[]')$$, 'invalid_argument', 'an empty vector'),
    ($$'text', 'm1', row_of(one, 'null')$$, 'invalid_argument', 'no vector'),
    ($$'text', 'm1', row_of(one, '7')$$, 'invalid_argument', 'a number for a vector'),
    ($$'text', 'm1', row_of(null, ones(384))$$, 'invalid_argument', 'no item'),
    ($$'text', 'm1', '[{"item_id": "x", "embedding": [1]}]'$$, 'invalid_argument', 'a bad id'),
    ($$'text', 'm1', '{}'$$, 'invalid_argument', 'no array'),
    ($$'text', 'm1', null$$, 'invalid_argument', 'nothing'),
    ($$'text', 'm1', '[7]'$$, 'invalid_argument', 'a number for an entry'),
    ($$'Bad Type', 'm1', row_of(one, ones(384))$$, 'invalid_argument', 'a bad type'),
    ($$'text', '', row_of(one, ones(384))$$, 'invalid_argument', 'no model'),
    ($$'behavior', 'm', row_of(one, ones(64))$$, 'invalid_argument', 'a type that the engine makes'),
    ($$'text', 'm1', row_of(one, ones(384)) || row_of(one, ones(384))$$, 'invalid_argument', 'an item twice'),
    ($$'text', 'm1', row_of(three, ones(384)) || row_of(md5('x')::uuid, ones(384))$$, 'not_found', 'an item that does not exist'),
    (
      $$'text', 'm1', (select jsonb_agg(jsonb_build_object('item_id', md5(n::text), 'embedding', '[1]'::jsonb))
        from generate_series(1, 501) as n)$$, 'too_large', 'one too many'
    )
) as bad (arguments, code, why);
select act_as_owner();
select set_eq('select * from held()', 'select * from before', 'refusals write nothing');
select is_empty($$ select from medley.embedding_types where embedding_type = 'new' $$, 'not even a type');

select act_as((select ada from i));
select throws_permission($$ select public.set_item_embeddings('text', 'm1', '[]') $$, 'a member may not');
select act_as_owner();
select act_as_anon();
select throws_permission($$ select public.set_item_embeddings('text', 'm1', '[]') $$, 'nor may anybody else');
select act_as_owner();
delete from medley.items where id = (select one from i);
select is((select count(*) from held()), 1::bigint, 'items take their vectors along');

select * from finish();
