-- Making, starting and stopping experiments. Nothing can move a member who was assigned: see the triggers below.
create or replace function medley.parse_variants(p_ranker text, p_variants jsonb)
returns table (variant text, bucket_from int, bucket_until int, weights jsonb)
language plpgsql stable parallel safe security definer set search_path = ''
as $$
declare
  v_wrong text;
begin
  if coalesce(jsonb_typeof(p_variants), 'null') <> 'array' then
    perform medley.fail('invalid_argument', 'p_variants must be an array of objects', 'p_variants',
      'Pass [{"variant": "control", "share": 0.5}, {"variant": "bold", "share": 0.5, "weights": {"term": 2}}].');
  end if;
  if jsonb_array_length(p_variants) not between 2 and 20 then
    perform medley.fail('invalid_argument', format('an experiment has 2 to 20 variants, got %s', jsonb_array_length(p_variants)),
      'p_variants', 'Compare at least one variant with control.');
  end if;

  select format('variant %s %s', w.place, w.wrong) into v_wrong
  from (
    select
      v.place,
      case
        when jsonb_typeof(v.entry) <> 'object' then 'is no object'
        when jsonb_typeof(v.entry -> 'variant') is distinct from 'string'
          or v.entry ->> 'variant' !~ '^[a-z][a-z0-9_]{0,39}$'
          then 'needs a name of up to 40 lower case letters, digits and underscores'
        when jsonb_typeof(v.entry -> 'share') is distinct from 'number' then 'needs a share that is a number'
        when (v.entry ->> 'share')::numeric not between 0.0001 and 0.9999 then 'needs a share from 0.0001 to 0.9999'
        when jsonb_typeof(coalesce(v.entry -> 'weights', '{}')) <> 'object' then 'has weights that are no object'
        when v.entry - '{variant,share,weights}'::text[] <> '{}' then 'has keys other than variant, share and weights'
      end as wrong
    from jsonb_array_elements(p_variants) with ordinality as v (entry, place)
  ) as w
  where w.wrong is not null
  order by w.place
  limit 1;
  if found then
    perform medley.fail('invalid_argument', v_wrong, 'p_variants', 'Correct it; nothing was written.');
  end if;

  select format('weights.%s of variant %s', left(w.term, 100), v.entry ->> 'variant') into v_wrong
  from jsonb_array_elements(p_variants) as v (entry)
  cross join jsonb_each(coalesce(v.entry -> 'weights', '{}')) as w (term, weight)
  where not exists (select from medley.ranker_weights as r where r.ranker = p_ranker and r.term = w.term)
    or jsonb_typeof(w.weight) <> 'number'
    or case when jsonb_typeof(w.weight) = 'number' then abs(w.weight::numeric) > 10000 end
  limit 1;
  if found then
    perform medley.fail('invalid_argument',
      format('%s is no weight of the ranker %s between -10000 and 10000', v_wrong, p_ranker), 'p_variants',
      'medley.ranker_weights has the terms of each ranker.');
  end if;

  if (
    select count(distinct v.entry ->> 'variant') < count(*) or bool_and(v.entry ->> 'variant' <> 'control')
    from jsonb_array_elements(p_variants) as v (entry)
  ) then
    perform medley.fail('invalid_argument', 'variants need different names, one of them control', 'p_variants',
      'Name the variant that the others are compared with control.');
  end if;

  if (
    select abs(sum((v.entry ->> 'share')::numeric) - 1) > 0.000001
    from jsonb_array_elements(p_variants) as v (entry)
  ) then
    perform medley.fail('invalid_argument', 'the shares of the variants must sum to 1', 'p_variants',
      'Shares divide those who take part; p_traffic says how many do.');
  end if;

  return query
  select
    s.variant,
    coalesce(lag(s.until) over (order by s.place), 0),
    s.until,
    s.weights
  from (
    select
      v.place,
      v.entry ->> 'variant' as variant,
      round(sum((v.entry ->> 'share')::numeric) over (order by v.place) * 10000)::int as until,
      coalesce(v.entry -> 'weights', '{}') as weights
    from jsonb_array_elements(p_variants) with ordinality as v (entry, place)
  ) as s;
end;
$$;

comment on function medley.parse_variants(text, jsonb) is
  'The variants that create_experiment was given, checked, with the ranges of buckets of their shares. '
  'Errors: invalid_argument.';
revoke all on function medley.parse_variants(text, jsonb) from public, anon, authenticated, service_role;

create or replace function medley.get_experiments(p_name text, p_as_of timestamptz)
returns table (
  experiment text, ranker text, metric text, status text, traffic numeric, variants jsonb, description text,
  created_at timestamptz, started_at timestamptz, ends_at timestamptz, stopped_at timestamptz
)
language sql stable parallel safe security definer set search_path = ''
as $$
  select
    e.name,
    e.ranker,
    e.metric,
    case
      when e.started_at is null then 'draft'
      when least(e.stopped_at, e.ends_at) <= p_as_of then 'stopped'
      else 'running'
    end,
    e.traffic,
    (
      select jsonb_agg(
        jsonb_build_object(
          'variant', v.variant, 'share', ((v.bucket_until - v.bucket_from) / 10000.0)::numeric(5, 4), 'weights', v.weights
        )
        order by v.bucket_from
      )
      from medley.experiment_variants as v
      where v.experiment_name = e.name
    ),
    e.description,
    e.created_at,
    e.started_at,
    e.ends_at,
    e.stopped_at
  from medley.experiments as e
  where p_name is null or e.name = p_name
  order by e.created_at desc, e.name
$$;

comment on function medley.get_experiments(text, timestamptz) is
  'The experiment p_name, or all of them, newest first, with their state at p_as_of.';
revoke all on function medley.get_experiments(text, timestamptz) from public, anon, authenticated, service_role;
grant execute on function medley.get_experiments(text, timestamptz) to service_role;

create or replace function medley.create_experiment(
  p_name text,
  p_ranker text,
  p_variants jsonb,
  p_metric text,
  p_traffic numeric,
  p_ends_at timestamptz,
  p_salt text,
  p_description text,
  p_as_of timestamptz
)
returns void
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
begin
  if p_name is null or p_name !~ '^[a-z][a-z0-9_]{0,49}$' then
    perform medley.fail('invalid_argument', format('%s is no name for an experiment', coalesce(left(p_name, 100), 'null')),
      'p_name', 'Up to 50 lower case letters, digits and underscores, a letter first.');
  end if;
  if not exists (select from medley.ranker_weights as r where r.ranker = p_ranker) then
    perform medley.fail('invalid_argument', format('there is no ranker %s', coalesce(left(p_ranker, 100), 'null')), 'p_ranker',
      'medley.ranker_weights has the rankers.');
  end if;
  if not exists (select from medley.experiment_metrics as m where m.metric = p_metric) then
    perform medley.fail('invalid_argument', format('there is no metric %s', coalesce(left(p_metric, 100), 'null')), 'p_metric',
      'medley.experiment_metrics has the metrics.');
  end if;
  if p_traffic is null or p_traffic not between 0.0001 and 1 then
    perform medley.fail('invalid_argument', format('p_traffic must be from 0.0001 to 1, got %s', p_traffic), 'p_traffic',
      '0.1 lets a tenth of all members take part.');
  end if;
  if p_ends_at <= p_as_of or not isfinite(p_ends_at) then
    perform medley.fail('invalid_argument', format('p_ends_at %s is not in the future', p_ends_at), 'p_ends_at',
      'Leave it out for an experiment that runs until it is stopped.');
  end if;
  if length(p_salt) not between 1 and 100 or length(p_description) > 2000 then
    perform medley.fail('invalid_argument', 'p_salt has 1 to 100 characters, p_description up to 2,000', 'p_salt',
      'Leave p_salt out for one that is made up.');
  end if;

  insert into medley.experiments (name, ranker, metric, traffic, salt, description, created_at, ends_at)
  values (
    p_name, p_ranker, p_metric, p_traffic, coalesce(p_salt, gen_random_uuid()::text), coalesce(p_description, ''), p_as_of,
    p_ends_at
  )
  on conflict (name) do nothing;
  if not found then
    perform medley.fail('conflict', format('there is an experiment %s already', p_name), 'p_name',
      'Choose another name: results are kept under it.');
  end if;

  insert into medley.experiment_variants (experiment_name, variant, bucket_from, bucket_until, weights)
  select p_name, v.variant, v.bucket_from, v.bucket_until, v.weights
  from medley.parse_variants(p_ranker, p_variants) as v;
end;
$$;

comment on function medley.create_experiment(text, text, jsonb, text, numeric, timestamptz, text, text, timestamptz) is
  'Defines an experiment, which does not run yet. See public.create_experiment. Errors: invalid_argument, conflict.';
revoke all on function medley.create_experiment(text, text, jsonb, text, numeric, timestamptz, text, text, timestamptz)
from public, anon, authenticated, service_role;
grant execute on function medley.create_experiment(
  text, text, jsonb, text, numeric, timestamptz, text, text, timestamptz
) to service_role;

create or replace function medley.close_ended_experiments(p_as_of timestamptz)
returns void
language sql volatile parallel unsafe security definer set search_path = ''
as $$
  update medley.experiments as e
  set stopped_at = e.ends_at
  where e.started_at is not null and e.stopped_at is null and e.ends_at <= p_as_of
$$;

comment on function medley.close_ended_experiments(timestamptz) is
  'Notes the end of experiments whose ends_at has passed. They had ended by themselves; this frees their ranker.';
revoke all on function medley.close_ended_experiments(timestamptz) from public, anon, authenticated, service_role;

create or replace function medley.lock_experiment(p_name text)
returns medley.experiments
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_experiment medley.experiments;
begin
  select e.* into v_experiment
  from medley.experiments as e
  where e.name = p_name
  for update;
  if not found then
    perform medley.fail('not_found', format('there is no experiment %s', coalesce(left(p_name, 100), 'null')), 'p_name',
      'get_experiments() lists them.');
  end if;
  return v_experiment;
end;
$$;

comment on function medley.lock_experiment(text) is
  'The experiment, locked until the transaction ends. Errors: not_found.';
revoke all on function medley.lock_experiment(text) from public, anon, authenticated, service_role;

create or replace function medley.start_experiment(p_name text, p_as_of timestamptz)
returns void
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_experiment medley.experiments;
begin
  perform medley.close_ended_experiments(p_as_of);
  v_experiment := medley.lock_experiment(p_name);
  if v_experiment.started_at is not null then
    perform medley.fail('conflict', format('the experiment %s was started before', p_name), 'p_name',
      'An experiment runs once; define a new one to repeat it.');
  end if;
  if v_experiment.ends_at <= p_as_of then
    perform medley.fail('conflict', format('the experiment %s was to end at %s', p_name, v_experiment.ends_at), 'p_name',
      'Define a new one that ends later.');
  end if;

  update medley.experiments as e
  set started_at = p_as_of
  where e.name = p_name;
exception
  when unique_violation then
    perform medley.fail('conflict', format('another experiment runs on the ranker %s', v_experiment.ranker), 'p_name',
      'Stop it first: two at a time could not be told apart.');
end;
$$;

comment on function medley.start_experiment(text, timestamptz) is
  'Starts an experiment that was never started. Errors: not_found, conflict (started before, over, or another one runs).';
revoke all on function medley.start_experiment(text, timestamptz) from public, anon, authenticated, service_role;
grant execute on function medley.start_experiment(text, timestamptz) to service_role;

create or replace function medley.stop_experiment(p_name text, p_as_of timestamptz)
returns void
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_experiment medley.experiments := medley.lock_experiment(p_name);
begin
  if v_experiment.started_at is null or least(v_experiment.stopped_at, v_experiment.ends_at) <= p_as_of then
    perform medley.fail('conflict', format('the experiment %s does not run', p_name), 'p_name',
      'Only what was started and has not ended can be stopped.');
  end if;

  update medley.experiments as e
  set stopped_at = p_as_of
  where e.name = p_name;
end;
$$;

comment on function medley.stop_experiment(text, timestamptz) is
  'Ends a running experiment: everyone gets the ranker''s own weights again. Errors: not_found, conflict (it does not run).';
revoke all on function medley.stop_experiment(text, timestamptz) from public, anon, authenticated, service_role;
grant execute on function medley.stop_experiment(text, timestamptz) to service_role;

create or replace function medley.set_experiment_traffic(p_name text, p_traffic numeric)
returns void
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_experiment medley.experiments := medley.lock_experiment(p_name);
begin
  if p_traffic is null or p_traffic not between 0.0001 and 1 then
    perform medley.fail('invalid_argument', format('p_traffic must be from 0.0001 to 1, got %s', p_traffic), 'p_traffic',
      '0.1 lets a tenth of all members take part.');
  end if;
  if v_experiment.stopped_at is not null or v_experiment.started_at is not null and p_traffic < v_experiment.traffic then
    perform medley.fail('conflict', format('the traffic of the experiment %s can only grow while it runs', p_name),
      'p_traffic', 'Stop it and define a new one.');
  end if;

  update medley.experiments as e
  set traffic = p_traffic
  where e.name = p_name;
end;
$$;

comment on function medley.set_experiment_traffic(text, numeric) is
  'Lets a larger share of all members take part; those who do keep their variant. '
  'Errors: not_found, invalid_argument, conflict (it would shrink, or the experiment is over).';
revoke all on function medley.set_experiment_traffic(text, numeric) from public, anon, authenticated, service_role;
grant execute on function medley.set_experiment_traffic(text, numeric) to service_role;

create or replace function medley.keep_started_experiments()
returns trigger
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
begin
  -- A variant that goes with its whole experiment finds no experiment here.
  if exists (
    select from medley.experiments as e
    where e.started_at is not null and e.name in (
      select r.experiment_name from changed_rows as r
    )
  ) then
    perform medley.fail('conflict', 'the variants of an experiment stay as they are once it was started', 'variants',
      'Stop it and define a new one: other shares would move members from one variant to another.');
  end if;
  return null;
end;
$$;

comment on function medley.keep_started_experiments() is
  'Statement trigger with transition table changed_rows: variants are fixed once their experiment was started. '
  'Errors: conflict.';
revoke all on function medley.keep_started_experiments() from public, anon, authenticated, service_role;

create trigger experiment_variants_keep_insert
after insert on medley.experiment_variants referencing new table as changed_rows
for each statement execute function medley.keep_started_experiments();
create trigger experiment_variants_keep_update
after update on medley.experiment_variants referencing old table as changed_rows
for each statement execute function medley.keep_started_experiments();
create trigger experiment_variants_keep_delete
after delete on medley.experiment_variants referencing old table as changed_rows
for each statement execute function medley.keep_started_experiments();

create or replace function medley.keep_experiment_assignment()
returns trigger
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
begin
  perform medley.fail('conflict', 'an experiment that was started keeps its name, ranker, salt, metric and traffic', 'p_name',
    'Stop it and define a new one; set_experiment_traffic lets more members take part.');
  return null;
end;
$$;

comment on function medley.keep_experiment_assignment() is
  'Row trigger: refuses what would move members or choose the metric after the fact. Errors: conflict.';
revoke all on function medley.keep_experiment_assignment() from public, anon, authenticated, service_role;

create trigger experiments_keep_assignment
before update on medley.experiments
for each row
when (
  old.started_at is not null
  and (
    (old.name, old.ranker, old.salt, old.metric, old.started_at)
    is distinct from (new.name, new.ranker, new.salt, new.metric, new.started_at)
    or new.traffic < old.traffic
  )
)
execute function medley.keep_experiment_assignment();
