"""What training measures and fits, against slow and plain ways of doing the same."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from medley.learning import heads, metrics
from medley.learning.pairs import Pairs
from medley.learning.rates import HALF_LIFE_DAYS, PRIOR_EXPOSURES, Log

DAY = 86_400.0

rows = st.lists(st.tuples(st.integers(0, 4), st.booleans(), st.integers(0, 3)), min_size=1)


@given(rows)
def test_auc_is_the_share_of_pairs_in_order(found: list[tuple[int, bool, int]]) -> None:
    scores = np.array([float(score) for score, _, _ in found])
    labels = np.array([label for _, label, _ in found])
    wins = [
        1.0 if a > b else 0.5 if a == b else 0.0 for a in scores[labels] for b in scores[~labels]
    ]
    expected = np.mean(wins) if wins else math.nan
    assert metrics.auc(scores, labels) == pytest.approx(expected, nan_ok=True)


@given(rows, st.integers(1, 4))
def test_ndcg_is_the_mean_over_groups_with_both(found: list[tuple[int, bool, int]], k: int) -> None:
    scores = np.array([float(score) for score, _, _ in found])
    labels = np.array([label for _, label, _ in found])
    groups = np.array([group for _, _, group in found])
    reached = []
    for group in set(groups.tolist()):
        mine = groups == group
        gains = labels[mine][np.argsort(-scores[mine], kind="stable")].tolist()
        if 0 < sum(gains) < len(gains):
            worth = [1 / math.log2(place + 2) for place in range(k)]
            best = sum(worth[: sum(gains)])
            reached.append(sum(w for w, gain in zip(worth, gains, strict=False) if gain) / best)
    expected = np.mean(reached) if reached else math.nan
    assert metrics.grouped_ndcg(scores, labels, groups, k) == pytest.approx(expected, nan_ok=True)


def test_recall_counts_what_was_found_of_what_could_be() -> None:
    ranked = np.array([[1, 2], [3, 4]])
    assert metrics.recall(ranked, [{1, 9}, {3}]) == pytest.approx((1 / 2 + 1) / 2)
    assert metrics.recall(ranked, [{1, 2, 5, 6}, {7}]) == pytest.approx(0.5)
    assert math.isnan(metrics.recall(ranked, []))


def test_log_loss_is_finite_where_a_probability_is_sure() -> None:
    losses = metrics.log_loss(np.array([0.0, 1.0, 0.5]), np.array([True, True, False]))
    assert losses[1] < 1e-6
    assert losses[2] == pytest.approx(math.log(2))
    assert 10 < losses[0] < 20


@given(
    st.lists(st.tuples(st.integers(1, 3), st.integers(-1, 1), st.integers(0, 40)), max_size=30),
    st.integers(1, 3),
    st.integers(0, 41),
)
def test_rates_know_what_was_strictly_before(
    events: list[tuple[int, int, int]], owner: int, day: int
) -> None:
    columns = np.array(events, np.int64).reshape(-1, 3).T
    log = Log(columns[0], columns[1], columns[2].astype(np.float64) * DAY)

    def count(kind: int, of: set[int]) -> float:
        worth = [
            0.5 ** ((day - when) / HALF_LIFE_DAYS)
            for who, what, when in events
            if what == kind and when < day and who in of
        ]
        return math.fsum(worth)

    found = log.rates(np.array([owner]), np.array([day * DAY]), 2)
    for kind in (0, 1):
        usual = (count(kind, {1, 2, 3}) + 1) / (count(-1, {1, 2, 3}) + 100)
        exposures = count(-1, {owner}) + PRIOR_EXPOSURES
        expected = (count(kind, {owner}) + PRIOR_EXPOSURES * usual) / exposures
        assert found[0, kind] == pytest.approx(np.clip(expected, 1e-6, 1 - 1e-6), rel=1e-4)


def test_a_head_finds_what_made_the_labels() -> None:
    rng = np.random.default_rng(1)
    cosine, rate = rng.uniform(-1, 1, 20_000), rng.uniform(0.01, 0.3, 20_000)
    truth = heads.Head("like", -0.5, 2.0, 0.7)
    labels = rng.random(20_000) < truth.probability(cosine, rate)
    found = heads.fit("like", cosine, rate, labels, np.ones(20_000))
    assert found.intercept == pytest.approx(truth.intercept, abs=0.15)
    assert found.similarity == pytest.approx(truth.similarity, abs=0.15)
    assert found.rate == pytest.approx(truth.rate, abs=0.08)


def test_weights_calibrate_a_head_to_all_that_was_shown() -> None:
    rng = np.random.default_rng(2)
    shown = rng.random(40_000) < 0.05
    kept = shown | (rng.random(40_000) < 0.25)
    weights = np.where(shown, 1, 4)[kept]
    rate = np.full(40_000, 0.05)[kept]
    cosine = rng.uniform(-1, 1, kept.sum())
    found = heads.fit("like", cosine, rate, shown[kept], weights)
    predicted = weights @ found.probability(cosine, rate)
    assert predicted == pytest.approx(shown.sum(), rel=0.02)


def test_a_kind_that_never_happened_keeps_its_rate_or_less() -> None:
    rng = np.random.default_rng(3)
    rate = np.full(50, 0.001)
    found = heads.fit("report", rng.uniform(-1, 1, 50), rate, np.zeros(50, bool), np.ones(50))
    assert 0.0003 < found.probability(np.array([0.0]), rate[:1])[0] <= 0.001
    unknown = heads.fit("report", np.empty(0), np.empty(0), np.zeros(0, bool), np.empty(0))
    assert (unknown.intercept, unknown.similarity, unknown.rate) == (0, 0, 1)


def test_a_head_bears_labels_that_a_cosine_tells_apart() -> None:
    cosine = np.r_[np.full(200, 0.9), np.full(200, -0.9)]
    found = heads.fit("like", cosine, np.full(400, 0.5), cosine > 0, np.full(400, 1000.0))
    assert np.isfinite([found.intercept, found.similarity, found.rate]).all()
    assert found.similarity > 2


def pairs(times: list[float]) -> Pairs:
    n = len(times)
    return Pairs(
        ids=np.arange(n),
        users=np.zeros(n, np.int64),
        items=np.arange(n),
        labels=np.zeros(n, bool),
        times=np.array(times),
        weights=np.ones(n, np.float32),
        user_vectors=np.zeros((n, 384), np.float32),
        item_vectors=np.zeros((n, 384), np.float32),
        popularity=np.zeros(n, np.float32),
        happened=np.zeros((n, 1), bool),
        rates=np.zeros((n, 1), np.float32),
        engaged_rates=np.zeros(n, np.float32),
        kinds=("like",),
    )


@given(st.lists(st.integers(0, 9), min_size=1, max_size=40))
def test_a_split_keeps_moments_whole_and_in_order(moments: list[int]) -> None:
    parts = pairs([float(moment) for moment in moments]).split(0.8, 0.1, 0.1)
    assert sorted(np.concatenate([part.ids for part in parts]).tolist()) == list(
        range(len(moments))
    )
    for older, newer in pairwise(parts):
        if len(older) and len(newer):
            assert older.times.max() < newer.times.min()
