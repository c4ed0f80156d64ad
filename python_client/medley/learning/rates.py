"""How often each kind of engagement had followed an exposure of one owner's items, as of a time.

The database serves the same number from counts that it rolls up as events come (for posts:
medley.author_rates). A head that multiplies it must be fitted on what was known then, not now.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

#: Kinds of a log that are no kinds of engagement.
EXPOSURE, ENGAGED = -1, 0

# The usual rate where nothing was ever seen, and how many exposures that guess is worth.
_USUAL, _USUAL_EXPOSURES = 0.01, 100.0
# A key is the owner's rank and the time since the log began: 36 bits of milliseconds are two years,
# and a longer log has a coarser clock.
_TIME_BITS = 36


@dataclass(frozen=True, slots=True)
class _Line:
    """The events of one kind, by owner and time; owner 0 has those of all.

    Attributes:
        keys: Shape (events,): ascending.
        sums: Shape (events + 1,): of 2^(time in half-lives) of the events before.
    """

    keys: NDArray[np.int64]
    sums: NDArray[np.float64]


class Log:
    """What members did, each (member, item, kind) once, at its first time.

    Args:
        owners: Shape (events,): a number greater than 0 for each owner of items.
        kinds: Shape (events,): `EXPOSURE`, whatever came of it; `ENGAGED`, by any positive kind;
            from 1 the kinds of engagement.
        times: Shape (events,): seconds since 1970.
        half_life_days: After how long an event counts half.
        prior_exposures: So many exposures' worth of the rate of all owners stand for an owner's own
            until there are more.
    """

    def __init__(
        self,
        owners: NDArray[np.int64],
        kinds: NDArray[np.int64],
        times: NDArray[np.float64],
        *,
        half_life_days: float = 30,
        prior_exposures: float = 50,
    ) -> None:
        self._known = np.unique(owners)
        self._start = float(times.min()) if times.size else 0.0
        span = float(times.max()) - self._start if times.size else 0.0
        self._tick = max(0.001, span / (2**_TIME_BITS - 2))
        self._half_life = half_life_days * 86_400
        self._prior = prior_exposures
        self._lines: dict[int, _Line] = {}
        for kind in np.unique(kinds).tolist():
            rows = kinds == kind
            keys = self._keys(owners[rows], times[rows])
            everybody = self._keys(np.zeros_like(owners[rows]), times[rows])
            keys, age = np.r_[everybody, keys], np.tile(times[rows] - self._start, 2)
            order = np.argsort(keys, kind="stable")
            # Counts grow with time, so that a difference of sums decays by one factor.
            grown = np.exp2(age[order] / self._half_life)
            self._lines[kind] = _Line(keys[order], np.r_[0.0, np.cumsum(grown)])

    def rates(
        self, owners: NDArray[np.int64], times: NDArray[np.float64], kinds: int
    ) -> NDArray[np.float32]:
        """Smoothed rates strictly before some times.

        Args:
            owners: Shape (n,).
            times: Shape (n,): seconds since 1970.
            kinds: How many kinds there are, `ENGAGED` included.

        Returns:
            Shape (n, kinds), within 0 and 1: (count + s * rate of all) / (exposures + s), where s
            is `prior_exposures`.
        """
        everybody = np.zeros_like(owners)
        seen, seen_of_all = (self._before(EXPOSURE, who, times) for who in (owners, everybody))
        found = np.empty((owners.size, kinds), np.float32)
        for kind in range(kinds):
            count, count_of_all = (self._before(kind, who, times) for who in (owners, everybody))
            usual = (count_of_all + _USUAL_EXPOSURES * _USUAL) / (seen_of_all + _USUAL_EXPOSURES)
            rate = (count + self._prior * usual) / (seen + self._prior)
            found[:, kind] = np.clip(rate, 1e-6, 1 - 1e-6)
        return found

    def _before(
        self, kind: int, owners: NDArray[np.int64], times: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """The decayed count of a kind before each time; shape (n,)."""
        line = self._lines.get(kind)
        if line is None:
            return np.zeros(times.size)
        first = np.searchsorted(line.keys, self._keys(owners, np.full(times.size, self._start)))
        last = np.searchsorted(line.keys, self._keys(owners, times))
        decay = np.exp2(-(times - self._start) / self._half_life)
        return np.asarray((line.sums[last] - line.sums[first]) * decay)

    def _keys(self, owners: NDArray[np.int64], times: NDArray[np.float64]) -> NDArray[np.int64]:
        """A number for each owner and time that sorts as they do."""
        ranks = np.searchsorted(self._known, owners, side="right")
        # An owner without events, of whom there is nothing to find.
        unknown = (owners > 0) & ~np.isin(owners, self._known)
        ranks = np.where(unknown, self._known.size + 1, ranks)
        ticks = np.clip((times - self._start) / self._tick, 0, 2**_TIME_BITS - 1)
        return np.asarray((ranks << _TIME_BITS) + ticks.astype(np.int64))
