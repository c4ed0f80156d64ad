"""What is measured. Lists are over all items that a user has not met in training.

Plain Python: the lists are short, and the definitions should be easy to check by hand.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import log2
from statistics import fmean

DEPTH = 20  # as long as the longest list that a metric looks at

Ranking = Mapping[int, Sequence[int]]
"""The best items of each user, best first, `DEPTH` of them where there are as many."""

Relevant = Mapping[int, set[int]]
"""The items held out of each user; users without any are not asked about."""


@dataclass(frozen=True, slots=True)
class Metrics:
    """Averages over users, all from 0 to 1 but novelty, which is in bits."""

    ndcg_10: float
    recall_10: float
    recall_20: float
    coverage: float
    novelty: float


def ndcg(ranked: Sequence[int], relevant: set[int], depth: int = 10) -> float:
    """Discounted gain of the hits in the first `depth`, as a share of what is possible there."""
    gain = sum(1 / log2(place + 2) for place, item in enumerate(ranked[:depth]) if item in relevant)
    return gain / sum(1 / log2(place + 2) for place in range(min(depth, len(relevant))))


def recall(ranked: Sequence[int], relevant: set[int], depth: int) -> float:
    """Share of the relevant items that are among the first `depth`."""
    return sum(item in relevant for item in ranked[:depth]) / len(relevant)


def coverage(ranking: Ranking, items: int, depth: int = 10) -> float:
    """Share of the catalogue that is among anyone's first `depth`."""
    return len({item for ranked in ranking.values() for item in ranked[:depth]}) / items


def novelty(ranking: Ranking, met_by: Mapping[int, int], users: int, depth: int = 10) -> float:
    """Mean of -log2 of the share of users who have met a recommended item; one at least.

    Args:
        ranking: Of each user.
        met_by: How many users have met an item in training.
        users: How many there are.
        depth: How much of each list counts.
    """
    bits = [
        -log2(max(1, met_by.get(item, 0)) / users)
        for ranked in ranking.values()
        for item in ranked[:depth]
    ]
    return fmean(bits) if bits else 0.0


def measure(
    ranking: Ranking, relevant: Relevant, *, items: int, met_by: Mapping[int, int], users: int
) -> Metrics:
    """All metrics; a user for whom there is no list has met nothing relevant."""
    lists = {user: ranking.get(user, ()) for user in relevant}
    return Metrics(
        ndcg_10=fmean(ndcg(lists[user], relevant[user]) for user in relevant),
        recall_10=fmean(recall(lists[user], relevant[user], 10) for user in relevant),
        recall_20=fmean(recall(lists[user], relevant[user], 20) for user in relevant),
        coverage=coverage(lists, items),
        novelty=novelty(lists, met_by, users),
    )


def mean_ndcg(ranking: Ranking, relevant: Relevant) -> float:
    """NDCG@10 over users: what settings are chosen by."""
    return fmean(ndcg(ranking.get(user, ()), relevant[user]) for user in relevant)


@dataclass(frozen=True, slots=True)
class Difference:
    """Mean difference of NDCG@10 over users, with a 95 % interval."""

    mean: float
    low: float
    high: float


def difference(
    ranking: Ranking, other: Ranking, relevant: Relevant, *, rounds: int = 2000, seed: int = 42
) -> Difference:
    """How much better one ranking is than another, by resampling users (percentile bootstrap)."""
    gaps = [
        ndcg(ranking.get(user, ()), found) - ndcg(other.get(user, ()), found)
        for user, found in sorted(relevant.items())
    ]
    chance = random.Random(seed)  # noqa: S311
    means = sorted(fmean(chance.choices(gaps, k=len(gaps))) for _ in range(rounds))
    at = (int(0.025 * rounds), int(0.975 * rounds))
    return Difference(fmean(gaps), means[at[0]], means[at[1]])
