"""Two sessions that write about the same thing, and a session that is killed at work."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager

import psycopg
import pytest

from tests.database import Database
from tests.sql.live.worlds import Connection

WAITING = "select exists (select from pg_locks where not granted)"


@pytest.fixture(scope="module")
def live(new_database: Callable[..., AbstractContextManager[Database]]) -> Iterator[Database]:
    """A database of its own: these tests commit."""
    with new_database(name="live") as made:
        made.execute("select tests.make_small_taxonomy()")
        made.execute("alter role postgres set search_path = tests, extensions, public")
        for name in ("ada", "bob", "cy", "dee"):
            made.execute("select tests.make_member(%s)", name)
        for name, country in (("Here", "A"), ("There", "B")):
            made.execute("select tests.make_venue(%s, 0, 0, %s)", name, country)
        made.execute("select tests.make_artist('Band')")
        yield made


def until(database: Database, query: str) -> None:
    """Wait for a state that another session is about to reach; ninety seconds are forever."""
    for _ in range(9000):
        if database.value(query):
            return
        time.sleep(0.01)
    pytest.fail(f"never true: {query}")


@contextmanager
def session(database: Database) -> Iterator[Connection]:
    """A session with a transaction of its own."""
    with psycopg.connect(database.cluster.url()) as connection:
        yield connection


def meet(database: Database, first: list[str], second: list[str]) -> None:
    """One session begins, another comes and has to wait; the first ends, and both commit."""

    def work(connection: Connection) -> None:
        for statement in second:
            connection.execute(statement)
        connection.commit()

    with session(database) as one, session(database) as other, ThreadPoolExecutor(1) as pool:
        one.execute(first[0])
        working: Future[None] = pool.submit(work, other)
        until(database, WAITING)
        for statement in first[1:]:
            one.execute(statement)
        one.commit()
        working.result(timeout=90)


def index_errors(database: Database) -> list[tuple[str]]:
    """What a rebuild of the index would change."""
    with session(database) as connection:
        found = connection.execute("select * from tests.upcoming_index_errors()").fetchall()
        connection.rollback()
    return found


def test_two_sessions_write_one_event(live: Database) -> None:
    live.execute("select make_event('one', 5, '{grunge}', 'Here')")
    meet(
        live,
        ["update events set genres = '{bebop}' where title = 'one'"],
        ["update events set genres = '{shoegaze}', promoted = true where title = 'one'"],
    )
    assert index_errors(live) == []
    assert live.value("select genres from events where title = 'one'") == ["shoegaze"]


def test_what_is_around_an_event_changes_at_once(live: Database) -> None:
    live.execute("select make_event('two', 5, '{grunge}', 'Here')")
    writes = [
        "update venues set latitude = latitude + 1 where name = 'Here'",
        "insert into event_artists (event_id, artist_id) values (event('two'), artist('Band'))",
        "update medley.items set visibility = 'private' where title = 'two'",
        "select sync_event_genres(event('two'), '{jazz}')",
        "update events set starts_at = starts_at + interval '1 hour' where title = 'two'",
        "delete from event_artists where event_id = event('two')",
        "update medley.items set visibility = 'public' where title = 'two'",
        "insert into event_artists (event_id, artist_id) values (event('two'), artist('Band'))",
        "update events set status = 'cancelled' where title = 'two'",
        "update events set status = 'scheduled', genres = '{grunge}' where title = 'two'",
        "update venues set country = 'E' where name = 'Here'",
        "delete from events where title = 'two'",
    ]
    for first, second in zip(writes[::2], writes[1::2], strict=True):
        meet(live, [first], [second])
        assert index_errors(live) == [], f"{first}; {second}"


def test_new_clusters_met_in_opposite_order(live: Database) -> None:
    live.execute("select make_venue('Isle', 1, 1, 'C'), make_venue('Atoll', 1, 1, 'D')")
    meet(
        live,
        [
            "select make_event('three', 5, '{grunge}', 'Isle')",
            "select make_event('four', 5, '{bebop}', 'Atoll')",
        ],
        [
            "select make_event('five', 5, '{bebop}', 'Atoll')",
            "select make_event('six', 5, '{grunge}', 'Isle')",
        ],
    )
    assert index_errors(live) == []


@pytest.mark.parametrize(
    ("member", "first", "second"),
    [
        ("ada", "select rsvp('ada', 'seven')", "select rsvp('ada', 'eight')"),
        ("bob", "select rsvp('bob', 'eight')", "select rsvp('bob', 'eight') where false"),
        (
            "cy",
            "select rsvp('cy', 'seven')",
            "insert into event_rsvps (user_id, event_id, status) "
            "values (member('cy'), event('seven'), 'maybe') "
            "on conflict (user_id, event_id) do update set status = excluded.status",
        ),
        (
            "dee",
            "select refresh_user_cluster_affinity() from rsvp('dee', 'eight')",
            "select rsvp('dee', 'seven')",
        ),
    ],
)
def test_one_member_answers_twice_at_once(
    live: Database, member: str, first: str, second: str
) -> None:
    live.execute(
        "select make_event(t, 5, '{grunge}', 'There') from unnest('{seven,eight}'::text[]) t "
        "where not exists (select from events where title = t)"
    )
    if "where false" in second:
        live.execute(first)
        first = "delete from event_rsvps where user_id = member('bob')"
        second = "update event_rsvps set status = 'maybe' where user_id = member('bob')"
    meet(live, [first], [second])
    assert live.value("select medley.refresh_user_cluster_affinity()") == 0
    score = live.rows(
        "select a.score from medley.user_cluster_affinity as a "
        "inner join medley.members as m on m.user_no = a.user_no where m.user_id = member(%s)",
        member,
    )
    expected = {"ada": [2], "bob": [], "cy": [0.5], "dee": [2]}[member]
    assert [float(row[0]) for row in score] == expected


def test_a_killed_refresh_loses_nothing(live: Database) -> None:
    live.execute(
        "select make_event('e' || n, n, '{grunge}', 'There') from generate_series(1, 20) n"
    )
    live.execute("update medley.jobs set batch_size = 4 where name = 'refresh_upcoming_events'")
    live.execute("select medley.rebuild_genre_paths()")
    call = "call medley.run_job('refresh_upcoming_events')"

    def run() -> None:
        with live.connect() as connection:
            connection.execute(call)

    with session(live) as holder, ThreadPoolExecutor(1) as pool:
        # Somebody writes to the event that is indexed last, so the job waits in the middle.
        holder.execute(
            "select from medley.items where id = (select event_id from medley.upcoming_events "
            "order by ctid desc limit 1) for no key update"
        )
        running = pool.submit(run)
        until(live, WAITING)
        live.execute("select pg_terminate_backend(pid) from pg_locks where not granted")
        with pytest.raises(psycopg.OperationalError):
            running.result(timeout=90)
    stale = "select count(distinct taxonomy_generation) from medley.upcoming_events"
    assert live.value(stale) == 2, "the batches before it are done, the others are as they were"
    run()
    assert live.value(stale) == 1
    assert index_errors(live) == []
    assert live.rows(
        "select status from medley.job_runs where name = 'refresh_upcoming_events' order by run_id"
    ) == [("killed",), ("succeeded",)]
