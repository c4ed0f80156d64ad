"""All methods on all cases."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from itertools import repeat
from multiprocessing import get_context

from rich.console import Console

from tests.accuracy.cases import Case
from tests.accuracy.evaluate import Bench, peers_for, run_peer
from tests.accuracy.metrics import Ranking
from tests.accuracy.ours import ALONE, VARIANTS, Knobs, run_medley
from tests.accuracy.peers import BY_NAME
from tests.accuracy.report import Evaluated


@dataclass(frozen=True, slots=True)
class Wanted:
    """What was asked for.

    Attributes:
        seed: Of all chance.
        only: Methods; none stands for all.
        knobs: For Medley's rows.
        quiet: Whether progress is not to be shown.
    """

    seed: int
    only: tuple[str, ...]
    knobs: Knobs
    quiet: bool = False


def evaluated(cases: Sequence[Case], wanted: Wanted, *, workers: int) -> Iterator[Evaluated]:
    """Each case in its order, so many at a time."""
    if workers == 1:
        yield from (evaluate(case, wanted) for case in cases)
        return
    wanted = replace(wanted, quiet=True)
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        yield from pool.map(evaluate, cases, repeat(wanted))


def evaluate(case: Case, wanted: Wanted) -> Evaluated:
    """Every method that was asked for, on one case."""
    bench = Bench(case, seed=wanted.seed)
    results, rankings = [], dict[str, Ranking]()
    with Console(stderr=True, quiet=wanted.quiet).status("") as status:

        def progress(step: str) -> None:
            status.update(f"{case.name}: {step}")

        chosen: dict[str, Mapping[str, float]] = {}
        for peer in peers_for(case, wanted.only):
            if peer.after and peer.after not in chosen:
                chosen[peer.after] = run_peer(bench, BY_NAME[peer.after], progress)[0].settings
            result, rankings[peer.name] = run_peer(bench, peer, progress, chosen.get(peer.after))
            chosen[peer.name] = result.settings
            results.append(result)
        knobs = wanted.knobs
        for all_signals in (False, True):
            asked = [
                variant
                for variant in VARIANTS.values()
                if variant.all_signals is all_signals
                and variant.asked(case)
                and (not wanted.only or variant.name in wanted.only)
            ]
            for result, ranking in run_medley(bench, asked, knobs, progress):
                rankings[result.method] = ranking
                results.append(result)
                if result.method == ALONE:
                    knobs = replace(knobs, fixed=result.settings)
    differences = bench.compare(rankings)
    return Evaluated(
        case,
        [replace(result, difference=differences.get(result.method)) for result in results],
    )
