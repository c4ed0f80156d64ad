-- The kinds of engagement that every app knows. Weights are relative: a like is worth 2, a rejection outweighs a like.
-- Long-lived choices (follow, rate, lists, RSVPs) fade over a year, everything else over a month.
insert into medley.engagement_kinds
  (kind, weight, half_life_days, polarity, engagement, marks_seen, value_rule, social_signal, description)
values
  -- What was shown, and how it was looked at: for training and experiments, no sign of taste by itself.
  ('impression', 0, 30, 0, 0, false, 'none', null, 'The item was shown in a list.'),
  ('not_dwelled', 0, 30, 0, 0, false, 'none', null, 'The item was scrolled past.'),
  ('dwell', 0, 30, 0, 0.1, false, 'none', null, 'The item stayed in view; dwell_ms says how long.'),
  ('pause', 0, 30, 0, 0.2, false, 'none', null, 'Playing was paused.'),
  -- Interest.
  ('view', 0.1, 30, 0, 0.1, false, 'none', null, 'The item''s own page was opened.'),
  ('click', 0.4, 30, 1, 0.3, false, 'none', null, 'The item was clicked.'),
  ('profile_click', 0.3, 30, 1, 0.3, false, 'none', null, 'The profile of the item''s author was opened.'),
  ('vote', 1, 30, 1, 0.6, true, 'none', null, 'A vote for the item.'),
  ('play', 1, 30, 1, 0.4, true, 'count', 'watched', 'The item was played; value says how many times, 1 by default.'),
  ('watch_started', 1, 30, 1, 0.4, true, 'none', 'watched', 'Watching began.'),
  ('complete', 2, 30, 1, 1, true, 'none', 'watched', 'Played or read to the end.'),
  ('watch_completed', 2, 30, 1, 1, true, 'none', 'watched', 'Watched to the end.'),
  ('like', 2, 30, 1, 0.8, true, 'none', 'liked', 'Liked.'),
  ('reply', 2.5, 30, 1, 0.9, true, 'none', null, 'Answered.'),
  ('repost', 2, 30, 1, 0.9, true, 'none', 'shared', 'Passed on unchanged.'),
  ('quote', 2.5, 30, 1, 0.9, true, 'none', 'shared', 'Passed on with a comment.'),
  ('share', 2.5, 30, 1, 0.9, true, 'none', 'shared', 'Shared outside the app or by message.'),
  ('recommend', 3, 30, 1, 0.9, true, 'none', 'recommended', 'Recommended to somebody.'),
  -- Choices that last.
  ('bookmark', 2, 365, 1, 0.7, true, 'none', null, 'Kept for later.'),
  ('add_to_list', 2, 365, 1, 0.7, true, 'none', null, 'Put on a list.'),
  ('remove_from_list', -2, 365, 0, 0.2, false, 'none', null, 'Taken off a list: takes back what adding it was worth.'),
  ('follow', 4, 365, 1, 0.8, true, 'none', 'liked', 'Followed.'),
  ('unfollow', -4, 365, 0, 0.2, false, 'none', null, 'No longer followed: takes back what following was worth.'),
  ('rsvp', 3, 365, 1, 0.9, true, 'none', null, 'Said yes to an event.'),
  ('rate', 4, 365, 1, 0.6, true, 'rating', 'rated', 'Rated; value is the rating from 0 to 1.'),
  -- Rejection.
  ('skip', -0.5, 30, -1, 0.05, false, 'none', null, 'Skipped.'),
  ('abandon', -0.5, 30, -1, 0.1, true, 'none', null, 'Given up before the end.'),
  ('dislike', -3, 30, -1, 0.1, true, 'none', null, 'Disliked.'),
  ('not_interested', -5, 30, -1, 0, true, 'none', null, 'Marked as not interesting.'),
  ('mute_author', -6, 30, -1, 0, true, 'none', null, 'Its author was muted.'),
  ('block_author', -8, 30, -1, 0, true, 'none', null, 'Its author was blocked.'),
  ('report', -10, 30, -1, 0, true, 'none', null, 'Reported.');
