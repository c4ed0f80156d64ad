-- A pair is what was shown, with what came of it and how things stood just before.
select no_plan();

select make_kind('thing'), make_kind('other');
create temp table w as
select
  make_member('ada') as ada, make_member('ben') as ben,
  make_item('thing', 'old') as old, make_item('thing', 'liked') as liked, make_item('thing', 'passed') as passed,
  make_item('thing', 'played') as played, make_item('thing', 'open') as open, make_item('thing', 'regretted') as regretted,
  make_item('thing', 'taken back') as taken_back, make_item('other', 'elsewhere') as elsewhere,
  '2026-03-10T12:00:00Z'::timestamptz as t0, '2026-03-20T00:00:00Z'::timestamptz as as_of;
update medley.items as i set published_at = '2026-03-10T00:00:00Z' where i.kind in ('thing', 'other');
select embed_text(old, 1), embed_text(liked, 2), embed_text(passed, 3) from w;

select happened(ben, liked, 'like', t0 - interval '1 hour'), happened(ben, liked, 'view', t0 - interval '2 hours') from w;
select happened(ada, old, 'like', t0 - interval '2 days') from w;
-- A list: shown, looked at and liked, passed.
select
  happened(ada, liked, 'impression', t0, '{"position": 1}'),
  happened(ada, liked, 'dwell', t0 + interval '5 seconds', '{"dwell_ms": 4000}'),
  happened(ada, liked, 'click', t0 + interval '6 seconds'),
  happened(ada, liked, 'like', t0 + interval '7 seconds'),
  happened(ada, passed, 'impression', t0, '{"position": 0}'),
  happened(ada, played, 'play', t0 + interval '1 hour'),
  happened(ada, regretted, 'click', t0 + interval '2 hours'),
  happened(ada, regretted, 'report', t0 + interval '2 hours 1 second'),
  happened(ada, taken_back, 'unfollow', t0 + interval '2 hours'),
  happened(ada, elsewhere, 'like', t0 + interval '3 hours'),
  happened(ada, open, 'like', as_of - interval '1 hour')
from w;

select is(generate('s', as_of), '5 + 2', 'what was written') from w;
create function tests.pair(p_title text) returns medley.training_pairs language sql security definer as $$
  select t.* from medley.training_pairs as t where t.algorithm_version = 's' and t.item_title_snapshot = p_title
    and t.user_no = (select m.user_no from medley.members as m where m.user_id = md5('member ada')::uuid)
$$;

select is((pair('liked')).label, true, 'engaged with');
select is((pair('liked')).interaction_at, t0, 'its moment is when it was shown, not when it was liked') from w;
select is((pair('liked')).engagement, 'like', 'the strongest engagement');
select is((pair('liked')).engagements, '{click,dwell,impression,like}', 'all that happened');
select is((pair('liked')).dwell_ms, 4000, 'how long it was looked at');
select is((pair('liked')).position, 1::smallint, 'where it stood');
select is((pair('liked')).user_history_snapshot, jsonb_build_object('recent_items', array[old], 'recent_likes', array[old]),
  'the history is that of the moment') from w;
select ok((pair('liked')).user_embedding_snapshot operator(extensions.=) text_vector(1), 'and so is the taste');
select ok((pair('liked')).item_embedding_snapshot operator(extensions.=) text_vector(2), 'the item''s own vector');
select is((pair('liked')).item_metadata_snapshot,
  '{"counts": {"like": 1, "view": 1}, "age_hours": 12.00, "published_at": "2026-03-10T00:00:00+00:00"}',
  'the item''s state is that of the moment');
select is((pair('passed')).label, false, 'shown, and nothing came of it');
select is((pair('passed')).engagement, null, 'no engagement');
select is((pair('passed')).engagements, '{impression}', 'but what happened');
select is((pair('passed')).item_metadata_snapshot -> 'counts', '{}', 'nobody had met it');
select is((pair('played')).interaction_at, t0 + interval '1 hour', 'never shown: its moment is the engagement') from w;
select is((pair('played')).user_history_snapshot -> 'recent_items', jsonb_build_array(liked, old), 'newest first') from w;
select is((pair('regretted')).label, false, 'a click and then a report is a rejection');
select is((pair('regretted')).engagements, '{click,report}', 'with both on record');
select is((pair('taken back')).pair_id, null, 'taking back shows nothing');
select is((pair('open')).pair_id, null, 'an outcome that is open waits');
select is((select count(*) from medley.training_pairs where user_embedding_snapshot is null), 2::bigint, 'no taste without a past');

-- Again, and later.
select is(generate('s', as_of), '0 + 0', 'again: nothing new') from w;
select is(generate('t', as_of), '5 + 2', 'another set is another') from w;
select is(generate('s', as_of + interval '1 day'), '1 + 0', 'what was open has closed') from w;
select happened(ada, passed, 'like', as_of) from w;
select is(generate('s', as_of + interval '2 days'), '1 + 0', 'a negative that is liked later becomes a positive') from w;
select is((pair('passed')).interaction_at, as_of, 'with the moment of that') from w;
select is(
  (select format('%s + %s', g.positives, g.negatives) from medley.generate_training_pairs(30, 5, 'other', 'u', null, as_of) as g),
  '1 + 0', 'of one kind'
) from w;
select is(
  (select format('%s + %s', g.positives, g.negatives) from medley.generate_training_pairs(30, 5, null, 'v', ben, as_of) as g),
  '1 + 0', 'of one member'
) from w;
select is(
  (select format('%s + %s', g.positives, g.negatives) from medley.generate_training_pairs(9, 5, null, 'x', ada, as_of) as g),
  '0 + 0', 'of fewer days'
) from w;
select is((select count(*) from medley.training_candidates), 0::bigint, 'nothing is left over');

select * from finish();
