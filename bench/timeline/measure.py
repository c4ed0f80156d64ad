"""Times the timeline, what it is compared with, and writing a post."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import psycopg
from medley_stack.cluster import SUPERUSER

from bench.serving.measure import LOOKUP, Call, Timing, measure
from bench.timeline.world import World

# Every tenth member has a log; 1 is the member whom most others follow, bench.scattered(0).
ANYONE = "\\set m random(1, :members)\n"
READER = "\\set m 10 * random(0, :members / 10 - 1) + 5\n"
FAMOUS = "\\set m 1\n"
TIMELINE = (
    "select t.* from bench.as_member(:m) as n "
    "cross join lateral public.get_home_timeline(20, n) as t;"
)
TWO_PAGES = (
    "select t.* from bench.as_member(:m) as n cross join lateral ("
    "select max(f.next_cursor) as next_cursor from public.get_home_timeline(20, n) as f) as p "
    "cross join lateral public.get_home_timeline(20, p.next_cursor) as t;"
)
WRITE = (
    "insert into public.posts (author_id, content) "
    "select bench.uuid('c00', :m), 'as fast as that' where bench.as_member(:m) is null;"
)
FLOOR = Call(
    "primary-key lookup",
    ANYONE
    + "select p.display_name from bench.as_member(:m) as n "
    + f"cross join lateral ({LOOKUP} and n is null) as p;",
)
BARE = Call("primary-key lookup, signed in before", f"{ANYONE}{LOOKUP};")
PAGE = Call("home timeline, 20 rows", ANYONE + TIMELINE)
BUSY = Call("the same, member with impressions and views", READER + TIMELINE)
NEXT = Call("first and second page", ANYONE + TWO_PAGES)
PLAIN = Call(
    "home timeline written by hand",
    "set statement_timeout = 0;\n"
    + ANYONE
    + "select t.* from tests.plain_timeline(bench.uuid('c00', :m), 20, now()) as t;",
    role="postgres",
    transactions=1,
)
POST = Call("write a post, random member", ANYONE + WRITE)
FAMOUS_POST = Call("write a post, the member with most followers", FAMOUS + WRITE)
# Writes last.
CALLS = (FLOOR, BARE, PAGE, BUSY, NEXT, PLAIN, POST, FAMOUS_POST)


def timings(world: World, *, rounds: int, seconds: int) -> list[Timing]:
    """All calls in turn, several rounds of it."""
    return measure(
        world.cluster, members=world.members, rounds=rounds, seconds=seconds, calls=CALLS
    )


def followers_of_the_famous(world: World) -> int:
    """How many follow the member with most followers."""
    with psycopg.connect(world.cluster.url(SUPERUSER)) as connection:
        row = connection.execute(
            "select count(*) from public.follows as f where f.followed_id = bench.uuid('c00', 1)"
        ).fetchone()
    return int(row[0]) if row else 0


def agreement(world: World, *, sample: int) -> tuple[int, int, float]:
    """Compares pages with the version written by hand.

    Returns:
        Rows compared; those whose score, author diversity aside, differs by more than a
        ten-thousandth; the share of the best 20 posts of the network, by hand, that are among our
        first 200 rows.
    """
    rows = wrong = found = wanted = 0
    with psycopg.connect(world.cluster.url(SUPERUSER)) as connection:
        connection.execute("set statement_timeout = 0")
        connection.execute(
            """select set_config('request.jwt.claims', '{"role": "service_role"}', false)"""
        )
        for member in range(5, world.members + 1, max(1, world.members // sample)):
            ours = _scores(
                connection,
                "select t.post_id, t.in_network, "
                "t.score - coalesce((t.breakdown ->> 'author_diversity')::float8, 0) "
                "from medley.get_home_timeline(bench.uuid('c00', %s), 200, null, now()) as t",
                [member],
            )
            plain = _scores(
                connection,
                "select p.post_id, p.in_network, p.base from tests.plain_timeline("
                "bench.uuid('c00', %s), null, now(), p_of => %s) as p",
                [member, [post for post, _ in ours]],
            )
            best = _scores(
                connection,
                "select p.post_id, p.in_network, p.score from tests.plain_timeline("
                "bench.uuid('c00', %s), 20, now(), p_in_network => true) as p",
                [member],
            )
            # A repost beyond the newest of a member puts a post into the network by hand only.
            both = ours.keys() & plain.keys()
            rows += len(both)
            wrong += sum(
                abs(ours[row] - plain[row]) > 1e-4 * max(1e-3, abs(ours[row])) for row in both
            )
            wrong += len({post for post, _ in ours} - {post for post, _ in plain})
            found += len(ours.keys() & best.keys())
            wanted += len(best)
    return rows, wrong, found / wanted


def _scores(
    connection: psycopg.Connection, query: str, parameters: Sequence[object]
) -> dict[tuple[UUID, bool], float]:
    rows = connection.execute(query.encode(), parameters).fetchall()
    return {(post, in_network): score for post, in_network, score in rows}
