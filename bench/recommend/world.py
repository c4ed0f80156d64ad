"""Builds the simulated world of the recommendations benchmark in a scratch cluster."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from medley_stack.cluster import SUPERUSER, Cluster

from bench.clusters import install, timed, without_indexes

HERE = Path(__file__).parent
SHARED_BUFFERS = "4GB"
MEMBERS_PER_ITEM = 10


@dataclass(frozen=True, slots=True)
class World:
    """A filled cluster.

    Attributes:
        cluster: where it is.
        members: how many there are; their numbers are 1 to this.
        items: the same for items.
        affinities: pairs of them.
        heavy: from this place on, in the order of bench.scattered, members have 100 items or more.
        seconds: what building it took.
    """

    cluster: Cluster
    members: int
    items: int
    affinities: int
    heavy: int
    seconds: float

    def sizes(self) -> Mapping[str, int]:
        """The variables of pgbench scripts."""
        return {
            "members": self.members,
            "items": self.items,
            "heavy": self.heavy,
            "heavy_members": self.members - self.heavy,
        }


def build(cluster: Cluster, *, members: int) -> World:
    """Everything but the neighbours by behaviour, which are measured."""
    started = time.perf_counter()
    items = members // MEMBERS_PER_ITEM
    install(cluster, shared_buffers=SHARED_BUFFERS)

    with psycopg.connect(cluster.url(SUPERUSER), autocommit=True) as connection:
        connection.execute("set session_replication_role = replica")
        connection.execute("set statement_timeout = 0")
        connection.execute("set work_mem = '512MB'")
        connection.execute("set maintenance_work_mem = '1GB'")
        for name, value in (("members", members), ("items", items)):
            connection.execute("select set_config(%s, %s, false)", [f"bench.{name}", str(value)])
        connection.execute((HERE / "functions.sql").read_bytes())
        _filled(connection, "members and items", "world")
        with without_indexes(connection, "public.follows"):
            _filled(connection, "friends", "friends")
        with without_indexes(connection, "medley.affinities"):
            _filled(connection, "affinities", "affinities")
        _filled(connection, "log", "log")
        connection.execute("vacuum analyze")

    with psycopg.connect(cluster.url(), autocommit=True) as connection:
        connection.execute("set statement_timeout = 0")
        connection.execute("create schema tests")
        connection.execute((HERE / "plain_recommend.sql").read_bytes())
        _filled(connection, "features", "features")
        for job in ("refresh_trending", "rebuild_item_statistics", "rebuild_content_neighbors"):
            _run_job(connection, job)
        affinities = _one(connection, "select count(*) from medley.affinities")
        heavy = _one(
            connection,
            "select coalesce(max(m.place) + 1, 0) from bench.member as m "
            "where (select count(*) from medley.affinities as a where a.user_no = m.member_no) "
            "< 100",
        )
    print(f"  in all: {time.perf_counter() - started:.0f} s", flush=True)
    return World(cluster, members, items, affinities, heavy, time.perf_counter() - started)


def compute_ahead(world: World) -> None:
    """Pages ahead for every 500th member, and for 500 of those with 100 items or more."""
    with psycopg.connect(world.cluster.url(SUPERUSER), autocommit=True) as connection:
        connection.execute("set statement_timeout = 0")
        connection.execute(
            "select medley.write_recommendation_candidates(array("
            "select m from generate_series(1, %(members)s, 500) as m "
            "union select bench.scattered("
            "%(heavy)s + k * (%(heavy_members)s / 2) / 500 * 2 + 1, %(members)s) "
            "from generate_series(0, 499) as k where %(heavy_members)s > 1), now())",
            world.sizes(),
        )
    with psycopg.connect(world.cluster.url(SUPERUSER), autocommit=True) as connection:
        connection.execute("vacuum analyze")


def recall(world: World, *, sample: int) -> float:
    """Share of the hand-written version's best 20 that ours ranks among its best 20 too.

    Before diversity, which the hand-written version does not have.
    """
    found = 0
    wanted = 0
    with psycopg.connect(world.cluster.url(SUPERUSER)) as connection:
        connection.execute("set statement_timeout = 0")
        for member in range(1, world.members + 1, max(1, world.members // sample)):
            plain = connection.execute(
                "select p.item_no from tests.plain_recommend(bench.uuid('c00', %s), 20, now()) "
                "as p",
                [member],
            ).fetchall()
            ours = connection.execute(
                "select r.item_no from medley.rank_items("
                "%(no)s, bench.uuid('c00', %(no)s), null, "
                "medley.setting('recommend.pool')::int, 10, true, 'known', now() "
                "- medley.setting('recommend.shown_hours')::float8 * interval '1 hour', '{}', "
                "null, medley.recommendation_parameters(null), now()) as r limit 20",
                {"no": member},
            ).fetchall()
            found += len(set(ours) & set(plain))
            wanted += len(plain)
    return found / wanted


def _one(connection: psycopg.Connection, query: str) -> Any:
    row = connection.execute(query.encode()).fetchone()
    return row[0] if row else None


def _run_job(connection: psycopg.Connection, job: str) -> None:
    started = time.perf_counter()
    connection.execute("call medley.run_job(%s)", [job])
    status = _one(
        connection,
        f"select r.status from medley.job_runs as r where r.name = '{job}' "
        "order by r.run_id desc limit 1",
    )
    if status != "succeeded":
        raise SystemExit(f"the job {job} {status}")
    print(f"  job {job}: {time.perf_counter() - started:.1f} s", flush=True)


def _filled(connection: psycopg.Connection, what: str, script: str) -> None:
    timed(connection, what, (HERE / f"{script}.sql").read_text())
