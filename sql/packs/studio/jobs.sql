-- What keeps the studio in order besides its triggers.
insert into medley.jobs (name, schedule, function_name, batch_size, timeout_seconds, description)
values
  (
    'fail_abandoned_generations', '* * * * *', 'fail_abandoned_generations', 1000, 50,
    'Ends tracks whose last lease ran out, and gives their members the allowance back.'
  ),
  (
    'reset_daily_count', '0 0 * * *', 'reset_daily_count', 10000, 600,
    'Sets yesterday''s counts of requests to 0; nothing depends on it.'
  ),
  (
    'prune_provider_events', '35 3 * * *', 'prune_provider_events', 10000, 600,
    'Forgets old webhooks.'
  ),
  (
    'refresh_band_styles', '50 3 * * *', 'refresh_band_styles', null, 1800,
    'Styles of bands, after another model of audio vectors came into use.'
  );
