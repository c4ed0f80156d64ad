"""The job that computes pages ahead beside writers, beside itself, and killed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager

import psycopg
import pytest

from tests.database import Database

MEMBERS = 6
WAITING = "select exists (select from pg_locks where not granted)"
RUN = "call medley.run_job('refresh_recommendation_candidates')"
PAGES = (
    "select user_no, rank, item_no, generated_at from medley.recommendation_candidates "
    "order by user_no, rank"
)
REFRESH = "select medley.refresh_recommendation_candidates(100)"


@pytest.fixture(scope="module")
def world(new_database: Callable[..., AbstractContextManager[Database]]) -> Iterator[Database]:
    """A database of its own with six members who liked something: these tests commit."""
    with new_database(name="ahead") as made:
        made.execute("alter role postgres set search_path = tests, extensions, public")
        made.execute("select make_kind('film'), make_members(%s)", MEMBERS)
        made.execute("select make_items('film', 'f', 60)")
        made.execute(
            "select engage('m' || m, 'f' || 1 + (m * 7 + n * 5) %% 60, 'like', '1 hour') "
            "from generate_series(1, %s) as m, generate_series(1, 5) as n",
            MEMBERS,
        )
        made.execute("select medley.refresh_item_statistics()")
        yield made


@pytest.fixture
def due(world: Database) -> Database:
    """The same with every member's page due."""
    world.execute("delete from medley.recommendation_candidates where true")
    world.execute("delete from medley.job_runs where true")
    world.execute(
        "update medley.member_activity set last_written_at = now() - interval '1 hour' where true"
    )
    return world


def until_waiting(database: Database) -> None:
    """Wait until some session waits for a lock; ninety seconds are forever."""
    for _ in range(9000):
        if database.value(WAITING):
            return
        time.sleep(0.01)
    pytest.fail("nobody waits")


def test_two_runs_at_once_share_the_members(due: Database) -> None:
    with psycopg.connect(due.cluster.url()) as first, psycopg.connect(due.cluster.url()) as second:
        one = first.execute("select medley.refresh_recommendation_candidates(4)").fetchone()
        two = second.execute("select medley.refresh_recommendation_candidates(4)").fetchone()
        second.commit()
        first.commit()
    assert (one, two) == ((4,), (2,))
    assert (
        due.value("select count(distinct user_no) from medley.recommendation_candidates") == MEMBERS
    )
    assert due.value(REFRESH) == 0


def test_a_member_who_is_writing_waits_for_the_next_run(due: Database) -> None:
    with psycopg.connect(due.cluster.url()) as writer:
        writer.execute("select engage('m1', 'f60', 'like')")
        assert due.value(REFRESH) == MEMBERS - 1, "the job does not wait for a writer"
        # The writer's own transaction, and whatever comes after it, sees the like.
        writer.execute("select act_as(md5('member m1')::uuid)")
        page = writer.execute(
            "select title from public.get_recommendations(p_limit => 40)"
        ).fetchall()
        assert ("f60",) not in page
        writer.execute("select act_as_owner()")
        writer.commit()
    assert (
        due.value("select count(distinct user_no) from medley.recommendation_candidates")
        == MEMBERS - 1
    )


def test_a_killed_run_leaves_nothing_half(due: Database) -> None:
    due.execute(RUN)
    former = due.rows(PAGES)
    assert len(former) == MEMBERS * 40
    due.execute(
        "update medley.recommendation_candidates set expires_at = now() + interval '1 minute' "
        "where true"
    )
    with psycopg.connect(due.cluster.url()) as gate, ThreadPoolExecutor(1) as pool:
        gate.execute("select from medley.recommendation_candidates where rank = 30 for update")
        run = pool.submit(due.execute, RUN)
        until_waiting(due)
        due.execute("select pg_terminate_backend(pid) from pg_locks where not granted")
        with pytest.raises(psycopg.OperationalError):
            run.result(timeout=90)
    assert due.rows(PAGES) == former
    due.execute(RUN)
    now = due.rows(PAGES)
    assert len(now) == MEMBERS * 40
    assert {row[3] for row in now}.isdisjoint(row[3] for row in former)
    assert due.rows("select status from medley.job_runs order by run_id") == [
        ("succeeded",),
        ("killed",),
        ("succeeded",),
    ]
