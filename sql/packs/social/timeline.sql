-- The call: checks, the page, words and cursor.
create or replace function medley.timeline_reason(p_source text, p_author text, p_reposter text)
returns text
language sql immutable parallel safe security invoker
return case p_source
  when 'following' then 'You follow ' || coalesce(p_author, 'the author')
  when 'repost' then 'Reposted by ' || coalesce(p_reposter, 'somebody whom you follow')
  when 'liked' then 'Liked by somebody whom you follow'
  when 'cluster' then 'Popular with people of your taste'
  when 'trending' then 'Popular at the moment'
  else 'A new voice'
end;

comment on function medley.timeline_reason(text, text, text) is
  'Why a post is in the timeline, in words. Names are null where a profile is private. Who likes what is not told.';
revoke all on function medley.timeline_reason(text, text, text) from public, anon, authenticated, service_role;

create or replace function medley.get_home_timeline(p_user_id uuid, p_limit int, p_cursor text, p_now timestamptz)
returns table (
  post_id uuid,
  author_id uuid,
  author_name text,
  content text,
  media jsonb,
  hashtags text[],
  language text,
  visibility text,
  parent_id uuid,
  conversation_id uuid,
  quoted_id uuid,
  like_count int,
  reply_count int,
  repost_count int,
  quote_count int,
  view_count int,
  liked boolean,
  reposted boolean,
  created_at timestamptz,
  reposted_by uuid,
  in_network boolean,
  source text,
  score real,
  breakdown jsonb,
  reason text,
  "position" int, -- noqa: RF06
  request_id uuid,
  algorithm text,
  variant text,
  context jsonb,
  next_cursor text
)
language plpgsql stable parallel safe security definer
set search_path = '' set plan_cache_mode = force_generic_plan set enable_seqscan = off
as $$
declare
  v_user_id uuid := medley.acting_user(p_user_id);
  v_limit int := medley.check_limit(p_limit);
  v_query text := 'home_timeline:' || v_user_id;
  v_as_of timestamptz := p_now;
  v_shown int[] := array[]::int[];
  v_user_no int := (select m.user_no from medley.members as m where m.user_id = v_user_id);
  v_reader medley.post_reader := medley.post_reader(v_user_id);
  v_request_id uuid;
  v_variant text;
  v_overrides jsonb;
  v_parameters medley.timeline_parameters;
  v_probabilities text;
  v_points text;
  v_weights extensions.vector(32);
  v_mutual_reply double precision;
  v_reply int;
  v_network double precision;
  v_version text;
  v_rows medley.timeline_row[];
begin
  if p_cursor is not null then
    select c.as_of, c.shown into v_as_of, v_shown
    from medley.read_recommendation_cursor(p_cursor, v_query, p_now) as c;
  end if;
  -- One request is all its pages.
  v_request_id := md5(row(v_user_id, date_part('epoch', v_as_of))::text)::uuid;
  select e.experiment || ':' || e.variant, e.weights into v_variant, v_overrides
  from medley.active_experiment(v_user_id, 'home_timeline', v_as_of) as e;
  v_parameters := medley.timeline_parameters(v_overrides);
  v_probabilities := v_parameters.probabilities_format;
  v_points := v_parameters.points_format;
  v_weights := v_parameters.weights || array_fill(0::float8, array[32 - cardinality(v_parameters.weights)]);
  v_reply := v_parameters.reply_place;
  v_mutual_reply := v_parameters.mutual_reply;
  v_network := v_parameters.out_of_network;
  v_version := v_parameters.version;

  for v_attempt in 1..2 loop
    v_rows := array(
      select r
      from medley.rank_timeline(
        v_user_no, v_reader, v_limit, v_shown, case v_attempt when 1 then 1 else 10 end, v_parameters, v_as_of
      ) as r
    );
    -- Where the sources end, deeper ones.
    exit when cardinality(v_rows) = v_limit;
  end loop;

  return query
  with page as materialized (
    select
      r.*,
      r.source_no <= 2 as in_network,
      (array['following', 'repost', 'liked', 'cluster', 'trending', 'newcomer'])[r.source_no] as source,
      medley.multiplied(r.points, case when r.source_no <= 2 then 1 else v_network end) as network_points,
      medley.multiplied(r.points, r.factor) as base
    from unnest(v_rows) with ordinality as r (
      item_no, post_id, created_at, source_no, reposter_id, is_mutual, points, factor, multiplier, score, cosine, probabilities, place
    )
  )

  select
    s.post_id, s.author_id, s.author_name, s.content, s.media, s.hashtags, s.language, s.visibility, s.parent_id,
    s.conversation_id, s.quoted_id, s.like_count, s.reply_count, s.repost_count, s.quote_count, s.view_count, s.liked,
    s.reposted, s.created_at,
    p.reposter_id,
    p.in_network,
    p.source,
    p.score::real,
    -- The kinds with their points, and what factors change in points.
    ('{' || concat_ws(
      ',',
      format(v_points, variadic (p.probabilities::extensions.vector(32) operator(extensions.*) v_weights)::real[]),
      '"mutual_reply":' || nullif(case when p.is_mutual then v_mutual_reply * p.probabilities[v_reply] end::real, 0),
      '"out_of_network":' || nullif((p.network_points - p.points)::real, 0),
      '"cold_start":' || nullif((p.base - p.network_points)::real, 0),
      '"author_diversity":' || nullif((p.score - p.base)::real, 0)
    ) || '}')::jsonb,
    medley.timeline_reason(
      p.source, s.author_name, case when f.public_profile then coalesce(f.display_name, f.username) end
    ),
    (cardinality(v_shown) + p.place - 1)::int,
    v_request_id,
    case when p.cosine is null then 'rates' else v_version end,
    v_variant,
    -- By text: half the time that an aggregate of keys and values takes.
    (
      '{"request_id":"' || v_request_id || '","m":' || p.multiplier::real || ',"mutual":' || p.is_mutual
      || ',"p":{' || format(v_probabilities, variadic p.probabilities) || '}}'
    )::jsonb,
    case
      when p.place = v_limit
        then medley.recommendation_cursor(v_query, v_as_of, v_shown || array(select o.item_no from page as o order by o.place))
    end
  from page as p
  inner join medley.show_posts(array(select o.post_id from page as o), v_reader) as s on s.post_id = p.post_id
  left join public.profiles as f on f.id = p.reposter_id
  order by p.place;
end;
$$;

comment on function medley.get_home_timeline(uuid, int, text, timestamptz) is
  'The home timeline of the member p_user_id at p_now; see public.get_home_timeline.';
revoke all on function medley.get_home_timeline(uuid, int, text, timestamptz)
from public, anon, authenticated, service_role;
grant execute on function medley.get_home_timeline(uuid, int, text, timestamptz) to authenticated, service_role;
