"""Random small worlds: a taxonomy, a catalogue anywhere on earth, members with tastes and friends.

Nothing here knows how the engine works; `tests.build_world` writes a world into a database.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from math import asin, atan2, cos, degrees, radians, sin
from random import Random
from typing import Any, TypeAlias

import psycopg

Place: TypeAlias = tuple[float, float]
Connection: TypeAlias = psycopg.Connection[Any]

EARTH_KM = 6371.0088
GENRES = ["ga", "gb", "gc", "gd", "ge", "gf", "gg", "gh", "gi", "gj"]
# Names that people would write: other spellings, what is no genre, and what normalizes to nothing.
NAMED = [*GENRES, "GA", " g-b", "g_c ", "no such genre", "--", ""]
PLACES: list[Place] = [
    (90, 0),
    (-90, 17),
    (89.99, -120),
    (-89.5, 60),
    (0, 180),
    (0, -180),
    (51.5, 179.999),
    (-17, -179.999),
    (0, 0),
    (52.52, 13.4),
    (48.85, 2.35),
    (71, -179.5),
    (-45, 5),
]
# How far venues are from a place, in parts of a radius: on it, within, at the rim, beyond.
SHARES = [0, 0.001, 0.1, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 0.97, 0.995, 1.001, 1.5, 10]
RADII = [1, 5, 30, 80, 119.9, 120, 120.1, 200, 500]
TERMS: dict[str, list[float]] = {
    "artist_follow": [30, 0, 1, 12.5],
    "friend_interest": [5, 0, 1, 40],
    "genre_preference": [8, 0, 3, 25],
    "umbrella_genre": [15, 0, 2.75, 40],
    "cluster": [2, 0, 7, 0.25],
    "promoted": [5, 0, 0.5, 50],
    "recency": [10, 0, 1, 60],
    "distance": [15, 0, 1, 60],
    "tickets": [3, 0, 0.25, 20],
}

# What the feeds read. Autovacuum runs beside the tests, and finds only what was rolled back.
ANALYZED = [
    *("medley.items", "medley.members", "medley.upcoming_events", "medley.event_postings"),
    *("medley.user_cluster_affinity", "public.genres", "public.genre_paths", "public.item_genres"),
    *("public.artists", "public.venues", "public.events", "public.event_artists"),
    *("public.event_rsvps", "public.item_follows", "public.follows", "public.user_mutes"),
    "public.user_preferences",
]
CAPPED = {"friend_interest", "genre_preference", "cluster"}
ZONES = ["UTC", "America/New_York", "Europe/Berlin", "Australia/Lord_Howe", "Pacific/Apia"]


@dataclass(slots=True)
class World:
    """What `tests.build_world` builds; everything is called by its name."""

    genres: dict[str, list[str]]
    settings: dict[str, float]
    clock: float
    weights: list[dict[str, Any]]
    artists: list[dict[str, Any]]
    venues: list[dict[str, Any]]
    events: list[dict[str, Any]]
    members: list[dict[str, Any]]
    follows: list[tuple[str, str]]
    mutes: list[tuple[str, str]]
    item_follows: list[tuple[str, str]]
    rsvps: list[tuple[str, str, str]]

    def build(self, connection: Connection) -> None:
        """Write it into the database, in the transaction at hand."""
        connection.execute("select tests.build_world(%s)", (json.dumps(asdict(self)),))
        # As in a database that lives: plans are made, and made anew, for tables of this size.
        connection.execute(f"analyze {', '.join(ANALYZED)}")

    def consistent(self) -> World:
        """The same without what refers to something that is not there."""
        artists = {row["name"] for row in self.artists}
        venues = {row["name"] for row in self.venues}
        titles = {row["title"] for row in self.events}
        members = {row["name"] for row in self.members}
        events = [
            {
                **row,
                "venue": row["venue"] if row["venue"] in venues else None,
                "headliner": row["headliner"] if row["headliner"] in artists else None,
                "artists": [name for name in row["artists"] if name in artists],
            }
            for row in self.events
        ]
        return replace(
            self,
            events=events,
            follows=[row for row in self.follows if {*row} <= members],
            mutes=[row for row in self.mutes if {*row} <= members],
            item_follows=[
                row for row in self.item_follows if row[0] in members and row[1] in artists
            ],
            rsvps=[row for row in self.rsvps if row[0] in members and row[1] in titles],
        )


def moved(place: Place, kilometres: float, bearing: float) -> Place:
    """The place so far away in that direction, on the sphere."""
    angle, course = kilometres / EARTH_KM, radians(bearing)
    north, east = radians(place[0]), radians(place[1])
    there = asin(sin(north) * cos(angle) + cos(north) * sin(angle) * cos(course))
    turn = atan2(sin(course) * sin(angle) * cos(north), cos(angle) - sin(north) * sin(there))
    longitude = (degrees(east + turn) + 540) % 360 - 180
    return degrees(there), 180.0 if place[1] == 180 and kilometres == 0 else longitude


def until_spring() -> float:
    """Seconds until the third of March of next year, days before New York moves its clocks."""
    now = datetime.now(UTC)
    return (datetime(now.year + 1, 3, 3, tzinfo=UTC) - now).total_seconds()


class Dice:
    """Chooses, the same for the same seed."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)  # noqa: S311

    def one(self, choices: Sequence[Any]) -> Any:
        return self.random.choice(choices)

    def some(self, choices: Sequence[Any], most: int) -> list[Any]:
        count = self.random.randint(0, min(most, len(choices)))
        return self.random.sample(list(choices), count)

    def number(self, low: int, high: int) -> int:
        return self.random.randint(low, high)


def make_world(
    dice: Dice,
    *,
    events: int,
    members: int,
    clock: float | None = None,
    only: Collection[str] = (),
) -> World:
    """A world with at most so many events and members.

    Args:
        dice: makes the choices.
        events: at most so many.
        members: at most so many.
        clock: the moment of the feed, in seconds from now; chosen where it is left out.
        only: the terms of the feed that are worth something; chosen where it is empty.
    """

    def weight(term: str, choices: Sequence[float]) -> float:
        if only:
            return max(choices) if term in only else 0
        return 0 if is_sparse and dice.number(1, 10) < 7 else float(dice.one(choices))

    genres = {
        name: dice.some(GENRES[:place], 2) if place > 1 else [] for place, name in enumerate(GENRES)
    }
    # The moment of the feed, from now. Days differ in length where clocks are changed.
    if clock is None:
        clock = dice.one([0, until_spring(), 86400.0 * dice.number(0, 365)])
    homes = [dice.one(PLACES) for _ in range(dice.number(1, 3))]

    # In one world of two most terms are worth nothing, so that the others decide.
    is_sparse = dice.one([True, False])
    radius = dice.one(RADII)

    def nearby() -> Place:
        return moved(dice.one(homes), radius * dice.one(SHARES), dice.number(0, 359))

    venues = []
    for number in range(dice.number(1, max(4, events // 8))):
        latitude, longitude = nearby() if number % 5 < 4 else (None, None)
        venues.append(
            {
                "name": f"v{number}",
                "latitude": latitude,
                "longitude": longitude,
                "country": dice.one(["A", "B", None]),
            }
        )
    artists = [
        {"name": f"a{number}", "genres": dice.some(NAMED, 3)}
        for number in range(dice.number(0, max(4, events // 10)))
    ]
    playing = [artist["name"] for artist in artists]
    shows = [
        {
            "title": f"e{number}",
            # Never a whole number of half-lives: there the last bit of a power decides a rounding.
            "seconds": clock
            + dice.one([-40, 0, dice.number(-2, 40), dice.number(-2, 40), 200, 400, 30000]) * 86400
            + dice.number(-40000, 80000)
            + 1234.567,
            "venue": dice.one([None, *(venue["name"] for venue in venues)]),
            "headliner": dice.one([None, *playing]),
            "artists": dice.some(playing, 2),
            "genres": dice.some(NAMED, 3),
            "promoted": dice.one([False, False, True]),
            "tickets": dice.one([False, True]),
            "status": dice.one(["scheduled"] * 6 + ["cancelled", "postponed"]),
            "visibility": dice.one(["public"] * 6 + ["private", "followers"]),
        }
        for number in range(dice.number(events // 2 if events > 100 else 0, events))
    ]
    people = []
    for number in range(dice.number(1, members)):
        home = dice.one([*homes, nearby()]) if number % 4 < 3 else (None, None)
        people.append(
            {
                "name": f"m{number}",
                "genres": dice.some(NAMED, 5),
                "latitude": home[0],
                "longitude": home[1],
                "radius_km": dice.one([radius, radius, *RADII]),
            }
        )
    names = [person["name"] for person in people]
    titles = [show["title"] for show in shows]
    return World(
        genres=genres,
        clock=clock,
        settings={"genres.cluster_min_artists": dice.one([1, 0, 2])},
        weights=[
            *(
                {
                    "ranker": "event_feed",
                    "term": term,
                    "weight": weight(term, choices),
                    "cap": dice.one([20, None, 0, 1, 6.25]) if term in CAPPED else None,
                    "scale": dice.one([30, 1, 365]) if term == "recency" else None,
                }
                for term, choices in TERMS.items()
            ),
            *(
                {
                    "ranker": "cluster_affinity",
                    "term": status,
                    "weight": dice.one([1, 0, 0.5, 3]),
                    "cap": None,
                    "scale": None,
                }
                for status in ("going", "maybe")
            ),
        ],
        artists=artists,
        venues=venues,
        events=shows,
        members=people,
        follows=dice.some([(a, b) for a in names for b in names if a != b], 3 * len(names)),
        mutes=dice.some([(a, b) for a in names for b in names if a != b], len(names) // 2),
        item_follows=dice.some([(a, b) for a in names for b in playing], 2 * len(names)),
        rsvps=[
            (member, title, dice.one(["going", "maybe"]))
            for member, title in dice.some([(a, b) for a in names for b in titles], 4 * len(names))
        ],
    )


def smallest(world: World, fails: Callable[[World], bool]) -> World:
    """The failing world without whatever it also fails without."""
    lists = ("members", "events", "rsvps", "item_follows", "follows", "venues", "artists")
    for name in lists:
        size = max(1, len(getattr(world, name)) // 2)
        while size:
            place = 0
            while place < len(getattr(world, name)):
                rows = getattr(world, name)
                smaller = replace(world, **{name: rows[:place] + rows[place + size :]})
                if fails(smaller.consistent()):
                    world = smaller.consistent()
                else:
                    place += size
            size //= 2
    return world
