"""How well scores tell what members engage with. Pure NumPy; higher is better everywhere."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]
Integers = NDArray[np.integer]
Booleans = NDArray[np.bool_]


def auc(scores: Floats, labels: Booleans) -> float:
    """How often a row that was engaged with scores above one that was not; ties count half.

    Args:
        scores: Shape (n,).
        labels: Shape (n,); True where the member engaged.

    Returns:
        0 to 1; 0.5 says nothing, NaN where all labels are equal.
    """
    positives = int(labels.sum())
    negatives = labels.size - positives
    if positives == 0 or negatives == 0:
        return float("nan")
    _, places, counts = np.unique(scores, return_inverse=True, return_counts=True)
    # The mean rank (from 1) of rows with the same score.
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[places]
    above = float(ranks[labels].sum()) - positives * (positives + 1) / 2
    return above / (positives * negatives)


def grouped_ndcg(scores: Floats, labels: Booleans, groups: Integers, k: int = 10) -> float:
    """NDCG@k of each group's rows by score, averaged over groups that have both kinds of rows.

    Args:
        scores: Shape (n,); equal ones keep the order in which they come.
        labels: Shape (n,); gain 1 where True.
        groups: Shape (n,); a list that was shown, or a member.
        k: Places that count.

    Returns:
        0 to 1; NaN where no group has both. A gain at place p (from 1) is worth 1 / log2(1 + p).
    """
    order = np.lexsort((-scores, groups))
    sorted_groups, gains = groups[order], labels[order].astype(np.float64)
    starts = np.flatnonzero(np.r_[True, sorted_groups[1:] != sorted_groups[:-1]])
    sizes = np.diff(np.r_[starts, groups.size])
    places = np.arange(groups.size) - np.repeat(starts, sizes)
    worth = np.where(places < k, 1 / np.log2(places + 2), 0)
    reached = np.add.reduceat(gains * worth, starts)
    positives = np.add.reduceat(gains, starts).astype(np.int64)
    best = np.r_[0, np.cumsum(1 / np.log2(np.arange(k) + 2))][np.minimum(positives, k)]
    counts = (positives > 0) & (positives < sizes)
    return float((reached[counts] / best[counts]).mean()) if counts.any() else float("nan")


def recall(ranked: Integers, wanted: list[set[int]]) -> float:
    """Which share of the items a member engaged with is among those retrieved, over members.

    Args:
        ranked: Shape (members, k); the k items with the best scores of each member.
        wanted: Items that each member engaged with, at least one.

    Returns:
        0 to 1: hits / min(k, items engaged with), averaged.
    """
    if not wanted:
        return float("nan")
    k = ranked.shape[1]
    shares = [
        len(items & set(row)) / min(k, len(items))
        for row, items in zip(ranked.tolist(), wanted, strict=True)
    ]
    return float(np.mean(shares))


def log_loss(probabilities: Floats, labels: Booleans) -> Floats:
    """The logistic loss of each row in nats; shape (n,) as both arguments. Lower is better."""
    p = np.clip(probabilities.astype(np.float64), 1e-7, 1 - 1e-7)
    return np.asarray(-np.where(labels, np.log(p), np.log1p(-p)))
