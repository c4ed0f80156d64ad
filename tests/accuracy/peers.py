"""Recommenders that others keep well, each with the settings that are tried for it.

All see the same pairs and nothing else. A peer scores every item for a user; what the user has met
in training is left out, nothing else is. Needs requirements/accuracy.txt.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
import scipy.sparse as sp
from scipy.linalg import lapack
from threadpoolctl import threadpool_limits

from tests.accuracy.metrics import DEPTH

Matrix = Any  # users by items, or items by items; scipy has no types
Scores = Callable[[Any], Any]
"""Takes numbers of users, returns a dense block: one row a user, one column an item."""

BLOCK = 512  # users scored at a time
EASE_ITEMS = 8_000  # a dense inverse; with 15,000 of Last.fm's 17,632 it did no better


@dataclass(frozen=True, slots=True)
class Peer:
    """One recommender.

    Attributes:
        name: For tables and `--only`.
        what: One line on what it is.
        grid: Settings to try, each name with its values.
        fit: Learns from a matrix of users by items, and returns the scores.
        times: Whether that matrix says how new, in place of ones. For splits by time.
        after: The peer whose best settings it takes over; only the grid is its own.
    """

    name: str
    what: str
    grid: Mapping[str, Sequence[float]]
    fit: Callable[..., Scores]
    times: bool = False
    after: str = ""

    def settings(self) -> list[dict[str, float]]:
        """All combinations of the grid."""
        return [
            dict(zip(self.grid, values, strict=True)) for values in product(*self.grid.values())
        ]


def matrix(
    pairs: Iterable[tuple[int, int]],
    users: int,
    items: int,
    values: Mapping[tuple[int, int], float] | None = None,
) -> Matrix:
    """Ones, or other values, where a user has met an item."""
    ordered = sorted(pairs)
    rows, columns = np.array(ordered, dtype=np.int32).reshape(-1, 2).T
    filled = np.array([values[pair] if values else 1 for pair in ordered], dtype=np.float32)
    return sp.csr_matrix((filled, (rows, columns)), shape=(users, items))


def rank(scores: Scores, train: Matrix, users: Iterable[int]) -> dict[int, list[int]]:
    """The best items of each user, of all that are not in training; ties by number."""
    wanted = np.array(sorted(users))
    depth = min(DEPTH, train.shape[1])
    found: dict[int, list[int]] = {}
    for start in range(0, len(wanted), BLOCK):
        block = wanted[start : start + BLOCK]
        scored = np.array(scores(block), dtype=np.float64)
        met = train[block].tocoo()
        scored[met.row, met.col] = -np.inf
        # A stable order of the few candidates: by score, then by number.
        best = np.sort(np.argpartition(-scored, depth - 1, axis=1)[:, :depth], axis=1)
        values = np.take_along_axis(scored, best, axis=1)
        order = np.argsort(-values, axis=1, kind="stable")
        for row, user in enumerate(block):
            found[int(user)] = [
                int(best[row, place]) for place in order[row] if values[row, place] > -np.inf
            ]
    return found


def popularity(train: Matrix) -> Scores:
    """The same for everyone: by how many users have met an item."""
    counts = np.asarray(train.sum(axis=0)).ravel()
    return lambda users: np.tile(counts, (len(users), 1))


def item_knn(train: Matrix, *, neighbors: float, shrink: float) -> Scores:
    """Cosine of items with shrinkage; each item keeps its nearest."""
    counts = np.asarray(train.sum(axis=0)).ravel()
    together = _without_diagonal(train.T @ train)
    norms = np.sqrt(counts[together.row] * counts[together.col])
    together.data = together.data / (norms + shrink)
    # The nearest of the item to be scored, not of the item met: its column, not its row.
    return _linear(train, _keep_best(together, int(neighbors)).T.tocsr())


def rp3beta(train: Matrix, *, alpha: float, beta: float, neighbors: float = 100) -> Scores:
    """Random walk of three steps, popular ends discounted (Paudel et al. 2017)."""
    of_user = np.maximum(np.asarray(train.sum(axis=1)).ravel(), 1)
    of_item = np.maximum(np.asarray(train.sum(axis=0)).ravel(), 1)
    to_user = sp.diags(of_item**-alpha) @ train.T
    to_item = sp.diags(of_user**-alpha) @ train @ sp.diags(of_item**-beta)
    walk = _without_diagonal(to_user @ to_item)
    return _linear(train, _keep_best(walk, int(neighbors)))


def ease(train: Matrix, *, penalty: float, recency: float = 0.0, limit: int = EASE_ITEMS) -> Scores:
    """Ridge regression of each item on all others, in closed form (Steck 2019).

    Above `limit` items it learns from the most popular ones alone: the dense inverse takes 8 bytes
    times the square of their number. All others score zero.

    What is learnt is who met what. Where the matrix says how new, as a share, a user's items then
    weigh that to the power of `-recency`.
    """
    met = train.sign()
    counts = np.asarray(met.sum(axis=0)).ravel()
    kept = np.sort(np.argsort(-counts, kind="stable")[:limit])
    few = met[:, kept]
    gram = np.asarray((few.T @ few).todense(), dtype=np.float64, order="F")
    gram[np.diag_indices(len(kept))] += penalty
    inverse = _inverse(gram)
    weights = inverse / -np.diag(inverse)
    weights[np.diag_indices(len(kept))] = 0
    history = train[:, kept]
    history.data = history.data**-recency

    def scores(users: Any) -> Any:
        scored = np.zeros((len(users), train.shape[1]))
        scored[:, kept] = history[users] @ weights
        return scored

    return scores


def als(
    train: Matrix, *, factors: float, regularization: float, alpha: float, iterations: float = 20
) -> Scores:
    """Matrix factorisation by alternating least squares (Hu et al. 2008), of `implicit`."""
    from implicit.als import AlternatingLeastSquares

    # The library runs threads of its own, and asks that the linear algebra below does not.
    with threadpool_limits(limits=1, user_api="blas"):
        model = AlternatingLeastSquares(
            factors=int(factors),
            regularization=regularization,
            alpha=alpha,
            iterations=int(iterations),
            random_state=42,
        )
        model.fit(train, show_progress=False)
    return _factors(model)


def bpr(
    train: Matrix,
    *,
    factors: float,
    learning_rate: float,
    regularization: float,
    iterations: float,
) -> Scores:
    """Bayesian personalised ranking (Rendle et al. 2009), of `implicit`."""
    from implicit.bpr import BayesianPersonalizedRanking

    model = BayesianPersonalizedRanking(
        factors=int(factors),
        learning_rate=learning_rate,
        regularization=regularization,
        iterations=int(iterations),
        num_threads=1,  # several would make each run another
        random_state=42,
    )
    model.fit(train, show_progress=False)
    return _factors(model)


PEERS = (
    Peer("popularity", "most popular", {}, popularity),
    Peer(
        "itemknn",
        "ItemKNN, cosine",
        {"neighbors": (20, 50, 100, 200, 400), "shrink": (0, 20, 100)},
        item_knn,
    ),
    Peer(
        "rp3beta",
        "RP3β",
        {"alpha": (0.2, 0.4, 0.6, 0.8, 1.0), "beta": (0.1, 0.3, 0.45, 0.6)},
        rp3beta,
    ),
    Peer(
        "bpr",
        "BPR (implicit)",
        {
            "factors": (32, 64, 128),
            "learning_rate": (0.003, 0.01),
            "regularization": (0.01,),
            "iterations": (50, 200),
        },
        bpr,
    ),
    Peer(
        "als",
        "ALS (implicit)",
        {"factors": (64, 128, 256), "regularization": (10, 30, 100), "alpha": (1, 5)},
        als,
    ),
    Peer("ease", "EASE", {"penalty": (10, 20, 50, 100, 200, 400, 800)}, ease),
    # Not as published: it gets what our row with times has, so that the rest can be compared.
    Peer(
        "ease-recency",
        "EASE, newer items weigh more",
        {"recency": (0.2, 0.4, 0.6, 0.8)},
        ease,
        times=True,
        after="ease",
    ),
)

BY_NAME = {peer.name: peer for peer in PEERS}


def _linear(train: Matrix, weights: Matrix) -> Scores:
    return lambda users: (train[users] @ weights).toarray()


def _factors(model: Any) -> Scores:
    return lambda users: model.user_factors[users] @ model.item_factors.T


def _inverse(matrix: Any) -> Any:
    """Of a symmetric positive definite matrix, which it overwrites: by Cholesky."""
    factor, failed = lapack.dpotrf(matrix, lower=True, overwrite_a=True)
    if not failed:
        factor, failed = lapack.dpotri(factor, lower=True, overwrite_c=True)
    if failed:
        raise ArithmeticError("the matrix has no inverse: the penalty is too small")
    return np.tril(factor) + np.tril(factor, -1).T


def _without_diagonal(weights: Matrix) -> Matrix:
    """In coordinates."""
    found = weights.tocoo()
    apart = found.row != found.col
    return sp.coo_matrix((found.data[apart], (found.row[apart], found.col[apart])), found.shape)


def _keep_best(weights: Matrix, most: int) -> Matrix:
    """The `most` largest of each row."""
    weights = weights.tocsr()
    for row in range(weights.shape[0]):
        part = weights.data[weights.indptr[row] : weights.indptr[row + 1]]
        if len(part) > most:
            part[np.argpartition(part, len(part) - most)[: len(part) - most]] = 0
    weights.eliminate_zeros()
    return weights
