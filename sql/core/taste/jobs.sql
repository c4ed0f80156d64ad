-- The jobs of this module.
insert into medley.jobs (name, schedule, function_name, batch_size, timeout_seconds, description)
values
  (
    'refresh_feature_statistics', '25 * * * *', 'refresh_feature_statistics', null, 600,
    'Counts how many items have each feature, and from that how much it tells.'
  ),
  (
    'refresh_item_content', '45 3 * * *', 'refresh_item_content', null, 600,
    'Brings signatures, main genres and creators of items up to date with the taxonomy.'
  );
