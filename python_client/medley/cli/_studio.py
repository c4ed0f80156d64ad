"""The commands of the studio: tracks, radio, playlists and histories (secret key)."""

from __future__ import annotations

from itertools import islice
from typing import Annotated, Any

import typer

from medley import GenerationStatus

from ._ids import User
from ._output import FAILED, Commands, Json, err, out, print_json, table, when
from ._settings import api

studio = typer.Typer(
    cls=Commands, no_args_is_help=True, help="Generated tracks, radio, playlists, histories."
)
playlist = typer.Typer(cls=Commands, no_args_is_help=True, help="Playlists of members.")
studio.add_typer(playlist, name="playlist")

Viewer = Annotated[str | None, typer.Option(help="The member for whose eyes it is.")]
Track = Annotated[str, typer.Argument(help="The track's id.")]
Playlist = Annotated[str, typer.Argument(help="The playlist's id.")]
Tracks = Annotated[list[str], typer.Argument(help="Ids of tracks, in order.")]
Before = Annotated[str | None, typer.Option(help="Right before this track; else at the end.")]
Limit = Annotated[int, typer.Option(help="How many at most.", min=1)]


@studio.command("request")
def request_command(
    *,
    user: User,
    prompt: Annotated[str | None, typer.Argument(help="What it shall sound like.")] = None,
    title: Annotated[str | None, typer.Option(help="The track's title.")] = None,
    mode: Annotated[str, typer.Option(help="new, similar, extend or radio.")] = "new",
    source: Annotated[str | None, typer.Option(help="The track that it comes from.")] = None,
    genre: Annotated[list[str] | None, typer.Option(help="A genre; may be repeated.")] = None,
    seconds: Annotated[int | None, typer.Option(help="How long it shall be.", min=1)] = None,
    public: Annotated[bool, typer.Option("--public", help="For others too.")] = False,
    no_wait: Annotated[bool, typer.Option("--no-wait", help="Ask for it and leave.")] = False,
    as_json: Json = False,
) -> None:
    """Ask for a track, have it begun, and watch it to its end."""
    medley = api(secret=True)
    wanted = {"prompt": prompt, "duration": seconds}
    # The modes are checked by the database, which says which there are.
    kind: Any = mode
    asked = medley.request_generation(
        kind,
        title=title or prompt,
        parameters={name: value for name, value in wanted.items() if value is not None},
        genres=genre,
        source_id=source,
        is_public=public,
        user_id=user,
    )
    if not as_json:
        left = f"{asked.remaining} left until {when(asked.resets_at)}"
        err.print(f"track {asked.track_id}, {left}", style="dim", highlight=False)
    medley.start_generation()
    if no_wait:
        if as_json:
            print_json(asked)
        return
    _follow(asked.track_id, user, as_json=as_json)


@studio.command("status")
def status_command(
    track: Track,
    user: User,
    watch: Annotated[bool, typer.Option("--watch", help="Until it is done.")] = False,
    as_json: Json = False,
) -> None:
    """Show how a request stands."""
    if watch:
        _follow(track, user, as_json=as_json)
    else:
        _show(api(secret=True).generation_status(track, user_id=user), as_json=as_json)


@studio.command("quota")
def quota_command(user: User, as_json: Json = False) -> None:
    """Show what a member may still ask for today."""
    quota = api(secret=True).generation_quota(user_id=user)
    if as_json:
        print_json(quota)
    else:
        out.print(
            f"{quota.remaining} of {quota.daily_limit} ({quota.plan}), "
            f"anew {when(quota.resets_at)}",
            highlight=False,
        )


@studio.command("failed")
def failed_command(limit: Limit = 20, as_json: Json = False) -> None:
    """List the requests that failed for good, newest first."""
    found = list(islice(api(secret=True).iter_failed_generations(), limit))
    if as_json:
        print_json(found)
        return
    rows = ((row.track_id, row.mode, row.attempts, when(row.failed_at), row.error) for row in found)
    out.print(table(("track", "mode", "#attempts", "failed", "why"), rows))


@studio.command("radio")
def radio_command(
    track: Track, user: Viewer = None, limit: Limit = 20, as_json: Json = False
) -> None:
    """Play on from a track: what sounds most like it."""
    heard = api(secret=True).iter_radio(track, page_size=min(limit, 200), user_id=user)
    found = list(islice(heard, limit))
    if as_json:
        print_json(found)
        return
    rows = ((f"{row.similarity:.3f}", row.title, row.kind, row.item_id) for row in found)
    out.print(table(("#alike", "title", "kind", "id"), rows))


@studio.command("sync")
def sync_command(
    user: Annotated[str | None, typer.Option(help="A member; by default all who are due.")] = None,
    platform: Annotated[str | None, typer.Option(help="spotify, apple or youtube.")] = None,
    as_json: Json = False,
) -> None:
    """Import what members have played elsewhere; fails if one history fails."""
    found = api(secret=True).sync_history(platform=platform, user_id=user)
    if as_json:
        print_json(found)
    else:
        rows = (
            (row.user_id, row.platform, row.imported, row.duplicates, row.error or "")
            for row in found
        )
        out.print(table(("member", "platform", "#new", "#known", "error"), rows))
    if any(row.error for row in found):
        raise typer.Exit(FAILED)


@studio.command("rotate-keys")
def rotate_command(as_json: Json = False) -> None:
    """Encrypt all tokens with the key in use; fails while some are left under others."""
    medley = api(secret=True)
    done = medley.rotate_oauth_keys()
    rotated = done.rotated
    while not done.done:
        done = medley.rotate_oauth_keys()
        rotated += done.rotated
    if as_json:
        print_json(done)
    else:
        out.print(f"{rotated} rotated to key {done.key_id}", highlight=False)
        rows = ((row["connection_id"], row["key_id"], row["error"]) for row in done.left)
        if done.left:
            err.print(table(("connection", "key", "error"), rows))
    if done.left:
        raise typer.Exit(FAILED)


@playlist.command("create")
def create_command(
    name: Annotated[str, typer.Argument(help="The playlist's name.")],
    user: User,
    public: Annotated[bool, typer.Option("--public", help="For others too.")] = False,
) -> None:
    """Make an empty playlist and print its id."""
    made = api(secret=True).create_playlist(name, is_public=public, user_id=user)
    out.print(made, highlight=False)


@playlist.command("show")
def show_command(
    playlist_id: Playlist, user: Viewer = None, limit: Limit = 100, as_json: Json = False
) -> None:
    """List the tracks of a playlist in order."""
    tracks = api(secret=True).iter_playlist_tracks(playlist_id, user_id=user)
    found = list(islice(tracks, limit))
    if as_json:
        print_json(found)
        return
    rows = (
        (place, row.title, row.duration, row.track_id) for place, row in enumerate(found, start=1)
    )
    out.print(table(("#", "title", "#seconds", "track"), rows))


@playlist.command("add")
def add_command(playlist_id: Playlist, tracks: Tracks, user: User, before: Before = None) -> None:
    """Add tracks to a playlist."""
    added = api(secret=True).add_playlist_tracks(playlist_id, tracks, before=before, user_id=user)
    out.print(f"{added} added")


@playlist.command("move")
def move_command(playlist_id: Playlist, track: Track, user: User, before: Before = None) -> None:
    """Move a track of a playlist."""
    api(secret=True).move_playlist_track(playlist_id, track, before=before, user_id=user)


@playlist.command("remove")
def remove_command(playlist_id: Playlist, tracks: Tracks, user: User) -> None:
    """Take tracks off a playlist."""
    removed = api(secret=True).remove_playlist_tracks(playlist_id, tracks, user_id=user)
    out.print(f"{removed} removed")


def _follow(track: str, user: str, *, as_json: bool) -> None:
    """Says on stderr what changes; then how it ended."""
    last: GenerationStatus | None = None
    for last in api(secret=True).watch_generation(track, user_id=user):
        if not as_json and not last.finished:
            again = f" (attempt {last.attempts + 1}: {last.error})" if last.error else ""
            line = f"{last.progress:3d}% {last.status}{again}"
            err.print(line, markup=False, highlight=False)
    if last is not None:
        _show(last, as_json=as_json)


def _show(status: GenerationStatus, *, as_json: bool) -> None:
    if as_json:
        print_json(status)
    else:
        place = f", place {status.queue_position}" if status.queue_position else ""
        line = f"{status.status} {status.progress}%{place}"
        out.print(status.url or line, markup=False, highlight=False)
        if status.error:
            err.print(status.error, markup=False, highlight=False)
    if status.status == "failed":
        raise typer.Exit(FAILED)
