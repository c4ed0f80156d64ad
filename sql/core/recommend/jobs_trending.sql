-- What keeps popularity and trends up to date.
insert into medley.jobs (name, schedule, function_name, batch_size, timeout_seconds, description)
values
  (
    'refresh_item_statistics', '*/10 * * * *', 'refresh_item_statistics', null, 600,
    'Counts members, impressions and engagements of the items that the log has news about.'
  ),
  (
    'rebuild_item_statistics', '20 4 * * *', 'rebuild_item_statistics', null, 3600,
    'Counts all items afresh, so that deleted accounts and dropped partitions no longer count.'
  ),
  (
    'refresh_trending', '*/10 * * * *', 'refresh_trending', 5000, 900,
    'Calculates the windows of medley.trend_windows that are due and writes what changed.'
  );
