-- The jobs of this module.
insert into medley.jobs (name, schedule, function_name, batch_size, timeout_seconds, description)
values
  (
    'refresh_tower_vectors', '*/5 * * * *', 'refresh_tower_vectors', 2000, 280,
    'After another model came into use, places items and members by it.'
  ),
  (
    'prune_tower_vectors', '35 2 * * *', 'prune_tower_vectors', 5000, 1800,
    'Deletes places of items by models that nobody goes back to.'
  ),
  (
    'retain_training_pairs', '15 2 * * *', 'retain_training_pairs', 5000, 1800,
    'Deletes training pairs older than training.keep_pairs_days that a model was trained on.'
  );
