"""The commands around setlists: what a show may bring, and votes on it."""

from __future__ import annotations

from typing import Annotated

import typer

from ._ids import Event, User, item_id, setlist_song_id
from ._output import Commands, Json, out, print_json, table
from ._settings import api

setlist = typer.Typer(
    cls=Commands, no_args_is_help=True, help="Setlists of shows: read, vote, predict."
)


@setlist.command("show")
def show_command(event: Event, as_json: Json = False) -> None:
    """Show the setlists of a show with their votes."""
    found = api().event_setlists(event)
    if as_json:
        print_json(found)
        return
    if not found:
        out.print("No setlist yet.")
    for entry in found:
        state = ", locked" if entry.is_locked else ""
        out.print(
            f"[bold]{entry.name}[/] ({entry.type}, {entry.total_votes} votes{state}; "
            f"{entry.setlist_id})",
            highlight=False,
        )
        rows = (
            (
                str(song["position"]),
                str(song["title"]),
                str(song["upvotes"]),
                str(song["downvotes"]),
                str(song["setlist_song_id"]),
            )
            for song in entry.songs
        )
        out.print(table(("#place", "song", "#for", "#against", "setlist song"), rows))


@setlist.command("vote", context_settings={"ignore_unknown_options": True})
def vote_command(
    setlist_song: Annotated[
        str, typer.Argument(help="The song on its setlist: see `show`.", callback=setlist_song_id)
    ],
    vote: Annotated[int, typer.Argument(help="1 for it, -1 against it, 0 withdraws.")],
    user: User,
    as_json: Json = False,
) -> None:
    """Vote for a member (secret key)."""
    result = api(secret=True).vote_setlist_song(setlist_song, vote, user_id=user)
    if as_json:
        print_json(result)
        return
    out.print(
        f"{result.upvotes} for it, {result.downvotes} against it; "
        f"{result.total_votes} votes on the setlist."
    )


@setlist.command("predict")
def predict_command(
    event: Event,
    artist: Annotated[
        str | None,
        typer.Option(help="The artist's id; the headliner by default.", callback=item_id),
    ] = None,
    as_json: Json = False,
) -> None:
    """Predict the setlist of an upcoming show from past ones (secret key)."""
    medley = api(secret=True)
    songs = medley.setlist(medley.predict_setlist(event, artist_id=artist))
    if as_json:
        print_json(songs)
        return
    rows = ((str(song.position), song.title, song.artist) for song in songs)
    out.print(table(("#place", "song", "by"), rows))
