"""Measures `import-progress`: many open streams on one function, and when each update reaches them.

Starts an API server and the function in Deno on a scratch cluster, opens streams on several jobs,
writes updates as a worker does, and counts what arrives: every update once and in order, so and so
long after its commit. The clock is the machine's own on both sides.
"""

from __future__ import annotations

import asyncio
import json
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median, quantiles

import httpx
import psycopg
from medley_stack import api, ports, toolchain
from medley_stack.cluster import Cluster
from medley_stack.paths import FUNCTIONS

SECRET, PUBLISHABLE = "sb_secret_for_bench", "sb_publishable_for_bench"
JOBS = 20


@dataclass(frozen=True, slots=True)
class Figures:
    """What came of it; times in milliseconds."""

    streams: int
    updates: int
    delivered: int
    wrong: int
    open_all: float
    median: float
    p95: float
    worst: float


def measure(cluster: Cluster, *, streams: int, steps: int, poll_ms: int) -> Figures:
    """Serves the function on this cluster and measures it."""
    with tempfile.TemporaryDirectory() as folder:
        secrets = Path(folder) / ".env"
        secrets.write_text(f"IMPORT_POLL_MS={poll_ms}\n")
        settings = {
            "MEDLEY_DB_URL": cluster.url(),
            "MEDLEY_API_SCHEMAS": api.SCHEMAS,
            "MEDLEY_PUBLISHABLE_KEY": PUBLISHABLE,
            "MEDLEY_SECRET_KEY": SECRET,
            "MEDLEY_JWT_SECRET": "a-secret-of-at-least-32-characters-for-bench",
            "MEDLEY_FUNCTIONS": str(FUNCTIONS),
            "MEDLEY_FUNCTIONS_ENV": str(secrets),
        }
        port = ports.any_free()
        pid = api.start(toolchain.node(), port, settings, Path(folder) / "api.log")
        try:
            url = f"{api.base_url(port)}/functions/v1/import-progress"
            with psycopg.connect(cluster.url(), autocommit=True) as connection:
                return asyncio.run(_run(connection, url, streams, steps))
        finally:
            api.stop(pid)


async def _run(
    connection: psycopg.Connection[tuple[object, ...]], url: str, streams: int, steps: int
) -> Figures:
    jobs = [_job(connection, number) for number in range(JOBS)]
    written: dict[tuple[str, int], float] = {}
    arrived: list[list[tuple[str, int, float]]] = [[] for _ in range(streams)]
    opened = asyncio.Semaphore(0)

    async def listen(client: httpx.AsyncClient, number: int) -> None:
        job = jobs[number % JOBS][0]
        async with client.stream("GET", url, params={"job_id": job}) as answer:
            async for line in answer.aiter_lines():
                if line.startswith("id: "):
                    arrived[number].append((job, int(line[4:]), time.time()))
                    if len(arrived[number]) == 1:
                        opened.release()

    def write(query: str) -> None:
        for job, lease in jobs:
            connection.execute(query, (job, lease))
            row = connection.execute(
                "select s.update_no from public.import_status as s where s.job_id = %s", (job,)
            ).fetchone()
            if row is not None:
                written[job, int(str(row[0]))] = time.time()

    limits = httpx.Limits(max_connections=streams)
    async with httpx.AsyncClient(limits=limits, timeout=120) as client:
        # The function starts with its first call.
        await client.get(url)
        begun = time.perf_counter()
        tasks = [asyncio.create_task(listen(client, number)) for number in range(streams)]
        for _ in tasks:
            await opened.acquire()
        open_all = time.perf_counter() - begun
        for _ in range(steps):
            await asyncio.to_thread(write, "select public.report_import_progress(%s, %s, 0.5)")
            await asyncio.sleep(0.05)
        await asyncio.to_thread(
            write, "select public.fail_import(%s, %s, 'over', 'the bench ends')"
        )
        await asyncio.gather(*tasks)

    expected = list(range(1, steps + 3))
    delays = [
        (at - written[job, number]) * 1000
        for stream in arrived
        for job, number, at in stream
        if (job, number) in written
    ]
    return Figures(
        streams=streams,
        updates=JOBS * (steps + 1),
        delivered=len(delays),
        wrong=sum([number for _, number, _ in stream] != expected for stream in arrived),
        open_all=open_all * 1000,
        median=median(delays),
        p95=quantiles(delays, n=20)[-1],
        worst=max(delays),
    )


def _job(connection: psycopg.Connection[tuple[object, ...]], number: int) -> tuple[str, str]:
    artist = json.dumps({"name": f"Artist {number}"})
    query = "select s.job_id from public.start_import(%s::jsonb) as s"
    ((job,),) = connection.execute(query, (artist,)).fetchall()
    query = "select c.lease::text from public.claim_import(%s) as c"
    ((lease,),) = connection.execute(query, (job,)).fetchall()
    return str(job), str(lease)


def table(figures: Figures, poll_ms: int) -> str:
    """The figures in words."""
    return (
        f"{figures.streams} streams on {JOBS} jobs through one function: opened in "
        f"{figures.open_all:.0f} ms; {figures.updates:,} updates, {figures.delivered:,} events "
        f"delivered, {figures.wrong} streams with one lost, doubled or out of order. From commit "
        f"to client {figures.median:.0f} ms at the median, {figures.p95:.0f} ms at the 95th "
        f"percentile, {figures.worst:.0f} ms at most, with a poll every {poll_ms} ms."
    )
