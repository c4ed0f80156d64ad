-- Muted words: whole words and phrases in any case, of one's own list, which has an end.
select plan(16);

select make_member('ada'), make_member('bob');
select make_post('ada', 'one', p_content => 'The cat sat'), make_post('ada', 'two', p_content => 'A category'),
  make_post('ada', 'three', p_content => 'Look: #Cat!'), make_post('ada', 'four', p_content => 'Spoiler for the end'),
  make_post('ada', 'five', p_content => 'The end of a spoiler');

select act_as(member('bob'));
select is((select count(*) from public.get_profile_posts(member('ada'))), 5::bigint, 'nothing is muted');
insert into public.muted_words (word) values ('CAT');
select is(profile_of('ada'), 'The end of a spoiler, Spoiler for the end, A category', 'a word, and the hashtag');
insert into public.muted_words (word) values ('the end');
select is(profile_of('ada'), 'A category', 'a phrase');
delete from public.muted_words where word = 'CAT';
insert into public.muted_words (word) values ('spoiler for');
select is(profile_of('ada'), 'Look: #Cat!, A category, The cat sat', 'whose words are in order');
insert into public.muted_words (user_id, word) values (member('bob'), 'cat') on conflict (user_id, word) do update set word = excluded.word;
insert into public.muted_words (user_id, word) values (member('bob'), 'cat') on conflict (user_id, word) do update set word = excluded.word;
select is(profile_of('ada'), 'A category', 'an upsert is fine');
select is(found('category'), 'A category', 'search finds what is not muted');
select is(found('sat'), null, 'and not what is');
select is(thread_of('one'), '0 The cat sat', 'what is asked for by id is shown');
insert into public.posts (content) values ('my cat');
select is(profile_of('bob'), 'my cat', 'so are posts of one''s own');

select act_as(member('ada'));
select is(found('cat'), 'Look: #Cat!, The cat sat, my cat', 'nobody else is concerned');
select is((select count(*) from public.muted_words), 0::bigint, 'nor told');
select throws_permission($$ insert into public.muted_words (user_id, word) values (member('bob'), 'ada') $$, 'lists are one''s own');
select throws_ok(format('insert into public.muted_words (word) values (%L)', w.word), '23514', null, w.claim)
from (values ('', 'nothing is no word'), ('!!!', 'nor are signs'), (repeat('x', 101), 'nor is what never ends')) as w (word, claim);
select throws_code($$ insert into public.muted_words (word) select 'w' || n from generate_series(1, 501) as n $$, 'too_large', 'a list has 500 words');

select * from finish();
