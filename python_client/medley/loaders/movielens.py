"""MovieLens, in the form of latest-small: films, what members rate them, and how they tag them.

Ratings become engagements at their time, tags become keywords that members gave, the ids in
links.csv join the films to those of other sources.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from psycopg import Connection, Cursor

from ._rows import Ids, Problems, Row, RowError, TableFile, genre_name
from ._write import LoadReport, Progress, load_transaction, no_progress, stage
from .engagements import write_engagements
from .members import member_id, write_members
from .titles import Title, write_titles

SOURCE = "movielens"

_YEAR = re.compile(r" \(([0-9]{4})\)$")
_OTHERS = re.compile(r"( \([^()]+\))+$")
_ARTICLE = re.compile(
    r"(?P<name>.*), (?P<article>The|A|An|La|Le|Les|L'|Il|El|Los|Las|Die|Der|Das)", re.DOTALL
)


def load_movielens(
    connection: Connection[Any],
    folder: Path,
    *,
    skip_bad: bool = False,
    progress: Progress = no_progress,
) -> LoadReport:
    """Loads the folder of the data set.

    A rating of 0.5 to 5 stars is an engagement of kind `rate` with a value from 0 to 1. A tag is a
    keyword of the film, the weightier and the surer the more members gave it. Films that another
    load has made are found by the ids of links.csv.

    Args:
        connection: As a role that may write the catalogue and auth.users (`DATABASE_URL`).
        folder: Holds movies.csv, links.csv, ratings.csv and tags.csv, with or without headers.
        skip_bad: Load the good rows and leave the bad ones out.
        progress: Told each step.

    Raises:
        BadData: Rows cannot be loaded, and `skip_bad` is off; nothing was written.
        FileNotFoundError: A file of the set is missing.
    """
    problems = Problems(skip_bad=skip_bad)
    data = _Files(folder, problems)
    progress("Reading films and tags")
    data.read_films()
    progress("Reading ratings")
    data.read_ratings()
    problems.check()

    report = LoadReport.of(problems, data.read)
    with load_transaction(connection) as cursor:
        progress("Writing films")
        report.written["titles"] = write_titles(cursor, SOURCE, data.films.values())
        report.written["content_features"] = _write_tags(cursor, data)

        progress("Writing members")
        members = sorted({user for user, _, _, _ in data.ratings})
        report.written["members"] = write_members(
            cursor, SOURCE, ((str(key), f"MovieLens member {key}") for key in members)
        )

        progress("Writing ratings")
        stage(
            cursor,
            "load_ratings",
            "user_id uuid, film text, value real, at timestamptz",
            (
                (member_id(SOURCE, str(user)), str(film), (rating - 0.5) / 4.5, at)
                for user, film, rating, at in data.ratings
            ),
        )
        report.written["engagements"] = write_engagements(
            cursor,
            """
            select
              l.user_id, t.id as item_id, 'rate' as kind, l.at as occurred_at, l.value
            from pg_temp.load_ratings as l
            inner join pg_temp.load_titles as t on t.external_id = l.film
            """,
        )
    return report


def _write_tags(cursor: Cursor[Any], data: _Files) -> int:
    """Makes the films' keywords of source user_tagged equal to what members gave them."""
    taggers = Counter((film, tag) for _, film, tag in data.taggings)
    stage(
        cursor,
        "load_tags",
        "film text, tag text, weight real, confidence real",
        (
            (str(film), tag, 1 + math.log(count), count / (count + 1))
            for (film, tag), count in taggers.items()
        ),
    )
    cursor.execute(
        """
        with tagged as (
          -- Two films of the set may be one title.
          select t.id, l.tag, max(l.weight) as weight, max(l.confidence) as confidence
          from pg_temp.load_tags as l
          inner join pg_temp.load_titles as t on t.external_id = l.film
          group by t.id, l.tag
        )

        select medley.replace_item_features(
          'user_tagged',
          array(select distinct t.id from pg_temp.load_titles as t),
          coalesce(array_agg(g.id), '{}'),
          coalesce(array_agg('keyword'::text), '{}'),
          coalesce(array_agg(g.tag), '{}'),
          coalesce(array_agg(g.weight), '{}'),
          coalesce(array_agg(g.confidence), '{}')
        )
        from tagged as g
        """
    )
    (changed,) = cursor.fetchone() or (0,)
    return int(changed)


def film_title(value: str) -> tuple[str, str | None, int | None]:
    """Title, other title and year of "Postman, The (Postino, Il) (1994)": articles go in front."""
    value = value.strip()
    year = _YEAR.search(value)
    name = value[: year.start()] if year else value
    others = _OTHERS.search(name)
    other = None
    if others and others.start() > 0:
        other = others[0].strip(" ()").split(") (")[0].removeprefix("a.k.a. ")
        name = name[: others.start()]
    return (
        _article_first(name),
        _article_first(other) if other else None,
        int(year[1]) if year else None,
    )


def _article_first(name: str) -> str:
    match = _ARTICLE.fullmatch(name.strip())
    if not match:
        return name.strip()
    return match["article"] + ("" if match["article"] == "L'" else " ") + match["name"]


class _Files:
    """The files of the set, as they are read."""

    def __init__(self, folder: Path, problems: Problems) -> None:
        self.folder = folder
        self.problems = problems
        self.read: dict[str, int] = {}
        self.films: dict[int, Title] = {}
        self.taggings: set[tuple[int, int, str]] = set()
        self.ratings: list[tuple[int, int, float, datetime]] = []
        self._film_ids = Ids("film")

    def read_films(self) -> None:
        self._each("movies.csv", ("movieid", "title", "genres"), self._film)
        self._each("links.csv", ("movieid", "imdbid", "tmdbid"), self._link)
        self._each("tags.csv", ("userid", "movieid", "tag", "timestamp"), self._tagging)

    def read_ratings(self) -> None:
        self._each("ratings.csv", ("userid", "movieid", "rating", "timestamp"), self._rating)

    def _each(self, name: str, columns: tuple[str, ...], take: Callable[[Row, int], None]) -> None:
        file = TableFile(self.folder / name, (), {}, headless=columns)
        self.read[name] = 0
        for line, row in file.rows(self.problems):
            try:
                take(row, line)
            except RowError as error:
                self.problems.add(file.path, line, str(error))
            else:
                self.read[name] += 1

    def _film(self, row: Row, line: int) -> None:
        key = row.integer("movieid")
        title, original_title, year = film_title(row.required("title", longest=500))
        genres = (
            []
            if row.values["genres"] == "(no genres listed)"
            else [genre_name(part) for part in row.values["genres"].split("|") if part.strip()]
        )
        self._film_ids.define(key, line)
        self.films[key] = Title(
            str(key), title, original_title=original_title, year=year, genres=genres
        )

    def _link(self, row: Row, _line: int) -> None:
        key, imdb = row.integer("movieid"), row.optional_integer("imdbid")
        tmdb = row.optional_integer("tmdbid")
        self._film_ids.refer(key)
        self.films[key].imdb_id = None if imdb is None else f"tt{imdb:07}"
        self.films[key].tmdb_id = tmdb or None

    def _tagging(self, row: Row, _line: int) -> None:
        user, film = row.integer("userid"), row.integer("movieid")
        tag = row.required("tag", longest=200).lower()
        self._film_ids.refer(film)
        self.taggings.add((user, film, tag))

    def _rating(self, row: Row, _line: int) -> None:
        user, film, rating = row.integer("userid"), row.integer("movieid"), row.number("rating")
        at = row.unix_time("timestamp")
        self._film_ids.refer(film)
        if not 0.5 <= rating <= 5:
            raise RowError(f"rating is out of range: {rating:g}")
        self.ratings.append((user, film, rating, at))
