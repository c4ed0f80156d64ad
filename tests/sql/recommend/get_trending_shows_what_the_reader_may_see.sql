-- Visitors, members and the service see their own view of the same trends, on full pages.
select plan(15);

select make_kind('post');
select make_members(9);
select make_item('post', 'Public');
select make_item('post', 'Of m2', md5('member m2')::uuid);
select make_item('post', 'For followers of m3', md5('member m3')::uuid, 'followers');
select make_item('post', 'Ends soon');
update medley.items as i set expires_at = now() + interval '1 hour' where i.title = 'Ends soon';
select crowd(7, 'Of m2', 'like', '2 hours'), crowd(5, 'Ends soon', 'like', '2 hours'), crowd(3, 'Public', 'like', '2 hours');
select follow(md5('member m' || n)::uuid, md5('member m3')::uuid) from generate_series(4, 6) as n;
select engage('m' || n, 'For followers of m3', 'like', '1 hour') from generate_series(3, 6) as n;
select refresh_trends();

select act_as_anon();
select is(trending('post'), array['Of m2', 'Ends soon', 'Public'], 'visitors see what is public');
select act_as(md5('member m4')::uuid);
select set_eq(
  'select unnest(trending())', array['Of m2', 'Ends soon', 'For followers of m3', 'Public'],
  'a follower sees what is for followers'
);
select act_as(md5('member m1')::uuid);
select is(trending(), array['Of m2', 'Ends soon', 'Public'], 'others do not');
select act_as_service();
select is(trending(), array['Of m2', 'Ends soon', 'Public'], 'the service may ask for nobody');
select is(
  (select count(*) from public.get_trending(p_user_id => md5('member m4')::uuid)), 4::bigint, 'and for a member'
);

select act_as_owner();
select block(md5('member m2')::uuid, md5('member m7')::uuid), mute(md5('member m8')::uuid, md5('member m2')::uuid);
select act_as(md5('member m7')::uuid);
select is(trending(), array['Ends soon', 'Public'], 'a block hides the owner''s items');
select is(trending(p_limit => 2), array['Ends soon', 'Public'], 'and the page is still full');
select act_as(md5('member m8')::uuid);
select is(trending(), array['Ends soon', 'Public'], 'so does a mute');

select act_as_owner();
select is(
  (select array_agg(t.title) from medley.get_trending(null, 'day', 'global', null, 20, null, null,
    now() + interval '2 hours') as t),
  array['Of m2', 'Public'], 'an expired item is gone without a refresh'
);
select is_empty(
  $$ select * from medley.get_trending(null, 'day', 'global', null, 20, null, null, now() + interval '25 hours') $$,
  'and so is a trend whose last activity has left the window'
);

-- Pages.
select make_item('post', 'Equal ' || n) from generate_series(1, 30) as n;
select make_kind('clip');
select make_item('clip', 'Clip ' || n) from generate_series(1, 5) as n;
select engage('m1', i.title, 'like', '10 minutes') from medley.items as i where i.title ~ '^(Equal|Clip)';
select refresh_trends();
create function pg_temp.pages(p_limit int, p_kind text default null)
returns setof text
language plpgsql
as $$
declare
  v_cursor text;
  v_page record;
begin
  loop
    select array_agg(t.title) as titles, max(t.next_cursor) as next into v_page
    from public.get_trending(p_kind, p_limit => p_limit, p_cursor => v_cursor) as t;
    return query select unnest(v_page.titles);
    exit when v_page.next is null;
    if cardinality(v_page.titles) <> p_limit then
      raise exception 'a page of % rows', cardinality(v_page.titles);
    end if;
    v_cursor := v_page.next;
  end loop;
end;
$$;
select act_as(md5('member m7')::uuid);
select results_eq('select * from pg_temp.pages(7)', 'select unnest(trending(p_limit => 200))',
  'pages of equal scores follow each other without gaps or repeats');
select is((select count(*) from pg_temp.pages(7)), 37::bigint, 'and reach the end');
select results_eq($$ select * from pg_temp.pages(31, 'post') $$, $$ select unnest(trending('post', p_limit => 200)) $$,
  'also of one kind');
select is((select count(*) from public.get_trending(p_limit => 37) as t where t.next_cursor is not null), 0::bigint,
  'a page that holds the rest has no cursor');
select set_config('tests.cursor', (select max(t.next_cursor) from public.get_trending(p_limit => 5) as t), true);
select act_as(md5('member m8')::uuid);
select throws_code(
  $$ select * from public.get_trending(p_cursor => current_setting('tests.cursor')) $$, 'invalid_cursor',
  'a cursor belongs to who got it'
);

select * from finish();
