"""How often each kind of engagement had followed an exposure of one owner's items, as of a time.

The database serves the same number from counts that it rolls up as events come (for posts:
medley.author_rates). A head that multiplies it must be fitted on what was known then, not now.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# Of medley.settings timeline.rate_days and timeline.prior_exposures.
HALF_LIFE_DAYS = 30.0
PRIOR_EXPOSURES = 50.0
# The usual rate where nothing was ever seen, and what that guess is worth.
_USUAL, _USUAL_EXPOSURES = 0.01, 100.0
_ALL = np.int64(0)


@dataclass(frozen=True, slots=True)
class Log:
    """What members did, each (member, item, kind) once, at its first time.

    Attributes:
        owners: Shape (events,): a number greater than 0 for each owner of items.
        kinds: Shape (events,): a number from 0 for each kind; -1: an exposure, whatever came of it.
        times: Shape (events,): seconds since 1970.
    """

    owners: NDArray[np.int64]
    kinds: NDArray[np.int64]
    times: NDArray[np.float64]

    def rates(
        self, owners: NDArray[np.int64], times: NDArray[np.float64], kinds: int
    ) -> NDArray[np.float32]:
        """Smoothed rates strictly before some times.

        Args:
            owners: Shape (n,).
            times: Shape (n,): seconds since 1970.
            kinds: How many kinds there are.

        Returns:
            Shape (n, kinds): (count + s * rate of all owners) / (exposures + s), with s =
            `PRIOR_EXPOSURES` and counts that halve every `HALF_LIFE_DAYS`.
        """
        everybody = np.full_like(owners, _ALL)
        seen, seen_of_all = (self._before(-1, who, times) for who in (owners, everybody))
        found = np.empty((owners.size, kinds), np.float32)
        for kind in range(kinds):
            count, count_of_all = (self._before(kind, who, times) for who in (owners, everybody))
            usual = (count_of_all + _USUAL_EXPOSURES * _USUAL) / (seen_of_all + _USUAL_EXPOSURES)
            rate = (count + PRIOR_EXPOSURES * usual) / (seen + PRIOR_EXPOSURES)
            found[:, kind] = np.clip(rate, 1e-6, 1 - 1e-6)
        return found

    def _before(
        self, kind: int, owners: NDArray[np.int64], times: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """The decayed count of a kind before each time, of owner 0 for all together; shape (n,)."""
        rows = self.kinds == kind
        who, when = self.owners[rows], self.times[rows]
        if when.size == 0:
            return np.zeros(times.size)
        who, when = np.r_[who, np.full_like(who, _ALL)], np.r_[when, when]
        order = np.lexsort((when, who))
        who, when = who[order], when[order]
        # Counts grow by 2^(t / half-life), so that a difference of sums decays by one factor.
        start = when.min()
        half_lives = HALF_LIFE_DAYS * 86_400
        sums = np.r_[0.0, np.cumsum(np.exp2((when - start) / half_lives))]
        first = np.searchsorted(who, owners, side="left")
        last = _search(who, when, owners, times)
        return np.asarray((sums[last] - sums[first]) * np.exp2(-(times - start) / half_lives))


def _search(
    who: NDArray[np.int64],
    when: NDArray[np.float64],
    owners: NDArray[np.int64],
    times: NDArray[np.float64],
) -> NDArray[np.int64]:
    """Where each (owner, time) belongs among the sorted (who, when), before what is equal."""
    both_who, both_when = np.r_[owners, who], np.r_[times, when]
    asked = np.r_[np.zeros(owners.size, np.int64), np.ones(who.size, np.int64)]
    order = np.lexsort((asked, both_when, both_who))
    events_before = np.cumsum(asked[order])
    places = np.empty(order.size, np.int64)
    places[order] = events_before
    return places[: owners.size]
