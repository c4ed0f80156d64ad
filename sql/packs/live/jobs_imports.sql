-- What looks after imports.
insert into medley.jobs (name, schedule, function_name, batch_size, timeout_seconds, description)
values
  (
    'fail_stalled_imports', '*/5 * * * *', 'fail_stalled_imports', null, 60,
    'Ends imports whose worker is gone, so that whoever waits for them learns of it.'
  ),
  (
    'delete_old_imports', '50 4 * * *', 'delete_old_imports', 1000, 600,
    'Deletes imports that ended long ago, with their updates.'
  );
