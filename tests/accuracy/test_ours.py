"""Our rows on a small planted data set, through the database."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

pytest.importorskip("scipy", reason="requirements/accuracy.txt is not installed: make accuracy")

from tests.accuracy.cases import Case, Source
from tests.accuracy.data import planted, split_randomly
from tests.accuracy.evaluate import Bench, Result
from tests.accuracy.metrics import DEPTH, Ranking, mean_ndcg
from tests.accuracy.ours import VARIANTS, Knobs, Variant, run_medley

ALONE = "medley-behavior"


@pytest.fixture(scope="module")
def bench() -> Bench:
    data = planted(users=150, items=100)
    return Bench(Case(Source("planted", "like", ("random",)), "random", data, split_randomly(data)))


def found(bench: Bench, names: Sequence[str], knobs: Knobs) -> dict[str, tuple[Result, Ranking]]:
    variants: list[Variant] = [VARIANTS[name] for name in names]
    rows = run_medley(bench, variants, knobs, lambda _: None)
    return {result.method: (result, ranking) for result, ranking in rows}


def test_the_pipeline_finds_planted_tastes_and_keeps_what_does_best(bench: Bench) -> None:
    tune = {"recommend.history": (5.0,)}
    ((result, ranking),) = found(bench, [ALONE], Knobs({}, tune)).values()
    data = bench.case.data
    known = {data.pairs[at] for at in bench.known}
    for user, ranked in ranking.items():
        assert len(set(ranked)) == len(ranked) == DEPTH
        assert not known & {(user, item) for item in ranked}
    popular = sorted(range(len(data.items)), key=lambda item: -sum(i == item for _, i in known))
    lists = {
        user: [item for item in popular if (user, item) not in known][:DEPTH] for user in bench.test
    }
    assert result.metrics.ndcg_10 > 1.2 * mean_ndcg(lists, bench.test)
    # Five items say less than all.
    assert (result.settings, result.tried) == ({}, 2)


def test_as_installed_is_as_installed_whatever_the_other_row_tries(bench: Bench) -> None:
    knobs = Knobs({"recommendations.behavior": 0.0}, {})
    rows = found(bench, ["medley-installed", "medley-all"], knobs)
    assert rows["medley-installed"][0].metrics.ndcg_10 > rows["medley-all"][0].metrics.ndcg_10
