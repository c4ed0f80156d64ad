"""Who did what with which item, from the files in which such data sets come.

For data of which nothing else is known: the items are of a kind of their own, named by their keys.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, get_args

from psycopg import Connection

from ._rows import Problems, Row, RowError, TableFile
from ._write import LoadReport, Progress, load_transaction, no_progress, stable_id, stage
from .engagements import write_engagements
from .members import member_id, write_members

Format = Literal["movielens", "lastfm", "csv"]

_COLUMNS = {
    "movielens": ("userid", "movieid", "rating", "timestamp"),
    "lastfm": ("userid", "artistid", "weight"),
    "csv": ("user", "item", "weight", "time"),
}
# What a header of a CSV file may call the columns.
_ALIASES = {
    name: column
    for column, names in {
        "user": ("user", "userid", "user_id", "member", "uid"),
        "item": ("item", "itemid", "item_id", "iid", "movie", "movieid", "movie_id", "artist"),
        "weight": ("weight", "rating", "value", "count", "plays"),
        "time": ("time", "timestamp", "unix_time", "unix time"),
    }.items()
    for name in names
}


@dataclass(frozen=True, slots=True)
class Interaction:
    """One row: a user, an item, and what is known of their meeting.

    Attributes:
        user: The user, as the source calls them.
        item: The item, as the source calls it.
        weight: Rating, play count or other weight; None where the source has none.
        time: When; None where the source does not say.
    """

    user: str
    item: str
    weight: float | None
    time: datetime | None


def read_interactions(
    path: Path, fmt: str, problems: Problems | None = None
) -> Iterator[Interaction]:
    """Reads a file of interactions, in its order.

    Args:
        path: The file.
        fmt: `movielens`: user, movie, rating, unix time, separated by commas, tabs or `::`.
            `lastfm`: user, artist, play count, separated by tabs. `csv`: user,item[,weight][,unix
            time]; a header may name them in another order, and further columns, which are left
            out. All may come with or without a header.
        problems: Takes the rows that cannot be read; without it the first one raises.

    Raises:
        BadData: A row cannot be read, and there are no `problems` to take it.
        ValueError: There is no such format.
    """
    if fmt not in get_args(Format):
        raise ValueError(f"no format {fmt}: {', '.join(get_args(Format))}")
    columns, separator = _layout(path, fmt)
    user, item, *_ = _COLUMNS[fmt]
    book = problems or Problems(skip_bad=False)
    file = TableFile(path, (user, item), _ALIASES, separator=separator, headless=columns)
    for line, row in file.rows(book):
        try:
            found = _interaction(row, _COLUMNS[fmt])
        except RowError as error:
            book.add(path, line, str(error))
        else:
            yield found
        if problems is None:
            book.check()
    book.check()


def load_interactions(
    connection: Connection[Any],
    path: Path,
    fmt: str,
    *,
    source: str = "interactions",
    kind: str = "item",
    skip_bad: bool = False,
    progress: Progress = no_progress,
) -> LoadReport:
    """Loads a file of interactions: items, members and their engagements.

    A MovieLens rating is an engagement of kind `rate`, anything else is a `play` with the weight as
    its count, 1 where there is none. Rows without a time are logged as of the moment when the
    member was first loaded, those of one member and item as one.

    Args:
        connection: As a role that may write the catalogue and auth.users (`DATABASE_URL`).
        path: The file.
        fmt: See `read_interactions`.
        source: Users and items get their ids from this and their own keys.
        kind: Kind of the items; it is made if it is new.
        skip_bad: Load the good rows and leave the bad ones out.
        progress: Told each step.

    Raises:
        BadData: Rows cannot be loaded, and `skip_bad` is off; nothing was written.
        ValueError: There is no such format.
    """
    progress("Reading")
    problems = Problems(skip_bad=skip_bad)
    rated = fmt == "movielens"
    values: dict[tuple[str, str, datetime | None], float | None] = {}
    read = 0
    for row in read_interactions(path, fmt, problems):
        read += 1
        key, value = (row.user, row.item, row.time), row.weight
        if rated:
            value = min(max(((value or 0.5) - 0.5) / 4.5, 0), 1)
        elif key in values and row.time is None:
            value = (values[key] or 1) + (1 if value is None else value)
        values[key] = value

    report = LoadReport.of(problems, {path.name: read})
    with load_transaction(connection) as cursor:
        progress("Writing items")
        stage(
            cursor,
            "load_items",
            "id uuid, title text",
            ((stable_id(kind, source, item), item) for item in sorted({i for _, i, _ in values})),
        )
        cursor.execute(
            "insert into medley.item_kinds (kind, description) values (%s, 'Loaded from a file.') "
            "on conflict do nothing",
            (kind,),
        )
        cursor.execute(
            """
            insert into medley.items (id, kind, title)
            select l.id, %s, l.title
            from pg_temp.load_items as l
            where not exists (select from medley.items as i where i.id = l.id)
            """,
            (kind,),
        )
        report.written["items"] = cursor.rowcount

        progress("Writing members")
        report.written["members"] = write_members(
            cursor, source, ((user, user) for user in sorted({u for u, _, _ in values}))
        )

        progress("Writing engagements")
        stage(
            cursor,
            "load_interactions",
            "user_id uuid, item_id uuid, kind text, at timestamptz, value real",
            (
                (
                    member_id(source, user),
                    stable_id(kind, source, item),
                    "rate" if rated else "play",
                    time,
                    value,
                )
                for (user, item, time), value in values.items()
            ),
        )
        report.written["engagements"] = write_engagements(
            cursor,
            """
            select l.user_id, l.item_id, l.kind, l.at as occurred_at, l.value
            from pg_temp.load_interactions as l
            """,
        )
    return report


def _layout(path: Path, fmt: str) -> tuple[tuple[str, ...], str]:
    """The columns of a file without a header, none if the first row is one; and the separator."""
    with path.open("rb") as source:
        first = source.readline(4096).decode("utf-8", "replace").removeprefix("\ufeff").strip()
    separator = next((s for s in ("\t", "::") if s in first), ",")
    if fmt != "csv":
        return _COLUMNS[fmt], separator
    cells = [cell.strip().strip('"').lower() for cell in first.split(separator)]
    if {"user", "item"} <= {_ALIASES.get(cell) for cell in cells}:
        return (), separator
    return _COLUMNS["csv"][: max(len(cells), 2)], separator


def _interaction(row: Row, columns: tuple[str, ...]) -> Interaction:
    user, item, weight, *time = columns
    found = Interaction(
        user=row.required(user, longest=200),
        item=row.required(item, longest=200),
        weight=row.number(weight) if row.text(weight, longest=100) else None,
        time=row.unix_time(time[0]) if time and row.text(time[0], longest=100) else None,
    )
    if found.weight is not None and found.weight < 0:
        raise RowError(f"{weight} is negative: {found.weight:g}")
    return found
