-- The log behind the affinities' last week, what a tenth of the members were shown in the last hours, and when each member
-- was here last.
insert into medley.engagements (occurred_at, logged_at, user_no, item_no, score, kind_no)
select e.*
from (
  select a.last_at, a.last_at as logged_at, a.user_no, a.item_no, k.engagement, k.kind_no
  from medley.affinities as a
  inner join medley.engagement_kinds as k on k.kind = case when a.score > 0 then 'like' else 'dislike' end
  where a.last_at > now() - interval '7 days'
  union all
  select s.shown_at, s.shown_at, s.user_no, s.item_no, k.engagement, k.kind_no
  from (
    select
      m as user_no,
      bench.scattered(
        floor(bench.popular_place(bench.u(m * 16::bigint + g, 'shown'), current_setting('bench.items')::int))::bigint,
        current_setting('bench.items')::int
      ) as item_no,
      now() - (1 + 4 * bench.u(m, 'shown at')) * interval '1 hour' + g * interval '1 second' as shown_at
    from generate_series(5, current_setting('bench.members')::int, 10) as m
    cross join generate_series(1, 10) as g
  ) as s
  inner join medley.engagement_kinds as k on k.kind = 'impression'
) as e
order by e.logged_at;

insert into medley.member_activity (user_no, last_engaged_at, last_written_at, engagements, learnt_engagements)
select a.user_no, max(a.last_at), max(a.last_at), count(*), count(*)
from medley.affinities as a
group by a.user_no;
