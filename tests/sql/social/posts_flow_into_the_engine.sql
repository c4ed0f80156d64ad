-- Posts are items with features, so the engine's own functions find them; vectors of their text are known to them.
select plan(18);

select make_member('ada'), make_member('bob'), make_member('cleo');
select make_post('ada', 'a', p_content => 'a #jazz', p_language => 'en'), make_post('ada', 'b', p_content => 'b #jazz #night', p_language => 'en-GB'),
  make_post('cleo', 'c', p_content => 'c'), make_post('ada', 'own', p_visibility => 'private', p_content => 'own #jazz');
create function tests.words_of(p_post text) returns text language sql as $$
  select string_agg(case when f.feature like '%author%' then 'author' else f.feature end, ', ' order by f.feature collate "C")
  from unnest(features_of(post(p_post))) as f (feature)
$$;

select is(words_of('a'), 'author, social/hashtag: jazz, social/language: en', 'author, hashtags and language are features');
select is(words_of('b'), 'author, social/hashtag: jazz, social/hashtag: night, social/language: en', 'a region is the same language');
select is(words_of('c'), 'author', 'without a language there is none');
update public.posts set language = 'de' where id = post('a');
select is(words_of('a'), 'author, social/hashtag: jazz, social/language: de', 'it may change');
select is((select count(*) from medley.features as f where f.feature_type = 'author'), 2::bigint, 'two members, two authors');
select is_empty(format('select from medley.features as f where position(%L in f.feature_value) > 0', member('ada')), 'whose ids the dictionary does not keep');

select medley.refresh_content_neighbors(1000);
select act_as(member('bob'));
select set_eq($$ select s.title from public.get_similar_items(post('a'), 'post', 'content') as s where s.method = 'content' $$, $$ values ('b #jazz #night') $$, 'posts are like posts that the reader sees');
insert into public.likes (post_id) values (post('a'));
select set_has($$ select r.title from public.get_recommendations('post') as r $$, $$ values ('b #jazz #night') $$, 'and recommended');
select set_hasnt($$ select r.title from public.get_recommendations('post') as r $$, $$ values ('own #jazz') $$, 'a private one never');
select set_hasnt($$ select r.title from public.get_recommendations('post') as r $$, $$ values ('a #jazz') $$, 'nor what is known');
select act_as(member('ada'));
select set_hasnt($$ select r.title from public.get_recommendations('post') as r $$, $$ values ('b #jazz #night') $$, 'nor to who wrote it');
select act_as_owner();
select engage('bob', 'a #jazz', 'click'), engage('cleo', 'a #jazz', 'share'), engage('ada', 'own #jazz', 'share');
select medley.refresh_trending(1000) from generate_series(1, 12);
select act_as(member('cleo'));
select set_has($$ select t.title from public.get_trending('post') as t $$, $$ values ('a #jazz') $$, 'what is shared trends');

select act_as_service();
select is((select p.computed_at from public.posts as p where p.id = post('a')), null, 'no vector yet');
select is(public.set_item_embeddings('text', 'test', jsonb_build_array(
  jsonb_build_object('item_id', post('a'), 'embedding', to_jsonb(array_fill(0.1, array[384]))),
  jsonb_build_object('item_id', post('b'), 'embedding', to_jsonb(array_fill(0.2, array[384])))
)), 2::bigint, 'vectors come');
select is((select string_agg(p.content, ', ' order by p.content) from public.posts as p where p.computed_at is not null), 'a #jazz, b #jazz #night', 'and posts know');
select is((select count(*) from public.get_items_without_embedding('text', 'test', 'post')), 2::bigint, 'as the worker does');
select is(public.set_item_embeddings('other', 'test', jsonb_build_array(
  jsonb_build_object('item_id', post('c'), 'embedding', to_jsonb(array_fill(0.1, array[384]))))), 1::bigint, 'a vector of another type');
select is((select p.computed_at from public.posts as p where p.id = post('c')), null, 'is not that of the text');

select * from finish();
