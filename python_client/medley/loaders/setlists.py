"""What a band played, show by show, from the CSV files that fans' archives export."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any

from psycopg import Connection, Cursor

from ._rows import BadData, BadRow, Ids, Problems, RowError, TableFile
from ._write import LoadReport, Progress, load_transaction, no_progress, run, stable_id, stage
from .catalogue import write_events, write_venues
from .concerts import write_missing_artists

# Encores come last, whatever the number of sets.
_SETS = {"e": 100, "e1": 100, "e2": 101, "e3": 102}


def load_setlists(
    connection: Connection[Any],
    folder: Path,
    *,
    artist: str | None = None,
    source: str = "setlists",
    skip_bad: bool = False,
    progress: Progress = no_progress,
) -> LoadReport:
    """Loads the shows of one artist with what was played, as actual setlists.

    The songs of others that the artist plays are linked as covers. A song played twice at a show
    stands at its first place. Performances of songs that the song file does not name are left out.
    Every show begins at 20:00 UTC, later ones of a day an hour later each: the files have no times.

    Args:
        connection: As a role that may write the catalogue (`DATABASE_URL`).
        folder: With PREFIX_showdata.csv (show_id, show_date, venue_id, show_order),
            PREFIX_venuedata.csv (venue_id, venuename, city, state, country), PREFIX_songdata.csv
            (song_id, song, original_artist, and times_played, by which one row of several with an
            id is chosen) and PREFIX_setlistdata.csv (show_id, song_id,
            setnumber, position).
        artist: Name of the artist; PREFIX with a capital by default. One that the catalogue has
            under this name is used, else it is made.
        source: Goes with the ids into the column source of what is made.
        skip_bad: Load the good rows and leave the bad ones out.
        progress: Told each step.

    Raises:
        BadData: Rows cannot be loaded, and `skip_bad` is off; nothing was written.
    """
    progress("Reading")
    problems = Problems(skip_bad=skip_bad)
    prefix = _prefix(folder)
    name = artist or prefix.replace("_", " ").capitalize()
    venues = _read_venues(folder / f"{prefix}_venuedata.csv", problems, source)
    shows = _read_shows(folder / f"{prefix}_showdata.csv", problems, venues)
    songs = _read_songs(folder / f"{prefix}_songdata.csv", problems)
    plays = _read_plays(folder / f"{prefix}_setlistdata.csv", problems, shows, songs)
    problems.check()

    report = LoadReport.of(
        problems,
        {
            "shows": len(shows),
            "songs": len(songs),
            "performances": sum(len(show) for show in plays.values()),
        },
    )
    with load_transaction(connection) as cursor:
        progress("Writing the artist and venues")
        report.written["artists"] = write_missing_artists(cursor, {name}, source)
        cursor.execute("select id from pg_temp.show_artists")
        ((artist_id,),) = cursor.fetchall()
        report.written["venues"] = write_venues(cursor, venues.values())
        progress("Writing shows")
        report.written["events"] = write_events(
            cursor,
            (
                (
                    f"{prefix}|{show_id}",
                    f"{name} at {venues[venue_id][1]}",
                    starts_at,
                    stable_id("venue", source, venues[venue_id][0]),
                    artist_id,
                    False,
                    False,
                    None,
                    source,
                )
                for show_id, (starts_at, venue_id) in shows.items()
            ),
        )
        progress("Writing songs")
        report.written["songs"] = _write_songs(
            cursor,
            artist_id,
            (
                (f"{prefix}|{song_id}", title, original, original == name, source)
                for song_id, (title, original) in songs.items()
            ),
        )
        progress("Writing setlists")
        report.written["setlists"], report.written["setlist_songs"] = _write_setlists(
            cursor,
            artist_id,
            name,
            (
                (
                    f"{prefix}|{show_id}",
                    f"{prefix}|{song_id}",
                    position,
                    source,
                )
                for show_id, show in plays.items()
                for position, song_id in enumerate(show, start=1)
            ),
        )
    return report


def _prefix(folder: Path) -> str:
    """What the files' names begin with; the folder holds the files of one artist."""
    found = sorted(
        file.name.removesuffix("_setlistdata.csv") for file in folder.glob("*_setlistdata.csv")
    )
    if len(found) != 1:
        reason = f"holds {len(found)} files *_setlistdata.csv, not one"
        raise BadData([BadRow(folder.name, 0, reason)], 1, skippable=False)
    return found[0]


def _read_venues(path: Path, problems: Problems, source: str) -> dict[str, Sequence[Any]]:
    venues: dict[str, Sequence[Any]] = {}
    ids = Ids("venue")
    for line, row in TableFile(path, ("venue_id", "venuename"), {"state": "region"}).rows(problems):
        try:
            venue_id = row.required("venue_id", longest=200)
            ids.define(venue_id, line)
            venues[venue_id] = (
                f"{path.name.removesuffix('_venuedata.csv')}|{venue_id}",
                row.required("venuename", longest=250),
                row.text("city", longest=200),
                row.text("region", longest=200),
                row.text("country", longest=100),
                None,
                None,
                None,
                source,
            )
        except RowError as error:
            problems.add(path, line, str(error))
    return venues


def _read_shows(
    path: Path, problems: Problems, venues: dict[str, Sequence[Any]]
) -> dict[str, tuple[datetime, str]]:
    shows: dict[str, tuple[datetime, str]] = {}
    ids = Ids("show")
    days: dict[date, int] = {}
    for line, row in TableFile(path, ("show_id", "show_date", "venue_id"), {}).rows(problems):
        try:
            show_id = row.required("show_id", longest=200)
            ids.define(show_id, line)
            day = row.day("show_date")
            venue_id = row.required("venue_id", longest=200)
            if venue_id not in venues:
                raise RowError(f"there is no venue {venue_id}")
        except RowError as error:
            problems.add(path, line, str(error))
            continue
        nth = days[day] = days.get(day, 0) + 1
        shows[show_id] = (datetime.combine(day, time(min(19 + nth, 23)), UTC), venue_id)
    return shows


def _read_songs(path: Path, problems: Problems) -> dict[str, tuple[str, str]]:
    songs: dict[str, tuple[str, str]] = {}
    most: dict[str, int] = {}
    for line, row in TableFile(path, ("song_id", "song", "original_artist"), {}).rows(problems):
        try:
            song_id = row.required("song_id", longest=200)
            title = row.required("song", longest=500)
            original = row.text("original_artist", longest=255) or "Unknown"
            times = row.optional_integer("times_played") or 0
        except RowError as error:
            problems.add(path, line, str(error))
            continue
        if times > most.get(song_id, -1):
            songs[song_id], most[song_id] = (title, original), times
    return songs


def _read_plays(
    path: Path,
    problems: Problems,
    shows: dict[str, tuple[datetime, str]],
    songs: dict[str, tuple[str, str]],
) -> dict[str, list[str]]:
    """The songs of each show in order, each once."""
    found: dict[str, list[tuple[int, int, str]]] = {}
    columns = ("show_id", "song_id", "setnumber", "position")
    for line, row in TableFile(path, columns, {}).rows(problems):
        try:
            show_id = row.required("show_id", longest=200)
            song_id = row.required("song_id", longest=200)
            if show_id not in shows:
                raise RowError(f"there is no show {show_id}")
            part = row.required("setnumber", longest=10).lower()
            number = _SETS.get(part) or (int(part) if part.isdecimal() else 99)
            position = row.integer("position")
        except RowError as error:
            problems.add(path, line, str(error))
            continue
        if song_id in songs:
            found.setdefault(show_id, []).append((number, position, song_id))
    return {
        show_id: list(dict.fromkeys(song_id for _, _, song_id in sorted(show)))
        for show_id, show in found.items()
    }


def _write_songs(cursor: Cursor[Any], artist_id: object, rows: Iterable[Sequence[Any]]) -> int:
    """Upserts songs and links them: external_id, title, artist, own, source."""
    stage(
        cursor,
        "load_songs",
        "external_id text, title text, artist text, own boolean, source text, "
        "id uuid, artist_id uuid",
        ((*row, stable_id("song", row[4], row[0]), artist_id) for row in rows),
    )
    written = run(
        cursor,
        """
        insert into public.songs as s (id, title, artist, source, external_id)
        select l.id, l.title, l.artist, l.source, l.external_id
        from pg_temp.load_songs as l
        on conflict (source, external_id) do update
        set title = excluded.title, artist = excluded.artist
        where (s.title, s.artist) is distinct from (excluded.title, excluded.artist)
        """,
    )
    run(
        cursor,
        """
        insert into public.artist_songs as s (artist_id, song_id, is_primary_artist)
        select l.artist_id, l.id, l.own
        from pg_temp.load_songs as l
        on conflict (artist_id, song_id) do update
        set is_primary_artist = excluded.is_primary_artist
        where s.is_primary_artist <> excluded.is_primary_artist
        """,
    )
    return written


def _write_setlists(
    cursor: Cursor[Any], artist_id: object, name: str, rows: Iterable[Sequence[Any]]
) -> tuple[int, int]:
    """Makes actual setlists and their songs equal to: show, song, position, source."""
    stage(
        cursor,
        "load_plays",
        "show text, song text, position int, source text, setlist_id uuid, event_id uuid, "
        "song_id uuid",
        (
            (
                *row,
                stable_id("setlist", row[3], row[0]),
                stable_id("event", row[3], row[0]),
                stable_id("song", row[3], row[1]),
            )
            for row in rows
        ),
    )
    cursor.execute(
        """
        insert into public.setlists (id, event_id, artist_id, type, name)
        select distinct
          l.setlist_id, l.event_id, %s::uuid, 'actual', left(%s || ' ' || e.starts_at::date, 255)
        from pg_temp.load_plays as l
        inner join public.events as e on e.id = l.event_id
        on conflict (id) do nothing
        """,
        (artist_id, name),
    )
    setlists = cursor.rowcount
    removed = run(
        cursor,
        """
        delete from public.setlist_songs as g
        using (select distinct l.setlist_id from pg_temp.load_plays as l) as s
        where g.setlist_id = s.setlist_id
          and not exists (
            select from pg_temp.load_plays as l
            where l.setlist_id = g.setlist_id and l.song_id = g.song_id
          )
        """,
    )
    moved = run(
        cursor,
        """
        update public.setlist_songs as g
        set position = l.position
        from pg_temp.load_plays as l
        where g.setlist_id = l.setlist_id and g.song_id = l.song_id and g.position <> l.position
        """,
    )
    added = run(
        cursor,
        """
        insert into public.setlist_songs (setlist_id, song_id, position)
        select l.setlist_id, l.song_id, l.position
        from pg_temp.load_plays as l
        where not exists (
          select from public.setlist_songs as g
          where g.setlist_id = l.setlist_id and g.song_id = l.song_id
        )
        """,
    )
    return setlists, removed + moved + added
