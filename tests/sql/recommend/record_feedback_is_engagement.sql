-- Feedback lands in the log under the names of apps, and counts at once.
select plan(19);

select make_kind('film');
select make_members(2);
select make_item('film', 'Film'), make_item('film', 'Hidden', md5('member m2')::uuid, 'private');

create function pg_temp.item(p_title text)
returns uuid
language sql stable security definer set search_path = ''
as $$ select i.id from medley.items as i where i.title = p_title $$;

select act_as(md5('member m1')::uuid);
select is(
  public.record_feedback(pg_temp.item('Film'), t), 'accepted', t || ' is accepted'
)
from unnest(array['impression', 'click', 'like', 'dislike', 'not_interested', 'watch_started', 'watch_completed']) as t;
select is(
  public.record_feedback(pg_temp.item('Film'), 'click', 1, jsonb_build_object(
    'occurred_at', now() - interval '1 hour', 'algorithm', 'collaborative', 'variant', 'a:b', 'position', 3, 'platform', 'web',
    'predicted_score', 0.5, 'page', 'home'
  )),
  'accepted', 'with its circumstances'
);
select is(
  public.record_feedback(pg_temp.item('Film'), 'click', 1, jsonb_build_object('occurred_at', now() - interval '1 hour')),
  'duplicate', 'a repeated call is recognised'
);

select act_as_owner();
select is((select count(*) from medley.recommendation_feedback), 8::bigint, 'the view has each of them');
select is(
  (select to_jsonb(f) - 'user_no' - 'item_no' - 'created_at' from medley.recommendation_feedback as f where f.position = 3),
  '{"feedback_type": "click", "feedback_value": 1, "algorithm": "collaborative", "variant": "a:b", "position": 3,
    "predicted_score": 0.5, "context": {"page": "home"}}'::jsonb,
  'under the names of apps, what is not ours in context'
);
select is(
  (select count(*) from medley.affinities as a where a.negative_at is not null), 1::bigint, 'it counts at once'
);

select act_as(md5('member m1')::uuid);
select throws_code($$ select public.record_feedback(pg_temp.item('Film'), 'adore') $$, 'invalid_argument', 'an unknown type');
select throws_code($$ select public.record_feedback(pg_temp.item('Film'), 'like', null, '[]') $$, 'invalid_argument',
  'a context that is no object');
select throws_code($$ select public.record_feedback(pg_temp.item('Film'), 'like', 'NaN') $$, 'invalid_argument', 'NaN');
select throws_code($$ select public.record_feedback(pg_temp.item('Film'), 'like', null, '{"occurred_at": "soon"}') $$,
  'invalid_argument', 'a time that is none');
select throws_code($$ select public.record_feedback(pg_temp.item('Hidden'), 'like') $$, 'not_found', 'an item that is hidden');
select throws_code($$ select public.record_feedback(null, 'like') $$, 'not_found', 'no item');
select act_as_anon();
select throws_permission($$ select public.record_feedback(null, 'like') $$, 'visitors have no feedback');

select * from finish();
