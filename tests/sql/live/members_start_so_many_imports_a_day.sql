-- A member starts so many imports a day; to join one is free, and the service has no limit.
select plan(7);

select make_member('ada'), make_member('bob');
update medley.settings set value = 2 where key = 'imports.member_daily';
create function tests.start(p_name text, p_member text, p_hours double precision default 0)
returns boolean
language sql
as $$
  select s.started
  from medley.start_import(
    jsonb_build_object('name', p_name), tests.member(p_member), now() + make_interval(secs => 3600 * p_hours)
  ) as s
$$;

select is(start('one', 'ada'), true, 'a first');
select is(start('two', 'ada', 1), true, 'a second');
select is(start('one', 'ada', 1), false, 'joining is free');
select throws_code($$ select start('three', 'ada', 2) $$, 'quota_exceeded', 'a third is too much');
select is(start('three', 'bob', 2), true, 'another member may');
select is(start('four', 'ada', 24.5), true, 'and the next day the first');
select is(s.started, true, 'the service has no limit') from public.start_import('{"name": "five"}') as s;

select * from finish();
