"""The HetRec 2011 Last.fm set: artists with tags, what members play, and who is friends.

Tags become genres, play counts become engagements, the artists that a member plays most become
follows, friendships become follows both ways. Play counts have no time: each is logged as of the
moment when the member was first loaded.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from psycopg import Connection

from ._rows import Ids, Problems, Row, RowError, TableFile, genre_name
from ._write import LoadReport, Progress, load_transaction, no_progress, run, stage
from .catalogue import write_artists
from .engagements import write_engagements
from .members import member_id, write_members

SOURCE = "lastfm"


def load_lastfm(
    connection: Connection[Any],
    folder: Path,
    *,
    min_taggers: int = 2,
    max_genres: int = 15,
    follows_per_member: int = 20,
    skip_bad: bool = False,
    progress: Progress = no_progress,
) -> LoadReport:
    """Loads the folder of the data set.

    An artist's genres are the tags that at least `min_taggers` members gave it, most given first.
    An artist without such a tag keeps the three of its tags that are the most used of all.

    Args:
        connection: As a role that may write the catalogue and auth.users (`DATABASE_URL`).
        folder: Holds artists.dat, tags.dat, user_taggedartists.dat, user_artists.dat and
            user_friends.dat.
        min_taggers: Members who must agree on a tag.
        max_genres: Genres of an artist at most, up to 100.
        follows_per_member: How many of the artists that a member plays most become follows.
        skip_bad: Load the good rows and leave the bad ones out. The published set needs it: 1,538
            tag assignments name artists that it does not list, and eight tags are sentences.
        progress: Told each step.

    Raises:
        BadData: Rows cannot be loaded, and `skip_bad` is off; nothing was written.
        FileNotFoundError: A file of the set is missing.
    """
    problems = Problems(skip_bad=skip_bad)
    data = _Files(folder, problems)
    progress("Reading artists and tags")
    data.read_artists()
    progress("Reading plays and friendships")
    data.read_members()
    problems.check()

    genres = data.genres(min_taggers=min_taggers, max_genres=max_genres)
    members = sorted({*data.plays, *(member for pair in data.friendships for member in pair)})
    report = LoadReport.of(problems, data.read)
    with load_transaction(connection) as cursor:
        progress("Writing artists and their genres")
        rows: list[Sequence[Any]] = [
            (str(key), name, genres.get(key, []), None, picture, SOURCE)
            for key, (name, picture) in data.artists.items()
        ]
        report.written["artists"] = write_artists(cursor, rows)

        progress("Writing members")
        report.written["members"] = write_members(
            cursor, SOURCE, ((str(key), f"Last.fm listener {key}") for key in members)
        )

        progress("Writing follows")
        stage(
            cursor,
            "load_follows",
            "user_id uuid, artist text",
            (
                (member_id(SOURCE, str(member)), str(key))
                for member, played in data.plays.items()
                for _, key in sorted(played, reverse=True)[:follows_per_member]
            ),
        )
        report.written["item_follows"] = run(
            cursor,
            f"""
            insert into public.item_follows (user_id, item_id)
            select l.user_id, a.id
            from pg_temp.load_follows as l
            inner join public.artists as a on a.source = '{SOURCE}' and a.external_id = l.artist
            on conflict do nothing
            """,
        )
        stage(
            cursor,
            "load_friends",
            "a uuid, b uuid",
            ((member_id(SOURCE, str(a)), member_id(SOURCE, str(b))) for a, b in data.friendships),
        )
        report.written["follows"] = run(
            cursor,
            """
            insert into public.follows (follower_id, followed_id)
            select l.a, l.b from pg_temp.load_friends as l
            union all
            select l.b, l.a from pg_temp.load_friends as l
            on conflict do nothing
            """,
        )

        progress("Writing plays")
        stage(
            cursor,
            "load_plays",
            "user_id uuid, artist text, count int",
            (
                (member_id(SOURCE, str(member)), str(key), count)
                for member, played in data.plays.items()
                for count, key in played
            ),
        )
        report.written["engagements"] = write_engagements(
            cursor,
            f"""
            select
              l.user_id, a.id as item_id, 'play' as kind, null::timestamptz as occurred_at,
              l.count as value
            from pg_temp.load_plays as l
            inner join public.artists as a on a.source = '{SOURCE}' and a.external_id = l.artist
            """,
        )
    return report


class _Files:
    """The files of the set, as they are read."""

    def __init__(self, folder: Path, problems: Problems) -> None:
        self.folder = folder
        self.problems = problems
        self.read: dict[str, int] = {}
        self.artists: dict[int, tuple[str, str | None]] = {}
        self.tags: dict[int, str] = {}
        self.taggings: set[tuple[int, int, int]] = set()
        self.plays: dict[int, list[tuple[int, int]]] = defaultdict(list)
        self.friendships: set[tuple[int, int]] = set()
        self._artist_ids, self._tag_ids = Ids("artist"), Ids("tag")

    def read_artists(self) -> None:
        self._each("artists.dat", ("id", "name"), self._artist)
        # The set's only file in another encoding.
        self._each("tags.dat", ("tagid", "tagvalue"), self._tag, encoding="iso-8859-1")
        self._each("user_taggedartists.dat", ("userid", "artistid", "tagid"), self._tagging)

    def read_members(self) -> None:
        self._each("user_artists.dat", ("userid", "artistid", "weight"), self._play)
        self._each("user_friends.dat", ("userid", "friendid"), self._friendship)

    def genres(self, *, min_taggers: int, max_genres: int) -> dict[int, list[str]]:
        """The genres of each artist, by the rule that load_lastfm states."""
        taggers = Counter((artist, tag) for _, artist, tag in self.taggings)
        overall = Counter(tag for _, _, tag in self.taggings)
        by_artist: dict[int, list[tuple[int, int]]] = defaultdict(list)
        for (artist, tag), count in taggers.items():
            by_artist[artist].append((count, tag))
        genres = {}
        for artist, counted in by_artist.items():
            agreed = [(count, overall[tag], tag) for count, tag in counted if count >= min_taggers]
            chosen = agreed or [(0, overall[tag], tag) for _, tag in counted]
            most = max_genres if agreed else min(3, max_genres)
            genres[artist] = [self.tags[tag] for _, _, tag in sorted(chosen, reverse=True)[:most]]
        return genres

    def _each(
        self,
        name: str,
        columns: tuple[str, ...],
        take: Callable[[Row, int], None],
        encoding: str = "utf-8",
    ) -> None:
        file = TableFile(self.folder / name, columns, {}, encoding=encoding, separator="\t")
        self.read[name] = 0
        for line, row in file.rows(self.problems):
            try:
                take(row, line)
            except RowError as error:
                self.problems.add(file.path, line, str(error))
            else:
                self.read[name] += 1

    def _artist(self, row: Row, line: int) -> None:
        key, name = row.integer("id"), row.required("name", longest=500)
        picture = row.text("pictureurl", longest=2000)
        self._artist_ids.define(key, line)
        self.artists[key] = (name, picture)

    def _tag(self, row: Row, line: int) -> None:
        key, name = row.integer("tagid"), genre_name(row.required("tagvalue", longest=1000))
        self._tag_ids.define(key, line)
        self.tags[key] = name

    def _tagging(self, row: Row, _line: int) -> None:
        member, artist, tag = (row.integer(c) for c in ("userid", "artistid", "tagid"))
        self._artist_ids.refer(artist)
        self._tag_ids.refer(tag)
        self.taggings.add((member, artist, tag))

    def _play(self, row: Row, _line: int) -> None:
        member, artist, count = (row.integer(c) for c in ("userid", "artistid", "weight"))
        self._artist_ids.refer(artist)
        self.plays[member].append((count, artist))

    def _friendship(self, row: Row, _line: int) -> None:
        one, other = row.integer("userid"), row.integer("friendid")
        if one == other:
            raise RowError(f"member {one} cannot be their own friend")
        self.friendships.add((min(one, other), max(one, other)))
