"""Scratch clusters for benchmarks: how they are set, filled and timed."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from medley_stack.cluster import SUPERUSER, Cluster
from medley_stack.source import apply_sql_source


def install(cluster: Cluster, *, shared_buffers: str) -> None:
    """Puts Medley on a cluster that is set for large loads and starts no job by itself."""
    with psycopg.connect(cluster.url(SUPERUSER), autocommit=True) as connection:
        connection.execute(f"alter system set shared_buffers = '{shared_buffers}'")
        connection.execute("alter system set max_wal_size = '16GB'")
    cluster.hold_jobs()
    cluster.stop()
    cluster.start(durable=False)
    apply_sql_source(cluster.url())


@contextmanager
def without_indexes(connection: psycopg.Connection, table: str) -> Iterator[None]:
    """Drops the keys and indexes of a table for a load, and makes them again as they were."""
    keys = connection.execute(
        "select conname, pg_get_constraintdef(oid) from pg_constraint "
        "where conrelid = %s::regclass and contype in ('p', 'u')",
        [table],
    ).fetchall()
    for name, _ in keys:
        connection.execute(f"alter table {table} drop constraint {name}")
    indexes = connection.execute(
        "select indexrelid::regclass::text, pg_get_indexdef(indexrelid) from pg_index "
        "where indrelid = %s::regclass",
        [table],
    ).fetchall()
    for name, _ in indexes:
        connection.execute(f"drop index {name}")
    yield
    started = time.perf_counter()
    for name, definition in keys:
        connection.execute(f"alter table {table} add constraint {name} {definition}")
    for _, definition in indexes:
        connection.execute(definition)
    print(f"  indexes of {table}: {time.perf_counter() - started:.1f} s", flush=True)


def timed(connection: psycopg.Connection, what: str, sql: str) -> None:
    """Runs SQL and prints the seconds that it took."""
    started = time.perf_counter()
    connection.execute(sql.encode())
    print(f"  {what}: {time.perf_counter() - started:.1f} s", flush=True)
