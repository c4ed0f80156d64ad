-- Members read their own rows, if granted; the engine alone writes. Kinds are edited with the secret key.
alter table medley.engagement_kinds enable row level security;
revoke all on medley.engagement_kinds from public, anon, authenticated, service_role;

alter table medley.engagements enable row level security;
revoke all on medley.engagements from public, anon, authenticated, service_role;
grant select on medley.engagements to authenticated, service_role;

create policy engagements_own on medley.engagements
for select to authenticated using (user_no = (select medley.acting_user_no()));

alter table medley.affinities enable row level security;
revoke all on medley.affinities from public, anon, authenticated, service_role;
grant select on medley.affinities to authenticated, service_role;

create policy affinities_own on medley.affinities
for select to authenticated using (user_no = (select medley.acting_user_no()));

alter table medley.affinity_checkpoints enable row level security;
revoke all on medley.affinity_checkpoints from public, anon, authenticated, service_role;

create policy affinity_checkpoints_own on medley.affinity_checkpoints
for select to authenticated using (user_no = (select medley.acting_user_no()));

alter table medley.sessions enable row level security;
revoke all on medley.sessions from public, anon, authenticated, service_role;
grant select on medley.sessions to authenticated, service_role;

create policy sessions_own on medley.sessions
for select to authenticated using (user_no = (select medley.acting_user_no()));

alter table medley.member_activity enable row level security;
revoke all on medley.member_activity from public, anon, authenticated, service_role;
grant select on medley.member_activity to authenticated, service_role;

create policy member_activity_own on medley.member_activity
for select to authenticated using (user_no = (select medley.acting_user_no()));

alter table medley.user_context enable row level security;
revoke all on medley.user_context from public, anon, authenticated, service_role;
grant select on medley.user_context to authenticated, service_role;

create policy user_context_own on medley.user_context
for select to authenticated using (user_no = (select medley.acting_user_no()));

alter table medley.removed_items enable row level security;
revoke all on medley.removed_items from public, anon, authenticated, service_role;

-- social_signals speaks of others: the engine alone reads it.
revoke all on medley.social_signals from public, anon, authenticated, service_role;
