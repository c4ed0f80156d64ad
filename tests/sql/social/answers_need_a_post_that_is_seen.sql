-- A reply or a quote goes to what its author may see; anything else is not there.
select plan(17);

select make_member('ada'), make_member('bob'), make_member('eve'), make_member('fan');
select follow(member('fan'), member('ada'));
select make_post('ada', 'open'), make_post('ada', 'fans', p_visibility => 'followers'), make_post('ada', 'own', p_visibility => 'private');
select block(member('ada'), member('eve'));
create function tests.answers(p_column text, p_post text) returns text language sql as $$
  select format('insert into public.posts (content, %I) values (%L, %L)', p_column, 'to ' || p_post, post(p_post))
$$;

select act_as(member('bob'));
select lives_ok(answers('parent_id', 'open'), 'what is public is answered');
select lives_ok(answers('quoted_id', 'open'), 'and quoted');
select throws_code(answers(c, p), 'not_found', format('%s: %s is not there for a stranger', c, p))
from unnest(array['parent_id', 'quoted_id']) as a (c), unnest(array['fans', 'own', 'nowhere']) as b (p);
select act_as(member('fan'));
select lives_ok(answers('parent_id', 'fans'), 'a follower answers what followers see');
select throws_code(answers('parent_id', 'own'), 'not_found', 'and not what is private');
select act_as(member('eve'));
select throws_code(answers('parent_id', 'open'), 'not_found', 'who is blocked answers nothing');
select throws_code(answers('quoted_id', 'open'), 'not_found', 'and quotes nothing');
select act_as_service();
select throws_code(
  format('insert into public.posts (author_id, content, parent_id) values (%L, %L, %L)', member('eve'), 'x', post('open')),
  'not_found', 'not through the service either'
);
select act_as(member('ada'));
select throws_code(
  format('insert into public.posts (id, content, parent_id) values (%L, %L, %L)', post('self'), 'x', post('self')),
  'not_found', 'nothing answers itself'
);
select act_as_owner();
-- A whole conversation in one statement, as a loader writes it.
select lives_ok($$
  insert into public.posts (id, author_id, content, parent_id)
  values (post('a'), member('ada'), 'a', null), (post('b'), member('bob'), 'b', post('a')), (post('c'), member('ada'), 'c', post('b'))
$$, 'a conversation comes at once');
select is(
  (select array_agg(distinct p.conversation_id) from public.posts as p where p.content in ('a', 'b', 'c')),
  array[post('a')], 'and has one name'
);
select is(
  (select count(*) from public.posts as p where p.content like 'to %'),
  3::bigint, 'what was refused is not there'
);

select * from finish();
