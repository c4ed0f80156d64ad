-- What apps may watch live.
insert into medley.live_tables (table_name, description)
values
  ('setlist_songs', 'Songs of setlists, with their counters of votes.'),
  ('import_status', 'How far the import of an artist is.');
