"""Impressions in the layout of MIND, the Microsoft News data set: behaviors.tsv.

A row is a list of articles that a member was shown, each with 1 where it was clicked and 0 where
not, and the articles that the member had clicked before. The file says neither when that was nor
from which time zone its times are: earlier clicks are placed a minute apart before the member's
first list, and times are read as UTC.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from psycopg import Connection, Cursor
from psycopg.types.json import Jsonb

from ._rows import Ids, Problems, Row, RowError, TableFile
from ._write import LoadReport, Progress, load_transaction, no_progress, stable_id, stage
from .engagements import write_engagements
from .members import member_id, write_members

SOURCE = "mind"
KIND = "article"

_COLUMNS = ("impression", "user", "time", "history", "shown")
_TIME = re.compile(r"[0-9]{1,2}/[0-9]{1,2}/[0-9]{4} [0-9]{1,2}:[0-9]{2}:[0-9]{2} [AP]M")
_ARTICLE = re.compile(r"[A-Za-z0-9_]{1,100}")


@dataclass(frozen=True, slots=True)
class Impression:
    """A list that a member was shown.

    Attributes:
        key: Its id in the source.
        user: The member, as the source calls them.
        time: When.
        history: Articles clicked before, oldest first.
        shown: Articles of the list in the order of the file, each with whether it was clicked.
            MIND has shuffled them: a place says nothing about where an article stood.
    """

    key: str
    user: str
    time: datetime
    history: tuple[str, ...]
    shown: tuple[tuple[str, bool], ...]


def read_impressions(path: Path, problems: Problems | None = None) -> Iterator[Impression]:
    """Reads a file of impressions, in its order.

    Args:
        path: behaviors.tsv, or one like it.
        problems: Takes the rows that cannot be read; without it the first one raises.

    Raises:
        BadData: A row cannot be read, and there are no `problems` to take it.
    """
    book = problems or Problems(skip_bad=False)
    keys = Ids("impression")
    for line, row in TableFile(path, (), {}, separator="\t", headless=_COLUMNS).rows(book):
        try:
            found = _impression(row)
            keys.define(found.key, line)
        except RowError as error:
            book.add(path, line, str(error))
        else:
            yield found
        if problems is None:
            book.check()


def load_mind(
    connection: Connection[Any],
    path: Path,
    *,
    newest_at: datetime | None = None,
    skip_bad: bool = False,
    progress: Progress = no_progress,
) -> LoadReport:
    """Loads impressions: articles, members, what they were shown and what they clicked.

    Articles become items of the kind `article`, named by their keys. Every article that was shown
    is an engagement of kind `impression` with its place and, in its context, the list as
    `request_id`; one that was clicked is a `click` of the same moment as well.

    Args:
        connection: As a role that may write the catalogue and auth.users (`DATABASE_URL`).
        path: behaviors.tsv.
        newest_at: Move all times alike, so that the newest list is of this moment; tastes and
            trends come from recent engagements. A second load must name the same.
        skip_bad: Load the good rows and leave the bad ones out.
        progress: Told each step.

    Raises:
        BadData: Rows cannot be loaded, and `skip_bad` is off; nothing was written.
    """
    progress("Reading")
    problems = Problems(skip_bad=skip_bad)
    lists = list(read_impressions(path, problems))
    problems.check()

    report = LoadReport.of(problems, {path.name: len(lists)})
    moved = newest_at - max(one.time for one in lists) if newest_at and lists else timedelta()
    articles = {key for one in lists for key in one.history}
    articles |= {key for one in lists for key, _ in one.shown}
    with load_transaction(connection) as cursor:
        progress("Writing articles")
        report.written["items"] = _write_articles(cursor, sorted(articles))
        progress("Writing members")
        report.written["members"] = write_members(
            cursor,
            SOURCE,
            ((user, f"MIND reader {user}") for user in sorted({one.user for one in lists})),
        )
        progress("Writing what they were shown and clicked")
        stage(
            cursor,
            "load_events",
            "user_id uuid, item_id uuid, kind text, at timestamptz, place smallint, context jsonb",
            _events(lists, moved),
        )
        report.written["engagements"] = write_engagements(
            cursor,
            """
            select
              l.user_id, l.item_id, l.kind, l.at as occurred_at, l.place as position, l.context
            from pg_temp.load_events as l
            """,
        )
    return report


def _impression(row: Row) -> Impression:
    return Impression(
        key=row.required("impression", longest=100),
        user=row.required("user", longest=100),
        time=_time(row.required("time", longest=100)),
        history=tuple(_article(key) for key in row.values["history"].split()),
        shown=tuple(_shown(row.values["shown"].split())),
    )


def _time(value: str) -> datetime:
    try:
        if not _TIME.fullmatch(value):
            raise ValueError
        return datetime.strptime(value, "%m/%d/%Y %I:%M:%S %p").replace(tzinfo=UTC)
    except ValueError:
        raise RowError(f"time is not like 11/9/2019 6:42:51 PM: {value[:40]!r}") from None


def _article(key: str) -> str:
    if not _ARTICLE.fullmatch(key):
        raise RowError(f"this is no id of an article: {key[:40]!r}")
    return key


def _shown(entries: list[str]) -> Iterator[tuple[str, bool]]:
    if not entries:
        raise RowError("the list shows nothing")
    for entry in entries:
        key, dash, clicked = entry.rpartition("-")
        if not dash or clicked not in ("0", "1"):
            raise RowError(f"an entry of the list does not end in -0 or -1: {entry[:40]!r}")
        yield _article(key), clicked == "1"
    if len({entry.rpartition("-")[0] for entry in entries}) < len(entries):
        raise RowError("the list shows an article twice")


def _write_articles(cursor: Cursor[Any], keys: list[str]) -> int:
    """Registers articles through the project's function, as many at a time as it takes."""
    cursor.execute(
        "insert into medley.item_kinds (kind, description) "
        "values (%s, 'An article of a news site.') on conflict do nothing",
        (KIND,),
    )
    new = 0
    for start in range(0, len(keys), 10_000):
        batch = [
            {"id": str(stable_id(KIND, SOURCE, key)), "kind": KIND, "title": key}
            for key in keys[start : start + 10_000]
        ]
        cursor.execute(
            "select count(*) filter (where r.status = 'registered') "
            "from medley.register_items(%s) as r",
            (Jsonb(batch),),
        )
        ((registered,),) = cursor.fetchall()
        new += registered
    return new


def _events(lists: Iterable[Impression], moved: timedelta) -> Iterator[tuple[Any, ...]]:
    """Rows of load_events. A member's history is that of the first of the member's lists."""
    known = set()
    for one in sorted(lists, key=lambda one: one.time):
        member, at = member_id(SOURCE, one.user), one.time + moved
        if one.user not in known:
            known.add(one.user)
            for ago, key in enumerate(reversed(one.history), start=1):
                clicked_at = at - timedelta(minutes=ago)
                yield member, stable_id(KIND, SOURCE, key), "click", clicked_at, None, None
        context = Jsonb({"request_id": str(stable_id("request", SOURCE, one.key))})
        for place, (key, clicked) in enumerate(one.shown):
            article = stable_id(KIND, SOURCE, key)
            yield member, article, "impression", at, place, context
            if clicked:
                yield member, article, "click", at, place, None
