-- The API of the registry.
create or replace function public.register_items(p_items jsonb)
returns table (item_id uuid, status text)
language sql volatile parallel unsafe security invoker set search_path = ''
as $$
  select r.item_id, r.status
  from medley.register_items(p_items) as r
$$;

comment on function public.register_items(jsonb) is
  'Registers or updates up to 10,000 items of an app''s own kinds (secret key only). p_items: '
  '[{"id": uuid, "kind": text, "title": text, "owner_id": uuid, "visibility": "public|followers|private", '
  '"published_at": time, "expires_at": time}]; kind and title are required. '
  'A known id updates its row, all but published_at. '
  'Returns item_id and status (registered or updated) of each, in their order. Errors: invalid_argument, conflict, too_large.';
revoke all on function public.register_items(jsonb) from public, anon, authenticated, service_role;
grant execute on function public.register_items(jsonb) to service_role;

create or replace function public.find_items(
  p_query text,
  p_kind text default null,
  p_limit int default 20,
  p_user_id uuid default null
)
returns table (item_id uuid, kind text, title text, score real)
language sql stable parallel safe security invoker set search_path = ''
as $$
  select f.item_id, f.kind, f.title, f.score
  from medley.find_items(p_query, p_kind, p_limit, p_user_id) as f
$$;

comment on function public.find_items(text, text, int, uuid) is
  'Items by name, of p_kind or of all kinds: p_query is a part of the name (three characters or more) or words of it, '
  'also with a letter wrong; case does not matter. Best first, by score: how much of both names is the same, 0 to 1. '
  'Found are items of the catalogue, which belong to nobody, and the caller''s own. p_limit: 1 to 200. p_user_id: for the '
  'secret key only. Errors: invalid_argument, unauthenticated, forbidden, not_found (the member).';
revoke all on function public.find_items(text, text, int, uuid) from public, anon, authenticated, service_role;
grant execute on function public.find_items(text, text, int, uuid) to anon, authenticated, service_role;
