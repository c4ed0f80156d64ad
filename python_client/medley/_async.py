"""The asynchronous client; `make_sync.py` makes the other, `_sync.py`, from this file."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import date, datetime
from typing import Any, Literal, Protocol, TypeVar, overload

import httpx
from postgrest.exceptions import APIError
from postgrest.types import ReturnMethod
from supabase import AsyncClient

from . import _rpc
from ._errors import Unauthenticated, error_from
from ._models import (
    CalendarEvent,
    EngineStatus,
    FeedEvent,
    GenreNode,
    Page,
    RegisteredItem,
    SimilarGenre,
)

T = TypeVar("T")

# Writes answer with a status only: a policy may let a member write a row and not read it.
_NOTHING = ReturnMethod.minimal


class _Request(Protocol):
    async def execute(self) -> Any: ...


class AsyncMedley:
    """The engine as an app calls it, for asyncio.

    A member's client (publishable key and a session) acts for that member. A service's client
    (secret key) names the member with `user_id`.

    Args:
        client: A Supabase client, whose key and session decide who is asking; or the project's URL.
        key: The publishable or the secret key, where `client` is a URL.
        retries: How often a read is tried again after a failure that may pass. Writes never are.

    Attributes:
        supabase: The Supabase client, for everything that is not Medley's (auth, tables).
    """

    @overload
    def __init__(self, client: AsyncClient, *, retries: int = 2) -> None: ...

    @overload
    def __init__(self, client: str, key: str, *, retries: int = 2) -> None: ...

    def __init__(
        self, client: AsyncClient | str, key: str | None = None, *, retries: int = 2
    ) -> None:
        self.supabase: AsyncClient = (
            AsyncClient(client, key or "") if isinstance(client, str) else client
        )
        self._retries = retries

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
            Forbidden: Nobody is signed in, or `user_id` is someone else.
            InvalidArgument: `limit` is out of range, or the secret key without `user_id`.
            InvalidCursor: The cursor is damaged or not of this feed.
        """
        return await self._call(_rpc.personalized_feed(limit=limit, cursor=cursor, user_id=user_id))

    async def iter_feed(
        self, *, page_size: int | None = None, user_id: str | None = None
    ) -> AsyncIterator[FeedEvent]:
        """The whole feed, page after page; stop when you have enough.

        Args:
            page_size: Rows fetched at once, 1 to 200.
            user_id: As for `personalized_feed`.

        Yields:
            Events, best score first.
        """
        cursor: str | None = None
        while True:
            page = await self.personalized_feed(limit=page_size, cursor=cursor, user_id=user_id)
            for event in page:
                yield event
            cursor = page.next_cursor
            if cursor is None:
                return

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

    async def iter_calendar(
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

        Yields:
            Events in order of time.
        """
        # One start for all pages: a cursor belongs to its query, and the default moves on.
        start = start_date or datetime.now().astimezone()
        cursor: str | None = None
        while True:
            page = await self.calendar_events(
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
            for event in page:
                yield event
            cursor = page.next_cursor
            if cursor is None:
                return

    # Genres

    async def genre_tree(
        self, *, root_slug: str | None = None, max_depth: int | None = None
    ) -> tuple[GenreNode, ...]:
        """The taxonomy, or what is below one path of it.

        Args:
            root_slug: A path (`rock`, `rock.indie-rock`); the whole tree by default.
            max_depth: How many levels, 2 by default.

        Returns:
            Places of the tree, parents before children.

        Raises:
            NotFound: No genre has that path.
        """
        return await self._call(_rpc.genre_tree(root_slug=root_slug, max_depth=max_depth))

    async def similar_genres(
        self, slug: str, *, limit: int | None = None
    ) -> tuple[SimilarGenre, ...]:
        """Genres that the same artists carry more often than chance would have it.

        Args:
            slug: The genre's own slug (`indie-rock`).
            limit: How many; 10 by default.

        Returns:
            Neighbours, the closest first. Their weight, 0 to 1, is normalized pointwise mutual
            information, shrunk by how often the two were seen together (docs/taxonomy.md).

        Raises:
            NotFound: No genre has that slug.
        """
        return await self._call(_rpc.similar_genres(slug=slug, limit=limit))

    async def genres_under_umbrella(
        self, slug: str, *, max_depth: int | None = None
    ) -> frozenset[str]:
        """Ids of a path's genre and of all genres below it.

        Args:
            slug: A path (`rock.indie-rock`); segments count whole: `rock` has no `rockabilly`.
            max_depth: Depth down to which genres count, 5 by default; an umbrella has depth 0.

        Returns:
            Genre ids.

        Raises:
            NotFound: No genre has that path.
        """
        return await self._call(_rpc.genres_under_umbrella(slug=slug, max_depth=max_depth))

    # What members do

    async def set_preferences(
        self,
        *,
        genres: Sequence[str] | None = None,
        home: tuple[float, float] | None = None,
        home_city: str | None = None,
        home_country: str | None = None,
        radius_km: float | None = None,
        profile: Mapping[str, Any] | None = None,
        user_id: str | None = None,
    ) -> None:
        """Sets what a member likes and where they live; what is left out stays as it was.

        Args:
            genres: Names of genres, at most 50, in any spelling.
            home: Latitude and longitude in degrees (WGS 84).
            home_city: City, as the member writes it.
            home_country: Country, in the spelling of the venues.
            radius_km: How far the member goes, 1 to 500 km.
            profile: Anything else that the app keeps for the member.
            user_id: The member, with the secret key; otherwise the signed-in one.

        Raises:
            InvalidArgument: A value is out of range.
            Unauthenticated: No member is signed in.
        """
        row: dict[str, Any] = {
            "genre_preferences": None if genres is None else list(genres),
            "home_latitude": home and home[0],
            "home_longitude": home and home[1],
            "home_city": home_city,
            "home_country": home_country,
            "radius_km": radius_km,
            "preferences_profile": None if profile is None else dict(profile),
        }
        row = {column: value for column, value in row.items() if value is not None}
        row["user_id"] = await self._member(user_id)
        await self._send(
            self.supabase.table("user_preferences").upsert(
                row, on_conflict="user_id", returning=_NOTHING
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
            Forbidden: There is no such event that the member may see.
            InvalidArgument: Another status, or no id.
            Unauthenticated: No member is signed in.
        """
        row = {"user_id": await self._member(user_id), "event_id": event_id, "status": status}
        await self._send(
            self.supabase.table("event_rsvps").upsert(
                row, on_conflict="user_id,event_id", returning=_NOTHING
            )
        )

    async def cancel_rsvp(self, event_id: str, *, user_id: str | None = None) -> None:
        """Takes the answer to an event back; nothing happens if there is none."""
        await self._delete(
            "event_rsvps", {"user_id": await self._member(user_id), "event_id": event_id}
        )

    async def follow_item(self, item_id: str, *, user_id: str | None = None) -> None:
        """Makes a member follow an artist, a venue or any other item; twice is once.

        Args:
            item_id: The item.
            user_id: The member, with the secret key; otherwise the signed-in one.

        Raises:
            Forbidden: The member may not see such an item.
            Unauthenticated: No member is signed in.
        """
        await self._insert(
            "item_follows", {"user_id": await self._member(user_id), "item_id": item_id}
        )

    async def unfollow_item(self, item_id: str, *, user_id: str | None = None) -> None:
        """Ends the follow of an item; nothing happens if there is none."""
        await self._delete(
            "item_follows", {"user_id": await self._member(user_id), "item_id": item_id}
        )

    async def follow_member(self, member_id: str, *, user_id: str | None = None) -> None:
        """Makes a member follow another; two who follow each other are friends. Twice is once.

        Args:
            member_id: The member to follow.
            user_id: The member who follows, with the secret key; otherwise the signed-in one.

        Raises:
            Forbidden: One of them blocks the other.
            NotFound: There is no such member.
            InvalidArgument: Both are the same member.
            Unauthenticated: No member is signed in.
        """
        row = {"follower_id": await self._member(user_id), "followed_id": member_id}
        await self._insert("follows", row)

    async def unfollow_member(self, member_id: str, *, user_id: str | None = None) -> None:
        """Ends the follow of another member; nothing happens if there is none."""
        row = {"follower_id": await self._member(user_id), "followed_id": member_id}
        await self._delete("follows", row)

    # What the service does (secret key)

    async def register_items(
        self, items: Sequence[Mapping[str, Any]]
    ) -> tuple[RegisteredItem, ...]:
        """Registers or updates items of an app's own kinds (secret key).

        Args:
            items: Up to 10,000 objects with `kind` and `title`, and where wanted `id`, `owner_id`,
                `visibility` (public, followers, private), `published_at`, `expires_at`.

        Returns:
            One row an item.

        Raises:
            InvalidArgument: An item is malformed; nothing was written.
            Conflict: An id is registered with another kind; nothing was written.
            TooLarge: More than 10,000 items.
            Forbidden: Not the secret key.
        """
        return await self._call(_rpc.register_items(items=items))

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

    async def engine_status(self) -> EngineStatus:
        """How the engine is doing: versions, age of derived data, jobs, errors (secret key).

        Raises:
            Forbidden: Not the secret key.
        """
        return await self._call(_rpc.engine_status())

    # How it is sent

    async def _member(self, user_id: str | None) -> str:
        """The member to write for: named, or signed in with this client.

        Known before anything is sent, because a delete with the secret key is bound by no policy:
        without a member in its filter it would reach everyone's rows.
        """
        if user_id is not None:
            return user_id
        session = await self.supabase.auth.get_session()
        if session is None:
            raise Unauthenticated(
                "no member is signed in with this client",
                hint="Sign in with client.supabase.auth, or name the member with user_id.",
            )
        return session.user.id

    async def _insert(self, table: str, row: dict[str, str]) -> None:
        await self._send(
            self.supabase.table(table).upsert(
                row, on_conflict=",".join(row), ignore_duplicates=True, returning=_NOTHING
            )
        )

    async def _delete(self, table: str, key: dict[str, str]) -> None:
        await self._send(self.supabase.table(table).delete(returning=_NOTHING).match(key))

    async def _call(self, call: _rpc.Call[T]) -> T:
        request = self.supabase.rpc(call.function, dict(call.params))
        return call.parse(await self._send(request, retries=self._retries if call.read else 0))

    async def _send(self, request: _Request, *, retries: int = 0) -> Any:
        attempt = 0
        while True:
            try:
                return (await request.execute()).data
            except (APIError, httpx.HTTPError) as problem:
                error = error_from(problem)
                if attempt >= retries or not error.transient:
                    raise error from problem
            # 0.1 s, 0.2 s, 0.4 s …, up to half as much again so that clients do not return in step.
            await asyncio.sleep(0.1 * 2**attempt * random.uniform(1.0, 1.5))  # noqa: S311
            attempt += 1
