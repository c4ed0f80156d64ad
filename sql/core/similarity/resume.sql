-- Rebuilds that several methods share.
create or replace function medley.resume_neighbor_rebuilds(p_limit int)
returns bigint
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_method text := (
    select l.method
    from medley.neighbor_lists as l
    where l.state = 'building' and l.method in ('behavior', 'content', 'genre', 'embedding')
    order by l.list_no
    limit 1
  );
begin
  -- Not while the job itself runs: the slower of both would begin the next rebuild.
  if v_method is null
    or not pg_try_advisory_xact_lock(medley.job_lock(format('rebuild_%s_neighbors', v_method)))
    or medley.lock_list(v_method) is null
  then
    return 0;
  end if;
  return case v_method
    when 'behavior' then medley.rebuild_behavior_neighbors(p_limit)
    when 'content' then medley.rebuild_content_neighbors(p_limit)
    when 'genre' then medley.rebuild_genre_neighbors(p_limit)
    when 'embedding' then medley.rebuild_embedding_neighbors(p_limit)
  end;
end;
$$;

comment on function medley.resume_neighbor_rebuilds(int) is
  'Job: goes on with a rebuild of neighbours whose run ended before it did. '
  'Returns how many items or sets.';
revoke all on function medley.resume_neighbor_rebuilds(int) from public, anon, authenticated, service_role;
