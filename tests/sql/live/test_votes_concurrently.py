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
            for song in random.Random(n).sample(SONGS, len(SONGS)):
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


def test_counters_survive_what_goes_away_meanwhile(live: Database) -> None:
    live.execute("select make_setlist('busy', 'show', %s, 'Band', 'actual')", SONGS)
    for n in range(4):
        live.execute("select make_member(%s)", f"leaver{n}")
        live.execute(
            "insert into setlist_votes (setlist_song_id, user_id, vote) "
            "select g.id, member(%s), 1 from setlist_songs as g "
            "where g.setlist_id = setlist('busy')",
            f"leaver{n}",
        )

    def act(n: int) -> None:
        if n < 4:
            live.execute("delete from auth.users where id = member(%s)", f"leaver{n}")
        elif n == 4:
            live.execute("delete from songs where title = 'Song 8'")
        elif n == 5:
            live.execute("select remove_setlist_song_of('busy', 'Song 7')")
        else:
            with member(live, f"m{n}") as connection:
                for song in random.Random(n).sample(SONGS, len(SONGS)):
                    try:
                        connection.execute(
                            "select vote_setlist_song(on_setlist('busy', %s), 1)", (song,)
                        )
                    except psycopg.errors.DatabaseError as error:
                        # What has left the setlist is not found; nothing else may happen.
                        assert error.sqlstate == "PT404"

    live.execute(
        "create function tests.remove_setlist_song_of(p_setlist text, p_song text) returns void "
        "language sql as $$ select medley.remove_setlist_song(null, on_setlist(p_setlist, p_song), "
        "now()) from set_config('request.jwt.claims', '{\"role\": \"service_role\"}', true) $$"
    )
    together(act, 20)
    assert live.rows("select * from miscounts()") == []
    assert live.value(
        "select array_agg(position order by position) from setlist_songs "
        "where setlist_id = setlist('busy') and song_id <> song('Song 7')"
    ) == [1, 2, 3, 4, 5, 6]


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
