"""Builds the simulated world in a scratch cluster and checks that the feed is exact in it."""

from __future__ import annotations

from pathlib import Path

import psycopg
from medley_stack.cluster import SUPERUSER, Cluster
from medley_stack.source import apply_sql_source

from bench.clusters import timed

HERE = Path(__file__).parent
SHARED_BUFFERS = "4GB"


def build(cluster: Cluster, *, members: int, artists: int) -> None:
    """Everything but the events: schema, genres, venues, artists, members and what they follow."""
    with psycopg.connect(cluster.url(SUPERUSER), autocommit=True) as connection:
        connection.execute(f"alter system set shared_buffers = '{SHARED_BUFFERS}'")
        connection.execute("alter system set max_wal_size = '8GB'")
    cluster.stop()
    cluster.start(durable=False)
    apply_sql_source(cluster.url())
    with _generator(cluster, members=members, artists=artists) as connection:
        timed(connection, "members, artists, follows", (HERE / "world.sql").read_text())
    with psycopg.connect(cluster.url(), autocommit=True) as connection:
        connection.execute("set statement_timeout = 0")
        connection.execute("create schema tests")
        connection.execute((HERE / "plain_feed.sql").read_text().encode())
        timed(connection, "taxonomy", "select medley.rebuild_genre_taxonomy()")


def put_events(cluster: Cluster, *, members: int, artists: int, events: int) -> None:
    """Replaces all events and RSVPs, and lets the engine's jobs derive what follows from them."""
    with _generator(cluster, members=members, artists=artists, events=events) as connection:
        timed(connection, f"{events:,} events and RSVPs", (HERE / "events.sql").read_text())
    with psycopg.connect(cluster.url(), autocommit=True) as connection:
        connection.execute("set statement_timeout = 0")
        connection.execute("analyze public.events, public.event_artists, public.item_genres")
        connection.execute("analyze medley.items, public.event_rsvps")
        for job in ("refresh_upcoming_events", "refresh_user_cluster_affinity"):
            timed(connection, f"job {job}", f"call medley.run_job('{job}')")
    with psycopg.connect(cluster.url(SUPERUSER), autocommit=True) as connection:
        timed(connection, "vacuum analyze", "vacuum analyze")


def mismatches(cluster: Cluster, *, members: int, sample: int) -> int:
    """How many of a sample of members get another feed than the plain query gives."""
    wrong = 0
    with psycopg.connect(cluster.url()) as connection:
        connection.execute("set statement_timeout = 0")
        connection.execute(
            "select set_config('request.jwt.claims', '{\"role\": \"service_role\"}', false)"
        )
        step = max(1, members // sample)
        for member in range(1, members + 1, step):
            ours = connection.execute(
                "select event_id, score from "
                "medley.get_personalized_feed_v3(bench.uuid('c00', %s), 20, null, now())",
                [member],
            ).fetchall()
            plain = connection.execute(
                "select event_id, score from tests.plain_feed(bench.uuid('c00', %s), 20, now())",
                [member],
            ).fetchall()
            wrong += ours != plain
    return wrong


def _generator(cluster: Cluster, **sizes: int) -> psycopg.Connection:
    """A superuser's session in which no trigger fires and bench.<size> is set."""
    connection = psycopg.connect(cluster.url(SUPERUSER), autocommit=True)
    connection.execute("set statement_timeout = 0")
    connection.execute("set session_replication_role = replica")
    connection.execute("set work_mem = '256MB'")
    for name, value in sizes.items():
        connection.execute("select set_config(%s, %s, false)", [f"bench.{name}", str(value)])
    return connection
