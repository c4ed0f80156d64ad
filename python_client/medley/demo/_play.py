"""One member's view of the world, and the proof that the next call knows what they just did."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice, pairwise
from typing import Any

from psycopg import Connection
from supabase import create_client

from .. import CalendarEvent, FeedEvent, GenreNode, Medley, NotFound, SimilarGenre
from ._recommend import STEPS as RECOMMEND_STEPS
from ._recommend import Recommended, recommend
from ._setlist import STEPS as SETLIST_STEPS
from ._setlist import Voted, vote
from ._studio import STEPS as STUDIO_STEPS
from ._studio import Generated, generate
from ._world import EMAIL, SIMULATED, DemoFailed

STEPS = 4 + RECOMMEND_STEPS + SETLIST_STEPS + STUDIO_STEPS
LIKES = ("Indie Rock", "Electronic")
SHOWN = 8
#: How far down the feed is compared: enough to see from where an event came up.
COMPARED = 200
#: Points that a follow is sure to give, with the default weights.
REACH = 25


@dataclass(frozen=True, slots=True)
class Played:
    """Everything that was seen.

    Attributes:
        member: Who looked: id, email, password, city, likes, follows, friends.
        recommended: What was recommended before and after a like, and why.
        tree: A piece of the taxonomy.
        similar: Neighbours of a few genres.
        before: The feed as it was; `before_ms` is how long the first page took, in milliseconds.
        rsvp: The event that the member then said to go to.
        followed: The artist that the member then followed.
        after: The feed of the very next call.
        voted: What a show may bring, and the member's votes.
        generated: A track from request to audio, and what sounds like it.
        umbrella: The path that the calendar is filtered by.
    """

    member: dict[str, Any]
    recommended: Recommended
    tree: tuple[GenreNode, ...]
    similar: dict[str, tuple[SimilarGenre, ...]]
    before: tuple[FeedEvent, ...]
    before_ms: float
    rsvp: FeedEvent
    followed: str
    after: tuple[FeedEvent, ...]
    after_ms: float
    voted: Voted
    generated: Generated
    umbrella: str
    calendar: tuple[CalendarEvent, ...]
    umbrellas: tuple[tuple[str, int], ...]
    clusters: tuple[tuple[str, int], ...]


def play(
    connection: Connection[Any],
    *,
    url: str,
    publishable_key: str,
    secret_key: str,
    progress: Callable[[str], None],
) -> Played:
    """Acts as a new member through the public API.

    Args:
        connection: To DATABASE_URL, for choosing whom to follow and for friends to follow back.
        url: Of the project.
        publishable_key: The member's key.
        secret_key: Makes the member's account.
        progress: Told each of STEPS steps.

    Raises:
        DemoFailed: An answer is empty, adds up wrongly, or did not change.
    """
    progress("A member signs up")
    medley, member = _sign_up(connection, url, publishable_key, secret_key)

    recommended = recommend(connection, medley, progress)

    progress("The feed")
    before_ms, before = _feed(medley)
    rsvp, followed_event = _choices(before)
    artist_id, artist = _headliner(medley, followed_event)
    medley.rsvp(rsvp.event_id)
    medley.follow_item(artist_id)
    after_ms, after = _feed(medley)
    if [(e.event_id, e.score) for e in before[:SHOWN]] == [
        (e.event_id, e.score) for e in after[:SHOWN]
    ]:
        raise DemoFailed("the feed did not change after an RSVP and a follow")

    voted = vote(connection, medley, progress)
    generated = generate(connection, medley, Medley(url, secret_key), progress)

    progress("Genres and the calendar")
    tree = medley.genre_tree(root_slug="rock", max_depth=3)
    umbrella = "electronic"
    calendar = medley.calendar_events(umbrella_slug=umbrella, limit=6).rows
    similar = _similar(medley)

    progress("Analytics")
    played = Played(
        member=member,
        recommended=recommended,
        tree=tree,
        similar=similar,
        before=before,
        before_ms=before_ms,
        rsvp=rsvp,
        followed=artist,
        after=after,
        after_ms=after_ms,
        voted=voted,
        generated=generated,
        umbrella=umbrella,
        calendar=calendar,
        umbrellas=_counts(medley, "analytics_events_by_umbrella", "umbrella_slug", "event_count"),
        clusters=_counts(
            medley, "analytics_artists_by_cluster", "cluster_path_slug", "artist_count"
        ),
    )
    for name in ("tree", "similar", "calendar", "umbrellas", "clusters"):
        if not getattr(played, name):
            raise DemoFailed(f"{name}: nothing came back")
    return played


def _sign_up(
    connection: Connection[Any], url: str, publishable_key: str, secret_key: str
) -> tuple[Medley, dict[str, Any]]:
    """A fresh member with likes, a home, followed artists and friends."""
    admin = create_client(url, secret_key).auth.admin
    password = secrets.token_urlsafe(16)
    admin.create_user({"email": EMAIL, "password": password, "email_confirm": True})
    medley = Medley(url, publishable_key)
    session = medley.supabase.auth.sign_in_with_password({"email": EMAIL, "password": password})
    if session.user is None:
        raise DemoFailed("the auth service signed nobody in")
    me = session.user.id

    city, country, latitude, longitude = _home(connection)
    medley.set_preferences(
        genres=LIKES,
        home=(latitude, longitude),
        home_city=city,
        home_country=country,
        radius_km=100,
    )
    artists = _favourites(connection)
    for artist_id, _ in artists:
        medley.follow_item(artist_id)
    friends = _like_minded(connection, [artist_id for artist_id, _ in artists])
    for friend in friends:
        medley.follow_member(friend)
    # Friendship is mutual; simulated members cannot sign in to follow back.
    connection.execute(
        """
        insert into public.follows (follower_id, followed_id)
        select f.id, %s from unnest(%s::uuid[]) as f (id)
        """,
        (me, friends),
    )
    return medley, {
        "id": me,
        "email": EMAIL,
        "password": password,
        "city": city,
        "likes": LIKES,
        "follows": tuple(name for _, name in artists),
        "friends": len(friends),
    }


def _home(connection: Connection[Any]) -> tuple[str, str | None, float, float]:
    """The city with the most simulated dates, and a place in its middle."""
    found = connection.execute(
        """
        select
          v.city, v.country,
          percentile_disc(0.5) within group (order by v.latitude),
          percentile_disc(0.5) within group (order by v.longitude)
        from public.events as e
        inner join public.venues as v on v.id = e.venue_id
        where e.source = %s
        group by v.city, v.country
        order by count(*) desc, v.city
        limit 1
        """,
        (SIMULATED,),
    ).fetchone()
    if found is None:
        raise DemoFailed("there are no upcoming events")
    city, country, latitude, longitude = found
    return city, country, latitude, longitude


def _favourites(connection: Connection[Any]) -> list[tuple[str, str]]:
    """The most followed artists of what the member likes that are on tour."""
    likes = [name.lower() for name in LIKES]
    found = connection.execute(
        """
        select a.id::text, a.name
        from public.artists as a
        inner join public.item_follows as f on f.item_id = a.id
        where exists (select from unnest(a.genres[1:3]) as g (name) where lower(g.name) = any(%s))
          and exists (
            select from public.events as e where e.headliner_artist_id = a.id and e.source = %s
          )
        group by a.id
        order by lower(a.genres[1]) = any(%s) desc, count(*) desc, a.id
        limit 4
        """,
        (likes, SIMULATED, likes),
    ).fetchall()
    if not found:
        raise DemoFailed(f"no artist on tour plays {' or '.join(LIKES)}")
    return found


def _like_minded(connection: Connection[Any], artist_ids: list[str]) -> list[str]:
    """Simulated or imported members who follow most of these artists."""
    found = connection.execute(
        """
        select f.user_id::text
        from public.item_follows as f
        inner join auth.users as u on u.id = f.user_id
        where f.item_id = any(%s::uuid[]) and u.email like '%%@members.invalid'
        group by f.user_id
        order by count(*) desc, f.user_id
        limit 6
        """,
        (artist_ids,),
    )
    return [member for (member,) in found]


def _feed(medley: Medley) -> tuple[float, tuple[FeedEvent, ...]]:
    """The first COMPARED events page by page, and the milliseconds that the first page took."""
    started = time.perf_counter()
    medley.personalized_feed(limit=SHOWN)
    milliseconds = (time.perf_counter() - started) * 1000
    events = tuple(islice(medley.iter_feed(page_size=50), COMPARED))
    if not events:
        raise DemoFailed("the feed is empty")
    if len({event.event_id for event in events}) < len(events):
        raise DemoFailed("the feed shows an event twice")
    for event in events:
        if abs(sum(event.breakdown.values()) - event.score) > 1e-6:
            raise DemoFailed(f"the breakdown of {event.title} does not add up to its score")
    if any(above.score < below.score for above, below in pairwise(events)):
        raise DemoFailed("the feed is not in order of score")
    return milliseconds, events


def _choices(feed: tuple[FeedEvent, ...]) -> tuple[FeedEvent, FeedEvent]:
    """Two events from further down: one to go to, one whose artist to follow.

    The first is near home if any is; the second is the lowest that a follow should lift into sight.
    """
    top = {event.headliner for event in feed[:SHOWN]}
    others = [event for event in feed[SHOWN:] if event.headliner and event.headliner not in top]
    strangers = [event for event in others if "artist_follow" not in event.breakdown]
    near = [event for event in others if "distance" in event.breakdown]
    within_reach = [event for event in strangers if event.score + REACH >= feed[0].score]
    for followed in reversed(within_reach or strangers[:1]):
        for rsvp in near or others:
            if rsvp.headliner != followed.headliner:
                return rsvp, followed
    raise DemoFailed("the feed holds too few artists to choose from")


def _headliner(medley: Medley, event: FeedEvent) -> tuple[str, str]:
    found = medley.supabase.table("events").select("headliner_artist_id").eq("id", event.event_id)
    (row,) = found.execute().data
    if not isinstance(row, dict) or not event.headliner:
        raise DemoFailed(f"{event.title} has no headliner")
    return str(row["headliner_artist_id"]), event.headliner


def _similar(medley: Medley) -> dict[str, tuple[SimilarGenre, ...]]:
    """Neighbours of the first two of these that the catalogue knows well enough."""
    result: dict[str, tuple[SimilarGenre, ...]] = {}
    for slug in ("shoegaze", "trip-hop", "indie-rock", "house", "blues-rock", "jazz"):
        try:
            neighbors = medley.similar_genres(slug, limit=5)
        except NotFound:
            continue
        if neighbors and len(result) < 2:
            result[slug] = neighbors
    return result


def _counts(medley: Medley, view: str, key: str, count: str) -> tuple[tuple[str, int], ...]:
    rows: Any = medley.supabase.table(view).select(f"{key},{count}").execute().data
    return tuple(sorted(((r[key], r[count]) for r in rows), key=lambda r: -r[1])[:10])
