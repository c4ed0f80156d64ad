"""Features that change while a rebuild or a refresh is under way reach the neighbours."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import psycopg
import pytest

from tests.database import Database

NEIGHBORS = """
select b.title from medley.content_similarity as s
inner join medley.items as a on a.id = s.content_id_a
inner join medley.items as b on b.id = s.content_id_b
where s.similarity_type = 'content' and a.title = %s order by b.title
"""
DESCRIBE = "select tests.describe_item(i.id, %s) from medley.items as i where i.title = %s"


@pytest.fixture
def world(new_database: Callable[..., AbstractContextManager[Database]]) -> Iterator[Database]:
    """Four films, two of which share a keyword; their neighbours are built."""
    with new_database(name="changes") as made:
        made.execute("select tests.make_kind('film')")
        for title in "abcd":
            made.execute("select tests.make_item('film', %s)", title)
            made.execute(DESCRIBE, ["keyword: x" if title in "ab" else f"keyword: {title}"], title)
        made.execute("select medley.rebuild_content_neighbors(100)")
        yield made


def neighbors(world: Database, title: str) -> list[str]:
    return [row[0] for row in world.rows(NEIGHBORS, title)]


def refresh(world: Database) -> int:
    return int(world.value("select medley.refresh_content_neighbors(100)"))


def test_a_change_that_commits_after_a_refresh_waits_for_the_next(world: Database) -> None:
    assert neighbors(world, "a") == ["b"]
    with psycopg.connect(world.cluster.url()) as writer:
        writer.execute(DESCRIBE, (["keyword: x"], "c"))
        assert refresh(world) == 0, "nobody waits for the writer"
        assert neighbors(world, "a") == ["b"]
    assert refresh(world) > 0
    assert neighbors(world, "a") == ["b", "c"]
    assert refresh(world) == 0


def test_a_change_that_commits_during_a_rebuild_is_worked_in_afterwards(world: Database) -> None:
    with psycopg.connect(world.cluster.url()) as writer:
        writer.execute(DESCRIBE, (["keyword: x"], "d"))
        assert world.value("select medley.rebuild_content_neighbors(3)") == 3
    assert refresh(world) == 0, "not into the list that is about to go"
    assert world.value("select medley.rebuild_content_neighbors(3)") == 1
    assert neighbors(world, "a") == ["b"]
    assert refresh(world) > 0
    assert neighbors(world, "a") == ["b", "d"]


def test_readers_see_the_former_list_until_the_new_one_is_whole(world: Database) -> None:
    world.execute(DESCRIBE, ["keyword: x"], "c")
    assert world.value("select medley.rebuild_content_neighbors(2)") == 2
    assert neighbors(world, "a") == ["b"]
    assert world.value("select medley.rebuild_content_neighbors(3)") == 2
    assert neighbors(world, "a") == ["b", "c"]
