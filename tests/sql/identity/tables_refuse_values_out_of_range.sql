-- What a member writes directly is bounded by the tables themselves.
select plan(20);

create temp table one as select make_member('ada') as ada, make_member('bob') as bob;
grant select on one to authenticated;
select act_as((select ada from one));
insert into public.user_preferences (user_id) select ada from one;

select throws_ok(format('update public.user_preferences set %s where true', bad.change), bad.state, null, bad.change)
from (
  values
    ('home_latitude = 91, home_longitude = 0', '23514'),
    ('home_latitude = ''NaN'', home_longitude = 0', '23514'),
    ('home_latitude = 1, home_longitude = ''infinity''', '23514'),
    ('home_latitude = 1', '23514'),
    ('radius_km = 0', '23514'),
    ('radius_km = -5', '23514'),
    ('radius_km = ''NaN''', '23514'),
    ('radius_km = ''infinity''', '23514'),
    ('radius_km = null', '23502'),
    ('home_city = repeat(''x'', 201)', '23514'),
    ('preferences_profile = ''[]''', '23514'),
    ('preferences_profile = ''"text"''', '23514'),
    ('genre_preferences = array(select ''genre '' || n from generate_series(1, 51) as n)', '23514'),
    ('genre_preferences = null', '23502')
) as bad (change, state);
select throws_ok('update public.profiles set username = ''a'' where id = (select ada from one)', '23514', null, 'a short name');
select throws_ok(
  'update public.profiles set username = ''a b'' where id = (select ada from one)', '23514', null, 'a name with a space'
);
select throws_ok(
  'update public.profiles set username = ''bob'' where id = (select ada from one)', '23505', null, 'a name that is taken'
);
select throws_ok(
  'update public.profiles set bio = repeat(''x'', 10000000) where id = (select ada from one)', '23514', null,
  'ten megabytes of biography'
);
select throws_ok('insert into public.follows (followed_id) select ada from one', '23514', null, 'nobody follows themselves');
select throws_ok(
  'insert into public.follows (followed_id) values (gen_random_uuid())', '23503', null, 'or somebody who does not exist'
);

select * from finish();
