"""Measures the database's part of an import: each stage as the edge function calls it.

One artist with 2,000 songs, 300 shows to come and 300 setlists of 20 songs, given to the API
functions as the service role does; then the same again, when nothing is new. The time is that of
the call, with the client on the same machine; beside it stands the processor time of the server's
process, which a busy machine does not stretch.

    python -m bench.imports --database-url postgresql://... [--songs 2000] [--shows 300]

Needs a scratch database, and leaves its data there.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

SUMMARY = "Measures the database time of an artist's import, stage by stage."
LIMIT = 5.0  # seconds for all stages together
VENUES = 60
SONGS_A_SET = 20

Rows = list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Stage:
    """What one call took."""

    run: str
    stage: str
    rows: int
    seconds: float
    processor_seconds: float


def songs(count: int) -> Rows:
    """Songs as Spotify has them; every tenth is another recording of the one before."""
    return [
        {
            "spotify_id": f"song{n}",
            "title": f"Title {n - 1} - Live at Hall {n % 7}" if n % 10 == 9 else f"Title {n}",
            "album": f"Album {n // 12}",
            "release_date": str(date(1990, 1, 1) + timedelta(days=n)),
            "duration_ms": 200_000 + n,
            "track_number": n % 12 + 1,
        }
        for n in range(count)
    ]


def venue(number: int) -> dict[str, Any]:
    """One of the halls, without its id at a source."""
    return {
        "name": f"Hall {number}",
        "city": f"City {number % 40}",
        "country": "DE",
        "latitude": 50 + number / 100,
        "longitude": 7 + number / 100,
    }


def shows(count: int) -> Rows:
    """Shows as Ticketmaster has them, one every second day from tomorrow."""
    now = datetime.now(UTC)
    return [
        {
            "ticketmaster_id": f"show{n}",
            "title": f"Night {n}",
            "starts_at": (now + timedelta(days=1 + 2 * n)).isoformat(),
            "genres": ["rock", "indie rock"],
            "min_price": 40,
            "venue": {**venue(n % VENUES), "ticketmaster_id": f"hall{n % VENUES}"},
        }
        for n in range(count)
    ]


def setlists(count: int, known: int) -> Rows:
    """Setlists as setlist.fm has them; one song in fifty is not among the known."""
    return [
        {
            "setlistfm_id": f"set{n}",
            "event_date": str(date(2010, 1, 1) + timedelta(days=3 * n)),
            "venue": {**venue(n % VENUES), "setlistfm_id": f"place{n % VENUES}"},
            "songs": [
                {"title": f"Title {(n * 7 + place * 11) % max(known * 51 // 50, 1)}"}
                for place in range(SONGS_A_SET)
            ],
        }
        for n in range(count)
    ]


def measure(
    connection: psycopg.Connection[Any], number_of_songs: int, number_of_shows: int
) -> list[Stage]:
    """Imports the artist twice."""
    found: list[Stage] = []
    for run in ("first", "again"):
        connection.execute("set role service_role")
        (job_id,) = _row(
            connection, "select job_id from public.start_import(%s)", Jsonb({"spotify_id": "x"})
        )
        (lease,) = _row(connection, "select lease from public.claim_import(%s)", job_id)
        artist = {"name": "The Measured", "genres": ["rock", "shoegaze"], "popularity": 70}
        stages: tuple[tuple[str, str, Any], ...] = (
            ("identify", "identify_import", {"name": "The Measured"}),
            ("artist", "import_artist", artist),
            ("songs", "import_songs", songs(number_of_songs)),
            ("events", "import_events", shows(number_of_shows)),
            ("setlists", "import_setlists", setlists(number_of_shows, number_of_songs)),
        )
        for stage, function, value in stages:
            count = len(value) if isinstance(value, list) else 1
            begun, busy = time.perf_counter(), _processor_seconds(connection)
            connection.execute(
                f"select public.{function}(%s, %s, %s)", (job_id, lease, Jsonb(value))
            )
            seconds = time.perf_counter() - begun
            found.append(Stage(run, stage, count, seconds, _processor_seconds(connection) - busy))
        connection.execute("select public.finish_import(%s, %s)", (job_id, lease))
        connection.execute("reset role")
        connection.execute(
            "update medley.import_jobs set finished_at = now() - interval '1 week' where true"
        )
    return found


def _row(connection: psycopg.Connection[Any], query: str, *arguments: Any) -> tuple[Any, ...]:
    (row,) = connection.execute(query, arguments).fetchall()
    return tuple(row)


def _processor_seconds(connection: psycopg.Connection[Any]) -> float:
    """What the server's process of this connection has used; 0 where it runs elsewhere."""
    if connection.info.host not in ("127.0.0.1", "::1", "localhost"):
        return 0
    try:
        text = Path(f"/proc/{connection.info.backend_pid}/stat").read_text()
    except OSError:
        return 0
    user, system = text.rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def table(stages: list[Stage]) -> str:
    """The stages as a Markdown table."""
    runs = [[s for s in stages if s.run == run] for run in ("first", "again")]
    lines = [
        "| Stage | Rows | First import | Processor | Again, nothing new | Processor |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for first, again in zip(*runs, strict=True):
        cells = (first.seconds, first.processor_seconds, again.seconds, again.processor_seconds)
        times = " | ".join(f"{cell:.2f} s" for cell in cells)
        lines.append(f"| {first.stage} | {first.rows:,} | {times} |")
    sums = [
        f"**{sum(value):.2f} s**"
        for run in runs
        for value in ([s.seconds for s in run], [s.processor_seconds for s in run])
    ]
    lines.append(f"| **all** | | {' | '.join(sums)} |")
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> int:
    """Measures and prints; exit code 1 where the stages take longer than they may."""
    parser = argparse.ArgumentParser(prog="bench.imports", description=SUMMARY)
    parser.add_argument("--database-url", default=os.environ.get("DATABASE_URL"))
    parser.add_argument("--songs", type=int, default=2000)
    parser.add_argument("--shows", type=int, default=300)
    parser.add_argument("--output", type=Path, help="write the figures here as JSON")
    options = parser.parse_args(arguments)
    with psycopg.connect(options.database_url, autocommit=True) as connection:
        stages = measure(connection, options.songs, options.shows)
    print(
        f"Import of {options.songs:,} songs, {options.shows} shows and {options.shows} setlists\n"
    )
    print(table(stages))
    total = sum(stage.seconds for stage in stages if stage.run == "first")
    print(f"\n{total:.2f} s of database time; at most {LIMIT:.0f} s are wanted")
    if options.output:
        options.output.write_text(json.dumps([asdict(stage) for stage in stages], indent=2) + "\n")
    return 0 if total < LIMIT else 1


if __name__ == "__main__":
    sys.exit(main())
