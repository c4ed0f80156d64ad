-- Features for people: an id of an item is its title, unless that is nobody else's business.
select plan(4);

select make_kind('film');
select make_item('film', 'Heist'), make_item('film', 'Diary', make_member('ann'), 'private');
select is(medley.feature_label('noir'), 'noir', 'a word is itself');
select is(medley.feature_label(i.id::text), 'Heist', 'an id is a title') from medley.items as i where i.title = 'Heist';
select is(medley.feature_label(i.id::text), null, 'of what everybody sees') from medley.items as i where i.title = 'Diary';
select is(medley.feature_label('3e3c192c-40b7-5e09-97db-04d1a136f9ad'), null, 'and of what is there');

select * from finish();
