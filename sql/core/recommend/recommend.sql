-- The call: checks, the page computed ahead where it is still true, else the pipeline; reasons and cursor.
create type medley.recommendation as (
  item_no int,
  item_id uuid,
  kind text,
  title text,
  score double precision,
  algorithm text,
  friends int,
  cause_no int,
  published_at timestamptz,
  breakdown jsonb
);
comment on type medley.recommendation is 'A row of a page before it is put in words.';

-- No SET: these two inline; stable, as jsonb_build_object is.
create or replace function medley.algorithm_of(
  p_behavior double precision,
  p_content double precision,
  p_social double precision,
  p_followed double precision,
  p_popular double precision,
  p_exploration double precision
)
returns text
language sql immutable parallel safe security invoker
return case
  when p_behavior + p_content < greatest(p_social, p_followed, p_exploration, p_popular)
    then case greatest(p_social, p_followed, p_exploration, p_popular)
      -- First, for all may be 0.
      when p_popular then 'trending'
      when p_social then 'social'
      when p_followed then 'followed'
      else 'exploration'
    end
  when p_behavior > 0 and p_content > 0 then 'hybrid'
  when p_behavior > 0 then 'collaborative'
  when p_content > 0 then 'content_based'
  else 'trending'
end;

comment on function medley.algorithm_of(
  double precision, double precision, double precision, double precision, double precision, double precision
) is
  'Where most of an item''s points come from: collaborative (behaviour), content_based, hybrid (both), social, followed, '
  'exploration (new) or trending (popularity and trend).';
revoke all on function medley.algorithm_of(
  double precision, double precision, double precision, double precision, double precision, double precision
) from public, anon, authenticated, service_role;

create or replace function medley.breakdown_of(
  p_behavior double precision,
  p_content double precision,
  p_social double precision,
  p_followed double precision,
  p_popularity double precision,
  p_trend double precision,
  p_recency double precision,
  p_availability double precision,
  p_exploration double precision,
  p_penalty double precision
)
returns jsonb
language sql stable parallel safe security invoker
return jsonb_build_object(
  'behavior', p_behavior::real, 'content', p_content::real, 'social', p_social::real, 'followed', p_followed::real,
  'popularity', p_popularity::real, 'trend', p_trend::real, 'recency', p_recency::real,
  'availability', p_availability::real, 'exploration', p_exploration::real, 'diversity', -p_penalty::real
);

comment on function medley.breakdown_of(
  double precision, double precision, double precision, double precision, double precision, double precision,
  double precision, double precision, double precision, double precision
) is
  'The points of an item by term, which sum to its score; p_penalty is what likeness to other items on the page cost.';
revoke all on function medley.breakdown_of(
  double precision, double precision, double precision, double precision, double precision, double precision,
  double precision, double precision, double precision, double precision
) from public, anon, authenticated, service_role;

-- The best page: relevance first, then diversity. Where the sources end, deeper ones: more of the popular and the new,
-- then all there is. Instead of an empty first page comes what was shown lately, else what the member knows; never what
-- the member rejects.
create or replace function medley.recommend(
  p_user_no int,
  p_user_id uuid,
  p_kind text,
  p_limit int,
  p_skip int[],
  p_country text,
  p_parameters medley.recommendation_parameters,
  p_as_of timestamptz
)
returns setof medley.recommendation
language plpgsql stable parallel safe security definer
set search_path = '' set plan_cache_mode = force_generic_plan
as $$
declare
  v_pool int := greatest((p_parameters).pool, 2 * p_limit);
  v_depth int := 10;
  v_hide text := 'known';
  v_shown_since timestamptz := p_as_of - (p_parameters).shown_hours * interval '1 hour';
begin
  for v_attempt in 1..5 loop
    return query
    with ranked as materialized (
      select r.*
      from medley.rank_items(
        p_user_no, p_user_id, p_kind, v_pool, v_depth, v_attempt > 2, v_hide, v_shown_since, p_skip, p_country,
        p_parameters, p_as_of
      ) with ordinality as r
    ),

    chosen as (
      select c.place, c.penalty, c.rank
      from (
        select
          array_agg(r.relevance order by r.ordinality) as relevance,
          array_agg(r.signature order by r.ordinality) as signatures,
          array_agg(r.creator_no order by r.ordinality) as creators,
          array_agg(r.genre_no order by r.ordinality) as genres
        from ranked as r
        -- At first few are looked at closely: a short page of what is left of them need not be the best one.
        having count(*) >= case v_attempt when 1 then greatest(p_limit, (p_parameters).pool / 2) else p_limit end
          or v_attempt > 2 and count(*) > 0
      ) as a
      cross join lateral medley.choose_page(
        a.relevance, a.signatures, a.creators, a.genres, p_limit, (p_parameters).diversity,
        ceil((p_parameters).max_per_creator * p_limit / 20)::int, ceil((p_parameters).max_per_genre * p_limit / 20)::int
      ) with ordinality as c (place, penalty, rank)
    )

    select
      r.item_no,
      r.item_id,
      r.kind,
      r.title,
      r.relevance - c.penalty,
      medley.algorithm_of(r.behavior, r.content, r.social, r.followed, r.popularity + r.trend, r.exploration),
      r.friends,
      r.cause_no,
      r.published_at,
      medley.breakdown_of(
        r.behavior, r.content, r.social, r.followed, r.popularity, r.trend, r.recency, r.availability, r.exploration,
        c.penalty
      )
    from chosen as c
    inner join ranked as r on c.place = r.ordinality
    order by c.rank;
    -- A later page ends where the sources do; a first page has something to show.
    exit when found or v_attempt > 2 and p_skip <> '{}';

    v_pool := 5000;
    v_depth := greatest(v_depth, 100, 2 * p_limit + coalesce(cardinality(p_skip), 0));
    if v_attempt = 2 then
      v_depth := 5000;
    elsif v_attempt = 3 then
      v_shown_since := p_as_of;
    elsif v_attempt = 4 then
      v_hide := 'rejected';
    end if;
  end loop;
end;
$$;

comment on function medley.recommend(
  int, uuid, text, int, int[], text, medley.recommendation_parameters, timestamptz
) is
  'The best p_limit recommendations for the member, with their score and breakdown, in order. Full as long as the catalogue '
  'has that many items that the member does not know.';
revoke all on function medley.recommend(
  int, uuid, text, int, int[], text, medley.recommendation_parameters, timestamptz
) from public, anon, authenticated, service_role;

create or replace function medley.recommendation_reason(
  p_algorithm text,
  p_friends int,
  p_cause text,
  p_published_at timestamptz,
  p_as_of timestamptz
)
returns text
language plpgsql immutable parallel safe security invoker set search_path = ''
as $$
declare
  v_friends text := case
    when p_friends = 1 then '1 friend likes it'
    when p_friends > 1 then p_friends || ' friends like it'
  end;
begin
  return case
    when p_algorithm = 'social' then v_friends
    when p_algorithm = 'followed' then 'From somebody whom you follow'
    when p_algorithm = 'exploration' then
      case
        when p_as_of - p_published_at < interval '1 day' then 'New today'
        when p_as_of - p_published_at < interval '2 days' then 'New since yesterday'
        else 'New: ' || (date_part('epoch', p_as_of - p_published_at) / 86400)::int || ' days old'
      end
    when p_algorithm = 'trending' then 'Popular at the moment'
    when p_algorithm = 'content_based' and p_cause is not null then 'Like ' || p_cause
    when p_cause is not null then 'Because you liked ' || p_cause
    else 'Chosen for you'
  end || case when p_algorithm <> 'social' and v_friends is not null then ' · ' || v_friends else '' end;
end;
$$;

comment on function medley.recommendation_reason(text, int, text, timestamptz, timestamptz) is
  'A recommendation in words. p_cause: title of the item of the history that speaks for it most.';
revoke all on function medley.recommendation_reason(text, int, text, timestamptz, timestamptz)
from public, anon, authenticated, service_role;

create or replace function medley.recommendation_context(p_context jsonb)
returns table (country text, skip int[])
language plpgsql stable parallel safe security definer set search_path = ''
as $$
declare
  v_unknown text;
begin
  if p_context is null or p_context = '{}' then
    return next;
    return;
  end if;
  if jsonb_typeof(p_context) <> 'object' then
    perform medley.fail('invalid_argument', 'p_context must be an object', 'p_context', 'Pass {} or leave it out.');
  end if;
  select k.key into v_unknown
  from jsonb_object_keys(p_context) as k (key)
  where k.key not in ('country', 'exclude')
  limit 1;
  if found then
    perform medley.fail('invalid_argument', format('p_context has no key %s', left(v_unknown, 100)), 'p_context',
      'Its keys are country and exclude.');
  end if;
  country := upper(p_context ->> 'country');
  if country !~ '^[A-Z]{2}$' then
    perform medley.fail('invalid_argument', format('%s is no country', left(country, 100)), 'p_context',
      'Two letters as in ISO 3166: DE, US.');
  end if;
  if p_context ? 'exclude' then
    if jsonb_typeof(p_context -> 'exclude') <> 'array' or jsonb_array_length(p_context -> 'exclude') > 1000 then
      perform medley.fail('invalid_argument', 'exclude must be an array of at most 1,000 ids', 'p_context',
        'Pass {"exclude": ["id", ...]}.');
    end if;
    begin
      select array_agg(i.item_no) into skip
      from jsonb_array_elements_text(p_context -> 'exclude') as e (id)
      inner join medley.items as i on e.id::uuid = i.id;
    exception
      when invalid_text_representation then
        perform medley.fail('invalid_argument', 'exclude holds something that is no id', 'p_context',
          'Ids are uuids, as item_id of the rows.');
    end;
  end if;
  return next;
end;
$$;

comment on function medley.recommendation_context(jsonb) is
  'The arguments in p_context: {"country": "DE", "exclude": [item ids]}. Errors: invalid_argument.';
revoke all on function medley.recommendation_context(jsonb) from public, anon, authenticated, service_role;

create or replace function medley.recommendation_cursor(p_query text, p_as_of timestamptz, p_shown int[])
returns text
language plpgsql immutable parallel safe security invoker set search_path = ''
as $$
begin
  -- A cursor holds what was shown; beyond 500 items there is no next page.
  return case
    when cardinality(p_shown) < 500
      then medley.encode_cursor(p_query, jsonb_build_object('as_of', p_as_of, 'shown', to_jsonb(p_shown)))
  end;
end;
$$;

comment on function medley.recommendation_cursor(text, timestamptz, int[]) is
  'The cursor after a page: the moment that all pages are of, and the items on the pages so far.';
revoke all on function medley.recommendation_cursor(text, timestamptz, int[])
from public, anon, authenticated, service_role;

create or replace function medley.read_recommendation_cursor(p_cursor text, p_query text, p_now timestamptz)
returns table (as_of timestamptz, shown int[])
language plpgsql stable parallel safe security definer set search_path = ''
as $$
declare
  v_position jsonb := medley.decode_cursor(p_cursor, p_query);
begin
  begin
    as_of := (v_position ->> 'as_of')::timestamptz;
    select array_agg(s.no::int order by s.place) into shown
    from jsonb_array_elements_text(v_position -> 'shown') with ordinality as s (no, place);
  exception
    when data_exception then
      as_of := null;
  end;
  if as_of is null or as_of > p_now or as_of < p_now - interval '1 day' or shown is null then
    perform medley.fail('invalid_cursor', 'the cursor is damaged or older than a day', 'p_cursor',
      'Start again without a cursor.');
  end if;
  return next;
end;
$$;

comment on function medley.read_recommendation_cursor(text, text, timestamptz) is
  'What recommendation_cursor put into a cursor. Errors: invalid_cursor.';
revoke all on function medley.read_recommendation_cursor(text, text, timestamptz)
from public, anon, authenticated, service_role;

create or replace function medley.get_recommendations(
  p_user_id uuid,
  p_kind text,
  p_limit int,
  p_cursor text,
  p_context jsonb,
  p_now timestamptz
)
returns table (
  item_id uuid, kind text, title text, score real, algorithm text, variant text,
  "position" int, -- noqa: RF06
  reason text, breakdown jsonb, next_cursor text
)
language plpgsql stable parallel safe security definer
set search_path = '' set plan_cache_mode = force_generic_plan
as $$
declare
  v_user_id uuid := medley.acting_user(p_user_id);
  v_limit int := medley.check_limit(p_limit);
  v_user_no int := (select m.user_no from medley.members as m where m.user_id = v_user_id);
  v_query text := 'recommendations:' || md5(row(v_user_id, p_kind, p_context)::text);
  v_as_of timestamptz := p_now;
  v_shown int[] := array[]::int[];
  v_country text;
  v_excluded int[];
  v_variant text;
  v_weights jsonb;
begin
  if p_kind is not null then
    perform medley.check_kind(p_kind);
  end if;
  if p_context <> '{}' then
    select c.country, c.skip into v_country, v_excluded
    from medley.recommendation_context(p_context) as c;
  end if;
  if p_cursor is not null then
    select c.as_of, c.shown into v_as_of, v_shown
    from medley.read_recommendation_cursor(p_cursor, v_query, p_now) as c;
  end if;
  select e.experiment || ':' || e.variant, e.weights into v_variant, v_weights
  from medley.active_experiment(v_user_id, 'recommendations', v_as_of) as e;

  if num_nulls(p_kind, p_cursor, v_variant) = 3 and coalesce(p_context, '{}') = '{}' then
    return query
    select
      f.item_id, f.kind, f.title, f.score, f.algorithm, null::text, f.place - 1, f.reason, f.breakdown,
      case when f.place = v_limit then medley.recommendation_cursor(v_query, p_now, f.page_nos) end
    from medley.page_ahead(v_user_no, v_user_id, v_limit, p_now) as f;
    if found then
      return;
    end if;
  end if;

  return query
  with page as materialized (
    select r.*, row_number() over () as place
    from medley.recommend(
      v_user_no, v_user_id, p_kind, v_limit, v_shown || v_excluded, v_country,
      medley.recommendation_parameters(v_weights), v_as_of
    ) as r
  )

  select
    g.item_id,
    g.kind,
    g.title,
    g.score::real,
    g.algorithm,
    v_variant,
    (cardinality(v_shown) + g.place - 1)::int,
    medley.recommendation_reason(
      g.algorithm, g.friends, (select i.title from medley.items as i where i.item_no = g.cause_no), g.published_at,
      v_as_of
    ),
    g.breakdown,
    case
      when g.place = v_limit
        then medley.recommendation_cursor(v_query, v_as_of, v_shown || array(select s.item_no from page as s))
    end
  from page as g;
end;
$$;

comment on function medley.get_recommendations(uuid, text, int, text, jsonb, timestamptz) is
  'The recommendations of the member p_user_id at p_now; see public.get_recommendations.';
revoke all on function medley.get_recommendations(uuid, text, int, text, jsonb, timestamptz)
from public, anon, authenticated, service_role;
grant execute on function medley.get_recommendations(uuid, text, int, text, jsonb, timestamptz)
to authenticated, service_role;

create or replace function medley.recommend_batch(p_user_nos int[], p_kind text, p_limit int, p_as_of timestamptz)
returns table (user_no int, item_no int, rank int, score real)
language sql stable parallel safe security definer set search_path = ''
as $$
  select
    m.user_no,
    r.item_no,
    r.place::int,
    r.score::real
  from unnest(p_user_nos) as u (user_no)
  inner join medley.members as m on u.user_no = m.user_no
  cross join lateral (
    select t.item_no, t.score, row_number() over () as place
    from medley.recommend(
      m.user_no, m.user_id, p_kind, p_limit, '{}', null, medley.recommendation_parameters(null), p_as_of
    ) as t
  ) as r
$$;

comment on function medley.recommend_batch(int[], text, int, timestamptz) is
  'The best p_limit recommendations for each of these members, as get_recommendations computes them: for evaluation.';
revoke all on function medley.recommend_batch(int[], text, int, timestamptz)
from public, anon, authenticated, service_role;
