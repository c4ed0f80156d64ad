-- Rates are counted from the log, each event once, old ones counting less.
select plan(22);

select make_member(name) from unnest(array['ada', 'bob', 'cy', 'dee']) as m (name);
select make_post('ada', 'a1'), make_post('ada', 'a2'), make_post('bob', 'b1');

-- Events as if written then: what counts is when the log got them.
create function tests.happens(p_member text, p_post text, p_kind text, p_at timestamptz) returns void language plpgsql as $$
begin
  perform tests.engage(p_member, p_post, p_kind, now() - p_at);
  update medley.engagements set logged_at = p_at where occurred_at = p_at;
end;
$$;
create function tests.rate_of(p_author text, p_kind text) returns numeric language sql stable as $$
  select round(((r.counts::real[])[k.place])::numeric, 2)
  from medley.author_rates as r cross join medley.timeline_kinds as k
  where r.user_id = member(p_author) and k.kind = p_kind
$$;
create function tests.exposures_of(p_author text) returns numeric language sql stable as $$
  select round(r.exposures::numeric, 2) from medley.author_rates as r where r.user_id = member(p_author)
$$;
-- A moment on the ten minutes, an hour or two ago: transactions have one time.
create temporary table clock as
select date_bin('10 minutes', now(), timestamptz '2000-01-01 00:00:00+00') - interval '2 hours' as t;

select is(medley.roll_up_author_rates_at(c.t), 0::bigint, 'an empty log') from clock as c;
select happens('bob', 'a1', 'impression', c.t + interval '1 second') from clock as c;
select happens('bob', 'a1', 'like', c.t + interval '2 seconds') from clock as c;
select happens('bob', 'a1', 'click', c.t + n * interval '3 seconds') from clock as c cross join generate_series(1, 5) as n;
select happens('cy', 'a1', 'impression', c.t + interval '1 minute') from clock as c;
select happens('cy', 'a2', 'not_interested', c.t + interval '2 minutes') from clock as c;
select happens('ada', 'a1', 'view', c.t + interval '3 minutes') from clock as c;

select is(medley.roll_up_author_rates_at(c.t + interval '19 minutes'), 0::bigint, 'ten minutes that may still grow wait') from clock as c;
select is(medley.roll_up_author_rates_at(c.t + interval '20 minutes'), 1::bigint, 'then one author is counted') from clock as c;
select is(exposures_of('ada'), 3.00, 'three members and posts met, ten minutes ago; oneself does not count');
select is(rate_of('ada', 'like'), 1.00, 'a like');
select is(rate_of('ada', 'click'), 1.00, 'five clicks in ten minutes are one');
select is(rate_of('ada', 'not_interested'), 1.00, 'a rejection');
select is(rate_of('ada', 'view'), 0.00, 'no view but the author''s own');
select is(exposures_of('bob'), null, 'who met nobody has no row');
select is(
  (select round(k.rate::numeric, 4) from medley.timeline_kinds as k where k.kind = 'like'), round((1 + 30) / 1003.0, 4),
  'the rate of all authors moves with it'
);
select is(medley.roll_up_author_rates_at(c.t + interval '20 minutes'), 0::bigint, 'a second run counts nothing twice') from clock as c;
select is(exposures_of('ada'), 3.00, 'indeed');

-- An unlike takes a like back.
select happens('bob', 'a1', 'unlike', c.t + interval '31 minutes') from clock as c;
select happens('dee', 'a1', 'unlike', c.t + interval '32 minutes') from clock as c;
select is(medley.roll_up_author_rates_at(c.t + interval '60 minutes'), 1::bigint, 'later events are added') from clock as c;
select is(rate_of('ada', 'like'), 0.00, 'a like that was taken back; below nothing it does not go');
select is(exposures_of('ada'), 3.00, 'and is no exposure');

-- Counting anew gives the same.
create temporary table kept as select r.* from medley.author_rates as r;
update medley.timeline_state set counted_until = '-infinity' where singleton;
delete from medley.author_rates where true;
select is(medley.roll_up_author_rates_at(c.t + interval '60 minutes'), 1::bigint, 'counted at once') from clock as c;
select ok(
  (select bool_and(abs(k.exposures - r.exposures) < 0.001) from kept as k inner join medley.author_rates as r on r.user_id = k.user_id),
  'exposures are the same'
);
select is(rate_of('ada', 'click'), 1.00, 'so are the kinds');

-- Time.
select happens('bob', 'a2', 'impression', c.t + interval '40 minutes') from clock as c;
update medley.timeline_state set counted_until = c.t + interval '30 days' from clock as c where singleton;
update medley.author_rates set counted_at = c.t + interval '30 days', exposures = 8 from clock as c where true;
update medley.engagements set logged_at = c.t + interval '60 days' - interval '11 minutes' from clock as c where occurred_at = c.t + interval '40 minutes';
select is(medley.roll_up_author_rates_at(c.t + interval '60 days'), 1::bigint, 'a month later') from clock as c;
select is(exposures_of('ada'), 5.00, 'what was counted before has halved');
delete from auth.users where id = member('ada');
select is((select count(*) from medley.author_rates), 0::bigint, 'a deleted account leaves no rates');
select lives_ok('select medley.rebuild_author_rates()', 'counting everything anew');

select * from finish();
