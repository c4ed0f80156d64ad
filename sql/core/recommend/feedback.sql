-- Feedback on recommendations, in the words of apps: it is engagement, in the same log.
create table medley.feedback_types (
  feedback_type text primary key,
  kind text not null unique references medley.engagement_kinds (kind),
  description text not null
);

comment on table medley.feedback_types is 'What record_feedback accepts, and the kind of engagement that each is.';
comment on column medley.feedback_types.feedback_type is 'The word that apps use.';
comment on column medley.feedback_types.kind is 'The kind of engagement that is logged.';
comment on column medley.feedback_types.description is 'What the member did.';

alter table medley.feedback_types enable row level security;
revoke all on medley.feedback_types from public, anon, authenticated, service_role;

insert into medley.feedback_types (feedback_type, kind, description)
values
  ('impression', 'impression', 'The recommendation was shown.'),
  ('click', 'click', 'It was clicked.'),
  ('like', 'like', 'It was liked.'),
  ('dislike', 'dislike', 'It was disliked.'),
  ('not_interested', 'not_interested', 'The member wants no more of it.'),
  ('watch_started', 'watch_started', 'Watching began.'),
  ('watch_completed', 'watch_completed', 'It was watched to the end.');

create view medley.recommendation_feedback as
select
  e.user_no,
  e.item_no,
  t.feedback_type,
  e.value as feedback_value,
  e.algorithm,
  e.variant,
  e.position,
  e.predicted_score,
  e.context,
  e.occurred_at as created_at
from medley.engagements as e
inner join medley.engagement_kinds as k on k.kind_no = e.kind_no
inner join medley.feedback_types as t on t.kind = k.kind;

comment on view medley.recommendation_feedback is
  'The engagements that are feedback on recommendations, under the names of apps.';
revoke all on medley.recommendation_feedback from public, anon, authenticated, service_role;

create or replace function medley.record_feedback(
  p_item_id uuid,
  p_feedback_type text,
  p_value real,
  p_context jsonb,
  p_user_id uuid,
  p_as_of timestamptz
)
returns text
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_user_id uuid := medley.acting_user(p_user_id);
  c_fields constant text[] := array[
    'occurred_at', 'session_id', 'platform', 'device', 'position', 'dwell_ms', 'progress', 'predicted_score', 'algorithm',
    'variant'
  ];
  v_kind text;
  v_context jsonb := coalesce(p_context, '{}');
  v_result record;
begin
  if jsonb_typeof(v_context) <> 'object' then
    perform medley.fail('invalid_argument', 'p_context must be an object', 'p_context', 'Pass {} or {"platform": "web"}.');
  end if;
  select t.kind into v_kind
  from medley.feedback_types as t
  where t.feedback_type = p_feedback_type;
  if not found then
    perform medley.fail('invalid_argument',
      format('there is no feedback type %s', coalesce(left(p_feedback_type, 100), 'null')),
      'p_feedback_type', 'Pass impression, click, like, dislike, not_interested, watch_started or watch_completed.');
  end if;

  select l.status, l.code, l.message into strict v_result
  from medley.log_engagement(
    v_user_id,
    jsonb_build_array(
      (select coalesce(jsonb_object_agg(c.key, c.value), '{}') from jsonb_each(v_context) as c where c.key = any(c_fields))
      || jsonb_build_object('item_id', p_item_id, 'kind', v_kind, 'value', p_value)
      || case when v_context - c_fields = '{}' then '{}' else jsonb_build_object('context', v_context - c_fields) end
    ),
    p_as_of
  ) as l;
  if v_result.status = 'refused' then
    perform medley.fail(v_result.code, v_result.message, null, 'Correct the feedback; nothing was written.');
  end if;
  return v_result.status;
end;
$$;

comment on function medley.record_feedback(uuid, text, real, jsonb, uuid, timestamptz) is
  'public.record_feedback at the moment p_as_of.';
revoke all on function medley.record_feedback(uuid, text, real, jsonb, uuid, timestamptz)
from public, anon, authenticated, service_role;
grant execute on function medley.record_feedback(uuid, text, real, jsonb, uuid, timestamptz)
to authenticated, service_role;
