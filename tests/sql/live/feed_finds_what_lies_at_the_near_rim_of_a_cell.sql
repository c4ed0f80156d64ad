-- An event at the point of a far cell that is nearest to home has all the points that the cell's bound allows.
select plan(2);

select make_member('ada'), prefer('ada', '{}', 0, 0, 480);
update medley.ranker_weights set weight = case term when 'distance' then 60 when 'tickets' then 3 else 0 end where ranker = 'event_feed';
select make_venue('Near rim', 0.001, 4.001), make_venue('Far rim', 0.001, 4.3);
-- Sooner events of that cell and of all others are worth less: at the far rim, or nowhere, with tickets.
select make_event('far ' || n, n, '{}', 'Far rim', p_tickets => true) from generate_series(1, 40) as n;
select make_event('nowhere ' || n, n, p_tickets => true) from generate_series(1, 40) as n;
select make_event('best', 300, '{}', 'Near rim');

select results_eq($$ select title, score from feed('ada', 1) $$, $$ values ('best', 4.3886) $$, 'it comes first');
select prefer('ada', '{}', 0, 0.001, 480);
select results_eq($$ select title from feed('ada', 1) $$, $$ values ('best') $$, 'also from the other side of a cell''s border');

select * from finish();
