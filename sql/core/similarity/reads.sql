-- What apps ask for: the items like an item, page by page, each with a reason.
create view medley.content_similarity
with (security_invoker = true)
as
select
  a.id as content_id_a,
  b.id as content_id_b,
  l.method as similarity_type,
  n.weight as similarity_score,
  l.built_at as updated_at
from medley.neighbor_lists as l
inner join medley.item_neighbors as n on l.list_no = n.list_no
inner join medley.items as a on n.item_no = a.item_no
inner join medley.items as b on n.neighbor_no = b.item_no
where l.state = 'current';

comment on view medley.content_similarity is 'The neighbours of items in all current lists, by id.';
comment on column medley.content_similarity.content_id_a is 'The item.';
comment on column medley.content_similarity.content_id_b is 'Its neighbour.';
comment on column medley.content_similarity.similarity_type is 'The method: behavior, cosine, content, genre, embedding, blend.';
comment on column medley.content_similarity.similarity_score is 'The weight; comparable within one type.';
comment on column medley.content_similarity.updated_at is 'When the list was built.';
revoke all on medley.content_similarity from public, anon, authenticated, service_role;

create or replace function medley.shared_features(p_item_no int, p_neighbor_nos int[])
returns table (neighbor_no int, shared text)
language plpgsql stable parallel safe security definer
set search_path = '' set plan_cache_mode = force_generic_plan
as $$
begin
  return query
  with own as materialized (
    select c.feature_no
    from medley.content_features as c
    where c.item_no = p_item_no
  ),

  common as (
    -- Distinct, because several sources may say the same.
    select distinct n.neighbor_no, c.feature_no
    from unnest(p_neighbor_nos) as n (neighbor_no)
    inner join medley.content_features as c on n.neighbor_no = c.item_no
    inner join own as o on c.feature_no = o.feature_no
  ),

  phrase as (
    select
      c.neighbor_no,
      sum(f.idf * t.weight) as value,
      case
        when count(*) = 1
          then concat_ws(' ', replace(t.feature_type, '_', ' '), medley.feature_label(min(f.feature_value collate "C")))
        else count(*) || ' ' || replace(t.feature_type, '_', ' ') || 's'
      end as words
    from common as c
    inner join medley.features as f on c.feature_no = f.feature_no
    inner join medley.feature_types as t on f.feature_type = t.feature_type
    group by c.neighbor_no, t.feature_type
  ),

  best as (
    select
      p.neighbor_no,
      (array_agg(p.words order by p.value desc, p.words collate "C"))[1:3] as words
    from phrase as p
    group by p.neighbor_no
  )

  select
    b.neighbor_no,
    'shares ' || concat_ws(
      ' and ',
      nullif(array_to_string(b.words[:cardinality(b.words) - 1], ', '), ''),
      b.words[cardinality(b.words)]
    )
  from best as b;
end;
$$;

comment on function medley.shared_features(int, int[]) is
  'What the item has in common with each of these, in words: its three weightiest types of features, "shares director '
  'Nolan and 3 keywords" say. Items that share nothing are left out.';
revoke all on function medley.shared_features(int, int[]) from public, anon, authenticated, service_role;

create or replace function medley.check_similarity_method(p_method text)
returns text[]
language plpgsql immutable parallel safe security invoker set search_path = ''
as $$
begin
  if p_method is null or p_method not in ('blend', 'behavior', 'cosine', 'content', 'genre', 'embedding') then
    perform medley.fail('invalid_argument', format('there is no method %s', left(coalesce(p_method, 'null'), 100)),
      'p_method', 'Pass blend, behavior, cosine, content, genre or embedding.');
  end if;
  return p_method
    || case when p_method = 'blend' then array['behavior'] else array[]::text[] end
    || array_remove(array['content', 'genre', 'popular'], p_method);
end;
$$;

comment on function medley.check_similarity_method(text) is
  'The methods that answer for p_method, in turn: itself, and what fills the page when it has no more. '
  'Errors: invalid_argument.';
revoke all on function medley.check_similarity_method(text) from public, anon, authenticated, service_role;

-- No SET: it inlines.
create or replace function medley.similarity_reason(p_method text, p_title text, p_shared text, p_together boolean)
returns text
language sql immutable parallel safe security invoker
return case p_method
  when 'popular' then 'popular'
  when 'behavior' then 'people who like ' || p_title || ' also like it'
  when 'cosine' then 'people who like ' || p_title || ' also like it'
  when 'blend' then coalesce(
    nullif(
      concat_ws('; ', case when p_together then 'people who like ' || p_title || ' also like it' end, p_shared),
      ''
    ),
    'much like ' || p_title
  )
  when 'genre' then coalesce(p_shared, 'related genres')
  else coalesce(p_shared, 'much like ' || p_title)
end;

comment on function medley.similarity_reason(text, text, text, boolean) is
  'Why an item is on the page, in words: from the method, the title of the item that was asked about, what both share '
  '(null: nothing), and whether who likes one likes the other.';
revoke all on function medley.similarity_reason(text, text, text, boolean)
from public, anon, authenticated, service_role;

-- No SET: it inlines.
create or replace function medley.may_list_neighbor(
  p_item medley.items,
  p_earlier smallint[],
  p_item_no int,
  p_user_id uuid,
  p_as_of timestamptz
)
returns boolean
language sql stable parallel safe security invoker
return (p_item).published_at <= p_as_of
and ((p_item).expires_at is null or (p_item).expires_at > p_as_of)
and (
  (p_item).owner_id is null and (p_item).visibility = 'public'
  or medley.may_list(p_user_id, (p_item).id, (p_item).owner_id)
)
-- A scalar subquery rather than EXISTS: it is looked up row by row, never hashed as a whole.
and (
  select true
  from unnest(p_earlier) as l (list_no)
  inner join medley.item_neighbors as e on l.list_no = e.list_no
  where e.item_no = p_item_no and e.neighbor_no = (p_item).item_no
  limit 1
) is null;

comment on function medley.may_list_neighbor(medley.items, smallint[], int, uuid, timestamptz) is
  'Whether an item may stand on a page of similar items: published, not expired, visible to the member and of no '
  'muted owner, and in none of the earlier lists of p_item_no.';
revoke all on function medley.may_list_neighbor(medley.items, smallint[], int, uuid, timestamptz)
from public, anon, authenticated, service_role;

-- The kept plan walks item_neighbors_read_idx from the cursor on and stops when the page is full.
create or replace function medley.similar_page(
  p_list_no smallint,
  p_earlier smallint[],
  p_item_no int,
  p_kind text,
  p_user_id uuid,
  p_after_score real,
  p_after_no int,
  p_limit int,
  p_as_of timestamptz
)
returns table (item_no int, score real)
language plpgsql stable parallel safe security definer
set search_path = '' set plan_cache_mode = force_generic_plan
as $$
begin
  return query
  select n.neighbor_no, n.weight
  from medley.item_neighbors as n
  inner join medley.items as i on n.neighbor_no = i.item_no
  where n.list_no = p_list_no
    and n.item_no = p_item_no
    and n.weight <= p_after_score
    and (n.weight < p_after_score or n.neighbor_no > p_after_no)
    and (p_kind is null or i.kind = p_kind)
    and medley.may_list_neighbor(i, p_earlier, p_item_no, p_user_id, p_as_of)
  order by n.weight desc, n.neighbor_no
  limit p_limit;
end;
$$;

comment on function medley.similar_page(smallint, smallint[], int, text, uuid, real, int, int, timestamptz) is
  'Up to p_limit neighbours of an item in one list, best first, after a score and number: of the kind p_kind (null: any), '
  'for which may_list_neighbor says yes.';
revoke all on function medley.similar_page(smallint, smallint[], int, text, uuid, real, int, int, timestamptz)
from public, anon, authenticated, service_role;

create or replace function medley.popular_page(
  p_earlier smallint[],
  p_item_no int,
  p_kind text,
  p_user_id uuid,
  p_after_score real,
  p_after_no int,
  p_limit int,
  p_as_of timestamptz
)
returns table (item_no int, score real)
language plpgsql stable parallel safe security definer
set search_path = '' set plan_cache_mode = force_generic_plan
as $$
begin
  return query
  with listed as (
    (
      select s.item_no, s.popularity as score
      from medley.item_statistics as s
      inner join medley.items as i on s.item_no = i.item_no
      where s.kind = p_kind
        and s.popularity <= p_after_score
        and (s.popularity < p_after_score or s.item_no > p_after_no)
        and s.item_no <> p_item_no
        and medley.may_list_neighbor(i, p_earlier, p_item_no, p_user_id, p_as_of)
      order by s.popularity desc, s.item_no
      limit p_limit
    )
    union all
    -- Nobody has touched these yet.
    (
      select i.item_no, 0::real
      from medley.items as i
      where i.kind = p_kind
        and p_after_score >= 0
        and (p_after_score > 0 or i.item_no > p_after_no)
        and i.item_no <> p_item_no
        and (select s.item_no from medley.item_statistics as s where s.item_no = i.item_no) is null
        and medley.may_list_neighbor(i, p_earlier, p_item_no, p_user_id, p_as_of)
      order by i.item_no
      limit p_limit
    )
  )

  select l.item_no, l.score
  from listed as l
  order by l.score desc, l.item_no
  limit p_limit;
end;
$$;

comment on function medley.popular_page(smallint[], int, text, uuid, real, int, int, timestamptz) is
  'The same for the popular items of a kind, where an item has no neighbours left.';
revoke all on function medley.popular_page(smallint[], int, text, uuid, real, int, int, timestamptz)
from public, anon, authenticated, service_role;

create or replace function medley.get_similar_items(
  p_item_id uuid,
  p_kind text,
  p_method text,
  p_limit int,
  p_cursor text,
  p_as_of timestamptz
)
returns table (item_id uuid, kind text, title text, score real, method text, reason text, next_cursor text)
language plpgsql stable parallel safe security definer
set search_path = '' set plan_cache_mode = force_generic_plan
as $$
declare
  v_user_id uuid := auth.uid();
  v_limit int := medley.check_limit(p_limit);
  v_methods text[] := medley.check_similarity_method(p_method);
  v_query text := 'similar:' || md5(row(p_item_id, p_kind, p_method)::text);
  v_item medley.items;
  v_lists smallint[] := array[]::smallint[];
  v_list smallint;
  v_stage int;
  v_score real;
  v_no int;
  v_nos int[] := array[]::int[];
  v_scores real[] := array[]::real[];
  v_stages int[] := array[]::int[];
  v_page_nos int[];
  v_page_scores real[];
  v_cursor text;
  v_behavior smallint;
begin
  select i.* into v_item
  from medley.items as i
  where i.id = p_item_id
    and (i.owner_id is null and i.visibility = 'public' or medley.visible_to(v_user_id, i.id));
  if not found then
    perform medley.fail('not_found', format('no item %s', p_item_id), 'p_item_id', 'Pass the id of an item that you see.');
  end if;
  if p_kind is not null then
    perform medley.check_kind(p_kind);
  end if;

  if p_cursor is not null then
    begin
      select (c.p ->> 'stage')::int, (c.p ->> 'score')::real, (c.p ->> 'item_no')::int into v_stage, v_score, v_no
      from medley.decode_cursor(p_cursor, v_query) as c (p);
    exception
      when data_exception then
        v_stage := null;
    end;
    if num_nulls(v_stage, v_score, v_no) > 0 or v_stage not between 1 and cardinality(v_methods) then
      perform medley.fail('invalid_cursor', 'the cursor is damaged', 'p_cursor', 'Start again without a cursor.');
    end if;
  end if;

  -- One method after the other, each from where the last page ended or from its beginning, until the page is full.
  for v_at in 1 .. cardinality(v_methods) loop
    v_list := medley.current_list(v_methods[v_at]);
    if v_at >= coalesce(v_stage, 1) then
      v_page_nos := null;
      if v_methods[v_at] = 'popular' then
        select array_agg(s.item_no), array_agg(s.score) into v_page_nos, v_page_scores
        from medley.popular_page(
          v_lists, v_item.item_no, coalesce(p_kind, v_item.kind), v_user_id,
          coalesce(v_score, 'infinity'), coalesce(v_no, 0), v_limit + 1 - cardinality(v_nos), p_as_of
        ) as s;
      elsif v_list is not null then
        select array_agg(s.item_no), array_agg(s.score) into v_page_nos, v_page_scores
        from medley.similar_page(
          v_list, v_lists, v_item.item_no, p_kind, v_user_id,
          coalesce(v_score, 'infinity'), coalesce(v_no, 0), v_limit + 1 - cardinality(v_nos), p_as_of
        ) as s;
      end if;
      if v_page_nos is not null then
        v_nos := v_nos || v_page_nos;
        v_scores := v_scores || v_page_scores;
        v_stages := v_stages || array_fill(v_at, array[cardinality(v_page_nos)]);
      end if;
      exit when cardinality(v_nos) > v_limit;
      v_score := null;
      v_no := null;
    end if;
    v_lists := v_lists || v_list;
  end loop;

  if cardinality(v_nos) > v_limit then
    v_cursor := medley.encode_cursor(v_query, jsonb_build_object(
      'stage', v_stages[v_limit], 'score', v_scores[v_limit], 'item_no', v_nos[v_limit]
    ));
    v_nos := v_nos[:v_limit];
  end if;
  if p_method = 'blend' then
    v_behavior := medley.current_list('behavior');
  end if;

  return query
  select
    i.id,
    i.kind,
    i.title,
    p.score,
    v_methods[p.stage],
    medley.similarity_reason(v_methods[p.stage], v_item.title, s.shared, b.item_no is not null),
    v_cursor
  from unnest(v_nos, v_scores, v_stages) with ordinality as p (item_no, score, stage, place)
  inner join medley.items as i on p.item_no = i.item_no
  left join medley.shared_features(v_item.item_no, v_nos) as s on p.item_no = s.neighbor_no
  left join medley.item_neighbors as b
    on b.list_no = v_behavior and b.item_no = v_item.item_no and p.item_no = b.neighbor_no
  order by p.place;
end;
$$;

comment on function medley.get_similar_items(uuid, text, text, int, text, timestamptz) is
  'The items like p_item_id at p_as_of; see public.get_similar_items. '
  'Errors: not_found, invalid_argument, invalid_cursor.';
revoke all on function medley.get_similar_items(uuid, text, text, int, text, timestamptz)
from public, anon, authenticated, service_role;
grant execute on function medley.get_similar_items(uuid, text, text, int, text, timestamptz)
to anon, authenticated, service_role;
