-- Experiments for tests: a ranker of their own, and events in bulk.
create function tests.make_ranker(p_ranker text)
returns void
language sql security definer set search_path = ''
as $$
  insert into medley.ranker_weights (ranker, term, weight, description)
  values (p_ranker, 'near', 1, 'For tests.'), (p_ranker, 'new', 1, 'For tests.')
$$;

-- A running experiment with control and a variant of that name, half and half.
create function tests.run_experiment(
  p_name text,
  p_ranker text,
  p_as_of timestamptz,
  p_variant text default 'bold',
  p_salt text default 'salt'
)
returns void
language plpgsql security definer set search_path = ''
as $$
begin
  perform medley.create_experiment(
    p_name, p_ranker,
    jsonb_build_array(
      jsonb_build_object('variant', 'control', 'share', 0.5),
      jsonb_build_object('variant', p_variant, 'share', 0.5, 'weights', jsonb_build_object('near', 3))
    ),
    'engagement', 1, null, p_salt, null, p_as_of
  );
  perform medley.start_experiment(p_name, p_as_of);
end;
$$;

-- Logs an event of a member as the log keeps it; the item does not matter here.
create function tests.log_event(
  p_user_id uuid,
  p_kind text,
  p_at timestamptz,
  p_variant text default null,
  p_score real default 0
)
returns void
language sql security definer set search_path = ''
as $$
  insert into medley.engagements (occurred_at, user_no, item_no, kind_no, score, variant)
  select p_at, m.user_no, 0, k.kind_no, p_score, p_variant
  from medley.member_numbers(array[p_user_id]) as m
  inner join medley.engagement_kinds as k on k.kind = p_kind
$$;
