"""Training pairs as arrays: what the model and its heads learn from. Pure NumPy."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

TEXT_DIMS = 384


@dataclass(frozen=True, slots=True)
class Pairs:
    """n members and items, as both were when the item was shown, and what came of it.

    Attributes:
        ids: Shape (n,): `pair_id` of the database.
        users: Shape (n,): a number for each member, from 0.
        items: Shape (n,): a number for each item, from 0.
        labels: Shape (n,): whether the member engaged.
        times: Shape (n,): when it was shown, in seconds since 1970.
        weights: Shape (n,): how many rows that were shown this one stands for; 1 where none was
            left out.
        user_vectors: Shape (n, 384): unit vectors of what the members had liked.
        item_vectors: Shape (n, 384): unit vectors of the items' texts.
        popularity: Shape (n,): positive engagements with the item before.
        happened: Shape (n, kinds): which kinds of engagement came of it.
        rates: Shape (n, kinds): how often they had followed exposures of the owner's items, 0 to 1.
        engaged_rates: Shape (n,): the same for any positive kind.
        kinds: Names of the kinds.
    """

    ids: NDArray[np.int64]
    users: NDArray[np.int64]
    items: NDArray[np.int64]
    labels: NDArray[np.bool_]
    times: NDArray[np.float64]
    weights: NDArray[np.float32]
    user_vectors: NDArray[np.float32]
    item_vectors: NDArray[np.float32]
    popularity: NDArray[np.float32]
    happened: NDArray[np.bool_]
    rates: NDArray[np.float32]
    engaged_rates: NDArray[np.float32]
    kinds: tuple[str, ...]

    def __len__(self) -> int:
        return int(self.ids.size)

    def take(self, rows: NDArray[np.bool_] | NDArray[np.int64] | slice) -> Pairs:
        """These rows only; members, items and kinds keep their numbers."""
        arrays = {
            field.name: getattr(self, field.name)[rows]
            for field in fields(self)
            if field.name != "kinds"
        }
        return Pairs(**arrays, kinds=self.kinds)

    def split(self, *shares: float) -> tuple[Pairs, ...]:
        """Parts by time, the oldest first: all that was shown at one moment is in one part.

        Args:
            shares: Of the pairs, for each part; they sum to 1.
        """
        if not len(self):
            return tuple(self for _ in shares)
        ends = np.quantile(self.times, np.cumsum(shares)[:-1], method="higher")
        part = np.searchsorted(ends, self.times, side="right")
        return tuple(self.take(part == number) for number in range(len(shares)))
