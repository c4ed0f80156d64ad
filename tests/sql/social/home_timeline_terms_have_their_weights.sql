-- Each term of the score gives its documented points: every kind of engagement, and every factor.
select no_plan();

select make_member(name) from unnest(array['ada', 'bob', 'cy', 'dee']) as m (name);
select follow(member('ada'), member('bob')), follow(member('ada'), member('cy'));
select set_timeline('cold_start', 0), set_timeline('author_diversity', 1);
select make_post('bob', 'b1');

-- Without anything known the guesses of timeline_kinds are the probabilities.
select act_as(member('ada'));
select is(home_points('b1', 'like'), 0.015, 'nobody''s like: 0.5 x 0.03');
select is(home_points('b1', 'report'), -0.00468, 'nobody''s report: -234 x 0.00002');
select is(
  (select count(*) from public.get_home_timeline() as t cross join lateral jsonb_object_keys(t.breakdown)), 19::bigint,
  'all kinds are in the breakdown, and no factor that changed nothing'
);
select act_as_owner();

-- Each kind by itself: 50 of 100 exposures make (50 + 50 x usual rate) / (100 + 50).
create function tests.with_kind(p_kind text) returns table (points numeric, score numeric) language plpgsql as $$
begin
  perform plant_rates('bob', 100, jsonb_build_object(p_kind, 50));
  perform act_as(member('ada'));
  return query select home_points('b1', p_kind), home_points('b1');
  perform act_as_owner();
end;
$$;
create temporary table without as
select t.score from tests.with_kind('none of them') as t;

create temporary table measured as
select w.term, w.weight, k.rate, t.points, t.score
from medley.ranker_weights as w
inner join medley.timeline_kinds as k on k.kind = w.term
cross join lateral tests.with_kind(w.term) as t
where w.ranker = 'home_timeline';
select is((select count(*) from measured), 19::bigint, 'nineteen kinds are weighed');
select ok(
  (select count(*) = 12 from measured as m where m.term in (
    'like', 'reply', 'repost', 'view', 'click', 'share', 'profile_click', 'dwell', 'not_interested', 'block_author',
    'mute_author', 'report'
  )),
  'among them the twelve that every app logs'
);
select is(
  m.points, round(m.weight * ((50 + 50 * m.rate) / 150)::numeric, 5), format('%s: its weight times its probability', m.term)
) from measured as m;
select ok(
  case when m.weight > 0 then m.score > w.score else m.score < w.score end, format('%s moves the score', m.term)
) from measured as m cross join without as w;

-- An exposure that leads to nothing lowers what is expected.
select plant_rates('bob', 1000);
select act_as(member('ada'));
select is(home_points('b1', 'like'), round(0.5 * 50 * 0.03 / 1050, 5), 'a thousand exposures without a like');
select act_as_owner();
delete from medley.author_rates where true;

-- A mutual follow.
select follow(member('bob'), member('ada'));
select act_as(member('ada'));
select is(home_points('b1', 'mutual_reply'), 0.06, 'who follows back: 15 x 0.004 more for an answer');
select ok((select (t.context ->> 'mutual')::boolean from public.get_home_timeline() as t), 'and the context says so');
select act_as_owner();

-- Out of the network.
select make_post('dee', 'd1');
select act_as(member('ada'));
select is(home_points('d1', 'mutual_reply'), null, 'nothing for strangers');
select is(home_points('d1', 'out_of_network'), round(-0.25 * (home_points('b1') - 0.06), 5), 'whose points count three quarters');
select is((select (t.context ->> 'm')::numeric from public.get_home_timeline() as t where t.content = 'd1'), 0.75, 'the context says by what');
select act_as_owner();
select plant_rates('dee', 100, '{"report": 50}');
select act_as(member('ada'));
select ok(home_points('d1', 'out_of_network') < 0 and home_points('d1') < 0, 'bad points do not get better by it');
select act_as_owner();

-- Cold start.
select set_timeline('cold_start', 0.5);
select plant_rates('cy', 25);
select make_post('cy', 'c1');
select act_as(member('ada'));
select is(home_points('c1', 'cold_start'), round((home_points('c1') - home_points('c1', 'cold_start')) * 0.5 * 0.75, 5), 'a quarter of the way: three quarters of the lift');
select act_as_owner();
select plant_rates('cy', 100);
select act_as(member('ada'));
select is(home_points('c1', 'cold_start'), null, 'at the scale there is none');
select act_as_owner();

-- Author diversity.
select set_timeline('author_diversity', 0.25);
select make_post('bob', 'b2'), make_post('bob', 'b3');
select act_as(member('ada'));
select is(home_points('b3', 'author_diversity'), null, 'the first post of an author counts in full');
select is(home_points('b2', 'author_diversity'), round(home_points('b3') * -0.375, 5), 'the second 0.25 + 0.75 x 0.5');
select is(home_points('b1', 'author_diversity'), round(home_points('b3') * -0.5625, 5), 'the third 0.25 + 0.75 x 0.25');
select act_as_owner();
select engage('ada', 'b3', 'impression', '60 seconds');
select act_as(member('ada'));
select is(
  home_points('b2', 'author_diversity'), round((home_points('b2') - home_points('b2', 'author_diversity')) * -0.75 * (1 - power(0.5, 0.5)), 5),
  'what was shown a minute ago counts half a post'
);
create temporary table before as select home_points('b2', 'author_diversity') as points;
select act_as_owner();
select make_kind('thing'), make_item('thing', 'of bob', member('bob'));
select engage('ada', 'of bob', 'impression', '30 seconds');
select act_as(member('ada'));
select is(home_points('b2', 'author_diversity'), (select points from before), 'what else of the author was shown does not matter');
select act_as_owner();

-- An experiment's variant.
select make_member('zoe'), follow(member('zoe'), member('bob'));
select medley.create_experiment(
  'louder', 'home_timeline',
  '[{"variant": "control", "share": 0.5}, {"variant": "likes", "share": 0.5, "weights": {"like": 10, "out_of_network": 0.5}}]',
  'engagement', 1, null, 'salt', null, now()
), medley.start_experiment('louder', now());
create temporary table variants as
select m.name, e.variant
from unnest(array['ada', 'zoe']) as m (name)
cross join lateral medley.active_experiment(member(m.name), 'home_timeline', now()) as e;
create function tests.variant_of_row(p_member text) returns table (variant text, likes numeric) language plpgsql as $$
begin
  perform act_as(member(p_member));
  return query select t.variant, round((t.breakdown ->> 'like')::numeric / (t.context -> 'p' ->> 'like')::numeric, 3)
    from public.get_home_timeline(1) as t;
  perform act_as_owner();
end;
$$;
create temporary table ranked as
select v.variant as assigned, r.* from variants as v cross join lateral tests.variant_of_row(v.name) as r;
select is(r.variant, 'louder:' || r.assigned, 'a row says which variant ranked it') from ranked as r;
select is(r.likes, case r.assigned when 'likes' then 10 else 0.5 end, 'by its weights') from ranked as r;

-- Weights are rows.
select medley.stop_experiment('louder', now());
update medley.ranker_weights set weight = 0 where ranker = 'home_timeline';
select act_as(member('zoe'));
select is(home_points('b3'), 0.0, 'without weights nothing has points');
select is((select t.breakdown from public.get_home_timeline(1) as t), '{}', 'and the breakdown is empty');
select ok(home() is not null, 'but there is a timeline');
select act_as_owner();
delete from medley.ranker_weights where ranker = 'home_timeline';
select act_as(member('zoe'));
select ok(home() is not null, 'even without rows of weights');

select * from finish();
