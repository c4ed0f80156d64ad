"""The commands. Files and jobs go over DATABASE_URL, everything else through the API."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from itertools import islice
from pathlib import Path
from typing import Annotated, Any

import typer
from psycopg import Connection
from psycopg.rows import dict_row
from rich.tree import Tree

from medley import GenreNode, __version__
from medley._jobs import run_job
from medley.loaders import LoadReport, load_artists, load_concerts, load_lastfm, load_venues

from ._demo import demo
from ._output import (
    EXIT_CODES,
    FAILED,
    Commands,
    err,
    out,
    print_json,
    show_report,
    steps,
    table,
    when,
)
from ._settings import api, database

app = typer.Typer(
    cls=Commands,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Load data into Medley, run its jobs, and look at what it answers.",
    epilog=EXIT_CODES,
)
load = typer.Typer(
    no_args_is_help=True, help="Load files (DATABASE_URL). A second run changes nothing."
)
genres = typer.Typer(no_args_is_help=True, help="The genre taxonomy.")
app.add_typer(load, name="load")
app.add_typer(genres, name="genres")
app.command()(demo)

Json = Annotated[bool, typer.Option("--json", help="JSON for programs instead of tables.")]
SkipBad = Annotated[
    bool, typer.Option("--skip-bad", help="Load the good rows, leave bad ones out.")
]
Source = Annotated[str, typer.Option(help="Name of the source; ids are its own.")]


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


def _date(value: datetime | None) -> date | None:
    return value.date() if value else None


def _run_load(
    total: int, as_json: bool, work: Callable[[Connection[Any], Callable[[str], None]], LoadReport]
) -> None:
    with database() as connection, steps(total, quiet=as_json) as progress:
        report = work(connection, progress)
    show_report(report, as_json=as_json)


@load.command("lastfm")
def load_lastfm_command(
    folder: Annotated[Path, typer.Argument(metavar="DIR")],
    *,
    min_taggers: Annotated[
        int, typer.Option(min=1, help="Members who must give an artist a tag to make it a genre.")
    ] = 2,
    max_genres: Annotated[
        int, typer.Option(min=0, max=100, help="Genres of an artist at most.")
    ] = 15,
    follows: Annotated[
        int, typer.Option(min=0, help="Most played artists that a member follows.")
    ] = 20,
    skip_bad: SkipBad = False,
    as_json: Json = False,
) -> None:
    """Load the HetRec 2011 Last.fm set: artists, tags, plays, friendships."""
    _run_load(
        5,
        as_json,
        lambda connection, progress: load_lastfm(
            connection,
            folder,
            min_taggers=min_taggers,
            max_genres=max_genres,
            follows_per_member=follows,
            skip_bad=skip_bad,
            progress=progress,
        ),
    )


@load.command("artists")
def load_artists_command(
    file: Annotated[Path, typer.Argument(metavar="FILE")],
    source: Source = "artists",
    skip_bad: SkipBad = False,
    as_json: Json = False,
) -> None:
    """Load artists from CSV: name, genres (a|b|c), and optionally id, country, image_url."""
    _run_load(
        2,
        as_json,
        lambda connection, progress: load_artists(
            connection, file, source=source, skip_bad=skip_bad, progress=progress
        ),
    )


@load.command("venues")
def load_venues_command(
    file: Annotated[Path, typer.Argument(metavar="FILE")],
    source: Source = "venues",
    skip_bad: SkipBad = False,
    as_json: Json = False,
) -> None:
    """Load venues from CSV: name, and optionally id, city, region, country, lat, lng, capacity."""
    _run_load(
        2,
        as_json,
        lambda connection, progress: load_venues(
            connection, file, source=source, skip_bad=skip_bad, progress=progress
        ),
    )


@load.command("concerts")
def load_concerts_command(
    file: Annotated[Path, typer.Argument(metavar="FILE")],
    *,
    since: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Leave earlier shows out.")
    ] = None,
    shift_to: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d"],
            help="Move all shows by whole weeks so that the first falls in the week from this day.",
        ),
    ] = None,
    source: Source = "concerts",
    skip_bad: SkipBad = False,
    as_json: Json = False,
) -> None:
    """Load shows from CSV: artist, date, venue, and optionally show_id, city, state, lat, lon."""
    _run_load(
        4,
        as_json,
        lambda connection, progress: load_concerts(
            connection,
            file,
            source=source,
            since=_date(since),
            shift_to=_date(shift_to),
            skip_bad=skip_bad,
            progress=progress,
        ),
    )


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
    """The jobs that make derived data: what rebuilds from the catalogue first, then the rest."""
    found = connection.execute(
        """
        select j.name
        from medley.jobs as j
        where j.enabled and (j.name like 'rebuild\\_%' or j.name like 'refresh\\_%')
        order by j.name
        """
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


def genre_branches(nodes: tuple[GenreNode, ...], title: str) -> Tree:
    """Places of the taxonomy as a tree to print."""
    tree = Tree(title, guide_style="dim")
    branches: dict[str | None, Tree] = {}
    for node in nodes:
        above = branches.get(node.parent_path_slug, tree)
        branches[node.path_slug] = above.add(f"{node.name} [dim]{node.artist_count:,}[/]")
    return tree


@genres.command("tree")
def genres_tree(
    root: Annotated[str | None, typer.Argument(help="A path, such as rock or rock.metal.")] = None,
    depth: Annotated[int | None, typer.Option(help="How many levels.")] = None,
    as_json: Json = False,
) -> None:
    """Print the taxonomy, with the number of artists of each genre."""
    nodes = api().genre_tree(root_slug=root, max_depth=depth)
    if as_json:
        print_json(nodes)
    else:
        out.print(genre_branches(nodes, root or "genres"))


@genres.command("similar")
def genres_similar(
    slug: Annotated[str, typer.Argument(help="A genre's slug, such as indie-rock.")],
    limit: Annotated[int | None, typer.Option(help="How many.")] = None,
    as_json: Json = False,
) -> None:
    """List the genres that the same artists carry."""
    similar = api().similar_genres(slug, limit=limit)
    if as_json:
        print_json(similar)
        return
    rows = ((g.name, g.slug, f"{g.weight:.2f}", f"{g.pair_count:,}") for g in similar)
    out.print(table(("genre", "slug", "#pmi", "#artists with both"), rows))


@genres.command("under")
def genres_under(
    slug: Annotated[str, typer.Argument(help="A path, such as rock or rock.metal.")],
    depth: Annotated[
        int | None, typer.Option(help="Down to which depth; an umbrella is 0.")
    ] = None,
    as_json: Json = False,
) -> None:
    """List the genres at and below a path."""
    client = api()
    ids = client.genres_under_umbrella(slug, max_depth=depth)
    # Ids tell people nothing; names come from the public table, a piece of the list a call.
    found: list[dict[str, Any]] = []
    wanted = sorted(ids)
    for start in range(0, len(wanted), 100):
        query = client.supabase.table("genres").select("id,name,slug")
        found.extend(query.in_("id", wanted[start : start + 100]).execute().data)  # type: ignore[arg-type]
    found.sort(key=lambda genre: genre["slug"])
    if as_json:
        print_json(found)
        return
    out.print(table(("genre", "slug"), ((g["name"], g["slug"]) for g in found)))
    err.print(f"{len(found):,} genres")


@app.command()
def feed(
    user: Annotated[str, typer.Option(help="The member's id.")],
    limit: Annotated[int, typer.Option(min=1, help="How many events.")] = 20,
    as_json: Json = False,
) -> None:
    """Show a member's personalized feed with its scores (secret key)."""
    events = list(
        islice(api(secret=True).iter_feed(page_size=min(limit, 100), user_id=user), limit)
    )
    if as_json:
        print_json(events)
        return
    columns = ("#score", "event", "when", "where", "why")
    rows = (
        (
            f"{event.score:.1f}",
            event.title,
            when(event.starts_at),
            ", ".join(filter(None, (event.city, event.country))),
            "; ".join(event.reasons),
        )
        for event in events
    )
    out.print(table(columns, rows))


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
    under: Annotated[str | None, typer.Option(help="A path: all genres below count.")] = None,
    depth: Annotated[int | None, typer.Option(help="How deep below that path.")] = None,
    near: Annotated[
        str | None, typer.Option(metavar="LAT,LON", help="A place, in degrees.")
    ] = None,
    radius: Annotated[float | None, typer.Option(help="Kilometres around it.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many events.")] = 50,
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
    columns = ("when", "event", "where", "#km", "genres")
    rows = (
        (
            when(event.starts_at),
            event.title,
            ", ".join(filter(None, (event.city, event.country))),
            None if event.distance_km is None else f"{event.distance_km:.0f}",
            ", ".join(event.genres[:4]),
        )
        for event in events
    )
    out.print(table(columns, rows))


def main() -> None:
    """What the entry point runs."""
    app(prog_name="medley")
