-- get_posts_without_embedding: what a worker has still to embed.
select plan(8);
select make_member(m) from unnest(array['ada', 'bob']) as m;
-- Others' posts are done.
update public.posts set computed_at = now() where true;

insert into public.posts (id, author_id, content, media, created_at)
values
  ('a0000000-0000-4000-8000-000000000001', member('ada'), 'the oldest', '[]', now() - interval '3 hours'),
  ('a0000000-0000-4000-8000-000000000002', member('ada'), repeat('x', 2000), '[]', now() - interval '2 hours'),
  ('a0000000-0000-4000-8000-000000000003', member('bob'), 'the newest', '[]', now() - interval '1 hour'),
  ('a0000000-0000-4000-8000-000000000004', member('bob'), '', '[{"type": "image", "url": "https://x.example/1.png"}]', now());

select act_as_service();
select results_eq(
  $$ select p.item_id::text from public.get_posts_without_embedding() as p $$,
  $$ values ('a0000000-0000-4000-8000-000000000003'), ('a0000000-0000-4000-8000-000000000002'),
    ('a0000000-0000-4000-8000-000000000001') $$,
  'posts with words, newest first'
);
select is((select max(length(p.title)) from public.get_posts_without_embedding() as p), 1000, 'as much as a model reads');
select is(
  (select p.title
    from public.get_posts_without_embedding(1, (
      select q.next_cursor from public.get_posts_without_embedding(2) as q where length(q.title) = 1000
    )) as p),
  'the oldest', 'a cursor goes on after its row'
);
select is(
  public.set_item_embeddings('text', 'm', jsonb_build_array(jsonb_build_object(
    'item_id', 'a0000000-0000-4000-8000-000000000003', 'embedding', array_fill(0.5::real, array[384])
  ))), 1::bigint, 'a vector is written'
);
select is((select count(*) from public.get_posts_without_embedding()), 2::bigint, 'then the post is no longer missing one');
select throws_code($$ select public.get_posts_without_embedding(0) $$, 'invalid_argument', 'a limit out of range');
select throws_code($$ select public.get_posts_without_embedding(5, 'odd') $$, 'invalid_cursor', 'a cursor of nothing');
select act_as(member('ada'));
select throws_permission($$ select public.get_posts_without_embedding() $$, 'not for members');
