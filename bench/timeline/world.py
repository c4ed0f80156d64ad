"""Builds the simulated network of the timeline benchmark in a scratch cluster."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
from medley_stack.cluster import SUPERUSER, Cluster

from bench.clusters import install, timed, without_indexes

HERE = Path(__file__).parent
# All that calls read fits; warm.sql reads it before anything is timed, so that no call pays for it.
SHARED_BUFFERS = "12GB"
POSTS_PER_MEMBER = 5
FOLLOWS = 50


@dataclass(frozen=True, slots=True)
class World:
    """A filled cluster.

    Attributes:
        cluster: where it is.
        members: how many there are; their numbers are 1 to this.
        posts: the same for posts, in the order of time.
        seconds: what building it took.
    """

    cluster: Cluster
    members: int
    posts: int
    seconds: float


def build(cluster: Cluster, *, members: int) -> World:
    """Members, follows, posts and what was done with them; two sessions share the work."""
    started = time.perf_counter()
    install(cluster, shared_buffers=SHARED_BUFFERS)
    with _session(cluster, members) as connection:
        connection.execute((HERE.parent / "recommend/functions.sql").read_bytes())
    # Dropped in one session, made again in one; filled by several.
    with ExitStack() as stack:
        keeper = stack.enter_context(_session(cluster, members))
        for table in ("public.follows", "medley.timeline_posts"):
            stack.enter_context(without_indexes(keeper, table))
        for table in ("public.posts", "medley.items"):
            stack.enter_context(_without_plain_indexes(keeper, table))
        _together(
            cluster,
            members,
            [[("follows", 0), ("members", 0)], [("follows", 1), ("posts", 0)]],
        )
    with _session(cluster, members) as connection:
        _run(connection, "actions", 0)
        timed(connection, "vacuum", "vacuum analyze")
        _run(connection, "warm", 0)
    with psycopg.connect(cluster.url(), autocommit=True) as connection:
        connection.execute("create schema tests")
        connection.execute((HERE / "plain_timeline.sql").read_bytes())
    seconds = time.perf_counter() - started
    print(f"  in all: {seconds:.0f} s", flush=True)
    return World(cluster, members, POSTS_PER_MEMBER * members, seconds)


@contextmanager
def _without_plain_indexes(connection: psycopg.Connection, table: str) -> Iterator[None]:
    """As without_indexes, but keys stay: others refer to them, and ids come in their order."""
    indexes = connection.execute(
        "select i.indexrelid::regclass::text, pg_get_indexdef(i.indexrelid) from pg_index as i "
        "where i.indrelid = %s::regclass "
        "and not exists (select from pg_constraint as c where c.conindid = i.indexrelid)",
        [table],
    ).fetchall()
    for name, _ in indexes:
        connection.execute(f"drop index {name}")
    yield
    started = time.perf_counter()
    for _, definition in indexes:
        connection.execute(definition)
    print(f"  indexes of {table}: {time.perf_counter() - started:.1f} s", flush=True)


def _session(cluster: Cluster, members: int) -> psycopg.Connection:
    connection = psycopg.connect(cluster.url(SUPERUSER), autocommit=True)
    connection.execute("set session_replication_role = replica")
    connection.execute("set statement_timeout = 0")
    connection.execute("set work_mem = '256MB'")
    connection.execute("set maintenance_work_mem = '2GB'")
    connection.execute("select set_config('bench.members', %s, false)", [str(members)])
    return connection


def _together(cluster: Cluster, members: int, lanes: Sequence[Sequence[tuple[str, int]]]) -> None:
    failures: list[BaseException] = []

    def work(lane: Sequence[tuple[str, int]]) -> None:
        try:
            with _session(cluster, members) as connection:
                for script, half in lane:
                    _run(connection, script, half)
        except BaseException as failure:
            failures.append(failure)

    threads = [threading.Thread(target=work, args=[lane]) for lane in lanes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


def _run(connection: psycopg.Connection, script: str, half: int) -> None:
    connection.execute("select set_config('bench.half', %s, false)", [str(half)])
    timed(connection, script, (HERE / f"{script}.sql").read_text())
