"""In random worlds: whoever asks, only sees what is theirs to see, once, and gets full pages."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import psycopg
import pytest
from psycopg.types.json import Jsonb

from tests.database import Database

Connection = psycopg.Connection[Any]

MEMBERS, ITEMS = 12, 90
EVENTS = ("like", "play", "click", "view", "impression", "dislike", "skip", "follow", "unfollow")

# What the reader must not get while anything else is there.
HIDDEN = """
select exists (
  select from medley.affinities as a
  where a.item_no = i.item_no and a.user_no = m.user_no
    and (a.seen or a.negative_at >= coalesce(a.positive_at, '-infinity'))
) or exists (
  select from medley.engagements as e inner join medley.engagement_kinds as k using (kind_no)
  where e.item_no = i.item_no and e.user_no = m.user_no and k.kind = 'impression'
    and e.occurred_at > now() - interval '6 hours' and e.occurred_at <= now()
)
"""
ALLOWED = """
i.published_at <= now() and (i.expires_at is null or i.expires_at > now())
and i.owner_id is distinct from m.user_id and medley.visible_to(m.user_id, i.id)
and not exists (
  select from public.user_mutes as u where u.user_id = m.user_id and u.muted_id = i.owner_id
)
"""


@pytest.fixture
def connection(database: Database) -> Iterator[Connection]:
    """A transaction that ends with the test."""
    with psycopg.connect(database.cluster.url()) as opened:
        opened.execute("set local search_path = tests, extensions, public")
        yield opened
        opened.rollback()


def build(connection: Connection, dice: random.Random) -> None:
    """Members with follows, mutes and blocks; items of two kinds; a log; neighbours."""
    connection.execute("select make_kind('film'), make_kind('song'), make_members(%s)", (MEMBERS,))
    for n in range(ITEMS):
        owner = f"m{dice.randint(1, MEMBERS)}" if dice.random() < 0.4 else None
        connection.execute(
            "insert into medley.items "
            "(kind, title, owner_id, visibility, published_at, expires_at) "
            "values (%s, %s, md5('member ' || %s)::uuid, %s, now() - make_interval(days => %s), "
            "now() + make_interval(hours => %s))",
            (
                dice.choice(["film", "song"]),
                f"i{n}",
                owner,
                dice.choice(["public", "followers", "private"]) if owner else "public",
                dice.choice([-1, 0, 3, 20, 400]),
                dice.choice([None, None, None, -1, 5]),
            ),
        )
    for table in ("follow", "follow", "follow", "mute", "block"):
        for _ in range(6):
            a, b = dice.sample(range(1, MEMBERS + 1), 2)
            # Twice the same, or a follow across a block, is refused.
            with suppress(psycopg.Error), connection.transaction():
                connection.execute(
                    f"select {table}(md5('member m' || %s)::uuid, md5('member m' || %s)::uuid)",
                    (str(a), str(b)),
                )
    for _ in range(250):
        connection.execute(
            "select engage(%s, %s, %s, make_interval(mins => %s))",
            (
                f"m{dice.randint(1, MEMBERS - 1)}",
                f"i{int(ITEMS * dice.random() ** 2)}",
                dice.choice(EVENTS),
                dice.randint(1, 20000),
            ),
        )
    connection.execute("select medley.refresh_item_statistics(), refresh_trends()")
    if dice.random() < 0.8:
        connection.execute("select medley.rebuild_behavior_neighbors(1000)")


@pytest.mark.parametrize("seed", range(6))
def test_readers_get_full_pages_of_what_they_may_see(connection: Connection, seed: int) -> None:
    dice = random.Random(seed)  # noqa: S311
    build(connection, dice)
    for n in range(1, MEMBERS + 1):
        kind = dice.choice([None, None, "film", "song"])
        limit = dice.choice([1, 5, 20, 60])
        connection.execute("select act_as_owner()")
        if n % 3 == 0:
            connection.execute("select compute_ahead(%s)", (f"m{n}",))
        rows = connection.execute(
            f"select i.title, ({HIDDEN}), i.owner_id is null or exists ("
            "  select from medley.item_statistics as s "
            "  where s.item_no = i.item_no and s.popularity > 0) "
            "from medley.items as i, (select p.id as user_id, n.user_no from public.profiles as p "
            "  left join medley.members as n on p.id = n.user_id) as m "
            f"where m.user_id = md5('member m' || %s)::uuid and {ALLOWED} "
            "and (%s::text is null or i.kind = %s)",
            (str(n), kind, kind),
        ).fetchall()
        allowed = {title for title, _, _ in rows}
        unknown = {title for title, hidden, _ in rows if not hidden}
        # What nobody owns, and what is popular, every reader can be led to.
        reachable = {title for title, hidden, found in rows if found and not hidden}
        connection.execute("select act_as(md5('member m' || %s)::uuid)", (str(n),))
        page = [
            row[0]
            for row in connection.execute(
                "select title from public.get_recommendations(%s, %s)", (kind, limit)
            )
        ]
        assert len(page) == len(set(page))
        assert set(page) <= (unknown if unknown and set(page) & unknown else allowed)
        assert len(page) >= min(limit, len(reachable)), (n, kind, limit)


@pytest.mark.parametrize("seed", range(3))
def test_pages_neither_repeat_nor_leave_out(connection: Connection, seed: int) -> None:
    dice = random.Random(100 + seed)  # noqa: S311
    build(connection, dice)
    for n in range(1, MEMBERS + 1):
        connection.execute("select act_as(md5('member m' || %s)::uuid)", (str(n),))
        everything = {
            row[0]
            for row in connection.execute(
                "select item_id from public.get_recommendations(null, 200)"
            )
        }
        size, cursor, seen = dice.choice([3, 7, 20]), None, []
        while True:
            rows = connection.execute(
                "select item_id, next_cursor from public.get_recommendations(null, %s, %s)",
                (size, cursor),
            ).fetchall()
            seen += [row[0] for row in rows]
            shown = [{"item_id": str(i), "kind": "impression"} for i, _ in rows]
            connection.execute("select public.log_engagement(%s)", (Jsonb(shown),))
            cursor = rows[-1][1] if rows else None
            if cursor is None:
                break
        assert len(seen) == len(set(seen))
        assert set(seen) == everything
