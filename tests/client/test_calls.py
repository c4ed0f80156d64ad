"""What is sent: names as the database has them, nothing for None, JSON that JSON can carry."""

from __future__ import annotations

import json
import math
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from medley import UnexpectedAnswer, _rpc


def test_what_is_left_out_is_not_sent() -> None:
    assert _rpc.personalized_feed().params == {}
    assert _rpc.personalized_feed(limit=5).params == {"p_limit": 5}
    assert _rpc.similar_genres(slug="jazz").params == {"p_slug": "jazz"}


@pytest.mark.parametrize("rpc", _rpc.RPCS.values(), ids=lambda rpc: rpc.function)
def test_every_builder_calls_the_function_it_is_registered_for(rpc: _rpc.Rpc) -> None:
    filled: dict[str, Any] = {name.removeprefix("p_"): "x" for name in rpc.params}
    call = rpc.build(**filled)
    assert call.function == rpc.function
    assert set(call.params) == set(rpc.params)
    assert call.read == rpc.read


def test_times_carry_their_zone() -> None:
    there = timezone(timedelta(hours=5))
    call = _rpc.calendar_events(
        start_date=datetime(2026, 1, 2, 3, tzinfo=there), end_date=date(2026, 2, 1)
    )
    assert call.params == {
        "p_start_date": "2026-01-02T03:00:00+05:00",
        "p_end_date": "2026-02-01T00:00:00+00:00",
    }


def test_a_time_without_a_zone_is_the_callers() -> None:
    naive = datetime(2026, 7, 1, 12)
    call = _rpc.calendar_events(start_date=naive)
    assert datetime.fromisoformat(call.params["p_start_date"]) == naive.astimezone(UTC)


@given(st.floats())
def test_every_number_survives_json(number: float) -> None:
    call = _rpc.calendar_events(radius_km=number)
    sent = json.loads(json.dumps(dict(call.params), allow_nan=False))["p_radius_km"]
    assert float(sent) == number or math.isnan(number)


def test_items_are_sent_as_plain_json() -> None:
    item = {
        "id": UUID(int=1),
        "kind": "mixtape",
        "title": "x",
        "owner_id": None,
        "published_at": datetime(2026, 1, 1, tzinfo=UTC),
    }
    call = _rpc.register_items(items=(item,))
    assert json.loads(json.dumps(call.params)) == {
        "p_items": [
            {
                "id": "00000000-0000-0000-0000-000000000001",
                "kind": "mixtape",
                "title": "x",
                "published_at": "2026-01-01T00:00:00+00:00",
            }
        ]
    }


@pytest.mark.parametrize("data", [3, [3], [{"refresh_user_cluster_affinity": 3}]])
def test_a_number_is_found_however_it_is_wrapped(data: Any) -> None:
    assert _rpc.refresh_user_cluster_affinity().parse(data) == 3


@pytest.mark.parametrize("data", [None, [], "3", True, [1, 2]])
def test_what_is_no_number_is_refused(data: Any) -> None:
    with pytest.raises(UnexpectedAnswer):
        _rpc.refresh_user_cluster_affinity().parse(data)


@pytest.mark.parametrize("data", [["a", "b"], [{"get_genres_under_umbrella": i} for i in "ab"]])
def test_ids_are_a_set(data: Any) -> None:
    assert _rpc.genres_under_umbrella(slug="rock").parse(data) == {"a", "b"}
