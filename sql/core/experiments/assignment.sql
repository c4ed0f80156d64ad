-- Which variant a member gets: pure functions of salt and member, so an assignment never changes and needs no row.
-- Taking part and the variant are separate draws. More traffic therefore adds members and moves none.
-- The account's id is hashed, not the engine's number: who has done nothing yet has no number, and keeps the variant.
-- No SET: it inlines. md5, unlike the server's hash functions, is the same in every version.
create or replace function medley.experiment_bucket(p_salt text, p_user_id uuid)
returns int
language sql immutable parallel safe security invoker
return (('x' || left(md5(p_salt || ':' || p_user_id::text), 15))::bit(60)::bigint % 10000)::int;

comment on function medley.experiment_bucket(text, uuid) is
  'The bucket of a member, 0 to 9,999: 60 bits of md5(salt:user_id), so all buckets are equally likely to within 10^-14.';
revoke all on function medley.experiment_bucket(text, uuid) from public, anon, authenticated, service_role;

-- Every recommendation asks this. Where nothing runs, it is one look-up in an index of a few rows.
create or replace function medley.active_experiment(p_user_id uuid, p_ranker text, p_as_of timestamptz)
returns table (experiment text, variant text, weights jsonb)
language plpgsql stable parallel safe security definer
set search_path = ''
as $$
declare
  v_experiment medley.experiments;
  v_bucket int;
begin
  -- Experiments on a ranker follow one another, so the newest start is the only candidate.
  select e.* into v_experiment
  from medley.experiments as e
  where e.ranker = p_ranker and e.started_at <= p_as_of
  order by e.started_at desc
  limit 1;

  if not found
    or v_experiment.stopped_at <= p_as_of
    or v_experiment.ends_at <= p_as_of
    or p_user_id is null
    or medley.experiment_bucket(v_experiment.salt || ':traffic', p_user_id) >= v_experiment.traffic * 10000
  then
    return;
  end if;

  v_bucket := medley.experiment_bucket(v_experiment.salt, p_user_id);
  return query
  select v.experiment_name, v.variant, v.weights
  from medley.experiment_variants as v
  where v.experiment_name = v_experiment.name and v.bucket_from <= v_bucket and v.bucket_until > v_bucket;
end;
$$;

comment on function medley.active_experiment(uuid, text, timestamptz) is
  'The variant that the member has in the experiment that runs on p_ranker at p_as_of; no row for who does not take part. '
  'weights is {"term": weight} to use instead of medley.ranker_weights. A row that this variant ranked says so to the app '
  'as experiment:variant, and the impression that repeats it is the exposure.';
revoke all on function medley.active_experiment(uuid, text, timestamptz) from public, anon, authenticated, service_role;
