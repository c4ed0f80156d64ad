"""Heads: from a cosine and a smoothed rate to the probability of one kind of engagement.

p = 1 / (1 + exp(-(intercept + similarity * cosine + rate * logit(smoothed rate))))
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .metrics import Booleans, Floats

# A head that nothing is known about gives back the rate itself; what is learnt departs from there.
_PRIOR = np.array([0.0, 0.0, 1.0])
_PRECISION = np.array([0.1, 0.1, 4.0])
_STEPS = 50


@dataclass(frozen=True, slots=True)
class Head:
    """The three numbers of one kind."""

    kind: str
    intercept: float
    similarity: float
    rate: float

    def probability(self, cosine: Floats, rate: Floats) -> Floats:
        """Probabilities of shape (n,) for cosines (-1 to 1) and smoothed rates (0 to 1)."""
        z = self.intercept + self.similarity * cosine + self.rate * logit(rate)
        return np.asarray(1 / (1 + np.exp(-z)))


def logit(rate: Floats) -> Floats:
    """ln(rate / (1 - rate)), with the rate kept within 1e-6 of 0 and 1."""
    p = np.clip(rate.astype(np.float64), 1e-6, 1 - 1e-6)
    return np.asarray(np.log(p) - np.log1p(-p))


def fit(kind: str, cosine: Floats, rate: Floats, labels: Booleans, weights: Floats) -> Head:
    """Logistic regression by Newton's method, with a prior that says "the rate is right".

    Args:
        kind: The kind of engagement.
        cosine: Shape (n,): of the member's vector and the item's.
        rate: Shape (n,): the smoothed rate of the kind before the row was shown.
        labels: Shape (n,): whether the member engaged so.
        weights: Shape (n,): how many shown rows each row stands for; this calibrates the head.

    Returns:
        The head with the highest posterior.
    """
    features = np.stack([np.ones(cosine.size), cosine.astype(np.float64), logit(rate)], axis=1)

    def loss(theta: NDArray[np.float64]) -> float:
        z = features @ theta
        told = np.logaddexp(0, z) - labels * z
        return float(weights @ told + ((theta - _PRIOR) ** 2 * _PRECISION).sum() / 2)

    theta, least = _PRIOR, loss(_PRIOR)
    for _ in range(_STEPS):
        p = 1 / (1 + np.exp(-(features @ theta)))
        gradient = features.T @ (weights * (p - labels)) + _PRECISION * (theta - _PRIOR)
        curvature = (features.T * (weights * p * (1 - p))) @ features + np.diag(_PRECISION)
        step = np.linalg.solve(curvature, gradient)
        # Newton overshoots where the curvature changes much: halve until it helps.
        while np.abs(step).max() > 1e-9 and loss(theta - step) > least:
            step = step / 2
        theta = theta - step
        if np.abs(step).max() <= 1e-6:
            break
        least = loss(theta)
    intercept, similarity, slope = theta.tolist()
    return Head(kind, intercept, similarity, slope)
