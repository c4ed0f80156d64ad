-- While a model is active its probabilities rank what it knows; the rest keeps its smoothed rates.
select plan(13);

select make_member(name) from unnest(array['ada', 'bob', 'cy', 'dee']) as m (name);
select follow(member('ada'), member(name)) from unnest(array['bob', 'cy', 'dee']) as m (name);
select set_timeline('cold_start', 0), set_timeline('author_diversity', 1);
select make_post('bob', 'liked by ada'), make_post('cy', 'far off'), make_post('dee', 'unplaced');
select from medley.member_numbers(array[member('ada')]);
select act_as(member('ada'));
select is(home(), 'unplaced, far off, liked by ada', 'by rates, which are alike, the newest is first');
select act_as_owner();

-- A version with heads for likes and answers; its places are written by hand.
create temporary table model as
with version as (
  insert into medley.model_versions (version, model_type, text_model) values ('v1', 'two_tower', 'x') returning model_version_id
)
select v.model_version_id from version as v;
insert into medley.model_heads (model_version_id, kind_no, intercept, similarity, rate)
select m.model_version_id, k.kind_no, -1, 2, 0.5
from model as m cross join medley.engagement_kinds as k
where k.kind in ('like', 'reply');
insert into medley.embedding_types (embedding_type, model_version, dims, is_derived)
values ('two_tower', 'v1', 256, true)
on conflict (embedding_type) do update set model_version = 'v1';
create function tests.probability(p_content text, p_kind text) returns numeric language sql stable as $$
  select round((t.context -> 'p' ->> p_kind)::numeric, 5) from public.get_home_timeline() as t where t.content = p_content
$$;
create function tests.axis(p_n int, p_sign int default 1) returns extensions.vector language sql immutable as $$
  select array_agg(case when n = p_n then p_sign else 0 end order by n)::real[]::extensions.vector(256) from generate_series(1, 256) as n
$$;
insert into medley.content_embeddings (item_no, embedding_type, model_version, dims, embedding_256)
select i.item_no, 'two_tower', 'v1', 256, case i.title when 'far off' then tests.axis(1, -1) else tests.axis(1) end
from medley.items as i
where i.title in ('liked by ada', 'far off');
update medley.model_versions set is_active = true, activated_at = now() where version = 'v1';
select act_as(member('ada'));
select is(home(), 'unplaced, far off, liked by ada', 'for whom the model does not know, nothing changes');
select act_as_owner();
insert into medley.user_taste_vectors (user_no, embedding_type, model_version, embedding_256, computed_at)
select medley.member_no(member('ada')), 'two_tower', 'v1', tests.axis(1), now();

select act_as(member('ada'));
select is(home(), 'liked by ada, unplaced, far off', 'what is close to the member comes first, what is far off last');
select results_eq(
  'select t.content, t.algorithm from public.get_home_timeline() as t order by t.content',
  $$ values ('far off', 'v1'), ('liked by ada', 'v1'), ('unplaced', 'rates') $$,
  'a row says what made its probabilities'
);
select is(
  tests.probability('liked by ada', 'like'), round((1 / (1 + exp(-(-1 + 2 + 0.5 * ln(0.03 / 0.97)))))::numeric, 5),
  'intercept + similarity x cosine + rate x logit of the smoothed rate'
);
select is(
  tests.probability('far off', 'like'), round((1 / (1 + exp(-(-1 - 2 + 0.5 * ln(0.03 / 0.97)))))::numeric, 5), 'on the other side'
);
select is(tests.probability('far off', 'click'), 0.04, 'a kind without a head keeps its rate');
select is(tests.probability('unplaced', 'like'), 0.03, 'so does a post without a place');
select ok(
  (select bool_and(abs(t.score - (select sum(b.value::numeric) from jsonb_each_text(t.breakdown) as b)) < 0.00001) from public.get_home_timeline() as t),
  'the breakdown sums to the score'
);
select act_as_owner();
select follow(member('bob'), member('ada'));
select act_as(member('ada'));
select is(
  home_points('liked by ada', 'mutual_reply'), round(15 * (select (t.context -> 'p' ->> 'reply')::numeric from public.get_home_timeline(1) as t), 5),
  'an answer in a mutual follow weighs what the model expects'
);
select act_as_owner();
select act_as(member('ada'));
create temporary table before as select tests.probability('far off', 'reply') as reply;
select act_as_owner();
delete from medley.timeline_kinds where kind = 'like';
select act_as(member('ada'));
select is(tests.probability('far off', 'reply'), (select reply from before), 'where a kind is taken out, the others keep their heads');
select act_as_owner();
select is(
  (select p.probabilities from medley.timeline_probabilities(array[1], array[0.5], array[0]::real[], 0, 1, 1, null, array[1], array[1], array[1]) as p),
  array[0.5]::float8[], 'without a place of member or post it is rates'
);
update medley.model_versions set is_active = false where version = 'v1';
select act_as(member('ada'));
select is((select array_agg(distinct t.algorithm) from public.get_home_timeline() as t), array['rates'], 'without the model it is rates again');

select * from finish();
