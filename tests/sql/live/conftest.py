"""Connections for tests that build worlds and take them away again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.database import Database
from tests.sql.live.worlds import Connection

PLAIN_FEED = Path(__file__).parents[3] / "bench" / "serving" / "plain_feed.sql"


@pytest.fixture(scope="module")
def connection(database: Database) -> Iterator[Connection]:
    """A connection whose work is rolled back, with the feed as one would write it by hand."""
    with database.connect() as made, made.transaction(force_rollback=True):
        made.execute(PLAIN_FEED.read_bytes())
        yield made
