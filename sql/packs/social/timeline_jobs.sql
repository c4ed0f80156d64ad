-- What keeps the rates of the timeline current.
insert into medley.jobs (name, schedule, function_name, batch_size, timeout_seconds, description)
values
  (
    'roll_up_author_rates', '*/10 * * * *', 'roll_up_author_rates', null, 600,
    'Counts what members did with posts since the last run, by author.'
  ),
  (
    'rebuild_author_rates', '35 4 * * 0', 'rebuild_author_rates', null, 7200,
    'Counts the whole log anew, by author.'
  );
