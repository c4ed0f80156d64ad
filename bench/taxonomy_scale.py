"""Measures the taxonomy pipeline on a large made-up catalogue: seconds a stage, and peak memory.

Fills a scratch database (one without items) with genres, artists and links, and leaves them there.

    python -m bench.taxonomy_scale --database-url postgresql://...
        [--genres 10000] [--links 1000000] [--json]
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import threading
import time
from pathlib import Path

import psycopg

SUMMARY = "Measures the taxonomy pipeline on a large made-up catalogue."
STAGES = (
    "refresh_genre_cooccurrence",
    "refresh_genre_similarity",
    "assign_genre_parents",
    "rebuild_genre_paths",
    "rebuild_genre_taxonomy",
)

LINKS_PER_ARTIST = 5

# A third of the names are single words; the others end in one of them, as "death metal" ends in
# "metal".
MAKE_GENRES = """
insert into public.genres (name, normalized_key, slug)
select n.name, n.name, replace(n.name, ' ', '-')
from (
  select
    case
      when mod(i, 3) = 0 then 'style' || i
      else 'kind' || i || ' style' || mod(i, 1000) * 3
    end as name
  from generate_series(0, %(genres)s - 1) as i
) as n
on conflict do nothing
"""

MAKE_ARTISTS = """
insert into medley.items (kind, title)
select 'benchmark_artist', 'artist ' || i
from generate_series(1, %(artists)s) as i
"""

# Each artist has an umbrella and a home among the genres; half of its links lie near the home, half
# anywhere, and everywhere low numbers are far more frequent than high ones.
MAKE_LINKS = """
with genre as (
  select g.id, row_number() over (order by g.genre_no) - 1 as place
  from public.genres as g
  where g.name like 'style%%' or g.name like 'kind%%'
),
umbrella as (
  select r.genre_id as id, row_number() over (order by g.genre_no) - 1 as place
  from public.genre_taxonomy_roots as r
  inner join public.genres as g on g.id = r.genre_id
),
artist as (
  select i.id, floor(power(random(), 3) * %(genres)s)::int as home
  from medley.items as i
  where i.kind = 'benchmark_artist'
),
choice as (
  select
    a.id,
    case
      when mod(s.slot, 2) = 0 then floor(power(random(), 3) * %(genres)s)::int
      else mod(a.home + floor(power(random(), 2) * 50)::int, %(genres)s)
    end as place
  from artist as a
  cross join generate_series(2, %(per_artist)s) as s (slot)
)
insert into public.item_genres (item_id, genre_id)
select c.id, g.id
from choice as c
inner join genre as g on g.place = c.place
union
select a.id, u.id
from artist as a
inner join umbrella as u on u.place = mod(a.home, 15)
"""


class PeakMemory(threading.Thread):
    """Watches the private memory of a process of this machine until it is stopped."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self._status = Path(f"/proc/{pid}/status")
        self._done = threading.Event()
        self.kilobytes = 0

    def run(self) -> None:
        """Looks every 20 ms."""
        while not self._done.wait(0.02):
            for line in self._status.read_text().splitlines():
                if line.startswith("RssAnon:"):
                    self.kilobytes = max(self.kilobytes, int(line.split()[1]))

    def stop(self) -> int:
        """Stops watching; returns the most that was seen, in kilobytes."""
        self._done.set()
        self.join()
        return self.kilobytes


def fill(database_url: str, genres: int, links: int) -> int:
    """Makes the catalogue; returns how many links it has."""
    sizes = {"genres": genres, "artists": links // LINKS_PER_ARTIST, "per_artist": LINKS_PER_ARTIST}
    with psycopg.connect(database_url) as connection:
        if connection.execute("select exists (select from medley.items)").fetchone() != (False,):
            raise SystemExit("the database has items; this benchmark needs a scratch one to fill")
        connection.execute("set local statement_timeout = 0")
        connection.execute(
            "insert into medley.item_kinds (kind, in_genre_statistics, description) "
            "values ('benchmark_artist', true, 'An artist of the taxonomy benchmark.')"
        )
        connection.execute(MAKE_GENRES, sizes)
        connection.execute(MAKE_ARTISTS, sizes)
        return connection.execute(MAKE_LINKS, sizes).rowcount


def measure(database_url: str) -> list[dict[str, object]]:
    """Runs each stage in a session of its own, then all of them again over unchanged data."""
    rows: list[dict[str, object]] = []
    for stage in STAGES:
        with psycopg.connect(database_url, autocommit=True) as connection:
            connection.execute("set statement_timeout = 0")
            memory = PeakMemory(connection.info.backend_pid)
            memory.start()
            started = time.perf_counter()
            answer = connection.execute(f"select medley.{stage}()").fetchone()
            seconds = time.perf_counter() - started
            rows.append(
                {
                    "stage": stage if stage != STAGES[-1] else "all again, nothing changed",
                    "rows": answer[0] if answer else 0,
                    "seconds": round(seconds, 2),
                    "peak_mb": memory.stop() // 1024,
                }
            )
    return rows


def main(arguments: list[str] | None = None) -> int:
    """Runs the benchmark and prints the table."""
    parser = argparse.ArgumentParser(prog="bench.taxonomy_scale", description=SUMMARY)
    parser.add_argument("--database-url", default=os.environ.get("DATABASE_URL"))
    parser.add_argument("--genres", type=int, default=10_000)
    parser.add_argument("--links", type=int, default=1_000_000)
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--output", type=Path, help="file for the JSON, beside what is printed")
    options = parser.parse_args(arguments)
    if not options.database_url:
        print("no database: pass --database-url or set DATABASE_URL", file=sys.stderr)
        return 2
    links = fill(options.database_url, options.genres, options.links)
    rows = measure(options.database_url)
    result = json.dumps({"genres": options.genres, "links": links, "stages": rows}, indent=2)
    if options.output:
        options.output.write_text(result + "\n")
    if options.json:
        print(result)
        return 0
    print(f"{options.genres:,} genres, {links:,} links\n")
    print("| stage | rows | seconds | peak memory of the backend, MB |\n|---|---|---|---|")
    for row in rows:
        print(f"| {row['stage']} | {row['rows']:,} | {row['seconds']} | {row['peak_mb']} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
