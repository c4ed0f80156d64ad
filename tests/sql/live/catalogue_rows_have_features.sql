-- An artist has itself as a feature, and so have its events; who plays where follows every write.
select plan(14);

create function tests.fed(p_item uuid, p_source text) returns text[] language sql stable security definer as $$
  select array_agg(
    f.feature_type || ':' || f.feature_value order by f.feature_type collate "C", f.feature_value collate "C"
  )
  from medley.content_features as c
  inner join medley.features as f on f.feature_no = c.feature_no
  inner join medley.items as i on i.item_no = c.item_no
  where i.id = p_item and c.source = p_source
$$;
create function tests.names(p_item uuid) returns text language sql as $$
  select string_agg(n.line, ' ' order by n.line collate "C")
  from (
    select replace(replace(replace(replace(f.line, artist('Head')::text, 'Head'), artist('Support')::text, 'Support'),
      venue('Here')::text, 'Here'), venue('There')::text, 'There') as line
    from unnest(fed(p_item, 'live')) as f (line)
  ) as n
$$;

select make_artist('Head', '{grunge}'), make_artist('Support'), make_venue('Here', 0, 0, 'A'), make_venue('There', 0, 0, 'B');
select make_event('show', 5, '{grunge}', 'Here', 'Head'), plays('Support', 'show');
select is(names(artist('Head')), 'artist:Head', 'an artist is its own feature');
select is(names(venue('Here')), 'country:A venue:Here', 'so is a venue');
select is(names(event('show')), 'artist:Head artist:Support country:A venue:Here', 'an event has who plays, and where');
select is(fed(event('show'), 'genres'), '{genre:grunge}', 'beside its genres, which the core feeds');
select cmp_ok(
  (select c.weight from medley.content_features as c inner join medley.features as f on f.feature_no = c.feature_no
   inner join medley.items as i on i.item_no = c.item_no where i.id = event('show') and f.feature_value = artist('Support')::text),
  '<', 1::real, 'the support weighs less'
);
update public.artists set country = 'X' where name = 'Head';
select is(names(artist('Head')), 'artist:Head country:X', 'a change of the artist is followed');
update public.venues set city = 'Rome', region = 'GA' where name = 'Here';
select is(names(event('show')), 'artist:Head artist:Support city:Rome, GA, A country:A venue:Here', 'and of the venue, by its events');
update public.events set venue_id = venue('There') where title = 'show';
select is(names(event('show')), 'artist:Head artist:Support country:B venue:There', 'and of the event');
update public.event_artists set artist_id = artist('Head') where artist_id = artist('Support');
select is(names(event('show')), 'artist:Head country:B venue:There', 'and of the bill');
delete from public.event_artists where event_id = event('show');
delete from public.artists where name = 'Head';
select is(names(event('show')), 'country:B venue:There', 'who is gone plays no more');
delete from public.venues where name = 'There';
select is(names(event('show')), null, 'and where nothing is known there is nothing');

-- Features that went astray, as after a load with triggers off.
delete from medley.content_features where source = 'live';
select act_as_service();
select cmp_ok(medley.backfill_live_features(1), '>', 0::bigint, 'backfill writes what is missing');
select is(medley.backfill_live_features(), 0::bigint, 'and then has nothing to do');
select act_as_owner();
select is(names(venue('Here')), 'city:Rome, GA, A country:A venue:Here', 'all is there again');

select * from finish();
