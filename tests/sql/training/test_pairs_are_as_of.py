"""Pairs of random logs against a second formulation in Python, which sees the past alone.

For every pair it is given the events strictly before the pair's moment and nothing else, so that
whatever of the future reached a snapshot would differ.
"""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from tests.database import Database

AS_OF = datetime(2026, 3, 20, tzinfo=UTC)
OUTCOME = timedelta(hours=24)
LOOKBACK = timedelta(days=30)
# As seed_kinds.sql has them: whether the kind wants, rejects or says nothing; what it is worth.
KINDS = {
    "impression": (0, 0.0),
    "view": (0, 0.1),
    "dwell": (0, 0.0),
    "click": (1, 0.4),
    "like": (1, 2.0),
    "reply": (1, 2.5),
    "skip": (-1, -0.5),
    "report": (-1, -10.0),
    "unfollow": (0, -4.0),
}


@dataclass(frozen=True, slots=True)
class Event:
    member: int
    item: int
    kind: str
    at: datetime

    @property
    def polarity(self) -> int:
        return KINDS[self.kind][0]

    @property
    def worth(self) -> float:
        return KINDS[self.kind][1]


def random_log(chance: random.Random) -> list[Event]:
    """Events on a coarse grid of times, so that many fall on the same moment."""
    found = set()
    for _ in range(chance.randint(50, 250)):
        found.add(
            Event(
                chance.randint(1, 4),
                chance.randint(1, 9),
                chance.choices(list(KINDS), [30, 8, 8, 10, 8, 3, 4, 2, 2])[0],
                AS_OF - timedelta(hours=6) * chance.randint(0, 170),
            )
        )
    return sorted(found, key=lambda e: (e.at, e.member, e.item, e.kind))


def expected(log: list[Event]) -> dict[tuple[int, int], dict[str, Any]]:
    """The pairs with all negatives of members who have a positive."""
    pairs = {}
    by_pair: dict[tuple[int, int], list[Event]] = {}
    for event in log:
        tells = event.polarity != 0 or event.worth >= 0
        if AS_OF - LOOKBACK <= event.at <= AS_OF and tells:
            by_pair.setdefault((event.member, event.item), []).append(event)
    for (member, item), events in by_pair.items():
        engaged = min((e.at for e in events if e.polarity > 0), default=None)
        if engaged is None:
            at = min(e.at for e in events)
        else:
            at = min(e.at for e in events if engaged - OUTCOME <= e.at)
        if at > AS_OF - OUTCOME:
            continue
        outcome = [e for e in events if at <= e.at <= at + OUTCOME]
        if engaged is not None:
            outcome = [e for e in outcome if e.at <= engaged + OUTCOME]
        wanted = max((e.at for e in outcome if e.polarity > 0), default=None)
        rejected = max((e.at for e in outcome if e.polarity < 0), default=None)
        label = wanted is not None and (rejected is None or wanted > rejected)
        # Here the future ends.
        past = [e for e in log if e.at < at]
        own = [e for e in past if e.member == member and e.item != item and e.worth != 0]
        newest: dict[str, dict[int, datetime]] = {"items": {}, "likes": {}}
        for event in own:
            if event.polarity > 0:
                newest["items"][event.item] = event.at
            if event.kind == "like":
                newest["likes"][event.item] = event.at
        pairs[member, item] = {
            "at": at,
            "label": label,
            "engagements": sorted({e.kind for e in outcome}),
            "counts": dict(Counter(e.kind for e in past if e.item == item)),
            "items": sorted(newest["items"], key=lambda i: (-newest["items"][i].timestamp(), i)),
            "likes": sorted(newest["likes"], key=lambda i: (-newest["likes"][i].timestamp(), i)),
        }
    positive = {member for (member, _), pair in pairs.items() if pair["label"]}
    return {key: pair for key, pair in pairs.items() if key[0] in positive}


def generated(
    connection: psycopg.Connection[Any], log: list[Event]
) -> dict[tuple[int, int], dict[str, Any]]:
    members = [
        connection.execute("select tests.make_member(%s)", (f"m{n}",)).fetchall()[0][0]
        for n in range(1, 5)
    ]
    connection.execute("select tests.make_kind('thing')")
    items = [
        connection.execute("select tests.make_item('thing', %s)", (f"i{n}",)).fetchall()[0][0]
        for n in range(1, 10)
    ]
    # In any order: when it was logged says nothing.
    for event in random.Random(len(log)).sample(log, len(log)):  # noqa: S311
        connection.execute(
            "select tests.happened(%s, %s, %s, %s)",
            (members[event.member - 1], items[event.item - 1], event.kind, event.at),
        )
    connection.execute("select tests.generate('random', %s, 1000)", (AS_OF,))
    rows = connection.execute(
        """
        select m.user_id, i.id, t.interaction_at, t.label, t.engagements,
          t.item_metadata_snapshot -> 'counts', t.user_history_snapshot
        from medley.training_pairs as t
        inner join medley.members as m on t.user_no = m.user_no
        inner join medley.items as i on t.item_no = i.item_no
        where t.algorithm_version = 'random'
        """
    ).fetchall()
    number = {str(item): place for place, item in enumerate(items, 1)}
    return {
        (members.index(member) + 1, items.index(item) + 1): {
            "at": at,
            "label": label,
            "engagements": engagements,
            "counts": counts,
            "items": [number[entry] for entry in history["recent_items"]],
            "likes": [number[entry] for entry in history["recent_likes"]],
        }
        for member, item, at, label, engagements, counts, history in rows
    }


@pytest.mark.parametrize("seed", range(6))
def test_pairs_agree_with_a_reader_of_the_past(database: Database, seed: int) -> None:
    log = random_log(random.Random(seed))  # noqa: S311
    with database.connect() as connection, connection.transaction(force_rollback=True):
        found = generated(connection, log)
    assert found == expected(log)
    assert found
