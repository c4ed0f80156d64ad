"""The commands that simulate a social network, and replay past requests with other weights."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from ._output import BAD_INPUT, Json, complain, out, print_json, show_report, steps, table
from ._settings import NotConfigured, database

Day = Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"])]


def simulate(
    *,
    members: Annotated[int, typer.Option(min=10, help="Members.")] = 1_000,
    posts: Annotated[int, typer.Option(min=10, help="Posts, answers not counted.")] = 10_000,
    impressions: Annotated[
        int, typer.Option(min=10, help="Posts shown, in as many requests as that takes.")
    ] = 100_000,
    days: Annotated[float, typer.Option(min=0.1, help="Days of the log, which ends now.")] = 14,
    seed: Annotated[int, typer.Option(min=0, help="Each seed is a network of its own.")] = 1,
    calibrate: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            exists=True,
            dir_okay=False,
            help="Write nothing; print what real lists (MIND's behaviors.tsv) and simulated ones "
            "are like, beside each other.",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Write a simulated social network with known tastes into DATABASE_URL.

    Members, follows, posts with text vectors, what members were shown and what they did. For a
    database of its own: the vectors' model, `simulated`, comes into use. Needs NumPy.
    """
    try:
        from medley.simulator import Settings, make_log, make_world, write_log
        from medley.simulator.calibration import figures_of_file, simulated_figures
    except ModuleNotFoundError as error:
        raise NotConfigured(
            f"{error.name} is not installed: "
            'pip install "./medley[simulator]" from above the checkout'
        ) from error
    try:
        if calibrate:
            found = {"real": figures_of_file(calibrate), "simulated": simulated_figures(seed)}
            if as_json:
                print_json(found)
                return
            pairs = zip(found["real"].rows(), found["simulated"].rows(), strict=True)
            columns = ("", f"#{calibrate.name}", "#simulated")
            out.print(table(columns, ((name, real, made) for (name, real), (_, made) in pairs)))
            return
        settings = Settings(
            members=members, posts=posts, impressions=impressions, days=days, seed=seed
        )
        with database() as connection, steps(7, quiet=as_json) as progress:
            progress("Simulating")
            log = make_log(make_world(settings))
            report = write_log(connection, log, datetime.now(UTC), progress=progress)
    except ValueError as error:
        complain(f"{error}.")
        raise typer.Exit(BAD_INPUT) from None
    show_report(report, as_json=as_json)


def replay(
    *,
    weights: Annotated[
        Path,
        typer.Option(
            metavar="FILE",
            exists=True,
            dir_okay=False,
            help='JSON: {"like": 1, "reply": 5, ...}; terms left out keep their stored weights.',
        ),
    ],
    ranker: Annotated[str, typer.Option(help="Whose stored weights.")] = "home_timeline",
    since: Day = None,
    until: Day = None,
    kind: Annotated[str | None, typer.Option(help="Only items of this kind, as in post.")] = None,
    as_json: Json = False,
) -> None:
    """Judge other weights before they ship, from requests that were answered (DATABASE_URL).

    How much would the order change, and how much more, or less, would members engage? Without
    --since and --until it asks the last seven days (UTC). Nothing is written.
    """
    try:
        given = json.loads(weights.read_text(encoding="utf-8"))
    except ValueError as error:
        complain(f"{weights.name} is no JSON: {error}.")
        raise typer.Exit(BAD_INPUT) from None
    with database() as connection, connection.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(
            """
            select r.*
            from medley.replay_weights(
              %s, %s, coalesce(%s, coalesce(%s, now()) - interval '7 days'), coalesce(%s, now()), %s
            ) as r
            """,
            (ranker, Jsonb(given), _utc(since), _utc(until), _utc(until), kind),
        ).fetchall()
    if not rows:
        complain("No request of that time tells what its ranker expected.")
        raise typer.Exit(BAD_INPUT)
    if as_json:
        print_json(rows)
        return
    out.print(f"{rows[0]['requests']:,} requests, {rows[0]['shown']:,} rows shown")
    columns = ("", "#as it was", "#replayed", "#± 95 %", "#change", "#± 95 %")
    out.print(table(columns, map(_row, rows)))


def _row(row: dict[str, Any]) -> tuple[str | None, ...]:
    """A measure; the order's own, which has no other error than that of a mean, in short."""
    was, then = row["logged"], row["replayed"]
    cells = [row["measure"], f"{was:.4f}", f"{then:.4f}", _interval(row["standard_error"])]
    if row["measure"] in ("kendall_tau", "overlap_10"):
        return (*cells, None, None)
    return (*cells, f"{then - was:+.4f}", _interval(row["change_error"]))


def _interval(error: float | None) -> str | None:
    return None if error is None else f"{1.96 * error:.4f}"


def _utc(moment: datetime | None) -> datetime | None:
    return moment.replace(tzinfo=UTC) if moment else None
