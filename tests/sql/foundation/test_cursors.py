"""Cursors, with input that nobody thought of."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.database import Database

# PostgreSQL's jsonb holds no NUL and no lone surrogates.
TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=60)
POSITION = st.dictionaries(
    TEXT, st.one_of(TEXT, st.integers(-(10**12), 10**12), st.booleans(), st.none()), max_size=5
)


@pytest.fixture(scope="module")
def connection(database: Database) -> Iterator[psycopg.Connection[Any]]:
    with database.connect() as made:
        yield made


def decode(connection: psycopg.Connection[Any], cursor: str, query: str) -> Any:
    row = connection.execute("select medley.decode_cursor(%s, %s)", (cursor, query)).fetchone()
    assert row is not None
    return row[0]


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(query=TEXT, position=POSITION)
def test_a_position_survives_the_round_trip(
    connection: psycopg.Connection[Any], query: str, position: dict[str, object]
) -> None:
    made = connection.execute(
        "select medley.encode_cursor(%s, %s)", (query, json.dumps(position))
    ).fetchone()
    assert made is not None
    # A cursor is cut at 2,000 characters; positions are a few numbers.
    if len(made[0]) <= 2000:
        assert decode(connection, made[0], query) == position


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    cursor=st.one_of(
        TEXT,
        st.binary(max_size=80).map(bytes.hex),
        st.from_regex(r"[\w+/=]{0,80}", fullmatch=True).map(lambda s: s.replace("\0", "")),
    )
)
def test_anything_else_is_an_invalid_cursor(
    connection: psycopg.Connection[Any], cursor: str
) -> None:
    with pytest.raises(psycopg.Error) as raised:
        decode(connection, cursor, "feed")
    assert raised.value.sqlstate == "PT400"
    assert json.loads(raised.value.diag.message_detail or "{}")["code"] == "invalid_cursor"
