-- updated_at follows every change, whatever the statement says.
select plan(2);

create temp table one as select make_member('ada') as id;
update public.profiles set updated_at = '2001-01-01' where id = (select id from one);
select is((select updated_at from public.profiles where id = (select id from one)), now(), 'nobody sets it by hand');
insert into public.user_preferences (user_id) select id from one;
update public.user_preferences set updated_at = '2001-01-01', radius_km = 5 where user_id = (select id from one);
select is((select updated_at from public.user_preferences), now(), 'preferences too');

select * from finish();
