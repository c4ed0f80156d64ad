"""What several sessions may do to the log at the same time."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from tests.database import Database

CORE = ("core/foundation", "core/ops", "core/identity", "core/items", "core/genres", "core/signals")
MEMBERS, ITEMS = 12, 20
START = datetime.now(UTC) - timedelta(days=2)
SERVICE = "select set_config('request.jwt.claims', '{\"role\": \"service_role\"}', false)"
LOG = "select e.status, e.code from public.log_engagement(%s) as e"


@pytest.fixture(scope="module")
def signals(new_database: Callable[..., AbstractContextManager[Database]]) -> Iterator[Database]:
    """A database of its own: sessions only meet over what is committed."""
    with new_database(name="signals", include=lambda m: m.folder in CORE) as made:
        made.execute("select tests.make_kind('thing')")
        made.execute("select tests.make_member('m' || n) from generate_series(1, %s) as n", MEMBERS)
        made.execute(
            "select tests.make_item('thing', 'i' || n) from generate_series(1, %s) as n", ITEMS
        )
        yield made


@pytest.fixture(scope="module")
def ids(signals: Database) -> dict[str, str]:
    """Members and items by name."""
    return {
        name: str(found)
        for name, found in signals.rows(
            "select username, id from public.profiles union all select title, id from medley.items"
        )
    }


@pytest.fixture
def sessions(signals: Database) -> Iterator[Callable[[], psycopg.Connection[Any]]]:
    """Opens transactions of the service that end with the test."""
    opened: list[psycopg.Connection[Any]] = []

    def open_one() -> psycopg.Connection[Any]:
        connection = psycopg.connect(signals.cluster.url())
        connection.execute(SERVICE)
        connection.commit()
        opened.append(connection)
        return connection

    yield open_one
    for connection in opened:
        connection.close()


def wait_until_blocked(
    signals: Database, waiting: psycopg.Connection[Any], running: Future[Any]
) -> None:
    """Return when the connection's statement waits for another session."""
    while not signals.value("select pg_blocking_pids(%s)", waiting.info.backend_pid):
        assert not running.done(), "the statement did not wait"


def event(
    ids: dict[str, str], member: int, item: int, second: int, **more: object
) -> dict[str, object]:
    return {
        "user_id": ids[f"m{member}"],
        "item_id": ids[f"i{item}"],
        "kind": "like",
        "occurred_at": (START + timedelta(seconds=second)).isoformat(),
        **more,
    }


def statuses(connection: psycopg.Connection[Any], events: list[dict[str, object]]) -> list[str]:
    return [row[0] for row in connection.execute(LOG, [json.dumps(events)]).fetchall()]


def state(signals: Database) -> list[tuple[Any, ...]]:
    return signals.rows(
        "select user_no, item_no, half_life_days, round(score::numeric, 3), last_at, positive_at, "
        "negative_at, seen from medley.affinities order by 1, 2, 3"
    )


def assert_running_is_rebuilt(signals: Database) -> None:
    before = state(signals)
    signals.execute("select medley.rebuild_affinities()")
    assert state(signals) == before


def test_the_same_batch_twice_at_once_counts_once(
    signals: Database, ids: dict[str, str], sessions: Callable[[], psycopg.Connection[Any]]
) -> None:
    batch = [event(ids, 1, n, n, session_id=str(UUID(int=1))) for n in range(1, ITEMS)]
    first, second = sessions(), sessions()
    assert set(statuses(first, batch)) == {"accepted"}
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(statuses, second, batch)
        wait_until_blocked(signals, second, waiting)
        first.commit()
        assert set(waiting.result()) == {"duplicate"}
    second.commit()
    assert signals.value("select sum(events) from medley.sessions") == len(batch)
    assert signals.value("select sum(engagements) from medley.member_activity") == len(batch)
    assert {row[3] for row in state(signals)} == {2}
    assert_running_is_rebuilt(signals)


def test_a_batch_whose_twin_is_rolled_back_is_accepted(
    signals: Database, ids: dict[str, str], sessions: Callable[[], psycopg.Connection[Any]]
) -> None:
    batch = [event(ids, 2, n, n) for n in range(1, ITEMS)]
    first, second = sessions(), sessions()
    statuses(first, batch)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(statuses, second, batch)
        wait_until_blocked(signals, second, waiting)
        first.rollback()
        assert set(waiting.result()) == {"accepted"}
    second.commit()
    assert_running_is_rebuilt(signals)


def test_a_transaction_that_does_not_see_the_twin_must_begin_anew(
    signals: Database, ids: dict[str, str], sessions: Callable[[], psycopg.Connection[Any]]
) -> None:
    old, new = event(ids, 3, 1, 1), event(ids, 3, 2, 2)
    first, second = sessions(), sessions()
    assert statuses(first, [old]) == ["accepted"]
    first.commit()
    second.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
    # What it sees is a duplicate as ever.
    assert statuses(second, [old]) == ["duplicate"]
    assert statuses(first, [new]) == ["accepted"]
    first.commit()
    with pytest.raises(psycopg.errors.SerializationFailure):
        statuses(second, [old, new])
    second.rollback()
    assert statuses(second, [old, new]) == ["duplicate", "duplicate"]
    second.rollback()
    assert_running_is_rebuilt(signals)


def test_batches_that_cross_do_not_deadlock(signals: Database, ids: dict[str, str]) -> None:
    before = signals.value("select sum(engagements) from medley.member_activity") or 0
    names = [f"00000000-0000-4000-8000-{member:012}" for member in range(MEMBERS + 1)]

    def write(seed: int) -> int:
        chance = random.Random(seed)  # noqa: S311
        accepted = 0
        with signals.connect() as connection:
            connection.execute(SERVICE)
            for turn in range(15):
                batch = []
                for _ in range(80):
                    member = chance.randint(1, MEMBERS)
                    # A third of the events of each turn comes from all sessions alike.
                    second = chance.choice(
                        [turn, 1000 + turn, 10_000 * (seed + 1) + chance.randint(0, 9999)]
                    )
                    batch.append(
                        event(
                            ids, member, chance.randint(1, ITEMS), second, session_id=names[member]
                        )
                    )
                accepted += statuses(connection, batch).count("accepted")
        return accepted

    with ThreadPoolExecutor(6) as pool:
        accepted = sum(pool.map(write, range(6)))
    total = signals.value("select sum(engagements) from medley.member_activity")
    assert total == before + accepted
    assert signals.value("select count(*) from medley.engagements") == total
    assert_running_is_rebuilt(signals)


def test_two_members_who_start_the_same_session_do_not_share_it(
    signals: Database, ids: dict[str, str], sessions: Callable[[], psycopg.Connection[Any]]
) -> None:
    session = str(uuid4())
    first, second = sessions(), sessions()
    assert statuses(first, [event(ids, 3, 1, -1, session_id=session)]) == ["accepted"]
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(
            statuses, second, [event(ids, 4, 1, -1, session_id=session), event(ids, 4, 2, -1)]
        )
        wait_until_blocked(signals, second, waiting)
        first.commit()
        assert waiting.result() == ["refused", "accepted"]
    second.commit()
    assert_running_is_rebuilt(signals)


def test_a_rebuild_waits_for_who_is_logging_and_loses_nothing(
    signals: Database, ids: dict[str, str], sessions: Callable[[], psycopg.Connection[Any]]
) -> None:
    writer, rebuild = sessions(), sessions()
    assert statuses(writer, [event(ids, 5, 1, -1), event(ids, 5, 2, -2)]) == ["accepted"] * 2
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(rebuild.execute, "select medley.rebuild_affinities()")
        wait_until_blocked(signals, rebuild, waiting)
        writer.commit()
        waiting.result()
    rebuild.commit()
    logged_last = signals.value(
        "select count(*) from medley.affinities as a "
        "inner join medley.engagements as e using (user_no, item_no) "
        "where e.occurred_at between %s and %s and a.last_at >= e.occurred_at",
        START - timedelta(seconds=2),
        START - timedelta(seconds=1),
    )
    assert logged_last >= 2
    assert_running_is_rebuilt(signals)


def test_retention_that_is_killed_in_the_middle_has_done_nothing(
    signals: Database, ids: dict[str, str], sessions: Callable[[], psycopg.Connection[Any]]
) -> None:
    old = [event(ids, 6, n, -86400 * 900 + n) for n in range(1, ITEMS)]
    writer = sessions()
    assert set(statuses(writer, old)) == {"accepted"}
    writer.commit()
    log = "select count(*) from medley.engagements"
    before = state(signals), signals.value(log)

    # It folds, and then stands before the rows that somebody holds.
    holder, retention = sessions(), sessions()
    holder.execute(
        "select from medley.engagements where occurred_at < now() - interval '800 days' for update"
    )
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(retention.execute, "select medley.retain_engagements(12)")
        wait_until_blocked(signals, retention, running)
        signals.rows("select pg_terminate_backend(%s)", retention.info.backend_pid)
        with pytest.raises(psycopg.OperationalError):
            running.result()
    holder.rollback()
    assert signals.value("select count(*) from medley.affinity_checkpoints") == 0
    assert (state(signals), signals.value(log)) == before

    signals.execute("select medley.retain_engagements(12)")
    assert signals.value("select count(*) from medley.affinity_checkpoints") == len(old)
    assert signals.value(log) == before[1] - len(old)
    assert state(signals) == before[0]
    assert_running_is_rebuilt(signals)
    signals.execute("select medley.retain_engagements(12)")
    assert_running_is_rebuilt(signals)
