-- Embedding neighbours: items whose vectors point the same way. An item is compared within one type of vectors and the
-- model in use: of the types that it has, the one with the lowest taste_rank.
create or replace function medley.place_embedding_neighbors(p_list_no smallint, p_item_nos int[])
returns void
language plpgsql volatile parallel unsafe security definer set search_path = '' set work_mem = '256MB'
as $$
declare
  v_type medley.embedding_types;
  v_exact bigint := medley.setting('similarity.exact_embeddings');
  v_count bigint;
begin
  -- A setting of the extension can only be set once its library is loaded.
  perform '[1]'::extensions.vector;
  perform set_config('hnsw.iterative_scan', 'relaxed_order', true);
  perform set_config('hnsw.ef_search', '200', true);

  -- A handful of types; the items of each are ranked as a whole. The one thing put together as text is which column
  -- holds vectors of that size.
  for v_type in select t.* from medley.embedding_types as t order by t.embedding_type loop
    select count(*) into v_count
    from medley.content_embeddings as e
    where e.embedding_type = v_type.embedding_type and e.model_version = v_type.model_version;

    execute format(
      $query$
        insert into medley.item_neighbors (list_no, item_no, neighbor_no, weight)
        with wanted as materialized (
          select e.item_no, i.kind, e.embedding_%1$s as place
          from unnest($1) as p (item_no)
          inner join medley.items as i on p.item_no = i.item_no
          inner join medley.content_embeddings as e on p.item_no = e.item_no
          where e.embedding_type = $2 and e.model_version = $3
            and not exists (
              select from medley.content_embeddings as o
              inner join medley.embedding_types as t
                on o.embedding_type = t.embedding_type and o.model_version = t.model_version
              where o.item_no = e.item_no and (t.taste_rank, t.embedding_type) < ($4, $2)
            )
        ),

        kind as materialized (
          select k.kind
          from medley.item_kinds as k
          where exists (
            select from medley.items as i
            inner join medley.content_embeddings as e on i.item_no = e.item_no
            where i.kind = k.kind and e.embedding_type = $2 and e.model_version = $3
          )
        )

        select $7, w.item_no, n.item_no, n.weight
        from wanted as w
        cross join kind as k
        cross join lateral (
          -- The index gives candidates about in order; they are sorted by what is returned.
          select c.item_no, c.weight
          from (
            select e.item_no, (1 - (e.embedding_%1$s operator(extensions.<=>) w.place))::real as weight
            from medley.content_embeddings as e
            inner join medley.items as i on e.item_no = i.item_no
            where e.embedding_%1$s is not null
              and e.embedding_type = $2 and e.model_version = $3
              and e.item_no <> w.item_no and i.kind = k.kind
            order by (e.embedding_%1$s operator(extensions.<=>) w.place) %2$s
            limit 2 * case when k.kind = w.kind then $5 else $6 end
          ) as c
          where c.weight > 0
          order by c.weight desc, c.item_no
          limit case when k.kind = w.kind then $5 else $6 end
        ) as n
      $query$,
      v_type.dims,
      -- Not the expression of an index any more: every vector is looked at.
      case when v_count <= v_exact then '+ 0' else '' end
    ) using
      p_item_nos, v_type.embedding_type, v_type.model_version, v_type.taste_rank,
      medley.setting('similarity.neighbors'), medley.setting('similarity.neighbors_across'), p_list_no;
  end loop;
end;
$$;

comment on function medley.place_embedding_neighbors(smallint, int[]) is
  'Writes into a list the items of each kind whose vectors are closest to those of these items. weight is the cosine, '
  'above 0. Exact up to similarity.exact_embeddings vectors of a type; above, by the HNSW index (Malkov and Yashunin 2018), scanned on until '
  'enough rows pass.';
revoke all on function medley.place_embedding_neighbors(smallint, int[]) from public, anon, authenticated, service_role;

create or replace function medley.rebuild_embedding_neighbors(p_limit int)
returns bigint
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_list_no smallint := coalesce(medley.lock_list('embedding'), medley.begin_list('embedding'));
  v_item_nos int[];
begin
  v_item_nos := array(
    select distinct e.item_no
    from medley.content_embeddings as e
    where e.item_no > (select l.done_item_no from medley.neighbor_lists as l where l.list_no = v_list_no)
    order by e.item_no
    limit p_limit
  );
  perform medley.place_embedding_neighbors(v_list_no, v_item_nos);

  if cardinality(v_item_nos) < p_limit then
    perform medley.finish_list(v_list_no);
  else
    update medley.neighbor_lists as l
    set done_item_no = v_item_nos[p_limit]
    where l.list_no = v_list_no;
  end if;
  return cardinality(v_item_nos);
end;
$$;

comment on function medley.rebuild_embedding_neighbors(int) is
  'Job: embedding neighbours of the next p_limit items with vectors into a list of their own; after the last item it '
  'becomes current. Returns how many items.';
revoke all on function medley.rebuild_embedding_neighbors(int) from public, anon, authenticated, service_role;
