"""The feed and the calendar read indexes: no plan scans a table that grows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import pytest

from tests.database import Database, swept

GROWING = {
    "follows",
    "item_follows",
    "event_rsvps",
    "event_postings",
    "upcoming_events",
    "events",
    "venues",
    "artists",
    "items",
    "members",
    "user_cluster_affinity",
    "user_preferences",
    "event_artists",
    "item_genres",
}

WORLD = """
select make_small_taxonomy(), make_member('nobody');
insert into auth.users (id, email)
select member('m' || n), 'm' || n || '@example.com' from generate_series(1, 3000) as n;
insert into user_preferences (user_id, genre_preferences, home_latitude, home_longitude)
select member('m' || n), array['grunge', 'bebop'], 50 + n % 10, 10 + n % 7
from generate_series(1, 3000) as n;
insert into artists (id, name, genres)
select artist('a' || n), 'a' || n, array[(array['grunge', 'shoegaze', 'bebop'])[1 + n % 3]]
from generate_series(1, 2000) as n;
insert into venues (id, name, latitude, longitude, country)
select venue('v' || n), 'v' || n, 50 + n % 10 + random(), 10 + n % 7 + random(), 'C' || n % 10
from generate_series(1, 2000) as n;
insert into events (id, title, starts_at, venue_id, headliner_artist_id, genres, promoted)
select event('e' || n), 'e' || n, now() + n * interval '1 hour', venue('v' || 1 + n % 2000),
  artist('a' || 1 + n % 2000), array[(array['grunge', 'shoegaze', 'bebop', 'polka'])[1 + n % 4]],
  n % 50 = 0
from generate_series(1, 4000) as n;
insert into event_artists (event_id, artist_id)
select event('e' || n), artist('a' || 1 + n % 1999) from generate_series(1, 4000) as n;
insert into follows (follower_id, followed_id)
select member('m' || n), member('m' || 1 + (n + d - 1) % 3000)
from generate_series(1, 3000) as n, unnest(array[1, 2, 3, -1, -2, -3, 2999, 2998]) as d
where (n + d - 1) % 3000 >= 0 on conflict do nothing;
insert into item_follows (user_id, item_id)
select member('m' || n), artist('a' || 1 + (n * k) % 2000)
from generate_series(1, 3000) as n, generate_series(1, 5) as k on conflict do nothing;
insert into event_rsvps (user_id, event_id)
select member('m' || n), event('e' || 1 + (n * k) % 4000)
from generate_series(1, 3000) as n, generate_series(1, 4) as k on conflict do nothing;
"""


@pytest.fixture(scope="module")
def live(new_database: Callable[..., AbstractContextManager[Database]]) -> Iterator[Database]:
    """A world in which scanning a table is never the cheapest way."""
    with new_database(name="plans") as made:
        made.execute("alter role postgres set search_path = tests, extensions, public")
        made.execute(WORLD)
        made.execute("analyze")
        yield made


FEED = "select * from public.get_personalized_feed_v3({}, p_user_id => member('{}'))"


@pytest.mark.parametrize(
    "query",
    [
        FEED.format(20, "m7"),
        FEED.format(200, "m2999"),
        FEED.format(20, "nobody"),
        "select * from public.get_calendar_events()",
        "select * from public.get_calendar_events(p_genres => array['bebop', 'Grunge'])",
        "select * from public.get_calendar_events(p_umbrella_slug => 'rock.indie-rock')",
        "select * from public.get_calendar_events(p_latitude => 53, p_longitude => 13, "
        "p_radius_km => 60)",
        "select * from public.get_calendar_events(now() + interval '9 days', p_umbrella_slug => "
        "'rock', p_genres => '{shoegaze}', p_latitude => 53, p_longitude => 13, "
        "p_radius_km => 400)",
    ],
)
def test_no_growing_table_is_scanned(live: Database, query: str) -> None:
    scans = live.scans(query)
    assert len(scans) > 2, "those of the statements inside are there"
    assert swept(scans) & GROWING == set(), "\n".join(scans)


def test_a_scan_would_be_noticed(live: Database) -> None:
    assert swept(live.scans("select count(*) from events where description is null")) == {"events"}
