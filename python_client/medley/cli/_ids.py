"""Arguments that are ids: anything else is refused at once, with where such ids are found."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated
from uuid import UUID

import typer


def _id(where: str) -> Callable[[str | None], str | None]:
    """A check of an argument; `where` tells where to find what it takes."""

    def check(value: str | None) -> str | None:
        if value is not None:
            try:
                UUID(value)
            except ValueError:
                raise typer.BadParameter(f"it is an id, and {value!r} is none: {where}") from None
        return value

    return check


item_id = _id(
    "`medley find NAME` prints ids of items, as do `medley trending` and `medley recommend --ids`."
)
member_id = _id("`medley demo` prints that of its member; the table profiles has all.")
event_id = _id("`medley calendar --ids` prints ids of shows.")
post_id = _id("`medley post list AUTHOR` and `medley post search WORDS` print ids of posts.")
setlist_song_id = _id("`medley setlist show EVENT` prints them.")

Item = Annotated[str, typer.Argument(help="The item's id.", callback=item_id)]
User = Annotated[str, typer.Option(help="The member's id.", callback=member_id)]
Event = Annotated[str, typer.Argument(help="The show's id.", callback=event_id)]
