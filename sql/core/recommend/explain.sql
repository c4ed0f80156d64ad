-- Why an item is recommended to a member, or why it is not.
create or replace function medley.recommendation_causes(
  p_user_no int,
  p_item_no int,
  p_parameters medley.recommendation_parameters,
  p_as_of timestamptz
)
returns jsonb
language sql stable parallel safe security definer set search_path = ''
as $$
  select coalesce(
    jsonb_agg(jsonb_build_object('item_id', c.id, 'title', c.title, 'points', c.points) order by c.points desc), '[]'
  )
  from (
    select i.id, i.title, sum(w.points)::real as points
    from medley.member_history(
      p_user_no,
      (p_parameters).history,
      (p_parameters).history_exponent,
      (p_parameters).history_recency,
      (p_parameters).dislike_share,
      p_as_of
    ) as h
    inner join (
      select n.item_no, (p_parameters).behavior * n.weight as behavior, 0 as content
      from medley.item_neighbors as n
      where n.list_no = medley.current_list('behavior') and n.neighbor_no = p_item_no
      union all
      select n.item_no, 0, (p_parameters).content * n.weight
      from medley.item_neighbors as n
      where n.list_no = medley.current_list('content') and n.neighbor_no = p_item_no
      union all
      select n.item_no, 0, (p_parameters).embedding * n.weight
      from medley.item_neighbors as n
      where n.list_no = medley.current_list('embedding') and n.neighbor_no = p_item_no
    ) as c on h.item_no = c.item_no
    inner join medley.items as i on h.item_no = i.item_no
    cross join lateral (select h.weight * (c.behavior + c.content / h.breadth) as points) as w
    group by i.id, i.title
    order by sum(w.points) desc
    limit 5
  ) as c
$$;

comment on function medley.recommendation_causes(int, int, medley.recommendation_parameters, timestamptz) is
  'The five items of the member''s history that speak for an item most: [{item_id, title, points}].';
revoke all on function medley.recommendation_causes(int, int, medley.recommendation_parameters, timestamptz)
from public, anon, authenticated, service_role;

create or replace function medley.recommendation_filters(
  p_user_no int,
  p_user_id uuid,
  p_item medley.items,
  p_as_of timestamptz
)
returns text[]
language sql stable parallel safe security definer set search_path = ''
as $$
  select array_remove(
    array[
      case when p_item.expires_at <= p_as_of then 'expired' end,
      case when p_item.published_at > p_as_of then 'not_published' end,
      case when p_item.owner_id = p_user_id then 'own' end,
      case when exists (
        select from public.user_mutes as m where m.user_id = p_user_id and m.muted_id = p_item.owner_id
      ) then 'muted' end,
      case when exists (
        select from medley.affinities as a where a.user_no = p_user_no and a.item_no = p_item.item_no and a.seen
      ) then 'seen' end,
      case when exists (
        select from medley.affinities as a
        where a.user_no = p_user_no
          and a.item_no = p_item.item_no
          and a.negative_at >= coalesce(a.positive_at, '-infinity')
      ) then 'rejected' end,
      case when exists (
        select from medley.engagement_kinds as k
        cross join lateral medley.shown_items(
          p_user_no, p_as_of - medley.setting('recommend.shown_hours')::float8 * interval '1 hour', k.kind_no, p_as_of
        ) as w
        where k.kind = 'impression' and w.item_no = p_item.item_no
      ) then 'shown_lately' end
    ],
    null
  )
$$;

comment on function medley.recommendation_filters(int, uuid, medley.items, timestamptz) is
  'Why an item that the member may see is not recommended: expired, not_published, own, muted, seen, rejected, shown_lately.';
revoke all on function medley.recommendation_filters(int, uuid, medley.items, timestamptz)
from public, anon, authenticated, service_role;

create or replace function medley.explain_recommendation(p_user_id uuid, p_item_id uuid, p_as_of timestamptz)
returns table (
  item_id uuid, kind text, title text, score real, algorithm text, reason text, breakdown jsonb, causes jsonb,
  hidden_by text[], variant text
)
language plpgsql stable parallel safe security definer set search_path = ''
as $$
declare
  v_user_id uuid := medley.acting_user(p_user_id);
  v_user_no int := (select m.user_no from medley.members as m where m.user_id = v_user_id);
  v_parameters medley.recommendation_parameters;
  v_override jsonb;
  v_item medley.items;
begin
  select i.* into v_item
  from medley.items as i
  where i.id = p_item_id and medley.visible_to(v_user_id, i.id);
  if not found then
    perform medley.fail('not_found', format('no item %s', p_item_id), 'p_item_id', 'Pass the id of an item that you see.');
  end if;
  select e.weights, e.experiment || ':' || e.variant into v_override, variant
  from medley.active_experiment(v_user_id, 'recommendations', p_as_of) as e;
  v_parameters := medley.recommendation_parameters(v_override);

  return query
  select
    v_item.id,
    v_item.kind,
    v_item.title,
    r.relevance::real,
    r.algorithm,
    case
      when r.algorithm is not null then medley.recommendation_reason(
        r.algorithm, r.friends, (select i.title from medley.items as i where i.item_no = r.cause_no),
        v_item.published_at, p_as_of
      )
    end,
    r.breakdown,
    medley.recommendation_causes(v_user_no, v_item.item_no, v_parameters, p_as_of),
    medley.recommendation_filters(v_user_no, v_user_id, v_item, p_as_of),
    explain_recommendation.variant
  from (values (1)) as one (row)
  left join lateral (
    select
      t.relevance,
      t.friends,
      t.cause_no,
      medley.algorithm_of(t.behavior, t.content, t.social, t.followed, t.popularity + t.trend, t.exploration) as algorithm,
      medley.breakdown_of(
        t.behavior, t.content, t.social, t.followed, t.popularity, t.trend, t.recency, t.availability, t.exploration, 0
      ) as breakdown
    from medley.rank_items(
      v_user_no, v_user_id, v_item.kind, 1000000, 100, false, 'nothing', p_as_of, '{}', null, v_parameters, p_as_of
    ) as t
    where t.item_no = v_item.item_no
  ) as r on true;
end;
$$;

comment on function medley.explain_recommendation(uuid, uuid, timestamptz) is
  'How an item stands with the member p_user_id at p_as_of; see public.explain_recommendation.';
revoke all on function medley.explain_recommendation(uuid, uuid, timestamptz)
from public, anon, authenticated, service_role;
grant execute on function medley.explain_recommendation(uuid, uuid, timestamptz) to authenticated, service_role;
