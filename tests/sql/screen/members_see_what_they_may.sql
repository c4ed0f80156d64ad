-- The catalogue is for everyone but what is hidden, and for the service to write.
select plan(31);

select make_member('ada'), make_member('bob');
select make_title('Open'), make_title('private'), make_title('followers'), make_title('bob''s');
select make_person('Somebody');
select credit(t.name, 'Somebody'), offer(t.name, 'netflix') from unnest(array['Open', 'private', 'followers', 'bob''s']) as t (name);
update medley.items set visibility = title where title in ('private', 'followers');
update medley.items set owner_id = member('bob') where title = 'bob''s';
select block(member('bob'), member('ada'));

create function tests.seen() returns text language sql as $$ select string_agg(t.title, ',' order by t.title) from public.titles as t $$;
select act_as_anon();
select is(seen(), 'bob''s,Open', 'anyone reads what is public');
select is((select count(*) from public.title_credits), 2::bigint, 'and who made it');
select is((select count(*) from public.title_platforms), 2::bigint, 'and where it runs');
select is((select count(*) from public.available_titles), 2::bigint, 'in the view too');
select is((select count(*) from public.people) + (select count(*) from public.platforms), 2::bigint, 'people and platforms are public');
select throws_permission(format('%s public.%I', s.verb, t.name), s.verb || ' ' || t.name)
from unnest(array['titles', 'people', 'title_credits', 'platforms', 'title_platforms']) as t (name),
  (values ('delete from'), ('truncate')) as s (verb);

select act_as(member('ada'));
select is(seen(), 'Open', 'a block hides what the other owns');
select is((select count(*) from public.title_credits), 1::bigint, 'with its credits');
select is((select count(*) from public.available_titles), 1::bigint, 'and offers');
select throws_permission($$ insert into public.titles (kind, title) values ('movie', 'Mine') $$, 'members write no titles');
select throws_permission($$ update public.titles set title = 'X' where true $$, 'nor change them');
select throws_permission($$ insert into public.people (name) values ('Me') $$, 'nor people');
select throws_permission($$ insert into public.title_credits (title_id, person_id, role) values (title('Open'), person('Somebody'), 'writer') $$, 'nor credits');
select throws_permission($$ insert into public.platforms (id, name) values ('mine', 'Mine') $$, 'nor platforms');
select throws_permission($$ insert into public.title_platforms (title_id, platform_id) values (title('Open'), 'netflix') $$, 'nor offers');
select throws_permission($$ insert into public.titles_genres (title_id, genre_id) values (title('Open'), gen_random_uuid()) $$, 'nor genre links');
select throws_permission('select medley.follow_title_platforms(1)', 'jobs are the engine''s');
select throws_permission('select medley.refresh_title_features(''{}'', now())', 'so are its functions');
select act_as(member('bob'));
select is(seen(), 'bob''s,Open', 'the owner sees the own');

select act_as_service();
select is(seen(), 'bob''s,followers,Open,private', 'the service sees all');
select lives_ok($$ update public.titles set overview = 'X' where title = 'Open' $$, 'and writes titles');
select lives_ok($$ delete from public.title_credits where title_id = title('Open') $$, 'and the rest');

select * from finish();
