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
  );
