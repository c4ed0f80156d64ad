"""A connection whose work is rolled back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from tests.database import Database

Connection = psycopg.Connection[Any]


@pytest.fixture(scope="module")
def connection(database: Database) -> Iterator[Connection]:
    """For a whole file; each file undoes what it did."""
    with database.connect() as made, made.transaction(force_rollback=True):
        yield made
