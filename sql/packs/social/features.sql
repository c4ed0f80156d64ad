-- What the engine knows of posts: who wrote them, their hashtags and their language; and whose text has a vector.
insert into medley.feature_types (feature_type, weight, is_creator, description)
values
  -- The dictionary never forgets: an account that goes must not live on in it.
  ('author', 2, true, 'The member who wrote it, by a digest of the id.'),
  ('hashtag', 1, false, 'A hashtag of the post, in lower case and without the sign.'),
  ('language', 0.3, false, 'Original language.')
on conflict (feature_type) do nothing;

-- No SET: it inlines into the queries of definer functions, which alone may run it.
create or replace function medley.post_feature_rows(p_post_ids uuid[])
returns table (post_id uuid, feature_type text, feature_value text)
language sql stable parallel safe security invoker
begin atomic
  select p.id, f.feature_type, f.feature_value
  from unnest(p_post_ids) as w (id)
  inner join public.posts as p on p.id = w.id
  cross join lateral (
    select 'author' as feature_type, md5(p.author_id::text)::uuid::text as feature_value
    union all
    select 'language', lower(split_part(p.language, '-', 1))
    union all
    select 'hashtag', h.tag
    from unnest(p.hashtags) as h (tag)
  ) as f
  where f.feature_value is not null;
end;

comment on function medley.post_feature_rows(uuid[]) is 'The features of these posts: author, language and hashtags.';
revoke all on function medley.post_feature_rows(uuid[]) from public, anon, authenticated, service_role;

-- One post or ten thousand: each call is planned for its own array.
create or replace function medley.refresh_post_features(p_post_ids uuid[])
returns bigint
language plpgsql volatile parallel unsafe security definer
set search_path = '' set plan_cache_mode = force_custom_plan
as $$
declare
  v_posts uuid[];
  v_types text[];
  v_values text[];
begin
  select array_agg(r.post_id), array_agg(r.feature_type), array_agg(r.feature_value)
  into v_posts, v_types, v_values
  from medley.post_feature_rows(p_post_ids) as r;
  return medley.replace_item_features(
    'social', p_post_ids, coalesce(v_posts, '{}'), coalesce(v_types, '{}'), coalesce(v_values, '{}')
  );
end;
$$;

comment on function medley.refresh_post_features(uuid[]) is
  'Makes the features of these posts equal to what the posts say. Returns what replace_item_features returns.';
revoke all on function medley.refresh_post_features(uuid[]) from public, anon, authenticated, service_role;

create or replace function medley.follow_posts()
returns trigger
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
begin
  perform medley.refresh_post_features(array(select n.id from new_rows as n));
  return null;
end;
$$;

comment on function medley.follow_posts() is
  'Statement trigger on posts with transition table new_rows: the features of new posts follow.';
revoke all on function medley.follow_posts() from public, anon, authenticated, service_role;

create or replace function medley.follow_post_language()
returns trigger
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
begin
  perform medley.refresh_post_features(array[new.id]);
  return null;
end;
$$;

comment on function medley.follow_post_language() is 'Row trigger on posts: the features of a post follow its language.';
revoke all on function medley.follow_post_language() from public, anon, authenticated, service_role;

create or replace function medley.follow_text_vectors()
returns trigger
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
begin
  if not exists (select from new_rows as n where n.embedding_type = 'text') then
    return null;
  end if;
  perform
  from public.posts as p
  where p.id in (
    select i.id
    from new_rows as n
    inner join medley.items as i on i.item_no = n.item_no
    where n.embedding_type = 'text' and i.kind = 'post'
  )
  order by p.id
  for no key update;

  update public.posts as p
  set computed_at = e.created_at
  from (
    select i.id, max(n.created_at) as created_at
    from new_rows as n
    inner join medley.items as i on i.item_no = n.item_no
    where n.embedding_type = 'text' and i.kind = 'post'
    group by i.id
  ) as e
  where p.id = e.id;
  return null;
end;
$$;

comment on function medley.follow_text_vectors() is
  'Statement trigger on content_embeddings with transition table new_rows: computed_at of posts follows vectors of type text.';
revoke all on function medley.follow_text_vectors() from public, anon, authenticated, service_role;

-- Before the counters: the dictionary of features is locked before the rows of other posts.
create trigger posts_2_features_insert
after insert on public.posts referencing new table as new_rows
for each statement execute function medley.follow_posts();
create trigger posts_2_features_update
after update of language on public.posts
for each row when (old.language is distinct from new.language) execute function medley.follow_post_language();
create trigger content_embeddings_social_insert
after insert on medley.content_embeddings referencing new table as new_rows
for each statement execute function medley.follow_text_vectors();
create trigger content_embeddings_social_update
after update on medley.content_embeddings referencing new table as new_rows
for each statement execute function medley.follow_text_vectors();
