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
  ),
  (
    'refresh_taste_profiles', '*/10 * * * *', 'refresh_taste_profiles', 5000, 540,
    'Profiles and platforms of members with new engagements.'
  ),
  (
    'refresh_taste_vectors', '5-59/10 * * * *', 'refresh_taste_vectors', 20000, 540,
    'Taste vectors of members with new engagements, or of all after another model came into use.'
  ),
  (
    'rebuild_spectral_embeddings', '30 4 * * 0', 'rebuild_spectral_embeddings', null, 3600,
    'Vectors of items from behaviour, anew.'
  ),
  (
    'rebuild_user_clusters', '30 5 * * *', 'rebuild_user_clusters', null, 1800,
    'Groups of members with similar taste vectors, anew.'
  );
