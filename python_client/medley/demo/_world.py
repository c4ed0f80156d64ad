"""The catalogue and the people of the demonstration; a second run changes nothing."""

from __future__ import annotations

import os
import random
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from importlib import resources
from pathlib import Path
from time import sleep
from typing import Any
from uuid import UUID

from psycopg import Connection, Cursor

from .. import Medley
from .._jobs import begin_anew, run_job
from ..loaders import (
    LoadReport,
    load_artists,
    load_concerts,
    load_lastfm,
    load_setlists,
    load_venues,
)
from ..loaders._write import Progress, load_transaction, run, stage
from ..loaders.catalogue import write_events
from ..loaders.members import member_id, write_members

#: How many whole days of plays are simulated.
DAYS = 7
SIMULATED = "simulated"
#: Songs that nobody wrote, for an artist whose setlists no archive has.
SONGS = (
    "Paper Lanterns",
    "Slow Return",
    "Night Bus",
    "Copper Wire",
    "Glass Harbour",
    "Second Sun",
    "Tin Roof",
    "Old Maps",
    "Undertow",
    "Long Division",
    "Carousel",
    "Last Train Home",
)
#: The member who looks at the world in each run.
EMAIL = "demo@members.example"
_JOBS = (
    "rebuild_genre_taxonomy",
    "refresh_upcoming_events",
    "refresh_user_cluster_affinity",
    "refresh_feature_statistics",
    "refresh_item_content",
    "rebuild_behavior_neighbors",
    "rebuild_content_neighbors",
    "refresh_item_statistics",
    "refresh_trending",
    "refresh_trending_artists",
)
STEPS = 4 + len(_JOBS)


class DemoFailed(Exception):  # noqa: N818 -- what happened, like the errors of the client
    """The demonstration saw something that should not be."""


@dataclass(frozen=True, slots=True)
class World:
    """What was loaded.

    Attributes:
        origin: Where the catalogue came from, in words.
        rows: Rows in the database by table.
        skipped: Bad rows of real files that were left out.
        plays: Simulated plays in the log, of the last DAYS days.
        jobs: Runs of the jobs: name, status, rows, seconds, error.
        replaced: Whether an earlier run's member was there, whose account is gone now.
    """

    origin: str
    rows: dict[str, int]
    skipped: int
    plays: int
    jobs: tuple[dict[str, Any], ...]
    replaced: bool


def find_data(given: Path | None) -> Path | None:
    """The folder of real data: the one given, MEDLEY_DATA, or ../shared/data; None without any.

    Raises:
        FileNotFoundError: A folder was named and holds no data.
    """
    named = given or (Path(os.environ["MEDLEY_DATA"]) if os.environ.get("MEDLEY_DATA") else None)
    for folder in (named,) if named else (Path("../shared/data"),):
        if (folder / "lastfm_hetrec").is_dir():
            return folder
    if named:
        raise FileNotFoundError(2, "No folder lastfm_hetrec in the data folder", str(named))
    return None


def build_world(
    connection: Connection[Any], service: Medley, data: Path | None, progress: Progress
) -> World:
    """Loads everything and runs the jobs.

    Args:
        connection: To DATABASE_URL, in autocommit mode.
        service: A client with the secret key, which logs what simulated members play.
        data: A folder that find_data found, or None for the project's own catalogue.
        progress: Told each of STEPS steps.

    Raises:
        DemoFailed: A job failed, or an event was refused.
    """
    progress("Loading the catalogue")
    # Each run begins without the member of the last: with the account goes all that was theirs.
    earlier = connection.execute("delete from auth.users as u where u.email = %s", (EMAIL,))
    reports = list(_load_real(connection, data) if data else _load_own(connection))
    # Before there are many events: they are indexed by the clusters that the taxonomy gives them.
    progress(f"Job {_JOBS[0]}")
    jobs = [run_now(connection, _JOBS[0])]
    progress("Simulating tours")
    with load_transaction(connection) as cursor:
        # A list: while rows are copied the connection can answer nothing else.
        write_events(cursor, list(_tours(cursor, date.today())))
    progress("Simulating RSVPs")
    with load_transaction(connection) as cursor:
        _verify(cursor)
        _write_rsvps(cursor)
        _write_past_shows(cursor)
    progress("Simulating plays")
    results = service.log_engagement(_plays(connection, date.today()))
    refused = [result for result in results if result.status == "refused"]
    if refused:
        raise DemoFailed(f"{len(refused)} plays were refused, the first: {refused[0].message}")
    begin_anew(connection)
    for name in _JOBS[1:]:
        progress(f"Job {name}")
        jobs.append(run_now(connection, name))
    tables = (
        "artists",
        "venues",
        "events",
        "songs",
        "event_rsvps",
        "item_follows",
        "follows",
        "profiles",
    )
    counts = connection.execute(
        "select " + ", ".join(f"(select count(*) from public.{table})" for table in tables)
    ).fetchone()
    return World(
        origin="real data: Last.fm, venues, concerts and setlists"
        if data
        else "the project's own catalogue",
        rows=dict(zip(tables, counts or (), strict=True)),
        skipped=sum(report.skipped for report in reports),
        plays=len(results),
        jobs=tuple(jobs),
        replaced=earlier.rowcount > 0,
    )


def run_now(connection: Connection[Any], name: str) -> dict[str, Any]:
    """Runs a job; where the scheduler is at it, waits and runs it again, on all that is there.

    Raises:
        DemoFailed: It failed, or the scheduler's run does not end.
    """
    for _ in range(120):
        done = run_job(connection, name)
        if done["status"] != "skipped":
            break
        sleep(1)
    if done["status"] != "succeeded":
        raise DemoFailed(f"job {name} {done['status']}: {done['error']}")
    return done


def _load_real(connection: Connection[Any], data: Path) -> Iterator[LoadReport]:
    # The published files have some bad rows: the demonstration goes on without them and says so.
    yield load_lastfm(connection, data / "lastfm_hetrec", skip_bad=True)
    venues = data / "venues" / "venues_union.csv"
    if venues.exists():
        yield load_venues(connection, venues, skip_bad=True)
    concerts = data / "concerts" / "jamband_shows_geo.csv"
    if concerts.exists():
        yield load_concerts(
            connection, concerts, since=date(2023, 1, 1), shift_to=date.today(), skip_bad=True
        )
    setlists = data / "setlists"
    if setlists.is_dir():
        yield load_setlists(connection, setlists, skip_bad=True)


def _load_own(connection: Connection[Any]) -> Iterator[LoadReport]:
    with resources.as_file(resources.files(__package__)) as folder:
        yield load_artists(connection, folder / "artists.csv", source="demo")
        yield load_venues(connection, folder / "venues.csv", source="demo")
    with load_transaction(connection) as cursor:
        _write_demo_members(cursor, count=1500)


def _write_demo_members(cursor: Cursor[Any], count: int) -> None:
    """Simulated members: each has two tastes, follows artists of these, befriends their like."""
    found = cursor.execute(
        """
        select a.id, a.genres
        from public.artists as a
        where a.source = 'demo'
        order by a.external_id
        """
    ).fetchall()
    by_genre: dict[str, list[UUID]] = defaultdict(list)
    for artist, genres in found:
        for genre in genres:
            by_genre[genre].append(artist)
    tastes = sorted(genre for genre, artists in by_genre.items() if len(artists) >= 5)
    members = [member_id("demo", str(number)) for number in range(count)]
    follows: list[tuple[UUID, UUID]] = []
    likes: list[tuple[UUID, list[str]]] = []
    circles: dict[str, list[UUID]] = defaultdict(list)
    friends: list[tuple[UUID, UUID]] = []
    for number, member in enumerate(members):
        rng = random.Random(f"member {number}")  # noqa: S311 -- the same world every time
        # A genre that many artists play has many listeners.
        weights = [len(by_genre[genre]) for genre in tastes]
        liked = sorted(set(rng.choices(tastes, weights, k=2)))
        known = sorted({artist for genre in liked for artist in by_genre[genre]})
        likes.append((member, liked))
        follows += ((member, artist) for artist in rng.sample(known, min(len(known), 12)))
        circle = circles[liked[0]]
        friends += ((member, friend) for friend in rng.sample(circle, min(len(circle), 4)))
        circle.append(member)

    names = ((str(number), f"Simulated member {number}") for number in range(count))
    write_members(cursor, "demo", names)
    stage(cursor, "demo_likes", "user_id uuid, genres text[]", likes)
    run(
        cursor,
        """
        insert into public.user_preferences (user_id, genre_preferences)
        select l.user_id, l.genres from pg_temp.demo_likes as l
        on conflict (user_id) do nothing
        """,
    )
    stage(cursor, "demo_follows", "user_id uuid, artist_id uuid", follows)
    run(
        cursor,
        """
        insert into public.item_follows (user_id, item_id)
        select f.user_id, f.artist_id from pg_temp.demo_follows as f
        on conflict do nothing
        """,
    )
    stage(cursor, "demo_friends", "a uuid, b uuid", friends)
    run(
        cursor,
        """
        insert into public.follows (follower_id, followed_id)
        select f.a, f.b from pg_temp.demo_friends as f
        union
        select f.b, f.a from pg_temp.demo_friends as f
        on conflict do nothing
        """,
    )


def _tours(cursor: Cursor[Any], today: date) -> Iterator[Sequence[Any]]:
    """Simulated dates of the most followed artists at venues of the catalogue."""
    artists = cursor.execute(
        """
        select a.id, a.name, a.source || ':' || a.external_id
        from public.artists as a
        inner join public.item_follows as f on f.item_id = a.id
        where a.source in ('lastfm', 'demo') and cardinality(a.genres) > 0
        group by a.id
        order by count(*) desc, a.id
        limit 400
        """
    ).fetchall()
    venues = cursor.execute(
        """
        select v.id, v.name
        from public.venues as v
        where v.latitude is not null and v.city is not null and v.source in ('venues', 'demo')
          -- The real file holds some names that were garbled before they got there.
          and v.name !~ '[√Ã�]'
        order by v.source, v.external_id
        """
    ).fetchall()
    for artist, name, key in artists:
        rng = random.Random(f"tour {key}")  # noqa: S311 -- the same world every time
        days = sorted(rng.sample(range(2, 150), rng.randint(8, 16))) if venues else []
        for number, day in enumerate(days):
            venue, venue_name = rng.choice(venues)
            yield (
                f"{key}:{number}",
                f"{name} at {venue_name} (simulated)"[:500],
                datetime.combine(today + timedelta(days=day), time(20), UTC),
                venue,
                artist,
                rng.random() < 0.02,
                rng.random() < 0.8,
                "A simulated date of the demonstration; the artist and the venue are real.",
                SIMULATED,
            )


def _verify(cursor: Cursor[Any]) -> None:
    """Marks the artists on tour as genuine: trending_artists lists no others."""
    cursor.execute(
        """
        update public.artists as a
        set verified = true
        where not a.verified
          and exists (
            select from public.events as e where e.headliner_artist_id = a.id and e.source = %s
          )
        """,
        (SIMULATED,),
    )


def _write_past_shows(cursor: Cursor[Any]) -> None:
    """Eight past shows of the most followed artist on tour, unless real setlists are there."""
    cursor.execute(
        """
        with artist as (
          select a.id, a.name
          from public.artists as a
          inner join public.events as e on e.headliner_artist_id = a.id and e.source = %(tours)s
          where not exists (select from public.setlists as s where s.type = 'actual')
          group by a.id
          order by (select count(*) from public.item_follows as f where f.item_id = a.id) desc, a.id
          limit 1
        ),

        song as (
          insert into public.songs (title, artist, source, external_id)
          select t.title || ' (simulated)', left(a.name, 255), %(source)s, t.place
          from artist as a
          cross join unnest(%(songs)s::text[]) with ordinality as t (title, place)
          returning id, external_id::int as place
        ),

        linked as (
          insert into public.artist_songs (artist_id, song_id)
          select a.id, s.id from artist as a cross join song as s
        ),

        show as (
          insert into public.events (title, starts_at, headliner_artist_id, source, external_id)
          select
            left(a.name, 480) || ' (simulated)', now() - n * interval '7 days', a.id, %(source)s,
            'past ' || n
          from artist as a
          cross join generate_series(1, 8) as n
          returning id, headliner_artist_id, split_part(external_id, ' ', 2)::int as week
        ),

        setlist as (
          insert into public.setlists (event_id, artist_id, type, name)
          select w.id, w.headliner_artist_id, 'actual', 'As simulated'
          from show as w
          returning id, event_id
        )

        -- Seven songs each; those of one week are seldom those of the next.
        insert into public.setlist_songs (setlist_id, song_id, position)
        select l.id, s.id, row_number() over (partition by l.id order by s.place)
        from setlist as l
        inner join show as w on w.id = l.event_id
        inner join song as s on (s.place * 7 + w.week * 5) %% 12 < 7
        """,
        # Not the source of the dates to come, which members answer to.
        {"tours": SIMULATED, "source": "demo", "songs": list(SONGS)},
    )


def _write_rsvps(cursor: Cursor[Any]) -> None:
    """Imported and simulated members answer to simulated dates of artists that they follow."""
    dates: dict[UUID, list[UUID]] = dict(
        cursor.execute(
            """
        select e.headliner_artist_id, array_agg(e.id order by e.external_id)
        from public.events as e
        where e.source = %s
        group by e.headliner_artist_id
        """,
            (SIMULATED,),
        ).fetchall()
    )
    follows: dict[UUID, list[UUID]] = defaultdict(list)
    for member, artist in cursor.execute(
        """
        select f.user_id, f.item_id
        from public.item_follows as f
        inner join auth.users as u on u.id = f.user_id
        where u.email like '%@members.invalid'
        order by f.user_id, f.item_id
        """
    ):
        follows[member].extend(dates.get(artist, ()))
    rsvps: list[tuple[UUID, UUID, str]] = []
    for member, events in follows.items():
        rng = random.Random(f"rsvp {member}")  # noqa: S311 -- the same world every time
        chosen = rng.sample(events, min(len(events), rng.randint(0, 6)))
        rsvps += ((member, event, "going" if rng.random() < 0.7 else "maybe") for event in chosen)
    stage(cursor, "demo_rsvps", "user_id uuid, event_id uuid, status text", rsvps)
    run(
        cursor,
        """
        insert into public.event_rsvps (user_id, event_id, status)
        select r.user_id, r.event_id, r.status from pg_temp.demo_rsvps as r
        on conflict do nothing
        """,
    )


def _plays(connection: Connection[Any], today: date) -> Iterator[dict[str, Any]]:
    """What members play of the artists whom they follow, on each of the last whole days.

    A day's plays are the same whenever they are simulated: logged again, they are duplicates.
    """
    follows = connection.execute(
        """
        select f.user_id, array_agg(f.item_id order by f.item_id)
        from public.item_follows as f
        inner join auth.users as u on u.id = f.user_id
        inner join public.artists as a on a.id = f.item_id
        where u.email like '%@members.invalid'
        group by f.user_id
        order by f.user_id
        """
    ).fetchall()
    artists = sorted({artist for _, followed in follows for artist in followed})
    for days in range(1, DAYS + 1):
        day = today - timedelta(days=days)
        # A few artists are on everybody's lips for a day: that is what trends.
        hot = set(random.Random(f"hot {day}").sample(artists, min(len(artists), 5)))  # noqa: S311
        for member, followed in follows:
            rng = random.Random(f"plays {member} {day}")  # noqa: S311 -- the same every time
            if rng.random() < 0.3:
                weights = [20 if artist in hot else 1 for artist in followed]
                for artist in set(rng.choices(followed, weights, k=2)):
                    yield {
                        "user_id": member,
                        "item_id": artist,
                        "kind": "play",
                        "occurred_at": datetime.combine(day, time(rng.randrange(24)), UTC),
                        "platform": SIMULATED,
                    }
