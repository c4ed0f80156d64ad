"""Artists, venues and events: their files, and how staged rows get into the tables."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from psycopg import Connection, Cursor

from ._rows import Ids, Problems, RowError, TableFile, genre_name
from ._write import LoadReport, Progress, load_transaction, no_progress, run, stable_id, stage

PLACE_ALIASES = {
    "lat": "latitude",
    "lng": "longitude",
    "lon": "longitude",
    "metroarea": "city",
    "state": "region",
}


def write_artists(cursor: Cursor[Any], rows: Iterable[Sequence[Any]]) -> int:
    """Upserts artists: external_id, name, genres, country, image_url, source."""
    stage(
        cursor,
        "load_artists",
        "external_id text, name text, genres text[], country text, image_url text, source text, "
        "id uuid",
        ((*row, stable_id("artist", row[5], row[0])) for row in rows),
    )
    return run(
        cursor,
        """
        insert into public.artists as a (id, name, genres, country, image_url, source, external_id)
        select l.id, l.name, l.genres, l.country, l.image_url, l.source, l.external_id
        from pg_temp.load_artists as l
        on conflict (source, external_id) do update
        set
          name = excluded.name,
          genres = excluded.genres,
          country = coalesce(excluded.country, a.country),
          image_url = coalesce(excluded.image_url, a.image_url)
        where (a.name, a.genres) is distinct from (excluded.name, excluded.genres)
          or a.country is distinct from coalesce(excluded.country, a.country)
          or a.image_url is distinct from coalesce(excluded.image_url, a.image_url)
        """,
    )


def write_venues(cursor: Cursor[Any], rows: Iterable[Sequence[Any]]) -> int:
    """Upserts venues.

    Columns: external_id, name, city, region, country, latitude, longitude, capacity, source.
    """
    stage(
        cursor,
        "load_venues",
        "external_id text, name text, city text, region text, country text, "
        "latitude double precision, longitude double precision, capacity int, source text, id uuid",
        ((*row, stable_id("venue", row[8], row[0])) for row in rows),
    )
    return run(
        cursor,
        """
        insert into public.venues as v
          (id, name, city, region, country, latitude, longitude, capacity, source, external_id)
        select
          l.id, l.name, l.city, l.region, l.country, l.latitude, l.longitude, l.capacity,
          l.source, l.external_id
        from pg_temp.load_venues as l
        on conflict (source, external_id) do update
        set
          name = excluded.name,
          city = excluded.city,
          region = excluded.region,
          country = excluded.country,
          latitude = excluded.latitude,
          longitude = excluded.longitude,
          capacity = excluded.capacity
        where (v.name, v.city, v.region, v.country, v.latitude, v.longitude, v.capacity)
          is distinct from (
            excluded.name, excluded.city, excluded.region, excluded.country,
            excluded.latitude, excluded.longitude, excluded.capacity
          )
        """,
    )


def write_events(cursor: Cursor[Any], rows: Iterable[Sequence[Any]]) -> int:
    """Upserts events that take their genres from the headliner.

    Columns: external_id, title, starts_at, venue_id, headliner_artist_id, promoted,
    ticket_available, description, source.
    """
    stage(
        cursor,
        "load_events",
        "external_id text, title text, starts_at timestamptz, venue_id uuid, "
        "headliner_artist_id uuid, promoted boolean, ticket_available boolean, "
        "description text, source text, id uuid",
        ((*row, stable_id("event", row[8], row[0])) for row in rows),
    )
    return run(
        cursor,
        """
        insert into public.events as e
          (id, title, description, starts_at, venue_id, headliner_artist_id, genres,
           promoted, ticket_available, source, external_id)
        select
          l.id, l.title, l.description, l.starts_at, l.venue_id, l.headliner_artist_id,
          coalesce(a.genres, '{}'), l.promoted, l.ticket_available, l.source, l.external_id
        from pg_temp.load_events as l
        left join public.artists as a on a.id = l.headliner_artist_id
        on conflict (source, external_id) do update
        set
          title = excluded.title,
          description = excluded.description,
          starts_at = excluded.starts_at,
          venue_id = excluded.venue_id,
          headliner_artist_id = excluded.headliner_artist_id,
          genres = excluded.genres,
          promoted = excluded.promoted,
          ticket_available = excluded.ticket_available
        where (
          e.title, e.description, e.starts_at, e.venue_id, e.headliner_artist_id, e.genres,
          e.promoted, e.ticket_available
        ) is distinct from (
          excluded.title, excluded.description, excluded.starts_at, excluded.venue_id,
          excluded.headliner_artist_id, excluded.genres, excluded.promoted,
          excluded.ticket_available
        )
        """,
    )


def load_artists(
    connection: Connection[Any],
    path: Path,
    *,
    source: str = "artists",
    skip_bad: bool = False,
    progress: Progress = no_progress,
) -> LoadReport:
    """Loads artists from a CSV file.

    Args:
        connection: As a role that may write the catalogue (`DATABASE_URL`).
        path: CSV with the columns name and genres (separated by `|`), and optionally id
            (the name by default), country and image_url.
        source: Goes with the ids into `artists.source`.
        skip_bad: Load the good rows and leave the bad ones out.
        progress: Told each step.

    Raises:
        BadData: Rows cannot be loaded, and `skip_bad` is off; nothing was written.
    """
    progress("Reading")
    problems = Problems(skip_bad=skip_bad)
    ids = Ids("artist")
    artists: list[Sequence[Any]] = []
    for line, row in TableFile(path, ("name", "genres"), {}).rows(problems):
        try:
            name = row.required("name", longest=500)
            parts = (part.strip() for part in row.values["genres"].split("|"))
            genres = [genre_name(part) for part in parts if part]
            if len(genres) > 100:
                raise RowError(f"has {len(genres)} genres, at most 100 fit")
            country = row.text("country", longest=100)
            image_url = row.text("image_url", longest=2000)
            external_id = row.text("id", longest=500) or name
            ids.define(external_id, line)
        except RowError as error:
            problems.add(path, line, str(error))
            continue
        artists.append((external_id, name, genres, country, image_url, source))
    problems.check()

    report = LoadReport.of(problems, {path.name: len(artists)})
    progress("Writing artists")
    with load_transaction(connection) as cursor:
        report.written["artists"] = write_artists(cursor, artists)
    return report


def load_venues(
    connection: Connection[Any],
    path: Path,
    *,
    source: str = "venues",
    skip_bad: bool = False,
    progress: Progress = no_progress,
) -> LoadReport:
    """Loads venues from a CSV file.

    Args:
        connection: As a role that may write the catalogue (`DATABASE_URL`).
        path: CSV with the column name, and optionally id (name and city by default), city (or
            metroArea), region (or state), country, latitude (lat), longitude (lng, lon) in
            degrees, and capacity.
        source: Goes with the ids into `venues.source`.
        skip_bad: Load the good rows and leave the bad ones out.
        progress: Told each step.

    Raises:
        BadData: Rows cannot be loaded, and `skip_bad` is off; nothing was written.
    """
    progress("Reading")
    problems = Problems(skip_bad=skip_bad)
    ids = Ids("venue")
    venues: list[Sequence[Any]] = []
    for line, row in TableFile(path, ("name",), PLACE_ALIASES).rows(problems):
        try:
            name = row.required("name", longest=500)
            city = row.text("city", longest=200)
            region = row.text("region", longest=200)
            country = row.text("country", longest=100)
            latitude, longitude = row.place()
            capacity = row.optional_integer("capacity")
            external_id = row.text("id", longest=500) or f"{name}|{city or ''}"
            ids.define(external_id, line)
        except RowError as error:
            problems.add(path, line, str(error))
            continue
        venues.append(
            (external_id, name, city, region, country, latitude, longitude, capacity, source)
        )
    problems.check()

    report = LoadReport.of(problems, {path.name: len(venues)})
    progress("Writing venues")
    with load_transaction(connection) as cursor:
        report.written["venues"] = write_venues(cursor, venues)
    return report
