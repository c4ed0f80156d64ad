-- What single events are worth: weight, polarity, score, decay.
select no_plan();

select is(medley.engagement_score(0.4::real, 1::smallint, null, null), 0.4::real, 'the kind alone');
select is(medley.engagement_score(0.4::real, 1::smallint, 1::real, null), 0.7::real, 'progress takes half of what is left');
select is(medley.engagement_score(0, 1::smallint, null, 30000), 0.15::real, 'dwell takes up to 0.3 of it');
select is(
  medley.engagement_score(0, 1::smallint, null, 60000), medley.engagement_score(0, 1::smallint, null, 6000000),
  'no more after a minute'
);
select is(medley.engagement_score(0.1::real, -1::smallint, 1::real, 60000), 0.1::real, 'a rejection stays a rejection');
select ok(
  (select min(medley.engagement_score(k.engagement, k.polarity, p::real, d)) >= 0
    and max(medley.engagement_score(k.engagement, k.polarity, p::real, d)) <= 1
  from medley.engagement_kinds as k, unnest(array[0, 0.5, 1]) as p, unnest(array[0, 1, 2147483647]) as d),
  'always between 0 and 1'
);
select is(medley.engagement_weight(2, 'none', 100), 2::float8, 'a value that says nothing counts for nothing');
select is(medley.engagement_weight(2, 'count', 0), 0::float8, 'none is worth nothing');
select is(medley.engagement_weight(2, 'count', null), 2::float8, 'one by default');
select is(round(medley.engagement_weight(2, 'count', 1023)::numeric, 6), 20::numeric, 'a thousand are worth ten');
select is(medley.engagement_weight(4, 'rating', 0.5), 2::float8, 'half the stars, half the weight');
select is(medley.engagement_polarity(1::smallint, 'rating', 0.29), -1::smallint, 'a low rating rejects');
select is(medley.engagement_polarity(1::smallint, 'rating', 0.3), 1::smallint, 'a fair one does not');

select is(round(medley.affinity_at(8, '2026-01-01Z', 30::smallint, '2026-01-31Z')::numeric, 9), 4.0, 'half after a half-life');
select is(round(medley.affinity_at(8, '2026-01-01Z', 30::smallint, '2026-03-02Z')::numeric, 9), 2.0, 'a quarter after two');
select is(medley.affinity_at(8, '2026-01-01Z', 30::smallint, '2025-01-01Z'), 8::float8, 'it never grows');
select ok(
  medley.affinity_at(8, '1970-01-01Z', 1::smallint, '2070-01-01Z') between 0 and 1e-200, 'a century of days is no error'
);
select is(medley.to_score(1e-200), 0::real, 'what is too small to store is nothing');
select is(medley.to_score(1.25), 1.25::real, 'what is not is kept');

select isnt_empty(
  format('select from medley.engagement_kinds where kind = %L', kind), format('there is a kind %s', kind)
)
from unnest(string_to_array(
  'impression view click play pause skip like dislike share add_to_list remove_from_list complete abandon reply repost '
  'quote profile_click dwell not_dwelled not_interested block_author mute_author report rate rsvp follow unfollow vote '
  'bookmark watch_started watch_completed', ' '
)) as kind;
select ok(bool_and(k.weight >= 0), 'kinds that want are worth something') from medley.engagement_kinds as k where k.polarity = 1;
select ok(bool_and(k.weight < 0), 'kinds that reject cost something') from medley.engagement_kinds as k where k.polarity = -1;
update medley.engagement_kinds set weight = 3 where kind = 'like';
select is((select version from medley.engagement_kinds where kind = 'like'), 2, 'another weight is another version');

select * from finish();
