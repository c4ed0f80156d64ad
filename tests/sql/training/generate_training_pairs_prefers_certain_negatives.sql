-- Of what was shown in vain the most certain is kept, so many for each positive of the member.
select no_plan();

select make_kind('thing');
create temp table w as
select make_member('ada') as ada, make_member('idle') as idle, '2026-03-10T12:00:00Z'::timestamptz as t, '2026-03-20T00:00:00Z'::timestamptz as as_of;
select make_item('thing', n) from unnest(array['taken', 'rejected', 'viewed', 'above', 'below', 'far below', 'other list']) as n;
select happened(ada, item_named(s.title), 'impression', t, jsonb_build_object('position', s.position, 'context', jsonb_build_object('request_id', s.list)))
from w, (values
  ('far below', 9, 'a'), ('below', 6, 'a'), ('taken', 5, 'a'), ('above', 4, 'a'), ('viewed', 7, 'a'), ('rejected', 8, 'a'),
  ('other list', 3, 'b')
) as s (title, position, list);
select happened(ada, item_named('taken'), 'click', t + interval '1 minute') from w;
select happened(ada, item_named('viewed'), 'view', t + interval '2 minutes') from w;
select happened(ada, item_named('rejected'), 'not_interested', t + interval '3 minutes') from w;
select happened(idle, item_named('above'), 'impression', t) from w;

create function tests.negatives_of(p_set text) returns table (title text) language sql volatile security definer as $$
  select t.item_title_snapshot from medley.training_pairs as t where t.algorithm_version = p_set and not t.label
$$;
select is(generate('one', as_of, 1), '1 + 1', 'one for one') from w;
select results_eq($$ select * from negatives_of('one') $$, array['rejected'], 'rejected is the most certain');
select is(generate('two', as_of, 2), '1 + 2', 'two') from w;
select bag_eq($$ select * from negatives_of('two') $$, array['rejected', 'viewed'], 'then what was looked at');
select is(generate('three', as_of, 3), '1 + 3', 'three') from w;
select bag_eq($$ select * from negatives_of('three') $$, array['rejected', 'viewed', 'above'], 'then what stood above what was taken');
select is(generate('four', as_of, 4), '1 + 4', 'four') from w;
select bag_eq($$ select * from negatives_of('four') $$, array['rejected', 'viewed', 'above', 'other list'], 'then by position');
select is(generate('five', as_of, 5.9), '1 + 5', 'no more than that') from w;
select bag_eq($$ select * from negatives_of('five') $$, array['rejected', 'viewed', 'above', 'other list', 'below'], 'in order');
select is(generate('many', as_of, 1000), '1 + 6', 'or as many as there are; none of a member without positives') from w;
select is(generate('half', as_of, 0.5), '1 + 0', 'half of one is none') from w;

select * from finish();
