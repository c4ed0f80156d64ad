"""The commands that load files: over DATABASE_URL, through COPY."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from psycopg import Connection

from medley.loaders import (
    LoadReport,
    load_artists,
    load_concerts,
    load_films,
    load_interactions,
    load_lastfm,
    load_mind,
    load_movielens,
    load_setlists,
    load_venues,
)
from medley.loaders.interactions import Format

from ._output import Json, show_report, steps
from ._settings import database

load = typer.Typer(
    no_args_is_help=True, help="Load files (DATABASE_URL). A second run changes nothing."
)

SkipBad = Annotated[
    bool, typer.Option("--skip-bad", help="Load the good rows, leave bad ones out.")
]
Source = Annotated[str, typer.Option(help="Name of the source; ids are its own.")]


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
        6,
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


@load.command("movielens")
def load_movielens_command(
    folder: Annotated[Path, typer.Argument(metavar="DIR")],
    *,
    skip_bad: SkipBad = False,
    as_json: Json = False,
) -> None:
    """Load MovieLens (latest-small and its like): films, ratings, tags."""
    _run_load(
        5,
        as_json,
        lambda connection, progress: load_movielens(
            connection, folder, skip_bad=skip_bad, progress=progress
        ),
    )


@load.command("mind")
def load_mind_command(
    file: Annotated[Path, typer.Argument(metavar="FILE")],
    *,
    newest_at: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"],
            help="Move all times alike, so that the newest list is of this moment (UTC).",
        ),
    ] = None,
    skip_bad: SkipBad = False,
    as_json: Json = False,
) -> None:
    """Load news impressions in MIND's layout (behaviors.tsv): articles, lists, clicks."""
    _run_load(
        4,
        as_json,
        lambda connection, progress: load_mind(
            connection,
            file,
            newest_at=newest_at.replace(tzinfo=UTC) if newest_at else None,
            skip_bad=skip_bad,
            progress=progress,
        ),
    )


@load.command("films")
def load_films_command(
    folder: Annotated[Path, typer.Argument(metavar="DIR")],
    *,
    skip_bad: SkipBad = False,
    as_json: Json = False,
) -> None:
    """Load films with cast, director, keywords and overview; joins those of MovieLens."""
    _run_load(
        4,
        as_json,
        lambda connection, progress: load_films(
            connection, folder, skip_bad=skip_bad, progress=progress
        ),
    )


@load.command("interactions")
def load_interactions_command(
    file: Annotated[Path, typer.Argument(metavar="FILE")],
    *,
    fmt: Annotated[
        Format,
        typer.Option(
            "--format", help="csv: user,item[,weight][,unix time], with or without a header."
        ),
    ] = "csv",
    kind: Annotated[str, typer.Option(help="Kind of the items; made if it is new.")] = "item",
    source: Source = "interactions",
    skip_bad: SkipBad = False,
    as_json: Json = False,
) -> None:
    """Load who did what with which item, and nothing else."""
    _run_load(
        4,
        as_json,
        lambda connection, progress: load_interactions(
            connection, file, fmt, source=source, kind=kind, skip_bad=skip_bad, progress=progress
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


@load.command("setlists")
def load_setlists_command(
    folder: Annotated[Path, typer.Argument(metavar="DIR")],
    *,
    artist: Annotated[
        str | None, typer.Option(help="Name of the artist; from the files' names by default.")
    ] = None,
    source: Source = "setlists",
    skip_bad: SkipBad = False,
    as_json: Json = False,
) -> None:
    """Load what an artist played: PREFIX_{show,venue,song,setlist}data.csv."""
    _run_load(
        6,
        as_json,
        lambda connection, progress: load_setlists(
            connection, folder, artist=artist, source=source, skip_bad=skip_bad, progress=progress
        ),
    )
