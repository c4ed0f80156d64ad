"""Dated shows from a CSV file, moved into the future if wanted."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

from psycopg import Connection, Cursor

from ._rows import Ids, Problems, RowError, TableFile
from ._write import LoadReport, Progress, load_transaction, no_progress, stage
from .catalogue import PLACE_ALIASES, write_artists, write_events, write_venues


def load_concerts(
    connection: Connection[Any],
    path: Path,
    *,
    source: str = "concerts",
    since: date | None = None,
    shift_to: date | None = None,
    skip_bad: bool = False,
    progress: Progress = no_progress,
) -> LoadReport:
    """Loads shows with their artists and venues.

    An artist whose name the catalogue has is that artist, and the show takes its genres; others
    are made. The file has dates only: every show begins at 20:00 UTC, so that the date stays what
    it is in the file whatever the zone.

    Args:
        connection: As a role that may write the catalogue (`DATABASE_URL`).
        path: CSV with the columns artist, date (YYYY-MM-DD) and venue, and optionally show_id,
            city, region (or state), country, latitude (lat) and longitude (lng, lon).
        source: Goes with the ids into the column source of what is made.
        since: Leave earlier shows out.
        shift_to: Move all shows by the same number of whole weeks, so that weekdays and distances
            stay, and the first one falls on this day or within six days after it.
        skip_bad: Load the good rows and leave the bad ones out.
        progress: Told each step.

    Raises:
        BadData: Rows cannot be loaded, and `skip_bad` is off; nothing was written.
    """
    progress("Reading")
    problems = Problems(skip_bad=skip_bad)
    ids = Ids("show")
    shows: list[tuple[str, str, date, str]] = []
    venues: dict[str, Sequence[Any]] = {}
    for line, row in TableFile(path, ("artist", "date", "venue"), PLACE_ALIASES).rows(problems):
        try:
            artist = row.required("artist", longest=200)
            day = row.day("date")
            venue = row.required("venue", longest=250)
            city = row.text("city", longest=200)
            region = row.text("region", longest=200)
            country = row.text("country", longest=100)
            place = row.place()
            show = row.text("show_id", longest=200) or day.isoformat()
            # A show id alone is not one: some sources number by day, and bands play twice a day.
            external_id = f"{artist}|{show}|{venue}"
            ids.define(external_id, line)
        except RowError as error:
            problems.add(path, line, str(error))
            continue
        if since is not None and day < since:
            continue
        venue_key = "|".join((venue, city or "", region or "", country or ""))
        known = venues.get(venue_key)
        if known is None or known[5] is None:
            venues[venue_key] = (venue_key, venue, city, region, country, *place, None, source)
        shows.append((external_id, artist, day, venue_key))
    problems.check()

    shift = timedelta()
    if shift_to is not None and shows:
        shift = timedelta(weeks=math.ceil((shift_to - min(show[2] for show in shows)).days / 7))

    report = LoadReport.of(problems, {path.name: len(shows)})
    with load_transaction(connection) as cursor:
        progress("Writing artists")
        report.written["artists"] = write_missing_artists(cursor, {s[1] for s in shows}, source)
        progress("Writing venues")
        report.written["venues"] = write_venues(cursor, venues.values())
        progress("Writing events")
        cursor.execute("select name, id from pg_temp.show_artists")
        artist_ids = dict(cursor.fetchall())
        cursor.execute(
            "select v.external_id, v.id from public.venues as v where v.source = %s", (source,)
        )
        venue_ids = dict(cursor.fetchall())
        report.written["events"] = write_events(
            cursor,
            (
                (
                    external_id,
                    f"{artist} at {venues[venue_key][1]}",
                    datetime.combine(day + shift, time(20), UTC),
                    venue_ids[venue_key],
                    artist_ids[artist],
                    False,
                    False,
                    None,
                    source,
                )
                for external_id, artist, day, venue_key in shows
            ),
        )
    return report


def write_missing_artists(cursor: Cursor[Any], names: set[str], source: str) -> int:
    """Makes the artists that the catalogue lacks; all are then in pg_temp.show_artists."""
    stage(cursor, "show_artists", "name text, id uuid", ((name, None) for name in sorted(names)))
    # Of several artists with one name: the one that an earlier load chose, then the best described.
    find = """
        update pg_temp.show_artists as s
        set id = found.id
        from (
          select distinct on (lower(a.name)) lower(a.name) as key, a.id
          from public.artists as a
          where lower(a.name) in (select lower(n.name) from pg_temp.show_artists as n)
          order by
            lower(a.name),
            exists (
              select from public.events as e where e.headliner_artist_id = a.id and e.source = %s
            ) desc,
            cardinality(a.genres) desc,
            a.id
        ) as found
        where s.id is null and found.key = lower(s.name)
    """
    cursor.execute(find, (source,))
    cursor.execute("select s.name from pg_temp.show_artists as s where s.id is null")
    missing = [name for (name,) in cursor.fetchall()]
    written = write_artists(cursor, ((name, name, [], None, None, source) for name in missing))
    cursor.execute(find, (source,))
    return written
