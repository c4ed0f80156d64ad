-- What a member's friends do, as signals. Derived from follows and the log; nothing is stored.
create view medley.social_signals as
select
  m.user_no,
  f.user_no as friend_no,
  e.item_no,
  k.social_signal as signal_type,
  case when k.value_rule = 'rating' then e.value else k.engagement end as signal_strength,
  e.occurred_at as created_at
from public.follows as o
inner join public.follows as r on o.followed_id = r.follower_id and o.follower_id = r.followed_id
inner join medley.members as m on o.follower_id = m.user_id
inner join medley.members as f on o.followed_id = f.user_id
inner join medley.engagements as e on f.user_no = e.user_no
inner join medley.engagement_kinds as k on e.kind_no = k.kind_no
where k.social_signal is not null
  and not exists (
    select from public.user_mutes as u
    where u.user_id = o.follower_id and u.muted_id = o.followed_id
  );

comment on view medley.social_signals is
  'What friends (mutual follows, mutes left out) watched, liked, recommended, shared or rated. '
  'Ask for one user_no and for created_at since some time: it reads the friends'' log by time.';
comment on column medley.social_signals.user_no is 'The member who is told.';
comment on column medley.social_signals.friend_no is 'The friend who did it.';
comment on column medley.social_signals.item_no is 'The item.';
comment on column medley.social_signals.signal_type is 'watched, liked, recommended, shared or rated.';
comment on column medley.social_signals.signal_strength is '0 to 1: the rating, else how engaged such an event is.';
comment on column medley.social_signals.created_at is 'When the friend did it.';
