"""Runs methods on a case: each chooses its settings on the validation part, then is tested."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from tests.accuracy.cases import Case
from tests.accuracy.data import items_by_user, newness
from tests.accuracy.metrics import Difference, Metrics, Ranking, difference, mean_ndcg, measure
from tests.accuracy.peers import EASE_ITEMS, PEERS, Matrix, Peer, ease, matrix, rank

REFERENCE = "ease"
Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Result:
    """One row of the table.

    Attributes:
        method: Short name.
        label: For people.
        metrics: On the test part.
        settings: That did best on the validation part.
        validation: NDCG@10 there; None where nothing was chosen.
        tried: How many settings were.
        seconds: To learn from all but the test part and rank for everyone, with those settings.
        note: What a reader must know.
        difference: To EASE, once both are known.
    """

    method: str
    label: str
    metrics: Metrics
    settings: Mapping[str, float]
    validation: float | None
    tried: int
    seconds: float
    note: str = ""
    difference: Difference | None = field(default=None)


class Bench:
    """One case, ready to be answered by methods."""

    def __init__(self, case: Case, *, seed: int = 42) -> None:
        self.case = case
        self.seed = seed
        data, split = case.data, case.split
        self.known = tuple(sorted(split.train + split.validation)) if case.refit else split.train
        self.validation = items_by_user(data, split.validation)
        self.test = items_by_user(data, split.test)
        self._met_by = Counter(data.pairs[place][1] for place in self.known)

    def matrix(self, peer: Peer, places: Sequence[int]) -> Matrix:
        """The pairs at some places, as a peer wants them."""
        data = self.case.data
        return matrix(
            (data.pairs[place] for place in places),
            len(data.users),
            len(data.items),
            newness(data, places) if peer.times else None,
        )

    def metrics(self, ranking: Ranking) -> Metrics:
        """Of a ranking for the users of the test part."""
        return measure(
            ranking,
            self.test,
            items=len(self.case.data.items),
            met_by=self._met_by,
            users=len(self.case.data.users),
        )

    def compare(self, rankings: Mapping[str, Ranking]) -> dict[str, Difference]:
        """Each ranking's difference to the reference, where that is among them."""
        if REFERENCE not in rankings:
            return {}
        return {
            method: difference(ranking, rankings[REFERENCE], self.test, seed=self.seed)
            for method, ranking in rankings.items()
            if method != REFERENCE
        }


def run_peer(
    bench: Bench, peer: Peer, progress: Progress, taken: Mapping[str, float] | None = None
) -> tuple[Result, Ranking]:
    """Tries a peer's settings, with those taken over, learns again with the best, and tests."""
    train, known = (bench.matrix(peer, part) for part in (bench.case.split.train, bench.known))
    best, chosen = -1.0, {}
    tried = [{**(taken or {}), **settings} for settings in peer.settings()]
    for number, settings in enumerate(tried, start=1):
        progress(f"{peer.what}: settings {number} of {len(tried)}")
        found = mean_ndcg(
            rank(peer.fit(train, **settings), train, bench.validation), bench.validation
        )
        if found > best:
            best, chosen = found, settings
    started = time.perf_counter()
    ranking = rank(peer.fit(known, **chosen), known, bench.test)
    seconds = time.perf_counter() - started
    result = Result(
        method=peer.name,
        label=peer.what,
        metrics=bench.metrics(ranking),
        settings=chosen,
        validation=best,
        tried=len(tried),
        seconds=seconds,
        note=_note(peer, len(bench.case.data.items)),
    )
    return result, ranking


def _note(peer: Peer, items: int) -> str:
    """Where a peer does not see all of a large catalogue."""
    if peer.fit is not ease or items <= EASE_ITEMS:
        return ""
    return f"learns from the {EASE_ITEMS:,} most popular of {items:,} items; its inverse is dense"


def peers_for(case: Case, only: Sequence[str]) -> list[Peer]:
    """Those that were asked for, all by default; with times where the case is split by them."""
    return [
        peer
        for peer in PEERS
        if (not only or peer.name in only) and (case.by_time or not peer.times)
    ]
