"""Whatever sounds alike, its reader may select it; and pages hold all that the reader may see."""

from __future__ import annotations

import json
from collections.abc import Iterator
from random import Random
from typing import Any

import psycopg
import pytest

from tests.database import Database

MEMBERS = ("ada", "bob", "cleo", "dan")
TRACKS = 40


@pytest.fixture
def connection(database: Database) -> Iterator[psycopg.Connection[Any]]:
    """A transaction that is rolled back, with members."""
    with psycopg.connect(database.cluster.url()) as opened:
        opened.execute("set local search_path = tests, extensions, public")
        for name in MEMBERS:
            opened.execute("select make_member(%s)", (name,))
        yield opened
        opened.rollback()


def build(connection: psycopg.Connection[Any], chance: Random) -> None:
    """Tracks of every visibility, and members who follow, block and mute each other."""
    for n in range(TRACKS):
        owner, shown = chance.choice(MEMBERS), chance.random() < 0.6
        genres = ["ambient"] if chance.random() < 0.5 else []
        connection.execute(
            "select give_sound(make_track(%s, %s, %s, %s), %s::real, %s::real)",
            (owner, f"t{n}", shown, genres, chance.random() + 0.1, chance.random()),
        )
    # No table of the pack has it, but the registry knows it: seen by followers only.
    connection.execute(
        "update medley.items set visibility = 'followers' where kind = 'track' and item_no % 5 = 0"
    )
    for one in MEMBERS:
        for other in MEMBERS:
            if one == other:
                continue
            for verb in ("follow", "block", "mute"):
                if chance.random() < 0.2:
                    connection.execute(f"select {verb}(member(%s), member(%s))", (one, other))


@pytest.mark.parametrize("seed", range(3))
def test_pages_agree_with_the_one_predicate(connection: psycopg.Connection[Any], seed: int) -> None:
    build(connection, Random(seed))  # noqa: S311
    for name in (None, *MEMBERS):
        for genre in (None, "ambient"):
            expected = connection.execute(
                """
                select i.id
                from medley.items as i
                where i.kind = 'track'
                  and (i.owner_id = m.id or medley.may_list(m.id, i.id, i.owner_id))
                  and (%s::text is null or exists (
                    select from public.item_genres as g
                    inner join public.genres as n on n.id = g.genre_id
                    where g.item_id = i.id and n.slug = %s
                  ))
                """.replace("m.id", "member(%(name)s)").replace("%s", "%(genre)s"),
                {"name": name, "genre": genre},
            ).fetchall()
            with connection.transaction(force_rollback=True):
                role = "authenticated" if name else "anon"
                claims: dict[str, str] = {"role": role}
                if name:
                    ((claims["sub"],),) = connection.execute(
                        "select member(%s)::text", (name,)
                    ).fetchall()
                connection.execute(
                    "select set_config('request.jwt.claims', %s, true), "
                    "set_config('role', %s, true)",
                    (json.dumps(claims), role),
                )
                found: list[Any] = []
                cursor = None
                while True:
                    page = connection.execute(
                        "select m.item_id, m.next_cursor from public.match_tracks("
                        "sound(1, 0.5), 'track', %s, 7, %s) as m",
                        (genre, cursor),
                    ).fetchall()
                    found += [(row[0],) for row in page]
                    cursor = page[0][1] if page else None
                    if cursor is None:
                        break
            assert len(found) == len(set(found))
            assert set(found) == set(expected), (name, genre)
