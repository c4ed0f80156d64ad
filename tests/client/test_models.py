"""Rows are parsed by key: new columns are ignored, missing ones named, wrong ones refused."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, fields
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from medley import CalendarEvent, FeedEvent, GenreNode, UnexpectedAnswer
from medley._models import parse_page, parse_row, parse_rows

EVENT: dict[str, Any] = {
    "event_id": "6f0f4ed6-18a5-4b0e-9f2a-4f7e1f0a9a11",
    "title": "A night out",
    "starts_at": "2026-05-01T20:00:00+00:00",
    "venue_name": "The Hall",
    "city": "Utrecht",
    "country": None,
    "headliner": None,
    "genres": ["Jazz", "Soul"],
    "distance_km": 3,
    "score": 12.5,
    "breakdown": {"recency": 2.5, "distance": 10},
    "reasons": ["3 km from home"],
    "next_cursor": "abc",
}

json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


def test_a_row_becomes_a_frozen_object() -> None:
    event = parse_row(FeedEvent, EVENT)
    assert event.starts_at == datetime(2026, 5, 1, 20, tzinfo=UTC)
    assert event.genres == ("Jazz", "Soul")
    assert isinstance(event.distance_km, float)
    assert sum(event.breakdown.values()) == event.score
    with pytest.raises(FrozenInstanceError):
        event.title = "another"  # type: ignore[misc]


@given(st.dictionaries(st.text(), json))
def test_columns_that_the_client_does_not_know_are_ignored(extra: dict[str, Any]) -> None:
    assert parse_row(FeedEvent, {**extra, **EVENT}) == parse_row(FeedEvent, EVENT)


@pytest.mark.parametrize("key", [field.name for field in fields(FeedEvent)])
def test_a_missing_column_is_named(key: str) -> None:
    row = {name: value for name, value in EVENT.items() if name != key}
    with pytest.raises(UnexpectedAnswer, match=key):
        parse_row(FeedEvent, row)


@pytest.mark.parametrize("key", ["event_id", "starts_at", "genres", "score", "breakdown"])
def test_null_where_there_must_be_a_value_is_refused(key: str) -> None:
    with pytest.raises(UnexpectedAnswer, match=key):
        parse_row(FeedEvent, {**EVENT, key: None})


@given(json)
def test_anything_else_than_rows_is_refused_as_such(data: Any) -> None:
    try:
        parse_page(FeedEvent, data)
    except UnexpectedAnswer:
        return
    assert data == []


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("starts_at", "yesterday"),
        ("score", "much"),
        ("genres", "Jazz"),
        ("breakdown", [1]),
        ("breakdown", {"recency": None}),
    ],
)
def test_a_value_of_another_type_is_refused(key: str, value: Any) -> None:
    with pytest.raises(UnexpectedAnswer, match=key):
        parse_row(FeedEvent, {**EVENT, key: value})


def test_a_word_is_no_boolean() -> None:
    row = {field.name: None for field in fields(CalendarEvent)} | {
        "event_id": "x",
        "title": "x",
        "starts_at": "2026-05-01T20:00:00Z",
        "genres": [],
        "promoted": "false",
        "ticket_available": False,
    }
    with pytest.raises(UnexpectedAnswer, match="promoted"):
        parse_row(CalendarEvent, row)


@given(st.datetimes(timezones=st.just(timezone(timedelta(hours=-9, minutes=-30)))))
def test_times_keep_their_moment_in_any_zone(moment: datetime) -> None:
    event = parse_row(FeedEvent, {**EVENT, "starts_at": moment.isoformat()})
    assert event.starts_at == moment


@given(st.one_of(st.none(), st.text()))
def test_a_page_takes_whatever_cursor_the_server_gives(cursor: str | None) -> None:
    page = parse_page(FeedEvent, [{**EVENT, "next_cursor": cursor}] * 2)
    assert page.next_cursor == cursor
    assert len(page) == len(list(page)) == 2


def test_an_empty_page_is_the_last() -> None:
    page = parse_page(FeedEvent, [])
    assert (page.rows, page.next_cursor) == ((), None)


def test_a_cursor_that_is_no_text_is_refused() -> None:
    with pytest.raises(UnexpectedAnswer, match="next_cursor"):
        parse_page(FeedEvent, [{**EVENT, "next_cursor": 5}])


def test_optional_columns_may_be_null() -> None:
    row = {
        "genre_id": "g",
        "name": "Rock",
        "slug": "rock",
        "path_slug": "rock",
        "depth": 0,
        "artist_count": 7,
        "parent_path_slug": None,
    }
    (node,) = parse_rows(GenreNode, [row])
    assert node.parent_path_slug is None
