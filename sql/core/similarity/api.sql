-- The API of similar items.
create or replace function public.get_similar_items(
  p_item_id uuid,
  p_kind text default null,
  p_method text default 'blend',
  p_limit int default 20,
  p_cursor text default null
)
returns table (item_id uuid, kind text, title text, score real, method text, reason text, next_cursor text)
language plpgsql stable parallel safe security invoker set search_path = ''
as $$
begin
  -- Not language sql, which would plan the call each time.
  return query
  select s.item_id, s.kind, s.title, s.score, s.method, s.reason, s.next_cursor
  from medley.get_similar_items(p_item_id, p_kind, p_method, p_limit, p_cursor, now()) as s;
end;
$$;

comment on function public.get_similar_items(uuid, text, text, int, text) is
  'The items like p_item_id, best first: of p_kind (an artist''s similar events, say) or of any kind. p_method: blend (what '
  'members do and what items are made of), behavior, cosine, content, genre or embedding. Where it has no more, behavior '
  '(after blend), content, genre and then the popular items of the kind fill the page; method says which one a row is '
  'from, and score compares within one method. reason tells why in words. p_limit is 1 to 200; pass next_cursor as p_cursor for '
  'the next page. Only what the caller may see, published and not expired. Errors: not_found, invalid_argument, invalid_cursor.';
revoke all on function public.get_similar_items(uuid, text, text, int, text)
from public, anon, authenticated, service_role;
grant execute on function public.get_similar_items(uuid, text, text, int, text)
to anon, authenticated, service_role;
