"""The figures of `python -m tests.accuracy.timeline` mean what they say."""

from __future__ import annotations

from math import log2

import numpy as np
import pytest
from medley.simulator import Settings

from tests.accuracy.timeline import MEASURES, evaluate, ndcg, page
from tests.database import Database


def test_ndcg_is_of_each_request_in_which_there_is_anything_to_find() -> None:
    request = np.array([0, 0, 0, 1, 1, 2, 2])
    score = np.array([0.1, 0.3, 0.2, 0.9, 0.8, 0.5, 0.5])
    gain = np.array([True, False, True, False, False, False, True])
    first = (1 / log2(3) + 1 / log2(4)) / (1 + 1 / log2(3))
    assert ndcg(request, score, gain) == pytest.approx([first, 1 / log2(3)])


def test_only_the_first_ten_count() -> None:
    request, gain = np.zeros(20, np.int64), np.arange(20) == 10
    assert ndcg(request, -np.arange(20.0), gain).tolist() == [0]
    assert ndcg(request, np.arange(20.0), gain).tolist() == [pytest.approx(1 / log2(11))]


def test_a_small_network_from_log_to_figures(database: Database) -> None:
    pytest.importorskip("torch", reason="PyTorch is not installed: make accuracy-timeline")
    pytest.importorskip("pyarrow")
    settings = Settings(members=150, posts=1500, impressions=25_000, held_out=150)
    with database.connect() as connection, connection.transaction(force_rollback=True):
        result = evaluate(connection, settings, lambda _: None, epochs=3)
    found = {row.method: row.ndcg for row in result.rows}
    for measure in MEASURES:
        assert found["oracle"][measure] > found["random"][measure]
    # So small a network teaches little; that the model speaks at all is what is tested.
    assert found["trained model"] != found["smoothed rates"]
    assert found["trained model"]["click"] > found["random"]["click"]
    assert "| trained model |" in page([result])
