"""A case as a database knows it: members, items, and what else the data set tells of them.

The files of a data set are copied without what is held out, and the copy goes through the
project's own loader: nothing that the test asks for can leak in by way of a tag or a follow.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import UUID

from medley.loaders import load_films, load_lastfm, load_movielens
from medley.loaders._write import load_transaction, stable_id
from medley.loaders.members import member_id, write_members
from psycopg import Connection

from tests.accuracy.cases import Case

KIND = "evaluated"


@dataclass(frozen=True, slots=True)
class World:
    """Where a case's users and items are in the database.

    Attributes:
        kind: Of its items.
        members: Id of each user's account.
        items: Id of each item.
        logged: Whether the loader has logged the pairs that may be known.
    """

    kind: str
    members: Sequence[UUID]
    items: Sequence[UUID]
    logged: bool


def load_pairs_only(
    connection: Connection[Any], case: Case, _known: Sequence[int], _now: datetime
) -> World:
    """Members and items of which nothing else is known."""
    data = case.data
    members = [member_id(KIND, user) for user in data.users]
    items = [stable_id(KIND, case.source.name, item) for item in data.items]
    with load_transaction(connection) as cursor:
        cursor.execute(
            "insert into medley.item_kinds (kind, description) "
            "values (%s, 'An item of the accuracy harness.') on conflict do nothing",
            [KIND],
        )
        write_members(cursor, KIND, ((user, f"User {user}"[:100]) for user in data.users))
        cursor.execute("create temporary table evaluated (id uuid, title text) on commit drop")
        with cursor.copy("copy pg_temp.evaluated from stdin") as copy:
            for item_id, item in zip(items, data.items, strict=True):
                copy.write_row((item_id, f"Item {item}"))
        cursor.execute(
            "insert into medley.items (id, kind, title) "
            "select e.id, %s, e.title from pg_temp.evaluated as e on conflict do nothing",
            [KIND],
        )
    return World(KIND, members, items, logged=False)


def load_lastfm_set(
    connection: Connection[Any], case: Case, known: Sequence[int], _now: datetime
) -> World:
    """Artists with their tags as genres, play counts, members and their friends."""
    data, source = case.data, _folder(case)
    items, met, held_out = set(data.items), _names(case, known), _held_out(case, known)

    def tab(line: str) -> list[str]:
        return line.rstrip("\r\n").split("\t")

    def tagging(line: str) -> str | None:
        user, artist, *_ = tab(line)
        return line if artist in items and (user, artist) not in held_out else None

    with TemporaryDirectory() as name:
        copy = _Copy(source, Path(name), header=True)
        copy.file("artists.dat", lambda line: line if tab(line)[0] in items else None)
        copy.file("tags.dat", lambda line: line, encoding="iso-8859-1")
        copy.file("user_taggedartists.dat", tagging)
        copy.file("user_artists.dat", lambda line: line if tuple(tab(line)[:2]) in met else None)
        copy.file("user_friends.dat", lambda line: line)
        # The artists played most would become follows; the plays themselves say it better.
        load_lastfm(connection, copy.target, follows_per_member=0, skip_bad=True)
    found = connection.execute(
        "select a.external_id, a.id from public.artists as a where a.source = 'lastfm'"
    )
    ids = dict(found.fetchall())
    members = [member_id("lastfm", user) for user in data.users]
    return World("artist", members, [ids[item] for item in data.items], logged=True)


def load_movielens_set(
    connection: Connection[Any], case: Case, known: Sequence[int], now: datetime
) -> World:
    """Films with genres, keywords, cast and directors, and ratings; the newest of all is now."""
    data, source = case.data, _folder(case)
    items, met, held_out = set(data.items), _names(case, known), _held_out(case, known)
    later = int((now - max(data.times)).total_seconds()) if data.times else 0

    def about(line: str) -> str | None:
        return line if line.partition(",")[0] in items else None

    def tagging(line: str) -> str | None:
        user, film, *_ = line.split(",", 2)
        return line if film in items and (user, film) not in held_out else None

    def rating(line: str) -> str | None:
        user, film, stars, at = line.strip().split(",")
        return f"{user},{film},{stars},{int(at) + later}\n" if (user, film) in met else None

    with TemporaryDirectory() as name:
        copy = _Copy(source, Path(name))
        copy.file("movies.csv", about)
        copy.file("links.csv", about)
        copy.file("tags.csv", tagging)
        copy.file("ratings.csv", rating)
        load_movielens(connection, copy.target, skip_bad=True)
    films = source.parent / "films"
    if films.is_dir():
        load_films(connection, films, skip_bad=True)
    found = connection.execute(
        "select t.external_id, t.id from public.titles as t where t.source = 'movielens'"
    )
    ids = dict(found.fetchall())
    # Films that nobody here rated would be recommended where the peers cannot.
    connection.execute(
        "delete from medley.items as i where i.kind = 'movie' and i.id <> all(%s)",
        [list(ids.values())],
    )
    members = [member_id("movielens", user) for user in data.users]
    return World("movie", members, [ids[item] for item in data.items], logged=True)


Loader = Callable[[Connection[Any], Case, Sequence[int], datetime], World]

# By format: the loader, and the files that it needs beside the interactions.
LOADERS: dict[str, tuple[Loader, tuple[str, ...]]] = {
    "lastfm": (
        load_lastfm_set,
        ("artists.dat", "tags.dat", "user_taggedartists.dat", "user_friends.dat"),
    ),
    "movielens": (load_movielens_set, ("movies.csv", "links.csv", "tags.csv")),
}


def loader(case: Case, *, all_signals: bool) -> Loader:
    """What brings a case into a database; without its files nothing but the pairs is known."""
    if all_signals and case.source.fmt in LOADERS:
        load, needed = LOADERS[case.source.fmt]
        if all((_folder(case) / name).is_file() for name in needed):
            return load
    return load_pairs_only


def _folder(case: Case) -> Path:
    """Where the files of a data set are."""
    if case.source.interactions is None:
        raise ValueError(f"{case.source.name} has no files")
    return case.source.interactions.parent


def _held_out(case: Case, known: Sequence[int]) -> set[tuple[str, str]]:
    return _names(case, range(len(case.data.pairs))) - _names(case, known)


def _names(case: Case, places: Sequence[int]) -> set[tuple[str, str]]:
    """The pairs at some places as the source calls them."""
    data = case.data
    return {
        (data.users[user], data.items[item]) for user, item in (data.pairs[at] for at in places)
    }


@dataclass(frozen=True, slots=True)
class _Copy:
    """Copies files of a data set line by line, but for what must not be known."""

    source: Path
    target: Path
    header: bool = False

    def file(
        self, name: str, line: Callable[[str], str | None], *, encoding: str = "utf-8"
    ) -> None:
        """Copies what `line` makes of each line; nothing where it returns None."""
        with (
            (self.source / name).open(encoding=encoding, newline="") as old,
            (self.target / name).open("w", encoding=encoding, newline="") as new,
        ):
            if self.header:
                new.write(next(old, ""))
            new.writelines(kept for kept in map(line, old) if kept is not None)
