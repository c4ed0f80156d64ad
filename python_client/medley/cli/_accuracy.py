"""The command that measures how good recommendations are, by the harness of a checkout."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Literal

import typer
from psycopg import Connection

from medley.loaders.interactions import Format

from ._output import BAD_INPUT, FAILED, Json, complain
from ._settings import NotConfigured, database

Split = Literal["time", "random"]

CHECKOUT = Path(__file__).resolve().parents[3]


def accuracy(
    *,
    interactions: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            exists=True,
            dir_okay=False,
            help="Who did what with which item; without it what members like in DATABASE_URL.",
        ),
    ] = None,
    fmt: Annotated[Format, typer.Option("--format", help="Of that file.")] = "csv",
    kind: Annotated[
        str | None, typer.Option(help="Without a file: only items of this kind.")
    ] = None,
    split: Annotated[
        Split | None,
        typer.Option(
            help="What is held out of each member: the newest 20 % (time) or any (random); both "
            "by default, by time alone without a file."
        ),
    ] = None,
    only: Annotated[
        list[str] | None, typer.Option(help="A method, as in ease; may be repeated.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Measure how well what members did is foretold, beside other recommenders.

    Holds a part of each member's items out, learns from the rest in a scratch database, and tells
    how much of it each method finds: Medley, most popular, ItemKNN, RP3beta, BPR, ALS and EASE, all
    tuned alike. Your database is read once and not changed. Runs in a checkout of Medley.
    """
    if not (CHECKOUT / "tests/accuracy/__main__.py").is_file():
        raise NotConfigured(
            "The recommenders to compare with are in Medley's source, not in the package: "
            "clone it, and run the command there."
        )
    with _file(interactions, kind) as file:
        arguments = ["--interactions", str(file.resolve())]
        arguments += ["--format", fmt if interactions else "csv"]
        if split or not interactions:
            arguments += ["--splits", split or "time"]
        if only:
            arguments += ["--only", *only]
        if as_json:
            arguments += ["--json", "-"]
        for step in (["up"], ["peers"]):
            if _stack(*step):
                raise typer.Exit(FAILED)
        failed = _stack("exec", "python", "-m", "tests.accuracy", *arguments)
    if failed:
        raise typer.Exit(failed)


@contextmanager
def _file(given: Path | None, kind: str | None) -> Iterator[Path]:
    """The file that was given, or one with what members of the database like."""
    if given:
        yield given
        return
    with TemporaryDirectory() as folder:
        file = Path(folder) / "members.csv"
        with database() as connection:
            found = export(connection, kind, file)
        if not found:
            complain("No member likes anything" + (f" of the kind {kind}." if kind else "."))
            raise typer.Exit(BAD_INPUT)
        yield file


def export(connection: Connection[object], kind: str | None, file: Path) -> int:
    """Writes user,item,time of all that members like, in numbers; returns how many rows."""
    with connection.cursor() as cursor, file.open("wb") as target:
        with cursor.copy(
            """
            copy (
              select
                a.user_no as "user", a.item_no as item,
                extract(epoch from max(a.positive_at))::bigint as time
              from medley.affinities as a
              inner join medley.items as i on i.item_no = a.item_no
              where a.score > 0
                and a.positive_at is not null
                and (%(kind)s::text is null or i.kind = %(kind)s)
              group by a.user_no, a.item_no
            ) to stdout with (format csv, header)
            """,
            {"kind": kind},
        ) as rows:
            for block in rows:
                target.write(block)
        return cursor.rowcount


def _stack(*arguments: str) -> int:
    """Runs a command of the local stack; returns its exit code."""
    path = os.pathsep.join(filter(None, (str(CHECKOUT / "stack"), os.environ.get("PYTHONPATH"))))
    return subprocess.run(
        [sys.executable, "-m", "medley_stack", *arguments],
        cwd=CHECKOUT,
        env={**os.environ, "PYTHONPATH": path},
        stdout=None if arguments[0] == "exec" else sys.stderr,
        check=False,
    ).returncode
