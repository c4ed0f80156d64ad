"""Databases for tests: a scratch cluster with Medley on it, and ways into it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from medley_stack import cluster, source
from medley_stack.cluster import Cluster
from medley_stack.source import Module

SQL_TESTS = Path(__file__).parent / "sql"
CORE_MODULES = {Path(module.folder).name for module in source.modules() if module.is_core}

# Every plan as a notice.
LOGGED = """
load 'auto_explain';
set auto_explain.log_min_duration = 0;
set auto_explain.log_nested_statements = on;
set client_min_messages = log;
set log_min_messages = panic;
"""
ROLLED_BACK = """
select format('%I.%I', schemaname, relname)
from pg_catalog.pg_stat_user_tables
where n_dead_tup > 0
"""
SCAN = re.compile(r"(?:Index|Seq|Bitmap)[\w ]* Scan .*")
SWEEP = re.compile(r"Seq Scan on (\w+)")


@dataclass(frozen=True, slots=True)
class Database:
    """A running database with Medley and the factories of tests/sql."""

    cluster: Cluster

    @property
    def version(self) -> int:
        """PostgreSQL's major version."""
        return self.cluster.binaries.version

    def connect(self, role: str = "postgres") -> psycopg.Connection[Any]:
        """A connection of its own, in autocommit mode."""
        return psycopg.connect(self.cluster.url(role), autocommit=True)

    def plans(self, statement: str, *, after: str = "") -> list[str]:
        """The plans of a statement and of all that it runs inside, as the service.

        Args:
            statement: What is taken back afterwards; a query has to find something.
            after: Statements that run before it in the same transaction.
        """
        found: list[str] = []

        def read(diagnostic: psycopg.errors.Diagnostic) -> None:
            found.append(diagnostic.message_primary or "")

        with self.connect(cluster.SUPERUSER) as connection:
            connection.execute("set search_path = tests, extensions, public")
            connection.execute(
                "select set_config('request.jwt.claims', '{\"role\": \"service_role\"}', false)"
            )
            with connection.transaction(force_rollback=True):
                if after:
                    connection.execute(after.encode())
                connection.execute(LOGGED)
                connection.add_notice_handler(read)
                rows = connection.execute(statement.encode())
                assert rows.description is None or rows.rowcount, "finding nothing proves nothing"
        return found

    def scans(self, statement: str, *, after: str = "") -> list[str]:
        """The scans in these plans."""
        return [scan for plan in self.plans(statement, after=after) for scan in SCAN.findall(plan)]

    def execute(self, query: str, *parameters: object) -> None:
        """Run one statement and commit it, as the owner."""
        with self.connect() as connection:
            connection.execute(query, parameters or None)

    def rows(self, query: str, *parameters: object) -> list[tuple[Any, ...]]:
        """What a query returns, as the owner."""
        with self.connect() as connection:
            return connection.execute(query, parameters or None).fetchall()

    def tidy(self) -> None:
        """Take away what tests rolled back: dead rows, and sizes that they had analyzed."""
        tables = ", ".join(name for (name,) in self.rows(ROLLED_BACK))
        if tables:
            with self.connect(cluster.SUPERUSER) as superuser:
                superuser.execute(f"vacuum {tables}".encode())

    def value(self, query: str, *parameters: object) -> Any:
        """The first column of the only row."""
        ((found, *_),) = self.rows(query, *parameters)
        return found


def swept(scans: list[str]) -> set[str]:
    """The tables that are read from end to end; months of the log by the name of the log."""
    tables = {table for scan in scans for table in SWEEP.findall(scan)}
    return {"engagements" if table.startswith("engagements_") else table for table in tables}


def everything(_: Module) -> bool:
    """All modules of the manifest."""
    return True


def add_factories(database: Database, include: Callable[[Module], bool] = everything) -> None:
    """Create the schema `tests`: factories.sql, then factories_<module>.sql of what is there."""
    files = [SQL_TESTS / "factories.sql"]
    for module in source.modules():
        own = SQL_TESTS / f"factories_{Path(module.folder).name}.sql"
        if include(module) and own.is_file():
            files.append(own)
    for file in files:
        database.cluster.psql("-1", "-f", file)


@contextmanager
def medley_database(
    *,
    expose: str = "off",
    name: str = "tests",
    include: Callable[[Module], bool] = everything,
    factories: bool = True,
    clock: bool = False,
) -> Iterator[Database]:
    """A fresh hosted-like database with Medley on it, gone afterwards.

    Args:
        expose: whether new objects are granted to the API roles (`on` or `off`).
        name: a word that tells its folder from others.
        include: which modules of the manifest to install.
        factories: whether the schema `tests` is wanted too.
        clock: whether pg_cron starts jobs, which tests would meet now and then.
    """
    with cluster.scratch(expose, name) as server:
        source.apply_sql_source(server.url(), include)
        database = Database(server)
        if not clock:
            server.hold_jobs()
        if factories:
            add_factories(database, include)
        yield database
