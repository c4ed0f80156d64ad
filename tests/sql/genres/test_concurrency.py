"""What several sessions may do to genres at the same time."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from tests.database import Database

CORE = ("core/foundation", "core/ops", "core/identity", "core/items", "core/genres")
MANY = 8


@pytest.fixture(scope="module")
def genres(new_database: Callable[..., AbstractContextManager[Database]]) -> Iterator[Database]:
    """A database of its own: sessions only meet over what is committed."""
    with new_database(name="genres", include=lambda m: m.folder in CORE) as made:
        yield made


@pytest.fixture
def sessions(genres: Database) -> Iterator[Callable[[], psycopg.Connection[Any]]]:
    """Opens transactions that end with the test."""
    opened: list[psycopg.Connection[Any]] = []

    def open_one() -> psycopg.Connection[Any]:
        connection = psycopg.connect(genres.cluster.url())
        opened.append(connection)
        return connection

    yield open_one
    for connection in opened:
        connection.close()


def make_genre(genres: Database, name: str) -> UUID:
    found = genres.value("select public.upsert_genre(%s)", name)
    assert isinstance(found, UUID)
    return found


def blocked_by(genres: Database, waiting: psycopg.Connection[Any]) -> list[int]:
    """The sessions that the connection waits for now."""
    pids = genres.value("select pg_blocking_pids(%s)", waiting.info.backend_pid)
    return list(pids)


def wait_until_blocked(
    genres: Database, waiting: psycopg.Connection[Any], running: Future[Any]
) -> None:
    """Return when the connection's statement waits for another session."""
    while not blocked_by(genres, waiting):
        assert not running.done(), "the statement did not wait"


def add_edge(connection: psycopg.Connection[Any], child: UUID, parent: UUID) -> None:
    connection.execute(
        "insert into public.genre_parent (child_id, parent_id) values (%s, %s)", (child, parent)
    )


def test_sessions_that_make_the_same_genres_in_any_order_make_each_once(genres: Database) -> None:
    names = [f"Crowd {n}" for n in range(60)]

    def upsert(seed: int) -> dict[str, UUID]:
        mine = random.Random(seed).sample(names, 50)  # noqa: S311
        found: dict[str, UUID] = {}
        for start in range(0, 50, 10):
            with psycopg.connect(genres.cluster.url()) as connection:
                rows = connection.execute(
                    "select raw, genre_id from medley.upsert_genres(%s)",
                    (mine[start : start + 10],),
                ).fetchall()
                found |= dict(rows)
        return found

    with ThreadPoolExecutor(MANY) as pool:
        answers = list(pool.map(upsert, range(MANY)))

    stored = dict(genres.rows("select name, id from public.genres where name like 'Crowd %'"))
    assert set(stored) == set().union(*answers)
    assert all(stored[name] == found for answer in answers for name, found in answer.items())


def test_transactions_that_make_two_genres_in_opposite_order_do_not_deadlock(
    genres: Database, sessions: Callable[[], psycopg.Connection[Any]]
) -> None:
    first, second = sessions(), sessions()
    first.execute("select public.upsert_genre('left')")
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(second.execute, "select public.upsert_genre('right')")
        wait_until_blocked(genres, second, waiting)
        first.execute("select public.upsert_genre('right')")
        first.commit()
        waiting.result()
    second.execute("select public.upsert_genre('left')")
    second.commit()
    assert (
        genres.value("select count(*) from public.genres where normalized_key in ('left', 'right')")
        == 2
    )


def test_known_genres_are_found_without_waiting(
    genres: Database, sessions: Callable[[], psycopg.Connection[Any]]
) -> None:
    make_genre(genres, "known")
    maker, reader = sessions(), sessions()
    maker.execute("select public.upsert_genre('unheard of')")
    reader.execute("set lock_timeout = '1ms'")
    assert reader.execute("select public.upsert_genre('Known')").fetchone() is not None


@pytest.mark.parametrize("isolation", list(psycopg.IsolationLevel))
def test_two_edges_that_close_a_cycle_together_do_not_both_commit(
    genres: Database,
    sessions: Callable[[], psycopg.Connection[Any]],
    isolation: psycopg.IsolationLevel,
) -> None:
    a, b = make_genre(genres, f"a {isolation}"), make_genre(genres, f"b {isolation}")
    first, second = sessions(), sessions()
    second.isolation_level = isolation
    # The second session's snapshot is taken before the first one's edge is committed.
    second.execute("select count(*) from public.genre_parent")
    add_edge(first, a, b)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(add_edge, second, b, a)
        wait_until_blocked(genres, second, waiting)
        first.commit()
        with pytest.raises(psycopg.Error) as refused:
            waiting.result()
    assert refused.value.sqlstate in {"PT409", "40001"}
    second.rollback()
    assert genres.rows(
        "select child_id, parent_id from public.genre_parent where child_id in (%s, %s)", a, b
    ) == [(a, b)]


def test_an_edge_waits_for_a_rebuild_and_is_not_lost(
    genres: Database, sessions: Callable[[], psycopg.Connection[Any]]
) -> None:
    child, parent = make_genre(genres, "late child"), make_genre(genres, "late parent")
    rebuild, curator = sessions(), sessions()
    rebuild.execute("select medley.assign_genre_parents()")
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(add_edge, curator, child, parent)
        wait_until_blocked(genres, curator, waiting)
        rebuild.commit()
        waiting.result()
    curator.commit()
    genres.execute("select medley.rebuild_genre_taxonomy()")
    assert (
        genres.value(
            "select source from public.genre_parent where child_id = %s and parent_id = %s",
            child,
            parent,
        )
        == "curated"
    )


def test_readers_see_the_former_paths_until_a_rebuild_commits(
    genres: Database, sessions: Callable[[], psycopg.Connection[Any]]
) -> None:
    count = "select count(*) from public.get_genres_under_umbrella('rock')"
    before = genres.value(count)
    rebuild = sessions()
    rebuild.execute("delete from public.genre_parent where true")
    rebuild.execute("select medley.rebuild_genre_paths()")
    assert genres.value(count) == before
    rebuild.rollback()
    assert before > 1


def test_the_last_of_two_syncs_of_one_item_wins_whole(
    genres: Database, sessions: Callable[[], psycopg.Connection[Any]]
) -> None:
    item = uuid4()
    genres.execute("insert into medley.item_kinds values ('thing', false, 'For tests.')")
    genres.execute("insert into medley.items (id, kind, title) values (%s, 'thing', 'x')", item)
    for name in ("one", "two", "three"):
        make_genre(genres, name)
    sync = "select medley.sync_item_genres(array[%s, %s]::uuid[], %s)"
    first, second = sessions(), sessions()
    first.execute(sync, (item, item, ["one", "two"]))
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(second.execute, sync, (item, item, ["two", "three"]))
        wait_until_blocked(genres, second, waiting)
        first.commit()
        waiting.result()
    second.commit()
    assert genres.rows(
        "select g.name from public.item_genres as l inner join public.genres as g "
        "on g.id = l.genre_id where l.item_id = %s order by 1",
        item,
    ) == [("three",), ("two",)]


def test_overlapping_syncs_in_any_order_do_not_deadlock(genres: Database) -> None:
    items = [uuid4() for _ in range(40)]
    genres.execute("insert into medley.item_kinds values ('crowd', false, 'For tests.')")
    genres.execute(
        "insert into medley.items (id, kind, title) select i, 'crowd', 'x' from unnest(%s) as i",
        items,
    )

    def sync(seed: int) -> None:
        chance = random.Random(seed)  # noqa: S311
        for _ in range(5):
            mine = chance.sample(items, 30)
            names = [f"Sync {chance.randrange(50)}" for _ in mine]
            with psycopg.connect(genres.cluster.url()) as connection:
                connection.execute("select medley.sync_item_genres(%s, %s)", (mine, names))

    with ThreadPoolExecutor(MANY) as pool:
        list(pool.map(sync, range(MANY)))
    assert (
        genres.value(
            "select count(*) from medley.items as i where i.kind = 'crowd' "
            "and (select count(*) from public.item_genres as l where l.item_id = i.id) > 1"
        )
        == 0
    )


def test_a_rebuild_that_is_cancelled_leaves_everything_as_it_was(
    genres: Database, sessions: Callable[[], psycopg.Connection[Any]]
) -> None:
    before = genres.rows("select path_no, path_slug from public.genre_paths order by 1")
    holder, rebuild = sessions(), sessions()
    holder.execute("select medley.begin_generation('genre_paths')")
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(rebuild.execute, "select medley.rebuild_genre_taxonomy()")
        wait_until_blocked(genres, rebuild, running)
        rebuild.cancel()
        with pytest.raises(psycopg.errors.QueryCanceled):
            running.result()
    rebuild.rollback()
    holder.rollback()
    assert genres.rows("select path_no, path_slug from public.genre_paths order by 1") == before
    genres.execute("select medley.rebuild_genre_taxonomy()")
