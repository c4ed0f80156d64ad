"""Jobs beside writers and beside each other: nothing is lost, nothing counts twice."""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager

import psycopg
import pytest
from medley_stack.paths import CHECKOUT

from tests.database import Database

WAITING = "select exists (select from pg_locks where not granted)"
RUN = "call medley.run_job('refresh_trending')"
RUNS = "select status from medley.job_runs where name = 'refresh_trending' order by run_id"
KINDS = ("play", "like", "dislike", "follow", "unfollow", "impression", "skip", "view")


@pytest.fixture(scope="module")
def world(new_database: Callable[..., AbstractContextManager[Database]]) -> Iterator[Database]:
    """A database of its own with members m1 to m20 and films f0 to f9: these tests commit."""
    with new_database(name="trends") as made:
        made.execute("alter role postgres set search_path = tests, extensions, public")
        made.execute("select make_kind('film'), make_members(20)")
        made.execute("select make_item('film', 'f' || n) from generate_series(0, 9) as n")
        yield made


@pytest.fixture
def empty(world: Database) -> Database:
    """The same before anybody did anything."""
    for table in ("engagements", "affinities", "item_activity", "item_statistics"):
        world.execute(f"delete from medley.{table} where true")
    for table in ("trending_cache", "trending_changes", "job_runs"):
        world.execute(f"delete from medley.{table} where true")
    world.execute("update medley.trend_windows set calculated_at = null where true")
    return world


def until(database: Database, query: str) -> None:
    """Wait for a state that another session is about to reach; ninety seconds are forever."""
    for _ in range(9000):
        if database.value(query):
            return
        time.sleep(0.01)
    pytest.fail(f"never true: {query}")


def changed_by_rebuild(database: Database) -> int:
    """How many rows of the statistics a rebuild from the log would change."""
    with database.connect() as connection, connection.transaction(force_rollback=True):
        before = connection.execute("select s::text from medley.item_statistics as s").fetchall()
        connection.execute("select medley.rebuild_item_statistics()")
        after = connection.execute("select s::text from medley.item_statistics as s").fetchall()
    return len(set(before) ^ set(after))


@pytest.mark.parametrize("seed", range(4))
def test_running_statistics_equal_a_rebuild(empty: Database, seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311
    with empty.connect() as connection:
        for step in range(12):
            # Hours and days pass between the runs; some bring nothing.
            logged_hours_ago = (12 - step) * 5
            for _ in range(chance.randrange(15)):
                connection.execute(
                    "select engage(%s, %s, %s, make_interval(mins => %s))",
                    (
                        f"m{chance.randint(1, 20)}",
                        f"f{chance.randrange(10)}",
                        chance.choice(KINDS),
                        chance.randint(1, 40000),
                    ),
                )
            connection.execute(
                "update medley.engagements set logged_at = now() - make_interval(hours => %s) "
                "where logged_at > now() - interval '1 hour'",
                (logged_hours_ago - chance.randrange(2),),
            )
            connection.execute("select medley.refresh_item_statistics()")
    assert empty.value("select count(*) from medley.item_statistics") > 0
    assert changed_by_rebuild(empty) == 0
    # The roll-up stays small: settled hours are one row an item.
    assert (
        empty.value(
            "select count(distinct bucket) from medley.item_activity where bucket > '-infinity'"
        )
        <= 3
    )


def test_events_that_commit_late_are_counted(empty: Database) -> None:
    with psycopg.connect(empty.cluster.url()) as slow:
        slow.execute("select engage('m1', 'f1', 'like')")
        empty.execute("select engage('m2', 'f1', 'like')")
        empty.execute("select medley.refresh_item_statistics()")
        slow.commit()
    empty.execute("select medley.refresh_item_statistics()")
    assert empty.rows("select member_count, engagements from medley.item_statistics") == [(2, 2)]


@pytest.mark.parametrize("job", ["refresh_item_statistics()", "refresh_trending(5000)"])
def test_two_runs_at_once_do_what_one_does(empty: Database, job: str) -> None:
    empty.execute("select crowd(5, 'f' || n, 'like', '2 hours') from generate_series(0, 9) as n")
    with psycopg.connect(empty.cluster.url()) as first, ThreadPoolExecutor(1) as pool:
        first.execute(f"select medley.{job}")
        second = pool.submit(empty.value, f"select medley.{job}")
        until(empty, WAITING)
        first.commit()
        assert second.result(timeout=90) == 0


def test_a_killed_refresh_is_finished_by_the_next_run(empty: Database) -> None:
    empty.execute("select crowd(5, 'f' || n, 'like', '2 hours') from generate_series(0, 9) as n")
    empty.execute("update medley.jobs set batch_size = 4 where name = 'refresh_trending'")
    empty.execute(RUN)
    stored = "select time_window, trend_type, item_no, trend_score from medley.trending_cache"
    wanted = set(empty.rows(stored))
    assert len(wanted) == 30, "ten films in a day, a week and a month"

    # The same once more, held up by a lock in the middle of the writing, and killed there.
    empty.execute("delete from medley.trending_cache where time_window <> 'week'")
    empty.execute("update medley.trending_cache set trend_score = 1000 where true")
    empty.execute("update medley.trend_windows set calculated_at = null where true")
    with psycopg.connect(empty.cluster.url()) as gate, ThreadPoolExecutor(1) as pool:
        gate.execute("select from medley.trending_cache where time_window = 'week' for update")
        run = pool.submit(empty.execute, RUN)
        until(empty, WAITING)
        assert len(empty.rows(stored)) > 10, "earlier batches are there already"
        empty.execute("select pg_terminate_backend(pid) from pg_locks where not granted")
        with pytest.raises(psycopg.OperationalError):
            run.result(timeout=90)
    assert empty.value("select count(*) from medley.trending_changes") > 0
    empty.execute(RUN)
    assert empty.value("select count(*) from medley.trending_changes") == 0
    found = {row[:3]: row[3] for row in empty.rows(stored)}
    assert found == pytest.approx({row[:3]: row[3] for row in wanted}, rel=0.05)
    assert empty.rows(RUNS) == [("succeeded",), ("killed",), ("succeeded",)]


def test_pages_go_on_while_trends_change(empty: Database) -> None:
    empty.execute("select crowd(5, 'f' || n, 'like', '2 hours') from generate_series(0, 9) as n")
    empty.execute("select refresh_trends()")
    page = "select title, next_cursor from public.get_trending(p_limit => 4, p_cursor => %s)"
    first = empty.rows(page, None)
    risen = first[0][0]
    empty.execute("select crowd(20, %s, 'share', '1 hour')", risen)
    empty.execute("select refresh_trends()")
    second = empty.rows(page, first[0][1])
    assert len(second) == 4
    assert risen not in {title for title, _ in second}, "what rises does not come twice"


def test_the_examples_of_the_guide_run(empty: Database) -> None:
    empty.execute("select crowd(5, 'f' || n, 'like', '2 hours') from generate_series(0, 9) as n")
    empty.execute("select refresh_trends()")
    examples = re.findall(
        r"```sql\n(.*?)```", (CHECKOUT / "docs/trending.md").read_text(), re.DOTALL
    )
    assert len(examples) == 2
    with empty.connect() as connection, connection.transaction(force_rollback=True):
        connection.execute("select upsert_genre('rock')")
        connection.execute("select act_as(md5('member m1')::uuid)")
        for example in examples:
            connection.execute(example)
        connection.execute("select act_as_owner()")
        feedback = connection.execute(
            "select feedback_type, algorithm from medley.recommendation_feedback where position = 0"
        ).fetchall()
    assert feedback == [("click", "trending")]
