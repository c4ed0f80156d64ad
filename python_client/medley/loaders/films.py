"""Films with cast, director, keywords and overview: tmdb_5000_movies.csv and movie_metadata.csv.

The two files describe mostly the same films and share no id. They are joined by the IMDb and TMDB
ids that the catalogue has, which is those of MovieLens where that is loaded, else by title and
year. movie_metadata.csv was once read as Mac Roman: its accents are put right.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

from psycopg import Connection

from ._rows import Ids, Problems, Row, RowError, TableFile, genre_name
from ._write import LoadReport, Progress, load_transaction, no_progress
from .titles import Title, write_credits, write_titles

SOURCE = "films"
_IMDB = re.compile(r"/title/(tt[0-9]{7,10})\b")


def load_films(
    connection: Connection[Any],
    folder: Path,
    *,
    skip_bad: bool = False,
    progress: Progress = no_progress,
) -> LoadReport:
    """Loads the folder of the two files.

    Films that another load has made, MovieLens say, are found by their ids and get what these files
    know. Load MovieLens first: its ids join films whose titles are spelled differently here.

    Args:
        connection: As a role that may write the catalogue (`DATABASE_URL`).
        folder: Holds tmdb_5000_movies.csv and movie_metadata.csv.
        skip_bad: Load the good rows and leave the bad ones out.
        progress: Told each step.

    Raises:
        BadData: Rows cannot be loaded, and `skip_bad` is off; nothing was written.
        FileNotFoundError: A file is missing.
    """
    problems = Problems(skip_bad=skip_bad)
    tmdb_ids = dict(
        connection.execute(
            "select t.imdb_id, t.tmdb_id from public.titles as t "
            "where t.kind = 'movie' and t.imdb_id is not null and t.tmdb_id is not null"
        ).fetchall()
    )
    data = _Files(folder, problems, tmdb_ids)
    progress("Reading films")
    data.each("tmdb_5000_movies.csv", _TMDB_COLUMNS, data.film)
    progress("Reading cast and directors")
    data.each("movie_metadata.csv", _METADATA_COLUMNS, data.metadata)
    problems.check()

    report = LoadReport.of(problems, data.read)
    with load_transaction(connection) as cursor:
        progress("Writing films")
        report.written["titles"] = write_titles(cursor, SOURCE, data.films.values())
        progress("Writing people")
        report.written["title_credits"] = write_credits(
            cursor,
            SOURCE,
            (
                (film, name, role, position)
                for film, people in data.credits.items()
                for (name, role), position in people.items()
            ),
        )
    return report


_TMDB_COLUMNS = ("id", "title", "genres", "keywords", "overview", "release_date")
_METADATA_COLUMNS = ("movie_title", "title_year", "director_name", "movie_imdb_link")


def ungarbled(text: str) -> str:
    """The text with accents put right that were read as Mac Roman ("√©" for "é")."""
    try:
        return text.encode("mac_roman").decode("utf-8")
    except UnicodeError:
        return text


def _title_key(title: str, year: int | None) -> tuple[str, int | None]:
    plain = unicodedata.normalize("NFKD", title).casefold()
    return re.sub(r"[^a-z0-9]+", "", plain) or plain, year


def _names(row: Row, column: str) -> list[str]:
    """The names in a JSON text such as [{"id": 18, "name": "Drama"}]."""
    try:
        entries = json.loads(row.values.get(column) or "[]")
        return [str(entry["name"]).strip() for entry in entries if str(entry["name"]).strip()]
    except (ValueError, TypeError, KeyError):
        raise RowError(f"{column} is not a JSON list of names") from None


class _Files:
    """The two files, as they are read."""

    def __init__(self, folder: Path, problems: Problems, tmdb_ids: dict[str, int]) -> None:
        self.folder = folder
        self.problems = problems
        self.read: dict[str, int] = {}
        self.films: dict[str, Title] = {}
        self.credits: dict[str, dict[tuple[str, str], int]] = {}
        self._tmdb_ids = tmdb_ids
        self._keys: dict[tuple[str, int | None], str] = {}
        self._ids = Ids("film")

    def each(self, name: str, columns: tuple[str, ...], take: Callable[[Row, int], None]) -> None:
        file = TableFile(self.folder / name, columns, {})
        self.read[name] = 0
        for line, row in file.rows(self.problems):
            try:
                take(row, line)
            except RowError as error:
                self.problems.add(file.path, line, str(error))
            else:
                self.read[name] += 1

    def film(self, row: Row, line: int) -> None:
        """A row of tmdb_5000_movies.csv."""
        key = row.integer("id", least=1)
        title = row.required("title", longest=500)
        original = row.text("original_title", longest=500)
        released = row.day("release_date") if row.text("release_date", longest=100) else None
        found = Title(
            str(key),
            title,
            original_title=original if original != title else None,
            year=released.year if released else None,
            released_on=released,
            runtime_minutes=round(row.number("runtime"))
            if row.text("runtime", longest=100)
            else None,
            overview=row.text("overview", longest=20000),
            genres=[genre_name(name) for name in _names(row, "genres")],
            keywords=_names(row, "keywords"),
            language=row.text("original_language", longest=100),
            country=_first_country(row),
            tmdb_id=key,
            vote_average=row.number("vote_average")
            if row.text("vote_average", longest=100)
            else None,
            vote_count=row.optional_integer("vote_count"),
        )
        self._ids.define(key, line)
        self.films[found.external_id] = found
        self._keys.setdefault(_title_key(title, found.year), found.external_id)

    def metadata(self, row: Row, _line: int) -> None:
        """A row of movie_metadata.csv: some films stand there twice."""
        title = ungarbled(row.required("movie_title", longest=500))
        year = row.optional_integer("title_year")
        link = _IMDB.search(row.required("movie_imdb_link", longest=2000))
        if link is None:
            raise RowError("movie_imdb_link names no title")
        imdb_id = link[1]

        key = str(self._tmdb_ids.get(imdb_id, ""))
        if key not in self.films:
            key = self._keys.get(_title_key(title, year), imdb_id)
        film = self.films.setdefault(key, Title(key, title, year=year))
        film.imdb_id = film.imdb_id or imdb_id
        if film.runtime_minutes is None:
            film.runtime_minutes = row.optional_integer("duration")

        people = self.credits.setdefault(key, {})
        director = row.text("director_name", longest=300)
        if director:
            people.setdefault((ungarbled(director), "director"), 1)
        for position in (1, 2, 3):
            actor = row.text(f"actor_{position}_name", longest=300)
            if actor:
                people.setdefault((ungarbled(actor), "cast"), position)


def _first_country(row: Row) -> str | None:
    try:
        entries = json.loads(row.values.get("production_countries") or "[]")
        return str(entries[0]["iso_3166_1"]) if entries else None
    except (ValueError, TypeError, KeyError, IndexError):
        raise RowError("production_countries is not a JSON list of countries") from None
