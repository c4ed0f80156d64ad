"""The figures of `python -m tests.accuracy.setlists` mean what they say."""

from __future__ import annotations

import json

import pytest

from tests.accuracy.setlists import (
    GUIDE,
    RESULTS,
    TABLE,
    Score,
    markdown,
    most_played,
    rank_correlation,
    score,
)

SHOWS = [list("abcdef"), list("abcdex"), list("abcdey"), list("fedcba")]


def test_order_is_spearmans_correlation_of_the_common_songs() -> None:
    assert rank_correlation(list("abc"), list("abc")) == 1
    assert rank_correlation(list("abc"), list("cba")) == -1
    assert rank_correlation(list("axbyc"), list("bac")) == pytest.approx(0.5)
    assert rank_correlation(list("ab"), list("ab")) is None


def test_the_most_played_songs_stand_at_their_mean_places() -> None:
    assert list(most_played(SHOWS, 3))[:5] == list("abcde")


def test_each_held_out_show_is_predicted_from_those_before_it() -> None:
    asked = []

    def previous(at: int) -> list[str]:
        asked.append(at)
        return SHOWS[at - 1]

    found = score("previous", previous, SHOWS, held_out=2)
    assert asked == [2, 3]
    assert found.precision == found.recall == pytest.approx((5 / 6 + 5 / 6) / 2)
    assert found.shows == 2


def test_the_guide_prints_the_figures_that_were_kept() -> None:
    kept = [Score(**row) for row in json.loads(RESULTS.read_text())["setlists"]]
    assert TABLE.findall(GUIDE.read_text()) == [markdown(kept)]
