-- The taxonomy is public knowledge: everyone reads it. The owner of a project edits the curated tables with the
-- secret key; derived tables are written by the engine alone.
alter table public.genres enable row level security;
revoke all on public.genres from public, anon, authenticated, service_role;
grant select on public.genres to anon, authenticated;
grant select, insert, update, delete on public.genres to service_role;
-- Identity columns need no right on their sequence; a project's defaults may have granted some.
revoke all on sequence public.genres_genre_no_seq from public, anon, authenticated, service_role;

create policy genres_select on public.genres
for select to anon, authenticated using (true);

-- An item's genres are seen by whoever may see the item.
alter table public.item_genres enable row level security;
revoke all on public.item_genres from public, anon, authenticated, service_role;
grant select on public.item_genres to anon, authenticated;
grant select, insert, update, delete on public.item_genres to service_role;

create policy item_genres_select on public.item_genres
for select to anon, authenticated using (medley.visible_to((select auth.uid()), item_id));

alter table public.genre_taxonomy_roots enable row level security;
revoke all on public.genre_taxonomy_roots from public, anon, authenticated, service_role;
grant select on public.genre_taxonomy_roots to anon, authenticated;
grant select, insert, update, delete on public.genre_taxonomy_roots to service_role;

create policy genre_taxonomy_roots_select on public.genre_taxonomy_roots
for select to anon, authenticated using (true);

alter table public.genre_taxonomy_exclude enable row level security;
revoke all on public.genre_taxonomy_exclude from public, anon, authenticated, service_role;
grant select on public.genre_taxonomy_exclude to anon, authenticated;
grant select, insert, update, delete on public.genre_taxonomy_exclude to service_role;

create policy genre_taxonomy_exclude_select on public.genre_taxonomy_exclude
for select to anon, authenticated using (true);

alter table public.genre_parent enable row level security;
revoke all on public.genre_parent from public, anon, authenticated, service_role;
grant select on public.genre_parent to anon, authenticated;
grant select, insert, update, delete on public.genre_parent to service_role;

create policy genre_parent_select on public.genre_parent
for select to anon, authenticated using (true);

alter table public.genre_paths enable row level security;
revoke all on public.genre_paths from public, anon, authenticated, service_role;
revoke all on sequence public.genre_paths_path_no_seq from public, anon, authenticated, service_role;
grant select on public.genre_paths to anon, authenticated, service_role;

create policy genre_paths_select on public.genre_paths
for select to anon, authenticated using (true);

-- The engine reads these through its own functions only.
alter table medley.genre_aliases enable row level security;
revoke all on medley.genre_aliases from public, anon, authenticated, service_role;
alter table medley.genre_cooccurrence_pairs enable row level security;
revoke all on medley.genre_cooccurrence_pairs from public, anon, authenticated, service_role;
alter table medley.genre_marginals enable row level security;
revoke all on medley.genre_marginals from public, anon, authenticated, service_role;
alter table medley.genre_statistics enable row level security;
revoke all on medley.genre_statistics from public, anon, authenticated, service_role;
alter table medley.genre_similarity_edges enable row level security;
revoke all on medley.genre_similarity_edges from public, anon, authenticated, service_role;
