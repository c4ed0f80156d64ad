"""Running affinities are what a plain reading of the log gives, whatever comes in what order."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from tests.database import Database

NOW = datetime(2026, 5, 20, 12, 0, tzinfo=UTC)
KINDS = (
    "impression",
    "view",
    "click",
    "play",
    "like",
    "skip",
    "dislike",
    "follow",
    "unfollow",
    "rate",
    "flash",
)
MEMBERS, ITEMS = 4, 5


@pytest.fixture
def world(database: Database) -> Iterator[psycopg.Connection[Any]]:
    """A transaction with members and items, as the service; rolled back."""
    with psycopg.connect(database.cluster.url()) as connection:
        connection.execute("set local search_path = tests, extensions, public")
        connection.execute("select make_kind('thing')")
        connection.execute(
            "select make_member('m' || n) from generate_series(1, %s) as n", [MEMBERS]
        )
        connection.execute(
            "select make_item('thing', 'i' || n) from generate_series(1, %s) as n", [ITEMS]
        )
        # A half-life so short that old events lie a thousand half-lives back.
        connection.execute(
            "insert into medley.engagement_kinds "
            "(kind, weight, half_life_days, polarity, engagement, description) values "
            "('flash', 1.5, 1, 1, 0.5, 'A test.')"
        )
        connection.execute(
            "select set_config('request.jwt.claims', '{\"role\": \"service_role\"}', true)"
        )
        yield connection
        connection.rollback()


@dataclass(frozen=True, slots=True)
class Event:
    """An event and what makes it one."""

    member: int
    item: int
    kind: str
    at: datetime
    value: float | None

    @property
    def key(self) -> tuple[int, int, str, datetime]:
        return self.member, self.item, self.kind, self.at


def random_event(chance: random.Random) -> Event:
    kind = chance.choice(KINDS)
    value: float | None = None
    if kind == "rate":
        value = round(chance.random(), 2)
    elif kind == "play" and chance.random() < 0.5:
        value = float(chance.randint(0, 50))
    span = chance.choice([1, 40, 400, 4000, 20000])
    at = NOW - timedelta(days=round(chance.random() * span, 1))
    return Event(chance.randint(1, MEMBERS), chance.randint(1, ITEMS), kind, at, value)


def log(connection: psycopg.Connection[Any], events: list[Event]) -> list[str]:
    ids = {
        row[0]: str(row[1])
        for row in connection.execute(
            "select title, id from medley.items union all select username, id from public.profiles"
        )
    }
    batch = [
        {
            "user_id": ids[f"m{event.member}"],
            "item_id": ids[f"i{event.item}"],
            "kind": event.kind,
            "occurred_at": event.at.isoformat(),
            "value": event.value,
        }
        for event in events
    ]
    rows = connection.execute(
        "select e.status from medley.log_engagement(null, %s, %s) as e order by e.event_index",
        [json.dumps(batch), NOW],
    ).fetchall()
    return [status for (status,) in rows]


Row = tuple[float, float, datetime | None, datetime | None, bool]


def running(connection: psycopg.Connection[Any]) -> dict[tuple[int, int, int], Row]:
    """What is stored: scores at last_at and now, by member, item and half-life."""
    rows = connection.execute(
        """
        select
          substr(p.username, 2)::int, substr(i.title, 2)::int, a.half_life_days, a.score,
          medley.affinity_at(a.score, a.last_at, a.half_life_days, %s),
          a.positive_at, a.negative_at, a.seen
        from medley.affinities as a
        inner join medley.members as m on m.user_no = a.user_no
        inner join public.profiles as p on p.id = m.user_id
        inner join medley.items as i on i.item_no = a.item_no
        """,
        [NOW],
    ).fetchall()
    return {tuple(row[:3]): tuple(row[3:]) for row in rows}


def from_scratch(
    connection: psycopg.Connection[Any], events: list[Event]
) -> dict[tuple[int, int, int], Row]:
    """The same in Python, from the events alone."""
    kinds = {
        row[0]: row[1:]
        for row in connection.execute(
            "select kind, weight, half_life_days, polarity, value_rule, marks_seen "
            "from medley.engagement_kinds"
        )
    }
    groups: dict[tuple[int, int, int], list[Event]] = {}
    for event in {event.key: event for event in reversed(events)}.values():
        if kinds[event.kind][0] != 0:
            groups.setdefault((event.member, event.item, kinds[event.kind][1]), []).append(event)
    found: dict[tuple[int, int, int], Row] = {}
    for key, group in groups.items():
        last = max(event.at for event in group)
        at_last = now = 0.0
        signs: dict[int, list[datetime]] = {1: [], -1: [], 0: []}
        for event in group:
            weight, half_life, polarity, rule, _ = kinds[event.kind]
            if rule == "count":
                weight *= math.log2(1 + (1 if event.value is None else event.value))
            if rule == "rating":
                assert event.value is not None
                weight *= event.value
                polarity = -1 if event.value < 0.3 else polarity
            at_last += weight * 0.5 ** ((last - event.at) / timedelta(days=half_life))
            now += weight * 0.5 ** ((NOW - event.at) / timedelta(days=half_life))
            signs[polarity].append(event.at)
        found[key] = (
            at_last,
            now,
            max(signs[1], default=None),
            max(signs[-1], default=None),
            any(kinds[event.kind][4] for event in group),
        )
    return found


def assert_same(
    found: dict[tuple[int, int, int], Row], expected: dict[tuple[int, int, int], Row]
) -> None:
    assert found.keys() == expected.keys()
    for key, row in expected.items():
        # Reals have seven digits, and sums may cancel out.
        assert found[key][1] == pytest.approx(row[1], rel=1e-4, abs=1e-4), key
        if abs(row[1]) > 1e-200:
            # Nearly a thousand half-lives on, the value of its own time is not kept exactly.
            assert found[key][0] == pytest.approx(row[0], rel=1e-4, abs=1e-4), key
        assert found[key][2:] == row[2:], key


@pytest.mark.parametrize("seed", range(6))
def test_running_state_rebuilt_state_and_plain_reading_agree(
    world: psycopg.Connection[Any], seed: int
) -> None:
    chance = random.Random(seed)  # noqa: S311
    events = [random_event(chance) for _ in range(400)]
    events += chance.sample(events, 60)
    chance.shuffle(events)
    statuses = []
    start = 0
    while start < len(events):
        size = chance.choice([1, 2, 7, 60])
        statuses += log(world, events[start : start + size])
        start += size
    assert statuses.count("accepted") == len({event.key for event in events})
    assert statuses.count("duplicate") == len(events) - statuses.count("accepted")
    assert_same(running(world), from_scratch(world, events))

    world.execute("select medley.rebuild_affinities(null, %s)", [NOW])
    assert_same(running(world), from_scratch(world, events))


def test_equal_events_in_one_batch_count_once(world: psycopg.Connection[Any]) -> None:
    chance = random.Random(0)  # noqa: S311
    event, other = random_event(chance), random_event(chance)
    assert log(world, [event, other, event, event]) == [
        "accepted",
        "accepted",
        "duplicate",
        "duplicate",
    ]
    assert log(world, [other, event]) == ["duplicate", "duplicate"]


def test_retention_between_late_events_changes_no_affinity(world: psycopg.Connection[Any]) -> None:
    chance = random.Random(7)  # noqa: S311
    events: list[Event] = []
    for _ in range(4):
        # Each round is partly older than what the round before has left in the checkpoints.
        batch = [random_event(chance) for _ in range(150)]
        log(world, batch)
        events += [event for event in batch if event.key not in {known.key for known in events}]
        world.execute("select medley.retain_engagements(100, %s)", [NOW])
    assert_same(running(world), from_scratch(world, events))
    world.execute("select medley.rebuild_affinities(null, %s)", [NOW])
    assert_same(running(world), from_scratch(world, events))


def test_rebuilding_some_members_leaves_the_others(world: psycopg.Connection[Any]) -> None:
    chance = random.Random(3)  # noqa: S311
    events = [random_event(chance) for _ in range(200)]
    log(world, events)
    world.execute("update medley.affinities set score = -77 where true")
    world.execute(
        "select medley.rebuild_affinities(array(select m.user_no from medley.members as m "
        "inner join public.profiles as p on p.id = m.user_id where p.username = 'm1'), %s)",
        [NOW],
    )
    expected = from_scratch(world, events)
    for key, row in running(world).items():
        if key[0] == 1:
            assert row[0] == pytest.approx(expected[key][0], rel=1e-4, abs=1e-4)
        else:
            assert row[0] == -77
