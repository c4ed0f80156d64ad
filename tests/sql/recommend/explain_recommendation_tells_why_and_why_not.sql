-- An explanation has the score of the row, diversity apart, the causes, and every filter that hides the item.
select plan(23);

select make_kind('film'), make_members(4);
select make_items('film', 'f', 20);
select plant_list('behavior', array['f1 > f3 0.9', 'f2 > f3 0.4', 'f1 > f4 0.6', 'f2 > f5 -0.4', 'f1 > f1 1']);
select plant_list('content', array['f1 > f3 0.5', 'f2 > f6 0.5']);
select crowd(4, 'f' || n, 'like', '40 days') from generate_series(10, 12) as n;
select engage('m1', 'f1', 'like', '2 days'), engage('m1', 'f2', 'like', '3 days');
select befriend(md5('member m1')::uuid, md5('member m2')::uuid);
select engage('m2', 'f4', 'like');
select medley.refresh_item_statistics();

select act_as(md5('member m1')::uuid);
select is_empty($$
  select r.title
  from public.get_recommendations(p_limit => 200) as r
  cross join lateral public.explain_recommendation(r.item_id) as e
  where e.score is not null
    and (
      abs(e.score - (r.score - (r.breakdown ->> 'diversity')::numeric)) > 0.00001
      or e.breakdown - 'diversity' <> r.breakdown - 'diversity'
      or (e.algorithm, e.reason, e.kind, e.title) is distinct from (r.algorithm, r.reason, r.kind, r.title)
      or e.hidden_by <> '{}'
    )
$$, 'the row''s score, breakdown, algorithm and reason');
select cmp_ok((select count(*) from public.get_recommendations(p_limit => 200) as r
  cross join lateral public.explain_recommendation(r.item_id) as e where e.score is not null), '>', 3::bigint, 'of several rows');
select ok((select array_agg(c ->> 'title') = array['f1', 'f2'] and min((c ->> 'points')::numeric) > 0.3
  from public.explain_recommendation(item_named('f3')) as e, jsonb_array_elements(e.causes) as c),
  'the causes, the strongest first');
select ok((select abs(sum((c ->> 'points')::numeric) - (e.breakdown ->> 'behavior')::numeric - (e.breakdown ->> 'content')::numeric)
  < 0.00001 from public.explain_recommendation(item_named('f3')) as e, jsonb_array_elements(e.causes) as c group by e.breakdown),
  'which sum to the points of behaviour and content');
select is((select e.causes -> 0 ->> 'item_id' from public.explain_recommendation(item_named('f3')) as e), item_named('f1')::text,
  'by id');
select is((select e.reason from public.explain_recommendation(item_named('f4')) as e),
  'Because you liked f1 · 1 friend likes it', 'and the reason');
select is((select e.causes from public.explain_recommendation(item_named('f10')) as e), '[]'::jsonb, 'the popular has no causes');

create function pg_temp.hidden_by(p_title text) returns text[] language sql as $$
  select e.hidden_by from public.explain_recommendation(item_named(p_title)) as e
$$;
select is(pg_temp.hidden_by('f1'), array['seen'], 'known');
select ok((select e.score > 0.9 from public.explain_recommendation(item_named('f1')) as e), 'a hidden item has its score too');
select is(pg_temp.hidden_by('f20'), '{}', 'nothing hides what no source leads to');
select ok((select num_nulls(e.score, e.algorithm, e.reason, e.breakdown) = 4
  from public.explain_recommendation(item_named('f20')) as e), 'it has no score and no reason');
select act_as_owner();
select engage('m1', 'f5', 'skip'), engage('m1', 'f6', 'dislike'), engage('m1', 'f7', 'impression');
select act_as(md5('member m1')::uuid);
select is(pg_temp.hidden_by('f5'), array['rejected'], 'rejected');
select ok((select e.score is not null from public.explain_recommendation(item_named('f5')) as e), 'with its score');
select is(pg_temp.hidden_by('f6'), array['seen', 'rejected'], 'both');
select is(pg_temp.hidden_by('f7'), array['shown_lately'], 'shown');

select act_as_owner();
select make_item('film', 'Own', md5('member m1')::uuid), make_item('film', 'Muted', md5('member m3')::uuid),
  make_item('film', 'Private', md5('member m3')::uuid, 'private'), make_item('film', 'Blocked', md5('member m4')::uuid),
  make_item('film', 'Over'), make_item('film', 'Soon');
update medley.items as i set expires_at = now() where i.title = 'Over';
update medley.items as i set published_at = now() + interval '1 minute' where i.title = 'Soon';
select mute(md5('member m1')::uuid, md5('member m3')::uuid), block(md5('member m4')::uuid, md5('member m1')::uuid);
select act_as(md5('member m1')::uuid);
select is(pg_temp.hidden_by('Own'), array['own'], 'own');
select is(pg_temp.hidden_by('Muted'), array['muted'], 'muted');
select is(pg_temp.hidden_by('Over'), array['expired'], 'over');
select is(pg_temp.hidden_by('Soon'), array['not_published'], 'not yet out');
select throws_code($$ select * from public.explain_recommendation(item_named('Private')) $$, 'not_found', 'a private item is not there');
select throws_code($$ select * from public.explain_recommendation(item_named('Blocked')) $$, 'not_found', 'nor one behind a block');
select throws_code($$ select * from public.explain_recommendation(gen_random_uuid()) $$, 'not_found', 'nor an unknown one');
select act_as_service();
select is((select e.title from public.explain_recommendation(item_named('Private'), md5('member m3')::uuid) as e), 'Private',
  'the service asks for a member');

select * from finish();
