"""Many members vote at once, while songs, setlists and members come and go: nothing is lost."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager

import psycopg
import pytest

from tests.database import Database
from tests.sql.live.worlds import Connection

MEMBERS = 24
SONGS = [f"Song {n}" for n in range(1, 9)]


@pytest.fixture(scope="module")
def live(new_database: Callable[..., AbstractContextManager[Database]]) -> Iterator[Database]:
    """A database of its own: these tests commit."""
    with new_database(name="votes") as made:
        made.execute("alter role postgres set search_path = tests, extensions, public")
        made.execute("select make_artist('Band'), make_event('show', 5, '{}', null, 'Band')")
        for song in SONGS:
            made.execute("select make_song(%s)", song)
        for n in range(MEMBERS):
            made.execute("select make_member(%s)", f"m{n}")
        yield made


@contextmanager
def member(database: Database, name: str) -> Iterator[Connection]:
    """A session of a member, in autocommit mode."""
    with psycopg.connect(database.cluster.url(), autocommit=True) as connection:
        connection.execute(
            "select set_config('request.jwt.claims', "
            "json_build_object('sub', tests.member(%s), 'role', 'authenticated')::text, false)",
            (name,),
        )
        yield connection


def shuffled(n: int) -> list[str]:
    """The songs in the n-th order."""
    return random.Random(n).sample(SONGS, len(SONGS))  # noqa: S311 -- an order, no secret


def together(work: Callable[[int], None], count: int) -> None:
    """Do it all at once; the first error is raised."""
    with ThreadPoolExecutor(count) as pool:
        for future in [pool.submit(work, n) for n in range(count)]:
            future.result(timeout=120)


def test_no_vote_is_lost(live: Database) -> None:
    live.execute("select make_setlist('all', 'show', %s)", SONGS)

    def vote(n: int) -> None:
        with member(live, f"m{n}") as connection:
            # Each in an order of its own; every member ends with a vote on every song.
            for song in shuffled(n):
                for value in (-1, 0, 1 if n % 3 else -1):
                    connection.execute(
                        "select vote_setlist_song(on_setlist('all', %s), %s)", (song, value)
                    )

    together(vote, MEMBERS)
    assert live.rows("select * from miscounts()") == []
    against = len(range(0, MEMBERS, 3))
    assert live.rows("select distinct upvotes, downvotes from setlist_songs") == [
        (MEMBERS - against, against)
    ]
    assert live.value("select total_votes from setlists where name = 'all'") == MEMBERS * len(SONGS)
    assert live.value("select count(*) from medley.engagements") >= MEMBERS * len(SONGS) * 3


def test_one_member_votes_in_many_places_at_once(live: Database) -> None:
    for n in range(6):
        live.execute("select make_setlist(%s, 'show', %s, 'Band', 'actual')", f"l{n}", SONGS)

    def vote(n: int) -> None:
        with member(live, "m0") as connection:
            for song in SONGS:
                connection.execute(
                    "select vote_setlist_song(on_setlist(%s, %s), 1)", (f"l{n}", song)
                )

    together(vote, 6)
    assert live.rows("select * from miscounts()") == []


def vote_while(database: Database, setlist: str, meanwhile: list[Callable[[], None]]) -> None:
    """Twelve members vote on every song in orders of their own, while other things happen."""

    def act(n: int) -> None:
        if n < len(meanwhile):
            meanwhile[n]()
            return
        with member(database, f"m{n}") as connection:
            for song in shuffled(n):
                try:
                    connection.execute(
                        "select vote_setlist_song(on_setlist(%s, %s), 1)", (setlist, song)
                    )
                except psycopg.errors.DatabaseError as error:
                    # What has left the setlist is not found; nothing else may happen.
                    if error.sqlstate != "PT404":
                        raise

    together(act, len(meanwhile) + 12)
    assert database.rows("select * from miscounts()") == []


def test_accounts_may_go_meanwhile(live: Database) -> None:
    live.execute("select make_setlist('left', 'show', %s, 'Band', 'actual')", SONGS)
    for n in range(4):
        live.execute("select make_member(%s)", f"leaver{n}")
        live.execute(
            "insert into setlist_votes (setlist_song_id, user_id, vote) "
            "select g.id, member(%s), 1 from setlist_songs as g "
            "where g.setlist_id = setlist('left')",
            f"leaver{n}",
        )

    def leave(n: int) -> Callable[[], None]:
        return lambda: live.execute("delete from auth.users where id = member(%s)", f"leaver{n}")

    vote_while(live, "left", [leave(n) for n in range(4)])
    assert live.value("select total_votes from setlists where name = 'left'") == 12 * len(SONGS)


def test_songs_may_go_meanwhile(live: Database) -> None:
    live.execute("select make_setlist('busy', 'show', %s, 'Band', 'actual')", SONGS)
    vote_while(
        live,
        "busy",
        [
            lambda: live.execute("delete from songs where title = 'Song 8'"),
            lambda: live.execute(
                "select medley.remove_setlist_song(null, on_setlist('busy', 'Song 7'), now()) "
                "from set_config('request.jwt.claims', '{\"role\": \"service_role\"}', true)"
            ),
        ],
    )
    assert live.value("select total_votes from setlists where name = 'busy'") == 12 * 6


def test_two_loads_of_one_artist_find_each_others_recordings(live: Database) -> None:
    with (
        psycopg.connect(live.cluster.url()) as one,
        psycopg.connect(live.cluster.url()) as other,
        ThreadPoolExecutor(1) as pool,
    ):
        one.execute("select make_song('Echoes')")

        def second() -> None:
            other.execute("select make_song('Echoes (Live)')")
            other.commit()

        working = pool.submit(second)
        while not live.value("select exists (select from pg_locks where not granted)"):
            assert not working.done(), "the second load did not wait"
        one.commit()
        working.result(timeout=90)
    assert live.value(
        "select duplicate_of = song('Echoes') from songs where title = 'Echoes (Live)'"
    )
    assert live.rows("select * from miscounts()") == []
