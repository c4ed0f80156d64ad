-- No event at or after a pair's moment, but its own outcome, reaches the pair: not when it is there, not when it is shuffled.
select no_plan();

select make_kind('thing');
create temp table w as select '2026-03-20T00:00:00Z'::timestamptz as as_of, '2026-03-12T12:01:00Z'::timestamptz as cut;
create temp table who as select n, make_member('m' || n) as id from generate_series(1, 4) as n;
create temp table what as select n, make_item('thing', 'i' || n) as id from generate_series(1, 12) as n;
update medley.items as i set published_at = '2026-03-01T00:00:00Z' where i.kind = 'thing';
select embed_text(id, n) from what;

-- The past: every member sees three items a day, and takes one. Some events share their second with others.
select happened(u.id, i.id, k.kind, '2026-03-05T12:00:00Z'::timestamptz + make_interval(days => d, secs => k.delay), k.more)
from generate_series(0, 6) as d
cross join who as u
cross join generate_series(0, 2) as p
inner join what as i on i.n = 1 + (u.n * 5 + d * 3 + p) % 12
cross join lateral (
  values
    ('impression', 0, jsonb_build_object('position', p, 'context', jsonb_build_object('request_id', u.n * 100 + d))),
    ((array['like', 'click', 'not_interested'])[1 + (u.n + d) % 3], 30, '{}')
) as k (kind, delay, more)
where k.kind = 'impression' or p = d % 3;

select matches(generate('alone', as_of, 1000), '^\d+ \+ \d+$', 'pairs of a log that ends') from w;
select cmp_ok((select count(*) from medley.training_pairs where label), '>', 10::bigint, 'some are positive');
select cmp_ok((select count(*) from medley.training_pairs where not label), '>', 20::bigint, 'some are negative');
select cmp_ok((select count(*) from medley.training_pairs where user_embedding_snapshot is not null), '>', 20::bigint, 'with a taste');

-- More of everything a day after the last moment, by everyone, on every item: one future, then another.
create function tests.change_the_future(p_shift int) returns void language sql security definer as $$
  delete from medley.engagements as e where e.occurred_at >= '2026-03-12T12:01:00Z';
  select tests.happened(u.id, i.id, (array['like', 'report', 'view', 'impression'])[1 + (u.n + i.n + p_shift) % 4],
    '2026-03-12T12:01:00Z'::timestamptz + make_interval(hours => (u.n * 7 + i.n * (5 + p_shift)) % 90, secs => i.n))
  from pg_temp.who as u cross join pg_temp.what as i
$$;
-- Pairs of both sets, and whether they are the same to the last byte. A negative that is liked later is another pair.
create function tests.compare(p_set text) returns table (label boolean, same boolean) language sql security definer as $$
  select a.label, to_jsonb(a) - d.own = to_jsonb(t) - d.own
    and a.user_embedding_snapshot::text is not distinct from t.user_embedding_snapshot::text
  from (values ('{pair_id,created_at,algorithm_version}'::text[])) as d (own)
  cross join medley.training_pairs as a
  left join medley.training_pairs as t
    on a.user_no = t.user_no and a.item_no = t.item_no and t.algorithm_version = p_set
  where a.algorithm_version = 'alone' and (a.label or not t.label)
$$;
select change_the_future(0);
select cmp_ok((select count(*) from medley.engagements where occurred_at >= cut), '>', 40::bigint, 'a future') from w;
select generate('appended', as_of, 1000) from w;
select is((select count(*) from compare('appended') where label and not same), 0::bigint, 'it changes no byte of a positive');
select is((select count(*) from compare('appended') where not label and not same), 0::bigint, 'nor of a negative');
select cmp_ok((select count(*) from compare('appended') where not label), '>', 10::bigint, 'of which there are many');
select change_the_future(3);
select generate('shuffled', as_of, 1000) from w;
select is((select count(*) from compare('shuffled') where not coalesce(same, false)), 0::bigint, 'nor does a shuffled future');
select cmp_ok((select count(*) from compare('shuffled') where not label), '>', 10::bigint, 'of which there are many');

-- The bound is <, not <=: what happens in the very moment is not yet known.
create temp table b as
select make_member('late') as late, make_item('thing', 'shown') as shown, make_item('thing', 'then') as then_, '2026-03-15T00:00:00Z'::timestamptz as t;
select embed_text(then_, 77) from b;
select
  happened(late, shown, 'impression', t), happened(late, shown, 'like', t + interval '1 second'),
  happened(late, then_, 'like', t),
  happened((select id from who where n = 1), shown, 'like', t)
from b;
select generate('bound', as_of) from w;
create function tests.bound() returns medley.training_pairs language sql security definer as $$
  select t.* from medley.training_pairs as t
  where t.algorithm_version = 'bound' and t.item_title_snapshot = 'shown'
    and t.user_no = (select m.user_no from medley.members as m where m.user_id = md5('member late')::uuid)
$$;
select is((bound()).label, true, 'a positive');
select is((bound()).user_history_snapshot, '{"recent_items": [], "recent_likes": []}', 'a like of the same moment is no history');
select is((bound()).user_embedding_snapshot, null, 'nor taste');
select is((bound()).item_metadata_snapshot -> 'counts', '{}', 'nor is one by somebody else a count');
select happened(late, then_, 'like', t - interval '1 microsecond'), happened((select id from who where n = 1), shown, 'like', t - interval '1 microsecond') from b;
delete from medley.training_pairs as t where t.algorithm_version = 'bound';
select generate('bound', as_of) from w;
select is((bound()).user_history_snapshot -> 'recent_likes', jsonb_build_array(then_), 'one of a microsecond before is') from b;
select ok((bound()).user_embedding_snapshot operator(extensions.=) text_vector(77), 'and taste');
select is((bound()).item_metadata_snapshot -> 'counts', '{"like": 1}', 'and a count');

-- Of the item itself the history says nothing, or a model would learn to recognise what it has met.
select happened(late, shown, 'like', t - interval '3 days') from b;
delete from medley.training_pairs as t where t.algorithm_version = 'bound';
select is(
  (select s.history -> 'recent_likes' from b, medley.members as m, medley.member_snapshot(m.user_no, b.t, item_no(b.shown)) as s
   where m.user_id = b.late),
  (select jsonb_build_array(then_) from b), 'the item is left out of its own history'
);

select * from finish();
