-- The registry is the engine's; members read it through the catalogue tables and write follows of their own.
alter table medley.item_kinds enable row level security;
revoke all on medley.item_kinds from public, anon, authenticated, service_role;

alter table medley.items enable row level security;
revoke all on medley.items from public, anon, authenticated, service_role;

alter table public.item_follows enable row level security;
revoke all on public.item_follows from public, anon, authenticated, service_role;
grant select, delete on public.item_follows to authenticated;
grant insert (user_id, item_id, notifications_enabled), update (user_id, item_id, notifications_enabled)
on public.item_follows to authenticated;
grant select, insert, update, delete on public.item_follows to service_role;

create policy item_follows_select on public.item_follows
for select to authenticated using (user_id = (select auth.uid()));

create policy item_follows_insert on public.item_follows
for insert to authenticated
with check (user_id = (select auth.uid()) and medley.visible_to((select auth.uid()), item_id));

-- An upsert of a follow that exists is an update to the same.
create policy item_follows_update on public.item_follows
for update to authenticated
using (user_id = (select auth.uid()))
with check (user_id = (select auth.uid()) and medley.visible_to((select auth.uid()), item_id));

create policy item_follows_delete on public.item_follows
for delete to authenticated using (user_id = (select auth.uid()));
