"""Replay: by hand on three requests, and against what a simulated network would have done."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from medley.simulator import Settings, make_log, make_world, write_log
from medley.simulator.requests import WEIGHTS
from medley.simulator.write import simulated_member_id
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from tests.database import Database

NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Measure:
    """A row of replay_weights."""

    measure: str
    logged: float
    replayed: float
    standard_error: float | None
    change_error: float | None
    requests: int
    shown: int


@pytest.fixture
def connection(database: Database) -> Iterator[psycopg.Connection[Any]]:
    """A connection whose work is rolled back."""
    with database.connect() as connection, connection.transaction(force_rollback=True):
        yield connection


def replayed(
    connection: psycopg.Connection[Any],
    weights: Mapping[str, float],
    *,
    ranker: str = "home_timeline",
    kind: str | None = None,
    until: datetime | None = None,
) -> dict[str, Measure]:
    with connection.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(
            "select r.* from medley.replay_weights(%s, %s, '2000-01-01', %s, %s) as r",
            (ranker, Jsonb(weights), until or datetime.now(UTC), kind),
        ).fetchall()
    return {row["measure"]: Measure(**row) for row in rows}


class Shown:
    """Requests of two rows, A above B, written into the log."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self.connection = connection
        connection.execute(
            "insert into medley.item_kinds (kind, description) values ('note', 'A note.')"
        )
        connection.execute(
            "insert into medley.ranker_weights (ranker, term, weight, description) values "
            "('notes', 'like', 1, ''), ('notes', 'reply', 0, ''), ('notes', 'mutual_reply', 0, '')"
        )

    def member(self) -> str:
        user = str(uuid4())
        self.connection.execute("insert into auth.users (id) values (%s)", (user,))
        self.connection.execute("select medley.member_numbers(array[%s::uuid])", (user,))
        return user

    def request(
        self,
        user: str,
        *,
        a: tuple[str, ...] = (),
        b: tuple[str, ...] = (),
        context: Mapping[str, Any] | None = None,
        later: timedelta = timedelta(minutes=1),
    ) -> None:
        """A: like .4, reply .1; B: like .2, reply .4; and what came of them."""
        request = str(uuid4())
        events: list[dict[str, Any]] = []
        expectations = ({"like": 0.4, "reply": 0.1}, {"like": 0.2, "reply": 0.4})
        for position, (did, p) in enumerate(zip((a, b), expectations, strict=True)):
            item = str(uuid4())
            self.connection.execute(
                "insert into medley.items (id, kind, title) values (%s, 'note', 'A note')", (item,)
            )
            told = {"request_id": request, "p": p, "m": 1, **(context or {})}
            about: dict[str, Any] = {"user_id": user, "item_id": item}
            events.append(
                about
                | {"kind": "impression", "occurred_at": NOON.isoformat()}
                | {"position": position, "context": told}
            )
            at = (NOON + later).isoformat()
            events += [about | {"kind": kind, "occurred_at": at} for kind in did]
        written = self.connection.execute(
            "select distinct w.status "
            "from medley.write_engagements(null, %s, '2000-01-01', now()) as w",
            (Jsonb(events),),
        ).fetchall()
        assert written == [("accepted",)]


@pytest.fixture
def shown(connection: psycopg.Connection[Any]) -> Shown:
    return Shown(connection)


def by_hand(
    requests: int, first: int, second: int, did: Mapping[str, tuple[int, int]]
) -> dict[str, float]:
    """Estimates where A and B change places: A is expected to be engaged with .5 times, B .6 times.

    Args:
        requests: How many there are.
        first: Engagements with A.
        second: Engagements with B.
        did: By kind, with A and with B.
    """
    usual = (first + second) / (1.1 * requests)
    at_first = (first + usual) / (0.5 * requests + 1)
    at_second = (second + usual) / (0.6 * requests + 1)
    down, up = at_second / at_first, at_first / at_second
    return {kind: (a * down + b * up) / requests for kind, (a, b) in did.items()}


def test_three_requests_by_hand(connection: psycopg.Connection[Any], shown: Shown) -> None:
    one, other = shown.member(), shown.member()
    shown.request(one, a=("like",))
    shown.request(one, b=("reply",))
    shown.request(other, a=("like", "reply"))
    found = replayed(connection, {"like": 0, "reply": 1}, ranker="notes", kind="note")

    everyone = by_hand(3, 3, 1, {"like": (2, 0), "reply": (1, 1)})
    without = (
        by_hand(1, 2, 0, {"like": (1, 0), "reply": (1, 0)}),
        by_hand(2, 1, 1, {"like": (1, 0), "reply": (0, 1)}),
    )
    for kind in ("like", "reply"):
        measure = found[kind]
        assert measure.logged == pytest.approx(2 / 3)
        assert measure.replayed == pytest.approx(everyone[kind])
        # Of two estimates the jackknife's error is half their difference.
        error = abs(without[0][kind] - without[1][kind]) / 2
        assert measure.standard_error == pytest.approx(error)
        assert (measure.requests, measure.shown) == (3, 6)
    assert found["value"].replayed == pytest.approx(everyone["like"])
    assert (found["kendall_tau"].replayed, found["overlap_10"].replayed) == (-1, 1)


def test_the_stored_weights_change_nothing(
    connection: psycopg.Connection[Any], shown: Shown
) -> None:
    shown.request(shown.member(), a=("like",), b=("reply",))
    shown.request(shown.member(), b=("like",))
    for measure in replayed(connection, {}, ranker="notes").values():
        assert measure.replayed == pytest.approx(measure.logged)
        assert measure.change_error == pytest.approx(0, abs=1e-12)


def test_mutual_follows_weigh_more_and_multipliers_divide_what_is_bad(
    connection: psycopg.Connection[Any], shown: Shown
) -> None:
    member = shown.member()
    shown.request(member, context={"mutual": True})
    assert replayed(connection, {"mutual_reply": 1}, ranker="notes")["kendall_tau"].replayed == -1
    weights = {"like": -1, "reply": 0}
    assert replayed(connection, weights, ranker="notes")["kendall_tau"].replayed == -1


def test_what_came_too_late_or_was_shown_otherwise_is_left_out(
    connection: psycopg.Connection[Any], shown: Shown
) -> None:
    member = shown.member()
    shown.request(member, a=("like",), later=timedelta(hours=25))
    assert "like" not in replayed(connection, {}, ranker="notes")
    assert replayed(connection, {}, ranker="notes", until=NOON) == {}


@pytest.mark.parametrize(
    "context",
    [
        {"p": [1]},
        {"p": {"like": "x"}},
        {"p": {"like": 1e300, "reply": -5}},
        {"m": "much"},
        {"m": 1e300},
        {"m": -1},
        {"mutual": 7},
        {"request_id": {"a": 1}},
    ],
)
def test_a_context_that_makes_no_sense_breaks_nothing(
    connection: psycopg.Connection[Any], shown: Shown, context: Mapping[str, Any]
) -> None:
    shown.request(shown.member(), a=("like",))
    shown.request(shown.member(), a=("like",), b=("reply",), context=context)
    assert replayed(connection, {"like": 0}, ranker="notes")["like"].logged > 0


@pytest.mark.parametrize(
    ("ranker", "weights"),
    [
        ("nobody", {}),
        ("notes", []),
        ("notes", {"like": "much"}),
        ("notes", {"like": 1e9}),
        ("notes", {"like": None}),
        ("notes", {"out_of_network": 1}),
    ],
)
def test_bad_input_is_refused(
    connection: psycopg.Connection[Any], shown: Shown, ranker: str, weights: Any
) -> None:
    shown.request(shown.member())
    with pytest.raises(psycopg.Error) as error:
        replayed(connection, weights, ranker=ranker)
    assert error.value.sqlstate == "PT400"
    assert '"code": "invalid_argument"' in (error.value.diag.message_detail or "")


def test_a_home_timeline_comes_back_in_its_own_order(
    connection: psycopg.Connection[Any],
) -> None:
    log = make_log(make_world(Settings(members=60, posts=400, impressions=1500, days=3)))
    write_log(connection, log, datetime.now(UTC) - timedelta(minutes=30))
    connection.execute("select medley.roll_up_author_rates_at(now() + interval '30 minutes')")
    connection.execute("select tests.act_as_service()")
    members = [simulated_member_id(1, number) for number in range(10)]
    for member in members:
        connection.execute(
            """
            select public.log_engagement(jsonb_agg(jsonb_build_object(
              'user_id', %(member)s::uuid, 'item_id', t.post_id, 'kind', 'impression',
              'occurred_at', now() - interval '1 minute', 'position', t.position,
              'context', t.context
            )))
            from public.get_home_timeline(p_limit => 20, p_user_id => %(member)s) as t
            """,
            {"member": member},
        )
    connection.execute("reset role")
    with connection.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(
            "select r.* from medley.replay_rank_changes("
            "'home_timeline', '{}', now() - interval '5 minutes', now(), 'post') as r"
        ).fetchall()
    assert len(rows) == len(members)
    assert {row["shown"] for row in rows} == {20}
    # The context has the multipliers as reals: what is all but equal may change places.
    assert min(row["kendall_tau"] for row in rows) > 0.98
    other = replayed(connection, {"like": 100}, until=datetime.now(UTC) + timedelta(minutes=5))
    assert other["kendall_tau"].replayed < 0.98


def test_estimates_are_right_about_a_network_whose_truth_is_known(
    connection: psycopg.Connection[Any],
) -> None:
    log = make_log(make_world(Settings(members=200, posts=1500, impressions=15_000, seed=3)))
    write_log(connection, log, datetime.now(UTC) - timedelta(hours=25))
    told = slice(0, log.told())
    cautious = dict.fromkeys(("like", "click", "reply", "copy_link"), -5.0)
    for weights in ({"click": 100.0}, {"report": 0.0, "not_interested": 0.0}, cautious):
        truth = log.engagement({**WEIGHTS, **weights}, told)
        found = replayed(connection, weights, kind="post")
        common = [found[kind] for kind in truth if kind in found and found[kind].logged > 0.02]
        assert len(common) >= 6
        away = [
            abs(one.replayed - truth[one.measure]) / (one.standard_error or 0) for one in common
        ]
        assert max(away) < 3.5
        assert sum(distance < 1.96 for distance in away) >= 0.8 * len(away)
    # The last weights turn the order round: what happened as it was says nothing of that.
    dwell, was = found["dwell"], log.engagement(WEIGHTS, told)["dwell"]
    assert was - truth["dwell"] > 5 * (dwell.change_error or 0)
    assert dwell.replayed - dwell.logged == pytest.approx(
        truth["dwell"] - was, abs=3 * (dwell.change_error or 0)
    )
