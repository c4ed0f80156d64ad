-- Row-level security holds where nothing is granted: after a grant by mistake a member sees what is the member's own.
select no_plan();

select make_kind('film');
select make_members(2);
select make_items('film', 'f', 6);
select engage('m' || n, 'f1', 'like') from generate_series(1, 2) as n;
select compute_ahead('m1'), compute_ahead('m2');
select make_ranker('shelf'), run_experiment('shelf_test', 'shelf', now() - interval '10 days');
insert into medley.recommendation_experiments (experiment_name, user_no, variant, exposed_at)
select 'shelf_test', m.user_no, 'bold', now()
from medley.members as m;
insert into medley.affinity_checkpoints select * from medley.affinities;
insert into medley.behavior_histories (user_no, item_nos, weights) select m.user_no, '{1}', '{1}' from medley.members as m;
select medley.refresh_taste_profiles(10);
grant usage on schema medley to authenticated;
grant select on all tables in schema medley to authenticated;

create function tests.seen() returns table (name text, mine bigint, others bigint) language plpgsql as $$
begin
  for name in
    select a.attrelid::regclass::text
    from pg_class as c
    inner join pg_attribute as a on a.attrelid = c.oid and a.attname = 'user_no'
    where c.relnamespace = 'medley'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
  loop
    execute format(
      'select count(*) filter (where r.user_no = medley.acting_user_no()), '
      'count(*) filter (where r.user_no <> medley.acting_user_no()) from %s as r', name
    ) into mine, others;
    return next;
  end loop;
end;
$$;

select act_as(md5('member m1')::uuid);
select is(s.others, 0::bigint, format('of %s no row of another member', s.name)) from tests.seen() as s;
select set_has(
  'select s.name from tests.seen() as s where s.mine > 0',
  $$ values ('medley.affinity_checkpoints'), ('medley.behavior_histories'), ('medley.members'),
    ('medley.recommendation_candidates'), ('medley.recommendation_experiments'), ('medley.taste_states') $$,
  'and where there are own rows, these'
);

select * from finish();
