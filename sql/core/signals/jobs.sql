-- What keeps the log in shape and learns from it.
insert into medley.jobs (name, schedule, function_name, batch_size, timeout_seconds, description)
values
  (
    'ensure_engagement_partitions', '5 0 * * *', 'ensure_engagement_partitions', null, 60,
    'Makes the partitions of the log for the months ahead.'
  ),
  (
    'retain_engagements', '25 2 * * *', 'retain_engagements', 1, 7200,
    'Folds months older than signals.keep_days into the checkpoints and drops their partitions.'
  ),
  (
    'learn_user_context', '*/15 * * * *', 'learn_user_context', 2000, 600,
    'Learns in which circumstances members engage, of those who engaged since.'
  ),
  (
    'prune_removed_items', '45 2 * * *', 'prune_removed_items', 1000, 600,
    'Deletes the affinities of items that are no longer registered.'
  );
