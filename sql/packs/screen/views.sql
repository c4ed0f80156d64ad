-- What can be seen now, and the genre links of titles under the name of the field.
create view public.titles_genres with (security_invoker = true, check_option = 'local') as
select
  g.item_id as title_id,
  g.genre_id,
  g.created_at
from public.item_genres as g
where exists (select from public.titles as t where t.id = g.item_id);

comment on view public.titles_genres is 'The genre links of titles: item_genres under the name of the field. Updatable.';
comment on column public.titles_genres.title_id is 'The title.';
comment on column public.titles_genres.genre_id is 'The genre.';
comment on column public.titles_genres.created_at is 'Since when.';

create view public.available_titles with (security_invoker = true) as
select
  o.title_id,
  t.kind,
  t.title,
  o.platform_id,
  p.name as platform_name,
  o.country,
  o.available_from,
  o.available_until,
  o.url
from public.title_platforms as o
inner join public.titles as t on t.id = o.title_id
inner join public.platforms as p on p.id = o.platform_id
where (o.available_from is null or o.available_from <= now())
  and (o.available_until is null or o.available_until > now());

comment on view public.available_titles is 'What can be seen now, and where: the offers of title_platforms that are open.';
comment on column public.available_titles.title_id is 'The title.';
comment on column public.available_titles.kind is 'movie, tv, episode or trailer.';
comment on column public.available_titles.title is 'Title as shown.';
comment on column public.available_titles.platform_id is 'The platform.';
comment on column public.available_titles.platform_name is 'Its name.';
comment on column public.available_titles.country is 'The country; empty for everywhere.';
comment on column public.available_titles.available_from is 'Since when; null for ever since.';
comment on column public.available_titles.available_until is 'Until when; null for good.';
comment on column public.available_titles.url is 'Where to watch it.';
