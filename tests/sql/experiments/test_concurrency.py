"""Two experiments that are started on one ranker at the same time: one of them runs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from tests.database import Database

NAMES = ("left", "right")


@pytest.fixture
def drafts(database: Database) -> Iterator[None]:
    database.execute("select tests.make_ranker('raced')")
    for name in NAMES:
        database.execute(
            "select public.create_experiment(%s, 'raced', "
            """'[{"variant": "control", "share": 0.5}, {"variant": "a", "share": 0.5}]')""",
            name,
        )
    yield
    database.execute("delete from medley.experiments where ranker = 'raced'")
    database.execute("delete from medley.ranker_weights where ranker = 'raced'")


@pytest.mark.usefixtures("drafts")
def test_the_second_waits_and_is_refused(database: Database) -> None:
    with ThreadPoolExecutor(1) as pool, database.connect() as first:
        with first.transaction():
            first.execute("select public.start_experiment('left')")
            second = pool.submit(database.execute, "select public.start_experiment('right')")
            while not database.value(
                "select exists (select from pg_stat_activity where wait_event_type = 'Lock')"
            ):
                assert not second.done()
        with pytest.raises(psycopg.Error) as refused:
            second.result(timeout=10)
    assert refused.value.sqlstate == "PT409"
    assert json.loads(refused.value.diag.message_detail or "{}")["code"] == "conflict"
    states = database.rows("select experiment, status from public.get_experiments()")
    assert dict(states) == {"left": "running", "right": "draft"}
