"""From rows to tables: stable ids, COPY into temporary tables, the transaction around a load."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, LiteralString

from psycopg import Connection, Cursor, sql

from ._rows import BadRow, Problems

_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_DNS, "medley-supabase")

#: Called with the name of each step as it begins.
Progress = Callable[[str], None]


def no_progress(step: str) -> None:
    """The progress of a caller that does not want to know."""


@dataclass(slots=True)
class LoadReport:
    """What a load did.

    Attributes:
        read: Good rows by file.
        written: Rows that were inserted or changed, by table; 0 everywhere on a second run.
        bad_rows: The first bad rows that were skipped.
        skipped: How many bad rows were skipped.
    """

    read: dict[str, int] = field(default_factory=dict)
    written: dict[str, int] = field(default_factory=dict)
    bad_rows: tuple[BadRow, ...] = ()
    skipped: int = 0

    @classmethod
    def of(cls, problems: Problems, read: dict[str, int]) -> LoadReport:
        """A report on what was read, before anything is written."""
        return cls(read=read, bad_rows=tuple(problems.rows), skipped=problems.total)


def stable_id(kind: str, source: str, external_id: str) -> uuid.UUID:
    """The id that a thing of some source always gets."""
    return uuid.uuid5(_NAMESPACE, f"{kind}:{source}:{external_id}")


@contextmanager
def load_transaction(connection: Connection[Any]) -> Iterator[Cursor[Any]]:
    """One transaction in which a load may take its time, with statistics brought up to date."""
    with connection.transaction(), connection.cursor() as cursor:
        cursor.execute("set local statement_timeout = '10min'")
        yield cursor
        # What comes next is planned by these numbers; autovacuum would bring them a minute later.
        cursor.execute(
            "analyze medley.items, public.artists, public.venues, public.events, public.titles, "
            "public.songs, public.artist_songs, public.setlists, public.setlist_songs, "
            "public.people, public.title_credits, public.item_genres, public.item_follows, "
            "public.follows, medley.members, medley.engagements, medley.affinities"
        )
        cursor.execute("select medley.refresh_feature_statistics()")


def stage(
    cursor: Cursor[Any],
    table: str,
    columns: LiteralString,
    rows: Iterable[Sequence[Any]],
) -> None:
    """COPYs rows into a new temporary table that the transaction's end drops.

    Args:
        cursor: Inside `load_transaction`.
        table: Name of the table.
        columns: Its columns with their types.
        rows: The rows.
    """
    name = sql.Identifier("pg_temp", table)
    # A load within a larger transaction may stage under the same name again.
    cursor.execute(sql.SQL("drop table if exists {}").format(name))
    cursor.execute(
        sql.SQL("create temporary table {} ({}) on commit drop").format(
            sql.Identifier(table),
            sql.SQL(columns),
        )
    )
    with cursor.copy(sql.SQL("copy {} from stdin").format(name)) as copy:
        for row in rows:
            copy.write_row(row)
    cursor.execute(sql.SQL("analyze {}").format(name))


def run(cursor: Cursor[Any], statement: LiteralString) -> int:
    """Runs a statement and returns how many rows it touched."""
    cursor.execute(statement)
    return cursor.rowcount
