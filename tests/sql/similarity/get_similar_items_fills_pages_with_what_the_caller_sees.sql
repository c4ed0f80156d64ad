-- get_similar_items: neighbours first, other methods fill the page; nobody is shown what is hidden from them.
select plan(18);

select make_kind('film');
select make_kind('song');
create temp table w as
select make_member('ann') as ann, make_member('bob') as bob, make_member('eve') as eve;
create temp table i as
select
  make_item('film', 'Heist') as heist,
  make_item('film', 'Heist 2') as sequel,
  make_item('film', 'Noir') as noir,
  make_item('song', 'Theme') as theme,
  make_item('film', 'Popular') as popular,
  make_item('film', 'Less popular') as less_popular,
  make_item('film', 'Of bob', bob) as of_bob,
  make_item('film', 'Bob''s diary', bob, 'private') as private,
  make_item('film', 'Bob''s circle', bob, 'followers') as followers
from w;
grant select on w, i to public;

insert into medley.item_statistics (item_no, kind, member_count, popularity, impressions, engagements)
select item_no(x), 'film', 1, p, 0, 0
from i cross join lateral (values (popular, 1.0), (less_popular, 0.5), (heist, 0.7), (sequel, 0.9)) as v (x, p);

select act_as_anon();
select is(
  shown(heist), array['Popular popular', 'Heist 2 popular', 'Less popular popular', 'Noir popular', 'Of bob popular'],
  'before any rebuild: what is popular of the kind, then the rest, not the item itself'
) from i;
select is_empty($$ select s.* from i, get_similar_items(theme) as s $$, 'and nothing where nothing is') ;

select act_as_owner();
select plant_neighbors('content', heist, array[sequel, of_bob, private, followers, theme]) from i;
select plant_neighbors('genre', heist, array[noir, sequel]) from i;

select act_as_anon();
select is(
  shown(heist),
  array['Heist 2 content', 'Of bob content', 'Theme content', 'Noir genre', 'Popular popular', 'Less popular popular'],
  'content, then genre, then popular, each item once; what is public, for who is not signed in'
) from i;
select is(
  shown(heist, 'film', 'genre'),
  array['Noir genre', 'Heist 2 genre', 'Of bob content', 'Popular popular', 'Less popular popular'],
  'the method that is asked for comes first'
) from i;
select is(shown(heist, 'song'), array['Theme content'], 'across kinds: a film''s songs') from i;
select is(shown(heist, 'film', 'content', 2), array['Heist 2 content', 'Of bob content'], 'p_limit cuts the page') from i;

select act_as(bob) from w;
select is(
  (shown(heist, 'film'))[:4], array['Heist 2 content', 'Of bob content', 'Bob''s diary content', 'Bob''s circle content'],
  'the owner sees his own'
) from i;

select act_as_owner();
select follow(ann, bob), block(eve, bob) from w;
select act_as(ann) from w;
select is(
  (shown(heist, 'film'))[:3], array['Heist 2 content', 'Of bob content', 'Bob''s circle content'],
  'a follower sees what is for followers'
) from i;
select act_as(eve) from w;
select is(
  shown(heist, 'film', 'blend', 3), array['Heist 2 content', 'Noir genre', 'Popular popular'],
  'who blocks the owner sees neither, and the page is full'
) from i;
select throws_code(
  format('select get_similar_items(%L)', of_bob), 'not_found', 'nor may she ask about what she does not see'
) from i;

select act_as_owner();
select mute(ann, bob) from w;
select act_as(ann) from w;
select is(
  shown(heist, 'film', 'blend', 3), array['Heist 2 content', 'Noir genre', 'Popular popular'],
  'who mutes the owner is not shown them either'
) from i;
select lives_ok(format('select get_similar_items(%L)', of_bob), 'but may ask: a muted member is visible') from i;

select act_as_owner();
update medley.items as u set expires_at = now() - interval '1 hour' from i where u.id = i.sequel;
update medley.items as u set published_at = now() + interval '1 hour' from i where u.id = i.noir;
select act_as_anon();
select is(
  shown(heist, 'film'), array['Of bob content', 'Popular popular', 'Less popular popular'],
  'what has expired or is not published yet is left out'
) from i;
select is(
  (select array_agg(s.title) from i, medley.get_similar_items(heist, 'film', 'content', 2, null, now() + interval '2 hours') as s),
  array['Of bob', 'Noir'], 'as of the time that is given'
);

select act_as_owner();
select plant_neighbors('blend', heist, array[theme, popular]) from i;
delete from medley.items as d using i where d.id = i.of_bob;
select act_as_service();
select is(
  shown(heist), array['Theme blend', 'Popular blend', 'Less popular popular'], 'blend is the default; deleted items are gone'
) from i;
select is(
  (shown(heist, null, 'embedding'))[1], 'Theme content', 'a method without a list is answered by the next'
) from i;
select act_as_owner();
select plant_neighbors('behavior', heist, array[noir, popular]) from i;
update medley.items as u set published_at = now() from i where u.id = i.noir;
select act_as_anon();
select is(
  shown(heist, null, 'blend', 3), array['Theme blend', 'Popular blend', 'Noir behavior'], 'after blend comes behavior'
) from i;
select results_eq(
  $$ select score, kind from i, get_similar_items(heist, null, 'blend', 2) $$,
  $$ values (1::real, 'song'), (0.5::real, 'film') $$, 'score is the weight in the list'
);

select * from finish();
