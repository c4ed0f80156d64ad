"""Reading text tables row by row, and keeping book of the rows that are no good."""

from __future__ import annotations

import csv
import math
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

_YEAR_2100 = datetime(2100, 1, 1, tzinfo=UTC).timestamp()


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that cannot be loaded: where it is and what is wrong with it."""

    file: str
    line: int
    reason: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.reason}"


class BadData(Exception):  # noqa: N818 -- what it is says more than Error
    """The input cannot be loaded as it is; nothing was written.

    Attributes:
        rows: The first bad rows, in order of reading.
        total: How many there are.
        skippable: Whether the rest could be loaded without them.
    """

    def __init__(self, rows: Sequence[BadRow], total: int, *, skippable: bool) -> None:
        super().__init__(f"{total} bad row{'s' if total != 1 else ''}, the first is {rows[0]}")
        self.rows = tuple(rows)
        self.total = total
        self.skippable = skippable


class RowError(Exception):
    """Why the row at hand is bad."""


class Problems:
    """The bad rows of one load. Keeps the first thousand and counts the rest."""

    def __init__(self, *, skip_bad: bool) -> None:
        self.skip_bad = skip_bad
        self.rows: list[BadRow] = []
        self.total = 0

    def add(self, file: Path, line: int, reason: str) -> None:
        """Notes a bad row."""
        self.total += 1
        if len(self.rows) < 1000:
            self.rows.append(BadRow(file.name, line, reason))

    def check(self) -> None:
        """Raises BadData if there are bad rows that may not be skipped."""
        if self.rows and not self.skip_bad:
            raise BadData(self.rows, self.total, skippable=True)


def _shown(value: str) -> str:
    return repr(value if len(value) <= 40 else value[:37] + "...")


def genre_name(value: str) -> str:
    """A genre as it may be written; RowError if the database would find its key too long."""
    if len(unicodedata.normalize("NFKC", value).lower()) > 100:
        raise RowError(f"a genre has at most 100 characters: {_shown(value)}")
    return value


@dataclass(frozen=True, slots=True)
class Row:
    """One row; its getters raise RowError with the reason when a value will not do."""

    values: dict[str, str]

    def text(self, column: str, *, longest: int) -> str | None:
        """A text of at most `longest` characters; None where empty or absent."""
        value = self.values.get(column, "").strip()
        if len(value) > longest:
            raise RowError(f"{column} has {len(value)} characters, at most {longest} fit")
        return value or None

    def required(self, column: str, *, longest: int) -> str:
        """A text that may not be empty."""
        value = self.text(column, longest=longest)
        if value is None:
            raise RowError(f"{column} is empty")
        return value

    def integer(self, column: str, *, least: int = 0) -> int:
        """A whole number from `least` to what fits in four bytes."""
        value = self.values.get(column, "").strip()
        if not re.fullmatch(r"-?[0-9]{1,18}", value):
            raise RowError(f"{column} is not a whole number: {_shown(value)}")
        if not least <= int(value) < 2**31:
            raise RowError(f"{column} is out of range: {_shown(value)}")
        return int(value)

    def optional_integer(self, column: str) -> int | None:
        """A whole number, or None where empty or absent."""
        return self.integer(column) if self.text(column, longest=1000) else None

    def number(self, column: str) -> float:
        """A finite number."""
        value = self.values.get(column, "").strip()
        try:
            number = float(value)
        except ValueError:
            raise RowError(f"{column} is not a number: {_shown(value)}") from None
        if not math.isfinite(number):
            raise RowError(f"{column} is out of range: {_shown(value)}")
        return number

    def unix_time(self, column: str) -> datetime:
        """A moment from 1970 to 2100, written in seconds since 1970 began."""
        seconds = self.number(column)
        if not 0 <= seconds < _YEAR_2100:
            value = self.values[column].strip()
            raise RowError(f"{column} is no time in seconds since 1970: {_shown(value)}")
        return datetime.fromtimestamp(seconds, UTC)

    def degrees(self, column: str, limit: float) -> float | None:
        """Degrees between -limit and limit, or None where empty or absent."""
        value = self.text(column, longest=1000)
        if value is None:
            return None
        number = self.number(column)
        if abs(number) > limit:
            raise RowError(f"{column} is out of range: {_shown(value)}")
        return number

    def place(self) -> tuple[float | None, float | None]:
        """Latitude and longitude: both, or neither."""
        latitude, longitude = self.degrees("latitude", 90), self.degrees("longitude", 180)
        if (latitude is None) != (longitude is None):
            raise RowError("latitude and longitude go together, one is empty")
        return latitude, longitude

    def day(self, column: str) -> date:
        """A date, written YYYY-MM-DD."""
        value = self.values.get(column, "").strip()
        try:
            if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value):
                raise ValueError
            return date.fromisoformat(value)
        except ValueError:
            raise RowError(f"{column} is not a date (YYYY-MM-DD): {_shown(value)}") from None


@dataclass(frozen=True, slots=True)
class TableFile:
    """A text table.

    Attributes:
        path: The file.
        required: Columns that the header must name.
        aliases: Other names under which a column is known, lower case.
        encoding: Of the file; a byte order mark is skipped.
        separator: A comma separates with quotes, anything else without.
        headless: For a file that may come without a header: its columns, in order. A first row
            that says just these names is a header.
    """

    path: Path
    required: tuple[str, ...]
    aliases: dict[str, str]
    encoding: str = "utf-8"
    separator: str = ","
    headless: tuple[str, ...] = ()

    def rows(self, problems: Problems) -> Iterator[tuple[int, Row]]:
        """The rows with their line numbers; those that cannot even be read go to `problems`.

        A quoted value may hold line breaks; the line number is then that of the row's last line.

        Raises:
            BadData: The header is missing or lacks a required column: there is nothing to skip to.
        """
        line = 0

        def decoded() -> Iterator[str]:
            nonlocal line
            with self.path.open("rb") as source:
                for line, raw in enumerate(source, start=1):
                    try:
                        text = raw.decode(self.encoding)
                    except UnicodeDecodeError as error:
                        problems.add(
                            self.path,
                            line,
                            f"byte {error.start + 1} is not {self.encoding.upper()}",
                        )
                        continue
                    if "\0" in text:
                        problems.add(self.path, line, "holds a NUL")
                        continue
                    yield text.removeprefix("\ufeff") if line == 1 else text

        if self.separator == ",":
            records: Iterator[list[str]] = csv.reader(decoded(), strict=True)
        else:
            records = (text.rstrip("\r\n").split(self.separator) for text in decoded())

        header = list(self.headless) or self._header(next(records, []))
        while True:
            try:
                record = next(records, None)
            except csv.Error as error:
                problems.add(self.path, line, f"cannot be read as CSV: {error}")
                continue
            if record is None:
                return
            if record in ([], [""]) or (line == 1 and self._is_header(record)):
                continue
            if len(record) != len(header):
                problems.add(self.path, line, f"has {len(record)} columns, not {len(header)}")
                continue
            yield line, Row(dict(zip(header, record, strict=True)))

    def _is_header(self, record: list[str]) -> bool:
        return tuple(name.strip().lower() for name in record) == self.headless

    def _header(self, names: list[str]) -> list[str]:
        header = [self.aliases.get(name.strip().lower(), name.strip().lower()) for name in names]
        missing = [name for name in self.required if name not in header]
        if missing:
            reason = f"the header has no column {', '.join(missing)}"
            raise BadData([BadRow(self.path.name, 1, reason)], 1, skippable=False)
        if len(set(header)) < len(header):
            raise BadData(
                [BadRow(self.path.name, 1, "the header names a column twice")], 1, skippable=False
            )
        return header


class Ids:
    """The ids that one file has defined: finds doubles, and references to nothing."""

    def __init__(self, what: str) -> None:
        self.what = what
        self.lines: dict[object, int] = {}

    def define(self, key: object, line: int) -> None:
        """Notes an id; RowError if the file has it already."""
        first = self.lines.setdefault(key, line)
        if first != line:
            raise RowError(f"{self.what} {key} is on line {first} already")

    def refer(self, key: object) -> None:
        """RowError if no row of the file has defined the id."""
        if key not in self.lines:
            raise RowError(f"there is no {self.what} {key}")
