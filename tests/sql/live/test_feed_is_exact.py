"""The feed gives the rows, scores and terms of scoring every event by hand, page by page."""

from __future__ import annotations

from uuid import UUID

import psycopg
import pytest

from tests.sql.live.worlds import ZONES, Connection, Dice, World, make_world, smallest

Row = tuple[UUID, float, dict[str, float]]


def plain(connection: Connection, member: UUID) -> list[Row]:
    """Every upcoming event, scored by hand, in order."""
    rows = connection.execute(
        "select event_id, score, coalesce(breakdown, '{}') "
        "from tests.plain_feed(%s, 1000000, tests.clock())",
        (member,),
    )
    return [(event, float(score), terms) for event, score, terms in rows]


def page(
    connection: Connection, member: UUID, limit: int, cursor: str | None = None
) -> tuple[list[Row], str | None]:
    """A page of the feed and the cursor of the next."""
    rows = connection.execute(
        "select event_id, score, breakdown, next_cursor "
        "from medley.get_personalized_feed_v3(%s, %s, %s, tests.clock())",
        (member, limit, cursor),
    ).fetchall()
    cursors = {row[3] for row in rows}
    assert len(cursors) <= 1, "a page has one next_cursor, in every row"
    return [(row[0], float(row[1]), row[2]) for row in rows], next(iter(cursors), None)


def members(connection: Connection) -> list[UUID]:
    connection.execute(
        """select set_config('request.jwt.claims', '{"role": "service_role"}', true)"""
    )
    return [row[0] for row in connection.execute("select id from auth.users order by email")]


def check(connection: Connection, member: UUID, limits: list[int], page_size: int) -> None:
    """Compare answers of these lengths, and the whole feed read page by page."""
    expected = plain(connection, member)
    for limit in limits:
        rows, cursor = page(connection, member, limit)
        assert rows == expected[:limit], f"the first {limit} for {member}"
        assert (cursor is not None) == (len(expected) > limit)
    for row in expected:
        assert abs(row[1] - sum(row[2].values())) < 1e-6
        assert 0 not in row[2].values()

    paged: list[Row] = []
    cursor = None
    while True:
        rows, cursor = page(connection, member, page_size, cursor)
        assert len(rows) == page_size or cursor is None
        paged += rows
        if cursor is None:
            break
    assert paged == expected, f"pages of {page_size} for {member}"


def mismatch(
    connection: Connection, world: World, zone: str, limits: list[int], page_size: int
) -> str | None:
    """What is wrong with the feeds of a world, built and taken away again."""
    with connection.transaction(force_rollback=True):
        connection.execute("select set_config('timezone', %s, true)", (zone,))
        world.build(connection)
        try:
            for member in members(connection):
                check(connection, member, limits, page_size)
        except (AssertionError, psycopg.Error) as error:
            return str(error)
    return None


@pytest.mark.parametrize(
    ("seed", "events", "people", "only"),
    [
        *((seed, 40, 5, ()) for seed in range(40)),
        *((seed, 600, 20, ()) for seed in range(100, 107)),
        # Nothing but what bounds of places and of times decide.
        *((seed, 600, 10, ("distance", "tickets")) for seed in range(110, 114)),
    ],
)
def test_every_feed_of_a_world(
    connection: Connection, seed: int, events: int, people: int, only: tuple[str, ...]
) -> None:
    dice = Dice(seed)
    world = make_world(dice, events=events, members=people, only=only)
    zone = dice.one([*ZONES, "America/New_York"])
    limits = [dice.number(1, 8), dice.one([1, 2, 20, 200])]
    page_size = dice.number(1 + events // 10, 6 + events // 4)

    def wrong(smaller: World) -> str | None:
        return mismatch(connection, smaller, zone, limits, page_size)

    if wrong(world):
        world = smallest(world, lambda smaller: wrong(smaller) is not None)
        pytest.fail(f"{wrong(world)}\n{zone}, {limits}, pages of {page_size}, {world}")
