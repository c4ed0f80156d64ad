"""What a member is recommended, before and after a like, and why."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from typing import Any

from psycopg import Connection

from .. import (
    Explanation,
    Medley,
    Recommendation,
    SimilarItem,
    TasteFeature,
    TrendingArtist,
    TrendingItem,
)
from ._world import DemoFailed, run_now

STEPS = 2
KIND = "artist"
SHOWN = 8
#: How far down the list is compared: enough to see from where an item came up.
COMPARED = 100


@dataclass(frozen=True, slots=True)
class Recommended:
    """Everything that was seen of recommendations.

    Attributes:
        before: The list as it was; `before_ms` is how long the first page took, in milliseconds.
        liked: What the member then liked: the last of the first page.
        after: The list of the very next call.
        explained: The first of that call that is there because of the like, explained.
        explained_liked: The same for what was liked: it is no longer recommended.
        similar: Artists like the liked one.
        similar_events: Events like it.
        trending: What trends this week.
        trending_artists: Artists with the most votes, new followers and views.
        taste: What a job learns from all that about the member.
    """

    before: tuple[Recommendation, ...]
    before_ms: float
    liked: Recommendation
    after: tuple[Recommendation, ...]
    after_ms: float
    explained: Explanation
    explained_liked: Explanation
    similar: tuple[SimilarItem, ...]
    similar_events: tuple[SimilarItem, ...]
    trending: tuple[TrendingItem, ...]
    trending_artists: tuple[TrendingArtist, ...]
    taste: tuple[TasteFeature, ...]


def recommend(
    connection: Connection[Any], medley: Medley, progress: Callable[[str], None]
) -> Recommended:
    """Asks, likes, and asks again, as the member.

    Args:
        connection: To DATABASE_URL, for the job that learns tastes.
        medley: The member's client.
        progress: Told each of STEPS steps.

    Raises:
        DemoFailed: An answer is empty, adds up wrongly, or did not change.
    """
    progress("Recommendations")
    before_ms, before = _list(medley)
    liked = before[min(SHOWN, len(before)) - 1]
    medley.record_feedback(liked.item_id, "like", context={"algorithm": liked.algorithm})
    after_ms, after = _list(medley)
    if liked.item_id in {item.item_id for item in after}:
        raise DemoFailed(f"{liked.title} is recommended after it was liked")
    because = [item for item in after if liked.title in item.reason]
    if not because:
        raise DemoFailed(f"nothing is recommended because of {liked.title}")

    progress("Similar items, trends and taste")
    run_now(connection, "refresh_taste_profiles")
    recommended = Recommended(
        before=before,
        before_ms=before_ms,
        liked=liked,
        after=after,
        after_ms=after_ms,
        explained=medley.explain_recommendation(because[0].item_id),
        explained_liked=medley.explain_recommendation(liked.item_id),
        similar=medley.similar_items(liked.item_id, kind=KIND, limit=5).rows,
        similar_events=medley.similar_items(liked.item_id, kind="event", limit=3).rows,
        trending=medley.trending(kind=KIND, window="week", limit=6).rows,
        trending_artists=medley.trending_artists(limit=6).rows,
        taste=medley.taste_profile(limit=6),
    )
    if "seen" not in recommended.explained_liked.hidden_by:
        raise DemoFailed(f"{liked.title} was liked and does not count as seen")
    for name in ("similar", "similar_events", "trending", "trending_artists", "taste"):
        if not getattr(recommended, name):
            raise DemoFailed(f"{name}: nothing came back")
    return recommended


def _list(medley: Medley) -> tuple[float, tuple[Recommendation, ...]]:
    """The first COMPARED items page by page, and the milliseconds that the first page took."""
    started = time.perf_counter()
    medley.recommendations(kind=KIND, limit=SHOWN)
    milliseconds = (time.perf_counter() - started) * 1000
    items = tuple(islice(medley.iter_recommendations(kind=KIND, page_size=50), COMPARED))
    if not items:
        raise DemoFailed("nothing is recommended")
    if len({item.item_id for item in items}) < len(items):
        raise DemoFailed("an item is recommended twice")
    for item in items:
        if abs(sum(item.breakdown.values()) - item.score) > 1e-4:
            raise DemoFailed(f"the breakdown of {item.title} does not add up to its score")
    return milliseconds, items
