-- A muted friend's plans say nothing to the member who mutes; unmuted, they count again.
select plan(4);

select make_member('ada'), make_member('bob'), make_event('show', 3);
insert into public.follows (follower_id, followed_id)
values (member('ada'), member('bob')), (member('bob'), member('ada'));
select rsvp('bob', 'show');
select is(term('ada', 'show', 'friend_interest'), 5.0, 'a friend who goes counts');

insert into public.user_mutes (user_id, muted_id) values (member('ada'), member('bob'));
select is(term('ada', 'show', 'friend_interest'), null, 'muted, not');

delete from public.user_mutes where user_id = member('ada');
insert into public.user_mutes (user_id, muted_id) values (member('bob'), member('ada'));
select is(term('ada', 'show', 'friend_interest'), 5.0, 'whom the friend mutes is the friend''s own affair');
select ok((select f.reasons @> array['1 friend is interested'] from feed('ada') as f), 'and the reason says so');

select * from finish();
