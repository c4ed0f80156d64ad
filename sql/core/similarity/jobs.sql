-- The jobs of this module.
insert into medley.jobs (name, schedule, function_name, batch_size, timeout_seconds, description)
values
  (
    'rebuild_content_neighbors', '30 4 * * *', 'rebuild_content_neighbors', 2000, 3600,
    'Ranks the content neighbours of all items into a new list, in blocks of items.'
  ),
  (
    'refresh_content_neighbors', '*/5 * * * *', 'refresh_content_neighbors', 200, 240,
    'Brings items whose features changed into the current content list; goes on with a rebuild that was cut short.'
  ),
  (
    'drop_retired_neighbors', '*/10 * * * *', 'drop_retired_neighbors', 100000, 300,
    'Deletes lists of neighbours that newer ones have replaced.'
  );
