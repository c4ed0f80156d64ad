"""The asynchronous client's part for concerts; `make_sync.py` makes the other from this file."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from datetime import date, datetime
from typing import Literal

import httpx

from . import _rpc
from ._calls_async import NOTHING, AsyncCalls
from ._errors import MedleyError, error_from
from ._functions import Updates, refusal
from ._models import (
    CalendarEvent,
    FeedEvent,
    ImportJob,
    ImportProgress,
    Page,
    Setlist,
    SetlistSong,
    SetlistVote,
    TrendingArtist,
    parse_row,
)

# Seconds without a byte: streams show every 15 seconds that they live.
_STREAM_SECONDS = 60


class AsyncLive(AsyncCalls):
    """What `AsyncMedley` can do with shows, setlists and imports."""

    # Feed and calendar

    async def personalized_feed(
        self, *, limit: int | None = None, cursor: str | None = None, user_id: str | None = None
    ) -> Page[FeedEvent]:
        """The upcoming events that suit a member best, with the reasons.

        Args:
            limit: Rows of a page, 1 to 200; 20 by default.
            cursor: `next_cursor` of the page before.
            user_id: The member, with the secret key; otherwise the signed-in one.

        Returns:
            A page, best score first; every row carries its score by term.

        Raises:
            Unauthenticated: Nobody is signed in.
            Forbidden: `user_id` is someone else.
            NotFound: There is no such member.
            InvalidArgument: `limit` is out of range, or the secret key without `user_id`.
            InvalidCursor: The cursor is damaged or not of this feed.
        """
        return await self._call(_rpc.personalized_feed(limit=limit, cursor=cursor, user_id=user_id))

    def iter_feed(
        self, *, page_size: int | None = None, user_id: str | None = None
    ) -> AsyncIterator[FeedEvent]:
        """The whole feed, page after page; stop when you have enough.

        Args:
            page_size: Rows fetched at once, 1 to 200.
            user_id: As for `personalized_feed`.

        Returns:
            Events, best score first.

        Raises:
            MedleyError: As for `personalized_feed`.
        """
        return self._pages(
            lambda cursor: _rpc.personalized_feed(limit=page_size, cursor=cursor, user_id=user_id)
        )

    async def calendar_events(
        self,
        *,
        start_date: datetime | date | None = None,
        end_date: datetime | date | None = None,
        genres: Sequence[str] | None = None,
        latitude: float | None = None,
        longitude: float | None = None,
        radius_km: float | None = None,
        umbrella_slug: str | None = None,
        max_depth: int | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> Page[CalendarEvent]:
        """Events by date, and by place or genre if wanted.

        Args:
            start_date: From when on; now by default. A `date` means its midnight, UTC.
            end_date: Until when; open by default.
            genres: Names of genres, of which an event must have one.
            latitude: Degrees north of the place (WGS 84); goes with `longitude` and `radius_km`.
            longitude: Degrees east of the place.
            radius_km: How far from the place, in kilometres.
            umbrella_slug: A path in the taxonomy (`rock.indie-rock`): all genres below count.
            max_depth: How deep below the umbrella, 5 by default.
            limit: Rows of a page; 50 by default.
            cursor: `next_cursor` of the page before.

        Returns:
            A page in order of time.

        Raises:
            NotFound: No genre has that path.
            InvalidArgument: Dates reversed, coordinates or radius out of range.
            InvalidCursor: The cursor is damaged or of another query.
        """
        return await self._call(
            _rpc.calendar_events(
                start_date=start_date,
                end_date=end_date,
                genres=genres,
                latitude=latitude,
                longitude=longitude,
                radius_km=radius_km,
                umbrella_slug=umbrella_slug,
                max_depth=max_depth,
                limit=limit,
                cursor=cursor,
            )
        )

    def iter_calendar(
        self,
        *,
        start_date: datetime | date | None = None,
        end_date: datetime | date | None = None,
        genres: Sequence[str] | None = None,
        latitude: float | None = None,
        longitude: float | None = None,
        radius_km: float | None = None,
        umbrella_slug: str | None = None,
        max_depth: int | None = None,
        page_size: int | None = None,
    ) -> AsyncIterator[CalendarEvent]:
        """The whole calendar, page after page; the arguments are those of `calendar_events`.

        Returns:
            Events in order of time.
        """
        # One start for all pages: a cursor belongs to its query, and the default moves on.
        start = start_date or datetime.now().astimezone()
        return self._pages(
            lambda cursor: _rpc.calendar_events(
                start_date=start,
                end_date=end_date,
                genres=genres,
                latitude=latitude,
                longitude=longitude,
                radius_km=radius_km,
                umbrella_slug=umbrella_slug,
                max_depth=max_depth,
                limit=page_size,
                cursor=cursor,
            )
        )

    async def rsvp(
        self,
        event_id: str,
        *,
        status: Literal["going", "maybe"] = "going",
        user_id: str | None = None,
    ) -> None:
        """Says that a member goes, or may go, to an event; again changes the answer.

        Args:
            event_id: The event.
            status: `going` or `maybe`.
            user_id: The member, with the secret key; otherwise the signed-in one.

        Raises:
            Forbidden: There is no such event that the member may see, or `user_id` is someone else.
            NotFound: There is no such event or member, with the secret key.
            InvalidArgument: Another status, or no id.
            Unauthenticated: No member is signed in.
        """
        row = {"user_id": await self._member(user_id), "event_id": event_id, "status": status}
        await self._send(
            self.supabase.table("event_rsvps").upsert(
                row, on_conflict="user_id,event_id", returning=NOTHING
            )
        )

    async def cancel_rsvp(self, event_id: str, *, user_id: str | None = None) -> None:
        """Takes the answer to an event back; nothing happens if there is none.

        Raises:
            Unauthenticated: No member is signed in.
        """
        await self._delete(
            "event_rsvps", {"user_id": await self._member(user_id), "event_id": event_id}
        )

    # Setlists

    async def event_setlists(self, event_id: str) -> tuple[Setlist, ...]:
        """The setlists of a show: actual ones, predicted ones, then those of members.

        Args:
            event_id: The show.

        Returns:
            At most 200, each with its songs.

        Raises:
            NotFound: There is no such show that the caller may see.
        """
        return await self._call(_rpc.event_setlists(event_id=event_id))

    async def setlist(self, setlist_id: str) -> tuple[SetlistSong, ...]:
        """The songs of a setlist in order, with their votes and one's own.

        Args:
            setlist_id: The setlist.

        Returns:
            All songs.

        Raises:
            NotFound: There is no such setlist that the caller may see.
        """
        return await self._call(_rpc.setlist(setlist_id=setlist_id))

    async def vote_setlist_song(
        self, setlist_song_id: str, vote: int, *, user_id: str | None = None
    ) -> SetlistVote:
        """Votes for a song of a setlist, against it, or takes the vote back.

        Args:
            setlist_song_id: The song on its setlist.
            vote: 1, -1, or 0 to withdraw. The last one counts, so repeating it is safe.
            user_id: The member, with the secret key; otherwise the signed-in one.

        Returns:
            The counters after the vote.

        Raises:
            Conflict: The setlist is locked, or the show is in the past.
            NotFound: There is no such song on a setlist that the member may see, or no such member.
            InvalidArgument: `vote` is something else.
            Unauthenticated: Nobody is signed in.
            Forbidden: `user_id` is someone else.
        """
        return await self._call(
            _rpc.vote_setlist_song(setlist_song_id=setlist_song_id, vote=vote, user_id=user_id)
        )

    async def create_setlist(
        self,
        event_id: str,
        artist_id: str,
        name: str,
        *,
        song_ids: Sequence[str] | None = None,
        user_id: str | None = None,
    ) -> str:
        """Makes a member's own setlist for an upcoming show.

        Args:
            event_id: The show.
            artist_id: Its headliner, or another artist who plays there.
            name: Of the list.
            song_ids: Up to 100 songs that the artist plays, in order.
            user_id: The member, with the secret key; otherwise the signed-in one.

        Returns:
            The setlist's id.

        Raises:
            Conflict: A song stands twice, or the show is in the past.
            NotFound: There is no such show or song that the member may see, or no such member.
            InvalidArgument: The artist does not play there, or not one of the songs.
            TooLarge: More than 100 songs.
            Unauthenticated: Nobody is signed in.
            Forbidden: `user_id` is someone else.
        """
        return await self._call(
            _rpc.create_setlist(
                event_id=event_id,
                artist_id=artist_id,
                name=name,
                song_ids=song_ids,
                user_id=user_id,
            )
        )

    async def add_setlist_song(
        self,
        setlist_id: str,
        song_id: str,
        *,
        position: int | None = None,
        user_id: str | None = None,
    ) -> str:
        """Puts a song on a setlist of the member's own; with the secret key on any.

        Args:
            setlist_id: The setlist.
            song_id: A song that its artist plays.
            position: Where, from 1; what is there moves down. At the end by default.
            user_id: The member, with the secret key; otherwise the signed-in one.

        Returns:
            The setlist_song_id.

        Raises:
            Conflict: The song is on it already, it is locked, or the show is in the past.
            Forbidden: The setlist or `user_id` is someone else's.
            NotFound: There is no such setlist or song that the member may see, or no such member.
            InvalidArgument: Another artist's song, or a position with a gap before it.
            TooLarge: The setlist has 100 songs.
            Unauthenticated: Nobody is signed in.
        """
        return await self._call(
            _rpc.add_setlist_song(
                setlist_id=setlist_id, song_id=song_id, position=position, user_id=user_id
            )
        )

    async def move_setlist_song(
        self, setlist_song_id: str, position: int, *, user_id: str | None = None
    ) -> None:
        """Moves a song of a setlist of the member's own; with the secret key of any.

        Args:
            setlist_song_id: The song on its setlist.
            position: Where to, from 1; those between move by one.
            user_id: The member, with the secret key; otherwise the signed-in one.

        Raises:
            Conflict: The setlist is locked, or the show is in the past.
            Forbidden: The setlist or `user_id` is someone else's.
            NotFound: There is no such song on a setlist that the member may see, or no such member.
            InvalidArgument: The setlist has no such position.
            Unauthenticated: Nobody is signed in.
        """
        await self._call(
            _rpc.move_setlist_song(
                setlist_song_id=setlist_song_id, position=position, user_id=user_id
            )
        )

    async def remove_setlist_song(
        self, setlist_song_id: str, *, user_id: str | None = None
    ) -> None:
        """Takes a song off a setlist of the member's own, with its votes; see `move_setlist_song`.

        Args:
            setlist_song_id: The song on its setlist.
            user_id: The member, with the secret key; otherwise the signed-in one.

        Raises:
            Conflict: The setlist is locked, or the show is in the past.
            Forbidden: The setlist or `user_id` is someone else's.
            NotFound: There is no such song on a setlist that the member may see, or no such member.
            Unauthenticated: Nobody is signed in.
        """
        await self._call(_rpc.remove_setlist_song(setlist_song_id=setlist_song_id, user_id=user_id))

    async def lock_setlist(self, setlist_id: str, *, locked: bool = True) -> None:
        """Locks a setlist against votes, changes and predictions, or unlocks it (secret key).

        Args:
            setlist_id: The setlist.
            locked: Whether it shall be locked.

        Raises:
            NotFound: There is no such setlist.
            Forbidden: Not the secret key.
        """
        await self._call(_rpc.lock_setlist(setlist_id=setlist_id, locked=locked))

    async def predict_setlist(self, event_id: str, *, artist_id: str | None = None) -> str:
        """Predicts the setlist of an upcoming show now (secret key); a job does so by itself.

        Args:
            event_id: The show.
            artist_id: Who plays; the headliner by default.

        Returns:
            The setlist's id.

        Raises:
            NotFound: There is no such show, or no actual setlist of the artist.
            Conflict: The prediction is locked, or the show is in the past.
            Forbidden: Not the secret key.
        """
        return await self._call(_rpc.predict_setlist(event_id=event_id, artist_id=artist_id))

    async def trending_artists(
        self, *, limit: int | None = None, cursor: str | None = None
    ) -> Page[TrendingArtist]:
        """The artists that members voted for, followed and viewed most lately.

        Args:
            limit: Rows of a page, 1 to 200; 20 by default.
            cursor: `next_cursor` of the page before.

        Returns:
            A page, the highest score first. A job keeps it current.

        Raises:
            InvalidArgument: `limit` is out of range.
            InvalidCursor: The cursor is damaged or of another query.
        """
        return await self._call(_rpc.trending_artists(limit=limit, cursor=cursor))

    def iter_trending_artists(
        self, *, page_size: int | None = None
    ) -> AsyncIterator[TrendingArtist]:
        """All trending artists, page after page.

        Returns:
            Artists, the highest score first.
        """
        return self._pages(lambda cursor: _rpc.trending_artists(limit=page_size, cursor=cursor))

    async def refresh_user_cluster_affinity(self) -> int:
        """Rebuilds every member's cluster affinities from the RSVPs (secret key).

        The database keeps a member's rows current with each RSVP; this is for after a change of
        the taxonomy. On large data leave it to the job of that name: the API's time budget holds.

        Returns:
            Rows that changed.

        Raises:
            Forbidden: Not the secret key.
            TimedOut: More members than one call can do.
        """
        return await self._call(_rpc.refresh_user_cluster_affinity())

    # Imports

    async def start_import(
        self,
        *,
        name: str | None = None,
        artist_id: str | None = None,
        spotify_id: str | None = None,
        ticketmaster_id: str | None = None,
    ) -> ImportJob:
        """Starts the import of an artist from the outside sources, or joins the one that runs.

        A failed import goes on at the stage where it failed. The edge function `import-artist` does
        the work; `watch_import` shows it.

        Args:
            name: The artist's name. Say in one way only who is meant.
            artist_id: An artist of the catalogue.
            spotify_id: The id at Spotify.
            ticketmaster_id: The id at Ticketmaster.

        Returns:
            The job.

        Raises:
            Unauthenticated: Nobody is signed in.
            NotFound: There is no artist with that `artist_id`.
            InvalidArgument: Not exactly one of the four was given.
            Unavailable: No source is configured, or no answer.
            NotInstalled: The function is not deployed.
        """
        asked = {
            "name": name,
            "artist_id": artist_id,
            "spotify_id": spotify_id,
            "ticketmaster_id": ticketmaster_id,
        }
        body = {key: value for key, value in asked.items() if value is not None}
        return parse_row(ImportJob, await self._post("import-artist", body))

    async def watch_import(self, job_id: str) -> AsyncIterator[ImportProgress]:
        """Follows an import: where it is now, then each update as it happens, to the end.

        A connection that breaks is made again and goes on after the last update.

        Args:
            job_id: The job, as `start_import` answers it.

        Yields:
            Updates in order, each once. The last one is done or failed.

        Raises:
            NotFound: There is no such import.
            Unavailable: No connection, after as many attempts as `retries` allows.
        """
        updates = Updates(job_id)
        failures = 0
        while True:
            try:
                async with (
                    httpx.AsyncClient(timeout=_STREAM_SECONDS) as http,
                    http.stream(
                        "GET",
                        self._function("import-progress"),
                        params={"job_id": job_id},
                        headers={**await self._headers(), **updates.headers()},
                    ) as answer,
                ):
                    if answer.is_error:
                        await answer.aread()
                        raise refusal(answer)
                    async for line in answer.aiter_lines():
                        update = updates.feed(line)
                        if update is not None:
                            failures = 0
                            yield update
                            if update.finished:
                                return
                    # No content: there is nothing left to say.
                    if answer.status_code == httpx.codes.NO_CONTENT:
                        return
            except (httpx.HTTPError, MedleyError) as problem:
                error = problem if isinstance(problem, MedleyError) else error_from(problem)
                failures += 1
                if failures > self._retries or not error.transient:
                    raise error from problem
            await asyncio.sleep(0.5 * 2**failures * random.uniform(1.0, 1.5))  # noqa: S311
