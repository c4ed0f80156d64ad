"""The commands that import artists and watch them come (secret key)."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

import typer
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskProgressColumn, TextColumn

from medley import ImportProgress

from ._output import FAILED, Json, err, out, print_json
from ._settings import api

imports = typer.Typer(no_args_is_help=True, help="Import artists from Spotify and others.")

NoWait = Annotated[bool, typer.Option("--no-wait", help="Start it and leave.")]


@imports.command("artist")
def artist(
    *,
    name: Annotated[str | None, typer.Argument(help="The artist's name.")] = None,
    artist_id: Annotated[
        str | None, typer.Option(help="An artist of the catalogue, instead of a name.")
    ] = None,
    spotify_id: Annotated[str | None, typer.Option(help="The id at Spotify, instead.")] = None,
    ticketmaster_id: Annotated[
        str | None, typer.Option(help="The id at Ticketmaster, instead.")
    ] = None,
    no_wait: NoWait = False,
    as_json: Json = False,
) -> None:
    """Import an artist with songs, shows and setlists, or join the import that runs."""
    job = api(secret=True).start_import(
        name=name, artist_id=artist_id, spotify_id=spotify_id, ticketmaster_id=ticketmaster_id
    )
    if no_wait:
        if as_json:
            print_json(job)
        else:
            out.print(f"job {job.job_id}")
        return
    if not as_json:
        err.print(f"job {job.job_id}", style="dim", highlight=False)
    _follow(job.job_id, as_json=as_json)


@imports.command("watch")
def watch(
    job: Annotated[str, typer.Argument(help="The job, as `medley import artist` prints it.")],
    as_json: Json = False,
) -> None:
    """Watch an import to its end; fails if it fails."""
    _follow(job, as_json=as_json)


def _follow(job_id: str, *, as_json: bool) -> None:
    """Shows a bar on a terminal, else a line for each update; then how it ended."""
    last: ImportProgress | None = None
    live = err.is_terminal and not as_json
    with Progress(
        SpinnerColumn(),
        TextColumn("{task.fields[stage]}", style="bold"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[left]}", style="cyan"),
        TextColumn("{task.description}", markup=False),
        console=err,
        transient=True,
        disable=not live,
    ) as progress:
        task = progress.add_task("", total=100, stage="", left="")
        for last in api(secret=True).watch_import(job_id):
            progress.update(
                task,
                completed=last.progress,
                description=last.message or "",
                stage=last.stage,
                left=_left(last.estimated_time_remaining),
            )
            if not live and not as_json:
                line = f"{last.progress:3d}% {last.stage:9} {last.message or ''}"
                err.print(line, markup=False, highlight=False)
    if last is None:
        # Everything was said before this watch began.
        return
    if as_json:
        print_json(last)
    elif last.error:
        err.print(last.error, style="bold red", markup=False, highlight=False)
        err.print("The same command goes on where it failed.", highlight=False)
    else:
        out.print(f"artist {last.artist_id}: {last.message}", markup=False, highlight=False)
    if last.error:
        raise typer.Exit(FAILED)


def _left(seconds: int | None) -> str:
    return "" if seconds is None else f"about {timedelta(seconds=seconds)} left"
