-- The nightly rebuild, and a first one, so that the curated tree is there from the start.
insert into medley.jobs (name, schedule, function_name, batch_size, timeout_seconds, enabled, description)
values (
  'rebuild_genre_taxonomy', '15 3 * * *', 'rebuild_genre_taxonomy', null, 600, true,
  'Counts genres over the catalogue again and rebuilds similarity, induced parents and paths.'
);

select medley.rebuild_genre_taxonomy();
