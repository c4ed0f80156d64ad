"""The asynchronous client; `make_sync.py` makes the other, `_sync.py`, from this file."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from itertools import islice
from typing import Any, Literal, Protocol, TypeVar, overload

import httpx
from postgrest.exceptions import APIError
from postgrest.types import ReturnMethod
from supabase import AsyncClient

from . import _rpc
from ._errors import MedleyError, Unauthenticated, error_from, role_of
from ._functions import Updates, answer_json, refusal
from ._learning_async import AsyncLearning
from ._models import (
    CalendarEvent,
    EngagementResult,
    EngineStatus,
    Experiment,
    ExperimentResult,
    Explanation,
    FeedEvent,
    FoundItem,
    GenreNode,
    ImportJob,
    ImportProgress,
    ItemFeatures,
    Page,
    Recommendation,
    RegisteredItem,
    Setlist,
    SetlistSong,
    SetlistVote,
    SimilarGenre,
    SimilarItem,
    TasteFeature,
    TrendingArtist,
    TrendingItem,
    UnembeddedItem,
    parse_row,
)
from ._models_social import TimelinePost
from ._social_async import AsyncSocial
from ._studio_async import AsyncStudio

T = TypeVar("T")

# Writes answer with a status only: a policy may let a member write a row and not read it.
_NOTHING = ReturnMethod.minimal
# How much one call takes.
_EVENTS = 1_000
_VECTORS = 500
# Seconds without a byte. A sync of many histories takes long; streams show every 15 seconds that
# they live.
_FUNCTION_SECONDS = 150
_STREAM_SECONDS = 60


class _Request(Protocol):
    async def execute(self) -> Any: ...


class AsyncMedley(AsyncLearning, AsyncSocial, AsyncStudio):
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

    # Recommendations

    async def recommendations(
        self,
        *,
        kind: str | None = None,
        limit: int | None = None,
        cursor: str | None = None,
        context: Mapping[str, Any] | None = None,
        user_id: str | None = None,
    ) -> Page[Recommendation]:
        """What a member has not seen and should like best, with the reasons.

        Args:
            kind: A kind of item (`artist`, `movie`); all kinds by default.
            limit: Rows of a page, 1 to 200; 20 by default.
            cursor: `next_cursor` of the page before.
            context: What holds for this call: `country` (where items must be available, `DE`) and
                `exclude` (item ids).
            user_id: The member, with the secret key; otherwise the signed-in one.

        Returns:
            A page, best first; every row carries its score by term. Nothing is logged: once the
            page is shown, `log_impressions` says so.

        Raises:
            Unauthenticated: Nobody is signed in.
            Forbidden: `user_id` is someone else.
            InvalidArgument: `limit` is out of range, there is no such kind, or the context is off.
            InvalidCursor: The cursor is damaged or not of these recommendations.
        """
        return await self._call(
            _rpc.recommendations(
                kind=kind, limit=limit, cursor=cursor, context=context, user_id=user_id
            )
        )

    def iter_recommendations(
        self,
        *,
        kind: str | None = None,
        context: Mapping[str, Any] | None = None,
        page_size: int | None = None,
        user_id: str | None = None,
    ) -> AsyncIterator[Recommendation]:
        """Recommendations page after page; stop when you have enough.

        Args:
            kind: As for `recommendations`.
            context: As for `recommendations`.
            page_size: Rows fetched at once, 1 to 200.
            user_id: As for `recommendations`.

        Returns:
            Recommendations, best first.
        """
        return self._pages(
            lambda cursor: _rpc.recommendations(
                kind=kind, limit=page_size, cursor=cursor, context=context, user_id=user_id
            )
        )

    async def explain_recommendation(
        self, item_id: str, *, user_id: str | None = None
    ) -> Explanation:
        """What an item is worth to a member, because of what, and what hides it.

        Args:
            item_id: The item, recommended or not.
            user_id: The member, with the secret key; otherwise the signed-in one.

        Returns:
            The score by term, the reason, the causes, and the filters that keep the item out.

        Raises:
            NotFound: There is no such item that the member may see.
            Unauthenticated: Nobody is signed in.
            Forbidden: `user_id` is someone else.
        """
        return await self._call(_rpc.explain_recommendation(item_id=item_id, user_id=user_id))

    async def similar_items(
        self,
        item_id: str,
        *,
        kind: str | None = None,
        method: str | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> Page[SimilarItem]:
        """The items like an item, also of other kinds.

        Args:
            item_id: The item.
            kind: Only neighbours of this kind (an artist's similar events); all by default.
            method: blend (by default), behavior, cosine, content, genre or embedding. What that
                cannot fill, content, genre and the popular items of the kind do.
            limit: Rows of a page, 1 to 200; 20 by default.
            cursor: `next_cursor` of the page before.

        Returns:
            A page, the most alike first; `method` says what found a row.

        Raises:
            NotFound: There is no such item that the caller may see.
            InvalidArgument: No such kind or method, or `limit` is out of range.
            InvalidCursor: The cursor is damaged or of another query.
        """
        return await self._call(
            _rpc.similar_items(
                item_id=item_id, kind=kind, method=method, limit=limit, cursor=cursor
            )
        )

    def iter_similar_items(
        self,
        item_id: str,
        *,
        kind: str | None = None,
        method: str | None = None,
        page_size: int | None = None,
    ) -> AsyncIterator[SimilarItem]:
        """All similar items, page after page; the arguments are those of `similar_items`.

        Returns:
            Items, the most alike first.
        """
        return self._pages(
            lambda cursor: _rpc.similar_items(
                item_id=item_id, kind=kind, method=method, limit=page_size, cursor=cursor
            )
        )

    async def find_items(
        self,
        query: str,
        *,
        kind: str | None = None,
        limit: int | None = None,
        user_id: str | None = None,
    ) -> tuple[FoundItem, ...]:
        """Items by name: those of the catalogue, and the member's own.

        Args:
            query: A part of the name, or words of it, also with a letter wrong.
            kind: Only items of this kind.
            limit: How many, 1 to 200; 20 by default.
            user_id: The member, with the secret key; otherwise the signed-in one, or nobody.

        Returns:
            The items, the most alike names first.

        Raises:
            InvalidArgument: `limit` is out of range, there is no such kind, or nothing to look for.
        """
        return await self._call(
            _rpc.find_items(query=query, kind=kind, limit=limit, user_id=user_id)
        )

    async def trending(
        self,
        *,
        kind: str | None = None,
        window: str | None = None,
        trend_type: str | None = None,
        segment: str | None = None,
        limit: int | None = None,
        cursor: str | None = None,
        user_id: str | None = None,
    ) -> Page[TrendingItem]:
        """What has much activity of late, and more than is usual for it.

        Args:
            kind: A kind of item; all by default.
            window: hour, day (by default), week or month.
            trend_type: global (by default), genre, platform, friend_network (what friends did), or
                cluster (what members of the same taste did).
            segment: The genre's slug or the platform, for these two.
            limit: Rows of a page, 1 to 200; 20 by default.
            cursor: `next_cursor` of the page before.
            user_id: Whose friends or cluster, with the secret key; otherwise the signed-in
                member's.

        Returns:
            A page, the strongest trend first.

        Raises:
            NotFound: No genre has that slug.
            InvalidArgument: One of the words is not known, or `limit` is out of range.
            InvalidCursor: The cursor is damaged or of another query.
            Unauthenticated: Trends among friends or members of the same taste, and nobody is
                signed in.
        """
        return await self._call(
            _rpc.trending(
                kind=kind,
                window=window,
                trend_type=trend_type,
                segment=segment,
                limit=limit,
                cursor=cursor,
                user_id=user_id,
            )
        )

    def iter_trending(
        self,
        *,
        kind: str | None = None,
        window: str | None = None,
        trend_type: str | None = None,
        segment: str | None = None,
        page_size: int | None = None,
        user_id: str | None = None,
    ) -> AsyncIterator[TrendingItem]:
        """All that trends, page after page; the arguments are those of `trending`.

        Returns:
            Items, the strongest trend first.
        """
        return self._pages(
            lambda cursor: _rpc.trending(
                kind=kind,
                window=window,
                trend_type=trend_type,
                segment=segment,
                limit=page_size,
                cursor=cursor,
                user_id=user_id,
            )
        )

    async def taste_profile(
        self, *, limit: int | None = None, user_id: str | None = None
    ) -> tuple[TasteFeature, ...]:
        """What a member likes and dislikes, as learnt from what they do.

        Args:
            limit: How many features, 1 to 200; 50 by default.
            user_id: The member, with the secret key; otherwise the signed-in one.

        Returns:
            Features, the strongest first. A job keeps them current.

        Raises:
            Unauthenticated: Nobody is signed in.
            Forbidden: `user_id` is someone else.
            InvalidArgument: `limit` is out of range.
        """
        return await self._call(_rpc.taste_profile(limit=limit, user_id=user_id))

    # What members do with items

    async def log_engagement(
        self, events: Iterable[Mapping[str, Any]]
    ) -> tuple[EngagementResult, ...]:
        """Logs what a member did; the next recommendations know it.

        Args:
            events: Any number of objects with `item_id` and `kind` (play, like, share, skip ...),
                and where known `occurred_at`, `value`, `session_id`, `platform`, `device`,
                `position`, `dwell_ms`, `progress`, `predicted_score`, `algorithm`, `variant`,
                `context`; with the secret key also `user_id`. An event with `occurred_at` is safe
                to send again: the same member, time, item and kind count once.

        Returns:
            One result an event, in their order. A refused event is a result, not an exception.

        Raises:
            Unauthenticated: Nobody is signed in.
            MedleyError: A call failed. They are sent 1,000 at a time: those before are logged.
        """
        results: list[EngagementResult] = []
        remaining = iter(events)
        while batch := list(islice(remaining, _EVENTS)):
            sent = len(results)
            answer = await self._call(_rpc.log_engagement(events=batch))
            results.extend(replace(r, event_index=sent + r.event_index) for r in answer)
        return tuple(results)

    async def log_impressions(
        self,
        shown: Iterable[Recommendation | TimelinePost],
        *,
        occurred_at: datetime | None = None,
        session_id: str | None = None,
        platform: str | None = None,
        device: str | None = None,
        user_id: str | None = None,
    ) -> tuple[EngagementResult, ...]:
        """Logs that recommendations or a timeline were shown, with positions, scores and variants.

        Experiments count who saw what by these, and the next calls leave out what was just shown.

        Args:
            shown: The rows that the member saw.
            occurred_at: When; now by default.
            session_id: The member's session in the app, a UUID.
            platform: Where it was shown (`web`).
            device: On what (`phone`).
            user_id: The member, with the secret key; otherwise the signed-in one.

        Returns:
            One result a row, in their order.

        Raises:
            Unauthenticated: Nobody is signed in.
        """
        return await self.log_engagement(
            {
                "item_id": item.item_id,
                "kind": "impression",
                "occurred_at": occurred_at,
                "session_id": session_id,
                "platform": platform,
                "device": device,
                "position": item.position,
                "predicted_score": item.score,
                "algorithm": item.algorithm,
                "variant": item.variant,
                "context": item.context if isinstance(item, TimelinePost) else None,
                "user_id": user_id,
            }
            for item in shown
        )

    async def record_feedback(
        self,
        item_id: str,
        feedback_type: str,
        *,
        value: float | None = None,
        context: Mapping[str, Any] | None = None,
        user_id: str | None = None,
    ) -> str:
        """Says what a member did with one recommendation; it counts at once.

        Args:
            item_id: The item.
            feedback_type: impression, click, like, dislike, not_interested, watch_started or
                watch_completed.
            value: A number, if there is one.
            context: Where and how; keys of `log_engagement` mean what they mean there.
            user_id: The member, with the secret key; otherwise the signed-in one.

        Returns:
            `accepted` or `duplicate`.

        Raises:
            NotFound: There is no such item that the member may see.
            InvalidArgument: There is no such type, or the context is off.
            Unauthenticated: Nobody is signed in.
            Forbidden: `user_id` is someone else.
        """
        return await self._call(
            _rpc.record_feedback(
                item_id=item_id,
                feedback_type=feedback_type,
                value=value,
                context=context,
                user_id=user_id,
            )
        )

    async def set_platform_subscription(
        self, platform: str, *, has_subscription: bool = True, user_id: str | None = None
    ) -> None:
        """Notes that a member has a platform, or no longer has it.

        Args:
            platform: Its name, in any spelling of case.
            has_subscription: False when it ended.
            user_id: The member, with the secret key; otherwise the signed-in one.

        Raises:
            InvalidArgument: That is no name.
            Unauthenticated: Nobody is signed in.
            Forbidden: `user_id` is someone else.
        """
        await self._call(
            _rpc.set_platform_subscription(
                platform=platform, has_subscription=has_subscription, user_id=user_id
            )
        )

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

    def iter_feed(
        self, *, page_size: int | None = None, user_id: str | None = None
    ) -> AsyncIterator[FeedEvent]:
        """The whole feed, page after page; stop when you have enough.

        Args:
            page_size: Rows fetched at once, 1 to 200.
            user_id: As for `personalized_feed`.

        Returns:
            Events, best score first.
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

    async def register_item_features(
        self, features: Sequence[Mapping[str, Any]]
    ) -> tuple[ItemFeatures, ...]:
        """Says what items are made of, for an app's own kinds or beside a pack (secret key).

        Args:
            features: Up to 1,000 objects with `item_id`, `features` (`type`, `value`, and where
                wanted `weight` and `confidence`) and `source` (`app` by default), whose earlier
                features of the item they replace.

        Returns:
            How many features each item was given, in their order.

        Raises:
            InvalidArgument: A feature is malformed; nothing was written.
            NotFound: There is no such item; nothing was written.
            TooLarge: More than 1,000 items.
            Forbidden: Not the secret key.
        """
        return await self._call(_rpc.register_item_features(features=features))

    async def set_item_embeddings(
        self, embedding_type: str, model: str, vectors: Mapping[str, Iterable[float]]
    ) -> int:
        """Writes vectors of items (secret key).

        Args:
            embedding_type: What they tell of the item, such as `description`.
            model: What made them; vectors of another model lie beside until it is activated.
            vectors: By item id; all of one size: 64, 256, 384, 768 or 1,536 numbers.

        Returns:
            How many vectors changed.

        Raises:
            InvalidArgument: A vector has the wrong size, holds NaN or is zero.
            NotFound: There is no such item.
            Forbidden: Not the secret key.
            MedleyError: A call failed. They are sent 500 at a time: those before are written.
        """
        changed = 0
        remaining = iter(vectors.items())
        while batch := list(islice(remaining, _VECTORS)):
            rows = [
                {"item_id": item_id, "embedding": [float(number) for number in vector]}
                for item_id, vector in batch
            ]
            changed += await self._call(
                _rpc.set_item_embeddings(type=embedding_type, model=model, rows=rows)
            )
        return changed

    async def activate_embedding_model(self, embedding_type: str, model: str) -> int:
        """Puts a model's vectors in use, or an earlier model's back (secret key).

        Args:
            embedding_type: As for `set_item_embeddings`.
            model: As for `set_item_embeddings`.

        Returns:
            How many items have a vector of it.

        Raises:
            NotFound: That model has no vectors.
            Forbidden: Not the secret key.
        """
        return await self._call(_rpc.activate_embedding_model(type=embedding_type, model=model))

    def iter_items_without_embedding(
        self,
        embedding_type: str,
        *,
        model: str | None = None,
        kind: str | None = None,
        page_size: int | None = None,
    ) -> AsyncIterator[UnembeddedItem]:
        """What a worker has still to embed, newest first (secret key).

        Args:
            embedding_type: As for `set_item_embeddings`.
            model: Without a vector of this model; the one in use by default.
            kind: Only items of this kind.
            page_size: Rows fetched at once, 1 to 1,000.

        Returns:
            Items, page after page.
        """
        return self._pages(
            lambda cursor: _rpc.items_without_embedding(
                type=embedding_type, model=model, kind=kind, limit=page_size, cursor=cursor
            )
        )

    async def create_experiment(
        self,
        name: str,
        ranker: str,
        variants: Sequence[Mapping[str, Any]],
        *,
        metric: str | None = None,
        traffic: float | None = None,
        ends_at: datetime | None = None,
        salt: str | None = None,
        description: str | None = None,
    ) -> None:
        """Defines an experiment with the weights of a ranker (secret key).

        Args:
            name: Its name, for good.
            ranker: Whose weights it varies, such as `recommendations`.
            variants: Objects with `variant`, `share` and, to differ, `weights` by term. One is
                `control`; the shares sum to 1.
            metric: What decides; `engagement` by default.
            traffic: Share of all members who take part; all by default.
            ends_at: When it ends by itself; never by default.
            salt: That of an earlier experiment, to divide the members as it did.
            description: What is asked.

        Raises:
            InvalidArgument: A variant, share, weight or metric cannot be.
            Conflict: The name is taken.
            Forbidden: Not the secret key.
        """
        await self._call(
            _rpc.create_experiment(
                name=name,
                ranker=ranker,
                variants=variants,
                metric=metric,
                traffic=traffic,
                ends_at=ends_at,
                salt=salt,
                description=description,
            )
        )

    async def start_experiment(self, name: str) -> None:
        """Starts an experiment: its variants rank from now on, and stay as they are (secret key).

        Args:
            name: The experiment.

        Raises:
            NotFound: There is none of that name.
            Conflict: It was started before, or another runs on the same ranker.
            Forbidden: Not the secret key.
        """
        await self._call(_rpc.start_experiment(name=name))

    async def stop_experiment(self, name: str) -> None:
        """Ends an experiment for good; its results stay (secret key).

        Args:
            name: The experiment.

        Raises:
            NotFound: There is none of that name.
            Conflict: It does not run.
            Forbidden: Not the secret key.
        """
        await self._call(_rpc.stop_experiment(name=name))

    async def set_experiment_traffic(self, name: str, traffic: float) -> None:
        """Lets more members take part; who does already keeps the variant (secret key).

        Args:
            name: The experiment.
            traffic: Share of all members, 0.0001 to 1.

        Raises:
            NotFound: There is none of that name.
            InvalidArgument: That is no share.
            Conflict: It would shrink while it runs, or it is over.
            Forbidden: Not the secret key.
        """
        await self._call(_rpc.set_experiment_traffic(name=name, traffic=traffic))

    async def experiments(self, *, name: str | None = None) -> tuple[Experiment, ...]:
        """The experiments, newest first, or the one of that name (secret key).

        Args:
            name: Only this one.

        Raises:
            Forbidden: Not the secret key.
        """
        return await self._call(_rpc.experiments(name=name))

    async def experiment_results(
        self, name: str, *, metric: str | None = None, as_of: datetime | None = None
    ) -> tuple[ExperimentResult, ...]:
        """What an experiment shows: a row for each variant and metric (secret key).

        Args:
            name: The experiment.
            metric: Another metric than the one that decides; guardrails are always there.
            as_of: At which moment; now by default.

        Returns:
            Rows with lifts to control, their always-valid intervals and verdicts.

        Raises:
            NotFound: There is none of that name.
            InvalidArgument: There is no such metric.
            Forbidden: Not the secret key.
        """
        return await self._call(_rpc.experiment_results(name=name, metric=metric, as_of=as_of))

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
            NotFound: There is no such song on a setlist that the member may see.
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
            NotFound: There is no such show or song that the member may see.
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
            NotFound: There is no such setlist or song that the member may see.
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
            NotFound: There is no such song on a setlist that the member may see.
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

    # How it is sent

    def _function(self, name: str) -> str:
        return f"{str(self.supabase.supabase_url).rstrip('/')}/functions/v1/{name}"

    async def _post(self, function: str, body: Mapping[str, Any]) -> Any:
        """What an edge function answers."""
        async with httpx.AsyncClient(timeout=_FUNCTION_SECONDS) as http:
            try:
                answer = await http.post(
                    self._function(function), json=body, headers=await self._headers()
                )
            except httpx.HTTPError as problem:
                raise error_from(problem) from problem
        return answer_json(answer)

    async def _headers(self) -> dict[str, str]:
        """Who asks an edge function: the signed-in member, or the key alone."""
        key = self.supabase.supabase_key
        session = await self.supabase.auth.get_session()
        token = session.access_token if session else key
        return {"apikey": key, "Authorization": f"Bearer {token}"}

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

    async def _pages(self, page_at: Callable[[str | None], _rpc.Call[Page[T]]]) -> AsyncIterator[T]:
        """The rows of all pages, each fetched when the one before is used up."""
        cursor: str | None = None
        while True:
            page = await self._call(page_at(cursor))
            for row in page:
                yield row
            cursor = page.next_cursor
            if cursor is None:
                return

    async def _call(self, call: _rpc.Call[T]) -> T:
        request = self.supabase.rpc(call.function, dict(call.params))
        return call.parse(await self._send(request, retries=self._retries if call.read else 0))

    async def _send(self, request: _Request, *, retries: int = 0) -> Any:
        attempt = 0
        while True:
            try:
                return (await request.execute()).data
            except (APIError, httpx.HTTPError) as problem:
                asked = self.supabase.postgrest.headers.get("Authorization", "")
                error = error_from(problem, role=role_of(asked))
                if attempt >= retries or not error.transient:
                    raise error from problem
            # 0.1 s, 0.2 s, 0.4 s …, up to half as much again so that clients do not return in step.
            await asyncio.sleep(0.1 * 2**attempt * random.uniform(1.0, 1.5))  # noqa: S311
            attempt += 1
