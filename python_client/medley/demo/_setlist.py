"""What a show may bring: a prediction, and votes that the next call knows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from psycopg import Connection

from .. import Medley, Recommendation, SetlistSong
from ._world import DemoFailed, run_now

STEPS = 1


@dataclass(frozen=True, slots=True)
class Voted:
    """What was seen of a setlist.

    Attributes:
        artist: Who plays.
        show: The coming show.
        predicted: Its songs before the member voted.
        vote_for: The song voted for.
        vote_against: The song voted against.
        after: The songs after both votes.
        recommended: Songs that the next call recommends.
    """

    artist: str
    show: str
    predicted: tuple[SetlistSong, ...]
    vote_for: SetlistSong
    vote_against: SetlistSong
    after: tuple[SetlistSong, ...]
    recommended: tuple[Recommendation, ...]


def vote(connection: Connection[Any], medley: Medley, progress: Callable[[str], None]) -> Voted:
    """Predicts the setlist of a coming show and votes on it, as the member.

    Args:
        connection: To DATABASE_URL, for the job that predicts.
        medley: The member's client.
        progress: Told each of STEPS steps.

    Raises:
        DemoFailed: There is no prediction, a vote was not counted, or nothing follows from it.
    """
    progress("A setlist")
    run_now(connection, "predict_setlists")
    # The next show of the artist of whom most is known.
    found = connection.execute(
        """
        select e.id::text, e.title
        from public.setlists as p
        inner join public.events as e on e.id = p.event_id
        where p.type = 'predicted' and e.starts_at > now()
          -- A vote for a song and one against another; songs may have been deleted since.
          and (select count(*) from public.setlist_songs as l where l.setlist_id = p.id) > 1
        order by
          (
            select count(*) from public.setlists as s
            where s.artist_id = p.artist_id and s.type = 'actual'
          ) desc,
          e.starts_at,
          e.id
        limit 1
        """
    ).fetchone()
    if found is None:
        raise DemoFailed("no show has a predicted setlist")
    event_id, show = found
    (setlist,) = (s for s in medley.event_setlists(event_id) if s.type == "predicted")
    before = medley.setlist(setlist.setlist_id)
    liked, disliked = before[0], before[-1]
    medley.vote_setlist_song(liked.setlist_song_id, 1)
    medley.vote_setlist_song(disliked.setlist_song_id, -1)
    after = medley.setlist(setlist.setlist_id)
    if (after[0].upvotes, after[-1].downvotes) != (liked.upvotes + 1, disliked.downvotes + 1):
        raise DemoFailed("a vote was not counted")
    recommended = medley.recommendations(kind="song", limit=5).rows
    if not recommended or liked.song_id in {item.item_id for item in recommended}:
        raise DemoFailed("the next recommendation of songs does not know the votes")
    return Voted(
        artist=setlist.artist,
        show=show,
        predicted=before,
        vote_for=liked,
        vote_against=disliked,
        after=after,
        recommended=recommended,
    )
