-- taste_based clusters: the type with the lowest rank, as long as it is not the taste of a few.
select plan(3);

insert into medley.embedding_types (embedding_type, model_version, dims, taste_rank) values ('sound', 'm', 64, 10);
create temp table who as
select n, (select m.user_no from medley.member_numbers(array[make_member('m' || n)]) as m) as user_no from generate_series(1, 4) as n;
create function tests.has(p_members int, p_type text) returns void language sql as $$
  insert into medley.user_taste_vectors (user_no, embedding_type, model_version, computed_at, embedding_64)
  select w.user_no, p_type, t.model_version, now(), (select array_agg((g = w.n)::int) from generate_series(1, 64) as g)::extensions.vector
  from who as w cross join medley.embedding_types as t
  where w.n <= p_members and t.embedding_type = p_type
  on conflict do nothing
$$;
create function tests.clustered() returns bigint language sql as $$
  select count(*) from medley.user_clusters as c where c.cluster_type = 'taste_based'
$$;

select has(4, 'behavior'), has(1, 'sound');
select medley.rebuild_user_clusters();
select is(clustered(), 4::bigint, 'what one of four has speaks for none of the others');
select has(2, 'sound');
select medley.rebuild_user_clusters();
select is(clustered(), 2::bigint, 'what half of them have does');
select is(
  (select count(*) from medley.user_clusters as c where c.cluster_type = 'behavior_based'), 4::bigint, 'behaviour has clusters of its own'
);

select * from finish();
