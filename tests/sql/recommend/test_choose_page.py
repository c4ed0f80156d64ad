"""The page that is chosen is what maximal marginal relevance picks when it looks at everything."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass

import pytest

from tests.database import Database

OVER_CAP = 1000000.0


@dataclass(frozen=True, slots=True)
class Item:
    """What choose_page knows of an item."""

    relevance: float
    signature: int | None
    creator: int | None
    genre: int | None


def likeness(a: Item, b: Item) -> float:
    if a.signature is None or b.signature is None:
        return 0
    bits = min(max(a.signature.bit_count(), 1), max(b.signature.bit_count(), 1))
    return (a.signature & b.signature).bit_count() / bits


def roll(dice: random.Random, count: int) -> list[Item]:
    """Items best first, with few features, so that many are alike."""
    return [
        Item(
            relevance,
            dice.choice([None, *(dice.getrandbits(16) & dice.getrandbits(16) for _ in range(5))]),
            dice.choice([None, 1, 2, 3]),
            dice.choice([None, 7, 8]),
        )
        for relevance in sorted((dice.uniform(-0.3, 1) for _ in range(count)), reverse=True)
    ]


def brute_force(
    items: list[Item], limit: int, weight: float, per_creator: int, per_genre: int
) -> list[tuple[int, float]]:
    cost = weight * max(items[0].relevance, 0) if items else 0
    chosen: list[int] = []
    found = []
    creators: Counter[int | None] = Counter()
    genres: Counter[int | None] = Counter()
    while len(chosen) < min(limit, len(items)):
        scores = {}
        for n, item in enumerate(items):
            if n not in chosen:
                alike = max((likeness(item, items[c]) for c in chosen), default=0)
                full = (item.creator is not None and creators[item.creator] >= per_creator) or (
                    item.genre is not None and genres[item.genre] >= per_genre
                )
                scores[n] = (item.relevance - cost * alike - OVER_CAP * full, cost * alike)
        best = max(scores, key=lambda n: (scores[n][0], -n))
        chosen.append(best)
        creators[items[best].creator] += 1
        genres[items[best].genre] += 1
        found.append((best + 1, scores[best][1]))
    return found


def choose(
    database: Database, items: list[Item], settings: tuple[int, float, int, int]
) -> list[tuple[int, float]]:
    return [
        (place, penalty)
        for place, penalty in database.rows(
            "select * from medley.choose_page(%s::float8[], %s::text[]::bit(128)[], %s::int[], "
            "%s::int[], %s, %s, %s, %s)",
            [item.relevance for item in items],
            [None if i.signature is None else format(i.signature, "0128b") for i in items],
            [item.creator for item in items],
            [item.genre for item in items],
            *settings,
        )
    ]


@pytest.mark.parametrize("seed", range(25))
def test_the_page_is_that_of_a_brute_force(database: Database, seed: int) -> None:
    dice = random.Random(seed)  # noqa: S311
    items = roll(dice, dice.choice([0, 1, 5, 30]))
    settings = (
        dice.choice([1, 10, 40]),
        dice.choice([0, 0.1, 0.5, 2]),
        dice.randint(1, 12),
        dice.randint(1, 20),
    )
    found = choose(database, items, settings)
    wanted = brute_force(items, *settings)
    assert [place for place, _ in found] == [place for place, _ in wanted]
    assert [p for _, p in found] == pytest.approx([p for _, p in wanted], abs=1e-9)


def test_caps_hold_as_long_as_there_is_anything_else(database: Database) -> None:
    items = [Item(1 - n / 100, None, 1 if n < 10 else n, 7 if n % 2 else 8) for n in range(20)]
    page = [place for place, _ in choose(database, items, (10, 0, 3, 10))]
    assert page == [1, 2, 3, 11, 12, 13, 14, 15, 16, 17]
    page = [place for place, _ in choose(database, items, (20, 0, 3, 4))]
    assert len(page) == 20, "a page is full rather than varied"
    assert Counter(items[place - 1].genre for place in page[:8]) == {7: 4, 8: 4}


def test_without_weight_likeness_costs_nothing(database: Database) -> None:
    items = [Item(1 - n / 100, 255, None, None) for n in range(20)]
    assert choose(database, items, (10, 0, 3, 3)) == [(n + 1, 0) for n in range(10)]


def test_likeness_never_helps(database: Database) -> None:
    items = [Item(-0.1 - n / 100, 255 if n % 2 else 65280, None, None) for n in range(6)]
    assert choose(database, items, (6, 0.5, 3, 3)) == [(n + 1, 0) for n in range(6)]
