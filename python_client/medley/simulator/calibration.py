"""How people react to lists: figures of real ones beside those of a simulated network.

Real lists in MIND's layout are those in which something was clicked, so simulated ones are counted
in the same way. MIND has shuffled its lists: how attention falls with the place shows in them only
by the click rate, which falls with the length of the list.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from medley.loaders.mind import read_impressions

from .requests import Log, make_log
from .world import NAMES, Ints, Settings, make_world

#: The first and last length of the lists whose click rates are told apart.
LENGTHS = ((2, 4), (5, 9), (10, 19), (20, 39), (40, 79), (80, 159), (160, 300))


@dataclass(frozen=True, slots=True)
class Figures:
    """What lists with at least one click are like.

    Attributes:
        lists: How many.
        shown: How many posts or articles they showed.
        clicked: How many of these were clicked.
        lengths: Lengths below which 10, 25, 50, 75, 90 and 95 % of the lists lie.
        one_click: Share of the lists with one click.
        two_clicks: Share of the lists with two.
        by_length: Click rate in lists of the lengths of LENGTHS; nan where there are none.
    """

    lists: int
    shown: int
    clicked: int
    lengths: tuple[float, ...]
    one_click: float
    two_clicks: float
    by_length: tuple[float, ...]

    @classmethod
    def of(cls, lists: Iterable[tuple[int, int]]) -> Figures:
        """Of lists, given as how many they showed and how many of these were clicked."""
        length, clicks = np.array([one for one in lists if one[1] > 0], np.int64).reshape(-1, 2).T
        if not len(length):
            raise ValueError("no list has a click")
        return cls(
            lists=len(length),
            shown=int(length.sum()),
            clicked=int(clicks.sum()),
            lengths=tuple(np.percentile(length, (10, 25, 50, 75, 90, 95)).tolist()),
            one_click=float((clicks == 1).mean()),
            two_clicks=float((clicks == 2).mean()),
            by_length=tuple(_rate(length, clicks, least, most) for least, most in LENGTHS),
        )

    @property
    def rate(self) -> float:
        """Clicks as a share of what was shown."""
        return self.clicked / self.shown

    @property
    def clicks(self) -> float:
        """Clicks a list."""
        return self.clicked / self.lists

    def rows(self) -> list[tuple[str, str]]:
        """The figures in words."""
        quantiles = zip((10, 25, 50, 75, 90, 95), self.lengths, strict=True)
        return [
            ("lists with a click", f"{self.lists:,}"),
            ("click rate", f"{self.rate:.2%}"),
            ("clicks a list", f"{self.clicks:.2f}"),
            ("lists with one click", f"{self.one_click:.1%}"),
            ("lists with two clicks", f"{self.two_clicks:.1%}"),
            ("length, mean", f"{self.shown / self.lists:.1f}"),
            *((f"length, {share} % are at most", f"{length:.0f}") for share, length in quantiles),
            *(
                (f"click rate in lists of {least} to {most}", f"{rate:.2%}")
                for (least, most), rate in zip(LENGTHS, self.by_length, strict=True)
            ),
        ]


def figures_of_file(path: Path) -> Figures:
    """Of real lists, in the layout of MIND.

    Raises:
        BadData: A row cannot be read.
        ValueError: No list has a click.
    """
    return Figures.of(
        (len(one.shown), sum(clicked for _, clicked in one.shown)) for one in read_impressions(path)
    )


def figures_of_log(log: Log) -> Figures:
    """Of the lists of a simulated network."""
    clicked = log.happened[:, NAMES.index("click")].astype(np.int64)
    clicks = np.add.reduceat(clicked, log.first[:-1])
    return Figures.of(zip(np.diff(log.first).tolist(), clicks.tolist(), strict=True))


def simulated_figures(seed: int = 1) -> Figures:
    """Of a network of the default tastes, large enough for the figures to be steady."""
    settings = Settings(members=2_000, posts=10_000, impressions=200_000, seed=seed)
    return figures_of_log(make_log(make_world(settings)))


def _rate(length: Ints, clicks: Ints, least: int, most: int) -> float:
    some = (length >= least) & (length <= most)
    return float(clicks[some].sum() / length[some].sum()) if some.any() else float("nan")
