"""Calls that register the same items at the same time, in opposite orders."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import pytest

from tests.database import Database

ITEMS = [
    {"id": str(UUID(int=number)), "kind": "raced", "title": f"Item {number}"}
    for number in range(3000)
]


@pytest.fixture
def kind(database: Database) -> Iterator[None]:
    database.execute(
        "insert into medley.item_kinds (kind, description) values ('raced', 'A test.')"
    )
    yield
    database.execute("delete from medley.items where kind = 'raced'")
    database.execute("delete from medley.item_kinds where kind = 'raced'")


def register(database: Database, items: list[dict[str, str]]) -> list[str]:
    rows = database.rows("select status from public.register_items(%s)", json.dumps(items))
    return [status for (status,) in rows]


@pytest.mark.usefixtures("kind")
def test_they_wait_for_each_other_and_all_succeed(database: Database) -> None:
    orders = [ITEMS, ITEMS[::-1]] * 4
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda items: register(database, items), orders))
    statuses = [status for answer in answers for status in answer]
    assert statuses.count("registered") == len(ITEMS)
    assert statuses.count("updated") == len(ITEMS) * (len(orders) - 1)
