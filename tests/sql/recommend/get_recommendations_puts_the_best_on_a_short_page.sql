-- A page of one item has the best one, also of a kind of which few are among those that are looked at closely.
select plan(2);

select make_kind('film'), make_kind('book'), make_members(1);
select make_items('film', 'f', 60), make_items('book', 'b', 1), make_items('book', 'new', 1, '1 hour');
select plant_list('behavior', array['f1 > b1 0.001'] || array(select 'f1 > f' || n || ' 0.01' from generate_series(2, 60) as n));
select engage('m1', 'f1', 'like');
insert into medley.item_availability (item_no, platform, country, available_from)
select item_no(item_named('b1')), 'shelf', '', now() - interval '1 day';
select act_as(md5('member m1')::uuid);
select public.set_platform_subscription('shelf', true);
select is(recommended('book'), array['b1', 'new1'], 'what the member has the platform of is worth most');
select is(recommended('book', 1), array['b1'], 'alone likewise');

select * from finish();
