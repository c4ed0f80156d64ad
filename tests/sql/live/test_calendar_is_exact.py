"""The calendar lists what a plain query over the tables lists, for any arguments, page by page."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sql.live.worlds import NAMED, PLACES, RADII, Connection, Dice, make_world

PLAIN = """
select e.id
from public.events as e
inner join medley.items as i on i.id = e.id
left join public.venues as v on v.id = e.venue_id
where e.status = 'scheduled' and i.visibility = 'public'
  and e.starts_at > now() - interval '35 days'
  and e.starts_at >= coalesce(now() + make_interval(secs => %(start)s), now())
  and (%(end)s::float8 is null or e.starts_at <= now() + make_interval(secs => %(end)s))
  and (%(genres)s::text[] is null or exists (
    select from public.item_genres as l
    inner join public.genres as g on g.id = l.genre_id
    where l.item_id = e.id
      and g.normalized_key = any(
        array(select public.normalize_genre_key(r) from unnest(%(genres)s::text[]) as r)
      )
  ))
  and (%(radius)s::float8 is null or extensions.st_distancesphere(
    extensions.st_point(v.longitude, v.latitude, 4326),
    extensions.st_point(%(longitude)s, %(latitude)s, 4326)
  ) <= 1000 * %(radius)s::float8)
  and (%(slug)s::text is null or exists (
    select from public.item_genres as l
    where l.item_id = e.id
      and l.genre_id in (select public.get_genres_under_umbrella(%(slug)s, %(depth)s))
  ))
order by e.starts_at, i.item_no
"""

ENGINE = """
select event_id, next_cursor
from public.get_calendar_events(
  now() + make_interval(secs => %(start)s), now() + make_interval(secs => %(end)s),
  %(genres)s, %(latitude)s, %(longitude)s, %(radius)s, %(slug)s, %(depth)s, %(limit)s, %(cursor)s
)
"""


def arguments(dice: Dice, slugs: list[str]) -> dict[str, Any]:
    """What a caller may ask, most of it left out at a time."""
    start = dice.one([None, None, -50, -3, 2, 20])
    length = dice.one([None, None, 0, 3, 30, 1000])
    latitude, longitude = dice.one(PLACES)
    has_place, has_slug = dice.one([True, False]), bool(slugs) and dice.one([True, False])
    return {
        "start": None if start is None else start * 86400.0,
        "end": None if length is None else ((start or 0) + length) * 86400.0,
        "genres": dice.one([None, [*dice.some(NAMED, 3), dice.one(NAMED)]]),
        "latitude": latitude if has_place else None,
        "longitude": longitude if has_place else None,
        "radius": dice.one([0.1, *RADII, 3000, 20000]) if has_place else None,
        "slug": dice.one(slugs) if has_slug else None,
        "depth": dice.one([5, 5, 0, 1, 2]),
    }


@pytest.mark.parametrize("seed", range(200, 212))
def test_every_question_about_a_world(connection: Connection, seed: int) -> None:
    dice = Dice(seed)
    world = make_world(dice, events=dice.one([101, 300]), members=1, clock=0)
    with connection.transaction(force_rollback=True):
        world.build(connection)
        slugs = [row[0] for row in connection.execute("select path_slug from public.genre_paths")]
        answered = 0
        for _ in range(25):
            asked = arguments(dice, slugs)
            expected = [row[0] for row in connection.execute(PLAIN, asked)]
            limit = dice.number(1 + len(expected) // 5, 200)
            found: list[Any] = []
            cursor = None
            while True:
                asked |= {"limit": limit, "cursor": cursor}
                rows = connection.execute(ENGINE, asked).fetchall()
                assert len(rows) <= limit
                found += [row[0] for row in rows]
                cursor = rows[0][1] if rows else None
                if cursor is None:
                    break
            assert found == expected, f"{asked} in the world of seed {seed}"
            answered += bool(expected)
        assert answered, "a world in which nothing is ever found tests nothing"
