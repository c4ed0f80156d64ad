-- Worlds for the tests of the signals: log as a member, and compare what is running with what is rebuilt.
create function tests.item_named(p_title text)
returns uuid
language sql stable security definer set search_path = ''
as $$ select i.id from medley.items as i where i.title = p_title $$;

-- The fates of one event: the status, and the code of a refusal.
create function tests.fate(p_event jsonb)
returns text
language sql volatile security invoker
as $$ select concat_ws(' ', e.status, e.code) from public.log_engagement(jsonb_build_array(p_event)) as e $$;

create function tests.affinity_rows()
returns table (
  user_no int,
  item_no int,
  half_life_days smallint,
  score numeric,
  last_at timestamptz,
  positive_at timestamptz,
  negative_at timestamptz,
  seen boolean
)
language sql stable security definer set search_path = ''
as $$
  select
    a.user_no, a.item_no, a.half_life_days, round(a.score::numeric, 3), a.last_at, a.positive_at, a.negative_at, a.seen
  from medley.affinities as a
$$;

-- What was logged about a member, oldest first: kind and title of the item.
create function tests.log_of(p_member text)
returns text
language sql stable security definer set search_path = ''
as $$
  select string_agg(k.kind || ' ' || i.title, ', ' order by e.occurred_at, i.title, k.kind)
  from medley.engagements as e
  inner join medley.engagement_kinds as k on k.kind_no = e.kind_no
  inner join medley.items as i on i.item_no = e.item_no
  where e.user_no = medley.member_no(md5('member ' || p_member)::uuid)
$$;
