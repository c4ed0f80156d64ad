"""Times calls with pgbench: interleaved rounds, averages and percentiles from its own log."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean

from medley_stack.cluster import Cluster


@dataclass(frozen=True, slots=True)
class Call:
    """One thing to time.

    Attributes:
        name: what it is, for the table.
        script: pgbench script; sizes of the world are its variables (`members`).
        role: the role that runs it.
        transactions: how many a round, where it is too slow to run for a time.
    """

    name: str
    script: str
    role: str = "authenticated"
    transactions: int | None = None


@dataclass(frozen=True, slots=True)
class Timing:
    """Latency of a call in milliseconds, over all rounds."""

    name: str
    calls: int
    average: float
    p50: float
    p95: float
    p99: float


NORMAL = "\\set m 10 * random(0, :members / 10 - 1) + random(1, 9)\n"
SILENT = "\\set m 10 * random(1, :members / 10)\n"
ANYONE = "\\set m random(1, :members)\n"
FEED = (
    "select f.* from bench.as_member(:m) as n "
    "cross join lateral public.get_personalized_feed_v3(20, n) as f;"
)
CALENDAR = "select c.* from public.get_calendar_events({}) as c;"
PLACE = (
    "\\set c random(1, 400)\n"
    "select e.* from bench.city as c cross join lateral public.get_calendar_events("
    "p_latitude => c.latitude, p_longitude => c.longitude, p_radius_km => 50{}) as e "
    "where c.city_no = :c;"
)

LOOKUP = "select q.display_name from public.profiles as q where q.id = bench.uuid('c00', :m)"

CALLS = (
    # Signed in by the same statement, as the feed is: the floor of a member's call.
    Call(
        "primary-key lookup",
        ANYONE
        + "select p.display_name from bench.as_member(:m) as n "
        + f"cross join lateral ({LOOKUP} and n is null) as p;",
    ),
    Call("primary-key lookup, signed in before", f"{ANYONE}{LOOKUP};"),
    Call("feed, normal member", NORMAL + FEED),
    Call("feed, member without any signal", SILENT + FEED),
    Call("calendar, next 50", CALENDAR.format("")),
    Call("calendar, umbrella rock", CALENDAR.format("p_umbrella_slug => 'rock'")),
    Call("calendar, within 50 km of a city", PLACE.format("")),
    Call(
        "calendar, within 50 km, umbrella rock",
        PLACE.format(", p_umbrella_slug => 'rock'"),
    ),
    Call("get_genres_under_umbrella rock", "select public.get_genres_under_umbrella('rock');"),
    Call(
        "feed written by hand (every event scored)",
        NORMAL + "select f.* from tests.plain_feed(bench.uuid('c00', :m), 20, now()) as f;",
        role="postgres",
        transactions=5,
    ),
)


def measure(
    cluster: Cluster, *, members: int, rounds: int, seconds: int, calls: tuple[Call, ...] = CALLS
) -> list[Timing]:
    """Runs all calls in turn, several rounds of it, so that a slow minute hits each alike."""
    latencies: dict[str, list[float]] = defaultdict(list)
    for _ in range(rounds):
        for call in calls:
            latencies[call.name] += sample(cluster, call, {"members": members}, seconds)
    return [timing(call.name, latencies[call.name]) for call in calls]


def sample(cluster: Cluster, call: Call, sizes: Mapping[str, int], seconds: int) -> list[float]:
    """Milliseconds of each of the calls that one client makes in so many seconds."""
    length = ["-t", str(call.transactions)] if call.transactions else ["-T", str(seconds)]
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder, "script.sql")
        script.write_text(call.script)
        subprocess.run(
            [
                cluster.binaries.bin / "pgbench",
                *("-n", "-M", "prepared", "-c", "1", *length),
                *(f"-D{name}={size}" for name, size in sizes.items()),
                *("-f", script),
                *("--log", f"--log-prefix={folder}/log"),
                cluster.url(),
            ],
            env=os.environ
            | cluster.binaries.environment
            | {"PGOPTIONS": f"-c role={call.role} -c statement_timeout=60s"},
            check=True,
            stdout=subprocess.DEVNULL,
        )
        # client, transaction, microseconds, script, seconds and microseconds of the clock
        lines = [
            line for log in Path(folder).glob("log.*") for line in log.read_text().splitlines()
        ]
        # The first calls of a session plan their statements; an app's sessions live longer.
        warm = lines[6:] if not call.transactions else lines
        return [int(line.split()[2]) / 1000 for line in warm]


def timing(name: str, milliseconds: Sequence[float]) -> Timing:
    """Average and percentiles of a call."""
    sorted_ms = sorted(milliseconds)

    def at(share: float) -> float:
        return sorted_ms[min(len(sorted_ms) - 1, int(share * len(sorted_ms)))]

    return Timing(name, len(sorted_ms), mean(sorted_ms), at(0.5), at(0.95), at(0.99))
