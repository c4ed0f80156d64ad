-- Whatever is written or deleted, and by whom: every counter is what a recount gives.
select plan(18);

select make_member(m) from unnest(array['ada', 'bob', 'cy']) as m;
select make_artist('Band'), make_artist('Other');
select make_event('show', 5, '{}', null, 'Band'), make_event('next', 6, '{}', null, 'Band');
select make_song(t) from unnest(array['One', 'Two', 'Three']) as t;
select make_setlist('list', 'show', '{One,Two,Three}'), make_setlist('more', 'next', '{One,Two}');
select make_setlist('own', 'show', '{One}', 'Band', 'user_created', 'cy');
insert into public.setlist_votes (setlist_song_id, user_id, vote)
select g.id, member(m.name), case when (g.position + length(m.name)) % 2 = 0 then 1 else -1 end
from public.setlist_songs as g
cross join unnest(array['ada', 'bob', 'cy']) as m (name);
select follow_item(m, artist(a)) from unnest(array['ada', 'bob', 'cy']) as m, unnest(array['Band', 'Other']) as a;
insert into public.item_follows (user_id, item_id) values (member('ada'), event('show'));

select is((select count(*) from public.setlist_votes), 18::bigint, 'eighteen votes');
select is((select sum(total_votes) from public.setlists), 18::bigint, 'are counted');
select is((select total_follows from public.profiles where username = 'ada'), 2, 'artists are follows, shows are not');
select is_empty('select * from miscounts()', 'votes of many at once');
update public.setlist_votes set vote = -vote where true;
select is_empty('select * from miscounts()', 'all turned around');
delete from public.setlist_votes where vote = -1 and user_id = member('ada');
select is_empty('select * from miscounts()', 'some withdrawn');
delete from public.setlist_songs where setlist_id = setlist('more') and position = 1;
select is_empty('select * from miscounts()', 'a song that leaves a setlist');
delete from public.songs where title = 'One';
select is_empty('select * from miscounts()', 'a song that leaves them all');
delete from public.item_follows where user_id = member('bob') and item_id = artist('Other');
select is_empty('select * from miscounts()', 'a follow that ends');
update public.item_follows set item_id = event('next') where user_id = member('bob') and item_id = artist('Band');
select is_empty('select * from miscounts()', 'or changes');
delete from public.profiles where username = 'ada';
insert into public.profiles (id, username, total_votes) values (member('ada'), 'late', 99);
select is_empty('select * from miscounts()', 'a profile that comes late');
delete from auth.users where id = member('bob');
select is_empty('select * from miscounts()', 'a member who leaves');
select is_empty('select * from rows_about(member(''bob''))', 'with everything');
delete from public.artists where name = 'Other';
select is_empty('select * from miscounts()', 'an artist that goes');
delete from public.setlists where name = 'more';
select is_empty('select * from miscounts()', 'a setlist that goes');
delete from auth.users where id = member('cy');
select is((select count(*) from public.setlists where name = 'own'), 0::bigint, 'a member''s setlists go along');
delete from public.events where title = 'show';
select is_empty('select * from miscounts()', 'a show that goes');
select is((select count(*) from public.setlist_votes), 0::bigint, 'with all votes');

select * from finish();
