"""Times the rebuild of neighbours by behaviour and a refresh, and peers on the same pairs."""

from __future__ import annotations

import importlib.util
import json
import multiprocessing
import os
import resource
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
from medley_stack.cluster import SUPERUSER

from bench.clusters import without_indexes
from bench.recommend.world import HERE, World

BLOCK = 500
BATCH = 1000
NEW_SHARE = 0.01
PEERS = ("numpy", "scipy", "implicit")
HOW_MANY = "select count(*) from medley.behavior_items"
COUNTING = "counting what goes together (a part of the next row)"

PAIRS = """
copy (
  select h.user_no, i.item_no
  from medley.behavior_histories as h
  cross join unnest(h.item_nos) as i (item_no)
) to stdout
"""

# Anybody likes anything, drawn as the affinities were.
NEW_EVENTS = """
select medley.log_engagement(null, (
  select jsonb_agg(jsonb_build_object(
    'user_id', m.user_id,
    'item_id', i.id,
    'kind', 'like',
    'occurred_at', now() - n * interval '1 millisecond'
  ))
  from generate_series(%(first)s::bigint, %(first)s::bigint + %(batch)s - 1) as n
  inner join medley.members as m
    on m.user_no = 1 + floor(%(members)s * bench.u(n, 'new member'))::int
  inner join medley.items as i
    on i.item_no = bench.scattered(
      floor(bench.popular_place(bench.u(n, 'new item'), %(items)s))::bigint, %(items)s
    )
), now())
"""


@dataclass(slots=True)
class Cost:
    """What a piece of work took; memory is the private memory of the process at its peak."""

    name: str
    seconds: float = 0
    cpu_seconds: float = 0
    megabytes: float = 0
    note: str = ""

    def __add__(self, other: Cost) -> Cost:
        return Cost(
            self.name,
            self.seconds + other.seconds,
            self.cpu_seconds + other.cpu_seconds,
            max(self.megabytes, other.megabytes),
            self.note,
        )

    def times(self, factor: float) -> Cost:
        """The same for so many times the work."""
        return Cost(
            self.name, self.seconds * factor, self.cpu_seconds * factor, self.megabytes, self.note
        )


@dataclass(slots=True)
class Neighbors:
    """All that was measured; `skipped` says why peers are missing."""

    items: int
    items_done: int
    new_events: int
    refreshed: int
    rebuild: Cost
    parts: list[Cost]
    refresh: Cost
    peers: list[Cost] = field(default_factory=list)
    skipped: str = ""


def measure(world: World, *, at_most: int) -> Neighbors:
    """Rebuilds, compares and refreshes; the lists are current afterwards.

    Args:
        world: where, without neighbours by behaviour yet.
        at_most: so many items are computed; the rest is extrapolated.
    """
    with psycopg.connect(world.cluster.url(), autocommit=True) as connection:
        connection.execute("set statement_timeout = 0")
        pid = connection.info.backend_pid

        with _cost("reading members and items, first block", pid) as first:
            done = _block(connection)
        with _cost("blocks", pid) as blocks:
            while done < at_most and _is_building(connection):
                done += _block(connection)
        items = _one(connection, "select count(*) from medley.behavior_items")
        per_item = blocks.times(1 / (done - BLOCK)) if done > BLOCK else Cost("")
        load = first + per_item.times(-BLOCK)
        load.name = "reading members and items"

        with _cost("counting only", pid) as counting:
            counted = _count(connection, min(done, 2000))
        counting = counting.times(items / counted)
        counting.name = COUNTING

        if done < items:
            with psycopg.connect(world.cluster.url(SUPERUSER), autocommit=True) as owner:
                owner.execute("set session_replication_role = replica")
                owner.execute("set work_mem = '256MB'")
                owner.execute("set maintenance_work_mem = '1GB'")
                with without_indexes(owner, "medley.item_neighbors"):
                    owner.execute((HERE / "shifted_neighbors.sql").read_bytes())
        with _cost("trimming and making the lists current", pid) as finish:
            if _is_building(connection):
                _block(connection)

        computing = per_item.times(items)
        computing.name = "computing the neighbours of the items"
        rebuild = load + computing + finish
        rebuild.name = "rebuild"
        peers, skipped = _peers(connection)

        events = _log_new_events(world)
        with _cost("refresh", pid) as refresh:
            refreshed = _one(connection, "select medley.refresh_behavior_neighbors()")
    return Neighbors(
        items,
        done,
        events,
        refreshed,
        rebuild,
        [load, counting, computing, finish],
        refresh,
        peers,
        skipped,
    )


def _block(connection: psycopg.Connection) -> int:
    return _one(connection, f"select medley.rebuild_behavior_neighbors({BLOCK})")


def _is_building(connection: psycopg.Connection) -> bool:
    """Whether the last block did not make the lists current yet."""
    return bool(
        _one(
            connection,
            "select count(*) from medley.neighbor_lists as l "
            "where l.method = 'behavior' and l.state = 'building'",
        )
    )


def _one(connection: psycopg.Connection, query: str) -> int:
    row = connection.execute(query.encode()).fetchone()
    return int(row[0]) if row else 0


def _count(connection: psycopg.Connection, items: int) -> int:
    """The co-occurrences of so many items, spread evenly and side by side as in a rebuild."""
    for setting in (
        *("parallel_setup_cost", "parallel_tuple_cost"),
        *("min_parallel_table_scan_size", "min_parallel_index_scan_size"),
    ):
        connection.execute(f"set {setting} = 0")
    nth = max(1, _one(connection, HOW_MANY) // items)
    chosen = f"hashint4(b.item_no) % {nth} = 0"
    _one(
        connection,
        "select count(*) from medley.behavior_items as b cross join lateral "
        "medley.behavior_candidates(b.item_no, medley.setting('behavior.candidates')::int, "
        f"medley.setting('behavior.shrinkage')) as c where {chosen}",
    )
    connection.execute("reset all")
    return _one(connection, f"{HOW_MANY} as b where {chosen}")


def _log_new_events(world: World) -> int:
    """Events of one in a hundred affinities, through the API function's engine side."""
    events = int(world.affinities * NEW_SHARE) // BATCH * BATCH
    with psycopg.connect(world.cluster.url(), autocommit=True) as connection:
        connection.execute("set statement_timeout = 0")
        connection.execute(
            "select set_config('request.jwt.claims', %s, false)",
            [json.dumps({"role": "service_role"})],
        )
        for first in range(0, events, BATCH):
            connection.execute(
                NEW_EVENTS,
                {"first": first, "batch": BATCH, "members": world.members, "items": world.items},
            )
    return events


class _Watch(threading.Thread):
    """Watches a server process of this machine and its parallel workers until it is stopped."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self._pid = pid
        parent = _fields(pid)[1]
        self._children = Path(f"/proc/{parent}/task/{parent}/children")
        self._done = threading.Event()
        self._cpu = {pid: _cpu(pid)}
        self._cpu_before = self._cpu[pid]
        self.kilobytes = 0

    def run(self) -> None:
        """Looks every 20 ms."""
        while not self._done.wait(0.02):
            self._look()

    def _look(self) -> None:
        kilobytes = 0
        for pid in map(int, self._children.read_text().split()):
            try:
                title = Path(f"/proc/{pid}/cmdline").read_text().rstrip("\0 ")
                if pid == self._pid or title.endswith(f"parallel worker for PID {self._pid}"):
                    self._cpu[pid] = _cpu(pid)
                    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
                        if line.startswith("RssAnon:"):
                            kilobytes += int(line.split()[1])
            except (FileNotFoundError, ProcessLookupError):
                continue
        self.kilobytes = max(self.kilobytes, kilobytes)

    def stop(self) -> float:
        """Stops watching; returns the seconds that they computed."""
        self._done.set()
        self.join()
        self._look()
        return sum(self._cpu.values()) - self._cpu_before


@contextmanager
def _cost(name: str, pid: int) -> Iterator[Cost]:
    """Time and memory of a server process and its workers while the block runs."""
    cost = Cost(name)
    watch = _Watch(pid)
    watch.start()
    started = time.perf_counter()
    try:
        yield cost
    finally:
        cost.seconds = time.perf_counter() - started
        cost.cpu_seconds = watch.stop()
        cost.megabytes = watch.kilobytes / 1024
        print(f"  {name}: {cost.seconds:.1f} s, {cost.cpu_seconds:.1f} s of CPU", flush=True)


def _fields(pid: int) -> list[str]:
    """What /proc says of a process, from its state on."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def _cpu(pid: int) -> float:
    """Seconds that a process has computed, its own and the system's for it."""
    fields = _fields(pid)
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _peers(connection: psycopg.Connection) -> tuple[list[Cost], str]:
    """The same pairs in memory: scipy's product, and what `implicit` fits; each in a process."""
    missing = [name for name in PEERS if importlib.util.find_spec(name) is None]
    if missing:
        return [], f"no {', '.join(missing)} here: `python -m medley_stack peers` installs them"
    with connection.cursor().copy(PAIRS) as copy:
        pairs = b"".join(copy)
    costs = []
    for peer in (scipy_product, implicit_cosine):
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(1, mp_context=context) as pool:
            costs.append(pool.submit(peer, pairs).result())
        print(f"  {costs[-1].name}: {costs[-1].seconds:.1f} s", flush=True)
    return costs, ""


def scipy_product(pairs: bytes) -> Cost:
    """X'X of the matrix of members and items: how many members each two items share."""
    import numpy as np  # noqa: PLC0415  (not installed everywhere)
    from scipy import sparse  # noqa: PLC0415

    members, items = _matrix(pairs)
    likes = sparse.csr_matrix((np.ones(len(members), np.float32), (members, items)))
    cost, product = _timed("scipy: X'X", lambda: likes.T.tocsr() @ likes)
    cost.note = f"{product.nnz:,} pairs of items"
    return cost


def implicit_cosine(pairs: bytes) -> Cost:
    """The item-item model of `implicit` by cosine: X'X and the best 100 of each item."""
    import numpy as np  # noqa: PLC0415  (not installed everywhere)
    from implicit.nearest_neighbours import CosineRecommender  # noqa: PLC0415
    from scipy import sparse  # noqa: PLC0415

    members, items = _matrix(pairs)
    likes = sparse.csr_matrix((np.ones(len(members), np.float32), (members, items)))
    model = CosineRecommender(K=100)
    cost, _ = _timed(
        "implicit: CosineRecommender.fit", lambda: model.fit(likes, show_progress=False)
    )
    return cost


def _matrix(pairs: bytes):  # type: ignore[no-untyped-def]  # numpy is not installed everywhere
    import numpy as np  # noqa: PLC0415

    table = np.fromstring(pairs.decode(), dtype=np.int64, sep=" ").reshape(-1, 2)
    return table[:, 0], table[:, 1]


def _timed(name: str, work: Callable[[], Any]) -> tuple[Cost, Any]:
    cpu, started = time.process_time(), time.perf_counter()
    result = work()
    seconds, cpu_seconds = time.perf_counter() - started, time.process_time() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return Cost(name, seconds, cpu_seconds, peak), result
