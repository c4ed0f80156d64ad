-- Worlds for the tests of training: events at times, text vectors that follow from a number, models of few ideas.
create function tests.happened(p_user uuid, p_item uuid, p_kind text, p_at timestamptz, p_more jsonb default '{}')
returns void
language plpgsql security definer set search_path = ''
as $$
declare
  v_status text;
begin
  select w.status into strict v_status
  from medley.write_engagements(
    p_user,
    jsonb_build_array(p_more || jsonb_build_object('item_id', p_item, 'kind', p_kind, 'occurred_at', p_at)),
    '-infinity',
    greatest(p_at, now())
  ) as w;
  if v_status <> 'accepted' then
    raise exception 'event % was %', p_kind, v_status;
  end if;
end;
$$;

-- 384 numbers of unit length; another seed points elsewhere.
create function tests.text_vector(p_seed int)
returns extensions.vector
language sql immutable
as $$
  select extensions.l2_normalize(array_agg(sin(p_seed * 0.7 + n * (p_seed % 7 + 1)))::real[]::extensions.vector)
  from generate_series(1, 384) as n
$$;

create function tests.embed_text(p_item uuid, p_seed int)
returns void
language sql security definer set search_path = ''
as $$
  select medley.set_item_embeddings(
    'text',
    'all-MiniLM-L6-v2',
    jsonb_build_array(jsonb_build_object('item_id', p_item, 'embedding', tests.text_vector(p_seed)::text::jsonb))
  )
$$;

-- Rows of a tower: number n of the place is p_sign times number n of the text, and p_bias.
create function tests.tower_rows(p_sign int default 1, p_bias real default 0, p_rows int default 256)
returns jsonb
language sql immutable
as $$
  select jsonb_agg(jsonb_build_object(
    'row_no', r,
    'bias', p_bias,
    'weights', (select jsonb_agg(case when c = r then p_sign else 0 end order by c) from generate_series(0, 383) as c)
  ))
  from generate_series(0, p_rows - 1) as r
$$;

create function tests.make_model(p_version text, p_sign int default 1)
returns void
language plpgsql security definer set search_path = ''
as $$
begin
  perform medley.create_model_version(p_version, 'two_tower', '{"text_model": "all-MiniLM-L6-v2"}', clock_timestamp());
  perform medley.set_model_weights(p_version, 'item', tests.tower_rows(p_sign));
  perform medley.set_model_weights(p_version, 'user', tests.tower_rows(1));
  perform medley.set_model_heads(p_version, '[{"kind": "like", "intercept": -2, "similarity": 3, "rate": 1}]');
end;
$$;

-- The pairs of a set as text, to the last bit, without what differs by nature: their numbers and when they were written.
create function tests.pairs_of(p_set text)
returns table (title text, pair text)
language sql stable security definer set search_path = ''
as $$
  select
    t.item_title_snapshot,
    (to_jsonb(t) - '{pair_id,created_at,algorithm_version}'::text[])::text
  from medley.training_pairs as t
  where t.algorithm_version = p_set
$$;

create function tests.generate(p_set text, p_as_of timestamptz, p_ratio numeric default 5)
returns text
language sql security definer set search_path = ''
as $$
  select format('%s + %s', g.positives, g.negatives)
  from medley.generate_training_pairs(30, p_ratio, null, p_set, null, p_as_of) as g
$$;
