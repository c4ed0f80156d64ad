-- The jobs of pages computed ahead.
insert into medley.jobs (name, schedule, function_name, batch_size, timeout_seconds, description)
values
  (
    'refresh_recommendation_candidates', '*/15 * * * *', 'refresh_recommendation_candidates', 50, 600,
    'Computes pages of recommendations ahead for active members.'
  ),
  (
    'prune_recommendation_candidates', '40 4 * * *', 'prune_recommendation_candidates', 10000, 600,
    'Deletes pages that are too old.'
  );
