-- What a post may say: bad input is refused with a code and a hint, and nothing is half done.
select plan(38);

select make_member('ada'), make_member('bob');
select make_post('bob', 'quoted');
create function tests.writes(p_content text, p_media jsonb default '[]', p_quoted text default null) returns text language sql as $$
  select format('insert into public.posts (content, media, quoted_id) values (%L, %L, %L)', p_content, p_media, post(p_quoted))
$$;

select act_as(member('ada'));
select throws_code(writes(''), 'invalid_argument', 'nothing is no post');
select throws_code(writes(E' \n\t '), 'invalid_argument', 'nor are spaces');
select throws_code(writes(U&'\200B \FEFF\2060'), 'invalid_argument', 'nor what has no width');
select lives_ok(writes('', '[{"type": "image", "url": "https://example.com/a.png", "alt": "a"}]'), 'a picture alone is');
select lives_ok(writes('', '[]', 'quoted'), 'so is a quote alone');
select lives_ok(writes(repeat('é', 10000)), 'up to 10,000 characters');
select throws_code(writes(repeat('é', 10001)), 'too_large', 'and not one more');
select throws_code(writes(repeat('x', 3000000)), 'too_large', 'nor many more');
select throws_code(writes(repeat('#a ', 100000)), 'too_large', 'a hundred thousand hashtags are too long');
select throws_code(writes('x', m.media::jsonb), m.code, m.claim)
from (
  values
    ('null', 'invalid_argument', 'media are an array'),
    ('{}', 'invalid_argument', 'and no object'),
    ('["https://example.com"]', 'invalid_argument', 'of objects'),
    ('[{"type": "image"}]', 'invalid_argument', 'that have an address'),
    ('[{"type": "image", "url": 7}]', 'invalid_argument', 'which is text'),
    ('[{"type": "image", "url": "javascript:alert(1)"}]', 'invalid_argument', 'of the web'),
    ('[{"type": "image", "url": "https://exa mple.com"}]', 'invalid_argument', 'in one piece'),
    ('[{"type": "game", "url": "https://example.com"}]', 'invalid_argument', 'and a known type'),
    ('[{"url": "https://example.com"}]', 'invalid_argument', 'always'),
    ('[{"type": "link", "url": "https://' || repeat('x', 2000) || '"}]', 'invalid_argument', 'addresses end somewhere'),
    ('[' || repeat('{"type": "link", "url": "https://e"},', 10) || '{"type": "link", "url": "https://e"}]', 'too_large', 'ten at most'),
    ('[{"type": "link", "url": "https://e", "x": "' || repeat('x', 17000) || '"}]', 'too_large', '16 kB at most')
) as m (media, code, claim);
select throws_ok($$ insert into public.posts (content, language) values ('x', 'not a language') $$, '23514', null, 'languages are tags');
select throws_ok($$ insert into public.posts (content, visibility) values ('x', 'friends') $$, '23514', null, 'who sees it is known');
select lives_ok($$ insert into public.posts (id, content, language) values (post('tag'), 'Hello #World', 'pt-BR') $$, 'words are a post');
select is(
  (select row(p.hashtags, p.like_count, p.conversation_id = p.id, p.author_id = member('ada'), p.visibility)::text from public.posts as p where p.id = post('tag')),
  '({world},0,t,t,public)', 'that begins a conversation, is public, and has its hashtags'
);
select throws_ok($$ insert into public.posts (id, content) values (post('tag'), 'again') $$, '23505', null, 'an id is given once');
select act_as_owner();
select throws_code(format('insert into public.posts (id, author_id, content) values (%L, %L, %L)', make_item('track', 'Song'), member('ada'), 'x'), 'conflict', 'not to an item of another kind either');
select is((select count(*) from medley.items as i where i.kind = 'post' and i.owner_id = member('ada')), 4::bigint, 'what was refused is not registered');
select is((select count(*) from public.posts as p where p.author_id = member('ada')), 4::bigint, 'nor there');

-- What it says stays.
select throws_code(format('update public.posts set %s where id = post(''tag'')', c.change), 'conflict', c.change)
from unnest(array[
  'content = ''other''', 'author_id = member(''bob'')', 'parent_id = post(''quoted'')', 'quoted_id = post(''quoted'')',
  'conversation_id = post(''quoted'')', 'created_at = now() - interval ''1 day'''
]) as c (change);
select lives_ok($$ update public.posts set visibility = 'private', language = null where id = post('tag') $$, 'who sees it and its language may change');
select is((select i.visibility from medley.items as i where i.id = post('tag')), 'private', 'and the registry follows');
select is((select i.title from medley.items as i inner join public.posts as p on p.id = i.id where p.content = '' and p.quoted_id is null), '(media)', 'what has no words has a title');

select * from finish();
