-- The job of this module.
insert into medley.jobs (name, schedule, function_name, batch_size, timeout_seconds, description)
values (
  'record_exposures', '*/10 * * * *', 'record_exposures', null, 600,
  'Notes who was shown which variant of an experiment, and experiments that have ended.'
);
