"""Who did what with which item, from the files in which such data sets come."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal, get_args

from ._rows import Problems, Row, RowError, TableFile

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
