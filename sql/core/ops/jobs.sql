-- The jobs of this module.
insert into medley.jobs (name, schedule, function_name, batch_size, timeout_seconds, description)
values
  ('prune_job_runs', '17 3 * * *', 'prune_job_runs', 10000, 60, 'Removes old rows of medley.job_runs.');
