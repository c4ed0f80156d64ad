-- Pages of one moment: nothing twice, nothing left out, though impressions, likes and new items come in between.
select plan(12);

select make_kind('film'), make_members(5);
select make_items('film', 'f', 55);
select engage('m' || 1 + n % 4, 'f' || 1 + n, 'like', '3 days') from generate_series(0, 40) as n;
select medley.refresh_item_statistics(), medley.rebuild_behavior_neighbors(1000);

-- Reads page after page, logs each as shown, and does what p_between says after the first.
create function tests.read_pages(p_member text, p_limit int, p_between text default null, out titles text[], out places int[], out pages int)
language plpgsql as $$
declare
  v_cursor text;
  v_titles text[];
  v_places int[];
begin
  titles := '{}';
  pages := 0;
  loop
    perform act_as(md5('member ' || p_member)::uuid);
    select array_agg(r.title), array_agg(r."position"), max(r.next_cursor) into v_titles, v_places, v_cursor
    from public.get_recommendations(null, p_limit, v_cursor) as r;
    exit when v_titles is null;
    pages := pages + 1;
    titles := titles || v_titles;
    places := places || v_places;
    perform public.log_engagement((
      select jsonb_agg(jsonb_build_object('item_id', item_named(t), 'kind', 'impression', 'occurred_at', now() + interval '1 minute'))
      from unnest(v_titles) as t
    ));
    perform act_as_owner();
    if pages = 1 and p_between is not null then
      execute p_between;
    end if;
    exit when v_cursor is null or pages > 100;
  end loop;
  perform act_as_owner();
end;
$$;

create temp table plain as select * from read_pages('m5', 8);
select set_eq('select unnest(titles) from plain', array(select 'f' || n from generate_series(1, 55) as n), 'everything comes');
select is(cardinality(titles), 55, 'nothing twice') from plain;
select is(places, array(select generate_series(0, 54)), 'positions go on') from plain;
select is(pages, 7, 'and the cursor ends') from plain;

create temp table liked as select * from read_pages('m1', 8, $$ select engage('m1', i.title, 'like') from medley.items as i
  where i.title in ('f50', 'f51') $$);
select is(cardinality(titles), cardinality(array(select distinct unnest(titles))), 'nothing twice after likes') from liked;
select is((select count(*) from generate_series(1, 55) as n where 'f' || n <> all (l.titles)),
  (select count(distinct a.item_no) from medley.affinities as a inner join medley.items as i using (item_no)
    inner join medley.members as m using (user_no) where m.user_id = md5('member m1')::uuid
    and i.title <> all (l.titles)),
  'what is missing is known') from liked as l;

create temp table grown as select * from read_pages('m2', 8, $$ select make_item('film', 'late') $$);
select is(cardinality(titles), cardinality(array(select distinct unnest(titles))), 'nothing twice while items come') from grown;

-- A first page that was computed ahead goes on as well.
select compute_ahead('m3');
create temp table ahead as select * from read_pages('m3', 8);
select is((select count(*) from medley.recommendation_candidates as c where c.explanation ->> 'reason' = 'Ahead'), 40::bigint,
  'there is a page ahead');
select is(cardinality(titles), cardinality(array(select distinct unnest(titles))), 'nothing twice after it') from ahead;
select is(cardinality(titles), 46, 'nothing left out') from ahead;

-- The depth has an end.
select make_items('film', 'g', 700);
create temp table deep as select * from read_pages('m4', 200);
select is(pages, 3, 'beyond 500 items there is no next page') from deep;
select is(cardinality(array(select distinct unnest(titles))), 600, 'nor anything twice before') from deep;

select * from finish();
