-- search_posts: words as they are, best first, then newest; nothing that the reader may not or does not want to meet.
select plan(36);

select make_member('ada'), make_member('bob'), make_member('eve'), make_member('fan');
select follow(member('fan'), member('ada'));
select make_post('ada', '1', p_content => 'A red fox jumps over the lazy dog'), make_post('ada', '2', p_content => 'Red wine'),
  make_post('bob', '3', p_content => 'The fox is red'), make_post('ada', '4', p_visibility => 'private', p_content => 'secret red'),
  make_post('ada', '5', p_visibility => 'followers', p_content => 'red for fans'), make_post('ada', '6', p_content => 'Снег и #Зима in #winter'),
  make_post('bob', '7', p_content => 'winter without signs');

create function tests.walk(p_limit int) returns text language plpgsql as $$
declare
  v_cursor text;
  v_rows text[];
  v_seen text[] := '{}';
begin
  loop
    select array_agg(t.content order by t.score desc, t.created_at desc), max(t.next_cursor) into v_rows, v_cursor
    from public.search_posts('red', p_limit, v_cursor) as t;
    v_seen := v_seen || v_rows;
    insert into public.posts (author_id, content, created_at) values (tests.member('bob'), 'Red', now() + interval '1 second');
    exit when v_cursor is null;
  end loop;
  return array_to_string(v_seen, ', ');
end;
$$;

select act_as_anon();
select is(found('red'), 'A red fox jumps over the lazy dog, Red wine, The fox is red', 'a word in any case');
select is(found('red fox'), 'A red fox jumps over the lazy dog, The fox is red', 'all words');
select is(found('"red fox"'), 'A red fox jumps over the lazy dog', 'a phrase');
select is(found('red -fox'), 'Red wine', 'without');
select is(found('wine or dog'), 'A red fox jumps over the lazy dog, Red wine', 'or');
select is(found('foxes'), null, 'words as they are');
select is(found('снег'), 'Снег и #Зима in #winter', 'in any script');
select is(found('#winter'), 'Снег и #Зима in #winter', 'a hashtag is one');
select is(found('#ЗИМА #winter'), 'Снег и #Зима in #winter', 'several');
select is(found('winter'), 'winter without signs, Снег и #Зима in #winter', 'a word is either');
select is(found('secret'), null, 'what is private is not found');
select is((select string_agg(t.content, ', ' order by t.place) from public.search_posts('red') with ordinality as t (
  score, post_id, author_id, author_name, content, media, hashtags, language, visibility, parent_id, conversation_id, quoted_id, like_count,
  reply_count, repost_count, quote_count, view_count, liked, reposted, created_at, next_cursor, place)),
  'Red wine, The fox is red, A red fox jumps over the lazy dog', 'best first');
select act_as(member('fan'));
select is(found('red fans'), 'red for fans', 'followers find what followers see');
select act_as(member('ada'));
select is(found('secret'), 'secret red', 'the author finds all');

select act_as_owner();
select block(member('ada'), member('eve')), mute(member('fan'), member('bob'));
select act_as(member('eve'));
select is(found('red'), 'The fox is red', 'a block hides');
select act_as(member('fan'));
select is(found('fox'), 'A red fox jumps over the lazy dog', 'so does a mute');
select public.report_post(post('1'), 'spam');
select is(found('fox'), null, 'and a report');

select act_as_anon();
select throws_code(format('select public.search_posts(%L)', q.query), q.code, q.claim)
from (
  values
    (null, 'invalid_argument', 'nothing'), ('', 'invalid_argument', 'no words'), ('!?', 'invalid_argument', 'signs alone'),
    ('""', 'invalid_argument', 'an empty phrase'), (repeat('x', 501), 'too_large', 'what never ends'), ('#', 'invalid_argument', 'a sign without its tag'),
    ('-red', 'invalid_argument', 'what to leave out, of everything'), ('fox or -red', 'invalid_argument', 'or of nearly everything'),
    ('-"red fox"', 'invalid_argument', 'phrases too')
) as q (query, code, claim);
select lives_ok(format('select public.search_posts(%L)', q.query), 'no words of people are an error: ' || q.query)
from unnest(array['a & b | !c:*', '"unclosed', '''; drop table posts; --', 'or', 'a<->b']) as q (query);
select is((select count(*) from public.posts), 5::bigint, 'and none does harm');

-- Pages, while posts come.
select act_as_service();
select is(walk(2), 'Red wine, The fox is red, A red fox jumps over the lazy dog', 'pages of 2 have each row once');
select is(walk(3), 'Red wine, The fox is red, A red fox jumps over the lazy dog', 'a full page that is the last says so');
select throws_code(format('select public.search_posts(%L, 20, %L)', 'red', c.cursor), 'invalid_cursor', c.claim)
from (
  values
    ((select max(t.next_cursor) from public.search_posts('fox', 1) as t), 'a cursor is of one query'),
    (forged_cursor('search_posts:' || md5('red'), '{"score": 1e99, "id": "x"}'), 'a damaged one')
) as c (cursor, claim);

select * from finish();
