"""Two sessions write about one title at once: nothing of either is lost, neither waits for ever."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager

import psycopg
import pytest

from tests.database import Database

WAITING = "select exists (select from pg_locks where not granted)"
FEATURES = """
    select array_agg(f.feature_value order by f.feature_value)
    from medley.content_features as c
    inner join medley.features as f on f.feature_no = c.feature_no
    where f.feature_type in ('cast', 'keyword', 'platform')
"""


@pytest.fixture(scope="module")
def screen(new_database: Callable[..., AbstractContextManager[Database]]) -> Iterator[Database]:
    """A database of its own: these tests commit."""
    with new_database(name="screen") as made:
        made.execute("alter role postgres set search_path = tests, extensions, public")
        made.execute("select tests.make_title('Film')")
        made.execute("select tests.make_person('Ada'), tests.make_person('Bob')")
        made.execute("insert into public.platforms (id, name) values ('netflix', 'Netflix')")
        yield made


def meet(database: Database, first: str, second: str) -> None:
    """One session writes, another comes and has to wait; both commit."""

    def work() -> None:
        with psycopg.connect(database.cluster.url()) as other:
            other.execute(second)

    with ThreadPoolExecutor(1) as pool, psycopg.connect(database.cluster.url()) as one:
        one.execute(first)
        working = pool.submit(work)
        for _ in range(9000):
            if database.value(WAITING):
                break
            time.sleep(0.01)
        else:
            pytest.fail("the second never waited")
        one.commit()
        working.result(timeout=90)


def test_features_say_what_both_wrote(screen: Database) -> None:
    meet(screen, "select tests.credit('Film', 'Ada')", "select tests.credit('Film', 'Bob')")
    assert screen.value(FEATURES) == ["Ada", "Bob"]
    meet(
        screen,
        "update public.titles set keywords = '{heist}' where title = 'Film'",
        "insert into public.title_platforms (title_id, platform_id) "
        "values (tests.title('Film'), 'netflix')",
    )
    assert screen.value(FEATURES) == ["Ada", "Bob", "heist", "netflix"]
    meet(
        screen,
        "delete from public.title_credits where person_id = tests.person('Ada')",
        "delete from public.title_credits where person_id = tests.person('Bob')",
    )
    assert screen.value(FEATURES) == ["heist", "netflix"]
