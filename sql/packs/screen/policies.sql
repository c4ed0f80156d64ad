-- Row-level security and grants of the screen pack: a public catalogue that the service writes.
alter table public.titles enable row level security;
revoke all on public.titles from public, anon, authenticated, service_role;
grant select on public.titles to anon, authenticated;
grant select, insert, update, delete on public.titles to service_role;

create policy titles_select on public.titles
for select to anon, authenticated using (medley.visible_to((select auth.uid()), id));

alter table public.people enable row level security;
revoke all on public.people from public, anon, authenticated, service_role;
grant select on public.people to anon, authenticated;
grant select, insert, update, delete on public.people to service_role;

create policy people_select on public.people
for select to anon, authenticated using (true);

alter table public.title_credits enable row level security;
revoke all on public.title_credits from public, anon, authenticated, service_role;
grant select on public.title_credits to anon, authenticated;
grant select, insert, update, delete on public.title_credits to service_role;

create policy title_credits_select on public.title_credits
for select to anon, authenticated using (medley.visible_to((select auth.uid()), title_id));

alter table public.platforms enable row level security;
revoke all on public.platforms from public, anon, authenticated, service_role;
grant select on public.platforms to anon, authenticated;
grant select, insert, update, delete on public.platforms to service_role;

create policy platforms_select on public.platforms
for select to anon, authenticated using (true);

alter table public.title_platforms enable row level security;
revoke all on public.title_platforms from public, anon, authenticated, service_role;
grant select on public.title_platforms to anon, authenticated;
grant select, insert, update, delete on public.title_platforms to service_role;
-- Identity columns need no right on their sequence; a project's defaults may have granted some.
revoke all on sequence public.title_platforms_offer_no_seq from public, anon, authenticated, service_role;

create policy title_platforms_select on public.title_platforms
for select to anon, authenticated using (medley.visible_to((select auth.uid()), title_id));

revoke all on public.titles_genres, public.available_titles from public, anon, authenticated, service_role;
grant select on public.titles_genres to anon, authenticated;
grant select, insert, update, delete on public.titles_genres to service_role;
grant select on public.available_titles to anon, authenticated, service_role;
