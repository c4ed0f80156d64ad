-- Answers go into the log of engagements, and taking one back takes back what it was worth.
select plan(9);

select make_member('ada'), make_member('bob'), make_artist('Head');
select make_event('show', 5, '{}', null, 'Head'), make_event('other', 5);
create function tests.logged(p_member text) returns text language sql security definer as $$
  select string_agg(k.kind, ' ' order by e.occurred_at, k.kind)
  from medley.engagements as e
  inner join medley.engagement_kinds as k on k.kind_no = e.kind_no
  inner join medley.members as m on m.user_no = e.user_no
  where m.user_id = member(p_member)
$$;
create function tests.liking(p_member text, p_event text) returns numeric language sql security definer as $$
  select round(sum(a.score)::numeric, 3)
  from medley.affinities as a
  inner join medley.members as m on m.user_no = a.user_no
  inner join medley.items as i on i.item_no = a.item_no
  where m.user_id = member(p_member) and i.id = event(p_event)
$$;

select act_as(member('ada'));
insert into public.event_rsvps (event_id) values (event('show')), (event('other'));
select act_as_owner();
select is(logged('ada'), 'rsvp rsvp', 'going is an engagement');
select is(liking('ada', 'show'), 3.000, 'that counts');

select act_as(member('ada'));
update public.event_rsvps set status = 'maybe' where event_id = event('show');
update public.event_rsvps set status = 'maybe' where event_id = event('show');
select act_as_owner();
select is(logged('ada'), 'rsvp rsvp rsvp_maybe unrsvp', 'a change takes one back and says the other, once');
select is(liking('ada', 'show'), 1.500, 'and maybe counts half');

select act_as(member('ada'));
delete from public.event_rsvps where event_id = event('show');
insert into public.event_rsvps (event_id) values (event('show'));
delete from public.event_rsvps where event_id = event('show');
select act_as_owner();
select is(liking('ada', 'show'), 0.000, 'back and forth in one transaction ends at nothing');
select is(liking('ada', 'other'), 3.000, 'other events keep theirs');

select rsvp('bob', 'other');
select lives_ok($$ delete from public.events where title = 'other' $$, 'an event goes with its answers');
select is(logged('bob'), 'rsvp', 'which are not taken back one by one');
select rsvp('bob', 'show');
select lives_ok($$ delete from auth.users where id = member('bob') $$, 'so does a member');

select * from finish();
