-- One vote a member a song: cast, changed, withdrawn; refused where it must be; an engagement with the song.
select plan(48);

select make_small_taxonomy(), make_member('ada'), make_member('bob'), make_artist('Band', '{grunge}');
select make_event('show', 5, '{}', null, 'Band'), make_event('past', -5, '{}', null, 'Band');
select make_event('secret', 5, '{}', null, 'Band');
select make_song(t) from unnest(array['One', 'Two', 'Three']) as t;
select make_setlist('list', 'show', '{One,Two}'), make_setlist('old', 'past', '{One}'), make_setlist('hidden', 'secret', '{One}');
update medley.items set visibility = 'private', owner_id = member('bob') where id = event('secret');
create function tests.vote(p_song text, p_vote int, p_setlist text default 'list') returns text language sql as $$
  select concat_ws(' ', upvotes, downvotes, my_vote, total_votes) from public.vote_setlist_song(on_setlist(p_setlist, p_song), p_vote)
$$;
create function tests.logged(p_member text) returns text language sql security definer as $$
  select string_agg(k.kind || ' ' || i.title, ', ' order by e.occurred_at)
  from medley.engagements as e
  inner join medley.engagement_kinds as k on k.kind_no = e.kind_no
  inner join medley.members as m on m.user_no = e.user_no
  inner join medley.items as i on i.item_no = e.item_no
  where m.user_id = member(p_member)
$$;
create function tests.liking(p_member text, p_song text) returns numeric language sql security definer as $$
  select round(sum(a.score)::numeric, 3)
  from medley.affinities as a
  inner join medley.members as m on m.user_no = a.user_no
  inner join medley.items as i on i.item_no = a.item_no
  where m.user_id = member(p_member) and i.id = song(p_song)
$$;

-- What songs of one band have in common.
select rebuild_neighbors();

select act_as(member('ada'));
select is(points('Three', 'content'), 0::numeric, 'without votes a song of the band is like any other');
select is(vote('One', 1), '1 0 1 1', 'a vote counts');
select is(vote('One', 1), '1 0 1 1', 'once');
select is(vote('Two', -1), '0 1 -1 2', 'a vote against counts as well');
select is(vote('One', -1), '0 1 -1 2', 'a vote may change');
select is(vote('One', 1), '1 0 1 2', 'and change back');
select act_as(member('bob'));
select is(vote('One', 1), '2 0 1 3', 'another member adds one');
select is(vote('Two', 0), '0 1 0 3', 'nothing to withdraw');
select act_as(member('ada'));
select is(vote('Two', 0), '0 0 0 2', 'a vote is withdrawn');
select is(vote('Two', 0), '0 0 0 2', 'once');
select results_eq('select setlist_song_id, vote::int from public.setlist_votes', $$ values (on_setlist('list', 'One'), 1) $$, 'one sees one''s own');
select results_eq(
  $$ select title, upvotes, downvotes, my_vote from public.get_setlist(setlist('list')) $$,
  $$ values ('One', 2, 0, 1), ('Two', 0, 0, 0) $$, 'the setlist tells'
);
select is((select songs -> 0 ->> 'my_vote' from public.get_event_setlists(event('show'))), '1', 'and the show''s setlists');
select act_as_owner();
select is_empty('select * from miscounts()', 'everything is counted right');
select is((select array_agg(total_votes order by username) from public.profiles), '{1,1}', 'profiles count');

-- An engagement.
select is(logged('ada'), 'vote One, downvote Two, unvote One, downvote One, undownvote One, vote One, undownvote Two', 'votes are logged');
select is(liking('ada', 'One'), 1.000, 'a vote is worth one');
select is(liking('ada', 'Two'), 0.000, 'what is withdrawn nothing');
select act_as(member('ada'));
select vote('Two', -1);
select act_as_owner();
select is(liking('ada', 'Two'), -1.000, 'a vote against takes');
select act_as(member('ada'));
select cmp_ok(points('Three', 'content'), '>', 0::numeric, 'the next recommendation knows');
select ok(not 'One' in (select r.title from public.get_recommendations('song') as r), 'and leaves out what one voted for');

-- Refused.
select throws_code($$ select vote('One', 2) $$, 'invalid_argument', 'a vote is 1, -1 or 0');
select throws_code($$ select vote('One', null) $$, 'invalid_argument', 'and not nothing');
select throws_code($$ select vote('None', 1) $$, 'not_found', 'an unknown song');
select throws_code($$ select public.vote_setlist_song(null, 1) $$, 'not_found', 'no song');
select throws_code($$ select vote('One', 1, 'old') $$, 'conflict', 'a show in the past');
select throws_code($$ select vote('One', 1, 'hidden') $$, 'not_found', 'a setlist that one does not see');
select throws_code($$ select public.vote_setlist_song(on_setlist('list', 'One'), 1, member('bob')) $$, 'forbidden', 'not for another');
select throws_permission($$ insert into public.setlist_votes (setlist_song_id, user_id, vote) values (on_setlist('list', 'One'), member('ada'), 1) $$,
  'not around the function');
select throws_permission($$ update public.setlist_songs set upvotes = 1000 where true $$, 'nor at the counters');
select throws_permission($$ update public.setlists set total_votes = 1000 where true $$, 'nor the total');
select throws_permission($$ update public.profiles set total_votes = 1000 where true $$, 'nor one''s own');
select act_as_service();
select lives_ok($$ select public.lock_setlist(setlist('list')) $$, 'the service locks');
select act_as(member('ada'));
select throws_code($$ select vote('Two', 1) $$, 'conflict', 'a locked setlist');
select throws_code($$ select vote('One', 0) $$, 'conflict', 'keeps its votes');
select act_as_service();
select lives_ok($$ select public.lock_setlist(setlist('list'), false) $$, 'and unlocks');
select is(v.upvotes, 2, 'the service votes for a member') from public.vote_setlist_song(on_setlist('list', 'One'), 1, member('bob')) as v;
select throws_code($$ select public.vote_setlist_song(on_setlist('list', 'One'), 1) $$, 'invalid_argument', 'whom it must name');
select throws_code($$ select public.vote_setlist_song(on_setlist('list', 'One'), 1, gen_random_uuid()) $$, 'not_found', 'an account');
select throws_permission($$ update public.setlist_songs set upvotes = 1000 where true $$, 'counters are no business of the service');
select throws_code($$ select public.lock_setlist(gen_random_uuid()) $$, 'not_found', 'an unknown setlist is not locked');
select act_as_anon();
select throws_permission($$ select vote('One', 1) $$, 'who is not signed in has no vote');
select throws_permission('select from public.setlist_votes', 'and sees none');
select is((select array_agg(g.my_vote) from public.get_setlist(setlist('list')) as g), '{NULL,NULL}', 'but reads setlists');
select throws_code($$ select public.get_setlist(setlist('hidden')) $$, 'not_found', 'that one may see');
select throws_code($$ select public.get_event_setlists(event('secret')) $$, 'not_found', 'of shows that one may see');
select is((select count(*) from public.setlists), 2::bigint, 'tables hide the same');
select is((select count(*) from public.setlist_songs), 3::bigint, 'songs too');

select * from finish();
