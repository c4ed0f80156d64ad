"""Our rows on a small planted data set, through the database."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from medley.loaders.interactions import Interaction

pytest.importorskip("scipy", reason="requirements/accuracy.txt is not installed: make accuracy")

from tests.accuracy.cases import Case, Source
from tests.accuracy.data import Interactions, planted, split_by_time, split_randomly
from tests.accuracy.evaluate import Bench, Result
from tests.accuracy.metrics import DEPTH, Ranking, mean_ndcg
from tests.accuracy.ours import ALONE, VARIANTS, Knobs, Variant, run_medley


@pytest.fixture(scope="module")
def bench() -> Bench:
    data = planted(users=150, items=100)
    return Bench(Case(Source("planted", "like", ("random",)), "random", data, split_randomly(data)))


def in_steps() -> Interactions:
    """Each user goes through one group of items and then another; the last one goes on."""
    chance, start = random.Random(3), datetime(2020, 1, 1, tzinfo=UTC)  # noqa: S311
    rows = []
    for user in range(120):
        first, then = chance.sample(range(6), 2)
        items = chance.sample(range(20 * first, 20 * first + 20), 8)
        items += chance.sample(range(20 * then, 20 * then + 20), 8)
        rows += [
            Interaction(f"u{user}", f"i{item:03}", 1.0, start + timedelta(days=step))
            for step, item in enumerate(items)
        ]
    return Interactions.of(rows)


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


def test_where_a_case_is_split_by_time_newer_items_may_weigh_more() -> None:
    data = in_steps()
    case = Case(Source("steps", "like", ("time",)), "time", data, split_by_time(data))
    assert all(variant.asked(case) for variant in VARIANTS.values())
    rows = found(Bench(case), ["medley-pairs", ALONE], Knobs({}, None))
    assert rows[ALONE][0].settings["recommend.history_recency"] > 0.2
    pairs = rows["medley-pairs"][0]
    assert "recommend.history_recency" not in pairs.settings
    assert rows[ALONE][0].metrics.ndcg_10 > 1.1 * pairs.metrics.ndcg_10


def test_bare_pairs_are_a_row_of_a_split_by_time_alone(bench: Bench) -> None:
    asked = {name for name, variant in VARIANTS.items() if variant.asked(bench.case)}
    assert set(VARIANTS) - asked == {"medley-pairs"}
