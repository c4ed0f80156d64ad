-- A title is an item of its kind; its genres, credits and words are features of it, however they are written.
select plan(22);

select act_as_service();
insert into public.titles (id, kind, title, year, released_on, genres, keywords, language, country)
values
  (title('Heat'), 'movie', 'Heat', 1996, '1995-12-15', '{Crime,Sci-Fi}', '{Heist,"  heist ",bank}', 'en', 'US'),
  (title('Show'), 'tv', 'Show', 2004, null, '{Drama}', '{}', null, null),
  (title('Nothing'), 'movie', 'Nothing', null, null, '{}', '{}', null, null);
insert into public.people (id, name) values (person('Mann'), 'Michael Mann'), (person('Pacino'), 'Al Pacino'), (person('Kilmer'), 'Val Kilmer');
insert into public.title_credits (title_id, person_id, role, position)
values
  (title('Heat'), person('Mann'), 'director', 1), (title('Heat'), person('Mann'), 'writer', 1),
  (title('Heat'), person('Pacino'), 'cast', 1), (title('Heat'), person('Kilmer'), 'cast', 4);
select act_as_owner();

select results_eq(
  $$ select i.kind, i.title, i.published_at from medley.items as i where i.id in (title('Heat'), title('Show')) order by i.title $$,
  $$ values ('movie', 'Heat', '1995-12-15 00:00Z'::timestamptz), ('tv', 'Show', '2004-01-01 00:00Z') $$,
  'titles are items of their kind, published when they came out'
);
select is(genre_keys_of(title('Heat')), '{crime,science fiction}', 'their genres are links, one spelling for all');
select is(
  feature_names(title('Heat'), 'screen'),
  array[
    'cast:Al Pacino', 'cast:Val Kilmer', 'country:US', 'decade:1990s', 'director:Michael Mann', 'keyword:bank', 'keyword:heist',
    'language:en', 'writer:Michael Mann'
  ], 'and features say the rest'
);
select ok(feature_names(title('Heat')) @> '{genre:crime,genre:science-fiction}', 'beside the genres, which the core feeds');
select is(feature_names(title('Show'), 'screen'), '{decade:2000s}', 'what is unknown is no feature');
select is(feature_names(title('Nothing')), null, 'where nothing is known there is none');
select results_eq(
  $$ select f.feature_value, c.weight from medley.content_features as c inner join medley.features as f on f.feature_no = c.feature_no
     where f.feature_type = 'cast' order by 1 $$,
  $$ values ('Al Pacino', 1::real), ('Val Kilmer', 0.5) $$, 'the first name weighs most'
);
select is(
  (select f.feature_value from medley.item_content as c inner join medley.features as f on f.feature_no = -c.creator_no
   where c.item_no = (select i.item_no from medley.items as i where i.id = title('Heat'))),
  'Michael Mann', 'lists spread over directors'
);

update public.titles set title = 'Heat!', genres = '{Crime}', keywords = '{bank}', year = 1985, released_on = null where id = title('Heat');
select is((select array[i.title, i.published_at::date::text] from medley.items as i where i.id = title('Heat')), '{Heat!,1985-01-01}', 'an update is followed');
select is(genre_keys_of(title('Heat')), '{crime}', 'by the genres');
select ok(
  feature_names(title('Heat')) @> '{decade:1980s}' and not feature_names(title('Heat')) && '{keyword:heist,genre:science-fiction}',
  'and the features'
);
update public.people set name = 'M. Mann' where id = person('Mann');
select ok(feature_names(title('Heat')) @> '{"director:M. Mann","writer:M. Mann"}', 'somebody may be renamed');
update public.title_credits set title_id = title('Show') where person_id = person('Pacino');
select ok(
  feature_names(title('Show')) @> '{cast:Al Pacino}' and not feature_names(title('Heat')) @> '{cast:Al Pacino}',
  'a credit may move to another title'
);
delete from public.title_credits where role = 'writer';
select ok(not feature_names(title('Heat')) @> '{"writer:M. Mann"}', 'or end');
delete from public.people where id = person('Mann');
select ok(not feature_names(title('Heat')) @> '{"director:M. Mann"}', 'or go with the person');

select make_title('Pilot', 'episode', '{}', '{}', 'Show');
select is(feature_names(title('Pilot')), array['series:' || title('Show')], 'an episode has its series');
select ok(feature_names(title('Show')) @> array['series:' || title('Show')], 'which has itself');
delete from public.titles where id = title('Pilot');
select ok(not feature_names(title('Show')) @> array['series:' || title('Show')], 'as long as there are parts');

select throws_code($$ update public.titles set kind = 'tv' where id = title('Heat') $$, 'conflict', 'a title keeps its kind');
select throws_ok($$ select make_title('Part', 'movie', '{}', '{}', 'Show') $$, '23514', null, 'a film is no part of a series');
select throws_ok($$ insert into public.titles (kind, title) values ('book', 'X') $$, '23514', null, 'other kinds are refused');
insert into public.titles (kind, title, genres, keywords)
select 'movie', 'bulk ' || n, array['drama', 'genre ' || n % 7], array['word ' || n % 50, 'every'] from generate_series(1, 2000) as n;
select is(
  (select count(*) from medley.content_features as c inner join medley.items as i on i.item_no = c.item_no where i.title like 'bulk %'),
  8000::bigint, 'thousands at once are no different'
);

select * from finish();
