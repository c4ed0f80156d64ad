-- What keeps the screen pack fresh besides its triggers.
insert into medley.jobs (name, schedule, function_name, batch_size, timeout_seconds, description)
values
  (
    'follow_title_platforms', '*/15 * * * *', 'follow_title_platforms', 2000, 900,
    'Lets the platforms of titles follow the clock: offers that began or ended.'
  );
