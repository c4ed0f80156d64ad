"""The interactions that an evaluation is made of, and how they are parted."""

from __future__ import annotations

import random
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from medley.loaders.interactions import Interaction, read_interactions

Pair = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Interactions:
    """Who met which item, each pair once.

    Attributes:
        users: The users, as the source calls them; a user's number is the place here.
        items: The items, likewise.
        pairs: (user, item) in numbers, ordered.
        weights: Rating or play count of each pair; 1 where the source has none.
        times: When each pair met last; None where the source does not say of every pair.
    """

    users: tuple[str, ...]
    items: tuple[str, ...]
    pairs: tuple[Pair, ...]
    weights: tuple[float, ...]
    times: tuple[datetime, ...] | None

    @classmethod
    def of(cls, rows: Iterable[Interaction], *, min_users_per_item: int = 1) -> Interactions:
        """Folds rows into pairs: the last weight where rows have times, else their sum.

        Args:
            rows: As they were read.
            min_users_per_item: Items that fewer users met are left out, and users without items.
        """
        folded: dict[tuple[str, str], tuple[float, datetime | None]] = {}
        for row in rows:
            key, weight = (row.user, row.item), 1.0 if row.weight is None else row.weight
            known = folded.get(key)
            if known is None or (row.time and known[1] and row.time > known[1]):
                folded[key] = (weight, row.time)
            elif row.time is None:
                folded[key] = (known[0] + weight, None)
        met = Counter(item for _, item in folded)
        kept = sorted(key for key in folded if met[key[1]] >= min_users_per_item)
        users = tuple(sorted({user for user, _ in kept}))
        items = tuple(sorted({item for _, item in kept}))
        user_no = {user: number for number, user in enumerate(users)}
        item_no = {item: number for number, item in enumerate(items)}
        times = [folded[key][1] for key in kept]
        return cls(
            users=users,
            items=items,
            pairs=tuple((user_no[user], item_no[item]) for user, item in kept),
            weights=tuple(folded[key][0] for key in kept),
            times=None if None in times else tuple(time for time in times if time is not None),
        )

    @classmethod
    def read(cls, path: Path, fmt: str, *, min_users_per_item: int) -> Interactions:
        """Reads a file in one of the formats of `read_interactions`.

        Raises:
            BadData: A row cannot be read.
        """
        return cls.of(read_interactions(path, fmt), min_users_per_item=min_users_per_item)


@dataclass(frozen=True, slots=True)
class Split:
    """Which pairs are for what: places in `Interactions.pairs`, disjoint, together all of them."""

    train: tuple[int, ...]
    validation: tuple[int, ...]
    test: tuple[int, ...]


def split_randomly(
    data: Interactions, *, test: float = 0.2, validation: float = 0.1, seed: int = 42
) -> Split:
    """Parts each user's pairs at random; `test` and `validation` are shares of them, rounded."""

    def shuffled(user: int, places: list[int]) -> list[int]:
        random.Random(f"{seed}:{data.users[user]}").shuffle(places)  # noqa: S311
        return places

    return _split(data, shuffled, test, validation)


def split_by_time(
    data: Interactions, *, test: float = 0.2, validation: float = 0.1, seed: int = 42
) -> Split:
    """Each user's newest pairs are for the test, the newest before them for validation.

    Raises:
        ValueError: The data has no times.
    """
    times = data.times
    if times is None:
        raise ValueError("a split by time needs the time of each interaction")

    def newest_first(user: int, places: list[int]) -> list[int]:
        # Raters often rate many in the same second.
        random.Random(f"{seed}:{data.users[user]}").shuffle(places)  # noqa: S311
        return sorted(places, key=lambda place: times[place], reverse=True)

    return _split(data, newest_first, test, validation)


def _split(
    data: Interactions,
    order: Callable[[int, list[int]], list[int]],
    test: float,
    validation: float,
) -> Split:
    places_of: dict[int, list[int]] = defaultdict(list)
    for place, (user, _) in enumerate(data.pairs):
        places_of[user].append(place)
    parts: tuple[list[int], list[int], list[int]] = ([], [], [])
    for user, places in places_of.items():
        ordered = order(user, places)
        tested = min(round(len(ordered) * test), len(ordered) - 1)
        validated = min(round(len(ordered) * validation), len(ordered) - tested - 1)
        parts[2].extend(ordered[:tested])
        parts[1].extend(ordered[tested : tested + validated])
        parts[0].extend(ordered[tested + validated :])
    train, validating, testing = (tuple(sorted(part)) for part in parts)
    return Split(train, validating, testing)


def items_by_user(data: Interactions, places: Sequence[int]) -> dict[int, set[int]]:
    """The items of each user among the pairs at some places."""
    found: dict[int, set[int]] = defaultdict(set)
    for place in places:
        user, item = data.pairs[place]
        found[user].add(item)
    return dict(found)


def newness(data: Interactions, places: Sequence[int]) -> dict[Pair, float]:
    """Of each pair at some places, the share of its user's that are no older: 1 for the oldest."""
    if data.times is None:
        return {data.pairs[place]: 1.0 for place in places}
    times_of: dict[int, list[datetime]] = defaultdict(list)
    for place in places:
        times_of[data.pairs[place][0]].append(data.times[place])
    for times in times_of.values():
        times.sort()
    found = {}
    for place in places:
        times = times_of[data.pairs[place][0]]
        found[data.pairs[place]] = 1 - bisect_left(times, data.times[place]) / len(times)
    return found


def planted(
    *, users: int = 600, items: int = 400, groups: int = 8, per_user: int = 30, seed: int = 42
) -> Interactions:
    """A made data set with tastes to find, for a machine without a real one.

    Each item belongs to a group and each user to two of them; users meet mostly items of their
    groups, the more popular ones more often.
    """
    chance = random.Random(seed)  # noqa: S311
    popularity = [1 / (1 + place) ** 0.6 for place in range(items)]
    chance.shuffle(popularity)
    rows: list[Interaction] = []
    for user in range(users):
        liked = {chance.randrange(groups), chance.randrange(groups)}
        odds = [
            share * (1.0 if item % groups in liked else 0.06)
            for item, share in enumerate(popularity)
        ]
        rows += [
            Interaction(f"u{user}", f"i{item}", 1.0 + chance.randrange(20), None)
            for item in sorted(set(chance.choices(range(items), odds, k=per_user)))
        ]
    return Interactions.of(rows)
