-- get_profile_posts: what a member wrote and passed on, newest first.
select plan(21);

select make_member('ada'), make_member('bob'), make_member('eve'), make_member('fan');
select follow(member('fan'), member('ada'));
select make_post('bob', 'bobs'), make_post('eve', 'eves'), make_post('bob', 'hidden', p_visibility => 'private');
select make_post('ada', 'old'), make_post('ada', 'answer', 'bobs'), repost('ada', 'bobs'), make_post('ada', 'fans', p_visibility => 'followers'),
  repost('ada', 'eves'), make_post('ada', 'own', p_visibility => 'private'), repost('ada', 'old'), make_post('ada', 'new'), repost('ada', 'hidden');

create function tests.walk(p_limit int) returns text language plpgsql as $$
declare
  v_cursor text;
  v_rows text[];
  v_seen text[] := '{}';
begin
  loop
    select array_agg(t.content order by t.shown_at desc), max(t.next_cursor) into v_rows, v_cursor
    from public.get_profile_posts(tests.member('ada'), p_limit, v_cursor, true) as t;
    v_seen := v_seen || v_rows;
    exit when v_cursor is null;
  end loop;
  return array_to_string(v_seen, ', ');
end;
$$;

select act_as_anon();
select is(profile_of('ada'), 'new, repost eves, repost bobs, old', 'anybody sees what is public');
select is(profile_of('ada', true), 'new, repost eves, repost bobs, answer, old', 'replies where they are asked for');
select is(profile_of('nobody'), null, 'who does not exist wrote nothing');
select is((select string_agg(t.content || ' by ' || t.author_name, ', ' order by t.shown_at) from public.get_profile_posts(member('ada')) as t where t.reposted_by = member('ada')),
  'bobs by bob, eves by eve', 'a repost is the other''s post');
select act_as(member('fan'));
select is(profile_of('ada'), 'new, repost eves, fans, repost bobs, old', 'followers see more');
insert into public.reposts (post_id) values (post('fans'));
select is((select string_agg(t.content, ', ' order by t.shown_at desc) from public.get_profile_posts(member('ada')) as t where t.reposted), 'fans', 'and what they did themselves');
select act_as_anon();
select is(profile_of('fan'), null, 'a repost shows nobody what they do not see');
select act_as(member('ada'));
select is(profile_of('ada'), 'new, own, repost eves, fans, repost bobs, old', 'the author all');
select is(profile_of('bob'), 'bobs', 'but not what is another''s own');

select act_as_owner();
select block(member('bob'), member('eve'));
select act_as(member('eve'));
select is(profile_of('bob'), null, 'who is blocked sees nothing');
select is(profile_of('ada'), 'new, repost eves, old', 'nor through a repost');
select act_as(member('bob'));
select is(profile_of('ada'), 'repost hidden, new, repost bobs, old', 'on neither side');
insert into public.user_mutes (muted_id) values (member('ada'));
select is(profile_of('ada'), 'repost hidden, new, repost bobs, old', 'a muted member''s profile is there for whoever opens it');
select act_as_owner();
select mute(member('fan'), member('eve'));
select act_as(member('fan'));
select is(profile_of('ada'), 'new, fans, repost bobs, old', 'what muted members wrote is not passed on');
select public.report_post(post('new'), 'spam');
select is(profile_of('ada'), 'fans, repost bobs, old', 'nor is what was reported there');

select act_as(member('ada'));
select is(walk(n), 'new, own, eves, fans, bobs, answer, old', format('pages of %s have each row once', n)) from unnest(array[1, 2, 4]) as u (n);
select throws_code(format('select public.get_profile_posts(%L, 201)', member('ada')), 'invalid_argument', 'pages end');
select throws_code(format('select public.get_profile_posts(%L, 20, %L)', member('ada'), c.cursor), 'invalid_cursor', c.claim)
from (
  values
    ((select max(t.next_cursor) from public.get_profile_posts(member('ada'), 1, p_include_replies => true) as t), 'a cursor with replies is none without'),
    (forged_cursor(format('profile_posts:%s:f', member('ada')), '{"at": null, "id": 3}'), 'a damaged one')
) as c (cursor, claim);

select * from finish();
