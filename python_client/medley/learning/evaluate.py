"""A model beside what it has to beat, on pairs that came after all it learnt from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from . import heads, metrics
from .pairs import Pairs
from .two_tower import TwoTower

_BLOCK = 1024


@dataclass(frozen=True, slots=True)
class Measured:
    """How well one way of ranking does; NaN where it says nothing.

    Attributes:
        auc: Over all pairs.
        ndcg_10: Of each member's pairs, ranked; averaged over members.
        recall_10: Of what a member engaged with, among the 10 best of all items.
        recall_50: The same among the 50 best.
    """

    auc: float
    ndcg_10: float
    recall_10: float = float("nan")
    recall_50: float = float("nan")


def compare(
    model: TwoTower, start: TwoTower, head: heads.Head, before: Pairs, test: Pairs
) -> dict[str, Measured]:
    """Measures ways of ranking on the same pairs.

    Args:
        model: The trained towers.
        start: The untrained ones.
        head: That of any engagement.
        before: All pairs older than `test`: what popularity is known from.
        test: Pairs that nothing was learnt from.

    Returns:
        `model` (towers and rate, by the head), `towers` (their cosine alone), `untrained`, `rates`
        and `popularity`. Retrieval from all items is the towers' alone, so the first has no recall.
    """
    rate = test.engaged_rates
    cosine, untrained = model.cosine(test), start.cosine(test)
    counts = np.bincount(
        before.items[before.labels], minlength=1 + max(before.items.max(), test.items.max())
    ).astype(np.float32)

    def measured(scores: metrics.Floats, retrieval: tuple[float, float] | None) -> Measured:
        auc = metrics.auc(scores, test.labels)
        ndcg = metrics.grouped_ndcg(scores, test.labels, test.users)
        return Measured(auc, ndcg, *(retrieval or ()))

    return {
        "model": measured(head.probability(cosine, rate), None),
        "towers": measured(cosine, _tower_recall(model, test)),
        "untrained": measured(untrained, _tower_recall(start, test)),
        "rates": measured(rate, None),
        "popularity": measured(test.popularity, _recall_of_counts(counts, test)),
    }


def _tower_recall(model: TwoTower, test: Pairs) -> tuple[float, float]:
    """Recall at 10 and at 50 where each member is given the nearest of all items of `test`.

    A member stands where the member stood before the first item that is to be found.
    """
    items, item_rows = np.unique(test.items, return_index=True)
    places = model.item(test.item_vectors[item_rows])
    users, rows, wanted = _wanted(test)
    stands = model.user(test.user_vectors[rows])
    best = [
        _first(stands[begin : begin + _BLOCK] @ places.T, 50)
        for begin in range(0, users.size, _BLOCK)
    ]
    return _recalls(items[np.concatenate(best)] if best else np.empty((0, 50), np.int64), wanted)


def _recall_of_counts(counts: metrics.Floats, test: Pairs) -> tuple[float, float]:
    """The same where everybody is given the items with the highest counts."""
    items = np.unique(test.items)
    users, _, wanted = _wanted(test)
    best = items[_first(counts[items][None, :], 50)]
    return _recalls(np.repeat(best, users.size, axis=0), wanted)


def _wanted(test: Pairs) -> tuple[NDArray[np.int64], NDArray[np.int64], list[set[int]]]:
    """Members who engaged, the row of each one's first engagement, and all items of each."""
    rows = np.flatnonzero(test.labels)
    rows = rows[np.lexsort((test.times[rows], test.users[rows]))]
    users, first = np.unique(test.users[rows], return_index=True)
    groups = np.split(test.items[rows], first[1:])
    return users, rows[first], [set(group.tolist()) for group in groups]


def _first(scores: metrics.Floats, k: int) -> NDArray[np.int64]:
    """The columns of the k highest scores of each row, the highest first."""
    return np.argsort(-scores, axis=1, kind="stable")[:, :k]


def _recalls(ranked: NDArray[np.int64], wanted: list[set[int]]) -> tuple[float, float]:
    return metrics.recall(ranked[:, :10], wanted), metrics.recall(ranked, wanted)
