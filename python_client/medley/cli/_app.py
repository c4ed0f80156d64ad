"""The commands. Files and jobs go over DATABASE_URL, everything else through the API."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import islice
from typing import Annotated, Any

import typer
from psycopg import Connection
from psycopg.rows import dict_row

from medley import __version__
from medley._jobs import begin_anew, run_job

from ._accuracy import accuracy
from ._demo import demo
from ._experiment import experiment
from ._genres import genres
from ._ids import User
from ._import import imports
from ._learn import embed, export, models, train
from ._load import load
from ._output import (
    EXIT_CODES,
    FAILED,
    Commands,
    Ids,
    Json,
    out,
    print_json,
    show_rows,
    steps,
    table,
    when,
)
from ._recommend import explain, find, log, recommend, similar, trending
from ._setlist import setlist
from ._settings import api, database
from ._simulate import replay, simulate
from ._social import post, thread, timeline
from ._studio import studio

#: From the catalogue to features and counts, from there to neighbours, tastes and lists.
_IN_ORDER = (
    "rebuild_genre_taxonomy",
    "refresh_feature_statistics",
    "refresh_item_content",
    "rebuild_item_statistics",
    "rebuild_spectral_embeddings",
    "rebuild_genre_neighbors",
    "rebuild_behavior_neighbors",
    "rebuild_content_neighbors",
    "rebuild_embedding_neighbors",
    "refresh_taste_profiles",
    "refresh_taste_vectors",
    "rebuild_user_clusters",
    # Also among members of a cluster.
    "refresh_trending",
)

_SHOWS = "`medley load concerts FILE`, `medley import artist NAME` and `medley demo` bring shows."

app = typer.Typer(
    cls=Commands,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Load data into Medley, run its jobs, and look at what it answers.",
    epilog=EXIT_CODES,
)
app.add_typer(load, name="load")
app.add_typer(genres, name="genres")
app.add_typer(experiment, name="experiment")
app.add_typer(imports, name="import")
app.add_typer(setlist, name="setlist")
app.add_typer(studio, name="studio")
app.add_typer(post, name="post")
app.add_typer(export, name="export")
app.add_typer(train, name="train")
app.add_typer(models, name="models")
for command in (
    recommend,
    explain,
    find,
    similar,
    trending,
    timeline,
    thread,
    log,
    embed,
    accuracy,
    demo,
    simulate,
    replay,
):
    app.command()(command)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"medley {__version__}")
        raise typer.Exit


@app.callback()
def options(
    _: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Load data into Medley, run its jobs, and look at what it answers."""


@app.command()
def refresh(
    job: Annotated[
        str | None,
        typer.Argument(
            help="The job; without it every job named rebuild_... and refresh_... in turn."
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Run a job now, as the scheduler would. Fails if the job fails."""
    with database() as connection:
        names = [job] if job else _derived_jobs(connection)
        if not job:
            begin_anew(connection)
        with steps(len(names), quiet=as_json) as progress:
            runs = []
            for name in names:
                progress(name)
                runs.append(run_job(connection, name))
    if as_json:
        print_json(runs)
    else:
        columns = ("job", "status", "#rows", "#seconds", "error")
        rows = (
            (r["name"], r["status"], f"{r['rows']:,}", f"{r['seconds']:.1f}", r["error"])
            for r in runs
        )
        out.print(table(columns, rows))
    if any(run["status"] != "succeeded" for run in runs):
        raise typer.Exit(FAILED)


def _derived_jobs(connection: Connection[Any]) -> list[str]:
    """The jobs that make derived data, each after those whose results it reads."""
    found = connection.execute(
        """
        select j.name
        from medley.jobs as j
        where j.enabled and (j.name like 'rebuild\\_%%' or j.name like 'refresh\\_%%')
        order by array_position(%s, j.name), j.name
        """,
        (list(_IN_ORDER),),
    )
    return [name for (name,) in found]


@app.command()
def jobs(as_json: Json = False) -> None:
    """List the jobs with their schedules and last runs."""
    with database() as connection, connection.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(
            """
            select
              j.name, j.schedule, j.enabled, j.description,
              r.status as last_status, r.started_at as last_started_at, r.rows as last_rows,
              extract(epoch from r.ended_at - r.started_at)::float as last_seconds,
              r.error as last_error
            from medley.jobs as j
            left join lateral (
              select l.*
              from medley.job_runs as l
              where l.name = j.name
              order by l.run_id desc
              limit 1
            ) as r on true
            order by j.name
            """
        ).fetchall()
    if as_json:
        print_json(rows)
        return
    columns = ("job", "schedule", "on", "last run", "status", "#rows", "error")
    out.print(
        table(
            columns,
            (
                (
                    row["name"],
                    row["schedule"],
                    "yes" if row["enabled"] else "no",
                    when(row["last_started_at"]),
                    row["last_status"] or "never ran",
                    row["last_rows"],
                    row["last_error"],
                )
                for row in rows
            ),
        )
    )


@app.command()
def status(as_json: Json = False) -> None:
    """Show how the engine is doing (secret key): derived data, jobs, errors."""
    state = api(secret=True).engine_status()
    if as_json:
        print_json(state)
        return
    scheduler = "pg_cron runs the jobs" if state.scheduler else "no scheduler: run them yourself"
    out.print(f"Medley {state.version}; {scheduler}")
    for title, rows, columns in (
        ("Derived tables", state.generations, ("name", "generation", "row_count", "built_at")),
        ("Jobs", state.jobs, ("name", "last_status", "last_started_at", "lag_seconds")),
        ("Last errors", state.errors, ("name", "status", "started_at", "error")),
        ("Partitions", state.partitions, ("table_name", "partitions_ahead", "covered_until")),
    ):
        if rows:
            out.print()
            cells = ([row.get(column) for column in columns] for row in rows)
            out.print(table(columns, cells, title=title))


@app.command()
def feed(
    user: User,
    limit: Annotated[int, typer.Option(min=1, help="How many events.")] = 20,
    ids: Ids = False,
    as_json: Json = False,
) -> None:
    """Show a member's personalized feed with its scores (secret key)."""
    events = list(
        islice(api(secret=True).iter_feed(page_size=min(limit, 100), user_id=user), limit)
    )
    if as_json:
        print_json(events)
        return
    columns = ("#score", "event", "when", "where", "id" if ids else "why")
    rows = (
        (
            f"{event.score:.1f}",
            event.title,
            when(event.starts_at),
            ", ".join(filter(None, (event.city, event.country))),
            event.event_id if ids else "; ".join(event.reasons),
        )
        for event in events
    )
    show_rows(columns, rows, nothing=f"No show lies ahead that the member may see. {_SHOWS}")


def _near(value: str | None) -> tuple[float | None, float | None]:
    if value is None:
        return None, None
    try:
        latitude, longitude = (float(part) for part in value.split(","))
    except ValueError:
        raise typer.BadParameter(f"--near takes LATITUDE,LONGITUDE, not {value}") from None
    return latitude, longitude


@app.command()
def calendar(
    *,
    start: Annotated[
        datetime | None,
        typer.Option("--from", formats=["%Y-%m-%d"], help="From this day (UTC) on."),
    ] = None,
    end: Annotated[
        datetime | None,
        typer.Option("--to", formats=["%Y-%m-%d"], help="Until this day begins (UTC)."),
    ] = None,
    genre: Annotated[list[str] | None, typer.Option(help="A genre; may be repeated.")] = None,
    under: Annotated[
        str | None,
        typer.Option("--under", "--umbrella", help="A path: all genres below count."),
    ] = None,
    depth: Annotated[int | None, typer.Option(help="How deep below that path.")] = None,
    near: Annotated[
        str | None, typer.Option(metavar="LAT,LON", help="A place, in degrees.")
    ] = None,
    radius: Annotated[float | None, typer.Option(help="Kilometres around it.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many events.")] = 50,
    ids: Ids = False,
    as_json: Json = False,
) -> None:
    """List events by date, place and genre."""
    latitude, longitude = _near(near)
    events = list(
        islice(
            api().iter_calendar(
                start_date=start.replace(tzinfo=UTC) if start else None,
                end_date=end.replace(tzinfo=UTC) if end else None,
                genres=genre or None,
                latitude=latitude,
                longitude=longitude,
                radius_km=radius,
                umbrella_slug=under,
                max_depth=depth,
                page_size=min(limit, 100),
            ),
            limit,
        )
    )
    if as_json:
        print_json(events)
        return
    columns = ("when", "event", "where", "#km", "id" if ids else "genres")
    rows = (
        (
            when(event.starts_at),
            event.title,
            ", ".join(filter(None, (event.city, event.country))),
            None if event.distance_km is None else f"{event.distance_km:.0f}",
            event.event_id if ids else ", ".join(event.genres[:4]),
        )
        for event in events
    )
    asked = any(value is not None for value in (start, end, genre or None, under, near))
    shows = "No show is like that; ask for less." if asked else f"No show lies ahead. {_SHOWS}"
    show_rows(columns, rows, nothing=shows)


def main() -> None:
    """What the entry point runs."""
    app(prog_name="medley")
