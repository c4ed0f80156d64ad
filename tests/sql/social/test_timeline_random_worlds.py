"""In random networks: what a reader may see, all of it, once, with the score that a query written
by hand gives."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.database import Database

Connection = psycopg.Connection[Any]

PLAIN = Path(__file__).resolve().parents[3] / "bench/timeline/plain_timeline.sql"
MEMBERS, POSTS, PAGE = 10, 60, 7


@pytest.fixture
def connection(database: Database) -> Iterator[Connection]:
    """A transaction that ends with the test."""
    with psycopg.connect(database.cluster.url()) as opened:
        opened.execute("set local search_path = tests, extensions, public")
        opened.execute(PLAIN.read_bytes())
        yield opened
        opened.rollback()


def member(n: int) -> str:
    return f"md5('member m{n}')::uuid"


def build(connection: Connection, dice: random.Random) -> None:
    """Members with edges of all kinds and muted words; posts and actions; a log; rates."""
    # What is beyond these would be out of the network, which the query by hand does not know.
    connection.execute("select make_members(%s), set_timeline('author_posts', 60)", (MEMBERS,))
    for n in range(POSTS):
        # An answer needs a post that its author sees.
        with suppress(psycopg.Error), connection.transaction():
            connection.execute(
                f"insert into public.posts (author_id, content, parent_id, visibility, created_at) "
                f"values ({member(dice.randint(1, MEMBERS))}, %s, "
                f"(select p.id from public.posts as p where p.content = %s), %s, "
                f"now() - make_interval(mins => %s))",
                (
                    f"p{n} {dice.choice(['cats', 'dogs', 'birds'])}",
                    f"p{dice.randint(0, n)} cats" if dice.random() < 0.4 else None,
                    dice.choice(["public", "public", "public", "followers", "private"]),
                    dice.choice([1, 60, 600, 2800, 2900]) + n,
                ),
            )
    for table, times in (("follow", 30), ("mute", 5), ("block", 4)):
        for _ in range(times):
            a, b = dice.sample(range(1, MEMBERS + 1), 2)
            # Twice the same, or a follow across a block, is refused.
            with suppress(psycopg.Error), connection.transaction():
                connection.execute(f"select {table}({member(a)}, {member(b)})")
    for table, times in (("reposts", 40), ("likes", 40)):
        for _ in range(times):
            connection.execute(
                f"insert into public.{table} (user_id, post_id, created_at) "
                f"select {member(dice.randint(1, MEMBERS))}, p.id, now() - interval '1 minute' "
                f"from public.posts as p order by md5(p.content || %s) limit 1 "
                f"on conflict do nothing",
                (str(dice.random()),),
            )
    for kind in ("impression", "view", "click", "not_interested"):
        for _ in range(15):
            connection.execute(
                "select engage(%s, i.title, %s, make_interval(secs => %s)) "
                "from medley.items as i where i.kind = 'post' order by md5(i.title || %s) limit 1",
                (
                    f"m{dice.randint(1, MEMBERS)}",
                    kind,
                    dice.randint(0, 7200),
                    str(dice.random()),
                ),
            )
    for n in range(1, MEMBERS, 2):
        connection.execute(
            "select plant_rates(%s, %s, jsonb_build_object('like', %s, 'reply', %s, 'report', %s))",
            (f"m{n}", dice.choice([0, 30, 500]), dice.random() * 30, dice.random(), dice.random()),
        )
    connection.execute(f"select mute_words('m{dice.randint(1, MEMBERS)}', 'dogs')")


def pages(connection: Connection, reader: int) -> list[list[tuple[Any, ...]]]:
    """All pages of a reader's timeline."""
    found: list[list[tuple[Any, ...]]] = []
    cursor = None
    while cursor is not None or not found:
        rows = connection.execute(
            "select t.post_id, t.in_network, "
            "t.score - coalesce((t.breakdown ->> 'author_diversity')::float8, 0), "
            "t.breakdown, t.score, t.next_cursor "
            f"from medley.get_home_timeline({member(reader)}, %s, %s, now()) as t",
            (PAGE, cursor),
        ).fetchall()
        found.append(rows)
        cursor = rows[-1][5] if rows else None
    return found


@pytest.mark.parametrize("seed", range(6))
def test_a_timeline_is_complete_visible_and_scored_as_by_hand(
    connection: Connection, seed: int
) -> None:
    dice = random.Random(seed)  # noqa: S311
    build(connection, dice)
    connection.execute(
        """select set_config('request.jwt.claims', '{"role": "service_role"}', true)"""
    )
    in_network = 0
    for reader in range(1, MEMBERS + 1):
        read = pages(connection, reader)
        rows = [row for page in read for row in page]
        assert all(len(page) == PAGE for page in read[:-1]), "pages are full"
        ids = [row[0] for row in rows]
        assert len(set(ids)) == len(ids), "no post comes twice"

        hidden = connection.execute(
            "select p.content from public.posts as p where p.id = any(%s) and ("
            f"not medley.may_list({member(reader)}, p.id, p.author_id) "
            f"or p.author_id = {member(reader)})",
            (ids,),
        ).fetchall()
        assert hidden == [], "the reader may see all of it"

        plain = dict(
            connection.execute(
                "select p.post_id, p.base from tests.plain_timeline("
                f"{member(reader)}, null, now(), p_of => %s) as p",
                (ids,),
            ).fetchall()
        )
        assert set(plain) == set(ids), "nothing that is to be left out"
        for row in rows:
            assert row[2] == pytest.approx(plain[row[0]], rel=1e-4, abs=1e-5)
            assert sum(row[3].values()) == pytest.approx(row[4], rel=1e-4, abs=1e-5)

        # One row a conversation; which, is a matter of points.
        wanted = connection.execute(
            "select distinct q.conversation_id from tests.plain_timeline("
            f"{member(reader)}, null, now(), p_in_network => true) as p "
            "inner join public.posts as q on q.id = p.post_id"
        ).fetchall()
        shown = connection.execute(
            "select q.conversation_id from public.posts as q where q.id = any(%s)",
            (ids,),
        ).fetchall()
        assert set(wanted) <= set(shown), "every conversation of the network is there"
        assert len(set(shown)) == len(shown), "and once"
        in_network += sum(row[1] for row in rows)
    assert in_network > 0
