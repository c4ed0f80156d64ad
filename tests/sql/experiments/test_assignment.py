"""Thirty thousand members are divided as the shares promise, and each experiment anew."""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from typing import Any
from uuid import UUID

import psycopg
import pytest

Connection = psycopg.Connection[Any]
MEMBERS = 30_000
SHARES = {"control": 0.5, "near": 0.3, "new": 0.2}
TRAFFIC = 0.4
# A share of 30,000 draws lies within four standard deviations but once in 16,000 times; the salts
# are fixed, so what passes once passes always.
SIGMAS = 4


@pytest.fixture(scope="module")
def assigned(connection: Connection) -> dict[str, dict[int, str]]:
    """The variants of members 1 to 30,000 in two experiments on two rankers."""
    found: dict[str, dict[int, str]] = {}
    for ranker in ("shelf", "row"):
        connection.execute("select tests.make_ranker(%s)", (ranker,))
        connection.execute(
            """
            select medley.create_experiment(
              %s, %s,
              '[{"variant": "control", "share": 0.5}, {"variant": "near", "share": 0.3},
                {"variant": "new", "share": 0.2}]',
              'engagement', %s::numeric, null, %s, null, now()
            )
            """,
            (f"{ranker}_test", ranker, TRAFFIC, f"salt of {ranker}"),
        )
        connection.execute("select medley.start_experiment(%s, now())", (f"{ranker}_test",))
        rows = connection.execute(
            """
            select m.member, a.variant
            from generate_series(1, %s) as m (member)
            cross join lateral medley.active_experiment(md5(m.member::text)::uuid, %s, now()) as a
            """,
            (MEMBERS, ranker),
        )
        found[ranker] = dict(rows.fetchall())
    return found


def is_near(count: int, of: int, share: float) -> bool:
    return abs(count - of * share) <= SIGMAS * math.sqrt(of * share * (1 - share))


def test_as_many_take_part_as_promised(assigned: dict[str, dict[int, str]]) -> None:
    for variants in assigned.values():
        assert is_near(len(variants), MEMBERS, TRAFFIC)


def test_shares_are_as_promised(assigned: dict[str, dict[int, str]]) -> None:
    for variants in assigned.values():
        counts = Counter(variants.values())
        for variant, share in SHARES.items():
            assert is_near(counts[variant], len(variants), share), variant


def test_experiments_do_not_know_of_each_other(assigned: dict[str, dict[int, str]]) -> None:
    shelf, row = assigned["shelf"], assigned["row"]
    both = shelf.keys() & row.keys()
    assert is_near(len(both), len(shelf), TRAFFIC)
    for variant, share in SHARES.items():
        same = [member for member in both if shelf[member] == variant]
        for other, other_share in SHARES.items():
            count = sum(row[member] == other for member in same)
            assert is_near(count, len(same), other_share), (variant, other, share)


def test_the_hash_is_the_documented_one(connection: Connection) -> None:
    def bucket(salt: str, member: UUID) -> int:
        return int(hashlib.md5(f"{salt}:{member}".encode()).hexdigest()[:15], 16) % 10_000  # noqa: S324

    rows = connection.execute(
        "select u, medley.experiment_bucket('pepper', u) "
        "from generate_series(1, 500) as n, lateral (select md5(n::text)::uuid as u) as m"
    )
    assert all(found == bucket("pepper", member) for member, found in rows)
