-- get_thread: what a post answers, the post, its replies; only what the reader may and wants to meet.
select plan(30);

select make_member('ada'), make_member('bob'), make_member('cleo'), make_member('eve'), make_member('fan');
select follow(member('fan'), member('ada'));
select make_post('ada', 'root'), make_post('bob', 'middle', 'root'), make_post('cleo', 'post', 'middle');
select make_post('ada', 'first', 'post'), make_post('eve', 'second', 'post'), make_post('ada', 'fans', 'post', 'followers'),
  make_post('ada', 'hers', 'post', 'private'), make_post('bob', 'last', 'post', p_content => 'last of all'), make_post('eve', 'deeper', 'first');

create function tests.walk(p_limit int) returns text language plpgsql as $$
declare
  v_cursor text;
  v_rows text[];
  v_seen text[] := '{}';
begin
  loop
    select array_agg(t.content order by t.created_at), max(t.next_cursor) into v_rows, v_cursor
    from public.get_thread(tests.post('post'), p_limit, v_cursor) as t;
    v_seen := v_seen || v_rows;
    exit when v_cursor is null;
  end loop;
  return array_to_string(v_seen, ', ');
end;
$$;

select act_as_anon();
select is(thread_of('post'), '-2 root, -1 middle, 0 post, 1 first, 1 second, 1 last of all', 'anybody reads what is public');
select is(thread_of('root'), '0 root, 1 middle', 'each post shows its own replies');
select is(thread_of('deeper'), '-4 root, -3 middle, -2 post, -1 first, 0 deeper', 'and all that leads to it');
select is((select array_agg(distinct t.conversation_id) from public.get_thread(post('deeper')) as t), array[post('root')], 'of one conversation');
select throws_code(format('select public.get_thread(%L)', post(p)), 'not_found', p || ' is not there')
from unnest(array['fans', 'hers', 'nowhere']) as u (p);
select throws_code('select public.get_thread(null)', 'not_found', 'nor is nothing');
select throws_code(format('select public.get_thread(%L, p_user_id => %L)', post('root'), member('ada')), 'unauthenticated', 'nobody is somebody');
select act_as(member('fan'));
select is(thread_of('post'), '-2 root, -1 middle, 0 post, 1 first, 1 second, 1 fans, 1 last of all', 'a follower meets more');
select is(thread_of('fans'), '-3 root, -2 middle, -1 post, 0 fans', 'and may ask for it');
select act_as(member('ada'));
select is(thread_of('post'), '-2 root, -1 middle, 0 post, 1 first, 1 second, 1 fans, 1 hers, 1 last of all', 'the author all');

select act_as_owner();
select block(member('bob'), member('eve'));
select act_as(member('eve'));
select is(thread_of('post'), '-2 root, 0 post, 1 first, 1 second', 'blocked members leave gaps');
select throws_code(format('select public.get_thread(%L)', post('middle')), 'not_found', 'and are not there themselves');
select is((select t.parent_id from public.get_thread(post('post')) as t where t.depth = 0), null, 'nor named');
select act_as(member('bob'));
select is(thread_of('post'), '-2 root, -1 middle, 0 post, 1 first, 1 last of all', 'on neither side');
insert into public.user_mutes (muted_id) values (member('ada'));
select is(thread_of('post'), '-1 middle, 0 post, 1 last of all', 'so do muted ones');
select is(thread_of('root'), '0 root, 1 middle', 'but what is asked for is shown');
delete from public.user_mutes where muted_id = member('ada');
select public.report_post(post('first'), 'spam');
select is(thread_of('post'), '-2 root, -1 middle, 0 post, 1 last of all', 'what one reported does not come again');

-- Pages.
select act_as_anon();
select is(walk(n), 'root, middle, post, first, second, last of all', format('pages of %s have each row once', n)) from unnest(array[1, 2, 3]) as u (n);
select is((select max(t.next_cursor) from public.get_thread(post('post'), 3) as t), null, 'a full page that is the last says so');
select throws_code(format('select public.get_thread(%L, 0)', post('post')), 'invalid_argument', 'a page has rows');
select throws_code(format('select public.get_thread(%L, 20, %L)', post('post'), c.cursor), 'invalid_cursor', c.claim)
from (
  values
    ('forged', 'a forged cursor'),
    (forged_cursor('thread:' || post('post'), '{"at": "yesterday morning", "id": "x"}'), 'a time that is none'),
    (forged_cursor('thread:' || post('post'), '{}'), 'nothing in it'),
    (forged_cursor('thread:' || post('root'), '{"at": "2020-01-01", "id": "00000000-0000-0000-0000-000000000000"}'), 'that of another post')
) as c (cursor, claim);

-- What began it goes; the rest stays.
select act_as_owner();
delete from public.posts where id = post('root');
select act_as_anon();
select is(thread_of('post'), '-1 middle, 0 post, 1 first, 1 second, 1 last of all', 'a conversation outlives its beginning');
select is((select t.conversation_id <> t.post_id from public.get_thread(post('middle')) as t where t.depth = 0), true, 'what answered it is a reply still');

select * from finish();
