"""What is evaluated: a data set and a way to split it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.accuracy.data import Interactions, Split, planted, split_by_time, split_randomly

SPLITS: dict[str, tuple[Callable[..., Split], str]] = {
    "random": (split_randomly, "a random 20 % of each user's items held out"),
    "time": (split_by_time, "each user's newest 20 % held out"),
    "8:1:1": (
        split_randomly,
        "train, validation and test 8:1:1 at random, all items, no refit: as published",
    ),
}


@dataclass(frozen=True, slots=True)
class Source:
    """A data set.

    Attributes:
        name: For tables and the command line.
        kind: Of event that a pair is logged as.
        splits: That make sense for it.
        interactions: Its file; none for the planted set.
        fmt: Of that file.
    """

    name: str
    kind: str
    splits: tuple[str, ...]
    interactions: Path | None = None
    fmt: str = "csv"

    def read(self, *, min_users_per_item: int, seed: int) -> Interactions:
        """The interactions, without items that fewer users met.

        Raises:
            BadData: A row cannot be read.
        """
        if self.interactions is None:
            return planted(seed=seed)
        return Interactions.read(self.interactions, self.fmt, min_users_per_item=min_users_per_item)


@dataclass(frozen=True, slots=True)
class Case:
    """A data set, split."""

    source: Source
    split_name: str
    data: Interactions
    split: Split

    @property
    def name(self) -> str:
        """As in `lastfm random`."""
        return f"{self.source.name} {self.split_name}"

    @property
    def by_time(self) -> bool:
        """Whether what came later is foretold from what came before, so that times may be known."""
        return self.split_name == "time"

    @property
    def refit(self) -> bool:
        """Whether the validation part is learnt from too, once settings are chosen."""
        return self.split_name != "8:1:1"


KINDS = {"lastfm": "play", "movielens": "rate", "csv": "like"}


def sources(folder: Path) -> dict[str, Source]:
    """The data sets that are on this machine; the planted one where there is none."""
    known = (
        Source(
            "lastfm",
            KINDS["lastfm"],
            ("random", "8:1:1"),
            folder / "lastfm_hetrec/user_artists.dat",
            "lastfm",
        ),
        Source(
            "movielens",
            KINDS["movielens"],
            ("random", "time"),
            folder / "movielens_small/ratings.csv",
            "movielens",
        ),
    )
    found = {one.name: one for one in known if one.interactions and one.interactions.is_file()}
    return found or {"planted": Source("planted", "like", ("random",))}


def make(source: Source, split_name: str, *, min_users_per_item: int, seed: int) -> Case | None:
    """Reads and splits; nothing where the data set cannot be split that way."""
    published = split_name == "8:1:1"
    data = source.read(min_users_per_item=1 if published else min_users_per_item, seed=seed)
    if split_name == "time" and data.times is None:
        return None
    share = 0.1 if published else 0.2
    split = SPLITS[split_name][0](data, test=share, validation=0.1, seed=seed)
    return Case(source, split_name, data, split)
