-- What keeps the live pack fresh besides its triggers.
insert into medley.jobs (name, schedule, function_name, batch_size, timeout_seconds, description)
values
  (
    'refresh_upcoming_events', '*/10 * * * *', 'refresh_upcoming_events', 2000, 900,
    'Drops past events from the index of upcoming events and follows a rebuilt taxonomy.'
  ),
  (
    'refresh_user_cluster_affinity', '40 4 * * *', 'refresh_user_cluster_affinity', null, 3600,
    'Rebuilds the cluster affinities of all members after the taxonomy.'
  ),
  (
    'predict_setlists', '25 * * * *', 'predict_setlists', 200, 900,
    'Predicts the setlists of upcoming shows that have no prediction or an outdated one.'
  ),
  (
    'refresh_trending_artists', '5 * * * *', 'refresh_trending_artists', null, 600,
    'Fills trending_artists with what happened in the last days.'
  );
