"""Runs the pgTAP files of tests/sql: a file is a test, in a transaction that is rolled back.

Files of the core run on a database without packs, those of a pack on one with everything.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import psycopg
import pytest
from _pytest._code.code import TerminalRepr, TracebackStyle
from _pytest.fixtures import TopRequest

from tests.database import CORE_MODULES, SQL_TESTS, Database

RESULT = re.compile(r"^(not )?ok (\d+)(?: - (.*?))?(?: # (SKIP|TODO)\b.*)?$", re.IGNORECASE)
PLAN = re.compile(r"^1\.\.(\d+)")
# A first line `-- Claim. (PostgreSQL 17)` keeps a file from running on an older server.
NEEDS = re.compile(r"\(PostgreSQL (\d+)\)")


@dataclass(slots=True)
class Tap:
    """What a file printed, and what is wrong with it."""

    planned: int | None = None
    ran: int = 0
    problems: list[str] = field(default_factory=list)

    def read(self, text: str) -> None:
        """Take in the lines of one result."""
        for line in text.splitlines():
            if match := RESULT.match(line):
                self.ran += 1
                failed, number, claim, directive = match.groups()
                if int(number) != self.ran:
                    self.problems.append(f"test {number} came where {self.ran} was due")
                if failed and (directive or "").upper() != "TODO":
                    self.problems.append(f"not ok {number} - {claim or ''}")
            elif match := PLAN.match(line):
                self.planned = int(match.group(1))
            elif line.startswith("Bail out!") or (line.startswith("#") and self.problems):
                self.problems.append(line)

    def close(self) -> None:
        """Compare what ran with the plan."""
        if self.planned is None:
            self.problems.append("no plan: begin with plan(n) or no_plan(), end with finish()")
        elif self.planned != self.ran:
            self.problems.append(f"{self.planned} tests were planned, {self.ran} ran")
        if self.ran == 0:
            self.problems.append("the file tests nothing")


def run_file(database: Database, path: Path) -> list[str]:
    """Run one file; returns what is wrong, nothing when all is well."""
    text = path.read_text()
    tap = Tap()
    with psycopg.connect(database.cluster.url()) as connection, connection.cursor() as cursor:
        cursor.execute("set local search_path = tests, extensions, public")
        try:
            cursor.execute(text.encode())
            while True:
                if cursor.description:
                    for row in cursor.fetchall():
                        tap.read(str(row[0]))
                if not cursor.nextset():
                    break
        except psycopg.Error as error:
            return [_where(error, text)]
        connection.rollback()
    tap.close()
    return tap.problems


def needed_version(path: Path) -> int:
    """The PostgreSQL version that the file's first line asks for; 0 without one."""
    found = NEEDS.search(path.read_text().partition("\n")[0])
    return int(found.group(1)) if found else 0


def _where(error: psycopg.Error, text: str) -> str:
    position = error.diag.statement_position
    line = f"line {text[: int(position)].count(chr(10)) + 1}: " if position else ""
    parts = [
        error.diag.message_primary or str(error),
        error.diag.message_detail,
        error.diag.context,
    ]
    return f"{line}{error.sqlstate}: " + "\n".join(part for part in parts if part)


class PgTapFile(pytest.File):
    """A .sql file below a module's folder."""

    def collect(self) -> Iterator[PgTapItem]:
        yield PgTapItem.from_parent(self, name=self.path.stem)


class PgTapError(AssertionError):
    """Tests in a file failed; the message lists them."""


class PgTapItem(pytest.Item):
    """Runs one file on one of the session's databases."""

    def setup(self) -> None:
        # Items that are not functions get no fixtures by themselves.
        self.funcargs: dict[str, object] = {}
        manager = self.session._fixturemanager
        self._fixtureinfo = manager.getfixtureinfo(self, func=None, cls=None)
        self._request = TopRequest(cast(pytest.Function, self), _ispytest=True)

    def runtest(self) -> None:
        fixture = "core" if self.path.parent.name in CORE_MODULES else "database"
        database: Database = self._request.getfixturevalue(fixture)
        needed = needed_version(self.path)
        if needed > database.version:
            pytest.skip(f"needs PostgreSQL {needed}, this is {database.version}")
        # Plans made of what others left behind can take minutes.
        database.tidy()
        problems = run_file(database, self.path)
        if problems:
            raise PgTapError("\n".join(problems))

    def repr_failure(
        self, excinfo: pytest.ExceptionInfo[BaseException], style: TracebackStyle | None = None
    ) -> str | TerminalRepr:
        if isinstance(excinfo.value, PgTapError):
            return f"{self.path}\n{excinfo.value}"
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int, str]:
        return self.path, 0, str(self.path.relative_to(SQL_TESTS))


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> PgTapFile | None:
    """Collect tests/sql/<module>/*.sql; what lies directly in tests/sql are factories."""
    if file_path.suffix == ".sql" and file_path.parent.parent == SQL_TESTS:
        return PgTapFile.from_parent(parent, path=file_path)
    return None
