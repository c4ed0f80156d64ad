"""The metrics, against values worked out by hand."""

from __future__ import annotations

from math import log2

import pytest

from tests.accuracy.metrics import (
    Difference,
    coverage,
    difference,
    mean_ndcg,
    measure,
    ndcg,
    novelty,
    recall,
)


def test_ndcg_is_the_discounted_gain_as_a_share_of_the_best_possible() -> None:
    # Hits at places 1 and 3: 1 + 1/2. Best: places 1 and 2: 1 + 1/log2(3).
    assert ndcg([7, 8, 9], {7, 9}) == pytest.approx(1.5 / (1 + 1 / log2(3)))


def test_ndcg_is_one_when_the_first_ten_are_all_relevant_even_of_more() -> None:
    assert ndcg(list(range(10)), set(range(15))) == pytest.approx(1)


def test_ndcg_does_not_look_below_its_depth() -> None:
    assert ndcg(list(range(11)), {10}) == 0


def test_recall_is_a_share_of_what_was_held_out_not_of_the_depth() -> None:
    assert recall([1, 2, 3], {1, 3, 4, 5}, 2) == pytest.approx(0.25)
    assert recall([1, 2, 3], {1, 3, 4, 5}, 3) == pytest.approx(0.5)


def test_coverage_counts_each_item_once_and_only_in_the_first_places() -> None:
    assert coverage({0: [1, 2, 3], 1: [1, 4, 5]}, items=8, depth=2) == pytest.approx(3 / 8)


def test_novelty_is_the_surprise_in_bits_and_an_unknown_item_counts_as_known_to_one() -> None:
    # Known to 4 of 8: 1 bit. Known to nobody: as to one of 8, 3 bits.
    assert novelty({0: [1, 2]}, {1: 4}, users=8) == pytest.approx(2)


def test_a_user_without_a_list_counts_as_missed() -> None:
    measured = measure({0: [1]}, {0: {1}, 1: {2}}, items=4, met_by={1: 1}, users=2)
    assert measured.ndcg_10 == pytest.approx(0.5)
    assert measured.recall_20 == pytest.approx(0.5)
    assert mean_ndcg({0: [1]}, {0: {1}, 1: {2}}) == pytest.approx(0.5)


def test_a_user_without_anything_held_out_is_not_asked() -> None:
    measured = measure({0: [1], 1: [3]}, {0: {1}}, items=4, met_by={}, users=2)
    assert measured.ndcg_10 == 1
    assert measured.coverage == pytest.approx(0.25)


def test_the_difference_of_a_ranking_to_itself_is_nothing() -> None:
    ranking = {user: [user] for user in range(9)}
    relevant = {user: {user if user % 2 else -1} for user in range(9)}
    assert difference(ranking, ranking, relevant) == Difference(0, 0, 0)


def test_the_interval_lies_around_the_mean_difference_and_is_the_same_each_time() -> None:
    relevant = {user: {0} for user in range(200)}
    good = {user: [0] if user % 2 else [1] for user in relevant}
    bad = {user: [0] if user % 4 == 1 else [1] for user in relevant}
    found = difference(good, bad, relevant)
    assert found.mean == pytest.approx(0.25)
    # Binomial: 0.25 +- 1.96 * sqrt(0.25 * 0.75 / 200).
    assert found.low == pytest.approx(0.19, abs=0.015)
    assert found.high == pytest.approx(0.31, abs=0.015)
    assert found == difference(good, bad, relevant)
