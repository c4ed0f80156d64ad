"""A case as a database knows it: members, items, and what else the data set tells of them.

The files of a data set are copied without what is held out, and the copy goes through the
project's own loader: nothing that the test asks for can leak in by way of a tag or a follow.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from medley.loaders import load_lastfm
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
    """

    kind: str
    members: Sequence[UUID]
    items: Sequence[UUID]


def load_pairs_only(connection: Connection[Any], case: Case, _: Sequence[int]) -> World:
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
    return World(KIND, members, items)


def load_lastfm_set(connection: Connection[Any], case: Case, known: Sequence[int]) -> World:
    """Artists with their tags as genres, members and their friends."""
    data, file = case.data, case.source.interactions
    assert file is not None
    items, met = set(data.items), _names(case, known)
    held_out = _names(case, range(len(data.pairs))) - met

    with _copies(file.parent) as copy:
        copy("artists.dat", lambda cells: cells[0] in items)
        copy("tags.dat", lambda _: True, encoding="iso-8859-1")
        copy(
            "user_taggedartists.dat",
            lambda cells: cells[1] in items and (cells[0], cells[1]) not in held_out,
        )
        copy("user_artists.dat", lambda cells: (cells[0], cells[1]) in met)
        folder = copy("user_friends.dat", lambda _: True)
        # The artists played most would become follows; here each play is an event.
        load_lastfm(connection, folder, follows_per_member=0, skip_bad=True)
    found = connection.execute(
        "select a.external_id, a.id from public.artists as a where a.source = 'lastfm'"
    )
    ids = dict(found.fetchall())
    return World(
        "artist",
        [member_id("lastfm", user) for user in data.users],
        [ids[item] for item in data.items],
    )


Loader = Callable[[Connection[Any], Case, Sequence[int]], World]

# By format: the loader, and the files that it needs beside the interactions.
LOADERS: dict[str, tuple[Loader, tuple[str, ...]]] = {
    "lastfm": (
        load_lastfm_set,
        ("artists.dat", "tags.dat", "user_taggedartists.dat", "user_friends.dat"),
    ),
}


def loader(case: Case, *, all_signals: bool) -> Loader:
    """What brings a case into a database; without its files nothing but the pairs is known."""
    file = case.source.interactions
    if all_signals and file is not None and case.source.fmt in LOADERS:
        load, needed = LOADERS[case.source.fmt]
        if all((file.parent / name).is_file() for name in needed):
            return load
    return load_pairs_only


def _names(case: Case, places: Sequence[int]) -> set[tuple[str, str]]:
    """The pairs at some places as the source calls them."""
    data = case.data
    return {
        (data.users[user], data.items[item]) for user, item in (data.pairs[at] for at in places)
    }


@contextmanager
def _copies(source: Path) -> Iterator[Callable[..., Path]]:
    """Copies tab-separated files with a header, the rows that may stay, to a folder for a while."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)

        def copy(file: str, keep: Callable[[list[str]], bool], *, encoding: str = "utf-8") -> Path:
            with (
                (source / file).open(encoding=encoding, newline="") as old,
                (folder / file).open("w", encoding=encoding, newline="") as new,
            ):
                new.write(next(old))
                new.writelines(line for line in old if keep(line.rstrip("\r\n").split("\t")))
            return folder

        yield copy
