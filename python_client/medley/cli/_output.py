"""What people see: tables, progress bars, and messages instead of tracebacks."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Annotated, Any

import httpx
import psycopg
import typer
from postgrest.exceptions import APIError
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from supabase import AuthError
from typer.core import TyperGroup

from medley import (
    Forbidden,
    MedleyError,
    NotInstalled,
    Unauthenticated,
    Unavailable,
)
from medley._errors import error_from
from medley.loaders import BadData, LoadReport

from ._settings import NotConfigured

FAILED = 1
UNREACHABLE = 3
REFUSED = 4
BAD_INPUT = 5

EXIT_CODES = (
    "Exit codes: 0 done; 1 a job or a check failed; 2 the command line is wrong; "
    "3 not configured, not reachable or Medley not installed there; 4 key or rights refused; "
    "5 the input is no good (bad rows, missing file, unknown slug, argument out of range)."
)

out = Console()
if not out.is_terminal:
    # Into a pipe or a file nothing is cut to the 80 columns that rich would assume.
    out = Console(width=200)
err = Console(stderr=True, soft_wrap=True)

Json = Annotated[bool, typer.Option("--json", help="JSON for programs instead of tables.")]
Ids = Annotated[bool, typer.Option("--ids", help="Ids, for other commands, in the last column.")]

_NO_MEDLEY = "Medley is not in this database: apply its migrations with `supabase db push`."


def print_json(value: Any) -> None:
    """Prints dataclasses, rows and times as JSON."""

    def default(entry: Any) -> Any:
        if dataclasses.is_dataclass(entry) and not isinstance(entry, type):
            return dataclasses.asdict(entry)
        return entry.isoformat() if isinstance(entry, datetime) else str(entry)

    typer.echo(json.dumps(value, default=default, ensure_ascii=False, indent=2))


def table(
    columns: Sequence[str], rows: Iterable[Sequence[Any]], *, title: str | None = None
) -> Table:
    """A table; columns whose name begins with `#` are numbers and align right.

    Ids are always whole: the next command needs them.
    """
    result = Table(title=title, title_justify="left", header_style="bold", box=None, pad_edge=False)
    for column in columns:
        result.add_column(
            column.lstrip("#"),
            justify="right" if column.startswith("#") else "left",
            no_wrap=column == "id" or column.startswith("#"),
        )
    for row in rows:
        result.add_row(*("" if cell is None else str(cell) for cell in row))
    return result


def show_rows(columns: Sequence[str], rows: Iterable[Sequence[Any]], *, nothing: str) -> None:
    """Prints a table, or where it would have no rows why, and what brings some."""
    listed = list(rows)
    if listed:
        out.print(table(columns, listed))
    else:
        out.print(nothing, markup=False, highlight=False)


def when(time: datetime | None) -> str:
    """A time, short."""
    return time.strftime("%a %d %b %Y %H:%M") if time else ""


@contextmanager
def steps(total: int, *, quiet: bool = False) -> Iterator[Callable[[str], None]]:
    """Progress on stderr for work of known steps; gives what is called as each begins.

    On a terminal it is a bar, elsewhere a line a step.
    """
    if not err.is_terminal:

        def line(name: str) -> None:
            if not quiet:
                err.print(name, markup=False, highlight=False)

        yield line
        return
    with Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        TimeElapsedColumn(),
        console=err,
        transient=True,
        disable=quiet,
    ) as progress:
        task = progress.add_task("", total=total)
        begun = 0

        def step(name: str) -> None:
            nonlocal begun
            progress.update(task, description=name, completed=begun)
            begun += 1

        yield step


def show_report(report: LoadReport, *, as_json: bool) -> None:
    """Prints what a load did."""
    if as_json:
        print_json(report)
        return
    for row in report.bad_rows[:20]:
        err.print(f"skipped {row}", style="yellow", markup=False, highlight=False)
    if report.skipped > 20:
        err.print(f"... and {report.skipped - 20:,} more rows skipped", style="yellow")
    if report.read:
        out.print(table(("file", "#good rows"), ((f, f"{n:,}") for f, n in report.read.items())))
        out.print()
    changed = ((t, f"{n:,}") for t, n in report.written.items())
    out.print(table(("table", "#rows written"), changed))


def _bad_data(error: BadData) -> None:
    for row in error.rows[:20]:
        err.print(str(row), markup=False, highlight=False)
    if error.total > 20:
        err.print(f"... and {error.total - 20:,} more bad rows")
    advice = " Correct them, or load the good rows with --skip-bad." if error.skippable else ""
    complain(f"Nothing was loaded: {error.total:,} bad row(s).{advice}")


def complain(message: str) -> None:
    """Says what went wrong."""
    err.print(f"[bold red]medley:[/] {_plain(message)}", highlight=False)


def _plain(text: str) -> str:
    return text.replace("[", r"\[")


def _database_error(error: psycopg.Error) -> int:
    state = error.sqlstate or ""
    message = error.diag.message_primary or str(error).strip().splitlines()[0]
    hint = f" ({error.diag.message_hint})" if error.diag.message_hint else ""
    if state in ("3F000", "42P01", "42883"):
        complain(f"{_NO_MEDLEY} ({message})")
        return UNREACHABLE
    complain(message + hint)
    if state.startswith("28") or state in ("42501", "PT401", "PT403"):
        return REFUSED
    if state.startswith("PT4"):
        return BAD_INPUT
    return UNREACHABLE if isinstance(error, psycopg.OperationalError) else FAILED


def exit_code(error: Exception) -> int | None:  # noqa: PLR0911 -- one line a kind of error
    """Says what went wrong and gives the exit code; None for an error nobody expected."""
    match error:
        case BadData():
            _bad_data(error)
            return BAD_INPUT
        case NotConfigured():
            complain(str(error))
            return UNREACHABLE
        case NotInstalled():
            complain(f"{_NO_MEDLEY} ({error.message})")
            return UNREACHABLE
        case MedleyError():
            complain(str(error))
            if isinstance(error, Unavailable):
                return UNREACHABLE
            return REFUSED if isinstance(error, Unauthenticated | Forbidden) else BAD_INPUT
        case APIError() | httpx.HTTPError():
            # From a table that a command read by itself.
            return exit_code(error_from(error))
        case AuthError():
            complain(f"the auth service refused: {error.message}")
            return REFUSED
        case FileNotFoundError() | NotADirectoryError() | IsADirectoryError() | PermissionError():
            complain(f"{error.strerror}: {error.filename}")
            return BAD_INPUT
        case psycopg.Error():
            return _database_error(error)
    return None


class Commands(TyperGroup):
    """The commands, whose expected errors end in a message and an exit code."""

    def invoke(self, ctx: Any) -> Any:
        """Runs the command that the arguments name."""
        try:
            return super().invoke(ctx)
        except Exception as error:
            code = exit_code(error)
            if code is None:
                raise
            raise typer.Exit(code) from error
