-- Titles are items, and their raw genre arrays drive their links in item_genres.
insert into medley.genre_aliases (alias_key, genre_key)
values ('sci fi', 'science fiction'), ('scifi', 'science fiction')
on conflict do nothing;

create trigger titles_1_register_insert
after insert on public.titles referencing new table as new_rows
for each statement execute function medley.register_catalogue_rows('', 'title', '', 'released_at', '');
create trigger titles_1_register_update
after update on public.titles referencing new table as new_rows
for each statement execute function medley.register_catalogue_rows('', 'title', '', 'released_at', '');
create trigger titles_1_unregister
after delete on public.titles referencing old table as old_rows
for each statement execute function medley.unregister_catalogue_rows();
create trigger titles_2_genres_insert
after insert on public.titles referencing new table as new_rows
for each statement execute function medley.sync_genres_of_rows();
create trigger titles_2_genres_update
after update on public.titles referencing old table as old_rows new table as new_rows
for each statement execute function medley.sync_genres_of_rows();
create trigger titles_updated_at
before update on public.titles
for each row execute function medley.set_updated_at();

create trigger people_updated_at
before update on public.people
for each row execute function medley.set_updated_at();
