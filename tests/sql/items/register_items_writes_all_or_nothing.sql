-- register_items: new rows and updates in bulk, in order; any mistake and nothing is written.
select plan(37);

select make_kind('track'), make_kind('album');
create temp table ids as
select md5('one')::uuid as one, md5('two')::uuid as two, make_member('ada') as ada;
grant select on ids to anon, authenticated, service_role;
create function tests.registered() returns bigint language sql security definer as 'select count(*) from medley.items';

select act_as_service();
select results_eq(
  $$ select r.* from ids, public.register_items(jsonb_build_array(
       jsonb_build_object('id', two, 'kind', 'track', 'title', 'Two'),
       jsonb_build_object('id', one, 'kind', 'track', 'title', 'One', 'owner_id', ada, 'visibility', 'private',
         'published_at', '2020-01-01T00:00:00Z', 'expires_at', '2030-01-01T00:00:00Z'))) as r $$,
  $$ select two, 'registered' from ids union all select one, 'registered' from ids $$,
  'new items, in their order'
);
select act_as_owner();
select results_eq(
  $$ select kind, title, owner_id, visibility, published_at, expires_at from medley.items order by title $$,
  $$ select 'track', 'One', ada, 'private', '2020-01-01 00:00:00+00'::timestamptz, '2030-01-01 00:00:00+00'::timestamptz
     from ids
     union all select 'track', 'Two', null, 'public', now(), null $$,
  'are stored as given, with defaults'
);

create temp table numbers as select id, item_no from medley.items;
select act_as_service();
select results_eq(
  $$ select r.status from ids, public.register_items(jsonb_build_array(
       jsonb_build_object('kind', 'album', 'title', 'Three'),
       jsonb_build_object('id', one, 'kind', 'track', 'title', 'One again'))) as r $$,
  $$ values ('registered'), ('updated') $$,
  'a known id updates, an item without one gets one'
);
select act_as_owner();
select results_eq(
  $$ select title, owner_id, visibility, published_at, expires_at, i.item_no = n.item_no
     from medley.items as i, numbers as n, ids where i.id = one and n.id = one $$,
  $$ values ('One again', null::uuid, 'public', '2020-01-01 00:00:00+00'::timestamptz, null::timestamptz, true) $$,
  'an update replaces the row, keeps its number and when it was published'
);
select act_as_service();
select is_empty($$ select from public.register_items('[]') $$, 'of nothing, nothing');
select lives_ok(
  $$ select from public.register_items(
       (select jsonb_agg(jsonb_build_object('kind', 'track', 'title', 'Bulk ' || n)) from generate_series(1, 10000) as n)) $$,
  'ten thousand at once'
);
select is(tests.registered(), 10003::bigint, 'all of them');

select throws_code(format('select public.register_items(%s)', bad.items), bad.code, bad.why)
from (
  values
    ('null', 'invalid_argument', 'no array'),
    ($$'{}'$$, 'invalid_argument', 'an object'),
    ($$'"text"'$$, 'invalid_argument', 'a string'),
    ($$'null'$$, 'invalid_argument', 'JSON null'),
    ($$'[1]'$$, 'invalid_argument', 'a number for an item'),
    ($$'[null]'$$, 'invalid_argument', 'null for an item'),
    ($$'[[]]'$$, 'invalid_argument', 'an array for an item'),
    ($$'[{}]'$$, 'invalid_argument', 'an empty item'),
    ($$'[{"kind": "track"}]'$$, 'invalid_argument', 'no title'),
    ($$'[{"title": "x"}]'$$, 'invalid_argument', 'no kind'),
    ($$'[{"kind": "nonesuch", "title": "x"}]'$$, 'invalid_argument', 'an unknown kind'),
    ($$'[{"kind": "track", "title": ""}]'$$, 'invalid_argument', 'an empty title'),
    ($$jsonb_build_array(jsonb_build_object('kind', 'track', 'title', repeat('x', 10000000)))$$, 'invalid_argument', 'a huge title'),
    ($$'[{"kind": "track", "title": "x", "id": "abc"}]'$$, 'invalid_argument', 'a bad id'),
    ($$'[{"kind": "track", "title": "x", "id": 7}]'$$, 'invalid_argument', 'a number for an id'),
    ($$'[{"kind": "track", "title": "x", "published_at": "NaN"}]'$$, 'invalid_argument', 'a time that is not a number'),
    ($$'[{"kind": "track", "title": "x", "published_at": "31 February"}]'$$, 'invalid_argument', 'a day that is not'),
    ($$'[{"kind": "track", "title": "x", "expires_at": 1e400}]'$$, 'invalid_argument', 'a number for a time'),
    ($$'[{"kind": "track", "title": "x", "visibility": "all"}]'$$, 'invalid_argument', 'an unknown visibility'),
    (
      $$'[{"kind": "track", "title": "x", "owner_id": "00000000-0000-0000-0000-000000000000"}]'$$, 'invalid_argument',
      'an owner who does not exist'
    ),
    (
      $$jsonb_build_array(
        jsonb_build_object('id', md5('new'), 'kind', 'track', 'title', 'x'),
        jsonb_build_object('id', md5('new'), 'kind', 'track', 'title', 'y'))$$, 'invalid_argument', 'an id twice'
    ),
    (
      $$jsonb_build_array(
        jsonb_build_object('kind', 'track', 'title', 'fine'),
        jsonb_build_object('id', md5('one'), 'kind', 'album', 'title', 'x'))$$, 'conflict', 'another kind'
    ),
    (
      $$(select jsonb_agg(jsonb_build_object('kind', 'track', 'title', 'x')) from generate_series(1, 10001))$$, 'too_large',
      'one too many'
    ),
    ($$jsonb_build_array(jsonb_build_object('kind', 'track', 'title', 'fine'), jsonb_build_object('kind', 'track'))$$,
      'invalid_argument', 'one bad item among good ones')
) as bad (items, code, why);
select is(tests.registered(), 10003::bigint, 'nothing of all that was written');
select act_as_owner();
select is((select kind from medley.items where id = md5('one')::uuid), 'track', 'an item keeps its kind');

select act_as((select ada from ids));
select throws_permission($$ select public.register_items('[]') $$, 'a member may not');
select throws_permission('select from medley.items', 'nor read the registry');
select act_as_owner();
select act_as_anon();
select throws_permission($$ select public.register_items('[]') $$, 'nor may anybody else');
select throws_permission('insert into medley.items (kind, title) values (''track'', ''x'')', 'by any way');

select * from finish();
