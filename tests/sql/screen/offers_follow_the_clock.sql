-- Where a title can be seen is availability for the engine at once, and a feature while it lasts.
select plan(17);

select make_title('Now'), make_title('Soon'), make_title('Gone'), make_title('Brief');
select offer('Now', 'netflix', null, null, 'US'), offer('Now', 'hulu', -5, 5), offer('Soon', 'netflix', 2, 9);
select offer('Gone', 'netflix', -9, -2), offer('Brief', 'hulu', -1, 1);
create function tests.available(p_title text) returns text language sql security definer as $$
  select string_agg(
    concat_ws(' ', a.platform, nullif(a.country, ''), case when a.available_from <> '-infinity' then 'from' end,
      case when a.available_until <> 'infinity' then 'until' end), ', ' order by a.platform collate "C")
  from medley.item_availability as a inner join medley.items as i on i.item_no = a.item_no
  where i.id = title(p_title)
$$;
create function tests.shown() returns text language sql as
$$ select string_agg(a.title || ' ' || a.platform_name, ', ' order by a.title, a.platform_id) from public.available_titles as a $$;

select is(available('Now'), 'hulu from until, netflix US', 'offers are availability');
select is(available('Soon'), 'netflix from until', 'those to come too');
select is(feature_names(title('Now'), 'screen'), '{platform:hulu,platform:netflix}', 'a platform is a feature');
select is(feature_names(title('Soon'), 'screen'), null, 'not before the offer begins');
select is(feature_names(title('Gone'), 'screen'), null, 'nor after it has ended');
select act_as_anon();
select is(shown(), 'Brief Hulu, Now Hulu, Now Netflix', 'anybody reads what can be seen now');
select act_as_owner();
select is(
  (select array_agg(t.title order by t.title) from public.title_platforms as o inner join public.titles as t on t.id = o.title_id
   where o.changes_at is not null), '{Brief,Now,Soon}', 'only what will change is looked at again'
);

-- Time passes.
alter table public.title_platforms disable trigger user;
update public.title_platforms set available_until = now() - interval '1 hour', changes_at = now() - interval '1 hour' where title_id = title('Brief');
update public.title_platforms set available_from = now() - interval '1 hour', changes_at = now() - interval '1 hour' where title_id = title('Soon');
alter table public.title_platforms enable trigger user;
select is(medley.follow_title_platforms(1), 1::bigint, 'the job takes as many as it may');
select is(medley.follow_title_platforms(10), 1::bigint, 'then the rest');
select is(medley.follow_title_platforms(10), 0::bigint, 'and is done');
select is(feature_names(title('Soon'), 'screen'), '{platform:netflix}', 'what began is a feature');
select is(feature_names(title('Brief'), 'screen'), null, 'what ended is none');

update public.title_platforms set title_id = title('Brief'), platform_id = 'hulu' where title_id = title('Soon');
select is(coalesce(available('Soon'), '') || available('Brief'), 'hulu from until, hulu from until', 'an offer may move');
delete from public.platforms where id = 'hulu';
select is(available('Now') || coalesce(available('Brief'), ''), 'netflix US', 'and go with its platform');
select throws_ok($$ select offer('Now', 'netflix', null, null, 'US') $$, '23505', null, 'an offer is there once');
select throws_ok($$ select offer('Now', 'netflix', 2, 1) $$, '23514', null, 'it ends after it begins');
select throws_ok($$ select offer('Now', 'netflix', null, null, 'usa') $$, '23514', null, 'a country has two letters');

select * from finish();
