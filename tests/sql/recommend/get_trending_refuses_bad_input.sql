-- What cannot be meant is refused with a code.
select plan(18);

select make_members(2);
select act_as_anon();
select throws_code($$ select * from public.get_trending('never') $$, 'invalid_argument', 'an unknown kind');
select throws_code($$ select * from public.get_trending(p_window => 'year') $$, 'invalid_argument', 'an unknown window');
select throws_code($$ select * from public.get_trending(p_window => null) $$, 'invalid_argument', 'no window');
select throws_code($$ select * from public.get_trending(p_trend_type => 'local') $$, 'invalid_argument', 'an unknown type');
select throws_code($$ select * from public.get_trending(p_trend_type => null) $$, 'invalid_argument', 'no type');
select throws_code($$ select * from public.get_trending(p_trend_type => 'genre') $$, 'invalid_argument', 'a genre without a name');
select throws_code($$ select * from public.get_trending(p_segment => 'rock') $$, 'invalid_argument', 'a name without a type');
select throws_code($$ select * from public.get_trending(p_trend_type => 'genre', p_segment => 'no-such') $$, 'not_found',
  'an unknown genre');
select throws_code($$ select * from public.get_trending(p_limit => 0) $$, 'invalid_argument', 'no rows');
select throws_code($$ select * from public.get_trending(p_limit => 201) $$, 'invalid_argument', 'too many rows');
select throws_code($$ select * from public.get_trending(p_cursor => 'eHl6') $$, 'invalid_cursor', 'a damaged cursor');
select throws_code($$ select * from public.get_trending(p_trend_type => 'friend_network') $$, 'unauthenticated',
  'friends of nobody');
select throws_code($$ select * from public.get_trending(p_trend_type => 'cluster') $$, 'unauthenticated', 'taste of nobody');
select throws_code($$ select * from public.get_trending(p_trend_type => 'cluster', p_segment => '1') $$, 'invalid_argument',
  'the cluster of others');
select throws_code(format('select * from public.get_trending(p_user_id => %L)', md5('member m1')::uuid), 'unauthenticated',
  'a visitor who names a member');
select act_as(md5('member m1')::uuid);
select throws_code(format('select * from public.get_trending(p_user_id => %L)', md5('member m2')::uuid), 'forbidden',
  'a member who names another');
select act_as_service();
select throws_code($$ select * from public.get_trending(p_trend_type => 'friend_network') $$, 'invalid_argument',
  'the service without a member');
select throws_code($$ select * from public.get_trending(p_trend_type => 'cluster') $$, 'invalid_argument',
  'nor for a cluster');

select * from finish();
