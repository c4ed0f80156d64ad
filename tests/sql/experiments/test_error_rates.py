"""Simulated experiments that are looked at every day keep the error rates that they promise.

`python -m bench experiments` does the same at length, and prints the power as well.
"""

from __future__ import annotations

import math
from typing import Any

import psycopg
import pytest

from bench import experiments
from bench.experiments import Rates

Connection = psycopg.Connection[Any]
SIZE = {"members": 1500, "days": 20}


def by_metric(rates: list[Rates]) -> dict[str, Rates]:
    return {rate.metric: rate for rate in rates}


@pytest.fixture(scope="module")
def nothing_to_find(connection: Connection) -> dict[str, Rates]:
    experiments.prepare(connection)
    return by_metric(
        experiments.simulate(connection, "A/A", experiments=200, seed=7, effect=0, **SIZE)
    )


@pytest.fixture(scope="module")
def an_effect(connection: Connection, nothing_to_find: dict[str, Rates]) -> dict[str, Rates]:
    assert nothing_to_find  # which made the schema
    return by_metric(
        experiments.simulate(connection, "A/B", experiments=60, seed=8, effect=0.5, **SIZE)
    )


def test_false_alarms_are_as_rare_as_promised(nothing_to_find: dict[str, Rates]) -> None:
    for rates in nothing_to_find.values():
        assert rates.found <= 0.05
        assert rates.adjusted_found <= 0.05
        # The tests would notice: looking daily at a test made for one look breaks its promise.
        assert rates.once_found > 0.1


def test_the_ratio_alarm_is_as_rare_as_promised(nothing_to_find: dict[str, Rates]) -> None:
    for rates in nothing_to_find.values():
        assert rates.ratio_alarm <= 0.001


def test_the_ratio_alarm_notices_lost_members(connection: Connection) -> None:
    rates = experiments.simulate(
        connection, "lost", experiments=20, members=6000, days=20, seed=9, lost=0.2
    )
    assert {rate.ratio_alarm for rate in rates} == {1}


def test_an_effect_is_found(an_effect: dict[str, Rates]) -> None:
    for rates in an_effect.values():
        assert rates.found > 0.5
        assert rates.adjusted_found >= rates.found


def test_the_adjustment_changes_the_variance_and_not_the_mean(
    nothing_to_find: dict[str, Rates], an_effect: dict[str, Rates]
) -> None:
    for rates in (*nothing_to_find.values(), *an_effect.values()):
        assert rates.variance_ratio < 0.95
        assert rates.adjusted_deviation < rates.lift_deviation
        # Both estimate the same lift; their difference is noise of zero mean.
        noise = math.sqrt(rates.lift_deviation**2 - rates.adjusted_deviation**2)
        assert abs(rates.adjusted_lift - rates.lift) < 4 * noise / math.sqrt(rates.experiments)
    for rates in nothing_to_find.values():
        assert abs(rates.adjusted_lift) < (
            4 * rates.adjusted_deviation / math.sqrt(rates.experiments)
        )
