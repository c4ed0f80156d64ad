"""Measures ingest: events through `public.log_engagement` beside a plain multi-row INSERT.

Both write batches of the same shape into the same partitioned table. The plain version runs as
the owner with numbers already resolved; ours as a signed-in member, from JSON, with validation,
visibility, running affinities, session and activity. Everything is encoded before the clock starts
and handed to libpq, so that the client costs next to nothing. The plain version comes in two
forms: as one statement with its values written in it, as programs send it, and prepared once with
a parameter for each of its 1,600 values, which is the least that the server can do.

    python -m bench.ingest --database-url postgresql://... [--members 10000] [--items 100000]

Needs a scratch database (one without items), and leaves its data there.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import random
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from multiprocessing.synchronize import Barrier
from pathlib import Path
from statistics import median
from uuid import UUID

import psycopg
from psycopg import pq

SUMMARY = "Measures ingest through log_engagement beside a plain multi-row INSERT."
BATCH = 100
# The first calls of a connection plan their statements and map what they touch of the server's
# memory, several times what a call costs later; an app's connections are pooled and live longer.
WARM_UP = 20
SIGN_IN_EVERY = 20
# What a batch consists of: a member's browsing, mostly impressions; or the hardest case, in which
# each event is about another item and moves an affinity.
MIXES = {
    "browsing": (("impression", 60), ("click", 15), ("view", 15), ("play", 6), ("like", 4)),
    "every event weighs": (("click", 40), ("view", 30), ("play", 15), ("like", 10), ("rate", 5)),
}

FILL = """
insert into auth.users (id, aud, role, email)
select ('c0000000-0000-4000-8000-' || lpad(to_hex(n), 12, '0'))::uuid,
  'authenticated', 'authenticated', n || '@example.com'
from generate_series(1, %(members)s) as n;
select from medley.member_numbers(array(select u.id from auth.users as u));
insert into medley.item_kinds (kind, description) values ('benchmark_item', 'A benchmark''s.');
insert into medley.items (id, kind, title)
select ('e0000000-0000-4000-8000-' || lpad(to_hex(n), 12, '0'))::uuid,
  'benchmark_item', 'item ' || n
from generate_series(1, %(items)s) as n;
insert into medley.engagements (occurred_at, user_no, item_no, score, kind_no)
select now() - random() * interval '30 days', 1 + random() * (%(members)s - 1),
  1 + random() * (%(items)s - 1), 0.3, 1
from generate_series(1, %(log)s)
on conflict do nothing;
insert into medley.affinities (user_no, item_no, half_life_days, score, last_at, positive_at)
select 1 + random() * (%(members)s - 1), 1 + random() * (%(items)s - 1), 30, 1,
  now() - random() * interval '30 days', now()
from generate_series(1, %(log)s)
on conflict do nothing;
"""

COLUMNS = (
    ("occurred_at", "timestamptz"),
    ("user_no", "int"),
    ("item_no", "int"),
    ("value", "real"),
    ("score", "real"),
    ("progress", "real"),
    ("predicted_score", "real"),
    ("dwell_ms", "int"),
    ("kind_no", "smallint"),
    ("position", "smallint"),
    ("session_id", "uuid"),
    ("platform", "text"),
    ("device", "text"),
    ("algorithm", "text"),
    ("variant", "text"),
    ("context", "jsonb"),
)
PLAIN = "insert into medley.engagements ({}) values {}".format(
    ", ".join(name for name, _ in COLUMNS),
    ", ".join(
        "({})".format(
            ", ".join(
                f"${row * len(COLUMNS) + place}::{kind}"
                for place, (_, kind) in enumerate(COLUMNS, 1)
            )
        )
        for row in range(BATCH)
    ),
)
QUOTED = ("timestamptz", "uuid", "text", "jsonb")
LOG = "select e.event_index, e.status from public.log_engagement($1) as e"
SIGN_IN = "select set_config('request.jwt.claims', $1, false)"


@dataclass(frozen=True, slots=True)
class World:
    """What events may be about."""

    database_url: str
    members: int
    items: int
    kinds: dict[str, int]


@dataclass(frozen=True, slots=True)
class Rate:
    """Events a second of each way; the ratios are medians of those of the rounds."""

    mix: str
    clients: int
    plain: float
    prepared: float
    ours: float
    ratio: float
    ratio_to_prepared: float


def fill(database_url: str, *, members: int, items: int, log: int) -> World:
    """Makes members, items, and a log and affinities of `log` rows each."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        if connection.execute("select exists (select from medley.items)").fetchone() != (False,):
            raise SystemExit("the database has items; this benchmark needs a scratch one to fill")
        connection.execute("set statement_timeout = 0")
        for statement in FILL.split(";\n"):
            if statement.strip():
                connection.execute(statement, {"members": members, "items": items, "log": log})
        for table in ("medley.members", "medley.items", "medley.engagements", "medley.affinities"):
            connection.execute(f"vacuum analyze {table}")
        rows = connection.execute("select kind, kind_no from medley.engagement_kinds").fetchall()
        numbers = connection.execute(
            "select min(item_no), max(item_no), (select max(user_no) from medley.members) "
            "from medley.items"
        ).fetchone()
        if numbers != (1, items, members):
            raise SystemExit(f"numbers are not dense: {numbers}")
    return World(database_url, members, items, dict(rows))


def _events(
    chance: random.Random, world: World, mix: Sequence[tuple[str, int]], session: UUID
) -> list[dict[str, object]]:
    """A batch: one session of one member, an event every few hundred milliseconds."""
    kinds = [kind for kind, share in mix for _ in range(share)]
    chance.shuffle(kinds)
    start = datetime.now(UTC) - timedelta(minutes=5) - timedelta(seconds=chance.random() * 86400)
    events: list[dict[str, object]] = []
    for place, kind in enumerate(kinds):
        event: dict[str, object] = {
            "item_no": chance.randint(1, world.items),
            "kind": kind,
            "occurred_at": (start + timedelta(milliseconds=300 * place)).isoformat(),
            "session_id": str(session),
            "platform": "web",
            "device": "mobile",
            "position": place % 20,
            "predicted_score": round(chance.random(), 4),
            "algorithm": "hybrid",
        }
        if kind == "play":
            event |= {"progress": 0.5, "dwell_ms": 30000}
        if kind == "rate":
            event |= {"value": 0.8}
        events.append(event)
    return events


def _as_json(events: list[dict[str, object]]) -> bytes:
    return json.dumps(
        [
            {"item_id": f"e0000000-0000-4000-8000-{event['item_no']:012x}", **event}
            for event in events
        ]
    ).encode()


def _as_parameters(
    events: list[dict[str, object]], user_no: int, kinds: dict[str, int]
) -> list[bytes | None]:
    found: list[bytes | None] = []
    for event in events:
        row = {**event, "user_no": user_no, "score": 0.3, "kind_no": kinds[str(event["kind"])]}
        found += [str(row[name]).encode() if name in row else None for name, _ in COLUMNS]
    return found


def _as_text(parameters: list[bytes | None]) -> bytes:
    """The statement with its values written in it."""
    values = [
        "null" if value is None else f"'{value.decode()}'" if kind in QUOTED else value.decode()
        for value, (_, kind) in zip(parameters, COLUMNS * BATCH, strict=True)
    ]
    rows = (values[at : at + len(COLUMNS)] for at in range(0, len(values), len(COLUMNS)))
    tuples = ", ".join(f"({', '.join(row)})" for row in rows)
    names = ", ".join(name for name, _ in COLUMNS)
    return f"insert into medley.engagements ({names}) values {tuples}".encode()


_together: Barrier | None = None


def _meet(together: Barrier) -> None:
    """Tells a client where it meets the others before it writes."""
    global _together  # noqa: PLW0603 - a barrier only reaches a worker when the worker is made
    _together = together


def _run(world: World, mix: str, *, way: str, batches: int, seed: int) -> tuple[float, float]:
    """One client: when it began, together with the others, and when it had written all batches."""
    chance = random.Random(seed)  # noqa: S311
    work = []
    for number in range(batches):
        if number % SIGN_IN_EVERY == 0:
            user_no = chance.randint(1, world.members)
            session = UUID(int=chance.getrandbits(128))
        events = _events(chance, world, MIXES[mix], session)
        parameters: list[bytes | None] = (
            [_as_json(events)] if way == "ours" else _as_parameters(events, user_no, world.kinds)
        )
        if way == "plain":
            parameters = [_as_text(parameters)]
        work.append((user_no, parameters))

    with psycopg.connect(world.database_url, autocommit=True) as connection:
        raw = connection.pgconn
        _check(raw.prepare(b"sign_in", SIGN_IN.encode()))
        if way == "ours":
            _check(raw.exec_(b"set role authenticated"))
        if way != "plain":
            _check(raw.prepare(b"write", (LOG if way == "ours" else PLAIN).encode()))
        answers: list[pq.abc.PGresult] = []
        started = time.time()
        for number, (user_no, parameters) in enumerate(work):
            if number == WARM_UP:
                if _together is not None:
                    _together.wait()
                started = time.time()
            if number % SIGN_IN_EVERY == 0:
                member = f"c0000000-0000-4000-8000-{user_no:012x}"
                claims = json.dumps({"sub": member, "role": "authenticated"}).encode()
                _check(raw.exec_prepared(b"sign_in", [claims]))
            if way == "plain":
                _check(raw.exec_(parameters[0] or b""))
                continue
            # psycopg takes None for null, which its types do not say.
            answers.append(_check(raw.exec_prepared(b"write", parameters)))  # type: ignore[arg-type]
        ended = time.time()
        if way == "ours" and any(
            answer.get_value(row, 1) != b"accepted" for answer in answers for row in range(BATCH)
        ):
            raise SystemExit("an event was not accepted")
        return started, ended


def _check(result: pq.abc.PGresult) -> pq.abc.PGresult:
    if result.status not in (pq.ExecStatus.COMMAND_OK, pq.ExecStatus.TUPLES_OK):
        raise SystemExit(result.error_message.decode())
    return result


def measure(
    world: World, mix: str, *, clients: int, batches: int, rounds: int, seed: int = 1
) -> Rate:
    """Rounds of each way in turn."""
    rates: dict[str, list[float]] = {"plain": [], "prepared": [], "ours": []}
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(
        clients, mp_context=context, initializer=_meet, initargs=(context.Barrier(clients),)
    ) as pool:
        for turn in range(rounds):
            for place, (way, found) in enumerate(rates.items()):
                first_seed = seed * 1_000_000 + (3 * turn + place) * 1000
                runs = [
                    pool.submit(
                        _run, world, mix, way=way, batches=batches, seed=first_seed + client
                    )
                    for client in range(clients)
                ]
                begun, ended = zip(*(run.result() for run in runs), strict=True)
                found.append(clients * (batches - WARM_UP) * BATCH / (max(ended) - min(begun)))
    return Rate(
        mix,
        clients,
        median(rates["plain"]),
        median(rates["prepared"]),
        median(rates["ours"]),
        median(o / p for o, p in zip(rates["ours"], rates["plain"], strict=True)),
        median(o / p for o, p in zip(rates["ours"], rates["prepared"], strict=True)),
    )


def main(arguments: list[str] | None = None) -> int:
    """Runs the benchmark and prints the table."""
    parser = argparse.ArgumentParser(prog="bench.ingest", description=SUMMARY)
    parser.add_argument("--database-url", default=os.environ.get("DATABASE_URL"))
    parser.add_argument("--members", type=int, default=10_000)
    parser.add_argument("--items", type=int, default=100_000)
    parser.add_argument("--log", type=int, default=1_000_000, help="rows there before")
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 8])
    parser.add_argument(
        "--batches", type=int, default=300, help="of a round; several clients share twice as many"
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--output", type=Path, help="file for the JSON, beside what is printed")
    options = parser.parse_args(arguments)
    if not options.database_url:
        print("no database: pass --database-url or set DATABASE_URL", file=sys.stderr)
        return 2
    world = fill(
        options.database_url, members=options.members, items=options.items, log=options.log
    )
    rates = [
        measure(
            world,
            mix,
            clients=clients,
            batches=WARM_UP + 2 * options.batches // clients,
            rounds=options.rounds,
            seed=seed,
        )
        for seed, (mix, clients) in enumerate(
            ((mix, clients) for mix in MIXES for clients in options.clients), 1
        )
    ]
    result = json.dumps([asdict(rate) for rate in rates], indent=2)
    if options.output:
        options.output.write_text(result + "\n")
    if options.json:
        print(result)
        return 0
    print("| batch | clients | plain INSERT/s | prepared/s | ours/s | ratio | to prepared |")
    print("|---|---|---|---|---|---|---|")
    for rate in rates:
        print(
            f"| {rate.mix} | {rate.clients} | {rate.plain:,.0f} | {rate.prepared:,.0f} "
            f"| {rate.ours:,.0f} | {rate.ratio:.2f} | {rate.ratio_to_prepared:.2f} |"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
