"""Impressions in MIND's layout: what was shown and clicked is logged once, bad rows are named."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, LiteralString

import psycopg
import pytest
from medley.loaders import BadData, load_mind
from medley.loaders.mind import read_impressions

from tests.database import Database

BEHAVIORS = Path("../shared/data/impressions_mind/behaviors.tsv")

GOOD = (
    "1\tU1\t11/9/2019 6:42:51 PM\tN1 N2 N1\tN3-0 N2-1\n"
    "2\tU1\t11/10/2019 12:00:00 AM\tN1 N2 N1\tN4-1 N5-1\n"
    "3\tU2\t11/12/2019 2:14:46 AM\t\tN3-0\n"
)


@pytest.fixture
def connection(database: Database) -> Iterator[psycopg.Connection[Any]]:
    """A connection whose work is rolled back."""
    with database.connect() as connection, connection.transaction(force_rollback=True):
        yield connection


def write(folder: Path, text: str) -> Path:
    path = folder / "behaviors.tsv"
    path.write_bytes(text.encode())
    return path


def rows(connection: psycopg.Connection[Any], query: LiteralString) -> list[tuple[Any, ...]]:
    return connection.execute(query).fetchall()


LOGGED = """
    select p.display_name, i.title, k.kind, e.occurred_at, e.position
    from medley.engagements as e
    inner join medley.engagement_kinds as k on k.kind_no = e.kind_no
    inner join medley.items as i on i.item_no = e.item_no and i.kind = 'article'
    inner join medley.members as m on m.user_no = e.user_no
    inner join public.profiles as p on p.id = m.user_id
    where p.display_name = 'MIND reader U1'
    order by e.occurred_at, e.position, k.kind desc
"""


def test_shown_and_clicked_rows_are_logged_and_history_comes_before(
    connection: psycopg.Connection[Any], tmp_path: Path
) -> None:
    report = load_mind(connection, write(tmp_path, GOOD))
    assert report.written == {"items": 5, "members": 2, "engagements": 3 + 5 + 3}
    first = datetime(2019, 11, 9, 18, 42, 51, tzinfo=UTC)
    midnight = datetime(2019, 11, 10, tzinfo=UTC)
    assert [(*row[1:3], row[3].astimezone(UTC), row[4]) for row in rows(connection, LOGGED)] == [
        ("N1", "click", first.replace(minute=39), None),
        ("N2", "click", first.replace(minute=40), None),
        ("N1", "click", first.replace(minute=41), None),
        ("N3", "impression", first, 0),
        ("N2", "impression", first, 1),
        ("N2", "click", first, 1),
        ("N4", "impression", midnight, 0),
        ("N4", "click", midnight, 0),
        ("N5", "impression", midnight, 1),
        ("N5", "click", midnight, 1),
    ]
    in_one_list = """
        select count(*), count(distinct e.context ->> 'request_id')
        from medley.engagements as e
        inner join medley.items as i on i.item_no = e.item_no and i.kind = 'article'
        where e.context ? 'request_id'
    """
    assert rows(connection, in_one_list) == [(5, 3)]


def test_a_second_load_writes_nothing(connection: psycopg.Connection[Any], tmp_path: Path) -> None:
    path = write(tmp_path, GOOD)
    load_mind(connection, path)
    assert set(load_mind(connection, path).written.values()) == {0}


def test_all_times_move_alike(connection: psycopg.Connection[Any], tmp_path: Path) -> None:
    newest = datetime(2026, 1, 12, 2, 14, 46, tzinfo=UTC)
    load_mind(connection, write(tmp_path, GOOD), newest_at=newest)
    times = [row[3].astimezone(UTC) for row in rows(connection, LOGGED)]
    assert (times[0], times[-1]) == (
        datetime(2026, 1, 9, 18, 39, 51, tzinfo=UTC),
        datetime(2026, 1, 10, tzinfo=UTC),
    )


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("4\tU1\t2019-11-09 18:42:51\t\tN1-0", "time is not like 11/9/2019 6:42:51 PM"),
        ("4\tU1\t13/9/2019 6:42:51 PM\t\tN1-0", "time is not like"),
        ("4\tU1\t11/9/2019 6:42:51 PM\t\tN1-2", "does not end in -0 or -1: 'N1-2'"),
        ("4\tU1\t11/9/2019 6:42:51 PM\t\tN1", "does not end in -0 or -1: 'N1'"),
        ("4\tU1\t11/9/2019 6:42:51 PM\t\tN1-0 N1-1", "the list shows an article twice"),
        ("4\tU1\t11/9/2019 6:42:51 PM\t\t", "the list shows nothing"),
        ("4\tU1\t11/9/2019 6:42:51 PM\tN;1\tN1-0", "this is no id of an article: 'N;1'"),
        ("4\t\t11/9/2019 6:42:51 PM\t\tN1-0", "user is empty"),
        ("1\tU1\t11/9/2019 6:42:51 PM\t\tN1-0", "impression 1 is on line 1 already"),
        ("4\tU1\t11/9/2019 6:42:51 PM\tN1-0", "has 4 columns, not 5"),
    ],
)
def test_a_bad_row_is_named_and_may_be_skipped(
    connection: psycopg.Connection[Any], tmp_path: Path, row: str, reason: str
) -> None:
    path = write(tmp_path, GOOD + row + "\n")
    with pytest.raises(BadData) as error:
        load_mind(connection, path)
    assert [(bad.line, reason in bad.reason) for bad in error.value.rows] == [(4, True)]
    nothing = "select count(*) from medley.items as i where i.kind = 'article'"
    assert rows(connection, nothing) == [(0,)]
    report = load_mind(connection, path, skip_bad=True)
    assert (report.skipped, report.read) == (1, {"behaviors.tsv": 3})


@pytest.mark.skipif(not BEHAVIORS.is_file(), reason=f"{BEHAVIORS} is not there")
def test_the_real_file_has_what_its_description_says() -> None:
    lists = list(read_impressions(BEHAVIORS))
    shown = [clicked for one in lists for _, clicked in one.shown]
    assert (len(lists), len(shown), sum(shown)) == (5_000, 189_359, 7_542)
