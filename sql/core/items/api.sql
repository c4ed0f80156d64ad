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
