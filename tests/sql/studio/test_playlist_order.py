"""A playlist behaves as a list does, however often tracks go into the same gap."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any

import psycopg
import pytest

from tests.database import Database

TRACKS = 40


@pytest.fixture
def connection(database: Database) -> Iterator[psycopg.Connection[Any]]:
    """A transaction that is rolled back, with a member's playlist."""
    with psycopg.connect(database.cluster.url()) as opened:
        opened.execute("set local search_path = tests, extensions, public")
        opened.execute("select make_member('ada'), make_playlist('ada', 'List')")
        opened.execute(
            "select make_track('ada', 't' || n) from generate_series(1, %s) as n", (TRACKS,)
        )
        opened.execute("select act_as(member('ada'))")
        yield opened
        opened.rollback()


def order(connection: psycopg.Connection[Any]) -> list[str]:
    """The titles as they stand."""
    row = connection.execute("select playlist_order('List')").fetchone()
    assert row
    return (row[0] or "").split()


def put(model: list[str], titles: list[str], before: str | None) -> None:
    """What the database should do."""
    place = model.index(before) if before else len(model)
    model[place:place] = titles


@pytest.mark.parametrize("seed", range(4))
def test_a_playlist_behaves_as_a_list(connection: psycopg.Connection[Any], seed: int) -> None:
    chance = Random(seed)  # noqa: S311
    titles = [f"t{n}" for n in range(1, TRACKS + 1)]
    model: list[str] = []
    for _ in range(150):
        kind = chance.choice(["add", "move", "move", "remove", "reorder"])
        before = chance.choice([None, *model])
        if kind == "add":
            wanted = chance.sample(titles, chance.randint(1, 5))
            connection.execute(
                "select public.add_playlist_tracks(playlist('List'), array(select track(t) from "
                "unnest(%s::text[]) with ordinality as u (t, n) order by n), track(%s))",
                (wanted, before),
            )
            put(model, [title for title in wanted if title not in model], before)
        elif kind == "move" and len(model) > 1:
            title = chance.choice([title for title in model if title != before])
            connection.execute(
                "select public.move_playlist_track(playlist('List'), track(%s), track(%s))",
                (title, before),
            )
            model.remove(title)
            put(model, [title], before)
        elif kind == "remove" and chance.random() < 0.5:
            gone = chance.sample(titles, 3)
            connection.execute(
                "select public.remove_playlist_tracks(playlist('List'), array(select track(t) "
                "from unnest(%s::text[]) as u (t)))",
                (gone,),
            )
            model = [title for title in model if title not in gone]
        elif kind == "reorder" and chance.random() < 0.2:
            chance.shuffle(model)
            connection.execute(
                "select public.reorder_playlist(playlist('List'), array(select track(t) from "
                "unnest(%s::text[]) with ordinality as u (t, n) order by n))",
                (model,),
            )
        assert order(connection) == model


def test_a_gap_is_never_used_up(connection: psycopg.Connection[Any]) -> None:
    titles = [f"t{n}" for n in range(1, TRACKS + 1)]
    connection.execute(
        "select public.add_playlist_tracks(playlist('List'), array(select track('t' || n) "
        "from generate_series(1, %s) as n order by n))",
        (TRACKS,),
    )
    for n in range(200):
        title = titles[n % 2 - 2]
        connection.execute(
            "select public.move_playlist_track(playlist('List'), track(%s), track('t20'))", (title,)
        )
    expected = [*titles[:19], titles[-2], titles[-1], *titles[19:-2]]
    assert order(connection) == expected
