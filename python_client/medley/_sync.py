"""The client. Made from `_async.py` by `make_sync.py`; edit that file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import islice
from typing import Any, overload

from supabase import Client

from . import _rpc
from ._calls_sync import NOTHING
from ._learning_sync import Learning
from ._live_sync import Live
from ._models import (
    EngagementResult,
    Explanation,
    FoundItem,
    GenreNode,
    Page,
    Recommendation,
    SimilarGenre,
    SimilarItem,
    TasteFeature,
    TrendingItem,
)
from ._models_social import TimelinePost
from ._service_sync import Service
from ._social_sync import Social
from ._studio_sync import Studio

# How much one call takes.
_EVENTS = 1_000


class Medley(Learning, Live, Service, Social, Studio):
    """The engine as an app calls it.

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
    def __init__(self, client: Client, *, retries: int = 2) -> None: ...

    @overload
    def __init__(self, client: str, key: str, *, retries: int = 2) -> None: ...

    def __init__(self, client: Client | str, key: str | None = None, *, retries: int = 2) -> None:
        self.supabase: Client = Client(client, key or "") if isinstance(client, str) else client
        self._retries = retries

    # Recommendations

    def recommendations(
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
            NotFound: There is no such member.
            InvalidArgument: `limit` is out of range, there is no such kind, or the context is off.
            InvalidCursor: The cursor is damaged or not of these recommendations.
        """
        return self._call(
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
    ) -> Iterator[Recommendation]:
        """Recommendations page after page; stop when you have enough.

        Args:
            kind: As for `recommendations`.
            context: As for `recommendations`.
            page_size: Rows fetched at once, 1 to 200.
            user_id: As for `recommendations`.

        Returns:
            Recommendations, best first.

        Raises:
            MedleyError: As for `recommendations`.
        """
        return self._pages(
            lambda cursor: _rpc.recommendations(
                kind=kind, limit=page_size, cursor=cursor, context=context, user_id=user_id
            )
        )

    def explain_recommendation(self, item_id: str, *, user_id: str | None = None) -> Explanation:
        """What an item is worth to a member, because of what, and what hides it.

        Args:
            item_id: The item, recommended or not.
            user_id: The member, with the secret key; otherwise the signed-in one.

        Returns:
            The score by term, the reason, the causes, and the filters that keep the item out.

        Raises:
            NotFound: There is no such item that the member may see, or no such member.
            Unauthenticated: Nobody is signed in.
            Forbidden: `user_id` is someone else.
        """
        return self._call(_rpc.explain_recommendation(item_id=item_id, user_id=user_id))

    def similar_items(
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
        return self._call(
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
    ) -> Iterator[SimilarItem]:
        """All similar items, page after page; the arguments are those of `similar_items`.

        Returns:
            Items, the most alike first.
        """
        return self._pages(
            lambda cursor: _rpc.similar_items(
                item_id=item_id, kind=kind, method=method, limit=page_size, cursor=cursor
            )
        )

    def find_items(
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
            NotFound: There is no such member.
            Unauthenticated: `user_id` is given, and nobody is signed in.
            Forbidden: `user_id` is someone else.
        """
        return self._call(_rpc.find_items(query=query, kind=kind, limit=limit, user_id=user_id))

    def trending(
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
            NotFound: No genre has that slug, or there is no such member.
            InvalidArgument: One of the words is not known, or `limit` is out of range.
            InvalidCursor: The cursor is damaged or of another query.
            Unauthenticated: Trends among friends or members of the same taste, or `user_id` is
                given, and nobody is signed in.
            Forbidden: `user_id` is someone else.
        """
        return self._call(
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
    ) -> Iterator[TrendingItem]:
        """All that trends, page after page; the arguments are those of `trending`.

        Returns:
            Items, the strongest trend first.

        Raises:
            MedleyError: As for `trending`.
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

    def taste_profile(
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
            NotFound: There is no such member.
            InvalidArgument: `limit` is out of range.
        """
        return self._call(_rpc.taste_profile(limit=limit, user_id=user_id))

    # What members do with items

    def log_engagement(self, events: Iterable[Mapping[str, Any]]) -> tuple[EngagementResult, ...]:
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
            answer = self._call(_rpc.log_engagement(events=batch))
            results.extend(replace(r, event_index=sent + r.event_index) for r in answer)
        return tuple(results)

    def log_impressions(
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
        return self.log_engagement(
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

    def record_feedback(
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
            NotFound: There is no such item that the member may see, or no such member.
            InvalidArgument: There is no such type, or the context is off.
            Unauthenticated: Nobody is signed in.
            Forbidden: `user_id` is someone else.
        """
        return self._call(
            _rpc.record_feedback(
                item_id=item_id,
                feedback_type=feedback_type,
                value=value,
                context=context,
                user_id=user_id,
            )
        )

    def set_platform_subscription(
        self, platform: str, *, has_subscription: bool = True, user_id: str | None = None
    ) -> None:
        """Notes that a member has a platform, or no longer has it.

        Args:
            platform: Its name, in any spelling of case.
            has_subscription: False when it ended.
            user_id: The member, with the secret key; otherwise the signed-in one.

        Raises:
            InvalidArgument: That is no name.
            NotFound: There is no such member.
            TooLarge: The member has 100 platforms already.
            Unauthenticated: Nobody is signed in.
            Forbidden: `user_id` is someone else.
        """
        self._call(
            _rpc.set_platform_subscription(
                platform=platform, has_subscription=has_subscription, user_id=user_id
            )
        )

    # Genres

    def genre_tree(
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
        return self._call(_rpc.genre_tree(root_slug=root_slug, max_depth=max_depth))

    def similar_genres(self, slug: str, *, limit: int | None = None) -> tuple[SimilarGenre, ...]:
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
        return self._call(_rpc.similar_genres(slug=slug, limit=limit))

    def genres_under_umbrella(self, slug: str, *, max_depth: int | None = None) -> frozenset[str]:
        """Ids of a path's genre and of all genres below it.

        Args:
            slug: A path (`rock.indie-rock`); segments count whole: `rock` has no `rockabilly`.
            max_depth: Depth down to which genres count, 5 by default; an umbrella has depth 0.

        Returns:
            Genre ids.

        Raises:
            NotFound: No genre has that path.
        """
        return self._call(_rpc.genres_under_umbrella(slug=slug, max_depth=max_depth))

    # What members do

    def set_preferences(
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
            NotFound: There is no such member.
            Unauthenticated: No member is signed in.
            Forbidden: `user_id` is someone else.
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
        row["user_id"] = self._member(user_id)
        self._send(
            self.supabase.table("user_preferences").upsert(
                row, on_conflict="user_id", returning=NOTHING
            )
        )

    def follow_item(self, item_id: str, *, user_id: str | None = None) -> None:
        """Makes a member follow an artist, a venue or any other item; twice is once.

        Args:
            item_id: The item.
            user_id: The member, with the secret key; otherwise the signed-in one.

        Raises:
            Forbidden: The member may not see such an item, or `user_id` is someone else.
            NotFound: There is no such item or member, with the secret key.
            Unauthenticated: No member is signed in.
        """
        self._insert("item_follows", {"user_id": self._member(user_id), "item_id": item_id})

    def unfollow_item(self, item_id: str, *, user_id: str | None = None) -> None:
        """Ends the follow of an item; nothing happens if there is none.

        Raises:
            Unauthenticated: No member is signed in.
        """
        self._delete("item_follows", {"user_id": self._member(user_id), "item_id": item_id})

    def follow_member(self, member_id: str, *, user_id: str | None = None) -> None:
        """Makes a member follow another; two who follow each other are friends. Twice is once.

        Args:
            member_id: The member to follow.
            user_id: The member who follows, with the secret key; otherwise the signed-in one.

        Raises:
            Forbidden: One of them blocks the other, or `user_id` is someone else.
            NotFound: There is no such member.
            InvalidArgument: Both are the same member.
            Unauthenticated: No member is signed in.
        """
        row = {"follower_id": self._member(user_id), "followed_id": member_id}
        self._insert("follows", row)

    def unfollow_member(self, member_id: str, *, user_id: str | None = None) -> None:
        """Ends the follow of another member; nothing happens if there is none.

        Raises:
            Unauthenticated: No member is signed in.
        """
        row = {"follower_id": self._member(user_id), "followed_id": member_id}
        self._delete("follows", row)
