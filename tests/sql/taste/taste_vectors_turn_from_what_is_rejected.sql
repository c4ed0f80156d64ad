-- A taste vector is the mean of what the member likes, less a share of the mean of what the member rejects.
select plan(4);

select make_kind('thing'), make_member('ada');
select make_item('thing', 'x'), make_item('thing', 'y'), make_item('thing', 'z');
select medley.set_item_embeddings('description', 'm', jsonb_agg(jsonb_build_object(
  'item_id', item_named(t.title), 'embedding', array_fill(0, array[t.n - 1]) || 2 || array_fill(0, array[64 - t.n]))))
from (values ('x', 1), ('y', 2), ('z', 3)) as t (title, n);
create function tests.taste() returns text language sql as $$
  select string_agg(round(e.x::numeric, 2)::text, ' ' order by e.n)
  from medley.taste_vectors_at(array[medley.member_no(md5('member ada')::uuid)], now()) as t, unnest(t.embedding_64::real[]) with ordinality as e (x, n)
  where t.embedding_type = 'description' and e.n <= 3
$$;
create function tests.does(p_title text, p_kind text) returns text language sql as $$
  select w.status from medley.write_engagements(md5('member ada')::uuid,
    jsonb_build_array(jsonb_build_object('item_id', item_named(p_title), 'kind', p_kind)), '1970-01-01Z', now()) as w
$$;

select does('z', 'dislike');
select is(taste(), null, 'who only rejects points nowhere');
select does('x', 'like'), does('y', 'like');
select is(taste(), '0.67 0.67 -0.33', 'likes pull, rejections push');
update medley.settings set value = 0 where key = 'taste.rejected_share';
select is(taste(), '0.71 0.71 0.00', 'as much as the setting says');
update medley.settings set value = 1 where key = 'taste.rejected_share';
select is(taste(), '0.41 0.41 -0.82', 'at most as much as likes');

select * from finish();
