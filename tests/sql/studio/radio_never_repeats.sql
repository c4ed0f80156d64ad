-- A radio goes on from its seed, each track once, without what the member rejects, the own taste first within a page.
select plan(8);

select make_member('ada'), make_member('bob');
select make_track('bob', 'Seed'), make_track('bob', 'Liked');
select make_track('bob', 't' || n) from generate_series(1, 25) as n;
select give_sound(track('Seed'), 1), give_sound(track('Liked'), 0, 0, 1);
select give_sound(track('t' || n), cos(n / 40.0)::real, sin(n / 40.0)::real, case when n % 5 = 0 then 0.02 else 0 end::real) from generate_series(1, 25) as n;

create function tests.listen(p_page int) returns table (page int, title text) language plpgsql as $$
declare v_cursor text; v_next text;
begin
  for v_page in 1 .. 99 loop
    v_next := null;
    page := v_page;
    for title, v_next in select r.title, r.next_cursor from public.get_radio(track('Seed'), p_limit => p_page, p_cursor => v_cursor) as r loop
      return next;
    end loop;
    v_cursor := v_next;
    exit when v_cursor is null;
  end loop;
end $$;

select act_as(member('ada'));
select is((select row(count(*), count(distinct l.title), max(l.page))::text from listen(5) as l), '(26,26,6)', 'every track once');
select is((select l.title from listen(5) as l limit 1), 't1', 'the nearest first');
select act_as_owner();
select engage('ada', 'Liked', 'like'), engage('ada', 't2', 'skip');
select act_as(member('ada'));
select is((select count(*) from listen(5) as l where l.title = 't2'), 0::bigint, 'what is skipped does not come back');
select is((select count(distinct l.title) from listen(5) as l), 25::bigint, 'all else does');
select is((select l.title from listen(5) as l limit 1), 't5', 'within a page taste decides');
select act_as_anon();
select is((select count(*) from listen(7) as l), 26::bigint, 'anybody may listen');
select throws_code($$ select public.get_radio(gen_random_uuid()) $$, 'not_found', 'to what exists');
select throws_code($$ select public.get_radio(track('Seed'), p_limit => 201) $$, 'invalid_argument', 'in pages');

select * from finish();
