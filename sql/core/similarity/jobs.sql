-- The jobs of this module.
insert into medley.jobs (name, schedule, function_name, batch_size, timeout_seconds, description)
values
  (
    'rebuild_content_neighbors', '30 4 * * *', 'rebuild_content_neighbors', 2000, 3600,
    'Ranks the content neighbours of all items into a new list, in blocks of items.'
  ),
  (
    'rebuild_genre_neighbors', '10 4 * * *', 'rebuild_genre_neighbors', 1000, 3600,
    'Ranks the genre neighbours of all items into a new list, in blocks of sets of genres.'
  ),
  (
    'rebuild_embedding_neighbors', '50 4 * * *', 'rebuild_embedding_neighbors', 500, 3600,
    'Ranks the embedding neighbours of all items with vectors into a new list, in blocks of items.'
  ),
  (
    'resume_neighbor_rebuilds', '5-59/10 * * * *', 'resume_neighbor_rebuilds', 500, 540,
    'Goes on with a rebuild whose run was cut short, by the limit of its session say.'
  ),
  (
    'refresh_content_neighbors', '*/5 * * * *', 'refresh_content_neighbors', 200, 240,
    'Brings items whose features changed into the current content list.'
  ),
  (
    'drop_retired_neighbors', '*/10 * * * *', 'drop_retired_neighbors', 100000, 300,
    'Deletes lists of neighbours that newer ones have replaced.'
  );
